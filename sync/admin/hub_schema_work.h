/* What hub_schema.c and hub_schema_check.c share. */
#ifndef REPSYNC_SYNC_ADMIN_HUB_SCHEMA_WORK_H
#define REPSYNC_SYNC_ADMIN_HUB_SCHEMA_WORK_H

#include "core/model/schema_follow.h"
#include "sync/hub/hub_state.h"

/* A version (0 = the one in force): *out is the caller's, or NULL in *owned where it is the hub's. */
REP_CHECK enum rep_code rep_hub_schema_of(struct rep_hub *hub, int number,
					  const struct rep_schema **out, struct rep_schema **owned,
					  struct rep_error *err);
/*
 * Everything that forbids `next` to follow `newest`, the newest published, appended to `problems`; *records: how many were looked
 * at. `newest` may be planned: records are looked at as both versions will have them.
 */
REP_CHECK enum rep_code rep_hub_schema_check(struct rep_hub *hub, const struct rep_schema *newest,
					     const struct rep_schema *next,
					     struct rep_json *problems, int64_t *records,
					     const struct rep_progress *progress,
					     struct rep_error *err);

#endif
