#include "cli/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "core/base/text.h"
#include "core/model/value.h"

#define COLUMNS_SHOWN 7  /* of a list: id, title, and the first fields that are filled */
#define COLUMNS_TRIED 30 /* fields that a list looks at */

static bool is_unsent(const struct rep_json *record, const char *field)
{
	const struct rep_json *unsent = rep_json_get(record, "unsent");

	for (size_t i = 0; i < rep_json_size(unsent); i++) {
		const char *name = rep_json_string_value(rep_json_at(unsent, i));

		if (name && strcmp(name, field) == 0)
			return true;
	}
	return false;
}

/* Appends the value as people see it, in one line that a terminal takes. */
static void show(struct rep_buf *out, const struct rep_field *field, const struct rep_json *value)
{
	struct rep_buf plain = REP_BUF_INIT(out->limit);

	rep_value_show(&plain, field, value);
	if (plain.len > 0)
		rep_text_safe_put(out, plain.data, plain.len);
	rep_buf_clear(&plain);
}

static void line(const char *label, size_t width, const char *text, const char *mark)
{
	size_t own = rep_text_width(label);

	printf("%s%*s  %s%s\n", label, (int)(own < width ? width - own : 0), "", text, mark);
}

void cli_record(const struct cli *cli, const struct rep_schema *schema,
		const struct rep_json *record)
{
	const struct rep_entity *entity =
		rep_schema_entity(schema, rep_json_get_string(record, "entity"));
	const struct rep_json *fields = rep_json_get(record, "fields"), *value;
	struct rep_buf text = REP_BUF_INIT(4u << 20);
	size_t width = rep_text_width(cli->chinese ? "编号" : "id"), own;

	for (size_t i = 0; entity && i < entity->fields_len; i++) {
		own = rep_text_width(cli_label(cli, &entity->fields[i].label));
		width = own > width ? own : width;
	}
	line(cli->chinese ? "编号" : "id", width, rep_json_get_string(record, "id"), "");
	for (size_t i = 0; entity && i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];

		value = rep_json_get(fields, field->name);
		if (rep_value_empty(value))
			continue;
		rep_buf_reset(&text);
		show(&text, field, value);
		line(cli_label(cli, &field->label), width, rep_buf_str(&text),
		     !is_unsent(record, field->name) ? ""
		     : cli->chinese                  ? "  （未发送）"
						     : "  (unsent)");
	}
	if (!rep_json_is(rep_json_get(record, "deleted"), REP_JSON_NULL))
		puts(cli->chinese ? "（已删除）" : "(deleted)");
	rep_buf_clear(&text);
}

/* The fields of the table: the title first, then others in their order that every reader has. */
static size_t choose_fields(const struct rep_entity *entity, const struct rep_field **out)
{
	const struct rep_field *title =
		entity->title ? rep_entity_field(entity, entity->title) : NULL;
	size_t len = 0;

	if (title)
		out[len++] = title;
	for (size_t i = 0; i < entity->fields_len && len < COLUMNS_TRIED; i++) {
		const struct rep_field *field = &entity->fields[i];

		if (field != title && !field->engine && field->personal < 2 &&
		    field->type != REP_TYPE_LIST && field->type != REP_TYPE_JSON)
			out[len++] = field;
	}
	return len;
}

void cli_records(const struct cli *cli, const struct rep_entity *entity,
		 const struct rep_json *records)
{
	const struct rep_field *fields[COLUMNS_TRIED];
	struct cli_column columns[COLUMNS_TRIED + 1];
	size_t len = choose_fields(entity, fields);
	struct rep_json *rows = rep_json_array(), *row;
	struct rep_buf text = REP_BUF_INIT(4u << 20);

	columns[0] = (struct cli_column){"id", "编号", "id", false};
	for (size_t i = 0; i < len; i++)
		columns[i + 1] = (struct cli_column){fields[i]->name, fields[i]->label.zh,
						     fields[i]->label.en, false};
	for (size_t n = 0; n < rep_json_size(records); n++) {
		const struct rep_json *record = rep_json_at(records, n);

		row = rep_json_object();
		rep_json_set_string(row, "id", rep_json_get_string(record, "id"));
		for (size_t i = 0; i < len; i++) {
			rep_buf_reset(&text);
			rep_value_show(
				&text, fields[i],
				rep_json_get(rep_json_get(record, "fields"), fields[i]->name));
			rep_json_set_string(row, fields[i]->name, rep_buf_str(&text));
		}
		rep_json_append(rows, row);
	}
	cli_table_brief(cli, rows, columns, len + 1, COLUMNS_SHOWN);
	rep_json_free(rows);
	rep_buf_clear(&text);
}
