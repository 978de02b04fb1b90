#include "core/store/db.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/store/db_raw.h"
#include "core/store/vfs.h"

#define BUSY_TIMEOUT_MS 10000
#define ARGS_MAX 16
/* Of a connection: slots of 1200 bytes, of which SQLite makes small ones too. Compiling a statement takes hundreds. */
#define LOOKASIDE_SIZE 1200
#define LOOKASIDE_SLOTS 128

enum rep_code rep_db_code(int rc)
{
	if (rc == SQLITE_IOERR_DATA) /* vfs.h: what lies on disk is not what was written */
		return REP_EINTEGRITY;
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return REP_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return REP_EBUSY;
	case SQLITE_NOMEM:
		return REP_ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return REP_EINTEGRITY;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_ERROR:
	case SQLITE_RANGE:
		return REP_EINVAL;
	case SQLITE_TOOBIG:
		return REP_ELIMIT;
	case SQLITE_AUTH:
		return REP_EREFUSED;
	default:
		return REP_EIO;
	}
}

enum rep_code rep_db_fail(sqlite3 *raw, int rc, struct rep_error *err)
{
	const char *what = raw ? sqlite3_errmsg(raw) : sqlite3_errstr(rc);

	if (rc == SQLITE_IOERR_DATA)
		return rep_fail(err, REP_EINTEGRITY,
				"database: damaged: a page does not verify against its key");
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return rep_fail(err, REP_EIO, "database: disk full");
	case SQLITE_IOERR:
		return rep_fail(err, REP_EIO, "database: disk I/O error (%d%s%s)", rc,
				errno ? ": " : "", errno ? strerror(errno) : "");
	case SQLITE_BUSY:
		return rep_fail(err, REP_EBUSY, "database: locked by another process");
	case SQLITE_READONLY:
		return rep_fail(err, REP_EIO, "database: read-only");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return rep_fail(err, REP_EINTEGRITY, "database: damaged: %s", what);
	case SQLITE_AUTH:
		return rep_fail(err, REP_EREFUSED, "only reading statements are allowed here");
	default:
		return rep_fail(err, rep_db_code(rc), "%s", what);
	}
}

/* A row of a table that is not the engine's; or what a trigger does, which nobody under restriction can have made. */
static bool may_write(int action, const char *table, const char *trigger)
{
	if (action != SQLITE_INSERT && action != SQLITE_UPDATE && action != SQLITE_DELETE)
		return false;
	return trigger || (table && table[0] != '_' && strncmp(table, "sqlite_", 7) != 0);
}

/*
 * Installed once: setting an authorizer expires every prepared statement, so it is the flag that
 * changes, not the callback.
 */
static int authorize(void *user, int action, const char *a, const char *b, const char *c,
		     const char *d)
{
	const struct rep_db *db = user;

	(void)c;
	if ((db->restricted || db->restricted_write) && action == SQLITE_READ && a &&
	    strcmp(a, "_secret") == 0)
		return SQLITE_DENY;
	if (db->restricted_write && may_write(action, a, d))
		return SQLITE_OK;
	if ((!db->restricted && !db->restricted_write) || action == SQLITE_SELECT ||
	    action == SQLITE_READ || action == SQLITE_RECURSIVE)
		return SQLITE_OK;
	if (action == SQLITE_FUNCTION && b && strcmp(b, "load_extension") != 0)
		return SQLITE_OK;
	return SQLITE_DENY;
}

static void uri_put(struct rep_buf *out, const char *path)
{
	rep_buf_puts(out, path[0] == '/' ? "file://" : "file:");
	for (; *path; path++) {
		if (strchr("?#%", *path))
			rep_buf_printf(out, "%%%02x", (unsigned)(unsigned char)*path);
		else
			rep_buf_putc(out, *path);
	}
}

static bool has_wal(const char *path)
{
	struct rep_buf name = REP_BUF_INIT(8192);
	struct stat st;
	bool found;

	rep_buf_puts(&name, path);
	rep_buf_puts(&name, "-wal");
	found = stat(rep_buf_str(&name), &st) == 0 && st.st_size > 0;
	rep_buf_clear(&name);
	return found;
}

