#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum rep_code fail_errno(struct rep_error *err, const char *what, const char *path)
{
	int saved = errno;

	return rep_fail(err, saved == ENOENT ? REP_ENOTFOUND : REP_EIO, "%s %s: %s", what, path,
			strerror(saved));
}

static enum rep_code read_all(struct rep_buf *out, int fd, const char *path, struct rep_error *err)
{
	char piece[65536];
	ssize_t got;

	for (;;) {
		got = read(fd, piece, sizeof piece);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(err, "read", path);
		if (got == 0)
			return rep_buf_check(out, path, err);
		rep_buf_put(out, piece, (size_t)got);
		if (out->failed)
			return rep_buf_check(out, path, err);
	}
}

enum rep_code rep_file_read(struct rep_buf *out, const char *path, struct rep_error *err)
{
	enum rep_code rc;
	struct stat st;
	/* O_NONBLOCK: a fifo in the file's place must be refused, not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return fail_errno(err, "open", path);
	if (fstat(fd, &st) < 0)
		rc = fail_errno(err, "stat", path);
	else if (!S_ISREG(st.st_mode))
		rc = rep_fail(err, REP_EINVAL, "%s is not a regular file", path);
	else if (out->len > out->limit || (uintmax_t)st.st_size > out->limit - out->len)
		rc = rep_fail(err, REP_ELIMIT, "%s: %jd bytes are more than the %zu allowed", path,
			      (intmax_t)st.st_size, out->limit - out->len);
	else
		rc = read_all(out, fd, path, err);
	close(fd);
	return rc;
}

enum rep_code rep_fd_write(int fd, const void *data, size_t len, const char *what,
			   struct rep_error *err)
{
	const char *at = data;

	while (len > 0) {
		ssize_t done = write(fd, at, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return fail_errno(err, "write", what);
		if (done == 0)
			return rep_fail(err, REP_EIO, "write %s: nothing was written", what);
		at += done;
		len -= (size_t)done;
	}
	return REP_OK;
}

static enum rep_code fill(int fd, const char *path, const void *data, size_t len, unsigned mode,
			  struct rep_error *err)
{
	enum rep_code rc = rep_fd_write(fd, data, len, path, err);

	if (rc == REP_OK && fchmod(fd, (mode_t)mode) < 0)
		rc = fail_errno(err, "chmod", path);
	if (rc == REP_OK && fsync(fd) < 0)
		rc = fail_errno(err, "fsync", path);
	if (close(fd) < 0 && rc == REP_OK)
		rc = fail_errno(err, "close", path);
	return rc;
}

/* The folder that `path` lies in; the caller frees it. */
static char *parent_of(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	return len ? strndup(path, len) : strdup(".");
}

static enum rep_code sync_parent(const char *path, struct rep_error *err)
{
	char *parent = parent_of(path);
	enum rep_code rc;

	if (!parent)
		return rep_fail(err, REP_ENOMEM, "sync folder of %s: out of memory", path);
	rc = rep_dir_sync(parent, err);
	free(parent);
	return rc;
}

enum rep_code rep_file_write(const char *path, const void *data, size_t len, unsigned mode,
			     struct rep_error *err)
{
	enum rep_code rc;
	char *tmp = NULL;
	int fd;

	if (asprintf(&tmp, "%s.tmp-XXXXXX", path) < 0)
		return rep_fail(err, REP_ENOMEM, "write %s: out of memory", path);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0) {
		rc = fail_errno(err, "create", tmp);
		goto out;
	}
	rc = fill(fd, tmp, data, len, mode, err);
	if (rc == REP_OK && rename(tmp, path) < 0)
		rc = fail_errno(err, "rename to", path);
	if (rc != REP_OK)
		unlink(tmp);
	else
		rc = sync_parent(path, err);
out:
	free(tmp);
	return rc;
}

enum rep_code rep_file_make_private(const char *path, struct rep_error *err)
{
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return rep_fail(err, REP_EIO, "open %s: %s", path, strerror(errno));
	close(fd);
	return REP_OK;
}

bool rep_file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

struct rep_lock {
	int fd;
};

static enum rep_code lock_fd(int fd, const char *path, const char *what, bool wait,
			     struct rep_error *err)
{
	while (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			return rep_fail(err, REP_EBUSY, "%s is in use by another process", what);
		return fail_errno(err, "lock", path);
	}
	return REP_OK;
}

enum rep_code rep_lock_take(struct rep_lock **out, const char *path, const char *what, bool wait,
			    struct rep_error *err)
{
	struct rep_lock *lock = malloc(sizeof *lock);
	enum rep_code rc;

	*out = NULL;
	if (!lock)
		return rep_fail(err, REP_ENOMEM, "lock %s: out of memory", path);
	lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock->fd < 0) {
		rc = fail_errno(err, "open lock", path);
		goto out;
	}
	rc = lock_fd(lock->fd, path, what, wait, err);
	if (rc == REP_OK) {
		*out = lock;
		lock = NULL;
	}
out:
	rep_lock_free(lock);
	return rc;
}

void rep_lock_free(struct rep_lock *lock)
{
	if (!lock)
		return;
	if (lock->fd >= 0)
		close(lock->fd);
	free(lock);
}
