#include "core/store/line_part.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/stamp.h"
#include "core/model/value.h"
#include "core/store/columns.h"

#define KEY_SIZE_MAX (4u * REP_TEXT_SIZE_MAX)

void rep_part_clear(struct rep_part *part)
{
	rep_json_free(part->new);
	rep_json_free(part->old);
	rep_json_free(part->saw);
	rep_json_free(part->seen);
	rep_json_free(part->seen_at);
	*part = (struct rep_part){0};
}

/* A scalar as it will be stored; takes `value`. */
static struct rep_json *stored(const struct rep_field *field, struct rep_json *value, bool *nomem)
{
	struct rep_json *out;

	if (!value || !rep_json_is(value, REP_JSON_STRING) || !rep_field_is_scalar(field))
		return value;
	out = rep_value_stored(field, value);
	rep_json_free(value);
	if (!out)
		*nomem = true;
	return out;
}

/*
 * Triggers stamp an element as it was typed, records as it is normalised. Both name one element: the newer stamp counts.
 */
static struct rep_json *seen_elements(const struct rep_field *field, const struct rep_json *raw)
{
	struct rep_json *out = rep_json_object();
	struct rep_buf key = REP_BUF_INIT(KEY_SIZE_MAX);

	for (void *it = raw ? rep_json_iter(raw) : NULL; out && it;
	     it = rep_json_iter_next(raw, it)) {
		const char *typed = rep_json_iter_key(it);
		const char *stamp = rep_json_string_value(rep_json_iter_value(it));
		struct rep_json *element = NULL;
		struct rep_error ignored;

		if (!stamp || !rep_stamp_valid(stamp) ||
		    rep_json_parse(&element, typed, strlen(typed), REP_LINE_SIZE_MAX, 1,
				   &ignored) != REP_OK)
			continue;
		rep_buf_reset(&key);
		rep_value_element_key(&key, field, element);
		rep_json_free(element);
		if (rep_stamp_compare(stamp, rep_json_get_string(out, rep_buf_str(&key))) > 0 &&
		    !rep_json_set_string(out, rep_buf_str(&key), stamp)) {
			rep_json_free(out);
			out = NULL;
		}
	}
	rep_buf_clear(&key);
	return out;
}

static bool read_saw(struct rep_part *part, struct rep_stmt *stmt, int index)
{
	size_t len;
	const char *text = rep_column_text(stmt, index, &len);
	bool nomem = false;

	if (!text)
		return true;
	if (part->field->type == REP_TYPE_SET || part->field->type == REP_TYPE_MAP) {
		part->seen_at = rep_column_json(text, len, REP_JSON_DEPTH_MAX, &nomem);
		part->since = rep_json_string_value(rep_json_at(part->seen_at, 0));
		part->seen = part->field->type == REP_TYPE_SET
				     ? seen_elements(part->field, rep_json_at(part->seen_at, 1))
				     : rep_json_dup(rep_json_at(part->seen_at, 1));
		nomem = nomem || !part->seen;
	} else if (rep_stamp_valid(text)) {
		part->saw = rep_json_string(text);
		nomem = !part->saw;
	}
	return !nomem;
}

/* Fields that this schema does not know any more are sealed as they lie there; the hub reads older versions. */
static const struct rep_field unknown_field = {
	.name = "", .type = REP_TYPE_TEXT, .of = REP_TYPE_TEXT};

bool rep_part_read(struct rep_part *part, const struct rep_field *field, struct rep_stmt *stmt)
{
	bool nomem = false;

	*part = (struct rep_part){.field = field ? field : &unknown_field};
	part->new = stored(part->field, rep_column_value(stmt, 1, part->field, &nomem), &nomem);
	part->old = stored(part->field, rep_column_value(stmt, 2, part->field, &nomem), &nomem);
	return !nomem && read_saw(part, stmt, 3);
}

static struct rep_json *ref_or_null(const struct rep_json *value)
{
	return value ? rep_json_ref(value) : rep_json_null();
}

struct rep_json *rep_part_value_or_null(const struct rep_field *field, const struct rep_json *value)
{
	if (!value && field->engine)
		return rep_json_string("active");
	return ref_or_null(value);
}

/* ---- sets ---- */

/* A set as an object {element key: element as stored}, so that it is unique and can be compared. */
static struct rep_json *keyed(const struct rep_field *field, const struct rep_json *array,
			      bool *nomem)
{
	struct rep_json *out = rep_json_object();
	struct rep_buf key = REP_BUF_INIT(KEY_SIZE_MAX);
	struct rep_json *elements = array ? rep_value_stored(field, array) : NULL;

	for (size_t i = 0; out && i < rep_json_size(elements); i++) {
		const struct rep_json *element = rep_json_at(elements, i);

		rep_buf_reset(&key);
		rep_value_element_key(&key, field, element);
		if (key.failed || !rep_json_set(out, rep_buf_str(&key), rep_json_ref(element)))
			*nomem = true;
	}
	rep_buf_clear(&key);
	if (!out || (array && !elements))
		*nomem = true;
	rep_json_free(elements);
	return out;
}

/* What the author saw of an element; without a stamp of its own it has stood since the first insert. */
static const char *seen_of(const struct rep_part *part, const char *key, bool stood)
{
	const char *stamp = rep_json_get_string(part->seen, key);

	return stamp || !stood ? stamp : part->since;
}

static bool put_elements(struct rep_json *spec, const char *name, const struct rep_part *part,
			 const struct rep_json *from, const struct rep_json *without,
			 struct rep_json *seen)
{
	struct rep_json *out = rep_json_array();
	bool added = strcmp(name, "add") == 0;

