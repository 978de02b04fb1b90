/*
 * hub erase. First the records: from the one that is named to those that it is one with, and along references that say `erase`. Then the
 * lines: every one of a record that is erased; of a record that refers to one, every line where the schema calls something of it personal,
 * else those that name it and lose a reference; and of each change set that lost a reason, the lines with the same reason.
 */
#include "sync/admin/erase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/aliases.h"
#include "core/store/erased.h"
#include "sync/admin/erase_work.h"
#include "sync/hub/hub_line.h"
#include "sync/hub/leaving.h"
#include "sync/run/erasing.h"

#define CLOSURE_SIZE_MAX (512u * 1024u) /* of one change; a line may have 1 MiB */
#define KEY_SIZE (REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2)

/* A line that is to go. */
struct item {
	char device[REP_DEVICE_LEN + 1];
	int64_t seq;
	unsigned index;
	char *segment;
	char *kept; /* or NULL */
	char digest[REP_HASH_HEX + 1];
};
struct erasing {
	struct rep_hub *hub;
	const struct rep_erase *erase;
	struct rep_json *subjects; /* "<entity>/<id>" -> true */
	struct rep_json *queue;    /* [entity, id] in the order in which they were found */
	struct rep_json
		*marked; /* "<entity>/<id>" -> true: refer to a subject, and lose something */
	struct rep_json *altered; /* those that really do */
	struct rep_json *listed;  /* "device/seq/index" */
	struct rep_json *reasons; /* "device/seq" -> [reason] */
	struct item *items;
	size_t len, cap, kept;
};

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

static void key_of(char out[KEY_SIZE], const char *entity, const char *id)
{
	snprintf(out, KEY_SIZE, "%.40s/%.64s", entity, id);
}

/* ---- the records ---- */

