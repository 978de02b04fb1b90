/* The slots of a vault: what is sealed in it, under which key, bound to what. */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/vault_work.h"

enum rep_code rep_vault_no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "vault: no memory");
}

/* What a slot's content is bound to: the replica and what it is for. */
struct bound {
	uint8_t bytes[REP_CIPHER_SALT + REP_DEVICE_LEN + 16];
};

static struct rep_cipher cipher_of(const struct rep_vault *vault, const char *purpose,
				   const uint8_t key[REP_CIPHER_KEY], struct bound *bound)
{
	memset(bound, 0, sizeof *bound);
	memcpy(bound->bytes, vault->salt, REP_CIPHER_SALT);
	memcpy(bound->bytes + REP_CIPHER_SALT, vault->device, REP_DEVICE_LEN);
	strncpy((char *)bound->bytes + REP_CIPHER_SALT + REP_DEVICE_LEN, purpose, 15);
	return (struct rep_cipher){key, bound->bytes, sizeof bound->bytes};
}

static void put_slot(uint8_t out[SLOT], const struct rep_vault *vault, const char *purpose,
		     const uint8_t key[REP_CIPHER_KEY], const uint8_t content[REP_CIPHER_KEY])
{
	struct bound bound;
	struct rep_nonce nonce;
	const struct rep_cipher cipher = cipher_of(vault, purpose, key, &bound);

	rep_nonce_init(&nonce);
	memcpy(out, vault->salt, REP_CIPHER_SALT);
	rep_cipher_seal(&cipher, &nonce, out + REP_CIPHER_SALT, content, REP_CIPHER_KEY,
			out + REP_CIPHER_SALT + REP_CIPHER_KEY);
}

bool rep_vault_is_own_slot(const uint8_t slot[SLOT], const struct rep_vault *vault)
{
	return memcmp(slot, vault->salt, REP_CIPHER_SALT) == 0;
}

bool rep_vault_open_slot(uint8_t out[REP_CIPHER_KEY], const struct rep_vault *vault,
			 const char *purpose, const uint8_t key[REP_CIPHER_KEY],
			 const uint8_t slot[SLOT])
{
	struct bound bound;
	const struct rep_cipher cipher = cipher_of(vault, purpose, key, &bound);

	return rep_cipher_open(&cipher, out, slot + REP_CIPHER_SALT, REP_CIPHER_KEY,
			       slot + REP_CIPHER_SALT + REP_CIPHER_KEY);
}

void rep_vault_derive(uint8_t out[REP_CIPHER_KEY], const char *purpose, const uint8_t *a,
		      const uint8_t *b)
{
	const struct rep_derive_part parts[] = {{a, REP_CIPHER_KEY}, {b, REP_CIPHER_KEY}};

	rep_derive(out, purpose, parts, b ? 2 : 1);
}

enum rep_code rep_vault_passphrase_key(const struct rep_vault *vault, const char *passphrase,
				       size_t len, bool make, uint8_t out[REP_CIPHER_KEY],
				       struct rep_error *err)
{
	uint8_t device[REP_CIPHER_KEY], stretched[REP_CIPHER_KEY];
	enum rep_code rc = rep_device_secret(device, vault->keys_dir, vault->device, make, err);

	if (rc == REP_OK)
		rc = rep_kdf_passphrase(stretched, passphrase, len, vault->kdf_salt, &vault->kdf,
					err);
	if (rc == REP_OK)
		rep_vault_derive(out, "repsync passphrase", stretched, device);
	rep_wipe(device, sizeof device);
	rep_wipe(stretched, sizeof stretched);
	return rc;
}

enum rep_code rep_vault_check_passphrase(size_t len, struct rep_error *err)
{
	if (len >= REP_PASSPHRASE_LEN_MIN && len <= REP_PASSPHRASE_LEN_MAX)
		return REP_OK;
	return rep_fail(err, REP_EUSAGE,
			len ? "the passphrase has %zu bytes, not %u to %u"
			    : "the passphrase is empty (%zu bytes, not %u to %u)",
			len, REP_PASSPHRASE_LEN_MIN, REP_PASSPHRASE_LEN_MAX);
}

