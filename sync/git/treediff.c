/*
 * What differs between two trees: both are walked together, entry by entry in git's order, and whatever has
 * the same id on both sides is skipped, so that the cost follows what changed.
 */
#include <string.h>

#include "sync/git/treefmt.h"

struct diff {
	struct rep_git *git;
	enum rep_code (*each)(void *user, const char *path, const struct rep_oid *old_oid,
			      const struct rep_oid *new_oid, struct rep_error *err);
	void *user;
	char path[REP_TREE_PATH_MAX];
	unsigned depth;
};

static enum rep_code walk(struct diff *diff, size_t path_len, const struct rep_oid *old_tree,
			  const struct rep_oid *new_tree, struct rep_error *err);

/* One name: `before` or `after` may be NULL, and both have the same kind when both are there. */
static enum rep_code one(struct diff *diff, size_t path_len, const struct rep_tree_entry *before,
			 const struct rep_tree_entry *after, struct rep_error *err)
{
	const struct rep_tree_entry *any = before ? before : after;
	const struct rep_oid *old_oid = before ? &before->oid : &rep_oid_zero;
	const struct rep_oid *new_oid = after ? &after->oid : &rep_oid_zero;
	size_t len = strlen(any->name);

	if (rep_oid_equal(old_oid, new_oid))
		return REP_OK;
	if (len + 2 > sizeof diff->path - path_len)
		return rep_fail(err, REP_EINTEGRITY, "tree: path too long");
	memcpy(diff->path + path_len, any->name, len + 1);
	if (!any->is_tree)
		return diff->each(diff->user, diff->path, old_oid, new_oid, err);
	diff->path[path_len + len] = '/';
	diff->path[path_len + len + 1] = '\0';
	return walk(diff, path_len + len + 1, old_oid, new_oid, err);
}

static enum rep_code walk(struct diff *diff, size_t path_len, const struct rep_oid *old_tree,
			  const struct rep_oid *new_tree, struct rep_error *err)
{
	struct rep_tree_list before = {0}, after = {0};
	struct rep_tree_pairs pairs = {.before = &before, .after = &after};
	const struct rep_tree_entry *old_entry, *new_entry;
	enum rep_code rc;

	if (++diff->depth > REP_TREE_DEPTH_MAX)
		return rep_fail(err, REP_EINTEGRITY, "tree: nested too deep");
	rc = rep_tree_read(diff->git, old_tree, &before, err);
	if (!rc)
		rc = rep_tree_read(diff->git, new_tree, &after, err);
	while (!rc && rep_tree_pairs_next(&pairs, &old_entry, &new_entry))
		rc = one(diff, path_len, old_entry, new_entry, err);
	rep_tree_list_clear(&before);
	rep_tree_list_clear(&after);
	diff->depth--;
	return rc;
}

enum rep_code rep_tree_diff(
	struct rep_git *git, const struct rep_oid *old_tree, const struct rep_oid *new_tree,
	enum rep_code (*each)(void *user, const char *path, const struct rep_oid *old_oid,
			      const struct rep_oid *new_oid, struct rep_error *err),
	void *user, struct rep_error *err)
{
	struct diff diff = {.git = git, .each = each, .user = user};

	if (rep_oid_equal(old_tree, new_tree))
		return REP_OK;
	return walk(&diff, 0, old_tree, new_tree, err);
}
