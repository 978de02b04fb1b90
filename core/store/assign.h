/* What an assignment makes of a value. Internal to the store. */
#ifndef REPSYNC_CORE_STORE_ASSIGN_H
#define REPSYNC_CORE_STORE_ASSIGN_H

#include "core/store/edit.h"

/*
 * The value of `field` after `assign`, starting from `current` (NULL = none); NULL in *out = nothing. Checked. The caller's.
 */
REP_CHECK enum rep_code rep_assign_apply(struct rep_json **out, const struct rep_field *field,
					 const struct rep_assign *assign,
					 const struct rep_json *current, struct rep_error *err);

#endif
