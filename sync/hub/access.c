#include "sync/hub/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/limits.h"
#include "core/model/signed.h"
#include "sync/hub/access_chain.h"

/* ---- writing ---- */

/* Appends and syncs; what was not written to its end before goes first. */
static enum rep_code append(const char *path, size_t at, const struct rep_buf *entry,
			    struct rep_error *err)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
	enum rep_code rc = REP_OK;

	if (fd < 0)
		return rep_fail(err, REP_EIO, "open %s: %s", path, strerror(errno));
	if (ftruncate(fd, (off_t)at) < 0 || lseek(fd, 0, SEEK_END) < 0)
		rc = rep_fail(err, REP_EIO, "write %s: %s", path, strerror(errno));
	if (rc == REP_OK)
		rc = rep_fd_write(fd, entry->data, entry->len, path, err);
	if (rc == REP_OK && fsync(fd) < 0)
		rc = rep_fail(err, REP_EIO, "fsync %s: %s", path, strerror(errno));
	close(fd);
	return rc;
}

static struct rep_json *args_of(const struct rep_access *access)
{
	struct rep_json *args = rep_json_array();

	for (size_t i = 0; i < access->args_len; i++)
		if (!rep_json_append(args, rep_json_string(access->args[i]))) {
			rep_json_free(args);
			return NULL;
		}
	return args;
}

/* `rows` below 0: of the first entry, which does not know them. */
static enum rep_code write_entry(struct rep_buf *out, struct rep_hub *hub,
				 const struct rep_access *access,
				 const struct rep_access_chain *chain, int64_t asked, int64_t rows,
				 struct rep_error *err)
{
	struct rep_json *entry = rep_json_object();
	char time[REP_TIME_LEN + 1];
	enum rep_code rc;

