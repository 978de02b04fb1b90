/*
 * The canonical writer. By hand, because Jansson's own escapes differ (it writes \u007F and upper-case
 * digits), and because what is signed must not change with a library's version.
 */
#include "core/base/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/base/limits.h"

/* No document of ours nests deeper; bounds the recursion on trees that the program built itself. */
#define WRITE_DEPTH_MAX 64u

static void write_value(struct rep_buf *out, json_t *value, unsigned depth);

static void fail(struct rep_buf *out, enum rep_code code)
{
	if (!out->failed)
		out->failed = code;
}

static void write_escape(struct rep_buf *out, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";
	char text[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
	static const char named[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *found = byte ? strchr(named, byte) : NULL;

	if (found)
		text[1] = letters[found - named];
	rep_buf_put(out, text, found ? 2 : sizeof text);
}

void rep_json_write_string(struct rep_buf *out, const char *text, size_t len)
{
	size_t start = 0;

	rep_buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte >= 0x20 && byte != '"' && byte != '\\')
			continue;
		rep_buf_put(out, text + start, i - start);
		write_escape(out, byte);
		start = i + 1;
	}
	rep_buf_put(out, text + start, len - start);
	rep_buf_putc(out, '"');
}

static void write_integer(struct rep_buf *out, json_int_t value)
{
	if (value > REP_INT_MAX || value < -REP_INT_MAX)
		fail(out, REP_EINVAL);
	rep_buf_printf(out, "%" JSON_INTEGER_FORMAT, value);
}

static int compare_iters(const void *a, const void *b)
{
	return strcmp(json_object_iter_key(*(void *const *)a),
		      json_object_iter_key(*(void *const *)b));
}

/* The iterators of `object`, sorted by key, in `few` when they fit, else in memory to be freed. */
static void **sorted_iters(json_t *object, void **few, size_t few_cap, size_t *len)
{
	size_t size = json_object_size(object), i = 0;
	void **iters = size <= few_cap ? few : calloc(size, sizeof *iters);
	bool sorted = true;

	*len = size;
	if (!iters)
		return NULL;
	for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
		iters[i] = it;
		sorted = sorted && (i == 0 || compare_iters(&iters[i - 1], &iters[i]) < 0);
		i++;
	}
	if (!sorted)
		qsort(iters, size, sizeof *iters, compare_iters);
	return iters;
}

static void write_object(struct rep_buf *out, json_t *object, unsigned depth)
{
	void *few[32], **iters;
	size_t len;

	iters = sorted_iters(object, few, sizeof few / sizeof *few, &len);
	if (!iters) {
		fail(out, REP_ENOMEM);
		return;
	}
	rep_buf_putc(out, '{');
	for (size_t i = 0; i < len && !out->failed; i++) {
		const char *key = json_object_iter_key(iters[i]);

		if (i > 0)
			rep_buf_putc(out, ',');
		rep_json_write_string(out, key, strlen(key));
		rep_buf_putc(out, ':');
		write_value(out, json_object_iter_value(iters[i]), depth + 1);
	}
	rep_buf_putc(out, '}');
	if (iters != few)
		free(iters);
}

static void write_array(struct rep_buf *out, json_t *array, unsigned depth)
{
	rep_buf_putc(out, '[');
	for (size_t i = 0; i < json_array_size(array) && !out->failed; i++) {
		if (i > 0)
			rep_buf_putc(out, ',');
		write_value(out, json_array_get(array, i), depth + 1);
	}
	rep_buf_putc(out, ']');
}

static void write_value(struct rep_buf *out, json_t *value, unsigned depth)
{
	if (!value || depth > WRITE_DEPTH_MAX) {
		fail(out, REP_EINVAL);
		return;
	}
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		write_object(out, value, depth);
		break;
	case JSON_ARRAY:
		write_array(out, value, depth);
		break;
	case JSON_STRING:
		rep_json_write_string(out, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		write_integer(out, json_integer_value(value));
		break;
	case JSON_REAL:
		fail(out, REP_EINVAL);
		break;
	case JSON_TRUE:
		rep_buf_puts(out, "true");
		break;
	case JSON_FALSE:
		rep_buf_puts(out, "false");
		break;
	case JSON_NULL:
		rep_buf_puts(out, "null");
		break;
	}
}

void rep_json_write(struct rep_buf *out, const struct rep_json *value)
{
	write_value(out, (json_t *)(uintptr_t)value, 0);
}

char *rep_json_text(const struct rep_json *value)
{
	struct rep_buf out = REP_BUF_INIT(SIZE_MAX);

	rep_json_write(&out, value);
	return rep_buf_take(&out);
}
