/* Value lines and verdicts of an older version, as a later one reads them. */
#include <string.h>

#include "core/model/version_map.h"

/* ---- what a line says of one field ---- */

static struct rep_json *map_keys_of_map(const struct rep_version_map *map,
					const struct rep_field *newer, const struct rep_json *keys)
{
	static const char *const sides[] = {"new", "old"};
	struct rep_json *out = rep_json_dup(keys);
	bool good = out != NULL;

	for (void *it = good ? rep_json_iter(out) : NULL; good && it;
	     it = rep_json_iter_next(out, it))
		for (size_t i = 0; good && i < 2; i++) {
			struct rep_json *one = rep_json_iter_value(it);
			const struct rep_json *value = rep_json_get(one, sides[i]);

			if (value)
				good = rep_json_set(one, sides[i],
						    rep_map_element(map, newer, value, false));
		}
	if (good)
		return out;
	rep_json_free(out);
	return NULL;
}

static bool is_value(const char *key)
{
	static const char *const names[] = {"new", "old", "set", "add", "remove"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(key, names[i]) == 0)
			return true;
	return false;
}

/* A new reference, or NULL without memory. */
static struct rep_json *map_spec(const struct rep_version_map *map, const struct rep_field *older,
				 const struct rep_field *newer, const struct rep_json *spec)
{
	struct rep_json *out;

	if (!rep_json_is(spec, REP_JSON_OBJECT))
		return rep_json_ref(spec); /* no spec at all: admission says so */
	out = rep_json_object();
	for (void *it = rep_json_iter(spec); out && it; it = rep_json_iter_next(spec, it)) {
		const char *key = rep_json_iter_key(it);
		const struct rep_json *value = rep_json_iter_value(it);
		struct rep_json *mapped;

		if (is_value(key))
			mapped = rep_map_value(map, newer, value, false);
		else if (strcmp(key, "keys") == 0 && rep_json_is(value, REP_JSON_OBJECT))
			mapped = map_keys_of_map(map, newer, value);
		else if (strcmp(key, "seen") == 0 || strcmp(key, "saw") == 0)
			mapped = rep_map_keys(map, older, newer, value, false);
		else
			mapped = rep_json_ref(value);
		if (!rep_json_set(out, key, mapped)) {
			rep_json_free(out);
			return NULL;
		}
	}
	return out;
}

/* ---- derived fields ---- */

/* What a line says of the fields that a derivation reads. */
struct given {
	struct rep_json *news, *olds; /* old field -> value */
	bool all_new, all_old, any;
	const char *saw; /* the newest */
	bool failed;
};

static void give(struct given *given, const struct rep_field *field, const struct rep_json *spec)
{
	const struct rep_json *value = rep_json_get(spec, "new"), *old = rep_json_get(spec, "old");
	const char *saw = rep_json_get_string(spec, "saw");

	given->any = given->any || spec;
	given->all_new = given->all_new && value;
	given->all_old = given->all_old && old;
	if (rep_stamp_compare(saw, given->saw) > 0)
		given->saw = saw;
	if ((value && !rep_json_set(given->news, field->name, rep_json_ref(value))) ||
	    (old && !rep_json_set(given->olds, field->name, rep_json_ref(old))))
		given->failed = true;
}

static enum rep_code put_side(struct rep_versions *versions, const struct rep_version_map *map,
			      const char *sql, const struct rep_field *field,
			      const struct rep_json *from, const char *key, struct rep_json *spec,
			      struct rep_error *err)
{
	struct rep_json *value = NULL;
	enum rep_code rc = rep_map_derive(versions, map, sql, from, field, &value, err);

	if (rc == REP_OK && !rep_json_set(spec, key, value))
		rc = rep_fail(err, REP_ENOMEM, "value line");
	return rc;
}

/*
 * A derived field is spoken of where the line gives all that its SQL reads, or makes the record: then what it does not give is
 * null. A part of it would be a guess.
 */
