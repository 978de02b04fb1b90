/* hub explain: why a field says what it says. */
#include "cli/access.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "sync/audit/explain.h"

static void add_rows(const struct cli *cli, struct rep_json *rows, const struct rep_json *entries,
		     const char *zh, const char *en)
{
	for (size_t i = 0; i < rep_json_size(entries); i++) {
		const struct rep_json *entry = rep_json_at(entries, i);
		const struct rep_json *saw = rep_json_get(entry, "saw");
		const struct rep_json *seen = rep_json_get(saw, "seen");
		struct rep_json *row = rep_json_dup(entry);
		const struct rep_json *before = seen ? seen : rep_json_get(saw, "value");

		rep_json_set_string(row, "what", cli->chinese ? zh : en);
		rep_json_set(row, "saw", before ? rep_json_ref(before) : rep_json_null());
		if (rep_json_get(entry, "present") && !rep_json_get_bool(entry, "present"))
			rep_json_set_string(row, "what", cli->chinese ? "已移除" : "taken out");
		rep_json_append(rows, row);
	}
}

static void print(const struct cli *cli, const struct rep_json *answer)
{
	static const struct cli_column members[] = {
		{"field", "字段", "field", false},
		{"value", "现值", "value", false},
		{"partition", "分区", "partition", false},
		{"rules", "规则", "rules", false},
		{"schema", "规则集", "schema", false},
		{"schema_hash", "规则集哈希", "schema hash", false},
		{"item", "待办", "item", false},
		{"state", "状态", "state", false},
		{"decided_by", "裁定人", "decided by", false},
	};
	static const struct cli_column columns[] = {
		{"what", "", "", false},
		{"part", "部分", "part", false},
		{"value", "值", "value", false},
		{"rep", "人员", "rep", false},
		{"rep_name", "姓名", "name", false},
		{"device", "设备", "device", false},
		{"device_time", "设备时间", "device time", false},
		{"hub_time", "中枢时间", "hub time", false},
		{"saw", "所见", "saw", false},
		{"outcome", "结果", "outcome", false},
		{"rule", "规则", "rule", false},
		{"rival", "对方", "rival", false},
		{"reason", "原因", "reason", false},
		{"changeset", "变更集", "change set", false},
	};
	struct rep_json *rows = rep_json_array();

	cli_members(cli, answer, members, sizeof members / sizeof *members);
	add_rows(cli, rows, rep_json_get(answer, "standing"), "现值", "stands");
	add_rows(cli, rows, rep_json_get(answer, "rivals"), "对方", "rival");
	add_rows(cli, rows, rep_json_get(answer, "proposals"), "建议", "proposal");
	cli_table_brief(cli, rows, columns, sizeof columns / sizeof *columns,
			sizeof columns / sizeof *columns);
	rep_json_free(rows);
}

enum rep_code cmd_hub_explain(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID", "FIELD"};
	const struct rep_entity *entity;
	struct rep_json *answer = NULL;
	struct rep_hub *hub = NULL;
	const char *as = NULL;
	const struct cli_option options[] = {{.name = "as", .text = &as}};
	struct cli_access access;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 3, 3, names, err)) || (rc = cli_hub(cli, &hub, true, err)) ||
	    (rc = cli_access_begin(&access, cli, hub, as, argc, argv, err)) ||
	    (rc = cli_entity(rep_hub_schema(hub), cli->args[0], &entity, err)) ||
	    (rc = rep_hub_explain(hub, cli->args[0], cli->args[1], cli->args[2], &answer, err)))
		goto out;
	if (cli->json)
		cli_json(answer);
	else
		print(cli, answer);
	rc = cli_access_end(&access, rc, 1, err);
out:
	rep_json_free(answer);
	rep_hub_close(hub);
	return rc;
}
