#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "help_git.h"
#include "sync/hub/central.h"

struct repo {
	struct rep_git *git;
	struct rep_pack *pack;
	char path[4096];
};

static struct repo open_new(void **state)
{
	static unsigned n;
	struct repo repo;
	char name[32];
	struct rep_error err;

	snprintf(name, sizeof name, "repo%u", n++);
	snprintf(repo.path, sizeof repo.path, "%s", scratch(state, name));
	repo.git = create_and_open(repo.path, "main");
	expect_ok(rep_pack_new(&repo.pack, repo.git, &err), &err);
	return repo;
}

static void close_clean(struct repo *repo)
{
	rep_pack_free(repo->pack);
	rep_git_close(repo->git);
	expect_clean(repo->path);
}

/* One file "a" with `text`, committed on main. */
static struct rep_oid commit_text(struct repo *repo, const char *text)
{
	struct rep_tree *tree;
	struct rep_oid blob = add_blob(repo->pack, text), root;
	struct rep_error err;

	expect_ok(rep_tree_edit(&tree, repo->pack, &rep_oid_zero, &err), &err);
	expect_ok(rep_tree_put(tree, "a", &blob, false, &err), &err);
	expect_ok(rep_tree_write(tree, &root, &err), &err);
	rep_tree_free(tree);
	return commit_on(repo->git, repo->pack, REP_MAIN, &root);
}

