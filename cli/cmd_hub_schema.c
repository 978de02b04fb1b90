/* hub schema: new rules are published, and those that were are looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/base/buf.h"
#include "sync/admin/hub_schema.h"

static enum rep_code read_version(const char *text, int *out, struct rep_error *err)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*end || end == text || number < 1 || number > 1000000)
		return rep_fail(err, REP_EUSAGE, "%s is not the number of a version", text);
	*out = (int)number;
	return REP_OK;
}

static void print_changes(const struct cli *cli, const struct rep_json *changes)
{
	static const struct cli_column columns[] = {
		{"what", "变化", "change", false}, {"entity", "实体", "entity", false},
		{"field", "字段", "field", false}, {"key", "键", "key", false},
		{"old", "原值", "old", false},     {"new", "新值", "new", false},
	};

	cli_table_brief(cli, changes, columns, sizeof columns / sizeof *columns,
			sizeof columns / sizeof *columns);
}

static void print_published(const struct cli *cli, const struct rep_json *answer)
{
	static const struct cli_column members[] = {
		{"schema", "规则集", "schema", false},
		{"hash", "规则集哈希", "schema hash", false},
		{"effective", "生效时间", "effective", false},
		{"state", "状态", "state", false},
		{"records", "已检查记录", "records", false},
	};
	static const struct cli_column columns[] = {
		{"code", "原因", "code", false},     {"file", "文件", "file", false},
		{"entity", "实体", "entity", false}, {"field", "字段", "field", false},
		{"what", "内容", "what", false},
	};
	const struct rep_json *problems = rep_json_get(answer, "problems");

	cli_members(cli, answer, members, sizeof members / sizeof *members);
	print_changes(cli, rep_json_get(answer, "changes"));
	if (rep_json_size(problems))
		cli_table_brief(cli, problems, columns, sizeof columns / sizeof *columns,
				sizeof columns / sizeof *columns);
}

static enum rep_code publish(struct cli *cli, const char *effective, bool check,
			     struct rep_error *err)
{
	struct rep_hub_publish_schema options = {.check = check, .now_ms = cli_now_ms()};
	struct rep_json *answer = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc = REP_OK;

	options.dir = cli->raw[1];
	if (effective && strcmp(effective, "now") != 0) {
		rc = cli_time(cli, "effective", &effective, err);
		options.effective = effective;
	}
	if (rc == REP_OK)
		rc = cli_hub(cli, &hub, check, err);
	if (rc == REP_OK)
		rc = rep_hub_schema_publish(hub, &options, &answer, err);
	if (rc == REP_OK && cli->json)
		cli_json(answer);
	else if (rc == REP_OK)
		print_published(cli, answer);
	if (rc == REP_OK && !rep_json_get_bool(answer, "ok"))
		rc = rep_fail(err, REP_EINVAL, "%s may not be published", cli->raw[1]);
	rep_json_free(answer);
	rep_hub_close(hub);
	return rc;
}

static enum rep_code list(struct cli *cli, struct rep_error *err)
{
	static const struct cli_column columns[] = {
		{"schema", "规则集", "schema", false},
		{"since", "生效时间", "since", false},
		{"state", "状态", "state", false},
		{"hash", "规则集哈希", "hash", false},
	};
	struct rep_json *rows = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc = cli_hub(cli, &hub, true, err);

	if (rc == REP_OK)
		rc = rep_hub_schema_list(hub, &rows, err);
	if (rc == REP_OK && cli->json)
		cli_json(rows);
	else if (rc == REP_OK)
		cli_table_brief(cli, rows, columns, sizeof columns / sizeof *columns,
				sizeof columns / sizeof *columns);
	rep_json_free(rows);
	rep_hub_close(hub);
	return rc;
}

static enum rep_code show_file(struct rep_hub *hub, int version, const char *path,
			       struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	enum rep_code rc = rep_hub_schema_file(hub, version, path, &text, err);

	if (rc == REP_OK)
		fwrite(text.data, 1, text.len, stdout);
	rep_buf_clear(&text);
	return rc;
}

static enum rep_code show(struct cli *cli, struct rep_error *err)
{
	static const struct cli_column members[] = {
		{"schema", "规则集", "schema", false},
		{"hash", "规则集哈希", "schema hash", false},
		{"since", "生效时间", "since", false},
		{"state", "状态", "state", false},
	};
	static const struct cli_column columns[] = {
		{"path", "文件", "file", false},
		{"size", "字节", "bytes", true},
	};
	struct rep_json *answer = NULL;
	struct rep_hub *hub = NULL;
	int version = 0;
	enum rep_code rc = cli->args_len > 1 ? read_version(cli->args[1], &version, err) : REP_OK;

	if (rc == REP_OK)
		rc = cli_hub(cli, &hub, true, err);
	if (rc == REP_OK && cli->args_len > 2)
		rc = show_file(hub, version, cli->raw[2], err);
	else if (rc == REP_OK)
		rc = rep_hub_schema_show(hub, version, &answer, err);
	if (answer && cli->json) {
		cli_json(answer);
	} else if (answer) {
		cli_members(cli, answer, members, sizeof members / sizeof *members);
		cli_table_brief(cli, rep_json_get(answer, "files"), columns,
				sizeof columns / sizeof *columns, sizeof columns / sizeof *columns);
	}
	rep_json_free(answer);
	rep_hub_close(hub);
	return rc;
}

/* The second one is a version's number, or a folder. */
static enum rep_code diff(struct cli *cli, struct rep_error *err)
{
	struct rep_error unused;
	struct rep_json *changes = NULL;
	struct rep_hub *hub = NULL;
	const char *dir = NULL;
	int from = 0, to = 0;
	enum rep_code rc = read_version(cli->args[1], &from, err);

	if (cli->args_len > 2 && read_version(cli->args[2], &to, &unused) != REP_OK)
		dir = cli->raw[2];
	if (rc == REP_OK)
		rc = cli_hub(cli, &hub, true, err);
	if (rc == REP_OK)
		rc = rep_hub_schema_diff(hub, from, to, dir, &changes, err);
	if (rc == REP_OK && cli->json)
		cli_json(changes);
	else if (rc == REP_OK)
		print_changes(cli, changes);
	rep_json_free(changes);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_schema(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"publish|list|show|diff", "DIR|VERSION", "FILE"};
	const char *effective = NULL;
	bool check = false;
	const struct cli_option table[] = {
		{.name = "effective", .text = &effective},
		{.name = "check", .flag = &check},
	};
	bool is_publish;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, table, sizeof table / sizeof *table, err)) ||
	    (rc = cli_args(cli, 1, 3, names, err)))
		return rc;
	is_publish = strcmp(cli->args[0], "publish") == 0;
	if (!is_publish && (effective || check))
		return rep_fail(err, REP_EUSAGE, "--effective and --check go with publish");
	if (is_publish && cli->args_len == 2)
		return publish(cli, effective, check, err);
	if (strcmp(cli->args[0], "list") == 0 && cli->args_len == 1)
		return list(cli, err);
	if (strcmp(cli->args[0], "show") == 0)
		return show(cli, err);
	if (strcmp(cli->args[0], "diff") == 0 && cli->args_len >= 2)
		return diff(cli, err);
	return rep_fail(err, REP_EUSAGE,
			"publish DIR, list, show [VERSION [FILE]], or diff VERSION [VERSION|DIR]");
}
