#include "sync/admin/import_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/model/value.h"

#define SHOWN_MAX 300 /* bytes of a bad cell that the report repeats */
#define KEY_PARTS_MAX 8
/* A value line holds each text once or, where it replaces another, twice; escaping may double it. */
#define ROW_SIZE_MAX (REP_LINE_SIZE_MAX / 5)

enum rep_code rep_import_row_init(struct rep_import_row *row, const struct rep_import_plan *plan,
				  struct rep_error *err)
{
	*row = (struct rep_import_row){0};
	row->values = calloc(plan->entity->fields_len + 1, sizeof(struct rep_json *));
	row->given = calloc(plan->entity->fields_len + 1, sizeof *row->given);
	row->dropped = rep_json_array();
	if (row->values && row->given && row->dropped)
		return REP_OK;
	rep_import_row_clear(row, plan);
	return rep_fail(err, REP_ENOMEM, "no memory");
}

void rep_import_row_reset(struct rep_import_row *row, const struct rep_import_plan *plan)
{
	for (size_t i = 0; i < plan->entity->fields_len; i++) {
		rep_json_free(row->values[i]);
		row->values[i] = NULL;
		row->given[i] = false;
	}
	while (rep_json_size(row->dropped) > 0)
		rep_json_remove(row->dropped, rep_json_size(row->dropped) - 1);
	rep_json_free(row->refusal);
	row->refusal = NULL;
	row->refused = false;
	row->id[0] = '\0';
	row->key_field = NULL;
	free(row->key);
	row->key = NULL;
}

void rep_import_row_clear(struct rep_import_row *row, const struct rep_import_plan *plan)
{
	if (row->values && row->given)
		rep_import_row_reset(row, plan);
	free(row->values);
	free(row->given);
	rep_json_free(row->dropped);
	*row = (struct rep_import_row){0};
}

/* The beginning of a text, cut between characters. */
static struct rep_json *shown(const char *text)
{
	size_t len = strlen(text);

	if (len > SHOWN_MAX) {
		len = SHOWN_MAX;
		while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
			len--;
	}
	return rep_json_string_n(text, len);
}

static struct rep_json *told(size_t line, const char *reason, const char *field, const char *value)
{
	struct rep_json *told = rep_json_object();
	bool ok = rep_json_set_integer(told, "line", (int64_t)line);

	ok = rep_json_set_string(told, "reason", reason) && ok;
	ok = rep_json_set(told, "field", field ? rep_json_string(field) : rep_json_null()) && ok;
	ok = rep_json_set(told, "value", value ? shown(value) : rep_json_null()) && ok;
	if (ok)
		return told;
	rep_json_free(told);
	return NULL;
}

/* The first reason is the one that is told. */
enum rep_code rep_import_refuse(struct rep_import_row *row, size_t line, const char *reason,
				const char *field, const char *value, struct rep_error *err)
{
	if (row->refused)
		return REP_OK;
	row->refused = true;
	row->refusal = told(line, reason, field, value);
	return row->refusal ? REP_OK : rep_fail(err, REP_ENOMEM, "no memory");
}

enum rep_code rep_import_drop(struct rep_import_row *row, size_t line, const char *reason,
			      const char *field, const char *value, struct rep_error *err)
{
	return rep_json_append(row->dropped, told(line, reason, field, value))
		       ? REP_OK
		       : rep_fail(err, REP_ENOMEM, "no memory");
}

/* A record whose cells do not fit the header's: what stands where is anybody's guess. */
static enum rep_code check_form(const struct rep_import_plan *plan,
				const struct rep_csv_record *record, struct rep_import_row *row,
				struct rep_error *err)
{
	char reason[80];
	bool extra = false;
	size_t size = 0;

	if (record->problem)
		return rep_import_refuse(row, record->line, record->problem, NULL, NULL, err);
	for (size_t i = 0; i < record->len; i++) {
		extra = extra || (i >= plan->columns_len && record->cells[i][0]);
		size += strlen(record->cells[i]);
	}
	if (size > ROW_SIZE_MAX)
		return rep_import_refuse(row, record->line, "too long for a change", NULL, NULL,
					 err);
	if (record->len >= plan->columns_len && !extra)
		return REP_OK;
	snprintf(reason, sizeof reason, "%zu cells where the header has %zu", record->len,
		 plan->columns_len);
	return rep_import_refuse(row, record->line, reason, NULL, NULL, err);
}

