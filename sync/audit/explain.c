/*
 * Explaining a field, from the index of changes with their recorded outcomes and from the conflict item that keeps its rivals.
 * Nothing is decided again here: what is told is what the fold recorded.
 */
#include "sync/audit/explain.h"

#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/model/value.h"
#include "core/store/aliases.h"
#include "core/store/tables.h"
#include "sync/audit/audit_row.h"
#include "sync/hub/hub_state.h"

struct explain {
	struct rep_audit_rows rows;
	struct rep_versions *versions; /* borrowed */
	const struct rep_entity *entity;
	const struct rep_field *field;
	struct rep_record *record;
	struct rep_record *item;  /* the field's conflict, or NULL */
	struct rep_json *entries; /* effective stamp -> entry, in the order of the fold */
	struct rep_json *proposals;
	bool failed; /* for want of memory */
};

static void put(struct explain *explain, struct rep_json *object, const char *key,
		struct rep_json *value)
{
	explain->failed =
		!rep_json_set(object, key, value ? value : rep_json_null()) || explain->failed;
}

static void put_copy(struct explain *explain, struct rep_json *object, const char *key,
		     const struct rep_json *value)
{
	put(explain, object, key, value ? rep_json_ref(value) : NULL);
}

static void put_text(struct explain *explain, struct rep_json *object, const char *key,
		     const char *text)
{
	put(explain, object, key, text && *text ? rep_json_string(text) : NULL);
}

static void append(struct explain *explain, struct rep_json *array, struct rep_json *value)
{
	explain->failed = !rep_json_append(array, value) || explain->failed;
}

static enum rep_code check(const struct explain *explain, struct rep_error *err)
{
	return explain->failed ? rep_fail(err, REP_ENOMEM, "out of memory") : REP_OK;
}

/* ---- one change that wrote the field ---- */

static bool is_of_unit(const struct explain *explain, const char *name)
{
	const struct rep_field *field;

	if (strcmp(name, explain->field->name) == 0)
		return true;
	field = explain->field->group ? rep_entity_field(explain->entity, name) : NULL;
	return field && field->group && strcmp(field->group, explain->field->group) == 0;
}

/* What the change says of the field; where it writes others of the group only, NULL and *touches. */
static const struct rep_json *spec_of(const struct explain *explain,
				      const struct rep_indexed *change, const char **touches)
{
	const struct rep_json *values = rep_json_get(change->owned_line, "values");

	*touches = NULL;
	if (rep_json_get(values, explain->field->name)) {
		*touches = explain->field->name;
		return rep_json_get(values, explain->field->name);
	}
	for (void *it = values ? rep_json_iter(values) : NULL; it && !*touches;
	     it = rep_json_iter_next(values, it))
		if (is_of_unit(explain, rep_json_iter_key(it)))
			*touches = rep_json_iter_key(it);
	return NULL;
}

static struct rep_json *saw_of(struct explain *explain, const struct rep_json *spec)
{
	const char *stamp = rep_json_get_string(spec, "saw");
	const struct rep_json *seen = rep_json_get(spec, "seen");
	struct rep_json *saw;

	if (!stamp && !seen && !rep_json_get(spec, "old"))
		return NULL;
	saw = rep_json_object();
	if (seen) {
		put_copy(explain, saw, "seen", seen);
		return saw;
	}
	put_text(explain, saw, "stamp", stamp);
	put_text(explain, saw, "rep",
		 stamp ? rep_org_rep_of(explain->rows.org, rep_stamp_device(stamp)) : NULL);
	put_copy(explain, saw, "value", rep_json_get(spec, "old"));
	return saw;
}

/* The version of the schema in force at a stamp: what judged the change. Null where its files cannot be read: verify says why. */
static void put_rules_of_then(struct explain *explain, struct rep_json *row, const char *stamp)
{
	const struct rep_schema *schema = NULL;
	struct rep_error unread;
	int number = rep_versions_at(explain->versions, stamp);

	if (rep_versions_schema(explain->versions, number, &schema, &unread) != REP_OK)
		schema = NULL;
	put_text(explain, row, "schema", schema ? schema->id : NULL);
	put_text(explain, row, "schema_hash", schema ? schema->hash : NULL);
}

