/* schema.json: roles, classes of visibility, policy, what is forbidden, tables, versions. */
#include <string.h>

#include "core/model/schema_load.h"
#include "core/model/value.h"

#define VERSION_MAX 1000000
#define RANK_MAX 1000000

static enum rep_code in_list(struct rep_loader *ld, const struct rep_json *names, const char *name)
{
	for (size_t i = 0; i < rep_json_size(names); i++) {
		const char *other = rep_json_string_value(rep_json_at(names, i));

		if (other && strcmp(other, name) == 0)
			return REP_OK;
	}
	return rep_loader_bad(ld, "unknown-reference", "there is no entity \"%s\"", name);
}

static enum rep_code role_label(struct rep_loader *ld, void *role, const struct rep_json *value)
{
	return rep_loader_label(ld, &((struct rep_role *)role)->label, value);
}

static enum rep_code role_rank(struct rep_loader *ld, void *role, const struct rep_json *value)
{
	int64_t rank = rep_json_integer_value(value);

	if (rank < 1 || rank > RANK_MAX)
		return rep_loader_bad(ld, "bad-limit", "\"rank\" is 1 to %d", RANK_MAX);
	((struct rep_role *)role)->rank = (int)rank;
	return REP_OK;
}

static enum rep_code role_scope(struct rep_loader *ld, void *role, const struct rep_json *value)
{
	static const char *const scopes[] = {"held", "below", "all", NULL};
	int scope = rep_word_index(scopes, rep_json_string_value(value));

	if (scope < 0)
		return rep_loader_bad(ld, "json", "\"scope\" is held, below or all");
	((struct rep_role *)role)->scope = (enum rep_scope)scope;
	return REP_OK;
}

static enum rep_code role_entities(struct rep_loader *ld, void *target,
				   const struct rep_json *value)
{
	struct rep_role *role = target;
	enum rep_code rc =
		rep_loader_names(ld, &role->entities, &role->entities_len, value, "entities");

	for (size_t i = 0; !rc && i < role->entities_len; i++)
		rc = in_list(ld, ld->entity_names, role->entities[i]);
	return rc;
}

static enum rep_code role_desk(struct rep_loader *ld, void *role, const struct rep_json *value)
{
	(void)ld;
	((struct rep_role *)role)->desk = rep_json_bool_value(value);
	return REP_OK;
}

static enum rep_code load_roles(struct rep_loader *ld, const struct rep_json *object)
{
	static const struct rep_key_rule rules[] = {
		{"label", REP_KIND_ANY, true, role_label, 0},
		{"rank", REP_KIND_INTEGER, true, role_rank, 0},
		{"scope", REP_KIND_STRING, true, role_scope, 0},
		{"entities", REP_KIND_ARRAY, false, role_entities, 0},
		{"desk", REP_KIND_BOOL, false, role_desk, 0},
	};
	enum rep_code rc = rep_loader_array(ld, &ld->schema->roles, rep_json_size(object),
					    sizeof *ld->schema->roles);

	ld->entity = "roles";
	for (void *at = rep_json_iter(object); !rc && at; at = rep_json_iter_next(object, at)) {
		struct rep_role *role = &ld->schema->roles[ld->schema->roles_len];

		role->name = rep_json_iter_key(at);
		ld->field = role->name;
		rc = rep_loader_name(ld, role->name, false);
		if (!rc && strcmp(role->name, "hub") == 0)
			rc = rep_loader_bad(ld, "bad-name", "\"hub\" is the engine itself");
		if (!rc)
			rc = rep_loader_walk(ld, rep_json_iter_value(at), rules,
					     sizeof rules / sizeof *rules, 0, role);
		ld->schema->roles_len++;
	}
	ld->entity = ld->field = NULL;
	return rc;
}

static enum rep_code load_visibility(struct rep_loader *ld, const struct rep_json *object)
{
	enum rep_code rc = rep_loader_array(ld, &ld->schema->visibility, rep_json_size(object),
					    sizeof *ld->schema->visibility);

	ld->entity = "visibility";
	for (void *at = rep_json_iter(object); !rc && at; at = rep_json_iter_next(object, at)) {
		struct rep_visibility *class = &ld->schema->visibility[ld->schema->visibility_len];

		class->name = rep_json_iter_key(at);
		ld->field = class->name;
		rc = rep_loader_name(ld, class->name, false);
		if (!rc && strcmp(class->name, "open") == 0)
			rc = rep_loader_bad(ld, "bad-name", "\"open\" is the engine's class");
		if (!rc && !rep_json_is(rep_json_iter_value(at), REP_JSON_ARRAY))
			rc = rep_loader_bad(ld, "json", "the readers must be an array");
		if (!rc)
			rc = rep_loader_terms(ld, &class->readers, rep_json_iter_value(at));
		ld->schema->visibility_len++;
	}
	ld->entity = ld->field = NULL;
	return rc;
}

