/* The pre-receive hook: the last word before a push is taken. */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sync/mailbox/mailbox.h"
#include "sync/mailbox/serve.h"

#define HOOK_S_MAX 60u /* of the clock, and of the processor */

enum rep_code rep_mailbox_hook(const char *updates, struct rep_error *err)
{
	const struct rlimit cpu = {HOOK_S_MAX, HOOK_S_MAX};
	const char *quarantine = getenv("GIT_QUARANTINE_PATH");

	/* libgit2 1.5.1 can hang on what is damaged; a hook that dies declines the push. */
	(void)alarm(HOOK_S_MAX);
	(void)setrlimit(RLIMIT_CPU, &cpu);
	return rep_mailbox_check(".", quarantine, updates, err);
}
