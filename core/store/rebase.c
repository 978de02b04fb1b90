#include "core/store/rebase.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/eras.h"
#include "core/model/join.h"
#include "core/store/context.h"
#include "core/store/journal.h"
#include "core/store/reviews.h"
#include "core/store/tables.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "rebase: no memory");
}

/* ---- folding ---- */

/* A touched record. */
struct spot {
	const struct rep_entity *entity;
	const char *id;                /* borrowed from `touched` */
	char root[REP_ID_LEN_MAX + 1]; /* whom the record is merged into; empty = it is not */
	struct rep_json *extra;
	const char *place;
	bool held;  /* one of its changes waits at the hub */
	bool asked; /* what the hub refused of it has been read */
};

struct rebase {
	struct rep_replica *replica;
	const struct rep_rebase *what;
	struct rep_context context;
	struct spot *spots; /* in the order of `touched` */
	size_t spots_len;
	struct spot *at;           /* whose record `folded` is */
	const struct spot *asking; /* for whose edit it is asked what was refused */
	struct rep_folded folded;
	struct rep_json
		*outcomes; /* stamp -> outcome of own changes: folded here, or refused by the hub */
	enum rep_code rc;  /* what went wrong where it could not be told */
	struct rep_error err;
};

struct place {
	const char *entity, *id;
};

static int compare_spot(const void *key, const void *element)
{
	const struct place *place = key;
	const struct spot *spot = element;
	int order = strcmp(place->entity, spot->entity->name);

	return order ? order : strcmp(place->id, spot->id);
}

static struct spot *spot_at(const struct rebase *rebase, const char *entity, const char *id)
{
	const struct place place = {entity, id};

	return bsearch(&place, rebase->spots, rebase->spots_len, sizeof *rebase->spots,
		       compare_spot);
}

static struct spot *spot_of(const struct rebase *rebase, const struct rep_change *change)
{
	return change->line ? spot_at(rebase, change->entity, change->id) : NULL;
}

/* The spot of the record that shows what this one is. */
static struct spot *root_of(const struct rebase *rebase, struct spot *spot)
{
	struct spot *root = *spot->root ? spot_at(rebase, spot->entity->name, spot->root) : NULL;

	return root ? root : spot;
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

		if (spot_of(rebase, change) != rebase->asking ||
		    rep_json_get(rebase->outcomes, change->stamp.text))
			continue;
		rc = rep_outcome_get(rebase->replica->db, set->seq, i, &outcome, err);
		if (rc == REP_OK && outcome)
			rc = note_outcome(rebase, change, outcome, err);
	}
	return rc;
}

static enum rep_code each_refused(struct rebase *rebase, struct rep_error *err);

/* A device can only have seen refused changes of its own: of the record, or of one that is one with it. */
static bool was_refused(void *user, const char *field, const char *stamp)
{
	struct rebase *rebase = user;
	const struct spot *root = root_of(rebase, rebase->at);

	if (rebase->rc != REP_OK || !rep_stamp_valid(stamp) ||
	    strcmp(rep_stamp_device(stamp), rebase->replica->device) != 0)
		return false;
	for (size_t i = 0; rebase->rc == REP_OK && i < rebase->spots_len; i++) {
		struct spot *spot = &rebase->spots[i];

		if (spot->asked || root_of(rebase, spot) != root)
			continue;
		spot->asked = true;
		rebase->asking = spot;
		rebase->rc = each_refused(rebase, &rebase->err);
	}
	return rep_outcome_refuses(rep_json_get(rebase->outcomes, stamp), field);
}

/* ---- one change ---- */

/* The record at `spot` as it is now, in `folded`. */
static enum rep_code go_to(struct rebase *rebase, struct spot *spot, struct rep_error *err)
{
	enum rep_code rc;

	if (rebase->at == spot)
		return REP_OK;
	rep_folded_clear(&rebase->folded);
	rebase->at = spot;
	rc = rep_row_get(rebase->replica->db, spot->entity, spot->id, &rebase->folded.record, err);
	if (rc == REP_OK)
		rc = rep_context_reviews(&rebase->context, spot->entity->name, spot->id,
					 &rebase->folded, err);
	return rc;
}

/* At once, because a change of another record may be judged by where this one lies. */
static enum rep_code write_row(struct rebase *rebase, struct rep_error *err)
{
	struct rep_db *db = rebase->replica->db;
	const struct spot *spot = rebase->at;
	enum rep_code rc = rebase->folded.record ? rep_row_put(db, rebase->folded.record,
							       spot->extra, spot->place, err)
						 : rep_row_remove(db, spot->entity, spot->id, err);

	return rc == REP_OK ? rep_reviews_put(rebase->replica, &rebase->folded, err) : rc;
}

/* Folds the edit onto the record at hand, as its own where it was written for one that is merged into it. */
static enum rep_code fold_here(struct rebase *rebase, const struct rep_edit *edit,
			       struct rep_json **outcome, struct rep_error *err)
{
	struct rep_edit known = *edit, joined;
	struct rep_json *line = NULL, *made = NULL;
	enum rep_code rc = rep_edit_forget(&line, edit->line, was_refused, rebase, err);

