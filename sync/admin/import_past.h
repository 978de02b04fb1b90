/*
 * What a source last gave for a record, read from the index of changes: so it outlives a rebuild, and no second truth is kept.
 * For import*.c.
 */
#ifndef REPSYNC_SYNC_ADMIN_IMPORT_PAST_H
#define REPSYNC_SYNC_ADMIN_IMPORT_PAST_H

#include "core/base/json.h"
#include "core/store/db.h"

/* *out: field -> value (null where the source gave none); NULL when it never gave this record. */
REP_CHECK enum rep_code rep_import_past(struct rep_db *db, const char *source, const char *entity,
					const char *id, struct rep_json **out,
					struct rep_error *err);

#endif
