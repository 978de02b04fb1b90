/* Records that are one, at the hub and on laptops: joined, edited late, taken apart. */
#include <stdio.h>
#include <unistd.h>

#include "core/store/changes.h"
#include "core/store/edit.h"
#include "core/store/tables.h"
#include "help_db.h"
#include "help_world.h"
#include "sync/audit/audit.h"
#include "sync/audit/verify_hub.h"

#define FIRST "C-9001"
#define SECOND "C-0002" /* the smaller id, made later */

static void open_both(struct two *two, void **state, const char *name)
{
	world_make(&two->world, state, name);
	two_laptops(two);
}

/* Both enter the same doctor, each without knowing of the other. */
static void enter_twice(struct two *two)
{
	world_new(two->wang, "拜访", "contact", FIRST,
		  ASSIGNS("name=张敏", "kind=医务人员", "org=O-0101", "phones=13900007777",
			  "prof_title=副主任医师", "hobbies=书法"),
		  NULL);
	usleep(5000);
	world_new(two->li, "拜访", "contact", SECOND,
		  ASSIGNS("name=张敏", "kind=医务人员", "org=O-0101", "phones=13900008888",
			  "prof_title=主任医师", "hobbies=羽毛球"),
		  NULL);
	usleep(5000);
}

static void sync_all(struct two *two)
{
	world_sync_quietly(two->wang);
	world_sync_quietly(two->li);
	world_merge_quietly(&two->world);
	world_sync_quietly(two->wang);
	world_sync_quietly(two->li);
}

static void join(struct world *world, const char *loser, const char *into)
{
	struct rep_error err;

	expect_ok(rep_hub_merge_records(world->hub, "contact", loser, into, "同一人", world_now(),
					&err),
		  &err);
}

static void part(struct world *world, const char *id)
{
	struct rep_error err;

	expect_ok(rep_hub_unmerge(world->hub, "contact", id, "不是同一人", world_now(), &err),
		  &err);
}

/* ---- looking ---- */

static const char *merged_into(struct rep_db *db, const struct rep_schema *schema, const char *id)
{
	static char out[65];
	struct rep_record *record;
	const char *into;
	struct rep_error err;

	expect_ok(rep_row_get(db, rep_schema_entity(schema, "contact"), id, &record, &err), &err);
	assert_non_null(record);
	into = rep_json_get_string(record->deleted, "merged_into");
	snprintf(out, sizeof out, "%s", into ? into : "");
	rep_record_free(record);
	return out;
}

static const char *hub_merged_into(struct world *world, const char *id)
{
	return merged_into(rep_hub_db(world->hub), rep_hub_schema(world->hub), id);
}

/* Everything that the working copy says, in one hash; a cache that is made again must say the same. */
static void dump(struct world *world, char out[65])
{
	static const char *const tables[] = {
		"contact",
		"interaction",
		"consent",
		"_review",
		"_moved",
		"_named",
		"_unique",
		"(SELECT device, seq, idx, stamp, eff, entity, id, op, line, outcome, held FROM _change)",
	};
	char path[700];

	snprintf(path, sizeof path, "%s/dump", world->dir);
	shell_ok("rm -f '%s'", path);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		shell_ok(
			"sqlite3 '%s/hub/work.db' 'SELECT * FROM %s' >'%s.rows' && sort '%s.rows' >>'%s'",
			world->dir, tables[i], path, path, path);
	snprintf(out, 65, "%s", shell_line("sha256sum < '%s' | cut -c1-64", path));
}

/* The replay gives the same trees, and a working copy made again the same rows. */
static void expect_sound(struct world *world)
{
	const struct rep_verify options = {.replay = true};
	struct rep_json *report;
	char before[65], after[65], hub[700];
	struct rep_error err;

	expect_ok(rep_hub_verify(world->hub, &options, &report, &err), &err);
	rep_json_free(report);
	dump(world, before);
	world_close(world);
	snprintf(hub, sizeof hub, "%s/hub", world->dir);
	expect_ok(rep_hub_rebuild(hub, NULL, &err), &err);
	world_reopen(world, false);
	dump(world, after);
	assert_string_equal(before, after);
}

