/* Loading: the files that are listed, each once, then what only the whole can tell. */
#include "core/model/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/key.h"
#include "core/model/schema_load.h"

const struct rep_schema_file *rep_loader_file(const struct rep_loader *ld, const char *path)
{
	const struct rep_schema_files *files = ld->schema->files;

	for (size_t i = 0; i < files->len; i++)
		if (strcmp(files->files[i].path, path) == 0)
			return &files->files[i];
	return NULL;
}

/* Is `path` "<folder>/<name><suffix>" for one of the names? */
static bool is_listed(const char *path, const char *folder, const char *suffix,
		      const struct rep_json *names)
{
	char listed[REP_NAME_LEN_MAX + 32];

	for (size_t i = 0; i < rep_json_size(names); i++) {
		snprintf(listed, sizeof listed, "%s/%s%s", folder,
			 rep_json_string_value(rep_json_at(names, i)), suffix);
		if (strcmp(path, listed) == 0)
			return true;
	}
	return false;
}

static bool is_table(const struct rep_schema *schema, const char *path)
{
	char listed[REP_NAME_LEN_MAX + 32];

	for (size_t i = 0; i < schema->tables_len; i++) {
		snprintf(listed, sizeof listed, "tables/%s.csv", schema->tables[i].name);
		if (strcmp(path, listed) == 0)
			return true;
	}
	return false;
}

static enum rep_code check_listed(struct rep_loader *ld)
{
	const struct rep_schema_files *files = ld->schema->files;

	for (size_t i = 0; i < files->len; i++) {
		const char *path = files->files[i].path;

		if (strcmp(path, "schema.json") == 0 ||
		    is_listed(path, "entities", ".json", ld->entity_names) ||
		    is_listed(path, "reports", ".sql", ld->report_names) ||
		    is_table(ld->schema, path))
			continue;
		ld->file = path;
		return rep_loader_bad(ld, "file-not-listed", "schema.json does not name it");
	}
	return REP_OK;
}

static enum rep_code parse_entity(struct rep_loader *ld, const char *name, struct rep_json **doc)
{
	char path[REP_NAME_LEN_MAX + 32];
	struct rep_error why;

	snprintf(path, sizeof path, "entities/%s.json", name);
	const struct rep_schema_file *file = rep_loader_file(ld, path);

	if (!file)
		return rep_loader_bad(ld, "file-missing", "%s", path);
	ld->file = file->path;
	enum rep_code rc = rep_json_parse(doc, file->data, file->size_bytes,
					  REP_SCHEMA_FILE_SIZE_MAX, REP_SCHEMA_DEPTH_MAX, &why);

	if (rc)
		return rep_loader_judge(ld, rc, "json", "", &why);
	*doc = rep_arena_json(ld->arena, *doc);
	return *doc ? REP_OK : rep_loader_no_memory(ld);
}

/* First all files, then what they say of one another. */
static enum rep_code load_entities(struct rep_loader *ld)
{
	struct rep_schema *schema = ld->schema;
	size_t count = rep_json_size(ld->entity_names);
	struct rep_json **docs = NULL;
	enum rep_code rc = rep_loader_array(ld, &schema->entities, count + rep_builtin_count(),
					    sizeof *schema->entities);

	if (!rc)
		rc = rep_loader_array(ld, &docs, count, sizeof *docs);
	for (size_t i = 0; !rc && i < count; i++) {
		const char *name = rep_json_string_value(rep_json_at(ld->entity_names, i));

		rc = parse_entity(ld, name, &docs[i]);
		if (!rc)
			rc = rep_load_entity(ld, &schema->entities[i], name, docs[i]);
		if (!rc) {
			schema->entities_len = i + 1;
			ld->file = "schema.json";
			ld->entity = ld->field = NULL;
		}
	}
	for (size_t i = 0; !rc && i < count; i++) {
		char path[REP_NAME_LEN_MAX + 32];

		snprintf(path, sizeof path, "entities/%s.json", schema->entities[i].name);
		ld->file = rep_loader_file(ld, path)->path;
		ld->entity = schema->entities[i].name;
		ld->field = NULL;
		rc = rep_resolve_entity(ld, &schema->entities[i], docs[i]);
	}
	if (!rc)
		ld->file = "schema.json";
	return rc ? rc : rep_resolve_cycles(ld);
}

