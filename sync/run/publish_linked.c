/*
 * linked/: a doctor who works at two hospitals is seen by the holders of both. The targets of references declared `shared` that
 * lie outside the view, and the records of the entities named in `carry` that refer to them. Likewise whoever shows what a
 * merged record of the view is.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/columns.h"
#include "sync/run/publish.h"

#define DATA "data/"

static enum rep_code fill_scope(struct rep_publish *publish, const struct rep_publish_view *view,
				struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_exec(publish->hub->db,
			    "CREATE TEMP TABLE IF NOT EXISTS _scope(partition TEXT PRIMARY KEY)"
			    " STRICT, WITHOUT ROWID; DELETE FROM _scope",
			    err);

	for (size_t i = 0; rc == REP_OK && i < view->scope.partitions_len; i++) {
		rc = rep_db_use(publish->hub->db, &stmt,
				"INSERT OR IGNORE INTO temp._scope(partition) VALUES(?1)", err);
		if (rc != REP_OK)
			return rc;
		rep_bind_text(stmt, 1, view->scope.partitions[i]);
		rc = rep_run(stmt, err);
	}
	return rc;
}

/* The file of a record of central, as linked/<pp>/<partition>/... of the view; one that is there already stays. */
static enum rep_code add_file(struct rep_publish *publish, struct rep_publish_view *view,
			      const struct rep_entity *entity, const char *id,
			      const char *partition, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(1024), linked = REP_BUF_INIT(1024);
	struct rep_oid oid = rep_oid_zero;
	bool is_tree, there = false;
	enum rep_code rc;

	if (rep_view_scope_carries(&view->scope, partition, entity->name))
		return REP_OK; /* by a role of scope all */
	rep_record_path(&path, entity, partition, id, "open");
	rc = rep_buf_check(&path, "path", err);
	if (rc == REP_OK)
		rc = rep_tree_find(publish->hub->central, &publish->root, rep_buf_str(&path), &oid,
				   &is_tree, err);
	rep_buf_printf(&linked, "linked/%s", rep_buf_str(&path) + strlen(DATA));
	for (size_t i = 0; i < view->tree.len && !there; i++)
		there = strcmp(view->tree.entries[i].path, rep_buf_str(&linked)) == 0;
	if (rc == REP_OK && !there)
		rc = rep_view_tree_add(&view->tree, rep_buf_str(&linked), &oid, false, err);
	rep_buf_clear(&path);
	rep_buf_clear(&linked);
	return rc;
}

/* Pairs id, partition of a query whose parameter, if `id` is given, is that. */
static enum rep_code list_pairs(struct rep_publish *publish, const char *sql, const char *id,
				struct rep_json *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(publish->hub->db, &stmt, sql, err);

	if (rc != REP_OK)
		return rc;
	if (id)
		rep_bind_text(stmt, 1, id);
	return rep_column_texts(stmt, 2, out, err);
}

static enum rep_code add_pairs(struct rep_publish *publish, struct rep_publish_view *view,
			       const struct rep_entity *entity, const struct rep_json *pairs,
			       struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(pairs); i++) {
		const struct rep_json *pair = rep_json_at(pairs, i);

		rc = add_file(publish, view, entity, rep_json_string_value(rep_json_at(pair, 0)),
			      rep_json_string_value(rep_json_at(pair, 1)), err);
	}
	return rc;
}

/* Records of `carried` outside the view that refer to the target. */
static enum rep_code add_carried(struct rep_publish *publish, struct rep_publish_view *view,
				 const struct rep_entity *carried, const struct rep_entity *target,
				 const char *id, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < carried->fields_len; i++) {
		const struct rep_field *field = &carried->fields[i];
		struct rep_buf sql = REP_BUF_INIT(1024);
		struct rep_json *pairs;

		if (field->type != REP_TYPE_REFERENCE || field->target != target)
			continue;
		rep_buf_printf(
			&sql,
			"SELECT id, _partition FROM \"%s\" WHERE \"%s\" = ?1 AND _partition NOT IN"
			" (SELECT partition FROM temp._scope)",
			rep_table_name(carried), field->name);
		pairs = rep_json_array();
		rc = list_pairs(publish, rep_buf_str(&sql), id, pairs, err);
		if (rc == REP_OK)
			rc = add_pairs(publish, view, carried, pairs, err);
		rep_json_free(pairs);
		rep_buf_clear(&sql);
	}
	return rc;
}

