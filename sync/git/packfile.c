#include "sync/git/packfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX_HEAD 8u
#define FANOUT (INDEX_HEAD + 256u * 4u)
#define PACK_HEAD 12u
#define HEAD_MAX 64u /* of an object: ten bytes of size, ten or twenty of a base */
#define FAR 0x80000000u
#define SIZE_SHIFT_MAX 57u
#define READ_MAX (64u * 1024u)

static uint32_t number(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static enum rep_code damaged(const struct rep_packfile *file, const char *what,
			     struct rep_error *err)
{
	return rep_fail(err, REP_EINTEGRITY, "%s: damaged: %s", file->name, what);
}

static enum rep_code read_at(int fd, uint64_t offset, uint8_t *out, size_t size, const char *path,
			     struct rep_error *err)
{
	size_t len = 0;
	ssize_t n = 0;

	while (len < size && (n = pread(fd, out + len, size - len, (off_t)(offset + len))) > 0)
		len += (size_t)n;
	if (len == size)
		return REP_OK;
	return n < 0 ? rep_fail(err, REP_EIO, "read %s: %s", path, strerror(errno))
		     : rep_fail(err, REP_EINTEGRITY, "%s: cut short", path);
}

static enum rep_code take_in(int fd, size_t size, const uint8_t **out, const char *path,
			     struct rep_error *err)
{
	uint8_t *bytes = malloc(size);
	enum rep_code rc;

	if (!bytes)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = read_at(fd, 0, bytes, size, path, err);
	if (rc)
		free(bytes);
	else
		*out = bytes;
	return rc;
}

/* Small files are read, large ones mapped: a mapping costs two calls and a fault, and most packs are of one push or one merge. */
static enum rep_code get(const char *path, const uint8_t **out, size_t *size, struct rep_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *at;
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (fd < 0)
		return rep_fail(err, errno == ENOENT ? REP_ENOTFOUND : REP_EIO, "open %s: %s", path,
				strerror(errno));
	if (fstat(fd, &st) != 0 || st.st_size <= 0) {
		rc = rep_fail(err, REP_EINTEGRITY, "%s: empty", path);
	} else if (*size = (size_t)st.st_size, *size <= READ_MAX) {
		rc = take_in(fd, *size, out, path, err);
	} else {
		at = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (at == MAP_FAILED)
			rc = rep_fail(err, REP_EIO, "map %s: %s", path, strerror(errno));
		else
			*out = at;
	}
	(void)close(fd);
	return rc;
}

static void let_go(const uint8_t *at, size_t size)
{
	if (at && size <= READ_MAX)
		free((void *)(uintptr_t)at);
	else if (at)
		(void)munmap((void *)(uintptr_t)at, size);
}

static enum rep_code open_pack(struct rep_packfile *file, struct rep_error *err)
{
	struct stat st;

	if (file->fd >= 0)
		return REP_OK;
	file->fd = open(file->path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0)
		return rep_fail(err, errno == ENOENT ? REP_ENOTFOUND : REP_EIO, "open %s: %s",
				file->path, strerror(errno));
	if (fstat(file->fd, &st) != 0 || st.st_size <= 0)
		return rep_fail(err, REP_EINTEGRITY, "%s: empty", file->path);
	if (!file->size)
		file->size = (size_t)st.st_size;
	return REP_OK;
}

enum rep_code rep_packfile_get(struct rep_packfile *file, uint64_t offset, void *out, size_t len,
			       struct rep_error *err)
{
	enum rep_code rc;

	if (offset > file->size || len > file->size - offset)
		return rep_fail(err, REP_EINTEGRITY, "%s: damaged: beyond its end", file->name);
	if (file->data) {
		memcpy(out, file->data + offset, len);
		return REP_OK;
	}
	rc = open_pack(file, err);
	/* It was there when its index was read: a repack has removed it just now. */
	if (rc == REP_ENOTFOUND)
		rc = err->code = REP_EIO;
	return rc ? rc : read_at(file->fd, offset, out, len, file->path, err);
}

void rep_packfile_rest(struct rep_packfile *file)
{
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = -1;
}

void rep_packfile_free(struct rep_packfile *file)
{
	if (!file)
		return;
	let_go(file->index, file->index_size);
	let_go(file->data, file->size);
	rep_packfile_rest(file);
	free(file->path);
	free(file->name);
	free(file);
}

static enum rep_code check_index(struct rep_packfile *file, struct rep_error *err)
{
	static const uint8_t magic[INDEX_HEAD] = {0xff, 't', 'O', 'c', 0, 0, 0, 2};
	uint32_t before = 0;

	if (file->index_size < FANOUT + 2 * REP_OID_SIZE ||
	    memcmp(file->index, magic, sizeof magic) != 0)
		return damaged(file, "no index of version 2", err);
	for (size_t at = INDEX_HEAD; at < FANOUT; at += 4) {
		if (number(file->index + at) < before)
			return damaged(file, "the index's table is not in order", err);
		before = number(file->index + at);
	}
	file->len = before;
	if ((file->index_size - FANOUT - 2 * REP_OID_SIZE) / (REP_OID_SIZE + 8) < file->len)
		return damaged(file, "the index is cut short", err);
	return REP_OK;
}

static enum rep_code check_pack(struct rep_packfile *file, struct rep_error *err)
{
	uint8_t head[PACK_HEAD], tail[REP_OID_SIZE];
	enum rep_code rc;

	if (file->size < PACK_HEAD + REP_OID_SIZE)
		return damaged(file, "the pack has another head", err);
	rc = rep_packfile_get(file, 0, head, sizeof head, err);
	if (!rc)
		rc = rep_packfile_get(file, file->size - sizeof tail, tail, sizeof tail, err);
	if (!rc && (memcmp(head, "PACK", 4) != 0 || number(head + 4) != 2 ||
		    number(head + 8) != file->len))
		rc = damaged(file, "the pack has another head", err);
	if (!rc &&
	    memcmp(tail, file->index + file->index_size - 2 * REP_OID_SIZE, sizeof tail) != 0)
		rc = damaged(file, "the index is of another pack", err);
	return rc;
}

static enum rep_code open_both(struct rep_packfile *file, const char *dir, bool pieces,
			       struct rep_error *err)
{
	char path[4096];
	int len = snprintf(path, sizeof path, "%s/%s", dir, file->name);
	enum rep_code rc;

	if (len < 5 || (size_t)len >= sizeof path - 1)
		return rep_fail(err, REP_EINVAL, "%s: path too long", dir);
	rc = get(path, &file->index, &file->index_size, err);
	memcpy(path + len - 3, "pack", 5);
	if (!rc && !(file->path = strdup(path)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (!rc)
		rc = pieces ? open_pack(file, err) : get(path, &file->data, &file->size, err);
	return rc;
}

enum rep_code rep_packfile_open(struct rep_packfile **out, const char *dir, const char *name,
				bool pieces, struct rep_error *err)
{
	struct rep_packfile *file = calloc(1, sizeof *file);
	enum rep_code rc;

	*out = NULL;
	if (!file)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	file->fd = -1;
	file->name = strdup(name);
	rc = file->name ? open_both(file, dir, pieces, err)
			: rep_fail(err, REP_ENOMEM, "out of memory");
	if (!rc)
		rc = check_index(file, err);
	if (!rc)
		rc = check_pack(file, err);
	rep_packfile_rest(file);
	if (rc) {
		rep_packfile_free(file);
		return rc;
	}
	*out = file;
	return REP_OK;
}

static bool take_offset(const struct rep_packfile *file, uint32_t at, uint64_t *offset)
{
	const uint8_t *offsets = file->index + FANOUT + (size_t)file->len * (REP_OID_SIZE + 4);
	const uint8_t *far = offsets + (size_t)file->len * 4;
	const uint8_t *end = file->index + file->index_size - 2 * REP_OID_SIZE;
	uint32_t near = number(offsets + (size_t)at * 4);

	*offset = near;
	if (near & FAR) {
		if ((size_t)(end - far) / 8 <= (near & ~FAR))
			return false;
		far += (size_t)(near & ~FAR) * 8;
		*offset = (uint64_t)number(far) << 32 | number(far + 4);
	}
	return *offset >= PACK_HEAD && *offset < file->size - REP_OID_SIZE;
}

bool rep_packfile_find(const struct rep_packfile *file, const struct rep_oid *oid, uint64_t *offset,
		       uint32_t *crc)
{
	const uint8_t *fanout = file->index + INDEX_HEAD;
	const uint8_t *oids = file->index + FANOUT;
	uint32_t low = oid->bytes[0] ? number(fanout + 4u * (oid->bytes[0] - 1u)) : 0;
	uint32_t high = number(fanout + 4u * oid->bytes[0]);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = memcmp(oid->bytes, oids + (size_t)middle * REP_OID_SIZE, REP_OID_SIZE);

		if (order == 0) {
			*crc = number(oids + (size_t)file->len * REP_OID_SIZE + (size_t)middle * 4);
			return take_offset(file, middle, offset);
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* ---- heads ---- */

static bool take_size(const uint8_t **at, const uint8_t *end, unsigned *type, uint64_t *size)
{
	unsigned shift = 4;
	uint8_t byte = *(*at)++;

	*type = (byte >> 4) & 7;
	*size = byte & 15;
	while (byte & 0x80) {
		if (*at == end || shift > SIZE_SHIFT_MAX)
			return false;
		byte = *(*at)++;
		*size |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	}
	return true;
}

/* How far back the base of an OFS_DELTA lies. */
static bool take_distance(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
	uint8_t byte;

	if (*at == end)
		return false;
	byte = *(*at)++;
	*out = byte & 0x7f;
	while (byte & 0x80) {
		if (*at == end || *out > UINT64_MAX >> 8)
			return false;
		byte = *(*at)++;
		*out = ((*out + 1) << 7) | (byte & 0x7f);
	}
	return true;
}

static bool find_base(const struct rep_packfile *file, uint64_t offset, const uint8_t **at,
		      const uint8_t *end, struct rep_packhead *out)
{
	struct rep_oid oid;
	uint64_t distance;
	uint32_t crc;

	if (out->type == 6) {
		if (!take_distance(at, end, &distance) || distance == 0 || distance > offset)
			return false;
		out->base = offset - distance;
		return out->base >= PACK_HEAD;
	}
	if ((size_t)(end - *at) < REP_OID_SIZE)
		return false;
	memcpy(oid.bytes, *at, REP_OID_SIZE);
	*at += REP_OID_SIZE;
	return rep_packfile_find(file, &oid, &out->base, &crc);
}

enum rep_code rep_packfile_head(struct rep_packfile *file, uint64_t offset,
				struct rep_packhead *out, struct rep_error *err)
{
	const uint64_t stop = file->size - REP_OID_SIZE;
	uint8_t piece[HEAD_MAX];
	const uint8_t *begin = piece, *end, *at;
	enum rep_code rc = REP_OK;
	bool good;

	*out = (struct rep_packhead){0};
	if (offset < PACK_HEAD || offset >= stop)
		return damaged(file, "an object's head", err);
	if (file->data) {
		begin = file->data + offset;
		end = file->data + stop;
	} else {
		end = piece + (stop - offset < HEAD_MAX ? stop - offset : HEAD_MAX);
		rc = rep_packfile_get(file, offset, piece, (size_t)(end - piece), err);
	}
	if (rc)
		return rc;
	at = begin;
	good = take_size(&at, end, &out->type, &out->size);
	if (good && (out->type == 6 || out->type == 7))
		good = find_base(file, offset, &at, end, out);
	else if (good)
		good = out->type >= 1 && out->type <= 3;
	out->data = offset + (uint64_t)(at - begin);
	return good && at < end ? REP_OK : damaged(file, "an object's head", err);
}
