/*
 * One batch, change by change: admission, then the fold, in place or from the index.
 *
 *	1 the record has no later change		fold onto the state at hand
 *	2 it has, or is one with another		put the change into the index, fold the record again, and all
 *							that are one with it
 *	3 the change waits for a record			held: indexed, not folded, tried again when that record comes
 *	4 its value line was erased			indexed, nothing to fold (run_erase.c)
 *	5 it erases					as 2, after its lines were taken out of the index
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/join.h"
#include "core/store/erased.h"
#include "sync/run/run.h"

/* ---- what fold and admission ask ---- */

static const char *partition_of(void *user, const char *entity, const char *id)
{
	struct rep_run *run = user;

	rep_buf_reset(&run->partition);
	if (run->callback_rc != REP_OK)
		return NULL;
	run->callback_rc = rep_work_partition_at(run->hub, entity, id, run->edit_stamp,
						 &run->partition, &run->callback_err);
	return run->partition.len ? rep_buf_str(&run->partition) : NULL;
}

static bool exists(void *user, const char *entity, const char *id)
{
	struct rep_run *run = user;
	const struct rep_entity *found = rep_schema_entity(run->hub->schema, entity);

	rep_buf_reset(&run->partition);
	if (!found || run->callback_rc != REP_OK)
		return false;
	run->callback_rc =
		rep_row_partition(run->hub->db, found, id, &run->partition, &run->callback_err);
	return run->partition.len > 0;
}

static const char *lay(void *user, const char *entity, const char *id, const char *stamp)
{
	struct rep_run *run = user;

	rep_buf_reset(&run->partition);
	if (run->callback_rc != REP_OK)
		return NULL;
	run->callback_rc = rep_work_lay_at(run->hub, entity, id, stamp, run->time, &run->partition,
					   &run->callback_err);
	return run->partition.len ? rep_buf_str(&run->partition) : NULL;
}

void rep_run_bind(struct rep_run *run)
{
	free(run->aliased); /* asked anew: by entity of the schema as it is now */
	run->aliased = NULL;
	rep_run_forget_eras(run);
	run->partition.limit = 1024;
	run->fold = (struct rep_fold_context){.schema = run->hub->schema,
					      .org = run->hub->org,
					      .partition_of = partition_of,
					      .user = run};
	run->admit = (struct rep_admit_context){.fold = &run->fold,
						.exists = exists,
						.user = run,
						.org_since = run->org_since,
						.lay = lay};
}

/* A callback cannot fail; what went wrong inside is told when the call that made it is over. */
static enum rep_code callback_check(struct rep_run *run, struct rep_error *err)
{
	enum rep_code rc = run->callback_rc;

	run->callback_rc = REP_OK;
	if (rc != REP_OK)
		*err = run->callback_err;
	return rc;
}

/* ---- recording ---- */

enum rep_code rep_run_record(struct rep_run *run, const struct rep_edit *edit,
			     const char *signed_stamp, const struct rep_json *outcome,
			     const char *segment, bool fresh, struct rep_error *err)
{
	enum rep_code rc =
		fresh ? rep_work_change(run->hub, edit, signed_stamp, outcome, segment, err)
		      : rep_changes_outcome(run->hub->db, edit->device, edit->seq, edit->index,
					    outcome, err);

	if (rc == REP_OK && (outcome || !fresh))
		rc = rep_run_outcome(run, segment, edit->seq, edit->index, outcome, err);
	return rc;
}

/* ---- counting ---- */

static void count(struct rep_run *run, const struct rep_json *outcome)
{
	enum rep_outcome kind = REP_APPLIED;
	const char *name = rep_json_get_string(outcome, "outcome");

	if (name && !rep_outcome_parse(&kind, name))
		return;
	switch (kind) {
	case REP_APPLIED:
	case REP_EQUAL:
		run->batch_counts.applied++;
		return;
	case REP_MERGED:
		run->batch_counts.merged++;
		return;
	case REP_LOST:
	case REP_QUEUED:
		run->batch_counts.conflicts++;
		return;
	case REP_PROPOSED:
		run->batch_counts.proposed++;
		return;
	case REP_HELD:
		run->batch_counts.held++;
		return;
	case REP_REJECTED:
		run->batch_counts.rejected++;
		return;
	}
}

/* ---- one change ---- */

static bool is_later(const struct rep_touched *touched, const struct rep_edit *edit)
{
	const struct rep_edit last = {.stamp = touched->last_stamp,
				      .device = touched->last_device,
				      .seq = touched->last_seq,
				      .index = touched->last_index};

	return !touched->has_last || rep_edit_compare(edit, &last) > 0;
}

