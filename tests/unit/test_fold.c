/*
 * The fold, rule by rule. Every case is one record: an insert by the hub at minute 0 and then edits in the
 * order of the fold. `saw` stands for the stamp of the insert ($0) or of the n-th edit ($n).
 */
#include <stdio.h>

#include "unit/help_rules.h"

#include "core/base/limits.h"
#include "core/model/fold_run.h"

static int set_up(void **state)
{
	*state = company_new();
	return 0;
}

static int tear_down(void **state)
{
	company_free(*state);
	return 0;
}

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

/* Replaces $n by the stamp of the n-th edit. */
static char *with_stamps(const char *text, char stamps[][64])
{
	struct rep_buf buf = REP_BUF_INIT(REP_LINE_SIZE_MAX);

	for (; *text; text++) {
		if (*text == '$' && text[1] >= '0' && text[1] <= '9')
			rep_buf_puts(&buf, stamps[*++text - '0']);
		else
			rep_buf_putc(&buf, *text);
	}
	return rep_buf_take(&buf);
}

static void fold_line(struct rep_folded *folded, const struct company *company, enum rep_op op,
		      const char *stamp, const char *line, char *outcome, const char *field)
{
	struct rep_edit *edit = edit_new(op, "thing", "T-1", stamp, line);
	struct rep_error err = {0};
	struct rep_json *out;
	const char *found;

	expect_ok(rep_fold(folded, edit, &company->context, &out, &err), &err);
	found = rep_json_get_string(rep_json_get(rep_json_get(out, "fields"), field), "outcome");
	if (!found)
		found = rep_json_get_string(out, "outcome");
	strcpy(outcome, found);
	rep_json_free(out);
	edit_free(edit);
}

static void start(struct rep_folded *folded, const struct company *company, const char *insert)
{
	char line[600], outcome[16];

	snprintf(line, sizeof(line), "{'values':{'name':{'new':'n'},'account':{'new':'A-1'}%s%s}}",
		 insert ? "," : "", insert ? insert : "");
	fold_line(folded, company, REP_OP_INSERT, at(0, HUB), line, outcome, "name");
	assert_string_equal(outcome, "applied");
}

static const char *item_state(const struct rep_folded *folded, const char *field)
{
	char id[40];
	const struct rep_record *item;

	rep_review_conflict_id(id, "thing", "T-1", field);
	item = rep_folded_review(folded, id);
	return item ? rep_json_string_value(rep_record_value(item, "state")) : NULL;
}

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

	start(&folded, company, one->insert);
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
		bool clean = rep_text_merge(cases[i].base, cases[i].ours, cases[i].theirs, &out);
		assert_int_equal(clean, cases[i].merged != NULL);
		if (clean)
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
	start(&folded, company, "'day':{'new':'08-15'},'calendar':{'new':'solar'}");
	snprintf(line, sizeof(line), "{'values':{'day':{'new':'09-01','saw':'%s'}}}", at(0, HUB));
	fold_line(&folded, company, REP_OP_UPDATE, at(1, ANA), line, outcome, "day");
	assert_string_equal(rep_record_stamp(folded.record, "calendar"), at(1, ANA));
	rep_folded_clear(&folded);
}

/* ---- items ---- */

static void an_item_keeps_every_rival_in_order(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char outcome[16], line[200], id[40];

	start(&folded, company, "'f_review':{'new':'a'}");
	for (unsigned i = 1; i <= 3; i++) {
		const char *devices[] = {ANA, BEN, CLEO};
		snprintf(line, sizeof(line), "{'values':{'f_review':{'new':'v%u','saw':'%s'}}}", i,
			 at(0, HUB));
		fold_line(&folded, company, REP_OP_UPDATE, at(i, devices[i - 1]), line, outcome,
			  "f_review");
	}
	rep_review_conflict_id(id, "thing", "T-1", "f_review");
	const struct rep_record *item = rep_folded_review(&folded, id);
	struct rep_json *expected =
		quoted_json("[{'device':'devaaaaa','rep':'ana','rule':'review','value':'v1',"
			    "'stamp':'2026-03-16T01:01:00.000Z-0000@devaaaaa'},"
			    "{'device':'devbbbbb','rep':'ben','rule':'review','value':'v2',"
			    "'stamp':'2026-03-16T01:02:00.000Z-0000@devbbbbb'},"
			    "{'device':'devccccc','rep':'cleo','rule':'review','value':'v3',"
			    "'stamp':'2026-03-16T01:03:00.000Z-0000@devccccc'}]");
	assert_true(rep_json_equal(rep_record_value(item, "rivals"), expected));
	assert_string_equal(rep_json_string_value(rep_record_value(item, "winner")), at(1, ANA));
	assert_string_equal(rep_json_string_value(rep_record_value(item, "field")), "f_review");
	assert_string_equal(item->created.text, at(2, BEN));
	assert_string_equal(item->partition, "A-1");
	rep_json_free(expected);
	rep_folded_clear(&folded);
}