/* ---- tests ---- */

static void two_entered_twice_become_the_one_made_first(void **state)
{
	struct two two;

	open_both(&two, state, "one");
	enter_twice(&two);
	sync_all(&two);
	join(&two.world, FIRST, SECOND); /* into the one made later: the direction is no matter */
	assert_string_equal(hub_merged_into(&two.world, SECOND), FIRST);
	assert_string_equal(hub_field(&two.world, "contact", FIRST, "phones"),
			    "[\"13900007777\",\"13900008888\"]");
	assert_string_equal(hub_field(&two.world, "contact", FIRST, "prof_title"), "\"主任医师\"");
	assert_string_equal(hub_field(&two.world, "contact", FIRST, "hobbies"),
			    "[\"书法\",\"羽毛球\"]");
	sync_all(&two);
	assert_string_equal(laptop_field(two.li, "contact", FIRST, "prof_title"), "\"主任医师\"");
	assert_string_equal(laptop_field(two.li, "contact", SECOND, "prof_title"), "(none)");
	expect_verified(two.wang);
	expect_verified(two.li);
	expect_sound(&two.world);
	two_close(&two);
}

static void what_comes_late_for_the_one_merged_away_reaches_the_other(void **state)
{
	struct two two;

	open_both(&two, state, "late");
	enter_twice(&two);
	sync_all(&two);
	world_put(two.li, "电话", "contact", SECOND,
		  ASSIGNS("phones+=13900009999", "best_time=周五"));
	join(&two.world, SECOND, FIRST);
	sync_all(&two);
	assert_string_equal(hub_field(&two.world, "contact", FIRST, "phones"),
			    "[\"13900007777\",\"13900008888\",\"13900009999\"]");
	assert_string_equal(hub_field(&two.world, "contact", FIRST, "best_time"), "\"周五\"");
	assert_string_equal(laptop_field(two.li, "contact", FIRST, "best_time"), "\"周五\"");
	expect_verified(two.li);
	expect_sound(&two.world);
	two_close(&two);
}

static void taken_apart_each_is_what_its_own_changes_make_it(void **state)
{
	struct two two;

	open_both(&two, state, "apart");
	enter_twice(&two);
	sync_all(&two);
	join(&two.world, SECOND, FIRST);
	world_put(two.li, "补记", "contact", SECOND, ASSIGNS("best_time=周五"));
	sync_all(&two);
	assert_string_equal(hub_field(&two.world, "contact", FIRST, "best_time"), "\"周五\"");
	part(&two.world, SECOND);
	assert_string_equal(hub_merged_into(&two.world, SECOND), "");
	assert_string_equal(hub_field(&two.world, "contact", FIRST, "phones"), "[\"13900007777\"]");
	assert_string_equal(hub_field(&two.world, "contact", FIRST, "prof_title"),
			    "\"副主任医师\"");
	assert_string_equal(hub_field(&two.world, "contact", FIRST, "best_time"), "null");
	assert_string_equal(hub_field(&two.world, "contact", SECOND, "phones"),
			    "[\"13900008888\"]");
	assert_string_equal(hub_field(&two.world, "contact", SECOND, "best_time"), "\"周五\"");
	sync_all(&two);
	assert_string_equal(laptop_field(two.wang, "contact", SECOND, "hobbies"), "[\"羽毛球\"]");
	expect_verified(two.wang);
	expect_sound(&two.world);
	two_close(&two);
}

