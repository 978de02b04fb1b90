#include "core/model/schema_follow.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/model/version_map.h"

struct following {
	const struct rep_schema *now, *next;
	struct rep_json *problems;
	struct rep_version_map map; /* of the entity at hand */
	const char *entity;
	bool failed;
};

bool rep_schema_problem(struct rep_json *problems, const char *entity, const char *field,
			const char *code, const char *fmt, ...)
{
	struct rep_json *problem = rep_json_object();
	char what[400], file[REP_NAME_LEN_MAX + 32] = "schema.json";
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (entity)
		snprintf(file, sizeof(file), "entities/%.40s.json", entity);
	if (rep_json_set_string(problem, "file", file) &&
	    rep_json_set(problem, "entity", entity ? rep_json_string(entity) : rep_json_null()) &&
	    rep_json_set(problem, "field", field ? rep_json_string(field) : rep_json_null()) &&
	    rep_json_set_string(problem, "code", code) &&
	    rep_json_set_string(problem, "what", what))
		return rep_json_append(problems, problem);
	rep_json_free(problem);
	return false;
}

enum rep_code rep_schema_refuse(const struct rep_json *problem, struct rep_error *err)
{
	const char *entity = rep_json_get_string(problem, "entity");
	const char *field = rep_json_get_string(problem, "field");

	return rep_fail(err, REP_EINVAL, "schema: %s: %s%s%s%s%s: %s",
			rep_json_get_string(problem, "file"), entity ? entity : "",
			field ? "." : "", field ? field : "", entity ? ": " : "",
			rep_json_get_string(problem, "code"), rep_json_get_string(problem, "what"));
}

static void bad(struct following *at, const char *field, const char *code, const char *what,
		const char *detail)
{
	if (!rep_schema_problem(at->problems, at->entity, field, code, "%s%s%s", what,
				detail ? ": " : "", detail ? detail : ""))
		at->failed = true;
}

/* ---- what never changes ---- */

/* The name that a field of the version before has now. */
static const char *name_next(const struct following *at, const char *name)
{
	const struct rep_field *field = rep_entity_field(at->map.from, name);
	const struct rep_field *next = field ? rep_map_forward(&at->map, field) : NULL;

	return next ? next->name : NULL;
}

static bool same_steps(const struct following *at)
{
	const struct rep_entity *from = at->map.from, *to = at->map.to;

	if (from->partition != to->partition || from->moves != to->moves ||
	    from->steps_len != to->steps_len)
		return false;
	for (size_t i = 0; i < from->steps_len; i++) {
		const struct rep_field *was = from->steps[i].field, *is = to->steps[i].field;

		if (from->steps[i].kind != to->steps[i].kind || !was != !is ||
		    (was && !rep_same_text(name_next(at, was->name), is->name)))
			return false;
	}
	return true;
}

static bool same_id(const struct following *at)
{
	const struct rep_entity *from = at->map.from, *to = at->map.to;

	if (from->id_from_len != to->id_from_len)
		return false;
	for (size_t i = 0; i < from->id_from_len; i++) {
		const struct rep_field *was = rep_entity_field(from, from->id_from[i]);
		const struct rep_field *is = rep_entity_field(to, to->id_from[i]);

		/* The normaliser is part of how the id is made. */
		if (!rep_same_text(name_next(at, from->id_from[i]), to->id_from[i]) || !was ||
		    !is || was->normalise != is->normalise)
			return false;
	}
	return true;
}

static void check_fixed(struct following *at)
{
	const struct rep_entity *from = at->map.from, *to = at->map.to;

	if (from->builtin != to->builtin)
		bad(at, NULL, "fixed", "\"builtin\" stays what it is", NULL);
	if (from->monthly != to->monthly)
		bad(at, NULL, "fixed", "\"layout\" stays: every file would move", NULL);
	if (!same_steps(at))
		bad(at, NULL, "fixed", "\"partition\" stays: it is who has seen the records", NULL);
	if (!same_id(at))
		bad(at, NULL, "fixed", "\"id\" stays: the same thing would get two", NULL);
}

static void check_classes(struct following *at)
{
	for (size_t i = 0; i < at->now->visibility_len; i++) {
		const char *name = at->now->visibility[i].name;
		bool found = false;

		for (size_t k = 0; k < at->next->visibility_len; k++)
			found = found || strcmp(at->next->visibility[k].name, name) == 0;
		if (!found)
			bad(at, NULL, "fixed", "a class of visibility stays, files lie under it",
			    name);
	}
}

