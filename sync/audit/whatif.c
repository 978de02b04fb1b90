#include "sync/audit/whatif.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/tables.h"
#include "sync/audit/show.h"
#include "sync/hub/hub_state.h"

/* The hub as it would be: while it asks, versions and schema are the proposed ones. */
struct asking {
	struct rep_hub *hub;
	const struct rep_whatif *options;
	const struct rep_schema *now, *proposed; /* the versions' own */
	struct rep_versions *versions;
	struct rep_json *differ;
	int64_t records;
};

static enum rep_code nomem(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

/* ---- versions with one more ---- */

static enum rep_code add_versions(struct asking *asking, int number, struct rep_error *err)
{
	struct rep_versions *known = asking->hub->versions;
	enum rep_code rc = REP_OK;

	for (int n = rep_versions_first(known); rc == REP_OK && n <= asking->now->version; n++)
		if (rep_versions_has(known, n))
			rc = rep_versions_add(asking->versions, n, rep_versions_since(known, n),
					      err);
	return rc == REP_OK
		       ? rep_versions_add(asking->versions, number, asking->options->since, err)
		       : rc;
}

static enum rep_code propose(struct asking *asking, struct rep_error *err)
{
	const struct rep_versions_source source = rep_hub_versions_source(asking->hub);
	struct rep_schema *schema = NULL, *copy = NULL;
	enum rep_code rc = rep_schema_load_dir(&schema, asking->options->dir, err);

	if (rc == REP_OK && schema->version <= asking->now->version)
		rc = rep_fail(err, REP_EINVAL,
			      "version %d is in force: the proposal must be a later one",
			      asking->now->version);
	if (rc == REP_OK)
		rc = rep_versions_new(&asking->versions, &source, err);
	if (rc == REP_OK)
		rc = add_versions(asking, schema->version, err);
	if (rc == REP_OK) {
		asking->proposed = schema;
		rep_versions_take(asking->versions, schema);
		schema = NULL;
	}
	/* The one in force lies beside central's other versions only after it was published; the hub has it loaded. */
	if (rc == REP_OK) {
		copy = rep_versions_give(asking->hub->versions, asking->now->version);
		rep_versions_take(asking->versions, copy);
	}
	rep_schema_free(schema);
	return rep_wrap(err, rc, "%s", asking->options->dir);
}

/* Gives the hub back what is its own. */
static void finish(struct asking *asking, struct rep_versions *own)
{
	struct rep_schema *now;

	if (asking->versions && asking->proposed) {
		now = rep_versions_give(asking->versions, asking->now->version);
		rep_versions_take(own, now);
	}
	asking->hub->versions = own;
	asking->hub->schema = asking->now;
	rep_versions_free(asking->versions);
}

/* ---- one record ---- */

static enum rep_code tell(struct asking *asking, const char *entity, const char *id,
			  const char *field, const struct rep_json *now,
			  const struct rep_json *would, struct rep_error *err)
{
	struct rep_json *row = rep_json_object();
	const bool good =
		rep_json_set_string(row, "entity", entity) && rep_json_set_string(row, "id", id) &&
		rep_json_set(row, "field", field ? rep_json_string(field) : rep_json_null()) &&
		rep_json_set(row, "now", now ? rep_json_ref(now) : rep_json_null()) &&
		rep_json_set(row, "would", would ? rep_json_ref(would) : rep_json_null()) &&
		rep_json_append(asking->differ, rep_json_ref(row));

	rep_json_free(row);
	return good ? REP_OK : nomem(err);
}

static enum rep_code compare(struct asking *asking, const struct rep_record *now,
			     const struct rep_record *would, struct rep_error *err)
{
	const struct rep_entity *entity = would->entity;
	enum rep_code rc = REP_OK;

	if (!now->deleted != !would->deleted)
		rc = tell(asking, entity->name, would->id, NULL, now->deleted, would->deleted, err);
	for (size_t i = 0; rc == REP_OK && i < entity->fields_len; i++) {
		const char *field = entity->fields[i].name;
		const struct rep_json *a = rep_record_value(now, field);
		const struct rep_json *b = rep_record_value(would, field);

		if (a != b && !(a && b && rep_json_equal(a, b)))
			rc = tell(asking, entity->name, would->id, field, a, b, err);
	}
	return rc;
}

static enum rep_code one_record(struct asking *asking, const struct rep_entity *entity,
				const struct rep_entity *proposed, const char *id,
				struct rep_error *err)
{
	const struct rep_moment moment = {0};
	struct rep_folded now = {0};
	struct rep_record *would = NULL;
	enum rep_code rc = rep_row_get(asking->hub->db, entity, id, &now.record, err);

	if (rc == REP_OK && now.record && !rep_json_get(now.record->deleted, "merged_into")) {
		asking->records++;
		rc = rep_show_refold(&would, asking->hub, proposed, id, &moment, err);
		if (rc == REP_OK)
			rc = rep_version_migrate(asking->versions, entity->name, &now,
						 asking->now->version, asking->proposed->version,
						 err);
		if (rc == REP_OK && would && now.record)
			rc = compare(asking, now.record, would, err);
	}
	rep_folded_clear(&now);
	rep_record_free(would);
	return rep_wrap(err, rc, "%s %s", entity->name, id);
}

/* ---- all of them ---- */

static enum rep_code one_entity(struct asking *asking, const struct rep_entity *entity,
				struct rep_error *err)
{
	const struct rep_entity *proposed = rep_schema_entity(asking->proposed, entity->name);
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc;

	if (!proposed || entity->builtin != REP_BUILTIN_NONE)
		return REP_OK;
	rc = rep_db_prepare(asking->hub->db, &stmt,
			    "SELECT DISTINCT id FROM _change WHERE entity = ?1 AND eff >= ?2"
			    " ORDER BY id",
			    err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity->name);
	rep_bind_text(stmt, 2, asking->options->since ? asking->options->since : "");
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		rep_progress_step(asking->options->progress, "fold", (uint64_t)asking->records, 0);
		rc = one_record(asking, entity, proposed, rep_column_text(stmt, 0, NULL), err);
	}
	rep_stmt_free(stmt);
	return rc;
}

static enum rep_code report(const struct asking *asking, struct rep_json **out,
			    struct rep_error *err)
{
	struct rep_json *document = rep_json_object();

	if (rep_json_set_string(document, "schema", asking->proposed->id) &&
	    rep_json_set_integer(document, "records", asking->records) &&
	    rep_json_set(document, "differ", rep_json_ref(asking->differ))) {
		*out = document;
		return REP_OK;
	}
	rep_json_free(document);
	return nomem(err);
}

enum rep_code rep_hub_whatif(struct rep_hub *hub, const struct rep_whatif *options,
			     struct rep_json **out, struct rep_error *err)
{
	struct rep_versions *own = hub->versions;
	struct asking asking = {
		.hub = hub, .options = options, .now = hub->schema, .differ = rep_json_array()};
	enum rep_code rc = propose(&asking, err);

	*out = NULL;
	if (rc == REP_OK) {
		hub->versions = asking.versions;
		hub->schema = asking.proposed;
	}
	for (size_t i = 0; rc == REP_OK && i < asking.now->entities_len; i++)
		rc = one_entity(&asking, &asking.now->entities[i], err);
	if (rc == REP_OK)
		rc = report(&asking, out, err);
	finish(&asking, own);
	rep_json_free(asking.differ);
	return rep_wrap(err, rc, "replay");
}
