/*
 * Private to sync: an outbox that is begun anew, so that a mailbox's quota is not one for life.
 *
 * When what came to a mailbox since the last time passes half of its quota, and everything in its outbox is merged, the hub names
 * a new, empty root in the view that acknowledges all that, then moves the outbox there, then lets go what is not reachable any
 * more. The view goes first: killed after it, the next run moves the outbox when it is all merged again; a device goes on with the
 * chain that the mailbox shows until then. The view is also how either side knows the new root from an outbox that somebody set
 * back: the hub signed it.
 *
 * The k-th root of a device is one and the same commit wherever it is made: an empty tree, no parent, time 0, the device as its
 * author, "outbox <k>" as its message. So the device needs its id only.
 */
#ifndef REPSYNC_SYNC_MAILBOX_ANEW_H
#define REPSYNC_SYNC_MAILBOX_ANEW_H

#include "core/base/json.h"
#include "core/model/key.h"
#include "sync/git/pack.h"
#include "sync/mailbox/hubkey.h"

#define REP_OUTBOX_ROOTS_MAX 1000 /* of one device */

/* Adds the `number`-th root (from 1) of the device's outbox to the pack. */
REP_CHECK enum rep_code rep_outbox_root(struct rep_pack *pack, const char *device, int64_t number,
					struct rep_oid *out, struct rep_error *err);
void rep_outbox_root_id(const char *device, int64_t number, struct rep_oid *out);
/* Which of the device's roots the commit is; 0 = none (a first commit holds enrol.json). */
int64_t rep_outbox_root_number(const char *device, const struct rep_oid *commit);

/* Has so much come to the mailbox since its outbox was begun, or so many packs, that it should be begun anew? */
bool rep_mailbox_is_due(const char *path);
/* Bytes of packs in a folder of objects; and those of a mailbox that count against its quota. */
uint64_t rep_mailbox_pack_bytes(const char *objects);
uint64_t rep_mailbox_used(const char *path);
/*
 * Writes what the two branches need as one pack and removes all others; killed anywhere, every object that they need lies in a pack.
 * Readers at work find their objects in the new one. Under the mailbox's lock.
 */
REP_CHECK enum rep_code rep_mailbox_tidy(const char *path, struct rep_error *err);

/* The tip of the inbox (zero = none) and the view that lies there, signed by the hub (NULL = none, or an order to leave). */
REP_CHECK enum rep_code rep_inbox_self(struct rep_git *git, const struct rep_hubkeys *hub,
				       struct rep_oid *tip, struct rep_json **self,
				       struct rep_error *err);

#endif
