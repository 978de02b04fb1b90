/*
 * The hub's own mailbox after an erasure. Nobody but the hub builds on its chain, so that the commits are made again with null in the place
 * of the erased lines: what it says stays there for a hub that is restored, the erasure among it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/erased.h"
#include "sync/git/pack.h"
#include "sync/mailbox/anew.h"
#include "sync/run/erasing.h"

/* ---- a segment ---- */

static enum rep_code erase_set(struct rep_db *db, const struct rep_changeset *set,
			       struct rep_buf *out, bool *changed, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	enum rep_code rc = REP_OK;

	rep_buf_put(&bytes, set->bytes, set->size_bytes);
	rc = rep_buf_check(&bytes, "a change set", err);
	for (size_t i = 0; rc == REP_OK && i < set->changes_len; i++) {
		struct rep_buf next = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
		bool found = false;

		if (!set->changes[i].line)
			continue;
		rc = rep_erased_find_line(db, set->device, set->seq, (unsigned)i, &found, NULL,
					  err);
		if (rc != REP_OK || !found)
			continue;
		rc = rep_changeset_erase(&next, bytes.data, bytes.len, i, err);
		rep_buf_clear(&bytes);
		bytes = next;
		*changed = true;
	}
	if (rc == REP_OK)
		rep_buf_put(out, bytes.data, bytes.len);
	rep_buf_clear(&bytes);
	return rc == REP_OK ? rep_buf_check(out, "a segment", err) : rc;
}

enum rep_code rep_erase_segment(struct rep_db *db, const char *data, size_t len,
				struct rep_buf *out, bool *changed, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	*changed = false;
	while (rc == REP_OK && len > 0) {
		struct rep_changeset set = {0};
		size_t used = 0;

		rc = rep_changeset_read(&set, &used, data, len, NULL, err);
		if (rc == REP_OK)
			rc = erase_set(db, &set, out, changed, err);
		rep_changeset_clear(&set);
		data += used;
		len -= used;
	}
	return rc;
}

/* ---- the chain ---- */

struct outbox {
	struct rep_hub *hub;
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_tree *tree;
	struct rep_buf bytes, clean;
};

static enum rep_code on_path(void *user, const char *path, const struct rep_oid *old_oid,
			     const struct rep_oid *new_oid, struct rep_error *err)
{
	struct outbox *outbox = user;
	struct rep_oid oid = *new_oid;
	struct rep_outbox_name name;
	bool changed = false;
	enum rep_code rc = REP_OK;

	(void)old_oid;
	if (rep_oid_is_zero(new_oid))
		return rep_tree_remove(outbox->tree, path, err);
	rep_buf_reset(&outbox->bytes);
	rep_buf_reset(&outbox->clean);
	if (rep_outbox_name_parse(&name, path) && name.kind == REP_OUTBOX_SEGMENT) {
		rc = rep_git_read(outbox->git, new_oid, REP_OBJECT_BLOB, &outbox->bytes, err);
		if (rc == REP_OK)
			rc = rep_erase_segment(outbox->hub->db, outbox->bytes.data,
					       outbox->bytes.len, &outbox->clean, &changed, err);
	}
	if (rc == REP_OK && changed)
		rc = rep_pack_add(outbox->pack, REP_OBJECT_BLOB, outbox->clean.data,
				  outbox->clean.len, &oid, err);
	return rc == REP_OK ? rep_tree_put(outbox->tree, path, &oid, false, err) : rc;
}

/* From the tip to the first; the caller's, also where it fails. */
static enum rep_code list_commits(struct rep_git *git, const struct rep_oid *tip,
				  struct rep_oid **out, size_t *len, struct rep_error *err)
{
	struct rep_oid at = *tip, tree, parent;
	size_t cap = 0;
	int64_t time_s;
	enum rep_code rc = REP_OK;

	*out = NULL;
	*len = 0;
	while (rc == REP_OK && !rep_oid_is_zero(&at)) {
		if (*len == cap) {
			struct rep_oid *grown;

			cap = cap ? 2 * cap : 256;
			grown = reallocarray(*out, cap, sizeof *grown);
			if (!grown)
				return rep_fail(err, REP_ENOMEM, "out of memory");
			*out = grown;
		}
		(*out)[(*len)++] = at;
		rc = rep_git_commit_read(git, &at, &tree, &parent, &time_s, err);
		at = parent;
	}
	return rc;
}

