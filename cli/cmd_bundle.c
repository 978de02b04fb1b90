/* bundle, hub bundle: a sync as files, for a network that lets nothing out. */
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "sync/admin/bundle_hub.h"
#include "sync/device/bundle.h"

static void print_summary(const struct cli *cli, const struct rep_json *summary)
{
	static const struct cli_column columns[] = {
		{"device", "设备", "device", false},
		{"sets", "变更集", "change sets", true},
		{"commits", "提交", "commits", true},
		{"received", "收到记录", "received", true},
		{"applied", "生效", "applied", true},
		{"conflicts", "冲突", "conflicts", true},
		{"rejected", "拒绝", "rejected", true},
		{"proposed", "转为建议", "proposed", true},
		{"held", "等待", "held", true},
		{"view", "视图", "view", true},
		{"since", "自视图", "since view", true},
		{"lease_end", "租约到期", "lease ends", false},
		{"hub_time", "中枢时间", "hub time", false},
		{"bytes", "字节", "bytes", true},
	};
	struct cli_column there[sizeof columns / sizeof *columns];
	size_t len = 0;

	if (cli->json) {
		cli_json(summary);
		return;
	}
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		if (rep_json_get(summary, columns[i].key))
			there[len++] = columns[i];
	if (!cli->quiet)
		cli_members(cli, summary, there, len);
}

enum rep_code cmd_bundle(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"export|import", "FILE"};
	struct rep_replica *replica = NULL;
	struct rep_json *summary = NULL;
	bool out;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)))
		return rc;
	out = strcmp(cli->args[0], "export") == 0;
	if (!out && strcmp(cli->args[0], "import") != 0)
		return cli_usage(cli, err, "bundle export FILE, or bundle import FILE");
	if ((rc = cli_replica(cli, &replica, false, false, err)))
		return rc;
	rc = out ? rep_device_bundle(replica, cli->raw[1], cli_now_ms(), &summary, err)
		 : rep_device_unbundle(replica, cli->raw[1], cli_now_ms(), &summary, err);
	if (!rc)
		print_summary(cli, summary);
	rep_json_free(summary);
	rep_replica_close(replica);
	return rc;
}

enum rep_code cmd_hub_bundle(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"export|import", "DEVICE|FILE", "FILE"};
	bool whole = false, out;
	const struct cli_option options[] = {{.name = "whole", .flag = &whole}};
	struct rep_json *summary = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 2, 3, names, err)))
		return rc;
	out = strcmp(cli->args[0], "export") == 0 && cli->args[2];
	if (!out && (strcmp(cli->args[0], "import") != 0 || cli->args[2] || whole))
		return cli_usage(
			cli, err,
			"hub bundle export DEVICE FILE [--whole], or hub bundle import FILE");
	if ((rc = cli_hub(cli, &hub, true, err)))
		return rc;
	rc = out ? rep_hub_bundle(hub, cli->args[1], cli->raw[2], whole, cli_now_ms(), &summary,
				  err)
		 : rep_hub_unbundle(hub, cli->raw[1], cli_own_path(cli), &summary, err);
	if (!rc)
		print_summary(cli, summary);
	rep_json_free(summary);
	rep_hub_close(hub);
	return rc;
}
