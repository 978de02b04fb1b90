/* Which record a key of another system stands for. */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/model/normalise.h"
#include "core/store/tables.h"
#include "sync/admin/import_row.h"

#define SQL_MAX 4096

static enum rep_code ask(struct rep_db *db, const char *sql, const char *const *params, size_t len,
			 char *out, bool *found, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt, sql, err);
	const char *id;

	*found = false;
	if (rc)
		return rc;
	for (size_t i = 0; i < len; i++)
		rep_bind_text(stmt, (int)i + 1, params[i]);
	rc = rep_step(stmt, found, err);
	if (rc || !*found)
		return rc;
	id = rep_column_text(stmt, 0, NULL);
	if (out && id && strlen(id) <= REP_ID_LEN_MAX)
		strcpy(out, id);
	rep_stmt_reset(stmt);
	return REP_OK;
}

enum rep_code rep_import_exists(struct rep_db *db, const struct rep_entity *entity, const char *id,
				bool *exists, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_MAX);
	enum rep_code rc;

	rep_buf_puts(&sql, "SELECT id FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " WHERE id = ?1");
	rc = rep_buf_check(&sql, "sql", err);
	if (!rc)
		rc = ask(db, rep_buf_str(&sql), &id, 1, NULL, exists, err);
	rep_buf_clear(&sql);
	return rc;
}

/* A record that bears the key as its fields: one that came with an id of its own. */
static enum rep_code by_fields(struct rep_db *db, const struct rep_entity *entity,
			       const char *const *parts, char *out, bool *found,
			       struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_MAX);
	enum rep_code rc;

	rep_buf_puts(&sql, "SELECT id FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	for (size_t i = 0; i < entity->external_key_len; i++) {
		rep_buf_puts(&sql, i ? " AND " : " WHERE ");
		rep_db_quote(&sql, entity->external_key[i]);
		rep_buf_printf(&sql, " = ?%zu", i + 1);
	}
	rep_buf_puts(&sql, " ORDER BY id LIMIT 1");
	rc = rep_buf_check(&sql, "sql", err);
	if (!rc)
		rc = ask(db, rep_buf_str(&sql), parts, entity->external_key_len, out, found, err);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_import_find(const struct rep_import_reader *reader,
			      const struct rep_entity *entity, const char *const *parts,
			      char out[REP_ID_LEN_MAX + 1], bool *exists, struct rep_error *err)
{
	struct rep_buf name = REP_BUF_INIT(REP_CSV_LINE_SIZE_MAX * 4);
	enum rep_code rc;

	/* 0x1F cannot come from a cell's text without being part of it on both sides. */
	rep_buf_printf(&name, "import/%s", entity->name);
	for (size_t i = 0; i < entity->external_key_len; i++) {
		const struct rep_field *field = rep_entity_field(entity, entity->external_key[i]);

		rep_buf_putc(&name, '\x1f');
		rep_normalise_put(&name, parts[i], strlen(parts[i]), field->normalise);
	}
	rc = rep_buf_check(&name, "key", err);
	if (!rc)
		rep_uuid5(out, name.data, name.len, reader->secret);
	rep_buf_clear(&name);
	if (!rc)
		rc = rep_import_exists(reader->db, entity, out, exists, err);
	if (!rc && !*exists)
		rc = by_fields(reader->db, entity, parts, out, exists, err);
	return rc;
}
