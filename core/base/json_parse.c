/*
 * Reading JSON, in one pass over the bytes: what is no document of ours (numbers that are no integers, deep nesting, text not in
 * NFC, duplicate keys, NUL) is refused where it stands, before anything is made of it. The tree is Jansson's, its reader is not used:
 * it takes each byte through three functions, reads 1e400 or 0.1 only to lose them, tells of a failed allocation as of a syntax
 * error, and gives no places by which to refuse the rest.
 */
#include "core/base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/base/limits.h"
#include "core/base/text.h"

struct reader {
	const char *data;
	size_t len, at;
	bool by_offset; /* how places are told: machines' lines by offset, else line and column */
	bool plain;     /* no white space, no escape, keys in order so far: canonical then */
	struct rep_buf text; /* of the last string that had escapes */
	struct rep_error *err;
};

/* A string's bytes: in the data, or in reader->text until the next string with escapes. */
struct slice {
	const char *data;
	size_t len;
};

static enum rep_code refuse(const struct reader *reader, size_t offset, const char *fact)
{
	size_t line = 1, column = 1;

	if (reader->by_offset)
		return rep_fail(reader->err, REP_EINVAL, "byte %zu: %s", offset, fact);
	for (size_t i = 0; i < offset && i < reader->len; i++) {
		unsigned char byte = (unsigned char)reader->data[i];

		if (byte == '\n') {
			line++;
			column = 1;
		} else if ((byte & 0xC0) != 0x80) {
			column++;
		}
	}
	return rep_fail(reader->err, REP_EINVAL, "line %zu column %zu: %s", line, column, fact);
}

static enum rep_code no_memory(const struct reader *reader)
{
	return rep_fail(reader->err, REP_ENOMEM, "parse JSON: out of memory");
}

/* The next byte that is no white space, without taking it; 0 at the end (and for a NUL, which nothing takes). */
static char peek(struct reader *reader)
{
	while (reader->at < reader->len) {
		char byte = reader->data[reader->at];

		if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t')
			return byte;
		reader->plain = false;
		reader->at++;
	}
	return 0;
}

/* ---- strings ---- */

static bool read_hex(const struct reader *reader, size_t at, unsigned *code)
{
	*code = 0;
	if (reader->len - at < 4)
		return false;
	for (size_t i = at; i < at + 4; i++) {
		static const char digits[] = "0123456789abcdef0123456789ABCDEF";
		const char *found = reader->data[i] ? strchr(digits, reader->data[i]) : NULL;

		if (!found)
			return false;
		*code = *code * 16 + (unsigned)((found - digits) % 16);
	}
	return true;
}

static void put_code(struct rep_buf *out, unsigned code)
{
	if (code < 0x80) {
		rep_buf_putc(out, (char)code);
		return;
	}
	if (code < 0x800) {
		rep_buf_putc(out, (char)(0xC0 | code >> 6));
	} else if (code < 0x10000) {
		rep_buf_putc(out, (char)(0xE0 | code >> 12));
		rep_buf_putc(out, (char)(0x80 | (code >> 6 & 0x3F)));
	} else {
		rep_buf_putc(out, (char)(0xF0 | code >> 18));
		rep_buf_putc(out, (char)(0x80 | (code >> 12 & 0x3F)));
		rep_buf_putc(out, (char)(0x80 | (code >> 6 & 0x3F)));
	}
	rep_buf_putc(out, (char)(0x80 | (code & 0x3F)));
}

/* \uXXXX with reader->at at its first digit; two of them where they are a pair. */
static enum rep_code read_unicode(struct reader *reader)
{
	const size_t start = reader->at;
	unsigned code, low;

	if (!read_hex(reader, start, &code))
		return refuse(reader, start, "four hexadecimal digits are expected");
	reader->at += 4;
	if (code >= 0xD800 && code < 0xDC00) {
		if (reader->len - reader->at < 6 || reader->data[reader->at] != '\\' ||
		    reader->data[reader->at + 1] != 'u' ||
		    !read_hex(reader, reader->at + 2, &low) || low < 0xDC00 || low > 0xDFFF)
			return refuse(reader, start, "half of a surrogate pair");
		reader->at += 6;
		code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
	} else if (code >= 0xDC00 && code < 0xE000) {
		return refuse(reader, start, "half of a surrogate pair");
	}
	if (code == 0)
		return refuse(reader, start, "NUL in a text");
	put_code(&reader->text, code);
	return REP_OK;
}

static enum rep_code read_escape(struct reader *reader)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char letter = reader->at + 1 < reader->len ? reader->data[reader->at + 1] : 0;
	const char *found = letter ? strchr(letters, letter) : NULL;

	if (!found && letter != 'u')
		return refuse(reader, reader->at, "no escape of JSON");
	reader->at += 2;
	if (letter == 'u')
		return read_unicode(reader);
	rep_buf_putc(&reader->text, bytes[found - letters]);
	return REP_OK;
}

static enum rep_code check_text(const struct reader *reader, size_t start, const struct slice *text)
{
	struct rep_error why;
	enum rep_code rc = rep_text_check_nfc(text->data, text->len, &why);

