/* The schema's defaults as SQL, so that a record that any SQLite client inserts begins as one made by hand. */
#include <string.h>

#include "core/store/capture_sql.h"
#include "core/store/columns.h"

/* "@territory" follows from the organisation, which no trigger can ask. */
static bool macro_sql(struct rep_buf *sql, const char *macro)
{
	if (strcmp(macro, "@now") == 0)
		rep_buf_puts(sql, "(SELECT at FROM ctx)");
	else if (strcmp(macro, "@rep") == 0)
		rep_buf_puts(sql, "(SELECT rep FROM ctx)");
	else if (strcmp(macro, "@today") == 0)
		rep_buf_puts(sql, "(SELECT today FROM ctx)");
	else
		return false;
	return true;
}

static void literal_sql(struct rep_buf *sql, const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);

	if (text)
		rep_sql_literal(sql, text);
	else if (rep_json_is(value, REP_JSON_BOOL))
		rep_buf_putc(sql, rep_json_bool_value(value) ? '1' : '0');
	else
		rep_json_write(sql, value);
}

bool rep_preset_sql(struct rep_buf *sql, const struct rep_field *field)
{
	const char *text = rep_json_string_value(field->preset);

	/* Columns of sets, lists and maps are never null, so that nobody can tell an empty one from none. */
	if (!field->preset || field->engine || rep_column_holds_json(field))
		return false;
	if (text && *text == '@')
		return macro_sql(sql, text);
	literal_sql(sql, field->preset);
	return true;
}
