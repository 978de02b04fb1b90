#include "sync/audit/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/eras.h"
#include "core/store/aliases.h"
#include "core/store/tables.h"
#include "sync/hub/hub_state.h"

/* ---- folding up to a moment ---- */

/* Each change by the rules of its time (eras.h), and what comes of them in the shape of the version in force. */
struct refold {
	struct rep_hub *hub;
	const struct rep_moment *moment;
	const struct rep_entity *entity;
	const char *root; /* of several that are one; NULL = one alone */
	struct rep_folded folded;
	int shape; /* the version whose shape `folded` has */
	struct rep_eras *eras;
	struct rep_buf partition; /* what partition_of lent */
	struct rep_json *missing; /* stamps of what is left out */
	struct rep_json *
		outcomes; /* stamp -> outcome, of those that have one, with the version that judged */
	int asked;        /* the version in whose names was_refused is asked */
	enum rep_code rc; /* of what could not say so itself */
	struct rep_error err;
};

static const char *partition_of(void *user, const char *entity_name, const char *id)
{
	struct refold *refold = user;
	const struct rep_entity *entity = rep_schema_entity(refold->hub->schema, entity_name);
	struct rep_error ignored;

	rep_buf_reset(&refold->partition);
	if (!entity ||
	    rep_row_partition(refold->hub->db, entity, id, &refold->partition, &ignored) != REP_OK)
		return NULL;
	return refold->partition.len ? refold->partition.data : NULL;
}

static bool is_before(const struct rep_indexed *change, const struct rep_moment *moment)
{
	if (!moment->time)
		return true;
	if (!moment->by_hub)
		return strncmp(change->eff.text, moment->time, REP_TIME_LEN) <= 0;
	return *change->hub_time && strcmp(change->hub_time, moment->time) <= 0;
}

/* ---- what never came into force ---- */

/* A device can only have seen refused changes of its own, which come before the edit that names them. */
static bool was_refused(void *user, const char *field, const char *stamp)
{
	struct refold *refold = user;
	const struct rep_json *outcome = rep_json_get(refold->outcomes, stamp);
	bool refused = rep_json_get(refold->missing, stamp) != NULL;

	if (!refused && outcome && refold->rc == REP_OK)
		refold->rc =
			rep_version_refuses(refold->hub->versions, refold->entity->name, outcome, 0,
					    field, refold->asked, &refused, &refold->err);
	return refused;
}

static enum rep_code note_outcome(struct refold *refold, const struct rep_indexed *change,
				  struct rep_error *err)
{
	struct rep_json *outcome;

	if (!change->outcome)
		return REP_OK;
	outcome = rep_json_dup(change->outcome);
	if ((!change->edit.judged && change->edit.version &&
	     !rep_json_set_integer(outcome, REP_OUTCOME_SCHEMA, change->edit.version)) ||
	    !rep_json_set(refold->outcomes, change->eff.text, rep_json_ref(outcome))) {
		rep_json_free(outcome);
		return rep_fail(err, REP_ENOMEM, "fold");
	}
	rep_json_free(outcome);
	return REP_OK;
}

/* ---- the walk ---- */

static bool is_refused(const struct rep_indexed *change)
{
	const struct rep_json *whole = rep_json_get(change->edit.verdict, "*");
	const char *outcome = rep_json_get_string(whole, "outcome");

	return outcome && strcmp(outcome, rep_outcome_name(REP_REJECTED)) == 0;
}

/* The edit, as its version reads it, onto the record in that version's shape. */
static enum rep_code fold_read(struct refold *refold, const struct rep_edit *read, int number,
			       const struct rep_fold_context *context, struct rep_error *err)
{
	struct rep_edit edit = *read;
	struct rep_json *outcome = NULL, *line = NULL, *made = NULL;
	enum rep_code rc;

	refold->asked = number;
	rc = rep_edit_forget(&line, edit.line, was_refused, refold, err);
	if (rc == REP_OK && refold->rc != REP_OK) {
		rc = refold->rc;
		*err = refold->err;
	}
	if (line)
		edit.line = line;
	if (rc == REP_OK && refold->root)
		rc = rep_join_edit(&edit, &made, &edit, refold->root,
				   rep_schema_entity(context->schema, refold->entity->name), err);
	if (rc == REP_OK)
		rc = rep_fold(&refold->folded, &edit, context, &outcome, err);
	rep_json_free(outcome);
	rep_json_free(made);
	rep_json_free(line);
	return rc;
}

