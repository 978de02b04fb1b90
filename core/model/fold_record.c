/*
 * Operations on whole records.
 *
 * Delete against update. An edit of a live record cannot know of its deletion, and a delete names the
 * stamps that its author saw; so
 *	1	the delete saw everything that stands (or what it did not see is its own device's): a
 *		tombstone
 *	2	it did not: `update-wins` keeps the record, `delete-wins` makes the tombstone; an item ("*")
 *		tells of both
 *	3	a write on a tombstone: `update-wins` brings the record back, `delete-wins` does not take
 *		it; told likewise
 *	4	an insert on a tombstone says that the thing exists: it comes back under any policy
 *	5	a write on a record merged into another: it goes on, for the day the two are taken apart
 *	6	the hub restores what a live record refers to, under any policy; the deleter is told
 *	7	a delete written for a record that was merged away saw nothing of the others (join.h)
 * Under `archive-only` there are no tombstones: whoever may delete archives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/fold_run.h"

/* ---- insert ---- */

/* A preset that the schema gives a required field which the author may not or did not fill. */
static struct rep_json *preset(const struct rep_fold_run *run, const struct rep_field *field)
{
	const char *text = rep_json_string_value(field->preset);
	char time[REP_TIME_LEN + 1] = "";

	if (!text || text[0] != '@')
		return rep_json_ref(field->preset);
	strncpy(time, run->edit->stamp, REP_TIME_LEN);
	if (strcmp(text, "@rep") == 0)
		return rep_json_string(run->edit->rep);
	/* "@today" and "@territory" depend on more than the edit: whoever made it filled them in. */
	return strcmp(text, "@now") == 0 ? rep_json_string(time) : rep_json_null();
}

static void fill_presets(struct rep_fold_run *run)
{
	for (size_t i = 0; i < run->entity->fields_len; i++) {
		const struct rep_field *field = &run->entity->fields[i];
		if (!field->required || !field->preset ||
		    rep_record_written(run->folded->record, field->name))
			continue;
		struct rep_json *value = preset(run, field);
		run->failed = run->failed || !value;
		rep_record_put(run->folded->record, field->name, value,
			       run->folded->record->created.text);
	}
}

void rep_fold_insert(struct rep_fold_run *run, const char *author)
{
	struct rep_buf partition = REP_BUF_INIT(2 * REP_ID_LEN_MAX);
	struct rep_record *record = NULL;
	struct rep_error err;
	enum rep_code rc;

	/* The partition may depend on the fields, so it is put right below. */
	if (rep_record_new(&record, run->entity, run->edit->id, "", author, run->edit->stamp,
			   &err)) {
		run->failed = true;
		return;
	}
	run->folded->record = record;
	rep_fold_fields(run);
	fill_presets(run);
	rc = rep_partition_find(&partition, run->entity, record->id, record->fields, author,
				run->edit->stamp, run->context, &err);
	run->failed = run->failed || rc == REP_ENOMEM || record->failed;
	if (rc) {
		rep_record_free(record);
		run->folded->record = NULL;
		rep_fold_reject(run, NULL, "no-partition");
	} else {
		free(record->partition);
		record->partition = rep_buf_take(&partition);
		run->failed = run->failed || !record->partition;
	}
	rep_buf_clear(&partition);
}

/* ---- delete ---- */

static void put_tombstone(struct rep_fold_run *run)
{
	struct rep_json *deleted = rep_json_object();

	if (!rep_json_set_string(deleted, "rep", run->edit->rep) ||
	    !rep_json_set_string(deleted, "stamp", run->edit->stamp))
		run->failed = true;
	rep_json_free(run->folded->record->deleted);
	run->folded->record->deleted = deleted;
}

static void drop_tombstone(struct rep_fold_run *run)
{
	rep_json_free(run->folded->record->deleted);
	run->folded->record->deleted = NULL;
}

static bool is_unseen(const struct rep_fold_run *run, const char *stamp, const char *saw)
{
	return !(saw && strcmp(saw, stamp) == 0) && !rep_stamp_same_device(stamp, run->edit->stamp);
}

/* The newest change of a part of a set or map that the author did not see; parts without a stamp stand since the insert. */
static const char *unseen_part(const struct rep_fold_run *run, const struct rep_json *stamps,
			       const struct rep_json *saw)
{
	const char *best = NULL;

	for (void *it = rep_json_iter(stamps); it; it = rep_json_iter_next(stamps, it)) {
		const char *stamp = rep_json_string_value(rep_json_iter_value(it));
		if (is_unseen(run, stamp, rep_fold_saw(saw, rep_json_iter_key(it))) &&
		    rep_stamp_compare(stamp, best) > 0)
			best = stamp;
	}
	return best;
}

