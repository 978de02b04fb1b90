#include "sync/hub/access_chain.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/limits.h"
#include "core/model/changeset.h"
#include "core/model/signed.h"

void rep_access_chain_init(struct rep_access_chain *chain)
{
	chain->n = 0;
	chain->key = 0;
	memcpy(chain->hash, rep_changeset_no_prev, sizeof chain->hash);
}

/* ---- head.json ---- */

enum rep_code rep_access_head_read(struct rep_access_chain *out, const char *data, size_t len,
				   struct rep_error *err)
{
	struct rep_json *document = NULL;
	const char *hash;
	enum rep_code rc =
		rep_json_parse(&document, data, len, REP_LINE_SIZE_MAX, REP_JSON_DEPTH_MAX, err);

	hash = rep_json_get_string(document, "hash");
	out->n = rep_json_get_integer(document, "n");
	if (rc == REP_OK && (out->n < 1 || !hash || strlen(hash) != REP_HASH_HEX))
		rc = rep_fail(err, REP_EINTEGRITY, "it is no head of the access log");
	if (rc == REP_OK)
		memcpy(out->hash, hash, sizeof out->hash);
	rep_json_free(document);
	return rep_wrap(err, rc, REP_ACCESS_HEAD);
}

void rep_access_head_write(struct rep_buf *out, const struct rep_access_chain *chain)
{
	rep_buf_printf(out, "{\"hash\":\"%s\",\"n\":%lld}\n", chain->hash, (long long)chain->n);
}

enum rep_code rep_access_central(struct rep_hub *hub, struct rep_access_chain *out,
				 struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_oid head, tree, parent, oid = rep_oid_zero;
	int64_t time_s;
	bool is_tree = false;
	enum rep_code rc = rep_git_ref(hub->central, REP_MAIN, &head, err);

	rep_access_chain_init(out);
	if (rc == REP_OK)
		rc = rep_git_commit_read(hub->central, &head, &tree, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_tree_find(hub->central, &tree, REP_ACCESS_HEAD, &oid, &is_tree, err);
	if (rc == REP_OK && !rep_oid_is_zero(&oid)) {
		rc = rep_git_read(hub->central, &oid, REP_OBJECT_BLOB, &bytes, err);
		if (rc == REP_OK)
			rc = rep_access_head_read(out, rep_buf_str(&bytes), bytes.len, err);
	}
	rep_buf_clear(&bytes);
	return rc;
}

/* ---- entries ---- */

/* The length of the entry's two lines; 0 when it is not there to its end. */
static size_t entry_size(const char *data, size_t len)
{
	const char *first = memchr(data, '\n', len), *second;

	if (!first)
		return 0;
	second = memchr(first + 1, '\n', len - (size_t)(first + 1 - data));
	return second ? (size_t)(second + 1 - data) : 0;
}

static enum rep_code check_entry(struct rep_access_chain *chain, const struct rep_json *entry,
				 const char *data, struct rep_error *err)
{
	const char *prev = rep_json_get_string(entry, "prev");
	const int64_t n = rep_json_get_integer(entry, "n");

	if (n != chain->n + 1)
		return rep_fail(err, REP_EINTEGRITY, "entry %lld where %lld is due", (long long)n,
				(long long)chain->n + 1);
	if (!prev || strcmp(prev, chain->hash) != 0)
		return rep_fail(err, REP_EINTEGRITY, "entry %lld does not continue the chain",
				(long long)n);
	if (!rep_json_get_string(entry, "command") || !rep_json_get_string(entry, "user") ||
	    !rep_json_get_string(entry, "time"))
		return rep_fail(err, REP_EINTEGRITY, "entry %lld lacks what it must tell",
				(long long)n);
	chain->n = n;
	rep_sha256_hex(chain->hash, data, (size_t)(strchr(data, '\n') - data));
	return REP_OK;
}

/* *key moves on to that of the entry. */
static enum rep_code read_entry(struct rep_json **out, const char *data, size_t size,
				const struct rep_hubkeys *keys, size_t *key, struct rep_error *err)
{
	const uint8_t *signer = rep_hubkeys_signer(keys, data, size);
	const size_t found = rep_hubkeys_find(keys, signer);
	enum rep_code rc = rep_signed_read(out, data, size, "access", signer, err);

	if (rc == REP_OK && found < *key)
		rc = rep_fail(err, REP_EINTEGRITY,
			      "it is signed with a key that the hub had given up before");
	if (rc == REP_OK)
		*key = found;
	return rc;
}

struct walk {
	struct rep_access_chain *chain;
	const struct rep_hubkeys *keys;
	enum rep_code (*each)(void *user, const struct rep_access_entry *entry,
			      struct rep_error *err);
	void *user;
};

/* *used: the bytes of the entries that were found good. */
static enum rep_code walk(const struct walk *walk, const char *data, size_t len, size_t *used,
			  struct rep_error *err)
{
	struct rep_access_chain *chain = walk->chain;
	size_t at = 0, size = entry_size(data, len);
	enum rep_code rc = REP_OK;

	while (rc == REP_OK && size > 0) {
		struct rep_access_entry entry = {.data = data + at, .size_bytes = size};
		struct rep_json *document = NULL;

		rc = read_entry(&document, data + at, size, walk->keys, &chain->key, err);
		if (rc != REP_OK)
			rc = rep_wrap(err, rc, "entry %lld", (long long)chain->n + 1);
		entry.document = document;
		entry.n = rep_json_get_integer(document, "n");
		if (rc == REP_OK && entry.n > chain->n) {
			rc = check_entry(chain, document, data + at, err);
			if (rc == REP_OK && walk->each)
				rc = walk->each(walk->user, &entry, err);
		}
		rep_json_free(document);
		at += rc == REP_OK ? size : 0;
		size = rc == REP_OK ? entry_size(data + at, len - at) : 0;
	}
	if (used)
		*used = at;
	return rc;
}

enum rep_code rep_access_walk(struct rep_access_chain *chain, const char *data, size_t len,
			      const struct rep_hubkeys *keys,
			      enum rep_code (*each)(void *user,
						    const struct rep_access_entry *entry,
						    struct rep_error *err),
			      void *user, size_t *used, struct rep_error *err)
{
	const struct walk all = {.chain = chain, .keys = keys, .each = each, .user = user};

	return walk(&all, data, len, used, err);
}

/*
 * Does the entry of `next` bytes bear the hash of the one of `size` bytes before it? Told by its text, without parsing it: entries are
 * canonical, and within a string the quotes would stand behind backslashes.
 */
static bool is_linked(const char *data, size_t size, size_t next)
{
	char prev[sizeof "\"prev\":\"" + REP_HASH_HEX + 1] = "\"prev\":\"";
	const size_t head = strlen(prev);

	rep_sha256_hex(prev + head, data, (size_t)((const char *)memchr(data, '\n', size) - data));
	prev[head + REP_HASH_HEX] = '"';
	return memmem(data + size, next, prev, head + REP_HASH_HEX + 1) != NULL;
}

enum rep_code rep_access_last(struct rep_access_chain *chain, const char *data, size_t len,
			      const struct rep_hubkeys *keys, size_t *used, struct rep_error *err)
{
	size_t at = 0, size = entry_size(data, len), next;
	struct rep_json *entry = NULL;
	int64_t n, before = 0; /* entries before the last */
	const char *prev;
	enum rep_code rc;

	*used = 0;
	if (!size)
		return REP_OK;
	for (; (next = entry_size(data + at + size, len - at - size)) > 0; before++) {
		if (!is_linked(data + at, size, next))
			return rep_fail(err, REP_EINTEGRITY, "the entry at byte %zu was changed",
					at);
		at += size;
		size = next;
	}
	rc = read_entry(&entry, data + at, size, keys, &chain->key, err);
	n = rep_json_get_integer(entry, "n");
	prev = rep_json_get_string(entry, "prev");
	if (rc == REP_OK && n - before > chain->n + 1)
		rc = rep_fail(err, REP_EINTEGRITY, "entry %lld where %lld is due",
			      (long long)(n - before), (long long)chain->n + 1);
	if (rc == REP_OK && before > 0 && n > chain->n && prev && strlen(prev) == REP_HASH_HEX) {
		chain->n = n - 1;
		memcpy(chain->hash, prev, sizeof chain->hash);
	}
	if (rc == REP_OK && n > chain->n)
		rc = check_entry(chain, entry, data + at, err);
	if (rc == REP_OK)
		*used = at + size;
	rep_json_free(entry);
	return rep_wrap(err, rc, "last entry");
}

/* ---- the folder's file ---- */

/* What a kill left of a log that was being cut. */
static void sweep(const char *dir)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)) != NULL)
		if (strncmp(entry->d_name, "access.jsonl.tmp-", strlen("access.jsonl.tmp-")) == 0)
			(void)unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		(void)closedir(stream);
}

