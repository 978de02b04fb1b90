/* hub enroll, desk, device: devices and their invitations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/base/file.h"
#include "sync/device/device.h"
#include "sync/hub/leaving.h"

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

/* What `enroll` and `device replace` are told of the way to the new device's mailbox. */
struct way {
	const char *out, *url, *host_key, *ca;
	int64_t days;
};

#define WAY_OPTIONS(way)                                                                          \
	{.name = "out", .path = &(way).out}, {.name = "url", .text = &(way).url},                 \
		{.name = "host-key", .path = &(way).host_key}, {.name = "ca", .path = &(way).ca}, \
	{                                                                                         \
		.name = "days", .number = &(way).days                                             \
	}

static enum rep_code check_way(struct cli *cli, const struct way *way, struct rep_error *err)
{
	if (!way->out)
		return cli_usage(cli, err, "--out is missing");
	if (way->days < 1 || way->days > 366)
		return cli_usage(cli, err, "--days must be 1 to 366");
	if (way->url && strncmp(way->url, "ssh://", 6) == 0 && !way->host_key)
		return cli_usage(cli, err, "--host-key is missing: the server's public key file");
	if (way->url && strncmp(way->url, "https://", 8) == 0 && !way->ca)
		return cli_usage(cli, err, "--ca is missing: the authority's certificate (PEM)");
	if (rep_file_exists(way->out))
		return rep_fail(err, REP_EEXIST, "%s is there already", way->out);
	return REP_OK;
}

/* A new device of `rep`, its invitation in way->out. */
static enum rep_code enroll_to(struct cli *cli, const char *rep, const struct way *way,
			       struct rep_error *err)
{
	struct rep_hub_enroll enroll = {
		.rep = rep, .url_base = way->url, .valid_ms = way->days * DAY_MS};
	struct rep_json *invitation = NULL;
	struct rep_buf text = REP_BUF_INIT(1u << 20);
	enum rep_code rc;

	if ((way->host_key && (rc = read_host_key(cli, way->host_key, &enroll.host_key, err))) ||
	    (way->ca && (rc = read_ca(cli, way->ca, &enroll.ca, err))) ||
	    (rc = invite(cli, &enroll, &invitation, err)))
		goto out;
	rep_json_write(&text, invitation);
	rep_buf_putc(&text, '\n');
	if ((rc = rep_buf_check(&text, "invitation", err)) ||
	    (rc = rep_file_write(way->out, text.data, text.len, 0600, err)))
		goto out;
	print_device(cli, invitation, way->out);
out:
	rep_json_free(invitation);
	rep_buf_clear(&text);
	return rc;
}

enum rep_code cmd_hub_enroll(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"REP"};
	struct way way = {.days = 7};
	const struct cli_option options[] = {WAY_OPTIONS(way)};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 5, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)) || (rc = check_way(cli, &way, err)))
		return rc;
	return enroll_to(cli, cli->args[0], &way, err);
}

/* ---- device list, revoke, replace ---- */

static void print_devices(const struct cli *cli, const struct rep_json *rows)
{
	static const struct cli_column columns[] = {
		{"device", "设备", "device", false},
		{"rep", "人员", "rep", false},
		{"state", "状态", "state", false},
		{"since", "起", "since", false},
		{"seq", "已合并", "merged", true},
		{"last_contact", "上次联系", "last contact", false},
		{"lease", "租约到期", "lease ends", false},
		{"left", "停用进度", "left", false},
		{"left_at", "时间", "at", false},
	};

	if (cli->json)
		cli_json(rows);
	else
		cli_table(cli, rows, columns, sizeof columns / sizeof *columns);
}

static enum rep_code list_devices(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	const char *rep = NULL;
	const struct cli_option options[] = {{.name = "rep", .text = &rep}};
	struct rep_json *rows = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) || (rc = cli_hub(cli, &hub, true, err)))
		return rc;
	rc = rep_hub_devices(hub, rep, cli_now_ms(), &rows, err);
	if (!rc)
		print_devices(cli, rows);
	rep_json_free(rows);
	rep_hub_close(hub);
	return rc;
}

