#include "core/store/tables.h"

#include <string.h>

#include "core/base/limits.h"
#include "core/store/columns.h"
#include "core/store/reference.h"
#include "core/store/rows.h"

#define SQL_SIZE_MAX (4u * 1024u * 1024u)

/*
 * Ids as every path component of repsync. It is a CHECK, unlike the bounds of fields, which stand in the capture triggers:
 * a view brings valid ids only, but its values may be older than the bounds of the schema in force.
 */
#define ID_COLUMN                                                                                  \
	"id TEXT NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 64 AND id GLOB "             \
	"'[A-Za-z0-9]*' AND id NOT GLOB '*[^A-Za-z0-9._-]*' AND id NOT GLOB '*.' AND id NOT GLOB " \
	"'*..*')"

#define ENGINE_COLUMNS                                                                                \
	"_partition TEXT NOT NULL DEFAULT '', _created TEXT NOT NULL DEFAULT '', "                    \
	"_created_rep TEXT NOT NULL DEFAULT '', _deleted TEXT, _stamps TEXT NOT NULL DEFAULT '{}', "  \
	"_sources TEXT, _flags TEXT, _twin TEXT, _extra TEXT, _place TEXT NOT NULL DEFAULT 'local', " \
	"created_at TEXT GENERATED ALWAYS AS (substr(_created, 1, 24)) VIRTUAL, "                     \
	"created_by TEXT GENERATED ALWAYS AS (_created_rep) VIRTUAL"

const char *rep_table_name(const struct rep_entity *entity)
{
	switch (entity->builtin) {
	case REP_BUILTIN_DEVICE:
		return "_device";
	case REP_BUILTIN_ROLE:
		return "_role";
	case REP_BUILTIN_RELEASE:
		return "_release";
	case REP_BUILTIN_REVIEW:
		return "_review";
	case REP_BUILTIN_NONE:
	case REP_BUILTIN_REP:
	case REP_BUILTIN_TERRITORY:
	case REP_BUILTIN_ASSIGNMENT:
		break;
	}
	return entity->name;
}

static void field_column(struct rep_buf *sql, const struct rep_field *field, bool added)
{
	const char *empty = rep_column_empty(field);

	rep_db_quote(sql, field->name);
	rep_buf_printf(sql, " %s", rep_column_decl(field));
	if (strcmp(empty, "NULL") != 0)
		rep_buf_printf(sql, " NOT NULL DEFAULT %s", empty);
	/* A column that is added later has no CHECK: SQLite would read every row to try it. */
	if (!rep_column_holds_json(field) || added)
		return;
	rep_buf_puts(sql, " CHECK (");
	if (field->type == REP_TYPE_JSON) {
		rep_db_quote(sql, field->name);
		rep_buf_puts(sql, " IS NULL OR ");
	}
	rep_buf_puts(sql, "json_valid(");
	rep_db_quote(sql, field->name);
	rep_buf_puts(sql, ")");
	if (field->type != REP_TYPE_JSON) {
		rep_buf_puts(sql, " AND json_type(");
		rep_db_quote(sql, field->name);
		rep_buf_printf(sql, ") = '%s'", field->type == REP_TYPE_MAP ? "object" : "array");
	}
	rep_buf_puts(sql, ")");
}

void rep_table_definition(struct rep_buf *sql, const struct rep_entity *entity, const char *name)
{
	rep_buf_puts(sql, "CREATE TABLE IF NOT EXISTS ");
	rep_db_quote(sql, name);
	rep_buf_puts(sql, " (" ID_COLUMN ", ");
	for (size_t i = 0; i < entity->fields_len; i++) {
		field_column(sql, &entity->fields[i], false);
		rep_buf_puts(sql, ", ");
	}
	rep_buf_puts(sql, ENGINE_COLUMNS ") STRICT;\n");
}

