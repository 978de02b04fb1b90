#include "cli/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "core/store/csv.h"

#define CELLS_MAX (REP_FIELDS_MAX + 4)

/* A value as a cell: text as it is, anything with structure as JSON. */
static char *cell_of(const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);

	if (text)
		return strdup(text);
	if (rep_json_is(value, REP_JSON_NULL))
		return strdup("");
	return rep_json_text(value);
}

static char *cell_of_field(const struct rep_field *field, const struct rep_json *value)
{
	struct rep_buf text = REP_BUF_INIT(REP_LINE_SIZE_MAX);

	rep_value_show(&text, field, value);
	return text.len == 0 && !text.failed ? strdup("") : rep_buf_take(&text);
}

/* Writes one line and frees its cells. */
static enum rep_code flush(char **cells, size_t len, struct rep_error *err)
{
	struct rep_buf line = REP_BUF_INIT(64u << 20);
	const char *texts[CELLS_MAX] = {0};
	bool missing = false;
	enum rep_code rc;

	for (size_t i = 0; i < len; i++) {
		missing = missing || !cells[i];
		texts[i] = cells[i] ? cells[i] : "";
	}
	rep_csv_write(&line, texts, len);
	rc = missing ? rep_fail(err, REP_ENOMEM, "no memory") : rep_buf_check(&line, "csv", err);
	if (!rc)
		fwrite(line.data, 1, line.len, stdout);
	for (size_t i = 0; i < len; i++)
		free(cells[i]);
	rep_buf_clear(&line);
	return rc;
}

enum rep_code cli_csv_head(const char *const *columns, size_t len, struct rep_error *err)
{
	char *cells[CELLS_MAX];

	for (size_t i = 0; i < len; i++)
		cells[i] = strdup(columns[i]);
	return flush(cells, len, err);
}

enum rep_code cli_csv_row(const struct rep_json *row, const char *const *columns, size_t len,
			  struct rep_error *err)
{
	char *cells[CELLS_MAX];

	for (size_t i = 0; i < len; i++)
		cells[i] = cell_of(rep_json_get(row, columns[i]));
	return flush(cells, len, err);
}

enum rep_code cli_csv_records(const struct rep_json *records, const struct rep_entity *entity,
			      struct rep_error *err)
{
	char *cells[CELLS_MAX];
	const struct rep_json *record;
	enum rep_code rc;

	cells[0] = strdup("id");
	for (size_t i = 0; i < entity->fields_len; i++)
		cells[i + 1] = strdup(entity->fields[i].name);
	rc = flush(cells, entity->fields_len + 1, err);
	for (size_t n = 0; !rc && n < rep_json_size(records); n++) {
		record = rep_json_at(records, n);
		cells[0] = cell_of(rep_json_get(record, "id"));
		for (size_t i = 0; i < entity->fields_len; i++)
			cells[i + 1] = cell_of_field(&entity->fields[i],
						     rep_json_get(rep_json_get(record, "fields"),
								  entity->fields[i].name));
		rc = flush(cells, entity->fields_len + 1, err);
	}
	return rc;
}
