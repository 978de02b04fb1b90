/* What people type and files hold, read as values; and values as people see them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/model/normalise.h"
#include "core/model/normalise_names.h"
#include "core/model/value.h"
#include "core/model/value_text.h"

static enum rep_code bad(struct rep_error *err, const struct rep_field *field, const char *text,
			 const char *what)
{
	return rep_fail(err, REP_EINVAL, "%s: \"%.80s\" is no %s", field->name, text, what);
}

static enum rep_code no_memory(struct rep_error *err, const struct rep_field *field)
{
	return rep_fail(err, REP_ENOMEM, "%s: out of memory", field->name);
}

/* Appends `text` in NFC without white space and zero-width characters at its ends. */
static enum rep_code put_trimmed(struct rep_buf *out, const char *text, size_t len,
				 enum rep_text_form form, struct rep_error *err)
{
	struct rep_buf whole = REP_BUF_INIT(4u * REP_TEXT_SIZE_MAX);
	enum rep_code rc = rep_text_form_put(&whole, text, len, form, err);
	const char *start = NULL, *end = NULL;
	unsigned code;

	for (const char *at = rep_buf_str(&whole); !rc && *at;) {
		size_t step = rep_text_next(at, &code);

		if (!rep_is_space(code)) {
			start = start ? start : at;
			end = at + step;
		}
		at += step;
	}
	if (start)
		rep_buf_put(out, start, (size_t)(end - start));
	rep_buf_clear(&whole);
	return rc ? rc : rep_buf_check(out, "text", err);
}

/*
 * A text with a format has no room for taste: full-width characters, inner white space, the
 * apostrophe by which spreadsheets mark text, and the wrong case are put right before it is checked.
 */
static void put_formatted(struct rep_buf *out, const char *text, enum rep_text_check format)
{
	struct rep_buf form = REP_BUF_INIT(4u * REP_TEXT_SIZE_MAX);

	rep_normalise_put(&form, text, strlen(text), REP_NORM_NFKC | REP_NORM_SPACE);
	for (const char *at = rep_buf_str(&form) + (*rep_buf_str(&form) == '\''); *at; at++) {
		char byte = *at;

		/* ASCII alone, whatever the locale of the laptop is. */
		if (format == REP_FORMAT_SHA256 && byte >= 'A' && byte <= 'Z')
			byte = (char)(byte - 'A' + 'a');
		else if ((format == REP_FORMAT_CN_ID || format == REP_FORMAT_CN_USCC) &&
			 byte >= 'a' && byte <= 'z')
			byte = (char)(byte - 'a' + 'A');
		rep_buf_putc(out, byte);
	}
	if (form.failed)
		out->failed = form.failed;
	rep_buf_clear(&form);
}

static struct rep_json *read_text(const struct rep_field *field, const char *text)
{
	struct rep_buf form = REP_BUF_INIT(4u * REP_TEXT_SIZE_MAX);
	struct rep_json *out = NULL;

	if (field->format != REP_FORMAT_NONE && !(field->normalise & REP_NORM_PHONE))
		put_formatted(&form, text, field->format);
	else
		rep_buf_puts(&form, text);
	if (!form.failed)
		out = rep_json_string_n(rep_buf_str(&form), form.len);
	rep_buf_clear(&form);
	return out;
}

/* Removes from `text` what surrounds an amount: ¥, ￥ (one by NFKC), 元, and well-placed commas. */
static void strip_amount(char *text)
{
	size_t len = strlen(text);
	char *point = strchr(text, '.');

	if (strncmp(text, "¥", strlen("¥")) == 0)
		memmove(text, text + strlen("¥"), len + 1 - strlen("¥"));
	len = strlen(text);
	if (len >= strlen("元") && strcmp(text + len - strlen("元"), "元") == 0)
		text[len - strlen("元")] = '\0';
	point = strchr(text, '.');
	/* 1,500 may be a decimal comma: commas are read only with a point behind, in threes. */
	for (char *comma = strchr(text, ','); comma && point; comma = strchr(comma, ',')) {
		if (comma == text || !isdigit((unsigned char)comma[-1]) ||
		    strspn(comma + 1, "0123456789") != 3)
			return;
		memmove(comma, comma + 1, strlen(comma));
		point--;
	}
}

/* 1500.00 or 1500 in yuan; at most two digits after the point. */
static bool read_fen(const char *text, int64_t *out)
{
	bool negative = *text == '-';
	size_t whole = strspn(text + negative, "0123456789");
	const char *at = text + negative;
	int64_t number = 0;

	if (!whole || whole > 14)
		return false;
	for (size_t i = 0; i < whole; i++)
		number = number * 10 + (at[i] - '0');
	at += whole;
	size_t digits = *at == '.' ? strspn(at + 1, "0123456789") : 0;

	if ((*at == '.' && (digits < 1 || digits > 2)) || at[digits ? digits + 1 : 0])
		return false;
	number *= 100;
	if (digits)
		number += (at[1] - '0') * 10 + (digits == 2 ? at[2] - '0' : 0);
	*out = negative ? -number : number;
	return true;
}

