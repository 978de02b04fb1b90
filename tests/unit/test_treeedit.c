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

	snprintf(name, sizeof name, "tree%u", n++);
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

/* Applies edits: "path=text" puts, "-path" removes; gives the written root. */
static struct rep_oid edited(struct fixture *fixture, const struct rep_oid *base,
			     const char *const *edits)
{
	struct rep_tree *tree;
	struct rep_oid root, blob;
	struct rep_error err;

	expect_ok(rep_tree_edit(&tree, fixture->pack, base, &err), &err);
	for (; *edits; edits++) {
		const char *text = strchr(*edits, '=');
		char path[256];

		if (**edits == '-') {
			expect_ok(rep_tree_remove(tree, *edits + 1, &err), &err);
			continue;
		}
		snprintf(path, sizeof path, "%.*s", (int)(text - *edits), *edits);
		blob = add_blob(fixture->pack, text + 1);
		expect_ok(rep_tree_put(tree, path, &blob, false, &err), &err);
	}
	expect_ok(rep_tree_write(tree, &root, &err), &err);
	rep_tree_free(tree);
	return root;
}
#define EDITED(fixture, base, ...) edited(fixture, base, (const char *const[]){__VA_ARGS__, NULL})

static const char *listing(struct fixture *fixture, const struct rep_oid *root)
{
	struct rep_error err;
	char hex[REP_OID_HEX + 1];

	expect_ok(rep_pack_commit(fixture->pack, NULL, &err), &err);
	rep_oid_hex(hex, root);
	return shell_line("git -C %s ls-tree -r --name-only %s | tr '\\n' ' '", fixture->path, hex);
}

static void a_tree_is_what_git_makes_of_the_same_files(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid root = EDITED(&fixture, &rep_oid_zero, "a=1", "a.b=2", "b/c/d=3", "a-=4",
				     "b.x=5", "b-y=6", "Z=7", "b0=8", "_=9");
	char hex[REP_OID_HEX + 1];

	rep_oid_hex(hex, &root);
	shell_ok("mkdir -p %s/w/b/c && cd %s/w && git init -q . && printf 1 >a && printf 2 >a.b && "
		 "printf 3 >b/c/d && printf 4 >a- && printf 5 >b.x && printf 6 >b-y && printf 7 >Z "
		 "&& printf 8 >b0 && printf 9 >_ && git add .",
		 fixture.path, fixture.path);
	assert_string_equal(hex, shell_line("cd %s/w && git write-tree", fixture.path));
	shell_ok("rm -rf %s/w", fixture.path);
	fixture_end(&fixture);
}

static void the_order_of_edits_makes_no_difference(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid one = EDITED(&fixture, &rep_oid_zero, "a/b=1", "a/c=2", "d=3");
	struct rep_oid two = EDITED(&fixture, &rep_oid_zero, "d=3", "x/y/z=0", "a/c=9", "a/b=1",
				    "a/c=2", "-x/y/z");

	assert_true(rep_oid_equal(&one, &two));
	fixture_end(&fixture);
}

static void an_edit_writes_only_the_folders_on_its_way(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid root = EDITED(&fixture, &rep_oid_zero, "a/b/c=1", "d/e/f=2", "g=3");
	struct rep_error err;

	expect_ok(rep_pack_commit(fixture.pack, NULL, &err), &err);
	root = EDITED(&fixture, &root, "a/b/c=9");
	assert_int_equal(rep_pack_count(fixture.pack), 4); /* blob, a/b, a, root */
	assert_string_equal("a/b/c d/e/f g ", listing(&fixture, &root));
	fixture_end(&fixture);
}

static void putting_what_is_there_writes_nothing(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid root = EDITED(&fixture, &rep_oid_zero, "a/b=1"), again;
	struct rep_error err;

	expect_ok(rep_pack_commit(fixture.pack, NULL, &err), &err);
	again = EDITED(&fixture, &root, "a/b=1", "-a/x", "-q/r");
	assert_true(rep_oid_equal(&root, &again));
	assert_int_equal(rep_pack_count(fixture.pack), 1); /* the blob that the test added */
	fixture_end(&fixture);
}

static void removing_takes_the_folders_it_leaves_empty(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid root = EDITED(&fixture, &rep_oid_zero, "a/b/c=1", "a/d=2");
	struct rep_oid nothing;

	root = EDITED(&fixture, &root, "-a/b/c");
	assert_string_equal("a/d ", listing(&fixture, &root));
	root = EDITED(&fixture, &root, "-a");
	rep_oid_of(&nothing, REP_OBJECT_TREE, NULL, 0);
	assert_true(rep_oid_equal(&root, &nothing));
	fixture_end(&fixture);
}

