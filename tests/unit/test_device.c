#include <stdio.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/capture.h"
#include "core/store/edit.h"
#include "core/store/journal.h"
#include "help_db.h"
#include "help_world.h"
#include "sync/device_work.h"

static void two_make(struct two *two, void **state, const char *name)
{
	world_make(&two->world, state, name);
	world_chen(&two->world);
	two_laptops(two);
}

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

/* ---- invitations ---- */

#define GOOD                                                                                                 \
	"{\"type\":\"invitation\",\"format\":1,\"company\":\"x\",\"device\":\"d7k3f9qm\",\"rep\":\"E0007\"," \
	"\"url\":\"/nowhere/d7k3f9qm.git\",\"host_key\":null,\"hub_public\":\"" HEX64                        \
	"\",\"secret\":\"" HEX64                                                                             \
	"\",\"expires\":\"2026-12-01T00:00:00.000Z\",\"ssh_secret\":null,"                                   \
	"\"ssh_public\":null,\"desk\":false}"
#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void expect_refused(void **state, const char *invitation, int64_t now_ms, const char *part)
{
	char dir[600];
	struct rep_error err;

	snprintf(dir, sizeof dir, "%s", scratch(state, "refused"));
	expect_code(rep_enroll(dir, invitation, strlen(invitation), now_ms, &err), REP_EINVAL, &err,
		    part);
	assert_int_not_equal(access(dir, F_OK), 0);
}

static void an_expired_invitation_is_refused_and_says_when(void **state)
{
	int64_t expires;

	assert_true(rep_time_parse(&expires, "2026-12-01T00:00:00.000Z"));
	expect_refused(state, GOOD, expires, "2026-12-01T00:00:00.000Z");
}

static void what_is_no_invitation_makes_no_replica(void **state)
{
	expect_refused(state, "", 0, NULL);
	expect_refused(state, "{}", 0, NULL);
	expect_refused(state, "[1]", 0, NULL);
	expect_refused(state, "{\"type\":\"receipt\",\"format\":1}", 0, NULL);
}

static void an_invitation_makes_a_replica_with_keys_of_its_own(void **state)
{
	char first[600], second[600];
	struct rep_replica *a, *b;
	struct rep_error err;

	snprintf(first, sizeof first, "%s", scratch(state, "enrolled-1"));
	snprintf(second, sizeof second, "%s", scratch(state, "enrolled-2"));
	expect_ok(rep_enroll(first, GOOD, strlen(GOOD), 0, &err), &err);
	expect_ok(rep_enroll(second, GOOD, strlen(GOOD), 0, &err), &err);
	expect_ok(rep_replica_open(&a, first, false, &err), &err);
	expect_ok(rep_replica_open(&b, second, false, &err), &err);
	assert_string_equal(a->device, "d7k3f9qm");
	assert_memory_not_equal(a->key.public, b->key.public, REP_PUBLIC_SIZE);
	assert_null(a->schema);
	rep_replica_close(a);
	rep_replica_close(b);
}

static void an_invitation_taken_twice_leaves_the_first_replica_as_it_is(void **state)
{
	char dir[600], other[sizeof GOOD];
	uint8_t public[REP_PUBLIC_SIZE];
	struct rep_replica *replica;
	struct rep_error err;

	snprintf(dir, sizeof dir, "%s", scratch(state, "twice"));
	expect_ok(rep_enroll(dir, GOOD, strlen(GOOD), 0, &err), &err);
	expect_ok(rep_replica_open(&replica, dir, false, &err), &err);
	memcpy(public, replica->key.public, sizeof public);
	rep_replica_close(replica);
	expect_ok(rep_enroll(dir, GOOD, strlen(GOOD), 0, &err), &err);
	/* Another device's invitation does not take its place. */
	memcpy(other, GOOD, sizeof other);
	memcpy(strstr(other, "d7k3f9qm"), "e7k3f9qm", 8);
	expect_code(rep_enroll(dir, other, strlen(other), 0, &err), REP_EEXIST, &err, NULL);
	expect_ok(rep_replica_open(&replica, dir, false, &err), &err);
	assert_memory_equal(public, replica->key.public, sizeof public);
	rep_replica_close(replica);
}

