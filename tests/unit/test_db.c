#include "help_db.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"

static struct rep_error err;
static char *dir;
static char path[4096];

static int make_dir(void **state)
{
	(void)state;
	expect_ok(rep_dir_private(&dir, "db-test-", &err), &err);
	snprintf(path, sizeof path, "%s/a ?#%%.db", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	expect_ok(rep_dir_remove(dir, &err), &err);
	free(dir);
	return 0;
}

static struct rep_db *open_db(struct rep_db_options options)
{
	struct rep_db *db;

	expect_ok(rep_db_open(&db, path, &options, &err), &err);
	return db;
}

static struct rep_db *create_db(void)
{
	return open_db((struct rep_db_options){.create = true});
}

static void file_is_private_whatever_the_umask(void **state)
{
	mode_t old = umask(0);
	struct rep_db *db = create_db();
	struct stat st;
	char wal[4200];

	(void)state;
	umask(old);
	expect_ok(rep_db_exec(db, "CREATE TABLE t (a)", &err), &err);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(wal, sizeof wal, "%s-wal", path);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	rep_db_close(db);
}

static void settings_are_the_durable_ones(void **state)
{
	struct rep_db *db = create_db();
	struct rep_stmt *stmt;
	bool row;

	(void)state;
	assert_int_equal(db_number(db, "PRAGMA synchronous"), 2);
	assert_int_equal(db_number(db, "PRAGMA recursive_triggers"), 1);
	assert_int_equal(db_number(db, "PRAGMA foreign_keys"), 0);
	assert_int_equal(db_number(db, "PRAGMA busy_timeout"), 10000);
	expect_ok(rep_db_use(db, &stmt, "PRAGMA journal_mode", &err), &err);
	expect_ok(rep_step(stmt, &row, &err), &err);
	assert_string_equal(rep_column_text(stmt, 0, NULL), "wal");
	rep_db_close(db);
}

static void absent_file_is_not_made_without_being_asked(void **state)
{
	struct rep_db *db;

	(void)state;
	expect_code(rep_db_open(&db, path, &(struct rep_db_options){.create = false}, &err),
		    REP_EIO, &err, path);
	assert_null(db);
	assert_false(rep_file_exists(path));
}

static void inner_abort_keeps_the_outer_transaction(void **state)
{
	struct rep_db *db = create_db();

	(void)state;
	expect_ok(rep_db_exec(db, "CREATE TABLE t (a)", &err), &err);
	expect_ok(rep_db_begin(db, &err), &err);
	expect_ok(rep_db_exec(db, "INSERT INTO t VALUES (1)", &err), &err);
	expect_ok(rep_db_begin(db, &err), &err);
	expect_ok(rep_db_exec(db, "INSERT INTO t VALUES (2)", &err), &err);
	rep_db_abort(db);
	expect_ok(rep_db_begin(db, &err), &err);
	expect_ok(rep_db_exec(db, "INSERT INTO t VALUES (4)", &err), &err);
	expect_ok(rep_db_commit(db, &err), &err);
	assert_true(rep_db_in_transaction(db));
	expect_ok(rep_db_commit(db, &err), &err);
	assert_false(rep_db_in_transaction(db));
	assert_int_equal(db_number(db, "SELECT sum(a) FROM t"), 5);
	rep_db_close(db);
}

static void close_rolls_back(void **state)
{
	struct rep_db *db = create_db();

	(void)state;
	expect_ok(rep_db_exec(db, "CREATE TABLE t (a)", &err), &err);
	expect_ok(rep_db_begin(db, &err), &err);
	expect_ok(rep_db_exec(db, "INSERT INTO t VALUES (1)", &err), &err);
	rep_db_close(db);
	db = create_db();
	assert_int_equal(db_number(db, "SELECT count(*) FROM t"), 0);
	rep_db_close(db);
}

static void used_statement_is_prepared_once_and_comes_back_clean(void **state)
{
	struct rep_db *db = create_db();
	struct rep_stmt *first;
	struct rep_stmt *other;
	struct rep_stmt *again;
	bool row;

	(void)state;
	expect_ok(rep_db_use(db, &first, "SELECT ?1", &err), &err);
	rep_bind_text(first, 1, "x");
	expect_ok(rep_step(first, &row, &err), &err);
	for (int i = 0; i < 200; i++) {
		char sql[32];

		snprintf(sql, sizeof sql, "SELECT %d, ?1", i);
		expect_ok(rep_db_use(db, &other, sql, &err), &err);
		assert_ptr_not_equal(other, first);
	}
	expect_ok(rep_db_use(db, &again, "SELECT ?1", &err), &err);
	assert_ptr_equal(again, first);
	expect_ok(rep_step(again, &row, &err), &err);
	assert_int_equal(rep_column_type(again, 0), REP_COLUMN_NULL);
	rep_db_close(db);
}

static void trailing_statement_is_refused(void **state)
{
	struct rep_db *db = create_db();
	struct rep_stmt *stmt;

	(void)state;
	expect_code(rep_db_prepare(db, &stmt, "SELECT 1; DROP TABLE t", &err), REP_EINVAL, &err,
		    "exactly one");
	assert_null(stmt);
	expect_code(rep_db_prepare(db, &stmt, "  ", &err), REP_EINVAL, &err, "exactly one");
	rep_db_close(db);
}

static void restricted_connection_only_reads(void **state)
{
	static const char *const writes[] = {
		"INSERT INTO t VALUES (1)", "DELETE FROM t",
		"CREATE TABLE u (a)",       "PRAGMA user_version = 3",
		"ATTACH 'x.db' AS x",       "WITH c AS (SELECT 1) UPDATE t SET a = 2",
	};
	struct rep_db *db = create_db();
	struct rep_stmt *stmt;

	(void)state;
	expect_ok(rep_db_exec(db, "CREATE TABLE t (a)", &err), &err);
	rep_db_restrict(db, true);
	for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
		expect_code(rep_db_prepare(db, &stmt, writes[i], &err), REP_EREFUSED, &err, NULL);
	assert_int_equal(
		db_number(db, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM "
			      "c WHERE x < 3) SELECT sum(x) + (SELECT count(*) FROM t) FROM c"),
		6);
	rep_db_restrict(db, false);
	expect_ok(rep_db_exec(db, "INSERT INTO t VALUES (1)", &err), &err);
	rep_db_close(db);
}

static void full_disk_is_told_and_the_transaction_is_gone(void **state)
{
	struct rep_db *db = create_db();

	(void)state;
	expect_ok(rep_db_exec(db, "CREATE TABLE t (a)", &err), &err);
	expect_ok(rep_db_exec(db, "PRAGMA max_page_count = 8", &err), &err);
	expect_ok(rep_db_begin(db, &err), &err);
	expect_code(rep_db_exec(db, "INSERT INTO t VALUES (zeroblob(100000))", &err), REP_EIO, &err,
		    "disk full");
	rep_db_abort(db);
	assert_int_equal(db_number(db, "SELECT count(*) FROM t"), 0);
	rep_db_close(db);
}

static void second_writer_waits_then_reports_busy(void **state)
{
	struct rep_db *one = create_db();
	struct rep_db *two = create_db();

	(void)state;
	expect_ok(rep_db_exec(two, "PRAGMA busy_timeout = 1", &err), &err);
	expect_ok(rep_db_begin(one, &err), &err);
	expect_code(rep_db_begin(two, &err), REP_EBUSY, &err, "locked");
	assert_false(rep_db_in_transaction(two));
	rep_db_close(one);
	expect_ok(rep_db_begin(two, &err), &err);
	rep_db_close(two);
}

static int64_t count_rows(struct rep_db *db)
{
	struct rep_stmt *stmt;
	int64_t n;
	bool row;

	expect_ok(rep_db_use(db, &stmt, "SELECT count(*) FROM t", &err), &err);
	expect_ok(rep_step(stmt, &row, &err), &err);
	n = rep_column_int(stmt, 0);
	rep_stmt_reset(stmt);
	return n;
}

static void who_reads_has_the_rows_of_the_moment_at_which_it_began(void **state)
{
	struct rep_db *writer = create_db();
	struct rep_db *readers[2];

	(void)state;
	expect_ok(rep_db_exec(writer, "CREATE TABLE t (a)", &err), &err);
	readers[0] = open_db((struct rep_db_options){.read_only = true});
	readers[1] = open_db((struct rep_db_options){.create = false});
	expect_ok(rep_db_begin(readers[0], &err), &err);
	expect_ok(rep_db_begin_reading(readers[1], &err), &err);
	/* Neither has asked for anything yet. */
	expect_ok(rep_db_exec(writer, "INSERT INTO t VALUES (1)", &err), &err);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(count_rows(readers[i]), 0);
		rep_db_abort(readers[i]);
		assert_int_equal(count_rows(readers[i]), 1);
		rep_db_close(readers[i]);
	}
	rep_db_close(writer);
}