static void rivals_are_bounded_and_the_winner_is_kept(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char outcome[16], line[200], id[40];

	start(&folded, company, "'f_review':{'new':'a'}");
	for (unsigned i = 1; i <= 130; i++) {
		snprintf(line, sizeof(line), "{'values':{'f_review':{'new':'v%u','saw':'%s'}}}", i,
			 at(0, HUB));
		fold_line(&folded, company, REP_OP_UPDATE, at(i, i == 1 ? ANA : BEN), line, outcome,
			  "f_review");
	}
	rep_review_conflict_id(id, "thing", "T-1", "f_review");
	const struct rep_json *rivals = rep_record_value(rep_folded_review(&folded, id), "rivals");
	assert_int_equal(rep_json_size(rivals), 100);
	assert_string_equal(rep_json_get_string(rep_json_at(rivals, 0), "value"), "v1");
	assert_string_equal(rep_json_get_string(rep_json_at(rivals, 1), "value"), "v32");
	rep_folded_clear(&folded);
}

static void a_restricted_field_makes_a_restricted_item(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char outcome[16], line[200];

	start(&folded, company, "'f_secret':{'new':'a'}");
	snprintf(line, sizeof(line), "{'values':{'f_secret':{'new':'b','saw':'%s'}}}", at(0, HUB));
	fold_line(&folded, company, REP_OP_UPDATE, at(1, BEN), line, outcome, "f_secret");
	fold_line(&folded, company, REP_OP_UPDATE, at(2, CLEO), line, outcome, "f_secret");
	assert_int_equal(folded.reviews_len, 0); /* the same value */
	snprintf(line, sizeof(line), "{'values':{'f_secret':{'new':'c','saw':'%s'}}}", at(0, HUB));
	fold_line(&folded, company, REP_OP_UPDATE, at(3, BEN), line, outcome, "f_secret");
	assert_int_equal(folded.reviews_len, 1);
	assert_string_equal(folded.reviews[0]->twin, "secret");
	rep_folded_clear(&folded);
}

/* Makes an open conflict of `f_review`: a, b of ana at minute 1, c of ben at minute 2. */
static void make_open(struct rep_folded *folded, const struct company *company, char *id)
{
	char outcome[16], line[200];

	start(folded, company, "'f_review':{'new':'a'}");
	snprintf(line, sizeof(line), "{'values':{'f_review':{'new':'b','saw':'%s'}}}", at(0, HUB));
	fold_line(folded, company, REP_OP_UPDATE, at(1, ANA), line, outcome, "f_review");
	snprintf(line, sizeof(line), "{'values':{'f_review':{'new':'c','saw':'%s'}}}", at(0, HUB));
	fold_line(folded, company, REP_OP_UPDATE, at(2, BEN), line, outcome, "f_review");
	assert_string_equal(outcome, "queued");
	rep_review_conflict_id(id, "thing", "T-1", "f_review");
}

static void a_resolve_that_names_all_rivals_closes(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char outcome[16], line[600], id[40];

	make_open(&folded, company, id);
	snprintf(line, sizeof(line),
		 "{'item':'%s','rivals':['%s','%s'],'values':{'f_review':{'new':'c','saw':'%s'}}}",
		 id, at(1, ANA), at(2, BEN), at(1, ANA));
	fold_line(&folded, company, REP_OP_RESOLVE, at(3, MAX), line, outcome, "f_review");
	assert_string_equal(outcome, "applied");
	assert_string_equal(item_state(&folded, "f_review"), "decided");
	const struct rep_record *item = rep_folded_review(&folded, id);
	assert_string_equal(rep_json_string_value(rep_record_value(item, "decided_by")), "max");
	assert_string_equal(rep_json_string_value(rep_record_value(item, "winner")), at(3, MAX));
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "f_review")),
			    "c");
	rep_folded_clear(&folded);
}

static void a_rival_that_a_resolve_does_not_name_keeps_it_open(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char outcome[16], line[600], id[40];

	make_open(&folded, company, id);
	snprintf(line, sizeof(line), "{'values':{'f_review':{'new':'d','saw':'%s'}}}", at(0, HUB));
	fold_line(&folded, company, REP_OP_UPDATE, at(3, CLEO), line, outcome, "f_review");
	snprintf(line, sizeof(line),
		 "{'item':'%s','rivals':['%s','%s'],'values':{'f_review':{'new':'c','saw':'%s'}}}",
		 id, at(1, ANA), at(2, BEN), at(1, ANA));
	fold_line(&folded, company, REP_OP_RESOLVE, at(4, MAX), line, outcome, "f_review");
	assert_string_equal(outcome, "applied");
	assert_string_equal(item_state(&folded, "f_review"), "open");
	rep_folded_clear(&folded);
}

