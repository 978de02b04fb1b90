/*
 * History against statements that somebody kept elsewhere. What the hub's own key made consistent anew does not fit them: the
 * statement of that run is another one, or the journals do not hold what it names.
 *
 * A kept statement is found in main by its run. The commit that brought it has the journals as they were; their heads must give the
 * hash that was signed, and each of them must be in today's journals still.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/changeset.h"
#include "core/model/id.h"
#include "sync/audit/verify_hub.h"
#include "sync/hub/access_chain.h"
#include "sync/hub/central.h"
#include "sync/mailbox/document.h"

#define FILE_MAX (64u * 1024u * 1024u)

struct keeping {
	struct rep_verifying *verifying;
	const struct rep_json *statement;
	char where[64];
	struct rep_oid commit, root; /* that brought it */
	struct rep_buf heads;        /* lines */
};

static void wrong(const struct keeping *keeping, const char *what)
{
	rep_problems_add(keeping->verifying->problems, keeping->where, "%s", what);
}

/* ---- the commit that brought it ---- */

static enum rep_code blob_of(struct rep_verifying *verifying, const struct rep_oid *commit,
			     const char *path, struct rep_oid *root, struct rep_oid *blob,
			     struct rep_oid *parent, struct rep_error *err)
{
	int64_t time_s;
	bool is_tree = false;
	enum rep_code rc = rep_git_commit_read(verifying->git, commit, root, parent, &time_s, err);

	*blob = rep_oid_zero;
	return rc == REP_OK ? rep_tree_find(verifying->git, root, path, blob, &is_tree, err) : rc;
}

/* Statements are only added, so that the commit is the last one back that has it. */
static enum rep_code find_commit(struct keeping *keeping, const char *path, bool *found,
				 struct rep_error *err)
{
	struct rep_oid at = keeping->verifying->head, root, blob, parent;
	enum rep_code rc = REP_OK;

	*found = false;
	while (rc == REP_OK && !rep_oid_is_zero(&at)) {
		rc = blob_of(keeping->verifying, &at, path, &root, &blob, &parent, err);
		if (rc != REP_OK || rep_oid_is_zero(&blob))
			break;
		*found = true;
		keeping->commit = at;
		keeping->root = root;
		at = parent;
	}
	return rc;
}

/* ---- the heads as they were ---- */

static enum rep_code read_line(struct keeping *keeping, const struct rep_oid *oid,
			       struct rep_json **out, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	enum rep_code rc = rep_git_read(keeping->verifying->git, oid, REP_OBJECT_BLOB, &bytes, err);

	if (rc == REP_OK)
		rc = rep_json_parse(out, rep_buf_str(&bytes), bytes.len, REP_LINE_SIZE_MAX,
				    REP_JSON_DEPTH_MAX, err);
	rep_buf_clear(&bytes);
	return rc;
}

/* Is the change set with this number, in today's journal, the one with this hash? The chain itself was walked before. */
static enum rep_code is_there(struct keeping *keeping, const char *device, int64_t seq,
			      const char *hash, struct rep_error *err)
{
	char found[REP_HASH_HEX + 1], what[200];
	enum rep_code rc =
		rep_changes_set_hash(rep_hub_db(keeping->verifying->hub), device, seq, found, err);

	if (rc == REP_OK && strcmp(found, hash) != 0) {
		snprintf(
			what, sizeof what,
			keeping->verifying->shown_paths && !found[0]
				? "change set %s/%lld, which it names, is not in the working copy, "
				  "which the next `hub merge` brings up: verify again then"
				: "change set %s/%lld, which it names, is not in the journal any more",
			device, (long long)seq);
		wrong(keeping, what);
	}
	return rc;
}

static enum rep_code on_path(void *user, const char *path, const struct rep_oid *old_oid,
			     const struct rep_oid *new_oid, struct rep_error *err)
{
	struct keeping *keeping = user;
	const char *name = strrchr(path, '/');
	struct rep_json *head = NULL;
	const char *device, *hash;
	enum rep_code rc;

	(void)old_oid;
	if (!name || strcmp(name, "/head.json") != 0)
		return REP_OK;
	rc = read_line(keeping, new_oid, &head, err);
	device = rep_json_get_string(head, "device");
	hash = rep_json_get_string(head, "hash");
	if (rc == REP_OK && (!device || !hash))
		rc = rep_fail(err, REP_EINTEGRITY, "journal/%s is no head", path);
	if (rc == REP_OK) {
		rep_buf_printf(&keeping->heads, "%s %lld %s\n", device,
			       (long long)rep_json_get_integer(head, "seq"), hash);
		rc = is_there(keeping, device, rep_json_get_integer(head, "seq"), hash, err);
	}
	rep_json_free(head);
	return rc;
}

