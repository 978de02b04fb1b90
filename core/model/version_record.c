/*
 * Records and their review items, carried to another version.
 *
 * A conflict keeps its id, although that was made from the field's name of its day: one a field for ever, whatever it is called.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "core/model/version_map.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "carry a record to another version");
}

/* ---- fields ---- */

/* The same record with no field yet. */
static struct rep_record *shell_of(const struct rep_record *record, const struct rep_entity *entity)
{
	struct rep_record *out = rep_record_dup(record);

	if (!out)
		return NULL;
	out->entity = entity;
	rep_json_free(out->fields);
	rep_json_free(out->stamps);
	rep_json_free(out->sources);
	out->fields = rep_json_object();
	out->stamps = rep_json_object();
	out->sources = NULL;
	if (out->fields && rep_json_set_string(out->stamps, "*", out->created.text))
		return out;
	rep_record_free(out);
	return NULL;
}

/* Parts that were mapped to nothing leave their stamps; those that are there since the insert bear none. */
static void put_parts(struct rep_record *out, const struct rep_field *target,
		      const struct rep_json *stamps)
{
	for (void *it = stamps ? rep_json_iter(stamps) : NULL; it;
	     it = rep_json_iter_next(stamps, it)) {
		const char *stamp = rep_json_string_value(rep_json_iter_value(it));

		if (stamp)
			rep_record_put_element_stamp(out, target->name, rep_json_iter_key(it),
						     stamp);
	}
}

static void copy_field(const struct rep_version_map *map, const struct rep_record *record,
		       struct rep_record *out, const struct rep_field *older,
		       const struct rep_field *newer, bool back)
{
	const struct rep_field *from = back ? newer : older, *to = back ? older : newer;
	const struct rep_json *value = rep_json_get(record->fields, from->name);
	const struct rep_json *stamp = rep_json_get(record->stamps, from->name);
	struct rep_json *keys;

	if (value)
		rep_record_put(out, to->name, rep_map_value(map, newer, value, back), NULL);
	if (rep_json_is(stamp, REP_JSON_OBJECT)) {
		keys = rep_map_keys(map, older, newer, stamp, back);
		out->failed = out->failed || !keys;
		put_parts(out, to, keys);
		rep_json_free(keys);
	} else if (stamp && !rep_json_set(out->stamps, to->name, rep_json_ref(stamp))) {
		out->failed = true;
	}
	if (record->sources && rep_json_get_string(record->sources, from->name))
		rep_record_put_source(out, to->name,
				      rep_json_get_string(record->sources, from->name));
}

static void copy_fields(const struct rep_version_map *map, const struct rep_record *record,
			struct rep_record *out, bool back)
{
	for (size_t i = 0; map->from && i < map->from->fields_len; i++) {
		const struct rep_field *older = &map->from->fields[i];
		const struct rep_field *newer = rep_map_forward(map, older);

		if (newer)
			copy_field(map, record, out, older, newer, back);
	}
}

/* ---- what a version adds ---- */

/* A derived value is as old as the newest that it was made of. */
static const char *newest_read(const struct rep_version_map *map, const struct rep_record *record,
			       const char *sql, bool *written)
{
	const char *best = record->created.text;

	*written = false;
	for (size_t i = 0; i < map->from->fields_len; i++) {
		const struct rep_field *field = &map->from->fields[i];
		const char *stamp;

		if (!rep_map_reads(sql, field) || !rep_record_written(record, field->name))
			continue;
		*written = true;
		stamp = rep_record_stamp(record, field->name);
		if (rep_stamp_compare(stamp, best) > 0)
			best = stamp;
	}
	return best;
}

static void put_derived_parts(struct rep_record *out, const struct rep_field *field,
			      const struct rep_json *value, const char *stamp)
{
	struct rep_buf key = REP_BUF_INIT(2 * REP_TEXT_SIZE_MAX);

	for (size_t i = 0; field->type == REP_TYPE_SET && i < rep_json_size(value); i++) {
		rep_buf_reset(&key);
		rep_value_element_key(&key, field, rep_json_at(value, i));
		rep_record_put_part_stamp(out, field->name, rep_buf_str(&key), stamp, true);
	}
	for (void *it = field->type == REP_TYPE_MAP ? rep_json_iter(value) : NULL; it;
	     it = rep_json_iter_next(value, it))
		rep_record_put_part_stamp(out, field->name, rep_json_iter_key(it), stamp, true);
	out->failed = out->failed || key.failed == REP_ENOMEM;
	rep_buf_clear(&key);
}

