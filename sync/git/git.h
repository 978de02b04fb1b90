/*
 * The only libgit2 wrapper: repositories, objects, refs. docs/adr holds what libgit2 1.5.1 really does.
 *
 * rep_git_init sets GIT_OPT_ENABLE_FSYNC_GITDIR before any repository is opened (without it nothing is
 * durable). Objects are written only in packs (pack.h). A ref moves only by compare-and-swap, and after any
 * error it is read again, because the error may be false. git_commit_create and git_reference_create(force)
 * are never called.
 */
#ifndef REPSYNC_SYNC_GIT_GIT_H
#define REPSYNC_SYNC_GIT_GIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"

#define REP_OID_SIZE 20u
#define REP_OID_HEX 40u

struct rep_oid {
	uint8_t bytes[REP_OID_SIZE];
};
extern const struct rep_oid rep_oid_zero;
bool rep_oid_equal(const struct rep_oid *a, const struct rep_oid *b);
bool rep_oid_is_zero(const struct rep_oid *oid);
void rep_oid_hex(char out[REP_OID_HEX + 1], const struct rep_oid *oid);
bool rep_oid_parse(struct rep_oid *out, const char *hex);

enum rep_object { REP_OBJECT_COMMIT, REP_OBJECT_TREE, REP_OBJECT_BLOB };
/*
 * The id that git gives these bytes, made with detection of collisions (libgit2's): for what comes in or is new. The zero id, which no
 * object has, where libgit2 lacks memory or is not installed.
 */
void rep_oid_of(struct rep_oid *out, enum rep_object type, const void *data, size_t len);
/*
 * The same by plain SHA-1: whether bytes are still those of an id that was made with detection, here or by the hub that signed it. Half of
 * a colliding pair never got such an id, so that detecting it once is enough; and libgit2 need not be loaded to read.
 */
void rep_oid_again(struct rep_oid *out, enum rep_object type, const void *data, size_t len);

/* The configuration of every repository, as rep_git_create writes it. */
extern const char rep_git_config[];

/*
 * Loads and starts libgit2, once a process; idempotent. Called by what needs it: packs and refs of our own repositories do not, and starting
 * it costs several milliseconds (it parses the system's certificates).
 */
REP_CHECK enum rep_code rep_git_init(struct rep_error *err);

struct rep_git; /* an open bare repository; one thread */
/* Makes a bare repository with branch `head` as HEAD, no hooks, no templates; its config is rep_git_config. */
REP_CHECK enum rep_code rep_git_create(const char *path, const char *head, struct rep_error *err);
REP_CHECK enum rep_code rep_git_open(struct rep_git **out, const char *path, struct rep_error *err);
/*
 * One that strangers write to, to be read in a child whose memory is bounded: packs alone are read, never by libgit2, and no object of
 * `size_max` bytes or more.
 */
REP_CHECK enum rep_code rep_git_open_foreign(struct rep_git **out, const char *path,
					     size_t size_max, struct rep_error *err);
void rep_git_close(struct rep_git *git);
const char *rep_git_path(const struct rep_git *git);
/* Also finds what lies in the packs of another folder of objects: what is being pushed, before it is taken. */
REP_CHECK enum rep_code rep_git_add_objects(struct rep_git *git, const char *objects,
					    struct rep_error *err);
/* After packs were added by others; rep_pack_commit does it for its own. */
REP_CHECK enum rep_code rep_git_refresh(struct rep_git *git, struct rep_error *err);

/* After packs were removed: forgets what is mapped, and keeps the handle. */
REP_CHECK enum rep_code rep_git_reopen(struct rep_git *git, struct rep_error *err);

bool rep_git_has(struct rep_git *git, const struct rep_oid *oid);
/* Size and type from the header only, before anything is inflated. */
REP_CHECK enum rep_code rep_git_header(struct rep_git *git, const struct rep_oid *oid,
				       enum rep_object *type, size_t *size, struct rep_error *err);
/* Appends the object's bytes. REP_EINTEGRITY when absent or damaged, REP_ELIMIT above the buffer's limit (asked first). */
REP_CHECK enum rep_code rep_git_read(struct rep_git *git, const struct rep_oid *oid,
				     enum rep_object type, struct rep_buf *out,
				     struct rep_error *err);

