/*
 * What became of each change reaches the laptop that made it, and reaches it again when a later one alters it. Two laptops of the
 * pharmaceutical schema, real, over a real hub; each put is a change set of its own, as its reason differs.
 */
#include <stdio.h>

#include "core/base/limits.h"
#include "help_world.h"
#include "unit/help_db.h"

static struct two two;

static int setup(void **state)
{
	scratch_setup(state);
	two_make(&two, state, "outcomes");
	return 0;
}

static int teardown(void **state)
{
	two_close(&two);
	memset(&two, 0, sizeof two);
	return scratch_teardown(state);
}

/* The number of the change set that the next put becomes. */
static long long next_set(struct rep_replica *replica)
{
	return db_number(replica->db, "SELECT coalesce(max(seq), 0) + 1 FROM _journal");
}

/* What the laptop was told of its change set: `path` in the line's JSON; "" for nothing. Static storage, four in turn. */
static const char *told(struct rep_replica *replica, long long seq, const char *path)
{
	static char store[4][200];
	static unsigned n;
	char sql[400], *out = store[n++ % 4];
	struct rep_stmt *stmt;
	struct rep_error err;
	bool row;
	const char *text;

	snprintf(sql, sizeof sql,
		 "SELECT json_extract(line, '$.%s') FROM _outcome WHERE seq = %lld", path, seq);
	expect_ok(rep_db_prepare(replica->db, &stmt, sql, &err), &err);
	expect_ok(rep_step(stmt, &row, &err), &err);
	text = row ? rep_column_text(stmt, 0, NULL) : NULL;
	snprintf(out, sizeof store[0], "%s", text ? text : "");
	rep_stmt_free(stmt);
	return out;
}

static void expect_told(struct rep_replica *replica, long long seq, const char *path,
			const char *want)
{
	assert_string_equal(told(replica, seq, path), want);
}

static void both_sync(struct rep_replica *first, struct rep_replica *second)
{
	world_sync_quietly(first);
	world_merge_quietly(&two.world);
	world_sync_quietly(second);
	world_merge_quietly(&two.world);
	world_sync_quietly(first);
	world_sync_quietly(second);
}

static void sql(struct rep_replica *replica, const char *text)
{
	struct rep_error err;

	expect_ok(rep_db_exec(replica->db, text, &err), &err);
}

static const char *device_of(struct rep_replica *replica)
{
	static char store[2][REP_DEVICE_LEN + 1];
	static unsigned n;
	char *id, *out = store[n++ % 2];
	struct rep_error err;

	expect_ok(rep_meta_get(replica->db, "device", &id, &err), &err);
	snprintf(out, sizeof store[0], "%s", id);
	free(id);
	return out;
}

/* ---- met by another ---- */

/* `first` syncs first; wang edits before li does. */
static void best_time_of_both(struct rep_replica *first, struct rep_replica *second)
{
	long long wang = next_set(two.wang), li = next_set(two.li);

	world_put(two.wang, "w", "contact", CHEN, ASSIGNS("best_time=周三下午"));
	world_put(two.li, "l", "contact", CHEN, ASSIGNS("best_time=周四上午"));
	both_sync(first, second);
	assert_string_equal(hub_field(&two.world, "contact", CHEN, "best_time"), "\"周四上午\"");
	expect_told(two.li, li, "outcome", "merged");
	expect_told(two.wang, wang, "outcome", "lost");
	expect_told(two.wang, wang, "fields.best_time.outcome", "lost");
	expect_told(two.wang, wang, "fields.best_time.rule", "latest");
	assert_string_equal(told(two.wang, wang, "fields.best_time.item"),
			    told(two.li, li, "fields.best_time.item"));
	/* Each names the other's edit. */
	assert_string_equal(rep_stamp_device(told(two.wang, wang, "fields.best_time.rival")),
			    device_of(two.li));
	assert_string_equal(rep_stamp_device(told(two.li, li, "fields.best_time.rival")),
			    device_of(two.wang));
}

static void who_came_first_is_told_that_a_later_one_won(void **state)
{
	(void)state;
	best_time_of_both(two.wang, two.li);
}

static void so_is_who_arrives_when_the_later_one_is_merged_already(void **state)
{
	(void)state;
	best_time_of_both(two.li, two.wang);
}

