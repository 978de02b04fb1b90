/* hub offboard, exit-statement, exposure: a rep leaves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/access.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/base/file.h"
#include "core/store/csv.h"
#include "sync/hub/leaving.h"

#define PLAN_MAX 100000u

struct plan {
	struct rep_hub_heir *lines;
	size_t len;
};

/* Which cell of a line is which; -1 = there is none. */
struct columns {
	int subject, successor, entity;
};

static enum rep_code read_head(const struct rep_csv_record *record, struct columns *out,
			       struct rep_error *err)
{
	*out = (struct columns){-1, -1, -1};
	for (size_t i = 0; i < record->len; i++) {
		if (strcmp(record->cells[i], "subject") == 0)
			out->subject = (int)i;
		if (strcmp(record->cells[i], "successor") == 0)
			out->successor = (int)i;
		if (strcmp(record->cells[i], "entity") == 0)
			out->entity = (int)i;
	}
	return out->subject >= 0 && out->successor >= 0
		       ? REP_OK
		       : rep_fail(err, REP_EINVAL,
				  "the plan's columns are subject, successor and, "
				  "for single records, entity");
}

static const char *cell(struct cli *cli, const struct rep_csv_record *record, int column)
{
	if (column < 0 || (size_t)column >= record->len || !*record->cells[column])
		return NULL;
	return cli_keep(cli, strdup(record->cells[column]));
}

static enum rep_code add_line(struct cli *cli, struct plan *plan, const struct columns *columns,
			      const struct rep_csv_record *record, struct rep_error *err)
{
	struct rep_hub_heir heir = {.entity = cell(cli, record, columns->entity),
				    .subject = cell(cli, record, columns->subject),
				    .successor = cell(cli, record, columns->successor)};
	struct rep_hub_heir *grown;

	if (record->problem)
		return rep_fail(err, REP_EINVAL, "line %zu: %s", record->line, record->problem);
	if (!heir.subject || !heir.successor)
		return rep_fail(err, REP_EINVAL, "line %zu: subject and successor are needed",
				record->line);
	if (plan->len == PLAN_MAX)
		return rep_fail(err, REP_ELIMIT, "more than %u lines", PLAN_MAX);
	grown = reallocarray(plan->lines, plan->len + 1, sizeof *grown);
	if (!grown)
		return rep_fail(err, REP_ENOMEM, "no memory");
	plan->lines = grown;
	grown[plan->len++] = heir;
	return REP_OK;
}

static enum rep_code read_plan(struct cli *cli, const char *path, struct plan *plan,
			       struct rep_error *err)
{
	const struct rep_csv_options options = {.encoding = NULL};
	struct rep_csv_record record;
	struct columns columns;
	struct rep_csv *csv = NULL;
	bool more = true;
	enum rep_code rc = rep_csv_open(&csv, path, &options, err);

	for (size_t n = 0; !rc && more; n++) {
		rc = rep_csv_next(csv, &record, &more, err);
		if (!rc && more)
			rc = n == 0 ? read_head(&record, &columns, err)
				    : add_line(cli, plan, &columns, &record, err);
	}
	rep_csv_close(csv);
	return rep_wrap(err, rc, "%s", path);
}

static void print_report(const struct cli *cli, const struct rep_json *report)
{
	static const struct cli_column members[] = {
		{"rep", "人员", "rep", false},
		{"name", "姓名", "name", false},
		{"effective", "起", "effective", false},
		{"records", "名下记录", "records held", false},
	};
	static const struct cli_column successors[] = {
		{"rep", "接手人", "successor", false},
		{"name", "姓名", "name", false},
		{"records", "记录", "records", false},
	};
	static const struct cli_column devices[] = {
		{"device", "设备", "device", false},
		{"state", "状态", "state", false},
		{"left", "停用进度", "left", false},
		{"seq", "已合并", "merged", true},
		{"late_final", "末次收下", "late", true},
		{"rejected", "之后被拒", "rejected", true},
		{"held", "等待", "held", true},
		{"quarantined", "隔离", "quarantined", true},
		{"last_contact", "上次联系", "last contact", false},
		{"stale", "可能有未知编辑", "unseen edits possible", false},
	};
	static const struct cli_column reads[] = {
		{"device", "设备", "device", false},   {"stamp", "时间", "when", false},
		{"command", "命令", "command", false}, {"query", "查询", "query", false},
		{"rows", "行数", "rows read", true},
	};
	struct rep_json *told = rep_json_dup(report);
	struct rep_json *rows = rep_json_get(told, "successors");

	cli_spell_records(told);
	for (size_t i = 0; i < rep_json_size(rows); i++)
		cli_spell_records(rep_json_at(rows, i));
	cli_members(cli, told, members, sizeof members / sizeof *members);
	cli_table(cli, rows, successors, sizeof successors / sizeof *successors);
	cli_table(cli, rep_json_get(told, "devices"), devices, sizeof devices / sizeof *devices);
	if (rep_json_size(rep_json_get(told, "large_reads")))
		cli_table(cli, rep_json_get(told, "large_reads"), reads,
			  sizeof reads / sizeof *reads);
	rep_json_free(told);
}

