/*
 * A hub that was restored takes again what it had taken, and dates it as it did then: by the receipts that the views in the mailboxes bear
 * until the first merge that leaves nothing open. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_RUN_HEALING_H
#define REPSYNC_SYNC_RUN_HEALING_H

#include "sync/hub/hub_state.h"
#include "sync/mailbox/document.h"
#include "sync/mailbox/mailbox.h"
#include "sync/run/run.h"

/* In the hub's folder: what the devices said that they held. */
#define REP_RECOVERED "recovered"
/* In the hub's folder: receipts of before a restore, <device>/<first>-<last>.receipt.json. */
#define REP_HEALING "healing"

/* Puts the receipts of a mailbox's inbox into the hub's folder. `mailbox` names it. */
REP_CHECK enum rep_code rep_healing_keep(const char *dir, const char *device, const char *mailbox,
					 struct rep_error *err);
/*
 * Dates a segment that came before the restore: by its receipt, and the hub's own, which have none, by when they were sealed: they are
 * merged when they are made. Leaves `out` where the hub is not healing.
 */
void rep_healing_received(const struct rep_hub *hub, const char *device,
			  const struct rep_segment *segment, const char *sealed,
			  struct rep_run_segment *out);
bool rep_healing_is(const struct rep_hub *hub);
/* Notes that the device is to be heard in `epoch`; and in the hub's own, is it still? */
REP_CHECK enum rep_code rep_healing_expect(const struct rep_hub *hub, int64_t epoch,
					   const char *device, struct rep_error *err);
bool rep_healing_owes(const struct rep_hub *hub, const char *device);
/*
 * What a device of a higher epoch than before sent along: the view that it held. Kept in the hub's folder, recovered/<epoch>/<device>.json, as what
 * tells that it was heard. Another text than a view of this hub for this device is left alone.
 */
REP_CHECK enum rep_code rep_healing_heard(const struct rep_hub *hub, const char *device,
					  const struct rep_outbox *outbox, struct rep_error *err);
REP_CHECK enum rep_code rep_healing_end(struct rep_hub *hub, struct rep_error *err);

#endif
