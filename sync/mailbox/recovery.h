/*
 * The recovery document: a hub was restored from a backup, and goes on with a higher epoch.
 *
 *	{"type":"recovery","format":1,"company","epoch","run","statement","made"}, signed with the company's root key (root.h):
 *	from `made` on, views bear `epoch`; history goes on from the statement whose first line has the hash `statement` (64 zeros where
 *	the backup had none), of `run`. What was merged after it has to come again from those who made it.
 *
 * It lies in org/recovery.json of central, and so of every view; the newest alone counts, and a replayed one is of no higher epoch than the
 * one that a device holds already.
 */
#ifndef REPSYNC_SYNC_MAILBOX_RECOVERY_H
#define REPSYNC_SYNC_MAILBOX_RECOVERY_H

#include <stdbool.h>

#include "core/base/json.h"
#include "core/model/key.h"
#include "core/model/stamp.h"
#include "sync/git/git.h"

#define REP_RECOVERY_PATH "org/recovery.json"

struct rep_recovery {
	int64_t epoch, run;
	char statement[REP_HASH_HEX + 1];
	char made[REP_TIME_LEN + 1];
};
/* Appends the document. */
REP_CHECK enum rep_code rep_recovery_write(struct rep_buf *out, const struct rep_recovery *recovery,
					   const char *company, const struct rep_key *root,
					   struct rep_error *err);
/* That of a tree (a view's, or central's main), verified; *found false where there is none. REP_EINTEGRITY where it is not the root key's. */
REP_CHECK enum rep_code rep_recovery_read(struct rep_recovery *out, bool *found,
					  struct rep_git *git, const struct rep_oid *tree,
					  const uint8_t root[REP_PUBLIC_SIZE],
					  struct rep_error *err);

#endif
