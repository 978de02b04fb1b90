/* hub serve; mailbox-shell, mailbox-http: how devices are let in. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "sync/mailbox/serve.h"

static enum rep_code print_nginx(const struct cli *cli, struct rep_nginx *nginx, int64_t port,
				 struct rep_buf *text, struct rep_error *err)
{
	if (!nginx->host || !nginx->certificate || !nginx->key)
		return cli_usage(cli, err, "nginx-config needs --host, --certificate and --key");
	if (port < 1 || port > 65535)
		return cli_usage(cli, err, "--port must be 1 to 65535");
	nginx->port = (unsigned)port;
	if (!nginx->path)
		nginx->path = "/repsync";
	if (!nginx->fastcgi)
		nginx->fastcgi = "unix:/run/fcgiwrap.socket";
	return rep_nginx_config(text, nginx, err);
}

enum rep_code cmd_hub_serve(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ssh-keys, ssh-config or nginx-config"};
	static const char *const kinds[] = {"ssh-keys", "ssh-config", "nginx-config"};
	struct rep_nginx nginx = {0};
	const char *program = NULL, *user = NULL;
	int64_t port = 443;
	const struct cli_option options[] = {{.name = "program", .path = &program},
					     {.name = "user", .text = &user},
					     {.name = "host", .text = &nginx.host},
					     {.name = "port", .number = &port},
					     {.name = "path", .text = &nginx.path},
					     {.name = "certificate", .path = &nginx.certificate},
					     {.name = "key", .path = &nginx.key},
					     {.name = "fastcgi", .path = &nginx.fastcgi}};
	struct rep_buf text = REP_BUF_INIT(64u << 20);
	struct rep_hub *hub = NULL;
	char *dir = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 8, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)) ||
	    (rc = cli_one_of(cli, "argument", cli->args[0], kinds, 3, err)) ||
	    (rc = cli_hub(cli, &hub, true, err)))
		return rc;
	dir = realpath(rep_hub_dir(hub), NULL);
	nginx.hub = dir;
	if (!dir)
		rc = rep_fail(err, REP_EIO, "%s cannot be found", rep_hub_dir(hub));
	else if (strcmp(cli->args[0], "ssh-keys") == 0)
		rc = rep_hub_ssh_keys(hub, program ? program : cli_own_path(cli), cli_now_ms(),
				      &text, err);
	else if (strcmp(cli->args[0], "ssh-config") == 0)
		rc = rep_ssh_config(&text, user ? user : "repsync", dir, err);
	else
		rc = print_nginx(cli, &nginx, port, &text, err);
	if (!rc)
		fputs(rep_buf_str(&text), stdout);
	free(dir);
	rep_buf_clear(&text);
	rep_hub_close(hub);
	return rc;
}

/* Becomes git, for which a broken pipe has to be what it is for any program. */
enum rep_code cmd_mailbox_shell(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"DEVICE"};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)))
		return rc;
	cli->serves = true;
	signal(SIGPIPE, SIG_DFL);
	return rep_mailbox_shell(cli->dir, cli->args[0], getenv("SSH_ORIGINAL_COMMAND"), err);
}

/* What comes on standard input is one line where all is well. */
enum rep_code cmd_mailbox_check(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	char updates[4096];
	size_t len;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)))
		return rc;
	cli->serves = true;
	len = fread(updates, 1, sizeof updates - 1, stdin);
	updates[len] = '\0';
	return rep_mailbox_hook(updates, err);
}

enum rep_code cmd_mailbox_http(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct rep_buf answer = REP_BUF_INIT(65536);
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)))
		return rc;
	cli->serves = true;
	signal(SIGPIPE, SIG_DFL);
	rc = rep_mailbox_http(cli->dir, cli_now_ms(), err);
	rep_http_answer(&answer, err);
	fputs(rep_buf_str(&answer), stdout);
	rep_buf_clear(&answer);
	return rc;
}
