#include "core/store/history_row.h"

#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/tables.h"

#define TOLD_SIZE (REP_NAME_LEN_MAX + REP_STAMP_LEN + 2)

static void told_key(char out[TOLD_SIZE], const char *field, const char *stamp)
{
	snprintf(out, TOLD_SIZE, "%s\n%s", field, stamp);
}

bool rep_history_has_told(const struct rep_history *history, const char *field, const char *stamp)
{
	char key[TOLD_SIZE];

	told_key(key, field, stamp);
	return rep_json_get(history->told, key) != NULL;
}

static struct rep_json *text_or_null(const char *text)
{
	return text && *text ? rep_json_string(text) : rep_json_null();
}

static struct rep_json *ref_or_null(const struct rep_json *value)
{
	return value ? rep_json_ref(value) : rep_json_null();
}

/* The rep's name where the person's record is in this view. A new reference, or NULL. */
static struct rep_json *name_of(const struct rep_history *history, const char *rep)
{
	const struct rep_entity *entity =
		rep_schema_builtin(history->replica->schema, REP_BUILTIN_REP);
	struct rep_record *record = NULL;
	struct rep_json *name = NULL;
	struct rep_error ignored;

	if (rep && entity &&
	    rep_row_get(history->replica->db, entity, rep, &record, &ignored) == REP_OK && record)
		name = ref_or_null(rep_json_get(record->fields, "name"));
	rep_record_free(record);
	return name ? name : rep_json_null();
}

static bool put_who(const struct rep_history *history, struct rep_json *row,
		    const struct rep_history_change *change)
{
	char time[REP_TIME_LEN + 1] = "";
	const struct rep_role *role = NULL;

	memcpy(time, change->stamp, REP_TIME_LEN);
	if (change->rep && history->replica->org)
		role = rep_org_role(history->replica->org, change->rep, time);
	return rep_json_set_string(row, "device_time", time) &&
	       rep_json_set(row, "hub_time", rep_json_null()) &&
	       rep_json_set(row, "clock_offset_ms", rep_json_null()) &&
	       rep_json_set(row, "rep", text_or_null(change->rep)) &&
	       rep_json_set(row, "rep_name", name_of(history, change->rep)) &&
	       rep_json_set(row, "role", text_or_null(role ? role->name : NULL)) &&
	       rep_json_set_string(row, "device", rep_stamp_device(change->stamp)) &&
	       rep_json_set(row, "reason", text_or_null(change->reason));
}

static bool put_decided(struct rep_json *row, const struct rep_history_change *change,
			const char *field)
{
	const struct rep_json *own = field ? rep_json_get(change->fields, field) : NULL;
	const char *outcome = rep_json_get_string(own, "outcome");

	/* A field that the outcome does not name was plainly applied, unless the whole was turned away. */
	if (!outcome && change->fields && rep_json_size(change->fields) > 0)
		outcome = "applied";
	return rep_json_set(row, "outcome", text_or_null(outcome ? outcome : change->outcome)) &&
	       rep_json_set(row, "rule", text_or_null(rep_json_get_string(own, "rule"))) &&
	       rep_json_set(row, "rival", text_or_null(rep_json_get_string(own, "rival"))) &&
	       rep_json_set(row, "flags",
			    change->flags ? rep_json_ref(change->flags) : rep_json_array());
}

static bool put_where(const struct rep_history *history, struct rep_json *row,
		      const struct rep_history_change *change)
{
	char changeset[REP_DEVICE_LEN + 24] = "";

	if (change->seq > 0)
		snprintf(changeset, sizeof changeset, "%s/%lld", history->replica->device,
			 (long long)change->seq);
	return rep_json_set(row, "changeset", text_or_null(changeset)) &&
	       rep_json_set(row, "segment", rep_json_null()) &&
	       rep_json_set(row, "commit", rep_json_null()) &&
	       rep_json_set_string(row, "stamp", change->stamp);
}

void rep_history_row(struct rep_history *history, const struct rep_history_change *change,
		     const char *op, const char *field, const struct rep_json *old,
		     const struct rep_json *new)
{
	struct rep_json *row = rep_json_object();
	char key[TOLD_SIZE];
	bool ok = rep_json_set_string(row, "entity", change->entity) &&
		  rep_json_set_string(row, "id", change->id) &&
		  rep_json_set(row, "partition", text_or_null(change->partition)) &&
		  rep_json_set(row, "field", text_or_null(field)) &&
		  rep_json_set(row, "old", ref_or_null(old)) &&
		  rep_json_set(row, "new", ref_or_null(new)) &&
		  rep_json_set_string(row, "op", op ? op : change->op) &&
		  put_who(history, row, change) && put_decided(row, change, field) &&
		  put_where(history, row, change);

	told_key(key, field ? field : "*", change->stamp);
	if (!rep_json_set(history->told, key, rep_json_bool(true)))
		ok = false;
	if (!rep_json_append(history->rows, row) || !ok)
		history->nomem = true;
}

