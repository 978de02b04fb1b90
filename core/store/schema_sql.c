#include "core/store/schema_sql.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/store/db.h"
#include "core/store/tables.h"

#define SQL_SIZE_MAX (256u * 1024u)

/* What a trigger on a laptop has as a view, and the hub as values. */
static const char *const context =
	"CREATE TABLE ctx (rep TEXT, role TEXT, at TEXT, today TEXT) STRICT";

struct place {
	const char *entity; /* NULL for a report */
	const char *name;
	struct rep_error *err;
};

static enum rep_code bad(const struct place *place, const char *code, const char *facts)
{
	if (!place->entity)
		return rep_fail(place->err, REP_EINVAL, "schema: reports/%s.sql: %s: %s: %s",
				place->name, place->name, code, facts);
	return rep_fail(place->err, REP_EINVAL, "schema: entities/%s.json: %s.%s: %s: %s",
			place->entity, place->entity, place->name, code, facts);
}

static bool is_word(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || (unsigned char)byte >= 0x80;
}

/* Behind the string, quoted name or comment that begins at `at`; `at` itself where none does. */
static const char *behind_quoted(const char *at)
{
	const char *end = at;

	if (*at == '\'' || *at == '"' || *at == '`')
		end = strchr(at + 1, *at) ? strchr(at + 1, *at) + 1 : at + strlen(at);
	else if (at[0] == '-' && at[1] == '-')
		end = at + strcspn(at, "\n");
	else if (at[0] == '/' && at[1] == '*')
		end = strstr(at + 2, "*/") ? strstr(at + 2, "*/") + 2 : at + strlen(at);
	return end;
}

/*
 * What is SQLite's own and yet gives another answer at another time or on another machine. A verdict must
 * follow from the change and the records: the moment comes from `ctx`.
 */
static const char *const unrepeatable[] = {
	"random",         "randomblob",        "changes",
	"total_changes",  "last_insert_rowid", "load_extension",
	"current_date",   "current_time",      "current_timestamp",
	"sqlite_version", "sqlite_source_id",
};

static const char *unrepeatable_word(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof unrepeatable / sizeof *unrepeatable; i++)
		if (strlen(unrepeatable[i]) == len && strncasecmp(unrepeatable[i], word, len) == 0)
			return unrepeatable[i];
	return NULL;
}

/* The first such word of `sql`, or "'now'", or NULL. A field may well be called "changes": after a dot it is one. */
const char *rep_sql_unrepeatable(const char *sql)
{
	for (const char *at = sql; *at;) {
		const char *end = behind_quoted(at);
		size_t len = 0;

		if (end != at) {
			if (strncasecmp(at, "'now'", 5) == 0)
				return "'now'";
			at = end;
			continue;
		}
		while (is_word(at[len]))
			len++;
		const char *word = len ? unrepeatable_word(at, len) : NULL;

		if (word && (at == sql || at[-1] != '.'))
			return word;
		at += len ? len : 1;
	}
	return NULL;
}

/* The code for what SQLite said: an unknown function is its own. */
static enum rep_code bad_sql(const struct place *place, const char *said)
{
	const char *function = strstr(said, "no such function");

	return function ? bad(place, "check-function", function) : bad(place, "check-sql", said);
}

static enum rep_code prepare(struct rep_db *db, const struct place *place, const char *sql)
{
	struct rep_stmt *stmt = NULL;
	struct rep_error said;
	enum rep_code rc = rep_db_prepare(db, &stmt, sql, &said);

	rep_stmt_free(stmt);
	if (rc == REP_ENOMEM)
		return rep_fail(place->err, rc, "schema: %s: no memory", place->name);
	return rc == REP_OK ? rc : bad_sql(place, said.msg);
}

/* "id, <fields>, created_at, created_by": what `new`, `old`, `a` and `b` have, and no column of the engine's. */
static void put_columns(struct rep_buf *sql, const struct rep_entity *entity)
{
	rep_buf_puts(sql, "id");
	for (size_t i = 0; i < entity->fields_len; i++) {
		rep_buf_puts(sql, ", ");
		rep_db_quote(sql, entity->fields[i].name);
	}
	rep_buf_puts(sql, ", created_at, created_by");
}

static void put_rows(struct rep_buf *sql, const struct rep_entity *entity, const char *name)
{
	rep_buf_printf(sql, "%s AS (SELECT ", name);
	put_columns(sql, entity);
	rep_buf_puts(sql, " FROM ");
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_puts(sql, ")");
}

