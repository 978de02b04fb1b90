/* Databases and their files, for tests that look into them. */
#ifndef REPSYNC_TESTS_HELP_DB_H
#define REPSYNC_TESTS_HELP_DB_H

#include "core/base/buf.h"
#include "core/store/db.h"
#include "help.h"

/* First column of the first row; fails the test when there is no row. */
int64_t db_number(struct rep_db *db, const char *sql);

/* The whole of a file; the caller clears it. */
struct rep_buf file_bytes(const char *path);
/* Makes that the whole of a file, in its place. */
void file_put(const char *path, const void *data, size_t len);

#endif
