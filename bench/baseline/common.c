#include "common.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Noreturn void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("bench-sqlite: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

sqlite3 *open_db(const char *path)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		die("%s: %s", path, sqlite3_errmsg(db));
	exec(db, "PRAGMA journal_mode = WAL");
	exec(db, "PRAGMA synchronous = FULL");
	exec(db, "PRAGMA cache_size = -65536");
	return db;
}

void exec(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		die("%s: %s", sql, sqlite3_errmsg(db));
}

sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		die("%s: %s", sql, sqlite3_errmsg(db));
	return stmt;
}

void step(sqlite3 *db, sqlite3_stmt *stmt)
{
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		;
	if (rc != SQLITE_DONE)
		die("%s: %s", sqlite3_sql(stmt), sqlite3_errmsg(db));
	sqlite3_reset(stmt);
}

void make_tables(sqlite3 *db)
{
	exec(db,
	     "CREATE TABLE customer(id TEXT PRIMARY KEY, territory TEXT, reps TEXT, name TEXT, gender TEXT, "
	     "title TEXT, hospital TEXT, department TEXT, province TEXT, city TEXT, address TEXT, phone TEXT, "
	     "mobile TEXT, email TEXT, wechat TEXT, grade TEXT, potential INTEGER, specialty TEXT, consent TEXT, "
	     "product TEXT, notes TEXT, license TEXT, updated_at INTEGER) STRICT, WITHOUT ROWID;"
	     "CREATE TABLE visit(id TEXT PRIMARY KEY, customer TEXT, territory TEXT, rep TEXT, at INTEGER, "
	     "channel TEXT, product TEXT, minutes INTEGER, outcome TEXT, note TEXT) STRICT, WITHOUT ROWID;"
	     "CREATE INDEX customer_territory ON customer(territory);"
	     "CREATE INDEX visit_customer ON visit(customer);"
	     "CREATE TABLE _outbox(n INTEGER PRIMARY KEY, body BLOB);"
	     "CREATE TABLE _log(n INTEGER PRIMARY KEY, rep TEXT, body BLOB)");
}

sqlite3_stmt *cached(sqlite3 *db, const char *sql)
{
	static sqlite3_stmt *kept[64];
	size_t i = 0;

	for (; i < sizeof kept / sizeof *kept && kept[i]; i++)
		if (sqlite3_db_handle(kept[i]) == db && strcmp(sqlite3_sql(kept[i]), sql) == 0)
			return kept[i];
	if (i == sizeof kept / sizeof *kept)
		die("too many statements");
	kept[i] = prepare(db, sql);
	return kept[i];
}

static void bind(sqlite3_stmt *stmt, int at, const json_t *value)
{
	if (json_is_integer(value))
		sqlite3_bind_int64(stmt, at, json_integer_value(value));
	else
		sqlite3_bind_text(stmt, at, json_string_value(value), -1, SQLITE_STATIC);
}

static void insert_visit(sqlite3 *db, const json_t *record)
{
	static const char *const columns[VISIT_COLUMNS] = {
		"id",      "customer", "territory", "rep",     "at",
		"channel", "product",  "minutes",   "outcome", "note"};
	sqlite3_stmt *stmt = cached(db, "INSERT INTO visit VALUES(?,?,?,?,?,?,?,?,?,?)");

	for (int i = 0; i < VISIT_COLUMNS; i++)
		bind(stmt, i + 1, json_object_get(record, columns[i]));
	step(db, stmt);
}

void apply_edit(sqlite3 *db, const json_t *edit)
{
	const char *op = json_string_value(json_object_get(edit, "op"));
	sqlite3_stmt *stmt;
	char sql[128];

	if (strcmp(op, "insert") == 0) {
		insert_visit(db, json_object_get(edit, "rec"));
		return;
	}
	if (strcmp(op, "delete") == 0) {
		stmt = cached(db, "DELETE FROM customer WHERE id = ?1");
	} else {
		snprintf(sql, sizeof sql, "UPDATE customer SET %s = ?2 WHERE id = ?1",
			 json_string_value(json_object_get(edit, "field")));
		stmt = cached(db, sql);
		bind(stmt, 2, json_object_get(edit, "value"));
	}
	bind(stmt, 1, json_object_get(edit, "id"));
	step(db, stmt);
}

json_t *next_edit(FILE *file)
{
	static char *line;
	static size_t cap;
	ssize_t len = getline(&line, &cap, file);
	json_t *edit = len > 0 ? json_loadb(line, (size_t)len, 0, NULL) : NULL;

	if (len > 0 && !edit)
		die("not JSON: %s", line);
	return edit;
}

int64_t now_us(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

/* What a transport owes too: the bytes and the name are on the disk. */
void write_durably(const char *path, const void *data, size_t len)
{
	char temporary[4096], *slash;
	int fd;

	snprintf(temporary, sizeof temporary, "%s.new", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len || fsync(fd) || close(fd) ||
	    rename(temporary, path))
		die("%s: cannot be written", path);
	slash = strrchr(temporary, '/');
	if (slash)
		*slash = '\0';
	fd = open(slash ? temporary : ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0 || fsync(fd) || close(fd))
		die("%s: cannot be synced", path);
}

void *read_all(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	char *data;
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
		die("%s: cannot be read", path);
	rewind(file);
	data = malloc((size_t)size + 1);
	if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
		die("%s: cannot be read", path);
	fclose(file);
	*len = (size_t)size;
	return data;
}
