#include "sync/git/packs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "sync/git/packfile.h"

#define DELTAS_MAX 4096u /* git makes chains of 50, at the most 4,095 */
#define OBJECT_SIZE_MAX (1024u * 1024u * 1024u)

struct rep_packs {
	char *dir; /* of objects */
	struct rep_packfile **files;
	size_t len, cap;
	size_t last; /* where something was found: most often the next lies there too */
	bool elsewhere, scanned;
	bool pieces;     /* packs stay on the disk */
	size_t size_max; /* of an object */
	struct rep_zip *zip;
};

enum rep_code rep_packs_new(struct rep_packs **out, const char *objects, struct rep_error *err)
{
	struct rep_packs *packs = calloc(1, sizeof *packs);
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!packs)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	packs->size_max = OBJECT_SIZE_MAX;
	packs->dir = strdup(objects);
	if (!packs->dir)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (!rc)
		rc = rep_zip_new(&packs->zip, err);
	if (rc) {
		rep_packs_free(packs);
		return rc;
	}
	*out = packs;
	return REP_OK;
}

enum rep_code rep_packs_new_bounded(struct rep_packs **out, const char *objects, size_t size_max,
				    struct rep_error *err)
{
	enum rep_code rc = rep_packs_new(out, objects, err);

	if (!rc) {
		(*out)->pieces = true;
		(*out)->size_max = size_max;
	}
	return rc;
}

void rep_packs_free(struct rep_packs *packs)
{
	if (!packs)
		return;
	for (size_t i = 0; i < packs->len; i++)
		rep_packfile_free(packs->files[i]);
	free(packs->files);
	rep_zip_free(packs->zip);
	free(packs->dir);
	free(packs);
}

/* ---- which packs there are ---- */

static bool is_index(const char *name)
{
	size_t len = strlen(name);

	return strncmp(name, "pack-", 5) == 0 && len > 9 && strcmp(name + len - 4, ".idx") == 0;
}

static struct rep_packfile *known(const struct rep_packs *packs, const char *name)
{
	for (size_t i = 0; i < packs->len; i++)
		if (strcmp(packs->files[i]->name, name) == 0)
			return packs->files[i];
	return NULL;
}

static enum rep_code take_up(struct rep_packs *packs, const char *dir, const char *name,
			     struct rep_error *err)
{
	struct rep_packfile *file = known(packs, name);
	enum rep_code rc = REP_OK;

	if (!file) {
		if (packs->len == packs->cap) {
			size_t cap = packs->cap ? 2 * packs->cap : 8;
			struct rep_packfile **grown =
				reallocarray(packs->files, cap, sizeof(*grown));

			if (!grown)
				return rep_fail(err, REP_ENOMEM, "out of memory");
			packs->files = grown;
			packs->cap = cap;
		}
		rc = rep_packfile_open(&file, dir, name, packs->pieces, err);
		/* An index without its pack is what a killed writer leaves, or a repack removes just now. */
		if (rc == REP_ENOTFOUND)
			return REP_OK;
		if (!rc)
			packs->files[packs->len++] = file;
	}
	if (!rc)
		file->seen = true;
	return rc;
}

static void let_go(struct rep_packs *packs)
{
	size_t kept = 0;

	for (size_t i = 0; i < packs->len; i++) {
		if (packs->files[i]->seen)
			packs->files[kept++] = packs->files[i];
		else
			rep_packfile_free(packs->files[i]);
	}
	packs->len = kept;
	packs->last = 0;
}

/* Loose objects, or another repository's. */
static enum rep_code look_elsewhere(struct rep_packs *packs, struct rep_error *err)
{
	DIR *stream = opendir(packs->dir);
	const struct dirent *entry;
	char path[4200];

	if (!stream)
		return rep_fail(err, REP_EIO, "open %s: %s", packs->dir, strerror(errno));
	packs->elsewhere = false;
	while ((entry = readdir(stream)) != NULL)
		if (strlen(entry->d_name) == 2 && isxdigit((unsigned char)entry->d_name[0]))
			packs->elsewhere = true;
	(void)closedir(stream);
	snprintf(path, sizeof path, "%.4000s/info/alternates", packs->dir);
	packs->elsewhere = packs->elsewhere || rep_file_exists(path);
	return REP_OK;
}

