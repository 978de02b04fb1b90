/*
 * The working copy: opened, and brought to the head of main.
 *
 * The marker is the commit that the rows show. Another head than the marker means a run that was killed between the
 * compare-and-swap of main and its commit here; then the difference of the two trees is applied. A marker that is no
 * ancestor of the head, another schema or no marker: everything is made again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/hub/hub_state.h"

/* Of the working copy. Another one, or none, is an older program's: everything is made again. */
#define FORMAT 4
#define INTENDED \
	"central.git/repsync.next" /* there a janitor takes away what a kill leaves of it */

static const char tables[] =
	"CREATE TABLE IF NOT EXISTS _hub(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS _mailbox(device TEXT PRIMARY KEY, tip TEXT NOT NULL, root TEXT NOT NULL,"
	" blocked TEXT) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS _quarantine(path TEXT PRIMARY KEY, device TEXT NOT NULL,"
	" first INTEGER NOT NULL, last INTEGER NOT NULL, reason TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS _published(device TEXT PRIMARY KEY, tip TEXT NOT NULL, basis TEXT NOT NULL,"
	" hub_time TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS _base(device TEXT NOT NULL, epoch INTEGER NOT NULL, view INTEGER NOT NULL,"
	" hub_time TEXT NOT NULL, PRIMARY KEY(device, epoch, view)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS _unique(entity TEXT NOT NULL, field TEXT NOT NULL, key TEXT NOT NULL, "
	"id TEXT NOT NULL, PRIMARY KEY(entity, field, key, id)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS _unique_id ON _unique(entity, field, id);"
	"CREATE TABLE IF NOT EXISTS _match(key INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY(key, id))"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS _matched(entity TEXT NOT NULL, id TEXT NOT NULL, keys TEXT NOT NULL,"
	" PRIMARY KEY(entity, id)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS _rematch(n INTEGER PRIMARY KEY, entity TEXT NOT NULL, id TEXT NOT NULL,"
	" UNIQUE(entity, id)) STRICT;"
	"CREATE TABLE IF NOT EXISTS _blocked(n INTEGER PRIMARY KEY, entity TEXT NOT NULL, id TEXT NOT NULL,"
	" name TEXT NOT NULL, UNIQUE(entity, id, name)) STRICT;"
	"CREATE TABLE IF NOT EXISTS _moved(entity TEXT NOT NULL, id TEXT NOT NULL, eff TEXT NOT NULL,"
	" from_partition TEXT NOT NULL, to_partition TEXT NOT NULL, PRIMARY KEY(entity, id, eff))"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS _named(target TEXT NOT NULL, entity TEXT NOT NULL, id TEXT NOT NULL,"
	" PRIMARY KEY(target, entity, id)) STRICT, WITHOUT ROWID;";

/* ---- _hub ---- */

enum rep_code rep_work_get(struct rep_db *db, const char *key, char **out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(db, &stmt, "SELECT value FROM _hub WHERE key = ?1", err);

	*out = NULL;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, key);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row && !(*out = strdup(rep_column_text(stmt, 0, NULL))))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_work_get_int(struct rep_db *db, const char *key, int64_t *out,
			       struct rep_error *err)
{
	char *text = NULL;
	enum rep_code rc = rep_work_get(db, key, &text, err);

	*out = text ? strtoll(text, NULL, 10) : 0;
	free(text);
	return rc;
}

enum rep_code rep_work_set(struct rep_db *db, const char *key, const char *value,
			   struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		db, &stmt, "INSERT OR REPLACE INTO _hub(key, value) VALUES(?1, ?2)", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, key);
	rep_bind_text(stmt, 2, value);
	return rep_run(stmt, err);
}

enum rep_code rep_work_set_int(struct rep_db *db, const char *key, int64_t value,
			       struct rep_error *err)
{
	char text[32];

	snprintf(text, sizeof text, "%lld", (long long)value);
	return rep_work_set(db, key, text, err);
}

static enum rep_code get_oid(struct rep_db *db, const char *key, struct rep_oid *out,
			     struct rep_error *err)
{
	char *text = NULL;
	enum rep_code rc = rep_work_get(db, key, &text, err);

	*out = rep_oid_zero;
	if (rc == REP_OK && text && !rep_oid_parse(out, text))
		rc = rep_fail(err, REP_EINTEGRITY, "work.db: %s is no object id", key);
	free(text);
	return rc;
}

