/* New records: presets, first state, id, partition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/model/normalise.h"
#include "core/model/value.h"
#include "core/store/capture.h"
#include "core/store/context.h"
#include "core/store/edit_work.h"
#include "core/store/tables.h"

#define SQL_SIZE_MAX 1024u
#define UTC_OFFSET_MINUTES 480

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "edit: no memory");
}

struct making {
	struct rep_editing edit;
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
	struct rep_editing *edit = &making->edit;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < edit->entity->fields_len; i++) {
		const struct rep_field *field = &edit->entity->fields[i];
		struct rep_json *value;

		if (!field->preset ||
		    !rep_json_is(rep_json_get(edit->values, field->name), REP_JSON_NULL))
			continue;
		rc = preset(making, field, &value, err);
		if (rc == REP_OK && value && !rep_json_set(edit->values, field->name, value))
			rc = no_memory(err);
	}
	return rc;
}

/* A new record starts in its machine's first state, which may depend on a field that only now is known. */
static enum rep_code fill_state(struct rep_editing *edit, struct rep_error *err)
{
	const struct rep_machine *machine = rep_edit_machine(edit);
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
	struct rep_editing *edit = &making->edit;
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

static enum rep_code check_absent(const struct rep_editing *edit, struct rep_error *err)
{
	struct rep_record *there = NULL;
	enum rep_code rc = rep_row_get(edit->replica->db, edit->entity, edit->id, &there, err);

	if (rc == REP_OK && there)
		rc = rep_fail(err, REP_EEXIST, "there is a record %s already", edit->id);
	rep_record_free(there);
	return rc;
}

enum rep_code rep_edit_place(const struct rep_editing *edit, const char *partition,
			     struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_stmt *stmt;
	enum rep_code rc = rep_capture_silence(edit->replica->db, true, err);

	rep_buf_puts(&sql, "UPDATE ");
	rep_db_quote(&sql, edit->entity->name);
	rep_buf_puts(&sql, " SET _partition = ?1 WHERE id = ?2");
	if (rc == REP_OK)
		rc = rep_db_use(edit->replica->db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, partition);
		rep_bind_text(stmt, 2, edit->id);
		rc = rep_run(stmt, err);
	}
	if (rc == REP_OK)
		rc = rep_capture_silence(edit->replica->db, false, err);
	rep_buf_clear(&sql);
	return rc;
}

/* Which account it belongs to must be known before it is made: the hub would refuse it. */
static enum rep_code set_partition(struct making *making, struct rep_error *err)
{
	struct rep_editing *edit = &making->edit;
	struct rep_buf partition = REP_BUF_INIT(4 * REP_ID_LEN_MAX);
	struct rep_context context;
	char time[REP_TIME_LEN + 1];
	enum rep_code rc;

	rep_context_init(&context, edit->replica);
	context.follows = edit->entity->moves;
	rep_time_format(time, making->now_ms);
	rc = rep_partition_find(&partition, edit->entity, edit->id, edit->values,
				edit->replica->rep, time, &context.fold, err);
	rep_context_clear(&context);
	if (rc == REP_OK)
		rc = rep_edit_place(edit, rep_buf_str(&partition), err);
	rep_buf_clear(&partition);
	return rc;
}

static enum rep_code new_body(struct rep_editing *edit, struct rep_error *err)
{
	struct making *making = (struct making *)(void *)edit;
	enum rep_code rc = rep_edit_assign(edit, making->assigns, making->len, err);

	if (rc == REP_OK)
		rc = fill_presets(making, err);
	if (rc == REP_OK)
		rc = fill_state(edit, err);
	if (rc == REP_OK)
		rc = rep_edit_check(edit, err);
	if (rc == REP_OK)
		rc = choose_id(making, err);
	if (rc == REP_OK)
		rc = check_absent(edit, err);
	if (rc == REP_OK)
		rc = rep_edit_insert(edit, err);
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
	enum rep_code rc = rep_edit_entity(replica, entity, &making.edit.entity, err);

	if (rc == REP_OK)
		rc = rep_edit_run(&making.edit, new_body, err);
	if (rc == REP_OK)
		rep_edit_hint(&making.edit, err);
	rep_edit_clear(&making.edit);
	return rep_wrap(err, rc, "new %s", entity);
}
