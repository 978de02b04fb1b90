#include "core/store/aliases.h"

#include <stdlib.h>
#include <string.h>

void rep_group_clear(struct rep_group *group)
{
	for (size_t i = 0; i < group->len; i++)
		free(group->ids[i]);
	free(group->ids);
	rep_edges_clear(&group->edges);
	*group = (struct rep_group){0};
}

/* The partial indexes of changes.c have the very same condition on `op`, else SQLite does not use them. */
#define IS_EDGE "entity = ?1 AND op IN ('alias', 'unalias')"
#define IN_FORCE                                                                                                        \
	" AND held = 0 AND (?3 IS NULL OR eff <= ?3) AND (outcome IS NULL OR json_extract(outcome, '$.outcome') NOT IN" \
	" ('rejected', 'proposed'))"
#define COLUMNS \
	"SELECT id, json_extract(line, '$.into'), op, eff, rep, seq, idx FROM _change WHERE "

static const char edges_sql[] =
	COLUMNS IS_EDGE " AND id = ?2" IN_FORCE " UNION ALL " COLUMNS IS_EDGE
			" AND json_extract(line, '$.into') = ?2" IN_FORCE;

static bool copy(char *out, size_t size, struct rep_stmt *stmt, int column)
{
	size_t len;
	const char *text = rep_column_text(stmt, column, &len);

	if (!text || len >= size)
		return false;
	memcpy(out, text, len + 1);
	return true;
}

static enum rep_code add_edge(struct rep_edges *edges, struct rep_stmt *stmt, struct rep_error *err)
{
	struct rep_edge edge = {.seq = rep_column_int(stmt, 5),
				.index = (unsigned)rep_column_int(stmt, 6)};
	const char *op = rep_column_text(stmt, 2, NULL);

	/* An erased line names nobody: its record is erased too. */
	if (!op || !copy(edge.loser, sizeof edge.loser, stmt, 0) ||
	    !copy(edge.into, sizeof edge.into, stmt, 1) ||
	    !copy(edge.stamp, sizeof edge.stamp, stmt, 3) ||
	    !copy(edge.rep, sizeof edge.rep, stmt, 4) || !rep_stamp_valid(edge.stamp))
		return REP_OK;
	edge.stands = strcmp(op, "alias") == 0;
	return rep_edges_add(edges, &edge, err);
}

/* Everything that was said of pairs with this id. */
static enum rep_code load_edges(struct rep_group *group, struct rep_db *db, const char *entity,
				const char *id, const char *until, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(db, &stmt, edges_sql, err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	rep_bind_text(stmt, 3, until);
	while ((rc = rep_step(stmt, &row, err)) == REP_OK && row)
		if ((rc = add_edge(&group->edges, stmt, err)) != REP_OK)
			break;
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code add_id(struct rep_group *group, const char *id, struct rep_error *err)
{
	char **ids;

	for (size_t i = 0; i < group->len; i++)
		if (strcmp(group->ids[i], id) == 0)
			return REP_OK;
	ids = reallocarray(group->ids, group->len + 1, sizeof *ids);
	if (ids)
		group->ids = ids;
	if (!ids || !(ids[group->len] = strdup(id)))
		return rep_fail(err, REP_ENOMEM, "aliases: no memory");
	group->len++;
	return REP_OK;
}

static enum rep_code add_neighbours(struct rep_group *group, const char *id, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < group->edges.len; i++) {
		const struct rep_edge *edge = &group->edges.list[i];

		if (!edge->stands)
			continue;
		if (strcmp(edge->loser, id) == 0)
			rc = add_id(group, edge->into, err);
		else if (strcmp(edge->into, id) == 0)
			rc = add_id(group, edge->loser, err);
	}
	return rc;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

enum rep_code rep_group_load(struct rep_group *out, struct rep_db *db, const char *entity,
			     const char *id, struct rep_error *err)
{
	return rep_group_load_until(out, db, entity, id, NULL, err);
}

enum rep_code rep_group_load_until(struct rep_group *out, struct rep_db *db, const char *entity,
				   const char *id, const char *until, struct rep_error *err)
{
	enum rep_code rc;

	*out = (struct rep_group){0};
	rc = add_id(out, id, err);
	for (size_t i = 0; rc == REP_OK && i < out->len; i++) {
		rc = load_edges(out, db, entity, out->ids[i], until, err);
		if (rc == REP_OK)
			rc = add_neighbours(out, out->ids[i], err);
	}
	if (rc == REP_OK)
		qsort(out->ids, out->len, sizeof *out->ids, compare_ids);
	else
		rep_group_clear(out);
	return rep_wrap(err, rc, "aliases of %s %s", entity, id);
}

enum rep_code rep_alias_shown(struct rep_db *db, const struct rep_entity *entity, const char *id,
			      char *out, struct rep_error *err)
{
	struct rep_record *record = NULL;
	const char *into;
	enum rep_code rc = rep_row_get(db, entity, id, &record, err);

	into = record ? rep_json_get_string(record->deleted, "merged_into") : NULL;
	if (!into && record)
		into = record->id;
	out[0] = '\0';
	if (into && strlen(into) <= REP_ID_LEN_MAX)
		memcpy(out, into, strlen(into) + 1);
	rep_record_free(record);
	return rc;
}

enum rep_code rep_alias_check(struct rep_db *db, const struct rep_entity *entity, const char *id,
			      struct rep_error *err)
{
	struct rep_record *record = NULL;
	const char *status, *merged;
	enum rep_code rc = rep_row_get(db, entity, id, &record, err);

	if (rc == REP_OK && !record)
		return rep_fail(err, REP_ENOTFOUND, "there is no %s %s", entity->name, id);
	if (rc != REP_OK)
		return rc;
	status = rep_json_string_value(rep_record_value(record, "status"));
	merged = rep_json_get_string(record->deleted, "merged_into");
	if (merged) {
		rc = rep_fail(err, REP_EINVAL, "%s is merged into %s already", id, merged);
		rep_hint(err, "say %s", merged);
	} else if (record->deleted) {
		rc = rep_fail(err, REP_EINVAL, "%s is deleted", id);
	} else if (status && strcmp(status, "inactive") != 0) {
		rc = rep_fail(err, REP_EINVAL, "%s is %s: so would be the two together", id,
			      status);
		rep_hint(err, "its status must be active first");
	}
	rep_record_free(record);
	return rc;
}

enum rep_code rep_aliases_any(struct rep_db *db, const char *entity, bool *any,
			      struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(db, &stmt, "SELECT 1 FROM _change WHERE " IS_EDGE " LIMIT 1", err);

	*any = false;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rc = rep_step(stmt, any, err);
	rep_stmt_reset(stmt);
	return rc;
}
