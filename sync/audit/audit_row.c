#include "sync/audit/audit_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/aliases.h"
#include "core/store/tables.h"
#include "sync/hub/hub_state.h"

#define KNOWN_MAX 4096u /* partitions kept at a time: a question may pass every record there is */
#define KEY_SIZE (REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2)

static enum rep_code nomem(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "build audit rows");
}

enum rep_code rep_audit_rows_init(struct rep_audit_rows *rows, struct rep_hub *hub,
				  struct rep_error *err)
{
	*rows = (struct rep_audit_rows){
		.hub = hub,
		.db = rep_hub_db(hub),
		.schema = rep_hub_schema(hub),
		.org = rep_hub_org(hub),
		.names = rep_json_object(),
		.partitions = rep_json_object(),
	};
	return rows->names && rows->partitions ? REP_OK : nomem(err);
}

void rep_audit_rows_clear(struct rep_audit_rows *rows)
{
	rep_json_free(rows->names);
	rep_json_free(rows->partitions);
	*rows = (struct rep_audit_rows){0};
}

/* ---- what is looked up ---- */

static enum rep_code find_name(struct rep_audit_rows *rows, const char *rep,
			       const struct rep_json **out, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_builtin(rows->schema, REP_BUILTIN_REP);
	struct rep_record *record = NULL;
	struct rep_json *name = NULL;
	enum rep_code rc = REP_OK;

	*out = rep_json_get(rows->names, rep);
	if (*out)
		return REP_OK;
	if (entity)
		rc = rep_row_get(rows->db, entity, rep, &record, err);
	if (rc == REP_OK && record)
		name = rep_json_ref(rep_record_value(record, "name"));
	rep_record_free(record);
	if (rc != REP_OK)
		return rc;
	if (!rep_json_set(rows->names, rep, name ? name : rep_json_null()))
		return nomem(err);
	*out = rep_json_get(rows->names, rep);
	return REP_OK;
}

static enum rep_code find_partition(struct rep_audit_rows *rows, const char *entity_name,
				    const char *id, const struct rep_json **out,
				    struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(rows->schema, entity_name);
	struct rep_buf partition = REP_BUF_INIT(1024);
	char key[KEY_SIZE];
	enum rep_code rc = REP_OK;

	snprintf(key, sizeof key, "%s/%s", entity_name, id);
	*out = rep_json_get(rows->partitions, key);
	if (*out)
		return REP_OK;
	if (rep_json_size(rows->partitions) >= KNOWN_MAX) {
		rep_json_free(rows->partitions);
		rows->partitions = rep_json_object();
	}
	if (entity)
		rc = rep_row_partition(rows->db, entity, id, &partition, err);
	if (rc == REP_OK &&
	    !rep_json_set(rows->partitions, key,
			  partition.len ? rep_json_string(partition.data) : rep_json_null()))
		rc = nomem(err);
	rep_buf_clear(&partition);
	*out = rep_json_get(rows->partitions, key);
	return rc;
}

/* ---- the part that all rows of a change share ---- */

static struct rep_json *text_or_null(const char *text)
{
	return text && *text ? rep_json_string(text) : rep_json_null();
}

static struct rep_json *flags_of(const struct rep_indexed *change)
{
	const struct rep_json *flags = rep_json_get(change->outcome, "flags");
	struct rep_json *out = flags ? rep_json_dup(flags) : rep_json_array();

	if (!change->owned_line && !rep_json_append(out, rep_json_string("erased"))) {
		rep_json_free(out);
		return NULL;
	}
	return out;
}

