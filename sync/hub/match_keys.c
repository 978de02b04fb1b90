/*
 * The keys of records (core/store/match.h), kept beside the rows: what was written with other keys than before waits to be matched after
 * the run. A key in SQL is taken when the record is written, not when what it reads changes.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/hub/match.h"

static void write_keys(struct rep_buf *out, const struct rep_match_keys *keys)
{
	for (size_t i = 0; i < keys->len; i++)
		rep_buf_printf(out, "%s%lld", i ? " " : "", (long long)keys->keys[i]);
}

static enum rep_code known_keys(struct rep_hub *hub, const struct rep_record *record,
				struct rep_buf *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(
		hub->db, &stmt, "SELECT keys FROM _matched WHERE entity = ?1 AND id = ?2", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, record->entity->name);
	rep_bind_text(stmt, 2, record->id);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		rep_buf_puts(out, rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code change_key(struct rep_hub *hub, const char *sql, int64_t key, const char *id,
				struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(hub->db, &stmt, sql, err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, key);
	rep_bind_text(stmt, 2, id);
	return rep_run(stmt, err);
}

static enum rep_code replace_keys(struct rep_hub *hub, const struct rep_record *record,
				  const char *before, const char *now,
				  const struct rep_match_keys *keys, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = REP_OK;

	for (char *at = NULL; rc == REP_OK && *before; before = at + (*at == ' '))
		rc = change_key(hub, "DELETE FROM _match WHERE key = ?1 AND id = ?2",
				strtoll(before, &at, 10), record->id, err);
	for (size_t i = 0; rc == REP_OK && i < keys->len; i++)
		rc = change_key(hub, "INSERT OR IGNORE INTO _match(key, id) VALUES(?1, ?2)",
				keys->keys[i], record->id, err);
	if (rc == REP_OK)
		rc = rep_db_use(
			hub->db, &stmt,
			"INSERT OR REPLACE INTO _matched(entity, id, keys) VALUES(?1, ?2, ?3)",
			err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, record->entity->name);
	rep_bind_text(stmt, 2, record->id);
	rep_bind_text(stmt, 3, now);
	return rep_run(stmt, err);
}

enum rep_code rep_match_note(struct rep_hub *hub, const char *entity, const char *id,
			     struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		hub->db, &stmt, "INSERT OR IGNORE INTO _rematch(entity, id) VALUES(?1, ?2)", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	return rep_run(stmt, err);
}

enum rep_code rep_match_written(struct rep_hub *hub, const struct rep_record *record, bool note,
				struct rep_error *err)
{
	struct rep_buf before = REP_BUF_INIT(8192), now = REP_BUF_INIT(8192);
	struct rep_match_keys keys;
	enum rep_code rc;

	if (!record->entity->match_len)
		return REP_OK;
	rc = rep_match_keys_of(hub->db, record, &keys, err);
	if (rc == REP_OK)
		rc = known_keys(hub, record, &before, err);
	write_keys(&now, &keys);
	if (rc == REP_OK && strcmp(rep_buf_str(&before), rep_buf_str(&now)) != 0) {
		rc = replace_keys(hub, record, rep_buf_str(&before), rep_buf_str(&now), &keys, err);
		if (rc == REP_OK && note && keys.len)
			rc = rep_match_note(hub, record->entity->name, record->id, err);
	}
	rep_buf_clear(&before);
	rep_buf_clear(&now);
	return rc;
}
