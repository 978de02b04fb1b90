#include "sync/device/pull_rows.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/rebase.h"
#include "core/store/tables.h"

#define DATA "data/"
#define LINKED "linked/"
#define ORG "org/"
#define OUTCOMES "outcomes/"
#define RESTRICTED "restricted/"
#define OUTCOMES_SIZE_MAX REP_SEGMENT_HARD_MAX

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool ends(const char *text, const char *suffix)
{
	size_t len = strlen(text), tail = strlen(suffix);

	return len >= tail && strcmp(text + len - tail, suffix) == 0;
}

/* ---- one row ---- */

static void note_stamp(struct rep_pull *pull, const char *stamp)
{
	if (stamp && rep_stamp_valid(stamp) && strcmp(stamp, pull->newest) > 0)
		memcpy(pull->newest, stamp, REP_STAMP_LEN + 1);
}

static void note_stamps(struct rep_pull *pull, const struct rep_json *stamps)
{
	for (void *it = rep_json_iter(stamps); it; it = rep_json_iter_next(stamps, it)) {
		const struct rep_json *value = rep_json_iter_value(it);

		if (rep_json_is(value, REP_JSON_OBJECT))
			note_stamps(pull, value);
		else
			note_stamp(pull, rep_json_string_value(value));
	}
}

/* Where the view laid the row and how it came. *found false when there is no row. */
struct row_place {
	bool found, linked, local;
	char partition[REP_ID_LEN_MAX + 8 + 1];
};

static enum rep_code row_place(struct row_place *out, struct rep_db *db,
			       const struct rep_entity *entity, const char *id,
			       struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(4096);
	struct rep_stmt *stmt = NULL;
	const char *partition, *place;
	enum rep_code rc;

	*out = (struct row_place){0};
	/* Of a review item that an own change touched, _base has the view's word (core/store/reviews.c). */
	rep_buf_printf(&sql, "SELECT coalesce(%s_partition, ''), coalesce(_place, 'local') FROM ",
		       entity->builtin == REP_BUILTIN_REVIEW
			       ? "json_extract(_base, '$.partition'), "
			       : "");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " WHERE id = ?1");
	if (entity->builtin == REP_BUILTIN_REVIEW)
		rep_buf_puts(&sql, " AND kind = ?2");
	rc = rep_buf_check(&sql, "a query", err);
	if (rc == REP_OK)
		rc = rep_db_use(db, &stmt, sql.data, err);
	if (rc != REP_OK)
		goto out;
	rep_bind_text(stmt, 1, id);
	if (entity->builtin == REP_BUILTIN_REVIEW)
		rep_bind_text(stmt, 2, entity->name);
	rc = rep_step(stmt, &out->found, err);
	if (rc != REP_OK || !out->found)
		goto out;
	partition = rep_column_text(stmt, 0, NULL);
	place = rep_column_text(stmt, 1, NULL);
	strncpy(out->partition, partition ? partition : "", sizeof out->partition - 1);
	out->linked = place && strcmp(place, "linked") == 0;
	out->local = place && strcmp(place, "local") == 0;
	rep_stmt_reset(stmt);
out:
	rep_buf_clear(&sql);
	return rc;
}

static enum rep_code put_row(struct rep_pull *pull, const struct rep_record_place *place,
			     const struct rep_entity *entity, bool linked, struct rep_error *err)
{
	struct rep_replica *replica = pull->device->replica;
	struct rep_record *record = NULL;
	struct rep_json *extra = NULL;
	enum rep_code rc;

	rc = rep_view_record(&record, &extra, pull->after, replica->schema, entity,
			     place->partition, place->id, linked, err);
	if (rc != REP_OK || !record)
		goto out;
	note_stamp(pull, record->created.text);
	note_stamps(pull, record->stamps);
	note_stamp(pull, rep_json_get_string(record->deleted, "stamp"));
	rc = rep_row_put(replica->db, record, extra, linked ? "linked" : "data", err);
	pull->device->counts.received++;
	if (strcmp(entity->name, "conflict") == 0)
		pull->device->counts.conflicts++;
out:
	rep_record_free(record);
	rep_json_free(extra);
	return rc;
}

