/*
 * Private to sync: a map from object id to a number, the index of an entry that the owner keeps in order.
 *
 * Ids are hashes already, so their first bytes are the hash: open addressing, half full at the most.
 */
#ifndef REPSYNC_SYNC_GIT_OIDMAP_H
#define REPSYNC_SYNC_GIT_OIDMAP_H

#include "sync/git/git.h"

struct rep_oidmap_slot {
	struct rep_oid oid;
	uint32_t value_plus_one; /* 0 = free */
};
struct rep_oidmap {
	struct rep_oidmap_slot *slots;
	size_t len;
	size_t cap; /* 0 or a power of two */
};

#define REP_OIDMAP_NONE UINT32_MAX
uint32_t rep_oidmap_get(const struct rep_oidmap *map,
			const struct rep_oid *oid); /* REP_OIDMAP_NONE when absent */
/* Of an id that is not there yet; `value` below REP_OIDMAP_NONE - 1. False = no memory. */
bool rep_oidmap_put(struct rep_oidmap *map, const struct rep_oid *oid, uint32_t value);
void rep_oidmap_clear(struct rep_oidmap *map);

#endif
