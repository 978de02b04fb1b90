/* Messages in the user's language. */
#ifndef REPSYNC_CLI_TEXT_H
#define REPSYNC_CLI_TEXT_H

#include <libintl.h>

#define _(text) gettext(text)

#endif
