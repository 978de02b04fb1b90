/* The man pages, embedded as plain text when the program is built. */
#ifndef REPSYNC_CLI_HELP_H
#define REPSYNC_CLI_HELP_H

#include "core/base/error.h"

struct cli_page {
	const char *name; /* "repsync-hub" */
	const char *text;
};
/* Ended by a name of NULL; made by cmake/embed_pages.cmake. */
extern const struct cli_page cli_pages[];

/* Prints a page to standard output. REP_ENOTFOUND. */
REP_CHECK enum rep_code cli_help_page(const char *name, struct rep_error *err);

#endif