/* A bad merge undone leaves what was there before, byte for byte, but for the journal. */
static void a_merge_undone_leaves_no_trace_in_the_records(void **state)
{
	struct two two;
	char before[65];

	open_both(&two, state, "trace");
	enter_twice(&two);
	world_put(two.li, "改名", "contact", SECOND,
		  ASSIGNS("name=张明")); /* a proposal moves there and back */
	sync_all(&two);
	assert_int_equal(db_number(rep_hub_db(two.world.hub),
				   "SELECT count(*) FROM _review WHERE record = '" SECOND "'"),
			 1);
	snprintf(before, sizeof before, "%s", world_tree(&two.world, "data"));
	join(&two.world, SECOND, FIRST);
	assert_int_equal(db_number(rep_hub_db(two.world.hub),
				   "SELECT count(*) FROM _review WHERE record = '" SECOND "'"),
			 0);
	assert_int_equal(
		db_number(
			rep_hub_db(two.world.hub),
			"SELECT count(*) FROM _review WHERE kind = 'proposal' AND record = '" FIRST
			"'"),
		1);
	expect_sound(&two.world);
	part(&two.world, FIRST);
	assert_string_equal(world_tree(&two.world, "data"), before);
	expect_sound(&two.world);
	two_close(&two);
}

/* How many rows the history of a record has of an operation on another one. */
static size_t told_of(struct world *world, const char *id, const char *op, const char *of)
{
	const struct rep_audit query = {.entity = "contact", .id = id};
	struct rep_json *rows;
	struct rep_error err;
	size_t len = 0;

	expect_ok(rep_hub_audit(world->hub, &query, &rows, &err), &err);
	for (size_t i = 0; i < rep_json_size(rows); i++)
		len += strcmp(rep_json_get_string(rep_json_at(rows, i), "op"), op) == 0 &&
		       strcmp(rep_json_get_string(rep_json_at(rows, i), "id"), of) == 0;
	rep_json_free(rows);
	return len;
}

static void a_history_tells_of_being_joined_and_parted_on_either_side(void **state)
{
	struct two two;

	open_both(&two, state, "told");
	enter_twice(&two);
	sync_all(&two);
	join(&two.world, SECOND, FIRST);
	/* While they are one, each history is that of both. */
	assert_true(told_of(&two.world, FIRST, "insert", SECOND) > 0);
	assert_true(told_of(&two.world, SECOND, "insert", FIRST) > 0);
	part(&two.world, SECOND);
	assert_int_equal(told_of(&two.world, FIRST, "insert", SECOND), 0);
	assert_int_equal(told_of(&two.world, FIRST, "alias", SECOND), 1);
	assert_int_equal(told_of(&two.world, FIRST, "unalias", SECOND), 1);
	assert_int_equal(told_of(&two.world, SECOND, "alias", SECOND), 1);
	assert_int_equal(told_of(&two.world, SECOND, "insert", FIRST), 0);
	two_close(&two);
}

static void a_chain_and_a_cycle_are_one(void **state)
{
	static const char *const ids[] = {"C-1", "C-2", "C-3"};
	struct two two;

	open_both(&two, state, "chain");
	for (size_t i = 0; i < 3; i++) {
		char phone[64];

		snprintf(phone, sizeof phone, "phones=1390000000%zu", i);
		world_new(two.wang, "拜访", "contact", ids[i],
			  ASSIGNS("name=王伟", "kind=医务人员", "org=O-0101", phone), NULL);
		usleep(3000);
	}
	sync_all(&two);
	join(&two.world, "C-2", "C-3");
	join(&two.world, "C-1", "C-2");
	assert_string_equal(hub_merged_into(&two.world, "C-2"), "C-1");
	assert_string_equal(hub_merged_into(&two.world, "C-3"), "C-1");
	assert_string_equal(hub_field(&two.world, "contact", "C-1", "phones"),
			    "[\"13900000000\",\"13900000001\",\"13900000002\"]");
	expect_sound(&two.world);
	part(&two.world, "C-2"); /* who was one by way of it is not any more */
	assert_string_equal(hub_merged_into(&two.world, "C-3"), "");
	assert_string_equal(hub_field(&two.world, "contact", "C-3", "phones"), "[\"13900000002\"]");
	expect_sound(&two.world);
	two_close(&two);
}