static void a_resolve_without_values_keeps_what_stands(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char outcome[16], line[600], id[40];

	make_open(&folded, company, id);
	snprintf(line, sizeof(line), "{'item':'%s','rivals':['%s','%s']}", id, at(1, ANA),
		 at(2, BEN));
	fold_line(&folded, company, REP_OP_RESOLVE, at(3, MAX), line, outcome, "f_review");
	assert_string_equal(item_state(&folded, "f_review"), "decided");
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "f_review")),
			    "b");
	rep_folded_clear(&folded);
}

static void two_resolves_that_did_not_know_of_each_other_open_it_again(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char outcome[16], line[600], id[40];

	make_open(&folded, company, id);
	snprintf(line, sizeof(line),
		 "{'item':'%s','rivals':['%s','%s'],'values':{'f_review':{'new':'c','saw':'%s'}}}",
		 id, at(1, ANA), at(2, BEN), at(1, ANA));
	fold_line(&folded, company, REP_OP_RESOLVE, at(3, MAX), line, outcome, "f_review");
	snprintf(line, sizeof(line),
		 "{'item':'%s','rivals':['%s','%s'],'values':{'f_review':{'new':'e','saw':'%s'}}}",
		 id, at(1, ANA), at(2, BEN), at(1, ANA));
	fold_line(&folded, company, REP_OP_RESOLVE, at(4, SUE), line, outcome, "f_review");
	assert_string_equal(outcome, "queued");
	assert_string_equal(item_state(&folded, "f_review"), "open");
	assert_null(rep_record_value(rep_folded_review(&folded, id), "decided_by"));
	rep_folded_clear(&folded);
}

/* ---- proposals ---- */

static struct rep_json *fold_judged(struct rep_folded *folded, const struct company *company,
				    enum rep_op op, const char *entity, const char *id,
				    const char *stamp, const char *line, const char *verdict)
{
	struct rep_edit *edit = edit_new(op, entity, id, stamp, line);
	struct rep_error err = {0};
	struct rep_json *out;

	edit->verdict = verdict ? quoted_json(verdict) : NULL;
	expect_ok(rep_fold(folded, edit, &company->context, &out, &err), &err);
	edit_free(edit);
	return out;
}

static void a_proposal_changes_nothing_until_it_is_accepted(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char line[600], item[40];
	struct rep_json *out;

	start(&folded, company, "'f_central':{'new':'a'}");
	snprintf(line, sizeof(line),
		 "{'reason':'heard','values':{'f_central':{'new':'b','old':'a','saw':'%s'},"
		 "'f_latest':{'new':'x'}}}",
		 at(0, HUB));
	out = fold_judged(&folded, company, REP_OP_UPDATE, "thing", "T-1", at(1, ANA), line,
			  "{'f_central':{'outcome':'proposed','code':'no-right'}}");
	assert_string_equal(rep_json_get_string(out, "outcome"), "proposed");
	strcpy(item,
	       rep_json_get_string(rep_json_get(rep_json_get(out, "fields"), "f_central"), "item"));
	rep_json_free(out);
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "f_central")),
			    "a");
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "f_latest")),
			    "x");
	const struct rep_record *proposal = rep_folded_review(&folded, item);
	struct rep_json *fields = quoted_json(
		"{'device':'devaaaaa','entity':'thing','reason':'heard','record':'T-1','rep':'ana',"
		"'saw':{'f_central':'2026-03-16T01:00:00.000Z-0000@hub00000'},'state':'open',"
		"'to':'steward','values':{'f_central':{'new':'b','old':'a'}}}");
	assert_true(rep_json_equal(proposal->fields, fields));
	rep_json_free(fields);
	snprintf(line, sizeof(line),
		 "{'item':'%s','decision':'accept','values':{'f_central':{'new':'b','saw':'%s'}}}",
		 item, at(0, HUB));
	rep_json_free(fold_judged(&folded, company, REP_OP_RESOLVE, "thing", "T-1", at(2, SUE),
				  line, NULL));
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "f_central")),
			    "b");
	assert_string_equal(rep_record_stamp(folded.record, "f_central"), at(2, SUE));
	assert_string_equal(rep_json_string_value(rep_record_value(proposal, "state")), "accepted");
	assert_string_equal(rep_json_string_value(rep_record_value(proposal, "decided_by")), "sue");
	rep_folded_clear(&folded);
}

