/* An encrypted database in a folder of its own, for the tests of the VFS. */
#ifndef REPSYNC_TESTS_HELP_VFS_H
#define REPSYNC_TESTS_HELP_VFS_H

#include "help_db.h"

#define SECRET_TEXT "陈建国13900001111"

extern const struct rep_db_key vfs_key;
extern char *vfs_dir;
/* Where the database and its log belong, in vfs_dir; vfs_open() makes them. */
extern char vfs_path[4096], vfs_log[4200];

/* cmocka setup and teardown: the folder, empty. */
int vfs_setup(void **state);
int vfs_teardown(void **state);

struct rep_db *vfs_open(const char *at);
void vfs_run(struct rep_db *db, const char *sql);
/* That many rows of SECRET_TEXT more in table t, in one statement. */
void vfs_fill(struct rep_db *db, int rows);

#endif
