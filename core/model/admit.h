/*
 * Admission: may this change be made? Judged once, on arrival at the hub; the verdict is recorded with
 * the segment's outcomes and never revisited. The laptop runs the same code for its preview.
 *
 * Three rights a field: `insert` (in a new record), `write`, `propose`. What may only be proposed never
 * changes the field. A field that fails is left out and told of; the rest of the change goes on. An
 * insert that lacks a required field afterwards is refused whole.
 */
#ifndef REPSYNC_CORE_MODEL_ADMIT_H
#define REPSYNC_CORE_MODEL_ADMIT_H

#include <stdbool.h>

#include "core/model/fold.h"

/* Codes of rejections, as recorded: docs/rules.md has the list. */
struct rep_admission {
	bool held;                /* waits for a record: `waits_for` */
	char waits_for[128];      /* "<entity>/<id>" */
	struct rep_json *verdict; /* as rep_edit.verdict; NULL = all admitted */
	char text[256];           /* the first rejection for people; empty when none */
};
void rep_admission_clear(struct rep_admission *admission);

struct rep_admit_context {
	const struct rep_fold_context *fold;
	/* Does a record exist (live or as a tombstone)? */
	bool (*exists)(void *user, const char *entity, const char *id);
	void *user;
	/*
	 * Assignments may not begin or end before this time, and what ended before it is history. NULL = not
	 * asked: only the hub knows up to when edits were judged by the organisation as it is.
	 */
	const char *org_since;
	/*
	 * Where a record lay at the time of a stamp; NULL, also as an answer, = where `record` lies. Borrowed until the next
	 * call. So an edit made before a record moved is its old holder's work whenever it arrives.
	 */
	const char *(*lay)(void *user, const char *entity, const char *id, const char *stamp);
};

/*
 * Judges `edit` (its verdict is ignored) against `record` (its state at the hub now; NULL when there is
 * none). Checks: entity known; op allowed; ids; each field known, its value valid, its rights, `desk`,
 * `immutable`, `central`, `state` moves by their own old -> new, `lower`, `open_in`, required `reason`;
 * references exist; within scope (`outside`); the organisation is not changed backwards. Fails only for want of memory.
 */
REP_CHECK enum rep_code rep_admit(struct rep_admission *out, const struct rep_edit *edit,
				  const struct rep_record *record,
				  const struct rep_admit_context *context, struct rep_error *err);

#endif
