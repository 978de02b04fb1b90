#include "sync/packfile.h"

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

static enum rep_code take_in(int fd, size_t size, const uint8_t **out, const char *path,
			     struct rep_error *err)
{
	uint8_t *bytes = malloc(size);
	size_t len = 0;
	ssize_t n = 0;

	if (!bytes)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	while (len < size && (n = pread(fd, bytes + len, size - len, (off_t)len)) > 0)
		len += (size_t)n;
	if (len < size) {
		free(bytes);
		return n < 0 ? rep_fail(err, REP_EIO, "read %s: %s", path, strerror(errno))
			     : rep_fail(err, REP_EINTEGRITY, "%s: cut short", path);
	}
	*out = bytes;
	return REP_OK;
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

void rep_packfile_free(struct rep_packfile *file)
{
	if (!file)
		return;
	let_go(file->index, file->index_size);
	let_go(file->data, file->size);
	free(file->name);
	free(file);
}

static enum rep_code check(struct rep_packfile *file, struct rep_error *err)
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
	if (file->size < PACK_HEAD + REP_OID_SIZE || memcmp(file->data, "PACK", 4) != 0 ||
	    number(file->data + 4) != 2 || number(file->data + 8) != file->len)
		return damaged(file, "the pack has another head", err);
	if (memcmp(file->data + file->size - REP_OID_SIZE,
		   file->index + file->index_size - 2 * REP_OID_SIZE, REP_OID_SIZE) != 0)
		return damaged(file, "the index is of another pack", err);
	return REP_OK;
}

enum rep_code rep_packfile_open(struct rep_packfile **out, const char *dir, const char *name,
				struct rep_error *err)
{
	struct rep_packfile *file = calloc(1, sizeof *file);
	char path[4096];
	int len;
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!file || !(file->name = strdup(name)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	len = snprintf(path, sizeof path, "%s/%s", dir, name);
	if (!rc && (len < 5 || (size_t)len >= sizeof path - 1))
		rc = rep_fail(err, REP_EINVAL, "%s: path too long", dir);
	if (!rc)
		rc = get(path, &file->index, &file->index_size, err);
	if (!rc) {
		memcpy(path + len - 3, "pack", 5);
		rc = get(path, &file->data, &file->size, err);
	}
	if (!rc)
		rc = check(file, err);
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

enum rep_code rep_packfile_head(const struct rep_packfile *file, uint64_t offset,
				struct rep_packhead *out, struct rep_error *err)
{
	const uint8_t *end = file->data + file->size - REP_OID_SIZE;
	const uint8_t *at = file->data + offset;
	bool good;

	*out = (struct rep_packhead){0};
	good = offset >= PACK_HEAD && offset < file->size - REP_OID_SIZE &&
	       take_size(&at, end, &out->type, &out->size);
	if (good && (out->type == 6 || out->type == 7))
		good = find_base(file, offset, &at, end, out);
	else if (good)
		good = out->type >= 1 && out->type <= 3;
	out->data = (uint64_t)(at - file->data);
	return good && at < end ? REP_OK : damaged(file, "an object's head", err);
}
