/*
 * The company's side of bundles; sync/device/bundle.h says what they are.
 */
#ifndef REPSYNC_SYNC_ADMIN_BUNDLE_HUB_H
#define REPSYNC_SYNC_ADMIN_BUNDLE_HUB_H

#include "sync/hub/hub.h"

/*
 * Writes the newest published view of a device, from the newest view that its change sets name on, or `whole`. *summary:
 * {"device","view","since","bytes"}; `since` is 0 for a whole one.
 */
REP_CHECK enum rep_code rep_hub_bundle(struct rep_hub *hub, const char *device, const char *path,
				       bool whole, int64_t now_ms, struct rep_json **summary,
				       struct rep_error *err);
/*
 * Pushes a bundle of a device into its mailbox; the next merge takes it. *summary: {"device","commits"}, 0 when it was there.
 * `program` is the path of repsync. Errors as above, and those of a push.
 */
REP_CHECK enum rep_code rep_hub_unbundle(struct rep_hub *hub, const char *path, const char *program,
					 struct rep_json **summary, struct rep_error *err);

#endif
