/*
 * One device's batch, in the order of its chain. Where it changes the organisation it is walked twice: these changes first,
 * then, with the organisation that they made, the others.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/run/run.h"

/* Records in memory at a time: an import of a million must not hold them all. */
#define TOUCHED_MAX 20000u

struct walk {
	struct rep_run *run;
	struct rep_run_batch *batch;
	bool org; /* this pass folds the org's entities, the other one the rest */
	struct rep_chain chain;
	char base_time[REP_TIME_LEN + 1]; /* hub time of the set's base view; empty = unknown */
};

static bool is_org(const struct rep_run *run, const char *name)
{
	const struct rep_entity *entity = rep_schema_entity(run->hub->schema, name);

	return entity && rep_entity_is_org(entity);
}

static enum rep_code find_base(struct walk *walk, const struct rep_changeset *set,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(walk->run->hub->db, &stmt,
				      "SELECT hub_time FROM _base WHERE device = ?1 AND epoch = ?2"
				      " AND view = ?3",
				      err);

	walk->base_time[0] = '\0';
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, set->device);
	rep_bind_int(stmt, 2, set->base_epoch);
	rep_bind_int(stmt, 3, set->base_view);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		memcpy(walk->base_time, rep_column_text(stmt, 0, NULL), REP_TIME_LEN + 1);
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code walk_set(struct walk *walk, const struct rep_run_segment *segment,
			      const struct rep_changeset *set, struct rep_error *err)
{
	struct rep_run *run = walk->run;
	enum rep_code rc = find_base(walk, set, err);

	for (unsigned i = 0; rc == REP_OK && i < set->changes_len; i++) {
		struct rep_arrived arrived;
		char before[REP_STAMP_LEN + 1];
		bool backdated, its_turn;

		memcpy(before, walk->chain.last, sizeof before);
		rc = rep_arrived_init(&arrived, run->hub, set, i, &walk->chain,
				      segment->received_ms, err);
		backdated = (*before && strcmp(arrived.eff.text, before) <= 0) ||
			    (*walk->base_time && strcmp(arrived.eff.text, walk->base_time) <= 0);
		its_turn = rc == REP_OK && is_org(run, arrived.edit.entity) == walk->org;
		if (its_turn)
			rc = rep_run_withhold(run, segment->path, set, &arrived, err);
		if (rc == REP_OK && its_turn)
			rc = rep_run_change(run, &arrived.edit, arrived.signed_stamp, segment->path,
					    backdated, err);
		if (rc == REP_OK && walk->org && walk->batch->release)
			rc = rep_run_put_release(run, &arrived.edit, err);
		rep_arrived_clear(&arrived);
		if (rc == REP_OK && run->touched_len > TOUCHED_MAX)
			rc = rep_run_flush(run, err);
	}
	return rc;
}

static enum rep_code walk_one(struct walk *walk, const struct rep_run_segment *segment,
			      const struct rep_changeset *set, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (!walk->org)
		rc = rep_changes_set(walk->run->hub->db, set->device, set->seq, set->hash,
				     set->sealed, err);
	return rc == REP_OK ? walk_set(walk, segment, set, err) : rc;
}

/* Signatures and digests were verified when it was collected. */
static enum rep_code walk_bytes(struct walk *walk, const struct rep_run_segment *segment,
				struct rep_error *err)
{
	const char *data = segment->data;
	size_t len = segment->size_bytes;
	enum rep_code rc = REP_OK;

	while (rc == REP_OK && len > 0) {
		struct rep_changeset set = {0};
		size_t used = 0;

		rc = rep_changeset_read(&set, &used, data, len, NULL, err);
		if (rc == REP_OK)
			rc = walk_one(walk, segment, &set, err);
		rep_changeset_clear(&set);
		data += used;
		len -= used;
	}
	return rc;
}

/* What was received before, by a hub that was lost since, changes the organisation as of then once more. */
static void set_past(struct rep_run *run, const struct rep_run_segment *segment)
{
	run->admit.org_since =
		strcmp(segment->received, run->org_since) < 0 ? segment->received : run->org_since;
}

static enum rep_code walk_segment(struct walk *walk, const struct rep_run_segment *segment,
				  struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	set_past(walk->run, segment);
	if (!segment->sets)
		return walk_bytes(walk, segment, err);
	for (size_t i = 0; rc == REP_OK && i < segment->sets_len; i++)
		rc = walk_one(walk, segment, &segment->sets[i], err);
	return rc;
}

static enum rep_code walk_batch(struct walk *walk, struct rep_error *err)
{
	enum rep_code rc =
		rep_chain_begin(&walk->chain, walk->run->hub->db, walk->batch->device, err);

	for (size_t i = 0; rc == REP_OK && i < walk->batch->len; i++)
		rc = walk_segment(walk, &walk->batch->segments[i], err);
	return rc;
}

static enum rep_code put_segments(struct rep_run *run, const struct rep_run_batch *batch,
				  struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < batch->len; i++) {
		const struct rep_run_segment *segment = &batch->segments[i];
		const struct rep_segment_row row = {
			.path = segment->path,
			.device = batch->device,
			.first = segment->first,
			.last = segment->last,
			.hub_time = segment->received,
			.run = run->number,
			.offset_ms = segment->offset_ms,
		};

		rc = rep_changes_segment(run->hub->db, &row, err);
	}
	return rc;
}

enum rep_code rep_run_batch(struct rep_run *run, struct rep_run_batch *batch, struct rep_error *err)
{
	struct walk walk = {.run = run, .batch = batch, .org = batch->org};
	struct rep_head head;
	const struct rep_run_segment *end = &batch->segments[batch->len - 1];
	enum rep_code rc = put_segments(run, batch, err);

	rep_run_bind(run);
	if (rc == REP_OK && batch->org) {
		rc = walk_batch(&walk, err);
		if (rc == REP_OK)
			rc = rep_hub_reload_org(run->hub, err);
		walk.org = false;
		rep_run_bind(run);
		if (rc == REP_OK)
			rc = rep_run_ahead(run, err);
	}
	if (rc == REP_OK)
		rc = walk_batch(&walk, err);
	if (rc != REP_OK)
		return rep_wrap(err, rc, "batch of %s", batch->device);
	head = (struct rep_head){.seq = end->last};
	memcpy(head.hash, end->hash, sizeof head.hash);
	memcpy(head.eff, walk.chain.last, sizeof head.eff);
	memcpy(batch->last, walk.chain.last, sizeof batch->last);
	return rep_changes_head_put(run->hub->db, batch->device, &head, err);
}