static void a_file_gives_way_to_a_folder_and_back(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid root = EDITED(&fixture, &rep_oid_zero, "a=1", "b=2");

	root = EDITED(&fixture, &root, "a/x=3");
	assert_string_equal("a/x b ", listing(&fixture, &root));
	root = EDITED(&fixture, &root, "a=4");
	assert_string_equal("a b ", listing(&fixture, &root));
	fixture_end(&fixture);
}

static void a_subtree_is_put_by_its_id_and_may_be_edited_on(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid part = EDITED(&fixture, &rep_oid_zero, "x/y=1", "z=2"), root, oid, blob;
	struct rep_tree *tree;
	struct rep_error err;
	bool is_tree;

	expect_ok(rep_tree_edit(&tree, fixture.pack, &rep_oid_zero, &err), &err);
	expect_ok(rep_tree_put(tree, "data/part", &part, true, &err), &err);
	expect_ok(rep_tree_get(tree, "data/part", &oid, &is_tree, &err), &err);
	assert_true(is_tree);
	assert_true(rep_oid_equal(&oid, &part));
	blob = add_blob(fixture.pack, "3");
	expect_ok(rep_tree_put(tree, "data/part/x/w", &blob, false, &err), &err);
	expect_ok(rep_tree_get(tree, "data/part", &oid, &is_tree, &err), &err);
	assert_false(rep_oid_equal(&oid, &part));
	expect_ok(rep_tree_get(tree, "data/part/x/w", &oid, &is_tree, &err), &err);
	assert_false(is_tree);
	assert_true(rep_oid_equal(&oid, &blob));
	expect_ok(rep_tree_get(tree, "data/none/x", &oid, &is_tree, &err), &err);
	assert_true(rep_oid_is_zero(&oid));
	expect_ok(rep_tree_write(tree, &root, &err), &err);
	assert_string_equal("data/part/x/w data/part/x/y data/part/z ", listing(&fixture, &root));
	rep_tree_free(tree);
	fixture_end(&fixture);
}

static void paths_that_we_never_make_are_refused(void **state)
{
	static const char *const bad[] = {"",    "/",      "a/",       "/a",   "a//b",
					  "..",  "a/../b", ".",        ".git", "a/.GIT",
					  "a b", "a\nb",   "\xc3\xa9", "a\\b", "a:b"};
	struct fixture fixture = fixture_new(state);
	struct rep_oid blob = add_blob(fixture.pack, "1");
	struct rep_tree *tree;
	struct rep_error err;
	char deep[64] = "a";

	expect_ok(rep_tree_edit(&tree, fixture.pack, &rep_oid_zero, &err), &err);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		expect_code(rep_tree_put(tree, bad[i], &blob, false, &err), REP_EINVAL, &err,
			    "not allowed");
	for (unsigned i = 0; i < 16; i++)
		strcat(deep, "/a");
	expect_code(rep_tree_put(tree, deep, &blob, false, &err), REP_EINVAL, &err, "not allowed");
	rep_tree_free(tree);
	fixture_end(&fixture);
}

/* Raw tree bytes: each entry "<mode> <name>", all with one blob's id. */
static void expect_refused(struct fixture *fixture, const char *const *entries, const char *part)
{
	struct rep_oid blob = add_blob(fixture->pack, "1"), oid;
	struct rep_tree_list list;
	struct rep_buf buf = REP_BUF_INIT(65536);
	struct rep_error err;

	for (; *entries; entries++) {
		rep_buf_put(&buf, *entries, strlen(*entries) + 1);
		rep_buf_put(&buf, blob.bytes, REP_OID_SIZE);
	}
	expect_ok(rep_pack_add(fixture->pack, REP_OBJECT_TREE, buf.data, buf.len, &oid, &err),
		  &err);
	expect_ok(rep_pack_commit(fixture->pack, NULL, &err), &err);
	expect_code(rep_tree_read(fixture->git, &oid, &list, &err), REP_EINTEGRITY, &err, part);
	rep_buf_clear(&buf);
}
#define REFUSED(part, ...) expect_refused(&fixture, (const char *const[]){__VA_ARGS__, NULL}, part)

static void hostile_trees_are_refused_when_read(void **state)
{
	struct fixture fixture = fixture_new(state);
	char name[200] = "100644 ";

	REFUSED("mode", "120000 link");
	REFUSED("mode", "160000 module");
	REFUSED("mode", "100755 run");
	REFUSED("mode", "100777 all");
	REFUSED("mode", "0100644 zero");
	REFUSED("mode", "040000 zero");
	REFUSED("name", "100644 ..");
	REFUSED("name", "100644 .git");
	REFUSED("name", "100644 a/b");
	REFUSED("name", "100644 \xff");
	REFUSED("name", "100644 a\x1b[2J");
	REFUSED("name", "100644 ");
	memset(name + 7, 'n', 129);
	name[7 + 129] = '\0';
	REFUSED("name", name);
	REFUSED("order or twice", "100644 b", "100644 a");
	REFUSED("order or twice", "100644 a", "100644 a");
	REFUSED("order or twice", "100644 a", "100644 a.b", "40000 a");
	/* Such trees are the test's own: fsck would refuse them too. */
	rep_pack_free(fixture.pack);
	rep_git_close(fixture.git);
}