static bool has_entry(const struct rep_json *list, const char *stamp)
{
	for (size_t i = 0; i < rep_json_size(list); i++) {
		const char *other = rep_json_get_string(rep_json_at(list, i), "entry");
		if (other && strcmp(other, stamp) == 0)
			return true;
	}
	return false;
}

/* The newest entry of a list that the author's copy did not have, but for those of the insert. */
static const char *unseen_entry(const struct rep_fold_run *run, const struct rep_json *list,
				const struct rep_json *old)
{
	for (size_t i = rep_json_size(list); i > 0; i--) {
		const char *stamp = rep_json_get_string(rep_json_at(list, i - 1), "entry");
		if (stamp && strcmp(stamp, run->folded->record->created.text) != 0 &&
		    !has_entry(old, stamp) && is_unseen(run, stamp, NULL))
			return stamp;
	}
	return NULL;
}

/* Was the edit written for a record that was merged into this one? */
static bool is_foreign(const struct rep_fold_run *run)
{
	return run->edit->own && strcmp(run->edit->own, run->edit->id) != 0;
}

/* Are the parts, or the entries of the list, those of which the author gave the hash? */
static bool is_hashed(struct rep_fold_run *run, const struct rep_field *field,
		      const struct rep_json *spec)
{
	const struct rep_record *record = run->folded->record;
	bool list = field->type == REP_TYPE_LIST;
	const char *seen = rep_json_get_string(spec, "seen_hash");
	char hash[65];

	if (!seen)
		return false;
	rep_edit_seen_hash(hash,
			   list ? rep_record_value(record, field->name)
				: rep_json_get(record->stamps, field->name),
			   list);
	run->failed = run->failed || !hash[0];
	return strcmp(seen, hash) == 0;
}

/* The stamp of a write to this field that the delete's author did not see, or NULL. */
static const char *unseen_write(struct rep_fold_run *run, const struct rep_field *field)
{
	const struct rep_record *record = run->folded->record;
	const struct rep_json *spec = rep_json_get(run->values, field->name);
	const struct rep_json *stamps = rep_json_get(record->stamps, field->name);
	const char *saw = rep_fold_saw(spec, "saw");

	if (is_hashed(run, field, spec))
		return NULL;
	if (field->type == REP_TYPE_LIST)
		return unseen_entry(run, rep_record_value(record, field->name),
				    rep_json_get(spec, "old"));
	if (rep_json_is(stamps, REP_JSON_OBJECT))
		return unseen_part(run, stamps, rep_json_get(spec, "seen"));
	if (!stamps) /* as it was inserted; who meant another record did not see that either */
		return is_foreign(run) && rep_record_value(record, field->name) &&
				       is_unseen(run, record->created.text, saw)
			       ? record->created.text
			       : NULL;
	return is_unseen(run, rep_json_string_value(stamps), saw) ? rep_json_string_value(stamps)
								  : NULL;
}

/* The newest write that the delete's author did not see, or NULL. */
static const char *newest_unseen(struct rep_fold_run *run)
{
	const char *best = NULL;

	for (size_t i = 0; i < run->entity->fields_len; i++) {
		const char *stamp = unseen_write(run, &run->entity->fields[i]);
		if (rep_stamp_compare(stamp, best) > 0)
			best = stamp;
	}
	return best;
}

/* Cases 2 and 3: tells of a delete and an update that did not know of each other. */
static void tell(struct rep_fold_run *run, const char *rival, bool edit_deletes, bool won,
		 const char *rule)
{
	struct rep_json *deleted = rep_json_object(), *updated = rep_json_object();
	struct rep_stamp stamp = {0};

	if (!rep_json_set(deleted, "deleted", rep_json_bool(true)) ||
	    !rep_json_set(updated, "deleted", rep_json_bool(false)))
		run->failed = true;
	strncpy(stamp.text, rival, REP_STAMP_LEN);
	struct rep_fold_conflict item = {
		.name = "*",
		.rule = rule,
		.current_stamp = stamp.text,
		.current = edit_deletes ? updated : deleted,
		.incoming = edit_deletes ? deleted : updated,
		.incoming_won = won,
	};
	struct rep_fold_note note = {
		.outcome = won ? REP_MERGED : REP_LOST,
		.rule = rule,
		.rival = stamp.text,
		.item = rep_fold_conflict(run, &item),
	};
	rep_fold_note(run, NULL, &note);
	note.outcome = REP_LOST;
	if (won)
		rep_fold_met(run, NULL, stamp.text, &note);
	rep_json_free(deleted);
	rep_json_free(updated);
}

