/*
 * Standard output: tables for people, one JSON document for programs.
 */
#ifndef REPSYNC_CLI_OUTPUT_H
#define REPSYNC_CLI_OUTPUT_H

#include "cli/cli.h"
#include "core/base/json.h"

struct cli_column {
	const char *key; /* of the row's object */
	const char *zh, *en;
	bool right; /* a number */
};

/* The document and a line end, in canonical form. */
void cli_json(const struct rep_json *value);
/* Rows of an array of objects. Widths are display columns, so that Chinese aligns. */
void cli_table(const struct cli *cli, const struct rep_json *rows, const struct cli_column *columns,
	       size_t len);
/* The same with the first `most` of those columns in which a row has anything. */
void cli_table_brief(const struct cli *cli, const struct rep_json *rows,
		     const struct cli_column *columns, size_t len, size_t most);
/* The members of an object that the columns name, one a line. */
void cli_members(const struct cli *cli, const struct rep_json *object,
		 const struct cli_column *columns, size_t len);
/* A line for people: nothing with --json or --quiet. */
void cli_say(const struct cli *cli, const char *fmt, ...) REP_PRINTF(2, 3);
/* Appends a JSON value as people read it, safe for a terminal and in one line. */
void cli_value(struct rep_buf *out, const struct rep_json *value);
/* Makes a row's member `records`, {"contact":11,"task":2}, the text "contact 11, task 2". */
void cli_spell_records(struct rep_json *row);

/* The report of a verification: a line for what was checked, one for each problem. NULL prints nothing. */
void cli_verify_report(const struct cli *cli, const struct rep_json *report);

/* Tells of a failure on standard error, as --json asks for, and returns the process's exit status. */
int cli_report(const struct cli *cli, enum rep_code code, const struct rep_error *err);
/* Flushes standard output: REP_EIO when something was not written (a full disk, /dev/full). */
REP_CHECK enum rep_code cli_finish(struct rep_error *err);

#endif
