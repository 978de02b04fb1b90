/* hub replay: what would stand under proposed rules. */
#include "cli/access.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "sync/audit/whatif.h"

static void print(const struct cli *cli, const struct rep_json *report)
{
	static const struct cli_column columns[] = {
		{"entity", "实体", "entity", false},  {"id", "编号", "id", false},
		{"field", "字段", "field", false},    {"now", "现值", "now", false},
		{"would", "将为", "would be", false},
	};
	const struct rep_json *differ = rep_json_get(report, "differ");

	if (cli->json) {
		cli_json(report);
		return;
	}
	cli_say(cli,
		cli->chinese ? "%s: 重放 %lld 条记录, %zu 处不同"
			     : "%s: %lld records folded, %zu fields differ",
		rep_json_get_string(report, "schema"),
		(long long)rep_json_get_integer(report, "records"), rep_json_size(differ));
	cli_table(cli, differ, columns, sizeof columns / sizeof *columns);
}

enum rep_code cmd_hub_replay(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct rep_whatif whatif = {0};
	const char *as = NULL;
	const struct cli_option options[] = {{.name = "schema", .path = &whatif.dir},
					     {.name = "since", .text = &whatif.since},
					     {.name = "as", .text = &as}};
	struct rep_json *report = NULL;
	struct rep_hub *hub = NULL;
	struct cli_access access;
	struct cli_progress bar;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 3, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) ||
	    (rc = cli_time(cli, "--since", &whatif.since, err)))
		return rc;
	if (!whatif.dir)
		return cli_usage(cli, err, "--schema DIR is missing");
	if ((rc = cli_hub(cli, &hub, true, err)) ||
	    (rc = cli_access_begin(&access, cli, hub, as, argc, argv, err)))
		goto out;
	cli_progress_begin(&bar, cli);
	whatif.progress = &bar.progress;
	rc = rep_hub_whatif(hub, &whatif, &report, err);
	cli_progress_end(&bar);
	if (!rc)
		print(cli, report);
	rc = cli_access_end(&access, rc, (int64_t)rep_json_size(rep_json_get(report, "differ")),
			    err);
out:
	rep_json_free(report);
	rep_hub_close(hub);
	return rc;
}
