#include "cli/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "core/store/agent.h"
#include "core/store/lease.h"

/* Byte by byte: what follows the line is not ours (standard input has a second passphrase for `passwd`). */
static enum rep_code read_line(int fd, const char *name, struct cli_passphrase *out,
			       struct rep_error *err)
{
	for (;;) {
		ssize_t n = read(fd, out->text + out->len, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return rep_fail(err, REP_EIO, "read %s: %s", name, strerror(errno));
		if (n == 0 || out->text[out->len] == '\n')
			break;
		if (++out->len > REP_PASSPHRASE_LEN_MAX)
			return rep_fail(err, REP_EUSAGE,
					"%s: the passphrase is longer than %u bytes", name,
					REP_PASSPHRASE_LEN_MAX);
	}
	if (out->len > 0 && out->text[out->len - 1] == '\r')
		out->len--;
	out->text[out->len] = '\0';
	return REP_OK;
}

static enum rep_code read_file(const char *file, struct cli_passphrase *out, struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	struct stat st;
	int fd;

	if (strcmp(file, "-") == 0)
		return read_line(STDIN_FILENO, "standard input", out, err);
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) != 0)
		rc = rep_fail(err, REP_EIO, "open %s: %s", file, strerror(errno));
	else if (S_ISREG(st.st_mode) && (st.st_mode & 077)) {
		rc = rep_fail(err, REP_EREFUSED, "%s: others may read the passphrase (mode %03o)",
			      file, (unsigned)(st.st_mode & 0777));
		rep_hint(err, "chmod 600 %s", file);
	} else
		rc = read_line(fd, file, out, err);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- the terminal ---- */

static struct termios terminal_before;
static int terminal_fd = -1;

/* An interrupt in the middle must not leave the terminal mute. */
static void restore_and_die(int number)
{
	(void)tcsetattr(terminal_fd, TCSANOW, &terminal_before);
	signal(number, SIG_DFL);
	raise(number);
}

static enum rep_code read_terminal(const char *prompt, struct cli_passphrase *out,
				   struct rep_error *err)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct termios silent;
	enum rep_code rc;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || tcgetattr(fd, &terminal_before) != 0) {
		if (fd >= 0)
			close(fd);
		rc = rep_fail(err, REP_EREFUSED, "the replica is locked");
		rep_hint(err, "repsync unlock asks for the passphrase once a day; "
			      "--passphrase-file FILE reads it");
		return rc;
	}
	terminal_fd = fd;
	for (size_t i = 0; i < 3; i++)
		signal(signals[i], restore_and_die);
	silent = terminal_before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(fd, TCSAFLUSH, &silent);
	(void)!write(fd, prompt, strlen(prompt));
	rc = read_line(fd, "the terminal", out, err);
	(void)!write(fd, "\n", 1);
	(void)tcsetattr(fd, TCSANOW, &terminal_before);
	for (size_t i = 0; i < 3; i++)
		signal(signals[i], SIG_DFL);
	close(fd);
	return rc;
}

enum rep_code cli_read_passphrase(struct cli *cli, const char *file, const char *prompt,
				  struct cli_passphrase **out, struct rep_error *err)
{
	struct cli_passphrase *passphrase = rep_secret_new(sizeof *passphrase);
	enum rep_code rc;

	*out = NULL;
	if (!passphrase)
		return rep_fail(err, REP_ENOMEM, "no memory");
	if (file)
		rc = read_file(file, passphrase, err);
	else
		rc = read_terminal(prompt         ? prompt
				   : cli->chinese ? "口令: "
						  : "passphrase: ",
				   passphrase, err);
	if (rc)
		rep_secret_free(passphrase);
	else
		*out = passphrase;
	return rc;
}

enum rep_code cli_new_passphrase(struct cli *cli, const char *file, struct cli_passphrase **out,
				 struct rep_error *err)
{
	struct cli_passphrase *again = NULL;
	enum rep_code rc;

	rc = cli_read_passphrase(cli, file,
				 cli->chinese ? "新口令（至少 12 个字母或 4 个汉字）: "
					      : "new passphrase (12 letters or more): ",
				 out, err);
	if (rc || file)
		return rc;
	rc = cli_read_passphrase(cli, NULL, cli->chinese ? "再输入一次: " : "once more: ", &again,
				 err);
	if (!rc &&
	    ((*out)->len != again->len || !rep_secret_equal((*out)->text, again->text, again->len)))
		rc = rep_fail(err, REP_EUSAGE, "the two passphrases differ");
	rep_secret_free(again);
	if (rc) {
		rep_secret_free(*out);
		*out = NULL;
	}
	return rc;
}

/* ---- vaults ---- */

/* Nobody came for so long that the company's data goes by itself. */
static enum rep_code erase(const char *dir, const char *keys_dir, struct rep_vault *vault,
			   const struct rep_lease *lease, struct rep_error *err)
{
	char reason[80], end[REP_TIME_LEN + 1];
	char *agent = NULL;
	struct rep_error ignored;
	enum rep_code rc;

	rep_time_format(end, lease->times.end_ms);
	snprintf(reason, sizeof reason, "its lease ended on %.10s", end);
	if (rep_agent_path(&agent, &ignored) == REP_OK)
		(void)!rep_agent_drop(agent, rep_vault_salt(vault), &ignored);
	free(agent);
	rc = rep_replica_erase(dir, keys_dir, rep_vault_device(vault), reason, cli_now_ms(), err);
	if (!rc)
		rc = rep_fail(err, REP_EREFUSED, "this replica was erased just now: %s", reason);
	return rc;
}

