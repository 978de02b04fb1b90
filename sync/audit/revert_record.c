/*
 * One record. Its changes are folded again without theirs; where that gives another value than stands, and what stands is theirs, the
 * difference is written. What stands by a later edit of somebody else is not touched, whatever the fold would say.
 *
 *	1 made by them, nobody else's change since		deleted, or archived where the schema has no deletes
 *	2 made by them, others have worked on it		stays, and is told
 *	3 deleted by them					restored
 *	4 a value, an element or a key that stands by them	what would stand without them
 *	5 theirs, and written since by others			stays, and is told
 *	6 an entry of a list					stays, and is told: lists are only added to
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "sync/audit/audit_row.h"
#include "sync/audit/revert_work.h"
#include "sync/audit/show.h"
#include "sync/hub/hub_line.h"

struct one {
	struct rep_reverting *reverting;
	const struct rep_entity *entity;
	const char *id;
	struct rep_record *now, *without;
	struct rep_json *theirs; /* effective stamp -> true, of their changes in force */
	struct rep_json *reps;   /* effective stamp -> rep, of everybody's */
	struct rep_json *fields; /* field -> true: what theirs wrote */
	const char *other;       /* somebody else who worked on it; borrowed from `reps` */
	bool made_by_them;
	struct rep_json *line;
	bool nomem;
};

static enum rep_code nomem(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "revert: out of memory");
}

static bool in_force(const struct rep_indexed *change)
{
	return change->owned_line && !change->held && !rep_outcome_refuses(change->outcome, "*");
}

static enum rep_code note_change(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct one *one = user;
	const struct rep_json *values = rep_json_get(change->owned_line, "values");
	const char *stamp = change->eff.text;
	bool good;

	if (!in_force(change))
		return REP_OK;
	good = rep_json_set_string(one->reps, stamp, change->rep);
	if (!rep_revert_selects(one->reverting, change)) {
		one->other = rep_json_get_string(one->reps, stamp);
		return good ? REP_OK : nomem(err);
	}
	good = good && rep_json_set(one->theirs, stamp, rep_json_bool(true));
	one->made_by_them = one->made_by_them || change->edit.op == REP_OP_INSERT;
	for (void *it = values ? rep_json_iter(values) : NULL; it && good;
	     it = rep_json_iter_next(values, it))
		good = rep_json_set(one->fields, rep_json_iter_key(it), rep_json_bool(true));
	return good ? REP_OK : nomem(err);
}

static bool is_theirs(const struct one *one, const char *stamp)
{
	return stamp && rep_json_get(one->theirs, stamp) != NULL;
}

static const char *author(const struct one *one, const char *stamp)
{
	return stamp ? rep_json_get_string(one->reps, stamp) : NULL;
}

/* `from`, `to` borrowed, may be NULL. */
static enum rep_code tell(struct one *one, const char *op, const char *field,
			  const struct rep_json *from, const struct rep_json *to,
			  struct rep_error *err)
{
	struct rep_json *row = rep_json_object();

	if (rep_json_set_string(row, "entity", one->entity->name) &&
	    rep_json_set_string(row, "id", one->id) && rep_json_set_string(row, "op", op) &&
	    rep_json_set(row, "field", field ? rep_json_string(field) : rep_json_null()) &&
	    rep_json_set(row, "from", from ? rep_json_ref(from) : rep_json_null()) &&
	    rep_json_set(row, "to", to ? rep_json_ref(to) : rep_json_null()) &&
	    rep_json_append(one->reverting->changes, rep_json_ref(row))) {
		rep_json_free(row);
		return REP_OK;
	}
	rep_json_free(row);
	return nomem(err);
}

static enum rep_code leave(struct one *one, const char *field, const char *reason, const char *by,
			   struct rep_error *err)
{
	return rep_revert_leave(one->reverting, one->entity->name, one->id, field, reason, by, err);
}

/* ---- 4, 5: fields ---- */