static enum rep_code read_options(struct cli *cli, int argc, char **argv,
				  struct rep_hub_offboard *asked, struct plan *plan,
				  struct rep_error *err)
{
	static const char *const names[] = {"REP"};
	const char *file = NULL;
	const struct cli_option options[] = {
		{.name = "successor", .text = &asked->successor},
		{.name = "plan", .path = &file},
		{.name = "at", .text = &asked->at},
		{.name = "preview", .flag = &asked->preview},
		{.name = "message", .letter = 'm', .text = &asked->reason},
	};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 5, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)) || (rc = cli_time(cli, "--at", &asked->at, err)))
		return rc;
	if (!asked->successor == !file)
		return cli_usage(cli, err, "either --successor REP or --plan FILE");
	if (!asked->preview && (!asked->reason || !*asked->reason))
		return cli_usage(cli, err, "-m REASON is missing");
	asked->rep = cli->args[0];
	if (file)
		rc = read_plan(cli, file, plan, err);
	asked->plan = plan->lines;
	asked->plan_len = plan->len;
	return rc;
}

enum rep_code cmd_hub_offboard(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct rep_hub_offboard asked = {.rep = NULL};
	struct plan plan = {.len = 0};
	struct rep_json *report = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc = read_options(cli, argc, argv, &asked, &plan, err);

	if (!rc)
		rc = cli_hub(cli, &hub, asked.preview, err);
	if (!rc)
		rc = rep_hub_offboard(hub, &asked, cli_now_ms(), &report, err);
	if (!rc && cli->json)
		cli_json(report);
	else if (!rc)
		print_report(cli, report);
	rep_json_free(report);
	rep_hub_close(hub);
	free(plan.lines);
	return rc;
}

/* ---- exit-statement ---- */

#define STATEMENT_MAX (1u << 20)

static enum rep_code check_statement(struct cli *cli, const char *path, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(STATEMENT_MAX);
	struct rep_json *document = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc = rep_file_read(&text, path, err);

	if (!rc)
		rc = cli_hub(cli, &hub, true, err);
	if (!rc)
		rc = rep_hub_check_exit(hub, rep_buf_str(&text), text.len, &document, err);
	if (!rc && cli->json)
		cli_json(document);
	else if (!rc)
		cli_say(cli,
			cli->chinese ? "有效: %s 的离职证明, %.10s 签发"
				     : "valid: exit statement of %s, issued on %.10s",
			rep_json_get_string(document, "rep"),
			rep_json_get_string(document, "issued"));
	rep_json_free(document);
	rep_buf_clear(&text);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_exit_statement(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"REP"};
	const char *out = NULL, *check = NULL;
	const struct cli_option options[] = {{.name = "out", .path = &out},
					     {.name = "check", .path = &check}};
	struct rep_buf text = REP_BUF_INIT(STATEMENT_MAX);
	struct cli_access access;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 2, err)))
		return rc;
	if (check)
		return (rc = cli_args(cli, 0, 0, NULL, err)) ? rc
							     : check_statement(cli, check, err);
	if ((rc = cli_args(cli, 1, 1, names, err)) || (rc = cli_hub(cli, &hub, true, err)))
		return rc;
	if (!(rc = cli_access_begin(&access, cli, hub, NULL, argc, argv, err))) {
		rc = rep_hub_exit_statement(hub, cli->args[0], cli_now_ms(), &text, err);
		rc = cli_access_end(&access, rc, 1, err);
	}
	if (!rc && out)
		rc = rep_file_write(out, text.data, text.len, 0600, err);
	else if (!rc)
		fwrite(text.data, 1, text.len, stdout);
	rep_buf_clear(&text);
	rep_hub_close(hub);
	return rc;
}

/* ---- exposure ---- */

static void print_exposure(const struct cli *cli, const struct rep_json *exposure, bool records)
{
	static const struct cli_column devices[] = {
		{"device", "设备", "device", false}, {"rep", "人员", "rep", false},
		{"state", "状态", "state", false},   {"erased", "已擦除", "erased", false},
		{"views", "视图", "views", true},    {"first", "自", "since", false},
		{"last", "至", "until", false},
	};
	static const struct cli_column entities[] = {
		{"entity", "实体", "entity", false},
		{"class", "可见级", "class", false},
		{"records", "曾持有", "held or held once", true},
		{"held", "现持有", "held", true},
	};
	static const struct cli_column fields[] = {
		{"entity", "实体", "entity", false},
		{"class", "可见级", "class", false},
		{"field", "字段", "field", false},
		{"personal", "个人信息级", "personal", true},
	};
	static const struct cli_column rows[] = {
		{"device", "设备", "device", false}, {"entity", "实体", "entity", false},
		{"id", "编号", "id", false},         {"class", "可见级", "class", false},
		{"first", "自", "since", false},     {"last", "最后变动", "last change", false},
		{"held", "现持有", "held", false},
	};

	cli_table(cli, rep_json_get(exposure, "devices"), devices,
		  sizeof devices / sizeof *devices);
	cli_table(cli, rep_json_get(exposure, "entities"), entities,
		  sizeof entities / sizeof *entities);
	cli_table(cli, rep_json_get(exposure, "fields"), fields, sizeof fields / sizeof *fields);
	if (records)
		cli_table(cli, rep_json_get(exposure, "records"), rows, sizeof rows / sizeof *rows);
}

enum rep_code cmd_hub_exposure(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"REP or DEVICE"};
	bool records = false;
	const struct cli_option options[] = {{.name = "records", .flag = &records}};
	struct rep_json *exposure = NULL;
	struct cli_access access;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)) || (rc = cli_hub(cli, &hub, true, err)))
		return rc;
	if (!(rc = cli_access_begin(&access, cli, hub, NULL, argc, argv, err))) {
		rc = rep_hub_exposure(hub, cli->args[0], &exposure, err);
		rc = cli_access_end(&access, rc,
				    (int64_t)rep_json_size(rep_json_get(exposure, "records")), err);
	}
	if (!rc && cli->json)
		cli_json(exposure);
	else if (!rc)
		print_exposure(cli, exposure, records);
	rep_json_free(exposure);
	rep_hub_close(hub);
	return rc;
}
