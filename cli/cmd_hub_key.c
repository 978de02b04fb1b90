/* hub key roll: a new key for the hub. */
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "sync/admin/hub_roll.h"

static void tell(const struct cli *cli, const struct rep_json *out)
{
	cli_say(cli,
		cli->chinese
			? "中枢密钥已更换(第 %lld 次)。各设备在下次同步时跟随。请立即 hub backup: "
			  "更换之前的备份不再能继续。root.key 请放回保险柜。"
			: "the hub has a new key (number %lld); each device follows with its next sync. "
			  "Make a backup now: one from before is not gone on from. Take root.key back to "
			  "its safe.",
		(long long)rep_json_get_integer(out, "number"));
}

enum rep_code cmd_hub_key(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"roll"};
	static const char *const acts[] = {"roll"};
	const char *root = NULL;
	const struct cli_option options[] = {{.name = "root", .path = &root}};
	struct rep_json *out = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)) ||
	    (rc = cli_one_of(cli, "argument", cli->args[0], acts, 1, err)))
		return rc;
	if (!root)
		return cli_usage(cli, err, "--root FILE is missing");
	rc = rep_hub_key_roll(cli->dir, root, cli_now_ms(), &out, err);
	if (!rc && cli->json)
		cli_json(out);
	else if (!rc)
		tell(cli, out);
	rep_json_free(out);
	return rc;
}