struct seen {
	char text[1024];
	bool stop;
};

static enum rep_code see(void *user, const char *path, const struct rep_oid *old_oid,
			 const struct rep_oid *new_oid, struct rep_error *err)
{
	struct seen *seen = user;
	size_t len = strlen(seen->text);

	snprintf(seen->text + len, sizeof seen->text - len, "%c%s ",
		 rep_oid_is_zero(old_oid)   ? '+'
		 : rep_oid_is_zero(new_oid) ? '-'
					    : '~',
		 path);
	return seen->stop ? rep_fail(err, REP_EUSAGE, "stopped") : REP_OK;
}

static void a_difference_tells_added_removed_and_changed(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid one =
		EDITED(&fixture, &rep_oid_zero, "a/b=1", "a/c=2", "d/e=3", "f=4", "same/x=5");
	struct rep_oid two = EDITED(&fixture, &one, "a/b=9", "-a/c", "d=7", "-f", "f/g=8", "h=0");
	struct seen seen = {0};
	struct rep_error err;

	expect_ok(rep_pack_commit(fixture.pack, NULL, &err), &err);
	expect_ok(rep_tree_diff(fixture.git, &one, &two, see, &seen, &err), &err);
	assert_string_equal(seen.text, "~a/b -a/c +d -d/e -f +f/g +h ");
	seen = (struct seen){0};
	expect_ok(rep_tree_diff(fixture.git, &rep_oid_zero, &one, see, &seen, &err), &err);
	assert_string_equal(seen.text, "+a/b +a/c +d/e +f +same/x ");
	seen = (struct seen){0};
	expect_ok(rep_tree_diff(fixture.git, &one, &one, see, &seen, &err), &err);
	assert_string_equal(seen.text, "");
	seen = (struct seen){.stop = true};
	expect_code(rep_tree_diff(fixture.git, &one, &two, see, &seen, &err), REP_EUSAGE, &err,
		    "stopped");
	assert_string_equal(seen.text, "~a/b ");
	fixture_end(&fixture);
}

static void a_path_is_found_or_tells_that_it_is_not(void **state)
{
	struct fixture fixture = fixture_new(state);
	struct rep_oid root = EDITED(&fixture, &rep_oid_zero, "a/b/c=1", "d=2"), oid, want;
	struct rep_error err;
	bool is_tree;

	want = add_blob(fixture.pack, "1");
	expect_ok(rep_pack_commit(fixture.pack, NULL, &err), &err);
	expect_ok(rep_tree_find(fixture.git, &root, "a/b/c", &oid, &is_tree, &err), &err);
	assert_true(rep_oid_equal(&oid, &want));
	assert_false(is_tree);
	expect_ok(rep_tree_find(fixture.git, &root, "a/b", &oid, &is_tree, &err), &err);
	assert_true(is_tree);
	expect_ok(rep_tree_find(fixture.git, &root, "a/x/c", &oid, &is_tree, &err), &err);
	assert_true(rep_oid_is_zero(&oid));
	expect_ok(rep_tree_find(fixture.git, &root, "d/x", &oid, &is_tree, &err), &err);
	assert_true(rep_oid_is_zero(&oid));
	expect_ok(rep_tree_find(fixture.git, &rep_oid_zero, "d", &oid, &is_tree, &err), &err);
	assert_true(rep_oid_is_zero(&oid));
	fixture_end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_is_what_git_makes_of_the_same_files),
		cmocka_unit_test(the_order_of_edits_makes_no_difference),
		cmocka_unit_test(an_edit_writes_only_the_folders_on_its_way),
		cmocka_unit_test(putting_what_is_there_writes_nothing),
		cmocka_unit_test(removing_takes_the_folders_it_leaves_empty),
		cmocka_unit_test(a_file_gives_way_to_a_folder_and_back),
		cmocka_unit_test(a_subtree_is_put_by_its_id_and_may_be_edited_on),
		cmocka_unit_test(paths_that_we_never_make_are_refused),
		cmocka_unit_test(hostile_trees_are_refused_when_read),
		cmocka_unit_test(a_difference_tells_added_removed_and_changed),
		cmocka_unit_test(a_path_is_found_or_tells_that_it_is_not),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
