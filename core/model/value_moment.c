/* Dates and times as people and spreadsheets write them. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/model/days.h"
#include "core/model/value_text.h"

#define TEXT_MAX 63u

struct moment {
	int year, month, day;
	bool timed;
	int hour, minute, second, ms;
	bool zoned;
	int offset; /* minutes east of UTC */
};

/* 1 to `max` digits at *at, which moves on. */
static bool take_number(const char **at, size_t min, size_t max, int *out)
{
	size_t len = strspn(*at, "0123456789");

	if (len < min || len > max)
		return false;
	*out = 0;
	for (size_t i = 0; i < len; i++)
		*out = *out * 10 + ((*at)[i] - '0');
	*at += len;
	return true;
}

static bool take_text(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

/* 20260316: eight digits and nothing that would make them a number of another kind. */
static bool take_compact_date(const char **at, struct moment *out)
{
	int number;

	if (strspn(*at, "0123456789") != 8 || !take_number(at, 8, 8, &number))
		return false;
	out->year = number / 10000;
	out->month = number / 100 % 100;
	out->day = number % 100;
	return true;
}

/*
 * 2026-03-16, 2026/3/16, 2026.3.16, 2026年3月16日. The year comes first, always: 3/5/2024 may be March
 * or May, and a bare number may be a spreadsheet's count of days; both are refused.
 */
static bool take_date(const char **at, struct moment *out)
{
	static const char *const separators[][3] = {
		{"-", "-", ""}, {"/", "/", ""}, {".", ".", ""}, {"年", "月", "日"}};
	const char *start = *at;

	for (size_t i = 0; i < sizeof separators / sizeof *separators; i++) {
		*at = start;
		if (take_number(at, 4, 4, &out->year) && take_text(at, separators[i][0]) &&
		    take_number(at, 1, 2, &out->month) && take_text(at, separators[i][1]) &&
		    take_number(at, 1, 2, &out->day) && take_text(at, separators[i][2]))
			return true;
	}
	*at = start;
	return take_compact_date(at, out);
}

static bool take_fraction(const char **at, int *ms)
{
	size_t len = strspn(*at, "0123456789");

	if (len < 1 || len > 9)
		return false;
	*ms = 0;
	for (size_t i = 0; i < 3; i++)
		*ms = *ms * 10 + (i < len ? (*at)[i] - '0' : 0);
	*at += len;
	return true;
}

static bool take_zone(const char **at, struct moment *out)
{
	int hours, minutes = 0, sign = **at == '-' ? -1 : 1;

	if (take_text(at, "Z") || take_text(at, "z")) {
		out->zoned = true;
		return true;
	}
	if (!take_text(at, "+") && !take_text(at, "-"))
		return !**at;
	if (strspn(*at, "0123456789") == 4) {
		if (!take_number(at, 4, 4, &minutes))
			return false;
		hours = minutes / 100;
		minutes %= 100;
	} else if (!take_number(at, 1, 2, &hours) ||
		   (take_text(at, ":") && !take_number(at, 2, 2, &minutes))) {
		return false;
	}
	out->zoned = true;
	out->offset = sign * (hours * 60 + minutes);
	return hours <= 14 && minutes < 60;
}

static bool take_time(const char **at, struct moment *out)
{
	out->timed = true;
	if (!take_number(at, 1, 2, &out->hour) || !take_text(at, ":") ||
	    !take_number(at, 2, 2, &out->minute))
		return false;
	if (take_text(at, ":")) {
		if (!take_number(at, 2, 2, &out->second))
			return false;
		if (take_text(at, ".") && !take_fraction(at, &out->ms))
			return false;
	}
	if (take_text(at, " ") && !**at)
		return false;
	return take_zone(at, out) && out->hour < 24 && out->minute < 60 && out->second < 60;
}

static bool parse(struct moment *out, const char *text)
{
	const char *at = text;

	*out = (struct moment){0};
	if (!take_date(&at, out) || !rep_day_exists(out->year, out->month, out->day))
		return false;
	if (!*at)
		return true;
	if (!take_text(&at, "T") && !take_text(&at, "t") && !take_text(&at, " "))
		return false;
	while (take_text(&at, " "))
		;
	return take_time(&at, out) && !*at;
}

/* The moment in UTC, as a datetime. */
static bool write_datetime(char *out, size_t size, struct moment *moment)
{
	int64_t minutes = rep_days_of(moment->year, moment->month, moment->day) * 1440 +
			  moment->hour * 60 + moment->minute - moment->offset;
	int64_t days = minutes >= 0 ? minutes / 1440 : -((1439 - minutes) / 1440);
	int rest = (int)(minutes - days * 1440);

	rep_days_to(days, &moment->year, &moment->month, &moment->day);
	if (moment->year < 1 || moment->year > 9999)
		return false;
	snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", moment->year, moment->month,
		 moment->day, rest / 60, rest % 60, moment->second, moment->ms);
	return true;
}

/*
 * A date takes the day as written and drops a time behind it. A time needs its zone: without one it is
 * a different moment in every office, so it is refused; so is a bare date.
 */
enum rep_code rep_moment_read(char *out, size_t size, const char *text, bool datetime)
{
	struct rep_buf form = REP_BUF_INIT(TEXT_MAX);
	struct rep_error ignored;
	struct moment moment;
	enum rep_code rc = rep_text_form_put(&form, text, strlen(text), REP_TEXT_NFKC, &ignored);
	bool ok = rc == REP_OK && !form.failed && parse(&moment, rep_buf_str(&form));

	if (rc == REP_OK)
		rc = form.failed;
	rep_buf_clear(&form);
	if (rc == REP_ENOMEM)
		return rc;
	if (ok && datetime)
		ok = moment.zoned && write_datetime(out, size, &moment);
	else if (ok)
		snprintf(out, size, "%04d-%02d-%02d", moment.year, moment.month, moment.day);
	return ok ? REP_OK : REP_EINVAL;
}