static void file_that_is_no_database_is_an_integrity_error(void **state)
{
	char junk[4096];
	struct rep_db *db;

	(void)state;
	memset(junk, 'x', sizeof junk);
	expect_ok(rep_file_write(path, junk, sizeof junk, 0600, &err), &err);
	expect_code(rep_db_open(&db, path, &(struct rep_db_options){.create = true}, &err),
		    REP_EINTEGRITY, &err, "damaged");
}

static void opens_where_nothing_can_be_written(void **state)
{
	struct rep_db *db = create_db();

	(void)state;
	expect_ok(rep_db_exec(db, "CREATE TABLE t (a); INSERT INTO t VALUES (7)", &err), &err);
	expect_ok(rep_db_compact(db, true, &err), &err);
	rep_db_close(db);
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(chmod(dir, 0500), 0);
	db = open_db((struct rep_db_options){.read_only = true});
	assert_int_equal(db_number(db, "SELECT a FROM t"), 7);
	expect_code(rep_db_exec(db, "DELETE FROM t", &err), REP_EIO, &err, "read-only");
	rep_db_close(db);
	assert_int_equal(chmod(dir, 0700), 0);
}

static void failed_bind_is_told_at_the_step(void **state)
{
	struct rep_db *db = create_db();
	struct rep_stmt *stmt;
	bool row;

	(void)state;
	expect_ok(rep_db_prepare(db, &stmt, "SELECT ?1", &err), &err);
	rep_bind_int(stmt, 2, 5);
	rep_bind_int(stmt, 1, 5);
	expect_code(rep_step(stmt, &row, &err), REP_EINVAL, &err, "bind");
	rep_stmt_free(stmt);
	rep_db_close(db);
}