enum rep_code rep_vault_put_passphrase(struct rep_vault *vault, const char *passphrase, size_t len,
				       const struct rep_kdf *kdf, bool make, struct rep_error *err)
{
	uint8_t key[REP_CIPHER_KEY];
	enum rep_code rc = rep_vault_check_passphrase(len, err);

	vault->kdf = kdf ? *kdf : rep_kdf_default;
	rep_random(vault->kdf_salt, sizeof vault->kdf_salt);
	if (rc == REP_OK)
		rc = rep_vault_passphrase_key(vault, passphrase, len, make, key, err);
	if (rc == REP_OK)
		put_slot(vault->passphrase, vault, "passphrase", key, vault->keys->root);
	rep_wipe(key, sizeof key);
	return rc;
}

void rep_vault_put_data(struct rep_vault *vault, const uint8_t lease_key[REP_CIPHER_KEY])
{
	uint8_t key[REP_CIPHER_KEY];

	rep_vault_derive(key, "repsync lease", vault->keys->root, NULL);
	put_slot(vault->lease_key, vault, "lease", key, lease_key);
	vault->lease_key_there = true;
	rep_vault_derive(key, "repsync data", vault->keys->root, lease_key);
	put_slot(vault->data, vault, "data", key, vault->keys->pages.key);
	rep_wipe(key, sizeof key);
}

enum rep_code rep_vault_put_recovery(struct rep_vault *vault, struct rep_error *err)
{
	uint8_t clear[RECOVERY_CLEAR];
	bool fine = true;

	memcpy(clear, vault->salt, REP_CIPHER_SALT);
	memcpy(clear + REP_CIPHER_SALT, vault->keys->root, REP_CIPHER_KEY);
	memcpy(clear + REP_CIPHER_SALT + REP_CIPHER_KEY, vault->keys->pages.key, REP_CIPHER_KEY);
	if (vault->recovery_there)
		fine = rep_box_seal(vault->recovery, clear, sizeof clear, vault->recovery_public);
	rep_wipe(clear, sizeof clear);
	return fine ? REP_OK : rep_fail(err, REP_EINVAL, "the company's recovery key is no key");
}

/* `key` is filled, and the caller's to wipe. */
static struct rep_cipher contact_cipher(const struct rep_vault *vault, uint8_t key[REP_CIPHER_KEY],
					struct bound *bound)
{
	rep_vault_derive(key, "repsync contact", vault->keys->root, NULL);
	return cipher_of(vault, "contact", key, bound);
}

enum rep_code rep_vault_put_contact(struct rep_vault *vault, const struct rep_json *contact,
				    struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(CONTACT_SIZE_MAX - REP_CIPHER_EXTRA);
	uint8_t key[REP_CIPHER_KEY], extra[REP_CIPHER_EXTRA];
	struct bound bound;
	struct rep_nonce nonce;
	struct rep_cipher cipher;
	enum rep_code rc;

	rep_json_write(&text, contact);
	rc = rep_buf_check(&text, "contact", err);
	if (rc == REP_OK) {
		cipher = contact_cipher(vault, key, &bound);
		rep_nonce_init(&nonce);
		rep_cipher_seal(&cipher, &nonce, text.data, text.data, text.len, extra);
		rep_buf_reset(&vault->contact);
		rep_buf_put(&vault->contact, text.data, text.len);
		rep_buf_put(&vault->contact, extra, sizeof extra);
		rc = rep_buf_check(&vault->contact, "contact", err);
	}
	rep_wipe(key, sizeof key);
	if (text.data)
		rep_wipe(text.data, text.cap);
	rep_buf_clear(&text);
	return rc;
}

enum rep_code rep_vault_contact(const struct rep_vault *vault, struct rep_json **out,
				struct rep_error *err)
{
	uint8_t key[REP_CIPHER_KEY];
	struct bound bound;
	struct rep_cipher cipher;
	size_t len = vault->contact.len - REP_CIPHER_EXTRA;
	char *text = malloc(len + 1);
	enum rep_code rc;

	*out = NULL;
	if (!text)
		return rep_vault_no_memory(err);
	cipher = contact_cipher(vault, key, &bound);
	rc = rep_cipher_open(&cipher, text, vault->contact.data, len,
			     (const uint8_t *)vault->contact.data + len)
		     ? rep_json_parse(out, text, len, REP_LINE_SIZE_MAX, REP_JSON_DEPTH_MAX, err)
		     : rep_fail(err, REP_EINTEGRITY, "the vault's contact does not verify");
	rep_wipe(key, sizeof key);
	rep_wipe(text, len);
	free(text);
	return rc;
}
