/* Is what an edit says of a field well formed, and are its values valid? By type. */
#include <string.h>

#include "core/model/admit_run.h"
#include "core/model/fold_run.h"
#include "core/model/value.h"

static bool bad_form(struct rep_admit_run *run, const struct rep_field *field, const char *expected)
{
	rep_admit_put(run, field->name, REP_REJECTED, "form", "%s expected", expected);
	return false;
}

/* Without memory a value was not judged at all: that is no verdict to be recorded. */
static bool bad_value(struct rep_admit_run *run, const struct rep_field *field,
		      const struct rep_error *err)
{
	run->failed = run->failed || err->code == REP_ENOMEM;
	rep_admit_put(run, field->name, REP_REJECTED, "bad-value", "%s", err->msg);
	return false;
}

static bool elements(struct rep_admit_run *run, const struct rep_field *field,
		     const struct rep_json *array)
{
	struct rep_error err;

	if (array && !rep_json_is(array, REP_JSON_ARRAY))
		return bad_form(run, field, "an array");
	for (size_t i = 0; i < rep_json_size(array); i++) {
		if (rep_value_check_element(field, rep_json_at(array, i), &err))
			return bad_value(run, field, &err);
	}
	return true;
}

static bool set_value(struct rep_admit_run *run, const struct rep_field *field,
		      const struct rep_json *spec)
{
	const struct rep_json *all = rep_json_get(spec, "new");
	const struct rep_json *add = rep_json_get(spec, "add"),
			      *drop = rep_json_get(spec, "remove");
	struct rep_error err;

	if (!all && !add && !drop)
		return bad_form(run, field, "`add`, `remove` or `new`");
	if (all && rep_value_check(field, all, &err))
		return bad_value(run, field, &err);
	if (drop && !rep_json_is(drop, REP_JSON_ARRAY))
		return bad_form(run, field, "an array");
	return elements(run, field, add); /* what is taken out may be of an older schema */
}

static bool map_value(struct rep_admit_run *run, const struct rep_field *field,
		      const struct rep_json *spec)
{
	const struct rep_json *all = rep_json_get(spec, "new"), *keys = rep_json_get(spec, "keys");
	struct rep_json *map;
	struct rep_error err;
	enum rep_code rc;
	bool said = true;

	if (!all && !rep_json_is(keys, REP_JSON_OBJECT))
		return bad_form(run, field, "`keys` or `new`");
	if (all)
		return !rep_value_check(field, all, &err) || bad_value(run, field, &err);
	map = rep_json_object();
	for (void *it = rep_json_iter(keys); it; it = rep_json_iter_next(keys, it)) {
		const struct rep_json *value = rep_json_get(rep_json_iter_value(it), "new");
		said = said && value;
		if (value && !rep_json_is(value, REP_JSON_NULL) &&
		    !rep_json_set(map, rep_json_iter_key(it), rep_json_ref(value)))
			run->failed = true;
	}
	rc = rep_value_check(field, map, &err);
	rep_json_free(map);
	if (!said) /* silence is not taking a key out: that is `null` */
		return bad_form(run, field, "`new` of each key");
	return !rc || bad_value(run, field, &err);
}

static const struct rep_field *entry_field(const struct rep_field *list, const char *name)
{
	for (size_t i = 0; i < list->fields_len; i++) {
		if (strcmp(list->fields[i].name, name) == 0)
			return &list->fields[i];
	}
	return NULL;
}

/* The keys that the engine sets itself, and those by which an entry amends or redacts an earlier one. */
static bool is_engine_key(const char *key, const struct rep_json *value, bool *valid)
{
	const char *stamp = rep_json_string_value(value);

	*valid = true;
	if (strcmp(key, "entry") == 0 || strcmp(key, "by") == 0 || strcmp(key, "at") == 0)
		return true;
	*valid = stamp && rep_stamp_valid(stamp);
	return strcmp(key, "amends") == 0 || strcmp(key, "redacts") == 0;
}

