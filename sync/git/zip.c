#include "sync/git/zip.h"

#include <libdeflate.h>
#include <stdlib.h>

#define SMALL_SIZE_MAX 4096u
#define LEVEL_SMALL 1
#define LEVEL_BIG 6

struct rep_zip {
	struct libdeflate_compressor *small, *big;
	struct libdeflate_decompressor *inflater;
	uint8_t *out;
	size_t out_size;
};

enum rep_code rep_zip_new(struct rep_zip **out, struct rep_error *err)
{
	*out = calloc(1, sizeof **out);
	return *out ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

void rep_zip_free(struct rep_zip *zip)
{
	if (!zip)
		return;
	libdeflate_free_compressor(zip->small);
	libdeflate_free_compressor(zip->big);
	libdeflate_free_decompressor(zip->inflater);
	free(zip->out);
	free(zip);
}

static struct libdeflate_compressor *compressor_for(struct rep_zip *zip, size_t len)
{
	struct libdeflate_compressor **which = len <= SMALL_SIZE_MAX ? &zip->small : &zip->big;

	if (!*which)
		*which = libdeflate_alloc_compressor(len <= SMALL_SIZE_MAX ? LEVEL_SMALL
									   : LEVEL_BIG);
	return *which;
}

enum rep_code rep_zip_deflate(struct rep_zip *zip, const void *data, size_t len,
			      const uint8_t **out, size_t *out_len, struct rep_error *err)
{
	struct libdeflate_compressor *compressor = compressor_for(zip, len);
	size_t bound = compressor ? libdeflate_zlib_compress_bound(compressor, len) : 0;

	*out = NULL;
	*out_len = 0;
	if (bound > zip->out_size) {
		uint8_t *grown = realloc(zip->out, bound);

		if (!grown)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		zip->out = grown;
		zip->out_size = bound;
	}
	if (compressor)
		*out_len = libdeflate_zlib_compress(compressor, data ? data : "", len, zip->out,
						    zip->out_size);
	if (*out_len == 0)
		return rep_fail(err, REP_ENOMEM, "deflate: out of memory");
	*out = zip->out;
	return REP_OK;
}

static enum rep_code inflate(struct rep_zip *zip, const uint8_t *data, size_t len, char *out,
			     size_t out_len, size_t *used, struct rep_error *err)
{
	enum libdeflate_result result;
	size_t made = 0;

	if (!zip->inflater)
		zip->inflater = libdeflate_alloc_decompressor();
	if (!zip->inflater || !out)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	result = libdeflate_zlib_decompress_ex(zip->inflater, data, len, out, out_len, used, &made);
	if (result != LIBDEFLATE_SUCCESS || made != out_len)
		return rep_fail(err, REP_EINTEGRITY, "deflated bytes are damaged");
	return REP_OK;
}

enum rep_code rep_zip_inflate(struct rep_zip *zip, const uint8_t *data, size_t len, size_t out_len,
			      struct rep_buf *out, size_t *used, struct rep_error *err)
{
	char *bytes = malloc(out_len + 1);
	enum rep_code rc = inflate(zip, data, len, bytes, out_len, used, err);

	if (rc == REP_OK) {
		rep_buf_put(out, bytes, out_len);
		rc = rep_buf_check(out, "object", err);
	}
	free(bytes);
	return rc;
}

uint32_t rep_zip_crc32(uint32_t before, const void *data, size_t len)
{
	return libdeflate_crc32(before, data, len);
}
