/* The second pass over an entity: names of fields, engine fields, id, partition. */
#include <string.h>

#include "core/model/schema_load.h"

static enum rep_code check_field_list(struct rep_loader *ld, const struct rep_entity *entity,
				      const char *const *names, size_t len, const char *key)
{
	const struct rep_field *field;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; !rc && i < len; i++)
		rc = rep_loader_field(ld, &field, entity, names[i], key);
	return rc;
}

/* The fields of a derived id: there from the start, of one value each, and never changed. */
static enum rep_code resolve_id(struct rep_loader *ld, struct rep_entity *entity)
{
	enum rep_code rc = check_field_list(ld, entity, entity->id_from, entity->id_from_len, "id");

	for (size_t i = 0; !rc && i < entity->id_from_len; i++) {
		const struct rep_field *named = rep_entity_field(entity, entity->id_from[i]);
		struct rep_field *field = &entity->fields[named->index];

		ld->field = field->name;
		if (!field->required)
			return rep_loader_bad(ld, "id-fields", "it is not required");
		if (!rep_field_is_scalar(field) || field->type == REP_TYPE_JSON)
			return rep_loader_bad(ld, "id-fields", "it is a %s",
					      rep_type_name(field->type));
		if (field->rules_len && field->rules[0] != REP_RULE_IMMUTABLE)
			return rep_loader_bad(ld, "id-fields", "its rule is %s, not immutable",
					      rep_rule_name(field->rules[0]));
		rc = rep_loader_array(ld, &field->rules, 1, sizeof *field->rules);
		if (rc)
			return rc;
		field->rules[0] = REP_RULE_IMMUTABLE;
		field->rules_len = 1;
	}
	ld->field = NULL;
	return rc;
}

/* What the engine needs to find in its own entities. */
struct engine_field {
	enum rep_builtin builtin;
	const char *name;
	enum rep_type type;
	const char *value_a, *value_b; /* an enum's, in any order */
};

static const struct engine_field engine_fields[] = {
	{REP_BUILTIN_REP, "name", REP_TYPE_TEXT, NULL, NULL},
	{REP_BUILTIN_TERRITORY, "name", REP_TYPE_TEXT, NULL, NULL},
	{REP_BUILTIN_TERRITORY, "parent", REP_TYPE_REFERENCE, NULL, NULL},
	{REP_BUILTIN_ASSIGNMENT, "subject_entity", REP_TYPE_TEXT, NULL, NULL},
	{REP_BUILTIN_ASSIGNMENT, "subject", REP_TYPE_TEXT, NULL, NULL},
	{REP_BUILTIN_ASSIGNMENT, "territory", REP_TYPE_REFERENCE, NULL, NULL},
	{REP_BUILTIN_ASSIGNMENT, "line", REP_TYPE_TEXT, NULL, NULL},
	{REP_BUILTIN_ASSIGNMENT, "kind", REP_TYPE_ENUM, "primary", "assist"},
	{REP_BUILTIN_ASSIGNMENT, "valid_from", REP_TYPE_DATETIME, NULL, NULL},
	{REP_BUILTIN_ASSIGNMENT, "valid_to", REP_TYPE_DATETIME, NULL, NULL},
};

static enum rep_code check_engine_field(struct rep_loader *ld, const struct rep_entity *entity,
					const struct engine_field *wanted)
{
	const struct rep_field *field = rep_entity_field(entity, wanted->name);

	ld->field = wanted->name;
	if (!field)
		return rep_loader_bad(ld, "builtin-field", "the engine needs this field");
	if (field->type != wanted->type)
		return rep_loader_bad(ld, "builtin-field", "it must be of type %s",
				      rep_type_name(wanted->type));
	if (wanted->value_a && (rep_field_rank(field, wanted->value_a) < 0 ||
				rep_field_rank(field, wanted->value_b) < 0))
		return rep_loader_bad(ld, "builtin-field", "its values must include %s and %s",
				      wanted->value_a, wanted->value_b);
	if (wanted->type == REP_TYPE_REFERENCE &&
	    (!field->target || field->target->builtin != REP_BUILTIN_TERRITORY))
		return rep_loader_bad(ld, "builtin-field", "it must refer to the territories");
	ld->field = NULL;
	return REP_OK;
}

static enum rep_code check_builtin(struct rep_loader *ld, const struct rep_entity *entity)
{
	enum rep_code rc = REP_OK;

	if (entity->builtin == REP_BUILTIN_NONE || entity->builtin >= REP_BUILTIN_DEVICE)
		return REP_OK;
	if (rep_schema_builtin(ld->schema, entity->builtin) != entity)
		return rep_loader_bad(ld, "duplicate-name",
				      "another entity is this builtin already");
	for (size_t i = 0; !rc && i < sizeof engine_fields / sizeof *engine_fields; i++)
		if (engine_fields[i].builtin == entity->builtin)
			rc = check_engine_field(ld, entity, &engine_fields[i]);
	return rc;
}

enum rep_code rep_resolve_entity(struct rep_loader *ld, struct rep_entity *entity,
				 const struct rep_json *doc)
{
	const struct rep_field *field;
	enum rep_code rc = resolve_id(ld, entity);

	ld->entity = entity->name;
	if (!rc)
		rc = rep_resolve_rules(ld, entity);
	if (!rc)
		rc = rep_resolve_machines(ld, entity);
	if (!rc)
		rc = rep_resolve_fields(ld, entity);
	if (rc)
		return rc;
	ld->field = NULL;
	rc = check_field_list(ld, entity, entity->external_key, entity->external_key_len,
			      "external_key");
	if (!rc)
		rc = check_field_list(ld, entity, entity->residue, entity->residue_len, "residue");
	if (!rc && entity->title)
		rc = rep_loader_field(ld, &field, entity, entity->title, "title");
	if (!rc)
		rc = check_builtin(ld, entity);
	if (!rc)
		rc = rep_resolve_partition(ld, entity, rep_json_get(doc, "partition"));
	return rc;
}
