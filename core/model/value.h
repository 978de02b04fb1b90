/*
 * Values of fields: is a JSON value acceptable for a field, how is it typed at a prompt or in a CSV,
 * when are two the same.
 */
#ifndef REPSYNC_CORE_MODEL_VALUE_H
#define REPSYNC_CORE_MODEL_VALUE_H

#include "core/base/json.h"
#include "core/model/schema.h"

/*
 * Checks type, bounds, pattern and format of `value` (null is fine unless required is asked for
 * elsewhere). REP_EINVAL names the field and what was expected.
 */
REP_CHECK enum rep_code rep_value_check(const struct rep_field *field, const struct rep_json *value,
					struct rep_error *err);
/* The same for one element of a set, or one entry's value of a map. */
REP_CHECK enum rep_code rep_value_check_element(const struct rep_field *field,
						const struct rep_json *value,
						struct rep_error *err);

/*
 * Reads what a person types: `true`/`是`/`1`, 1500.00 for unit fen, dates as 2026-03-16 or a UTC
 * datetime or one with an offset, sets split at 、，,;；|, an enum's `also` spellings; text is put into
 * NFC, phones normalised. Empty text is null. The result passes rep_value_check.
 */
REP_CHECK enum rep_code rep_value_read(struct rep_json **out, const struct rep_field *field,
				       const char *text, struct rep_error *err);

/* Appends the value as people see it: 1500.00, 是, elements joined by `、`; nothing for null. */
void rep_value_show(struct rep_buf *out, const struct rep_field *field,
		    const struct rep_json *value);

/* Equal after the field's normaliser. Sets are compared without order. False also when memory ran out. */
bool rep_value_same(const struct rep_field *field, const struct rep_json *a,
		    const struct rep_json *b);

/* Appends the key of a set element in `stamps`: its canonical JSON after the normaliser. */
void rep_value_element_key(struct rep_buf *out, const struct rep_field *field,
			   const struct rep_json *element);

/* By the field's declared order (max, min): <0, 0, >0; null sorts below everything. */
int rep_value_compare(const struct rep_field *field, const struct rep_json *a,
		      const struct rep_json *b);

/* True for null, "", [], {}: what `fill` counts as empty. */
bool rep_value_empty(const struct rep_json *value);

/* A set as it is stored: its elements by the bytes of their text, each once. A new reference; NULL without memory. */
struct rep_json *rep_value_sorted(const struct rep_json *set);

/* The value as stored after the normaliser `phone` (a new reference); other normalisers do not change it. */
struct rep_json *rep_value_stored(const struct rep_field *field, const struct rep_json *value);

#endif
