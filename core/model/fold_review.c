/*
 * Review items. An item is a record of the engine's, made and changed only by the fold: its stamps are
 * those of the edits that changed it, it lies in the partition of the record it is about, and its
 * value-bearing fields in the class of the field.
 *
 * A conflict: one a field (or group) for ever. Its rivals stand in fold order, each with the rule that was
 * applied when it met the other; `winner` is the stamp that stands. It is open while `review` left it
 * undecided. A later rival that wins by another rule ends that: it beats those whom the rules held equal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/fold_run.h"
#include "core/model/id.h"

/* More rivals of one field than people will ever read: the oldest go, the journals keep them. */
#define RIVALS_MAX 100u

static void put(struct rep_fold_run *run, struct rep_record *review, const char *field,
		struct rep_json *value)
{
	if (!value)
		run->failed = true;
	if (rep_json_equal(value, rep_record_value(review, field)))
		rep_json_free(value);
	else
		rep_record_put(review, field, value, run->edit->stamp);
}

static void put_text(struct rep_fold_run *run, struct rep_record *review, const char *field,
		     const char *text)
{
	put(run, review, field, text ? rep_json_string(text) : rep_json_null());
}

/* A new item in its place by id; NULL without memory. */
static struct rep_record *add_review(struct rep_fold_run *run, const char *kind, const char *id,
				     const char *visibility, const char *partition)
{
	struct rep_folded *folded = run->folded;
	const struct rep_entity *entity = rep_schema_entity(run->context->schema, kind);
	struct rep_record **reviews =
		realloc(folded->reviews, (folded->reviews_len + 1) * sizeof(struct rep_record *));
	struct rep_record *review = NULL;
	struct rep_error ignored;
	size_t at = folded->reviews_len;

	if (reviews)
		folded->reviews = reviews;
	if (!reviews || !entity ||
	    rep_record_new(&review, entity, id, partition, run->edit->rep, run->edit->stamp,
			   &ignored)) {
		run->failed = true;
		return NULL;
	}
	if (visibility && strcmp(visibility, "open") != 0) {
		review->twin = strdup(visibility);
		run->failed = run->failed || !review->twin;
	}
	for (; at > 0 && strcmp(reviews[at - 1]->id, id) > 0; at--)
		reviews[at] = reviews[at - 1];
	reviews[at] = review;
	folded->reviews_len++;
	put_text(run, review, "entity", run->edit->entity);
	put_text(run, review, "record", run->edit->id);
	return review;
}

/* ---- conflicts ---- */

static struct rep_json *make_rival(const char *stamp, const char *rep, const char *rule,
				   const struct rep_json *value)
{
	struct rep_json *rival = rep_json_object();

	if (rep_json_set_string(rival, "stamp", stamp) &&
	    rep_json_set_string(rival, "device", rep_stamp_device(stamp)) &&
	    rep_json_set_string(rival, "rep", rep ? rep : "") &&
	    rep_json_set_string(rival, "rule", rule) &&
	    rep_json_set(rival, "value", rep_json_ref(value)))
		return rival;
	rep_json_free(rival);
	return NULL;
}

/* The place of the rival with this stamp, or where it belongs. */
static size_t find_rival(const struct rep_json *rivals, const char *stamp, bool *found)
{
	size_t at = rep_json_size(rivals);

	*found = false;
	while (at > 0) {
		int order = rep_stamp_compare(
			rep_json_get_string(rep_json_at(rivals, at - 1), "stamp"), stamp);
		if (order < 0)
			break;
		at--;
		*found = order == 0;
		if (*found)
			break;
	}
	return at;
}

/* Joins the parts of one rival: {element: ...} of several meetings. */
static bool join(struct rep_json *rival, const struct rep_json *value)
{
	struct rep_json *parts = rep_json_dup(rep_json_get(rival, "value"));
	bool joined = true;

	for (void *it = rep_json_iter(value); it; it = rep_json_iter_next(value, it))
		joined = rep_json_set(parts, rep_json_iter_key(it),
				      rep_json_ref(rep_json_iter_value(it))) &&
			 joined;
	return rep_json_set(rival, "value", parts) && joined;
}

