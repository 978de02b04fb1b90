/*
 * Large reads are noticed. A list, a search or a query that shows more rows than the policy's `export_alert_rows` leaves a record of the
 * schema's entity `access` in the own chain, before anything is shown, so that the company learns of it with the next sync.
 *
 * The entity has the fields `command` (text), `asked` (text, optional) and `rows_read` (integer). A schema without it, or without the
 * policy, asks for nothing.
 */
#ifndef REPSYNC_CORE_STORE_LARGE_READ_H
#define REPSYNC_CORE_STORE_LARGE_READ_H

#include <stdint.h>

#include "core/store/replica.h"

#define REP_ACCESS_ENTITY "access"

/*
 * Notes it, if it is one by the replica's schema; durable when it returns. `query` may be NULL and is cut to what the field takes. What
 * cannot be written is an error, and then nothing may be shown.
 */
REP_CHECK enum rep_code rep_note_read(struct rep_replica *replica, const char *command,
				      const char *query, int64_t rows, int64_t now_ms,
				      struct rep_error *err);

#endif
