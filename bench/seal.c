/*
 * What encryption at rest costs, measured beside a plain database in one run: bench-seal FILE prints the best of five rounds of a
 * bulk load (50,000 rows in random order, one transaction, checkpoint) and of a durable edit (update and insert, one transaction),
 * and exits 1 where the ratios are above 2 and 1.5.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/model/key.h"
#include "core/store/db.h"

#define ROUNDS 5
#define ROWS 50000u
#define EDITS 500

static struct rep_error err;

static void must(enum rep_code rc)
{
	if (rc == REP_OK)
		return;
	fprintf(stderr, "bench-seal: %s\n", err.msg);
	exit(2);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void insert(struct rep_db *db, unsigned i)
{
	struct rep_stmt *stmt;
	char id[40];

	snprintf(id, sizeof id, "%08x-%u", i * 2654435761u, i);
	must(rep_db_use(db, &stmt, "INSERT INTO t VALUES (?1, ?2, ?3)", &err));
	rep_bind_text(stmt, 1, id);
	rep_bind_text(stmt, 2,
		      "陈建国 13900001111 心内科 副主任医师 周二上午查房以后方便拜访 书法 市级");
	rep_bind_text(stmt, 3, id);
	must(rep_run(stmt, &err));
}

static void edit(struct rep_db *db, int i)
{
	must(rep_db_begin(db, &err));
	must(rep_db_execf(
		db, &err,
		"UPDATE t SET a = 'x%d' WHERE rowid = %d; INSERT INTO t VALUES ('n%d', 'p', 'q')",
		i, 1 + i * 97 % (int)ROWS, i));
	must(rep_db_commit(db, &err));
}

static void remove_files(const char *path)
{
	char log[4096];

	unlink(path);
	snprintf(log, sizeof log, "%s-wal", path);
	unlink(log);
}

/* The better of what is known and of this round. */
static void round_of(const char *path, const struct rep_db_key *key, double *bulk_s, double *edit_s)
{
	struct rep_db *db;
	double began;

	remove_files(path);
	must(rep_db_open(&db, path, &(struct rep_db_options){.create = true, .key = key}, &err));
	must(rep_db_exec(db, "CREATE TABLE t (id TEXT PRIMARY KEY, a TEXT, b TEXT)", &err));
	began = now_s();
	must(rep_db_begin(db, &err));
	for (unsigned i = 0; i < ROWS; i++)
		insert(db, i);
	must(rep_db_commit(db, &err));
	must(rep_db_compact(db, false, &err));
	if (now_s() - began < *bulk_s)
		*bulk_s = now_s() - began;
	began = now_s();
	for (int i = 0; i < EDITS; i++)
		edit(db, i);
	if ((now_s() - began) / EDITS < *edit_s)
		*edit_s = (now_s() - began) / EDITS;
	rep_db_close(db);
	remove_files(path);
}

int main(int argc, char **argv)
{
	const struct rep_db_key key = {.key = {1}, .salt = {2}};
	double plain_bulk = 1e9, plain_edit = 1e9, bulk = 1e9, one = 1e9;

	if (argc != 2) {
		fputs("usage: bench-seal FILE\n", stderr);
		return 2;
	}
	must(rep_key_init(&err));
	for (int i = 0; i < ROUNDS; i++) {
		round_of(argv[1], NULL, &plain_bulk, &plain_edit);
		round_of(argv[1], &key, &bulk, &one);
	}
	printf("bulk: plain %.3f s, encrypted %.3f s, ratio %.2f\n", plain_bulk, bulk,
	       bulk / plain_bulk);
	printf("edit: plain %.0f us, encrypted %.0f us, ratio %.2f\n", plain_edit * 1e6, one * 1e6,
	       one / plain_edit);
	return bulk > 2 * plain_bulk || one > 1.5 * plain_edit;
}
