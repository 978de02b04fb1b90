/*
 * Stock git, run as a program: for what it is judge of, and for what is its everyday work. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_GIT_STOCK_GIT_H
#define REPSYNC_SYNC_GIT_STOCK_GIT_H

#include "core/base/buf.h"
#include "core/base/error.h"

/*
 * `git --git-dir repository ARGS`, ended by NULL, at most ten, with no configuration but the repository's own. What it prints goes to
 * `out_fd` (-1 = nowhere), what it says on stderr to `said`. *status is what waitpid tells.
 */
REP_CHECK enum rep_code rep_stock_git(const char *repository, const char *const *args, int out_fd,
				      struct rep_buf *said, int *status, struct rep_error *err);

#endif
