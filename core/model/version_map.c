/* What a mapping says of fields and of single values. */
#include "core/model/version_map.h"

#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"

/* The mapping of the newer version for this entity from the older one, or NULL. */
static const struct rep_json *find_mapping(const struct rep_schema *from,
					   const struct rep_schema *to, const char *entity)
{
	for (size_t i = 0; i < rep_json_size(to->mappings); i++) {
		const struct rep_json *one = rep_json_at(to->mappings, i);
		const char *name = rep_json_get_string(one, "entity");

		if (name && strcmp(name, entity) == 0 &&
		    rep_json_get_integer(one, "from") == from->version)
			return one;
	}
	return NULL;
}

void rep_version_map_init(struct rep_version_map *out, const struct rep_schema *from,
			  const struct rep_schema *to, const char *entity)
{
	const struct rep_json *mapping = find_mapping(from, to, entity);

	*out = (struct rep_version_map){
		.from = rep_schema_entity(from, entity),
		.to = rep_schema_entity(to, entity),
		.rename = rep_json_get(mapping, "rename"),
		.values = rep_json_get(mapping, "values"),
		.derive = rep_json_get(mapping, "derive"),
		.drop = rep_json_get(mapping, "drop"),
	};
}

bool rep_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool entries_alike(const struct rep_field *a, const struct rep_field *b)
{
	for (size_t i = 0; i < a->fields_len; i++) {
		const struct rep_field *other = NULL;

		for (size_t k = 0; k < b->fields_len && !other; k++)
			if (strcmp(b->fields[k].name, a->fields[i].name) == 0)
				other = &b->fields[k];
		if (!other || !rep_fields_alike(&a->fields[i], other))
			return false;
	}
	return true;
}

bool rep_fields_alike(const struct rep_field *a, const struct rep_field *b)
{
	return a->type == b->type && a->of == b->of && a->scale == b->scale &&
	       a->engine == b->engine && rep_same_text(a->to, b->to) &&
	       rep_same_text(a->unit, b->unit) &&
	       rep_field_has_rule(a, REP_RULE_SUM) == rep_field_has_rule(b, REP_RULE_SUM) &&
	       entries_alike(a, b);
}

bool rep_map_drops(const struct rep_version_map *map, const char *name)
{
	for (size_t i = 0; i < rep_json_size(map->drop); i++) {
		const char *dropped = rep_json_string_value(rep_json_at(map->drop, i));

		if (dropped && strcmp(dropped, name) == 0)
			return true;
	}
	return false;
}

const struct rep_field *rep_map_forward(const struct rep_version_map *map,
					const struct rep_field *field)
{
	const char *name = rep_json_get_string(map->rename, field->name);
	const struct rep_field *to;

	if (!map->to || rep_map_drops(map, field->name))
		return NULL;
	if (!name)
		name = field->name;
	/* A field that is derived anew under an old name is another field. */
	if (rep_json_get(map->derive, name))
		return NULL;
	to = rep_entity_field(map->to, name);
	return to && rep_fields_alike(field, to) ? to : NULL;
}

const struct rep_field *rep_map_back(const struct rep_version_map *map,
				     const struct rep_field *field)
{
	for (size_t i = 0; map->from && i < map->from->fields_len; i++)
		if (rep_map_forward(map, &map->from->fields[i]) == field)
			return &map->from->fields[i];
	return NULL;
}

/* ---- values ---- */

/* The text that stands for `text` in the other version; *gone where it is mapped to nothing. */
static const char *map_text(const struct rep_json *table, const char *text, bool back, bool *gone)
{
	const struct rep_json *found = rep_json_get(table, text);

	*gone = false;
	if (!back) {
		*gone = found && rep_json_is(found, REP_JSON_NULL);
		return found ? rep_json_string_value(found) : text;
	}
	for (void *it = table ? rep_json_iter(table) : NULL; it;
	     it = rep_json_iter_next(table, it)) {
		const char *newer = rep_json_string_value(rep_json_iter_value(it));

		/* A value that the older version had as well stands for itself. */
		if (newer && strcmp(newer, text) == 0 && !rep_json_get(table, text))
			return rep_json_iter_key(it);
	}
	return text;
}

static const struct rep_json *table_of(const struct rep_version_map *map,
				       const struct rep_field *to)
{
	return map->values ? rep_json_get(map->values, to->name) : NULL;
}

