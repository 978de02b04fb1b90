#include "core/model/key.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "core/base/file.h"

_Static_assert(REP_HASH_SIZE == crypto_hash_sha256_BYTES, "SHA-256");
_Static_assert(REP_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "Ed25519 public key");
_Static_assert(REP_SECRET_SIZE == crypto_sign_SECRETKEYBYTES, "Ed25519 secret key");
_Static_assert(REP_SIGNATURE_SIZE == crypto_sign_BYTES, "Ed25519 signature");

enum rep_code rep_key_init(struct rep_error *err)
{
	if (sodium_init() < 0)
		return rep_fail(err, REP_EIO, "libsodium cannot start: no source of randomness");
	return REP_OK;
}

void rep_key_make(struct rep_key *out)
{
	crypto_sign_keypair(out->public, out->secret);
}

void rep_key_from_seed(struct rep_key *out, const uint8_t seed[32])
{
	crypto_sign_seed_keypair(out->public, out->secret, seed);
}

void rep_key_wipe(struct rep_key *key)
{
	sodium_memzero(key, sizeof *key);
}

void rep_sign(char out[REP_SIGNATURE_BASE64 + 1], const struct rep_key *key, const void *data,
	      size_t len)
{
	uint8_t signature[REP_SIGNATURE_SIZE];

	crypto_sign_detached(signature, NULL, data, len, key->secret);
	rep_base64(out, signature, sizeof signature);
}

/* libsodium refuses a non-canonical S and keys and points of small order: no second form of one. */
bool rep_verify(const uint8_t public[REP_PUBLIC_SIZE], const void *data, size_t len,
		const char *signature)
{
	uint8_t bytes[REP_SIGNATURE_SIZE];

	return rep_unbase64(bytes, sizeof bytes, signature) &&
	       crypto_sign_verify_detached(bytes, data, len, public) == 0;
}

void rep_random(void *out, size_t len)
{
	randombytes_buf(out, len);
}

void rep_sha256(uint8_t out[REP_HASH_SIZE], const void *data, size_t len)
{
	crypto_hash_sha256(out, data, len);
}

void rep_sha256_hex(char out[REP_HASH_HEX + 1], const void *data, size_t len)
{
	uint8_t hash[REP_HASH_SIZE];

	rep_sha256(hash, data, len);
	rep_hex(out, hash, sizeof hash);
}

void rep_hmac_sha256_hex(char out[REP_HASH_HEX + 1], const uint8_t *secret, size_t secret_len,
			 const void *data, size_t len)
{
	crypto_auth_hmacsha256_state state;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];

	crypto_auth_hmacsha256_init(&state, secret, secret_len);
	crypto_auth_hmacsha256_update(&state, data, len);
	crypto_auth_hmacsha256_final(&state, mac);
	rep_hex(out, mac, sizeof mac);
	sodium_memzero(&state, sizeof state);
}

struct rep_sha256 {
	crypto_hash_sha256_state state;
};

struct rep_sha256 *rep_sha256_new(void)
{
	struct rep_sha256 *state = malloc(sizeof *state);

	if (state)
		crypto_hash_sha256_init(&state->state);
	return state;
}

void rep_sha256_update(struct rep_sha256 *state, const void *data, size_t len)
{
	crypto_hash_sha256_update(&state->state, data, len);
}

void rep_sha256_final_hex(struct rep_sha256 *state, char out[REP_HASH_HEX + 1])
{
	uint8_t hash[REP_HASH_SIZE];

	crypto_hash_sha256_final(&state->state, hash);
	rep_hex(out, hash, sizeof hash);
	free(state);
}

void rep_hex(char *out, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = '\0';
}

static int digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool rep_unhex(void *out, const char *text, size_t len)
{
	uint8_t *bytes = out;

	for (size_t i = 0; i < len; i++) {
		int high = digit_value(text[2 * i]);
		int low = high < 0 ? -1 : digit_value(text[2 * i + 1]);

		if (low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * len] == '\0';
}

bool rep_public_read(uint8_t out[REP_PUBLIC_SIZE], const char *text)
{
	return text && rep_unhex(out, text, REP_PUBLIC_SIZE);
}

enum rep_code rep_secret_read(uint8_t out[32], const char *path, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(256);
	enum rep_code rc = rep_file_read(&text, path, err);
	const bool line = rc == REP_OK && text.len == 65 && text.data[64] == '\n';

	if (line)
		text.data[64] = '\0';
	if (rc == REP_ELIMIT || (rc == REP_OK && !(line && rep_unhex(out, text.data, 32))))
		rc = rep_fail(err, REP_EINVAL, "%s: not a line of 64 hexadecimal digits", path);
	if (text.data)
		explicit_bzero(text.data, text.cap);
	rep_buf_clear(&text);
	return rc;
}

void rep_base64(char *out, const void *data, size_t len)
{
	sodium_bin2base64(out, sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL), data,
			  len, sodium_base64_VARIANT_ORIGINAL);
}

static int sextet(char digit)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = digit ? strchr(digits, digit) : NULL;

	return found ? (int)(found - digits) : -1;
}

/*
 * By hand: libsodium 1.0.18 takes some bytes above 0x7F for digits, so that a signature would have
 * several texts. Here bits left over must be zero and padding complete.
 */
bool rep_unbase64(void *out, size_t len, const char *text)
{
	uint8_t *bytes = out;
	size_t got = 0, digits = (len * 4 + 2) / 3;
	uint32_t bits = 0;

	if (strlen(text) != (len + 2) / 3 * 4 ||
	    strspn(text + digits, "=") != strlen(text + digits))
		return false;
	for (size_t i = 0; i < digits; i++) {
		int value = sextet(text[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 != 0)
			bytes[got++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return len % 3 == 0 || (bits & (len % 3 == 1 ? 15u : 3u)) == 0;
}
