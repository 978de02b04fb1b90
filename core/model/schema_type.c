/*
 * The type of a field and the keys that only some types have; the same for fields and for the fields of
 * a list's entries.
 */
#include <string.h>

#include "core/model/normalise.h"
#include "core/model/schema_load.h"
#include "core/model/value.h"

#define TEXT_MAX_DEFAULT 1000
#define SCALE_MAX 9
#define COMMON_MAX 32

#define BIT(type) (1u << (type))
#define LIMITED                                                            \
	(BIT(REP_TYPE_TEXT) | BIT(REP_TYPE_INTEGER) | BIT(REP_TYPE_DATE) | \
	 BIT(REP_TYPE_DATETIME) | BIT(REP_TYPE_JSON))

static enum rep_code load_entry_fields(struct rep_loader *ld, struct rep_field *list,
				       const struct rep_json *array);

static const char *const type_names[] = {"text",      "integer", "boolean", "date", "datetime",
					 "decimal",   "enum",    "set",     "list", "map",
					 "reference", "json",    NULL};
const char *rep_type_name(enum rep_type type)
{
	return type_names[type];
}

static enum rep_code read_normalise(struct rep_loader *ld, void *target,
				    const struct rep_json *value)
{
	for (size_t i = 0; i < rep_json_size(value); i++) {
		const char *name = rep_json_string_value(rep_json_at(value, i));
		unsigned bit = name ? rep_normaliser_bit(name) : 0;

		if (!bit)
			return rep_loader_bad(ld, "json", "there is no normaliser \"%s\"",
					      name ? name : "?");
		((struct rep_field *)target)->normalise |= bit;
	}
	return REP_OK;
}

static enum rep_code read_limit(struct rep_loader *ld, struct rep_field *field,
				const struct rep_json *value, bool upper)
{
	bool dated = field->type == REP_TYPE_DATE || field->type == REP_TYPE_DATETIME;
	struct rep_field plain = {.name = upper ? "max" : "min", .type = field->type};
	struct rep_error why;

	if (dated != rep_json_is(value, REP_JSON_STRING))
		return rep_loader_bad(ld, "bad-limit", "\"%s\" is of the wrong type", plain.name);
	if (dated) {
		enum rep_code rc = rep_value_check(&plain, value, &why);

		if (rc)
			return rep_loader_judge(ld, rc, "bad-limit", "", &why);
		*(upper ? &field->max_text : &field->min_text) = rep_json_string_value(value);
		return REP_OK;
	}
	*(upper ? &field->has_max : &field->has_min) = true;
	*(upper ? &field->max : &field->min) = rep_json_integer_value(value);
	return REP_OK;
}

static enum rep_code read_min(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	if (((struct rep_field *)target)->type == REP_TYPE_JSON)
		return rep_loader_bad(ld, "key-not-for-type", "\"min\"");
	return read_limit(ld, target, value, false);
}

static enum rep_code read_max(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return read_limit(ld, target, value, true);
}

static enum rep_code compile(struct rep_loader *ld, void **out, const char *source)
{
	struct rep_pattern *pattern;
	struct rep_error why;

	enum rep_code rc = rep_pattern_new(&pattern, source, true, &why);

	if (rc)
		return rep_loader_judge(ld, rc, "bad-pattern", "", &why);
	*out = rep_arena_pattern(ld->arena, pattern);
	return *out ? REP_OK : rep_loader_no_memory(ld);
}

static enum rep_code read_pattern(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	struct rep_field *field = target;

	field->pattern = rep_json_string_value(value);
	return compile(ld, &field->pattern_compiled, field->pattern);
}

static enum rep_code read_keys_pattern(struct rep_loader *ld, void *target,
				       const struct rep_json *value)
{
	struct rep_field *field = target;

	field->keys_pattern = rep_json_string_value(value);
	return compile(ld, &field->keys_pattern_compiled, field->keys_pattern);
}