static void decisions_close_a_proposal_once(void **state)
{
	static const struct {
		const char *device, *decision, *state;
	} cases[] = {
		{SUE, "decline", "declined"},
		{ANA, "withdraw", "withdrawn"},
		{BEN, "withdraw", "open"}, /* not the author */
		{HUB, "expire", "expired"},
	};
	struct company *company = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rep_folded folded = {0};
		char line[300];
		start(&folded, company, NULL);
		rep_json_free(
			fold_judged(&folded, company, REP_OP_UPDATE, "thing", "T-1", at(1, ANA),
				    "{'values':{'f_central':{'new':'b'}}}",
				    "{'f_central':{'outcome':'proposed','code':'no-right'}}"));
		const struct rep_record *item = folded.reviews[0];
		snprintf(line, sizeof(line), "{'item':'%s','decision':'%s'}", item->id,
			 cases[i].decision);
		rep_json_free(fold_judged(&folded, company, REP_OP_RESOLVE, "thing", "T-1",
					  at(2, cases[i].device), line, NULL));
		assert_string_equal(rep_json_string_value(rep_record_value(item, "state")),
				    cases[i].state);
		rep_json_free(fold_judged(&folded, company, REP_OP_RESOLVE, "thing", "T-1",
					  at(3, SUE), line, NULL));
		if (strcmp(cases[i].state, "open") != 0)
			assert_string_equal(rep_json_string_value(rep_record_value(item, "state")),
					    cases[i].state);
		rep_folded_clear(&folded);
	}
}

static void a_proposal_never_tells_more_than_its_class(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	struct rep_json *out;

	start(&folded, company, NULL);
	out = fold_judged(&folded, company, REP_OP_UPDATE, "thing", "T-1", at(1, BEN),
			  "{'values':{'f_central':{'new':'b'},'f_secret':{'new':'hidden'}}}",
			  "{'*':{'outcome':'proposed','code':'out-of-territory'}}");
	assert_string_equal(rep_json_get_string(out, "outcome"), "proposed");
	assert_string_equal(rep_json_get_string(out, "code"), "out-of-territory");
	rep_json_free(out);
	assert_int_equal(folded.reviews_len, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct rep_record *item = folded.reviews[i];
		const struct rep_json *values = rep_record_value(item, "values");
		assert_int_equal(rep_json_size(values), 1);
		assert_int_equal(item->twin != NULL, rep_json_get(values, "f_secret") != NULL);
		assert_string_equal(rep_json_string_value(rep_record_value(item, "to")),
				    item->twin ? "ana" : "steward");
	}
	rep_folded_clear(&folded);
}

static void an_accepted_insert_makes_the_record_in_both_names(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char line[300];

	rep_json_free(fold_judged(&folded, company, REP_OP_INSERT, "thing", "T-9", at(1, BEN),
				  "{'values':{'name':{'new':'n'},'account':{'new':'A-1'}}}",
				  "{'*':{'outcome':'proposed','code':'out-of-territory'}}"));
	assert_null(folded.record);
	assert_int_equal(folded.reviews_len, 1);
	assert_string_equal(folded.reviews[0]->partition, "A-1");
	snprintf(
		line, sizeof(line),
		"{'item':'%s','decision':'accept','values':{'name':{'new':'n'},'account':{'new':'A-1'}}}",
		folded.reviews[0]->id);
	rep_json_free(fold_judged(&folded, company, REP_OP_RESOLVE, "thing", "T-9", at(2, ANA),
				  line, NULL));
	assert_non_null(folded.record);
	assert_string_equal(folded.record->created_rep, "ben");
	assert_string_equal(folded.record->created.text, at(2, ANA));
	assert_string_equal(
		rep_json_string_value(rep_record_value(folded.reviews[0], "decided_by")), "ana");
	rep_folded_clear(&folded);
}

/* ---- whole records ---- */

struct delete_case {
	const char *what, *entity;
	struct {
		enum rep_op op;
		unsigned minute;
		const char *device, *line, *outcome;
	} steps[4];
	bool deleted;
	const char *name;
	bool item;
};

