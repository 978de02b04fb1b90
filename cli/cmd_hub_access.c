/* hub access: who asked for what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/access.h"
#include "cli/options.h"
#include "cli/output.h"

struct wanted {
	const char *user, *rep, *command, *since, *until;
	struct rep_json *rows;
	struct rep_json *by_n; /* "n" -> the row of the first entry */
};

static bool is(const char *wanted, const char *text)
{
	return !wanted || (text && strcmp(wanted, text) == 0);
}

static bool fits(const struct wanted *wanted, const struct rep_json *entry)
{
	const char *time = rep_json_get_string(entry, "time");

	return is(wanted->user, rep_json_get_string(entry, "user")) &&
	       is(wanted->rep, rep_json_get_string(entry, "rep")) &&
	       is(wanted->command, rep_json_get_string(entry, "command")) &&
	       (!wanted->since || strcmp(time, wanted->since) >= 0) &&
	       (!wanted->until || strcmp(time, wanted->until) < 0);
}

/* A second entry tells how many rows the first one got. */
static enum rep_code on_entry(void *user, const struct rep_json *entry, struct rep_error *err)
{
	static const char *const told[] = {"n", "time", "user", "rep", "command", "args", "rows"};
	struct wanted *wanted = user;
	const int64_t asked = rep_json_get_integer(entry, "asked");
	struct rep_json *row;
	char key[32];
	bool good = true;

	snprintf(key, sizeof key, "%lld",
		 (long long)(asked ? asked : rep_json_get_integer(entry, "n")));
	if (asked) {
		row = rep_json_ref(rep_json_get(wanted->by_n, key));
		good = !row || rep_json_set(row, "rows", rep_json_ref(rep_json_get(entry, "rows")));
		rep_json_free(row);
		return good ? REP_OK : rep_fail(err, REP_ENOMEM, "no memory");
	}
	if (!fits(wanted, entry))
		return REP_OK;
	row = rep_json_object();
	for (size_t i = 0; good && i < sizeof told / sizeof *told; i++)
		good = rep_json_set(row, told[i], rep_json_ref(rep_json_get(entry, told[i])));
	good = good && rep_json_set(wanted->by_n, key, rep_json_ref(row)) &&
	       rep_json_append(wanted->rows, rep_json_ref(row));
	rep_json_free(row);
	return good ? REP_OK : rep_fail(err, REP_ENOMEM, "no memory");
}

static void print(const struct cli *cli, const struct rep_json *rows)
{
	static const struct cli_column columns[] = {
		{"n", "序号", "n", true},
		{"time", "时间", "time", false},
		{"user", "系统用户", "user", false},
		{"rep", "人员", "rep", false},
		{"command", "命令", "command", false},
		{"args", "参数", "arguments", false},
		{"rows", "行数", "rows", true},
	};

	if (cli->json)
		cli_json(rows);
	else
		cli_table(cli, rows, columns, sizeof columns / sizeof *columns);
}

enum rep_code cmd_hub_access(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct wanted wanted = {.rows = rep_json_array(), .by_n = rep_json_object()};
	const char *as = NULL;
	const struct cli_option options[] = {
		{.name = "user", .text = &wanted.user},
		{.name = "rep", .text = &wanted.rep},
		{.name = "command", .text = &wanted.command},
		{.name = "since", .text = &wanted.since},
		{.name = "until", .text = &wanted.until},
		{.name = "as", .text = &as},
	};
	struct rep_hub *hub = NULL;
	struct cli_access access = {0};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, sizeof options / sizeof *options, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) ||
	    (rc = cli_time(cli, "--since", &wanted.since, err)) ||
	    (rc = cli_time(cli, "--until", &wanted.until, err)) ||
	    (rc = cli_hub(cli, &hub, true, err)) ||
	    (rc = cli_access_begin(&access, cli, hub, as, argc, argv, err)) ||
	    (rc = rep_access_each(hub, on_entry, &wanted, err)))
		goto out;
	print(cli, wanted.rows);
	rc = cli_access_end(&access, rc, (int64_t)rep_json_size(wanted.rows), err);
out:
	rep_json_free(wanted.rows);
	rep_json_free(wanted.by_n);
	rep_hub_close(hub);
	return rc;
}