/* ---- commits since the marker ---- */

static enum rep_code tree_of(struct rep_hub *hub, const struct rep_oid *commit,
			     struct rep_oid *tree, struct rep_oid *parent, struct rep_error *err)
{
	int64_t time_s;

	return rep_git_commit_read(hub->central, commit, tree, parent, &time_s, err);
}

/* Does the chain of `head` lead to `marker`? */
static enum rep_code leads_to(struct rep_hub *hub, const struct rep_oid *head,
			      const struct rep_oid *marker, bool *found, struct rep_error *err)
{
	struct rep_oid at = *head, tree, parent;
	enum rep_code rc = REP_OK;

	while (rc == REP_OK && !rep_oid_is_zero(&at) && !rep_oid_equal(&at, marker)) {
		rc = tree_of(hub, &at, &tree, &parent, err);
		at = parent;
	}
	*found = rc == REP_OK && rep_oid_equal(&at, marker);
	return rc;
}

/* "merge <device> <first>..<last>: ..." and its Run: trailer tell which commit brought which segments. */
static enum rep_code index_commit(struct rep_hub *hub, const struct rep_oid *commit,
				  struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	char device[REP_DEVICE_LEN + 1], hex[REP_OID_HEX + 1];
	long long first, last, run = 0;
	const char *message, *trailer;
	enum rep_code rc = rep_git_read(hub->central, commit, REP_OBJECT_COMMIT, &text, err);

	message = rc == REP_OK ? strstr(rep_buf_str(&text), "\n\n") : NULL;
	if (!message ||
	    sscanf(message + 2, "merge %8[a-z0-9] %lld..%lld:", device, &first, &last) != 3)
		goto out;
	trailer = strstr(message, "\nRun: ");
	if (trailer)
		run = strtoll(trailer + 6, NULL, 10);
	rep_oid_hex(hex, commit);
	rc = rep_changes_commit(hub->db, device, first, last, hex, run, err);
out:
	rep_buf_clear(&text);
	return rc;
}

static enum rep_code index_commits(struct rep_hub *hub, const struct rep_oid *head,
				   const struct rep_oid *marker, struct rep_error *err)
{
	struct rep_oid at = *head, tree, parent;
	enum rep_code rc = REP_OK;

	while (rc == REP_OK && !rep_oid_is_zero(&at) && !rep_oid_equal(&at, marker)) {
		rc = index_commit(hub, &at, err);
		if (rc == REP_OK)
			rc = tree_of(hub, &at, &tree, &parent, err);
		at = parent;
	}
	return rc;
}

/* ---- catching up ---- */

enum rep_code rep_work_create(struct rep_hub *hub, struct rep_error *err)
{
	enum rep_code rc = rep_db_exec(hub->db, tables, err);

	if (rc == REP_OK)
		rc = rep_changes_create(hub->db, err);
	if (rc == REP_OK)
		rc = rep_tables_create(hub->db, hub->schema, err);
	/* A view asks for the records of a partition that refer elsewhere, and for the own ones that lie elsewhere. */
	for (size_t i = 0; rc == REP_OK && i < hub->schema->entities_len; i++) {
		const struct rep_entity *entity = &hub->schema->entities[i];
		const char *table = rep_table_name(entity);

		rc = rep_db_execf(hub->db, err,
				  "CREATE INDEX IF NOT EXISTS \"_part_%s\" ON \"%s\"(_partition)",
				  table, table);
		/* And for those that were merged away. */
		if (rc == REP_OK && entity->builtin == REP_BUILTIN_NONE)
			rc = rep_db_execf(hub->db, err,
					  "CREATE INDEX IF NOT EXISTS \"_gone_%s\" ON"
					  " \"%s\"(_partition) WHERE _deleted IS NOT NULL",
					  table, table);
		if (rc == REP_OK && entity->residue_len)
			rc = rep_db_execf(hub->db, err,
					  "CREATE INDEX IF NOT EXISTS \"_own_%s\" ON"
					  " \"%s\"(_created_rep, _partition)",
					  table, table);
	}
	return rc;
}

/* From `marker` (zero: from nothing) to `head`, in one transaction with the new marker. */
static enum rep_code catch_up(struct rep_hub *hub, const struct rep_oid *marker,
			      const struct rep_oid *head, const struct rep_progress *progress,
			      struct rep_error *err)
{
	struct rep_oid from = rep_oid_zero, to, parent;
	char hex[REP_OID_HEX + 1];
	enum rep_code rc;

