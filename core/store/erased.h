/*
 * What was erased, beside the index of changes and like it a cache of central's journals.
 *
 *	_erased(entity, id, stamp)	records of which nothing is kept, with the stamp of their erasure
 *	_erased_line(device, seq, idx, digest, kept, listed)
 *		value lines that are null in the journals; kept = the line that stands for it in the fold, as the erasure says it (NULL =
 *		none); listed = 1 where an erasure names it, 0 where it came later and was of an erased record
 */
#ifndef REPSYNC_CORE_STORE_ERASED_H
#define REPSYNC_CORE_STORE_ERASED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/model/key.h"
#include "core/store/db.h"

REP_CHECK enum rep_code rep_erased_create(struct rep_db *db, struct rep_error *err);

/* One value line of a closure, or one that came later. */
struct rep_erased_line {
	const char *device;
	int64_t seq;
	unsigned index;
	const char *digest;
	const char *kept; /* canonical JSON, or NULL */
	bool listed;
};
/* Of a line that is known already the newer erasure's `kept` counts; one that is not listed alters nothing then. */
REP_CHECK enum rep_code rep_erased_put_line(struct rep_db *db, const struct rep_erased_line *line,
					    struct rep_error *err);
/* *found: is the line erased? *kept (may be NULL) is a new reference, NULL where nothing stands for it. */
REP_CHECK enum rep_code rep_erased_find_line(struct rep_db *db, const char *device, int64_t seq,
					     unsigned index, bool *found, struct rep_json **kept,
					     struct rep_error *err);
/* May the line be null: does an erasure name it, or was its record erased? */
REP_CHECK enum rep_code rep_erased_may(struct rep_db *db, const struct rep_erased_line *line,
				       const char *entity, const char *id, bool *may,
				       struct rep_error *err);
REP_CHECK enum rep_code rep_erased_put_record(struct rep_db *db, const char *entity, const char *id,
					      const char *stamp, struct rep_error *err);
REP_CHECK enum rep_code rep_erased_has_record(struct rep_db *db, const char *entity, const char *id,
					      bool *erased, struct rep_error *err);
/* The line of an indexed change becomes `kept` (NULL = none); nothing where the change is not indexed. */
REP_CHECK enum rep_code rep_erased_index(struct rep_db *db, const struct rep_erased_line *line,
					 struct rep_error *err);
/*
 * Takes a closure (formats.md, "Erasure") up: its lines and their changes in the index. `each` is called for each of them, first to last.
 */
REP_CHECK enum rep_code rep_erased_closure(struct rep_db *db, const struct rep_json *closure,
					   enum rep_code (*each)(void *user,
								 const struct rep_erased_line *line,
								 struct rep_error *err),
					   void *user, struct rep_error *err);

/* The list as a statement hashes it: "<device> <seq> <index> <digest>\n", sorted by device, seq and index. */
REP_CHECK enum rep_code rep_erased_hash(struct rep_db *db, char out[REP_HASH_HEX + 1],
					struct rep_error *err);
/* The lines of one device as its views tell them: {"digest","index","seq"} a line, in order. Appended. */
REP_CHECK enum rep_code rep_erased_write(struct rep_db *db, const char *device, struct rep_buf *out,
					 struct rep_error *err);

#endif
