#include "core/model/stamp.h"

#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/days.h"
#include "core/model/id.h"

#define DAY_MS INT64_C(86400000)
#define TIME_MS_MAX INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define COUNTER_MAX 0xFFFFu

static int64_t clamp_ms(int64_t ms)
{
	return ms < 0 ? 0 : ms > TIME_MS_MAX ? TIME_MS_MAX : ms;
}

static void put_digits(char *out, unsigned len, int64_t value)
{
	while (len-- > 0) {
		out[len] = (char)('0' + value % 10);
		value /= 10;
	}
}

void rep_time_format(char *out, int64_t ms)
{
	int year, month, day;
	int64_t rest;

	ms = clamp_ms(ms);
	rest = ms % DAY_MS;
	rep_days_to(ms / DAY_MS, &year, &month, &day);
	memcpy(out, "0000-00-00T00:00:00.000Z", REP_TIME_LEN + 1);
	put_digits(out, 4, year);
	put_digits(out + 5, 2, month);
	put_digits(out + 8, 2, day);
	put_digits(out + 11, 2, rest / 3600000);
	put_digits(out + 14, 2, rest / 60000 % 60);
	put_digits(out + 17, 2, rest / 1000 % 60);
	put_digits(out + 20, 3, rest % 1000);
}

static int get_digits(const char *text, unsigned len)
{
	int value = 0;

	for (unsigned i = 0; i < len; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

/* Reads the first REP_TIME_LEN bytes; stops at the first that does not fit, so also at a NUL. */
static bool parse_time(int64_t *ms, const char *text)
{
	static const char shape[] = "0000-00-00T00:00:00.000Z";
	char again[REP_TIME_LEN + 1];
	int year, month, day;

	for (unsigned i = 0; i < REP_TIME_LEN; i++)
		if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return false;
	year = get_digits(text, 4);
	month = get_digits(text + 5, 2);
	day = get_digits(text + 8, 2);
	if (year < 1970 || !rep_day_exists(year, month, day))
		return false;
	*ms = rep_days_of(year, month, day) * DAY_MS + get_digits(text + 11, 2) * INT64_C(3600000) +
	      get_digits(text + 14, 2) * 60000 + get_digits(text + 17, 2) * 1000 +
	      get_digits(text + 20, 3);
	/* An hour 24 or a second 60 comes back as another text. */
	rep_time_format(again, *ms);
	return memcmp(again, text, REP_TIME_LEN) == 0;
}

bool rep_time_parse(int64_t *ms, const char *text)
{
	*ms = 0;
	return parse_time(ms, text) && text[REP_TIME_LEN] == '\0';
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool rep_stamp_valid(const char *text)
{
	int64_t ms;

	if (!parse_time(&ms, text) || text[REP_TIME_LEN] != '-')
		return false;
	for (unsigned i = 1; i <= 4; i++)
		if (hex_value(text[REP_TIME_LEN + i]) < 0)
			return false;
	return text[REP_TIME_LEN + 5] == '@' && rep_device_valid(text + REP_TIME_LEN + 6);
}

void rep_stamp_make(struct rep_stamp *out, int64_t ms, unsigned counter, const char *device)
{
	static const char digits[] = "0123456789abcdef";
	char *text = out->text;

	rep_time_format(text, ms);
	text += REP_TIME_LEN;
	text[0] = '-';
	for (unsigned i = 0; i < 4; i++)
		text[1 + i] = digits[(counter >> (12 - 4 * i)) & 15];
	text[5] = '@';
	memcpy(text + 6, device, REP_DEVICE_LEN);
	text[6 + REP_DEVICE_LEN] = '\0';
}

int64_t rep_stamp_ms(const char *stamp)
{
	int64_t ms = 0;

	return parse_time(&ms, stamp) ? ms : 0;
}

unsigned rep_stamp_counter(const char *stamp)
{
	unsigned counter = 0;

	for (unsigned i = 1; i <= 4; i++)
		counter = counter * 16 + ((unsigned)hex_value(stamp[REP_TIME_LEN + i]) & 15u);
	return counter;
}

const char *rep_stamp_device(const char *stamp)
{
	return stamp + REP_TIME_LEN + 6;
}

bool rep_stamp_same_device(const char *a, const char *b)
{
	return memcmp(rep_stamp_device(a), rep_stamp_device(b), REP_DEVICE_LEN) == 0;
}

int rep_stamp_compare(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

void rep_clock_tick(struct rep_clock *clock, int64_t now_ms, const char *device,
		    struct rep_stamp *out)
{
	now_ms = clamp_ms(now_ms);
	if (now_ms > clock->ms) {
		clock->ms = now_ms;
		clock->counter = 0;
	} else if (clock->counter >= COUNTER_MAX) {
		clock->ms++;
		clock->counter = 0;
	} else {
		clock->counter++;
	}
	rep_stamp_make(out, clock->ms, clock->counter, device);
}

void rep_clock_observe(struct rep_clock *clock, const char *stamp)
{
	int64_t ms = rep_stamp_ms(stamp);
	unsigned counter = rep_stamp_counter(stamp);

	if (ms > clock->ms || (ms == clock->ms && counter > clock->counter)) {
		clock->ms = ms;
		clock->counter = counter;
	}
}

void rep_clock_observe_ms(struct rep_clock *clock, int64_t ms)
{
	ms = clamp_ms(ms);
	if (ms > clock->ms) {
		clock->ms = ms;
		clock->counter = 0;
	}
}

bool rep_stamp_effective(struct rep_stamp *out, const char *stamp, int64_t received_ms,
			 unsigned cut_counter)
{
	int64_t bound = clamp_ms(received_ms) + REP_CLOCK_AHEAD_MS_MAX;

	if (rep_stamp_ms(stamp) <= bound) {
		memmove(out->text, stamp, REP_STAMP_LEN);
		out->text[REP_STAMP_LEN] = '\0';
		return false;
	}
	rep_stamp_make(out, bound, cut_counter, rep_stamp_device(stamp));
	return true;
}
