/*
 * A device follows the hub to a new key (hubkey.h). It happens before anything of a view is believed, from documents that are believed
 * for themselves: the root key signed them. Who holds a key that the hub has given up can make no view for a device that followed.
 */
#include <string.h>

#include "sync/device/device_work.h"
#include "sync/mailbox/hubkey.h"

static enum rep_code tree_of(struct rep_git *git, const struct rep_oid *commit,
			     struct rep_oid *tree, struct rep_error *err)
{
	struct rep_oid parent;
	int64_t time_s;

	return rep_git_commit_read(git, commit, tree, &parent, &time_s, err);
}

enum rep_code rep_pin_follow(struct rep_pin *pin, struct rep_git *git, const struct rep_oid *commit,
			     struct rep_error *err)
{
	struct rep_hubkeys keys;
	struct rep_oid tree;
	bool any = false;
	enum rep_code rc = tree_of(git, commit, &tree, err);

	if (rc == REP_OK)
		rc = rep_hubkeys_any(git, &tree, &any, err);
	if (rc != REP_OK || !any)
		return rc;
	if (!pin->has_root) {
		rc = rep_fail(err, REP_EINTEGRITY,
			      "the hub has a new key, and this replica does not know the company's "
			      "root key");
		rep_hint(err, "nothing was lost; enroll this machine anew with the company");
		return rc;
	}
	rc = rep_hubkeys_read(&keys, git, &tree, pin->hub, pin->root, err);
	if (rc == REP_OK && rep_hubkeys_find(&keys, pin->hub) == keys.len)
		rc = rep_fail(err, REP_EINTEGRITY,
			      "the hub's new key does not follow the one that this replica "
			      "believes: an older roll, or one of another hub");
	if (rc == REP_OK)
		memcpy(pin->hub, keys.keys[keys.len - 1].public, sizeof pin->hub);
	return rep_wrap(err, rc, "the hub's key");
}

/* Enrolled before invitations named it, and no view was taken since: the newest one that was names it. */
static enum rep_code find_root(const struct rep_device *device, struct rep_git *git,
			       struct rep_pin *pin, struct rep_error *err)
{
	struct rep_hub_names names;
	struct rep_oid applied, tree;
	bool found = false;
	enum rep_code rc = rep_device_tip(device->replica->db, REP_META_APPLIED_TIP, &applied, err);

	if (rc != REP_OK || rep_oid_is_zero(&applied))
		return rc;
	rc = tree_of(git, &applied, &tree, err);
	if (rc == REP_OK)
		rc = rep_hub_names_read(&names, &found, git, &tree, err);
	if (rc == REP_OK && found) {
		memcpy(pin->root, names.root, sizeof pin->root);
		pin->has_root = true;
	}
	return rc;
}

enum rep_code rep_device_follow(struct rep_pin *out, const struct rep_device *device,
				const struct rep_oid *commit, struct rep_error *err)
{
	struct rep_git *git = rep_clone_git(device->clone);
	enum rep_code rc = REP_OK;

	*out = (struct rep_pin){.has_root = device->has_root};
	memcpy(out->hub, device->hub_public, sizeof out->hub);
	memcpy(out->root, device->root, sizeof out->root);
	if (rep_oid_is_zero(commit))
		return REP_OK;
	if (!out->has_root)
		rc = find_root(device, git, out, err);
	return rc == REP_OK ? rep_pin_follow(out, git, commit, err) : rc;
}
