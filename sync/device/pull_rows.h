/*
 * The rows of a pull: what differs between two views, and what our own unacknowledged changes touched. Not part of the
 * public interface.
 */
#ifndef REPSYNC_SYNC_DEVICE_PULL_ROWS_H
#define REPSYNC_SYNC_DEVICE_PULL_ROWS_H

#include "sync/device/device_work.h"

struct rep_pull {
	struct rep_device *device;
	struct rep_git *git;
	const struct rep_view *view;
	struct rep_pin pin;                /* what signed the view, and is believed with it */
	struct rep_oid old_root;           /* of the view that the rows show; zero = none */
	struct rep_lookup *before, *after; /* paths in the old and the new view */
	int64_t merged_before, merged_now; /* acknowledged before and by this view */
	bool recovered;                    /* it is the first of a restored hub (recovered.h) */
	bool only_put;                     /* a walk that writes rows and removes none */
	char newest[REP_STAMP_LEN + 1];    /* greatest stamp met */
};

/* Writes and removes rows as the difference of the views says, without regard to own changes; applies outcomes. */
REP_CHECK enum rep_code rep_pull_walk(struct rep_pull *pull, const struct rep_oid *from,
				      struct rep_error *err);
/* Folds the changes that are still unacknowledged onto the records of the view. `touched` is [[entity, id], ...]. */
REP_CHECK enum rep_code rep_pull_rebase(struct rep_replica *replica, struct rep_lookup *view,
					const struct rep_json *touched, int64_t merged_seq,
					struct rep_error *err);
/* The record that a view has; as rep_rebase.base_of. */
struct rep_base;
REP_CHECK enum rep_code rep_pull_base(struct rep_replica *replica, struct rep_lookup *view,
				      const struct rep_entity *entity, const char *id,
				      struct rep_base *out, struct rep_error *err);
/*
 * found.c: what was written past the triggers into rows that own changes lie on becomes pending edits with the reason `found`. Before the
 * seal of the pull, against the view that the rows show.
 */
REP_CHECK enum rep_code rep_pull_found(struct rep_pull *pull, struct rep_error *err);

/* pull_erase.c: value lines that the view lists as erased, out of the journal. In the pull's transaction. */
REP_CHECK enum rep_code rep_pull_erase(struct rep_pull *pull, struct rep_error *err);
/* Is the view's inbox another one than that of the rows: one without a past, as after an erasure? */
REP_CHECK enum rep_code rep_pull_anew(struct rep_pull *pull, bool *anew, struct rep_error *err);

/* Did the new view lose a partition that the old one had? */
REP_CHECK enum rep_code rep_pull_lost(struct rep_git *git, const struct rep_oid *old_root,
				      const struct rep_oid *new_root, bool *lost,
				      struct rep_error *err);

#endif
