/* What becomes of records whose target is deleted: restrict, cascade, clear; in time, late, and written meanwhile. */
#include "help_rulehub.h"

#include <stdio.h>

#include "core/base/limits.h"
#include "core/model/fold.h"

/* A record of ana's; `field` may be NULL, and is else given beside a name. */
static void make(const char *entity, const char *id, const char *field, const char *value)
{
	char line[300];

	snprintf(line, sizeof line, "{\"values\":{\"name\":{\"new\":\"n\"}%s%s%s%s%s}}",
		 field ? ",\"" : "", field ? field : "", field ? "\":{\"new\":" : "",
		 field ? value : "", field ? "}" : "");
	laptop_change(&ana, "insert", entity, id, now += MINUTE, line);
}

/* The kit, and with it whatever else ana has made by then, known to the hub. */
static void begin(void)
{
	make("kit", "K-1", NULL, NULL);
	merge(&ana);
}

static bool is_live(const char *entity, const char *id)
{
	struct rep_record *record = hub_row(hub, entity, id);
	bool live;

	assert_non_null(record);
	live = !record->deleted;
	rep_record_free(record);
	return live;
}

/* A delete as a laptop seals it: everything of the record seen. */
static void drop(struct laptop *laptop, const char *entity, const char *id, int64_t at)
{
	struct rep_record *record = hub_row(hub, entity, id);
	char line[300];

	snprintf(line, sizeof line, "{\"values\":{\"name\":{\"saw\":\"%s\"}}}",
		 rep_record_stamp(record, "name"));
	laptop_change(laptop, "delete", entity, id, at, line);
	rep_record_free(record);
}

/* The rule of the conflict over the whole record, or NULL. Static storage. */
static const char *told(const char *entity, const char *id)
{
	static char rule[REP_NAME_LEN_MAX + 1];
	char item[40];
	struct rep_record *conflict;
	const struct rep_json *rivals;

	rep_review_conflict_id(item, entity, id, "*");
	conflict = hub_row(hub, "conflict", item);
	if (!conflict)
		return NULL;
	rivals = rep_record_value(conflict, "rivals");
	snprintf(rule, sizeof rule, "%s",
		 rep_json_get_string(rep_json_at(rivals, rep_json_size(rivals) - 1), "rule"));
	rep_record_free(conflict);
	return rule;
}

/* Nothing is left to do, and the journals give the same again. */
static void settled(void)
{
	struct rep_json *summary = hub_run(hub, now += MINUTE);

	expect_count(summary, "changes", 0);
	rep_json_free(summary);
	expect_replay(hub);
	expect_fsck(dir);
}

/* A child of this entity keeps the kit that ben deletes. */
static void refuses_the_delete(const char *child)
{
	struct rep_json *summary;

	begin();
	make(child, "L-1", "kit", "\"K-1\"");
	merge(&ana);
	drop(&ben, "kit", "K-1", now += MINUTE);
	laptop_send(&ben, dir, now += MINUTE);
	summary = hub_run(hub, now += MINUTE);
	expect_count(summary, "rejected", 1);
	rep_json_free(summary);
	assert_true(is_live("kit", "K-1"));
	settled();
}

static void restrict_keeps_the_target(void **state)
{
	(void)state;
	refuses_the_delete("lock");
}

static void a_child_that_comes_later_restores_its_parent(void **state)
{
	(void)state;
	begin();
	make("lock", "L-1", "kit", "\"K-1\""); /* ana is offline */
	drop(&ben, "kit", "K-1", now += MINUTE);
	merge(&ben);
	assert_false(is_live("kit", "K-1"));
	merge(&ana);
	assert_true(is_live("kit", "K-1"));
	assert_true(is_live("lock", "L-1"));
	assert_string_equal(told("kit", "K-1"), "restrict");
	settled();
}

static void clear_takes_the_reference_out(void **state)
{
	(void)state;
	begin();
	make("kit", "K-2", NULL, NULL);
	make("memo", "M-1", "kit", "\"K-1\"");
	make("memo", "M-2", "kits", "[\"K-1\",\"K-2\"]");
	merge(&ana);
	make("memo", "M-3", "kit", "\"K-1\""); /* comes later */
	drop(&ben, "kit", "K-1", now += MINUTE);
	merge(&ben);
	assert_false(is_live("kit", "K-1"));
	hub_expect(hub, "memo", "M-1", "kit", NULL);
	hub_expect(hub, "memo", "M-2", "kits", "[\"K-2\"]");
	merge(&ana);
	assert_false(is_live("kit", "K-1"));
	hub_expect(hub, "memo", "M-3", "kit", NULL);
	hub_expect(hub, "memo", "M-3", "name", "\"n\"");
	settled();
}

