#include "sync/device/recovered.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/mailbox/anew.h"
#include "sync/mailbox/document.h"
#include "sync/mailbox/mailbox.h"
#include "sync/mailbox/recovery.h"

/* ---- is it to be believed ---- */

static enum rep_code refuse(int64_t epoch, int64_t held, const char *why, struct rep_error *err)
{
	enum rep_code rc = rep_fail(err, REP_EINTEGRITY,
				    "the view is of epoch %lld, and no recovery document leads "
				    "there from %lld: %s",
				    (long long)epoch, (long long)held, why);

	rep_hint(err, "nothing was taken or lost; ask the company whether its hub was restored");
	return rc;
}

enum rep_code rep_recovered_check(const struct rep_view *view, struct rep_git *git,
				  const struct rep_pin *pin, int64_t held_epoch,
				  struct rep_error *err)
{
	const int64_t epoch = rep_json_get_integer(view->self, "epoch");
	struct rep_recovery recovery;
	struct rep_error why;
	bool found = false;
	enum rep_code rc;

	if (!pin->has_root)
		return refuse(epoch, held_epoch, "this replica knows no root key", err);
	rc = rep_recovery_read(&recovery, &found, git, &view->root, pin->root, &why);
	if (rc == REP_EINTEGRITY)
		return refuse(epoch, held_epoch, why.msg, err);
	if (rc != REP_OK) {
		*err = why;
		return rc;
	}
	if (!found)
		return refuse(epoch, held_epoch, "it has none", err);
	if (recovery.epoch != epoch)
		return refuse(epoch, held_epoch, "the one that it has is of another epoch", err);
	return REP_OK;
}

/* ---- the mailbox went back ---- */

/* What was read back last lies no more below what the mailbox shows. */
static enum rep_code went_back(struct rep_device *device, bool *back, struct rep_error *err)
{
	struct rep_oid sent;
	bool has = false;
	enum rep_code rc = rep_device_tip(device->replica->db, REP_META_SENT_TIP, &sent, err);

	*back = false;
	if (rc != REP_OK || rep_oid_is_zero(&sent) || rep_oid_equal(&sent, &device->outbox))
		return rc;
	if (rep_git_has(rep_clone_git(device->clone), &device->outbox))
		rc = rep_git_chain_has(rep_clone_git(device->clone), &device->outbox, &sent, &has,
				       err);
	*back = !has;
	return rc;
}

/* The inbox may hold something else than a view; that is for others to say. */
static enum rep_code epoch_of(struct rep_device *device, const struct rep_oid *tip, int64_t *epoch,
			      struct rep_error *err)
{
	struct rep_view view = {0};
	struct rep_pin pin;
	enum rep_code rc = rep_device_follow(&pin, device, tip, err);

	if (rc == REP_OK)
		rc = rep_view_read(&view, rep_clone_git(device->clone), tip,
				   device->replica->device, pin.hub, err);

	*epoch = rc == REP_OK ? rep_json_get_integer(view.self, "epoch") : 0;
	rep_view_clear(&view);
	return rc == REP_EINTEGRITY ? REP_OK : rc;
}

enum rep_code rep_recovered_peek(struct rep_device *device, struct rep_error *err)
{
	struct rep_oid applied, tip;
	int64_t epoch, held;
	bool back = false;
	enum rep_code rc = rep_device_tip(device->replica->db, REP_META_APPLIED_TIP, &applied, err);

	if (rc != REP_OK || device->guessed || rep_oid_is_zero(&applied) ||
	    rep_oid_is_zero(&device->inbox) || rep_oid_equal(&applied, &device->inbox))
		return rc;
	rc = went_back(device, &back, err);
	if (rc != REP_OK || !back)
		return rc;
	rc = rep_device_fetch(device, &tip, err);
	if (rc == REP_OK)
		rc = epoch_of(device, &tip, &epoch, err);
	if (rc == REP_OK)
		rc = rep_meta_get_int(device->replica->db, REP_META_EPOCH, &held, err);
	if (rc == REP_OK && epoch > held)
		rc = rep_wrap(err, rep_pull_apply(device, &tip, err), "apply the view");
	return rc;
}

/* ---- what is to be sent again ---- */

struct keeping {
	struct rep_git *git;
	struct rep_json *receipts;
	int64_t merged;
};