static void add_rival(struct rep_fold_run *run, struct rep_json *rivals, const char *stamp,
		      const char *rep, const struct rep_fold_conflict *conflict,
		      const struct rep_json *value)
{
	bool found;
	size_t at = find_rival(rivals, stamp, &found);

	if (found && conflict->parts)
		run->failed = !join(rep_json_at(rivals, at), value) || run->failed;
	else if (!found &&
		 !rep_json_insert(rivals, at, make_rival(stamp, rep, conflict->rule, value)))
		run->failed = true;
}

static void bound_rivals(struct rep_json *rivals, const char *winner)
{
	while (rep_json_size(rivals) > RIVALS_MAX) {
		const char *oldest = rep_json_get_string(rep_json_at(rivals, 0), "stamp");
		rep_json_remove(rivals, oldest && strcmp(oldest, winner) == 0 ? 1 : 0);
	}
}

static bool is_open(const struct rep_record *review)
{
	const char *state = rep_json_string_value(rep_record_value(review, "state"));

	return state && strcmp(state, "open") == 0;
}

/* One a field for ever: found by the field, because the id was made from the name that it had when they first met. */
static struct rep_record *find_conflict(const struct rep_fold_run *run, const char *name)
{
	for (size_t i = 0; i < run->folded->reviews_len; i++) {
		struct rep_record *review = run->folded->reviews[i];
		const char *field = rep_json_string_value(rep_record_value(review, "field"));

		if (field && strcmp(field, name) == 0 &&
		    strcmp(review->entity->name, "conflict") == 0)
			return review;
	}
	return NULL;
}

const char *rep_fold_conflict(struct rep_fold_run *run, const struct rep_fold_conflict *conflict)
{
	const struct rep_edit *edit = run->edit;
	const struct rep_json *known;
	struct rep_record *review = find_conflict(run, conflict->name);
	struct rep_json *rivals;
	char id[REP_UUID_LEN + 1];

	rep_review_conflict_id(id, edit->entity, edit->id, conflict->name);
	if (!review)
		review = add_review(run, "conflict", id, conflict->visibility,
				    run->folded->record->partition);
	if (!review)
		return NULL;
	known = rep_record_value(review, "rivals");
	rivals = known ? rep_json_dup(known) : rep_json_array();
	add_rival(run, rivals, conflict->current_stamp,
		  rep_org_rep_of(run->context->org, rep_stamp_device(conflict->current_stamp)),
		  conflict, conflict->current);
	add_rival(run, rivals, edit->stamp, edit->rep, conflict, conflict->incoming);
	const char *winner = conflict->incoming_won ? edit->stamp : conflict->current_stamp;
	bool open = conflict->open || (is_open(review) && !conflict->incoming_won);
	bound_rivals(rivals, winner);
	put_text(run, review, "field", conflict->name);
	put(run, review, "rivals", rivals);
	put_text(run, review, "winner", winner);
	put_text(run, review, "state", open ? "open" : "decided");
	put_text(run, review, "decided_by", NULL);
	return review->id;
}

/* ---- proposals ---- */

/* Does the verdict propose this field, or the whole change? *code as it says. */
static bool is_proposed(const struct rep_fold_run *run, const char *field, const char **code)
{
	const struct rep_json *verdict = run->edit->verdict;
	const struct rep_json *one = rep_json_get(verdict, field);
	const char *outcome;

	if (!rep_json_get_string(one, "outcome"))
		one = rep_json_get(verdict, "*");
	outcome = rep_json_get_string(one, "outcome");
	*code = rep_json_get_string(one, "code");
	return outcome && strcmp(outcome, rep_outcome_name(REP_PROPOSED)) == 0;
}

/* To whom: the primary where that one is somebody else, else the first role that may write the field. */
static const char *addressee(const struct rep_fold_run *run, const struct rep_field *field,
			     const char *partition)
{
	const struct rep_edit *edit = run->edit;
	const char *primary =
		rep_org_primary(run->context->org, edit->entity, edit->id, partition, edit->stamp);
	struct rep_right right = {
		.rep = primary,
		.device = edit->device,
		.time = edit->stamp,
		.entity = edit->entity,
		.id = edit->id,
		.partition = partition,
		.author = run->folded->record ? run->folded->record->created_rep : edit->rep,
	};

	if (primary && strcmp(primary, edit->rep) != 0 &&
	    rep_org_may(run->context->org, &right, &field->write))
		return primary;
	for (size_t i = 0; i < field->write.len; i++) {
		if (strcmp(field->write.terms[i].role, "hub") != 0 &&
		    strcmp(field->write.terms[i].role, "*") != 0)
			return field->write.terms[i].role;
	}
	return NULL;
}

