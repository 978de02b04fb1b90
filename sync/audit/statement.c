#include "sync/audit/statement.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/document.h"

struct newest {
	int64_t run;
	struct rep_oid oid;
};

static enum rep_code on_path(void *user, const char *path, const struct rep_oid *old_oid,
			     const struct rep_oid *new_oid, struct rep_error *err)
{
	struct newest *newest = user;
	const char *name = strrchr(path, '/');
	const int64_t run = strtoll(name ? name + 1 : path, NULL, 10);

	(void)old_oid;
	(void)err;
	if (run > newest->run) {
		newest->run = run;
		newest->oid = *new_oid;
	}
	return REP_OK;
}

static enum rep_code find(struct rep_hub *hub, struct newest *newest, struct rep_error *err)
{
	struct rep_oid head, root, parent, tree = rep_oid_zero;
	int64_t time_s;
	bool is_tree = false;
	enum rep_code rc = rep_git_ref(hub->central, REP_MAIN, &head, err);

	if (rc == REP_OK)
		rc = rep_git_commit_read(hub->central, &head, &root, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_tree_find(hub->central, &root, "statements", &tree, &is_tree, err);
	if (rc == REP_OK && is_tree)
		rc = rep_tree_diff(hub->central, &rep_oid_zero, &tree, on_path, newest, err);
	if (rc == REP_OK && !newest->run)
		rc = rep_fail(err, REP_ENOTFOUND, "no run has made a statement yet");
	return rc;
}

enum rep_code rep_hub_statement(struct rep_hub *hub, struct rep_buf *lines, struct rep_json **out,
				struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct newest newest = {0};
	char hash[REP_HASH_HEX + 1], public[2 * REP_PUBLIC_SIZE + 1];
	struct rep_json *document = NULL;
	enum rep_code rc = find(hub, &newest, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = rep_git_read(hub->central, &newest.oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_statement_read(
			&document, rep_buf_str(&bytes), bytes.len,
			rep_hubkeys_signer(&hub->keys, rep_buf_str(&bytes), bytes.len), err);
	if (rc != REP_OK)
		goto out;
	rep_sha256_hex(hash, bytes.data, (size_t)(strchr(bytes.data, '\n') - bytes.data));
	rep_hex(public, rep_hubkeys_signer(&hub->keys, rep_buf_str(&bytes), bytes.len),
		REP_PUBLIC_SIZE);
	if (lines)
		rep_buf_put(lines, bytes.data, bytes.len);
	if (!rep_json_set_string(document, "hash", hash) ||
	    !rep_json_set_string(document, "public", public) ||
	    !rep_json_set_string(document, "company", hub->company))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK) {
		*out = document;
		document = NULL;
	}
out:
	rep_json_free(document);
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, "statement");
}
