/*
 * A record: the state of one row, as the fold makes it and as it stands in central and in views.
 *
 * One record has one main file (fields of visibility `open`) and a twin file for each other class of
 * which it has a field. docs/formats.md, "Record file". The same record gives the same bytes on every
 * machine, because tree ids are compared.
 *
 *	fields	name -> value; a null, an empty set, list or map, and a `status` of "active" are left out
 *	stamps	"*" -> stamp of the first insert; a field has its own entry if and only if its stamp
 *		differs. A set or map has an object: element key -> stamp of its last operation; removed
 *		elements keep theirs. A list keeps its stamps in its entries.
 *	sources	name -> source of the value, for fields under the rule `source`, where it is not "rep"
 */
#ifndef REPSYNC_CORE_MODEL_RECORD_H
#define REPSYNC_CORE_MODEL_RECORD_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/model/schema.h"
#include "core/model/stamp.h"

struct rep_record {
	const struct rep_entity *entity; /* borrowed from the schema */
	char *id;
	char *partition;
	char *created_rep;
	struct rep_stamp created;
	struct rep_json *deleted; /* NULL = live; else {"stamp", "rep", "merged_into"?} */
	struct rep_json *fields;
	struct rep_json *stamps;
	struct rep_json *sources; /* NULL where empty */
	struct rep_json *flags;   /* array of strings, sorted, unique; NULL where empty */
};

REP_CHECK enum rep_code rep_record_new(struct rep_record **out, const struct rep_entity *entity,
				       const char *id, const char *partition, const char *rep,
				       const char *stamp, struct rep_error *err);
struct rep_record *rep_record_dup(const struct rep_record *record);
void rep_record_free(struct rep_record *record);

/* The field's value, or NULL; borrowed. `status` gives NULL when active. */
struct rep_json *rep_record_value(const struct rep_record *record, const char *field);
/* The stamp of a scalar or list field ("*" where it has none of its own); borrowed. */
const char *rep_record_stamp(const struct rep_record *record, const char *field);
/* The stamp of a set element or map key, or NULL when it never had an operation. */
const char *rep_record_element_stamp(const struct rep_record *record, const char *field,
				     const char *key);
/* Sets value and stamp, keeping the canonical form (nothing stored for null; no stamp equal to "*"). */
void rep_record_put(struct rep_record *record, const char *field, struct rep_json *value,
		    const char *stamp);
void rep_record_put_element_stamp(struct rep_record *record, const char *field, const char *key,
				  const char *stamp);
void rep_record_flag(struct rep_record *record, const char *flag);

/*
 * Appends the record's file for visibility class `visibility` ("open" = the main file). Returns false
 * and appends nothing when a twin has no field of that class (a twin exists only where it has one).
 */
bool rep_record_write(struct rep_buf *out, const struct rep_record *record, const char *visibility);

/*
 * Reads a main file (fields of other classes absent) or merges a twin into `*record`. The bytes must be
 * exactly what rep_record_write would have written. Fields that the schema does not know are kept
 * aside in `extra` (object, may stay NULL) so that a newer view loses nothing.
 */
REP_CHECK enum rep_code rep_record_read(struct rep_record **record, struct rep_json **extra,
					const struct rep_schema *schema, const char *partition,
					const char *data, size_t len, struct rep_error *err);

/*
 * Where a record's file lies below `data/` or `restricted/<class>/`:
 * <pp>/<partition>/<entity>/[<yyyy-mm>/]<id>.json. Engine entities device and role lie under org/
 * (org/device/<dd>/<id>.json, org/role/<id>.json). Appended to `out`.
 */
void rep_record_path(struct rep_buf *out, const struct rep_entity *entity, const char *partition,
		     const char *id, const char *visibility);
/*
 * Takes such a path apart; false for anything that rep_record_path could not have written.
 */
struct rep_record_place {
	char entity[REP_NAME_LEN_MAX + 1];
	char partition[REP_ID_LEN_MAX + 8 + 1];
	char id[REP_ID_LEN_MAX + 1];
	char visibility[REP_NAME_LEN_MAX + 1];
};
bool rep_record_path_parse(struct rep_record_place *out, const struct rep_schema *schema,
			   const char *path);

#endif
