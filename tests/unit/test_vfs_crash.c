/* No acknowledged edit of an encrypted database is lost when power goes or the process is killed. help_power.h is the disk that loses power. */
#include "help_vfs.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "help_power.h"

static struct rep_error err;

#define STEPS 12

/* Step i of the life of a database: each leaves exactly i rows in `done`. */
static enum rep_code live(struct rep_db *db, int i)
{
	static const char *const deeds[] = {
		"INSERT INTO t (a) VALUES ('one')",
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
		"INSERT INTO t (a) SELECT '" SECRET_TEXT "' || i FROM n",
		"UPDATE t SET a = a || 'x'; UPDATE t SET a = substr(a, 2)",
		"DELETE FROM t WHERE id % 3 = 1",
		"CREATE TABLE IF NOT EXISTS u AS SELECT * FROM t; DROP TABLE u",
	};
	enum rep_code rc;

	if (i % 7 == 6 && (rc = rep_db_compact(db, i % 2, &err)) != REP_OK)
		return rc;
	rc = rep_db_begin(db, &err);
	if (rc == REP_OK)
		rc = rep_db_exec(db, deeds[(size_t)i % 5], &err);
	if (rc == REP_OK)
		rc = rep_db_execf(db, &err, "INSERT INTO done VALUES (%d)", i);
	if (rc != REP_OK) {
		rep_db_abort(db);
		return rc;
	}
	return rep_db_commit(db, &err);
}

static enum rep_code begin_life(struct rep_db **db)
{
	enum rep_code rc = rep_db_open(
		db, vfs_path, &(struct rep_db_options){.create = true, .key = &vfs_key}, &err);

	if (rc == REP_OK)
		rc = rep_db_exec(*db,
				 "PRAGMA cache_size = 8;"
				 "CREATE TABLE IF NOT EXISTS done (i INTEGER PRIMARY KEY);"
				 "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, a TEXT)",
				 &err);
	return rc;
}

static void check_life(const char *at, int acknowledged)
{
	struct rep_db *db = vfs_open(at);
	int64_t rows;

	expect_ok(rep_db_integrity(db, &err), &err);
	vfs_run(db, "CREATE TABLE IF NOT EXISTS done (i INTEGER PRIMARY KEY)");
	rows = db_number(db, "SELECT count(*) FROM done");
	if (rows < acknowledged || rows > acknowledged + 1)
		fail_msg("%d acknowledged, %d there", acknowledged, (int)rows);
	assert_int_equal(rows ? db_number(db, "SELECT max(i) + 1 FROM done") : 0, rows);
	rep_db_close(db);
}

static int lives(int steps)
{
	struct rep_db *db = NULL;
	int acknowledged = 0;

	if (begin_life(&db) == REP_OK)
		while (acknowledged < steps && live(db, acknowledged) == REP_OK)
			acknowledged++;
	rep_db_close(db);
	return acknowledged;
}

/* 240 cuts: at each of the writes and syncs of a life in turn, with what was not synced lost at random. */
static void no_acknowledged_edit_is_lost_in_a_power_cut(void **state)
{
	char image[4200], at[4300];
	long all;

	(void)state;
	snprintf(image, sizeof image, "%s/image", vfs_dir);
	snprintf(at, sizeof at, "%s/a.db", image);
	power_install();
	power_begin(1, 1000000);
	assert_int_equal(lives(STEPS), STEPS);
	all = power_operations();
	for (int i = 0; i < 240; i++) {
		int acknowledged;

		expect_ok(rep_dir_remove(vfs_dir, &err), &err);
		expect_ok(rep_dir_make(image, 0700, &err), &err);
		power_begin((uint64_t)i + 2, 1 + all * i / 240);
		acknowledged = lives(STEPS);
		assert_true(power_is_off());
		power_image(image);
		power_begin(0, 0);
		if (rep_file_exists(at))
			check_life(at, acknowledged);
		else
			assert_int_equal(acknowledged, 0);
	}
	power_uninstall();
}

/* The life goes on in a child; each acknowledged step is a byte in a pipe. */
static void no_acknowledged_edit_is_lost_by_a_kill(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		const struct timespec pause = {.tv_nsec = (i + 1) * 700000L};
		int ends[2], acknowledged = 0, status;
		char byte;
		pid_t pid;

		expect_ok(rep_dir_remove(vfs_dir, &err), &err);
		expect_ok(rep_dir_make(vfs_dir, 0700, &err), &err);
		assert_int_equal(pipe(ends), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct rep_db *db;

			if (begin_life(&db) == REP_OK)
				for (int step = 0; live(db, step) == REP_OK; step++)
					if (write(ends[1], "", 1) != 1)
						break;
			_exit(1);
		}
		close(ends[1]);
		/* The first step, then a while that grows. */
		acknowledged += i > 0 && read(ends[0], &byte, 1) == 1;
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(ends[0], &byte, 1) == 1)
			acknowledged++;
		close(ends[0]);
		check_life(vfs_path, acknowledged);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, vfs_setup, vfs_teardown)
		TEST(no_acknowledged_edit_is_lost_in_a_power_cut),
		TEST(no_acknowledged_edit_is_lost_by_a_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