static enum rep_code read_format(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const char *const words[] = {"",      "cn-mobile", "cn-id",     "cn-uscc",
					    "email", "sha256",    "cn-region", NULL};
	int word;
	enum rep_code rc = rep_loader_word(ld, &word, words, value, "format");

	((struct rep_field *)target)->format = rc ? REP_FORMAT_NONE : (enum rep_text_check)word;
	return rc;
}

static enum rep_code read_unit(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	const char *unit = rep_json_string_value(value);

	if (strcmp(unit, "fen") != 0)
		return rep_loader_bad(ld, "json", "the only \"unit\" is fen");
	((struct rep_field *)target)->unit = unit;
	return REP_OK;
}

static enum rep_code read_scale(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	int64_t scale = rep_json_integer_value(value);

	if (scale < 0 || scale > SCALE_MAX)
		return rep_loader_bad(ld, "bad-limit", "\"scale\" is 0 to %d", SCALE_MAX);
	((struct rep_field *)target)->scale = (unsigned)scale;
	return REP_OK;
}

static enum rep_code read_values(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_load_enum_values(ld, target, value);
}

static enum rep_code read_to(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	(void)ld;
	((struct rep_field *)target)->to = rep_json_string_value(value);
	return REP_OK;
}

static enum rep_code read_on_delete(struct rep_loader *ld, void *target,
				    const struct rep_json *value)
{
	static const char *const words[] = {"restrict", "cascade", "clear", NULL};
	int word;
	enum rep_code rc = rep_loader_word(ld, &word, words, value, "on_delete");

	((struct rep_field *)target)->on_delete =
		rc ? REP_REF_RESTRICT : (enum rep_reference_action)word;
	return rc;
}

static enum rep_code read_on_erase(struct rep_loader *ld, void *target,
				   const struct rep_json *value)
{
	static const char *const words[] = {"keep", "clear", "erase", NULL};
	int word;

	((struct rep_field *)target)->on_erase = rep_json_string_value(value);
	return rep_loader_word(ld, &word, words, value, "on_erase");
}

static enum rep_code read_shared(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const char *const words[] = {"", "read", "propose", "write", NULL};
	int word;
	enum rep_code rc = rep_loader_word(ld, &word, words, value, "shared");

	((struct rep_field *)target)->shared = rc ? REP_SHARED_NO : (enum rep_shared)word;
	return rc;
}

static enum rep_code read_carry(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	struct rep_field *field = target;

	return rep_loader_names(ld, &field->carry, &field->carry_len, value, "carry");
}

static enum rep_code read_entry_fields(struct rep_loader *ld, void *target,
				       const struct rep_json *value)
{
	return load_entry_fields(ld, target, value);
}

static const struct rep_key_rule type_rules[] = {
	{"normalise", REP_KIND_ARRAY, false, read_normalise, BIT(REP_TYPE_TEXT)},
	{"min", REP_KIND_INTEGER | REP_KIND_STRING, false, read_min, LIMITED},
	{"max", REP_KIND_INTEGER | REP_KIND_STRING, false, read_max, LIMITED},
	{"pattern", REP_KIND_STRING, false, read_pattern, BIT(REP_TYPE_TEXT)},
	{"format", REP_KIND_STRING, false, read_format, BIT(REP_TYPE_TEXT)},
	{"unit", REP_KIND_STRING, false, read_unit, BIT(REP_TYPE_INTEGER)},
	{"scale", REP_KIND_INTEGER, false, read_scale, BIT(REP_TYPE_DECIMAL)},
	{"values", REP_KIND_ARRAY, false, read_values, BIT(REP_TYPE_ENUM)},
	{"of", REP_KIND_STRING, false, NULL, BIT(REP_TYPE_SET) | BIT(REP_TYPE_MAP)},
	{"keys_pattern", REP_KIND_STRING, false, read_keys_pattern, BIT(REP_TYPE_MAP)},
	{"fields", REP_KIND_ARRAY, false, read_entry_fields, BIT(REP_TYPE_LIST)},
	{"to", REP_KIND_STRING, false, read_to, BIT(REP_TYPE_REFERENCE)},
	{"on_delete", REP_KIND_STRING, false, read_on_delete, BIT(REP_TYPE_REFERENCE)},
	{"on_erase", REP_KIND_STRING, false, read_on_erase, BIT(REP_TYPE_REFERENCE)},
	{"shared", REP_KIND_STRING, false, read_shared, BIT(REP_TYPE_REFERENCE)},
	{"carry", REP_KIND_ARRAY, false, read_carry, BIT(REP_TYPE_REFERENCE)},
};

