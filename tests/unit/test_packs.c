#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help_git.h"

/* What stock git packs, with deltas, is read without it; and damage never gets through. */

struct fixture {
	struct rep_git *git;
	struct rep_oid oids[60];
	char path[4096];
};

static void put_text(char out[6000], unsigned i)
{
	size_t len = 0;

	for (unsigned line = 0; line < 120; line++)
		len += (size_t)snprintf(out + len, 6000 - len, "line %u of %u\n", line,
					line == i ? 1000 + i : 7u);
}

/* Sixty blobs that differ in one line, packed by git: all but a few are deltas. */
static struct fixture fixture_new(void **state, const char *name)
{
	struct fixture fixture;
	struct rep_pack *pack;
	struct rep_tree *tree;
	struct rep_oid root;
	struct rep_error err;
	char text[6000];

	snprintf(fixture.path, sizeof fixture.path, "%s", scratch(state, name));
	fixture.git = create_and_open(fixture.path, "main");
	expect_ok(rep_pack_new(&pack, fixture.git, &err), &err);
	expect_ok(rep_tree_edit(&tree, pack, &rep_oid_zero, &err), &err);
	for (unsigned i = 0; i < 60; i++) {
		char file[16];

		put_text(text, i);
		fixture.oids[i] = add_blob(pack, text);
		snprintf(file, sizeof file, "f%02u", i);
		expect_ok(rep_tree_put(tree, file, &fixture.oids[i], false, &err), &err);
	}
	expect_ok(rep_tree_write(tree, &root, &err), &err);
	(void)commit_on(fixture.git, pack, "refs/heads/main", &root);
	rep_tree_free(tree);
	rep_pack_free(pack);
	return fixture;
}

static void expect_all(struct fixture *fixture)
{
	struct rep_buf out = REP_BUF_INIT(65536);
	struct rep_error err;
	char text[6000];

	for (unsigned i = 0; i < 60; i++) {
		enum rep_object type;
		size_t size;

		put_text(text, i);
		rep_buf_reset(&out);
		expect_ok(rep_git_header(fixture->git, &fixture->oids[i], &type, &size, &err),
			  &err);
		assert_int_equal(type, REP_OBJECT_BLOB);
		assert_int_equal(size, strlen(text));
		expect_ok(
			rep_git_read(fixture->git, &fixture->oids[i], REP_OBJECT_BLOB, &out, &err),
			&err);
		assert_string_equal(rep_buf_str(&out), text);
	}
	rep_buf_clear(&out);
}

static void deltas_of_git_are_read(void **state)
{
	struct fixture fixture = fixture_new(state, "deltas");
	struct rep_error err;

	expect_all(&fixture);
	shell_ok("git -C %s repack -adfq --depth 50", fixture.path);
	assert_true(
		atoi(shell_line(
			"cd %s/objects/pack && git verify-pack -v pack-*.idx | grep -c '^[0-9a-f]* blob "
			".* [0-9]* [0-9a-f]\\{40\\}$'",
			fixture.path)) > 40);
	expect_all(&fixture); /* the pack that went is still mapped */
	expect_ok(rep_git_refresh(fixture.git, &err), &err);
	expect_all(&fixture);
	rep_git_close(fixture.git);
}

static void deltas_that_name_their_base_are_read(void **state)
{
	struct fixture fixture = fixture_new(state, "refdelta");
	struct rep_error err;

	shell_ok("cd %s && git -c repack.useDeltaBaseOffset=false repack -adfq", fixture.path);
	expect_ok(rep_git_refresh(fixture.git, &err), &err);
	expect_all(&fixture);
	rep_git_close(fixture.git);
}

