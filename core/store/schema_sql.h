/*
 * The SQL within a schema, asked of SQLite itself: checks, computed fields, keys of duplicates, reports.
 *
 * The loader (core/model/schema.h) sees the text alone; here the tables and views are made in memory and
 * each piece is prepared in the very forms in which it will run: a check as the body of a trigger and
 * as a SELECT, a report under the authorizer that allows reading only. Nothing is executed.
 */
#ifndef REPSYNC_CORE_STORE_SCHEMA_SQL_H
#define REPSYNC_CORE_STORE_SCHEMA_SQL_H

#include "core/model/schema.h"

/*
 * REP_EINVAL with the message "schema: <file>: <entity>.<name>: <code>: <facts>"; the codes are
 * check-sql, check-function, report-sql, report-not-select, report-columns.
 */
REP_CHECK enum rep_code rep_schema_check_sql(const struct rep_schema *schema,
					     struct rep_error *err);
/* The first word of the SQL that gives another answer another time ("random", "'now'"), or NULL. */
const char *rep_sql_unrepeatable(const char *sql);

#endif
