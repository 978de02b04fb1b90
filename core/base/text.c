#include "core/base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

static bool is_ascii(const char *data, size_t len)
{
	uint64_t word;

	for (; len >= sizeof word; data += sizeof word, len -= sizeof word) {
		memcpy(&word, data, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			return false;
	}
	for (; len > 0; data++, len--)
		if ((unsigned char)*data >= 0x80)
			return false;
	return true;
}

/* Length in bytes of the code point at `data`, or 0 when it is not well formed or NUL. */
static size_t step(const char *data, size_t len, utf8proc_int32_t *code)
{
	utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)data,
						 len > 4 ? 4 : (utf8proc_ssize_t)len, code);

	return used > 0 && *code != 0 ? (size_t)used : 0;
}

bool rep_text_is_utf8(const char *data, size_t len)
{
	utf8proc_int32_t code;
	size_t used;

	for (; len > 0; data += used, len -= used)
		if (!(used = step(data, len, &code)))
			return false;
	return true;
}

/*
 * Blocks of which every code point is its own NFC form and composes with nothing beside it from these
 * blocks: Latin, the Han ideographs, CJK and general punctuation, full-width forms. The unit test
 * checks the list against utf8proc, code point by code point.
 */
static bool always_nfc(utf8proc_int32_t code)
{
	return code < 0x300 || (code >= 0x2010 && code <= 0x2027) ||
	       (code >= 0x3000 && code <= 0x3029) || (code >= 0x3400 && code <= 0x9FFF) ||
	       (code >= 0xFF01 && code <= 0xFFEF);
}

/* The long way: normalises and compares. */
static enum rep_code compare_nfc(const char *data, size_t len, struct rep_error *err)
{
	utf8proc_uint8_t *form = NULL;
	utf8proc_ssize_t form_len =
		utf8proc_map((const utf8proc_uint8_t *)data, (utf8proc_ssize_t)len, &form,
			     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	bool same;

	if (form_len < 0)
		return rep_fail(err, REP_ENOMEM, "normalise text: out of memory");
	same = form_len == (utf8proc_ssize_t)len && memcmp(form, data, len) == 0;
	free(form);
	return same ? REP_OK : rep_fail(err, REP_EINVAL, "text is not in NFC");
}

enum rep_code rep_text_check_nfc(const char *data, size_t len, struct rep_error *err)
{
	const char *at = data;
	size_t left = len, used;
	utf8proc_int32_t code;
	bool simple = true;

	if (is_ascii(data, len) && !memchr(data, 0, len))
		return REP_OK;
	for (; left > 0; at += used, left -= used) {
		if (!(used = step(at, left, &code)))
			return rep_fail(err, REP_EINVAL, "text is not UTF-8, or has a NUL");
		simple = simple && always_nfc(code);
	}
	return simple ? REP_OK : compare_nfc(data, len, err);
}

bool rep_text_is_nfc(const char *data, size_t len)
{
	return rep_text_check_nfc(data, len, NULL) == REP_OK;
}

size_t rep_text_chars(const char *data, size_t len)
{
	size_t chars = 0;

	for (size_t i = 0; i < len; i++)
		if (((unsigned char)data[i] & 0xC0) != 0x80)
			chars++;
	return chars;
}

size_t rep_text_width(const char *text)
{
	size_t width = 0, used, len = strlen(text);
	utf8proc_int32_t code;

	for (; len > 0; text += used, len -= used) {
		used = step(text, len, &code);
		if (!used) {
			used = 1;
			width++;
		} else {
			width += (size_t)utf8proc_charwidth(code);
		}
	}
	return width;
}

static utf8proc_option_t form_options(enum rep_text_form form)
{
	utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;

	switch (form) {
	case REP_TEXT_NFC:
		break;
	case REP_TEXT_NFKC:
		options |= UTF8PROC_COMPAT;
		break;
	case REP_TEXT_NFKC_CASEFOLD:
		options |= UTF8PROC_COMPAT | UTF8PROC_CASEFOLD;
		break;
	}
	return options;
}

enum rep_code rep_text_form_put(struct rep_buf *out, const char *data, size_t len,
				enum rep_text_form form, struct rep_error *err)
{
	utf8proc_uint8_t *formed = NULL;
	utf8proc_ssize_t formed_len;

	if (!rep_text_is_utf8(data, len))
		return rep_fail(err, REP_EINVAL, "text is not UTF-8, or has a NUL");
	if (form == REP_TEXT_NFC && is_ascii(data, len)) {
		rep_buf_put(out, data, len);
		return rep_buf_check(out, "text", err);
	}
	formed_len = utf8proc_map((const utf8proc_uint8_t *)data, (utf8proc_ssize_t)len, &formed,
				  form_options(form));
	if (formed_len < 0)
		return rep_fail(err, REP_ENOMEM, "normalise text: out of memory");
	rep_buf_put(out, formed, (size_t)formed_len);
	free(formed);
	return rep_buf_check(out, "text", err);
}

size_t rep_text_next(const char *text, unsigned *out)
{
	utf8proc_int32_t code;
	size_t used = step(text, strnlen(text, 4), &code);

	*out = used ? (unsigned)code : 0xFFFD;
	return used ? used : 1;
}

static bool is_unsafe(utf8proc_int32_t code)
{
	utf8proc_category_t category = utf8proc_category(code);

	return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
	       category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

void rep_text_safe_put(struct rep_buf *out, const char *text, size_t len)
{
	utf8proc_int32_t code;
	size_t used;

	for (; len > 0; text += used, len -= used) {
		used = step(text, len, &code);
		if (!used || is_unsafe(code))
			rep_buf_puts(out, "\xEF\xBF\xBD");
		else
			rep_buf_put(out, text, used);
		if (!used)
			used = 1;
	}
}