static bool entry_value(struct rep_admit_run *run, const struct rep_field *field,
			const struct rep_json *entry)
{
	struct rep_error err;

	if (!rep_json_is(entry, REP_JSON_OBJECT))
		return bad_form(run, field, "an entry");
	for (void *it = rep_json_iter(entry); it; it = rep_json_iter_next(entry, it)) {
		const char *key = rep_json_iter_key(it);
		const struct rep_field *part = entry_field(field, key);
		bool valid;
		if (part && rep_value_check(part, rep_json_iter_value(it), &err))
			return bad_value(run, field, &err);
		if (!part && (!is_engine_key(key, rep_json_iter_value(it), &valid) || !valid))
			return bad_form(run, field, "an entry of the declared fields");
	}
	for (size_t i = 0; i < field->fields_len; i++) {
		if (field->fields[i].required &&
		    rep_value_empty(rep_json_get(entry, field->fields[i].name)))
			return bad_form(run, field, "an entry with all required fields");
	}
	return true;
}

static const struct rep_json *find_entry(const struct rep_json *list, const char *stamp)
{
	for (size_t i = 0; i < rep_json_size(list); i++) {
		const char *other = rep_json_get_string(rep_json_at(list, i), "entry");
		if (other && strcmp(other, stamp) == 0)
			return rep_json_at(list, i);
	}
	return NULL;
}

/* A whole list may only have grown: each old entry is in the new one, unchanged. */
static bool only_grew(const struct rep_json *old, const struct rep_json *all)
{
	for (size_t i = 0; i < rep_json_size(old); i++) {
		const struct rep_json *entry = rep_json_at(old, i);
		const char *stamp = rep_json_get_string(entry, "entry");
		if (stamp && !rep_json_equal(find_entry(all, stamp), entry))
			return false;
	}
	return true;
}

static bool list_value(struct rep_admit_run *run, const struct rep_field *field,
		       const struct rep_json *spec)
{
	const struct rep_json *entry = rep_json_get(spec, "entry");
	const struct rep_json *all = rep_json_get(spec, "new");

	if (entry)
		return entry_value(run, field, entry);
	if (!rep_json_is(all, REP_JSON_ARRAY) && !(all && rep_json_is(all, REP_JSON_NULL)))
		return bad_form(run, field, "`entry`");
	if (!only_grew(rep_json_get(spec, "old"), all)) {
		rep_admit_put(run, field->name, REP_REJECTED, "append-only",
			      "entries are only added");
		return false;
	}
	for (size_t i = 0; i < rep_json_size(all); i++) {
		if (!entry_value(run, field, rep_json_at(all, i)))
			return false;
	}
	return true;
}

static bool sum_value(struct rep_admit_run *run, const struct rep_field *field,
		      const struct rep_json *spec)
{
	const struct rep_json *delta = rep_json_get(spec, "delta");
	const struct rep_json *value = rep_json_get(spec, "set");
	struct rep_error err;

	if (delta)
		return rep_json_is(delta, REP_JSON_INTEGER) || bad_form(run, field, "an integer");
	if (!value)
		value = rep_json_get(spec, "new");
	if (!value)
		return bad_form(run, field, "`delta` or `set`");
	return !rep_value_check(field, value, &err) || bad_value(run, field, &err);
}

static bool scalar_value(struct rep_admit_run *run, const struct rep_field *field,
			 const struct rep_json *spec)
{
	const struct rep_json *value = rep_json_get(spec, "new");
	struct rep_error err;

	if (!value)
		return bad_form(run, field, "`new`");
	if (rep_value_check(field, value, &err))
		return bad_value(run, field, &err);
	if (field->required && run->edit->op != REP_OP_INSERT && rep_value_empty(value)) {
		rep_admit_put(run, field->name, REP_REJECTED, "required", "a value is required");
		return false;
	}
	return true;
}

bool rep_admit_value(struct rep_admit_run *run, const struct rep_field *field,
		     const struct rep_json *spec)
{
	if (!rep_json_is(spec, REP_JSON_OBJECT))
		return bad_form(run, field, "an object");
	if (field->type == REP_TYPE_SET)
		return set_value(run, field, spec);
	if (field->type == REP_TYPE_MAP)
		return map_value(run, field, spec);
	if (field->type == REP_TYPE_LIST)
		return list_value(run, field, spec);
	if (rep_field_has_rule(field, REP_RULE_SUM))
		return sum_value(run, field, spec);
	return scalar_value(run, field, spec);
}