static enum rep_code carry(struct refold *refold, int number, struct rep_error *err)
{
	enum rep_code rc = rep_version_migrate(refold->hub->versions, refold->entity->name,
					       &refold->folded, refold->shape, number, err);

	refold->shape = number;
	return rc;
}

static enum rep_code fold_change(struct refold *refold, const struct rep_indexed *change,
				 struct rep_error *err)
{
	const struct rep_fold_context *context;
	struct rep_era_edit read;
	enum rep_code rc = rep_eras_read(refold->eras, &change->edit, refold->shape, &read, err);

	if (rc != REP_OK)
		return rc;
	rc = rep_eras_context(refold->eras, read.number, &context, err);
	if (rc == REP_OK)
		rc = carry(refold, read.number, err);
	if (rc == REP_OK)
		rc = fold_read(refold, &read.edit, read.number, context, err);
	rep_era_edit_clear(&read);
	return rc;
}

static enum rep_code on_change(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct refold *refold = user;
	enum rep_code rc = REP_OK;

	if (refold->moment->left_out && refold->moment->left_out(refold->moment->user, change))
		return rep_json_set(refold->missing, change->eff.text, rep_json_bool(true))
			       ? REP_OK
			       : rep_fail(err, REP_ENOMEM, "fold");
	/* An erased line is no longer there to be folded; a refused or held change never was. */
	if (change->owned_line && !change->held && !is_refused(change) &&
	    is_before(change, refold->moment))
		rc = fold_change(refold, change, err);
	if (rc == REP_OK)
		rc = note_outcome(refold, change, err);
	return rep_wrap(err, rc, "%s/%lld", change->device, (long long)change->edit.seq);
}

/* The changes of these records, as one of `root`'s where that is given. */
static enum rep_code fold_ids(struct rep_record **out, struct rep_hub *hub,
			      const struct rep_entity *entity, const char *const *ids, size_t len,
			      const char *root, const struct rep_moment *moment,
			      struct rep_error *err)
{
	struct refold refold = {
		.hub = hub,
		.moment = moment,
		.entity = entity,
		.root = root,
		.shape = rep_versions_first(hub->versions),
		.partition = REP_BUF_INIT(1024),
		.outcomes = rep_json_object(),
		.missing = rep_json_object(),
	};
	const struct rep_fold_context newest = {
		.schema = hub->schema,
		.org = hub->org,
		.partition_of = partition_of,
		.user = &refold,
	};
	const struct rep_changes_query query = {.entity = entity->name, .ids = ids, .ids_len = len};
	enum rep_code rc = rep_eras_new(&refold.eras, hub->versions, &newest, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = rep_changes_each(hub->db, &query, on_change, &refold, err);
	if (rc == REP_OK)
		rc = carry(&refold, hub->schema->version, err);
	if (rc == REP_OK) {
		*out = refold.folded.record;
		refold.folded.record = NULL;
	}
	rep_folded_clear(&refold.folded);
	rep_eras_free(refold.eras);
	rep_buf_clear(&refold.partition);
	rep_json_free(refold.outcomes);
	rep_json_free(refold.missing);
	return rc;
}

/* The id of the member made first, of those that had been made. */
static enum rep_code find_root(struct rep_hub *hub, const struct rep_entity *entity,
			       const struct rep_group *group, const struct rep_moment *moment,
			       const char **root, struct rep_error *err)
{
	char best[REP_STAMP_LEN + 1] = "";
	enum rep_code rc = REP_OK;

	*root = group->ids[0];
	for (size_t i = 0; rc == REP_OK && i < group->len; i++) {
		const char *id = group->ids[i];
		struct rep_record *record;

		rc = fold_ids(&record, hub, entity, &id, 1, NULL, moment, err);
		if (rc == REP_OK && record &&
		    (!*best || rep_stamp_compare(record->created.text, best) < 0)) {
			memcpy(best, record->created.text, sizeof best);
			*root = id;
		}
		rep_record_free(record);
	}
	return rc;
}

static enum rep_code refold_group(struct rep_record **out, struct rep_hub *hub,
				  const struct rep_entity *entity, const char *id,
				  const struct rep_group *group, const struct rep_moment *moment,
				  struct rep_error *err)
{
	const char **ids = calloc(group->len, sizeof(*ids));
	const char *root = id;
	enum rep_code rc = ids ? find_root(hub, entity, group, moment, &root, err)
			       : rep_fail(err, REP_ENOMEM, "fold");

