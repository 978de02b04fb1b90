/*
 * Reading JSON. Before Jansson sees a byte, size and nesting are bounded and numbers that are no
 * plain integers refused: Jansson reads 1e400 or 0.1 only to lose them, and takes 83 bytes of memory
 * for each byte of hostile input. What it does not refuse itself (NFC, 2^53, canonical order) is
 * checked on the parsed tree.
 */
#include "core/base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include <jansson.h>

#include "core/base/limits.h"
#include "core/base/text.h"

/*
 * Jansson 2.14 tells of a failed allocation in its lexer as of a syntax error ("string or '}' expected"),
 * or not at all and gives a token cut short: the hub would call a good change set bad. So its
 * allocations go through here, where one that fails is remembered for the thread. They come from malloc
 * as before, so it does not matter when the hook is set.
 */
static _Thread_local bool ran_out;

static void *watched_malloc(size_t size)
{
	void *memory = malloc(size);

	ran_out = ran_out || !memory;
	return memory;
}

static void set_hook(void)
{
	json_set_alloc_funcs(watched_malloc, free);
}

static void watch_memory(void)
{
	static once_flag once = ONCE_FLAG_INIT;

	call_once(&once, set_hook);
}

/* What is read, and how places in it are told: by offset for machines' lines, else line and column. */
struct source {
	const char *data;
	size_t len;
	bool canonical;
};

struct place {
	char text[64];
};

static struct place place_of(const struct source *source, size_t offset)
{
	struct place place;
	size_t line = 1, column = 1;

	for (size_t i = 0; i < offset && i < source->len; i++) {
		unsigned char byte = (unsigned char)source->data[i];

		if (byte == '\n') {
			line++;
			column = 1;
		} else if ((byte & 0xC0) != 0x80) {
			column++;
		}
	}
	if (source->canonical)
		snprintf(place.text, sizeof place.text, "byte %zu", offset);
	else
		snprintf(place.text, sizeof place.text, "line %zu column %zu", line, column);
	return place;
}

static enum rep_code refuse(const struct source *source, size_t offset, const char *fact,
			    struct rep_error *err)
{
	if (!source->data)
		return rep_fail(err, REP_EINVAL, "%s", fact);
	return rep_fail(err, REP_EINVAL, "%s: %s", place_of(source, offset).text, fact);
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* A number at *at: integers pass, with *at behind them; Jansson judges their size and zeros. */
static enum rep_code scan_number(const struct source *source, size_t *at, struct rep_error *err)
{
	size_t start = *at, i = start;
	const char *data = source->data;

	if (data[i] == '-')
		i++;
	while (i < source->len && is_digit(data[i]))
		i++;
	if (i < source->len && (data[i] == '.' || data[i] == 'e' || data[i] == 'E'))
		return refuse(source, start, "a number that is not an integer", err);
	if (i - start == 2 && data[start] == '-' && data[start + 1] == '0')
		return refuse(source, start, "minus zero", err);
	*at = i;
	return REP_OK;
}

/* The offset behind the string that starts at `at`, or the end of the data. */
static size_t skip_string(const struct source *source, size_t at)
{
	for (at++; at < source->len && source->data[at] != '"'; at++)
		if (source->data[at] == '\\')
			at++;
	return at < source->len ? at + 1 : source->len;
}

static enum rep_code scan(const struct source *source, unsigned depth_max, struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	unsigned depth = 0;
	size_t at = 0;

	while (rc == REP_OK && at < source->len) {
		char byte = source->data[at];

		if (byte == '"') {
			at = skip_string(source, at);
		} else if (byte == '-' || is_digit(byte)) {
			rc = scan_number(source, &at, err);
		} else {
			if ((byte == '{' || byte == '[') && ++depth > depth_max)
				rc = refuse(source, at, "nested too deep", err);
			if ((byte == '}' || byte == ']') && depth > 0)
				depth--;
			at++;
		}
	}
	return rc;
}

/* Where the string stands, as far as it stands there unescaped. */
static size_t offset_of(const struct source *source, const char *text)
{
	const char *found =
		source->data ? memmem(source->data, source->len, text, strlen(text)) : NULL;

	return found ? (size_t)(found - source->data) : 0;
}

static enum rep_code check_text(const struct source *source, const char *text, size_t len,
				struct rep_error *err)
{
	struct rep_error why;
	enum rep_code rc = rep_text_check_nfc(text, len, &why);

	if (rc == REP_OK)
		return REP_OK;
	if (rc == REP_EINVAL)
		return refuse(source, offset_of(source, text), why.msg, err);
	return rep_fail(err, rc, "%s", why.msg);
}

static enum rep_code check_integer(const struct source *source, json_int_t value,
				   struct rep_error *err)
{
	char text[32];

	if (value <= REP_INT_MAX && value >= -REP_INT_MAX)
		return REP_OK;
	snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, value);
	return refuse(source, offset_of(source, text), "an integer beyond 2^53-1", err);
}

