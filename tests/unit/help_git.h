/* Repositories for tests: made, written and examined with stock git. */
#ifndef REPSYNC_TESTS_HELP_GIT_H
#define REPSYNC_TESTS_HELP_GIT_H

#include <stdbool.h>

#include "help.h"
#include "sync/git/git.h"
#include "sync/git/pack.h"

/* A group's or a test's state: a scratch folder, removed at the end. */
int scratch_setup(void **state);
int scratch_teardown(void **state);
/* <scratch>/<name>; static storage, four in turn. */
const char *scratch(void **state, const char *name);

/* Runs a shell command line with git's environment made clean; its exit status. */
int shell(const char *fmt, ...) REP_PRINTF(1, 2);
/* Runs it and gives the first line of what it printed; fails the test if the command fails. Static storage. */
const char *shell_line(const char *fmt, ...) REP_PRINTF(1, 2);
void shell_ok(const char *fmt, ...) REP_PRINTF(1, 2);

/* git fsck --full --strict says nothing at all, and there are no loose objects. */
void expect_clean(const char *path);

struct rep_git *create_and_open(const char *path, const char *head);
struct rep_oid add_blob(struct rep_pack *pack, const char *text);
/* Commits tree on top of ref in one pack, and moves the ref. */
struct rep_oid commit_on(struct rep_git *git, struct rep_pack *pack, const char *ref,
			 const struct rep_oid *tree);

#endif
