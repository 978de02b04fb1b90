/* Tokens: an https device's password, and what is kept of it. RFC 2307's {SSHA}. */
#include <sha1.h>
#include <stdio.h>
#include <string.h>

#include "core/model/key.h"
#include "sync/mailbox/serve.h"

#define SALT_SIZE 8u
#define MARK "{SSHA}"

void rep_token_make(char out[REP_TOKEN_HEX + 1])
{
	uint8_t random[REP_TOKEN_HEX / 2];

	rep_random(random, sizeof random);
	rep_hex(out, random, sizeof random);
	explicit_bzero(random, sizeof random);
}

void rep_token_verifier(char out[REP_VERIFIER_LEN + 1], const char *token)
{
	uint8_t bytes[SHA1_DIGEST_LENGTH + SALT_SIZE];
	SHA1_CTX sha1;

	rep_random(bytes + SHA1_DIGEST_LENGTH, SALT_SIZE);
	SHA1Init(&sha1);
	SHA1Update(&sha1, (const uint8_t *)token, strlen(token));
	SHA1Update(&sha1, bytes + SHA1_DIGEST_LENGTH, SALT_SIZE);
	SHA1Final(bytes, &sha1);
	memcpy(out, MARK, sizeof MARK);
	rep_base64(out + sizeof MARK - 1, bytes, sizeof bytes);
}

bool rep_token_is_verifier(const char *text)
{
	uint8_t bytes[SHA1_DIGEST_LENGTH + SALT_SIZE];

	return strlen(text) == REP_VERIFIER_LEN && strncmp(text, MARK, sizeof MARK - 1) == 0 &&
	       rep_unbase64(bytes, sizeof bytes, text + sizeof MARK - 1);
}
