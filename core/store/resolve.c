/*
 * Decisions on review items. A decision is a change of the record that the item is about; it is folded onto the row at once, by the
 * code that the hub runs, and waits in _pending as the value line that it will be.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "core/store/capture.h"
#include "core/store/columns.h"
#include "core/store/context.h"
#include "core/store/edit.h"
#include "core/store/journal.h"
#include "core/store/rebase.h"
#include "core/store/tables.h"

struct decision {
	struct rep_replica *replica;
	const char *choice;
	const char *reason;
	struct rep_record *item;
	const char *kind; /* conflict, proposal, duplicate */
	const struct rep_entity *entity;
	const char *id; /* of the record; borrowed from the item */
	enum rep_op op;
	struct rep_folded folded;
	struct rep_json *line; /* the value line without salt and reason */
	struct rep_context context;
};

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "resolve: no memory");
}

static const char *item_text(const struct decision *decision, const char *field)
{
	return rep_json_get_string(decision->item->fields, field);
}

/* ---- finding ---- */

static enum rep_code find_kind(struct decision *decision, const char *id, char *kind, size_t size,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(decision->replica->db, &stmt,
				      "SELECT kind FROM _review WHERE id = ?1", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, id);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && !row)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no such item");
	if (rc == REP_OK)
		strncpy(kind, rep_column_text(stmt, 0, NULL), size - 1);
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code find_item(struct decision *decision, const char *id, struct rep_error *err)
{
	const struct rep_schema *schema = decision->replica->schema;
	char kind[REP_NAME_LEN_MAX + 1] = "";
	enum rep_code rc = find_kind(decision, id, kind, sizeof kind, err);
	const struct rep_entity *review = rep_schema_entity(schema, kind);
	const char *name;

	if (rc == REP_OK && !review)
		rc = rep_fail(err, REP_EINVAL, "there are no items of kind %s", kind);
	if (rc == REP_OK)
		rc = rep_row_get(decision->replica->db, review, id, &decision->item, err);
	if (rc != REP_OK)
		return rc;
	decision->kind = review->name;
	name = item_text(decision, "entity");
	decision->entity = name ? rep_schema_entity(schema, name) : NULL;
	decision->id = item_text(decision, "record");
	if (!decision->entity)
		return rep_fail(err, REP_EINVAL, "it is about an entity that is not known here");
	return REP_OK;
}

static enum rep_code load_record(struct decision *decision, struct rep_error *err)
{
	enum rep_code rc;

	if (!decision->id)
		return rep_fail(err, REP_EINVAL, "it is about no record");
	rc = rep_row_get(decision->replica->db, decision->entity, decision->id,
			 &decision->folded.record, err);
	if (rc == REP_OK)
		rc = rep_context_reviews(&decision->context, decision->entity->name, decision->id,
					 &decision->folded, err);
	return rc;
}

/* ---- what the record says of a field ---- */

static const struct rep_field *field_of(const struct decision *decision, const char *name)
{
	return rep_entity_field(decision->entity, name);
}

/* {"new", "old", "saw"} of a scalar field; takes `value`. */
static bool put_scalar(const struct decision *decision, struct rep_json *values,
		       const struct rep_field *field, struct rep_json *value)
{
	const struct rep_record *record = decision->folded.record;
	const struct rep_json *old = record ? rep_json_get(record->fields, field->name) : NULL;
	struct rep_json *spec = rep_json_object();
	bool ok = rep_json_set(spec, "new", value) &&
		  rep_json_set(spec, "old", old ? rep_json_ref(old) : rep_json_null());

	if (record)
		ok = ok && rep_json_set_string(spec, "saw", rep_record_stamp(record, field->name));
	return rep_json_set(values, field->name, spec) && ok;
}

static bool put_seen(const struct decision *decision, struct rep_json *seen,
		     const struct rep_field *field, const char *key)
{
	const char *stamp = rep_record_element_stamp(decision->folded.record, field->name, key);

	return !stamp || rep_json_set_string(seen, key, stamp);
}

