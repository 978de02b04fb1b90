/*
 * Private to sync: the walk over an outbox's new commits, in the limited child.
 */
#ifndef REPSYNC_SYNC_MAILBOX_OUTBOXWALK_H
#define REPSYNC_SYNC_MAILBOX_OUTBOXWALK_H

#include "sync/git/child.h"
#include "sync/git/git.h"

/* The frames of the walk: a path, NUL and the bytes of a file; and the id of the commit that is done with. */
#define REP_WALK_FILE 'f'
#define REP_WALK_COMMIT 'c'

#define REP_WALK_SIZE_MAX \
	(256u * 1024u * 1024u) /* of one reading; what is left comes the next time */
#define REP_WALK_COMMITS_MAX 20000u
#define REP_WALK_CHAIN_MAX 1000000u /* commits between known and tip */

/*
 * Checks the commits, oldest first, and sends what they bring. With NULL for the channel it only checks: all of them, or
 * none where they are more than one reading takes.
 */
REP_CHECK enum rep_code rep_outbox_walk(struct rep_git *git, const struct rep_oid *known,
					const struct rep_oid *tip, struct rep_channel *channel,
					struct rep_error *err);

#endif
