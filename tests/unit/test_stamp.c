#include "help.h"

#include <stdio.h>

#include "core/model/stamp.h"

#define DEVICE "d7k3f9qm"

static void times_are_formatted_and_read(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{951868799999, "2000-02-29T23:59:59.999Z"},
		{951868800000, "2000-03-01T00:00:00.000Z"},
		{1704067199999, "2023-12-31T23:59:59.999Z"},
		{2147483648000, "2038-01-19T03:14:08.000Z"},
		{4107542400000, "2100-03-01T00:00:00.000Z"},
		{1795227245123, "2026-11-21T02:14:05.123Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
	};
	char text[REP_TIME_LEN + 1];
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		rep_time_format(text, cases[i].ms);
		assert_string_equal(text, cases[i].text);
		assert_true(rep_time_parse(&ms, cases[i].text));
		assert_true(ms == cases[i].ms);
	}
}

static void every_day_until_2400_comes_back(void **state)
{
	char text[REP_TIME_LEN + 1], before[REP_TIME_LEN + 1] = "";
	int64_t ms;

	(void)state;
	for (int64_t day = 0; day < 157054; day++) {
		rep_time_format(text, day * 86400000 + 1);
		assert_true(strcmp(before, text) < 0);
		assert_true(rep_time_parse(&ms, text));
		assert_true(ms == day * 86400000 + 1);
		memcpy(before, text, sizeof before);
	}
	assert_string_equal(text, "2399-12-31T00:00:00.001Z");
}

static void what_lies_outside_the_calendar_is_clamped_or_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"2026-11-21",
		"2026-11-21T02:14:05Z",
		"2026-11-21T02:14:05.123",
		"2026-11-21T02:14:05.123z",
		"2026-11-21 02:14:05.123Z",
		"2026-11-21T02:14:05.123Z ",
		"2026-11-21T02:14:05.1234Z",
		"2026-11-21T02:14:05,123Z",
		"2026-11-21T10:14:05.123+08:00",
		"2026-02-29T00:00:00.000Z",
		"2100-02-29T00:00:00.000Z",
		"2026-04-31T00:00:00.000Z",
		"2026-00-01T00:00:00.000Z",
		"2026-13-01T00:00:00.000Z",
		"2026-01-00T00:00:00.000Z",
		"2026-01-32T00:00:00.000Z",
		"2026-01-01T24:00:00.000Z",
		"2026-01-01T00:60:00.000Z",
		"2026-01-01T23:59:60.000Z",
		"1969-12-31T23:59:59.999Z",
		"0000-00-00T00:00:00.000Z",
		"10000-01-01T00:00:00.000Z",
		"-001-01-01T00:00:00.000Z",
		"+026-11-21T02:14:05.123Z",
		"２026-11-21T02:14:05.123Z",
	};
	char text[REP_TIME_LEN + 1];
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (rep_time_parse(&ms, cases[i]))
			fail_msg("%s", cases[i]);
	rep_time_format(text, -1);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	rep_time_format(text, INT64_MAX);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void a_stamp_is_made_and_taken_apart(void **state)
{
	const char *text = "2026-11-21T02:14:05.123Z-00f2@" DEVICE;
	struct rep_stamp stamp;

	(void)state;
	rep_stamp_make(&stamp, 1795227245123, 0xF2, DEVICE);
	assert_string_equal(stamp.text, text);
	assert_int_equal(strlen(stamp.text), REP_STAMP_LEN);
	assert_true(rep_stamp_valid(text));
	assert_true(rep_stamp_ms(text) == 1795227245123);
	assert_int_equal(rep_stamp_counter(text), 0xF2);
	assert_string_equal(rep_stamp_device(text), DEVICE);
	rep_stamp_make(&stamp, 0, 0xFFFF, REP_HUB_DEVICE);
	assert_string_equal(stamp.text, "1970-01-01T00:00:00.000Z-ffff@hub00000");
	assert_true(rep_stamp_valid(stamp.text));
}

static void what_is_no_stamp_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"*",
		"2026-11-21T02:14:05.123Z",
		"2026-11-21T02:14:05.123Z-00f2",
		"2026-11-21T02:14:05.123Z-00F2@d7k3f9qm",
		"2026-11-21T02:14:05.123Z-0f2@d7k3f9qm",
		"2026-11-21T02:14:05.123Z-000f2@d7k3f9qm",
		"2026-11-21T02:14:05.123Z-00g2@d7k3f9qm",
		"2026-11-21T02:14:05.123Z_00f2@d7k3f9qm",
		"2026-11-21T02:14:05.123Z-00f2#d7k3f9qm",
		"2026-11-21T02:14:05.123Z-00f2@d7k3f9q",
		"2026-11-21T02:14:05.123Z-00f2@d7k3f9qmm",
		"2026-11-21T02:14:05.123Z-00f2@D7K3F9QM",
		"2026-11-21T02:14:05.123Z-00f2@d7k3f9qz",
		"2026-02-30T02:14:05.123Z-00f2@d7k3f9qm",
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (rep_stamp_valid(cases[i]))
			fail_msg("%s", cases[i]);
}

