/*
 * The keys that the hub signed with, one after the other. A new one is believed because the company's root key says so (root.h): for
 * each roll there is a document, signed by it, and each names the one before.
 *
 *	org/hub-keys/<number>.json	{"type":"hub-key","format":1,"number","old","new","prev","time","seq"}: 1, 2, ...; `old` and `new`
 *			are public keys; `prev` = SHA-256 of line 1 of the document before (64 zeros for the first); from `time`
 *			on the hub signs with `new`; its own change sets up to number `seq` bear `old`
 *
 * They lie in central's org/, which every view has whole, for ever: a laptop that comes back after years follows them all.
 */
#ifndef REPSYNC_SYNC_MAILBOX_HUBKEY_H
#define REPSYNC_SYNC_MAILBOX_HUBKEY_H

#include "core/model/stamp.h"
#include "sync/mailbox/root.h"

#define REP_HUBKEYS_DIR "org/hub-keys"
#define REP_HUBKEYS_MAX 64u /* rolls are rare: one a year is more than most companies will make */
#define REP_HUBKEY_DOCUMENT_MAX 4096u

struct rep_hubkey {
	uint8_t public[REP_PUBLIC_SIZE];
	char since[REP_TIME_LEN + 1]; /* "" for the first */
	int64_t seq;                  /* its change sets of hub00000 are those above */
};
struct rep_hubkeys {
	struct rep_hubkey keys[REP_HUBKEYS_MAX + 1];
	size_t len;                  /* at least 1 */
	char last[REP_HASH_HEX + 1]; /* hash of the newest document; 64 zeros where there is none */
};

/* Only this key was ever used. */
void rep_hubkeys_one(struct rep_hubkeys *out, const uint8_t public[REP_PUBLIC_SIZE]);
/*
 * The keys that a tree (a view's, or central's) tells of: `first` alone where it has no documents, else the chain of them. REP_EINTEGRITY
 * names a document that the root key did not sign, that is out of its turn or does not continue the one before. `first` is not
 * compared with the chain.
 */
REP_CHECK enum rep_code rep_hubkeys_read(struct rep_hubkeys *out, struct rep_git *git,
					 const struct rep_oid *tree,
					 const uint8_t first[REP_PUBLIC_SIZE],
					 const uint8_t root[REP_PUBLIC_SIZE],
					 struct rep_error *err);
/* Are there documents at all? */
REP_CHECK enum rep_code rep_hubkeys_any(struct rep_git *git, const struct rep_oid *tree, bool *any,
					struct rep_error *err);
/* The position of a key; len where it is none of them. */
size_t rep_hubkeys_find(const struct rep_hubkeys *keys, const uint8_t public[REP_PUBLIC_SIZE]);
/* Which of them signed these two lines (more may follow)? The newest where none did: a reader then says what is wrong. */
const uint8_t *rep_hubkeys_signer(const struct rep_hubkeys *keys, const char *data, size_t len);
/* The key in force at a time; for a change set of hub00000 by its number. */
const uint8_t *rep_hubkeys_at(const struct rep_hubkeys *keys, const char *time);
/* Had the hub given up this key of its own by then? Then what it signed is not of that time. */
bool rep_hubkeys_given_up(const struct rep_hubkeys *keys, const uint8_t public[REP_PUBLIC_SIZE],
			  const char *time);
const uint8_t *rep_hubkeys_of_set(const struct rep_hubkeys *keys, int64_t seq);

/* Appends the document of a roll that follows `keys`. */
REP_CHECK enum rep_code rep_hubkey_write(struct rep_buf *out, const struct rep_hubkeys *keys,
					 const uint8_t public[REP_PUBLIC_SIZE], const char *time,
					 int64_t seq, const struct rep_key *root,
					 struct rep_error *err);

#endif
