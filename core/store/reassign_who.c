/*
 * Whom a reassignment concerns. The organisation is made twice, as it is and as it would be, and both are asked about the moment at
 * which the subjects change hands: so whatever rule says who reaches an account says here who loses it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/org.h"
#include "core/store/reassign_work.h"
#include "core/store/tables.h"

struct asking {
	struct rep_planning *planning;
	struct rep_org *before, *after;
	struct rep_org *making; /* the one of them that rows are added to */
	bool changed;           /* ... as they would be */
	struct rep_json *losing, *gaining;
};

static const char *end_of(const struct rep_planning *planning, const char *id)
{
	const struct rep_json *ends = planning->plan->ends;

	for (size_t i = 0; i < rep_json_size(ends); i++)
		if (strcmp(rep_json_get_string(rep_json_at(ends, i), "id"), id) == 0)
			return rep_json_get_string(rep_json_at(ends, i), "valid_to");
	return NULL;
}

static enum rep_code add_row(void *user, struct rep_record *record, struct rep_error *err)
{
	struct asking *asking = user;
	const char *end = asking->changed && record->entity == asking->planning->assignment
				  ? end_of(asking->planning, record->id)
				  : NULL;

	if (end)
		rep_record_put(record, "valid_to", rep_json_string(end), NULL);
	if (record->failed)
		return rep_reassign_no_memory(err);
	return rep_org_add(asking->making, record, err);
}

static enum rep_code add_begins(struct asking *asking, struct rep_error *err)
{
	const struct rep_json *begins = asking->planning->plan->begins;
	static const char stamp[] =
		"2000-01-01T00:00:00.000Z-0000@00000000"; /* of no meaning here */
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(begins); i++) {
		const struct rep_json *one = rep_json_at(begins, i);
		const struct rep_json *values = rep_json_get(one, "values");
		struct rep_record *record = NULL;

		rc = rep_record_new(&record, asking->planning->assignment,
				    rep_json_get_string(one, "id"),
				    rep_json_get_string(one, "partition"), "", stamp, err);
		for (void *it = rep_json_iter(values); rc == REP_OK && it;
		     it = rep_json_iter_next(values, it))
			rep_record_put(record, rep_json_iter_key(it),
				       rep_json_ref(rep_json_iter_value(it)), NULL);
		if (rc == REP_OK)
			rc = rep_org_add(asking->making, record, err);
		rep_record_free(record);
	}
	return rc;
}

static enum rep_code make(struct asking *asking, bool changed, struct rep_org **out,
			  struct rep_error *err)
{
	const struct rep_schema *schema = asking->planning->schema;
	enum rep_code rc = rep_org_new(out, schema, err);

	asking->making = *out;
	asking->changed = changed;
	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];

		if (entity->builtin != REP_BUILTIN_NONE && entity->builtin != REP_BUILTIN_REVIEW)
			rc = rep_row_each(asking->planning->db, entity, NULL, add_row, asking, err);
	}
	if (rc == REP_OK && changed)
		rc = add_begins(asking, err);
	return rc == REP_OK ? rep_org_finish(*out, err) : rc;
}

/* ---- who ---- */

static bool reaches(const struct asking *asking, const struct rep_org *org, const char *rep,
		    const struct rep_json *subject)
{
	const char *partition = rep_json_get_string(subject, "partition");
	const char *time = asking->planning->time;

	if (!asking->planning->reassign->entity)
		return rep_org_in_scope(org, rep, partition, time);
	return rep_org_is_primary(org, rep, rep_json_get_string(subject, "entity"),
				  rep_json_get_string(subject, "id"), partition, NULL, time);
}

static void note(struct asking *asking, struct rep_json *list, const struct rep_record *rep)
{
	struct rep_json *row = rep_json_object();

	if (!rep_json_set_string(row, "rep", rep->id) ||
	    !rep_json_set_string(row, "name", rep_reassign_text(rep, "name")) ||
	    !rep_json_append(list, rep_json_ref(row)))
		asking->planning->failed = true;
	rep_json_free(row);
}

