#include "help_db.h"

#include <stdio.h>

#include "core/base/file.h"

int64_t db_number(struct rep_db *db, const char *sql)
{
	struct rep_stmt *stmt;
	struct rep_error err;
	bool row;
	int64_t value;

	expect_ok(rep_db_prepare(db, &stmt, sql, &err), &err);
	expect_ok(rep_step(stmt, &row, &err), &err);
	assert_true(row);
	value = rep_column_int(stmt, 0);
	rep_stmt_free(stmt);
	return value;
}

struct rep_buf file_bytes(const char *path)
{
	struct rep_buf bytes = REP_BUF_INIT(64u << 20);
	struct rep_error err;

	expect_ok(rep_file_read(&bytes, path, &err), &err);
	return bytes;
}

void file_put(const char *path, const void *data, size_t len)
{
	FILE *out = fopen(path, "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}