static int open_uri(struct rep_db *db, const char *path, bool read_only, bool immutable)
{
	struct rep_buf uri = REP_BUF_INIT(16384);
	int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
		    (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	int rc;

	uri_put(&uri, path);
	rep_buf_puts(&uri, read_only ? "?mode=ro" : "?mode=rw");
	if (immutable)
		rep_buf_puts(&uri, "&immutable=1");
	rc = uri.failed ? SQLITE_NOMEM
			: sqlite3_open_v2(rep_buf_str(&uri), &db->raw, flags,
					  db->vfs ? rep_vfs_name(db->vfs) : NULL);
	rep_buf_clear(&uri);
	return rc;
}

/*
 * A WAL database on a read-only mount, or on a full disk, can be opened only as immutable, because its -shm cannot be
 * made; that is right as long as no -wal holds newer pages.
 */
static bool cannot_share(int rc)
{
	return (rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY ||
	       (rc & 0xff) == SQLITE_FULL || rc == SQLITE_IOERR_SHMSIZE ||
	       rc == SQLITE_IOERR_SHMOPEN;
}

static enum rep_code open_read_only(struct rep_db *db, const char *path, struct rep_error *err)
{
	int rc = open_uri(db, path, true, false);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->raw, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	if (cannot_share(rc) && !has_wal(path)) {
		sqlite3_close_v2(db->raw);
		db->raw = NULL;
		rc = open_uri(db, path, true, true);
	}
	if (rc != SQLITE_OK)
		return rep_db_fail(db->raw, rc, err);
	return REP_OK;
}

static enum rep_code open_raw(struct rep_db *db, const char *path,
			      const struct rep_db_options *options, struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	int raw_rc;

	if (options->key && !options->memory)
		rc = rep_vfs_new(&db->vfs, options->key, err);
	if (rc != REP_OK)
		return rc;

	if (options->memory) {
		raw_rc = open_uri(db, ":memory:", false, false);
		return raw_rc == SQLITE_OK ? REP_OK : rep_db_fail(db->raw, raw_rc, err);
	}
	if (options->read_only)
		return open_read_only(db, path, err);
	if (options->create) {
		rc = rep_file_make_private(path,
					   err); /* SQLite gives -wal and -shm the same mode */
		if (rc != REP_OK)
			return rc;
	}
	/* SQLite would say "unable to open database file", and that only when it makes the -wal. */
	if (access(path, W_OK) != 0 && errno == EROFS)
		return rep_fail(err, REP_EIO, "%s", strerror(errno));
	raw_rc = open_uri(db, path, false, false);
	return raw_rc == SQLITE_OK ? REP_OK : rep_db_fail(db->raw, raw_rc, err);
}

/*
 * A new encrypted database has room for nonce and tag in each page; and it becomes a WAL database without the rollback journal
 * that SQLite would write for the change, which the VFS refuses.
 */
static enum rep_code shape_new(struct rep_db *db, struct rep_error *err)
{
	int reserved = REP_CIPHER_EXTRA;
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_prepare(db, &stmt, "PRAGMA page_count", err);

	if (rc != REP_OK)
		return rc;
	rc = rep_step(stmt, &row, err);
	row = row && rep_column_int(stmt, 0) > 0;
	rep_stmt_free(stmt);
	if (rc != REP_OK || row)
		return rc;
	sqlite3_file_control(db->raw, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
	return rep_db_exec(db, "PRAGMA page_size = 4096; PRAGMA journal_mode = MEMORY", err);
}

/*
 * trusted_schema stays on: with it off, SQLite 3.40 holds its own JSON functions for unsafe in triggers, views and CHECKs. What it
 * would keep from a foreign file's schema is kept by other means: our functions are DIRECTONLY, extensions cannot be loaded.
 */
static enum rep_code configure(struct rep_db *db, const struct rep_db_options *options,
			       struct rep_error *err)
{
	enum rep_code rc;

	sqlite3_busy_timeout(db->raw, BUSY_TIMEOUT_MS);
	sqlite3_db_config(db->raw, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->raw, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(db->raw, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_set_authorizer(db->raw, authorize, db);
	rc = rep_db_exec(db,
			 "PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = ON;"
			 "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON",
			 err);
	if (rc == REP_OK && options->create && db->vfs)
		rc = shape_new(db, err);
	if (rc == REP_OK && !options->read_only && !options->memory)
		rc = rep_db_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", err);
	if (rc == REP_OK && options->read_only)
		rc = rep_db_exec(db, "PRAGMA query_only = ON", err);
	return rc;
}

/* Fails where somebody used SQLite before; then it works as it would anyway, only slower. */
static void set_up(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	(void)sqlite3_config(SQLITE_CONFIG_LOOKASIDE, LOOKASIDE_SIZE, LOOKASIDE_SLOTS);
}

void rep_db_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, set_up);
}

enum rep_code rep_db_open(struct rep_db **out, const char *path,
			  const struct rep_db_options *options, struct rep_error *err)
{
	struct rep_db *db = calloc(1, sizeof *db);
	enum rep_code rc;

	*out = NULL;
	if (!db)
		return rep_fail(err, REP_ENOMEM, "open database: no memory");
	rep_db_init();
	errno = 0;
	rc = open_raw(db, path, options, err);
	if (rc == REP_OK)
		rc = configure(db, options, err);
	if (rc == REP_OK) {
		*out = db;
		db = NULL;
	}
	rep_db_close(db);
	return rep_wrap(err, rc, "open %s", options->memory ? "database in memory" : path);
}

void rep_db_close(struct rep_db *db)
{
	if (!db)
		return;
	rep_db_forget(db);
	/* With a statement still in use the connection lives on, and needs its VFS. */
	if (sqlite3_close(db->raw) == SQLITE_OK)
		rep_vfs_free(db->vfs);
	else
		sqlite3_close_v2(db->raw);
	free(db);
}

enum rep_code rep_db_exec(struct rep_db *db, const char *sql, struct rep_error *err)
{
	int rc;

	errno = 0;
	rc = sqlite3_exec(db->raw, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? REP_OK : rep_db_fail(db->raw, rc, err);
}

enum rep_code rep_db_execf(struct rep_db *db, struct rep_error *err, const char *fmt, ...)
{
	enum rep_code rc;
	char *sql;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&sql, fmt, args);
	va_end(args);
	if (len < 0)
		return rep_fail(err, REP_ENOMEM, "run SQL: no memory");
	rc = rep_db_exec(db, sql, err);
	free(sql);
	return rc;
}

/* SQLite itself rolls everything back on some errors (full disk, I/O); then nothing is left to go on with. */
static enum rep_code still_open(struct rep_db *db, struct rep_error *err)
{
	if (db->depth > 0 && sqlite3_get_autocommit(db->raw))
		return rep_fail(err, REP_EIO, "database: the transaction was rolled back");
	return REP_OK;
}

void rep_db_triggers(struct rep_db *db, bool on)
{
	if (on == (db->quiet == 0) || (!on && db->depth == 0))
		return;
	db->quiet = on ? 0 : db->depth;
	sqlite3_db_config(db->raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, on ? 1 : 0, NULL);
}

bool rep_db_has_triggers(const struct rep_db *db)
{
	return db->quiet == 0;
}

static void left(struct rep_db *db)
{
	db->depth--;
	if (db->quiet > db->depth)
		rep_db_triggers(db, true);
}

/* BEGIN alone fixes nothing: the moment would be that of the first statement that reads. */
static enum rep_code begin_reading(struct rep_db *db, struct rep_error *err)
{
	enum rep_code rc = rep_db_exec(db, "BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1", err);

	if (rc != REP_OK && !sqlite3_get_autocommit(db->raw))
		(void)sqlite3_exec(db->raw, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static enum rep_code begin(struct rep_db *db, bool writes, struct rep_error *err)
{
	enum rep_code rc = still_open(db, err);

	if (rc == REP_OK && db->depth > 0)
		rc = rep_db_execf(db, err, "SAVEPOINT level%d", db->depth);
	else if (rc == REP_OK)
		rc = writes ? rep_db_exec(db, "BEGIN IMMEDIATE", err) : begin_reading(db, err);
	if (rc == REP_OK)
		db->depth++;
	return rc;
}

enum rep_code rep_db_begin(struct rep_db *db, struct rep_error *err)
{
	return begin(db, !sqlite3_db_readonly(db->raw, "main"), err);
}

enum rep_code rep_db_begin_reading(struct rep_db *db, struct rep_error *err)
{
	return begin(db, false, err);
}

enum rep_code rep_db_commit(struct rep_db *db, struct rep_error *err)
{
	enum rep_code rc = still_open(db, err);

	if (rc == REP_OK)
		rc = db->depth == 1 ? rep_db_exec(db, "COMMIT", err)
				    : rep_db_execf(db, err, "RELEASE level%d", db->depth - 1);
	if (rc == REP_OK)
		left(db);
	else
		rep_db_abort(db);
	return rc;
}

void rep_db_abort(struct rep_db *db)
{
	struct rep_error ignored;

	if (db->depth == 0)
		return;
	left(db);
	rep_db_forget_kept(db);
	if (sqlite3_get_autocommit(db->raw))
		return;
	if (db->depth == 0 && rep_db_exec(db, "ROLLBACK", &ignored) == REP_OK)
		return;
	if (db->depth > 0 && rep_db_execf(db, &ignored, "ROLLBACK TO level%d; RELEASE level%d",
					  db->depth, db->depth) == REP_OK)
		return;
}

bool rep_db_in_transaction(const struct rep_db *db)
{
	return db->depth > 0;
}

int64_t rep_db_changes(struct rep_db *db)
{
	return sqlite3_changes64(db->raw);
}

int64_t rep_db_last_id(struct rep_db *db)
{
	return sqlite3_last_insert_rowid(db->raw);
}

/* SQLite declares its own table-valued functions at their first use, and asks the authorizer for a CREATE TABLE then. */
static void declare_functions(struct rep_db *db)
{
	if (!db->restricted && !db->restricted_write)
		(void)sqlite3_exec(db->raw, "SELECT 1 FROM json_each('[]'), json_tree('[]')", NULL,
				   NULL, NULL);
}

void rep_db_restrict(struct rep_db *db, bool read_only)
{
	declare_functions(db);
	db->restricted = read_only;
}

void rep_db_restrict_to_rows(struct rep_db *db, bool on)
{
	declare_functions(db);
	db->restricted_write = on;
}

struct function {
	char *(*call)(void *user, int len, const char *const *values);
	void *user;
};

static void call_function(sqlite3_context *context, int len, sqlite3_value **values)
{
	const struct function *function = sqlite3_user_data(context);
	const char *texts[ARGS_MAX];
	char *result;

	if (len > ARGS_MAX) {
		sqlite3_result_error(context, "too many arguments", -1);
		return;
	}
	for (int i = 0; i < len; i++) {
		texts[i] = (const char *)sqlite3_value_text(values[i]);
		if (!texts[i] && sqlite3_value_type(values[i]) != SQLITE_NULL) {
			sqlite3_result_error_nomem(context);
			return;
		}
	}
	result = function->call(function->user, len, texts);
	if (result)
		sqlite3_result_text(context, result, -1, free);
	else
		sqlite3_result_null(context);
}

enum rep_code rep_db_function(struct rep_db *db, const char *name, int args,
			      char *(*call)(void *user, int len, const char *const *values),
			      void *user, struct rep_error *err)
{
	struct function *function = malloc(sizeof *function);
	int rc;

	if (!function)
		return rep_fail(err, REP_ENOMEM, "register %s: no memory", name);
	*function = (struct function){call, user};
	rc = sqlite3_create_function_v2(db->raw, name, args,
					SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
					function, call_function, NULL, NULL, free);
	return rc == SQLITE_OK ? REP_OK : rep_db_fail(db->raw, rc, err);
}

static enum rep_code checkpoint(struct rep_db *db, struct rep_error *err)
{
	int rc = sqlite3_wal_checkpoint_v2(db->raw, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	return rc == SQLITE_OK ? REP_OK : rep_db_fail(db->raw, rc, err);
}

enum rep_code rep_db_compact(struct rep_db *db, bool vacuum, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (vacuum)
		rc = rep_db_exec(db, "VACUUM", err);
	if (rc == REP_OK)
		rc = checkpoint(db, err);
	return rep_wrap(err, rc, "compact database");
}

enum rep_code rep_db_integrity(struct rep_db *db, struct rep_error *err)
{
	struct rep_stmt *stmt = NULL;
	enum rep_code rc = rep_db_prepare(db, &stmt, "PRAGMA integrity_check(1)", err);
	const char *text = NULL;
	bool row = false;

	if (rc == REP_OK)
		rc = rep_step(stmt, &row, err);
	if (rc == REP_OK)
		text = row ? rep_column_text(stmt, 0, NULL) : "no answer";
	if (rc == REP_OK && (!text || strcmp(text, "ok") != 0))
		rc = rep_fail(err, REP_EINTEGRITY, "database: damaged: %s", text ? text : "");
	rep_stmt_free(stmt);
	return rc;
}

void rep_db_quote(struct rep_buf *out, const char *name)
{
	rep_buf_putc(out, '"');
	for (; *name; name++) {
		if (*name == '"')
			rep_buf_putc(out, '"');
		rep_buf_putc(out, *name);
	}
	rep_buf_putc(out, '"');
}
