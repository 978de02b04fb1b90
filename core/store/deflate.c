#include "core/store/deflate.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include <zlib.h>

enum rep_code rep_deflate(struct rep_buf *out, const void *data, size_t len, struct rep_error *err)
{
	uLongf size = compressBound(len);
	Bytef *bytes = malloc(size);

	if (!bytes)
		return rep_fail(err, REP_ENOMEM, "deflate: no memory");
	if (compress2(bytes, &size, data, len, Z_DEFAULT_COMPRESSION) != Z_OK) {
		free(bytes);
		return rep_fail(err, REP_ENOMEM, "deflate: no memory");
	}
	rep_buf_put(out, bytes, size);
	free(bytes);
	return rep_buf_check(out, "deflated bytes", err);
}

enum rep_code rep_inflate(struct rep_buf *out, const void *data, size_t len, size_t size,
			  struct rep_error *err)
{
	uLongf got = size;
	uLong used = len;
	Bytef *bytes;
	int rc;

	if (size > out->limit || size >= SIZE_MAX)
		return rep_fail(err, REP_ELIMIT, "inflate: %zu bytes are too many", size);
	bytes = malloc(size + 1);
	if (!bytes)
		return rep_fail(err, REP_ENOMEM, "inflate: no memory");
	rc = uncompress2(bytes, &got, data, &used);
	if (rc == Z_OK && got == size && used == len)
		rep_buf_put(out, bytes, size);
	free(bytes);
	if (rc == Z_MEM_ERROR)
		return rep_fail(err, REP_ENOMEM, "inflate: no memory");
	if (rc != Z_OK || got != size || used != len)
		return rep_fail(err, REP_EINTEGRITY, "inflate: the compressed bytes are damaged");
	return rep_buf_check(out, "inflated bytes", err);
}
