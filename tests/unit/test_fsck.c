/* git fsck over central, and the names it is told by. */
#include <stdio.h>

#include "help_git.h"
#include "sync/audit/verify_hub.h"
#include "sync/hub/central.h"

struct broken {
	char path[700];
	struct rep_problems problems;
};

/* Three commits, each with a text that is large enough to be deflated by itself. */
static void make(struct broken *broken, void **state, const char *name)
{
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_error err;

	snprintf(broken->path, sizeof broken->path, "%s", scratch(state, name));
	git = create_and_open(broken->path, "main");
	for (int i = 0; i < 3; i++) {
		struct rep_tree *tree;
		struct rep_oid blob, root, head, head_tree = rep_oid_zero, parent;
		char text[400], path[40];
		int64_t time_s;

		for (size_t k = 0; k + 1 < sizeof text; k++)
			text[k] = (char)('a' + (k * k + (size_t)i * 7) % 23);
		text[sizeof text - 1] = '\0';
		expect_ok(rep_pack_new(&pack, git, &err), &err);
		expect_ok(rep_git_ref(git, REP_MAIN, &head, &err), &err);
		if (!rep_oid_is_zero(&head))
			expect_ok(
				rep_git_commit_read(git, &head, &head_tree, &parent, &time_s, &err),
				&err);
		expect_ok(rep_tree_edit(&tree, pack, &head_tree, &err), &err);
		blob = add_blob(pack, text);
		snprintf(path, sizeof path, "data/9e/O-%d/org/O-%d.json", i, i);
		expect_ok(rep_tree_put(tree, path, &blob, false, &err), &err);
		expect_ok(rep_tree_write(tree, &root, &err), &err);
		rep_tree_free(tree);
		(void)commit_on(git, pack, REP_MAIN, &root);
		rep_pack_free(pack);
	}
	rep_git_close(git);
	rep_problems_init(&broken->problems);
}

static void check(struct broken *broken)
{
	struct rep_error err;

	expect_ok(rep_verify_fsck(broken->path, &broken->problems, &err), &err);
}

/* Flips the lowest bit of one byte of a file. */
static void flip(const char *file, const char *at)
{
	shell_ok(
		"chmod u+w '%s' && b=$(dd if='%s' bs=1 skip=%s count=1 2>/dev/null | od -An -tu1) && "
		"printf \"\\\\$(printf '%%03o' $((b ^ 1)))\" | "
		"dd of='%s' bs=1 seek=%s conv=notrunc 2>/dev/null",
		file, file, at, file, at);
}

static const char *first(const struct broken *broken, const char *key)
{
	const struct rep_json *problem = rep_json_at(broken->problems.list, 0);

	assert_non_null(problem);
	return rep_json_get_string(problem, key);
}

static void a_whole_repository_has_no_problem(void **state)
{
	struct broken broken;

	make(&broken, state, "whole.git");
	check(&broken);
	assert_false(rep_problems_any(&broken.problems));
	rep_problems_clear(&broken.problems);
}

static void a_flipped_byte_of_a_blob_is_told_by_path_and_commit(void **state)
{
	struct broken broken;
	char file[4096], at[64], commit[64];

	make(&broken, state, "blob.git");
	shell_ok("cd '%s' && git repack -adq", broken.path);
	snprintf(file, sizeof file, "%s", shell_line("ls '%s'/objects/pack/*.pack", broken.path));
	snprintf(at, sizeof at, "%s",
		 shell_line("cd '%s' && b=$(git rev-parse main:data/9e/O-1/org/O-1.json) && "
			    "git verify-pack -v objects/pack/*.idx | grep ^$b | "
			    "awk '{print $5 + int($4 / 2)}'",
			    broken.path));
	snprintf(commit, sizeof commit, "%s",
		 shell_line("git --git-dir '%s' rev-parse main~1", broken.path));
	flip(file, at);
	check(&broken);
	assert_string_equal(first(&broken, "where"), "data/9e/O-1/org/O-1.json");
	assert_non_null(strstr(first(&broken, "what"), commit));
	rep_problems_clear(&broken.problems);
}

static void an_object_that_is_missing_is_told_by_path(void **state)
{
	struct broken broken;

	make(&broken, state, "missing.git");
	/* All objects loose, one taken away. */
	shell_ok("cd '%s' && mv objects/pack/*.pack . && for p in *.pack; do git unpack-objects -q "
		 "< $p; done && rm -f *.pack objects/pack/* && "
		 "b=$(git rev-parse main:data/9e/O-0/org/O-0.json) && "
		 "rm -f objects/$(echo $b | cut -c1-2)/$(echo $b | cut -c3-)",
		 broken.path);
	check(&broken);
	assert_string_equal(first(&broken, "where"), "data/9e/O-0/org/O-0.json");
	rep_problems_clear(&broken.problems);
}

static void a_truncated_pack_is_a_problem_and_no_crash(void **state)
{
	struct broken broken;

	make(&broken, state, "short.git");
	shell_ok("cd '%s' && git repack -adq && p=$(ls objects/pack/*.pack) && chmod u+w $p && "
		 "truncate -s 100 $p",
		 broken.path);
	check(&broken);
	assert_true(rep_problems_any(&broken.problems));
	rep_problems_clear(&broken.problems);
}

static void what_is_no_repository_is_a_problem(void **state)
{
	struct broken broken = {0};

	snprintf(broken.path, sizeof broken.path, "%s", scratch(state, "nothing.git"));
	rep_problems_init(&broken.problems);
	check(&broken);
	assert_true(rep_problems_any(&broken.problems));
	rep_problems_clear(&broken.problems);
}

static void a_repository_that_cannot_be_written_is_read_all_the_same(void **state)
{
	struct broken broken;

	make(&broken, state, "readonly.git");
	shell_ok("chmod -R a-w '%s'", broken.path);
	check(&broken);
	assert_false(rep_problems_any(&broken.problems));
	shell_ok("chmod -R u+w '%s'", broken.path);
	rep_problems_clear(&broken.problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_repository_has_no_problem),
		cmocka_unit_test(a_flipped_byte_of_a_blob_is_told_by_path_and_commit),
		cmocka_unit_test(an_object_that_is_missing_is_told_by_path),
		cmocka_unit_test(a_truncated_pack_is_a_problem_and_no_crash),
		cmocka_unit_test(what_is_no_repository_is_a_problem),
		cmocka_unit_test(a_repository_that_cannot_be_written_is_read_all_the_same),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
