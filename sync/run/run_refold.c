/*
 * Folding a record: one change onto it, or all of them again.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/model/join.h"
#include "core/store/columns.h"
#include "sync/run/run.h"

/* ---- one change ---- */

struct forget {
	struct rep_run *run;
	const struct rep_touched *touched;
	const struct rep_edit *edit;
	int number; /* the version in whose names it is asked */
	enum rep_code rc;
	struct rep_error *err;
};

/* Of the change of this stamp, for this record; false also when it cannot be told. */
static bool refused_of(struct forget *forget, const char *id, const char *field, const char *stamp)
{
	struct rep_stmt *stmt;
	struct rep_json *outcome = NULL;
	const char *text;
	size_t len = 0;
	bool row = false, is_refused = false;
	int version;

	forget->rc = rep_db_use(
		forget->run->hub->db, &stmt,
		"SELECT outcome, version FROM _change WHERE entity = ?1 AND id = ?2 AND eff = ?3"
		" AND outcome IS NOT NULL",
		forget->err);
	if (forget->rc != REP_OK)
		return false;
	rep_bind_text(stmt, 1, forget->edit->entity);
	rep_bind_text(stmt, 2, id);
	rep_bind_text(stmt, 3, stamp);
	forget->rc = rep_step(stmt, &row, forget->err);
	text = row ? rep_column_text(stmt, 0, &len) : NULL;
	if (text)
		forget->rc = rep_json_parse(&outcome, text, len, REP_LINE_SIZE_MAX,
					    REP_SCHEMA_DEPTH_MAX, forget->err);
	version = row ? (int)rep_column_int(stmt, 1) : 0;
	rep_stmt_reset(stmt);
	if (outcome)
		forget->rc = rep_version_refuses(forget->run->hub->versions, forget->edit->entity,
						 outcome, version, field, forget->number,
						 &is_refused, forget->err);
	rep_json_free(outcome);
	return is_refused;
}

/*
 * Nobody else ever saw a change that was refused: only a stamp of the editing device itself can name one. It may have been
 * written for any of the records that are one.
 */
static bool refused(void *user, const char *field, const char *stamp)
{
	struct forget *forget = user;
	const struct rep_touched *touched = forget->touched;
	bool is_refused = false;

	if (forget->rc != REP_OK || !rep_stamp_valid(stamp) ||
	    strcmp(rep_stamp_device(stamp), forget->edit->device) != 0)
		return false;
	if (!touched->members_len)
		return refused_of(forget, forget->edit->id, field, stamp);
	for (size_t i = 0; forget->rc == REP_OK && !is_refused && i < touched->members_len; i++)
		is_refused = refused_of(forget, touched->members[i]->id, field, stamp);
	return is_refused;
}

bool rep_run_is_plain(const struct rep_json *outcome)
{
	const char *name = rep_json_get_string(outcome, "outcome");

	return name && rep_json_size(outcome) == 1 &&
	       strcmp(name, rep_outcome_name(REP_APPLIED)) == 0;
}

/* Where the change moved the record, in its outcome and in the index. Of a root that it was not written for, under a name of its own. */
static enum rep_code note_move(struct rep_run *run, struct rep_touched *touched,
			       const struct rep_edit *edit, const char *was,
			       struct rep_json *outcome, struct rep_error *err)
{
	const struct rep_record *record = touched->folded.record;
	bool own = strcmp(edit->id, touched->id) == 0;
	struct rep_json *moved;

	if (!was || !record || strcmp(was, record->partition) == 0)
		return REP_OK;
	moved = rep_json_object();
	rep_json_set_string(moved, "from", was);
	rep_json_set_string(moved, "to", record->partition);
	if (!own)
		rep_json_set_string(moved, "id", touched->id);
	if (!rep_json_set(outcome, own ? "moved" : "joined", moved))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return rep_work_moved(run->hub->db, edit->entity, touched->id, edit->stamp, was,
			      record->partition, err);
}

static enum rep_code fold_known(struct rep_run *run, struct rep_touched *touched,
				const struct rep_edit *edit, int number, struct rep_json **outcome,
				struct rep_error *err)
{
	const struct rep_fold_context *context;
	struct rep_edit joined = *edit;
	struct rep_json *line = NULL;
	enum rep_code rc = rep_run_context(run, number, &context, err);

	if (rc == REP_OK && touched->members_len)
		rc = rep_join_edit(&joined, &line, edit, touched->id,
				   rep_schema_entity(context->schema, touched->entity->name), err);
	/* A record that follows its references lies where they lie now; one that stays, where they lay then. */
	run->edit_stamp = touched->entity->moves ? NULL : edit->stamp;
	if (rc == REP_OK)
		rc = rep_fold(&touched->folded, &joined, context, outcome, err);
	run->edit_stamp = NULL;
	if (rc == REP_OK && run->callback_rc != REP_OK) {
		rc = run->callback_rc;
		*err = run->callback_err;
	}
	rep_json_free(line);
	return rc;
}