	rc = rep_db_begin(hub->db, err);
	if (rc != REP_OK)
		return rc;
	rc = rep_work_create(hub, err);
	if (rc == REP_OK && !rep_oid_is_zero(marker))
		rc = tree_of(hub, marker, &from, &parent, err);
	if (rc == REP_OK)
		rc = tree_of(hub, head, &to, &parent, err);
	if (rc == REP_OK)
		rc = rep_work_apply(hub, &from, &to, progress, err);
	if (rc == REP_OK)
		rc = index_commits(hub, head, marker, err);
	rep_oid_hex(hex, head);
	if (rc == REP_OK)
		rc = rep_work_set(hub->db, "marker", hex, err);
	if (rc == REP_OK)
		rc = rep_work_set(hub->db, "schema", hub->schema->hash, err);
	if (rc == REP_OK)
		rc = rep_work_set_int(hub->db, "format", FORMAT, err);
	if (rc == REP_OK)
		rc = rep_db_commit(hub->db, err);
	else
		rep_db_abort(hub->db);
	return rep_wrap(err, rc, "bring the working copy to the head of main");
}

static enum rep_code open_db(struct rep_hub *hub, struct rep_error *err)
{
	const struct rep_db_options options = {.create = !hub->read_only,
					       .read_only = hub->read_only};
	char *path = rep_hub_path(hub->dir, "work.db");
	enum rep_code rc = REP_OK;

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	if (hub->read_only && !rep_file_exists(path)) {
		rc = rep_fail(err, REP_ENOTFOUND, "there is no working copy");
		rep_hint(err, "`hub rebuild` makes it from central.git");
	}
	if (rc == REP_OK)
		rc = rep_db_open(&hub->db, path, &options, err);
	if (rc == REP_OK && !hub->read_only)
		rc = rep_db_exec(hub->db, tables, err);
	free(path);
	return rc;
}

enum rep_code rep_work_remove(const char *dir, struct rep_error *err)
{
	static const char *const names[] = {"work.db", "work.db-wal", "work.db-shm"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *path = rep_hub_path(dir, "%s", names[i]);

		if (!path)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		if (rep_file_exists(path) && remove(path) != 0) {
			enum rep_code rc =
				rep_fail(err, REP_EIO, "remove %s: %s", path, strerror(errno));

			free(path);
			return rc;
		}
		free(path);
	}
	return REP_OK;
}

static enum rep_code load_schema(struct rep_hub *hub, const struct rep_oid *commit,
				 struct rep_error *err)
{
	struct rep_oid tree, parent;
	enum rep_code rc = tree_of(hub, commit, &tree, &parent, err);

	return rc == REP_OK ? rep_hub_load_schema(hub, &tree, err) : rc;
}

/* Who only reads cannot make it again. */
static enum rep_code check_format(struct rep_hub *hub, struct rep_error *err)
{
	int64_t format = 0;
	enum rep_code rc = rep_work_get_int(hub->db, "format", &format, err);

	if (rc == REP_OK && format != FORMAT) {
		rc = rep_fail(err, REP_EINVAL, "it was made by another version of repsync");
		rep_hint(err, "the next `hub merge` makes it again");
	}
	return rc;
}

/*
 * A run that erases alters journal files that are indexed already. Killed behind its swap, the difference of the trees is no longer one of
 * what came to be.
 */
static bool is_erasing(const struct rep_hub *hub)
{
	char *path = rep_hub_path(hub->dir, REP_ERASING "/" REP_ERASING_CENTRAL);
	const bool erasing = path && rep_file_exists(path);

	free(path);
	return erasing;
}

/* Can the rows be brought from the marker to the head? A marker that is not in central's history is a restored central. */
static enum rep_code can_follow(struct rep_hub *hub, const struct rep_oid *marker,
				const struct rep_oid *head, bool *can, struct rep_error *err)
{
	int64_t format = 0;
	char *schema = NULL;
	enum rep_code rc;

	*can = false;
	if (is_erasing(hub))
		return REP_OK;
	if (rep_oid_is_zero(marker) || !rep_git_has(hub->central, marker))
		return REP_OK;
	rc = rep_work_get_int(hub->db, "format", &format, err);
	if (rc != REP_OK || format != FORMAT)
		return rc;
	rc = rep_work_get(hub->db, "schema", &schema, err);
	if (rc == REP_OK && schema && strcmp(schema, hub->schema->hash) == 0)
		rc = leads_to(hub, head, marker, can, err);
	free(schema);
	return rc;
}

