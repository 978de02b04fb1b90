/*
 * Private to sync: the index of a pack, version 2 (gitformat-pack(5)), written from what the writer of the pack knows.
 */
#ifndef REPSYNC_SYNC_GIT_PACKINDEX_H
#define REPSYNC_SYNC_GIT_PACKINDEX_H

#include "sync/git/git.h"

struct rep_packindex_entry {
	struct rep_oid oid;
	uint32_t crc;    /* of the object as it lies in the pack, head and all */
	uint64_t offset; /* in the pack */
};

/*
 * Writes the index into `fd`. Sorts `entries`, whose ids differ from each other. `pack_sum`: the SHA-1 that ends the pack.
 */
REP_CHECK enum rep_code rep_packindex_write(int fd, struct rep_packindex_entry *entries, size_t len,
					    const uint8_t pack_sum[REP_OID_SIZE],
					    struct rep_error *err);

#endif
