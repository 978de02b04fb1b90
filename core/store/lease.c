#include "core/store/lease.h"

#define HOUR_MS (3600LL * 1000)
#define DAY_MS (24LL * 3600 * 1000)

static enum rep_lease_state state_of(const struct rep_lease *lease)
{
	const struct rep_vault_lease *times = &lease->times;

	if (!times->end_ms)
		return REP_LEASE_NONE;
	/* `seen` is not moved any more once it is over: it says since when it is. */
	if (times->erase_ms && lease->now_ms >= times->erase_ms &&
	    times->seen_ms >= times->end_ms && lease->now_ms >= times->seen_ms + DAY_MS)
		return REP_LEASE_ERASE;
	if (lease->now_ms >= times->end_ms)
		return REP_LEASE_OVER;
	if (times->start_ms &&
	    lease->now_ms - times->start_ms >= (times->end_ms - times->start_ms) / 2)
		return REP_LEASE_SHORT;
	return REP_LEASE_GOOD;
}

void rep_lease_look(struct rep_lease *out, const struct rep_vault *vault, int64_t system_ms)
{
	*out = (struct rep_lease){.now_ms = system_ms};
	rep_vault_lease(vault, &out->times);
	if (out->now_ms < out->times.seen_ms - HOUR_MS)
		out->now_ms = out->times.seen_ms + HOUR_MS;
	else if (out->now_ms < out->times.seen_ms)
		out->now_ms = out->times.seen_ms;
	out->state = state_of(out);
	if (out->times.end_ms > out->now_ms)
		out->days_left = (out->times.end_ms - out->now_ms) / DAY_MS;
}

enum rep_code rep_lease_keep(struct rep_vault *vault, int64_t system_ms, struct rep_lease *out,
			     struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	rep_lease_look(out, vault, system_ms);
	switch (out->state) {
	case REP_LEASE_NONE:
		break;
	case REP_LEASE_GOOD:
	case REP_LEASE_SHORT:
		/* On a disk that cannot be written nothing is remembered, and everything can be read all the same. */
		rc = rep_vault_see(vault, out->now_ms, err);
		if (rc == REP_EIO)
			rc = REP_OK;
		break;
	case REP_LEASE_OVER:
	case REP_LEASE_ERASE:
		if (!rep_vault_keys(vault))
			break;
		rc = rep_vault_end_lease(vault, out->now_ms, err);
		if (rc == REP_EIO) /* it is over all the same: `out` says so */
			rc = REP_OK;
		break;
	}
	return rc;
}