/* What the author saw, apart from the value: a stamp, or stamps of parts. NULL when nothing. */
static const struct rep_json *saw_of(const struct rep_json *spec)
{
	const struct rep_json *saw = rep_json_get(spec, "saw");

	return saw ? saw : rep_json_get(spec, "seen");
}

static struct rep_json *without_saw(const struct rep_json *spec)
{
	struct rep_json *out = rep_json_dup(spec);

	rep_json_del(out, "saw");
	rep_json_del(out, "seen");
	return out;
}

struct proposal {
	struct rep_fold_run *run;
	const struct rep_json *from; /* the values to choose from */
	const char *partition;
	const char *visibility;
	const struct rep_field *first; /* of those chosen */
	struct rep_json *values, *saw;
	const char *code;
};

static void choose(struct proposal *proposal)
{
	const struct rep_entity *entity = proposal->run->entity;

	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];
		const struct rep_json *spec = rep_json_get(proposal->from, field->name);
		const char *code;
		if (!spec || strcmp(field->visibility, proposal->visibility) != 0 ||
		    !is_proposed(proposal->run, field->name, &code))
			continue;
		if (!proposal->first) {
			proposal->first = field;
			proposal->code = code;
		}
		if (!rep_json_set(proposal->values, field->name, without_saw(spec)) ||
		    (saw_of(spec) &&
		     !rep_json_set(proposal->saw, field->name, rep_json_ref(saw_of(spec)))))
			proposal->run->failed = true;
	}
}

static void fill(struct proposal *proposal, struct rep_record *review)
{
	struct rep_fold_run *run = proposal->run;

	put(run, review, "values", rep_json_ref(proposal->values));
	if (rep_json_size(proposal->saw) > 0)
		put(run, review, "saw", rep_json_ref(proposal->saw));
	put_text(run, review, "rep", run->edit->rep);
	put_text(run, review, "device", run->edit->device);
	put_text(run, review, "reason", rep_json_get_string(run->edit->line, "reason"));
	put_text(run, review, "to", addressee(run, proposal->first, proposal->partition));
	put_text(run, review, "state", "open");
}

/* One change makes one item for each class that it touches, so that none tells more than its class. */
static void propose_class(struct rep_fold_run *run, const struct rep_json *from,
			  const char *partition, const char *visibility)
{
	struct proposal proposal = {.run = run,
				    .from = from,
				    .partition = partition,
				    .visibility = visibility,
				    .values = rep_json_object(),
				    .saw = rep_json_object()};
	bool open = strcmp(visibility, "open") == 0;
	struct rep_record *review;
	char id[REP_UUID_LEN + 1];

	run->failed = run->failed || !proposal.values || !proposal.saw;
	choose(&proposal);
	if (proposal.first) {
		rep_review_proposal_id(id, run->edit->device, run->edit->seq, run->edit->index,
				       visibility);
		review = add_review(run, "proposal", id, open ? NULL : visibility, partition);
		if (review)
			fill(&proposal, review);
		struct rep_fold_note note = {
			.outcome = REP_PROPOSED, .code = proposal.code, .item = id};
		bool whole = rep_json_get_string(rep_json_get(run->edit->verdict, "*"), "outcome");
		if (whole && open)
			rep_fold_note(run, NULL, &note);
		for (void *it = rep_json_iter(proposal.values); it && (!whole || !open);
		     it = rep_json_iter_next(proposal.values, it))
			rep_fold_note(run, rep_json_iter_key(it), &note);
	}
	rep_json_free(proposal.values);
	rep_json_free(proposal.saw);
}

/* The partition of the record, or the one it would get. */
static enum rep_code find_partition(struct rep_buf *out, const struct rep_fold_run *run,
				    struct rep_error *err)
{
	struct rep_json *values;
	enum rep_code rc;

