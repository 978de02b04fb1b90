#include <stdio.h>

#include "help_git.h"

struct fixture {
	struct rep_git *git;
	struct rep_pack *pack;
	char path[4096];
};

static struct fixture fixture_new(void **state)
{
	static unsigned n;
	struct fixture fixture;
	struct rep_error err;
	char name[32];

	snprintf(name, sizeof name, "pack%u", n++);
	snprintf(fixture.path, sizeof fixture.path, "%s", scratch(state, name));
	fixture.git = create_and_open(fixture.path, "main");
	expect_ok(rep_pack_new(&fixture.pack, fixture.git, &err), &err);
	return fixture;
}

static void fixture_end(struct fixture *fixture)
{
	rep_pack_free(fixture->pack);
	rep_git_close(fixture->git);
	expect_clean(fixture->path);
}

/* `size` bytes that do not deflate well, different for each seed. */
static char *noise(size_t size, unsigned seed)
{
	char *data = malloc(size + 1);
	uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;

	assert_non_null(data);
	for (size_t i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		data[i] = (char)(x & 0xff);
	}
	data[size] = '\0';
	return data;
}

static void expect_bytes(struct fixture *fixture, const struct rep_oid *oid, const char *data,
			 size_t len, bool from_pack)
{
	struct rep_buf out = REP_BUF_INIT(64u * 1024u * 1024u);
	struct rep_error err;

	if (from_pack)
		expect_ok(rep_pack_read(fixture->pack, oid, REP_OBJECT_BLOB, &out, &err), &err);
	else
		expect_ok(rep_git_read(fixture->git, oid, REP_OBJECT_BLOB, &out, &err), &err);
	assert_int_equal(out.len, len);
	if (len > 0)
		assert_memory_equal(out.data, data, len);
	rep_buf_clear(&out);
}

static void objects_of_every_size_come_back_as_they_went_in(void **state)
{
	static const size_t sizes[] = {0,    1,    15,   16,    17,    2047,
				       2048, 4096, 4097, 65535, 65536, 7 * 1024 * 1024};
	struct fixture fixture = fixture_new(state);
	struct rep_oid oids[12];
	struct rep_error err;
	uint64_t written = 0;

	for (size_t i = 0; i < 12; i++) {
		char *data = noise(sizes[i], (unsigned)i);

		expect_ok(
			rep_pack_add(fixture.pack, REP_OBJECT_BLOB, data, sizes[i], &oids[i], &err),
			&err);
		expect_bytes(&fixture, &oids[i], data, sizes[i], true);
		free(data);
	}
	expect_ok(rep_pack_commit(fixture.pack, &written, &err), &err);
	assert_true(written > 7 * 1024 * 1024);
	assert_int_equal(rep_pack_count(fixture.pack), 0);
	for (size_t i = 0; i < 12; i++) {
		char *data = noise(sizes[i], (unsigned)i);

		expect_bytes(&fixture, &oids[i], data, sizes[i], false);
		free(data);
	}
	fixture_end(&fixture);
}

static void the_index_is_byte_for_byte_what_git_writes(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_error err;
	struct rep_oid oid;

	for (unsigned i = 0; i < 700; i++) {
		char *data = noise(i % 90, i);

		expect_ok(rep_pack_add(fixture.pack, i % 2 ? REP_OBJECT_BLOB : REP_OBJECT_COMMIT,
				       data, i % 90, &oid, &err),
			  &err);
		free(data);
	}
	expect_ok(rep_pack_commit(fixture.pack, NULL, &err), &err);
	shell_ok(
		"cd %s/objects/pack && git index-pack -o again.idx pack-*.pack && cmp again.idx pack-*.idx",
		fixture.path);
	/* Named after the bytes that end it, as git does. */
	shell_ok(
		"cd %s/objects/pack && test -f pack-$(tail -c 20 pack-*.pack | od -An -tx1 | tr -d ' \\n').pack",
		fixture.path);
	rep_pack_free(fixture.pack);
	rep_git_close(fixture.git);
}

