/*
 * Leaving the company, and losing a laptop: devices are revoked, what they had not sent is handed over, successors get the accounts,
 * and it is told what was held, what is owed, and what is not known. docs/operations.md tells it in steps.
 */
#ifndef REPSYNC_SYNC_HUB_LEAVING_H
#define REPSYNC_SYNC_HUB_LEAVING_H

#include "sync/hub/hub.h"

struct rep_hub_revoke {
	const char *device;
	const char *at; /* a datetime, also one that has passed or is to come; NULL = now */
	const char *reason;
};
/*
 * Revokes a device and does at once what follows (or the run after `at` does): a last collection, of which what was made before `at`
 * is merged and flagged `late-final`; then its mailbox serves the order to erase. *out is its row of rep_hub_devices with what
 * rep_hub_put_last adds. Repeating it is fine.
 */
REP_CHECK enum rep_code rep_hub_revoke(struct rep_hub *hub, const struct rep_hub_revoke *revoke,
				       int64_t now_ms, struct rep_json **out,
				       struct rep_error *err);

/* Who gets what, where it is not all one person's: a line of the plan. */
struct rep_hub_heir {
	const char *entity;    /* NULL: an account with all its records; else a single record */
	const char *subject;   /* its id */
	const char *successor; /* a rep */
};
struct rep_hub_offboard {
	const char *rep;
	const char *successor; /* takes the posts over; or NULL, and a plan */
	const struct rep_hub_heir
		*plan; /* accounts and records, each to the post of its successor */
	size_t plan_len;
	const char *at; /* as of rep_hub_revoke */
	const char *reason;
	bool preview; /* nothing is written */
};
/*
 * A rep leaves. Accounts go to the successors, roles and posts end, all the rep's devices are revoked, in change sets of the hub's own;
 * then one merge does the last collection and publishes: the successors' next view has the accounts with all their history. With a
 * time to come, that is when it happens. Repeating it goes on where it was killed.
 *
 * REP_EREFUSED: a plan that leaves an account of the rep's posts to nobody (the message names them) or names one twice, a successor
 * without a post, or the rep themselves. *report:
 *
 *	{"rep","name","effective","reason","preview","successors":[{"rep","name","territories":[T],"records":{entity: n}}],
 *	 "large_reads":[{"device","stamp","command","query","rows"}] of the last four weeks,
 *	 "records":{entity: n},"devices":[row of rep_hub_devices and {"hash","late_final","rejected","held","quarantined","stale"}]}
 *
 * `records`: live ones of the accounts that the rep held. `stale`: no contact for a day before; what was edited there since is unknown.
 */
REP_CHECK enum rep_code rep_hub_offboard(struct rep_hub *hub,
					 const struct rep_hub_offboard *offboard, int64_t now_ms,
					 struct rep_json **report, struct rep_error *err);

/*
 * [{"device","rep","state","since","desk","seq","last_contact","clock_offset_ms","lease","unmerged","problem","left","left_at"}]:
 * all devices, or those of a rep. `left`: null, "ordered", "delivered", "acknowledged", "lease ended", "void".
 */
REP_CHECK enum rep_code rep_hub_devices(struct rep_hub *hub, const char *rep, int64_t now_ms,
					struct rep_json **out, struct rep_error *err);

/*
 * What a device, or all of a rep's, holds or held: every record that any view showed it, with its class of visibility, when a view had
 * it first and when it last changed or went, and whether the newest view has it ("held"; false once the device has said that it is
 * erased); and the fields that came with a value.
 *
 *	{"who","devices":[{"device","rep","state","erased","views","first","last"}],
 *	 "records":[{"device","entity","id","partition","class","first","last","held"}],
 *	 "entities":[{"entity","class","records","held"}],"fields":[{"entity","class","field","personal"}]}
 */
REP_CHECK enum rep_code rep_hub_exposure(struct rep_hub *hub, const char *who,
					 struct rep_json **out, struct rep_error *err);

/*
 * The signed end of a leaving, appended: {"type":"exit-statement","format":1,"company","rep","issued","statement","devices":[{"device",
 * "since","seq","hash","late_final","rejected","held","quarantined","last_contact","lease","left","left_at","shown":{entity: n}}]}.
 * `lease`: when the last key lapsed; `statement`: hash of the hub's newest statement. REP_EREFUSED while the rep has a role, or a
 * device that is not revoked.
 */
struct rep_buf;
REP_CHECK enum rep_code rep_hub_exit_statement(struct rep_hub *hub, const char *rep, int64_t now_ms,
					       struct rep_buf *out, struct rep_error *err);
/* Is it this hub's, and are the chains that it names here? REP_EINTEGRITY says what is not. *out is the document. */
REP_CHECK enum rep_code rep_hub_check_exit(struct rep_hub *hub, const char *data, size_t len,
					   struct rep_json **out, struct rep_error *err);

/* ---- between the files of this side ---- */

/* Adds to a device's row what became of its edits since it was revoked, and whether there may be some that nobody saw. */
REP_CHECK enum rep_code rep_hub_put_last(struct rep_hub *hub, struct rep_json *row, int64_t now_ms,
					 struct rep_error *err);

REP_CHECK enum rep_code rep_hub_device_row(struct rep_hub *hub, const char *device, int64_t now_ms,
					   struct rep_json **out, struct rep_error *err);
REP_CHECK enum rep_code rep_hub_revoke_line(struct rep_hub *hub, struct rep_hub_batch *batch,
					    const char *device, const char *since,
					    struct rep_error *err);
REP_CHECK enum rep_code rep_hub_merge_all(struct rep_hub *hub, int64_t now_ms,
					  struct rep_json **summary, struct rep_error *err);

#endif
