/*
 * UTF-8 as repsync accepts it: well formed, NFC, no NUL. Wraps utf8proc.
 */
#ifndef REPSYNC_CORE_BASE_TEXT_H
#define REPSYNC_CORE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/error.h"

bool rep_text_is_utf8(const char *data, size_t len);
/* False also when not UTF-8, and when memory runs out: ask rep_text_check_nfc where that matters. */
bool rep_text_is_nfc(const char *data, size_t len);
/* REP_EINVAL when the text is not UTF-8 or not in NFC; REP_ENOMEM. */
REP_CHECK enum rep_code rep_text_check_nfc(const char *data, size_t len, struct rep_error *err);
size_t rep_text_chars(const char *data, size_t len); /* code points of valid UTF-8 */

/* Columns on a terminal: Chinese counts two, combining marks and controls none. */
size_t rep_text_width(const char *text);

/* Appends the NFC (or NFKC, or NFKC with case folded) form of `text` to `out`. REP_EINVAL when it is not UTF-8. */
enum rep_text_form { REP_TEXT_NFC, REP_TEXT_NFKC, REP_TEXT_NFKC_CASEFOLD };
REP_CHECK enum rep_code rep_text_form_put(struct rep_buf *out, const char *data, size_t len,
					  enum rep_text_form form, struct rep_error *err);

/*
 * Decodes one code point of valid UTF-8 at `text` (not at its NUL) into *out and returns its length
 * in bytes.
 */
size_t rep_text_next(const char *text, unsigned *out);

/*
 * Appends `text` made safe for a terminal and a log: control, format and bidi characters are
 * replaced by U+FFFD, so that a server's or a rep's text cannot move a cursor.
 */
void rep_text_safe_put(struct rep_buf *out, const char *text, size_t len);

#endif
