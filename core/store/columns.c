#include "core/store/columns.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/base/text.h"

const char *const rep_engine_columns[] = {
	"_partition", "_created", "_created_rep", "_deleted", "_stamps", "_sources",
	"_flags",     "_twin",    "_extra",       "_place",   NULL};

void rep_sql_literal(struct rep_buf *out, const char *text)
{
	rep_buf_putc(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			rep_buf_putc(out, '\'');
		rep_buf_putc(out, *text);
	}
	rep_buf_putc(out, '\'');
}

const char *rep_column_decl(const struct rep_field *field)
{
	return field->type == REP_TYPE_INTEGER || field->type == REP_TYPE_BOOLEAN ? "INTEGER"
										  : "TEXT";
}

bool rep_column_holds_json(const struct rep_field *field)
{
	return !rep_field_is_scalar(field) || field->type == REP_TYPE_JSON;
}

const char *rep_column_empty(const struct rep_field *field)
{
	if (field->engine)
		return "'active'";
	if (field->type == REP_TYPE_SET || field->type == REP_TYPE_LIST)
		return "'[]'";
	if (field->type == REP_TYPE_MAP)
		return "'{}'";
	return "NULL";
}

/* The length of the well-formed UTF-8 sequence at `data`, or 0. NUL is not well formed here. */
static size_t sequence(const char *data, size_t len)
{
	for (size_t n = 1; n <= 4 && n <= len; n++) {
		if (rep_text_is_utf8(data, n))
			return data[0] ? n : 0;
	}
	return 0;
}

static void repair(struct rep_buf *out, const char *data, size_t len)
{
	while (len > 0) {
		size_t n = sequence(data, len);

		if (n > 0)
			rep_buf_put(out, data, n);
		else
			rep_buf_puts(out, "\xef\xbf\xbd");
		n = n ? n : 1;
		data += n;
		len -= n;
	}
}

/* Well formed and in NFC, whatever it was. */
static bool clean(struct rep_buf *out, const char *data, size_t len)
{
	struct rep_buf repaired = REP_BUF_INIT(out->limit);
	struct rep_error ignored;
	bool ok;

	repair(&repaired, data, len);
	ok = rep_text_form_put(out, rep_buf_str(&repaired), repaired.len, REP_TEXT_NFC, &ignored) ==
	     REP_OK;
	rep_buf_clear(&repaired);
	return ok && !out->failed;
}

struct rep_json *rep_column_string(const char *text, size_t len, bool *nomem)
{
	struct rep_buf out = REP_BUF_INIT(4 * (size_t)REP_RECORD_SIZE_MAX);
	struct rep_json *value = NULL;

	if (!memchr(text, 0, len) && rep_text_is_nfc(text, len))
		value = rep_json_string_n(text, len);
	else if (clean(&out, text, len))
		value = rep_json_string_n(rep_buf_str(&out), out.len);
	rep_buf_clear(&out);
	if (!value)
		*nomem = true;
	return value;
}

struct rep_json *rep_column_json(const char *text, size_t len, unsigned depth_max, bool *nomem)
{
	struct rep_buf out = REP_BUF_INIT(4 * (size_t)REP_RECORD_SIZE_MAX);
	struct rep_json *value = NULL;
	struct rep_error ignored;

	if (rep_json_parse(&value, text, len, REP_RECORD_SIZE_MAX, depth_max, &ignored) == REP_OK)
		return value;
	if (clean(&out, text, len) &&
	    rep_json_parse(&value, rep_buf_str(&out), out.len, REP_RECORD_SIZE_MAX, depth_max,
			   &ignored) != REP_OK)
		value = NULL;
	rep_buf_clear(&out);
	return value ? value : rep_column_string(text, len, nomem);
}

static bool absent(const struct rep_field *field, const struct rep_json *value)
{
	if (rep_json_is(value, REP_JSON_NULL))
		return true;
	if (field->engine)
		return rep_json_string_value(value) &&
		       strcmp(rep_json_string_value(value), "active") == 0;
	return !rep_field_is_scalar(field) && !rep_json_is(value, REP_JSON_STRING) &&
	       rep_json_size(value) == 0;
}

