#include "core/store/replica.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/store/capture.h"
#include "core/store/derive.h"
#include "core/store/replica_work.h"
#include "core/store/shape.h"
#include "core/store/tables.h"

/*
 * "rpsy": set in the same transaction as everything that a replica needs, so that a file without it is what a killed enrolment
 * left behind.
 */
#define APPLICATION_ID 0x72707379
#define FORMAT 1

static char *path_of(const char *dir)
{
	char *path;

	return asprintf(&path, "%s/" REP_REPLICA_FILE, dir) < 0 ? NULL : path;
}

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "replica: no memory");
}

static enum rep_code pragma_int(struct rep_db *db, const char *sql, int64_t *out,
				struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_prepare(db, &stmt, sql, err);

	*out = 0;
	if (rc != REP_OK)
		return rc;
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		*out = rep_column_int(stmt, 0);
	rep_stmt_free(stmt);
	return rc;
}

static enum rep_code put_secret(struct rep_db *db, const struct rep_key *key, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(db, &stmt, "INSERT INTO _secret (name, value) VALUES ('key', ?1)", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_blob(stmt, 1, key->secret, sizeof key->secret);
	rc = rep_run(stmt, err);
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code put_identity(struct rep_db *db, const struct rep_replica_identity *identity,
				  struct rep_error *err)
{
	char *invitation = identity->invitation ? rep_json_text(identity->invitation) : NULL;
	enum rep_code rc = rep_meta_set(db, "device", identity->device, err);

	if (rc == REP_OK)
		rc = rep_meta_set(db, "rep", identity->rep ? identity->rep : "", err);
	if (rc == REP_OK && identity->invitation)
		rc = invitation ? rep_meta_set(db, "invitation", invitation, err) : no_memory(err);
	if (rc == REP_OK)
		rc = put_secret(db, identity->key, err);
	free(invitation);
	return rc;
}

enum rep_code rep_replica_fill(struct rep_db *db, const struct rep_replica_identity *identity,
			       struct rep_error *err)
{
	int64_t id;
	enum rep_code rc = rep_db_begin(db, err);

	if (rc != REP_OK)
		return rc;
	rc = pragma_int(db, "PRAGMA application_id", &id, err);
	if (rc == REP_OK && id != 0)
		rc = rep_fail(err, REP_EEXIST, "there is a replica already");
	if (rc == REP_OK)
		rc = rep_db_execf(db, err, "PRAGMA application_id = %d; PRAGMA user_version = %d",
				  APPLICATION_ID, FORMAT);
	if (rc == REP_OK)
		rc = rep_shape_create(db, err);
	if (rc == REP_OK)
		rc = put_identity(db, identity, err);
	if (rc == REP_OK)
		return rep_db_commit(db, err);
	rep_db_abort(db);
	return rc;
}

static enum rep_code create_plain(const char *path, const struct rep_replica_identity *identity,
				  struct rep_error *err)
{
	struct rep_db *db = NULL;
	enum rep_code rc = rep_db_open(&db, path, &(struct rep_db_options){.create = true}, err);

	if (rc == REP_OK)
		rc = rep_replica_fill(db, identity, err);
	rep_db_close(db);
	return rc;
}

enum rep_code rep_replica_create(const char *dir, const struct rep_replica_identity *identity,
				 struct rep_error *err)
{
	char *path = path_of(dir);
	enum rep_code rc = path ? rep_dir_make(dir, 0700, err) : no_memory(err);

	if (rc == REP_OK)
		rc = rep_replica_check_dir(dir, err);
	if (rc == REP_OK)
		rc = identity->seal ? rep_replica_create_sealed(path, identity, err)
				    : create_plain(path, identity, err);
	if (rc == REP_OK)
		rc = rep_dir_sync(dir, err);
	free(path);
	return rep_wrap(err, rc, "make replica in %s", dir);
}

/* ---- opening ---- */

enum rep_code rep_replica_check_dir(const char *dir, struct rep_error *err)
{
	struct stat st;
	enum rep_code rc;

	if (stat(dir, &st) != 0)
		return rep_fail(err, REP_EIO, "%s: %s", dir, strerror(errno));
	if (!(st.st_mode & 077))
		return REP_OK;
	rc = rep_fail(err, REP_EREFUSED, "%s: others may look into the folder (mode %03o)", dir,
		      (unsigned)(st.st_mode & 0777));
	rep_hint(err, "chmod 700 %s", dir);
	return rc;
}

enum rep_code rep_replica_check_file(const char *path, const char *dir, struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	struct stat st;

	if (stat(path, &st) != 0 && errno != ENOENT && errno != ENOTDIR)
		return rep_fail(err, REP_EIO, "%s: %s", path, strerror(errno));
	if (stat(path, &st) != 0) {
		rc = rep_fail(err, REP_ENOTFOUND, "no replica in %s", dir);
		rep_hint(err, "repsync enroll makes one; -C names its folder");
	} else if (!S_ISREG(st.st_mode)) {
		rc = rep_fail(err, REP_EINVAL, "%s is not a regular file", path);
	} else if (st.st_mode & 077) {
		rc = rep_fail(err, REP_EREFUSED, "%s: others may read it (mode %03o)", path,
			      (unsigned)(st.st_mode & 0777));
		rep_hint(err, "chmod 600 %s", path);
	} else {
		rc = rep_replica_check_dir(dir, err);
	}
	return rc;
}

static enum rep_code check_format(struct rep_db *db, const char *dir, struct rep_error *err)
{
	int64_t id = 0;
	int64_t format = 0;
	enum rep_code rc = pragma_int(db, "PRAGMA application_id", &id, err);

	if (rc == REP_OK)
		rc = pragma_int(db, "PRAGMA user_version", &format, err);
	if (rc != REP_OK)
		return rc;
	if (id == 0)
		return rep_fail(err, REP_ENOTFOUND,
				"no replica in %s: its enrolment was not finished", dir);
	if (id != APPLICATION_ID)
		return rep_fail(err, REP_EINVAL, "%s/" REP_REPLICA_FILE " is no replica", dir);
	if (format != FORMAT)
		return rep_fail(err, REP_EINVAL, "replica of unknown format %lld",
				(long long)format);
	return REP_OK;
}

static enum rep_code load_identity(struct rep_replica *replica, struct rep_error *err)
{
	struct rep_stmt *stmt;
	const void *secret = NULL;
	char *device = NULL;
	size_t len = 0;
	bool row = false;
	enum rep_code rc = rep_meta_get(replica->db, "device", &device, err);

	if (rc == REP_OK && (!device || strlen(device) != REP_DEVICE_LEN))
		rc = rep_fail(err, REP_EINTEGRITY, "replica without a device id");
	if (rc == REP_OK)
		memcpy(replica->device, device, REP_DEVICE_LEN + 1);
	free(device);
	if (rc == REP_OK)
		rc = rep_meta_get(replica->db, "rep", &replica->rep, err);
	if (rc == REP_OK && !replica->rep && !(replica->rep = strdup("")))
		rc = no_memory(err);
	if (rc == REP_OK)
		rc = rep_db_use(replica->db, &stmt, "SELECT value FROM _secret WHERE name = 'key'",
				err);
	if (rc != REP_OK)
		return rc;
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		secret = rep_column_blob(stmt, 0, &len);
	if (rc == REP_OK && (!secret || len != sizeof replica->key.secret))
		rc = rep_fail(err, REP_EINTEGRITY, "replica without its key");
	if (rc == REP_OK) {
		memcpy(replica->key.secret, secret, len);
		/* An Ed25519 secret key ends with its public key (RFC 8032 as libsodium lays it out). */
		memcpy(replica->key.public, replica->key.secret + len - REP_PUBLIC_SIZE,
		       REP_PUBLIC_SIZE);
	}
	rep_stmt_reset(stmt);
	return rc;
}

static void forget_schema(struct rep_replica *replica)
{
	rep_org_free(replica->org);
	rep_versions_free(replica->versions);
	rep_derive_free(replica->derive);
	rep_schema_free(replica->owned_schema);
	replica->org = NULL;
	replica->versions = NULL;
	replica->derive = NULL;
	replica->schema = replica->owned_schema = NULL;
}

static enum rep_code load_schema(struct rep_replica *replica, struct rep_error *err)
{
	struct rep_schema_files files = {0};
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc = rep_db_use(
		replica->db, &stmt,
		"SELECT path, data FROM _schema WHERE path NOT GLOB '[0-9]*' ORDER BY path", err);

	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row) {
			size_t len;
			const char *data = rep_column_blob(stmt, 1, &len);

			rc = rep_schema_files_add(&files, rep_column_text(stmt, 0, NULL),
						  data ? data : "", len, err);
		}
	}
	if (rc != REP_OK || files.len == 0) {
		rep_schema_files_clear(&files);
		return rc;
	}
	rc = rep_schema_load(&replica->owned_schema, &files, err);
	replica->schema = replica->owned_schema;
	if (rc == REP_EINVAL) /* it was good when it was installed */
		rc = err->code = REP_EINTEGRITY;
	return rep_wrap(err, rc, "the schema kept in it is damaged");
}

