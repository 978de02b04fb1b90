/* hub backup, restore. */
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "sync/admin/backup.h"
#include "sync/admin/recover.h"

enum rep_code cmd_hub_backup(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"DIR"};
	static const struct cli_column members[] = {{"commit", "提交", "commit", false},
						    {"run", "运行", "run", true},
						    {"mailboxes", "信箱", "mailboxes", true}};
	struct rep_backup backup = {.now_ms = cli_now_ms()};
	struct rep_json *report = NULL;
	struct rep_hub *hub = NULL;
	struct cli_progress bar;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)) || (rc = cli_hub(cli, &hub, true, err)))
		return rc;
	backup.to = cli->raw[0];
	cli_progress_begin(&bar, cli);
	backup.progress = &bar.progress;
	rc = rep_hub_backup(hub, &backup, &report, err);
	cli_progress_end(&bar);
	if (!rc && cli->json)
		cli_json(report);
	else if (!rc && !cli->quiet)
		cli_members(cli, report, members, 3);
	rep_json_free(report);
	rep_hub_close(hub);
	return rc;
}

static enum rep_code recover(struct cli *cli, const char *root_key, struct cli_progress *bar,
			     struct rep_json **report, struct rep_error *err)
{
	const struct rep_recover options = {
		.root_key = root_key, .now_ms = cli_now_ms(), .progress = &bar->progress};
	struct rep_hub *hub = NULL;
	enum rep_code rc = cli_hub(cli, &hub, false, err);

	if (!rc)
		rc = rep_hub_recover(hub, &options, report, err);
	rep_hub_close(hub);
	return rc;
}

static void tell_epoch(struct cli *cli, const struct rep_json *report)
{
	cli_say(cli,
		cli->chinese ? "纪元 %lld, 接续第 %lld 次合并; 各设备下次同步时补发其后的变更"
			     : "epoch %lld goes on from run %lld; devices send again what came "
			       "after it with their next sync",
		(long long)rep_json_get_integer(report, "epoch"),
		(long long)rep_json_get_integer(report, "run"));
}

enum rep_code cmd_hub_recover(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	const char *root_key = NULL;
	const struct cli_option options[] = {{.name = "root-key", .path = &root_key}};
	struct rep_json *report = NULL;
	struct cli_progress bar;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)))
		return rc;
	if (!root_key)
		return cli_usage(cli, err, "--root-key is missing");
	cli_progress_begin(&bar, cli);
	rc = recover(cli, root_key, &bar, &report, err);
	cli_progress_end(&bar);
	if (!rc && cli->json)
		cli_json(report);
	else if (!rc)
		tell_epoch(cli, report);
	rep_json_free(report);
	return rc;
}

enum rep_code cmd_hub_restore(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"BACKUP"};
	static const struct cli_column members[] = {{"commit", "提交", "commit", false},
						    {"run", "运行", "run", true},
						    {"made", "备份时间", "made", false}};
	static const struct cli_column columns[] = {
		{"device", "设备", "device", false},
		{"rep", "人员", "rep", false},
		{"central", "中枢已有", "central", true},
		{"mailbox", "信箱已有", "mailbox", true},
		{"acknowledged", "已确认", "acknowledged", true},
		{"owed", "尚欠", "owed", false},
	};
	struct rep_restore restore = {0};
	const char *root_key = NULL;
	const struct cli_option options[] = {{.name = "mailboxes", .path = &restore.mailboxes},
					     {.name = "root-key", .path = &root_key}};
	struct rep_json *report = NULL, *recovered = NULL;
	struct cli_progress bar;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 2, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)))
		return rc;
	restore.from = cli->raw[0];
	cli_progress_begin(&bar, cli);
	restore.progress = &bar.progress;
	rc = rep_hub_restore(cli->dir, &restore, &report, err);
	if (!rc && root_key)
		rc = recover(cli, root_key, &bar, &recovered, err);
	cli_progress_end(&bar);
	if (!rc && recovered)
		rep_json_set(report, "epoch", rep_json_ref(rep_json_get(recovered, "epoch")));
	if (!rc && cli->json)
		cli_json(report);
	else if (!rc) {
		cli_members(cli, report, members, 3);
		cli_table(cli, rep_json_get(report, "devices"), columns,
			  sizeof columns / sizeof *columns);
	}
	if (!rc && !cli->json && recovered)
		tell_epoch(cli, recovered);
	else if (!rc && !cli->json) {
		cli_say(cli, "%s",
			cli->chinese ? "下一次 hub merge 取回信箱中的其余变更"
				     : "the next hub merge takes what else the mailboxes hold");
	}
	rep_json_free(report);
	rep_json_free(recovered);
	return rc;
}