static enum rep_code scalar(struct one *one, const struct rep_field *field, struct rep_error *err)
{
	const char *stamp = rep_record_stamp(one->now, field->name);
	const struct rep_json *from = rep_record_value(one->now, field->name);
	const struct rep_json *to = rep_record_value(one->without, field->name);
	const bool sum = rep_field_has_rule(field, REP_RULE_SUM);

	if (!rep_json_get(one->fields, field->name))
		return REP_OK;
	if (!sum && !is_theirs(one, stamp))
		return leave(one, field->name, "written since", author(one, stamp), err);
	if (from == to || (from && to && rep_json_equal(from, to)))
		return REP_OK;
	if (sum) {
		struct rep_json *spec = rep_json_object();
		const int64_t delta = rep_json_integer_value(to) - rep_json_integer_value(from);

		if (!rep_json_set_integer(spec, "delta", delta) ||
		    !rep_json_set(rep_json_get(one->line, "values"), field->name, spec))
			return nomem(err);
	} else {
		rep_line_change(one->line, one->now, field->name, to ? rep_json_ref(to) : NULL);
	}
	return tell(one, "update", field->name, from, to, err);
}

/* What an edit of a set names: elements, and the stamps of them that its author saw. */
struct set_edit {
	struct rep_json *add, *remove, *seen;
};

static enum rep_code element(struct one *one, const struct rep_field *field, struct set_edit *edit,
			     const char *key, struct rep_error *err)
{
	const char *stamp = rep_record_element_stamp(one->now, field->name, key);
	const bool is = rep_record_element_present(one->now, field->name, key);
	const bool was = rep_record_element_present(one->without, field->name, key);
	struct rep_json *value = NULL;
	enum rep_code rc = REP_OK;

	if (is == was || !is_theirs(one, stamp))
		return REP_OK;
	rc = rep_json_parse(&value, key, strlen(key), REP_LINE_SIZE_MAX, REP_JSON_DEPTH_MAX, err);
	if (rc == REP_OK && (!rep_json_append(is ? edit->remove : edit->add, rep_json_ref(value)) ||
			     !rep_json_set_string(edit->seen, key, stamp)))
		rc = nomem(err);
	if (rc == REP_OK)
		rc = tell(one, is ? "remove" : "add", field->name, is ? value : NULL,
			  is ? NULL : value, err);
	rep_json_free(value);
	return rc;
}

/* Every element that either has, or that has a stamp: by key, once. */
static enum rep_code element_keys(const struct one *one, const struct rep_field *field,
				  struct rep_json *keys, struct rep_error *err)
{
	const struct rep_record *sides[] = {one->now, one->without};
	struct rep_buf key = REP_BUF_INIT(2 * REP_TEXT_SIZE_MAX);
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < 2; i++) {
		const struct rep_json *list = rep_record_value(sides[i], field->name);

		for (size_t k = 0; rc == REP_OK && k < rep_json_size(list); k++) {
			rep_buf_reset(&key);
			rep_value_element_key(&key, field, rep_json_at(list, k));
			rc = rep_buf_check(&key, "an element's key", err);
			if (rc == REP_OK && !rep_json_set(keys, key.data, rep_json_bool(true)))
				rc = nomem(err);
		}
	}
	rep_buf_clear(&key);
	return rc;
}

static enum rep_code set_field(struct one *one, const struct rep_field *field,
			       struct rep_error *err)
{
	struct set_edit edit = {rep_json_array(), rep_json_array(), rep_json_object()};
	struct rep_json *keys = rep_json_object(), *spec = rep_json_object();
	enum rep_code rc = element_keys(one, field, keys, err);

