#include "sync/git/packindex.h"

#include <sha1.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"

#define FAR 0x80000000u /* an offset that does not fit 31 bits is in the table of 64 */
#define BLOCK_SIZE 65536u

/* Bytes on their way into the file and its checksum. */
struct sink {
	int fd;
	SHA1_CTX sha1;
	size_t len;
	enum rep_code rc;
	struct rep_error *err;
	uint8_t block[BLOCK_SIZE];
};

static void write_out(struct sink *sink)
{
	if (!sink->rc)
		sink->rc = rep_fd_write(sink->fd, sink->block, sink->len, "index", sink->err);
	sink->len = 0;
}

static void put(struct sink *sink, const void *data, size_t len)
{
	if (len > sizeof sink->block - sink->len) {
		SHA1Update(&sink->sha1, sink->block, sink->len);
		write_out(sink);
	}
	memcpy(sink->block + sink->len, data, len);
	sink->len += len;
}

static void put_number(struct sink *sink, uint64_t value, unsigned bytes)
{
	uint8_t out[8];

	for (unsigned i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
	put(sink, out, bytes);
}

static int by_oid(const void *a, const void *b)
{
	const struct rep_packindex_entry *x = a, *y = b;

	return memcmp(x->oid.bytes, y->oid.bytes, REP_OID_SIZE);
}

static void put_fanout(struct sink *sink, const struct rep_packindex_entry *entries, size_t len)
{
	size_t at = 0;

	for (unsigned first = 0; first < 256; first++) {
		while (at < len && entries[at].oid.bytes[0] == first)
			at++;
		put_number(sink, at, 4);
	}
}

static void put_offsets(struct sink *sink, const struct rep_packindex_entry *entries, size_t len)
{
	uint32_t far = 0;

	for (size_t i = 0; i < len; i++)
		put_number(sink, entries[i].offset < FAR ? entries[i].offset : FAR | far++, 4);
	for (size_t i = 0; i < len; i++)
		if (entries[i].offset >= FAR)
			put_number(sink, entries[i].offset, 8);
}

enum rep_code rep_packindex_write(int fd, struct rep_packindex_entry *entries, size_t len,
				  const uint8_t pack_sum[REP_OID_SIZE], struct rep_error *err)
{
	static const uint8_t head[8] = {0xff, 't', 'O', 'c', 0, 0, 0, 2};
	struct sink *sink = malloc(sizeof *sink);
	uint8_t sum[SHA1_DIGEST_LENGTH];
	enum rep_code rc;

	if (!sink)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	sink->fd = fd;
	sink->len = 0;
	sink->rc = REP_OK;
	sink->err = err;
	SHA1Init(&sink->sha1);
	qsort(entries, len, sizeof *entries, by_oid);
	put(sink, head, sizeof head);
	put_fanout(sink, entries, len);
	for (size_t i = 0; i < len; i++)
		put(sink, entries[i].oid.bytes, REP_OID_SIZE);
	for (size_t i = 0; i < len; i++)
		put_number(sink, entries[i].crc, 4);
	put_offsets(sink, entries, len);
	put(sink, pack_sum, REP_OID_SIZE);
	SHA1Update(&sink->sha1, sink->block, sink->len);
	write_out(sink);
	SHA1Final(sum, &sink->sha1);
	put(sink, sum, sizeof sum);
	write_out(sink);
	rc = sink->rc;
	free(sink);
	return rc;
}