	if (rc == REP_EINVAL)
		return refuse(reader, start, why.msg);
	return rc ? rep_fail(reader->err, rc, "%s", why.msg) : REP_OK;
}

static size_t skip_plain(const struct reader *reader, size_t at)
{
	while (at < reader->len && (unsigned char)reader->data[at] >= 0x20 &&
	       reader->data[at] != '"' && reader->data[at] != '\\')
		at++;
	return at;
}

/* With reader->at at its first quote. */
static enum rep_code read_string(struct reader *reader, struct slice *out)
{
	const size_t start = ++reader->at;
	size_t end = skip_plain(reader, start);
	enum rep_code rc = REP_OK;

	*out = (struct slice){.data = reader->data + start, .len = end - start};
	if (end < reader->len && reader->data[end] == '\\') {
		reader->plain = false;
		rep_buf_reset(&reader->text);
		while (!rc && end < reader->len && reader->data[end] != '"') {
			rep_buf_put(&reader->text, reader->data + reader->at, end - reader->at);
			reader->at = end;
			rc = reader->data[end] == '\\'
				     ? read_escape(reader)
				     : refuse(reader, end, "a control character in a text");
			end = skip_plain(reader, reader->at);
		}
		rep_buf_put(&reader->text, reader->data + reader->at, end - reader->at);
		if (!rc && reader->text.failed)
			rc = no_memory(reader);
		*out = (struct slice){.data = rep_buf_str(&reader->text), .len = reader->text.len};
	}
	if (!rc && end == reader->len)
		rc = refuse(reader, end, "a text without an end");
	if (!rc && reader->data[end] != '"')
		rc = refuse(reader, end, "a control character in a text");
	reader->at = end + 1;
	return rc ? rc : check_text(reader, start, out);
}

/* ---- other values ---- */

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static enum rep_code read_number(struct reader *reader, json_t **out)
{
	const size_t start = reader->at;
	const bool negative = reader->data[start] == '-';
	const size_t first = start + negative;
	size_t at = first;
	int64_t value = 0;
	bool beyond = false;

	for (; at < reader->len && is_digit(reader->data[at]); at++) {
		value = value * 10 + (reader->data[at] - '0');
		beyond = beyond || value > REP_INT_MAX;
		value = beyond ? 0 : value;
	}
	if (at < reader->len &&
	    (reader->data[at] == '.' || reader->data[at] == 'e' || reader->data[at] == 'E'))
		return refuse(reader, start, "a number that is not an integer");
	if (at == first || (at > first + 1 && reader->data[first] == '0'))
		return refuse(reader, start, "no number of JSON");
	if (negative && reader->data[first] == '0')
		return refuse(reader, start, "minus zero");
	if (beyond)
		return refuse(reader, start, "an integer beyond 2^53-1");
	reader->at = at;
	*out = json_integer(negative ? -value : value);
	return *out ? REP_OK : no_memory(reader);
}

static enum rep_code read_word(struct reader *reader, json_t **out)
{
	static const char *const words[] = {"true", "false", "null"};
	json_t *const values[] = {json_true(), json_false(), json_null()};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		const size_t len = strlen(words[i]);

		if (reader->len - reader->at < len ||
		    memcmp(reader->data + reader->at, words[i], len) != 0)
			continue;
		reader->at += len;
		*out = values[i];
		return REP_OK;
	}
	return refuse(reader, reader->at, "a value is expected");
}

static enum rep_code read_value(struct reader *reader, unsigned depth_left, json_t **out);

/* Behind a member or element: is there another? *more is false behind the closing bracket. */
static enum rep_code read_next(struct reader *reader, char close, bool *more)
{
	const char byte = peek(reader);

	*more = byte == ',';
	if (byte != ',' && byte != close)
		return refuse(reader, reader->at,
			      close == '}' ? "',' or '}' is expected" : "',' or ']' is expected");
	reader->at++;
	return REP_OK;
}

static enum rep_code read_array(struct reader *reader, unsigned depth_left, json_t **out)
{
	json_t *array = json_array();
	enum rep_code rc = array ? REP_OK : no_memory(reader);
	bool more;

	reader->at++;
	more = peek(reader) != ']';
	reader->at += !more;
	while (!rc && more) {
		json_t *value = NULL;

		rc = read_value(reader, depth_left, &value);
		if (!rc && json_array_append_new(array, value) != 0)
			rc = no_memory(reader);
		if (!rc)
			rc = read_next(reader, ']', &more);
	}
	if (rc)
		json_decref(array);
	else
		*out = array;
	return rc;
}

static bool is_before(const struct slice *a, const struct slice *b)
{
	const int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	return order < 0 || (order == 0 && a->len < b->len);
}

/* `last`: the key before, or a NULL. While keys come in order none can be there twice. */
static enum rep_code read_member(struct reader *reader, unsigned depth_left, json_t *object,
				 struct slice *last)
{
	const size_t start = reader->at;
	struct slice key;
	char *kept = NULL; /* the value may have escapes too */
	json_t *value = NULL;
	enum rep_code rc = read_string(reader, &key);

