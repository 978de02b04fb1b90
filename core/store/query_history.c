/* What a replica knows of a record's past. */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/store/history_row.h"
#include "core/store/journal.h"
#include "core/store/line.h"
#include "core/store/outcome.h"
#include "core/store/query.h"
#include "core/store/tables.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "history: no memory");
}

/* ---- own changes ---- */

static enum rep_code tell_change(struct rep_history *history, const struct rep_changeset *set,
				 size_t index, const struct rep_record *record, bool merged,
				 struct rep_error *err)
{
	const struct rep_change *change = &set->changes[index];
	struct rep_json *outcome = NULL;
	enum rep_code rc = rep_outcome_get(history->replica->db, set->seq, index, &outcome, err);
	const char *said = rep_json_get_string(outcome, "outcome");
	struct rep_history_change told = {
		.entity = change->entity,
		.id = change->id,
		.partition = record ? record->partition : NULL,
		.op = rep_op_name(change->op),
		.stamp = change->stamp.text,
		.rep = set->rep,
		.reason = rep_json_get_string(change->line, "reason"),
		.seq = set->seq,
		.outcome = said     ? said
			   : merged ? "applied"
				    : NULL,
		.fields = rep_json_get(outcome, "fields"),
		.flags = rep_json_get(outcome, "flags"),
	};

	if (rc == REP_OK)
		rep_history_line(history, &told, change->line);
	rep_json_free(outcome);
	return rc;
}

static enum rep_code tell_set(struct rep_history *history, int64_t seq, const char *id,
			      const struct rep_record *record, int64_t merged_seq,
			      struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_changeset set = {0};
	size_t used;
	enum rep_code rc = rep_journal_read(history->replica->db, seq, &bytes, err);

	if (rc == REP_OK)
		rc = rep_changeset_read(&set, &used, rep_buf_str(&bytes), bytes.len, NULL, err);
	for (size_t i = 0; rc == REP_OK && i < set.changes_len; i++) {
		if (strcmp(set.changes[i].id, id) == 0 &&
		    strcmp(set.changes[i].entity, history->entity->name) == 0)
			rc = tell_change(history, &set, i, record, seq <= merged_seq, err);
	}
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code tell_sealed(struct rep_history *history, const char *id,
				 const struct rep_record *record, struct rep_error *err)
{
	struct rep_db *db = history->replica->db;
	struct rep_stmt *stmt;
	int64_t merged = 0;
	bool row = true;
	enum rep_code rc = rep_meta_get_int(db, "merged_seq", &merged, err);

	if (rc == REP_OK)
		rc = rep_db_prepare(
			db, &stmt,
			"SELECT seq FROM _journal_record WHERE entity = ?1 AND id = ?2 ORDER BY "
			"seq",
			err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, history->entity->name);
	rep_bind_text(stmt, 2, id);
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = tell_set(history, rep_column_int(stmt, 0), id, record, merged, err);
	}
	rep_stmt_free(stmt);
	return rc;
}

static enum rep_code tell_edit(struct rep_history *history, const struct rep_pending *pending,
			       const struct rep_record *record, struct rep_error *err)
{
	struct rep_lines lines;
	enum rep_code rc = rep_lines_make(&lines, history->replica, pending, err);

	for (size_t i = 0; rc == REP_OK && i < lines.len; i++) {
		struct rep_history_change told = {
			.entity = pending->entity,
			.id = pending->id,
			.partition = record ? record->partition : NULL,
			.op = rep_op_name(lines.lines[i].op),
			.stamp = lines.lines[i].stamp.text,
			.rep = history->replica->rep,
			.reason = rep_json_string_value(pending->reason),
			.outcome = "pending",
		};

		rep_history_line(history, &told, lines.lines[i].line);
	}
	if (rc == REP_OK)
		rep_lines_clear(&lines);
	return rc;
}

static enum rep_code tell_pending(struct rep_history *history, const char *id,
				  const struct rep_record *record, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc =
		rep_db_prepare(history->replica->db, &stmt,
			       "SELECT n, entity, id, op, stamp, reason, extra FROM _pending WHERE "
			       "entity = ?1 AND id = ?2 ORDER BY n",
			       err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, history->entity->name);
	rep_bind_text(stmt, 2, id);
	while (rc == REP_OK && row) {
		struct rep_pending pending = {0};

		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = rep_pending_read(&pending, stmt, err);
		if (rc == REP_OK && row)
			rc = tell_edit(history, &pending, record, err);
		rep_pending_clear(&pending);
	}
	rep_stmt_free(stmt);
	return rc;
}

/* ---- other people's ---- */

static enum rep_code tell_rivals(void *user, struct rep_record *item, struct rep_error *err)
{
	struct rep_history *history = user;
	const struct rep_json *rivals = rep_json_get(item->fields, "rivals");
	const char *field = rep_json_get_string(item->fields, "field");

	for (size_t i = 0; field && i < rep_json_size(rivals); i++) {
		const struct rep_json *rival = rep_json_at(rivals, i);
		const char *stamp = rep_json_get_string(rival, "stamp");
		struct rep_history_change told = {
			.entity = history->entity->name,
			.id = rep_json_get_string(item->fields, "record"),
			.partition = item->partition,
			.op = "update",
			.stamp = stamp,
			.rep = rep_json_get_string(rival, "rep"),
		};

		if (stamp && rep_stamp_valid(stamp) && !rep_history_has_told(history, field, stamp))
			rep_history_row(history, &told, NULL, field, NULL,
					rep_json_get(rival, "value"));
	}
	return history->nomem ? no_memory(err) : REP_OK;
}

