/* The messages of the agent. */
#ifndef REPSYNC_CORE_STORE_AGENT_WORK_H
#define REPSYNC_CORE_STORE_AGENT_WORK_H

#include "core/store/agent.h"

#define TIMEOUT_S 2 /* a peer that says nothing */

enum rep_agent_op { AGENT_GET = 1, AGENT_PUT, AGENT_DROP, AGENT_DROP_ALL };

struct rep_agent_message {
	int32_t op;   /* of an answer: 1 = yes */
	int32_t size; /* of this struct, in bytes: another build is not answered */
	int64_t seconds;
	struct rep_vault_keys keys; /* keys.pages.salt names the replica */
};

/* One request; the answer takes its place. REP_ENOTFOUND where nobody answers. */
REP_CHECK enum rep_code rep_agent_ask(const char *path, struct rep_agent_message *message,
				      struct rep_error *err);
/* Is who sits at the other end of the socket this user? */
bool rep_agent_is_same_user(int fd);
void rep_agent_set_timeout(int fd);

#endif
