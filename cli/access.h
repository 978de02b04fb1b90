/*
 * Reads at the hub are recorded before anything is told (sync/hub/access.h).
 */
#ifndef REPSYNC_CLI_ACCESS_H
#define REPSYNC_CLI_ACCESS_H

#include "cli/cli.h"
#include "sync/hub/access.h"

struct cli_access {
	struct rep_hub *hub;
	struct rep_access access;
	int64_t n;
	bool unwritten; /* the folder is on a read-only mount */
};
/*
 * `argv`: the command with its arguments. `rep`: whom --as names, or NULL. On a read-only mount, which shows everything to any program, the
 * reading goes on and standard error says that it is not recorded; any other failure ends the command.
 */
REP_CHECK enum rep_code cli_access_begin(struct cli_access *out, const struct cli *cli,
					 struct rep_hub *hub, const char *rep, int argc,
					 char **argv, struct rep_error *err);
/* Records how much was told. After a command that failed (`rc`), or where nothing was recorded before, `rc` is given back. */
REP_CHECK enum rep_code cli_access_end(struct cli_access *access, enum rep_code rc, int64_t rows,
				       struct rep_error *err);

#endif
