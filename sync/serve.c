#include "sync/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/model/id.h"
#include "sync/mailbox.h"

#define SESSION_CPU_S_MAX 600u
#define SESSION_FILE_SIZE_MAX (1024u * 1024u * 1024u)

enum service { RECEIVE_PACK, UPLOAD_PACK, NO_SERVICE };

/*
 * git-receive-pack '<path>' or git receive-pack '<path>', and the same for upload-pack. The path is one quoted word without
 * a quote in it; it is not used, whatever it says.
 */
static enum service service_of(const char *command)
{
	static const struct {
		const char *text;
		enum service service;
	} known[] = {{"git-receive-pack '", RECEIVE_PACK},
		     {"git receive-pack '", RECEIVE_PACK},
		     {"git-upload-pack '", UPLOAD_PACK},
		     {"git upload-pack '", UPLOAD_PACK}};

	for (size_t i = 0; command && i < sizeof known / sizeof *known; i++) {
		size_t len = strlen(known[i].text);
		const char *quote;

		if (strncmp(command, known[i].text, len) != 0)
			continue;
		quote = strchr(command + len, '\'');
		if (quote && quote > command + len && quote[1] == '\0')
			return known[i].service;
	}
	return NO_SERVICE;
}

static void limit(int what, rlim_t value)
{
	struct rlimit bound = {value, value};

	(void)setrlimit((__rlimit_resource_t)what, &bound);
}

/* For a push: the mailbox's lock, inherited by git and so held until the session's last process ends. */
static enum rep_code hold(const char *path, struct rep_error *err)
{
	char name[4096];
	int fd;

	if ((size_t)snprintf(name, sizeof name, "%s/repsync.lock", path) >= sizeof name)
		return rep_fail(err, REP_EINVAL, "path too long");
	fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600); /* not O_CLOEXEC, on purpose */
	if (fd < 0)
		return rep_fail(err, REP_EIO, "open %s: %s", name, strerror(errno));
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return rep_fail(err, REP_EIO, "lock %s: %s", name, strerror(errno));
	/* Looked at under the lock: whoever closes the mailbox and then takes the lock has seen the last push. */
	if (rep_mailbox_is_closed(path))
		return rep_fail(err, REP_EREFUSED, "this mailbox takes no more pushes");
	return rep_git_janitor(path, err);
}

static enum rep_code become(enum service service, const char *path, struct rep_error *err)
{
	const char *name = service == RECEIVE_PACK ? "receive-pack" : "upload-pack";
	const char *old_path = getenv("PATH");
	char env_path[4200];
	/* --strict: exactly this folder. Nothing that the client sent is in this environment. */
	const char *const receive[] = {"git", "-c", "safe.directory=*", name, path, NULL};
	const char *const upload[] = {"git", "-c", "safe.directory=*", name, "--strict",
				      path,  NULL};
	const char *const env[] = {
		env_path,   "HOME=/nonexistent",           "GIT_CONFIG_NOSYSTEM=1",
		"LC_ALL=C", "GIT_CONFIG_GLOBAL=/dev/null", NULL};

	snprintf(env_path, sizeof env_path, "PATH=%.4000s", old_path ? old_path : "/usr/bin:/bin");
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, SESSION_CPU_S_MAX);
	limit(RLIMIT_FSIZE, SESSION_FILE_SIZE_MAX);
	(void)execvpe("git", (char *const *)(uintptr_t)(service == RECEIVE_PACK ? receive : upload),
		      (char *const *)(uintptr_t)env);
	return rep_fail(err, REP_EIO, "run git: %s", strerror(errno));
}

enum rep_code rep_mailbox_shell(const char *hub, const char *device,
				const char *ssh_original_command, struct rep_error *err)
{
	enum service service = service_of(ssh_original_command);
	char path[4096];
	enum rep_code rc = REP_OK;

	if (!rep_device_valid(device))
		return rep_fail(err, REP_EUSAGE, "mailbox: \"%.20s\" is no device", device);
	if (service == NO_SERVICE)
		return rep_fail(err, REP_EREFUSED,
				"mailbox: only git receive-pack and upload-pack are served");
	if ((size_t)snprintf(path, sizeof path, "%s/mailboxes/%s.git", hub, device) >= sizeof path)
		return rep_fail(err, REP_EINVAL, "mailbox: path too long");
	if (!rep_file_is_dir(path))
		rc = rep_fail(err, REP_ENOTFOUND, "no mailbox");
	if (!rc && service == RECEIVE_PACK)
		rc = hold(path, err);
	if (!rc)
		rc = become(service, path, err);
	return rep_wrap(err, rc, "mailbox %s", device);
}

/* Stands in command="..." of authorized_keys and is run by a shell: quoted for both. */
static bool put_argument(struct rep_buf *out, const char *text)
{
	if (strpbrk(text, "'\"\\\n\r"))
		return false;
	rep_buf_printf(out, "'%s'", text);
	return true;
}

/* "ssh-ed25519 AAAA... comment" of plain characters: nothing that could begin another line or option. */
static bool is_key_line(const char *line)
{
	if (strncmp(line, "ssh-ed25519 ", 12) != 0 && strncmp(line, "ecdsa-sha2-nistp", 16) != 0)
		return false;
	for (const char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f || *p == '"')
			return false;
	return strlen(line) < 1024;
}

enum rep_code rep_ssh_authorized_keys(struct rep_buf *out, const char *program, const char *hub,
				      const struct rep_ssh_device *devices, size_t len,
				      struct rep_error *err)
{
	for (size_t i = 0; i < len; i++) {
		if (!rep_device_valid(devices[i].device) || !is_key_line(devices[i].ssh_key))
			return rep_fail(err, REP_EINVAL,
					"authorized keys: device %.20s: not an ssh public key",
					devices[i].device);
		rep_buf_puts(out, "restrict,command=\"");
		if (!put_argument(out, program))
			return rep_fail(err, REP_EINVAL, "authorized keys: path with a quote: %s",
					program);
		rep_buf_puts(out, " -C ");
		if (!put_argument(out, hub))
			return rep_fail(err, REP_EINVAL, "authorized keys: path with a quote: %s",
					hub);
		rep_buf_printf(out, " mailbox-shell %s\" %s\n", devices[i].device,
			       devices[i].ssh_key);
	}
	return rep_buf_check(out, "authorized keys", err);
}

void rep_ssh_config(struct rep_buf *out, const char *user, const char *hub)
{
	rep_buf_printf(out,
		       "# The mailboxes of repsync: put this into sshd_config, then reload sshd.\n"
		       "Match User %s\n"
		       "\tAuthorizedKeysFile %s/authorized_keys\n"
		       "\tAuthenticationMethods publickey\n"
		       "\tPasswordAuthentication no\n"
		       "\tKbdInteractiveAuthentication no\n"
		       "\tDisableForwarding yes\n"
		       "\tPermitTTY no\n"
		       "\tPermitUserRC no\n"
		       "\tClientAliveInterval 15\n"
		       "\tClientAliveCountMax 4\n",
		       user, hub);
}
