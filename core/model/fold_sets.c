/*
 * Sets and maps merge part by part: each element, each key by its own latest operation. Only where two
 * edits did opposite things to one part without knowing of each other is there anything to tell of; the
 * item then names the parts: {element: present?}, {key: value}.
 *
 * For a part with the stamp s (none when it never was there):
 *	1	the author saw s, or the part never was there: the operation applies
 *	2	the part already is what the operation makes it: the greater stamp is kept
 *	3	s is of the same device: it applies
 *	4	otherwise the later of the two stands
 */
#include <stdlib.h>
#include <string.h>

#include "core/model/fold_run.h"
#include "core/model/value.h"

/* One part and what the edit does to it. */
struct part {
	const char *key;               /* in stamps */
	const char *name;              /* in items */
	const struct rep_json *value;  /* the element, or the key's value; NULL = taken out */
	const char *saw;               /* or NULL */
	const struct rep_json *stands; /* what is there now; NULL = nothing */
	bool same;                     /* it already is what the operation makes it */
};

struct parts {
	struct rep_fold_run *run;
	const struct rep_field *field;
	struct rep_json *table; /* key -> element of the set, or value of the map, as it will be */
	enum rep_outcome worst;
	bool all_equal, any;
	struct rep_stamp rival; /* of the last conflict */
	const char *item;
};

/* The stamp of a part; one that is there without a stamp of its own has been since the insert. */
static const char *part_stamp(const struct parts *parts, const char *key)
{
	const struct rep_record *record = parts->run->folded->record;
	const char *own =
		rep_json_get_string(rep_json_get(record->stamps, parts->field->name), key);

	if (own)
		return own;
	return rep_json_get(parts->table, key) ? record->created.text : NULL;
}

static void put_part(struct parts *parts, const struct part *part)
{
	if (!part->value)
		rep_json_del(parts->table, part->key);
	else if (!rep_json_set(parts->table, part->key, rep_json_ref(part->value)))
		parts->run->failed = true;
	rep_record_put_part_stamp(parts->run->folded->record, parts->field->name, part->key,
				  parts->run->edit->stamp, part->value != NULL);
}

/* What an item shows of a part: is the element there, what is the key's value. */
static struct rep_json *shown(bool is_set, const struct rep_json *value)
{
	if (is_set)
		return rep_json_bool(value != NULL);
	return value ? rep_json_ref(value) : rep_json_null();
}

/* Case 4: tells of both operations. */
static void tell(struct parts *parts, const struct part *part, const char *stamp, bool won)
{
	bool is_set = parts->field->type == REP_TYPE_SET;
	struct rep_json *current = rep_json_object(), *incoming = rep_json_object();

	if (!rep_json_set(current, part->name, shown(is_set, part->stands)) ||
	    !rep_json_set(incoming, part->name, shown(is_set, part->value)))
		parts->run->failed = true;
	memcpy(parts->rival.text, stamp, sizeof(parts->rival.text));
	parts->item = rep_fold_conflict(
		parts->run, &(struct rep_fold_conflict){
				    .name = parts->field->name,
				    .visibility = parts->field->visibility,
				    .rule = rep_rule_name(is_set ? REP_RULE_SET : REP_RULE_MAP),
				    .current_stamp = parts->rival.text,
				    .current = current,
				    .incoming = incoming,
				    .incoming_won = won,
				    .parts = true,
			    });
	if (won)
		rep_fold_met(parts->run, parts->field->name, parts->rival.text,
			     &(struct rep_fold_note){
				     .outcome = REP_LOST,
				     .rule = rep_rule_name(is_set ? REP_RULE_SET : REP_RULE_MAP),
				     .item = parts->item,
			     });
	rep_json_free(current);
	rep_json_free(incoming);
}

static void fold_part(struct parts *parts, const struct part *part)
{
	const char *edit = parts->run->edit->stamp;
	const char *stamp = part_stamp(parts, part->key);
	enum rep_outcome outcome = REP_APPLIED;
	bool wins = true;

	parts->any = true;
	if (part->same) { /* 2, also where there is nothing to take out */
		outcome = REP_EQUAL;
		wins = stamp && rep_stamp_compare(edit, stamp) > 0;
	} else if (stamp && !(part->saw && strcmp(part->saw, stamp) == 0) &&
		   !rep_stamp_same_device(stamp, edit)) { /* 4; else 1 or 3 */
		wins = rep_stamp_compare(edit, stamp) >= 0;
		outcome = wins ? REP_MERGED : REP_LOST;
		tell(parts, part, stamp, wins);
	}
	parts->all_equal = parts->all_equal && outcome == REP_EQUAL;
	if (outcome != REP_EQUAL && outcome > parts->worst)
		parts->worst = outcome;
	if (wins)
		put_part(parts, part);
}

