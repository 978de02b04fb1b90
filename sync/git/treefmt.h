/*
 * Private to sync: the bytes of a tree object and git's order of names.
 */
#ifndef REPSYNC_SYNC_GIT_TREEFMT_H
#define REPSYNC_SYNC_GIT_TREEFMT_H

#include "sync/git/git.h"

/* A folder of 100,000 files of 64-byte names is 9 MB; every folder of ours is far below. */
#define REP_TREE_SIZE_MAX (16u * 1024u * 1024u)
/* Central paths have at most 7 parts; a hostile tree may have 5,000. */
#define REP_TREE_DEPTH_MAX 16u
#define REP_TREE_NAME_MAX 128u
#define REP_TREE_PATH_MAX 1024u

/* [A-Za-z0-9._-]{1,128}, neither "." nor "..", nor ".git" in any case, not ending in ".lock". */
bool rep_tree_name_valid(const char *name, size_t len);
/* git sorts a tree as if its name ended in '/'. */
int rep_tree_name_compare(const char *a, bool a_is_tree, const char *b, bool b_is_tree);
void rep_tree_entry_put(struct rep_buf *out, const char *name, bool is_tree,
			const struct rep_oid *oid);
/* Two sorted folders side by side: zero but for the lists, which the caller keeps. */
struct rep_tree_pairs {
	const struct rep_tree_list *before, *after;
	size_t b, a;
};
/* The next name: its entry in each, NULL where it is not there. False at the end. */
bool rep_tree_pairs_next(struct rep_tree_pairs *pairs, const struct rep_tree_entry **before,
			 const struct rep_tree_entry **after);
/* Reads the bytes of a tree; rules as rep_tree_read. */
REP_CHECK enum rep_code rep_tree_parse(const char *data, size_t len, struct rep_tree_list *out,
				       struct rep_error *err);

#endif
