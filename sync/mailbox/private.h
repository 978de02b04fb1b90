/*
 * Private to sync: private folders in memory that do not outlive their maker for long.
 *
 * A killed program leaves its folder behind, and in it perhaps a view of the company's data. Each folder is locked
 * (flock) by who made it, so the next one to make a folder of the same kind can tell those that nobody holds any more,
 * and removes them.
 */
#ifndef REPSYNC_SYNC_MAILBOX_PRIVATE_H
#define REPSYNC_SYNC_MAILBOX_PRIVATE_H

#include <stdint.h>

#include "core/base/error.h"

struct rep_private {
	char *path;
	int fd; /* holds the lock; shared with the maker's children */
};
#define REP_PRIVATE_INIT ((struct rep_private){.fd = -1})
/* `kind` is the folder's prefix. */
REP_CHECK enum rep_code rep_private_make(struct rep_private *out, const char *kind,
					 struct rep_error *err);
void rep_private_remove(
	struct rep_private *folder); /* never made (zeroed), or removed already: fine */
/* What rep_private_make does first: removes folders of this kind older than a minute that nobody holds. */
void rep_private_sweep(const char *parent, const char *kind, int64_t now_s);

#endif
