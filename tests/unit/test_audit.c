#include <stdio.h>
#include <unistd.h>

#include "help_world.h"
#include "sync/audit/audit.h"

/* A doctor whose phones four people changed; opened once, asked by every test. */
struct past {
	struct world world;
	struct rep_replica *wang, *li;
	char made[REP_TIME_LEN + 1];    /* after the hub's insert */
	char offline[REP_TIME_LEN + 1]; /* after both edits, before any sync */
};
static struct past past;

static void now_text(char out[REP_TIME_LEN + 1])
{
	usleep(3000);
	rep_time_format(out, world_now());
	usleep(3000);
}

static int past_setup(void **state)
{
	assert_int_equal(scratch_setup(state), 0);
	world_make(&past.world, state, "past");
	world_hub_change(
		&past.world, REP_OP_INSERT, "contact", CHEN,
		"{\"best_time\":{\"new\":\"周二上午\"},\"im\":{\"new\":{\"微信\":\"cjg\"}},"
		"\"kind\":{\"new\":\"医务人员\"},\"name\":{\"new\":\"陈建国\"},"
		"\"org\":{\"new\":\"O-0101\"},\"phones\":{\"new\":[\"13900000001\"]}}",
		"新建");
	world_hub_change(&past.world, REP_OP_UPDATE, "contact", CHEN,
			 "{\"phones\":{\"add\":[\"13900001111\"],\"remove\":[\"13900000001\"]}}",
			 "拜访时本人告知");
	now_text(past.made);
	past.wang = world_laptop(&past.world, "E0007", "wang");
	past.li = world_laptop(&past.world, "E0012", "li");
	world_put(past.wang, "本人告知", "contact", CHEN,
		  ASSIGNS("phones+=13900002222", "best_time=周三下午"));
	usleep(3000);
	world_put(past.li, "科室核对", "contact", CHEN,
		  ASSIGNS("phones-=13900001111", "phones+=13900003333", "best_time=周四上午"));
	now_text(past.offline);
	world_sync_quietly(past.li);
	world_merge_quietly(&past.world);
	world_sync_quietly(past.wang);
	world_merge_quietly(&past.world);
	return 0;
}

static int past_teardown(void **state)
{
	rep_replica_close(past.wang);
	rep_replica_close(past.li);
	world_close(&past.world);
	return scratch_teardown(state);
}

static struct rep_json *ask(const struct rep_audit *query)
{
	struct rep_json *rows;
	struct rep_error err;

	expect_ok(rep_hub_audit(past.world.hub, query, &rows, &err), &err);
	return rows;
}

static void expect_row(const struct rep_json *row, const char *op, const char *old_value,
		       const char *new_value, const char *rep)
{
	char *text;

	assert_string_equal(rep_json_get_string(row, "op"), op);
	text = rep_json_text(rep_json_get(row, "old"));
	assert_string_equal(text, old_value);
	free(text);
	text = rep_json_text(rep_json_get(row, "new"));
	assert_string_equal(text, new_value);
	free(text);
	assert_string_equal(rep_json_get_string(row, "rep"), rep);
}

static void phones_give_one_row_an_element_oldest_first(void **state)
{
	const struct rep_audit query = {.entity = "contact", .id = CHEN, .field = "phones"};
	struct rep_json *rows = ask(&query);

	(void)state;
	assert_int_equal(rep_json_size(rows), 6);
	expect_row(rep_json_at(rows, 0), "add", "null", "\"13900000001\"", "hub");
	expect_row(rep_json_at(rows, 1), "remove", "\"13900000001\"", "null", "hub");
	expect_row(rep_json_at(rows, 2), "add", "null", "\"13900001111\"", "hub");
	expect_row(rep_json_at(rows, 3), "add", "null", "\"13900002222\"", "E0007");
	expect_row(rep_json_at(rows, 4), "remove", "\"13900001111\"", "null", "E0012");
	expect_row(rep_json_at(rows, 5), "add", "null", "\"13900003333\"", "E0012");
	rep_json_free(rows);
}