/* A rival of a set is {element: is it there}. */
static bool put_set(const struct decision *decision, struct rep_json *values,
		    const struct rep_field *field, const struct rep_json *parts)
{
	struct rep_json *spec = rep_json_object();
	struct rep_json *lists[] = {rep_json_array(), rep_json_array()};
	struct rep_json *seen = rep_json_object();
	struct rep_buf key = REP_BUF_INIT(4u * REP_TEXT_SIZE_MAX);
	bool ok = true;

	for (void *it = rep_json_iter(parts); ok && it; it = rep_json_iter_next(parts, it)) {
		struct rep_json *element = rep_json_string(rep_json_iter_key(it));
		size_t list = rep_json_bool_value(rep_json_iter_value(it)) ? 0 : 1;

		rep_buf_reset(&key);
		rep_value_element_key(&key, field, element);
		ok = rep_json_append(lists[list], element) &&
		     put_seen(decision, seen, field, rep_buf_str(&key));
	}
	rep_buf_clear(&key);
	ok = rep_json_set(spec, "add", lists[0]) && ok;
	ok = rep_json_set(spec, "remove", lists[1]) && ok;
	ok = rep_json_set(spec, "seen", seen) && ok;
	return rep_json_set(values, field->name, spec) && ok;
}

/* A rival of a map is {key: value or null}. */
static bool put_map(const struct decision *decision, struct rep_json *values,
		    const struct rep_field *field, const struct rep_json *parts)
{
	const struct rep_json *map = rep_json_get(decision->folded.record->fields, field->name);
	struct rep_json *spec = rep_json_object();
	struct rep_json *keys = rep_json_object();
	bool ok = true;

	for (void *it = rep_json_iter(parts); ok && it; it = rep_json_iter_next(parts, it)) {
		const char *key = rep_json_iter_key(it);
		const char *saw =
			rep_record_element_stamp(decision->folded.record, field->name, key);
		const struct rep_json *old = rep_json_get(map, key);
		struct rep_json *one = rep_json_object();

		ok = rep_json_set(one, "new", rep_json_ref(rep_json_iter_value(it))) &&
		     rep_json_set(one, "old", old ? rep_json_ref(old) : rep_json_null()) &&
		     (!saw || rep_json_set_string(one, "saw", saw)) && rep_json_set(keys, key, one);
	}
	ok = rep_json_set(spec, "keys", keys) && ok;
	return rep_json_set(values, field->name, spec) && ok;
}

/* ---- conflicts ---- */

static const struct rep_json *newest_rival(const struct decision *decision, bool mine)
{
	const struct rep_json *rivals = rep_json_get(decision->item->fields, "rivals");
	const struct rep_json *found = NULL;

	for (size_t i = 0; i < rep_json_size(rivals); i++) {
		const struct rep_json *rival = rep_json_at(rivals, i);
		const char *rep = rep_json_get_string(rival, "rep");

		if ((rep && strcmp(rep, decision->replica->rep) == 0) == mine)
			found = rival;
	}
	return found;
}

static bool is_group(const struct decision *decision, const char *name)
{
	for (size_t i = 0; i < decision->entity->fields_len; i++) {
		const char *group = decision->entity->fields[i].group;

		if (group && strcmp(group, name) == 0)
			return true;
	}
	return false;
}

static enum rep_code put_group(const struct decision *decision, struct rep_json *values,
			       const struct rep_json *chosen, struct rep_error *err)
{
	for (void *it = rep_json_is(chosen, REP_JSON_OBJECT) ? rep_json_iter(chosen) : NULL; it;
	     it = rep_json_iter_next(chosen, it)) {
		const struct rep_field *field = field_of(decision, rep_json_iter_key(it));

		if (field &&
		    !put_scalar(decision, values, field, rep_json_ref(rep_json_iter_value(it))))
			return no_memory(err);
	}
	return rep_json_size(values)
		       ? REP_OK
		       : rep_fail(err, REP_EINVAL, "it needs a value for each field of the group");
}

