/*
 * The shape of a replica's file: are its tables, triggers and views those that engine and schema make? A bit that flips in
 * a trigger's text lets an edit go unrecorded, and no row shows it.
 */
#ifndef REPSYNC_CORE_STORE_SHAPE_H
#define REPSYNC_CORE_STORE_SHAPE_H

#include "core/store/replica.h"

/*
 * Of the triggers' texts, raised with each change of what a schema makes: _meta has it as `shape`. A replica that bears another number
 * gets its triggers anew when it is opened for writing.
 */
#define REP_SHAPE_VERSION 2
#define REP_META_SHAPE "shape"

/* The engine's own tables, before any schema; in the caller's transaction. */
REP_CHECK enum rep_code rep_shape_create(struct rep_db *db, struct rep_error *err);
/* What a schema adds: tables, views, triggers, search. */
REP_CHECK enum rep_code rep_shape_install(struct rep_db *db, const struct rep_schema *schema,
					  const char *device, struct rep_error *err);
/*
 * Compares with a database in memory that is made anew. REP_EINTEGRITY names the first object that is missing or different, or a
 * trigger too many. A table is compared by its columns, because one that a newer schema extended is written differently.
 */
REP_CHECK enum rep_code rep_shape_check(struct rep_replica *replica, struct rep_error *err);

#endif
