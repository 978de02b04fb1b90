/* What the files of erasing share. Not part of the public interface. */
#ifndef REPSYNC_SYNC_ADMIN_ERASE_WORK_H
#define REPSYNC_SYNC_ADMIN_ERASE_WORK_H

#include "sync/hub/hub_state.h"

/* Which rule says what is kept of a line. */
enum rep_erase_rule {
	REP_ERASE_RECORD, /* of the record itself: what decides where it lies */
	REP_ERASE_MARKED, /* of one that refers to it: all but what the schema calls personal */
	REP_ERASE_REASON, /* of one that was sealed with it: all but the reason */
};
/*
 * *kept: what stands for the line after the erasure, a new reference, or NULL for nothing; *same: it would say all that the line said.
 * `subjects`: "<entity>/<id>" of the records that are erased.
 */
REP_CHECK enum rep_code rep_erase_kept(enum rep_erase_rule rule, const struct rep_schema *schema,
				       const struct rep_edit *edit, const struct rep_json *subjects,
				       struct rep_json **kept, bool *same, struct rep_error *err);
/* Does the field refer to records of the entity? */
bool rep_erase_refers(const struct rep_field *field, const char *entity);

#endif
