/* The traps of an encrypting VFS, each a test. help_power.h is the disk that loses power. */
#include "help.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/store/db_raw.h"
#include "core/store/vfs_work.h"
#include "help_power.h"

#define SECRET_TEXT "陈建国13900001111"

static struct rep_error err;
static char *dir;
static char path[4096], log_path[4200];
static const struct rep_db_key test_key = {.key = {1, 2, 3}, .salt = {4, 5, 6}};

static int make_dir(void **state)
{
	(void)state;
	expect_ok(rep_key_init(&err), &err);
	expect_ok(rep_dir_private(&dir, "vfs-test-", &err), &err);
	snprintf(path, sizeof path, "%s/a.db", dir);
	snprintf(log_path, sizeof log_path, "%s-wal", path);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	expect_ok(rep_dir_remove(dir, &err), &err);
	free(dir);
	return 0;
}

static struct rep_db *open_at(const char *at)
{
	struct rep_db *db;

	expect_ok(rep_db_open(&db, at, &(struct rep_db_options){.create = true, .key = &test_key},
			      &err),
		  &err);
	return db;
}

static void run(struct rep_db *db, const char *sql)
{
	expect_ok(rep_db_exec(db, sql, &err), &err);
}

static int64_t number(struct rep_db *db, const char *sql)
{
	struct rep_stmt *stmt;
	bool row;
	int64_t value;

	expect_ok(rep_db_prepare(db, &stmt, sql, &err), &err);
	expect_ok(rep_step(stmt, &row, &err), &err);
	assert_true(row);
	value = rep_column_int(stmt, 0);
	rep_stmt_free(stmt);
	return value;
}

static void fill(struct rep_db *db, int rows)
{
	char sql[300];

	run(db, "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, a TEXT)");
	snprintf(sql, sizeof sql,
		 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
		 "INSERT INTO t (a) SELECT '" SECRET_TEXT "' || i FROM n",
		 rows);
	run(db, sql);
}

/* The whole of a file. */
static struct rep_buf bytes_of(const char *file)
{
	struct rep_buf bytes = REP_BUF_INIT(64u << 20);

	expect_ok(rep_file_read(&bytes, file, &err), &err);
	return bytes;
}

