/* Internal to search: from a record to its text, from a text to its grams. */
#ifndef REPSYNC_CORE_STORE_GRAMS_H
#define REPSYNC_CORE_STORE_GRAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/model/record.h"

/* Is the field one that people search in? */
bool rep_search_in(const struct rep_field *field);
/* Appends `text` as it is compared: NFKC, case folded, simplified; white space and controls as one space. */
void rep_search_normalise(struct rep_buf *out, const char *text, size_t len);
/* Appends the record's text: the title first, a line a value, pinyin initials of short values behind each. */
void rep_search_text(struct rep_buf *out, const struct rep_record *record);

/* The grams of a text, sorted, each once; a gram is up to two characters as UTF-8. */
#define REP_GRAM_SIZE 9
struct rep_grams {
	char (*grams)[REP_GRAM_SIZE];
	size_t len;
};
/* False without memory. */
bool rep_grams_make(struct rep_grams *out, const char *text);
void rep_grams_clear(struct rep_grams *grams);

#endif
