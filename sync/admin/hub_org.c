/*
 * People, their roles, posts, and who and what belongs to a post. All of it is dated from the moment of the command on.
 */
#include <stdlib.h>
#include <string.h>

#include "core/model/id.h"
#include "sync/hub/hub_line.h"

struct edit {
	struct rep_hub *hub;
	struct rep_hub_batch *batch;
	int64_t now_ms;
	char time[REP_TIME_LEN + 1];
	const struct rep_entity *rep, *territory, *assignment;
};

static enum rep_code edit_begin(struct edit *edit, struct rep_hub *hub, const char *reason,
				int64_t now_ms, struct rep_error *err)
{
	enum rep_code rc;

	*edit = (struct edit){.hub = hub, .now_ms = now_ms};
	rep_time_format(edit->time, now_ms);
	rc = rep_hub_builtin(hub, REP_BUILTIN_REP, &edit->rep, err);
	if (rc == REP_OK)
		rc = rep_hub_builtin(hub, REP_BUILTIN_TERRITORY, &edit->territory, err);
	if (rc == REP_OK)
		rc = rep_hub_builtin(hub, REP_BUILTIN_ASSIGNMENT, &edit->assignment, err);
	if (rc == REP_OK)
		rc = rep_hub_batch_new(&edit->batch, hub, reason, now_ms, err);
	return rc;
}

/* Merges what was added, or drops it after a failure. */
static enum rep_code edit_end(struct edit *edit, enum rep_code rc, struct rep_error *err)
{
	if (rc == REP_OK)
		return rep_hub_apply(edit->hub, edit->batch, edit->now_ms, err);
	rep_hub_batch_free(edit->batch);
	return rc;
}

/* ---- assignments ---- */

static enum rep_code assign(struct edit *edit, const char *subject_entity, const char *subject,
			    const char *territory, bool assist, struct rep_error *err)
{
	struct rep_json *line = rep_line_new();
	char id[REP_ID_LEN_MAX + 1];

	rep_line_put_text(line, "subject_entity", subject_entity);
	rep_line_put_text(line, "subject", subject);
	rep_line_put_text(line, "territory", territory);
	rep_line_put_text(line, "kind", assist ? "assist" : "primary");
	rep_line_put_text(line, "valid_from", edit->time);
	rep_line_presets(line, edit->assignment);
	rep_line_id(id, edit->now_ms);
	return rep_hub_batch_add(edit->batch, REP_OP_INSERT, edit->assignment->name, id, line, err);
}

static enum rep_code end_record(struct edit *edit, const struct rep_record *record,
				struct rep_error *err)
{
	struct rep_json *line = rep_line_new();

	rep_line_change(line, record, "valid_to", rep_json_string(edit->time));
	return rep_hub_batch_add(edit->batch, REP_OP_UPDATE, record->entity->name, record->id, line,
				 err);
}

static const char *text_of(const struct rep_record *record, const char *field)
{
	const char *text = rep_json_string_value(rep_record_value(record, field));

	return text ? text : "";
}

static bool is_current(const struct rep_record *record, const char *time)
{
	const char *to = text_of(record, "valid_to");

	return !record->deleted && (!*to || strcmp(to, time) > 0);
}

