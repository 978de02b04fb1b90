/*
 * The hub's inbox, and decisions made at the hub: a `resolve` change of hub00000 that names the item and every rival that the
 * decider saw.
 */
#include <stdlib.h>
#include <string.h>

#include "core/model/value.h"
#include "core/store/query.h"
#include "sync/hub/hub_line.h"

enum rep_code rep_hub_inbox(struct rep_hub *hub, const char *kind, bool all, struct rep_json **out,
			    struct rep_error *err)
{
	struct rep_replica as_replica = {.db = hub->db, .schema = hub->schema, .org = hub->org};
	char rep[] = REP_HUB_REP;

	memcpy(as_replica.device, REP_HUB_DEVICE, sizeof as_replica.device);
	as_replica.rep = rep;
	as_replica.dir = hub->dir;
	return rep_query_inbox(&as_replica, kind, all, out, err);
}

/* ---- finding the item ---- */

static enum rep_code find_item(struct rep_hub *hub, const char *id, struct rep_record **out,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	char kind[REP_NAME_LEN_MAX + 1] = "";
	bool row = false;
	enum rep_code rc =
		rep_db_use(hub->db, &stmt, "SELECT kind FROM _review WHERE id = ?1", err);

	*out = NULL;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, id);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		strncpy(kind, rep_column_text(stmt, 0, NULL), REP_NAME_LEN_MAX);
	rep_stmt_reset(stmt);
	if (rc == REP_OK && !row)
		return rep_fail(err, REP_ENOTFOUND, "there is no review item %s", id);
	return rc == REP_OK
		       ? rep_row_get(hub->db, rep_schema_entity(hub->schema, kind), id, out, err)
		       : rc;
}

static const char *text_of(const struct rep_record *record, const char *field)
{
	const char *text = rep_json_string_value(rep_record_value(record, field));

	return text ? text : "";
}

/* ---- conflicts ---- */

struct decision {
	struct rep_hub *hub;
	const struct rep_record *item;
	const struct rep_entity *entity;
	struct rep_record *target; /* NULL where a proposal would make it */
	const char *choice;
	enum rep_op op;
	struct rep_json *line;
};

static void name_rivals(struct decision *decision)
{
	const struct rep_json *rivals = rep_record_value(decision->item, "rivals");
	struct rep_json *list = rep_json_array();

	for (size_t i = 0; i < rep_json_size(rivals); i++)
		rep_json_append(list, rep_json_string(rep_json_get_string(rep_json_at(rivals, i),
									  "stamp")));
	rep_json_set(decision->line, "rivals", list);
}

/* The value of a rival: by its stamp, or "theirs" (what stands), or the rep's whose value it is. */
static const struct rep_json *chosen_rival(const struct decision *decision)
{
	const struct rep_json *rivals = rep_record_value(decision->item, "rivals");

	for (size_t i = 0; i < rep_json_size(rivals); i++) {
		const struct rep_json *rival = rep_json_at(rivals, i);
		const char *stamp = rep_json_get_string(rival, "stamp");
		const char *rep = rep_json_get_string(rival, "rep");

		if ((stamp && strcmp(stamp, decision->choice) == 0) ||
		    (rep && strcmp(rep, decision->choice) == 0))
			return rep_json_get(rival, "value");
	}
	return NULL;
}

static const struct rep_field *field_of(const struct decision *decision, const char *name)
{
	const struct rep_field *field = rep_entity_field(decision->entity, name);

	for (size_t i = 0; !field && i < decision->entity->fields_len; i++)
		if (decision->entity->fields[i].group &&
		    strcmp(decision->entity->fields[i].group, name) == 0)
			field = &decision->entity->fields[i];
	return field;
}

/* A group's rival holds the values of all its fields; a single field's is the value itself. */
static void put_value(struct decision *decision, const struct rep_field *field,
		      const struct rep_json *value)
{
	if (!field->group || !rep_json_is(value, REP_JSON_OBJECT)) {
		rep_line_change(decision->line, decision->target, field->name,
				value ? rep_json_ref(value) : NULL);
		return;
	}
	for (void *it = rep_json_iter(value); it; it = rep_json_iter_next(value, it))
		if (rep_entity_field(decision->entity, rep_json_iter_key(it)))
			rep_line_change(decision->line, decision->target, rep_json_iter_key(it),
					rep_json_ref(rep_json_iter_value(it)));
}

static enum rep_code decide_conflict(struct decision *decision, struct rep_error *err)
{
	const struct rep_field *field = field_of(decision, text_of(decision->item, "field"));
	const struct rep_json *rival = chosen_rival(decision);
	struct rep_json *typed = NULL;
	enum rep_code rc = REP_OK;

	if (!decision->target || !field)
		return rep_fail(err, REP_ENOTFOUND, "its record or field is not there any more");
	name_rivals(decision);
	if (strcmp(decision->choice, "theirs") == 0 || strcmp(decision->choice, "mine") == 0)
		put_value(decision, field, rep_record_value(decision->target, field->name));
	else if (rival)
		put_value(decision, field, rival);
	else
		rc = rep_value_read(&typed, field, decision->choice, err);
	if (typed || (rc == REP_OK && !rep_json_size(rep_json_get(decision->line, "values"))))
		put_value(decision, field, typed);
	rep_json_free(typed);
	return rc;
}

