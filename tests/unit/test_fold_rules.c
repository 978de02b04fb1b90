/*
 * The fold, rule by rule. Every case is one record: an insert by the hub at minute 0 and then edits in the
 * order of the fold. `saw` stands for the stamp of the insert ($0) or of the n-th edit ($n).
 */
#include <stdio.h>

#include "unit/help_fold.h"

#include "core/model/fold_run.h"

struct step {
	unsigned minute; /* of the stamp; 0 = the case's end */
	const char *device;
	const char *
		values; /* `values` of an update, or a whole line where it starts with "{'values" */
	const char *outcome; /* of the field, or of the whole change where the field has none */
};

#define STEPS_MAX 6u

struct fold_case {
	const char *what;
	const char *field;
	const char *insert; /* values of the first insert, besides name and account */
	struct step steps[STEPS_MAX];
	const char *value; /* in the end, as JSON */
	const char *item;  /* state of the field's conflict; NULL = there is none */
};

static void check_value(const struct fold_case *one, const struct rep_folded *folded)
{
	struct rep_json *expected = quoted_json(one->value);
	const struct rep_json *value = rep_record_value(folded->record, one->field);
	char *text = rep_json_text(value ? value : rep_json_null());
	const char *state;

	if (!rep_json_equal(value, expected))
		fail_msg("%s: %s, expected %s", one->what, text, one->value);
	state = item_state(folded, one->field);
	if (!state != !one->item || (state && strcmp(state, one->item) != 0))
		fail_msg("%s: item %s, expected %s", one->what, state ? state : "none",
			 one->item ? one->item : "none");
	free(text);
	rep_json_free(expected);
}

static void run_case(const struct company *company, const struct fold_case *one)
{
	struct rep_folded folded = {0};
	char stamps[STEPS_MAX + 1][64] = {""};

	start_record(&folded, company, one->insert);
	strcpy(stamps[0], at(0, HUB));
	for (size_t i = 0; i < STEPS_MAX && one->steps[i].minute; i++) {
		const struct step *step = &one->steps[i];
		char line[900], outcome[16];
		char *values = with_stamps(step->values, stamps);
		strcpy(stamps[i + 1], at(step->minute, step->device));
		if (strncmp(values, "{'values", 8) == 0)
			snprintf(line, sizeof(line), "%s", values);
		else
			snprintf(line, sizeof(line), "{'values':{%s}}", values);
		fold_line(&folded, company, REP_OP_UPDATE, stamps[i + 1], line, outcome,
			  one->field);
		if (strcmp(outcome, step->outcome) != 0)
			fail_msg("%s: step %zu is %s, expected %s", one->what, i + 1, outcome,
				 step->outcome);
		free(values);
	}
	check_value(one, &folded);
	rep_folded_clear(&folded);
}

static void run_cases(const struct company *company, const struct fold_case *cases, size_t len)
{
	for (size_t i = 0; i < len; i++)
		run_case(company, &cases[i]);
}
#define RUN(state, cases) run_cases(state, cases, sizeof(cases) / sizeof((cases)[0]))

/* ---- the four cases ---- */

