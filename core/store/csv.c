#include "core/store/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/store/csv_source.h"

#define CELLS_MAX 2000u
/* Each quote that is never closed costs up to a record's limit to find out; a file full of them is no CSV. */
#define BROKEN_MAX 200u

struct rep_csv {
	struct rep_csv_source *source;
	struct rep_buf window; /* decoded, not yet consumed from `at` on */
	size_t at;
	size_t base; /* of the window's first byte in the decoded file */
	bool more;   /* the source may have more */
	size_t line; /* of window.data[at] */
	char separator;
	bool lone_cr;
	unsigned broken;
	struct rep_buf raw;  /* cells as they stand, each ended by NUL */
	struct rep_buf text; /* the same in NFC */
	size_t starts[CELLS_MAX + 1];
	size_t len;
	const char *cells[CELLS_MAX];
	char problem[96];
};

/* What reading one record came to. */
enum found {
	FOUND_RECORD,
	FOUND_CUT,    /* the window ends inside it */
	FOUND_BROKEN, /* a quote is not closed, or closed too early */
};

struct scan {
	const char *p, *end;
	bool last; /* nothing follows `end` */
	size_t lines;
};

/* A line end at scan->p: LF, CR CR LF, or a lone CR where the file has no LF. 0 = none, -1 = cut. */
static int line_end(const struct rep_csv *csv, const struct scan *scan)
{
	const char *p = scan->p;

	while (p < scan->end && *p == '\r')
		p++;
	if (p == scan->end && p > scan->p)
		return !scan->last ? -1 : csv->lone_cr ? 1 : (int)(p - scan->p);
	if (p < scan->end && *p == '\n')
		return (int)(p - scan->p) + 1;
	return p > scan->p && csv->lone_cr ? 1 : 0;
}

/* Text up to the next separator or line end. */
static enum found bare_cell(struct rep_csv *csv, struct scan *scan)
{
	const char *start = scan->p;
	int end = 0;

	while (scan->p < scan->end && *scan->p != csv->separator) {
		if ((*scan->p == '\r' || *scan->p == '\n') && (end = line_end(csv, scan)) != 0)
			break;
		scan->p++;
	}
	if (end < 0 || (scan->p == scan->end && !scan->last))
		return FOUND_CUT;
	rep_buf_put(&csv->raw, start, (size_t)(scan->p - start));
	return FOUND_RECORD;
}

/*
 * Text in quotes, scan->p behind the opening one. Line ends inside become LF. Behind the closing one only blanks may stand
 * before the separator or the line end.
 */
static enum found quoted_cell(struct rep_csv *csv, struct scan *scan)
{
	int end;

	for (; scan->p < scan->end; scan->p++) {
		if (*scan->p == '"') {
			if (scan->p + 1 == scan->end && !scan->last)
				return FOUND_CUT;
			if (scan->p + 1 == scan->end || scan->p[1] != '"')
				break;
			scan->p++;
		} else if (*scan->p == '\r' || *scan->p == '\n') {
			end = line_end(csv, scan);
			if (end < 0)
				return FOUND_CUT;
			if (end > 0) {
				scan->p += end - 1;
				scan->lines++;
				rep_buf_putc(&csv->raw, '\n');
				continue;
			}
		}
		rep_buf_putc(&csv->raw, *scan->p);
	}
	if (scan->p == scan->end) {
		snprintf(csv->problem, sizeof csv->problem, "quote never closed");
		return scan->last ? FOUND_BROKEN : FOUND_CUT;
	}
	for (scan->p++; scan->p < scan->end && *scan->p == ' ' && csv->separator != ' ';)
		scan->p++;
	if (scan->p == scan->end)
		return scan->last ? FOUND_RECORD : FOUND_CUT;
	end = *scan->p == csv->separator ? 1 : line_end(csv, scan);
	if (end == 0)
		snprintf(csv->problem, sizeof csv->problem, "text behind a closing quote");
	return end < 0 ? FOUND_CUT : end == 0 ? FOUND_BROKEN : FOUND_RECORD;
}

/* Excel's ="0351": the quotes are read as if the sign were not there. */
static bool begins_quoted(const struct scan *scan, size_t *skip)
{
	*skip = *scan->p == '"' ? 1 : 2;
	return *scan->p == '"' || (*scan->p == '=' && scan->p + 1 < scan->end && scan->p[1] == '"');
}

static enum found scan_record(struct rep_csv *csv, struct scan *scan)
{
	enum found found = FOUND_RECORD;
	size_t skip;
	int end;

