#include "help.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"

static char *folder;

static const char *in_folder(const char *name)
{
	static char paths[4][4096];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	struct rep_error err;

	(void)state;
	expect_ok(rep_dir_private(&folder, "repsync-test", &err), &err);
	return 0;
}

static int remove_folder(void **state)
{
	struct rep_error err;

	(void)state;
	expect_ok(rep_dir_remove(folder, &err), &err);
	assert_false(rep_file_exists(folder));
	free(folder);
	folder = NULL;
	return 0;
}

static void a_private_folder_is_private(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void what_is_written_is_read(void **state)
{
	struct rep_buf out = REP_BUF_INIT(100000);
	struct rep_error err;
	struct stat st;
	char data[70000];

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 7);
	expect_ok(rep_file_write(in_folder("f"), "first", 5, 0600, &err), &err);
	expect_ok(rep_file_write(in_folder("f"), data, sizeof data, 0640, &err), &err);
	expect_ok(rep_file_read(&out, in_folder("f"), &err), &err);
	assert_int_equal(out.len, sizeof data);
	assert_memory_equal(out.data, data, sizeof data);
	assert_int_equal(stat(in_folder("f"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	rep_buf_clear(&out);
	expect_ok(rep_file_write(in_folder("f"), "", 0, 0600, &err), &err);
	expect_ok(rep_file_read(&out, in_folder("f"), &err), &err);
	assert_int_equal(out.len, 0);
}

static void a_failed_write_leaves_the_old_file_and_nothing_else(void **state)
{
	struct rep_buf out = REP_BUF_INIT(100);
	struct rep_error err;

	(void)state;
	expect_ok(rep_dir_make(in_folder("taken"), 0700, &err), &err);
	expect_ok(rep_file_write(in_folder("taken/x"), "x", 1, 0600, &err), &err);
	expect_code(rep_file_write(in_folder("taken"), "y", 1, 0600, &err), REP_EIO, &err, "taken");
	expect_ok(rep_file_read(&out, in_folder("taken/x"), &err), &err);
	expect_ok(rep_dir_remove(in_folder("taken"), &err), &err);
	/* rmdir works only if no temporary file was left. */
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	expect_code(rep_file_write(in_folder("no/such"), "y", 1, 0600, &err), REP_ENOTFOUND, &err,
		    "No such file");
	rep_buf_clear(&out);
}

static void a_file_larger_than_the_limit_is_refused(void **state)
{
	struct rep_buf out = REP_BUF_INIT(4);
	struct rep_error err;

	(void)state;
	expect_ok(rep_file_write(in_folder("f"), "12345", 5, 0600, &err), &err);
	expect_code(rep_file_read(&out, in_folder("f"), &err), REP_ELIMIT, &err, "5 bytes");
	assert_null(out.data);
}

static void what_is_no_regular_file_is_refused(void **state)
{
	struct rep_buf out = REP_BUF_INIT(100);
	struct rep_error err;

	(void)state;
	expect_code(rep_file_read(&out, folder, &err), REP_EINVAL, &err, "regular file");
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	expect_code(rep_file_read(&out, in_folder("fifo"), &err), REP_EINVAL, &err, "regular");
	expect_code(rep_file_read(&out, "/dev/null", &err), REP_EINVAL, &err, "regular");
	expect_code(rep_file_read(&out, in_folder("absent"), &err), REP_ENOTFOUND, &err,
		    "No such file");
}

static void folders_are_made_with_their_parents(void **state)
{
	struct rep_error err;

	(void)state;
	expect_ok(rep_dir_make(in_folder("a//b/c/"), 0700, &err), &err);
	assert_true(rep_file_is_dir(in_folder("a/b/c")));
	expect_ok(rep_dir_make(in_folder("a/b/c"), 0700, &err), &err);
	expect_ok(rep_file_write(in_folder("a/file"), "x", 1, 0600, &err), &err);
	expect_code(rep_dir_make(in_folder("a/file/d"), 0700, &err), REP_EIO, &err, "a/file");
	assert_false(rep_file_is_dir(in_folder("a/file")));
}

static void removal_follows_no_link(void **state)
{
	struct rep_error err;

	(void)state;
	expect_ok(rep_dir_make(in_folder("kept"), 0700, &err), &err);
	expect_ok(rep_file_write(in_folder("kept/x"), "x", 1, 0600, &err), &err);
	expect_ok(rep_dir_make(in_folder("gone/deep/er"), 0700, &err), &err);
	assert_int_equal(symlink(in_folder("kept"), in_folder("gone/deep/link")), 0);
	assert_int_equal(symlink("/nowhere", in_folder("gone/broken")), 0);
	expect_ok(rep_dir_remove(in_folder("gone"), &err), &err);
	assert_false(rep_file_exists(in_folder("gone")));
	assert_true(rep_file_exists(in_folder("kept/x")));
	expect_ok(rep_dir_remove(in_folder("gone"), &err), &err);
	assert_int_equal(symlink(in_folder("kept"), in_folder("link")), 0);
	expect_ok(rep_dir_remove(in_folder("link"), &err), &err);
	assert_true(rep_file_exists(in_folder("kept/x")));
}

/* A child tries the lock; its exit status is the code. */
static int try_in_child(const char *path)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct rep_lock *lock;
		struct rep_error err;

		_exit((int)rep_lock_take(&lock, path, "the replica", false, &err));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_lock_excludes_other_processes_until_freed(void **state)
{
	struct rep_lock *lock, *second;
	struct rep_error err;

	(void)state;
	expect_ok(rep_lock_take(&lock, in_folder("lock"), "the replica", false, &err), &err);
	assert_int_equal(try_in_child(in_folder("lock")), REP_EBUSY);
	expect_code(rep_lock_take(&second, in_folder("lock"), "the replica", false, &err),
		    REP_EBUSY, &err, "the replica");
	assert_null(second);
	rep_lock_free(lock);
	assert_int_equal(try_in_child(in_folder("lock")), REP_OK);
	expect_ok(rep_lock_take(&lock, in_folder("lock"), "the replica", true, &err), &err);
	rep_lock_free(lock);
	rep_lock_free(NULL);
}

static void a_lock_dies_with_its_holder(void **state)
{
	int ready[2], status;
	char byte;
	pid_t child;
	struct rep_lock *lock;
	struct rep_error err;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (rep_lock_take(&lock, in_folder("lock"), "it", false, &err) != REP_OK)
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(try_in_child(in_folder("lock")), REP_EBUSY);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(try_in_child(in_folder("lock")), REP_OK);
	close(ready[0]);
	close(ready[1]);
}

static void a_lock_is_not_made_through_a_link(void **state)
{
	struct rep_lock *lock;
	struct rep_error err;

	(void)state;
	assert_int_equal(symlink(in_folder("elsewhere"), in_folder("lock")), 0);
	expect_code(rep_lock_take(&lock, in_folder("lock"), "it", false, &err), REP_EIO, &err,
		    "lock");
	assert_false(rep_file_exists(in_folder("elsewhere")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_private_folder_is_private),
		TEST(what_is_written_is_read),
		TEST(a_failed_write_leaves_the_old_file_and_nothing_else),
		TEST(a_file_larger_than_the_limit_is_refused),
		TEST(what_is_no_regular_file_is_refused),
		TEST(folders_are_made_with_their_parents),
		TEST(removal_follows_no_link),
		TEST(a_lock_excludes_other_processes_until_freed),
		TEST(a_lock_dies_with_its_holder),
		TEST(a_lock_is_not_made_through_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
