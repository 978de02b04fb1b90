/*
 * A version of the schema is published, and comes into force.
 *
 * Published: a change of the hub's own, signed in its chain, names number, hash and beginning; the files that this hash is of were
 * put into central before (hub_schema.c) and become part of its tree with the change. Such a batch is merged by itself, so that
 * whatever is merged after it knows of it.
 *
 * In force: the first run at or after the beginning gives tables, rows and files the shape of the new version, in a part of its
 * own. Only what the two versions say differently is folded again, and what bears a stamp of the new version's time already (a
 * clock may be five minutes ahead): folded under the old rules so far, it is the new ones' now. So central is what a replay of all
 * journals gives, whenever it came into force here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/tables.h"
#include "sync/run/run.h"

#define TOUCHED_MAX 5000u

/* ---- publishing ---- */

void rep_run_only_release(struct rep_run *run)
{
	bool any = false;
	size_t kept = 0;

	for (size_t i = 0; i < run->batches_len; i++)
		any = any || run->batches[i].release;
	for (size_t i = 0; any && i < run->batches_len; i++) {
		struct rep_run_batch *batch = &run->batches[i];

		if (batch->release) {
			run->batches[kept++] = *batch;
			continue;
		}
		for (size_t k = 0; k < run->tips_len; k++)
			if (strcmp(run->tips[k].device, batch->device) == 0)
				run->tips[k].keep = true; /* to be read again by the next run */
		rep_run_batch_clear(batch);
	}
	if (any)
		run->batches_len = kept;
}

static enum rep_code put_once(struct rep_run *run, const char *path, const struct rep_oid *tree,
			      struct rep_error *err)
{
	struct rep_oid known;
	bool is_tree;
	enum rep_code rc = rep_tree_get(run->tree, path, &known, &is_tree, err);

	if (rc != REP_OK || !rep_oid_is_zero(&known))
		return rc;
	return rep_tree_put(run->tree, path, tree, true, err);
}

enum rep_code rep_run_put_release(struct rep_run *run, const struct rep_edit *edit,
				  struct rep_error *err)
{
	const struct rep_schema *schema = run->hub->schema;
	const struct rep_entity *entity = rep_schema_entity(schema, edit->entity);
	const struct rep_json *values = rep_json_get(edit->line, "values");
	const char *hash = rep_json_get_string(rep_json_get(values, "hash"), "new");
	struct rep_oid tree, now;
	bool is_tree;
	char path[64];
	enum rep_code rc;

	if (!entity || entity->builtin != REP_BUILTIN_RELEASE || edit->op != REP_OP_INSERT || !hash)
		return REP_OK;
	rc = rep_release_files(run->hub, edit->id, hash, &tree, err);
	if (rc == REP_OK && rep_oid_is_zero(&tree))
		rc = rep_fail(err, REP_EINTEGRITY, "the files of version %s are missing", edit->id);
	/* The first publication keeps the files of the version in force too: from now on there are several. */
	if (rc == REP_OK)
		rc = rep_tree_get(run->tree, "schema", &now, &is_tree, err);
	snprintf(path, sizeof path, REP_PATH_SCHEMAS "/%d", schema->version);
	if (rc == REP_OK)
		rc = put_once(run, path, &now, err);
	snprintf(path, sizeof path, REP_PATH_SCHEMAS "/%.40s", edit->id);
	if (rc == REP_OK)
		rc = put_once(run, path, &tree, err);
	return rep_wrap(err, rc, "publish version %s of the schema", edit->id);
}

/* ---- coming into force ---- */

struct change {
	struct rep_run *run;
	const struct rep_schema *was, *now;
	char since[REP_TIME_LEN + 1];
};

static const struct rep_schema_file *file_of(const struct rep_schema *schema, const char *entity)
{
	char path[REP_NAME_LEN_MAX + 32];

	snprintf(path, sizeof path, "entities/%s.json", entity);
	for (size_t i = 0; i < schema->files->len; i++)
		if (strcmp(schema->files->files[i].path, path) == 0)
			return &schema->files->files[i];
	return NULL;
}

