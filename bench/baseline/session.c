/* SQLite's session extension: what a rep changes becomes changesets, which the company applies and hands on. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

static sqlite3_session *begin_session(sqlite3 *db)
{
	sqlite3_session *session;

	if (sqlite3session_create(db, "main", &session) != SQLITE_OK ||
	    sqlite3session_attach(session, "customer") != SQLITE_OK ||
	    sqlite3session_attach(session, "visit") != SQLITE_OK)
		die("session: %s", sqlite3_errmsg(db));
	return session;
}

static void keep_changeset(sqlite3 *db, sqlite3_session *session)
{
	sqlite3_stmt *stmt = cached(db, "INSERT INTO _outbox(body) VALUES(?1)");
	void *body;
	int size;

	if (sqlite3session_changeset(session, &size, &body) != SQLITE_OK)
		die("changeset: %s", sqlite3_errmsg(db));
	sqlite3_bind_blob(stmt, 1, body, size, SQLITE_STATIC);
	step(db, stmt);
	sqlite3_free(body);
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void tell(int64_t *took, size_t len)
{
	int64_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += took[i];
	if (!len)
		return;
	qsort(took, len, sizeof *took, by_size);
	printf("{\"edits\":%zu,\"p50_us\":%lld,\"p99_us\":%lld,\"seconds\":%.6f}\n", len,
	       (long long)took[len / 2], (long long)took[len * 99 / 100], (double)sum / 1e6);
}

int edit(const char *path, const char *edits, const char *how)
{
	bool one_each = strcmp(how, "edit") == 0, one_for_all = strcmp(how, "push") == 0;
	sqlite3 *db = open_db(path);
	sqlite3_session *session = one_for_all ? begin_session(db) : NULL;
	FILE *file = fopen(edits, "r");
	int64_t took[10000];
	size_t len = 0;
	json_t *next;

	if (!file)
		die("%s: cannot be read", edits);
	for (; len < sizeof took / sizeof *took && (next = next_edit(file)); len++) {
		int64_t begin = now_us();

		exec(db, "BEGIN");
		if (one_each)
			session = begin_session(db);
		apply_edit(db, next);
		if (one_each) {
			keep_changeset(db, session);
			sqlite3session_delete(session);
		}
		exec(db, "COMMIT");
		took[len] = now_us() - begin;
		json_decref(next);
	}
	if (one_for_all) {
		keep_changeset(db, session);
		sqlite3session_delete(session);
	}
	fclose(file);
	tell(took, len);
	sqlite3_close_v2(db);
	return 0;
}

/* The mailbox of this baseline is a file: a length of eight bytes before each changeset. */
int push(const char *path, const char *mailbox)
{
	sqlite3 *db = open_db(path);
	sqlite3_stmt *stmt = prepare(db, "SELECT body FROM _outbox ORDER BY n");
	char *all = NULL;
	size_t len = 0;

	while (sqlite3_step(stmt) == SQLITE_ROW) {
		uint64_t size = (uint64_t)sqlite3_column_bytes(stmt, 0);

		all = realloc(all, len + sizeof size + size);
		if (!all)
			die("out of memory");
		memcpy(all + len, &size, sizeof size);
		if (size)
			memcpy(all + len + sizeof size, sqlite3_column_blob(stmt, 0), size);
		len += sizeof size + size;
	}
	sqlite3_finalize(stmt);
	write_durably(mailbox, all, len);
	free(all);
	exec(db, "DELETE FROM _outbox");
	sqlite3_close_v2(db);
	return 0;
}

/* The later one wins; what is not there (any more, or in this slice) is left out. */
static int on_conflict(void *user, int kind, sqlite3_changeset_iter *at)
{
	(void)user;
	(void)at;
	return kind == SQLITE_CHANGESET_DATA || kind == SQLITE_CHANGESET_CONFLICT
		       ? SQLITE_CHANGESET_REPLACE
		       : SQLITE_CHANGESET_OMIT;
}

static void apply(sqlite3 *db, const void *body, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		die("out of memory");
	memcpy(copy, body, size);
	if (sqlite3changeset_apply(db, (int)size, copy, NULL, on_conflict, NULL) != SQLITE_OK)
		die("apply: %s", sqlite3_errmsg(db));
	free(copy);
}

static void merge_one(sqlite3 *db, const char *mailbox)
{
	sqlite3_stmt *stmt = cached(db, "INSERT INTO _log(rep, body) VALUES(?1, ?2)");
	size_t len, at = 0;
	char *all = read_all(mailbox, &len);
	const char *name = strrchr(mailbox, '/');

	exec(db, "BEGIN");
	while (at + sizeof(uint64_t) <= len) {
		uint64_t size;

		memcpy(&size, all + at, sizeof size);
		at += sizeof size;
		apply(db, all + at, size);
		sqlite3_bind_text(stmt, 1, name ? name + 1 : mailbox, -1, SQLITE_STATIC);
		sqlite3_bind_blob(stmt, 2, all + at, (int)size, SQLITE_STATIC);
		step(db, stmt);
		at += size;
	}
	exec(db, "COMMIT");
	free(all);
}

int merge(const char *central, char **mailboxes, int len)
{
	sqlite3 *db = open_db(central);

	for (int i = 0; i < len; i++)
		merge_one(db, mailboxes[i]);
	sqlite3_close_v2(db);
	return 0;
}

int pull(const char *path, const char *central, char **reps, int len)
{
	sqlite3 *db = open_db(path), *from = open_db(central);
	sqlite3_stmt *stmt = prepare(from, "SELECT body FROM _log WHERE rep = ?1 ORDER BY n");

	exec(db, "BEGIN");
	for (int i = 0; i < len; i++) {
		sqlite3_bind_text(stmt, 1, reps[i], -1, SQLITE_STATIC);
		while (sqlite3_step(stmt) == SQLITE_ROW)
			apply(db, sqlite3_column_blob(stmt, 0),
			      (size_t)sqlite3_column_bytes(stmt, 0));
		sqlite3_reset(stmt);
	}
	exec(db, "COMMIT");
	sqlite3_finalize(stmt);
	sqlite3_close_v2(from);
	sqlite3_close_v2(db);
	return 0;
}
