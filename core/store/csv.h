/*
 * CSV as the world writes it: UTF-8 with or without BOM, UTF-16 with BOM, GB18030/GBK; comma, semicolon, tab; LF, CRLF, CR CR
 * LF; quotes per RFC 4180 with line ends inside. Streams; a record is bounded, so that an open quote cannot eat a file.
 */
#ifndef REPSYNC_CORE_STORE_CSV_H
#define REPSYNC_CORE_STORE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/error.h"

struct rep_csv;
struct rep_csv_options {
	const char *encoding; /* "utf-8", "gb18030", "utf-16"; NULL = detect */
	char separator;       /* 0 = detect from the header line */
};
REP_CHECK enum rep_code rep_csv_open(struct rep_csv **out, const char *path,
				     const struct rep_csv_options *options, struct rep_error *err);
void rep_csv_close(struct rep_csv *csv);

struct rep_csv_record {
	size_t line;        /* where it begins, 1 = the header's line */
	const char **cells; /* NFC UTF-8, borrowed until the next record */
	size_t len;
	const char *
		problem; /* NULL, or why it cannot be used: "not valid utf-8 at byte 812", "quote never closed", ... */
};
/* *more is false at the end. Header first. */
REP_CHECK enum rep_code rep_csv_next(struct rep_csv *csv, struct rep_csv_record *record, bool *more,
				     struct rep_error *err);
const char *rep_csv_encoding(const struct rep_csv *csv);

/* Appends one record, quoted where needed; a cell that begins with = + - @ is written with a leading ' so that a spreadsheet
 * runs nothing. Ends with LF. */
void rep_csv_write(struct rep_buf *out, const char *const *cells, size_t len);

#endif
