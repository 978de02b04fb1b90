/*
 * What an edit made of earlier ones that it met, added to their outcomes: whose value was replaced by an edit that did not know of
 * it is told so, by the rule and the edit that won.
 *
 * Folded in place, the earlier change is found in the index and its outcome is sent again. Folded again, the outcomes of the walk are
 * corrected as it goes on (run_refold.c) and compared with what was recorded at its end. A replay alters none.
 */
#include <string.h>

#include "sync/run/run.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

/* ---- which change ---- */

/* Place of the change of one record with this stamp; the last one where there are several. */
static enum rep_code find_of(struct rep_run *run, const char *entity, const char *id,
			     const char *stamp, struct rep_indexed *out, bool *found,
			     struct rep_error *err)
{
	struct rep_stmt *stmt;
	char device[REP_DEVICE_LEN + 1] = "";
	const char *text;
	size_t len = 0;
	int64_t seq = 0;
	unsigned index = 0;
	enum rep_code rc =
		rep_db_use(run->hub->db, &stmt,
			   "SELECT device, seq, idx FROM _change WHERE entity = ?1 AND id = ?2"
			   " AND eff = ?3 AND held = 0 AND line IS NOT NULL"
			   " ORDER BY device DESC, seq DESC, idx DESC LIMIT 1",
			   err);

	*found = false;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	rep_bind_text(stmt, 3, stamp);
	rc = rep_step(stmt, found, err);
	text = *found ? rep_column_text(stmt, 0, &len) : NULL;
	if (text && len <= REP_DEVICE_LEN) {
		memcpy(device, text, len);
		seq = rep_column_int(stmt, 1);
		index = (unsigned)rep_column_int(stmt, 2);
	}
	rep_stmt_reset(stmt);
	if (rc == REP_OK && *found)
		rc = rep_changes_get(run->hub->db, device, seq, index, out, found, err);
	return rc;
}

/* It may have been written for any of the records that are one. */
static enum rep_code find(struct rep_run *run, const struct rep_touched *touched, const char *stamp,
			  struct rep_indexed *out, bool *found, struct rep_error *err)
{
	size_t len = touched->members_len ? touched->members_len : 1;
	enum rep_code rc = REP_OK;

	*found = false;
	for (size_t i = 0; rc == REP_OK && !*found && i < len; i++)
		rc = find_of(run, touched->entity->name,
			     touched->members_len ? touched->members[i]->id : touched->id, stamp,
			     out, found, err);
	return rc;
}

/* ---- its outcome ---- */

/* {name of now: name in the outcome} for the fields that the change speaks of; *out NULL = they are the same. */
static enum rep_code names_in(struct rep_run *run, const struct rep_indexed *rival,
			      const struct rep_json *outcome, int number,
			      const struct rep_json *values, struct rep_json **out,
			      struct rep_error *err)
{
	int told = (int)rep_json_get_integer(outcome, REP_OUTCOME_SCHEMA);
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!told)
		told = rival->edit.version ? rival->edit.version : run->hub->schema->version;
	if (told == number)
		return REP_OK;
	*out = rep_json_object();
	for (void *it = values ? rep_json_iter(values) : NULL; it && rc == REP_OK;
	     it = rep_json_iter_next(values, it)) {
		const char *field = rep_json_iter_key(it), *name = NULL;

		rc = rep_version_name(run->hub->versions, rival->edit.entity, field, number, told,
				      &name, err);
		if (rc == REP_OK && name && !rep_json_set_string(*out, field, name))
			rc = no_memory(err);
	}
	return rc;
}

static enum rep_code told_of(struct rep_run *run, const struct rep_touched *touched,
			     const struct rep_indexed *rival, const struct rep_json *outcome,
			     const struct rep_json *met, struct rep_json **out,
			     struct rep_error *err)
{
	const struct rep_fold_context *context = NULL;
	struct rep_json *names = NULL;
	struct rep_era_edit read;
	enum rep_code rc = rep_run_read(run, &rival->edit, touched->shape, &read, err);

	if (rc == REP_OK)
		rc = rep_run_context(run, read.number, &context, err);
	if (rc == REP_OK)
		rc = names_in(run, rival, outcome, read.number,
			      rep_json_get(read.edit.line, "values"), &names, err);
	if (rc == REP_OK)
		rc = rep_outcome_met(out, outcome, &read.edit,
				     rep_schema_entity(context->schema, touched->entity->name), met,
				     names, err);
	rep_json_free(names);
	rep_era_edit_clear(&read);
	if (rc == REP_OK && rep_run_is_plain(*out)) {
		rep_json_free(*out);
		*out = NULL;
	}
	return rc;
}

/* ---- the two ways ---- */

static enum rep_code tell(struct rep_run *run, const struct rep_touched *touched,
			  struct rep_refold *refold, const struct rep_json *met,
			  struct rep_error *err)
{
	struct rep_indexed rival;
	struct rep_json **kept = NULL, *now = NULL;
	const struct rep_json *was;
	bool found;
	enum rep_code rc =
		find(run, touched, rep_json_get_string(met, "rival"), &rival, &found, err);

	if (rc != REP_OK || !found)
		return rc;
	if (refold)
		kept = rep_refold_outcome(refold, &rival);
	was = kept ? *kept : rival.outcome;
	if (!refold || kept)
		rc = told_of(run, touched, &rival, was, met, &now, err);
	if (rc == REP_OK && kept) {
		rep_json_free(*kept);
		*kept = now;
		now = NULL;
	} else if (rc == REP_OK && !refold && !rep_json_equal(now, was)) {
		rc = rep_run_record(run, &rival.edit, rival.stamp.text, now, rival.segment, false,
				    err);
	}
	rep_json_free(now);
	rep_indexed_clear(&rival);
	return rc;
}

enum rep_code rep_run_tell_rivals(struct rep_run *run, const struct rep_touched *touched,
				  struct rep_refold *refold, struct rep_error *err)
{
	const struct rep_json *met = touched->folded.met;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && !run->replayed && i < rep_json_size(met); i++)
		rc = tell(run, touched, refold, rep_json_at(met, i), err);
	return rep_wrap(err, rc, "what became of an earlier change");
}