struct rep_json *rep_fold_archive(struct rep_fold_run *run)
{
	const char *saw = rep_fold_saw(rep_json_get(run->values, "status"), "saw");
	struct rep_json *out = rep_json_object(), *spec = rep_json_object();

	if (!rep_json_set_string(spec, "new", "archived") ||
	    (saw && !rep_json_set_string(spec, "saw", saw)) || !rep_json_set(out, "status", spec))
		run->failed = true;
	return out;
}

static void archive(struct rep_fold_run *run)
{
	const struct rep_field *status = rep_entity_field(run->entity, "status");
	struct rep_json *values = rep_fold_archive(run);

	if (status && rep_json_get(values, "status"))
		rep_fold_one(run, status, rep_json_get(values, "status"));
	rep_json_free(values);
}

void rep_fold_delete(struct rep_fold_run *run)
{
	struct rep_record *record = run->folded->record;
	const char *rival;

	if (!record) {
		rep_fold_reject(run, NULL, "no-record");
		return;
	}
	if (record->deleted) {
		rep_fold_note(run, NULL, &(struct rep_fold_note){.outcome = REP_EQUAL});
		return;
	}
	rival = newest_unseen(run);
	switch (run->entity->deletes) {
	case REP_DELETES_ARCHIVE_ONLY:
		archive(run);
		return;
	case REP_DELETES_NEVER:
		rep_fold_reject(run, NULL, "never-deleted");
		return;
	case REP_DELETES_UPDATE_WINS:
		if (rival)
			tell(run, rival, true, false, "update-wins"); /* 2 */
		else
			put_tombstone(run); /* 1 */
		return;
	case REP_DELETES_DELETE_WINS:
		if (rival)
			tell(run, rival, true, true, "delete-wins"); /* 2 */
		put_tombstone(run);
		return;
	}
}

/* ---- erase ---- */

/* Of an object by field what decides where the record lies, and "*". New reference. */
static struct rep_json *place_only(const struct rep_entity *entity, const struct rep_json *all)
{
	struct rep_json *out = rep_json_object();
	bool good = out != NULL;

	for (void *it = all ? rep_json_iter(all) : NULL; good && it;
	     it = rep_json_iter_next(all, it)) {
		const char *field = rep_json_iter_key(it);

		if (strcmp(field, "*") == 0 || rep_entity_lies_by(entity, field))
			good = rep_json_set(out, field, rep_json_ref(rep_json_iter_value(it)));
	}
	if (good)
		return out;
	rep_json_free(out);
	return NULL;
}

static bool is_erased(const struct rep_record *record)
{
	const char *status = rep_json_string_value(rep_record_value(record, "status"));

	return record->deleted && status && strcmp(status, "erased") == 0;
}

void rep_fold_erase(struct rep_fold_run *run)
{
	struct rep_folded *folded = run->folded;
	struct rep_record *record = folded->record;
	struct rep_json *fields, *stamps;

	if (!record) {
		rep_fold_reject(run, NULL, "no-record");
		return;
	}
	fields = place_only(run->entity, record->fields);
	stamps = place_only(run->entity, record->stamps);
	if (!fields || !stamps) {
		rep_json_free(fields);
		rep_json_free(stamps);
		run->failed = true;
		return;
	}
	rep_json_free(record->fields);
	rep_json_free(record->stamps);
	rep_json_free(record->sources);
	record->fields = fields;
	record->stamps = stamps;
	record->sources = NULL;
	put_tombstone(run);
	if (rep_entity_field(run->entity, "status"))
		rep_record_put(record, "status", rep_json_string("erased"), run->edit->stamp);
	for (size_t i = 0; i < folded->reviews_len; i++)
		rep_record_free(folded->reviews[i]);
	folded->reviews_len = 0;
}

bool rep_fold_revive(struct rep_fold_run *run)
{
	const struct rep_json *deleted = run->folded->record->deleted;
	const char *stamp = rep_json_get_string(deleted, "stamp");

	if (is_erased(run->folded->record)) {
		rep_fold_reject(run, NULL, "erased");
		return false;
	}
	if (!deleted || rep_json_get_string(deleted, "merged_into")) /* 5 */
		return true;
	if (run->edit->op == REP_OP_INSERT) { /* 4; an older one, in a preview, stays dead */
		if (rep_stamp_compare(run->edit->stamp, stamp) < 0)
			return false;
		drop_tombstone(run);
		return true;
	}
	if (run->entity->deletes == REP_DELETES_DELETE_WINS) { /* 3 */
		tell(run, stamp, false, false, "delete-wins");
		return false;
	}
	tell(run, stamp, false, true, "update-wins"); /* 3 */
	drop_tombstone(run);
	return true;
}

