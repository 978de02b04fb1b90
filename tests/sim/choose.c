/*
 * What is edited: few records and few fields of each, other ones with every seed, so that people often meet. The account
 * that two posts share, and its people, are the meeting place.
 */
#include <stdio.h>

#include "core/base/limits.h"
#include "core/store/tables.h"
#include "sim/sim.h"

static unsigned below(unsigned n)
{
	return sim_below(SIM_EDITS, n);
}

bool sim_any_row(struct rep_db *db, const struct rep_entity *entity, char *out)
{
	struct rep_buf sql = REP_BUF_INIT(1024);
	struct rep_stmt *stmt = NULL;
	struct rep_error err;
	bool row = false;
	int64_t rows = 0;

	rep_buf_puts(&sql, "SELECT id, count(*) OVER () FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " ORDER BY id");
	sim_ok(rep_db_prepare(db, &stmt, rep_buf_str(&sql), &err), &err, "any row");
	rep_buf_clear(&sql);
	sim_ok(rep_step(stmt, &row, &err), &err, "any row");
	if (row)
		rows = rep_column_int(stmt, 1);
	for (unsigned n = rows ? below((unsigned)rows) : 0; row && n > 0; n--)
		sim_ok(rep_step(stmt, &row, &err), &err, "any row");
	if (row)
		snprintf(out, REP_ID_LEN_MAX + 1, "%s", rep_column_text(stmt, 0, NULL));
	rep_stmt_free(stmt);
	return row;
}

const struct rep_entity *sim_any_entity(const struct rep_schema *schema,
					const struct sim_cast *cast)
{
	const struct rep_entity *entity;

	if (cast && below(2))
		return rep_schema_entity(schema, cast->person);
	do {
		entity = &schema->entities[below((unsigned)schema->entities_len)];
	} while (entity->builtin != REP_BUILTIN_NONE &&
		 (entity->builtin != REP_BUILTIN_REP || below(4)));
	return entity;
}

void sim_choose_record(const struct sim_world *world, struct rep_replica *replica,
		       const struct rep_entity **entity, char *id)
{
	unsigned dice = below(100), person = (unsigned)(world->seed / 2 % 2) + 1;

	if (dice < 45) {
		*entity = rep_schema_entity(replica->schema, world->cast->person);
		snprintf(id, REP_ID_LEN_MAX, "p%u%u", below(5) ? 2 : 1 + below(SIM_ACCOUNTS),
			 below(5) ? person : 1 + below(2));
	} else if (dice < 65) {
		*entity = rep_schema_entity(replica->schema, world->cast->account);
		snprintf(id, REP_ID_LEN_MAX, "a%u", below(5) ? 2 : 1 + below(SIM_ACCOUNTS));
	} else {
		*entity = sim_any_entity(replica->schema, NULL);
		if (!sim_any_row(replica->db, *entity, id))
			id[0] = 0;
	}
}

bool sim_may(struct rep_replica *replica, const struct rep_entity *entity,
	     const struct rep_terms *terms)
{
	char time[REP_TIME_LEN + 1];
	const struct rep_right right = {
		.rep = replica->rep,
		.device = replica->device,
		.time = time,
		.entity = entity->name,
		.id = "any",
		.author = replica->rep,
		.anywhere = true,
	};

	rep_time_format(time, sim_clock_ms);
	return rep_org_may(replica->org, &right, terms);
}

const struct rep_field *sim_choose_field(const struct sim_world *world, struct rep_replica *replica,
					 const struct rep_entity *entity)
{
	unsigned len = (unsigned)entity->fields_len;
	const struct rep_field *field = &entity->fields[below(len)];

	/* Mostly one of five, and one that may be written; sometimes any, so that the hub has something to refuse. */
	for (unsigned tries = 0; tries < 12 && below(20); tries++) {
		field = &entity->fields[(world->seed * 5 + (below(5) + tries) * 3) % len];
		if (!field->engine && !field->computed && sim_may(replica, entity, &field->write))
			break;
	}
	return field;
}

struct sim_rep *sim_choose_rep(struct sim_world *world)
{
	struct sim_rep *rep;

	do {
		rep = &world->reps[sim_below(SIM_STEPS, SIM_LAPTOPS)];
	} while (!rep->acts);
	return rep;
}

bool sim_any_revoked(const struct sim_world *world)
{
	for (unsigned i = 0; i < SIM_LAPTOPS; i++)
		if (world->reps[i].revoked)
			return true;
	return false;
}