/* Folds the edit, as its version reads it, onto the record in that version's shape. */
static enum rep_code fold_read(struct rep_run *run, struct rep_touched *touched,
			       const struct rep_era_edit *read, struct rep_json **outcome,
			       struct rep_error *err)
{
	struct forget forget = {run, touched, &read->edit, read->number, REP_OK, err};
	struct rep_edit known = read->edit;
	struct rep_json *line = NULL;
	enum rep_code rc = rep_edit_forget(&line, known.line, refused, &forget, err);

	if (rc == REP_OK)
		rc = forget.rc;
	if (line)
		known.line = line;
	if (rc == REP_OK)
		rc = fold_known(run, touched, &known, read->number, outcome, err);
	rep_json_free(line);
	return rc;
}

enum rep_code rep_run_fold_one(struct rep_run *run, struct rep_touched *touched,
			       const struct rep_edit *edit, struct rep_json **outcome,
			       struct rep_error *err)
{
	struct rep_era_edit read;
	char *was = NULL;
	enum rep_code rc;

	*outcome = NULL;
	if (touched->folded.record && !(was = strdup(touched->folded.record->partition)))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = rep_run_read(run, edit, touched->shape, &read, err);
	if (rc == REP_OK)
		rc = rep_run_shape(run, touched, read.number, err);
	if (rc == REP_OK)
		rc = fold_read(run, touched, &read, outcome, err);
	if (rc == REP_OK)
		rc = note_move(run, touched, edit, was, *outcome, err);
	if (rc == REP_OK && rep_run_is_plain(*outcome)) {
		rep_json_free(*outcome);
		*outcome = NULL;
	}
	if (rc == REP_OK)
		rc = rep_run_name_version(run, edit, read.number, *outcome, err);
	rep_era_edit_clear(&read);
	free(was);
	return rc;
}

/* ---- rejections ---- */

static bool is_rejected(const struct rep_json *note)
{
	const char *name = rep_json_get_string(note, "outcome");

	return name && strcmp(name, rep_outcome_name(REP_REJECTED)) == 0;
}

bool rep_outcome_has_rejection(const struct rep_json *outcome)
{
	const struct rep_json *fields = rep_json_get(outcome, "fields");

	if (is_rejected(outcome))
		return true;
	for (void *it = fields ? rep_json_iter(fields) : NULL; it;
	     it = rep_json_iter_next(fields, it))
		if (is_rejected(rep_json_iter_value(it)))
			return true;
	return false;
}

/* The code of the first thing refused, and the fields: what a person reads first. */
static void describe(const struct rep_json *outcome, const char **code, struct rep_buf *text)
{
	const struct rep_json *fields = rep_json_get(outcome, "fields");

	*code = rep_json_get_string(outcome, "code");
	for (void *it = fields ? rep_json_iter(fields) : NULL; it;
	     it = rep_json_iter_next(fields, it)) {
		const struct rep_json *note = rep_json_iter_value(it);
		const char *why = rep_json_get_string(note, "code");

		if (!is_rejected(note))
			continue;
		if (!*code)
			*code = why;
		rep_buf_printf(text, "%s%s: %s", text->len ? "; " : "", rep_json_iter_key(it),
			       why ? why : "");
	}
}

/*
 * The author's own values of what was refused, whole or by field. What the version it was made under did not know stands in the
 * line as it was signed alone.
 */
static struct rep_json *refused_values(const struct rep_edit *made, const struct rep_edit *edit,
				       const struct rep_json *outcome)
{
	const struct rep_json *values = rep_json_get(edit->line, "values");
	const struct rep_json *fields = rep_json_get(outcome, "fields");
	struct rep_json *out = rep_json_object();

	for (size_t i = 0; i < rep_json_size(edit->unknown); i++) {
		const char *field = rep_json_string_value(rep_json_at(edit->unknown, i));
		const struct rep_json *spec =
			rep_json_get(rep_json_get(made->line, "values"), field);

		if (spec)
			rep_json_set(out, field, rep_json_ref(spec));
	}
	for (void *it = values ? rep_json_iter(values) : NULL; it;
	     it = rep_json_iter_next(values, it)) {
		const char *field = rep_json_iter_key(it);
		const struct rep_json *note = rep_json_get(fields, field);

		if (note ? is_rejected(note) : (!fields && is_rejected(outcome)))
			rep_json_set(out, field, rep_json_ref(rep_json_iter_value(it)));
	}
	return out;
}

