/* US-03: two reps change one doctor, offline, and sync in either order. */
#include <stdio.h>
#include <unistd.h>

#include "core/model/id.h"
#include "help_world.h"
#include "sync/audit/audit.h"
#include "sync/device/device_work.h"

/* A hub's copy stands in another folder; its mailboxes too. */
static void point_to(struct rep_replica *replica, const char *old_dir, const char *new_dir)
{
	char *text, *at;
	struct rep_buf out = REP_BUF_INIT(65536);
	struct rep_error err;

	expect_ok(rep_meta_get(replica->db, REP_META_INVITATION, &text, &err), &err);
	at = strstr(text, old_dir);
	assert_non_null(at);
	rep_buf_put(&out, text, (size_t)(at - text));
	rep_buf_puts(&out, new_dir);
	rep_buf_puts(&out, at + strlen(old_dir));
	expect_ok(rep_meta_set(replica->db, REP_META_INVITATION, out.data, &err), &err);
	free(text);
	rep_buf_clear(&out);
}

static void story_copy(struct two *copy, void **state, const char *from, const char *to)
{
	char old_dir[600], new_dir[600];

	memset(copy, 0, sizeof *copy);
	snprintf(old_dir, sizeof old_dir, "%s", scratch(state, from));
	snprintf(new_dir, sizeof new_dir, "%s", scratch(state, to));
	shell_ok("cp -a '%s' '%s'", old_dir, new_dir);
	snprintf(copy->world.dir, sizeof copy->world.dir, "%s", new_dir);
	world_reopen(&copy->world, false);
	copy->wang = world_open_laptop(&copy->world, "wang");
	copy->li = world_open_laptop(&copy->world, "li");
	point_to(copy->wang, old_dir, new_dir);
	point_to(copy->li, old_dir, new_dir);
}

static void consent_id(char *out)
{
	/* Derived from its fields, so that two offline inserts are one record: core/model/id.h. */
	static const char name[] = "consent/" CHEN "/邮寄到家";

	rep_uuid5(out, name, strlen(name), NULL);
}

static void fixture(struct two *story, void **state)
{
	char consent[REP_UUID_LEN + 1];

	world_make(&story->world, state, "us03");
	world_chen(&story->world);
	consent_id(consent);
	world_hub_change(&story->world, REP_OP_INSERT, "consent", consent,
			 "{\"contact\":{\"new\":\"" CHEN
			 "\"},\"decision\":{\"new\":\"同意\"},\"purpose\":{\"new\":\"邮寄到家\"}}",
			 "书面同意");
	two_laptops(story);
	/* 09:10, offline */
	world_put(story->wang, "拜访时本人告知", "contact", CHEN,
		  ASSIGNS("prof_title=主任医师", "phones+=13900002222", "best_time=周三下午"));
	world_put(story->wang, "中华医学会某分会委员", "contact", CHEN,
		  ASSIGNS("influence=国家级"));
	world_put(story->wang, "本人告知", "contact", CHEN,
		  ASSIGNS("home_address=江南市滨湖区人民路18号"));
	usleep(5000);
	/* 10:25, offline as well */
	world_put(story->li, "科室电话核对", "contact", CHEN,
		  ASSIGNS("phones-=13900001111", "phones+=13900003333", "best_time=周四上午",
			  "hobbies+=羽毛球"));
	world_put(story->li, "会议名单", "contact", CHEN, ASSIGNS("influence=省级"));
	world_put(story->li, "护士告知", "contact", CHEN, ASSIGNS("home_address=人民路88号"));
	world_put(story->li, "胸牌", "contact", CHEN, ASSIGNS("name=陈建囯"));
	two_close(story);
}

static void sync_in_turn(struct two *story, bool li_first)
{
	struct rep_replica *first = li_first ? story->li : story->wang;
	struct rep_replica *second = li_first ? story->wang : story->li;

	world_sync_quietly(first);
	world_merge_quietly(&story->world);
	world_sync_quietly(second);
	world_merge_quietly(&story->world);
	world_sync_quietly(first);
	world_sync_quietly(second);
}

