/* Reference tables: their declaration in schema.json, their rows in tables/<name>.csv. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/schema_load.h"
#include "core/model/value.h"

#define COLUMNS_MAX 50u

static enum rep_code read_label(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_label(ld, &((struct rep_table *)target)->label, value);
}

static enum rep_code read_columns(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const char *const types[] = {"text", "integer", "boolean", "date", "datetime", NULL};
	struct rep_table *table = target;
	enum rep_code rc =
		rep_loader_array(ld, &table->columns, rep_json_size(value), sizeof *table->columns);

	if (!rc && (rep_json_size(value) == 0 || rep_json_size(value) > COLUMNS_MAX))
		rc = rep_loader_bad(ld, "too-many", "1 to %u columns", COLUMNS_MAX);
	for (void *at = rep_json_iter(value); !rc && at; at = rep_json_iter_next(value, at)) {
		struct rep_table_column *column = &table->columns[table->columns_len++];
		const char *type = rep_json_string_value(rep_json_iter_value(at));
		int index = type ? rep_word_index(types, type) : -1;

		column->name = rep_json_iter_key(at);
		if (index < 0)
			return rep_loader_bad(ld, "unknown-type", "column \"%s\"", column->name);
		column->type = (enum rep_type)index; /* the first five of enum rep_type */
		rc = rep_loader_name(ld, column->name, true);
	}
	return rc;
}

static enum rep_code read_key(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	struct rep_table *table = target;

	return rep_loader_names(ld, &table->key, &table->key_len, value, "key");
}

static size_t column_index(const struct rep_table *table, const char *name)
{
	size_t i = 0;

	while (i < table->columns_len && strcmp(table->columns[i].name, name) != 0)
		i++;
	return i;
}

/*
 * One cell at *at into `out`; *at moves behind it and its separator. RFC 4180: a cell may be quoted,
 * a quote within is doubled. *last tells whether the line ended.
 */
static bool take_cell(const char **at, const char *end, struct rep_buf *out, bool *last)
{
	const char *p = *at;
	bool quoted = p < end && *p == '"';

	rep_buf_reset(out);
	if (quoted) {
		for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++) {
			if (*p == '"')
				p++;
			rep_buf_putc(out, *p);
		}
		if (p >= end)
			return false;
		p++;
	} else {
		for (; p < end && *p != ',' && *p != '\n' && *p != '\r'; p++)
			rep_buf_putc(out, *p);
	}
	if (p < end && *p == '\r' && p + 1 < end && p[1] == '\n')
		p++;
	*last = p >= end || *p == '\n';
	if (!*last && *p != ',')
		return false;
	*at = p < end ? p + 1 : p;
	return true;
}

static enum rep_code check_header(struct rep_loader *ld, const struct rep_table *table,
				  const char **at, const char *end, struct rep_buf *cell)
{
	bool last = false;

	for (size_t i = 0; i < table->columns_len; i++) {
		bool taken = !last && take_cell(at, end, cell, &last);

		if (cell->failed == REP_ENOMEM)
			return rep_loader_no_memory(ld);
		if (!taken || strcmp(rep_buf_str(cell), table->columns[i].name) != 0)
			return rep_loader_bad(ld, "table-csv", "column %zu must be \"%s\"", i + 1,
					      table->columns[i].name);
	}
	return last ? REP_OK : rep_loader_bad(ld, "table-csv", "more columns than declared");
}

static enum rep_code read_cell(struct rep_loader *ld, const struct rep_table_column *column,
			       const char *text, size_t line, struct rep_json **out)
{
	const struct rep_field field = {.name = column->name,
					.type = column->type,
					.of = column->type,
					.has_max = column->type == REP_TYPE_TEXT,
					.max = REP_TEXT_SIZE_MAX};
	struct rep_error why;

	char place[40];

	snprintf(place, sizeof place, "line %zu: ", line);
	return rep_loader_judge(ld, rep_value_read(out, &field, text, &why), "table-csv", place,
				&why);
}

static enum rep_code read_row(struct rep_loader *ld, const struct rep_table *table, const char **at,
			      const char *end, size_t line, struct rep_json *row)
{
	struct rep_buf cell = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *value = NULL;
	enum rep_code rc = REP_OK;
	bool last = false;

	for (size_t i = 0; !rc && i < table->columns_len; i++) {
		bool taken = !last && take_cell(at, end, &cell, &last);

		if (cell.failed == REP_ENOMEM)
			rc = rep_loader_no_memory(ld);
		else if (!taken || cell.failed)
			rc = rep_loader_bad(ld, "table-csv", "line %zu: %zu columns expected", line,
					    table->columns_len);
		if (!rc)
			rc = read_cell(ld, &table->columns[i], rep_buf_str(&cell), line, &value);
		if (!rc && !rep_json_append(row, value))
			rc = rep_loader_no_memory(ld);
	}
	if (!rc && !last)
		rc = rep_loader_bad(ld, "table-csv", "line %zu: more columns than declared", line);
	rep_buf_clear(&cell);
	return rc;
}

/* A row's key as text, with its line, so that sorting finds two of a kind. */
struct row_key {
	char *text;
	size_t line;
};

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct row_key *)a)->text, ((const struct row_key *)b)->text);
}