static void deletes_against_updates(void **state)
{
	static const struct delete_case cases[] = {
		{"a delete that saw everything",
		 "softdel",
		 {{REP_OP_DELETE, 1, ANA, "{'values':{'name':{'old':'n','saw':'$0'}}}", "applied"}},
		 true,
		 "n",
		 false},
		{"update-wins: an update that the delete did not see",
		 "softdel",
		 {{REP_OP_UPDATE, 1, BEN, "{'values':{'name':{'new':'m','saw':'$0'}}}", "applied"},
		  {REP_OP_DELETE, 2, ANA, "{'values':{'name':{'old':'n','saw':'$0'}}}", "lost"}},
		 false,
		 "m",
		 true},
		{"update-wins: an update of what is deleted",
		 "softdel",
		 {{REP_OP_DELETE, 1, ANA, "{'values':{'name':{'old':'n','saw':'$0'}}}", "applied"},
		  {REP_OP_UPDATE, 2, BEN, "{'values':{'name':{'new':'m','saw':'$0'}}}", "merged"}},
		 false,
		 "m",
		 true},
		{"delete-wins: an update that the delete did not see",
		 "harddel",
		 {{REP_OP_UPDATE, 1, BEN, "{'values':{'name':{'new':'m','saw':'$0'}}}", "applied"},
		  {REP_OP_DELETE, 2, ANA, "{'values':{'name':{'old':'n','saw':'$0'}}}", "merged"}},
		 true,
		 "m",
		 true},
		{"delete-wins: an update of what is deleted",
		 "harddel",
		 {{REP_OP_DELETE, 1, ANA, "{'values':{'name':{'old':'n','saw':'$0'}}}", "applied"},
		  {REP_OP_UPDATE, 2, BEN, "{'values':{'name':{'new':'m','saw':'$0'}}}", "lost"}},
		 true,
		 "n",
		 true},
		{"an entry and an element that the delete did not see",
		 "softdel",
		 {{REP_OP_UPDATE, 1, BEN, "{'values':{'log':{'entry':{'note':'x'}}}}", "applied"},
		  {REP_OP_DELETE, 2, ANA, "{'values':{'log':{'old':[]}}}", "lost"}},
		 false,
		 "n",
		 true},
		{"an element that the delete did not see",
		 "softdel",
		 {{REP_OP_UPDATE, 1, BEN, "{'values':{'tags':{'add':['t']}}}", "applied"},
		  {REP_OP_DELETE, 2, ANA, "{'values':{}}", "lost"}},
		 false,
		 "n",
		 true},
		{"an element that it saw",
		 "softdel",
		 {{REP_OP_UPDATE, 1, BEN, "{'values':{'tags':{'add':['t']}}}", "applied"},
		  {REP_OP_DELETE, 2, ANA, "{'values':{'tags':{'seen':{'\\\"t\\\"':'$1'}}}}",
		   "applied"}},
		 true,
		 "n",
		 false},
		{"one's own later write is no rival",
		 "softdel",
		 {{REP_OP_UPDATE, 1, ANA, "{'values':{'name':{'new':'m','saw':'$0'}}}", "applied"},
		  {REP_OP_DELETE, 2, ANA, "{'values':{'name':{'saw':'$0'}}}", "applied"}},
		 true,
		 "m",
		 false},
		{"a restore that saw the tombstone",
		 "harddel",
		 {{REP_OP_DELETE, 1, ANA, "{'values':{'name':{'saw':'$0'}}}", "applied"},
		  {REP_OP_RESTORE, 2, BEN, "{'saw':'$1'}", "applied"}},
		 false,
		 "n",
		 false},
		{"a restore of another tombstone",
		 "harddel",
		 {{REP_OP_DELETE, 1, ANA, "{'values':{'name':{'saw':'$0'}}}", "applied"},
		  {REP_OP_RESTORE, 2, BEN, "{'saw':'$0'}", "lost"}},
		 true,
		 "n",
		 true},
		{"an insert says that it exists",
		 "harddel",
		 {{REP_OP_DELETE, 1, ANA, "{'values':{'name':{'saw':'$0'}}}", "applied"},
		  {REP_OP_INSERT, 2, BEN, "{'values':{'name':{'new':'m'}}}", "merged"}},
		 false,
		 "m",
		 false},
		{"never",
		 "keepall",
		 {{REP_OP_DELETE, 1, ANA, "{'values':{'name':{'saw':'$0'}}}", "rejected"}},
		 false,
		 "n",
		 false},
		{"merged records go on",
		 "harddel",
		 {{REP_OP_ALIAS, 1, SUE, "{'into':'S-0'}", "applied"},
		  {REP_OP_UPDATE, 2, ANA, "{'values':{'name':{'new':'m','saw':'$0'}}}", "applied"}},
		 true,
		 "m",
		 false},
		{"and are taken apart again",
		 "harddel",
		 {{REP_OP_ALIAS, 1, SUE, "{'into':'S-0'}", "applied"},
		  {REP_OP_UNALIAS, 2, SUE, "{'into':'S-0'}", "applied"}},
		 false,
		 "n",
		 false},
		{"from whom they were joined with only",
		 "harddel",
		 {{REP_OP_ALIAS, 1, SUE, "{'into':'S-0'}", "applied"},
		  {REP_OP_UNALIAS, 2, SUE, "{'into':'S-7'}", "equal"}},
		 true,
		 "n",
		 false},
	};
	struct company *company = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct delete_case *one = &cases[i];
		struct rep_folded folded = {0};
		char stamps[5][64], item[40];
		rep_json_free(fold_judged(
			&folded, company, REP_OP_INSERT, one->entity, "S-1", at(0, HUB),
			"{'values':{'name':{'new':'n'},'account':{'new':'A-1'}}}", NULL));
		strcpy(stamps[0], at(0, HUB));
		for (size_t j = 0; j < 4 && one->steps[j].minute; j++) {
			char *line = with_stamps(one->steps[j].line, stamps);
			strcpy(stamps[j + 1], at(one->steps[j].minute, one->steps[j].device));
			struct rep_json *out =
				fold_judged(&folded, company, one->steps[j].op, one->entity, "S-1",
					    stamps[j + 1], line, NULL);
			if (strcmp(rep_json_get_string(out, "outcome"), one->steps[j].outcome) != 0)
				fail_msg("%s: step %zu is %s", one->what, j + 1,
					 rep_json_get_string(out, "outcome"));
			rep_json_free(out);
			free(line);
		}
		rep_review_conflict_id(item, one->entity, "S-1", "*");
		if ((folded.record->deleted != NULL) != one->deleted ||
		    (rep_folded_review(&folded, item) != NULL) != one->item)
			fail_msg("%s: deleted %d, item %d", one->what,
				 folded.record->deleted != NULL,
				 rep_folded_review(&folded, item) != NULL);
		assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "name")),
				    one->name);
		rep_folded_clear(&folded);
	}
}