/* The commit with another tree and parent, and else as it is. */
static enum rep_code commit_again(const struct rep_erase_chain *chain, const struct rep_oid *commit,
				  const struct rep_oid *tree, struct rep_oid *tip,
				  struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX), made = bytes;
	char hex[REP_OID_HEX + 1];
	const char *rest;
	enum rep_code rc = rep_git_read(chain->git, commit, REP_OBJECT_COMMIT, &bytes, err);

	rest = rc == REP_OK ? strstr(rep_buf_str(&bytes), "\nauthor ") : NULL;
	if (rc == REP_OK && !rest)
		rc = rep_fail(err, REP_EINTEGRITY, "a commit has no author");
	if (rc == REP_OK) {
		rep_oid_hex(hex, tree);
		rep_buf_printf(&made, "tree %s", hex);
		rep_oid_hex(hex, tip);
		if (!rep_oid_is_zero(tip))
			rep_buf_printf(&made, "\nparent %s", hex);
		rep_buf_puts(&made, rest);
		rc = rep_buf_check(&made, "a commit", err);
	}
	if (rc == REP_OK)
		rc = rep_pack_add(chain->pack, REP_OBJECT_COMMIT, made.data, made.len, tip, err);
	rep_buf_clear(&bytes);
	rep_buf_clear(&made);
	return rc;
}

enum rep_code rep_erase_chain(const struct rep_erase_chain *chain, struct rep_oid *tip,
			      struct rep_error *err)
{
	struct rep_oid *commits, before = rep_oid_zero, tree, parent, now;
	int64_t time_s;
	size_t len;
	enum rep_code rc = list_commits(chain->git, tip, &commits, &len, err);

	*tip = rep_oid_zero;
	while (rc == REP_OK && len-- > 0) {
		rc = rep_git_commit_read(chain->git, &commits[len], &tree, &parent, &time_s, err);
		if (rc == REP_OK)
			rc = rep_tree_diff(chain->git, &before, &tree, chain->each, chain->user,
					   err);
		if (rc == REP_OK)
			rc = rep_tree_write(chain->tree, &now, err);
		if (rc == REP_OK)
			rc = commit_again(chain, &commits[len], &now, tip, err);
		before = tree;
	}
	free(commits);
	return rc;
}

/* Where it was read to is asked anew: of a chain that was made again the old place is none. */
static enum rep_code forget_tip(struct rep_hub *hub, struct rep_error *err)
{
	return rep_db_exec(hub->db, "DELETE FROM _mailbox WHERE device = '" REP_HUB_DEVICE "'",
			   err);
}

static enum rep_code rewrite(struct outbox *outbox, struct rep_error *err)
{
	struct rep_oid was, tip;
	enum rep_code rc = rep_git_ref(outbox->git, REP_OUTBOX, &was, err);
	const struct rep_erase_chain chain = {.git = outbox->git,
					      .pack = outbox->pack,
					      .tree = outbox->tree,
					      .each = on_path,
					      .user = outbox};

	tip = was;
	if (rc == REP_OK)
		rc = rep_erase_chain(&chain, &tip, err);
	if (rc != REP_OK || rep_oid_equal(&tip, &was))
		return rc;
	rc = forget_tip(outbox->hub, err);
	if (rc == REP_OK)
		rc = rep_pack_commit(outbox->pack, NULL, err);
	return rc == REP_OK ? rep_git_cas(outbox->git, REP_OUTBOX, &was, &tip, err) : rc;
}

enum rep_code rep_erase_outbox(struct rep_hub *hub, struct rep_error *err)
{
	struct outbox outbox = {.hub = hub,
				.bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX),
				.clean = REP_BUF_INIT(REP_SEGMENT_HARD_MAX)};
	char *path = rep_hub_mailbox(hub->dir, REP_HUB_DEVICE);
	struct rep_lock *lock = NULL;
	enum rep_code rc = path ? rep_mailbox_lock(&lock, path, true, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK)
		rc = rep_git_janitor(path, err);
	if (rc == REP_OK)
		rc = rep_git_open(&outbox.git, path, err);
	if (rc == REP_OK)
		rc = rep_pack_new(&outbox.pack, outbox.git, err);
	if (rc == REP_OK)
		rc = rep_tree_edit(&outbox.tree, outbox.pack, &rep_oid_zero, err);
	if (rc == REP_OK)
		rc = rewrite(&outbox, err);
	rep_tree_free(outbox.tree);
	rep_pack_free(outbox.pack);
	rep_git_close(outbox.git);
	if (rc == REP_OK)
		rc = rep_mailbox_tidy(path, err);
	rep_lock_free(lock);
	rep_buf_clear(&outbox.bytes);
	rep_buf_clear(&outbox.clean);
	free(path);
	return rep_wrap(err, rc, "erase in the hub's own mailbox");
}