static void create_index(struct rep_buf *sql, const struct rep_entity *entity, const char *name,
			 const char *const *columns, size_t len)
{
	struct rep_buf full = REP_BUF_INIT(256);

	rep_buf_printf(&full, "%s__%s", rep_table_name(entity), name);
	rep_buf_puts(sql, "CREATE INDEX IF NOT EXISTS ");
	rep_db_quote(sql, rep_buf_str(&full));
	rep_buf_clear(&full);
	rep_buf_puts(sql, " ON ");
	rep_db_quote(sql, rep_table_name(entity));
	for (size_t i = 0; i < len; i++) {
		rep_buf_puts(sql, i ? ", " : " (");
		rep_db_quote(sql, columns[i]);
	}
	rep_buf_puts(sql, ");\n");
}

static void create_indexes(struct rep_buf *sql, const struct rep_entity *entity)
{
	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];

		if (field->type == REP_TYPE_REFERENCE || field->unique != REP_UNIQUE_NO)
			create_index(sql, entity, field->name, &field->name, 1);
	}
	if (entity->external_key_len > 0)
		create_index(sql, entity, "external__key", entity->external_key,
			     entity->external_key_len);
}

/* A reference is never rewritten when its record is merged; it is read through the tombstone. */
static void reference_column(struct rep_buf *sql, const char *target, const char *value)
{
	rep_buf_puts(sql, "coalesce((SELECT json_extract(t._deleted, '$.merged_into') FROM ");
	rep_db_quote(sql, target);
	rep_buf_printf(sql, " AS t WHERE t.id = %s AND t._deleted IS NOT NULL), %s)", value, value);
}

static void view_name(struct rep_buf *sql, const struct rep_entity *entity,
		      const struct rep_field *field)
{
	struct rep_buf name = REP_BUF_INIT(256);

	rep_buf_printf(&name, "v_%s", entity->name);
	if (field)
		rep_buf_printf(&name, "__%s", field->name);
	rep_db_quote(sql, rep_buf_str(&name));
	rep_buf_clear(&name);
}

static const char *const live = " WHERE r._deleted IS NULL AND r.status NOT IN ('archived', "
				"'erased')";

static void create_view(struct rep_buf *sql, const struct rep_entity *entity)
{
	rep_buf_puts(sql, "DROP VIEW IF EXISTS ");
	view_name(sql, entity, NULL);
	rep_buf_puts(sql, ";\nCREATE VIEW ");
	view_name(sql, entity, NULL);
	rep_buf_puts(sql, " AS SELECT r.id, ");
	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];
		struct rep_buf value = REP_BUF_INIT(256);

		rep_buf_puts(&value, "r.");
		rep_db_quote(&value, field->name);
		if (field->type == REP_TYPE_REFERENCE && field->target)
			reference_column(sql, rep_table_name(field->target), rep_buf_str(&value));
		else
			rep_buf_puts(sql, rep_buf_str(&value));
		rep_buf_clear(&value);
		rep_buf_puts(sql, " AS ");
		rep_db_quote(sql, field->name);
		rep_buf_puts(sql, ", ");
	}
	rep_buf_puts(sql, "r.created_at, r.created_by, r._partition FROM ");
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_printf(sql, " AS r%s;\n", live);
}

static void create_set_views(struct rep_buf *sql, const struct rep_entity *entity)
{
	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];

		if (field->type != REP_TYPE_SET)
			continue;
		rep_buf_puts(sql, "DROP VIEW IF EXISTS ");
		view_name(sql, entity, field);
		rep_buf_puts(sql, ";\nCREATE VIEW ");
		view_name(sql, entity, field);
		rep_buf_puts(sql, " AS SELECT r.id AS id, ");
		if (field->of == REP_TYPE_REFERENCE && field->target)
			reference_column(sql, rep_table_name(field->target), "e.value");
		else
			rep_buf_puts(sql, "e.value");
		rep_buf_puts(sql, " AS value FROM ");
		rep_db_quote(sql, rep_table_name(entity));
		rep_buf_puts(sql, " AS r, json_each(r.");
		rep_db_quote(sql, field->name);
		rep_buf_printf(sql, ") AS e%s;\n", live);
	}
}

