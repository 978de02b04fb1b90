/* A plan as pending edits of a laptop. */
#include <string.h>

#include "core/base/limits.h"
#include "core/store/capture.h"
#include "core/store/edit_work.h"
#include "core/store/reassign_work.h"
#include "core/store/tables.h"

struct writing {
	struct rep_editing edit; /* the transaction; and each assignment in turn */
	const struct rep_reassign_plan *plan;
	int64_t now_ms;
};

static enum rep_code end(struct rep_editing *edit, const struct rep_json *one,
			 struct rep_error *err)
{
	struct rep_editing ending = {.replica = edit->replica,
				     .entity = edit->entity,
				     .id = rep_json_get_string(one, "id"),
				     .values = rep_json_object()};
	enum rep_code rc = REP_OK;

	if (!rep_json_set(ending.values, "valid_to", rep_json_ref(rep_json_get(one, "valid_to"))))
		rc = rep_reassign_no_memory(err);
	if (rc == REP_OK)
		rc = rep_edit_update(&ending, err);
	rep_edit_clear(&ending);
	return rc;
}

/* The rest of the entity's fields is as for any new record. */
static enum rep_code put_presets(struct rep_editing *beginning, struct rep_error *err)
{
	for (size_t i = 0; i < beginning->entity->fields_len; i++) {
		const struct rep_field *field = &beginning->entity->fields[i];
		const char *text = rep_json_string_value(field->preset);

		if (field->preset && !(text && text[0] == '@') &&
		    !rep_json_get(beginning->values, field->name) &&
		    !rep_json_set(beginning->values, field->name, rep_json_ref(field->preset)))
			return rep_reassign_no_memory(err);
	}
	return REP_OK;
}

static enum rep_code begin(struct rep_editing *edit, const struct rep_json *one,
			   struct rep_error *err)
{
	struct rep_editing beginning = {.replica = edit->replica,
					.entity = edit->entity,
					.id = rep_json_get_string(one, "id"),
					.values = rep_json_dup(rep_json_get(one, "values"))};
	enum rep_code rc =
		beginning.values ? put_presets(&beginning, err) : rep_reassign_no_memory(err);

	if (rc == REP_OK)
		rc = rep_edit_check(&beginning, err);
	if (rc == REP_OK)
		rc = rep_edit_insert(&beginning, err);
	if (rc == REP_OK)
		rc = rep_edit_place(&beginning, rep_json_get_string(one, "partition"), err);
	rep_edit_clear(&beginning);
	return rc;
}

static enum rep_code write_body(struct rep_editing *edit, struct rep_error *err)
{
	const struct writing *writing = (const struct writing *)(const void *)edit;
	const struct rep_reassign_plan *plan = writing->plan;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(plan->ends); i++)
		rc = end(edit, rep_json_at(plan->ends, i), err);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(plan->begins); i++)
		rc = begin(edit, rep_json_at(plan->begins, i), err);
	return rc;
}

/* May the rep make what begins and end what ends? The hub would refuse it: better to know now. */
static enum rep_code check_right(const struct rep_replica *replica,
				 const struct rep_reassign_plan *plan,
				 const struct rep_entity *assignment, int64_t now_ms,
				 struct rep_error *err)
{
	const struct rep_json *subjects = rep_json_get(plan->told, "subjects");
	char time[REP_TIME_LEN + 1];

	rep_time_format(time, now_ms);
	for (size_t i = 0; i < rep_json_size(subjects); i++) {
		const struct rep_json *subject = rep_json_at(subjects, i);
		const struct rep_right right = {
			.rep = replica->rep,
			.device = replica->device,
			.time = time,
			.entity = assignment->name,
			.partition = rep_json_get_string(subject, "partition"),
		};

		if (!replica->org || !rep_org_may(replica->org, &right, &assignment->insert) ||
		    !rep_org_may(replica->org, &right, &assignment->write))
			return rep_fail(err, REP_EREFUSED, "%s may not give %s away", replica->rep,
					rep_json_get_string(subject, "id"));
	}
	return REP_OK;
}

enum rep_code rep_reassign(struct rep_replica *replica, const struct rep_reassign *reassign,
			   bool preview, int64_t now_ms, struct rep_json **told,
			   struct rep_error *err)
{
	struct rep_reassign_plan plan;
	struct writing writing = {.edit = {.replica = replica, .reason = reassign->reason},
				  .plan = &plan,
				  .now_ms = now_ms};
	enum rep_code rc =
		rep_reassign_plan(&plan, replica->db, replica->schema, reassign, now_ms, err);

	*told = NULL;
	writing.edit.entity = rep_schema_builtin(replica->schema, REP_BUILTIN_ASSIGNMENT);
	if (rc == REP_OK)
		rc = check_right(replica, &plan, writing.edit.entity, now_ms, err);
	if (rc == REP_OK && !preview)
		rc = rep_edit_run(&writing.edit, write_body, err);
	if (rc == REP_OK)
		*told = rep_json_ref(plan.told);
	rep_reassign_plan_clear(&plan);
	return rep_wrap(err, rc, "reassign");
}
