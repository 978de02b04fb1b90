/*
 * One run of the hub: collect, verify, order, admit, fold, commit. Not part of the public interface.
 *
 * A run holds the hub's lock, one transaction of work.db and one pack of central. Nothing of it exists before the pack is
 * written and main is moved by compare-and-swap; then the transaction commits with the new head as its marker. Killed before
 * the swap, nothing happened; killed after it, the next open brings work.db to the head.
 */
#ifndef REPSYNC_SYNC_RUN_RUN_H
#define REPSYNC_SYNC_RUN_RUN_H

#include "core/model/admit.h"
#include "core/model/eras.h"
#include "sync/git/pack.h"
#include "sync/hub/access_chain.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/document.h"

/* ---- what was collected ---- */

/* The part of a device's segment that is to be merged: whole change sets that verified and continue the chain. */
struct rep_run_segment {
	char *data; /* the very bytes that the device signed */
	size_t size_bytes;
	struct rep_changeset *sets; /* as verified; NULL = too much to keep, to be read again */
	size_t sets_len;
	int64_t first, last;
	char hash[REP_HASH_HEX + 1];   /* of the last skeleton */
	char sealed[REP_TIME_LEN + 1]; /* of the first change set: names the month's folder */
	char received[REP_TIME_LEN + 1];
	int64_t received_ms;
	int64_t offset_ms; /* last sealed minus received */
	char *path;        /* in central */
};

/* All that one device brings to a run. */
struct rep_run_batch {
	char device[REP_DEVICE_LEN + 1];
	char *rep;
	struct rep_run_segment *segments;
	size_t len;
	bool org;     /* holds changes of people, posts, assignments, devices or the schema */
	bool release; /* publishes a version of the schema */
	struct rep_stamp first; /* effective stamp of its first change: the order of batches */
	char last[REP_STAMP_LEN + 1];
	size_t sets, changes;
};

/* A device whose mailbox, or a part of it, is not merged. */
struct rep_run_problem {
	char device[REP_DEVICE_LEN + 1];
	char *reason;
	int64_t first, last;
	char *data; /* what goes to quarantine; NULL = nothing does */
	size_t size_bytes;
	bool blocks; /* until somebody decides */
};

/* How far a mailbox was read, for work.db. */
struct rep_run_tip {
	char device[REP_DEVICE_LEN + 1];
	struct rep_oid tip;
	bool keep; /* do not move on: to be read again next time */
};

struct rep_run_counts {
	int64_t devices, changesets, changes;
	int64_t applied, merged, conflicts, proposed, held, rejected, quarantined;
};

/* What one or several runs did, for the summary. */
struct rep_run_total {
	struct rep_run_counts counts;
	int64_t enrolled; /* devices that became active */
	int64_t number;   /* of the last run that made a commit; 0 = none */
	char commit[REP_OID_HEX + 1];
	struct rep_json *problems; /* of the last one */
};

struct rep_touched;      /* a record in the run's hands: run_touched.c */
struct rep_run_erasing;  /* what the commit in work erases: run_erase.c */
struct rep_run_outcomes; /* lines for outcomes files: run_outcomes.c */

/* The SELECT of a check, made once a run. */
struct rep_run_check_sql {
	const struct rep_check *check;
	char *sql;
};

struct rep_run {
	struct rep_hub *hub;
	const struct rep_hub_merge *options;
	int64_t now_ms; /* never before the last run's */
	char time[REP_TIME_LEN + 1];
	char org_since[REP_TIME_LEN + 1]; /* the organisation before this is past */
	int64_t number;
	struct rep_run_batch *batches;
	size_t batches_len;
	struct rep_run_problem *problems;
	size_t problems_len;
	struct rep_run_tip *tips;
	size_t tips_len;

	/* the part of the run in work: a transaction, a pack, a tree */
	struct rep_pack *pack;
	struct rep_tree *tree;
	struct rep_oid base;            /* main when the part began */
	struct rep_oid head;            /* the newest commit of the part */
	struct rep_access_chain access; /* where the access log ends in the part's tree */
	struct rep_touched **touched;   /* hash table */
	size_t touched_len, touched_cap;
	struct rep_run_outcomes *outcomes;
	char **queue; /* "<entity>/<id>" that came to be: what waits for them is tried again */
	size_t queue_len, queue_cap;
	const char *edit_stamp;       /* of the edit being folded; NULL = now: for partition_of */
	struct rep_buf partition;     /* partition_of's answer */
	struct rep_fold_context fold; /* of the version in force */
	struct rep_admit_context admit;
	struct rep_eras *eras; /* contexts of earlier versions; NULL until one is asked for */
	enum rep_code callback_rc;
	struct rep_error callback_err;