static enum rep_code put_derived(struct rep_versions *versions, const struct rep_version_map *map,
				 const struct rep_record *record, struct rep_record *out,
				 const struct rep_field *field, const char *sql,
				 struct rep_error *err)
{
	struct rep_json *value = NULL;
	bool written;
	const char *stamp = newest_read(map, record, sql, &written);
	enum rep_code rc = rep_map_derive(versions, map, sql, record->fields, field, &value, err);
	bool scalar = rep_field_is_scalar(field);

	if (rc != REP_OK)
		return rc;
	if (!scalar)
		put_derived_parts(out, field, value, stamp);
	if (written || !rep_json_is(value, REP_JSON_NULL))
		rep_record_put(out, field->name, value, scalar ? stamp : NULL);
	else
		rep_json_free(value);
	return REP_OK;
}

static enum rep_code derive_all(struct rep_versions *versions, const struct rep_version_map *map,
				const struct rep_record *record, struct rep_record *out,
				struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (void *it = map->derive ? rep_json_iter(map->derive) : NULL; rc == REP_OK && it;
	     it = rep_json_iter_next(map->derive, it)) {
		const struct rep_field *field = rep_entity_field(map->to, rep_json_iter_key(it));
		const char *sql = rep_json_string_value(rep_json_iter_value(it));

		if (field && sql && map->from)
			rc = put_derived(versions, map, record, out, field, sql, err);
	}
	return rc;
}

/* As the insert would have: a required field that nobody filled gets its default, where that depends on nothing else. */
static void put_default(struct rep_record *out, const struct rep_field *field)
{
	const char *text = rep_json_string_value(field->preset);
	char time[REP_TIME_LEN + 1] = "";
	struct rep_json *value = NULL;

	memcpy(time, out->created.text, REP_TIME_LEN);
	if (!text || text[0] != '@')
		value = rep_json_ref(field->preset);
	else if (strcmp(text, "@rep") == 0)
		value = rep_json_string(out->created_rep);
	else if (strcmp(text, "@now") == 0)
		value = rep_json_string(time);
	else
		return;
	rep_record_put(out, field->name, value,
		       rep_field_is_scalar(field) ? out->created.text : NULL);
}

static void put_defaults(const struct rep_version_map *map, struct rep_record *out)
{
	for (size_t i = 0; i < map->to->fields_len; i++) {
		const struct rep_field *field = &map->to->fields[i];
		const struct rep_field *older = rep_map_back(map, field);

		/* Who was required before and is empty was cleared, or came so. */
		if (field->required && field->preset && !(older && older->required) &&
		    !rep_record_value(out, field->name))
			put_default(out, field);
	}
}

static enum rep_code carry(struct rep_versions *versions, const struct rep_version_map *map,
			   struct rep_record **record, struct rep_error *err)
{
	struct rep_record *out = shell_of(*record, map->to);
	enum rep_code rc = out ? REP_OK : no_memory(err);

	if (rc == REP_OK) {
		copy_fields(map, *record, out, false);
		rc = derive_all(versions, map, *record, out, err);
	}
	if (rc == REP_OK)
		put_defaults(map, out);
	if (rc == REP_OK && out->failed)
		rc = no_memory(err);
	if (rc != REP_OK) {
		rep_record_free(out);
		return rc;
	}
	rep_record_free(*record);
	*record = out;
	return REP_OK;
}

/* ---- review items ---- */

/* The field that leads a unit of this name: a field alone, or the first of a group. */
static const struct rep_field *lead_of(const struct rep_entity *entity, const char *name)
{
	for (size_t i = 0; entity && i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];

		if (strcmp(field->group ? field->group : field->name, name) == 0)
			return field;
	}
	return NULL;
}

static bool set_text(struct rep_record *item, const char *field, const char *text)
{
	return rep_json_set_string(item->fields, field, text);
}