/* Values of a field that not everybody may read lie in the twin of its class. */
static const char *class_of(const struct rep_entity *entity, const struct rep_json *values)
{
	for (void *it = rep_json_iter(values); it; it = rep_json_iter_next(values, it)) {
		const struct rep_field *field = rep_entity_field(entity, rep_json_iter_key(it));

		if (field && strcmp(field->visibility, "open") != 0)
			return field->visibility;
	}
	return NULL;
}

static void put(struct rep_record *record, const char *field, struct rep_json *value)
{
	rep_record_put(record, field, value, record->created.text);
}

static void fill_rejection(struct rep_record *record, const struct rep_edit *made,
			   const struct rep_edit *edit, const struct rep_json *outcome)
{
	struct rep_buf text = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	const char *code = NULL;

	describe(outcome, &code, &text);
	put(record, "entity", rep_json_string(edit->entity));
	put(record, "record", rep_json_string(edit->id));
	put(record, "op", rep_json_string(rep_op_name(edit->op)));
	if (code)
		put(record, "code", rep_json_string(code));
	if (text.len)
		put(record, "text", rep_json_string(rep_buf_str(&text)));
	put(record, "values", refused_values(made, edit, outcome));
	put(record, "device", rep_json_string(edit->device));
	put(record, "seq", rep_json_integer(edit->seq));
	put(record, "index", rep_json_integer(edit->index));
	rep_buf_clear(&text);
}

/* In the names of the version that judged. */
static enum rep_code write_rejection(struct rep_run *run, const struct rep_entity *kind,
				     const char *id, const char *partition,
				     const struct rep_edit *edit, const struct rep_json *outcome,
				     struct rep_error *err)
{
	int judged = (int)rep_json_get_integer(outcome, REP_OUTCOME_SCHEMA);
	const struct rep_fold_context *context;
	const struct rep_entity *target = NULL;
	struct rep_record *record = NULL;
	struct rep_era_edit read;
	const char *twin;
	enum rep_code rc = rep_run_read(run, edit, judged, &read, err);

	if (rc == REP_OK)
		rc = rep_run_context(run, read.number, &context, err);
	if (rc == REP_OK)
		rc = rep_record_new(&record, kind, id, partition, edit->rep, edit->stamp, err);
	if (rc != REP_OK) {
		rep_era_edit_clear(&read);
		return rc;
	}
	target = rep_schema_entity(context->schema, edit->entity);
	fill_rejection(record, edit, &read.edit, outcome);
	rep_era_edit_clear(&read);
	twin = target ? class_of(target, rep_record_value(record, "values")) : NULL;
	if (twin && !(record->twin = strdup(twin)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK && record->failed)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		rc = rep_row_put(run->hub->db, record, NULL, "data", err);
	if (rc == REP_OK)
		rc = rep_run_write_record(run, record, NULL, err);
	rep_record_free(record);
	return rc;
}

enum rep_code rep_run_rejection(struct rep_run *run, const struct rep_edit *edit,
				struct rep_json *outcome, bool was_rejected, struct rep_error *err)
{
	const struct rep_entity *kind = rep_schema_entity(run->hub->schema, "rejection");
	char id[REP_UUID_LEN + 1], partition[REP_ID_LEN_MAX + 8];
	size_t len = strlen(edit->rep);
	enum rep_code rc = REP_OK;

	if (!kind || len > REP_ID_LEN_MAX ||
	    (!rep_outcome_has_rejection(outcome) && !was_rejected && !run->replayed))
		return REP_OK;
	rep_review_change_id(id, "rejection", edit->device, edit->seq, edit->index);
	if (run->replayed && !rep_outcome_has_rejection(outcome) &&
	    !rep_json_get(run->replayed, id))
		return REP_OK;
	if (run->replayed && !rep_json_set(run->replayed, id, rep_json_bool(true)))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	memcpy(partition, "staff-", 6);
	memcpy(partition + 6, edit->rep, len + 1);
	if (rep_outcome_has_rejection(outcome)) {
		if (!rep_json_get(outcome, "item"))
			rep_json_set_string(outcome, "item", id);
		return write_rejection(run, kind, id, partition, edit, outcome, err);
	}
	rc = rep_row_remove(run->hub->db, kind, id, err);
	return rc == REP_OK ? rep_run_remove_record(run, kind, partition, id, err) : rc;
}

/* ---- all changes again ---- */

struct rep_refolded {
	char device[REP_DEVICE_LEN + 1];
	int64_t seq;
	unsigned index;
	char *segment;
	struct rep_json *was, *outcome;
};

static struct rep_refolded *add_refolded(struct rep_refold *refold)
{
	size_t cap = refold->cap ? 2 * refold->cap : 16;
	struct rep_refolded *grown;

	if (refold->len == refold->cap) {
		grown = reallocarray(refold->changes, cap, sizeof *grown);
		if (!grown)
			return NULL;
		refold->changes = grown;
		refold->cap = cap;
	}
	return &refold->changes[refold->len++];
}

static enum rep_code keep(struct rep_refold *refold, const struct rep_indexed *change,
			  struct rep_json *outcome, struct rep_error *err)
{
	struct rep_refolded *one = add_refolded(refold);

