/*
 * What encryption at rest is made of: authenticated encryption, keys from passphrases, sealed boxes, memory for secrets. Wraps
 * libsodium: XChaCha20-Poly1305-IETF (draft-irtf-cfrg-xchacha-03), Argon2id 1.3 (RFC 9106), BLAKE2b (RFC 7693), X25519 sealed
 * boxes.
 *
 * Nothing here reads a file or a clock. Every key is 32 bytes.
 */
#ifndef REPSYNC_CORE_MODEL_CIPHER_H
#define REPSYNC_CORE_MODEL_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/key.h"

#define REP_CIPHER_KEY 32u
#define REP_CIPHER_SALT 16u
#define REP_CIPHER_EXTRA 40u /* nonce (24) and tag (16) behind what was sealed */
#define REP_BOX_EXTRA 48u    /* what a sealed box is longer than its content */

/* ---- memory for secrets ---- */

/*
 * Zeroed memory with guard pages around it, kept out of swap and core dumps where the system allows, wiped when it is freed. NULL
 * without memory. The first one also forbids core dumps and tracing of this process.
 */
void *rep_secret_new(size_t size_bytes);
void rep_secret_free(void *secret); /* NULL is fine */
void rep_wipe(void *data, size_t len);
bool rep_secret_equal(const void *a, const void *b, size_t len); /* in constant time */

/* ---- authenticated encryption ---- */

/*
 * Nonces of one writer: 16 random bytes and a counter, so that none is used twice by anybody without asking the system each time.
 * Must not be copied.
 */
struct rep_nonce {
	uint8_t bytes[24];
};
void rep_nonce_init(struct rep_nonce *nonce);

/* A key and what a sealed text is bound to: it opens only with the same of both. Borrowed. */
struct rep_cipher {
	const uint8_t *key;
	const void *bound;
	size_t bound_len;
};
/* `out` has `len` bytes and may be `data`; nonce and tag go to `extra`. */
void rep_cipher_seal(const struct rep_cipher *cipher, struct rep_nonce *nonce, void *out,
		     const void *data, size_t len, uint8_t extra[REP_CIPHER_EXTRA]);
/* False, and `out` zeroed, unless `extra` was made for exactly these bytes; `out` may be `data`. */
REP_CHECK bool rep_cipher_open(const struct rep_cipher *cipher, void *out, const void *data,
			       size_t len, const uint8_t extra[REP_CIPHER_EXTRA]);

/* ---- deriving keys ---- */

struct rep_kdf {
	int64_t passes;
	int64_t memory_kib;
};
/* RFC 9106's second recommendation: 3 passes over 64 MiB, about 0.15 s on a laptop. */
extern const struct rep_kdf rep_kdf_default;
/* The bounds within which a file's own figures are believed: below, guessing is cheap; above, opening never ends. */
bool rep_kdf_valid(const struct rep_kdf *kdf);
/* REP_ENOMEM where the system does not give that much memory. */
REP_CHECK enum rep_code rep_kdf_passphrase(uint8_t out[REP_CIPHER_KEY], const char *passphrase,
					   size_t len, const uint8_t salt[REP_CIPHER_SALT],
					   const struct rep_kdf *kdf, struct rep_error *err);

/* BLAKE2b over `purpose` and the parts, each with its length (64 bits, little end first) before it: no two lists give one text. */
struct rep_derive_part {
	const void *data;
	size_t len;
};
void rep_derive(uint8_t out[REP_CIPHER_KEY], const char *purpose,
		const struct rep_derive_part *parts, size_t parts_len);

/* ---- sealed boxes: anyone may put in, only the secret key takes out ---- */

void rep_box_make(uint8_t public[REP_CIPHER_KEY], uint8_t secret[REP_CIPHER_KEY]);
/* The key pair that goes with an Ed25519 key (RFC 7748): who may sign may also receive. */
REP_CHECK bool rep_box_public_of(uint8_t public[REP_CIPHER_KEY],
				 const uint8_t signing[REP_PUBLIC_SIZE]);
void rep_box_secret_of(uint8_t secret[REP_CIPHER_KEY], const struct rep_key *key);
/* The public half of a secret key. */
void rep_box_public(uint8_t public[REP_CIPHER_KEY], const uint8_t secret[REP_CIPHER_KEY]);
/* `out` has len + REP_BOX_EXTRA bytes. False for a public key that is none. */
REP_CHECK bool rep_box_seal(void *out, const void *data, size_t len,
			    const uint8_t public[REP_CIPHER_KEY]);
/* `len` is that of the box; `out` has len - REP_BOX_EXTRA bytes. */
REP_CHECK bool rep_box_open(void *out, const void *box, size_t len,
			    const uint8_t secret[REP_CIPHER_KEY]);

#endif