static enum rep_code check_value(const struct source *source, json_t *value, unsigned depth_left,
				 struct rep_error *err);

static enum rep_code check_object(const struct source *source, json_t *object, unsigned depth_left,
				  struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (void *it = json_object_iter(object); it && rc == REP_OK;
	     it = json_object_iter_next(object, it)) {
		const char *key = json_object_iter_key(it);

		rc = check_text(source, key, strlen(key), err);
		if (rc == REP_OK)
			rc = check_value(source, json_object_iter_value(it), depth_left, err);
	}
	return rc;
}

static enum rep_code check_array(const struct source *source, json_t *array, unsigned depth_left,
				 struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; i < json_array_size(array) && rc == REP_OK; i++)
		rc = check_value(source, json_array_get(array, i), depth_left, err);
	return rc;
}

static enum rep_code check_value(const struct source *source, json_t *value, unsigned depth_left,
				 struct rep_error *err)
{
	if ((json_is_object(value) || json_is_array(value)) && depth_left-- == 0)
		return refuse(source, 0, "nested too deep", err);
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return check_object(source, value, depth_left, err);
	case JSON_ARRAY:
		return check_array(source, value, depth_left, err);
	case JSON_STRING:
		return check_text(source, json_string_value(value), json_string_length(value), err);
	case JSON_INTEGER:
		return check_integer(source, json_integer_value(value), err);
	case JSON_REAL:
		return refuse(source, 0, "a number that is not an integer", err);
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
	struct source none = {.data = NULL};

	if (!value)
		return rep_fail(err, REP_ENOMEM, "build JSON: out of memory");
	return check_value(&none, (json_t *)(uintptr_t)value, depth_max, err);
}

static enum rep_code refuse_parse(const struct source *source, const json_error_t *error,
				  struct rep_error *err)
{
	struct rep_buf fact = REP_BUF_INIT(1024);
	enum rep_code rc;

	rep_text_safe_put(&fact, error->text, strlen(error->text));
	rc = refuse(source, error->position > 0 ? (size_t)error->position : 0, rep_buf_str(&fact),
		    err);
	rep_buf_clear(&fact);
	return rc;
}

static enum rep_code parse(json_t **out, const struct source *source, unsigned depth_max,
			   struct rep_error *err)
{
	json_error_t error;
	enum rep_code rc = scan(source, depth_max, err);
	json_t *value;

	*out = NULL;
	if (rc != REP_OK)
		return rc;
	watch_memory();
	ran_out = false;
	value = json_loadb(source->data, source->len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
			   &error);
	if (ran_out) {
		json_decref(value);
		return rep_fail(err, REP_ENOMEM, "parse JSON: out of memory");
	}
	if (!value)
		return refuse_parse(source, &error, err);
	rc = check_value(source, value, depth_max, err);
	if (rc == REP_OK)
		*out = value;
	else
		json_decref(value);
	return rc;
}

enum rep_code rep_json_parse(struct rep_json **out, const char *data, size_t len, size_t size_max,
			     unsigned depth_max, struct rep_error *err)
{
	struct source source = {.data = data, .len = len};
	enum rep_code rc;
	json_t *value = NULL;

	*out = NULL;
	if (len > size_max)
		return rep_fail(err, REP_ELIMIT, "%zu bytes of JSON are more than the %zu allowed",
				len, size_max);
	rc = parse(&value, &source, depth_max, err);
	*out = (struct rep_json *)value;
	return rc;
}

/* Writes the parsed value again: what differs is what a canonical writer would not have written. */
static enum rep_code check_canonical(const struct source *source, const json_t *value,
				     struct rep_error *err)
{
	struct rep_buf again = REP_BUF_INIT(source->len + REP_LINE_SIZE_MAX);
	enum rep_code rc;
	size_t at = 0;

	rep_json_write(&again, (const struct rep_json *)value);
	rc = rep_buf_check(&again, "canonical form", err);
	if (rc != REP_OK)
		goto out;
	while (at < source->len && at < again.len && source->data[at] == again.data[at])
		at++;
	if (at < source->len || at < again.len)
		rc = refuse(source, at, "not canonical", err);
out:
	rep_buf_clear(&again);
	return rc;
}

enum rep_code rep_json_parse_canonical(struct rep_json **out, const char *data, size_t len,
				       unsigned depth_max, struct rep_error *err)
{
	struct source source = {.data = data, .len = len, .canonical = true};
	enum rep_code rc;
	json_t *value = NULL;

	*out = NULL;
	if (len > REP_LINE_SIZE_MAX)
		return rep_fail(err, REP_ELIMIT, "a line of %zu bytes is more than the %u allowed",
				len, REP_LINE_SIZE_MAX);
	rc = parse(&value, &source, depth_max, err);
	if (rc == REP_OK)
		rc = check_canonical(&source, value, err);
	if (rc == REP_OK)
		*out = (struct rep_json *)value;
	else
		json_decref(value);
	return rc;
}
