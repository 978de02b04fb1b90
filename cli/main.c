#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/base/text.h"
#include "core/model/key.h"
#include "sync/git/git.h"

const struct cli_command cli_commands[] = {
	{"enroll", "INVITATION DIR", "repsync-sync", cmd_enroll},
	{"put", "ENTITY ID FIELD=VALUE... [-m REASON]", "repsync-record", cmd_put},
	{"new", "ENTITY [--id ID] FIELD=VALUE... [-m REASON]", "repsync-record", cmd_new},
	{"delete", "ENTITY ID [-m REASON]", "repsync-record", cmd_delete},
	{"get", "ENTITY ID", "repsync-record", cmd_get},
	{"list", "ENTITY [--where EXPR] [--order FIELD] [--limit N] [--all]", "repsync-record",
	 cmd_list},
	{"find", "TEXT [--limit N]", "repsync-record", cmd_find},
	{"sql", "[--write] QUERY", "repsync-record", cmd_sql},
	{"history", "ENTITY ID", "repsync-record", cmd_history},
	{"commit", "-m REASON", "repsync-sync", cmd_commit},
	{"log", "", "repsync-sync", cmd_log},
	{"show", "SEQ", "repsync-sync", cmd_show},
	{"sync", "[--step N] [--tries N] [--timeout SECONDS]", "repsync-sync", cmd_sync},
	{"bundle", "export|import FILE", "repsync-sync", cmd_bundle},
	{"status", "", "repsync-sync", cmd_status},
	{"verify", "", "repsync-sync", cmd_verify},
	{"inbox", "[--kind conflict|proposal|duplicate|rejection|claim] [--all]", "repsync-review",
	 cmd_inbox},
	{"conflicts", "[--all]", "repsync-review", cmd_conflicts},
	{"resolve", "ITEM mine|theirs|accept|decline|withdraw|VALUE [-m REASON]", "repsync-review",
	 cmd_resolve},
	{"merge-records", "ENTITY LOSER --into ID -m REASON", "repsync-review", cmd_merge_records},
	{"unmerge", "ENTITY ID -m REASON", "repsync-review", cmd_unmerge},
	{"reassign",
	 "PARTITION...|--record ENTITY ID... --to T [--from-time TIME] [--preview] [-m REASON]",
	 "repsync-reassign", cmd_reassign},
	{"unlock", "[--for HOURS] [--recovery-key FILE] [--restored]", "repsync-unlock",
	 cmd_unlock},
	{"lock", "[--all]", "repsync-unlock", cmd_lock},
	{"passwd", "[--new-passphrase-file FILE] [--recovery-key FILE]", "repsync-unlock",
	 cmd_passwd},
	{"agent", "[--foreground]", "repsync-unlock", cmd_agent},
	{"hub", "COMMAND ...", "repsync-hub", cmd_hub},
	{"mailbox-shell", "DEVICE", "repsync-hub", cmd_mailbox_shell},
	{"mailbox-http", "", "repsync-hub", cmd_mailbox_http},
	{"mailbox-check", "", "repsync-hub", cmd_mailbox_check},
	{"help", "[COMMAND]", "repsync", cmd_help},
	{NULL, NULL, NULL, NULL},
};

