#include "core/model/id.h"

#include <string.h>

#include <sha1.h>

#include "core/base/limits.h"
#include "core/model/key.h"
#include "core/model/stamp.h"

/* UUIDv5 of "repsync" in the namespace DNS of RFC 9562: 225d75dc-08f5-515f-9fa8-a52dc71ac8b7. */
static const uint8_t namespace_bytes[16] = {0x22, 0x5d, 0x75, 0xdc, 0x08, 0xf5, 0x51, 0x5f,
					    0x9f, 0xa8, 0xa5, 0x2d, 0xc7, 0x1a, 0xc8, 0xb7};

static bool is_alnum(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= 'a' && byte <= 'z');
}

bool rep_id_valid(const char *id)
{
	size_t len;

	if (!is_alnum(id[0]))
		return false;
	for (len = 1; id[len]; len++) {
		if (len >= REP_ID_LEN_MAX)
			return false;
		if (!is_alnum(id[len]) && id[len] != '.' && id[len] != '_' && id[len] != '-')
			return false;
		if (id[len] == '.' && id[len - 1] == '.')
			return false;
	}
	return id[len - 1] != '.';
}

bool rep_device_valid(const char *device)
{
	size_t len;

	for (len = 0; device[len]; len++)
		if (len >= REP_DEVICE_LEN || !((device[len] >= '0' && device[len] <= '9') ||
					       (device[len] >= 'a' && device[len] <= 'v')))
			return false;
	return len == REP_DEVICE_LEN;
}

/* 8-4-4-4-12 lower-case digits. */
static void write_uuid(char *out, const uint8_t bytes[16])
{
	static const unsigned groups[] = {4, 2, 2, 2, 6};

	for (unsigned i = 0; i < sizeof groups / sizeof *groups; i++) {
		rep_hex(out, bytes, groups[i]);
		bytes += groups[i];
		out += 2 * groups[i];
		*out++ = '-';
	}
	out[-1] = '\0';
}

static bool read_uuid(uint8_t bytes[16], const char *text)
{
	char digits[33];
	size_t len = 0;

	for (size_t i = 0; i < REP_UUID_LEN; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return false;
			continue;
		}
		if (!text[i])
			return false;
		digits[len++] = text[i];
	}
	digits[len] = '\0';
	return text[REP_UUID_LEN] == '\0' && rep_unhex(bytes, digits, 16);
}

static void set_version(uint8_t bytes[16], unsigned version)
{
	bytes[6] = (uint8_t)((bytes[6] & 0x0F) | (version << 4));
	bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
}

void rep_uuid7(char *out, int64_t ms, const uint8_t random[10])
{
	uint8_t bytes[16];

	for (unsigned i = 0; i < 6; i++)
		bytes[i] = (uint8_t)((uint64_t)ms >> (40 - 8 * i));
	memcpy(bytes + 6, random, 10);
	set_version(bytes, 7);
	write_uuid(out, bytes);
}

bool rep_uuid7_ms(const char *id, int64_t *ms)
{
	uint8_t bytes[16];

	*ms = 0;
	if (!read_uuid(bytes, id) || bytes[6] >> 4 != 7 || bytes[8] >> 6 != 2)
		return false;
	for (unsigned i = 0; i < 6; i++)
		*ms = *ms << 8 | bytes[i];
	return true;
}

void rep_uuid5(char *out, const char *name, size_t len, const uint8_t *secret)
{
	char keyed[REP_HASH_HEX + 1];
	uint8_t digest[SHA1_DIGEST_LENGTH];
	SHA1_CTX context;

	if (secret) {
		rep_hmac_sha256_hex(keyed, secret, 32, name, len);
		name = keyed;
		len = REP_HASH_HEX;
	}
	SHA1Init(&context);
	SHA1Update(&context, namespace_bytes, sizeof namespace_bytes);
	SHA1Update(&context, (const uint8_t *)name, len);
	SHA1Final(digest, &context);
	set_version(digest, 5);
	write_uuid(out, digest);
}

void rep_device_id(char *out, const uint8_t random[8])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

	for (unsigned i = 0; i < REP_DEVICE_LEN; i++)
		out[i] = digits[random[i] & 31];
	out[REP_DEVICE_LEN] = '\0';
	if (strcmp(out, REP_HUB_DEVICE) == 0)
		out[0] = 'd';
}

void rep_fanout(char out[3], const char *text)
{
	uint8_t hash[REP_HASH_SIZE];

	rep_sha256(hash, text, strlen(text));
	rep_hex(out, hash, 1);
}
