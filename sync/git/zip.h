/*
 * Private to sync: deflating and inflating whole objects, and their checksum.
 *
 * By libdeflate, which needs all bytes of an object at once, as we have them, and is about twice as fast as zlib at that.
 * One of these belongs to one thread.
 */
#ifndef REPSYNC_SYNC_GIT_ZIP_H
#define REPSYNC_SYNC_GIT_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"

struct rep_zip;
/* Nothing is allocated before it is needed. */
REP_CHECK enum rep_code rep_zip_new(struct rep_zip **out, struct rep_error *err);
void rep_zip_free(struct rep_zip *zip);
/*
 * A zlib stream of the bytes; *out is borrowed until the next call. Records and folders deflate within 2 % as well by the fastest
 * level as by a thorough one; segments, of many change sets, do not.
 */
REP_CHECK enum rep_code rep_zip_deflate(struct rep_zip *zip, const void *data, size_t len,
					const uint8_t **out, size_t *out_len,
					struct rep_error *err);
/*
 * Inflates exactly `out_len` bytes from a zlib stream that begins at `data` and appends them; *used is how long the stream is.
 * REP_EINTEGRITY when it is damaged or gives more or fewer bytes, REP_ELIMIT when `out` has no room for them.
 */
REP_CHECK enum rep_code rep_zip_inflate(struct rep_zip *zip, const uint8_t *data, size_t len,
					size_t out_len, struct rep_buf *out, size_t *used,
					struct rep_error *err);
uint32_t rep_zip_crc32(uint32_t before, const void *data, size_t len); /* of nothing: 0 */

#endif
