/* What admit.c and admit_fields.c share: private to the two. */
#ifndef REPSYNC_CORE_MODEL_ADMIT_RUN_H
#define REPSYNC_CORE_MODEL_ADMIT_RUN_H

#include "core/model/admit.h"

struct rep_admit_run {
	struct rep_admission *out;
	const struct rep_edit *edit;
	const struct rep_record *record; /* at the hub now; NULL = none */
	const struct rep_admit_context *context;
	const struct rep_schema *schema;
	const struct rep_org *org;
	const struct rep_entity *entity;
	const struct rep_json *values;
	struct rep_right right;
	bool hub;  /* the engine itself: it holds every right */
	bool desk; /* made on a desk device */
	bool new;  /* it makes the record: an insert, or accepting one that was proposed */
	bool failed;
};

/* Puts a judgement; the first rejection becomes the text for people. */
void rep_admit_put(struct rep_admit_run *run, const char *field, enum rep_outcome outcome,
		   const char *code, const char *fmt, ...) REP_PRINTF(5, 6);
/* Judges every field of the change. */
void rep_admit_fields(struct rep_admit_run *run);
/* Did admission leave this field to be written? */
bool rep_admit_passed(const struct rep_admit_run *run, const char *field);
/* Is what the edit says of the field well formed, and are its values valid? Puts a rejection if not. */
bool rep_admit_value(struct rep_admit_run *run, const struct rep_field *field,
		     const struct rep_json *spec);

#endif