/*
 * A file is gone. The row goes too, unless it has already come from another place of the new view: a record that moved
 * between partitions, or between data/ and linked/, is one path gone and one new, in either order.
 */
static enum rep_code remove_row(struct rep_pull *pull, const struct rep_record_place *place,
				const struct rep_entity *entity, bool linked, struct rep_error *err)
{
	struct rep_db *db = pull->device->replica->db;
	struct row_place row;
	enum rep_code rc;

	rc = row_place(&row, db, entity, place->id, err);
	if (rc != REP_OK || !row.found || row.linked != linked || row.local ||
	    strcmp(row.partition, place->partition) != 0)
		return rc;
	pull->device->counts.received++;
	return rep_row_remove(db, entity, place->id, err);
}

/* ---- the walk ---- */

static enum rep_code on_record(struct rep_pull *pull, const char *path, bool linked, bool removed,
			       struct rep_error *err)
{
	const struct rep_schema *schema = pull->device->replica->schema;
	const struct rep_entity *entity;
	struct rep_record_place place;

	if (!rep_record_path_parse(&place, schema, path) ||
	    !(entity = rep_schema_entity(schema, place.entity))) {
		/* Under org/ lies more than records: the hub's public keys. */
		if (starts(path, ORG))
			return REP_OK;
		return rep_fail(err, REP_EINTEGRITY, "no record can lie at %s", path);
	}
	if (removed)
		return pull->only_put ? REP_OK : remove_row(pull, &place, entity, linked, err);
	return put_row(pull, &place, entity, linked, err);
}

static enum rep_code on_linked(struct rep_pull *pull, const char *path, bool removed,
			       struct rep_error *err)
{
	struct rep_buf data_path = REP_BUF_INIT(4096);
	enum rep_code rc;

	rep_buf_puts(&data_path, DATA);
	rep_buf_puts(&data_path, path + strlen(LINKED));
	rc = rep_buf_check(&data_path, "a path", err);
	if (rc == REP_OK)
		rc = on_record(pull, data_path.data, true, removed, err);
	rep_buf_clear(&data_path);
	return rc;
}

/* A twin changed. When its main file changed too, the row is written on that occasion. */
static enum rep_code on_twin(struct rep_pull *pull, const char *path, struct rep_error *err)
{
	const struct rep_schema *schema = pull->device->replica->schema;
	const char *class_end = strchr(path + strlen(RESTRICTED), '/');
	struct rep_buf main_path = REP_BUF_INIT(4096);
	const struct rep_entity *entity;
	struct rep_record_place place;
	struct rep_oid before, after;
	enum rep_code rc;

	if (!class_end || !rep_record_path_parse(&place, schema, path) ||
	    !(entity = rep_schema_entity(schema, place.entity)))
		return rep_fail(err, REP_EINTEGRITY, "no record can lie at %s", path);
	rep_buf_puts(&main_path, DATA);
	rep_buf_puts(&main_path, class_end + 1);
	rc = rep_buf_check(&main_path, "a path", err);
	if (rc == REP_OK)
		rc = rep_lookup_find(pull->before, main_path.data, &before, err);
	if (rc == REP_OK)
		rc = rep_lookup_find(pull->after, main_path.data, &after, err);
	if (rc == REP_OK && rep_oid_equal(&before, &after) && !rep_oid_is_zero(&after))
		rc = put_row(pull, &place, entity, false, err);
	rep_buf_clear(&main_path);
	return rc;
}

