#include "core/store/vault.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/store/vault_work.h"
#include "core/store/vfs.h"

/* ---- making and reading ---- */

static struct rep_vault *new_vault(const char *path, const char *keys_dir)
{
	struct rep_vault *vault = calloc(1, sizeof *vault);

	if (!vault)
		return NULL;
	vault->contact = REP_BUF_INIT(CONTACT_SIZE_MAX);
	vault->path = strdup(path);
	vault->keys_dir = strdup(keys_dir);
	if (vault->path && vault->keys_dir)
		return vault;
	rep_vault_free(vault);
	return NULL;
}

void rep_vault_free(struct rep_vault *vault)
{
	if (!vault)
		return;
	rep_vault_clear(vault);
	free(vault);
}

static enum rep_code fill_new(struct rep_vault *vault, const struct rep_vault_new *want,
			      struct rep_error *err)
{
	static const uint8_t no_lease[REP_CIPHER_KEY];
	enum rep_code rc;

	memcpy(vault->device, want->device, REP_DEVICE_LEN);
	vault->generation = 1;
	rep_random(vault->salt, REP_CIPHER_SALT);
	rep_random(vault->keys, sizeof *vault->keys);
	memcpy(vault->keys->pages.salt, vault->salt, REP_CIPHER_SALT);
	vault->open = true;
	rc = rep_vault_put_passphrase(vault, want->passphrase, want->passphrase_len, want->kdf,
				      true, err);
	if (rc != REP_OK)
		return rc;
	rep_vault_put_data(vault, no_lease); /* until the first view brings one */
	vault->recovery_there = want->recovery_public != NULL;
	if (vault->recovery_there)
		memcpy(vault->recovery_public, want->recovery_public, REP_CIPHER_KEY);
	rc = rep_vault_put_recovery(vault, err);
	if (rc == REP_OK)
		rc = rep_vault_put_contact(vault, want->contact, err);
	return rc;
}

enum rep_code rep_vault_make(struct rep_vault **out, const struct rep_vault_new *want,
			     struct rep_error *err)
{
	struct rep_vault *vault = new_vault(want->path, want->keys_dir);
	enum rep_code rc;

	*out = NULL;
	if (!vault || !(vault->keys = rep_secret_new(sizeof *vault->keys))) {
		rep_vault_free(vault);
		return rep_vault_no_memory(err);
	}
	rc = fill_new(vault, want, err);
	if (rc == REP_OK)
		rc = rep_file_make_private(want->path, err);
	if (rc == REP_OK)
		rc = rep_vault_store(vault, err);
	if (rc == REP_OK)
		rc = rep_device_set_generation(vault, err);
	if (rc == REP_OK)
		*out = vault;
	else
		rep_vault_free(vault);
	return rep_wrap(err, rc, "make vault");
}

enum rep_code rep_vault_read(struct rep_vault **out, const char *path, const char *keys_dir,
			     struct rep_error *err)
{
	struct rep_vault *vault = new_vault(path, keys_dir);
	bool found = false;
	enum rep_code rc = vault ? rep_vault_load(vault, &found, err) : rep_vault_no_memory(err);

	*out = NULL;
	if (vault && vault->erased)
		rep_vault_erase_on(vault);
	if (rc == REP_OK && found)
		*out = vault;
	else
		rep_vault_free(vault);
	return rc;
}

const char *rep_vault_device(const struct rep_vault *vault)
{
	return vault->device;
}

const uint8_t *rep_vault_salt(const struct rep_vault *vault)
{
	return vault->salt;
}

int64_t rep_vault_generation(const struct rep_vault *vault)
{
	return vault->generation;
}

bool rep_vault_one_copy(const struct rep_vault *vault)
{
	return vault->one_copy;
}

const struct rep_vault_keys *rep_vault_keys(const struct rep_vault *vault)
{
	return vault->open ? vault->keys : NULL;
}

bool rep_vault_is_unlocked(const struct rep_vault *vault)
{
	return vault->keys != NULL;
}

void rep_vault_lease(const struct rep_vault *vault, struct rep_vault_lease *out)
{
	*out = vault->lease;
}

/* ---- opening ---- */

static void lock_again(struct rep_vault *vault)
{
	rep_secret_free(vault->keys);
	vault->keys = NULL;
	vault->open = false;
}

/* Is what the vault says what was written with this root key? */
enum rep_code rep_vault_check_mac(const struct rep_vault *vault, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_VFS_HEAD_SIZE);
	uint8_t mac[REP_CIPHER_KEY];
	enum rep_code rc = rep_vault_text(vault, "", &text, err);

	if (rc == REP_OK) {
		rep_vault_mac(vault, &text, mac);
		if (!rep_secret_equal(mac, vault->mac, sizeof mac))
			rc = rep_fail(err, REP_EINTEGRITY,
				      "the vault was changed by somebody without its key");
	}
	rep_buf_clear(&text);
	return rc;
}

enum rep_code rep_vault_open_pages(struct rep_vault *vault, const uint8_t lease[REP_CIPHER_KEY],
				   struct rep_error *err)
{
	uint8_t key[REP_CIPHER_KEY];

	if (!rep_vault_is_own_slot(vault->data, vault))
		return rep_fail(err, REP_EINTEGRITY, "a key slot is of another replica");
	memcpy(vault->keys->pages.salt, vault->salt, REP_CIPHER_SALT);
	rep_vault_derive(key, "repsync data", vault->keys->root, lease);
	vault->open = rep_vault_open_slot(vault->keys->pages.key, vault, "data", key, vault->data);
	rep_wipe(key, sizeof key);
	return vault->open ? REP_OK
			   : rep_fail(err, REP_EINTEGRITY,
				      "the lease's key does not open this replica");
}