	struct rep_run_total *total;
	struct rep_run_counts batch_counts;
	struct rep_json *held_now; /* "<device>/<seq>/<index>" held by this very run */
	/*
	 * In a replay only, where what was recorded of a change stands and is never altered (it holds what admission said, also while
	 * the record has no place yet): the ids of the rejections written so far. NULL in a run.
	 */
	struct rep_json *replayed;
	char commit[REP_OID_HEX + 1]; /* the last one; empty = none */
	struct rep_run_check_sql *checks;
	size_t checks_len;
	unsigned char *
		aliased; /* by entity: was anything ever merged there? run_join.c; NULL = not asked yet */
	bool joining;                    /* members of a group are being touched */
	size_t kept_bytes;               /* of segments whose change sets are kept as read */
	bool erases;                     /* was anything ever erased? */
	struct rep_run_erasing *erasing; /* NULL = nothing in this commit */
	bool more;                       /* an outbox held more than is read at a time */
};

/* ---- run_collect.c, run_enrol.c, run_mailbox.c ---- */

/* Devices that registered their keys become active: a change set of the hub, merged in a run of its own. */
REP_CHECK enum rep_code rep_run_enrol(struct rep_run *run, struct rep_error *err);
REP_CHECK enum rep_code rep_run_collect(struct rep_run *run, struct rep_error *err);
/* A mailbox that is being read, by a child of its own. */
struct rep_run_reading {
	char device[REP_DEVICE_LEN + 1];
	struct rep_mailbox_reader *reader; /* NULL = nothing came, or a problem was noted */
	struct rep_oid tip;                /* as it stood when the child began */
	char *blocked;
};
/* Starts the child where something came; rep_run_mailbox_end adds batch, problems and tip to the run. */
REP_CHECK enum rep_code rep_run_mailbox_begin(struct rep_run *run, const char *device,
					      struct rep_run_reading *out, struct rep_error *err);
REP_CHECK enum rep_code rep_run_mailbox_end(struct rep_run *run, struct rep_run_reading *reading,
					    struct rep_error *err);
/*
 * Did a run begin the outbox anew that was killed before it remembered it? *root then is where it begins. REP_EINTEGRITY where the
 * view in the mailbox does not say so.
 */
REP_CHECK enum rep_code rep_outbox_was_begun_anew(struct rep_hub *hub, const char *device,
						  const char *path, struct rep_oid *root,
						  struct rep_error *err);
void rep_run_mailbox_abort(struct rep_run_reading *reading);
void rep_run_batch_clear(struct rep_run_batch *batch);
void rep_run_collected_clear(struct rep_run *run);
REP_CHECK enum rep_code rep_run_problem(struct rep_run *run, const char *device, const char *reason,
					struct rep_run_problem **out, struct rep_error *err);
/* The mailbox's state in work.db: tip (zero = unknown), and why it is blocked (NULL; the caller frees it). */
REP_CHECK enum rep_code rep_run_known(struct rep_hub *hub, const char *device, struct rep_oid *tip,
				      char **blocked, struct rep_error *err);

/* ---- run_fold.c ---- */

/* Gives the fold its schema and organisation, and again after the organisation was loaded anew. */
void rep_run_bind(struct rep_run *run);

/* Folds a whole batch: its org changes first. */
REP_CHECK enum rep_code rep_run_batch(struct rep_run *run, struct rep_run_batch *batch,
				      struct rep_error *err);
/* Admits and folds one change that a journal brought, then what waited for its record. `backdated`: its stamp lies behind. */
REP_CHECK enum rep_code rep_run_change(struct rep_run *run, const struct rep_edit *edit,
				       const char *signed_stamp, const char *segment,
				       bool backdated, struct rep_error *err);