const struct cli_command cli_hub_commands[] = {
	{"init", "[--schema DIR] [--company NAME] [--replicas encrypted|plain]", "repsync-hub",
	 cmd_hub_init},
	{"rep",
	 "add REP --name NAME [--role ROLE] [--territory T]... [--assist] | set REP ... | list",
	 "repsync-hub", cmd_hub_rep},
	{"territory", "set|add|remove T [--name NAME] [--parent T0] [--partition P]... | list",
	 "repsync-hub", cmd_hub_territory},
	{"reassign",
	 "PARTITION...|--record ENTITY ID... --to T [--from-time TIME] [--preview] [-m REASON]",
	 "repsync-reassign", cmd_hub_reassign},
	{"enroll", "REP --out FILE [--url BASE] [--host-key FILE | --ca FILE] [--days N]",
	 "repsync-hub", cmd_hub_enroll},
	{"desk", "REP DIR", "repsync-hub", cmd_hub_desk},
	{"device",
	 "list [--rep REP] | revoke DEVICE [--at TIME] -m REASON | replace DEVICE --out FILE [--url BASE] "
	 "[--host-key FILE | --ca FILE] [--days N] -m REASON",
	 "repsync-leave", cmd_hub_device},
	{"key", "roll --root FILE", "repsync-hub", cmd_hub_key},
	{"offboard", "REP --successor REP2 | --plan FILE [--at TIME] [--preview] [-m REASON]",
	 "repsync-leave", cmd_hub_offboard},
	{"exit-statement", "REP [--out FILE] | --check FILE", "repsync-leave",
	 cmd_hub_exit_statement},
	{"exposure", "REP|DEVICE [--records]", "repsync-leave", cmd_hub_exposure},
	{"import",
	 "ENTITY FILE [--source NAME] [--mapping NAME] [--map COLUMN=FIELD]... "
	 "[--set FIELD=VALUE]... [--encoding NAME] [--dry-run]",
	 "repsync-import", cmd_hub_import},
	{"export", "ENTITY [--csv] [--as-of TIME] [--by device|hub] [--as REP]", "repsync-import",
	 cmd_hub_export},
	{"merge", "[--watch SECONDS] [--jobs N]", "repsync-hub", cmd_hub_merge},
	{"bundle", "export DEVICE FILE [--whole] | import FILE", "repsync-hub", cmd_hub_bundle},
	{"status", "", "repsync-hub", cmd_hub_status},
	{"audit",
	 "[--entity E] [--id ID] [--field F] [--rep R] [--device D] [--since T] [--until T] "
	 "[--by device|hub] [--limit N] [--format table|json|csv] [--evidence DIR] "
	 "[--as REP]",
	 "repsync-audit", cmd_hub_audit},
	{"show", "ENTITY ID [--as-of TIME] [--by device|hub] [--as REP]", "repsync-audit",
	 cmd_hub_show},
	{"blame", "ENTITY ID [--as REP]", "repsync-audit", cmd_hub_blame},
	{"history", "ENTITY ID [--as REP]", "repsync-audit", cmd_hub_history},
	{"explain", "ENTITY ID FIELD [--as REP]", "repsync-audit", cmd_hub_explain},
	{"access", "[--user NAME] [--rep R] [--command C] [--since T] [--until T] [--as REP]",
	 "repsync-audit", cmd_hub_access},
	{"revert",
	 "--rep R|--device D|--import FILE|--change-set DEVICE/N... [--since T] [--until T] "
	 "[--dry-run] -m REASON",
	 "repsync-audit", cmd_hub_revert},
	{"subject", "export ENTITY ID [--as REP]", "repsync-audit", cmd_hub_subject},
	{"erase", "ENTITY ID --reason TEXT [--yes] [--as REP] | ENTITY ID --preview",
	 "repsync-audit", cmd_hub_erase},
	{"statement", "[--print]", "repsync-audit", cmd_hub_statement},
	{"verify", "[--full | --replay] [--device D] [--statements FILE]", "repsync-audit",
	 cmd_hub_verify},
	{"backup", "DIR", "repsync-hub", cmd_hub_backup},
	{"restore", "BACKUP [--mailboxes DIR] [--root-key FILE]", "repsync-hub", cmd_hub_restore},
	{"recover", "--root-key FILE", "repsync-hub", cmd_hub_recover},
	{"replay", "--schema DIR [--since TIME] [--as REP]", "repsync-audit", cmd_hub_replay},
	{"rebuild", "", "repsync-hub", cmd_hub_rebuild},
	{"schema",
	 "publish DIR [--effective TIME] [--check] | list | show [VERSION [FILE]] | diff VERSION "
	 "[VERSION|DIR]",
	 "repsync-hub", cmd_hub_schema},
	{"inbox", "[--kind conflict|proposal|duplicate|rejection|claim] [--all]", "repsync-review",
	 cmd_hub_inbox},
	{"resolve", "ITEM mine|theirs|accept|decline|expire|VALUE [-m REASON]", "repsync-review",
	 cmd_hub_resolve},
	{"merge-records", "ENTITY LOSER --into ID -m REASON", "repsync-review",
	 cmd_hub_merge_records},
	{"unmerge", "ENTITY ID -m REASON", "repsync-review", cmd_hub_unmerge},
	{"serve",
	 "ssh-keys [--program PATH] | ssh-config [--user NAME] | nginx-config --host NAME --certificate "
	 "FILE --key FILE [--port N] [--path PATH] [--fastcgi SOCKET]",
	 "repsync-hub", cmd_hub_serve},
	{NULL, NULL, NULL, NULL},
};

