/* Internal to the store: rebase.h has the public half. */
#ifndef REPSYNC_CORE_STORE_REVIEWS_H
#define REPSYNC_CORE_STORE_REVIEWS_H

#include "core/store/db.h"

/* Takes back what local changes made of the review items of a record. */
REP_CHECK enum rep_code rep_reviews_restore(struct rep_db *db, const char *entity, const char *id,
					    struct rep_error *err);

#endif
