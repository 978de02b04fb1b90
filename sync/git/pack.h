/*
 * Writing objects: one streamed pack, never loose objects.
 *
 * A pack builder collects objects (each once), deflated as they come, and becomes a pack with its index in a
 * repository, synced to disk, at commit. Objects added but not committed can be read back, so that trees may
 * be edited further. Memory is bounded by spilling to an unlinked temporary file.
 */
#ifndef REPSYNC_SYNC_GIT_PACK_H
#define REPSYNC_SYNC_GIT_PACK_H

#include "core/base/json.h"
#include "sync/git/git.h"

struct rep_pack;
REP_CHECK enum rep_code rep_pack_new(struct rep_pack **out, struct rep_git *git,
				     struct rep_error *err);
void rep_pack_free(struct rep_pack *pack);           /* drops what was not committed */
struct rep_git *rep_pack_git(struct rep_pack *pack); /* borrowed: where it will be committed */
/* Adds an object and gives its id. One that the pack already has is not added again. */
REP_CHECK enum rep_code rep_pack_add(struct rep_pack *pack, enum rep_object type, const void *data,
				     size_t len, struct rep_oid *out, struct rep_error *err);
/* Adds an object in the form that rep_git_deflated gives, unread; `oid` is believed. One that the pack already has is not added again. */
REP_CHECK enum rep_code rep_pack_add_deflated(struct rep_pack *pack, const struct rep_oid *oid,
					      enum rep_object type, size_t size,
					      const uint8_t *deflated, size_t len,
					      struct rep_error *err);
/*
 * Adds the object from another repository: as it lies there, where it can be had so (its checksums are compared), else read and
 * deflated anew.
 */
REP_CHECK enum rep_code rep_pack_add_from(struct rep_pack *pack, struct rep_git *from,
					  const struct rep_oid *oid, enum rep_object type,
					  struct rep_error *err);
/* Adds a commit. */
REP_CHECK enum rep_code rep_pack_add_commit(struct rep_pack *pack,
					    const struct rep_git_commit *commit,
					    struct rep_oid *out, struct rep_error *err);
bool rep_pack_has(const struct rep_pack *pack, const struct rep_oid *oid);
/* From the pack, else from its repository. */
REP_CHECK enum rep_code rep_pack_read(struct rep_pack *pack, const struct rep_oid *oid,
				      enum rep_object type, struct rep_buf *out,
				      struct rep_error *err);
size_t rep_pack_count(const struct rep_pack *pack);
/*
 * Writes pack and index, durable, and has the repository take them up; an empty pack writes nothing. The builder is empty afterwards; after a
 * failure it still holds its objects. `size_bytes` may be NULL.
 */
REP_CHECK enum rep_code rep_pack_commit(struct rep_pack *pack, uint64_t *size_bytes,
					struct rep_error *err);

/*
 * Adds to `pack` every object of `tree` in `from` that is neither reachable from `old_tree` (zero = none) at the
 * same path nor already in the pack's own repository. Returns how many.
 */
REP_CHECK enum rep_code rep_pack_copy_tree(struct rep_pack *pack, struct rep_git *from,
					   const struct rep_oid *tree,
					   const struct rep_oid *old_tree, struct rep_error *err);

/* The same without blobs: only the folders. */
REP_CHECK enum rep_code rep_pack_copy_folders(struct rep_pack *pack, struct rep_git *from,
					      const struct rep_oid *tree, struct rep_error *err);
#define REP_CHAIN_MAX 1000000u /* commits that are moved at once, at the most */
/*
 * Adds the commits of `from` from `tip` back to `stop` (zero = to the root) or to the first that the pack's repository
 * has, with all that their trees need. REP_ELIMIT beyond `max` commits.
 */
REP_CHECK enum rep_code rep_pack_copy_commits(struct rep_pack *pack, struct rep_git *from,
					      const struct rep_oid *tip, const struct rep_oid *stop,
					      size_t max, struct rep_error *err);

/*
 * A tree being edited in memory: folders are read when first touched and written once.
 */
struct rep_tree;
REP_CHECK enum rep_code rep_tree_edit(struct rep_tree **out, struct rep_pack *pack,
				      const struct rep_oid *base,
				      struct rep_error *err); /* zero base = empty */
void rep_tree_free(struct rep_tree *tree);
/* Puts a blob (or, for is_tree, a whole subtree by id) at a path, making folders. */
REP_CHECK enum rep_code rep_tree_put(struct rep_tree *tree, const char *path,
				     const struct rep_oid *oid, bool is_tree,
				     struct rep_error *err);
/* The same with a blob that is added here; and one that is this document, in one line. */
REP_CHECK enum rep_code rep_tree_put_blob(struct rep_tree *tree, const char *path, const void *data,
					  size_t len, struct rep_error *err);
REP_CHECK enum rep_code rep_tree_put_line(struct rep_tree *tree, const char *path,
					  const struct rep_json *document, struct rep_error *err);
/* Removes a path and the folders it leaves empty; absent is fine. */
REP_CHECK enum rep_code rep_tree_remove(struct rep_tree *tree, const char *path,
					struct rep_error *err);
/* *out zero when absent; a folder with unwritten edits is written first. */
REP_CHECK enum rep_code rep_tree_get(struct rep_tree *tree, const char *path, struct rep_oid *out,
				     bool *is_tree, struct rep_error *err);
/* Adds the changed folders to the pack and gives the root's id (the empty tree's id when empty). Editing may go on. */
REP_CHECK enum rep_code rep_tree_write(struct rep_tree *tree, struct rep_oid *out,
				       struct rep_error *err);

#endif