/* Writes what became of a change into the index and its segment's outcomes; NULL = plainly applied. `fresh`: not indexed yet. */
REP_CHECK enum rep_code rep_run_record(struct rep_run *run, const struct rep_edit *edit,
				       const char *signed_stamp, const struct rep_json *outcome,
				       const char *segment, bool fresh, struct rep_error *err);

/* ---- run_erase.c ---- */

/* Asks the index whether anything was ever erased. */
REP_CHECK enum rep_code rep_run_erases(struct rep_run *run, struct rep_error *err);
/* A change that arrives: where an erasure names it, or it is of an erased record, it loses its line, or gets what was left of it. */
REP_CHECK enum rep_code rep_run_withhold(struct rep_run *run, const char *segment,
					 const struct rep_changeset *set,
					 struct rep_arrived *arrived, struct rep_error *err);
/* What becomes of a change that has no line: *outcome refuses it where it came after its record was erased, else it is NULL. */
REP_CHECK enum rep_code rep_run_erased_outcome(struct rep_run *run, const struct rep_edit *edit,
					       struct rep_json **outcome, struct rep_error *err);
/* Before an `erase` is folded: its lines are taken out of the index. And after it: the other records that they are of. */
REP_CHECK enum rep_code rep_run_erase(struct rep_run *run, const struct rep_edit *edit,
				      struct rep_error *err);
REP_CHECK enum rep_code rep_run_erase_follow(struct rep_run *run, const struct rep_edit *edit,
					     struct rep_error *err);
/* A segment that came, into the tree: without what is erased of it, so that no object ever has it. */
REP_CHECK enum rep_code rep_run_put_segment(struct rep_run *run,
					    const struct rep_run_segment *segment,
					    struct rep_error *err);
/* Before the commit: what was erased becomes null in the journal files of the tree, and the lists are written. */
REP_CHECK enum rep_code rep_run_erase_files(struct rep_run *run, struct rep_error *err);
void rep_run_erasing_clear(struct rep_run *run);
/* Do the bytes name the id of a record? */
bool rep_erase_names(const struct rep_buf *bytes, const char *id);

/* ---- run_held.c ---- */

/* The change waits for "<entity>/<id>"; and does not wait any more. */
REP_CHECK enum rep_code rep_run_hold(struct rep_run *run, const struct rep_edit *edit,
				     const char *signed_stamp, const char *waits_for,
				     const char *segment, bool fresh, struct rep_error *err);
REP_CHECK enum rep_code rep_run_release(struct rep_run *run, const struct rep_edit *edit,
					struct rep_error *err);
/* The edit's record came to be: what waits for it is tried again after this change. */
REP_CHECK enum rep_code rep_run_queue(struct rep_run *run, const struct rep_edit *edit,
				      struct rep_error *err);

/* ---- run_refold.c ---- */

/* What the changes of a walk over the index came to; what is another outcome than it was is recorded at its end. */
struct rep_refolded;
struct rep_refold {
	struct rep_run *run;
	struct rep_refolded *changes;
	size_t len, cap;
};
/* The outcome that the walk has of a change so far; NULL = it did not meet it. */
struct rep_json **rep_refold_outcome(struct rep_refold *refold, const struct rep_indexed *change);
/* The same of a change whose line was erased. */
REP_CHECK enum rep_code rep_refold_erased(struct rep_refold *refold,
					  const struct rep_indexed *change, struct rep_error *err);
/* What a change that was folded again came to: its rejection, its outcome, the record's last change. `outcome` may be NULL. */
REP_CHECK enum rep_code rep_refold_keep(struct rep_refold *refold, struct rep_touched *touched,
					const struct rep_indexed *change, struct rep_json *outcome,
					struct rep_error *err);
/* A record that is alone, from its first change; its rows are the caller's. */
REP_CHECK enum rep_code rep_refold_alone(struct rep_run *run, struct rep_touched *touched,
					 struct rep_refold *refold, struct rep_error *err);
REP_CHECK enum rep_code rep_refold_record(struct rep_refold *refold, struct rep_error *err);
void rep_refold_clear(struct rep_refold *refold);
/* run_follow.c: after a record moved, or came to lie elsewhere at some time: whatever follows it. */
REP_CHECK enum rep_code rep_run_follow(struct rep_run *run, const struct rep_touched *touched,
				       struct rep_error *err);
