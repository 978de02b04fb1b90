/*
 * By what two records may be the same thing: the keys of the schema's `match`. The hub matches what was written (sync/hub/match.h); a
 * replica only warns, of what it has itself.
 */
#ifndef REPSYNC_CORE_STORE_MATCH_H
#define REPSYNC_CORE_STORE_MATCH_H

#include "core/model/record.h"
#include "core/store/replica.h"

#define REP_MATCH_KEYS_MAX 64u

/* A record's keys: numbers, each of a rule (index in entity->match), in the order of the rules. */
struct rep_match_keys {
	int64_t keys[REP_MATCH_KEYS_MAX];
	size_t rules[REP_MATCH_KEYS_MAX];
	size_t len;
};
/* The keys of a record whose row is in `db`; none of one that is no more, or archived. */
REP_CHECK enum rep_code rep_match_keys_of(struct rep_db *db, const struct rep_record *record,
					  struct rep_match_keys *out, struct rep_error *err);
/* Does the rule's `unless` hold for the rows `a` (made first) and `b`? */
REP_CHECK enum rep_code rep_match_contradicts(struct rep_db *db, const struct rep_entity *entity,
					      const struct rep_match *match, const char *a,
					      const char *b, bool *does, struct rep_error *err);
/* The id of the item of a pair. `out` needs REP_UUID_LEN + 1 bytes. */
void rep_duplicate_id(char *out, const char *entity, const char *a, const char *b);

/* So many rows of an entity are looked through for a warning, which must not make typing slow; a table with more gives none. */
#define REP_DUPLICATES_ROWS_MAX 5000

/*
 * Records of this replica that may be the same thing as this one: an array of {"id", "key", "sure", "title"}, `key` the rule's name and
 * `sure` whether the hub will join the two by itself; ordered by id. What somebody said to be two is left out. *out is the caller's. A
 * warning while typing: who decides is the hub, which sees more.
 */
REP_CHECK enum rep_code rep_duplicates_of(struct rep_replica *replica, const char *entity,
					  const char *id, struct rep_json **out,
					  struct rep_error *err);
/* Is the field part of a key by which records of its entity match? */
bool rep_match_asks(const struct rep_entity *entity, const char *field);

#endif
