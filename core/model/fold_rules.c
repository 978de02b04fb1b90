/*
 * What the rules make of two values that did not know of each other. Each looks at the value that
 * stands and the one that comes, with their stamps, and names a winner or leaves it to the next rule.
 * The numbers above each are those of its cases in tests/oracle/cases/<rule>.json.
 */
#include <stdlib.h>
#include <string.h>

#include "core/model/fold_run.h"
#include "core/model/value.h"

enum say { SAY_NOTHING, SAY_CURRENT, SAY_INCOMING, SAY_BOTH, SAY_OPEN };

/* One of the two: who wrote it, when, with what. */
struct side {
	const char *stamp;
	const char *rep; /* NULL when the device is not known */
	const struct rep_json *value;
	bool empty;    /* nobody ever gave a value; an explicit clear is none of these */
	size_t source; /* rank, 0 best */
};

struct rivals {
	struct rep_fold_run *run;
	const struct rep_fold_unit *unit;
	const struct rep_field
		*field; /* whose value is compared: the first that the edit touches */
	struct side current, incoming;
	struct rep_json *both;
};

static enum say prefer(bool current, bool incoming)
{
	if (current == incoming)
		return SAY_NOTHING;
	return current ? SAY_CURRENT : SAY_INCOMING;
}

static enum say by_order(int current_minus_incoming)
{
	return prefer(current_minus_incoming > 0, current_minus_incoming < 0);
}

/*
 * latest. State: the field's stamp.
 *	1	the value that stands bears the greater stamp (only in a preview): it stays
 *	2	else the edit that comes; between equal stamps it is the one of the later number
 */
static enum say latest(const struct rivals *rivals)
{
	return rep_stamp_compare(rivals->current.stamp, rivals->incoming.stamp) > 0 ? SAY_CURRENT
										    : SAY_INCOMING;
}

/* earliest. State: the field's stamp. The other one of `latest`; a clear counts as a value. */
static enum say earliest(const struct rivals *rivals)
{
	return latest(rivals) == SAY_CURRENT ? SAY_INCOMING : SAY_CURRENT;
}

/*
 * max, min. State: the value. Only between concurrent ones: who saw the value may go back (admission: `lower`).
 *	1	one of the two is a clear: the value wins, under min too
 *	2	one comes first in the declared order: it wins
 *	3	equal in it: the next rule
 */
static enum say extreme(const struct rivals *rivals, bool greatest)
{
	const struct rep_json *current = rivals->current.value, *incoming = rivals->incoming.value;
	bool has_current = !rep_json_is(current, REP_JSON_NULL);
	bool has_incoming = !rep_json_is(incoming, REP_JSON_NULL);
	int order;

	if (!has_current || !has_incoming)
		return prefer(has_current, has_incoming);
	order = rep_value_compare(rivals->field, current, incoming);
	return by_order(greatest ? order : -order);
}

/*
 * business-date. State: the companion date, as it stood before the edit.
 *	1	the edit names a companion: its date against the one that stood; the newer wins, a date beats none
 *	2	it names none: the same date for both, the next rule
 */
static enum say business_date(const struct rivals *rivals)
{
	const struct rep_fold_run *run = rivals->run;
	const struct rep_field *date =
		rivals->field->date_field ? rep_entity_field(run->entity, rivals->field->date_field)
					  : NULL;
	const struct rep_json *current, *incoming, *spec;

	if (!date)
		return SAY_NOTHING;
	current = rep_json_get(run->before, date->name);
	spec = rep_fold_spec(run, date);
	incoming = spec ? rep_json_get(spec, "new") : current;
	return by_order(rep_value_compare(date, current, incoming));
}

/*
 * role. State: the stamp, whose device tells the author; the organisation at both stamps.
 *	1	the ranks of both authors, each at the time of the own edit, differ: the higher wins; the hub has 0
 *	2	equal: the next rule
 */
static enum say role(const struct rivals *rivals)
{
	const struct rep_org *org = rivals->run->context->org;
	int current = rivals->current.rep
			      ? rep_org_rank(org, rivals->current.rep, rivals->current.stamp)
			      : 0;
	int incoming = rep_org_rank(org, rivals->incoming.rep, rivals->incoming.stamp);

	return by_order((current > incoming) - (current < incoming));
}

/*
 * owner. State as of `role`. Primary at the time of the own edit: by an assignment of the record itself, else of its partition.
 *	1	one of the two was: that one
 *	2	both were, as the account passed on between the edits, or neither: the next rule
 */
