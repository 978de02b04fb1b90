/*
 * Value lines: what an insert gives, and taking out of a line what its author saw of changes that never
 * came into force.
 */

#include <stdlib.h>
#include <string.h>

#include "core/model/fold.h"
#include "core/model/key.h"

struct forgetting {
	bool (*refused)(void *user, const char *field, const char *stamp);
	void *user;
	bool any;
};

/* Deletes from `object` the key "saw" or, of an object of stamps, each that was refused. */
static void forget_stamps(struct forgetting *forgetting, struct rep_json *stamps, const char *field)
{
	void *it = stamps ? rep_json_iter(stamps) : NULL;

	while (it) {
		const char *stamp = rep_json_string_value(rep_json_iter_value(it));
		if (!stamp || !forgetting->refused(forgetting->user, field, stamp)) {
			it = rep_json_iter_next(stamps, it);
			continue;
		}
		forgetting->any = true;
		rep_json_del(stamps, rep_json_iter_key(it));
		it = rep_json_iter(stamps);
	}
}

static void forget_saw(struct forgetting *forgetting, struct rep_json *spec, const char *field)
{
	struct rep_json *saw = rep_json_get(spec, "saw");
	const char *stamp = rep_json_string_value(saw);

	if (rep_json_is(saw, REP_JSON_OBJECT))
		forget_stamps(forgetting, saw, field);
	if (!stamp || !forgetting->refused(forgetting->user, field, stamp))
		return;
	forgetting->any = true;
	rep_json_del(spec, "saw");
}

static void forget_spec(struct forgetting *forgetting, struct rep_json *spec, const char *field)
{
	struct rep_json *keys = rep_json_get(spec, "keys");

	if (!rep_json_is(spec, REP_JSON_OBJECT))
		return;
	forget_saw(forgetting, spec, field);
	if (rep_json_is(rep_json_get(spec, "seen"), REP_JSON_OBJECT))
		forget_stamps(forgetting, rep_json_get(spec, "seen"), field);
	for (void *it = rep_json_is(keys, REP_JSON_OBJECT) ? rep_json_iter(keys) : NULL; it;
	     it = rep_json_iter_next(keys, it))
		forget_saw(forgetting, rep_json_iter_value(it), field);
}

static bool is_refused(const struct forgetting *forgetting, const char *field,
		       const struct rep_json *stamp)
{
	const char *text = rep_json_string_value(stamp);

	return text && forgetting->refused(forgetting->user, field, text);
}

/* A stamp, or one of an object of stamps. */
static bool any_refused(const struct forgetting *forgetting, const char *field,
			const struct rep_json *stamps)
{
	bool any = is_refused(forgetting, field, stamps);

	for (void *it = rep_json_is(stamps, REP_JSON_OBJECT) ? rep_json_iter(stamps) : NULL;
	     it && !any; it = rep_json_iter_next(stamps, it))
		any = is_refused(forgetting, field, rep_json_iter_value(it));
	return any;
}

/* Does the line name a stamp that was refused? Nearly none does, and only those are copied. */
static bool has_refused(const struct forgetting *forgetting, const struct rep_json *values)
{
	for (void *it = rep_json_iter(values); it; it = rep_json_iter_next(values, it)) {
		const struct rep_json *spec = rep_json_iter_value(it);
		const struct rep_json *keys = rep_json_get(spec, "keys");
		const char *field = rep_json_iter_key(it);

		if (any_refused(forgetting, field, rep_json_get(spec, "saw")) ||
		    any_refused(forgetting, field, rep_json_get(spec, "seen")))
			return true;
		for (void *key = rep_json_is(keys, REP_JSON_OBJECT) ? rep_json_iter(keys) : NULL;
		     key; key = rep_json_iter_next(keys, key))
			if (any_refused(forgetting, field,
					rep_json_get(rep_json_iter_value(key), "saw")))
				return true;
	}
	return false;
}

enum rep_code rep_edit_forget(struct rep_json **out, const struct rep_json *line,
			      bool (*refused)(void *user, const char *field, const char *stamp),
			      void *user, struct rep_error *err)
{
	struct forgetting forgetting = {.refused = refused, .user = user};
	struct rep_json *copy, *values;

	*out = NULL;
	if (!rep_json_is(rep_json_get(line, "values"), REP_JSON_OBJECT) ||
	    !has_refused(&forgetting, rep_json_get(line, "values")))
		return REP_OK;
	copy = rep_json_dup(line);
	if (!copy)
		return rep_fail(err, REP_ENOMEM, "value line");
	values = rep_json_get(copy, "values");
	for (void *it = rep_json_iter(values); it; it = rep_json_iter_next(values, it))
		forget_spec(&forgetting, rep_json_iter_value(it), rep_json_iter_key(it));
	if (forgetting.any)
		*out = copy;
	else
		rep_json_free(copy);
	return REP_OK;
}

/* The stamps of the entries of a list; NULL without memory. */
static struct rep_json *entry_stamps(const struct rep_json *list)
{
	struct rep_json *stamps = rep_json_array();

	for (size_t i = 0; i < rep_json_size(list); i++) {
		const char *entry = rep_json_get_string(rep_json_at(list, i), "entry");

		if (entry && !rep_json_append(stamps, rep_json_string(entry))) {
			rep_json_free(stamps);
			return NULL;
		}
	}
	return stamps;
}

void rep_edit_seen_hash(char out[65], const struct rep_json *parts_or_list, bool list)
{
	struct rep_json *hashed = list            ? entry_stamps(parts_or_list)
				  : parts_or_list ? rep_json_ref(parts_or_list)
						  : rep_json_object();
	char *text = rep_json_text(hashed);

	out[0] = '\0';
	if (text)
		rep_sha256_hex(out, text, strlen(text));
	free(text);
	rep_json_free(hashed);
}

struct rep_json *rep_edit_new_values(const struct rep_json *values)
{
	struct rep_json *out = rep_json_object();

	for (void *it = rep_json_iter(values); it && out; it = rep_json_iter_next(values, it)) {
		const struct rep_json *value = rep_json_get(rep_json_iter_value(it), "new");
		if (!value)
			value = rep_json_get(rep_json_iter_value(it), "add");
		if (value && !rep_json_set(out, rep_json_iter_key(it), rep_json_ref(value))) {
			rep_json_free(out);
			return NULL;
		}
	}
	return out;
}