static void put_bytes(const char *file, const void *data, size_t len)
{
	FILE *out = fopen(file, "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, len, out), len);
	fclose(out);
}

/* Database and log as they lie on disk now, in another folder: what is left when the machine dies. */
struct image {
	char path[4200], log_path[4300];
	struct rep_buf database, log;
};

static void take_image(struct image *image)
{
	char name[4200];

	snprintf(name, sizeof name, "%s/image", dir);
	mkdir(name, 0700);
	snprintf(image->path, sizeof image->path, "%s/image/a.db", dir);
	snprintf(image->log_path, sizeof image->log_path, "%s-wal", image->path);
	image->database = bytes_of(path);
	image->log = rep_file_exists(log_path) ? bytes_of(log_path) : REP_BUF_INIT(1);
}

static void put_image(const struct image *image)
{
	char name[4300];

	snprintf(name, sizeof name, "%s-shm", image->path);
	unlink(name);
	put_bytes(image->path, image->database.data, image->database.len);
	put_bytes(image->log_path, rep_buf_str(&image->log), image->log.len);
}

static void drop_image(struct image *image)
{
	rep_buf_clear(&image->database);
	rep_buf_clear(&image->log);
}

/* Opens the image and reads all there is; *sum tells what was read. */
static enum rep_code read_all(const struct image *image, int64_t *sum)
{
	struct rep_stmt *stmt = NULL;
	struct rep_db *db;
	bool row = false;
	enum rep_code rc =
		rep_db_open(&db, image->path, &(struct rep_db_options){.key = &test_key}, &err);

	*sum = -1;
	if (rc == REP_OK)
		rc = rep_db_integrity(db, &err);
	if (rc == REP_OK)
		rc = rep_db_prepare(db, &stmt, "SELECT sum(length(a)) + count(*) FROM t", &err);
	if (rc == REP_OK)
		rc = rep_step(stmt, &row, &err);
	if (rc == REP_OK && row)
		*sum = rep_column_int(stmt, 0);
	rep_stmt_free(stmt);
	rep_db_close(db);
	return rc;
}

/* ---- what is seen of it ---- */

static void what_is_written_is_read_again(void **state)
{
	struct rep_db *db = open_at(path);

	(void)state;
	fill(db, 2000);
	assert_int_equal(number(db, "PRAGMA page_size"), 4096);
	rep_db_close(db);
	assert_false(rep_file_exists(log_path));
	db = open_at(path);
	assert_int_equal(number(db, "SELECT count(*) FROM t WHERE a LIKE '" SECRET_TEXT "%'"),
			 2000);
	expect_ok(rep_db_integrity(db, &err), &err);
	rep_db_close(db);
}

static bool lies_in(const char *file, const char *text)
{
	struct rep_buf bytes = bytes_of(file);
	bool found = memmem(bytes.data, bytes.len, text, strlen(text)) != NULL;

	rep_buf_clear(&bytes);
	return found;
}

static void nothing_readable_lies_in_file_or_log(void **state)
{
	struct rep_db *db = open_at(path);

	(void)state;
	fill(db, 500);
	assert_false(lies_in(log_path, "139000"));
	assert_false(lies_in(log_path, "SQLite"));
	assert_false(lies_in(log_path, "CREATE TABLE"));
	rep_db_close(db);
	assert_false(lies_in(path, "139000"));
	assert_false(lies_in(path, "SQLite"));
	assert_false(lies_in(path, "CREATE TABLE"));
}

static void the_same_page_never_looks_the_same(void **state)
{
	struct rep_db *db = open_at(path);
	struct rep_buf before, after;

	(void)state;
	run(db, "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
	expect_ok(rep_db_compact(db, false, &err), &err);
	before = bytes_of(path);
	run(db, "UPDATE t SET a = 2");
	run(db, "UPDATE t SET a = 1");
	expect_ok(rep_db_compact(db, false, &err), &err);
	after = bytes_of(path);
	assert_int_equal(before.len, after.len);
	for (size_t at = REP_VFS_HEAD_SIZE + PAGE; at + 16 <= before.len; at += 16)
		assert_memory_not_equal(before.data + at, after.data + at, 16);
	rep_buf_clear(&before);
	rep_buf_clear(&after);
	rep_db_close(db);
}

static void another_key_or_salt_opens_nothing(void **state)
{
	struct rep_db_key other = test_key;
	struct rep_db *db = open_at(path);

	(void)state;
	fill(db, 10);
	rep_db_close(db);
	other.key[31] ^= 1;
	expect_code(rep_db_open(&db, path, &(struct rep_db_options){.key = &other}, &err),
		    REP_EINTEGRITY, &err, "does not verify");
	other = test_key;
	other.salt[0] ^= 1;
	expect_code(rep_db_open(&db, path, &(struct rep_db_options){.key = &other}, &err),
		    REP_EINTEGRITY, &err, "does not verify");
	expect_code(rep_db_open(&db, path, &(struct rep_db_options){.create = false}, &err),
		    REP_EINTEGRITY, &err, "not a database");
}

static void it_works_where_nothing_can_be_written(void **state)
{
	struct rep_db *db = open_at(path);

	(void)state;
	fill(db, 10);
	rep_db_close(db);
	expect_ok(rep_db_open(&db, path,
			      &(struct rep_db_options){.read_only = true, .key = &test_key}, &err),
		  &err);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 10);
	assert_int_not_equal(rep_db_exec(db, "DELETE FROM t", &err), REP_OK);
	rep_db_close(db);
}

static void vacuum_keeps_it_encrypted(void **state)
{
	struct rep_db *db = open_at(path);

	(void)state;
	fill(db, 3000);
	run(db, "DELETE FROM t WHERE id % 2");
	expect_ok(rep_db_compact(db, true, &err), &err);
	assert_false(lies_in(path, "139000"));
	rep_db_close(db);
	db = open_at(path);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 1500);
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
	struct rep_db *db = open_at(path);
	uint8_t page[PAGE];
	sqlite3_file *file;

	(void)state;
	fill(db, 500);
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
	struct rep_db *db = open_at(path);
	sqlite3_file *file;

	(void)state;
	fill(db, 100);
	run(db, "PRAGMA mmap_size = 1048576");
	file = raw_file(db);
	assert_int_equal(file->pMethods->iVersion, 2);
	assert_null(file->pMethods->xFetch);
	assert_int_equal(file->pMethods->xSectorSize(file), 4096);
	assert_int_equal(file->pMethods->xDeviceCharacteristics(file),
			 SQLITE_IOCAP_POWERSAFE_OVERWRITE);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 100);
	rep_db_close(db);
}

