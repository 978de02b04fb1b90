/*
 * Residues: what a rep keeps of the own records whose account is out of sight. The fields that the entity declares, with their
 * stamps, as a record of the rep's own file, flagged `residue`.
 *
 * They are made for the view and never lie in central: whether an account is held depends on the hub's time, and central's
 * trees on nothing but the changes. So the rep's file is the one partition of a view whose tree is not central's own.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/run/publish.h"

struct residue {
	struct rep_publish *publish;
	struct rep_publish_view *view;
	const struct rep_entity *entity;
	char partition[REP_ID_LEN_MAX + 8 + 1]; /* the rep's own file */
	struct rep_buf opened;                  /* the folder that was opened last */
	bool linkable;                          /* linked/ brings records of the entity */
};

/* ---- which records ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, *(char *const *)b);
}

/* Does the view hold the entity's records of this partition whole? */
static bool is_held(const struct rep_publish_view *view, const char *partition, const char *entity)
{
	if (view->scope.all)
		return rep_view_scope_carries(&view->scope, partition, entity);
	return view->scope.partitions_len &&
	       bsearch(partition, view->scope.partitions, view->scope.partitions_len,
		       sizeof *view->scope.partitions, compare_names);
}

/* Texts of the first column of a query with the rep as its first parameter and `second`, if given, as the other. */
static enum rep_code list_texts(struct residue *residue, const char *sql, const char *second,
				struct rep_json *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(residue->publish->hub->db, &stmt, sql, err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, residue->view->device->rep);
	if (second)
		rep_bind_text(stmt, 2, second);
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		const char *text = rep_column_text(stmt, 0, NULL);

		if (text && !rep_json_append(out, rep_json_string(text)))
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
	}
	rep_stmt_reset(stmt);
	return rc;
}

/* The partitions in which the rep made records, each found by one step in the index: a view must not cost what they hold. */
static enum rep_code list_partitions(struct residue *residue, struct rep_json *out,
				     struct rep_error *err)
{
	const char *table = rep_table_name(residue->entity);
	struct rep_buf sql = REP_BUF_INIT(2048);
	enum rep_code rc;

	rep_buf_printf(&sql,
		       "WITH RECURSIVE p(name) AS (SELECT min(_partition) FROM \"%s\""
		       " WHERE _created_rep = ?1 UNION ALL SELECT (SELECT min(_partition)"
		       " FROM \"%s\" WHERE _created_rep = ?1 AND _partition > p.name) FROM p"
		       " WHERE p.name IS NOT NULL) SELECT name FROM p WHERE name IS NOT NULL",
		       table, table);
	rc = rep_buf_check(&sql, "statement", err);
	if (rc == REP_OK)
		rc = list_texts(residue, rep_buf_str(&sql), NULL, out, err);
	rep_buf_clear(&sql);
	return rc;
}

static enum rep_code list_records(struct residue *residue, const char *partition,
				  struct rep_json *out, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(1024);
	enum rep_code rc;

	rep_buf_printf(&sql,
		       "SELECT id FROM \"%s\" WHERE _created_rep = ?1 AND _partition = ?2"
		       " AND _deleted IS NULL ORDER BY id",
		       rep_table_name(residue->entity));
	rc = rep_buf_check(&sql, "statement", err);
	if (rc == REP_OK)
		rc = list_texts(residue, rep_buf_str(&sql), partition, out, err);
	rep_buf_clear(&sql);
	return rc;
}

/* ---- what is left of one ---- */

static bool is_kept(const struct rep_entity *entity, const char *field)
{
	const struct rep_field *known = rep_entity_field(entity, field);

	for (size_t i = 0; known && i < entity->residue_len; i++)
		if (strcmp(entity->residue[i], field) == 0)
			return strcmp(known->visibility, "open") == 0;
	return false;
}

