/*
 * Private to sync: a session of a device at the company, whoever let it in (sshd, a web server). It names a service, never a path;
 * stock git does the rest, under limits and in an environment that holds nothing of the client's.
 */
#ifndef REPSYNC_SYNC_MAILBOX_SERVE_SESSION_H
#define REPSYNC_SYNC_MAILBOX_SERVE_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

#define REP_SESSION_ENV_MAX 24u

struct rep_session_env {
	const char *list[REP_SESSION_ENV_MAX]; /* ended by NULL */
	char path[4200];
	char program[4200];
};
/* What every git of a session has; more may be added behind it. */
void rep_session_env(struct rep_session_env *env);
void rep_session_env_add(struct rep_session_env *env, const char *text); /* borrowed */

/* The device's mailbox. REP_EUSAGE for what is no device, REP_ENOTFOUND where there is none. */
REP_CHECK enum rep_code rep_session_mailbox(char *path, size_t size, const char *hub,
					    const char *device, struct rep_error *err);
/*
 * For a push; REP_EREFUSED for a closed mailbox. With `hold` it waits for the mailbox's lock and cleans up under it. The lock is
 * inherited by the git that this process becomes, and so held until the session's last process ends.
 */
REP_CHECK enum rep_code rep_session_open_for_push(const char *path, bool hold,
						  struct rep_error *err);
/* Becomes git with these arguments; returns only on failure. */
REP_CHECK enum rep_code rep_session_become(const char *const *argv,
					   const struct rep_session_env *env,
					   struct rep_error *err);

#endif