/* A restore names the tombstone that its author saw; one made since stands under `delete-wins`. */
void rep_fold_restore(struct rep_fold_run *run)
{
	struct rep_record *record = run->folded->record;
	const char *saw = rep_fold_saw(run->edit->line, "saw");
	const char *stamp;

	if (!record) {
		rep_fold_reject(run, NULL, "no-record");
		return;
	}
	if (is_erased(record)) {
		rep_fold_reject(run, NULL, "erased");
		return;
	}
	stamp = rep_json_get_string(record->deleted, "stamp");
	if (!record->deleted || rep_json_get_string(record->deleted, "merged_into")) {
		rep_fold_note(run, NULL, &(struct rep_fold_note){.outcome = REP_EQUAL});
		return;
	}
	if (strcmp(run->edit->rep, "hub") == 0) { /* 6 */
		tell(run, stamp, false, true, "restrict");
	} else if (is_unseen(run, stamp, saw)) {
		bool wins = run->entity->deletes != REP_DELETES_DELETE_WINS;
		tell(run, stamp, false, wins, wins ? "update-wins" : "delete-wins");
		if (!wins)
			return;
	}
	drop_tombstone(run);
}

/*
 * The edge of a merged pair. Which records are one is asked of all edges together (join.h), so that here it is only told
 * whether this one was there already. Who merges says that the thing exists: a tombstone of the joined record goes.
 */
void rep_fold_alias(struct rep_fold_run *run, bool set)
{
	struct rep_folded *folded = run->folded;
	const char *into = rep_json_get_string(run->edit->line, "into");
	char edge[2 * REP_ID_LEN_MAX + 2];
	bool stands;

	if (!into || strlen(into) > REP_ID_LEN_MAX) {
		rep_fold_reject(run, NULL, "form");
		return;
	}
	snprintf(edge, sizeof edge, "%s/%s", run->edit->own ? run->edit->own : run->edit->id, into);
	stands = rep_json_get(folded->edges, edge) != NULL;
	if (!folded->edges)
		folded->edges = rep_json_object();
	if (!folded->edges || (set && !rep_json_set(folded->edges, edge, rep_json_bool(true))))
		run->failed = true;
	else if (!set)
		rep_json_del(folded->edges, edge);
	if (stands == set)
		rep_fold_note(run, NULL, &(struct rep_fold_note){.outcome = REP_EQUAL});
	if (set && run->edit->own && folded->record)
		drop_tombstone(run);
}

/* ---- resolve ---- */

static bool is_decision(const struct rep_fold_run *run, const char *decision)
{
	const char *given = rep_json_get_string(run->edit->line, "decision");

	return given && strcmp(given, decision) == 0;
}

/* Only the author takes a proposal back. */
static bool may_withdraw(const struct rep_fold_run *run, const struct rep_record *review)
{
	const char *author = rep_json_string_value(rep_record_value(review, "rep"));

	return !is_decision(run, "withdraw") || (author && strcmp(author, run->edit->rep) == 0);
}

/*
 * Decides an item. Values are written as by an update that saw the rivals it names. An accepted proposal of
 * a record that does not exist makes it: its author is who proposed, its stamp the decider's.
 */
void rep_fold_resolve(struct rep_fold_run *run)
{
	const char *item = rep_json_get_string(run->edit->line, "item");
	const struct rep_record *review = item ? rep_folded_review(run->folded, item) : NULL;
	bool proposal = review && strcmp(review->entity->name, "proposal") == 0;
	const char *author =
		proposal ? rep_json_string_value(rep_record_value(review, "rep")) : NULL;

	if (proposal && !may_withdraw(run, review)) {
		rep_fold_reject(run, NULL, "not-author");
		return;
	}
	run->rivals = rep_json_get(run->edit->line, "rivals");
	if (!run->folded->record && !proposal) {
		rep_fold_reject(run, NULL, "no-record");
		return;
	}
	if (!run->folded->record && is_decision(run, "accept"))
		rep_fold_insert(run, author);
	else if (run->folded->record && run->values && rep_fold_revive(run))
		rep_fold_fields(run);
	rep_fold_close(run);
}
