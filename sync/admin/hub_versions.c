/*
 * The versions of the hub's schema. Files of every version that was published lie in central under schemas/<number>/, those in
 * force under schema/; when each came into force, and the hash that was signed, say the records of `release`. A hub that never
 * had another than its first version has neither.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/tables.h"
#include "sync/device/device_work.h" /* rep_view_schema */
#include "sync/hub/hub_state.h"

enum rep_code rep_hub_load_schema(struct rep_hub *hub, const struct rep_oid *root,
				  struct rep_error *err)
{
	struct rep_versions_source source = {.load = NULL};
	struct rep_schema *schema = NULL;
	enum rep_code rc = rep_view_schema(&schema, hub->central, root, "schema", err);

	if (rc != REP_OK)
		return rc;
	rep_hub_drop_schema(hub);
	rc = rep_versions_new(&hub->versions, &source, err);
	if (rc == REP_OK)
		rc = rep_versions_add(hub->versions, schema->version, NULL, err);
	if (rc != REP_OK) {
		rep_schema_free(schema);
		return rc;
	}
	rep_versions_take(hub->versions, schema);
	rep_hub_enforce(hub, schema);
	return REP_OK;
}

void rep_hub_enforce(struct rep_hub *hub, const struct rep_schema *schema)
{
	hub->schema = schema;
}

void rep_hub_drop_schema(struct rep_hub *hub)
{
	rep_versions_free(hub->versions);
	rep_derive_free(hub->derive);
	hub->versions = NULL;
	hub->derive = NULL;
	hub->schema = NULL;
}

/* ---- what was published ---- */

struct listing {
	struct rep_release *list;
	size_t len;
};

static enum rep_code add_release(void *user, struct rep_record *record, struct rep_error *err)
{
	struct listing *listing = user;
	struct rep_release *list =
		reallocarray(listing->list, listing->len + 1, sizeof *listing->list);
	const char *hash = rep_json_string_value(rep_record_value(record, "hash"));
	const char *since = rep_json_string_value(rep_record_value(record, "effective"));

	if (!list)
		return rep_fail(err, REP_ENOMEM, "list versions");
	listing->list = list;
	list[listing->len] = (struct rep_release){.number = (int)strtol(record->id, NULL, 10)};
	if (hash)
		strncpy(list[listing->len].hash, hash, REP_HASH_HEX);
	if (since)
		strncpy(list[listing->len].since, since, REP_TIME_LEN);
	listing->len++;
	return REP_OK;
}

