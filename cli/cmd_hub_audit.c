/* hub audit, show, blame, history, verify: the past. */
#include <stdlib.h>
#include <string.h>

#include "cli/access.h"
#include "cli/audit_rows.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/record.h"
#include "sync/audit/audit.h"
#include "sync/audit/evidence.h"

/* What a read of the hub has in common: the hub, opened for reading, and the log. */
static enum rep_code begin(struct cli *cli, struct rep_hub **hub, struct cli_access *access,
			   const char *as, int argc, char **argv, struct rep_error *err)
{
	enum rep_code rc = cli_hub(cli, hub, true, err);

	return rc ? rc : cli_access_begin(access, cli, *hub, as, argc, argv, err);
}

static enum rep_code tell(struct cli *cli, struct cli_access *access, const struct rep_audit *query,
			  enum cli_rows_format format, struct rep_error *err)
{
	struct cli_audit_rows rows;
	enum rep_code rc;

	if ((rc = cli_audit_rows_begin(&rows, cli, format, err)))
		return rc;
	rc = rep_hub_audit_each(access->hub, query, cli_audit_rows_put, &rows, err);
	cli_audit_rows_end(&rows, !rc);
	return cli_access_end(access, rc, rows.len, err);
}

/* What is written is told, not the rows. */
static enum rep_code prove(struct cli *cli, struct cli_access *access,
			   const struct rep_audit *query, const char *dir, struct rep_error *err)
{
	static const struct cli_column columns[] = {
		{"rows", "行数", "rows", true},
		{"changesets", "变更集", "change sets", true},
		{"devices", "设备", "devices", true},
		{"files", "文件", "files", true},
		{"manifest", "清单校验值", "manifest", false},
	};
	const struct rep_evidence evidence = {.dir = dir, .now_ms = cli_now_ms()};
	struct rep_json *report = NULL;
	enum rep_code rc = rep_hub_evidence(access->hub, query, &evidence, &report, err);

	if (!rc && cli->json)
		cli_json(report);
	else if (!rc)
		cli_members(cli, report, columns, sizeof columns / sizeof *columns);
	rc = cli_access_end(access, rc, rep_json_get_integer(report, "rows"), err);
	rep_json_free(report);
	return rc;
}

static enum rep_code choose_format(struct cli *cli, const char *name, enum cli_rows_format *out,
				   struct rep_error *err)
{
	static const char *const names[] = {"table", "json", "csv"};
	enum rep_code rc = name ? cli_one_of(cli, "--format", name, names, 3, err) : REP_OK;

	*out = cli->json ? CLI_ROWS_JSON : CLI_ROWS_TABLE;
	if (!rc && name && strcmp(name, "csv") == 0)
		*out = CLI_ROWS_CSV;
	else if (!rc && name && strcmp(name, "json") == 0)
		*out = CLI_ROWS_JSON;
	cli->json = cli->json || *out == CLI_ROWS_JSON;
	return rc;
}