static enum rep_code read_integer(struct rep_json **out, const struct rep_field *field,
				  const char *text, struct rep_error *err)
{
	struct rep_buf form = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	int64_t number = 0;
	bool ok;

	rep_normalise_put(&form, text, strlen(text), REP_NORM_NFKC | REP_NORM_SPACE);
	bool lost = form.failed == REP_ENOMEM;
	char *plain = rep_buf_take(&form);

	if (lost)
		return no_memory(err, field);
	if (field->unit && plain) {
		strip_amount(plain);
		ok = read_fen(plain, &number);
	} else {
		char *end = plain;

		ok = plain && strlen(plain) <= 17 &&
		     strspn(plain + (*plain == '-' || *plain == '+'), "0123456789") > 0;
		if (ok)
			number = strtoll(plain, &end, 10);
		ok = ok && !*end;
	}
	free(plain);
	if (!ok)
		return bad(err, field, text, field->unit ? "amount" : "integer");
	*out = rep_json_integer(number);
	return REP_OK;
}

static enum rep_code read_boolean(struct rep_json **out, const struct rep_field *field,
				  const char *text, struct rep_error *err)
{
	static const char *const yes[] = {"true", "1", "yes", "y", "是", "对", "有", "√"};
	static const char *const no[] = {"false", "0", "no", "n", "否", "不是", "无", "×"};

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*out = rep_json_bool(strcasecmp(text, yes[i]) == 0);
			return REP_OK;
		}
	}
	return bad(err, field, text, "yes or no");
}

/* A decimal with fewer digits than its scale gets the zeros; more are not rounded away. */
static enum rep_code read_decimal(struct rep_json **out, const struct rep_field *field,
				  const char *text, struct rep_error *err)
{
	struct rep_buf form = REP_BUF_INIT(64);
	struct rep_error ignored;
	enum rep_code rc = rep_text_form_put(&form, text, strlen(text), REP_TEXT_NFKC, &ignored);

	if (rc == REP_OK) {
		const char *point = strchr(rep_buf_str(&form), '.');
		size_t digits = point ? strlen(point + 1) : 0;

		if (!point && field->scale)
			rep_buf_putc(&form, '.');
		for (; digits < field->scale; digits++)
			rep_buf_putc(&form, '0');
	}
	bool ok = !form.failed && rep_decimal_valid(rep_buf_str(&form), field->scale);

	bool lost = rc == REP_ENOMEM || form.failed == REP_ENOMEM;

	if (ok)
		*out = rep_json_string(rep_buf_str(&form));
	rep_buf_clear(&form);
	if (lost)
		return no_memory(err, field);
	return ok ? REP_OK : bad(err, field, text, "decimal number");
}

static enum rep_code read_enum(struct rep_json **out, const struct rep_field *field,
			       const char *text, struct rep_error *err)
{
	int rank = rep_enum_find(field, text);

	if (rank == -2)
		return no_memory(err, field);
	if (rank < 0)
		return bad(err, field, text, "value of it");
	*out = rep_json_string(field->values[rank].value);
	return REP_OK;
}

static enum rep_code read_date(struct rep_json **out, const struct rep_field *field,
			       const char *text, struct rep_error *err)
{
	char form[32];
	enum rep_code rc =
		rep_moment_read(form, sizeof form, text, field->type == REP_TYPE_DATETIME);

	if (rc == REP_ENOMEM)
		return no_memory(err, field);
	if (rc)
		return bad(err, field, text,
			   field->type == REP_TYPE_DATE ? "date like 2026-03-16"
							: "time like 2026-03-16T09:10:00+08:00");
	*out = rep_json_string(form);
	return REP_OK;
}

/* `text` is trimmed, in NFC and not empty. */
static enum rep_code read_single(struct rep_json **out, const struct rep_field *field,
				 enum rep_type type, const char *text, struct rep_error *err)
{
	switch (type) {
	case REP_TYPE_TEXT:
		*out = read_text(field, text);
		return REP_OK;
	case REP_TYPE_REFERENCE:
		*out = rep_json_string(text);
		return REP_OK;
	case REP_TYPE_INTEGER:
		return read_integer(out, field, text, err);
	case REP_TYPE_BOOLEAN:
		return read_boolean(out, field, text, err);
	case REP_TYPE_DATE:
	case REP_TYPE_DATETIME:
		return read_date(out, field, text, err);
	case REP_TYPE_DECIMAL:
		return read_decimal(out, field, text, err);
	case REP_TYPE_ENUM:
		return read_enum(out, field, text, err);
	case REP_TYPE_SET:
	case REP_TYPE_LIST:
	case REP_TYPE_MAP:
	case REP_TYPE_JSON:
		break;
	}
	return rep_json_parse(out, text, strlen(text), REP_LINE_SIZE_MAX, REP_JSON_DEPTH_MAX, err);
}

