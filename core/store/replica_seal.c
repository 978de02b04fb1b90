/* The encrypted replica: made, told from a plain one, and what a locked one needs to reach the company. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/store/replica_work.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "replica: no memory");
}

/* ---- contact ---- */

static enum rep_code make_contact(struct rep_json **out, const char *device,
				  const struct rep_key *key, const struct rep_json *invitation,
				  struct rep_error *err)
{
	struct rep_json *contact = rep_json_object();
	char hex[2 * REP_SECRET_SIZE + 1];
	bool fine;

	rep_hex(hex, key->secret, sizeof key->secret);
	fine = rep_json_set_string(contact, "device", device) &&
	       rep_json_set(contact, "invitation",
			    invitation ? rep_json_dup(invitation) : rep_json_null()) &&
	       rep_json_set_string(contact, "key", hex);
	rep_wipe(hex, sizeof hex);
	*out = contact;
	if (fine)
		return REP_OK;
	rep_json_free(contact);
	*out = NULL;
	return no_memory(err);
}

static enum rep_code read_invitation(struct rep_db *db, struct rep_json **out,
				     struct rep_error *err)
{
	char *text = NULL;
	enum rep_code rc = rep_meta_get(db, "invitation", &text, err);

	*out = NULL;
	if (rc == REP_OK && text)
		rc = rep_json_parse(out, text, strlen(text), REP_LINE_SIZE_MAX, REP_JSON_DEPTH_MAX,
				    err);
	free(text);
	return rc;
}

enum rep_code rep_replica_contact(const struct rep_replica *replica, struct rep_json **out,
				  struct rep_error *err)
{
	struct rep_json *invitation = NULL;
	enum rep_code rc = read_invitation(replica->db, &invitation, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = make_contact(out, replica->device, &replica->key, invitation, err);
	rep_json_free(invitation);
	return rc;
}

/* ---- making ---- */

static void remove_with(const char *path, const char *end)
{
	char *name;

	if (asprintf(&name, "%s%s", path, end) < 0)
		return;
	(void)unlink(name);
	free(name);
}

/* What a killed enrolment left behind. */
static void remove_all(const char *path)
{
	static const char *const ends[] = {"-wal", "-shm", ".lock", ""};

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		remove_with(path, ends[i]);
}

static enum rep_code fill_new(const char *path, const struct rep_replica_identity *identity,
			      const struct rep_json *contact, struct rep_error *err)
{
	const struct rep_replica_seal *seal = identity->seal;
	const struct rep_vault_new want = {
		.path = path,
		.keys_dir = seal->keys_dir,
		.device = identity->device,
		.passphrase = seal->passphrase,
		.passphrase_len = seal->passphrase_len,
		.kdf = seal->kdf,
		.recovery_public = seal->recovery_public,
		.contact = contact,
	};
	struct rep_vault *vault = NULL;
	struct rep_db *db = NULL;
	enum rep_code rc = rep_vault_make(&vault, &want, err);

	if (rc == REP_OK)
		rc = rep_db_open(&db, path,
				 &(struct rep_db_options){.create = true,
							  .key = &rep_vault_keys(vault)->pages},
				 err);
	if (rc == REP_OK)
		rc = rep_replica_fill(db, identity, err);
	if (rc == REP_OK) /* all of it in the one file that gets the name */
		rc = rep_db_compact(db, false, err);
	rep_db_close(db);
	rep_vault_free(vault);
	return rc;
}

/* Of two enrolments at once one is told so, where the file system can tell. */
static enum rep_code give_name(const char *fresh, const char *path, struct rep_error *err)
{
	int rc = renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_NOREPLACE);

	if (rc != 0 && (errno == EINVAL || errno == ENOSYS))
		rc = rename(fresh, path);
	if (rc == 0)
		return REP_OK;
	if (errno == EEXIST)
		return rep_fail(err, REP_EEXIST, "there is a replica already");
	return rep_fail(err, REP_EIO, "%s: %s", path, strerror(errno));
}

enum rep_code rep_replica_create_sealed(const char *path,
					const struct rep_replica_identity *identity,
					struct rep_error *err)
{
	struct rep_json *contact = NULL;
	char *fresh = NULL;
	enum rep_code rc = REP_OK;

	if (rep_file_exists(path))
		return rep_fail(err, REP_EEXIST, "there is a replica already");
	if (asprintf(&fresh, "%s.new", path) < 0)
		return no_memory(err);
	remove_all(fresh);
	rc = make_contact(&contact, identity->device, identity->key, identity->invitation, err);
	if (rc == REP_OK)
		rc = fill_new(fresh, identity, contact, err);
	if (rc == REP_OK)
		rc = give_name(fresh, path, err);
	remove_all(fresh);
	rep_json_free(contact);
	free(fresh);
	return rc;
}

/* ---- telling ---- */

enum rep_code rep_replica_vault(struct rep_vault **out, const char *dir, const char *keys_dir,
				struct rep_error *err)
{
	char *path;
	enum rep_code rc;

	*out = NULL;
	if (asprintf(&path, "%s/" REP_REPLICA_FILE, dir) < 0)
		return no_memory(err);
	rc = rep_replica_check_file(path, dir, err);
	if (rc == REP_OK)
		rc = rep_vault_read(out, path, keys_dir, err);
	free(path);
	return rep_wrap(err, rc, "open replica");
}

enum rep_code rep_replica_check_seal(const char *path, const struct rep_vault *vault,
				     struct rep_error *err)
{
	struct rep_vault *there = NULL;
	enum rep_code rc = rep_vault_read(&there, path, "", err);
	const bool is_sealed = there != NULL;
	const bool same =
		!vault || !there ||
		memcmp(rep_vault_salt(vault), rep_vault_salt(there), REP_CIPHER_SALT) == 0;

	rep_vault_free(there);
	if (rc != REP_OK)
		return rc;
	if (is_sealed && (!vault || !rep_vault_keys(vault))) {
		rc = rep_fail(err, REP_EREFUSED, "it is encrypted, and locked");
		rep_hint(err, "repsync unlock asks for the passphrase");
	} else if (vault && (!is_sealed || !same)) {
		rc = rep_fail(err, REP_EINTEGRITY, "another file was put in its place");
	}
	return rc;
}

enum rep_code rep_replica_check_plain(struct rep_db *db, struct rep_error *err)
{
	struct rep_json *invitation = NULL;
	const char *policy;
	enum rep_code rc = read_invitation(db, &invitation, err);

	policy = rep_json_get_string(invitation, "replicas");
	if (rc == REP_OK && policy && strcmp(policy, "encrypted") == 0 &&
	    !rep_json_get_bool(invitation, "desk"))
		rc = rep_fail(err, REP_EREFUSED,
			      "it is not encrypted, although the company wants its replicas to be");
	rep_json_free(invitation);
	return rc;
}

/* ---- the end ---- */

enum rep_code rep_replica_erase(const char *dir, const char *keys_dir, const char *device,
				const char *reason, int64_t now_ms, struct rep_error *err)
{
	char *path;
	enum rep_code rc;

	if (asprintf(&path, "%s/" REP_REPLICA_FILE, dir) < 0)
		return no_memory(err);
	rc = rep_vault_erase(path, keys_dir, device, reason, now_ms, err);
	free(path);
	return rc;
}
