#include "sync/audit/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/aliases.h"
#include "core/store/tables.h"
#include "sync/audit/audit.h"
#include "sync/audit/show.h"
#include "sync/hub/hub_state.h"

struct gathering {
	struct rep_hub *hub;
	const struct rep_entity *entity; /* of the subject */
	struct rep_group group;
	struct rep_json *seen; /* "<entity>/<id>" -> true */
	struct rep_json *records, *review, *history;
};

static enum rep_code nomem(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

/* ---- one record ---- */

static enum rep_code add_history(struct gathering *gathering, const char *entity, const char *id,
				 struct rep_error *err)
{
	const struct rep_audit query = {.entity = entity, .id = id};
	struct rep_json *rows = NULL;
	enum rep_code rc = rep_hub_audit(gathering->hub, &query, &rows, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(rows); i++)
		if (!rep_json_append(gathering->history, rep_json_ref(rep_json_at(rows, i))))
			rc = nomem(err);
	rep_json_free(rows);
	return rc;
}

static enum rep_code add_record(struct gathering *gathering, const struct rep_entity *entity,
				const char *id, bool history, struct rep_error *err)
{
	char key[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];
	struct rep_record *record = NULL;
	struct rep_json *shown = NULL;
	enum rep_code rc;

	snprintf(key, sizeof key, "%s/%s", entity->name, id);
	if (rep_json_get(gathering->seen, key))
		return REP_OK;
	if (!rep_json_set(gathering->seen, key, rep_json_bool(true)))
		return nomem(err);
	rc = rep_row_get(gathering->hub->db, entity, id, &record, err);
	if (rc == REP_OK && record)
		rc = rep_show_record(&shown, record, err);
	if (rc == REP_OK && record && !rep_json_append(gathering->records, rep_json_ref(shown)))
		rc = nomem(err);
	if (rc == REP_OK && history)
		rc = add_history(gathering, entity->name, id, err);
	rep_json_free(shown);
	rep_record_free(record);
	return rc;
}

/* ---- what refers to it ---- */

static bool refers(const struct gathering *gathering, const struct rep_field *field)
{
	return field->target == gathering->entity &&
	       (field->type == REP_TYPE_REFERENCE || field->type == REP_TYPE_SET);
}

static enum rep_code add_referring(struct gathering *gathering, const struct rep_entity *entity,
				   const struct rep_field *field, const char *id,
				   struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(2048);
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc;

	rep_buf_puts(&sql, "SELECT c.id FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, field->type == REP_TYPE_SET ? " AS c, json_each(c." : " AS c WHERE c.");
	rep_db_quote(&sql, field->name);
	rep_buf_puts(&sql, field->type == REP_TYPE_SET ? ") AS e WHERE e.value = ?1" : " = ?1");
	rep_buf_puts(&sql, " ORDER BY c.id");
	rc = rep_buf_check(&sql, "a query", err);
	if (rc == REP_OK)
		rc = rep_db_prepare(gathering->hub->db, &stmt, sql.data, err);
	if (rc == REP_OK)
		rep_bind_text(stmt, 1, id);
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row)
		rc = add_record(gathering, entity, rep_column_text(stmt, 0, NULL), true, err);
	rep_stmt_free(stmt);
	rep_buf_clear(&sql);
	return rc;
}

static enum rep_code add_all_referring(struct gathering *gathering, struct rep_error *err)
{
	const struct rep_schema *schema = gathering->hub->schema;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];

		if (entity->builtin == REP_BUILTIN_REVIEW)
			continue;
		for (size_t k = 0; rc == REP_OK && k < entity->fields_len; k++)
			for (size_t n = 0; rc == REP_OK && refers(gathering, &entity->fields[k]) &&
					   n < gathering->group.len;
			     n++)
				rc = add_referring(gathering, entity, &entity->fields[k],
						   gathering->group.ids[n], err);
	}
	return rc;
}

/* ---- what waits about them ---- */

static enum rep_code add_review(struct gathering *gathering, struct rep_error *err)
{
	struct rep_json *items = NULL;
	enum rep_code rc = rep_hub_inbox(gathering->hub, NULL, true, &items, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(items); i++) {
		const struct rep_json *item = rep_json_at(items, i);
		const char *entity = rep_json_get_string(item, "entity");
		const char *record = rep_json_get_string(item, "record");
		char key[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];

		snprintf(key, sizeof key, "%.40s/%.64s", entity ? entity : "",
			 record ? record : "");
		if (rep_json_get(gathering->seen, key) &&
		    !rep_json_append(gathering->review, rep_json_ref(item)))
			rc = nomem(err);
	}
	rep_json_free(items);
	return rc;
}

/* ---- the whole ---- */

static enum rep_code gather(struct gathering *gathering, const char *id, struct rep_error *err)
{
	enum rep_code rc = rep_group_load(&gathering->group, gathering->hub->db,
					  gathering->entity->name, id, err);

	/* Its history is that of all that it is one with, once. */
	if (rc == REP_OK)
		rc = add_record(gathering, gathering->entity, id, true, err);
	if (rc == REP_OK && !rep_json_size(gathering->records) &&
	    !rep_json_size(gathering->history))
		rc = rep_fail(err, REP_ENOTFOUND, "there is no %s %s", gathering->entity->name, id);
	for (size_t i = 0; rc == REP_OK && i < gathering->group.len; i++)
		rc = add_record(gathering, gathering->entity, gathering->group.ids[i], false, err);
	if (rc == REP_OK)
		rc = add_all_referring(gathering, err);
	return rc == REP_OK ? add_review(gathering, err) : rc;
}

static enum rep_code report(const struct gathering *gathering, const char *id,
			    struct rep_json **out, struct rep_error *err)
{
	struct rep_json *document = rep_json_object(), *aliases = rep_json_array();
	bool good = true;

	for (size_t i = 0; good && i < gathering->group.len; i++)
		if (strcmp(gathering->group.ids[i], id) != 0)
			good = rep_json_append(aliases, rep_json_string(gathering->group.ids[i]));
	good = good && rep_json_set_string(document, "entity", gathering->entity->name) &&
	       rep_json_set_string(document, "id", id) &&
	       rep_json_set(document, "aliases", rep_json_ref(aliases)) &&
	       rep_json_set(document, "records", rep_json_ref(gathering->records)) &&
	       rep_json_set(document, "review", rep_json_ref(gathering->review)) &&
	       rep_json_set(document, "history", rep_json_ref(gathering->history));
	rep_json_free(aliases);
	if (good) {
		*out = document;
		return REP_OK;
	}
	rep_json_free(document);
	return nomem(err);
}

enum rep_code rep_hub_subject(struct rep_hub *hub, const char *entity, const char *id,
			      struct rep_json **out, struct rep_error *err)
{
	struct gathering gathering = {
		.hub = hub,
		.entity = rep_schema_entity(hub->schema, entity),
		.seen = rep_json_object(),
		.records = rep_json_array(),
		.review = rep_json_array(),
		.history = rep_json_array(),
	};
	enum rep_code rc = gathering.entity
				   ? gather(&gathering, id, err)
				   : rep_fail(err, REP_ENOTFOUND, "there is no entity %s", entity);

	*out = NULL;
	if (rc == REP_OK)
		rc = report(&gathering, id, out, err);
	rep_group_clear(&gathering.group);
	rep_json_free(gathering.seen);
	rep_json_free(gathering.records);
	rep_json_free(gathering.review);
	rep_json_free(gathering.history);
	return rep_wrap(err, rc, "subject");
}
