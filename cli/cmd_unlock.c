/* unlock, lock, passwd, agent: the passphrase of an encrypted replica. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "core/base/file.h"
#include "core/store/agent.h"
#include "core/store/lease.h"

#define HOURS_MAX (24 * 7)
#define DAY_MS (24LL * 3600 * 1000)
#define ERASE_DAYS 30

/* The company's recovery key, as `hub init` wrote it: 64 hexadecimal digits. */
static enum rep_code read_recovery(const char *file, uint8_t out[REP_CIPHER_KEY],
				   struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(256);
	enum rep_code rc = rep_file_read(&text, file, err);

	if (!rc && text.len == 2 * REP_CIPHER_KEY + 1 && text.data[text.len - 1] == '\n')
		text.data[text.len - 1] = '\0';
	if (!rc && !rep_unhex(out, rep_buf_str(&text), REP_CIPHER_KEY))
		rc = rep_fail(err, REP_EINVAL, "%s is no recovery key", file);
	if (text.data)
		rep_wipe(text.data, text.cap);
	rep_buf_clear(&text);
	return rc;
}

/* Unlocks with the recovery key where one is named, else with the passphrase. An older copy is taken only with `restored`. */
static enum rep_code open_vault(struct cli *cli, const char *recovery, bool restored,
				struct rep_vault **out, struct rep_error *err)
{
	struct cli_passphrase *passphrase = NULL;
	uint8_t secret[REP_CIPHER_KEY];
	enum rep_code rc = cli_read_vault(cli->dir, out, err);

	if (!rc && !*out)
		rc = rep_fail(err, REP_EUSAGE, "the replica in %s is not encrypted", cli->dir);
	if (!rc && recovery) {
		rc = read_recovery(recovery, secret, err);
		if (!rc)
			rc = rep_vault_recover(*out, secret, err);
		rep_wipe(secret, sizeof secret);
	} else if (!rc) {
		rc = cli_read_passphrase(cli, cli->passphrase_file, NULL, &passphrase, err);
		if (!rc)
			rc = rep_vault_unlock(*out, passphrase->text, passphrase->len, err);
		rep_secret_free(passphrase);
	}
	if (rc == REP_EINTEGRITY && restored && *out && rep_vault_keys(*out))
		rc = rep_vault_accept(*out, err);
	if (rc) {
		rep_vault_free(*out);
		*out = NULL;
	}
	return rc;
}

/* ---- the agent ---- */

/*
 * The agent in a process of its own, detached from terminal and folder; comes back when the socket listens. The child has nothing of
 * the parent's secrets: they are made after it.
 */
static enum rep_code start_agent(const char *path, struct rep_error *err)
{
	struct rep_error ignored;
	enum rep_code rc;
	int fd, null;
	pid_t pid;

	rc = rep_agent_listen(path, &fd, err);
	if (rc == REP_EEXIST)
		return REP_OK;
	if (rc)
		return rc;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		rc = rep_fail(err, REP_EIO, "start agent: %s", strerror(errno));
	if (pid != 0) {
		close(fd);
		return rc;
	}
	(void)setsid();
	(void)!chdir("/");
	null = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3 && null >= 0; i++)
		(void)dup2(null, i);
	/* What else it inherited would keep pipes of the caller open for hours. */
	if (fd > 3)
		(void)close_range(3, (unsigned)fd - 1, 0);
	(void)close_range((unsigned)fd + 1, ~0u, 0);
	_exit(rep_agent_serve(fd, path, &ignored) == REP_OK ? 0 : 1);
}

enum rep_code cmd_agent(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	bool foreground = false;
	const struct cli_option options[] = {{.name = "foreground", .flag = &foreground}};
	char *path = NULL;
	enum rep_code rc;
	int fd;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) || (rc = rep_agent_path(&path, err)))
		return rc;
	if (foreground) {
		rc = rep_agent_listen(path, &fd, err);
		if (!rc)
			rc = rep_agent_serve(fd, path, err);
	} else {
		rc = start_agent(path, err);
		if (!rc && !cli->quiet)
			printf("REPSYNC_AGENT_SOCK=%s; export REPSYNC_AGENT_SOCK;\n", path);
	}
	free(path);
	return rc;
}

/* ---- unlock, lock ---- */

static enum rep_code give_to_agent(struct rep_vault *vault, int64_t hours, struct rep_error *err)
{
	char *path = NULL;
	enum rep_code rc = rep_agent_path(&path, err);