static enum rep_code on_outcome(void *user, const char *path, const struct rep_oid *old_oid,
				const struct rep_oid *new_oid, struct rep_error *err)
{
	struct keeping *keeping = user;
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	const char *name = strrchr(path, '/');
	long long first, last;
	char key[48];
	int end = 0;
	enum rep_code rc;

	(void)old_oid;
	name = name ? name + 1 : path;
	if (sscanf(name, "%lld-%lld.receipt.json%n", &first, &last, &end) != 2 || end == 0 ||
	    name[end] != '\0' || last <= keeping->merged)
		return REP_OK;
	rc = rep_git_read(keeping->git, new_oid, REP_OBJECT_BLOB, &bytes, err);
	snprintf(key, sizeof key, "%lld-%lld", first, last);
	if (rc == REP_OK && !rep_json_set_string(keeping->receipts, key, rep_buf_str(&bytes)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code keep_receipts(struct rep_device *device, const struct rep_oid *old_root,
				   int64_t merged_now, struct rep_error *err)
{
	struct keeping keeping = {.git = rep_clone_git(device->clone),
				  .receipts = rep_json_object(),
				  .merged = merged_now};
	struct rep_oid tree = rep_oid_zero;
	bool is_tree = false;
	char *text = NULL;
	enum rep_code rc = rep_tree_find(keeping.git, old_root, "outcomes", &tree, &is_tree, err);

	if (rc == REP_OK && is_tree)
		rc = rep_tree_diff(keeping.git, &rep_oid_zero, &tree, on_outcome, &keeping, err);
	if (rc == REP_OK && !(text = rep_json_text(keeping.receipts)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		rc = rep_meta_set(device->replica->db, REP_META_RECEIPTS, text, err);
	free(text);
	rep_json_free(keeping.receipts);
	return rc;
}

static enum rep_code keep_held(struct rep_device *device, const struct rep_oid *old_root,
			       struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_oid oid = rep_oid_zero;
	bool is_tree = false;
	enum rep_code rc = rep_tree_find(rep_clone_git(device->clone), old_root, "self.json", &oid,
					 &is_tree, err);

	if (rc == REP_OK && !rep_oid_is_zero(&oid))
		rc = rep_git_read(rep_clone_git(device->clone), &oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK && bytes.len)
		rc = rep_meta_set(device->replica->db, REP_META_HELD_VIEW, rep_buf_str(&bytes),
				  err);
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_recovered_keep(struct rep_device *device, const struct rep_view *view,
				 const struct rep_oid *old_root, int64_t merged_now,
				 struct rep_error *err)
{
	const char *outbox = rep_json_get_string(view->self, "outbox");
	struct rep_oid named;
	enum rep_code rc = keep_receipts(device, old_root, merged_now, err);

	if (rc == REP_OK)
		rc = keep_held(device, old_root, err);
	/* Our chain may have a root of the same number, with commits that the restored hub never saw: none of them counts any more. */
	if (rc == REP_OK && outbox && rep_oid_parse(&named, outbox) &&
	    rep_outbox_root_number(device->replica->device, &named) > 0)
		rc = rep_device_set_tip(device->replica->db, REP_META_PLANNED_TIP, &rep_oid_zero,
					err);
	return rc;
}

/* ---- for the plan ---- */

enum rep_code rep_resend_read(struct rep_resend *out, struct rep_db *db, struct rep_error *err)
{
	char *text = NULL;
	enum rep_code rc = rep_meta_get(db, REP_META_RECEIPTS, &text, err);

	*out = (struct rep_resend){0};
	if (rc == REP_OK && text)
		rc = rep_json_parse(&out->receipts, text, strlen(text), strlen(text) + 1,
				    REP_JSON_DEPTH_MAX, err);
	if (rc == REP_OK)
		rc = rep_meta_get(db, REP_META_HELD_VIEW, &out->held, err);
	free(text);
	return rc;
}

void rep_resend_clear(struct rep_resend *resend)
{
	rep_json_free(resend->receipts);
	free(resend->held);
	*resend = (struct rep_resend){0};
}

const char *rep_resend_receipt(const struct rep_resend *resend, int64_t first, int64_t last)
{
	char key[48];

	snprintf(key, sizeof key, "%lld-%lld", (long long)first, (long long)last);
	return resend->receipts ? rep_json_get_string(resend->receipts, key) : NULL;
}

bool rep_resend_divides(const struct rep_resend *resend, int64_t seq)
{
	const struct rep_json *receipts = resend->receipts;

	if (!receipts)
		return false;
	for (void *it = rep_json_iter(receipts); it; it = rep_json_iter_next(receipts, it)) {
		long long first, last;

		if (sscanf(rep_json_iter_key(it), "%lld-%lld", &first, &last) == 2 &&
		    (first == seq || last + 1 == seq))
			return true;
	}
	return false;
}
