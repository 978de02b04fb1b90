/*
 * Rights and rules of single fields. A check may let a field pass, make it a proposal (then the later ones
 * still may reject it), or reject it. All but `frozen` and `immutable` look only at the edit itself and at
 * the organisation at its time, so that they say the same whenever the edit arrives.
 */
#include <string.h>

#include "core/model/admit_run.h"
#include "core/model/fold_run.h"
#include "core/model/value.h"

enum pass { PASS, PROPOSE, REJECT };

struct judged {
	struct rep_admit_run *run;
	const struct rep_field *field;
	const struct rep_json *spec;
	enum pass pass;
	const char *code;
	const char *text;
};

/* Makes it a proposal at least; a rejection stays one. */
static void worsen(struct judged *judged, enum pass pass, const char *code, const char *text)
{
	if (pass <= judged->pass)
		return;
	judged->pass = pass;
	judged->code = code;
	judged->text = text;
}

static bool may(const struct judged *judged, const struct rep_terms *terms)
{
	return rep_org_may(judged->run->org, &judged->run->right, terms);
}

/* A proposal where the author may propose, else a rejection. */
static void propose_or_reject(struct judged *judged, const char *code, const char *text)
{
	worsen(judged, may(judged, &judged->field->propose) ? PROPOSE : REJECT, code, text);
}

static void check_rights(struct judged *judged)
{
	bool insert = judged->run->new;
	const struct rep_field *field = judged->field;

	if (judged->run->hub)
		return;
	if (field->computed) {
		worsen(judged, REJECT, "computed", "the company computes it");
		return;
	}
	if (!may(judged, insert ? &field->insert : &field->write))
		propose_or_reject(judged, "no-right",
				  insert ? "no right to enter it" : "no right to write it");
	else if (field->desk && !judged->run->desk)
		worsen(judged, PROPOSE, "desk", "written at the company only");
}

static const struct rep_json *current(const struct judged *judged)
{
	return judged->run->record ? rep_record_value(judged->run->record, judged->field->name)
				   : NULL;
}

static void check_immutable(struct judged *judged)
{
	const struct rep_json *value = rep_json_get(judged->spec, "new");

	if (judged->run->new || !rep_field_has_rule(judged->field, REP_RULE_IMMUTABLE))
		return;
	if (value && rep_value_same(judged->field, value, current(judged)))
		return;
	worsen(judged, REJECT, "immutable", "set once and for all; corrections are new records");
}

/*
 * The value that the author changed: `old`, unless the record still bears the stamp that was seen; then the
 * hub knows better than the line.
 */
static const struct rep_json *changed_from(const struct judged *judged)
{
	const struct rep_record *record = judged->run->record;
	const struct rep_json *old = rep_json_get(judged->spec, "old");
	const char *saw = rep_fold_saw(judged->spec, "saw");

	if (!record ||
	    (old && !(saw && strcmp(saw, rep_record_stamp(record, judged->field->name)) == 0)))
		return old;
	return rep_record_value(record, judged->field->name);
}

/* Rules max and min: back against the rule only for those whom `lower` names. */
static void check_lower(struct judged *judged)
{
	bool greatest = rep_field_has_rule(judged->field, REP_RULE_MAX);
	const struct rep_json *from, *to = rep_json_get(judged->spec, "new");
	int order;

	if (!judged->field->has_lower || judged->run->hub ||
	    judged->run->edit->op == REP_OP_INSERT ||
	    (!greatest && !rep_field_has_rule(judged->field, REP_RULE_MIN)))
		return;
	from = changed_from(judged);
	if (rep_json_is(from, REP_JSON_NULL))
		return;
	order = rep_value_compare(judged->field, to, from);
	if (!rep_json_is(to, REP_JSON_NULL) && (greatest ? order >= 0 : order <= 0))
		return;
	if (!may(judged, &judged->field->lower))
		worsen(judged, PROPOSE, "lower", "no right to set it back");
}

static const struct rep_machine *machine_of(const struct rep_admit_run *run)
{
	const struct rep_field *by = run->entity->state_by;
	const char *kind = NULL;

	if (by && run->record)
		kind = rep_json_string_value(rep_record_value(run->record, by->name));
	if (by && !kind)
		kind = rep_json_get_string(rep_json_get(run->values, by->name), "new");
	return rep_entity_machine(run->entity, kind);
}

static void check_move(struct judged *judged, const struct rep_machine *machine, const char *from,
		       const char *to)
{
	for (size_t i = 0; i < machine->moves_len; i++) {
		const struct rep_move *move = &machine->moves[i];
		if (strcmp(move->from, from) != 0 || strcmp(move->to, to) != 0)
			continue;
		if (!may(judged, &move->by))
			propose_or_reject(judged, "no-right", "no right to this move");
		else if (move->desk && !judged->run->desk)
			worsen(judged, PROPOSE, "desk", "moved at the company only");
		return;
	}
	worsen(judged, REJECT, "illegal-move", "there is no such move");
}