	rep_buf_reset(&csv->raw);
	for (csv->len = 0; csv->len < CELLS_MAX; csv->len++) {
		csv->starts[csv->len] = csv->raw.len;
		if (scan->p + 1 >= scan->end && !scan->last)
			return FOUND_CUT;
		if (scan->p < scan->end && begins_quoted(scan, &skip)) {
			scan->p += skip;
			found = quoted_cell(csv, scan);
		} else {
			found = bare_cell(csv, scan);
		}
		if (found != FOUND_RECORD)
			return found;
		rep_buf_putc(&csv->raw, '\0');
		if (scan->p == scan->end || *scan->p != csv->separator)
			break;
		scan->p++;
	}
	csv->len++;
	if (csv->len > CELLS_MAX) {
		snprintf(csv->problem, sizeof csv->problem, "more than %u cells", CELLS_MAX);
		return FOUND_BROKEN;
	}
	end = scan->p < scan->end ? line_end(csv, scan) : 0;
	if (end < 0)
		return FOUND_CUT;
	scan->p += end;
	scan->lines += end > 0;
	return FOUND_RECORD;
}

/* Drops what was consumed and reads on. */
static enum rep_code fill(struct rep_csv *csv, struct rep_error *err)
{
	size_t left = csv->window.len - csv->at;

	if (csv->at > 0) {
		memmove(csv->window.data, csv->window.data + csv->at, left);
		csv->window.len = left;
		csv->base += csv->at;
		csv->at = 0;
	}
	return rep_csv_source_read(csv->source, &csv->window, &csv->more, err);
}

/* After a record that cannot be read: goes on behind the line it began in. */
static enum rep_code skip_line(struct rep_csv *csv, struct rep_error *err)
{
	struct scan scan;
	enum rep_code rc;
	int end = 0;

	for (;;) {
		scan.p = csv->window.data + csv->at;
		scan.end = csv->window.data + csv->window.len;
		scan.last = !csv->more;
		for (; scan.p < scan.end; scan.p++)
			if ((*scan.p == '\r' || *scan.p == '\n') && (end = line_end(csv, &scan)))
				break;
		csv->at = (size_t)(scan.p - csv->window.data);
		if (end > 0) {
			csv->at += (size_t)end;
			csv->line++;
			return REP_OK;
		}
		if (!csv->more)
			return REP_OK;
		if ((rc = fill(csv, err)))
			return rc;
	}
}

