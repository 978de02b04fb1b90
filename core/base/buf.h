/*
 * A growing byte buffer with a limit. It remembers the first failure (limit passed, no memory), so
 * that a writer may append without checking and ask once at the end. The bytes are always followed
 * by a NUL that does not count, so that text may be used as a C string.
 */
#ifndef REPSYNC_CORE_BASE_BUF_H
#define REPSYNC_CORE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

struct rep_buf {
	char *data; /* NULL until the first append */
	size_t len;
	size_t cap;
	size_t limit; /* len never passes it */
	enum rep_code failed;
};

#define REP_BUF_INIT(max) ((struct rep_buf){.limit = (max)})

void rep_buf_clear(struct rep_buf *buf); /* frees the bytes, keeps the limit, forgets the failure */
void rep_buf_reset(struct rep_buf *buf); /* forgets bytes and failure, keeps the memory */
void rep_buf_put(struct rep_buf *buf, const void *data, size_t len);
void rep_buf_puts(struct rep_buf *buf, const char *text);
void rep_buf_putc(struct rep_buf *buf, char byte);
void rep_buf_printf(struct rep_buf *buf, const char *fmt, ...) REP_PRINTF(2, 3);
const char *rep_buf_str(
	const struct rep_buf *buf); /* "" when empty; borrowed until the next append */

/* REP_OK, or the failure with `what` as the thing that could not be built. */
REP_CHECK enum rep_code rep_buf_check(const struct rep_buf *buf, const char *what,
				      struct rep_error *err);

/* Moves the bytes to the caller, who frees them; NULL when the buffer failed or is empty. */
char *rep_buf_take(struct rep_buf *buf);

#endif
