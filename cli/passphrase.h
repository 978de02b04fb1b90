/* Passphrases: from a file, standard input or the terminal; and the vault that one opens. */
#ifndef REPSYNC_CLI_PASSPHRASE_H
#define REPSYNC_CLI_PASSPHRASE_H

#include "cli/cli.h"

/* In memory for secrets: freed with rep_secret_free. */
struct cli_passphrase {
	size_t len;
	char text[REP_PASSPHRASE_LEN_MAX + 2];
};

/*
 * The first line of `file` (mode 0600 demanded; "-" is standard input, and each call takes its next line), or where that is NULL what is
 * typed at the terminal. REP_EREFUSED without either.
 */
REP_CHECK enum rep_code cli_read_passphrase(struct cli *cli, const char *file, const char *prompt,
					    struct cli_passphrase **out, struct rep_error *err);
/* A new one: typed twice. */
REP_CHECK enum rep_code cli_new_passphrase(struct cli *cli, const char *file,
					   struct cli_passphrase **out, struct rep_error *err);

/*
 * The vault of the replica in `dir`, unlocked: with --passphrase-file, else by an agent, else with what is typed. *out is NULL for a
 * plain replica. REP_EREFUSED where the lease is over; in its second half a warning is printed.
 */
REP_CHECK enum rep_code cli_open_vault(struct cli *cli, const char *dir, struct rep_vault **out,
				       struct rep_error *err);
/* The same for a sync: where the lease is over *over is true, and the vault's pages do not open. */
REP_CHECK enum rep_code cli_open_vault_to_sync(struct cli *cli, const char *dir,
					       struct rep_vault **out, bool *over,
					       struct rep_error *err);
/*
 * The vault as it is, locked; NULL for a plain replica. One whose lease has been over for so long that it is to be erased is erased
 * here, by whatever command comes along: REP_EREFUSED.
 */
REP_CHECK enum rep_code cli_read_vault(const char *dir, struct rep_vault **out,
				       struct rep_error *err);

/* Acts on the lease of an unlocked vault (core/store/lease.h). REP_EREFUSED, with what to do, where it is over. */
REP_CHECK enum rep_code cli_check_lease(const struct cli *cli, struct rep_vault *vault,
					struct rep_error *err);

#endif
