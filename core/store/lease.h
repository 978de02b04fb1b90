/*
 * The lease of an encrypted replica: until when the company's data may be read on this device without word from the company.
 *
 *	start ─────────────── half ─────────────── end ──────────────────── erase
 *	       works                 works, warns        locked: the lease's key       the replica is erased
 *	                                                  is taken out of the vault
 *
 * Time is the later of the system's clock and of the latest that was seen: at every opening the clock's time is remembered in the
 * vault (in steps of an hour), and a new lease brings the company's. A clock that is set back therefore gains nothing. Stamps of own
 * edits are made from the same clock while the replica is open, and need no place of their own here. While the clock is more than an
 * hour behind what was seen, every opening counts for an hour.
 *
 * Every renewal starts this anew with the company's time, so that a laptop whose clock was wrong for a while is not locked for ever.
 * A clock that jumps ahead locks at once, which a sync undoes, but does not erase before a day has passed on it.
 *
 * A replica that is not encrypted has no vault and no lease that could lock it.
 */
#ifndef REPSYNC_CORE_STORE_LEASE_H
#define REPSYNC_CORE_STORE_LEASE_H

#include "core/store/vault.h"

enum rep_lease_state {
	REP_LEASE_NONE, /* no view has brought one */
	REP_LEASE_GOOD,
	REP_LEASE_SHORT, /* its second half */
	REP_LEASE_OVER,
	REP_LEASE_ERASE, /* over for so long that the replica is to be erased */
};
struct rep_lease {
	enum rep_lease_state state;
	struct rep_vault_lease times;
	int64_t now_ms;    /* the time that counts */
	int64_t days_left; /* full days; 0 where it is over */
};
/* How it stands. Needs no key; what the vault says is vouched for only once it is unlocked. */
void rep_lease_look(struct rep_lease *out, const struct rep_vault *vault, int64_t system_ms);
/*
 * Acts on it, the vault being unlocked: remembers the time; where the lease is over, its key is taken out, so that rep_vault_keys is
 * NULL from now on. A vault that the company's recovery key opened stays open.
 */
REP_CHECK enum rep_code rep_lease_keep(struct rep_vault *vault, int64_t system_ms,
				       struct rep_lease *out, struct rep_error *err);

#endif
