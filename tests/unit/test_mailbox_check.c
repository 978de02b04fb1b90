/* The check of a push, as the pre-receive hook runs it: it judges all that comes, or takes none of it. */
#include <stdio.h>

#include "core/base/file.h"
#include "help_git.h"
#include "sync/mailbox/mailbox.h"

#define DEVICE "d7k3f9qm"
#define GIB (1024ull * 1024u * 1024u)

struct push {
	char box[4096];
	char come[4096]; /* where receive-pack would have put the new objects */
	char tip[REP_OID_HEX + 1];
};

/* A mailbox with an enrolment in it. */
static struct push push_new(void **state)
{
	static unsigned n;
	struct push push = {0};
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_oid tip;
	struct rep_error err;
	char name[32];

	snprintf(name, sizeof name, "box%u.git", n);
	snprintf(push.box, sizeof push.box, "%s", scratch(state, name));
	snprintf(name, sizeof name, "come%u.git", n++);
	snprintf(push.come, sizeof push.come, "%s", scratch(state, name));
	expect_ok(rep_mailbox_create(push.box, &err), &err);
	expect_ok(rep_git_open(&git, push.box, &err), &err);
	expect_ok(rep_pack_new(&pack, git, &err), &err);
	expect_ok(rep_outbox_commit(pack, &rep_oid_zero, "enrol.json", "{}", 2, 1700000000, DEVICE,
				    &tip, &err),
		  &err);
	expect_ok(rep_pack_commit(pack, NULL, &err), &err);
	expect_ok(rep_git_cas(git, REP_OUTBOX, &rep_oid_zero, &tip, &err), &err);
	rep_oid_hex(push.tip, &tip);
	rep_pack_free(pack);
	rep_git_close(git);
	return push;
}

/* The verdict on what stock git makes of a stream: `script` prints one for fast-import, on top of the branch `outbox`. */
static enum rep_code check(const struct push *push, const char *script, struct rep_error *err)
{
	char updates[256], objects[4200];

	shell_ok("set -e; git clone -q --bare %s %s; cd %s; { %s; } | git fast-import --quiet "
		 "--force; git repack -q -a -d",
		 push->box, push->come, push->come, script);
	snprintf(updates, sizeof updates, "%s %s " REP_OUTBOX "\n", push->tip,
		 shell_line("git -C %s rev-parse outbox", push->come));
	snprintf(objects, sizeof objects, "%s/objects", push->come);
	return rep_mailbox_check(push->box, objects, updates, err);
}

/* For such scripts: the head of a commit; the first one goes on from the outbox. */
#define COMMIT                                                                              \
	"commit() { printf 'commit refs/heads/outbox\\ncommitter x <x> 1700000000 +0000\\n" \
	"data 0\\n'; [ -z \"$1\" ] || echo 'from refs/heads/outbox^0'; }; "

static void what_a_device_writes_is_taken(void **state)
{
	struct push push = push_new(state);
	struct rep_error err;

	expect_ok(check(&push,
			COMMIT "commit first; printf 'M 100644 inline 2026-11/1-1.jsonl\\ndata 2\\n"
			       "x\\n\\n'",
			&err),
		  &err);
}

/* More than one reading takes: 5 times 60 MiB, packed into next to nothing; then the commit that must not be let in. */
static void a_commit_behind_much_is_judged_as_well(void **state)
{
	struct push push = push_new(state);
	struct rep_error err;

	expect_code(
		check(&push,
		      COMMIT
		      "printf 'blob\\nmark :1\\ndata 62914560\\n'; head -c 62914560 /dev/zero; "
		      "echo; commit first; for n in 1 2 3 4 5; do "
		      "[ $n = 1 ] || commit ''; echo \"M 100644 :1 2026-11/$n-$n.jsonl\"; done; "
		      "commit ''; echo 'M 120000 :1 link'",
		      &err),
		REP_EINTEGRITY, &err, "[tree]");
}

static void more_commits_than_one_reading_takes_are_refused(void **state)
{
	struct push push = push_new(state);
	struct rep_error err;

	expect_code(
		check(&push,
		      COMMIT
		      "commit first; n=0; while [ $n -lt 20000 ]; do commit ''; n=$((n + 1)); done",
		      &err),
		REP_EINTEGRITY, &err, "[many] more than 20000 commits");
}

static void a_mailbox_is_full_at_its_quota_and_says_how_much_that_is(void **state)
{
	struct push push = push_new(state);
	struct rep_error err;
	char name[4200];

	assert_true(rep_mailbox_quota(push.box) == 4 * GIB);
	snprintf(name, sizeof name, "%s/repsync.quota", push.box);
	expect_ok(rep_file_write(name, "200\n", 4, 0600, &err), &err);
	expect_code(check(&push, "true", &err), REP_EBUSY, &err, "[full] the mailbox is full");
	assert_non_null(strstr(err.msg, "200 bytes"));
}

static void an_update_is_one_line_that_moves_the_outbox(void **state)
{
	struct push push = push_new(state);
	const char *hex = push.tip, *zero = "0000000000000000000000000000000000000000";
	const char *const bad[][4] = {{hex, hex, "refs/heads/inbox\n", "[ref]"},
				      {hex, hex, REP_OUTBOX, "[ref]"},
				      {hex, hex, REP_OUTBOX "\nmore\n", "[ref]"},
				      {hex, zero + 1, REP_OUTBOX "s\n", "[ref]"},
				      {hex, zero, REP_OUTBOX "\n", "[delete]"}};
	struct rep_error err;
	char updates[256];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(updates, sizeof updates, "%s %s %s", bad[i][0], bad[i][1], bad[i][2]);
		expect_code(rep_mailbox_check(push.box, NULL, updates, &err), REP_EINTEGRITY, &err,
			    bad[i][3]);
	}
	snprintf(updates, sizeof updates, "%s %s " REP_OUTBOX "\n", hex, hex);
	expect_code(rep_mailbox_check(push.box, NULL, updates, &err), REP_EUSAGE, &err,
		    "receive-pack only");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_device_writes_is_taken),
		cmocka_unit_test(a_commit_behind_much_is_judged_as_well),
		cmocka_unit_test(more_commits_than_one_reading_takes_are_refused),
		cmocka_unit_test(a_mailbox_is_full_at_its_quota_and_says_how_much_that_is),
		cmocka_unit_test(an_update_is_one_line_that_moves_the_outbox),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