static int by_number(const void *a, const void *b)
{
	const struct rep_release *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

enum rep_code rep_hub_releases(struct rep_hub *hub, struct rep_release **out, size_t *len,
			       struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_builtin(hub->schema, REP_BUILTIN_RELEASE);
	struct listing listing = {0};
	enum rep_code rc = rep_row_each(hub->db, entity, NULL, add_release, &listing, err);

	*out = NULL;
	*len = 0;
	if (rc != REP_OK) {
		free(listing.list);
		return rep_wrap(err, rc, "list versions");
	}
	if (listing.len > 1) /* ids are text: 10 comes before 9 */
		qsort(listing.list, listing.len, sizeof *listing.list, by_number);
	*out = listing.list;
	*len = listing.len;
	return REP_OK;
}

enum rep_code rep_release_check(const struct rep_release *release, const struct rep_schema *schema,
				struct rep_error *err)
{
	return strcmp(schema->hash, release->hash) == 0
		       ? REP_OK
		       : rep_fail(err, REP_EINTEGRITY,
				  "the files of version %d are not those that were published",
				  release->number);
}

/* ---- files ---- */

enum rep_code rep_hub_version(struct rep_hub *hub, int number, struct rep_schema **out,
			      struct rep_error *err)
{
	struct rep_oid head, root, parent;
	char path[32];
	int64_t time_s;
	enum rep_code rc = rep_git_ref(hub->central, REP_MAIN, &head, err);

	*out = NULL;
	snprintf(path, sizeof path, REP_PATH_SCHEMAS "/%d", number);
	if (rc == REP_OK)
		rc = rep_git_commit_read(hub->central, &head, &root, &parent, &time_s, err);
	return rc == REP_OK ? rep_view_schema(out, hub->central, &root, path, err) : rc;
}

static enum rep_code load(void *user, int number, struct rep_schema **out, struct rep_error *err)
{
	return rep_hub_version(user, number, out, err);
}

static enum rep_code derive(void *user, const char *sql, const struct rep_entity *entity,
			    const struct rep_json *old, const struct rep_field *field,
			    struct rep_json **out, struct rep_error *err)
{
	struct rep_hub *hub = user;
	enum rep_code rc = hub->derive ? REP_OK : rep_derive_new(&hub->derive, err);

	return rc == REP_OK ? rep_derive_value(hub->derive, sql, entity, old, field, out, err) : rc;
}

struct rep_versions_source rep_hub_versions_source(struct rep_hub *hub)
{
	return (struct rep_versions_source){.load = load, .derive = derive, .user = hub};
}

enum rep_code rep_hub_load_versions(struct rep_hub *hub, struct rep_error *err)
{
	const struct rep_versions_source source = rep_hub_versions_source(hub);
	const int newest = hub->schema->version;
	struct rep_versions *versions = NULL;
	struct rep_release *list;
	struct rep_schema *schema = NULL;
	size_t len;
	enum rep_code rc = rep_hub_releases(hub, &list, &len, err);

	if (rc == REP_OK)
		rc = rep_versions_new(&versions, &source, err);
	/* The one before the first that was published is the one that the hub was made with. */
	if (rc == REP_OK)
		rc = rep_versions_add(versions,
				      len && list[0].number <= newest ? list[0].number - 1 : newest,
				      NULL, err);
	for (size_t i = 0; rc == REP_OK && i < len && list[i].number <= newest; i++)
		rc = rep_versions_add(versions, list[i].number, list[i].since, err);
	if (rc == REP_OK && !rep_versions_has(versions, newest))
		rc = rep_fail(err, REP_EINTEGRITY, "version %d was never published", newest);
	free(list);
	if (rc != REP_OK) {
		rep_versions_free(versions);
		return rep_wrap(err, rc, "versions of the schema");
	}
	schema = rep_versions_give(hub->versions, newest);
	rep_versions_free(hub->versions);
	hub->versions = versions;
	rep_versions_take(versions, schema);
	return REP_OK;
}

void rep_release_ref(struct rep_buf *out, const char *hash)
{
	rep_buf_printf(out, "refs/schemas/%s", hash);
}

/* As central's main has them. */
static enum rep_code merged_files(struct rep_hub *hub, const char *id, struct rep_oid *out,
				  struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(128);
	struct rep_oid head, root, parent;
	bool is_tree = false;
	int64_t time_s;
	enum rep_code rc = rep_git_ref(hub->central, REP_MAIN, &head, err);

	rep_buf_printf(&path, REP_PATH_SCHEMAS "/%s", id);
	if (rc == REP_OK)
		rc = rep_git_commit_read(hub->central, &head, &root, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_tree_find(hub->central, &root, rep_buf_str(&path), out, &is_tree, err);
	rep_buf_clear(&path);
	return rc;
}

enum rep_code rep_release_files(struct rep_hub *hub, const char *id, const char *hash,
				struct rep_oid *out, struct rep_error *err)
{
	struct rep_buf ref = REP_BUF_INIT(128);
	struct rep_oid commit = rep_oid_zero, parent;
	int64_t time_s;
	enum rep_code rc = merged_files(hub, id, out, err);

	rep_release_ref(&ref, hash);
	if (rc == REP_OK && rep_oid_is_zero(out) && strlen(hash) == REP_HASH_HEX)
		rc = rep_git_ref(hub->central, rep_buf_str(&ref), &commit, err);
	if (rc == REP_OK && !rep_oid_is_zero(&commit))
		rc = rep_git_commit_read(hub->central, &commit, out, &parent, &time_s, err);
	rep_buf_clear(&ref);
	return rc;
}
