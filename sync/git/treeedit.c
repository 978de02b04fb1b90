/*
 * A tree being edited. A folder is read when a path first leads into it; from then on it is an array of nodes
 * sorted by the bytes of their names, and git's own order is made when it is written. Only folders that
 * changed are written, children first; whatever was not touched keeps its id unread.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/git/pack.h"
#include "sync/git/treefmt.h"

struct node {
	struct rep_oid oid; /* of the blob, or of the folder as last read or written */
	bool is_tree;
	bool loaded; /* a folder whose children are here */
	bool dirty;  /* a folder with edits that are not written */
	struct node **children;
	uint32_t len, cap;
	char name[];
};

struct rep_tree {
	struct rep_pack *pack; /* borrowed */
	struct node *root;
};

static struct node *node_new(const char *name, size_t name_len, const struct rep_oid *oid,
			     bool is_tree)
{
	struct node *node = calloc(1, sizeof *node + name_len + 1);

	if (!node)
		return NULL;
	memcpy(node->name, name, name_len);
	node->oid = *oid;
	node->is_tree = is_tree;
	return node;
}

static void node_free(struct node *node)
{
	if (!node)
		return;
	for (uint32_t i = 0; i < node->len; i++)
		node_free(node->children[i]);
	free(node->children);
	free(node);
}

static int name_order(const struct node *node, const char *name, size_t len)
{
	int order = strncmp(node->name, name, len);

	return order ? order : (unsigned char)node->name[len];
}

