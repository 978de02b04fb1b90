/* The roots of outboxes that were begun anew, and the view that names one. */
#include <stdio.h>

#include "core/base/limits.h"
#include "sync/mailbox/anew.h"
#include "sync/mailbox/document.h"
#include "sync/mailbox/mailbox.h"

static void write_root(struct rep_buf *out, const char *device, int64_t number)
{
	char message[64];
	struct rep_git_commit commit = {.author_name = device,
					.author_email = device,
					.committer_name = device,
					.committer_email = device,
					.message = message};

	snprintf(message, sizeof message, "outbox %lld\n", (long long)number);
	rep_oid_again(&commit.tree, REP_OBJECT_TREE, "", 0);
	rep_git_commit_write(out, &commit);
}

enum rep_code rep_outbox_root(struct rep_pack *pack, const char *device, int64_t number,
			      struct rep_oid *out, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(4096);
	struct rep_oid tree;
	enum rep_code rc = rep_pack_add(pack, REP_OBJECT_TREE, "", 0, &tree, err);

	*out = rep_oid_zero;
	write_root(&bytes, device, number);
	if (!rc)
		rc = rep_buf_check(&bytes, "commit", err);
	if (!rc)
		rc = rep_pack_add(pack, REP_OBJECT_COMMIT, bytes.data, bytes.len, out, err);
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, "root of an outbox");
}

void rep_outbox_root_id(const char *device, int64_t number, struct rep_oid *out)
{
	struct rep_buf bytes = REP_BUF_INIT(4096);

	write_root(&bytes, device, number);
	rep_oid_again(out, REP_OBJECT_COMMIT, rep_buf_str(&bytes), bytes.len);
	rep_buf_clear(&bytes);
}

int64_t rep_outbox_root_number(const char *device, const struct rep_oid *commit)
{
	for (int64_t number = 1; number <= REP_OUTBOX_ROOTS_MAX; number++) {
		struct rep_oid oid;

		rep_outbox_root_id(device, number, &oid);
		if (rep_oid_equal(&oid, commit))
			return number;
	}
	return 0;
}

enum rep_code rep_inbox_self(struct rep_git *git, const struct rep_hubkeys *hub,
			     struct rep_oid *tip, struct rep_json **self, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX + 128);
	struct rep_oid tree, parent, oid;
	int64_t time_s;
	bool is_tree;
	enum rep_code rc = rep_git_ref(git, REP_INBOX, tip, err);

	*self = NULL;
	if (rc || rep_oid_is_zero(tip))
		return rc;
	rc = rep_git_commit_read(git, tip, &tree, &parent, &time_s, err);
	if (!rc)
		rc = rep_tree_find(git, &tree, "self.json", &oid, &is_tree, err);
	if (!rc && rep_oid_is_zero(&oid)) /* an order to leave */
		return REP_OK;
	if (!rc)
		rc = rep_git_read(git, &oid, REP_OBJECT_BLOB, &bytes, err);
	if (!rc)
		rc = rep_self_read(self, rep_buf_str(&bytes), bytes.len,
				   rep_hubkeys_signer(hub, rep_buf_str(&bytes), bytes.len), err);
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, "the view in the inbox");
}
