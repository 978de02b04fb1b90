#include "sync/git/stock_git.h"

#include <stdio.h>
#include <stdlib.h>

#include "sync/git/child.h"

enum rep_code rep_stock_git(const char *repository, const char *const *args, int out_fd,
			    struct rep_buf *said, int *status, struct rep_error *err)
{
	const char *argv[16] = {"git", "-c", "safe.directory=*", "--git-dir", repository};
	const char *search = getenv("PATH");
	char path[4096];
	const char *const envp[] = {
		path,
		"HOME=/nonexistent",
		"LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_TERMINAL_PROMPT=0",
		NULL,
	};
	const struct rep_program program = {argv, envp, -1, out_fd};
	size_t len = 5;

	snprintf(path, sizeof path, "PATH=%s", search ? search : "/usr/bin:/bin");
	while (*args && len + 1 < sizeof argv / sizeof *argv)
		argv[len++] = *args++;
	return rep_program_run(&program, said, status, err);
}