static void an_unsent_edit_of_one_merged_away_shows_at_the_other(void **state)
{
	struct two two;

	open_both(&two, state, "preview");
	enter_twice(&two);
	sync_all(&two);
	join(&two.world, SECOND, FIRST);
	world_put(two.li, "电话", "contact", SECOND,
		  ASSIGNS("best_time=周五")); /* knows of no merge yet */
	world_sync_quietly(two.li);           /* sends it, and learns of the merge */
	assert_string_equal(laptop_field(two.li, "contact", FIRST, "best_time"), "\"周五\"");
	expect_verified(two.li);
	world_put(two.li, "电话", "contact", SECOND,
		  ASSIGNS("best_time=周六")); /* knows of it: the edit is of the other */
	assert_string_equal(laptop_field(two.li, "contact", FIRST, "best_time"), "\"周六\"");
	sync_all(&two);
	assert_string_equal(hub_field(&two.world, "contact", FIRST, "best_time"), "\"周六\"");
	part(&two.world, SECOND);
	assert_string_equal(hub_field(&two.world, "contact", FIRST, "best_time"), "\"周六\"");
	assert_string_equal(hub_field(&two.world, "contact", SECOND, "best_time"), "\"周五\"");
	sync_all(&two);
	expect_verified(two.li);
	expect_sound(&two.world);
	two_close(&two);
}

/* Another account: the tombstone stays there, and whoever sees it sees the root, linked. */
static void one_of_another_account_is_seen_by_who_had_it(void **state)
{
	struct two two;
	struct rep_replica *zhou;

	open_both(&two, state, "account");
	zhou = world_laptop(&two.world, "E0015", "zhou");
	world_new(two.wang, "拜访", "contact", FIRST,
		  ASSIGNS("name=张敏", "kind=医务人员", "org=O-0101", "phones=13900007777"), NULL);
	usleep(3000);
	world_new(zhou, "拜访", "contact", SECOND,
		  ASSIGNS("name=张敏", "kind=医务人员", "org=O-0103", "phones=13900008888"), NULL);
	world_sync_quietly(zhou);
	sync_all(&two);
	join(&two.world, SECOND, FIRST);
	world_sync_quietly(zhou);
	assert_string_equal(laptop_field(zhou, "contact", FIRST, "phones"),
			    "[\"13900007777\",\"13900008888\"]");
	expect_verified(zhou);
	expect_sound(&two.world);
	part(&two.world, SECOND);
	world_sync_quietly(zhou);
	assert_string_equal(laptop_field(zhou, "contact", SECOND, "phones"), "[\"13900008888\"]");
	assert_string_equal(laptop_field(zhou, "contact", FIRST, "phones"), "(none)");
	expect_verified(zhou);
	expect_sound(&two.world);
	rep_replica_close(zhou);
	two_close(&two);
}

/* ---- decided offline ---- */

static void desk_joins(struct rep_replica *desk, const char *loser, const char *into)
{
	struct rep_error err;

	expect_ok(rep_merge_records(desk, "contact", loser, into, "同一人", &err), &err);
}

struct desks {
	struct two two;
	struct rep_replica *ma, *he;
};

static void open_desks(struct desks *desks, void **state, const char *name)
{
	open_both(&desks->two, state, name);
	enter_twice(&desks->two);
	sync_all(&desks->two);
	world_rep(&desks->two.world, "E0031", "马丽", "steward", NULL, false);
	world_rep(&desks->two.world, "E0032", "何静", "steward", NULL, false);
	desks->ma = world_desk(&desks->two.world, "E0031", "E0031");
	desks->he = world_desk(&desks->two.world, "E0032", "E0032");
}

static void close_desks(struct desks *desks)
{
	rep_replica_close(desks->ma);
	rep_replica_close(desks->he);
	two_close(&desks->two);
}

static void sync_desks(struct desks *desks)
{
	for (int i = 0; i < 2; i++) {
		world_sync_quietly(desks->ma);
		world_sync_quietly(desks->he);
		world_merge_quietly(&desks->two.world);
	}
	world_sync_quietly(desks->ma);
	world_sync_quietly(desks->he);
	expect_verified(desks->ma);
	expect_verified(desks->he);
}