/* ---- what the mapping names ---- */

/* How many fields are renamed to this name: one, where it is no mistake. */
static size_t times_target(const struct following *at, const char *name)
{
	size_t times = 0;

	for (void *it = at->map.rename ? rep_json_iter(at->map.rename) : NULL; it;
	     it = rep_json_iter_next(at->map.rename, it))
		times += rep_same_text(rep_json_string_value(rep_json_iter_value(it)), name);
	return times;
}

static void check_rename(struct following *at, const char *was, const char *is)
{
	const struct rep_field *from = rep_entity_field(at->map.from, was);
	const struct rep_field *to = is ? rep_entity_field(at->map.to, is) : NULL;

	if (!from || from->engine)
		bad(at, was, "unknown-field", "\"rename\": the version before has no such field",
		    NULL);
	else if (!to || to->engine)
		bad(at, was, "unknown-field", "\"rename\": this version has no field", is);
	else if (!rep_fields_alike(from, to))
		bad(at, was, "mapping-missing", "it cannot be renamed to a field of another type",
		    is);
	else if (times_target(at, is) > 1)
		bad(at, was, "duplicate-name", "\"rename\": two fields become", is);
	else if (rep_entity_field(at->map.to, was) && times_target(at, was) == 0)
		bad(at, was, "duplicate-name", "it is renamed, and still there", NULL);
	else if (rep_entity_field(at->map.from, is) && !rep_map_drops(&at->map, is) &&
		 !rep_json_get(at->map.rename, is))
		bad(at, was, "duplicate-name", "the version before has a field of the new name",
		    is);
	else if (rep_json_get(at->map.derive, is))
		bad(at, is, "duplicate-name", "it is both renamed and derived", NULL);
}

static bool is_choice(const struct rep_field *field)
{
	return field->type == REP_TYPE_ENUM || field->of == REP_TYPE_ENUM;
}

static void check_value(struct following *at, const struct rep_field *older,
			const struct rep_field *newer, const char *was, const struct rep_json *is)
{
	const char *value = rep_json_string_value(is);

	if (rep_field_rank(older, was) < 0)
		bad(at, newer->name, "unknown-field", "\"values\": the version before has no value",
		    was);
	else if (!value && !rep_json_is(is, REP_JSON_NULL))
		bad(at, newer->name, "json", "\"values\": a value becomes text or null", was);
	else if (value && rep_field_rank(newer, value) < 0)
		bad(at, newer->name, "unknown-field", "\"values\": this version has no value",
		    value);
	else if (!value && newer->required)
		bad(at, newer->name, "mapping-missing",
		    "a value of a required field cannot become nothing", was);
}

static void check_values(struct following *at, const char *name, const struct rep_json *table)
{
	const struct rep_field *newer = rep_entity_field(at->map.to, name);
	const struct rep_field *older = newer ? rep_map_back(&at->map, newer) : NULL;

	if (!older || !is_choice(newer) || !is_choice(older)) {
		bad(at, name, "unknown-field",
		    "\"values\": it is no choice that both versions have", NULL);
		return;
	}
	if (!rep_json_is(table, REP_JSON_OBJECT)) {
		bad(at, name, "json", "\"values\": an object is expected", NULL);
		return;
	}
	for (void *it = rep_json_iter(table); it; it = rep_json_iter_next(table, it))
		check_value(at, older, newer, rep_json_iter_key(it), rep_json_iter_value(it));
}

static void check_derive(struct following *at, const char *name, const struct rep_json *sql)
{
	const struct rep_field *field = rep_entity_field(at->map.to, name);

	if (!field || field->engine)
		bad(at, name, "unknown-field", "\"derive\": this version has no such field", NULL);
	else if (!rep_json_string_value(sql))
		bad(at, name, "json", "\"derive\": SQL is expected", NULL);
	else if (field->type == REP_TYPE_LIST || rep_field_has_rule(field, REP_RULE_SUM))
		bad(at, name, "mapping-missing", "a list or a sum cannot be derived", NULL);
}

