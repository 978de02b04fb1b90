/* The traps of an encrypting VFS, each a test; damage and crashes have files of their own. */
#include "help_vfs.h"

#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/db_raw.h"
#include "core/store/vfs_work.h"

static struct rep_error err;

/* ---- what is seen of it ---- */

static void what_is_written_is_read_again(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);

	(void)state;
	vfs_fill(db, 2000);
	assert_int_equal(db_number(db, "PRAGMA page_size"), 4096);
	rep_db_close(db);
	assert_false(rep_file_exists(vfs_log));
	db = vfs_open(vfs_path);
	assert_int_equal(db_number(db, "SELECT count(*) FROM t WHERE a LIKE '" SECRET_TEXT "%'"),
			 2000);
	expect_ok(rep_db_integrity(db, &err), &err);
	rep_db_close(db);
}

static bool lies_in(const char *file, const char *text)
{
	struct rep_buf bytes = file_bytes(file);
	bool found = memmem(bytes.data, bytes.len, text, strlen(text)) != NULL;

	rep_buf_clear(&bytes);
	return found;
}

static void nothing_readable_lies_in_file_or_log(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);

	(void)state;
	vfs_fill(db, 500);
	assert_false(lies_in(vfs_log, "139000"));
	assert_false(lies_in(vfs_log, "SQLite"));
	assert_false(lies_in(vfs_log, "CREATE TABLE"));
	rep_db_close(db);
	assert_false(lies_in(vfs_path, "139000"));
	assert_false(lies_in(vfs_path, "SQLite"));
	assert_false(lies_in(vfs_path, "CREATE TABLE"));
}

static void the_same_page_never_looks_the_same(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);
	struct rep_buf before, after;

	(void)state;
	vfs_run(db, "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
	expect_ok(rep_db_compact(db, false, &err), &err);
	before = file_bytes(vfs_path);
	vfs_run(db, "UPDATE t SET a = 2");
	vfs_run(db, "UPDATE t SET a = 1");
	expect_ok(rep_db_compact(db, false, &err), &err);
	after = file_bytes(vfs_path);
	assert_int_equal(before.len, after.len);
	for (size_t at = REP_VFS_HEAD_SIZE + PAGE; at + 16 <= before.len; at += 16)
		assert_memory_not_equal(before.data + at, after.data + at, 16);
	rep_buf_clear(&before);
	rep_buf_clear(&after);
	rep_db_close(db);
}

static void another_key_or_salt_opens_nothing(void **state)
{
	struct rep_db_key other = vfs_key;
	struct rep_db *db = vfs_open(vfs_path);

	(void)state;
	vfs_fill(db, 10);
	rep_db_close(db);
	other.key[31] ^= 1;
	expect_code(rep_db_open(&db, vfs_path, &(struct rep_db_options){.key = &other}, &err),
		    REP_EINTEGRITY, &err, "does not verify");
	other = vfs_key;
	other.salt[0] ^= 1;
	expect_code(rep_db_open(&db, vfs_path, &(struct rep_db_options){.key = &other}, &err),
		    REP_EINTEGRITY, &err, "does not verify");
	expect_code(rep_db_open(&db, vfs_path, &(struct rep_db_options){.create = false}, &err),
		    REP_EINTEGRITY, &err, "not a database");
}

static void opened_for_reading_it_is_not_written(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);

	(void)state;
	vfs_fill(db, 10);
	rep_db_close(db);
	expect_ok(rep_db_open(&db, vfs_path,
			      &(struct rep_db_options){.read_only = true, .key = &vfs_key}, &err),
		  &err);
	assert_int_equal(db_number(db, "SELECT count(*) FROM t"), 10);
	assert_int_not_equal(rep_db_exec(db, "DELETE FROM t", &err), REP_OK);
	rep_db_close(db);
}

static void vacuum_keeps_it_encrypted(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);

	(void)state;
	vfs_fill(db, 3000);
	vfs_run(db, "DELETE FROM t WHERE id % 2");
	expect_ok(rep_db_compact(db, true, &err), &err);
	assert_false(lies_in(vfs_path, "139000"));
	rep_db_close(db);
	db = vfs_open(vfs_path);
	assert_int_equal(db_number(db, "SELECT count(*) FROM t"), 1500);
	expect_ok(rep_db_integrity(db, &err), &err);
	rep_db_close(db);
}

/* ---- what SQLite asks of it ---- */

