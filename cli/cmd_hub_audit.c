/* hub audit, show, blame, history, verify: the past. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/csv.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/record.h"
#include "sync/audit.h"

static const char *const audit_columns[] = {
	"entity", "id",          "partition", "field",           "old",  "new",
	"op",     "device_time", "hub_time",  "clock_offset_ms", "rep",  "rep_name",
	"role",   "device",      "reason",    "outcome",         "rule", "rival",
	"flags",  "changeset",   "segment",   "commit",
};
#define AUDIT_COLUMNS (sizeof audit_columns / sizeof *audit_columns)

enum rep_code cmd_hub_audit(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const formats[] = {"table", "json", "csv"};
	struct rep_audit query = {0};
	const char *format = NULL;
	const struct cli_option options[] = {
		{.name = "entity", .text = &query.entity}, {.name = "id", .text = &query.id},
		{.name = "field", .text = &query.field},   {.name = "rep", .text = &query.rep},
		{.name = "device", .text = &query.device}, {.name = "since", .text = &query.since},
		{.name = "until", .text = &query.until},   {.name = "format", .text = &format},
	};
	const struct rep_entity *entity;
	struct rep_json *rows = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 8, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) ||
	    (format && (rc = cli_one_of(cli, "--format", format, formats, 3, err))) ||
	    (rc = cli_time(cli, "--since", &query.since, err)) ||
	    (rc = cli_time(cli, "--until", &query.until, err)) ||
	    (rc = cli_hub(cli, &hub, true, err)))
		return rc;
	if (query.entity && (rc = cli_entity(rep_hub_schema(hub), query.entity, &entity, err)))
		goto out;
	cli->json = cli->json || (format && strcmp(format, "json") == 0);
	rc = rep_hub_audit(hub, &query, &rows, err);
	if (!rc && cli->json)
		cli_json(rows);
	else if (!rc && format && strcmp(format, "csv") == 0)
		rc = cli_csv(rows, audit_columns, AUDIT_COLUMNS, err);
	else if (!rc)
		cli_audit_rows(cli, rows);
out:
	rep_json_free(rows);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_show(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID"};
	static const char *const clocks[] = {"device", "hub"};
	const char *as_of = NULL, *by = NULL;
	const struct cli_option options[] = {{.name = "as-of", .text = &as_of},
					     {.name = "by", .text = &by}};
	const struct rep_entity *entity;
	struct rep_json *record = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 2, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)) ||
	    (by && (rc = cli_one_of(cli, "--by", by, clocks, 2, err))) ||
	    (rc = cli_time(cli, "--as-of", &as_of, err)) || (rc = cli_hub(cli, &hub, true, err)) ||
	    (rc = cli_entity(rep_hub_schema(hub), cli->args[0], &entity, err)) ||
	    (rc = rep_hub_show(hub, cli->args[0], cli->args[1], as_of, by && strcmp(by, "hub") == 0,
			       &record, err)))
		goto out;
	if (cli->json)
		cli_json(record);
	else
		cli_record(cli, rep_hub_schema(hub), record);
out:
	rep_json_free(record);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_blame(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID"};
	static const struct cli_column columns[] = {
		{"field", "字段", "field", false},
		{"value", "值", "value", false},
		{"rep", "人员", "rep", false},
		{"rep_name", "姓名", "name", false},
		{"device_time", "设备时间", "device time", false},
		{"hub_time", "中枢时间", "hub time", false},
		{"reason", "原因", "reason", false},
		{"rule", "规则", "rule", false},
		{"changeset", "变更集", "change set", false},
	};
	const struct rep_entity *entity;
	struct rep_json *rows = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)) || (rc = cli_hub(cli, &hub, true, err)) ||
	    (rc = cli_entity(rep_hub_schema(hub), cli->args[0], &entity, err)) ||
	    (rc = rep_hub_blame(hub, cli->args[0], cli->args[1], &rows, err)))
		goto out;
	if (cli->json)
		cli_json(rows);
	else
		cli_table(cli, rows, columns, sizeof columns / sizeof *columns);
out:
	rep_json_free(rows);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_history(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID"};
	const struct rep_entity *entity;
	struct rep_json *rows = NULL;
	struct rep_hub *hub = NULL;
	struct rep_audit query = {0};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)) || (rc = cli_hub(cli, &hub, true, err)) ||
	    (rc = cli_entity(rep_hub_schema(hub), cli->args[0], &entity, err)))
		goto out;
	query.entity = cli->args[0];
	query.id = cli->args[1];
	if ((rc = rep_hub_audit(hub, &query, &rows, err)))
		goto out;
	if (cli->json)
		cli_json(rows);
	else
		cli_audit_rows(cli, rows);
out:
	rep_json_free(rows);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_verify(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct rep_verify verify = {0};
	const struct cli_option options[] = {{.name = "replay", .flag = &verify.replay},
					     {.name = "device", .text = &verify.device}};
	struct rep_json *report = NULL;
	struct rep_hub *hub = NULL;
	struct cli_progress bar;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 2, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) || (rc = cli_hub(cli, &hub, true, err)))
		return rc;
	cli_progress_begin(&bar, cli);
	verify.progress = &bar.progress;
	rc = rep_hub_verify(hub, &verify, &report, err);
	cli_progress_end(&bar);
	cli_verify_report(cli, report);
	rep_json_free(report);
	rep_hub_close(hub);
	return rc;
}