static void the_four_cases_of_detection(void **state)
{
	static const struct fold_case cases[] = {
		{"1: what was seen still stands",
		 "f_latest",
		 "'f_latest':{'new':'a'}",
		 {{1, ANA, "'f_latest':{'new':'b','old':'a','saw':'$0'}", "applied"},
		  {2, BEN, "'f_latest':{'new':'c','old':'b','saw':'$1'}", "applied"}},
		 "'c'",
		 NULL},
		{"1: a field that nobody wrote has no rival",
		 "f_latest",
		 NULL,
		 {{1, ANA, "'f_latest':{'new':'b'}", "applied"}},
		 "'b'",
		 NULL},
		{"1: without saw the old value is compared",
		 "f_latest",
		 "'f_latest':{'new':'a'}",
		 {{1, ANA, "'f_latest':{'new':'b','old':'A'}", "applied"}},
		 "'b'",
		 NULL},
		{"4: without saw another old value is a conflict",
		 "f_latest",
		 "'f_latest':{'new':'a'}",
		 {{1, ANA, "'f_latest':{'new':'b','old':'z'}", "merged"}},
		 "'b'",
		 "decided"},
		{"2: equal after the normaliser, the later one's letters",
		 "f_latest",
		 "'f_latest':{'new':'a'}",
		 {{1, ANA, "'f_latest':{'new':'b','saw':'$0'}", "applied"},
		  {2, BEN, "'f_latest':{'new':'B','saw':'$0'}", "equal"}},
		 "'B'",
		 NULL},
		{"2: the greater stamp is kept",
		 "f_latest",
		 "'f_latest':{'new':'a'}",
		 {{1, ANA, "'f_latest':{'new':'b','saw':'$0'}", "applied"},
		  {2, BEN, "'f_latest':{'new':'b','saw':'$0'}", "equal"},
		  {3, CLEO, "'f_latest':{'new':'c','saw':'$2'}", "applied"}},
		 "'c'",
		 NULL},
		{"3: one's own earlier edit is no rival",
		 "f_review",
		 "'f_review':{'new':'a'}",
		 {{1, ANA, "'f_review':{'new':'b','saw':'$0'}", "applied"},
		  {2, ANA, "'f_review':{'new':'c','saw':'$0'}", "applied"}},
		 "'c'",
		 NULL},
		{"4: two who did not know of each other",
		 "f_latest",
		 "'f_latest':{'new':'a'}",
		 {{1, ANA, "'f_latest':{'new':'b','saw':'$0'}", "applied"},
		  {2, BEN, "'f_latest':{'new':'c','saw':'$0'}", "merged"}},
		 "'c'",
		 "decided"},
		{"4: a clear against a value",
		 "f_latest",
		 "'f_latest':{'new':'a'}",
		 {{1, ANA, "'f_latest':{'new':'b','saw':'$0'}", "applied"},
		  {2, BEN, "'f_latest':{'new':null,'saw':'$0'}", "merged"}},
		 "null",
		 "decided"},
		{"a later edit that saw the winner is no conflict",
		 "f_latest",
		 "'f_latest':{'new':'a'}",
		 {{1, ANA, "'f_latest':{'new':'b','saw':'$0'}", "applied"},
		  {2, BEN, "'f_latest':{'new':'c','saw':'$0'}", "merged"},
		  {3, CLEO, "'f_latest':{'new':'d','saw':'$2'}", "applied"}},
		 "'d'",
		 "decided"},
	};

	RUN(*state, cases);
}

