/*
 * One random edit of a rep. Each bears the reason "s<step>", by which the oracle finds it again in the journals: once,
 * however often things were sent, killed and merged.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/capture.h"
#include "core/store/edit.h"
#include "core/store/journal.h"
#include "core/store/query.h"
#include "core/store/tables.h"
#include "sim/sim.h"

#define FIELDS_MAX 24u

struct target {
	struct sim_world *world;
	struct sim_rep *rep;
	struct rep_replica *replica;
	const struct rep_entity *entity;
	char id[REP_ID_LEN_MAX + 1];
	char reason[32];
	const char *field; /* NULL = any, and some more */
	struct rep_assign assigns[FIELDS_MAX];
	struct rep_json *values[FIELDS_MAX];
	size_t len;
};

static unsigned below(unsigned n)
{
	return sim_below(SIM_EDITS, n);
}

static bool assigned(const struct target *target, const struct rep_field *field)
{
	for (size_t i = 0; i < target->len; i++)
		if (strcmp(target->assigns[i].field, field->name) == 0)
			return true;
	return false;
}

static void assign(struct target *target, const struct rep_field *field, enum rep_assign_op op,
		   struct rep_json *value)
{
	if (target->len == FIELDS_MAX || assigned(target, field)) {
		rep_json_free(value);
		return;
	}
	target->values[target->len] = value;
	target->assigns[target->len++] = (struct rep_assign){field->name, op, value};
}

static void drop_assigns(struct target *target)
{
	for (size_t i = 0; i < target->len; i++)
		rep_json_free(target->values[i]);
	target->len = 0;
}

/* ---- put ---- */

/* Some element that is there, so that a removal removes: as sim_element gives it. */
static struct rep_json *present(const struct rep_field *field, const struct rep_json *current)
{
	size_t n = rep_json_size(current), k = n ? below((unsigned)n) : 0;
	struct rep_json *found;

	if (!n)
		return NULL;
	if (field->type == REP_TYPE_SET) {
		found = rep_json_array();
		rep_json_append(found, rep_json_dup(rep_json_at(current, k)));
		return found;
	}
	found = rep_json_object();
	for (void *it = rep_json_iter(current); it; it = rep_json_iter_next(current, it))
		if (k-- == 0)
			rep_json_set(found, rep_json_iter_key(it),
				     rep_json_dup(rep_json_iter_value(it)));
	return found;
}

static void put_field(struct target *target, const struct rep_field *field,
		      const struct rep_json *current)
{
	/* Two who write the same field in one step write other texts. */
	unsigned step = target->world->step +
			(target->field ? 1000 * (unsigned)(target->rep - target->world->reps) : 0);
	struct rep_json *value = NULL;

	if (field->rules[0] == REP_RULE_SUM && below(3)) {
		assign(target, field, below(3) ? REP_ASSIGN_ADD : REP_ASSIGN_REMOVE,
		       rep_json_integer(1 + below(9)));
	} else if (rep_field_is_scalar(field)) {
		if (below(8) || field->required)
			value = sim_value(target->replica, field, current, step);
		assign(target, field, REP_ASSIGN_SET, value);
	} else if (field->type == REP_TYPE_LIST || below(10) < 6) {
		value = sim_element(target->replica, field, step);
		if (value)
			assign(target, field, REP_ASSIGN_ADD, value);
	} else if (below(3) && (value = present(field, current))) {
		assign(target, field, REP_ASSIGN_REMOVE, value);
	} else {
		assign(target, field, REP_ASSIGN_SET,
		       sim_value(target->replica, field, current, step));
	}
}

static enum rep_code put(struct target *target, struct rep_error *err)
{
	struct rep_record *record = NULL;
	enum rep_code rc =
		rep_row_get(target->replica->db, target->entity, target->id, &record, err);

	if (rc == REP_OK && !record)
		return rep_fail(err, REP_ENOTFOUND, "no such record here");
	if (target->field && !rep_entity_field(target->entity, target->field)) {
		rep_record_free(record);
		return rep_fail(err, REP_ENOTFOUND, "no field of this name in the version here");
	}
	for (unsigned n = target->field ? 1 : 1 + below(3); rc == REP_OK && n > 0; n--) {
		const struct rep_field *field =
			target->field
				? rep_entity_field(target->entity, target->field)
				: sim_choose_field(target->world, target->replica, target->entity);

		put_field(target, field, rep_record_value(record, field->name));
	}
	rep_record_free(record);
	if (rc == REP_OK)
		rc = rep_put(target->replica, target->entity->name, target->id, target->assigns,
			     target->len, target->reason, err);
	return rc;
}

