/*
 * Copying what a repository lacks of a tree in another one. Children go before their tree, so that a tree
 * which is in the pack, or in a repository that only ever got whole packs, has all that is below it there
 * too: one look spares the whole subtree.
 */
#include <stdlib.h>

#include "sync/git/pack.h"
#include "sync/git/treefmt.h"

#define BLOB_SIZE_MAX (256u * 1024u * 1024u)

struct copy {
	struct rep_pack *pack;
	struct rep_git *from;
	unsigned depth;
	bool folders_only;
};

static bool is_there(const struct copy *copy, const struct rep_oid *oid)
{
	return rep_pack_has(copy->pack, oid) || rep_git_has(rep_pack_git(copy->pack), oid);
}

static enum rep_code read_and_add(struct rep_pack *pack, struct rep_git *from,
				  const struct rep_oid *oid, enum rep_object type,
				  struct rep_error *err)
{
	struct rep_buf buf = REP_BUF_INIT(BLOB_SIZE_MAX);
	struct rep_oid made;
	enum rep_code rc = rep_git_read(from, oid, type, &buf, err);

	if (!rc)
		rc = rep_pack_add(pack, type, buf.data, buf.len, &made, err);
	if (!rc && !rep_oid_equal(&made, oid))
		rc = rep_fail(err, REP_EINTEGRITY, "%s: an object has not the id of its bytes",
			      rep_git_path(from));
	rep_buf_clear(&buf);
	return rc;
}

enum rep_code rep_pack_add_from(struct rep_pack *pack, struct rep_git *from,
				const struct rep_oid *oid, enum rep_object type,
				struct rep_error *err)
{
	const uint8_t *deflated = NULL;
	enum rep_object found;
	size_t size = 0, len = 0;
	enum rep_code rc = rep_git_deflated(from, oid, &found, &size, &deflated, &len, err);

	if (!rc && found != type)
		rc = rep_fail(err, REP_EINTEGRITY, "%s: object of another type than expected",
			      rep_git_path(from));
	if (!rc && size > BLOB_SIZE_MAX)
		rc = rep_fail(err, REP_ELIMIT, "%s: object of %zu bytes", rep_git_path(from), size);
	if (!rc && deflated)
		return rep_pack_add_deflated(pack, oid, type, size, deflated, len, err);
	return rc ? rc : read_and_add(pack, from, oid, type, err);
}

static enum rep_code copy_object(struct copy *copy, const struct rep_oid *oid, enum rep_object type,
				 struct rep_error *err)
{
	return rep_pack_add_from(copy->pack, copy->from, oid, type, err);
}

static enum rep_code copy_tree(struct copy *copy, const struct rep_oid *tree,
			       const struct rep_oid *old_tree, struct rep_error *err);

/* The entry of the same name and kind in the old list, walked along in the same order. */
static const struct rep_oid *old_of(const struct rep_tree_list *old, size_t *at,
				    const struct rep_tree_entry *entry)
{
	for (; *at < old->len; (*at)++) {
		const struct rep_tree_entry *candidate = &old->entries[*at];
		int order = rep_tree_name_compare(candidate->name, candidate->is_tree, entry->name,
						  entry->is_tree);

		if (order == 0 && candidate->is_tree == entry->is_tree)
			return &candidate->oid;
		if (order >= 0)
			break;
	}
	return &rep_oid_zero;
}

static enum rep_code copy_entries(struct copy *copy, const struct rep_tree_list *list,
				  const struct rep_tree_list *old, struct rep_error *err)
{
	size_t at = 0;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; !rc && i < list->len; i++) {
		const struct rep_tree_entry *entry = &list->entries[i];
		const struct rep_oid *old_oid = old_of(old, &at, entry);

		if (rep_oid_equal(&entry->oid, old_oid) || is_there(copy, &entry->oid))
			continue;
		if (entry->is_tree)
			rc = copy_tree(copy, &entry->oid, old_oid, err);
		else if (!copy->folders_only)
			rc = copy_object(copy, &entry->oid, REP_OBJECT_BLOB, err);
	}
	return rc;
}

static enum rep_code copy_tree(struct copy *copy, const struct rep_oid *tree,
			       const struct rep_oid *old_tree, struct rep_error *err)
{
	struct rep_tree_list list = {0}, old = {0};
	enum rep_code rc;

	if (++copy->depth > REP_TREE_DEPTH_MAX)
		return rep_fail(err, REP_EINTEGRITY, "tree: nested too deep");
	rc = rep_tree_read(copy->from, tree, &list, err);
	if (!rc)
		rc = rep_tree_read(copy->from, old_tree, &old, err);
	if (!rc)
		rc = copy_entries(copy, &list, &old, err);
	if (!rc)
		rc = copy_object(copy, tree, REP_OBJECT_TREE, err);
	rep_tree_list_clear(&list);
	rep_tree_list_clear(&old);
	copy->depth--;
	return rc;
}