static char *twice(void *user, int len, const char *const *values)
{
	char *out = NULL;

	assert_ptr_equal(user, &err);
	assert_int_equal(len, 1);
	if (values[0] && asprintf(&out, "%s%s", values[0], values[0]) < 0)
		return NULL;
	return out;
}

static void own_function_serves_queries_but_no_trigger(void **state)
{
	struct rep_db *db = create_db();

	(void)state;
	expect_ok(rep_db_function(db, "twice", 1, twice, &err, &err), &err);
	assert_int_equal(db_number(db, "SELECT twice('2') = '22' AND twice(NULL) IS NULL"), 1);
	expect_ok(rep_db_exec(db,
			      "CREATE TABLE t (a); CREATE TRIGGER g AFTER INSERT ON t BEGIN "
			      "SELECT twice(NEW.a); END",
			      &err),
		  &err);
	expect_code(rep_db_exec(db, "INSERT INTO t VALUES ('x')", &err), REP_EINVAL, &err,
		    "unsafe use");
	rep_db_close(db);
}

/* Of a table whose trigger counts. */
static void insert_one(struct rep_db *db)
{
	struct rep_stmt *stmt;

	expect_ok(rep_db_use(db, &stmt, "INSERT INTO t VALUES (1)", &err), &err);
	expect_ok(rep_run(stmt, &err), &err);
}

static void triggers_are_off_until_it_is_said_again_or_the_transaction_ends(void **state)
{
	struct rep_db *db = create_db();

	(void)state;
	expect_ok(rep_db_exec(db,
			      "CREATE TABLE t (a); CREATE TABLE fired (a); CREATE TRIGGER g AFTER "
			      "INSERT ON t BEGIN INSERT INTO fired VALUES (1); END",
			      &err),
		  &err);
	rep_db_triggers(db, false); /* outside a transaction it means nothing */
	insert_one(db);
	assert_int_equal(db_number(db, "SELECT count(*) FROM fired"), 1);
	expect_ok(rep_db_begin(db, &err), &err);
	rep_db_triggers(db, false);
	insert_one(db);
	expect_ok(rep_db_begin(db, &err), &err);
	rep_db_abort(db); /* an inner one that began later */
	insert_one(db);
	assert_int_equal(db_number(db, "SELECT count(*) FROM fired"), 1);
	rep_db_triggers(db, true);
	insert_one(db);
	assert_int_equal(db_number(db, "SELECT count(*) FROM fired"), 2);
	expect_ok(rep_db_begin(db, &err), &err);
	rep_db_triggers(db, false);
	rep_db_abort(db);
	assert_true(rep_db_has_triggers(db));
	insert_one(db);
	assert_int_equal(db_number(db, "SELECT count(*) FROM fired"), 3);
	rep_db_triggers(db, false);
	expect_ok(rep_db_commit(db, &err), &err);
	insert_one(db);
	assert_int_equal(db_number(db, "SELECT count(*) FROM fired"), 4);
	rep_db_close(db);
}

static void quoted_names_cannot_break_out(void **state)
{
	struct rep_buf out = REP_BUF_INIT(100);

	(void)state;
	rep_db_quote(&out, "a\"b");
	assert_string_equal(rep_buf_str(&out), "\"a\"\"b\"");
	rep_buf_clear(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(file_is_private_whatever_the_umask),
		CASE(settings_are_the_durable_ones),
		CASE(absent_file_is_not_made_without_being_asked),
		CASE(inner_abort_keeps_the_outer_transaction),
		CASE(close_rolls_back),
		CASE(used_statement_is_prepared_once_and_comes_back_clean),
		CASE(trailing_statement_is_refused),
		CASE(restricted_connection_only_reads),
		CASE(full_disk_is_told_and_the_transaction_is_gone),
		CASE(second_writer_waits_then_reports_busy),
		CASE(who_reads_has_the_rows_of_the_moment_at_which_it_began),
		CASE(file_that_is_no_database_is_an_integrity_error),
		CASE(opens_where_nothing_can_be_written),
		CASE(failed_bind_is_told_at_the_step),
		CASE(own_function_serves_queries_but_no_trigger),
		CASE(triggers_are_off_until_it_is_said_again_or_the_transaction_ends),
		CASE(quoted_names_cannot_break_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
