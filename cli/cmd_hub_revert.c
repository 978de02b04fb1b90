/* hub revert: taking back what somebody did. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "sync/audit/revert.h"

static void print(const struct cli *cli, const struct rep_json *report)
{
	static const struct cli_column changes[] = {
		{"entity", "实体", "entity", false}, {"id", "编号", "id", false},
		{"op", "操作", "op", false},         {"field", "字段", "field", false},
		{"from", "原值", "from", false},     {"to", "改回", "to", false},
	};
	static const struct cli_column left[] = {
		{"entity", "实体", "entity", false}, {"id", "编号", "id", false},
		{"field", "字段", "field", false},   {"reason", "原因", "reason", false},
		{"by", "人员", "by", false},
	};
	const struct rep_json *rows = rep_json_get(report, "changes");
	const struct rep_json *stays = rep_json_get(report, "left");

	if (cli->json) {
		cli_json(report);
		return;
	}
	cli_say(cli, cli->chinese ? "%s %zu 处, 留下 %zu 处" : "%s %zu, left %zu",
		rep_json_get_bool(report, "dry_run") ? (cli->chinese ? "将改回" : "would take back")
						     : (cli->chinese ? "已改回" : "took back"),
		rep_json_size(rows), rep_json_size(stays));
	cli_table(cli, rows, changes, sizeof changes / sizeof *changes);
	if (rep_json_size(stays))
		cli_say(cli, "%s", cli->chinese ? "留下的:" : "left:");
	cli_table(cli, stays, left, sizeof left / sizeof *left);
}

enum rep_code cmd_hub_revert(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static struct cli_texts sets;
	struct rep_revert revert = {.now_ms = cli_now_ms()};
	const struct cli_option options[] = {
		{.name = "rep", .text = &revert.rep},
		{.name = "device", .text = &revert.device},
		{.name = "import", .text = &revert.import},
		{.name = "change-set", .texts = &sets},
		{.name = "since", .text = &revert.since},
		{.name = "until", .text = &revert.until},
		{.name = "dry-run", .flag = &revert.dry_run},
		{.name = "reason", .letter = 'm', .text = &revert.reason},
	};
	struct rep_json *report = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, sizeof options / sizeof *options, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) ||
	    (rc = cli_time(cli, "--since", &revert.since, err)) ||
	    (rc = cli_time(cli, "--until", &revert.until, err)))
		return rc;
	revert.changesets = sets.texts;
	revert.changesets_len = sets.len;
	if (!revert.rep && !revert.device && !revert.import && !sets.len)
		return cli_usage(cli, err, "--rep, --device, --import or --change-set is missing");
	if (!revert.dry_run && !revert.reason)
		return cli_usage(cli, err, "-m REASON is missing");
	if ((rc = cli_hub(cli, &hub, revert.dry_run, err)) ||
	    (rc = rep_hub_revert(hub, &revert, &report, err)))
		goto out;
	print(cli, report);
out:
	rep_json_free(report);
	rep_hub_close(hub);
	return rc;
}
