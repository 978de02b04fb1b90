/*
 * The SQL of a derivation (docs/schema.md, "mappings"), asked of SQLite: one expression over `old.`, the fields of a record or of a
 * change as the version before had them. SQLite's own functions only, and none that gives another answer another time; the
 * publication of a version sees to that.
 */
#ifndef REPSYNC_CORE_STORE_DERIVE_H
#define REPSYNC_CORE_STORE_DERIVE_H

#include "core/model/versions.h"

struct rep_derive;

REP_CHECK enum rep_code rep_derive_new(struct rep_derive **out, struct rep_error *err);
void rep_derive_free(struct rep_derive *derive);
/* As rep_versions_source.derive; `user` is the rep_derive. */
REP_CHECK enum rep_code rep_derive_value(void *user, const char *sql,
					 const struct rep_entity *entity,
					 const struct rep_json *old, const struct rep_field *field,
					 struct rep_json **out, struct rep_error *err);
/* Does it prepare over the fields of `entity`? REP_EINVAL with SQLite's words. */
REP_CHECK enum rep_code rep_derive_try(struct rep_derive *derive, const char *sql,
				       const struct rep_entity *entity, struct rep_error *err);

#endif
