/*
 * Options of a command, as a table over getopt_long whose targets are typed.
 */
#ifndef REPSYNC_CLI_OPTIONS_H
#define REPSYNC_CLI_OPTIONS_H

#include "cli/cli.h"

struct cli_texts {
	const char *texts[CLI_TEXTS_MAX];
	size_t len;
};

/* Exactly one of the targets is set. */
struct cli_option {
	const char *name; /* without the dashes */
	char letter;      /* or 0 */
	bool *flag;
	const char **text; /* put into NFC */
	const char **path; /* bytes as given */
	struct cli_texts *texts;
	int64_t *number; /* decimal, not negative */
};

/*
 * Reads options and positional arguments of a command; argv[0] is its name. --json, --quiet and --help are known everywhere.
 * There must be `min` to `max` positional arguments, whose names (for the message) `names` gives. REP_EUSAGE with the
 * command's usage as the hint.
 */
REP_CHECK enum rep_code cli_options(struct cli *cli, int argc, char **argv,
				    const struct cli_option *table, size_t len,
				    struct rep_error *err);
REP_CHECK enum rep_code cli_args(struct cli *cli, size_t min, size_t max, const char *const *names,
				 struct rep_error *err);
/* `text` must be one of the `len` words. */
REP_CHECK enum rep_code cli_one_of(struct cli *cli, const char *what, const char *text,
				   const char *const *words, size_t len, struct rep_error *err);
/* REP_EUSAGE with the message and the command's usage as the hint. */
REP_CHECK enum rep_code cli_usage(const struct cli *cli, struct rep_error *err, const char *fmt,
				  ...) REP_PRINTF(3, 4);

/*
 * A time that a person typed becomes a datetime of the formats: a day (its beginning), a datetime with Z or an offset; a day and a
 * time without an offset are local. *text NULL stays NULL.
 */
REP_CHECK enum rep_code cli_time(struct cli *cli, const char *name, const char **text,
				 struct rep_error *err);

/* `text` in NFC, kept until the program ends. REP_EUSAGE when it is not UTF-8. */
REP_CHECK enum rep_code cli_text(struct cli *cli, const char **out, const char *text,
				 struct rep_error *err);
/* Keeps `text`, which was allocated, until the program ends. NULL without memory. */
const char *cli_keep(struct cli *cli, char *text);

#endif
