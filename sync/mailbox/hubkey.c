#include "sync/mailbox/hubkey.h"

#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/changeset.h"
#include "core/model/signed.h"

void rep_hubkeys_one(struct rep_hubkeys *out, const uint8_t public[REP_PUBLIC_SIZE])
{
	memset(out, 0, sizeof *out);
	memcpy(out->keys[0].public, public, REP_PUBLIC_SIZE);
	out->len = 1;
	memcpy(out->last, rep_changeset_no_prev, sizeof out->last);
}

/* ---- documents ---- */

/* Signed documents have no other keys than they should: eight. */
static enum rep_code take(struct rep_hubkeys *keys, const struct rep_json *document,
			  struct rep_error *err)
{
	const char *time = rep_json_get_string(document, "time");
	const char *prev = rep_json_get_string(document, "prev");
	struct rep_hubkey *next = &keys->keys[keys->len];
	uint8_t old[REP_PUBLIC_SIZE];
	int64_t ms;

	*next = (struct rep_hubkey){.seq = rep_json_get_integer(document, "seq")};
	if (rep_json_size(document) != 8 || !time || !rep_time_parse(&ms, time) || !prev ||
	    next->seq < 0 || !rep_public_read(old, rep_json_get_string(document, "old")) ||
	    !rep_public_read(next->public, rep_json_get_string(document, "new")))
		return rep_fail(err, REP_EINTEGRITY, "it is not what such a document is");
	if (rep_json_get_integer(document, "number") != (int64_t)keys->len)
		return rep_fail(err, REP_EINTEGRITY, "it is number %lld, where %zu is due",
				(long long)rep_json_get_integer(document, "number"), keys->len);
	if (keys->len == 1)
		memcpy(keys->keys[0].public, old, sizeof old);
	if (strcmp(prev, keys->last) != 0 ||
	    memcmp(old, keys->keys[keys->len - 1].public, sizeof old) != 0)
		return rep_fail(err, REP_EINTEGRITY, "it does not continue the one before");
	memcpy(next->since, time, sizeof next->since);
	keys->len++;
	return REP_OK;
}

static enum rep_code read_one(struct rep_hubkeys *keys, struct rep_git *git,
			      const struct rep_oid *oid, const uint8_t root[REP_PUBLIC_SIZE],
			      struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_HUBKEY_DOCUMENT_MAX);
	struct rep_json *document = NULL;
	enum rep_code rc = rep_git_read(git, oid, REP_OBJECT_BLOB, &bytes, err);

	if (rc == REP_OK)
		rc = rep_root_check(&document, rep_buf_str(&bytes), bytes.len, "hub-key", root,
				    err);
	if (rc == REP_OK)
		rc = take(keys, document, err);
	if (rc == REP_OK)
		rep_sha256_hex(keys->last, bytes.data,
			       (size_t)(strchr(bytes.data, '\n') - bytes.data));
	if (rc == REP_EINVAL || rc == REP_ELIMIT)
		rc = err->code = REP_EINTEGRITY;
	rep_json_free(document);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code list_of(struct rep_git *git, const struct rep_oid *tree,
			     struct rep_tree_list *out, struct rep_error *err)
{
	struct rep_oid dir;
	bool is_tree = false;
	enum rep_code rc = rep_tree_find(git, tree, REP_HUBKEYS_DIR, &dir, &is_tree, err);

	if (rc != REP_OK || rep_oid_is_zero(&dir))
		return rc;
	return is_tree ? rep_tree_read(git, &dir, out, err)
		       : rep_fail(err, REP_EINTEGRITY, REP_HUBKEYS_DIR " is no folder");
}

static const struct rep_oid *entry_of(const struct rep_tree_list *list, size_t number)
{
	char name[32];

	snprintf(name, sizeof name, "%zu.json", number);
	for (size_t i = 0; i < list->len; i++)
		if (!list->entries[i].is_tree && strcmp(list->entries[i].name, name) == 0)
			return &list->entries[i].oid;
	return NULL;
}

