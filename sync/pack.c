/*
 * The pack writer. Measured on 575-byte records: loose objects 900 a second, libgit2's packbuilder 10,000; one
 * deflate stream that is reset for each object (a fresh one costs four times as much) and git_indexer for
 * the index do several times that. Level 1 deflates a record to within 2 % of level 6; big blobs (segments of
 * many change sets) gain by level 6.
 *
 * The number of objects stands in a pack's first bytes and is known only at the end, so the objects wait in a
 * spool. git_indexer then reads the stream, inflates and hashes every object again, which proves what was
 * written before any ref can name it, and syncs pack, index and folder.
 */
#include "sync/pack.h"

#include <sha1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sync/gitwrap.h"
#include "sync/oidmap.h"
#include "sync/spool.h"

#define SPOOL_MEMORY_MAX (4u * 1024u * 1024u)
#define SMALL_SIZE_MAX 4096u
#define FEED_SIZE 65536u

struct entry {
	uint64_t offset; /* of the deflated bytes in the spool */
	uint32_t deflated;
	uint32_t size;
	enum rep_object type;
};

struct rep_pack {
	struct rep_git *git; /* borrowed */
	char *dir;           /* <git>/objects/pack */
	struct rep_spool spool;
	struct rep_oidmap map;
	struct entry *entries;
	size_t len, cap;
	z_stream small, big;
	bool small_ready, big_ready;
	uint8_t *scratch;
	size_t scratch_size;
};

enum rep_code rep_pack_new(struct rep_pack **out, struct rep_git *git, struct rep_error *err)
{
	struct rep_pack *pack = calloc(1, sizeof *pack);
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!pack)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	pack->git = git;
	pack->spool.fd = -1;
	pack->small_ready = deflateInit(&pack->small, 1) == Z_OK;
	pack->big_ready = deflateInit(&pack->big, 6) == Z_OK;
	if (!pack->small_ready || !pack->big_ready ||
	    asprintf(&pack->dir, "%s/objects/pack", rep_git_path(git)) < 0) {
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
		goto out;
	}
	rep_spool_init(&pack->spool, pack->dir, SPOOL_MEMORY_MAX);
	*out = pack;
	pack = NULL;
out:
	rep_pack_free(pack);
	return rc;
}

static void drop_objects(struct rep_pack *pack)
{
	rep_spool_clear(&pack->spool);
	rep_oidmap_clear(&pack->map);
	free(pack->entries);
	pack->entries = NULL;
	pack->len = pack->cap = 0;
}

void rep_pack_free(struct rep_pack *pack)
{
	if (!pack)
		return;
	drop_objects(pack);
	if (pack->small_ready)
		deflateEnd(&pack->small);
	if (pack->big_ready)
		deflateEnd(&pack->big);
	free(pack->scratch);
	free(pack->dir);
	free(pack);
}

struct rep_git *rep_pack_git(struct rep_pack *pack)
{
	return pack->git;
}

size_t rep_pack_count(const struct rep_pack *pack)
{
	return pack->len;
}

bool rep_pack_has(const struct rep_pack *pack, const struct rep_oid *oid)
{
	return rep_oidmap_get(&pack->map, oid) != REP_OIDMAP_NONE;
}

/* The head of an object in a pack: type and size, 4 bits and then 7 a byte. gitformat-pack(5). */
static size_t object_head(uint8_t head[10], enum rep_object type, uint64_t size)
{
	static const uint8_t numbers[] = {
		[REP_OBJECT_COMMIT] = 1, [REP_OBJECT_TREE] = 2, [REP_OBJECT_BLOB] = 3};
	size_t len = 0;

	head[len] = (uint8_t)((unsigned)numbers[type] << 4 | (unsigned)(size & 15));
	for (size >>= 4; size > 0; size >>= 7) {
		head[len++] |= 0x80;
		head[len] = (uint8_t)(size & 0x7f);
	}
	return len + 1;
}

static enum rep_code deflate_object(struct rep_pack *pack, const void *data, size_t len,
				    size_t *deflated, struct rep_error *err)
{
	static const uint8_t nothing[1];
	z_stream *stream = len <= SMALL_SIZE_MAX ? &pack->small : &pack->big;
	size_t bound = deflateBound(stream, len);

	if (bound > pack->scratch_size) {
		uint8_t *grown = realloc(pack->scratch, bound);

		if (!grown)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		pack->scratch = grown;
		pack->scratch_size = bound;
	}
	stream->next_in = (z_const Bytef *)(uintptr_t)(data ? data : nothing);
	stream->avail_in = (uInt)len;
	stream->next_out = pack->scratch;
	stream->avail_out = (uInt)bound;
	if (deflate(stream, Z_FINISH) != Z_STREAM_END) {
		(void)deflateReset(stream);
		return rep_fail(err, REP_EIO, "deflate: %s", stream->msg ? stream->msg : "error");
	}
	*deflated = bound - stream->avail_out;
	(void)deflateReset(stream);
	return REP_OK;
}

static bool room_for_entry(struct rep_pack *pack)
{
	size_t cap = pack->cap ? pack->cap * 2 : 256;
	struct entry *grown;

	if (pack->len < pack->cap)
		return true;
	grown = realloc(pack->entries, cap * sizeof *grown);
	if (!grown)
		return false;
	pack->entries = grown;
	pack->cap = cap;
	return true;
}

