/*
 * What an erasure takes. First the records: from the one that is named to those that it is one with, and along references that say
 * `erase`. Then the lines: every one of a record that is erased; of a record that refers to one, every line where the schema calls
 * something of it personal, else those that name it and lose a reference; and of each change set that lost a reason, the lines with
 * the same reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/aliases.h"
#include "core/store/changes.h"
#include "sync/admin/erase_work.h"

#define KEY_SIZE (REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2)

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

static void key_of(char out[KEY_SIZE], const char *entity, const char *id)
{
	snprintf(out, KEY_SIZE, "%.40s/%.64s", entity, id);
}

/* ---- the records ---- */

static enum rep_code add_subject(struct rep_erasing *erasing, const char *entity, const char *id,
				 struct rep_error *err)
{
	struct rep_json *pair = rep_json_array();
	char key[KEY_SIZE];

	key_of(key, entity, id);
	if (rep_json_get(erasing->subjects, key)) {
		rep_json_free(pair);
		return REP_OK;
	}
	if (!rep_json_append(pair, rep_json_string(entity)) ||
	    !rep_json_append(pair, rep_json_string(id)) ||
	    !rep_json_append(erasing->queue, rep_json_ref(pair)) ||
	    !rep_json_set(erasing->subjects, key, rep_json_bool(true))) {
		rep_json_free(pair);
		return no_memory(err);
	}
	rep_json_free(pair);
	return REP_OK;
}

static enum rep_code add_group(struct rep_erasing *erasing, const char *entity, const char *id,
			       struct rep_error *err)
{
	struct rep_group group = {0};
	enum rep_code rc = rep_group_load(&group, erasing->hub->db, entity, id, err);

	for (size_t i = 0; rc == REP_OK && i < group.len; i++)
		rc = add_subject(erasing, entity, group.ids[i], err);
	if (rc == REP_OK && !group.len)
		rc = add_subject(erasing, entity, id, err);
	rep_group_clear(&group);
	return rc;
}

/* The schema of the version that the change was made under. */
static enum rep_code schema_of(struct rep_erasing *erasing, const struct rep_edit *edit,
			       const struct rep_schema **out, struct rep_error *err)
{
	struct rep_hub *hub = erasing->hub;

	*out = hub->schema;
	if (!edit->version || edit->version == hub->schema->version ||
	    !rep_versions_has(hub->versions, edit->version))
		return REP_OK;
	return rep_versions_schema(hub->versions, edit->version, out, err);
}

static bool names(const struct rep_json *spec, const char *id)
{
	char quoted[REP_ID_LEN_MAX + 3];
	char *text = rep_json_text(spec);
	bool found;

	snprintf(quoted, sizeof quoted, "\"%.64s\"", id);
	found = text && strstr(text, quoted);
	free(text);
	return found;
}

struct referring {
	struct rep_erasing *erasing;
	const char *entity, *id; /* whom they name */
};

/* A line that names the subject: by which references? */
static enum rep_code on_naming(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct referring *referring = user;
	const struct rep_json *values = rep_json_get(change->owned_line, "values");
	const struct rep_schema *schema;
	const struct rep_entity *entity;
	char key[KEY_SIZE];
	enum rep_code rc = schema_of(referring->erasing, &change->edit, &schema, err);

	entity = rc == REP_OK ? rep_schema_entity(schema, change->entity) : NULL;
	if (!entity || entity->builtin != REP_BUILTIN_NONE)
		return rc;
	key_of(key, change->entity, change->id);
	for (void *it = values ? rep_json_iter(values) : NULL; rc == REP_OK && it;
	     it = rep_json_iter_next(values, it)) {
		const struct rep_field *field = rep_entity_field(entity, rep_json_iter_key(it));

		if (!field || !rep_erase_refers(field, referring->entity) ||
		    !names(rep_json_iter_value(it), referring->id))
			continue;
		if (strcmp(field->on_erase, "erase") == 0)
			rc = add_group(referring->erasing, change->entity, change->id, err);
		else if (!rep_json_set(referring->erasing->marked, key, rep_json_bool(true)))
			rc = no_memory(err);
	}
	return rc;
}

static enum rep_code find_referring(struct rep_erasing *erasing, const char *entity, const char *id,
				    struct rep_error *err)
{
	struct referring referring = {erasing, entity, id};
	char quoted[REP_ID_LEN_MAX + 3];
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc = rep_db_prepare(
		erasing->hub->db, &stmt,
		"SELECT DISTINCT entity, id FROM _change WHERE instr(line, ?1) > 0 AND NOT"
		" (entity = ?2 AND id = ?3) ORDER BY entity, id",
		err);

