#include "help_vfs.h"

#include <stdio.h>

#include "core/base/file.h"

const struct rep_db_key vfs_key = {.key = {1, 2, 3}, .salt = {4, 5, 6}};
char *vfs_dir;
char vfs_path[4096], vfs_log[4200];

static struct rep_error err;

int vfs_setup(void **state)
{
	(void)state;
	expect_ok(rep_key_init(&err), &err);
	expect_ok(rep_dir_private(&vfs_dir, "vfs-test-", &err), &err);
	snprintf(vfs_path, sizeof vfs_path, "%s/a.db", vfs_dir);
	snprintf(vfs_log, sizeof vfs_log, "%s-wal", vfs_path);
	return 0;
}

int vfs_teardown(void **state)
{
	(void)state;
	expect_ok(rep_dir_remove(vfs_dir, &err), &err);
	free(vfs_dir);
	return 0;
}

struct rep_db *vfs_open(const char *at)
{
	struct rep_db *db;

	expect_ok(rep_db_open(&db, at, &(struct rep_db_options){.create = true, .key = &vfs_key},
			      &err),
		  &err);
	return db;
}

void vfs_run(struct rep_db *db, const char *sql)
{
	expect_ok(rep_db_exec(db, sql, &err), &err);
}

void vfs_fill(struct rep_db *db, int rows)
{
	char sql[300];

	vfs_run(db, "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, a TEXT)");
	snprintf(sql, sizeof sql,
		 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
		 "INSERT INTO t (a) SELECT '" SECRET_TEXT "' || i FROM n",
		 rows);
	vfs_run(db, sql);
}
