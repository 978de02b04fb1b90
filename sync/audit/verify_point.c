/*
 * How far central was right when it was looked at last: verified.json in the hub's folder, signed with the hub's key.
 *
 * What it says is only as good as that key: who has it can make one up. So it saves time every night, and proves nothing to a stranger; he
 * looks at everything, and at statements that were kept elsewhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/changeset.h"
#include "core/model/signed.h"
#include "core/model/stamp.h"
#include "sync/audit/statement.h"
#include "sync/audit/verify_hub.h"
#include "sync/hub/central.h"
#include "sync/hub/hub_state.h"
#include "sync/run/erasing.h"

#define POINT_FILE "verified.json"

enum rep_code rep_verify_point_read(struct rep_verifying *verifying, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	char *path = rep_hub_path(rep_hub_dir(verifying->hub), POINT_FILE);
	struct rep_error ignored;
	enum rep_code rc = path ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	/* One that cannot be read or believed is none: then everything is looked at, which finds more. */
	if (rc == REP_OK && rep_file_exists(path) &&
	    rep_file_read(&bytes, path, &ignored) == REP_OK &&
	    rep_signed_read(&verifying->point, rep_buf_str(&bytes), bytes.len, "verified",
			    verifying->hub->key.public, &ignored) != REP_OK)
		verifying->point = NULL;
	rep_buf_clear(&bytes);
	free(path);
	return rc;
}

enum rep_code rep_verify_point_use(struct rep_verifying *verifying, struct rep_error *err)
{
	const char *hex = rep_json_get_string(verifying->point, "commit");
	const char *statement = rep_json_get_string(verifying->point, "statement");
	struct rep_oid parent;
	int64_t time_s;
	bool has = false;
	enum rep_code rc = REP_OK;

	if (!hex || !rep_oid_parse(&verifying->since, hex) || !statement ||
	    strlen(statement) != REP_HASH_HEX)
		return REP_OK;
	/* An erasure whose run is merged, and its history not made again yet: lines of before are null with good reason. */
	if (rep_erasing_is_noted(verifying->hub, REP_ERASING_CENTRAL))
		return REP_OK;
	if (rep_git_has(verifying->git, &verifying->since))
		rc = rep_git_chain_has(verifying->git, &verifying->head, &verifying->since, &has,
				       err);
	if (rc == REP_OK && has)
		rc = rep_git_commit_read(verifying->git, &verifying->since, &verifying->since_root,
					 &parent, &time_s, err);
	if (rc == REP_OK && has)
		rc = rep_lookup_new(&verifying->before, verifying->git, &verifying->since_root,
				    err);
	return rc;
}

enum rep_code rep_verify_point_left(struct rep_verifying *verifying, struct rep_error *err)
{
	const char *path = rep_json_get_string(verifying->point, "path");
	const char *want = rep_json_get_string(verifying->point, "statement");
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	char hash[REP_HASH_HEX + 1] = "";
	bool found = false;
	enum rep_code rc = REP_OK;

	if (!path || !*path || !want)
		return REP_OK;
	rc = rep_verify_read(verifying, path, &bytes, &found, err);
	if (rc == REP_OK && found && memchr(bytes.data, '\n', bytes.len))
		rep_sha256_hex(hash, bytes.data,
			       (size_t)((char *)memchr(bytes.data, '\n', bytes.len) - bytes.data));
	if (rc == REP_OK && strcmp(hash, want) != 0)
		rep_problems_add(verifying->problems, path,
				 "it was verified %s, and is not there any more: central was set "
				 "back or written anew",
				 rep_json_get_string(verifying->point, "at"));
	rep_buf_clear(&bytes);
	return rep_verify_note(verifying, path, rc, err);
}

/* ---- the next one ---- */

/* What stands of the newest statement; empty before the first run. */
static enum rep_code put_statement(struct rep_verifying *verifying, struct rep_json *point,
				   struct rep_error *err)
{
	struct rep_json *statement = NULL;
	struct rep_buf path = REP_BUF_INIT(256);
	bool good;
	enum rep_code rc = rep_hub_statement(verifying->hub, NULL, &statement, err);