	snprintf(quoted, sizeof quoted, "\"%.64s\"", id);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, quoted);
		rep_bind_text(stmt, 2, entity);
		rep_bind_text(stmt, 3, id);
	}
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		const struct rep_changes_query query = {.entity = rep_column_text(stmt, 0, NULL),
							.id = rep_column_text(stmt, 1, NULL)};

		rc = rep_changes_each(erasing->hub->db, &query, on_naming, &referring, err);
	}
	rep_stmt_free(stmt);
	return rc;
}

static enum rep_code find_records(struct rep_erasing *erasing, struct rep_error *err)
{
	enum rep_code rc = add_group(erasing, erasing->erase->entity, erasing->erase->id, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(erasing->queue); i++) {
		const struct rep_json *pair = rep_json_at(erasing->queue, i);

		rc = find_referring(erasing, rep_json_string_value(rep_json_at(pair, 0)),
				    rep_json_string_value(rep_json_at(pair, 1)), err);
	}
	return rc;
}

/* ---- the lines ---- */

/* Takes `kept`. */
static enum rep_code add_item(struct rep_erasing *erasing, const struct rep_indexed *change,
			      struct rep_json *kept, struct rep_error *err)
{
	char key[REP_DEVICE_LEN + 48];
	struct rep_erase_item *item;
	enum rep_code rc = REP_OK;

	snprintf(key, sizeof key, "%s/%lld/%u", change->device, (long long)change->edit.seq,
		 change->edit.index);
	if (erasing->len == erasing->cap) {
		const size_t cap = erasing->cap ? 2 * erasing->cap : 64;
		struct rep_erase_item *grown = reallocarray(erasing->items, cap, sizeof *grown);

		if (!grown) {
			rep_json_free(kept);
			return no_memory(err);
		}
		erasing->items = grown;
		erasing->cap = cap;
	}
	item = &erasing->items[erasing->len];
	*item = (struct rep_erase_item){.seq = change->edit.seq, .index = change->edit.index};
	memcpy(item->device, change->device, sizeof item->device);
	item->segment = change->segment ? strdup(change->segment) : NULL;
	item->kept = kept ? rep_json_text(kept) : NULL;
	erasing->len++;
	erasing->kept += kept != NULL;
	if (!item->segment || (kept && !item->kept) ||
	    !rep_json_set(erasing->listed, key, rep_json_bool(true)))
		rc = no_memory(err);
	rep_json_free(kept);
	return rc;
}

static bool is_listed(const struct rep_erasing *erasing, const struct rep_indexed *change)
{
	char key[REP_DEVICE_LEN + 48];

	snprintf(key, sizeof key, "%s/%lld/%u", change->device, (long long)change->edit.seq,
		 change->edit.index);
	return rep_json_get(erasing->listed, key) != NULL;
}

/* The hub's own reasons are its own words, or those of a command about this very record. */
static enum rep_code note_reason(struct rep_erasing *erasing, const struct rep_indexed *change,
				 struct rep_error *err)
{
	const char *reason = rep_json_get_string(change->owned_line, "reason");
	struct rep_json *list;
	char key[REP_DEVICE_LEN + 32];

	if (!reason || !*reason || strcmp(change->device, REP_HUB_DEVICE) == 0)
		return REP_OK;
	snprintf(key, sizeof key, "%s/%lld", change->device, (long long)change->edit.seq);
	list = rep_json_get(erasing->reasons, key);
	if (!list && !rep_json_set(erasing->reasons, key, rep_json_array()))
		return no_memory(err);
	list = rep_json_get(erasing->reasons, key);
	return rep_json_append(list, rep_json_string(reason)) ? REP_OK : no_memory(err);
}

struct taking {
	struct rep_erasing *erasing;
	enum rep_erase_rule rule;
	bool whole; /* every line, also one that keeps all its values */
};

static enum rep_code on_change(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct taking *taking = user;
	struct rep_erasing *erasing = taking->erasing;
	const struct rep_schema *schema;
	struct rep_json *kept = NULL;
	bool same = true;
	enum rep_code rc;

	if (!change->owned_line || change->edit.op == REP_OP_ERASE || is_listed(erasing, change))
		return REP_OK;
	rc = schema_of(erasing, &change->edit, &schema, err);
	if (rc == REP_OK)
		rc = rep_erase_kept(taking->rule, schema, &change->edit, erasing->subjects, &kept,
				    &same, err);
	if (rc != REP_OK || (same && !taking->whole)) {
		rep_json_free(kept);
		return rc;
	}
	rc = note_reason(erasing, change, err);
	if (rc != REP_OK) {
		rep_json_free(kept);
		return rc;
	}
	return add_item(erasing, change, kept, err);
}