struct rep_json *rep_column_value(struct rep_stmt *stmt, int index, const struct rep_field *field,
				  bool *nomem)
{
	enum rep_column type = rep_column_type(stmt, index);
	struct rep_json *value;
	const char *text;
	size_t len;

	if (type == REP_COLUMN_NULL)
		return NULL;
	if (type == REP_COLUMN_INTEGER) {
		int64_t number = rep_column_int(stmt, index);

		value = field->type == REP_TYPE_BOOLEAN && (number == 0 || number == 1)
				? rep_json_bool(number == 1)
				: rep_json_integer(number);
		if (!value)
			*nomem = true;
		return value;
	}
	text = rep_column_text(stmt, index, &len);
	if (!text) {
		*nomem = true;
		return NULL;
	}
	value = rep_column_holds_json(field)
			? rep_column_json(text, len, REP_COLUMN_DEPTH_MAX, nomem)
			: rep_column_string(text, len, nomem);
	if (!absent(field, value))
		return value;
	rep_json_free(value);
	return NULL;
}

static bool bind_json(struct rep_stmt *stmt, int index, const struct rep_json *value)
{
	char *text = rep_json_text(value);

	rep_bind_text(stmt, index, text);
	free(text);
	return text != NULL;
}

bool rep_column_bind(struct rep_stmt *stmt, int index, const struct rep_field *field,
		     const struct rep_json *value)
{
	switch (rep_json_type(value)) {
	case REP_JSON_NULL:
		if (field->engine)
			rep_bind_text(stmt, index, "active");
		else if (!rep_field_is_scalar(field))
			rep_bind_text(stmt, index, field->type == REP_TYPE_MAP ? "{}" : "[]");
		else
			rep_bind_null(stmt, index);
		return true;
	case REP_JSON_BOOL:
		if (field->type == REP_TYPE_JSON)
			return bind_json(stmt, index, value);
		if (field->type != REP_TYPE_BOOLEAN)
			return false;
		rep_bind_int(stmt, index, rep_json_bool_value(value));
		return true;
	case REP_JSON_INTEGER:
		if (field->type == REP_TYPE_JSON)
			return bind_json(stmt, index, value);
		if (field->type != REP_TYPE_INTEGER)
			return false;
		rep_bind_int(stmt, index, rep_json_integer_value(value));
		return true;
	case REP_JSON_STRING:
		if (field->type == REP_TYPE_JSON)
			return bind_json(stmt, index, value);
		if (!rep_field_is_scalar(field) || strcmp(rep_column_decl(field), "TEXT") != 0)
			return false;
		rep_bind_text(stmt, index, rep_json_string_value(value));
		return true;
	case REP_JSON_ARRAY:
		if (field->type != REP_TYPE_SET && field->type != REP_TYPE_LIST &&
		    field->type != REP_TYPE_JSON)
			return false;
		return bind_json(stmt, index, value);
	case REP_JSON_OBJECT:
		if (field->type != REP_TYPE_MAP && field->type != REP_TYPE_JSON)
			return false;
		return bind_json(stmt, index, value);
	}
	return false;
}

/* NULL without memory. */
static struct rep_json *row_texts(struct rep_stmt *stmt, int columns)
{
	struct rep_json *row;

	if (columns == 1)
		return rep_json_string(rep_column_text(stmt, 0, NULL));
	row = rep_json_array();
	for (int i = 0; i < columns; i++)
		rep_json_append(row, rep_json_string(rep_column_text(stmt, i, NULL)));
	if (rep_json_size(row) == (size_t)columns)
		return row;
	rep_json_free(row);
	return NULL;
}

enum rep_code rep_column_texts(struct rep_stmt *stmt, int columns, struct rep_json *out,
			       struct rep_error *err)
{
	bool row = true;
	enum rep_code rc;

	while ((rc = rep_step(stmt, &row, err)) == REP_OK && row)
		if (!rep_json_append(out, row_texts(stmt, columns))) {
			rc = rep_fail(err, REP_ENOMEM, "read rows: no memory");
			break;
		}
	rep_stmt_reset(stmt);
	return rc;
}
