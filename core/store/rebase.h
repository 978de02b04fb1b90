/*
 * Rebase: a row shows the view's record with this device's unacknowledged changes folded on top.
 */
#ifndef REPSYNC_CORE_STORE_REBASE_H
#define REPSYNC_CORE_STORE_REBASE_H

#include "core/base/json.h"
#include "core/store/outcome.h"
#include "core/store/replica.h"

/* A record of the view; `record` NULL when the view has none. `extra` and `place` as rep_row_put. */
struct rep_base {
	struct rep_record *record;
	struct rep_json *extra;
	const char *place; /* "data" or "linked"; static */
};

struct rep_rebase {
	const struct rep_json *touched; /* [[entity, id], ...] as rep_touched_since gives it */
	int64_t merged_seq;             /* the view's acknowledgement */
	/* The record of the view; what it gives is then the caller's. */
	enum rep_code (*base_of)(void *user, const struct rep_entity *entity, const char *id,
				 struct rep_base *out, struct rep_error *err);
	void *user;
};

/*
 * Writes the rows of all `touched` records: first each as the view has it (removed when it has none), then the own change
 * sets above `merged_seq` are folded on top, in their order, each change judged by rep_admit as the hub would, with every
 * other record as the changes before it left it. So the rows follow from view, journal and outcomes alone, and not from
 * what the rows were. The organisation is loaded anew: own changes are judged by the view's; afterwards it is what the rows say.
 *
 * Acknowledged changes that the hub holds, because they wait for a record, are folded too: they stay visible to their
 * author. What an edit saw of an own change that was refused is forgotten, as by the hub. Triggers must be silenced. Without
 * a base the place is "local".
 *
 * Review items of the records show the same preview. What the view said of them is kept, and put back first.
 */
REP_CHECK enum rep_code rep_rebase(struct rep_replica *replica, const struct rep_rebase *what,
				   struct rep_error *err);

/*
 * The (entity, id) pairs touched by own change sets above `seq`, those of changes that the hub was holding, and the records that
 * they are merged into: an array of [entity, id], sorted.
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