static void note_last(struct rep_touched *touched, const struct rep_edit *edit)
{
	touched->has_last = true;
	memcpy(touched->last_stamp, edit->stamp, sizeof touched->last_stamp);
	memcpy(touched->last_device, edit->device, sizeof touched->last_device);
	touched->last_seq = edit->seq;
	touched->last_index = edit->index;
}

/* Case 1. */
static enum rep_code fold_in_place(struct rep_run *run, struct rep_touched *touched,
				   const struct rep_edit *edit, const char *signed_stamp,
				   const char *segment, bool fresh, struct rep_error *err)
{
	struct rep_json *outcome = NULL;
	enum rep_code rc = rep_run_fold_one(run, touched, edit, &outcome, err);

	if (rc == REP_OK && outcome)
		rc = rep_run_rejection(run, edit, outcome, false, err);
	if (rc == REP_OK)
		rc = rep_run_record(run, edit, signed_stamp, outcome, segment, fresh, err);
	if (rc == REP_OK)
		rc = rep_run_tell_rivals(run, touched, NULL, err);
	if (rc == REP_OK)
		rc = rep_run_touched_rows(run, touched, err);
	if (rc == REP_OK) {
		note_last(touched, edit);
		count(run, outcome);
	}
	rep_json_free(outcome);
	return rc;
}

/* Does the change join or part two records? */
static bool is_edge(const struct rep_edit *edit)
{
	return (edit->op == REP_OP_ALIAS || edit->op == REP_OP_UNALIAS) &&
	       !rep_json_get_string(rep_json_get(edit->verdict, "*"), "outcome");
}

/* Case 2. */
static enum rep_code fold_late(struct rep_run *run, struct rep_touched *touched,
			       const struct rep_edit *edit, const char *signed_stamp,
			       const char *segment, bool fresh, struct rep_error *err)
{
	struct rep_json *outcome;
	struct rep_indexed now;
	bool found = false;
	enum rep_code rc = rep_outcome_of_verdict(&outcome, edit->verdict, err);

	if (rc == REP_OK)
		rc = rep_run_name_version(run, edit, edit->judged, outcome, err);
	if (rc == REP_OK)
		rc = fresh ? rep_work_change(run->hub, edit, signed_stamp, outcome, segment, err)
			   : rep_changes_outcome(run->hub->db, edit->device, edit->seq, edit->index,
						 outcome, err);

	rep_json_free(outcome);
	if (rc == REP_OK)
		rc = is_edge(edit) ? rep_run_regroup(run, touched,
						     rep_json_get_string(edit->line, "into"), err)
				   : rep_run_refold(run, touched, err);
	if (rc != REP_OK)
		return rc;
	rc = rep_changes_get(run->hub->db, edit->device, edit->seq, edit->index, &now, &found, err);
	if (rc == REP_OK && found && (now.outcome || !fresh))
		rc = rep_run_outcome(run, segment, edit->seq, edit->index, now.outcome, err);
	if (rc == REP_OK)
		count(run, now.outcome);
	rep_indexed_clear(&now);
	return rc;
}

/* A change that is folded in its order moves from now on alone; a late one may have put a move into the past. */
static enum rep_code note_place(struct rep_run *run, struct rep_touched *touched, bool in_place,
				struct rep_buf *out, struct rep_error *err)
{
	if (!in_place)
		return rep_run_places(run, touched, out, err);
	rep_buf_puts(out, touched->folded.record->partition);
	return rep_buf_check(out, "where a record lies", err);
}

static enum rep_code fold_admitted(struct rep_run *run, struct rep_touched *touched,
				   const struct rep_edit *edit, const char *signed_stamp,
				   const char *segment, bool fresh, struct rep_error *err)
{
	bool was_there = touched->folded.record != NULL;
	struct rep_buf was = REP_BUF_INIT(1u << 20), is = REP_BUF_INIT(1u << 20);
	/* What an earlier version judges is folded in its shape, which the record has left: so from the first change on. */
	bool in_place = touched->root == touched && is_later(touched, edit) && !is_edge(edit) &&
			edit->op != REP_OP_ERASE && edit->judged == run->hub->schema->version;
	enum rep_code rc = was_there ? note_place(run, touched, in_place, &was, err) : REP_OK;

	if (rc == REP_OK)
		rc = in_place ? fold_in_place(run, touched, edit, signed_stamp, segment, fresh, err)
			      : fold_late(run, touched, edit, signed_stamp, segment, fresh, err);
	if (rc == REP_OK && !was_there && touched->folded.record)
		rc = rep_run_queue(run, edit, err);
	if (rc == REP_OK && was_there && touched->folded.record && !is_edge(edit)) {
		rc = note_place(run, touched, in_place, &is, err);
		if (rc == REP_OK && strcmp(rep_buf_str(&was), rep_buf_str(&is)) != 0)
			rc = rep_run_follow_all(run, touched, err);
	}
	rep_buf_clear(&was);
	rep_buf_clear(&is);
	return rc;
}

