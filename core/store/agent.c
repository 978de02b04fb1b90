#include "core/store/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/store/agent_work.h"

enum rep_code rep_agent_path(char **out, struct rep_error *err)
{
	const char *named = getenv("REPSYNC_AGENT_SOCK");
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int len;

	if (named && *named)
		len = asprintf(out, "%s", named);
	else if (runtime && *runtime == '/')
		len = asprintf(out, "%s/repsync/agent", runtime);
	else
		len = asprintf(out, "/tmp/repsync-%u/agent", (unsigned)geteuid());
	if (len >= 0)
		return REP_OK;
	*out = NULL;
	return rep_fail(err, REP_ENOMEM, "agent: no memory");
}

bool rep_agent_is_same_user(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

void rep_agent_set_timeout(int fd)
{
	const struct timeval time = {.tv_sec = TIMEOUT_S};

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

enum rep_code rep_agent_ask(const char *path, struct rep_agent_message *message,
			    struct rep_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	enum rep_code rc = REP_OK;
	int fd;

	message->size = (int32_t)sizeof *message;
	if (strlen(path) >= sizeof address.sun_path)
		return rep_fail(err, REP_EINVAL, "agent: %s: path too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return rep_fail(err, REP_EIO, "agent: socket: %s", strerror(errno));
	rep_agent_set_timeout(fd);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
		rc = rep_fail(err, REP_ENOTFOUND, "no agent at %s", path);
	else if (!rep_agent_is_same_user(fd))
		rc = rep_fail(err, REP_EREFUSED, "the agent at %s is another user's", path);
	else if (send(fd, message, sizeof *message, MSG_NOSIGNAL) != (ssize_t)sizeof *message ||
		 recv(fd, message, sizeof *message, 0) != (ssize_t)sizeof *message ||
		 message->size != (int32_t)sizeof *message)
		rc = rep_fail(err, REP_ENOTFOUND, "the agent at %s does not answer", path);
	close(fd);
	return rc;
}

enum rep_code rep_agent_get(const char *path, const uint8_t salt[REP_CIPHER_SALT],
			    struct rep_vault_keys *out, struct rep_error *err)
{
	struct rep_agent_message *message = rep_secret_new(sizeof *message);
	enum rep_code rc;

	if (!message)
		return rep_fail(err, REP_ENOMEM, "agent: no memory");
	message->op = AGENT_GET;
	memcpy(message->keys.pages.salt, salt, REP_CIPHER_SALT);
	rc = rep_agent_ask(path, message, err);
	if (rc == REP_OK && message->op != 1)
		rc = rep_fail(err, REP_ENOTFOUND, "the agent has no key for this replica");
	if (rc == REP_OK)
		*out = message->keys;
	rep_secret_free(message);
	return rc;
}

enum rep_code rep_agent_put(const char *path, const struct rep_vault_keys *keys, int64_t seconds,
			    struct rep_error *err)
{
	struct rep_agent_message *message = rep_secret_new(sizeof *message);
	enum rep_code rc;

	if (!message)
		return rep_fail(err, REP_ENOMEM, "agent: no memory");
	message->op = AGENT_PUT;
	message->seconds = seconds;
	message->keys = *keys;
	rc = rep_agent_ask(path, message, err);
	if (rc == REP_OK && message->op != 1)
		rc = rep_fail(err, REP_ELIMIT, "the agent takes no more keys");
	rep_secret_free(message);
	return rc;
}

enum rep_code rep_agent_drop(const char *path, const uint8_t *salt, struct rep_error *err)
{
	struct rep_agent_message message = {.op = salt ? AGENT_DROP : AGENT_DROP_ALL};
	enum rep_code rc;

	if (salt)
		memcpy(message.keys.pages.salt, salt, REP_CIPHER_SALT);
	rc = rep_agent_ask(path, &message, err);
	return rc == REP_ENOTFOUND ? REP_OK : rc;
}
