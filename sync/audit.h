/*
 * Questions to the hub about the past: who changed what, when, from what to what, why, and how it was decided.
 * All answers come from the working copy's index; JSON shapes as docs/cli.md.
 */
#ifndef REPSYNC_SYNC_AUDIT_H
#define REPSYNC_SYNC_AUDIT_H

#include "core/base/json.h"
#include "sync/hub.h"

struct rep_audit {
	const char *entity, *id, *field, *rep, *device;
	const char *since, *until; /* datetimes */
};
/* Rows, oldest first; a set, list or map gives one row an element. */
REP_CHECK enum rep_code rep_hub_audit(struct rep_hub *hub, const struct rep_audit *query,
				      struct rep_json **out, struct rep_error *err);
/* The record as it stood at `as_of` (NULL = now): by the device's clock, or with by_hub by the hub's receipt. */
REP_CHECK enum rep_code rep_hub_show(struct rep_hub *hub, const char *entity, const char *id,
				     const char *as_of, bool by_hub, struct rep_json **out,
				     struct rep_error *err);
/* Per field: value, who, when, why, decided how. */
REP_CHECK enum rep_code rep_hub_blame(struct rep_hub *hub, const char *entity, const char *id,
				      struct rep_json **out, struct rep_error *err);
/* All records of an entity, as of a time or now: an array of records. */
REP_CHECK enum rep_code rep_hub_export(struct rep_hub *hub, const char *entity, const char *as_of,
				       struct rep_json **out, struct rep_error *err);

/*
 * Checks central: every journal's chain, signatures and digests, heads, statements, record files' form, the working copy
 * against the tree; with `replay` folds all journals with their recorded outcomes from nothing and compares the trees data/ and
 * restricted/ id by id. `device` narrows the chains. *out = {"ok","checked","problems":[{"where","what"}]}; REP_EINTEGRITY when
 * there are problems (*out set; the message names the first).
 */
struct rep_verify {
	bool replay;
	const char *device;
	const struct rep_progress *progress;
};
REP_CHECK enum rep_code rep_hub_verify(struct rep_hub *hub, const struct rep_verify *options,
				       struct rep_json **out, struct rep_error *err);

#endif