static void an_open_conflict_is_queued_for_both(void **state)
{
	long long wang = next_set(two.wang), li = next_set(two.li);

	(void)state;
	world_put(two.wang, "w", "contact", CHEN, ASSIGNS("employment=调动"));
	world_put(two.li, "l", "contact", CHEN, ASSIGNS("employment=退休"));
	both_sync(two.wang, two.li);
	expect_told(two.wang, wang, "fields.employment.outcome", "queued");
	expect_told(two.li, li, "fields.employment.outcome", "queued");
	expect_told(two.wang, wang, "fields.employment.rule", "review");
}

static void the_same_said_twice_is_equal(void **state)
{
	long long li;

	(void)state;
	world_put(two.wang, "w", "contact", CHEN, ASSIGNS("best_time=周三下午"));
	li = next_set(two.li);
	world_put(two.li, "l", "contact", CHEN, ASSIGNS("best_time=周三下午"));
	both_sync(two.wang, two.li);
	expect_told(two.li, li, "outcome", "equal");
}

static void an_element_that_another_took_out_is_lost(void **state)
{
	long long li = next_set(two.li), wang = next_set(two.wang);

	(void)state;
	world_put(two.li, "l", "contact", CHEN, ASSIGNS("hobbies-=书法"));
	world_put(two.li, "l2", "contact", CHEN, ASSIGNS("hobbies+=书法"));
	world_put(two.wang, "w", "contact", CHEN, ASSIGNS("hobbies-=书法"));
	both_sync(two.li, two.wang);
	assert_string_equal(hub_field(&two.world, "contact", CHEN, "hobbies"), "null");
	expect_told(two.wang, wang, "fields.hobbies.outcome", "merged");
	expect_told(two.li, li, "outcome", "");
	expect_told(two.li, li + 1, "fields.hobbies.outcome", "lost");
	expect_told(two.li, li + 1, "fields.hobbies.rule", "set");
}

/* ---- judged ---- */

static void what_was_applied_needs_no_word(void **state)
{
	long long wang = next_set(two.wang);

	(void)state;
	world_put(two.wang, "w", "contact", CHEN, ASSIGNS("best_time=周三下午"));
	both_sync(two.wang, two.li);
	expect_told(two.wang, wang, "outcome", "");
}

static void a_proposal_names_its_item_and_a_refusal_its_code(void **state)
{
	long long wang = next_set(two.wang);

	(void)state;
	world_put(two.wang, "w", "contact", CHEN, ASSIGNS("name=陈建囯"));
	sql(two.wang, "UPDATE contact SET source = 'x' WHERE id = '" CHEN "'");
	both_sync(two.wang, two.li);
	expect_told(two.wang, wang, "fields.name.outcome", "proposed");
	assert_int_equal(strlen(told(two.wang, wang, "fields.name.item")), 36);
	expect_told(two.wang, wang + 1, "fields.source.outcome", "rejected");
	expect_told(two.wang, wang + 1, "fields.source.code", "no-right");
}

static void a_change_that_waits_is_told_so_and_again_when_it_is_over(void **state)
{
	long long wang = next_set(two.wang);

	(void)state;
	sql(two.wang, "UPDATE contact SET org = 'O-9999' WHERE id = '" CHEN "'");
	both_sync(two.wang, two.li);
	expect_told(two.wang, wang, "outcome", "held");
	world_hub_change(&two.world, REP_OP_INSERT, "org", "O-9999",
			 "{\"name\":{\"new\":\"新医院\"},\"kind\":{\"new\":\"医疗机构\"}}", NULL);
	both_sync(two.wang, two.li);
	assert_string_equal(hub_field(&two.world, "contact", CHEN, "org"), "\"O-9999\"");
	assert_string_not_equal(told(two.wang, wang, "outcome"), "held");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(who_came_first_is_told_that_a_later_one_won),
		CASE(so_is_who_arrives_when_the_later_one_is_merged_already),
		CASE(an_open_conflict_is_queued_for_both),
		CASE(the_same_said_twice_is_equal),
		CASE(an_element_that_another_took_out_is_lost),
		CASE(what_was_applied_needs_no_word),
		CASE(a_proposal_names_its_item_and_a_refusal_its_code),
		CASE(a_change_that_waits_is_told_so_and_again_when_it_is_over),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
