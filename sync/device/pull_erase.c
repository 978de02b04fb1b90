/*
 * What the company erased leaves the laptop too: the own value lines that the view lists become null in the journal. Rows go with the
 * difference of the views like any others; the inbox without a past tells that clone, free pages and log have to be cleaned (pull.c).
 */
#include <string.h>

#include "core/base/limits.h"
#include "core/store/journal.h"
#include "core/store/search.h"
#include "sync/device/pull_rows.h"
#include "sync/device/view_tree.h"

static enum rep_code erase_line(struct rep_pull *pull, const char *data, size_t len,
				struct rep_error *err)
{
	struct rep_json *line = NULL;
	const char *digest;
	int64_t seq, index;
	enum rep_code rc = rep_json_parse_canonical(&line, data, len, REP_JSON_DEPTH_MAX, err);

	seq = rep_json_get_integer(line, "seq");
	index = rep_json_get_integer(line, "index");
	digest = rep_json_get_string(line, "digest");
	/* A restored hub may list what it has not got back yet; the digest says that it is the line. */
	if (rc == REP_OK && (!digest || index < 0 || seq < 1))
		rc = rep_fail(err, REP_EINTEGRITY, "it lists what is no value line");
	if (rc == REP_OK)
		rc = rep_journal_erase(pull->device->replica->db, seq, (size_t)index, digest, err);
	rep_json_free(line);
	/* A replica that was set up again has no journal of what came before. */
	return rc == REP_ENOTFOUND ? REP_OK : rc;
}

static enum rep_code erase_lines(struct rep_pull *pull, const struct rep_oid *list,
				 struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	const char *at;
	enum rep_code rc = rep_git_read(pull->git, list, REP_OBJECT_BLOB, &bytes, err);

	at = bytes.data;
	while (rc == REP_OK && at && at < bytes.data + bytes.len) {
		const size_t left = (size_t)(bytes.data + bytes.len - at);
		const char *end = memchr(at, '\n', left);

		if (!end) {
			rc = rep_fail(err, REP_EINTEGRITY, "its last line has no end");
			break;
		}
		rc = erase_line(pull, at, (size_t)(end - at), err);
		at = end + 1;
	}
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_pull_erase(struct rep_pull *pull, struct rep_error *err)
{
	struct rep_oid before = rep_oid_zero, after = rep_oid_zero;
	bool is_tree = false;
	enum rep_code rc = REP_OK;

	if (!rep_oid_is_zero(&pull->old_root))
		rc = rep_tree_find(pull->git, &pull->old_root, REP_VIEW_ERASED, &before, &is_tree,
				   err);
	if (rc == REP_OK)
		rc = rep_tree_find(pull->git, &pull->view->root, REP_VIEW_ERASED, &after, &is_tree,
				   err);
	if (rc != REP_OK || rep_oid_is_zero(&after) || is_tree || rep_oid_equal(&before, &after))
		return rc;
	return rep_wrap(err, erase_lines(pull, &after, err), "the list of what was erased");
}

enum rep_code rep_pull_anew(struct rep_pull *pull, bool *anew, struct rep_error *err)
{
	struct rep_oid tip;
	bool has = true;
	enum rep_code rc =
		rep_device_tip(pull->device->replica->db, REP_META_APPLIED_TIP, &tip, err);

	if (rc == REP_OK && !rep_oid_is_zero(&tip))
		rc = rep_git_chain_has(pull->git, &pull->view->commit, &tip, &has, err);
	*anew = rc == REP_OK && !has;
	return rc;
}