enum rep_code rep_packs_scan(struct rep_packs *packs, struct rep_error *err)
{
	const struct dirent *entry;
	char dir[4200];
	DIR *stream;
	enum rep_code rc = look_elsewhere(packs, err);

	packs->scanned = true;
	snprintf(dir, sizeof dir, "%.4000s/pack", packs->dir);
	if (rc)
		return rc;
	for (size_t i = 0; i < packs->len; i++)
		packs->files[i]->seen = false;
	stream = opendir(dir);
	if (!stream && errno != ENOENT)
		return rep_fail(err, REP_EIO, "open %s: %s", dir, strerror(errno));
	while (stream && !rc && (entry = readdir(stream)) != NULL)
		if (is_index(entry->d_name))
			rc = take_up(packs, dir, entry->d_name, err);
	if (stream)
		(void)closedir(stream);
	if (!rc)
		let_go(packs);
	return rc;
}

bool rep_packs_elsewhere(const struct rep_packs *packs)
{
	return packs->elsewhere;
}

bool rep_packs_find(struct rep_packs *packs, const struct rep_oid *oid, struct rep_packed *out)
{
	struct rep_error ignored;

	if (!packs->scanned && rep_packs_scan(packs, &ignored) != REP_OK)
		return false;
	for (size_t n = 0; n < packs->len; n++) {
		size_t i = packs->last + n;

		i -= i >= packs->len ? packs->len : 0;
		if (rep_packfile_find(packs->files[i], oid, &out->offset, &out->crc)) {
			out->file = packs->files[i];
			if (i != packs->last)
				rep_packfile_rest(packs->files[packs->last]);
			packs->last = i;
			return true;
		}
	}
	return false;
}

/* ---- objects ---- */

/* Deflated bytes are hardly more than the inflated ones; a writer who makes them so is none of ours. */
static size_t deflated_max(size_t size)
{
	return size + size / 8 + 1024;
}

static enum rep_code inflate_piece(struct rep_packs *packs, struct rep_packfile *file,
				   const struct rep_packhead *head, size_t room,
				   struct rep_buf *out, size_t *used, struct rep_error *err)
{
	size_t len =
		room < deflated_max((size_t)head->size) ? room : deflated_max((size_t)head->size);
	uint8_t *piece = malloc(len);
	enum rep_code rc;

	if (!piece)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = rep_packfile_get(file, head->data, piece, len, err);
	if (!rc)
		rc = rep_zip_inflate(packs->zip, piece, len, (size_t)head->size, out, used, err);
	free(piece);
	return rc;
}

static enum rep_code inflate_at(struct rep_packs *packs, struct rep_packfile *file,
				const struct rep_packhead *head, struct rep_buf *out, size_t *used,
				struct rep_error *err)
{
	size_t room = file->size - REP_OID_SIZE - (size_t)head->data;
	enum rep_code rc;

	if (head->size >= packs->size_max)
		return rep_fail(err, REP_EINTEGRITY, "%s: damaged: a size", file->name);
	if (file->data)
		rc = rep_zip_inflate(packs->zip, file->data + head->data, room, (size_t)head->size,
				     out, used, err);
	else
		rc = inflate_piece(packs, file, head, room, out, used, err);
	return rep_wrap(err, rc, "%s", file->name);
}

/* `held`: bytes of the deltas that wait for their base. */
static enum rep_code read_at(struct rep_packs *packs, struct rep_packfile *file, uint64_t offset,
			     unsigned depth, size_t held, struct rep_buf *out,
			     struct rep_error *err)
{
	struct rep_buf base = REP_BUF_INIT(packs->size_max), delta = REP_BUF_INIT(packs->size_max);
	struct rep_packhead head;
	size_t used;
	enum rep_code rc = rep_packfile_head(file, offset, &head, err);

