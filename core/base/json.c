#include "core/base/json.h"

#include <string.h>

#include <jansson.h>

/*
 * A struct rep_json is never defined: its pointers are Jansson's. The const of our signatures is a
 * promise to the caller; Jansson's own signatures do not carry it, hence the way over an integer.
 */
static json_t *raw(const struct rep_json *value)
{
	return (json_t *)(uintptr_t)value;
}

static struct rep_json *wrap(json_t *value)
{
	return (struct rep_json *)value;
}

enum rep_json_type rep_json_type(const struct rep_json *value)
{
	if (!value)
		return REP_JSON_NULL;
	switch (json_typeof(raw(value))) {
	case JSON_OBJECT:
		return REP_JSON_OBJECT;
	case JSON_ARRAY:
		return REP_JSON_ARRAY;
	case JSON_STRING:
		return REP_JSON_STRING;
	case JSON_INTEGER:
		return REP_JSON_INTEGER;
	case JSON_TRUE:
	case JSON_FALSE:
		return REP_JSON_BOOL;
	case JSON_REAL: /* no function of ours makes one */
	case JSON_NULL:
		break;
	}
	return REP_JSON_NULL;
}

bool rep_json_is(const struct rep_json *value, enum rep_json_type type)
{
	return rep_json_type(value) == type;
}

bool rep_json_equal(const struct rep_json *a, const struct rep_json *b)
{
	if (a == b)
		return true;
	if (!a || !b)
		return json_is_null(raw(a ? a : b));
	return json_equal(raw(a), raw(b));
}

struct rep_json *rep_json_ref(const struct rep_json *value)
{
	return wrap(json_incref(raw(value)));
}

struct rep_json *rep_json_dup(const struct rep_json *value)
{
	return value ? wrap(json_deep_copy(raw(value))) : NULL;
}

void rep_json_free(struct rep_json *value)
{
	json_decref(raw(value));
}

struct rep_json *rep_json_null(void)
{
	return wrap(json_null());
}

struct rep_json *rep_json_bool(bool value)
{
	return wrap(json_boolean(value));
}

struct rep_json *rep_json_integer(int64_t value)
{
	return wrap(json_integer(value));
}

struct rep_json *rep_json_string(const char *text)
{
	return wrap(json_string(text));
}

struct rep_json *rep_json_string_n(const char *text, size_t len)
{
	return memchr(text, 0, len) ? NULL : wrap(json_stringn(text, len));
}

struct rep_json *rep_json_array(void)
{
	return wrap(json_array());
}

struct rep_json *rep_json_object(void)
{
	return wrap(json_object());
}

bool rep_json_bool_value(const struct rep_json *value)
{
	return json_is_true(raw(value));
}

int64_t rep_json_integer_value(const struct rep_json *value)
{
	return json_integer_value(raw(value));
}

const char *rep_json_string_value(const struct rep_json *value)
{
	return json_string_value(raw(value));
}

struct rep_json *rep_json_get(const struct rep_json *object, const char *key)
{
	return wrap(json_object_get(raw(object), key));
}

const char *rep_json_get_string(const struct rep_json *object, const char *key)
{
	return json_string_value(json_object_get(raw(object), key));
}

int64_t rep_json_get_integer(const struct rep_json *object, const char *key)
{
	return json_integer_value(json_object_get(raw(object), key));
}

bool rep_json_get_bool(const struct rep_json *object, const char *key)
{
	return json_is_true(json_object_get(raw(object), key));
}

bool rep_json_set(struct rep_json *object, const char *key, struct rep_json *value)
{
	return json_object_set_new(raw(object), key, raw(value)) == 0;
}

bool rep_json_set_string(struct rep_json *object, const char *key, const char *text)
{
	return rep_json_set(object, key, rep_json_string(text));
}

bool rep_json_set_integer(struct rep_json *object, const char *key, int64_t value)
{
	return rep_json_set(object, key, rep_json_integer(value));
}

void rep_json_del(struct rep_json *object, const char *key)
{
	json_object_del(raw(object), key);
}

size_t rep_json_size(const struct rep_json *object_or_array)
{
	return json_is_object(raw(object_or_array)) ? json_object_size(raw(object_or_array))
						    : json_array_size(raw(object_or_array));
}

struct rep_json *rep_json_at(const struct rep_json *array, size_t index)
{
	return wrap(json_array_get(raw(array), index));
}

bool rep_json_append(struct rep_json *array, struct rep_json *value)
{
	return json_array_append_new(raw(array), raw(value)) == 0;
}

bool rep_json_insert(struct rep_json *array, size_t index, struct rep_json *value)
{
	return json_array_insert_new(raw(array), index, raw(value)) == 0;
}

void rep_json_remove(struct rep_json *array, size_t index)
{
	json_array_remove(raw(array), index);
}

void *rep_json_iter(const struct rep_json *object)
{
	return json_object_iter(raw(object));
}

void *rep_json_iter_next(const struct rep_json *object, void *iter)
{
	return json_object_iter_next(raw(object), iter);
}

const char *rep_json_iter_key(void *iter)
{
	return json_object_iter_key(iter);
}

struct rep_json *rep_json_iter_value(void *iter)
{
	return wrap(json_object_iter_value(iter));
}

void rep_json_init(void)
{
	json_object_seed(1);
}
