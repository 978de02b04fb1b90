#include "sync/hub/hub_line.h"

#include <string.h>

#include "core/model/id.h"

struct rep_json *rep_line_new(void)
{
	struct rep_json *line = rep_json_object();

	rep_json_set(line, "values", rep_json_object());
	return line;
}

void rep_line_put(struct rep_json *line, const char *field, struct rep_json *value)
{
	struct rep_json *spec = rep_json_object();

	rep_json_set(spec, "new", value);
	rep_json_set(rep_json_get(line, "values"), field, spec);
}

void rep_line_put_text(struct rep_json *line, const char *field, const char *text)
{
	rep_line_put(line, field, rep_json_string(text));
}

void rep_line_presets(struct rep_json *line, const struct rep_entity *entity)
{
	const struct rep_json *values = rep_json_get(line, "values");

	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];
		const char *text = rep_json_string_value(field->preset);

		if (field->preset && !field->engine && !(text && *text == '@') &&
		    !rep_json_get(values, field->name))
			rep_line_put(line, field->name, rep_json_ref(field->preset));
	}
}

void rep_line_change(struct rep_json *line, const struct rep_record *record, const char *field,
		     struct rep_json *value)
{
	struct rep_json *spec = rep_json_object(), *old = rep_record_value(record, field);

	rep_json_set(spec, "new", value ? value : rep_json_null());
	rep_json_set(spec, "old", old ? rep_json_ref(old) : rep_json_null());
	rep_json_set_string(spec, "saw", rep_record_stamp(record, field));
	rep_json_set(rep_json_get(line, "values"), field, spec);
}

/* More parts than this are named by their hash. */
#define PARTS_MAX 500u

struct rep_json *rep_line_delete(const struct rep_record *record)
{
	struct rep_json *line = rep_line_new(), *values = rep_json_get(line, "values");
	const struct rep_entity *entity = record->entity;
	bool made = values != NULL;

	for (size_t i = 0; made && i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];
		const struct rep_json *value = rep_record_value(record, field->name);
		const struct rep_json *parts = rep_json_get(record->stamps, field->name);
		struct rep_json *spec = rep_json_object();

		const struct rep_json *many = field->type == REP_TYPE_LIST ? value : parts;
		char hash[REP_HASH_HEX + 1];

		if (rep_json_size(many) > PARTS_MAX) {
			rep_edit_seen_hash(hash, many, field->type == REP_TYPE_LIST);
			made = *hash && rep_json_set_string(spec, "seen_hash", hash);
			made = rep_json_set(values, field->name, spec) && made;
			continue;
		}
		made = rep_json_set(spec, "old", value ? rep_json_ref(value) : rep_json_null());
		if (rep_json_is(parts, REP_JSON_OBJECT))
			made = made && rep_json_set(spec, "seen", rep_json_ref(parts));
		else if (rep_field_is_scalar(field))
			made = made && rep_json_set_string(spec, "saw",
							   rep_record_stamp(record, field->name));
		made = rep_json_set(values, field->name, spec) && made;
	}
	if (made)
		return line;
	rep_json_free(line);
	return NULL;
}

void rep_line_id(char *out, int64_t now_ms)
{
	uint8_t random[10];

	rep_random(random, sizeof random);
	rep_uuid7(out, now_ms, random);
}

/* Of the problems of a run only those of the hub's own mailbox concern a command. */
static enum rep_code check_own(const struct rep_json *summary, struct rep_error *err)
{
	const struct rep_json *problems = rep_json_get(summary, "problems");

	for (size_t i = 0; i < rep_json_size(problems); i++) {
		const struct rep_json *problem = rep_json_at(problems, i);

		if (strcmp(rep_json_get_string(problem, "device"), REP_HUB_DEVICE) == 0)
			return rep_fail(err, REP_EINTEGRITY, "the hub's own mailbox: %s",
					rep_json_get_string(problem, "reason"));
	}
	return REP_OK;
}

/*
 * Was a change of these sets rejected? The run's own count does not tell: it merges what earlier commands left in the mailbox too, and
 * judges what laptops sent and what waited for a record that came with it.
 */
static enum rep_code check_accepted(struct rep_hub *hub, int64_t first, int64_t last,
				    struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(
		hub->db, &stmt,
		"SELECT entity, id FROM _change WHERE device = '" REP_HUB_DEVICE
		"' AND seq BETWEEN ?1 AND ?2 AND json_extract(outcome, '$.outcome') = 'rejected'"
		" ORDER BY seq, idx LIMIT 1",
		err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, first);
	rep_bind_int(stmt, 2, last);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		rc = rep_fail(err, REP_EREFUSED, "%s %s: the schema refuses it: see `hub inbox`",
			      rep_column_text(stmt, 0, NULL), rep_column_text(stmt, 1, NULL));
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_hub_apply(struct rep_hub *hub, struct rep_hub_batch *batch, int64_t now_ms,
			    struct rep_error *err)
{
	const struct rep_hub_merge options = {.now_ms = now_ms, .own_only = true};
	struct rep_json *summary = NULL;
	int64_t first, last;
	enum rep_code rc = rep_hub_batch_send(batch, err);

	rep_hub_batch_sets(batch, &first, &last);
	rep_hub_batch_free(batch);
	if (rc == REP_OK)
		rc = rep_hub_merge(hub, &options, &summary, err);
	if (rc == REP_OK)
		rc = check_own(summary, err);
	if (rc == REP_OK)
		rc = check_accepted(hub, first, last, err);
	rep_json_free(summary);
	return rc;
}

enum rep_code rep_hub_builtin(struct rep_hub *hub, enum rep_builtin builtin,
			      const struct rep_entity **out, struct rep_error *err)
{
	*out = rep_schema_builtin(hub->schema, builtin);
	if (!*out)
		return rep_fail(err, REP_EINVAL, "schema %s has no entity for this",
				hub->schema->id);
	return REP_OK;
}