	if (rc)
		return rc;
	if (key.data != reader->data + start + 1) {
		kept = strndup(key.data, key.len);
		if (!kept)
			return no_memory(reader);
		key.data = kept;
	}
	if (reader->plain && last->data && !is_before(last, &key))
		reader->plain = false;
	if (!reader->plain && json_object_getn(object, key.data, key.len))
		rc = refuse(reader, start, "duplicate key");
	if (!rc && peek(reader) != ':')
		rc = refuse(reader, reader->at, "':' is expected");
	reader->at++;
	if (!rc)
		rc = read_value(reader, depth_left, &value);
	if (!rc && json_object_setn_new_nocheck(object, key.data, key.len, value) != 0)
		rc = no_memory(reader);
	*last = kept ? (struct slice){NULL, 0} : key;
	free(kept);
	return rc;
}

static enum rep_code read_object(struct reader *reader, unsigned depth_left, json_t **out)
{
	json_t *object = json_object();
	struct slice last = {NULL, 0};
	enum rep_code rc = object ? REP_OK : no_memory(reader);
	bool more;

	reader->at++;
	more = peek(reader) != '}';
	reader->at += !more;
	while (!rc && more) {
		rc = peek(reader) == '"' ? read_member(reader, depth_left, object, &last)
					 : refuse(reader, reader->at, "a key is expected");
		if (!rc)
			rc = read_next(reader, '}', &more);
	}
	if (rc)
		json_decref(object);
	else
		*out = object;
	return rc;
}

static enum rep_code read_value(struct reader *reader, unsigned depth_left, json_t **out)
{
	const char byte = peek(reader);
	struct slice text;
	enum rep_code rc;

	*out = NULL;
	if (byte == '{' || byte == '[') {
		if (depth_left == 0)
			return refuse(reader, reader->at, "nested too deep");
		return byte == '{' ? read_object(reader, depth_left - 1, out)
				   : read_array(reader, depth_left - 1, out);
	}
	if (byte == '-' || is_digit(byte))
		return read_number(reader, out);
	if (byte != '"')
		return read_word(reader, out);
	rc = read_string(reader, &text);
	if (!rc && !(*out = json_stringn_nocheck(text.data, text.len)))
		rc = no_memory(reader);
	return rc;
}

/* The whole of the data as one value. */
static enum rep_code read_all(struct reader *reader, unsigned depth_max, json_t **out)
{
	enum rep_code rc = read_value(reader, depth_max, out);

	if (!rc) {
		(void)peek(reader);
		if (reader->at < reader->len)
			rc = refuse(reader, reader->at, "bytes behind the end");
	}
	if (rc) {
		json_decref(*out);
		*out = NULL;
	}
	rep_buf_clear(&reader->text);
	return rc;
}

enum rep_code rep_json_parse(struct rep_json **out, const char *data, size_t len, size_t size_max,
			     unsigned depth_max, struct rep_error *err)
{
	struct reader reader = {
		.data = data, .len = len, .plain = true, .text = REP_BUF_INIT(len + 1), .err = err};
	enum rep_code rc;
	json_t *value = NULL;

	*out = NULL;
	if (len > size_max)
		return rep_fail(err, REP_ELIMIT, "%zu bytes of JSON are more than the %zu allowed",
				len, size_max);
	rc = read_all(&reader, depth_max, &value);
	*out = (struct rep_json *)value;
	return rc;
}

/* Writes the parsed value again: what differs is what a canonical writer would not have written. */
static enum rep_code check_canonical(const struct reader *reader, const json_t *value)
{
	struct rep_buf again = REP_BUF_INIT(reader->len + REP_LINE_SIZE_MAX);
	enum rep_code rc;
	size_t at = 0;

	rep_json_write(&again, (const struct rep_json *)value);
	rc = rep_buf_check(&again, "canonical form", reader->err);
	if (rc != REP_OK)
		goto out;
	while (at < reader->len && at < again.len && reader->data[at] == again.data[at])
		at++;
	if (at < reader->len || at < again.len)
		rc = refuse(reader, at, "not canonical");
out:
	rep_buf_clear(&again);
	return rc;
}

enum rep_code rep_json_parse_canonical(struct rep_json **out, const char *data, size_t len,
				       unsigned depth_max, struct rep_error *err)
{
	struct reader reader = {.data = data,
				.len = len,
				.by_offset = true,
				.plain = true,
				.text = REP_BUF_INIT(len + 1),
				.err = err};
	enum rep_code rc;
	json_t *value = NULL;

	*out = NULL;
	if (len > REP_LINE_SIZE_MAX)
		return rep_fail(err, REP_ELIMIT, "a line of %zu bytes is more than the %u allowed",
				len, REP_LINE_SIZE_MAX);
	rc = read_all(&reader, depth_max, &value);
	if (rc == REP_OK && !reader.plain)
		rc = check_canonical(&reader, value);
	if (rc == REP_OK)
		*out = (struct rep_json *)value;
	else
		json_decref(value);
	return rc;
}