static void a_row_says_who_when_why_how_and_where_it_is_proved(void **state)
{
	const struct rep_audit query = {
		.entity = "contact", .id = CHEN, .field = "phones", .rep = "E0007"};
	struct rep_json *rows = ask(&query);
	const struct rep_json *row = rep_json_at(rows, 0);
	int64_t edited, received;

	(void)state;
	assert_int_equal(rep_json_size(rows), 1);
	assert_string_equal(rep_json_get_string(row, "rep_name"), "王磊");
	assert_string_equal(rep_json_get_string(row, "role"), "rep");
	assert_string_equal(rep_json_get_string(row, "device"), past.wang->device);
	assert_string_equal(rep_json_get_string(row, "reason"), "本人告知");
	assert_string_equal(rep_json_get_string(row, "outcome"), "applied");
	assert_string_equal(rep_json_get_string(row, "rule"), "set");
	assert_string_equal(rep_json_get_string(row, "partition"), "O-0101");
	assert_true(rep_time_parse(&edited, rep_json_get_string(row, "device_time")));
	assert_true(rep_time_parse(&received, rep_json_get_string(row, "hub_time")));
	assert_true(received >= edited);
	/* The proof: this blob, in this commit of central, holds what the device signed. */
	shell_ok("git --git-dir '%s/hub/central.git' cat-file -e '%s:%s'", past.world.dir,
		 rep_json_get_string(row, "commit"), rep_json_get_string(row, "segment"));
	rep_json_free(rows);
}

static void the_value_that_was_not_taken_is_told_beside_the_one_that_was(void **state)
{
	const struct rep_audit query = {
		.entity = "contact", .id = CHEN, .field = "best_time", .rep = "E0012"};
	struct rep_json *rows = ask(&query);
	const struct rep_json *row = rep_json_at(rows, 0);

	(void)state;
	assert_int_equal(rep_json_size(rows), 1);
	expect_row(row, "update", "\"周二上午\"", "\"周四上午\"", "E0012");
	assert_string_equal(rep_json_get_string(row, "outcome"), "merged");
	assert_string_equal(rep_json_get_string(row, "rule"), "latest");
	assert_string_equal(rep_stamp_device(rep_json_get_string(row, "rival")), past.wang->device);
	assert_string_equal(rep_json_get_string(row, "rival_rep"), "E0007");
	assert_string_equal(rep_json_get_string(row, "rival_value"), "周三下午");
	rep_json_free(rows);
}

static void questions_narrow_by_time_and_device(void **state)
{
	const struct rep_audit before = {.entity = "contact", .id = CHEN, .until = past.made};
	const struct rep_audit after = {.entity = "contact", .id = CHEN, .since = past.made};
	const struct rep_audit li = {.device = past.li->device};
	struct rep_json *rows = ask(&before);

	(void)state;
	for (size_t i = 0; i < rep_json_size(rows); i++)
		assert_string_equal(rep_json_get_string(rep_json_at(rows, i), "rep"), "hub");
	rep_json_free(rows);
	rows = ask(&after);
	assert_int_equal(rep_json_size(rows), 5);
	rep_json_free(rows);
	rows = ask(&li);
	assert_int_equal(rep_json_size(rows), 3);
	rep_json_free(rows);
}

static void a_bad_question_is_refused(void **state)
{
	const struct rep_audit bad_time = {.since = "yesterday"};
	const struct rep_audit no_entity = {.id = CHEN};
	const struct rep_audit unknown = {.entity = "nothing", .id = CHEN};
	struct rep_json *rows;
	struct rep_error err;

	(void)state;
	expect_code(rep_hub_audit(past.world.hub, &bad_time, &rows, &err), REP_EUSAGE, &err,
		    "yesterday");
	expect_code(rep_hub_audit(past.world.hub, &no_entity, &rows, &err), REP_EUSAGE, &err, NULL);
	expect_code(rep_hub_audit(past.world.hub, &unknown, &rows, &err), REP_ENOTFOUND, &err,
		    "nothing");
}

static void expect_shown(const char *as_of, bool by_hub, const char *field, const char *want)
{
	struct rep_json *record;
	struct rep_error err;
	char *text;

	expect_ok(rep_hub_show(past.world.hub, "contact", CHEN, as_of, by_hub, &record, &err),
		  &err);
	text = rep_json_text(rep_json_get(rep_json_get(record, "fields"), field));
	assert_string_equal(text, want);
	free(text);
	rep_json_free(record);
}

static void a_record_is_shown_as_it_stood(void **state)
{
	(void)state;
	expect_shown(past.made, false, "phones", "[\"13900001111\"]");
	expect_shown(past.made, false, "best_time", "\"周二上午\"");
	expect_shown(NULL, false, "phones", "[\"13900002222\",\"13900003333\"]");
	expect_shown(NULL, false, "best_time", "\"周四上午\"");
}

static void the_two_clocks_differ_on_what_was_edited_offline(void **state)
{
	(void)state;
	expect_shown(past.offline, false, "phones", "[\"13900002222\",\"13900003333\"]");
	expect_shown(past.offline, true, "phones", "[\"13900001111\"]");
}

