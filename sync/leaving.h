/*
 * Leaving the company, and losing a laptop: devices are revoked, what they had not sent is handed over, successors get the accounts,
 * and it is told what was held, what is owed, and what is not known. docs/leaving.md tells it in steps.
 */
#ifndef REPSYNC_SYNC_LEAVING_H
#define REPSYNC_SYNC_LEAVING_H

#include "sync/hub.h"

struct rep_hub_revoke {
	const char *device;
	const char *at; /* a datetime, also one that has passed or is to come; NULL = now */
	const char *reason;
};
/*
 * Revokes a device and does at once what follows (or the run after `at` does): a last collection, of which what was made before `at`
 * is merged and flagged `late-final`; then its mailbox serves the order to erase. *out is its row of rep_hub_devices. Repeating it is
 * fine.
 */
REP_CHECK enum rep_code rep_hub_revoke(struct rep_hub *hub, const struct rep_hub_revoke *revoke,
				       int64_t now_ms, struct rep_json **out,
				       struct rep_error *err);

/*
 * [{"device","rep","state","since","desk","seq","last_contact","clock_offset_ms","lease","unmerged","problem","left","left_at"}]:
 * all devices, or those of a rep. `left`: null, "ordered", "delivered", "acknowledged", "lease ended".
 */
REP_CHECK enum rep_code rep_hub_devices(struct rep_hub *hub, const char *rep, int64_t now_ms,
					struct rep_json **out, struct rep_error *err);

/* ---- between the files of this side ---- */

REP_CHECK enum rep_code rep_hub_device_row(struct rep_hub *hub, const char *device, int64_t now_ms,
					   struct rep_json **out, struct rep_error *err);
REP_CHECK enum rep_code rep_hub_revoke_line(struct rep_hub *hub, struct rep_hub_batch *batch,
					    const char *device, const char *since,
					    struct rep_error *err);
REP_CHECK enum rep_code rep_hub_merge_all(struct rep_hub *hub, int64_t now_ms,
					  struct rep_json **summary, struct rep_error *err);

#endif