	if (run->folded->record) {
		rep_buf_puts(out, run->folded->record->partition);
		return REP_OK;
	}
	values = rep_edit_new_values(run->values);
	if (!values)
		return rep_fail(err, REP_ENOMEM, "values");
	rc = rep_partition_find(out, run->entity, run->edit->id, values, run->edit->rep,
				run->edit->stamp, run->context, err);
	rep_json_free(values);
	return rc;
}

void rep_fold_propose(struct rep_fold_run *run)
{
	const struct rep_schema *schema = run->context->schema;
	struct rep_buf partition = REP_BUF_INIT(2 * REP_ID_LEN_MAX);
	struct rep_json *archive = run->edit->op == REP_OP_DELETE ? rep_fold_archive(run) : NULL;
	const struct rep_json *from = archive ? archive : run->values;
	struct rep_error err;
	enum rep_code rc = find_partition(&partition, run, &err);

	run->failed = run->failed || rc == REP_ENOMEM || partition.failed;
	if (rc) {
		rep_fold_reject(run, NULL, "no-partition");
	} else {
		propose_class(run, from, rep_buf_str(&partition), "open");
		for (size_t i = 0; i < schema->visibility_len; i++) {
			if (strcmp(schema->visibility[i].name, "open") != 0)
				propose_class(run, from, rep_buf_str(&partition),
					      schema->visibility[i].name);
		}
	}
	rep_json_free(archive);
	rep_buf_clear(&partition);
}

/* ---- decisions ---- */

/* Does the resolve name every rival but its own edit? */
static bool names_all(const struct rep_fold_run *run, const struct rep_json *rivals)
{
	for (size_t i = 0; i < rep_json_size(rivals); i++) {
		const char *stamp = rep_json_get_string(rep_json_at(rivals, i), "stamp");
		bool named = !stamp || strcmp(stamp, run->edit->stamp) == 0;
		for (size_t j = 0; !named && j < rep_json_size(run->rivals); j++) {
			const char *other = rep_json_string_value(rep_json_at(run->rivals, j));
			named = other && strcmp(other, stamp) == 0;
		}
		if (!named)
			return false;
	}
	return true;
}

/* The stamp that the conflict's field or group bears now; NULL for the whole record. */
static const char *standing(const struct rep_fold_run *run, const char *name)
{
	for (size_t i = 0; run->folded->record && i < run->entity->fields_len; i++) {
		const struct rep_field *field = &run->entity->fields[i];
		struct rep_fold_unit unit = {.lead = field, .name = name};
		if (strcmp(field->group ? field->group : field->name, name) == 0)
			return rep_fold_unit_stamp(run, &unit);
	}
	return NULL;
}

static void close_conflict(struct rep_fold_run *run, struct rep_record *review)
{
	const char *field = rep_json_string_value(rep_record_value(review, "field"));
	const char *winner = field ? standing(run, field) : NULL;

	if (!names_all(run, rep_record_value(review, "rivals")))
		return;
	if (winner)
		put_text(run, review, "winner", winner);
	put_text(run, review, "state", "decided");
	put_text(run, review, "decided_by", run->edit->rep);
}

static void close_proposal(struct rep_fold_run *run, struct rep_record *review)
{
	static const char *const decisions[][2] = {{"accept", "accepted"},
						   {"decline", "declined"},
						   {"withdraw", "withdrawn"},
						   {"expire", "expired"}};
	const char *decision = rep_json_get_string(run->edit->line, "decision");

	for (size_t i = 0; decision && i < sizeof(decisions) / sizeof(decisions[0]); i++) {
		if (strcmp(decision, decisions[i][0]) != 0 || !is_open(review))
			continue;
		put_text(run, review, "state", decisions[i][1]);
		put_text(run, review, "decided_by", run->edit->rep);
	}
}

void rep_fold_close(struct rep_fold_run *run)
{
	const char *item = rep_json_get_string(run->edit->line, "item");
	struct rep_record *review = item ? rep_folded_review(run->folded, item) : NULL;

	if (!review)
		return;
	if (strcmp(review->entity->name, "conflict") == 0)
		close_conflict(run, review);
	else if (strcmp(review->entity->name, "proposal") == 0)
		close_proposal(run, review);
}
