/*
 * Is the replica what the hub signed, plus what this device itself recorded?
 *
 * Every row is compared with the record file that the hub signed (verify_rows.h). Rows with own changes are compared with
 * the fold of those changes onto the view's record, as the last pull made it, unless something was recorded since.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/capture.h"
#include "core/store/journal.h"
#include "core/store/rebase.h"
#include "core/store/shape.h"
#include "core/store/tables.h"
#include "sync/audit/problems.h"
#include "sync/audit/verify_rows.h"
#include "sync/device/pull_rows.h"

struct check {
	struct rep_replica *replica;
	struct rep_lookup *lookup; /* of the view */
	struct rep_json *own;      /* "entity/id" of rows with own changes on top */
	struct rep_problems *problems;
};

static enum rep_code note(struct check *check, const char *where, enum rep_code rc,
			  struct rep_error *err)
{
	if (!rep_is_finding(rc))
		return rc;
	rep_problems_add(check->problems, where, "%s", err->msg);
	return REP_OK;
}

/* ---- rows with own changes ---- */

static enum rep_code mark_own(struct check *check, const char *entity, const char *id,
			      struct rep_error *err)
{
	char key[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];

	snprintf(key, sizeof key, "%s/%s", entity ? entity : "", id ? id : "");
	if (!rep_json_set(check->own, key, rep_json_bool(true)))
		return rep_fail(err, REP_ENOMEM, "list own changes");
	return REP_OK;
}

/* Review items that own changes opened or decided: they show a preview until the hub has said the same. */
static enum rep_code mark_reviews(struct check *check, const char *entity, const char *id,
				  struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc;
	bool row = true;

	rc = rep_db_use(
		check->replica->db, &stmt,
		"SELECT kind, id FROM _review WHERE entity = ?1 AND record = ?2 AND (_base IS NOT "
		"NULL OR _place = 'local')",
		err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	while (rc == REP_OK) {
		rc = rep_step(stmt, &row, err);
		if (rc != REP_OK || !row)
			break;
		rc = mark_own(check, rep_column_text(stmt, 0, NULL), rep_column_text(stmt, 1, NULL),
			      err);
	}
	return rc;
}

static enum rep_code mark_pending(struct check *check, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc;
	bool row = true;

	rc = rep_db_use(check->replica->db, &stmt, "SELECT entity, id FROM _pending", err);
	while (rc == REP_OK) {
		rc = rep_step(stmt, &row, err);
		if (rc != REP_OK || !row)
			break;
		rc = mark_own(check, rep_column_text(stmt, 0, NULL), rep_column_text(stmt, 1, NULL),
			      err);
		if (rc == REP_OK)
			rc = mark_reviews(check, rep_column_text(stmt, 0, NULL),
					  rep_column_text(stmt, 1, NULL), err);
	}
	return rc;
}

static enum rep_code mark_touched(struct check *check, const struct rep_json *touched,
				  struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(touched); i++) {
		const struct rep_json *pair = rep_json_at(touched, i);
		const char *entity = rep_json_string_value(rep_json_at(pair, 0));
		const char *id = rep_json_string_value(rep_json_at(pair, 1));

		rc = mark_own(check, entity, id, err);
		if (rc == REP_OK)
			rc = mark_reviews(check, entity, id, err);
	}
	return rc;
}

/* ---- a row as its files ---- */

/* Appends main file and twins of a row, each after its class; nothing for no row. */
static enum rep_code row_files(struct rep_buf *out, struct rep_replica *replica,
			       const struct rep_entity *entity, const char *id,
			       struct rep_error *err)
{
	const struct rep_schema *schema = replica->schema;
	struct rep_record *record = NULL;
	struct rep_json *extra = NULL;
	enum rep_code rc;

	rc = rep_row_get(replica->db, entity, id, &record, err);
	if (rc == REP_OK && record)
		rc = rep_row_extra(replica->db, entity, id, &extra, err);
	if (rc != REP_OK || !record)
		goto out;
	rep_buf_printf(out, "%s\n", record->partition);
	(void)rep_record_write_extra(out, record, extra, "open");
	for (size_t i = 0; i < schema->visibility_len; i++)
		if (strcmp(schema->visibility[i].name, "open") != 0)
			(void)rep_record_write_extra(out, record, extra,
						     schema->visibility[i].name);
	rc = rep_buf_check(out, "a record", err);
out:
	rep_record_free(record);
	rep_json_free(extra);
	return rc;
}

/* ---- own changes ---- */

