/* Tables of one version of the schema become those of the next. */
#include <string.h>

#include "core/base/buf.h"
#include "core/store/columns.h"
#include "core/store/tables.h"

#define SQL_SIZE_MAX (4u * 1024u * 1024u)

static void drop_view(struct rep_buf *sql, const struct rep_entity *entity,
		      const struct rep_field *field)
{
	struct rep_buf name = REP_BUF_INIT(256);

	rep_buf_printf(&name, "v_%s%s%s", entity->name, field ? "__" : "",
		       field ? field->name : "");
	rep_buf_puts(sql, "DROP VIEW IF EXISTS ");
	rep_db_quote(sql, rep_buf_str(&name));
	rep_buf_puts(sql, ";\n");
	rep_buf_clear(&name);
}

/* A table that is renamed must not be looked for by a view that knows it by its name. */
static void drop_views(struct rep_buf *sql, const struct rep_schema *schema)
{
	for (size_t i = 0; i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];

		if (entity->builtin == REP_BUILTIN_REVIEW)
			continue;
		drop_view(sql, entity, NULL);
		for (size_t k = 0; k < entity->fields_len; k++)
			if (entity->fields[k].type == REP_TYPE_SET)
				drop_view(sql, entity, &entity->fields[k]);
	}
}

/* Would the two columns be declared alike? */
static bool same_column(const struct rep_field *a, const struct rep_field *b)
{
	return a->type == b->type && strcmp(rep_column_decl(a), rep_column_decl(b)) == 0 &&
	       strcmp(rep_column_empty(a), rep_column_empty(b)) == 0;
}

static bool same_columns(const struct rep_entity *was, const struct rep_entity *now)
{
	if (was->fields_len != now->fields_len)
		return false;
	for (size_t i = 0; i < was->fields_len; i++) {
		const struct rep_field *other = rep_entity_field(now, was->fields[i].name);

		if (!other || !same_column(&was->fields[i], other))
			return false;
	}
	return true;
}

/* id, the engine's columns, and the fields that stay what they are. */
static void put_common(struct rep_buf *sql, const struct rep_entity *was,
		       const struct rep_entity *now)
{
	rep_buf_puts(sql, "id");
	for (size_t i = 0; rep_engine_columns[i]; i++)
		rep_buf_printf(sql, ", %s", rep_engine_columns[i]);
	for (size_t i = 0; i < now->fields_len; i++) {
		const struct rep_field *other = rep_entity_field(was, now->fields[i].name);

		if (!other || !same_column(other, &now->fields[i]))
			continue;
		rep_buf_puts(sql, ", ");
		rep_db_quote(sql, now->fields[i].name);
	}
}

static void reshape(struct rep_buf *sql, const struct rep_entity *was, const struct rep_entity *now)
{
	const char *table = rep_table_name(now);

	rep_buf_puts(sql, "DROP TABLE IF EXISTS _reshaped;\n");
	rep_table_definition(sql, now, "_reshaped");
	rep_buf_puts(sql, "INSERT INTO _reshaped (");
	put_common(sql, was, now);
	rep_buf_puts(sql, ") SELECT ");
	put_common(sql, was, now);
	rep_buf_puts(sql, " FROM ");
	rep_db_quote(sql, table);
	rep_buf_puts(sql, ";\nDROP TABLE ");
	rep_db_quote(sql, table);
	rep_buf_puts(sql, ";\nALTER TABLE _reshaped RENAME TO ");
	rep_db_quote(sql, table);
	rep_buf_puts(sql, ";\n");
}

enum rep_code rep_tables_reshape(struct rep_db *db, const struct rep_schema *was,
				 const struct rep_schema *now, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	enum rep_code rc;

	drop_views(&sql, was);
	for (size_t i = 0; i < was->entities_len; i++) {
		const struct rep_entity *entity = &was->entities[i];
		const struct rep_entity *next = rep_schema_entity(now, entity->name);

		if (next && strcmp(rep_table_name(entity), entity->name) == 0 &&
		    !same_columns(entity, next))
			reshape(&sql, entity, next);
	}
	rc = rep_buf_check(&sql, "table definitions", err);
	rep_db_forget_kept(db);
	if (rc == REP_OK)
		rc = rep_db_exec(db, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	return rep_wrap(err, rc, "give the tables another shape");
}

enum rep_code rep_tables_drop(struct rep_db *db, const struct rep_schema *was,
			      struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	enum rep_code rc;

	rep_buf_puts(&sql,
		     "INSERT OR IGNORE INTO _search_dirty (entity, id) SELECT entity, id FROM "
		     "_search_doc;\nDELETE FROM _review;\n");
	drop_views(&sql, was);
	for (size_t i = 0; i < was->entities_len; i++) {
		if (was->entities[i].builtin == REP_BUILTIN_REVIEW)
			continue;
		rep_buf_puts(&sql, "DROP TABLE IF EXISTS ");
		rep_db_quote(&sql, rep_table_name(&was->entities[i]));
		rep_buf_puts(&sql, ";\n");
	}
	rc = rep_buf_check(&sql, "table definitions", err);
	rep_db_forget_kept(db);
	if (rc == REP_OK)
		rc = rep_db_exec(db, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	return rep_wrap(err, rc, "empty the tables");
}
