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

/* ---- outcomes ---- */

static enum rep_code put_outcome(struct rep_db *db, const char *line, size_t len,
				 struct rep_error *err)
{
	struct rep_json *outcome;
	struct rep_stmt *stmt;
	enum rep_code rc = rep_json_parse_canonical(&outcome, line, len, REP_JSON_DEPTH_MAX, err);

	if (rc != REP_OK)
		return rc;
	if (!rep_json_get_string(outcome, "outcome") || rep_json_get_integer(outcome, "seq") < 1 ||
	    !rep_json_is(rep_json_get(outcome, "index"), REP_JSON_INTEGER))
		rc = rep_fail(err, REP_EINVAL, "seq, index and outcome expected");
	if (rc == REP_OK)
		rc = rep_db_use(
			db, &stmt,
			"INSERT OR REPLACE INTO _outcome (seq, idx, line) VALUES (?1, ?2, ?3)",
			err);
	if (rc == REP_OK) {
		rep_bind_int(stmt, 1, rep_json_get_integer(outcome, "seq"));
		rep_bind_int(stmt, 2, rep_json_get_integer(outcome, "index"));
		rep_bind_text_n(stmt, 3, line, len);
		rc = rep_run(stmt, err);
	}
	rep_json_free(outcome);
	return rc;
}

enum rep_code rep_outcomes_apply(struct rep_replica *replica, const char *data, size_t len,
				 struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	size_t line = 0;

	while (rc == REP_OK && len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t size = end ? (size_t)(end - data) : len;

		line++;
		if (!end)
			rc = rep_fail(err, REP_EINVAL, "its last line has no end");
		else
			rc = put_outcome(replica->db, data, size, err);
		rc = rep_wrap(err, rc, "outcomes: line %zu", line);
		data += size + (end ? 1 : 0);
		len -= size + (end ? 1 : 0);
	}
	return rc;
}

/* Was this change held when the hub last spoke of it? */
static enum rep_code is_held(struct rep_db *db, int64_t seq, size_t index, bool *held,
			     struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt,
				      "SELECT 1 FROM _outcome WHERE seq = ?1 AND idx = ?2 AND "
				      "json_extract(line, '$.outcome') = 'held'",
				      err);

	*held = false;
	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, seq);
	rep_bind_int(stmt, 2, (int64_t)index);
	rc = rep_step(stmt, held, err);
	rep_stmt_reset(stmt);
	return rc;
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
};

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
	struct rep_json *outcome = NULL;
	enum rep_code rc =
		rep_admit(&admission, &edit, rebase->folded.record, &rebase->context.admit, err);

	if (rc == REP_OK) {
		edit.verdict = admission.verdict;
		rc = rep_fold(&rebase->folded, &edit, &rebase->context.fold, &outcome, err);
	}
	rep_json_free(outcome);
	rep_admission_clear(&admission);
	return rc;
}

static enum rep_code fold_set(struct rebase *rebase, const struct rep_changeset *set,
			      struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < set->changes_len; i++) {
		const struct rep_change *change = &set->changes[i];
		bool held = true;

		if (!change->line || strcmp(change->id, rebase->id) != 0 ||
		    strcmp(change->entity, rebase->entity->name) != 0)
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

static enum rep_code fold_seq(struct rebase *rebase, int64_t seq, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_changeset set = {0};
	size_t used;
	enum rep_code rc = rep_journal_read(rebase->replica->db, seq, &bytes, err);

	if (rc == REP_OK)
		rc = rep_changeset_read(&set, &used, rep_buf_str(&bytes), bytes.len, NULL, err);
	if (rc == REP_OK)
		rc = fold_set(rebase, &set, err);
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, "change set %lld", (long long)seq);
}

static enum rep_code fold_all(struct rebase *rebase, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_prepare(
		rebase->replica->db, &stmt,
		"SELECT seq FROM _journal_record AS r WHERE entity = ?1 AND id = ?2 AND (seq > ?3 OR EXISTS "
		"(SELECT 1 FROM _outcome AS o WHERE o.seq = r.seq AND json_extract(o.line, '$.outcome') = "
		"'held')) ORDER BY seq",
		err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, rebase->entity->name);
	rep_bind_text(stmt, 2, rebase->id);
	rep_bind_int(stmt, 3, rebase->merged_seq);
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = fold_seq(rebase, rep_column_int(stmt, 0), err);
	}
	rep_stmt_free(stmt);
	return rc;
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
	struct rebase rebase = {
		.replica = replica, .entity = entity, .id = id, .merged_seq = merged_seq};
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
	rep_folded_clear(&rebase.folded);
	rep_context_clear(&rebase.context);
	return rep_wrap(err, rc, "rebase %s %s", entity->name, id);
}
