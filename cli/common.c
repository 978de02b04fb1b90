#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/passphrase.h"
#include "core/base/file.h"

enum rep_code cli_replica(struct cli *cli, struct rep_replica **out, bool read_only, bool schema,
			  struct rep_error *err)
{
	struct rep_replica_options options = {.read_only = read_only};
	enum rep_code rc = cli_open_vault(cli, cli->dir, &options.vault, err);

	*out = NULL;
	if (!rc)
		rc = rep_replica_open_with(out, cli->dir, &options, err);

	if (!rc && schema && !(*out)->schema) {
		rc = rep_fail(err, REP_EINVAL, "the company's schema has not arrived yet");
		rep_hint(err, "repsync sync; the hub must have merged since the enrolment");
	}
	if (rc == REP_ENOTFOUND && !err->hint[0])
		rep_hint(err, "-C DIR names the replica's folder; repsync enroll makes one");
	if (rc) {
		rep_replica_close(*out);
		*out = NULL;
	}
	return rc;
}

enum rep_code cli_replica_to_list(struct cli *cli, struct rep_replica **out, bool schema,
				  struct rep_error *err)
{
	struct rep_error ignored;
	enum rep_code rc = cli_replica(cli, out, false, schema, err);

	if (rc == REP_EIO && cli_replica(cli, out, true, schema, &ignored) == REP_OK)
		rc = REP_OK;
	return rc;
}

const char *cli_own_path(struct cli *cli)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
	const char *kept = NULL;

	if (len > 0) {
		path[len] = '\0';
		kept = cli_keep(cli, strdup(path));
	}
	return kept ? kept : "repsync";
}

enum rep_code cli_hub(struct cli *cli, struct rep_hub **out, bool read_only, struct rep_error *err)
{
	enum rep_code rc = rep_hub_open(out, cli->dir, read_only, err);

	if (!rc && !read_only)
		rc = rep_hub_set_program(*out, cli_own_path(cli), err);
	if (rc == REP_ENOTFOUND && !err->hint[0])
		rep_hint(err, "-C DIR names the hub's folder; repsync hub init makes one");
	return rc;
}

enum rep_code cli_entity(const struct rep_schema *schema, const char *name,
			 const struct rep_entity **out, struct rep_error *err)
{
	char list[140] = "";
	enum rep_code rc;
	size_t used = 0;

	*out = rep_schema_entity(schema, name);
	if (*out)
		return REP_OK;
	for (size_t i = 0; i < schema->entities_len && used < sizeof list; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, " %s",
					 schema->entities[i].name);
	rc = rep_fail(err, REP_EUSAGE, "unknown entity %s", name);
	rep_hint(err, "there are%s", list);
	return rc;
}

const char *cli_label(const struct cli *cli, const struct rep_label *label)
{
	const char *text = cli->chinese ? label->zh : label->en;

	return text ? text : "";
}

const char *cli_schema_dir(void)
{
	const char *named = getenv("REPSYNC_SCHEMA_DIR");

	if (named && *named)
		return named;
	return rep_file_is_dir(REP_SCHEMA_DIR) ? REP_SCHEMA_DIR : REP_SCHEMA_BUILD_DIR;
}

char *cli_schema_path(const char *folder, const char *name)
{
	struct rep_buf path = REP_BUF_INIT(4096);

	rep_buf_printf(&path, "%s/%s/%s", cli_schema_dir(), folder, name);
	if (path.failed)
		rep_buf_clear(&path);
	return rep_buf_take(&path);
}
