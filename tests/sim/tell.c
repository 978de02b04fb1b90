/*
 * What the simulator says when it finds a fault, and the few programs it runs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* Packs and their indexes are never written to again. */
static bool is_of_pack(const char *name)
{
	return strncmp(name, "pack-", 5) == 0;
}

static void copy_file(int from_dir, int to_dir, const char *name)
{
	int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), to;
	struct stat stat;
	ssize_t n = 0;

	if (from < 0 || fstat(from, &stat) != 0)
		sim_fail("copy %s: %s", name, strerror(errno));
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, stat.st_mode & 0777);
	while (to >= 0 && (n = copy_file_range(from, NULL, to, NULL, 1u << 30, 0)) > 0)
		;
	if (to < 0 || n < 0 || close(to) != 0)
		sim_fail("copy %s: %s", name, strerror(errno));
	close(from);
}

/* Takes both. */
static void copy_folder(int from, int to)
{
	DIR *dir = fdopendir(from);
	const struct dirent *entry;

	if (!dir)
		sim_fail("copy a folder: %s", strerror(errno));
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (entry->d_type != DT_DIR) {
			if (!is_of_pack(name) || linkat(from, name, to, name, 0) != 0)
				copy_file(from, to, name);
			continue;
		}
		if (mkdirat(to, name, 0700) != 0)
			sim_fail("copy %s: %s", name, strerror(errno));
		copy_folder(openat(from, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			    openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	}
	closedir(dir);
	close(to);
}

void sim_copy(const char *from, const char *to)
{
	struct rep_error err;

	sim_ok(rep_dir_remove(to, &err), &err, "make room for a copy");
	if (mkdir(to, 0700) != 0)
		sim_fail("copy to %s: %s", to, strerror(errno));
	copy_folder(open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		    open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