/* Folds a record again as rep_run_refold does; where it lies or lay elsewhere then, what follows it too. */
REP_CHECK enum rep_code rep_run_refold_follow(struct rep_run *run, struct rep_touched *touched,
					      struct rep_error *err);
/*
 * Folds one change onto the touched record, as its own where it is the root of several, under the version of the schema that judges it;
 * *outcome as it is recorded.
 */
REP_CHECK enum rep_code rep_run_fold_one(struct rep_run *run, struct rep_touched *touched,
					 const struct rep_edit *edit, struct rep_json **outcome,
					 struct rep_error *err);
/* Makes or takes back the rejection that an outcome asks for, and names it in the outcome. */
REP_CHECK enum rep_code rep_run_rejection(struct rep_run *run, const struct rep_edit *edit,
					  struct rep_json *outcome, bool was_rejected,
					  struct rep_error *err);
bool rep_outcome_has_rejection(const struct rep_json *outcome);
/* Is it one that is recorded as none? */
bool rep_run_is_plain(const struct rep_json *outcome);

/* ---- run_met.c ---- */

/* After an edit was folded onto `touched`: what it made of earlier ones, in the outcomes of `refold`, or where that is NULL in the index. */
REP_CHECK enum rep_code rep_run_tell_rivals(struct rep_run *run, const struct rep_touched *touched,
					    struct rep_refold *refold, struct rep_error *err);

/* ---- run_join.c ---- */

/* Brings in those that are one with a record that was just touched. */
REP_CHECK enum rep_code rep_run_join(struct rep_run *run, struct rep_touched *touched,
				     struct rep_error *err);
/* Folds a record, and those that are one with it, again from the index; outcomes that differ are recorded. */
REP_CHECK enum rep_code rep_run_refold(struct rep_run *run, struct rep_touched *touched,
				       struct rep_error *err);
/* After an alias or unalias of `touched` and `into` was put into the index: all whom it joins or parts, and what follows them. */
REP_CHECK enum rep_code rep_run_regroup(struct rep_run *run, struct rep_touched *touched,
					const char *into, struct rep_error *err);
/* rep_run_follow for the record and all that are one with it. */
REP_CHECK enum rep_code rep_run_follow_all(struct rep_run *run, struct rep_touched *touched,
					   struct rep_error *err);
/* Where the record, and those that it is one with, lie and lay, as a text to be compared. Appended. */
REP_CHECK enum rep_code rep_run_places(struct rep_run *run, struct rep_touched *touched,
				       struct rep_buf *out, struct rep_error *err);
/* Folds again what was edited after the present by clocks that run ahead: after a change of the organisation (run_ahead.c). */
REP_CHECK enum rep_code rep_run_ahead(struct rep_run *run, struct rep_error *err);
/* ---- run_era.c ---- */

/* The edit as the version that judges it reads it; `least`: the one that the record has reached already. */
REP_CHECK enum rep_code rep_run_read(struct rep_run *run, const struct rep_edit *edit, int least,
				     struct rep_era_edit *out, struct rep_error *err);
REP_CHECK enum rep_code rep_run_context(struct rep_run *run, int number,
					const struct rep_fold_context **out, struct rep_error *err);
/* Brings the touched record to the shape of a version. */
REP_CHECK enum rep_code rep_run_shape(struct rep_run *run, struct rep_touched *touched, int number,
				      struct rep_error *err);
/* Names the version in an outcome whose fields bear the names of another than the change was made under. */
REP_CHECK enum rep_code rep_run_name_version(struct rep_run *run, const struct rep_edit *edit,
					     int number, struct rep_json *outcome,
					     struct rep_error *err);
/* After the organisation was loaded anew. */
void rep_run_forget_eras(struct rep_run *run);

/* ---- run_schema.c ---- */

/* A batch that publishes a version of the schema is merged by itself: the others wait for the next run. */
void rep_run_only_release(struct rep_run *run);
/* After a change of the hub's that publishes a version: its files into the tree. */
REP_CHECK enum rep_code rep_run_put_release(struct rep_run *run, const struct rep_edit *edit,
					    struct rep_error *err);
/*
 * Brings the next version into force where its time has come: tables, rows and files in its shape, and a commit. *done false where
 * there is none. Outside of a part of a run.
 */
REP_CHECK enum rep_code rep_run_switch(struct rep_run *run, bool *done, struct rep_error *err);