static void pieces_of_pages_are_refused(void **state)
{
	struct rep_db *db = open_at(path);
	uint8_t page[2 * PAGE] = {0};
	sqlite3_file *file;

	(void)state;
	fill(db, 100);
	expect_ok(rep_db_compact(db, false, &err), &err);
	file = raw_file(db);
	assert_int_equal(file->pMethods->xWrite(file, page, 512, PAGE), SQLITE_IOERR_WRITE);
	assert_int_equal(file->pMethods->xWrite(file, page, PAGE, 512), SQLITE_IOERR_WRITE);
	assert_int_equal(file->pMethods->xWrite(file, page, 2 * PAGE, PAGE), SQLITE_IOERR_WRITE);
	assert_int_equal(file->pMethods->xRead(file, page, 512, PAGE), SQLITE_IOERR_READ);
	rep_db_close(db);
}

static void an_all_zero_page_is_refused(void **state)
{
	struct image image;
	struct rep_db *db = open_at(path);
	int64_t sum;

	(void)state;
	fill(db, 500);
	rep_db_close(db);
	take_image(&image);
	memset(image.database.data + REP_VFS_HEAD_SIZE + 3 * PAGE, 0, PAGE);
	put_image(&image);
	expect_code(read_all(&image, &sum), REP_EINTEGRITY, &err, "damaged");
	drop_image(&image);
}

static void a_page_serves_in_its_own_place_only(void **state)
{
	struct image image;
	struct rep_db *db = open_at(path);
	char *pages;
	int64_t sum;

	(void)state;
	fill(db, 500);
	rep_db_close(db);
	take_image(&image);
	pages = image.database.data + REP_VFS_HEAD_SIZE;
	memcpy(pages + 3 * PAGE, pages + 4 * PAGE, PAGE);
	put_image(&image);
	expect_code(read_all(&image, &sum), REP_EINTEGRITY, &err, "damaged");
	drop_image(&image);
}

/* A frame of the log holds a sealed page too; it is of another kind. */
static void a_frame_does_not_serve_as_a_page(void **state)
{
	struct image image;
	struct rep_db *db = open_at(path);
	int64_t sum;

	(void)state;
	fill(db, 300);
	expect_ok(rep_db_compact(db, false, &err), &err);
	run(db, "UPDATE t SET a = 'x' WHERE id = 1");
	take_image(&image);
	memcpy(image.database.data + REP_VFS_HEAD_SIZE + PAGE,
	       image.log.data + DISK_LOG_HEAD + DISK_FRAME_HEAD, PAGE);
	rep_buf_reset(&image.log);
	put_image(&image);
	expect_code(read_all(&image, &sum), REP_EINTEGRITY, &err, "damaged");
	drop_image(&image);
	rep_db_close(db);
}

static void rollback_journals_are_refused(void **state)
{
	struct rep_db *db = open_at(path);

	(void)state;
	fill(db, 10);
	(void)!rep_db_exec(db, "PRAGMA journal_mode = DELETE", &err);
	(void)!rep_db_exec(db, "UPDATE t SET a = 'other'", &err);
	rep_db_close(db);
	snprintf(log_path, sizeof log_path, "%s-journal", path);
	assert_false(rep_file_exists(log_path));
	db = open_at(path);
	expect_ok(rep_db_integrity(db, &err), &err);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 10);
	rep_db_close(db);
}

/* A journal of another, plain database: with the system's VFS it would be played back into this file. */
static void a_journal_left_beside_it_is_not_played_back(void **state)
{
	char journal[4200], command[9000];
	struct rep_db *db = open_at(path);

	(void)state;
	fill(db, 10);
	rep_db_close(db);
	snprintf(journal, sizeof journal, "%s-journal", path);
	snprintf(
		command, sizeof command,
		"cd '%s' && sqlite3 plain.db 'CREATE TABLE x (a); INSERT INTO x VALUES (1)' && "
		"sqlite3 plain.db 'PRAGMA cache_size = 1; BEGIN; DELETE FROM x; INSERT INTO x SELECT "
		"randomblob(99999); SELECT writefile(\"%s\", readfile(\"plain.db-journal\"))' "
		">/dev/null && test -s '%s'",
		dir, journal, journal);
	assert_int_equal(system(command), 0);
	db = open_at(path);
	expect_ok(rep_db_integrity(db, &err), &err);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 10);
	rep_db_close(db);
	assert_true(rep_file_exists(journal));
}