static void rules_that_compare_stamps_and_values(void **state)
{
	static const struct fold_case cases[] = {
		{"earliest",
		 "f_earliest",
		 "'f_earliest':{'new':'a'}",
		 {{1, ANA, "'f_earliest':{'new':'b','saw':'$0'}", "applied"},
		  {2, BEN, "'f_earliest':{'new':'c','saw':'$0'}", "lost"}},
		 "'b'",
		 "decided"},
		{"max: the greater, whoever comes later",
		 "f_max",
		 "'f_max':{'new':1}",
		 {{1, ANA, "'f_max':{'new':9,'saw':'$0'}", "applied"},
		  {2, BEN, "'f_max':{'new':5,'saw':'$0'}", "lost"},
		  {3, CLEO, "'f_max':{'new':12,'saw':'$0'}", "merged"}},
		 "12",
		 "decided"},
		{"max: a later edit that saw it may go back",
		 "f_max",
		 "'f_max':{'new':9}",
		 {{1, ANA, "'f_max':{'new':3,'saw':'$0'}", "applied"}},
		 "3",
		 NULL},
		{"max: a value beats a clear",
		 "f_max",
		 "'f_max':{'new':1}",
		 {{1, ANA, "'f_max':{'new':-5,'saw':'$0'}", "applied"},
		  {2, BEN, "'f_max':{'new':null,'saw':'$0'}", "lost"}},
		 "-5",
		 "decided"},
		{"min: the smaller",
		 "f_min",
		 "'f_min':{'new':'2026-01-05'}",
		 {{1, ANA, "'f_min':{'new':'2026-01-03','saw':'$0'}", "applied"},
		  {2, BEN, "'f_min':{'new':'2026-01-04','saw':'$0'}", "lost"},
		  {3, CLEO, "'f_min':{'new':'2026-01-02','saw':'$0'}", "merged"}},
		 "'2026-01-02'",
		 "decided"},
		{"min: a value beats a clear",
		 "f_min",
		 "'f_min':{'new':'2026-01-05'}",
		 {{1, ANA, "'f_min':{'new':null,'saw':'$0'}", "applied"},
		  {2, BEN, "'f_min':{'new':'2026-01-04','saw':'$0'}", "merged"}},
		 "'2026-01-04'",
		 "decided"},
		{"max of an enum is its declared order",
		 "f_level",
		 "'f_level':{'new':'low'}",
		 {{1, ANA, "'f_level':{'new':'high','saw':'$0'}", "applied"},
		  {2, BEN, "'f_level':{'new':'middle','saw':'$0'}", "lost"}},
		 "'high'",
		 "decided"},
		{"business-date: the newer day",
		 "f_biz",
		 "'f_biz':{'new':'a'},'biz_on':{'new':'2026-01-01'}",
		 {{1, ANA,
		   "'f_biz':{'new':'b','saw':'$0'},'biz_on':{'new':'2026-02-02','saw':'$0'}",
		   "applied"},
		  {2, BEN,
		   "'f_biz':{'new':'c','saw':'$0'},'biz_on':{'new':'2026-02-01','saw':'$0'}",
		   "lost"},
		  {3, CLEO,
		   "'f_biz':{'new':'d','saw':'$0'},'biz_on':{'new':'2026-02-03','saw':'$0'}",
		   "merged"}},
		 "'d'",
		 "decided"},
		{"business-date: a tie goes to the next rule",
		 "f_biz",
		 "'f_biz':{'new':'a'},'biz_on':{'new':'2026-01-01'}",
		 {{1, ANA, "'f_biz':{'new':'b','saw':'$0'}", "applied"},
		  {2, BEN, "'f_biz':{'new':'c','saw':'$0'}", "merged"}},
		 "'c'",
		 "decided"},
		{"fill: an explicit clear is a value",
		 "f_fill",
		 "'f_fill':{'new':'a'}",
		 {{1, ANA, "'f_fill':{'new':null,'saw':'$0'}", "applied"},
		  {2, BEN, "'f_fill':{'new':'b','saw':'$0'}", "lost"}},
		 "null",
		 "decided"},
		{"fill: an empty text of the insert gives way",
		 "f_fill",
		 "'f_fill':{'new':''}",
		 {{1, ANA, "'f_fill':{'new':'b','old':'z'}", "merged"}},
		 "'b'",
		 "decided"},
		{"immutable: the first insert's value stays",
		 "f_fixed",
		 "'f_fixed':{'new':'a'}",
		 {{1, ANA, "'f_fixed':{'new':'b','old':'z'}", "lost"}},
		 "'a'",
		 "decided"},
		{"review: the earliest stands and waits",
		 "f_review",
		 "'f_review':{'new':'a'}",
		 {{1, ANA, "'f_review':{'new':'b','saw':'$0'}", "applied"},
		  {2, BEN, "'f_review':{'new':'c','saw':'$0'}", "queued"},
		  {3, CLEO, "'f_review':{'new':'d','saw':'$0'}", "queued"}},
		 "'b'",
		 "open"},
	};

	RUN(*state, cases);
}

