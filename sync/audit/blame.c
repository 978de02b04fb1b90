/*
 * Blame: for each value that stands, the change that it comes from. A stamp names its change: it bears the device, and a
 * device never makes one twice.
 */
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "core/store/aliases.h"
#include "core/store/tables.h"
#include "sync/audit/audit_row.h"

struct blame {
	struct rep_audit_rows rows;
	const struct rep_record *record;
	struct rep_json *changes; /* effective stamp -> {field -> row}, "*" for what all share */
	struct rep_json *out;
};

/* Keeps, for every change, a row of the whole and one for each field that it decided. */
static enum rep_code on_change(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct blame *blame = user;
	const struct rep_json *values = rep_json_get(change->owned_line, "values");
	struct rep_json *of_fields = rep_json_object();
	struct rep_json *row = NULL;
	enum rep_code rc;

	rc = rep_audit_row_new(&blame->rows, change, &row, err);
	if (rc == REP_OK && !rep_json_set(of_fields, "*", rep_json_ref(row)))
		rc = rep_fail(err, REP_ENOMEM, "blame");
	for (void *it = rep_json_iter(values); rc == REP_OK && it;
	     it = rep_json_iter_next(values, it)) {
		struct rep_json *own = rep_json_dup(row);

		rc = own ? rep_audit_row_decided(&blame->rows, own, change, blame->record->entity,
						 rep_json_iter_key(it), rep_json_iter_key(it), err)
			 : rep_fail(err, REP_ENOMEM, "blame");
		if (!rep_json_set(of_fields, rep_json_iter_key(it), own) && rc == REP_OK)
			rc = rep_fail(err, REP_ENOMEM, "blame");
	}
	if (rc == REP_OK &&
	    !rep_json_set(blame->changes, change->eff.text, rep_json_ref(of_fields)))
		rc = rep_fail(err, REP_ENOMEM, "blame");
	rep_json_free(row);
	rep_json_free(of_fields);
	return rc;
}

static enum rep_code add(struct blame *blame, const char *field, const struct rep_json *value,
			 const char *stamp, struct rep_error *err)
{
	static const char *const told[] = {
		"rep",      "rep_name",        "role",        "device",    "device_time",
		"hub_time", "clock_offset_ms", "reason",      "outcome",   "rule",
		"rival",    "rival_rep",       "rival_value", "changeset", "segment",
		"commit",
	};
	const struct rep_json *of_fields = stamp ? rep_json_get(blame->changes, stamp) : NULL;
	const struct rep_json *source = rep_json_get(of_fields, field);
	struct rep_json *row = rep_json_object();
	bool good;

	if (!source)
		source = rep_json_get(of_fields, "*");
	good = rep_json_set_string(row, "field", field) &&
	       rep_json_set(row, "value", rep_json_ref(value)) &&
	       rep_json_set(row, "stamp", stamp ? rep_json_string(stamp) : rep_json_null());
	for (size_t i = 0; good && i < sizeof told / sizeof *told; i++) {
		const struct rep_json *fact = rep_json_get(source, told[i]);

		good = rep_json_set(row, told[i], fact ? rep_json_ref(fact) : rep_json_null());
	}
	if (!good) {
		rep_json_free(row);
		return rep_fail(err, REP_ENOMEM, "blame");
	}
	return rep_json_append(blame->out, row) ? REP_OK : rep_fail(err, REP_ENOMEM, "blame");
}

static enum rep_code add_set(struct blame *blame, const struct rep_field *field,
			     const struct rep_json *elements, struct rep_error *err)
{
	struct rep_buf key = REP_BUF_INIT(2 * REP_TEXT_SIZE_MAX);
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(elements); i++) {
		const struct rep_json *element = rep_json_at(elements, i);

		rep_buf_reset(&key);
		rep_value_element_key(&key, field, element);
		rc = rep_buf_check(&key, "an element's key", err);
		if (rc == REP_OK)
			rc = add(blame, field->name, element,
				 rep_record_element_stamp(blame->record, field->name, key.data),
				 err);
	}
	rep_buf_clear(&key);
	return rc;
}

static enum rep_code add_map(struct blame *blame, const struct rep_field *field,
			     const struct rep_json *map, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (void *it = rep_json_iter(map); rc == REP_OK && it; it = rep_json_iter_next(map, it)) {
		const char *key = rep_json_iter_key(it);
		struct rep_json *pair = rep_json_object();

		rc = rep_json_set(pair, key, rep_json_ref(rep_json_iter_value(it)))
			     ? add(blame, field->name, pair,
				   rep_record_element_stamp(blame->record, field->name, key), err)
			     : rep_fail(err, REP_ENOMEM, "blame");
		rep_json_free(pair);
	}
	return rc;
}

static enum rep_code add_list(struct blame *blame, const struct rep_field *field,
			      const struct rep_json *list, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(list); i++) {
		const struct rep_json *entry = rep_json_at(list, i);

		rc = add(blame, field->name, entry, rep_json_get_string(entry, "entry"), err);
	}
	return rc;
}

static enum rep_code add_field(struct blame *blame, const struct rep_field *field,
			       struct rep_error *err)
{
	const struct rep_json *value = rep_record_value(blame->record, field->name);

	if (!value)
		return REP_OK;
	if (field->type == REP_TYPE_SET)
		return add_set(blame, field, value, err);
	if (field->type == REP_TYPE_MAP)
		return add_map(blame, field, value, err);
	if (field->type == REP_TYPE_LIST)
		return add_list(blame, field, value, err);
	return add(blame, field->name, value, rep_record_stamp(blame->record, field->name), err);
}

static enum rep_code blame_record(struct blame *blame, struct rep_hub *hub, struct rep_error *err)
{
	const struct rep_entity *entity = blame->record->entity;
	enum rep_code rc =
		rep_audit_group_each(hub, entity, blame->record->id, on_change, blame, err);

	for (size_t i = 0; rc == REP_OK && i < entity->fields_len; i++)
		rc = add_field(blame, &entity->fields[i], err);
	return rc;
}

enum rep_code rep_hub_blame(struct rep_hub *hub, const char *entity_name, const char *id,
			    struct rep_json **out, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(rep_hub_schema(hub), entity_name);
	struct rep_record *record = NULL;
	char shown[REP_ID_LEN_MAX + 1];
	struct blame blame = {.changes = rep_json_object(), .out = rep_json_array()};
	enum rep_code rc;

	*out = NULL;
	rc = rep_audit_rows_init(&blame.rows, hub, err);
	if (rc == REP_OK && !entity)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no entity %s", entity_name);
	if (rc == REP_OK)
		rc = rep_alias_shown(rep_hub_db(hub), entity, id, shown, err);
	if (rc == REP_OK)
		rc = rep_row_get(rep_hub_db(hub), entity, *shown ? shown : id, &record, err);
	if (rc == REP_OK && !record)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no %s %s", entity_name, id);
	if (rc != REP_OK)
		goto out;
	blame.record = record;
	rc = blame_record(&blame, hub, err);
	if (rc == REP_OK) {
		*out = blame.out;
		blame.out = NULL;
	}
out:
	rep_record_free(record);
	rep_json_free(blame.changes);
	rep_json_free(blame.out);
	rep_audit_rows_clear(&blame.rows);
	return rep_wrap(err, rc, "blame");
}