/* Puts the chosen value of the conflict's field, group, or parts of a field. */
static enum rep_code put_chosen(const struct decision *decision, struct rep_json *values,
				const struct rep_json *chosen, struct rep_error *err)
{
	const char *name = item_text(decision, "field");
	const struct rep_field *field = name ? field_of(decision, name) : NULL;
	bool ok;

	if (name && is_group(decision, name))
		return put_group(decision, values, chosen, err);
	if (!field)
		return rep_fail(err, REP_EINVAL,
				"it is about the whole record: edit or delete that");
	if (field->type == REP_TYPE_SET && rep_json_is(chosen, REP_JSON_OBJECT))
		ok = put_set(decision, values, field, chosen);
	else if (field->type == REP_TYPE_MAP && rep_json_is(chosen, REP_JSON_OBJECT))
		ok = put_map(decision, values, field, chosen);
	else if (rep_field_is_scalar(field))
		ok = put_scalar(decision, values, field,
				chosen ? rep_json_ref(chosen) : rep_json_null());
	else
		return rep_fail(err, REP_EINVAL, "%s: mine or theirs is expected", name);
	return ok ? REP_OK : no_memory(err);
}

static enum rep_code read_choice(const struct decision *decision, struct rep_json **out,
				 struct rep_error *err)
{
	const char *name = item_text(decision, "field");
	const struct rep_field *field = name ? field_of(decision, name) : NULL;

	*out = NULL;
	if (!field || !rep_field_is_scalar(field) || is_group(decision, name))
		return rep_fail(err, REP_EINVAL, "mine or theirs is expected");
	if (strcmp(decision->choice, "accept") == 0 || strcmp(decision->choice, "decline") == 0)
		return rep_fail(err, REP_EINVAL,
				"a conflict is decided by mine, theirs or a value");
	return rep_value_read(out, field, decision->choice, err);
}

static struct rep_json *rival_stamps(const struct decision *decision)
{
	const struct rep_json *rivals = rep_json_get(decision->item->fields, "rivals");
	struct rep_json *out = rep_json_array();

	for (size_t i = 0; i < rep_json_size(rivals); i++) {
		const char *stamp = rep_json_get_string(rep_json_at(rivals, i), "stamp");

		if (stamp && !rep_json_append(out, rep_json_string(stamp))) {
			rep_json_free(out);
			return NULL;
		}
	}
	return out;
}

static enum rep_code decide_conflict(struct decision *decision, struct rep_error *err)
{
	bool mine = strcmp(decision->choice, "mine") == 0;
	bool theirs = strcmp(decision->choice, "theirs") == 0;
	const char *winner = item_text(decision, "winner");
	const struct rep_json *rival = NULL;
	struct rep_json *typed = NULL;
	struct rep_json *values = rep_json_object();
	enum rep_code rc = REP_OK;

	if (!decision->folded.record)
		rc = rep_fail(err, REP_ENOTFOUND, "its record is not in this replica");
	else if (mine || theirs)
		rival = newest_rival(decision, mine);
	else
		rc = read_choice(decision, &typed, err);
	if (rc == REP_OK && (mine || theirs) && !rival)
		rc = rep_fail(err, REP_EINVAL, "no value in it is %s", decision->choice);
	/* The value that stands needs no writing, only the word that it is the right one. */
	if (rc == REP_OK &&
	    (!rival || !winner || strcmp(rep_json_get_string(rival, "stamp"), winner) != 0))
		rc = put_chosen(decision, values, rival ? rep_json_get(rival, "value") : typed,
				err);
	if (rc == REP_OK && !rep_json_set(decision->line, "rivals", rival_stamps(decision)))
		rc = no_memory(err);
	if (rc == REP_OK && rep_json_size(values) > 0 &&
	    !rep_json_set(decision->line, "values", rep_json_ref(values)))
		rc = no_memory(err);
	rep_json_free(typed);
	rep_json_free(values);
	return rc;
}

/* ---- proposals, duplicates ---- */

/* The proposed values, over what stands now: the decider has seen that. */
static bool put_proposed(struct decision *decision)
{
	const struct rep_json *proposed = rep_json_get(decision->item->fields, "values");
	struct rep_json *values = rep_json_object();
	bool ok = values != NULL;

	for (void *it = proposed ? rep_json_iter(proposed) : NULL; ok && it;
	     it = rep_json_iter_next(proposed, it)) {
		const struct rep_field *field = field_of(decision, rep_json_iter_key(it));
		const struct rep_json *spec = rep_json_iter_value(it);
		const struct rep_json *new = rep_json_get(spec, "new");

		if (field && new &&rep_field_is_scalar(field))
			ok = put_scalar(decision, values, field, rep_json_ref(new));
		else
			ok = rep_json_set(values, rep_json_iter_key(it), rep_json_dup(spec));
	}
	return rep_json_set(decision->line, "values", values) && ok;
}

