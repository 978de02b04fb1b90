/*
 * Duplicates: found after the fold and never inside it. What matches surely becomes one by a change of the hub; of what may be
 * the same a person is asked, by an item `duplicate` that the hub inserts. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_MATCH_H
#define REPSYNC_SYNC_MATCH_H

#include "sync/run.h"

#define REP_MATCH_KEYS_MAX 64u

/* A record's keys: numbers, each of a rule (index in entity->match), in the order of the rules. */
struct rep_match_keys {
	int64_t keys[REP_MATCH_KEYS_MAX];
	size_t rules[REP_MATCH_KEYS_MAX];
	size_t len;
};
REP_CHECK enum rep_code rep_match_keys_of(struct rep_hub *hub, const struct rep_record *record,
					  struct rep_match_keys *out, struct rep_error *err);
/* A record was written: its keys are kept, and, with `note`, it is matched after the run where they are others than before. */
REP_CHECK enum rep_code rep_match_written(struct rep_hub *hub, const struct rep_record *record,
					  bool note, struct rep_error *err);
/* To be looked at after the run: a record, or an item of the entity `duplicate`. */
REP_CHECK enum rep_code rep_match_note(struct rep_hub *hub, const char *entity, const char *id,
				       struct rep_error *err);
/* "<name> AS (SELECT ... WHERE id = <param>)": a row for the schema's SQL. */
void rep_match_row_sql(struct rep_buf *sql, const struct rep_entity *entity, const char *name,
		       const char *param);
/* The id of the item of a pair. `out` needs REP_UUID_LEN + 1 bytes. */
void rep_duplicate_id(char *out, const char *entity, const char *a, const char *b);

#endif