static bool is_among(const char *const *names, size_t len, const char *name)
{
	for (size_t i = 0; i < len; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Assignments in force between one thing and the names of the other kind: which stand already, which end. */
struct standing {
	struct edit *edit;
	const char *rep;       /* of a rep to territories ... */
	const char *territory; /* ... or of accounts to a territory */
	bool assist;
	const char *const *names;
	size_t len;
	bool end_others, end_named;
	bool *found; /* by index in names */
};

static bool is_of_rep(const struct standing *standing, const struct rep_record *record)
{
	return strcmp(text_of(record, "subject_entity"), standing->edit->rep->name) == 0;
}

/* The name at the other end of an assignment that this is about; NULL for all others. */
static const char *other_end(const struct standing *standing, const struct rep_record *record)
{
	if (!is_current(record, standing->edit->time))
		return NULL;
	if (standing->rep)
		return is_of_rep(standing, record) &&
				       strcmp(text_of(record, "subject"), standing->rep) == 0 &&
				       (strcmp(text_of(record, "kind"), "assist") == 0) ==
					       standing->assist
			       ? text_of(record, "territory")
			       : NULL;
	return !is_of_rep(standing, record) &&
			       strcmp(text_of(record, "territory"), standing->territory) == 0
		       ? text_of(record, "subject")
		       : NULL;
}

static enum rep_code look(void *user, struct rep_record *record, struct rep_error *err)
{
	struct standing *standing = user;
	const char *name = other_end(standing, record);
	bool named;

	if (!name)
		return REP_OK;
	named = is_among(standing->names, standing->len, name);
	for (size_t i = 0; i < standing->len; i++)
		if (strcmp(standing->names[i], name) == 0)
			standing->found[i] = true;
	return (named ? standing->end_named : standing->end_others)
		       ? end_record(standing->edit, record, err)
		       : REP_OK;
}

static enum rep_code look_at_standing(struct standing *standing, struct rep_error *err)
{
	standing->found = calloc(standing->len + 1, sizeof *standing->found);
	if (!standing->found)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return rep_row_each(standing->edit->hub->db, standing->edit->assignment, NULL, look,
			    standing, err);
}

/* ---- people ---- */

static enum rep_code check_territories(struct edit *edit, const struct rep_hub_rep *rep,
				       struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep->territories_len; i++) {
		struct rep_buf partition = REP_BUF_INIT(256);

		rc = rep_row_partition(edit->hub->db, edit->territory, rep->territories[i],
				       &partition, err);
		if (rc == REP_OK && !partition.len) {
			rc = rep_fail(err, REP_ENOTFOUND, "there is no territory %s",
				      rep->territories[i]);
			rep_hint(err, "`hub territory set %s` makes it", rep->territories[i]);
		}
		rep_buf_clear(&partition);
	}
	return rc;
}

static enum rep_code hold_territories(struct edit *edit, const struct rep_hub_rep *rep,
				      bool end_others, struct rep_error *err)
{
	struct standing standing = {.edit = edit,
				    .rep = rep->rep,
				    .assist = rep->assist,
				    .names = rep->territories,
				    .len = rep->territories_len,
				    .end_others = end_others};
	enum rep_code rc = check_territories(edit, rep, err);

	if (rc == REP_OK && rep->territories_len)
		rc = look_at_standing(&standing, err);
	for (size_t i = 0; rc == REP_OK && i < rep->territories_len; i++)
		if (!standing.found[i] && !is_among(rep->territories, i, rep->territories[i]))
			rc = assign(edit, edit->rep->name, rep->rep, rep->territories[i],
				    rep->assist, err);
	free(standing.found);
	return rc;
}

static enum rep_code give_role(struct edit *edit, const char *rep, const char *role,
			       struct rep_error *err)
{
	struct rep_json *line = rep_line_new();
	char id[REP_ID_LEN_MAX + 1];

	if (!rep_schema_role(edit->hub->schema, role)) {
		rep_json_free(line);
		return rep_fail(err, REP_ENOTFOUND, "schema %s has no role \"%s\"",
				edit->hub->schema->id, role);
	}
	rep_line_put_text(line, "rep", rep);
	rep_line_put_text(line, "role", role);
	rep_line_put_text(line, "valid_from", edit->time);
	rep_line_id(id, edit->now_ms);
	return rep_hub_batch_add(edit->batch, REP_OP_INSERT, "role", id, line, err);
}

static enum rep_code add_rep(struct edit *edit, const struct rep_hub_rep *rep,
			     struct rep_error *err)
{
	struct rep_json *line;
	enum rep_code rc = check_territories(edit, rep, err);

	if (rc != REP_OK)
		return rc;
	line = rep_line_new();
	rep_line_put_text(line, "name", rep->name);
	rep_line_presets(line, edit->rep);
	rc = rep_hub_batch_add(edit->batch, REP_OP_INSERT, edit->rep->name, rep->rep, line, err);
	if (rc == REP_OK)
		rc = give_role(edit, rep->rep, rep->role ? rep->role : "rep", err);
	return rc == REP_OK ? hold_territories(edit, rep, false, err) : rc;
}

enum rep_code rep_hub_rep_add(struct rep_hub *hub, const struct rep_hub_rep *rep, int64_t now_ms,
			      struct rep_error *err)
{
	struct edit edit;
	enum rep_code rc;

	if (!rep_id_valid(rep->rep) || strcmp(rep->rep, REP_HUB_REP) == 0)
		return rep_fail(err, REP_EUSAGE, "add rep: \"%s\" cannot be the id of a rep",
				rep->rep);
	if (!rep->name || !*rep->name)
		return rep_fail(err, REP_EUSAGE, "add rep: a name is needed");
	if (rep_org_has_rep(hub->org, rep->rep))
		return rep_fail(err, REP_EEXIST, "add rep: %s is there already", rep->rep);
	rc = edit_begin(&edit, hub, "rep add", now_ms, err);
	if (rc == REP_OK)
		rc = add_rep(&edit, rep, err);
	return rep_wrap(err, edit_end(&edit, rc, err), "add rep %s", rep->rep);
}

static enum rep_code end_role(void *user, struct rep_record *record, struct rep_error *err)
{
	struct standing *standing = user;

	if (strcmp(text_of(record, "rep"), standing->rep) != 0 ||
	    !is_current(record, standing->edit->time))
		return REP_OK;
	return end_record(standing->edit, record, err);
}

static enum rep_code change_role(struct edit *edit, const char *rep, const char *role,
				 struct rep_error *err)
{
	const struct rep_role *now = rep_org_role(edit->hub->org, rep, edit->time);
	struct standing standing = {.edit = edit, .rep = rep};
	enum rep_code rc;

	if (now && strcmp(now->name, role) == 0)
		return REP_OK;
	rc = give_role(edit, rep, role, err);
	if (rc == REP_OK)
		rc = rep_row_each(edit->hub->db, rep_schema_entity(edit->hub->schema, "role"), NULL,
				  end_role, &standing, err);
	return rc;
}

static enum rep_code change_text(struct edit *edit, const struct rep_entity *entity, const char *id,
				 const char *const fields[][2], size_t len, struct rep_error *err)
{
	struct rep_record *record = NULL;
	struct rep_json *line = rep_line_new();
	enum rep_code rc = rep_row_get(edit->hub->db, entity, id, &record, err);

	for (size_t i = 0; record && i < len; i++)
		if (fields[i][1] && strcmp(text_of(record, fields[i][0]), fields[i][1]) != 0)
			rep_line_change(line, record, fields[i][0], rep_json_string(fields[i][1]));
	if (rc == REP_OK && rep_json_size(rep_json_get(line, "values"))) {
		rc = rep_hub_batch_add(edit->batch, REP_OP_UPDATE, entity->name, id, line, err);
		line = NULL;
	}
	rep_json_free(line);
	rep_record_free(record);
	return rc;
}

enum rep_code rep_hub_rep_set(struct rep_hub *hub, const struct rep_hub_rep *rep, int64_t now_ms,
			      struct rep_error *err)
{
	const char *const fields[][2] = {{"name", rep->name}};
	struct edit edit;
	enum rep_code rc;

	if (!rep_org_has_rep(hub->org, rep->rep))
		return rep_fail(err, REP_ENOTFOUND, "set rep: there is no rep %s", rep->rep);
	rc = edit_begin(&edit, hub, "rep set", now_ms, err);
	if (rc == REP_OK)
		rc = change_text(&edit, edit.rep, rep->rep, fields, 1, err);
	if (rc == REP_OK && rep->role)
		rc = change_role(&edit, rep->rep, rep->role, err);
	if (rc == REP_OK)
		rc = hold_territories(&edit, rep, true, err);
	return rep_wrap(err, edit_end(&edit, rc, err), "set rep %s", rep->rep);
}

/* ---- posts ---- */

static enum rep_code put_territory(struct edit *edit, const char *territory, const char *name,
				   const char *parent, struct rep_error *err)
{
	const char *const fields[][2] = {{"name", name}, {"parent", parent}};
	struct rep_buf partition = REP_BUF_INIT(256);
	struct rep_json *line;
	enum rep_code rc =
		rep_row_partition(edit->hub->db, edit->territory, territory, &partition, err);
	bool there = partition.len > 0;

	rep_buf_clear(&partition);
	if (rc == REP_OK && parent && *parent) {
		rc = rep_row_partition(edit->hub->db, edit->territory, parent, &partition, err);
		if (rc == REP_OK && !partition.len)
			rc = rep_fail(err, REP_ENOTFOUND, "there is no territory %s", parent);
		rep_buf_clear(&partition);
	}
	if (rc != REP_OK || there)
		return rc != REP_OK ? rc
				    : change_text(edit, edit->territory, territory, fields, 2, err);
	line = rep_line_new();
	rep_line_put_text(line, "name", name ? name : territory);
	if (parent && *parent)
		rep_line_put_text(line, "parent", parent);
	rep_line_presets(line, edit->territory);
	return rep_hub_batch_add(edit->batch, REP_OP_INSERT, edit->territory->name, territory, line,
				 err);
}

/* The entity of an account: of the record with this id, or, where there is none yet, the first that is an account. */
static enum rep_code account_entity(struct edit *edit, const char *id, const char **out,
				    struct rep_error *err)
{
	const struct rep_schema *schema = edit->hub->schema;
	enum rep_code rc = REP_OK;

	*out = NULL;
	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];
		struct rep_buf partition = REP_BUF_INIT(256);

		if (!rep_entity_is_account(entity))
			continue;
		rc = rep_row_partition(edit->hub->db, entity, id, &partition, err);
		if (rc == REP_OK && (partition.len || !*out))
			*out = entity->name;
		if (partition.len)
			i = schema->entities_len - 1;
		rep_buf_clear(&partition);
	}
	if (rc == REP_OK && !*out)
		rc = rep_fail(err, REP_EINVAL, "schema %s has no accounts", schema->id);
	return rc;
}

