/*
 * A hub that was restored takes again what it had taken, and dates it as it did then: by the receipts that the views in the mailboxes bear
 * until the first merge that leaves nothing open. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_HEALING_H
#define REPSYNC_SYNC_HEALING_H

#include "sync/document.h"
#include "sync/hub_state.h"

/* Puts the receipts of a mailbox's inbox into the hub's folder. `mailbox` names it. */
REP_CHECK enum rep_code rep_healing_keep(const char *dir, const char *device, const char *mailbox,
					 struct rep_error *err);
/* The receipt of a segment that came before the restore; false where there is none. */
bool rep_healing_receipt(const struct rep_hub *hub, const char *device, int64_t first, int64_t last,
			 const char *hash, struct rep_receipt *out);
/* Is this hub healing? Then its own change sets came when they were sealed. */
bool rep_healing(const struct rep_hub *hub);
REP_CHECK enum rep_code rep_healing_end(struct rep_hub *hub, struct rep_error *err);

#endif
