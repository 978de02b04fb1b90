/* Whole records: deletes, restores, two inserts, partitions; previews, verdicts and value lines. */
#include <stdio.h>

#include "unit/help_fold.h"

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
		{"an edge is no part of the record: it goes on",
		 "harddel",
		 {{REP_OP_ALIAS, 1, SUE, "{'into':'S-0'}", "applied"},
		  {REP_OP_UPDATE, 2, ANA, "{'values':{'name':{'new':'m','saw':'$0'}}}", "applied"}},
		 false,
		 "m",
		 false},
		{"the same pair joined twice, and taken apart",
		 "harddel",
		 {{REP_OP_ALIAS, 1, SUE, "{'into':'S-0'}", "applied"},
		  {REP_OP_ALIAS, 2, MAX, "{'into':'S-0'}", "equal"},
		  {REP_OP_UNALIAS, 3, SUE, "{'into':'S-0'}", "applied"}},
		 false,
		 "n",
		 false},
		{"taken apart from whom it was not joined with",
		 "harddel",
		 {{REP_OP_ALIAS, 1, SUE, "{'into':'S-0'}", "applied"},
		  {REP_OP_UNALIAS, 2, SUE, "{'into':'S-7'}", "equal"}},
		 false,
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

	start_record(&folded, company, NULL);
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

	start_record(&folded, company, "'f_set':{'new':['a']},'f_list':{'new':[{'note':'1'}]}");
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

	start_record(&folded, company,
		     "'f_set':{'add':['a','b']},'f_sum':{'delta':4},'day':{'new':'1'}");
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

static void an_erased_record_keeps_its_place_and_its_author_and_is_never_revived(void **state)
{
	static const struct {
		enum rep_op op;
		const char *line;
	} later[] = {
		{REP_OP_UPDATE, "{'values':{'name':{'new':'y'}}}"},
		{REP_OP_INSERT, "{'values':{'name':{'new':'z'},'account':{'new':'A-1'}}}"},
		{REP_OP_RESTORE, "{}"},
	};
	struct company *company = *state;
	struct rep_folded folded = {0};
	struct rep_json *out;

	rep_json_free(fold_judged(&folded, company, REP_OP_INSERT, "thing", "T-1", at(1, ANA),
				  "{'values':{'name':{'new':'x'},'account':{'new':'A-1'}}}", NULL));
	assert_non_null(folded.record);
	out = fold_judged(&folded, company, REP_OP_ERASE, "thing", "T-1", at(5, BEN),
			  "{'closure':[]}", NULL);
	assert_string_equal(rep_json_get_string(out, "outcome"), "applied");
	rep_json_free(out);
	for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
		out = fold_judged(&folded, company, later[i].op, "thing", "T-1", at(6, ANA),
				  later[i].line, NULL);
		assert_string_equal(rep_json_get_string(out, "outcome"), "rejected");
		assert_string_equal(rep_json_get_string(out, "code"), "erased");
		rep_json_free(out);
	}
	assert_null(rep_record_value(folded.record, "name"));
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "account")),
			    "A-1");
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "status")),
			    "erased");
	assert_string_equal(rep_json_get_string(folded.record->deleted, "stamp"), at(5, BEN));
	assert_string_equal(folded.record->created.text, at(1, ANA));
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
		{REP_OP_ALIAS, "thing", "{}", "form"},
		{REP_OP_RESOLVE, "thing", "{'item':'x'}", "no-record"},
		{REP_OP_ERASE, "thing", "{}", "no-record"},
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
		start_record(&folded, company, insert);
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
		{"{'outcome':'rejected','code':'out-of-territory','item':'x','fields':{"
		 "'a':{'outcome':'rejected','code':'no-right'}}}",
		 "{'*':{'outcome':'proposed','code':'out-of-territory'},"
		 "'a':{'outcome':'rejected','code':'no-right'}}"},
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
		cmocka_unit_test(deletes_against_updates),
		cmocka_unit_test(a_delete_of_what_is_only_archived),
		cmocka_unit_test(two_inserts_are_one_record),
		cmocka_unit_test(an_insert_has_only_its_own_stamp_and_its_presets),
		cmocka_unit_test(flags_go_to_record_and_outcome),
		cmocka_unit_test(
			an_erased_record_keeps_its_place_and_its_author_and_is_never_revived),
		cmocka_unit_test(what_cannot_be_folded_is_an_outcome),
		cmocka_unit_test(a_record_moves_with_its_reference_and_its_items_too),
		cmocka_unit_test(partitions_follow_the_declared_steps),
		cmocka_unit_test(a_preview_folds_an_older_edit_onto_a_newer_record),
		cmocka_unit_test(a_verdict_is_read_back_from_its_outcome),
		cmocka_unit_test(what_was_refused_is_not_seen),
		cmocka_unit_test(the_order_is_stamp_device_number_index),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, company_set_up, company_tear_down);
}
