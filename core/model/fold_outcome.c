/* Outcomes as they are recorded: their names, and what a replay and a later edit read out of them. */
#include <string.h>

#include "core/model/fold.h"

static const char *const outcome_names[] = {
	[REP_APPLIED] = "applied", [REP_EQUAL] = "equal",       [REP_MERGED] = "merged",
	[REP_LOST] = "lost",       [REP_PROPOSED] = "proposed", [REP_QUEUED] = "queued",
	[REP_HELD] = "held",       [REP_REJECTED] = "rejected",
};

const char *rep_outcome_name(enum rep_outcome outcome)
{
	return outcome_names[outcome];
}

bool rep_outcome_parse(enum rep_outcome *out, const char *name)
{
	for (size_t i = 0; i < sizeof(outcome_names) / sizeof(outcome_names[0]); i++) {
		if (strcmp(outcome_names[i], name) == 0) {
			*out = (enum rep_outcome)i;
			return true;
		}
	}
	return false;
}

/* What a recorded outcome says of admission: fold makes `no-record` and its like anew from the order. */
static bool from_admission(const struct rep_json *note)
{
	static const char *const own[] = {"no-record",     "no-partition",  "form",
					  "not-author",    "never-deleted", "op",
					  "unknown-entity"};
	const char *outcome = rep_json_get_string(note, "outcome");
	const char *code = rep_json_get_string(note, "code");

	if (!outcome || !code)
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (strcmp(code, own[i]) == 0)
			return false;
	}
	return strcmp(outcome, "rejected") == 0 || strcmp(outcome, "proposed") == 0;
}

static bool keep_judgement(struct rep_json *verdict, const char *key, const char *outcome,
			   const char *code)
{
	struct rep_json *entry = rep_json_object();
	bool kept = entry && rep_json_set_string(entry, "outcome", outcome) &&
		    rep_json_set_string(entry, "code", code);

	return rep_json_set(verdict, key, entry) && kept;
}

/*
 * Of a change that was refused whole the fields are not spoken of. So where they are, the code beside them belongs to a
 * change that was proposed whole, also when `outcome` tells of a refused field.
 */
static bool keep_whole(struct rep_json *verdict, const struct rep_json *outcome)
{
	const char *told = rep_json_get_string(outcome, "outcome");
	bool parts = rep_json_size(rep_json_get(outcome, "fields")) > 0;

	return keep_judgement(verdict, "*", parts ? rep_outcome_name(REP_PROPOSED) : told,
			      rep_json_get_string(outcome, "code"));
}

enum rep_code rep_outcome_verdict(struct rep_json **out, const struct rep_json *outcome,
				  struct rep_error *err)
{
	const struct rep_json *fields = rep_json_get(outcome, "fields");
	const struct rep_json *flags = rep_json_get(outcome, "flags");
	struct rep_json *verdict = rep_json_object();
	bool kept = verdict != NULL;

	*out = NULL;
	if (kept && from_admission(outcome))
		kept = keep_whole(verdict, outcome);
	for (void *it = fields ? rep_json_iter(fields) : NULL; it && kept;
	     it = rep_json_iter_next(fields, it)) {
		const struct rep_json *note = rep_json_iter_value(it);

		if (from_admission(note))
			kept = keep_judgement(verdict, rep_json_iter_key(it),
					      rep_json_get_string(note, "outcome"),
					      rep_json_get_string(note, "code"));
	}
	if (kept && flags) {
		if (!rep_json_get(verdict, "*"))
			kept = rep_json_set(verdict, "*", rep_json_object());
		kept = kept &&
		       rep_json_set(rep_json_get(verdict, "*"), "flags", rep_json_ref(flags));
	}
	if (!kept) {
		rep_json_free(verdict);
		return rep_fail(err, REP_ENOMEM, "verdict");
	}
	if (rep_json_size(verdict) == 0)
		rep_json_free(verdict);
	else
		*out = verdict;
	return REP_OK;
}

static bool copy_verdict(struct rep_json *outcome, struct rep_json *fields,
			 const struct rep_json *verdict)
{
	const struct rep_json *whole = rep_json_get(verdict, "*");
	bool ok = true;

	for (void *it = rep_json_iter(whole); it && ok; it = rep_json_iter_next(whole, it))
		ok = rep_json_set(outcome, rep_json_iter_key(it),
				  rep_json_ref(rep_json_iter_value(it)));
	for (void *it = rep_json_iter(verdict); it && ok; it = rep_json_iter_next(verdict, it))
		ok = strcmp(rep_json_iter_key(it), "*") == 0 ||
		     rep_json_set(fields, rep_json_iter_key(it),
				  rep_json_ref(rep_json_iter_value(it)));
	return ok;
}

enum rep_code rep_outcome_of_verdict(struct rep_json **out, const struct rep_json *verdict,
				     struct rep_error *err)
{
	struct rep_json *outcome, *fields;

	*out = NULL;
	if (!verdict)
		return REP_OK;
	outcome = rep_json_object();
	fields = rep_json_object();
	if (!rep_json_set_string(outcome, "outcome", rep_outcome_name(REP_APPLIED)) ||
	    !copy_verdict(outcome, fields, verdict) ||
	    !rep_json_set(outcome, "fields", rep_json_ref(fields))) {
		rep_json_free(outcome);
		rep_json_free(fields);
		return rep_fail(err, REP_ENOMEM, "verdict: out of memory");
	}
	rep_json_free(fields);
	*out = outcome;
	return REP_OK;
}

static bool is_out_of_force(const char *outcome)
{
	return outcome && (strcmp(outcome, rep_outcome_name(REP_REJECTED)) == 0 ||
			   strcmp(outcome, rep_outcome_name(REP_PROPOSED)) == 0 ||
			   strcmp(outcome, rep_outcome_name(REP_HELD)) == 0);
}

/*
 * Where single fields are told of, the others went through, unless a code of admission beside them says that the change
 * was proposed whole.
 */
bool rep_outcome_refuses(const struct rep_json *outcome, const char *field)
{
	const struct rep_json *fields = rep_json_get(outcome, "fields");
	const struct rep_json *note = rep_json_get(fields, field);

	if (!note && rep_json_size(fields) > 0 && !from_admission(outcome))
		return false;
	return is_out_of_force(rep_json_get_string(note ? note : outcome, "outcome"));
}