/* Reads `type` and `of`, which decide what the other keys may be. */
static enum rep_code read_type(struct rep_loader *ld, struct rep_field *field,
			       const struct rep_json *object)
{
	const char *type = rep_json_get_string(object, "type");
	const char *of = rep_json_get_string(object, "of");
	int index = type ? rep_word_index(type_names, type) : -1;

	if (!rep_json_get(object, "type"))
		return rep_loader_bad(ld, "missing-key", "\"type\"");
	if (index < 0)
		return rep_loader_bad(ld, "unknown-type", "\"%s\"", type ? type : "?");
	field->type = field->of = (enum rep_type)index;
	if (field->type != REP_TYPE_SET && field->type != REP_TYPE_MAP)
		return REP_OK;
	if (!of)
		return rep_loader_bad(ld, "missing-key", "\"of\"");
	index = rep_word_index(type_names, of);
	field->of = index < 0 ? REP_TYPE_JSON : (enum rep_type)index;
	bool fits =
		field->of == REP_TYPE_TEXT || field->of == REP_TYPE_ENUM ||
		field->of == (field->type == REP_TYPE_SET ? REP_TYPE_REFERENCE : REP_TYPE_INTEGER);

	if (!fits)
		return rep_loader_bad(ld, "unknown-type", "a %s of \"%s\"", type, of);
	return REP_OK;
}

/* missing-key and bad-limit: what the walk over single keys cannot see. */
static enum rep_code finish_type(struct rep_loader *ld, struct rep_field *field)
{
	int64_t above = field->of == REP_TYPE_INTEGER ? REP_INT_MAX : (int64_t)REP_TEXT_SIZE_MAX;

	if (field->of == REP_TYPE_ENUM && !field->values_len)
		return rep_loader_bad(ld, field->values ? "enum-empty" : "missing-key",
				      "\"values\"");
	if (field->of == REP_TYPE_REFERENCE && !field->to)
		return rep_loader_bad(ld, "missing-key", "\"to\"");
	if (field->type == REP_TYPE_LIST && !field->fields_len)
		return rep_loader_bad(ld, "missing-key", "\"fields\"");
	if (field->of == REP_TYPE_TEXT && !field->has_max) {
		field->has_max = true;
		field->max = field->has_min && field->min > TEXT_MAX_DEFAULT ? field->min
									     : TEXT_MAX_DEFAULT;
	}
	if (field->type == REP_TYPE_JSON && !field->has_max) {
		field->has_max = true;
		field->max = ld->engine ? (int64_t)REP_LINE_SIZE_MAX : (int64_t)REP_TEXT_SIZE_MAX;
		return REP_OK;
	}
	if ((field->has_max && field->max > above) || (field->has_min && field->min < -above) ||
	    (field->has_min && field->of == REP_TYPE_TEXT && field->min < 0))
		return rep_loader_bad(ld, "bad-limit", "beyond the engine's own limit %lld",
				      (long long)above);
	if (field->has_min && field->has_max && field->min > field->max)
		return rep_loader_bad(ld, "bad-limit", "min %lld is above max %lld",
				      (long long)field->min, (long long)field->max);
	if (field->type == REP_TYPE_JSON && field->max < 1)
		return rep_loader_bad(ld, "bad-limit", "max is below 1");
	if (field->min_text && field->max_text && strcmp(field->min_text, field->max_text) > 0)
		return rep_loader_bad(ld, "bad-limit", "min %s is after max %s", field->min_text,
				      field->max_text);
	return REP_OK;
}