enum rep_code cmd_hub_audit(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const clocks[] = {"device", "hub"};
	struct rep_audit query = {0};
	const char *format_name = NULL, *by = NULL, *as = NULL, *evidence = NULL;
	const struct cli_option options[] = {
		{.name = "entity", .text = &query.entity},
		{.name = "id", .text = &query.id},
		{.name = "field", .text = &query.field},
		{.name = "rep", .text = &query.rep},
		{.name = "device", .text = &query.device},
		{.name = "since", .text = &query.since},
		{.name = "until", .text = &query.until},
		{.name = "by", .text = &by},
		{.name = "limit", .number = &query.limit},
		{.name = "format", .text = &format_name},
		{.name = "as", .text = &as},
		{.name = "evidence", .path = &evidence},
	};
	const struct rep_entity *entity;
	enum cli_rows_format format;
	struct cli_access access;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, sizeof options / sizeof *options, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) ||
	    (rc = choose_format(cli, format_name, &format, err)) ||
	    (by && (rc = cli_one_of(cli, "--by", by, clocks, 2, err))) ||
	    (rc = cli_time(cli, "--since", &query.since, err)) ||
	    (rc = cli_time(cli, "--until", &query.until, err)))
		return rc;
	if (query.id && !query.entity)
		return cli_usage(cli, err, "--id needs its --entity");
	query.by_hub = by && strcmp(by, "hub") == 0;
	if (!(rc = begin(cli, &hub, &access, as, argc, argv, err)) &&
	    (!query.entity || !(rc = cli_entity(rep_hub_schema(hub), query.entity, &entity, err))))
		rc = evidence ? prove(cli, &access, &query, evidence, err)
			      : tell(cli, &access, &query, format, err);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_show(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID"};
	static const char *const clocks[] = {"device", "hub"};
	const char *as_of = NULL, *by = NULL, *as = NULL;
	const struct cli_option options[] = {{.name = "as-of", .text = &as_of},
					     {.name = "by", .text = &by},
					     {.name = "as", .text = &as}};
	const struct rep_entity *entity;
	struct rep_json *record = NULL;
	struct rep_hub *hub = NULL;
	struct cli_access access;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 3, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)) ||
	    (by && (rc = cli_one_of(cli, "--by", by, clocks, 2, err))) ||
	    (rc = cli_time(cli, "--as-of", &as_of, err)) ||
	    (rc = begin(cli, &hub, &access, as, argc, argv, err)) ||
	    (rc = cli_entity(rep_hub_schema(hub), cli->args[0], &entity, err)) ||
	    (rc = rep_hub_show(hub, cli->args[0], cli->args[1], as_of, by && strcmp(by, "hub") == 0,
			       &record, err)))
		goto out;
	if (cli->json)
		cli_json(record);
	else
		cli_record(cli, rep_hub_schema(hub), record);
	rc = cli_access_end(&access, rc, 1, err);
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
	const char *as = NULL;
	const struct cli_option options[] = {{.name = "as", .text = &as}};
	struct cli_access access;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)) ||
	    (rc = begin(cli, &hub, &access, as, argc, argv, err)) ||
	    (rc = cli_entity(rep_hub_schema(hub), cli->args[0], &entity, err)) ||
	    (rc = rep_hub_blame(hub, cli->args[0], cli->args[1], &rows, err)))
		goto out;
	if (cli->json)
		cli_json(rows);
	else
		cli_table(cli, rows, columns, sizeof columns / sizeof *columns);
	rc = cli_access_end(&access, rc, (int64_t)rep_json_size(rows), err);
out:
	rep_json_free(rows);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_history(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID"};
	const struct rep_entity *entity;
	struct rep_hub *hub = NULL;
	struct rep_audit query = {0};
	const char *as = NULL;
	const struct cli_option options[] = {{.name = "as", .text = &as}};
	struct cli_access access;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)) ||
	    (rc = begin(cli, &hub, &access, as, argc, argv, err)) ||
	    (rc = cli_entity(rep_hub_schema(hub), cli->args[0], &entity, err)))
		goto out;
	query.entity = cli->args[0];
	query.id = cli->args[1];
	rc = tell(cli, &access, &query, cli->json ? CLI_ROWS_JSON : CLI_ROWS_TABLE, err);
out:
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_verify(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct rep_verify verify = {.now_ms = cli_now_ms()};
	bool full = false;
	const struct cli_option options[] = {{.name = "full", .flag = &full},
					     {.name = "replay", .flag = &verify.replay},
					     {.name = "device", .text = &verify.device},
					     {.name = "statements", .path = &verify.statements}};
	struct rep_json *report = NULL;
	struct rep_hub *hub = NULL;
	struct cli_progress bar;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 4, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) || (rc = cli_hub(cli, &hub, true, err)))
		return rc;
	cli_progress_begin(&bar, cli);
	verify.go_on = !full;
	verify.progress = &bar.progress;
	rc = rep_hub_verify(hub, &verify, &report, err);
	cli_progress_end(&bar);
	cli_verify_report(cli, report);
	rep_json_free(report);
	rep_hub_close(hub);
	return rc;
}
