/*
 * A desk: a replica beside the hub. Its sync merges at once, so that who works at the company sees the answer in the same
 * minute.
 */
#ifndef REPSYNC_SYNC_DEVICE_DESK_H
#define REPSYNC_SYNC_DEVICE_DESK_H

#include "sync/device/device.h"

/*
 * As rep_device_sync; where the replica is a desk whose hub's folder this process may write, the hub then merges and the
 * replica syncs once more. *summary adds the two up. A hub at work for another process is not waited for: that run, or the
 * next, takes what was sent.
 */
REP_CHECK enum rep_code rep_desk_sync(struct rep_replica *replica, const struct rep_sync *options,
				      struct rep_json **summary, struct rep_error *err);

#endif
