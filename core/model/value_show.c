/* Values as people see them. */
#include <string.h>

#include "core/model/value.h"

static void show_fen(struct rep_buf *out, int64_t fen)
{
	int64_t positive = fen < 0 ? -fen : fen; /* within 2^53: never the least integer */

	rep_buf_printf(out, "%s%lld.%02lld", fen < 0 ? "-" : "", (long long)(positive / 100),
		       (long long)(positive % 100));
}

static void show_single(struct rep_buf *out, const struct rep_field *field,
			const struct rep_json *value)
{
	switch (rep_json_type(value)) {
	case REP_JSON_NULL:
		return;
	case REP_JSON_BOOL:
		rep_buf_puts(out, rep_json_bool_value(value) ? "是" : "否");
		return;
	case REP_JSON_INTEGER:
		if (field->unit)
			show_fen(out, rep_json_integer_value(value));
		else
			rep_buf_printf(out, "%lld", (long long)rep_json_integer_value(value));
		return;
	case REP_JSON_STRING:
		rep_buf_puts(out, rep_json_string_value(value));
		return;
	case REP_JSON_ARRAY:
	case REP_JSON_OBJECT:
		rep_json_write(out, value);
		return;
	}
}

/* The declared fields of an entry, in their order; who and when are the history's to tell. */
static void show_entry(struct rep_buf *out, const struct rep_field *field,
		       const struct rep_json *entry)
{
	bool first = true;

	for (size_t i = 0; i < field->fields_len; i++) {
		const struct rep_json *value = rep_json_get(entry, field->fields[i].name);

		if (rep_value_empty(value))
			continue;
		if (!first)
			rep_buf_putc(out, ' ');
		show_single(out, &field->fields[i], value);
		first = false;
	}
}

static void show_map(struct rep_buf *out, const struct rep_field *field,
		     const struct rep_json *value)
{
	bool first = true;

	for (void *at = rep_json_iter(value); at; at = rep_json_iter_next(value, at)) {
		if (!first)
			rep_buf_puts(out, "、");
		rep_buf_puts(out, rep_json_iter_key(at));
		rep_buf_putc(out, '=');
		show_single(out, field, rep_json_iter_value(at));
		first = false;
	}
}

void rep_value_show(struct rep_buf *out, const struct rep_field *field,
		    const struct rep_json *value)
{
	bool list = field->type == REP_TYPE_LIST;

	if (field->type == REP_TYPE_MAP && rep_json_is(value, REP_JSON_OBJECT)) {
		show_map(out, field, value);
		return;
	}
	if (!(list || field->type == REP_TYPE_SET) || !rep_json_is(value, REP_JSON_ARRAY)) {
		show_single(out, field, value);
		return;
	}
	for (size_t i = 0; i < rep_json_size(value); i++) {
		if (i)
			rep_buf_puts(out, "、");
		if (list)
			show_entry(out, field, rep_json_at(value, i));
		else
			show_single(out, field, rep_json_at(value, i));
	}
}