static void a_delete_of_what_is_only_archived(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	struct rep_json *out;

	start(&folded, company, NULL);
	out = fold_judged(&folded, company, REP_OP_DELETE, "thing", "T-1", at(1, ANA),
			  "{'values':{}}", "{'*':{'outcome':'proposed','code':'archive'}}");
	assert_string_equal(rep_json_get_string(out, "outcome"), "proposed");
	rep_json_free(out);
	struct rep_json *values = quoted_json("{'status':{'new':'archived'}}");
	assert_true(rep_json_equal(rep_record_value(folded.reviews[0], "values"), values));
	rep_json_free(values);
	assert_null(rep_record_value(folded.record, "status"));
	rep_json_free(fold_judged(&folded, company, REP_OP_DELETE, "thing", "T-1", at(2, SUE),
				  "{'values':{}}", NULL));
	assert_null(folded.record->deleted);
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "status")),
			    "archived");
	rep_folded_clear(&folded);
}

static void two_inserts_are_one_record(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	struct rep_json *out;

	start(&folded, company, "'f_set':{'new':['a']},'f_list':{'new':[{'note':'1'}]}");
	out = fold_judged(
		&folded, company, REP_OP_INSERT, "thing", "T-1", at(1, ANA),
		"{'values':{'name':{'new':'m'},'account':{'new':'A-1'},'f_set':{'new':['b']},"
		"'f_list':{'new':[{'note':'2'}]},'f_latest':{'new':'x'},'f_role':{'new':null}}}",
		NULL);
	assert_string_equal(rep_json_get_string(out, "outcome"), "merged");
	rep_json_free(out);
	assert_string_equal(folded.record->created.text, at(0, HUB));
	assert_int_equal(rep_json_size(rep_record_value(folded.record, "f_set")), 2);
	assert_int_equal(rep_json_size(rep_record_value(folded.record, "f_list")), 2);
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "f_latest")),
			    "x");
	assert_string_equal(item_state(&folded, "name"), "decided");
	rep_folded_clear(&folded);
}

static void an_insert_has_only_its_own_stamp_and_its_presets(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};

	start(&folded, company, "'f_set':{'add':['a','b']},'f_sum':{'delta':4},'day':{'new':'1'}");
	assert_int_equal(rep_json_size(folded.record->stamps), 1);
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "stage")),
			    "draft");
	assert_string_equal(folded.record->partition, "A-1");
	rep_folded_clear(&folded);
}

static void flags_go_to_record_and_outcome(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	struct rep_json *out;

	out = fold_judged(&folded, company, REP_OP_INSERT, "visit", "V-1", at(1, ANA),
			  "{'values':{'what':{'new':'x'},'account':{'new':'A-9'}}}",
			  "{'*':{'flags':['out-of-territory']}}");
	assert_string_equal(rep_json_get_string(out, "outcome"), "applied");
	assert_int_equal(rep_json_size(rep_json_get(out, "flags")), 1);
	assert_int_equal(rep_json_size(folded.record->flags), 1);
	rep_json_free(out);
	rep_folded_clear(&folded);
}

