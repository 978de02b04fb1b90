/*
 * The vault: the head of an encrypted replica's file, with which a passphrase, or the company, gets at the key of its pages.
 * docs/formats.md, "Encrypted replica", has the layout.
 *
 *	Argon2id(passphrase) + the device's secret  ──▶  root key    (slot "passphrase")
 *	root key + the lease's key                  ──▶  page key    (slot "data")
 *	the company's recovery key                  ──▶  both        (slot "recovery")
 *
 * The device's secret lies in a file of the user's own, outside of the replica's folder, so that a copy of the folder alone cannot
 * be guessed at. The lease's key comes with each view and is taken out of the vault where the lease is over, so that honest software
 * cannot open the replica until the company sends it again; lease.h says when. What a sync needs to ask for it (address, keys: the
 * "contact") lies in the vault too, under the root key, and opens without a lease. Until the first view the key is zeros.
 *
 * Changes of the vault go through a lock file beside it, and are written twice: a kill leaves the old vault or the new one. All
 * times are milliseconds since 1970. A vault belongs to one thread.
 */
#ifndef REPSYNC_CORE_STORE_VAULT_H
#define REPSYNC_CORE_STORE_VAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/json.h"
#include "core/model/cipher.h"
#include "core/model/stamp.h"
#include "core/store/db.h"

/* Shorter ones are refused when they are set: 12 letters, or 4 Chinese characters. */
#define REP_PASSPHRASE_LEN_MIN 12u
#define REP_PASSPHRASE_LEN_MAX 1024u

/* What opens the replica. Only ever in memory of rep_secret_new. */
struct rep_vault_keys {
	uint8_t root[REP_CIPHER_KEY];
	struct rep_db_key pages;
};

struct rep_vault;

/* $REPSYNC_KEYS, else $XDG_STATE_HOME/repsync, else ~/.local/state/repsync: where devices' secrets lie. The caller frees it. */
REP_CHECK enum rep_code rep_vault_keys_dir(char **out, struct rep_error *err);

struct rep_vault_new {
	const char *path;     /* of the replica's file, which is made, mode 0600, if it is absent */
	const char *keys_dir; /* made, mode 0700, if it is absent */
	const char *device;
	const char *passphrase;
	size_t passphrase_len;
	const struct rep_kdf *kdf;      /* NULL: rep_kdf_default */
	const uint8_t *recovery_public; /* NULL: the company cannot open it */
	const struct rep_json *contact; /* borrowed */
};
/* Writes a new vault with new keys, open. REP_EUSAGE for a passphrase that is too short. */
REP_CHECK enum rep_code rep_vault_make(struct rep_vault **out, const struct rep_vault_new *vault,
				       struct rep_error *err);

/*
 * Reads the vault of the file at `path`. *out is NULL, and the code REP_OK, for a file that has none (a plain replica, or something
 * else). REP_EINTEGRITY when both copies are damaged; REP_EREFUSED, with the reason, for a replica that was erased.
 */
REP_CHECK enum rep_code rep_vault_read(struct rep_vault **out, const char *path,
				       const char *keys_dir, struct rep_error *err);
void rep_vault_free(struct rep_vault *vault); /* wipes; NULL is fine */

const char *rep_vault_device(const struct rep_vault *vault);
const uint8_t *rep_vault_salt(
	const struct rep_vault *vault); /* REP_CIPHER_SALT bytes: names this replica */
int64_t rep_vault_generation(const struct rep_vault *vault);
bool rep_vault_one_copy(
	const struct rep_vault *vault); /* the other copy is damaged; the next change mends it */

/* ---- opening ---- */

/*
 * Opens with the passphrase. REP_EREFUSED: the wrong one, or the device's secret is not here (a copy on another computer).
 * REP_EINTEGRITY: a slot of another replica, a vault that was changed, or an older copy of one that was used here since.
 */
REP_CHECK enum rep_code rep_vault_unlock(struct rep_vault *vault, const char *passphrase,
					 size_t len, struct rep_error *err);
/* With the company's recovery key. */
REP_CHECK enum rep_code rep_vault_recover(struct rep_vault *vault,
					  const uint8_t secret[REP_CIPHER_KEY],
					  struct rep_error *err);
/* With keys that an agent kept. REP_EREFUSED when they are not (or no longer) those of this vault. */
REP_CHECK enum rep_code rep_vault_use(struct rep_vault *vault, const struct rep_vault_keys *keys,
				      struct rep_error *err);
/* The older copy is taken as it is: it becomes the newest that was used here. The vault is unlocked. */
REP_CHECK enum rep_code rep_vault_accept(struct rep_vault *vault, struct rep_error *err);
/* NULL until it is unlocked, and while the lease's key is missing. Borrowed. */
const struct rep_vault_keys *rep_vault_keys(const struct rep_vault *vault);
/* Unlocked, be it without the lease's key? */
bool rep_vault_is_unlocked(const struct rep_vault *vault);
/* What a sync needs that has to ask for a lease. New reference. */
REP_CHECK enum rep_code rep_vault_contact(const struct rep_vault *vault, struct rep_json **out,
					  struct rep_error *err);

/* ---- changing; the vault is unlocked ---- */

/* REP_EUSAGE for one that is too short. `kdf` NULL: rep_kdf_default. */
REP_CHECK enum rep_code rep_vault_set_passphrase(struct rep_vault *vault, const char *passphrase,
						 size_t len, const struct rep_kdf *kdf,
						 struct rep_error *err);

struct rep_vault_lease {
	int64_t start_ms; /* the company's clock when it was given; 0 = unknown */
	int64_t end_ms;   /* 0 = there is none */
	int64_t erase_ms; /* likewise */
	/*
	 * A time that is certainly past: the later of this and what is known. But with a lease that was given later than the last one it
	 * begins anew: what a clock that was wrong for a while had said is forgotten.
	 */
	int64_t seen_ms;
};
/*
 * A new lease. `key` (or NULL: as it is) becomes part of what opens the pages; `contact` (or NULL) replaces the one that is there. A
 * vault whose lease key was missing is open after this.
 */
REP_CHECK enum rep_code rep_vault_renew(struct rep_vault *vault,
					const struct rep_vault_lease *lease, const uint8_t *key,
					const struct rep_json *contact, struct rep_error *err);
void rep_vault_lease(const struct rep_vault *vault, struct rep_vault_lease *out);
/* Takes the lease's key out. */
REP_CHECK enum rep_code rep_vault_end_lease(struct rep_vault *vault, int64_t seen_ms,
					    struct rep_error *err);
/* Remembers a time that is past; writes only where it is an hour later than the last. */
REP_CHECK enum rep_code rep_vault_see(struct rep_vault *vault, int64_t now_ms,
				      struct rep_error *err);

/*
 * Erases the replica at `path`: vault, pages and log, and the device's secret. What is left is a notice with `reason`, which every
 * later rep_vault_read gives back, and which has it take away what a kill left of the rest. Needs no key.
 */
REP_CHECK enum rep_code rep_vault_erase(const char *path, const char *keys_dir, const char *device,
					const char *reason, int64_t now_ms, struct rep_error *err);

#endif