/* A row of an audit has the same facts under the same names; what it has beyond them goes. */
static struct rep_json *entry_of_row(struct explain *explain, struct rep_json *row,
				     const struct rep_indexed *change, const struct rep_json *spec,
				     const char *field)
{
	static const char *const dropped[] = {"entity", "id",  "partition", "field",
					      "old",    "new", "rival_rep", "rival_value"};
	const struct rep_json *own = rep_json_get(rep_json_get(change->outcome, "fields"), field);
	const struct rep_json *value = rep_json_get(spec, "new");

	if (!own)
		own = change->outcome;
	for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
		rep_json_del(row, dropped[i]);
	put_text(explain, row, "stamp", change->eff.text);
	put_rules_of_then(explain, row, change->eff.text);
	put_copy(explain, row, "value", value ? value : spec);
	put(explain, row, "saw", saw_of(explain, spec));
	put_text(explain, row, "item", rep_json_get_string(own, "item"));
	/* An audit names the declared rule also where there was nothing to decide. */
	if (rep_json_is(rep_json_get(row, "rival"), REP_JSON_NULL))
		put(explain, row, "rule", NULL);
	return row;
}

static bool is_proposed(const struct rep_json *entry)
{
	return strcmp(rep_json_get_string(entry, "outcome"), rep_outcome_name(REP_PROPOSED)) == 0;
}

static enum rep_code on_change(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct explain *explain = user;
	bool insert = change->edit.op == REP_OP_INSERT;
	const char *field;
	const struct rep_json *spec = spec_of(explain, change, &field);
	struct rep_json *row, *entry;
	enum rep_code rc;

	if (!field && !insert) /* the insert gave the field its default, or left it empty */
		return REP_OK;
	if (!field)
		field = explain->field->name;
	rc = rep_audit_row_new(&explain->rows, change, &row, err);
	if (rc != REP_OK)
		return rc;
	rc = rep_audit_row_decided(&explain->rows, row, change, explain->entity, field, field, err);
	if (rc != REP_OK) {
		rep_json_free(row);
		return rc;
	}
	entry = entry_of_row(explain, row, change, spec, field);
	if (spec && is_proposed(entry))
		append(explain, explain->proposals, rep_json_ref(entry));
	put(explain, explain->entries, change->eff.text, entry);
	return check(explain, err);
}

/* ---- what stands ---- */

/* The entry that wrote under this stamp; one of only a stamp where its change cannot be read any more. */
static struct rep_json *entry_at(struct explain *explain, const char *stamp)
{
	struct rep_json *known = stamp ? rep_json_get(explain->entries, stamp) : NULL;
	struct rep_json *entry = known ? rep_json_dup(known) : rep_json_object();

	if (!known)
		put_text(explain, entry, "stamp", stamp);
	return entry;
}

/* The rule between a value and those that met it later and lost: recorded with the loser. */
static const struct rep_json *rule_over(const struct explain *explain, const char *stamp)
{
	for (void *it = rep_json_iter(explain->entries); it;
	     it = rep_json_iter_next(explain->entries, it)) {
		const struct rep_json *entry = rep_json_iter_value(it);
		const char *rival = rep_json_get_string(entry, "rival");

		if (rival && strcmp(rival, stamp) == 0 && !is_proposed(entry))
			return rep_json_get(entry, "rule");
	}
	return NULL;
}

static void add_part(struct explain *explain, struct rep_json *list, struct rep_json *part,
		     bool present, const char *stamp)
{
	struct rep_json *entry = entry_at(explain, stamp);
	const struct rep_json *rule = rep_json_get(entry, "rule");

	if (stamp && (!rule || rep_json_is(rule, REP_JSON_NULL)))
		put_copy(explain, entry, "rule", rule_over(explain, stamp));
	put(explain, entry, "part", part);
	put(explain, entry, "present", rep_json_bool(present));
	append(explain, list, entry);
}

/* Elements that are there, by the keys under which stamps know them. */
static struct rep_json *parts_of_set(struct explain *explain, const struct rep_json *value)
{
	struct rep_json *parts = rep_json_object();
	struct rep_buf key = REP_BUF_INIT(2 * REP_TEXT_SIZE_MAX);

