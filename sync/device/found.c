/*
 * What somebody wrote past the triggers (a client that switched them off, a row patched with a tool) into a row that this pull is about
 * to make anew, because own changes lie on it. Nobody recorded it; so that it does not go without a word, it becomes an edit with the
 * reason `found`, which the hub judges like any other.
 *
 * Every recorded edit of a field leaves its stamp in the row, and who writes past the triggers leaves the stamp that was there. So a
 * field that stands with
 *	1	the stamp that the view's record has there must have the view's value
 *	2	the stamp of an own change that is not acknowledged yet must have that change's value
 *	3	another stamp: nothing is known of it
 * and another value there was found. What merges by parts, and texts that were merged by line, are left to `verify`, as are rows without own
 * changes: there the view's word stands.
 */
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "core/store/capture.h"
#include "core/store/columns.h"
#include "core/store/journal.h"
#include "core/store/rebase.h"
#include "core/store/tables.h"
#include "sync/device/pull_rows.h"

struct finding {
	struct rep_pull *pull;
	struct rep_replica *replica;
	struct rep_json *own; /* stamp -> {field: value} of own changes that are not acknowledged */
};

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

/* ---- own changes ---- */

static enum rep_code note(struct finding *finding, const char *stamp, const char *field,
			  const struct rep_json *value, struct rep_error *err)
{
	struct rep_json *fields = rep_json_get(finding->own, stamp);

	if (!fields) {
		if (!rep_json_set(finding->own, stamp, rep_json_object()))
			return no_memory(err);
		fields = rep_json_get(finding->own, stamp);
	}
	return rep_json_set(fields, field, value ? rep_json_ref(value) : rep_json_null())
		       ? REP_OK
		       : no_memory(err);
}

static enum rep_code note_set(void *user, const struct rep_changeset *set, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < set->changes_len; i++) {
		const struct rep_change *change = &set->changes[i];
		const struct rep_json *values = rep_json_get(change->line, "values");

		for (void *it = values ? rep_json_iter(values) : NULL; rc == REP_OK && it;
		     it = rep_json_iter_next(values, it)) {
			const struct rep_json *new = rep_json_get(rep_json_iter_value(it), "new");

			if (new)
				rc = note(user, change->stamp.text, rep_json_iter_key(it), new,
					  err);
		}
	}
	return rc;
}

static enum rep_code note_pending_row(struct finding *finding, struct rep_stmt *stmt,
				      struct rep_error *err)
{
	const struct rep_entity *entity =
		rep_schema_entity(finding->replica->schema, rep_column_text(stmt, 0, NULL));
	const char *name = rep_column_text(stmt, 2, NULL);
	const struct rep_field *field = entity ? rep_entity_field(entity, name) : NULL;
	struct rep_json *value;
	bool nomem = false;
	enum rep_code rc;

	if (!field || !rep_field_is_scalar(field))
		return REP_OK;
	value = rep_column_value(stmt, 3, field, &nomem);
	rc = nomem ? no_memory(err)
		   : note(finding, rep_column_text(stmt, 1, NULL), name, value, err);
	rep_json_free(value);
	return rc;
}

static enum rep_code note_pending(struct finding *finding, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc =
		rep_db_use(finding->replica->db, &stmt,
			   "SELECT p.entity, p.stamp, f.field, f.new FROM _pending AS p"
			   " JOIN _pending_field AS f ON f.n = p.n WHERE p.op <> 'delete'",
			   err);

	if (rc != REP_OK)
		return rc;
	while ((rc = rep_step(stmt, &row, err)) == REP_OK && row)
		if ((rc = note_pending_row(finding, stmt, err)) != REP_OK)
			break;
	rep_stmt_reset(stmt);
	return rc;
}

/* ---- a row ---- */

static bool is_compared(const struct rep_field *field)
{
	return rep_field_is_scalar(field) && field->type != REP_TYPE_LIST && !field->group &&
	       !rep_field_has_rule(field, REP_RULE_SUM) &&
	       !rep_field_has_rule(field, REP_RULE_TEXT);
}

/* What the field must say by its stamp; *known tells whether that can be told. Borrowed. */
static const struct rep_json *expected(const struct finding *finding, const struct rep_record *row,
				       const struct rep_record *base, const struct rep_field *field,
				       bool *known)
{
	const char *stamp = rep_record_stamp(row, field->name);
	const struct rep_json *fields = rep_json_get(finding->own, stamp);

	if (fields) { /* 2 */
		const struct rep_json *value = rep_json_get(fields, field->name);
		/* Of an own insert that is refused in one field, the preview lacks that and bears its stamp everywhere. */
		bool refused = strcmp(stamp, row->created.text) == 0 &&
			       rep_value_empty(rep_record_value(row, field->name));

		*known = value && !refused;
		return *known && rep_json_is(value, REP_JSON_NULL) ? NULL : value;
	}
	*known = base && strcmp(rep_record_stamp(base, field->name), stamp) == 0; /* 1, 3 */
	return *known ? rep_record_value(base, field->name) : NULL;
}

static bool same(const struct rep_field *field, const struct rep_json *a, const struct rep_json *b)
{
	const char *x = rep_json_string_value(a), *y = rep_json_string_value(b);

	if (field->engine)
		return strcmp(x ? x : "active", y ? y : "active") == 0;
	if (rep_value_empty(a) && rep_value_empty(b))
		return true;
	return a && b && rep_value_same(field, a, b);
}

