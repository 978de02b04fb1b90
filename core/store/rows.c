/*
 * A row and its record, both ways and without loss: what a view brought is written back byte for byte.
 *
 * Where a value does not fit its column (a record older than the schema's types) it is kept in _extra
 * under MISFITS, which no visibility class can be called, and comes back from there.
 */
#include "core/store/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/org.h"
#include "core/store/columns.h"
#include "core/store/search.h"
#include "core/store/tables.h"

#define MISFITS "~"
#define SQL_SIZE_MAX (64u * 1024u)

/* Places of the engine's columns behind the fields in the SELECT below. */
enum place { ID, PARTITION, CREATED, CREATED_REP, DELETED, STAMPS, SOURCES, FLAGS, TWIN, EXTRA };

static bool is_review(const struct rep_entity *entity)
{
	return entity->builtin == REP_BUILTIN_REVIEW;
}

static void select_sql(struct rep_buf *sql, const struct rep_entity *entity, const char *where)
{
	rep_buf_puts(sql, "SELECT ");
	if (is_review(entity))
		rep_buf_puts(sql, "_fields, status, ");
	for (size_t i = 0; !is_review(entity) && i < entity->fields_len; i++) {
		rep_db_quote(sql, entity->fields[i].name);
		rep_buf_puts(sql, ", ");
	}
	rep_buf_puts(sql, "id, _partition, _created, _created_rep, _deleted, _stamps, _sources, "
			  "_flags, _twin, _extra FROM ");
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_printf(sql, " WHERE %s", where);
}

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "read row: no memory");
}

static struct rep_json *json_at(struct rep_stmt *stmt, int index, bool *nomem)
{
	size_t len;
	const char *text = rep_column_text(stmt, index, &len);

	return text ? rep_column_json(text, len, REP_SCHEMA_DEPTH_MAX, nomem) : NULL;
}

/* NULL where nothing is kept; an object of another shape than ours is dropped with its row's next write. */
static struct rep_json *object_at(struct rep_stmt *stmt, int index, enum rep_json_type type,
				  bool *nomem)
{
	struct rep_json *value = json_at(stmt, index, nomem);

	if (value && rep_json_is(value, type) && rep_json_size(value) > 0)
		return value;
	rep_json_free(value);
	return NULL;
}

static bool put_value(struct rep_record *record, const char *name, struct rep_json *value)
{
	return !value || rep_json_set(record->fields, name, value);
}

static bool read_fields(struct rep_record *record, struct rep_stmt *stmt)
{
	const struct rep_entity *entity = record->entity;
	bool nomem = false;

	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];
		struct rep_json *value = rep_column_value(stmt, (int)i, field, &nomem);

		if (nomem || !put_value(record, field->name, value))
			return false;
	}
	return true;
}

static bool read_review_fields(struct rep_record *record, struct rep_stmt *stmt)
{
	struct rep_json *fields;
	const char *status = rep_column_text(stmt, 1, NULL);
	bool nomem = false;

	fields = json_at(stmt, 0, &nomem);
	if (!fields || !rep_json_is(fields, REP_JSON_OBJECT)) {
		rep_json_free(fields);
		return false;
	}
	rep_json_free(record->fields);
	record->fields = fields;
	return !status || strcmp(status, "active") == 0 ||
	       rep_json_set_string(fields, "status", status);
}

static bool read_misfits(struct rep_record *record, struct rep_stmt *stmt, int at)
{
	bool nomem = false;
	struct rep_json *extra = object_at(stmt, at, REP_JSON_OBJECT, &nomem);
	const struct rep_json *misfits = extra ? rep_json_get(extra, MISFITS) : NULL;
	bool ok = !nomem;

	for (void *it = misfits ? rep_json_iter(misfits) : NULL; ok && it;
	     it = rep_json_iter_next(misfits, it))
		ok = rep_json_set(record->fields, rep_json_iter_key(it),
				  rep_json_ref(rep_json_iter_value(it)));
	rep_json_free(extra);
	return ok;
}

static bool read_engine(struct rep_record *record, struct rep_stmt *stmt, int at)
{
	const char *twin = rep_column_text(stmt, at + TWIN, NULL);
	struct rep_json *stamps;
	bool nomem = false;

	stamps = object_at(stmt, at + STAMPS, REP_JSON_OBJECT, &nomem);
	if (stamps) {
		rep_json_free(record->stamps);
		record->stamps = stamps;
	}
	record->deleted = object_at(stmt, at + DELETED, REP_JSON_OBJECT, &nomem);
	record->sources = object_at(stmt, at + SOURCES, REP_JSON_OBJECT, &nomem);
	record->flags = object_at(stmt, at + FLAGS, REP_JSON_ARRAY, &nomem);
	if (twin && !(record->twin = strdup(twin)))
		return false;
	return !nomem && read_misfits(record, stmt, at + EXTRA);
}

