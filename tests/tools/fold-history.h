/*
 * One history of edits, folded as a hub does it: in place where an edit is the latest of its record, else again from the
 * beginning; records that aliases join, together.
 */
#ifndef REPSYNC_TESTS_TOOLS_FOLD_HISTORY_H
#define REPSYNC_TESTS_TOOLS_FOLD_HISTORY_H

#include "core/model/eras.h"

#define EDITS_MAX 4096u
#define RECORDS_MAX 64u

enum mode { MODE_SORTED, MODE_ARRIVAL, MODE_ALL_ORDERS, MODE_ORDER_FAULT, MODE_SAW_FAULT };

/* One record of the history: its state and the edits written for it so far, in order. */
struct target {
	const char *entity, *id;
	struct rep_folded folded;
	size_t edits[EDITS_MAX];
	size_t edits_len;
	struct target *root; /* of its group; itself when it is alone */
	int shape;           /* version of the schema that `folded` is in */
};

struct history {
	struct rep_fold_context context;
	struct rep_edit edits[EDITS_MAX];
	struct rep_json *outcomes[EDITS_MAX];
	size_t len;
	struct target targets[RECORDS_MAX];
	size_t targets_len;
	size_t current; /* the edit whose line is being rewritten */
	enum mode mode;
	struct rep_versions *
		versions; /* NULL = there is one version alone, and no groups where there are more */
	struct rep_eras *eras;
	int judged
		[EDITS_MAX]; /* the version that each edit was folded under, whose names its outcome bears */
};

/* Says what is wrong and ends the program. */
void die(const char *what, const struct rep_error *err) __attribute__((noreturn));

/* All edits, sorted, each record once. */
void history_fold(struct history *history);
/* One more edit arrives; the state is what the edits so far make it. */
void history_arrive(struct history *history, size_t i);
void history_forget(struct history *history);

#endif
