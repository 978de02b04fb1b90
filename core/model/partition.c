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

/* An account bears its id as the name of its partition: it must not pass for one of another kind. */
static enum rep_code put_account(struct rep_buf *out, const struct finding *find, const char *id,
				 struct rep_error *err)
{
	static const char *const kinds[] = {"company", "desk", REP_PARTITION_ORG};
	bool taken = strncmp(id, "team-", 5) == 0 || strncmp(id, "staff-", 6) == 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		taken = taken || strcmp(id, kinds[i]) == 0;
	if (taken)
		return rep_fail(err, REP_EINVAL, "%s %s: \"%s\" is no id of an account",
				find->entity->name, find->id, id);
	rep_buf_puts(out, id);
	return REP_OK;
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
		return put_account(out, find, find->id, err);
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
	if (!partition) /* territories may cover accounts that do not exist yet */
		return put_account(out, find, subject, err);
	rep_buf_puts(out, partition);
	return REP_OK;
}

/* An item of two records lies where both do, and where they lie apart on the desk: it would show one account's to another's holders. */
static enum rep_code of_pair(struct rep_buf *out, const struct finding *find, struct rep_error *err)
{
	const char *name = rep_json_get_string(find->fields, "entity");
	const char *a = rep_json_get_string(find->fields, "a");
	const char *b = rep_json_get_string(find->fields, "b");
	const struct rep_fold_context *context = find->context;
	size_t before = out->len;
	const char *other;

	if (!name || !a || !b || !context->partition_of)
		return rep_fail(err, REP_EINVAL, "%s %s is about no pair", find->entity->name,
				find->id);
	other = context->partition_of(context->user, name, a);
	rep_buf_puts(out, other ? other : "desk");
	other = context->partition_of(context->user, name, b); /* borrowed until the next call */
	if (other && strcmp(rep_buf_str(out) + before, other) == 0)
		return REP_OK;
	out->len = before;
	rep_buf_puts(out, "desk");
	return REP_OK;
}

static enum rep_code put_partition(struct rep_buf *out, const struct finding *find,
				   struct rep_error *err)
{
	if (find->entity->builtin == REP_BUILTIN_DEVICE ||
	    find->entity->builtin == REP_BUILTIN_ROLE ||
	    find->entity->builtin == REP_BUILTIN_RELEASE) {
		rep_buf_puts(out, REP_PARTITION_ORG);
		return REP_OK;
	}
	if (find->entity->builtin == REP_BUILTIN_ASSIGNMENT)
		return of_subject(out, find, err);
	if (find->entity->builtin == REP_BUILTIN_REVIEW)
		return of_pair(out, find, err);
	switch (find->entity->partition) {
	case REP_PARTITION_OF:
		return try_steps(out, find, err);
	case REP_PARTITION_COMPANY:
		rep_buf_puts(out, "company");
		return REP_OK;
	case REP_PARTITION_DESK:
		rep_buf_puts(out, "desk");
		return REP_OK;
	case REP_PARTITION_SELF:
		return put_account(out, find, find->id, err);
	}
	return REP_OK;
}

/*
 * A partition is a folder of central and the measure of who sees what. Values that admission refuses have not
 * been taken out of the change when it is asked for its partition, so what they say is not trusted.
 */
enum rep_code rep_partition_find(struct rep_buf *out, const struct rep_entity *entity,
				 const char *id, const struct rep_json *fields, const char *author,
				 const char *time, const struct rep_fold_context *context,
				 struct rep_error *err)
{
	struct finding find = {entity, id, fields, author, time, context};
	size_t before = out->len;
	enum rep_code rc = put_partition(out, &find, err);

	if (rc == REP_OK && !out->failed && !rep_partition_valid(rep_buf_str(out) + before))
		rc = rep_fail(err, REP_EINVAL, "%s %s: its partition would not be one",
			      entity->name, id);
	return rc;
}