/* An object of what the fields that stay have in `object`, and `always` in any case. */
static struct rep_json *kept_of(const struct rep_record *record, const struct rep_json *object,
				const char *always)
{
	struct rep_json *out = rep_json_object();

	for (void *it = object ? rep_json_iter(object) : NULL; out && it;
	     it = rep_json_iter_next(object, it)) {
		const char *key = rep_json_iter_key(it);

		if ((is_kept(record->entity, key) || (always && strcmp(key, always) == 0)) &&
		    !rep_json_set(out, key, rep_json_ref(rep_json_iter_value(it)))) {
			rep_json_free(out);
			return NULL;
		}
	}
	return out;
}

static bool replace(struct rep_json **object, struct rep_json *with)
{
	rep_json_free(*object);
	*object = with;
	return with != NULL;
}

/* Turns a record into what is left of it. */
static bool strip(struct rep_record *record, const char *partition)
{
	bool good = replace(&record->fields, kept_of(record, record->fields, NULL)) &&
		    replace(&record->stamps, kept_of(record, record->stamps, "*"));

	if (record->sources)
		good = replace(&record->sources, kept_of(record, record->sources, NULL)) && good;
	if (record->sources && !rep_json_size(record->sources)) {
		rep_json_free(record->sources);
		record->sources = NULL;
	}
	free(record->partition);
	record->partition = strdup(partition);
	rep_record_flag(record, "residue");
	return good && record->partition && !record->failed;
}

/* ---- into the view ---- */

/* A folder of central's that stands in the view whole, in whose place its entries are listed: a file is to come into it. */
static enum rep_code open_folder(struct residue *residue, const char *path, struct rep_error *err)
{
	struct rep_view_tree *tree = &residue->view->tree;
	struct rep_tree_list list = {0};
	struct rep_oid oid;
	enum rep_code rc;

	if (!rep_view_tree_take(tree, path, &oid))
		return REP_OK;
	rc = rep_tree_read(residue->publish->hub->central, &oid, &list, err);
	for (size_t i = 0; rc == REP_OK && i < list.len; i++) {
		struct rep_buf child = REP_BUF_INIT(1024);

		rep_buf_printf(&child, "%s/%s", path, list.entries[i].name);
		rc = rep_buf_check(&child, "path", err);
		if (rc == REP_OK)
			rc = rep_view_tree_add(tree, rep_buf_str(&child), &list.entries[i].oid,
					       list.entries[i].is_tree, err);
		rep_buf_clear(&child);
	}
	rep_tree_list_clear(&list);
	return rc;
}

/* Every folder on the way to a file: data/<pp>/<partition> and what is below. Files come by folder, mostly into the last one. */
static enum rep_code open_way(struct residue *residue, const char *path, struct rep_error *err)
{
	size_t end = (size_t)(strrchr(path, '/') - path);
	unsigned depth = 0;
	enum rep_code rc = REP_OK;

	if (residue->opened.len == end && strncmp(rep_buf_str(&residue->opened), path, end) == 0)
		return REP_OK;
	for (size_t i = 0; rc == REP_OK && i <= end; i++) {
		if (path[i] != '/' || ++depth < 3)
			continue;
		rep_buf_reset(&residue->opened);
		rep_buf_put(&residue->opened, path, i);
		rc = open_folder(residue, rep_buf_str(&residue->opened), err);
	}
	return rc;
}

static enum rep_code put_record(struct residue *residue, const struct rep_record *record,
				struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(1024), bytes = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	enum rep_code rc;

	rep_record_path(&path, record->entity, record->partition, record->id, "open");
	rep_record_write(&bytes, record, "open");
	rc = rep_buf_check(&bytes, "record", err);
	if (rc == REP_OK)
		rc = rep_buf_check(&path, "path", err);
	if (rc == REP_OK)
		rc = open_way(residue, rep_buf_str(&path), err);
	if (rc == REP_OK)
		rc = rep_view_tree_make_file(&residue->view->tree, rep_buf_str(&path), &bytes, err);
	rep_buf_clear(&path);
	rep_buf_clear(&bytes);
	return rc;
}

