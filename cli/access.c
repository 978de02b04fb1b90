#include "cli/access.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Who works behind sudo is told too, as far as sudo says it. */
static const char *user_name(void)
{
	static char name[300];
	const struct passwd *entry = getpwuid(getuid());
	const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;

	if (entry)
		snprintf(name, sizeof name, "%.100s", entry->pw_name);
	else
		snprintf(name, sizeof name, "uid %ld", (long)getuid());
	if (sudo && *sudo)
		snprintf(name + strlen(name), sizeof name - strlen(name), " (sudo: %.100s)", sudo);
	return name;
}

static bool is_read_only(const char *dir)
{
	struct statvfs fs;

	return statvfs(dir, &fs) == 0 && (fs.f_flag & ST_RDONLY);
}

enum rep_code cli_access_begin(struct cli_access *out, const struct cli *cli, struct rep_hub *hub,
			       const char *rep, int argc, char **argv, struct rep_error *err)
{
	*out = (struct cli_access){
		.hub = hub,
		.access = {.command = argv[0],
			   .user = user_name(),
			   .rep = rep,
			   .args = (const char *const *)(argv + 1),
			   .args_len = (size_t)argc - 1,
			   .now_ms = cli_now_ms()},
	};
	out->unwritten = is_read_only(rep_hub_dir(hub));
	if (!out->unwritten)
		return rep_access_begin(hub, &out->access, &out->n, err);
	if (!cli->quiet)
		fprintf(stderr, cli->chinese
					? "repsync: 只读挂载, 这次读取没有记录\n"
					: "repsync: read-only mount: this read is not recorded\n");
	return REP_OK;
}

enum rep_code cli_access_end(struct cli_access *access, enum rep_code rc, int64_t rows,
			     struct rep_error *err)
{
	if (rc || access->unwritten || !access->n)
		return rc;
	access->access.now_ms = cli_now_ms();
	return rep_access_end(access->hub, &access->access, access->n, rows, err);
}
