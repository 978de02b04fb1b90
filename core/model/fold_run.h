/*
 * What the files of the fold share: private to fold*.c. One run is one edit on one record.
 *
 * Values are shared by reference between edit and record, and never changed in place: a set, list or
 * map that changes is a new one.
 */
#ifndef REPSYNC_CORE_MODEL_FOLD_RUN_H
#define REPSYNC_CORE_MODEL_FOLD_RUN_H

#include "core/model/fold.h"

struct rep_fold_run {
	struct rep_folded *folded;
	const struct rep_edit *edit;
	const struct rep_fold_context *context;
	const struct rep_entity *entity;
	const struct rep_json *values; /* of the edit; may be NULL */
	const struct rep_json *rivals; /* a resolve's: stamps that its author saw; else NULL */
	struct rep_json *before;       /* the fields as they were, where a rule asks for them */
	enum rep_outcome worst;        /* of all fields */
	struct rep_json *whole;        /* outcome's top-level keys besides "outcome" */
	struct rep_json *fields;       /* outcome's fields */
	bool failed;                   /* memory ran out */
};

/* What became of one field, or (field NULL) of the whole change. Strings may be NULL; they are copied. */
struct rep_fold_note {
	enum rep_outcome outcome;
	const char *rule;
	const char *rival;
	const char *code;
	const char *item;
};
void rep_fold_note(struct rep_fold_run *run, const char *field, const struct rep_fold_note *note);
/* The same for a change or field that cannot be folded; `code` as docs/rules.md lists them. */
void rep_fold_reject(struct rep_fold_run *run, const char *field, const char *code);

/*
 * fold_met.c: hands out what the edit made of the earlier one with the stamp `rival`; `unit` NULL = of the whole change. Of `note`
 * outcome, rule and item count.
 */
void rep_fold_met(struct rep_fold_run *run, const char *unit, const char *rival,
		  const struct rep_fold_note *note);

/* What the edit says of a field that it may write; NULL where it is silent or admission forbade it. */
const struct rep_json *rep_fold_spec(const struct rep_fold_run *run, const struct rep_field *field);
/* The stamp in `spec` under `key`, or NULL. */
const char *rep_fold_saw(const struct rep_json *spec, const char *key);

/*
 * The unit of a conflict: a field, or all fields of its group. `lead` is the first of them in the order of
 * the schema; it gives the rules.
 */
struct rep_fold_unit {
	const struct rep_field *lead;
	const char *name; /* of the field or of the group */
};
bool rep_fold_in_unit(const struct rep_fold_unit *unit, const struct rep_field *field);
/* The stamp of the unit: the greatest of its fields'. Borrowed from the record. */
const char *rep_fold_unit_stamp(const struct rep_fold_run *run, const struct rep_fold_unit *unit);
/* The unit's value as rivals keep it: the field's, or of a group an object. A new reference, NULL without memory. */
struct rep_json *rep_fold_unit_value(const struct rep_fold_run *run,
				     const struct rep_fold_unit *unit, bool incoming);

/* fold_rules.c: what the rules make of two values that did not know of each other. */
enum rep_fold_winner { REP_FOLD_CURRENT, REP_FOLD_INCOMING, REP_FOLD_BOTH, REP_FOLD_OPEN };
struct rep_fold_decision {
	enum rep_fold_winner winner;
	enum rep_rule rule;
	struct rep_json *both; /* REP_FOLD_BOTH: the merged value; owned */
};
void rep_fold_decide(struct rep_fold_run *run, const struct rep_fold_unit *unit,
		     struct rep_fold_decision *out);
/* The source of the edit: its line's, its author's role where the schema ranks it, else "rep". */
const char *rep_fold_source(const struct rep_fold_run *run);

/* fold_fields.c: writes everything that the edit may write. The record exists. */
void rep_fold_fields(struct rep_fold_run *run);
/* One field with a spec that the caller made. */
void rep_fold_one(struct rep_fold_run *run, const struct rep_field *field,
		  const struct rep_json *spec);

/* fold_sets.c: fields that merge by parts. Each notes its own outcome. */
void rep_fold_set(struct rep_fold_run *run, const struct rep_field *field,
		  const struct rep_json *spec);
void rep_fold_map(struct rep_fold_run *run, const struct rep_field *field,
		  const struct rep_json *spec);
/* fold_lists.c */
void rep_fold_list(struct rep_fold_run *run, const struct rep_field *field,
		   const struct rep_json *spec);
void rep_fold_sum(struct rep_fold_run *run, const struct rep_field *field,
		  const struct rep_json *spec);

/*
 * fold_review.c: the items. A conflict's rival that stands already is added where it is not known yet.
 * `value` is borrowed. Returns the item's id, which lives as long as the item, or NULL without memory.
 */
struct rep_fold_conflict {
	const char *name;       /* field, group, or "*" for the whole record */
	const char *visibility; /* class of the field */
	const char *rule;
	const char *current_stamp;
	const struct rep_json *current;  /* value that stands */
	const struct rep_json *incoming; /* value of the edit */
	bool open;
	bool incoming_won;
	bool parts; /* values are objects of elements, joined where one rival has several */
};
const char *rep_fold_conflict(struct rep_fold_run *run, const struct rep_fold_conflict *conflict);
/* Makes the proposals of the fields that the verdict sends there ("*": of all). */
void rep_fold_propose(struct rep_fold_run *run);
/* After the values of a resolve were written: closes its item where it may be closed. */
void rep_fold_close(struct rep_fold_run *run);

/* fold_record.c */
void rep_fold_insert(struct rep_fold_run *run, const char *author);
void rep_fold_delete(struct rep_fold_run *run);
/* What is left of an erased record: who made it and when, where it lies, and that it was erased. Nothing revives it. */
void rep_fold_erase(struct rep_fold_run *run);
/* The values of a delete where it is an archiving: {"status": {"new": "archived", "saw"?}}. The caller's. */
struct rep_json *rep_fold_archive(struct rep_fold_run *run);
/* Before a write on a tombstone: true when the write may go on. */
bool rep_fold_revive(struct rep_fold_run *run);
void rep_fold_restore(struct rep_fold_run *run);
void rep_fold_alias(struct rep_fold_run *run, bool set);
void rep_fold_resolve(struct rep_fold_run *run);

/*
 * text_merge.c: three-way by line. REP_EINVAL where the changes overlap (or the texts are too large to
 * compare), REP_ENOMEM; *out is the caller's.
 */
REP_CHECK enum rep_code rep_text_merge(const char *base, const char *ours, const char *theirs,
				       char **out);

#endif
