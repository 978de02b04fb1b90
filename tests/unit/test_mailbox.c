#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "help_box.h"
#include "sync/mailbox/anew.h"

static void names_of_an_outbox_are_read_exactly(void **state)
{
	static const char *const bad[] = {"2026-11/0-1.jsonl",
					  "2026-11/1-01.jsonl",
					  "2026-11/2-1.jsonl",
					  "2026-11/1-257.jsonl",
					  "2026-13/1-1.jsonl",
					  "2026-00/1-1.jsonl",
					  "2026-11/1-1.json",
					  "2026-11/1-1.jsonl.jsonl",
					  "2026-11/1-1.receipt.jsonl",
					  "2026-11/1-1",
					  "2026-11/-1-1.jsonl",
					  "2026-11/1-9007199254740992.jsonl",
					  "2026-11/9007199254740992-9007199254740992.jsonl",
					  "2026-1/1-1.jsonl",
					  "2026-11/",
					  "2026-11",
					  "enrol.jsonx",
					  "",
					  "a/b"};
	struct rep_outbox_name name;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (rep_outbox_name_parse(&name, bad[i]))
			fail_msg("accepted: %s", bad[i]);
	assert_true(rep_outbox_name_parse(&name, "2026-11/41-296.jsonl"));
	assert_int_equal(name.kind, REP_OUTBOX_SEGMENT);
	assert_int_equal(name.first, 41);
	assert_int_equal(name.last, 296);
	assert_true(rep_outbox_name_parse(&name, "2026-12/7-7.receipt.json"));
	assert_int_equal(name.kind, REP_OUTBOX_RECEIPT);
	assert_true(rep_outbox_name_parse(&name, "enrol.json"));
	assert_int_equal(name.kind, REP_OUTBOX_ENROL);
}

static void a_mailbox_has_the_hook_that_syncs_refs_and_may_be_created_again(void **state)
{
	struct box box = box_enrolled(state);
	char hook[4200];
	struct stat st;
	struct rep_error err;
	struct rep_oid now;

	expect_ok(rep_mailbox_create(box.path, &err), &err);
	snprintf(hook, sizeof hook, "%s/hooks/reference-transaction", box.path);
	assert_int_equal(stat(hook, &st), 0);
	assert_true(st.st_mode & S_IXUSR);
	assert_int_equal(0, shell("grep -q 'sync -f' %s", hook));
	expect_ok(rep_git_ref(box.git, REP_OUTBOX, &now, &err), &err);
	assert_true(rep_oid_equal(&now, &box.tip));
	box_end(&box);
	expect_clean(box.path);
}

static void a_mailbox_may_hold_4_gib_unless_its_quota_says_otherwise(void **state)
{
	struct box box = box_new(state);
	char file[4200];
	struct rep_error err;

	snprintf(file, sizeof file, "%s/repsync.quota", box.path);
	assert_int_equal(rep_mailbox_quota(box.path), 4294967296);
	expect_ok(rep_file_write(file, "8589934592\n", 11, 0600, &err), &err);
	assert_int_equal(rep_mailbox_quota(box.path), 8589934592);
	box_end(&box);
}

static void a_lock_is_held_by_one(void **state)
{
	struct box box = box_new(state);
	struct rep_lock *one, *two;
	struct rep_error err;

	expect_ok(rep_mailbox_lock(&one, box.path, false, &err), &err);
	expect_code(rep_mailbox_lock(&two, box.path, false, &err), REP_EBUSY, &err, "in use");
	rep_lock_free(one);
	expect_ok(rep_mailbox_lock(&two, box.path, false, &err), &err);
	rep_lock_free(two);
	box_end(&box);
}

static void what_was_written_is_read_in_order(void **state)
{
	struct box box = box_enrolled(state);
	struct rep_outbox_file again[] = {{"2026-11/2-5.jsonl", "two\n", 4},
					  {"2026-11/2-5.receipt.json", "receipt\n", 8},
					  {"statement.json", "st\n", 3}};
	struct rep_outbox outbox;
	struct rep_oid middle;
	struct rep_error err;

	write_file(&box, "2026-11/1-1.jsonl", "one\n");
	middle = box.tip;
	write_files(&box, again, 3);
	write_file(&box, "2026-12/6-6.jsonl", "");
	expect_ok(rep_mailbox_read(&outbox, box.path, &rep_oid_zero, &err), &err);
	assert_true(rep_oid_equal(&outbox.tip, &box.tip));
	assert_string_equal(outbox.enrol, "{}\n");
	assert_string_equal(outbox.statement, "st\n");
	assert_int_equal(outbox.segments_len, 3);
	assert_string_equal(outbox.segments[0].path, "2026-11/1-1.jsonl");
	assert_string_equal(outbox.segments[0].data, "one\n");
	assert_null(outbox.segments[0].receipt);
	assert_int_equal(outbox.segments[1].first, 2);
	assert_int_equal(outbox.segments[1].last, 5);
	assert_string_equal(outbox.segments[1].receipt, "receipt\n");
	assert_int_equal(outbox.segments[2].size_bytes, 0);
	rep_outbox_clear(&outbox);
	expect_ok(rep_mailbox_read(&outbox, box.path, &middle, &err), &err);
	assert_int_equal(outbox.segments_len, 2);
	assert_null(outbox.enrol);
	rep_outbox_clear(&outbox);
	box_end(&box);
	expect_clean(box.path);
}

