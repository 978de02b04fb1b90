/*
 * What is kept of a value line.
 *
 *	line of	the record itself	a record that refers to it
 *	insert	fields that decide its	all fields but those that are personal; of a reference that is not `keep` all
 *	update	place			but the erased record
 *	delete	`saw` of every field	likewise
 *	alias	`into`			`into`, `saw`, `item`, `rivals`, `decision`
 *	restore	`saw`
 *	resolve	nothing
 *
 * Never a reason, because people write names into it, and never the salt.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/admin/erase_work.h"

bool rep_erase_refers(const struct rep_field *field, const char *entity)
{
	return (field->type == REP_TYPE_REFERENCE || field->type == REP_TYPE_SET) && field->to &&
	       strcmp(field->to, entity) == 0;
}

static bool is_personal(const struct rep_field *field)
{
	if (field->personal)
		return true;
	for (size_t i = 0; i < field->fields_len; i++)
		if (field->fields[i].personal)
			return true;
	return false;
}

/* ---- a reference without the erased records ---- */

struct clearing {
	const struct rep_field *field;
	const struct rep_json *subjects;
};

static bool is_subject(const struct clearing *clearing, const char *id)
{
	char key[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];

	snprintf(key, sizeof key, "%.40s/%.64s", clearing->field->to, id);
	return rep_json_get(clearing->subjects, key) != NULL;
}

/* The key of an element in `seen` is its canonical JSON. */
static bool is_subject_key(const struct clearing *clearing, const char *key)
{
	char id[REP_ID_LEN_MAX + 1];
	const size_t len = strlen(key);

	if (len < 3 || len - 2 >= sizeof id || key[0] != '"')
		return false;
	memcpy(id, key + 1, len - 2);
	id[len - 2] = '\0';
	return is_subject(clearing, id);
}

/* New reference; NULL without memory. */
static struct rep_json *without(const struct clearing *clearing, const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);
	struct rep_json *out;
	bool good = true;

	if (text)
		return is_subject(clearing, text) ? rep_json_null() : rep_json_ref(value);
	if (rep_json_is(value, REP_JSON_ARRAY)) {
		out = rep_json_array();
		for (size_t i = 0; good && i < rep_json_size(value); i++) {
			const char *id = rep_json_string_value(rep_json_at(value, i));

			if (!id || !is_subject(clearing, id))
				good = rep_json_append(out, rep_json_ref(rep_json_at(value, i)));
		}
	} else if (rep_json_is(value, REP_JSON_OBJECT)) {
		out = rep_json_object();
		for (void *it = rep_json_iter(value); good && it;
		     it = rep_json_iter_next(value, it))
			if (!is_subject_key(clearing, rep_json_iter_key(it)))
				good = rep_json_set(out, rep_json_iter_key(it),
						    without(clearing, rep_json_iter_value(it)));
	} else {
		return rep_json_ref(value);
	}
	if (good)
		return out;
	rep_json_free(out);
	return NULL;
}

/* ---- values ---- */

/* `saw` alone. */
static struct rep_json *only_saw(const struct rep_json *spec)
{
	const char *saw = rep_json_get_string(spec, "saw");
	struct rep_json *out = rep_json_object();

	if (!saw || rep_json_set_string(out, "saw", saw))
		return out;
	rep_json_free(out);
	return NULL;
}

struct values {
	enum rep_erase_rule rule;
	const struct rep_entity *entity;
	const struct rep_edit *edit;
	const struct rep_json *subjects;
	struct rep_json *out;
	bool same;
};

/* What is kept of one field; *left out = NULL. False without memory. */
static bool keep_field(struct values *values, const char *name, const struct rep_json *spec,
		       struct rep_json **kept)
{
	const struct rep_field *field =
		values->entity ? rep_entity_field(values->entity, name) : NULL;
	const struct clearing clearing = {field, values->subjects};

	*kept = NULL;
	if (values->rule == REP_ERASE_RECORD) {
		if (values->edit->op == REP_OP_DELETE)
			*kept = only_saw(spec);
		else if (values->entity && rep_entity_lies_by(values->entity, name))
			*kept = rep_json_ref(spec);
		return true;
	}
	if (values->rule == REP_ERASE_MARKED && (!field || (!field->to && is_personal(field))))
		return true;
	*kept = values->rule == REP_ERASE_MARKED && field->to &&
				strcmp(field->on_erase, "keep") != 0
			? without(&clearing, spec)
			: rep_json_ref(spec);
	return *kept != NULL;
}

static bool keep_values(struct values *values, const struct rep_json *all)
{
	for (void *it = rep_json_iter(all); it; it = rep_json_iter_next(all, it)) {
		struct rep_json *kept;

		if (!keep_field(values, rep_json_iter_key(it), rep_json_iter_value(it), &kept))
			return false;
		values->same = values->same && rep_json_equal(kept, rep_json_iter_value(it));
		if (kept && !rep_json_set(values->out, rep_json_iter_key(it), kept))
			return false;
	}
	return true;
}

/* ---- the line ---- */

static bool keeps_key(enum rep_erase_rule rule, const char *key)
{
	if (strcmp(key, "reason") == 0 || strcmp(key, "salt") == 0 || strcmp(key, "values") == 0)
		return false;
	return rule != REP_ERASE_RECORD || strcmp(key, "into") == 0 || strcmp(key, "saw") == 0 ||
	       strcmp(key, "source") == 0;
}

/* Nothing is left to be folded. */
static bool is_empty(enum rep_erase_rule rule, enum rep_op op, const struct rep_json *values)
{
	return rule == REP_ERASE_RECORD &&
	       (op == REP_OP_RESOLVE || (op == REP_OP_UPDATE && rep_json_size(values) == 0));
}

enum rep_code rep_erase_kept(enum rep_erase_rule rule, const struct rep_schema *schema,
			     const struct rep_edit *edit, const struct rep_json *subjects,
			     struct rep_json **kept, bool *same, struct rep_error *err)
{
	struct values values = {.rule = rule,
				.entity = rep_schema_entity(schema, edit->entity),
				.edit = edit,
				.subjects = subjects,
				.out = rep_json_object(),
				.same = true};
	const struct rep_json *all = rep_json_get(edit->line, "values");
	struct rep_json *line = rep_json_object();
	bool good = values.out && line;

	for (void *it = rep_json_iter(edit->line); good && it;
	     it = rep_json_iter_next(edit->line, it))
		if (keeps_key(rule, rep_json_iter_key(it)))
			good = rep_json_set(line, rep_json_iter_key(it),
					    rep_json_ref(rep_json_iter_value(it)));
	if (good && all)
		good = keep_values(&values, all) &&
		       rep_json_set(line, "values", rep_json_ref(values.out));
	*same = values.same;
	*kept = NULL;
	if (good && !is_empty(rule, edit->op, values.out)) {
		*kept = line;
		line = NULL;
	}
	rep_json_free(line);
	rep_json_free(values.out);
	return good ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}
