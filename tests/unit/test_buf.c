#include "help.h"

#include "core/base/buf.h"

static void bytes_are_followed_by_a_nul(void **state)
{
	struct rep_buf buf = REP_BUF_INIT(1000);

	(void)state;
	assert_string_equal(rep_buf_str(&buf), "");
	rep_buf_puts(&buf, "ab");
	rep_buf_putc(&buf, 'c');
	rep_buf_put(&buf, "def", 2);
	rep_buf_printf(&buf, "-%d-%s", 42, "x");
	assert_string_equal(rep_buf_str(&buf), "abcde-42-x");
	assert_int_equal(buf.len, 10);
	assert_int_equal(buf.data[buf.len], 0);
	rep_buf_clear(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.limit, 1000);
}

static void the_limit_is_reached_but_not_passed(void **state)
{
	struct rep_buf buf = REP_BUF_INIT(5);
	struct rep_error err;

	(void)state;
	rep_buf_puts(&buf, "12345");
	expect_ok(rep_buf_check(&buf, "five", &err), &err);
	rep_buf_put(&buf, "", 0);
	expect_ok(rep_buf_check(&buf, "five", &err), &err);
	rep_buf_putc(&buf, '6');
	assert_int_equal(buf.len, 5);
	expect_code(rep_buf_check(&buf, "six", &err), REP_ELIMIT, &err, "six");
	rep_buf_clear(&buf);
}

static void the_first_failure_is_remembered(void **state)
{
	struct rep_buf buf = REP_BUF_INIT(3);
	struct rep_error err;

	(void)state;
	rep_buf_puts(&buf, "1234");
	rep_buf_putc(&buf, '1');
	assert_int_equal(buf.len, 0);
	expect_code(rep_buf_check(&buf, "x", &err), REP_ELIMIT, &err, NULL);
	assert_null(rep_buf_take(&buf));
	rep_buf_putc(&buf, '1');
	expect_ok(rep_buf_check(&buf, "x", &err), &err);
	rep_buf_clear(&buf);
}

static void a_huge_append_fails_without_overflow(void **state)
{
	struct rep_buf buf = REP_BUF_INIT(SIZE_MAX);

	(void)state;
	rep_buf_putc(&buf, 'a');
	rep_buf_put(&buf, "a", SIZE_MAX);
	assert_int_equal(buf.failed, REP_ELIMIT);
	rep_buf_clear(&buf);
}

static void reset_keeps_the_memory(void **state)
{
	struct rep_buf buf = REP_BUF_INIT(100);
	size_t cap;

	(void)state;
	rep_buf_puts(&buf, "something");
	cap = buf.cap;
	rep_buf_reset(&buf);
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf.cap, cap);
	assert_string_equal(rep_buf_str(&buf), "");
	rep_buf_clear(&buf);
}

static void take_moves_the_bytes(void **state)
{
	struct rep_buf buf = REP_BUF_INIT(100);
	char *text;

	(void)state;
	assert_null(rep_buf_take(&buf));
	rep_buf_puts(&buf, "mine");
	text = rep_buf_take(&buf);
	assert_string_equal(text, "mine");
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
	free(text);
}

static void a_buffer_grows_over_many_appends(void **state)
{
	struct rep_buf buf = REP_BUF_INIT(1 << 20);

	(void)state;
	for (size_t i = 0; i < 100000; i++)
		rep_buf_putc(&buf, (char)('a' + i % 26));
	assert_int_equal(buf.len, 100000);
	for (size_t i = 0; i < buf.len; i++)
		assert_int_equal(buf.data[i], 'a' + i % 26);
	rep_buf_clear(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_followed_by_a_nul),
		cmocka_unit_test(the_limit_is_reached_but_not_passed),
		cmocka_unit_test(the_first_failure_is_remembered),
		cmocka_unit_test(a_huge_append_fails_without_overflow),
		cmocka_unit_test(reset_keeps_the_memory),
		cmocka_unit_test(take_moves_the_bytes),
		cmocka_unit_test(a_buffer_grows_over_many_appends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