/* A clock set back over the end of a month, and forward again. */
static void a_folder_older_than_the_known_commit_may_grow(void **state)
{
	struct box box = box_enrolled(state);
	struct rep_outbox outbox;
	struct rep_oid known;
	struct rep_error err;

	write_file(&box, "2026-03/1-3.jsonl", "one\n");
	write_file(&box, "2026-02/4-4.jsonl", "two\n");
	known = box.tip;
	write_file(&box, "2026-03/5-5.jsonl", "three\n");
	expect_ok(rep_mailbox_read(&outbox, box.path, &known, &err), &err);
	assert_int_equal(outbox.segments_len, 1);
	assert_string_equal(outbox.segments[0].path, "2026-03/5-5.jsonl");
	assert_string_equal(outbox.segments[0].data, "three\n");
	rep_outbox_clear(&outbox);
	box_end(&box);
}

static void nothing_new_is_told_without_a_child(void **state)
{
	struct box box = box_enrolled(state);
	struct rep_outbox outbox;
	struct rep_error err;

	/* Its objects may be anything: they are not looked at. */
	shell_ok("rm -rf %s/objects/pack/*", box.path);
	expect_ok(rep_mailbox_read(&outbox, box.path, &box.tip, &err), &err);
	assert_int_equal(outbox.segments_len, 0);
	assert_true(rep_oid_equal(&outbox.tip, &box.tip));
	rep_outbox_clear(&outbox);
	box_end(&box);
}

static void an_empty_mailbox_gives_nothing(void **state)
{
	struct box box = box_new(state);
	struct rep_outbox outbox;
	struct rep_error err;

	expect_ok(rep_mailbox_read(&outbox, box.path, &rep_oid_zero, &err), &err);
	assert_true(rep_oid_is_zero(&outbox.tip));
	rep_outbox_clear(&outbox);
	box_end(&box);
}

static void several_may_be_read_at_once(void **state)
{
	struct rep_mailbox_reader *readers[4];
	struct box boxes[4];
	struct rep_error err;

	for (size_t i = 0; i < 4; i++) {
		boxes[i] = box_enrolled(state);
		for (size_t n = 0; n <= i; n++) {
			char path[64];

			snprintf(path, sizeof path, "2026-11/%zu-%zu.jsonl", n + 1, n + 1);
			write_file(&boxes[i], path, "x\n");
		}
		expect_ok(rep_mailbox_read_begin(&readers[i], boxes[i].path, &rep_oid_zero, &err),
			  &err);
	}
	for (size_t i = 0; i < 4; i++) {
		struct rep_outbox outbox;

		expect_ok(rep_mailbox_read_end(readers[i], &outbox, &err), &err);
		assert_int_equal(outbox.segments_len, i + 1);
		rep_outbox_clear(&outbox);
		box_end(&boxes[i]);
	}
}

static void an_outbox_begun_anew_by_the_hub_is_read_from_its_empty_root(void **state)
{
	struct box box = box_new(state);
	struct rep_git_commit root = {.author_name = "hub",
				      .author_email = "hub00000",
				      .committer_name = "hub",
				      .committer_email = "hub00000",
				      .message = "begin\n"};
	struct rep_buf buf = REP_BUF_INIT(4096);
	struct rep_outbox outbox;
	struct rep_error err;

	expect_ok(rep_pack_add(box.pack, REP_OBJECT_TREE, NULL, 0, &root.tree, &err), &err);
	rep_git_commit_write(&buf, &root);
	expect_ok(rep_pack_add(box.pack, REP_OBJECT_COMMIT, buf.data, buf.len, &box.tip, &err),
		  &err);
	expect_ok(rep_pack_commit(box.pack, NULL, &err), &err);
	expect_ok(rep_git_cas(box.git, REP_OUTBOX, &rep_oid_zero, &box.tip, &err), &err);
	rep_buf_clear(&buf);
	write_file(&box, "2026-11/9-9.jsonl", "nine\n");
	expect_ok(rep_mailbox_read(&outbox, box.path, &rep_oid_zero, &err), &err);
	assert_int_equal(outbox.segments_len, 1);
	rep_outbox_clear(&outbox);
	box_end(&box);
	expect_clean(box.path);
}

