/* Is a value acceptable, when are two the same, which is greater. */
#include "core/model/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/model/id.h"
#include "core/model/normalise.h"
#include "core/model/pattern.h"
#include "core/model/stamp.h"
#include "core/model/value_text.h"

#define KEY_SIZE_MAX 1000u /* of a map's key, in bytes */
#define KEY_LIMIT (4u * REP_TEXT_SIZE_MAX)

static enum rep_code bad(struct rep_error *err, const struct rep_field *field, const char *what)
{
	return rep_fail(err, REP_EINVAL, "%s: %s", field->name, what);
}

static enum rep_code check_text(const struct rep_field *field, const struct rep_json *value,
				struct rep_error *err)
{
	const char *text = rep_json_string_value(value);

	if (!text)
		return bad(err, field, "text is expected");
	size_t len = strlen(text);
	int64_t chars = (int64_t)rep_text_chars(text, len);

	if (len > REP_TEXT_SIZE_MAX)
		return rep_fail(err, REP_EINVAL, "%s: %zu bytes, at most %u", field->name, len,
				REP_TEXT_SIZE_MAX);
	if (field->has_min && chars < field->min)
		return rep_fail(err, REP_EINVAL, "%s: %lld characters, at least %lld", field->name,
				(long long)chars, (long long)field->min);
	if (field->has_max && chars > field->max)
		return rep_fail(err, REP_EINVAL, "%s: %lld characters, at most %lld", field->name,
				(long long)chars, (long long)field->max);
	if (field->pattern_compiled && !rep_pattern_matches(field->pattern_compiled, text))
		return rep_fail(err, REP_EINVAL, "%s: not of the form %s", field->name,
				field->pattern);
	if (!rep_text_has_format(text, field->format))
		return rep_fail(err, REP_EINVAL, "%s: no %s", field->name,
				rep_text_format_name(field->format));
	return REP_OK;
}

static enum rep_code check_integer(const struct rep_field *field, const struct rep_json *value,
				   struct rep_error *err)
{
	int64_t number = rep_json_integer_value(value);

	if (!rep_json_is(value, REP_JSON_INTEGER))
		return bad(err, field, "an integer is expected");
	if (number > REP_INT_MAX || number < -REP_INT_MAX)
		return bad(err, field, "beyond 2^53-1");
	if (field->has_min && number < field->min)
		return rep_fail(err, REP_EINVAL, "%s: %lld is below %lld", field->name,
				(long long)number, (long long)field->min);
	if (field->has_max && number > field->max)
		return rep_fail(err, REP_EINVAL, "%s: %lld is above %lld", field->name,
				(long long)number, (long long)field->max);
	return REP_OK;
}

static enum rep_code check_date(const struct rep_field *field, const struct rep_json *value,
				struct rep_error *err)
{
	const char *text = rep_json_string_value(value);
	bool dated = field->type == REP_TYPE_DATE;

	if (!text || !(dated ? rep_date_valid(text) : rep_datetime_valid(text)))
		return bad(err, field,
			   dated ? "a date like 2026-03-16 is expected"
				 : "a time like 2026-03-16T01:10:00.000Z is expected");
	if (field->min_text && strcmp(text, field->min_text) < 0)
		return rep_fail(err, REP_EINVAL, "%s: before %s", field->name, field->min_text);
	if (field->max_text && strcmp(text, field->max_text) > 0)
		return rep_fail(err, REP_EINVAL, "%s: after %s", field->name, field->max_text);
	return REP_OK;
}

static enum rep_code check_decimal(const struct rep_field *field, const struct rep_json *value,
				   struct rep_error *err)
{
	const char *text = rep_json_string_value(value);

	if (!text || !rep_decimal_valid(text, field->scale))
		return rep_fail(err, REP_EINVAL, "%s: a number with %u digits after the point",
				field->name, field->scale);
	return REP_OK;
}

static enum rep_code check_enum(const struct rep_field *field, const struct rep_json *value,
				struct rep_error *err)
{
	const char *text = rep_json_string_value(value);

	if (!text || rep_field_rank(field, text) < 0)
		return rep_fail(err, REP_EINVAL, "%s: \"%.60s\" is none of its values", field->name,
				text ? text : "?");
	return REP_OK;
}

static enum rep_code check_reference(const struct rep_field *field, const struct rep_json *value,
				     struct rep_error *err)
{
	const char *text = rep_json_string_value(value);

	return text && rep_id_valid(text) ? REP_OK : bad(err, field, "an id is expected");
}