static void a_mailbox_that_is_not_there_is_unreachable_and_loses_nothing(void **state)
{
	char dir[600];
	struct rep_replica *replica;
	struct rep_error err;

	snprintf(dir, sizeof dir, "%s", scratch(state, "alone"));
	expect_ok(rep_enroll(dir, GOOD, strlen(GOOD), 0, &err), &err);
	expect_ok(rep_replica_open(&replica, dir, false, &err), &err);
	expect_code(world_try_sync(replica, &err), REP_EUNREACHABLE, &err, "sync: ");
	rep_replica_close(replica);
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

/* ---- replies that get lost, replicas that go back ---- */

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
	assert_int_equal(hub_count(&two.world, "SELECT count(*) FROM _change WHERE rep = 'E0007'"),
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

/* ---- verify ---- */

static void a_value_changed_behind_the_triggers_is_found(void **state)
{
	struct two two;
	struct rep_json *out;
	const struct rep_json *problem;
	struct rep_error err;

	two_make(&two, state, "flipped");
	expect_verified(two.li);
	expect_ok(rep_db_begin(two.li->db, &err), &err);
	expect_ok(rep_capture_silence(two.li->db, true, &err), &err);
	expect_ok(rep_db_exec(two.li->db,
			      "UPDATE contact SET best_time = '周五' WHERE id = '" CHEN "'", &err),
		  &err);
	expect_ok(rep_capture_silence(two.li->db, false, &err), &err);
	expect_ok(rep_db_commit(two.li->db, &err), &err);
	expect_code(rep_device_verify(two.li, &out, &err), REP_EINTEGRITY, &err, CHEN);
	assert_false(rep_json_get_bool(out, "ok"));
	problem = rep_json_at(rep_json_get(out, "problems"), 0);
	assert_non_null(strstr(rep_json_get_string(problem, "where"), CHEN ".json"));
	rep_json_free(out);
	two_close(&two);
}

static void a_row_that_no_view_brought_is_found(void **state)
{
	struct two two;
	struct rep_json *out;
	struct rep_error err;

	two_make(&two, state, "smuggled");
	expect_ok(rep_db_begin(two.li->db, &err), &err);
	expect_ok(rep_capture_silence(two.li->db, true, &err), &err);
	expect_ok(rep_db_exec(two.li->db,
			      "INSERT INTO contact(id, name, kind, _partition, _created, "
			      "_created_rep, _stamps) SELECT 'C-9999', name, kind, _partition, "
			      "_created, _created_rep, _stamps FROM contact WHERE id = '" CHEN "'",
			      &err),
		  &err);
	expect_ok(rep_capture_silence(two.li->db, false, &err), &err);
	expect_ok(rep_db_commit(two.li->db, &err), &err);
	expect_code(rep_device_verify(two.li, &out, &err), REP_EINTEGRITY, &err, "C-9999");
	rep_json_free(out);
	two_close(&two);
}

static void expect_problem(struct rep_replica *replica, const char *part)
{
	struct rep_json *out;
	struct rep_error err;

	expect_code(rep_device_verify(replica, &out, &err), REP_EINTEGRITY, &err, part);
	rep_json_free(out);
}

static void a_trigger_that_is_gone_or_foreign_is_found(void **state)
{
	struct two two;
	struct rep_error err;
	char sql[200];

	two_make(&two, state, "triggers");
	snprintf(sql, sizeof sql, "%s",
		 "CREATE TRIGGER mine AFTER UPDATE ON contact BEGIN SELECT 1; END");
	expect_ok(rep_db_exec(two.li->db, sql, &err), &err);
	expect_problem(two.li, "trigger mine");
	expect_ok(rep_db_exec(two.li->db, "DROP TRIGGER mine", &err), &err);
	expect_verified(two.li);
	expect_ok(rep_db_exec(two.li->db, "DROP TRIGGER _journal__update", &err), &err);
	expect_problem(two.li, "_journal__update is missing");
	two_close(&two);
}

static void what_the_file_keeps_of_the_view_is_compared_with_it(void **state)
{
	struct two two;
	struct rep_error err;

	two_make(&two, state, "kept");
	expect_ok(rep_meta_set(two.li->db, REP_META_ROLE, "hq", &err), &err);
	expect_problem(two.li, "role");
	expect_ok(rep_meta_set(two.li->db, REP_META_ROLE, "rep", &err), &err);
	expect_verified(two.li);
	expect_ok(rep_db_exec(two.li->db,
			      "UPDATE _schema SET data = CAST(replace(CAST(data AS TEXT), "
			      "'Contact', 'Kontact') AS BLOB) WHERE path = 'entities/contact.json'",
			      &err),
		  &err);
	expect_problem(two.li, "entities/contact.json");
	two_close(&two);
}

static void a_damaged_pack_of_the_clone_is_found(void **state)
{
	struct two two;
	struct rep_error err;

	two_make(&two, state, "pack");
	expect_ok(rep_db_exec(two.li->db,
			      "UPDATE _clone SET data = CAST(substr(data, 1, 60) || x'00' || "
			      "substr(data, 62) AS BLOB) WHERE name LIKE '%.pack' AND piece = 0",
			      &err),
		  &err);
	expect_problem(two.li, ".pack is damaged");
	two_close(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_expired_invitation_is_refused_and_says_when),
		cmocka_unit_test(what_is_no_invitation_makes_no_replica),
		cmocka_unit_test(an_invitation_makes_a_replica_with_keys_of_its_own),
		cmocka_unit_test(an_invitation_taken_twice_leaves_the_first_replica_as_it_is),
		cmocka_unit_test(a_mailbox_that_is_not_there_is_unreachable_and_loses_nothing),
		cmocka_unit_test(an_edit_reaches_the_colleague),
		cmocka_unit_test(a_sync_with_nothing_to_do_moves_nothing),
		cmocka_unit_test(an_edit_made_while_another_waits_is_kept_on_top_of_a_new_view),
		cmocka_unit_test(
			a_refused_edit_leaves_the_screen_although_nobody_else_touched_the_record),
		cmocka_unit_test(twelve_edits_arrive_once_although_the_line_is_cut_after_seven),
		cmocka_unit_test(a_push_whose_reply_was_lost_counts_once),
		cmocka_unit_test(a_replica_restored_from_a_backup_sends_nothing_and_says_why),
		cmocka_unit_test(a_mailbox_that_was_set_back_is_found_out),
		cmocka_unit_test(two_syncs_of_one_replica_at_a_time_are_refused),
		cmocka_unit_test(a_view_that_the_hub_did_not_sign_changes_no_row),
		cmocka_unit_test(an_account_that_is_lost_leaves_the_replica_file),
		cmocka_unit_test(a_value_changed_behind_the_triggers_is_found),
		cmocka_unit_test(a_row_that_no_view_brought_is_found),
		cmocka_unit_test(a_trigger_that_is_gone_or_foreign_is_found),
		cmocka_unit_test(what_the_file_keeps_of_the_view_is_compared_with_it),
		cmocka_unit_test(a_damaged_pack_of_the_clone_is_found),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
