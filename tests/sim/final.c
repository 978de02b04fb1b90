/*
 * The end of a seed: everything is delivered, then calm, then everything that must hold, then other orders of delivery.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/journal.h"
#include "core/store/tables.h"
#include "sim/sim.h"
#include "sync/audit/audit.h"
#include "sync/device/device.h"
#include "sync/hub/central.h"

#define ORDERS 3u /* of delivery, besides the first */

/* Everybody once, in an order of their own, with merges in between or not. The hub's clock stands: receipts are the same. */
static void deliver(struct sim_world *world, unsigned merges_percent)
{
	unsigned order[SIM_LAPTOPS];

	for (unsigned i = 0; i < SIM_LAPTOPS; i++)
		order[i] = i;
	sim_shuffle(SIM_STEPS, order, SIM_LAPTOPS);
	for (unsigned i = 0; i < SIM_LAPTOPS; i++) {
		if (!world->reps[order[i]].acts)
			continue;
		sim_chance_engine(1000 + order[i]);
		sim_sync(world, &world->reps[order[i]]);
		if (sim_percent(SIM_STEPS, merges_percent))
			sim_merge(world);
	}
	sim_merge(world);
}

/* Until nobody has anything to say: outcomes and views of the last merge reach everybody. */
static void settle(struct sim_world *world)
{
	for (unsigned round = 0; round < 2; round++) {
		world->now_ms += 60000;
		for (unsigned i = 0; i < SIM_LAPTOPS; i++)
			if (world->reps[i].acts)
				sim_sync(world, &world->reps[i]);
		sim_merge(world);
	}
}

static void trees(const struct sim_world *world, char data[REP_OID_HEX + 1],
		  char restricted[REP_OID_HEX + 1])
{
	struct rep_oid head, root, parent, oid;
	char path[640];
	struct rep_git *git;
	struct rep_error err;
	int64_t time_s;
	bool is_tree;

	snprintf(path, sizeof path, "%s/central.git", world->hub);
	sim_ok(rep_git_open(&git, path, &err), &err, "central");
	sim_ok(rep_git_ref(git, REP_MAIN, &head, &err), &err, "main");
	sim_ok(rep_git_commit_read(git, &head, &root, &parent, &time_s, &err), &err, "main");
	sim_ok(rep_tree_find(git, &root, "data", &oid, &is_tree, &err), &err, "data");
	rep_oid_hex(data, &oid);
	sim_ok(rep_tree_find(git, &root, "restricted", &oid, &is_tree, &err), &err, "restricted");
	rep_oid_hex(restricted, &oid);
	rep_git_close(git);
}

/* ---- every row of a replica is the hub's ---- */

struct rows {
	struct rep_hub *hub;
	struct rep_db *db; /* of the replica */
	const struct sim_rep *rep;
	unsigned count;
};

/* A change that waits at the hub for another record stays visible to its author. */
static bool is_held(const struct rows *rows, const struct rep_record *record)
{
	struct rep_stmt *stmt;
	struct rep_error err;
	bool row;

	sim_ok(rep_db_use(rows->db, &stmt, "SELECT 1 FROM _held WHERE entity = ?1 AND id = ?2",
			  &err),
	       &err, "held");
	rep_bind_text(stmt, 1, record->entity->name);
	rep_bind_text(stmt, 2, record->id);
	sim_ok(rep_step(stmt, &row, &err), &err, "held");
	rep_stmt_reset(stmt);
	return row;
}

/* What is left of an own record whose account was lost says nothing else than the record. */
static bool is_residue(const struct rep_record *record, const struct rep_record *whole)
{
	bool flagged = false;

	for (size_t i = 0; i < rep_json_size(record->flags); i++)
		flagged = flagged || strcmp(rep_json_string_value(rep_json_at(record->flags, i)),
					    "residue") == 0;
	for (void *it = rep_json_iter(record->fields); flagged && it;
	     it = rep_json_iter_next(record->fields, it))
		if (!rep_json_equal(rep_json_iter_value(it),
				    rep_json_get(whole->fields, rep_json_iter_key(it))))
			return false;
	return flagged && strcmp(record->created.text, whole->created.text) == 0;
}