static void rules_that_ask_the_organisation(void **state)
{
	static const struct fold_case cases[] = {
		{"role: the higher rank",
		 "f_role",
		 "'f_role':{'new':'a'}",
		 {{1, CLEO, "'f_role':{'new':'b','saw':'$0'}", "applied"},
		  {2, ANA, "'f_role':{'new':'c','saw':'$0'}", "lost"},
		  {3, MAX, "'f_role':{'new':'d','saw':'$0'}", "merged"}},
		 "'d'",
		 "decided"},
		{"role: equal ranks go to the next rule",
		 "f_role",
		 "'f_role':{'new':'a'}",
		 {{1, ANA, "'f_role':{'new':'b','saw':'$0'}", "applied"},
		  {2, BEN, "'f_role':{'new':'c','saw':'$0'}", "merged"}},
		 "'c'",
		 "decided"},
		{"role: the hub has no rank",
		 "f_role",
		 "'f_role':{'new':'a'}",
		 {{1, ANA, "'f_role':{'new':'b','saw':'$0'}", "applied"},
		  {2, HUB, "'f_role':{'new':'c','saw':'$0'}", "lost"}},
		 "'b'",
		 "decided"},
		{"owner: the primary",
		 "f_owner",
		 "'f_owner':{'new':'a'}",
		 {{1, ANA, "'f_owner':{'new':'b','saw':'$0'}", "applied"},
		  {2, BEN, "'f_owner':{'new':'c','saw':'$0'}", "lost"}},
		 "'b'",
		 "decided"},
		{"owner: the primary, though earlier seen last",
		 "f_owner",
		 "'f_owner':{'new':'a'}",
		 {{1, BEN, "'f_owner':{'new':'b','saw':'$0'}", "applied"},
		  {2, ANA, "'f_owner':{'new':'c','saw':'$0'}", "merged"}},
		 "'c'",
		 "decided"},
		{"owner: of two others the later",
		 "f_owner",
		 "'f_owner':{'new':'a'}",
		 {{1, BEN, "'f_owner':{'new':'b','saw':'$0'}", "applied"},
		  {2, CLEO, "'f_owner':{'new':'c','saw':'$0'}", "merged"}},
		 "'c'",
		 "decided"},
		{"source: the better one of an import",
		 "f_source",
		 "'f_source':{'new':'a'}",
		 {{1, ANA, "'f_source':{'new':'b','saw':'$0'}", "applied"},
		  {2, HUB, "{'values':{'f_source':{'new':'c','old':'a'}},'source':'register'}",
		   "merged"},
		  {3, BEN, "'f_source':{'new':'d','saw':'$1'}", "lost"}},
		 "'c'",
		 "decided"},
		{"source: a file is worse than a rep",
		 "f_source",
		 "'f_source':{'new':'a'}",
		 {{1, ANA, "'f_source':{'new':'b','saw':'$0'}", "applied"},
		  {2, HUB, "{'values':{'f_source':{'new':'c','old':'a'}},'source':'csv'}", "lost"}},
		 "'b'",
		 "decided"},
		{"source: a steward's own edit has the steward's rank",
		 "f_source",
		 "'f_source':{'new':'a'}",
		 {{1, SUE, "'f_source':{'new':'b','saw':'$0'}", "applied"},
		  {2, HUB, "{'values':{'f_source':{'new':'c','old':'a'}},'source':'register'}",
		   "lost"}},
		 "'b'",
		 "decided"},
		{"central: the company's side",
		 "f_central",
		 "'f_central':{'new':'a'}",
		 {{1, SUE, "'f_central':{'new':'b','saw':'$0'}", "applied"},
		  {2, ANA, "'f_central':{'new':'c','saw':'$0'}", "lost"}},
		 "'b'",
		 "decided"},
		{"central: between two of its own the next rule",
		 "f_central",
		 "'f_central':{'new':'a'}",
		 {{1, SUE, "'f_central':{'new':'b','saw':'$0'}", "applied"},
		  {2, MAX, "'f_central':{'new':'c','saw':'$0'}", "merged"}},
		 "'c'",
		 "decided"},
		{"state: the declared priority",
		 "stage",
		 NULL,
		 {{1, ANA, "'stage':{'new':'cancelled','old':'draft','saw':'$0'}", "applied"},
		  {2, BEN, "'stage':{'new':'sent','old':'draft','saw':'$0'}", "lost"}},
		 "'cancelled'",
		 "decided"},
		{"status: archived before active",
		 "status",
		 NULL,
		 {{1, ANA, "'status':{'new':'archived','saw':'$0'}", "applied"},
		  {2, BEN, "'status':{'new':'inactive','saw':'$0'}", "lost"}},
		 "'archived'",
		 "decided"},
		{"an open conflict ends with a rival of another rank",
		 "f_mixed",
		 "'f_mixed':{'new':'a'}",
		 {{1, ANA, "'f_mixed':{'new':'b','saw':'$0'}", "applied"},
		  {2, BEN, "'f_mixed':{'new':'c','saw':'$0'}", "queued"},
		  {3, MAX, "'f_mixed':{'new':'d','saw':'$0'}", "merged"}},
		 "'d'",
		 "decided"},
		{"an open conflict stays open when a lesser one loses",
		 "f_mixed",
		 "'f_mixed':{'new':'a'}",
		 {{1, CLEO, "'f_mixed':{'new':'b','saw':'$0'}", "applied"},
		  {2, ANA, "'f_mixed':{'new':'c','saw':'$0'}", "lost"}},
		 "'b'",
		 "decided"},
	};

	RUN(*state, cases);
}

