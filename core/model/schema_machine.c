/* States of an entity: which moves are legal, by whom, and which of two concurrent ones wins. */
#include <string.h>

#include "core/model/schema_load.h"

static enum rep_code read_from(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	(void)ld;
	((struct rep_move *)target)->from = rep_json_string_value(value);
	return REP_OK;
}

static enum rep_code read_to(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	(void)ld;
	((struct rep_move *)target)->to = rep_json_string_value(value);
	return REP_OK;
}

static enum rep_code read_by(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_terms(ld, &((struct rep_move *)target)->by, value);
}

static enum rep_code read_desk(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	(void)ld;
	((struct rep_move *)target)->desk = rep_json_bool_value(value);
	return REP_OK;
}

static enum rep_code load_machine(struct rep_loader *ld, struct rep_machine *out, const char *kind,
				  const struct rep_json *object)
{
	static const struct rep_key_rule rules[] = {
		{"from", REP_KIND_STRING, true, read_from, 0},
		{"to", REP_KIND_STRING, true, read_to, 0},
		{"by", REP_KIND_ARRAY, true, read_by, 0},
		{"desk", REP_KIND_BOOL, false, read_desk, 0},
	};
	const struct rep_json *moves = rep_json_get(object, "moves");

	out->kind = kind;
	out->initial = rep_json_get_string(object, "initial");
	enum rep_code rc = rep_loader_names(ld, &out->priority, &out->priority_len,
					    rep_json_get(object, "priority"), "priority");

	if (!rc)
		rc = rep_loader_array(ld, &out->moves, rep_json_size(moves), sizeof *out->moves);
	for (size_t i = 0; !rc && i < rep_json_size(moves); i++) {
		rc = rep_loader_walk(ld, rep_json_at(moves, i), rules, sizeof rules / sizeof *rules,
				     0, &out->moves[i]);
		out->moves_len = i + 1;
	}
	return rc;
}

/* With `by` the machines of the kinds, else the only one. */
static enum rep_code load_kinds(struct rep_loader *ld, struct rep_entity *entity,
				const struct rep_json *machines)
{
	static const struct rep_key_rule rules[] = {
		{"initial", REP_KIND_STRING, true, NULL, 0},
		{"moves", REP_KIND_ARRAY, true, NULL, 0},
		{"priority", REP_KIND_ARRAY, true, NULL, 0},
	};
	enum rep_code rc = rep_loader_array(ld, &entity->machines, rep_json_size(machines),
					    sizeof *entity->machines);

	for (void *at = rep_json_iter(machines); !rc && at; at = rep_json_iter_next(machines, at)) {
		const char *kind = rep_json_iter_key(at);
		const struct rep_json *object = rep_json_iter_value(at);

		if (rep_field_rank(entity->state_by, kind) < 0)
			return rep_loader_bad(ld, "unknown-field", "\"%s\" is no value of \"%s\"",
					      kind, entity->state_by->name);
		rc = rep_loader_walk(ld, object, rules, sizeof rules / sizeof *rules, 0, NULL);
		if (!rc)
			rc = load_machine(ld, &entity->machines[entity->machines_len], kind,
					  object);
		entity->machines_len++;
	}
	for (size_t i = 0; !rc && i < entity->state_by->values_len; i++)
		if (!rep_json_get(machines, entity->state_by->values[i].value))
			rc = rep_loader_bad(ld, "missing-key", "\"machines\" has no \"%s\"",
					    entity->state_by->values[i].value);
	return rc;
}

static enum rep_code load_by(struct rep_loader *ld, struct rep_entity *entity,
			     const struct rep_json *states)
{
	static const struct rep_key_rule rules[] = {
		{"field", REP_KIND_STRING, true, NULL, 0},
		{"by", REP_KIND_STRING, true, NULL, 0},
		{"machines", REP_KIND_OBJECT, true, NULL, 0},
	};
	enum rep_code rc =
		rep_loader_walk(ld, states, rules, sizeof rules / sizeof *rules, 0, NULL);

	if (!rc)
		rc = rep_loader_field(ld, &entity->state_by, entity,
				      rep_json_get_string(states, "by"), "states");
	if (!rc && entity->state_by->type != REP_TYPE_ENUM)
		rc = rep_loader_bad(ld, "state-not-enum", "\"by\" names \"%s\", which is no enum",
				    entity->state_by->name);
	return rc ? rc : load_kinds(ld, entity, rep_json_get(states, "machines"));
}

enum rep_code rep_load_machines(struct rep_loader *ld, struct rep_entity *entity,
				const struct rep_json *states)
{
	static const struct rep_key_rule rules[] = {
		{"field", REP_KIND_STRING, true, NULL, 0},
		{"initial", REP_KIND_STRING, true, NULL, 0},
		{"moves", REP_KIND_ARRAY, true, NULL, 0},
		{"priority", REP_KIND_ARRAY, true, NULL, 0},
	};
	enum rep_code rc = REP_OK;

	if (!states)
		return REP_OK;
	if (rep_json_get(states, "by"))
		rc = load_by(ld, entity, states);
	else
		rc = rep_loader_walk(ld, states, rules, sizeof rules / sizeof *rules, 0, NULL);
	if (!rc)
		rc = rep_loader_field(ld, &entity->state_field, entity,
				      rep_json_get_string(states, "field"), "states");
	if (rc || rep_json_get(states, "by"))
		return rc;
	rc = rep_loader_array(ld, &entity->machines, 1, sizeof *entity->machines);
	entity->machines_len = rc ? 0 : 1;
	return rc ? rc : load_machine(ld, entity->machines, NULL, states);
}