static enum rep_code decide_proposal(struct decision *decision, struct rep_error *err)
{
	const char *state = item_text(decision, "state");
	bool accept = strcmp(decision->choice, "accept") == 0;

	if (!accept && strcmp(decision->choice, "decline") != 0 &&
	    strcmp(decision->choice, "withdraw") != 0)
		return rep_fail(err, REP_EINVAL, "accept or decline is expected");
	if (!state || strcmp(state, "open") != 0)
		return rep_fail(err, REP_EINVAL, "it is %s already", state ? state : "closed");
	if (accept && !put_proposed(decision))
		return no_memory(err);
	if (!rep_json_set_string(decision->line, "decision", decision->choice))
		return no_memory(err);
	return REP_OK;
}

/* Accepted, the two are joined; declined, it is said that they are two, and nobody is asked again. */
static enum rep_code decide_duplicate(struct decision *decision, struct rep_error *err)
{
	const char *into = item_text(decision, "a");
	bool accept = strcmp(decision->choice, "accept") == 0;

	if (!accept && strcmp(decision->choice, "decline") != 0)
		return rep_fail(err, REP_EINVAL,
				"accept or decline is expected: accept joins the two records");
	decision->id = item_text(decision, "b");
	if (!into || !decision->id)
		return rep_fail(err, REP_EINVAL, "it names no two records");
	decision->op = accept ? REP_OP_ALIAS : REP_OP_UNALIAS;
	rep_json_del(decision->line, "item");
	return rep_json_set_string(decision->line, "into", into) ? REP_OK : no_memory(err);
}

static enum rep_code decide(struct decision *decision, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	decision->line = rep_json_object();
	if (!rep_json_set_string(decision->line, "item", decision->item->id))
		return no_memory(err);
	if (strcmp(decision->kind, "duplicate") == 0) {
		rc = decide_duplicate(decision, err);
		return rc == REP_OK ? load_record(decision, err) : rc;
	}
	if (strcmp(decision->kind, "conflict") != 0 && strcmp(decision->kind, "proposal") != 0)
		return rep_fail(err, REP_EINVAL, "a %s waits for no decision", decision->kind);
	rc = load_record(decision, err);
	if (rc != REP_OK)
		return rc;
	return strcmp(decision->kind, "conflict") == 0 ? decide_conflict(decision, err)
						       : decide_proposal(decision, err);
}

/* ---- taking effect ---- */

static enum rep_code put_pending(const struct decision *decision, const char *stamp,
				 struct rep_error *err)
{
	char *extra = rep_json_text(decision->line);
	struct rep_stmt *stmt;
	enum rep_code rc = extra ? REP_OK : no_memory(err);

	if (rc == REP_OK)
		rc = rep_db_use(
			decision->replica->db, &stmt,
			"INSERT INTO _pending (entity, id, op, stamp, reason, extra) VALUES (?1, ?2, "
			"?3, ?4, ?5, ?6)",
			err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, decision->entity->name);
		rep_bind_text(stmt, 2, decision->id);
		rep_bind_text(stmt, 3, rep_op_name(decision->op));
		rep_bind_text(stmt, 4, stamp);
		rep_bind_text(stmt, 5, decision->reason);
		rep_bind_text(stmt, 6, extra);
		rc = rep_run(stmt, err);
	}
	free(extra);
	return rc;
}

static enum rep_code get_place(const struct decision *decision, char **out, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(1024);
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc;

	*out = NULL;
	rep_buf_puts(&sql, "SELECT _place FROM ");
	rep_db_quote(&sql, rep_table_name(decision->entity));
	rep_buf_puts(&sql, " WHERE id = ?1");
	rc = rep_db_use(decision->replica->db, &stmt, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, decision->id);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK)
		*out = strdup(row ? rep_column_text(stmt, 0, NULL) : "local");
	rep_stmt_reset(stmt);
	return rc != REP_OK || *out ? rc : no_memory(err);
}

