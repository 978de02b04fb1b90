/*
 * A device's lease: from the view into the vault, and asked for again where it is over.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/lease.h"
#include "sync/device/device_work.h"
#include "sync/mailbox/private.h"

#define KIND "repsync-lease"
#define LEAVE_MS (3600LL * 1000) /* as long as handing over may take */

/* The lease that a view grants, or that _meta kept of it. */
struct grant {
	struct rep_vault_lease lease;
	bool has_key;
	uint8_t key[REP_CIPHER_KEY];
};

/* NULL texts are what a view without a key says. */
static enum rep_code read_grant(struct grant *out, const char *const texts[4],
				const struct rep_key *device, struct rep_error *err)
{
	uint8_t box[REP_CIPHER_KEY + REP_BOX_EXTRA], secret[REP_CIPHER_KEY];
	bool fine;

	*out = (struct grant){.has_key = texts[3] != NULL};
	if (!texts[3])
		return REP_OK;
	fine = texts[0] && texts[1] && texts[2] && rep_time_parse(&out->lease.start_ms, texts[0]) &&
	       rep_time_parse(&out->lease.end_ms, texts[1]) &&
	       rep_time_parse(&out->lease.erase_ms, texts[2]) &&
	       rep_unbase64(box, sizeof box, texts[3]);
	out->lease.seen_ms = out->lease.start_ms;
	if (fine) {
		rep_box_secret_of(secret, device);
		fine = rep_box_open(out->key, box, sizeof box, secret);
		rep_wipe(secret, sizeof secret);
	}
	return fine ? REP_OK
		    : rep_fail(err, REP_EINTEGRITY, "the lease in the view is not for this device");
}

/* What a locked replica believes of the hub's keys is what it believes when it is open. *changed may be NULL. */
static enum rep_code keep_pin(struct rep_json *contact, const struct rep_pin *pin, bool *changed,
			      struct rep_error *err)
{
	struct rep_json *invitation = rep_json_dup(rep_json_get(contact, "invitation"));
	char hub[2 * REP_PUBLIC_SIZE + 1], root[2 * REP_PUBLIC_SIZE + 1];
	const char *hub_now = rep_json_get_string(invitation, "hub_public");
	const char *root_now = rep_json_get_string(invitation, "root");

	rep_hex(hub, pin->hub, sizeof pin->hub);
	rep_hex(root, pin->root, sizeof pin->root);
	if (changed)
		*changed = !hub_now || strcmp(hub_now, hub) != 0 ||
			   (pin->has_root && (!root_now || strcmp(root_now, root) != 0));
	if (!rep_json_set_string(invitation, "hub_public", hub) ||
	    (pin->has_root && !rep_json_set_string(invitation, "root", root)) ||
	    !rep_json_set(contact, "invitation", invitation))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return REP_OK;
}

/* The vault's contact with what the replica believes now; *out NULL where it says that already. */
static enum rep_code contact_now(struct rep_replica *replica, struct rep_json **out,
				 struct rep_error *err)
{
	struct rep_device device = {0};
	struct rep_pin pin;
	bool changed = false;
	enum rep_code rc = rep_vault_contact(replica->vault, out, err);

	if (rc == REP_OK)
		rc = rep_device_begin(&device, replica, err);
	pin.has_root = device.has_root;
	memcpy(pin.hub, device.hub_public, sizeof pin.hub);
	memcpy(pin.root, device.root, sizeof pin.root);
	if (rc == REP_OK)
		rc = keep_pin(*out, &pin, &changed, err);
	if (rc != REP_OK || !changed) {
		rep_json_free(*out);
		*out = NULL;
	}
	rep_device_end(&device);
	return rc;
}

enum rep_code rep_lease_take(struct rep_replica *replica, struct rep_error *err)
{
	static const char *const names[4] = {REP_META_HUB_TIME, REP_META_LEASE,
					     REP_META_LEASE_ERASE, REP_META_LEASE_KEY};
	struct rep_vault_lease now;
	char *texts[4] = {NULL};
	struct rep_json *contact = NULL;
	struct grant grant = {0};
	enum rep_code rc = REP_OK;

