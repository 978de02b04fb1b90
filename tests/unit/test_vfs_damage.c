/* What a changed file or log of an encrypted database leads to, and what looks like damage and is none. */
#include "help_vfs.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/vfs_work.h"
#include "help_power.h"

static struct rep_error err;

/* Database and log as they lie on disk now, in another folder: what is left when the machine dies. */
struct image {
	char path[4200], log_path[4300];
	struct rep_buf database, log;
};

static void take_image(struct image *image)
{
	char name[4200];

	snprintf(name, sizeof name, "%s/image", vfs_dir);
	mkdir(name, 0700);
	snprintf(image->path, sizeof image->path, "%s/image/a.db", vfs_dir);
	snprintf(image->log_path, sizeof image->log_path, "%s-wal", image->path);
	image->database = file_bytes(vfs_path);
	image->log = rep_file_exists(vfs_log) ? file_bytes(vfs_log) : REP_BUF_INIT(1);
}

static void put_image(const struct image *image)
{
	char name[4300];

	snprintf(name, sizeof name, "%s-shm", image->path);
	unlink(name);
	file_put(image->path, image->database.data, image->database.len);
	file_put(image->log_path, rep_buf_str(&image->log), image->log.len);
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
		rep_db_open(&db, image->path, &(struct rep_db_options){.key = &vfs_key}, &err);

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
	struct rep_db *db = vfs_open(vfs_path);
	int64_t sum;
	int found = 0;

	(void)state;
	vfs_fill(db, 500);
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
	struct rep_db *db = vfs_open(vfs_path);
	int64_t sum, whole;
	int found = 0;

	(void)state;
	vfs_fill(db, 100);
	for (int i = 0; i < 5; i++)
		vfs_fill(db, 30);
	vfs_run(db, "INSERT INTO t (a) VALUES ('the last one')");
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
	struct rep_db *db = vfs_open(vfs_path);
	int64_t sum;

	(void)state;
	vfs_fill(db, 100);
	vfs_run(db, "INSERT INTO t (a) VALUES ('the last one')");
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

static void an_all_zero_page_is_refused(void **state)
{
	struct image image;
	struct rep_db *db = vfs_open(vfs_path);
	int64_t sum;

	(void)state;
	vfs_fill(db, 500);
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
	struct rep_db *db = vfs_open(vfs_path);
	char *pages;
	int64_t sum;

	(void)state;
	vfs_fill(db, 500);
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
	struct rep_db *db = vfs_open(vfs_path);
	int64_t sum;

	(void)state;
	vfs_fill(db, 300);
	expect_ok(rep_db_compact(db, false, &err), &err);
	vfs_run(db, "UPDATE t SET a = 'x' WHERE id = 1");
	take_image(&image);
	memcpy(image.database.data + REP_VFS_HEAD_SIZE + PAGE,
	       image.log.data + DISK_LOG_HEAD + DISK_FRAME_HEAD, PAGE);
	rep_buf_reset(&image.log);
	put_image(&image);
	expect_code(read_all(&image, &sum), REP_EINTEGRITY, &err, "damaged");
	drop_image(&image);
	rep_db_close(db);
}

/* ---- what is not damage ---- */

/* Frames of a transaction that never was committed: torn, cut, or filled with something else. */
static void an_unfinished_end_of_the_log_is_its_end(void **state)
{
	struct image image;
	struct rep_db *db = vfs_open(vfs_path);
	size_t committed;
	int64_t sum, before;

	(void)state;
	vfs_fill(db, 100);
	take_image(&image);
	put_image(&image);
	committed = image.log.len;
	expect_ok(read_all(&image, &before), &err);
	drop_image(&image);
	vfs_run(db, "PRAGMA cache_size = 2; BEGIN");
	vfs_fill(db, 2000); /* more than the cache holds: it spills into the log */
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
	assert_int_equal(sum, before);
	image.log.len = committed + DISK_FRAME + 100;
	put_image(&image);
	expect_ok(read_all(&image, &sum), &err);
	assert_int_equal(sum, before);
	drop_image(&image);
	vfs_run(db, "ROLLBACK");
	rep_db_close(db);
}

/* What was rolled back has been written over by less: the mark says how far the commit went, not how far was ever written. */
static void a_short_commit_after_a_long_rollback_is_no_damage(void **state)
{
	struct image image;
	struct rep_db *db = vfs_open(vfs_path);
	int64_t sum;

	(void)state;
	vfs_fill(db, 100);
	vfs_run(db, "PRAGMA cache_size = 2; BEGIN");
	vfs_fill(db, 2000);
	vfs_run(db, "ROLLBACK");
	vfs_run(db, "INSERT INTO t (a) VALUES ('committed')");
	take_image(&image);
	/* The rest of the long one is torn. */
	image.log.data[image.log.len - 20] ^= 1;
	assert_true(image.log.len > DISK_LOG_HEAD + 12 * DISK_FRAME);
	image.log.data[image.log.len - 3 * DISK_FRAME] ^= 1;
	put_image(&image);
	expect_ok(read_all(&image, &sum), &err);
	assert_int_equal(sum, db_number(db, "SELECT sum(length(a)) + count(*) FROM t"));
	drop_image(&image);
	rep_db_close(db);
}

/* Power went in the middle of a checkpoint, just in page 1: the good copy is in the log, but SQLite looks at the file first. */
static void a_torn_first_page_is_read_from_the_log(void **state)
{
	struct image image;
	struct rep_db *db = vfs_open(vfs_path);
	int64_t sum;

	(void)state;
	vfs_fill(db, 100);
	expect_ok(rep_db_compact(db, false, &err), &err);
	vfs_run(db, "CREATE TABLE u (a); INSERT INTO u VALUES (1)"); /* page 1 changes */
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
	struct rep_db *db = vfs_open(vfs_path);
	int64_t sum;

	(void)state;
	vfs_fill(db, 500);
	vfs_run(db, "PRAGMA cache_size = 2; BEGIN");
	for (int i = 0; i < 5; i++)
		vfs_run(db, "UPDATE t SET a = a || 'x'");
	vfs_run(db, "COMMIT");
	take_image(&image);
	put_image(&image);
	expect_ok(read_all(&image, &sum), &err);
	assert_int_equal(sum, db_number(db, "SELECT sum(length(a)) + count(*) FROM t"));
	drop_image(&image);
	rep_db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, vfs_setup, vfs_teardown)
		TEST(each_changed_bit_of_a_page_is_found),
		TEST(each_changed_bit_of_the_log_is_found),
		TEST(a_log_that_was_cut_is_found),
		TEST(an_all_zero_page_is_refused),
		TEST(a_page_serves_in_its_own_place_only),
		TEST(a_frame_does_not_serve_as_a_page),
		TEST(an_unfinished_end_of_the_log_is_its_end),
		TEST(a_short_commit_after_a_long_rollback_is_no_damage),
		TEST(a_torn_first_page_is_read_from_the_log),
		TEST(a_page_spilled_twice_survives_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