static enum rep_code write_rows(const struct decision *decision, struct rep_error *err)
{
	struct rep_db *db = decision->replica->db;
	struct rep_json *extra = NULL;
	char *place = NULL;
	enum rep_code rc = rep_capture_silence(db, true, err);

	if (rc == REP_OK && decision->folded.record) {
		rc = get_place(decision, &place, err);
		if (rc == REP_OK)
			rc = rep_row_extra(db, decision->entity, decision->id, &extra, err);
		if (rc == REP_OK)
			rc = rep_row_put(db, decision->folded.record, extra, place, err);
	}
	if (rc == REP_OK)
		rc = rep_reviews_put(decision->replica, &decision->folded, err);
	if (rc == REP_OK)
		rc = rep_capture_silence(db, false, err);
	rep_json_free(extra);
	free(place);
	return rc;
}

/* The line as the hub will read it, so that a field which demands a reason is judged by it here too. NULL without memory. */
static struct rep_json *judged_line(const struct decision *decision)
{
	struct rep_json *line = rep_json_dup(decision->line);

	if (!decision->reason || rep_json_set_string(line, "reason", decision->reason))
		return line;
	rep_json_free(line);
	return NULL;
}

static enum rep_code fold_line(struct decision *decision, const char *stamp, struct rep_error *err)
{
	struct rep_admission admission = {0};
	struct rep_json *outcome = NULL;
	struct rep_journal_head head = {0};
	struct rep_edit edit = {.op = decision->op,
				.entity = decision->entity->name,
				.id = decision->id,
				.stamp = stamp,
				.rep = decision->replica->rep,
				.device = decision->replica->device};
	struct rep_json *line = judged_line(decision);
	enum rep_code rc =
		line ? rep_journal_head(decision->replica->db, &head, err) : no_memory(err);

	edit.line = line;
	edit.seq = head.seq + 1;
	if (rc == REP_OK)
		rc = rep_admit(&admission, &edit, decision->folded.record, &decision->context.admit,
			       err);
	if (rc == REP_OK &&
	    strcmp(rep_json_get_string(rep_json_get(admission.verdict, "*"), "outcome")
			   ? rep_json_get_string(rep_json_get(admission.verdict, "*"), "outcome")
			   : "",
		   "rejected") == 0)
		rc = rep_fail(err, REP_EREFUSED, "the company would refuse it: %s", admission.text);
	edit.verdict = admission.verdict;
	decision->context.follows = decision->entity->moves;
	if (rc == REP_OK)
		rc = rep_fold(&decision->folded, &edit, &decision->context.fold, &outcome, err);
	rep_json_free(outcome);
	rep_json_free(line);
	rep_admission_clear(&admission);
	return rc;
}

static enum rep_code take_effect(struct decision *decision, struct rep_error *err)
{
	char stamp[REP_STAMP_LEN + 1];
	enum rep_code rc =
		rep_capture_stamp(decision->replica->db, decision->replica->device, stamp, err);

	if (rc == REP_OK)
		rc = fold_line(decision, stamp, err);
	if (rc == REP_OK)
		rc = put_pending(decision, stamp, err);
	return rc == REP_OK ? write_rows(decision, err) : rc;
}

enum rep_code rep_resolve(struct rep_replica *replica, const char *item, const char *choice,
			  const char *reason, struct rep_error *err)
{
	struct decision decision = {
		.replica = replica, .choice = choice, .reason = reason, .op = REP_OP_RESOLVE};
	enum rep_code rc;

	if (!replica->schema)
		return rep_fail(err, REP_EINVAL, "no schema yet: the first sync brings it");
	rep_context_init(&decision.context, replica);
	rc = rep_db_begin(replica->db, err);
	if (rc == REP_OK) {
		rc = find_item(&decision, item, err);
		if (rc == REP_OK)
			rc = decide(&decision, err);
		if (rc == REP_OK)
			rc = take_effect(&decision, err);
		if (rc == REP_OK)
			rc = rep_db_commit(replica->db, err);
		else
			rep_db_abort(replica->db);
	}
	rep_folded_clear(&decision.folded);
	rep_record_free(decision.item);
	rep_json_free(decision.line);
	rep_context_clear(&decision.context);
	return rep_wrap(err, rc, "resolve %s", item);
}
