/*
 * The clone of the mailbox lives inside the replica's file, as rows of pieces of packs:
 * _clone(name, piece, data). For a sync it is unpacked into a private folder (rep_dir_private), and what is new is
 * stored back in the same transaction that applies the view.
 */
#ifndef REPSYNC_SYNC_DEVICE_CLONE_H
#define REPSYNC_SYNC_DEVICE_CLONE_H

#include "core/store/replica.h"
#include "sync/git/git.h"

struct rep_clone;
/* Unpacks into a fresh private folder (removed by close). refs/heads/inbox and refs/heads/outbox as in _meta. */
REP_CHECK enum rep_code rep_clone_open(struct rep_clone **out, struct rep_replica *replica,
				       struct rep_error *err);
void rep_clone_close(struct rep_clone *clone);
const char *rep_clone_path(const struct rep_clone *clone);
struct rep_git *rep_clone_git(struct rep_clone *clone);
/* Stores packs that are not in the replica yet, and the tips; inside the caller's transaction. */
REP_CHECK enum rep_code rep_clone_store(struct rep_clone *clone, struct rep_error *err);
/*
 * After a view lost partitions: keeps only all commits, and the trees and blobs of the tips, as one pack; inside the
 * caller's transaction. The next fetch still works.
 */
REP_CHECK enum rep_code rep_clone_shrink(struct rep_clone *clone, struct rep_error *err);

/* Are the packs what they were when they were written? By the SHA-1 that ends each of them; REP_EINTEGRITY names one. */
REP_CHECK enum rep_code rep_clone_check(struct rep_replica *replica, struct rep_error *err);

#endif
