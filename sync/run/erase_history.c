/*
 * Central's history after an erasure. The head is clean; earlier trees are not. Every commit is made again with the tree that it may have:
 *
 *	1 a journal file			the one that the head has: files of journals never alter but by an erasure
 *	2 a file of a record that was erased, or of which an erasure took lines, and of an item about one of these
 *						only the very version that the head has; an earlier one is left out
 *	3 a quarantined segment that names an erased record, and its note
 *						left out
 *	4 anything else				as it was
 *
 * So the head's own tree stays what it is, messages, authors and times of commits too. Then git packs what main and the other refs need,
 * and lets go of everything else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/base/limits.h"
#include "core/store/erased.h"
#include "sync/git/pack.h"
#include "sync/git/stock_git.h"
#include "sync/run/erasing.h"
#include "sync/run/run.h"

#define SAID_SIZE_MAX 4096u

struct history {
	struct rep_hub *hub;
	struct rep_pack *pack;
	struct rep_tree *tree;
	struct rep_oid root;      /* of the head */
	struct rep_json *records; /* "<entity>/<id>" of case 2 */
	struct rep_json *gone;    /* ids of erased records */
	struct rep_buf bytes;
};

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

/* ---- what is concerned ---- */

static enum rep_code load(struct history *history, const char *sql, bool gone,
			  struct rep_error *err)
{
	char key[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc = rep_db_prepare(history->hub->db, &stmt, sql, err);

	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		const char *id = rep_column_text(stmt, 1, NULL);

		snprintf(key, sizeof key, "%s/%s", rep_column_text(stmt, 0, NULL), id);
		if (!rep_json_set(history->records, key, rep_json_bool(true)) ||
		    (gone && !rep_json_set(history->gone, id, rep_json_bool(true))))
			rc = no_memory(err);
	}
	rep_stmt_free(stmt);
	return rc;
}

static bool is_concerned(const struct history *history, const char *entity, const char *id)
{
	char key[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];

	snprintf(key, sizeof key, "%.40s/%.64s", entity, id);
	return rep_json_get(history->records, key) != NULL;
}

/* ---- the cases ---- */

static enum rep_code in_head(struct history *history, const char *path, struct rep_oid *out,
			     struct rep_error *err)
{
	bool is_tree = false;

	*out = rep_oid_zero;
	return rep_tree_find(history->hub->central, &history->root, path, out, &is_tree, err);
}

static enum rep_code read_blob(struct history *history, const struct rep_oid *oid,
			       struct rep_error *err)
{
	rep_buf_reset(&history->bytes);
	return rep_git_read(history->hub->central, oid, REP_OBJECT_BLOB, &history->bytes, err);
}

/* An item's main file says whose it is, and comes before its twin in every tree. */
static enum rep_code note_item(struct history *history, const struct rep_record_place *place,
			       const struct rep_oid *oid, struct rep_error *err)
{
	struct rep_json *file = NULL;
	const struct rep_json *fields;
	const char *entity, *record;
	char key[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];
	enum rep_code rc = read_blob(history, oid, err);

	if (rc == REP_OK)
		rc = rep_json_parse(&file, rep_buf_str(&history->bytes), history->bytes.len,
				    REP_SEGMENT_HARD_MAX, REP_SCHEMA_DEPTH_MAX, err);
	fields = rep_json_get(file, "fields");
	entity = rep_json_get_string(fields, "entity");
	record = rep_json_get_string(fields, "record");
	snprintf(key, sizeof key, "%s/%s", place->entity, place->id);
	if (rc == REP_OK && entity && record && is_concerned(history, entity, record) &&
	    !rep_json_set(history->records, key, rep_json_bool(true)))
		rc = no_memory(err);
	rep_json_free(file);
	return rc;
}

/* Case 2. */
static enum rep_code record_file(struct history *history, const char *path, struct rep_oid *oid,
				 struct rep_error *err)
{
	const struct rep_schema *schema = history->hub->schema;
	const struct rep_entity *entity;
	struct rep_record_place place;
	struct rep_oid newest;
	enum rep_code rc = REP_OK;

	if (!rep_record_path_parse(&place, schema, path))
		return REP_OK;
	entity = rep_schema_entity(schema, place.entity);
	if (entity && entity->builtin == REP_BUILTIN_REVIEW &&
	    strcmp(place.visibility, "open") == 0 && !is_concerned(history, place.entity, place.id))
		rc = note_item(history, &place, oid, err);
	if (rc != REP_OK || !is_concerned(history, place.entity, place.id))
		return rc;
	rc = in_head(history, path, &newest, err);
	if (rc == REP_OK && !rep_oid_equal(&newest, oid))
		*oid = rep_oid_zero;
	return rc;
}