/* Where `name` is, or belongs. */
static uint32_t position(const struct node *folder, const char *name, size_t len, bool *found)
{
	uint32_t low = 0, high = folder->len;

	*found = false;
	/* Names mostly come in ascending order: UUIDv7 and numbers grow. */
	if (high > 0 && name_order(folder->children[high - 1], name, len) < 0)
		return high;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = name_order(folder->children[middle], name, len);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool insert(struct node *folder, uint32_t at, struct node *child)
{
	if (folder->len == folder->cap) {
		uint32_t cap = folder->cap ? folder->cap * 2 : 8;
		struct node **grown =
			folder->cap > UINT32_MAX / 4
				? NULL
				: realloc(folder->children, cap * sizeof(struct node *));

		if (!grown)
			return false;
		folder->children = grown;
		folder->cap = cap;
	}
	memmove(folder->children + at + 1, folder->children + at,
		(folder->len - at) * sizeof(struct node *));
	folder->children[at] = child;
	folder->len++;
	return true;
}

static void take_out(struct node *folder, uint32_t at)
{
	node_free(folder->children[at]);
	folder->len--;
	memmove(folder->children + at, folder->children + at + 1,
		(folder->len - at) * sizeof(struct node *));
}

static enum rep_code load(struct rep_tree *tree, struct node *folder, struct rep_error *err)
{
	struct rep_buf buf = REP_BUF_INIT(REP_TREE_SIZE_MAX);
	struct rep_tree_list list = {0};
	enum rep_code rc = REP_OK;

	if (folder->loaded)
		return REP_OK;
	if (!rep_oid_is_zero(&folder->oid)) {
		rc = rep_pack_read(tree->pack, &folder->oid, REP_OBJECT_TREE, &buf, err);
		if (!rc)
			rc = rep_tree_parse(buf.data, buf.len, &list, err);
	}
	for (size_t i = 0; !rc && i < list.len; i++) {
		const struct rep_tree_entry *entry = &list.entries[i];
		size_t len = strlen(entry->name);
		struct node *child = node_new(entry->name, len, &entry->oid, entry->is_tree);
		bool found;

		if (!child || !insert(folder, position(folder, entry->name, len, &found), child)) {
			node_free(child);
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
		}
	}
	rep_tree_list_clear(&list);
	rep_buf_clear(&buf);
	if (rc) {
		while (folder->len > 0)
			take_out(folder, folder->len - 1);
		return rc;
	}
	folder->loaded = true;
	return REP_OK;
}

enum rep_code rep_tree_edit(struct rep_tree **out, struct rep_pack *pack,
			    const struct rep_oid *base, struct rep_error *err)
{
	struct rep_tree *tree = calloc(1, sizeof *tree);

	*out = NULL;
	if (tree) {
		tree->pack = pack;
		tree->root = node_new("", 0, base, true);
	}
	if (!tree || !tree->root) {
		free(tree);
		return rep_fail(err, REP_ENOMEM, "out of memory");
	}
	/* The empty tree must be written when nothing else is. */
	tree->root->dirty = rep_oid_is_zero(base);
	*out = tree;
	return REP_OK;
}

void rep_tree_free(struct rep_tree *tree)
{
	if (!tree)
		return;
	node_free(tree->root);
	free(tree);
}

/* A path taken apart: the nodes from the root to the folder that holds its last name. */
struct way {
	struct node *folders[REP_TREE_DEPTH_MAX + 1];
	unsigned len;
	const char *name; /* the last part */
	size_t name_len;
	uint32_t at; /* its position in the last folder */
	bool found;  /* it is there */
	bool broken; /* a part before it is missing, or is a blob */
};

static enum rep_code way_check(const char *path, struct rep_error *err)
{
	unsigned parts = 0;

	for (const char *p = path;; p++) {
		size_t len = strcspn(p, "/");

		if (!rep_tree_name_valid(p, len) || ++parts > REP_TREE_DEPTH_MAX)
			return rep_fail(err, REP_EINVAL, "path \"%.200s\" is not allowed", path);
		p += len;
		if (*p == '\0')
			return REP_OK;
	}
}

/* Goes into folder `name` of `folder`; with `make` a missing one is made, and a blob in its place replaced. */
static enum rep_code enter(struct node *folder, const char *name, size_t len, bool make,
			   struct node **out, struct rep_error *err)
{
	bool found;
	uint32_t at = position(folder, name, len, &found);
	struct node *child = found ? folder->children[at] : NULL;

	*out = NULL;
	if (found && !child->is_tree && make) {
		take_out(folder, at);
		found = false;
	}
	if (!found && make) {
		child = node_new(name, len, &rep_oid_zero, true);
		if (!child || !insert(folder, at, child)) {
			node_free(child);
			return rep_fail(err, REP_ENOMEM, "out of memory");
		}
		child->dirty = true;
	}
	*out = child && child->is_tree ? child : NULL;
	return REP_OK;
}

static enum rep_code find_way(struct rep_tree *tree, const char *path, bool make, struct way *way,
			      struct rep_error *err)
{
	struct node *folder = tree->root;
	enum rep_code rc = way_check(path, err);

	*way = (struct way){0};
	while (!rc) {
		size_t len = strcspn(path, "/");

		rc = load(tree, folder, err);
		if (rc)
			break;
		way->folders[way->len++] = folder;
		way->name = path;
		way->name_len = len;
		if (path[len] == '\0') {
			way->at = position(folder, path, len, &way->found);
			break;
		}
		rc = enter(folder, path, len, make, &folder, err);
		if (rc || !folder) {
			way->broken = !rc;
			break;
		}
		path += len + 1;
	}
	return rc;
}

static void mark_dirty(const struct way *way)
{
	for (unsigned i = 0; i < way->len; i++)
		way->folders[i]->dirty = true;
}

enum rep_code rep_tree_put(struct rep_tree *tree, const char *path, const struct rep_oid *oid,
			   bool is_tree, struct rep_error *err)
{
	struct way way;
	struct node *folder, *old, *child;
	enum rep_code rc = find_way(tree, path, true, &way, err);

	if (rc)
		return rep_wrap(err, rc, "put %s", path);
	folder = way.folders[way.len - 1];
	old = way.found ? folder->children[way.at] : NULL;
	if (old && old->is_tree == is_tree && !old->dirty && rep_oid_equal(&old->oid, oid))
		return REP_OK;
	mark_dirty(&way);
	if (old && !old->is_tree && !is_tree) {
		old->oid = *oid;
		return REP_OK;
	}
	child = node_new(way.name, way.name_len, oid, is_tree);
	if (child && old) {
		folder->children[way.at] = child;
		node_free(old);
	} else if (!child || !insert(folder, way.at, child)) {
		node_free(child);
		return rep_fail(err, REP_ENOMEM, "put %s: out of memory", path);
	}
	return REP_OK;
}

enum rep_code rep_tree_put_blob(struct rep_tree *tree, const char *path, const void *data,
				size_t len, struct rep_error *err)
{
	struct rep_oid oid;
	enum rep_code rc = rep_pack_add(tree->pack, REP_OBJECT_BLOB, data, len, &oid, err);

	return rc == REP_OK ? rep_tree_put(tree, path, &oid, false, err) : rc;
}

enum rep_code rep_tree_put_line(struct rep_tree *tree, const char *path,
				const struct rep_json *document, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	enum rep_code rc;

	rep_json_write(&text, document);
	rep_buf_putc(&text, '\n');
	rc = rep_buf_check(&text, path, err);
	if (rc == REP_OK)
		rc = rep_tree_put_blob(tree, path, text.data, text.len, err);
	rep_buf_clear(&text);
	return rc;
}

enum rep_code rep_tree_remove(struct rep_tree *tree, const char *path, struct rep_error *err)
{
	struct way way;
	enum rep_code rc = find_way(tree, path, false, &way, err);

	if (rc || way.broken || !way.found)
		return rep_wrap(err, rc, "remove %s", path);
	mark_dirty(&way);
	take_out(way.folders[way.len - 1], way.at);
	for (unsigned i = way.len - 1; i > 0 && way.folders[i]->len == 0; i--) {
		struct node *parent = way.folders[i - 1];
		const char *name = way.folders[i]->name;
		bool found;

		take_out(parent, position(parent, name, strlen(name), &found));
	}
	return REP_OK;
}

static int by_git_order(const void *a, const void *b)
{
	const struct node *left = *(struct node *const *)a;
	const struct node *right = *(struct node *const *)b;

	return rep_tree_name_compare(left->name, left->is_tree, right->name, right->is_tree);
}

/* Writes `folder` and what changed below it; a folder left empty below the root is dropped. */
static enum rep_code write_folder(struct rep_tree *tree, struct node *folder, struct rep_error *err)
{
	struct rep_buf buf = REP_BUF_INIT(REP_TREE_SIZE_MAX);
	struct node **sorted = NULL;
	enum rep_code rc = REP_OK;

	if (!folder->dirty)
		return REP_OK;
	for (uint32_t i = folder->len; !rc && i-- > 0;) {
		struct node *child = folder->children[i];

		if (!child->is_tree || !child->dirty)
			continue;
		if (child->loaded && child->len == 0)
			take_out(folder, i);
		else
			rc = write_folder(tree, child, err);
	}
	sorted = malloc((folder->len + 1u) * sizeof(struct node *));
	if (!rc && !sorted)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc)
		goto out;
	if (folder->len > 0)
		memcpy(sorted, folder->children, folder->len * sizeof(struct node *));
	qsort(sorted, folder->len, sizeof(struct node *), by_git_order);
	for (uint32_t i = 0; i < folder->len; i++)
		rep_tree_entry_put(&buf, sorted[i]->name, sorted[i]->is_tree, &sorted[i]->oid);
	rc = rep_buf_check(&buf, "tree", err);
	if (!rc)
		rc = rep_pack_add(tree->pack, REP_OBJECT_TREE, buf.data, buf.len, &folder->oid,
				  err);
	if (!rc)
		folder->dirty = false;
out:
	free(sorted);
	rep_buf_clear(&buf);
	return rc;
}

enum rep_code rep_tree_get(struct rep_tree *tree, const char *path, struct rep_oid *out,
			   bool *is_tree, struct rep_error *err)
{
	struct way way;
	struct node *node;
	enum rep_code rc = find_way(tree, path, false, &way, err);

	*out = rep_oid_zero;
	*is_tree = false;
	if (rc || way.broken || !way.found)
		return rep_wrap(err, rc, "look up %s", path);
	node = way.folders[way.len - 1]->children[way.at];
	if (node->is_tree)
		rc = write_folder(tree, node, err);
	if (rc)
		return rep_wrap(err, rc, "look up %s", path);
	*out = node->oid;
	*is_tree = node->is_tree;
	return REP_OK;
}

enum rep_code rep_tree_write(struct rep_tree *tree, struct rep_oid *out, struct rep_error *err)
{
	enum rep_code rc = write_folder(tree, tree->root, err);

	*out = rc ? rep_oid_zero : tree->root->oid;
	return rep_wrap(err, rc, "write tree");
}
