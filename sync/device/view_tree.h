/*
 * A view as a list of what it holds: whole subtrees of central by their ids, single files, and the folders above them, which
 * are made here. Composing costs what the list is long, not what the subtrees hold. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_DEVICE_VIEW_TREE_H
#define REPSYNC_SYNC_DEVICE_VIEW_TREE_H

#include "sync/git/git.h"
#include "sync/git/pack.h"

/* The value lines of the device that were erased, in the root of its views: {"digest","index","seq"} a line. */
#define REP_VIEW_ERASED "erased.jsonl"

struct rep_view_entry {
	char *path;
	struct rep_oid oid;
	bool is_tree;
	char *data; /* of a file that was made for the view; NULL = it lies in central */
	size_t size_bytes;
};
struct rep_view_folder { /* a tree object that was made here */
	struct rep_oid oid;
	char *data;
	size_t size_bytes;
};
struct rep_view_tree {
	struct rep_view_entry *entries;
	size_t len, cap;
	struct rep_view_folder *folders;
	size_t folders_len, folders_cap;
};
void rep_view_tree_clear(struct rep_view_tree *tree);
/* Zero ids are left out. */
REP_CHECK enum rep_code rep_view_tree_add(struct rep_view_tree *tree, const char *path,
					  const struct rep_oid *oid, bool is_tree,
					  struct rep_error *err);
/* A file that central does not have; takes the bytes. */
REP_CHECK enum rep_code rep_view_tree_make_file(struct rep_view_tree *tree, const char *path,
						struct rep_buf *bytes, struct rep_error *err);
/* Takes the folder of this very path out again; false when it is not listed. */
bool rep_view_tree_take(struct rep_view_tree *tree, const char *path, struct rep_oid *oid);
/* Sorts the entries and makes the folders; *root is the tree of all. May be called once. */
REP_CHECK enum rep_code rep_view_tree_make(struct rep_view_tree *tree, struct rep_oid *root,
					   struct rep_error *err);
/* Adds what `pack`'s repository lacks of it: what was made here, subtrees and files from `central`. */
REP_CHECK enum rep_code rep_view_tree_copy(const struct rep_view_tree *tree, struct rep_pack *pack,
					   struct rep_git *central, struct rep_error *err);

#endif
