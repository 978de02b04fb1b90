/*
 * One edit at work: what put, new and delete share. Internal to the store.
 */
#ifndef REPSYNC_CORE_STORE_EDIT_WORK_H
#define REPSYNC_CORE_STORE_EDIT_WORK_H

#include "core/model/record.h"
#include "core/store/edit.h"

struct rep_editing {
	struct rep_replica *replica;
	const struct rep_entity *entity;
	const char *id;
	const char *reason;
	char shown[REP_ID_LEN_MAX +
		   1];             /* holds `id` where it is that of whom a record is merged into */
	struct rep_record *before; /* NULL for a new record */
	struct rep_json *values; /* field -> new value or null, of the fields that the edit names */
};

void rep_edit_clear(struct rep_editing *edit);
/* An entity that people edit. */
REP_CHECK enum rep_code rep_edit_entity(const struct rep_replica *replica, const char *name,
					const struct rep_entity **out, struct rep_error *err);
/* Puts what the assignments make of the record into edit->values. */
REP_CHECK enum rep_code rep_edit_assign(struct rep_editing *edit, const struct rep_assign *assigns,
					size_t len, struct rep_error *err);
REP_CHECK enum rep_code rep_edit_check(const struct rep_editing *edit, struct rep_error *err);
/* The state machine of the record with its new values, or NULL. */
const struct rep_machine *rep_edit_machine(const struct rep_editing *edit);
REP_CHECK enum rep_code rep_edit_insert(const struct rep_editing *edit, struct rep_error *err);
REP_CHECK enum rep_code rep_edit_update(const struct rep_editing *edit, struct rep_error *err);
/* Says in which partition a new row lies; nothing that is recorded. */
REP_CHECK enum rep_code rep_edit_place(const struct rep_editing *edit, const char *partition,
				       struct rep_error *err);
/* Runs `body` in one transaction, under the edit's reason. */
REP_CHECK enum rep_code rep_edit_run(struct rep_editing *edit,
				     enum rep_code (*body)(struct rep_editing *edit,
							   struct rep_error *err),
				     struct rep_error *err);
/* Says in err->hint that the edit will not simply be taken, or empties it. */
void rep_edit_hint(const struct rep_editing *edit, struct rep_error *err);

#endif
