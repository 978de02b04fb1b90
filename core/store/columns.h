/*
 * How fields lie in columns: internal to the store, shared by tables, capture, sealing and queries.
 */
#ifndef REPSYNC_CORE_STORE_COLUMNS_H
#define REPSYNC_CORE_STORE_COLUMNS_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/model/schema.h"
#include "core/store/db.h"

/* The engine's columns of every entity table, ended by NULL. */
extern const char *const rep_engine_columns[];

/* CREATE TABLE IF NOT EXISTS of an entity's columns under a name, with its semicolon. */
void rep_table_definition(struct rep_buf *sql, const struct rep_entity *entity, const char *name);
/* 'text' with quotes doubled, appended. */
void rep_sql_literal(struct rep_buf *out, const char *text);
const char *rep_column_decl(const struct rep_field *field); /* TEXT or INTEGER */
bool rep_column_holds_json(const struct rep_field *field);  /* set, list, map, json */
/* Values stand three levels deep in a value line: what is nested deeper than this could never be sealed. */
#define REP_COLUMN_DEPTH_MAX (REP_JSON_DEPTH_MAX - 3u)
/* What an absent value is in the column, as SQL: NULL, '[]', '{}', 'active'. */
const char *rep_column_empty(const struct rep_field *field);

/*
 * The value in column `index` of the current row; NULL for an absent one (also an empty set, list or map, and the status
 * active). Never fails but for want of memory (*nomem): any client may have written, so text is put into NFC, bytes that are
 * not UTF-8 become U+FFFD, and what is not JSON in a JSON column is given as the string that it is, which the hub refuses
 * and keeps.
 */
struct rep_json *rep_column_value(struct rep_stmt *stmt, int index, const struct rep_field *field,
				  bool *nomem);
/* The same for a text from elsewhere; JSON nested above `depth_max` is a string too. */
struct rep_json *rep_column_json(const char *text, size_t len, unsigned depth_max, bool *nomem);
struct rep_json *rep_column_string(const char *text, size_t len, bool *nomem);

/* Binds a value; false when the column cannot hold it (another type than the field's). */
bool rep_column_bind(struct rep_stmt *stmt, int index, const struct rep_field *field,
		     const struct rep_json *value);

/*
 * Takes the statement to its end and appends each row to the array `out`: as its text where `columns` is 1, else as an array of its
 * texts. The statement is reset.
 */
REP_CHECK enum rep_code rep_column_texts(struct rep_stmt *stmt, int columns, struct rep_json *out,
					 struct rep_error *err);

#endif
