/* What the cells of a line give. */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/model/value.h"
#include "sync/admin/import_row.h"

/* Without a value a record of this entity cannot be, or would lie in another place. */
static bool is_vital(const struct rep_entity *entity, const struct rep_field *field)
{
	return field->required || rep_import_is_key(entity, field) ||
	       rep_entity_lies_by(entity, field->name);
}

static enum rep_code bad_cell(const struct rep_import_reader *reader, struct rep_import_row *row,
			      size_t line, const char *reason, const struct rep_field *field,
			      const char *value, struct rep_error *err)
{
	if (is_vital(reader->plan->entity, field))
		return rep_import_refuse(row, line, reason, field->name, value, err);
	return rep_import_drop(row, line, reason, field->name, value, err);
}

/* The one part of a target's key that a cell gives, the rest being the source: NULL when it has another form. */
static bool key_of_target(const struct rep_import_plan *plan, const struct rep_entity *target,
			  const char *text, const char *parts[2])
{
	const struct rep_field *source = rep_import_source_field(target);

	if (!source || target->external_key_len != 2)
		return false;
	for (size_t i = 0; i < 2; i++)
		parts[i] = strcmp(target->external_key[i], source->name) == 0 ? plan->source : text;
	return true;
}

/* By the other record's key at the same source, else by its id. `out` is empty when there is none. */
static enum rep_code find_target(const struct rep_import_reader *reader,
				 const struct rep_field *field, const char *text,
				 char out[REP_ID_LEN_MAX + 1], struct rep_error *err)
{
	const struct rep_entity *target = field->target;
	const char *parts[2];
	bool exists = false;
	enum rep_code rc = REP_OK;

	if (key_of_target(reader->plan, target, text, parts))
		rc = rep_import_find(reader, target, parts, out, &exists, err);
	if (!rc && !exists && target == reader->plan->entity && reader->in_file)
		exists = reader->in_file(reader->user, out);
	if (!rc && !exists && rep_id_valid(text)) {
		strcpy(out, text);
		rc = rep_import_exists(reader->db, target, out, &exists, err);
		if (!rc && !exists && target == reader->plan->entity && reader->in_file)
			exists = reader->in_file(reader->user, out);
	}
	if (!exists)
		out[0] = '\0';
	return rc;
}

static enum rep_code read_reference(const struct rep_import_reader *reader,
				    const struct rep_csv_record *record, struct rep_import_row *row,
				    const struct rep_field *field, const char *text,
				    struct rep_json **out, struct rep_error *err)
{
	char id[REP_ID_LEN_MAX + 1] = "";
	enum rep_code rc = find_target(reader, field, text, id, err);

	if (rc)
		return rc;
	if (!id[0])
		return bad_cell(reader, row, record->line, "dangling", field, text, err);
	*out = rep_json_string(id);
	return *out ? REP_OK : rep_fail(err, REP_ENOMEM, "no memory");
}

/* The length of the separator at `text`, as the reader of values knows them: 、，,;；| and a line end. */
static size_t separator_at(const char *text)
{
	static const char *const separators[] = {"、", "，", ",", ";", "；", "|", "\n"};

	for (size_t i = 0; i < sizeof separators / sizeof *separators; i++)
		if (strncmp(text, separators[i], strlen(separators[i])) == 0)
			return strlen(separators[i]);
	return 0;
}

/* A set of references: the elements that are there; the others are left out one by one. */
static enum rep_code read_references(const struct rep_import_reader *reader,
				     const struct rep_csv_record *record,
				     struct rep_import_row *row, const struct rep_field *field,
				     const char *text, struct rep_json **out, struct rep_error *err)
{
	struct rep_buf element = REP_BUF_INIT(REP_CSV_LINE_SIZE_MAX);
	struct rep_json *found = rep_json_array(), *value;
	enum rep_code rc = REP_OK;
	size_t len;

	while (*text && !rc) {
		for (len = 0; text[len] && !separator_at(text + len);)
			len++;
		rep_buf_reset(&element);
		rep_buf_put(&element, text, len);
		text += len + separator_at(text + len);
		value = NULL;
		if (len > 0)
			rc = read_reference(reader, record, row, field, rep_buf_str(&element),
					    &value, err);
		if (!rc && value && !rep_json_append(found, value))
			rc = rep_fail(err, REP_ENOMEM, "no memory");
	}
	if (!rc && rep_json_size(found) > 0)
		*out = rep_value_stored(field, found);
	rep_json_free(found);
	rep_buf_clear(&element);
	return rc;
}

static enum rep_code read_value(const struct rep_import_reader *reader,
				const struct rep_csv_record *record, struct rep_import_row *row,
				const struct rep_field *field, const char *text,
				struct rep_json **out, struct rep_error *err)
{
	struct rep_error why = {0};
	const char *what;
	enum rep_code rc;

	*out = NULL;
	what = rep_import_damage(reader->plan->entity, field, text);
	if (what)
		return bad_cell(reader, row, record->line, what, field, text, err);
	if (field->type == REP_TYPE_REFERENCE)
		return read_reference(reader, record, row, field, text, out, err);
	if (field->type == REP_TYPE_SET && field->of == REP_TYPE_REFERENCE)
		return read_references(reader, record, row, field, text, out, err);
	rc = rep_value_read(out, field, text, &why);
	if (rc == REP_ENOMEM)
		return rep_fail(err, rc, "%s", why.msg);
	if (!rc)
		return REP_OK;
	/* The field stands beside the reason already. */
	what = strncmp(why.msg, field->name, strlen(field->name)) == 0 ? strstr(why.msg, ": ")
								       : NULL;
	return bad_cell(reader, row, record->line, what ? what + 2 : why.msg, field, text, err);
}

