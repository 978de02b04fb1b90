/*
 * Running out of memory is an error, not an end: the n-th allocation fails, for every n until the
 * call succeeds. The allocator is replaced for the whole process, libraries included, so this cannot
 * run under a sanitizer that has its own. For tests of their own program: it defines malloc.
 */
#ifndef REPSYNC_TESTS_UNIT_NOMEM_H
#define REPSYNC_TESTS_UNIT_NOMEM_H

#include "help.h"

#include <errno.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_ALLOCATOR 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_ALLOCATOR 0
#endif
#endif
#ifndef OWN_ALLOCATOR
#define OWN_ALLOCATOR 1
#endif

static long countdown = -1; /* allocations until the one that fails; negative = none does */

/*
 * Where a test sets it, what the libraries allocate does not fail: regcomp() of glibc 2.36 then frees
 * twice, and Jansson 2.14 reads past a string whose buffer could not grow. Jansson uses malloc() alone,
 * through a function of ours; what else allocates is told from where it calls.
 */
static bool only_own;

#if OWN_ALLOCATOR
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

extern char __executable_start, etext; /* the linker's: where this program's code lies */

static bool fails(const void *caller)
{
	bool own = (const char *)caller >= &__executable_start && (const char *)caller < &etext;

	if (countdown < 0 || (only_own && !own) || countdown-- > 0)
		return false;
	countdown = -1;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return !only_own && fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
#endif

/* Calls `try` with the n-th allocation failing, for n = 0, 1, 2 ... until nothing failed. */
static long sweep(enum rep_code (*try)(struct rep_error *err))
{
	struct rep_error err;

	if (!OWN_ALLOCATOR) {
		only_own = false;
		skip();
	}
	for (long n = 0;; n++) {
		enum rep_code rc;
		bool failed;

		countdown = n;
		rc = try(&err);
		failed = countdown < 0;
		countdown = -1;
		if (!failed) {
			expect_ok(rc, &err);
			return n;
		}
		/* The one that failed was not needed, or it is told. */
		if (rc != REP_OK)
			expect_code(rc, REP_ENOMEM, &err, "out of memory");
	}
}

#endif
