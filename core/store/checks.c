#include "core/store/checks.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/store/capture_sql.h"
#include "core/store/tables.h"

#define SQL_SIZE_MAX (256u * 1024u)

/* Where a field is named in `when`, only an edit that changes one of these is judged. */
static void changed(struct rep_buf *sql, const struct rep_check *check)
{
	if (check->when_len == 0)
		return;
	rep_buf_puts(sql, " AND (");
	for (size_t i = 0; i < check->when_len; i++) {
		rep_buf_puts(sql, i ? " OR NEW." : "NEW.");
		rep_db_quote(sql, check->when[i]);
		rep_buf_puts(sql, " IS NOT OLD.");
		rep_db_quote(sql, check->when[i]);
	}
	rep_buf_puts(sql, ")");
}

static void check_name(struct rep_buf *sql, const struct rep_entity *entity,
		       const struct rep_check *check, bool update)
{
	struct rep_buf suffix = REP_BUF_INIT(128);

	rep_buf_printf(&suffix, "check_%s_%s", update ? "update" : "insert", check->name);
	rep_trigger_name(sql, entity->name, rep_buf_str(&suffix));
	rep_buf_clear(&suffix);
}

static void check_sql(struct rep_buf *sql, const struct rep_entity *entity,
		      const struct rep_check *check, bool update)
{
	rep_buf_puts(sql, "CREATE TRIGGER ");
	check_name(sql, entity, check, update);
	rep_buf_printf(sql, " AFTER %s ON ", update ? "UPDATE" : "INSERT");
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_puts(sql, " WHEN " REP_QUIET);
	if (update)
		changed(sql, check);
	rep_buf_printf(
		sql,
		"\nBEGIN\nSELECT RAISE(ABORT, 'check %s') FROM ctx WHERE NOT coalesce((%s), 1);\n",
		check->name, check->expr);
	rep_trigger_end(sql);
}

/*
 * SQLite resolves the names in a trigger only when a statement that fires it is prepared. A check that does not compile would
 * stop every edit of its table, so each is tried alone and taken out again: with the other triggers of the table beside it,
 * trying would compile them all each time.
 */
static bool compiles(struct rep_db *db, const struct rep_entity *entity, bool update)
{
	struct rep_buf trial = REP_BUF_INIT(4096);
	struct rep_error ignored;
	struct rep_stmt *stmt = NULL;
	bool good;

	rep_buf_puts(&trial, update ? "UPDATE " : "INSERT INTO ");
	rep_db_quote(&trial, rep_table_name(entity));
	rep_buf_puts(&trial, update ? " SET status = 'active'" : " (id) VALUES ('x')");
	good = rep_db_prepare(db, &stmt, rep_buf_str(&trial), &ignored) == REP_OK;
	rep_stmt_free(stmt);
	rep_buf_clear(&trial);
	return good;
}

/* Appends the check's trigger, if it can be one. */
static enum rep_code try_check(struct rep_buf *out, struct rep_db *db,
			       const struct rep_entity *entity, const struct rep_check *check,
			       bool update, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_buf drop = REP_BUF_INIT(1024);
	struct rep_error ignored;
	enum rep_code rc;

	check_sql(&sql, entity, check, update);
	rc = rep_buf_check(&sql, "a check", err);
	if (rc == REP_OK && rep_db_exec(db, sql.data, &ignored) == REP_OK) {
		if (compiles(db, entity, update))
			rep_buf_put(out, sql.data, sql.len);
		rep_buf_puts(&drop, "DROP TRIGGER ");
		check_name(&drop, entity, check, update);
		rc = rep_db_exec(db, rep_buf_str(&drop), err);
	}
	rep_buf_clear(&drop);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_checks_triggers(struct rep_buf *out, struct rep_db *db,
				  const struct rep_schema *schema, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];

		if (strcmp(rep_table_name(entity), entity->name) != 0)
			continue;
		for (size_t k = 0; rc == REP_OK && k < entity->checks_len; k++) {
			const struct rep_check *check = &entity->checks[k];

			if (check->level != REP_LEVEL_REFUSE)
				continue;
			if (check->on != REP_CHECK_UPDATE)
				rc = try_check(out, db, entity, check, false, err);
			if (rc == REP_OK && check->on != REP_CHECK_INSERT)
				rc = try_check(out, db, entity, check, true, err);
		}
	}
	return rc;
}