static void what_was_not_there_yet_is_not_found(void **state)
{
	struct rep_json *record;
	struct rep_error err;

	(void)state;
	expect_code(rep_hub_show(past.world.hub, "contact", CHEN, "2020-01-01T00:00:00.000Z", false,
				 &record, &err),
		    REP_ENOTFOUND, &err, "2020-01-01");
	expect_code(rep_hub_show(past.world.hub, "contact", "C-0000", NULL, false, &record, &err),
		    REP_ENOTFOUND, &err, "C-0000");
	expect_code(rep_hub_show(past.world.hub, "contact", CHEN, "monday", false, &record, &err),
		    REP_EUSAGE, &err, "monday");
}

static const struct rep_json *blamed(const struct rep_json *rows, const char *field,
				     const char *value)
{
	for (size_t i = 0; i < rep_json_size(rows); i++) {
		const struct rep_json *row = rep_json_at(rows, i);
		char *text = rep_json_text(rep_json_get(row, "value"));
		bool same = strcmp(rep_json_get_string(row, "field"), field) == 0 &&
			    strcmp(text, value) == 0;

		free(text);
		if (same)
			return row;
	}
	return NULL;
}

static void blame_tells_where_each_value_comes_from(void **state)
{
	struct rep_json *rows;
	const struct rep_json *row;
	struct rep_error err;

	(void)state;
	expect_ok(rep_hub_blame(past.world.hub, "contact", CHEN, &rows, &err), &err);
	row = blamed(rows, "phones", "\"13900002222\"");
	assert_non_null(row);
	assert_string_equal(rep_json_get_string(row, "rep_name"), "王磊");
	row = blamed(rows, "phones", "\"13900003333\"");
	assert_non_null(row);
	assert_string_equal(rep_json_get_string(row, "rep"), "E0012");
	row = blamed(rows, "best_time", "\"周四上午\"");
	assert_non_null(row);
	assert_string_equal(rep_json_get_string(row, "reason"), "科室核对");
	row = blamed(rows, "im", "{\"微信\":\"cjg\"}");
	assert_non_null(row);
	assert_string_equal(rep_json_get_string(row, "rep"), "hub");
	assert_string_equal(rep_json_get_string(row, "reason"), "新建");
	rep_json_free(rows);
}

static void an_export_is_all_records_now_or_then(void **state)
{
	struct rep_json *now, *then, *before;
	struct rep_error err;

	(void)state;
	expect_ok(rep_hub_export(past.world.hub, "contact", NULL, false, &now, &err), &err);
	expect_ok(rep_hub_export(past.world.hub, "contact", past.made, false, &then, &err), &err);
	expect_ok(rep_hub_export(past.world.hub, "contact", "2020-01-01T00:00:00.000Z", false,
				 &before, &err),
		  &err);
	assert_int_equal(rep_json_size(now), 1);
	assert_int_equal(rep_json_size(then), 1);
	assert_int_equal(rep_json_size(before), 0);
	assert_false(rep_json_equal(now, then));
	rep_json_free(now);
	rep_json_free(then);
	rep_json_free(before);
}

static void answers_are_the_same_when_the_hub_is_only_read(void **state)
{
	const struct rep_audit query = {.entity = "contact", .id = CHEN};
	struct rep_json *before = ask(&query), *after;

	(void)state;
	world_reopen(&past.world, true);
	after = ask(&query);
	assert_true(rep_json_equal(before, after));
	rep_json_free(before);
	rep_json_free(after);
	world_reopen(&past.world, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phones_give_one_row_an_element_oldest_first),
		cmocka_unit_test(a_row_says_who_when_why_how_and_where_it_is_proved),
		cmocka_unit_test(the_value_that_was_not_taken_is_told_beside_the_one_that_was),
		cmocka_unit_test(questions_narrow_by_time_and_device),
		cmocka_unit_test(a_bad_question_is_refused),
		cmocka_unit_test(a_record_is_shown_as_it_stood),
		cmocka_unit_test(the_two_clocks_differ_on_what_was_edited_offline),
		cmocka_unit_test(what_was_not_there_yet_is_not_found),
		cmocka_unit_test(blame_tells_where_each_value_comes_from),
		cmocka_unit_test(an_export_is_all_records_now_or_then),
		cmocka_unit_test(answers_are_the_same_when_the_hub_is_only_read),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, past_setup, past_teardown);
}