	for (size_t i = 0; ids && i < group->len; i++)
		ids[i] = group->ids[i];
	if (rc == REP_OK && strcmp(root, id) == 0)
		rc = fold_ids(out, hub, entity, ids, group->len, root, moment, err);
	else if (rc == REP_OK)
		rc = fold_ids(out, hub, entity, &id, 1, NULL, moment, err);
	if (rc == REP_OK && *out && strcmp(root, id) != 0) {
		rep_json_free((*out)->deleted);
		(*out)->deleted = rep_join_tombstone(rep_join_newest(&group->edges, id), root);
	}
	free(ids);
	return rc;
}

enum rep_code rep_show_refold(struct rep_record **out, struct rep_hub *hub,
			      const struct rep_entity *entity, const char *id,
			      const struct rep_moment *moment, struct rep_error *err)
{
	char until[REP_TIME_LEN + 2];
	struct rep_group group = {0};
	enum rep_code rc;

	*out = NULL;
	/* Whatever follows the time in a stamp comes before a tilde. */
	if (moment->time)
		snprintf(until, sizeof until, "%.24s~", moment->time);
	rc = rep_group_load_until(&group, rep_hub_db(hub), entity->name, id,
				  moment->time ? until : NULL, err);
	if (rc == REP_OK && group.len > 1)
		rc = refold_group(out, hub, entity, id, &group, moment, err);
	else if (rc == REP_OK)
		rc = fold_ids(out, hub, entity, &id, 1, NULL, moment, err);
	rep_group_clear(&group);
	return rc;
}

/* ---- as JSON ---- */

enum rep_code rep_show_record(struct rep_json **out, const struct rep_record *record,
			      struct rep_error *err)
{
	struct rep_json *created = rep_json_object();
	struct rep_json *object = rep_json_object();

	*out = NULL;
	if (!rep_json_set_string(created, "rep", record->created_rep) ||
	    !rep_json_set_string(created, "stamp", record->created.text) ||
	    !rep_json_set_string(object, "entity", record->entity->name) ||
	    !rep_json_set_string(object, "id", record->id) ||
	    !rep_json_set_string(object, "partition", record->partition) ||
	    !rep_json_set(object, "deleted",
			  record->deleted ? rep_json_ref(record->deleted) : rep_json_null()) ||
	    !rep_json_set(object, "created", rep_json_ref(created)) ||
	    !rep_json_set(object, "fields", rep_json_ref(record->fields)) ||
	    !rep_json_set(object, "stamps", rep_json_ref(record->stamps)) ||
	    (record->flags && !rep_json_set(object, "flags", rep_json_ref(record->flags)))) {
		rep_json_free(created);
		rep_json_free(object);
		return rep_fail(err, REP_ENOMEM, "show %s %s", record->entity->name, record->id);
	}
	rep_json_free(created);
	*out = object;
	return REP_OK;
}

static enum rep_code check_moment(const char *as_of, struct rep_error *err)
{
	int64_t ms;

