/* Where a new record goes, and what must not go in circles. */
#include <string.h>

#include "core/model/schema_load.h"

static enum rep_code read_is(struct rep_loader *ld, struct rep_entity *entity, const char *is)
{
	static const char *const words[] = {"", "company", "desk", "self", NULL};
	int word = is ? rep_word_index(words, is) : -1;

	if (word < 1)
		return rep_loader_bad(ld, "json", "\"is\" is company, desk or self");
	entity->partition = (enum rep_partition_is)word;
	return REP_OK;
}

/* `team:<field>` and `staff:<field>`: the field refers to a territory, or to a rep. */
static enum rep_code read_owner_step(struct rep_loader *ld, const struct rep_entity *entity,
				     struct rep_step *step, const char *name)
{
	enum rep_builtin builtin =
		step->kind == REP_STEP_TEAM_FIELD ? REP_BUILTIN_TERRITORY : REP_BUILTIN_REP;

	if (step->kind == REP_STEP_STAFF_FIELD && strcmp(name, "created_by") == 0)
		return REP_OK;
	enum rep_code rc = rep_loader_field(ld, &step->field, entity, name, "partition");

	if (rc)
		return rc;
	if (step->field->type != REP_TYPE_REFERENCE || !step->field->target ||
	    step->field->target->builtin != builtin)
		return rep_loader_bad(ld, "partition-unreachable", "\"%s\" does not refer to a %s",
				      name, builtin == REP_BUILTIN_REP ? "rep" : "territory");
	return REP_OK;
}

static enum rep_code read_step(struct rep_loader *ld, const struct rep_entity *entity,
			       struct rep_step *step, const char *text)
{
	if (strcmp(text, "id") == 0) {
		step->kind = REP_STEP_ID;
		return REP_OK;
	}
	if (strcmp(text, "team") == 0) {
		step->kind = REP_STEP_TEAM;
		return REP_OK;
	}
	if (strcmp(text, "desk") == 0) {
		step->kind = REP_STEP_DESK;
		return REP_OK;
	}
	if (strncmp(text, "team:", 5) == 0) {
		step->kind = REP_STEP_TEAM_FIELD;
		return read_owner_step(ld, entity, step, text + 5);
	}
	if (strncmp(text, "staff:", 6) == 0) {
		step->kind = REP_STEP_STAFF_FIELD;
		return read_owner_step(ld, entity, step, text + 6);
	}
	step->kind = REP_STEP_REFERENCE;
	enum rep_code rc = rep_loader_field(ld, &step->field, entity, text, "partition");

	if (!rc && (step->field->of != REP_TYPE_REFERENCE || step->field->type == REP_TYPE_MAP))
		rc = rep_loader_bad(ld, "partition-unreachable", "\"%s\" is no reference", text);
	return rc;
}

/* Does this step always give a partition? */
static bool never_empty(const struct rep_step *step)
{
	switch (step->kind) {
	case REP_STEP_ID:
	case REP_STEP_DESK:
	case REP_STEP_TEAM: /* an author without a territory has none: refused when he tries */
		return true;
	case REP_STEP_REFERENCE:
	case REP_STEP_TEAM_FIELD:
		return step->field->required;
	case REP_STEP_STAFF_FIELD:
		return !step->field || step->field->required;
	}
	return false;
}

static enum rep_code read_of(struct rep_loader *ld, struct rep_entity *entity,
			     const struct rep_json *value)
{
	const char **texts = NULL;
	size_t len = 0;
	enum rep_code rc = rep_loader_names(ld, &texts, &len, rep_json_get(value, "of"), "of");

	if (!rc)
		rc = rep_loader_array(ld, &entity->steps, len, sizeof *entity->steps);
	for (size_t i = 0; !rc && i < len; i++) {
		rc = read_step(ld, entity, &entity->steps[i], texts[i]);
		entity->steps_len = i + 1;
	}
	if (!rc && (!len || !never_empty(&entity->steps[len - 1])))
		rc = rep_loader_bad(ld, "partition-unreachable",
				    "the last step may be empty: end in a required reference, id, "
				    "team or desk");
	return rc;
}

enum rep_code rep_resolve_partition(struct rep_loader *ld, struct rep_entity *entity,
				    const struct rep_json *value)
{
	static const struct rep_key_rule rules[] = {
		{"is", REP_KIND_STRING, false, NULL, 0},
		{"of", REP_KIND_ARRAY, false, NULL, 0},
		{"moves", REP_KIND_BOOL, false, NULL, 0},
	};

	if (!value) { /* the engine's own entities */
		entity->partition = entity->builtin == REP_BUILTIN_REVIEW ? REP_PARTITION_DESK
									  : REP_PARTITION_COMPANY;
		return REP_OK;
	}
	ld->field = "partition";
	enum rep_code rc = rep_loader_walk(ld, value, rules, sizeof rules / sizeof *rules, 0, NULL);
	bool is = rep_json_get(value, "is");
	bool of = rep_json_get(value, "of");

	if (!rc && is == of)
		rc = rep_loader_bad(ld, is ? "unknown-key" : "missing-key",
				    "either \"is\" or \"of\"");
	if (!rc && is && rep_json_get(value, "moves"))
		rc = rep_loader_bad(ld, "unknown-key", "\"moves\" goes with \"of\"");
	if (!rc)
		rc = is ? read_is(ld, entity, rep_json_get_string(value, "is"))
			: read_of(ld, entity, value);
	entity->moves = rep_json_get_bool(value, "moves");
	ld->field = rc ? ld->field : NULL;
	return rc;
}

/* Does an edge lead from entity `from` to `to`? */
typedef bool edge_fn(const struct rep_entity *from, const struct rep_entity *to);

static bool follows(const struct rep_entity *from, const struct rep_entity *to)
{
	for (size_t i = 0; i < from->steps_len; i++)
		if (from->steps[i].kind == REP_STEP_REFERENCE && from->steps[i].field->target == to)
			return true;
	return false;
}

static bool requires(const struct rep_entity *from, const struct rep_entity *to)
{
	for (size_t i = 0; i < from->fields_len; i++) {
		const struct rep_field *field = &from->fields[i];

		if (field->type == REP_TYPE_REFERENCE && field->required && !field->preset &&
		    field->target == to)
			return true;
	}
	return false;
}

/*
 * Takes away, again and again, every entity from which no edge leads to one that is left; what then
 * remains lies on a circle or leads to one. At most 200 entities: 200 rounds of 40,000 looks at the
 * worst, and in fact a handful.
 */
static enum rep_code check_circle(struct rep_loader *ld, edge_fn *edge, const char *code)
{
	struct rep_entity *entities = ld->schema->entities;
	size_t len = ld->schema->entities_len;
	bool *gone = rep_arena_get(ld->arena, len, sizeof *gone);
	bool changed = true;

	if (!gone)
		return rep_loader_no_memory(ld);
	while (changed) {
		changed = false;
		for (size_t i = 0; i < len; i++) {
			bool leads = gone[i];

			for (size_t k = 0; k < len && !leads; k++)
				leads = !gone[k] && edge(&entities[i], &entities[k]);
			if (!leads)
				gone[i] = changed = true;
		}
	}
	for (size_t i = 0; i < len; i++) {
		if (gone[i])
			continue;
		ld->entity = entities[i].name;
		return rep_loader_bad(ld, code, "it leads back to itself");
	}
	return REP_OK;
}

enum rep_code rep_resolve_cycles(struct rep_loader *ld)
{
	ld->field = NULL;
	enum rep_code rc = check_circle(ld, follows, "partition-cycle");

	return rc ? rc : check_circle(ld, requires, "reference-cycle");
}
