/*
 * Keys, signatures, hashes. Wraps libsodium. Ed25519 (RFC 8032), SHA-256, HMAC-SHA-256.
 */
#ifndef REPSYNC_CORE_MODEL_KEY_H
#define REPSYNC_CORE_MODEL_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define REP_HASH_SIZE 32u
#define REP_HASH_HEX 64u
#define REP_PUBLIC_SIZE 32u
#define REP_SECRET_SIZE 64u
#define REP_SIGNATURE_SIZE 64u
#define REP_SIGNATURE_BASE64 88u

/* Once, before anything else of this file; REP_EIO when the system gives no randomness. */
REP_CHECK enum rep_code rep_key_init(struct rep_error *err);

struct rep_key {
	uint8_t public[REP_PUBLIC_SIZE];
	uint8_t secret[REP_SECRET_SIZE];
};
void rep_key_make(struct rep_key *out); /* from the system's randomness */
void rep_key_from_seed(struct rep_key *out, const uint8_t seed[32]); /* tests and fixtures */
void rep_key_wipe(struct rep_key *key);

void rep_sign(char out[REP_SIGNATURE_BASE64 + 1], const struct rep_key *key, const void *data,
	      size_t len);
/* False for anything but a canonical base64 signature of exactly these bytes. */
bool rep_verify(const uint8_t public[REP_PUBLIC_SIZE], const void *data, size_t len,
		const char *signature);

void rep_random(void *out, size_t len);
void rep_sha256(uint8_t out[REP_HASH_SIZE], const void *data, size_t len);
void rep_sha256_hex(char out[REP_HASH_HEX + 1], const void *data, size_t len);
void rep_hmac_sha256_hex(char out[REP_HASH_HEX + 1], const uint8_t *secret, size_t secret_len,
			 const void *data, size_t len);

struct rep_sha256; /* streaming, for statements */
struct rep_sha256 *rep_sha256_new(void);
void rep_sha256_update(struct rep_sha256 *state, const void *data, size_t len);
void rep_sha256_final_hex(struct rep_sha256 *state, char out[REP_HASH_HEX + 1]); /* frees */

void rep_hex(char *out, const void *data, size_t len);   /* 2 * len + 1 bytes, lower case */
bool rep_unhex(void *out, const char *text, size_t len); /* exactly 2 * len lower-case digits */
/* A public key in hexadecimal; false for anything else, and for NULL. */
bool rep_public_read(uint8_t out[REP_PUBLIC_SIZE], const char *text);
/* A secret of 32 bytes as it lies in a file: 64 hexadecimal digits and LF. REP_EINVAL where it is none. */
REP_CHECK enum rep_code rep_secret_read(uint8_t out[32], const char *path, struct rep_error *err);
void rep_base64(char *out, const void *data, size_t len); /* 4 * ceil(len / 3) + 1 bytes, padded */
bool rep_unbase64(void *out, size_t len, const char *text); /* exactly len bytes, canonical */

#endif
