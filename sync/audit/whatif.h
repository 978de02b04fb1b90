/*
 * What if these rules had been in force? History is folded again under a proposed schema, and what would stand otherwise is told. Nothing
 * is written.
 */
#ifndef REPSYNC_SYNC_AUDIT_WHATIF_H
#define REPSYNC_SYNC_AUDIT_WHATIF_H

#include "core/base/json.h"
#include "core/base/log.h"
#include "sync/hub/hub.h"

struct rep_whatif {
	const char *dir;   /* of the schema: the version after the one in force */
	const char *since; /* changes from then on are judged by it; NULL = all */
	const struct rep_progress *progress;
};
/*
 * *out = {"schema","records","differ":[{"entity","id","field","now","would"}]}: of `records` that were folded, every field whose value would
 * be another one, in the names and forms of the proposed schema; `field` null where the record would or would not be deleted. What was
 * admitted, and what was not, stays so: only the rules of merging are asked again. A field that the proposal does not have is not told
 * (`hub schema diff` does). REP_EINVAL where the schema is not the next version, or does not load.
 */
REP_CHECK enum rep_code rep_hub_whatif(struct rep_hub *hub, const struct rep_whatif *options,
				       struct rep_json **out, struct rep_error *err);

#endif
