/*
 * What the two SQLite baselines share: a central database and replicas with the work's two tables, WAL and
 * synchronous=FULL as in repsync. They have no rules, rights, signatures or history: this is the row work alone.
 */
#ifndef REPSYNC_BENCH_COMMON_H
#define REPSYNC_BENCH_COMMON_H

#include <jansson.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>

#define CUSTOMER_COLUMNS 23
#define VISIT_COLUMNS 10

/* All of these end the program with a message when something fails. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
sqlite3 *open_db(const char *path);
void exec(sqlite3 *db, const char *sql);
sqlite3_stmt *prepare(sqlite3 *db, const char *sql);
void step(sqlite3 *db, sqlite3_stmt *stmt); /* runs to the end and resets */
void make_tables(sqlite3 *db);
/* Prepared statements of one connection, by text; an edit names the column in it. */
sqlite3_stmt *cached(sqlite3 *db, const char *sql);
void apply_edit(sqlite3 *db, const json_t *edit);
/* The next edit of the file, NULL at its end. */
json_t *next_edit(FILE *file);
int64_t now_us(void);
void write_durably(const char *path, const void *data, size_t len);
void *read_all(const char *path, size_t *len);

/* plain.c */
int load(const char *db, const char *csv);
int slice(const char *central, const char *db, const char *rep, const char *neighbour);
int plain_merge(const char *central, char **edits, int len);
/* session.c: "plain" records nothing, "push" one changeset for all, "edit" one for each */
int edit(const char *db, const char *edits, const char *how);
int push(const char *db, const char *mailbox);
int merge(const char *central, char **mailboxes, int len);
int pull(const char *db, const char *central, char **reps, int len);

#endif
