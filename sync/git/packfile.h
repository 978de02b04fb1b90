/*
 * Private to the readers of packs: one pack with its index, in memory or mapped. gitformat-pack(5).
 */
#ifndef REPSYNC_SYNC_GIT_PACKFILE_H
#define REPSYNC_SYNC_GIT_PACKFILE_H

#include "sync/git/packs.h"

struct rep_packfile {
	char *name; /* of the index, in objects/pack */
	char *path; /* of the pack */
	const uint8_t *index;
	const uint8_t *data; /* NULL: read piece by piece, rep_packfile_get */
	int fd;              /* of the pack, where it is read so; -1 until something is read */
	size_t index_size, size;
	uint32_t len; /* objects */
	bool seen;    /* by the scan going on */
};

/* REP_EINTEGRITY when index or pack cannot be what they say. `pieces`: the pack itself stays on the disk. */
REP_CHECK enum rep_code rep_packfile_open(struct rep_packfile **out, const char *dir,
					  const char *name, bool pieces, struct rep_error *err);
void rep_packfile_free(struct rep_packfile *file);
/* Some bytes of the pack, which must be within it. */
REP_CHECK enum rep_code rep_packfile_get(struct rep_packfile *file, uint64_t offset, void *out,
					 size_t len, struct rep_error *err);
void rep_packfile_rest(struct rep_packfile *file); /* closes its descriptor until more is read */
bool rep_packfile_find(const struct rep_packfile *file, const struct rep_oid *oid, uint64_t *offset,
		       uint32_t *crc);

/* What stands before an object's deflated bytes. */
struct rep_packhead {
	unsigned type; /* 1 commit, 2 tree, 3 blob, 6 and 7 deltas */
	uint64_t size; /* inflated */
	uint64_t data; /* offset of the deflated bytes */
	uint64_t base; /* of a delta: where its base lies in this pack */
};
REP_CHECK enum rep_code rep_packfile_head(struct rep_packfile *file, uint64_t offset,
					  struct rep_packhead *out, struct rep_error *err);

/* The result of a delta over its base, appended. */
REP_CHECK enum rep_code rep_packdelta_apply(struct rep_buf *out, const uint8_t *base,
					    size_t base_len, const uint8_t *delta, size_t len,
					    struct rep_error *err);
/* The sizes that a delta names first; false when it does not. *at moves behind them. */
bool rep_packdelta_sizes(const uint8_t **at, const uint8_t *end, uint64_t *base, uint64_t *result);

#endif
