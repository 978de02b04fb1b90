#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "help_git.h"
#include "sync/mailbox/private.h"

#define KIND "repsync-test-private"

/* A folder of a process that died without removing it, or (with a pipe) lives until the pipe is closed. */
static char *folder_of_another(int gate, pid_t *pid)
{
	char path[4096] = "";
	int told[2];

	assert_int_equal(pipe(told), 0);
	*pid = fork();
	if (*pid == 0) {
		struct rep_private folder;
		struct rep_error err;
		char byte;

		if (rep_private_make(&folder, KIND, &err) != REP_OK)
			_exit(1);
		if (write(told[1], folder.path, strlen(folder.path)) < 0)
			_exit(1);
		(void)close(told[1]);
		if (gate >= 0)
			(void)!read(gate, &byte, 1);
		_exit(0);
	}
	(void)close(told[1]);
	assert_true(read(told[0], path, sizeof path - 1) > 0);
	(void)close(told[0]);
	return strdup(path);
}

static char *parent_of(const char *path)
{
	char *parent = strdup(path);

	assert_non_null(parent);
	*strrchr(parent, '/') = '\0';
	return parent;
}

static void a_folder_of_the_dead_is_removed_once_it_is_a_minute_old(void **state)
{
	pid_t pid;
	char *path = folder_of_another(-1, &pid), *parent = parent_of(path);

	(void)state;
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	rep_private_sweep(parent, KIND, time(NULL));
	assert_true(rep_file_is_dir(path));
	rep_private_sweep(parent, "repsync-test-other", time(NULL) + 120);
	assert_true(rep_file_is_dir(path));
	rep_private_sweep(parent, KIND, time(NULL) + 120);
	assert_false(rep_file_is_dir(path));
	free(path);
	free(parent);
}

static void a_folder_of_the_living_is_left_alone(void **state)
{
	int gate[2];
	char *path, *parent;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(gate), 0);
	path = folder_of_another(gate[0], &pid);
	parent = parent_of(path);
	rep_private_sweep(parent, KIND, time(NULL) + 120);
	assert_true(rep_file_is_dir(path));
	assert_int_equal(write(gate[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	rep_private_sweep(parent, KIND, time(NULL) + 120);
	assert_false(rep_file_is_dir(path));
	(void)close(gate[0]);
	(void)close(gate[1]);
	free(path);
	free(parent);
}

static void ones_own_folder_goes_when_it_is_removed(void **state)
{
	struct rep_private folder = {0};
	struct rep_error err;
	char *path;

	(void)state;
	rep_private_remove(&folder);
	expect_ok(rep_private_make(&folder, KIND, &err), &err);
	path = strdup(folder.path);
	assert_true(rep_file_is_dir(path));
	rep_private_remove(&folder);
	rep_private_remove(&folder);
	assert_false(rep_file_is_dir(path));
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_of_the_dead_is_removed_once_it_is_a_minute_old),
		cmocka_unit_test(a_folder_of_the_living_is_left_alone),
		cmocka_unit_test(ones_own_folder_goes_when_it_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
