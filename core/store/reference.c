#include "core/store/reference.h"

#include "core/base/buf.h"

#define SQL_SIZE_MAX (64u * 1024u)

/* Names of the tables that are there, so that one which a new schema no longer has can be dropped. */
static const char *const list_table =
	"CREATE TABLE IF NOT EXISTS _reference (name TEXT NOT NULL PRIMARY KEY) STRICT";

static enum rep_code drop_all(struct rep_db *db, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc = rep_db_exec(db, list_table, err);

	if (rc == REP_OK)
		rc = rep_db_prepare(db, &stmt, "SELECT name FROM _reference", err);
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row) {
			rep_buf_puts(&sql, "DROP TABLE IF EXISTS ");
			rep_db_quote(&sql, rep_column_text(stmt, 0, NULL));
			rep_buf_puts(&sql, ";\n");
		}
	}
	rep_stmt_free(stmt);
	rep_buf_puts(&sql, "DELETE FROM _reference;\n");
	if (rc == REP_OK)
		rc = rep_buf_check(&sql, "list of reference tables", err);
	if (rc == REP_OK)
		rc = rep_db_exec(db, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	return rc;
}

static bool is_number(enum rep_type type)
{
	return type == REP_TYPE_INTEGER || type == REP_TYPE_BOOLEAN;
}

static void put_refusal(struct rep_buf *sql, const char *table, const char *verb)
{
	struct rep_buf name = REP_BUF_INIT(256);

	rep_buf_printf(&name, "_reference_%s_%s", table, verb);
	rep_buf_puts(sql, "CREATE TRIGGER ");
	rep_db_quote(sql, rep_buf_str(&name));
	rep_buf_printf(sql, " BEFORE %s ON ", verb);
	rep_db_quote(sql, table);
	rep_buf_puts(sql, " BEGIN SELECT RAISE(ABORT, 'a reference table is read-only'); END;\n");
	rep_buf_clear(&name);
}

static void put_definition(struct rep_buf *sql, const struct rep_table *table)
{
	rep_buf_puts(sql, "CREATE TABLE ");
	rep_db_quote(sql, table->name);
	for (size_t i = 0; i < table->columns_len; i++) {
		rep_buf_puts(sql, i ? ", " : " (");
		rep_db_quote(sql, table->columns[i].name);
		rep_buf_puts(sql, is_number(table->columns[i].type) ? " INTEGER" : " TEXT");
	}
	for (size_t i = 0; i < table->key_len; i++) {
		rep_buf_puts(sql, i ? ", " : ", PRIMARY KEY (");
		rep_db_quote(sql, table->key[i]);
	}
	rep_buf_puts(sql, ")) STRICT");
}

static void bind_value(struct rep_stmt *stmt, int index, const struct rep_json *value)
{
	switch (rep_json_type(value)) {
	case REP_JSON_STRING:
		rep_bind_text(stmt, index, rep_json_string_value(value));
		return;
	case REP_JSON_INTEGER:
		rep_bind_int(stmt, index, rep_json_integer_value(value));
		return;
	case REP_JSON_BOOL:
		rep_bind_int(stmt, index, rep_json_bool_value(value));
		return;
	case REP_JSON_NULL:
	case REP_JSON_ARRAY:
	case REP_JSON_OBJECT:
		rep_bind_null(stmt, index);
		return;
	}
}

static enum rep_code fill(struct rep_db *db, const struct rep_table *table, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_stmt *stmt = NULL;

	rep_buf_puts(&sql, "INSERT INTO ");
	rep_db_quote(&sql, table->name);
	for (size_t i = 0; i < table->columns_len; i++)
		rep_buf_puts(&sql, i ? ", ?" : " VALUES (?");
	rep_buf_puts(&sql, ")");
	enum rep_code rc = rep_db_prepare(db, &stmt, rep_buf_str(&sql), err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(table->rows); i++) {
		const struct rep_json *row = rep_json_at(table->rows, i);

		for (size_t k = 0; k < table->columns_len; k++)
			bind_value(stmt, (int)k + 1, rep_json_at(row, k));
		rc = rep_run(stmt, err);
		rep_stmt_reset(stmt);
	}
	rep_stmt_free(stmt);
	rep_buf_clear(&sql);
	return rc;
}

static enum rep_code create_one(struct rep_db *db, const struct rep_table *table,
				struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	enum rep_code rc;

	put_definition(&sql, table);
	rc = rep_db_exec(db, rep_buf_str(&sql), err);
	if (rc == REP_OK)
		rc = fill(db, table, err);
	rep_buf_reset(&sql);
	put_refusal(&sql, table->name, "INSERT");
	put_refusal(&sql, table->name, "UPDATE");
	put_refusal(&sql, table->name, "DELETE");
	rep_buf_puts(&sql, "INSERT INTO _reference (name) VALUES ('");
	rep_buf_puts(&sql, table->name); /* a schema's name: no quote can be in it */
	rep_buf_puts(&sql, "');\n");
	if (rc == REP_OK)
		rc = rep_db_exec(db, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	return rep_wrap(err, rc, "reference table %s", table->name);
}

enum rep_code rep_reference_create(struct rep_db *db, const struct rep_schema *schema,
				   struct rep_error *err)
{
	enum rep_code rc = drop_all(db, err);

	for (size_t i = 0; rc == REP_OK && i < schema->tables_len; i++)
		rc = create_one(db, &schema->tables[i], err);
	return rc;
}