/*
 * The record as its author had it: of one that is merged into another all that is known of both, at the place and with the author of
 * its own. *out is borrowed from `room` or from the run; NULL = there is none.
 */
static const struct rep_record *as_own(const struct rep_touched *touched, struct rep_record *room)
{
	const struct rep_record *own = touched->folded.record;

	if (!own || touched->root == touched || !touched->root->folded.record)
		return own;
	*room = *touched->root->folded.record;
	room->id = own->id;
	room->partition = own->partition;
	room->created_rep = own->created_rep;
	return room;
}

/* The record in the shape of the version that judges; *owned is the caller's to free. */
static enum rep_code as_then(struct rep_run *run, const struct rep_record *record, int number,
			     const struct rep_record **out, struct rep_record **owned,
			     struct rep_error *err)
{
	const int newest = run->hub->schema->version;
	enum rep_code rc = REP_OK;

	*out = record;
	*owned = NULL;
	if (record && number < newest) {
		rc = rep_version_project(run->hub->versions, record, newest, number, owned, err);
		*out = *owned;
	}
	return rc;
}

/* Checks ask of the record that shows what it is. */
static enum rep_code check(struct rep_run *run, const struct rep_touched *touched,
			   const struct rep_era_edit *read, const struct rep_fold_context *fold,
			   struct rep_json **verdict, struct rep_error *err)
{
	const struct rep_touched *root = touched->root;
	const struct rep_entity *entity = rep_schema_entity(fold->schema, root->entity->name);
	const struct rep_record *record;
	struct rep_edit joined = read->edit;
	struct rep_record *owned = NULL;
	struct rep_json *line = NULL;
	enum rep_code rc = as_then(run, root->folded.record, read->number, &record, &owned, err);

	if (rc == REP_OK && root->members_len)
		rc = rep_join_edit(&joined, &line, &read->edit, root->id, entity, err);
	if (rc == REP_OK)
		rc = rep_run_check(run, fold, &joined, record, verdict, err);
	rep_record_free(owned);
	rep_json_free(line);
	return rc;
}

/* By the rules of the edit's time, of the record as that version would show it. */
static enum rep_code ask(struct rep_run *run, struct rep_admission *admission,
			 const struct rep_era_edit *read, const struct rep_touched *touched,
			 struct rep_error *err)
{
	struct rep_admit_context admit = run->admit;
	const struct rep_fold_context *fold;
	const struct rep_record *record;
	struct rep_record room, *owned = NULL;
	enum rep_code rc = rep_run_context(run, read->number, &fold, err);

	if (rc == REP_OK)
		rc = as_then(run, as_own(touched, &room), read->number, &record, &owned, err);
	admit.fold = fold;
	run->edit_stamp = read->edit.stamp;
	if (rc == REP_OK)
		rc = rep_admit(admission, &read->edit, record, &admit, err);
	run->edit_stamp = NULL;
	if (rc == REP_OK)
		rc = callback_check(run, err);
	if (rc == REP_OK && !admission->held)
		rc = check(run, touched, read, fold, &admission->verdict, err);
	rep_record_free(owned);
	return rc;
}

/* Made before its device was revoked, and received after. */
static bool is_late_final(const struct rep_run *run, const struct rep_edit *edit)
{
	const struct rep_org_device *device = rep_org_device(run->hub->org, edit->device);

	return device && device->state && device->since && strcmp(device->state, "leaving") == 0 &&
	       strcmp(device->since, run->time) <= 0 &&
	       strncmp(edit->stamp, device->since, REP_TIME_LEN) < 0;
}

/* Who is joined with an erased record would be gone with it. */
static enum rep_code joins_erased(struct rep_run *run, const struct rep_edit *edit, bool *erased,
				  struct rep_error *err)
{
	const char *into = rep_json_get_string(edit->line, "into");

	*erased = false;
	return run->erases && edit->op == REP_OP_ALIAS && into
		       ? rep_erased_has_record(run->hub->db, edit->entity, into, erased, err)
		       : REP_OK;
}

