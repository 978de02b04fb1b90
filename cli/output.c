#include "cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "sync/mailbox/serve.h"

#define DOCUMENT_MAX (1024u * 1024u * 1024u) /* an export of everything */
#define CELL_MAX (4u * 1024u * 1024u)
#define COLUMNS_MAX 32

/* A document that could not be built: cli_finish tells of it. */
static bool unwritten;

void cli_json(const struct rep_json *value)
{
	struct rep_buf text = REP_BUF_INIT(DOCUMENT_MAX);

	rep_json_write(&text, value);
	rep_buf_putc(&text, '\n');
	if (text.failed)
		unwritten = true;
	else
		fwrite(text.data, 1, text.len, stdout);
	rep_buf_clear(&text);
}

void cli_say(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	if (cli->json || cli->quiet)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

static void put_string(struct rep_buf *out, const char *text)
{
	rep_text_safe_put(out, text, strlen(text));
}

/* A set's elements are joined; an object or a nested list is shown as JSON. */
void cli_value(struct rep_buf *out, const struct rep_json *value)
{
	const struct rep_json *element;
	char *json;

	switch (rep_json_type(value)) {
	case REP_JSON_NULL:
		return;
	case REP_JSON_BOOL:
		rep_buf_puts(out, rep_json_bool_value(value) ? "true" : "false");
		return;
	case REP_JSON_INTEGER:
		rep_buf_printf(out, "%" PRId64, rep_json_integer_value(value));
		return;
	case REP_JSON_STRING:
		put_string(out, rep_json_string_value(value));
		return;
	case REP_JSON_ARRAY:
		for (size_t i = 0; i < rep_json_size(value); i++) {
			element = rep_json_at(value, i);
			if (i > 0)
				rep_buf_puts(out, "、");
			cli_value(out, element);
		}
		return;
	case REP_JSON_OBJECT:
		json = rep_json_text(value);
		if (json)
			put_string(out, json);
		free(json);
		return;
	}
}

void cli_spell_records(struct rep_json *row)
{
	struct rep_buf text = REP_BUF_INIT(4096);
	const struct rep_json *records = rep_json_get(row, "records");

	for (void *it = rep_json_iter(records); it; it = rep_json_iter_next(records, it))
		rep_buf_printf(&text, "%s%s %lld", text.len ? ", " : "", rep_json_iter_key(it),
			       (long long)rep_json_integer_value(rep_json_iter_value(it)));
	rep_json_set_string(row, "records", rep_buf_str(&text));
	rep_buf_clear(&text);
}

static const char *head(const struct cli *cli, const struct cli_column *column)
{
	return cli->chinese ? column->zh : column->en;
}

static void pad(size_t width)
{
	for (; width > 0; width--)
		putchar(' ');
}

static void put_cell(const char *text, size_t width, bool right, bool last)
{
	size_t own = rep_text_width(text);
	size_t rest = own < width ? width - own : 0;

	if (right)
		pad(rest);
	fputs(text, stdout);
	if (!right && !last)
		pad(rest);
	if (!last)
		fputs("  ", stdout);
}

static void put_heads(const struct cli *cli, const struct cli_column *columns, const size_t *widths,
		      size_t len)
{
	if (cli->color)
		fputs("\033[1m", stdout);
	for (size_t i = 0; i < len; i++)
		put_cell(head(cli, &columns[i]), widths[i], columns[i].right, i + 1 == len);
	fputs(cli->color ? "\033[0m\n" : "\n", stdout);
}

void cli_table(const struct cli *cli, const struct rep_json *rows, const struct cli_column *columns,
	       size_t len)
{
	struct rep_buf cell = REP_BUF_INIT(CELL_MAX);
	size_t widths[COLUMNS_MAX], width;

	if (rep_json_size(rows) == 0)
		return;
	for (size_t i = 0; i < len; i++)
		widths[i] = rep_text_width(head(cli, &columns[i]));
	for (size_t row = 0; row < rep_json_size(rows); row++)
		for (size_t i = 0; i < len; i++) {
			rep_buf_reset(&cell);
			cli_value(&cell, rep_json_get(rep_json_at(rows, row), columns[i].key));
			width = rep_text_width(rep_buf_str(&cell));
			widths[i] = width > widths[i] ? width : widths[i];
		}
	put_heads(cli, columns, widths, len);
	for (size_t row = 0; row < rep_json_size(rows); row++) {
		for (size_t i = 0; i < len; i++) {
			rep_buf_reset(&cell);
			cli_value(&cell, rep_json_get(rep_json_at(rows, row), columns[i].key));
			put_cell(rep_buf_str(&cell), widths[i], columns[i].right, i + 1 == len);
		}
		putchar('\n');
	}
	rep_buf_clear(&cell);
}

static bool is_used(const struct rep_json *rows, const char *key)
{
	for (size_t i = 0; i < rep_json_size(rows); i++) {
		const struct rep_json *value = rep_json_get(rep_json_at(rows, i), key);
		const char *text = rep_json_string_value(value);
		bool nested =
			rep_json_is(value, REP_JSON_ARRAY) || rep_json_is(value, REP_JSON_OBJECT);

		if (text     ? *text
		    : nested ? rep_json_size(value) > 0
			     : !rep_json_is(value, REP_JSON_NULL))
			return true;
	}
	return false;
}

void cli_table_brief(const struct cli *cli, const struct rep_json *rows,
		     const struct cli_column *columns, size_t len, size_t most)
{
	struct cli_column used[COLUMNS_MAX];
	size_t used_len = 0;

	for (size_t i = 0; i < len && used_len < most && used_len < COLUMNS_MAX; i++)
		if (is_used(rows, columns[i].key))
			used[used_len++] = columns[i];
	if (used_len > 0)
		cli_table(cli, rows, used, used_len);
}

void cli_members(const struct cli *cli, const struct rep_json *object,
		 const struct cli_column *columns, size_t len)
{
	struct rep_buf cell = REP_BUF_INIT(CELL_MAX);
	size_t widest = 0, width;

	for (size_t i = 0; i < len; i++) {
		width = rep_text_width(head(cli, &columns[i]));
		widest = width > widest ? width : widest;
	}
	for (size_t i = 0; i < len; i++) {
		if (!rep_json_get(object, columns[i].key))
			continue;
		rep_buf_reset(&cell);
		cli_value(&cell, rep_json_get(object, columns[i].key));
		put_cell(head(cli, &columns[i]), widest, false, false);
		puts(rep_buf_str(&cell));
	}
	rep_buf_clear(&cell);
}

void cli_verify_report(const struct cli *cli, const struct rep_json *report)
{
	static const struct cli_column columns[] = {{"where", "位置", "where", false},
						    {"what", "问题", "what", false},
						    {"who", "谁能做到", "who could", false}};
	const struct rep_json *checked = rep_json_get(report, "checked");
	const struct rep_json *since = rep_json_get(report, "since");
	struct rep_buf line = REP_BUF_INIT(CELL_MAX);

	if (cli->json && report)
		cli_json(report);
	if (cli->json || !report)
		return;
	for (void *it = rep_json_iter(checked); it; it = rep_json_iter_next(checked, it)) {
		rep_buf_printf(&line, "%s%s ", line.len ? ", " : "", rep_json_iter_key(it));
		cli_value(&line, rep_json_iter_value(it));
	}
	cli_say(cli, "%s: %s", cli->chinese ? "已检查" : "checked", rep_buf_str(&line));
	if (rep_json_get_string(since, "at"))
		cli_say(cli,
			cli->chinese
				? "自第 %lld 次合并 (%s 已核实) 之后; --full 检查全部"
				: "of what came after run %lld, verified %s; --full looks at everything",
			(long long)rep_json_get_integer(since, "run"),
			rep_json_get_string(since, "at"));
	if (rep_json_get_bool(report, "ok"))
		cli_say(cli, "%s", cli->chinese ? "一切相符" : "all is well");
	cli_table_brief(cli, rep_json_get(report, "problems"), columns, 3, 3);
	rep_buf_clear(&line);
}

static const char *code_name(enum rep_code code)
{
	switch (code) {
	case REP_OK:
		return "ok";
	case REP_EUSAGE:
		return "usage";
	case REP_EINVAL:
		return "invalid";
	case REP_ENOTFOUND:
		return "not-found";
	case REP_EEXIST:
		return "exists";
	case REP_EIO:
		return "io";
	case REP_ENOMEM:
		return "memory";
	case REP_ELIMIT:
		return "limit";
	case REP_EBUSY:
		return "busy";
	case REP_EORDER:
		return "order";
	case REP_EREFUSED:
		return "refused";
	case REP_EUNREACHABLE:
		return "unreachable";
	case REP_EINTEGRITY:
		return "integrity";
	}
	return "unknown";
}

static void report_json(enum rep_code code, const char *msg, const char *hint)
{
	struct rep_json *error = rep_json_object(), *document = rep_json_object();
	char *text;

	rep_json_set_string(error, "code", code_name(code));
	rep_json_set_string(error, "message", msg);
	rep_json_set_string(error, "hint", hint);
	rep_json_set(document, "error", error);
	text = rep_json_text(document);
	fprintf(stderr, "%s\n",
		text ? text
		     : "{\"error\":{\"code\":\"memory\",\"hint\":\"\",\"message\":\"no memory\"}}");
	free(text);
	rep_json_free(document);
}

static void report_to_device(const struct rep_error *err)
{
	struct rep_buf line = REP_BUF_INIT(8192);

	rep_said_put(&line, err);
	fputs(rep_buf_str(&line), stderr);
	rep_buf_clear(&line);
}

int cli_report(const struct cli *cli, enum rep_code code, const struct rep_error *err)
{
	struct rep_buf msg = REP_BUF_INIT(8192), hint = REP_BUF_INIT(8192);

	rep_text_safe_put(&msg, err->msg, strlen(err->msg));
	rep_text_safe_put(&hint, err->hint, strlen(err->hint));
	if (cli->serves) {
		report_to_device(err);
	} else if (cli->json) {
		report_json(code, rep_buf_str(&msg), rep_buf_str(&hint));
	} else {
		if (cli->command)
			fprintf(stderr,
				cli->chinese ? "repsync: 无法执行 %s%s: %s\n"
					     : "repsync: cannot %s%s: %s\n",
				cli->prefix, cli->command->name, rep_buf_str(&msg));
		else
			fprintf(stderr, "repsync: %s\n", rep_buf_str(&msg));
		if (hint.len > 0)
			fprintf(stderr, cli->chinese ? "提示: %s\n" : "hint: %s\n",
				rep_buf_str(&hint));
	}
	rep_buf_clear(&msg);
	rep_buf_clear(&hint);
	return rep_exit_status(code);
}

enum rep_code cli_finish(struct rep_error *err)
{
	bool bad = ferror(stdout) != 0 || unwritten;

	errno = 0;
	if (fflush(stdout) != 0 || bad)
		return rep_fail(err, REP_EIO, "write standard output: %s",
				errno ? strerror(errno) : "not all of it was written");
	return REP_OK;
}
