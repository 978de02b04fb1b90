#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"

enum rep_code cli_help_page(const char *name, struct rep_error *err)
{
	for (const struct cli_page *page = cli_pages; page->name; page++)
		if (strcmp(page->name, name) == 0) {
			fputs(page->text, stdout);
			return REP_OK;
		}
	return rep_fail(err, REP_ENOTFOUND, "no page %s", name);
}

static const struct cli_command *named(const struct cli_command *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static void list(const struct cli_command *table, const char *prefix)
{
	for (; table->name; table++)
		printf("  repsync %s%s %s\n", prefix, table->name, table->usage);
}

/* `help`, `help put`, `help hub`, `help hub import`. */
enum rep_code cmd_help(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"COMMAND", "COMMAND"};
	const struct cli_command *command;
	enum rep_code rc;
	bool hub;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 0, 2, names, err)))
		return rc;
	if (cli->args_len == 0) {
		puts("On a laptop or a desk (-C names the replica's folder):");
		list(cli_commands, "");
		puts("\nAt the company (-C names the hub's folder):");
		list(cli_hub_commands, "hub ");
		puts("\nrepsync help COMMAND tells more.");
		return REP_OK;
	}
	hub = strcmp(cli->args[0], "hub") == 0 && cli->args_len == 2;
	command = hub ? named(cli_hub_commands, cli->args[1]) : named(cli_commands, cli->args[0]);
	if (!command || (!hub && cli->args_len == 2))
		return cli_usage(cli, err, "unknown command %s", cli->args[cli->args_len - 1]);
	printf("usage: repsync %s%s %s\n\n", hub ? "hub " : "", command->name, command->usage);
	return cli_help_page(command->page, err);
}
