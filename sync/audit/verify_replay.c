/*
 * Replay: all journals with their recorded outcomes, folded from nothing, must give the trees data/ and restricted/ that
 * central has.
 *
 * What admission decided is taken as recorded; the fold, which is a function of the admitted changes alone, is done again,
 * in a working copy of its own in memory, and its files are built into trees that are never written anywhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/audit/verify_hub.h"
#include "sync/audit/verify_rows.h"
#include "sync/run/run.h"

/* References lead from record to record without a cycle; each pass settles one more link of a chain. */
#define PASSES_MAX 16

struct replay {
	struct rep_verifying *verifying;
	struct rep_hub hub; /* in memory; borrows central, schema and keys of the real one */
	struct rep_run run;
	struct rep_hub_merge options;
	struct rep_json *deferred; /* "entity/id" -> why it could not be folded in this pass */
	size_t moved;              /* records that came to lie elsewhere in this pass */
	int64_t records;           /* folded in this pass */
};

/* ---- the index, from the journals ---- */

struct journal_file {
	char device[REP_DEVICE_LEN + 1];
	int64_t first;
	char *path;
	struct rep_oid oid;
};
struct journal_files {
	struct journal_file *files;
	size_t len, cap;
};

static enum rep_code add_file(void *user, const char *path, const struct rep_oid *old_oid,
			      const struct rep_oid *new_oid, struct rep_error *err)
{
	struct journal_files *list = user;
	struct journal_file file = {.oid = *new_oid};
	long long first, last;
	int end = 0;

	(void)old_oid;
	/* journal/ is walked from its own tree: <dd>/<device>/<yyyy-mm>/<first>-<last>.jsonl */
	if (sscanf(path, "%*2[0-9a-f]/%8[0-9a-z]/%*7[0-9-]/%lld-%lld.jsonl%n", file.device, &first,
		   &last, &end) != 3 ||
	    end == 0 || path[end] != '\0')
		return REP_OK;
	file.first = first;
	if (list->len == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 256;
		struct journal_file *files = realloc(list->files, cap * sizeof *files);

		if (!files)
			return rep_fail(err, REP_ENOMEM, "list the journals");
		list->files = files;
		list->cap = cap;
	}
	if (asprintf(&file.path, "journal/%s", path) < 0)
		return rep_fail(err, REP_ENOMEM, "list the journals");
	list->files[list->len++] = file;
	return REP_OK;
}

static int compare_files(const void *a, const void *b)
{
	const struct journal_file *x = a, *y = b;
	int order = strcmp(x->device, y->device);

	return order ? order : (x->first > y->first) - (x->first < y->first);
}

