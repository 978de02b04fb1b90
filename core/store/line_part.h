/*
 * One field of a pending edit, made canonical, and what a value line says of it. Internal to the store.
 *
 * _pending_field holds values as the columns do, written by whatever client; here they become canonical: booleans, JSON, phones as
 * stored, sets as what was added and removed. `saw` comes as capture kept it: a stamp, or for sets and maps
 * [stamp of the first insert, {element: stamp}], because an element without a stamp of its own has been there since.
 *
 * The functions that make JSON give NULL or a part of it without memory, and then set *nomem.
 */
#ifndef REPSYNC_CORE_STORE_LINE_PART_H
#define REPSYNC_CORE_STORE_LINE_PART_H

#include <stdbool.h>

#include "core/base/json.h"
#include "core/model/schema.h"
#include "core/store/db.h"

struct rep_part {
	const struct rep_field *field;
	struct rep_json *new; /* NULL = nothing */
	struct rep_json *old;
	struct rep_json *saw; /* a string, or NULL */
	const char *since; /* sets and maps: stamp of the first insert; borrowed from `seen_at` */
	struct rep_json *seen; /* sets and maps: element key or map key -> stamp */
	struct rep_json *seen_at;
};

/* Reads a row of `SELECT field, new, old, saw FROM _pending_field`; `field` NULL when the schema has it no more. False without memory. */
bool rep_part_read(struct rep_part *part, const struct rep_field *field, struct rep_stmt *stmt);
void rep_part_clear(struct rep_part *part);

/* What an update says of the field: {} when nothing is left of it. */
struct rep_json *rep_part_scalar_spec(const struct rep_part *part, bool *nomem);
struct rep_json *rep_part_set_spec(const struct rep_part *part, bool *nomem);
struct rep_json *rep_part_map_spec(const struct rep_part *part, bool *nomem);
/* The entries of a list that the edit added. */
struct rep_json *rep_part_added_entries(const struct rep_part *part, bool *nomem);
/* A set as a whole: elements as stored, each once, in the order of their bytes. */
struct rep_json *rep_part_whole_set(const struct rep_field *field, const struct rep_json *array,
				    bool *nomem);
/* The value, null for none, "active" for no status. A new reference. */
struct rep_json *rep_part_value_or_null(const struct rep_field *field,
					const struct rep_json *value);

#endif
