#include "sync/device/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "sync/device/device_work.h"
#include "sync/mailbox/document.h"
#include "sync/mailbox/serve.h"

/* What a later sync relies on is looked at now, while the person with the invitation is still here. */
static enum rep_code check_invitation(const struct rep_json *invitation, int64_t now_ms,
				      struct rep_error *err)
{
	const char *expires = rep_json_get_string(invitation, "expires");
	int64_t expires_ms;
	enum rep_code rc;

	if (!rep_id_valid(rep_json_get_string(invitation, "rep")))
		return rep_fail(err, REP_EINVAL, "\"rep\" is no id");
	if (!*rep_json_get_string(invitation, "url"))
		return rep_fail(err, REP_EINVAL, "\"url\" is empty");
	rc = rep_transport_check_url(rep_json_get_string(invitation, "url"), err);
	if (rc != REP_OK)
		return rep_fail(err, REP_EINVAL, "\"url\" is no address of a mailbox");
	if (!rep_time_parse(&expires_ms, expires))
		return rep_fail(err, REP_EINVAL, "\"expires\" is no time");
	if (now_ms < expires_ms)
		return REP_OK;
	rc = rep_fail(err, REP_EINVAL, "it expired at %s", expires);
	rep_hint(err, "ask the company for a new invitation");
	return rc;
}

/*
 * The replica's own ssh keys lie beside the invitation's one-time pair, which is used until the hub knows ours. A folder
 * needs none.
 */
static enum rep_code add_ssh_keys(struct rep_json *invitation, struct rep_error *err)
{
	char comment[32];
	char *secret = NULL, *public_line = NULL;
	enum rep_code rc;

	if (!rep_json_get_string(invitation, "ssh_secret"))
		return REP_OK;
	snprintf(comment, sizeof comment, "repsync-%.8s",
		 rep_json_get_string(invitation, "device"));
	rc = rep_ssh_keygen(&secret, &public_line, comment, err);
	if (rc == REP_OK && (!rep_json_set_string(invitation, "own_ssh_secret", secret) ||
			     !rep_json_set_string(invitation, "own_ssh_public", public_line)))
		rc = rep_fail(err, REP_ENOMEM, "keep the ssh keys");
	free(secret);
	free(public_line);
	return rc;
}

/* Likewise the token of a replica that goes over https. */
static enum rep_code add_token(struct rep_json *invitation, struct rep_error *err)
{
	char token[REP_TOKEN_HEX + 1];
	bool added;

	if (!rep_json_get_string(invitation, "token"))
		return REP_OK;
	rep_token_make(token);
	added = rep_json_set_string(invitation, "own_token", token);
	explicit_bzero(token, sizeof token);
	return added ? REP_OK : rep_fail(err, REP_ENOMEM, "keep the token");
}

/* The same invitation in the same folder again, after a kill before anybody was told: the replica stands. */
static bool stands(const char *dir, const char *device, const struct rep_replica_seal *seal)
{
	struct rep_replica_options options = {.read_only = true};
	struct rep_replica *replica = NULL;
	struct rep_error ignored;
	bool same;

	if (seal && (rep_replica_vault(&options.vault, dir, seal->keys_dir, &ignored) != REP_OK ||
		     !options.vault ||
		     rep_vault_unlock(options.vault, seal->passphrase, seal->passphrase_len,
				      &ignored) != REP_OK)) {
		rep_vault_free(options.vault);
		return false;
	}
	same = rep_replica_open_with(&replica, dir, &options, &ignored) == REP_OK &&
	       strcmp(replica->device, device) == 0;
	rep_replica_close(replica);
	return same;
}

static bool wants_seal(const struct rep_json *invitation)
{
	const char *replicas = rep_json_get_string(invitation, "replicas");

	return replicas && strcmp(replicas, "encrypted") == 0 &&
	       !rep_json_get_bool(invitation, "desk");
}

bool rep_enroll_wants_seal(const char *invitation, size_t len)
{
	struct rep_json *document = NULL;
	struct rep_error ignored;
	bool wants = rep_invitation_read(&document, invitation, len, &ignored) == REP_OK &&
		     wants_seal(document);

	rep_json_free(document);
	return wants;
}

/* How the replica is to be encrypted: as the caller says, and so that the company can open it. */
static enum rep_code choose_seal(const struct rep_json *invitation,
				 const struct rep_replica_seal *given, struct rep_replica_seal *out,
				 uint8_t recovery_public[REP_CIPHER_KEY], struct rep_error *err)
{
	const char *recovery = rep_json_get_string(invitation, "recovery");

	if (!given || !given->passphrase)
		return rep_fail(err, REP_EREFUSED,
				"the company wants its replicas encrypted: a passphrase is needed");
	*out = *given;
	if (!recovery || !rep_unhex(recovery_public, recovery, REP_CIPHER_KEY))
		return rep_fail(err, REP_EINVAL, "invitation: no recovery key of the company");
	out->recovery_public = recovery_public;
	return REP_OK;
}

enum rep_code rep_enroll(const char *dir, const char *invitation, size_t len, int64_t now_ms,
			 struct rep_error *err)
{
	return rep_enroll_sealed(dir, invitation, len, NULL, now_ms, err);
}

enum rep_code rep_enroll_sealed(const char *dir, const char *invitation, size_t len,
				const struct rep_replica_seal *seal, int64_t now_ms,
				struct rep_error *err)
{
	struct rep_replica_identity identity = {0};
	struct rep_replica_seal own_seal;
	uint8_t recovery_public[REP_CIPHER_KEY];
	struct rep_json *document = NULL;
	struct rep_key key = {0};
	enum rep_code rc;

	rc = rep_invitation_read(&document, invitation, len, err);
	if (rc == REP_OK)
		rc = rep_wrap(err, check_invitation(document, now_ms, err), "invitation");
	if (rc == REP_OK)
		rc = rep_key_init(err);
	if (rc == REP_OK)
		rc = add_ssh_keys(document, err);
	if (rc == REP_OK)
		rc = add_token(document, err);
	if (rc != REP_OK)
		goto out;
	rep_key_make(&key);
	identity.device = rep_json_get_string(document, "device");
	identity.rep = rep_json_get_string(document, "rep");
	identity.key = &key;
	identity.invitation = document;
	if (wants_seal(document)) {
		rc = choose_seal(document, seal, &own_seal, recovery_public, err);
		identity.seal = &own_seal;
	}
	if (rc == REP_OK)
		rc = rep_replica_create(dir, &identity, err);
	if (rc == REP_EEXIST && stands(dir, identity.device, identity.seal))
		rc = REP_OK;
out:
	rep_key_wipe(&key);
	rep_json_free(document);
	return rep_wrap(err, rc, "enroll");
}