static enum rep_code add_access(struct keeping *keeping, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_access_chain head;
	struct rep_oid oid = rep_oid_zero;
	bool is_tree = false;
	enum rep_code rc = rep_tree_find(keeping->verifying->git, &keeping->root, REP_ACCESS_HEAD,
					 &oid, &is_tree, err);

	if (rc == REP_OK && !rep_oid_is_zero(&oid)) {
		rc = rep_git_read(keeping->verifying->git, &oid, REP_OBJECT_BLOB, &bytes, err);
		if (rc == REP_OK)
			rc = rep_access_head_read(&head, rep_buf_str(&bytes), bytes.len, err);
		if (rc == REP_OK)
			rep_buf_printf(&keeping->heads, REP_ACCESS_NAME " %lld %s\n",
				       (long long)head.n, head.hash);
	}
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code check_heads(struct keeping *keeping, struct rep_error *err)
{
	struct rep_oid tree = rep_oid_zero;
	char hash[REP_HASH_HEX + 1];
	bool is_tree = false;
	enum rep_code rc = rep_tree_find(keeping->verifying->git, &keeping->root, "journal", &tree,
					 &is_tree, err);

	if (rc == REP_OK)
		rc = rep_tree_diff(keeping->verifying->git, &rep_oid_zero, &tree, on_path, keeping,
				   err);
	if (rc == REP_OK)
		rc = add_access(keeping, err);
	if (rc == REP_OK)
		rc = rep_verify_hash_heads(&keeping->heads, hash, err);
	if (rc == REP_OK && strcmp(hash, rep_json_get_string(keeping->statement, "heads")) != 0)
		wrong(keeping, "the journals of its run are not those that it names");
	return rc;
}

/* ---- one statement ---- */

static enum rep_code check_kept(struct keeping *keeping, const char *bytes, size_t len,
				struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256), there = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_oid oid = rep_oid_zero;
	bool found = false, is_tree = false;
	enum rep_code rc;

	rep_path_statement(&path, rep_json_get_string(keeping->statement, "hub_time"),
			   rep_json_get_integer(keeping->statement, "run"));
	rc = find_commit(keeping, rep_buf_str(&path), &found, err);
	if (rc == REP_OK && !found) {
		wrong(keeping, "central has no statement of this run");
		goto out;
	}
	if (rc == REP_OK)
		rc = rep_tree_find(keeping->verifying->git, &keeping->verifying->root,
				   rep_buf_str(&path), &oid, &is_tree, err);
	if (rc == REP_OK)
		rc = rep_git_read(keeping->verifying->git, &oid, REP_OBJECT_BLOB, &there, err);
	if (rc == REP_OK && (there.len != len || memcmp(there.data, bytes, len) != 0))
		wrong(keeping, "central's statement of this run is another one");
	else if (rc == REP_OK)
		rc = check_heads(keeping, err);
out:
	rep_buf_clear(&path);
	rep_buf_clear(&there);
	return rc;
}

static enum rep_code one_statement(struct rep_verifying *verifying, const char *bytes, size_t len,
				   size_t number, struct rep_error *err)
{
	struct keeping keeping = {.verifying = verifying,
				  .heads = REP_BUF_INIT(REP_SEGMENT_HARD_MAX)};
	struct rep_json *statement = NULL;
	enum rep_code rc;

	snprintf(keeping.where, sizeof keeping.where, "kept statement %zu", number);
	rc = rep_statement_read(&statement, bytes, len,
				rep_hubkeys_signer(&verifying->hub->keys, bytes, len), err);
	keeping.statement = statement;
	if (rc == REP_OK) {
		snprintf(keeping.where, sizeof keeping.where, "kept statement of run %lld",
			 (long long)rep_json_get_integer(statement, "run"));
		rep_problems_count(verifying->problems, "kept", 1);
		rc = check_kept(&keeping, bytes, len, err);
	}
	rep_json_free(statement);
	rep_buf_clear(&keeping.heads);
	return rep_verify_note(verifying, keeping.where, rc, err);
}

enum rep_code rep_verify_kept(struct rep_verifying *verifying, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(FILE_MAX);
	enum rep_code rc = rep_file_read(&bytes, verifying->options->statements, err);
	size_t at = 0, number = 1;

	if (rc == REP_OK && !bytes.len)
		rc = rep_fail(err, REP_EINVAL, "%s is empty", verifying->options->statements);
	while (rc == REP_OK && at < bytes.len) {
		const char *first = memchr(bytes.data + at, '\n', bytes.len - at);
		const size_t rest = first ? (size_t)(bytes.data + bytes.len - first - 1) : 0;
		const char *second = first ? memchr(first + 1, '\n', rest) : NULL;

		if (!second) {
			rc = rep_fail(err, REP_EINVAL, "%s: statement %zu is not whole",
				      verifying->options->statements, number);
			break;
		}
		rc = one_statement(verifying, bytes.data + at,
				   (size_t)(second + 1 - bytes.data) - at, number, err);
		at = (size_t)(second + 1 - bytes.data);
		number++;
	}
	rep_buf_clear(&bytes);
	return rc;
}
