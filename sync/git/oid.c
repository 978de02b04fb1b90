#include "sync/git/git.h"

#include <sha1.h>
#include <stdio.h>
#include <string.h>

#include "sync/git/gitwrap.h"

const struct rep_oid rep_oid_zero = {{0}};

bool rep_oid_equal(const struct rep_oid *a, const struct rep_oid *b)
{
	return memcmp(a->bytes, b->bytes, REP_OID_SIZE) == 0;
}

bool rep_oid_is_zero(const struct rep_oid *oid)
{
	return rep_oid_equal(oid, &rep_oid_zero);
}

void rep_oid_hex(char out[REP_OID_HEX + 1], const struct rep_oid *oid)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < REP_OID_SIZE; i++) {
		out[2 * i] = digits[oid->bytes[i] >> 4];
		out[2 * i + 1] = digits[oid->bytes[i] & 15];
	}
	out[REP_OID_HEX] = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool rep_oid_parse(struct rep_oid *out, const char *hex)
{
	struct rep_oid oid;

	*out = rep_oid_zero;
	for (size_t i = 0; i < REP_OID_SIZE; i++) {
		int high = digit(hex[2 * i]);
		int low = high < 0 ? -1 : digit(hex[2 * i + 1]);

		if (low < 0)
			return false;
		oid.bytes[i] = (uint8_t)(high * 16 + low);
	}
	if (hex[REP_OID_HEX] != '\0')
		return false;
	*out = oid;
	return true;
}

git_oid rep_oid_to_git(const struct rep_oid *oid)
{
	git_oid out = {{0}};

	memcpy(out.id, oid->bytes, REP_OID_SIZE);
	return out;
}

struct rep_oid rep_oid_from_git(const git_oid *oid)
{
	struct rep_oid out;

	memcpy(out.bytes, oid->id, REP_OID_SIZE);
	return out;
}

git_object_t rep_object_to_git(enum rep_object type)
{
	switch (type) {
	case REP_OBJECT_COMMIT:
		return GIT_OBJECT_COMMIT;
	case REP_OBJECT_TREE:
		return GIT_OBJECT_TREE;
	case REP_OBJECT_BLOB:
		return GIT_OBJECT_BLOB;
	}
	return GIT_OBJECT_INVALID;
}

void rep_oid_of(struct rep_oid *out, enum rep_object type, const void *data, size_t len)
{
	struct rep_error ignored;
	git_oid oid;

	*out = rep_oid_zero;
	if (rep_libgit2_load(&ignored) == REP_OK &&
	    rep_libgit2.git_odb_hash(&oid, data, len, rep_object_to_git(type)) == 0)
		*out = rep_oid_from_git(&oid);
}

void rep_oid_again(struct rep_oid *out, enum rep_object type, const void *data, size_t len)
{
	static const char *const names[] = {"commit", "tree", "blob"};
	char head[32];
	int head_len = snprintf(head, sizeof head, "%s %zu", names[type], len);
	SHA1_CTX sha1;

	SHA1Init(&sha1);
	SHA1Update(&sha1, (const uint8_t *)head, (size_t)head_len + 1);
	SHA1Update(&sha1, data, len);
	SHA1Final(out->bytes, &sha1);
}
