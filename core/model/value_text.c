#include "core/model/value_text.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "core/model/days.h"

static bool all_digits(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)text[i]))
			return false;
	return true;
}

static int number(const char *text, size_t len)
{
	int out = 0;

	for (size_t i = 0; i < len; i++)
		out = out * 10 + (text[i] - '0');
	return out;
}

static bool date_head_valid(const char *text)
{
	return all_digits(text, 4) && text[4] == '-' && all_digits(text + 5, 2) && text[7] == '-' &&
	       all_digits(text + 8, 2) &&
	       rep_day_exists(number(text, 4), number(text + 5, 2), number(text + 8, 2));
}

bool rep_date_valid(const char *text)
{
	return strlen(text) == 10 && date_head_valid(text);
}

bool rep_datetime_valid(const char *text)
{
	return strlen(text) == 24 && date_head_valid(text) && text[10] == 'T' &&
	       all_digits(text + 11, 2) && text[13] == ':' && all_digits(text + 14, 2) &&
	       text[16] == ':' && all_digits(text + 17, 2) && text[19] == '.' &&
	       all_digits(text + 20, 3) && text[23] == 'Z' && number(text + 11, 2) < 24 &&
	       number(text + 14, 2) < 60 && number(text + 17, 2) < 60;
}

bool rep_decimal_valid(const char *text, unsigned scale)
{
	bool negative = *text == '-';
	const char *whole = text + negative;
	size_t whole_len = strspn(whole, "0123456789");
	const char *point = whole + whole_len;

	if (!whole_len || (whole_len > 1 && *whole == '0') || whole_len + scale > 18)
		return false;
	if (scale) {
		if (*point != '.' || strspn(point + 1, "0123456789") != scale)
			return false;
		point += 1 + scale;
	}
	if (*point)
		return false;
	return !negative || strspn(whole, "0.") != strlen(whole); /* no minus zero */
}

int rep_decimal_compare(const char *a, const char *b)
{
	bool minus = *a == '-';

	if (minus != (*b == '-'))
		return minus ? -1 : 1;
	a += minus;
	b += minus;
	size_t a_len = strlen(a), b_len = strlen(b);
	/* The same scale and no leading zeros: the longer one has more digits before the point. */
	int order = a_len == b_len ? strcmp(a, b) : (a_len < b_len ? -1 : 1);

	return minus ? -order : order;
}

static bool is_mobile(const char *text)
{
	return strlen(text) == 11 && all_digits(text, 11) && text[0] == '1' && text[1] >= '3';
}

static bool is_id_number(const char *text)
{
	static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	int sum = 0;

	if (strlen(text) != 18 || !all_digits(text, 17) || text[0] == '0' ||
	    !rep_day_exists(number(text + 6, 4), number(text + 10, 2), number(text + 12, 2)))
		return false;
	for (size_t i = 0; i < 17; i++)
		sum += (text[i] - '0') * weights[i];
	return text[17] == "10X98765432"[sum % 11];
}

static bool is_credit_code(const char *text)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	int sum = 0, weight = 1;

	if (strlen(text) != 18)
		return false;
	for (size_t i = 0; i < 18; i++) {
		const char *at = strchr(alphabet, text[i]);

		if (!at)
			return false;
		if (i < 17)
			sum += (int)(at - alphabet) * weight;
		weight = weight * 3 % 31;
	}
	return text[17] == alphabet[(31 - sum % 31) % 31];
}

static bool is_email(const char *text)
{
	static const char local[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789.!#$%&'*+/=?^_`{|}~-";
	static const char domain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t local_len = strspn(text, local);
	const char *behind = text + local_len + 1;

	if (!local_len || local_len > 64 || text[local_len] != '@' || strlen(text) > 254)
		return false;
	if (!*behind || strspn(behind, domain) != strlen(behind))
		return false;
	const char *point = strrchr(behind, '.');

	return point && point != behind && strlen(point) > 2 && behind[0] != '.' &&
	       behind[0] != '-' && !strstr(behind, "..") && text[0] != '.' && !strstr(text, "..") &&
	       text[local_len - 1] != '.' && !strstr(behind, "-.") && !strstr(behind, ".-") &&
	       behind[strlen(behind) - 1] != '-';
}

bool rep_text_has_format(const char *text, enum rep_text_check format)
{
	switch (format) {
	case REP_FORMAT_NONE:
		return true;
	case REP_FORMAT_CN_MOBILE:
		return is_mobile(text);
	case REP_FORMAT_CN_ID:
		return is_id_number(text);
	case REP_FORMAT_CN_USCC:
		return is_credit_code(text);
	case REP_FORMAT_EMAIL:
		return is_email(text);
	case REP_FORMAT_SHA256:
		return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
	case REP_FORMAT_CN_REGION:
		return strlen(text) == 6 && all_digits(text, 6) && text[0] != '0';
	}
	return false;
}

const char *rep_text_format_name(enum rep_text_check format)
{
	switch (format) {
	case REP_FORMAT_NONE:
		return "text";
	case REP_FORMAT_CN_MOBILE:
		return "Chinese mobile number";
	case REP_FORMAT_CN_ID:
		return "Chinese identity number (check digit, date)";
	case REP_FORMAT_CN_USCC:
		return "unified social credit code (check digit)";
	case REP_FORMAT_EMAIL:
		return "e-mail address";
	case REP_FORMAT_SHA256:
		return "SHA-256 in hexadecimal";
	case REP_FORMAT_CN_REGION:
		return "code of an administrative region (6 digits)";
	}
	return "text";
}
