/* reassign and hub reassign: accounts and records change hands. */
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/store/reassign.h"
#include "sync/admin/reassign.h"

struct asked {
	struct rep_reassign reassign;
	bool preview;
};

static enum rep_code read_options(struct cli *cli, int argc, char **argv, struct asked *asked,
				  struct rep_error *err)
{
	static const char *const names[] = {"PARTITION or ID"};
	struct rep_reassign *reassign = &asked->reassign;
	const struct cli_option options[] = {
		{.name = "record", .text = &reassign->entity},
		{.name = "to", .text = &reassign->to},
		{.name = "from-time", .text = &reassign->from_time},
		{.name = "preview", .flag = &asked->preview},
		{.name = "message", .letter = 'm', .text = &reassign->reason},
	};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 5, err)) ||
	    (rc = cli_args(cli, 1, CLI_TEXTS_MAX, names, err)) ||
	    (rc = cli_time(cli, "--from-time", &reassign->from_time, err)))
		return rc;
	if (!reassign->to)
		return cli_usage(cli, err, "--to is missing");
	if (!asked->preview && (!reassign->reason || !*reassign->reason))
		return cli_usage(cli, err, "-m REASON is missing");
	reassign->ids = cli->args;
	reassign->len = cli->args_len;
	return REP_OK;
}

/* {"after":"E0012","before":"E0007"} as "E0007 → E0012". */
static void say_primary(struct rep_json *row)
{
	const struct rep_json *primary = rep_json_get(row, "primary");
	const char *before = rep_json_get_string(primary, "before");
	const char *after = rep_json_get_string(primary, "after");
	struct rep_buf text = REP_BUF_INIT(512);

	rep_buf_printf(&text, "%s → %s", before ? before : "-", after ? after : "-");
	rep_json_set_string(row, "primary", rep_buf_str(&text));
	rep_buf_clear(&text);
}

/* The answer with its objects as texts. */
static struct rep_json *as_texts(const struct rep_json *told)
{
	struct rep_json *out = rep_json_dup(told);
	struct rep_json *subjects = rep_json_get(out, "subjects");

	cli_spell_records(out);
	for (size_t i = 0; i < rep_json_size(subjects); i++) {
		cli_spell_records(rep_json_at(subjects, i));
		say_primary(rep_json_at(subjects, i));
	}
	return out;
}

static void print(const struct cli *cli, const struct rep_json *answer)
{
	static const struct cli_column subjects[] = {
		{"entity", "实体", "entity", false},   {"id", "编号", "id", false},
		{"from", "原辖区", "from", false},     {"primary", "主责", "primary", false},
		{"records", "记录", "records", false}, {"unchanged", "不变", "unchanged", false},
	};
	static const struct cli_column members[] = {
		{"from_time", "起", "from", false},
		{"to", "新辖区", "to", false},
		{"records", "记录合计", "records", false},
	};
	static const struct cli_column people[] = {{"rep", "人员", "rep", false},
						   {"name", "姓名", "name", false},
						   {"part", "变化", "change", false}};
	static const struct cli_column devices[] = {
		{"device", "设备", "device", false},
		{"rep", "人员", "rep", false},
		{"last_contact", "上次联系", "last contact", false},
		{"unmerged", "未合并", "unmerged", false},
		{"stale", "久未联系", "stale", false},
	};
	static const char *const parts[][3] = {{"losing", "失去", "loses"},
					       {"gaining", "得到", "gains"}};
	struct rep_json *rows = rep_json_array(), *told = as_texts(answer);

	cli_members(cli, told, members, sizeof members / sizeof *members);
	cli_table(cli, rep_json_get(told, "subjects"), subjects,
		  sizeof subjects / sizeof *subjects);
	for (size_t i = 0; i < 2; i++) {
		const struct rep_json *list = rep_json_get(told, parts[i][0]);

		for (size_t k = 0; k < rep_json_size(list); k++) {
			struct rep_json *row = rep_json_dup(rep_json_at(list, k));

			rep_json_set_string(row, "part", parts[i][cli->chinese ? 1 : 2]);
			rep_json_append(rows, row);
		}
	}
	if (rep_json_size(rows))
		cli_table(cli, rows, people, sizeof people / sizeof *people);
	if (rep_json_size(rep_json_get(told, "devices")))
		cli_table(cli, rep_json_get(told, "devices"), devices,
			  sizeof devices / sizeof *devices);
	rep_json_free(told);
	rep_json_free(rows);
}

static void answer(const struct cli *cli, const struct asked *asked, struct rep_json *told)
{
	rep_json_set(told, "preview", rep_json_bool(asked->preview));
	if (cli->json)
		cli_json(told);
	else
		print(cli, told);
}

enum rep_code cmd_hub_reassign(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct asked asked = {0};
	struct rep_json *told = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc = read_options(cli, argc, argv, &asked, err);

	if (!rc)
		rc = cli_hub(cli, &hub, asked.preview, err);
	if (!rc)
		rc = rep_hub_reassign(hub, &asked.reassign, asked.preview, cli_now_ms(), &told,
				      err);
	if (!rc)
		answer(cli, &asked, told);
	rep_json_free(told);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_reassign(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct asked asked = {0};
	struct rep_json *told = NULL;
	struct rep_replica *replica = NULL;
	enum rep_code rc = read_options(cli, argc, argv, &asked, err);

	if (!rc)
		rc = cli_replica(cli, &replica, asked.preview, true, err);
	if (!rc)
		rc = rep_reassign(replica, &asked.reassign, asked.preview, cli_now_ms(), &told,
				  err);
	if (!rc)
		answer(cli, &asked, told);
	if (!rc && !asked.preview)
		cli_say(cli, cli->chinese ? "待中枢合并后生效: sync"
					  : "a request until the hub has merged it: sync");
	rep_json_free(told);
	rep_replica_close(replica);
	return rc;
}
