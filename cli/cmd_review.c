/* inbox, conflicts, resolve: on a replica and at the hub. */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/record.h"
#include "core/store/edit.h"
#include "core/store/query.h"

static const char *const kinds[] = {"conflict", "proposal", "duplicate", "rejection", "claim"};
#define KINDS (sizeof kinds / sizeof *kinds)

struct inbox {
	const char *kind;
	bool all;
};

static enum rep_code inbox_options(struct cli *cli, int argc, char **argv, struct inbox *inbox,
				   struct rep_error *err)
{
	const struct cli_option options[] = {{.name = "kind", .text = &inbox->kind},
					     {.name = "all", .flag = &inbox->all}};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 2, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)))
		return rc;
	return inbox->kind ? cli_one_of(cli, "--kind", inbox->kind, kinds, KINDS, err) : REP_OK;
}

static void print_items(const struct cli *cli, const struct rep_json *items)
{
	if (cli->json)
		cli_json(items);
	else if (rep_json_size(items) == 0)
		cli_say(cli, "%s", cli->chinese ? "没有待办" : "nothing waits");
	else
		cli_items(cli, items);
}

static enum rep_code replica_inbox(struct cli *cli, const struct inbox *inbox,
				   struct rep_error *err)
{
	struct rep_replica *replica = NULL;
	struct rep_json *items = NULL;
	enum rep_code rc;

	rc = cli_replica(cli, &replica, true, true, err);
	if (!rc)
		rc = rep_query_inbox(replica, inbox->kind, inbox->all, &items, err);
	if (!rc)
		print_items(cli, items);
	rep_json_free(items);
	rep_replica_close(replica);
	return rc;
}

enum rep_code cmd_inbox(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct inbox inbox = {0};
	enum rep_code rc = inbox_options(cli, argc, argv, &inbox, err);

	return rc ? rc : replica_inbox(cli, &inbox, err);
}

enum rep_code cmd_conflicts(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct inbox inbox = {.kind = "conflict"};
	const struct cli_option options[] = {{.name = "all", .flag = &inbox.all}};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)))
		return rc;
	return replica_inbox(cli, &inbox, err);
}

enum rep_code cmd_hub_inbox(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct inbox inbox = {0};
	struct rep_hub *hub = NULL;
	struct rep_json *items = NULL;
	enum rep_code rc;

	rc = inbox_options(cli, argc, argv, &inbox, err);
	if (!rc)
		rc = cli_hub(cli, &hub, true, err);
	if (!rc)
		rc = rep_hub_inbox(hub, inbox.kind, inbox.all, &items, err);
	if (!rc)
		print_items(cli, items);
	rep_json_free(items);
	rep_hub_close(hub);
	return rc;
}

static enum rep_code resolve_options(struct cli *cli, int argc, char **argv, const char **reason,
				     struct rep_error *err)
{
	static const char *const names[] = {"ITEM", "CHOICE"};
	const struct cli_option options[] = {{.name = "message", .letter = 'm', .text = reason}};
	enum rep_code rc = cli_options(cli, argc, argv, options, 1, err);

	return rc ? rc : cli_args(cli, 2, 2, names, err);
}

enum rep_code cmd_resolve(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct rep_replica *replica = NULL;
	const char *reason = NULL;
	enum rep_code rc;

	rc = resolve_options(cli, argc, argv, &reason, err);
	if (!rc)
		rc = cli_replica(cli, &replica, false, true, err);
	if (!rc)
		rc = rep_resolve(replica, cli->args[0], cli->args[1], reason, err);
	rep_replica_close(replica);
	return rc;
}

enum rep_code cmd_hub_resolve(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	const char *reason = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	rc = resolve_options(cli, argc, argv, &reason, err);
	if (!rc)
		rc = cli_hub(cli, &hub, false, err);
	if (!rc)
		rc = rep_hub_resolve(hub, cli->args[0], cli->args[1], reason, cli_now_ms(), err);
	rep_hub_close(hub);
	return rc;
}

struct merging {
	const char *into, *reason;
};

static enum rep_code merge_options(struct cli *cli, int argc, char **argv, struct merging *merging,
				   bool into, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID"};
	const struct cli_option options[] = {
		{.name = "message", .letter = 'm', .text = &merging->reason},
		{.name = "into", .text = &merging->into},
	};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, into ? 2 : 1, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)))
		return rc;
	if (into && !merging->into)
		return cli_usage(cli, err, "--into is missing");
	if (!merging->reason || !*merging->reason)
		return cli_usage(cli, err, "-m REASON is missing");
	return REP_OK;
}

enum rep_code cmd_hub_merge_records(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct merging merging = {0};
	struct rep_hub *hub = NULL;
	enum rep_code rc = merge_options(cli, argc, argv, &merging, true, err);

	if (!rc)
		rc = cli_hub(cli, &hub, false, err);
	if (!rc)
		rc = rep_hub_merge_records(hub, cli->args[0], cli->args[1], merging.into,
					   merging.reason, cli_now_ms(), err);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_unmerge(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct merging merging = {0};
	struct rep_hub *hub = NULL;
	enum rep_code rc = merge_options(cli, argc, argv, &merging, false, err);

	if (!rc)
		rc = cli_hub(cli, &hub, false, err);
	if (!rc)
		rc = rep_hub_unmerge(hub, cli->args[0], cli->args[1], merging.reason, cli_now_ms(),
				     err);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_merge_records(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct merging merging = {0};
	struct rep_replica *replica = NULL;
	enum rep_code rc = merge_options(cli, argc, argv, &merging, true, err);

	if (!rc)
		rc = cli_replica(cli, &replica, false, true, err);
	if (!rc)
		rc = rep_merge_records(replica, cli->args[0], cli->args[1], merging.into,
				       merging.reason, err);
	rep_replica_close(replica);
	return rc;
}

enum rep_code cmd_unmerge(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct merging merging = {0};
	struct rep_replica *replica = NULL;
	enum rep_code rc = merge_options(cli, argc, argv, &merging, false, err);

	if (!rc)
		rc = cli_replica(cli, &replica, false, true, err);
	if (!rc)
		rc = rep_unmerge(replica, cli->args[0], cli->args[1], merging.reason, err);
	rep_replica_close(replica);
	return rc;
}
