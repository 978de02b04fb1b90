/*
 * _outcome(seq, idx, line): what the hub said of own changes that were not plainly applied, as the lines of outcomes files.
 */
#ifndef REPSYNC_CORE_STORE_OUTCOME_H
#define REPSYNC_CORE_STORE_OUTCOME_H

#include "core/base/json.h"
#include "core/store/replica.h"

/* Takes in an outcomes file. The last line for a change counts. */
REP_CHECK enum rep_code rep_outcomes_apply(struct rep_replica *replica, const char *data,
					   size_t len, struct rep_error *err);

/* The last word on a change, owned by the caller; NULL where there is none. */
REP_CHECK enum rep_code rep_outcome_get(struct rep_db *db, int64_t seq, size_t index,
					struct rep_json **out, struct rep_error *err);

#endif
