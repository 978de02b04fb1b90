#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/git/treefmt.h"

#define MODE_BLOB "100644 "
#define MODE_TREE "40000 "

bool rep_tree_name_valid(const char *name, size_t len)
{
	if (len == 0 || len > REP_TREE_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '_' || c == '-'))
			return false;
	}
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return false;
	return !(len == 4 && strncasecmp(name, ".git", 4) == 0);
}

int rep_tree_name_compare(const char *a, bool a_is_tree, const char *b, bool b_is_tree)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	size_t len = a_len < b_len ? a_len : b_len;
	int order = memcmp(a, b, len);
	unsigned char a_end, b_end;

	if (order)
		return order;
	a_end = a_len > len ? (unsigned char)a[len] : (a_is_tree ? '/' : 0);
	b_end = b_len > len ? (unsigned char)b[len] : (b_is_tree ? '/' : 0);
	return (a_end > b_end) - (a_end < b_end);
}

bool rep_tree_pairs_next(struct rep_tree_pairs *pairs, const struct rep_tree_entry **before,
			 const struct rep_tree_entry **after)
{
	const struct rep_tree_entry *b =
		pairs->b < pairs->before->len ? &pairs->before->entries[pairs->b] : NULL;
	const struct rep_tree_entry *a =
		pairs->a < pairs->after->len ? &pairs->after->entries[pairs->a] : NULL;
	int order = 0;

	if (!a && !b)
		return false;
	if (a && b)
		order = rep_tree_name_compare(b->name, b->is_tree, a->name, a->is_tree);
	else
		order = a ? 1 : -1;
	*before = order <= 0 ? b : NULL;
	*after = order >= 0 ? a : NULL;
	pairs->b += order <= 0;
	pairs->a += order >= 0;
	return true;
}

void rep_tree_entry_put(struct rep_buf *out, const char *name, bool is_tree,
			const struct rep_oid *oid)
{
	rep_buf_puts(out, is_tree ? MODE_TREE : MODE_BLOB);
	rep_buf_put(out, name, strlen(name) + 1);
	rep_buf_put(out, oid->bytes, REP_OID_SIZE);
}

void rep_tree_list_clear(struct rep_tree_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->entries[i].name);
	free(list->entries);
	*list = (struct rep_tree_list){0};
}

/* Parses one entry at *data and moves on; the text of what is wrong with it, or NULL. */
static const char *take_entry(const char **data, const char *end, struct rep_tree_entry *out,
			      const char **name, size_t *name_len)
{
	const char *p = *data, *stop;

	if (end - p > 7 && memcmp(p, MODE_BLOB, 7) == 0) {
		out->is_tree = false;
		p += 7;
	} else if (end - p > 6 && memcmp(p, MODE_TREE, 6) == 0) {
		out->is_tree = true;
		p += 6;
	} else {
		return "entry of a mode other than 100644 and 040000";
	}
	stop = memchr(p, '\0', (size_t)(end - p));
	if (!stop || (size_t)(end - stop) <= REP_OID_SIZE)
		return "cut short";
	*name = p;
	*name_len = (size_t)(stop - p);
	if (!rep_tree_name_valid(p, *name_len))
		return "entry with a name that is not allowed";
	memcpy(out->oid.bytes, stop + 1, REP_OID_SIZE);
	*data = stop + 1 + REP_OID_SIZE;
	return NULL;
}

static bool append(struct rep_tree_list *list, size_t *cap, const struct rep_tree_entry *entry)
{
	if (list->len == *cap) {
		size_t more = *cap ? *cap * 2 : 16;
		struct rep_tree_entry *grown = realloc(list->entries, more * sizeof *list->entries);

		if (!grown)
			return false;
		list->entries = grown;
		*cap = more;
	}
	list->entries[list->len++] = *entry;
	return true;
}

/*
 * Two entries of one name, a blob and a tree, may stand apart in git's order ("a", "a.b", "a/"). Names that
 * begin with the blob's name and sort before its tree lie between them, so it is looked for backwards from a
 * tree until a name no longer begins with its own.
 */
static bool has_blob_of_name(const struct rep_tree_list *list, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = list->len; i-- > 0;) {
		if (strncmp(list->entries[i].name, name, len) != 0)
			return false;
		if (list->entries[i].name[len] == '\0')
			return true;
	}
	return false;
}

