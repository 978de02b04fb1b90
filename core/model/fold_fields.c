/*
 * Scalar fields and groups: is the edit up to date, and if not, what becomes of it?
 *
 * Within the fold order the cases are
 *	1	the field still bears the stamp that the author saw, or nobody has written it yet (then
 *		there is no rival); without `saw`, the value still is the `old` that the author compared
 *		with; for a resolve, the value that stands is one of the rivals that it names: it applies
 *	2	new and current value are equal after the normaliser: no conflict, the greater stamp is kept
 *	3	the current value was written by the same device: not a conflict with oneself, it applies
 *	4	the two edits did not know of each other: the rules decide, an item keeps both
 * An insert of a record that exists says nothing of what the author saw: cases 2 to 4.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/fold_run.h"
#include "core/model/value.h"

bool rep_fold_in_unit(const struct rep_fold_unit *unit, const struct rep_field *field)
{
	if (field == unit->lead)
		return true;
	return unit->lead->group && field->group && strcmp(unit->lead->group, field->group) == 0;
}

const char *rep_fold_unit_stamp(const struct rep_fold_run *run, const struct rep_fold_unit *unit)
{
	const char *best = NULL;

	for (size_t i = 0; i < run->entity->fields_len; i++) {
		const struct rep_field *field = &run->entity->fields[i];
		if (!rep_fold_in_unit(unit, field))
			continue;
		const char *stamp = rep_record_stamp(run->folded->record, field->name);
		if (rep_stamp_compare(stamp, best) > 0)
			best = stamp;
	}
	return best;
}

/* What the field will hold if the edit applies. Borrowed; may be NULL. */
static const struct rep_json *incoming_value(const struct rep_fold_run *run,
					     const struct rep_field *field)
{
	const struct rep_json *spec = rep_fold_spec(run, field);

	return spec ? rep_json_get(spec, "new")
		    : rep_record_value(run->folded->record, field->name);
}

struct rep_json *rep_fold_unit_value(const struct rep_fold_run *run,
				     const struct rep_fold_unit *unit, bool incoming)
{
	struct rep_json *out = unit->lead->group ? rep_json_object() : NULL;
	bool whole = out != NULL;

	for (size_t i = 0; i < run->entity->fields_len; i++) {
		const struct rep_field *field = &run->entity->fields[i];
		if (!rep_fold_in_unit(unit, field))
			continue;
		const struct rep_json *value =
			incoming ? incoming_value(run, field)
				 : rep_record_value(run->folded->record, field->name);
		if (!unit->lead->group)
			return value ? rep_json_ref(value) : rep_json_null();
		whole = rep_json_set(out, field->name,
				     value ? rep_json_ref(value) : rep_json_null()) &&
			whole;
	}
	if (!whole) {
		rep_json_free(out);
		return NULL;
	}
	return out;
}

/* The fields of the unit of which the edit speaks, one after the other; NULL at the end. */
static const struct rep_field *next_touched(const struct rep_fold_run *run,
					    const struct rep_fold_unit *unit, size_t *at)
{
	while (*at < run->entity->fields_len) {
		const struct rep_field *field = &run->entity->fields[(*at)++];
		if (rep_fold_in_unit(unit, field) && rep_fold_spec(run, field))
			return field;
	}
	return NULL;
}

static bool is_written(const struct rep_fold_run *run, const struct rep_fold_unit *unit)
{
	for (size_t i = 0; i < run->entity->fields_len; i++) {
		const struct rep_field *field = &run->entity->fields[i];
		if (rep_fold_in_unit(unit, field) &&
		    rep_record_written(run->folded->record, field->name))
			return true;
	}
	return false;
}

static bool names_stamp(const struct rep_json *stamps, const char *stamp)
{
	for (size_t i = 0; i < rep_json_size(stamps); i++) {
		const char *named = rep_json_string_value(rep_json_at(stamps, i));
		if (named && strcmp(named, stamp) == 0)
			return true;
	}
	return false;
}

/* The newest stamp of the unit that the author saw, or NULL. */
static const char *unit_saw(const struct rep_fold_run *run, const struct rep_fold_unit *unit)
{
	const struct rep_field *field;
	const char *best = NULL;
	size_t at = 0;

	while ((field = next_touched(run, unit, &at))) {
		const char *saw = rep_fold_saw(rep_fold_spec(run, field), "saw");
		if (rep_stamp_compare(saw, best) > 0)
			best = saw;
	}
	return best;
}

