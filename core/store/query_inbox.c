/* Review items for people. */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/query.h"
#include "core/store/tables.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "inbox: no memory");
}

/* The keys of an item of each kind, and the fields of its record that they show. */
static const struct shown {
	const char *kind;
	const char *key;
	const char *field;
} shown[] = {
	{"conflict", "field", "field"},    {"conflict", "rivals", "rivals"},
	{"conflict", "winner", "winner"},  {"conflict", "decided_by", "decided_by"},
	{"proposal", "value", "values"},   {"proposal", "rep", "rep"},
	{"proposal", "device", "device"},  {"proposal", "reason", "reason"},
	{"proposal", "to", "to"},          {"proposal", "decided_by", "decided_by"},
	{"duplicate", "a", "a"},           {"duplicate", "b", "b"},
	{"duplicate", "key", "key"},       {"rejection", "op", "op"},
	{"rejection", "code", "code"},     {"rejection", "text", "text"},
	{"rejection", "value", "values"},  {"rejection", "device", "device"},
	{"rejection", "changeset", "seq"}, {"rejection", "index", "index"},
};

static bool set_ref(struct rep_json *out, const char *key, const struct rep_json *value)
{
	return rep_json_set(out, key, value ? rep_json_ref(value) : rep_json_null());
}

/* Of a conflict: the value that stands, and the rule that was applied last. */
static bool put_conflict(struct rep_json *out, const struct rep_record *record)
{
	const struct rep_json *rivals = rep_json_get(record->fields, "rivals");
	const char *winner = rep_json_get_string(record->fields, "winner");
	const struct rep_json *stands = NULL;
	const struct rep_json *last = rep_json_at(rivals, rep_json_size(rivals) - 1);

	for (size_t i = 0; winner && i < rep_json_size(rivals); i++) {
		const char *stamp = rep_json_get_string(rep_json_at(rivals, i), "stamp");

		if (stamp && strcmp(stamp, winner) == 0)
			stands = rep_json_get(rep_json_at(rivals, i), "value");
	}
	return set_ref(out, "stands", stands) &&
	       set_ref(out, "rule", last ? rep_json_get(last, "rule") : NULL);
}

/* What the record is called; null where it is not here, or its title is not for this device's eyes. */
static enum rep_code put_title(struct rep_replica *replica, struct rep_json *out,
			       struct rep_error *err)
{
	const char *name = rep_json_get_string(out, "entity");
	const char *id = rep_json_get_string(out, "id");
	const struct rep_entity *entity = name ? rep_schema_entity(replica->schema, name) : NULL;
	struct rep_record *record = NULL;
	enum rep_code rc = REP_OK;

	if (entity && entity->title && id)
		rc = rep_row_get(replica->db, entity, id, &record, err);
	if (rc == REP_OK &&
	    !set_ref(out, "title", record ? rep_json_get(record->fields, entity->title) : NULL))
		rc = no_memory(err);
	rep_record_free(record);
	return rc;
}

static bool is_open(const struct rep_record *record)
{
	const char *state = rep_json_get_string(record->fields, "state");

	/* Rejections and claims have no state: they are there until the hub takes them away. */
	return !record->deleted && (!state || strcmp(state, "open") == 0);
}

static enum rep_code put_item(struct rep_replica *replica, const struct rep_record *record,
			      struct rep_json *out, struct rep_error *err)
{
	const char *kind = record->entity->name;
	const char *state = rep_json_get_string(record->fields, "state");
	const char *id = rep_json_get_string(record->fields, "record");
	char since[REP_TIME_LEN + 1] = "";
	bool ok = rep_json_set_string(out, "item", record->id);

	memcpy(since, record->created.text, REP_TIME_LEN);
	if (!id)
		id = rep_json_get_string(record->fields, "a");
	ok = rep_json_set_string(out, "kind", kind) && ok;
	ok = set_ref(out, "entity", rep_json_get(record->fields, "entity")) && ok;
	ok = rep_json_set(out, "id", id ? rep_json_string(id) : rep_json_null()) && ok;
	ok = rep_json_set_string(out, "partition", record->partition) && ok;
	ok = rep_json_set_string(out, "state", state ? state : "open") && ok;
	ok = rep_json_set_string(out, "since", since) && ok;
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		if (strcmp(shown[i].kind, kind) == 0)
			ok = set_ref(out, shown[i].key,
				     rep_json_get(record->fields, shown[i].field)) &&
			     ok;
	}
	if (strcmp(kind, "conflict") == 0)
		ok = put_conflict(out, record) && ok;
	return ok ? put_title(replica, out, err) : no_memory(err);
}

static enum rep_code add_item(struct rep_replica *replica, const char *kind, const char *id,
			      bool all, struct rep_json *items, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(replica->schema, kind);
	struct rep_record *record = NULL;
	struct rep_json *item;
	enum rep_code rc = REP_OK;

	if (entity)
		rc = rep_row_get(replica->db, entity, id, &record, err);
	if (rc == REP_OK && record && (all || is_open(record))) {
		item = rep_json_object();
		rc = put_item(replica, record, item, err);
		if (!rep_json_append(items, item) && rc == REP_OK)
			rc = no_memory(err);
	}
	rep_record_free(record);
	return rc;
}

enum rep_code rep_query_inbox(struct rep_replica *replica, const char *kind, bool all,
			      struct rep_json **out, struct rep_error *err)
{
	struct rep_json *items = rep_json_array();
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc;

	*out = NULL;
	if (!replica->schema)
		rc = rep_fail(err, REP_EINVAL, "no schema yet: the first sync brings it");
	else
		rc = rep_db_prepare(
			replica->db, &stmt,
			"SELECT kind, id FROM _review WHERE ?1 IS NULL OR kind = ?1 ORDER BY "
			"_created, id",
			err);
	if (rc == REP_OK)
		rep_bind_text(stmt, 1, kind);
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = add_item(replica, rep_column_text(stmt, 0, NULL),
				      rep_column_text(stmt, 1, NULL), all, items, err);
	}
	rep_stmt_free(stmt);
	if (rc == REP_OK)
		*out = items;
	else
		rep_json_free(items);
	return rc;
}
