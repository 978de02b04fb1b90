/*
 * The records that a run has in its hands: each is read once, folded in memory, its row written after every change (so that SQL
 * sees it), its files once a batch.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/store/columns.h"
#include "sync/hub/match.h"
#include "sync/run/run.h"

#define DESK "desk"

static uint64_t hash_of(const char *entity, const char *id)
{
	uint64_t hash = 1469598103934665603u; /* FNV-1a */

	for (const char *at = entity; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 1099511628211u;
	hash = (hash ^ '/') * 1099511628211u;
	for (const char *at = id; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 1099511628211u;
	return hash;
}

static void free_touched(struct rep_touched *touched)
{
	if (!touched)
		return;
	rep_folded_clear(&touched->folded);
	for (size_t i = 0; i < touched->items_len; i++) {
		free(touched->items[i].id);
		free(touched->items[i].partition);
		free(touched->items[i].twin);
	}
	free(touched->items);
	free(touched->members);
	free(touched->was);
	free(touched->id);
	free(touched);
}

void rep_run_touched_clear(struct rep_run *run)
{
	for (size_t i = 0; i < run->touched_cap; i++)
		free_touched(run->touched[i]);
	free(run->touched);
	run->touched = NULL;
	run->touched_len = run->touched_cap = 0;
}

static size_t slot_of(struct rep_touched *const *table, size_t cap, uint64_t hash,
		      const char *entity, const char *id)
{
	size_t at = hash & (cap - 1);

	while (table[at] && (table[at]->hash != hash || strcmp(table[at]->id, id) != 0 ||
			     strcmp(table[at]->entity->name, entity) != 0))
		at = (at + 1) & (cap - 1);
	return at;
}

static enum rep_code grow(struct rep_run *run, struct rep_error *err)
{
	size_t cap = run->touched_cap ? 2 * run->touched_cap : 256;
	struct rep_touched **table;

	if (2 * run->touched_len < run->touched_cap)
		return REP_OK;
	table = calloc(cap, sizeof(*table));
	if (!table)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	for (size_t i = 0; i < run->touched_cap; i++) {
		struct rep_touched *touched = run->touched[i];

		if (touched)
			table[slot_of(table, cap, touched->hash, touched->entity->name,
				      touched->id)] = touched;
	}
	free(run->touched);
	run->touched = table;
	run->touched_cap = cap;
	return REP_OK;
}

/* ---- loading ---- */

/* A row of an item has to be taken away again, as its file, when no fold makes it any more. */
static enum rep_code note_item(struct rep_touched *touched, const struct rep_record *review,
			       struct rep_error *err)
{
	struct rep_touched_item *items =
		reallocarray(touched->items, touched->items_len + 1, sizeof(*items));
	struct rep_touched_item *item;

	if (!items)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	touched->items = items;
	item = &items[touched->items_len++];
	*item = (struct rep_touched_item){.entity = review->entity,
					  .id = strdup(review->id),
					  .partition = strdup(review->partition),
					  .twin = review->twin ? strdup(review->twin) : NULL};
	if (!item->id || !item->partition || (review->twin && !item->twin))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return REP_OK;
}

static enum rep_code add_review(struct rep_touched *touched, struct rep_record *review,
				struct rep_error *err)
{
	struct rep_folded *folded = &touched->folded;
	struct rep_record **reviews =
		reallocarray(folded->reviews, folded->reviews_len + 1, sizeof(*reviews));
	enum rep_code rc;

	if (!reviews)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	folded->reviews = reviews;
	rc = note_item(touched, review, err);
	if (rc == REP_OK)
		reviews[folded->reviews_len++] = review;
	return rc;
}

/* Conflicts and proposals of the record, by id; listed before they are read, so that a list cut short by memory is an error. */
static enum rep_code list_reviews(struct rep_run *run, struct rep_touched *touched,
				  struct rep_json *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(run->hub->db, &stmt,
			   "SELECT kind, id FROM _review WHERE entity = ?1 AND record = ?2"
			   " AND kind IN ('conflict', 'proposal') ORDER BY id",
			   err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, touched->entity->name);
	rep_bind_text(stmt, 2, touched->id);
	return rep_column_texts(stmt, 2, out, err);
}

static enum rep_code load_reviews(struct rep_run *run, struct rep_touched *touched,
				  struct rep_error *err)
{
	struct rep_json *list = rep_json_array();
	enum rep_code rc = list_reviews(run, touched, list, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(list); i++) {
		const struct rep_json *item = rep_json_at(list, i);
		const char *kind = rep_json_string_value(rep_json_at(item, 0));
		const char *id = rep_json_string_value(rep_json_at(item, 1));
		struct rep_record *review = NULL;

		rc = rep_row_get(run->hub->db, rep_schema_entity(run->hub->schema, kind), id,
				 &review, err);
		if (rc == REP_OK && review) {
			rc = add_review(touched, review, err);
			if (rc != REP_OK)
				rep_record_free(review);
		}
	}
	rep_json_free(list);
	return rc;
}

static enum rep_code load_last(struct rep_run *run, struct rep_touched *touched,
			       struct rep_error *err)
{
	struct rep_change_place last;
	enum rep_code rc = rep_changes_last(run->hub->db, touched->entity->name, touched->id, &last,
					    &touched->has_last, err);

	if (rc == REP_OK && touched->has_last) {
		memcpy(touched->last_stamp, last.eff.text, sizeof touched->last_stamp);
		memcpy(touched->last_device, last.device, sizeof touched->last_device);
		touched->last_seq = last.seq;
		touched->last_index = last.index;
	}
	return rc;
}

static enum rep_code load(struct rep_run *run, struct rep_touched *touched, struct rep_error *err)
{
	struct rep_folded *folded = &touched->folded;
	enum rep_code rc =
		rep_row_get(run->hub->db, touched->entity, touched->id, &folded->record, err);

	if (rc == REP_OK && folded->record && !(touched->was = strdup(folded->record->partition)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		rc = load_reviews(run, touched, err);
	return rc == REP_OK ? load_last(run, touched, err) : rc;
}

enum rep_code rep_run_touch(struct rep_run *run, const struct rep_entity *entity, const char *id,
			    struct rep_touched **out, struct rep_error *err)
{
	uint64_t hash = hash_of(entity->name, id);
	struct rep_touched *touched;
	enum rep_code rc = grow(run, err);
	size_t at;

	*out = NULL;
	if (rc != REP_OK)
		return rc;
	at = slot_of(run->touched, run->touched_cap, hash, entity->name, id);
	if (run->touched[at]) {
		*out = run->touched[at];
		return REP_OK;
	}
	touched = calloc(1, sizeof *touched);
	if (touched)
		*touched = (struct rep_touched){.entity = entity,
						.hash = hash,
						.id = strdup(id),
						.shape = run->hub->schema->version};
	if (!touched || !touched->id) {
		free_touched(touched);
		return rep_fail(err, REP_ENOMEM, "out of memory");
	}
	rc = load(run, touched, err);
	if (rc != REP_OK) {
		free_touched(touched);
		return rep_wrap(err, rc, "%s %s", entity->name, id);
	}
	touched->root = touched;
	run->touched[at] = *out = touched;
	run->touched_len++;
	return run->joining ? REP_OK : rep_run_join(run, touched, err);
}

/* ---- rows ---- */

static struct rep_touched_item *find_item(struct rep_touched *touched, const char *id)
{
	for (size_t i = 0; i < touched->items_len; i++)
		if (strcmp(touched->items[i].id, id) == 0)
			return &touched->items[i];
	return NULL;
}

static enum rep_code put_review(struct rep_run *run, struct rep_touched *touched,
				const struct rep_record *review, struct rep_error *err)
{
	struct rep_touched_item *item = find_item(touched, review->id);
	enum rep_code rc = item ? REP_OK : note_item(touched, review, err);

	if (item)
		item->gone = false;
	return rc == REP_OK ? rep_work_put(run->hub, review, NULL, err) : rc;
}

enum rep_code rep_run_rows_drop(struct rep_run *run, struct rep_touched *touched,
				struct rep_error *err)
{
	const struct rep_folded *folded = &touched->folded;
	enum rep_code rc = REP_OK;

	touched->changed = true;
	if (!folded->record && touched->was)
		rc = rep_work_drop(run->hub, touched->entity, touched->id, err);
	for (size_t i = 0; rc == REP_OK && i < touched->items_len; i++) {
		struct rep_touched_item *item = &touched->items[i];

		if (item->gone || rep_folded_review(folded, item->id))
			continue;
		rc = rep_row_remove(run->hub->db, item->entity, item->id, err);
		item->gone = true;
	}
	return rc;
}

enum rep_code rep_run_rows_put(struct rep_run *run, struct rep_touched *touched,
			       struct rep_error *err)
{
	const struct rep_folded *folded = &touched->folded;
	enum rep_code rc =
		folded->record ? rep_work_put(run->hub, folded->record, NULL, err) : REP_OK;

	for (size_t i = 0; rc == REP_OK && i < folded->reviews_len; i++)
		rc = put_review(run, touched, folded->reviews[i], err);
	return rc;
}

enum rep_code rep_run_touched_rows(struct rep_run *run, struct rep_touched *touched,
				   struct rep_error *err)
{
	enum rep_code rc = rep_run_rows_drop(run, touched, err);

	return rc == REP_OK ? rep_run_rows_put(run, touched, err) : rc;
}

/* ---- files ---- */

static enum rep_code remove_file(struct rep_run *run, const struct rep_entity *entity,
				 const char *partition, const char *id, const char *visibility,
				 struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(1024);
	enum rep_code rc;

	rep_record_path(&path, entity, partition, id, visibility);
	rc = rep_buf_check(&path, "path", err);
	if (rc == REP_OK)
		rc = rep_tree_remove(run->tree, rep_buf_str(&path), err);
	rep_buf_clear(&path);
	return rc;
}

enum rep_code rep_run_remove_record(struct rep_run *run, const struct rep_entity *entity,
				    const char *partition, const char *id, struct rep_error *err)
{
	const struct rep_schema *schema = run->hub->schema;
	enum rep_code rc = remove_file(run, entity, partition, id, "open", err);

	for (size_t i = 0; rc == REP_OK && i < schema->visibility_len; i++)
		if (rep_entity_has_twin(entity, schema->visibility[i].name))
			rc = remove_file(run, entity, partition, id, schema->visibility[i].name,
					 err);
	return rc;
}

static enum rep_code write_file(struct rep_run *run, const struct rep_record *record,
				const char *visibility, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(1024), bytes = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	enum rep_code rc;

	if (!rep_record_write(&bytes, record, visibility)) {
		rep_buf_clear(&bytes);
		return remove_file(run, record->entity, record->partition, record->id, visibility,
				   err);
	}
	rep_record_path(&path, record->entity, record->partition, record->id, visibility);
	rc = rep_buf_check(&path, "path", err);
	if (rc == REP_OK)
		rc = rep_buf_check(&bytes, rep_buf_str(&path), err);
	if (rc == REP_OK)
		rc = rep_tree_put_blob(run->tree, rep_buf_str(&path), bytes.data, bytes.len, err);
	rep_buf_clear(&path);
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_run_write_record(struct rep_run *run, const struct rep_record *record,
				   const char *was, struct rep_error *err)
{
	const struct rep_schema *schema = run->hub->schema;
	enum rep_code rc = REP_OK;

	if (was && strcmp(was, record->partition) != 0)
		rc = rep_run_remove_record(run, record->entity, was, record->id, err);
	if (rc == REP_OK)
		rc = write_file(run, record, "open", err);
	for (size_t i = 0; rc == REP_OK && i < schema->visibility_len; i++) {
		const char *visibility = schema->visibility[i].name;

		if (rep_entity_has_twin(record->entity, visibility))
			rc = write_file(run, record, visibility, err);
	}
	return rc;
}

static const char *item_partition(const struct rep_touched *touched, const char *id)
{
	for (size_t i = 0; i < touched->items_len; i++)
		if (strcmp(touched->items[i].id, id) == 0)
			return touched->items[i].partition;
	return NULL;
}

/*
 * A record that no partition claims lies on the desk, and an item there points to it as long as it does: who takes it gives it
 * a place.
 */
static enum rep_code flush_claim(struct rep_run *run, const struct rep_touched *touched,
				 struct rep_error *err)
{
	const struct rep_entity *kind = rep_schema_entity(run->hub->schema, "claim");
	const struct rep_record *record = touched->folded.record;
	bool was = touched->was && strcmp(touched->was, DESK) == 0;
	bool is = record && !record->deleted && strcmp(record->partition, DESK) == 0;
	struct rep_buf name = REP_BUF_INIT(256);
	struct rep_record *claim = NULL;
	char id[REP_UUID_LEN + 1];
	enum rep_code rc;

	/* Also where it lay there before: an earlier insert may have come late, or a restore. */
	if ((!was && !is) || !kind || touched->entity->partition != REP_PARTITION_OF)
		return REP_OK;
	rep_buf_printf(&name, "claim/%s/%s", touched->entity->name, touched->id);
	rep_uuid5(id, rep_buf_str(&name), name.len, NULL);
	rep_buf_clear(&name);
	if (!is) {
		rc = rep_row_remove(run->hub->db, kind, id, err);
		return rc == REP_OK ? rep_run_remove_record(run, kind, DESK, id, err) : rc;
	}
	rc = rep_record_new(&claim, kind, id, DESK, record->created_rep, record->created.text, err);
	if (rc != REP_OK)
		return rc;
	rep_record_put(claim, "entity", rep_json_string(touched->entity->name),
		       claim->created.text);
	rep_record_put(claim, "record", rep_json_string(touched->id), claim->created.text);
	if (claim->failed)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		rc = rep_row_put(run->hub->db, claim, NULL, "data", err);
	if (rc == REP_OK)
		rc = rep_run_write_record(run, claim, NULL, err);
	rep_record_free(claim);
	return rc;
}

/* What is not there any more. It may be another record's now, so that all of it goes before anything is written. */
static enum rep_code flush_gone(struct rep_run *run, struct rep_touched *touched,
				struct rep_error *err)
{
	const struct rep_folded *folded = &touched->folded;
	enum rep_code rc = REP_OK;

	if (!touched->changed)
		return REP_OK;
	if (!folded->record && touched->was)
		rc = rep_run_remove_record(run, touched->entity, touched->was, touched->id, err);
	for (size_t i = 0; rc == REP_OK && i < touched->items_len; i++)
		if (!rep_folded_review(folded, touched->items[i].id))
			rc = rep_run_remove_record(run, touched->items[i].entity,
						   touched->items[i].partition,
						   touched->items[i].id, err);
	return rep_wrap(err, rc, "%s %s", touched->entity->name, touched->id);
}

static enum rep_code flush_one(struct rep_run *run, struct rep_touched *touched,
			       struct rep_error *err)
{
	const struct rep_folded *folded = &touched->folded;
	enum rep_code rc = REP_OK;

	if (!touched->changed)
		return REP_OK;
	if (folded->record)
		rc = rep_run_write_record(run, folded->record, touched->was, err);
	for (size_t i = 0; rc == REP_OK && i < folded->reviews_len; i++)
		rc = rep_run_write_record(run, folded->reviews[i],
					  item_partition(touched, folded->reviews[i]->id), err);
	if (rc == REP_OK)
		rc = flush_claim(run, touched, err);
	if (rc == REP_OK && folded->record && run->total) /* a replay joins nobody */
		rc = rep_match_written(run->hub, folded->record, true, err);
	return rep_wrap(err, rc, "%s %s", touched->entity->name, touched->id);
}

enum rep_code rep_run_flush(struct rep_run *run, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < run->touched_cap; i++)
		if (run->touched[i])
			rc = flush_gone(run, run->touched[i], err);
	for (size_t i = 0; rc == REP_OK && i < run->touched_cap; i++)
		if (run->touched[i])
			rc = flush_one(run, run->touched[i], err);
	if (rc == REP_OK)
		rep_run_touched_clear(run);
	return rc;
}