/* Appends the rows of the touched records to `out`, each as its files. */
static enum rep_code rows_now(struct check *check, const struct rep_json *touched, char **out,
			      struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(touched); i++) {
		const struct rep_json *pair = rep_json_at(touched, i);
		const struct rep_entity *entity = rep_schema_entity(
			check->replica->schema, rep_json_string_value(rep_json_at(pair, 0)));
		struct rep_buf files = REP_BUF_INIT(2 * REP_RECORD_SIZE_MAX);

		if (!entity)
			continue;
		rc = row_files(&files, check->replica, entity,
			       rep_json_string_value(rep_json_at(pair, 1)), err);
		if (rc == REP_OK && !(out[i] = strdup(rep_buf_str(&files))))
			rc = rep_fail(err, REP_ENOMEM, "keep a row");
		rep_buf_clear(&files);
	}
	return rc;
}

static void compare(struct check *check, const struct rep_json *touched, char *const *before,
		    char *const *after)
{
	for (size_t i = 0; i < rep_json_size(touched); i++) {
		const struct rep_json *pair = rep_json_at(touched, i);
		char where[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];

		if (!before[i])
			continue;
		snprintf(where, sizeof where, "%s/%s", rep_json_string_value(rep_json_at(pair, 0)),
			 rep_json_string_value(rep_json_at(pair, 1)));
		rep_problems_count(check->problems, "rebased", 1);
		if (strcmp(before[i], after[i]) != 0)
			rep_problems_add(
				check->problems, where,
				"the row is not the view's record with own changes on top");
	}
}

static enum rep_code rebase_again(struct check *check, const struct rep_json *touched,
				  int64_t merged, struct rep_error *err)
{
	size_t len = rep_json_size(touched);
	char **before = calloc(2 * len, sizeof *before), **after = before + len;
	enum rep_code rc;

	if (!before)
		return rep_fail(err, REP_ENOMEM, "compare rows");
	rc = rows_now(check, touched, before, err);
	if (rc == REP_OK)
		rc = rep_pull_rebase(check->replica, check->lookup, touched, merged, err);
	if (rc == REP_OK)
		rc = rows_now(check, touched, after, err);
	if (rc == REP_OK)
		compare(check, touched, before, after);
	for (size_t i = 0; i < 2 * len; i++)
		free(before[i]);
	free(before);
	return note(check, "own changes", rc, err);
}

/* In a transaction that is taken back: the comparison folds into the very rows. */
static enum rep_code check_rebased(struct check *check, const struct rep_json *touched,
				   int64_t merged, struct rep_error *err)
{
	struct rep_replica *replica = check->replica;
	struct rep_error again;
	enum rep_code rc;

	if (rep_json_size(touched) == 0)
		return REP_OK;
	if (replica->read_only)
		return rep_fail(err, REP_EIO,
				"own changes on top of the view can be compared only where the "
				"replica's folder can be written");
	rc = rep_db_begin(replica->db, err);
	if (rc != REP_OK)
		return rc;
	rc = rep_capture_silence(replica->db, true, err);
	rep_db_triggers(replica->db, false);
	if (rc == REP_OK)
		rc = rebase_again(check, touched, merged, err);
	rep_db_abort(replica->db);
	if (rep_replica_load_org(replica, &again) != REP_OK && rc == REP_OK) {
		*err = again;
		rc = again.code;
	}
	return rc;
}

static enum rep_code check_own(struct check *check, struct rep_error *err)
{
	struct rep_replica *replica = check->replica;
	struct rep_json *touched = NULL;
	struct rep_journal_head head = {0};
	int64_t merged, pulled = 0;
	enum rep_code rc;

	rc = rep_meta_get_int(replica->db, REP_META_MERGED_SEQ, &merged, err);
	if (rc == REP_OK)
		rc = rep_meta_get_int(replica->db, REP_META_PULLED_SEQ, &pulled, err);
	if (rc == REP_OK)
		rc = rep_journal_head(replica->db, &head, err);
	if (rc == REP_OK)
		rc = rep_touched_since(replica, merged, &touched, err);
	if (rc == REP_OK)
		rc = mark_touched(check, touched, err);
	if (rc == REP_OK)
		rc = mark_pending(check, err);
	/*
	 * What was recorded since the pull shows as it was typed, and may bear on how earlier changes are judged: such a
	 * replica's own rows are compared after its next sync.
	 */
	if (rc == REP_OK && head.seq <= pulled && rep_pending_count(replica->db) == 0)
		rc = check_rebased(check, touched, merged, err);
	rep_json_free(touched);
	return rc;
}

/* ---- all of it ---- */

static enum rep_code check_journal(struct check *check, struct rep_error *err)
{
	int64_t checked = 0;
	enum rep_code rc = rep_journal_verify(check->replica, &checked, err);

	rep_problems_count(check->problems, "changesets", checked);
	return note(check, "journal", rc, err);
}

static enum rep_code check_rows(struct check *check, struct rep_error *err)
{
	struct rep_row_check rows = {
		.db = check->replica->db,
		.schema = check->replica->schema,
		.lookup = check->lookup,
		.problems = check->problems,
		.rows = "the replica",
		.except = check->own,
	};
	enum rep_code rc = note(check, "view", rep_row_check_files(&rows, err), err);