static sqlite3_file *raw_file(struct rep_db *db)
{
	sqlite3_file *file = NULL;

	sqlite3_file_control(db->raw, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	assert_non_null(file);
	return file;
}

static void reserved_bytes_read_as_zero(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);
	uint8_t page[PAGE];
	sqlite3_file *file;

	(void)state;
	vfs_fill(db, 500);
	expect_ok(rep_db_compact(db, false, &err), &err);
	file = raw_file(db);
	for (int i = 0; i < 3; i++) {
		memset(page, 0xff, sizeof page);
		assert_int_equal(file->pMethods->xRead(file, page, PAGE, i * (int)PAGE), SQLITE_OK);
		assert_true(rep_vfs_is_zero(page + USABLE, REP_CIPHER_EXTRA));
	}
	assert_int_equal(page[0] == 0 && page[1] == 0, false);
	/* What SQLite leaves there when it writes is not kept either. */
	memset(page, 0xab, sizeof page);
	assert_int_equal(file->pMethods->xWrite(file, page, PAGE, 2 * (int)PAGE), SQLITE_OK);
	assert_int_equal(file->pMethods->xRead(file, page, PAGE, 2 * (int)PAGE), SQLITE_OK);
	assert_int_equal(page[USABLE - 1], 0xab);
	assert_true(rep_vfs_is_zero(page + USABLE, REP_CIPHER_EXTRA));
	rep_db_close(db);
}

static void sectors_are_pages_and_there_are_no_maps(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);
	sqlite3_file *file;

	(void)state;
	vfs_fill(db, 100);
	vfs_run(db, "PRAGMA mmap_size = 1048576");
	file = raw_file(db);
	assert_int_equal(file->pMethods->iVersion, 2);
	assert_null(file->pMethods->xFetch);
	assert_int_equal(file->pMethods->xSectorSize(file), 4096);
	assert_int_equal(file->pMethods->xDeviceCharacteristics(file),
			 SQLITE_IOCAP_POWERSAFE_OVERWRITE);
	assert_int_equal(db_number(db, "SELECT count(*) FROM t"), 100);
	rep_db_close(db);
}

static void pieces_of_pages_are_refused(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);
	uint8_t page[2 * PAGE] = {0};
	sqlite3_file *file;

	(void)state;
	vfs_fill(db, 100);
	expect_ok(rep_db_compact(db, false, &err), &err);
	file = raw_file(db);
	assert_int_equal(file->pMethods->xWrite(file, page, 512, PAGE), SQLITE_IOERR_WRITE);
	assert_int_equal(file->pMethods->xWrite(file, page, PAGE, 512), SQLITE_IOERR_WRITE);
	assert_int_equal(file->pMethods->xWrite(file, page, 2 * PAGE, PAGE), SQLITE_IOERR_WRITE);
	assert_int_equal(file->pMethods->xRead(file, page, 512, PAGE), SQLITE_IOERR_READ);
	rep_db_close(db);
}

static void rollback_journals_are_refused(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);
	char journal[4200];

	(void)state;
	snprintf(journal, sizeof journal, "%s-journal", vfs_path);
	vfs_fill(db, 10);
	expect_code(rep_db_exec(db, "PRAGMA journal_mode = DELETE", &err), REP_EIO, &err,
		    "unable to open");
	/* It goes on by its log. */
	vfs_run(db, "BEGIN; UPDATE t SET a = 'other'");
	assert_false(rep_file_exists(journal));
	vfs_run(db, "COMMIT");
	assert_true(rep_file_exists(vfs_log));
	rep_db_close(db);
	db = vfs_open(vfs_path);
	expect_ok(rep_db_integrity(db, &err), &err);
	assert_int_equal(db_number(db, "SELECT count(*) FROM t WHERE a = 'other'"), 10);
	rep_db_close(db);
}

/* A journal of another, plain database: with the system's VFS it would be played back into this file. */
static void a_journal_left_beside_it_is_not_played_back(void **state)
{
	char journal[4200], command[9000];
	struct rep_db *db = vfs_open(vfs_path);

	(void)state;
	vfs_fill(db, 10);
	rep_db_close(db);
	snprintf(journal, sizeof journal, "%s-journal", vfs_path);
	snprintf(
		command, sizeof command,
		"cd '%s' && sqlite3 plain.db 'CREATE TABLE x (a); INSERT INTO x VALUES (1)' && "
		"sqlite3 plain.db 'PRAGMA cache_size = 1; BEGIN; DELETE FROM x; INSERT INTO x SELECT "
		"randomblob(99999); SELECT writefile(\"%s\", readfile(\"plain.db-journal\"))' "
		">/dev/null && test -s '%s'",
		vfs_dir, journal, journal);
	assert_int_equal(system(command), 0);
	db = vfs_open(vfs_path);
	expect_ok(rep_db_integrity(db, &err), &err);
	assert_int_equal(db_number(db, "SELECT count(*) FROM t"), 10);
	rep_db_close(db);
	assert_true(rep_file_exists(journal));
}

