/*
 * The normalisers that know words: names of people, organisations and departments. For normalise.c.
 *
 * Their dictionaries are small on purpose: what they fold is equal without doubt. They are part of the
 * rules: another dictionary may decide a merge otherwise, so a change of them is a change of version.
 */
#ifndef REPSYNC_CORE_MODEL_NORMALISE_NAMES_H
#define REPSYNC_CORE_MODEL_NORMALISE_NAMES_H

#include <stdbool.h>

#include "core/base/buf.h"

void rep_normalise_person(struct rep_buf *out, const char *text);
void rep_normalise_org(struct rep_buf *out, const char *text);
void rep_normalise_dept(struct rep_buf *out, const char *text);

/* White space, control and zero-width characters. */
bool rep_is_space(unsigned code);

#endif