static enum rep_code read_row(struct rep_record **out, const struct rep_entity *entity,
			      struct rep_stmt *stmt, struct rep_error *err)
{
	int at = is_review(entity) ? 2 : (int)entity->fields_len;
	const char *created = rep_column_text(stmt, at + CREATED, NULL);
	const char *id = rep_column_text(stmt, at + ID, NULL);
	const char *partition = rep_column_text(stmt, at + PARTITION, NULL);
	const char *rep = rep_column_text(stmt, at + CREATED_REP, NULL);
	struct rep_record *record = NULL;
	enum rep_code rc;

	if (!id || !partition || !rep || !created)
		return no_memory(err);
	if (!rep_stamp_valid(created))
		return rep_fail(err, REP_EINTEGRITY, "row %s/%s: no stamp in _created",
				entity->name, id);
	rc = rep_record_new(&record, entity, id, partition, rep, created, err);
	if (rc != REP_OK)
		return rc;
	if ((is_review(entity) ? read_review_fields(record, stmt) : read_fields(record, stmt)) &&
	    read_engine(record, stmt, at))
		*out = record;
	else
		rep_record_free(record);
	return *out ? REP_OK : no_memory(err);
}

static void write_select(struct rep_buf *sql, const struct rep_entity *entity)
{
	select_sql(sql, entity, is_review(entity) ? "id = ?1 AND kind = ?2" : "id = ?1");
}