static bool policy_value_valid(const struct rep_json *value)
{
	if (rep_json_is(value, REP_JSON_INTEGER) || rep_json_is(value, REP_JSON_STRING))
		return true;
	if (!rep_json_is(value, REP_JSON_ARRAY) || rep_json_size(value) == 0)
		return false;
	for (size_t i = 0; i < rep_json_size(value); i++)
		if (!rep_json_is(rep_json_at(value, i), REP_JSON_STRING))
			return false;
	return true;
}

static enum rep_code load_policy(struct rep_loader *ld, struct rep_json *object)
{
	enum rep_code rc = REP_OK;

	ld->schema->policy = object;
	ld->entity = "policy";
	for (void *at = rep_json_iter(object); !rc && at; at = rep_json_iter_next(object, at)) {
		ld->field = rep_json_iter_key(at);
		rc = rep_loader_name(ld, ld->field, false);
		if (!rc && !policy_value_valid(rep_json_iter_value(at)))
			rc = rep_loader_bad(ld, "json",
					    "a policy is an integer, text or an array of texts");
	}
	ld->entity = ld->field = NULL;
	return rc;
}

static enum rep_code forbid_pattern(struct rep_loader *ld, void *target,
				    const struct rep_json *value)
{
	struct rep_forbid *forbid = target;
	struct rep_pattern *pattern;
	struct rep_error why;

	forbid->pattern = rep_json_string_value(value);
	enum rep_code rc = rep_pattern_new(&pattern, forbid->pattern, false, &why);

	if (rc)
		return rep_loader_judge(ld, rc, "bad-pattern", "", &why);
	forbid->pattern_compiled = rep_arena_pattern(ld->arena, pattern);
	return forbid->pattern_compiled ? REP_OK : rep_loader_no_memory(ld);
}

static enum rep_code forbid_why(struct rep_loader *ld, void *forbid, const struct rep_json *value)
{
	return rep_loader_label(ld, &((struct rep_forbid *)forbid)->why, value);
}

static enum rep_code load_forbids(struct rep_loader *ld, const struct rep_json *array)
{
	static const struct rep_key_rule rules[] = {
		{"pattern", REP_KIND_STRING, true, forbid_pattern, 0},
		{"why", REP_KIND_ANY, true, forbid_why, 0},
	};
	size_t count = rep_json_size(array);
	enum rep_code rc =
		rep_loader_array(ld, &ld->schema->forbids, count, sizeof *ld->schema->forbids);

	ld->entity = "forbid";
	for (size_t i = 0; !rc && i < count; i++)
		rc = rep_loader_walk(ld, rep_json_at(array, i), rules, sizeof rules / sizeof *rules,
				     0, &ld->schema->forbids[i]);
	if (!rc)
		ld->schema->forbids_len = count;
	ld->entity = NULL;
	return rc;
}

/*
 * The shape alone. Whether a mapping names what the version before had is known only where that
 * version is: at publication.
 */
static enum rep_code load_mappings(struct rep_loader *ld, struct rep_json *array)
{
	static const struct rep_key_rule rules[] = {
		{"from", REP_KIND_INTEGER, true, NULL, 0},
		{"entity", REP_KIND_STRING, true, NULL, 0},
		{"rename", REP_KIND_OBJECT, false, NULL, 0},
		{"values", REP_KIND_OBJECT, false, NULL, 0},
		{"derive", REP_KIND_OBJECT, false, NULL, 0},
		{"drop", REP_KIND_ARRAY, false, NULL, 0},
	};
	enum rep_code rc = REP_OK;

	ld->entity = "mappings";
	for (size_t i = 0; !rc && i < rep_json_size(array); i++)
		rc = rep_loader_walk(ld, rep_json_at(array, i), rules, sizeof rules / sizeof *rules,
				     0, NULL);
	ld->entity = NULL;
	ld->schema->mappings = array;
	return rc;
}

static enum rep_code load_identity(struct rep_loader *ld, const struct rep_json *top)
{
	const struct rep_field datetime = {.name = "effective", .type = REP_TYPE_DATETIME};
	struct rep_schema *schema = ld->schema;
	int64_t version = rep_json_get_integer(top, "version");
	struct rep_error why;

	if (rep_json_get_integer(top, "format") != 1)
		return rep_loader_bad(ld, "json", "\"format\" must be 1");
	schema->name = rep_json_get_string(top, "name");
	enum rep_code rc = rep_loader_name(ld, schema->name, false);

