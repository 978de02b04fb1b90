/*
 * Audit: the changes of the index, told as rows. A record's history follows it through moves (its id never changes) and through
 * aliases: what was written for a duplicate belongs to the history of what it is one with, and so does what joined and parted them.
 */
#include "sync/audit/audit.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/store/aliases.h"
#include "core/store/tables.h"
#include "sync/audit/audit_row.h"

/* Rows going out one by one; `full` ends the walk, which knows no other way. */
struct telling {
	struct rep_audit_rows rows;
	const struct rep_audit *query;
	int64_t told;
	bool full;
	enum rep_code (*each)(void *user, const struct rep_json *row, struct rep_error *err);
	void *user;
};

static enum rep_code on_change(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct telling *telling = user;
	const int64_t limit = telling->query->limit;
	struct rep_json *rows = rep_json_array();
	enum rep_code rc;

	rc = rep_audit_rows_add(&telling->rows, change, telling->query->field, rows, err);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(rows); i++) {
		telling->full = limit && telling->told == limit;
		if (telling->full)
			rc = rep_fail(err, REP_ELIMIT, "%lld rows are told", (long long)limit);
		else
			rc = telling->each(telling->user, rep_json_at(rows, i), err);
		telling->told++;
	}
	rep_json_free(rows);
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
	if (query->id && !rep_id_valid(query->id))
		return rep_fail(err, REP_EUSAGE, "\"%.40s\" is no id", query->id);
	return REP_OK;
}

static enum rep_code walk(struct telling *telling, struct rep_hub *hub, struct rep_error *err)
{
	const struct rep_audit *query = telling->query;
	struct rep_changes_query changes = {
		.entity = query->entity,
		.rep = query->rep,
		.device = query->device,
		.since = query->since,
		.until = query->until,
		.by_hub = query->by_hub,
	};
	struct rep_group group = {0};
	const char **ids = NULL;
	enum rep_code rc = REP_OK;

	if (query->id)
		rc = rep_group_load(&group, rep_hub_db(hub), query->entity, query->id, err);
	if (rc == REP_OK && group.len && !(ids = calloc(group.len, sizeof(*ids))))
		rc = rep_fail(err, REP_ENOMEM, "list aliases");
	for (size_t i = 0; ids && i < group.len; i++)
		ids[i] = group.ids[i];
	changes.ids = ids;
	changes.ids_len = group.len;
	changes.with_into = true;
	if (rc == REP_OK)
		rc = rep_changes_each(rep_hub_db(hub), &changes, on_change, telling, err);
	free(ids);
	rep_group_clear(&group);
	return rc;
}

enum rep_code rep_hub_audit_each(struct rep_hub *hub, const struct rep_audit *query,
				 enum rep_code (*each)(void *user, const struct rep_json *row,
						       struct rep_error *err),
				 void *user, struct rep_error *err)
{
	struct telling telling = {.query = query, .each = each, .user = user};
	enum rep_code rc;

	rc = check_times(query, err);
	if (rc == REP_OK && query->entity && !rep_schema_entity(rep_hub_schema(hub), query->entity))
		rc = rep_fail(err, REP_ENOTFOUND, "there is no entity %s", query->entity);
	if (rc == REP_OK)
		rc = rep_audit_rows_init(&telling.rows, hub, err);
	if (rc == REP_OK)
		rc = walk(&telling, hub, err);
	if (telling.full)
		rc = REP_OK;
	rep_audit_rows_clear(&telling.rows);
	return rep_wrap(err, rc, "audit");
}

static enum rep_code collect(void *user, const struct rep_json *row, struct rep_error *err)
{
	struct rep_json *rows = user;

	return rep_json_append(rows, rep_json_ref(row)) ? REP_OK
							: rep_fail(err, REP_ENOMEM, "list rows");
}

enum rep_code rep_hub_audit(struct rep_hub *hub, const struct rep_audit *query,
			    struct rep_json **out, struct rep_error *err)
{
	struct rep_json *rows = rep_json_array();
	enum rep_code rc = rows ? rep_hub_audit_each(hub, query, collect, rows, err)
				: rep_fail(err, REP_ENOMEM, "audit");

	*out = NULL;
	if (rc == REP_OK) {
		*out = rows;
		rows = NULL;
	}
	rep_json_free(rows);
	return rc;
}
