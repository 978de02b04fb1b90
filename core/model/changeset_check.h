/*
 * What a change set must look like, asked by its writer and by its reader alike, so that nothing is
 * signed that would be refused on arrival. For changeset*.c only.
 */
#ifndef REPSYNC_CORE_MODEL_CHANGESET_CHECK_H
#define REPSYNC_CORE_MODEL_CHANGESET_CHECK_H

#include "core/model/changeset.h"

/* Device, rep, number, chain, schema, times and the count of changes. */
REP_CHECK enum rep_code rep_changeset_check_head(const struct rep_changeset *set,
						 struct rep_error *err);

/* Entity, id and stamp of one change; the stamp must be of `device`. */
REP_CHECK enum rep_code rep_changeset_check_change(const struct rep_change *change,
						   const char *device, struct rep_error *err);

/* The keys that a value line of `op` has and may have, and their shapes. */
REP_CHECK enum rep_code rep_changeset_check_line(enum rep_op op, const struct rep_json *line,
						 struct rep_error *err);

/* True for [a-z][a-z0-9_]{0,39}: names of entities and fields. */
bool rep_changeset_is_name(const char *text);

#endif
