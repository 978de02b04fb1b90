#include "sync/mailbox/recovery.h"

#include <string.h>

#include "core/base/limits.h"
#include "core/model/signed.h"
#include "sync/mailbox/root.h"

enum rep_code rep_recovery_write(struct rep_buf *out, const struct rep_recovery *recovery,
				 const char *company, const struct rep_key *root,
				 struct rep_error *err)
{
	struct rep_json *document = rep_json_object();
	enum rep_code rc;

	if (!rep_json_set_string(document, "type", "recovery") ||
	    !rep_json_set_integer(document, "format", 1) ||
	    !rep_json_set_string(document, "company", company) ||
	    !rep_json_set_integer(document, "epoch", recovery->epoch) ||
	    !rep_json_set_integer(document, "run", recovery->run) ||
	    !rep_json_set_string(document, "statement", recovery->statement) ||
	    !rep_json_set_string(document, "made", recovery->made))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	else
		rc = rep_signed_write(out, document, root, err);
	rep_json_free(document);
	return rep_wrap(err, rc, "sign the recovery document");
}

/* Every key with its form, and no other. */
static bool take(struct rep_recovery *out, const struct rep_json *document)
{
	const char *statement = rep_json_get_string(document, "statement");
	const char *made = rep_json_get_string(document, "made");
	int64_t made_ms;

	if (rep_json_size(document) != 7 || !rep_json_get_string(document, "company") ||
	    !statement || strlen(statement) != REP_HASH_HEX || !made ||
	    !rep_time_parse(&made_ms, made) || strlen(made) != REP_TIME_LEN)
		return false;
	out->epoch = rep_json_get_integer(document, "epoch");
	out->run = rep_json_get_integer(document, "run");
	memcpy(out->statement, statement, sizeof out->statement);
	memcpy(out->made, made, sizeof out->made);
	return out->epoch > 1 && out->run >= 0;
}

enum rep_code rep_recovery_read(struct rep_recovery *out, bool *found, struct rep_git *git,
				const struct rep_oid *tree, const uint8_t root[REP_PUBLIC_SIZE],
				struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_json *document = NULL;
	struct rep_oid oid;
	bool is_tree;
	enum rep_code rc = rep_tree_find(git, tree, REP_RECOVERY_PATH, &oid, &is_tree, err);

	*found = false;
	*out = (struct rep_recovery){0};
	if (rc != REP_OK || rep_oid_is_zero(&oid))
		return rc;
	rc = is_tree ? rep_fail(err, REP_EINTEGRITY, "it is a folder")
		     : rep_git_read(git, &oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_root_check(&document, rep_buf_str(&bytes), bytes.len, "recovery", root,
				    err);
	if (rc == REP_EINVAL || (rc == REP_OK && !take(out, document)))
		rc = rep_fail(err, REP_EINTEGRITY, "it is no recovery document");
	*found = rc == REP_OK;
	rep_json_free(document);
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, REP_RECOVERY_PATH);
}