static bool is_mapped(const struct change *change, const char *entity)
{
	const struct rep_json *mappings = change->now->mappings;

	for (size_t i = 0; i < rep_json_size(mappings); i++) {
		const char *name = rep_json_get_string(rep_json_at(mappings, i), "entity");

		if (name && strcmp(name, entity) == 0 &&
		    rep_json_get_integer(rep_json_at(mappings, i), "from") == change->was->version)
			return true;
	}
	return false;
}

/* May records of the entity look otherwise under the new version? */
static bool differs(const struct change *change, const char *entity)
{
	const struct rep_schema_file *was = file_of(change->was, entity),
				     *now = file_of(change->now, entity);

	if (!was || !now)
		return was != now;
	return was->size_bytes != now->size_bytes ||
	       memcmp(was->data, now->data, now->size_bytes) != 0 || is_mapped(change, entity);
}

/* A field may lie in another class by now, and an item's with it: the files as they were go first. */
static enum rep_code remove_files(const struct change *change, const struct rep_touched *touched,
				  struct rep_error *err)
{
	const struct rep_entity *was = rep_schema_entity(change->was, touched->entity->name);
	enum rep_code rc = REP_OK;

	if (touched->was && was)
		rc = rep_run_remove_record(change->run, was, touched->was, touched->id, err);
	for (size_t i = 0; rc == REP_OK && i < touched->items_len; i++)
		rc = rep_run_remove_record(change->run, touched->items[i].entity,
					   touched->items[i].partition, touched->items[i].id, err);
	return rc;
}

static enum rep_code fold_again(const struct change *change, const char *entity_name,
				const char *id, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(change->now, entity_name);
	struct rep_run *run = change->run;
	struct rep_touched *touched;
	enum rep_code rc;

	if (!entity) /* of a change set that was refused: it never was one */
		return REP_OK;
	rc = rep_run_touch(run, entity, id, &touched, err);
	if (rc == REP_OK)
		rc = remove_files(change, touched, err);
	if (rc == REP_OK)
		rc = rep_run_refold(run, touched, err);
	if (rc == REP_OK && run->touched_len > TOUCHED_MAX)
		rc = rep_run_flush(run, err);
	return rc;
}

/* What `sql` lists as (entity, id), with `text` as its parameter. It must sort, so that the list stands before a row changes. */
static enum rep_code fold_listed(const struct change *change, const char *sql, const char *text,
				 struct rep_error *err)
{
	struct rep_stmt *stmt = NULL;
	uint64_t done = 0;
	bool row = true;
	enum rep_code rc = rep_db_prepare(change->run->hub->db, &stmt, sql, err);

	if (rc == REP_OK)
		rep_bind_text(stmt, 1, text);
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		rc = fold_again(change, rep_column_text(stmt, 0, NULL),
				rep_column_text(stmt, 1, NULL), err);
		rep_progress_step(change->run->options->progress, "new version", ++done, 0);
	}
	rep_stmt_free(stmt);
	return rc;
}

/* Who holds which unique value is noted again as the records are folded. */
static enum rep_code forget_unique(const struct change *change, const char *entity,
				   struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(change->run->hub->db, &stmt,
				      "DELETE FROM _unique WHERE entity = ?1", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	return rep_run(stmt, err);
}

static enum rep_code fold_records(const struct change *change, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < change->now->entities_len; i++) {
		const struct rep_entity *entity = &change->now->entities[i];

		if (!differs(change, entity->name))
			continue;
		rc = forget_unique(change, entity->name, err);
		if (rc == REP_OK)
			rc = fold_listed(change,
					 "SELECT entity, id FROM _change WHERE entity = ?1"
					 " GROUP BY id ORDER BY min(eff)",
					 entity->name, err);
	}
	if (rc == REP_OK)
		rc = fold_listed(change,
				 "SELECT entity, id FROM _change WHERE eff >= ?1"
				 " GROUP BY entity, id ORDER BY min(eff)",
				 change->since, err);
	return rc == REP_OK ? rep_run_flush(change->run, err) : rc;
}

static enum rep_code put_files(const struct change *change, struct rep_error *err)
{
	struct rep_run *run = change->run;
	struct rep_oid tree;
	bool is_tree;
	char path[32];
	enum rep_code rc;

