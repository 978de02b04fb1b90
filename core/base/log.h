/*
 * The log of what a long run did, for an embedding program: a callback, nothing else. Libraries
 * never print.
 */
#ifndef REPSYNC_CORE_BASE_LOG_H
#define REPSYNC_CORE_BASE_LOG_H

#include <stdint.h>

/*
 * Told of progress: `done` of `total` (0 when unknown) of the step `what`. Called often; must be
 * cheap. `user` is the caller's own.
 */
struct rep_progress {
	void (*step)(void *user, const char *what, uint64_t done, uint64_t total);
	void *user;
};

void rep_progress_step(const struct rep_progress *progress, const char *what, uint64_t done,
		       uint64_t total); /* NULL progress or step: nothing */

#endif