static void check_drop(struct following *at, const struct rep_json *name)
{
	const char *text = rep_json_string_value(name);
	const struct rep_field *field = text ? rep_entity_field(at->map.from, text) : NULL;

	if (!field || field->engine)
		bad(at, text, "unknown-field", "\"drop\": the version before has no such field",
		    NULL);
	else if (rep_entity_field(at->map.to, text) && times_target(at, text) == 0 &&
		 !rep_json_get(at->map.derive, text))
		bad(at, text, "duplicate-name", "it is dropped, and still there", NULL);
	else if (rep_json_get(at->map.rename, text))
		bad(at, text, "duplicate-name", "it is both renamed and dropped", NULL);
}

static void check_mapping(struct following *at)
{
	const struct rep_version_map *map = &at->map;

	for (void *it = map->rename ? rep_json_iter(map->rename) : NULL; it;
	     it = rep_json_iter_next(map->rename, it))
		check_rename(at, rep_json_iter_key(it),
			     rep_json_string_value(rep_json_iter_value(it)));
	for (void *it = map->values ? rep_json_iter(map->values) : NULL; it;
	     it = rep_json_iter_next(map->values, it))
		check_values(at, rep_json_iter_key(it), rep_json_iter_value(it));
	for (void *it = map->derive ? rep_json_iter(map->derive) : NULL; it;
	     it = rep_json_iter_next(map->derive, it))
		check_derive(at, rep_json_iter_key(it), rep_json_iter_value(it));
	for (size_t i = 0; i < rep_json_size(map->drop); i++)
		check_drop(at, rep_json_at(map->drop, i));
}

/* Mappings name entities of both; those of earlier steps may stay for the reader. */
static void check_mappings(struct following *at)
{
	const struct rep_json *mappings = at->next->mappings;

	for (size_t i = 0; i < rep_json_size(mappings); i++) {
		const struct rep_json *one = rep_json_at(mappings, i);
		const char *name = rep_json_get_string(one, "entity");
		int64_t from = rep_json_get_integer(one, "from");
		const struct rep_entity *entity = name ? rep_schema_entity(at->now, name) : NULL;
		bool twice = false;

		if (from > at->now->version)
			bad(at, NULL, "version-not-next",
			    "a mapping from a version that is not before", name);
		if (from != at->now->version)
			continue;
		if (!entity || entity->builtin >= REP_BUILTIN_DEVICE)
			bad(at, NULL, "unknown-reference",
			    "\"mappings\": the version before has no entity", name);
		for (size_t k = 0; k < i; k++)
			twice = twice ||
				(rep_json_get_integer(rep_json_at(mappings, k), "from") == from &&
				 rep_same_text(
					 rep_json_get_string(rep_json_at(mappings, k), "entity"),
					 name));
		if (twice)
			bad(at, NULL, "duplicate-name", "\"mappings\": two of", name);
	}
}

/* ---- fields ---- */

static void check_choices(struct following *at, const struct rep_field *was,
			  const struct rep_field *is)
{
	const struct rep_json *table = rep_json_get(at->map.values, is->name);

	for (size_t i = 0; is_choice(was) && i < was->values_len; i++) {
		const char *value = was->values[i].value;

		if (rep_field_rank(is, value) < 0 && !rep_json_get(table, value))
			bad(at, is->name, "mapping-missing",
			    "the value is gone, and mapped to none", value);
	}
}

static void check_entries(struct following *at, const struct rep_field *was,
			  const struct rep_field *is)
{
	for (size_t i = 0; i < was->fields_len; i++)
		for (size_t k = 0; k < is->fields_len; k++)
			if (strcmp(was->fields[i].name, is->fields[k].name) == 0)
				for (size_t v = 0; v < was->fields[i].values_len; v++)
					if (rep_field_rank(&is->fields[k],
							   was->fields[i].values[v].value) < 0)
						bad(at, is->name, "mapping-missing",
						    "entries may have the value that is gone",
						    was->fields[i].values[v].value);
	for (size_t k = 0; k < is->fields_len; k++) {
		bool known = false;

		for (size_t i = 0; i < was->fields_len; i++)
			known = known || (strcmp(was->fields[i].name, is->fields[k].name) == 0 &&
					  was->fields[i].required == is->fields[k].required);
		if (is->fields[k].required && !known)
			bad(at, is->name, "narrowing",
			    "whoever is offline makes entries without what is required now",
			    is->fields[k].name);
	}
}

