/* hub subject export: all that is held on one person. */
#include <string.h>

#include "cli/access.h"
#include "cli/options.h"
#include "cli/output.h"
#include "sync/audit/subject.h"

enum rep_code cmd_hub_subject(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"export", "ENTITY", "ID"};
	const char *as = NULL;
	const struct cli_option options[] = {{.name = "as", .text = &as}};
	const struct rep_entity *entity;
	struct rep_json *subject = NULL;
	struct rep_hub *hub = NULL;
	struct cli_access access;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 3, 3, names, err)))
		return rc;
	if (strcmp(cli->args[0], "export") != 0)
		return cli_usage(cli, err, "unknown subject %s", cli->args[0]);
	if ((rc = cli_hub(cli, &hub, true, err)) ||
	    (rc = cli_access_begin(&access, cli, hub, as, argc, argv, err)) ||
	    (rc = cli_entity(rep_hub_schema(hub), cli->args[1], &entity, err)) ||
	    (rc = rep_hub_subject(hub, cli->args[1], cli->args[2], &subject, err)))
		goto out;
	cli_json(subject); /* what is handed over is a document, whoever reads it */
	rc = cli_access_end(&access, rc,
			    (int64_t)(rep_json_size(rep_json_get(subject, "records")) +
				      rep_json_size(rep_json_get(subject, "history"))),
			    err);
out:
	rep_json_free(subject);
	rep_hub_close(hub);
	return rc;
}