static void temporary_files_are_refused(void **state)
{
	struct rep_db *db = open_at(path);

	(void)state;
	fill(db, 3000);
	assert_int_equal(number(db, "PRAGMA temp_store"), 2);
	run(db, "CREATE TEMP TABLE u AS SELECT * FROM t"); /* in memory it is fine */
	run(db, "DROP TABLE temp.u; PRAGMA temp_store = FILE; PRAGMA cache_size = 2");
	expect_code(rep_db_exec(db,
				"CREATE TEMP TABLE u AS SELECT a, randomblob(2000) AS b FROM t;"
				"SELECT count(*) FROM u",
				&err),
		    REP_EIO, &err, NULL);
	rep_db_close(db);
}

/* ---- damage ---- */

static uint32_t seed = 12345;

static uint32_t random_below(uint32_t bound)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)(seed >> 8) * bound) >> 24);
}

static void each_changed_bit_of_a_page_is_found(void **state)
{
	struct image image;
	struct rep_db *db = open_at(path);
	int64_t sum;
	int found = 0;

	(void)state;
	fill(db, 500);
	rep_db_close(db);
	take_image(&image);
	for (int i = 0; i < 200; i++) {
		size_t at = REP_VFS_HEAD_SIZE +
			    random_below((uint32_t)(image.database.len - REP_VFS_HEAD_SIZE));
		char bit = (char)(1 << random_below(8));

		image.database.data[at] ^= bit;
		put_image(&image);
		found += read_all(&image, &sum) == REP_EINTEGRITY;
		image.database.data[at] ^= bit;
	}
	assert_int_equal(found, 200);
	put_image(&image);
	expect_ok(read_all(&image, &sum), &err);
	drop_image(&image);
}

/* Header, mark, frames: also in the last transaction, whose loss stock SQLite would take for its never having been. */
static void each_changed_bit_of_the_log_is_found(void **state)
{
	struct image image;
	struct rep_db *db = open_at(path);
	int64_t sum, whole;
	int found = 0;

	(void)state;
	fill(db, 100);
	for (int i = 0; i < 5; i++)
		fill(db, 30);
	run(db, "INSERT INTO t (a) VALUES ('the last one')");
	take_image(&image);
	put_image(&image);
	expect_ok(read_all(&image, &whole), &err);
	for (int i = 0; i < 200; i++) {
		/* A quarter of them in the first sector. */
		size_t at = random_below(i % 4 ? (uint32_t)image.log.len : DISK_LOG_HEAD);
		char bit = (char)(1 << random_below(8));

		image.log.data[at] ^= bit;
		put_image(&image);
		found += read_all(&image, &sum) == REP_EINTEGRITY;
		image.log.data[at] ^= bit;
	}
	assert_int_equal(found, 200);
	put_image(&image);
	expect_ok(read_all(&image, &sum), &err);
	assert_int_equal(sum, whole);
	drop_image(&image);
	rep_db_close(db);
}

static void a_log_that_was_cut_is_found(void **state)
{
	struct image image;
	struct rep_db *db = open_at(path);
	int64_t sum;

	(void)state;
	fill(db, 100);
	run(db, "INSERT INTO t (a) VALUES ('the last one')");
	take_image(&image);
	for (size_t cut = 1; cut < 4 * DISK_FRAME; cut += 1117) {
		image.log.len -= cut;
		put_image(&image);
		expect_code(read_all(&image, &sum), REP_EINTEGRITY, &err, "does not verify");
		image.log.len += cut;
	}
	drop_image(&image);
	rep_db_close(db);
}

/* ---- what is not damage ---- */

/* Frames of a transaction that never was committed: torn, cut, or filled with something else. */
static void an_unfinished_end_of_the_log_is_its_end(void **state)
{
	struct image image;
	struct rep_db *db = open_at(path);
	size_t committed;
	int64_t sum, before;

	(void)state;
	fill(db, 100);
	take_image(&image);
	put_image(&image);
	committed = image.log.len;
	expect_ok(read_all(&image, &before), &err);
	drop_image(&image);
	run(db, "PRAGMA cache_size = 2; BEGIN");
	fill(db, 2000); /* more than the cache holds: it spills into the log */
	take_image(&image);
	assert_true(image.log.len > committed + 4 * DISK_FRAME);
	for (int i = 0; i < 20; i++) {
		size_t at = committed + random_below(3 * DISK_FRAME);

		image.log.data[at] ^= 1;
		put_image(&image);
		expect_ok(read_all(&image, &sum), &err);
		assert_int_equal(sum, before);
	}
	memset(image.log.data + committed + 1000, 0, 2 * DISK_FRAME);
	put_image(&image);
	expect_ok(read_all(&image, &sum), &err);
	image.log.len = committed + DISK_FRAME + 100;
	put_image(&image);
	expect_ok(read_all(&image, &sum), &err);
	assert_int_equal(sum, before);
	drop_image(&image);
	run(db, "ROLLBACK");
	rep_db_close(db);
}