static bool put_who(struct rep_json *row, const struct rep_audit_rows *rows,
		    const struct rep_indexed *change, const struct rep_json *name)
{
	char time[REP_TIME_LEN + 1] = {0}, edited[REP_TIME_LEN + 1] = {0};
	const struct rep_role *role;

	memcpy(time, change->eff.text, REP_TIME_LEN);
	memcpy(edited, change->stamp.text, REP_TIME_LEN);
	role = rep_org_role(rows->org, change->rep, time);
	return rep_json_set_string(row, "device_time", edited) &&
	       rep_json_set(row, "hub_time", text_or_null(change->hub_time)) &&
	       rep_json_set_integer(row, "clock_offset_ms", change->clock_offset_ms) &&
	       rep_json_set_string(row, "rep", change->rep) &&
	       rep_json_set(row, "rep_name", rep_json_ref(name)) &&
	       rep_json_set(row, "role", text_or_null(role ? role->name : NULL)) &&
	       rep_json_set_string(row, "device", change->device) &&
	       rep_json_set(row, "reason",
			    text_or_null(rep_json_get_string(change->owned_line, "reason")));
}

static bool put_where(struct rep_json *row, const struct rep_indexed *change)
{
	char changeset[REP_DEVICE_LEN + 24];

	snprintf(changeset, sizeof changeset, "%s/%lld", change->device,
		 (long long)change->edit.seq);
	return rep_json_set(row, "flags", flags_of(change)) &&
	       rep_json_set_string(row, "changeset", changeset) &&
	       rep_json_set_integer(row, "index", change->edit.index) &&
	       rep_json_set(row, "segment", text_or_null(change->segment)) &&
	       rep_json_set(row, "commit", text_or_null(change->commit));
}

/* What the rival wanted: its `new`, or its whole entry for sets, lists and maps. */
static bool put_rival(struct rep_json *row, const char *rep, const struct rep_json *line,
		      const char *field)
{
	const struct rep_json *entry = rep_json_get(rep_json_get(line, "values"), field);
	const struct rep_json *value = rep_json_get(entry, "new");

	if (!value)
		value = entry;
	return rep_json_set(row, "rival_rep", text_or_null(rep)) &&
	       rep_json_set(row, "rival_value", value ? rep_json_ref(value) : rep_json_null());
}

enum rep_code rep_audit_row_new(struct rep_audit_rows *rows, const struct rep_indexed *change,
				struct rep_json **out, struct rep_error *err)
{
	const struct rep_json *name, *partition;
	const char *outcome = rep_json_get_string(change->outcome, "outcome");
	struct rep_json *row = rep_json_object();
	enum rep_code rc;

	*out = NULL;
	rc = find_name(rows, change->rep, &name, err);
	if (rc == REP_OK)
		rc = find_partition(rows, change->entity, change->id, &partition, err);
	if (rc != REP_OK)
		goto out;
	if (!rep_json_set_string(row, "entity", change->entity) ||
	    !rep_json_set_string(row, "id", change->id) ||
	    !rep_json_set(row, "partition", rep_json_ref(partition)) ||
	    !rep_json_set(row, "field", rep_json_null()) ||
	    !rep_json_set(row, "old", rep_json_null()) ||
	    !rep_json_set(row, "new", rep_json_null()) ||
	    !rep_json_set_string(row, "op", rep_op_name(change->edit.op)) ||
	    !put_who(row, rows, change, name) ||
	    !rep_json_set_string(row, "outcome",
				 outcome ? outcome : rep_outcome_name(REP_APPLIED)) ||
	    !rep_json_set(row, "rule", rep_json_null()) ||
	    !rep_json_set(row, "rival", rep_json_null()) || !put_rival(row, NULL, NULL, "") ||
	    !put_where(row, change)) {
		rc = nomem(err);
		goto out;
	}
	*out = row;
	row = NULL;
out:
	rep_json_free(row);
	return rc;
}

/* The rival may have been written when the field had another name; a name that is given up is never used again. */
static enum rep_code find_named(struct rep_audit_rows *rows, const struct rep_indexed *change,
				struct rep_stmt *found, const char *field, struct rep_json **line,
				struct rep_error *err)
{
	const int made = (int)rep_column_int(found, 2), newest = rows->schema->version;
	const char *name = rep_column_text(found, 3, NULL);
	struct rep_json *forward = NULL, *unknown = NULL;
	enum rep_op op;
	enum rep_code rc;

