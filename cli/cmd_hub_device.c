/* hub enroll, desk: devices and their invitations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/base/file.h"
#include "sync/device.h"

#define DAY_MS (24LL * 3600 * 1000)

/* The first line of a host key's public file, without its comment. */
static enum rep_code read_host_key(struct cli *cli, const char *path, const char **out,
				   struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(4096);
	enum rep_code rc = rep_file_read(&text, path, err);
	size_t type, key;

	if (rc) {
		rep_buf_clear(&text);
		return rc;
	}
	rep_buf_puts(&text, "");
	text.data[strcspn(text.data, "\r\n")] = '\0';
	type = strcspn(text.data, " ");
	key = text.data[type] ? strcspn(text.data + type + 1, " ") : 0;
	if (key == 0 ||
	    (strncmp(text.data, "ssh-", 4) != 0 && strncmp(text.data, "ecdsa-", 6) != 0)) {
		rep_buf_clear(&text);
		return rep_fail(err, REP_EINVAL, "%s holds no ssh host key", path);
	}
	text.data[type + 1 + key] = '\0';
	*out = cli_keep(cli, rep_buf_take(&text));
	return *out ? REP_OK : rep_fail(err, REP_ENOMEM, "no memory");
}

static enum rep_code read_ca(struct cli *cli, const char *path, const char **out,
			     struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(65536);
	enum rep_code rc = rep_file_read(&text, path, err);

	if (!rc && !strstr(rep_buf_str(&text), "-----BEGIN CERTIFICATE-----"))
		rc = rep_fail(err, REP_EINVAL, "%s holds no certificate (PEM)", path);
	/* A bundle made for servers may bring its key along: that is not for laptops. */
	if (!rc && strstr(rep_buf_str(&text), "PRIVATE KEY-----"))
		rc = rep_fail(err, REP_EREFUSED, "%s holds a private key", path);
	if (!rc)
		*out = cli_keep(cli, rep_buf_take(&text));
	rep_buf_clear(&text);
	return rc || *out ? rc : rep_fail(err, REP_ENOMEM, "no memory");
}

static enum rep_code invite(struct cli *cli, const struct rep_hub_enroll *enroll,
			    struct rep_json **invitation, struct rep_error *err)
{
	struct rep_hub *hub = NULL;
	enum rep_code rc = cli_hub(cli, &hub, false, err);

	if (!rc)
		rc = rep_hub_enroll(hub, enroll, cli_now_ms(), invitation, err);
	rep_hub_close(hub);
	return rc;
}

static void print_device(const struct cli *cli, const struct rep_json *invitation, const char *path)
{
	struct rep_json *answer;

	if (!cli->json) {
		cli_say(cli, cli->chinese ? "设备 %s（%s）: %s" : "device %s of %s: %s",
			rep_json_get_string(invitation, "device"),
			rep_json_get_string(invitation, "rep"), path);
		return;
	}
	answer = rep_json_object();
	rep_json_set_string(answer, "device", rep_json_get_string(invitation, "device"));
	rep_json_set_string(answer, "rep", rep_json_get_string(invitation, "rep"));
	rep_json_set_string(answer, "url", rep_json_get_string(invitation, "url"));
	rep_json_set_string(answer, "expires", rep_json_get_string(invitation, "expires"));
	cli_json(answer);
	rep_json_free(answer);
}

enum rep_code cmd_hub_enroll(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"REP"};
	struct rep_hub_enroll enroll = {0};
	const char *out = NULL, *host_key = NULL, *ca = NULL;
	int64_t days = 7;
	const struct cli_option options[] = {{.name = "out", .path = &out},
					     {.name = "url", .text = &enroll.url_base},
					     {.name = "host-key", .path = &host_key},
					     {.name = "ca", .path = &ca},
					     {.name = "days", .number = &days}};
	struct rep_json *invitation = NULL;
	struct rep_buf text = REP_BUF_INIT(1u << 20);
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 5, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)))
		return rc;
	if (!out)
		return cli_usage(cli, err, "--out is missing");
	if (days < 1 || days > 366)
		return cli_usage(cli, err, "--days must be 1 to 366");
	if (enroll.url_base && strncmp(enroll.url_base, "ssh://", 6) == 0 && !host_key)
		return cli_usage(cli, err, "--host-key is missing: the server's public key file");
	if (enroll.url_base && strncmp(enroll.url_base, "https://", 8) == 0 && !ca)
		return cli_usage(cli, err, "--ca is missing: the authority's certificate (PEM)");
	if (rep_file_exists(out))
		return rep_fail(err, REP_EEXIST, "%s is there already", out);
	enroll.rep = cli->args[0];
	enroll.valid_ms = days * DAY_MS;
	if ((host_key && (rc = read_host_key(cli, host_key, &enroll.host_key, err))) ||
	    (ca && (rc = read_ca(cli, ca, &enroll.ca, err))) ||
	    (rc = invite(cli, &enroll, &invitation, err)))
		goto out;
	rep_json_write(&text, invitation);
	rep_buf_putc(&text, '\n');
	if ((rc = rep_buf_check(&text, "invitation", err)) ||
	    (rc = rep_file_write(out, text.data, text.len, 0600, err)))
		goto out;
	print_device(cli, invitation, out);
out:
	rep_json_free(invitation);
	rep_buf_clear(&text);
	return rc;
}

/* The invitation never touches the disk: who makes a desk sits beside the hub. */
enum rep_code cmd_hub_desk(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"REP", "DIR"};
	struct rep_hub_enroll enroll = {.desk = true, .valid_ms = DAY_MS};
	struct rep_json *invitation = NULL;
	char *text = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)))
		return rc;
	if (rep_file_exists(cli->raw[1]) && !rep_file_is_dir(cli->raw[1]))
		return rep_fail(err, REP_EEXIST, "%s is no folder", cli->raw[1]);
	enroll.rep = cli->args[0];
	if ((rc = invite(cli, &enroll, &invitation, err)))
		goto out;
	text = rep_json_text(invitation);
	if (!text) {
		rc = rep_fail(err, REP_ENOMEM, "no memory");
		goto out;
	}
	rc = rep_enroll(cli->raw[1], text, strlen(text), cli_now_ms(), err);
	if (!rc)
		print_device(cli, invitation, cli->raw[1]);
out:
	rep_json_free(invitation);
	free(text);
	return rc;
}
