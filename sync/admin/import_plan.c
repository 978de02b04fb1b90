#include "sync/admin/import_plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/model/value.h"

#define SOURCE "source"

bool rep_import_is_key(const struct rep_entity *entity, const struct rep_field *field)
{
	for (size_t i = 0; i < entity->external_key_len; i++)
		if (strcmp(entity->external_key[i], field->name) == 0)
			return true;
	return false;
}

const struct rep_field *rep_import_source_field(const struct rep_entity *entity)
{
	const struct rep_field *field = rep_entity_field(entity, SOURCE);

	return field && rep_import_is_key(entity, field) ? field : NULL;
}

/* White space of all scripts, and what is invisible: no-break, ideographic, zero-width, a stray byte order mark. */
static bool is_blank(unsigned code)
{
	return code <= ' ' || code == 0xA0 || (code >= 0x2000 && code <= 0x200D) ||
	       code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F ||
	       code == 0x2060 || code == 0x3000 || code == 0xFEFF;
}

static bool is_empty_text(const struct rep_import_plan *plan, const char *text)
{
	for (size_t i = 0; i < rep_json_size(plan->empty); i++) {
		const char *empty = rep_json_string_value(rep_json_at(plan->empty, i));

		if (empty && strcmp(empty, text) == 0)
			return true;
	}
	return false;
}

void rep_import_cell(struct rep_buf *out, const struct rep_import_plan *plan, const char *cell)
{
	size_t start = out->len, end;
	const char *from = cell, *to = cell;
	unsigned code;

	while (*from && (rep_text_next(from, &code), is_blank(code)))
		from += rep_text_next(from, &code);
	if (*from == '\'' && from[1] && !strchr(from + 1, '\''))
		from++;
	for (const char *at = from; *at;) {
		at += rep_text_next(at, &code);
		if (!is_blank(code))
			to = at;
	}
	end = to > from ? (size_t)(to - from) : 0;
	rep_buf_put(out, from, end);
	if (end > 0 && !out->failed && is_empty_text(plan, out->data + start)) {
		out->len = start;
		out->data[start] = '\0';
	}
}

/* 1.38E+10: one digit, perhaps some more behind a point, an exponent. */
static bool is_rounded(const char *text)
{
	static const char digits[] = "0123456789";
	const char *at = text + strspn(text, digits);
	size_t len;

	if (at != text + 1)
		return false;
	if (*at == '.') {
		len = strspn(at + 1, digits);
		if (len == 0)
			return false;
		at += 1 + len;
	}
	if ((*at != 'E' && *at != 'e') || at[1] != '+')
		return false;
	len = strspn(at + 2, digits);
	return len >= 2 && at[2 + len] == '\0';
}

static bool is_lost(const struct rep_entity *entity, const struct rep_field *field,
		    const char *text)
{
	size_t marks = strspn(text, "?");

	if (strstr(text, "\xEF\xBF\xBD") || marks >= 2 || (marks == 1 && text[1] == '\0'))
		return true;
	return entity->title && strcmp(entity->title, field->name) == 0 && strchr(text, '?');
}

const char *rep_import_damage(const struct rep_entity *entity, const struct rep_field *field,
			      const char *text)
{
	enum rep_type type = field->type == REP_TYPE_SET ? field->of : field->type;

	if (type == REP_TYPE_TEXT && is_rounded(text))
		return "a number that a spreadsheet rounded";
	if (is_lost(entity, field, text))
		return "characters were lost";
	return NULL;
}

/* The field of a header without a mapping: by its name or a label. */
static const struct rep_field *field_by_title(const struct rep_entity *entity, const char *title)
{
	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];

		if (!field->engine &&
		    (strcmp(field->name, title) == 0 || strcmp(field->label.zh, title) == 0 ||
		     strcmp(field->label.en, title) == 0))
			return field;
	}
	return NULL;
}

static enum rep_code check_field(const struct rep_entity *entity, const char *name,
				 const struct rep_field **out, struct rep_error *err)
{
	*out = rep_entity_field(entity, name);
	if (!*out || (*out)->engine)
		return rep_fail(err, REP_EINVAL, "%s has no field %s", entity->name, name);
	if ((*out)->type == REP_TYPE_LIST || (*out)->type == REP_TYPE_JSON)
		return rep_fail(err, REP_EINVAL, "%s.%s is a %s, which a column cannot give",
				entity->name, name, rep_type_name((*out)->type));
	return REP_OK;
}