/* linked/<pp>/<partition>/<entity>/... */
static bool is_link_of(const char *path, const char *entity)
{
	size_t len = strlen(entity);

	if (strncmp(path, "linked/", 7) != 0)
		return false;
	for (unsigned depth = 0; path && depth < 3; depth++) {
		path = strchr(path, '/');
		path = path ? path + 1 : NULL;
	}
	return path && strncmp(path, entity, len) == 0 && path[len] == '/';
}

/* By a reference that is shared, or because a record of the view was merged into one outside. */
static bool may_be_linked(const struct rep_view_tree *tree, const struct rep_entity *entity)
{
	for (size_t i = 0; i < tree->len; i++)
		if (is_link_of(tree->entries[i].path, entity->name))
			return true;
	return false;
}

/* Whoever sees the whole record by a link needs nothing that is left of it. */
static bool is_linked(const struct residue *residue, const struct rep_record *record)
{
	const struct rep_view_tree *tree = &residue->view->tree;
	struct rep_buf path = REP_BUF_INIT(1024);
	bool found = false;

	if (!residue->linkable)
		return false;
	rep_record_path(&path, record->entity, record->partition, record->id, "open");
	for (size_t i = 0; i < tree->len && !found; i++)
		found = strncmp(tree->entries[i].path, "linked/", 7) == 0 &&
			strcmp(tree->entries[i].path + 7, rep_buf_str(&path) + 5) == 0;
	rep_buf_clear(&path);
	return found;
}

static enum rep_code add_record(struct residue *residue, const char *id, struct rep_error *err)
{
	struct rep_record *record = NULL;
	enum rep_code rc =
		rep_row_get(residue->publish->hub->db, residue->entity, id, &record, err);

	if (rc == REP_OK && record && is_linked(residue, record)) {
		rep_record_free(record);
		return REP_OK;
	}
	if (rc == REP_OK && record && !strip(record, residue->partition))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK && record)
		rc = put_record(residue, record, err);
	rep_record_free(record);
	return rc;
}

static enum rep_code add_partition(struct residue *residue, const char *partition,
				   struct rep_error *err)
{
	struct rep_json *ids = rep_json_array();
	enum rep_code rc = list_records(residue, partition, ids, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(ids); i++)
		rc = add_record(residue, rep_json_string_value(rep_json_at(ids, i)), err);
	rep_json_free(ids);
	return rc;
}

static enum rep_code add_entity(struct residue *residue, struct rep_error *err)
{
	struct rep_json *partitions = rep_json_array();
	enum rep_code rc = list_partitions(residue, partitions, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(partitions); i++) {
		const char *name = rep_json_string_value(rep_json_at(partitions, i));

		if (!is_held(residue->view, name, residue->entity->name))
			rc = add_partition(residue, name, err);
	}
	rep_json_free(partitions);
	return rc;
}

enum rep_code rep_publish_residue(struct rep_publish *publish, struct rep_publish_view *view,
				  struct rep_error *err)
{
	const struct rep_schema *schema = publish->hub->schema;
	struct residue residue = {.publish = publish, .view = view, .opened = REP_BUF_INIT(1024)};
	struct rep_buf partition = REP_BUF_INIT(sizeof residue.partition);
	enum rep_code rc;

	rep_buf_printf(&partition, "staff-%s", view->device->rep);
	rc = rep_buf_check(&partition, "partition", err);
	if (rc == REP_OK)
		memcpy(residue.partition, rep_buf_str(&partition), partition.len + 1);
	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++) {
		residue.entity = &schema->entities[i];
		if (!residue.entity->residue_len ||
		    !rep_view_scope_carries(&view->scope, NULL, residue.entity->name))
			continue;
		residue.linkable = may_be_linked(&view->tree, residue.entity);
		rc = add_entity(&residue, err);
	}
	rep_buf_clear(&partition);
	rep_buf_clear(&residue.opened);
	return rep_wrap(err, rc, "residues");
}