static enum rep_code begin_edit(struct finding *finding, const struct rep_record *row, int64_t *n,
				struct rep_error *err)
{
	struct rep_replica *replica = finding->replica;
	char stamp[REP_STAMP_LEN + 1] = "";
	struct rep_stmt *stmt;
	enum rep_code rc = rep_capture_stamp(replica->db, replica->device, stamp, err);
	bool found = false;

	if (rc == REP_OK)
		rc = rep_db_use(replica->db, &stmt,
				"INSERT INTO _pending (entity, id, op, stamp, reason) VALUES"
				" (?1, ?2, 'update', ?3, 'found') RETURNING n",
				err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, row->entity->name);
	rep_bind_text(stmt, 2, row->id);
	rep_bind_text(stmt, 3, stamp);
	rc = rep_step(stmt, &found, err);
	*n = found ? rep_column_int(stmt, 0) : 0;
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code add_field(struct finding *finding, int64_t n, const struct rep_record *row,
			       const struct rep_field *field, const struct rep_json *old,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(finding->replica->db, &stmt,
				      "INSERT INTO _pending_field (n, field, new, old, saw)"
				      " VALUES (?1, ?2, ?3, ?4, ?5)",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, n);
	rep_bind_text(stmt, 2, field->name);
	if (!rep_column_bind(stmt, 3, field, rep_record_value(row, field->name)))
		rep_bind_null(stmt, 3);
	if (!rep_column_bind(stmt, 4, field, old))
		rep_bind_null(stmt, 4);
	rep_bind_text(stmt, 5, rep_record_stamp(row, field->name));
	return rep_run(stmt, err);
}

static enum rep_code compare(struct finding *finding, const struct rep_record *row,
			     const struct rep_record *base, struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	int64_t n = 0;

	for (size_t i = 0; rc == REP_OK && i < row->entity->fields_len; i++) {
		const struct rep_field *field = &row->entity->fields[i];
		const struct rep_json *want;
		bool known;

		if (!is_compared(field))
			continue;
		want = expected(finding, row, base, field, &known);
		if (!known || same(field, want, rep_record_value(row, field->name)))
			continue;
		if (!n)
			rc = begin_edit(finding, row, &n, err);
		if (rc == REP_OK)
			rc = add_field(finding, n, row, field, want, err);
	}
	return rc;
}

static enum rep_code look_at(struct finding *finding, const char *name, const char *id,
			     struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(finding->replica->schema, name);
	struct rep_record *row = NULL;
	struct rep_base base = {0};
	enum rep_code rc = REP_OK;

	if (!entity || strcmp(rep_table_name(entity), entity->name) != 0)
		return REP_OK; /* what nobody edits has no triggers to pass by */
	rc = rep_row_get(finding->replica->db, entity, id, &row, err);
	if (rc == REP_OK && row && !row->deleted)
		rc = rep_pull_base(finding->replica, finding->pull->before, entity, id, &base, err);
	if (rc == REP_OK && row && !row->deleted && !(base.record && base.record->deleted))
		rc = compare(finding, row, base.record, err);
	rep_record_free(row);
	rep_record_free(base.record);
	rep_json_free(base.extra);
	return rep_wrap(err, rc, "%s %s", name, id);
}

/* ---- all of them ---- */

static enum rep_code list_pending(struct finding *finding, struct rep_json *out,
				  struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(finding->replica->db, &stmt,
				      "SELECT DISTINCT entity, id FROM _pending"
				      " WHERE (entity, id) NOT IN (SELECT entity, id FROM"
				      " _journal_record WHERE seq > ?1) ORDER BY 1, 2",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, finding->pull->merged_before);
	return rep_column_texts(stmt, 2, out, err);
}

static enum rep_code look_at_all(struct finding *finding, const struct rep_json *pairs,
				 struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(pairs); i++) {
		const struct rep_json *pair = rep_json_at(pairs, i);

		rc = look_at(finding, rep_json_string_value(rep_json_at(pair, 0)),
			     rep_json_string_value(rep_json_at(pair, 1)), err);
	}
	return rc;
}

enum rep_code rep_pull_found(struct rep_pull *pull, struct rep_error *err)
{
	struct finding finding = {
		.pull = pull, .replica = pull->device->replica, .own = rep_json_object()};
	struct rep_json *touched = NULL, *pending = rep_json_array();
	enum rep_code rc = finding.own && pending ? REP_OK : no_memory(err);

	if (rc == REP_OK)
		rc = rep_touched_since(finding.replica, pull->merged_before, &touched, err);
	if (rc == REP_OK)
		rc = list_pending(&finding, pending, err);
	if (rc == REP_OK && (rep_json_size(touched) || rep_json_size(pending)))
		rc = rep_journal_each(finding.replica, pull->merged_before + 1, note_set, &finding,
				      err);
	if (rc == REP_OK && rep_json_size(pending))
		rc = note_pending(&finding, err);
	if (rc == REP_OK)
		rc = look_at_all(&finding, touched, err);
	if (rc == REP_OK)
		rc = look_at_all(&finding, pending, err);
	rep_json_free(finding.own);
	rep_json_free(touched);
	rep_json_free(pending);
	return rep_wrap(err, rc, "look for what nobody recorded");
}