static void what_cannot_be_folded_is_an_outcome(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	static const struct {
		enum rep_op op;
		const char *entity, *line, *code;
	} cases[] = {
		{REP_OP_UPDATE, "thing", "{'values':{'name':{'new':'x'}}}", "no-record"},
		{REP_OP_DELETE, "thing", "{'values':{}}", "no-record"},
		{REP_OP_RESTORE, "thing", "{}", "no-record"},
		{REP_OP_ALIAS, "thing", "{}", "no-record"},
		{REP_OP_RESOLVE, "thing", "{'item':'x'}", "no-record"},
		{REP_OP_ERASE, "thing", "{}", "op"},
		{REP_OP_INSERT, "nothing", "{'values':{}}", "unknown-entity"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rep_json *out = fold_judged(&folded, company, cases[i].op, cases[i].entity,
						   "T-1", at(1, ANA), cases[i].line, NULL);
		assert_string_equal(rep_json_get_string(out, "outcome"), "rejected");
		assert_string_equal(rep_json_get_string(out, "code"), cases[i].code);
		assert_null(folded.record);
		rep_json_free(out);
	}
}

static void a_record_moves_with_its_reference_and_its_items_too(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char id[40], line[200];

	make_open(&folded, company, id);
	snprintf(line, sizeof(line), "{'values':{'account':{'new':'A-2','saw':'%s'}}}", at(0, HUB));
	rep_json_free(fold_judged(&folded, company, REP_OP_UPDATE, "thing", "T-1", at(3, ANA), line,
				  NULL));
	assert_string_equal(folded.record->partition, "A-2");
	assert_string_equal(rep_folded_review(&folded, id)->partition, "A-2");
	snprintf(line, sizeof(line), "{'values':{'account':{'new':null,'saw':'%s'}}}", at(3, ANA));
	rep_json_free(fold_judged(&folded, company, REP_OP_UPDATE, "thing", "T-1", at(4, ANA), line,
				  NULL));
	assert_string_equal(folded.record->partition, "T-1");
	rep_folded_clear(&folded);
}

static void partitions_follow_the_declared_steps(void **state)
{
	static const struct {
		const char *entity, *id, *fields, *author, *partition;
	} cases[] = {
		{"account", "A-7", "{}", "ana", "A-7"},
		{"thing", "T-1", "{'account':'A-1'}", "ana", "A-1"},
		{"thing", "T-1", "{}", "ana", "T-1"},
		{"softdel", "S-1", "{}", "ana", "desk"},
		{"visit", "V-1", "{'account':'A-1'}", "ana", "A-1"},
		{"visit", "V-1", "{}", "ben", "team-t1"},
		{"visit", "V-1", "{}", "sue", "staff-sue"},
		{"employee", "ana", "{}", "hub", "company"},
		{"territory", "t1", "{}", "hub", "company"},
		{"device", "devaaaaa", "{}", "hub", "org"},
		{"role", "r", "{}", "hub", "org"},
		{"assignment", "a", "{'subject_entity':'employee','subject':'ana'}", "hub",
		 "company"},
		{"assignment", "a", "{'subject_entity':'account','subject':'A-1'}", "hub", "A-1"},
		{"assignment", "a", "{}", "hub", NULL},
	};
	struct company *company = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rep_buf out = REP_BUF_INIT(200);
		struct rep_json *fields = quoted_json(cases[i].fields);
		struct rep_error err = {0};
		enum rep_code rc = rep_partition_find(
			&out, rep_schema_entity(company->schema, cases[i].entity), cases[i].id,
			fields, cases[i].author, at(1, ANA), &company->context, &err);
		if (cases[i].partition) {
			expect_ok(rc, &err);
			assert_string_equal(rep_buf_str(&out), cases[i].partition);
		} else {
			expect_code(rc, REP_EINVAL, &err, NULL);
		}
		rep_buf_clear(&out);
		rep_json_free(fields);
	}
}

/* ---- previews, verdicts, lines ---- */

static void a_preview_folds_an_older_edit_onto_a_newer_record(void **state)
{
	static const struct {
		const char *field, *theirs, *mine, *value;
	} cases[] = {
		{"f_latest", "'b'", "'c'", "'b'"}, {"f_earliest", "'b'", "'c'", "'c'"},
		{"f_max", "3", "5", "5"},          {"f_review", "'b'", "'c'", "'c'"},
		{"f_owner", "'b'", "'c'", "'c'"}, /* mine is the primary's */
	};
	struct company *company = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rep_folded folded = {0};
		char line[300], outcome[16], insert[100];
		snprintf(insert, sizeof(insert), "'%s':{'new':%s}", cases[i].field,
			 strcmp(cases[i].field, "f_max") == 0 ? "1" : "'a'");
		start(&folded, company, insert);
		snprintf(line, sizeof(line), "{'values':{'%s':{'new':%s,'saw':'%s'}}}",
			 cases[i].field, cases[i].theirs, at(0, HUB));
		fold_line(&folded, company, REP_OP_UPDATE, at(9, BEN), line, outcome,
			  cases[i].field);
		snprintf(line, sizeof(line), "{'values':{'%s':{'new':%s,'saw':'%s'}}}",
			 cases[i].field, cases[i].mine, at(0, HUB));
		fold_line(&folded, company, REP_OP_UPDATE, at(5, ANA), line, outcome,
			  cases[i].field);
		struct rep_json *expected = quoted_json(cases[i].value);
		if (!rep_json_equal(rep_record_value(folded.record, cases[i].field), expected))
			fail_msg("%s", cases[i].field);
		rep_json_free(expected);
		rep_folded_clear(&folded);
	}
}