enum rep_code rep_access_lock(struct rep_lock **out, const char *dir, struct rep_error *err)
{
	char *path = rep_hub_path(dir, "access.lock");
	enum rep_code rc;

	*out = NULL;
	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = rep_lock_take(out, path, "the access log", true, err);
	if (rc == REP_OK)
		sweep(dir);
	free(path);
	return rc;
}

enum rep_code rep_access_spool(const char *dir, struct rep_buf *out, struct rep_error *err)
{
	char *path = rep_hub_path(dir, "access.jsonl");
	enum rep_code rc = REP_OK;

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	if (rep_file_exists(path))
		rc = rep_file_read(out, path, err);
	free(path);
	return rc;
}

/* Where the entries above `n` begin. */
struct cut {
	int64_t n;
	const char *from;
};

static enum rep_code find_cut(void *user, const struct rep_access_entry *entry,
			      struct rep_error *err)
{
	struct cut *cut = user;

	(void)err;
	if (entry->n > cut->n && !cut->from)
		cut->from = entry->data;
	return REP_OK;
}

enum rep_code rep_access_cut(struct rep_hub *hub, int64_t n, struct rep_error *err)
{
	struct rep_buf spool = REP_BUF_INIT(REP_ACCESS_SPOOL_MAX);
	struct rep_access_chain chain;
	struct cut cut = {.n = n};
	struct rep_lock *lock = NULL;
	char *path = rep_hub_path(hub->dir, "access.jsonl");
	size_t used = 0, skip;
	enum rep_code rc = path ? rep_access_lock(&lock, hub->dir, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK)
		rc = rep_access_spool(hub->dir, &spool, err);
	if (rc == REP_OK && spool.len) {
		rc = rep_access_central(hub, &chain, err);
		if (rc == REP_OK)
			rc = rep_access_walk(&chain, spool.data, spool.len, &hub->keys, find_cut,
					     &cut, &used, err);
		if (rc == REP_EINTEGRITY)
			rc = REP_OK;
		skip = cut.from ? (size_t)(cut.from - spool.data) : used;
		if (rc == REP_OK && skip)
			rc = rep_file_write(path, spool.data + skip, spool.len - skip, 0600, err);
	}
	rep_lock_free(lock);
	rep_buf_clear(&spool);
	free(path);
	return rep_wrap(err, rc, "access log");
}
