/*
 * Private to sync: what the two halves of the clone share.
 */
#ifndef REPSYNC_SYNC_DEVICE_CLONE_WORK_H
#define REPSYNC_SYNC_DEVICE_CLONE_WORK_H

#include "sync/device/clone.h"
#include "sync/mailbox/private.h"

struct rep_clone {
	struct rep_replica *replica; /* borrowed */
	struct rep_private dir;      /* removed by close */
	char *path;                  /* <dir>/clone.git */
	struct rep_git *git;
};

/* The commit that a key of _meta names; zero when there is none. */
REP_CHECK enum rep_code rep_clone_tip(const struct rep_clone *clone, const char *key,
				      struct rep_oid *out, struct rep_error *err);
/* Makes one of all packs but the largest when there are more than `max`. */
REP_CHECK enum rep_code rep_clone_gather(struct rep_clone *clone, size_t max,
					 struct rep_error *err);
/* Keeps only what rep_clone_shrink promises, as one pack. */
REP_CHECK enum rep_code rep_clone_reduce(struct rep_clone *clone, struct rep_error *err);

#endif
