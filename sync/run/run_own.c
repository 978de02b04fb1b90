/*
 * What the hub does of itself after its runs: checks that block, references to what was deleted, duplicates. Each of them looks at
 * what waits and may write changes of the hub, which a run of its own merges like any others; then it looks again, for what
 * these changes did, until it has nothing to write or has looked often enough.
 *
 * What waited is forgotten between the sending and the run: once sent the changes are safe, and what the run itself leaves to be done
 * waits anew. A hub that dies before sees it all again, and one that dies after merges first what was sent.
 */
#include "sync/run/run.h"

enum rep_code rep_own_add(struct rep_own *own, enum rep_op op, const char *entity, const char *id,
			  struct rep_json *line, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (!own->batch)
		rc = rep_hub_batch_new(&own->batch, own->hub, own->reason, own->now_ms, err);
	if (rc == REP_OK)
		return rep_hub_batch_add(own->batch, op, entity, id, line, err);
	rep_json_free(line);
	return rc;
}

static enum rep_code one_pass(struct rep_own *own, const struct rep_follower *follower, bool *wrote,
			      struct rep_error *err)
{
	enum rep_code rc = follower->pass(follower->user, own, err);

	*wrote = own->batch != NULL;
	if (rc == REP_OK && *wrote)
		rc = rep_hub_batch_send(own->batch, err);
	if (rc == REP_OK && own->waited && follower->forget)
		rc = rep_db_exec(own->hub->db, follower->forget, err);
	rep_hub_batch_free(own->batch);
	return rc;
}

enum rep_code rep_hub_follow(struct rep_hub *hub, const struct rep_hub_merge *options,
			     const struct rep_follower *follower, struct rep_run_total *total,
			     bool *more, struct rep_error *err)
{
	struct rep_hub_merge own_only = *options;
	enum rep_code rc = REP_OK;

	own_only.own_only = true;
	*more = true;
	for (unsigned i = 0; rc == REP_OK && *more && i < follower->passes; i++) {
		struct rep_own own = {
			.hub = hub, .reason = follower->reason, .now_ms = options->now_ms};

		rc = one_pass(&own, follower, more, err);
		if (rc == REP_OK && *more)
			rc = rep_hub_runs(hub, &own_only, total, err);
	}
	return rc;
}