static enum rep_code add_carries(struct rep_publish *publish, struct rep_publish_view *view,
				 const struct rep_field *field, const struct rep_json *pairs,
				 struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(pairs); i++) {
		const char *id = rep_json_string_value(rep_json_at(rep_json_at(pairs, i), 0));

		for (size_t k = 0; rc == REP_OK && k < field->carry_len; k++) {
			const struct rep_entity *carried =
				rep_schema_entity(publish->hub->schema, field->carry[k]);

			if (carried && rep_view_scope_carries(&view->scope, NULL, carried->name))
				rc = add_carried(publish, view, carried, field->target, id, err);
		}
	}
	return rc;
}

static enum rep_code add_field(struct rep_publish *publish, struct rep_publish_view *view,
			       const struct rep_entity *entity, const struct rep_field *field,
			       struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(2048);
	struct rep_json *pairs = rep_json_array();
	enum rep_code rc;

	rep_buf_printf(
		&sql,
		"SELECT DISTINCT t.id, t._partition FROM \"%s\" e JOIN \"%s\" t ON t.id = e.\"%s\""
		" WHERE e._partition IN (SELECT partition FROM temp._scope)"
		" AND t._partition NOT IN (SELECT partition FROM temp._scope)"
		" AND e._deleted IS NULL ORDER BY t.id",
		rep_table_name(entity), rep_table_name(field->target), field->name);
	rc = rep_buf_check(&sql, "statement", err);
	if (rc == REP_OK)
		rc = list_pairs(publish, rep_buf_str(&sql), NULL, pairs, err);
	if (rc == REP_OK)
		rc = add_pairs(publish, view, field->target, pairs, err);
	if (rc == REP_OK)
		rc = add_carries(publish, view, field, pairs, err);
	rep_json_free(pairs);
	rep_buf_clear(&sql);
	return rc;
}

/* Roots outside the view of records within that were merged into them. */
static enum rep_code add_roots(struct rep_publish *publish, struct rep_publish_view *view,
			       const struct rep_entity *entity, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(2048);
	struct rep_json *pairs = rep_json_array();
	enum rep_code rc;

	rep_buf_printf(&sql,
		       "SELECT DISTINCT t.id, t._partition FROM \"%s\" e JOIN \"%s\" t ON t.id ="
		       " json_extract(e._deleted, '$.merged_into') WHERE e._deleted IS NOT NULL"
		       " AND e._partition IN (SELECT partition FROM temp._scope)"
		       " AND t._partition NOT IN (SELECT partition FROM temp._scope) ORDER BY t.id",
		       rep_table_name(entity), rep_table_name(entity));
	rc = rep_buf_check(&sql, "statement", err);
	if (rc == REP_OK)
		rc = list_pairs(publish, rep_buf_str(&sql), NULL, pairs, err);
	if (rc == REP_OK)
		rc = add_pairs(publish, view, entity, pairs, err);
	rep_json_free(pairs);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_publish_linked(struct rep_publish *publish, struct rep_publish_view *view,
				 struct rep_error *err)
{
	const struct rep_schema *schema = publish->hub->schema;
	enum rep_code rc = fill_scope(publish, view, err);

	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];

		if (entity->builtin == REP_BUILTIN_NONE &&
		    rep_view_scope_carries(&view->scope, NULL, entity->name))
			rc = add_roots(publish, view, entity, err);
		for (size_t k = 0; rc == REP_OK && k < entity->fields_len; k++) {
			const struct rep_field *field = &entity->fields[k];

			if (field->type == REP_TYPE_REFERENCE && field->shared != REP_SHARED_NO &&
			    field->target &&
			    rep_view_scope_carries(&view->scope, NULL, field->target->name))
				rc = add_field(publish, view, entity, field, err);
		}
	}
	return rep_wrap(err, rc, "linked records");
}
