#include "core/model/cipher.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <sodium.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define COUNTER_AT 16 /* random before, the count behind */

_Static_assert(REP_CIPHER_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(REP_CIPHER_EXTRA == NONCE + TAG, "nonce and tag");
_Static_assert(sizeof(struct rep_nonce) == NONCE, "nonce");
_Static_assert(REP_CIPHER_SALT == crypto_pwhash_argon2id_SALTBYTES, "salt");
_Static_assert(REP_BOX_EXTRA == crypto_box_SEALBYTES, "sealed box");
_Static_assert(REP_CIPHER_KEY == crypto_box_PUBLICKEYBYTES, "box key");

/* ---- memory for secrets ---- */

/* A dump of a program that holds a key is the key. Neither call needs to succeed for the rest to be right. */
static void forbid_dumps(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void *rep_secret_new(size_t size_bytes)
{
	void *secret = sodium_malloc(size_bytes);

	forbid_dumps();
	if (secret)
		memset(secret, 0, size_bytes);
	return secret;
}

void rep_secret_free(void *secret)
{
	sodium_free(secret);
}

void rep_wipe(void *data, size_t len)
{
	sodium_memzero(data, len);
}

bool rep_secret_equal(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

/* ---- authenticated encryption ---- */

void rep_nonce_init(struct rep_nonce *nonce)
{
	randombytes_buf(nonce->bytes, sizeof nonce->bytes);
}

void rep_cipher_seal(const struct rep_cipher *cipher, struct rep_nonce *nonce, void *out,
		     const void *data, size_t len, uint8_t extra[REP_CIPHER_EXTRA])
{
	sodium_increment(nonce->bytes + COUNTER_AT, sizeof nonce->bytes - COUNTER_AT);
	crypto_aead_xchacha20poly1305_ietf_encrypt_detached(out, extra + NONCE, NULL, data, len,
							    cipher->bound, cipher->bound_len, NULL,
							    nonce->bytes, cipher->key);
	memcpy(extra, nonce->bytes, NONCE);
}

bool rep_cipher_open(const struct rep_cipher *cipher, void *out, const void *data, size_t len,
		     const uint8_t extra[REP_CIPHER_EXTRA])
{
	if (crypto_aead_xchacha20poly1305_ietf_decrypt_detached(out, NULL, data, len, extra + NONCE,
								cipher->bound, cipher->bound_len,
								extra, cipher->key) == 0)
		return true;
	memset(out, 0, len);
	return false;
}

/* ---- deriving keys ---- */

const struct rep_kdf rep_kdf_default = {.passes = 3, .memory_kib = 64 * 1024};

bool rep_kdf_valid(const struct rep_kdf *kdf)
{
	return kdf->passes >= 1 && kdf->passes <= 100 && kdf->memory_kib >= 8 &&
	       kdf->memory_kib <= 4 * 1024 * 1024;
}

enum rep_code rep_kdf_passphrase(uint8_t out[REP_CIPHER_KEY], const char *passphrase, size_t len,
				 const uint8_t salt[REP_CIPHER_SALT], const struct rep_kdf *kdf,
				 struct rep_error *err)
{
	if (!rep_kdf_valid(kdf))
		return rep_fail(err, REP_EINVAL, "figures of argon2id out of bounds");
	if (crypto_pwhash_argon2id(out, REP_CIPHER_KEY, passphrase, len, salt,
				   (unsigned long long)kdf->passes, (size_t)kdf->memory_kib * 1024,
				   crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		return rep_fail(err, REP_ENOMEM, "key from the passphrase: no memory (%lld KiB)",
				(long long)kdf->memory_kib);
	return REP_OK;
}

static void add_part(crypto_generichash_state *state, const void *data, size_t len)
{
	uint8_t size[8];

	for (size_t i = 0; i < sizeof size; i++)
		size[i] = (uint8_t)((uint64_t)len >> (8 * i));
	crypto_generichash_update(state, size, sizeof size);
	crypto_generichash_update(state, data, len);
}

void rep_derive(uint8_t out[REP_CIPHER_KEY], const char *purpose,
		const struct rep_derive_part *parts, size_t parts_len)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, REP_CIPHER_KEY);
	add_part(&state, purpose, strlen(purpose));
	for (size_t i = 0; i < parts_len; i++)
		add_part(&state, parts[i].data, parts[i].len);
	crypto_generichash_final(&state, out, REP_CIPHER_KEY);
	sodium_memzero(&state, sizeof state);
}

/* ---- sealed boxes ---- */

void rep_box_make(uint8_t public[REP_CIPHER_KEY], uint8_t secret[REP_CIPHER_KEY])
{
	crypto_box_keypair(public, secret);
}

bool rep_box_public_of(uint8_t public[REP_CIPHER_KEY], const uint8_t signing[REP_PUBLIC_SIZE])
{
	return crypto_sign_ed25519_pk_to_curve25519(public, signing) == 0;
}

void rep_box_secret_of(uint8_t secret[REP_CIPHER_KEY], const struct rep_key *key)
{
	crypto_sign_ed25519_sk_to_curve25519(secret, key->secret);
}

void rep_box_public(uint8_t public[REP_CIPHER_KEY], const uint8_t secret[REP_CIPHER_KEY])
{
	crypto_scalarmult_base(public, secret);
}

bool rep_box_seal(void *out, const void *data, size_t len, const uint8_t public[REP_CIPHER_KEY])
{
	return crypto_box_seal(out, data, len, public) == 0;
}

bool rep_box_open(void *out, const void *box, size_t len, const uint8_t secret[REP_CIPHER_KEY])
{
	uint8_t public[REP_CIPHER_KEY];

	crypto_scalarmult_base(public, secret);
	return len >= REP_BOX_EXTRA && crypto_box_seal_open(out, box, len, public, secret) == 0;
}
