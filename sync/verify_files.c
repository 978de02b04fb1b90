/*
 * The record files of central, and the working copy against them.
 */
#include "sync/verify_hub.h"
#include "sync/verify_rows.h"

enum rep_code rep_verify_files(struct rep_verifying *verifying, struct rep_error *err)
{
	struct rep_row_check check = {
		.db = rep_hub_db(verifying->hub),
		.schema = verifying->schema,
		.lookup = verifying->lookup,
		.problems = verifying->problems,
		.rows = "the working copy",
	};
	enum rep_code rc;

	rep_progress_step(verifying->options->progress, "verify records", 0, 0);
	rc = rep_verify_note(verifying, "data", rep_row_check_files(&check, err), err);
	if (rc == REP_OK)
		rc = rep_row_check_rows(&check, err);
	return rc;
}
