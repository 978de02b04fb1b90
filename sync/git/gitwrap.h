/*
 * Private to the files of sync that wrap libgit2: what they share. No other file includes it.
 */
#ifndef REPSYNC_SYNC_GIT_GITWRAP_H
#define REPSYNC_SYNC_GIT_GITWRAP_H

#include "sync/git/git.h"
#include "sync/git/libgit2.h"

struct rep_packs;
struct rep_git {
	struct rep_packs *packs, *more; /* `more`: of rep_git_add_objects, or NULL */
	git_repository *repo;           /* owned; libgit2's handles, NULL until rep_git_handles */
	git_odb *odb;
	char *path;
	bool foreign; /* packs alone are read */
};
/* Starts libgit2 and opens its handles of the repository, where that has not been done. */
REP_CHECK enum rep_code rep_git_handles(struct rep_git *git, struct rep_error *err);

/* "<what>: <libgit2's last message>", made safe; REP_EIO unless libgit2's code says better. */
REP_CHECK enum rep_code rep_git_fail(struct rep_error *err, int rc, const char *what);

/* rep_oid and git_oid are the same twenty bytes; these keep the aliasing legal. */
git_oid rep_oid_to_git(const struct rep_oid *oid);
struct rep_oid rep_oid_from_git(const git_oid *oid);
git_object_t rep_object_to_git(enum rep_object type);

#endif
