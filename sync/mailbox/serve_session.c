#include "sync/mailbox/serve_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/text.h"
#include "core/model/id.h"
#include "sync/git/child.h"
#include "sync/mailbox/mailbox.h"
#include "sync/mailbox/serve.h"

/* Less than the minute after which a device gives up, so that it hears why. */
#define LOCK_WAIT_MS 30000u
#define LOCK_TRY_MS 50u
#define SESSION_CPU_S_MAX 600u
#define SESSION_FILE_SIZE_MAX (1024u * 1024u * 1024u)
/* Of each process: a delta of 190 bytes can ask index-pack for any amount. */
#define SESSION_MEMORY_MAX (1024u * 1024u * 1024u)

/* Coming again helps where somebody was busy, or the machine short of something. */
static bool is_later(enum rep_code code)
{
	switch (code) {
	case REP_EBUSY:
	case REP_EIO:
	case REP_ENOMEM:
	case REP_EUNREACHABLE:
		return true;
	case REP_OK:
	case REP_EUSAGE:
	case REP_EINVAL:
	case REP_ENOTFOUND:
	case REP_EEXIST:
	case REP_ELIMIT:
	case REP_EORDER:
	case REP_EREFUSED:
	case REP_EINTEGRITY:
		return false;
	}
	return false;
}

void rep_said_put(struct rep_buf *out, const struct rep_error *err)
{
	rep_buf_puts(out, is_later(err->code) ? REP_SAID_LATER : REP_SAID_REFUSED);
	rep_text_safe_put(out, err->msg, strlen(err->msg));
	rep_buf_putc(out, '\n');
}

void rep_session_env(struct rep_session_env *env)
{
	const char *path = getenv("PATH");
	char program[4096];
	ssize_t len;

	*env = (struct rep_session_env){0};
	snprintf(env->path, sizeof env->path, "PATH=%.4000s", path ? path : "/usr/bin:/bin");
	rep_session_env_add(env, env->path);
	len = readlink("/proc/self/exe", program, sizeof program - 1);
	snprintf(env->program, sizeof env->program, "REPSYNC_PROGRAM=%.*s", len > 0 ? (int)len : 0,
		 program);
	rep_session_env_add(env, env->program); /* for the mailbox's pre-receive hook */
	rep_session_env_add(env, "HOME=/nonexistent");
	rep_session_env_add(env, "GIT_CONFIG_NOSYSTEM=1");
	rep_session_env_add(env, "GIT_CONFIG_GLOBAL=/dev/null");
	rep_session_env_add(env, "LC_ALL=C");
}

void rep_session_env_add(struct rep_session_env *env, const char *text)
{
	size_t n = 0;

	while (env->list[n])
		n++;
	if (n + 1 < REP_SESSION_ENV_MAX)
		env->list[n] = text;
}

enum rep_code rep_session_mailbox(char *path, size_t size, const char *hub, const char *device,
				  struct rep_error *err)
{
	if (!rep_device_valid(device))
		return rep_fail(err, REP_EUSAGE, "\"%.20s\" is no device", device);
	if ((size_t)snprintf(path, size, "%s/mailboxes/%s.git", hub, device) >= size)
		return rep_fail(err, REP_EINVAL, "path too long");
	if (!rep_file_is_dir(path))
		return rep_fail(err, REP_ENOTFOUND, "no mailbox");
	return REP_OK;
}

/* Others hold it for moments; a session whose device has gone holds it until sshd notices. */
static enum rep_code wait_for_lock(int fd, struct rep_error *err)
{
	const struct timespec pause = {.tv_nsec = LOCK_TRY_MS * 1000000L};

	for (unsigned tries = LOCK_WAIT_MS / LOCK_TRY_MS; tries > 0; tries--) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return REP_OK;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return rep_fail(err, REP_EIO, "lock: %s", strerror(errno));
		(void)nanosleep(&pause, NULL);
	}
	return rep_fail(err, REP_EBUSY, "another session writes to it");
}

static enum rep_code hold_lock(const char *path, struct rep_error *err)
{
	char name[4096];
	int fd;

	if ((size_t)snprintf(name, sizeof name, "%s/repsync.lock", path) >= sizeof name)
		return rep_fail(err, REP_EINVAL, "path too long");
	fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600); /* not O_CLOEXEC, on purpose */
	if (fd < 0)
		return rep_fail(err, REP_EIO, "open lock: %s", strerror(errno));
	return wait_for_lock(fd, err);
}

enum rep_code rep_session_open_for_push(const char *path, bool hold, struct rep_error *err)
{
	enum rep_code rc = hold ? hold_lock(path, err) : REP_OK;

	/* Looked at under the lock: whoever closes the mailbox and then takes the lock has seen the last push. */
	if (!rc && rep_mailbox_is_closed(path))
		rc = rep_fail(err, REP_EREFUSED, "this mailbox takes no more pushes");
	if (!rc && hold)
		rc = rep_git_janitor(path, err);
	if (!rc && hold)
		rc = rep_mailbox_keep(path, err);
	return rc;
}

static void limit(int what, rlim_t value)
{
	struct rlimit bound = {value, value};

	(void)setrlimit((__rlimit_resource_t)what, &bound);
}

enum rep_code rep_session_become(const char *const *argv, const struct rep_session_env *env,
				 struct rep_error *err)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, SESSION_CPU_S_MAX);
	limit(RLIMIT_FSIZE, SESSION_FILE_SIZE_MAX);
	if (!REP_SANITIZED)
		limit(RLIMIT_AS, SESSION_MEMORY_MAX);
	(void)execvpe("git", (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env->list);
	return rep_fail(err, REP_EIO, "run git: %s", strerror(errno));
}
