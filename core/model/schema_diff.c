/* What a version says differently, key by key, from the files as they were written. */
#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/schema_follow.h"
#include "core/model/version_map.h"

struct diff {
	const struct rep_schema *now, *next;
	struct rep_json *out;
	bool failed;
};

static struct rep_json *text_or_null(const char *text)
{
	return text ? rep_json_string(text) : rep_json_null();
}

static void row(struct diff *diff, const char *what, const char *entity, const char *field,
		const char *key, const struct rep_json *old, const struct rep_json *new)
{
	struct rep_json *one = rep_json_object();

	if (!rep_json_set_string(one, "what", what) ||
	    !rep_json_set(one, "entity", text_or_null(entity)) ||
	    !rep_json_set(one, "field", text_or_null(field)) ||
	    !rep_json_set(one, "key", text_or_null(key)) ||
	    !rep_json_set(one, "old", old ? rep_json_ref(old) : rep_json_null()) ||
	    !rep_json_set(one, "new", new ? rep_json_ref(new) : rep_json_null()) ||
	    !rep_json_append(diff->out, rep_json_ref(one)))
		diff->failed = true;
	rep_json_free(one);
}

static const char *what_of(const struct rep_json *old, const struct rep_json *new)
{
	return !old ? "added" : (!new ? "removed" : "changed");
}

/* Keys of the old object, then those that only the new one has. `skip` are told elsewhere. */
static void compare(struct diff *diff, const char *entity, const char *field, const char *prefix,
		    const struct rep_json *old, const struct rep_json *new, const char *const *skip)
{
	const struct rep_json *sides[2] = {old, new};

	for (size_t side = 0; side < 2; side++)
		for (void *it = rep_json_is(sides[side], REP_JSON_OBJECT)
					? rep_json_iter(sides[side])
					: NULL;
		     it; it = rep_json_iter_next(sides[side], it)) {
			const char *key = rep_json_iter_key(it);
			const struct rep_json *was = rep_json_get(old, key),
					      *is = rep_json_get(new, key);
			char full[2 * REP_NAME_LEN_MAX + 2];
			bool skipped = side == 1 && was;

			for (size_t i = 0; skip && skip[i]; i++)
				skipped = skipped || strcmp(skip[i], key) == 0;
			if (skipped || (was && is && rep_json_equal(was, is)))
				continue;
			snprintf(full, sizeof(full), "%s%s%s", prefix ? prefix : "",
				 prefix ? "." : "", key);
			row(diff, what_of(was, is), entity, field, full, was, is);
		}
}

/* ---- files ---- */

static const struct rep_schema_file *find(const struct rep_schema *schema, const char *path)
{
	for (size_t i = 0; i < schema->files->len; i++)
		if (strcmp(schema->files->files[i].path, path) == 0)
			return &schema->files->files[i];
	return NULL;
}

/* NULL where there is none; it was read before, when the schema was loaded. */
static struct rep_json *parse(struct diff *diff, const struct rep_schema *schema, const char *path)
{
	const struct rep_schema_file *file = find(schema, path);
	struct rep_json *doc = NULL;
	struct rep_error ignored;

	if (file && rep_json_parse(&doc, file->data, file->size_bytes, REP_SCHEMA_FILE_SIZE_MAX,
				   REP_SCHEMA_DEPTH_MAX, &ignored) != REP_OK)
		diff->failed = true;
	return doc;
}

static const struct rep_json *field_doc(const struct rep_json *entity, const char *name)
{
	const struct rep_json *fields = rep_json_get(entity, "fields");

	for (size_t i = 0; i < rep_json_size(fields); i++) {
		const char *text = rep_json_get_string(rep_json_at(fields, i), "name");

		if (text && strcmp(text, name) == 0)
			return rep_json_at(fields, i);
	}
	return NULL;
}

