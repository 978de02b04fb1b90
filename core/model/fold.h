/*
 * The fold: a record and one admitted change give the next record. docs/rules.md.
 *
 * A pure function: no clock, no I/O, no globals. Hub and laptop run the same one. A record is the fold
 * of its admitted changes in the order (effective stamp, device, seq, index); that order, never the
 * order of arrival, decides. The caller keeps the order: a change later than every change folded so
 * far is folded onto the state; an earlier one makes the caller fold the whole record again.
 *
 * On a laptop the record that a view brought may hold later stamps than the own unsent edits that are
 * folded onto it: the rules compare stamps both ways, so that this preview is what the hub would decide
 * knowing the same.
 */
#ifndef REPSYNC_CORE_MODEL_FOLD_H
#define REPSYNC_CORE_MODEL_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/json.h"
#include "core/model/changeset.h"
#include "core/model/org.h"
#include "core/model/record.h"
#include "core/model/schema.h"

/* What became of a change or of one of its fields, least to most remarkable. */
enum rep_outcome {
	REP_APPLIED,
	REP_EQUAL,
	REP_MERGED,
	REP_LOST,
	REP_PROPOSED,
	REP_QUEUED,
	REP_HELD,
	REP_REJECTED,
};
const char *rep_outcome_name(enum rep_outcome outcome);
bool rep_outcome_parse(enum rep_outcome *out, const char *name);

/* A change as the fold sees it: verified, with its effective stamp and the verdict of admission. */
struct rep_edit {
	enum rep_op op;
	const char *entity;
	const char *id;
	const char *stamp; /* effective */
	const char *rep;
	const char *device;
	int64_t seq;
	unsigned index;
	/*
	 * The value line's object (values, reason, item, rivals, into, source, decision); its `saw` stamps
	 * effective. The caller takes a `saw` that names a refused or proposed change out of the line (see
	 * rep_edit_forget), so that `old` is compared instead.
	 */
	const struct rep_json *line;
	/*
	 * field -> {"outcome": "proposed" | "rejected", "code"} for the fields that admission did not let
	 * write; NULL = all may. "*" as the key stands for the whole change; it may have `flags` too, with or
	 * without an outcome: texts that go to the record and into the outcome.
	 */
	const struct rep_json *verdict;
	/* The version of the schema it was made under, and the one whose names the verdict bears; 0 = that of the context. */
	int version, judged;
	/* Names of fields that the version it was made under does not know, left out of `line`: an array, or NULL. */
	const struct rep_json *unknown;
	/*
	 * Where the record is joined from several (join.h): the id that the change was written for; `id` is the root's.
	 * NULL = the record is alone.
	 */
	const char *own;
};

/* The order of the fold. */
int rep_edit_compare(const struct rep_edit *a, const struct rep_edit *b);

/*
 * A record with its review items (conflicts and proposals): what the fold carries from one change to
 * the next. `reviews` are records of the entities conflict and proposal, sorted by id.
 */
struct rep_folded {
	struct rep_record *record; /* NULL before the first insert */
	struct rep_record **reviews;
	size_t reviews_len;
	struct rep_json *
		edges; /* {"<loser>/<into>": true} that stand after what was folded; NULL = none met */
	/*
	 * What the edit folded last made of earlier ones that it met: [{"rival", "unit", "note"}], `rival` the stamp of the earlier
	 * one, `unit` the field or group, absent for the whole change, `note` as in an outcome; for rep_outcome_met. NULL = none.
	 */
	struct rep_json *met;
};
void rep_folded_clear(struct rep_folded *folded);
/* The review item with this id, or NULL. */
struct rep_record *rep_folded_review(const struct rep_folded *folded, const char *id);

struct rep_fold_context {
	const struct rep_schema *schema;
	const struct rep_org *org;
	/*
	 * The partition of another record, or NULL when it is unknown: for partitions that follow a
	 * reference. Borrowed until the next call.
	 */
	const char *(*partition_of)(void *user, const char *entity, const char *id);
	void *user;
};

