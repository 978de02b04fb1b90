/* The device's side of bundles: its own chain into one, a view out of one. */
#include <stdlib.h>
#include <string.h>

#include "core/store/journal.h"
#include "sync/device/bundle_work.h"
#include "sync/device/device_work.h"
#include "sync/mailbox/anew.h"
#include "sync/mailbox/mailbox.h"
#include "sync/mailbox/private.h"

/* Where our chain goes on from when nobody shows the mailbox: from what it was last seen to hold, or from a root that a view names. */
static enum rep_code begin(struct rep_device *device, struct rep_error *err)
{
	enum rep_code rc =
		rep_device_tip(device->replica->db, REP_META_SENT_TIP, &device->outbox, err);

	if (rc == REP_OK)
		rc = rep_clone_open(&device->clone, device->replica, err);
	if (rc == REP_OK)
		rc = rep_push_follow_view(device, err);
	return rc == REP_OK ? rep_push_plan(device, err) : rc;
}

struct wanted {
	struct rep_oid tip, base; /* base: the newest commit that a view acknowledges */
	int64_t commits, sets;
};

static enum rep_code find_wanted(struct rep_device *device, struct wanted *out,
				 struct rep_error *err)
{
	struct rep_git *git = rep_clone_git(device->clone);
	struct rep_oid at, parent;
	int64_t merged, first, last;
	enum rep_code rc = rep_meta_get_int(device->replica->db, REP_META_MERGED_SEQ, &merged, err);

	if (rc == REP_OK)
		rc = rep_device_tip(device->replica->db, REP_META_PLANNED_TIP, &out->tip, err);
	at = out->tip;
	while (rc == REP_OK && !rep_oid_is_zero(&at)) {
		rc = rep_outbox_commit_range(git, &at, &first, &last, &parent, err);
		if (rc != REP_OK || (merged > 0 && last <= merged))
			break;
		/* A root that the hub made is in the mailbox; one of ours may have gone nowhere yet. */
		if (rep_oid_is_zero(&parent) &&
		    rep_outbox_root_number(device->replica->device, &at) > 0)
			break;
		out->commits++;
		out->sets += last > 0 ? last - first + 1 : 0;
		at = parent;
	}
	out->base = at;
	return rc;
}

/* The objects of the wanted commits, in a repository of their own. */
static enum rep_code gather(struct rep_git *from, const struct wanted *wanted, const char *scratch,
			    struct rep_git **out, struct rep_error *err)
{
	struct rep_pack *pack = NULL;
	enum rep_code rc = rep_git_create(scratch, "outbox", err);

	*out = NULL;
	if (rc == REP_OK)
		rc = rep_git_open(out, scratch, err);
	if (rc == REP_OK)
		rc = rep_pack_new(&pack, *out, err);
	if (rc == REP_OK)
		rc = rep_pack_copy_commits(pack, from, &wanted->tip, &wanted->base, REP_CHAIN_MAX,
					   err);
	if (rc == REP_OK)
		rc = rep_pack_commit(pack, NULL, err);
	rep_pack_free(pack);
	return rc;
}

static enum rep_code write_bundle(struct rep_device *device, const char *path, int64_t now_ms,
				  struct rep_json **summary, struct rep_error *err)
{
	struct rep_replica *replica = device->replica;
	struct rep_private scratch = REP_PRIVATE_INIT;
	struct rep_bundle bundle = {0};
	struct rep_git *objects = NULL;
	struct wanted wanted = {0};
	size_t size = 0;
	enum rep_code rc = find_wanted(device, &wanted, err);

	if (rc == REP_OK)
		rc = rep_private_make(&scratch, "repsync-bundle", err);
	if (rc == REP_OK)
		rc = gather(rep_clone_git(device->clone), &wanted, scratch.path, &objects, err);
	memcpy(bundle.device, replica->device, sizeof bundle.device);
	memcpy(bundle.signer, replica->key.public, sizeof bundle.signer);
	bundle.tip = wanted.tip;
	bundle.base = wanted.base;
	rep_time_format(bundle.made, now_ms);
	if (rc == REP_OK)
		rc = rep_bundle_write(path, &bundle, objects, &replica->key, device->hub_public,
				      &size, err);
	rep_git_close(objects);
	rep_private_remove(&scratch);
	if (rc != REP_OK)
		return rc;
	*summary = rep_json_object();
	if (!rep_json_set_string(*summary, "device", replica->device) ||
	    !rep_json_set_integer(*summary, "sets", wanted.sets) ||
	    !rep_json_set_integer(*summary, "commits", wanted.commits) ||
	    !rep_json_set_integer(*summary, "bytes", (int64_t)size))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	return rc;
}

enum rep_code rep_device_bundle(struct rep_replica *replica, const char *path, int64_t now_ms,
				struct rep_json **summary, struct rep_error *err)
{
	const struct rep_sync options = {.now_ms = now_ms};
	struct rep_device device;
	enum rep_code rc = rep_device_begin_turn(&device, replica, &options, err);

