#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool rep_file_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

enum rep_code rep_dir_sync(const char *path, struct rep_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed;

	if (fd < 0)
		return rep_fail(err, errno == ENOENT ? REP_ENOTFOUND : REP_EIO,
				"open folder %s: %s", path, strerror(errno));
	failed = fsync(fd) < 0 ? errno : 0;
	close(fd);
	/* Some file systems have nothing to sync in a folder and say so with EINVAL. */
	if (failed && failed != EINVAL)
		return rep_fail(err, REP_EIO, "fsync folder %s: %s", path, strerror(failed));
	return REP_OK;
}

/* Makes one folder, whose parent exists, and syncs the parent so that the new name is durable. */
static enum rep_code make_one(char *path, size_t parent_len, unsigned mode, struct rep_error *err)
{
	enum rep_code rc;
	char kept;

	if (mkdir(path, (mode_t)mode) < 0) {
		if (errno == EEXIST && rep_file_is_dir(path))
			return REP_OK;
		return rep_fail(err, REP_EIO, "make folder %s: %s", path, strerror(errno));
	}
	if (parent_len == 0)
		return rep_dir_sync(path[0] == '/' ? "/" : ".", err);
	kept = path[parent_len];
	path[parent_len] = '\0';
	rc = rep_dir_sync(path, err);
	path[parent_len] = kept;
	return rc;
}

enum rep_code rep_dir_make(const char *path, unsigned mode, struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	char *copy = strdup(path);
	size_t parent_len = 0;

	if (!copy)
		return rep_fail(err, REP_ENOMEM, "make folder %s: out of memory", path);
	for (size_t i = 1; rc == REP_OK && path[0] != '\0' && i <= strlen(path); i++) {
		if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/')
			continue;
		copy[i] = '\0';
		rc = make_one(copy, parent_len, mode, err);
		copy[i] = path[i];
		parent_len = i;
	}
	free(copy);
	return rc;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	(void)st;
	(void)walk;
	if (kind == FTW_DNR)
		return -1;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

enum rep_code rep_dir_remove(const char *path, struct rep_error *err)
{
	errno = 0;
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
		return rep_fail(err, REP_EIO, "remove folder %s: %s", path,
				errno ? strerror(errno) : "cannot be read");
	return REP_OK;
}

enum rep_code rep_dir_private(char **out, const char *prefix, struct rep_error *err)
{
	const char *base = "/dev/shm";
	char *path = NULL;

	*out = NULL;
	if (!rep_file_is_dir(base) || access(base, W_OK | X_OK) < 0)
		base = getenv("TMPDIR");
	if (!base || !base[0])
		base = "/tmp";
	if (asprintf(&path, "%s/%s-XXXXXX", base, prefix) < 0)
		return rep_fail(err, REP_ENOMEM, "make private folder: out of memory");
	if (!mkdtemp(path)) {
		enum rep_code rc =
			rep_fail(err, REP_EIO, "make private folder %s: %s", path, strerror(errno));
		free(path);
		return rc;
	}
	*out = path;
	return REP_OK;
}
