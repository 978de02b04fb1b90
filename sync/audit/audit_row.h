/*
 * One change told as rows for people: who, what, when, from what to what, how it was decided. Shared by audit and blame; not
 * part of the public interface.
 */
#ifndef REPSYNC_SYNC_AUDIT_AUDIT_ROW_H
#define REPSYNC_SYNC_AUDIT_AUDIT_ROW_H

#include "core/store/changes.h"
#include "sync/audit/audit.h"

/* Names and partitions are looked up once and kept: audits ask for the same few again and again. */
struct rep_audit_rows {
	struct rep_hub *hub;
	struct rep_db *db;
	const struct rep_schema *schema;
	const struct rep_org *org;
	struct rep_json *names;      /* rep -> name */
	struct rep_json *partitions; /* "entity/id" -> partition now */
};
REP_CHECK enum rep_code rep_audit_rows_init(struct rep_audit_rows *rows, struct rep_hub *hub,
					    struct rep_error *err);
void rep_audit_rows_clear(struct rep_audit_rows *rows);

/* What every row of a change has in common: a new object; field, old, new, op are null, outcome is that of the whole. */
REP_CHECK enum rep_code rep_audit_row_new(struct rep_audit_rows *rows,
					  const struct rep_indexed *change, struct rep_json **out,
					  struct rep_error *err);
/*
 * Sets outcome, rule and rival of a row to those of `field`, with the rival's rep and value. `judged_as`: what the outcome calls it,
 * where another version judged.
 */
REP_CHECK enum rep_code rep_audit_row_decided(struct rep_audit_rows *rows, struct rep_json *row,
					      const struct rep_indexed *change,
					      const struct rep_entity *entity, const char *field,
					      const char *judged_as, struct rep_error *err);
/*
 * Appends to `out` (an array) the rows of a change: one a scalar field, one an element of a set, list or map; one with a null
 * field for what concerns the whole record (delete, restore, alias, unalias, erase, and an erased line). `field` narrows
 * (NULL = all).
 */
REP_CHECK enum rep_code rep_audit_rows_add(struct rep_audit_rows *rows,
					   const struct rep_indexed *change, const char *field,
					   struct rep_json *out, struct rep_error *err);

/*
 * The changes of a record and of all that are one with it, in the order of the fold, as they read under the version of the schema in
 * force (versions.h).
 */
REP_CHECK enum rep_code rep_audit_group_each(
	struct rep_hub *hub, const struct rep_entity *entity, const char *id,
	enum rep_code (*each)(void *user, struct rep_indexed *change, struct rep_error *err),
	void *user, struct rep_error *err);

#endif
