/* Which partition the schema gives a record. */
#include <stdlib.h>
#include <string.h>

#include "core/model/fold.h"

struct finding {
	const struct rep_entity *entity;
	const char *id;
	const struct rep_json *fields;
	const char *author;
	const char *time;
	const struct rep_fold_context *context;
};

/* The partition of the record that a reference names; of a set of references the smallest id's. */
static const char *of_reference(const struct finding *find, const struct rep_field *field)
{
	const struct rep_json *value = rep_json_get(find->fields, field->name);
	const char *best = rep_json_string_value(value);

	for (size_t i = 0; rep_json_is(value, REP_JSON_ARRAY) && i < rep_json_size(value); i++) {
		const char *id = rep_json_string_value(rep_json_at(value, i));
		if (id && (!best || strcmp(id, best) < 0))
			best = id;
	}
	if (!best || !find->context->partition_of)
		return NULL;
	return find->context->partition_of(find->context->user, field->to, best);
}

/* The author's own team: the first of the territories held then. */
static enum rep_code of_team(struct rep_buf *out, const struct finding *find, struct rep_error *err)
{
	char **territories;
	size_t len;
	enum rep_code rc = rep_org_territories(find->context->org, find->author, find->time,
					       &territories, &len, err);

	if (!rc && len > 0)
		rep_buf_printf(out, "team-%s", territories[0]);
	for (size_t i = 0; !rc && i < len; i++)
		free(territories[i]);
	if (!rc)
		free(territories);
	return rc;
}

static enum rep_code try_step(struct rep_buf *out, const struct finding *find,
			      const struct rep_step *step, struct rep_error *err)
{
	const char *value =
		step->field ? rep_json_get_string(find->fields, step->field->name) : find->author;
	const char *partition;

	switch (step->kind) {
	case REP_STEP_REFERENCE:
		partition = of_reference(find, step->field);
		if (partition)
			rep_buf_puts(out, partition);
		return REP_OK;
	case REP_STEP_ID:
		rep_buf_puts(out, find->id);
		return REP_OK;
	case REP_STEP_TEAM_FIELD:
		if (value)
			rep_buf_printf(out, "team-%s", value);
		return REP_OK;
	case REP_STEP_STAFF_FIELD:
		if (value)
			rep_buf_printf(out, "staff-%s", value);
		return REP_OK;
	case REP_STEP_TEAM:
		return of_team(out, find, err);
	case REP_STEP_DESK:
		rep_buf_puts(out, "desk");
		return REP_OK;
	}
	return REP_OK;
}

static enum rep_code try_steps(struct rep_buf *out, const struct finding *find,
			       struct rep_error *err)
{
	size_t before = out->len;

	for (size_t i = 0; i < find->entity->steps_len; i++) {
		enum rep_code rc = try_step(out, find, &find->entity->steps[i], err);
		if (rc || out->len > before)
			return rc;
		if (out->failed)
			return rep_fail(err, out->failed, "partition of %s", find->id);
	}
	return rep_fail(err, REP_EINVAL, "%s %s belongs to no partition", find->entity->name,
			find->id);
}

/* An assignment lives with its subject: in the account's partition, a rep's in `company`. */
static enum rep_code of_subject(struct rep_buf *out, const struct finding *find,
				struct rep_error *err)
{
	const char *name = rep_json_get_string(find->fields, "subject_entity");
	const char *subject = rep_json_get_string(find->fields, "subject");
	const struct rep_entity *entity =
		name ? rep_schema_entity(find->context->schema, name) : NULL;
	const char *partition = NULL;

	if (!name || !subject)
		return rep_fail(err, REP_EINVAL, "assignment %s has no subject", find->id);
	if (entity ? entity->builtin == REP_BUILTIN_REP : strcmp(name, "rep") == 0) {
		rep_buf_puts(out, "company");
		return REP_OK;
	}
	if (find->context->partition_of)
		partition = find->context->partition_of(find->context->user, name, subject);
	/* Territories may cover accounts that do not exist yet. */
	rep_buf_puts(out, partition ? partition : subject);
	return REP_OK;
}

enum rep_code rep_partition_find(struct rep_buf *out, const struct rep_entity *entity,
				 const char *id, const struct rep_json *fields, const char *author,
				 const char *time, const struct rep_fold_context *context,
				 struct rep_error *err)
{
	struct finding find = {entity, id, fields, author, time, context};

	if (entity->builtin == REP_BUILTIN_DEVICE || entity->builtin == REP_BUILTIN_ROLE) {
		rep_buf_puts(out, REP_PARTITION_ORG);
		return REP_OK;
	}
	if (entity->builtin == REP_BUILTIN_ASSIGNMENT)
		return of_subject(out, &find, err);
	switch (entity->partition) {
	case REP_PARTITION_OF:
		return try_steps(out, &find, err);
	case REP_PARTITION_COMPANY:
		rep_buf_puts(out, "company");
		return REP_OK;
	case REP_PARTITION_DESK:
		rep_buf_puts(out, "desk");
		return REP_OK;
	case REP_PARTITION_SELF:
		rep_buf_puts(out, id);
		return REP_OK;
	}
	return REP_OK;
}