/* With the root key, and the lease's, to the key of the pages. */
enum rep_code rep_vault_open_data(struct rep_vault *vault, struct rep_error *err)
{
	uint8_t key[REP_CIPHER_KEY], lease[REP_CIPHER_KEY];
	enum rep_code rc = REP_OK;

	vault->open = false;
	if (!vault->lease_key_there)
		return REP_OK;
	rep_vault_derive(key, "repsync lease", vault->keys->root, NULL);
	if (!rep_vault_is_own_slot(vault->lease_key, vault) ||
	    !rep_vault_open_slot(lease, vault, "lease", key, vault->lease_key))
		rc = rep_fail(err, REP_EINTEGRITY, "a key slot is of another replica");
	if (rc == REP_OK)
		rc = rep_vault_open_pages(vault, lease, err);
	rep_wipe(key, sizeof key);
	rep_wipe(lease, sizeof lease);
	return rc;
}

/* An older copy would show old data, and give old rights: also where somebody else put it there. */
static enum rep_code check_generation(const struct rep_vault *vault, struct rep_error *err)
{
	int64_t seen;
	enum rep_code rc = rep_device_generation(vault, &seen, err);

	if (rc != REP_OK || vault->generation >= seen)
		return rc;
	rc = rep_fail(err, REP_EINTEGRITY,
		      "this is an older copy of the replica: its vault is number %lld, number %lld "
		      "was used on this computer",
		      (long long)vault->generation, (long long)seen);
	rep_hint(err, "if it was restored on purpose: repsync unlock --restored");
	return rc;
}

/* The root key is in vault->keys. */
static enum rep_code finish_opening(struct rep_vault *vault, struct rep_error *err)
{
	enum rep_code rc = rep_vault_check_mac(vault, err);

	if (rc == REP_OK)
		rc = rep_vault_open_data(vault, err);
	if (rc == REP_OK) /* an older copy stays open all the same: for rep_vault_accept */
		rc = check_generation(vault, err);
	return rc;
}

enum rep_code rep_vault_unlock(struct rep_vault *vault, const char *passphrase, size_t len,
			       struct rep_error *err)
{
	uint8_t key[REP_CIPHER_KEY];
	enum rep_code rc;

	lock_again(vault);
	if (!rep_vault_is_own_slot(vault->passphrase, vault))
		return rep_fail(err, REP_EINTEGRITY,
				"the passphrase's key slot is of another replica");
	vault->keys = rep_secret_new(sizeof *vault->keys);
	if (!vault->keys)
		return rep_vault_no_memory(err);
	rc = rep_vault_passphrase_key(vault, passphrase, len, false, key, err);
	if (rc == REP_OK &&
	    !rep_vault_open_slot(vault->keys->root, vault, "passphrase", key, vault->passphrase))
		rc = rep_fail(err, REP_EREFUSED, "wrong passphrase");
	rep_wipe(key, sizeof key);
	if (rc != REP_OK) {
		lock_again(vault);
		return rc;
	}
	return finish_opening(vault, err);
}

enum rep_code rep_vault_recover(struct rep_vault *vault, const uint8_t secret[REP_CIPHER_KEY],
				struct rep_error *err)
{
	uint8_t clear[RECOVERY_CLEAR];
	enum rep_code rc = REP_OK;

	lock_again(vault);
	if (!vault->recovery_there)
		return rep_fail(err, REP_EREFUSED, "this replica has no slot for the company");
	vault->keys = rep_secret_new(sizeof *vault->keys);
	if (!vault->keys)
		return rep_vault_no_memory(err);
	if (!rep_box_open(clear, vault->recovery, RECOVERY, secret))
		rc = rep_fail(err, REP_EREFUSED, "wrong recovery key");
	else if (memcmp(clear, vault->salt, REP_CIPHER_SALT) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "the company's key slot is of another replica");
	if (rc == REP_OK) {
		memcpy(vault->keys->root, clear + REP_CIPHER_SALT, REP_CIPHER_KEY);
		rc = rep_vault_check_mac(vault, err);
	}
	if (rc == REP_OK) {
		/* The company needs no lease. */
		memcpy(vault->keys->pages.key, clear + REP_CIPHER_SALT + REP_CIPHER_KEY,
		       REP_CIPHER_KEY);
		memcpy(vault->keys->pages.salt, vault->salt, REP_CIPHER_SALT);
		vault->open = true;
	} else {
		lock_again(vault);
	}
	rep_wipe(clear, sizeof clear);
	return rc;
}

enum rep_code rep_vault_use(struct rep_vault *vault, const struct rep_vault_keys *keys,
			    struct rep_error *err)
{
	enum rep_code rc;

	lock_again(vault);
	vault->keys = rep_secret_new(sizeof *vault->keys);
	if (!vault->keys)
		return rep_vault_no_memory(err);
	memcpy(vault->keys->root, keys->root, REP_CIPHER_KEY);
	rc = rep_vault_check_mac(vault, err);
	if (rc != REP_OK) {
		lock_again(vault);
		return rc;
	}
	return finish_opening(vault, err);
}

enum rep_code rep_vault_accept(struct rep_vault *vault, struct rep_error *err)
{
	return rep_device_set_generation(vault, err);
}
