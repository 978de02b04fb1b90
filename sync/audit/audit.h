/*
 * Questions to the hub about the past: who changed what, when, from what to what, why, and how it was decided.
 * All answers come from the working copy's index; JSON shapes as docs/cli.md.
 */
#ifndef REPSYNC_SYNC_AUDIT_AUDIT_H
#define REPSYNC_SYNC_AUDIT_AUDIT_H

#include "core/base/json.h"
#include "sync/hub/hub.h"

struct rep_audit {
	const char *entity, *id, *field, *rep, *device;
	const char *since, *until; /* datetimes, half-open, by the devices' clocks */
	bool by_hub;               /* by the hub's receipts instead */
	int64_t limit;             /* rows; 0 = all */
};
/*
 * Calls `each` with every row, oldest first; a set, list or map gives one row an element. Streams: what it holds does not grow with
 * the rows, so that millions may pass. `row` is borrowed until `each` returns, which may keep a reference.
 */
REP_CHECK enum rep_code rep_hub_audit_each(struct rep_hub *hub, const struct rep_audit *query,
					   enum rep_code (*each)(void *user,
								 const struct rep_json *row,
								 struct rep_error *err),
					   void *user, struct rep_error *err);
/* The same as an array, for few. */
REP_CHECK enum rep_code rep_hub_audit(struct rep_hub *hub, const struct rep_audit *query,
				      struct rep_json **out, struct rep_error *err);
/* The record as it stood at `as_of` (NULL = now): by the device's clock, or with by_hub by the hub's receipt. */
REP_CHECK enum rep_code rep_hub_show(struct rep_hub *hub, const char *entity, const char *id,
				     const char *as_of, bool by_hub, struct rep_json **out,
				     struct rep_error *err);
/* Per field: value, who, when, why, decided how. */
REP_CHECK enum rep_code rep_hub_blame(struct rep_hub *hub, const char *entity, const char *id,
				      struct rep_json **out, struct rep_error *err);
/* All records of an entity, as of a time by either clock or now: an array of records. */
REP_CHECK enum rep_code rep_hub_export(struct rep_hub *hub, const char *entity, const char *as_of,
				       bool by_hub, struct rep_json **out, struct rep_error *err);

/*
 * Checks central: every journal's chain, signatures and digests, heads, statements, record files' form, the working copy
 * against the tree; with `replay` folds all journals with their recorded outcomes from nothing and compares the trees data/ and
 * restricted/ id by id. `device` narrows the chains. *out = {"ok","checked","since","problems":[{"where","what","who"}]}: `who` could
 * have done it. Where a run was cut between the swap of main and its commit in the working copy, the rows are compared with the main
 * that they show, and "checked" has "behind": 1; the next command that writes brings them up. REP_EINTEGRITY when
 * there are problems (*out set; the message names the first).
 *
 * A check that finds nothing leaves its point in the hub's folder (verified.json). With `go_on` the next one looks at what came after it; `since`
 * is then {"commit","run","at"} of the point, and null where everything was looked at. `replay`, `device`, `statements` look at everything.
 */
struct rep_verify {
	bool replay;
	bool go_on;
	int64_t now_ms; /* what the point is dated by; 0 = none is left */
	const char *device;
	const char *
		statements; /* a file of statements that were kept elsewhere, one after the other; NULL = none */
	const struct rep_progress *progress;
};
REP_CHECK enum rep_code rep_hub_verify(struct rep_hub *hub, const struct rep_verify *options,
				       struct rep_json **out, struct rep_error *err);

#endif
