#include "help.h"

#include <stdio.h>

#include "core/base/log.h"
#include "core/base/text.h"

static void a_fact_is_wrapped_by_each_intent(void **state)
{
	struct rep_error err = {0};
	enum rep_code rc =
		rep_fail(&err, REP_EIO, "open %s: %s", "replica.db", "Permission denied");

	(void)state;
	rc = rep_wrap(&err, rc, "push outbox");
	rc = rep_wrap(&err, rc, "sync");
	assert_int_equal(rc, REP_EIO);
	assert_int_equal(err.code, REP_EIO);
	assert_string_equal(err.msg, "sync: push outbox: open replica.db: Permission denied");
}

static void success_is_not_wrapped(void **state)
{
	struct rep_error err = {.msg = "old"};

	(void)state;
	assert_int_equal(rep_wrap(&err, REP_OK, "sync"), REP_OK);
	assert_string_equal(err.msg, "old");
}

static void a_hint_is_kept_until_the_next_failure(void **state)
{
	struct rep_error err = {0};
	enum rep_code rc = rep_fail(&err, REP_EBUSY, "busy");

	(void)state;
	rep_hint(&err, "try %s", "again");
	rc = rep_wrap(&err, rc, "sync");
	assert_string_equal(err.hint, "try again");
	rc = rep_fail(&err, rc, "other");
	assert_int_equal(rc, REP_EBUSY);
	assert_string_equal(err.hint, "");
}

static void a_long_message_is_cut_between_characters(void **state)
{
	struct rep_error err = {0};
	char text[2 * sizeof err.msg];

	(void)state;
	for (size_t lead = 0; lead < 3; lead++) {
		memset(text, 'x', lead);
		for (size_t at = lead; at + 3 < sizeof text; at += 3)
			memcpy(text + at, "\xE5\x88\x98\0", 4);
		assert_int_equal(rep_fail(&err, REP_EINVAL, "%s", text), REP_EINVAL);
		assert_true(strlen(err.msg) > sizeof err.msg - 5);
		assert_true(rep_text_is_utf8(err.msg, strlen(err.msg)));
		assert_int_equal(rep_wrap(&err, REP_EINVAL, "%s", "\xE6\x95\x8F"), REP_EINVAL);
		assert_true(rep_text_is_utf8(err.msg, strlen(err.msg)));
	}
}

static void nobody_need_listen(void **state)
{
	enum rep_code rc = rep_fail(NULL, REP_EIO, "lost");

	(void)state;
	assert_int_equal(rep_wrap(NULL, rc, "intent"), REP_EIO);
	rep_hint(NULL, "hint");
	rep_progress_step(NULL, "step", 1, 2);
	rep_progress_step(&(struct rep_progress){0}, "step", 1, 2);
}

static void count_step(void *user, const char *what, uint64_t done, uint64_t total)
{
	uint64_t *sum = user;

	assert_string_equal(what, "fetch");
	*sum += done * 100 + total;
}

static void progress_reaches_its_listener(void **state)
{
	uint64_t sum = 0;
	struct rep_progress progress = {count_step, &sum};

	(void)state;
	rep_progress_step(&progress, "fetch", 3, 7);
	assert_int_equal(sum, 307);
}

static void each_code_has_its_documented_exit_status(void **state)
{
	static const struct {
		enum rep_code code;
		int status;
	} cases[] = {
		{REP_OK, 0},         {REP_EUSAGE, 2}, {REP_EINVAL, 1},   {REP_ENOTFOUND, 1},
		{REP_EEXIST, 1},     {REP_EIO, 1},    {REP_ENOMEM, 1},   {REP_ELIMIT, 1},
		{REP_EBUSY, 1},      {REP_EORDER, 1}, {REP_EREFUSED, 3}, {REP_EUNREACHABLE, 4},
		{REP_EINTEGRITY, 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(rep_exit_status(cases[i].code), cases[i].status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fact_is_wrapped_by_each_intent),
		cmocka_unit_test(success_is_not_wrapped),
		cmocka_unit_test(a_hint_is_kept_until_the_next_failure),
		cmocka_unit_test(a_long_message_is_cut_between_characters),
		cmocka_unit_test(nobody_need_listen),
		cmocka_unit_test(progress_reaches_its_listener),
		cmocka_unit_test(each_code_has_its_documented_exit_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
