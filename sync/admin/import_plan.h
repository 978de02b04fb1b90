/*
 * How the columns of a file become fields: made once from the header line and the mapping. For import*.c and tests.
 */
#ifndef REPSYNC_SYNC_ADMIN_IMPORT_PLAN_H
#define REPSYNC_SYNC_ADMIN_IMPORT_PLAN_H

#include "core/store/csv.h"
#include "sync/admin/import.h"

struct rep_import_column {
	const struct rep_field *field; /* NULL: the column is left out */
	bool is_id;
};

struct rep_import_plan {
	const struct rep_schema *schema;
	const struct rep_entity *entity;
	char *source;
	struct rep_import_column *columns; /* by the header's cells */
	size_t columns_len;
	bool has_id;            /* a column holds the record's id */
	bool has_key;           /* columns hold every part of the external key but the source */
	bool *mapped;           /* by the entity's fields: a column or `set` gives it */
	struct rep_json *set;   /* field -> typed value, the same for every line */
	struct rep_json *empty; /* texts that mean nothing; NULL = none */
};

/*
 * REP_EINVAL: a forbidden header, a column or field that does not exist, none that is known, no id and no key. `header` is
 * borrowed during the call.
 */
REP_CHECK enum rep_code rep_import_plan_make(struct rep_import_plan *out,
					     const struct rep_schema *schema,
					     const struct rep_import *import,
					     const struct rep_csv_record *header,
					     struct rep_error *err);
void rep_import_plan_clear(struct rep_import_plan *plan);

/* Is the field a part of the entity's external key? */
bool rep_import_is_key(const struct rep_entity *entity, const struct rep_field *field);
/* The part of the key that names the source, or NULL. */
const struct rep_field *rep_import_source_field(const struct rep_entity *entity);
/*
 * Why a text is not what its author wrote, or NULL: a number that a spreadsheet rounded (1.38E+10), characters that an earlier
 * conversion lost (U+FFFD, "??? Road", a question mark in a record's title). To take it would be silent damage.
 */
const char *rep_import_damage(const struct rep_entity *entity, const struct rep_field *field,
			      const char *text);
/* Appends the cell's text without the white space around it and a spreadsheet's leading apostrophe; nothing where it is empty. */
void rep_import_cell(struct rep_buf *out, const struct rep_import_plan *plan, const char *cell);

#endif
