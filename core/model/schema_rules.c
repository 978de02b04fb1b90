/* What the keys of a field must satisfy together: rules, groups, defaults, references. */
#include <string.h>

#include "core/model/schema_load.h"
#include "core/model/value.h"

#define BIT(x) (1u << (x))
#define ANY_TYPE (~0u)

/* Rule x type; `state` is looked at by itself. */
static unsigned types_of(enum rep_rule rule)
{
	switch (rule) {
	case REP_RULE_MAX:
	case REP_RULE_MIN:
		return BIT(REP_TYPE_INTEGER) | BIT(REP_TYPE_BOOLEAN) | BIT(REP_TYPE_DATE) |
		       BIT(REP_TYPE_DATETIME) | BIT(REP_TYPE_ENUM);
	case REP_RULE_SUM:
		return BIT(REP_TYPE_INTEGER);
	case REP_RULE_SET:
		return BIT(REP_TYPE_SET);
	case REP_RULE_MAP:
		return BIT(REP_TYPE_MAP);
	case REP_RULE_APPEND:
		return BIT(REP_TYPE_LIST);
	case REP_RULE_TEXT:
		return BIT(REP_TYPE_TEXT);
	case REP_RULE_STATE:
		return BIT(REP_TYPE_ENUM);
	case REP_RULE_LATEST:
	case REP_RULE_EARLIEST:
	case REP_RULE_BUSINESS_DATE:
	case REP_RULE_FILL:
	case REP_RULE_ROLE:
	case REP_RULE_OWNER:
	case REP_RULE_SOURCE:
	case REP_RULE_IMMUTABLE:
	case REP_RULE_CENTRAL:
	case REP_RULE_REVIEW:
		return ANY_TYPE;
	}
	return 0;
}

/* Total rules decide between any two values; the others pass on what they cannot. */
static bool is_total(enum rep_rule rule)
{
	switch (rule) {
	case REP_RULE_LATEST:
	case REP_RULE_EARLIEST:
	case REP_RULE_MAX:
	case REP_RULE_MIN:
	case REP_RULE_SUM:
	case REP_RULE_SET:
	case REP_RULE_MAP:
	case REP_RULE_APPEND:
	case REP_RULE_STATE:
	case REP_RULE_IMMUTABLE:
	case REP_RULE_REVIEW:
		return true;
	case REP_RULE_BUSINESS_DATE:
	case REP_RULE_FILL:
	case REP_RULE_ROLE:
	case REP_RULE_OWNER:
	case REP_RULE_SOURCE:
	case REP_RULE_TEXT:
	case REP_RULE_CENTRAL:
		return false;
	}
	return false;
}

static enum rep_rule default_rule(const struct rep_field *field)
{
	switch (field->type) {
	case REP_TYPE_SET:
		return REP_RULE_SET;
	case REP_TYPE_MAP:
		return REP_RULE_MAP;
	case REP_TYPE_LIST:
		return REP_RULE_APPEND;
	case REP_TYPE_TEXT:
	case REP_TYPE_INTEGER:
	case REP_TYPE_BOOLEAN:
	case REP_TYPE_DATE:
	case REP_TYPE_DATETIME:
	case REP_TYPE_DECIMAL:
	case REP_TYPE_ENUM:
	case REP_TYPE_REFERENCE:
	case REP_TYPE_JSON:
		return REP_RULE_LATEST;
	}
	return REP_RULE_LATEST;
}

/* `central` = no role that works on a laptop in its own accounts may write. */
static enum rep_code check_central(struct rep_loader *ld, const struct rep_field *field)
{
	for (size_t i = 0; i < field->write.len; i++) {
		const char *name = field->write.terms[i].role;
		const struct rep_role *role = rep_schema_role(ld->schema, name);

		if (strcmp(name, "*") == 0 || (role && role->scope == REP_SCOPE_HELD))
			return rep_loader_bad(ld, "rule-not-for-type",
					      "central, but \"%s\" in \"write\" has the scope held",
					      name);
	}
	return REP_OK;
}