	if (rc == REP_OK && rebase->rc != REP_OK) {
		rc = rebase->rc;
		*err = rebase->err;
	}
	known.line = line ? line : edit->line;
	joined = known;
	if (rc == REP_OK && strcmp(edit->id, rebase->at->id) != 0)
		rc = rep_join_edit(&joined, &made, &known, rebase->at->id, rebase->at->entity, err);
	rebase->context.follows = rebase->at->entity->moves;
	if (rc == REP_OK)
		rc = rep_fold(&rebase->folded, &joined, &rebase->context.fold, outcome, err);
	rebase->context.follows = false;
	rep_json_free(made);
	rep_json_free(line);
	return rc == REP_OK ? write_row(rebase, err) : rc;
}

/*
 * Of a record that is merged into another, all that is known of both at the place and with the author of its own: as the hub
 * judges. *own and *all are the caller's.
 */
static enum rep_code admit(struct rebase *rebase, struct spot *spot, const struct rep_edit *edit,
			   struct rep_admission *out, struct rep_error *err)
{
	struct spot *root = root_of(rebase, spot);
	struct rep_record *own = NULL, seen;
	enum rep_code rc = REP_OK;

	if (root != spot)
		rc = rep_row_get(rebase->replica->db, spot->entity, spot->id, &own, err);
	if (rc == REP_OK)
		rc = go_to(rebase, root, err);
	if (rc != REP_OK)
		return rc;
	if (own && rebase->folded.record) {
		seen = *rebase->folded.record;
		seen.id = own->id;
		seen.partition = own->partition;
		seen.created_rep = own->created_rep;
		rc = rep_admit(out, edit, &seen, &rebase->context.admit, err);
	} else {
		rc = rep_admit(out, edit, rebase->folded.record, &rebase->context.admit, err);
	}
	rep_record_free(own);
	return rc;
}

/*
 * As the hub would decide knowing what this replica knows. What it would hold is shown all the same: the record that it waits for may
 * lie outside this view.
 */
static enum rep_code fold_change(struct rebase *rebase, struct spot *spot,
				 const struct rep_changeset *set, size_t index,
				 struct rep_error *err)
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
	struct rep_json *outcome = NULL, *own = NULL;
	struct rep_era_edit today;
	enum rep_code rc = rep_replica_read_forward(rebase->replica, set->schema,
						    &rebase->context.fold, &edit, &today, err);

	edit = today.edit;
	if (rc == REP_OK)
		rc = admit(rebase, spot, &edit, &admission, err);
	edit.verdict = admission.verdict;
	if (rc == REP_OK)
		rc = fold_here(rebase, &edit, &outcome, err);
	if (rc == REP_OK && rebase->at != spot) { /* and beneath the tombstone */
		rebase->at->held = true;
		rc = go_to(rebase, spot, err);
		if (rc == REP_OK)
			rc = fold_here(rebase, &edit, &own, err);
	}
	rep_json_free(own);
	if (rc == REP_OK)
		rc = note_outcome(rebase, change, outcome, err);
	else
		rep_json_free(outcome);
	rep_admission_clear(&admission);
	rep_era_edit_clear(&today);
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
	const bool acknowledged = set->seq <= rebase->what->merged_seq;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < set->changes_len; i++) {
		struct spot *spot = spot_of(rebase, &set->changes[i]);
		bool held = true;

		if (!spot)
			continue;
		if (acknowledged)
			rc = is_held(rebase->replica->db, set->seq, i, &held, err);
		if (rc == REP_OK && acknowledged && held)
			spot->held = true;
		if (rc == REP_OK && held)
			rc = fold_change(rebase, spot, set, i, err);
	}
	return rc;
}

/* ---- all of them ---- */

struct seqs {
	int64_t *items;
	size_t len, cap;
};

static enum rep_code add_seq(struct seqs *seqs, int64_t seq, struct rep_error *err)
{
	if (seqs->len == seqs->cap) {
		size_t cap = seqs->cap ? 2 * seqs->cap : 16;
		int64_t *grown = realloc(seqs->items, cap * sizeof *grown);

		if (!grown)
			return no_memory(err);
		seqs->items = grown;
		seqs->cap = cap;
	}
	seqs->items[seqs->len++] = seq;
	return REP_OK;
}

static int compare_seq(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

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

/* Appends the numbers that `sql` gives for (entity, id, merged_seq) of the spot. */
static enum rep_code add_seqs(struct rebase *rebase, const struct spot *spot, const char *sql,
			      struct seqs *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(rebase->replica->db, &stmt, sql, err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, spot->entity->name);
	rep_bind_text(stmt, 2, spot->id);
	rep_bind_int(stmt, 3, rebase->what->merged_seq);
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = add_seq(out, rep_column_int(stmt, 0), err);
	}
	rep_stmt_reset(stmt);
	return rc;
}

