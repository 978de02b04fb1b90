#include "core/store/edit_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "core/store/aliases.h"
#include "core/store/assign.h"
#include "core/store/capture.h"
#include "core/store/columns.h"
#include "core/store/tables.h"

#define SQL_SIZE_MAX (64u * 1024u)

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "edit: no memory");
}

void rep_edit_clear(struct rep_editing *edit)
{
	rep_record_free(edit->before);
	rep_json_free(edit->values);
}

enum rep_code rep_edit_entity(const struct rep_replica *replica, const char *name,
			      const struct rep_entity **out, struct rep_error *err)
{
	if (!replica->schema)
		return rep_fail(err, REP_EINVAL, "no schema yet: the first sync brings it");
	*out = rep_schema_entity(replica->schema, name);
	if (!*out)
		return rep_fail(err, REP_EINVAL, "there is no entity %s", name);
	if (strcmp(rep_table_name(*out), name) != 0)
		return rep_fail(err, REP_EINVAL, "%s: only the engine writes here", name);
	return REP_OK;
}

/* ---- checks ---- */

static const struct rep_json *value_now(const struct rep_editing *edit, const char *field)
{
	const struct rep_json *value = rep_json_get(edit->values, field);

	if (value)
		return value;
	return edit->before ? rep_json_get(edit->before->fields, field) : NULL;
}

static enum rep_code check_field(const struct rep_editing *edit, const struct rep_field *field,
				 const struct rep_json *value, struct rep_error *err)
{
	const struct rep_json *old =
		edit->before ? rep_json_get(edit->before->fields, field->name) : NULL;
	bool cleared = rep_value_empty(value);
	enum rep_code rc;

	if (field->computed)
		return rep_fail(err, REP_EINVAL, "%s is computed by the company", field->name);
	if (field->required && cleared)
		return rep_fail(err, REP_EINVAL, "%s is required", field->name);
	if (edit->before && rep_field_has_rule(field, REP_RULE_IMMUTABLE) &&
	    !rep_value_empty(old) && !rep_value_same(field, old, value))
		return rep_fail(err, REP_EINVAL,
				"%s cannot be changed: a correction is a new record", field->name);
	if (field->reason && !edit->reason &&
	    !(edit->before && rep_value_same(field, old, value))) {
		rc = rep_fail(err, REP_EUSAGE, "%s: a change needs a reason", field->name);
		rep_hint(err, "-m REASON");
		return rc;
	}
	return REP_OK;
}

static bool knows_state(const struct rep_machine *machine, const char *state)
{
	for (size_t i = 0; i < machine->moves_len; i++) {
		if (strcmp(machine->moves[i].from, state) == 0 ||
		    strcmp(machine->moves[i].to, state) == 0)
			return true;
	}
	return strcmp(machine->initial, state) == 0;
}

static bool has_move(const struct rep_machine *machine, const char *from, const char *to)
{
	for (size_t i = 0; i < machine->moves_len; i++) {
		if (strcmp(machine->moves[i].from, from) == 0 &&
		    strcmp(machine->moves[i].to, to) == 0)
			return true;
	}
	return false;
}

const struct rep_machine *rep_edit_machine(const struct rep_editing *edit)
{
	const struct rep_entity *entity = edit->entity;
	const struct rep_field *by = entity->state_by;

	if (!entity->state_field)
		return NULL;
	return rep_entity_machine(entity,
				  by ? rep_json_string_value(value_now(edit, by->name)) : NULL);
}

/* Whether the role may move it is for the hub; that there is no such move can be told here. */
static enum rep_code check_state(const struct rep_editing *edit, struct rep_error *err)
{
	const struct rep_machine *machine = rep_edit_machine(edit);
	const struct rep_field *field = edit->entity->state_field;
	const char *from;
	const char *to;

	if (!machine || !rep_json_get(edit->values, field->name))
		return REP_OK;
	to = rep_json_string_value(rep_json_get(edit->values, field->name));
	from = edit->before ? rep_json_get_string(edit->before->fields, field->name) : NULL;
	if (!to)
		return REP_OK;
	if (!knows_state(machine, to))
		return rep_fail(err, REP_EINVAL, "%s: there is no state %s", field->name, to);
	if (!edit->before && strcmp(to, machine->initial) != 0)
		return rep_fail(err, REP_EINVAL, "%s: a new record is %s", field->name,
				machine->initial);
	if (from && strcmp(from, to) != 0 && !has_move(machine, from, to))
		return rep_fail(err, REP_EINVAL, "%s: nothing leads from %s to %s", field->name,
				from, to);
	return REP_OK;
}

