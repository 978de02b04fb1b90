/*
 * The one shape that a commit of an outbox may have. Against its parent's tree:
 *
 *	1 every entry of the parent is still there, with the same id; only statement.json may be newer
 *	2 what is new are blobs under names that a device makes: one segment, its receipt, statement.json; a root commit holds
 *	  enrol.json alone, or (made by the hub when it starts an outbox anew) nothing
 *	3 no folder but the months, no folder in a month, no empty folder
 */
#include "sync/mailbox/outboxwalk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/git/treefmt.h"
#include "sync/mailbox/mailbox.h"

#define ENROL_SIZE_MAX (64u * 1024u)
#define FILES_MAX 4u /* beyond three a commit is refused anyway */

struct found {
	char path[64];
	struct rep_oid oid;
	struct rep_outbox_name name;
};

struct step {
	struct rep_git *git;
	struct found files[FILES_MAX];
	size_t len;
};

/* Every refusal bears its code: mailbox.h lists them. */
static enum rep_code refuse(struct rep_error *err, const char *code, const char *path,
			    const char *why)
{
	return rep_fail(err, REP_EINTEGRITY, "[%s] %.100s: %s", code, path, why);
}

static enum rep_code note_new(struct step *step, const char *path, const struct rep_oid *oid,
			      struct rep_error *err)
{
	struct found *found;

	if (step->len == FILES_MAX)
		return refuse(err, "set", path, "too many new files in one commit");
	found = &step->files[step->len++];
	found->oid = *oid;
	if ((size_t)snprintf(found->path, sizeof found->path, "%s", path) >= sizeof found->path ||
	    !rep_outbox_name_parse(&found->name, path))
		return refuse(err, "name", path, "not a name that a device writes");
	return REP_OK;
}

/* One folder of the commit against the same folder of its parent; `month` is NULL for the root. */
static enum rep_code compare(struct step *step, const char *month, const struct rep_oid *before,
			     const struct rep_oid *after, struct rep_error *err);

static enum rep_code compare_entry(struct step *step, const char *month,
				   const struct rep_tree_entry *before,
				   const struct rep_tree_entry *after, struct rep_error *err)
{
	const struct rep_tree_entry *any = after ? after : before;
	const struct rep_oid *old_oid = before ? &before->oid : &rep_oid_zero;
	char path[300];

	snprintf(path, sizeof path, "%s%s%.128s", month ? month : "", month ? "/" : "", any->name);
	if (!after)
		return refuse(err, "removed", path, "removed");
	if (before && rep_oid_equal(&before->oid, &after->oid))
		return REP_OK;
	if (after->is_tree && month)
		return refuse(err, "folder", path, "a folder where none belongs");
	if (after->is_tree)
		return compare(step, after->name, old_oid, &after->oid, err);
	if (before && (month || strcmp(path, "statement.json") != 0))
		return refuse(err, "changed", path, "changed");
	return note_new(step, path, &after->oid, err);
}

static enum rep_code compare_lists(struct step *step, const char *month,
				   const struct rep_tree_list *before,
				   const struct rep_tree_list *after, struct rep_error *err)
{
	struct rep_tree_pairs pairs = {.before = before, .after = after};
	const struct rep_tree_entry *old_entry, *new_entry;
	enum rep_code rc = REP_OK;

	/* A file that became a folder, or the other way round, sorts elsewhere: it shows as removed, which is refused. */
	while (!rc && rep_tree_pairs_next(&pairs, &old_entry, &new_entry))
		rc = compare_entry(step, month, old_entry, new_entry, err);
	return rc;
}

static enum rep_code compare(struct step *step, const char *month, const struct rep_oid *before,
			     const struct rep_oid *after, struct rep_error *err)
{
	struct rep_tree_list old_list = {0}, new_list = {0};
	enum rep_code rc = rep_tree_read(step->git, before, &old_list, err);

	if (!rc)
		rc = rep_tree_read(step->git, after, &new_list, err);
	if (rc == REP_EINTEGRITY)
		rc = rep_wrap(err, rc, "[tree] %s", month ? month : "root");
	if (!rc && month && new_list.len == 0)
		rc = refuse(err, "empty", month, "an empty folder");
	if (!rc)
		rc = compare_lists(step, month, &old_list, &new_list, err);
	rep_tree_list_clear(&old_list);
	rep_tree_list_clear(&new_list);
	return rc;
}

