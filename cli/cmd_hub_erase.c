/* hub erase: a person's data out of the records, out of all history and off every laptop. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/access.h"
#include "cli/options.h"
#include "cli/output.h"
#include "sync/admin/erase.h"

static void print(const struct cli *cli, const struct rep_json *report)
{
	static const struct cli_column records[] = {
		{"entity", "实体", "entity", false},
		{"id", "编号", "id", false},
	};
	static const struct cli_column devices[] = {
		{"device", "设备", "device", false},
		{"rep", "人员", "rep", false},
		{"last_contact", "上次联系", "last contact", false},
		{"lease", "租约到", "lease", false},
	};
	const bool preview = rep_json_get_bool(report, "preview");

	if (cli->json) {
		cli_json(report);
		return;
	}
	cli_say(cli,
		cli->chinese ? "%s记录 %zu 条, 改 %zu 条, 值行 %lld 条"
			     : "%s %zu records, %zu altered, %lld value lines",
		preview ? (cli->chinese ? "将擦除" : "would erase")
			: (cli->chinese ? "已擦除" : "erased"),
		rep_json_size(rep_json_get(report, "erased")),
		rep_json_size(rep_json_get(report, "altered")),
		(long long)rep_json_get_integer(report, "lines"));
	cli_table(cli, rep_json_get(report, "erased"), records, sizeof records / sizeof *records);
	if (rep_json_size(rep_json_get(report, "altered")))
		cli_say(cli, "%s", cli->chinese ? "去掉个人信息的:" : "altered:");
	cli_table(cli, rep_json_get(report, "altered"), records, sizeof records / sizeof *records);
	if (rep_json_size(rep_json_get(report, "devices")))
		cli_say(cli, "%s",
			cli->chinese ? "下次同步时清除的设备:"
				     : "devices that drop it with their next sync:");
	cli_table(cli, rep_json_get(report, "devices"), devices, sizeof devices / sizeof *devices);
	for (size_t i = 0; i < rep_json_size(rep_json_get(report, "pending")); i++)
		cli_say(cli,
			cli->chinese ? "信箱 %s 尚未清除: 再运行 hub merge"
				     : "mailbox %s still holds some of it: run hub merge again",
			rep_json_string_value(rep_json_at(rep_json_get(report, "pending"), i)));
}

/* Who is asked at a terminal says yes; anybody else says --yes. */
static enum rep_code confirm(const struct cli *cli, bool yes, struct rep_error *err)
{
	char answer[16] = "";

	if (yes)
		return REP_OK;
	if (!isatty(STDIN_FILENO))
		return cli_usage(cli, err, "--yes is missing: what is erased does not come back");
	fputs(cli->chinese ? "擦除后无法恢复. 继续? (yes) "
			   : "What is erased does not come back. Go on? (yes) ",
	      stderr);
	if (!fgets(answer, sizeof answer, stdin) || strcmp(answer, "yes\n") != 0)
		return rep_fail(err, REP_EREFUSED, "nothing was erased");
	return REP_OK;
}

enum rep_code cmd_hub_erase(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID"};
	struct rep_erase erase = {.now_ms = cli_now_ms()};
	const char *as = NULL;
	bool yes = false;
	const struct cli_option options[] = {
		{.name = "reason", .letter = 'm', .text = &erase.reason},
		{.name = "as", .text = &as},
		{.name = "preview", .flag = &erase.preview},
		{.name = "yes", .flag = &yes},
	};
	struct rep_json *report = NULL;
	struct rep_hub *hub = NULL;
	struct cli_access access;
	char entity[64], id[128];
	char *logged[3] = {argv[0], entity, id};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, sizeof options / sizeof *options, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)))
		return rc;
	if (!erase.preview && (!erase.reason || !*erase.reason))
		return cli_usage(cli, err, "--reason is missing");
	if (!erase.preview && (rc = confirm(cli, yes, err)))
		return rc;
	erase.entity = cli->args[0];
	erase.id = cli->args[1];
	/* The reason is in the change that erases; the log has whose it was asked for. */
	snprintf(entity, sizeof entity, "%s", cli->args[0]);
	snprintf(id, sizeof id, "%s", cli->args[1]);
	if ((rc = cli_hub(cli, &hub, erase.preview, err)) ||
	    (rc = cli_access_begin(&access, cli, hub, as, 3, logged, err)) ||
	    (rc = rep_hub_erase(hub, &erase, &report, err)))
		goto out;
	print(cli, report);
	rc = cli_access_end(&access, rc, rep_json_get_integer(report, "lines"), err);
out:
	rep_json_free(report);
	rep_hub_close(hub);
	return rc;
}
