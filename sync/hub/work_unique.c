/*
 * Who holds which value of a unique field, after the field's normalisers: _unique(entity, field, key, id). Kept beside the
 * rows, because a normaliser cannot be an expression of an SQL index without a function of ours.
 */
#include <string.h>

#include "core/base/limits.h"
#include "core/model/normalise.h"
#include "core/model/value.h"
#include "sync/hub/hub_state.h"

static void key_of(struct rep_buf *out, const struct rep_field *field, const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);

	if (text)
		rep_normalise_put(out, text, strlen(text), field->normalise);
	else if (value && !rep_value_empty(value))
		rep_json_write(out, value);
}

static enum rep_code forget(struct rep_db *db, const struct rep_record *record,
			    const struct rep_field *field, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		db, &stmt, "DELETE FROM _unique WHERE entity = ?1 AND field = ?2 AND id = ?3", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, record->entity->name);
	rep_bind_text(stmt, 2, field->name);
	rep_bind_text(stmt, 3, record->id);
	return rep_run(stmt, err);
}

static enum rep_code keep(struct rep_db *db, const struct rep_record *record,
			  const struct rep_field *field, struct rep_error *err)
{
	struct rep_buf key = REP_BUF_INIT(REP_TEXT_SIZE_MAX * 4);
	struct rep_stmt *stmt;
	enum rep_code rc = forget(db, record, field, err);

	if (!record->deleted)
		key_of(&key, field, rep_record_value(record, field->name));
	if (rc == REP_OK && key.len) {
		rc = rep_db_use(
			db, &stmt,
			"INSERT INTO _unique(entity, field, key, id) VALUES(?1, ?2, ?3, ?4)", err);
		if (rc == REP_OK) {
			rep_bind_text(stmt, 1, record->entity->name);
			rep_bind_text(stmt, 2, field->name);
			rep_bind_text_n(stmt, 3, key.data, key.len);
			rep_bind_text(stmt, 4, record->id);
			rc = rep_run(stmt, err);
		}
	}
	rep_buf_clear(&key);
	return rc;
}

enum rep_code rep_work_put(struct rep_hub *hub, const struct rep_record *record,
			   const struct rep_json *extra, struct rep_error *err)
{
	enum rep_code rc = rep_row_put(hub->db, record, extra, "data", err);

	for (size_t i = 0; rc == REP_OK && i < record->entity->fields_len; i++)
		if (record->entity->fields[i].unique != REP_UNIQUE_NO)
			rc = keep(hub->db, record, &record->entity->fields[i], err);
	return rc == REP_OK ? rep_work_named_row(hub->db, record, err) : rc;
}

enum rep_code rep_work_drop(struct rep_hub *hub, const struct rep_entity *entity, const char *id,
			    struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_row_remove(hub->db, entity, id, err);

	if (rc == REP_OK)
		rc = rep_db_use(hub->db, &stmt, "DELETE FROM _unique WHERE entity = ?1 AND id = ?2",
				err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity->name);
	rep_bind_text(stmt, 2, id);
	return rep_run(stmt, err);
}

enum rep_code rep_work_unique_taken(struct rep_db *db, const struct rep_entity *entity,
				    const struct rep_field *field, const struct rep_json *value,
				    const char *id, bool *taken, struct rep_error *err)
{
	struct rep_buf key = REP_BUF_INIT(REP_TEXT_SIZE_MAX * 4);
	struct rep_stmt *stmt;
	enum rep_code rc = REP_OK;

	*taken = false;
	key_of(&key, field, value);
	if (!key.len)
		goto out;
	rc = rep_db_use(db, &stmt,
			"SELECT 1 FROM _unique WHERE entity = ?1 AND field = ?2 AND key = ?3"
			" AND id <> ?4 LIMIT 1",
			err);
	if (rc != REP_OK)
		goto out;
	rep_bind_text(stmt, 1, entity->name);
	rep_bind_text(stmt, 2, field->name);
	rep_bind_text_n(stmt, 3, key.data, key.len);
	rep_bind_text(stmt, 4, id);
	rc = rep_step(stmt, taken, err);
	rep_stmt_reset(stmt);
out:
	rep_buf_clear(&key);
	return rc;
}
