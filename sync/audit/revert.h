/*
 * Taking back what somebody did, as far as it still stands. Nothing is erased: one change set of the hub with a reason puts every field
 * that still has a value of theirs to what it would have without them; what others wrote since stays.
 */
#ifndef REPSYNC_SYNC_AUDIT_REVERT_H
#define REPSYNC_SYNC_AUDIT_REVERT_H

#include "core/base/json.h"
#include "sync/hub/hub.h"

/* Whose changes: at least one of the first four; all that are given must fit. */
struct rep_revert {
	const char *rep;
	const char *device;
	const char *import;            /* the file's name, as its import named it */
	const char *const *changesets; /* "<device>/<seq>"; any of them */
	size_t changesets_len;
	const char *since, *until; /* datetimes, half-open, by the devices' clocks; may be NULL */
	const char *reason;
	bool dry_run;
	int64_t now_ms;
};
/*
 * *out = {"dry_run","records","changesets":[...],"changes":[{"entity","id","op","field","from","to"}],
 * "left":[{"entity","id","field","reason","by"}]}: `changes` what was, or would be, taken back, one a field or part of one; `left` what
 * was theirs and stays, with why: "written since" (by whom), or what the schema does not allow. REP_EUSAGE for a question without a whom;
 * nothing to take back is no failure, and no change set.
 */
REP_CHECK enum rep_code rep_hub_revert(struct rep_hub *hub, const struct rep_revert *options,
				       struct rep_json **out, struct rep_error *err);

#endif
