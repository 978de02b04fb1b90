/* A record in memory and its canonical form. record_file.c writes and reads it, record_path.c places it. */
#include "core/model/record.h"

#include <stdlib.h>
#include <string.h>

#include "core/model/value.h"

/* A value that takes no part in the canonical form: null, an empty set, list or map, an active status. */
static bool is_left_out(const struct rep_field *field, const struct rep_json *value)
{
	if (rep_json_is(value, REP_JSON_NULL))
		return true;
	if (!field)
		return false;
	if (field->type == REP_TYPE_SET || field->type == REP_TYPE_LIST ||
	    field->type == REP_TYPE_MAP)
		return rep_json_size(value) == 0;
	if (!field->engine)
		return false;
	const char *text = rep_json_string_value(value);
	return text && strcmp(text, "active") == 0;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

enum rep_code rep_record_new(struct rep_record **out, const struct rep_entity *entity,
			     const char *id, const char *partition, const char *rep,
			     const char *stamp, struct rep_error *err)
{
	struct rep_record *record = calloc(1, sizeof(*record));

	*out = NULL;
	if (!record)
		return rep_fail(err, REP_ENOMEM, "record %s", id);
	record->entity = entity;
	record->id = copy(id);
	record->partition = copy(partition);
	record->created_rep = copy(rep);
	strncpy(record->created.text, stamp, REP_STAMP_LEN);
	record->fields = rep_json_object();
	record->stamps = rep_json_object();
	if (!record->id || !record->partition || !record->created_rep || !record->fields ||
	    !record->stamps || !rep_json_set_string(record->stamps, "*", record->created.text)) {
		rep_record_free(record);
		return rep_fail(err, REP_ENOMEM, "record %s", id);
	}
	*out = record;
	return REP_OK;
}

struct rep_record *rep_record_dup(const struct rep_record *record)
{
	struct rep_record *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->entity = record->entity;
	out->created = record->created;
	out->id = copy(record->id);
	out->partition = copy(record->partition);
	out->created_rep = copy(record->created_rep);
	out->twin = copy(record->twin);
	out->fields = rep_json_dup(record->fields);
	out->stamps = rep_json_dup(record->stamps);
	out->deleted = record->deleted ? rep_json_dup(record->deleted) : NULL;
	out->sources = record->sources ? rep_json_dup(record->sources) : NULL;
	out->flags = record->flags ? rep_json_dup(record->flags) : NULL;
	if (!out->id || !out->partition || !out->created_rep || !out->fields || !out->stamps ||
	    !out->twin != !record->twin || !out->deleted != !record->deleted ||
	    !out->sources != !record->sources || !out->flags != !record->flags) {
		rep_record_free(out);
		return NULL;
	}
	return out;
}

void rep_record_free(struct rep_record *record)
{
	if (!record)
		return;
	free(record->id);
	free(record->partition);
	free(record->created_rep);
	free(record->twin);
	rep_json_free(record->deleted);
	rep_json_free(record->fields);
	rep_json_free(record->stamps);
	rep_json_free(record->sources);
	rep_json_free(record->flags);
	free(record);
}

struct rep_json *rep_record_value(const struct rep_record *record, const char *field)
{
	return rep_json_get(record->fields, field);
}

const char *rep_record_stamp(const struct rep_record *record, const char *field)
{
	const struct rep_json *own = rep_json_get(record->stamps, field);
	const char *best = record->created.text;

	if (rep_json_is(own, REP_JSON_STRING))
		return rep_json_string_value(own);
	if (rep_json_is(own, REP_JSON_OBJECT)) {
		for (void *it = rep_json_iter(own); it; it = rep_json_iter_next(own, it)) {
			const char *stamp = rep_json_string_value(rep_json_iter_value(it));
			if (rep_stamp_compare(stamp, best) > 0)
				best = stamp;
		}
		return best;
	}
	const struct rep_field *declared = rep_entity_field(record->entity, field);
	if (declared && declared->type == REP_TYPE_LIST) {
		const struct rep_json *list = rep_record_value(record, field);
		size_t len = rep_json_size(list);
		const char *entry =
			len ? rep_json_get_string(rep_json_at(list, len - 1), "entry") : NULL;
		if (entry)
			return entry;
	}
	return best;
}

bool rep_record_written(const struct rep_record *record, const char *field)
{
	return rep_json_get(record->fields, field) || rep_json_get(record->stamps, field);
}

bool rep_record_element_present(const struct rep_record *record, const char *field, const char *key)
{
	const struct rep_json *value = rep_record_value(record, field);
	const struct rep_field *declared = rep_entity_field(record->entity, field);
	struct rep_buf buf = REP_BUF_INIT(2 * REP_TEXT_SIZE_MAX);
	bool found = false;

	if (rep_json_is(value, REP_JSON_OBJECT))
		return rep_json_get(value, key);
	for (size_t i = 0; declared && !found && i < rep_json_size(value); i++) {
		rep_buf_reset(&buf);
		rep_value_element_key(&buf, declared, rep_json_at(value, i));
		found = strcmp(rep_buf_str(&buf), key) == 0;
	}
	rep_buf_clear(&buf);
	return found;
}

const char *rep_record_element_stamp(const struct rep_record *record, const char *field,
				     const char *key)
{
	const char *own = rep_json_get_string(rep_json_get(record->stamps, field), key);

	if (own)
		return own;
	return rep_record_element_present(record, field, key) ? record->created.text : NULL;
}

void rep_record_put(struct rep_record *record, const char *field, struct rep_json *value,
		    const char *stamp)
{
	const struct rep_field *declared = rep_entity_field(record->entity, field);

	if (is_left_out(declared, value)) {
		rep_json_free(value);
		rep_json_del(record->fields, field);
	} else {
		if (declared && declared->type == REP_TYPE_SET &&
		    rep_json_is(value, REP_JSON_ARRAY)) {
			struct rep_json *given = value;

			value = rep_value_sorted(given);
			rep_json_free(given);
		}
		if (!value || !rep_json_set(record->fields, field, value))
			record->failed = true;
	}
	if (!stamp)
		return;
	if (strcmp(stamp, record->created.text) == 0)
		rep_json_del(record->stamps, field);
	else if (!rep_json_set_string(record->stamps, field, stamp))
		record->failed = true;
}

void rep_record_put_part_stamp(struct rep_record *record, const char *field, const char *key,
			       const char *stamp, bool present)
{
	struct rep_json *stamps = rep_json_get(record->stamps, field);

	if (present && strcmp(stamp, record->created.text) == 0) {
		if (!rep_json_is(stamps, REP_JSON_OBJECT))
			return;
		rep_json_del(stamps, key);
		if (rep_json_size(stamps) == 0)
			rep_json_del(record->stamps, field);
		return;
	}
	if (!rep_json_is(stamps, REP_JSON_OBJECT)) {
		if (!rep_json_set(record->stamps, field, rep_json_object()))
			record->failed = true;
		stamps = rep_json_get(record->stamps, field);
	}
	if (!stamps || !rep_json_set_string(stamps, key, stamp))
		record->failed = true;
}

void rep_record_put_element_stamp(struct rep_record *record, const char *field, const char *key,
				  const char *stamp)
{
	bool present = strcmp(stamp, record->created.text) == 0 &&
		       rep_record_element_present(record, field, key);

	rep_record_put_part_stamp(record, field, key, stamp, present);
}

const char *rep_record_source(const struct rep_record *record, const char *field)
{
	const char *source = record->sources ? rep_json_get_string(record->sources, field) : NULL;

	return source ? source : "rep";
}

void rep_record_put_source(struct rep_record *record, const char *field, const char *source)
{
	if (!source || strcmp(source, "rep") == 0) {
		if (!record->sources)
			return;
		rep_json_del(record->sources, field);
		if (rep_json_size(record->sources) == 0) {
			rep_json_free(record->sources);
			record->sources = NULL;
		}
		return;
	}
	if (!record->sources)
		record->sources = rep_json_object();
	if (!record->sources || !rep_json_set_string(record->sources, field, source))
		record->failed = true;
}

void rep_record_flag(struct rep_record *record, const char *flag)
{
	size_t at = 0;

	if (!record->flags)
		record->flags = rep_json_array();
	for (; record->flags && at < rep_json_size(record->flags); at++) {
		int order = strcmp(rep_json_string_value(rep_json_at(record->flags, at)), flag);
		if (order == 0)
			return;
		if (order > 0)
			break;
	}
	if (!record->flags || !rep_json_insert(record->flags, at, rep_json_string(flag)))
		record->failed = true;
}

/* The fields of a review item that repeat values of the record it is about. */
static bool bears_values(const char *field)
{
	static const char *const names[] = {"rivals", "values", "saw", "reason"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(field, names[i]) == 0)
			return true;
	}
	return false;
}

const char *rep_record_class(const struct rep_record *record, const char *field)
{
	const struct rep_field *declared = rep_entity_field(record->entity, field);

	if (record->entity->builtin == REP_BUILTIN_REVIEW)
		return record->twin && bears_values(field) ? record->twin : "open";
	return declared && declared->visibility ? declared->visibility : "open";
}
