/*
 * Where a push goes on from, when the mailbox shows a commit that our chain does not have: the company may have begun the outbox
 * anew (anew.h). Then a view says so, and the chain goes on from that root with everything that no view has acknowledged.
 */
#include "sync/device/device_work.h"
#include "sync/mailbox/anew.h"
#include "sync/mailbox/mailbox.h"

/* Is the commit that the mailbox shows one of ours, or none? */
static enum rep_code is_ours(struct rep_device *device, bool *ours, struct rep_error *err)
{
	struct rep_oid planned;
	enum rep_code rc = rep_device_tip(device->replica->db, REP_META_PLANNED_TIP, &planned, err);

	*ours = rep_oid_is_zero(&device->outbox);
	if (rc != REP_OK || *ours)
		return rc;
	return rep_git_chain_has(rep_clone_git(device->clone), &planned, &device->outbox, ours,
				 err);
}

/* The root that the view which the rows show names; *number: which it is, 0 = none of ours. */
static enum rep_code named_root(struct rep_device *device, struct rep_oid *named, int64_t *number,
				struct rep_error *err)
{
	struct rep_view view = {0};
	struct rep_oid applied;
	const char *text;
	enum rep_code rc = rep_device_tip(device->replica->db, REP_META_APPLIED_TIP, &applied, err);

	*number = 0;
	*named = rep_oid_zero;
	if (rc != REP_OK || rep_oid_is_zero(&applied))
		return rc;
	rc = rep_view_read(&view, rep_clone_git(device->clone), &applied, device->replica->device,
			   device->hub_public, err);
	text = rc == REP_OK ? rep_json_get_string(view.self, "outbox") : NULL;
	if (text && rep_oid_parse(named, text))
		*number = rep_outbox_root_number(device->replica->device, named);
	rep_view_clear(&view);
	return rc;
}

static enum rep_code make_root(struct rep_device *device, int64_t number, struct rep_error *err)
{
	struct rep_git *git = rep_clone_git(device->clone);
	struct rep_pack *pack = NULL;
	struct rep_oid root, old;
	enum rep_code rc = rep_pack_new(&pack, git, err);

	if (rc == REP_OK)
		rc = rep_outbox_root(pack, device->replica->device, number, &root, err);
	if (rc == REP_OK)
		rc = rep_pack_commit(pack, NULL, err);
	if (rc == REP_OK)
		rc = rep_git_ref(git, REP_OUTBOX, &old, err);
	if (rc == REP_OK)
		rc = rep_git_cas(git, REP_OUTBOX, &old, &root, err);
	rep_pack_free(pack);
	return rc;
}

/* Clone, chain and numbers together: what is not acknowledged gets new commits. */
static enum rep_code keep_root(struct rep_device *device, struct rep_error *err)
{
	struct rep_db *db = device->replica->db;
	int64_t merged;
	enum rep_code rc = rep_db_begin(db, err);

	if (rc != REP_OK)
		return rc;
	rc = rep_clone_store(device->clone, err);
	if (rc == REP_OK)
		rc = rep_meta_get_int(db, REP_META_MERGED_SEQ, &merged, err);
	if (rc == REP_OK)
		rc = rep_device_set_tip(db, REP_META_PLANNED_TIP, &device->outbox, err);
	if (rc == REP_OK)
		rc = rep_meta_set_int(db, REP_META_PLANNED_SEQ, merged, err);
	if (rc == REP_OK)
		rc = rep_device_set_tip(db, REP_META_SENT_TIP, &device->outbox, err);
	if (rc == REP_OK)
		rc = rep_meta_set_int(db, REP_META_SENT_SEQ, merged, err);
	if (rc == REP_OK)
		rc = rep_db_commit(db, err);
	if (rc != REP_OK)
		rep_db_abort(db);
	return rc;
}

static enum rep_code begin_at(struct rep_device *device, int64_t number, struct rep_error *err)
{
	enum rep_code rc = make_root(device, number, err);

	if (rc == REP_OK)
		rc = keep_root(device, err);
	return rep_wrap(err, rc, "go on with the outbox that the company began anew");
}

enum rep_code rep_push_settle(struct rep_device *device, struct rep_error *err)
{
	struct rep_oid named;
	int64_t number;
	bool ours;
	enum rep_code rc = is_ours(device, &ours, err);

	if (rc != REP_OK || ours)
		return rc;
	/* What the mailbox showed may be older than its inbox: the view that names the root came first. */
	rc = rep_device_look(device, err);
	if (rc == REP_OK)
		rc = rep_device_fetch_view(device, err);
	if (rc == REP_OK)
		rc = named_root(device, &named, &number, err);
	if (rc != REP_OK || number == 0 || !rep_oid_equal(&named, &device->outbox))
		return rc; /* the push will say what it is */
	return begin_at(device, number, err);
}

enum rep_code rep_push_follow_view(struct rep_device *device, struct rep_error *err)
{
	struct rep_oid named;
	int64_t number;
	bool ours;
	enum rep_code rc = named_root(device, &named, &number, err);

	if (rc != REP_OK || number == 0)
		return rc;
	device->outbox = named;
	rc = is_ours(device, &ours, err);
	return rc != REP_OK || ours ? rc : begin_at(device, number, err);
}
