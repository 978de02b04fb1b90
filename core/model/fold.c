/* The fold's frame: order, state, dispatch by operation, outcome. The rules are in fold_*.c. */
#include "core/model/fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/fold_run.h"
#include "core/model/id.h"

int rep_edit_compare(const struct rep_edit *a, const struct rep_edit *b)
{
	int order = rep_stamp_compare(a->stamp, b->stamp);

	if (order == 0)
		order = strcmp(a->device, b->device);
	if (order == 0)
		order = (a->seq > b->seq) - (a->seq < b->seq);
	return order ? order : (a->index > b->index) - (a->index < b->index);
}

void rep_folded_clear(struct rep_folded *folded)
{
	rep_record_free(folded->record);
	for (size_t i = 0; i < folded->reviews_len; i++)
		rep_record_free(folded->reviews[i]);
	free(folded->reviews);
	rep_json_free(folded->edges);
	rep_json_free(folded->met);
	*folded = (struct rep_folded){0};
}

struct rep_record *rep_folded_review(const struct rep_folded *folded, const char *id)
{
	size_t low = 0, high = folded->reviews_len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(folded->reviews[middle]->id, id);
		if (order == 0)
			return folded->reviews[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void rep_review_conflict_id(char *out, const char *entity, const char *id, const char *field)
{
	char name[REP_NAME_LEN_MAX * 2 + REP_ID_LEN_MAX + 16];
	int len = snprintf(name, sizeof(name), "conflict/%s/%s/%s", entity, id, field);

	rep_uuid5(out, name, (size_t)len < sizeof(name) ? (size_t)len : sizeof(name) - 1, NULL);
}

static void change_id(char *out, const char *kind, const char *device, int64_t seq, unsigned index,
		      const char *visibility)
{
	char name[2 * REP_NAME_LEN_MAX + REP_DEVICE_LEN + 48];
	bool open = strcmp(visibility, "open") == 0;
	int len = snprintf(name, sizeof(name), "%s/%s/%lld/%u%s%s", kind, device, (long long)seq,
			   index, open ? "" : "/", open ? "" : visibility);

	rep_uuid5(out, name, (size_t)len < sizeof(name) ? (size_t)len : sizeof(name) - 1, NULL);
}

void rep_review_change_id(char *out, const char *kind, const char *device, int64_t seq,
			  unsigned index)
{
	change_id(out, kind, device, seq, index, "open");
}

void rep_review_proposal_id(char *out, const char *device, int64_t seq, unsigned index,
			    const char *visibility)
{
	change_id(out, "proposal", device, seq, index, visibility);
}

static void set_text(struct rep_fold_run *run, struct rep_json *object, const char *key,
		     const char *text)
{
	if (text && !rep_json_set_string(object, key, text))
		run->failed = true;
}

void rep_fold_note(struct rep_fold_run *run, const char *field, const struct rep_fold_note *note)
{
	struct rep_json *at = run->whole;

	if (note->outcome > run->worst)
		run->worst = note->outcome;
	if (field && note->outcome == REP_APPLIED)
		return;
	if (field) {
		if (!rep_json_set(run->fields, field, rep_json_object()))
			run->failed = true;
		at = rep_json_get(run->fields, field);
		set_text(run, at, "outcome", rep_outcome_name(note->outcome));
	}
	set_text(run, at, "rule", note->rule);
	set_text(run, at, "rival", note->rival);
	set_text(run, at, "code", note->code);
	set_text(run, at, "item", note->item);
}

void rep_fold_reject(struct rep_fold_run *run, const char *field, const char *code)
{
	rep_fold_note(run, field, &(struct rep_fold_note){.outcome = REP_REJECTED, .code = code});
}

const struct rep_json *rep_fold_spec(const struct rep_fold_run *run, const struct rep_field *field)
{
	const struct rep_json *spec = rep_json_get(run->values, field->name);
	const struct rep_json *value = rep_json_get(spec, "new");

	if (!spec || !rep_json_is(spec, REP_JSON_OBJECT) ||
	    rep_json_get(run->edit->verdict, field->name))
		return NULL;
	/* An insert says nothing by a field that it leaves empty. */
	if (run->edit->op == REP_OP_INSERT && value && rep_json_is(value, REP_JSON_NULL))
		return NULL;
	return spec;
}

const char *rep_fold_saw(const struct rep_json *spec, const char *key)
{
	const char *stamp = rep_json_get_string(spec, key);

	return stamp && rep_stamp_valid(stamp) ? stamp : NULL;
}

/* Fields that admission refused are told as they were judged; the proposed ones become items. */
static void note_verdict(struct rep_fold_run *run)
{
	const struct rep_json *verdict = run->edit->verdict;
	bool proposed = false;

	if (!verdict)
		return;
	for (void *it = rep_json_iter(verdict); it; it = rep_json_iter_next(verdict, it)) {
		const char *outcome = rep_json_get_string(rep_json_iter_value(it), "outcome");

		proposed = proposed ||
			   (outcome && strcmp(outcome, rep_outcome_name(REP_PROPOSED)) == 0);
		if (outcome && strcmp(outcome, rep_outcome_name(REP_REJECTED)) == 0 &&
		    strcmp(rep_json_iter_key(it), "*") != 0)
			rep_fold_reject(run, rep_json_iter_key(it),
					rep_json_get_string(rep_json_iter_value(it), "code"));
	}
	/* A verdict may be flags alone, and the record not be there: then no place is asked for. */
	if (proposed)
		rep_fold_propose(run);
}

static void update(struct rep_fold_run *run)
{
	if (!run->folded->record) {
		rep_fold_reject(run, NULL, "no-record");
		return;
	}
	if (rep_fold_revive(run))
		rep_fold_fields(run);
	note_verdict(run);
}

static void insert(struct rep_fold_run *run)
{
	if (run->folded->record) {
		update(run);
		return;
	}
	rep_fold_insert(run, run->edit->rep);
	if (run->folded->record)
		note_verdict(run);
}

/*
 * What admission said of the whole change; true when nothing else is to be done. The code of a proposed one is told
 * always, beside whatever its fields come to, so that a replay knows that the change was proposed whole.
 */
static bool whole_verdict(struct rep_fold_run *run)
{
	const struct rep_json *whole = rep_json_get(run->edit->verdict, "*");
	const char *outcome = rep_json_get_string(whole, "outcome");

	if (!outcome)
		return false;
	if (strcmp(outcome, rep_outcome_name(REP_PROPOSED)) == 0) {
		note_verdict(run);
		rep_fold_note(run, NULL,
			      &(struct rep_fold_note){.outcome = REP_PROPOSED,
						      .code = rep_json_get_string(whole, "code")});
		return true;
	}
	if (strcmp(outcome, rep_outcome_name(REP_REJECTED)) == 0) {
		rep_fold_reject(run, NULL, rep_json_get_string(whole, "code"));
		return true;
	}
	return false;
}

static void dispatch(struct rep_fold_run *run)
{
	if (whole_verdict(run))
		return;
	switch (run->edit->op) {
	case REP_OP_INSERT:
		insert(run);
		return;
	case REP_OP_UPDATE:
		update(run);
		return;
	case REP_OP_DELETE:
		rep_fold_delete(run);
		return;
	case REP_OP_RESTORE:
		rep_fold_restore(run);
		return;
	case REP_OP_ALIAS:
		rep_fold_alias(run, true);
		return;
	case REP_OP_UNALIAS:
		rep_fold_alias(run, false);
		return;
	case REP_OP_RESOLVE:
		rep_fold_resolve(run);
		note_verdict(run);
		return;
	case REP_OP_ERASE:
		rep_fold_erase(run);
		return;
	}
}

/* Flags that admission or the hub gave go to the record and into the outcome. */
static void put_flags(struct rep_fold_run *run, struct rep_json *outcome)
{
	const struct rep_json *flags = rep_json_get(rep_json_get(run->edit->verdict, "*"), "flags");

	if (rep_json_size(flags) == 0)
		return;
	if (!rep_json_set(outcome, "flags", rep_json_ref(flags)))
		run->failed = true;
	for (size_t i = 0; run->folded->record && i < rep_json_size(flags); i++) {
		const char *flag = rep_json_string_value(rep_json_at(flags, i));
		if (flag)
			rep_record_flag(run->folded->record, flag);
	}
}

/* Where a record follows its references, so do its items. */
static void move(struct rep_fold_run *run)
{
	struct rep_record *record = run->folded->record;
	struct rep_buf partition = REP_BUF_INIT(2 * REP_ID_LEN_MAX);
	struct rep_error ignored;
	bool touched = false;

	if (!record || !run->entity->moves || run->entity->partition != REP_PARTITION_OF)
		return;
	for (size_t i = 0; i < run->entity->steps_len; i++) {
		const struct rep_field *field = run->entity->steps[i].field;
		touched = touched || (field && rep_json_get(run->values, field->name));
	}
	if (touched) {
		enum rep_code rc = rep_partition_find(&partition, run->entity, record->id,
						      record->fields, record->created_rep,
						      record->created.text, run->context, &ignored);
		run->failed = run->failed || rc == REP_ENOMEM;
		if (!rc && strcmp(rep_buf_str(&partition), record->partition) != 0) {
			free(record->partition);
			record->partition = rep_buf_take(&partition);
		}
	}
	rep_buf_clear(&partition);
	for (size_t i = 0; record->partition && i < run->folded->reviews_len; i++) {
		struct rep_record *review = run->folded->reviews[i];
		if (strcmp(review->partition, record->partition) == 0)
			continue;
		free(review->partition);
		review->partition = strdup(record->partition);
		run->failed = run->failed || !review->partition;
	}
	run->failed = run->failed || !record->partition;
}

static struct rep_json *build_outcome(struct rep_fold_run *run)
{
	struct rep_json *outcome = run->whole;

	set_text(run, outcome, "outcome", rep_outcome_name(run->worst));
	put_flags(run, outcome);
	if (rep_json_size(run->fields) > 0 &&
	    !rep_json_set(outcome, "fields", rep_json_ref(run->fields)))
		run->failed = true;
	run->whole = NULL;
	return outcome;
}

static bool any_failed(const struct rep_fold_run *run)
{
	const struct rep_folded *folded = run->folded;
	bool failed = run->failed || (folded->record && folded->record->failed);

	for (size_t i = 0; i < folded->reviews_len; i++)
		failed = failed || folded->reviews[i]->failed;
	return failed;
}

enum rep_code rep_fold(struct rep_folded *folded, const struct rep_edit *edit,
		       const struct rep_fold_context *context, struct rep_json **outcome,
		       struct rep_error *err)
{
	struct rep_fold_run run = {
		.folded = folded,
		.edit = edit,
		.context = context,
		.entity = rep_schema_entity(context->schema, edit->entity),
		.values = rep_json_get(edit->line, "values"),
		.whole = rep_json_object(),
		.fields = rep_json_object(),
	};
	enum rep_code rc = REP_OK;

	*outcome = NULL;
	rep_json_free(folded->met);
	folded->met = NULL;
	if (run.whole && run.fields) {
		if (run.entity) {
			dispatch(&run);
			move(&run);
		} else {
			rep_fold_reject(&run, NULL, "unknown-entity");
		}
		*outcome = build_outcome(&run);
	}
	if (!*outcome || any_failed(&run)) {
		rep_json_free(*outcome);
		*outcome = NULL;
		rc = rep_fail(err, REP_ENOMEM, "fold %s %s", edit->entity, edit->id);
	}
	rep_json_free(run.whole);
	rep_json_free(run.fields);
	rep_json_free(run.before);
	return rc;
}
