#include "sync/mailbox/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"

#define AGE_S_MIN 60 /* between the making of a folder and its lock is a moment */

/* Ours, of this kind, not just made, and held by nobody. */
static bool is_left_over(int dir, const char *name, const char *kind, int64_t now_s)
{
	size_t len = strlen(kind);
	struct stat st;
	bool free_now;
	int fd;

	if (strncmp(name, kind, len) != 0 || name[len] != '-')
		return false;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid() || (int64_t)st.st_ctime > now_s - AGE_S_MIN)
		return false;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	free_now = flock(fd, LOCK_EX | LOCK_NB) == 0;
	(void)close(fd);
	return free_now;
}

/* A folder that cannot be removed is no reason to fail: the next one tries again. */
void rep_private_sweep(const char *parent, const char *kind, int64_t now_s)
{
	DIR *stream = opendir(parent);
	const struct dirent *entry;
	struct rep_error ignored;

	while (stream && (entry = readdir(stream)) != NULL) {
		char *path = NULL;

		if (!is_left_over(dirfd(stream), entry->d_name, kind, now_s) ||
		    asprintf(&path, "%s/%s", parent, entry->d_name) < 0)
			continue;
		(void)!rep_dir_remove(path, &ignored);
		free(path);
	}
	if (stream)
		(void)closedir(stream);
}

static void sweep_beside(const char *path, const char *kind)
{
	char *parent = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (slash) {
		*slash = '\0';
		rep_private_sweep(parent, kind, time(NULL));
	}
	free(parent);
}

enum rep_code rep_private_make(struct rep_private *out, const char *kind, struct rep_error *err)
{
	enum rep_code rc;

	*out = REP_PRIVATE_INIT;
	rc = rep_dir_private(&out->path, kind, err);
	if (rc)
		return rc;
	out->fd = open(out->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->fd < 0 || flock(out->fd, LOCK_EX | LOCK_NB) != 0) {
		rc = rep_fail(err, REP_EIO, "lock %s: %s", out->path, strerror(errno));
		rep_private_remove(out);
		return rc;
	}
	sweep_beside(out->path, kind);
	return REP_OK;
}

void rep_private_remove(struct rep_private *folder)
{
	struct rep_error ignored;

	if (!folder->path)
		return;
	(void)!rep_dir_remove(folder->path, &ignored);
	if (folder->fd >= 0)
		(void)close(folder->fd);
	free(folder->path);
	*folder = REP_PRIVATE_INIT;
}
