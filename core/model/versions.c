#include "core/model/versions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/version_map.h"

struct version {
	int number;
	char since[REP_TIME_LEN + 1];
	struct rep_schema *schema; /* NULL until it is asked for */
};

struct rep_versions {
	struct rep_versions_source source;
	struct version *list; /* by number */
	size_t len;
};

enum rep_code rep_versions_new(struct rep_versions **out, const struct rep_versions_source *source,
			       struct rep_error *err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return rep_fail(err, REP_ENOMEM, "versions");
	(*out)->source = *source;
	return REP_OK;
}

void rep_versions_free(struct rep_versions *versions)
{
	if (!versions)
		return;
	for (size_t i = 0; i < versions->len; i++)
		rep_schema_free(versions->list[i].schema);
	free(versions->list);
	free(versions);
}

enum rep_code rep_versions_add(struct rep_versions *versions, int number, const char *since,
			       struct rep_error *err)
{
	struct version *list =
		reallocarray(versions->list, versions->len + 1, sizeof(*versions->list));
	struct version *version;

	if (!list)
		return rep_fail(err, REP_ENOMEM, "versions");
	versions->list = list;
	if (versions->len && list[versions->len - 1].number >= number)
		return rep_fail(err, REP_EINTEGRITY, "version %d follows version %d", number,
				list[versions->len - 1].number);
	version = &list[versions->len++];
	*version = (struct version){.number = number};
	if (since)
		strncpy(version->since, since, REP_TIME_LEN);
	return REP_OK;
}

static struct version *find(const struct rep_versions *versions, int number)
{
	for (size_t i = versions->len; i > 0; i--)
		if (versions->list[i - 1].number == number)
			return &versions->list[i - 1];
	return NULL;
}

void rep_versions_take(struct rep_versions *versions, struct rep_schema *schema)
{
	struct version *version = schema ? find(versions, schema->version) : NULL;

	if (!version || version->schema) {
		rep_schema_free(schema);
		return;
	}
	version->schema = schema;
}

struct rep_schema *rep_versions_give(struct rep_versions *versions, int number)
{
	struct version *version = versions ? find(versions, number) : NULL;
	struct rep_schema *schema = version ? version->schema : NULL;

	if (version)
		version->schema = NULL;
	return schema;
}

int rep_versions_first(const struct rep_versions *versions)
{
	return versions->len ? versions->list[0].number : 0;
}

int rep_versions_newest(const struct rep_versions *versions)
{
	return versions->len ? versions->list[versions->len - 1].number : 0;
}

/* Times and stamps begin alike; a version holds from its very first moment on. */
int rep_versions_at(const struct rep_versions *versions, const char *stamp)
{
	for (size_t i = versions->len; i > 1; i--)
		if (strncmp(stamp, versions->list[i - 1].since, REP_TIME_LEN) >= 0)
			return versions->list[i - 1].number;
	return rep_versions_first(versions);
}

const char *rep_versions_since(const struct rep_versions *versions, int number)
{
	const struct version *version = find(versions, number);

	return version ? version->since : NULL;
}

bool rep_versions_has(const struct rep_versions *versions, int number)
{
	return find(versions, number) != NULL;
}

enum rep_code rep_versions_schema(struct rep_versions *versions, int number,
				  const struct rep_schema **out, struct rep_error *err)
{
	struct version *version = find(versions, number);
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!version)
		return rep_fail(err, REP_ENOTFOUND, "version %d of the schema is not known",
				number);
	if (!version->schema)
		rc = versions->source.load(versions->source.user, number, &version->schema, err);
	*out = version->schema;
	return rep_wrap(err, rc, "version %d of the schema", number);
}

int rep_version_of_id(const char *id, const char *name)
{
	size_t len = strlen(name);
	char again[16];
	long number;

	if (strncmp(id, name, len) != 0 || id[len] != '/')
		return 0;
	number = strtol(id + len + 1, NULL, 10);
	snprintf(again, sizeof(again), "%ld", number);
	return number > 0 && number <= 1000000 && strcmp(again, id + len + 1) == 0 ? (int)number
										   : 0;
}

int rep_versions_after(const struct rep_versions *versions, int number)
{
	const struct version *version = find(versions, number);

	return version && version + 1 < versions->list + versions->len ? version[1].number : 0;
}

int rep_versions_before(const struct rep_versions *versions, int number)
{
	const struct version *version = find(versions, number);

	return version && version > versions->list ? version[-1].number : 0;
}

enum rep_code rep_version_step(struct rep_versions *versions, int from, const char *entity,
			       struct rep_version_map *out, struct rep_error *err)
{
	const struct rep_schema *older = NULL, *newer = NULL;
	enum rep_code rc = rep_versions_schema(versions, from, &older, err);

	if (rc == REP_OK)
		rc = rep_versions_schema(versions, rep_versions_after(versions, from), &newer, err);
	if (rc == REP_OK)
		rep_version_map_init(out, older, newer, entity);
	return rc;
}

enum rep_code rep_map_derive(struct rep_versions *versions, const struct rep_version_map *map,
			     const char *sql, const struct rep_json *old,
			     const struct rep_field *field, struct rep_json **out,
			     struct rep_error *err)
{
	return versions->source.derive(versions->source.user, sql, map->from, old, field, out, err);
}