static enum rep_code take_record(struct rep_erasing *erasing, const char *entity, const char *id,
				 enum rep_erase_rule rule, bool whole, struct rep_error *err)
{
	const struct rep_changes_query query = {.entity = entity, .id = id};
	struct taking taking = {erasing, rule, whole};

	return rep_changes_each(erasing->hub->db, &query, on_change, &taking, err);
}

/* Does the schema call anything personal that is the record's own, and no reference? */
static bool has_personal(const struct rep_entity *entity)
{
	for (size_t i = 0; entity && i < entity->fields_len; i++)
		if (entity->fields[i].personal && !entity->fields[i].to)
			return true;
	return false;
}

static enum rep_code take_marked(struct rep_erasing *erasing, const char *key,
				 struct rep_error *err)
{
	char entity[REP_NAME_LEN_MAX + 1];
	const char *slash = strchr(key, '/');
	const size_t before = erasing->len;
	struct rep_json *row = rep_json_object();
	enum rep_code rc;

	snprintf(entity, sizeof entity, "%.*s", (int)(slash - key), key);
	rc = take_record(erasing, entity, slash + 1, REP_ERASE_MARKED,
			 has_personal(rep_schema_entity(erasing->hub->schema, entity)), err);
	if (rc == REP_OK && erasing->len > before &&
	    (!rep_json_set_string(row, "entity", entity) ||
	     !rep_json_set_string(row, "id", slash + 1) ||
	     !rep_json_append(erasing->altered, rep_json_ref(row))))
		rc = no_memory(err);
	rep_json_free(row);
	return rc;
}

static enum rep_code on_sealed(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct rep_erasing *erasing = user;
	struct taking taking = {erasing, REP_ERASE_REASON, true};
	const char *reason = rep_json_get_string(change->owned_line, "reason");
	const struct rep_json *list;
	char key[REP_DEVICE_LEN + 32];

	snprintf(key, sizeof key, "%s/%lld", change->device, (long long)change->edit.seq);
	list = rep_json_get(erasing->reasons, key);
	for (size_t i = 0; reason && i < rep_json_size(list); i++)
		if (strcmp(rep_json_string_value(rep_json_at(list, i)), reason) == 0)
			return on_change(&taking, change, err);
	return REP_OK;
}

/* What was sealed in one piece of work bears one reason. */
static enum rep_code take_reasons(struct rep_erasing *erasing, struct rep_error *err)
{
	struct rep_json *sets = rep_json_dup(erasing->reasons);
	enum rep_code rc = sets ? REP_OK : no_memory(err);

	for (void *it = sets ? rep_json_iter(sets) : NULL; rc == REP_OK && it;
	     it = rep_json_iter_next(sets, it)) {
		const char *slash = strchr(rep_json_iter_key(it), '/');
		char device[REP_DEVICE_LEN + 1];
		const int64_t seq = strtoll(slash + 1, NULL, 10);

		snprintf(device, sizeof device, "%.*s", (int)(slash - rep_json_iter_key(it)),
			 rep_json_iter_key(it));
		for (unsigned i = 0; rc == REP_OK; i++) {
			struct rep_indexed change;
			bool found = false;

			rc = rep_changes_get(erasing->hub->db, device, seq, i, &change, &found,
					     err);
			if (rc == REP_OK && found)
				rc = on_sealed(erasing, &change, err);
			rep_indexed_clear(&change);
			if (!found)
				break;
		}
	}
	rep_json_free(sets);
	return rc;
}

/* ---- both ---- */

enum rep_code rep_erase_find(struct rep_erasing *erasing, struct rep_error *err)
{
	enum rep_code rc = find_records(erasing, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(erasing->queue); i++) {
		const struct rep_json *pair = rep_json_at(erasing->queue, i);

		rc = take_record(erasing, rep_json_string_value(rep_json_at(pair, 0)),
				 rep_json_string_value(rep_json_at(pair, 1)), REP_ERASE_RECORD,
				 true, err);
	}
	for (void *it = rep_json_iter(erasing->marked); rc == REP_OK && it;
	     it = rep_json_iter_next(erasing->marked, it))
		if (!rep_json_get(erasing->subjects, rep_json_iter_key(it)))
			rc = take_marked(erasing, rep_json_iter_key(it), err);
	if (rc == REP_OK)
		rc = take_reasons(erasing, err);
	return rc;
}