enum rep_code rep_hubkeys_read(struct rep_hubkeys *out, struct rep_git *git,
			       const struct rep_oid *tree, const uint8_t first[REP_PUBLIC_SIZE],
			       const uint8_t root[REP_PUBLIC_SIZE], struct rep_error *err)
{
	struct rep_tree_list list = {0};
	enum rep_code rc = list_of(git, tree, &list, err);

	rep_hubkeys_one(out, first);
	if (rc == REP_OK && list.len > REP_HUBKEYS_MAX)
		rc = rep_fail(err, REP_ELIMIT, REP_HUBKEYS_DIR ": more than %u rolls",
			      REP_HUBKEYS_MAX);
	for (size_t n = 1; rc == REP_OK && n <= list.len; n++) {
		const struct rep_oid *oid = entry_of(&list, n);

		rc = oid ? read_one(out, git, oid, root, err)
			 : rep_fail(err, REP_EINTEGRITY, "it is missing");
		rc = rep_wrap(err, rc, REP_HUBKEYS_DIR "/%zu.json", n);
	}
	rep_tree_list_clear(&list);
	return rc;
}

enum rep_code rep_hubkeys_any(struct rep_git *git, const struct rep_oid *tree, bool *any,
			      struct rep_error *err)
{
	struct rep_tree_list list = {0};
	enum rep_code rc = list_of(git, tree, &list, err);

	*any = list.len > 0;
	rep_tree_list_clear(&list);
	return rc;
}

/* ---- which ---- */

size_t rep_hubkeys_find(const struct rep_hubkeys *keys, const uint8_t public[REP_PUBLIC_SIZE])
{
	size_t i = 0;

	while (i < keys->len && memcmp(keys->keys[i].public, public, REP_PUBLIC_SIZE) != 0)
		i++;
	return i;
}

const uint8_t *rep_hubkeys_signer(const struct rep_hubkeys *keys, const char *data, size_t len)
{
	const uint8_t *newest = keys->keys[keys->len - 1].public;
	const char *end = keys->len > 1 && len ? memchr(data, '\n', len) : NULL;
	char signature[REP_SIGNATURE_BASE64 + 1];

	/* Where there was one key only, its reader is the first to look at the signature. */
	if (!end || (size_t)(data + len - end) < REP_SIGNATURE_BASE64 + 4)
		return newest;
	memcpy(signature, end + 2, REP_SIGNATURE_BASE64);
	signature[REP_SIGNATURE_BASE64] = '\0';
	for (size_t i = keys->len; i-- > 0;)
		if (rep_verify(keys->keys[i].public, data, (size_t)(end - data), signature))
			return keys->keys[i].public;
	return newest;
}

const uint8_t *rep_hubkeys_at(const struct rep_hubkeys *keys, const char *time)
{
	size_t i = keys->len - 1;

	while (i > 0 && strcmp(time, keys->keys[i].since) < 0)
		i--;
	return keys->keys[i].public;
}

bool rep_hubkeys_given_up(const struct rep_hubkeys *keys, const uint8_t public[REP_PUBLIC_SIZE],
			  const char *time)
{
	return rep_hubkeys_find(keys, public) < rep_hubkeys_find(keys, rep_hubkeys_at(keys, time));
}

const uint8_t *rep_hubkeys_of_set(const struct rep_hubkeys *keys, int64_t seq)
{
	size_t i = keys->len - 1;

	while (i > 0 && seq <= keys->keys[i].seq)
		i--;
	return keys->keys[i].public;
}

/* ---- a new one ---- */

enum rep_code rep_hubkey_write(struct rep_buf *out, const struct rep_hubkeys *keys,
			       const uint8_t public[REP_PUBLIC_SIZE], const char *time, int64_t seq,
			       const struct rep_key *root, struct rep_error *err)
{
	struct rep_json *document = rep_json_object();
	char old[2 * REP_PUBLIC_SIZE + 1], new[2 * REP_PUBLIC_SIZE + 1];
	enum rep_code rc;

	rep_hex(old, keys->keys[keys->len - 1].public, REP_PUBLIC_SIZE);
	rep_hex(new, public, REP_PUBLIC_SIZE);
	rep_json_set_string(document, "type", "hub-key");
	rep_json_set_integer(document, "format", 1);
	rep_json_set_integer(document, "number", (int64_t)keys->len);
	rep_json_set_string(document, "old", old);
	rep_json_set_string(document, "new", new);
	rep_json_set_string(document, "prev", keys->last);
	rep_json_set_string(document, "time", time);
	rep_json_set_integer(document, "seq", seq);
	rc = rep_signed_write(out, document, root, err);
	rep_json_free(document);
	return rep_wrap(err, rc, "sign the hub's new key");
}
