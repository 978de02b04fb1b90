/* Looking things up in a loaded schema. */
#include <string.h>

#include "core/model/pattern.h"
#include "core/model/schema.h"

const struct rep_entity *rep_schema_entity(const struct rep_schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->entities_len; i++)
		if (strcmp(schema->entities[i].name, name) == 0)
			return &schema->entities[i];
	return NULL;
}

const struct rep_entity *rep_schema_builtin(const struct rep_schema *schema,
					    enum rep_builtin builtin)
{
	for (size_t i = 0; i < schema->entities_len; i++)
		if (schema->entities[i].builtin == builtin)
			return &schema->entities[i];
	return NULL;
}

const struct rep_field *rep_entity_field(const struct rep_entity *entity, const char *name)
{
	for (size_t i = 0; i < entity->fields_len; i++)
		if (strcmp(entity->fields[i].name, name) == 0)
			return &entity->fields[i];
	return NULL;
}

bool rep_entity_lies_by(const struct rep_entity *entity, const char *name)
{
	for (size_t i = 0; i < entity->steps_len; i++)
		if (entity->steps[i].field && strcmp(entity->steps[i].field->name, name) == 0)
			return true;
	return false;
}

const struct rep_role *rep_schema_role(const struct rep_schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->roles_len; i++)
		if (strcmp(schema->roles[i].name, name) == 0)
			return &schema->roles[i];
	return NULL;
}

int rep_field_rank(const struct rep_field *field, const char *value)
{
	for (size_t i = 0; i < field->values_len; i++)
		if (strcmp(field->values[i].value, value) == 0)
			return (int)i;
	return -1;
}

bool rep_field_is_scalar(const struct rep_field *field)
{
	return field->type != REP_TYPE_SET && field->type != REP_TYPE_LIST &&
	       field->type != REP_TYPE_MAP;
}

bool rep_field_has_rule(const struct rep_field *field, enum rep_rule rule)
{
	for (size_t i = 0; i < field->rules_len; i++)
		if (field->rules[i] == rule)
			return true;
	return false;
}

const struct rep_machine *rep_entity_machine(const struct rep_entity *entity, const char *kind)
{
	for (size_t i = 0; i < entity->machines_len; i++) {
		const struct rep_machine *machine = &entity->machines[i];

		if (!machine->kind || (kind && strcmp(machine->kind, kind) == 0))
			return machine;
	}
	return NULL;
}

size_t rep_schema_source_rank(const struct rep_schema *schema, const char *source)
{
	size_t i = 0;

	while (i < schema->sources_len && (!source || strcmp(schema->sources[i], source) != 0))
		i++;
	return i;
}

const struct rep_label *rep_schema_forbids(const struct rep_schema *schema, const char *text)
{
	for (size_t i = 0; i < schema->forbids_len; i++)
		if (rep_pattern_matches(schema->forbids[i].pattern_compiled, text))
			return &schema->forbids[i].why;
	return NULL;
}

bool rep_entity_is_org(const struct rep_entity *entity)
{
	switch (entity->builtin) {
	case REP_BUILTIN_REP:
	case REP_BUILTIN_TERRITORY:
	case REP_BUILTIN_ASSIGNMENT:
	case REP_BUILTIN_DEVICE:
	case REP_BUILTIN_ROLE:
	case REP_BUILTIN_RELEASE:
		return true;
	case REP_BUILTIN_NONE:
	case REP_BUILTIN_REVIEW:
		break;
	}
	return false;
}

bool rep_entity_is_account(const struct rep_entity *entity)
{
	if (entity->partition == REP_PARTITION_SELF)
		return true;
	for (size_t i = 0; entity->partition == REP_PARTITION_OF && i < entity->steps_len; i++)
		if (entity->steps[i].kind == REP_STEP_ID)
			return true;
	return false;
}

bool rep_entity_has_twin(const struct rep_entity *entity, const char *visibility)
{
	if (strcmp(visibility, "open") == 0)
		return false;
	if (entity->builtin == REP_BUILTIN_REVIEW)
		return true;
	for (size_t i = 0; i < entity->fields_len; i++)
		if (strcmp(entity->fields[i].visibility, visibility) == 0)
			return true;
	return false;
}
