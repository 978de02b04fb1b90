#include "core/store/rebase.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/context.h"
#include "core/store/journal.h"
#include "core/store/reviews.h"
#include "core/store/tables.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "rebase: no memory");
}

/* ---- touched ---- */

enum rep_code rep_touched_since(struct rep_replica *replica, int64_t seq, struct rep_json **out,
				struct rep_error *err)
{
	struct rep_json *found = rep_json_array();
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc =
		rep_db_use(replica->db, &stmt,
			   "SELECT entity, id FROM _journal_record WHERE seq > ?1 UNION SELECT "
			   "entity, id FROM _held ORDER BY entity, id",
			   err);

	if (rc == REP_OK)
		rep_bind_int(stmt, 1, seq);
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row) {
			struct rep_json *pair = rep_json_array();

			rep_json_append(pair, rep_json_string(rep_column_text(stmt, 0, NULL)));
			rep_json_append(pair, rep_json_string(rep_column_text(stmt, 1, NULL)));
			if (rep_json_size(pair) != 2 || !rep_json_append(found, pair))
				rc = no_memory(err);
		}
	}
	if (stmt)
		rep_stmt_reset(stmt);
	if (rc == REP_OK) {
		*out = found;
		return REP_OK;
	}
	*out = NULL;
	rep_json_free(found);
	return rc;
}

/* ---- folding ---- */

struct rebase {
	struct rep_replica *replica;
	struct rep_context context;
	const struct rep_entity *entity;
	const char *id;
	int64_t merged_seq;
	struct rep_folded folded;
	bool held; /* one of the changes waits at the hub */
	struct rep_json
		*outcomes; /* stamp -> outcome of own changes: folded here, or refused by the hub */
	bool asked;        /* the hub's have been read */
	enum rep_code rc;  /* what went wrong where it could not be told */
	struct rep_error err;
};

static bool concerns(const struct rebase *rebase, const struct rep_change *change)
{
	return change->line && strcmp(change->id, rebase->id) == 0 &&
	       strcmp(change->entity, rebase->entity->name) == 0;
}

typedef enum rep_code on_set(struct rebase *rebase, const struct rep_changeset *set,
			     struct rep_error *err);

/* ---- what never came into force ---- */

static enum rep_code note_outcome(struct rebase *rebase, const struct rep_change *change,
				  struct rep_json *outcome, struct rep_error *err)
{
	return rep_json_set(rebase->outcomes, change->stamp.text, outcome) ? REP_OK
									   : no_memory(err);
}

/* A held change is no refused one here: it is folded. */
static enum rep_code note_refused(struct rebase *rebase, const struct rep_changeset *set,
				  struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < set->changes_len; i++) {
		const struct rep_change *change = &set->changes[i];
		struct rep_json *outcome = NULL;

		if (!concerns(rebase, change) || rep_json_get(rebase->outcomes, change->stamp.text))
			continue;
		rc = rep_outcome_get(rebase->replica->db, set->seq, i, &outcome, err);
		if (rc == REP_OK && outcome)
			rc = note_outcome(rebase, change, outcome, err);
	}
	return rc;
}

static enum rep_code each_seq(struct rebase *rebase, const char *sql, on_set *each,
			      struct rep_error *err);

/* A device can only have seen refused changes of its own. */
static bool was_refused(void *user, const char *field, const char *stamp)
{
	struct rebase *rebase = user;

	if (rebase->rc != REP_OK || !rep_stamp_valid(stamp) ||
	    strcmp(rep_stamp_device(stamp), rebase->replica->device) != 0)
		return false;
	if (!rebase->asked) {
		rebase->asked = true;
		rebase->rc = each_seq(
			rebase,
			"SELECT DISTINCT r.seq FROM _journal_record AS r JOIN _outcome AS o ON o.seq = "
			"r.seq WHERE r.entity = ?1 AND r.id = ?2 AND r.seq <= ?3 ORDER BY r.seq",
			note_refused, &rebase->err);
	}
	return rep_outcome_refuses(rep_json_get(rebase->outcomes, stamp), field);
}

/* ---- one change ---- */

/*
 * As the hub would decide knowing what this replica knows. What it would hold is shown all the same: the record that it waits for may
 * lie outside this view.
 */
static enum rep_code fold_change(struct rebase *rebase, const struct rep_changeset *set,
				 size_t index, struct rep_error *err)
{
	const struct rep_change *change = &set->changes[index];
	struct rep_edit edit = {
		.op = change->op,
		.entity = change->entity,
		.id = change->id,
		.stamp = change->stamp.text,
		.rep = set->rep,
		.device = set->device,
		.seq = set->seq,
		.index = (unsigned)index,
		.line = change->line,
	};
	struct rep_admission admission = {0};
	struct rep_json *outcome = NULL, *line = NULL;
	enum rep_code rc =
		rep_admit(&admission, &edit, rebase->folded.record, &rebase->context.admit, err);

	if (rc == REP_OK)
		rc = rep_edit_forget(&line, edit.line, was_refused, rebase, err);
	if (rc == REP_OK && rebase->rc != REP_OK) {
		rc = rebase->rc;
		*err = rebase->err;
	}
	if (rc == REP_OK) {
		edit.line = line ? line : edit.line;
		edit.verdict = admission.verdict;
		rc = rep_fold(&rebase->folded, &edit, &rebase->context.fold, &outcome, err);
	}
	if (rc == REP_OK)
		rc = note_outcome(rebase, change, outcome, err);
	rep_json_free(line);
	rep_admission_clear(&admission);
	return rc;
}