	return rc == REP_OK ? rep_row_check_rows(&rows, err) : rc;
}

/* ---- the schema kept in the file, against the one that was signed ---- */

static enum rep_code on_schema_file(void *user, const char *path, const struct rep_oid *old_oid,
				    const struct rep_oid *new_oid, struct rep_error *err)
{
	struct check *check = user;
	struct rep_oid have = rep_oid_zero;
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(check->replica->db, &stmt,
				      "SELECT data FROM _schema WHERE path = ?1", err);

	(void)old_oid;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, path);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row) {
		size_t len;
		const void *data = rep_column_blob(stmt, 0, &len);

		rep_oid_again(&have, REP_OBJECT_BLOB, data ? data : "", len);
	}
	if (rc == REP_OK && !rep_oid_equal(&have, new_oid))
		rep_problems_add(check->problems, path,
				 "the schema's file is not what the hub signed");
	rep_stmt_reset(stmt);
	return rc;
}

/* "<n>/<path>", as they are kept of the versions before the one in force; a planned one comes with the view in which it is that. */
static enum rep_code on_version_file(void *user, const char *path, const struct rep_oid *old_oid,
				     const struct rep_oid *new_oid, struct rep_error *err)
{
	const struct check *check = user;

	return strtol(path, NULL, 10) >= check->replica->schema->version
		       ? REP_OK
		       : on_schema_file(user, path, old_oid, new_oid, err);
}

static enum rep_code check_schema(struct check *check, struct rep_error *err)
{
	struct rep_git *git = rep_lookup_git(check->lookup);
	const struct rep_oid *root = rep_lookup_root(check->lookup);
	struct rep_oid tree;
	bool is_tree;
	enum rep_code rc;

	rc = rep_tree_find(git, root, "schema", &tree, &is_tree, err);
	if (rc == REP_OK)
		rc = rep_tree_diff(git, &rep_oid_zero, &tree, on_schema_file, check, err);
	if (rc == REP_OK)
		rc = rep_tree_find(git, root, "schemas", &tree, &is_tree, err);
	if (rc == REP_OK && !rep_oid_is_zero(&tree))
		rc = rep_tree_diff(git, &rep_oid_zero, &tree, on_version_file, check, err);
	return note(check, "schema", rc, err);
}

static enum rep_code check_against_view(struct check *check, struct rep_device *device,
					const struct rep_oid *tip, struct rep_error *err)
{
	struct rep_view view = {0};
	struct rep_git *git;
	enum rep_code rc;

	rc = rep_clone_check(check->replica, err);
	if (rc == REP_OK)
		rc = rep_clone_open(&device->clone, check->replica, err);
	if (rc != REP_OK)
		return note(check, "clone", rc, err);
	git = rep_clone_git(device->clone);
	rc = rep_view_read(&view, git, tip, check->replica->device, device->hub_public, err);
	if (rc != REP_OK)
		return note(check, "view", rc, err);
	rc = rep_lookup_new(&check->lookup, git, &view.root, err);
	if (rc == REP_OK)
		rc = note(check, "_meta", rep_pull_check_kept(check->replica->db, &view, err), err);
	if (rc == REP_OK)
		rc = check_schema(check, err);
	if (rc == REP_OK)
		rc = check_own(check, err);
	if (rc == REP_OK)
		rc = check_rows(check, err);
	rep_lookup_free(check->lookup);
	check->lookup = NULL;
	rep_view_clear(&view);
	return rc;
}

enum rep_code rep_device_verify(struct rep_replica *replica, struct rep_json **out,
				struct rep_error *err)
{
	struct rep_problems problems;
	struct check check = {.replica = replica, .problems = &problems};
	struct rep_device device = {0};
	struct rep_oid tip;
	enum rep_code rc;

	*out = NULL;
	rep_problems_init(&problems);
	check.own = rep_json_object();
	rc = rep_key_init(err);
	if (rc == REP_OK)
		rc = note(&check, "replica.db", rep_db_integrity(replica->db, err), err);
	if (rc == REP_OK)
		rc = note(&check, "replica.db", rep_shape_check(replica, err), err);
	if (rc == REP_OK)
		rc = check_journal(&check, err);
	if (rc == REP_OK)
		rc = rep_device_begin(&device, replica, err);
	if (rc == REP_OK)
		rc = rep_device_tip(replica->db, REP_META_APPLIED_TIP, &tip, err);
	if (rc == REP_OK && !rep_oid_is_zero(&tip))
		rc = check_against_view(&check, &device, &tip, err);
	if (rc == REP_OK)
		rc = rep_problems_finish(&problems, out, err);
	rep_problems_clear(&problems);
	rep_json_free(check.own);
	rep_device_end(&device);
	return rep_wrap(err, rc, "verify");
}
