/*
 * Private to sync: reading the packs of a repository.
 *
 * Packs and their indexes are mapped and never trusted: whatever they say is checked against their sizes first, and every
 * object against its id. libgit2 1.5.1 dies of damaged indexes, looks an object up twice to read it, and has to be started,
 * which takes longer than most of what repsync does (it parses the system's certificates).
 */
#ifndef REPSYNC_SYNC_GIT_PACKS_H
#define REPSYNC_SYNC_GIT_PACKS_H

#include "sync/git/git.h"
#include "sync/git/zip.h"

struct rep_packs;
struct rep_packfile;
/* Where an object lies; borrowed from its packs until the next rep_packs_scan. */
struct rep_packed {
	struct rep_packfile *file;
	uint64_t offset;
	uint32_t crc;
};

/* `objects`: the folder of objects of a repository. Nothing is read before it is asked for. */
REP_CHECK enum rep_code rep_packs_new(struct rep_packs **out, const char *objects,
				      struct rep_error *err);
/*
 * The same for packs of strangers, in a process whose memory is bounded: packs stay on the disk, and no object of more than `size_max`
 * bytes is made, nor a delta unpacked whose chain takes more.
 */
REP_CHECK enum rep_code rep_packs_new_bounded(struct rep_packs **out, const char *objects,
					      size_t size_max, struct rep_error *err);
void rep_packs_free(struct rep_packs *packs);
/* Takes up packs that are new and lets go those whose files are gone. */
REP_CHECK enum rep_code rep_packs_scan(struct rep_packs *packs, struct rep_error *err);
/* Are there, or may there be, objects that lie in no pack? As of the last scan. */
bool rep_packs_elsewhere(const struct rep_packs *packs);
bool rep_packs_find(struct rep_packs *packs, const struct rep_oid *oid, struct rep_packed *out);
/* Type and size, of a delta's result too. */
REP_CHECK enum rep_code rep_packs_header(struct rep_packs *packs, const struct rep_packed *at,
					 enum rep_object *type, size_t *size,
					 struct rep_error *err);
/* Appends the object's bytes. REP_EINTEGRITY when an object of this type and these bytes does not have this id. */
REP_CHECK enum rep_code rep_packs_read(struct rep_packs *packs, const struct rep_packed *at,
				       const struct rep_oid *oid, enum rep_object type,
				       struct rep_buf *out, struct rep_error *err);
/*
 * The deflated bytes as they lie in the pack, checked against the index's checksum, to be put into another pack as they are; *data is
 * NULL for an object that is kept as a delta. Borrowed like `at`.
 */
REP_CHECK enum rep_code rep_packs_deflated(struct rep_packs *packs, const struct rep_packed *at,
					   const uint8_t **data, size_t *len,
					   struct rep_error *err);

#endif