static void cascade_goes_down_by_each_policy(void **state)
{
	(void)state;
	begin();
	make("piece", "P-1", "kit", "\"K-1\"");
	make("badge", "B-1", "kit", "\"K-1\"");
	make("stub", "S-1", "piece", "\"P-1\"");
	make("piece", "P-2", NULL, NULL);
	merge(&ana);
	drop(&ben, "kit", "K-1", now += 10 * MINUTE);
	merge(&ben);
	assert_false(is_live("kit", "K-1"));
	assert_false(is_live("piece", "P-1"));
	assert_false(is_live("stub", "S-1")); /* with its piece */
	assert_true(is_live("piece", "P-2"));
	assert_true(is_live("badge", "B-1")); /* archived, not gone */
	hub_expect(hub, "badge", "B-1", "status", "\"archived\"");
	settled();
}

/* One round a level, sixteen in a merge; the next one goes on, also when nobody brought anything. */
static void a_cascade_deeper_than_one_merge_follows_ends_in_the_next(void **state)
{
	char id[16], before[16];

	(void)state;
	make("stub", "S-1", NULL, NULL);
	for (int i = 2; i <= 20; i++) {
		snprintf(id, sizeof id, "S-%d", i);
		snprintf(before, sizeof before, "\"S-%d\"", i - 1);
		make("stub", id, "stub", before);
	}
	merge(&ana);
	drop(&ben, "stub", "S-1", now += MINUTE);
	merge(&ben);
	assert_false(is_live("stub", "S-17"));
	assert_true(is_live("stub", "S-18"));
	hub_run_quietly(hub, now += MINUTE);
	assert_false(is_live("stub", "S-20"));
	settled();
}

/* Ana's work on P-1, sealed at once. */
static void work_on_the_piece(void)
{
	struct rep_record *piece = hub_row(hub, "piece", "P-1");
	char line[200];

	snprintf(line, sizeof line,
		 "{\"values\":{\"name\":{\"new\":\"worked on\",\"old\":\"n\",\"saw\":\"%s\"}}}",
		 rep_record_stamp(piece, "name"));
	rep_record_free(piece);
	laptop_change(&ana, "update", "piece", "P-1", now += MINUTE, line);
}

static void the_work_is_there(void)
{
	assert_true(is_live("piece", "P-1"));
	assert_true(is_live("kit", "K-1"));
	hub_expect(hub, "piece", "P-1", "name", "\"worked on\"");
}

/* Siebel's trap one record further down: somebody works on what a colleague deletes. */
static void work_on_a_child_restores_what_was_deleted_over_it(void **state)
{
	(void)state;
	begin();
	make("piece", "P-1", "kit", "\"K-1\"");
	merge(&ana);
	work_on_the_piece(); /* offline, before the delete */
	drop(&ben, "kit", "K-1", now += MINUTE);
	merge(&ben);
	assert_false(is_live("piece", "P-1"));
	merge(&ana);
	the_work_is_there();
	assert_string_equal(told("piece", "P-1"), "update-wins");
	assert_string_equal(told("kit", "K-1"), "restrict");
	settled();
}

static void the_same_had_the_work_come_first(void **state)
{
	(void)state;
	begin();
	make("piece", "P-1", "kit", "\"K-1\"");
	merge(&ana);
	drop(&ben, "kit", "K-1", now += MINUTE);
	work_on_the_piece(); /* ben's delete is not known yet */
	merge(&ana);
	merge(&ben);
	the_work_is_there();
	settled();
}

static void what_is_never_deleted_keeps_its_target(void **state)
{
	(void)state;
	refuses_the_delete("strip");
}

static void a_working_copy_made_anew_finds_nothing_left_to_do(void **state)
{
	(void)state;
	begin();
	make("piece", "P-1", "kit", "\"K-1\"");
	merge(&ana);
	drop(&ben, "kit", "K-1", now += 10 * MINUTE);
	merge(&ben);
	assert_false(is_live("piece", "P-1"));
	hub = hub_rebuild(hub, dir);
	settled();
	assert_false(is_live("piece", "P-1"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rulehub_setup, rulehub_teardown)
	const struct CMUnitTest tests[] = {
		TEST(restrict_keeps_the_target),
		TEST(a_child_that_comes_later_restores_its_parent),
		TEST(clear_takes_the_reference_out),
		TEST(cascade_goes_down_by_each_policy),
		TEST(a_cascade_deeper_than_one_merge_follows_ends_in_the_next),
		TEST(work_on_a_child_restores_what_was_deleted_over_it),
		TEST(the_same_had_the_work_come_first),
		TEST(what_is_never_deleted_keeps_its_target),
		TEST(a_working_copy_made_anew_finds_nothing_left_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
