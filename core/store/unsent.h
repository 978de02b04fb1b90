/* Which fields bear edits that no view has acknowledged yet. Internal to the store. */
#ifndef REPSYNC_CORE_STORE_UNSENT_H
#define REPSYNC_CORE_STORE_UNSENT_H

#include "core/base/json.h"
#include "core/store/replica.h"

/* {"<entity>/<id>": {field: true}} of all records, or of one where entity and id are given. The caller's. */
REP_CHECK enum rep_code rep_unsent(struct rep_replica *replica, const char *entity, const char *id,
				   struct rep_json **out, struct rep_error *err);
/* The sorted names of a record's fields in it: an array. NULL without memory. */
struct rep_json *rep_unsent_fields(const struct rep_json *unsent, const char *entity,
				   const char *id);

#endif