static enum rep_code index_file(struct replay *replay, const struct journal_file *file,
				struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	enum rep_code rc;

	rc = rep_git_read(replay->verifying->git, &file->oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_work_segment(&replay->hub, &replay->verifying->root, file->path,
				      rep_buf_str(&bytes), bytes.len, err);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code index_journals(struct replay *replay, struct rep_error *err)
{
	struct rep_verifying *verifying = replay->verifying;
	struct journal_files list = {0};
	struct rep_oid tree;
	bool is_tree;
	enum rep_code rc;

	rc = rep_tree_find(verifying->git, &verifying->root, "journal", &tree, &is_tree, err);
	if (rc == REP_OK)
		rc = rep_tree_diff(verifying->git, &rep_oid_zero, &tree, add_file, &list, err);
	if (rc == REP_OK && list.len)
		qsort(list.files, list.len, sizeof *list.files, compare_files);
	for (size_t i = 0; i < list.len; i++) {
		if (rc == REP_OK)
			rc = index_file(replay, &list.files[i], err);
		rep_progress_step(verifying->options->progress, "replay: journals", i, list.len);
		free(list.files[i].path);
	}
	free(list.files);
	return rc;
}

/* ---- folding ---- */

static enum rep_code defer(struct replay *replay, const char *entity, const char *id,
			   const struct rep_error *why, struct rep_error *err)
{
	char key[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];

	snprintf(key, sizeof key, "%s/%s", entity, id);
	if (!rep_json_set_string(replay->deferred, key, why->msg))
		return rep_fail(err, REP_ENOMEM, "replay");
	return REP_OK;
}

/* Where the members of a group lay, as one text: when it changes, what follows them has to be folded once more. */
static void put_places(const struct rep_touched *touched, struct rep_buf *out)
{
	const struct rep_touched *root = touched->root;

	for (size_t i = 0; i < root->members_len || i == 0; i++) {
		const struct rep_touched *one = root->members_len ? root->members[i] : touched;

		rep_buf_printf(out, "%s ",
			       one->folded.record ? one->folded.record->partition : "-");
	}
	rep_buf_puts(out, root->id);
}

/* Is it folded with the first of those that it is one with? */
static bool comes_with_another(const struct rep_touched *touched)
{
	const struct rep_touched *root = touched->root;

	return root->members_len && root->members[0] != touched;
}

/* A record whose target was not folded yet has no place to lie in: it waits for the next pass. */
static enum rep_code fold_record(struct replay *replay, const struct rep_entity *entity,
				 const char *id, struct rep_error *err)
{
	struct rep_buf was = REP_BUF_INIT(1u << 20), is = REP_BUF_INIT(1u << 20);
	struct rep_touched *touched;
	enum rep_code rc = rep_run_touch(&replay->run, entity, id, &touched, err);

	replay->records++;
	if (rc != REP_OK || comes_with_another(touched)) {
		rep_run_touched_clear(&replay->run);
		return rc;
	}
	put_places(touched, &was);
	rc = rep_run_refold(&replay->run, touched, err);
	put_places(touched, &is);
	if (rc == REP_OK && strcmp(rep_buf_str(&was), rep_buf_str(&is)) != 0)
		replay->moved++;
	rep_buf_clear(&was);
	rep_buf_clear(&is);
	if (rc == REP_EINVAL) {
		replay->run.callback_rc = REP_OK;
		rep_run_touched_clear(&replay->run);
		return defer(replay, entity->name, id, err, err);
	}
	/* Files are built as records come, so that memory holds one record, not all. */
	return rc == REP_OK ? rep_run_flush(&replay->run, err) : rc;
}

/* Oldest first, so that most targets are there before what refers to them. */
static enum rep_code fold_all(struct replay *replay, bool org, struct rep_error *err)
{
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc;

	rc = rep_db_prepare(replay->hub.db, &stmt,
			    "SELECT entity, id FROM _change GROUP BY entity, id ORDER BY min(eff)",
			    err);
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		const struct rep_entity *entity =
			rep_schema_entity(replay->hub.schema, rep_column_text(stmt, 0, NULL));

		if (entity && rep_entity_is_org(entity) == org)
			rc = fold_record(replay, entity, rep_column_text(stmt, 1, NULL), err);
		if (replay->records % 256 == 0)
			rep_progress_step(replay->verifying->options->progress, "replay: records",
					  (uint64_t)replay->records, 0);
	}
	rep_stmt_free(stmt);
	rep_run_outcomes_clear(&replay->run);
	return rc;
}

/* Until nothing moves any more. */
static enum rep_code settle(struct replay *replay, bool org, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (int pass = 0; rc == REP_OK && pass < PASSES_MAX; pass++) {
		replay->moved = 0;
		replay->records = 0;
		rep_json_free(replay->deferred);
		replay->deferred = rep_json_object();
		rep_run_bind(&replay->run);
		rc = fold_all(replay, org, err);
		if (rc == REP_OK && org)
			rc = rep_hub_reload_org(&replay->hub, err);
		if (rc == REP_OK && replay->moved == 0)
			break;
	}
	rep_problems_count(replay->verifying->problems, "replayed", replay->records);
	for (void *it = rep_json_iter(replay->deferred); it;
	     it = rep_json_iter_next(replay->deferred, it))
		rep_problems_add(replay->verifying->problems, rep_json_iter_key(it),
				 "it cannot be folded: %s",
				 rep_json_string_value(rep_json_iter_value(it)));
	return rc;
}

/* ---- comparing ---- */

static enum rep_code compare_tree(struct replay *replay, const char *name, bool *same,
				  struct rep_error *err)
{
	struct rep_verifying *verifying = replay->verifying;
	struct rep_oid want, have;
	bool is_tree;
	enum rep_code rc;

	rc = rep_tree_find(verifying->git, &verifying->root, name, &want, &is_tree, err);
	if (rc == REP_OK)
		rc = rep_tree_get(replay->run.tree, name, &have, &is_tree, err);
	*same = rc == REP_OK && rep_oid_equal(&want, &have);
	return rc;
}

/* The trees differ: the rows tell where. */
static enum rep_code find_difference(struct replay *replay, struct rep_error *err)
{
	struct rep_verifying *verifying = replay->verifying;
	struct rep_problems found;
	struct rep_row_check check = {
		.db = replay->hub.db,
		.schema = replay->hub.schema,
		.lookup = verifying->lookup,
		.problems = &found,
		.rows = "the replay",
	};
	enum rep_code rc;

	rep_problems_init(&found);
	rc = rep_row_check_files(&check, err);
	if (rc == REP_OK)
		rc = rep_row_check_rows(&check, err);
	for (size_t i = 0; i < rep_json_size(found.list); i++) {
		const struct rep_json *problem = rep_json_at(found.list, i);

		rep_problems_add(verifying->problems, rep_json_get_string(problem, "where"), "%s",
				 rep_json_get_string(problem, "what"));
	}
	if (!rep_problems_any(verifying->problems))
		rep_problems_add(verifying->problems, "data",
				 "the replay gives other trees, although no record differs");
	rep_problems_clear(&found);
	return rep_verify_note(verifying, "replay", rc, err);
}

static enum rep_code compare(struct replay *replay, struct rep_error *err)
{
	struct rep_oid root;
	bool data = false, restricted = false;
	enum rep_code rc;

	rc = rep_tree_write(replay->run.tree, &root, err);
	if (rc == REP_OK)
		rc = compare_tree(replay, "data", &data, err);
	if (rc == REP_OK)
		rc = compare_tree(replay, "restricted", &restricted, err);
	if (rc != REP_OK || (data && restricted))
		return rc;
	return find_difference(replay, err);
}

/* ---- a working copy in memory ---- */

static enum rep_code replay_open(struct replay *replay, struct rep_verifying *verifying,
				 struct rep_error *err)
{
	const struct rep_db_options memory = {.memory = true};
	struct rep_run *run = &replay->run;
	enum rep_code rc;

	*replay = (struct replay){.verifying = verifying, .hub = *verifying->hub};
	replay->hub.db = NULL;
	replay->hub.org = NULL;
	replay->hub.lock = NULL;
	run->hub = &replay->hub;
	run->options = &replay->options;
	run->replayed = rep_json_object();
	if (!run->replayed)
		return rep_fail(err, REP_ENOMEM, "replay");
	rc = rep_db_open(&replay->hub.db, "replay", &memory, err);
	if (rc == REP_OK)
		rc = rep_work_create(&replay->hub, err);
	if (rc == REP_OK)
		rc = rep_hub_reload_org(&replay->hub, err);
	if (rc == REP_OK)
		rc = rep_pack_new(&run->pack, verifying->git, err);
	if (rc == REP_OK)
		rc = rep_tree_edit(&run->tree, run->pack, &rep_oid_zero, err);
	return rc;
}

static void replay_close(struct replay *replay)
{
	rep_run_touched_clear(&replay->run);
	rep_run_outcomes_clear(&replay->run);
	free(replay->run.aliased);
	rep_run_forget_eras(&replay->run);
	rep_json_free(replay->run.replayed);
	rep_buf_clear(&replay->run.partition);
	rep_tree_free(replay->run.tree);
	rep_pack_free(replay->run.pack);
	rep_org_free(replay->hub.org);
	rep_db_close(replay->hub.db);
	rep_json_free(replay->deferred);
}

enum rep_code rep_verify_replay(struct rep_verifying *verifying, struct rep_error *err)
{
	struct replay replay;
	enum rep_code rc = replay_open(&replay, verifying, err);

	if (rc == REP_OK)
		rc = index_journals(&replay, err);
	/* The organisation first: rules and partitions of all else are judged by it. */
	if (rc == REP_OK)
		rc = settle(&replay, true, err);
	if (rc == REP_OK)
		rc = settle(&replay, false, err);
	if (rc == REP_OK && !rep_problems_any(verifying->problems))
		rc = compare(&replay, err);
	replay_close(&replay);
	return rep_wrap(err, rep_verify_note(verifying, "replay", rc, err), "replay");
}
