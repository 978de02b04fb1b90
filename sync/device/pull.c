/*
 * Pull: a verified view becomes the rows, in one transaction.
 *
 *	1. seal what became pending, and what nobody recorded (found.c), so that nothing is hidden by what follows
 *	2. install the schema where it is new
 *	3. write the rows that differ between the old view and the new one, without regard to own changes; apply outcomes
 *	4. fold onto the view's records the own changes that were unacknowledged before this pull and still are; those that
 *	   are acknowledged now leave the view's answer standing, also where the view's file did not change (a refusal)
 *	5. let the clock see what was received; remember view, tips and clone
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/capture.h"
#include "core/store/journal.h"
#include "core/store/rebase.h"
#include "core/store/search.h"
#include "core/store/tables.h"
#include "sync/device/pull_rows.h"
#include "sync/device/recovered.h"
#include "sync/mailbox/root.h"

/* What of self.json is kept in _meta, under the same names. */
static const char *const kept[] = {
	REP_META_EPOCH,      REP_META_VIEW,        REP_META_STATE,    REP_META_ROLE,
	REP_META_MERGED_SEQ, REP_META_MERGED_HASH, REP_META_SAFE_SEQ, REP_META_HUB_TIME,
	REP_META_LEASE,      REP_META_STATEMENT,   REP_META_TREES,    REP_META_LEASE_ERASE,
	REP_META_LEASE_KEY,
};

/* Texts as they are, other kinds as their canonical form; *out NULL for null. */
static enum rep_code kept_text(char **out, const struct rep_view *view, const char *key,
			       struct rep_error *err)
{
	const struct rep_json *value = rep_json_get(view->self, key);
	const char *text = rep_json_string_value(value);

	*out = NULL;
	if (!value || rep_json_is(value, REP_JSON_NULL))
		return REP_OK;
	*out = text ? strdup(text) : rep_json_text(value);
	return *out ? REP_OK : rep_fail(err, REP_ENOMEM, "the view's %s", key);
}

static enum rep_code keep_view(struct rep_replica *replica, const struct rep_view *view,
			       struct rep_error *err)
{
	struct rep_db *db = replica->db;
	struct rep_journal_head head;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < sizeof kept / sizeof *kept; i++) {
		char *text;

		rc = kept_text(&text, view, kept[i], err);
		if (rc == REP_OK)
			rc = rep_meta_set(db, kept[i], text, err);
		free(text);
	}
	if (rc == REP_OK)
		rc = rep_journal_head(db, &head, err);
	if (rc == REP_OK)
		rc = rep_meta_set_int(db, REP_META_PULLED_SEQ, head.seq, err);
	if (rc == REP_OK)
		rc = rep_device_set_tip(db, REP_META_APPLIED_TIP, &view->commit, err);
	return rc;
}

enum rep_code rep_pull_check_kept(struct rep_db *db, const struct rep_view *view,
				  struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < sizeof kept / sizeof *kept; i++) {
		char *want, *have = NULL;

		rc = kept_text(&want, view, kept[i], err);
		if (rc == REP_OK)
			rc = rep_meta_get(db, kept[i], &have, err);
		if (rc == REP_OK && strcmp(want ? want : "", have ? have : "") != 0)
			rc = rep_fail(err, REP_EINTEGRITY, "%s is not what the view says", kept[i]);
		free(want);
		free(have);
	}
	return rc;
}

struct keep {
	struct rep_replica *replica;
	struct rep_git *git;
};

