#include <stdio.h>
#include <unistd.h>

#include "help_world.h"
#include "sync/audit/explain.h"

/* A doctor whom two reps changed without knowing of each other, the later one synced first. */
static struct two past;

static int past_setup(void **state)
{
	assert_int_equal(scratch_setup(state), 0);
	world_make(&past.world, state, "past");
	world_hub_change(&past.world, REP_OP_INSERT, "contact", CHEN,
			 "{\"best_time\":{\"new\":\"周二上午\"},\"influence\":{\"new\":\"市级\"},"
			 "\"kind\":{\"new\":\"医务人员\"},\"name\":{\"new\":\"陈建国\"},"
			 "\"org\":{\"new\":\"O-0101\"},\"phones\":{\"new\":[\"13900001111\"]}}",
			 "新建");
	two_laptops(&past);
	world_put(past.wang, "本人告知", "contact", CHEN,
		  ASSIGNS("phones+=13900002222", "best_time=周三下午", "prof_title=主任医师"));
	usleep(3000);
	world_put(past.li, "科室核对", "contact", CHEN,
		  ASSIGNS("phones-=13900001111", "best_time=周四上午", "name=陈建囯"));
	world_sync_quietly(past.li);
	world_merge_quietly(&past.world);
	world_sync_quietly(past.wang);
	world_merge_quietly(&past.world);
	return 0;
}

static int past_teardown(void **state)
{
	two_close(&past);
	return scratch_teardown(state);
}

static struct rep_json *explained(const char *field)
{
	struct rep_json *answer;
	struct rep_error err;

	expect_ok(rep_hub_explain(past.world.hub, "contact", CHEN, field, &answer, &err), &err);
	return answer;
}

static void expect_text(const struct rep_json *object, const char *key, const char *want)
{
	char *text = rep_json_text(rep_json_get(object, key));

	assert_string_equal(text ? text : "(none)", want);
	free(text);
}

static void the_value_its_author_and_the_rule_over_the_rival_are_told(void **state)
{
	struct rep_json *answer = explained("best_time");
	const struct rep_json *stands = rep_json_at(rep_json_get(answer, "standing"), 0);
	const struct rep_json *rival = rep_json_at(rep_json_get(answer, "rivals"), 0);

	(void)state;
	expect_text(answer, "value", "\"周四上午\"");
	assert_int_equal(rep_json_size(rep_json_get(answer, "standing")), 1);
	assert_string_equal(rep_json_get_string(stands, "rep"), "E0012");
	assert_string_equal(rep_json_get_string(stands, "device"), past.li->device);
	assert_string_equal(rep_json_get_string(stands, "reason"), "科室核对");
	assert_string_equal(rep_json_get_string(stands, "rule"), "latest");
	assert_string_equal(rep_json_get_string(answer, "schema_hash"),
			    rep_hub_schema(past.world.hub)->hash);
	assert_int_equal(rep_json_size(rep_json_get(answer, "rivals")), 1);
	assert_string_equal(rep_json_get_string(rival, "rep_name"), "王磊");
	expect_text(rival, "value", "\"周三下午\"");
	assert_string_equal(rep_json_get_string(answer, "state"), "decided");
	rep_json_free(answer);
}

static void both_sides_saw_the_same_value_of_the_hub(void **state)
{
	struct rep_json *answer = explained("best_time");
	const struct rep_json *sides[] = {
		rep_json_at(rep_json_get(answer, "standing"), 0),
		rep_json_at(rep_json_get(answer, "rivals"), 0),
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		expect_text(rep_json_get(sides[i], "saw"), "value", "\"周二上午\"");
		expect_text(rep_json_get(sides[i], "saw"), "rep", "\"hub\"");
	}
	rep_json_free(answer);
}

static void where_nobody_was_in_the_way_no_rule_decided(void **state)
{
	struct rep_json *answer = explained("prof_title");
	const struct rep_json *stands = rep_json_at(rep_json_get(answer, "standing"), 0);

	(void)state;
	expect_text(answer, "value", "\"主任医师\"");
	assert_string_equal(rep_json_get_string(stands, "rep"), "E0007");
	expect_text(stands, "rule", "null");
	assert_int_equal(rep_json_size(rep_json_get(answer, "rivals")), 0);
	expect_text(answer, "item", "null");
	rep_json_free(answer);
}

static const struct rep_json *part_of(const struct rep_json *answer, const char *part)
{
	const struct rep_json *list = rep_json_get(answer, "standing");

	for (size_t i = 0; i < rep_json_size(list); i++) {
		const struct rep_json *own = rep_json_get(rep_json_at(list, i), "part");
		const char *text = rep_json_string_value(own);

		if (text && strstr(text, part))
			return rep_json_at(list, i);
	}
	fail_msg("no part %s", part);
	return NULL;
}

static void each_part_of_a_set_is_told_also_the_one_taken_out(void **state)
{
	struct rep_json *answer = explained("phones");
	const struct rep_json *added = part_of(answer, "13900002222");
	const struct rep_json *gone = part_of(answer, "13900001111");

	(void)state;
	assert_int_equal(rep_json_size(rep_json_get(answer, "standing")), 2);
	assert_true(rep_json_get_bool(added, "present"));
	assert_string_equal(rep_json_get_string(added, "rep"), "E0007");
	assert_false(rep_json_get_bool(gone, "present"));
	assert_string_equal(rep_json_get_string(gone, "rep"), "E0012");
	rep_json_free(answer);
}

static void a_proposal_stands_beside_the_value_that_it_did_not_change(void **state)
{
	struct rep_json *answer = explained("name");
	const struct rep_json *proposal = rep_json_at(rep_json_get(answer, "proposals"), 0);

	(void)state;
	expect_text(answer, "value", "\"陈建国\"");
	assert_int_equal(rep_json_size(rep_json_get(answer, "proposals")), 1);
	expect_text(proposal, "value", "\"陈建囯\"");
	assert_string_equal(rep_json_get_string(proposal, "rep"), "E0012");
	assert_non_null(rep_json_get_string(proposal, "item"));
	rep_json_free(answer);
}

static void what_is_not_there_is_not_explained(void **state)
{
	struct rep_json *answer;
	struct rep_error err;

	(void)state;
	expect_code(rep_hub_explain(past.world.hub, "contact", CHEN, "shoe_size", &answer, &err),
		    REP_ENOTFOUND, &err, "shoe_size");
	expect_code(rep_hub_explain(past.world.hub, "contact", "C-0", "name", &answer, &err),
		    REP_ENOTFOUND, &err, "C-0");
	expect_code(rep_hub_explain(past.world.hub, "nothing", CHEN, "name", &answer, &err),
		    REP_ENOTFOUND, &err, "nothing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_value_its_author_and_the_rule_over_the_rival_are_told),
		cmocka_unit_test(both_sides_saw_the_same_value_of_the_hub),
		cmocka_unit_test(where_nobody_was_in_the_way_no_rule_decided),
		cmocka_unit_test(each_part_of_a_set_is_told_also_the_one_taken_out),
		cmocka_unit_test(a_proposal_stands_beside_the_value_that_it_did_not_change),
		cmocka_unit_test(what_is_not_there_is_not_explained),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, past_setup, past_teardown);
}