/* Was this change held when the hub last spoke of it? */
static enum rep_code is_held(struct rep_db *db, int64_t seq, size_t index, bool *held,
			     struct rep_error *err)
{
	struct rep_json *outcome;
	enum rep_code rc = rep_outcome_get(db, seq, index, &outcome, err);
	const char *name = rep_json_get_string(outcome, "outcome");

	*held = name && strcmp(name, rep_outcome_name(REP_HELD)) == 0;
	rep_json_free(outcome);
	return rc;
}

static enum rep_code fold_set(struct rebase *rebase, const struct rep_changeset *set,
			      struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < set->changes_len; i++) {
		bool held = true;

		if (!concerns(rebase, &set->changes[i]))
			continue;
		if (set->seq <= rebase->merged_seq)
			rc = is_held(rebase->replica->db, set->seq, i, &held, err);
		if (rc == REP_OK && set->seq <= rebase->merged_seq && held)
			rebase->held = true;
		if (rc == REP_OK && held)
			rc = fold_change(rebase, set, i, err);
	}
	return rc;
}

/* ---- all of them ---- */

static enum rep_code read_seq(struct rebase *rebase, int64_t seq, on_set *each,
			      struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_changeset set = {0};
	size_t used;
	enum rep_code rc = rep_journal_read(rebase->replica->db, seq, &bytes, err);

	if (rc == REP_OK)
		rc = rep_changeset_read(&set, &used, rep_buf_str(&bytes), bytes.len, NULL, err);
	if (rc == REP_OK)
		rc = each(rebase, &set, err);
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, "change set %lld", (long long)seq);
}

/* Reads the own change sets that `sql` gives for (entity, id, merged_seq). */
static enum rep_code each_seq(struct rebase *rebase, const char *sql, on_set *each,
			      struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_prepare(rebase->replica->db, &stmt, sql, err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, rebase->entity->name);
	rep_bind_text(stmt, 2, rebase->id);
	rep_bind_int(stmt, 3, rebase->merged_seq);
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = read_seq(rebase, rep_column_int(stmt, 0), each, err);
	}
	rep_stmt_free(stmt);
	return rc;
}

static enum rep_code fold_all(struct rebase *rebase, struct rep_error *err)
{
	return each_seq(
		rebase,
		"SELECT seq FROM _journal_record AS r WHERE entity = ?1 AND id = ?2 AND (seq > ?3 OR EXISTS "
		"(SELECT 1 FROM _outcome AS o WHERE o.seq = r.seq AND json_extract(o.line, '$.outcome') = "
		"'held')) ORDER BY seq",
		fold_set, err);
}

static enum rep_code note_held(struct rebase *rebase, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(rebase->replica->db, &stmt,
			   rebase->held ? "INSERT OR IGNORE INTO _held (entity, id) VALUES (?1, ?2)"
					: "DELETE FROM _held WHERE entity = ?1 AND id = ?2",
			   err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, rebase->entity->name);
	rep_bind_text(stmt, 2, rebase->id);
	return rep_run(stmt, err);
}

static enum rep_code write_row(struct rebase *rebase, const struct rep_json *extra,
			       const char *place, struct rep_error *err)
{
	struct rep_db *db = rebase->replica->db;
	enum rep_code rc = rebase->folded.record
				   ? rep_row_put(db, rebase->folded.record, extra, place, err)
				   : rep_row_remove(db, rebase->entity, rebase->id, err);

	if (rc == REP_OK)
		rc = rep_reviews_put(rebase->replica, &rebase->folded, err);
	return rc == REP_OK ? note_held(rebase, err) : rc;
}

enum rep_code rep_rebase(struct rep_replica *replica, const struct rep_entity *entity,
			 const char *id, const struct rep_record *base,
			 const struct rep_json *extra, const char *place, int64_t merged_seq,
			 struct rep_error *err)
{
	struct rebase rebase = {.replica = replica,
				.entity = entity,
				.id = id,
				.merged_seq = merged_seq,
				.outcomes = rep_json_object()};
	enum rep_code rc = rep_reviews_restore(replica->db, entity->name, id, err);

	rep_context_init(&rebase.context, replica);
	if (rc == REP_OK && base && !(rebase.folded.record = rep_record_dup(base)))
		rc = no_memory(err);
	if (rc == REP_OK)
		rc = rep_context_reviews(&rebase.context, entity->name, id, &rebase.folded, err);
	if (rc == REP_OK)
		rc = fold_all(&rebase, err);
	if (rc == REP_OK)
		rc = write_row(&rebase, extra, base ? place : "local", err);
	rep_json_free(rebase.outcomes);
	rep_folded_clear(&rebase.folded);
	rep_context_clear(&rebase.context);
	return rep_wrap(err, rc, "rebase %s %s", entity->name, id);
}
