/*
 * From a pending edit to the value lines of its changes. Internal to the store.
 */
#ifndef REPSYNC_CORE_STORE_LINE_H
#define REPSYNC_CORE_STORE_LINE_H

#include <stdint.h>

#include "core/model/changeset.h"
#include "core/store/replica.h"

/* A row of _pending. Everything is owned. */
struct rep_pending {
	int64_t n;
	char *entity;
	char *id;
	enum rep_op op;
	struct rep_stamp stamp;
	struct rep_json *reason; /* a string, or NULL */
	struct rep_json *extra;  /* item, rivals, decision, into; or NULL */
};
void rep_pending_clear(struct rep_pending *pending);
/* Reads a row of `SELECT n, entity, id, op, stamp, reason, extra FROM _pending`. */
REP_CHECK enum rep_code rep_pending_read(struct rep_pending *out, struct rep_stmt *stmt,
					 struct rep_error *err);

/*
 * The changes that one edit makes: the first with all fields, then one for each further entry of a list, because an entry is known
 * by its stamp. None when nothing of it is left once values are canonical (an element typed in another way).
 */
struct rep_lines {
	struct {
		enum rep_op op;
		struct rep_stamp stamp;
		struct rep_json *line; /* without salt and reason */
	} * lines;
	size_t len;
};
REP_CHECK enum rep_code rep_lines_make(struct rep_lines *out, struct rep_replica *replica,
				       const struct rep_pending *pending, struct rep_error *err);
void rep_lines_clear(struct rep_lines *lines);

#endif
