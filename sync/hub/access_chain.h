/*
 * The chain of the access log, for those that write, merge and verify it. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_HUB_ACCESS_CHAIN_H
#define REPSYNC_SYNC_HUB_ACCESS_CHAIN_H

#include "sync/hub/access.h"
#include "sync/hub/hub_state.h"

#define REP_ACCESS_HEAD "access/head.json"
#define REP_ACCESS_NAME "access" /* among the heads that a statement names */
#define REP_ACCESS_SPOOL_MAX (256u * 1024u * 1024u)

struct rep_access_chain {
	int64_t n; /* of the last entry; 0 = none yet */
	char hash[REP_HASH_HEX + 1];
	size_t key; /* of the hub's keys, that of the newest entry whose signature was looked at: an older one signs no later entry */
};
void rep_access_chain_init(struct rep_access_chain *chain);
/* Reads access/head.json. */
REP_CHECK enum rep_code rep_access_head_read(struct rep_access_chain *out, const char *data,
					     size_t len, struct rep_error *err);
void rep_access_head_write(struct rep_buf *out, const struct rep_access_chain *chain);
/* One entry with its place in the bytes. `n` may be behind the chain: it was taken before. */
struct rep_access_entry {
	const struct rep_json *document;
	const char *data;
	size_t size_bytes;
	int64_t n;
};
/*
 * Walks whole entries, each verified and continuing the chain, which moves on; those that the chain has behind it are left out. An entry
 * that is not written to its end is none: *used tells how far they go, also where it fails. REP_EINTEGRITY names the entry.
 */
REP_CHECK enum rep_code rep_access_walk(struct rep_access_chain *chain, const char *data,
					size_t len, const struct rep_hubkeys *keys,
					enum rep_code (*each)(void *user,
							      const struct rep_access_entry *entry,
							      struct rep_error *err),
					void *user, size_t *used, struct rep_error *err);
/*
 * Moves the chain to the last entry, for who continues it. Only that one is parsed: each bears the hash of the one before, so that its
 * signature speaks for all. What a walk finds beside that is a signature that somebody damaged in between. *used as there; 0 where it fails.
 */
REP_CHECK enum rep_code rep_access_last(struct rep_access_chain *chain, const char *data,
					size_t len, const struct rep_hubkeys *keys, size_t *used,
					struct rep_error *err);
/* The folder's file: its bytes, empty when there is none. */
REP_CHECK enum rep_code rep_access_spool(const char *dir, struct rep_buf *out,
					 struct rep_error *err);
/* The log's lock. */
REP_CHECK enum rep_code rep_access_lock(struct rep_lock **out, const char *dir,
					struct rep_error *err);
/* Takes out of the folder's file what central has: entries up to `n`. What is damaged stays, and is for verify to name: the run is over. */
REP_CHECK enum rep_code rep_access_cut(struct rep_hub *hub, int64_t n, struct rep_error *err);
/* The head in central's main as it is now. */
REP_CHECK enum rep_code rep_access_central(struct rep_hub *hub, struct rep_access_chain *out,
					   struct rep_error *err);

#endif
