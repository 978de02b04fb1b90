/* Internal to the store: what tables.c needs of rows.c, beyond tables.h. */
#ifndef REPSYNC_CORE_STORE_ROWS_H
#define REPSYNC_CORE_STORE_ROWS_H

#include "core/model/schema.h"
#include "core/store/db.h"

/* Moves what waits in _extra for fields that the schema has come to know into their columns. */
REP_CHECK enum rep_code rep_rows_adopt(struct rep_db *db, const struct rep_schema *schema,
				       struct rep_error *err);

#endif
