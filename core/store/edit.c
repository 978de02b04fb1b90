#include "core/store/edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/model/normalise.h"
#include "core/model/value.h"
#include "core/store/assign.h"
#include "core/store/capture.h"
#include "core/store/columns.h"
#include "core/store/context.h"
#include "core/store/tables.h"

#define SQL_SIZE_MAX (64u * 1024u)
#define UTC_OFFSET_MINUTES 480

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "edit: no memory");
}

/* One edit at work. */
struct edit {
	struct rep_replica *replica;
	const struct rep_entity *entity;
	const char *id;
	const char *reason;
	struct rep_record *before; /* NULL for a new record */
	struct rep_json *values; /* field -> new value or null, of the fields that the edit names */
};

static void clear_edit(struct edit *edit)
{
	rep_record_free(edit->before);
	rep_json_free(edit->values);
}

static enum rep_code find_entity(const struct rep_replica *replica, const char *name,
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

static const struct rep_json *value_now(const struct edit *edit, const char *field)
{
	const struct rep_json *value = rep_json_get(edit->values, field);

	if (value)
		return value;
	return edit->before ? rep_json_get(edit->before->fields, field) : NULL;
}

static bool has_rule(const struct rep_field *field, enum rep_rule rule)
{
	for (size_t i = 0; i < field->rules_len; i++) {
		if (field->rules[i] == rule)
			return true;
	}
	return false;
}

static enum rep_code check_field(const struct edit *edit, const struct rep_field *field,
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
	if (edit->before && has_rule(field, REP_RULE_IMMUTABLE) && !rep_value_empty(old) &&
	    !rep_value_same(field, old, value))
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

static const struct rep_machine *machine_of(const struct edit *edit)
{
	const struct rep_entity *entity = edit->entity;
	const struct rep_field *by = entity->state_by;

	if (!entity->state_field)
		return NULL;
	return rep_entity_machine(entity,
				  by ? rep_json_string_value(value_now(edit, by->name)) : NULL);
}

/* Whether the role may move it is for the hub; that there is no such move can be told here. */
static enum rep_code check_state(const struct edit *edit, struct rep_error *err)
{
	const struct rep_machine *machine = machine_of(edit);
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

static enum rep_code check_values(const struct edit *edit, struct rep_error *err)
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
static void hint_rights(const struct edit *edit, struct rep_error *err)
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

static enum rep_code add_assign(struct edit *edit, const struct rep_assign *assign,
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

static enum rep_code add_assigns(struct edit *edit, const struct rep_assign *assigns, size_t len,
				 struct rep_error *err)
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
static void put_terms(struct rep_buf *sql, const struct edit *edit, bool named, const char *tail)
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

static enum rep_code run(const struct edit *edit, const char *sql, struct rep_error *err)
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

static enum rep_code update(const struct edit *edit, struct rep_error *err)
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

static enum rep_code insert(const struct edit *edit, struct rep_error *err)
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

static enum rep_code in_transaction(struct edit *edit,
				    enum rep_code (*body)(struct edit *edit, struct rep_error *err),
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

static enum rep_code get_before(struct edit *edit, struct rep_error *err)
{
	enum rep_code rc =
		rep_row_get(edit->replica->db, edit->entity, edit->id, &edit->before, err);

	if (rc == REP_OK && !edit->before)
		return rep_fail(err, REP_ENOTFOUND, "there is no such record in this replica");
	if (rc == REP_OK && edit->before->deleted)
		return rep_fail(err, REP_ENOTFOUND, "it is deleted");
	return rc;
}

/* Assignments given to the transaction's body. */
struct put {
	struct edit edit;
	const struct rep_assign *assigns;
	size_t len;
};

static enum rep_code put_body(struct edit *edit, struct rep_error *err)
{
	const struct put *put = (const struct put *)(const void *)edit;
	enum rep_code rc = get_before(edit, err);

	if (rc == REP_OK)
		rc = add_assigns(edit, put->assigns, put->len, err);
	if (rc == REP_OK)
		rc = check_values(edit, err);
	return rc == REP_OK ? update(edit, err) : rc;
}

enum rep_code rep_put(struct rep_replica *replica, const char *entity, const char *id,
		      const struct rep_assign *assigns, size_t len, const char *reason,
		      struct rep_error *err)
{
	struct put put = {.edit = {.replica = replica, .id = id, .reason = reason},
			  .assigns = assigns,
			  .len = len};
	enum rep_code rc = find_entity(replica, entity, &put.edit.entity, err);

	if (rc == REP_OK)
		rc = in_transaction(&put.edit, put_body, err);
	if (rc == REP_OK)
		hint_rights(&put.edit, err);
	clear_edit(&put.edit);
	return rep_wrap(err, rc, "put %s %s", entity, id);
}

/* ---- new ---- */

struct making {
	struct edit edit;
	const struct rep_assign *assigns;
	size_t len;
	int64_t now_ms;
	char *out_id;
};

static enum rep_code local_day(const struct making *making, char *out, struct rep_error *err)
{
	char *text = NULL;
	int64_t minutes = UTC_OFFSET_MINUTES;
	char time[REP_TIME_LEN + 1];
	enum rep_code rc = rep_meta_get(making->edit.replica->db, "utc_offset_minutes", &text, err);

	if (rc != REP_OK)
		return rc;
	if (text)
		minutes = strtoll(text, NULL, 10);
	free(text);
	rep_time_format(time, making->now_ms + minutes * 60000);
	snprintf(out, REP_TIME_LEN + 1, "%.10s", time);
	return REP_OK;
}

static enum rep_code first_territory(const struct making *making, struct rep_json **out,
				     struct rep_error *err)
{
	const struct rep_replica *replica = making->edit.replica;
	char time[REP_TIME_LEN + 1];
	char **territories = NULL;
	size_t len = 0;
	enum rep_code rc;

	if (!replica->org)
		return REP_OK;
	rep_time_format(time, making->now_ms);
	rc = rep_org_territories(replica->org, replica->rep, time, &territories, &len, err);
	if (rc == REP_OK && len > 0)
		*out = rep_json_string(territories[0]);
	for (size_t i = 0; i < len; i++)
		free(territories[i]);
	free(territories);
	return rc;
}

static enum rep_code preset(const struct making *making, const struct rep_field *field,
			    struct rep_json **out, struct rep_error *err)
{
	const char *text = rep_json_string_value(field->preset);
	char time[REP_TIME_LEN + 1];
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!text || text[0] != '@') {
		*out = rep_json_ref(field->preset);
		return REP_OK;
	}
	if (strcmp(text, "@today") == 0)
		rc = local_day(making, time, err);
	else
		rep_time_format(time, making->now_ms);
	if (rc != REP_OK)
		return rc;
	if (strcmp(text, "@rep") == 0)
		*out = rep_json_string(making->edit.replica->rep);
	else if (strcmp(text, "@territory") == 0)
		return first_territory(making, out, err);
	else
		*out = rep_json_string(time);
	return *out ? REP_OK : no_memory(err);
}

static enum rep_code fill_presets(struct making *making, struct rep_error *err)
{
	struct edit *edit = &making->edit;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < edit->entity->fields_len; i++) {
		const struct rep_field *field = &edit->entity->fields[i];
		struct rep_json *value;

		if (!field->preset || rep_json_get(edit->values, field->name))
			continue;
		rc = preset(making, field, &value, err);
		if (rc == REP_OK && value && !rep_json_set(edit->values, field->name, value))
			rc = no_memory(err);
	}
	return rc;
}

/* A new record starts in its machine's first state, which may depend on a field that only now is known. */
static enum rep_code fill_state(struct edit *edit, struct rep_error *err)
{
	const struct rep_machine *machine = machine_of(edit);
	const char *name = machine ? edit->entity->state_field->name : NULL;

	if (machine && !rep_json_get(edit->values, name) &&
	    !rep_json_set_string(edit->values, name, machine->initial))
		return no_memory(err);
	return REP_OK;
}

static bool add_to_name(struct rep_json *name, const struct rep_field *field,
			const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);
	struct rep_buf form = REP_BUF_INIT(4u * REP_TEXT_SIZE_MAX);
	bool ok;

	if (!text || !field->normalise)
		return rep_json_append(name, rep_json_ref(value));
	rep_normalise_put(&form, text, strlen(text), field->normalise);
	ok = !form.failed && rep_json_append(name, rep_json_string_n(rep_buf_str(&form), form.len));
	rep_buf_clear(&form);
	return ok;
}

enum rep_code rep_id_derive(char *out, const struct rep_entity *entity,
			    const struct rep_json *fields, struct rep_error *err)
{
	struct rep_json *name = rep_json_array();
	bool ok = rep_json_append(name, rep_json_string(entity->name));
	enum rep_code rc = REP_OK;
	char *text;

	for (size_t i = 0; ok && rc == REP_OK && i < entity->id_from_len; i++) {
		const struct rep_field *field = rep_entity_field(entity, entity->id_from[i]);
		const struct rep_json *value = rep_json_get(fields, entity->id_from[i]);

		if (rep_value_empty(value))
			rc = rep_fail(err, REP_EINVAL, "%s is needed for the id",
				      entity->id_from[i]);
		else
			ok = add_to_name(name, field, value);
	}
	text = ok && rc == REP_OK ? rep_json_text(name) : NULL;
	if (text)
		rep_uuid5(out, text, strlen(text), NULL);
	else if (rc == REP_OK)
		rc = no_memory(err);
	free(text);
	rep_json_free(name);
	return rc;
}

static enum rep_code choose_id(struct making *making, struct rep_error *err)
{
	struct edit *edit = &making->edit;
	uint8_t random[10];

	if (edit->id) {
		if (!rep_id_valid(edit->id))
			return rep_fail(err, REP_EINVAL, "\"%.70s\" is no id", edit->id);
		memcpy(making->out_id, edit->id, strlen(edit->id) + 1);
	} else if (edit->entity->id_from_len > 0) {
		enum rep_code rc = rep_id_derive(making->out_id, edit->entity, edit->values, err);

		if (rc != REP_OK)
			return rc;
	} else {
		rep_random(random, sizeof random);
		rep_uuid7(making->out_id, making->now_ms, random);
	}
	edit->id = making->out_id;
	return REP_OK;
}

static enum rep_code check_absent(const struct edit *edit, struct rep_error *err)
{
	struct rep_record *there = NULL;
	enum rep_code rc = rep_row_get(edit->replica->db, edit->entity, edit->id, &there, err);

	if (rc == REP_OK && there)
		rc = rep_fail(err, REP_EEXIST, "there is a record %s already", edit->id);
	rep_record_free(there);
	return rc;
}

/* Which account it belongs to must be known before it is made: the hub would refuse it. */
static enum rep_code set_partition(struct making *making, struct rep_error *err)
{
	struct edit *edit = &making->edit;
	struct rep_buf partition = REP_BUF_INIT(4 * REP_ID_LEN_MAX);
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_context context;
	char time[REP_TIME_LEN + 1];
	struct rep_stmt *stmt;
	enum rep_code rc;

	rep_context_init(&context, edit->replica);
	rep_time_format(time, making->now_ms);
	rc = rep_partition_find(&partition, edit->entity, edit->id, edit->values,
				edit->replica->rep, time, &context.fold, err);
	rep_context_clear(&context);
	if (rc == REP_OK)
		rc = rep_capture_silence(edit->replica->db, true, err);
	rep_buf_puts(&sql, "UPDATE ");
	rep_db_quote(&sql, edit->entity->name);
	rep_buf_puts(&sql, " SET _partition = ?1 WHERE id = ?2");
	if (rc == REP_OK)
		rc = rep_db_use(edit->replica->db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, rep_buf_str(&partition));
		rep_bind_text(stmt, 2, edit->id);
		rc = rep_run(stmt, err);
	}
	if (rc == REP_OK)
		rc = rep_capture_silence(edit->replica->db, false, err);
	rep_buf_clear(&partition);
	rep_buf_clear(&sql);
	return rc;
}

static enum rep_code new_body(struct edit *edit, struct rep_error *err)
{
	struct making *making = (struct making *)(void *)edit;
	enum rep_code rc = add_assigns(edit, making->assigns, making->len, err);

	if (rc == REP_OK)
		rc = fill_presets(making, err);
	if (rc == REP_OK)
		rc = fill_state(edit, err);
	if (rc == REP_OK)
		rc = check_values(edit, err);
	if (rc == REP_OK)
		rc = choose_id(making, err);
	if (rc == REP_OK)
		rc = check_absent(edit, err);
	if (rc == REP_OK)
		rc = insert(edit, err);
	return rc == REP_OK ? set_partition(making, err) : rc;
}

enum rep_code rep_new(struct rep_replica *replica, const char *entity, const char *id,
		      const struct rep_assign *assigns, size_t len, const char *reason,
		      int64_t now_ms, char *out_id, struct rep_error *err)
{
	struct making making = {.edit = {.replica = replica, .id = id, .reason = reason},
				.assigns = assigns,
				.len = len,
				.now_ms = now_ms,
				.out_id = out_id};
	enum rep_code rc = find_entity(replica, entity, &making.edit.entity, err);

	if (rc == REP_OK)
		rc = in_transaction(&making.edit, new_body, err);
	if (rc == REP_OK)
		hint_rights(&making.edit, err);
	clear_edit(&making.edit);
	return rep_wrap(err, rc, "new %s", entity);
}

/* ---- delete ---- */

static enum rep_code delete_body(struct edit *edit, struct rep_error *err)
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
	struct edit edit = {.replica = replica, .id = id, .reason = reason};
	enum rep_code rc = find_entity(replica, entity, &edit.entity, err);

	if (rc == REP_OK && edit.entity->deletes == REP_DELETES_NEVER)
		rc = rep_fail(err, REP_EINVAL, "records of this kind are never deleted");
	if (rc == REP_OK && !(edit.values = rep_json_object()))
		rc = no_memory(err);
	if (rc == REP_OK)
		rc = in_transaction(&edit, delete_body, err);
	if (rc == REP_OK)
		err->hint[0] = '\0';
	clear_edit(&edit);
	return rep_wrap(err, rc, "delete %s %s", entity, id);
}