static enum rep_code revoke(struct cli *cli, const struct rep_hub_revoke *revoke,
			    struct rep_json **row, struct rep_error *err)
{
	struct rep_hub *hub = NULL;
	enum rep_code rc = cli_hub(cli, &hub, false, err);

	if (!rc)
		rc = rep_hub_revoke(hub, revoke, cli_now_ms(), row, err);
	rep_hub_close(hub);
	return rc;
}

/* Edits that nobody has seen may be on it: it has not come since. One that is void or has been erased has none. */
static bool may_hold_edits(const struct rep_json *row)
{
	const char *left = rep_json_get_string(row, "left");

	return left && (strcmp(left, "ordered") == 0 || strcmp(left, "lease ended") == 0);
}

static enum rep_code revoke_device(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"DEVICE"};
	struct rep_hub_revoke asked = {0};
	const struct cli_option options[] = {
		{.name = "at", .text = &asked.at},
		{.name = "message", .letter = 'm', .text = &asked.reason}};
	struct rep_json *row = NULL, *rows;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 2, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)) || (rc = cli_time(cli, "--at", &asked.at, err)))
		return rc;
	if (!asked.reason || !*asked.reason)
		return cli_usage(cli, err, "-m REASON is missing");
	asked.device = cli->args[0];
	rc = revoke(cli, &asked, &row, err);
	if (rc)
		return rc;
	rows = rep_json_array();
	rep_json_append(rows, row);
	if (!cli->quiet || cli->json)
		print_devices(cli, rows);
	if (!cli->json && may_hold_edits(row))
		cli_say(cli,
			cli->chinese
				? "变更集 %lld 之后的修改公司没有收到, 设备不再联系则会丢失; hub exposure %s 列出其中的数据"
				: "edits after change set %lld were not received: they are lost unless the "
				  "laptop comes; hub exposure %s lists what is on it",
			(long long)rep_json_get_integer(row, "seq"),
			rep_json_get_string(row, "device"));
	rep_json_free(rows);
	return REP_OK;
}

/* The rep of a device that is about to be replaced. */
static enum rep_code rep_of(struct cli *cli, const char *device, const char **rep,
			    struct rep_error *err)
{
	const struct rep_org_device *row;
	struct rep_hub *hub = NULL;
	enum rep_code rc = cli_hub(cli, &hub, true, err);

	if (rc)
		return rc;
	row = rep_org_device(rep_hub_org(hub), device);
	if (!row || !row->rep)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no device %s", device);
	else if (!(*rep = cli_keep(cli, strdup(row->rep))))
		rc = rep_fail(err, REP_ENOMEM, "no memory");
	rep_hub_close(hub);
	return rc;
}

static enum rep_code replace_device(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"DEVICE"};
	struct rep_hub_revoke asked = {0};
	struct way way = {.days = 7};
	const struct cli_option options[] = {
		{.name = "message", .letter = 'm', .text = &asked.reason}, WAY_OPTIONS(way)};
	struct rep_json *row = NULL;
	const char *rep = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 6, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)) || (rc = check_way(cli, &way, err)))
		return rc;
	if (!asked.reason || !*asked.reason)
		return cli_usage(cli, err, "-m REASON is missing");
	asked.device = cli->args[0];
	if ((rc = rep_of(cli, asked.device, &rep, err)) || (rc = revoke(cli, &asked, &row, err)))
		return rc;
	rep_json_free(row);
	return enroll_to(cli, rep, &way, err);
}

enum rep_code cmd_hub_device(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	const char *act = argc > 1 ? argv[1] : "";

	if (strcmp(act, "list") == 0)
		return list_devices(cli, argc - 1, argv + 1, err);
	if (strcmp(act, "revoke") == 0)
		return revoke_device(cli, argc - 1, argv + 1, err);
	if (strcmp(act, "replace") == 0)
		return replace_device(cli, argc - 1, argv + 1, err);
	return cli_usage(cli, err, "list, revoke or replace expected");
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
