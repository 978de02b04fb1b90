/*
 * The only SQLite wrapper: connections, transactions, statements. One connection belongs to one thread.
 *
 * Every database is WAL with synchronous=FULL (the only mode in which an acknowledged commit survived
 * every power cut), recursive_triggers on, foreign keys off, no extensions, and a busy timeout of 10 s. Every open goes through
 * rep_db_open, which takes the key of a database that is encrypted at rest (vfs.h).
 */
#ifndef REPSYNC_CORE_STORE_DB_H
#define REPSYNC_CORE_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/cipher.h"

struct rep_db;
struct rep_stmt;

/*
 * Tells SQLite not to count the memory it takes, which costs a lock at each allocation. rep_db_open calls it; a program that
 * uses SQLite before its first rep_db_open calls it before that.
 */
void rep_db_init(void);

/* What opens an encrypted database: the key of its pages, and the salt that tells it from every other one. */
struct rep_db_key {
	uint8_t key[REP_CIPHER_KEY];
	uint8_t salt[REP_CIPHER_SALT];
};

struct rep_db_options {
	bool create;                  /* make the file (mode 0600) if it is absent */
	bool read_only;               /* works on a read-only mount */
	bool memory;                  /* path is ignored */
	const struct rep_db_key *key; /* encrypted at rest, and copied; NULL: plain */
};
REP_CHECK enum rep_code rep_db_open(struct rep_db **out, const char *path,
				    const struct rep_db_options *options, struct rep_error *err);
void rep_db_close(struct rep_db *db); /* rolls back an open transaction; NULL is fine */

/* Runs one or many statements without parameters. A full disk is REP_EIO "disk full", a lock REP_EBUSY. */
REP_CHECK enum rep_code rep_db_exec(struct rep_db *db, const char *sql, struct rep_error *err);
REP_CHECK enum rep_code rep_db_execf(struct rep_db *db, struct rep_error *err, const char *fmt, ...)
	REP_PRINTF(3, 4);

/* Transactions nest: the outer one is IMMEDIATE (of who only reads: one for reading, as below), inner ones are savepoints. */
REP_CHECK enum rep_code rep_db_begin(struct rep_db *db, struct rep_error *err);
/* One for reading alone, which keeps no writer out: rows as they are at this call, and the file's locks taken once and not for each statement. */
REP_CHECK enum rep_code rep_db_begin_reading(struct rep_db *db, struct rep_error *err);
REP_CHECK enum rep_code rep_db_commit(struct rep_db *db, struct rep_error *err);
void rep_db_abort(struct rep_db *db); /* rolls the innermost back */
bool rep_db_in_transaction(const struct rep_db *db);

/*
 * Inside a transaction: from here on no trigger of this connection fires, and none is compiled into a statement, until it is said
 * again, or the transaction or savepoint in which it was said ends. For the engine's own writing of many rows; what a trigger would
 * have done there is up to the writer (rep_row_put).
 */
void rep_db_triggers(struct rep_db *db, bool on);
bool rep_db_has_triggers(const struct rep_db *db);

/*
 * A statement owned by the connection, prepared once for this text, reset and with its parameters
 * cleared: the way for everything that runs often. Do not free it; do not use the same text twice at once.
 */
REP_CHECK enum rep_code rep_db_use(struct rep_db *db, struct rep_stmt **out, const char *sql,
				   struct rep_error *err);
/*
 * The same kept under a short name, for texts that take longer to write than to run: *out is NULL until rep_db_keep has
 * prepared `sql` under it. All of them are forgotten when tables are made and when a transaction is rolled back, since a text
 * depends on the columns of its table.
 */
void rep_db_kept(struct rep_db *db, struct rep_stmt **out, const char *name);
REP_CHECK enum rep_code rep_db_keep(struct rep_db *db, struct rep_stmt **out, const char *name,
				    const char *sql, struct rep_error *err);
void rep_db_forget_kept(struct rep_db *db);
/* A statement of one's own, freed by rep_stmt_free. Refuses trailing SQL. */
REP_CHECK enum rep_code rep_db_prepare(struct rep_db *db, struct rep_stmt **out, const char *sql,
				       struct rep_error *err);
void rep_stmt_free(struct rep_stmt *stmt);
void rep_stmt_reset(struct rep_stmt *stmt); /* also clears parameters */
bool rep_stmt_readonly(const struct rep_stmt *stmt);

/* Parameters count from 1; texts and blobs are copied. A NULL text binds null. Failures show at the step. */
void rep_bind_text(struct rep_stmt *stmt, int index, const char *text);
void rep_bind_text_n(struct rep_stmt *stmt, int index, const char *text, size_t len);
void rep_bind_int(struct rep_stmt *stmt, int index, int64_t value);
void rep_bind_blob(struct rep_stmt *stmt, int index, const void *data, size_t len);
void rep_bind_null(struct rep_stmt *stmt, int index);
int rep_bind_index(struct rep_stmt *stmt, const char *name); /* 0 when there is none */

/* *row is false when there is no (further) row; the statement is then reset. */
REP_CHECK enum rep_code rep_step(struct rep_stmt *stmt, bool *row, struct rep_error *err);
/* Steps a statement that gives no rows. */
REP_CHECK enum rep_code rep_run(struct rep_stmt *stmt, struct rep_error *err);

enum rep_column {
	REP_COLUMN_NULL,
	REP_COLUMN_INTEGER,
	REP_COLUMN_REAL,
	REP_COLUMN_TEXT,
	REP_COLUMN_BLOB
};
int rep_columns(const struct rep_stmt *stmt);
const char *rep_column_name(struct rep_stmt *stmt, int index);
enum rep_column rep_column_type(struct rep_stmt *stmt, int index);
const char *rep_column_text(struct rep_stmt *stmt, int index,
			    size_t *len); /* NULL for null; until the next step; len may be NULL */
int64_t rep_column_int(struct rep_stmt *stmt, int index);
double rep_column_real(struct rep_stmt *stmt, int index);
const void *rep_column_blob(struct rep_stmt *stmt, int index, size_t *len);

int64_t rep_db_changes(struct rep_db *db); /* rows of the last statement */
int64_t rep_db_last_id(struct rep_db *db);

/* While restricted, a statement that is prepared may only read, and not from _secret (REP_EREFUSED): for `sql` and reports. */
void rep_db_restrict(struct rep_db *db, bool read_only);
/*
 * While restricted so, it may also insert, update and delete, but in no table whose name begins with "_" or "sqlite_"; triggers do what
 * they do. Neither schema, pragmas, transactions nor other files.
 */
void rep_db_restrict_to_rows(struct rep_db *db, bool on);

/* Flattens the WAL into the file and shrinks it to nothing; VACUUM too where asked. */
REP_CHECK enum rep_code rep_db_compact(struct rep_db *db, bool vacuum, struct rep_error *err);

/*
 * Registers the SQL function `name` of `args` arguments (-1 = any) for statements on this connection; triggers, views and
 * indexes cannot call it, so that stock clients can write. `call` gets texts (NULL for null) and
 * returns a text that is freed with free(), or NULL for null.
 */
REP_CHECK enum rep_code rep_db_function(struct rep_db *db, const char *name, int args,
					char *(*call)(void *user, int len,
						      const char *const *values),
					void *user, struct rep_error *err);

REP_CHECK enum rep_code rep_db_integrity(struct rep_db *db,
					 struct rep_error *err); /* integrity_check */

/* An SQL identifier in double quotes, quotes doubled. Appended. */
struct rep_buf;
void rep_db_quote(struct rep_buf *out, const char *name);

#endif
