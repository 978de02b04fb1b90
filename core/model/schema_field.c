/* One field of an entity file: its keys, driven by a table. Names are resolved in schema_resolve.c. */
#include <string.h>

#include "core/model/schema_load.h"
#include "core/model/value.h"

#define BIT(type) (1u << (type))
#define SINGLE                                                                                     \
	(BIT(REP_TYPE_TEXT) | BIT(REP_TYPE_INTEGER) | BIT(REP_TYPE_BOOLEAN) | BIT(REP_TYPE_DATE) | \
	 BIT(REP_TYPE_DATETIME) | BIT(REP_TYPE_DECIMAL) | BIT(REP_TYPE_ENUM) |                     \
	 BIT(REP_TYPE_REFERENCE))

static const char *const rule_names[] = {
	"latest",  "earliest", "max",  "min",   "business-date", "sum",  "set",   "map",
	"append",  "fill",     "role", "owner", "source",        "text", "state", "immutable",
	"central", "review",   NULL};

const char *rep_rule_name(enum rep_rule rule)
{
	return rule_names[rule];
}

static enum rep_code read_label(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_label(ld, &((struct rep_field *)target)->label, value);
}

static enum rep_code read_required(struct rep_loader *ld, void *target,
				   const struct rep_json *value)
{
	(void)ld;
	((struct rep_field *)target)->required = rep_json_bool_value(value);
	return REP_OK;
}

static enum rep_code read_default(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	if (rep_json_is(value, REP_JSON_NULL))
		return REP_OK;
	struct rep_json *preset = rep_arena_json(ld->arena, rep_json_ref(value));

	((struct rep_field *)target)->preset = preset;
	return preset ? REP_OK : rep_loader_no_memory(ld);
}

static enum rep_code read_personal(struct rep_loader *ld, void *target,
				   const struct rep_json *value)
{
	int64_t personal = rep_json_integer_value(value);

	if (personal < 0 || personal > 2)
		return rep_loader_bad(ld, "bad-limit", "\"personal\" is 0, 1 or 2");
	((struct rep_field *)target)->personal = (int)personal;
	return REP_OK;
}

static enum rep_code read_visibility(struct rep_loader *ld, void *target,
				     const struct rep_json *value)
{
	const char *name = rep_json_string_value(value);
	bool known = strcmp(name, "open") == 0;

	for (size_t i = 0; i < ld->schema->visibility_len; i++)
		known = known || strcmp(ld->schema->visibility[i].name, name) == 0;
	if (!known)
		return rep_loader_bad(ld, "unknown-visibility", "\"%s\"", name);
	((struct rep_field *)target)->visibility = name;
	return REP_OK;
}

static enum rep_code read_insert(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_terms(ld, &((struct rep_field *)target)->insert, value);
}

static enum rep_code read_write(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_terms(ld, &((struct rep_field *)target)->write, value);
}

static enum rep_code read_propose(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_terms(ld, &((struct rep_field *)target)->propose, value);
}

static enum rep_code read_lower(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	struct rep_field *field = target;

	field->has_lower = true;
	return rep_loader_terms(ld, &field->lower, value);
}

static enum rep_code read_desk(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	(void)ld;
	((struct rep_field *)target)->desk = rep_json_bool_value(value);
	return REP_OK;
}

static enum rep_code read_rule(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	struct rep_field *field = target;
	bool single = rep_json_is(value, REP_JSON_STRING);
	size_t count = single ? 1 : rep_json_size(value);
	/* One more: `central` alone gets its successor later. */
	enum rep_code rc = rep_loader_array(ld, &field->rules, count + 1, sizeof *field->rules);

	if (!rc && !count)
		rc = rep_loader_bad(ld, "rule-not-total", "\"rule\" is empty");
	for (size_t i = 0; !rc && i < count; i++) {
		const char *name = rep_json_string_value(single ? value : rep_json_at(value, i));
		int rule = name ? rep_word_index(rule_names, name) : -1;

		if (rule < 0)
			return rep_loader_bad(ld, "unknown-rule", "\"%s\"", name ? name : "?");
		field->rules[i] = (enum rep_rule)rule;
		field->rules_len = i + 1;
	}
	return rc;
}

static enum rep_code read_date_field(struct rep_loader *ld, void *target,
				     const struct rep_json *value)
{
	(void)ld;
	((struct rep_field *)target)->date_field = rep_json_string_value(value);
	return REP_OK;
}

static enum rep_code read_group(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	((struct rep_field *)target)->group = rep_json_string_value(value);
	return rep_loader_name(ld, rep_json_string_value(value), false);
}

static enum rep_code read_open_in(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	struct rep_field *field = target;

	return rep_loader_names(ld, &field->open_in, &field->open_in_len, value, "open_in");
}

static enum rep_code read_unique(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const char *const words[] = {"", "reject", "review", NULL};
	int word;
	enum rep_code rc = rep_loader_word(ld, &word, words, value, "unique");

	((struct rep_field *)target)->unique = rc ? REP_UNIQUE_NO : (enum rep_unique)word;
	return rc;
}

static enum rep_code read_computed(struct rep_loader *ld, void *target,
				   const struct rep_json *value)
{
	return rep_loader_expand(ld, &((struct rep_field *)target)->computed,
				 rep_json_string_value(value));
}