static void compare_fields(struct diff *diff, const char *entity, const struct rep_json *old,
			   const struct rep_json *new)
{
	static const char *const skip[] = {"name", NULL};
	struct rep_version_map map;

	rep_version_map_init(&map, diff->now, diff->next, entity);
	for (size_t i = 0; map.from && i < map.from->fields_len; i++) {
		const struct rep_field *was = &map.from->fields[i];
		const struct rep_field *is = map.to ? rep_map_forward(&map, was) : NULL;

		if (was->engine)
			continue;
		/* A field whose type changed is told of as one that changed. */
		if (!is && map.to)
			is = rep_entity_field(map.to, was->name);
		if (!is) {
			row(diff, "removed", entity, was->name, NULL, field_doc(old, was->name),
			    NULL);
			continue;
		}
		if (strcmp(was->name, is->name) != 0)
			row(diff, "renamed", entity, is->name, "name", field_doc(old, was->name),
			    field_doc(new, is->name));
		compare(diff, entity, is->name, NULL, field_doc(old, was->name),
			field_doc(new, is->name), skip);
	}
	for (size_t i = 0; map.to && i < map.to->fields_len; i++) {
		const struct rep_field *is = &map.to->fields[i];

		if (!is->engine && !(map.from && rep_entity_field(map.from, is->name)) &&
		    !(map.from && rep_map_back(&map, is)))
			row(diff, "added", entity, is->name, NULL, NULL, field_doc(new, is->name));
	}
}

static void compare_entity(struct diff *diff, const char *name)
{
	static const char *const skip[] = {"fields", NULL};
	char path[REP_NAME_LEN_MAX + 32];
	struct rep_json *old, *new;

	snprintf(path, sizeof(path), "entities/%s.json", name);
	old = parse(diff, diff->now, path);
	new = parse(diff, diff->next, path);
	if (!old || !new) {
		row(diff, what_of(old, new), name, NULL, NULL, NULL, NULL);
	} else {
		compare(diff, name, NULL, NULL, old, new, skip);
		compare_fields(diff, name, old, new);
	}
	rep_json_free(old);
	rep_json_free(new);
}

static void compare_top(struct diff *diff)
{
	static const char *const parts[] = {"roles", "visibility", "policy", "tables", NULL};
	static const char *const skip[] = {"roles",   "visibility", "policy",   "tables",
					   "version", "effective",  "mappings", "entities",
					   "reports", NULL};
	struct rep_json *old = parse(diff, diff->now, "schema.json");
	struct rep_json *new = parse(diff, diff->next, "schema.json");

	compare(diff, NULL, NULL, NULL, old, new, skip);
	for (size_t i = 0; parts[i]; i++)
		compare(diff, NULL, NULL, parts[i], rep_json_get(old, parts[i]),
			rep_json_get(new, parts[i]), NULL);
	rep_json_free(old);
	rep_json_free(new);
}

/* Reports and tables are told of as files. */
static void compare_others(struct diff *diff)
{
	const struct rep_schema *sides[2] = {diff->now, diff->next};

	for (size_t side = 0; side < 2; side++)
		for (size_t i = 0; i < sides[side]->files->len; i++) {
			const char *path = sides[side]->files->files[i].path;
			const struct rep_schema_file *was = find(diff->now, path),
						     *is = find(diff->next, path);

			if ((strncmp(path, "reports/", 8) != 0 &&
			     strncmp(path, "tables/", 7) != 0) ||
			    (side == 1 && was))
				continue;
			if (was && is && was->size_bytes == is->size_bytes &&
			    memcmp(was->data, is->data, is->size_bytes) == 0)
				continue;
			row(diff, !was ? "added" : (!is ? "removed" : "changed"), NULL, NULL, path,
			    NULL, NULL);
		}
}

enum rep_code rep_schema_diff(const struct rep_schema *now, const struct rep_schema *next,
			      struct rep_json **out, struct rep_error *err)
{
	struct diff diff = {.now = now, .next = next, .out = rep_json_array()};

	*out = NULL;
	compare_top(&diff);
	for (size_t i = 0; i < now->entities_len; i++)
		if (now->entities[i].builtin < REP_BUILTIN_DEVICE)
			compare_entity(&diff, now->entities[i].name);
	for (size_t i = 0; i < next->entities_len; i++)
		if (next->entities[i].builtin < REP_BUILTIN_DEVICE &&
		    !rep_schema_entity(now, next->entities[i].name))
			compare_entity(&diff, next->entities[i].name);
	compare_others(&diff);
	if (diff.failed || !diff.out) {
		rep_json_free(diff.out);
		return rep_fail(err, REP_ENOMEM, "compare versions");
	}
	*out = diff.out;
	return REP_OK;
}