/* Counts what the hub said of the changes that this view acknowledges; the store keeps every line. */
static void count_outcomes(struct rep_pull *pull, const char *data, size_t len)
{
	struct rep_sync_counts *counts = &pull->device->counts;
	struct rep_error ignored;

	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t line_len = end ? (size_t)(end - data) : len;
		struct rep_json *line = NULL;
		const char *outcome;
		int64_t seq;

		if (rep_json_parse_canonical(&line, data, line_len, REP_JSON_DEPTH_MAX, &ignored) ==
		    REP_OK) {
			seq = rep_json_get_integer(line, "seq");
			outcome = rep_json_get_string(line, "outcome");
			if (outcome && seq > pull->merged_before && seq <= pull->merged_now) {
				counts->rejected += strcmp(outcome, "rejected") == 0;
				counts->proposed += strcmp(outcome, "proposed") == 0;
				counts->held += strcmp(outcome, "held") == 0;
			}
			rep_json_free(line);
		}
		data += end ? line_len + 1 : line_len;
		len -= end ? line_len + 1 : line_len;
	}
}

static enum rep_code on_outcomes(struct rep_pull *pull, const char *path, const struct rep_oid *oid,
				 struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(OUTCOMES_SIZE_MAX);
	enum rep_code rc;

	if (!ends(path, ".jsonl") || rep_oid_is_zero(oid))
		return REP_OK; /* receipts stay in the tree, to be sent again when the hub asks */
	rc = rep_git_read(pull->git, oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_outcomes_apply(pull->device->replica, rep_buf_str(&bytes), bytes.len, err);
	if (rc == REP_OK)
		count_outcomes(pull, rep_buf_str(&bytes), bytes.len);
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, "%s", path);
}

static enum rep_code on_path(void *user, const char *path, const struct rep_oid *old_oid,
			     const struct rep_oid *new_oid, struct rep_error *err)
{
	struct rep_pull *pull = user;
	const bool removed = rep_oid_is_zero(new_oid);
	const uint64_t done = (uint64_t)pull->device->counts.received;

	(void)old_oid;
	if (done % 256 == 0)
		rep_progress_step(pull->device->options->progress, "apply", done, 0);
	if (starts(path, DATA) || starts(path, ORG))
		return on_record(pull, path, false, removed, err);
	if (starts(path, LINKED))
		return on_linked(pull, path, removed, err);
	if (starts(path, RESTRICTED))
		return on_twin(pull, path, err);
	if (starts(path, OUTCOMES) && !pull->only_put)
		return on_outcomes(pull, path, new_oid, err);
	return REP_OK; /* schema/ is dealt with before, self.json likewise */
}

enum rep_code rep_pull_walk(struct rep_pull *pull, const struct rep_oid *from,
			    struct rep_error *err)
{
	return rep_tree_diff(pull->git, from, &pull->view->root, on_path, pull, err);
}

/* ---- own changes on top ---- */

static enum rep_code base_anywhere(struct rep_record **out, struct rep_json **extra,
				   struct rep_lookup *lookup, struct rep_replica *replica,
				   const struct rep_entity *entity, const char *id, bool linked,
				   struct rep_error *err)
{
	struct rep_git *git = rep_lookup_git(lookup);
	struct rep_tree_list fan = {0}, list = {0};
	struct rep_oid tree;
	bool is_tree;
	enum rep_code rc;

	rc = rep_tree_find(git, rep_lookup_root(lookup), linked ? "linked" : "data", &tree,
			   &is_tree, err);
	if (rc == REP_OK)
		rc = rep_tree_read(git, &tree, &fan, err);
	for (size_t i = 0; rc == REP_OK && !*out && i < fan.len; i++) {
		rep_tree_list_clear(&list);
		rc = rep_tree_read(git, &fan.entries[i].oid, &list, err);
		for (size_t k = 0; rc == REP_OK && !*out && k < list.len; k++)
			rc = rep_view_record(out, extra, lookup, replica->schema, entity,
					     list.entries[k].name, id, linked, err);
	}
	rep_tree_list_clear(&list);
	rep_tree_list_clear(&fan);
	return rc;
}

struct bases {
	struct rep_replica *replica;
	struct rep_lookup *view;
};

