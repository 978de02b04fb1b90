/*
 * What the company does while its people are on their way: imports, accounts that change hands, records merged and taken apart,
 * devices taken back, new versions of the schema.
 */
#include <string.h>

#include "core/base/limits.h"
#include "sim/sim.h"
#include "sync/admin/hub_schema.h"
#include "sync/hub/leaving.h"

static void import(struct sim_world *world, enum rep_op op, const char *entity, const char *id,
		   struct rep_json *line, int64_t now_ms)
{
	struct rep_hub_batch *batch = NULL;
	struct rep_error err;

	rep_json_set_string(line, "source", "csv");
	sim_ok(rep_hub_batch_new(&batch, sim_hub(world), "import", now_ms, &err), &err, "batch");
	sim_ok(rep_hub_batch_add(batch, op, entity, id, line, &err), &err, id);
	sim_ok(rep_hub_batch_send(batch, &err), &err, id);
	rep_hub_batch_free(batch);
	sim_trace(world, "hub: imports %s/%s", entity, id);
}

/* One field, which knows no stamps. */
static void import_name(struct sim_world *world, int64_t now_ms)
{
	struct rep_json *line = rep_json_object();
	char id[16], text[32];

	snprintf(id, sizeof id, "a%u", 1 + sim_below(SIM_STEPS, SIM_ACCOUNTS));
	snprintf(text, sizeof text, "import %u", world->step);
	rep_json_set(line, "values", rep_json_object());
	sim_line_value(line, "name", text);
	import(world, REP_OP_UPDATE, world->cast->account, id, line, now_ms);
}

/* Somebody for whom an edit waits at the hub; else `id` stays as it is. */
static void awaited(struct sim_world *world, char *id, size_t size)
{
	struct rep_stmt *stmt;
	struct rep_error err;
	char like[64];
	bool row;

	snprintf(like, sizeof like, "%s/nowhere%%", world->cast->person);
	sim_ok(rep_db_use(rep_hub_db(sim_hub(world)), &stmt,
			  "SELECT waits_for FROM _held WHERE waits_for LIKE ?1 ORDER BY 1 LIMIT 1",
			  &err),
	       &err, "what waits");
	rep_bind_text(stmt, 1, like);
	sim_ok(rep_step(stmt, &row, &err), &err, "what waits");
	if (row)
		snprintf(id, size, "%s", strchr(rep_column_text(stmt, 0, NULL), '/') + 1);
	rep_stmt_reset(stmt);
}

/* Somebody of whom edits may speak already, and wait. */
static void import_person(struct sim_world *world, int64_t now_ms)
{
	const struct rep_entity *person =
		rep_schema_entity(rep_hub_schema(sim_hub(world)), world->cast->person);
	struct rep_json *line = sim_insert_line(person, world->step);
	char id[16], account[16];

	snprintf(id, sizeof id, "nowhere%u", sim_below(SIM_STEPS, SIM_NOWHERE));
	if (sim_below(SIM_STEPS, 3))
		awaited(world, id, sizeof id);
	snprintf(account, sizeof account, "a%u", 1 + sim_below(SIM_STEPS, SIM_ACCOUNTS));
	sim_line_value(line, world->cast->person_account, account);
	import(world, REP_OP_INSERT, world->cast->person, id, line, now_ms);
}

static void change_hands(struct sim_world *world, int64_t now_ms)
{
	static const char *const lists[][2] = {{"a2", "a3"}, {"a3", "a1"}, {"a1", "a2"}};
	const char *post = sim_below(SIM_STEPS, 2) ? "n1" : "n2";
	struct rep_error err;

	sim_ok(rep_hub_territory(sim_hub(world), REP_TERRITORY_SET, post, NULL, NULL,
				 lists[sim_below(SIM_STEPS, 3)], 2, now_ms, &err),
	       &err, "accounts change hands");
	sim_trace(world, "hub: accounts of %s change hands", post);
}

