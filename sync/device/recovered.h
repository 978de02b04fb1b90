/*
 * The company's hub was restored from a backup, and says so with a higher epoch: docs/adr/0018. What this device sent after the backup it sends
 * again, with the receipts that prove when it came first, and the view that it held, which tells the hub how far history went. Not part
 * of the public interface.
 *
 *	1 the mailbox went back: the view is looked at before anything is sent
 *	2 a view of a higher epoch with a recovery document of the root key that was pinned: taken, though it acknowledges less
 *	3 it names an outbox begun anew: what lies above its merged_seq is planned on that, in the segments that the receipts are for
 */
#ifndef REPSYNC_SYNC_DEVICE_RECOVERED_H
#define REPSYNC_SYNC_DEVICE_RECOVERED_H

#include "sync/device/device_work.h"

#define REP_META_RECEIPTS \
	"resend_receipts" /* JSON: "<first>-<last>" -> receipt.json, of what is to be sent again */
#define REP_META_HELD_VIEW "resend_view" /* self.json of the view before the recovery; sent once */

/* May a view of a higher epoch than `held_epoch` be taken? REP_EINTEGRITY says why not. */
REP_CHECK enum rep_code rep_recovered_check(const struct rep_view *view, struct rep_git *git,
					    const struct rep_pin *pin, int64_t held_epoch,
					    struct rep_error *err);
/* Case 1: takes a view of a higher epoch if the mailbox shows an outbox that is older than what was sent. */
REP_CHECK enum rep_code rep_recovered_peek(struct rep_device *device, struct rep_error *err);
/* In the transaction that applies such a view: keeps what is to be sent again, from the view before. */
REP_CHECK enum rep_code rep_recovered_keep(struct rep_device *device, const struct rep_view *view,
					   const struct rep_oid *old_root, int64_t merged_now,
					   struct rep_error *err);

/* What a plan puts beside the segments. */
struct rep_resend {
	struct rep_json *receipts; /* NULL = none */
	char *held;                /* self.json, NULL = it was sent, or there is none */
};
REP_CHECK enum rep_code rep_resend_read(struct rep_resend *out, struct rep_db *db,
					struct rep_error *err);
void rep_resend_clear(struct rep_resend *resend);
/* The receipt for a segment, NULL for none. */
const char *rep_resend_receipt(const struct rep_resend *resend, int64_t first, int64_t last);
/* Does a segment with a receipt begin with this change set, or end with the one before? */
bool rep_resend_divides(const struct rep_resend *resend, int64_t seq);

#endif