	for (void *it = rep_json_iter(from); it; it = rep_json_iter_next(from, it)) {
		const char *key = rep_json_iter_key(it);
		const struct rep_json *element = rep_json_iter_value(it);
		const struct rep_json *other = rep_json_get(without, key);
		const char *stamp = seen_of(part, key, !added || other);

		/* The same element spelt otherwise is added again: nothing that was written goes unsaid. */
		if (other && (!added || rep_json_equal(other, element)))
			continue;
		if (!rep_json_append(out, rep_json_ref(element)) ||
		    (stamp && rep_stamp_valid(stamp) && !rep_json_set_string(seen, key, stamp))) {
			rep_json_free(out);
			return false;
		}
	}
	if (rep_json_size(out) > 0)
		return rep_json_set(spec, name, out);
	rep_json_free(out);
	return true;
}

/* Takes `seen`. */
static bool put_seen(struct rep_json *spec, struct rep_json *seen)
{
	if (rep_json_size(seen) > 0)
		return rep_json_set(spec, "seen", seen);
	rep_json_free(seen);
	return true;
}

struct rep_json *rep_part_set_spec(const struct rep_part *part, bool *nomem)
{
	struct rep_json *new = keyed(part->field, part->new, nomem);
	struct rep_json *old = keyed(part->field, part->old, nomem);
	struct rep_json *spec = rep_json_object();
	struct rep_json *seen = rep_json_object();

	if (!put_elements(spec, "add", part, new, old, seen) ||
	    !put_elements(spec, "remove", part, old, new, seen))
		*nomem = true;
	if (!put_seen(spec, seen))
		*nomem = true;
	rep_json_free(new);
	rep_json_free(old);
	return spec;
}

/* The set as a whole: elements as stored, each once, in the order of their bytes. */
struct rep_json *rep_part_whole_set(const struct rep_field *field, const struct rep_json *array,
				    bool *nomem)
{
	struct rep_json *elements = keyed(field, array, nomem);
	struct rep_json *all = rep_json_array(), *out;

	for (void *it = elements ? rep_json_iter(elements) : NULL; it;
	     it = rep_json_iter_next(elements, it)) {
		if (!rep_json_append(all, rep_json_ref(rep_json_iter_value(it))))
			*nomem = true;
	}
	out = all ? rep_value_sorted(all) : NULL;
	if (!out)
		*nomem = true;
	rep_json_free(all);
	rep_json_free(elements);
	return out;
}

/* ---- maps, lists, sums ---- */

static bool put_key(struct rep_json *keys, const struct rep_part *part, const char *key)
{
	const struct rep_json *new = rep_json_get(part->new, key);
	const struct rep_json *old = rep_json_get(part->old, key);
	const char *saw = rep_json_get_string(part->seen, key);
	struct rep_json *one;

	if ((!new && !old) || rep_json_equal(new, old) || rep_json_get(keys, key))
		return true;
	one = rep_json_object();
	if (!saw && old)
		saw = part->since;
	return rep_json_set(one, "new", ref_or_null(new)) &&
	       rep_json_set(one, "old", ref_or_null(old)) &&
	       (!saw || !rep_stamp_valid(saw) || rep_json_set_string(one, "saw", saw)) &&
	       rep_json_set(keys, key, one);
}

struct rep_json *rep_part_map_spec(const struct rep_part *part, bool *nomem)
{
	const struct rep_json *const maps[] = {part->new, part->old};
	struct rep_json *spec = rep_json_object();
	struct rep_json *keys = rep_json_object();

	for (size_t i = 0; i < 2; i++) {
		if (!maps[i])
			continue;
		for (void *it = rep_json_iter(maps[i]); it; it = rep_json_iter_next(maps[i], it)) {
			if (!put_key(keys, part, rep_json_iter_key(it)))
				*nomem = true;
		}
	}
	if (rep_json_size(keys) == 0)
		rep_json_free(keys);
	else if (!rep_json_set(spec, "keys", keys))
		*nomem = true;
	return spec;
}

static bool is_in(const struct rep_json *list, const struct rep_json *entry)
{
	for (size_t i = 0; i < rep_json_size(list); i++) {
		if (rep_json_equal(rep_json_at(list, i), entry))
			return true;
	}
	return false;
}

/* The entries of `new` that `old` has not. */
struct rep_json *rep_part_added_entries(const struct rep_part *part, bool *nomem)
{
	struct rep_json *out = rep_json_array();

	for (size_t i = 0; i < rep_json_size(part->new); i++) {
		const struct rep_json *entry = rep_json_at(part->new, i);

		if (!is_in(part->old, entry) && !rep_json_append(out, rep_json_ref(entry)))
			*nomem = true;
	}
	return out;
}

struct rep_json *rep_part_scalar_spec(const struct rep_part *part, bool *nomem)
{
	struct rep_json *spec = rep_json_object();
	const struct rep_field *field = part->field;

	if (rep_json_equal(part->new, part->old))
		return spec;
	if (field->rules_len && field->rules[0] == REP_RULE_SUM) {
		if (!rep_json_set_integer(spec, "delta",
					  rep_json_integer_value(part->new) -
						  rep_json_integer_value(part->old)))
			*nomem = true;
		return spec;
	}
	if (!rep_json_set(spec, "new", rep_part_value_or_null(field, part->new)) ||
	    !rep_json_set(spec, "old", rep_part_value_or_null(field, part->old)) ||
	    (part->saw && !rep_json_set(spec, "saw", rep_json_ref(part->saw))))
		*nomem = true;
	return spec;
}