static bool is_owner(const struct rivals *rivals, const struct side *side)
{
	const struct rep_record *record = rivals->run->folded->record;

	return side->rep &&
	       rep_org_is_primary(rivals->run->context->org, side->rep, record->entity->name,
				  record->id, record->partition, NULL, side->stamp);
}

/*
 * central. State as of `role`. The company's side: the hub, and roles that are not bound to territories held.
 *	1	one of the two is of that side: that one
 *	2	both, or neither: the next rule
 */
static bool is_central(const struct rivals *rivals, const struct side *side)
{
	const struct rep_role *role_then;

	if (!side->rep)
		return false;
	if (strcmp(side->rep, "hub") == 0)
		return true;
	role_then = rep_org_role(rivals->run->context->org, side->rep, side->stamp);
	return role_then && role_then->scope != REP_SCOPE_HELD;
}

/*
 * text. State: the text; `old` is what the author of the edit saw. No group, no other type.
 *	1	the edit names no `old`: the next rule
 *	2	the lines that both changed do not overlap: both, under the later stamp; an empty result is a clear
 *	3	they overlap: the next rule
 */
static enum say text(struct rivals *rivals)
{
	const struct rep_json *spec = rep_fold_spec(rivals->run, rivals->field);
	const struct rep_json *old = rep_json_get(spec, "old");
	const char *base = rep_json_string_value(old);
	const char *ours = rep_json_string_value(rivals->current.value);
	const char *theirs = rep_json_string_value(rivals->incoming.value);
	char *merged;
	enum rep_code rc;

	if (!old || rivals->unit->lead->group || rivals->field->type != REP_TYPE_TEXT)
		return SAY_NOTHING;
	rc = rep_text_merge(base ? base : "", ours ? ours : "", theirs ? theirs : "", &merged);
	rivals->run->failed = rivals->run->failed || rc == REP_ENOMEM;
	if (rc)
		return SAY_NOTHING;
	rivals->both = *merged ? rep_json_string(merged) : rep_json_null();
	rivals->run->failed = rivals->run->failed || !rivals->both;
	free(merged);
	return SAY_BOTH;
}

/* The place of a state in the declared priority, 0 best; one past the end when it is not there. */
static size_t place(const char *const *priority, size_t len, const char *state)
{
	size_t at = 0;

	while (at < len && (!state || strcmp(priority[at], state) != 0))
		at++;
	return at;
}

/*
 * state. State: the value; the machine, where each kind has its own that of the record's kind.
 *	1	`status`: erased, archived, active, inactive; none is active
 *	2	of two legal moves the target that `priority` names first wins
 *	3	the same target, or no machine for the kind: the next rule
 */
static enum say state(const struct rivals *rivals)
{
	static const char *const status[] = {"erased", "archived", "active", "inactive"};
	const struct rep_entity *entity = rivals->run->entity;
	const struct rep_record *record = rivals->run->folded->record;
	const char *current = rep_json_string_value(rivals->current.value);
	const char *incoming = rep_json_string_value(rivals->incoming.value);
	const struct rep_machine *machine;
	size_t x, y;

	if (rivals->field->engine) {
		x = place(status, 4, current ? current : "active");
		y = place(status, 4, incoming ? incoming : "active");
		return prefer(x < y, y < x);
	}
	machine = rep_entity_machine(entity, entity->state_by
						     ? rep_json_string_value(rep_record_value(
							       record, entity->state_by->name))
						     : NULL);
	if (!machine)
		return SAY_NOTHING;
	x = place(machine->priority, machine->priority_len, current);
	y = place(machine->priority, machine->priority_len, incoming);
	return prefer(x < y, y < x);
}

/*
 * The others need no function: fill (state: was the field ever filled; a value beats what nobody filled, an explicit clear is a value),
 * source (state: the record's source of the field; the better one as the schema ranks them), immutable (the first insert's
 * stays), review (nobody: the earlier stands, the conflict is open). sum, set, map and append merge by parts.
 */
