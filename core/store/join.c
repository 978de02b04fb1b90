/*
 * Records joined and taken apart on a replica: each a change that waits in _pending as the value line that it will be, judged at once
 * by the code that the hub runs.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/aliases.h"
#include "core/store/capture.h"
#include "core/store/columns.h"
#include "core/store/context.h"
#include "core/store/edit.h"
#include "core/store/journal.h"
#include "core/store/tables.h"

struct joining {
	struct rep_replica *replica;
	const struct rep_entity *entity;
	const char *reason;
	struct rep_context context;
};

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "merge: no memory");
}

static enum rep_code begin(struct joining *joining, const char *entity, struct rep_error *err)
{
	const struct rep_schema *schema = joining->replica->schema;

	if (!schema)
		return rep_fail(err, REP_EINVAL, "no schema yet: the first sync brings it");
	joining->entity = rep_schema_entity(schema, entity);
	if (!joining->entity)
		return rep_fail(err, REP_EINVAL, "there is no entity %s", entity);
	if (joining->entity->builtin != REP_BUILTIN_NONE)
		return rep_fail(err, REP_EREFUSED, "the engine's own records are not merged");
	rep_context_init(&joining->context, joining->replica);
	return rep_db_begin(joining->replica->db, err);
}

static enum rep_code end(struct joining *joining, enum rep_code rc, struct rep_error *err)
{
	struct rep_db *db = joining->replica->db;

	if (!rep_db_in_transaction(db))
		return rc;
	rep_context_clear(&joining->context);
	if (rc == REP_OK)
		return rep_db_commit(db, err);
	rep_db_abort(db);
	return rc;
}

/* ---- one change ---- */

static enum rep_code judge(struct joining *joining, const struct rep_edit *edit,
			   struct rep_error *err)
{
	struct rep_admission admission = {0};
	struct rep_record *record = NULL;
	const char *whole;
	enum rep_code rc =
		rep_row_get(joining->replica->db, joining->entity, edit->id, &record, err);

	if (rc == REP_OK && !record)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no %s in this replica", edit->id);
	if (rc == REP_OK)
		rc = rep_admit(&admission, edit, record, &joining->context.admit, err);
	whole = rep_json_get_string(rep_json_get(admission.verdict, "*"), "outcome");
	if (rc == REP_OK && whole)
		rc = rep_fail(err, REP_EREFUSED, "the company would refuse it: %s", admission.text);
	rep_admission_clear(&admission);
	rep_record_free(record);
	return rc;
}

static enum rep_code put_pending(struct joining *joining, const struct rep_edit *edit,
				 struct rep_error *err)
{
	char *extra = rep_json_text(edit->line);
	struct rep_stmt *stmt;
	enum rep_code rc = extra ? REP_OK : no_memory(err);

	if (rc == REP_OK)
		rc = rep_db_use(joining->replica->db, &stmt,
				"INSERT INTO _pending (entity, id, op, stamp, reason, extra) VALUES"
				" (?1, ?2, ?3, ?4, ?5, ?6)",
				err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, edit->entity);
		rep_bind_text(stmt, 2, edit->id);
		rep_bind_text(stmt, 3, rep_op_name(edit->op));
		rep_bind_text(stmt, 4, edit->stamp);
		rep_bind_text(stmt, 5, joining->reason);
		rep_bind_text(stmt, 6, extra);
		rc = rep_run(stmt, err);
	}
	free(extra);
	return rc;
}

static enum rep_code say(struct joining *joining, enum rep_op op, const char *id, const char *into,
			 struct rep_error *err)
{
	struct rep_replica *replica = joining->replica;
	struct rep_json *line = rep_json_object();
	struct rep_journal_head head = {0};
	char stamp[REP_STAMP_LEN + 1];
	struct rep_edit edit = {.op = op,
				.entity = joining->entity->name,
				.id = id,
				.stamp = stamp,
				.rep = replica->rep,
				.device = replica->device,
				.line = line};
	enum rep_code rc = rep_json_set_string(line, "into", into) ? REP_OK : no_memory(err);

	if (rc == REP_OK)
		rc = rep_capture_stamp(replica->db, replica->device, stamp, err);
	if (rc == REP_OK)
		rc = rep_journal_head(replica->db, &head, err);
	edit.seq = head.seq + 1;
	if (rc == REP_OK)
		rc = judge(joining, &edit, err);
	if (rc == REP_OK)
		rc = put_pending(joining, &edit, err);
	rep_json_free(line);
	return rc;
}

/* ---- merging ---- */

enum rep_code rep_merge_records(struct rep_replica *replica, const char *entity, const char *loser,
				const char *into, const char *reason, struct rep_error *err)
{
	struct joining joining = {.replica = replica, .reason = reason};
	enum rep_code rc = begin(&joining, entity, err);

	if (rc == REP_OK && strcmp(loser, into) == 0)
		rc = rep_fail(err, REP_EUSAGE, "%s is named twice", loser);
	if (rc == REP_OK)
		rc = rep_alias_check(replica->db, joining.entity, loser, err);
	if (rc == REP_OK)
		rc = rep_alias_check(replica->db, joining.entity, into, err);
	if (rc == REP_OK)
		rc = say(&joining, REP_OP_ALIAS, loser, into, err);
	return rep_wrap(err, end(&joining, rc, err), "merge %s %s and %s", entity, loser, into);
}

/* ---- taking apart ---- */

static enum rep_code list_ids(struct joining *joining, const char *root, struct rep_json *out,
			      struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(1024);
	struct rep_stmt *stmt;
	enum rep_code rc;

	rep_buf_puts(&sql, "SELECT id FROM ");
	rep_db_quote(&sql, rep_table_name(joining->entity));
	rep_buf_puts(&sql, " WHERE id = ?1 OR (_deleted IS NOT NULL AND"
			   " json_extract(_deleted, '$.merged_into') = ?1) ORDER BY id");
	rc = rep_db_use(joining->replica->db, &stmt, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, root);
	return rep_column_texts(stmt, 1, out, err);
}

/* Which way a pair was joined is not known here: it is taken apart both ways. */
static enum rep_code part(struct joining *joining, const char *id, struct rep_error *err)
{
	struct rep_json *ids = rep_json_array();
	char root[REP_ID_LEN_MAX + 1];
	enum rep_code rc = rep_alias_shown(joining->replica->db, joining->entity, id, root, err);

	if (rc == REP_OK && !*root)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no %s in this replica", id);
	if (rc == REP_OK)
		rc = list_ids(joining, root, ids, err);
	if (rc == REP_OK && rep_json_size(ids) < 2)
		rc = rep_fail(err, REP_ENOTFOUND, "it is merged with no other");
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(ids); i++) {
		const char *other = rep_json_string_value(rep_json_at(ids, i));

		if (strcmp(other, id) == 0)
			continue;
		rc = say(joining, REP_OP_UNALIAS, id, other, err);
		if (rc == REP_OK)
			rc = say(joining, REP_OP_UNALIAS, other, id, err);
	}
	rep_json_free(ids);
	return rc;
}

enum rep_code rep_unmerge(struct rep_replica *replica, const char *entity, const char *id,
			  const char *reason, struct rep_error *err)
{
	struct joining joining = {.replica = replica, .reason = reason};
	enum rep_code rc = begin(&joining, entity, err);

	if (rc == REP_OK)
		rc = part(&joining, id, err);
	return rep_wrap(err, end(&joining, rc, err), "unmerge %s %s", entity, id);
}