	if (as_of && !rep_time_parse(&ms, as_of))
		return rep_fail(err, REP_EUSAGE, "\"%.40s\" is no time", as_of);
	return REP_OK;
}

static enum rep_code find_entity(const struct rep_entity **out, struct rep_hub *hub,
				 const char *name, struct rep_error *err)
{
	*out = rep_schema_entity(rep_hub_schema(hub), name);
	return *out ? REP_OK : rep_fail(err, REP_ENOTFOUND, "there is no entity %s", name);
}

static enum rep_code as_it_was(struct rep_record **out, struct rep_hub *hub,
			       const struct rep_entity *entity, const char *id,
			       const struct rep_moment *moment, struct rep_error *err)
{
	return moment->time ? rep_show_refold(out, hub, entity, id, moment, err)
			    : rep_row_get(rep_hub_db(hub), entity, id, out, err);
}

enum rep_code rep_hub_show(struct rep_hub *hub, const char *entity_name, const char *id,
			   const char *as_of, bool by_hub, struct rep_json **out,
			   struct rep_error *err)
{
	const struct rep_moment moment = {.time = as_of, .by_hub = by_hub};
	const struct rep_entity *entity;
	struct rep_record *record = NULL, *merged = NULL;
	const char *into;
	enum rep_code rc;

	*out = NULL;
	rc = check_moment(as_of, err);
	if (rc == REP_OK)
		rc = find_entity(&entity, hub, entity_name, err);
	if (rc != REP_OK)
		goto out;
	rc = as_it_was(&record, hub, entity, id, &moment, err);
	into = record ? rep_json_get_string(record->deleted, "merged_into") : NULL;
	if (rc == REP_OK && into) { /* of one that is merged into another, that one */
		merged = record;
		record = NULL;
		rc = as_it_was(&record, hub, entity, into, &moment, err);
	}
	if (rc == REP_OK && !record)
		rc = rep_fail(err, REP_ENOTFOUND,
			      as_of ? "there was no %s %s at %s" : "there is no %s %s%s",
			      entity_name, id, as_of ? as_of : "");
	if (rc == REP_OK)
		rc = rep_show_record(out, record, err);
out:
	rep_record_free(record);
	rep_record_free(merged);
	return rep_wrap(err, rc, "show");
}

/* ---- all records of an entity ---- */

struct exporting {
	struct rep_hub *hub;
	const struct rep_entity *entity;
	const struct rep_moment *moment;
	struct rep_json *array;
};

static enum rep_code export_record(void *user, struct rep_record *record, struct rep_error *err)
{
	struct exporting *exporting = user;
	struct rep_json *object;
	enum rep_code rc;

	if (record->deleted)
		return REP_OK;
	rc = rep_show_record(&object, record, err);
	if (rc == REP_OK && !rep_json_append(exporting->array, object))
		rc = rep_fail(err, REP_ENOMEM, "list records");
	return rc;
}

static enum rep_code export_then(struct exporting *exporting, struct rep_error *err)
{
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc;

	rc = rep_db_prepare(rep_hub_db(exporting->hub), &stmt,
			    "SELECT DISTINCT id FROM _change WHERE entity = ?1 ORDER BY id", err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, exporting->entity->name);
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		struct rep_record *record = NULL;

		rc = rep_show_refold(&record, exporting->hub, exporting->entity,
				     rep_column_text(stmt, 0, NULL), exporting->moment, err);
		if (rc == REP_OK && record)
			rc = export_record(exporting, record, err);
		rep_record_free(record);
	}
	rep_stmt_free(stmt);
	return rc;
}

enum rep_code rep_hub_export(struct rep_hub *hub, const char *entity_name, const char *as_of,
			     bool by_hub, struct rep_json **out, struct rep_error *err)
{
	const struct rep_moment moment = {.time = as_of, .by_hub = by_hub};
	struct exporting exporting = {.hub = hub, .moment = &moment};
	enum rep_code rc;

	*out = NULL;
	rc = check_moment(as_of, err);
	if (rc == REP_OK)
		rc = find_entity(&exporting.entity, hub, entity_name, err);
	if (rc != REP_OK)
		goto out;
	exporting.array = rep_json_array();
	rc = as_of ? export_then(&exporting, err)
		   : rep_row_each(rep_hub_db(hub), exporting.entity, "_deleted IS NULL",
				  export_record, &exporting, err);
	if (rc == REP_OK) {
		*out = exporting.array;
		exporting.array = NULL;
	}
out:
	rep_json_free(exporting.array);
	return rep_wrap(err, rc, "export");
}