static void loose_objects_are_found_by_libgit2(void **state)
{
	struct fixture fixture = fixture_new(state, "loose");
	struct rep_buf out = REP_BUF_INIT(65536);
	struct rep_error err;
	struct rep_oid oid;

	assert_true(rep_oid_parse(
		&oid, shell_line("echo hello | git -C %s hash-object -w --stdin", fixture.path)));
	expect_ok(rep_git_refresh(fixture.git, &err), &err);
	assert_true(rep_git_has(fixture.git, &oid));
	expect_ok(rep_git_read(fixture.git, &oid, REP_OBJECT_BLOB, &out, &err), &err);
	assert_string_equal(rep_buf_str(&out), "hello\n");
	rep_buf_clear(&out);
	rep_git_close(fixture.git);
}

static void copied_deflated_it_is_the_same_object(void **state)
{
	struct fixture from = fixture_new(state, "from");
	const char *path = scratch(state, "to");
	struct rep_git *to = create_and_open(path, "main");
	struct rep_pack *pack;
	struct rep_error err;

	expect_ok(rep_pack_new(&pack, to, &err), &err);
	for (unsigned i = 0; i < 60; i++)
		expect_ok(rep_pack_add_from(pack, from.git, &from.oids[i], REP_OBJECT_BLOB, &err),
			  &err);
	assert_int_equal(rep_pack_count(pack), 60);
	expect_ok(rep_pack_commit(pack, NULL, &err), &err);
	shell_ok("git -C %s fsck --full --strict --no-dangling", path);
	rep_pack_free(pack);
	rep_git_close(from.git);
	from.git = to;
	expect_all(&from);
	rep_git_close(from.git);
}

/* How many of the sixty are an error; the others must be right. */
static unsigned lost(const char *path, const struct fixture *fixture)
{
	struct rep_buf out = REP_BUF_INIT(65536);
	struct rep_git *git;
	struct rep_error err;
	unsigned errors = 0;
	char text[6000];

	expect_ok(rep_git_open(&git, path, &err), &err);
	for (unsigned i = 0; i < 60; i++) {
		put_text(text, i);
		rep_buf_reset(&out);
		if (rep_git_read(git, &fixture->oids[i], REP_OBJECT_BLOB, &out, &err) == REP_OK) {
			assert_string_equal(rep_buf_str(&out), text);
		} else {
			assert_int_equal(err.code, REP_EINTEGRITY);
			errors++;
		}
	}
	rep_git_close(git);
	rep_buf_clear(&out);
	return errors;
}

/* A bit of a byte, of 120 all over the pack and as many of the index: an object is right, or it is an error; nothing dies. */
static void no_damaged_byte_gets_through(void **state)
{
	struct fixture fixture = fixture_new(state, "flips");
	unsigned noticed[2] = {0};

	shell_ok("git -C %s repack -adfq --depth 50", fixture.path);
	shell_ok(
		"cd %s/objects/pack && chmod u+w * && cp pack-*.pack p.orig && cp pack-*.idx i.orig",
		fixture.path);
	assert_int_equal(lost(fixture.path, &fixture), 0);
	for (unsigned n = 0; n < 240; n++) {
		shell_ok(
			"cd %s/objects/pack && cp p.orig pack-*.pack && cp i.orig pack-*.idx && "
			"f=$(ls pack-*.%s) && s=$(stat -c %%s $f) && o=$((%u * 7919 %% s)) && "
			"b=$(od -An -tu1 -j $o -N 1 $f) && printf \"\\\\$(printf %%o $((b ^ %u)))\" | "
			"dd of=$f bs=1 seek=$o conv=notrunc status=none",
			fixture.path, n % 2 ? "pack" : "idx", n, 1u << n % 8);
		noticed[n % 2] += lost(fixture.path, &fixture) > 0;
	}
	/* The rest is of the tree and the commit, or of checksums that a read does not need. */
	assert_true(noticed[0] > 60);
	assert_true(noticed[1] > 40);
	rep_git_close(fixture.git);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deltas_of_git_are_read),
		cmocka_unit_test(deltas_that_name_their_base_are_read),
		cmocka_unit_test(loose_objects_are_found_by_libgit2),
		cmocka_unit_test(copied_deflated_it_is_the_same_object),
		cmocka_unit_test(no_damaged_byte_gets_through),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