/* ---- value lines ---- */

/* A telling of one field. */
struct telling {
	struct rep_history *history;
	const struct rep_history_change *change;
	const char *field;
};

static void tell_elements(const struct telling *telling, const struct rep_json *elements,
			  bool added)
{
	for (size_t i = 0; i < rep_json_size(elements); i++) {
		const struct rep_json *element = rep_json_at(elements, i);

		rep_history_row(telling->history, telling->change, added ? "add" : "remove",
				telling->field, added ? NULL : element, added ? element : NULL);
	}
}

/* {key: value}, so that a row tells which key; NULL for no value. A new reference. */
static struct rep_json *pair(const char *key, const struct rep_json *value)
{
	struct rep_json *out;

	if (rep_json_is(value, REP_JSON_NULL))
		return NULL;
	out = rep_json_object();
	if (rep_json_set(out, key, rep_json_ref(value)))
		return out;
	rep_json_free(out);
	return NULL;
}

static void tell_key(const struct telling *telling, const char *key, const struct rep_json *old,
		     const struct rep_json *new)
{
	struct rep_json *before = pair(key, old);
	struct rep_json *after = pair(key, new);

	rep_history_row(telling->history, telling->change, after ? "put" : "remove", telling->field,
			before, after);
	rep_json_free(before);
	rep_json_free(after);
}

static void tell_keys(const struct telling *telling, const struct rep_json *keys, bool edits)
{
	for (void *it = keys ? rep_json_iter(keys) : NULL; it; it = rep_json_iter_next(keys, it)) {
		const struct rep_json *value = rep_json_iter_value(it);

		if (edits)
			tell_key(telling, rep_json_iter_key(it), rep_json_get(value, "old"),
				 rep_json_get(value, "new"));
		else
			tell_key(telling, rep_json_iter_key(it), NULL, value);
	}
}

static void tell_field(const struct telling *telling, const struct rep_json *spec)
{
	const struct rep_field *field = rep_entity_field(telling->history->entity, telling->field);
	const struct rep_json *new = rep_json_get(spec, "new");
	bool parts = field && !rep_field_is_scalar(field) && new && !rep_json_get(spec, "old");

	if (rep_json_get(spec, "add") || rep_json_get(spec, "remove")) {
		tell_elements(telling, rep_json_get(spec, "remove"), false);
		tell_elements(telling, rep_json_get(spec, "add"), true);
	} else if (rep_json_get(spec, "keys")) {
		tell_keys(telling, rep_json_get(spec, "keys"), true);
	} else if (rep_json_get(spec, "entry")) {
		rep_history_row(telling->history, telling->change, "add", telling->field, NULL,
				rep_json_get(spec, "entry"));
	} else if (rep_json_get(spec, "delta") || rep_json_get(spec, "set")) {
		rep_history_row(telling->history, telling->change, NULL, telling->field, NULL,
				spec);
	} else if (parts && rep_json_is(new, REP_JSON_ARRAY)) {
		tell_elements(telling, new, true);
	} else if (parts && rep_json_is(new, REP_JSON_OBJECT)) {
		tell_keys(telling, new, false);
	} else {
		rep_history_row(telling->history, telling->change, NULL, telling->field,
				rep_json_get(spec, "old"), new);
	}
}

void rep_history_line(struct rep_history *history, const struct rep_history_change *change,
		      const struct rep_json *line)
{
	const struct rep_json *values = line ? rep_json_get(line, "values") : NULL;
	const char *into = rep_json_get_string(line, "into");
	struct rep_json *other;

	/* Erased, or a change that has no fields: an alias, a decision without a value. */
	if (!values || rep_json_size(values) == 0) {
		other = into ? rep_json_string(into) : NULL;
		rep_history_row(history, change, NULL, NULL, NULL, other);
		rep_json_free(other);
		return;
	}
	for (void *it = rep_json_iter(values); it; it = rep_json_iter_next(values, it)) {
		struct telling telling = {history, change, rep_json_iter_key(it)};

		tell_field(&telling, rep_json_iter_value(it));
	}
}