static enum rep_code derive(struct rep_versions *versions, const struct rep_version_map *map,
			    const char *sql, const struct rep_field *field,
			    const struct rep_json *values, enum rep_op op, struct rep_json *out,
			    struct rep_error *err)
{
	struct given given = {.news = rep_json_object(),
			      .olds = rep_json_object(),
			      .all_new = true,
			      .all_old = true};
	struct rep_json *spec = rep_json_object();
	enum rep_code rc = REP_OK;

	for (size_t i = 0; i < map->from->fields_len; i++)
		if (rep_map_reads(sql, &map->from->fields[i]))
			give(&given, &map->from->fields[i],
			     rep_json_get(values, map->from->fields[i].name));
	if (op != REP_OP_INSERT && !given.any)
		goto out;
	if (op == REP_OP_INSERT || (op != REP_OP_DELETE && given.all_new))
		rc = put_side(versions, map, sql, field, given.news, "new", spec, err);
	if (rc == REP_OK && op != REP_OP_INSERT && given.all_old)
		rc = put_side(versions, map, sql, field, given.olds, "old", spec, err);
	if (rc == REP_OK && given.saw && !rep_json_set_string(spec, "saw", given.saw))
		given.failed = true;
	if (rc == REP_OK && (rep_json_get(spec, "new") || op == REP_OP_DELETE) &&
	    !rep_json_set(out, field->name, rep_json_ref(spec)))
		given.failed = true;
	if (rc == REP_OK && (given.failed || !given.news || !given.olds))
		rc = rep_fail(err, REP_ENOMEM, "value line");
out:
	rep_json_free(given.news);
	rep_json_free(given.olds);
	rep_json_free(spec);
	return rc;
}

static enum rep_code derive_all(struct rep_versions *versions, const struct rep_version_map *map,
				const struct rep_json *values, enum rep_op op, struct rep_json *out,
				struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (void *it = map->derive ? rep_json_iter(map->derive) : NULL; rc == REP_OK && it;
	     it = rep_json_iter_next(map->derive, it)) {
		const struct rep_field *field =
			map->to ? rep_entity_field(map->to, rep_json_iter_key(it)) : NULL;
		const char *sql = rep_json_string_value(rep_json_iter_value(it));

		if (field && sql && map->from)
			rc = derive(versions, map, sql, field, values, op, out, err);
	}
	return rc;
}

/* ---- a line ---- */

enum rep_code rep_map_values(struct rep_versions *versions, const struct rep_version_map *map,
			     const struct rep_json *values, enum rep_op op,
			     struct rep_json *unknown, struct rep_json **out, struct rep_error *err)
{
	bool good = true;
	enum rep_code rc;

	*out = rep_json_object();
	for (void *it = rep_json_iter(values); good && it; it = rep_json_iter_next(values, it)) {
		const char *name = rep_json_iter_key(it);
		const struct rep_field *older =
			map->from ? rep_entity_field(map->from, name) : NULL;
		const struct rep_field *newer = older ? rep_map_forward(map, older) : NULL;

		if (!older && unknown)
			good = rep_json_append(unknown, rep_json_string(name));
		if (newer)
			good = rep_json_set(*out, newer->name,
					    map_spec(map, older, newer, rep_json_iter_value(it)));
	}
	rc = good && *out ? derive_all(versions, map, values, op, *out, err)
			  : rep_fail(err, REP_ENOMEM, "value line");
	if (rc != REP_OK) {
		rep_json_free(*out);
		*out = NULL;
	}
	return rc;
}

enum rep_code rep_version_line(struct rep_versions *versions, const char *entity, enum rep_op op,
			       const struct rep_json *line, int from, int to, struct rep_json **out,
			       struct rep_json **unknown, struct rep_error *err)
{
	const struct rep_json *given = rep_json_get(line, "values");
	struct rep_json *values, *strange = rep_json_array();
	enum rep_code rc = strange ? REP_OK : rep_fail(err, REP_ENOMEM, "value line");