enum rep_code cli_read_vault(const char *dir, struct rep_vault **out, struct rep_error *err)
{
	struct rep_lease lease;
	char *keys_dir = NULL;
	enum rep_code rc = rep_vault_keys_dir(&keys_dir, err);

	*out = NULL;
	if (!rc)
		rc = rep_replica_vault(out, dir, keys_dir, err);
	if (!rc && *out) {
		rep_lease_look(&lease, *out, cli_now_ms());
		if (lease.state == REP_LEASE_ERASE)
			rc = erase(dir, keys_dir, *out, &lease, err);
	}
	if (rc) {
		rep_vault_free(*out);
		*out = NULL;
	}
	free(keys_dir);
	return rc;
}

static enum rep_code lease_over(const struct rep_vault *vault, const struct rep_lease *lease,
				struct rep_error *err)
{
	char end[REP_TIME_LEN + 1], erased[REP_TIME_LEN + 1];
	enum rep_code rc;

	rep_time_format(end, lease->times.end_ms);
	rep_time_format(erased, lease->times.erase_ms);
	rc = rep_fail(err, REP_EREFUSED, "the lease of device %s ended on %.10s: it is locked",
		      rep_vault_device(vault), end);
	if (lease->now_ms < lease->times.erase_ms)
		rep_hint(err,
			 "repsync sync asks the company for a new one; without it the replica is "
			 "erased after %.10s",
			 erased);
	else
		rep_hint(err, "repsync sync asks the company for a new one; tomorrow the replica "
			      "is erased. If this computer's clock is wrong, put it right");
	return rc;
}

static void warn(const struct cli *cli, const struct rep_lease *lease)
{
	char end[REP_TIME_LEN + 1];

	if (lease->state != REP_LEASE_SHORT || cli->quiet || cli->json)
		return;
	rep_time_format(end, lease->times.end_ms);
	fprintf(stderr,
		cli->chinese
			? "repsync: 注意: 租约 %.10s 到期（还有 %lld 天），届时锁定; 请运行 repsync sync\n"
			: "repsync: warning: the lease ends on %.10s (%lld days left), then it locks: "
			  "repsync sync\n",
		end, (long long)lease->days_left);
}

enum rep_code cli_check_lease(const struct cli *cli, struct rep_vault *vault, struct rep_error *err)
{
	struct rep_lease lease;
	enum rep_code rc = rep_lease_keep(vault, cli_now_ms(), &lease, err);

	if (!rc && (lease.state == REP_LEASE_OVER || lease.state == REP_LEASE_ERASE ||
		    !rep_vault_keys(vault)))
		rc = lease_over(vault, &lease, err);
	if (!rc)
		warn(cli, &lease);
	return rc;
}

/* REP_ENOTFOUND where no agent has the keys. */
static enum rep_code ask_agent(struct rep_vault *vault, struct rep_error *err)
{
	struct rep_vault_keys *keys = rep_secret_new(sizeof *keys);
	char *path = NULL;
	enum rep_code rc =
		keys ? rep_agent_path(&path, err) : rep_fail(err, REP_ENOMEM, "no memory");

	if (!rc)
		rc = rep_agent_get(path, rep_vault_salt(vault), keys, err);
	if (!rc)
		rc = rep_vault_use(vault, keys, err);
	rep_secret_free(keys);
	free(path);
	return rc;
}

static enum rep_code unlock(struct cli *cli, struct rep_vault *vault, struct rep_error *err)
{
	struct cli_passphrase *passphrase = NULL;
	enum rep_code rc = cli->passphrase_file ? REP_ENOTFOUND : ask_agent(vault, err);

	if (rc != REP_ENOTFOUND)
		return rc;
	rc = cli_read_passphrase(cli, cli->passphrase_file, NULL, &passphrase, err);
	if (!rc)
		rc = rep_vault_unlock(vault, passphrase->text, passphrase->len, err);
	rep_secret_free(passphrase);
	return rc;
}

/* `over` NULL: then a lease that is over is refused. */
static enum rep_code open_vault(struct cli *cli, const char *dir, struct rep_vault **out,
				bool *over, struct rep_error *err)
{
	struct rep_lease lease;
	enum rep_code rc = cli_read_vault(dir, out, err);

	if (over)
		*over = false;
	if (rc || !*out)
		return rc;
	rc = unlock(cli, *out, err);
	if (!rc && over) {
		rc = rep_lease_keep(*out, cli_now_ms(), &lease, err);
		*over = lease.state == REP_LEASE_OVER || lease.state == REP_LEASE_ERASE ||
			!rep_vault_keys(*out);
	} else if (!rc) {
		rc = cli_check_lease(cli, *out, err);
	}
	if (rc) {
		rep_vault_free(*out);
		*out = NULL;
	}
	return rc;
}

enum rep_code cli_open_vault(struct cli *cli, const char *dir, struct rep_vault **out,
			     struct rep_error *err)
{
	return open_vault(cli, dir, out, NULL, err);
}

enum rep_code cli_open_vault_to_sync(struct cli *cli, const char *dir, struct rep_vault **out,
				     bool *over, struct rep_error *err)
{
	return open_vault(cli, dir, out, over, err);
}