/* ---- run_check.c ---- */

/*
 * What admission asks of other records: unique fields and the schema's checks, as the version of `fold` has them. Adds to *verdict
 * (may be NULL before).
 */
REP_CHECK enum rep_code rep_run_check(struct rep_run *run, const struct rep_fold_context *fold,
				      const struct rep_edit *edit, const struct rep_record *record,
				      struct rep_json **verdict, struct rep_error *err);

void rep_run_checks_clear(struct rep_run *run);

/*
 * Adds to a verdict (*verdict may be NULL before) what becomes of a field, or of all with "*"; and a flag. False without memory, to be
 * told of: a verdict that was cut short would let through what was refused.
 */
bool rep_verdict_note(struct rep_json **verdict, const char *key, enum rep_outcome outcome,
		      const char *code);
bool rep_verdict_flag(struct rep_json **verdict, const char *flag);

/* ---- run_touched.c ---- */

struct rep_touched_item {
	const struct rep_entity *entity;
	char *id;
	char *partition;
	char *twin;
	bool gone; /* its row was taken away: by now it may be the row of another record */
};
struct rep_touched {
	const struct rep_entity *entity;
	char *id;
	uint64_t hash;
	char *was; /* partition in the tree so far; NULL = not there */
	bool changed;
	struct rep_folded folded;
	int shape; /* the version of the schema whose names it bears: the one in force, but during a fold of all changes */
	struct rep_touched_item
		*items; /* review items that have, or had in this run, a row or a file */
	size_t items_len;
	bool has_last; /* greatest change folded */
	char last_stamp[REP_STAMP_LEN + 1];
	char last_device[REP_DEVICE_LEN + 1];
	int64_t last_seq;
	unsigned last_index;
	/* The root of the records that are one, itself when it is alone; the root has them all, by id. run_join.c. */
	struct rep_touched *root;
	struct rep_touched **members;
	size_t members_len;
	bool refolded;
};
/* The record and its review items, loaded when first asked for; borrowed until the flush. */
REP_CHECK enum rep_code rep_run_touch(struct rep_run *run, const struct rep_entity *entity,
				      const char *id, struct rep_touched **out,
				      struct rep_error *err);
/* Writes the rows of the record and its items. */
REP_CHECK enum rep_code rep_run_touched_rows(struct rep_run *run, struct rep_touched *touched,
					     struct rep_error *err);
/* The two halves of it: what is not there any more, and what is. */
REP_CHECK enum rep_code rep_run_rows_drop(struct rep_run *run, struct rep_touched *touched,
					  struct rep_error *err);
REP_CHECK enum rep_code rep_run_rows_put(struct rep_run *run, struct rep_touched *touched,
					 struct rep_error *err);
/* Writes all files that changed into the tree and forgets the records. */
REP_CHECK enum rep_code rep_run_flush(struct rep_run *run, struct rep_error *err);
void rep_run_touched_clear(struct rep_run *run);
/* Main file and twins of one record into the tree; those of `was` (NULL = none) go where it lay elsewhere. */
REP_CHECK enum rep_code rep_run_write_record(struct rep_run *run, const struct rep_record *record,
					     const char *was, struct rep_error *err);
REP_CHECK enum rep_code rep_run_remove_record(struct rep_run *run, const struct rep_entity *entity,
					      const char *partition, const char *id,
					      struct rep_error *err);

/* ---- run_commit.c ---- */

/* Adds a line to the outcomes of a segment (its path in central's journal). */
REP_CHECK enum rep_code rep_run_outcome(struct rep_run *run, const char *segment, int64_t seq,
					unsigned index, const struct rep_json *outcome,
					struct rep_error *err);
void rep_run_outcomes_clear(struct rep_run *run);
/* ---- run_access.c ---- */

/* Takes the entries of the access log that are not in central yet into the tree. */
REP_CHECK enum rep_code rep_run_access(struct rep_run *run, struct rep_error *err);

/* One commit with the whole batch; the statement goes into the last one of the run. */
REP_CHECK enum rep_code rep_run_commit(struct rep_run *run, struct rep_run_batch *batch, bool last,
				       struct rep_error *err);