enum rep_code rep_pack_add(struct rep_pack *pack, enum rep_object type, const void *data,
			   size_t len, struct rep_oid *out, struct rep_error *err)
{
	struct entry entry = {.type = type, .size = (uint32_t)len};
	uint8_t head[10];
	size_t deflated = 0;
	enum rep_code rc;

	rep_oid_of(out, type, data, len);
	if (rep_oid_is_zero(out))
		return rep_fail(err, REP_ENOMEM, "hash object: out of memory");
	if (rep_pack_has(pack, out))
		return REP_OK;
	if (len >= UINT32_MAX / 2 || pack->len >= UINT32_MAX - 2)
		return rep_fail(err, REP_ELIMIT, "object of %zu bytes, or too many for a pack",
				len);
	if (!room_for_entry(pack))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = deflate_object(pack, data, len, &deflated, err);
	if (!rc)
		rc = rep_spool_put(&pack->spool, head, object_head(head, type, len), err);
	if (rc)
		return rc;
	entry.offset = rep_spool_size(&pack->spool);
	entry.deflated = (uint32_t)deflated;
	rc = rep_spool_put(&pack->spool, pack->scratch, deflated, err);
	if (rc)
		return rc;
	if (!rep_oidmap_put(&pack->map, out, (uint32_t)pack->len))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	pack->entries[pack->len++] = entry;
	return REP_OK;
}

static enum rep_code inflate_entry(struct rep_pack *pack, const struct entry *entry,
				   struct rep_buf *out, struct rep_error *err)
{
	struct rep_buf in = REP_BUF_INIT(UINT32_MAX);
	uLongf len = entry->size;
	Bytef *data = malloc(entry->size + 1u);
	enum rep_code rc = rep_spool_get(&pack->spool, entry->offset, entry->deflated, &in, err);

	if (!rc && !data)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (!rc &&
	    (uncompress(data, &len, (const Bytef *)in.data, in.len) != Z_OK || len != entry->size))
		rc = rep_fail(err, REP_EINTEGRITY, "spooled object is damaged");
	if (!rc) {
		rep_buf_put(out, data, len);
		rc = rep_buf_check(out, "object", err);
	}
	free(data);
	rep_buf_clear(&in);
	return rc;
}

enum rep_code rep_pack_read(struct rep_pack *pack, const struct rep_oid *oid, enum rep_object type,
			    struct rep_buf *out, struct rep_error *err)
{
	uint32_t at = rep_oidmap_get(&pack->map, oid);
	const struct entry *entry;

	if (at == REP_OIDMAP_NONE)
		return rep_git_read(pack->git, oid, type, out, err);
	entry = &pack->entries[at];
	if (entry->type != type)
		return rep_fail(err, REP_EINTEGRITY, "object of another type than expected");
	if (out->len > out->limit || entry->size > out->limit - out->len)
		return rep_fail(err, REP_ELIMIT, "object of %u bytes, more than allowed",
				entry->size);
	return inflate_entry(pack, entry, out, err);
}

struct feed {
	git_indexer *indexer;
	git_indexer_progress stats;
	SHA1_CTX sha1;
	uint64_t size;
};

static enum rep_code feed_bytes(struct feed *feed, const void *data, size_t len,
				struct rep_error *err)
{
	int git_rc = git_indexer_append(feed->indexer, data, len, &feed->stats);

	SHA1Update(&feed->sha1, data, len);
	feed->size += len;
	return git_rc ? rep_git_fail(err, git_rc, "index pack") : REP_OK;
}

static enum rep_code feed_all(struct rep_pack *pack, struct feed *feed, struct rep_error *err)
{
	uint8_t head[12] = {'P', 'A', 'C', 'K', 0, 0, 0, 2};
	uint8_t sum[SHA1_DIGEST_LENGTH];
	struct rep_buf block = REP_BUF_INIT(FEED_SIZE);
	uint64_t size = rep_spool_size(&pack->spool);
	enum rep_code rc;

	for (unsigned i = 0; i < 4; i++)
		head[8 + i] = (uint8_t)(pack->len >> (24 - 8 * i));
	rc = feed_bytes(feed, head, sizeof head, err);
	for (uint64_t at = 0; !rc && at < size; at += block.len) {
		rep_buf_reset(&block);
		rc = rep_spool_get(&pack->spool, at,
				   size - at < FEED_SIZE ? (size_t)(size - at) : FEED_SIZE, &block,
				   err);
		if (!rc)
			rc = feed_bytes(feed, block.data, block.len, err);
	}
	rep_buf_clear(&block);
	if (rc)
		return rc;
	SHA1Final(sum, &feed->sha1);
	return feed_bytes(feed, sum, sizeof sum, err);
}

enum rep_code rep_pack_commit(struct rep_pack *pack, uint64_t *size_bytes, struct rep_error *err)
{
	struct feed feed = {0};
	enum rep_code rc;
	int git_rc;

	if (size_bytes)
		*size_bytes = 0;
	if (pack->len == 0)
		return REP_OK;
	git_rc = git_indexer_new(&feed.indexer, pack->dir, 0400, NULL, NULL);
	if (git_rc)
		return rep_git_fail(err, git_rc, "index pack");
	SHA1Init(&feed.sha1);
	rc = feed_all(pack, &feed, err);
	if (!rc && (git_rc = git_indexer_commit(feed.indexer, &feed.stats)) != 0)
		rc = rep_git_fail(err, git_rc, "index pack");
	if (!rc && feed.stats.indexed_objects != pack->len)
		rc = rep_fail(err, REP_EINTEGRITY, "index pack: %u objects, not %zu",
			      feed.stats.indexed_objects, pack->len);
	git_indexer_free(feed.indexer);
	if (!rc)
		rc = rep_git_refresh(pack->git, err);
	if (rc)
		return rep_wrap(err, rc, "write pack in %s", pack->dir);
	if (size_bytes)
		*size_bytes = feed.size;
	drop_objects(pack);
	return REP_OK;
}