static enum rep_code add_subject(struct erasing *erasing, const char *entity, const char *id,
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

static enum rep_code add_group(struct erasing *erasing, const char *entity, const char *id,
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
static enum rep_code schema_of(struct erasing *erasing, const struct rep_edit *edit,
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
	struct erasing *erasing;
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

static enum rep_code find_referring(struct erasing *erasing, const char *entity, const char *id,
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

static enum rep_code find_records(struct erasing *erasing, struct rep_error *err)
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
static enum rep_code add_item(struct erasing *erasing, const struct rep_indexed *change,
			      struct rep_json *kept, struct rep_error *err)
{
	char key[REP_DEVICE_LEN + 48];
	struct item *item;
	enum rep_code rc = REP_OK;

	snprintf(key, sizeof key, "%s/%lld/%u", change->device, (long long)change->edit.seq,
		 change->edit.index);
	if (erasing->len == erasing->cap) {
		const size_t cap = erasing->cap ? 2 * erasing->cap : 64;
		struct item *grown = reallocarray(erasing->items, cap, sizeof *grown);

		if (!grown) {
			rep_json_free(kept);
			return no_memory(err);
		}
		erasing->items = grown;
		erasing->cap = cap;
	}
	item = &erasing->items[erasing->len];
	*item = (struct item){.seq = change->edit.seq, .index = change->edit.index};
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

static bool is_listed(const struct erasing *erasing, const struct rep_indexed *change)
{
	char key[REP_DEVICE_LEN + 48];

	snprintf(key, sizeof key, "%s/%lld/%u", change->device, (long long)change->edit.seq,
		 change->edit.index);
	return rep_json_get(erasing->listed, key) != NULL;
}

/* The hub's own reasons are its own words, or those of a command about this very record. */
static enum rep_code note_reason(struct erasing *erasing, const struct rep_indexed *change,
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
	struct erasing *erasing;
	enum rep_erase_rule rule;
	bool whole; /* every line, also one that keeps all its values */
};

static enum rep_code on_change(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct taking *taking = user;
	struct erasing *erasing = taking->erasing;
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

static enum rep_code take_record(struct erasing *erasing, const char *entity, const char *id,
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

static enum rep_code take_marked(struct erasing *erasing, const char *key, struct rep_error *err)
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
	struct erasing *erasing = user;
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
static enum rep_code take_reasons(struct erasing *erasing, struct rep_error *err)
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

/* ---- digests ---- */

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = strcmp(x->segment, y->segment);

	if (!order)
		order = (x->seq > y->seq) - (x->seq < y->seq);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void take_digests(struct item *items, size_t len, const struct rep_changeset *set)
{
	for (size_t i = 0; i < len; i++)
		if (items[i].seq == set->seq && items[i].index < set->changes_len)
			memcpy(items[i].digest, set->changes[items[i].index].digest,
			       sizeof items[i].digest);
}

/* Of items of one segment. */
static enum rep_code find_digests(struct erasing *erasing, const struct rep_oid *root,
				  struct item *items, size_t len, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_oid oid;
	bool is_tree = false;
	size_t at = 0;
	enum rep_code rc =
		rep_tree_find(erasing->hub->central, root, items->segment, &oid, &is_tree, err);

	if (rc == REP_OK)
		rc = rep_git_read(erasing->hub->central, &oid, REP_OBJECT_BLOB, &bytes, err);
	while (rc == REP_OK && at < bytes.len) {
		struct rep_changeset set = {0};
		size_t used = 0;

		rc = rep_changeset_read(&set, &used, bytes.data + at, bytes.len - at, NULL, err);
		if (rc == REP_OK)
			take_digests(items, len, &set);
		rep_changeset_clear(&set);
		at += used;
	}
	for (size_t i = 0; rc == REP_OK && i < len; i++)
		if (!*items[i].digest)
			rc = rep_fail(err, REP_EINTEGRITY, "it lacks change set %lld",
				      (long long)items[i].seq);
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, "%s", items->segment);
}

static enum rep_code find_all_digests(struct erasing *erasing, struct rep_error *err)
{
	struct rep_oid head, root, parent;
	int64_t time_s;
	size_t from = 0;
	enum rep_code rc = rep_git_ref(erasing->hub->central, REP_MAIN, &head, err);

	if (rc == REP_OK)
		rc = rep_git_commit_read(erasing->hub->central, &head, &root, &parent, &time_s,
					 err);
	if (erasing->len)
		qsort(erasing->items, erasing->len, sizeof *erasing->items, compare_items);
	while (rc == REP_OK && from < erasing->len) {
		size_t to = from + 1;

		while (to < erasing->len &&
		       strcmp(erasing->items[to].segment, erasing->items[from].segment) == 0)
			to++;
		rc = find_digests(erasing, &root, &erasing->items[from], to - from, err);
		from = to;
	}
	return rc;
}

/* ---- the change ---- */

static struct rep_json *closure_item(const struct item *item)
{
	struct rep_json *out = rep_json_object();

	if (rep_json_set_string(out, "device", item->device) &&
	    rep_json_set_string(out, "digest", item->digest) &&
	    rep_json_set_integer(out, "index", item->index) &&
	    rep_json_set_integer(out, "seq", item->seq) &&
	    (!item->kept || rep_json_set_string(out, "kept", item->kept)))
		return out;
	rep_json_free(out);
	return NULL;
}

/* One change for each record that goes; the lines are told with the first, or as many as it takes. */
static enum rep_code add_changes(struct erasing *erasing, struct rep_hub_batch *batch,
				 struct rep_error *err)
{
	size_t at = 0;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && (i < rep_json_size(erasing->queue) || at < erasing->len);
	     i++) {
		const size_t last = rep_json_size(erasing->queue) - 1;
		const struct rep_json *pair = rep_json_at(erasing->queue, i < last ? i : last);
		struct rep_json *line = rep_json_object(), *closure = rep_json_array();
		bool good = true;

		for (size_t size = 0; good && at < erasing->len && size < CLOSURE_SIZE_MAX; at++) {
			size += 200 +
				(erasing->items[at].kept ? 2 * strlen(erasing->items[at].kept) : 0);
			good = rep_json_append(closure, closure_item(&erasing->items[at]));
		}
		if (!good || !rep_json_set(line, "closure", closure)) {
			rep_json_free(line);
			return no_memory(err);
		}
		rc = rep_hub_batch_add(batch, REP_OP_ERASE,
				       rep_json_string_value(rep_json_at(pair, 0)),
				       rep_json_string_value(rep_json_at(pair, 1)), line, err);
	}
	return rc;
}

static enum rep_code write(struct erasing *erasing, struct rep_error *err)
{
	const struct rep_erase *erase = erasing->erase;
	struct rep_hub_batch *batch = NULL;
	enum rep_code rc =
		rep_hub_batch_new(&batch, erasing->hub, erase->reason, erase->now_ms, err);

	if (rc == REP_OK)
		rc = add_changes(erasing, batch, err);
	if (rc == REP_OK)
		rc = rep_hub_batch_send(batch, err);
	rep_hub_batch_free(batch);
	return rc;
}

static enum rep_code merge(struct erasing *erasing, struct rep_error *err)
{
	const struct rep_hub_merge options = {.now_ms = erasing->erase->now_ms};
	struct rep_json *summary = NULL;
	enum rep_code rc = rep_hub_merge(erasing->hub, &options, &summary, err);

	rep_json_free(summary);
	return rc;
}

/* ---- may it be ---- */

static enum rep_code check(struct erasing *erasing, struct rep_error *err)
{
	const struct rep_erase *erase = erasing->erase;
	const struct rep_entity *entity = rep_schema_entity(erasing->hub->schema, erase->entity);
	struct rep_db *db = erasing->hub->db;
	struct rep_change_place place;
	struct rep_stmt *stmt;
	bool found = false, erased = false, row = false;
	enum rep_code rc;

	if (!entity)
		return rep_fail(err, REP_ENOTFOUND, "there is no entity %s", erase->entity);
	if (entity->builtin != REP_BUILTIN_NONE)
		return rep_fail(err, REP_EREFUSED, "%s: nothing of the organisation is erased",
				erase->entity);
	rc = rep_erased_has_record(db, erase->entity, erase->id, &erased, err);
	if (rc == REP_OK && erased)
		return rep_fail(err, REP_EREFUSED, "%s %s was erased already", erase->entity,
				erase->id);
	if (rc == REP_OK)
		rc = rep_changes_last(db, erase->entity, erase->id, &place, &found, err);
	if (rc == REP_OK && !found)
		return rep_fail(err, REP_ENOTFOUND, "there is no %s %s", erase->entity, erase->id);
	if (rc == REP_OK)
		rc = rep_db_use(db, &stmt,
				"SELECT device, blocked FROM _mailbox WHERE blocked IS NOT NULL",
				err);
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		const struct rep_org_device *device =
			rep_org_device(erasing->hub->org, rep_column_text(stmt, 0, NULL));

		if (!device || !device->state || strcmp(device->state, "active") != 0)
			continue;
		rc = rep_fail(err, REP_EREFUSED, "device %s is blocked: %.120s", device->id,
			      rep_column_text(stmt, 1, NULL));
		rep_hint(err, "what it sent cannot be read, and may be of this record: revoke the "
			      "device first");
		rep_stmt_reset(stmt);
		break;
	}
	return rc;
}

/* ---- the report ---- */

static bool put_erased(struct rep_json *out, const struct erasing *erasing)
{
	struct rep_json *list = rep_json_array();
	bool good = true;

	for (size_t i = 0; good && i < rep_json_size(erasing->queue); i++) {
		const struct rep_json *pair = rep_json_at(erasing->queue, i);
		struct rep_json *row = rep_json_object();

		good = rep_json_set(row, "entity", rep_json_ref(rep_json_at(pair, 0))) &&
		       rep_json_set(row, "id", rep_json_ref(rep_json_at(pair, 1)));
		good = rep_json_append(list, row) && good;
	}
	return rep_json_set(out, "erased", list) && good;
}

static bool put_devices(struct rep_json *out, const struct rep_json *all)
{
	static const char *const told[] = {"device", "rep", "last_contact", "lease"};
	struct rep_json *list = rep_json_array();
	bool good = true;

	for (size_t i = 0; good && i < rep_json_size(all); i++) {
		const struct rep_json *device = rep_json_at(all, i);
		const char *state = rep_json_get_string(device, "state");
		struct rep_json *row;

		if (!state || strcmp(state, "active") != 0)
			continue;
		row = rep_json_object();
		for (size_t k = 0; good && k < sizeof told / sizeof *told; k++)
			good = rep_json_set(row, told[k],
					    rep_json_get(device, told[k])
						    ? rep_json_ref(rep_json_get(device, told[k]))
						    : rep_json_null());
		good = rep_json_append(list, row) && good;
	}
	return rep_json_set(out, "devices", list) && good;
}

static bool put_pending(struct rep_json *out, const struct erasing *erasing)
{
	const struct rep_org_device *devices;
	const size_t len = rep_org_devices(erasing->hub->org, &devices);
	struct rep_json *list = rep_json_array();
	bool good = true;

	for (size_t i = 0; good && i < len; i++)
		if (rep_erasing_is_noted(erasing->hub, devices[i].id))
			good = rep_json_append(list, rep_json_string(devices[i].id));
	return rep_json_set(out, "pending", list) && good;
}

static enum rep_code report(struct erasing *erasing, struct rep_json **out, struct rep_error *err)
{
	const struct rep_erase *erase = erasing->erase;
	struct rep_json *devices = NULL, *report = rep_json_object();
	enum rep_code rc = rep_hub_devices(erasing->hub, NULL, erase->now_ms, &devices, err);

	if (rc == REP_OK && (!rep_json_set_string(report, "entity", erase->entity) ||
			     !rep_json_set_string(report, "id", erase->id) ||
			     !rep_json_set(report, "preview", rep_json_bool(erase->preview)) ||
			     !put_erased(report, erasing) ||
			     !rep_json_set(report, "altered", rep_json_ref(erasing->altered)) ||
			     !rep_json_set_integer(report, "lines", (int64_t)erasing->len) ||
			     !rep_json_set_integer(report, "kept", (int64_t)erasing->kept) ||
			     !put_devices(report, devices) || !put_pending(report, erasing)))
		rc = no_memory(err);
	rep_json_free(devices);
	if (rc == REP_OK)
		*out = report;
	else
		rep_json_free(report);
	return rc;
}

/* ---- the whole ---- */

static enum rep_code gather(struct erasing *erasing, struct rep_error *err)
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
	return rc == REP_OK ? find_all_digests(erasing, err) : rc;
}

static void clear(struct erasing *erasing)
{
	for (size_t i = 0; i < erasing->len; i++) {
		free(erasing->items[i].segment);
		free(erasing->items[i].kept);
	}
	free(erasing->items);
	rep_json_free(erasing->subjects);
	rep_json_free(erasing->queue);
	rep_json_free(erasing->marked);
	rep_json_free(erasing->altered);
	rep_json_free(erasing->listed);
	rep_json_free(erasing->reasons);
}

enum rep_code rep_hub_erase(struct rep_hub *hub, const struct rep_erase *erase,
			    struct rep_json **out, struct rep_error *err)
{
	struct erasing erasing = {
		.hub = hub,
		.erase = erase,
		.subjects = rep_json_object(),
		.queue = rep_json_array(),
		.marked = rep_json_object(),
		.altered = rep_json_array(),
		.listed = rep_json_object(),
		.reasons = rep_json_object(),
	};
	enum rep_code rc = check(&erasing, err);

	*out = NULL;
	/* Nothing that a mailbox holds is left behind: one is begun anew when all of it is merged. */
	if (rc == REP_OK && !erase->preview)
		rc = merge(&erasing, err);
	if (rc == REP_OK && !erase->preview)
		rc = check(&erasing, err);
	if (rc == REP_OK)
		rc = gather(&erasing, err);
	if (rc == REP_OK && !erase->preview)
		rc = write(&erasing, err);
	if (rc == REP_OK && !erase->preview)
		rc = merge(&erasing, err);
	if (rc == REP_OK)
		rc = report(&erasing, out, err);
	clear(&erasing);
	return rep_wrap(err, rc, "erase %s %s", erase->entity, erase->id);
}