/* What was rolled back has been written over by less: the mark says how far the commit went, not how far was ever written. */
static void a_short_commit_after_a_long_rollback_is_no_damage(void **state)
{
	struct image image;
	struct rep_db *db = open_at(path);
	int64_t sum;

	(void)state;
	fill(db, 100);
	run(db, "PRAGMA cache_size = 2; BEGIN");
	fill(db, 2000);
	run(db, "ROLLBACK");
	run(db, "INSERT INTO t (a) VALUES ('committed')");
	take_image(&image);
	/* The rest of the long one is torn. */
	image.log.data[image.log.len - 20] ^= 1;
	assert_true(image.log.len > DISK_LOG_HEAD + 12 * DISK_FRAME);
	image.log.data[image.log.len - 3 * DISK_FRAME] ^= 1;
	put_image(&image);
	expect_ok(read_all(&image, &sum), &err);
	assert_int_equal(sum, number(db, "SELECT sum(length(a)) + count(*) FROM t"));
	drop_image(&image);
	rep_db_close(db);
}

/* Power went in the middle of a checkpoint, just in page 1: the good copy is in the log, but SQLite looks at the file first. */
static void a_torn_first_page_is_read_from_the_log(void **state)
{
	struct image image;
	struct rep_db *db = open_at(path);
	int64_t sum;

	(void)state;
	fill(db, 100);
	expect_ok(rep_db_compact(db, false, &err), &err);
	run(db, "CREATE TABLE u (a); INSERT INTO u VALUES (1)"); /* page 1 changes */
	take_image(&image);
	memset(image.database.data + REP_VFS_HEAD_SIZE + 512, 7, 2048);
	put_image(&image);
	expect_ok(read_all(&image, &sum), &err);
	/* Without the log it is damage. */
	rep_buf_reset(&image.log);
	put_image(&image);
	expect_code(read_all(&image, &sum), REP_EINTEGRITY, &err, "does not verify");
	drop_image(&image);
	rep_db_close(db);
}

/* A page rewritten within a transaction after it spilled: SQLite writes it in place, and all headers behind it again. */
static void a_page_spilled_twice_survives_a_crash(void **state)
{
	struct image image;
	struct rep_db *db = open_at(path);
	int64_t sum;

	(void)state;
	fill(db, 500);
	run(db, "PRAGMA cache_size = 2; BEGIN");
	for (int i = 0; i < 5; i++)
		run(db, "UPDATE t SET a = a || 'x'");
	run(db, "COMMIT");
	take_image(&image);
	put_image(&image);
	expect_ok(read_all(&image, &sum), &err);
	assert_int_equal(sum, number(db, "SELECT sum(length(a)) + count(*) FROM t"));
	drop_image(&image);
	rep_db_close(db);
}

/* ---- crashes ---- */

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
		db, path, &(struct rep_db_options){.create = true, .key = &test_key}, &err);

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
	struct rep_db *db = open_at(at);
	int64_t rows;

	expect_ok(rep_db_integrity(db, &err), &err);
	run(db, "CREATE TABLE IF NOT EXISTS done (i INTEGER PRIMARY KEY)");
	rows = number(db, "SELECT count(*) FROM done");
	if (rows < acknowledged || rows > acknowledged + 1)
		fail_msg("%d acknowledged, %d there", acknowledged, (int)rows);
	assert_int_equal(rows ? number(db, "SELECT max(i) + 1 FROM done") : 0, rows);
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
	snprintf(image, sizeof image, "%s/image", dir);
	snprintf(at, sizeof at, "%s/a.db", image);
	power_install();
	power_begin(1, 1000000);
	assert_int_equal(lives(STEPS), STEPS);
	all = power_operations();
	for (int i = 0; i < 240; i++) {
		int acknowledged;

		expect_ok(rep_dir_remove(dir, &err), &err);
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

		expect_ok(rep_dir_remove(dir, &err), &err);
		expect_ok(rep_dir_make(dir, 0700, &err), &err);
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
		check_life(path, acknowledged);
	}
}

