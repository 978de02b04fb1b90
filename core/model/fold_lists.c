/*
 * Lists only grow: an entry bears the stamp of its edit, who made it and when, and lies in stamp order.
 * Sums add: a delta counts from what stands, a `set` begins anew, so that deltas before it are part of it
 * and those after it add; in fold order both need no rival.
 */
#include <string.h>

#include "core/model/fold_run.h"

/* The entry as it is kept: the author's fields and the engine's. A new reference. */
static struct rep_json *make_entry(struct rep_fold_run *run, const struct rep_json *given)
{
	struct rep_json *entry = rep_json_dup(given);
	char time[REP_TIME_LEN + 1] = "";

	strncpy(time, run->edit->stamp, REP_TIME_LEN);
	if (!rep_json_set_string(entry, "entry", run->edit->stamp) ||
	    !rep_json_set_string(entry, "by", run->edit->rep) ||
	    !rep_json_set_string(entry, "at", time))
		run->failed = true;
	return entry;
}

/* Before the first entry with a greater stamp; entries of one edit stay in their order. */
static void put_entry(struct rep_fold_run *run, struct rep_json *list, const struct rep_json *given)
{
	size_t at = rep_json_size(list);

	if (!rep_json_is(given, REP_JSON_OBJECT)) {
		run->failed = run->failed || !given;
		return;
	}
	while (at > 0 && rep_stamp_compare(rep_json_get_string(rep_json_at(list, at - 1), "entry"),
					   run->edit->stamp) > 0)
		at--;
	if (!rep_json_insert(list, at, make_entry(run, given)))
		run->failed = true;
}

static bool has_entry(const struct rep_json *list, const char *stamp)
{
	for (size_t i = 0; stamp && i < rep_json_size(list); i++) {
		const char *other = rep_json_get_string(rep_json_at(list, i), "entry");
		if (other && strcmp(other, stamp) == 0)
			return true;
	}
	return false;
}

void rep_fold_list(struct rep_fold_run *run, const struct rep_field *field,
		   const struct rep_json *spec)
{
	const struct rep_json *stands = rep_record_value(run->folded->record, field->name);
	const struct rep_json *entry = rep_json_get(spec, "entry");
	const struct rep_json *all = rep_json_get(spec, "new");
	struct rep_json *list = rep_json_array();

	for (size_t i = 0; i < rep_json_size(stands); i++) {
		if (!rep_json_append(list, rep_json_ref(rep_json_at(stands, i))))
			run->failed = true;
	}
	if (entry)
		put_entry(run, list, entry);
	/* A whole list: those entries are new that bear no stamp of one that is there. */
	for (size_t i = 0; i < rep_json_size(all); i++) {
		const struct rep_json *given = rep_json_at(all, i);
		if (!has_entry(stands, rep_json_get_string(given, "entry")))
			put_entry(run, list, given);
	}
	run->failed = run->failed || !list;
	rep_record_put(run->folded->record, field->name, list, NULL);
	rep_fold_note(run, field->name, &(struct rep_fold_note){.outcome = REP_APPLIED});
}

static int64_t add_bounded(int64_t a, int64_t b)
{
	int64_t sum = a + b; /* both within 2^53 */

	if (sum > REP_INT_MAX)
		return REP_INT_MAX;
	return sum < -REP_INT_MAX ? -REP_INT_MAX : sum;
}

void rep_fold_sum(struct rep_fold_run *run, const struct rep_field *field,
		  const struct rep_json *spec)
{
	struct rep_record *record = run->folded->record;
	const char *stands = rep_record_stamp(record, field->name);
	const struct rep_json *set = rep_json_get(spec, "set");
	const struct rep_json *delta = rep_json_get(spec, "delta");
	const struct rep_json *absolute = rep_json_get(spec, "new");
	const struct rep_json *old = rep_json_get(spec, "old");
	int64_t now = rep_json_integer_value(rep_record_value(record, field->name));
	bool later = rep_stamp_compare(run->edit->stamp, stands) >= 0;

	if (absolute && old) /* an absolute with what it was made from is a delta */
		now = add_bounded(now,
				  rep_json_integer_value(absolute) - rep_json_integer_value(old));
	else if (delta)
		now = add_bounded(now, rep_json_integer_value(delta));
	else if ((set || absolute) && later)
		now = rep_json_integer_value(set ? set : absolute);
	struct rep_json *sum = rep_json_integer(now);
	run->failed = run->failed || !sum;
	rep_record_put(record, field->name, sum, later ? run->edit->stamp : NULL);
	rep_fold_note(run, field->name, &(struct rep_fold_note){.outcome = REP_APPLIED});
}
