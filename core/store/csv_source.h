/*
 * The bytes of a CSV file as UTF-8, whatever the file is written in.
 *
 * Detection, in this order: a byte order mark; all of it valid UTF-8; some lines that are UTF-8 beyond doubt beside lines that
 * are not (a file glued together, or cut inside a character: read as UTF-8, the bad lines told of one by one); two-byte
 * characters that are mostly the common ones of GB 2312 (GB18030). Anything else is refused rather than guessed: a Western file read
 * as Chinese would be silent damage.
 */
#ifndef REPSYNC_CORE_STORE_CSV_SOURCE_H
#define REPSYNC_CORE_STORE_CSV_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/error.h"

struct rep_csv_source;
/* `encoding` NULL = detect. REP_EINVAL when it cannot be told, or is not one that we know. */
REP_CHECK enum rep_code rep_csv_source_open(struct rep_csv_source **out, const char *path,
					    const char *encoding, struct rep_error *err);
void rep_csv_source_close(struct rep_csv_source *source);

/*
 * Appends the next piece of the file. What does not decode stands there as a byte 0xFF, which no UTF-8 has. *more is
 * false at the end.
 */
REP_CHECK enum rep_code rep_csv_source_read(struct rep_csv_source *source, struct rep_buf *out,
					    bool *more, struct rep_error *err);
const char *rep_csv_source_encoding(const struct rep_csv_source *source);
/* Bytes of the file before what the reader saw: a byte order mark. */
size_t rep_csv_source_skipped(const struct rep_csv_source *source);
/* Lines of this file end with a lone CR: it has no LF at all. */
bool rep_csv_source_lone_cr(const struct rep_csv_source *source);

#endif