/* The same, as any SQLite program would write it. */
static enum rep_code put_by_sql(struct target *target, struct rep_error *err)
{
	const struct rep_field *field =
		sim_choose_field(target->world, target->replica, target->entity);
	struct rep_buf sql = REP_BUF_INIT(4096);
	struct rep_db *db = target->replica->db;
	struct rep_stmt *stmt = NULL;
	enum rep_code rc;

	if (field->type != REP_TYPE_TEXT && field->type != REP_TYPE_ENUM)
		return put(target, err);
	rep_buf_puts(&sql, "UPDATE ");
	rep_db_quote(&sql, target->entity->name);
	rep_buf_puts(&sql, " SET ");
	rep_db_quote(&sql, field->name);
	rep_buf_puts(&sql, " = ?1 WHERE id = ?2");
	rc = rep_db_begin(db, err);
	if (rc == REP_OK)
		rc = rep_capture_reason(db, target->reason, err);
	if (rc == REP_OK)
		rc = rep_db_prepare(db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK) {
		struct rep_json *value =
			sim_value(target->replica, field, NULL, target->world->step);

		rep_bind_text(stmt, 1, rep_json_string_value(value));
		rep_bind_text(stmt, 2, target->id);
		rc = rep_run(stmt, err);
		rep_json_free(value);
	}
	rep_stmt_free(stmt);
	if (rc == REP_OK)
		rc = rep_capture_reason(db, NULL, err);
	if (rc == REP_OK)
		rc = rep_db_commit(db, err);
	else if (rep_db_in_transaction(db))
		rep_db_abort(db);
	rep_buf_clear(&sql);
	return rc;
}

/* ---- new, delete, resolve ---- */

static bool derives_id(const struct rep_entity *entity, const struct rep_field *field)
{
	for (size_t i = 0; i < entity->id_from_len; i++)
		if (strcmp(entity->id_from[i], field->name) == 0)
			return true;
	return false;
}

/* What is required, and some of the rest; rarely what the rep may not enter, or what has a value of its own. */
static bool wants(const struct target *target, const struct rep_field *field)
{
	if (field->required && !field->preset)
		return true;
	if (field->computed || field == target->entity->state_field ||
	    !sim_may(target->replica, target->entity, &field->insert))
		return below(40) == 0;
	return below(10) < 4;
}

static enum rep_code new_record(struct target *target, struct rep_error *err)
{
	const struct rep_entity *entity = target->entity;
	char id[REP_ID_LEN_MAX + 1];

	for (size_t i = 0; i + 1 < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];
		struct rep_json *value = NULL;
		char text[16];

		if (!wants(target, field))
			continue;
		snprintf(text, sizeof text, "x%u", below(2));
		if (derives_id(entity, field) && field->type == REP_TYPE_TEXT)
			value = rep_json_string(text); /* two people often enter the same */
		else if (field->required || field->type != REP_TYPE_LIST)
			value = sim_value(target->replica, field, NULL, target->world->step);
		if (value)
			assign(target, field, REP_ASSIGN_SET, value);
	}
	return rep_new(target->replica, entity->name, NULL, target->assigns, target->len,
		       target->reason, sim_clock_ms, id, err);
}

/* Where nothing waits for a decision, something is put. */
static enum rep_code resolve(struct target *target, struct rep_error *err)
{
	static const char *const choices[] = {"mine", "theirs", "theirs", "abc"};
	struct rep_json *inbox = NULL;
	const struct rep_json *item;
	const char *choice = choices[below(4)];
	enum rep_code rc = rep_query_inbox(target->replica, NULL, false, &inbox, err);

	if (rc == REP_OK && !rep_json_size(inbox)) {
		rep_json_free(inbox);
		return put(target, err);
	}
	if (rc == REP_OK) {
		item = rep_json_at(inbox, below((unsigned)rep_json_size(inbox)));
		if (strcmp(rep_json_get_string(item, "kind"), "proposal") == 0)
			choice = below(2) ? "accept" : "decline";
		rc = rep_resolve(target->replica, rep_json_get_string(item, "item"), choice,
				 target->reason, err);
	}
	rep_json_free(inbox);
	return rc;
}

/* The record and another one of its kind become one, or it is taken out of those that it is one with. */
static enum rep_code join(struct target *target, bool part, struct rep_error *err)
{
	const char *entity = target->entity->name;
	char other[REP_ID_LEN_MAX + 1];

	if (part)
		return rep_unmerge(target->replica, entity, target->id, target->reason, err);
	if (!sim_any_row(target->replica->db, target->entity, other))
		return rep_fail(err, REP_ENOTFOUND, "no other record here");
	return rep_merge_records(target->replica, entity, target->id, other, target->reason, err);
}