enum rep_code rep_pack_copy_tree(struct rep_pack *pack, struct rep_git *from,
				 const struct rep_oid *tree, const struct rep_oid *old_tree,
				 struct rep_error *err)
{
	struct copy copy = {.pack = pack, .from = from};
	enum rep_code rc = REP_OK;

	if (!rep_oid_is_zero(tree) && !rep_oid_equal(tree, old_tree) && !is_there(&copy, tree))
		rc = copy_tree(&copy, tree, old_tree, err);
	return rep_wrap(err, rc, "copy tree from %s", rep_git_path(from));
}

enum rep_code rep_pack_copy_folders(struct rep_pack *pack, struct rep_git *from,
				    const struct rep_oid *tree, struct rep_error *err)
{
	struct copy copy = {.pack = pack, .from = from, .folders_only = true};
	enum rep_code rc = REP_OK;

	if (!rep_oid_is_zero(tree) && !is_there(&copy, tree))
		rc = copy_tree(&copy, tree, &rep_oid_zero, err);
	return rep_wrap(err, rc, "copy folders from %s", rep_git_path(from));
}

/* The tree of a commit's parent, all of which is there or in the pack by now; zero when `from` has it no more. */
static enum rep_code parent_tree(struct rep_git *from, const struct rep_oid *parent,
				 struct rep_oid *out, struct rep_error *err)
{
	struct rep_oid ignored;
	int64_t time_s;
	enum rep_code rc = REP_OK;

	*out = rep_oid_zero;
	if (!rep_oid_is_zero(parent) && rep_git_has(from, parent))
		rc = rep_git_commit_read(from, parent, out, &ignored, &time_s, err);
	if (rc || !rep_git_has(from, out))
		*out = rep_oid_zero;
	return rc;
}

struct chain {
	struct rep_oid *commits; /* newest first */
	size_t len, cap;
};

static enum rep_code add_commit(struct chain *chain, const struct rep_oid *commit,
				struct rep_error *err)
{
	if (chain->len == chain->cap) {
		size_t cap = chain->cap ? 2 * chain->cap : 16;
		struct rep_oid *grown = realloc(chain->commits, cap * sizeof *grown);

		if (!grown)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		chain->commits = grown;
		chain->cap = cap;
	}
	chain->commits[chain->len++] = *commit;
	return REP_OK;
}

/* The commits that are to be copied. */
static enum rep_code find_chain(struct copy *copy, const struct rep_oid *tip,
				const struct rep_oid *stop, size_t max, struct chain *out,
				struct rep_error *err)
{
	struct rep_oid at = *tip;
	enum rep_code rc = REP_OK;

	while (!rc && !rep_oid_is_zero(&at) && !rep_oid_equal(&at, stop) && !is_there(copy, &at)) {
		const struct rep_oid commit = at;
		struct rep_oid tree;
		int64_t time_s;

		if (out->len >= max)
			return rep_fail(err, REP_ELIMIT, "more than %zu commits", max);
		rc = add_commit(out, &commit, err);
		if (!rc)
			rc = rep_git_commit_read(copy->from, &commit, &tree, &at, &time_s, err);
	}
	return rc;
}

static enum rep_code copy_commit(struct copy *copy, const struct rep_oid *commit,
				 struct rep_error *err)
{
	struct rep_oid tree, parent, before;
	int64_t time_s;
	enum rep_code rc = rep_git_commit_read(copy->from, commit, &tree, &parent, &time_s, err);

	if (!rc)
		rc = parent_tree(copy->from, &parent, &before, err);
	if (!rc)
		rc = rep_pack_copy_tree(copy->pack, copy->from, &tree, &before, err);
	return rc ? rc : copy_object(copy, commit, REP_OBJECT_COMMIT, err);
}

/*
 * Oldest first: what a commit shares with its parent is passed over, and only then is it there. (Newest first, a folder that became
 * again what it once was is taken for whole while its own folders still wait for the older commit.)
 */
enum rep_code rep_pack_copy_commits(struct rep_pack *pack, struct rep_git *from,
				    const struct rep_oid *tip, const struct rep_oid *stop,
				    size_t max, struct rep_error *err)
{
	struct copy copy = {.pack = pack, .from = from};
	struct chain chain = {0};
	enum rep_code rc = find_chain(&copy, tip, stop, max, &chain, err);

	for (size_t i = chain.len; !rc && i-- > 0;)
		rc = copy_commit(&copy, &chain.commits[i], err);
	free(chain.commits);
	return rep_wrap(err, rc, "copy commits from %s", rep_git_path(from));
}