static enum rep_code id_from_column(const struct rep_import_plan *plan,
				    const struct rep_csv_record *record, struct rep_import_row *row,
				    bool *found, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_CSV_LINE_SIZE_MAX);
	enum rep_code rc = REP_OK;

	*found = false;
	for (size_t i = 0; i < plan->columns_len && !rc; i++) {
		if (!plan->columns[i].is_id)
			continue;
		rep_import_cell(&text, plan, record->cells[i]);
		if (text.len == 0)
			break;
		*found = true;
		if (rep_id_valid(rep_buf_str(&text))) {
			strcpy(row->id, text.data);
			row->key = strdup(text.data);
		} else {
			rc = rep_import_refuse(row, record->line, "no id", "id", text.data, err);
		}
	}
	if (!rc)
		rc = rep_buf_check(&text, "cell", err);
	rep_buf_clear(&text);
	return rc;
}

/* The text of one part of the key: of its column, or from `set`. */
static void key_part(const struct rep_import_plan *plan, const struct rep_csv_record *record,
		     const struct rep_field *field, struct rep_buf *out)
{
	const char *fixed = rep_json_get_string(plan->set, field->name);

	if (field == rep_import_source_field(plan->entity))
		rep_buf_puts(out, plan->source);
	else if (fixed)
		rep_buf_puts(out, fixed);
	for (size_t i = 0; i < plan->columns_len && out->len == 0; i++)
		if (plan->columns[i].field == field)
			rep_import_cell(out, plan, record->cells[i]);
}

static enum rep_code check_part(const struct rep_import_plan *plan,
				const struct rep_csv_record *record, const struct rep_field *field,
				const char *text, struct rep_import_row *row, struct rep_error *err)
{
	const char *damage = rep_import_damage(plan->entity, field, text);
	struct rep_error why = {0};
	struct rep_json *value = NULL;
	enum rep_code rc;

	if (!*text)
		return rep_import_refuse(row, record->line, "missing", field->name, NULL, err);
	if (damage)
		return rep_import_refuse(row, record->line, damage, field->name, text, err);
	rc = rep_value_read(&value, field, text, &why);
	rep_json_free(value);
	if (rc == REP_ENOMEM)
		return rep_fail(err, rc, "%s", why.msg);
	return rc ? rep_import_refuse(row, record->line, why.msg, field->name, text, err) : REP_OK;
}

static enum rep_code id_from_key(const struct rep_import_reader *reader,
				 const struct rep_csv_record *record, struct rep_import_row *row,
				 struct rep_error *err)
{
	const struct rep_entity *entity = reader->plan->entity;
	struct rep_buf texts[KEY_PARTS_MAX];
	const char *parts[KEY_PARTS_MAX] = {0};
	size_t len = entity->external_key_len;
	enum rep_code rc = REP_OK;
	bool exists;

	if (len > KEY_PARTS_MAX)
		return rep_fail(err, REP_ELIMIT, "%s: an external key of %zu fields", entity->name,
				len);
	for (size_t i = 0; i < len; i++) {
		const struct rep_field *field = rep_entity_field(entity, entity->external_key[i]);

		texts[i] = REP_BUF_INIT(REP_CSV_LINE_SIZE_MAX);
		key_part(reader->plan, record, field, &texts[i]);
		parts[i] = rep_buf_str(&texts[i]);
		if (!rc)
			rc = check_part(reader->plan, record, field, parts[i], row, err);
		if (!rc)
			rc = rep_buf_check(&texts[i], "key", err);
		if (field != rep_import_source_field(entity)) {
			row->key_field = field;
			free(row->key);
			row->key = strdup(parts[i]);
		}
	}
	if (!rc && !row->refused)
		rc = rep_import_find(reader, entity, parts, row->id, &exists, err);
	for (size_t i = 0; i < len; i++)
		rep_buf_clear(&texts[i]);
	return rc;
}

enum rep_code rep_import_row_id(const struct rep_import_reader *reader,
				const struct rep_csv_record *record, struct rep_import_row *row,
				struct rep_error *err)
{
	bool found = false;
	enum rep_code rc = check_form(reader->plan, record, row, err);

	if (!rc && !row->refused && reader->plan->has_id)
		rc = id_from_column(reader->plan, record, row, &found, err);
	if (rc || row->refused || found)
		return rc;
	if (!reader->plan->has_key)
		return rep_import_refuse(row, record->line, "missing", "id", NULL, err);
	return id_from_key(reader, record, row, err);
}
