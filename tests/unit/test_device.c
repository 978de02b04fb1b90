/* A device and its hub: the way of an edit, twelve of them over a line that is cut, what a view takes away. */
#include <stdio.h>

#include "core/store/journal.h"
#include "help_db.h"
#include "help_world.h"
#include "sync/device/device_work.h"

static void seal(struct rep_replica *replica, const char *reason)
{
	int64_t sealed;
	struct rep_error err;

	expect_ok(rep_seal(replica, world_now(), reason, &sealed, &err), &err);
	assert_int_equal(sealed, 1);
}

static int64_t hub_count(struct world *world, const char *sql)
{
	return db_number(rep_hub_db(world->hub), sql);
}

/* ---- one edit's way ---- */

static void an_edit_reaches_the_colleague(void **state)
{
	struct two two;
	struct rep_json *summary;

	two_make(&two, state, "way");
	assert_string_equal(laptop_field(two.li, "contact", CHEN, "best_time"), "\"周二上午\"");
	world_put(two.wang, "拜访时本人告知", "contact", CHEN, ASSIGNS("best_time=周三下午"));
	summary = world_sync(two.wang);
	assert_int_equal(rep_json_get_integer(summary, "sealed"), 1);
	assert_int_equal(rep_json_get_integer(summary, "sent"), 1);
	assert_int_equal(rep_json_get_integer(summary, "applied"), 0);
	rep_json_free(summary);
	world_merge_quietly(&two.world);
	assert_string_equal(hub_field(&two.world, "contact", CHEN, "best_time"), "\"周三下午\"");
	summary = world_sync(two.li);
	assert_int_equal(rep_json_get_integer(summary, "sent"), 0);
	assert_true(rep_json_get_integer(summary, "received") > 0);
	rep_json_free(summary);
	assert_string_equal(laptop_field(two.li, "contact", CHEN, "best_time"), "\"周三下午\"");
	summary = world_sync(two.wang);
	assert_int_equal(rep_json_get_integer(summary, "applied"), 1);
	assert_true(rep_time_parse(&(int64_t){0}, rep_json_get_string(summary, "lease_end")));
	rep_json_free(summary);
	expect_verified(two.wang);
	expect_verified(two.li);
	two_close(&two);
}

static void a_sync_with_nothing_to_do_moves_nothing(void **state)
{
	struct two two;
	struct rep_json *summary;

	two_make(&two, state, "nothing");
	world_sync_quietly(two.wang);
	summary = world_sync(two.wang);
	assert_int_equal(rep_json_get_integer(summary, "sealed"), 0);
	assert_int_equal(rep_json_get_integer(summary, "sent"), 0);
	assert_int_equal(rep_json_get_integer(summary, "received"), 0);
	assert_int_equal(rep_json_get_integer(summary, "bytes_up"), 0);
	rep_json_free(summary);
	two_close(&two);
}

static void an_edit_made_while_another_waits_is_kept_on_top_of_a_new_view(void **state)
{
	struct two two;

	two_make(&two, state, "top");
	world_put(two.wang, "告知", "contact", CHEN, ASSIGNS("dept=心内科"));
	world_put(two.li, "告知", "contact", CHEN, ASSIGNS("title=科主任"));
	world_sync_quietly(two.li);
	world_merge_quietly(&two.world);
	world_sync_quietly(two.wang);
	assert_string_equal(laptop_field(two.wang, "contact", CHEN, "title"), "\"科主任\"");
	assert_string_equal(laptop_field(two.wang, "contact", CHEN, "dept"), "\"心内科\"");
	expect_verified(two.wang);
	world_merge_quietly(&two.world);
	world_sync_quietly(two.wang);
	world_sync_quietly(two.li);
	assert_string_equal(laptop_field(two.li, "contact", CHEN, "dept"), "\"心内科\"");
	expect_verified(two.wang);
	expect_verified(two.li);
	two_close(&two);
}

static void a_refused_edit_leaves_the_screen_although_nobody_else_touched_the_record(void **state)
{
	struct two two;
	struct rep_json *summary;

	two_make(&two, state, "refused-edit");
	/* `source` is written by the hub alone, and nobody may propose it. */
	world_put(two.wang, "试试", "contact", CHEN, ASSIGNS("source=我"));
	assert_string_equal(laptop_field(two.wang, "contact", CHEN, "source"), "\"我\"");
	world_sync_quietly(two.wang);
	world_merge_quietly(&two.world);
	summary = world_sync(two.wang);
	assert_int_equal(rep_json_get_integer(summary, "rejected"), 1);
	assert_int_equal(rep_json_get_integer(summary, "applied"), 0);
	rep_json_free(summary);
	assert_string_equal(laptop_field(two.wang, "contact", CHEN, "source"), "null");
	assert_int_equal(db_number(two.wang->db, "SELECT count(*) FROM _outcome WHERE seq = 1 AND "
						 "line LIKE '%rejected%'"),
			 1);
	expect_verified(two.wang);
	two_close(&two);
}

