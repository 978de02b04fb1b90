/* Mailboxes that somebody else wrote to: by other trees, packs and refs than a device makes, and by damage. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "help_box.h"

/*
 * Hostile commits, made by stock git on top of what a device wrote. $B is the mailbox, $T a fresh index; the shell
 * text puts a tree's id in $t; `parents` are further -p options.
 */
static void expect_refused(void **state, const char *script, const char *part)
{
	struct box box = box_enrolled(state);
	struct rep_outbox outbox;
	struct rep_error err;

	write_file(&box, "2026-11/1-1.jsonl", "one\n");
	shell_ok("set -e; cd %s; export GIT_DIR=$PWD GIT_INDEX_FILE=$PWD/test-index; "
		 "parents='-p outbox'; git read-tree outbox; "
		 "b=$(echo evil | git hash-object -w --stdin); put() { git update-index --add "
		 "--cacheinfo \"$1,$b,$2\"; }; t=; %s; [ -n \"$t\" ] || t=$(git write-tree); "
		 "c=$(git commit-tree $t $parents -m m); git update-ref refs/heads/outbox $c; "
		 "git repack -q -a -d; git prune-packed -q; rm -f test-index; git prune",
		 box.path, script);
	expect_code(rep_mailbox_read(&outbox, box.path, &box.tip, &err), REP_EINTEGRITY, &err,
		    part);
	assert_int_equal(outbox.segments_len, 0);
	assert_true(rep_oid_equal(&outbox.tip, &box.tip));
	box_end(&box);
}

static void a_hostile_tree_is_refused_whatever_its_trick(void **state)
{
	expect_refused(state, "put 120000 2026-11/2-2.jsonl", "mode");
	expect_refused(state, "put 100755 2026-11/2-2.jsonl", "mode");
	expect_refused(state,
		       "t=$(perl -e 'print \"100777 2-2.jsonl\\0\", pack(\"H*\", shift)' $b | "
		       "git hash-object -t tree -w --literally --stdin)",
		       "mode");
	expect_refused(state,
		       "git update-index --add --cacheinfo 160000,$(git rev-parse outbox),sub",
		       "mode");
	expect_refused(state, "put 100644 'odd name'", "name");
	expect_refused(state, "put 100644 \"$(printf '2026-11/\\033[2J')\"", "name");
	expect_refused(state, "put 100644 2026-11/2-2.txt", "not a name");
	expect_refused(state, "put 100644 2026-11/02-2.jsonl", "not a name");
	expect_refused(state, "put 100644 2026-13/2-2.jsonl", "not a name");
	expect_refused(state, "put 100644 2026-11/x/2-2.jsonl", "folder");
	expect_refused(state, "put 100644 enrol2.json", "not a name");
	expect_refused(state, "put 100644 2026-11/2-2.jsonl; put 100644 2026-11/3-3.jsonl",
		       "second one");
	expect_refused(state, "put 100644 2026-11/2-2.receipt.json", "without its segment");
	expect_refused(state, "put 100644 2026-11/2-2.jsonl; put 100644 2026-11/2-3.receipt.json",
		       "without its segment");
	expect_refused(state, "true", "without anything new");
}

/* A segment that is allowed, kept as a delta of something that is not: unpacking it would take any amount. */
static void a_delta_of_something_huge_is_refused(void **state)
{
	expect_refused(
		state,
		"big=$(head -c 80000000 /dev/zero | git hash-object -w --stdin); b=$(head -c "
		"60000000 /dev/zero | git hash-object -w --stdin); put 100644 "
		"2026-11/2-2.jsonl; git update-ref refs/heads/other $(git commit-tree -m x "
		"$(printf '100644 blob %s\tzzzzzzzz\n' $big | git mktree))",
		"[object]");
	expect_refused(state,
		       "b=$(head -c 80000000 /dev/zero | git hash-object -w --stdin); put 100644 "
		       "2026-11/2-2.jsonl",
		       "[size]");
}

