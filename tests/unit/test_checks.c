/* The schema's checks at the hub: refuse, warn, block; over other records, with the moment recorded. */
#include "help_rulehub.h"

#include <stdio.h>

static void insert(struct laptop *laptop, const char *id, int price)
{
	char line[200];

	snprintf(line, sizeof line,
		 "{\"values\":{\"name\":{\"new\":\"n\"},\"price\":{\"new\":%d}}}", price);
	laptop_change(laptop, "insert", "memo", id, now += MINUTE, line);
}

static bool has_flag(const char *id, const char *flag)
{
	struct rep_record *record = hub_row(hub, "memo", id);
	bool found = false;

	assert_non_null(record);
	for (size_t i = 0; i < rep_json_size(record->flags); i++)
		found = found ||
			strcmp(rep_json_string_value(rep_json_at(record->flags, i)), flag) == 0;
	rep_record_free(record);
	return found;
}

static void a_block_takes_the_edit_and_the_hub_sets_what_it_declares(void **state)
{
	struct rep_json *summary;

	(void)state;
	insert(&ana, "M-1", 102);
	merge(&ana);
	hub_expect(hub, "memo", "M-1", "price", "102");
	hub_expect(hub, "memo", "M-1", "stopped", "true");
	assert_true(has_flag("M-1", "dear"));
	summary = hub_run(hub, now += MINUTE);
	expect_count(summary, "changes", 0); /* once */
	rep_json_free(summary);
	expect_replay(hub);
}

/* The hub's own change is judged like any other. */
static void what_a_check_sets_may_fail_another_check(void **state)
{
	struct rep_json *summary;

	(void)state;
	insert(&ana, "M-1", 502);
	merge(&ana);
	hub_expect(hub, "memo", "M-1", "stopped", "true");
	hub_expect(hub, "memo", "M-1", "name", "\"shut\"");
	assert_true(has_flag("M-1", "shut"));
	summary = hub_run(hub, now += MINUTE);
	expect_count(summary, "changes", 0);
	rep_json_free(summary);
	expect_replay(hub);
}

static void checks_that_undo_each_other_come_to_an_end(void **state)
{
	struct rep_json *summary;

	(void)state;
	insert(&ana, "M-1", 902);
	merge(&ana);
	assert_true(has_flag("M-1", "flip"));
	assert_true(has_flag("M-1", "flop"));
	summary = hub_run(hub, now += MINUTE);
	expect_count(summary, "changes", 0);
	rep_json_free(summary);
	expect_replay(hub);
}

static void what_holds_is_not_blocked(void **state)
{
	(void)state;
	insert(&ana, "M-1", 100);
	merge(&ana);
	hub_expect(hub, "memo", "M-1", "stopped", NULL);
	assert_false(has_flag("M-1", "dear"));
}

static void a_warning_flags_and_takes(void **state)
{
	(void)state;
	insert(&ana, "M-1", 7);
	merge(&ana);
	hub_expect(hub, "memo", "M-1", "price", "7");
	hub_expect(hub, "memo", "M-1", "stopped", NULL);
	assert_true(has_flag("M-1", "odd"));
	expect_replay(hub);
}

/* The same two edits in either order: the moment decides which of them is refused, and stays decided. */
static void a_check_over_other_records_is_decided_by_the_moment(void **state)
{
	(void)state;
	insert(&ana, "M-1", 10);
	insert(&ben, "M-2", 10);
	merge(&ben);
	merge(&ana);
	hub_expect(hub, "memo", "M-2", "price", "10");
	hub_expect(hub, "memo", "M-1", "price", NULL);
	hub_expect(hub, "memo", "M-1", "name", "\"n\"");
	/* A replay has it from the outcome, although M-1's edit is the earlier one. */
	expect_replay(hub);
	hub = hub_rebuild(hub, dir);
	hub_expect(hub, "memo", "M-1", "price", NULL);
	expect_replay(hub);
}

static void what_is_refused_is_not_blocked(void **state)
{
	(void)state;
	insert(&ben, "M-2", 300);
	merge(&ben);
	insert(&ana, "M-1", 300); /* too dear, and taken already */
	merge(&ana);
	hub_expect(hub, "memo", "M-1", "price", NULL);
	expect_replay(hub);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rulehub_setup, rulehub_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_block_takes_the_edit_and_the_hub_sets_what_it_declares),
		TEST(what_a_check_sets_may_fail_another_check),
		TEST(checks_that_undo_each_other_come_to_an_end),
		TEST(what_holds_is_not_blocked),
		TEST(a_warning_flags_and_takes),
		TEST(a_check_over_other_records_is_decided_by_the_moment),
		TEST(what_is_refused_is_not_blocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
