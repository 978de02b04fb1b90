/* Records, lists, searches, SQL. query_journal.c, query_inbox.c and query_history.c have the rest of query.h. */
#include "core/store/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/aliases.h"
#include "core/store/columns.h"
#include "core/store/journal.h"
#include "core/store/search.h"
#include "core/store/tables.h"
#include "core/store/unsent.h"

#define SQL_SIZE_MAX (64u * 1024u)

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "query: no memory");
}

static enum rep_code find_entity(const struct rep_replica *replica, const char *name,
				 const struct rep_entity **out, struct rep_error *err)
{
	if (!replica->schema)
		return rep_fail(err, REP_EINVAL, "no schema yet: the first sync brings it");
	*out = rep_schema_entity(replica->schema, name);
	if (!*out)
		return rep_fail(err, REP_EINVAL, "there is no entity %s", name);
	return REP_OK;
}

static struct rep_json *ref_or(const struct rep_json *value, struct rep_json *other)
{
	if (!value)
		return other;
	rep_json_free(other);
	return rep_json_ref(value);
}

static struct rep_json *record_json(const struct rep_record *record, const struct rep_json *unsent)
{
	struct rep_json *out = rep_json_object();
	bool ok = rep_json_set_string(out, "entity", record->entity->name);

	ok = rep_json_set_string(out, "id", record->id) && ok;
	ok = rep_json_set_string(out, "partition", record->partition) && ok;
	ok = rep_json_set(out, "deleted", ref_or(record->deleted, rep_json_null())) && ok;
	ok = rep_json_set(out, "fields", rep_json_ref(record->fields)) && ok;
	ok = rep_json_set(out, "stamps", rep_json_ref(record->stamps)) && ok;
	ok = rep_json_set(out, "unsent",
			  rep_unsent_fields(unsent, record->entity->name, record->id)) &&
	     ok;
	if (record->flags)
		ok = rep_json_set(out, "flags", rep_json_ref(record->flags)) && ok;
	if (ok)
		return out;
	rep_json_free(out);
	return NULL;
}

enum rep_code rep_query_get(struct rep_replica *replica, const char *entity_name, const char *id,
			    struct rep_json **out, struct rep_error *err)
{
	const struct rep_entity *entity = NULL;
	struct rep_record *record = NULL;
	struct rep_json *unsent = NULL;
	char shown[REP_ID_LEN_MAX + 1] = "";
	enum rep_code rc = find_entity(replica, entity_name, &entity, err);

	*out = NULL;
	if (rc == REP_OK) /* of one that is merged into another, that one */
		rc = rep_alias_shown(replica->db, entity, id, shown, err);
	if (rc == REP_OK)
		rc = rep_row_get(replica->db, entity, *shown ? shown : id, &record, err);
	if (rc == REP_OK && !record)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no %s %s in this replica", entity_name,
			      id);
	if (rc == REP_OK)
		rc = rep_unsent(replica, entity_name, record->id, &unsent, err);
	if (rc == REP_OK && !(*out = record_json(record, unsent)))
		rc = no_memory(err);
	rep_record_free(record);
	rep_json_free(unsent);
	return rc;
}

/* ---- lists ---- */

static enum rep_code put_order(struct rep_buf *sql, const struct rep_entity *entity,
			       const char *order, struct rep_error *err)
{
	static const char *const own[] = {"id", "created_at", "created_by"};
	size_t len = strcspn(order, " ");
	const char *rest = order + len;
	char name[REP_NAME_LEN_MAX + 1];
	bool known;

	snprintf(name, sizeof name, "%.*s", (int)len, order);
	known = rep_entity_field(entity, name) != NULL;
	for (size_t i = 0; i < 3; i++)
		known = known || strcmp(own[i], name) == 0;
	if (len > REP_NAME_LEN_MAX || !known)
		return rep_fail(err, REP_EINVAL, "%s has no field %.*s", entity->name, (int)len,
				order);
	if (*rest && strcmp(rest, " desc") != 0 && strcmp(rest, " asc") != 0)
		return rep_fail(err, REP_EINVAL, "order: a field, perhaps followed by desc");
	rep_db_quote(sql, name);
	rep_buf_printf(sql, "%s, id", rest);
	return REP_OK;
}

