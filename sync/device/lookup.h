/*
 * Finding many paths in one tree. Folders are read once and kept, because a record's files are asked for one by one while
 * thousands of them lie in the same few folders. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_DEVICE_LOOKUP_H
#define REPSYNC_SYNC_DEVICE_LOOKUP_H

#include "sync/git/git.h"

struct rep_lookup;
/* Borrows `git`. The zero root is an empty tree. */
REP_CHECK enum rep_code rep_lookup_new(struct rep_lookup **out, struct rep_git *git,
				       const struct rep_oid *root, struct rep_error *err);
void rep_lookup_free(struct rep_lookup *lookup);
struct rep_git *rep_lookup_git(const struct rep_lookup *lookup);
const struct rep_oid *rep_lookup_root(const struct rep_lookup *lookup);
/* The blob at `path`; zero when there is none (also when a folder lies there). */
REP_CHECK enum rep_code rep_lookup_find(struct rep_lookup *lookup, const char *path,
					struct rep_oid *out, struct rep_error *err);

#endif
