#include "core/store/assign.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"

#define KEY_SIZE_MAX (4u * REP_TEXT_SIZE_MAX)

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "assignment: no memory");
}

/* ---- reading ---- */

static enum rep_code read_json(struct rep_json **out, const char *text, struct rep_error *err)
{
	return rep_json_parse(out, text, strlen(text), REP_LINE_SIZE_MAX, REP_JSON_DEPTH_MAX, err);
}

/* An entry: an object, or the text of the first field that is one. */
static enum rep_code read_entry(struct rep_json **out, const struct rep_field *field,
				const char *text, struct rep_error *err)
{
	struct rep_json *value = NULL;
	enum rep_code rc;

	if (text[0] == '{')
		return read_json(out, text, err);
	if (field->fields_len == 0)
		return rep_fail(err, REP_EINVAL, "%s: an entry has no fields", field->name);
	rc = rep_value_read(&value, &field->fields[0], text, err);
	if (rc != REP_OK)
		return rc;
	*out = rep_json_object();
	return rep_json_set(*out, field->fields[0].name, value) ? REP_OK : no_memory(err);
}

/* `key:value`, or `key` alone where it is taken out: as an object with one key. */
static enum rep_code read_key(struct rep_json **out, const struct rep_field *field,
			      enum rep_assign_op op, const char *text, struct rep_error *err)
{
	struct rep_field single = *field;
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	struct rep_json *value = NULL;
	enum rep_code rc = REP_OK;
	char *key;

	if (op == REP_ASSIGN_ADD && !colon)
		return rep_fail(err, REP_EINVAL, "%s: key:value is expected", field->name);
	single.type = single.of;
	if (op == REP_ASSIGN_ADD)
		rc = rep_value_read(&value, &single, colon + 1, err);
	if (rc != REP_OK)
		return rc;
	key = strndup(text, len);
	*out = rep_json_object();
	if (!key || !rep_json_set(*out, key, value ? value : rep_json_null()))
		rc = no_memory(err);
	free(key);
	return rc;
}

static enum rep_code read_part(struct rep_json **out, const struct rep_field *field,
			       enum rep_assign_op op, const char *text, struct rep_error *err)
{
	switch (field->type) {
	case REP_TYPE_SET:
	case REP_TYPE_INTEGER:
		return rep_value_read(out, field, text, err);
	case REP_TYPE_MAP:
		return read_key(out, field, op, text, err);
	case REP_TYPE_LIST:
		if (op == REP_ASSIGN_ADD)
			return read_entry(out, field, text, err);
		return rep_fail(err, REP_EINVAL, "%s: entries of a list are only added",
				field->name);
	case REP_TYPE_TEXT:
	case REP_TYPE_BOOLEAN:
	case REP_TYPE_DATE:
	case REP_TYPE_DATETIME:
	case REP_TYPE_DECIMAL:
	case REP_TYPE_ENUM:
	case REP_TYPE_REFERENCE:
	case REP_TYPE_JSON:
		break;
	}
	return rep_fail(err, REP_EINVAL, "%s: += and -= are for sets, lists, maps and integers",
			field->name);
}

static enum rep_code read_whole(struct rep_json **out, const struct rep_field *field, bool as_json,
				const char *text, struct rep_error *err)
{
	enum rep_code rc;

	if (as_json || (field->type == REP_TYPE_JSON && *text))
		rc = read_json(out, text, err);
	else
		return rep_value_read(out, field, text, err);
	return rc == REP_OK ? rep_value_check(field, *out, err) : rc;
}

enum rep_code rep_assign_parse(struct rep_assign *out, struct rep_json **value, char *field_storage,
			       size_t field_size, const struct rep_entity *entity, const char *text,
			       struct rep_error *err)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
	const char *sign = text + len;
	const char *rest = sign + (*sign == '=' ? 1 : 2);
	const struct rep_field *field;
	enum rep_code rc;

	*value = NULL;
	*out = (struct rep_assign){.op = REP_ASSIGN_SET};
	if (len == 0 || len >= field_size ||
	    (*sign != '=' && (!strchr(":+-", *sign) || !*sign || sign[1] != '=')))
		return rep_fail(err, REP_EUSAGE, "\"%.60s\": field=value is expected", text);
	memcpy(field_storage, text, len);
	field_storage[len] = '\0';
	field = rep_entity_field(entity, field_storage);
	if (!field)
		return rep_fail(err, REP_EINVAL, "%s has no field %s", entity->name, field_storage);
	if (*sign == '+')
		out->op = REP_ASSIGN_ADD;
	if (*sign == '-')
		out->op = REP_ASSIGN_REMOVE;
	rc = out->op == REP_ASSIGN_SET ? read_whole(value, field, *sign == ':', rest, err)
				       : read_part(value, field, out->op, rest, err);
	if (rc != REP_OK) {
		rep_json_free(*value);
		*value = NULL;
		return rc;
	}
	out->field = field_storage;
	out->value = *value;
	return REP_OK;
}

