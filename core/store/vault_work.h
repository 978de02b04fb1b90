/* What the files of the vault share. */
#ifndef REPSYNC_CORE_STORE_VAULT_WORK_H
#define REPSYNC_CORE_STORE_VAULT_WORK_H

#include "core/base/buf.h"
#include "core/store/vault.h"

/* A slot says in the clear whose it is, so that one of another replica is told from a wrong passphrase. */
#define SLOT (REP_CIPHER_SALT + REP_CIPHER_KEY + REP_CIPHER_EXTRA)
#define RECOVERY_CLEAR (REP_CIPHER_SALT + 2 * REP_CIPHER_KEY)
#define RECOVERY (RECOVERY_CLEAR + REP_BOX_EXTRA)
#define CONTACT_SIZE_MAX 20000u /* an invitation may bring the certificates of an authority */

struct rep_vault {
	char *path;
	char *keys_dir;
	char device[REP_DEVICE_LEN + 1];
	uint8_t salt[REP_CIPHER_SALT];
	int64_t generation;
	struct rep_kdf kdf;
	uint8_t kdf_salt[REP_CIPHER_SALT];
	uint8_t passphrase[SLOT];
	uint8_t data[SLOT];
	uint8_t lease_key[SLOT];
	bool lease_key_there;
	struct rep_vault_lease lease;
	bool recovery_there;
	uint8_t recovery_public[REP_CIPHER_KEY];
	uint8_t recovery[RECOVERY];
	struct rep_buf contact; /* sealed */
	uint8_t mac[REP_CIPHER_KEY];
	bool one_copy;
	bool erased; /* it is a notice: nothing else was read of it but `device`, where there is a hash */
	/* SHA-256 of the device's secret that goes with what was erased, or empty. */
	char erased_secret[REP_HASH_HEX + 1];

	struct rep_vault_keys *keys; /* NULL: locked */
	bool open;                   /* the page key is there too */
};

/* ---- vault_file.c ---- */

/* The whole but its seal, canonical: what the mac is made of, with "mac" as given. */
REP_CHECK enum rep_code rep_vault_text(const struct rep_vault *vault, const char *mac,
				       struct rep_buf *out, struct rep_error *err);
/* Fills `vault` (zeroed) from the head of vault->path. *found is false for a file that has no vault. */
REP_CHECK enum rep_code rep_vault_load(struct rep_vault *vault, bool *found, struct rep_error *err);
/* Both copies, one after the other, each synced. The mac is made here. */
REP_CHECK enum rep_code rep_vault_store(struct rep_vault *vault, struct rep_error *err);
void rep_vault_mac(const struct rep_vault *vault, const struct rep_buf *text,
		   uint8_t out[REP_CIPHER_KEY]);
void rep_vault_clear(struct rep_vault *vault);
/* A notice in the place of a vault. `secret`: its erased_secret, empty where there is none. */
REP_CHECK enum rep_code rep_vault_store_notice(const char *path, const char *device,
					       const char *secret, const char *reason,
					       int64_t now_ms, struct rep_error *err);

/* ---- vault_slot.c ---- */

REP_CHECK enum rep_code rep_vault_no_memory(struct rep_error *err);

void rep_vault_derive(uint8_t out[REP_CIPHER_KEY], const char *purpose, const uint8_t *a,
		      const uint8_t *b);
bool rep_vault_is_own_slot(const uint8_t slot[SLOT], const struct rep_vault *vault);
REP_CHECK bool rep_vault_open_slot(uint8_t out[REP_CIPHER_KEY], const struct rep_vault *vault,
				   const char *purpose, const uint8_t key[REP_CIPHER_KEY],
				   const uint8_t slot[SLOT]);
/* What the passphrase and the device's secret make together. */
REP_CHECK enum rep_code rep_vault_passphrase_key(const struct rep_vault *vault,
						 const char *passphrase, size_t len, bool make,
						 uint8_t out[REP_CIPHER_KEY],
						 struct rep_error *err);
REP_CHECK enum rep_code rep_vault_check_passphrase(size_t len, struct rep_error *err);
/* Fill the slots from vault->keys. `make`: the device's secret, where it is absent. */
REP_CHECK enum rep_code rep_vault_put_passphrase(struct rep_vault *vault, const char *passphrase,
						 size_t len, const struct rep_kdf *kdf, bool make,
						 struct rep_error *err);
void rep_vault_put_data(struct rep_vault *vault, const uint8_t lease_key[REP_CIPHER_KEY]);
REP_CHECK enum rep_code rep_vault_put_recovery(struct rep_vault *vault, struct rep_error *err);
REP_CHECK enum rep_code rep_vault_put_contact(struct rep_vault *vault,
					      const struct rep_json *contact,
					      struct rep_error *err);

/* ---- vault.c ---- */

/* Is what the vault says what was written with the root key in vault->keys? */
REP_CHECK enum rep_code rep_vault_check_mac(const struct rep_vault *vault, struct rep_error *err);
/* The key of the pages, with the lease's key given. */
REP_CHECK enum rep_code rep_vault_open_pages(struct rep_vault *vault,
					     const uint8_t lease[REP_CIPHER_KEY],
					     struct rep_error *err);
/* The same with the lease's key that lies in the vault; vault->open stays false while the lease's is missing. */
REP_CHECK enum rep_code rep_vault_open_data(struct rep_vault *vault, struct rep_error *err);

/* ---- vault_device.c ---- */

/* The device's secret, 32 bytes; made where there is none and `make`. REP_EREFUSED where it is not here. */
REP_CHECK enum rep_code rep_device_secret(uint8_t out[REP_CIPHER_KEY], const char *keys_dir,
					  const char *device, bool make, struct rep_error *err);
/* The newest generation of this replica that was used on this computer; 0 = never. */
REP_CHECK enum rep_code rep_device_generation(const struct rep_vault *vault, int64_t *out,
					      struct rep_error *err);
REP_CHECK enum rep_code rep_device_set_generation(const struct rep_vault *vault,
						  struct rep_error *err);
/* Removes both. Without `salt` the secret only. */
REP_CHECK enum rep_code rep_device_forget(const char *keys_dir, const char *device,
					  const uint8_t *salt, struct rep_error *err);

/* ---- vault_change.c ---- */

/* Erases what a kill left beside the notice of an erasure that was loaded into `vault`. */
void rep_vault_erase_on(const struct rep_vault *vault);

#endif