/*
 * The object's deflated bytes as they lie in a pack, to be put into another pack as they are; *data is NULL when it is not
 * to be had in this form. Borrowed until the next call with this repository that looks for new packs.
 */
REP_CHECK enum rep_code rep_git_deflated(struct rep_git *git, const struct rep_oid *oid,
					 enum rep_object *type, size_t *size, const uint8_t **data,
					 size_t *len, struct rep_error *err);

/* Calls `each` for every object, in no order; what it returns other than REP_OK ends the walk. */
REP_CHECK enum rep_code rep_git_each(struct rep_git *git,
				     enum rep_code (*each)(void *user, const struct rep_oid *oid,
							   struct rep_error *err),
				     void *user, struct rep_error *err);

/* "refs/heads/main" ...; *out is zero when the ref does not exist. */
REP_CHECK enum rep_code rep_git_ref(struct rep_git *git, const char *ref, struct rep_oid *out,
				    struct rep_error *err);
/*
 * Compare-and-swap, durable: from `old` (zero = must not exist) to `new`. REP_EORDER when the ref is not
 * `old`. The object must be in the repository.
 */
REP_CHECK enum rep_code rep_git_cas(struct rep_git *git, const char *ref,
				    const struct rep_oid *old_oid, const struct rep_oid *new_oid,
				    struct rep_error *err);

struct rep_git_commit {
	struct rep_oid tree;
	struct rep_oid parent; /* zero = a root; more than one parent is an error */
	const char *author_name;
	const char *author_email;
	int64_t author_s; /* seconds since 1970, UTC */
	const char *committer_name;
	const char *committer_email;
	int64_t committer_s;
	const char *message;
};
/* The bytes of a commit object. Names are cleaned of `<>` and controls. */
void rep_git_commit_write(struct rep_buf *out, const struct rep_git_commit *commit);
/* Reads tree, parent and committer time of a commit. REP_EINVAL for more than one parent. */
REP_CHECK enum rep_code rep_git_commit_read(struct rep_git *git, const struct rep_oid *oid,
					    struct rep_oid *tree, struct rep_oid *parent,
					    int64_t *committer_s, struct rep_error *err);
/* Is `commit` the tip, or one that the tip goes back to? A zero tip has none. */
REP_CHECK enum rep_code rep_git_chain_has(struct rep_git *git, const struct rep_oid *tip,
					  const struct rep_oid *commit, bool *has,
					  struct rep_error *err);

struct rep_tree_entry {
	char *name;
	bool is_tree; /* else a blob of mode 100644; any other mode is refused when read */
	struct rep_oid oid;
};
struct rep_tree_list {
	struct rep_tree_entry *entries;
	size_t len;
};
/*
 * Reads a tree object as repsync writes them: names of [A-Za-z0-9._-], modes 040000 and 100644, in git's
 * order, no duplicate. Anything else is REP_EINTEGRITY. The zero id gives an empty list.
 */
REP_CHECK enum rep_code rep_tree_read(struct rep_git *git, const struct rep_oid *oid,
				      struct rep_tree_list *out, struct rep_error *err);
void rep_tree_list_clear(struct rep_tree_list *list);
/* Looks a path up from a tree; *out zero when it is not there. */
REP_CHECK enum rep_code rep_tree_find(struct rep_git *git, const struct rep_oid *tree,
				      const char *path, struct rep_oid *out, bool *is_tree,
				      struct rep_error *err);
/*
 * Walks what differs between two trees (zero = empty), blobs only, in path order; equal subtrees are
 * skipped by their id. `old_oid` is zero for an added, `new_oid` for a removed path.
 */
REP_CHECK enum rep_code rep_tree_diff(
	struct rep_git *git, const struct rep_oid *old_tree, const struct rep_oid *new_tree,
	enum rep_code (*each)(void *user, const char *path, const struct rep_oid *old_oid,
			      const struct rep_oid *new_oid, struct rep_error *err),
	void *user, struct rep_error *err);

/* Removes stale *.lock, pack_git2_*, tmp_objdir-*, orphan .idx. Only under the repository's lock. */
REP_CHECK enum rep_code rep_git_janitor(const char *path, struct rep_error *err);

#endif