static enum rep_code tell_items(struct rep_history *history, const char *id, struct rep_error *err)
{
	const struct rep_entity *conflict = rep_schema_entity(history->replica->schema, "conflict");
	struct rep_buf where = REP_BUF_INIT(1024);
	enum rep_code rc;

	/* Names of entities and ids have no quotes in them. */
	if (!conflict || !rep_id_valid(id))
		return REP_OK;
	rep_buf_printf(&where, "entity = '%s' AND record = '%s'", history->entity->name, id);
	rc = rep_row_each(history->replica->db, conflict, rep_buf_str(&where), tell_rivals, history,
			  err);
	rep_buf_clear(&where);
	return rc;
}

static void tell_value(struct rep_history *history, const struct rep_record *record,
		       const char *field, const char *stamp)
{
	const struct rep_org *org = history->replica->org;
	bool first = strcmp(stamp, record->created.text) == 0;
	struct rep_history_change told = {
		.entity = record->entity->name,
		.id = record->id,
		.partition = record->partition,
		.op = first ? "insert" : "update",
		.stamp = stamp,
		.rep = first ? record->created_rep
			     : (org ? rep_org_rep_of(org, rep_stamp_device(stamp)) : NULL),
	};

	if (!rep_history_has_told(history, field, stamp))
		rep_history_row(history, &told, NULL, field, NULL,
				rep_json_get(record->fields, field));
}

/* The value that stands, of each field whose last edit no row has told of. */
static void tell_standing(struct rep_history *history, const struct rep_record *record)
{
	for (size_t i = 0; i < record->entity->fields_len; i++) {
		const char *field = record->entity->fields[i].name;

		if (rep_json_get(record->fields, field) || rep_json_get(record->stamps, field))
			tell_value(history, record, field, rep_record_stamp(record, field));
	}
	if (record->deleted && rep_json_get_string(record->deleted, "stamp")) {
		struct rep_history_change told = {
			.entity = record->entity->name,
			.id = record->id,
			.partition = record->partition,
			.op = "delete",
			.stamp = rep_json_get_string(record->deleted, "stamp"),
			.rep = rep_json_get_string(record->deleted, "rep"),
		};

		if (!rep_history_has_told(history, "*", told.stamp))
			rep_history_row(history, &told, NULL, NULL, NULL, NULL);
	}
}

/* ---- all of it ---- */

struct place {
	const struct rep_json *row;
	const char *stamp;
	size_t found;
};

static int compare(const void *a, const void *b)
{
	const struct place *x = a;
	const struct place *y = b;
	int order = rep_stamp_compare(x->stamp, y->stamp);

	return order ? order : (x->found > y->found) - (x->found < y->found);
}

/* By stamp; rows of one edit stay in their order. */
static struct rep_json *sorted(const struct rep_json *rows)
{
	size_t len = rep_json_size(rows);
	struct place *places = calloc(len + 1, sizeof *places);
	struct rep_json *out = places ? rep_json_array() : NULL;

	for (size_t i = 0; places && i < len; i++)
		places[i] = (struct place){rep_json_at(rows, i),
					   rep_json_get_string(rep_json_at(rows, i), "stamp"), i};
	if (places)
		qsort(places, len, sizeof *places, compare);
	for (size_t i = 0; out && i < len; i++) {
		if (!rep_json_append(out, rep_json_ref(places[i].row))) {
			rep_json_free(out);
			out = NULL;
		}
	}
	free(places);
	return out;
}

static enum rep_code tell_all(struct rep_history *history, const char *id, struct rep_error *err)
{
	struct rep_record *record = NULL;
	enum rep_code rc = rep_row_get(history->replica->db, history->entity, id, &record, err);

	if (rc == REP_OK)
		rc = tell_sealed(history, id, record, err);
	if (rc == REP_OK)
		rc = tell_pending(history, id, record, err);
	if (rc == REP_OK)
		rc = tell_items(history, id, err);
	if (rc == REP_OK && record)
		tell_standing(history, record);
	if (rc == REP_OK && history->nomem)
		rc = no_memory(err);
	rep_record_free(record);
	if (rc == REP_OK && rep_json_size(history->rows) == 0)
		rc = rep_fail(err, REP_ENOTFOUND, "nothing is known here of %s %s",
			      history->entity->name, id);
	return rc;
}

enum rep_code rep_query_history(struct rep_replica *replica, const char *entity, const char *id,
				struct rep_json **out, struct rep_error *err)
{
	struct rep_history history = {
		.replica = replica, .rows = rep_json_array(), .told = rep_json_object()};
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (replica->schema)
		history.entity = rep_schema_entity(replica->schema, entity);
	if (!history.entity)
		rc = rep_fail(err, REP_EINVAL, "there is no entity %s", entity);
	else if (!history.rows || !history.told)
		rc = no_memory(err);
	if (rc == REP_OK)
		rc = tell_all(&history, id, err);
	if (rc == REP_OK && !(*out = sorted(history.rows)))
		rc = no_memory(err);
	rep_json_free(history.rows);
	rep_json_free(history.told);
	return rc;
}
