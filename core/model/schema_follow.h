/*
 * May one version of a schema follow another? And what does it say differently?
 *
 * Work goes on offline under the version before, for weeks: whatever was written under it must read under the next one, and every
 * record must fit into it. docs/schema.md lists the codes.
 */
#ifndef REPSYNC_CORE_MODEL_SCHEMA_FOLLOW_H
#define REPSYNC_CORE_MODEL_SCHEMA_FOLLOW_H

#include "core/model/schema.h"

/*
 * Appends to the array `problems` an object {"file","entity","field","code","what"} for each thing that forbids `next` to follow
 * `now` (entity and field may be null): version-not-next, fixed, mapping-missing, unknown-reference, unknown-field, duplicate-name,
 * narrowing (what can be told without the records). The SQL of derivations is not looked at. Fails only for want of memory.
 */
REP_CHECK enum rep_code rep_schema_follow(const struct rep_schema *now,
					  const struct rep_schema *next, struct rep_json *problems,
					  struct rep_error *err);
/* Likewise: a name that `earlier` had and `now` has no more does not come back in `next`. */
REP_CHECK enum rep_code rep_schema_retired(const struct rep_schema *earlier,
					   const struct rep_schema *now,
					   const struct rep_schema *next, struct rep_json *problems,
					   struct rep_error *err);
/* Appends one; false without memory. `entity` and `field` may be NULL; without `entity` the file is schema.json. */
bool rep_schema_problem(struct rep_json *problems, const char *entity, const char *field,
			const char *code, const char *fmt, ...) REP_PRINTF(5, 6);
/* The problem as a loader would say it: "schema: <file>: <entity>.<field>: <code>: <what>". REP_EINVAL. */
REP_CHECK enum rep_code rep_schema_refuse(const struct rep_json *problem, struct rep_error *err);

/*
 * What `next` says differently: an array of {"what","entity","field","key","old","new"}. `what` is added, removed, renamed or
 * changed; `entity` null = of schema.json, a report or a table (named by `key`); `field` null = of the entity itself.
 */
REP_CHECK enum rep_code rep_schema_diff(const struct rep_schema *now, const struct rep_schema *next,
					struct rep_json **out, struct rep_error *err);

#endif