static void an_object_is_kept_once(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid first = add_blob(fixture.pack, "same"), second, tree;
	struct rep_error err;

	second = add_blob(fixture.pack, "same");
	assert_true(rep_oid_equal(&first, &second));
	assert_int_equal(rep_pack_count(fixture.pack), 1);
	expect_ok(rep_pack_add(fixture.pack, REP_OBJECT_TREE, NULL, 0, &tree, &err), &err);
	assert_int_equal(rep_pack_count(fixture.pack), 2);
	assert_true(rep_pack_has(fixture.pack, &tree));
	fixture_end(&fixture);
}

static void nothing_is_written_before_commit_nor_for_nothing(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid oid;
	struct rep_error err;
	uint64_t size = 1;

	expect_ok(rep_pack_commit(fixture.pack, &size, &err), &err);
	assert_int_equal(size, 0);
	oid = add_blob(fixture.pack, "dropped");
	assert_false(rep_git_has(fixture.git, &oid));
	assert_string_equal("0", shell_line("ls %s/objects/pack | wc -l", fixture.path));
	fixture_end(&fixture);
}

static void a_pack_may_be_filled_again_after_commit(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid one = add_blob(fixture.pack, "one"), two;
	struct rep_error err;

	expect_ok(rep_pack_commit(fixture.pack, NULL, &err), &err);
	two = add_blob(fixture.pack, "two");
	expect_ok(rep_pack_commit(fixture.pack, NULL, &err), &err);
	expect_bytes(&fixture, &one, "one", 3, false);
	expect_bytes(&fixture, &two, "two", 3, true);
	assert_string_equal("4", shell_line("ls %s/objects/pack | wc -l", fixture.path));
	fixture_end(&fixture);
}

static void ten_thousand_objects_spill_and_are_all_found(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid oid, probe = {0};
	struct rep_error err;
	char *expected = NULL;

	for (unsigned i = 0; i < 10000; i++) {
		char *data = noise(700, i);

		expect_ok(rep_pack_add(fixture.pack, REP_OBJECT_BLOB, data, 700, &oid, &err), &err);
		if (i == 77) {
			probe = oid;
			expected = data;
		} else {
			free(data);
		}
	}
	expect_bytes(&fixture, &probe, expected, 700, true);
	expect_ok(rep_pack_commit(fixture.pack, NULL, &err), &err);
	expect_bytes(&fixture, &probe, expected, 700, false);
	free(expected);
	assert_string_equal("10000", shell_line("cd %s && git count-objects -v | "
						"sed -n 's/in-pack: //p'",
						fixture.path));
	fixture_end(&fixture);
}

static void reading_obeys_limit_and_type(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_buf small = REP_BUF_INIT(3);
	struct rep_oid oid = add_blob(fixture.pack, "four");
	struct rep_error err;

	expect_code(rep_pack_read(fixture.pack, &oid, REP_OBJECT_BLOB, &small, &err), REP_ELIMIT,
		    &err, "4 bytes");
	expect_code(rep_pack_read(fixture.pack, &oid, REP_OBJECT_TREE, &small, &err),
		    REP_EINTEGRITY, &err, "type");
	rep_buf_clear(&small);
	fixture_end(&fixture);
}

/* A tree of three folders with `text` in x/y/c. */
static struct rep_oid plant(struct fixture *fixture, const char *text)
{
	struct rep_oid blob = add_blob(fixture->pack, text), same, root;
	struct rep_tree *tree;
	struct rep_error err;

	same = add_blob(fixture->pack, "same");
	expect_ok(rep_tree_edit(&tree, fixture->pack, &rep_oid_zero, &err), &err);
	expect_ok(rep_tree_put(tree, "x/y/c", &blob, false, &err), &err);
	expect_ok(rep_tree_put(tree, "x/z/d", &same, false, &err), &err);
	expect_ok(rep_tree_put(tree, "w/e", &same, false, &err), &err);
	expect_ok(rep_tree_write(tree, &root, &err), &err);
	rep_tree_free(tree);
	return root;
}