	if (!replica->vault)
		return REP_OK;
	for (size_t i = 0; rc == REP_OK && i < 4; i++)
		rc = rep_meta_get(replica->db, names[i], &texts[i], err);
	if (rc == REP_OK)
		rc = read_grant(&grant, (const char *const *)texts, &replica->key, err);
	rep_vault_lease(replica->vault, &now);
	if (rc == REP_OK && grant.has_key && grant.lease.start_ms > now.start_ms) {
		rc = contact_now(replica, &contact, err);
		if (rc == REP_OK)
			rc = rep_vault_renew(replica->vault, &grant.lease, grant.key, contact, err);
	}
	rep_json_free(contact);
	rep_wipe(&grant, sizeof grant);
	for (size_t i = 0; i < 4; i++)
		free(texts[i]);
	return rep_wrap(err, rc, "take the lease");
}

/* ---- asking for it ---- */

/* What the vault's contact says, apart. */
struct contact {
	struct rep_json *document;
	const struct rep_json *invitation; /* borrowed */
	const char *device;
	struct rep_key key;
	struct rep_pin pin;
};

static void contact_clear(struct contact *contact)
{
	rep_json_free(contact->document);
	rep_key_wipe(&contact->key);
}

static enum rep_code read_contact(struct contact *out, const struct rep_vault *vault,
				  struct rep_error *err)
{
	const char *hub, *key, *root;
	enum rep_code rc = rep_vault_contact(vault, &out->document, err);

	if (rc != REP_OK)
		return rc;
	out->invitation = rep_json_get(out->document, "invitation");
	out->device = rep_json_get_string(out->document, "device");
	hub = rep_json_get_string(out->invitation, "hub_public");
	key = rep_json_get_string(out->document, "key");
	if (!out->device || !rep_public_read(out->pin.hub, hub) || !key ||
	    strlen(key) != 2 * REP_SECRET_SIZE || !rep_unhex(out->key.secret, key, REP_SECRET_SIZE))
		return rep_fail(err, REP_EINTEGRITY,
				"the vault does not say how to reach the company");
	root = rep_json_get_string(out->invitation, "root");
	out->pin.has_root = rep_public_read(out->pin.root, root);
	memcpy(out->key.public, out->key.secret + REP_SECRET_SIZE - REP_PUBLIC_SIZE,
	       REP_PUBLIC_SIZE);
	return REP_OK;
}

/* One question to the company. */
struct question {
	struct rep_vault *vault;
	const char *dir;
	const struct rep_sync *options;
	struct contact contact;
	struct rep_private folder; /* in memory */
	char *clone;
	struct rep_git *git;
	struct rep_transport *transport;
	struct rep_oid outbox, tip;
};

static void question_clear(struct question *question)
{
	rep_git_close(question->git);
	rep_transport_close(question->transport);
	free(question->clone);
	rep_private_remove(&question->folder);
	contact_clear(&question->contact);
}

/* The newest view of the mailbox, into a repository in memory. */
static enum rep_code fetch(struct question *question, struct rep_error *err)
{
	const struct contact *contact = &question->contact;
	enum rep_code rc = rep_git_create(question->clone, "inbox", err);

	if (rc == REP_OK)
		rc = rep_device_connect(&question->transport, contact->invitation, contact->device,
					false, question->options, err);
	if (rc == REP_OK)
		rc = rep_transport_tips(question->transport, &question->outbox, &question->tip,
					err);
	if (rc == REP_OK && rep_oid_is_zero(&question->tip))
		rc = rep_fail(err, REP_EREFUSED, "the company has published nothing here");
	if (rc == REP_OK)
		rc = rep_transport_fetch(question->transport, question->clone, &question->tip, err);
	if (rc == REP_OK)
		rc = rep_git_open(&question->git, question->clone, err);
	return rc;
}

