/* Internal to capture: the text of one entity's triggers. */
#ifndef REPSYNC_CORE_STORE_CAPTURE_SQL_H
#define REPSYNC_CORE_STORE_CAPTURE_SQL_H

#include "core/base/buf.h"
#include "core/model/schema.h"

/* While no row says that the engine itself is writing. */
#define REP_QUIET "NOT EXISTS (SELECT 1 FROM _silent)"

/* Where a row's values are read from inside a trigger. */
enum rep_row {
	REP_ROW_NONE,
	REP_ROW_NEW,
	REP_ROW_MADE, /* a new record: NEW with the schema's defaults where it is null */
	REP_ROW_OLD
};
/* A column's value; NULL from REP_ROW_NONE. */
void rep_row_value_sql(struct rep_buf *sql, enum rep_row row, const char *column);
/* A field's value, where an absent row counts as one with nothing in it. */
void rep_row_field_sql(struct rep_buf *sql, enum rep_row row, const struct rep_field *field);

/* The field's default as an SQL expression; false, and nothing appended, where there is none that SQL can tell. */
bool rep_preset_sql(struct rep_buf *sql, const struct rep_field *field);

/* Ticks the clock, leaving `extra` (an SQL expression) further stamps behind the one that it makes. */
void rep_tick_sql(struct rep_buf *sql, const char *extra);
/* The stamp of the last tick, as an SQL expression. */
void rep_stamp_sql(struct rep_buf *sql, const char *device);
/* All capture triggers of an entity that people edit. */
void rep_capture_sql(struct rep_buf *sql, const struct rep_entity *entity, const char *device);
/* Triggers that refuse whatever is not the engine's own writing. */
void rep_refuse_sql(struct rep_buf *sql, const char *table);
/* A SELECT that raises where a value of `now` that differs from `before` is outside its field's bounds. */
void rep_bounds_sql(struct rep_buf *sql, const struct rep_entity *entity, enum rep_row now,
		    enum rep_row before);
/* Ends the text of a trigger: "END" and a NUL, since texts of triggers have many semicolons (rep_capture_triggers). */
void rep_trigger_end(struct rep_buf *sql);
/* A name made of the entity's and a suffix, quoted. */
void rep_trigger_name(struct rep_buf *sql, const char *entity, const char *suffix);

#endif
