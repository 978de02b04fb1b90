/*
 * What must hold while the history runs and at its end, asked of the replicas themselves.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "core/store/changes.h"
#include "core/store/journal.h"
#include "core/store/outcome.h"
#include "core/store/tables.h"
#include "sim/sim.h"

/* ---- an unacknowledged edit stays on the screen ---- */

struct visible {
	struct sim_world *world;
	const struct sim_rep *rep;
	struct rep_replica *replica;
	struct rep_json
		*last; /* "entity/id" -> field -> {"new", "stamp"}, or null for a deleted record */
	struct rep_json *own; /* stamp -> "entity/id" */
	int64_t sets;
	bool pending; /* there are edits that were not sealed yet, and not noted */
};

/* Such a change may be held as a whole, here as at the hub. */
static bool bears_reference(const struct rep_entity *entity, const struct rep_json *values)
{
	for (void *it = rep_json_iter(values); it; it = rep_json_iter_next(values, it)) {
		const struct rep_field *field = rep_entity_field(entity, rep_json_iter_key(it));

		if (field && (field->type == REP_TYPE_REFERENCE || field->of == REP_TYPE_REFERENCE))
			return true;
	}
	return false;
}

static void note_change(struct visible *visible, const struct rep_change *change)
{
	const struct rep_entity *entity =
		rep_schema_entity(visible->replica->schema, change->entity);
	const struct rep_json *values = rep_json_get(change->line, "values");
	struct rep_json *fields;
	char key[160];

	snprintf(key, sizeof key, "%s/%s", change->entity, change->id);
	rep_json_set_string(visible->own, change->stamp.text, key);
	if (change->op == REP_OP_DELETE || (entity && bears_reference(entity, values))) {
		rep_json_set(visible->last, key, rep_json_null());
		return;
	}
	/* A decision writes its values as an update does. */
	if ((change->op != REP_OP_UPDATE && change->op != REP_OP_RESOLVE) || !entity || !values)
		return;
	fields = rep_json_get(visible->last, key);
	if (fields && !rep_json_is(fields, REP_JSON_OBJECT))
		return;
	if (!fields) {
		fields = rep_json_object();
		rep_json_set(visible->last, key, fields);
	}
	for (void *it = rep_json_iter(values); it; it = rep_json_iter_next(values, it)) {
		const struct rep_json *value = rep_json_iter_value(it);
		struct rep_json *note = rep_json_object();

		rep_json_set(note, "new", rep_json_dup(rep_json_get(value, "new")));
		rep_json_set_string(note, "stamp", change->stamp.text);
		rep_json_set(fields, rep_json_iter_key(it), note);
	}
}

static enum rep_code note_set(void *user, const struct rep_changeset *set, struct rep_error *err)
{
	struct visible *visible = user;

	(void)err;
	for (size_t i = 0; i < set->changes_len; i++)
		note_change(visible, &set->changes[i]);
	visible->sets++;
	return REP_OK;
}

/* May the rep write it at all, and is nothing but the latest stamp asked? */
static bool is_plain(const struct visible *visible, const struct rep_field *field,
		     const struct rep_record *record, const char *stamp)
{
	char time[REP_TIME_LEN + 1];
	const struct rep_right right = {
		.rep = visible->replica->rep,
		.device = visible->replica->device,
		.time = time,
		.entity = record->entity->name,
		.id = record->id,
		.partition = record->partition,
		.author = record->created_rep,
	};

	snprintf(time, sizeof time, "%.24s", stamp);
	return field->rules_len == 1 && field->rules[0] == REP_RULE_LATEST && !field->group &&
	       !field->open_in_len && !field->desk && rep_field_is_scalar(field) &&
	       rep_org_may(visible->replica->org, &right, &field->write);
}

/* A later one of the same device, written for a record that is one with this by now. */
static bool is_of_another(const struct visible *visible, const struct rep_record *record,
			  const char *stamp)
{
	const char *key = rep_json_get_string(visible->own, stamp);
	const char *slash = key ? strchr(key, '/') : NULL;

	return slash && strcmp(slash + 1, record->id) != 0;
}