static void segments_that_stock_git_packed_as_deltas_are_read(void **state)
{
	struct box box = box_enrolled(state);
	struct rep_buf text = REP_BUF_INIT(1u << 20);
	struct rep_outbox outbox;
	struct rep_error err;
	char path[64];

	for (unsigned n = 1; n <= 20; n++) {
		for (unsigned i = 0; i < 200; i++)
			rep_buf_printf(&text, "%u", n * i * 7919u);
		rep_buf_printf(&text, " %u\n", n);
		snprintf(path, sizeof path, "2026-11/%u-%u.jsonl", n, n);
		write_file(&box, path, rep_buf_str(&text));
	}
	shell_ok("cd %s && git repack -q -a -d -f --depth=20 --window=20 && git verify-pack -v "
		 "objects/pack/*.idx | grep -q '^chain length = [2-9]'",
		 box.path);
	expect_ok(rep_mailbox_read(&outbox, box.path, &rep_oid_zero, &err), &err);
	assert_int_equal(outbox.segments_len, 20);
	assert_string_equal(outbox.segments[19].data, rep_buf_str(&text));
	rep_outbox_clear(&outbox);
	rep_buf_clear(&text);
	box_end(&box);
}

static void what_was_there_may_be_neither_changed_nor_removed(void **state)
{
	expect_refused(state, "put 100644 2026-11/1-1.jsonl", "changed");
	expect_refused(state, "put 100644 enrol.json", "changed");
	expect_refused(state, "git rm -q --cached 2026-11/1-1.jsonl; put 100644 2026-11/2-2.jsonl",
		       "removed");
	expect_refused(state, "git rm -q --cached enrol.json; put 100644 enrol.json/x", "removed");
	expect_refused(state, "git rm -q --cached -r 2026-11; put 100644 2026-11", "not a name");
}

static void a_chain_that_does_not_go_on_from_the_known_commit_is_refused(void **state)
{
	/* Two parents; a new root; a step back and another way; a step back alone. */
	expect_refused(state, "put 100644 2026-11/2-2.jsonl; parents='-p outbox -p outbox~1'",
		       "more than one parent");
	expect_refused(state, "put 100644 2026-11/2-2.jsonl; parents=", "rewritten");
	expect_refused(state, "put 100644 2026-11/2-2.jsonl; parents='-p outbox~1'", "rewritten");
}

static void a_ref_set_back_or_removed_is_a_rollback(void **state)
{
	struct box box = box_enrolled(state);
	struct rep_outbox outbox;
	struct rep_error err;

	write_file(&box, "2026-11/1-1.jsonl", "one\n");
	shell_ok("git -C %s update-ref refs/heads/outbox outbox~1", box.path);
	expect_code(rep_mailbox_read(&outbox, box.path, &box.tip, &err), REP_EINTEGRITY, &err,
		    "rolled back");
	shell_ok("git -C %s update-ref -d refs/heads/outbox", box.path);
	expect_code(rep_mailbox_read(&outbox, box.path, &box.tip, &err), REP_EINTEGRITY, &err,
		    "rolled back");
	box_end(&box);
}

static void a_known_commit_that_is_gone_is_a_rollback(void **state)
{
	struct box box = box_enrolled(state);
	struct rep_outbox outbox;
	struct rep_oid gone;
	struct rep_error err;

	rep_oid_of(&gone, REP_OBJECT_COMMIT, "gone", 4);
	expect_code(rep_mailbox_read(&outbox, box.path, &gone, &err), REP_EINTEGRITY, &err,
		    "rolled back");
	box_end(&box);
}

static void loose_objects_and_alternates_are_refused(void **state)
{
	struct box box = box_enrolled(state), other = box_enrolled(state);
	struct rep_outbox outbox;
	struct rep_error err;

	shell_ok("echo x | git -C %s hash-object -w --stdin >/dev/null", box.path);
	expect_code(rep_mailbox_read(&outbox, box.path, &rep_oid_zero, &err), REP_EINTEGRITY, &err,
		    "loose objects");
	shell_ok("echo %s/objects >%s/objects/info/alternates", box.path, other.path);
	expect_code(rep_mailbox_read(&outbox, other.path, &rep_oid_zero, &err), REP_EINTEGRITY,
		    &err, "borrows");
	box_end(&box);
	box_end(&other);
}