static enum rep_code cover(struct edit *edit, enum rep_territory_act act, const char *territory,
			   const char *const *partitions, size_t len, struct rep_error *err)
{
	struct standing standing = {.edit = edit,
				    .territory = territory,
				    .names = partitions,
				    .len = len,
				    .end_others = act == REP_TERRITORY_SET && len > 0,
				    .end_named = act == REP_TERRITORY_REMOVE};
	enum rep_code rc = look_at_standing(&standing, err);

	for (size_t i = 0; rc == REP_OK && act != REP_TERRITORY_REMOVE && i < len; i++) {
		const char *entity;

		if (standing.found[i] || is_among(partitions, i, partitions[i]))
			continue;
		if (!rep_id_valid(partitions[i]))
			rc = rep_fail(err, REP_EUSAGE, "\"%s\" is no id", partitions[i]);
		if (rc == REP_OK)
			rc = account_entity(edit, partitions[i], &entity, err);
		if (rc == REP_OK)
			rc = assign(edit, entity, partitions[i], territory, false, err);
	}
	free(standing.found);
	return rc;
}

enum rep_code rep_hub_territory(struct rep_hub *hub, enum rep_territory_act act,
				const char *territory, const char *name, const char *parent,
				const char *const *partitions, size_t len, int64_t now_ms,
				struct rep_error *err)
{
	struct edit edit;
	enum rep_code rc;

	if (!rep_id_valid(territory))
		return rep_fail(err, REP_EUSAGE, "territory: \"%s\" is no id", territory);
	rc = edit_begin(&edit, hub, "territory", now_ms, err);
	if (rc == REP_OK)
		rc = put_territory(&edit, territory, name, parent, err);
	if (rc == REP_OK)
		rc = cover(&edit, act, territory, partitions, len, err);
	return rep_wrap(err, edit_end(&edit, rc, err), "territory %s", territory);
}