static void check_field(const struct visible *visible, const struct rep_record *record,
			const char *name, const struct rep_json *note)
{
	const struct rep_field *field = rep_entity_field(record->entity, name);
	const struct rep_json *mine = rep_json_get(note, "new");
	const char *my_stamp = rep_json_get_string(note, "stamp"), *stamp;

	if (!field || !is_plain(visible, field, record, my_stamp))
		return;
	if (field->required && rep_json_is(mine, REP_JSON_NULL))
		return;
	stamp = rep_record_stamp(record, name);
	if (rep_value_same(field, mine, rep_record_value(record, name)))
		return;
	if (!rep_stamp_same_device(stamp, my_stamp) && rep_stamp_compare(stamp, my_stamp) > 0)
		return;
	if (rep_stamp_compare(stamp, my_stamp) > 0 &&
	    (visible->pending || is_of_another(visible, record, stamp)))
		return;
	sim_fail("step %u: %s does not see its own unacknowledged %s/%s.%s of %s (there is %s)",
		 visible->world->step, visible->rep->name, record->entity->name, record->id, name,
		 my_stamp, stamp);
}

static void check_record(const struct visible *visible, const char *key,
			 const struct rep_json *fields)
{
	const char *slash = strchr(key, '/');
	struct rep_record *record = NULL;
	struct rep_error err;
	char name[REP_NAME_LEN_MAX + 1];

	snprintf(name, sizeof name, "%.*s", (int)(slash - key), key);
	sim_ok(rep_row_get(visible->replica->db, rep_schema_entity(visible->replica->schema, name),
			   slash + 1, &record, &err),
	       &err, key);
	for (void *it = rep_json_iter(fields); record && !record->deleted && it;
	     it = rep_json_iter_next(fields, it))
		check_field(visible, record, rep_json_iter_key(it), rep_json_iter_value(it));
	rep_record_free(record);
}

void sim_check_visible(struct sim_world *world, const struct sim_rep *rep,
		       struct rep_replica *replica)
{
	struct visible visible = {world, rep,  replica, rep_json_object(), rep_json_object(),
				  0,     false};
	struct rep_journal_head head;
	struct rep_error err;
	int64_t merged;

	if (!replica->schema) {
		rep_json_free(visible.last);
		rep_json_free(visible.own);
		return;
	}
	visible.pending = rep_pending_count(replica->db) != 0;
	sim_ok(rep_meta_get_int(replica->db, "merged_seq", &merged, &err), &err, "merged_seq");
	sim_ok(rep_journal_each(replica, merged + 1, note_set, &visible, &err), &err, rep->name);
	/* Pushed or not: what the hub has not named in a signed view stays in the journal, whole. */
	sim_ok(rep_journal_head(replica->db, &head, &err), &err, rep->name);
	if (visible.sets != head.seq - merged)
		sim_fail("step %u: %s has %lld of %lld change sets that are not acknowledged",
			 world->step, rep->name, (long long)visible.sets,
			 (long long)(head.seq - merged));
	for (void *it = rep_json_iter(visible.last); it; it = rep_json_iter_next(visible.last, it))
		if (rep_json_is(rep_json_iter_value(it), REP_JSON_OBJECT))
			check_record(&visible, rep_json_iter_key(it), rep_json_iter_value(it));
	rep_json_free(visible.last);
	rep_json_free(visible.own);
}

/* ---- what was rejected is gone from the screen, and can be read ---- */

#define REFUSED_SETS 12 /* the newest that were acknowledged: of older ones it was asked before */

struct refused {
	struct sim_world *world;
	const struct sim_rep *rep;
	struct rep_replica *replica;
	int64_t merged;
};

static bool is_rejected(const struct rep_json *outcome)
{
	const char *name = rep_json_get_string(outcome, "outcome");

	return name && strcmp(name, "rejected") == 0;
}

/*
 * Does the field bear what the change wrote? By its stamp; but where the change made the record, fields without a stamp of their own
 * bear its stamp with a default, or nothing.
 */
static bool still_bears(const struct rep_record *record, const struct rep_field *field,
			const struct rep_change *change, const struct rep_json *written)
{
	const struct rep_json *value = rep_record_value(record, field->name);

	if (strcmp(rep_record_stamp(record, field->name), change->stamp.text) != 0)
		return false;
	return strcmp(record->created.text, change->stamp.text) != 0 ||
	       (value && !field->preset && rep_json_equal(value, rep_json_get(written, "new")));
}

