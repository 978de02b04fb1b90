/*
 * The tables of a replica, generated from the schema, and the two ways between a row and a record.
 *
 * One STRICT table an entity, under the entity's own name, with a column a field and the engine's:
 *
 *	id		TEXT PRIMARY KEY
 *	<fields>	as docs/schema.md maps types
 *	status		'active' by default
 *	created_at	generated from _created; created_by from _created_rep
 *	_partition, _created, _created_rep, _deleted (json), _stamps (json), _sources, _flags, _twin,
 *	_extra (json: what rep_record_read kept aside for this schema)
 *	_place		how the row came: 'data', 'linked', or 'local' (not in the view yet)
 *
 * Review items of all kinds lie in `_review` (their entity's name in `kind`, their fields as JSON in `_fields`, of which
 * `entity`, `record`, `field`, `state` can be selected), devices and roles in `_device` and `_role` (same engine
 * columns, their fields as columns). No SQL foreign keys or unique constraints but the id: a view must
 * always apply. The same tables make a laptop's replica, a desk and the hub's working copy.
 */
#ifndef REPSYNC_CORE_STORE_TABLES_H
#define REPSYNC_CORE_STORE_TABLES_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/model/record.h"
#include "core/model/schema.h"
#include "core/store/db.h"

/*
 * Makes every entity table, its indexes (references, unique fields, external keys), the views v_<entity> and v_<entity>__<field>, and
 * _meta. For a newer schema it adds the columns that are missing, fills them from _extra, and makes the views again; columns
 * that the schema no longer has stay.
 */
REP_CHECK enum rep_code rep_tables_create(struct rep_db *db, const struct rep_schema *schema,
					  struct rep_error *err);
/*
 * Gives the tables of `was` the shape of `now`, a later version, and keeps what does not change: engine columns, and fields of the
 * same name and kind. What a field that was renamed or mapped holds is the caller's to write. Views go; rep_tables_create, which
 * must follow, makes them again.
 */
REP_CHECK enum rep_code rep_tables_reshape(struct rep_db *db, const struct rep_schema *was,
					   const struct rep_schema *now, struct rep_error *err);
/*
 * Empties a replica of the records of `was`: tables, views and review items; rows are to be written again from a view. What is
 * indexed for search is queued.
 */
REP_CHECK enum rep_code rep_tables_drop(struct rep_db *db, const struct rep_schema *was,
					struct rep_error *err);
/* The table's name for an entity: its own, or _device, _role, _review. Borrowed. */
const char *rep_table_name(const struct rep_entity *entity);

/* Reads one row as a record; REP_OK with *out = NULL when there is none. */
REP_CHECK enum rep_code rep_row_get(struct rep_db *db, const struct rep_entity *entity,
				    const char *id, struct rep_record **out, struct rep_error *err);
/*
 * Writes a record as its row (insert or replace). Silence the triggers first (rep_capture_silence). Where they are off altogether
 * (rep_db_triggers), this and rep_row_remove queue the row for search, as they would.
 */
REP_CHECK enum rep_code rep_row_put(struct rep_db *db, const struct rep_record *record,
				    const struct rep_json *extra, const char *place,
				    struct rep_error *err);
/* What the row keeps for fields that the schema does not know, as rep_record_read gave it; NULL when nothing. */
REP_CHECK enum rep_code rep_row_extra(struct rep_db *db, const struct rep_entity *entity,
				      const char *id, struct rep_json **out, struct rep_error *err);
REP_CHECK enum rep_code rep_row_remove(struct rep_db *db, const struct rep_entity *entity,
				       const char *id, struct rep_error *err);
/* The partition of a row, appended to `out`; nothing appended when there is no row. */
REP_CHECK enum rep_code rep_row_partition(struct rep_db *db, const struct rep_entity *entity,
					  const char *id, struct rep_buf *out,
					  struct rep_error *err);
/* The same of the record that it is merged into, where it is: what follows a reference lies there. */
REP_CHECK enum rep_code rep_row_lies(struct rep_db *db, const struct rep_entity *entity,
				     const char *id, struct rep_buf *out, struct rep_error *err);
/* Calls `each` for every row of the entity whose SQL condition holds (NULL = all), ordered by id. */
REP_CHECK enum rep_code rep_row_each(
	struct rep_db *db, const struct rep_entity *entity, const char *where,
	enum rep_code (*each)(void *user, struct rep_record *record, struct rep_error *err),
	void *user, struct rep_error *err); /* record is borrowed during the call */

/* The organisation from the rows of this database. */
struct rep_org;
REP_CHECK enum rep_code rep_org_load(struct rep_org **out, struct rep_db *db,
				     const struct rep_schema *schema, struct rep_error *err);

#endif