/* Of a group each field by its name; where a field joined or left a group, its value becomes part of one, or alone again. */
static struct rep_json *map_rival(const struct rep_version_map *map, const struct rep_field *older,
				  const struct rep_field *newer, const struct rep_json *value)
{
	struct rep_json *out;
	bool good = true;

	if (!older->group && !newer->group) {
		if (older->type == REP_TYPE_SET && rep_json_is(value, REP_JSON_OBJECT)) {
			out = rep_json_object();
			for (void *it = rep_json_iter(value); it && good;
			     it = rep_json_iter_next(value, it)) {
				struct rep_json *name = rep_json_string(rep_json_iter_key(it));
				struct rep_json *mapped = rep_map_element(map, newer, name, false);
				const char *text = rep_json_string_value(mapped);

				good = name && mapped &&
				       (!text ||
					rep_json_set(out, text,
						     rep_json_ref(rep_json_iter_value(it))));
				rep_json_free(name);
				rep_json_free(mapped);
			}
			if (good)
				return out;
			rep_json_free(out);
			return NULL;
		}
		return rep_map_value(map, newer, value, false);
	}
	if (older->group && !newer->group) {
		const struct rep_json *own = rep_json_get(value, older->name);

		return own ? rep_map_value(map, newer, own, false) : rep_json_null();
	}
	out = rep_json_object();
	if (!older->group) {
		good = rep_json_set(out, newer->name, rep_map_value(map, newer, value, false));
	} else {
		for (void *it = rep_json_iter(value); it && good;
		     it = rep_json_iter_next(value, it)) {
			const struct rep_field *part =
				rep_entity_field(map->from, rep_json_iter_key(it));
			const struct rep_field *to = part ? rep_map_forward(map, part) : NULL;

			if (to)
				good = rep_json_set(
					out, to->name,
					rep_map_value(map, to, rep_json_iter_value(it), false));
		}
	}
	if (good && out)
		return out;
	rep_json_free(out);
	return NULL;
}

/* The class in which the values of an item lie; NULL for the main file. */
static bool set_class(struct rep_record *item, const char *visibility)
{
	bool open = !visibility || strcmp(visibility, "open") == 0;

	free(item->twin);
	item->twin = open ? NULL : strdup(visibility);
	return open || item->twin;
}

static enum rep_code carry_conflict(const struct rep_version_map *map, struct rep_record *item,
				    struct rep_error *err)
{
	const char *name = rep_json_get_string(item->fields, "field");
	const struct rep_field *older = name ? lead_of(map->from, name) : NULL;
	const struct rep_field *newer = older ? rep_map_forward(map, older) : NULL;
	struct rep_json *rivals = rep_json_get(item->fields, "rivals");
	bool good = true;

	if (!older) /* of the whole record, or of a field that is gone since long */
		return REP_OK;
	if (!newer) /* nobody can decide it any more; the rivals stay to be read */
		return set_text(item, "state", "decided") ? REP_OK : no_memory(err);
	rivals = rivals ? rep_json_dup(rivals) : NULL;
	for (size_t i = 0; good && i < rep_json_size(rivals); i++) {
		struct rep_json *rival = rep_json_at(rivals, i);

		good = rep_json_set(rival, "value",
				    map_rival(map, older, newer, rep_json_get(rival, "value")));
	}
	if (rivals && good)
		good = rep_json_set(item->fields, "rivals", rivals);
	else
		rep_json_free(rivals);
	good = good && set_text(item, "field", newer->group ? newer->group : newer->name) &&
	       set_class(item, newer->visibility);
	return good ? REP_OK : no_memory(err);
}

/*
 * The class of a proposal is that of its fields. Where they came to lie in different ones, it keeps those of the narrower class
 * and lets the others go: the change is in the journal.
 */
static const char *class_of(const struct rep_entity *entity, const struct rep_json *values)
{
	const char *found = "open";

	for (void *it = rep_json_iter(values); it; it = rep_json_iter_next(values, it)) {
		const struct rep_field *field = rep_entity_field(entity, rep_json_iter_key(it));

		if (field && strcmp(field->visibility, "open") != 0 && strcmp(found, "open") == 0)
			found = field->visibility;
	}
	return found;
}

static struct rep_json *within_class(const struct rep_entity *entity, const struct rep_json *values,
				     const char *visibility)
{
	struct rep_json *out = rep_json_object();

	for (void *it = rep_json_iter(values); out && it; it = rep_json_iter_next(values, it)) {
		const struct rep_field *field = rep_entity_field(entity, rep_json_iter_key(it));

		if (field && strcmp(field->visibility, "open") != 0 &&
		    strcmp(field->visibility, visibility) != 0)
			continue;
		if (!rep_json_set(out, rep_json_iter_key(it),
				  rep_json_ref(rep_json_iter_value(it)))) {
			rep_json_free(out);
			return NULL;
		}
	}
	return out;
}

/* {field: stamp, or stamps of parts}, of what the author saw. */
static struct rep_json *carry_saw(const struct rep_version_map *map, const struct rep_json *saw,
				  const struct rep_json *values)
{
	struct rep_json *out = rep_json_object();
	bool good = out != NULL;

	for (void *it = rep_json_iter(saw); good && it; it = rep_json_iter_next(saw, it)) {
		const struct rep_field *older = rep_entity_field(map->from, rep_json_iter_key(it));
		const struct rep_field *newer = older ? rep_map_forward(map, older) : NULL;

		if (newer && rep_json_get(values, newer->name))
			good = rep_json_set(
				out, newer->name,
				rep_map_keys(map, older, newer, rep_json_iter_value(it), false));
	}
	if (good)
		return out;
	rep_json_free(out);
	return NULL;
}