static void check_gone(const struct refused *refused, const struct rep_change *change,
		       const struct rep_json *outcome)
{
	const struct rep_json *fields = rep_json_get(outcome, "fields");
	const struct rep_json *values = rep_json_get(change->line, "values");
	const struct rep_entity *entity =
		rep_schema_entity(refused->replica->schema, change->entity);
	bool whole = is_rejected(outcome) && !rep_json_size(fields);
	struct rep_record *record = NULL;
	struct rep_error err;

	if (!entity)
		return;
	sim_ok(rep_row_get(refused->replica->db, entity, change->id, &record, &err), &err,
	       change->id);
	for (void *it = record && values ? rep_json_iter(values) : NULL; it;
	     it = rep_json_iter_next(values, it)) {
		const char *name = rep_json_iter_key(it);
		const struct rep_field *field = rep_entity_field(entity, name);

		if (field && (whole || is_rejected(rep_json_get(fields, name))) &&
		    still_bears(record, field, change, rep_json_iter_value(it)))
			sim_fail("step %u: %s still sees %s/%s.%s of %s, which was rejected",
				 refused->world->step, refused->rep->name, entity->name, change->id,
				 name, change->stamp.text);
	}
	rep_record_free(record);
}

static enum rep_code check_refused(void *user, const struct rep_changeset *set,
				   struct rep_error *err)
{
	const struct refused *refused = user;

	for (size_t i = 0; set->seq <= refused->merged && i < set->changes_len; i++) {
		struct rep_json *outcome = NULL;

		sim_ok(rep_outcome_get(refused->replica->db, set->seq, i, &outcome, err), err,
		       "what the hub said");
		if (outcome)
			check_gone(refused, &set->changes[i], outcome);
		rep_json_free(outcome);
	}
	return REP_OK;
}

void sim_check_refused(struct sim_world *world, const struct sim_rep *rep,
		       struct rep_replica *replica)
{
	struct refused refused = {world, rep, replica, 0};
	struct rep_error err;
	int64_t from;

	if (!replica->schema)
		return;
	sim_ok(rep_meta_get_int(replica->db, "merged_seq", &refused.merged, &err), &err,
	       "merged_seq");
	from = refused.merged < REFUSED_SETS ? 1 : refused.merged - REFUSED_SETS + 1;
	sim_ok(rep_journal_each(replica, from, check_refused, &refused, &err), &err, rep->name);
}

/* ---- what the hub refused is told ---- */

struct told {
	struct rep_db *db; /* of the author */
	const struct sim_rep *rep;
};

static enum rep_code check_told(void *user, struct rep_indexed *change, struct rep_error *err)
{
	const struct told *told = user;
	const char *outcome = rep_json_get_string(change->outcome, "outcome"), *heard;
	struct rep_json *line = NULL;

	if (!outcome || strcmp(outcome, "applied") == 0)
		return REP_OK;
	sim_ok(rep_outcome_get(told->db, change->edit.seq, change->edit.index, &line, err), err,
	       told->rep->name);
	heard = rep_json_get_string(line, "outcome");
	if (!heard || strcmp(heard, outcome) != 0)
		sim_fail("%s was not told that its change %lld-%u is %s", told->rep->name,
			 (long long)change->edit.seq, change->edit.index, outcome);
	rep_json_free(line);
	return REP_OK;
}

void sim_check_outcomes(struct sim_rep *rep, struct rep_hub *hub)
{
	const struct rep_changes_query query = {.device = rep->device};
	struct told told = {sim_replica(rep)->db, rep};
	struct rep_error err;

	sim_ok(rep_changes_each(rep_hub_db(hub), &query, check_told, &told, &err), &err, rep->name);
}

/* ---- the journals are the same ---- */

struct chain {
	struct rep_db *hub;
	int64_t seq;
};

static enum rep_code check_set(void *user, const struct rep_changeset *set, struct rep_error *err)
{
	struct chain *chain = user;
	struct rep_stmt *stmt;
	bool row;
	enum rep_code rc = rep_db_use(chain->hub, &stmt,
				      "SELECT hash FROM _set WHERE device = ?1 AND seq = ?2", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, set->device);
	rep_bind_int(stmt, 2, set->seq);
	rc = rep_step(stmt, &row, err);
	if (rc != REP_OK)
		return rc;
	if (set->seq != ++chain->seq || !row ||
	    strcmp(rep_column_text(stmt, 0, NULL), set->hash) != 0)
		sim_fail("the hub's %s-%lld is not the device's", set->device, (long long)set->seq);
	rep_stmt_reset(stmt);
	return REP_OK;
}

void sim_check_journal(struct sim_rep *rep, struct rep_hub *hub)
{
	struct chain chain = {rep_hub_db(hub), 0};
	struct rep_error err;

	sim_ok(rep_journal_each(sim_replica(rep), 1, check_set, &chain, &err), &err, rep->name);
}