	for (size_t i = 0; i < rep_json_size(value); i++) {
		rep_buf_reset(&key);
		rep_value_element_key(&key, explain->field, rep_json_at(value, i));
		explain->failed = explain->failed || key.failed;
		put_copy(explain, parts, rep_buf_str(&key), rep_json_at(value, i));
	}
	rep_buf_clear(&key);
	return parts;
}

static struct rep_json *parts_of_map(struct explain *explain, const struct rep_json *value)
{
	struct rep_json *parts = rep_json_object();

	for (void *it = value ? rep_json_iter(value) : NULL; it; it = rep_json_iter_next(value, it))
		put(explain, parts, rep_json_iter_key(it), rep_json_string(rep_json_iter_key(it)));
	return parts;
}

/* Present parts, then those whose stamps say that they were taken out. */
static void add_parts(struct explain *explain, struct rep_json *list, struct rep_json *parts)
{
	const char *name = explain->field->name;
	const struct rep_json *stamps = rep_json_get(explain->record->stamps, name);

	for (void *it = rep_json_iter(parts); it; it = rep_json_iter_next(parts, it))
		add_part(explain, list, rep_json_ref(rep_json_iter_value(it)), true,
			 rep_record_element_stamp(explain->record, name, rep_json_iter_key(it)));
	for (void *it = rep_json_is(stamps, REP_JSON_OBJECT) ? rep_json_iter(stamps) : NULL; it;
	     it = rep_json_iter_next(stamps, it))
		if (!rep_json_get(parts, rep_json_iter_key(it)))
			add_part(explain, list, rep_json_string(rep_json_iter_key(it)), false,
				 rep_json_string_value(rep_json_iter_value(it)));
	rep_json_free(parts);
}

static struct rep_json *standing(struct explain *explain)
{
	const char *name = explain->field->name;
	const struct rep_json *value = rep_record_value(explain->record, name);
	struct rep_json *list = rep_json_array();

	if (explain->field->type == REP_TYPE_SET) {
		add_parts(explain, list, parts_of_set(explain, value));
	} else if (explain->field->type == REP_TYPE_MAP) {
		add_parts(explain, list, parts_of_map(explain, value));
	} else if (explain->field->type == REP_TYPE_LIST) {
		for (size_t i = 0; i < rep_json_size(value); i++)
			add_part(explain, list, rep_json_ref(rep_json_at(value, i)), true,
				 rep_json_get_string(rep_json_at(value, i), "entry"));
	} else {
		add_part(explain, list, NULL, true, rep_record_stamp(explain->record, name));
	}
	return list;
}

/* ---- the other sides ---- */

/* As the conflict item keeps them; one whose change is in the index with all that is known of it. */
static struct rep_json *rivals(struct explain *explain)
{
	const struct rep_json *kept =
		explain->item ? rep_record_value(explain->item, "rivals") : NULL;
	const char *winner =
		explain->item ? rep_json_string_value(rep_record_value(explain->item, "winner"))
			      : NULL;
	struct rep_json *list = rep_json_array();

	for (size_t i = 0; i < rep_json_size(kept); i++) {
		const struct rep_json *rival = rep_json_at(kept, i);
		const char *stamp = rep_json_get_string(rival, "stamp");
		struct rep_json *entry;

		if (winner && strcmp(stamp, winner) == 0 && rep_field_is_scalar(explain->field))
			continue; /* it stands */
		entry = entry_at(explain, stamp);
		put_copy(explain, entry, "rep", rep_json_get(rival, "rep"));
		put_copy(explain, entry, "device", rep_json_get(rival, "device"));
		put_copy(explain, entry, "rule", rep_json_get(rival, "rule"));
		put_copy(explain, entry, "value", rep_json_get(rival, "value"));
		append(explain, list, entry);
	}
	return list;
}

static enum rep_code find_item(struct explain *explain, struct rep_hub *hub, struct rep_error *err)
{
	const struct rep_entity *conflict = rep_schema_entity(rep_hub_schema(hub), "conflict");
	const struct rep_field *field = explain->field;
	char id[REP_UUID_LEN + 1];

