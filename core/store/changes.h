/*
 * The index of changes: every merged change of every device, by record, as the hub's working copy keeps it.
 * It is what a late change is refolded from and what an audit reads. A cache: all of it can be made again from
 * central's journal/ and outcomes/.
 *
 *	_change(device, seq, idx, stamp, eff, entity, id, op, rep, line, outcome, segment)
 *		stamp as signed; eff = effective; line = the value line (NULL = erased); outcome = JSON as
 *		rep_fold and rep_admit gave it, NULL = plainly applied
 *	_segment(path, device, first, last, hub_time, commit_id, run, offset_ms)
 *	_head(device, seq, hash, eff)			last merged of each device and its last effective stamp
 */
#ifndef REPSYNC_CORE_STORE_CHANGES_H
#define REPSYNC_CORE_STORE_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/changeset.h"
#include "core/model/fold.h"
#include "core/store/db.h"

REP_CHECK enum rep_code rep_changes_create(struct rep_db *db, struct rep_error *err);

struct rep_indexed {
	struct rep_edit edit; /* line and verdict owned by `owned_*` */
	struct rep_json *owned_line;
	struct rep_json *outcome; /* NULL = plainly applied */
	char *entity, *id, *rep;
	char device[REP_DEVICE_LEN + 1];
	struct rep_stamp stamp; /* as signed */
	struct rep_stamp eff;
	char *segment;                   /* path of its journal file */
	char hub_time[REP_TIME_LEN + 1]; /* receipt; empty when unknown */
	int64_t clock_offset_ms; /* device clock minus hub clock at receipt, as far as known */
	char commit[41];         /* of central */
};
void rep_indexed_clear(struct rep_indexed *change);

REP_CHECK enum rep_code rep_changes_put(struct rep_db *db, const struct rep_edit *edit,
					const char *signed_stamp, const struct rep_json *outcome,
					const char *segment, struct rep_error *err);
REP_CHECK enum rep_code rep_changes_outcome(struct rep_db *db, const char *device, int64_t seq,
					    unsigned index, const struct rep_json *outcome,
					    struct rep_error *err);

/* Which changes to walk; NULL and 0 = any. In the order of the fold (eff, device, seq, idx). */
struct rep_changes_query {
	const char *entity;
	const char *id;
	const char *rep;
	const char *device;
	const char *since; /* datetimes, half-open, by the device's effective clock */
	const char *until;
};
REP_CHECK enum rep_code rep_changes_each(struct rep_db *db, const struct rep_changes_query *query,
					 enum rep_code (*each)(void *user,
							       struct rep_indexed *change,
							       struct rep_error *err),
					 void *user, struct rep_error *err);
/* The greatest (eff, device, seq, idx) folded for a record; false when it has none. `out->text` = eff. */
REP_CHECK enum rep_code rep_changes_last(struct rep_db *db, const char *entity, const char *id,
					 struct rep_indexed *out, bool *found,
					 struct rep_error *err);

#endif