static void expect_outcome(struct two *story)
{
	struct rep_replica *both[] = {story->wang, story->li};

	for (size_t i = 0; i < 2; i++) {
		struct rep_replica *r = both[i];

		assert_string_equal(laptop_field(r, "contact", CHEN, "prof_title"), "\"主任医师\"");
		assert_string_equal(laptop_field(r, "contact", CHEN, "phones"),
				    "[\"13900002222\",\"13900003333\"]");
		assert_string_equal(laptop_field(r, "contact", CHEN, "best_time"), "\"周四上午\"");
		assert_string_equal(laptop_field(r, "contact", CHEN, "hobbies"),
				    "[\"书法\",\"羽毛球\"]");
		assert_string_equal(laptop_field(r, "contact", CHEN, "influence"), "\"国家级\"");
		assert_string_equal(laptop_field(r, "contact", CHEN, "name"), "\"陈建国\"");
		expect_verified(r);
	}
	/* The home address is for the primary alone. */
	assert_string_equal(laptop_field(story->wang, "contact", CHEN, "home_address"),
			    "\"江南市滨湖区人民路18号\"");
	assert_string_equal(hub_field(&story->world, "contact", CHEN, "home_address"),
			    "\"江南市滨湖区人民路18号\"");
}

static int64_t waiting(struct two *story, const char *part)
{
	struct rep_stmt *stmt;
	bool row;
	int64_t count;
	struct rep_error err;

	expect_ok(
		rep_db_prepare(rep_hub_db(story->world.hub), &stmt,
			       "SELECT count(*) FROM _review WHERE kind IN ('proposal', 'conflict')"
			       " AND state = 'open' AND instr(_fields, ?1)",
			       &err),
		&err);
	rep_bind_text(stmt, 1, part);
	expect_ok(rep_step(stmt, &row, &err), &err);
	count = rep_column_int(stmt, 0);
	rep_stmt_free(stmt);
	return count;
}

/* What waits for a decision: the other address, and the name. */
static void expect_waiting(struct two *story)
{
	assert_int_equal(waiting(story, "人民路88号"), 1);
	assert_int_equal(waiting(story, "陈建囯"), 1);
}

static void expect_clean_repositories(struct two *story)
{
	char path[700];

	snprintf(path, sizeof path, "%s/hub/central.git", story->world.dir);
	expect_clean(path);
	snprintf(path, sizeof path, "%s/hub/mailboxes/%s.git", story->world.dir,
		 story->wang->device);
	expect_clean(path);
	snprintf(path, sizeof path, "%s/hub/mailboxes/%s.git", story->world.dir, story->li->device);
	expect_clean(path);
}

static void either_order_of_syncs_gives_the_same_trees(void **state)
{
	struct two start, one, other;
	struct rep_json *out;
	struct rep_error err;

	fixture(&start, state);
	story_copy(&one, state, "us03", "us03-li-first");
	story_copy(&other, state, "us03", "us03-wang-first");
	sync_in_turn(&one, true);
	sync_in_turn(&other, false);
	expect_outcome(&one);
	expect_outcome(&other);
	assert_string_equal(world_tree(&one.world, "data"), world_tree(&other.world, "data"));
	assert_string_equal(world_tree(&one.world, "restricted"),
			    world_tree(&other.world, "restricted"));
	expect_waiting(&one);
	expect_waiting(&other);
	expect_ok(rep_hub_verify(one.world.hub, &(struct rep_verify){.replay = true}, &out, &err),
		  &err);
	rep_json_free(out);
	expect_clean_repositories(&one);
	expect_clean_repositories(&other);
	two_close(&one);
	two_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(either_order_of_syncs_gives_the_same_trees),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