static enum rep_code load_reports(struct rep_loader *ld)
{
	struct rep_schema *schema = ld->schema;
	size_t count = rep_json_size(ld->report_names);
	char path[REP_NAME_LEN_MAX + 32];
	enum rep_code rc = rep_loader_array(ld, &schema->reports, count, sizeof *schema->reports);

	for (size_t i = 0; !rc && i < count; i++) {
		const char *name = rep_json_string_value(rep_json_at(ld->report_names, i));

		snprintf(path, sizeof path, "reports/%s.sql", name);
		const struct rep_schema_file *file = rep_loader_file(ld, path);

		ld->file = file ? file->path : "schema.json";
		ld->entity = ld->field = NULL;
		rc = file ? rep_load_report(ld, &schema->reports[i], name, file->data)
			  : rep_loader_bad(ld, "file-missing", "%s", path);
		schema->reports_len = i + 1;
	}
	return rc;
}

static enum rep_code make_identity(struct rep_loader *ld)
{
	struct rep_schema *schema = ld->schema;
	struct rep_buf list = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	char hash[REP_HASH_HEX + 1];

	for (size_t i = 0; i < schema->files->len; i++) {
		const struct rep_schema_file *file = &schema->files->files[i];

		rep_sha256_hex(hash, file->data, file->size_bytes);
		rep_buf_printf(&list, "%s %s\n", hash, file->path);
	}
	enum rep_code rc = rep_buf_check(&list, "list of schema files", ld->err);

	if (!rc)
		rep_sha256_hex(schema->hash, rep_buf_str(&list), list.len);
	snprintf(schema->id, sizeof schema->id, "%s/%d", schema->name, schema->version);
	rep_buf_clear(&list);
	return rc;
}

static enum rep_code load(struct rep_loader *ld)
{
	enum rep_code rc = rep_load_top(ld);

	if (!rc)
		rc = check_listed(ld);
	ld->file = rc ? ld->file : "schema.json";
	if (!rc)
		rc = load_entities(ld);
	if (!rc)
		rc = load_reports(ld);
	if (!rc)
		rc = rep_load_builtin(ld);
	return rc ? rc : make_identity(ld);
}

enum rep_code rep_schema_load(struct rep_schema **out, struct rep_schema_files *files,
			      struct rep_error *err)
{
	struct rep_schema *schema = calloc(1, sizeof *schema);
	struct rep_schema_files *own = calloc(1, sizeof *own);
	struct rep_arena *arena = rep_arena_new();
	enum rep_code rc;

	*out = NULL;
	if (!schema || !own || !arena) {
		rep_schema_files_clear(files);
		rep_arena_free(arena);
		free(own);
		free(schema);
		return rep_fail(err, REP_ENOMEM, "schema: out of memory");
	}
	*own = *files;
	*files = (struct rep_schema_files){0};
	schema->files = own;
	schema->arena = arena;
	rc = load(&(struct rep_loader){.schema = schema, .arena = arena, .err = err});
	if (rc)
		rep_schema_free(schema);
	else
		*out = schema;
	return rc;
}

enum rep_code rep_schema_load_dir(struct rep_schema **out, const char *dir, struct rep_error *err)
{
	struct rep_schema_files files;
	enum rep_code rc = rep_schema_files_read(&files, dir, err);

	*out = NULL;
	return rc ? rc : rep_schema_load(out, &files, err);
}

void rep_schema_free(struct rep_schema *schema)
{
	if (!schema)
		return;
	rep_arena_free(schema->arena);
	rep_schema_files_clear(schema->files);
	free(schema->files);
	free(schema);
}
