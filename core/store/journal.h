/*
 * The journal keeps a device's own change sets in order and for ever; sealing makes them.
 *
 * Entries are only added: triggers refuse update and delete, and each entry carries the hash of the one
 * before. The bytes are deflated.
 */
#ifndef REPSYNC_CORE_STORE_JOURNAL_H
#define REPSYNC_CORE_STORE_JOURNAL_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/model/changeset.h"
#include "core/store/replica.h"

struct rep_journal_head {
	int64_t seq; /* 0 when empty */
	char hash[REP_HASH_HEX + 1];
};
REP_CHECK enum rep_code rep_journal_head(struct rep_db *db, struct rep_journal_head *out,
					 struct rep_error *err);
/* REP_EORDER when number or `prev` does not continue the chain; nothing is written then. */
REP_CHECK enum rep_code rep_journal_append(struct rep_db *db, const struct rep_changeset *set,
					   struct rep_error *err);
/* Appends the bytes of change set `seq` to `out`. REP_ENOTFOUND. */
REP_CHECK enum rep_code rep_journal_read(struct rep_db *db, int64_t seq, struct rep_buf *out,
					 struct rep_error *err);

/*
 * Value line `index` of change set `seq` becomes null, and its reason goes from beside it; nothing where it is null already. Only what the
 * company has merged is erased, and only as it says: `digest` must be the line's. REP_ENOTFOUND, REP_EINTEGRITY. In the caller's transaction.
 */
REP_CHECK enum rep_code rep_journal_erase(struct rep_db *db, int64_t seq, size_t index,
					  const char *digest, struct rep_error *err);

/*
 * Makes change sets of everything pending: one for each run of edits with the same reason, split at
 * 10,000 changes; `reason` stands in where an edit has none (NULL = none). *sealed counts them. One
 * transaction. Values are made canonical here (booleans, set elements after `phone`, add and remove lists).
 */
REP_CHECK enum rep_code rep_seal(struct rep_replica *replica, int64_t now_ms, const char *reason,
				 int64_t *sealed, struct rep_error *err);
int64_t rep_pending_count(struct rep_db *db); /* edits not yet sealed; -1 on error */

/* Walks the own change sets from `from` on. `set` is borrowed during the call. */
REP_CHECK enum rep_code rep_journal_each(struct rep_replica *replica, int64_t from,
					 enum rep_code (*each)(void *user,
							       const struct rep_changeset *set,
							       struct rep_error *err),
					 void *user, struct rep_error *err);

/* Checks the whole chain: numbers, prev, signatures, digests. REP_EINTEGRITY names the first wrong place. */
REP_CHECK enum rep_code rep_journal_verify(struct rep_replica *replica, int64_t *checked,
					   struct rep_error *err);

#endif
