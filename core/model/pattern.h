/*
 * Patterns: POSIX extended regular expressions, compiled and matched bytewise in the C locale, so that
 * a laptop's language setting cannot change what is valid.
 *
 * Bytewise has a price: a character outside ASCII is several bytes. It may stand for itself or in a
 * group, but neither in a bracket expression nor right before a repetition; such patterns are refused.
 * Back-references are refused as well (they make matching exponential).
 */
#ifndef REPSYNC_CORE_MODEL_PATTERN_H
#define REPSYNC_CORE_MODEL_PATTERN_H

#include <stdbool.h>

#include "core/base/error.h"

struct rep_pattern;

/* `whole`: the pattern must match the whole text; otherwise any part of it. REP_EINVAL says why not. */
REP_CHECK enum rep_code rep_pattern_new(struct rep_pattern **out, const char *source, bool whole,
					struct rep_error *err);
void rep_pattern_free(struct rep_pattern *pattern);
bool rep_pattern_matches(const struct rep_pattern *pattern, const char *text);

#endif