/* Rule 2, once the new names are known. */
static enum rep_code check_set(const struct step *step, bool is_root, struct rep_error *err)
{
	const struct rep_outbox_name *segment = NULL, *receipt = NULL;

	if (is_root && step->len == 0)
		return REP_OK;
	if (step->len == 0)
		return rep_fail(err, REP_EINTEGRITY, "[empty] a commit without anything new");
	if (is_root && (step->len != 1 || step->files[0].name.kind != REP_OUTBOX_ENROL))
		return refuse(err, "set", step->files[0].path, "not what a first commit holds");
	for (size_t i = 0; i < step->len; i++) {
		const struct rep_outbox_name *name = &step->files[i].name;

		if (name->kind == REP_OUTBOX_ENROL && !is_root)
			return refuse(err, "set", step->files[i].path, "after the first commit");
		if ((name->kind == REP_OUTBOX_SEGMENT && segment) ||
		    (name->kind == REP_OUTBOX_RECEIPT && receipt))
			return refuse(err, "set", step->files[i].path,
				      "a second one in one commit");
		if (name->kind == REP_OUTBOX_SEGMENT)
			segment = name;
		if (name->kind == REP_OUTBOX_RECEIPT)
			receipt = name;
	}
	if (receipt &&
	    (!segment || segment->first != receipt->first || segment->last != receipt->last))
		return rep_fail(err, REP_EINTEGRITY, "[set] a receipt without its segment");
	return REP_OK;
}

static size_t size_max(enum rep_outbox_kind kind)
{
	switch (kind) {
	case REP_OUTBOX_SEGMENT:
		return REP_SEGMENT_HARD_MAX;
	case REP_OUTBOX_RECEIPT:
	case REP_OUTBOX_ENROL:
	case REP_OUTBOX_STATEMENT:
		return ENROL_SIZE_MAX;
	}
	return 0;
}

/* From the object's header: nothing is inflated. */
static enum rep_code check_size(struct rep_git *git, const struct found *found, size_t *sent,
				struct rep_error *err)
{
	enum rep_object type;
	size_t size;
	enum rep_code rc = rep_git_header(git, &found->oid, &type, &size, err);

	if (!rc && type != REP_OBJECT_BLOB)
		rc = refuse(err, "tree", found->path, "not a file");
	if (!rc && size > size_max(found->name.kind))
		rc = refuse(err, "size", found->path, "larger than any that a device writes");
	*sent += size;
	return rc;
}

/* Sends a file, after asking its size. */
static enum rep_code send_file(struct rep_git *git, const struct found *found,
			       struct rep_channel *channel, size_t *sent, struct rep_error *err)
{
	size_t path_size = strlen(found->path) + 1;
	struct rep_buf buf = REP_BUF_INIT(path_size + size_max(found->name.kind));
	enum rep_code rc;

	if (!channel) {
		rep_buf_clear(&buf);
		return check_size(git, found, sent, err);
	}
	rep_buf_put(&buf, found->path, path_size);
	rc = rep_git_read(git, &found->oid, REP_OBJECT_BLOB, &buf, err);
	if (rc == REP_ELIMIT)
		rc = refuse(err, "size", found->path, "larger than any that a device writes");
	if (!rc)
		rep_channel_put(channel, REP_WALK_FILE, buf.data, buf.len);
	*sent += buf.len;
	rep_buf_clear(&buf);
	return rc;
}