/* Case 3. */
static enum rep_code quarantined(struct history *history, const char *path, struct rep_oid *oid,
				 struct rep_error *err)
{
	const size_t len = strlen(path);
	enum rep_code rc = REP_OK;

	if (len < 6 || strcmp(path + len - 6, ".jsonl") != 0)
		return REP_OK;
	rc = read_blob(history, oid, err);
	for (void *it = rep_json_iter(history->gone); rc == REP_OK && it;
	     it = rep_json_iter_next(history->gone, it))
		if (rep_erase_names(&history->bytes, rep_json_iter_key(it)))
			*oid = rep_oid_zero;
	return rc;
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static enum rep_code on_path(void *user, const char *path, const struct rep_oid *old_oid,
			     const struct rep_oid *new_oid, struct rep_error *err)
{
	struct history *history = user;
	struct rep_oid oid = *new_oid, newest;
	enum rep_code rc = REP_OK;

	(void)old_oid;
	if (rep_oid_is_zero(&oid))
		return rep_tree_remove(history->tree, path, err);
	if (starts_with(path, "journal/") && !strstr(path, "/head.json")) { /* 1 */
		rc = in_head(history, path, &newest, err);
		if (rc == REP_OK && !rep_oid_is_zero(&newest))
			oid = newest;
	} else if (starts_with(path, "data/") || starts_with(path, "restricted/")) {
		rc = record_file(history, path, &oid, err);
	} else if (starts_with(path, "quarantine/")) {
		rc = quarantined(history, path, &oid, err);
	}
	if (rc != REP_OK)
		return rc;
	return rep_oid_is_zero(&oid) ? rep_tree_remove(history->tree, path, err)
				     : rep_tree_put(history->tree, path, &oid, false, err);
}

/* ---- the whole ---- */

static enum rep_code rewrite(struct history *history, struct rep_error *err)
{
	struct rep_git *git = history->hub->central;
	const struct rep_erase_chain chain = {.git = git,
					      .pack = history->pack,
					      .tree = history->tree,
					      .each = on_path,
					      .user = history};
	struct rep_oid head, tip, parent;
	int64_t time_s;
	enum rep_code rc = rep_git_ref(git, REP_MAIN, &head, err);

	if (rc == REP_OK)
		rc = rep_git_commit_read(git, &head, &history->root, &parent, &time_s, err);
	tip = head;
	if (rc == REP_OK)
		rc = rep_erase_chain(&chain, &tip, err);
	if (rc != REP_OK || rep_oid_equal(&tip, &head))
		return rc;
	rc = rep_pack_commit(history->pack, NULL, err);
	return rc == REP_OK ? rep_git_cas(git, REP_MAIN, &head, &tip, err) : rc;
}

/* Whatever no ref needs goes with the packs that are written anew. */
static enum rep_code repack(struct rep_hub *hub, struct rep_error *err)
{
	static const char *const args[] = {"repack", "-a", "-d", "-q", "--no-write-bitmap-index",
					   NULL};
	struct rep_buf said = REP_BUF_INIT(SAID_SIZE_MAX);
	int status = 0;
	enum rep_code rc = rep_stock_git(rep_git_path(hub->central), args, -1, &said, &status, err);

	if (rc == REP_OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		rc = rep_fail(err, REP_EIO, "git repack: %.150s", rep_buf_str(&said));
	rep_buf_clear(&said);
	return rc == REP_OK ? rep_git_reopen(hub->central, err) : rc;
}

enum rep_code rep_erase_history(struct rep_hub *hub, struct rep_error *err)
{
	struct history history = {.hub = hub,
				  .records = rep_json_object(),
				  .gone = rep_json_object(),
				  .bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX)};
	enum rep_code rc = history.records && history.gone ? REP_OK : no_memory(err);

	if (rc == REP_OK)
		rc = load(&history, "SELECT entity, id FROM _erased", true, err);
	if (rc == REP_OK)
		rc = load(&history,
			  "SELECT DISTINCT c.entity, c.id FROM _erased_line l JOIN _change c ON"
			  " c.device = l.device AND c.seq = l.seq AND c.idx = l.idx",
			  false, err);
	if (rc == REP_OK)
		rc = rep_pack_new(&history.pack, hub->central, err);
	if (rc == REP_OK)
		rc = rep_tree_edit(&history.tree, history.pack, &rep_oid_zero, err);
	if (rc == REP_OK)
		rc = rewrite(&history, err);
	rep_tree_free(history.tree);
	rep_pack_free(history.pack);
	if (rc == REP_OK)
		rc = repack(hub, err);
	rep_json_free(history.records);
	rep_json_free(history.gone);
	rep_buf_clear(&history.bytes);
	return rep_wrap(err, rc, "erase in central's history");
}
