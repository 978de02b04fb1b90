/*
 * Audit: the changes of the index, told as rows. A record's history follows it through moves (its id never changes) and through
 * aliases: what was written for a duplicate before it was merged belongs to the survivor's history.
 */
#include "sync/audit.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/tables.h"
#include "sync/audit_row.h"

/* Rows with the place of their change in the order of the fold. */
struct entry {
	char eff[REP_STAMP_LEN + 1];
	int64_t seq;
	unsigned index;
	size_t order; /* rows of one change stay as they are */
	struct rep_json *row;
};
struct listing {
	struct rep_audit_rows *rows;
	const char *field;
	struct entry *entries;
	size_t len, cap;
};

static enum rep_code listing_add(struct listing *listing, const struct rep_indexed *change,
				 const struct rep_json *row, struct rep_error *err)
{
	struct entry *entry;

	if (listing->len == listing->cap) {
		size_t cap = listing->cap ? 2 * listing->cap : 64;
		struct entry *entries = realloc(listing->entries, cap * sizeof *entries);

		if (!entries)
			return rep_fail(err, REP_ENOMEM, "list audit rows");
		listing->entries = entries;
		listing->cap = cap;
	}
	entry = &listing->entries[listing->len];
	memcpy(entry->eff, change->eff.text, sizeof entry->eff);
	entry->seq = change->edit.seq;
	entry->index = change->edit.index;
	entry->order = listing->len++;
	entry->row = rep_json_ref(row);
	return REP_OK;
}

static enum rep_code on_change(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct listing *listing = user;
	struct rep_json *rows = rep_json_array();
	enum rep_code rc;

	rc = rep_audit_rows_add(listing->rows, change, listing->field, rows, err);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(rows); i++)
		rc = listing_add(listing, change, rep_json_at(rows, i), err);
	rep_json_free(rows);
	return rc;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->eff, y->eff);

	if (order == 0)
		order = (x->seq > y->seq) - (x->seq < y->seq);
	if (order == 0)
		order = (x->index > y->index) - (x->index < y->index);
	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static enum rep_code listing_finish(struct listing *listing, struct rep_json **out,
				    struct rep_error *err)
{
	struct rep_json *array = rep_json_array();

	if (listing->len)
		qsort(listing->entries, listing->len, sizeof *listing->entries, compare_entries);
	for (size_t i = 0; i < listing->len; i++)
		if (!rep_json_append(array, rep_json_ref(listing->entries[i].row))) {
			rep_json_free(array);
			return rep_fail(err, REP_ENOMEM, "list audit rows");
		}
	if (!array)
		return rep_fail(err, REP_ENOMEM, "list audit rows");
	*out = array;
	return REP_OK;
}

static void listing_clear(struct listing *listing)
{
	for (size_t i = 0; i < listing->len; i++)
		rep_json_free(listing->entries[i].row);
	free(listing->entries);
}

/* ---- aliases ---- */

static bool has_id(const struct rep_json *ids, const char *id)
{
	for (size_t i = 0; id && i < rep_json_size(ids); i++)
		if (strcmp(rep_json_string_value(rep_json_at(ids, i)), id) == 0)
			return true;
	return false;
}

static enum rep_code add_merged(struct rep_db *db, const struct rep_entity *entity,
				const char *survivor, struct rep_json *ids, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(4096);
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc;

	rep_buf_puts(&sql, "SELECT id FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " WHERE _deleted IS NOT NULL AND"
			   " json_extract(_deleted, '$.merged_into') = ?1 ORDER BY id");
	rc = rep_buf_check(&sql, "a query", err);
	if (rc == REP_OK)
		rc = rep_db_use(db, &stmt, sql.data, err);
	rep_buf_clear(&sql);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, survivor);
	while ((rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		const char *id = rep_column_text(stmt, 0, NULL);

		if (!has_id(ids, id) && !rep_json_append(ids, rep_json_string(id))) {
			rep_stmt_reset(stmt);
			return rep_fail(err, REP_ENOMEM, "list aliases");
		}
	}
	return rc;
}

/* The record's own id, then those merged into it, then those merged into these. */
static enum rep_code with_aliases(struct rep_hub *hub, const char *entity_name, const char *id,
				  struct rep_json **out, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(rep_hub_schema(hub), entity_name);
	struct rep_json *ids = rep_json_array();
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!rep_json_append(ids, rep_json_string(id)))
		rc = rep_fail(err, REP_EINVAL, "\"%.40s\" is no id", id);
	else if (!entity)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no entity %s", entity_name);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(ids); i++)
		rc = add_merged(rep_hub_db(hub), entity, rep_json_string_value(rep_json_at(ids, i)),
				ids, err);
	if (rc == REP_OK) {
		*out = ids;
		ids = NULL;
	}
	rep_json_free(ids);
	return rc;
}

/* ---- the question ---- */

static enum rep_code check_times(const struct rep_audit *query, struct rep_error *err)
{
	int64_t ms;

	if (query->since && !rep_time_parse(&ms, query->since))
		return rep_fail(err, REP_EUSAGE, "since: \"%.40s\" is no time", query->since);
	if (query->until && !rep_time_parse(&ms, query->until))
		return rep_fail(err, REP_EUSAGE, "until: \"%.40s\" is no time", query->until);
	if (query->id && !query->entity)
		return rep_fail(err, REP_EUSAGE, "an id needs its entity");
	return REP_OK;
}

static enum rep_code run_query(struct listing *listing, struct rep_hub *hub,
			       const struct rep_audit *query, struct rep_error *err)
{
	struct rep_changes_query changes = {
		.entity = query->entity,
		.rep = query->rep,
		.device = query->device,
		.since = query->since,
		.until = query->until,
	};
	struct rep_json *ids = NULL;
	enum rep_code rc;

	if (!query->id)
		return rep_changes_each(rep_hub_db(hub), &changes, on_change, listing, err);
	rc = with_aliases(hub, query->entity, query->id, &ids, err);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(ids); i++) {
		changes.id = rep_json_string_value(rep_json_at(ids, i));
		rc = rep_changes_each(rep_hub_db(hub), &changes, on_change, listing, err);
	}
	rep_json_free(ids);
	return rc;
}

enum rep_code rep_hub_audit(struct rep_hub *hub, const struct rep_audit *query,
			    struct rep_json **out, struct rep_error *err)
{
	struct rep_audit_rows rows = {0};
	struct listing listing = {.rows = &rows, .field = query->field};
	enum rep_code rc;

	*out = NULL;
	rc = check_times(query, err);
	if (rc == REP_OK)
		rc = rep_audit_rows_init(&rows, hub, err);
	if (rc == REP_OK)
		rc = run_query(&listing, hub, query, err);
	if (rc == REP_OK)
		rc = listing_finish(&listing, out, err);
	listing_clear(&listing);
	rep_audit_rows_clear(&rows);
	return rep_wrap(err, rc, "audit");
}