enum rep_code rep_load_typed(struct rep_loader *ld, struct rep_field *field,
			     const struct rep_json *object, const struct rep_key_rule *common,
			     size_t common_len)
{
	struct rep_key_rule rules[COMMON_MAX + sizeof type_rules / sizeof *type_rules];
	enum rep_code rc = read_type(ld, field, object);

	if (rc)
		return rc;
	memcpy(rules, common, common_len * sizeof *rules);
	memcpy(rules + common_len, type_rules, sizeof type_rules);
	rc = rep_loader_walk(ld, object, rules, common_len + sizeof type_rules / sizeof *type_rules,
			     BIT(field->type) | BIT(field->of), field);
	return rc ? rc : finish_type(ld, field);
}

static enum rep_code entry_label(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_label(ld, &((struct rep_field *)target)->label, value);
}

static enum rep_code entry_required(struct rep_loader *ld, void *target,
				    const struct rep_json *value)
{
	(void)ld;
	((struct rep_field *)target)->required = rep_json_bool_value(value);
	return REP_OK;
}

/* A field of an entry: name, type, label and the type's own keys, nothing about rights or rules. */
static enum rep_code load_entry_field(struct rep_loader *ld, struct rep_field *field,
				      const struct rep_json *object)
{
	static const char *const made_by_engine[] = {"entry",  "by",      "at",
						     "amends", "redacts", NULL};
	static const struct rep_key_rule rules[] = {
		{"name", REP_KIND_STRING, true, NULL, 0},
		{"type", REP_KIND_STRING, true, NULL, 0},
		{"label", REP_KIND_ANY, false, entry_label, 0},
		{"required", REP_KIND_BOOL, false, entry_required, 0},
	};

	field->visibility = "open";
	field->on_erase = "keep";
	field->name = rep_json_get_string(object, "name");
	if (!field->name)
		return rep_loader_bad(ld, "missing-key", "\"name\" of an entry's field");
	enum rep_code rc = rep_loader_name(ld, field->name, true);

	if (!rc && rep_word_index(made_by_engine, field->name) >= 0)
		rc = rep_loader_bad(ld, "bad-name", "\"%s\" is reserved", field->name);
	if (!rc)
		rc = rep_load_typed(ld, field, object, rules, sizeof rules / sizeof *rules);
	if (!rc && (field->type == REP_TYPE_SET || field->type == REP_TYPE_MAP ||
		    field->type == REP_TYPE_LIST || field->type == REP_TYPE_DECIMAL ||
		    field->type == REP_TYPE_JSON))
		rc = rep_loader_bad(ld, "unknown-type", "a %s in a list",
				    rep_type_name(field->type));
	return rc ? rc : rep_loader_forbidden(ld, field->name, &field->label);
}

static enum rep_code load_entry_fields(struct rep_loader *ld, struct rep_field *list,
				       const struct rep_json *array)
{
	size_t count = rep_json_size(array);
	enum rep_code rc = rep_loader_array(ld, &list->fields, count, sizeof *list->fields);

	if (!rc && count > REP_FIELDS_MAX)
		rc = rep_loader_bad(ld, "too-many", "%zu fields of an entry", count);
	for (size_t i = 0; !rc && i < count; i++) {
		list->fields[i].index = i;
		rc = load_entry_field(ld, &list->fields[i], rep_json_at(array, i));
		for (size_t k = 0; !rc && k < i; k++)
			if (strcmp(list->fields[k].name, list->fields[i].name) == 0)
				rc = rep_loader_bad(ld, "duplicate-name", "\"%s\"",
						    list->fields[i].name);
	}
	list->fields_len = rc ? 0 : count;
	return rc;
}