	if (!made || rep_json_get(rep_json_get(*line, "values"), field) || !name ||
	    !rep_op_parse(&op, name))
		return REP_OK;
	rc = rep_version_line(rows->hub->versions, change->entity, op, *line, made, newest,
			      &forward, &unknown, err);
	rep_json_free(unknown);
	if (rc == REP_OK && forward) {
		rep_json_free(*line);
		*line = forward;
	}
	return rc;
}

/* The value that was not taken, or that was taken instead, stands beside the row's own: the rival's stamp names its change. */
static enum rep_code find_rival(struct rep_audit_rows *rows, const struct rep_indexed *change,
				const char *field, const char *rival, struct rep_json *row,
				struct rep_error *err)
{
	struct rep_json *line = NULL;
	struct rep_stmt *stmt;
	const char *text;
	bool found = false;
	size_t len = 0;
	enum rep_code rc;

	if (!rival)
		return put_rival(row, NULL, NULL, field) ? REP_OK : nomem(err);
	rc = rep_db_use(
		rows->db, &stmt,
		"SELECT rep, line, version, op FROM _change WHERE entity = ?1 AND id = ?2 AND"
		" eff = ?3",
		err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, change->entity);
	rep_bind_text(stmt, 2, change->id);
	rep_bind_text(stmt, 3, rival);
	rc = rep_step(stmt, &found, err);
	text = found ? rep_column_text(stmt, 1, &len) : NULL;
	if (rc == REP_OK && text)
		rc = rep_json_parse(&line, text, len, 2 * REP_LINE_SIZE_MAX, REP_SCHEMA_DEPTH_MAX,
				    err);
	if (rc == REP_OK && line)
		rc = find_named(rows, change, stmt, field, &line, err);
	if (rc == REP_OK &&
	    !put_rival(row, found ? rep_column_text(stmt, 0, NULL) : NULL, line, field))
		rc = nomem(err);
	rep_json_free(line);
	rep_stmt_reset(stmt);
	return rc;
}

/*
 * A field that the outcome does not name was plainly applied, unless the whole change was turned away. The rule is the one
 * that decided between rivals; where there were none, the first that the field declares.
 */
enum rep_code rep_audit_row_decided(struct rep_audit_rows *rows, struct rep_json *row,
				    const struct rep_indexed *change,
				    const struct rep_entity *entity, const char *field,
				    const char *judged_as, struct rep_error *err)
{
	const struct rep_json *fields = rep_json_get(change->outcome, "fields");
	const struct rep_json *all = rep_json_get(fields, "*");
	const struct rep_json *own = rep_json_get(fields, judged_as);
	const struct rep_field *declared = entity ? rep_entity_field(entity, field) : NULL;
	const char *whole = rep_json_get_string(change->outcome, "outcome");
	const char *outcome, *rule;

	if (!own)
		own = all;
	outcome = rep_json_get_string(own, "outcome");
	if (!outcome)
		outcome = whole && (!fields || strcmp(whole, rep_outcome_name(REP_HELD)) == 0)
				  ? whole
				  : rep_outcome_name(REP_APPLIED);
	rule = rep_json_get_string(own, "rule");
	if (!rule && declared && declared->rules_len)
		rule = rep_rule_name(declared->rules[0]);
	if (!rep_json_set_string(row, "outcome", outcome) ||
	    !rep_json_set(row, "rule", text_or_null(rule)) ||
	    !rep_json_set(row, "rival", text_or_null(rep_json_get_string(own, "rival"))))
		return nomem(err);
	return find_rival(rows, change, field, rep_json_get_string(own, "rival"), row, err);
}

/* ---- one row a field or an element ---- */