	if (rc || head.type < 6)
		return rc ? rc : inflate_at(packs, file, &head, out, &used, err);
	if (depth == DELTAS_MAX || head.size >= packs->size_max - held)
		return rep_fail(err, REP_EINTEGRITY, "%s: damaged: deltas without end", file->name);
	rc = inflate_at(packs, file, &head, &delta, &used, err);
	if (!rc)
		rc = read_at(packs, file, head.base, depth + 1, held + delta.len, &base, err);
	if (!rc)
		rc = rep_packdelta_apply(out, (const uint8_t *)rep_buf_str(&base), base.len,
					 (const uint8_t *)rep_buf_str(&delta), delta.len, err);
	rep_buf_clear(&base);
	rep_buf_clear(&delta);
	return rc;
}

enum rep_code rep_packs_header(struct rep_packs *packs, const struct rep_packed *at,
			       enum rep_object *type, size_t *size, struct rep_error *err)
{
	static const enum rep_object types[] = {
		[1] = REP_OBJECT_COMMIT, [2] = REP_OBJECT_TREE, [3] = REP_OBJECT_BLOB};
	struct rep_buf delta = REP_BUF_INIT(packs->size_max);
	struct rep_packhead head;
	uint64_t base_size, result = 0;
	size_t used;
	enum rep_code rc = rep_packfile_head(at->file, at->offset, &head, err);

	*size = (size_t)head.size;
	if (!rc && head.type >= 6) {
		const uint8_t *from;

		rc = inflate_at(packs, at->file, &head, &delta, &used, err);
		from = (const uint8_t *)rep_buf_str(&delta);
		if (!rc && !rep_packdelta_sizes(&from, from + delta.len, &base_size, &result))
			rc = rep_fail(err, REP_EINTEGRITY, "a delta is damaged");
		*size = (size_t)result;
	}
	for (unsigned n = 0; !rc && head.type >= 6; n++)
		rc = n < DELTAS_MAX ? rep_packfile_head(at->file, head.base, &head, err)
				    : rep_fail(err, REP_EINTEGRITY, "deltas without end");
	*type = rc ? REP_OBJECT_BLOB : types[head.type];
	rep_buf_clear(&delta);
	return rc;
}

enum rep_code rep_packs_read(struct rep_packs *packs, const struct rep_packed *at,
			     const struct rep_oid *oid, enum rep_object type, struct rep_buf *out,
			     struct rep_error *err)
{
	const size_t start = out->len;
	struct rep_oid made;
	enum rep_code rc = read_at(packs, at->file, at->offset, 0, 0, out, err);

	if (rc)
		return rc;
	/* What a stranger wrote is taken in here; what lies in a repository of ours has been. */
	(packs->pieces ? rep_oid_of : rep_oid_again)(&made, type, rep_buf_str(out) + start,
						     out->len - start);
	return rep_oid_equal(&made, oid)
		       ? REP_OK
		       : rep_fail(err, REP_EINTEGRITY, "%s: an object has not the id of its bytes",
				  at->file->name);
}

enum rep_code rep_packs_deflated(struct rep_packs *packs, const struct rep_packed *at,
				 const uint8_t **data, size_t *len, struct rep_error *err)
{
	const uint8_t *from = at->file->data;
	struct rep_buf ignored = REP_BUF_INIT(OBJECT_SIZE_MAX);
	struct rep_packhead head;
	enum rep_code rc = rep_packfile_head(at->file, at->offset, &head, err);

	*data = NULL;
	*len = 0;
	if (rc || head.type >= 6 || !from)
		return rc;
	/* A pack does not say where its objects end; inflating does. */
	rc = inflate_at(packs, at->file, &head, &ignored, len, err);
	rep_buf_clear(&ignored);
	if (!rc &&
	    rep_zip_crc32(0, from + at->offset, (size_t)(head.data - at->offset) + *len) != at->crc)
		rc = rep_fail(err, REP_EINTEGRITY, "%s: damaged: an object's checksum",
			      at->file->name);
	if (!rc)
		*data = from + head.data;
	return rc;
}