static enum rep_code take_view(struct rep_vault *vault, const struct contact *contact,
			       const struct rep_view *view, struct rep_error *err)
{
	const char *const texts[4] = {
		rep_json_get_string(view->self, "hub_time"),
		rep_json_get_string(view->self, "lease"),
		rep_json_get_string(view->self, "lease_erase"),
		rep_json_get_string(view->self, "lease_key"),
	};
	const char *state = rep_json_get_string(view->self, "state");
	struct rep_vault_lease now;
	struct grant grant;
	enum rep_code rc = read_grant(&grant, texts, &contact->key, err);

	rep_vault_lease(vault, &now);
	if (rc == REP_OK && (!grant.has_key || !state || strcmp(state, "active") != 0 ||
			     grant.lease.start_ms <= now.start_ms)) {
		rc = rep_fail(err, REP_EREFUSED,
			      "the company has given device %s no new lease since %.10s",
			      contact->device, texts[0] ? texts[0] : "?");
		rep_hint(err, "ask the company whether this device is to go on; its next "
			      "`hub merge` makes a new lease");
	}
	if (rc == REP_OK)
		rc = keep_pin(contact->document, &contact->pin, NULL, err);
	if (rc == REP_OK)
		rc = rep_vault_renew(vault, &grant.lease, grant.key, contact->document, err);
	rep_wipe(&grant, sizeof grant);
	return rc;
}

static enum rep_code read_and_take(struct question *question, struct rep_error *err)
{
	const struct contact *contact = &question->contact;
	struct rep_view view = {0};
	enum rep_code rc = rep_view_read(&view, question->git, &question->tip, contact->device,
					 contact->pin.hub, err);

	if (rc == REP_OK)
		rc = take_view(question->vault, contact, &view, err);
	rep_view_clear(&view);
	return rc;
}

/* Opens once more, to hand over what was not sent: the sync that follows meets the order again, and obeys it. */
static enum rep_code open_to_leave(struct question *question, const struct rep_json *order,
				   struct rep_error *err)
{
	const struct contact *contact = &question->contact;
	const char *issued = rep_json_get_string(order, "issued");
	char soon[REP_TIME_LEN + 1];
	const char *const texts[4] = {issued, soon, soon, rep_json_get_string(order, "lease_key")};
	struct grant grant;
	enum rep_code rc;

	rep_time_format(soon, question->options->now_ms + LEAVE_MS);
	rc = read_grant(&grant, texts, &contact->key, err);
	if (rc == REP_OK)
		rc = rep_vault_renew(question->vault, &grant.lease, grant.key, NULL, err);
	rep_wipe(&grant, sizeof grant);
	return rc;
}

static enum rep_code obey(struct question *question, const struct rep_json *order,
			  struct rep_error *err)
{
	const struct rep_locked locked = {
		.dir = question->dir,
		.device = question->contact.device,
		.key = &question->contact.key,
		.transport = question->transport,
		.git = question->git,
		.clone = question->clone,
		.outbox = question->outbox,
		.now_ms = question->options->now_ms,
	};

	return rep_json_get_string(order, "lease_key") ? open_to_leave(question, order, err)
						       : rep_leave_locked(&locked, order, err);
}

static enum rep_code answer(struct question *question, struct rep_error *err)
{
	struct rep_json *order = NULL;
	enum rep_code rc =
		rep_pin_follow(&question->contact.pin, question->git, &question->tip, err);

	if (rc == REP_OK)
		rc = rep_order_find(&order, question->git, &question->tip, question->contact.device,
				    question->contact.pin.hub, err);
	if (rc == REP_OK)
		rc = order ? obey(question, order, err) : read_and_take(question, err);
	rep_json_free(order);
	return rc;
}

enum rep_code rep_lease_renew(struct rep_vault *vault, const char *dir,
			      const struct rep_sync *options, struct rep_error *err)
{
	struct question question = {
		.vault = vault, .dir = dir, .options = options, .folder = REP_PRIVATE_INIT};
	enum rep_code rc = read_contact(&question.contact, vault, err);

	if (rc == REP_OK)
		rc = rep_private_make(&question.folder, KIND, err);
	if (rc == REP_OK && asprintf(&question.clone, "%s/clone.git", question.folder.path) < 0) {
		question.clone = NULL;
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	}
	if (rc == REP_OK)
		rc = fetch(&question, err);
	if (rc == REP_OK)
		rc = answer(&question, err);
	question_clear(&question);
	return rep_wrap(err, rc, "ask for a lease");
}