static void check_field(struct following *at, const struct rep_field *was)
{
	const struct rep_field *is = rep_map_forward(&at->map, was);
	const struct rep_field *same = rep_entity_field(at->map.to, was->name);

	if (is) {
		check_choices(at, was, is);
		if (was->type == REP_TYPE_LIST)
			check_entries(at, was, is);
		return;
	}
	if (rep_map_drops(&at->map, was->name) || rep_json_get(at->map.rename, was->name) ||
	    rep_json_get(at->map.derive, was->name))
		return;
	if (!same)
		bad(at, was->name, "mapping-missing",
		    "the field is gone, and neither renamed nor dropped", NULL);
	else if (rep_field_has_rule(was, REP_RULE_SUM) != rep_field_has_rule(same, REP_RULE_SUM))
		bad(at, was->name, "mapping-missing",
		    "the rule sum neither begins nor ends: a new field may", NULL);
	else
		bad(at, was->name, "mapping-missing",
		    "its type changed, and it is neither derived nor renamed", NULL);
}

/* Can the fold give the field by itself to a record that was made under the version before? */
static bool has_default(const struct rep_field *field)
{
	const char *text = rep_json_string_value(field->preset);

	return field->preset &&
	       (!text || text[0] != '@' || strcmp(text, "@rep") == 0 || strcmp(text, "@now") == 0);
}

static void check_new_field(struct following *at, const struct rep_field *field)
{
	const struct rep_field *was = rep_map_back(&at->map, field);

	if (!field->required || has_default(field) || rep_json_get(at->map.derive, field->name) ||
	    (was && was->required))
		return;
	bad(at, field->name, "narrowing",
	    "it is required now, and whoever is offline makes records without it: it needs a default, or "
	    "to be derived",
	    NULL);
}

static void check_entity(struct following *at, const char *name)
{
	at->entity = name;
	rep_version_map_init(&at->map, at->now, at->next, name);
	if (!at->map.to) {
		bad(at, NULL, "mapping-missing",
		    "an entity stays: who takes its rights away retires it", NULL);
		return;
	}
	check_mapping(at);
	for (size_t i = 0; i < at->map.from->fields_len; i++)
		check_field(at, &at->map.from->fields[i]);
	for (size_t i = 0; i < at->map.to->fields_len; i++)
		check_new_field(at, &at->map.to->fields[i]);
	check_fixed(at);
}

enum rep_code rep_schema_follow(const struct rep_schema *now, const struct rep_schema *next,
				struct rep_json *problems, struct rep_error *err)
{
	struct following at = {.now = now, .next = next, .problems = problems};

	if (strcmp(now->name, next->name) != 0)
		bad(&at, NULL, "version-not-next", "the company's schema is called", now->name);
	if (next->version != now->version + 1 &&
	    !rep_schema_problem(problems, NULL, NULL, "version-not-next",
				"version %d follows version %d, not version %d", now->version + 1,
				now->version, next->version))
		at.failed = true;
	check_classes(&at);
	check_mappings(&at);
	for (size_t i = 0; i < now->entities_len; i++)
		if (now->entities[i].builtin < REP_BUILTIN_DEVICE)
			check_entity(&at, now->entities[i].name);
	return at.failed ? rep_fail(err, REP_ENOMEM, "compare versions") : REP_OK;
}

enum rep_code rep_schema_retired(const struct rep_schema *earlier, const struct rep_schema *now,
				 const struct rep_schema *next, struct rep_json *problems,
				 struct rep_error *err)
{
	struct following at = {.now = now, .next = next, .problems = problems};
	char version[32];

	snprintf(version, sizeof(version), "%d", earlier->version);
	for (size_t i = 0; i < next->entities_len; i++) {
		const struct rep_entity *had = rep_schema_entity(earlier, next->entities[i].name);
		const struct rep_entity *has = rep_schema_entity(now, next->entities[i].name);

		at.entity = next->entities[i].name;
		for (size_t k = 0; had && has && k < next->entities[i].fields_len; k++) {
			const char *name = next->entities[i].fields[k].name;

			if (rep_entity_field(had, name) && !rep_entity_field(has, name))
				bad(&at, name, "duplicate-name",
				    "history would read as one what are two; so was called a field of "
				    "version",
				    version);
		}
	}
	return at.failed ? rep_fail(err, REP_ENOMEM, "compare versions") : REP_OK;
}