static enum rep_code check_business_date(struct rep_loader *ld, const struct rep_entity *entity,
					 const struct rep_field *field)
{
	const struct rep_field *date;

	if (!rep_field_has_rule(field, REP_RULE_BUSINESS_DATE))
		return field->date_field ? rep_loader_bad(ld, "key-not-for-type",
							  "\"date_field\" without business-date")
					 : REP_OK;
	if (!field->date_field)
		return rep_loader_bad(ld, "rule-missing-partner",
				      "business-date without \"date_field\"");
	enum rep_code rc = rep_loader_field(ld, &date, entity, field->date_field, "date_field");

	if (!rc && date->type != REP_TYPE_DATE && date->type != REP_TYPE_DATETIME)
		rc = rep_loader_bad(ld, "rule-missing-partner", "\"%s\" is no date", date->name);
	return rc;
}

static enum rep_code check_state_rule(struct rep_loader *ld, const struct rep_entity *entity,
				      const struct rep_field *field)
{
	bool is_state = entity->state_field == field;

	if (rep_field_has_rule(field, REP_RULE_STATE) && !is_state)
		return rep_loader_bad(ld, "rule-not-for-type",
				      "state, but it is not the field of \"states\"");
	if (is_state && !rep_field_has_rule(field, REP_RULE_STATE))
		return rep_loader_bad(ld, "state-not-enum", "its rule is not state");
	return REP_OK;
}

static enum rep_code check_rules(struct rep_loader *ld, const struct rep_entity *entity,
				 struct rep_field *field)
{
	enum rep_code rc = check_state_rule(ld, entity, field);

	for (size_t i = 0; !rc && i < field->rules_len; i++) {
		if (!(types_of(field->rules[i]) & BIT(field->type)))
			rc = rep_loader_bad(ld, "rule-not-for-type", "%s of type %s",
					    rep_rule_name(field->rules[i]),
					    rep_type_name(field->type));
		else if (field->rules[i] == REP_RULE_CENTRAL)
			rc = check_central(ld, field);
	}
	if (!rc)
		rc = check_business_date(ld, entity, field);
	if (!rc && field->has_lower && !rep_field_has_rule(field, REP_RULE_MAX) &&
	    !rep_field_has_rule(field, REP_RULE_MIN))
		rc = rep_loader_bad(ld, "key-not-for-type", "\"lower\" without max or min");
	if (rc)
		return rc;
	/* Room for one more was left by the reader. */
	if (field->rules[field->rules_len - 1] == REP_RULE_CENTRAL)
		field->rules[field->rules_len++] = default_rule(field);
	if (!is_total(field->rules[field->rules_len - 1]))
		rc = rep_loader_bad(ld, "rule-not-total", "it ends in %s",
				    rep_rule_name(field->rules[field->rules_len - 1]));
	return rc;
}

static enum rep_code fill_rule(struct rep_loader *ld, struct rep_field *field)
{
	if (field->rules_len)
		return REP_OK;
	enum rep_code rc = rep_loader_array(ld, &field->rules, 1, sizeof *field->rules);

	if (rc)
		return rc;
	field->rules[0] = default_rule(field);
	field->rules_len = 1;
	return REP_OK;
}

enum rep_code rep_resolve_rules(struct rep_loader *ld, struct rep_entity *entity)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; !rc && i < entity->fields_len; i++) {
		struct rep_field *field = &entity->fields[i];

		ld->field = field->name;
		rc = fill_rule(ld, field);
		if (!rc && !field->engine)
			rc = check_rules(ld, entity, field);
	}
	ld->field = rc ? ld->field : NULL;
	return rc;
}

static bool same_terms(const struct rep_terms *a, const struct rep_terms *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->terms[i].role, b->terms[i].role) != 0 ||
		    a->terms[i].scope != b->terms[i].scope)
			return false;
	return true;
}

static bool same_rules(const struct rep_field *a, const struct rep_field *b)
{
	return a->rules_len == b->rules_len &&
	       memcmp(a->rules, b->rules, a->rules_len * sizeof *a->rules) == 0;
}

/* Fields of a group conflict as one, so all that decides a conflict must be the same. */
static enum rep_code check_group(struct rep_loader *ld, const struct rep_entity *entity,
				 const struct rep_field *field)
{
	if (!rep_field_is_scalar(field))
		return rep_loader_bad(ld, "group-mixed", "a %s cannot be in a group",
				      rep_type_name(field->type));
	for (size_t i = 0; i < field->index; i++) {
		const struct rep_field *other = &entity->fields[i];
		const char *what = NULL;

		if (!other->group || strcmp(other->group, field->group) != 0)
			continue;
		if (!same_rules(field, other))
			what = "rule";
		else if (strcmp(field->visibility, other->visibility) != 0)
			what = "visibility";
		else if (!same_terms(&field->insert, &other->insert) ||
			 !same_terms(&field->write, &other->write) ||
			 !same_terms(&field->propose, &other->propose) ||
			 !same_terms(&field->lower, &other->lower) || field->desk != other->desk)
			what = "permissions";
		if (what)
			return rep_loader_bad(ld, "group-mixed", "its %s is not that of \"%s\"",
					      what, other->name);
	}
	return REP_OK;
}