static enum rep_code use_column(struct rep_import_plan *plan, size_t index, const char *title,
				const struct rep_field *field, struct rep_error *err)
{
	size_t at = (size_t)(field - plan->entity->fields);

	if (plan->mapped[at] && field->type != REP_TYPE_SET)
		return rep_fail(err, REP_EINVAL, "column %s: %s is given twice", title,
				field->name);
	plan->mapped[at] = true;
	plan->columns[index].field = field;
	return REP_OK;
}

static enum rep_code plan_column(struct rep_import_plan *plan, const struct rep_json *names,
				 size_t index, const char *title, struct rep_error *err)
{
	const struct rep_field *field = NULL;
	const char *name = rep_json_get_string(names, title);
	enum rep_code rc = REP_OK;

	if (!names && strcmp(title, "id") == 0)
		name = "id";
	if (name && strcmp(name, "id") == 0) {
		if (plan->has_id)
			return rep_fail(err, REP_EINVAL, "column %s: id is given twice", title);
		plan->columns[index].is_id = plan->has_id = true;
		return REP_OK;
	}
	if (name)
		rc = check_field(plan->entity, name, &field, err);
	else if (!names)
		field = field_by_title(plan->entity, title);
	if (rc || !field)
		return rc;
	if (field->type == REP_TYPE_LIST || field->type == REP_TYPE_JSON)
		return REP_OK; /* not asked for: found by its title */
	return use_column(plan, index, title, field, err);
}

static enum rep_code plan_columns(struct rep_import_plan *plan, const struct rep_json *names,
				  const struct rep_csv_record *header, struct rep_error *err)
{
	struct rep_buf title = REP_BUF_INIT(REP_CSV_LINE_SIZE_MAX);
	const struct rep_label *why;
	enum rep_code rc = REP_OK;
	bool any = false;

	for (size_t i = 0; i < header->len && !rc; i++) {
		rep_buf_reset(&title);
		rep_import_cell(&title, plan, header->cells[i]);
		why = rep_schema_forbids(plan->schema, rep_buf_str(&title));
		if (why)
			rc = rep_fail(err, REP_EINVAL, "column %s: %s (%s)", rep_buf_str(&title),
				      why->zh, why->en);
		else if (title.len > 0)
			rc = plan_column(plan, names, i, rep_buf_str(&title), err);
		any = any || plan->columns[i].field || plan->columns[i].is_id;
	}
	rep_buf_clear(&title);
	if (!rc && !any) {
		rc = rep_fail(err, REP_EINVAL, "none of its columns is known");
		rep_hint(err,
			 "--mapping names a file that maps columns to fields, --map one column");
	}
	return rc;
}

/* Every field that a mapping names must exist, whether the file has its column or not. */
static enum rep_code check_names(const struct rep_import_plan *plan, const struct rep_json *names,
				 struct rep_error *err)
{
	const struct rep_field *field;
	enum rep_code rc = REP_OK;

	if (names && !rep_json_is(names, REP_JSON_OBJECT))
		return rep_fail(err, REP_EINVAL, "mapping: columns is no object");
	for (void *it = names ? rep_json_iter(names) : NULL; it && !rc;
	     it = rep_json_iter_next(names, it)) {
		const char *name = rep_json_string_value(rep_json_iter_value(it));

		if (!name)
			return rep_fail(err, REP_EINVAL, "mapping: column %s has no field",
					rep_json_iter_key(it));
		if (strcmp(name, "id") != 0)
			rc = check_field(plan->entity, name, &field, err);
	}
	return rep_wrap(err, rc, "mapping");
}

static enum rep_code plan_set(struct rep_import_plan *plan, const struct rep_json *set,
			      struct rep_error *err)
{
	const struct rep_field *field;
	struct rep_json *value;
	enum rep_code rc = REP_OK;