static void note(struct parts *parts)
{
	bool conflict = parts->worst != REP_APPLIED;
	bool is_set = parts->field->type == REP_TYPE_SET;

	if (parts->any && parts->all_equal)
		parts->worst = REP_EQUAL;
	rep_fold_note(parts->run, parts->field->name,
		      &(struct rep_fold_note){
			      .outcome = parts->worst,
			      .rule = conflict ? rep_rule_name(is_set ? REP_RULE_SET : REP_RULE_MAP)
					       : NULL,
			      .rival = conflict ? parts->rival.text : NULL,
			      .item = conflict ? parts->item : NULL,
		      });
}

/* ---- sets ---- */

/* The elements by their keys; NULL without memory. */
static struct rep_json *table_of(struct rep_fold_run *run, const struct rep_field *field,
				 const struct rep_json *array)
{
	struct rep_json *table = rep_json_object();
	struct rep_buf key = REP_BUF_INIT(2 * REP_TEXT_SIZE_MAX);

	for (size_t i = 0; i < rep_json_size(array); i++) {
		rep_buf_reset(&key);
		rep_value_element_key(&key, field, rep_json_at(array, i));
		run->failed = run->failed || key.failed == REP_ENOMEM;
		if (!key.failed &&
		    !rep_json_set(table, rep_buf_str(&key), rep_json_ref(rep_json_at(array, i))))
			run->failed = true;
	}
	rep_buf_clear(&key);
	return table;
}

static void put_set(struct parts *parts)
{
	struct rep_json *array = rep_json_array();

	for (void *it = parts->table ? rep_json_iter(parts->table) : NULL; it;
	     it = rep_json_iter_next(parts->table, it)) {
		if (!rep_json_append(array, rep_json_ref(rep_json_iter_value(it))))
			parts->run->failed = true;
	}
	if (!array || !parts->table)
		parts->run->failed = true;
	rep_record_put(parts->run->folded->record, parts->field->name, array, NULL);
}

/* What the author saw of the element: by its key, or as people write it. */
static const char *element_saw(const struct rep_json *spec, const char *key, const char *name)
{
	const struct rep_json *seen = rep_json_get(spec, "seen");
	const char *saw = rep_fold_saw(seen, key);

	return saw ? saw : rep_fold_saw(seen, name);
}

static void fold_element(struct parts *parts, const struct rep_json *spec,
			 const struct rep_json *element, bool add)
{
	struct rep_buf key = REP_BUF_INIT(2 * REP_TEXT_SIZE_MAX);
	const char *name = rep_json_string_value(element);

	rep_value_element_key(&key, parts->field, element);
	parts->run->failed = parts->run->failed || key.failed == REP_ENOMEM;
	if (!name || key.failed) {
		rep_fold_reject(parts->run, parts->field->name, "form");
		rep_buf_clear(&key);
		return;
	}
	struct part part = {
		.key = rep_buf_str(&key),
		.name = name,
		.value = add ? element : NULL,
		.saw = element_saw(spec, rep_buf_str(&key), name),
		.stands = rep_json_get(parts->table, rep_buf_str(&key)),
	};
	part.same = add == (part.stands != NULL);
	/* Who takes out an element saw it: without a stamp of its own it was there from the insert. */
	if (!add && !part.saw)
		part.saw = parts->run->folded->record->created.text;
	fold_part(parts, &part);
	rep_buf_clear(&key);
}