static enum rep_code read_reason(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	(void)ld;
	((struct rep_field *)target)->reason = rep_json_bool_value(value);
	return REP_OK;
}

static const struct rep_key_rule common_rules[] = {
	{"name", REP_KIND_STRING, true, NULL, 0},
	{"type", REP_KIND_STRING, true, NULL, 0},
	{"label", REP_KIND_ANY, true, read_label, 0},
	{"required", REP_KIND_BOOL, false, read_required, 0},
	{"default", REP_KIND_ANY, false, read_default, 0},
	{"personal", REP_KIND_INTEGER, false, read_personal, 0},
	{"visibility", REP_KIND_STRING, false, read_visibility, 0},
	{"insert", REP_KIND_ARRAY, false, read_insert, 0},
	{"write", REP_KIND_ARRAY, false, read_write, 0},
	{"propose", REP_KIND_ARRAY, false, read_propose, 0},
	{"lower", REP_KIND_ARRAY, false, read_lower, 0},
	{"desk", REP_KIND_BOOL, false, read_desk, 0},
	{"rule", REP_KIND_STRING | REP_KIND_ARRAY, false, read_rule, 0},
	{"date_field", REP_KIND_STRING, false, read_date_field, 0},
	{"group", REP_KIND_STRING, false, read_group, 0},
	{"open_in", REP_KIND_ARRAY, false, read_open_in, 0},
	{"unique", REP_KIND_STRING, false, read_unique, SINGLE},
	{"computed", REP_KIND_STRING, false, read_computed, 0},
	{"reason", REP_KIND_BOOL, false, read_reason, 0},
};

static enum rep_code load_field(struct rep_loader *ld, struct rep_field *field,
				const struct rep_json *object)
{
	field->visibility = "open";
	field->on_erase = "keep";
	field->name = rep_json_get_string(object, "name");
	ld->field = field->name;
	if (!rep_json_is(object, REP_JSON_OBJECT))
		return rep_loader_bad(ld, "json", "a field must be an object");
	if (!field->name)
		return rep_loader_bad(ld, "missing-key", "\"name\"");
	enum rep_code rc = rep_loader_name(ld, field->name, true);

	if (!rc)
		rc = rep_load_typed(ld, field, object, common_rules,
				    sizeof common_rules / sizeof *common_rules);
	if (!rc && field->unique && field->type != field->of)
		rc = rep_loader_bad(ld, "key-not-for-type", "\"unique\"");
	if (!rc)
		rc = rep_loader_forbidden(ld, field->name, &field->label);
	return rc;
}

/* `status`: of every entity, last, made by the engine. `max` over this order is: the gravest wins. */
static enum rep_code add_status(struct rep_loader *ld, struct rep_entity *entity)
{
	static struct rep_enum_value values[] = {
		{"inactive", {"停用", "Inactive"}, NULL, 0},
		{"active", {"有效", "Active"}, NULL, 0},
		{"archived", {"归档", "Archived"}, NULL, 0},
		{"erased", {"已删除", "Erased"}, NULL, 0},
	};
	static enum rep_rule rules[] = {REP_RULE_MAX};
	struct rep_field *field = &entity->fields[entity->fields_len];

	*field = (struct rep_field){
		.name = "status",
		.label = {"记录状态", "Record status"},
		.type = REP_TYPE_ENUM,
		.of = REP_TYPE_ENUM,
		.values = values,
		.values_len = sizeof values / sizeof *values,
		.visibility = "open",
		.on_erase = "keep",
		.rules = rules,
		.rules_len = 1,
		.insert = entity->insert,
		.write = entity->write,
		.propose = entity->propose,
		.lower = entity->write,
		.engine = true,
		.index = entity->fields_len,
	};
	field->preset = rep_arena_json(ld->arena, rep_json_string("active"));
	entity->fields_len++;
	return field->preset ? REP_OK : rep_loader_no_memory(ld);
}

enum rep_code rep_load_fields(struct rep_loader *ld, struct rep_entity *entity,
			      const struct rep_json *array)
{
	size_t count = rep_json_size(array);
	enum rep_code rc = REP_OK;

	if (count > REP_FIELDS_MAX)
		return rep_loader_bad(ld, "too-many", "%zu fields, at most %u", count,
				      REP_FIELDS_MAX);
	if (!count)
		return rep_loader_bad(ld, "missing-key", "\"fields\" is empty");
	rc = rep_loader_array(ld, &entity->fields, count + 1, sizeof *entity->fields);
	for (size_t i = 0; !rc && i < count; i++) {
		struct rep_field *field = &entity->fields[i];

		field->insert = entity->insert;
		field->write = entity->write;
		field->propose = entity->propose;
		field->index = i;
		rc = load_field(ld, field, rep_json_at(array, i));
		if (!rc && rep_entity_field(entity, field->name))
			rc = rep_loader_bad(ld, "duplicate-name", "\"%s\"", field->name);
		if (!field->has_lower)
			field->lower = field->write;
		entity->fields_len = i + 1;
	}
	ld->field = rc ? ld->field : NULL;
	return rc ? rc : add_status(ld, entity);
}