static enum rep_code check_default(struct rep_loader *ld, const struct rep_field *field)
{
	static const char *const macros[] = {"@today", "@now", "@rep", "@territory", NULL};
	const char *text = rep_json_string_value(field->preset);
	int macro = text ? rep_word_index(macros, text) : -1;
	bool fits = false;
	struct rep_error why;

	if (!field->preset)
		return REP_OK;
	if (macro < 0)
		return rep_loader_judge(ld, rep_value_check(field, field->preset, &why),
					"default-invalid", "", &why);
	if (macro == 0)
		fits = field->type == REP_TYPE_DATE;
	else if (macro == 1)
		fits = field->type == REP_TYPE_DATETIME;
	else
		fits = field->type == REP_TYPE_TEXT ||
		       (field->type == REP_TYPE_REFERENCE && field->target &&
			field->target->builtin ==
				(macro == 2 ? REP_BUILTIN_REP : REP_BUILTIN_TERRITORY));
	return fits ? REP_OK
		    : rep_loader_bad(ld, "default-invalid", "%s does not fit the type", text);
}

static bool only_hub(const struct rep_terms *terms)
{
	for (size_t i = 0; i < terms->len; i++)
		if (strcmp(terms->terms[i].role, "hub") != 0)
			return false;
	return true;
}

/*
 * A required field that those who may make a record may not set: no insert could ever be admitted.
 * The hub sets whatever it makes itself, so `hub` will do where the hub alone makes the records.
 */
static enum rep_code check_required(struct rep_loader *ld, const struct rep_entity *entity,
				    const struct rep_field *field)
{
	if (!field->required || field->preset)
		return REP_OK;
	if (field->computed)
		return rep_loader_bad(ld, "required-unreachable", "it is computed afterwards");
	if (!only_hub(&field->insert) || (only_hub(&entity->insert) && field->insert.len))
		return REP_OK;
	return rep_loader_bad(ld, "required-unreachable", "nobody may insert it");
}

static enum rep_code resolve_reference(struct rep_loader *ld, struct rep_field *field)
{
	if (field->of != REP_TYPE_REFERENCE)
		return REP_OK;
	field->target = rep_schema_entity(ld->schema, field->to);
	if (!field->target || field->target->builtin >= REP_BUILTIN_DEVICE)
		return rep_loader_bad(ld, "unknown-reference", "there is no entity \"%s\"",
				      field->to);
	for (size_t i = 0; i < field->carry_len; i++)
		if (!rep_schema_entity(ld->schema, field->carry[i]))
			return rep_loader_bad(ld, "unknown-reference", "there is no entity \"%s\"",
					      field->carry[i]);
	return REP_OK;
}

static enum rep_code check_open_in(struct rep_loader *ld, const struct rep_entity *entity,
				   const struct rep_field *field)
{
	if (!field->open_in_len)
		return REP_OK;
	if (!entity->state_field)
		return rep_loader_bad(ld, "unknown-field", "\"open_in\" without \"states\"");
	for (size_t i = 0; i < field->open_in_len; i++)
		if (rep_field_rank(entity->state_field, field->open_in[i]) < 0)
			return rep_loader_bad(ld, "unknown-field", "\"open_in\": no state \"%s\"",
					      field->open_in[i]);
	return REP_OK;
}

enum rep_code rep_resolve_fields(struct rep_loader *ld, struct rep_entity *entity)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; !rc && i < entity->fields_len; i++) {
		struct rep_field *field = &entity->fields[i];

		ld->field = field->name;
		rc = resolve_reference(ld, field);
		for (size_t k = 0; !rc && k < field->fields_len; k++)
			rc = resolve_reference(ld, &field->fields[k]);
		if (!rc)
			rc = check_default(ld, field);
		if (!rc)
			rc = check_required(ld, entity, field);
		if (!rc)
			rc = check_open_in(ld, entity, field);
		if (!rc && field->group)
			rc = check_group(ld, entity, field);
	}
	ld->field = rc ? ld->field : NULL;
	return rc;
}