/* `expr` over the named rows, as the hub asks it. Columns without a row's name must not resolve: two rows of each. */
static enum rep_code try_select(struct rep_db *db, const struct place *place,
				const struct rep_entity *entity, const char *expr,
				const char *const *names, size_t len)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	const char *word = rep_sql_unrepeatable(expr);
	enum rep_code rc = REP_OK;

	if (word)
		return bad(place, "check-function", word);
	rep_buf_puts(&sql, "WITH ");
	put_rows(&sql, entity, "rep_unnamed");
	for (size_t i = 0; i < len; i++) {
		rep_buf_puts(&sql, ", ");
		put_rows(&sql, entity, names[i]);
	}
	rep_buf_printf(&sql, " SELECT (%s\n) FROM ctx, rep_unnamed", expr);
	for (size_t i = 0; i < len; i++)
		rep_buf_printf(&sql, ", %s", names[i]);
	rc = rep_buf_check(&sql, "SQL of a check", place->err);
	if (rc == REP_OK)
		rc = prepare(db, place, rep_buf_str(&sql));
	rep_buf_clear(&sql);
	return rc;
}

/*
 * As the body of a trigger: names in it are resolved only when a statement that fires it is prepared. Taken back
 * at once, so that the next one is alone.
 */
static enum rep_code try_trigger(struct rep_db *db, const struct place *place,
				 const struct rep_entity *entity, const char *expr, bool update)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_error said;
	enum rep_code rc = rep_db_begin(db, place->err);

	if (rc != REP_OK)
		return rc;
	rep_buf_printf(&sql, "CREATE TRIGGER _try AFTER %s ON ", update ? "UPDATE" : "INSERT");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_printf(
		&sql, " BEGIN SELECT RAISE(ABORT, 'x') FROM ctx WHERE NOT coalesce((%s\n), 1); END",
		expr);
	rc = rep_db_exec(db, rep_buf_str(&sql), &said);
	if (rc != REP_OK)
		rc = bad_sql(place, said.msg);
	rep_buf_reset(&sql);
	rep_buf_puts(&sql, update ? "UPDATE " : "INSERT INTO ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, update ? " SET status = 'active'" : " (id) VALUES ('x')");
	if (rc == REP_OK)
		rc = prepare(db, place, rep_buf_str(&sql));
	rep_db_abort(db);
	rep_buf_clear(&sql);
	return rc;
}

static enum rep_code try_check(struct rep_db *db, const struct rep_entity *entity,
			       const struct rep_check *check, struct rep_error *err)
{
	static const char *const rows[] = {"new", "old"};
	const struct place place = {entity->name, check->name, err};
	size_t len = check->on == REP_CHECK_UPDATE ? 2 : 1;
	enum rep_code rc = try_select(db, &place, entity, check->expr, rows, len);

	if (rc == REP_OK && check->detail)
		rc = try_select(db, &place, entity, check->detail, rows, len);
	if (rc == REP_OK && check->on != REP_CHECK_UPDATE)
		rc = try_trigger(db, &place, entity, check->expr, false);
	if (rc == REP_OK && check->on != REP_CHECK_INSERT)
		rc = try_trigger(db, &place, entity, check->expr, true);
	return rc;
}

static bool is_field(const struct rep_entity *entity, const char *text)
{
	return rep_entity_field(entity, text) != NULL;
}

static enum rep_code try_match(struct rep_db *db, const struct rep_entity *entity,
			       const struct rep_match *match, struct rep_error *err)
{
	static const char *const rows[] = {"a", "b"};
	const struct place place = {entity->name, match->name, err};
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < match->on_len; i++)
		if (!is_field(entity, match->on[i]))
			rc = try_select(db, &place, entity, match->on[i], rows, 1);
	if (rc == REP_OK && match->unless)
		rc = try_select(db, &place, entity, match->unless, rows, 2);
	return rc;
}

static enum rep_code try_entity(struct rep_db *db, const struct rep_entity *entity,
				struct rep_error *err)
{
	static const char *const rows[] = {"new"};
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < entity->checks_len; i++)
		rc = try_check(db, entity, &entity->checks[i], err);
	for (size_t i = 0; rc == REP_OK && i < entity->match_len; i++)
		rc = try_match(db, entity, &entity->match[i], err);
	for (size_t i = 0; rc == REP_OK && i < entity->fields_len; i++) {
		const struct place place = {entity->name, entity->fields[i].name, err};

		if (entity->fields[i].computed)
			rc = try_select(db, &place, entity, entity->fields[i].computed, rows, 1);
	}
	return rc;
}