	if (!one)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	*one = (struct rep_refolded){
		.seq = change->edit.seq,
		.index = change->edit.index,
		.segment = change->segment ? strdup(change->segment) : NULL,
		.was = change->outcome ? rep_json_ref(change->outcome) : NULL,
		.outcome = outcome ? rep_json_ref(outcome) : NULL,
	};
	memcpy(one->device, change->device, sizeof one->device);
	return one->segment ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

/* Who is met was folded lately, as a rule. */
struct rep_json **rep_refold_outcome(struct rep_refold *refold, const struct rep_indexed *change)
{
	for (size_t i = refold->len; i-- > 0;) {
		struct rep_refolded *one = &refold->changes[i];

		if (one->seq == change->edit.seq && one->index == change->edit.index &&
		    strcmp(one->device, change->device) == 0)
			return &one->outcome;
	}
	return NULL;
}

enum rep_code rep_refold_keep(struct rep_refold *refold, struct rep_touched *touched,
			      const struct rep_indexed *change, struct rep_json *outcome,
			      struct rep_error *err)
{
	bool was_rejected = rep_outcome_has_rejection(change->outcome);
	enum rep_code rc = REP_OK;

	if (outcome || was_rejected || refold->run->replayed)
		rc = rep_run_rejection(refold->run, &change->edit, outcome, was_rejected, err);
	if (rc == REP_OK && !refold->run->replayed)
		rc = keep(refold, change, outcome, err);
	if (rc == REP_OK)
		rc = rep_run_tell_rivals(refold->run, touched, refold, err);
	touched->has_last = true;
	memcpy(touched->last_stamp, change->eff.text, sizeof touched->last_stamp);
	memcpy(touched->last_device, change->device, sizeof touched->last_device);
	touched->last_seq = change->edit.seq;
	touched->last_index = change->edit.index;
	return rc;
}

/* Nothing is left to be folded; a refusal stands, without what was refused. */
enum rep_code rep_refold_erased(struct rep_refold *refold, const struct rep_indexed *change,
				struct rep_error *err)
{
	struct rep_json *outcome;
	enum rep_code rc;

	if (!rep_outcome_has_rejection(change->outcome))
		return REP_OK;
	outcome = rep_json_dup(change->outcome);
	if (!outcome)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = rep_run_rejection(refold->run, &change->edit, outcome, true, err);
	rep_json_free(outcome);
	return rc;
}

struct alone {
	struct rep_refold *refold;
	struct rep_touched *touched;
};

static enum rep_code refold_one(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct alone *alone = user;
	struct rep_json *outcome = NULL;
	enum rep_code rc;

	if (change->held)
		return REP_OK;
	if (!change->edit.line)
		return rep_refold_erased(alone->refold, change, err);
	rc = rep_run_fold_one(alone->refold->run, alone->touched, &change->edit, &outcome, err);
	if (rc == REP_OK)
		rc = rep_refold_keep(alone->refold, alone->touched, change, outcome, err);
	rep_json_free(outcome);
	return rc;
}

enum rep_code rep_refold_alone(struct rep_run *run, struct rep_touched *touched,
			       struct rep_refold *refold, struct rep_error *err)
{
	const struct rep_changes_query query = {.entity = touched->entity->name, .id = touched->id};
	struct alone alone = {refold, touched};
	enum rep_code rc;

	rep_folded_clear(&touched->folded);
	touched->has_last = false;
	touched->shape = rep_versions_first(run->hub->versions);
	rc = rep_work_moved_clear(run->hub->db, touched->entity->name, touched->id, err);
	if (rc == REP_OK)
		rc = rep_changes_each(run->hub->db, &query, refold_one, &alone, err);
	return rc == REP_OK ? rep_run_shape(run, touched, run->hub->schema->version, err) : rc;
}

enum rep_code rep_refold_record(struct rep_refold *refold, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < refold->len; i++) {
		const struct rep_refolded *one = &refold->changes[i];

		if (rep_json_equal(one->outcome, one->was))
			continue;
		rc = rep_changes_outcome(refold->run->hub->db, one->device, one->seq, one->index,
					 one->outcome, err);
		if (rc == REP_OK)
			rc = rep_run_outcome(refold->run, one->segment, one->seq, one->index,
					     one->outcome, err);
	}
	return rc;
}

void rep_refold_clear(struct rep_refold *refold)
{
	for (size_t i = 0; i < refold->len; i++) {
		free(refold->changes[i].segment);
		rep_json_free(refold->changes[i].was);
		rep_json_free(refold->changes[i].outcome);
	}
	free(refold->changes);
	refold->changes = NULL;
	refold->len = refold->cap = 0;
}