/* A move is judged by its own old and new state, whatever the record's is by now. */
static void check_state(struct judged *judged)
{
	struct rep_admit_run *run = judged->run;
	const char *to = rep_json_get_string(judged->spec, "new");
	const struct rep_machine *machine;
	const char *from;

	if (judged->field != run->entity->state_field || run->hub)
		return;
	machine = machine_of(run);
	if (!machine || !to) {
		worsen(judged, REJECT, "illegal-move", "a state is required");
		return;
	}
	if (run->edit->op == REP_OP_INSERT) {
		if (strcmp(to, machine->initial) != 0)
			worsen(judged, REJECT, "illegal-move", "not the initial state");
		return;
	}
	from = rep_json_string_value(changed_from(judged));
	if (!from)
		from = machine->initial;
	if (strcmp(from, to) != 0)
		check_move(judged, machine, from, to);
}

/* The engine's own states of a record: erased by the company, archived by a rep only as a proposal. */
static void check_status(struct judged *judged)
{
	const struct rep_admit_run *run = judged->run;
	const char *to = rep_json_get_string(judged->spec, "new");
	const struct rep_role *role;

	if (!judged->field->engine || run->hub || !to)
		return;
	role = rep_org_role(run->org, run->edit->rep, run->edit->stamp);
	if (strcmp(to, "erased") == 0)
		worsen(judged, REJECT, "no-right", "erased by the company only");
	else if (strcmp(to, "archived") == 0 && run->entity->deletes == REP_DELETES_ARCHIVE_ONLY &&
		 (!role || role->scope == REP_SCOPE_HELD))
		worsen(judged, PROPOSE, "archive", "archiving is proposed");
}

/* Open only in some states: judged by the state that the record has at the hub now. */
static void check_open(struct judged *judged)
{
	const struct rep_admit_run *run = judged->run;
	const struct rep_field *state = run->entity->state_field;
	const struct rep_machine *machine;
	const char *now;

	if (judged->field->open_in_len == 0 || run->hub || !state || !run->record)
		return;
	machine = machine_of(run);
	now = rep_json_string_value(rep_record_value(run->record, state->name));
	if (!now && machine)
		now = machine->initial;
	for (size_t i = 0; now && i < judged->field->open_in_len; i++) {
		if (strcmp(judged->field->open_in[i], now) == 0)
			return;
	}
	propose_or_reject(judged, "frozen", "not open in the record's state");
}

static void check_reason(struct judged *judged)
{
	const struct rep_admit_run *run = judged->run;
	const char *reason = rep_json_get_string(run->edit->line, "reason");

	if (judged->field->reason && !run->hub && run->edit->op != REP_OP_INSERT &&
	    (!reason || !*reason))
		worsen(judged, REJECT, "reason", "a reason is required");
}

static bool is_past(const struct rep_admit_run *run, const char *time)
{
	return time && strcmp(time, run->context->org_since) < 0;
}

/*
 * The organisation at a time does not change once that time is past: edits were judged by it. So neither a
 * new begin or end lies there, nor one that stands there is moved away.
 */
static void check_period(struct judged *judged)
{
	const struct rep_admit_run *run = judged->run;
	const char *name = judged->field->name;

	if (run->hub || !run->context->org_since ||
	    run->entity->builtin != REP_BUILTIN_ASSIGNMENT ||
	    (strcmp(name, "valid_from") != 0 && strcmp(name, "valid_to") != 0))
		return;
	if (is_past(run, rep_json_get_string(judged->spec, "new")) ||
	    is_past(run, rep_json_string_value(current(judged))))
		worsen(judged, REJECT, "in-the-past", "the organisation is not changed backwards");
}

static void judge(struct rep_admit_run *run, const struct rep_field *field,
		  const struct rep_json *spec)
{
	struct judged judged = {.run = run, .field = field, .spec = spec};

	if (!rep_admit_value(run, field, spec))
		return;
	check_rights(&judged);
	check_immutable(&judged);
	check_lower(&judged);
	check_state(&judged);
	check_status(&judged);
	check_open(&judged);
	check_reason(&judged);
	check_period(&judged);
	if (judged.pass == PASS)
		return;
	rep_admit_put(run, field->name, judged.pass == REJECT ? REP_REJECTED : REP_PROPOSED,
		      judged.code, "%s", judged.text);
}

/* An insert says nothing by what it leaves empty. */
static bool is_silent(const struct rep_admit_run *run, const struct rep_json *spec)
{
	const struct rep_json *value = rep_json_get(spec, "new");

	return run->edit->op == REP_OP_INSERT && value && rep_json_is(value, REP_JSON_NULL);
}

static void refuse_unknown(struct rep_admit_run *run, const char *name)
{
	rep_admit_put(run, name, REP_REJECTED, "unknown-field", "the schema has no such field");
}

void rep_admit_fields(struct rep_admit_run *run)
{
	/* What the version it was made under does not have is unknown, also where a later one has it. */
	for (size_t i = 0; i < rep_json_size(run->edit->unknown); i++)
		refuse_unknown(run, rep_json_string_value(rep_json_at(run->edit->unknown, i)));
	for (void *it = rep_json_iter(run->values); it; it = rep_json_iter_next(run->values, it)) {
		const char *name = rep_json_iter_key(it);
		const struct rep_field *field = rep_entity_field(run->entity, name);
		if (!field)
			refuse_unknown(run, name);
		else if (!is_silent(run, rep_json_iter_value(it)))
			judge(run, field, rep_json_iter_value(it));
	}
}