	for (void *it = rep_json_iter(keys); rc == REP_OK && it; it = rep_json_iter_next(keys, it))
		rc = element(one, field, &edit, rep_json_iter_key(it), err);
	if (rc == REP_OK && rep_json_size(edit.add) + rep_json_size(edit.remove) > 0 &&
	    (!rep_json_set(spec, "add", rep_json_ref(edit.add)) ||
	     !rep_json_set(spec, "remove", rep_json_ref(edit.remove)) ||
	     !rep_json_set(spec, "seen", rep_json_ref(edit.seen)) ||
	     !rep_json_set(rep_json_get(one->line, "values"), field->name, rep_json_ref(spec))))
		rc = nomem(err);
	rep_json_free(edit.add);
	rep_json_free(edit.remove);
	rep_json_free(edit.seen);
	rep_json_free(keys);
	rep_json_free(spec);
	return rc;
}

static enum rep_code map_key(struct one *one, const struct rep_field *field, struct rep_json *out,
			     const char *key, struct rep_error *err)
{
	const char *stamp = rep_record_element_stamp(one->now, field->name, key);
	const struct rep_json *from = rep_json_get(rep_record_value(one->now, field->name), key);
	const struct rep_json *to = rep_json_get(rep_record_value(one->without, field->name), key);
	struct rep_json *spec = NULL;

	if (!is_theirs(one, stamp) || from == to || (from && to && rep_json_equal(from, to)))
		return REP_OK;
	spec = rep_json_object();
	if (!rep_json_set(spec, "new", to ? rep_json_ref(to) : rep_json_null()) ||
	    !rep_json_set(spec, "old", from ? rep_json_ref(from) : rep_json_null()) ||
	    !rep_json_set_string(spec, "saw", stamp) ||
	    !rep_json_set(out, key, rep_json_ref(spec))) {
		rep_json_free(spec);
		return nomem(err);
	}
	rep_json_free(spec);
	return tell(one, to ? "put" : "remove", field->name, from, to, err);
}

static enum rep_code map_field(struct one *one, const struct rep_field *field,
			       struct rep_error *err)
{
	const struct rep_json *sides[] = {rep_record_value(one->now, field->name),
					  rep_record_value(one->without, field->name)};
	struct rep_json *keys = rep_json_object(), *spec = rep_json_object();
	enum rep_code rc = REP_OK;

	for (size_t i = 0; i < 2; i++)
		for (void *it = sides[i] ? rep_json_iter(sides[i]) : NULL; rc == REP_OK && it;
		     it = rep_json_iter_next(sides[i], it))
			if (!rep_json_get(keys, rep_json_iter_key(it)))
				rc = map_key(one, field, keys, rep_json_iter_key(it), err);
	if (rc == REP_OK && rep_json_size(keys) > 0 &&
	    (!rep_json_set(spec, "keys", rep_json_ref(keys)) ||
	     !rep_json_set(rep_json_get(one->line, "values"), field->name, rep_json_ref(spec))))
		rc = nomem(err);
	rep_json_free(keys);
	rep_json_free(spec);
	return rc;
}

static enum rep_code list_field(struct one *one, const struct rep_field *field,
				struct rep_error *err)
{
	const struct rep_json *list = rep_record_value(one->now, field->name);

	for (size_t i = 0; i < rep_json_size(list); i++) /* 6 */
		if (is_theirs(one, rep_json_get_string(rep_json_at(list, i), "entry")))
			return leave(one, field->name, "entries of a list stay", NULL, err);
	return REP_OK;
}

static enum rep_code one_field(struct one *one, const struct rep_field *field,
			       struct rep_error *err)
{
	if (field->type == REP_TYPE_SET)
		return set_field(one, field, err);
	if (field->type == REP_TYPE_MAP)
		return map_field(one, field, err);
	if (field->type == REP_TYPE_LIST)
		return list_field(one, field, err);
	return scalar(one, field, err);
}

static enum rep_code all_fields(struct one *one, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	one->line = rep_line_new();
	for (size_t i = 0; rc == REP_OK && i < one->entity->fields_len; i++)
		rc = one_field(one, &one->entity->fields[i], err);
	if (rc == REP_OK && rep_json_size(rep_json_get(one->line, "values")) > 0) {
		rc = rep_revert_add(one->reverting, REP_OP_UPDATE, one->entity->name, one->id,
				    one->line, err);
		one->line = NULL;
	}
	return rc;
}

