/*
 * Rebase: a row shows the view's record with this device's unacknowledged changes folded on top.
 */
#ifndef REPSYNC_CORE_STORE_REBASE_H
#define REPSYNC_CORE_STORE_REBASE_H

#include "core/base/json.h"
#include "core/store/outcome.h"
#include "core/store/replica.h"

/*
 * Writes the row of (entity, id): `base` (the record of the view, NULL when the view has none) with the
 * own change sets above `merged_seq` folded onto it, each judged by rep_admit as the hub would; removes
 * the row when nothing is left. Acknowledged changes that the hub holds, because they wait for a record, are folded
 * too: they stay visible to their author. What an edit saw of an own change that was refused is forgotten, as by the hub. Triggers must be silenced. `extra` and `place` as rep_row_put; without a base
 * the place is "local".
 *
 * Review items of the record show the same preview. What the view said of them is kept, and put back first.
 */
REP_CHECK enum rep_code rep_rebase(struct rep_replica *replica, const struct rep_entity *entity,
				   const char *id, const struct rep_record *base,
				   const struct rep_json *extra, const char *place,
				   int64_t merged_seq, struct rep_error *err);

/*
 * The (entity, id) pairs touched by own change sets above `seq`, and those of changes that the hub was holding: an array of
 * [entity, id], sorted.
 */
REP_CHECK enum rep_code rep_touched_since(struct rep_replica *replica, int64_t seq,
					  struct rep_json **out, struct rep_error *err);

/*
 * Puts a record's review items in place: writes those of `folded` that differ from their rows, keeping the view's word beside them.
 * Used by edits that decide an item, in the same way as by rebase.
 */
struct rep_folded;
REP_CHECK enum rep_code rep_reviews_put(struct rep_replica *replica,
					const struct rep_folded *folded, struct rep_error *err);

#endif