/* A change being told. */
struct telling {
	struct rep_audit_rows *rows;
	const struct rep_indexed *change;
	const struct rep_entity *entity;
	struct rep_json *out;
	const char *field; /* as the change names it */
	const char *shown; /* as the version in force does; the same where that has it no more */
	const char *judged_as; /* as the outcome does: the version that judged */
};

/* `old_value`, `new_value`: borrowed; NULL = null. `op` NULL = the change's own. */
static enum rep_code add_row(struct telling *telling, const char *op,
			     const struct rep_json *old_value, const struct rep_json *new_value,
			     struct rep_error *err)
{
	struct rep_json *row;
	enum rep_code rc = rep_audit_row_new(telling->rows, telling->change, &row, err);

	if (rc != REP_OK)
		return rc;
	if (telling->field)
		rc = rep_audit_row_decided(telling->rows, row, telling->change, telling->entity,
					   telling->shown, telling->judged_as, err);
	if (rc != REP_OK)
		goto out;
	if ((op && !rep_json_set_string(row, "op", op)) ||
	    (telling->field && !rep_json_set_string(row, "field", telling->shown)) ||
	    (old_value && !rep_json_set(row, "old", rep_json_ref(old_value))) ||
	    (new_value && !rep_json_set(row, "new", rep_json_ref(new_value))) ||
	    !rep_json_append(telling->out, rep_json_ref(row)))
		rc = nomem(err);
out:
	rep_json_free(row);
	return rc;
}

static enum rep_code add_elements(struct telling *telling, const char *op,
				  const struct rep_json *elements, bool added,
				  struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(elements); i++) {
		const struct rep_json *element = rep_json_at(elements, i);

		rc = add_row(telling, op, added ? NULL : element, added ? element : NULL, err);
	}
	return rc;
}

/* A key of a map, as {key: value} on both sides, so that a row tells which. */
static enum rep_code add_key(struct telling *telling, const char *key,
			     const struct rep_json *old_value, const struct rep_json *new_value,
			     struct rep_error *err)
{
	const bool has_old = !rep_json_is(old_value, REP_JSON_NULL);
	const bool has_new = !rep_json_is(new_value, REP_JSON_NULL);
	struct rep_json *old_pair = has_old ? rep_json_object() : NULL;
	struct rep_json *new_pair = has_new ? rep_json_object() : NULL;
	enum rep_code rc = REP_OK;

	if ((has_old && !rep_json_set(old_pair, key, rep_json_ref(old_value))) ||
	    (has_new && !rep_json_set(new_pair, key, rep_json_ref(new_value))))
		rc = nomem(err);
	if (rc == REP_OK)
		rc = add_row(telling, has_new ? "put" : "remove", old_pair, new_pair, err);
	rep_json_free(old_pair);
	rep_json_free(new_pair);
	return rc;
}

static enum rep_code add_keys(struct telling *telling, const struct rep_json *keys, bool edits,
			      struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (void *it = rep_json_iter(keys); rc == REP_OK && it;
	     it = rep_json_iter_next(keys, it)) {
		const struct rep_json *value = rep_json_iter_value(it);

		rc = edits ? add_key(telling, rep_json_iter_key(it), rep_json_get(value, "old"),
				     rep_json_get(value, "new"), err)
			   : add_key(telling, rep_json_iter_key(it), NULL, value, err);
	}
	return rc;
}

/* Value forms by docs/formats.md: {new, old}, {add, remove}, {entry}, {keys}, {delta} or {set}. */
static enum rep_code add_field(struct telling *telling, const struct rep_json *value,
			       struct rep_error *err)
{
	const struct rep_field *declared =
		telling->entity ? rep_entity_field(telling->entity, telling->shown) : NULL;
	const struct rep_json *new_value = rep_json_get(value, "new");
	enum rep_code rc = REP_OK;