/* Somebody at the company's side takes two records for one, or takes one out of a group. */
static void join(struct sim_world *world, int64_t now_ms)
{
	struct rep_hub *hub = sim_hub(world);
	const struct rep_entity *entity = sim_any_entity(rep_hub_schema(hub), world->cast);
	char one[REP_ID_LEN_MAX + 1] = "", two[REP_ID_LEN_MAX + 1] = "";
	struct rep_error err = {0};
	bool part = sim_below(SIM_STEPS, 4) == 0;
	enum rep_code rc = REP_ENOTFOUND;

	if (sim_any_row(rep_hub_db(hub), entity, one) && sim_any_row(rep_hub_db(hub), entity, two))
		rc = part ? rep_hub_unmerge(hub, entity->name, one, "taken apart", now_ms, &err)
			  : rep_hub_merge_records(hub, entity->name, one, two, "the same", now_ms,
						  &err);
	if (rc != REP_ENOTFOUND && rc != REP_EUSAGE && rc != REP_EINVAL && rc != REP_EREFUSED)
		sim_ok(rc, &err, "records that are one");
	if (!*one || !*two) {
		sim_trace(world, "hub: no %s to merge", entity->name);
		return;
	}
	sim_trace(world, "hub: %s %s %s %s: %s", part ? "unmerges" : "merges", entity->name, one,
		  part ? "" : two, rc == REP_OK ? "ok" : err.msg);
}

/* From now on, or from some hours ago. What is in the mailbox is collected a last time; then the device leaves by its next sync. */
static void take_back(struct sim_world *world, int64_t now_ms)
{
	struct sim_rep *rep = sim_choose_rep(world);
	char at[REP_TIME_LEN + 1];
	const struct rep_hub_revoke options = {.device = rep->device, .at = at, .reason = "lost"};
	struct rep_json *row = NULL;
	struct rep_error err;
	unsigned acting = 0;

	for (unsigned i = 0; i < SIM_LAPTOPS; i++)
		acting += world->reps[i].acts && !world->reps[i].revoked;
	if (rep->revoked || acting < 3)
		return;
	rep_time_format(
		at, now_ms - (sim_below(SIM_STEPS, 2) ? 3600000LL * sim_below(SIM_STEPS, 48) : 0));
	sim_ok(rep_hub_revoke(sim_hub(world), &options, now_ms, &row, &err), &err, "revoke");
	rep_json_free(row);
	rep->revoked = true;
	sim_trace(world, "hub: revokes %s since %s", rep->name, at);
}

/* In force at once, or in some hours. */
static void publish(struct sim_world *world, int64_t now_ms)
{
	struct rep_hub_publish_schema options = {.now_ms = now_ms};
	struct rep_json *report = NULL;
	struct rep_error err;
	char dir[512], effective[REP_TIME_LEN + 1];
	enum rep_code rc;

	if (world->versions == SIM_VERSIONS)
		return;
	sim_version_path(world->dir, (unsigned)(world->cast - sim_casts), world->versions + 1, dir);
	options.dir = dir;
	rep_time_format(effective, now_ms + 3600000LL * (1 + sim_below(SIM_STEPS, 48)));
	if (sim_below(SIM_STEPS, 2))
		options.effective = effective;
	rc = rep_hub_schema_publish(sim_hub(world), &options, &report, &err);
	/* Not before one that is planned is in force. */
	if (rc != REP_EINVAL || !strstr(err.msg, "effective-in-past"))
		sim_ok(rc, &err, "publish a version");
	world->versions += rc == REP_OK;
	rep_json_free(report);
	sim_trace(world, "hub: version %u of the schema, %s: %s", world->versions,
		  options.effective ? options.effective : "at once",
		  rc == REP_OK ? "published" : err.msg);
}

void sim_company(struct sim_world *world)
{
	int64_t now_ms = sim_act_as(world, NULL);

	switch (sim_below(SIM_STEPS, 5)) {
	case 0:
		import_name(world, now_ms);
		break;
	case 1:
		import_person(world, now_ms);
		break;
	case 2:
	case 3:
		if (sim_below(SIM_STEPS, 8) == 0)
			take_back(world, now_ms);
		else if (sim_below(SIM_STEPS, 6) == 0)
			publish(world, now_ms);
		else
			join(world, now_ms);
		break;
	default:
		change_hands(world, now_ms);
	}
}
