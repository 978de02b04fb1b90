/*
 * Private to sync: bytes kept until they are wanted, in memory at first, in an unlinked file beyond that.
 */
#ifndef REPSYNC_SYNC_GIT_SPOOL_H
#define REPSYNC_SYNC_GIT_SPOOL_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"

struct rep_spool {
	struct rep_buf tail;  /* what is not in the file yet */
	uint64_t flushed;     /* bytes in the file */
	int fd;               /* -1 until it spilled */
	const char *near_dir; /* borrowed: the file is made in this folder */
};

/* `memory_max`: bytes held in memory before they go to the file. */
void rep_spool_init(struct rep_spool *spool, const char *near_dir, size_t memory_max);
void rep_spool_clear(struct rep_spool *spool);
uint64_t rep_spool_size(const struct rep_spool *spool);
REP_CHECK enum rep_code rep_spool_put(struct rep_spool *spool, const void *data, size_t len,
				      struct rep_error *err);
/* Appends `len` bytes at `offset` to `out`. */
REP_CHECK enum rep_code rep_spool_get(const struct rep_spool *spool, uint64_t offset, size_t len,
				      struct rep_buf *out, struct rep_error *err);

#endif