/* Equal after the normaliser. An active status is stored as none. */
static bool is_same(struct rep_fold_run *run, const struct rep_field *field,
		    const struct rep_json *a, const struct rep_json *b)
{
	const char *x = rep_json_string_value(a), *y = rep_json_string_value(b);
	struct rep_buf left = REP_BUF_INIT(8 * REP_TEXT_SIZE_MAX);
	struct rep_buf right = REP_BUF_INIT(8 * REP_TEXT_SIZE_MAX);
	bool same;

	if (field->engine)
		return strcmp(x ? x : "active", y ? y : "active") == 0;
	if (!x || !y || !field->normalise)
		return rep_json_equal(a, b);
	rep_value_element_key(&left, field, a);
	rep_value_element_key(&right, field, b);
	run->failed = run->failed || left.failed == REP_ENOMEM || right.failed == REP_ENOMEM;
	if (left.failed || right.failed) /* grew beyond all measure: compared as written */
		same = strcmp(x, y) == 0;
	else
		same = strcmp(rep_buf_str(&left), rep_buf_str(&right)) == 0;
	rep_buf_clear(&left);
	rep_buf_clear(&right);
	return same;
}

/* Does every field touched still hold its `old`? False when one names no `old`. */
static bool old_stands(struct rep_fold_run *run, const struct rep_fold_unit *unit)
{
	const struct rep_field *field;
	size_t at = 0;

	while ((field = next_touched(run, unit, &at))) {
		const struct rep_json *old = rep_json_get(rep_fold_spec(run, field), "old");
		if (!old ||
		    !rep_value_same(field, old, rep_record_value(run->folded->record, field->name)))
			return false;
	}
	return true;
}

/* Case 1. */
static bool is_up_to_date(struct rep_fold_run *run, const struct rep_fold_unit *unit,
			  const char *stands)
{
	const char *saw = unit_saw(run, unit);

	if (!is_written(run, unit) || names_stamp(run->rivals, stands))
		return true;
	if (saw)
		return strcmp(saw, stands) == 0;
	return run->edit->op != REP_OP_INSERT && old_stands(run, unit);
}

/* Case 2. */
static bool is_equal(struct rep_fold_run *run, const struct rep_fold_unit *unit)
{
	const struct rep_field *field;
	size_t at = 0;

	while ((field = next_touched(run, unit, &at))) {
		if (!is_same(run, field, rep_json_get(rep_fold_spec(run, field), "new"),
			     rep_record_value(run->folded->record, field->name)))
			return false;
	}
	return true;
}

/* Writes the incoming values; the whole group bears the stamp, so that it conflicts as one. */
static void apply(struct rep_fold_run *run, const struct rep_fold_unit *unit, const char *stamp)
{
	for (size_t i = 0; i < run->entity->fields_len; i++) {
		const struct rep_field *field = &run->entity->fields[i];
		if (!rep_fold_in_unit(unit, field))
			continue;
		const struct rep_json *value = incoming_value(run, field);
		rep_record_put(run->folded->record, field->name, value ? rep_json_ref(value) : NULL,
			       stamp);
		if (rep_field_has_rule(field, REP_RULE_SOURCE))
			rep_record_put_source(run->folded->record, field->name,
					      rep_fold_source(run));
	}
}

static void note_unit(struct rep_fold_run *run, const struct rep_fold_unit *unit,
		      const struct rep_fold_note *note)
{
	const struct rep_field *field;
	size_t at = 0;

	while ((field = next_touched(run, unit, &at)))
		rep_fold_note(run, field->name, note);
}

static enum rep_outcome outcome_of(enum rep_fold_winner winner)
{
	switch (winner) {
	case REP_FOLD_CURRENT:
		return REP_LOST;
	case REP_FOLD_INCOMING:
	case REP_FOLD_BOTH:
		return REP_MERGED;
	case REP_FOLD_OPEN:
		return REP_QUEUED;
	}
	return REP_LOST;
}

/* What the one that stood came to. */
static void tell_rival(struct rep_fold_run *run, const struct rep_fold_unit *unit,
		       enum rep_fold_winner winner, const struct rep_fold_note *note)
{
	struct rep_fold_note its = *note;

	if (winner == REP_FOLD_CURRENT)
		return;
	its.outcome = winner == REP_FOLD_INCOMING ? REP_LOST : note->outcome;
	rep_fold_met(run, unit->name, note->rival, &its);
}

