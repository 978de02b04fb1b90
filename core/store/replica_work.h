/* What the files of the replica share. Not part of the public interface. */
#ifndef REPSYNC_CORE_STORE_REPLICA_WORK_H
#define REPSYNC_CORE_STORE_REPLICA_WORK_H

#include "core/store/replica.h"

/* ---- replica.c ---- */

REP_CHECK enum rep_code rep_replica_check_dir(const char *dir, struct rep_error *err);
REP_CHECK enum rep_code rep_replica_check_file(const char *path, const char *dir,
					       struct rep_error *err);
/* The engine's tables and the identity, in one transaction. */
REP_CHECK enum rep_code rep_replica_fill(struct rep_db *db,
					 const struct rep_replica_identity *identity,
					 struct rep_error *err);

/* ---- replica_versions.c ---- */

/* Is there the table of versions, which an older program did not make? */
REP_CHECK enum rep_code rep_replica_has_releases(struct rep_db *db, bool *out,
						 struct rep_error *err);

/* ---- replica_seal.c ---- */

/* Makes an encrypted replica at `path`: it is there whole or not at all. */
REP_CHECK enum rep_code rep_replica_create_sealed(const char *path,
						  const struct rep_replica_identity *identity,
						  struct rep_error *err);
/* Is what lies at `path` encrypted exactly if there is an open vault for it? */
REP_CHECK enum rep_code rep_replica_check_seal(const char *path, const struct rep_vault *vault,
					       struct rep_error *err);
/* Does the company agree that this one is plain? */
REP_CHECK enum rep_code rep_replica_check_plain(struct rep_db *db, struct rep_error *err);

#endif
