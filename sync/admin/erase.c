/*
 * hub erase: what is merged first, then what is to go (erase_find.c), as one change that lists it, which the next run carries out.
 */
#include "sync/admin/erase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/erased.h"
#include "sync/admin/erase_work.h"
#include "sync/hub/hub_line.h"
#include "sync/hub/leaving.h"
#include "sync/run/erasing.h"

#define CLOSURE_SIZE_MAX (512u * 1024u) /* of one change; a line may have 1 MiB */

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

/* ---- digests ---- */

static int compare_items(const void *a, const void *b)
{
	const struct rep_erase_item *x = a, *y = b;
	int order = strcmp(x->segment, y->segment);

	if (!order)
		order = (x->seq > y->seq) - (x->seq < y->seq);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void take_digests(struct rep_erase_item *items, size_t len, const struct rep_changeset *set)
{
	for (size_t i = 0; i < len; i++)
		if (items[i].seq == set->seq && items[i].index < set->changes_len)
			memcpy(items[i].digest, set->changes[items[i].index].digest,
			       sizeof items[i].digest);
}

/* Of items of one segment. */
static enum rep_code find_digests(struct rep_erasing *erasing, const struct rep_oid *root,
				  struct rep_erase_item *items, size_t len, struct rep_error *err)
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

static enum rep_code find_all_digests(struct rep_erasing *erasing, struct rep_error *err)
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

static struct rep_json *closure_item(const struct rep_erase_item *item)
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
static enum rep_code add_changes(struct rep_erasing *erasing, struct rep_hub_batch *batch,
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

static enum rep_code write(struct rep_erasing *erasing, struct rep_error *err)
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

static enum rep_code merge(struct rep_erasing *erasing, struct rep_error *err)
{
	const struct rep_hub_merge options = {.now_ms = erasing->erase->now_ms};
	struct rep_json *summary = NULL;
	enum rep_code rc = rep_hub_merge(erasing->hub, &options, &summary, err);

	rep_json_free(summary);
	return rc;
}

/* ---- may it be ---- */

static enum rep_code check(struct rep_erasing *erasing, struct rep_error *err)
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

static bool put_erased(struct rep_json *out, const struct rep_erasing *erasing)
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

static bool put_pending(struct rep_json *out, const struct rep_erasing *erasing)
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

static enum rep_code report(struct rep_erasing *erasing, struct rep_json **out,
			    struct rep_error *err)
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

static void clear(struct rep_erasing *erasing)
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
	struct rep_erasing erasing = {
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
		rc = rep_erase_find(&erasing, err);
	if (rc == REP_OK)
		rc = find_all_digests(&erasing, err);
	if (rc == REP_OK && !erase->preview)
		rc = write(&erasing, err);
	if (rc == REP_OK && !erase->preview)
		rc = merge(&erasing, err);
	if (rc == REP_OK)
		rc = report(&erasing, out, err);
	clear(&erasing);
	return rep_wrap(err, rc, "erase %s %s", erase->entity, erase->id);
}
