/*
 * Capture: triggers write every insert, update and delete of an entity table to _pending, in the same
 * transaction, whoever writes. No trigger calls a function of ours, so any SQLite client can write.
 *
 *	_pending(n, entity, id, op, stamp, reason, extra)	one row an edit of one record; n only grows
 *	_pending_field(n, field, new, old, saw)			the fields it touched, as stored in the columns
 *
 * `saw` is the stamp of the row's field before (for a set or map the array [stamp of the row, its object in _stamps]). The stamp
 * is made in the trigger and written into the row's _stamps, so that a second edit sees the first one's. An edit that adds
 * entries to lists reserves a stamp for each behind its own, by counting the clock up. While the engine itself writes rows, a flag
 * row in _silent, inside its own transaction, keeps the triggers quiet.
 *
 * The bounds of fields (length, range, form, enum, required) are checked by the same triggers, not by the table: whoever edits is
 * stopped, but a view always applies. `refuse` checks of the schema are triggers too; they read the view `ctx`.
 */
#ifndef REPSYNC_CORE_STORE_CAPTURE_H
#define REPSYNC_CORE_STORE_CAPTURE_H

#include "core/base/buf.h"
#include "core/model/schema.h"
#include "core/store/db.h"

/* The tables and the view `ctx` that the triggers need; fine when they are there. */
REP_CHECK enum rep_code rep_capture_create(struct rep_db *db, struct rep_error *err);
/*
 * Takes the triggers of all entity tables away, which must be there, and appends those that there must be: statements, each with a NUL
 * behind it (REP_SQL_END). Which checks are among them depends on what `db` can compile.
 */
REP_CHECK enum rep_code rep_capture_triggers(struct rep_buf *out, struct rep_db *db,
					     const struct rep_schema *schema, const char *device,
					     struct rep_error *err);
/* Inside a transaction only; end it before the commit. */
REP_CHECK enum rep_code rep_capture_silence(struct rep_db *db, bool silent, struct rep_error *err);
/* The reason that edits bear from here on; NULL = none again, to be said before the commit. */
REP_CHECK enum rep_code rep_capture_reason(struct rep_db *db, const char *reason,
					   struct rep_error *err);
/* Lets the device's clock see a stamp or a time of the hub. */
REP_CHECK enum rep_code rep_capture_observe(struct rep_db *db, const char *stamp_or_time,
					    struct rep_error *err);
/* Makes the device's next stamp (as the triggers do, at SQLite's clock). `out` needs REP_STAMP_LEN + 1 bytes. */
REP_CHECK enum rep_code rep_capture_stamp(struct rep_db *db, const char *device, char *out,
					  struct rep_error *err);

#endif
