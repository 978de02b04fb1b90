/*
 * Death at a chosen place. The calls by which SQLite, libgit2 and we ourselves change files are defined here too; the
 * program exports its symbols, so the libraries call these, which count and pass on. So a seed always dies at the same
 * place, which no timer could promise.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/sim.h"

static unsigned left;
static pid_t victim; /* children of the step (readers of mailboxes) are left alone */

void sim_kill_after(unsigned calls)
{
	left = calls;
	victim = calls ? getpid() : 0;
}

static void count(void)
{
	if (!left || getpid() != victim)
		return;
	if (--left == 0)
		raise(SIGKILL);
}

/* Puts the next definition of `name`, behind this program's own, into the function pointer at `out`. */
static void find_next(void *out, size_t size, const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(out, &found, size);
}

ssize_t write(int fd, const void *data, size_t len)
{
	static ssize_t (*next)(int, const void *, size_t);

	if (!next)
		find_next(&next, sizeof next, "write");
	count();
	return next(fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	static ssize_t (*next)(int, const void *, size_t, off_t);

	if (!next)
		find_next(&next, sizeof next, "pwrite");
	count();
	return next(fd, data, len, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	static ssize_t (*next)(int, const void *, size_t, off64_t);

	if (!next)
		find_next(&next, sizeof next, "pwrite64");
	count();
	return next(fd, data, len, offset);
}

int fsync(int fd)
{
	static int (*next)(int);

	if (!next)
		find_next(&next, sizeof next, "fsync");
	count();
	return next(fd);
}

int fdatasync(int fd)
{
	static int (*next)(int);

	if (!next)
		find_next(&next, sizeof next, "fdatasync");
	count();
	return next(fd);
}

int rename(const char *from, const char *to)
{
	static int (*next)(const char *, const char *);

	if (!next)
		find_next(&next, sizeof next, "rename");
	count();
	return next(from, to);
}

int unlink(const char *path)
{
	static int (*next)(const char *);

	if (!next)
		find_next(&next, sizeof next, "unlink");
	count();
	return next(path);
}
