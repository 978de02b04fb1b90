#include "core/store/capture.h"

#include <string.h>

#include "core/model/stamp.h"
#include "core/store/capture_sql.h"
#include "core/store/checks.h"
#include "core/store/tables.h"

#define SQL_SIZE_MAX (1024u * 1024u)

/* `first` is the counter of the last stamp made, `counter` the last one that it reserved. */
static const char tables[] =
	"CREATE TABLE IF NOT EXISTS _meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, "
	"WITHOUT ROWID;\n"
	"CREATE TABLE IF NOT EXISTS _pending (n INTEGER PRIMARY KEY AUTOINCREMENT, entity TEXT NOT "
	"NULL, id TEXT NOT NULL, op TEXT NOT NULL, stamp TEXT NOT NULL, reason TEXT, extra TEXT) "
	"STRICT;\n"
	"CREATE INDEX IF NOT EXISTS _pending__record ON _pending (entity, id);\n"
	"CREATE TABLE IF NOT EXISTS _pending_field (n INTEGER NOT NULL, field TEXT NOT NULL, new ANY, "
	"old ANY, saw TEXT, PRIMARY KEY (n, field)) STRICT, WITHOUT ROWID;\n"
	"CREATE TABLE IF NOT EXISTS _shadow (field TEXT NOT NULL PRIMARY KEY, value ANY) STRICT, "
	"WITHOUT ROWID;\n"
	"CREATE TABLE IF NOT EXISTS _silent (v INTEGER NOT NULL) STRICT;\n"
	"CREATE TABLE IF NOT EXISTS _reason (reason TEXT NOT NULL) STRICT;\n"
	"CREATE TABLE IF NOT EXISTS _clock (one INTEGER PRIMARY KEY CHECK (one = 1), ms TEXT NOT NULL, "
	"first INTEGER NOT NULL, counter INTEGER NOT NULL) STRICT;\n"
	"INSERT INTO _clock (one, ms, first, counter) SELECT 1, '1970-01-01T00:00:00.000Z', 0, 0 WHERE "
	"NOT EXISTS (SELECT 1 FROM _clock);\n"
	"CREATE VIEW IF NOT EXISTS ctx AS SELECT "
	"(SELECT value FROM _meta WHERE key = 'rep') AS rep, "
	"(SELECT value FROM _meta WHERE key = 'role') AS role, "
	"strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS at, "
	"date('now', coalesce((SELECT value FROM _meta WHERE key = 'utc_offset_minutes'), '480') || ' "
	"minutes') AS today;\n";

enum rep_code rep_capture_create(struct rep_db *db, struct rep_error *err)
{
	return rep_wrap(err, rep_db_exec(db, tables, err), "make tables of capture");
}

/* All triggers on tables of entities are ours: made anew. */
static enum rep_code drop_triggers(struct rep_db *db, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc = rep_db_prepare(
		db, &stmt,
		"SELECT name FROM sqlite_schema AS s WHERE type = 'trigger' AND instr(name, '__') > 0 AND "
		"EXISTS (SELECT 1 FROM pragma_table_info(s.tbl_name) AS c WHERE c.name = '_stamps')",
		err);

	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row) {
			rep_buf_puts(&sql, "DROP TRIGGER ");
			rep_db_quote(&sql, rep_column_text(stmt, 0, NULL));
			rep_buf_puts(&sql, ";\n");
		}
	}
	rep_stmt_free(stmt);
	if (rc == REP_OK)
		rc = rep_buf_check(&sql, "triggers", err);
	if (rc == REP_OK)
		rc = rep_db_exec(db, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_capture_triggers(struct rep_buf *out, struct rep_db *db,
				   const struct rep_schema *schema, const char *device,
				   struct rep_error *err)
{
	struct rep_buf checks = REP_BUF_INIT(out->limit);
	enum rep_code rc = drop_triggers(db, err);

	if (rc == REP_OK)
		rc = rep_checks_triggers(&checks, db, schema, err);
	rep_refuse_sql(out, "_review");
	for (size_t i = 0; i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];

		if (entity->builtin == REP_BUILTIN_REVIEW)
			continue;
		if (strcmp(rep_table_name(entity), entity->name) == 0)
			rep_capture_sql(out, entity, device);
		else
			rep_refuse_sql(out, rep_table_name(entity));
	}
	rep_buf_put(out, checks.data, checks.len);
	rep_buf_clear(&checks);
	if (rc == REP_OK)
		rc = rep_buf_check(out, "triggers", err);
	return rep_wrap(err, rc, "make triggers");
}

enum rep_code rep_capture_silence(struct rep_db *db, bool silent, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		db, &stmt, silent ? "INSERT INTO _silent (v) VALUES (1)" : "DELETE FROM _silent",
		err);

	return rc == REP_OK ? rep_run(stmt, err) : rc;
}

enum rep_code rep_capture_reason(struct rep_db *db, const char *reason, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt, "DELETE FROM _reason", err);

	if (rc == REP_OK)
		rc = rep_run(stmt, err);
	if (rc != REP_OK || !reason)
		return rc;
	rc = rep_db_use(db, &stmt, "INSERT INTO _reason (reason) VALUES (?1)", err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, reason);
	return rep_run(stmt, err);
}

enum rep_code rep_capture_observe(struct rep_db *db, const char *stamp_or_time,
				  struct rep_error *err)
{
	char time[REP_TIME_LEN + 1] = "";
	struct rep_stmt *stmt;
	unsigned counter = 0;
	enum rep_code rc;
	int64_t ms;

	strncpy(time, stamp_or_time, REP_TIME_LEN);
	if (rep_stamp_valid(stamp_or_time))
		counter = rep_stamp_counter(stamp_or_time);
	else if (!rep_time_parse(&ms, stamp_or_time))
		return rep_fail(err, REP_EINVAL, "clock: %s is neither a stamp nor a time",
				stamp_or_time);
	rc = rep_db_use(db, &stmt,
			"UPDATE _clock SET ms = ?1, first = ?2, counter = ?2 WHERE (ms, counter) < "
			"(?1, ?2)",
			err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, time);
	rep_bind_int(stmt, 2, counter);
	return rep_run(stmt, err);
}

enum rep_code rep_capture_stamp(struct rep_db *db, const char *device, char *out,
				struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(4096);
	struct rep_stmt *stmt;
	enum rep_code rc;
	bool row = false;

	rep_tick_sql(&sql, "0");
	rc = rep_db_exec(db, rep_buf_str(&sql), err);
	rep_buf_reset(&sql);
	rep_buf_puts(&sql, "SELECT ");
	rep_stamp_sql(&sql, device);
	if (rc == REP_OK)
		rc = rep_db_use(db, &stmt, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	if (rc == REP_OK) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			memcpy(out, rep_column_text(stmt, 0, NULL), REP_STAMP_LEN + 1);
		rep_stmt_reset(stmt);
	}
	return rc;
}
