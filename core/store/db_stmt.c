/* Statements: prepared, kept by their text, bound and stepped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/db_raw.h"

void rep_db_forget(struct rep_db *db)
{
	for (size_t i = 0; i < db->cache_len; i++) {
		rep_stmt_free(db->cache[i].stmt);
		free(db->cache[i].sql);
	}
	free(db->cache);
	db->cache = NULL;
	db->cache_len = db->cache_cap = 0;
	rep_db_forget_kept(db);
}

void rep_db_forget_kept(struct rep_db *db)
{
	for (size_t i = 0; i < db->kept_len; i++) {
		rep_stmt_free(db->kept[i].stmt);
		free(db->kept[i].sql);
	}
	free(db->kept);
	db->kept = NULL;
	db->kept_len = 0;
}

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 14695981039346656037u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u;
	return hash;
}

static size_t cache_place(const struct rep_db *db, uint64_t hash, const char *sql)
{
	size_t low = 0;
	size_t high = db->cache_len;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct rep_db_cached *at = &db->cache[middle];

		if (at->hash < hash || (at->hash == hash && strcmp(at->sql, sql) < 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum rep_code cache_add(struct rep_db *db, size_t place, uint64_t hash, const char *sql,
			       struct rep_error *err)
{
	struct rep_db_cached entry = {.sql = strdup(sql), .hash = hash};
	enum rep_code rc;

	if (db->cache_len == db->cache_cap) {
		size_t cap = db->cache_cap ? db->cache_cap * 2 : 64;
		struct rep_db_cached *grown = reallocarray(db->cache, cap, sizeof *grown);

		if (grown) {
			db->cache = grown;
			db->cache_cap = cap;
		}
	}
	if (!entry.sql || db->cache_len == db->cache_cap) {
		free(entry.sql);
		return rep_fail(err, REP_ENOMEM, "prepare statement: no memory");
	}
	rc = rep_db_prepare(db, &entry.stmt, sql, err);
	if (rc != REP_OK) {
		free(entry.sql);
		return rc;
	}
	memmove(db->cache + place + 1, db->cache + place,
		(db->cache_len - place) * sizeof *db->cache);
	db->cache[place] = entry;
	db->cache_len++;
	return REP_OK;
}

void rep_db_kept(struct rep_db *db, struct rep_stmt **out, const char *name)
{
	uint64_t hash = hash_of(name);

	*out = NULL;
	for (size_t i = 0; i < db->kept_len && !*out; i++)
		if (db->kept[i].hash == hash && strcmp(db->kept[i].sql, name) == 0)
			*out = db->kept[i].stmt;
	if (*out)
		rep_stmt_reset(*out);
}

enum rep_code rep_db_keep(struct rep_db *db, struct rep_stmt **out, const char *name,
			  const char *sql, struct rep_error *err)
{
	struct rep_db_cached *grown = reallocarray(db->kept, db->kept_len + 1, sizeof *grown);
	struct rep_db_cached entry = {.sql = strdup(name), .hash = hash_of(name)};
	enum rep_code rc;

	*out = NULL;
	if (grown)
		db->kept = grown;
	if (!grown || !entry.sql) {
		free(entry.sql);
		return rep_fail(err, REP_ENOMEM, "prepare statement: no memory");
	}
	rc = rep_db_prepare(db, &entry.stmt, sql, err);
	if (rc != REP_OK) {
		free(entry.sql);
		return rc;
	}
	db->kept[db->kept_len++] = entry;
	*out = entry.stmt;
	return REP_OK;
}

enum rep_code rep_db_use(struct rep_db *db, struct rep_stmt **out, const char *sql,
			 struct rep_error *err)
{
	uint64_t hash = hash_of(sql);
	size_t place = cache_place(db, hash, sql);
	enum rep_code rc;

	*out = NULL;
	if (place == db->cache_len || db->cache[place].hash != hash ||
	    strcmp(db->cache[place].sql, sql) != 0) {
		rc = cache_add(db, place, hash, sql, err);
		if (rc != REP_OK)
			return rc;
	}
	*out = db->cache[place].stmt;
	rep_stmt_reset(*out);
	return REP_OK;
}

static bool only_space(const char *text)
{
	return text[strspn(text, " \t\r\n;")] == '\0';
}

enum rep_code rep_db_prepare(struct rep_db *db, struct rep_stmt **out, const char *sql,
			     struct rep_error *err)
{
	struct rep_stmt *stmt = calloc(1, sizeof *stmt);
	const char *tail = "";
	int rc;

	*out = NULL;
	if (!stmt)
		return rep_fail(err, REP_ENOMEM, "prepare statement: no memory");
	stmt->db = db;
	errno = 0;
	rc = sqlite3_prepare_v3(db->raw, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->raw, &tail);
	if (rc == SQLITE_OK && stmt->raw && only_space(tail)) {
		*out = stmt;
		return REP_OK;
	}
	rep_stmt_free(stmt);
	if (rc != SQLITE_OK)
		return rep_db_fail(db->raw, rc, err);
	return rep_fail(err, REP_EINVAL, "exactly one SQL statement is expected");
}

void rep_stmt_free(struct rep_stmt *stmt)
{
	if (!stmt)
		return;
	sqlite3_finalize(stmt->raw);
	free(stmt);
}

void rep_stmt_reset(struct rep_stmt *stmt)
{
	sqlite3_reset(stmt->raw);
	sqlite3_clear_bindings(stmt->raw);
	stmt->bind_rc = SQLITE_OK;
}

bool rep_stmt_readonly(const struct rep_stmt *stmt)
{
	return sqlite3_stmt_readonly(stmt->raw) != 0;
}

static void bound(struct rep_stmt *stmt, int rc)
{
	if (stmt->bind_rc == SQLITE_OK)
		stmt->bind_rc = rc;
}

void rep_bind_text(struct rep_stmt *stmt, int index, const char *text)
{
	rep_bind_text_n(stmt, index, text, text ? strlen(text) : 0);
}

void rep_bind_text_n(struct rep_stmt *stmt, int index, const char *text, size_t len)
{
	if (!text)
		bound(stmt, sqlite3_bind_null(stmt->raw, index));
	else
		bound(stmt, sqlite3_bind_text64(stmt->raw, index, text, len, SQLITE_TRANSIENT,
						SQLITE_UTF8));
}

void rep_bind_int(struct rep_stmt *stmt, int index, int64_t value)
{
	bound(stmt, sqlite3_bind_int64(stmt->raw, index, value));
}

void rep_bind_blob(struct rep_stmt *stmt, int index, const void *data, size_t len)
{
	bound(stmt, sqlite3_bind_blob64(stmt->raw, index, len ? data : "", len, SQLITE_TRANSIENT));
}

void rep_bind_null(struct rep_stmt *stmt, int index)
{
	bound(stmt, sqlite3_bind_null(stmt->raw, index));
}

int rep_bind_index(struct rep_stmt *stmt, const char *name)
{
	return sqlite3_bind_parameter_index(stmt->raw, name);
}

enum rep_code rep_step(struct rep_stmt *stmt, bool *row, struct rep_error *err)
{
	enum rep_code code = REP_OK;
	int rc = stmt->bind_rc;

	*row = false;
	errno = 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt->raw);
	if (rc == SQLITE_ROW) {
		*row = true;
		return REP_OK;
	}
	if (rc != SQLITE_DONE)
		code = stmt->bind_rc
			       ? rep_fail(err, rep_db_code(rc), "bind: %s", sqlite3_errstr(rc))
			       : rep_db_fail(stmt->db->raw, rc, err);
	sqlite3_reset(stmt->raw);
	return code;
}

enum rep_code rep_run(struct rep_stmt *stmt, struct rep_error *err)
{
	enum rep_code rc;
	bool row;

	do
		rc = rep_step(stmt, &row, err);
	while (rc == REP_OK && row);
	return rc;
}

int rep_columns(const struct rep_stmt *stmt)
{
	return sqlite3_column_count(stmt->raw);
}

const char *rep_column_name(struct rep_stmt *stmt, int index)
{
	return sqlite3_column_name(stmt->raw, index);
}

enum rep_column rep_column_type(struct rep_stmt *stmt, int index)
{
	switch (sqlite3_column_type(stmt->raw, index)) {
	case SQLITE_INTEGER:
		return REP_COLUMN_INTEGER;
	case SQLITE_FLOAT:
		return REP_COLUMN_REAL;
	case SQLITE_TEXT:
		return REP_COLUMN_TEXT;
	case SQLITE_BLOB:
		return REP_COLUMN_BLOB;
	default:
		return REP_COLUMN_NULL;
	}
}

const char *rep_column_text(struct rep_stmt *stmt, int index, size_t *len)
{
	const unsigned char *text = sqlite3_column_text(stmt->raw, index);

	if (len)
		*len = (size_t)sqlite3_column_bytes(stmt->raw, index);
	return (const char *)text;
}

int64_t rep_column_int(struct rep_stmt *stmt, int index)
{
	return sqlite3_column_int64(stmt->raw, index);
}

double rep_column_real(struct rep_stmt *stmt, int index)
{
	return sqlite3_column_double(stmt->raw, index);
}

const void *rep_column_blob(struct rep_stmt *stmt, int index, size_t *len)
{
	const void *data = sqlite3_column_blob(stmt->raw, index);

	if (len)
		*len = (size_t)sqlite3_column_bytes(stmt->raw, index);
	return data;
}