static enum rep_code list_sql(struct rep_buf *sql, const struct rep_entity *entity,
			      const struct rep_query_list *query, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	rep_buf_puts(sql, "SELECT id FROM ");
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_printf(sql, " WHERE (%s)",
		       query->archived
			       ? "1"
			       : "_deleted IS NULL AND status NOT IN ('archived', 'erased')");
	if (entity->builtin == REP_BUILTIN_REVIEW)
		rep_buf_printf(sql, " AND kind = '%s'", entity->name);
	if (query->where)
		rep_buf_printf(sql, " AND (%s\n)", query->where);
	rep_buf_puts(sql, " ORDER BY ");
	if (query->order)
		rc = put_order(sql, entity, query->order, err);
	else
		rep_buf_puts(sql, "id");
	if (query->limit > 0)
		rep_buf_printf(sql, " LIMIT %lld", (long long)query->limit);
	return rc == REP_OK ? rep_buf_check(sql, "query", err) : rc;
}

static enum rep_code append_record(struct rep_replica *replica, const struct rep_entity *entity,
				   const char *id, const struct rep_json *unsent,
				   struct rep_json *out, struct rep_error *err)
{
	struct rep_record *record = NULL;
	enum rep_code rc = rep_row_get(replica->db, entity, id, &record, err);

	if (rc == REP_OK && record && !rep_json_append(out, record_json(record, unsent)))
		rc = no_memory(err);
	rep_record_free(record);
	return rc;
}

/* The condition comes from the user: it is prepared where nothing can be written. */
static enum rep_code prepare_restricted(struct rep_db *db, struct rep_stmt **out, const char *sql,
					struct rep_error *err)
{
	enum rep_code rc;

	rep_db_restrict(db, true);
	rc = rep_db_prepare(db, out, sql, err);
	rep_db_restrict(db, false);
	return rc;
}

static enum rep_code list(struct rep_replica *replica, const struct rep_entity *entity,
			  const struct rep_query_list *query, struct rep_json *out,
			  struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_json *unsent = NULL;
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc = list_sql(&sql, entity, query, err);

	if (rc == REP_OK)
		rc = prepare_restricted(replica->db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK)
		rc = rep_unsent(replica, NULL, NULL, &unsent, err);
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = append_record(replica, entity, rep_column_text(stmt, 0, NULL), unsent,
					   out, err);
	}
	rep_stmt_free(stmt);
	rep_json_free(unsent);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_query_list(struct rep_replica *replica, const struct rep_query_list *query,
			     struct rep_json **out, struct rep_error *err)
{
	const struct rep_entity *entity = NULL;
	struct rep_json *found = rep_json_array();
	enum rep_code rc = find_entity(replica, query->entity, &entity, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = found ? list(replica, entity, query, found, err) : no_memory(err);
	if (rc == REP_OK)
		*out = found;
	else
		rep_json_free(found);
	return rep_wrap(err, rc, "list %s", query->entity);
}

enum rep_code rep_query_find(struct rep_replica *replica, const char *text, int64_t limit,
			     struct rep_json **out, struct rep_error *err)
{
	struct rep_json *pairs = NULL;
	struct rep_json *unsent = NULL;
	struct rep_json *found = rep_json_array();
	enum rep_code rc;

	*out = NULL;
	rc = replica->schema ? rep_search_find(replica, text, limit, &pairs, err)
			     : rep_fail(err, REP_EINVAL, "no schema yet: the first sync brings it");
	if (rc == REP_OK)
		rc = rep_unsent(replica, NULL, NULL, &unsent, err);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(pairs); i++) {
		const struct rep_json *pair = rep_json_at(pairs, i);
		const struct rep_entity *entity = rep_schema_entity(
			replica->schema, rep_json_string_value(rep_json_at(pair, 0)));

		if (entity)
			rc = append_record(replica, entity,
					   rep_json_string_value(rep_json_at(pair, 1)), unsent,
					   found, err);
	}
	rep_json_free(pairs);
	rep_json_free(unsent);
	if (rc == REP_OK)
		*out = found;
	else
		rep_json_free(found);
	return rc;
}