static enum rep_code row_key(struct rep_loader *ld, const struct rep_table *table,
			     const struct rep_json *row, struct row_key *out)
{
	struct rep_json *key = rep_json_array();

	for (size_t i = 0; i < table->key_len; i++) {
		struct rep_json *value = rep_json_at(row, column_index(table, table->key[i]));

		if (rep_json_is(value, REP_JSON_NULL)) {
			rep_json_free(key);
			return rep_loader_bad(ld, "table-key", "line %zu: \"%s\" is empty",
					      out->line, table->key[i]);
		}
		if (!rep_json_append(key, rep_json_ref(value)))
			break;
	}
	out->text = rep_json_text(key);
	rep_json_free(key);
	return out->text ? REP_OK : rep_loader_no_memory(ld);
}

static enum rep_code check_keys(struct rep_loader *ld, const struct rep_table *table)
{
	size_t len = rep_json_size(table->rows);
	struct row_key *keys = calloc(len ? len : 1, sizeof *keys);
	enum rep_code rc = keys ? REP_OK : rep_loader_no_memory(ld);

	for (size_t i = 0; !rc && i < len; i++) {
		keys[i].line = i + 2;
		rc = row_key(ld, table, rep_json_at(table->rows, i), &keys[i]);
	}
	if (!rc)
		qsort(keys, len, sizeof *keys, compare_keys);
	for (size_t i = 1; !rc && i < len; i++)
		if (strcmp(keys[i - 1].text, keys[i].text) == 0)
			rc = rep_loader_bad(ld, "table-key", "lines %zu and %zu have the same key",
					    keys[i - 1].line, keys[i].line);
	for (size_t i = 0; keys && i < len; i++)
		free(keys[i].text);
	free(keys);
	return rc;
}

static enum rep_code load_rows(struct rep_loader *ld, struct rep_table *table, const char *data,
			       size_t size_bytes)
{
	struct rep_buf cell = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	const char *at = data, *end = data + size_bytes;
	enum rep_code rc = check_header(ld, table, &at, end, &cell);

	table->rows = rep_arena_json(ld->arena, rep_json_array());
	if (!rc && !table->rows)
		rc = rep_loader_no_memory(ld);
	for (size_t line = 2; !rc && at < end; line++) {
		struct rep_json *row = rep_json_array();

		rc = read_row(ld, table, &at, end, line, row);
		if (rc)
			rep_json_free(row);
		else if (!rep_json_append(table->rows, row))
			rc = rep_loader_no_memory(ld);
	}
	rep_buf_clear(&cell);
	return rc ? rc : check_keys(ld, table);
}

static enum rep_code load_file(struct rep_loader *ld, struct rep_table *table)
{
	char path[REP_NAME_LEN_MAX + 16];

	snprintf(path, sizeof path, "tables/%s.csv", table->name);
	const struct rep_schema_file *file = rep_loader_file(ld, path);

	if (!file)
		return rep_loader_bad(ld, "file-missing", "%s", path);
	ld->file = file->path;
	enum rep_code rc = load_rows(ld, table, file->data, file->size_bytes);

	if (!rc)
		ld->file = "schema.json";
	return rc;
}

static enum rep_code load_table(struct rep_loader *ld, struct rep_table *table,
				const struct rep_json *object)
{
	static const struct rep_key_rule rules[] = {
		{"label", REP_KIND_ANY, true, read_label, 0},
		{"columns", REP_KIND_OBJECT, true, read_columns, 0},
		{"key", REP_KIND_ARRAY, true, read_key, 0},
	};
	enum rep_code rc = rep_loader_name(ld, table->name, true);

	ld->entity = "tables";
	ld->field = table->name;
	for (size_t i = 0; !rc && i < rep_json_size(ld->entity_names); i++)
		if (strcmp(rep_json_string_value(rep_json_at(ld->entity_names, i)), table->name) ==
		    0)
			rc = rep_loader_bad(ld, "duplicate-name", "an entity has this name");
	if (!rc)
		rc = rep_loader_walk(ld, object, rules, sizeof rules / sizeof *rules, 0, table);
	if (!rc && !table->key_len)
		rc = rep_loader_bad(ld, "table-key", "\"key\" is empty");
	for (size_t i = 0; !rc && i < table->key_len; i++)
		if (column_index(table, table->key[i]) == table->columns_len)
			rc = rep_loader_bad(ld, "table-key", "there is no column \"%s\"",
					    table->key[i]);
	return rc ? rc : load_file(ld, table);
}

enum rep_code rep_load_tables(struct rep_loader *ld, const struct rep_json *object)
{
	struct rep_schema *schema = ld->schema;
	enum rep_code rc = rep_loader_array(ld, &schema->tables, rep_json_size(object),
					    sizeof *schema->tables);

	for (void *at = rep_json_iter(object); !rc && at; at = rep_json_iter_next(object, at)) {
		struct rep_table *table = &schema->tables[schema->tables_len++];

		ld->entity = ld->field = NULL;
		table->name = rep_json_iter_key(at);
		rc = load_table(ld, table, rep_json_iter_value(at));
	}
	if (!rc)
		ld->entity = ld->field = NULL;
	return rc;
}