static bool in_priority(const struct rep_machine *machine, const char *state)
{
	for (size_t i = 0; i < machine->priority_len; i++)
		if (strcmp(machine->priority[i], state) == 0)
			return true;
	return false;
}

/* Every state that the machine names must be a value of the field and stand in `priority`. */
static enum rep_code check_state(struct rep_loader *ld, const struct rep_entity *entity,
				 const struct rep_machine *machine, const char *state)
{
	if (rep_field_rank(entity->state_field, state) < 0)
		return rep_loader_bad(ld, "unknown-field", "there is no state \"%s\"", state);
	if (!in_priority(machine, state))
		return rep_loader_bad(ld, "priority-incomplete", "\"%s\" is not in \"priority\"",
				      state);
	return REP_OK;
}

static enum rep_code check_names(struct rep_loader *ld, const struct rep_entity *entity,
				 const struct rep_machine *machine)
{
	enum rep_code rc = check_state(ld, entity, machine, machine->initial);

	for (size_t i = 0; !rc && i < machine->priority_len; i++)
		rc = check_state(ld, entity, machine, machine->priority[i]);
	for (size_t i = 0; !rc && i < machine->moves_len; i++) {
		rc = check_state(ld, entity, machine, machine->moves[i].from);
		if (!rc)
			rc = check_state(ld, entity, machine, machine->moves[i].to);
	}
	return rc;
}

/* Walks the moves from `initial`, marking states by their rank in the field's order. */
static enum rep_code check_reachable(struct rep_loader *ld, const struct rep_entity *entity,
				     const struct rep_machine *machine, bool *used)
{
	const struct rep_field *field = entity->state_field;
	bool *seen = rep_arena_get(ld->arena, field->values_len, sizeof *seen);
	bool grown = true;

	if (!seen)
		return rep_loader_no_memory(ld);
	seen[rep_field_rank(field, machine->initial)] = true;
	while (grown) {
		grown = false;
		for (size_t i = 0; i < machine->moves_len; i++) {
			int from = rep_field_rank(field, machine->moves[i].from);
			int to = rep_field_rank(field, machine->moves[i].to);

			grown = grown || (seen[from] && !seen[to]);
			seen[to] = seen[to] || seen[from];
		}
	}
	for (size_t i = 0; i < machine->priority_len; i++)
		if (!seen[rep_field_rank(field, machine->priority[i])])
			return rep_loader_bad(ld, "state-unreachable", "\"%s\"%s%s",
					      machine->priority[i], machine->kind ? " of " : "",
					      machine->kind ? machine->kind : "");
	for (size_t i = 0; i < field->values_len; i++)
		used[i] = used[i] || seen[i];
	return REP_OK;
}

static enum rep_code check_machine(struct rep_loader *ld, const struct rep_entity *entity,
				   const struct rep_machine *machine, bool *used)
{
	bool leaves = false;
	enum rep_code rc = check_names(ld, entity, machine);

	for (size_t i = 0; i < machine->moves_len; i++)
		leaves = leaves || strcmp(machine->moves[i].from, machine->initial) == 0;
	if (!rc && !leaves)
		rc = rep_loader_bad(ld, "state-no-exit-of-initial", "nothing leaves \"%s\"",
				    machine->initial);
	return rc ? rc : check_reachable(ld, entity, machine, used);
}

/* A record begins in `initial`: a declared default must say the same, a missing one is filled in. */
static enum rep_code check_default(struct rep_loader *ld, const struct rep_entity *entity)
{
	struct rep_field *field = &entity->fields[entity->state_field->index];
	const char *initial = entity->machines[0].initial;

	for (size_t i = 1; i < entity->machines_len; i++)
		if (strcmp(entity->machines[i].initial, initial) != 0)
			return REP_OK; /* each kind begins elsewhere: no common default */
	if (!field->preset) {
		field->preset = rep_arena_json(ld->arena, rep_json_string(initial));
		return field->preset ? REP_OK : rep_loader_no_memory(ld);
	}
	const char *preset = rep_json_string_value(field->preset);

	if (!preset || strcmp(preset, initial) != 0)
		return rep_loader_bad(ld, "default-invalid", "the default is not \"%s\"", initial);
	return REP_OK;
}

enum rep_code rep_resolve_machines(struct rep_loader *ld, struct rep_entity *entity)
{
	const struct rep_field *field = entity->state_field;

	if (!field)
		return REP_OK;
	ld->field = field->name;
	if (field->type != REP_TYPE_ENUM)
		return rep_loader_bad(ld, "state-not-enum", "it is of type %s",
				      rep_type_name(field->type));
	bool *used = rep_arena_get(ld->arena, field->values_len, sizeof *used);
	enum rep_code rc = used ? REP_OK : rep_loader_no_memory(ld);

	for (size_t i = 0; !rc && i < entity->machines_len; i++)
		rc = check_machine(ld, entity, &entity->machines[i], used);
	for (size_t i = 0; !rc && i < field->values_len; i++)
		if (!used[i])
			rc = rep_loader_bad(ld, "state-unreachable", "\"%s\"",
					    field->values[i].value);
	return rc ? rc : check_default(ld, entity);
}