static void ids_are_those_of_git(void **state)
{
	struct rep_oid oid, again;
	char hex[REP_OID_HEX + 1];

	(void)state;
	rep_oid_of(&oid, REP_OBJECT_BLOB, "hello\n", 6);
	rep_oid_hex(hex, &oid);
	assert_string_equal(hex, "ce013625030ba8dba906f756967f9e9ca394464a");
	assert_true(rep_oid_parse(&again, hex));
	assert_true(rep_oid_equal(&oid, &again));
	rep_oid_of(&oid, REP_OBJECT_TREE, NULL, 0);
	rep_oid_hex(hex, &oid);
	assert_string_equal(hex, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
}

static void malformed_ids_are_refused(void **state)
{
	static const char *const bad[] = {"",
					  "ce01",
					  "CE013625030ba8dba906f756967f9e9ca394464a",
					  "ce013625030ba8dba906f756967f9e9ca394464",
					  "ce013625030ba8dba906f756967f9e9ca394464a0",
					  "ge013625030ba8dba906f756967f9e9ca394464a"};
	struct rep_oid oid;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(rep_oid_parse(&oid, bad[i]));
}

static void a_created_repository_has_the_config_that_receive_pack_needs(void **state)
{
	static const char *const want[][2] = {{"core.fsync", "all"},
					      {"receive.unpackLimit", "1"},
					      {"receive.fsckObjects", "true"},
					      {"transfer.fsckObjects", "true"},
					      {"receive.autogc", "false"},
					      {"gc.auto", "0"},
					      {"receive.denyNonFastForwards", "true"},
					      {"receive.denyDeletes", "true"},
					      {"uploadpack.allowFilter", "false"},
					      {"core.bare", "true"}};
	struct repo repo = open_new(state);

	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		assert_string_equal(want[i][1],
				    shell_line("git -C %s config %s", repo.path, want[i][0]));
	assert_string_not_equal("", shell_line("git -C %s config receive.maxInputSize", repo.path));
	close_clean(&repo);
}

static void creating_twice_is_told_apart_and_a_half_made_one_is_finished(void **state)
{
	const char *path = scratch(state, "half");
	struct rep_git *git;
	struct rep_error err;

	expect_ok(rep_dir_make(scratch(state, "half/objects"), 0700, &err), &err);
	git = create_and_open(path, "main");
	expect_code(rep_git_create(path, "main", &err), REP_EEXIST, &err, "already");
	rep_git_close(git);
}

static void a_commit_is_there_in_packs_only_and_its_ref_is_a_file(void **state)
{
	struct repo repo = open_new(state);
	struct rep_oid tip = commit_text(&repo, "one"), tree, parent;
	char ref[5000];
	int64_t time_s;
	struct rep_error err;

	snprintf(ref, sizeof ref, "%s/%s", repo.path, REP_MAIN);
	assert_true(rep_file_exists(ref));
	expect_ok(rep_git_commit_read(repo.git, &tip, &tree, &parent, &time_s, &err), &err);
	assert_true(rep_oid_is_zero(&parent));
	assert_int_equal(time_s, 1700000001);
	assert_string_equal("one", shell_line("git -C %s show main:a", repo.path));
	assert_string_equal("王敏 r017 1700000000",
			    shell_line("git -C %s log --format='%%an %%ae %%at' main", repo.path));
	close_clean(&repo);
}

static void names_lose_what_git_refuses(void **state)
{
	struct rep_buf buf = REP_BUF_INIT(4096);
	struct rep_git_commit commit = {.author_name = "a <b>\nparent x",
					.author_email = "",
					.committer_name = " .x",
					.committer_email = "c>",
					.message = "m\n"};

	(void)state;
	rep_git_commit_write(&buf, &commit);
	assert_non_null(strstr(rep_buf_str(&buf), "author a bparent x <unknown> 0 +0000\n"));
	assert_non_null(strstr(rep_buf_str(&buf), "committer x <c> 0 +0000\n\nm\n"));
	assert_null(strstr(rep_buf_str(&buf), "\nparent"));
	rep_buf_clear(&buf);
}

static void a_ref_moves_only_from_the_value_it_has(void **state)
{
	struct repo repo = open_new(state);
	struct rep_oid one = commit_text(&repo, "one"), two = commit_text(&repo, "two"), now;
	struct rep_error err;

	expect_code(rep_git_cas(repo.git, REP_MAIN, &one, &two, &err), REP_EORDER, &err, "not");
	expect_code(rep_git_cas(repo.git, REP_MAIN, &rep_oid_zero, &one, &err), REP_EORDER, &err,
		    "not");
	expect_code(rep_git_cas(repo.git, "refs/heads/other", &one, &two, &err), REP_EORDER, &err,
		    NULL);
	expect_ok(rep_git_ref(repo.git, "refs/heads/other", &now, &err), &err);
	assert_true(rep_oid_is_zero(&now));
	expect_ok(rep_git_cas(repo.git, REP_MAIN, &two, &one, &err), &err);
	expect_ok(rep_git_ref(repo.git, REP_MAIN, &now, &err), &err);
	assert_true(rep_oid_equal(&now, &one));
	close_clean(&repo);
}

static void a_ref_never_names_an_object_that_is_not_there(void **state)
{
	struct repo repo = open_new(state);
	struct rep_oid absent;
	struct rep_error err;

	rep_oid_of(&absent, REP_OBJECT_COMMIT, "x", 1);
	expect_code(rep_git_cas(repo.git, REP_MAIN, &rep_oid_zero, &absent, &err), REP_EINTEGRITY,
		    &err, "not in");
	close_clean(&repo);
}

/* Each of four processes goes round: reads the ref, tries to put its next commit on it. */
static void one_writer(const char *path, int writer)
{
	struct repo repo;
	struct rep_error err;
	int done = 0;

	snprintf(repo.path, sizeof repo.path, "%s", path);
	if (rep_git_open(&repo.git, path, &err) || rep_pack_new(&repo.pack, repo.git, &err))
		_exit(2);
	while (done < 10) {
		struct rep_git_commit commit = {.author_name = "w",
						.author_email = "w",
						.author_s = writer * 1000 + done,
						.committer_name = "w",
						.committer_email = "w",
						.message = "m"};
		struct rep_buf buf = REP_BUF_INIT(4096);
		struct rep_oid oid;
		enum rep_code rc;

		if (rep_pack_add(repo.pack, REP_OBJECT_TREE, NULL, 0, &commit.tree, &err) ||
		    rep_git_ref(repo.git, REP_MAIN, &commit.parent, &err))
			_exit(3);
		rep_git_commit_write(&buf, &commit);
		if (rep_pack_add(repo.pack, REP_OBJECT_COMMIT, buf.data, buf.len, &oid, &err) ||
		    rep_pack_commit(repo.pack, NULL, &err))
			_exit(4);
		rep_buf_clear(&buf);
		rc = rep_git_cas(repo.git, REP_MAIN, &commit.parent, &oid, &err);
		if (rc == REP_OK)
			done++;
		else if (rc != REP_EORDER && rc != REP_EBUSY)
			_exit(5);
	}
	rep_pack_free(repo.pack);
	rep_git_close(repo.git);
	_exit(0);
}

static void no_update_is_lost_under_four_writers(void **state)
{
	struct repo repo = open_new(state);

	(void)commit_text(&repo, "first");
	for (int i = 0; i < 4; i++)
		if (fork() == 0)
			one_writer(repo.path, i);
	for (int i = 0; i < 4; i++) {
		int status = -1;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_string_equal("41", shell_line("git -C %s rev-list --count main", repo.path));
	close_clean(&repo);
}

static void of_two_that_create_a_ref_one_wins(void **state)
{
	struct repo repo = open_new(state);
	struct rep_oid tips[2] = {commit_text(&repo, "one"), commit_text(&repo, "two")};

	for (int round = 0; round < 100; round++) {
		char ref[64];
		int gate[2], winners = 0;

		snprintf(ref, sizeof ref, "refs/heads/r%d", round);
		assert_int_equal(pipe(gate), 0);
		for (int i = 0; i < 2; i++) {
			struct rep_error err;
			char byte;

			if (fork() != 0)
				continue;
			(void)close(gate[1]);
			(void)!read(gate[0], &byte, 1); /* returns when the parent closes its end */
			_exit(rep_git_cas(repo.git, ref, &rep_oid_zero, &tips[i], &err) == REP_OK);
		}
		(void)close(gate[0]);
		(void)close(gate[1]);
		for (int i = 0; i < 2; i++) {
			int status = -1;

			assert_true(wait(&status) > 0);
			winners += WEXITSTATUS(status);
		}
		assert_int_equal(winners, 1);
	}
	close_clean(&repo);
}

static void a_stale_lock_is_busy_with_a_hint_until_the_janitor_ran(void **state)
{
	struct repo repo = open_new(state);
	struct rep_oid one = commit_text(&repo, "one"), two = commit_text(&repo, "two");
	struct rep_error err = {0};

	shell_ok("cd %s && touch refs/heads/main.lock objects/pack/pack_git2_abc "
		 "objects/pack/pack-%040d.idx && mkdir -p objects/tmp_objdir-incoming-X/pack && "
		 "touch objects/tmp_objdir-incoming-X/pack/tmp_pack_1 repsync.lock",
		 repo.path, 0);
	expect_code(rep_git_cas(repo.git, REP_MAIN, &two, &one, &err), REP_EBUSY, &err, "main");
	assert_non_null(strstr(err.hint, "lock"));
	expect_ok(rep_git_janitor(repo.path, &err), &err);
	assert_string_equal("", shell_line("cd %s && find . -name '*.lock' ! -name repsync.lock -o "
					   "-name 'pack_git2*' -o -name 'tmp_*' -o -name "
					   "'pack-000*'",
					   repo.path));
	assert_int_equal(0, shell("test -e %s/repsync.lock", repo.path));
	expect_ok(rep_git_cas(repo.git, REP_MAIN, &two, &one, &err), &err);
	close_clean(&repo);
}

static void reading_asks_for_the_size_before_the_bytes(void **state)
{
	struct repo repo = open_new(state);
	struct rep_buf small = REP_BUF_INIT(3);
	struct rep_oid blob = add_blob(repo.pack, "four"), absent;
	struct rep_error err;
	enum rep_object type;
	size_t size;

	expect_ok(rep_pack_commit(repo.pack, NULL, &err), &err);
	expect_ok(rep_git_header(repo.git, &blob, &type, &size, &err), &err);
	assert_int_equal(type, REP_OBJECT_BLOB);
	assert_int_equal(size, 4);
	expect_code(rep_git_read(repo.git, &blob, REP_OBJECT_BLOB, &small, &err), REP_ELIMIT, &err,
		    "4 bytes");
	expect_code(rep_git_read(repo.git, &blob, REP_OBJECT_TREE, &small, &err), REP_EINTEGRITY,
		    &err, "another type");
	rep_oid_of(&absent, REP_OBJECT_BLOB, "no", 2);
	expect_code(rep_git_read(repo.git, &absent, REP_OBJECT_BLOB, &small, &err), REP_EINTEGRITY,
		    &err, "missing");
	assert_false(rep_git_has(repo.git, &absent));
	rep_buf_clear(&small);
	close_clean(&repo);
}

static void a_flipped_bit_in_a_pack_is_damage(void **state)
{
	struct repo repo = open_new(state);
	struct rep_buf out = REP_BUF_INIT(4096);
	struct rep_oid blob = add_blob(repo.pack, "this text is going to be damaged");
	struct rep_error err;

	expect_ok(rep_pack_commit(repo.pack, NULL, &err), &err);
	rep_pack_free(repo.pack);
	rep_git_close(repo.git);
	shell_ok("cd %s/objects/pack && chmod u+w *.pack && printf '\\377' | "
		 "dd of=$(ls *.pack) bs=1 seek=24 conv=notrunc status=none",
		 repo.path);
	expect_ok(rep_git_open(&repo.git, repo.path, &err), &err);
	expect_code(rep_git_read(repo.git, &blob, REP_OBJECT_BLOB, &out, &err), REP_EINTEGRITY,
		    &err, "damaged");
	rep_git_close(repo.git);
	rep_buf_clear(&out);
}

static void writes_are_synced(void **state)
{
	/* The very program under test makes a commit under strace: pack, index, their folder, the ref
	 * and its folder must be synced, or an acknowledged commit is lost with the power. */
	char *log = NULL;

	if (shell("command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null") != 0)
		skip();
	assert_true(asprintf(&log, "%s", scratch(state, "trace")) > 0);
	shell_ok(
		"ASAN_OPTIONS=detect_leaks=0 strace -f -y -e trace=fsync,fdatasync -o %s %s --commit %s",
		log, self_path(), scratch(state, "traced"));
	assert_int_equal(0, shell("grep -q 'tmp_pack_\\|[.]pack' %s", log));
	assert_int_equal(0, shell("grep -q 'tmp_idx_\\|[.]idx' %s", log));
	assert_int_equal(0, shell("grep -q 'objects/pack>' %s", log));
	assert_int_equal(0, shell("grep -q 'main.lock' %s", log));
	assert_int_equal(0, shell("grep -q 'refs/heads>' %s", log));
	free(log);
}

static int commit_once(const char *path)
{
	struct repo repo;
	struct rep_error err;

	snprintf(repo.path, sizeof repo.path, "%s", path);
	repo.git = create_and_open(path, "main");
	expect_ok(rep_pack_new(&repo.pack, repo.git, &err), &err);
	(void)commit_text(&repo, "text");
	rep_pack_free(repo.pack);
	rep_git_close(repo.git);
	return 0;
}

static void central_paths_fan_out_by_device(void **state)
{
	struct rep_buf out = REP_BUF_INIT(4096);

	(void)state;
	rep_path_journal(&out, "d7k3f9qm", "2026-11-21T02:14:05.123Z", 41, 42);
	rep_buf_putc(&out, ' ');
	rep_path_head(&out, "d7k3f9qm");
	rep_buf_putc(&out, ' ');
	rep_path_receipt(&out, "d7k3f9qm", "2026-11-21T02:14:05.123Z-00f2@d7k3f9qm", 1, 2);
	rep_buf_putc(&out, ' ');
	rep_path_held(&out, "d7k3f9qm", 7, 3);
	rep_buf_putc(&out, ' ');
	rep_path_statement(&out, "2026-11-21T02:14:05.123Z", 12);
	/* printf d7k3f9qm | sha256sum begins with 30 */
	assert_string_equal(rep_buf_str(&out),
			    "journal/30/d7k3f9qm/2026-11/41-42.jsonl journal/30/d7k3f9qm/head.json "
			    "outcomes/30/d7k3f9qm/2026-11/1-2.receipt.json "
			    "held/30/d7k3f9qm/7-3.json statements/2026-11/12.json");
	rep_buf_clear(&out);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_those_of_git),
		cmocka_unit_test(malformed_ids_are_refused),
		cmocka_unit_test(a_created_repository_has_the_config_that_receive_pack_needs),
		cmocka_unit_test(creating_twice_is_told_apart_and_a_half_made_one_is_finished),
		cmocka_unit_test(a_commit_is_there_in_packs_only_and_its_ref_is_a_file),
		cmocka_unit_test(names_lose_what_git_refuses),
		cmocka_unit_test(a_ref_moves_only_from_the_value_it_has),
		cmocka_unit_test(a_ref_never_names_an_object_that_is_not_there),
		cmocka_unit_test(no_update_is_lost_under_four_writers),
		cmocka_unit_test(of_two_that_create_a_ref_one_wins),
		cmocka_unit_test(a_stale_lock_is_busy_with_a_hint_until_the_janitor_ran),
		cmocka_unit_test(reading_asks_for_the_size_before_the_bytes),
		cmocka_unit_test(a_flipped_bit_in_a_pack_is_damage),
		cmocka_unit_test(writes_are_synced),
		cmocka_unit_test(central_paths_fan_out_by_device),
	};

	if (argc == 3 && strcmp(argv[1], "--commit") == 0)
		return commit_once(argv[2]);
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
