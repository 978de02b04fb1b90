/*
 * What a later edit makes of an earlier one that it met. The fold goes forward, so that the earlier one's outcome is known
 * already: the meeting is handed out beside the fold's result, and whoever keeps outcomes adds it to that one's.
 *
 *	1	the later one won: the earlier is lost
 *	2	both were merged: it is merged
 *	3	no rule could rank them: it is queued, though it stands for the time being
 *	4	the earlier one stays: nothing is told of it
 *
 * The last meeting of a field counts. Meetings come in the order of the fold, so that a change folded in place and a record
 * folded again give the earlier edit the same outcome.
 */
#include <string.h>

#include "core/model/fold_run.h"

void rep_fold_met(struct rep_fold_run *run, const char *unit, const char *rival,
		  const struct rep_fold_note *note)
{
	struct rep_folded *folded = run->folded;
	struct rep_json *one = rep_json_object(), *told = rep_json_object();

	if (!folded->met)
		folded->met = rep_json_array();
	if (!rep_json_set_string(one, "rival", rival) ||
	    (unit && !rep_json_set_string(one, "unit", unit)) ||
	    !rep_json_set_string(told, "outcome", rep_outcome_name(note->outcome)) ||
	    !rep_json_set_string(told, "rule", note->rule) ||
	    !rep_json_set_string(told, "rival", run->edit->stamp) ||
	    (note->item && !rep_json_set_string(told, "item", note->item)))
		run->failed = true;
	if (!rep_json_set(one, "note", told) || !rep_json_append(folded->met, one))
		run->failed = true;
}

/* ---- adding it to an outcome ---- */

static enum rep_outcome outcome_of(const struct rep_json *note)
{
	enum rep_outcome out = REP_APPLIED;
	const char *name = rep_json_get_string(note, "outcome");

	if (name && !rep_outcome_parse(&out, name))
		out = REP_APPLIED;
	return out;
}

static enum rep_outcome worst_field(const struct rep_json *outcome)
{
	const struct rep_json *fields = rep_json_get(outcome, "fields");
	enum rep_outcome worst = REP_APPLIED;

	for (void *it = fields ? rep_json_iter(fields) : NULL; it;
	     it = rep_json_iter_next(fields, it)) {
		enum rep_outcome one = outcome_of(rep_json_iter_value(it));

		if (one > worst)
			worst = one;
	}
	return worst;
}

/* What the outcome says of the change as a whole, whatever became of its fields. */
static enum rep_outcome own_of(const struct rep_json *outcome)
{
	enum rep_outcome told = outcome_of(outcome);

	if (told > worst_field(outcome))
		return told;
	return rep_json_get(outcome, "rule") ? REP_MERGED : REP_APPLIED;
}

/* Did the edit write this field? Of a delete it is the status that it archives. */
static bool wrote(const struct rep_edit *edit, const struct rep_entity *entity,
		  const struct rep_field *field)
{
	const struct rep_json *spec = rep_json_get(rep_json_get(edit->line, "values"), field->name);
	const struct rep_json *value = rep_json_get(spec, "new");

	if (edit->op == REP_OP_DELETE)
		return field->engine && entity->deletes == REP_DELETES_ARCHIVE_ONLY;
	if (!rep_json_is(spec, REP_JSON_OBJECT) || rep_json_get(edit->verdict, field->name))
		return false;
	return edit->op != REP_OP_INSERT || !value || !rep_json_is(value, REP_JSON_NULL);
}

/* The notes of the fields of the unit that the edit wrote; false without memory. */
static bool note_fields(struct rep_json *fields, const struct rep_edit *edit,
			const struct rep_entity *entity, const struct rep_json *met,
			const struct rep_json *names)
{
	const char *unit = rep_json_get_string(met, "unit");
	bool kept = true;

	for (size_t i = 0; kept && i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];
		const char *name = names ? rep_json_get_string(names, field->name) : field->name;

		if (!name || strcmp(field->group ? field->group : field->name, unit) != 0 ||
		    !wrote(edit, entity, field))
			continue;
		kept = rep_json_set(fields, name, rep_json_ref(rep_json_get(met, "note")));
	}
	return kept;
}

static bool note_whole(struct rep_json *outcome, const struct rep_json *met)
{
	const struct rep_json *note = rep_json_get(met, "note");
	bool kept = true;

	for (void *it = rep_json_iter(note); it && kept; it = rep_json_iter_next(note, it))
		kept = rep_json_set(outcome, rep_json_iter_key(it),
				    rep_json_ref(rep_json_iter_value(it)));
	return kept;
}

/* A copy whose `fields` may be added to; NULL without memory. */
static struct rep_json *open_outcome(const struct rep_json *outcome)
{
	struct rep_json *out = outcome ? rep_json_dup(outcome) : rep_json_object();

	if ((!outcome && !rep_json_set_string(out, "outcome", rep_outcome_name(REP_APPLIED))) ||
	    (!rep_json_get(out, "fields") && !rep_json_set(out, "fields", rep_json_object()))) {
		rep_json_free(out);
		return NULL;
	}
	return out;
}

enum rep_code rep_outcome_met(struct rep_json **out, const struct rep_json *outcome,
			      const struct rep_edit *edit, const struct rep_entity *entity,
			      const struct rep_json *met, const struct rep_json *names,
			      struct rep_error *err)
{
	struct rep_json *told = open_outcome(outcome);
	struct rep_json *fields = rep_json_get(told, "fields");
	enum rep_outcome own = own_of(told), worst;
	bool whole = !rep_json_get_string(met, "unit");
	bool kept = told != NULL;

	*out = NULL;
	if (whole)
		own = outcome_of(rep_json_get(met, "note"));
	if (kept)
		kept = whole ? note_whole(told, met)
			     : note_fields(fields, edit, entity, met, names);
	worst = worst_field(told);
	if (rep_json_size(fields) == 0)
		rep_json_del(told, "fields");
	if (kept)
		kept = rep_json_set_string(told, "outcome",
					   rep_outcome_name(worst > own ? worst : own));
	if (!kept) {
		rep_json_free(told);
		return rep_fail(err, REP_ENOMEM, "outcome of %s %s", edit->entity, edit->id);
	}
	*out = told;
	return REP_OK;
}