/* A writer that was wrong about its flag must not leave the triggers quiet for ever. */
static enum rep_code wake(struct rep_db *db, struct rep_error *err)
{
	int64_t silent;
	enum rep_code rc = pragma_int(db, "SELECT count(*) FROM _silent", &silent, err);

	if (rc == REP_OK && silent > 0)
		rc = rep_db_exec(db, "DELETE FROM _silent", err);
	return rc;
}

/*
 * An older program's replica lacks the tables of what the engine has learnt since, and has triggers of another text; what it holds
 * stays as it is.
 */
static enum rep_code upgrade(struct rep_replica *replica, struct rep_error *err)
{
	int64_t version;
	enum rep_code rc = rep_meta_get_int(replica->db, REP_META_SHAPE, &version, err);

	if (rc != REP_OK || version == REP_SHAPE_VERSION)
		return rc;
	rc = rep_db_begin(replica->db, err);
	if (rc != REP_OK)
		return rc;
	rc = rep_capture_silence(replica->db, true, err);
	if (rc == REP_OK)
		rc = rep_shape_install(replica->db, replica->schema, replica->device, err);
	if (rc == REP_OK)
		rc = rep_capture_silence(replica->db, false, err);
	if (rc == REP_OK)
		return rep_db_commit(replica->db, err);
	rep_db_abort(replica->db);
	return rep_wrap(err, rc, "bring it up to date");
}