	*summary = NULL;
	if (rc == REP_OK && replica->schema)
		rc = rep_seal(replica, now_ms, NULL, &device.counts.sealed, err);
	if (rc == REP_OK)
		rc = begin(&device, err);
	if (rc == REP_OK)
		rc = write_bundle(&device, path, now_ms, summary, err);
	if (rc != REP_OK) {
		rep_json_free(*summary);
		*summary = NULL;
	}
	rep_device_end(&device);
	return rep_wrap(err, rc, "bundle");
}

/* ---- a view ---- */

static enum rep_code judge(const struct rep_device *device, const struct rep_bundle *bundle,
			   struct rep_error *err)
{
	if (!bundle->inbox || strcmp(bundle->device, device->replica->device) != 0)
		return rep_fail(err, REP_EREFUSED, "it is for %s %s, this is device %s",
				bundle->inbox ? "device" : "the company, from", bundle->device,
				device->replica->device);
	return REP_OK;
}

/* Is the commit the view that the rows show, or one before it? */
static enum rep_code is_old(struct rep_device *device, const struct rep_oid *commit, bool *old,
			    struct rep_error *err)
{
	struct rep_oid applied;
	enum rep_code rc = rep_device_tip(device->replica->db, REP_META_APPLIED_TIP, &applied, err);

	*old = false;
	if (rc != REP_OK)
		return rc;
	return rep_git_chain_has(rep_clone_git(device->clone), &applied, commit, old, err);
}

static enum rep_code take_objects(struct rep_git *git, const struct rep_bundle *bundle,
				  struct rep_error *err)
{
	struct rep_pack *pack = NULL;
	struct rep_oid before;
	enum rep_code rc = rep_pack_new(&pack, git, err);

	if (rc == REP_OK)
		rc = rep_bundle_unpack(bundle, pack, REP_BUNDLE_SIZE_MAX, err);
	if (rc == REP_OK)
		rc = rep_pack_commit(pack, NULL, err);
	if (rc == REP_OK)
		rc = rep_git_ref(git, REP_INBOX, &before, err);
	if (rc == REP_OK)
		rc = rep_git_cas(git, REP_INBOX, &before, &bundle->tip, err);
	rep_pack_free(pack);
	return rc;
}

/* What a view acknowledges was sent, whichever way it went. */
static enum rep_code note_sent(struct rep_db *db, struct rep_error *err)
{
	int64_t sent, merged;
	enum rep_code rc = rep_meta_get_int(db, REP_META_SENT_SEQ, &sent, err);

	if (rc == REP_OK)
		rc = rep_meta_get_int(db, REP_META_MERGED_SEQ, &merged, err);
	return rc == REP_OK && merged > sent ? rep_meta_set_int(db, REP_META_SENT_SEQ, merged, err)
					     : rc;
}

static enum rep_code apply(struct rep_device *device, const struct rep_bundle *bundle,
			   struct rep_error *err)
{
	struct rep_git *git;
	struct rep_pin pin;
	bool old;
	enum rep_code rc = rep_clone_open(&device->clone, device->replica, err);

	if (rc == REP_OK)
		rc = is_old(device, &bundle->tip, &old, err);
	if (rc != REP_OK || old)
		return rc;
	git = rep_clone_git(device->clone);
	if (!rep_oid_is_zero(&bundle->base) && !rep_git_has(git, &bundle->base)) {
		rc = rep_fail(err, REP_EORDER, "it goes on from a view that is not here");
		rep_hint(err, "take the bundle before it, or ask the company for a whole one");
		return rc;
	}
	rc = take_objects(git, bundle, err);
	if (rc == REP_OK)
		rc = rep_device_follow(&pin, device, &bundle->tip, err);
	if (rc == REP_OK && memcmp(bundle->signer, pin.hub, REP_PUBLIC_SIZE) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "another hub signed it");
	if (rc == REP_OK)
		rc = rep_pull_apply(device, &bundle->tip, err);
	if (rc == REP_OK)
		rc = note_sent(device->replica->db, err);
	return rc == REP_OK ? rep_lease_take(device->replica, err) : rc;
}

enum rep_code rep_device_unbundle(struct rep_replica *replica, const char *path, int64_t now_ms,
				  struct rep_json **summary, struct rep_error *err)
{
	const struct rep_sync options = {.now_ms = now_ms};
	struct rep_bundle bundle = {0};
	struct rep_device device;
	enum rep_code rc = rep_device_begin_turn(&device, replica, &options, err);

	*summary = NULL;
	if (rc == REP_OK)
		rc = rep_bundle_read(&bundle, path, err);
	if (rc == REP_OK)
		rc = judge(&device, &bundle, err);
	if (rc == REP_OK)
		rc = rep_bundle_open(&bundle, &replica->key, err);
	if (rc == REP_OK)
		rc = apply(&device, &bundle, err);
	if (rc == REP_OK)
		rc = rep_device_summary(&device, 0, summary, err);
	rep_bundle_clear(&bundle);
	rep_device_end(&device);
	return rep_wrap(err, rc, "bundle %s", path);
}
