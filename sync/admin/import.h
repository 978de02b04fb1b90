/*
 * Bulk load through change sets of hub00000. A row is compared with what the same source last gave for that id, not with the
 * current record: a field that the source did not change is not touched. docs/operations.md, "Import".
 */
#ifndef REPSYNC_SYNC_ADMIN_IMPORT_H
#define REPSYNC_SYNC_ADMIN_IMPORT_H

#include "core/base/json.h"
#include "core/base/log.h"
#include "sync/hub/hub.h"

struct rep_import {
	const char *entity;
	const char *path;
	const char *source;             /* NULL = the mapping's, else "csv" */
	const struct rep_json *mapping; /* {"source","columns","set","empty"} or NULL */
	const char *encoding;           /* NULL = detect */
	bool dry_run;
	int64_t now_ms;
	const struct rep_progress *progress;
};
/*
 * *report = {"records","taken","unchanged","refused":[{"line","reason","field","value"}],"dropped":[...],"encoding",
 * "changesets"}; taken + unchanged + refused = records. What is taken is durable in the hub's own mailbox and merged at once. A
 * second import of the same file makes no change set, no run and no commit.
 */
REP_CHECK enum rep_code rep_hub_import(struct rep_hub *hub, const struct rep_import *import,
				       struct rep_json **report, struct rep_error *err);

#endif
