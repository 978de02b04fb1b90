/* Replies that get lost, replicas and mailboxes that go back, views that the hub did not sign. */
#include <stdio.h>

#include "core/base/file.h"
#include "help_db.h"
#include "help_world.h"
#include "sync/device/device_work.h"

static void a_push_whose_reply_was_lost_counts_once(void **state)
{
	struct two two;
	struct rep_oid before;
	struct rep_json *summary;
	struct rep_error err;

	two_make(&two, state, "reply");
	expect_ok(rep_device_tip(two.wang->db, REP_META_SENT_TIP, &before, &err), &err);
	world_put(two.wang, "告知", "contact", CHEN, ASSIGNS("dept=心内科"));
	world_sync_quietly(two.wang);
	/* As if the laptop had died between the server's answer and writing it down. */
	expect_ok(rep_device_set_tip(two.wang->db, REP_META_SENT_TIP, &before, &err), &err);
	expect_ok(rep_meta_set_int(two.wang->db, REP_META_SENT_SEQ, 0, &err), &err);
	summary = world_sync(two.wang);
	assert_int_equal(rep_json_get_integer(summary, "sent"), 0);
	rep_json_free(summary);
	world_merge_quietly(&two.world);
	assert_int_equal(db_number(rep_hub_db(two.world.hub),
				   "SELECT count(*) FROM _change WHERE rep = 'E0007'"),
			 1);
	world_sync_quietly(two.wang);
	expect_verified(two.wang);
	two_close(&two);
}

static void a_replica_restored_from_a_backup_sends_nothing_and_says_why(void **state)
{
	struct two two;
	struct rep_error err;

	two_make(&two, state, "restored");
	rep_replica_close(two.wang);
	shell_ok("cp -r '%s/wang' '%s/backup'", two.world.dir, two.world.dir);
	two.wang = world_open_laptop(&two.world, "wang");
	world_put(two.wang, "告知", "contact", CHEN, ASSIGNS("dept=心内科"));
	world_sync_quietly(two.wang);
	rep_replica_close(two.wang);

	two.wang = world_open_laptop(&two.world, "backup");
	world_put(two.wang, "告知", "contact", CHEN, ASSIGNS("dept=老年科"));
	expect_code(world_try_sync(two.wang, &err), REP_EORDER, &err, "restored from a backup");
	assert_true(strlen(err.hint) > 0);
	world_merge_quietly(&two.world);
	assert_string_equal(hub_field(&two.world, "contact", CHEN, "dept"), "\"心内科\"");
	assert_string_equal(laptop_field(two.wang, "contact", CHEN, "dept"), "\"老年科\"");
	two_close(&two);
}

static void a_mailbox_that_was_set_back_is_found_out(void **state)
{
	struct two two;
	char mailbox[700], old[64];
	struct rep_error err;

	two_make(&two, state, "set-back");
	snprintf(mailbox, sizeof mailbox, "%s/hub/mailboxes/%s.git", two.world.dir, two.li->device);
	snprintf(old, sizeof old, "%s", shell_line("git --git-dir '%s' rev-parse inbox", mailbox));
	world_put(two.wang, "告知", "contact", CHEN, ASSIGNS("dept=心内科"));
	world_sync_quietly(two.wang);
	world_merge_quietly(&two.world);
	world_sync_quietly(two.li);
	shell_ok("git --git-dir '%s' update-ref refs/heads/inbox %s", mailbox, old);
	expect_code(world_try_sync(two.li, &err), REP_EINTEGRITY, &err, "set back");
	assert_string_equal(laptop_field(two.li, "contact", CHEN, "dept"), "\"心内科\"");
	two_close(&two);
}

static void two_syncs_of_one_replica_at_a_time_are_refused(void **state)
{
	struct two two;
	struct rep_lock *lock;
	char path[700];
	struct rep_error err;

	two_make(&two, state, "turns");
	snprintf(path, sizeof path, "%s/wang/sync.lock", two.world.dir);
	expect_ok(rep_lock_take(&lock, path, "x", false, &err), &err);
	expect_code(world_try_sync(two.wang, &err), REP_EBUSY, &err, "sync");
	rep_lock_free(lock);
	world_sync_quietly(two.wang);
	two_close(&two);
}

static void a_view_that_the_hub_did_not_sign_changes_no_row(void **state)
{
	struct two two;
	char mailbox[700], script[2048];
	struct rep_error err;

	two_make(&two, state, "forged");
	snprintf(mailbox, sizeof mailbox, "%s/hub/mailboxes/%s.git", two.world.dir, two.li->device);
	/* A record of the view with another value, in a tree and a commit that git finds whole. */
	snprintf(
		script, sizeof script,
		"cd '%s' && export GIT_INDEX_FILE=$PWD/forge.index && "
		"git read-tree inbox && p=$(git ls-files | grep '/%s.json$' | head -1) && "
		"b=$(git cat-file blob inbox:$p | sed 's/周二上午/周五上午/' | git hash-object -w "
		"--stdin) && git update-index --cacheinfo 100644,$b,$p && rm -f forge.index.lock && "
		"c=$(git -c user.name=x -c user.email=x@x commit-tree $(git write-tree) -p inbox -m "
		"x) && git update-ref refs/heads/inbox $c && rm forge.index && git repack -adq",
		mailbox, CHEN);
	shell_ok("%s", script);
	expect_code(world_try_sync(two.li, &err), REP_EINTEGRITY, &err, "data/");
	assert_string_equal(laptop_field(two.li, "contact", CHEN, "best_time"), "\"周二上午\"");
	expect_verified(two.li);
	two_close(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_push_whose_reply_was_lost_counts_once),
		cmocka_unit_test(a_replica_restored_from_a_backup_sends_nothing_and_says_why),
		cmocka_unit_test(a_mailbox_that_was_set_back_is_found_out),
		cmocka_unit_test(two_syncs_of_one_replica_at_a_time_are_refused),
		cmocka_unit_test(a_view_that_the_hub_did_not_sign_changes_no_row),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