static enum rep_code check_json(const struct rep_field *field, const struct rep_json *value,
				struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT((size_t)field->max);
	enum rep_code rc = REP_OK;

	rep_json_write(&text, value);
	if (text.failed == REP_ENOMEM)
		rc = rep_fail(err, REP_ENOMEM, "%s: out of memory", field->name);
	else if (text.failed)
		rc = rep_fail(err, REP_EINVAL, "%s: above %lld bytes, or a float", field->name,
			      (long long)field->max);
	rep_buf_clear(&text);
	return rc;
}

/* A value of one of the single types: of a field, an element, a map's value, an entry's field. */
static enum rep_code check_single(const struct rep_field *field, enum rep_type type,
				  const struct rep_json *value, struct rep_error *err)
{
	switch (type) {
	case REP_TYPE_TEXT:
		return check_text(field, value, err);
	case REP_TYPE_INTEGER:
		return check_integer(field, value, err);
	case REP_TYPE_BOOLEAN:
		return rep_json_is(value, REP_JSON_BOOL)
			       ? REP_OK
			       : bad(err, field, "true or false is expected");
	case REP_TYPE_DATE:
	case REP_TYPE_DATETIME:
		return check_date(field, value, err);
	case REP_TYPE_DECIMAL:
		return check_decimal(field, value, err);
	case REP_TYPE_ENUM:
		return check_enum(field, value, err);
	case REP_TYPE_REFERENCE:
		return check_reference(field, value, err);
	case REP_TYPE_JSON:
		return check_json(field, value, err);
	case REP_TYPE_SET:
	case REP_TYPE_LIST:
	case REP_TYPE_MAP:
		break;
	}
	return bad(err, field, "this type does not nest");
}

/* Of the keys beside the declared fields: does the value fit? */
static enum rep_code check_engine_key(const char *key, const struct rep_json *value,
				      struct rep_error *err)
{
	static const char *const texts[] = {"entry", "by", "at"};
	const char *text = rep_json_string_value(value);

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcmp(key, texts[i]) == 0)
			return text ? REP_OK
				    : rep_fail(err, REP_EINVAL, "\"%s\" of an entry must be text",
					       key);
	if (strcmp(key, "amends") != 0 && strcmp(key, "redacts") != 0)
		return rep_fail(err, REP_EINVAL, "no \"%.60s\" in an entry", key);
	return text && rep_stamp_valid(text)
		       ? REP_OK
		       : rep_fail(err, REP_EINVAL, "\"%s\" of an entry must be a stamp", key);
}

/*
 * An entry: the declared fields, `entry`, `by` and `at`, which the engine adds, and the stamp of the earlier entry that it
 * amends or redacts.
 */
static enum rep_code check_entry(const struct rep_field *field, const struct rep_json *entry,
				 struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (!rep_json_is(entry, REP_JSON_OBJECT))
		return bad(err, field, "an entry is an object");
	for (void *at = rep_json_iter(entry); !rc && at; at = rep_json_iter_next(entry, at)) {
		const char *key = rep_json_iter_key(at);
		const struct rep_json *value = rep_json_iter_value(at);
		const struct rep_field *part = NULL;

		for (size_t i = 0; i < field->fields_len; i++)
			if (strcmp(field->fields[i].name, key) == 0)
				part = &field->fields[i];
		if (part && !rep_json_is(value, REP_JSON_NULL))
			rc = check_single(part, part->type, value, err);
		else if (!part)
			rc = check_engine_key(key, value, err);
	}
	for (size_t i = 0; !rc && i < field->fields_len; i++)
		if (field->fields[i].required &&
		    rep_json_is(rep_json_get(entry, field->fields[i].name), REP_JSON_NULL))
			rc = rep_fail(err, REP_EINVAL, "an entry without \"%s\"",
				      field->fields[i].name);
	return rep_wrap(err, rc, "%s", field->name);
}

enum rep_code rep_value_check_element(const struct rep_field *field, const struct rep_json *value,
				      struct rep_error *err)
{
	if (field->type == REP_TYPE_LIST)
		return check_entry(field, value, err);
	return check_single(field, field->of, value, err);
}