/* Is `name` bound by one of the report's parameters? A period binds three. */
static bool is_bound(const struct rep_report *report, const char *name, size_t len)
{
	for (size_t i = 0; i < report->params_len; i++) {
		const struct rep_param *param = &report->params[i];
		size_t param_len = strlen(param->name);

		if (len < param_len || strncmp(param->name, name, param_len) != 0)
			continue;
		if (len == param_len)
			return true;
		if (param->type != REP_PARAM_PERIOD)
			continue;
		if ((len == param_len + 5 && strncmp(name + param_len, "_from", 5) == 0) ||
		    (len == param_len + 6 && strncmp(name + param_len, "_until", 6) == 0))
			return true;
	}
	return false;
}

/* Every parameter of the statement is `:name`, and declared. */
static enum rep_code check_params(const struct place *place, const struct rep_report *report)
{
	char facts[128];

	for (const char *at = report->sql; *at;) {
		const char *end = behind_quoted(at);
		size_t len = 0;

		if (end != at) {
			at = end;
			continue;
		}
		if (!strchr(":@$?", *at)) {
			at++;
			continue;
		}
		while (is_word(at[1 + len]))
			len++;
		if (*at != ':' || !is_bound(report, at + 1, len)) {
			snprintf(facts, sizeof facts, "the parameter %.*s is not declared",
				 (int)(len < 60 ? len + 1 : 60), at);
			return bad(place, "report-sql", facts);
		}
		at += 1 + len;
	}
	return REP_OK;
}

/* Behind white space and comments. */
static const char *first_word(const char *sql)
{
	for (;;) {
		if (isspace((unsigned char)*sql))
			sql++;
		else if (strncmp(sql, "--", 2) == 0 || strncmp(sql, "/*", 2) == 0)
			sql = behind_quoted(sql);
		else
			return sql;
	}
}

static bool begins_with(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncasecmp(text, word, len) == 0 && !is_word(text[len]);
}

static enum rep_code check_columns(const struct place *place, const struct rep_report *report,
				   struct rep_stmt *stmt)
{
	struct rep_buf facts = REP_BUF_INIT(400);
	enum rep_code rc = REP_OK;

	if ((size_t)rep_columns(stmt) != report->columns_len)
		rep_buf_printf(&facts, "%d columns, %zu declared", rep_columns(stmt),
			       report->columns_len);
	for (size_t i = 0; !facts.len && i < report->columns_len; i++) {
		const char *name = rep_column_name(stmt, (int)i);

		if (!name || strcmp(name, report->columns[i].name) != 0)
			rep_buf_printf(&facts, "column %zu is %.60s, declared %s", i + 1,
				       name ? name : "?", report->columns[i].name);
	}
	if (facts.len)
		rc = bad(place, "report-columns", rep_buf_str(&facts));
	rep_buf_clear(&facts);
	return rc;
}

static enum rep_code try_report(struct rep_db *db, const struct rep_report *report,
				struct rep_error *err)
{
	const struct place place = {NULL, report->name, err};
	const char *start = first_word(report->sql);
	struct rep_stmt *stmt = NULL;
	struct rep_error said;

	if (!begins_with(start, "select") && !begins_with(start, "with"))
		return bad(&place, "report-not-select", "it does not begin with SELECT or WITH");
	enum rep_code rc = check_params(&place, report);

	if (rc != REP_OK)
		return rc;
	rc = rep_db_prepare(db, &stmt, report->sql, &said);
	if (rc == REP_EREFUSED || (rc != REP_OK && strstr(said.msg, "exactly one")))
		rc = bad(&place, "report-not-select", said.msg);
	else if (rc == REP_ENOMEM)
		rc = rep_fail(err, rc, "report %s: no memory", report->name);
	else if (rc != REP_OK)
		rc = bad(&place, "report-sql", said.msg);
	else
		rc = check_columns(&place, report, stmt);
	rep_stmt_free(stmt);
	return rc;
}

enum rep_code rep_schema_check_sql(const struct rep_schema *schema, struct rep_error *err)
{
	struct rep_db *db = NULL;
	enum rep_code rc = rep_db_open(
		&db, NULL, &(struct rep_db_options){.create = true, .memory = true}, err);

	if (rc == REP_OK)
		rc = rep_tables_create(db, schema, err);
	if (rc == REP_OK)
		rc = rep_db_exec(db, context, err);
	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++)
		if (schema->entities[i].builtin < REP_BUILTIN_DEVICE)
			rc = try_entity(db, &schema->entities[i], err);
	if (rc == REP_OK)
		rep_db_restrict(db, true);
	for (size_t i = 0; rc == REP_OK && i < schema->reports_len; i++)
		rc = try_report(db, &schema->reports[i], err);
	rep_db_close(db);
	return rc;
}
