#include "core/model/normalise.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/model/normalise_names.h"
#include "core/model/unihan_table.h"

unsigned rep_normaliser_bit(const char *name)
{
	static const char *const names[] = {"nfkc",       "case",   "space", "phone",
					    "simplified", "person", "org",   "dept"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return 1u << i;
	return 0;
}

unsigned rep_simplify(unsigned code)
{
	size_t low = 0, high = rep_unihan_pairs;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const char32_t *pair =
			&rep_unihan_rows[mid / REP_UNIHAN_ROW][2 * (mid % REP_UNIHAN_ROW)];

		if (pair[0] == code)
			return pair[1];
		if (pair[0] < code)
			low = mid + 1;
		else
			high = mid;
	}
	return code;
}

char rep_pinyin_initial(unsigned code)
{
	char letter = '.';

	if (code >= REP_UNIHAN_FIRST && code < REP_UNIHAN_END)
		letter = rep_unihan_initials[(code - REP_UNIHAN_FIRST) / 256u][code % 256u];
	else if (code >= REP_UNIHAN_HIGH_FIRST && code < REP_UNIHAN_HIGH_END)
		letter = rep_unihan_high[(code - REP_UNIHAN_HIGH_FIRST) / 256u][code % 256u];
	return letter == '.' ? '\0' : letter;
}

static void put_code(struct rep_buf *out, unsigned code)
{
	if (code < 0x80) {
		rep_buf_putc(out, (char)code);
		return;
	}
	if (code < 0x800) {
		rep_buf_putc(out, (char)(0xc0u | code >> 6));
	} else if (code < 0x10000) {
		rep_buf_putc(out, (char)(0xe0u | code >> 12));
		rep_buf_putc(out, (char)(0x80u | (code >> 6 & 0x3fu)));
	} else {
		rep_buf_putc(out, (char)(0xf0u | code >> 18));
		rep_buf_putc(out, (char)(0x80u | (code >> 12 & 0x3fu)));
		rep_buf_putc(out, (char)(0x80u | (code >> 6 & 0x3fu)));
	}
	rep_buf_putc(out, (char)(0x80u | (code & 0x3fu)));
}

bool rep_is_space(unsigned code)
{
	return code <= 0x20 || (code >= 0x7f && code <= 0xa0) || code == 0xad || code == 0x1680 ||
	       code == 0x180e || (code >= 0x2000 && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202f) || (code >= 0x205f && code <= 0x2064) ||
	       code == 0x3000 || code == 0xfeff;
}

static void space(struct rep_buf *out, const char *text)
{
	unsigned code;

	while (*text) {
		size_t len = rep_text_next(text, &code);

		if (!rep_is_space(code))
			rep_buf_put(out, text, len);
		text += len;
	}
}

static void simplified(struct rep_buf *out, const char *text)
{
	unsigned code;

	while (*text) {
		text += rep_text_next(text, &code);
		put_code(out, rep_simplify(code));
	}
}

/*
 * "1-605-555-0124" is North American: groups of 1, 3, 3 and 4 digits. Read as eleven digits it would
 * pass for a Chinese mobile number.
 */
static bool is_north_american(const char *text)
{
	static const unsigned groups[] = {1, 3, 3, 4};
	size_t group = 0, digits = 0;

	for (;; text++) {
		if (isdigit((unsigned char)*text)) {
			digits++;
			continue;
		}
		if (digits) {
			if (group >= 4 || digits != groups[group])
				return false;
			group++;
			digits = 0;
		}
		if (!*text)
			return group == 4;
	}
}

/* Digits of `text`; a spreadsheet's ".0" behind a whole number is none of them. */
static void put_digits(struct rep_buf *out, const char *text)
{
	size_t len = strlen(text);

	if (len > 2 && strcmp(text + len - 2, ".0") == 0 && strspn(text, "0123456789") == len - 2)
		len -= 2;
	for (size_t i = 0; i < len; i++)
		if (isdigit((unsigned char)text[i]))
			rep_buf_putc(out, text[i]);
}

typedef void step_fn(struct rep_buf *out, const char *text);

/* What is not UTF-8 stays as it is: there is nothing to normalise. */
static void form(struct rep_buf *out, const char *text, enum rep_text_form which)
{
	struct rep_error ignored;
	enum rep_code rc = rep_text_form_put(out, text, strlen(text), which, &ignored);

	if (rc == REP_ENOMEM)
		out->failed = REP_ENOMEM;
	else if (rc)
		rep_buf_puts(out, text);
}

/*
 * Digits; +86, 0086 and 86 before a mobile number dropped, +86 before an area code replaced by 0. A
 * number of another country keeps its +, so that it cannot pass for a Chinese one.
 */
static void phone(struct rep_buf *out, const char *text)
{
	struct rep_buf narrow = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_buf digits = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	form(&narrow, text, REP_TEXT_NFKC);
	const char *plain = rep_buf_str(&narrow);

	put_digits(&digits, plain);
	const char *number = rep_buf_str(&digits);
	const char *first = plain + strcspn(plain, "+0123456789");
	bool plus = *first == '+';
	bool abroad = plus;

	if (strncmp(number, "0086", 4) == 0) {
		number += 4;
		plus = true;
		abroad = false;
	} else if (strncmp(number, "86", 2) == 0 &&
		   (plus || (strlen(number) == 13 && number[2] == '1'))) {
		number += 2;
		plus = true;
		abroad = false;
	}
	if (abroad || (!plus && is_north_american(plain)))
		rep_buf_putc(out, '+');
	else if (plus && !(number[0] == '1' && strlen(number) == 11) && number[0] &&
		 number[0] != '0')
		rep_buf_putc(out, '0');
	rep_buf_puts(out, number);
	if (narrow.failed || digits.failed)
		out->failed = narrow.failed ? narrow.failed : digits.failed;
	rep_buf_clear(&narrow);
	rep_buf_clear(&digits);
}

static void nfkc(struct rep_buf *out, const char *text)
{
	form(out, text, REP_TEXT_NFKC);
}

static void fold_case(struct rep_buf *out, const char *text)
{
	form(out, text, REP_TEXT_NFKC_CASEFOLD);
}

void rep_normalise_put(struct rep_buf *out, const char *text, size_t len, unsigned set)
{
	static step_fn *const steps[] = {nfkc,
					 fold_case,
					 space,
					 phone,
					 simplified,
					 rep_normalise_person,
					 rep_normalise_org,
					 rep_normalise_dept};
	struct rep_buf bufs[2] = {REP_BUF_INIT(4u * REP_TEXT_SIZE_MAX),
				  REP_BUF_INIT(4u * REP_TEXT_SIZE_MAX)};
	unsigned now = 0;

	rep_buf_put(&bufs[now], text, len);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (!(set & 1u << i))
			continue;
		if (bufs[now].failed)
			break;
		rep_buf_reset(&bufs[1 - now]);
		steps[i](&bufs[1 - now], rep_buf_str(&bufs[now]));
		now = 1 - now;
	}
	if (bufs[0].failed || bufs[1].failed)
		out->failed = bufs[0].failed ? bufs[0].failed : bufs[1].failed;
	rep_buf_put(out, rep_buf_str(&bufs[now]), bufs[now].len);
	rep_buf_clear(&bufs[0]);
	rep_buf_clear(&bufs[1]);
}
