#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/options.h"
#include "core/model/stamp.h"

/* What follows the seconds: fraction, Z or +08:00. Local time where there is none. */
struct zone {
	bool given;
	int minutes;
	int ms;
};

static bool read_zone(struct zone *out, const char *text)
{
	int hours, minutes, used = 0;
	char sign, digits[4] = "000";

	*out = (struct zone){0};
	if (*text == '.') {
		size_t len = strspn(text + 1, "0123456789");

		if (len == 0 || len > 3)
			return false;
		memcpy(digits, text + 1, len);
		out->ms = atoi(digits);
		text += 1 + len;
	}
	if (*text == '\0')
		return true;
	out->given = true;
	if (strcmp(text, "Z") == 0)
		return true;
	if (sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || text[used] ||
	    (sign != '+' && sign != '-') || hours > 14 || minutes > 59)
		return false;
	out->minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
	return true;
}

static bool read_time(int64_t *out, const char *text)
{
	struct tm tm = {.tm_isdst = -1}, check;
	struct zone zone;
	const char *rest;
	time_t seconds;

	rest = strptime(text, "%Y-%m-%d", &tm);
	if (!rest || strcspn(text, "-") != 4)
		return false;
	if (*rest == 'T' || *rest == ' ') {
		const char *clock = rest + 1;

		rest = strptime(clock, "%H:%M:%S", &tm);
		if (!rest)
			rest = strptime(clock, "%H:%M", &tm);
	}
	if (!rest || !read_zone(&zone, rest))
		return false;
	check = tm;
	seconds = zone.given ? timegm(&tm) - zone.minutes * 60 : mktime(&tm);
	if (tm.tm_mday != check.tm_mday || tm.tm_mon != check.tm_mon || seconds < 0)
		return false; /* 2026-02-30 */
	*out = (int64_t)seconds * 1000 + zone.ms;
	return true;
}

enum rep_code cli_time(struct cli *cli, const char *name, const char **text, struct rep_error *err)
{
	char formed[REP_TIME_LEN + 1];
	int64_t ms;

	if (!*text)
		return REP_OK;
	if (!read_time(&ms, *text))
		return cli_usage(
			cli, err,
			"%s %s is no time: 2026-03-16, 2026-03-16T09:10 or 2026-03-16T09:10:00+08:00",
			name, *text);
	rep_time_format(formed, ms);
	*text = cli_keep(cli, strdup(formed));
	return *text ? REP_OK : rep_fail(err, REP_ENOMEM, "no memory");
}