static enum rep_code load(struct rep_replica *replica, bool read_only, struct rep_error *err)
{
	enum rep_code rc = check_format(replica->db, replica->dir, err);

	if (rc == REP_OK && !read_only)
		rc = wake(replica->db, err);
	if (rc == REP_OK)
		rc = load_identity(replica, err);
	if (rc == REP_OK)
		rc = load_schema(replica, err);
	if (rc == REP_OK && replica->schema && !read_only)
		rc = upgrade(replica, err);
	if (rc == REP_OK && replica->schema)
		rc = rep_replica_load_org(replica, err);
	return rc;
}

static enum rep_code open_file(struct rep_replica *replica, const char *path, struct rep_error *err)
{
	const struct rep_vault_keys *keys = replica->vault ? rep_vault_keys(replica->vault) : NULL;
	const struct rep_db_options options = {.read_only = replica->read_only,
					       .key = keys ? &keys->pages : NULL};
	enum rep_code rc = rep_replica_check_file(path, replica->dir, err);

	if (rc == REP_OK)
		rc = rep_replica_check_seal(path, replica->vault, err);
	if (rc == REP_OK)
		rc = rep_db_open(&replica->db, path, &options, err);
	if (rc == REP_OK)
		rc = load(replica, replica->read_only, err);
	if (rc == REP_OK && !replica->vault)
		rc = rep_replica_check_plain(replica->db, err);
	return rc;
}

enum rep_code rep_replica_open_with(struct rep_replica **out, const char *dir,
				    const struct rep_replica_options *options,
				    struct rep_error *err)
{
	struct rep_replica *replica = calloc(1, sizeof *replica);
	char *path = path_of(dir);
	enum rep_code rc;