static enum say apply_rule(struct rivals *rivals, enum rep_rule rule)
{
	switch (rule) {
	case REP_RULE_LATEST:
		return latest(rivals);
	case REP_RULE_EARLIEST:
		return earliest(rivals);
	case REP_RULE_MAX:
		return extreme(rivals, true);
	case REP_RULE_MIN:
		return extreme(rivals, false);
	case REP_RULE_BUSINESS_DATE:
		return business_date(rivals);
	case REP_RULE_FILL:
		return prefer(!rivals->current.empty, !rivals->incoming.empty);
	case REP_RULE_ROLE:
		return role(rivals);
	case REP_RULE_OWNER:
		return prefer(is_owner(rivals, &rivals->current),
			      is_owner(rivals, &rivals->incoming));
	case REP_RULE_SOURCE:
		return prefer(rivals->current.source < rivals->incoming.source,
			      rivals->incoming.source < rivals->current.source);
	case REP_RULE_TEXT:
		return text(rivals);
	case REP_RULE_STATE:
		return state(rivals);
	case REP_RULE_IMMUTABLE: /* two inserts of one record: the first one's value stays */
		return earliest(rivals);
	case REP_RULE_CENTRAL:
		return prefer(is_central(rivals, &rivals->current),
			      is_central(rivals, &rivals->incoming));
	case REP_RULE_REVIEW:
		return SAY_OPEN;
	case REP_RULE_SUM: /* these four merge by parts, before any rule is asked */
	case REP_RULE_SET:
	case REP_RULE_MAP:
	case REP_RULE_APPEND:
		return SAY_NOTHING;
	}
	return SAY_NOTHING;
}

const char *rep_fold_source(const struct rep_fold_run *run)
{
	const char *source = rep_json_get_string(run->edit->line, "source");
	const struct rep_schema *schema = run->context->schema;
	const struct rep_role *role_then;

	if (source)
		return source;
	role_then = rep_org_role(run->context->org, run->edit->rep, run->edit->stamp);
	if (role_then && rep_schema_source_rank(schema, role_then->name) < schema->sources_len)
		return role_then->name;
	return "rep";
}

/* Is the whole unit empty, in what stands or in what comes? */
static bool unit_empty(const struct rivals *rivals, bool incoming)
{
	struct rep_json *value = rep_fold_unit_value(rivals->run, rivals->unit, incoming);
	bool empty = true;

	rivals->run->failed = rivals->run->failed || !value;
	if (!rivals->unit->lead->group)
		empty = rep_value_empty(value);
	for (void *it = rivals->unit->lead->group ? rep_json_iter(value) : NULL; it;
	     it = rep_json_iter_next(value, it))
		empty = empty && rep_value_empty(rep_json_iter_value(it));
	rep_json_free(value);
	return empty;
}

static void fill_sides(struct rivals *rivals)
{
	const struct rep_fold_run *run = rivals->run;
	const struct rep_record *record = run->folded->record;
	const struct rep_schema *schema = run->context->schema;
	const char *stamp = rep_fold_unit_stamp(run, rivals->unit);
	const struct rep_json *spec = rep_fold_spec(run, rivals->field);

	rivals->current = (struct side){
		.stamp = stamp,
		.rep = rep_org_rep_of(run->context->org, rep_stamp_device(stamp)),
		.value = rep_record_value(record, rivals->field->name),
		.empty = strcmp(stamp, record->created.text) == 0 && unit_empty(rivals, false),
		.source = rep_schema_source_rank(schema,
						 rep_record_source(record, rivals->field->name)),
	};
	rivals->incoming = (struct side){
		.stamp = run->edit->stamp,
		.rep = run->edit->rep,
		.value = rep_json_get(spec, "new"),
		.empty = run->edit->op == REP_OP_INSERT && unit_empty(rivals, true),
		.source = rep_schema_source_rank(schema, rep_fold_source(run)),
	};
}

void rep_fold_decide(struct rep_fold_run *run, const struct rep_fold_unit *unit,
		     struct rep_fold_decision *out)
{
	struct rivals rivals = {.run = run, .unit = unit};
	const struct rep_field *lead = unit->lead;
	enum say say = SAY_NOTHING;

	for (size_t i = 0; i < run->entity->fields_len && !rivals.field; i++) {
		const struct rep_field *field = &run->entity->fields[i];
		if (rep_fold_in_unit(unit, field) && rep_fold_spec(run, field))
			rivals.field = field;
	}
	fill_sides(&rivals);
	out->rule = REP_RULE_LATEST;
	if (lead->engine) { /* the engine's own machine, whatever stands beside it */
		out->rule = REP_RULE_STATE;
		say = state(&rivals);
	}
	for (size_t i = 0; !lead->engine && i < lead->rules_len && say == SAY_NOTHING; i++) {
		out->rule = lead->rules[i];
		say = apply_rule(&rivals, lead->rules[i]);
	}
	if (say == SAY_NOTHING) { /* a tie under the last rule: the total order */
		out->rule = REP_RULE_LATEST;
		say = latest(&rivals);
	}
	out->both = rivals.both;
	out->winner = say == SAY_CURRENT    ? REP_FOLD_CURRENT
		      : say == SAY_INCOMING ? REP_FOLD_INCOMING
		      : say == SAY_BOTH     ? REP_FOLD_BOTH
					    : REP_FOLD_OPEN;
}