static const char meta_table[] = "CREATE TABLE IF NOT EXISTS _meta (key TEXT NOT NULL PRIMARY KEY, "
				 "value TEXT NOT NULL) STRICT, WITHOUT ROWID;\n";

/*
 * All kinds of review items in one table: their fields differ, and nobody writes them by hand. `_base` is the view's word of an item
 * that a local change has altered (rebase.c).
 */
static const char review_table[] =
	"CREATE TABLE IF NOT EXISTS _review (" ID_COLUMN ", kind TEXT NOT NULL, "
	"status TEXT NOT NULL DEFAULT 'active', _fields TEXT NOT NULL DEFAULT '{}', _base TEXT, " ENGINE_COLUMNS
	", entity TEXT GENERATED ALWAYS AS (json_extract(_fields, '$.entity')) VIRTUAL"
	", record TEXT GENERATED ALWAYS AS (json_extract(_fields, '$.record')) VIRTUAL"
	", field TEXT GENERATED ALWAYS AS (json_extract(_fields, '$.field')) VIRTUAL"
	", state TEXT GENERATED ALWAYS AS (json_extract(_fields, '$.state')) VIRTUAL) STRICT;\n"
	"CREATE INDEX IF NOT EXISTS _review__kind ON _review (kind);\n"
	"CREATE INDEX IF NOT EXISTS _review__record ON _review (entity, record);\n";

static enum rep_code existing_columns(struct rep_db *db, const char *table, struct rep_json **out,
				      struct rep_error *err)
{
	struct rep_stmt *stmt = NULL;
	enum rep_code rc;
	bool row = true;

	*out = rep_json_object();
	rc = rep_db_use(db, &stmt, "SELECT name FROM pragma_table_xinfo(?1)", err);
	if (rc == REP_OK)
		rep_bind_text(stmt, 1, table);
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row &&
		    !rep_json_set(*out, rep_column_text(stmt, 0, NULL), rep_json_bool(true)))
			rc = rep_fail(err, REP_ENOMEM, "read columns of %s: no memory", table);
	}
	return rc;
}

static enum rep_code add_columns(struct rep_buf *sql, struct rep_db *db,
				 const struct rep_entity *entity, bool *added,
				 struct rep_error *err)
{
	struct rep_json *columns;
	enum rep_code rc = existing_columns(db, rep_table_name(entity), &columns, err);

	for (size_t i = 0; rc == REP_OK && rep_json_size(columns) && i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];

		if (rep_json_get(columns, field->name))
			continue;
		rep_buf_puts(sql, "ALTER TABLE ");
		rep_db_quote(sql, rep_table_name(entity));
		rep_buf_puts(sql, " ADD COLUMN ");
		field_column(sql, field, true);
		rep_buf_puts(sql, ";\n");
		*added = true;
	}
	rep_json_free(columns);
	return rc;
}

enum rep_code rep_tables_create(struct rep_db *db, const struct rep_schema *schema,
				struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	enum rep_code rc = REP_OK;
	bool added = false;

	rep_buf_puts(&sql, meta_table);
	rep_buf_puts(&sql, review_table);
	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];

		if (entity->builtin == REP_BUILTIN_REVIEW)
			continue;
		rc = add_columns(&sql, db, entity, &added, err);
		rep_table_definition(&sql, entity, rep_table_name(entity));
		create_indexes(&sql, entity);
	}
	for (size_t i = 0; i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];

		if (entity->builtin == REP_BUILTIN_REVIEW)
			continue;
		create_view(&sql, entity);
		create_set_views(&sql, entity);
	}
	if (rc == REP_OK)
		rc = rep_buf_check(&sql, "table definitions", err);
	rep_db_forget_kept(db);
	if (rc == REP_OK)
		rc = rep_db_exec(db, rep_buf_str(&sql), err);
	if (rc == REP_OK)
		rc = rep_reference_create(db, schema, err);
	if (rc == REP_OK && added)
		rc = rep_rows_adopt(db, schema, err);
	rep_buf_clear(&sql);
	return rep_wrap(err, rc, "make tables");
}
