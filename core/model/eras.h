/*
 * Folding over the versions of a schema.
 *
 * Each change is judged and folded under the version in force at its stamp, in the names of that version; where the next change
 * belongs to a later one, record and review items are carried over first (versions.h). So a record is the fold of its changes,
 * each by the rules of its time, and stands at the end in the shape of the newest version, whenever a change arrived.
 *
 * A change made under an older version than that of its stamp is read forward first. One made under a newer version (which only a
 * clock that was set back can bring about) is folded under that one; and what comes after it in the order of the fold too.
 */
#ifndef REPSYNC_CORE_MODEL_ERAS_H
#define REPSYNC_CORE_MODEL_ERAS_H

#include "core/model/versions.h"

struct rep_eras;

/* `context` is that of the newest version; it is copied, what it borrows must outlive the eras. */
REP_CHECK enum rep_code rep_eras_new(struct rep_eras **out, struct rep_versions *versions,
				     const struct rep_fold_context *context, struct rep_error *err);
void rep_eras_free(struct rep_eras *eras);
/* The context of a version: its schema, and the organisation with its roles. Borrowed. */
REP_CHECK enum rep_code rep_eras_context(struct rep_eras *eras, int number,
					 const struct rep_fold_context **out,
					 struct rep_error *err);

/* An edit as it reads under the version that judges it. */
struct rep_era_edit {
	struct rep_edit edit;
	int number;
	struct rep_json *line, *verdict, *unknown; /* owned; NULL where the edit's own serves */
};
/*
 * `least`: the version that the record has reached already. `edit` must outlive *out. A value line that was erased (NULL) stays so.
 */
REP_CHECK enum rep_code rep_eras_read(struct rep_eras *eras, const struct rep_edit *edit, int least,
				      struct rep_era_edit *out, struct rep_error *err);
void rep_era_edit_clear(struct rep_era_edit *edit);

#endif