/* ---- SQL ---- */

/* No floats in our JSON: what is none of its values is given as a text. */
static struct rep_json *cell(struct rep_stmt *stmt, int index, bool *nomem)
{
	enum rep_column type = rep_column_type(stmt, index);
	int64_t number;
	const char *text;
	size_t len;
	char *hex;
	struct rep_json *out;

	if (type == REP_COLUMN_NULL)
		return rep_json_null();
	number = rep_column_int(stmt, index);
	if (type == REP_COLUMN_INTEGER && number >= -REP_INT_MAX && number <= REP_INT_MAX)
		return rep_json_integer(number);
	if (type == REP_COLUMN_BLOB) {
		const void *data = rep_column_blob(stmt, index, &len);

		hex = malloc(2 * len + 1);
		if (!hex)
			return NULL;
		rep_hex(hex, data, len);
		out = rep_json_string(hex);
		free(hex);
		return out;
	}
	text = rep_column_text(stmt, index, &len);
	return text ? rep_column_string(text, len, nomem) : NULL;
}

static enum rep_code put_rows(struct rep_stmt *stmt, struct rep_json *rows, struct rep_error *err)
{
	bool row = true;
	bool nomem = false;
	enum rep_code rc = REP_OK;

	while (rc == REP_OK && row) {
		struct rep_json *cells;

		rc = rep_step(stmt, &row, err);
		if (rc != REP_OK || !row)
			break;
		cells = rep_json_array();
		for (int i = 0; i < rep_columns(stmt); i++) {
			if (!rep_json_append(cells, cell(stmt, i, &nomem)))
				nomem = true;
		}
		if (!rep_json_append(rows, cells) || nomem)
			rc = no_memory(err);
	}
	return rc;
}

enum rep_code rep_query_sql_write(struct rep_db *db, const char *sql, int64_t *edits,
				  struct rep_error *err)
{
	enum rep_code rc = rep_db_begin(db, err);
	int64_t before;

	*edits = 0;
	if (rc != REP_OK)
		return rep_wrap(err, rc, "sql");
	before = rep_pending_count(db);
	rep_db_restrict_to_rows(db, true);
	rc = rep_db_exec(db, sql, err);
	rep_db_restrict_to_rows(db, false);
	if (rc == REP_OK) {
		*edits = rep_pending_count(db) - before;
		rc = rep_db_commit(db, err);
	} else {
		rep_db_abort(db);
	}
	if (rc == REP_EREFUSED)
		rc = rep_fail(err, REP_EREFUSED, "only rows of entities may be written here");
	return rep_wrap(err, rc, "sql");
}

enum rep_code rep_query_sql(struct rep_db *db, const char *sql, struct rep_json **out,
			    struct rep_error *err)
{
	struct rep_json *columns = rep_json_array();
	struct rep_json *rows = rep_json_array();
	struct rep_json *answer = rep_json_object();
	struct rep_stmt *stmt = NULL;
	bool ok;
	enum rep_code rc = prepare_restricted(db, &stmt, sql, err);

	*out = NULL;
	if (rc == REP_OK && !rep_stmt_readonly(stmt))
		rc = rep_fail(err, REP_EREFUSED, "only reading statements are allowed here");
	for (int i = 0; rc == REP_OK && i < rep_columns(stmt); i++) {
		if (!rep_json_append(columns, rep_json_string(rep_column_name(stmt, i))))
			rc = no_memory(err);
	}
	if (rc == REP_OK)
		rc = put_rows(stmt, rows, err);
	rep_stmt_free(stmt);
	ok = rep_json_set(answer, "columns", columns);
	ok = rep_json_set(answer, "rows", rows) && ok;
	if (rc == REP_OK && !ok)
		rc = no_memory(err);
	if (rc == REP_OK)
		*out = answer;
	else
		rep_json_free(answer);
	return rep_wrap(err, rc, "sql");
}
