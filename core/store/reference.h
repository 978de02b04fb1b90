/*
 * Reference tables in a database: what the schema publishes as tables/<name>.csv, as STRICT tables under
 * their own names, for checks and reports. Triggers refuse writes; a new schema makes them anew.
 */
#ifndef REPSYNC_CORE_STORE_REFERENCE_H
#define REPSYNC_CORE_STORE_REFERENCE_H

#include "core/model/schema.h"
#include "core/store/db.h"

/* Within the caller's transaction, if there is one: all tables of the schema, and no longer those of the one before. */
REP_CHECK enum rep_code rep_reference_create(struct rep_db *db, const struct rep_schema *schema,
					     struct rep_error *err);

#endif