/* Siebel loses both. */
static void two_merge_the_same_pair_offline_and_one_survives(void **state)
{
	struct desks desks;

	open_desks(&desks, state, "same-pair");
	desk_joins(desks.ma, SECOND, FIRST);
	desk_joins(desks.he, SECOND, FIRST);
	sync_desks(&desks);
	assert_string_equal(hub_merged_into(&desks.two.world, FIRST), "");
	assert_string_equal(hub_merged_into(&desks.two.world, SECOND), FIRST);
	assert_string_equal(hub_field(&desks.two.world, "contact", FIRST, "hobbies"),
			    "[\"书法\",\"羽毛球\"]");
	expect_sound(&desks.two.world);
	close_desks(&desks);
}

static void one_merges_a_into_b_while_another_merges_b_into_a(void **state)
{
	struct desks desks;

	open_desks(&desks, state, "both-ways");
	desk_joins(desks.ma, SECOND, FIRST);
	desk_joins(desks.he, FIRST, SECOND);
	sync_desks(&desks);
	assert_string_equal(hub_merged_into(&desks.two.world, FIRST), "");
	assert_string_equal(hub_merged_into(&desks.two.world, SECOND), FIRST);
	assert_string_equal(hub_field(&desks.two.world, "contact", FIRST, "phones"),
			    "[\"13900007777\",\"13900008888\"]");
	expect_sound(&desks.two.world);
	part(&desks.two.world, FIRST); /* both ways */
	assert_string_equal(hub_field(&desks.two.world, "contact", SECOND, "hobbies"),
			    "[\"羽毛球\"]");
	expect_sound(&desks.two.world);
	close_desks(&desks);
}

static void a_pair_is_taken_apart_at_a_desk(void **state)
{
	struct desks desks;
	struct rep_error err;

	open_desks(&desks, state, "desk-apart");
	world_put(desks.two.li, "改名", "contact", SECOND, ASSIGNS("name=张明"));
	sync_all(&desks.two);
	desk_joins(desks.ma, SECOND, FIRST);
	sync_desks(&desks);
	assert_string_equal(laptop_field(desks.he, "contact", SECOND, "name"), "(none)");
	expect_ok(rep_unmerge(desks.he, "contact", SECOND, "不是同一人", &err), &err);
	world_put(desks.he, "核对", "contact", FIRST, ASSIGNS("dept=心内科"));
	sync_desks(&desks);
	assert_string_equal(laptop_field(desks.ma, "contact", SECOND, "hobbies"), "[\"羽毛球\"]");
	assert_string_equal(laptop_field(desks.ma, "contact", FIRST, "hobbies"), "[\"书法\"]");
	/* The proposal is about its own record again, and the row of it is there. */
	assert_int_equal(db_number(rep_hub_db(desks.two.world.hub),
				   "SELECT count(*) FROM _review WHERE kind = 'proposal' AND"
				   " record = '" SECOND "'"),
			 1);
	expect_sound(&desks.two.world);
	close_desks(&desks);
}

static void a_rep_joins_nothing(void **state)
{
	struct two two;
	struct rep_error err;

	open_both(&two, state, "rep");
	enter_twice(&two);
	sync_all(&two);
	assert_int_equal(rep_merge_records(two.li, "contact", SECOND, FIRST, "同一人", &err),
			 REP_EREFUSED);
	assert_int_equal(rep_unmerge(two.li, "contact", SECOND, "不是", &err), REP_ENOTFOUND);
	two_close(&two);
}

/* ---- found by the hub ---- */

static const char *item_state(struct world *world)
{
	return shell_line(
		"sqlite3 '%s/hub/work.db' \"SELECT group_concat(state || ' ' || json_extract(_fields, '$.key')"
		" || ' ' || _partition) FROM (SELECT * FROM _review WHERE kind = 'duplicate' ORDER BY id)\"",
		world->dir);
}

static void enter(struct rep_replica *laptop, const char *id, const char *name, const char *org,
		  const char *phones)
{
	char texts[3][128];

	snprintf(texts[0], sizeof texts[0], "name=%s", name);
	snprintf(texts[1], sizeof texts[1], "org=%s", org);
	snprintf(texts[2], sizeof texts[2], "phones=%s", phones);
	world_new(laptop, "拜访", "contact", id,
		  ASSIGNS(texts[0], texts[1], "kind=医务人员", texts[2]), NULL);
	usleep(3000);
}

