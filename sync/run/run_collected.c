/* What reading the mailboxes leaves for the run: batches, problems, tips; and what was known before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/run/run.h"

enum rep_code rep_run_problem(struct rep_run *run, const char *device, const char *reason,
			      struct rep_run_problem **out, struct rep_error *err)
{
	struct rep_run_problem *grown = reallocarray(run->problems, run->problems_len + 1,
						     sizeof *grown),
			       *problem;

	if (!grown)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	run->problems = grown;
	problem = &grown[run->problems_len++];
	memset(problem, 0, sizeof *problem);
	snprintf(problem->device, sizeof problem->device, "%s", device);
	problem->reason = strdup(reason);
	if (!problem->reason)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	if (out)
		*out = problem;
	return REP_OK;
}

enum rep_code rep_run_known(struct rep_hub *hub, const char *device, struct rep_oid *tip,
			    char **blocked, struct rep_error *err)
{
	struct rep_stmt *stmt;
	const char *text;
	bool row = false;
	enum rep_code rc = rep_db_use(hub->db, &stmt,
				      "SELECT tip, blocked FROM _mailbox WHERE device = ?1", err);

	*tip = rep_oid_zero;
	*blocked = NULL;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row) {
		if (!rep_oid_parse(tip, rep_column_text(stmt, 0, NULL)))
			*tip = rep_oid_zero;
		text = rep_column_text(stmt, 1, NULL);
		if (text && !(*blocked = strdup(text)))
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
	}
	rep_stmt_reset(stmt);
	return rc;
}

void rep_run_collected_clear(struct rep_run *run)
{
	for (size_t i = 0; i < run->batches_len; i++)
		rep_run_batch_clear(&run->batches[i]);
	for (size_t i = 0; i < run->problems_len; i++) {
		free(run->problems[i].reason);
		free(run->problems[i].data);
	}
	rep_run_checks_clear(run);
	free(run->aliased);
	run->aliased = NULL;
	rep_run_forget_eras(run);
	rep_json_free(run->held_now);
	run->held_now = NULL;
	free(run->batches);
	free(run->problems);
	free(run->tips);
	run->batches = NULL;
	run->problems = NULL;
	run->tips = NULL;
	run->batches_len = run->problems_len = run->tips_len = 0;
}