/* "<version>/<path>"; those of the version in force are its schema's own. */
static enum rep_code keep_file(void *user, const char *path, const struct rep_oid *old_oid,
			       const struct rep_oid *new_oid, struct rep_error *err)
{
	const struct keep *keep = user;
	struct rep_buf bytes = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	char *rest;
	long number = strtol(path, &rest, 10);
	enum rep_code rc;

	(void)old_oid;
	if (*rest != '/' || number < 1 || number > INT_MAX ||
	    number == keep->replica->schema->version || rep_oid_is_zero(new_oid))
		return REP_OK;
	rc = rep_git_read(keep->git, new_oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_replica_keep_file(keep->replica, (int)number, rest + 1,
					   rep_buf_str(&bytes), bytes.len, err);
	rep_buf_clear(&bytes);
	return rc;
}

/* Own changes of an earlier version go on being read by it. */
static enum rep_code keep_versions(struct rep_pull *pull, struct rep_error *err)
{
	struct keep keep = {pull->device->replica, pull->git};
	struct rep_oid schemas;
	bool is_tree;
	enum rep_code rc =
		rep_tree_find(pull->git, &pull->view->root, "schemas", &schemas, &is_tree, err);

	if (rc == REP_OK && !rep_oid_is_zero(&schemas))
		rc = rep_tree_diff(pull->git, &rep_oid_zero, &schemas, keep_file, &keep, err);
	return rc;
}

/* Review items are the engine's alone, also to be taken away. */
static enum rep_code drop_rows(struct rep_replica *replica, struct rep_error *err)
{
	enum rep_code rc = rep_capture_silence(replica->db, true, err);

	if (rc == REP_OK)
		rc = rep_tables_drop(replica->db, replica->schema, err);
	return rc == REP_OK ? rep_capture_silence(replica->db, false, err) : rc;
}

/* *changed tells whether the rows have to be written anew from the whole view. */
static enum rep_code take_schema(struct rep_pull *pull, bool *changed, struct rep_error *err)
{
	struct rep_replica *replica = pull->device->replica;
	struct rep_schema *schema = NULL;
	struct rep_oid before, after;
	bool is_tree;
	enum rep_code rc;

	*changed = false;
	rc = rep_tree_find(pull->git, &pull->old_root, "schema", &before, &is_tree, err);
	if (rc == REP_OK)
		rc = rep_tree_find(pull->git, &pull->view->root, "schema", &after, &is_tree, err);
	if (rc != REP_OK || (replica->schema && rep_oid_equal(&before, &after)))
		return rc;
	*changed = true;
	rc = rep_view_schema(&schema, pull->git, &pull->view->root, "schema", err);
	if (rc != REP_OK)
		return rep_wrap(err, rc, "read the schema");
	/* Rows of another shape are made from the view: all that they said that was not sent yet is in the journal. */
	if (replica->schema)
		rc = drop_rows(replica, err);
	if (rc != REP_OK) {
		rep_schema_free(schema);
		return rep_wrap(err, rc, "install the schema");
	}
	rc = rep_replica_install_schema(replica, schema, err);
	if (rc == REP_OK)
		rc = keep_versions(pull, err);
	return rep_wrap(err, rc, "install the schema");
}

static enum rep_code write_rows(struct rep_pull *pull, bool schema_changed, struct rep_error *err)
{
	enum rep_code rc;

	rc = rep_pull_walk(pull, &pull->old_root, err);
	if (rc != REP_OK || !schema_changed || rep_oid_is_zero(&pull->old_root))
		return rc;
	/* Fields that were unknown until now lie in _extra: every row is written again. */
	pull->only_put = true;
	rc = rep_pull_walk(pull, &rep_oid_zero, err);
	pull->only_put = false;
	return rc;
}

static enum rep_code observe(struct rep_pull *pull, struct rep_error *err)
{
	struct rep_db *db = pull->device->replica->db;
	const char *hub_time = rep_json_get_string(pull->view->self, "hub_time");
	enum rep_code rc = REP_OK;

	if (hub_time)
		rc = rep_capture_observe(db, hub_time, err);
	if (rc == REP_OK && *pull->newest)
		rc = rep_capture_observe(db, pull->newest, err);
	return rc;
}

struct count {
	int64_t upto, changes;
};

static enum rep_code count_changes(void *user, const struct rep_changeset *set,
				   struct rep_error *err)
{
	struct count *count = user;

	(void)err;
	if (set->seq <= count->upto)
		count->changes += (int64_t)set->changes_len;
	return REP_OK;
}

static enum rep_code count_acknowledged(struct rep_pull *pull, struct rep_error *err)
{
	struct count count = {.upto = pull->merged_now};
	enum rep_code rc = REP_OK;

	if (pull->merged_now > pull->merged_before)
		rc = rep_journal_each(pull->device->replica, pull->merged_before + 1, count_changes,
				      &count, err);
	pull->device->counts.acknowledged += count.changes;
	return rc;
}

static enum rep_code seal_pending(struct rep_pull *pull, struct rep_error *err)
{
	struct rep_replica *replica = pull->device->replica;
	int64_t sealed = 0;
	enum rep_code rc;

	if (!replica->schema)
		return REP_OK;
	rc = rep_pull_found(pull, err);
	if (rc != REP_OK)
		return rc;
	rc = rep_seal(replica, pull->device->options->now_ms, NULL, &sealed, err);
	pull->device->counts.sealed += sealed;
	return rc;
}

/* What a restored hub has not is unacknowledged again, whatever was said before. */
static int64_t unanswered(const struct rep_pull *pull)
{
	return pull->merged_now < pull->merged_before ? pull->merged_now : pull->merged_before;
}

/*
 * Steps 1 to 4. The triggers are quiet from the first row to the last: no statement has them compiled into it, and whoever else writes
 * in this transaction finds the flag.
 */
static enum rep_code apply_rows(struct rep_pull *pull, struct rep_error *err)
{
	struct rep_replica *replica = pull->device->replica;
	struct rep_json *touched = NULL;
	bool schema_changed;
	enum rep_code rc;

	rc = seal_pending(pull, err);
	if (rc == REP_OK)
		rc = take_schema(pull, &schema_changed, err);
	if (rc == REP_OK)
		rc = rep_capture_silence(replica->db, true, err);
	rep_db_triggers(replica->db, false);
	if (rc == REP_OK)
		rc = write_rows(pull, schema_changed, err);
	if (rc == REP_OK)
		rc = rep_touched_since(replica, unanswered(pull), &touched, err);
	if (rc == REP_OK)
		rc = rep_pull_rebase(replica, pull->after, touched, pull->merged_now, err);
	if (rc == REP_OK)
		rc = count_acknowledged(pull, err);
	rep_db_triggers(replica->db, true);
	if (rc == REP_OK)
		rc = rep_capture_silence(replica->db, false, err);
	rep_json_free(touched);
	return rc;
}

/* Enrolled before invitations named it: who signs the views we believe says which it is, once. */
static enum rep_code pin_root(struct rep_pull *pull, struct rep_error *err)
{
	struct rep_device *device = pull->device;
	struct rep_hub_names names;
	char text[2 * REP_PUBLIC_SIZE + 1];
	bool found;
	enum rep_code rc;

	if (device->has_root)
		return REP_OK;
	rc = rep_hub_names_read(&names, &found, pull->git, &pull->view->root, err);
	if (rc != REP_OK || !found)
		return rc;
	rep_hex(text, names.root, sizeof names.root);
	return rep_meta_set(device->replica->db, REP_META_ROOT, text, err);
}

/* With the view that brought it: the pinned key is always the one that signed the view which the rows show. */
static enum rep_code pin_hub(const struct rep_pull *pull, struct rep_error *err)
{
	const struct rep_device *device = pull->device;
	char text[2 * REP_PUBLIC_SIZE + 1];

	if (memcmp(device->hub_public, pull->pin.hub, sizeof device->hub_public) == 0)
		return REP_OK;
	rep_hex(text, pull->pin.hub, sizeof pull->pin.hub);
	return rep_meta_set(device->replica->db, REP_META_HUB_KEY, text, err);
}

static enum rep_code apply_in_transaction(struct rep_pull *pull, bool lost, struct rep_error *err)
{
	struct rep_device *device = pull->device;
	enum rep_code rc;

	rc = apply_rows(pull, err);
	if (rc == REP_OK)
		rc = observe(pull, err);
	if (rc == REP_OK)
		rc = rep_pull_erase(pull, err);
	/* What was found by a text that is gone is not found by it any more, in no page. */
	if (rc == REP_OK && lost)
		rc = rep_search_catch_up(device->replica, err);
	if (rc == REP_OK)
		rc = keep_view(device->replica, pull->view, err);
	if (rc == REP_OK)
		rc = pin_root(pull, err);
	if (rc == REP_OK && pull->recovered)
		rc = rep_recovered_keep(device, pull->view, &pull->old_root, pull->merged_now, err);
	if (rc == REP_OK)
		rc = pin_hub(pull, err);
	if (rc == REP_OK)
		rc = rep_clone_store(device->clone, err);
	if (rc == REP_OK && lost)
		rc = rep_clone_shrink(device->clone, err);
	return rc;
}

static enum rep_code apply_once(struct rep_pull *pull, bool lost, struct rep_error *err)
{
	struct rep_replica *replica = pull->device->replica;
	struct rep_error again;
	enum rep_code rc = rep_db_begin(replica->db, err);

	if (rc != REP_OK)
		return rc;
	rc = apply_in_transaction(pull, lost, err);
	if (rc == REP_OK)
		rc = rep_db_commit(replica->db, err);
	if (rc != REP_OK) {
		rep_db_abort(replica->db);
		/* The rows are the old ones again; so must be what was read from them. */
		if (rep_replica_reload(replica, &again) != REP_OK)
			*err = again;
		return rc;
	}
	/* Data of a partition that was lost, or was erased, must not linger in free pages or in the WAL. */
	return lost ? rep_db_compact(replica->db, true, err) : REP_OK;
}

/* The root of the view that the rows show. */
static enum rep_code old_root(struct rep_pull *pull, struct rep_error *err)
{
	struct rep_oid tip, parent;
	int64_t time_s;
	enum rep_code rc;

	pull->old_root = rep_oid_zero;
	rc = rep_device_tip(pull->device->replica->db, REP_META_APPLIED_TIP, &tip, err);
	if (rc == REP_OK && !rep_oid_is_zero(&tip))
		rc = rep_git_commit_read(pull->git, &tip, &pull->old_root, &parent, &time_s, err);
	return rc;
}

enum rep_code rep_pull_apply(struct rep_device *device, const struct rep_oid *commit,
			     struct rep_error *err)
{
	struct rep_pull pull = {.device = device, .git = rep_clone_git(device->clone)};
	struct rep_view view = {0};
	bool lost = false, recovered = false;
	enum rep_code rc;

	rc = rep_device_follow(&pull.pin, device, commit, err);
	if (rc == REP_OK)
		rc = rep_view_read(&view, pull.git, commit, device->replica->device, pull.pin.hub,
				   err);
	if (rc == REP_OK)
		rc = rep_view_follows(&view, device, &pull.pin, &recovered, err);
	if (rc == REP_OK)
		rc = old_root(&pull, err);
	if (rc == REP_OK)
		rc = rep_meta_get_int(device->replica->db, REP_META_MERGED_SEQ, &pull.merged_before,
				      err);
	if (rc == REP_OK)
		rc = rep_pull_lost(pull.git, &pull.old_root, &view.root, &lost, err);
	pull.view = &view;
	if (rc == REP_OK && !lost)
		rc = rep_pull_anew(&pull, &lost, err);
	if (rc == REP_OK)
		rc = rep_lookup_new(&pull.before, pull.git, &pull.old_root, err);
	if (rc == REP_OK)
		rc = rep_lookup_new(&pull.after, pull.git, &view.root, err);
	if (rc != REP_OK)
		goto out;
	pull.merged_now = rep_json_get_integer(view.self, "merged_seq");
	pull.recovered = recovered;
	rc = apply_once(&pull, lost, err);
	if (rc == REP_OK && recovered)
		device->counts.recovered = rep_json_get_integer(view.self, "epoch");
	if (rc == REP_OK && memcmp(device->hub_public, pull.pin.hub, REP_PUBLIC_SIZE) != 0) {
		device->counts.hub_keys++;
		memcpy(device->hub_public, pull.pin.hub, REP_PUBLIC_SIZE);
	}
out:
	rep_lookup_free(pull.before);
	rep_lookup_free(pull.after);
	rep_view_clear(&view);
	return rc;
}
