#include "core/base/log.h"

#include <stddef.h>

void rep_progress_step(const struct rep_progress *progress, const char *what, uint64_t done,
		       uint64_t total)
{
	if (progress && progress->step)
		progress->step(progress->user, what, done, total);
}