static void a_verdict_is_read_back_from_its_outcome(void **state)
{
	static const struct {
		const char *outcome, *verdict;
	} cases[] = {
		{"{'outcome':'applied'}", NULL},
		{"{'outcome':'rejected','code':'no-right'}",
		 "{'*':{'outcome':'rejected','code':'no-right'}}"},
		{"{'outcome':'rejected','code':'no-record'}", NULL},
		{"{'outcome':'rejected','fields':{'a':{'outcome':'rejected','code':'bad-value'},"
		 "'b':{'outcome':'merged','rule':'latest'},'c':{'outcome':'proposed','code':'desk','item':'x'}}}",
		 "{'a':{'outcome':'rejected','code':'bad-value'},'c':{'outcome':'proposed','code':'desk'}}"},
		{"{'outcome':'merged','rule':'update-wins','flags':['late-final']}",
		 "{'*':{'flags':['late-final']}}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rep_json *outcome = quoted_json(cases[i].outcome), *verdict, *expected;
		struct rep_error err = {0};
		expect_ok(rep_outcome_verdict(&verdict, outcome, &err), &err);
		expected = cases[i].verdict ? quoted_json(cases[i].verdict) : NULL;
		assert_true(rep_json_equal(verdict, expected));
		rep_json_free(outcome);
		rep_json_free(verdict);
		rep_json_free(expected);
	}
}

static bool is_refused(void *user, const char *field, const char *stamp)
{
	(void)field;
	return strcmp(stamp, user) == 0;
}

static void what_was_refused_is_not_seen(void **state)
{
	char refused[64], text[500];
	struct rep_json *line, *out, *expected;
	struct rep_error err = {0};

	(void)state;
	strcpy(refused, at(5, ANA));
	snprintf(
		text, sizeof(text),
		"{'values':{'a':{'new':1,'old':0,'saw':'%s'},'b':{'new':1,'saw':'%s'},"
		"'m':{'keys':{'k':{'new':1,'saw':'%s'}}},'s':{'add':['x'],'seen':{'x':'%s','y':'z'}}}}",
		refused, at(6, ANA), refused, refused);
	line = quoted_json(text);
	expect_ok(rep_edit_forget(&out, line, is_refused, refused, &err), &err);
	snprintf(
		text, sizeof(text),
		"{'values':{'a':{'new':1,'old':0},'b':{'new':1,'saw':'%s'},'m':{'keys':{'k':{'new':1}}},"
		"'s':{'add':['x'],'seen':{'y':'z'}}}}",
		at(6, ANA));
	expected = quoted_json(text);
	assert_true(rep_json_equal(out, expected));
	rep_json_free(line);
	line = out;
	expect_ok(rep_edit_forget(&out, line, is_refused, refused, &err), &err);
	assert_null(out);
	rep_json_free(line);
	rep_json_free(expected);
}

static void the_order_is_stamp_device_number_index(void **state)
{
	struct rep_edit a = {.stamp = at(1, ANA), .device = ANA, .seq = 1, .index = 1};
	struct rep_edit b = a;

	(void)state;
	assert_int_equal(rep_edit_compare(&a, &b), 0);
	b.index = 2;
	assert_true(rep_edit_compare(&a, &b) < 0);
	b.seq = 0;
	assert_true(rep_edit_compare(&a, &b) > 0);
	b.stamp = at(2, ANA);
	assert_true(rep_edit_compare(&a, &b) < 0);
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
		cmocka_unit_test(an_item_keeps_every_rival_in_order),
		cmocka_unit_test(rivals_are_bounded_and_the_winner_is_kept),
		cmocka_unit_test(a_restricted_field_makes_a_restricted_item),
		cmocka_unit_test(a_resolve_that_names_all_rivals_closes),
		cmocka_unit_test(a_rival_that_a_resolve_does_not_name_keeps_it_open),
		cmocka_unit_test(a_resolve_without_values_keeps_what_stands),
		cmocka_unit_test(two_resolves_that_did_not_know_of_each_other_open_it_again),
		cmocka_unit_test(a_proposal_changes_nothing_until_it_is_accepted),
		cmocka_unit_test(decisions_close_a_proposal_once),
		cmocka_unit_test(a_proposal_never_tells_more_than_its_class),
		cmocka_unit_test(an_accepted_insert_makes_the_record_in_both_names),
		cmocka_unit_test(deletes_against_updates),
		cmocka_unit_test(a_delete_of_what_is_only_archived),
		cmocka_unit_test(two_inserts_are_one_record),
		cmocka_unit_test(an_insert_has_only_its_own_stamp_and_its_presets),
		cmocka_unit_test(flags_go_to_record_and_outcome),
		cmocka_unit_test(what_cannot_be_folded_is_an_outcome),
		cmocka_unit_test(a_record_moves_with_its_reference_and_its_items_too),
		cmocka_unit_test(partitions_follow_the_declared_steps),
		cmocka_unit_test(a_preview_folds_an_older_edit_onto_a_newer_record),
		cmocka_unit_test(a_verdict_is_read_back_from_its_outcome),
		cmocka_unit_test(what_was_refused_is_not_seen),
		cmocka_unit_test(the_order_is_stamp_device_number_index),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
