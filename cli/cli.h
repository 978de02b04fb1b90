/*
 * What the commands of the program share. A command parses its arguments, calls the library and prints; it has no logic that
 * an embedding program would miss.
 */
#ifndef REPSYNC_CLI_CLI_H
#define REPSYNC_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/schema.h"
#include "core/store/replica.h"
#include "sync/hub/hub.h"

#define CLI_TEXTS_MAX 4096 /* positional arguments, and values of one repeated option */

struct cli_command;
struct cli {
	const char *dir;             /* -C */
	const char *passphrase_file; /* --passphrase-file; NULL: ask an agent, then the terminal */
	bool json;
	bool quiet;
	bool chinese; /* LANG says so */
	bool serves;  /* a device at the other end reads what is said: serve.h */
	bool color;   /* standard output is a terminal and NO_COLOR is not set */
	const struct cli_command *command;
	const char *prefix; /* "hub " or "" */

	/* The positional arguments after cli_options: in NFC, and as they were given (for paths). */
	const char *args[CLI_TEXTS_MAX];
	const char *raw[CLI_TEXTS_MAX];
	size_t args_len;

	char **owned; /* texts made by NFC; freed at the end */
	size_t owned_len;
};

struct cli_command {
	const char *name;
	const char *usage; /* behind the name: "ENTITY ID [--all]" */
	const char *page;  /* the man page that describes it */
	enum rep_code (*run)(struct cli *cli, int argc, char **argv, struct rep_error *err);
};

/* The two tables, each ended by a name of NULL. */
extern const struct cli_command cli_commands[];
extern const struct cli_command cli_hub_commands[];

/* Milliseconds since 1970: the one place where the program reads a clock. */
int64_t cli_now_ms(void);

/* Opens the replica of -C. REP_EINVAL with a hint where it has no schema yet and `schema` is asked for. */
REP_CHECK enum rep_code cli_replica(struct cli *cli, struct rep_replica **out, bool read_only,
				    bool schema, struct rep_error *err);
/*
 * To show many rows: open for writing, so that a large read can be noted (core/store/large_read.h); where nothing can be written, for
 * reading.
 */
REP_CHECK enum rep_code cli_replica_to_list(struct cli *cli, struct rep_replica **out, bool schema,
					    struct rep_error *err);
REP_CHECK enum rep_code cli_hub(struct cli *cli, struct rep_hub **out, bool read_only,
				struct rep_error *err);
/* REP_EUSAGE that lists what there is. */
REP_CHECK enum rep_code cli_entity(const struct rep_schema *schema, const char *name,
				   const struct rep_entity **out, struct rep_error *err);
/* Where this program lies: what sshd and the web server are to run. */
const char *cli_own_path(struct cli *cli);
/* The label in the user's language. Borrowed. */
const char *cli_label(const struct cli *cli, const struct rep_label *label);

/* The schema's folder: beside the sources in a build tree, else where it was installed. */
const char *cli_schema_dir(void);
/* A path below the schema's folder; the caller frees it. NULL without memory. */
char *cli_schema_path(const char *folder, const char *name);

/* The commands, by file. */
#define CLI_RUN(name) \
	enum rep_code name(struct cli *cli, int argc, char **argv, struct rep_error *err)
CLI_RUN(cmd_enroll);
CLI_RUN(cmd_put);
CLI_RUN(cmd_new);
CLI_RUN(cmd_delete);
CLI_RUN(cmd_get);
CLI_RUN(cmd_list);
CLI_RUN(cmd_find);
CLI_RUN(cmd_sql);
CLI_RUN(cmd_commit);
CLI_RUN(cmd_log);
CLI_RUN(cmd_show);
CLI_RUN(cmd_sync);
CLI_RUN(cmd_bundle);
CLI_RUN(cmd_status);
CLI_RUN(cmd_inbox);
CLI_RUN(cmd_conflicts);
CLI_RUN(cmd_resolve);
CLI_RUN(cmd_merge_records);
CLI_RUN(cmd_unmerge);
CLI_RUN(cmd_history);
CLI_RUN(cmd_reassign);
CLI_RUN(cmd_verify);
CLI_RUN(cmd_unlock);
CLI_RUN(cmd_lock);
CLI_RUN(cmd_passwd);
CLI_RUN(cmd_agent);
CLI_RUN(cmd_help);
CLI_RUN(cmd_mailbox_shell);
CLI_RUN(cmd_mailbox_http);
CLI_RUN(cmd_mailbox_check);
CLI_RUN(cmd_hub);
CLI_RUN(cmd_hub_init);
CLI_RUN(cmd_hub_rep);
CLI_RUN(cmd_hub_territory);
CLI_RUN(cmd_hub_reassign);
CLI_RUN(cmd_hub_enroll);
CLI_RUN(cmd_hub_desk);
CLI_RUN(cmd_hub_device);
CLI_RUN(cmd_hub_key);
CLI_RUN(cmd_hub_offboard);
CLI_RUN(cmd_hub_exit_statement);
CLI_RUN(cmd_hub_exposure);
CLI_RUN(cmd_hub_import);
CLI_RUN(cmd_hub_export);
CLI_RUN(cmd_hub_merge);
CLI_RUN(cmd_hub_bundle);
CLI_RUN(cmd_hub_status);
CLI_RUN(cmd_hub_access);
CLI_RUN(cmd_hub_audit);
CLI_RUN(cmd_hub_show);
CLI_RUN(cmd_hub_blame);
CLI_RUN(cmd_hub_history);
CLI_RUN(cmd_hub_explain);
CLI_RUN(cmd_hub_verify);
CLI_RUN(cmd_hub_rebuild);
CLI_RUN(cmd_hub_inbox);
CLI_RUN(cmd_hub_backup);
CLI_RUN(cmd_hub_recover);
CLI_RUN(cmd_hub_restore);
CLI_RUN(cmd_hub_replay);
CLI_RUN(cmd_hub_resolve);
CLI_RUN(cmd_hub_revert);
CLI_RUN(cmd_hub_merge_records);
CLI_RUN(cmd_hub_unmerge);
CLI_RUN(cmd_hub_schema);
CLI_RUN(cmd_hub_statement);
CLI_RUN(cmd_hub_subject);
CLI_RUN(cmd_hub_erase);
CLI_RUN(cmd_hub_serve);

#endif