	*out = *unknown = NULL;
	if (rc != REP_OK || from >= to || !rep_json_is(given, REP_JSON_OBJECT)) {
		rep_json_free(strange);
		return rc;
	}
	values = rep_json_ref(given);
	for (int at = from; rc == REP_OK && at < to; at = rep_versions_after(versions, at)) {
		struct rep_version_map map;
		struct rep_json *next = NULL;

		rc = rep_version_step(versions, at, entity, &map, err);
		if (rc == REP_OK)
			rc = rep_map_values(versions, &map, values, op, at == from ? strange : NULL,
					    &next, err);
		rep_json_free(values);
		values = next;
	}
	if (rc == REP_OK) {
		struct rep_json *copy = rep_json_object();

		for (void *it = rep_json_iter(line); copy && it; it = rep_json_iter_next(line, it))
			if (!rep_json_set(copy, rep_json_iter_key(it),
					  rep_json_ref(rep_json_iter_value(it))))
				rc = rep_fail(err, REP_ENOMEM, "value line");
		if (!rep_json_set(copy, "values", rep_json_ref(values)) && rc == REP_OK)
			rc = rep_fail(err, REP_ENOMEM, "value line");
		*out = copy;
	}
	rep_json_free(values);
	if (rc == REP_OK && rep_json_size(strange)) {
		*unknown = strange;
		strange = NULL;
	}
	rep_json_free(strange);
	return rc;
}

/* ---- names ---- */

/* One step forward; a name that the older version does not know stays what it is. */
static const char *name_forward(const struct rep_version_map *map, const char *name)
{
	const struct rep_field *older = map->from ? rep_entity_field(map->from, name) : NULL;
	const struct rep_field *newer = older ? rep_map_forward(map, older) : NULL;

	if (!older)
		return name;
	return newer ? newer->name : NULL;
}

static const char *name_back(const struct rep_version_map *map, const char *name)
{
	const struct rep_field *newer = map->to ? rep_entity_field(map->to, name) : NULL;
	const struct rep_field *older = newer ? rep_map_back(map, newer) : NULL;

	return older ? older->name : NULL;
}

enum rep_code rep_version_name(struct rep_versions *versions, const char *entity, const char *name,
			       int from, int to, const char **out, struct rep_error *err)
{
	struct rep_version_map map;
	enum rep_code rc = REP_OK;

	*out = name;
	for (int at = from; rc == REP_OK && *out && at < to;
	     at = rep_versions_after(versions, at)) {
		rc = rep_version_step(versions, at, entity, &map, err);
		if (rc == REP_OK)
			*out = name_forward(&map, *out);
	}
	for (int at = from; rc == REP_OK && *out && at > to;) {
		at = rep_versions_before(versions, at);
		rc = rep_version_step(versions, at, entity, &map, err);
		if (rc == REP_OK)
			*out = name_back(&map, *out);
	}
	return rc;
}

enum rep_code rep_version_verdict(struct rep_versions *versions, const char *entity,
				  const struct rep_json *verdict, int from, int to,
				  struct rep_json **out, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!verdict)
		return REP_OK;
	if (from >= to) {
		*out = rep_json_ref(verdict);
		return REP_OK;
	}
	*out = rep_json_object();
	for (void *it = rep_json_iter(verdict); rc == REP_OK && it;
	     it = rep_json_iter_next(verdict, it)) {
		const char *name = rep_json_iter_key(it);

		if (strcmp(name, "*") != 0)
			rc = rep_version_name(versions, entity, name, from, to, &name, err);
		if (rc == REP_OK && name &&
		    !rep_json_set(*out, name, rep_json_ref(rep_json_iter_value(it))))
			rc = rep_fail(err, REP_ENOMEM, "verdict");
	}
	return rc;
}

enum rep_code rep_version_refuses(struct rep_versions *versions, const char *entity,
				  const struct rep_json *outcome, int made, const char *field,
				  int number, bool *out, struct rep_error *err)
{
	int judged = (int)rep_json_get_integer(outcome, REP_OUTCOME_SCHEMA);
	const char *name = field;
	enum rep_code rc = REP_OK;

	if (!judged)
		judged = made ? made : number;
	if (outcome && judged != number)
		rc = rep_version_name(versions, entity, field, number, judged, &name, err);
	*out = rc == REP_OK && rep_outcome_refuses(outcome, name ? name : field);
	return rc;
}