static void the_same_name_and_mobile_are_one_without_asking(void **state)
{
	struct two two;

	open_both(&two, state, "act");
	enter(two.wang, FIRST, "张 敏", "O-0101", "13900007777");
	enter(two.li, SECOND, "张敏", "O-0101", "139-0000-7777");
	sync_all(&two);
	assert_string_equal(hub_merged_into(&two.world, SECOND), FIRST);
	assert_string_equal(item_state(&two.world), "");
	expect_verified(two.li);
	expect_sound(&two.world);
	part(&two.world, SECOND); /* and the hub does not join them again */
	world_put(two.li, "电话", "contact", FIRST, ASSIGNS("phones+=13900008888"));
	sync_all(&two);
	sync_all(&two);
	assert_string_equal(hub_merged_into(&two.world, SECOND), "");
	assert_string_equal(item_state(&two.world), "");
	expect_sound(&two.world);
	two_close(&two);
}

static void what_may_be_the_same_is_asked_and_the_answer_kept(void **state)
{
	struct desks desks;
	struct world *world = &desks.two.world;
	char item[64];
	struct rep_error err;

	open_desks(&desks, state, "ask");
	enter(desks.two.wang, "C-31", "李雷", "O-0101", "13900003131");
	enter(desks.two.li, "C-32", "韩梅梅", "O-0101", "13900003131"); /* one mobile, two names */
	sync_all(&desks.two);
	assert_string_equal(hub_merged_into(world, "C-32"), "");
	assert_string_equal(item_state(world), "open D4 O-0101");
	sync_desks(&desks);
	snprintf(
		item, sizeof item, "%s",
		shell_line(
			"sqlite3 '%s/hub/work.db' \"SELECT id FROM _review WHERE kind = 'duplicate'\"",
			world->dir));
	expect_ok(rep_resolve(desks.ma, item, "decline", "一家人共用", &err), &err);
	sync_desks(&desks);
	assert_string_equal(item_state(world), "declined D4 O-0101");
	expect_sound(world);
	world_put(desks.two.wang, "电话", "contact", "C-31", ASSIGNS("phones+=13900003132"));
	world_put(desks.two.li, "电话", "contact", "C-32", ASSIGNS("phones+=13900003132"));
	sync_all(&desks.two);
	assert_string_equal(item_state(world), "declined D4 O-0101");
	expect_ok(rep_hub_resolve(world->hub, item, "accept", "是同一人", world_now(), &err), &err);
	assert_string_equal(item_state(world), "accepted D4 O-0101");
	assert_string_equal(hub_merged_into(world, "C-32"), "C-31");
	expect_sound(world);
	close_desks(&desks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_entered_twice_become_the_one_made_first),
		cmocka_unit_test(what_comes_late_for_the_one_merged_away_reaches_the_other),
		cmocka_unit_test(taken_apart_each_is_what_its_own_changes_make_it),
		cmocka_unit_test(a_merge_undone_leaves_no_trace_in_the_records),
		cmocka_unit_test(a_history_tells_of_being_joined_and_parted_on_either_side),
		cmocka_unit_test(a_chain_and_a_cycle_are_one),
		cmocka_unit_test(an_unsent_edit_of_one_merged_away_shows_at_the_other),
		cmocka_unit_test(one_of_another_account_is_seen_by_who_had_it),
		cmocka_unit_test(two_merge_the_same_pair_offline_and_one_survives),
		cmocka_unit_test(one_merges_a_into_b_while_another_merges_b_into_a),
		cmocka_unit_test(a_pair_is_taken_apart_at_a_desk),
		cmocka_unit_test(a_rep_joins_nothing),
		cmocka_unit_test(the_same_name_and_mobile_are_one_without_asking),
		cmocka_unit_test(what_may_be_the_same_is_asked_and_the_answer_kept),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
