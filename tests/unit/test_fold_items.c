/* Conflicts and proposals: what an item keeps, who sees it, how it is decided. */
#include <stdio.h>

#include "unit/help_fold.h"

/* ---- items ---- */

static void an_item_keeps_every_rival_in_order(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char outcome[16], line[200], id[40];

	start_record(&folded, company, "'f_review':{'new':'a'}");
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

	start_record(&folded, company, "'f_review':{'new':'a'}");
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

	start_record(&folded, company, "'f_secret':{'new':'a'}");
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

static void a_proposal_changes_nothing_until_it_is_accepted(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char line[600], item[40];
	struct rep_json *out;

	start_record(&folded, company, "'f_central':{'new':'a'}");
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
		start_record(&folded, company, NULL);
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

	start_record(&folded, company, NULL);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, company_set_up, company_tear_down);
}
