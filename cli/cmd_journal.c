/* commit, log, show: the own change sets. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/store/journal.h"
#include "core/store/query.h"

enum rep_code cmd_commit(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	const char *reason = NULL;
	const struct cli_option options[] = {{.name = "message", .letter = 'm', .text = &reason}};
	struct rep_replica *replica = NULL;
	struct rep_json *answer;
	int64_t sealed = 0;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)))
		return rc;
	if (!reason || !*reason)
		return cli_usage(cli, err, "-m REASON is missing");
	if ((rc = cli_replica(cli, &replica, false, true, err)))
		return rc;
	rc = rep_seal(replica, cli_now_ms(), reason, &sealed, err);
	if (!rc && cli->json) {
		answer = rep_json_object();
		rep_json_set_integer(answer, "sealed", sealed);
		cli_json(answer);
		rep_json_free(answer);
	} else if (!rc) {
		cli_say(cli, cli->chinese ? "封存变更集: %" PRId64 : "change sets sealed: %" PRId64,
			sealed);
	}
	rep_replica_close(replica);
	return rc;
}

enum rep_code cmd_log(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const struct cli_column columns[] = {{"seq", "序号", "seq", true},
						    {"sealed", "封存时间", "sealed", false},
						    {"state", "状态", "state", false},
						    {"changes", "变更数", "changes", true},
						    {"reason", "原因", "reason", false}};
	struct rep_replica *replica = NULL;
	struct rep_json *sets = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) ||
	    (rc = cli_replica(cli, &replica, true, false, err)) ||
	    (rc = rep_query_log(replica, &sets, err)))
		goto out;
	if (cli->json)
		cli_json(sets);
	else
		cli_table(cli, sets, columns, 5);
out:
	rep_json_free(sets);
	rep_replica_close(replica);
	return rc;
}

static void print_set(const struct cli *cli, const struct rep_json *set)
{
	static const struct cli_column members[] = {
		{"seq", "序号", "seq", true},      {"device", "设备", "device", false},
		{"rep", "人员", "rep", false},     {"sealed", "封存时间", "sealed", false},
		{"state", "状态", "state", false}, {"reason", "原因", "reason", false},
		{"hash", "散列", "hash", false},
	};
	static const struct cli_column columns[] = {
		{"stamp", "时间戳", "stamp", false},   {"op", "操作", "op", false},
		{"entity", "实体", "entity", false},   {"id", "编号", "id", false},
		{"outcome", "结果", "outcome", false}, {"values", "值", "values", false},
	};

	cli_members(cli, set, members, sizeof members / sizeof *members);
	cli_table(cli, rep_json_get(set, "changes"), columns, sizeof columns / sizeof *columns);
}

enum rep_code cmd_show(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"SEQ"};
	struct rep_replica *replica = NULL;
	struct rep_json *set = NULL;
	enum rep_code rc;
	long long seq;
	char *end;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)))
		return rc;
	seq = strtoll(cli->args[0], &end, 10);
	if (*end || end == cli->args[0] || seq < 1)
		return cli_usage(cli, err, "%s is not the number of a change set", cli->args[0]);
	if ((rc = cli_replica(cli, &replica, true, false, err)) ||
	    (rc = rep_query_show(replica, seq, &set, err)))
		goto out;
	if (cli->json)
		cli_json(set);
	else
		print_set(cli, set);
out:
	rep_json_free(set);
	rep_replica_close(replica);
	return rc;
}
