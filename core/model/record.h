/*
 * A record: the state of one row, as the fold makes it and as it stands in central and in views.
 *
 * One record has one main file (fields of visibility `open`) and a twin file for each other class of
 * which it has a field. docs/formats.md, "Record file". The same record gives the same bytes on every
 * machine, because tree ids are compared.
 *
 *	fields	name -> value; a null, an empty set, list or map, and a `status` of "active" are left out
 *	stamps	"*" -> stamp of the first insert; a field has its own entry if and only if its stamp
 *		differs. A set or map has an object: element key -> stamp of its last operation, for every
 *		element whose stamp differs from "*" and every removed one: an element that stands here
 *		and not in `fields` was removed. The key is the element's canonical JSON after the
 *		normaliser (a map's is the key itself). A list keeps its stamps in its entries.
 *	sources	name -> source of the value, for fields under the rule `source`, where it is not "rep"
 *	flags	what people should know of it ("out-of-territory"), sorted
 *
 * The main file has the keys created, deleted, entity, fields, flags (only where there are any), id,
 * sources (likewise), stamps, in this order. A twin has entity, fields, id, sources (likewise), stamps,
 * visibility (its class): only fields of its class, only their own stamps, no "*" (a field without a
 * stamp bears the main file's). Two spaces of indent; under fields, sources and stamps one key a line
 * with its value in canonical JSON ("fields": {} when there is none); everything else on the line of its
 * key; LF at the end.
 *
 * A review item's `rivals`, `values`, `saw` and `reason` bear values of the record it is about. Where the
 * field belongs to a class, the item's `twin` names that class: these four then lie in the twin of the
 * class, and the main file has what is left. So an item never tells more than its record.
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
	char *twin; /* a review item's class for the fields that bear values; NULL = the main file */
	bool failed; /* memory ran out while it was changed: whoever changes it asks at the end */
};

REP_CHECK enum rep_code rep_record_new(struct rep_record **out, const struct rep_entity *entity,
				       const char *id, const char *partition, const char *rep,
				       const char *stamp, struct rep_error *err);
struct rep_record *rep_record_dup(const struct rep_record *record);
void rep_record_free(struct rep_record *record);

/* The field's value, or NULL; borrowed. `status` gives NULL when active. */
struct rep_json *rep_record_value(const struct rep_record *record, const char *field);
/*
 * The field's stamp: its own or that of "*"; of a list its last entry's; of a set or map the greatest of
 * its elements'. Borrowed.
 */
const char *rep_record_stamp(const struct rep_record *record, const char *field);
/* Has the field a value, or has it ever been written since the insert? */
bool rep_record_written(const struct rep_record *record, const char *field);
/*
 * The stamp of a set element or map key: its own, that of "*" where it is present without one, or NULL
 * when it never was there. Borrowed.
 */
const char *rep_record_element_stamp(const struct rep_record *record, const char *field,
				     const char *key);
/* Is the set element or map key with this key present? */
bool rep_record_element_present(const struct rep_record *record, const char *field,
				const char *key);
/*
 * Sets value (takes it over; NULL or null clears) and stamp, keeping the canonical form: nothing stored
 * for null, sets sorted, no stamp equal to "*". With stamp NULL the stamps stay as they are, as for
 * sets, lists and maps.
 */
void rep_record_put(struct rep_record *record, const char *field, struct rep_json *value,
		    const char *stamp);
/* Call it after the element was put or removed: a present one needs no entry equal to "*". */
void rep_record_put_element_stamp(struct rep_record *record, const char *field, const char *key,
				  const char *stamp);
/* The same for who knows whether the element is present. */
void rep_record_put_part_stamp(struct rep_record *record, const char *field, const char *key,
			       const char *stamp, bool present);
/* The source of the field's value ("rep" where none is kept), and setting it. */
const char *rep_record_source(const struct rep_record *record, const char *field);
void rep_record_put_source(struct rep_record *record, const char *field, const char *source);
void rep_record_flag(struct rep_record *record, const char *flag);
/* The class in whose file the field lies: its own, or the item's twin. Borrowed. */
const char *rep_record_class(const struct rep_record *record, const char *field);

/*
 * Appends the record's file for visibility class `visibility` ("open" = the main file). Returns false
 * and appends nothing when a twin has no field of that class (a twin exists only where it has one).
 * `extra` is what rep_record_read put aside, or NULL.
 */
bool rep_record_write_extra(struct rep_buf *out, const struct rep_record *record,
			    const struct rep_json *extra, const char *visibility);
bool rep_record_write(struct rep_buf *out, const struct rep_record *record, const char *visibility);

/*
 * Reads a main file (*record NULL) into a new record, or merges a twin into the record that its main file
 * gave (*record not NULL). The bytes must be exactly what rep_record_write_extra would have written: one
 * byte of difference is REP_EINVAL. Fields that the schema does not know are kept aside in *extra, so that
 * a newer view loses nothing: class -> {"fields", "sources", "stamps"}; it may stay NULL. On failure
 * *record and *extra are as they were, or hold part of the twin.
 */
REP_CHECK enum rep_code rep_record_read(struct rep_record **record, struct rep_json **extra,
					const struct rep_schema *schema, const char *partition,
					const char *data, size_t len, struct rep_error *err);

/* "company", "desk", an account's id, "team-<id>" or "staff-<id>". */
bool rep_partition_valid(const char *partition);

/*
 * Appends the path of a record's file from the root of central or of a view:
 * data/<pp>/<partition>/<entity>/[<yyyy-mm>/]<id>.json, or restricted/<class>/<pp>/... for a twin. Devices
 * and roles lie under org/: org/device/<dd>/<id>.json, org/role/<id>.json, with the partition "org".
 */
void rep_record_path(struct rep_buf *out, const struct rep_entity *entity, const char *partition,
		     const char *id, const char *visibility);
#define REP_PARTITION_ORG "org"
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