/* Case 4: the rules decide; the item keeps both values whatever they decide. */
static void conflict(struct rep_fold_run *run, const struct rep_fold_unit *unit, const char *stands)
{
	struct rep_stamp rival;
	struct rep_fold_decision decision = {0};
	struct rep_json *current = rep_fold_unit_value(run, unit, false);
	struct rep_json *incoming = rep_fold_unit_value(run, unit, true);
	bool later = rep_stamp_compare(run->edit->stamp, stands) >= 0;

	run->failed = run->failed || !current || !incoming;
	memcpy(rival.text, stands, sizeof(rival.text)); /* `stands` dies with the value */
	rep_fold_decide(run, unit, &decision);
	/* Open: the earliest stands. In a preview that may be the edit itself. */
	bool wins = decision.winner == REP_FOLD_INCOMING || decision.winner == REP_FOLD_BOTH ||
		    (decision.winner == REP_FOLD_OPEN && !later);
	struct rep_fold_conflict item = {
		.name = unit->name,
		.visibility = unit->lead->visibility,
		.rule = rep_rule_name(decision.rule),
		.current_stamp = rival.text,
		.current = current,
		.incoming = incoming,
		.open = decision.winner == REP_FOLD_OPEN,
		.incoming_won = wins,
	};
	struct rep_fold_note note = {
		.outcome = outcome_of(decision.winner),
		.rule = item.rule,
		.rival = rival.text,
		.item = rep_fold_conflict(run, &item),
	};
	note_unit(run, unit, &note);
	tell_rival(run, unit, decision.winner, &note);
	if (wins)
		apply(run, unit, run->edit->stamp);
	if (decision.winner == REP_FOLD_BOTH)
		rep_record_put(run->folded->record, unit->lead->name, rep_json_ref(decision.both),
			       later ? run->edit->stamp : rival.text);
	rep_json_free(decision.both);
	rep_json_free(current);
	rep_json_free(incoming);
}

static void fold_unit(struct rep_fold_run *run, const struct rep_fold_unit *unit)
{
	const char *stands = rep_fold_unit_stamp(run, unit);

	if (is_up_to_date(run, unit, stands)) { /* 1 */
		apply(run, unit, run->edit->stamp);
	} else if (is_equal(run, unit)) { /* 2 */
		if (rep_stamp_compare(run->edit->stamp, stands) > 0)
			apply(run, unit, run->edit->stamp);
		note_unit(run, unit, &(struct rep_fold_note){.outcome = REP_EQUAL});
	} else if (rep_stamp_same_device(stands, run->edit->stamp)) { /* 3 */
		apply(run, unit, run->edit->stamp);
	} else { /* 4 */
		conflict(run, unit, stands);
	}
}

/* Is this the field at which its unit is folded: the first one that the edit touches? */
static bool is_first(const struct rep_fold_run *run, const struct rep_fold_unit *unit,
		     const struct rep_field *field)
{
	size_t at = 0;

	return next_touched(run, unit, &at) == field;
}

static void fold_scalar(struct rep_fold_run *run, const struct rep_field *field)
{
	struct rep_fold_unit unit = {.lead = field, .name = field->name};

	for (size_t i = 0; field->group && i < run->entity->fields_len; i++) {
		const struct rep_field *other = &run->entity->fields[i];
		if (other->group && strcmp(other->group, field->group) == 0) {
			unit = (struct rep_fold_unit){.lead = other, .name = field->group};
			break;
		}
	}
	if (is_first(run, &unit, field))
		fold_unit(run, &unit);
}

static void fold_field(struct rep_fold_run *run, const struct rep_field *field)
{
	const struct rep_json *spec = rep_fold_spec(run, field);

	if (!spec)
		return;
	if (rep_field_has_rule(field, REP_RULE_IMMUTABLE) && !rep_field_is_scalar(field) &&
	    rep_record_written(run->folded->record, field->name)) {
		rep_fold_note(run, field->name,
			      &(struct rep_fold_note){.outcome = REP_LOST,
						      .rule = rep_rule_name(REP_RULE_IMMUTABLE)});
		return;
	}
	if (field->type == REP_TYPE_SET)
		rep_fold_set(run, field, spec);
	else if (field->type == REP_TYPE_MAP)
		rep_fold_map(run, field, spec);
	else if (field->type == REP_TYPE_LIST)
		rep_fold_list(run, field, spec);
	else if (rep_field_has_rule(field, REP_RULE_SUM))
		rep_fold_sum(run, field, spec);
	else if (!rep_json_get(spec, "new"))
		rep_fold_reject(run, field->name, "form");
	else
		fold_scalar(run, field);
}

/* Companion dates are judged as they were before the edit, whichever field comes first in the schema. */
static void keep_before(struct rep_fold_run *run)
{
	for (size_t i = 0; i < run->entity->fields_len; i++) {
		if (!rep_field_has_rule(&run->entity->fields[i], REP_RULE_BUSINESS_DATE))
			continue;
		run->before = rep_json_dup(run->folded->record->fields);
		run->failed = run->failed || !run->before;
		return;
	}
}

void rep_fold_fields(struct rep_fold_run *run)
{
	keep_before(run);
	for (size_t i = 0; i < run->entity->fields_len; i++)
		fold_field(run, &run->entity->fields[i]);
}

void rep_fold_one(struct rep_fold_run *run, const struct rep_field *field,
		  const struct rep_json *spec)
{
	const struct rep_json *values = run->values;
	struct rep_json *own = rep_json_object();

	if (!rep_json_set(own, field->name, rep_json_ref(spec)))
		run->failed = true;
	run->values = own;
	fold_field(run, field);
	run->values = values;
	rep_json_free(own);
}
