/*
 * The bounds of fields as SQL, so that any SQLite client is stopped at a value that the hub would refuse. One CASE, whose first true
 * branch raises. What SQL cannot tell (patterns, check digits) is left to edits by hand and to the hub.
 */
#include <string.h>

#include "core/base/limits.h"
#include "core/store/capture_sql.h"
#include "core/store/columns.h"

#define LIST_ENTRIES_MAX 1000

static void enum_values(struct rep_buf *sql, const struct rep_field *field)
{
	rep_buf_puts(sql, "(");
	for (size_t i = 0; i < field->values_len; i++) {
		rep_buf_puts(sql, i ? ", " : "");
		rep_sql_literal(sql, field->values[i].value);
	}
	rep_buf_puts(sql, ")");
}

/* True of a bad text; `v` is an SQL expression that is a text. */
static void bad_text(struct rep_buf *sql, const struct rep_field *field, const char *v)
{
	if (field->has_min && field->min > 0)
		rep_buf_printf(sql, "length(%s) < %lld OR ", v, (long long)field->min);
	rep_buf_printf(sql, "length(%s) > %lld OR length(CAST(%s AS BLOB)) > %u", v,
		       (long long)(field->has_max ? field->max : REP_TEXT_SIZE_MAX), v,
		       REP_TEXT_SIZE_MAX);
}

static void bad_range(struct rep_buf *sql, const struct rep_field *field, const char *v)
{
	if (field->min_text) {
		rep_buf_printf(sql, " OR %s < ", v);
		rep_sql_literal(sql, field->min_text);
	}
	if (field->max_text) {
		rep_buf_printf(sql, " OR %s > ", v);
		rep_sql_literal(sql, field->max_text);
	}
}

/* date() with a modifier gives a day of the calendar back as it is; without one, 2026-02-30 passes too. */
static void bad_date(struct rep_buf *sql, const struct rep_field *field, const char *v)
{
	rep_buf_printf(
		sql,
		"%s NOT GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' OR date(%s, '+0 days') IS NOT %s",
		v, v, v);
	bad_range(sql, field, v);
}

static void bad_datetime(struct rep_buf *sql, const struct rep_field *field, const char *v)
{
	rep_buf_printf(
		sql,
		"%s NOT GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-2][0-9]:[0-5][0-9]:"
		"[0-5][0-9].[0-9][0-9][0-9]Z' OR substr(%s, 12, 2) > '23' OR "
		"date(substr(%s, 1, 10), '+0 days') IS NOT substr(%s, 1, 10)",
		v, v, v, v);
	bad_range(sql, field, v);
}

static void bad_decimal(struct rep_buf *sql, const struct rep_field *field, const char *v)
{
	rep_buf_printf(
		sql,
		"%s = '' OR ltrim(substr(%s, 2), '0123456789.') <> '' OR %s NOT GLOB '[-0-9]*'", v,
		v, v);
	if (field->scale > 0)
		rep_buf_printf(sql, " OR instr(%s, '.') <> length(%s) - %u", v, v, field->scale);
	else
		rep_buf_printf(sql, " OR instr(%s, '.') <> 0", v);
}

static void bad_reference(struct rep_buf *sql, const char *v)
{
	rep_buf_printf(sql,
		       "length(%s) NOT BETWEEN 1 AND %u OR %s NOT GLOB '[A-Za-z0-9]*' OR %s GLOB "
		       "'*[^A-Za-z0-9._-]*' OR %s GLOB '*.' OR %s GLOB '*..*'",
		       v, REP_ID_LEN_MAX, v, v, v, v);
}

static void bad_integer(struct rep_buf *sql, const struct rep_field *field, const char *v)
{
	rep_buf_printf(sql, "%s NOT BETWEEN %lld AND %lld", v,
		       (long long)(field->has_min ? field->min : -REP_INT_MAX),
		       (long long)(field->has_max ? field->max : REP_INT_MAX));
}

static void bad_enum(struct rep_buf *sql, const struct rep_field *field, const char *v)
{
	rep_buf_printf(sql, "%s NOT IN ", v);
	enum_values(sql, field);
}

/* An element of a set or a value of a map. */
static void bad_element(struct rep_buf *sql, const struct rep_field *field)
{
	if (field->of == REP_TYPE_INTEGER) {
		rep_buf_puts(sql, "e.type <> 'integer' OR ");
		bad_integer(sql, field, "e.value");
		return;
	}
	rep_buf_puts(sql, "e.type <> 'text' OR ");
	if (field->of == REP_TYPE_ENUM)
		bad_enum(sql, field, "e.value");
	else if (field->of == REP_TYPE_REFERENCE)
		bad_reference(sql, "e.value");
	else
		bad_text(sql, field, "e.value");
}

static void bad_elements(struct rep_buf *sql, const struct rep_field *field, const char *v)
{
	rep_buf_printf(sql, "EXISTS (SELECT 1 FROM json_each(%s) AS e WHERE ", v);
	bad_element(sql, field);
	rep_buf_puts(sql, ")");
	if (field->type == REP_TYPE_MAP)
		rep_buf_printf(
			sql, " OR (SELECT count(*) - count(DISTINCT key) FROM json_each(%s)) <> 0",
			v);
}