	snprintf(path, sizeof path, REP_PATH_SCHEMAS "/%d", change->now->version);
	rc = rep_tree_get(run->tree, path, &tree, &is_tree, err);
	if (rc == REP_OK && rep_oid_is_zero(&tree))
		rc = rep_fail(err, REP_EINTEGRITY, "there is no %s/", path);
	if (rc == REP_OK)
		rc = rep_tree_remove(run->tree, "schema", err);
	return rc == REP_OK ? rep_tree_put(run->tree, "schema", &tree, true, err) : rc;
}

/* The hub in the new shape, within the transaction of the part. */
static enum rep_code reshape(const struct change *change, struct rep_error *err)
{
	struct rep_hub *hub = change->run->hub;
	enum rep_code rc = rep_tables_reshape(hub->db, change->was, change->now, err);

	if (rc == REP_OK)
		rc = rep_work_create(hub, err);
	if (rc == REP_OK)
		rc = rep_hub_reload_org(hub, err);
	rep_run_bind(change->run);
	return rc;
}

static enum rep_code enforce(const struct change *change, struct rep_error *err)
{
	struct rep_run *run = change->run;
	char subject[200];
	enum rep_code rc = rep_run_begin(run, err);

	if (rc == REP_OK)
		rc = reshape(change, err);
	if (rc == REP_OK)
		rc = fold_records(change, err);
	if (rc == REP_OK)
		rc = put_files(change, err);
	if (rc == REP_OK)
		rc = rep_work_set(run->hub->db, "schema", change->now->hash, err);
	snprintf(subject, sizeof subject, "schema %s: in force since %s", change->now->id,
		 change->since);
	if (rc == REP_OK)
		rc = rep_run_commit_own(run, subject, err);
	if (rc == REP_OK)
		rc = rep_run_finish(run, err);
	else
		rep_run_abort(run);
	return rc;
}

/* The next version in the order of numbers whose time has come; false where there is none. */
static bool find_due(const struct rep_run *run, const struct rep_release *list, size_t len,
		     struct rep_release *out)
{
	for (size_t i = 0; i < len; i++) {
		if (list[i].number <= run->hub->schema->version)
			continue;
		*out = list[i];
		return strcmp(list[i].since, run->time) <= 0;
	}
	return false;
}

static enum rep_code load_next(struct rep_run *run, const struct rep_release *due,
			       struct change *change, struct rep_error *err)
{
	struct rep_hub *hub = run->hub;
	enum rep_code rc = REP_OK;

	*change = (struct change){.run = run, .was = hub->schema};
	memcpy(change->since, due->since, sizeof change->since);
	if (!rep_versions_has(hub->versions, due->number))
		rc = rep_versions_add(hub->versions, due->number, due->since, err);
	if (rc == REP_OK)
		rc = rep_versions_schema(hub->versions, due->number, &change->now, err);
	if (rc == REP_OK)
		rc = rep_release_check(due, change->now, err);
	return rc;
}

enum rep_code rep_run_switch(struct rep_run *run, bool *done, struct rep_error *err)
{
	struct rep_hub *hub = run->hub;
	struct rep_release *list, due = {0};
	struct change change;
	size_t len;
	enum rep_code rc = rep_hub_releases(hub, &list, &len, err);

	*done = rc == REP_OK && find_due(run, list, len, &due);
	free(list);
	if (rc != REP_OK || !*done)
		return rc;
	rc = load_next(run, &due, &change, err);
	if (rc == REP_OK) {
		rep_run_checks_clear(run);
		rep_hub_enforce(hub, change.now);
		rc = enforce(&change, err);
		if (rc != REP_OK) {
			struct rep_error again;

			rep_hub_enforce(hub, change.was);
			rep_run_forget_eras(run);
			rep_db_forget_kept(hub->db); /* they were made for the new tables */
			if (rep_hub_reload_org(hub, &again) != REP_OK)
				*err = again;
		}
	}
	if (rc == REP_OK) {
		run->total->number = run->number;
		memcpy(run->total->commit, run->commit, sizeof run->total->commit);
	}
	return rep_wrap(err, rc, "bring version %d of the schema into force", due.number);
}
