/*
 * What the parts of a revert share. Not part of the public interface.
 *
 *	revert.c	whose changes, which records, the change set and what became of it
 *	revert_record.c	one record: what stands of theirs, and what would stand without it
 */
#ifndef REPSYNC_SYNC_AUDIT_REVERT_WORK_H
#define REPSYNC_SYNC_AUDIT_REVERT_WORK_H

#include "sync/audit/revert.h"
#include "sync/hub/hub_state.h"

struct rep_reverting {
	struct rep_hub *hub;
	const struct rep_revert *options;
	char import_reason[300];
	struct rep_hub_batch *batch; /* NULL in a dry run, and before the first change */
	struct rep_json *done;       /* "<entity>/<id>" of records looked at */
	struct rep_json *changes;
	struct rep_json *left;
};
/* Is it one of those to be taken back? */
bool rep_revert_selects(const struct rep_reverting *reverting, const struct rep_indexed *change);
/* Adds what takes back theirs of one record, that shows under this id. */
REP_CHECK enum rep_code rep_revert_record(struct rep_reverting *reverting,
					  const struct rep_entity *entity, const char *id,
					  struct rep_error *err);
/* `field`, `by` may be NULL. */
REP_CHECK enum rep_code rep_revert_leave(struct rep_reverting *reverting, const char *entity,
					 const char *id, const char *field, const char *reason,
					 const char *by, struct rep_error *err);
/* Takes `line`. */
REP_CHECK enum rep_code rep_revert_add(struct rep_reverting *reverting, enum rep_op op,
				       const char *entity, const char *id, struct rep_json *line,
				       struct rep_error *err);

#endif