/* Entries are only added: every one that was there is there still. */
static void bad_list(struct rep_buf *sql, const struct rep_field *field, const char *v,
		     enum rep_row before)
{
	rep_buf_printf(sql,
		       "EXISTS (SELECT 1 FROM json_each(%s) AS e WHERE e.type <> 'object') OR "
		       "json_array_length(%s) > %d OR EXISTS (SELECT 1 FROM json_each(",
		       v, v, LIST_ENTRIES_MAX);
	rep_row_field_sql(sql, before, field);
	rep_buf_printf(sql,
		       ") AS o WHERE NOT EXISTS (SELECT 1 FROM json_each(%s) AS e WHERE e.value = "
		       "o.value))",
		       v);
}

static void bad_json(struct rep_buf *sql, const struct rep_field *field, const char *v)
{
	rep_buf_printf(
		sql,
		"length(CAST(%s AS BLOB)) > %lld OR EXISTS (SELECT 1 FROM json_tree(%s) WHERE type = "
		"'real') OR EXISTS (SELECT 1 FROM json_tree(%s) GROUP BY fullkey HAVING count(*) > 1)",
		v, (long long)(field->has_max ? field->max : REP_TEXT_SIZE_MAX), v, v);
}

static void bad_value(struct rep_buf *sql, const struct rep_field *field, const char *v,
		      enum rep_row before)
{
	switch (field->type) {
	case REP_TYPE_TEXT:
		bad_text(sql, field, v);
		break;
	case REP_TYPE_INTEGER:
		bad_integer(sql, field, v);
		break;
	case REP_TYPE_BOOLEAN:
		rep_buf_printf(sql, "%s NOT IN (0, 1)", v);
		break;
	case REP_TYPE_DATE:
		bad_date(sql, field, v);
		break;
	case REP_TYPE_DATETIME:
		bad_datetime(sql, field, v);
		break;
	case REP_TYPE_DECIMAL:
		bad_decimal(sql, field, v);
		break;
	case REP_TYPE_ENUM:
		bad_enum(sql, field, v);
		break;
	case REP_TYPE_SET:
	case REP_TYPE_MAP:
		bad_elements(sql, field, v);
		break;
	case REP_TYPE_LIST:
		bad_list(sql, field, v, before);
		break;
	case REP_TYPE_REFERENCE:
		bad_reference(sql, v);
		break;
	case REP_TYPE_JSON:
		bad_json(sql, field, v);
		break;
	}
}

static const char *expected(const struct rep_field *field)
{
	switch (field->type) {
	case REP_TYPE_TEXT:
		return "a text of another length is expected";
	case REP_TYPE_INTEGER:
		return "out of range";
	case REP_TYPE_BOOLEAN:
		return "0 or 1 is expected";
	case REP_TYPE_DATE:
		return "a date as 2026-03-16 is expected";
	case REP_TYPE_DATETIME:
		return "a time as 2026-03-16T01:10:00.000Z is expected";
	case REP_TYPE_DECIMAL:
		return "a decimal of the declared scale is expected";
	case REP_TYPE_ENUM:
		return "not one of the declared values";
	case REP_TYPE_SET:
		return "a JSON array of the declared elements is expected";
	case REP_TYPE_LIST:
		return "a JSON array of objects is expected, and entries are only added";
	case REP_TYPE_MAP:
		return "a JSON object of the declared values is expected";
	case REP_TYPE_REFERENCE:
		return "an id is expected";
	case REP_TYPE_JSON:
		return "JSON without floats, within its size, is expected";
	}
	return "";
}

static void raise(struct rep_buf *sql, const struct rep_entity *entity,
		  const struct rep_field *field, const char *what)
{
	rep_buf_printf(sql, " THEN RAISE(ABORT, '%s.%s: %s')\n", entity->name, field->name, what);
}

/* Only what the edit changes is judged: a view may have brought what an older schema allowed. */
static void differs(struct rep_buf *sql, const struct rep_field *field, const char *v,
		    enum rep_row before)
{
	rep_buf_printf(sql, "WHEN %s", v);
	rep_buf_puts(sql, " IS NOT ");
	rep_row_field_sql(sql, before, field);
	rep_buf_puts(sql, " AND ");
}

static void required(struct rep_buf *sql, const struct rep_entity *entity,
		     const struct rep_field *field, const char *v, enum rep_row before)
{
	if (before == REP_ROW_NONE)
		rep_buf_puts(sql, "WHEN ");
	else
		differs(sql, field, v, before);
	rep_buf_printf(sql, "%s IS %s", v, rep_column_empty(field));
	raise(sql, entity, field, "required");
}

void rep_bounds_sql(struct rep_buf *sql, const struct rep_entity *entity, enum rep_row now,
		    enum rep_row before)
{
	rep_buf_puts(sql, "SELECT CASE\n");
	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];
		struct rep_buf v = REP_BUF_INIT(sql->limit);

		rep_row_field_sql(&v, now, field);
		if (field->required && !field->engine)
			required(sql, entity, field, rep_buf_str(&v), before);
		differs(sql, field, rep_buf_str(&v), before);
		rep_buf_puts(sql, "("); /* of NULL, none of them is true */
		bad_value(sql, field, rep_buf_str(&v), before);
		rep_buf_puts(sql, ")");
		raise(sql, entity, field, expected(field));
		if (v.failed)
			sql->failed = v.failed;
		rep_buf_clear(&v);
	}
	rep_buf_puts(sql, "END;\n");
}
