/*
 * Capture: triggers write every insert, update and delete of an entity table to _pending, in the same
 * transaction, whoever writes. No trigger calls a function of ours, so any SQLite client can write.
 *
 *	_pending(n, entity, id, op, stamp, reason)	one row an edit of one record
 *	_pending_field(n, field, new, old, saw)		the fields it touched, as stored in the columns
 *
 * `saw` is what the row's _stamps said before (for a set, map or list the whole object). The stamp is
 * made in the trigger. While the engine itself writes rows, a flag row in _silent, inside its own
 * transaction, keeps the triggers quiet.
 */
#ifndef REPSYNC_CORE_STORE_CAPTURE_H
#define REPSYNC_CORE_STORE_CAPTURE_H

#include "core/model/schema.h"
#include "core/store/db.h"

REP_CHECK enum rep_code rep_capture_install(struct rep_db *db, const struct rep_schema *schema,
					    const char *device, struct rep_error *err);
/* Inside a transaction only. */
REP_CHECK enum rep_code rep_capture_silence(struct rep_db *db, bool silent, struct rep_error *err);
/* The reason that edits bear from here to the end of the transaction; NULL = none. */
REP_CHECK enum rep_code rep_capture_reason(struct rep_db *db, const char *reason,
					   struct rep_error *err);
/* Lets the device's clock see a stamp or a time of the hub. */
REP_CHECK enum rep_code rep_capture_observe(struct rep_db *db, const char *stamp_or_time,
					    struct rep_error *err);

#endif