/* ---- 1, 2, 3: the record as a whole ---- */

static enum rep_code unmake(struct one *one, struct rep_error *err)
{
	struct rep_json *line;
	enum rep_code rc;

	if (one->entity->deletes == REP_DELETES_NEVER)
		return leave(one, NULL, "records of this kind are never deleted", NULL, err);
	if (one->entity->deletes == REP_DELETES_ARCHIVE_ONLY) {
		line = rep_line_new();
		rep_line_change(line, one->now, "status", rep_json_string("archived"));
		rc = tell(one, "archive", NULL, NULL, NULL, err);
		if (rc == REP_OK)
			return rep_revert_add(one->reverting, REP_OP_UPDATE, one->entity->name,
					      one->id, line, err);
		rep_json_free(line);
		return rc;
	}
	line = rep_line_delete(one->now);
	rc = line ? tell(one, "delete", NULL, NULL, NULL, err) : nomem(err);
	if (rc == REP_OK)
		return rep_revert_add(one->reverting, REP_OP_DELETE, one->entity->name, one->id,
				      line, err);
	rep_json_free(line);
	return rc;
}

static enum rep_code bring_back(struct one *one, struct rep_error *err)
{
	struct rep_json *line = rep_json_object();
	enum rep_code rc;

	if (!rep_json_set_string(line, "saw", rep_json_get_string(one->now->deleted, "stamp"))) {
		rep_json_free(line);
		return nomem(err);
	}
	rc = tell(one, "restore", NULL, NULL, NULL, err);
	if (rc == REP_OK)
		return rep_revert_add(one->reverting, REP_OP_RESTORE, one->entity->name, one->id,
				      line, err);
	rep_json_free(line);
	return rc;
}

static bool is_archived(const struct rep_record *record)
{
	const char *status = rep_json_string_value(rep_record_value(record, "status"));

	return status && strcmp(status, "archived") == 0;
}

static enum rep_code compare(struct one *one, struct rep_error *err)
{
	const char *tombstone = rep_json_get_string(one->now->deleted, "stamp");

	if (tombstone && !is_theirs(one, tombstone))
		return REP_OK; /* gone by somebody else: nothing of theirs stands */
	if (tombstone)         /* 3 */
		return one->without && !one->without->deleted ? bring_back(one, err) : REP_OK;
	if (one->without)
		return all_fields(one, err);
	if (one->made_by_them && one->other) /* 2 */
		return leave(one, NULL, "others have worked on it", one->other, err);
	if (is_archived(one->now))
		return REP_OK;
	return unmake(one, err); /* 1 */
}

static bool leaves_out(void *user, const struct rep_indexed *change)
{
	return rep_revert_selects(user, change);
}

enum rep_code rep_revert_record(struct rep_reverting *reverting, const struct rep_entity *entity,
				const char *id, struct rep_error *err)
{
	const struct rep_moment moment = {.left_out = leaves_out, .user = reverting};
	struct one one = {
		.reverting = reverting,
		.entity = entity,
		.id = id,
		.theirs = rep_json_object(),
		.reps = rep_json_object(),
		.fields = rep_json_object(),
	};
	enum rep_code rc = rep_row_get(reverting->hub->db, entity, id, &one.now, err);

	if (rc == REP_OK && one.now)
		rc = rep_audit_group_each(reverting->hub, entity, id, note_change, &one, err);
	if (rc == REP_OK && one.now && rep_json_size(one.theirs) > 0) {
		rc = rep_show_refold(&one.without, reverting->hub, entity, id, &moment, err);
		if (rc == REP_OK)
			rc = compare(&one, err);
	}
	rep_json_free(one.line);
	rep_json_free(one.theirs);
	rep_json_free(one.reps);
	rep_json_free(one.fields);
	rep_record_free(one.now);
	rep_record_free(one.without);
	return rep_wrap(err, rc, "%s %s", entity->name, id);
}
