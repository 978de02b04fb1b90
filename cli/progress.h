/*
 * A bar on standard error while a long step runs: only on a terminal, never with --quiet.
 */
#ifndef REPSYNC_CLI_PROGRESS_H
#define REPSYNC_CLI_PROGRESS_H

#include "cli/cli.h"
#include "core/base/log.h"

struct cli_progress {
	struct rep_progress progress; /* what the library is given */
	bool shown;
	int64_t drawn_ms; /* at most ten times a second */
};
void cli_progress_begin(struct cli_progress *bar, const struct cli *cli);
void cli_progress_end(struct cli_progress *bar); /* wipes the line */

#endif