static enum rep_code check_row(void *user, struct rep_record *record, struct rep_error *err)
{
	struct rows *rows = user;
	const struct rep_entity *entity =
		rep_schema_entity(rep_hub_schema(rows->hub), record->entity->name);
	struct rep_buf mine = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_buf central = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_record *other = NULL;
	enum rep_code rc = rep_row_get(rep_hub_db(rows->hub), entity, record->id, &other, err);

	if (rc != REP_OK)
		return rc;
	rep_record_write(&mine, record, "open");
	if (is_held(rows, record) || (other && is_residue(record, other)))
		goto out;
	if (!other || !rep_record_write(&central, other, "open") || mine.len != central.len ||
	    memcmp(mine.data, central.data, mine.len) != 0)
		sim_fail("%s and the hub differ in %s/%s:\n%s\n---\n%s", rows->rep->name,
			 record->entity->name, record->id, rep_buf_str(&mine),
			 rep_buf_str(&central));
	rows->count++;
out:
	rep_record_free(other);
	rep_buf_clear(&mine);
	rep_buf_clear(&central);
	return REP_OK;
}

static void check_rows(const struct sim_rep *rep, struct rep_replica *replica, struct rep_hub *hub)
{
	struct rows rows = {hub, replica->db, rep, 0};
	struct rep_error err;

	for (size_t i = 0; i < replica->schema->entities_len; i++)
		if (replica->schema->entities[i].builtin <= REP_BUILTIN_ASSIGNMENT)
			sim_ok(rep_row_each(replica->db, &replica->schema->entities[i], NULL,
					    check_row, &rows, &err),
			       &err, rep->name);
	if (!rows.count)
		sim_fail("%s sees nothing at all", rep->name);
}

static void check_replica(struct sim_world *world, struct sim_rep *rep, struct rep_hub *hub)
{
	struct rep_replica *replica = sim_replica(rep);
	struct rep_journal_head head;
	struct rep_json *report = NULL;
	struct rep_error err;
	int64_t merged;

	sim_act_as(world, rep);
	sim_ok(rep_device_verify(replica, &report, &err), &err, rep->name);
	sim_ok(rep_meta_get_int(replica->db, "merged_seq", &merged, &err), &err, rep->name);
	sim_ok(rep_journal_head(replica->db, &head, &err), &err, rep->name);
	if (merged != head.seq || rep_pending_count(replica->db) != 0)
		sim_fail("%s: %lld change sets, %lld acknowledged", rep->name, (long long)head.seq,
			 (long long)merged);
	check_rows(rep, replica, hub);
	rep_json_free(report);
	sim_check_journal(rep, hub);
	sim_check_outcomes(rep, hub);
}

static void check_all(struct sim_world *world)
{
	const struct rep_verify options = {.replay = true};
	struct rep_json *report = NULL;
	struct rep_hub *hub = sim_hub(world);
	struct rep_error err;

	sim_ok(rep_hub_verify(hub, &options, &report, &err), &err, "hub verify");
	for (unsigned i = 0; i < SIM_LAPTOPS; i++)
		if (world->reps[i].acts && !world->reps[i].revoked)
			check_replica(world, &world->reps[i], hub);
	rep_json_free(report);
}

static void fsck(const struct sim_world *world)
{
	char path[640];

	snprintf(path, sizeof path, "%s/central.git", world->hub);
	sim_run((const char *const[]){"git", "-C", path, "fsck", "--full", "--strict",
				      "--no-progress", "--no-dangling", NULL});
	for (unsigned i = 0; i < SIM_LAPTOPS; i++) {
		snprintf(path, sizeof path, "%s/mailboxes/%s.git", world->hub,
			 world->reps[i].device);
		sim_run((const char *const[]){"git", "-C", path, "fsck", "--full", "--strict",
					      "--no-progress", "--no-dangling", NULL});
	}
}

/* ---- for the oracle ---- */

