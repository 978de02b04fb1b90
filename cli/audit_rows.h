/*
 * Audit rows on standard output, one by one: what is held does not grow with their number.
 */
#ifndef REPSYNC_CLI_AUDIT_ROWS_H
#define REPSYNC_CLI_AUDIT_ROWS_H

#include "cli/cli.h"
#include "core/base/json.h"

enum cli_rows_format { CLI_ROWS_TABLE, CLI_ROWS_JSON, CLI_ROWS_CSV };

/*
 * A table's first rows are kept until they tell which columns are used and how wide; a cell that comes later and is wider pushes
 * its line out of the columns. JSON is one array, CSV has a line of heads.
 */
struct cli_audit_rows {
	const struct cli *cli;
	enum cli_rows_format format;
	struct rep_json *kept; /* of a table, until its heads are printed */
	bool headed;
	size_t widths[32]; /* 0 = the column is not shown */
	int64_t len;
};
REP_CHECK enum rep_code cli_audit_rows_begin(struct cli_audit_rows *out, const struct cli *cli,
					     enum cli_rows_format format, struct rep_error *err);
/* A callback of rep_hub_audit_each; `user` is the rows. REP_EIO when standard output takes no more. */
REP_CHECK enum rep_code cli_audit_rows_put(void *user, const struct rep_json *row,
					   struct rep_error *err);
/* Prints whatever is kept, if `whole`: an answer that broke off does not look like one that is complete. Frees it. */
void cli_audit_rows_end(struct cli_audit_rows *rows, bool whole);
/* All of it for rows that are there: a table. */
REP_CHECK enum rep_code cli_audit_table(const struct cli *cli, const struct rep_json *rows,
					struct rep_error *err);

#endif