void rep_value_element_key(struct rep_buf *out, const struct rep_field *field,
			   const struct rep_json *element)
{
	const char *text = rep_json_string_value(element);
	struct rep_buf form = REP_BUF_INIT(KEY_LIMIT);

	if (!text || !field->normalise) {
		rep_json_write(out, element);
		return;
	}
	rep_normalise_put(&form, text, strlen(text), field->normalise);
	if (form.failed)
		out->failed = form.failed;
	rep_json_write_string(out, rep_buf_str(&form), form.len);
	rep_buf_clear(&form);
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_keys(char **keys, size_t len)
{
	for (size_t i = 0; keys && i < len; i++)
		free(keys[i]);
	free(keys);
}

/* The keys of a set's elements, sorted; NULL without memory. Freed by free_keys. */
static char **element_keys(const struct rep_field *field, const struct rep_json *set)
{
	size_t len = rep_json_size(set);
	char **keys = calloc(len ? len : 1, sizeof *keys);

	for (size_t i = 0; keys && i < len; i++) {
		struct rep_buf key = REP_BUF_INIT(KEY_LIMIT);

		rep_value_element_key(&key, field, rep_json_at(set, i));
		keys[i] = rep_buf_take(&key);
		if (!keys[i]) {
			free_keys(keys, len);
			return NULL;
		}
	}
	if (keys)
		qsort(keys, len, sizeof *keys, compare_text);
	return keys;
}

static enum rep_code check_twins(const struct rep_field *field, const struct rep_json *set,
				 struct rep_error *err)
{
	size_t len = rep_json_size(set);
	char **keys = element_keys(field, set);
	enum rep_code rc = REP_OK;

	if (!keys)
		return rep_fail(err, REP_ENOMEM, "%s: out of memory", field->name);
	for (size_t i = 1; rc == REP_OK && i < len; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			rc = bad(err, field, "an element stands there twice");
	free_keys(keys, len);
	return rc;
}

static enum rep_code check_array(const struct rep_field *field, const struct rep_json *value,
				 struct rep_error *err)
{
	size_t len = rep_json_size(value);
	enum rep_code rc = REP_OK;

	if (!rep_json_is(value, REP_JSON_ARRAY))
		return bad(err, field, "an array is expected");
	for (size_t i = 0; !rc && i < len; i++)
		rc = rep_value_check_element(field, rep_json_at(value, i), err);
	return rc || field->type != REP_TYPE_SET ? rc : check_twins(field, value, err);
}

static enum rep_code check_map(const struct rep_field *field, const struct rep_json *value,
			       struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (!rep_json_is(value, REP_JSON_OBJECT))
		return bad(err, field, "an object is expected");
	for (void *at = rep_json_iter(value); !rc && at; at = rep_json_iter_next(value, at)) {
		const char *key = rep_json_iter_key(at);

		if (!*key || strlen(key) > KEY_SIZE_MAX ||
		    (field->keys_pattern_compiled &&
		     !rep_pattern_matches(field->keys_pattern_compiled, key)))
			return rep_fail(err, REP_EINVAL, "%s: \"%.60s\" is no key of it",
					field->name, key);
		rc = rep_value_check_element(field, rep_json_iter_value(at), err);
	}
	return rc;
}

enum rep_code rep_value_check(const struct rep_field *field, const struct rep_json *value,
			      struct rep_error *err)
{
	if (rep_json_is(value, REP_JSON_NULL))
		return REP_OK;
	if (field->type == REP_TYPE_SET || field->type == REP_TYPE_LIST)
		return check_array(field, value, err);
	if (field->type == REP_TYPE_MAP)
		return check_map(field, value, err);
	return check_single(field, field->type, value, err);
}

bool rep_value_empty(const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);

	if (rep_json_is(value, REP_JSON_ARRAY) || rep_json_is(value, REP_JSON_OBJECT))
		return rep_json_size(value) == 0;
	return rep_json_is(value, REP_JSON_NULL) || (text && !*text);
}

static bool same_sets(const struct rep_field *field, const struct rep_json *a,
		      const struct rep_json *b)
{
	size_t len = rep_json_size(a);

	if (len != rep_json_size(b))
		return false;
	char **left = element_keys(field, a);
	char **right = element_keys(field, b);
	bool same = left && right;

	for (size_t i = 0; same && i < len; i++)
		same = strcmp(left[i], right[i]) == 0;
	free_keys(left, len);
	free_keys(right, len);
	return same;
}

bool rep_value_same(const struct rep_field *field, const struct rep_json *a,
		    const struct rep_json *b)
{
	const char *left = rep_json_string_value(a);
	const char *right = rep_json_string_value(b);

	if (field->type == REP_TYPE_SET || field->type == REP_TYPE_LIST ||
	    field->type == REP_TYPE_MAP) {
		if (rep_value_empty(a) || rep_value_empty(b))
			return rep_value_empty(a) && rep_value_empty(b);
		return field->type == REP_TYPE_SET ? same_sets(field, a, b) : rep_json_equal(a, b);
	}
	if (!left || !right || !field->normalise)
		return rep_json_equal(a, b);
	struct rep_buf forms[2] = {REP_BUF_INIT(KEY_LIMIT), REP_BUF_INIT(KEY_LIMIT)};

	rep_normalise_put(&forms[0], left, strlen(left), field->normalise);
	rep_normalise_put(&forms[1], right, strlen(right), field->normalise);
	bool same = !forms[0].failed && !forms[1].failed &&
		    strcmp(rep_buf_str(&forms[0]), rep_buf_str(&forms[1])) == 0;

	rep_buf_clear(&forms[0]);
	rep_buf_clear(&forms[1]);
	return same;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

int rep_value_compare(const struct rep_field *field, const struct rep_json *a,
		      const struct rep_json *b)
{
	const char *left = rep_json_string_value(a);
	const char *right = rep_json_string_value(b);
	bool no_a = rep_json_is(a, REP_JSON_NULL), no_b = rep_json_is(b, REP_JSON_NULL);

	if (no_a || no_b)
		return (int)no_b - (int)no_a;
	if (field->type == REP_TYPE_BOOLEAN)
		return (int)rep_json_bool_value(a) - (int)rep_json_bool_value(b);
	if (field->type == REP_TYPE_INTEGER)
		return compare_numbers(rep_json_integer_value(a), rep_json_integer_value(b));
	if (!left || !right)
		return 0;
	if (field->type == REP_TYPE_ENUM)
		return compare_numbers(rep_field_rank(field, left), rep_field_rank(field, right));
	if (field->type == REP_TYPE_DECIMAL)
		return rep_decimal_compare(left, right);
	return strcmp(left, right);
}

static struct rep_json *stored_text(const struct rep_field *field, const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);
	struct rep_buf form = REP_BUF_INIT(KEY_LIMIT);

	if (!text || !(field->normalise & REP_NORM_PHONE))
		return rep_json_ref(value);
	rep_normalise_put(&form, text, strlen(text), REP_NORM_PHONE);
	/* What has no digit at all is kept: the check then says what is wrong with it. */
	struct rep_json *out = form.failed || !form.len
				       ? rep_json_ref(value)
				       : rep_json_string_n(rep_buf_str(&form), form.len);

	rep_buf_clear(&form);
	return out;
}

static int compare_elements(const void *a, const void *b)
{
	const char *x = rep_json_string_value(*(const struct rep_json *const *)a);
	const char *y = rep_json_string_value(*(const struct rep_json *const *)b);

	return x && y ? strcmp(x, y) : !!x - !!y;
}

struct rep_json *rep_value_sorted(const struct rep_json *set)
{
	size_t len = rep_json_size(set);
	const struct rep_json **elements = calloc(len + 1, sizeof *elements);
	struct rep_json *out = elements ? rep_json_array() : NULL;
	bool ok = out;

	for (size_t i = 0; ok && i < len; i++)
		elements[i] = rep_json_at(set, i);
	if (ok)
		qsort(elements, len, sizeof *elements, compare_elements);
	for (size_t i = 0; ok && i < len; i++)
		if (i == 0 || !rep_json_equal(elements[i], elements[i - 1]))
			ok = rep_json_append(out, rep_json_ref(elements[i]));
	free(elements);
	if (ok)
		return out;
	rep_json_free(out);
	return NULL;
}

static struct rep_json *stored_set(const struct rep_field *field, const struct rep_json *set)
{
	struct rep_json *stored = rep_json_array(), *out;
	bool ok = stored;

	for (size_t i = 0; ok && i < rep_json_size(set); i++)
		ok = rep_json_append(stored, stored_text(field, rep_json_at(set, i)));
	out = ok ? rep_value_sorted(stored) : NULL;
	rep_json_free(stored);
	return out;
}

struct rep_json *rep_value_stored(const struct rep_field *field, const struct rep_json *value)
{
	if (field->type == REP_TYPE_SET && rep_json_is(value, REP_JSON_ARRAY))
		return stored_set(field, value);
	if (field->type == REP_TYPE_TEXT)
		return stored_text(field, value);
	return rep_json_ref(value);
}
