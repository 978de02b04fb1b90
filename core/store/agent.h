/*
 * The agent keeps the keys of unlocked replicas in the memory of a process of its own for some hours, so that the passphrase is asked
 * once a day. Like ssh-agent: a socket in a folder of mode 0700, and only the same user is answered.
 *
 * A message is one packet (SOCK_SEQPACKET), a request and its answer; the two are the same build on the same computer, so the
 * form is not kept stable.
 */
#ifndef REPSYNC_CORE_STORE_AGENT_H
#define REPSYNC_CORE_STORE_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/store/vault.h"

#define REP_AGENT_HOURS 12 /* how long a key is kept where nobody says otherwise */

/* $REPSYNC_AGENT_SOCK, else $XDG_RUNTIME_DIR/repsync/agent, else /tmp/repsync-UID/agent. The caller frees it. */
REP_CHECK enum rep_code rep_agent_path(char **out, struct rep_error *err);

/* Asks for the keys of the replica with this salt. REP_ENOTFOUND: no agent, or it has none. */
REP_CHECK enum rep_code rep_agent_get(const char *path, const uint8_t salt[REP_CIPHER_SALT],
				      struct rep_vault_keys *out, struct rep_error *err);
/* REP_ENOTFOUND: no agent. */
REP_CHECK enum rep_code rep_agent_put(const char *path, const struct rep_vault_keys *keys,
				      int64_t seconds, struct rep_error *err);
/* `salt` NULL: all. Fine when there is no agent or it has none. */
REP_CHECK enum rep_code rep_agent_drop(const char *path, const uint8_t *salt,
				       struct rep_error *err);

/*
 * The socket, listening, in a folder that only this user may enter (made where it is absent). REP_EEXIST when an agent answers there
 * already. *fd is to be given to rep_agent_serve.
 */
REP_CHECK enum rep_code rep_agent_listen(const char *path, int *fd, struct rep_error *err);
/* Answers until the last key it was given is gone again, ten minutes at most for the first. Closes fd and removes the socket. */
REP_CHECK enum rep_code rep_agent_serve(int fd, const char *path, struct rep_error *err);

#endif