	if (rep_json_get(value, "add") || rep_json_get(value, "remove")) {
		rc = add_elements(telling, "remove", rep_json_get(value, "remove"), false, err);
		if (rc == REP_OK)
			rc = add_elements(telling, "add", rep_json_get(value, "add"), true, err);
		return rc;
	}
	if (rep_json_get(value, "keys"))
		return add_keys(telling, rep_json_get(value, "keys"), true, err);
	if (rep_json_get(value, "entry"))
		return add_row(telling, "add", NULL, rep_json_get(value, "entry"), err);
	if (rep_json_get(value, "delta") || rep_json_get(value, "set"))
		return add_row(telling, NULL, NULL, value, err);
	if (telling->change->edit.op == REP_OP_INSERT && declared && !rep_field_is_scalar(declared))
		return rep_json_is(new_value, REP_JSON_OBJECT)
			       ? add_keys(telling, new_value, false, err)
			       : add_elements(telling, "add", new_value, true, err);
	return add_row(telling, NULL, rep_json_get(value, "old"), new_value, err);
}

/* Delete tells every value it took away, in one row. */
static enum rep_code add_whole(struct telling *telling, struct rep_error *err)
{
	const struct rep_json *line = telling->change->owned_line;
	const struct rep_json *values = rep_json_get(line, "values");
	struct rep_json *old_values = NULL;
	enum rep_code rc = REP_OK;

	if (telling->change->edit.op == REP_OP_DELETE) {
		old_values = rep_json_object();
		for (void *it = rep_json_iter(values); it; it = rep_json_iter_next(values, it)) {
			const struct rep_json *old = rep_json_get(rep_json_iter_value(it), "old");

			if (old &&
			    !rep_json_set(old_values, rep_json_iter_key(it), rep_json_ref(old)))
				rc = nomem(err);
		}
	}
	if (rc == REP_OK)
		rc = add_row(telling, NULL, old_values, rep_json_get(line, "into"), err);
	rep_json_free(old_values);
	return rc;
}

static bool is_of_fields(enum rep_op op)
{
	switch (op) {
	case REP_OP_INSERT:
	case REP_OP_UPDATE:
	case REP_OP_RESOLVE:
		return true;
	case REP_OP_DELETE:
	case REP_OP_RESTORE:
	case REP_OP_ALIAS:
	case REP_OP_UNALIAS:
	case REP_OP_ERASE:
		break;
	}
	return false;
}

/*
 * Values are told as they were signed; a field bears the name that it has now, and is asked for by either. One that the version in force
 * does not have is told too: its own name is all it has.
 */
static enum rep_code name_field(struct telling *telling, struct rep_error *err)
{
	const struct rep_edit *edit = &telling->change->edit;
	const int newest = telling->rows->schema->version;
	const int judged = edit->judged ? edit->judged : edit->version;
	struct rep_versions *versions = telling->rows->hub->versions;
	const char *now = telling->field, *then = telling->field;
	enum rep_code rc = REP_OK;

	if (edit->version && edit->version < newest)
		rc = rep_version_name(versions, edit->entity, telling->field, edit->version, newest,
				      &now, err);
	if (rc == REP_OK && edit->version && judged != edit->version)
		rc = rep_version_name(versions, edit->entity, telling->field, edit->version, judged,
				      &then, err);
	telling->shown = now ? now : telling->field;
	telling->judged_as = then ? then : telling->field;
	return rc;
}

/* By the name of now, by that of the change, or by any that it had: a name that was given up is never used again. */
static enum rep_code is_asked(const struct telling *telling, const char *field, bool *asked,
			      struct rep_error *err)
{
	struct rep_versions *versions = telling->rows->hub->versions;
	const int newest = telling->rows->schema->version;
	enum rep_code rc = REP_OK;