struct rep_json *rep_map_element(const struct rep_version_map *map, const struct rep_field *newer,
				 const struct rep_json *element, bool back)
{
	const struct rep_json *table = table_of(map, newer);
	const char *text = rep_json_string_value(element), *other;
	bool gone;

	if (!table || !text)
		return rep_json_ref(element);
	other = map_text(table, text, back, &gone);
	return gone || !other ? rep_json_null() : rep_json_string(other);
}

static struct rep_json *map_set(const struct rep_version_map *map, const struct rep_field *to,
				const struct rep_json *set, bool back)
{
	struct rep_json *out = rep_json_array(), *sorted;

	for (size_t i = 0; i < rep_json_size(set); i++) {
		struct rep_json *element = rep_map_element(map, to, rep_json_at(set, i), back);

		if (element && rep_json_is(element, REP_JSON_NULL)) {
			rep_json_free(element);
		} else if (!rep_json_append(out, element)) {
			rep_json_free(out);
			return NULL;
		}
	}
	sorted = out ? rep_value_sorted(out) : NULL;
	rep_json_free(out);
	return sorted;
}

static struct rep_json *map_map(const struct rep_version_map *map, const struct rep_field *to,
				const struct rep_json *value, bool back)
{
	struct rep_json *out = rep_json_object();

	for (void *it = rep_json_iter(value); it; it = rep_json_iter_next(value, it)) {
		struct rep_json *one = rep_map_element(map, to, rep_json_iter_value(it), back);

		if (one && rep_json_is(one, REP_JSON_NULL)) {
			rep_json_free(one);
		} else if (!rep_json_set(out, rep_json_iter_key(it), one)) {
			rep_json_free(out);
			return NULL;
		}
	}
	return out;
}

struct rep_json *rep_map_value(const struct rep_version_map *map, const struct rep_field *to,
			       const struct rep_json *value, bool back)
{
	if (!table_of(map, to))
		return rep_json_ref(value);
	if (rep_json_is(value, REP_JSON_ARRAY))
		return map_set(map, to, value, back);
	if (rep_json_is(value, REP_JSON_OBJECT))
		return map_map(map, to, value, back);
	return rep_map_element(map, to, value, back);
}

/* ---- keys of elements ---- */

/* The key of an element is its canonical JSON after the normaliser: read, mapped, and made again for `target`. */
static bool map_key(const struct rep_version_map *map, const struct rep_field *newer,
		    const struct rep_field *target, const char *key, struct rep_buf *out)
{
	struct rep_json *element = NULL, *mapped = NULL;
	struct rep_error ignored;
	enum rep_code rc = rep_json_parse(&element, key, strlen(key), REP_LINE_SIZE_MAX,
					  REP_JSON_DEPTH_MAX, &ignored);

	rep_buf_reset(out);
	if (rc != REP_OK) { /* some writers name the element itself */
		rep_buf_puts(out, key);
		return rc != REP_ENOMEM;
	}
	mapped = rep_map_element(map, newer, element, target != newer);
	if (mapped && !rep_json_is(mapped, REP_JSON_NULL))
		rep_value_element_key(out, target, mapped);
	rep_json_free(element);
	rep_json_free(mapped);
	return mapped && out->failed != REP_ENOMEM;
}

struct rep_json *rep_map_keys(const struct rep_version_map *map, const struct rep_field *older,
			      const struct rep_field *newer, const struct rep_json *stamps,
			      bool back)
{
	struct rep_buf key = REP_BUF_INIT(2 * REP_TEXT_SIZE_MAX);
	struct rep_json *out;
	bool good = true;

	if (older->type != REP_TYPE_SET || !rep_json_is(stamps, REP_JSON_OBJECT) ||
	    (!table_of(map, newer) && older->normalise == newer->normalise))
		return rep_json_ref(stamps);
	out = rep_json_object();
	for (void *it = rep_json_iter(stamps); good && it; it = rep_json_iter_next(stamps, it)) {
		const char *stamp = rep_json_string_value(rep_json_iter_value(it)), *known;

		good = out &&
		       map_key(map, newer, back ? older : newer, rep_json_iter_key(it), &key);
		known = rep_json_get_string(out, rep_buf_str(&key));
		/* Two elements that became one bear the later stamp. */
		if (good && key.len && stamp && rep_stamp_compare(stamp, known) > 0)
			good = rep_json_set_string(out, rep_buf_str(&key), stamp);
	}
	rep_buf_clear(&key);
	if (good)
		return out;
	rep_json_free(out);
	return NULL;
}
