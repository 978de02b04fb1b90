/*
 * What an erasure leaves to be done behind the run that merged it. docs/formats.md, "Erasure". Not part of the public interface.
 *
 * The run that merges an `erase` change makes the tree clean: its lines are null, the records folded again. What lies behind it is not:
 * earlier commits of central, the mailboxes, the working copy. What has still to be done stands in the hub's folder, and goes
 * on with the next merge wherever it was killed:
 *
 *	erasing/central		central's history, the hub's own mailbox, archived mailboxes, work.db
 *	erasing/<device>	that mailbox: it gets a new inbox without a past, and its outbox is begun anew
 */
#ifndef REPSYNC_SYNC_RUN_ERASING_H
#define REPSYNC_SYNC_RUN_ERASING_H

#include "sync/git/pack.h"
#include "sync/hub/hub_state.h"

/* Notes that `name` (a device, or REP_ERASING_CENTRAL) is to be done; durable when it returns. */
REP_CHECK enum rep_code rep_erasing_note(const struct rep_hub *hub, const char *name,
					 struct rep_error *err);
bool rep_erasing_is_noted(const struct rep_hub *hub, const char *name);
REP_CHECK enum rep_code rep_erasing_done(const struct rep_hub *hub, const char *name,
					 struct rep_error *err);

/*
 * Does what REP_ERASING_CENTRAL asks for, and notes every mailbox: afterwards no object of central has anything that was erased. *done
 * tells whether there was something to do; then work.db was made again, and does not know how far mailboxes were read.
 */
REP_CHECK enum rep_code rep_erasing_central(struct rep_hub *hub, bool *done, struct rep_error *err);

/* ---- erase_history.c, erase_outbox.c ---- */

/* Gives every commit of main a tree without what was erased, moves main there, and lets go of all other objects. */
REP_CHECK enum rep_code rep_erase_history(struct rep_hub *hub, struct rep_error *err);
/* The same for the outbox of hub00000, whose lines become null. */
REP_CHECK enum rep_code rep_erase_outbox(struct rep_hub *hub, struct rep_error *err);
/*
 * Makes the commits of a chain again: `each` is given what differs from one to the next (rep_tree_diff) and puts into `tree`, which is
 * empty, what is to be there. *tip becomes the new one; the same where nothing was left out.
 */
struct rep_erase_chain {
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_tree *tree;
	enum rep_code (*each)(void *user, const char *path, const struct rep_oid *old_oid,
			      const struct rep_oid *new_oid, struct rep_error *err);
	void *user;
};
REP_CHECK enum rep_code rep_erase_chain(const struct rep_erase_chain *chain, struct rep_oid *tip,
					struct rep_error *err);
/* A segment with the erased lines of its device as null, appended to `out`; *changed tells whether there were any. */
REP_CHECK enum rep_code rep_erase_segment(struct rep_db *db, const char *data, size_t len,
					  struct rep_buf *out, bool *changed,
					  struct rep_error *err);

#endif