	if (rc)
		return rc;
	if (version < 1 || version > VERSION_MAX)
		return rep_loader_bad(ld, "bad-limit", "\"version\" is 1 to %d", VERSION_MAX);
	schema->version = (int)version;
	schema->effective = rep_json_get_string(top, "effective");
	rc = rep_loader_judge(ld, rep_value_check(&datetime, rep_json_get(top, "effective"), &why),
			      "json", "", &why);
	return rc ? rc : rep_loader_label(ld, &schema->label, rep_json_get(top, "label"));
}

static enum rep_code load_lists(struct rep_loader *ld, const struct rep_json *top)
{
	const char **names = NULL;
	size_t len = 0;
	enum rep_code rc = rep_loader_names(ld, &ld->schema->sources, &ld->schema->sources_len,
					    rep_json_get(top, "sources"), "sources");

	ld->entity_names = rep_json_get(top, "entities");
	ld->report_names = rep_json_get(top, "reports");
	if (!rc)
		rc = rep_loader_names(ld, &names, &len, ld->entity_names, "entities");
	if (!rc && len > REP_ENTITIES_MAX)
		rc = rep_loader_bad(ld, "too-many", "%zu entities, at most %u", len,
				    REP_ENTITIES_MAX);
	for (size_t i = 0; !rc && i < len; i++)
		rc = rep_loader_name(ld, names[i], true);
	if (!rc)
		rc = rep_loader_names(ld, &names, &len, ld->report_names, "reports");
	if (!rc && len > REP_REPORTS_MAX)
		rc = rep_loader_bad(ld, "too-many", "%zu reports, at most %u", len,
				    REP_REPORTS_MAX);
	for (size_t i = 0; !rc && i < len; i++)
		rc = rep_loader_name(ld, names[i], false);
	return rc;
}

static enum rep_code parse_top(struct rep_loader *ld, struct rep_json **out)
{
	const struct rep_schema_files *files = ld->schema->files;
	struct rep_error why;

	*out = NULL;
	for (size_t i = 0; i < files->len; i++) {
		if (strcmp(files->files[i].path, "schema.json") != 0)
			continue;
		enum rep_code rc =
			rep_json_parse(out, files->files[i].data, files->files[i].size_bytes,
				       REP_SCHEMA_FILE_SIZE_MAX, REP_SCHEMA_DEPTH_MAX, &why);

		if (rc)
			return rep_loader_judge(ld, rc, "json", "", &why);
		*out = rep_arena_json(ld->arena, *out);
		return *out ? REP_OK : rep_loader_no_memory(ld);
	}
	return rep_loader_bad(ld, "file-missing", "there is no such file");
}

enum rep_code rep_load_top(struct rep_loader *ld)
{
	static const struct rep_key_rule rules[] = {
		{"format", REP_KIND_INTEGER, true, NULL, 0},
		{"name", REP_KIND_STRING, true, NULL, 0},
		{"version", REP_KIND_INTEGER, true, NULL, 0},
		{"effective", REP_KIND_STRING, true, NULL, 0},
		{"label", REP_KIND_ANY, true, NULL, 0},
		{"roles", REP_KIND_OBJECT, true, NULL, 0},
		{"visibility", REP_KIND_OBJECT, false, NULL, 0},
		{"policy", REP_KIND_OBJECT, false, NULL, 0},
		{"forbid", REP_KIND_ARRAY, false, NULL, 0},
		{"sources", REP_KIND_ARRAY, false, NULL, 0},
		{"tables", REP_KIND_OBJECT, false, NULL, 0},
		{"entities", REP_KIND_ARRAY, true, NULL, 0},
		{"reports", REP_KIND_ARRAY, false, NULL, 0},
		{"mappings", REP_KIND_ARRAY, false, NULL, 0},
	};
	struct rep_json *top;

	ld->file = "schema.json";
	enum rep_code rc = parse_top(ld, &top);

	if (!rc)
		rc = rep_loader_walk(ld, top, rules, sizeof rules / sizeof *rules, 0, NULL);
	if (!rc)
		rc = load_identity(ld, top);
	if (!rc)
		rc = load_lists(ld, top);
	if (!rc)
		rc = load_roles(ld, rep_json_get(top, "roles"));
	if (!rc)
		rc = load_visibility(ld, rep_json_get(top, "visibility"));
	if (!rc)
		rc = load_policy(ld, rep_json_get(top, "policy"));
	if (!rc)
		rc = load_forbids(ld, rep_json_get(top, "forbid"));
	if (!rc)
		rc = load_mappings(ld, rep_json_get(top, "mappings"));
	if (!rc)
		rc = rep_load_tables(ld, rep_json_get(top, "tables"));
	return rc;
}