/* A commit of the hub's own with a statement; `subject` is one line. */
REP_CHECK enum rep_code rep_run_commit_own(struct rep_run *run, const char *subject,
					   struct rep_error *err);
/* Files and commits of the hub for what goes to quarantine; the statement goes into the last one where the run brings nothing else. */
REP_CHECK enum rep_code rep_run_quarantine(struct rep_run *run, bool last, struct rep_error *err);
/* Pack, compare-and-swap, work.db. */
REP_CHECK enum rep_code rep_run_finish(struct rep_run *run, struct rep_error *err);
REP_CHECK enum rep_code rep_run_begin(struct rep_run *run, struct rep_error *err);
void rep_run_abort(struct rep_run *run);

/* ---- run_leave.c ---- */

/*
 * After the runs, for devices that were revoked: the order is written (left/ in central) and its mailbox put in the place of the old
 * one; and what those bring who obey it is kept in central and merged nowhere.
 */
REP_CHECK enum rep_code rep_hub_leavers(struct rep_hub *hub, const struct rep_hub_merge *options,
					struct rep_run_total *total, struct rep_error *err);

/* ---- run.c ---- */

/* Clock and number of a run that is not one of rep_hub_runs. */
REP_CHECK enum rep_code rep_run_prepare(struct rep_run *run, struct rep_error *err);

/* One run, or as many as it takes to empty the outboxes, without views; adds to `total`. */
REP_CHECK enum rep_code rep_hub_runs(struct rep_hub *hub, const struct rep_hub_merge *options,
				     struct rep_run_total *total, struct rep_error *err);

/* ---- run_own.c ---- */

/* Changes that the hub makes of itself in one pass; the batch begins with the first. */
struct rep_own {
	struct rep_hub *hub;
	const char *reason;
	int64_t now_ms;
	struct rep_hub_batch *batch; /* NULL = none yet */
	bool waited;                 /* set by the pass: there was something to look at */
};
/* Takes the line. */
REP_CHECK enum rep_code rep_own_add(struct rep_own *own, enum rep_op op, const char *entity,
				    const char *id, struct rep_json *line, struct rep_error *err);
struct rep_follower {
	const char *reason;
	unsigned passes; /* at the most */
	const char
		*forget; /* SQL, for what waited and was looked at; NULL = nothing is forgotten */
	enum rep_code (*pass)(void *user, struct rep_own *own, struct rep_error *err);
	void *user;
};
/* Passes, each with a run for what it wrote, until one writes nothing. *more: the last that was allowed still did. */
REP_CHECK enum rep_code rep_hub_follow(struct rep_hub *hub, const struct rep_hub_merge *options,
				       const struct rep_follower *follower,
				       struct rep_run_total *total, bool *more,
				       struct rep_error *err);

/* ---- run_blocks.c ---- */

/* A check of the level `block` failed for the edit; and after the runs: the hub sets what such checks declare. */
REP_CHECK enum rep_code rep_run_blocked(struct rep_run *run, const struct rep_edit *edit,
					const struct rep_check *check, struct rep_error *err);
REP_CHECK enum rep_code rep_hub_blocks(struct rep_hub *hub, const struct rep_hub_merge *options,
				       struct rep_run_total *total, struct rep_error *err);

/* ---- run_references.c ---- */

/* Does the reference keep its target from being deleted: restrict, or another that cannot be followed? */
bool rep_reference_binds(const struct rep_entity *entity, const struct rep_field *field);
/* After the runs: what refers to a tombstone is cleared, deleted, or brings it back, by changes of the hub. */
REP_CHECK enum rep_code rep_hub_references(struct rep_hub *hub, const struct rep_hub_merge *options,
					   struct rep_run_total *total, struct rep_error *err);

/* ---- run_match.c ---- */

/* After the runs: what may be the same is joined, or asked for, by changes of the hub; and what became of what was asked. */
REP_CHECK enum rep_code rep_hub_matches(struct rep_hub *hub, const struct rep_hub_merge *options,
					struct rep_run_total *total, struct rep_error *err);

/* ---- publish.c ---- */

/* Gives every inbox the view that it should have. `hub_time` of the run, or of the command. */
REP_CHECK enum rep_code rep_hub_publish(struct rep_hub *hub, int64_t now_ms, int64_t jobs,
					const struct rep_progress *progress, struct rep_error *err);

#endif
