/*
 * The index of changes: every merged change of every device, by record, as the hub's working copy keeps it.
 * It is what a late change is refolded from and what an audit reads. A cache: all of it can be made again from
 * central's journal/ and outcomes/.
 *
 *	_change(device, seq, idx, stamp, eff, entity, id, op, rep, line, outcome, held, segment, version)
 *		stamp as signed; eff = effective; line = the value line with its `saw` stamps effective (NULL = erased), in
 *		the names of the version of the schema it was made under (0 = not told: the one in force);
 *		outcome = JSON as it was recorded (rep_outcome_verdict gives the verdict of admission back); NULL =
 *		plainly applied; held = 1 while it waits for a record and is not folded
 *	_set(device, seq, hash, sealed)			every merged change set
 *	_segment(n, path, device, first, last, hub_time, commit_id, run, offset_ms)
 *	_head(device, seq, hash, eff)			last merged of each device and its last effective stamp
 *	_held(device, seq, idx, waits_for)		held changes by what they wait for
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
	struct rep_edit edit; /* borrows from the members below */
	struct rep_json *owned_line;
	struct rep_json *owned_verdict;
	struct rep_json *outcome; /* NULL = plainly applied */
	bool held;                /* not folded: waits for a record */
	char *entity, *id, *rep;
	char device[REP_DEVICE_LEN + 1];
	struct rep_stamp stamp; /* as signed */
	struct rep_stamp eff;
	char *segment;                   /* path of its journal file; NULL when unknown */
	char hub_time[REP_TIME_LEN + 1]; /* receipt; empty when unknown */
	int64_t clock_offset_ms; /* device clock minus hub clock at receipt, as far as known */
	char commit[41];         /* of central; empty when unknown */
};
void rep_indexed_clear(struct rep_indexed *change);

/*
 * Adds a change (or writes it again). `outcome` is what the outcomes file gets (NULL = plainly applied); one of "held" marks it
 * as waiting for its `waits_for`.
 */
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
	bool by_hub;            /* `since` and `until` by the hub's receipt instead */
	const char *const *ids; /* any of these, with an entity; NULL = as `id` says */
	size_t ids_len;
	bool with_into; /* and what joined others to `ids`, or parted them */
};
/* Without records in the query it streams: no row waits for the last one. */
REP_CHECK enum rep_code rep_changes_each(struct rep_db *db, const struct rep_changes_query *query,
					 enum rep_code (*each)(void *user,
							       struct rep_indexed *change,
							       struct rep_error *err),
					 void *user, struct rep_error *err);
/* The place of a change in the order of the fold. */
struct rep_change_place {
	struct rep_stamp eff;
	char device[REP_DEVICE_LEN + 1];
	int64_t seq;
	unsigned index;
};
/* The greatest (eff, device, seq, idx) folded for a record, without what it says: every change asks. False when it has none. */
REP_CHECK enum rep_code rep_changes_last(struct rep_db *db, const char *entity, const char *id,
					 struct rep_change_place *out, bool *found,
					 struct rep_error *err);
/* One change; false when it is not in the index. */
REP_CHECK enum rep_code rep_changes_get(struct rep_db *db, const char *device, int64_t seq,
					unsigned index, struct rep_indexed *out, bool *found,
					struct rep_error *err);
/*
 * The effective stamp of a device's own stamp that was cut, into `out`; nothing happens when it was not cut: a `saw` that names
 * it is mapped by this.
 */
REP_CHECK enum rep_code rep_changes_cut(struct rep_db *db, const char *device, const char *stamp,
					struct rep_stamp *out, struct rep_error *err);
/* Held changes that wait for "<entity>/<id>", or all of them (NULL); the callback may change the index. */
REP_CHECK enum rep_code rep_changes_held(struct rep_db *db, const char *waits_for,
					 enum rep_code (*each)(void *user, const char *device,
							       int64_t seq, unsigned index,
							       struct rep_error *err),
					 void *user, struct rep_error *err);

/* ---- segments, change sets, heads ---- */

struct rep_segment_row {
	const char *path; /* in central, below its root */
	const char *device;
	int64_t first, last;
	const char *hub_time; /* receipt */
	const char *commit;   /* NULL = not known yet */
	int64_t run;
	int64_t offset_ms;
};
REP_CHECK enum rep_code rep_changes_segment(struct rep_db *db, const struct rep_segment_row *row,
					    struct rep_error *err);
/* The commit that brought a device's segments within [first, last]. */
REP_CHECK enum rep_code rep_changes_commit(struct rep_db *db, const char *device, int64_t first,
					   int64_t last, const char *commit, int64_t run,
					   struct rep_error *err);
/* The journal file that holds change set `seq`, appended to `out`; nothing when unknown. */
struct rep_buf;
REP_CHECK enum rep_code rep_changes_segment_of(struct rep_db *db, const char *device, int64_t seq,
					       struct rep_buf *out, struct rep_error *err);

REP_CHECK enum rep_code rep_changes_set(struct rep_db *db, const char *device, int64_t seq,
					const char *hash, const char *sealed,
					struct rep_error *err);
/* The skeleton's hash of a merged change set; empty when it is not merged. */
REP_CHECK enum rep_code rep_changes_set_hash(struct rep_db *db, const char *device, int64_t seq,
					     char out[REP_HASH_HEX + 1], struct rep_error *err);

struct rep_head {
	int64_t seq;                 /* 0 = nothing merged yet */
	char hash[REP_HASH_HEX + 1]; /* rep_changeset_no_prev then */
	char eff[REP_STAMP_LEN + 1]; /* empty then */
};
REP_CHECK enum rep_code rep_changes_head(struct rep_db *db, const char *device,
					 struct rep_head *out, struct rep_error *err);
REP_CHECK enum rep_code rep_changes_head_put(struct rep_db *db, const char *device,
					     const struct rep_head *head, struct rep_error *err);

/*
 * The effective stamps of a device's changes, in the order of its chain: rep_stamp_effective with a counter that keeps cut
 * changes in that order, across segments too. `last` is the device's last effective stamp (empty = none) and moves on.
 * Returns whether the stamp was cut.
 */
bool rep_effective_next(struct rep_stamp *out, char last[REP_STAMP_LEN + 1], const char *stamp,
			int64_t received_ms);

#endif
