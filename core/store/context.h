/*
 * What the fold asks of a replica: its schema, its organisation, the partitions of other records. Internal to the store.
 */
#ifndef REPSYNC_CORE_STORE_CONTEXT_H
#define REPSYNC_CORE_STORE_CONTEXT_H

#include "core/model/admit.h"
#include "core/store/replica.h"

struct rep_context {
	struct rep_replica *replica;
	struct rep_buf partition; /* the last answer */
	/*
	 * What follows its references lies where the record lies that shows what a merged one is; what stays, and whoever is asked
	 * for rights, goes by the place of its own. Set around a fold.
	 */
	bool follows;
	struct rep_fold_context fold;
	struct rep_admit_context admit;
};
/* The context points into itself: it must not be moved. */
void rep_context_init(struct rep_context *context, struct rep_replica *replica);
void rep_context_clear(struct rep_context *context);

/* The review items of a record (conflicts and proposals), sorted by id, put into `folded`. */
REP_CHECK enum rep_code rep_context_reviews(struct rep_context *context, const char *entity,
					    const char *id, struct rep_folded *folded,
					    struct rep_error *err);

#endif