static size_t first_bad(const char *text, size_t len)
{
	size_t low = 0, high = len;

	/* The longest prefix that is UTF-8, give or take a cut character. */
	while (low < high) {
		size_t mid = low + (high - low + 1) / 2;
		size_t cut = mid;

		while (cut < len && cut < mid + 3 && ((unsigned char)text[cut] & 0xC0) == 0x80)
			cut++;
		if (rep_text_is_utf8(text, cut))
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

static bool is_utf8(const struct rep_csv *csv)
{
	return strcmp(rep_csv_encoding(csv), "utf-8") == 0;
}

/* Puts the cells of `raw` into NFC. `start` and `size` are the record's bytes in the window. Fails only for want of memory. */
static enum rep_code form_cells(struct rep_csv *csv, size_t start, size_t size,
				struct rep_error *err)
{
	const char *bytes = csv->window.data + start;
	size_t bad;

	rep_buf_reset(&csv->text);
	if (memchr(bytes, 0, size)) {
		snprintf(csv->problem, sizeof csv->problem, "a NUL byte in the text");
		return REP_OK;
	}
	if (!rep_text_is_utf8(bytes, size)) {
		bad = first_bad(bytes, size);
		if (is_utf8(csv))
			snprintf(csv->problem, sizeof csv->problem, "not valid utf-8 at byte %zu",
				 csv->base + start + bad + rep_csv_source_skipped(csv->source));
		else
			snprintf(csv->problem, sizeof csv->problem, "not valid %s",
				 rep_csv_encoding(csv));
		return REP_OK;
	}
	for (size_t i = 0; i < csv->len; i++) {
		const char *cell = csv->raw.data + csv->starts[i];
		struct rep_error why;
		enum rep_code rc;

		csv->starts[i] = csv->text.len;
		rc = rep_text_form_put(&csv->text, cell, strlen(cell), REP_TEXT_NFC, &why);
		if (rc == REP_ENOMEM) /* says nothing of the line */
			return rep_fail(err, rc, "csv record: out of memory");
		if (rc)
			snprintf(csv->problem, sizeof csv->problem, "%.80s", why.msg);
		rep_buf_putc(&csv->text, '\0');
	}
	for (size_t i = 0; i < csv->len; i++)
		csv->cells[i] = csv->text.data + csv->starts[i];
	return REP_OK;
}

/* Excel's ="0351" in quotes of its own: the text inside. */
static void unwrap_cells(struct rep_csv *csv)
{
	char *cell, *to;
	size_t size;

	for (size_t i = 0; i < csv->len; i++) {
		cell = csv->text.data + csv->starts[i];
		size = strlen(cell);
		if (size < 3 || cell[0] != '=' || cell[1] != '"' || cell[size - 1] != '"')
			continue;
		cell[size - 1] = '\0';
		csv->cells[i] = to = cell;
		for (const char *from = cell + 2; *from; from++) {
			from += from[0] == '"' && from[1] == '"';
			*to++ = *from;
		}
		*to = '\0';
	}
}

static enum rep_code broken_record(struct rep_csv *csv, struct rep_error *err)
{
	csv->len = 0;
	if (++csv->broken > BROKEN_MAX)
		return rep_fail(err, REP_EINVAL, "line %zu: more than %u lines with broken quotes",
				csv->line, BROKEN_MAX);
	return skip_line(csv, err);
}

static enum rep_code next_record(struct rep_csv *csv, struct rep_csv_record *record, bool *more,
				 struct rep_error *err)
{
	struct scan scan;
	enum found found;
	enum rep_code rc;

	for (;;) {
		scan = (struct scan){csv->window.data + csv->at, csv->window.data + csv->window.len,
				     !csv->more, 0};
		if (scan.last && csv->at == csv->window.len) {
			*more = false;
			return REP_OK;
		}
		csv->problem[0] = '\0';
		found = csv->window.len == 0 ? FOUND_CUT : scan_record(csv, &scan);
		if (found != FOUND_CUT)
			break;
		if (csv->window.len - csv->at > REP_CSV_LINE_SIZE_MAX) {
			if (!csv->problem[0])
				snprintf(csv->problem, sizeof csv->problem, "longer than %u bytes",
					 REP_CSV_LINE_SIZE_MAX);
			found = FOUND_BROKEN;
			break;
		}
		if ((rc = fill(csv, err)))
			return rc;
	}
	*more = true;
	record->line = csv->line;
	if (found == FOUND_BROKEN)
		return broken_record(csv, err);
	rc = rep_buf_check(&csv->raw, "csv record", err);
	if (!rc)
		rc = form_cells(csv, csv->at, (size_t)(scan.p - csv->window.data) - csv->at, err);
	if (!rc)
		rc = rep_buf_check(&csv->text, "csv record", err);
	if (!rc && !csv->problem[0])
		unwrap_cells(csv);
	csv->at = (size_t)(scan.p - csv->window.data);
	csv->line += scan.lines;
	return rc;
}

/* The sign that the header line has most often outside quotes; a comma where it has none. */
static enum rep_code find_separator(struct rep_csv *csv, struct rep_error *err)
{
	static const char signs[] = ",;\t";
	size_t counts[3] = {0}, best = 0;
	bool quoted = false;
	enum rep_code rc;

	while (csv->more && csv->window.len < 65536)
		if ((rc = fill(csv, err)))
			return rc;
	for (size_t i = 0; i < csv->window.len; i++) {
		char byte = csv->window.data[i];
		const char *sign = byte ? strchr(signs, byte) : NULL;

		quoted ^= byte == '"';
		if (!quoted && (byte == '\n' || byte == '\r') && i > 0)
			break;
		if (!quoted && sign)
			counts[sign - signs]++;
	}
	for (size_t i = 1; i < 3; i++)
		if (counts[i] > counts[best])
			best = i;
	csv->separator = signs[best];
	return REP_OK;
}

enum rep_code rep_csv_open(struct rep_csv **out, const char *path,
			   const struct rep_csv_options *options, struct rep_error *err)
{
	struct rep_csv *csv = calloc(1, sizeof *csv);
	enum rep_code rc;

	*out = NULL;
	if (!csv)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	/* A record, the piece that passes its limit, and what a decoder makes of it. */
	csv->window = REP_BUF_INIT(2 * REP_CSV_LINE_SIZE_MAX);
	csv->raw = REP_BUF_INIT(2 * REP_CSV_LINE_SIZE_MAX);
	csv->text = REP_BUF_INIT(8 * REP_CSV_LINE_SIZE_MAX);
	csv->more = true;
	csv->line = 1;
	rep_buf_puts(&csv->window, "");
	if ((rc = rep_csv_source_open(&csv->source, path, options ? options->encoding : NULL, err)))
		goto out;
	csv->lone_cr = rep_csv_source_lone_cr(csv->source);
	csv->separator = options ? options->separator : '\0';
	if (!csv->separator && (rc = find_separator(csv, err)))
		goto out;
	*out = csv;
	csv = NULL;
out:
	rep_csv_close(csv);
	return rc;
}

void rep_csv_close(struct rep_csv *csv)
{
	if (!csv)
		return;
	rep_csv_source_close(csv->source);
	rep_buf_clear(&csv->window);
	rep_buf_clear(&csv->raw);
	rep_buf_clear(&csv->text);
	free(csv);
}

enum rep_code rep_csv_next(struct rep_csv *csv, struct rep_csv_record *record, bool *more,
			   struct rep_error *err)
{
	enum rep_code rc;

	do {
		*record = (struct rep_csv_record){0};
		rc = next_record(csv, record, more, err);
		/* A line without anything on it is no record. */
	} while (!rc && *more && !csv->problem[0] && csv->len == 1 && csv->cells[0][0] == '\0');
	if (rc || !*more)
		return rc;
	record->problem = csv->problem[0] ? csv->problem : NULL;
	if (!record->problem) {
		record->cells = csv->cells;
		record->len = csv->len;
	}
	return REP_OK;
}

const char *rep_csv_encoding(const struct rep_csv *csv)
{
	return rep_csv_source_encoding(csv->source);
}