/* Central as stock git reads it, so that the oracle depends on nothing of ours. */
static void archive(const struct sim_world *world, const char *dump, const char *order)
{
	char central[640], out[640];

	snprintf(central, sizeof central, "%s/central.git", world->hub);
	snprintf(out, sizeof out, "--output=%s.%s.tar", dump, order);
	sim_run((const char *const[]){"git", "-C", central, "archive", out, "main", NULL});
}

/* -n: none or n. */
static int64_t expected(const struct sim_rep *rep, const struct sim_edit *edit)
{
	return edit->expected > 0 && sim_may_be_lost(rep, edit) ? -edit->expected : edit->expected;
}

static void dump_edits(const struct sim_world *world, const char *dump, const char *differing)
{
	char path[640];
	FILE *file;

	snprintf(path, sizeof path, "%s.json", dump);
	file = fopen(path, "w");
	if (!file)
		sim_fail("%s cannot be written", path);
	fprintf(file, "{\"seed\":%llu,\"differing\":\"%s\",\"edits\":[",
		(unsigned long long)world->seed, differing);
	for (unsigned i = 0, n = 0; i < SIM_LAPTOPS; i++)
		for (unsigned k = 0; k < world->reps[i].edits_len; k++) {
			const struct sim_edit *edit = &world->reps[i].edits[k];

			fprintf(file, "%s[\"%s\",\"s%u\",%lld]", n++ ? "," : "", edit->device,
				edit->step, (long long)expected(&world->reps[i], edit));
		}
	fprintf(file, "]}\n");
	if (fclose(file) != 0)
		sim_fail("%s cannot be written", path);
}

/* ---- the end ---- */

static void tips(const struct sim_world *world, struct sim_tips *out)
{
	for (unsigned i = 0; i < SIM_LAPTOPS; i++)
		sim_outbox(world, &world->reps[i], &out->outbox[i]);
}

struct trees {
	char data[REP_OID_HEX + 1], restricted[REP_OID_HEX + 1];
};

/* Other orders, each from the hub at `saved`. Those that give other trees are dumped, for the oracle to judge. */
static void shuffle(struct sim_world *world, const char *saved, const struct sim_tips *before,
		    const struct sim_tips *after, const struct trees *first, const char *dump)
{
	char differing[ORDERS + 1] = "";
	struct trees other;

	for (unsigned i = 0, n = 0; i < ORDERS; i++) {
		const char order[] = {(char)('b' + (int)i), 0};

		sim_shuffled(world, saved, before, after);
		trees(world, other.data, other.restricted);
		if (strcmp(other.data, first->data) == 0 &&
		    strcmp(other.restricted, first->restricted) == 0)
			continue;
		differing[n++] = order[0];
		if (dump)
			archive(world, dump, order);
	}
	if (dump)
		dump_edits(world, dump, differing);
}

void sim_same_trees(const struct sim_world *want, const struct sim_world *have, const char *what)
{
	struct trees a, b;

	trees(want, a.data, a.restricted);
	trees(have, b.data, b.restricted);
	if (strcmp(a.data, b.data) != 0 || strcmp(a.restricted, b.restricted) != 0)
		sim_fail("%s it has other records", what);
}

void sim_final(struct sim_world *world, const char *dump)
{
	int64_t now_ms = world->now_ms;
	struct sim_tips before, after;
	struct trees first;
	char saved[512];

	world->step = SIM_STEPS_MAX + 1;
	(void)sim_chance_step(0);
	tips(world, &before);
	snprintf(saved, sizeof saved, "%s/saved", world->dir);
	sim_copy(world->hub, saved);
	deliver(world, 50);
	tips(world, &after);
	trees(world, first.data, first.restricted);
	if (dump)
		archive(world, dump, "a");
	settle(world);
	check_all(world);
	if (world->seed % 10 == 0)
		fsck(world);
	if (world->restore) {
		if (!sim_any_revoked(world))
			sim_restored_kept(world);
		if (dump)
			dump_edits(world, dump, "");
		return;
	}
	world->now_ms = now_ms;
	shuffle(world, saved, &before, &after, &first, dump);
}