enum rep_code rep_edit_check(const struct rep_editing *edit, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (void *it = rep_json_iter(edit->values); rc == REP_OK && it;
	     it = rep_json_iter_next(edit->values, it))
		rc = check_field(edit, rep_entity_field(edit->entity, rep_json_iter_key(it)),
				 rep_json_iter_value(it), err);
	for (size_t i = 0; rc == REP_OK && !edit->before && i < edit->entity->fields_len; i++) {
		const struct rep_field *field = &edit->entity->fields[i];

		if (field->required && !field->engine &&
		    rep_value_empty(rep_json_get(edit->values, field->name)))
			rc = rep_fail(err, REP_EINVAL, "%s is required", field->name);
	}
	return rc == REP_OK ? check_state(edit, err) : rc;
}

/* The first field that the rep may not write, for the hint. */
void rep_edit_hint(const struct rep_editing *edit, struct rep_error *err)
{
	struct rep_right right = {
		.rep = edit->replica->rep,
		.device = edit->replica->device,
		.entity = edit->entity->name,
		.id = edit->id,
		.partition = edit->before ? edit->before->partition : "",
		.author = edit->before ? edit->before->created_rep : NULL,
	};
	char time[REP_TIME_LEN + 1];
	struct rep_stmt *stmt;
	struct rep_error ignored;
	bool row = false;

	err->hint[0] = '\0';
	if (!edit->replica->org || !edit->before ||
	    rep_db_use(edit->replica->db, &stmt, "SELECT ms FROM _clock", &ignored) != REP_OK ||
	    rep_step(stmt, &row, &ignored) != REP_OK || !row)
		return;
	snprintf(time, sizeof time, "%s", rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	right.time = time;
	for (void *it = rep_json_iter(edit->values); it;
	     it = rep_json_iter_next(edit->values, it)) {
		const struct rep_field *field =
			rep_entity_field(edit->entity, rep_json_iter_key(it));

		if (rep_org_may(edit->replica->org, &right, &field->write))
			continue;
		rep_hint(err, "%s: this will be a proposal, or be refused: the company decides",
			 field->name);
		return;
	}
}

/* ---- values ---- */

static enum rep_code add_assign(struct rep_editing *edit, const struct rep_assign *assign,
				struct rep_error *err)
{
	const struct rep_field *field = rep_entity_field(edit->entity, assign->field);
	struct rep_json *value;
	enum rep_code rc;

	if (!field)
		return rep_fail(err, REP_EINVAL, "there is no field %s", assign->field);
	rc = rep_assign_apply(&value, field, assign, value_now(edit, field->name), err);
	if (rc != REP_OK)
		return rc;
	if (!rep_json_set(edit->values, field->name, value ? value : rep_json_null()))
		return no_memory(err);
	return REP_OK;
}

enum rep_code rep_edit_assign(struct rep_editing *edit, const struct rep_assign *assigns,
			      size_t len, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	edit->values = rep_json_object();
	if (!edit->values)
		return no_memory(err);
	for (size_t i = 0; rc == REP_OK && i < len; i++)
		rc = add_assign(edit, &assigns[i], err);
	return rc;
}

/* A term for each value, in the order of the schema: its name where `named`, and `tail`. */
static void put_terms(struct rep_buf *sql, const struct rep_editing *edit, bool named,
		      const char *tail)
{
	const char *between = "";

	for (size_t i = 0; i < edit->entity->fields_len; i++) {
		const char *name = edit->entity->fields[i].name;

		if (!rep_json_get(edit->values, name))
			continue;
		rep_buf_puts(sql, between);
		if (named)
			rep_db_quote(sql, name);
		rep_buf_puts(sql, tail);
		between = ", ";
	}
}

static enum rep_code run(const struct rep_editing *edit, const char *sql, struct rep_error *err)
{
	struct rep_stmt *stmt;
	int index = 1;
	enum rep_code rc = rep_db_use(edit->replica->db, &stmt, sql, err);

	for (size_t i = 0; rc == REP_OK && i < edit->entity->fields_len; i++) {
		const struct rep_field *field = &edit->entity->fields[i];
		const struct rep_json *value = rep_json_get(edit->values, field->name);

		if (value && !rep_column_bind(stmt, index++, field, value))
			rc = rep_fail(err, REP_EINVAL, "%s: a value of another type", field->name);
	}
	if (rc == REP_OK) {
		rep_bind_text(stmt, index, edit->id);
		rc = rep_run(stmt, err);
	}
	if (rc == REP_OK && rep_db_changes(edit->replica->db) == 0)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no such record");
	return rc;
}

enum rep_code rep_edit_update(const struct rep_editing *edit, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	enum rep_code rc;

	if (rep_json_size(edit->values) == 0)
		return REP_OK;
	rep_buf_puts(&sql, "UPDATE ");
	rep_db_quote(&sql, edit->entity->name);
	rep_buf_puts(&sql, " SET ");
	put_terms(&sql, edit, true, " = ?");
	rep_buf_puts(&sql, " WHERE id = ?");
	rc = rep_buf_check(&sql, "statement", err);
	if (rc == REP_OK)
		rc = run(edit, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_edit_insert(const struct rep_editing *edit, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	const char *comma = rep_json_size(edit->values) ? ", " : "";
	enum rep_code rc;

	rep_buf_puts(&sql, "INSERT INTO ");
	rep_db_quote(&sql, edit->entity->name);
	rep_buf_puts(&sql, " (");
	put_terms(&sql, edit, true, "");
	rep_buf_printf(&sql, "%sid) VALUES (", comma);
	put_terms(&sql, edit, false, "?");
	rep_buf_printf(&sql, "%s?)", comma);
	rc = rep_buf_check(&sql, "statement", err);
	if (rc == REP_OK)
		rc = run(edit, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	return rc;
}

/* ---- one transaction ---- */

enum rep_code rep_edit_run(struct rep_editing *edit,
			   enum rep_code (*body)(struct rep_editing *edit, struct rep_error *err),
			   struct rep_error *err)
{
	struct rep_db *db = edit->replica->db;
	enum rep_code rc = rep_db_begin(db, err);

	if (rc != REP_OK)
		return rc;
	if (edit->reason)
		rc = rep_capture_reason(db, edit->reason, err);
	if (rc == REP_OK)
		rc = body(edit, err);
	if (rc == REP_OK && edit->reason)
		rc = rep_capture_reason(db, NULL, err);
	if (rc == REP_OK)
		return rep_db_commit(db, err);
	rep_db_abort(db);
	return rc;
}

static enum rep_code get_before(struct rep_editing *edit, struct rep_error *err)
{
	enum rep_code rc =
		rep_row_get(edit->replica->db, edit->entity, edit->id, &edit->before, err);

	if (rc == REP_OK && !edit->before)
		return rep_fail(err, REP_ENOTFOUND, "there is no such record in this replica");
	if (rc == REP_OK && edit->before->deleted)
		return rep_fail(err, REP_ENOTFOUND, "it is deleted");
	return rc;
}

/* Of a record that was merged into another, who edits it means that one. */
static enum rep_code get_shown(struct rep_editing *edit, struct rep_error *err)
{
	enum rep_code rc =
		rep_alias_shown(edit->replica->db, edit->entity, edit->id, edit->shown, err);

	if (*edit->shown)
		edit->id = edit->shown;
	return rc == REP_OK ? get_before(edit, err) : rc;
}

/* Assignments given to the transaction's body. */
struct put {
	struct rep_editing edit;
	const struct rep_assign *assigns;
	size_t len;
};

static enum rep_code put_body(struct rep_editing *edit, struct rep_error *err)
{
	const struct put *put = (const struct put *)(const void *)edit;
	enum rep_code rc = get_shown(edit, err);

	if (rc == REP_OK)
		rc = rep_edit_assign(edit, put->assigns, put->len, err);
	if (rc == REP_OK)
		rc = rep_edit_check(edit, err);
	return rc == REP_OK ? rep_edit_update(edit, err) : rc;
}

enum rep_code rep_put(struct rep_replica *replica, const char *entity, const char *id,
		      const struct rep_assign *assigns, size_t len, const char *reason,
		      struct rep_error *err)
{
	struct put put = {.edit = {.replica = replica, .id = id, .reason = reason},
			  .assigns = assigns,
			  .len = len};
	enum rep_code rc = rep_edit_entity(replica, entity, &put.edit.entity, err);

	if (rc == REP_OK)
		rc = rep_edit_run(&put.edit, put_body, err);
	if (rc == REP_OK)
		rep_edit_hint(&put.edit, err);
	rep_edit_clear(&put.edit);
	return rep_wrap(err, rc, "put %s %s", entity, id);
}

/* ---- delete ---- */

static enum rep_code delete_body(struct rep_editing *edit, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	enum rep_code rc = get_before(edit, err);

	rep_buf_puts(&sql, "DELETE FROM ");
	rep_db_quote(&sql, edit->entity->name);
	rep_buf_puts(&sql, " WHERE id = ?");
	if (rc == REP_OK)
		rc = run(edit, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_delete(struct rep_replica *replica, const char *entity, const char *id,
			 const char *reason, struct rep_error *err)
{
	struct rep_editing edit = {.replica = replica, .id = id, .reason = reason};
	enum rep_code rc = rep_edit_entity(replica, entity, &edit.entity, err);

	if (rc == REP_OK && edit.entity->deletes == REP_DELETES_NEVER)
		rc = rep_fail(err, REP_EINVAL, "records of this kind are never deleted");
	if (rc == REP_OK && !(edit.values = rep_json_object()))
		rc = no_memory(err);
	if (rc == REP_OK)
		rc = rep_edit_run(&edit, delete_body, err);
	if (rc == REP_OK)
		err->hint[0] = '\0';
	rep_edit_clear(&edit);
	return rep_wrap(err, rc, "delete %s %s", entity, id);
}