	rep_time_format(time, access->now_ms);
	if (!rep_json_set_string(entry, "type", "access") ||
	    !rep_json_set_integer(entry, "format", 1) ||
	    !rep_json_set_integer(entry, "n", chain->n + 1) ||
	    !rep_json_set_string(entry, "prev", chain->hash) ||
	    !rep_json_set_string(entry, "time", time) ||
	    !rep_json_set_string(entry, "user", access->user) ||
	    !rep_json_set(entry, "rep",
			  access->rep ? rep_json_string(access->rep) : rep_json_null()) ||
	    !rep_json_set_string(entry, "command", access->command) ||
	    !rep_json_set(entry, "args", args_of(access)) ||
	    !rep_json_set(entry, "asked", rows < 0 ? rep_json_null() : rep_json_integer(asked)) ||
	    !rep_json_set(entry, "rows", rows < 0 ? rep_json_null() : rep_json_integer(rows)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	else
		rc = rep_signed_write(out, entry, &hub->key, err);
	rep_json_free(entry);
	return rc;
}

static enum rep_code log_entry(struct rep_hub *hub, const struct rep_access *access, int64_t asked,
			       int64_t rows, int64_t *n, struct rep_error *err)
{
	struct rep_buf spool = REP_BUF_INIT(REP_ACCESS_SPOOL_MAX);
	struct rep_buf entry = REP_BUF_INIT(REP_LINE_SIZE_MAX + 1024);
	char *path = rep_hub_path(hub->dir, "access.jsonl");
	struct rep_access_chain chain;
	struct rep_lock *lock = NULL;
	size_t used = 0;
	enum rep_code rc = path ? rep_access_lock(&lock, hub->dir, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	rep_access_chain_init(&chain);
	if (rc == REP_OK)
		rc = rep_access_central(hub, &chain, err);
	if (rc == REP_OK)
		rc = rep_access_spool(hub->dir, &spool, err);
	if (rc == REP_OK && spool.len)
		rc = rep_access_last(&chain, spool.data, spool.len, &hub->keys, &used, err);
	if (rc == REP_OK)
		rc = write_entry(&entry, hub, access, &chain, asked, rows, err);
	if (rc == REP_OK)
		rc = append(path, used, &entry, err);
	if (rc == REP_OK && !used)
		rc = rep_dir_sync(hub->dir, err);
	*n = chain.n + 1;
	rep_lock_free(lock);
	rep_buf_clear(&spool);
	rep_buf_clear(&entry);
	free(path);
	return rep_wrap(err, rc, "access log");
}

enum rep_code rep_access_begin(struct rep_hub *hub, const struct rep_access *access, int64_t *n,
			       struct rep_error *err)
{
	char now[REP_TIME_LEN + 1];

	*n = 0;
	rep_time_format(now, access->now_ms);
	if (access->rep && !rep_org_role(hub->org, access->rep, now))
		return rep_fail(err, REP_EREFUSED, "%s has no role in this company", access->rep);
	return log_entry(hub, access, 0, -1, n, err);
}

enum rep_code rep_access_end(struct rep_hub *hub, const struct rep_access *access, int64_t n,
			     int64_t rows, struct rep_error *err)
{
	int64_t own;

	return log_entry(hub, access, n, rows, &own, err);
}

/* ---- reading ---- */

struct listing {
	struct rep_hub *hub;
	struct rep_access_chain chain;
	enum rep_code (*each)(void *user, const struct rep_json *entry, struct rep_error *err);
	void *user;
	struct rep_oid *blobs; /* of central's segments, by first number */
	int64_t *firsts;
	size_t len, cap;
};

static enum rep_code on_entry(void *user, const struct rep_access_entry *entry,
			      struct rep_error *err)
{
	struct listing *listing = user;

	return listing->each(listing->user, entry->document, err);
}

static enum rep_code on_path(void *user, const char *path, const struct rep_oid *old_oid,
			     const struct rep_oid *new_oid, struct rep_error *err)
{
	struct listing *listing = user;
	const char *name = strrchr(path, '/');
	size_t at = listing->len;

	(void)old_oid;
	if (!name) /* head.json */
		return REP_OK;
	if (listing->len == listing->cap) {
		const size_t cap = listing->cap ? 2 * listing->cap : 64;
		struct rep_oid *blobs = reallocarray(listing->blobs, cap, sizeof *blobs);
		int64_t *firsts;

		listing->blobs = blobs ? blobs : listing->blobs;
		firsts = reallocarray(listing->firsts, cap, sizeof *firsts);
		listing->firsts = firsts ? firsts : listing->firsts;
		if (!blobs || !firsts)
			return rep_fail(err, REP_ENOMEM, "list the access log");
		listing->cap = cap;
	}
	/* Names are not in the order of numbers: 10-12 lies before 2-9. */
	for (; at > 0 && listing->firsts[at - 1] > strtoll(name + 1, NULL, 10); at--) {
		listing->firsts[at] = listing->firsts[at - 1];
		listing->blobs[at] = listing->blobs[at - 1];
	}
	listing->firsts[at] = strtoll(name + 1, NULL, 10);
	listing->blobs[at] = *new_oid;
	listing->len++;
	return REP_OK;
}

static enum rep_code list_central(struct listing *listing, struct rep_error *err)
{
	struct rep_oid head, root, parent, tree = rep_oid_zero;
	int64_t time_s;
	bool is_tree = false;
	enum rep_code rc = rep_git_ref(listing->hub->central, REP_MAIN, &head, err);

	if (rc == REP_OK)
		rc = rep_git_commit_read(listing->hub->central, &head, &root, &parent, &time_s,
					 err);
	if (rc == REP_OK)
		rc = rep_tree_find(listing->hub->central, &root, "access", &tree, &is_tree, err);
	if (rc == REP_OK && !rep_oid_is_zero(&tree))
		rc = rep_tree_diff(listing->hub->central, &rep_oid_zero, &tree, on_path, listing,
				   err);
	return rc;
}

enum rep_code rep_access_each(struct rep_hub *hub,
			      enum rep_code (*each)(void *user, const struct rep_json *entry,
						    struct rep_error *err),
			      void *user, struct rep_error *err)
{
	struct listing listing = {.hub = hub, .each = each, .user = user};
	struct rep_buf bytes = REP_BUF_INIT(REP_ACCESS_SPOOL_MAX);
	enum rep_code rc;

	rep_access_chain_init(&listing.chain);
	/* The folder first: a run that takes entries meanwhile gives them twice, not never. */
	rc = rep_access_spool(hub->dir, &bytes, err);
	if (rc == REP_OK)
		rc = list_central(&listing, err);
	for (size_t i = 0; rc == REP_OK && i < listing.len; i++) {
		struct rep_buf segment = REP_BUF_INIT(REP_ACCESS_SPOOL_MAX);

		rc = rep_git_read(hub->central, &listing.blobs[i], REP_OBJECT_BLOB, &segment, err);
		if (rc == REP_OK)
			rc = rep_access_walk(&listing.chain, rep_buf_str(&segment), segment.len,
					     &hub->keys, on_entry, &listing, NULL, err);
		rep_buf_clear(&segment);
	}
	if (rc == REP_OK)
		rc = rep_access_walk(&listing.chain, rep_buf_str(&bytes), bytes.len, &hub->keys,
				     on_entry, &listing, NULL, err);
	rep_buf_clear(&bytes);
	free(listing.blobs);
	free(listing.firsts);
	return rep_wrap(err, rc, "access log");
}