static enum rep_code make(struct target *target, const char **kind, struct rep_error *err)
{
	unsigned dice = below(100);

	*kind = dice < 70 && target->id[0] ? "put"
		: dice < 82                ? "new"
		: dice < 87                ? "delete"
		: dice < 94                ? "resolve"
		: dice < 98                ? "merge"
					   : "unmerge";
	if (dice < 70 && target->id[0])
		return dice < 62 ? put(target, err) : put_by_sql(target, err);
	if (dice < 82)
		return new_record(target, err);
	if (dice < 87)
		return rep_delete(target->replica, target->entity->name, target->id, target->reason,
				  err);
	return dice < 94 ? resolve(target, err) : join(target, dice >= 98, err);
}

static void trace_assigns(const struct target *target)
{
	static const char *const ops[] = {
		[REP_ASSIGN_SET] = "=", [REP_ASSIGN_ADD] = "+=", [REP_ASSIGN_REMOVE] = "-="};

	for (size_t i = 0; target->world->trace && i < target->len; i++) {
		char *text = rep_json_text(target->values[i]);

		sim_trace(target->world, "\t%s%s%s", target->assigns[i].field,
			  ops[target->assigns[i].op], text ? text : "null");
		free(text);
	}
}

/* How many changes it recorded: one or none, and none where it was refused. */
static int64_t told(struct target *target, const char *kind, int64_t before, enum rep_code rc,
		    const struct rep_error *err)
{
	int64_t after = rep_pending_count(target->replica->db);

	sim_trace(target->world, "%s %s %s/%s: %s", target->rep->name, kind, target->entity->name,
		  target->id, rc == REP_OK ? "ok" : err->msg);
	trace_assigns(target);
	drop_assigns(target);
	switch (rc) {
	case REP_OK:
		/* Who takes a record out of a group says so of each of the others. */
		if (after - before != 0 && after - before != 1 && strcmp(kind, "unmerge") != 0)
			sim_fail("%s recorded %lld changes", kind, (long long)(after - before));
		return after - before;
	case REP_EUSAGE:
	case REP_EINVAL:
	case REP_ENOTFOUND:
	case REP_EEXIST:
	case REP_EREFUSED:
		if (after != before)
			sim_fail("a refused %s was recorded", kind);
		target->rep->refused++;
		return 0;
	case REP_EIO:
	case REP_ENOMEM:
	case REP_ELIMIT:
	case REP_EBUSY:
	case REP_EORDER:
	case REP_EUNREACHABLE:
	case REP_EINTEGRITY:
		break;
	}
	sim_fail("%s %s/%s: %s", kind, target->entity->name, target->id, err->msg);
}

int64_t sim_edit(struct sim_world *world, struct sim_rep *rep, struct rep_replica *replica)
{
	struct target target = {.world = world, .rep = rep, .replica = replica};
	int64_t before = rep_pending_count(replica->db);
	const char *kind;
	struct rep_error err = {0};
	enum rep_code rc;

	snprintf(target.reason, sizeof target.reason, "s%u", world->step);
	sim_choose_record(world, replica, &target.entity, target.id);
	rc = make(&target, &kind, &err);
	return told(&target, kind, before, rc, &err);
}

void sim_choose_spot(const struct sim_world *world, struct rep_replica *replica,
		     struct sim_spot *out)
{
	const struct rep_field *field;

	sim_choose_record(world, replica, &out->entity, out->id);
	/* Where the later of two wins, it shows which was taken for that. */
	for (unsigned tries = 0; tries < 12; tries++) {
		field = &out->entity->fields[below((unsigned)out->entity->fields_len)];
		if (rep_field_is_scalar(field) && field->rules[0] == REP_RULE_LATEST &&
		    !field->engine && !field->computed &&
		    sim_may(replica, out->entity, &field->write))
			break;
	}
	out->field = field->name;
}

int64_t sim_edit_spot(struct sim_world *world, struct sim_rep *rep, struct rep_replica *replica,
		      const struct sim_spot *spot)
{
	struct target target = {
		.world = world, .rep = rep, .replica = replica, .field = spot->field};
	int64_t before = rep_pending_count(replica->db);
	struct rep_error err = {0};
	enum rep_code rc;

	snprintf(target.reason, sizeof target.reason, "s%u", world->step);
	snprintf(target.id, sizeof target.id, "%s", spot->id);
	target.entity = rep_schema_entity(replica->schema, spot->entity->name);
	rc = put(&target, &err);
	return told(&target, "put", before, rc, &err);
}
