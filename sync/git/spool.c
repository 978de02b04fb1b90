#include "sync/git/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"

void rep_spool_init(struct rep_spool *spool, const char *near_dir, size_t memory_max)
{
	*spool = (struct rep_spool){
		.tail = REP_BUF_INIT(memory_max), .fd = -1, .near_dir = near_dir};
}

void rep_spool_clear(struct rep_spool *spool)
{
	if (spool->fd >= 0)
		(void)close(spool->fd);
	rep_buf_clear(&spool->tail);
	spool->fd = -1;
	spool->flushed = 0;
}

uint64_t rep_spool_size(const struct rep_spool *spool)
{
	return spool->flushed + spool->tail.len;
}

/* Beside the pack that it becomes, where there is room for it if anywhere. */
static enum rep_code open_file(struct rep_spool *spool, struct rep_error *err)
{
	char path[4096];

	if (spool->fd >= 0)
		return REP_OK;
	spool->fd = open(spool->near_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (spool->fd >= 0)
		return REP_OK;
	/* The name is one that the janitor removes, should we die between the two calls. */
	if ((size_t)snprintf(path, sizeof path, "%s/tmp_spool_XXXXXX", spool->near_dir) >=
	    sizeof path)
		return rep_fail(err, REP_EINVAL, "%s: path too long", spool->near_dir);
	spool->fd = mkostemp(path, O_CLOEXEC);
	if (spool->fd < 0)
		return rep_fail(err, REP_EIO, "temporary file in %s: %s", spool->near_dir,
				strerror(errno));
	(void)unlink(path);
	return REP_OK;
}

static enum rep_code write_out(struct rep_spool *spool, const char *data, size_t len,
			       struct rep_error *err)
{
	enum rep_code rc = open_file(spool, err);

	if (rc)
		return rc;
	rc = rep_fd_write(spool->fd, data, len, "a temporary file", err);
	if (!rc)
		spool->flushed += len;
	return rep_wrap(err, rc, "%s", spool->near_dir);
}

enum rep_code rep_spool_put(struct rep_spool *spool, const void *data, size_t len,
			    struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (len > spool->tail.limit - spool->tail.len) {
		rc = write_out(spool, spool->tail.data, spool->tail.len, err);
		rep_buf_reset(&spool->tail);
	}
	if (rc)
		return rc;
	if (len > spool->tail.limit)
		return write_out(spool, data, len, err);
	rep_buf_put(&spool->tail, data, len);
	return rep_buf_check(&spool->tail, "pack", err);
}

enum rep_code rep_spool_get(const struct rep_spool *spool, uint64_t offset, size_t len,
			    struct rep_buf *out, struct rep_error *err)
{
	char block[65536];

	while (len > 0 && offset < spool->flushed) {
		size_t want = len < sizeof block ? len : sizeof block;
		ssize_t n;

		if (want > spool->flushed - offset)
			want = (size_t)(spool->flushed - offset);
		n = pread(spool->fd, block, want, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return rep_fail(err, REP_EIO, "temporary file in %s: %s", spool->near_dir,
					n < 0 ? strerror(errno) : "cut short");
		rep_buf_put(out, block, (size_t)n);
		offset += (size_t)n;
		len -= (size_t)n;
	}
	if (len > 0) {
		if (offset - spool->flushed > spool->tail.len ||
		    len > spool->tail.len - (size_t)(offset - spool->flushed))
			return rep_fail(err, REP_EIO, "spool: read past the end");
		rep_buf_put(out, spool->tail.data + (size_t)(offset - spool->flushed), len);
	}
	return rep_buf_check(out, "spool", err);
}
