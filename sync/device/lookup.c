#include "sync/device/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "sync/git/treefmt.h"

/* Entries kept at the most, some 50 MB; beyond it everything is forgotten, which costs one more reading. */
#define ENTRIES_MAX 500000u
#define SLOTS_MIN 64u

struct folder {
	char *path; /* without a '/' at its end; "" = the root */
	struct rep_tree_list list;
};
struct rep_lookup {
	struct rep_git *git;
	struct rep_oid root;
	struct folder *slots; /* hash table; path NULL = free */
	size_t cap, len, entries;
};

static void forget(struct rep_lookup *lookup)
{
	for (size_t i = 0; i < lookup->cap; i++) {
		free(lookup->slots[i].path);
		rep_tree_list_clear(&lookup->slots[i].list);
	}
	free(lookup->slots);
	lookup->slots = NULL;
	lookup->cap = lookup->len = lookup->entries = 0;
}

enum rep_code rep_lookup_new(struct rep_lookup **out, struct rep_git *git,
			     const struct rep_oid *root, struct rep_error *err)
{
	struct rep_lookup *lookup = calloc(1, sizeof *lookup);

	*out = lookup;
	if (!lookup)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	lookup->git = git;
	lookup->root = *root;
	return REP_OK;
}

void rep_lookup_free(struct rep_lookup *lookup)
{
	if (!lookup)
		return;
	forget(lookup);
	free(lookup);
}

struct rep_git *rep_lookup_git(const struct rep_lookup *lookup)
{
	return lookup->git;
}

const struct rep_oid *rep_lookup_root(const struct rep_lookup *lookup)
{
	return &lookup->root;
}

/* ---- the table ---- */

static struct folder *slot_of(struct folder *slots, size_t cap, const char *path, size_t len)
{
	uint64_t hash = 1469598103934665603u; /* FNV-1a */
	size_t at;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)path[i]) * 1099511628211u;
	for (at = hash & (cap - 1); slots[at].path; at = (at + 1) & (cap - 1))
		if (strlen(slots[at].path) == len && memcmp(slots[at].path, path, len) == 0)
			break;
	return &slots[at];
}

static enum rep_code make_room(struct rep_lookup *lookup, struct rep_error *err)
{
	size_t cap = lookup->cap ? 2 * lookup->cap : SLOTS_MIN;
	struct folder *slots;

	if (lookup->entries > ENTRIES_MAX)
		forget(lookup);
	if (lookup->cap && 2 * lookup->len < lookup->cap)
		return REP_OK;
	if (!lookup->cap)
		cap = SLOTS_MIN;
	slots = calloc(cap, sizeof *slots);
	if (!slots)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	for (size_t i = 0; i < lookup->cap; i++)
		if (lookup->slots[i].path)
			*slot_of(slots, cap, lookup->slots[i].path, strlen(lookup->slots[i].path)) =
				lookup->slots[i];
	free(lookup->slots);
	lookup->slots = slots;
	lookup->cap = cap;
	return REP_OK;
}

static enum rep_code add_folder(struct rep_lookup *lookup, const char *path, size_t len,
				const struct rep_oid *tree, const struct rep_tree_list **out,
				struct rep_error *err)
{
	struct folder folder = {.path = strndup(path, len)};
	struct folder *slot;
	enum rep_code rc;

	rc = folder.path ? rep_tree_read(lookup->git, tree, &folder.list, err)
			 : rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		rc = make_room(lookup, err);
	if (rc != REP_OK) {
		free(folder.path);
		rep_tree_list_clear(&folder.list);
		return rc;
	}
	slot = slot_of(lookup->slots, lookup->cap, path, len);
	*slot = folder;
	lookup->len++;
	lookup->entries += folder.list.len + 1;
	*out = &slot->list;
	return REP_OK;
}

/* ---- paths ---- */

/* In git's order a folder's name counts as ended by '/'. */
static const struct rep_tree_entry *search(const struct rep_tree_list *list, const char *name,
					   bool is_tree)
{
	size_t low = 0, high = list->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct rep_tree_entry *entry = &list->entries[mid];
		int order = rep_tree_name_compare(entry->name, entry->is_tree, name, is_tree);

		if (order == 0)
			return entry->is_tree == is_tree ? entry : NULL;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* The entries of the folder that is the first `len` bytes of `path`; an absent one is empty, and kept as that. */
static enum rep_code folder_of(struct rep_lookup *lookup, const char *path, size_t len,
			       const struct rep_tree_list **out, struct rep_error *err)
{
	const struct rep_tree_entry *entry = NULL;
	const struct rep_tree_list *parent;
	struct rep_oid tree = rep_oid_zero;
	char name[REP_TREE_NAME_MAX + 1];
	const char *cut;
	size_t name_len;
	enum rep_code rc;

	if (lookup->cap) {
		const struct folder *slot = slot_of(lookup->slots, lookup->cap, path, len);

		*out = &slot->list;
		if (slot->path)
			return REP_OK;
	}
	if (len == 0)
		return add_folder(lookup, path, 0, &lookup->root, out, err);
	cut = memrchr(path, '/', len);
	name_len = cut ? len - (size_t)(cut + 1 - path) : len;
	rc = folder_of(lookup, path, cut ? (size_t)(cut - path) : 0, &parent, err);
	if (rc != REP_OK)
		return rc;
	if (name_len <= REP_TREE_NAME_MAX) {
		memcpy(name, path + len - name_len, name_len);
		name[name_len] = '\0';
		entry = search(parent, name, true);
	}
	if (entry)
		tree = entry->oid;
	return add_folder(lookup, path, len, &tree, out, err);
}

enum rep_code rep_lookup_find(struct rep_lookup *lookup, const char *path, struct rep_oid *out,
			      struct rep_error *err)
{
	const char *cut = strrchr(path, '/');
	const struct rep_tree_list *folder;
	const struct rep_tree_entry *entry;
	enum rep_code rc;

	*out = rep_oid_zero;
	rc = folder_of(lookup, path, cut ? (size_t)(cut - path) : 0, &folder, err);
	if (rc != REP_OK)
		return rep_wrap(err, rc, "find %s", path);
	entry = search(folder, cut ? cut + 1 : path, false);
	if (entry)
		*out = entry->oid;
	return REP_OK;
}