/* Each once, in their order. */
static enum rep_code read_seqs(struct rebase *rebase, struct seqs *seqs, on_set *each,
			       struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (seqs->len)
		qsort(seqs->items, seqs->len, sizeof *seqs->items, compare_seq);
	for (size_t i = 0; rc == REP_OK && i < seqs->len; i++)
		if (i == 0 || seqs->items[i] != seqs->items[i - 1])
			rc = read_seq(rebase, seqs->items[i], each, err);
	free(seqs->items);
	return rc;
}

static enum rep_code each_refused(struct rebase *rebase, struct rep_error *err)
{
	struct seqs seqs = {0};
	enum rep_code rc = add_seqs(
		rebase, rebase->asking,
		"SELECT r.seq FROM _journal_record AS r JOIN _outcome AS o ON o.seq = r.seq WHERE "
		"r.entity = ?1 AND r.id = ?2 AND r.seq <= ?3",
		&seqs, err);

	if (rc == REP_OK)
		return read_seqs(rebase, &seqs, note_refused, err);
	free(seqs.items);
	return rc;
}

static enum rep_code fold_all(struct rebase *rebase, struct rep_error *err)
{
	struct seqs seqs = {0};
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rebase->spots_len; i++)
		rc = add_seqs(
			rebase, &rebase->spots[i],
			"SELECT seq FROM _journal_record AS r WHERE entity = ?1 AND id = ?2 AND (seq > "
			"?3 OR EXISTS (SELECT 1 FROM _outcome AS o WHERE o.seq = r.seq AND "
			"json_extract(o.line, '$.outcome') = 'held'))",
			&seqs, err);
	if (rc == REP_OK)
		return read_seqs(rebase, &seqs, fold_set, err);
	free(seqs.items);
	return rc;
}

/* ---- before and after ---- */

static enum rep_code put_base(struct rebase *rebase, struct spot *spot, struct rep_error *err)
{
	struct rep_db *db = rebase->replica->db;
	struct rep_base base = {0};
	enum rep_code rc =
		rebase->what->base_of(rebase->what->user, spot->entity, spot->id, &base, err);

	if (rc == REP_OK)
		rc = rep_reviews_restore(db, spot->entity->name, spot->id, err);
	if (rc == REP_OK)
		rc = base.record ? rep_row_put(db, base.record, base.extra, base.place, err)
				 : rep_row_remove(db, spot->entity, spot->id, err);
	spot->place = base.record ? base.place : "local";
	spot->extra = base.extra;
	if (base.record && rep_json_get_string(base.record->deleted, "merged_into"))
		strncpy(spot->root, rep_json_get_string(base.record->deleted, "merged_into"),
			REP_ID_LEN_MAX);
	rep_record_free(base.record);
	return rep_wrap(err, rc, "%s %s", spot->entity->name, spot->id);
}

static enum rep_code put_bases(struct rebase *rebase, struct rep_error *err)
{
	const struct rep_json *touched = rebase->what->touched;
	enum rep_code rc = REP_OK;

	rebase->spots = calloc(rep_json_size(touched) + 1, sizeof *rebase->spots);
	if (!rebase->spots)
		return no_memory(err);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(touched); i++) {
		const struct rep_json *pair = rep_json_at(touched, i);
		struct spot *spot = &rebase->spots[rebase->spots_len];

		spot->entity = rep_schema_entity(rebase->replica->schema,
						 rep_json_string_value(rep_json_at(pair, 0)));
		spot->id = rep_json_string_value(rep_json_at(pair, 1));
		if (!spot->entity)
			continue;
		rebase->spots_len++;
		rc = put_base(rebase, spot, err);
	}
	return rc;
}

static enum rep_code note_held(struct rebase *rebase, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rebase->spots_len; i++) {
		const struct spot *spot = &rebase->spots[i];
		struct rep_stmt *stmt;

		rc = rep_db_use(rebase->replica->db, &stmt,
				spot->held
					? "INSERT OR IGNORE INTO _held (entity, id) VALUES (?1, ?2)"
					: "DELETE FROM _held WHERE entity = ?1 AND id = ?2",
				err);
		if (rc != REP_OK)
			return rc;
		rep_bind_text(stmt, 1, spot->entity->name);
		rep_bind_text(stmt, 2, spot->id);
		rc = rep_run(stmt, err);
	}
	return rc;
}

enum rep_code rep_rebase(struct rep_replica *replica, const struct rep_rebase *what,
			 struct rep_error *err)
{
	struct rebase rebase = {.replica = replica, .what = what, .outcomes = rep_json_object()};
	enum rep_code rc = put_bases(&rebase, err);

	if (rc == REP_OK)
		rc = rep_replica_load_org(replica, err);
	rep_context_init(&rebase.context, replica);
	if (rc == REP_OK)
		rc = fold_all(&rebase, err);
	if (rc == REP_OK)
		rc = note_held(&rebase, err);
	if (rc == REP_OK && rebase.spots_len) /* an own change may be one of the org */
		rc = rep_replica_load_org(replica, err);
	rep_json_free(rebase.outcomes);
	rep_folded_clear(&rebase.folded);
	rep_context_clear(&rebase.context);
	for (size_t i = 0; i < rebase.spots_len; i++)
		rep_json_free(rebase.spots[i].extra);
	free(rebase.spots);
	return rep_wrap(err, rc, "rebase");
}