/* In the order in which they are wanted: a segment before its receipt. */
static enum rep_code send_files(const struct step *step, struct rep_channel *channel, size_t *sent,
				struct rep_error *err)
{
	static const enum rep_outbox_kind order[] = {REP_OUTBOX_ENROL, REP_OUTBOX_SEGMENT,
						     REP_OUTBOX_RECEIPT, REP_OUTBOX_STATEMENT};
	enum rep_code rc = REP_OK;

	for (size_t k = 0; k < sizeof order / sizeof *order; k++)
		for (size_t i = 0; !rc && i < step->len; i++)
			if (step->files[i].name.kind == order[k])
				rc = send_file(step->git, &step->files[i], channel, sent, err);
	return rc;
}

static enum rep_code one_commit(struct rep_git *git, const struct rep_oid *oid,
				struct rep_channel *channel, size_t *sent, struct rep_error *err)
{
	struct rep_oid tree, parent, parent_tree = rep_oid_zero, ignored;
	struct step step = {.git = git};
	char hex[REP_OID_HEX + 1];
	int64_t time_s;
	enum rep_code rc = rep_git_commit_read(git, oid, &tree, &parent, &time_s, err);

	if (!rc && !rep_oid_is_zero(&parent))
		rc = rep_git_commit_read(git, &parent, &parent_tree, &ignored, &time_s, err);
	if (!rc)
		rc = compare(&step, NULL, &parent_tree, &tree, err);
	if (!rc)
		rc = check_set(&step, rep_oid_is_zero(&parent), err);
	if (!rc)
		rc = send_files(&step, channel, sent, err);
	rep_oid_hex(hex, oid);
	if (rc == REP_EINVAL) /* two parents */
		rc = rep_fail(err, REP_EINTEGRITY, "%s", "[merge] a merge commit");
	if (!rc && channel)
		rep_channel_put(channel, REP_WALK_COMMIT, oid->bytes, REP_OID_SIZE);
	return rep_wrap(err, rc, "commit %.12s", hex);
}

/* The commits from tip back to known, newest first; as many as `out` has room for. */
static enum rep_code chain(struct rep_git *git, const struct rep_oid *known,
			   const struct rep_oid *tip, struct rep_buf *out, struct rep_error *err)
{
	struct rep_oid at = *tip, tree, parent;
	int64_t time_s;

	while (!rep_oid_equal(&at, known)) {
		enum rep_code rc;

		if (rep_oid_is_zero(&at) || !rep_git_has(git, &at))
			return rep_fail(
				err, REP_EINTEGRITY,
				"[rewind] rolled back or rewritten: the outbox does not continue "
				"what was read before");
		rep_buf_put(out, at.bytes, REP_OID_SIZE);
		if (out->failed)
			return rep_fail(err, REP_EINTEGRITY, "[many] more than %zu commits",
					out->limit / REP_OID_SIZE);
		rc = rep_git_commit_read(git, &at, &tree, &parent, &time_s, err);
		if (rc == REP_EINVAL)
			return rep_fail(err, REP_EINTEGRITY,
					"[merge] a commit with more than one parent");
		if (rc)
			return rc;
		at = parent;
	}
	return REP_OK;
}

enum rep_code rep_outbox_walk(struct rep_git *git, const struct rep_oid *known,
			      const struct rep_oid *tip, struct rep_channel *channel,
			      struct rep_error *err)
{
	const size_t commits_max = channel ? REP_WALK_CHAIN_MAX : REP_WALK_COMMITS_MAX;
	struct rep_buf commits = REP_BUF_INIT(commits_max * REP_OID_SIZE);
	size_t sent = 0, done = 0;
	enum rep_code rc = chain(git, known, tip, &commits, err);

	for (size_t i = commits.len / REP_OID_SIZE; !rc && i-- > 0;) {
		struct rep_oid oid;

		if (channel && (sent >= REP_WALK_SIZE_MAX || done++ >= REP_WALK_COMMITS_MAX))
			break;
		memcpy(oid.bytes, commits.data + i * REP_OID_SIZE, REP_OID_SIZE);
		rc = one_commit(git, &oid, channel, &sent, err);
	}
	rep_buf_clear(&commits);
	return rc;
}