/* Length of the separator of elements at `at`, or 0. */
static size_t separator_len(const char *at)
{
	static const char *const separators[] = {"、", "，", ",", "；", ";", "|", "｜", "\n", "\r"};

	for (size_t i = 0; i < sizeof separators / sizeof *separators; i++)
		if (strncmp(at, separators[i], strlen(separators[i])) == 0)
			return strlen(separators[i]);
	return 0;
}

static const char *part_end(const char *at)
{
	while (*at && !separator_len(at))
		at++;
	return at;
}

static enum rep_code read_set(struct rep_json **out, const struct rep_field *field,
			      const char *text, struct rep_error *err)
{
	struct rep_buf part = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *set = rep_json_array();
	enum rep_code rc = REP_OK;

	for (const char *at = text; !rc && *at;) {
		const char *end = part_end(at);
		struct rep_json *element = NULL;

		rep_buf_reset(&part);
		rc = put_trimmed(&part, at, (size_t)(end - at), REP_TEXT_NFC, err);
		if (!rc && part.len) {
			rc = read_single(&element, field, field->of, rep_buf_str(&part), err);
			if (!rc && !rep_json_append(set, element))
				rc = no_memory(err, field);
		}
		at = *end ? end + separator_len(end) : end;
	}
	rep_buf_clear(&part);
	if (rc)
		rep_json_free(set);
	else
		*out = set;
	return rc;
}

/* `QQ=12345、微信=abc` */
static enum rep_code read_map(struct rep_json **out, const struct rep_field *field,
			      const char *text, struct rep_error *err)
{
	struct rep_buf key = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_buf word = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *map = rep_json_object();
	enum rep_code rc = REP_OK;

	for (const char *at = text; !rc && *at;) {
		const char *end = part_end(at);
		const char *equals = memchr(at, '=', (size_t)(end - at));
		struct rep_json *value = NULL;

		rep_buf_reset(&key);
		rep_buf_reset(&word);
		if (!equals)
			rc = bad(err, field, at, "key=value");
		if (!rc)
			rc = put_trimmed(&key, at, (size_t)(equals - at), REP_TEXT_NFC, err);
		if (!rc)
			rc = put_trimmed(&word, equals + 1, (size_t)(end - equals - 1),
					 REP_TEXT_NFC, err);
		if (!rc)
			rc = read_single(&value, field, field->of, rep_buf_str(&word), err);
		if (!rc && !rep_json_set(map, rep_buf_str(&key), value))
			rc = no_memory(err, field);
		at = *end ? end + separator_len(end) : end;
	}
	rep_buf_clear(&key);
	rep_buf_clear(&word);
	if (rc)
		rep_json_free(map);
	else
		*out = map;
	return rc;
}

static enum rep_code read_trimmed(struct rep_json **out, const struct rep_field *field,
				  const char *text, struct rep_error *err)
{
	if (*text == '[' || *text == '{') {
		if (!rep_field_is_scalar(field))
			return rep_json_parse(out, text, strlen(text), REP_LINE_SIZE_MAX,
					      REP_JSON_DEPTH_MAX, err);
	}
	if (field->type == REP_TYPE_SET)
		return read_set(out, field, text, err);
	if (field->type == REP_TYPE_MAP)
		return read_map(out, field, text, err);
	if (field->type == REP_TYPE_LIST)
		return bad(err, field, text, "array of entries in JSON");
	return read_single(out, field, field->type, text, err);
}

enum rep_code rep_value_read(struct rep_json **out, const struct rep_field *field, const char *text,
			     struct rep_error *err)
{
	struct rep_buf form = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_json *value = NULL;
	enum rep_code rc = put_trimmed(&form, text, strlen(text), REP_TEXT_NFC, err);

	*out = NULL;
	if (rc)
		rc = rep_wrap(err, rc, "%s", field->name);
	else if (!form.len)
		value = rep_json_null();
	else
		rc = read_trimmed(&value, field, rep_buf_str(&form), err);
	if (!rc) {
		*out = rep_value_stored(field, value);
		if (!*out)
			rc = no_memory(err, field);
	}
	if (!rc)
		rc = rep_value_check(field, *out, err);
	if (rc) {
		rep_json_free(*out);
		*out = NULL;
	}
	rep_json_free(value);
	rep_buf_clear(&form);
	return rc;
}
