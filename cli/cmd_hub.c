/* hub init, rep, territory: the company and its people. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"

#define PARTITIONS_SHOWN 6

enum rep_code cmd_hub_init(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct rep_hub_init init = {.schema_dir = NULL, .now_ms = cli_now_ms()};
	static const char *const kinds[] = {"encrypted", "plain"};
	const char *replicas = NULL;
	const struct cli_option options[] = {{.name = "schema", .path = &init.schema_dir},
					     {.name = "company", .text = &init.company},
					     {.name = "replicas", .text = &replicas}};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 3, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)))
		return rc;
	if (replicas && (rc = cli_one_of(cli, "--replicas", replicas, kinds, 2, err)))
		return rc;
	init.encrypted = !replicas || strcmp(replicas, "encrypted") == 0;
	if (!init.schema_dir)
		init.schema_dir = cli_schema_dir();
	rc = rep_hub_init(cli->dir, &init, err);
	if (!rc)
		cli_say(cli, cli->chinese ? "中枢已建立: %s" : "the hub stands in %s", cli->dir);
	if (!rc)
		cli_say(cli,
			cli->chinese ? "请把 %s/keys/root.key%s 移到保险柜,不要留在中枢上"
				     : "take %s/keys/root.key%s to a safe, off this machine",
			cli->dir,
			!init.encrypted ? ""
			: cli->chinese  ? " 和 recovery.key"
					: " and recovery.key");
	return rc;
}

static enum rep_code rep_list(struct cli *cli, struct rep_error *err)
{
	static const struct cli_column columns[] = {
		{"rep", "人员", "rep", false},
		{"name", "姓名", "name", false},
		{"role", "角色", "role", false},
		{"territories", "辖区", "territories", false},
		{"devices", "设备", "devices", false},
	};
	struct rep_hub *hub = NULL;
	struct rep_json *list = NULL;
	enum rep_code rc;

	rc = cli_hub(cli, &hub, true, err);
	if (!rc)
		rc = rep_hub_rep_list(hub, cli_now_ms(), &list, err);
	if (!rc && cli->json)
		cli_json(list);
	else if (!rc)
		cli_table_brief(cli, list, columns, sizeof columns / sizeof *columns,
				sizeof columns / sizeof *columns);
	rep_json_free(list);
	rep_hub_close(hub);
	return rc;
}

static enum rep_code rep_write(struct cli *cli, struct rep_hub_rep *rep, bool add,
			       struct rep_error *err)
{
	struct rep_hub *hub = NULL;
	enum rep_code rc = cli_hub(cli, &hub, false, err);

	if (!rc)
		rc = add ? rep_hub_rep_add(hub, rep, cli_now_ms(), err)
			 : rep_hub_rep_set(hub, rep, cli_now_ms(), err);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_rep(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"add, set or list", "REP"};
	static const char *const acts[] = {"add", "set", "list"};
	static struct cli_texts territories;
	struct rep_hub_rep rep = {0};
	const struct cli_option options[] = {{.name = "name", .text = &rep.name},
					     {.name = "role", .text = &rep.role},
					     {.name = "territory", .texts = &territories},
					     {.name = "assist", .flag = &rep.assist}};
	enum rep_code rc;
	bool add;

	if ((rc = cli_options(cli, argc, argv, options, 4, err)) ||
	    (rc = cli_args(cli, 1, 2, names, err)) ||
	    (rc = cli_one_of(cli, "argument", cli->args[0], acts, 3, err)))
		return rc;
	if (strcmp(cli->args[0], "list") == 0)
		return (rc = cli_args(cli, 1, 1, names, err)) ? rc : rep_list(cli, err);
	if ((rc = cli_args(cli, 2, 2, names, err)))
		return rc;
	add = strcmp(cli->args[0], "add") == 0;
	if (add && !rep.name)
		return cli_usage(cli, err, "--name is missing");
	if (!add && !rep.name && !rep.role && territories.len == 0)
		return cli_usage(cli, err, "nothing to set");
	rep.rep = cli->args[1];
	rep.territories = territories.texts;
	rep.territories_len = territories.len;
	return rep_write(cli, &rep, add, err);
}

/* The holders of a kind as names, and long lists of partitions as their number. */
static struct rep_json *territory_row(const struct rep_json *territory)
{
	struct rep_json *row = rep_json_dup(territory), *reps;
	const struct rep_json *holders = rep_json_get(territory, "holders");
	size_t partitions = rep_json_size(rep_json_get(territory, "partitions"));
	static const char *const kinds[] = {"primary", "assist"};

	for (size_t k = 0; k < 2; k++) {
		reps = rep_json_array();
		for (size_t i = 0; i < rep_json_size(holders); i++) {
			const struct rep_json *holder = rep_json_at(holders, i);
			const char *kind = rep_json_get_string(holder, "kind");

			if (kind && strcmp(kind, kinds[k]) == 0)
				rep_json_append(reps, rep_json_ref(rep_json_get(holder, "rep")));
		}
		rep_json_set(row, kinds[k], reps);
	}
	if (partitions > PARTITIONS_SHOWN)
		rep_json_set_integer(row, "partitions", (int64_t)partitions);
	return row;
}

static enum rep_code territory_list(struct cli *cli, struct rep_error *err)
{
	static const struct cli_column columns[] = {
		{"territory", "辖区", "territory", false},
		{"name", "名称", "name", false},
		{"parent", "上级", "parent", false},
		{"partitions", "分区", "partitions", false},
		{"primary", "主责", "primary", false},
		{"assist", "协同", "assist", false},
	};
	struct rep_hub *hub = NULL;
	struct rep_json *list = NULL, *rows = NULL;
	enum rep_code rc;

	rc = cli_hub(cli, &hub, true, err);
	if (!rc)
		rc = rep_hub_territory_list(hub, cli_now_ms(), &list, err);
	if (!rc)
		rows = rep_json_array();
	for (size_t i = 0; !rc && i < rep_json_size(list); i++)
		rep_json_append(rows, territory_row(rep_json_at(list, i)));
	if (!rc && cli->json)
		cli_json(list);
	else if (!rc)
		cli_table_brief(cli, rows, columns, sizeof columns / sizeof *columns,
				sizeof columns / sizeof *columns);
	rep_json_free(rows);
	rep_json_free(list);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_territory(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"set, add, remove or list", "T"};
	static const char *const acts[] = {"set", "add", "remove", "list"};
	static struct cli_texts partitions;
	const char *name = NULL, *parent = NULL;
	const struct cli_option options[] = {{.name = "name", .text = &name},
					     {.name = "parent", .text = &parent},
					     {.name = "partition", .texts = &partitions}};
	enum rep_territory_act act = REP_TERRITORY_SET;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 3, err)) ||
	    (rc = cli_args(cli, 1, 2, names, err)) ||
	    (rc = cli_one_of(cli, "argument", cli->args[0], acts, 4, err)))
		return rc;
	if (strcmp(cli->args[0], "list") == 0)
		return (rc = cli_args(cli, 1, 1, names, err)) ? rc : territory_list(cli, err);
	if ((rc = cli_args(cli, 2, 2, names, err)))
		return rc;
	if (strcmp(cli->args[0], "set") != 0)
		act = strcmp(cli->args[0], "add") == 0 ? REP_TERRITORY_ADD : REP_TERRITORY_REMOVE;
	rc = cli_hub(cli, &hub, false, err);
	if (!rc)
		rc = rep_hub_territory(hub, act, cli->args[1], name, parent, partitions.texts,
				       partitions.len, cli_now_ms(), err);
	rep_hub_close(hub);
	return rc;
}