static enum rep_code judge(struct rep_run *run, struct rep_admission *admission,
			   const struct rep_era_edit *read, const char *signed_stamp,
			   const struct rep_touched *touched, bool backdated, struct rep_error *err)
{
	bool erased = false;
	enum rep_code rc = joins_erased(run, &read->edit, &erased, err);

	memset(admission, 0, sizeof *admission);
	if (rc == REP_OK && (backdated || erased)) {
		/* Backdated: a stamp behind what the device had said or seen before. */
		if (!rep_verdict_note(&admission->verdict, "*", REP_REJECTED,
				      erased ? "erased" : "backdated"))
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
	} else if (rc == REP_OK) {
		rc = ask(run, admission, read, touched, err);
	}
	if (rc == REP_OK && strcmp(signed_stamp, read->edit.stamp) != 0 &&
	    !rep_verdict_flag(&admission->verdict, "clock-ahead"))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK && is_late_final(run, &read->edit) &&
	    !rep_verdict_flag(&admission->verdict, "late-final"))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc != REP_OK)
		rep_admission_clear(admission);
	return rc;
}

static enum rep_code apply_erased(struct rep_run *run, const struct rep_edit *edit,
				  const char *signed_stamp, const char *segment, bool fresh,
				  struct rep_error *err)
{
	struct rep_json *outcome = NULL;
	enum rep_code rc = rep_run_erased_outcome(run, edit, &outcome, err);

	if (rc == REP_OK)
		rc = rep_run_record(run, edit, signed_stamp, outcome, segment, fresh, err);
	if (rc == REP_OK && outcome)
		count(run, outcome);
	rep_json_free(outcome);
	return rc;
}

static enum rep_code apply(struct rep_run *run, const struct rep_edit *edit,
			   const char *signed_stamp, const char *segment, bool fresh,
			   bool backdated, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(run->hub->schema, edit->entity);
	struct rep_edit judged = *edit;
	struct rep_admission admission;
	struct rep_touched *touched;
	struct rep_era_edit read = {0};
	enum rep_code rc = REP_OK;

	if (!entity || !edit->line) /* case 4; an unknown entity was refused with its set */
		return apply_erased(run, edit, signed_stamp, segment, fresh, err);
	if (edit->op == REP_OP_ERASE && fresh)
		rc = rep_run_erase(run, edit, err);
	if (rc == REP_OK)
		rc = rep_run_touch(run, entity, edit->id, &touched, err);
	if (rc == REP_OK)
		rc = rep_run_read(run, edit, 0, &read, err);
	if (rc == REP_OK)
		rc = judge(run, &admission, &read, signed_stamp, touched, backdated, err);
	judged.judged = read.number;
	rep_era_edit_clear(&read);
	if (rc != REP_OK)
		return rc;
	judged.verdict = admission.verdict;
	if (admission.held)
		rc = rep_run_hold(run, edit, signed_stamp, admission.waits_for, segment, fresh,
				  err);
	else
		rc = fold_admitted(run, touched, &judged, signed_stamp, segment, fresh, err);
	if (rc == REP_OK && !admission.held && !fresh)
		rc = rep_run_release(run, edit, err);
	if (rc == REP_OK && edit->op == REP_OP_ERASE && fresh)
		rc = rep_run_erase_follow(run, edit, err);
	rep_admission_clear(&admission);
	return rc;
}

/* ---- what waited ---- */

static enum rep_code retry(void *user, const char *device, int64_t seq, unsigned index,
			   struct rep_error *err)
{
	struct rep_run *run = user;
	struct rep_indexed change;
	bool found = false;
	enum rep_code rc = rep_changes_get(run->hub->db, device, seq, index, &change, &found, err);

	if (rc == REP_OK && found && change.held && change.segment) {
		change.edit.verdict = NULL;
		change.edit.judged = 0;
		rc = apply(run, &change.edit, change.stamp.text, change.segment, false, false, err);
	}
	rep_indexed_clear(&change);
	return rc;
}

static enum rep_code retry_queue(struct rep_run *run, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < run->queue_len; i++)
		rc = rep_changes_held(run->hub->db, run->queue[i], retry, run, err);
	for (size_t i = 0; i < run->queue_len; i++)
		free(run->queue[i]);
	run->queue_len = 0;
	return rc;
}

enum rep_code rep_run_change(struct rep_run *run, const struct rep_edit *edit,
			     const char *signed_stamp, const char *segment, bool backdated,
			     struct rep_error *err)
{
	enum rep_code rc = apply(run, edit, signed_stamp, segment, true, backdated, err);

	if (rc == REP_OK)
		rc = retry_queue(run, err);
	return rep_wrap(err, rc, "change %s %lld/%u", edit->device, (long long)edit->seq,
			edit->index);
}