	if (!rc)
		rc = rep_agent_put(path, rep_vault_keys(vault), hours * 3600, err);
	free(path);
	return rc;
}

static enum rep_code ensure_agent(struct rep_error *err)
{
	char *path = NULL;
	enum rep_code rc = rep_agent_path(&path, err);

	if (!rc)
		rc = start_agent(path, err);
	free(path);
	return rc;
}

/*
 * The company needs no lease, but the commands that follow ask the agent, whose keys open nothing where a lease is over. So a laptop
 * that came back gets a day; its next sync brings the lease that it should have.
 */
static enum rep_code give_company_a_day(struct rep_vault *vault, struct rep_error *err)
{
	uint8_t key[REP_CIPHER_KEY];
	struct rep_lease lease;
	enum rep_code rc;

	rep_lease_look(&lease, vault, cli_now_ms());
	if (lease.state != REP_LEASE_OVER && lease.state != REP_LEASE_ERASE)
		return REP_OK;
	lease.times.end_ms = lease.now_ms + DAY_MS;
	lease.times.erase_ms = lease.now_ms + ERASE_DAYS * DAY_MS;
	lease.times.seen_ms = lease.now_ms;
	rep_random(key, sizeof key);
	rc = rep_vault_renew(vault, &lease.times, key, NULL, err);
	rep_wipe(key, sizeof key);
	return rc;
}

enum rep_code cmd_unlock(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	int64_t hours = REP_AGENT_HOURS;
	const char *recovery = NULL;
	bool restored = false;
	const struct cli_option options[] = {{.name = "for", .number = &hours},
					     {.name = "recovery-key", .path = &recovery},
					     {.name = "restored", .flag = &restored}};
	struct rep_replica_options open = {.read_only = true};
	struct rep_replica *replica = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 3, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)))
		return rc;
	if (hours < 1 || hours > HOURS_MAX)
		return cli_usage(cli, err, "--for takes 1 to %d hours", HOURS_MAX);
	rc = ensure_agent(err); /* before there is a secret in this process */
	if (!rc)
		rc = open_vault(cli, recovery, restored, &open.vault, err);
	if (!rc)
		rc = recovery ? give_company_a_day(open.vault, err)
			      : cli_check_lease(cli, open.vault, err);
	if (!rc)
		rc = give_to_agent(open.vault, hours, err);
	if (!rc) /* does the key open the pages, too? */
		rc = rep_replica_open_with(&replica, cli->dir, &open, err);
	else
		rep_vault_free(open.vault);
	if (!rc)
		cli_say(cli,
			cli->chinese ? "已解锁 %lld 小时: 设备 %s（%s）"
				     : "unlocked for %lld hours: device %s of %s",
			(long long)hours, replica->device, replica->rep);
	rep_replica_close(replica);
	return rc;
}

enum rep_code cmd_lock(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	bool all = false;
	const struct cli_option options[] = {{.name = "all", .flag = &all}};
	struct rep_vault *vault = NULL;
	char *path = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) || (rc = rep_agent_path(&path, err)))
		goto out;
	if (!all && (rc = cli_read_vault(cli->dir, &vault, err)))
		goto out;
	if (!all && !vault) {
		rc = rep_fail(err, REP_EUSAGE, "the replica in %s is not encrypted", cli->dir);
		goto out;
	}
	rc = rep_agent_drop(path, all ? NULL : rep_vault_salt(vault), err);
	if (!rc)
		cli_say(cli, "%s", cli->chinese ? "已锁定" : "locked");
out:
	rep_vault_free(vault);
	free(path);
	return rc;
}

/* ---- passwd ---- */

enum rep_code cmd_passwd(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	const char *file = NULL, *recovery = NULL;
	const struct cli_option options[] = {{.name = "new-passphrase-file", .path = &file},
					     {.name = "recovery-key", .path = &recovery}};
	struct cli_passphrase *passphrase = NULL;
	struct rep_vault *vault = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 2, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) ||
	    (rc = open_vault(cli, recovery, false, &vault, err)) ||
	    (!recovery && (rc = cli_check_lease(cli, vault, err))) ||
	    (rc = cli_new_passphrase(cli, file, &passphrase, err)) ||
	    (rc = rep_vault_set_passphrase(vault, passphrase->text, passphrase->len, NULL, err)))
		goto out;
	cli_say(cli, "%s", cli->chinese ? "口令已更改" : "the passphrase is changed");
out:
	rep_secret_free(passphrase);
	rep_vault_free(vault);
	return rc;
}