	plan->set = rep_json_object();
	for (void *it = set ? rep_json_iter(set) : NULL; it && !rc;
	     it = rep_json_iter_next(set, it)) {
		const struct rep_json *given = rep_json_iter_value(it);
		const char *text = rep_json_string_value(given);

		value = NULL;
		rc = check_field(plan->entity, rep_json_iter_key(it), &field, err);
		if (!rc && text)
			rc = rep_value_read(&value, field, text, err);
		else if (!rc) {
			value = rep_value_stored(field, given);
			rc = rep_value_check(field, value, err);
		}
		if (!rc)
			plan->mapped[field - plan->entity->fields] = true;
		if (!rc && !rep_json_set(plan->set, field->name, value))
			rc = rep_fail(err, REP_ENOMEM, "no memory");
		else if (rc)
			rep_json_free(value);
	}
	return rep_wrap(err, rc, "set");
}

/* The key's columns, all of them, unless the id is given. */
static enum rep_code check_key(struct rep_import_plan *plan, struct rep_error *err)
{
	const struct rep_entity *entity = plan->entity;
	const struct rep_field *source = rep_import_source_field(entity), *missing = NULL;
	enum rep_code rc;

	for (size_t i = 0; i < entity->external_key_len; i++) {
		const struct rep_field *field = rep_entity_field(entity, entity->external_key[i]);

		if (field != source && !plan->mapped[field - entity->fields])
			missing = field;
	}
	plan->has_key = entity->external_key_len > (source ? 1u : 0u) && !missing;
	if (plan->has_key || plan->has_id)
		return REP_OK;
	if (missing)
		rc = rep_fail(err, REP_EINVAL, "no column gives the key %s, nor the id",
			      missing->name);
	else
		rc = rep_fail(err, REP_EINVAL, "%s has no external key: a column must give the id",
			      entity->name);
	rep_hint(err, "--map COLUMN=%s", missing ? missing->name : "id");
	return rc;
}

static enum rep_code choose_source(struct rep_import_plan *plan, const struct rep_import *import,
				   struct rep_error *err)
{
	const struct rep_field *field = rep_import_source_field(plan->entity);
	const char *source = import->source;
	struct rep_json *value;
	enum rep_code rc;

	if (!source)
		source = rep_json_get_string(import->mapping, SOURCE);
	if (!source || !*source)
		source = "csv";
	plan->source = strdup(source);
	value = rep_json_string(source);
	if (!plan->source || !value)
		rc = rep_fail(err, REP_ENOMEM, "no memory");
	else if (strlen(source) > REP_NAME_LEN_MAX)
		rc = rep_fail(err, REP_EINVAL, "the source's name is too long");
	else
		rc = field ? rep_value_check(field, value, err) : REP_OK;
	rep_json_free(value);
	return rc;
}

enum rep_code rep_import_plan_make(struct rep_import_plan *out, const struct rep_schema *schema,
				   const struct rep_import *import,
				   const struct rep_csv_record *header, struct rep_error *err)
{
	const struct rep_json *names = rep_json_get(import->mapping, "columns");
	enum rep_code rc;

	*out = (struct rep_import_plan){.schema = schema};
	out->entity = rep_schema_entity(schema, import->entity);
	if (!out->entity || out->entity->builtin >= REP_BUILTIN_DEVICE)
		return rep_fail(err, REP_EUSAGE, "unknown entity %s", import->entity);
	out->empty = rep_json_ref(rep_json_get(import->mapping, "empty"));
	out->columns = calloc(header->len + 1, sizeof *out->columns);
	out->columns_len = header->len;
	out->mapped = calloc(out->entity->fields_len + 1, sizeof *out->mapped);
	if (!out->columns || !out->mapped)
		rc = rep_fail(err, REP_ENOMEM, "no memory");
	else
		rc = choose_source(out, import, err);
	if (!rc)
		rc = check_names(out, names, err);
	if (!rc)
		rc = plan_columns(out, names, header, err);
	if (!rc)
		rc = plan_set(out, rep_json_get(import->mapping, "set"), err);
	if (!rc)
		rc = check_key(out, err);
	if (rc)
		rep_import_plan_clear(out);
	return rc;
}

void rep_import_plan_clear(struct rep_import_plan *plan)
{
	free(plan->source);
	free(plan->columns);
	free(plan->mapped);
	rep_json_free(plan->set);
	rep_json_free(plan->empty);
	*plan = (struct rep_import_plan){0};
}