/* ---- a run that is about to swap main ---- */

enum rep_code rep_work_intend(struct rep_hub *hub, const struct rep_oid *head,
			      struct rep_error *err)
{
	char text[REP_OID_HEX + 2];
	char *path = rep_hub_path(hub->dir, INTENDED);
	enum rep_code rc;

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rep_oid_hex(text, head);
	text[REP_OID_HEX] = '\n';
	rc = rep_file_write(path, text, REP_OID_HEX + 1, 0600, err);
	free(path);
	return rc;
}

/* Is main, as it is, what a run was to make of it? (A merge beside this may have set out for the next one already.) */
static enum rep_code was_intended(struct rep_hub *hub, const struct rep_oid *head, bool *was,
				  struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(256);
	char *path = rep_hub_path(hub->dir, INTENDED);
	struct rep_oid oid;
	enum rep_code rc = REP_OK;

	*was = false;
	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	if (rep_file_exists(path))
		rc = rep_file_read(&text, path, err);
	if (rc == REP_OK && text.len == REP_OID_HEX + 1) {
		text.data[REP_OID_HEX] = '\0';
		if (rep_oid_parse(&oid, text.data) && rep_git_has(hub->central, &oid))
			rc = leads_to(hub, &oid, head, was, err);
	}
	rep_buf_clear(&text);
	free(path);
	return rc;
}

enum rep_code rep_work_shows(struct rep_hub *hub, const struct rep_oid *head, struct rep_oid *out,
			     struct rep_error *err)
{
	struct rep_oid marker;
	bool was = false, leads = false;
	enum rep_code rc = get_oid(hub->db, "marker", &marker, err);

	*out = *head;
	if (rc != REP_OK || rep_oid_equal(&marker, head) || rep_oid_is_zero(&marker))
		return rc;
	rc = was_intended(hub, head, &was, err);
	if (rc == REP_OK && was)
		rc = leads_to(hub, head, &marker, &leads, err);
	if (rc == REP_OK && leads)
		*out = marker;
	return rc;
}

static enum rep_code follow(struct rep_hub *hub, const struct rep_oid *head,
			    const struct rep_progress *progress, struct rep_error *err)
{
	struct rep_oid marker;
	bool can = false;
	enum rep_code rc = get_oid(hub->db, "marker", &marker, err);

	if (rc == REP_OK)
		rc = can_follow(hub, &marker, head, &can, err);
	if (rc != REP_OK || (can && rep_oid_equal(&marker, head)))
		return rc;
	if (!can && !rep_oid_is_zero(&marker)) {
		rep_db_close(hub->db);
		hub->db = NULL;
		rc = rep_work_remove(hub->dir, err);
		if (rc == REP_OK)
			rc = open_db(hub, err);
	}
	if (!can)
		marker = rep_oid_zero;
	return rc == REP_OK ? catch_up(hub, &marker, head, progress, err) : rc;
}

enum rep_code rep_work_open(struct rep_hub *hub, const struct rep_progress *progress,
			    struct rep_error *err)
{
	struct rep_oid head;
	enum rep_code rc = open_db(hub, err);

	if (rc == REP_OK && hub->read_only)
		rc = get_oid(hub->db, "marker", &head, err);
	else if (rc == REP_OK)
		rc = rep_git_ref(hub->central, REP_MAIN, &head, err);
	if (rc == REP_OK && rep_oid_is_zero(&head)) {
		rc = rep_fail(err, REP_ENOTFOUND, "it was not made to its end");
		rep_hint(err, "`hub rebuild` makes it from central.git");
	}
	if (rc == REP_OK)
		rc = load_schema(hub, &head, err);
	if (rc == REP_OK)
		rc = hub->read_only ? check_format(hub, err) : follow(hub, &head, progress, err);
	if (rc == REP_OK)
		rc = rep_hub_load_versions(hub, err);
	if (rc == REP_OK)
		rc = rep_hub_reload_org(hub, err);
	return rep_wrap(err, rc, "working copy");
}

void rep_work_close(struct rep_hub *hub)
{
	rep_db_close(hub->db);
	rep_org_free(hub->org);
	rep_hub_drop_schema(hub);
	hub->db = NULL;
	hub->org = NULL;
}
