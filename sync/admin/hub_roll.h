/*
 * A new key for the hub, signed by the company's root key: when the old one may be known to others, or because it is time. Devices
 * follow with their next view; what the old key signed stays good for its time.
 */
#ifndef REPSYNC_SYNC_ADMIN_HUB_ROLL_H
#define REPSYNC_SYNC_ADMIN_HUB_ROLL_H

#include "sync/hub/hub.h"

/*
 * `root_file`: keys/root.key, from where it is kept. REP_EREFUSED where it is another company's. After a kill the same command comes to
 * the same end. *out: {"number","public","old","time"}.
 */
REP_CHECK enum rep_code rep_hub_key_roll(const char *dir, const char *root_file, int64_t now_ms,
					 struct rep_json **out, struct rep_error *err);

#endif