/* The pack of a mailbox with one segment, or its index. */
struct victim {
	struct box box;
	char name[4200];
	const struct rep_buf *bytes; /* as they are */
	bool is_index;
};

#define SEGMENT "a text of some length to be damaged\n"

static void each_victim(void **state, void (*damage)(const struct victim *victim))
{
	struct victim victim = {.box = box_enrolled(state)};
	struct rep_error err;

	write_file(&victim.box, "2026-11/1-1.jsonl", SEGMENT);
	shell_ok("cd %s && git repack -q -a -d", victim.box.path);
	for (unsigned kind = 0; kind < 2; kind++) {
		struct rep_buf bytes = REP_BUF_INIT(1 << 20);

		victim.is_index = kind > 0;
		victim.bytes = &bytes;
		snprintf(victim.name, sizeof victim.name, "%s",
			 shell_line("ls %s/objects/pack/*.%s", victim.box.path,
				    victim.is_index ? "idx" : "pack"));
		shell_ok("chmod u+w %s", victim.name);
		expect_ok(rep_file_read(&bytes, victim.name, &err), &err);
		damage(&victim);
		rep_buf_clear(&bytes);
	}
	box_end(&victim.box);
}

/* The first `len` bytes as they are, in the same file; byte `at` another one, if it is among them. */
static void put_bytes(const struct victim *victim, size_t len, size_t at)
{
	FILE *file = fopen(victim->name, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(victim->bytes->data, 1, len, file), len);
	if (at < len) {
		assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
		assert_true(fputc((victim->bytes->data[at] ^ 0x41) & 0xff, file) != EOF);
	}
	assert_int_equal(fclose(file), 0);
}

static void flip_bytes(const struct victim *victim)
{
	const size_t len = victim->bytes->len;

	for (size_t at = victim->is_index ? 8 : 0; at < len; at += victim->is_index ? 97 : 13) {
		struct rep_outbox outbox;
		struct rep_error err;
		enum rep_code rc;

		put_bytes(victim, len, at);
		rc = rep_mailbox_read(&outbox, victim->box.path, &rep_oid_zero, &err);
		if (rc == REP_OK) {
			assert_int_equal(outbox.segments_len, 1);
			assert_string_equal(outbox.segments[0].data, SEGMENT);
		} else {
			expect_code(rc, REP_EINTEGRITY, &err, NULL);
		}
		rep_outbox_clear(&outbox);
	}
	put_bytes(victim, len, len);
}

static void every_flipped_byte_of_pack_and_index_is_refused_or_harmless(void **state)
{
	each_victim(state, flip_bytes);
}

static void cut(const struct victim *victim)
{
	for (size_t part = 0; part < 50; part++) {
		struct rep_outbox outbox;
		struct rep_error err;
		const size_t len = victim->bytes->len * part / 50;

		put_bytes(victim, len, len);
		expect_code(rep_mailbox_read(&outbox, victim->box.path, &rep_oid_zero, &err),
			    REP_EINTEGRITY, &err, NULL);
		rep_outbox_clear(&outbox);
	}
	put_bytes(victim, victim->bytes->len, victim->bytes->len);
}

static void a_pack_or_index_cut_anywhere_is_refused(void **state)
{
	each_victim(state, cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hostile_tree_is_refused_whatever_its_trick),
		cmocka_unit_test(a_delta_of_something_huge_is_refused),
		cmocka_unit_test(segments_that_stock_git_packed_as_deltas_are_read),
		cmocka_unit_test(what_was_there_may_be_neither_changed_nor_removed),
		cmocka_unit_test(a_chain_that_does_not_go_on_from_the_known_commit_is_refused),
		cmocka_unit_test(a_ref_set_back_or_removed_is_a_rollback),
		cmocka_unit_test(a_known_commit_that_is_gone_is_a_rollback),
		cmocka_unit_test(loose_objects_and_alternates_are_refused),
		cmocka_unit_test(every_flipped_byte_of_pack_and_index_is_refused_or_harmless),
		cmocka_unit_test(a_pack_or_index_cut_anywhere_is_refused),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
