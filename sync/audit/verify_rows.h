/*
 * The rows of a database against the record files of a tree, both ways. SQLite's own integrity check misses a third of all
 * flipped bits, so every row is written back as the file that it came from, and its id compared with the tree's. Not part of
 * the public interface.
 */
#ifndef REPSYNC_SYNC_AUDIT_VERIFY_ROWS_H
#define REPSYNC_SYNC_AUDIT_VERIFY_ROWS_H

#include "core/store/db.h"
#include "sync/audit/problems.h"
#include "sync/device/lookup.h"

struct rep_schema;
struct rep_row_check {
	struct rep_db *db;
	const struct rep_schema *schema;
	struct rep_lookup *lookup; /* the tree */
	struct rep_problems *problems;
	const char *rows; /* what the rows are called: "the replica" */
	const struct rep_oid *
		since; /* a tree that was checked before, NULL for none: only what differs from it is looked at */
	const struct rep_json *except; /* "entity/id" of rows to leave out; may be NULL */
};
/* Every record file of the tree: form, place, and the row that it should have. */
REP_CHECK enum rep_code rep_row_check_files(struct rep_row_check *check, struct rep_error *err);
/* Every row: is there a file? */
REP_CHECK enum rep_code rep_row_check_rows(struct rep_row_check *check, struct rep_error *err);

/* A failure of the machine ends a check; a failure of what is checked is a finding. */
bool rep_is_finding(enum rep_code rc);

#endif
