#include "sync/git/libgit2.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>

#define LIBRARY "libgit2.so." LIBGIT2_SOVERSION

struct rep_libgit2 rep_libgit2;

static const struct {
	const char *name;
	size_t offset;
} slots[] = {
#define SLOT(name) {#name, offsetof(struct rep_libgit2, name)},
	REP_LIBGIT2_FUNCTIONS(SLOT)
#undef SLOT
};

static char missing[200]; /* empty once all is there */

/* POSIX lets a pointer from dlsym be a function's, C has no cast for it: the bytes are copied. */
static void load(void)
{
	void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);

	snprintf(missing, sizeof missing, "%s", library ? "" : dlerror());
	for (size_t i = 0; library && i < sizeof slots / sizeof *slots; i++) {
		void *function = dlsym(library, slots[i].name);

		if (!function)
			snprintf(missing, sizeof missing, "%s has no %s", LIBRARY, slots[i].name);
		memcpy((char *)&rep_libgit2 + slots[i].offset, &function, sizeof function);
	}
}

enum rep_code rep_libgit2_load(struct rep_error *err)
{
	static once_flag once = ONCE_FLAG_INIT;

	call_once(&once, load);
	return *missing ? rep_fail(err, REP_EIO, "load libgit2: %s", missing) : REP_OK;
}
