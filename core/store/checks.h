/*
 * The schema's checks of level `refuse` as triggers, so that any SQLite client is stopped where the hub would refuse. The hub's
 * word decides: a check that this database cannot run is left out here.
 */
#ifndef REPSYNC_CORE_STORE_CHECKS_H
#define REPSYNC_CORE_STORE_CHECKS_H

#include "core/base/buf.h"
#include "core/model/schema.h"
#include "core/store/db.h"

/* Appends them, each with a NUL behind it. The tables must be there and have no other triggers. */
REP_CHECK enum rep_code rep_checks_triggers(struct rep_buf *out, struct rep_db *db,
					    const struct rep_schema *schema, struct rep_error *err);

#endif