/* ---- proposals ---- */

/* Accepted values go on top of what stands now: who decides has seen it. */
static void accept_values(struct decision *decision)
{
	const struct rep_json *values = rep_record_value(decision->item, "values");

	for (void *it = values ? rep_json_iter(values) : NULL; it;
	     it = rep_json_iter_next(values, it)) {
		const char *name = rep_json_iter_key(it);
		struct rep_json *spec = rep_json_dup(rep_json_iter_value(it));
		const struct rep_json *now =
			decision->target ? rep_record_value(decision->target, name) : NULL;

		if (rep_json_get(spec, "new") && decision->target) {
			rep_json_set(spec, "old", now ? rep_json_ref(now) : rep_json_null());
			rep_json_set_string(spec, "saw", rep_record_stamp(decision->target, name));
		}
		rep_json_set(rep_json_get(decision->line, "values"), name, spec);
	}
}

static enum rep_code decide_proposal(struct decision *decision, struct rep_error *err)
{
	bool accept = strcmp(decision->choice, "accept") == 0;

	if (!accept && strcmp(decision->choice, "decline") != 0 &&
	    strcmp(decision->choice, "expire") != 0)
		return rep_fail(err, REP_EUSAGE,
				"a proposal is decided by accept or decline, or expires");
	rep_json_set_string(decision->line, "decision", decision->choice);
	if (accept)
		accept_values(decision);
	else
		rep_json_del(decision->line, "values");
	return REP_OK;
}

/* Accepted, the two are joined; declined, it is said that they are two, and nobody is asked again. */
static enum rep_code decide_duplicate(struct decision *decision, struct rep_error *err)
{
	bool accept = strcmp(decision->choice, "accept") == 0;

	if (!accept && strcmp(decision->choice, "decline") != 0)
		return rep_fail(err, REP_EUSAGE, "a duplicate is decided by accept or decline");
	decision->op = accept ? REP_OP_ALIAS : REP_OP_UNALIAS;
	rep_json_del(decision->line, "values");
	return rep_json_set_string(decision->line, "into", text_of(decision->item, "a"))
		       ? REP_OK
		       : rep_fail(err, REP_ENOMEM, "out of memory");
}

static enum rep_code make_line(struct decision *decision, struct rep_error *err)
{
	const char *kind = decision->item->entity->name;
	const char *state = text_of(decision->item, "state");

	decision->entity =
		rep_schema_entity(decision->hub->schema, text_of(decision->item, "entity"));
	if (!decision->entity)
		return rep_fail(err, REP_ENOTFOUND, "its entity is not there any more");
	if (strcmp(kind, "proposal") == 0 && strcmp(state, "open") != 0)
		return rep_fail(err, REP_EINVAL, "it is %s already", state);
	if (strcmp(kind, "conflict") == 0)
		return decide_conflict(decision, err);
	if (strcmp(kind, "proposal") == 0)
		return decide_proposal(decision, err);
	if (strcmp(kind, "duplicate") == 0)
		return decide_duplicate(decision, err);
	return rep_fail(err, REP_EUSAGE, "a %s is not decided", kind);
}

enum rep_code rep_hub_resolve(struct rep_hub *hub, const char *item, const char *choice,
			      const char *reason, int64_t now_ms, struct rep_error *err)
{
	struct decision decision = {
		.hub = hub, .choice = choice, .op = REP_OP_RESOLVE, .line = rep_line_new()};
	struct rep_hub_batch *batch = NULL;
	struct rep_record *record = NULL;
	const struct rep_entity *entity;
	enum rep_code rc = find_item(hub, item, &record, err);

	decision.item = record;
	entity = rc == REP_OK ? rep_schema_entity(hub->schema, text_of(record, "entity")) : NULL;
	if (entity)
		rc = rep_row_get(hub->db, entity, text_of(record, "record"), &decision.target, err);
	if (rc == REP_OK)
		rc = make_line(&decision, err);
	if (rc == REP_OK)
		rc = rep_hub_batch_new(&batch, hub, reason, now_ms, err);
	if (rc == REP_OK) {
		bool resolve = decision.op == REP_OP_RESOLVE;

		if (resolve)
			rep_json_set_string(decision.line, "item", item);
		rc = rep_hub_batch_add(batch, decision.op, text_of(record, "entity"),
				       text_of(record, resolve ? "record" : "b"), decision.line,
				       err);
		decision.line = NULL;
	}
	if (rc == REP_OK)
		rc = rep_hub_apply(hub, batch, now_ms, err);
	else
		rep_hub_batch_free(batch);
	rep_json_free(decision.line);
	rep_record_free(decision.target);
	rep_record_free(record);
	return rep_wrap(err, rc, "resolve %s", item);
}