static void copying_moves_only_what_the_other_side_lacks(void **state)
{
	struct fixture from = fixture_new(state), to = fixture_new(state);
	struct rep_oid one = plant(&from, "one"), two;
	struct rep_error err;

	(void)commit_on(from.git, from.pack, "refs/heads/main", &one);
	two = plant(&from, "two");
	(void)commit_on(from.git, from.pack, "refs/heads/main", &two);
	expect_ok(rep_pack_copy_tree(to.pack, from.git, &one, &rep_oid_zero, &err), &err);
	/* root, x, x/y, x/z, w and the two blobs */
	assert_int_equal(rep_pack_count(to.pack), 7);
	expect_ok(rep_pack_commit(to.pack, NULL, &err), &err);
	expect_ok(rep_pack_copy_tree(to.pack, from.git, &two, &one, &err), &err);
	/* root, x, x/y and the blob */
	assert_int_equal(rep_pack_count(to.pack), 4);
	expect_ok(rep_pack_commit(to.pack, NULL, &err), &err);
	expect_ok(rep_pack_copy_tree(to.pack, from.git, &two, &rep_oid_zero, &err), &err);
	assert_int_equal(rep_pack_count(to.pack), 0);
	assert_string_equal("two", shell_line("git -C %s cat-file -p $(git -C %s rev-parse "
					      "main:x/y/c)",
					      to.path, from.path));
	fixture_end(&from);
	fixture_end(&to);
}

static void copied_commits_make_a_whole_repository(void **state)
{
	struct fixture from = fixture_new(state), to = fixture_new(state);
	struct rep_oid tip = {0}, first = {0};
	struct rep_error err;

	for (unsigned i = 0; i < 5; i++) {
		char text[8];
		struct rep_oid root;

		snprintf(text, sizeof text, "t%u", i);
		root = plant(&from, text);
		tip = commit_on(from.git, from.pack, "refs/heads/main", &root);
		if (i == 0)
			first = tip;
	}
	expect_code(rep_pack_copy_commits(to.pack, from.git, &tip, &rep_oid_zero, 4, &err),
		    REP_ELIMIT, &err, "4 commits");
	rep_pack_free(to.pack);
	expect_ok(rep_pack_new(&to.pack, to.git, &err), &err);
	expect_ok(rep_pack_copy_commits(to.pack, from.git, &first, &rep_oid_zero, 10, &err), &err);
	expect_ok(rep_pack_commit(to.pack, NULL, &err), &err);
	expect_ok(rep_pack_copy_commits(to.pack, from.git, &tip, &rep_oid_zero, 4, &err), &err);
	/* 4 times commit, root, x, x/y and blob */
	assert_int_equal(rep_pack_count(to.pack), 20);
	expect_ok(rep_pack_commit(to.pack, NULL, &err), &err);
	expect_ok(rep_git_cas(to.git, "refs/heads/main", &rep_oid_zero, &tip, &err), &err);
	assert_string_equal("5", shell_line("git -C %s rev-list --count main", to.path));
	fixture_end(&from);
	fixture_end(&to);
}

/* Folders beside the one that changes and changes back are shared with the commit before, all the way. */
static void what_changed_and_changed_back_is_copied_with_all_beneath(void **state)
{
	static const char *const texts[] = {"a", "b", "a"};
	struct fixture from = fixture_new(state), to = fixture_new(state);
	struct rep_oid tip = {0};
	struct rep_error err;

	for (unsigned i = 0; i < 3; i++) {
		struct rep_oid root = plant(&from, texts[i]);

		tip = commit_on(from.git, from.pack, "refs/heads/main", &root);
	}
	expect_ok(rep_pack_copy_commits(to.pack, from.git, &tip, &rep_oid_zero, 10, &err), &err);
	expect_ok(rep_pack_commit(to.pack, NULL, &err), &err);
	expect_ok(rep_git_cas(to.git, "refs/heads/main", &rep_oid_zero, &tip, &err), &err);
	assert_string_equal("3", shell_line("git -C %s rev-list --count main", to.path));
	fixture_end(&from);
	fixture_end(&to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_of_every_size_come_back_as_they_went_in),
		cmocka_unit_test(the_index_is_byte_for_byte_what_git_writes),
		cmocka_unit_test(an_object_is_kept_once),
		cmocka_unit_test(nothing_is_written_before_commit_nor_for_nothing),
		cmocka_unit_test(a_pack_may_be_filled_again_after_commit),
		cmocka_unit_test(ten_thousand_objects_spill_and_are_all_found),
		cmocka_unit_test(reading_obeys_limit_and_type),
		cmocka_unit_test(copying_moves_only_what_the_other_side_lacks),
		cmocka_unit_test(copied_commits_make_a_whole_repository),
		cmocka_unit_test(what_changed_and_changed_back_is_copied_with_all_beneath),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