int64_t cli_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const struct cli_command *find_command(const struct cli_command *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

/* `hub import --help` asks for import's page, `hub --help` for hub's. */
static bool asks_for_help(const struct cli_command *command, int argc, char **argv)
{
	int end = command->run == cmd_hub && argc > 2 ? 2 : argc;

	for (int i = 1; i < end && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

static enum rep_code dispatch(struct cli *cli, const struct cli_command *table, int argc,
			      char **argv, struct rep_error *err)
{
	const struct cli_command *command = find_command(table, argv[0]);
	enum rep_code rc;

	if (!command) {
		rc = rep_fail(err, REP_EUSAGE, "unknown command %s%s", cli->prefix, argv[0]);
		rep_hint(err, "repsync help lists the commands");
		cli->command = NULL;
		return rc;
	}
	cli->command = command;
	if (asks_for_help(command, argc, argv))
		return cli_help_page(command->page, err);
	return command->run(cli, argc, argv, err);
}

enum rep_code cmd_hub(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	if (argc < 2)
		return cli_usage(cli, err, "COMMAND is missing");
	cli->prefix = "hub ";
	return dispatch(cli, cli_hub_commands, argc - 1, argv + 1, err);
}

/* Options before the command; *at is the command's place in argv. */
static enum rep_code global_options(struct cli *cli, int argc, char **argv, int *at, bool *done,
				    struct rep_error *err)
{
	int i = 1;

	*done = false;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			cli->json = true;
		} else if (strcmp(argv[i], "--quiet") == 0) {
			cli->quiet = true;
		} else if (strcmp(argv[i], "--version") == 0) {
			*done = true;
			puts("repsync " REP_VERSION);
			return REP_OK;
		} else if (strcmp(argv[i], "--help") == 0) {
			*done = true;
			return cli_help_page("repsync", err);
		} else if (strcmp(argv[i], "--passphrase-file") == 0 && i + 1 < argc) {
			cli->passphrase_file = argv[++i];
		} else if (strcmp(argv[i], "-C") == 0 && i + 1 < argc) {
			cli->dir = argv[++i];
		} else if (strncmp(argv[i], "-C", 2) == 0 && argv[i][2]) {
			cli->dir = argv[i] + 2;
		} else {
			return cli_usage(cli, err,
					 strcmp(argv[i], "-C") == 0 ? "%s needs a folder"
					 : strcmp(argv[i], "--passphrase-file") == 0
						 ? "%s needs a file"
						 : "unknown option %s",
					 argv[i]);
		}
	}
	*at = i;
	return REP_OK;
}

static enum rep_code run(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	enum rep_code rc;
	bool done;
	int at = 0;

	for (int i = 1; i < argc; i++)
		if (!rep_text_is_utf8(argv[i], strlen(argv[i])))
			return cli_usage(cli, err, "argument %d is not valid utf-8", i);
	if ((rc = global_options(cli, argc, argv, &at, &done, err)) || done)
		return rc;
	if (at == argc) {
		rc = rep_fail(err, REP_EUSAGE, "no command");
		rep_hint(err,
			 "usage: repsync [-C DIR] [--json] [--quiet] COMMAND ...; repsync help");
		return rc;
	}
	return dispatch(cli, cli_commands, argc - at, argv + at, err);
}

/*
 * No setlocale: patterns of a schema are compiled bytewise, and a laptop without Chinese locales still speaks Chinese. The few
 * texts of the program stand beside each other in both languages, like the labels of the schema.
 */
static void choose_language(struct cli *cli)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	const char *value = NULL;

	for (size_t i = 0; i < 3 && (!value || !*value); i++)
		value = getenv(names[i]);
	cli->chinese = value && strncmp(value, "zh", 2) == 0;
}

static void start(struct cli *cli)
{
	const char *no_color = getenv("NO_COLOR");

	/* A reader that goes away shows as a failed write, not as a death in the middle of a sync. */
	signal(SIGPIPE, SIG_IGN);
	*cli = (struct cli){.dir = ".", .prefix = ""};
	cli->color = isatty(STDOUT_FILENO) && !(no_color && *no_color);
	choose_language(cli);
	rep_json_init();
}

int main(int argc, char **argv)
{
	static struct cli cli;
	struct rep_error err = {0}, finish = {0};
	enum rep_code rc, finished;

	start(&cli);
	rc = rep_key_init(&err);
	if (!rc)
		rc = run(&cli, argc, argv, &err);
	finished = cli_finish(&finish);
	for (size_t i = 0; i < cli.owned_len; i++)
		free(cli.owned[i]);
	free(cli.owned);
	if (rc)
		return cli_report(&cli, rc, &err);
	if (finished)
		return cli_report(&cli, finished, &finish);
	return 0;
}