	*asked = !field || strcmp(field, telling->field) == 0 || strcmp(field, telling->shown) == 0;
	for (int n = rep_versions_first(versions); rc == REP_OK && !*asked && n < newest; n++) {
		const char *now = NULL;

		if (!rep_versions_has(versions, n))
			continue;
		rc = rep_version_name(versions, telling->change->entity, field, n, newest, &now,
				      err);
		*asked = rc == REP_OK && now && strcmp(now, telling->shown) == 0;
	}
	return rc;
}

enum rep_code rep_audit_rows_add(struct rep_audit_rows *rows, const struct rep_indexed *change,
				 const char *field, struct rep_json *out, struct rep_error *err)
{
	struct telling telling = {
		.rows = rows,
		.change = change,
		.entity = rep_schema_entity(rows->schema, change->entity),
		.out = out,
	};
	const struct rep_json *values = rep_json_get(change->owned_line, "values");
	const bool of_fields = is_of_fields(change->edit.op) && change->owned_line;
	bool asked = false;
	enum rep_code rc = REP_OK;

	if (!of_fields && !field)
		rc = add_whole(&telling, err);
	if (change->edit.op == REP_OP_DELETE)
		return rc;
	for (void *it = rep_json_iter(values); rc == REP_OK && it;
	     it = rep_json_iter_next(values, it)) {
		telling.field = rep_json_iter_key(it);
		rc = name_field(&telling, err);
		if (rc == REP_OK)
			rc = is_asked(&telling, field, &asked, err);
		if (rc == REP_OK && asked)
			rc = add_field(&telling, rep_json_iter_value(it), err);
	}
	return rc;
}

struct forward {
	struct rep_versions *versions;
	int newest;
	enum rep_code (*each)(void *user, struct rep_indexed *change, struct rep_error *err);
	void *user;
};

/* Line and outcome in the names of the version in force, so that a field is found by the name it has now. */
static enum rep_code each_forward(void *user, struct rep_indexed *change, struct rep_error *err)
{
	const struct forward *forward = user;
	const int made = change->edit.version ? change->edit.version : forward->newest;
	const int judged = change->edit.judged ? change->edit.judged : made;
	const struct rep_json *fields = rep_json_get(change->outcome, "fields");
	struct rep_json *line = NULL, *unknown = NULL, *named = NULL;
	enum rep_code rc =
		rep_version_line(forward->versions, change->entity, change->edit.op,
				 change->owned_line, made, forward->newest, &line, &unknown, err);

	if (rc == REP_OK && line) {
		rep_json_free(change->owned_line);
		change->edit.line = change->owned_line = rep_json_ref(line);
	}
	if (rc == REP_OK && fields && judged < forward->newest)
		rc = rep_version_verdict(forward->versions, change->entity, fields, judged,
					 forward->newest, &named, err);
	if (rc == REP_OK && named && !rep_json_set(change->outcome, "fields", rep_json_ref(named)))
		rc = nomem(err);
	rep_json_free(line);
	rep_json_free(unknown);
	rep_json_free(named);
	return rc == REP_OK ? forward->each(forward->user, change, err) : rc;
}

enum rep_code rep_audit_group_each(struct rep_hub *hub, const struct rep_entity *entity,
				   const char *id,
				   enum rep_code (*each)(void *user, struct rep_indexed *change,
							 struct rep_error *err),
				   void *user, struct rep_error *err)
{
	struct forward forward = {hub->versions, hub->schema->version, each, user};
	struct rep_group group = {0};
	struct rep_changes_query query = {.entity = entity->name};
	const char **ids = NULL;
	enum rep_code rc = rep_group_load(&group, rep_hub_db(hub), entity->name, id, err);

	if (rc == REP_OK && !(ids = calloc(group.len, sizeof(*ids))))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	for (size_t i = 0; ids && i < group.len; i++)
		ids[i] = group.ids[i];
	query.ids = ids;
	query.ids_len = group.len;
	if (rc == REP_OK)
		rc = rep_changes_each(rep_hub_db(hub), &query, each_forward, &forward, err);
	free(ids);
	rep_group_clear(&group);
	return rc;
}