/* Git's order, each name once. */
static bool may_follow(const struct rep_tree_list *list, const struct rep_tree_entry *entry)
{
	const struct rep_tree_entry *last = list->len ? &list->entries[list->len - 1] : NULL;

	if (!last)
		return true;
	if (rep_tree_name_compare(last->name, last->is_tree, entry->name, entry->is_tree) >= 0)
		return false;
	return !entry->is_tree || !has_blob_of_name(list, entry->name);
}

enum rep_code rep_tree_parse(const char *data, size_t len, struct rep_tree_list *out,
			     struct rep_error *err)
{
	struct rep_tree_list list = {0};
	const char *end = data + len;
	size_t cap = 0;
	enum rep_code rc = REP_OK;

	while (!rc && data < end) {
		struct rep_tree_entry entry = {0};
		const char *name = NULL;
		size_t name_len = 0;
		const char *wrong = take_entry(&data, end, &entry, &name, &name_len);

		if (wrong) {
			rc = rep_fail(err, REP_EINTEGRITY, "tree: %s", wrong);
			break;
		}
		entry.name = strndup(name, name_len);
		if (entry.name && !may_follow(&list, &entry))
			rc = rep_fail(err, REP_EINTEGRITY, "tree: \"%s\" is out of order or twice",
				      entry.name);
		else if (!entry.name || !append(&list, &cap, &entry))
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
		if (rc)
			free(entry.name);
	}
	if (rc)
		rep_tree_list_clear(&list);
	*out = list;
	return rc;
}

enum rep_code rep_tree_read(struct rep_git *git, const struct rep_oid *oid,
			    struct rep_tree_list *out, struct rep_error *err)
{
	struct rep_buf buf = REP_BUF_INIT(REP_TREE_SIZE_MAX);
	char hex[REP_OID_HEX + 1];
	enum rep_code rc;

	*out = (struct rep_tree_list){0};
	if (rep_oid_is_zero(oid))
		return REP_OK;
	rc = rep_git_read(git, oid, REP_OBJECT_TREE, &buf, err);
	if (!rc)
		rc = rep_tree_parse(buf.data, buf.len, out, err);
	rep_buf_clear(&buf);
	rep_oid_hex(hex, oid);
	return rep_wrap(err, rc, "tree %s", hex);
}

/* Looks one name up in the bytes of a tree, without making a list; *found tells. */
static enum rep_code look_up(const struct rep_buf *tree, const char *wanted, size_t wanted_len,
			     struct rep_tree_entry *out, bool *found, struct rep_error *err)
{
	const char *data = tree->data, *end = tree->data + tree->len;

	*found = false;
	while (data < end) {
		const char *name = NULL;
		size_t name_len = 0;
		const char *wrong = take_entry(&data, end, out, &name, &name_len);

		if (wrong)
			return rep_fail(err, REP_EINTEGRITY, "tree: %s", wrong);
		if (name_len == wanted_len && memcmp(name, wanted, name_len) == 0) {
			*found = true;
			return REP_OK;
		}
	}
	return REP_OK;
}

static enum rep_code find(struct rep_git *git, const struct rep_oid *tree, const char *path,
			  struct rep_buf *buf, struct rep_oid *out, bool *is_tree,
			  struct rep_error *err)
{
	struct rep_tree_entry entry = {.oid = *tree, .is_tree = true};
	bool found = true;

	for (;;) {
		size_t len = strcspn(path, "/");
		enum rep_code rc;

		rep_buf_reset(buf);
		rc = rep_git_read(git, &entry.oid, REP_OBJECT_TREE, buf, err);
		if (!rc)
			rc = look_up(buf, path, len, &entry, &found, err);
		if (rc || !found)
			return rc;
		if (path[len] == '\0') {
			*out = entry.oid;
			*is_tree = entry.is_tree;
			return REP_OK;
		}
		if (!entry.is_tree)
			return REP_OK;
		path += len + 1;
	}
}

enum rep_code rep_tree_find(struct rep_git *git, const struct rep_oid *tree, const char *path,
			    struct rep_oid *out, bool *is_tree, struct rep_error *err)
{
	struct rep_buf buf = REP_BUF_INIT(REP_TREE_SIZE_MAX);
	enum rep_code rc = REP_OK;

	*out = rep_oid_zero;
	*is_tree = false;
	if (!rep_oid_is_zero(tree))
		rc = find(git, tree, path, &buf, out, is_tree, err);
	rep_buf_clear(&buf);
	return rep_wrap(err, rc, "find %s", path);
}
