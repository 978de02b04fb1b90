/*
 * The device's side of sync: enrol, push, pull, verify.
 */
#ifndef REPSYNC_SYNC_DEVICE_DEVICE_H
#define REPSYNC_SYNC_DEVICE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/store/replica.h"

/*
 * Makes a replica in `dir` from an invitation's bytes: key pair, ssh key pair, empty tables. Nothing is sent: the first sync
 * registers the key (enrol.json as the outbox's first commit). REP_EINVAL names what is wrong with the invitation.
 *
 * `seal` says how the replica is encrypted where the invitation wants that (recovery_public comes from there), and may be NULL where
 * it does not; REP_EREFUSED when it is missing.
 */
REP_CHECK enum rep_code rep_enroll_sealed(const char *dir, const char *invitation, size_t len,
					  const struct rep_replica_seal *seal, int64_t now_ms,
					  struct rep_error *err);
/* The same without a seal. */
REP_CHECK enum rep_code rep_enroll(const char *dir, const char *invitation, size_t len,
				   int64_t now_ms, struct rep_error *err);
/* Does the invitation want the replica encrypted? False for what is no invitation. */
bool rep_enroll_wants_seal(const char *invitation, size_t len);

struct rep_sync {
	int64_t now_ms;
	int64_t step;                /* change sets a segment at most; 0 = as many as fit */
	unsigned stall_s, overall_s; /* 0 = defaults of transport.h */
	unsigned tries;              /* to reach the company, at most; 0 = 1 */
	/* Waits between two tries; false = do not try again. NULL = one try. */
	bool (*pause)(void *user, unsigned delay_ms);
	void *pause_user;
	const struct rep_progress *progress;
};
/*
 * Seals what is pending, pushes what the mailbox lacks, fetches and applies the newest view. *summary is the JSON of
 * docs/cli.md ("sync"). A company that cannot be reached, or a line that breaks, is tried again; each try goes on where the one
 * before it stopped. REP_EUNREACHABLE: nothing lost, everything stays queued; REP_EREFUSED: revoked, wrong host key;
 * REP_EINTEGRITY: the view is not what the hub signed, or is older than one already taken.
 */
REP_CHECK enum rep_code rep_device_sync(struct rep_replica *replica, const struct rep_sync *options,
					struct rep_json **summary, struct rep_error *err);

/*
 * For a replica whose lease is over: asks the company for a new one, and nothing else. The vault is unlocked; after REP_OK its pages
 * open too, and rep_device_sync does the rest. The address, and the device's keys, come from the vault's contact; of the mailbox only
 * the newest view is looked at, in memory, and of that only what the hub signed about the lease. Nothing is sent: edits that wait lie
 * in the pages. An order to leave is obeyed here where it brings no key to hand over with: the replica in `dir` is erased. REP_EREFUSED: the company has none newer than the one that is over; REP_EUNREACHABLE, REP_EINTEGRITY as of a sync.
 */
REP_CHECK enum rep_code rep_lease_renew(struct rep_vault *vault, const char *dir,
					const struct rep_sync *options, struct rep_error *err);

/*
 * Checks the own journal's chain, and every row against the last signed view: rows are written back as record files, hashed
 * into trees and compared with the view's ids; rows with unacknowledged changes are rebased and compared.
 * *out = {"ok","checked","problems"}; REP_EINTEGRITY when there are problems (and *out is set).
 */
REP_CHECK enum rep_code rep_device_verify(struct rep_replica *replica, struct rep_json **out,
					  struct rep_error *err);

#endif
