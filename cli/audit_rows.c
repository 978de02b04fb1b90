#include "cli/audit_rows.h"

#include <stdio.h>
#include <string.h>

#include "cli/csv.h"
#include "cli/output.h"
#include "core/base/limits.h"
#include "core/base/text.h"

#define KEPT_MAX 500u
#define COMMIT_SHOWN 12u

static const char *const csv_columns[] = {
	"entity", "id",          "partition", "field",           "old",       "new",
	"op",     "device_time", "hub_time",  "clock_offset_ms", "rep",       "rep_name",
	"role",   "device",      "reason",    "outcome",         "rule",      "rival",
	"flags",  "changeset",   "segment",   "commit",          "rival_rep", "rival_value",
};
#define CSV_COLUMNS (sizeof csv_columns / sizeof *csv_columns)

static const struct cli_column columns[] = {
	{"device_time", "设备时间", "device time", false},
	{"hub_time", "中枢时间", "hub time", false},
	{"rep", "人员", "rep", false},
	{"rep_name", "姓名", "name", false},
	{"device", "设备", "device", false},
	{"entity", "实体", "entity", false},
	{"id", "编号", "id", false},
	{"field", "字段", "field", false},
	{"op", "操作", "op", false},
	{"old", "原值", "old", false},
	{"new", "新值", "new", false},
	{"outcome", "结果", "outcome", false},
	{"rule", "规则", "rule", false},
	{"rival_value", "未采纳或对立的值", "rival value", false},
	{"reason", "原因", "reason", false},
	{"changeset", "变更集", "change set", false},
	{"commit", "提交", "commit", false},
};
#define COLUMNS (sizeof columns / sizeof *columns)

static void cell_of(struct rep_buf *out, const struct rep_json *row, size_t column)
{
	rep_buf_reset(out);
	cli_value(out, rep_json_get(row, columns[column].key));
	if (strcmp(columns[column].key, "commit") == 0 && out->len > COMMIT_SHOWN) {
		out->len = COMMIT_SHOWN;
		out->data[out->len] = '\0';
	}
}

/* ---- a table ---- */

static void put_line(const struct cli_audit_rows *rows, const struct rep_json *row)
{
	struct rep_buf cell = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	size_t owed = 0; /* blanks before the next cell, so that no line ends in some */

	for (size_t i = 0; i < COLUMNS; i++) {
		size_t width;

		if (!rows->widths[i])
			continue;
		if (row) {
			cell_of(&cell, row, i);
		} else {
			rep_buf_reset(&cell);
			rep_buf_puts(&cell, rows->cli->chinese ? columns[i].zh : columns[i].en);
		}
		width = rep_text_width(rep_buf_str(&cell));
		if (width) {
			printf("%*s%s", (int)owed, "", rep_buf_str(&cell));
			owed = 0;
		}
		owed += 2 + (width < rows->widths[i] ? rows->widths[i] - width : 0);
	}
	putchar('\n');
	rep_buf_clear(&cell);
}

/* `all`: more rows will come than were looked at, so that any column may be used. */
static void measure(struct cli_audit_rows *rows, bool all)
{
	struct rep_buf cell = REP_BUF_INIT(REP_RECORD_SIZE_MAX);

	for (size_t i = 0; i < COLUMNS; i++) {
		size_t widest = 0, head;

		for (size_t n = 0; n < rep_json_size(rows->kept); n++) {
			size_t width;

			cell_of(&cell, rep_json_at(rows->kept, n), i);
			width = rep_text_width(rep_buf_str(&cell));
			widest = width > widest ? width : widest;
		}
		head = rep_text_width(rows->cli->chinese ? columns[i].zh : columns[i].en);
		rows->widths[i] = !widest && !all ? 0 : widest > head ? widest : head;
	}
	rep_buf_clear(&cell);
}

static void put_kept(struct cli_audit_rows *rows, bool all)
{
	if (rows->headed || !rep_json_size(rows->kept))
		return;
	measure(rows, all);
	fputs(rows->cli->color ? "\033[1m" : "", stdout);
	put_line(rows, NULL);
	fputs(rows->cli->color ? "\033[0m" : "", stdout);
	for (size_t i = 0; i < rep_json_size(rows->kept); i++)
		put_line(rows, rep_json_at(rows->kept, i));
	rep_json_free(rows->kept);
	rows->kept = NULL;
	rows->headed = true;
}

static enum rep_code put_in_table(struct cli_audit_rows *rows, const struct rep_json *row,
				  struct rep_error *err)
{
	if (!rows->headed && rep_json_size(rows->kept) < KEPT_MAX)
		return rep_json_append(rows->kept, rep_json_ref(row))
			       ? REP_OK
			       : rep_fail(err, REP_ENOMEM, "no memory");
	put_kept(rows, true);
	put_line(rows, row);
	return REP_OK;
}

/* ---- any format ---- */

enum rep_code cli_audit_rows_begin(struct cli_audit_rows *out, const struct cli *cli,
				   enum cli_rows_format format, struct rep_error *err)
{
	*out = (struct cli_audit_rows){.cli = cli, .format = format};
	switch (format) {
	case CLI_ROWS_TABLE:
		out->kept = rep_json_array();
		return out->kept ? REP_OK : rep_fail(err, REP_ENOMEM, "no memory");
	case CLI_ROWS_JSON:
		putchar('[');
		return REP_OK;
	case CLI_ROWS_CSV:
		return cli_csv_head(csv_columns, CSV_COLUMNS, err);
	}
	return REP_OK;
}

static enum rep_code put_json(const struct cli_audit_rows *rows, const struct rep_json *row,
			      struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	enum rep_code rc;

	if (rows->len)
		rep_buf_putc(&text, ',');
	rep_json_write(&text, row);
	rc = rep_buf_check(&text, "a row", err);
	if (!rc)
		fwrite(text.data, 1, text.len, stdout);
	rep_buf_clear(&text);
	return rc;
}

enum rep_code cli_audit_rows_put(void *user, const struct rep_json *row, struct rep_error *err)
{
	struct cli_audit_rows *rows = user;
	enum rep_code rc = REP_OK;

	switch (rows->format) {
	case CLI_ROWS_TABLE:
		rc = put_in_table(rows, row, err);
		break;
	case CLI_ROWS_JSON:
		rc = put_json(rows, row, err);
		break;
	case CLI_ROWS_CSV:
		rc = cli_csv_row(row, csv_columns, CSV_COLUMNS, err);
		break;
	}
	rows->len++;
	/* Nobody reads on: what is left need not be looked up. */
	return !rc && ferror(stdout) ? rep_fail(err, REP_EIO, "write standard output") : rc;
}

void cli_audit_rows_end(struct cli_audit_rows *rows, bool whole)
{
	if (whole && rows->format == CLI_ROWS_TABLE)
		put_kept(rows, false);
	if (whole && rows->format == CLI_ROWS_JSON)
		puts("]");
	rep_json_free(rows->kept);
	rows->kept = NULL;
}

enum rep_code cli_audit_table(const struct cli *cli, const struct rep_json *rows,
			      struct rep_error *err)
{
	struct cli_audit_rows out;
	enum rep_code rc = cli_audit_rows_begin(&out, cli, CLI_ROWS_TABLE, err);

	for (size_t i = 0; !rc && i < rep_json_size(rows); i++)
		rc = cli_audit_rows_put(&out, rep_json_at(rows, i), err);
	cli_audit_rows_end(&out, !rc);
	return rc;
}
