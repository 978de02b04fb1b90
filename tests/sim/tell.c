/*
 * What the simulator says when it finds a fault, and the few programs it runs.
 */
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "sim/sim.h"

extern char **environ;

/* ---- faults found ---- */

void sim_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("sim: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	fflush(NULL);
	_exit(1);
}

void sim_ok(enum rep_code rc, const struct rep_error *err, const char *what)
{
	if (rc != REP_OK)
		sim_fail("%s: %s", what, err->msg);
}

void sim_trace(const struct sim_world *world, const char *fmt, ...)
{
	va_list args;

	if (!world->trace)
		return;
	va_start(args, fmt);
	fprintf(stderr, "%4u ", world->step);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

/* ---- files ---- */

void sim_run(const char *const *argv)
{
	char *args[16] = {0};
	pid_t pid;
	int status;

	for (unsigned i = 0; argv[i] && i < 15; i++)
		args[i] = strdup(argv[i]);
	if (posix_spawnp(&pid, args[0], NULL, NULL, args, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		sim_fail("%s cannot be run", argv[0]);
	for (unsigned i = 0; args[i]; i++)
		free(args[i]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		sim_fail("%s %s %s: status %x", argv[0], argv[1], argv[2] ? argv[2] : "",
			 (unsigned)status);
}

void sim_copy(const char *dir, const char *from, const char *to)
{
	char source[512], target[512];
	struct rep_error err;

	snprintf(source, sizeof source, "%s/%s", dir, from);
	snprintf(target, sizeof target, "%s/%s", dir, to);
	sim_ok(rep_dir_remove(target, &err), &err, "make room for a copy");
	sim_run((const char *const[]){"cp", "-a", source, target, NULL});
}