static enum rep_code carry_proposal(struct rep_versions *versions,
				    const struct rep_version_map *map, struct rep_record *item,
				    struct rep_error *err)
{
	const struct rep_json *given = rep_json_get(item->fields, "values");
	const struct rep_json *seen = rep_json_get(item->fields, "saw");
	const char *state = rep_json_get_string(item->fields, "state");
	struct rep_json *values = NULL, *kept = NULL, *saw = NULL;
	const char *visibility;
	bool good;
	enum rep_code rc;

	if (!given || !map->from)
		return REP_OK;
	rc = rep_map_values(versions, map, given, REP_OP_UPDATE, NULL, &values, err);
	if (rc != REP_OK)
		return rc;
	visibility = class_of(map->to, values);
	kept = within_class(map->to, values, visibility);
	saw = seen ? carry_saw(map, seen, kept) : NULL;
	good = kept && (!seen || saw) && set_class(item, visibility);
	if (good && rep_json_size(kept) == 0 && rep_json_size(given) > 0 && state &&
	    strcmp(state, "open") == 0)
		good = set_text(item, "state", "expired"); /* nothing of it is left to be decided */
	if (good)
		good = rep_json_set(item->fields, "values", rep_json_ref(kept));
	if (good && seen) {
		if (rep_json_size(saw))
			good = rep_json_set(item->fields, "saw", rep_json_ref(saw));
		else
			rep_json_del(item->fields, "saw");
	}
	rep_json_free(values);
	rep_json_free(kept);
	rep_json_free(saw);
	return good ? REP_OK : no_memory(err);
}

static enum rep_code carry_item(struct rep_versions *versions, const struct rep_version_map *map,
				const struct rep_schema *newer, struct rep_record *item,
				struct rep_error *err)
{
	const struct rep_entity *kind = rep_schema_entity(newer, item->entity->name);

	if (kind)
		item->entity = kind;
	if (strcmp(item->entity->name, "conflict") == 0)
		return carry_conflict(map, item, err);
	if (strcmp(item->entity->name, "proposal") == 0)
		return carry_proposal(versions, map, item, err);
	return REP_OK;
}

/* ---- steps ---- */

static enum rep_code migrate_step(struct rep_versions *versions, const char *entity,
				  struct rep_folded *folded, int from, int to,
				  struct rep_error *err)
{
	const struct rep_schema *newer;
	struct rep_version_map map;
	enum rep_code rc = rep_version_step(versions, from, entity, &map, err);

	if (rc == REP_OK)
		rc = rep_versions_schema(versions, to, &newer, err);
	if (rc != REP_OK)
		return rc;
	if (!map.to)
		return rep_fail(err, REP_EINTEGRITY, "version %d has no entity %s", to, entity);
	if (folded->record)
		rc = carry(versions, &map, &folded->record, err);
	for (size_t i = 0; rc == REP_OK && i < folded->reviews_len; i++)
		rc = carry_item(versions, &map, newer, folded->reviews[i], err);
	return rc;
}

enum rep_code rep_version_migrate(struct rep_versions *versions, const char *entity,
				  struct rep_folded *folded, int from, int to,
				  struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	while (rc == REP_OK && from < to) {
		int next = rep_versions_after(versions, from);

		rc = migrate_step(versions, entity, folded, from, next, err);
		from = next;
	}
	return rep_wrap(err, rc, "%s", entity);
}

enum rep_code rep_version_project(struct rep_versions *versions, const struct rep_record *record,
				  int from, int to, struct rep_record **out, struct rep_error *err)
{
	struct rep_record *at = rep_record_dup(record);
	enum rep_code rc = at ? REP_OK : no_memory(err);

	*out = NULL;
	while (rc == REP_OK && from > to) {
		struct rep_version_map map;
		struct rep_record *earlier = NULL;
		int before = rep_versions_before(versions, from);

		rc = rep_version_step(versions, before, record->entity->name, &map, err);
		if (rc == REP_OK && map.from && !(earlier = shell_of(at, map.from)))
			rc = no_memory(err);
		if (rc != REP_OK || !map.from)
			break;
		copy_fields(&map, at, earlier, true);
		rep_record_free(at);
		at = earlier;
		from = before;
		if (at->failed)
			rc = no_memory(err);
	}
	if (rc == REP_OK)
		*out = at;
	else
		rep_record_free(at);
	return rc;
}
