/* Compressed bytes, as the journal keeps them. Wraps zlib. */
#ifndef REPSYNC_CORE_STORE_DEFLATE_H
#define REPSYNC_CORE_STORE_DEFLATE_H

#include <stddef.h>

#include "core/base/buf.h"

/* Appends a zlib stream (RFC 1950) of `data`. */
REP_CHECK enum rep_code rep_deflate(struct rep_buf *out, const void *data, size_t len,
				    struct rep_error *err);
/*
 * Appends what the stream holds, which must be exactly `size` bytes: a damaged stream that grows without end stops there.
 * REP_EINTEGRITY for anything else.
 */
REP_CHECK enum rep_code rep_inflate(struct rep_buf *out, const void *data, size_t len, size_t size,
				    struct rep_error *err);

#endif
