/*
 * A replica: one SQLite file with the data that one device sees, its journal, its keys and, as pieces
 * of packs, the clone of its mailbox.
 *
 * A replica borrows nothing and belongs to one thread. Time comes in as `now_ms`; only the capture
 * triggers read SQLite's clock, because any SQLite client may write.
 */
#ifndef REPSYNC_CORE_STORE_REPLICA_H
#define REPSYNC_CORE_STORE_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/json.h"
#include "core/model/changeset.h"
#include "core/model/fold.h"
#include "core/model/key.h"
#include "core/model/org.h"
#include "core/model/schema.h"
#include "core/model/versions.h"
#include "core/store/db.h"
#include "core/store/vault.h"

#define REP_REPLICA_FILE "replica.db"

struct rep_replica {
	struct rep_db *db;
	const struct rep_schema *schema; /* in force; NULL until the first view brought one */
	struct rep_schema *owned_schema; /* the same; NULL where it is another's */
	struct rep_versions *versions;   /* NULL until they are asked for: rep_replica_versions */
	struct rep_derive *derive;
	struct rep_org *org; /* as of the last view; NULL likewise */
	char device[REP_DEVICE_LEN + 1];
	char *rep;
	struct rep_key key;
	char *dir; /* the folder that holds replica.db */
	bool read_only;
	struct rep_vault *vault; /* NULL: a plain replica */
};

/* Encryption at rest of a new replica. */
struct rep_replica_seal {
	const char *passphrase;
	size_t passphrase_len;
	const char *keys_dir;           /* rep_vault_keys_dir */
	const struct rep_kdf *kdf;      /* NULL: rep_kdf_default */
	const uint8_t *recovery_public; /* of the company; NULL: it cannot open the replica */
};

struct rep_replica_identity {
	const char *device;
	const char *rep; /* may be "" until the first view tells */
	const struct rep_key *key;
	const struct rep_json
		*invitation; /* mailbox url, hub keys, ssh keys ...: kept in _meta as it is */
	const struct rep_replica_seal *seal; /* NULL: plain */
};

/*
 * Makes `dir` (0700) and an empty replica in it, with the engine's own tables and no schema. REP_EEXIST when there is one;
 * REP_EREFUSED where others may look into the folder.
 */
REP_CHECK enum rep_code rep_replica_create(const char *dir,
					   const struct rep_replica_identity *identity,
					   struct rep_error *err);

/*
 * The vault of the replica in `dir`, to be unlocked and given to rep_replica_open_with; *out is NULL for a plain replica.
 * REP_ENOTFOUND when there is none, REP_EREFUSED when others may read file or folder, or when the replica was erased.
 */
REP_CHECK enum rep_code rep_replica_vault(struct rep_vault **out, const char *dir,
					  const char *keys_dir, struct rep_error *err);

struct rep_replica_options {
	bool read_only;
	struct rep_vault *vault; /* unlocked; taken over, also on failure; NULL: plain */
};
/*
 * REP_ENOTFOUND when there is none; REP_EREFUSED for one that is encrypted and has no vault given, or is plain although the company
 * wants it encrypted.
 */
REP_CHECK enum rep_code rep_replica_open_with(struct rep_replica **out, const char *dir,
					      const struct rep_replica_options *options,
					      struct rep_error *err);
/* The same for a plain replica. */
REP_CHECK enum rep_code rep_replica_open(struct rep_replica **out, const char *dir, bool read_only,
					 struct rep_error *err);
/* What a locked replica needs to reach the company, for its vault: {"device","invitation","key"}. New reference. */
REP_CHECK enum rep_code rep_replica_contact(const struct rep_replica *replica,
					    struct rep_json **out, struct rep_error *err);
void rep_replica_close(struct rep_replica *replica);
/*
 * Erases the closed replica in `dir`, encrypted or plain, with the device's secret: rep_vault_erase. Every later opening is refused
 * with `reason`.
 */
REP_CHECK enum rep_code rep_replica_erase(const char *dir, const char *keys_dir, const char *device,
					  const char *reason, int64_t now_ms,
					  struct rep_error *err);

/*
 * Installs a schema (first view, or a newer version): tables, views, triggers. Called inside the pull's
 * transaction; takes over `schema`.
 */
REP_CHECK enum rep_code rep_replica_install_schema(struct rep_replica *replica,
						   struct rep_schema *schema,
						   struct rep_error *err);
/* After a transaction that may have installed a schema was taken back: schema and organisation as the file has them. */
REP_CHECK enum rep_code rep_replica_reload(struct rep_replica *replica, struct rep_error *err);
REP_CHECK enum rep_code rep_replica_load_org(struct rep_replica *replica, struct rep_error *err);
/* Keeps the files of a version other than the one in force, in the caller's transaction: for changes of its time. */
REP_CHECK enum rep_code rep_replica_keep_file(struct rep_replica *replica, int number,
					      const char *path, const void *data, size_t size_bytes,
					      struct rep_error *err);
/* The versions up to the one in force, as far as the views told of them. Borrowed until a schema is installed. */
REP_CHECK enum rep_code rep_replica_versions(struct rep_replica *replica, struct rep_versions **out,
					     struct rep_error *err);
/*
 * An own edit of a change set of an earlier version, as the newest one reads it: what is not merged yet is shown by today's rules
 * until the hub has judged it by those of its time. `schema` is that of its change set; `fold` the newest version's context. One of
 * a version that the replica does not know stays as it is.
 */
struct rep_era_edit;
struct rep_edit;
struct rep_fold_context;
REP_CHECK enum rep_code rep_replica_read_forward(struct rep_replica *replica, const char *schema,
						 const struct rep_fold_context *fold,
						 const struct rep_edit *edit,
						 struct rep_era_edit *out, struct rep_error *err);

/* _meta: small named texts (device, rep, epoch, view, merged_seq, merged_hash, hub_time, lease, tips ...). */
REP_CHECK enum rep_code rep_meta_get(struct rep_db *db, const char *key, char **out,
				     struct rep_error *err); /* *out NULL when absent */
REP_CHECK enum rep_code rep_meta_get_int(struct rep_db *db, const char *key, int64_t *out,
					 struct rep_error *err); /* 0 when absent */
REP_CHECK enum rep_code rep_meta_set(struct rep_db *db, const char *key, const char *value,
				     struct rep_error *err); /* NULL deletes */
REP_CHECK enum rep_code rep_meta_set_int(struct rep_db *db, const char *key, int64_t value,
					 struct rep_error *err);

#endif
