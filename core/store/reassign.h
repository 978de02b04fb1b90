/*
 * Giving accounts, or single records, to another territory from a time on: which assignments end, which begin, and whom it
 * concerns. The hub and a manager's laptop plan with the same code, each from the rows that it holds.
 *
 * Per line of business that a subject is assigned for, its primary assignment ends at the time and one to the new territory begins
 * there, so that at any time exactly one is in force. One that would begin later is cancelled: it ends when it begins. Those who
 * assist stay. Where the new territory has the subject already, nothing changes for that line.
 */
#ifndef REPSYNC_CORE_STORE_REASSIGN_H
#define REPSYNC_CORE_STORE_REASSIGN_H

#include <stdint.h>

#include "core/base/json.h"
#include "core/store/replica.h"

struct rep_reassign {
	const char *entity;     /* of the ids; NULL = they are accounts (partitions) */
	const char *const *ids; /* subjects */
	size_t len;
	const char *to;        /* territory */
	const char *from_time; /* a datetime, not before now; NULL = now */
	const char *reason;
};

/*
 * `ends`: [{"id","valid_to"}] and `begins`: [{"id","partition","values":{field: value}}] of assignments, in the order in which they
 * are to be written. `told`, as docs/man/repsync-reassign.1 describes it:
 *
 *	{"from_time","to","subjects":[{"entity","id","from":[T],"primary":{"before","after"},"records":{entity: n},"unchanged"}],
 *	 "records":{entity: n},"losing":[{"rep","name"}],"gaining":[{"rep","name"}],"devices":[{"device","rep"}]}
 *
 * `losing` and `gaining`: who reaches an account at the time by the old and by the new assignments only; of a single record, who is
 * its primary. `devices`: the active ones of those who lose, where edits may lie that nobody has seen.
 */
struct rep_reassign_plan {
	struct rep_json *ends, *begins, *told;
};
void rep_reassign_plan_clear(struct rep_reassign_plan *plan);
/*
 * REP_EREFUSED where from_time has passed; REP_ENOTFOUND where territory or subject are unknown; REP_EINVAL where a subject is
 * named twice.
 */
REP_CHECK enum rep_code rep_reassign_plan(struct rep_reassign_plan *out, struct rep_db *db,
					  const struct rep_schema *schema,
					  const struct rep_reassign *reassign, int64_t now_ms,
					  struct rep_error *err);

/*
 * On a laptop or a desk: the plan as pending edits, all in one transaction and one change set. A request until the hub has merged
 * it; the hub moves a beginning that has passed by then to that time. With `preview` nothing is written. *told is the caller's.
 * REP_EREFUSED where the rep has no right to write such assignments.
 */
REP_CHECK enum rep_code rep_reassign(struct rep_replica *replica,
				     const struct rep_reassign *reassign, bool preview,
				     int64_t now_ms, struct rep_json **told, struct rep_error *err);

#endif
