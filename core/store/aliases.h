/*
 * Who is one with whom, from the index of changes (changes.h): the aliases and undoings that admission let through.
 */
#ifndef REPSYNC_CORE_STORE_ALIASES_H
#define REPSYNC_CORE_STORE_ALIASES_H

#include "core/model/join.h"
#include "core/store/db.h"
#include "core/store/tables.h"

/* The records that are one with a record, and what was said of pairs of them and others. */
struct rep_group {
	char **ids; /* sorted, itself among them */
	size_t len;
	struct rep_edges
		edges; /* the latest word on every pair with one of them, standing or not */
};
void rep_group_clear(struct rep_group *group);
REP_CHECK enum rep_code rep_group_load(struct rep_group *out, struct rep_db *db, const char *entity,
				       const char *id, struct rep_error *err);
/* As it was after the changes whose effective stamp is not greater than `until`; any text that compares with one. */
REP_CHECK enum rep_code rep_group_load_until(struct rep_group *out, struct rep_db *db,
					     const char *entity, const char *id, const char *until,
					     struct rep_error *err);
/*
 * The id under which a row shows: that of the record it is merged into, where it is, else its own; empty when there is none. `out` has
 * REP_ID_LEN_MAX + 1 bytes.
 */
REP_CHECK enum rep_code rep_alias_shown(struct rep_db *db, const struct rep_entity *entity,
					const char *id, char *out, struct rep_error *err);
/*
 * May this record be one of a pair that people join? A live one that is merged into none, for what people see is what they join.
 * REP_ENOTFOUND when there is none, REP_EINVAL with a hint when it may not.
 */
REP_CHECK enum rep_code rep_alias_check(struct rep_db *db, const struct rep_entity *entity,
					const char *id, struct rep_error *err);
/* Was anything ever said of a pair of this entity? Nearly always not, and then nothing else need be asked. */
REP_CHECK enum rep_code rep_aliases_any(struct rep_db *db, const char *entity, bool *any,
					struct rep_error *err);

#endif
