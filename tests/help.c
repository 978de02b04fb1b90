#include "help.h"

#include <stdio.h>
#include <unistd.h>

void expect_ok(enum rep_code rc, const struct rep_error *err)
{
	if (rc != REP_OK)
		fail_msg("code %d: %s", (int)rc, err ? err->msg : "");
}

void expect_code(enum rep_code rc, enum rep_code code, const struct rep_error *err,
		 const char *part)
{
	if (rc != code)
		fail_msg("code %d, not %d: %s", (int)rc, (int)code, rc == REP_OK ? "ok" : err->msg);
	if (part && !strstr(err->msg, part))
		fail_msg("\"%s\" is not in \"%s\"", part, err->msg);
}

const char *source_path(const char *relative)
{
	static char path[4096];

	snprintf(path, sizeof path, "%s/%s", REP_SOURCE_DIR, relative);
	return path;
}

const char *self_path(void)
{
	static char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);

	assert_true(len > 0);
	path[len] = '\0';
	return path;
}
