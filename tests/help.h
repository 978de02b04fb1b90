/* What every unit test includes: cmocka with its prerequisites, and assertions on errors. */
#ifndef REPSYNC_TESTS_HELP_H
#define REPSYNC_TESTS_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/error.h"

/* Fails the test with the error's message unless `rc` is REP_OK. */
void expect_ok(enum rep_code rc, const struct rep_error *err);
/* Fails unless `rc` is `code` and the message contains `part` (NULL = any). */
void expect_code(enum rep_code rc, enum rep_code code, const struct rep_error *err,
		 const char *part);
/* The absolute path of a file of the source tree; static storage, next call overwrites. */
const char *source_path(const char *relative);
/* The path of the test program, for tests that run themselves; static storage. */
const char *self_path(void);

#endif