static void texts_merge_by_line(void **state)
{
	static const struct fold_case cases[] = {
		{"both changes",
		 "f_text",
		 "'f_text':{'new':'a\\nb\\nc'}",
		 {{1, ANA, "'f_text':{'new':'A\\nb\\nc','old':'a\\nb\\nc','saw':'$0'}", "applied"},
		  {2, BEN, "'f_text':{'new':'a\\nb\\nC','old':'a\\nb\\nc','saw':'$0'}", "merged"}},
		 "'A\\nb\\nC'",
		 "decided"},
		{"an overlap goes to the next rule",
		 "f_text",
		 "'f_text':{'new':'a\\nb'}",
		 {{1, ANA, "'f_text':{'new':'x\\nb','old':'a\\nb','saw':'$0'}", "applied"},
		  {2, BEN, "'f_text':{'new':'y\\nb','old':'a\\nb','saw':'$0'}", "queued"}},
		 "'x\\nb'",
		 "open"},
	};

	RUN(*state, cases);
}

static void text_merge_cases(void **state)
{
	static const struct {
		const char *base, *ours, *theirs, *merged;
	} cases[] = {
		{"a\nb\nc", "a\nb\nc", "a\nb\nc", "a\nb\nc"},
		{"a\nb\nc", "x\nb\nc", "a\nb\nc", "x\nb\nc"},
		{"a\nb\nc", "a\nb\nc\nd", "0\na\nb\nc", "0\na\nb\nc\nd"},
		{"a\nb\nc", "b\nc", "a\nb", "b"},
		{"a\nb\nc", "a\nx\nc", "a\nx\nc", "a\nx\nc"},
		{"a\nb\nc", "a\nx\nc", "a\ny\nc", NULL},
		{"a\nb\nc", "x\nb\nc", "a\ny\nc", NULL}, /* no common line between */
		{"", "x", "", "x"},
		{"", "x", "y", NULL},
		{"a", "", "a", ""},
		{"a\nb\nc\nd\ne", "a\nB\nc\nd\ne", "a\nb\nc\nD\ne\nf", "a\nB\nc\nD\ne\nf"},
		{"a\na\nb", "a\nb", "a\na\nb\nc", "a\nb\nc"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *out;
		enum rep_code rc =
			rep_text_merge(cases[i].base, cases[i].ours, cases[i].theirs, &out);
		assert_int_equal(rc, cases[i].merged ? REP_OK : REP_EINVAL);
		if (cases[i].merged)
			assert_string_equal(out, cases[i].merged);
		free(out);
	}
}

/* ---- by parts ---- */

static void sets_maps_lists_and_sums(void **state)
{
	static const struct fold_case cases[] = {
		{"a set takes every add",
		 "f_set",
		 "'f_set':{'new':['a']}",
		 {{1, ANA, "'f_set':{'add':['b'],'remove':[],'seen':{}}", "applied"},
		  {2, BEN, "'f_set':{'add':['c'],'remove':['a'],'seen':{'\\\"a\\\"':'$0'}}",
		   "applied"}},
		 "['b','c']",
		 NULL},
		{"what is there already is equal, letters aside",
		 "f_set",
		 "'f_set':{'new':['a']}",
		 {{1, ANA, "'f_set':{'add':['A']}", "equal"}},
		 "['A']",
		 NULL},
		{"a removal of what another put again",
		 "f_set",
		 "'f_set':{'new':['a']}",
		 {{1, ANA, "'f_set':{'remove':['a'],'seen':{'\\\"a\\\"':'$0'}}", "applied"},
		  {2, BEN, "'f_set':{'add':['a'],'seen':{'\\\"a\\\"':'$1'}}", "applied"},
		  {3, ANA, "'f_set':{'remove':['a'],'seen':{'\\\"a\\\"':'$0'}}", "merged"}},
		 "null",
		 "decided"},
		{"a removal of what never was",
		 "f_set",
		 NULL,
		 {{1, ANA, "'f_set':{'remove':['z']}", "equal"}},
		 "null",
		 NULL},
		{"new and old are a difference",
		 "f_set",
		 "'f_set':{'new':['a','b']}",
		 {{1, ANA, "'f_set':{'new':['b','c'],'old':['a','b']}", "applied"}},
		 "['b','c']",
		 NULL},
		{"a map key by key",
		 "f_map",
		 "'f_map':{'new':{'QQ':'1'}}",
		 {{1, ANA, "'f_map':{'keys':{'MSN':{'new':'2'}}}", "applied"},
		  {2, BEN, "'f_map':{'keys':{'QQ':{'new':'3','saw':'$0'}}}", "applied"}},
		 "{'QQ':'3','MSN':'2'}",
		 NULL},
		{"one key twice",
		 "f_map",
		 "'f_map':{'new':{'QQ':'1'}}",
		 {{1, ANA, "'f_map':{'keys':{'QQ':{'new':'2','saw':'$0'}}}", "applied"},
		  {2, BEN, "'f_map':{'keys':{'QQ':{'new':null,'saw':'$0'}}}", "merged"}},
		 "null",
		 "decided"},
		{"a list only grows",
		 "f_list",
		 NULL,
		 {{1, ANA, "'f_list':{'entry':{'note':'x'}}", "applied"},
		  {2, BEN, "'f_list':{'entry':{'note':'y'}}", "applied"}},
		 "[{'note':'x','by':'ana','at':'2026-03-16T01:01:00.000Z',"
		 "'entry':'2026-03-16T01:01:00.000Z-0000@devaaaaa'},"
		 "{'note':'y','by':'ben','at':'2026-03-16T01:02:00.000Z',"
		 "'entry':'2026-03-16T01:02:00.000Z-0000@devbbbbb'}]",
		 NULL},
		{"a sum adds",
		 "f_sum",
		 "'f_sum':{'new':5}",
		 {{1, ANA, "'f_sum':{'delta':3}", "applied"},
		  {2, BEN, "'f_sum':{'delta':-1}", "applied"}},
		 "7",
		 NULL},
		{"a sum that is set begins anew",
		 "f_sum",
		 "'f_sum':{'new':5}",
		 {{1, ANA, "'f_sum':{'delta':3}", "applied"},
		  {2, BEN, "'f_sum':{'set':100}", "applied"},
		  {3, ANA, "'f_sum':{'delta':1}", "applied"}},
		 "101",
		 NULL},
		{"a sum stops at what JSON can hold",
		 "f_sum",
		 "'f_sum':{'new':9007199254740991}",
		 {{1, ANA, "'f_sum':{'delta':3}", "applied"}},
		 "9007199254740991",
		 NULL},
		{"a malformed field is told of, the rest goes on",
		 "f_latest",
		 NULL,
		 {{1, ANA, "'f_latest':{'value':3},'f_sum':{'delta':1}", "rejected"}},
		 "null",
		 NULL},
	};

	RUN(*state, cases);
}

/* ---- groups ---- */

static void a_group_conflicts_as_one(void **state)
{
	static const struct fold_case cases[] = {
		{"each changed the other field",
		 "feast",
		 "'day':{'new':'08-15'},'calendar':{'new':'solar'}",
		 {{1, ANA, "'day':{'new':'09-01','saw':'$0'}", "applied"},
		  {2, BEN, "'calendar':{'new':'lunar','saw':'$0'}", "queued"}},
		 "null",
		 "open"},
		{"who saw either field of it saw it all",
		 "feast",
		 "'day':{'new':'08-15'},'calendar':{'new':'solar'}",
		 {{1, ANA, "'day':{'new':'09-01','saw':'$0'}", "applied"},
		  {2, BEN, "'calendar':{'new':'lunar','saw':'$1'}", "applied"}},
		 "null",
		 NULL},
	};
	struct rep_folded folded = {0};
	struct company *company = *state;
	char outcome[16], line[200];

	RUN(company, cases);
	start_record(&folded, company, "'day':{'new':'08-15'},'calendar':{'new':'solar'}");
	snprintf(line, sizeof(line), "{'values':{'day':{'new':'09-01','saw':'%s'}}}", at(0, HUB));
	fold_line(&folded, company, REP_OP_UPDATE, at(1, ANA), line, outcome, "day");
	assert_string_equal(rep_record_stamp(folded.record, "calendar"), at(1, ANA));
	rep_folded_clear(&folded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_four_cases_of_detection),
		cmocka_unit_test(rules_that_compare_stamps_and_values),
		cmocka_unit_test(rules_that_ask_the_organisation),
		cmocka_unit_test(texts_merge_by_line),
		cmocka_unit_test(text_merge_cases),
		cmocka_unit_test(sets_maps_lists_and_sums),
		cmocka_unit_test(a_group_conflicts_as_one),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, company_set_up, company_tear_down);
}
