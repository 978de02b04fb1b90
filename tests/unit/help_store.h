/*
 * Replicas for tests, with a small schema that has a field of every type: entity `thing`, under visibility `open` and
 * `secret`, and entity `place`, which it refers to.
 */
#ifndef REPSYNC_TESTS_HELP_STORE_H
#define REPSYNC_TESTS_HELP_STORE_H

#include "core/store/replica.h"
#include "help.h"

#define TEST_DEVICE "d7k3f9qm"
#define OTHER_DEVICE "e0000001"
#define TEST_REP "r017"
#define STAMP_A "2026-03-02T01:00:00.000Z-0000@" OTHER_DEVICE
#define STAMP_B "2026-03-03T01:00:00.000Z-0001@" OTHER_DEVICE
#define STAMP_C "2026-03-04T01:00:00.000Z-00ff@" OTHER_DEVICE

extern struct rep_error err;
extern char *store_dir;
extern struct rep_replica *store;

/* The small schema; `more` (or NULL) goes behind the fields of `thing` (", {...}"), and makes it version 2. */
struct rep_schema *small_schema(const char *more);
/* The schema that is shipped. */
struct rep_schema *shipped_schema(void);

/*
 * With REP_TEST_ENCRYPTED in the environment the replicas of these tests are encrypted. The vault's figures are cheap ones.
 */
#define TEST_PASSPHRASE "正确的马电池钉"
bool store_is_encrypted(void);
extern const struct rep_kdf store_kdf;
/* Opens the replica in `dir`, whichever it is; its keys lie in dir/keys. */
struct rep_replica *store_open(const char *dir, bool read_only);
/* What makes a replica in `dir` encrypted; static, until the next call. NULL without REP_TEST_ENCRYPTED. */
const struct rep_replica_seal *store_seal(const char *dir);

/* cmocka setup and teardown: a replica with the small schema in a private folder, opened as `store`. */
int store_setup(void **state);
int store_setup_shipped(void **state);
int store_setup_empty(void **state); /* no schema yet */
int store_teardown(void **state);
/* Closes `store` and opens it again. */
void store_reopen(void);

void sql(const char *text);                           /* runs it, must work */
void sql_refused(const char *text, const char *part); /* runs it, must fail with this */
const char *sql_text(const char *text); /* first column of the first row; "" for null; static */
int64_t sql_int(const char *text);
/*
 * Runs stock sqlite3 on the replica's file; fails the test unless its exit status is as expected. On an encrypted one another
 * connection, with recursive_triggers off as sqlite3 has it.
 */
void shell_sql(const char *text, bool fine);

struct rep_json *json(const char *text); /* parsed; the caller frees it */
/* Fails unless `value`, written canonically, is `text`. */
void expect_json(const struct rep_json *value, const char *text);
const struct rep_entity *entity(const char *name);
/* A record of OTHER_DEVICE, stamped STAMP_A. */
struct rep_record *record(const char *entity_name, const char *id, const char *fields);
/* Writes it as a view would. */
void view_row(const struct rep_record *record, const char *place);

#endif