static void temporary_files_are_refused(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);

	(void)state;
	vfs_fill(db, 3000);
	assert_int_equal(db_number(db, "PRAGMA temp_store"), 2);
	vfs_run(db, "CREATE TEMP TABLE u AS SELECT * FROM t"); /* in memory it is fine */
	vfs_run(db, "DROP TABLE temp.u; PRAGMA temp_store = FILE; PRAGMA cache_size = 2");
	expect_code(rep_db_exec(db,
				"CREATE TEMP TABLE u AS SELECT a, randomblob(2000) AS b FROM t;"
				"SELECT count(*) FROM u",
				&err),
		    REP_EIO, &err, NULL);
	rep_db_close(db);
}

/* The writer's life; what it inherits of the pipe is closed when it ends. */
static int write_beside(int who)
{
	struct rep_db *own;
	enum rep_code rc =
		rep_db_open(&own, vfs_path, &(struct rep_db_options){.key = &vfs_key}, &err);

	for (int i = 0; rc == REP_OK && i < 150; i++) {
		rc = rep_db_execf(own, &err, "INSERT INTO n (who) VALUES (%d)", who);
		if (rc == REP_OK && i % 20 == 10)
			(void)!rep_db_compact(own, false, &err);
	}
	rep_db_close(own);
	return rc == REP_OK ? 0 : 1;
}

/* Two processes write, one reads: nobody sees a torn page or loses an edit. */
static void processes_share_it(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);
	int64_t seen = 0, now;
	struct pollfd writers = {.fd = -1};
	pid_t pids[2];
	int ends[2], status;

	(void)state;
	vfs_run(db, "CREATE TABLE n (i INTEGER PRIMARY KEY, who INTEGER)");
	assert_int_equal(pipe(ends), 0);
	for (int child = 0; child < 2; child++) {
		pids[child] = fork();
		assert_true(pids[child] >= 0);
		if (pids[child] == 0)
			_exit(write_beside(child));
	}
	close(ends[1]);
	writers.fd = ends[0];
	do { /* until the last writer is gone */
		now = db_number(db, "SELECT count(*) FROM n");
		assert_true(now >= seen);
		seen = now;
	} while (poll(&writers, 1, 5) == 0);
	close(ends[0]);
	for (int child = 0; child < 2; child++) {
		assert_int_equal(waitpid(pids[child], &status, 0), pids[child]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(db_number(db, "SELECT count(*) FROM n"), 300);
	expect_ok(rep_db_integrity(db, &err), &err);
	rep_db_close(db);
}

/* ---- the head ---- */

static void the_head_is_apart_from_the_pages(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);
	char head[REP_VFS_HEAD_SIZE];
	size_t len;

	(void)state;
	vfs_fill(db, 10);
	expect_ok(rep_vfs_head_write(vfs_path, 4096, "the head", 8, &err), &err);
	vfs_fill(db, 10);
	rep_db_close(db);
	expect_ok(rep_vfs_head_read(vfs_path, head, &len, &err), &err);
	assert_int_equal(len, REP_VFS_HEAD_SIZE);
	assert_memory_equal(head + 4096, "the head", 8);
	db = vfs_open(vfs_path);
	assert_int_equal(db_number(db, "SELECT count(*) FROM t"), 20);
	rep_db_close(db);
}

/* POSIX drops a process's locks on a file when the process closes any of its descriptors. */
static void reading_the_head_drops_no_lock(void **state)
{
	struct rep_db *db = vfs_open(vfs_path);
	char head[REP_VFS_HEAD_SIZE];
	size_t len;
	int status;
	pid_t pid;

	(void)state;
	vfs_fill(db, 10);
	expect_ok(rep_vfs_head_read(vfs_path, head, &len, &err), &err);
	expect_ok(rep_vfs_head_write(vfs_path, 0, "x", 1, &err), &err);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* Whoever is last checkpoints and removes the log; with our lock gone the child would take itself for the last. */
		struct rep_db *own;
		enum rep_code rc = rep_db_open(&own, vfs_path,
					       &(struct rep_db_options){.key = &vfs_key}, &err);

		rep_db_close(own);
		_exit(rc == REP_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(rep_file_exists(vfs_log));
	rep_db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, vfs_setup, vfs_teardown)
		TEST(what_is_written_is_read_again),
		TEST(nothing_readable_lies_in_file_or_log),
		TEST(the_same_page_never_looks_the_same),
		TEST(another_key_or_salt_opens_nothing),
		TEST(opened_for_reading_it_is_not_written),
		TEST(vacuum_keeps_it_encrypted),
		TEST(reserved_bytes_read_as_zero),
		TEST(sectors_are_pages_and_there_are_no_maps),
		TEST(pieces_of_pages_are_refused),
		TEST(rollback_journals_are_refused),
		TEST(a_journal_left_beside_it_is_not_played_back),
		TEST(temporary_files_are_refused),
		TEST(processes_share_it),
		TEST(the_head_is_apart_from_the_pages),
		TEST(reading_the_head_drops_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
