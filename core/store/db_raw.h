/* What the two files that wrap SQLite share. */
#ifndef REPSYNC_CORE_STORE_DB_RAW_H
#define REPSYNC_CORE_STORE_DB_RAW_H

#include <sqlite3.h>

#include "core/store/db.h"

struct rep_stmt {
	struct rep_db *db;
	sqlite3_stmt *raw;
	int bind_rc; /* the first bind that went wrong, told at the step */
};

struct rep_db_cached {
	char *sql;
	uint64_t hash;
	struct rep_stmt *stmt;
};

struct rep_db {
	sqlite3 *raw;
	struct rep_vfs *vfs;         /* NULL: the system's */
	int depth;                   /* transactions begun here */
	int quiet;                   /* the depth at which triggers were turned off; 0: they fire */
	bool restricted;             /* statements that are prepared may only read */
	bool restricted_write;       /* or write to business tables */
	struct rep_db_cached *cache; /* sorted by hash, then text */
	size_t cache_len;
	size_t cache_cap;
	struct rep_db_cached *kept; /* by name, in no order: two an entity */
	size_t kept_len;
};

/* The code that an SQLite result stands for, and the same as an error with SQLite's own words. */
enum rep_code rep_db_code(int rc);
REP_CHECK enum rep_code rep_db_fail(sqlite3 *raw, int rc, struct rep_error *err);
/* Frees the cached statements. */
void rep_db_forget(struct rep_db *db);

#endif