/*
 * A row tells in which partition its record lies, except where our own edit moved it or removed it: then every partition
 * of the view is asked, which is rare. A row that never was in a view has no base there.
 */
static enum rep_code base_of(void *user, const struct rep_entity *entity, const char *id,
			     struct rep_base *out, struct rep_error *err)
{
	struct bases *bases = user;
	struct row_place row;
	enum rep_code rc = row_place(&row, bases->replica->db, entity, id, err);

	for (int linked = 0; rc == REP_OK && !out->record && row.found && linked < 2; linked++) {
		out->place = linked ? "linked" : "data";
		rc = rep_view_record(&out->record, &out->extra, bases->view, bases->replica->schema,
				     entity, row.partition, id, linked != 0, err);
	}
	for (int linked = 0;
	     rc == REP_OK && !out->record && !(row.found && row.local) && linked < 2; linked++) {
		out->place = linked ? "linked" : "data";
		rc = base_anywhere(&out->record, &out->extra, bases->view, bases->replica, entity,
				   id, linked != 0, err);
	}
	return rc;
}

enum rep_code rep_pull_base(struct rep_replica *replica, struct rep_lookup *view,
			    const struct rep_entity *entity, const char *id, struct rep_base *out,
			    struct rep_error *err)
{
	struct bases bases = {replica, view};

	return base_of(&bases, entity, id, out, err);
}

enum rep_code rep_pull_rebase(struct rep_replica *replica, struct rep_lookup *view,
			      const struct rep_json *touched, int64_t merged_seq,
			      struct rep_error *err)
{
	struct bases bases = {replica, view};
	const struct rep_rebase what = {
		.touched = touched, .merged_seq = merged_seq, .base_of = base_of, .user = &bases};

	return rep_rebase(replica, &what, err);
}

/* ---- partitions ---- */

/* Both lists are in git's order; a name of the first that the second lacks is a loss. */
static bool lacks_name(const struct rep_tree_list *old_list, const struct rep_tree_list *new_list)
{
	size_t k = 0;

	for (size_t i = 0; i < old_list->len; i++) {
		while (k < new_list->len &&
		       strcmp(new_list->entries[k].name, old_list->entries[i].name) != 0)
			k++;
		if (k == new_list->len)
			return true;
	}
	return false;
}

static enum rep_code lost_below(struct rep_git *git, const struct rep_oid *old_fan,
				const struct rep_oid *new_fan, bool *lost, struct rep_error *err)
{
	struct rep_tree_list before = {0}, after = {0};
	enum rep_code rc;

	rc = rep_tree_read(git, old_fan, &before, err);
	if (rc == REP_OK)
		rc = rep_tree_read(git, new_fan, &after, err);
	if (rc == REP_OK && lacks_name(&before, &after))
		*lost = true;
	rep_tree_list_clear(&before);
	rep_tree_list_clear(&after);
	return rc;
}

enum rep_code rep_pull_lost(struct rep_git *git, const struct rep_oid *old_root,
			    const struct rep_oid *new_root, bool *lost, struct rep_error *err)
{
	struct rep_oid before, after, fan;
	struct rep_tree_list list = {0};
	bool is_tree;
	enum rep_code rc;

	*lost = false;
	if (rep_oid_is_zero(old_root))
		return REP_OK;
	rc = rep_tree_find(git, old_root, "data", &before, &is_tree, err);
	if (rc == REP_OK)
		rc = rep_tree_find(git, new_root, "data", &after, &is_tree, err);
	if (rc == REP_OK)
		rc = rep_tree_read(git, &before, &list, err);
	for (size_t i = 0; rc == REP_OK && !*lost && i < list.len; i++) {
		rc = rep_tree_find(git, &after, list.entries[i].name, &fan, &is_tree, err);
		if (rc == REP_OK && !rep_oid_equal(&fan, &list.entries[i].oid))
			rc = lost_below(git, &list.entries[i].oid, &fan, lost, err);
	}
	rep_tree_list_clear(&list);
	return rc;
}