/* Two processes write, one reads: nobody sees a torn page or loses an edit. */
static void processes_share_it(void **state)
{
	struct rep_db *db = open_at(path);
	pid_t pids[2];
	int status;

	(void)state;
	run(db, "CREATE TABLE n (i INTEGER PRIMARY KEY, who INTEGER)");
	for (int child = 0; child < 2; child++) {
		pids[child] = fork();
		assert_true(pids[child] >= 0);
		if (pids[child] == 0) {
			struct rep_db *own;
			enum rep_code rc = rep_db_open(
				&own, path, &(struct rep_db_options){.key = &test_key}, &err);

			for (int i = 0; rc == REP_OK && i < 150; i++) {
				rc = rep_db_execf(own, &err, "INSERT INTO n (who) VALUES (%d)",
						  child);
				if (rc == REP_OK && i % 20 == 10)
					(void)!rep_db_compact(own, false, &err);
			}
			rep_db_close(own);
			_exit(rc == REP_OK ? 0 : 1);
		}
	}
	while (number(db, "SELECT count(*) FROM n") < 300 &&
	       waitpid(pids[1], &status, WNOHANG) == 0)
		;
	for (int child = 0; child < 2; child++)
		if (waitpid(pids[child], &status, 0) == pids[child])
			assert_int_equal(status, 0);
	assert_int_equal(number(db, "SELECT count(*) FROM n"), 300);
	expect_ok(rep_db_integrity(db, &err), &err);
	rep_db_close(db);
}

/* ---- the head ---- */

static void the_head_is_apart_from_the_pages(void **state)
{
	struct rep_db *db = open_at(path);
	char head[REP_VFS_HEAD_SIZE];
	size_t len;

	(void)state;
	fill(db, 10);
	expect_ok(rep_vfs_head_write(path, 4096, "the head", 8, &err), &err);
	fill(db, 10);
	rep_db_close(db);
	expect_ok(rep_vfs_head_read(path, head, &len, &err), &err);
	assert_int_equal(len, REP_VFS_HEAD_SIZE);
	assert_memory_equal(head + 4096, "the head", 8);
	db = open_at(path);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 20);
	rep_db_close(db);
}

/* POSIX drops a process's locks on a file when the process closes any of its descriptors. */
static void reading_the_head_drops_no_lock(void **state)
{
	struct rep_db *db = open_at(path);
	char head[REP_VFS_HEAD_SIZE];
	size_t len;
	int status;
	pid_t pid;

	(void)state;
	fill(db, 10);
	expect_ok(rep_vfs_head_read(path, head, &len, &err), &err);
	expect_ok(rep_vfs_head_write(path, 0, "x", 1, &err), &err);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* Whoever is last checkpoints and removes the log; with our lock gone the child would take itself for the last. */
		struct rep_db *own;
		enum rep_code rc =
			rep_db_open(&own, path, &(struct rep_db_options){.key = &test_key}, &err);

		rep_db_close(own);
		_exit(rc == REP_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(rep_file_exists(log_path));
	rep_db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
		TEST(what_is_written_is_read_again),
		TEST(nothing_readable_lies_in_file_or_log),
		TEST(the_same_page_never_looks_the_same),
		TEST(another_key_or_salt_opens_nothing),
		TEST(it_works_where_nothing_can_be_written),
		TEST(vacuum_keeps_it_encrypted),
		TEST(reserved_bytes_read_as_zero),
		TEST(sectors_are_pages_and_there_are_no_maps),
		TEST(pieces_of_pages_are_refused),
		TEST(an_all_zero_page_is_refused),
		TEST(a_page_serves_in_its_own_place_only),
		TEST(a_frame_does_not_serve_as_a_page),
		TEST(rollback_journals_are_refused),
		TEST(a_journal_left_beside_it_is_not_played_back),
		TEST(temporary_files_are_refused),
		TEST(each_changed_bit_of_a_page_is_found),
		TEST(each_changed_bit_of_the_log_is_found),
		TEST(a_log_that_was_cut_is_found),
		TEST(an_unfinished_end_of_the_log_is_its_end),
		TEST(a_short_commit_after_a_long_rollback_is_no_damage),
		TEST(a_torn_first_page_is_read_from_the_log),
		TEST(a_page_spilled_twice_survives_a_crash),
		TEST(no_acknowledged_edit_is_lost_in_a_power_cut),
		TEST(no_acknowledged_edit_is_lost_by_a_kill),
		TEST(processes_share_it),
		TEST(the_head_is_apart_from_the_pages),
		TEST(reading_the_head_drops_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