static enum rep_code ask(void *user, struct rep_record *rep, struct rep_error *err)
{
	struct asking *asking = user;
	const struct rep_json *subjects = rep_json_get(asking->planning->plan->told, "subjects");
	bool loses = false, gains = false;

	(void)err;
	for (size_t i = 0; i < rep_json_size(subjects); i++) {
		const struct rep_json *subject = rep_json_at(subjects, i);
		bool before = reaches(asking, asking->before, rep->id, subject);
		bool after = reaches(asking, asking->after, rep->id, subject);

		loses = loses || (before && !after);
		gains = gains || (after && !before);
	}
	if (loses)
		note(asking, asking->losing, rep);
	if (gains)
		note(asking, asking->gaining, rep);
	return REP_OK;
}

static struct rep_json *text_or_null(const char *text)
{
	return text ? rep_json_string(text) : rep_json_null();
}

/* Nobody as primary is worth knowing before it is so. */
static void put_primaries(struct asking *asking)
{
	struct rep_json *subjects = rep_json_get(asking->planning->plan->told, "subjects");
	const char *time = asking->planning->time;

	for (size_t i = 0; i < rep_json_size(subjects); i++) {
		struct rep_json *subject = rep_json_at(subjects, i);
		struct rep_json *primary = rep_json_object();
		const char *entity = rep_json_get_string(subject, "entity");
		const char *id = rep_json_get_string(subject, "id");
		const char *partition = rep_json_get_string(subject, "partition");
		const char *before = rep_org_primary(asking->before, entity, id, partition, time);
		const char *after = rep_org_primary(asking->after, entity, id, partition, time);

		if (!rep_json_set(primary, "before", text_or_null(before)) ||
		    !rep_json_set(primary, "after", text_or_null(after)) ||
		    !rep_json_set(subject, "primary", rep_json_ref(primary)))
			asking->planning->failed = true;
		rep_json_free(primary);
	}
}

static bool is_named(const struct rep_json *list, const char *rep)
{
	for (size_t i = 0; i < rep_json_size(list); i++)
		if (strcmp(rep_json_get_string(rep_json_at(list, i), "rep"), rep) == 0)
			return true;
	return false;
}

static struct rep_json *devices(struct asking *asking)
{
	struct rep_json *list = rep_json_array();
	const struct rep_org_device *all;
	size_t len = rep_org_devices(asking->before, &all);

	for (size_t i = 0; i < len; i++) {
		struct rep_json *row;

		if (!all[i].rep || !all[i].state || strcmp(all[i].state, "active") != 0 ||
		    !is_named(asking->losing, all[i].rep))
			continue;
		row = rep_json_object();
		if (!rep_json_set_string(row, "device", all[i].id) ||
		    !rep_json_set_string(row, "rep", all[i].rep) ||
		    !rep_json_append(list, rep_json_ref(row)))
			asking->planning->failed = true;
		rep_json_free(row);
	}
	return list;
}

static void tell(struct asking *asking)
{
	struct rep_json *told = asking->planning->plan->told;

	put_primaries(asking);
	if (!rep_json_set(told, "losing", rep_json_ref(asking->losing)) ||
	    !rep_json_set(told, "gaining", rep_json_ref(asking->gaining)) ||
	    !rep_json_set(told, "devices", devices(asking)))
		asking->planning->failed = true;
}

enum rep_code rep_reassign_concerned(struct rep_planning *planning, struct rep_error *err)
{
	const struct rep_entity *rep = rep_schema_builtin(planning->schema, REP_BUILTIN_REP);
	struct asking asking = {
		.planning = planning, .losing = rep_json_array(), .gaining = rep_json_array()};
	enum rep_code rc = make(&asking, false, &asking.before, err);

	if (rc == REP_OK)
		rc = make(&asking, true, &asking.after, err);
	if (rc == REP_OK && rep)
		rc = rep_row_each(planning->db, rep, NULL, ask, &asking, err);
	if (rc == REP_OK)
		tell(&asking);
	rep_org_free(asking.before);
	rep_org_free(asking.after);
	rep_json_free(asking.losing);
	rep_json_free(asking.gaining);
	return rc == REP_OK && planning->failed ? rep_reassign_no_memory(err) : rc;
}
