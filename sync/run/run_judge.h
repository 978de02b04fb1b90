/*
 * What becomes of a change set that came to an outbox. Not part of the public interface.
 *
 *	1 a change set that was merged (same number, same hash)		skipped
 *	2 the same number, another hash					a forked chain: quarantine
 *	3 the next number, its `prev` the last hash			merged
 *	4 a gap, or another `prev`						quarantine
 *	5 a signature or digest that does not verify, a bad form		quarantine
 *	6 another device's or rep's change set				quarantine
 *	7 made under a schema that is not in force here			waits, nothing is stored
 *	8 value lines withheld that no erasure lists			quarantine
 *	9 a version of the schema is published (the hub's own)		merged; what follows is left to the next run
 */
#ifndef REPSYNC_SYNC_RUN_RUN_JUDGE_H
#define REPSYNC_SYNC_RUN_RUN_JUDGE_H

#include "sync/run/run.h"

/* An outbox that is being read. */
struct rep_reading {
	struct rep_run *run;
	const char *device;
	const char *rep;
	const uint8_t *public;
	struct rep_run_batch batch;
	struct rep_head head;             /* moves on with what is taken */
	int64_t merged_seq;               /* where it began */
	char (*hashes)[REP_HASH_HEX + 1]; /* of what was taken: number merged_seq + 1 first */
	char first_stamp[REP_STAMP_LEN + 1];
	char problem[256]; /* why the rest is not taken; empty = it is */
	bool waits;        /* case 7 */
	bool cut;          /* case 9 */
};

/* Cases 2, 4, 6, 7 and 8 of a set that is new here: sets reading->problem, and waits. */
REP_CHECK enum rep_code rep_judge_set(struct rep_reading *reading, const struct rep_changeset *set,
				      struct rep_error *err);
/* Case 1 or 2 for a number that was merged, or taken just now. */
REP_CHECK enum rep_code rep_judge_old(struct rep_reading *reading, const struct rep_changeset *set,
				      struct rep_error *err);
/* Does it change records of the organisation? */
bool rep_set_holds_org(const struct rep_reading *reading, const struct rep_changeset *set);
/* The change by which a version of the schema is published, or NULL. */
const struct rep_change *rep_set_release(const struct rep_reading *reading,
					 const struct rep_changeset *set);

#endif