static void the_roots_of_an_outbox_are_known_by_their_number(void **state)
{
	struct box box = box_new(state);
	struct rep_oid roots[2], again, other;
	struct rep_error err;

	for (int64_t i = 0; i < 2; i++) {
		expect_ok(rep_outbox_root(box.pack, "d7k3f9qm", i + 1, &roots[i], &err), &err);
		rep_outbox_root_id("d7k3f9qm", i + 1, &again);
		assert_true(rep_oid_equal(&roots[i], &again));
		assert_int_equal(rep_outbox_root_number("d7k3f9qm", &roots[i]), i + 1);
	}
	rep_outbox_root_id("hub00000", 1, &other);
	assert_int_equal(rep_outbox_root_number("d7k3f9qm", &other), 0);
	assert_int_equal(rep_outbox_root_number("d7k3f9qm", &rep_oid_zero), 0);
	expect_ok(rep_pack_commit(box.pack, NULL, &err), &err);
	expect_clean(box.path);
	box_end(&box);
}

static void what_no_branch_needs_goes_and_the_quota_counts_from_there(void **state)
{
	struct box box = box_enrolled(state);
	struct rep_oid root, old = box.tip;
	struct rep_outbox outbox;
	struct rep_error err;

	write_file(&box, "2026-11/1-1.jsonl", "eins\n");
	expect_ok(rep_outbox_root(box.pack, "d7k3f9qm", 1, &root, &err), &err);
	expect_ok(rep_pack_commit(box.pack, NULL, &err), &err);
	assert_false(rep_mailbox_is_due(box.path));
	shell_ok("echo 100 >%s/repsync.quota", box.path);
	assert_true(rep_mailbox_is_due(box.path));
	expect_ok(rep_git_cas(box.git, REP_OUTBOX, &box.tip, &root, &err), &err);
	expect_ok(rep_mailbox_tidy(box.path, &err), &err);
	assert_false(rep_mailbox_is_due(box.path));
	assert_string_equal(shell_line("ls %s/objects/pack/*.pack | wc -l", box.path), "1");
	expect_clean(box.path);
	expect_ok(rep_git_refresh(box.git, &err), &err);
	assert_false(rep_git_has(box.git, &old));

	box.tip = root;
	write_file(&box, "2026-11/2-2.jsonl", "zwei\n");
	assert_true(rep_mailbox_is_due(box.path));
	expect_ok(rep_mailbox_read(&outbox, box.path, &root, &err), &err);
	assert_int_equal(outbox.segments_len, 1);
	assert_string_equal(outbox.segments[0].data, "zwei\n");
	rep_outbox_clear(&outbox);
	box_end(&box);
}

static void a_first_commit_without_enrolment_is_refused(void **state)
{
	struct box box = box_new(state);
	struct rep_outbox outbox;
	struct rep_error err;

	write_file(&box, "2026-11/1-1.jsonl", "one\n");
	expect_code(rep_mailbox_read(&outbox, box.path, &rep_oid_zero, &err), REP_EINTEGRITY, &err,
		    "first commit");
	box_end(&box);
}

static void names_of_no_outbox_are_not_committed(void **state)
{
	struct box box = box_enrolled(state);
	struct rep_oid tip;
	struct rep_error err;

	expect_code(rep_outbox_commit(box.pack, &box.tip, "2026-11/x.jsonl", "", 0, 1, "d7k3f9qm",
				      &tip, &err),
		    REP_EUSAGE, &err, "no name");
	box_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_an_outbox_are_read_exactly),
		cmocka_unit_test(a_mailbox_has_the_hook_that_syncs_refs_and_may_be_created_again),
		cmocka_unit_test(a_mailbox_may_hold_4_gib_unless_its_quota_says_otherwise),
		cmocka_unit_test(a_lock_is_held_by_one),
		cmocka_unit_test(what_was_written_is_read_in_order),
		cmocka_unit_test(a_folder_older_than_the_known_commit_may_grow),
		cmocka_unit_test(nothing_new_is_told_without_a_child),
		cmocka_unit_test(an_empty_mailbox_gives_nothing),
		cmocka_unit_test(several_may_be_read_at_once),
		cmocka_unit_test(an_outbox_begun_anew_by_the_hub_is_read_from_its_empty_root),
		cmocka_unit_test(the_roots_of_an_outbox_are_known_by_their_number),
		cmocka_unit_test(what_no_branch_needs_goes_and_the_quota_counts_from_there),
		cmocka_unit_test(a_first_commit_without_enrolment_is_refused),
		cmocka_unit_test(names_of_no_outbox_are_not_committed),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
