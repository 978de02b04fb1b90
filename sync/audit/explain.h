/*
 * Why a field says what it says. Blame tells whose the value is; this tells how it came to stand: what its author saw, who else
 * wrote without knowing of it, and the rule that chose between them.
 *
 *	{"entity","id","partition","field","group","rules","schema","schema_hash","value",
 *	 "standing": [{"part","present","rule", and what every entry has}],
 *	 "rivals": [...], "proposals": [...], "item", "state", "decided_by"}
 *
 * `standing`: of a scalar (or its group) one entry; of a set, list or map one a part, parts that were taken out included.
 * `rule` chose the value over a rival; null where nobody else wrote without knowing of it. `rivals` are the other sides of the
 * conflict item `item`, in the order of the fold, each with the rule that was applied when it met the other. `proposals` are
 * edits of the field that wait for a decision, or had one. `schema` and `schema_hash` are the identity of the rules in force
 * now; those of an entry, of the rules that judged it: in force at its stamp. Every entry has
 *
 *	{"stamp","schema","schema_hash","value","saw","rep","rep_name","role","device","device_time","hub_time","clock_offset_ms","reason","op",
 *	 "outcome","rule","rival","item","flags","changeset","segment","commit"}
 *
 * `value` is what was written, in the form of the value line where the field is none of a single value; `saw` what its author
 * had before him: {"stamp","rep","value"}, of a set or map {"seen"}, null where there was nothing to see. An entry whose
 * value line was erased has only its stamp.
 */
#ifndef REPSYNC_SYNC_AUDIT_EXPLAIN_H
#define REPSYNC_SYNC_AUDIT_EXPLAIN_H

#include "core/base/json.h"
#include "sync/hub/hub.h"

/* REP_ENOTFOUND where entity, record or field is unknown. *out is the caller's. */
REP_CHECK enum rep_code rep_hub_explain(struct rep_hub *hub, const char *entity, const char *id,
					const char *field, struct rep_json **out,
					struct rep_error *err);

#endif