/*
 * Folds `edit` onto `folded` (changed in place) and gives its outcome, owned by the caller:
 * {"outcome", "rule"?, "rival"?, "code"?, "item"?, "fields"?: {field: {"outcome", ...the same}}, "flags"?}.
 * "outcome" is the most remarkable of its fields'; the keys beside it speak of the whole change; `fields`
 * has those that differ from plain applied. `rival` is the stamp of the value that was met, `item` the
 * review item's id. Fails only for want of memory; `folded` is then unusable. Whatever else is wrong with an edit is an outcome `rejected`, so that one bad change never
 * stops the rest.
 */
REP_CHECK enum rep_code rep_fold(struct rep_folded *folded, const struct rep_edit *edit,
				 const struct rep_fold_context *context, struct rep_json **outcome,
				 struct rep_error *err);

/*
 * Where a change was judged by another version of the schema than the one it was made under, its outcome says so: the fields that it
 * tells of bear their names of that version.
 */
#define REP_OUTCOME_SCHEMA "schema"

/*
 * The verdict of admission that a recorded outcome keeps, for a replay; *out is NULL when it let all
 * through. Codes that the fold itself gives (docs/rules.md) are left out: the fold gives them again.
 */
REP_CHECK enum rep_code rep_outcome_verdict(struct rep_json **out, const struct rep_json *outcome,
					    struct rep_error *err);

/*
 * The other way: the outcome that stands for a verdict until the fold has spoken, and gives it back. *out is NULL for none.
 */
REP_CHECK enum rep_code rep_outcome_of_verdict(struct rep_json **out,
					       const struct rep_json *verdict,
					       struct rep_error *err);

/*
 * The outcome of an earlier edit after a later one met it: `outcome` (NULL = plainly applied) with what `met`, an entry of
 * rep_folded.met, says. `edit` is the earlier one as `entity`, that of the version that folded the later one, reads it. `names`: how
 * the outcome calls the fields, {name in `entity`: name}; those without one are not told of. NULL = alike. *out is the caller's.
 */
REP_CHECK enum rep_code rep_outcome_met(struct rep_json **out, const struct rep_json *outcome,
					const struct rep_edit *edit,
					const struct rep_entity *entity, const struct rep_json *met,
					const struct rep_json *names, struct rep_error *err);

/* Did the change with this outcome never come into force for the field: rejected, proposed or held? NULL = it did. */
bool rep_outcome_refuses(const struct rep_json *outcome, const char *field);

/*
 * A copy of `line` without each `saw` (and each `seen` and key's `saw`) that `refused` says names a change
 * which never came into force. *out is NULL when there is none, and `line` may be used as it is.
 */
REP_CHECK enum rep_code rep_edit_forget(struct rep_json **out, const struct rep_json *line,
					bool (*refused)(void *user, const char *field,
							const char *stamp),
					void *user, struct rep_error *err);

/*
 * What stands for `seen` or a list's `old` in a delete whose line would be too long (docs/formats.md): SHA-256 of the canonical
 * parts {key: stamp}, of a list of the array of its entries' stamps. NULL counts as none. `out`
 * stays empty without memory.
 */
void rep_edit_seen_hash(char out[65], const struct rep_json *parts_or_list, bool list);

/* {field: new value} of an insert's `values`; NULL without memory. The caller's. */
struct rep_json *rep_edit_new_values(const struct rep_json *values);

/*
 * The partition that the schema gives a record with these fields: the declared steps, tried in order.
 * `author` is who made it. Appended to `out`; REP_EINVAL when every step is empty, or what the fields say is
 * not a partition's name.
 */
REP_CHECK enum rep_code rep_partition_find(struct rep_buf *out, const struct rep_entity *entity,
					   const char *id, const struct rep_json *fields,
					   const char *author, const char *time,
					   const struct rep_fold_context *context,
					   struct rep_error *err);

/* Ids of review items: UUIDv5 of "conflict/<entity>/<id>/<field>", "proposal/<device>/<seq>/<index>" ... */
void rep_review_conflict_id(char *out, const char *entity, const char *id, const char *field);
void rep_review_change_id(char *out, const char *kind, const char *device, int64_t seq,
			  unsigned index);
/* A proposal's: of another class than "open" it is "proposal/<device>/<seq>/<index>/<class>". */
void rep_review_proposal_id(char *out, const char *device, int64_t seq, unsigned index,
			    const char *visibility);

#endif