	*out = NULL;
	if (!replica || !path || !(replica->dir = strdup(dir))) {
		free(path);
		rep_vault_free(options->vault);
		rep_replica_close(replica);
		return no_memory(err);
	}
	replica->read_only = options->read_only;
	replica->vault = options->vault;
	rc = open_file(replica, path, err);
	free(path);
	if (rc == REP_OK)
		*out = replica;
	else
		rep_replica_close(replica);
	return rep_wrap(err, rc, "open replica");
}

enum rep_code rep_replica_open(struct rep_replica **out, const char *dir, bool read_only,
			       struct rep_error *err)
{
	return rep_replica_open_with(out, dir,
				     &(struct rep_replica_options){.read_only = read_only}, err);
}

void rep_replica_close(struct rep_replica *replica)
{
	if (!replica)
		return;
	forget_schema(replica);
	rep_db_close(replica->db);
	rep_vault_free(replica->vault);
	rep_key_wipe(&replica->key);
	free(replica->rep);
	free(replica->dir);
	free(replica);
}

/* ---- schema and organisation ---- */

static enum rep_code store_files(struct rep_db *db, const struct rep_schema *schema,
				 struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_exec(db, "DELETE FROM _schema", err);

	for (size_t i = 0; rc == REP_OK && i < schema->files->len; i++) {
		const struct rep_schema_file *file = &schema->files->files[i];

		rc = rep_db_use(db, &stmt, "INSERT INTO _schema (path, data) VALUES (?1, ?2)", err);
		if (rc != REP_OK)
			return rc;
		rep_bind_text(stmt, 1, file->path);
		rep_bind_blob(stmt, 2, file->data, file->size_bytes);
		rc = rep_run(stmt, err);
	}
	return rc;
}

static enum rep_code install(struct rep_replica *replica, const struct rep_schema *schema,
			     struct rep_error *err)
{
	enum rep_code rc = rep_capture_create(replica->db, err);

	if (rc == REP_OK)
		rc = rep_capture_silence(replica->db, true, err);
	if (rc == REP_OK)
		rc = rep_shape_install(replica->db, schema, replica->device, err);
	if (rc == REP_OK)
		rc = store_files(replica->db, schema, err);
	if (rc == REP_OK)
		rc = rep_meta_set(replica->db, "schema", schema->id, err);
	return rc;
}

/* The caller may be silent already; then it stays so. */
static enum rep_code was_silent(struct rep_db *db, bool *out, struct rep_error *err)
{
	int64_t silent;
	enum rep_code rc = pragma_int(db, "SELECT count(*) FROM _silent", &silent, err);

	*out = silent > 0;
	return rc;
}

enum rep_code rep_replica_install_schema(struct rep_replica *replica, struct rep_schema *schema,
					 struct rep_error *err)
{
	bool silent = false;
	enum rep_code rc = rep_db_begin(replica->db, err);

	if (rc == REP_OK) {
		rc = was_silent(replica->db, &silent, err);
		if (rc == REP_OK)
			rc = install(replica, schema, err);
		if (rc == REP_OK && !silent)
			rc = rep_capture_silence(replica->db, false, err);
		if (rc == REP_OK)
			rc = rep_db_commit(replica->db, err);
		else
			rep_db_abort(replica->db);
	}
	if (rc != REP_OK) {
		rep_schema_free(schema);
		return rep_wrap(err, rc, "install schema");
	}
	forget_schema(replica);
	replica->schema = replica->owned_schema = schema;
	return REP_OK;
}

enum rep_code rep_replica_load_org(struct rep_replica *replica, struct rep_error *err)
{
	struct rep_org *org = NULL;
	enum rep_code rc;

	if (!replica->schema)
		return rep_fail(err, REP_EINVAL, "no schema yet: the first sync brings it");
	rc = rep_org_load(&org, replica->db, replica->schema, err);
	if (rc != REP_OK)
		return rc;
	rep_org_free(replica->org);
	replica->org = org;
	return REP_OK;
}

enum rep_code rep_replica_reload(struct rep_replica *replica, struct rep_error *err)
{
	enum rep_code rc;

	forget_schema(replica);
	rc = load_schema(replica, err);
	if (rc == REP_OK && replica->schema)
		rc = rep_replica_load_org(replica, err);
	return rep_wrap(err, rc, "reload replica");
}