	rep_review_conflict_id(id, explain->entity->name, explain->record->id,
			       field->group ? field->group : field->name);
	return rep_row_get(rep_hub_db(hub), conflict, id, &explain->item, err);
}

/* ---- the answer ---- */

static struct rep_json *rules_of(struct explain *explain)
{
	struct rep_json *list = rep_json_array();

	for (size_t i = 0; i < explain->field->rules_len; i++)
		append(explain, list, rep_json_string(rep_rule_name(explain->field->rules[i])));
	return list;
}

static void put_item(struct explain *explain, struct rep_json *out)
{
	const struct rep_record *item = explain->item;

	put_text(explain, out, "item", item ? item->id : NULL);
	put_copy(explain, out, "state", item ? rep_record_value(item, "state") : NULL);
	put_copy(explain, out, "decided_by", item ? rep_record_value(item, "decided_by") : NULL);
}

static enum rep_code answer(struct explain *explain, struct rep_json **out, struct rep_error *err)
{
	const struct rep_schema *schema = explain->rows.schema;
	struct rep_json *doc = rep_json_object();
	enum rep_code rc;

	put_text(explain, doc, "entity", explain->entity->name);
	put_text(explain, doc, "id", explain->record->id);
	put_text(explain, doc, "partition", explain->record->partition);
	put_text(explain, doc, "field", explain->field->name);
	put_text(explain, doc, "group", explain->field->group);
	put(explain, doc, "rules", rules_of(explain));
	put_text(explain, doc, "schema", schema->id);
	put_text(explain, doc, "schema_hash", schema->hash);
	put_copy(explain, doc, "value", rep_record_value(explain->record, explain->field->name));
	put(explain, doc, "standing", standing(explain));
	put(explain, doc, "rivals", rivals(explain));
	put_copy(explain, doc, "proposals", explain->proposals);
	put_item(explain, doc);
	rc = check(explain, err);
	if (rc == REP_OK) {
		*out = doc;
		doc = NULL;
	}
	rep_json_free(doc);
	return rc;
}

static enum rep_code find(struct explain *explain, struct rep_hub *hub, const char *entity,
			  const char *id, const char *field, struct rep_error *err)
{
	char shown[REP_ID_LEN_MAX + 1];
	enum rep_code rc;

	explain->entity = rep_schema_entity(rep_hub_schema(hub), entity);
	if (!explain->entity)
		return rep_fail(err, REP_ENOTFOUND, "there is no entity %s", entity);
	explain->field = rep_entity_field(explain->entity, field);
	if (!explain->field)
		return rep_fail(err, REP_ENOTFOUND, "%s has no field %s", entity, field);
	rc = rep_alias_shown(rep_hub_db(hub), explain->entity, id, shown, err);
	if (rc == REP_OK)
		rc = rep_row_get(rep_hub_db(hub), explain->entity, *shown ? shown : id,
				 &explain->record, err);
	if (rc == REP_OK && !explain->record)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no %s %s", entity, id);
	return rc;
}

enum rep_code rep_hub_explain(struct rep_hub *hub, const char *entity, const char *id,
			      const char *field, struct rep_json **out, struct rep_error *err)
{
	struct explain explain = {.entries = rep_json_object(), .proposals = rep_json_array()};
	enum rep_code rc;

	*out = NULL;
	explain.versions = hub->versions;
	rc = rep_audit_rows_init(&explain.rows, hub, err);
	if (rc == REP_OK)
		rc = find(&explain, hub, entity, id, field, err);
	if (rc == REP_OK)
		rc = find_item(&explain, hub, err);
	if (rc == REP_OK)
		rc = rep_audit_group_each(hub, explain.entity, explain.record->id, on_change,
					  &explain, err);
	if (rc == REP_OK)
		rc = answer(&explain, out, err);
	rep_json_free(explain.entries);
	rep_json_free(explain.proposals);
	rep_record_free(explain.item);
	rep_record_free(explain.record);
	rep_audit_rows_clear(&explain.rows);
	return rep_wrap(err, rc, "explain");
}
