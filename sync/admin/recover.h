/*
 * A restored hub goes on where devices hold newer views than it has: by a higher epoch, which the company's root key allows
 * (sync/mailbox/recovery.h). docs/adr/0018.
 */
#ifndef REPSYNC_SYNC_ADMIN_RECOVER_H
#define REPSYNC_SYNC_ADMIN_RECOVER_H

#include "core/base/json.h"
#include "sync/hub/hub.h"

struct rep_recover {
	const char *root_key; /* a file: keys/root.key, or the copy that was taken away */
	int64_t now_ms;
	const struct rep_progress *progress;
};
/*
 * Raises the epoch, takes what the mailboxes hold, and publishes views that say so: each names an outbox begun anew, so that its device sends
 * again what this hub has not. *out = {"epoch","run","statement"}. REP_EREFUSED where the key is not the company's.
 */
REP_CHECK enum rep_code rep_hub_recover(struct rep_hub *hub, const struct rep_recover *options,
					struct rep_json **out, struct rep_error *err);

#endif