static void stamps_are_ordered_as_bytes(void **state)
{
	static const char *const sorted[] = {
		NULL,
		"2026-11-21T02:14:05.122Z-ffff@vvvvvvvv",
		"2026-11-21T02:14:05.123Z-0000@vvvvvvvv",
		"2026-11-21T02:14:05.123Z-0009@00000000",
		"2026-11-21T02:14:05.123Z-000a@00000000",
		"2026-11-21T02:14:05.123Z-000a@00000001",
		"9999-12-31T23:59:59.999Z-0000@00000000",
	};
	size_t len = sizeof sorted / sizeof *sorted;

	(void)state;
	for (size_t i = 0; i < len; i++)
		for (size_t j = 0; j < len; j++) {
			int order = rep_stamp_compare(sorted[i], sorted[j]);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	assert_true(rep_stamp_same_device(sorted[1], sorted[2]));
	assert_false(rep_stamp_same_device(sorted[2], sorted[3]));
}

static void a_clock_never_gives_a_stamp_twice_nor_goes_back(void **state)
{
	static const int64_t walls[] = {1000, 1000, 1000, 5, -7, 1001, 1001, 999, 2000};
	struct rep_clock clock = {0};
	struct rep_stamp before = {""}, stamp;

	(void)state;
	for (size_t i = 0; i < sizeof walls / sizeof *walls; i++) {
		rep_clock_tick(&clock, walls[i], DEVICE, &stamp);
		assert_true(rep_stamp_valid(stamp.text));
		assert_true(strcmp(before.text, stamp.text) < 0);
		before = stamp;
	}
	assert_string_equal(stamp.text, "1970-01-01T00:00:02.000Z-0000@" DEVICE);
}

static void a_full_counter_moves_on_to_the_next_millisecond(void **state)
{
	struct rep_clock clock = {.ms = 1000, .counter = 0xFFFE};
	struct rep_stamp stamp;

	(void)state;
	rep_clock_tick(&clock, 1000, DEVICE, &stamp);
	assert_string_equal(stamp.text, "1970-01-01T00:00:01.000Z-ffff@" DEVICE);
	rep_clock_tick(&clock, 1000, DEVICE, &stamp);
	assert_string_equal(stamp.text, "1970-01-01T00:00:01.001Z-0000@" DEVICE);
	rep_clock_tick(&clock, 1000, DEVICE, &stamp);
	assert_string_equal(stamp.text, "1970-01-01T00:00:01.001Z-0001@" DEVICE);
}

static void a_clock_goes_on_from_what_it_has_seen(void **state)
{
	struct rep_clock clock = {0};
	struct rep_stamp stamp;

	(void)state;
	rep_clock_observe(&clock, "1970-01-01T00:00:05.000Z-0010@hub00000");
	rep_clock_observe(&clock, "1970-01-01T00:00:05.000Z-0003@hub00000");
	rep_clock_observe(&clock, "1970-01-01T00:00:04.000Z-ffff@hub00000");
	rep_clock_tick(&clock, 4000, DEVICE, &stamp);
	assert_string_equal(stamp.text, "1970-01-01T00:00:05.000Z-0011@" DEVICE);
	rep_clock_observe_ms(&clock, 6000);
	rep_clock_observe_ms(&clock, 5500);
	rep_clock_tick(&clock, 4000, DEVICE, &stamp);
	assert_string_equal(stamp.text, "1970-01-01T00:00:06.000Z-0001@" DEVICE);
}

static void a_stamp_is_cut_only_beyond_five_minutes(void **state)
{
	const char *stamp = "1970-01-01T00:05:01.000Z-0007@" DEVICE;
	struct rep_stamp out;

	(void)state;
	assert_false(rep_stamp_effective(&out, stamp, 1000, 3));
	assert_string_equal(out.text, stamp);
	assert_false(rep_stamp_effective(&out, stamp, INT64_C(1795227245123), 3));
	assert_string_equal(out.text, stamp);
	assert_true(rep_stamp_effective(&out, stamp, 999, 3));
	assert_string_equal(out.text, "1970-01-01T00:05:00.999Z-0003@" DEVICE);
	assert_true(rep_stamp_effective(&out, "9999-12-31T23:59:59.999Z-ffff@" DEVICE, 999, 4));
	assert_string_equal(out.text, "1970-01-01T00:05:00.999Z-0004@" DEVICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_formatted_and_read),
		cmocka_unit_test(every_day_until_2400_comes_back),
		cmocka_unit_test(what_lies_outside_the_calendar_is_clamped_or_refused),
		cmocka_unit_test(a_stamp_is_made_and_taken_apart),
		cmocka_unit_test(what_is_no_stamp_is_refused),
		cmocka_unit_test(stamps_are_ordered_as_bytes),
		cmocka_unit_test(a_clock_never_gives_a_stamp_twice_nor_goes_back),
		cmocka_unit_test(a_full_counter_moves_on_to_the_next_millisecond),
		cmocka_unit_test(a_clock_goes_on_from_what_it_has_seen),
		cmocka_unit_test(a_stamp_is_cut_only_beyond_five_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
