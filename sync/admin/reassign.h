/*
 * Giving accounts and records to another territory, at the hub. The plan is core's (core/store/reassign.h); here it becomes a change
 * set of the hub's own, merged at once, and is told with what the hub knows of the devices concerned.
 */
#ifndef REPSYNC_SYNC_ADMIN_REASSIGN_H
#define REPSYNC_SYNC_ADMIN_REASSIGN_H

#include "core/store/reassign.h"
#include "sync/hub/hub.h"

/*
 * *told (the caller's) as rep_reassign_plan gives it; each of its devices also has {"last_contact","unmerged","stale"}: when the
 * hub last received something of it, whether its mailbox holds what no run has taken, and whether there was no contact for more than
 * a day. With `preview` nothing is written.
 */
REP_CHECK enum rep_code rep_hub_reassign(struct rep_hub *hub, const struct rep_reassign *reassign,
					 bool preview, int64_t now_ms, struct rep_json **told,
					 struct rep_error *err);

#endif