/* {"new", "old"} as adds and removes: what is in the one and not in the other. */
static void fold_difference(struct parts *parts, const struct rep_json *spec,
			    const struct rep_json *from, const struct rep_json *without, bool add)
{
	struct rep_buf key = REP_BUF_INIT(2 * REP_TEXT_SIZE_MAX);
	struct rep_json *table = table_of(parts->run, parts->field, without);

	for (size_t i = 0; i < rep_json_size(from); i++) {
		rep_buf_reset(&key);
		rep_value_element_key(&key, parts->field, rep_json_at(from, i));
		parts->run->failed = parts->run->failed || key.failed == REP_ENOMEM;
		if (!rep_json_get(table, rep_buf_str(&key)))
			fold_element(parts, spec, rep_json_at(from, i), add);
	}
	rep_json_free(table);
	rep_buf_clear(&key);
}

void rep_fold_set(struct rep_fold_run *run, const struct rep_field *field,
		  const struct rep_json *spec)
{
	struct parts parts = {.run = run, .field = field, .all_equal = true};
	const struct rep_json *add = rep_json_get(spec, "add"),
			      *drop = rep_json_get(spec, "remove");
	const struct rep_json *all = rep_json_get(spec, "new"), *old = rep_json_get(spec, "old");

	parts.table = table_of(run, field, rep_record_value(run->folded->record, field->name));
	if (all) {
		fold_difference(&parts, spec, old, all, false);
		fold_difference(&parts, spec, all, old, true);
	}
	for (size_t i = 0; i < rep_json_size(drop); i++)
		fold_element(&parts, spec, rep_json_at(drop, i), false);
	for (size_t i = 0; i < rep_json_size(add); i++)
		fold_element(&parts, spec, rep_json_at(add, i), true);
	put_set(&parts);
	note(&parts);
	rep_json_free(parts.table);
}

/* ---- maps ---- */

static void fold_key(struct parts *parts, const char *key, const struct rep_json *value,
		     const char *saw)
{
	struct part part = {
		.key = key,
		.name = key,
		.value = rep_json_is(value, REP_JSON_NULL) ? NULL : value,
		.saw = saw,
		.stands = rep_json_get(parts->table, key),
	};

	part.same = rep_json_equal(part.value, part.stands);
	fold_part(parts, &part);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Calls `each` for the keys of an object in their byte order: what a line's writer did must not matter. */
static void in_order(struct parts *parts, const struct rep_json *object,
		     const struct rep_json *other,
		     void (*each)(struct parts *, const char *, const struct rep_json *,
				  const struct rep_json *))
{
	size_t len = rep_json_size(object), n = 0;
	const char **names = calloc(len + 1, sizeof(*names));

	if (!names) {
		parts->run->failed = true;
		return;
	}
	if (!rep_json_is(object, REP_JSON_OBJECT))
		len = 0;
	for (void *it = len ? rep_json_iter(object) : NULL; it; it = rep_json_iter_next(object, it))
		names[n++] = rep_json_iter_key(it);
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++)
		each(parts, names[i], rep_json_get(object, names[i]), other);
	free(names);
}

static void fold_given(struct parts *parts, const char *key, const struct rep_json *one,
		       const struct rep_json *other)
{
	(void)other;
	fold_key(parts, key, rep_json_get(one, "new"), rep_fold_saw(one, "saw"));
}

static void fold_changed(struct parts *parts, const char *key, const struct rep_json *value,
			 const struct rep_json *old)
{
	if (!rep_json_equal(value, rep_json_get(old, key)))
		fold_key(parts, key, value, NULL);
}

static void fold_dropped(struct parts *parts, const char *key, const struct rep_json *value,
			 const struct rep_json *all)
{
	(void)value;
	if (!rep_json_get(all, key))
		fold_key(parts, key, NULL, NULL);
}

void rep_fold_map(struct rep_fold_run *run, const struct rep_field *field,
		  const struct rep_json *spec)
{
	struct parts parts = {.run = run, .field = field, .all_equal = true};
	const struct rep_json *all = rep_json_get(spec, "new"), *old = rep_json_get(spec, "old");
	const struct rep_json *stands = rep_record_value(run->folded->record, field->name);

	parts.table = stands ? rep_json_dup(stands) : rep_json_object();
	in_order(&parts, rep_json_get(spec, "keys"), NULL, fold_given);
	in_order(&parts, all, old, fold_changed);
	if (all)
		in_order(&parts, old, all, fold_dropped);
	if (!parts.table)
		run->failed = true;
	rep_record_put(run->folded->record, field->name, parts.table, NULL);
	note(&parts);
}
