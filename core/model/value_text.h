/* The text forms of values: dates, decimals, formats with check digits. For value*.c and tests. */
#ifndef REPSYNC_CORE_MODEL_VALUE_TEXT_H
#define REPSYNC_CORE_MODEL_VALUE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/schema.h"

bool rep_date_valid(const char *text);     /* 2026-03-16, years 0001 to 9999, a day that exists */
bool rep_datetime_valid(const char *text); /* 2026-03-16T01:10:00.000Z */

/*
 * Reads what people and spreadsheets write as a date (or a datetime, in UTC) into `out`; REP_EINVAL for
 * anything that could mean two things. A datetime needs a time and a zone.
 */
REP_CHECK enum rep_code rep_moment_read(char *out, size_t size, const char *text, bool datetime);

/* Exactly `scale` digits after the point, no needless zero or sign before, at most 18 digits. */
bool rep_decimal_valid(const char *text, unsigned scale);
int rep_decimal_compare(const char *a, const char *b); /* of two valid ones of the same scale */

/*
 * cn-mobile: 11 digits, 1 and 3-9 first. cn-id: 18 characters, a date that exists, check digit by
 * ISO 7064 MOD 11-2 (GB 11643). cn-uscc: 18 characters, check digit by GB 32100-2015. cn-region: six
 * digits, not starting with 0. email: one @ with something that looks like a domain behind. sha256:
 * 64 lower-case hexadecimal digits. REP_FORMAT_NONE takes everything.
 */
bool rep_text_has_format(const char *text, enum rep_text_check format);
const char *rep_text_format_name(enum rep_text_check format);

#endif