/* ---- applying ---- */

static bool has_element(const struct rep_field *field, const struct rep_json *set, const char *key)
{
	struct rep_buf other = REP_BUF_INIT(KEY_SIZE_MAX);
	bool found = false;

	for (size_t i = 0; !found && i < rep_json_size(set); i++) {
		rep_buf_reset(&other);
		rep_value_element_key(&other, field, rep_json_at(set, i));
		found = strcmp(rep_buf_str(&other), key) == 0;
	}
	rep_buf_clear(&other);
	return found;
}

/* Appends the elements of `from` that `without` lacks to `out`. */
static bool add_elements(const struct rep_field *field, struct rep_json *out,
			 const struct rep_json *from, const struct rep_json *without)
{
	struct rep_buf key = REP_BUF_INIT(KEY_SIZE_MAX);
	bool ok = true;

	for (size_t i = 0; ok && i < rep_json_size(from); i++) {
		rep_buf_reset(&key);
		rep_value_element_key(&key, field, rep_json_at(from, i));
		if (!has_element(field, without, rep_buf_str(&key)))
			ok = rep_json_append(out, rep_json_ref(rep_json_at(from, i)));
	}
	rep_buf_clear(&key);
	return ok;
}

static struct rep_json *change_set(const struct rep_field *field, const struct rep_assign *assign,
				   const struct rep_json *current)
{
	struct rep_json *out = rep_json_array();
	bool adds = assign->op == REP_ASSIGN_ADD;

	if (add_elements(field, out, current, adds ? NULL : assign->value) &&
	    (!adds || add_elements(field, out, assign->value, out)))
		return out;
	rep_json_free(out);
	return NULL;
}

static struct rep_json *change_map(const struct rep_assign *assign, const struct rep_json *current)
{
	struct rep_json *out = current ? rep_json_dup(current) : rep_json_object();

	for (void *it = rep_json_iter(assign->value); out && it;
	     it = rep_json_iter_next(assign->value, it)) {
		if (assign->op == REP_ASSIGN_REMOVE)
			rep_json_del(out, rep_json_iter_key(it));
		else if (!rep_json_set(out, rep_json_iter_key(it),
				       rep_json_ref(rep_json_iter_value(it)))) {
			rep_json_free(out);
			out = NULL;
		}
	}
	return out;
}

static struct rep_json *change_list(const struct rep_assign *assign, const struct rep_json *current)
{
	struct rep_json *out = current ? rep_json_dup(current) : rep_json_array();

	if (out && rep_json_append(out, rep_json_ref(assign->value)))
		return out;
	rep_json_free(out);
	return NULL;
}

static struct rep_json *change_number(const struct rep_assign *assign,
				      const struct rep_json *current)
{
	int64_t now = rep_json_integer_value(current);
	int64_t by = rep_json_integer_value(assign->value);

	return rep_json_integer(assign->op == REP_ASSIGN_ADD ? now + by : now - by);
}

static struct rep_json *change(const struct rep_field *field, const struct rep_assign *assign,
			       const struct rep_json *current)
{
	if (assign->op == REP_ASSIGN_SET)
		return assign->value ? rep_json_ref(assign->value) : rep_json_null();
	if (field->type == REP_TYPE_SET)
		return change_set(field, assign, current);
	if (field->type == REP_TYPE_MAP)
		return change_map(assign, current);
	if (field->type == REP_TYPE_LIST)
		return change_list(assign, current);
	return change_number(assign, current);
}

static bool fits(const struct rep_field *field, const struct rep_assign *assign)
{
	if (assign->op == REP_ASSIGN_SET)
		return true;
	if (field->type == REP_TYPE_SET)
		return rep_json_is(assign->value, REP_JSON_ARRAY);
	if (field->type == REP_TYPE_MAP)
		return rep_json_is(assign->value, REP_JSON_OBJECT);
	if (field->type == REP_TYPE_LIST)
		return assign->op == REP_ASSIGN_ADD && rep_json_is(assign->value, REP_JSON_OBJECT);
	return field->type == REP_TYPE_INTEGER && rep_json_is(assign->value, REP_JSON_INTEGER);
}

enum rep_code rep_assign_apply(struct rep_json **out, const struct rep_field *field,
			       const struct rep_assign *assign, const struct rep_json *current,
			       struct rep_error *err)
{
	struct rep_json *value;
	enum rep_code rc;

	*out = NULL;
	if (!fits(field, assign))
		return rep_fail(err, REP_EINVAL, "%s: += and -= do not fit this value",
				field->name);
	value = change(field, assign, current);
	if (!value)
		return no_memory(err);
	rc = rep_value_check(field, value, err);
	if (rc == REP_OK && !rep_json_is(value, REP_JSON_NULL)) {
		*out = rep_value_stored(field, value);
		rc = *out ? REP_OK : no_memory(err);
	}
	rep_json_free(value);
	return rc;
}
