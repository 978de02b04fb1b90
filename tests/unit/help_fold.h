/* What the tests of the fold share: single edits folded onto thing T-1 of account A-1. */
#ifndef REPSYNC_TESTS_UNIT_HELP_FOLD_H
#define REPSYNC_TESTS_UNIT_HELP_FOLD_H

#include "unit/help_rules.h"

/* Replaces $n by the stamp of the n-th edit; the caller frees. */
char *with_stamps(const char *text, char stamps[][64]);
/* Folds one edit of T-1; `outcome` (16 bytes) is the field's, or the change's where the field has none. */
void fold_line(struct rep_folded *folded, const struct company *company, enum rep_op op,
	       const char *stamp, const char *line, char *outcome, const char *field);
/* The insert of T-1 by the hub at minute 0, with these further values. */
void start_record(struct rep_folded *folded, const struct company *company, const char *insert);
/* The state of the conflict of T-1's field, or NULL. */
const char *item_state(const struct rep_folded *folded, const char *field);
/* Folds an edit with a verdict; its outcome is the caller's. */
struct rep_json *fold_judged(struct rep_folded *folded, const struct company *company,
			     enum rep_op op, const char *entity, const char *id, const char *stamp,
			     const char *line, const char *verdict);
/* Makes an open conflict of `f_review`: b of ana at minute 1, c of ben at minute 2. `id` has 40 bytes. */
void make_open(struct rep_folded *folded, const struct company *company, char *id);
int company_set_up(void **state);
int company_tear_down(void **state);

#endif
