/* Audit rows of a replica: docs/cli.md, JSON shapes. Internal to the store. */
#ifndef REPSYNC_CORE_STORE_HISTORY_ROW_H
#define REPSYNC_CORE_STORE_HISTORY_ROW_H

#include "core/model/changeset.h"
#include "core/store/replica.h"

/* A change as far as it is known here; what is NULL or 0 is not. Borrowed. */
struct rep_history_change {
	const char *entity, *id, *partition;
	const char *op;
	const char *stamp;
	const char *rep;
	const char *reason;
	int64_t seq;                   /* 0 = not sealed, or somebody else's */
	const char *outcome;           /* of the whole */
	const struct rep_json *fields; /* of the outcome: field -> {"outcome","rule","rival"} */
	const struct rep_json *flags;
};
struct rep_history {
	struct rep_replica *replica;
	const struct rep_entity *entity;
	struct rep_json *rows; /* array, in the order found */
	struct rep_json *told; /* "<field>\n<stamp>" of every value that a row has told of */
	bool nomem;
};
/* One row. `field` NULL = the whole record. */
void rep_history_row(struct rep_history *history, const struct rep_history_change *change,
		     const char *op, const char *field, const struct rep_json *old,
		     const struct rep_json *new);
/* The rows of a value line: one a field, and one an element of a set, a list or a map. */
void rep_history_line(struct rep_history *history, const struct rep_history_change *change,
		      const struct rep_json *line);
bool rep_history_has_told(const struct rep_history *history, const char *field, const char *stamp);

#endif