/* Two columns may give elements of one set. What is the same after the normaliser is there once. */
static enum rep_code add_elements(const struct rep_field *field, struct rep_json **into,
				  const struct rep_json *more, struct rep_error *err)
{
	struct rep_json *all = rep_json_dup(*into), *stored;
	struct rep_buf key = REP_BUF_INIT(REP_LINE_SIZE_MAX),
		       other = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	bool ok = all != NULL, there;

	for (size_t i = 0; ok && i < rep_json_size(more); i++) {
		rep_buf_reset(&key);
		rep_value_element_key(&key, field, rep_json_at(more, i));
		there = false;
		for (size_t k = 0; k < rep_json_size(all) && !there; k++) {
			rep_buf_reset(&other);
			rep_value_element_key(&other, field, rep_json_at(all, k));
			there = strcmp(rep_buf_str(&key), rep_buf_str(&other)) == 0;
		}
		if (!there)
			ok = rep_json_append(all, rep_json_ref(rep_json_at(more, i)));
	}
	stored = ok ? rep_value_stored(field, all) : NULL;
	rep_json_free(all);
	rep_buf_clear(&key);
	rep_buf_clear(&other);
	if (!stored)
		return rep_fail(err, REP_ENOMEM, "no memory");
	rep_json_free(*into);
	*into = stored;
	return REP_OK;
}

/* A cell that could not be read leaves the whole field as it is: half a set would take the other half out. */
static enum rep_code take_cell(const struct rep_import_reader *reader,
			       const struct rep_csv_record *record, struct rep_import_row *row,
			       const struct rep_field *field, const char *text, bool *bad,
			       struct rep_error *err)
{
	size_t at = (size_t)(field - reader->plan->entity->fields);
	size_t dropped = rep_json_size(row->dropped);
	struct rep_json *value = NULL;
	enum rep_code rc = read_value(reader, record, row, field, text, &value, err);

	if (!rc && !value) {
		bad[at] = bad[at] || row->refused || rep_json_size(row->dropped) > dropped;
	} else if (!rc && row->values[at] && field->type == REP_TYPE_SET) {
		rc = add_elements(field, &row->values[at], value, err);
		rep_json_free(value);
	} else if (!rc) {
		row->values[at] = value;
	} else {
		rep_json_free(value);
	}
	return rc;
}

static enum rep_code take_fixed(const struct rep_import_plan *plan, struct rep_import_row *row,
				struct rep_error *err)
{
	for (size_t i = 0; i < plan->entity->fields_len; i++) {
		const struct rep_field *field = &plan->entity->fields[i];
		struct rep_json *fixed = rep_json_get(plan->set, field->name);
		enum rep_code rc;

		if (!fixed)
			continue;
		row->given[i] = true;
		if (!row->values[i]) {
			row->values[i] = rep_json_ref(fixed);
		} else if (field->type == REP_TYPE_SET) {
			rc = add_elements(field, &row->values[i], fixed, err);
			if (rc)
				return rc;
		}
	}
	return REP_OK;
}

/* What a default stands in for: an empty cell. Only literals, so that the same file says the same tomorrow. */
static void take_preset(const struct rep_import_plan *plan, struct rep_import_row *row)
{
	for (size_t i = 0; i < plan->entity->fields_len; i++) {
		const struct rep_field *field = &plan->entity->fields[i];
		const char *text = rep_json_string_value(field->preset);

		if (row->given[i] && !row->values[i] && field->preset && !(text && *text == '@'))
			row->values[i] = rep_json_ref(field->preset);
	}
}

enum rep_code rep_import_row_values(const struct rep_import_reader *reader,
				    const struct rep_csv_record *record, struct rep_import_row *row,
				    struct rep_error *err)
{
	const struct rep_import_plan *plan = reader->plan;
	struct rep_buf text = REP_BUF_INIT(REP_CSV_LINE_SIZE_MAX);
	bool *bad = calloc(plan->entity->fields_len + 1, sizeof *bad);
	enum rep_code rc = bad ? REP_OK : rep_fail(err, REP_ENOMEM, "no memory");

	for (size_t i = 0; i < plan->columns_len && !rc && !row->refused; i++) {
		const struct rep_field *field = plan->columns[i].field;

		if (!field)
			continue;
		rep_buf_reset(&text);
		rep_import_cell(&text, plan, record->cells[i]);
		row->given[field - plan->entity->fields] = true;
		if (text.len > 0)
			rc = take_cell(reader, record, row, field, text.data, bad, err);
		if (!rc)
			rc = rep_buf_check(&text, "cell", err);
	}
	for (size_t i = 0; !rc && i < plan->entity->fields_len; i++) {
		if (!bad[i])
			continue;
		row->given[i] = false;
		rep_json_free(row->values[i]);
		row->values[i] = NULL;
	}
	if (!rc)
		rc = take_fixed(plan, row, err);
	take_preset(plan, row);
	free(bad);
	rep_buf_clear(&text);
	return rc;
}