	if (rc == REP_ENOTFOUND)
		rc = REP_OK;
	if (statement)
		rep_path_statement(&path, rep_json_get_string(statement, "hub_time"),
				   rep_json_get_integer(statement, "run"));
	good = rep_json_set_string(point, "path", rep_buf_str(&path)) &&
	       rep_json_set_integer(point, "run", rep_json_get_integer(statement, "run")) &&
	       rep_json_set_string(point, "statement",
				   statement ? rep_json_get_string(statement, "hash")
					     : rep_changeset_no_prev);
	if (rc == REP_OK && !good)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	rep_json_free(statement);
	rep_buf_clear(&path);
	return rc;
}

/* Not after it: another process may have moved main, and then its newest statement is of what nobody looked at. */
static enum rep_code make_point(struct rep_verifying *verifying, struct rep_json *point, bool *good,
				struct rep_error *err)
{
	char hex[REP_OID_HEX + 1], at[REP_TIME_LEN + 1];
	struct rep_oid head;
	enum rep_code rc = put_statement(verifying, point, err);

	rep_oid_hex(hex, &verifying->head);
	rep_time_format(at, verifying->options->now_ms);
	if (rc == REP_OK &&
	    (!rep_json_set_string(point, "type", "verified") ||
	     !rep_json_set_integer(point, "format", 1) || !rep_json_set_string(point, "at", at) ||
	     !rep_json_set_string(point, "commit", hex) ||
	     !rep_json_set(point, "packs", rep_json_ref(verifying->packs))))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		rc = rep_git_ref(verifying->git, REP_MAIN, &head, err);
	*good = rc == REP_OK && rep_oid_equal(&head, &verifying->head);
	return rc;
}

enum rep_code rep_verify_point_write(struct rep_verifying *verifying, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_json *point = rep_json_object();
	char *path = rep_hub_path(rep_hub_dir(verifying->hub), POINT_FILE);
	struct rep_error ignored;
	bool good = false;
	enum rep_code rc = path ? make_point(verifying, point, &good, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	/* More packs than one line holds are many nights without a repack; then there is no point, and everything is looked at. */
	if (good && rep_signed_write(&bytes, point, &verifying->hub->key, &ignored) == REP_OK &&
	    rep_file_write(path, bytes.data, bytes.len, 0600, &ignored) != REP_OK)
		rep_problems_count(verifying->problems, "point not kept", 1);
	rep_json_free(point);
	rep_buf_clear(&bytes);
	free(path);
	return rep_wrap(err, rc, "keep how far it was verified");
}

/* ---- what may not have changed since ---- */

/* A receipt is never written again; to outcomes that were told, others are added at the end. */
static enum rep_code on_outcome(void *user, const char *path, const struct rep_oid *old_oid,
				const struct rep_oid *new_oid, struct rep_error *err)
{
	struct rep_verifying *verifying = user;
	struct rep_buf then = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_buf now = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	bool good = strstr(path, ".receipt.json") == NULL && !rep_oid_is_zero(new_oid);
	char where[192];
	enum rep_code rc = REP_OK;

	if (rep_oid_is_zero(old_oid))
		return REP_OK; /* looked at with its segment */
	snprintf(where, sizeof where, "outcomes/%.160s", path);
	if (good)
		rc = rep_git_read(verifying->git, old_oid, REP_OBJECT_BLOB, &then, err);
	if (good && rc == REP_OK)
		rc = rep_git_read(verifying->git, new_oid, REP_OBJECT_BLOB, &now, err);
	if (rc == REP_OK && good)
		good = now.len >= then.len &&
		       memcmp(rep_buf_str(&now), rep_buf_str(&then), then.len) == 0;
	if (rc == REP_OK && !good)
		rep_problems_add(verifying->problems, where,
				 "it was verified before, and is not what it was");
	rep_buf_clear(&then);
	rep_buf_clear(&now);
	return rep_verify_note(verifying, where, rc, err);
}

enum rep_code rep_verify_outcomes_stayed(struct rep_verifying *verifying, struct rep_error *err)
{
	struct rep_oid then, now;
	bool is_tree;
	enum rep_code rc = rep_tree_find(verifying->git, &verifying->since_root, "outcomes", &then,
					 &is_tree, err);

	if (rc == REP_OK)
		rc = rep_tree_find(verifying->git, &verifying->root, "outcomes", &now, &is_tree,
				   err);
	if (rc == REP_OK)
		rc = rep_tree_diff(verifying->git, &then, &now, on_outcome, verifying, err);
	return rep_verify_note(verifying, "outcomes", rc, err);
}
