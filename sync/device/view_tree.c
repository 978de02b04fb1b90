#include "sync/device/view_tree.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/git/treefmt.h"

void rep_view_tree_clear(struct rep_view_tree *tree)
{
	for (size_t i = 0; i < tree->len; i++) {
		free(tree->entries[i].path);
		free(tree->entries[i].data);
	}
	for (size_t i = 0; i < tree->folders_len; i++)
		free(tree->folders[i].data);
	free(tree->entries);
	free(tree->folders);
	memset(tree, 0, sizeof *tree);
}

enum rep_code rep_view_tree_add(struct rep_view_tree *tree, const char *path,
				const struct rep_oid *oid, bool is_tree, struct rep_error *err)
{
	struct rep_view_entry *entry;

	if (rep_oid_is_zero(oid))
		return REP_OK;
	if (tree->len == tree->cap) {
		size_t cap = tree->cap ? 2 * tree->cap : 64;

		entry = reallocarray(tree->entries, cap, sizeof *entry);
		if (!entry)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		tree->entries = entry;
		tree->cap = cap;
	}
	entry = &tree->entries[tree->len];
	*entry = (struct rep_view_entry){.path = strdup(path), .oid = *oid, .is_tree = is_tree};
	if (!entry->path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	tree->len++;
	return REP_OK;
}

enum rep_code rep_view_tree_make_file(struct rep_view_tree *tree, const char *path,
				      struct rep_buf *bytes, struct rep_error *err)
{
	struct rep_view_entry *entry;
	struct rep_oid oid;
	enum rep_code rc;

	rep_oid_again(&oid, REP_OBJECT_BLOB, bytes->data, bytes->len);
	rc = rep_view_tree_add(tree, path, &oid, false, err);
	if (rc != REP_OK)
		return rc;
	entry = &tree->entries[tree->len - 1];
	entry->size_bytes = bytes->len;
	entry->data = rep_buf_take(bytes);
	return entry->data ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

bool rep_view_tree_take(struct rep_view_tree *tree, const char *path, struct rep_oid *oid)
{
	for (size_t i = 0; i < tree->len; i++) {
		if (!tree->entries[i].is_tree || strcmp(tree->entries[i].path, path) != 0)
			continue;
		*oid = tree->entries[i].oid;
		free(tree->entries[i].path);
		tree->entries[i] = tree->entries[--tree->len];
		return true;
	}
	return false;
}

/* ---- folders ---- */

/* git's order of names: a folder as if its name ended in '/', which in a whole path it does. */
static int compare(const void *a, const void *b)
{
	const struct rep_view_entry *x = a, *y = b;
	const char *p = x->path, *q = y->path;
	unsigned char c, d;

	while (*p && *p == *q) {
		p++;
		q++;
	}
	c = *p ? (unsigned char)*p : (x->is_tree ? '/' : 0);
	d = *q ? (unsigned char)*q : (y->is_tree ? '/' : 0);
	return (c > d) - (c < d);
}

static enum rep_code keep_folder(struct rep_view_tree *tree, const struct rep_oid *oid,
				 struct rep_buf *bytes, struct rep_error *err)
{
	struct rep_view_folder *folder;

	if (tree->folders_len == tree->folders_cap) {
		size_t cap = tree->folders_cap ? 2 * tree->folders_cap : 64;

		folder = reallocarray(tree->folders, cap, sizeof *folder);
		if (!folder)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		tree->folders = folder;
		tree->folders_cap = cap;
	}
	folder = &tree->folders[tree->folders_len++];
	*folder = (struct rep_view_folder){.oid = *oid, .size_bytes = bytes->len};
	folder->data = rep_buf_take(bytes);
	return folder->data ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

static enum rep_code make(struct rep_view_tree *tree, size_t from, size_t until, size_t depth,
			  struct rep_oid *out, struct rep_error *err);

/* The entry or folder that begins at *at, below `depth` bytes of path; *at moves behind it. */
static enum rep_code make_name(struct rep_view_tree *tree, size_t *at, size_t until, size_t depth,
			       struct rep_buf *bytes, struct rep_error *err)
{
	const struct rep_view_entry *entry = &tree->entries[*at];
	const char *name = entry->path + depth;
	size_t len = strcspn(name, "/"), end = *at + 1;
	char text[REP_TREE_NAME_MAX + 1];
	struct rep_oid oid = entry->oid;
	bool is_folder = name[len] == '/';
	enum rep_code rc = REP_OK;

	if (len > REP_TREE_NAME_MAX)
		return rep_fail(err, REP_ELIMIT, "%s: a name is too long", entry->path);
	memcpy(text, name, len);
	text[len] = '\0';
	while (is_folder && end < until &&
	       strncmp(tree->entries[end].path, entry->path, depth + len + 1) == 0)
		end++;
	if (is_folder)
		rc = make(tree, *at, end, depth + len + 1, &oid, err);
	rep_tree_entry_put(bytes, text, is_folder || entry->is_tree, &oid);
	*at = end;
	return rc;
}

static enum rep_code make(struct rep_view_tree *tree, size_t from, size_t until, size_t depth,
			  struct rep_oid *out, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_TREE_SIZE_MAX);
	enum rep_code rc = REP_OK;

	while (rc == REP_OK && from < until)
		rc = make_name(tree, &from, until, depth, &bytes, err);
	if (rc == REP_OK)
		rc = rep_buf_check(&bytes, "folder of a view", err);
	if (rc == REP_OK) {
		rep_oid_again(out, REP_OBJECT_TREE, bytes.data, bytes.len);
		rc = keep_folder(tree, out, &bytes, err);
	}
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_view_tree_make(struct rep_view_tree *tree, struct rep_oid *root,
				 struct rep_error *err)
{
	if (tree->len > 1)
		qsort(tree->entries, tree->len, sizeof *tree->entries, compare);
	return make(tree, 0, tree->len, 0, root, err);
}

/* ---- copying ---- */

static enum rep_code copy_file(struct rep_pack *pack, struct rep_git *central,
			       const struct rep_view_entry *entry, struct rep_error *err)
{
	struct rep_oid made;

	if (entry->data)
		return rep_pack_add(pack, REP_OBJECT_BLOB, entry->data, entry->size_bytes, &made,
				    err);
	return rep_pack_add_from(pack, central, &entry->oid, REP_OBJECT_BLOB, err);
}

/* What is below goes first: a folder that is in a mailbox has all that it holds there too. */
enum rep_code rep_view_tree_copy(const struct rep_view_tree *tree, struct rep_pack *pack,
				 struct rep_git *central, struct rep_error *err)
{
	struct rep_git *mailbox = rep_pack_git(pack);
	struct rep_oid made;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < tree->len; i++) {
		const struct rep_view_entry *entry = &tree->entries[i];

		if (entry->is_tree)
			rc = rep_pack_copy_tree(pack, central, &entry->oid, &rep_oid_zero, err);
		else if (!rep_pack_has(pack, &entry->oid) && !rep_git_has(mailbox, &entry->oid))
			rc = copy_file(pack, central, entry, err);
	}
	/* The last one is the root, which gets self.json before it is written. */
	for (size_t i = 0; rc == REP_OK && i + 1 < tree->folders_len; i++)
		if (!rep_git_has(mailbox, &tree->folders[i].oid))
			rc = rep_pack_add(pack, REP_OBJECT_TREE, tree->folders[i].data,
					  tree->folders[i].size_bytes, &made, err);
	return rc;
}
