/* The agent's own process: a poll loop over one listening socket, one request a connection. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/agent_work.h"

#define KEYS_MAX 64
#define FIRST_KEY_S 600 /* how long a person may take to type a passphrase, or give up */

struct held {
	struct rep_vault_keys keys;
	int64_t until_s; /* on the clock that also runs while the computer sleeps */
};

struct store {
	size_t len;
	struct held held[KEYS_MAX];
	struct rep_agent_message message;
};

static int64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

static void drop_at(struct store *store, size_t i)
{
	store->held[i] = store->held[--store->len];
	rep_wipe(&store->held[store->len], sizeof store->held[store->len]);
}

static size_t find(const struct store *store, const uint8_t *salt)
{
	size_t i = 0;

	while (i < store->len && memcmp(store->held[i].keys.pages.salt, salt, REP_CIPHER_SALT) != 0)
		i++;
	return i;
}

static void expire(struct store *store)
{
	const int64_t now = now_s();

	for (size_t i = store->len; i-- > 0;)
		if (store->held[i].until_s <= now)
			drop_at(store, i);
}

static bool put(struct store *store, size_t at)
{
	const int64_t seconds = store->message.seconds;

	if (at == KEYS_MAX || seconds <= 0)
		return false;
	store->held[at] = (struct held){store->message.keys, now_s() + seconds};
	if (at == store->len)
		store->len++;
	return true;
}

/* Answers the request in store->message there. */
static void answer(struct store *store)
{
	struct rep_agent_message *message = &store->message;
	const size_t at = find(store, message->keys.pages.salt);
	bool fine = at < store->len;

	switch ((enum rep_agent_op)message->op) {
	case AGENT_GET:
		if (fine)
			message->keys = store->held[at].keys;
		break;
	case AGENT_PUT:
		fine = put(store, at);
		break;
	case AGENT_DROP:
		if (fine)
			drop_at(store, at);
		break;
	case AGENT_DROP_ALL:
		while (store->len > 0)
			drop_at(store, store->len - 1);
		fine = true;
		break;
	default:
		fine = false;
	}
	if (!fine || message->op != AGENT_GET)
		rep_wipe(&message->keys, sizeof message->keys);
	message->op = fine;
}

static void serve_one(struct store *store, int fd)
{
	struct rep_agent_message *message = &store->message;

	rep_agent_set_timeout(fd);
	if (rep_agent_is_same_user(fd) &&
	    recv(fd, message, sizeof *message, 0) == (ssize_t)sizeof *message &&
	    message->size == (int32_t)sizeof *message) {
		answer(store);
		(void)!send(fd, message, sizeof *message, MSG_NOSIGNAL);
	}
	rep_wipe(message, sizeof *message);
	close(fd);
}

/* `first_key_s`: when an agent that was given no key yet gives up. */
static int wait_ms(const struct store *store, int64_t first_key_s)
{
	int64_t first = store->len ? INT64_MAX : first_key_s, left;

	for (size_t i = 0; i < store->len; i++)
		if (store->held[i].until_s < first)
			first = store->held[i].until_s;
	left = first - now_s();
	/* At least every minute: poll() does not count while the computer sleeps. */
	return left <= 0 ? 0 : left > 60 ? 60000 : (int)(left * 1000);
}

enum rep_code rep_agent_serve(int fd, const char *path, struct rep_error *err)
{
	const int64_t first_key_s = now_s() + FIRST_KEY_S;
	struct store *store = rep_secret_new(sizeof *store);
	enum rep_code rc = REP_OK;
	bool had_any = false;

	if (!store)
		rc = rep_fail(err, REP_ENOMEM, "agent: no memory");
	while (rc == REP_OK && (store->len > 0 || (!had_any && now_s() < first_key_s))) {
		struct pollfd one = {.fd = fd, .events = POLLIN};
		int n = poll(&one, 1, wait_ms(store, first_key_s)), peer;

		if (n < 0 && errno != EINTR)
			rc = rep_fail(err, REP_EIO, "agent: %s", strerror(errno));
		peer = n > 0 ? accept4(fd, NULL, NULL, SOCK_CLOEXEC) : -1;
		expire(store);
		if (peer >= 0)
			serve_one(store, peer);
		had_any = had_any || store->len > 0;
	}
	(void)unlink(path);
	close(fd);
	rep_secret_free(store);
	return rc;
}

/* Whoever may enter the folder may ask, whoever may write in it may stand in the agent's place. */
static enum rep_code make_folder(const char *path, struct rep_error *err)
{
	char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	struct stat st;
	enum rep_code rc = REP_OK;

	if (slash == NULL || slash == dir) {
		free(dir);
		return rep_fail(err, REP_EINVAL, "agent: %s is not in a folder of its own", path);
	}
	*slash = '\0';
	rc = rep_dir_make(dir, 0700, err);
	if (rc == REP_OK && lstat(dir, &st) != 0)
		rc = rep_fail(err, REP_EIO, "agent: %s: %s", dir, strerror(errno));
	else if (rc == REP_OK &&
		 (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077)))
		rc = rep_fail(err, REP_EREFUSED, "agent: others may enter %s", dir);
	free(dir);
	return rc;
}

enum rep_code rep_agent_listen(const char *path, int *fd, struct rep_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct rep_agent_message message = {.op = AGENT_GET}; /* the keys of no replica */
	struct rep_error silent;
	enum rep_code rc = make_folder(path, err);

	*fd = -1;
	if (rc == REP_OK && strlen(path) >= sizeof address.sun_path)
		rc = rep_fail(err, REP_EINVAL, "agent: %s: path too long", path);
	if (rc != REP_OK)
		return rc;
	memcpy(address.sun_path, path, strlen(path) + 1);
	/* Whatever an agent answers, it is there; silence is what a killed one left. */
	if (rep_agent_ask(path, &message, &silent) == REP_OK)
		return rep_fail(err, REP_EEXIST, "an agent is there already, at %s", path);
	(void)unlink(path);
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && bind(*fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
	    listen(*fd, 8) == 0)
		return REP_OK;
	rc = rep_fail(err, REP_EIO, "agent: %s: %s", path, strerror(errno));
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return rc;
}
