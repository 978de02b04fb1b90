/*
 * Whether a tree that the program built is one that a reader would take.
 */
#include "core/base/json.h"

#include <string.h>

#include <jansson.h>

#include "core/base/limits.h"
#include "core/base/text.h"

static enum rep_code check_value(json_t *value, unsigned depth_left, struct rep_error *err);

static enum rep_code check_object(json_t *object, unsigned depth_left, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (void *it = json_object_iter(object); it && rc == REP_OK;
	     it = json_object_iter_next(object, it)) {
		const char *key = json_object_iter_key(it);

		rc = rep_text_check_nfc(key, strlen(key), err);
		if (rc == REP_OK)
			rc = check_value(json_object_iter_value(it), depth_left, err);
	}
	return rc;
}

static enum rep_code check_array(json_t *array, unsigned depth_left, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; i < json_array_size(array) && rc == REP_OK; i++)
		rc = check_value(json_array_get(array, i), depth_left, err);
	return rc;
}

static enum rep_code check_value(json_t *value, unsigned depth_left, struct rep_error *err)
{
	const json_int_t integer = json_integer_value(value);

	if ((json_is_object(value) || json_is_array(value)) && depth_left-- == 0)
		return rep_fail(err, REP_EINVAL, "nested too deep");
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return check_object(value, depth_left, err);
	case JSON_ARRAY:
		return check_array(value, depth_left, err);
	case JSON_STRING:
		return rep_text_check_nfc(json_string_value(value), json_string_length(value), err);
	case JSON_INTEGER:
		if (integer > REP_INT_MAX || integer < -REP_INT_MAX)
			return rep_fail(err, REP_EINVAL, "an integer beyond 2^53-1");
		break;
	case JSON_REAL:
		return rep_fail(err, REP_EINVAL, "a number that is not an integer");
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}
	return REP_OK;
}

enum rep_code rep_json_check(const struct rep_json *value, unsigned depth_max,
			     struct rep_error *err)
{
	if (!value)
		return rep_fail(err, REP_ENOMEM, "build JSON: out of memory");
	return check_value((json_t *)(uintptr_t)value, depth_max, err);
}