/* ---- US-01: twelve edits, a cut after the first push ---- */

static const char *cut_mailbox;

/* Told before each push: the line goes dead before the second one. */
static void cut_before_second(void *user, const char *what, uint64_t done, uint64_t total)
{
	(void)user;
	(void)total;
	if (strcmp(what, "push") == 0 && done == 1)
		shell_ok("mv '%s' '%s.away'", cut_mailbox, cut_mailbox);
}

static void twelve_edits(struct rep_replica *wang)
{
	char text[64], contact[REP_ID_LEN_MAX + 1];

	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof text, "started_at=2026-03-16T0%d:10:00.000Z", i);
		world_new(wang, "拜访", "interaction", NULL,
			  ASSIGNS("type=面对面", "org=O-0101", "contacts+=" CHEN, text), NULL);
		seal(wang, "拜访");
	}
	world_put(wang, "本人告知", "contact", CHEN, ASSIGNS("best_time=周三下午"));
	seal(wang, "本人告知");
	world_new(wang, "新认识", "contact", NULL,
		  ASSIGNS("name=何平", "kind=医务人员", "org=O-0101"), contact);
	seal(wang, "新认识");
	world_new(wang, "下次", "task", NULL, ASSIGNS("title=带资料", "contact=" CHEN), NULL);
	seal(wang, "下次");
	world_put(wang, "补打标签", "contact", contact, ASSIGNS("tags+=新客户"));
	seal(wang, "补打标签");
}

static void twelve_edits_arrive_once_although_the_line_is_cut_after_seven(void **state)
{
	const struct rep_progress progress = {.step = cut_before_second};
	struct rep_sync options = {.now_ms = world_now(), .step = 7, .progress = &progress};
	struct two two;
	struct rep_json *summary;
	char mailbox[700];
	struct rep_error err;
	int64_t at_hub;

	two_make(&two, state, "us01");
	snprintf(mailbox, sizeof mailbox, "%s/hub/mailboxes/%s.git", two.world.dir,
		 two.wang->device);
	cut_mailbox = mailbox;
	twelve_edits(two.wang);
	expect_code(rep_device_sync(two.wang, &options, &summary, &err), REP_EUNREACHABLE, &err,
		    NULL);
	shell_ok("mv '%s.away' '%s'", mailbox, mailbox);
	world_merge_quietly(&two.world);
	at_hub = hub_count(&two.world, "SELECT count(*) FROM _change WHERE rep = 'E0007'");
	assert_int_equal(at_hub, 7);

	options.progress = NULL;
	expect_ok(rep_device_sync(two.wang, &options, &summary, &err), &err);
	assert_int_equal(rep_json_get_integer(summary, "sent"), 5);
	rep_json_free(summary);
	assert_string_equal(shell_line("git --git-dir '%s' rev-list --count outbox", mailbox), "3");
	world_merge_quietly(&two.world);
	at_hub = hub_count(&two.world, "SELECT count(*) FROM _change WHERE rep = 'E0007'");
	assert_int_equal(at_hub, 12);

	world_sync_quietly(two.wang);
	expect_ok(rep_meta_get_int(two.wang->db, REP_META_MERGED_SEQ, &at_hub, &err), &err);
	assert_int_equal(at_hub, 12);
	expect_verified(two.wang);
	two_close(&two);
}

/* ---- what a view takes away ---- */

static bool file_contains(const char *path, const char *text)
{
	return shell("grep -q -a '%s' '%s'", text, path) == 0;
}

static void an_account_that_is_lost_leaves_the_replica_file(void **state)
{
	const char *const rest[] = {"O-0102"};
	struct two two;
	char file[700];
	struct rep_error err;

	two_make(&two, state, "lost");
	snprintf(file, sizeof file, "%s/li/replica.db", two.world.dir);
	expect_ok(rep_db_compact(two.li->db, false, &err), &err);
	assert_true(file_contains(file, "13900001111"));
	expect_ok(rep_hub_territory(two.world.hub, REP_TERRITORY_SET, "JN-01", NULL, "JN", rest, 1,
				    world_now(), &err),
		  &err);
	world_merge_quietly(&two.world);
	world_sync_quietly(two.li);
	assert_string_equal(laptop_field(two.li, "contact", CHEN, "name"), "(none)");
	assert_false(file_contains(file, "13900001111"));
	expect_verified(two.li);
	world_sync_quietly(two.li);
	two_close(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_edit_reaches_the_colleague),
		cmocka_unit_test(a_sync_with_nothing_to_do_moves_nothing),
		cmocka_unit_test(an_edit_made_while_another_waits_is_kept_on_top_of_a_new_view),
		cmocka_unit_test(
			a_refused_edit_leaves_the_screen_although_nobody_else_touched_the_record),
		cmocka_unit_test(twelve_edits_arrive_once_although_the_line_is_cut_after_seven),
		cmocka_unit_test(an_account_that_is_lost_leaves_the_replica_file),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
