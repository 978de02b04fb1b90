/*
 * Where a record lay at a time. A record that stays where it was recorded (a visit) lies in the account of its target as
 * that was at the visit, whenever the visit arrives; so the moves of records are remembered, by the change that moved them.
 * Each is written with that change's outcome, so that it is there again after a rebuild.
 */
#include <string.h>

#include "core/base/limits.h"

#include "sync/hub/hub_state.h"

enum rep_code rep_work_moved(struct rep_db *db, const char *entity, const char *id, const char *eff,
			     const char *from, const char *to, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(db, &stmt,
			   "INSERT OR REPLACE INTO _moved(entity, id, eff, from_partition,"
			   " to_partition) VALUES(?1, ?2, ?3, ?4, ?5)",
			   err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	rep_bind_text(stmt, 3, eff);
	rep_bind_text(stmt, 4, from);
	rep_bind_text(stmt, 5, to);
	return rep_run(stmt, err);
}

enum rep_code rep_work_moved_clear(struct rep_db *db, const char *entity, const char *id,
				   struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(db, &stmt, "DELETE FROM _moved WHERE entity = ?1 AND id = ?2", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	return rep_run(stmt, err);
}

enum rep_code rep_work_moves(struct rep_db *db, const char *entity, const char *id,
			     struct rep_buf *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(db, &stmt,
				      "SELECT eff || ' ' || from_partition || ' ' || to_partition"
				      " FROM _moved WHERE entity = ?1 AND id = ?2 ORDER BY eff",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row)
		rep_buf_printf(out, "%s ", rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	return rc;
}

/* The partition before the first move after `stamp`; nothing when there was none. */
static enum rep_code before_next_move(struct rep_hub *hub, const char *entity, const char *id,
				      const char *stamp, struct rep_buf *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc =
		rep_db_use(hub->db, &stmt,
			   "SELECT from_partition FROM _moved WHERE entity = ?1 AND id = ?2"
			   " AND eff > ?3 ORDER BY eff LIMIT 1",
			   err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	rep_bind_text(stmt, 3, stamp);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		rep_buf_puts(out, rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_work_partition_at(struct rep_hub *hub, const char *entity, const char *id,
				    const char *stamp, struct rep_buf *out, struct rep_error *err)
{
	const struct rep_entity *found = rep_schema_entity(hub->schema, entity);
	size_t before = out->len;
	enum rep_code rc = REP_OK;

	if (!found)
		return REP_OK;
	if (!stamp) /* what follows a record lies where that one lies which shows what it is */
		return rep_row_lies(hub->db, found, id, out, err);
	rc = before_next_move(hub, entity, id, stamp, out, err);
	if (rc == REP_OK && out->len == before)
		rc = rep_row_partition(hub->db, found, id, out, err);
	return rc;
}

static enum rep_code one_partition(struct rep_stmt *stmt, struct rep_buf *out,
				   struct rep_error *err)
{
	bool row = false;
	enum rep_code rc = rep_step(stmt, &row, err);

	if (rc == REP_OK && row)
		rep_buf_puts(out, rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	return rc;
}

/* The newest of the moves that count; nothing when none does. */
static enum rep_code after_moves(struct rep_db *db, const char *entity, const char *id,
				 const char *stamp, const char *time, struct rep_buf *out,
				 struct rep_error *err)
{
	char known[REP_TIME_LEN + 1], edited[REP_TIME_LEN + 1];
	struct rep_stmt *stmt;
	int64_t ms = 0;
	enum rep_code rc = rep_db_use(
		db, &stmt,
		"SELECT m.to_partition FROM _moved m JOIN _change c ON c.entity = m.entity AND c.id = m.id"
		" AND c.eff = m.eff LEFT JOIN _segment s ON s.n = c.segment"
		" WHERE m.entity = ?1 AND m.id = ?2 AND m.eff <= ?3 AND coalesce(s.hub_time, ?4) <= ?5"
		" ORDER BY m.eff DESC LIMIT 1",
		err);

	if (rc != REP_OK)
		return rc;
	memcpy(edited, stamp, REP_TIME_LEN);
	edited[REP_TIME_LEN] = '\0';
	if (!rep_time_parse(&ms, edited) || ms < REP_CLOCK_AHEAD_MS_MAX)
		return REP_OK;
	rep_time_format(known, ms - REP_CLOCK_AHEAD_MS_MAX);
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	rep_bind_text(stmt, 3, stamp);
	rep_bind_text(stmt, 4, time);
	rep_bind_text(stmt, 5, known);
	return one_partition(stmt, out, err);
}

static enum rep_code before_moves(struct rep_db *db, const char *entity, const char *id,
				  struct rep_buf *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt,
				      "SELECT from_partition FROM _moved WHERE entity = ?1 AND"
				      " id = ?2 ORDER BY eff LIMIT 1",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	return one_partition(stmt, out, err);
}

enum rep_code rep_work_lay_at(struct rep_hub *hub, const char *entity, const char *id,
			      const char *stamp, const char *time, struct rep_buf *out,
			      struct rep_error *err)
{
	const struct rep_entity *found = rep_schema_entity(hub->schema, entity);
	size_t before = out->len;
	enum rep_code rc = REP_OK;

	if (!found)
		return REP_OK;
	rc = after_moves(hub->db, entity, id, stamp, time, out, err);
	if (rc == REP_OK && out->len == before)
		rc = before_moves(hub->db, entity, id, out, err);
	if (rc == REP_OK && out->len == before)
		rc = rep_row_partition(hub->db, found, id, out, err);
	return rc;
}