/* The statement of an entity's rows that `write` gives the text of, kept as "<what> <entity>". */
static enum rep_code use_row(struct rep_db *db, struct rep_stmt **out,
			     const struct rep_entity *entity, const char *what,
			     void (*write)(struct rep_buf *sql, const struct rep_entity *entity),
			     struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	char name[REP_NAME_LEN_MAX + 8];
	enum rep_code rc;

	snprintf(name, sizeof name, "%s %s", what, entity->name);
	rep_db_kept(db, out, name);
	if (*out)
		return REP_OK;
	write(&sql, entity);
	rc = rep_buf_check(&sql, "statement", err);
	if (rc == REP_OK)
		rc = rep_db_keep(db, out, name, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_row_get(struct rep_db *db, const struct rep_entity *entity, const char *id,
			  struct rep_record **out, struct rep_error *err)
{
	struct rep_stmt *stmt = NULL;
	enum rep_code rc;
	bool row = false;

	*out = NULL;
	rc = use_row(db, &stmt, entity, "get", write_select, err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, id);
		if (is_review(entity))
			rep_bind_text(stmt, 2, entity->name);
		rc = rep_step(stmt, &row, err);
	}
	if (rc == REP_OK && row)
		rc = read_row(out, entity, stmt, err);
	if (stmt)
		rep_stmt_reset(stmt);
	return rep_wrap(err, rc, "read %s %s", entity->name, id);
}

enum rep_code rep_row_extra(struct rep_db *db, const struct rep_entity *entity, const char *id,
			    struct rep_json **out, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_stmt *stmt = NULL;
	bool nomem = false;
	bool row = false;
	enum rep_code rc;

	*out = NULL;
	rep_buf_puts(&sql, "SELECT _extra FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " WHERE id = ?1");
	rc = rep_db_use(db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, id);
		rc = rep_step(stmt, &row, err);
	}
	if (rc == REP_OK && row)
		*out = object_at(stmt, 0, REP_JSON_OBJECT, &nomem);
	if (*out)
		rep_json_del(*out, MISFITS);
	if (*out && rep_json_size(*out) == 0) {
		rep_json_free(*out);
		*out = NULL;
	}
	if (rc == REP_OK && nomem)
		rc = no_memory(err);
	if (stmt)
		rep_stmt_reset(stmt);
	rep_buf_clear(&sql);
	return rc;
}

/* ---- writing ---- */

static void columns_sql(struct rep_buf *sql, const struct rep_entity *entity, const char *before,
			const char *form)
{
	const char *const review[] = {"_fields", "kind", "status", "_base", NULL};
	const char *const *own = is_review(entity) ? review : NULL;
	const char *separator = "";

	for (size_t i = 0; own ? own[i] != NULL : i < entity->fields_len; i++) {
		const char *name = own ? own[i] : entity->fields[i].name;

		rep_buf_printf(sql, "%s%s", separator, before);
		rep_buf_printf(sql, form[0] == '=' ? "\"%s\" = excluded.\"%s\"" : "\"%s\"", name,
			       name);
		separator = ", ";
	}
	for (const char *const *name = rep_engine_columns; *name; name++)
		rep_buf_printf(sql, form[0] == '=' ? ", %s = excluded.%s" : ", %s", *name, *name);
}

/*
 * An upsert rather than INSERT OR REPLACE: it keeps the rowid and leaves index entries that do not change alone.
 */
static void put_sql(struct rep_buf *sql, const struct rep_entity *entity)
{
	size_t len = (is_review(entity) ? 4 : entity->fields_len) + 1;

	for (const char *const *name = rep_engine_columns; *name; name++)
		len++;
	rep_buf_puts(sql, "INSERT INTO ");
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_puts(sql, " (");
	columns_sql(sql, entity, "", "");
	rep_buf_puts(sql, ", id) VALUES (?");
	for (size_t i = 1; i < len; i++)
		rep_buf_puts(sql, ", ?");
	rep_buf_puts(sql, ") ON CONFLICT (id) DO UPDATE SET ");
	columns_sql(sql, entity, "", "=");
}

/* Binds the fields; *extra gets what does not fit its column. Returns the next index. */
static int bind_fields(struct rep_stmt *stmt, const struct rep_record *record,
		       struct rep_json **misfits)
{
	const struct rep_entity *entity = record->entity;
	int index = 1;

	for (size_t i = 0; i < entity->fields_len; i++, index++) {
		const struct rep_field *field = &entity->fields[i];
		const struct rep_json *value = rep_json_get(record->fields, field->name);

		if (rep_column_bind(stmt, index, field, value))
			continue;
		(void)rep_column_bind(stmt, index, field, NULL);
		if (!*misfits)
			*misfits = rep_json_object();
		(void)rep_json_set(*misfits, field->name, rep_json_ref(value));
	}
	return index;
}

static void bind_json(struct rep_stmt *stmt, int index, const struct rep_json *value, bool *nomem)
{
	char *text = value && rep_json_size(value) > 0 ? rep_json_text(value) : NULL;

	if (value && rep_json_size(value) > 0 && !text)
		*nomem = true;
	rep_bind_text(stmt, index, text);
	free(text);
}

static int bind_review(struct rep_stmt *stmt, const struct rep_record *record, bool *nomem)
{
	char *fields = rep_json_text(record->fields);
	const char *status = rep_json_get_string(record->fields, "status");

	if (!fields)
		*nomem = true;
	rep_bind_text(stmt, 1, fields);
	rep_bind_text(stmt, 2, record->entity->name);
	rep_bind_text(stmt, 3, status ? status : "active");
	rep_bind_null(stmt,
		      4); /* what is written is the view's word, until rebase says otherwise */
	free(fields);
	return 5;
}

static void bind_engine(struct rep_stmt *stmt, int index, const struct rep_record *record,
			const struct rep_json *extra, const char *place, bool *nomem)
{
	rep_bind_text(stmt, index++, record->partition);
	rep_bind_text(stmt, index++, record->created.text);
	rep_bind_text(stmt, index++, record->created_rep);
	bind_json(stmt, index++, record->deleted, nomem);
	bind_json(stmt, index++, record->stamps, nomem);
	bind_json(stmt, index++, record->sources, nomem);
	bind_json(stmt, index++, record->flags, nomem);
	rep_bind_text(stmt, index++, record->twin);
	bind_json(stmt, index++, extra, nomem);
	rep_bind_text(stmt, index++, place);
	rep_bind_text(stmt, index, record->id);
}

/* `extra` with the misfits beside it; takes `misfits`. */
static struct rep_json *join_extra(const struct rep_json *extra, struct rep_json *misfits,
				   bool *nomem)
{
	struct rep_json *joined;

	if (!misfits)
		return extra ? rep_json_ref(extra) : NULL;
	joined = extra ? rep_json_dup(extra) : rep_json_object();
	if (!joined || !rep_json_set(joined, MISFITS, misfits))
		*nomem = true;
	return joined;
}

enum rep_code rep_row_put(struct rep_db *db, const struct rep_record *record,
			  const struct rep_json *extra, const char *place, struct rep_error *err)
{
	struct rep_json *misfits = NULL;
	struct rep_json *joined;
	struct rep_stmt *stmt;
	bool nomem = false;
	enum rep_code rc;
	int index;

	rc = use_row(db, &stmt, record->entity, "put", put_sql, err);
	if (rc == REP_OK) {
		index = is_review(record->entity) ? bind_review(stmt, record, &nomem)
						  : bind_fields(stmt, record, &misfits);
		joined = join_extra(extra, misfits, &nomem);
		bind_engine(stmt, index, record, joined, place, &nomem);
		rep_json_free(joined);
		rc = nomem ? no_memory(err) : rep_run(stmt, err);
		rep_stmt_reset(stmt);
	}
	if (rc == REP_OK && !rep_db_has_triggers(db))
		rc = rep_search_queue(db, record->entity, record->id, err);
	return rep_wrap(err, rc, "write %s %s", record->entity->name, record->id);
}

enum rep_code rep_row_remove(struct rep_db *db, const struct rep_entity *entity, const char *id,
			     struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_stmt *stmt;
	enum rep_code rc;

	rep_buf_puts(&sql, "DELETE FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " WHERE id = ?1");
	rc = rep_db_use(db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, id);
		rc = rep_run(stmt, err);
	}
	if (rc == REP_OK && !rep_db_has_triggers(db))
		rc = rep_search_queue(db, entity, id, err);
	rep_buf_clear(&sql);
	return rep_wrap(err, rc, "remove %s %s", entity->name, id);
}

static enum rep_code one_text(struct rep_db *db, const char *sql, const char *id,
			      struct rep_buf *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row;
	enum rep_code rc = rep_db_use(db, &stmt, sql, err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, id);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		rep_buf_puts(out, rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_row_partition(struct rep_db *db, const struct rep_entity *entity, const char *id,
				struct rep_buf *out, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	enum rep_code rc;

	rep_buf_puts(&sql, "SELECT _partition FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " WHERE id = ?1");
	rc = one_text(db, rep_buf_str(&sql), id, out, err);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_row_lies(struct rep_db *db, const struct rep_entity *entity, const char *id,
			   struct rep_buf *out, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX), table = REP_BUF_INIT(256);
	enum rep_code rc;

	rep_db_quote(&table, rep_table_name(entity));
	rep_buf_printf(&sql,
		       "SELECT coalesce((SELECT r._partition FROM %s AS r WHERE r.id ="
		       " json_extract(t._deleted, '$.merged_into')), t._partition) FROM %s AS t"
		       " WHERE t.id = ?1",
		       rep_buf_str(&table), rep_buf_str(&table));
	rc = one_text(db, rep_buf_str(&sql), id, out, err);
	rep_buf_clear(&table);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_row_each(struct rep_db *db, const struct rep_entity *entity, const char *where,
			   enum rep_code (*each)(void *user, struct rep_record *record,
						 struct rep_error *err),
			   void *user, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_stmt *stmt = NULL;
	enum rep_code rc;
	bool row = true;

	select_sql(&sql, entity, is_review(entity) ? "kind = ?1 AND (" : "(");
	rep_buf_printf(&sql, "%s) ORDER BY id", where ? where : "1");
	rc = rep_buf_check(&sql, "statement", err);
	if (rc == REP_OK)
		rc = rep_db_prepare(db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK && is_review(entity))
		rep_bind_text(stmt, 1, entity->name);
	while (rc == REP_OK && row) {
		struct rep_record *record = NULL;

		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = read_row(&record, entity, stmt, err);
		if (rc == REP_OK && row)
			rc = each(user, record, err);
		rep_record_free(record);
	}
	rep_stmt_free(stmt);
	rep_buf_clear(&sql);
	return rc;
}

/* ---- the organisation ---- */

static enum rep_code add_to_org(void *user, struct rep_record *record, struct rep_error *err)
{
	return rep_org_add(user, record, err);
}

enum rep_code rep_org_load(struct rep_org **out, struct rep_db *db, const struct rep_schema *schema,
			   struct rep_error *err)
{
	struct rep_org *org = NULL;
	enum rep_code rc = rep_org_new(&org, schema, err);

	*out = NULL;
	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];

		/* Versions of the schema are no part of it, and a replica that only reads may lack their table. */
		if (rep_entity_is_org(entity) && entity->builtin != REP_BUILTIN_RELEASE)
			rc = rep_row_each(db, entity, NULL, add_to_org, org, err);
	}
	if (rc == REP_OK)
		rc = rep_org_finish(org, err);
	if (rc == REP_OK)
		*out = org;
	else
		rep_org_free(org);
	return rep_wrap(err, rc, "load organisation");
}
