/* Which records are one, and how their changes are folded together. */
#include <stdio.h>

#include "core/model/join.h"
#include "unit/help_fold.h"

/* ---- edges and groups ---- */

struct word {
	bool stands;
	const char *loser, *into;
	unsigned minute;
	const char *device;
};

static void say(struct rep_edges *edges, const struct word *word)
{
	struct rep_edge edge = {.seq = 1, .stands = word->stands};
	struct rep_error err;

	snprintf(edge.loser, sizeof edge.loser, "%s", word->loser);
	snprintf(edge.into, sizeof edge.into, "%s", word->into);
	snprintf(edge.stamp, sizeof edge.stamp, "%s", at(word->minute, word->device));
	snprintf(edge.rep, sizeof edge.rep, "r%u", word->minute);
	expect_ok(rep_edges_add(edges, &edge, &err), &err);
}

#define WORDS_MAX 4
static const struct group_case {
	const char *name;
	struct word words[WORDS_MAX];
	const char *groups; /* of A, B, C, D: the letter of the first that is one with each */
} group_cases[] = {
	{"nothing was said", {{0}}, "ABCD"},
	{"one pair", {{true, "B", "A", 1, SUE}}, "AACD"},
	{"the direction is no matter", {{true, "A", "B", 1, SUE}}, "AACD"},
	{"a chain is one", {{true, "A", "B", 1, SUE}, {true, "B", "C", 2, SUE}}, "AAAD"},
	{"two merge the same pair", {{true, "A", "B", 1, SUE}, {true, "A", "B", 2, MAX}}, "AACD"},
	{"a cycle is one", {{true, "A", "B", 1, SUE}, {true, "B", "A", 2, MAX}}, "AACD"},
	{"two pairs are two", {{true, "A", "B", 1, SUE}, {true, "C", "D", 2, SUE}}, "AACC"},
	{"two pairs joined",
	 {{true, "A", "B", 1, SUE}, {true, "D", "C", 2, SUE}, {true, "C", "B", 3, SUE}},
	 "AAAA"},
	{"taken apart", {{true, "A", "B", 1, SUE}, {false, "A", "B", 2, SUE}}, "ABCD"},
	{"joined again",
	 {{true, "A", "B", 1, SUE}, {false, "A", "B", 2, SUE}, {true, "A", "B", 3, SUE}},
	 "AACD"},
	{"an earlier undoing does not undo",
	 {{false, "A", "B", 1, SUE}, {true, "A", "B", 2, MAX}},
	 "AACD"},
	{"the other direction still stands",
	 {{true, "A", "B", 1, SUE}, {true, "B", "A", 1, MAX}, {false, "A", "B", 3, SUE}},
	 "AACD"},
	{"the middle of a chain taken out",
	 {{true, "A", "B", 1, SUE}, {true, "B", "C", 2, SUE}, {false, "A", "B", 3, SUE}},
	 "ABBD"},
	{"whom nobody asked for joins nothing",
	 {{true, "A", "X", 1, SUE}, {true, "B", "Y", 2, SUE}},
	 "ABCD"},
};

/* Every order in which the words are heard. */
static void check_orders(const struct group_case *one, size_t len, unsigned used,
			 struct rep_edges *edges)
{
	static const char *const ids[] = {"A", "B", "C", "D"};
	size_t group[4];
	bool all = true;

	for (size_t i = 0; i < len; i++) {
		struct rep_edges more = {0};
		struct rep_error err;

		if (used & 1u << i)
			continue;
		all = false;
		for (size_t k = 0; k < edges->len; k++)
			expect_ok(rep_edges_add(&more, &edges->list[k], &err), &err);
		say(&more, &one->words[i]);
		check_orders(one, len, used | 1u << i, &more);
		rep_edges_clear(&more);
	}
	if (!all)
		return;
	rep_join_groups(edges, ids, 4, group);
	for (size_t i = 0; i < 4; i++)
		if (ids[group[i]][0] != one->groups[i])
			fail_msg("%s: %s is one with %s", one->name, ids[i], ids[group[i]]);
}

static void groups_follow_from_the_latest_words_in_whatever_order_they_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(group_cases) / sizeof(group_cases[0]); i++) {
		struct rep_edges none = {0};
		size_t len = 0;

		while (len < WORDS_MAX && group_cases[i].words[len].loser)
			len++;
		check_orders(&group_cases[i], len, 0, &none);
	}
}

static void the_root_is_made_first_then_has_the_smaller_id(void **state)
{
	static const char *const ids[] = {"C", "B", "A", "D"};
	static const size_t group[] = {0, 0, 0, 3};
	const char *const two[] = {at(2, ANA), at(1, ANA), at(3, ANA), at(0, ANA)};
	const char *const tie[] = {two[0], two[0], two[0], two[0]};
	const char *const none[] = {NULL, NULL, NULL, two[3]};
	const char *const last[] = {NULL, NULL, two[2], NULL};

	(void)state;
	assert_int_equal(rep_join_root(ids, two, group, 4, 0), 1);
	assert_int_equal(rep_join_root(ids, tie, group, 4, 0), 2);
	assert_int_equal(rep_join_root(ids, last, group, 4, 0), 2);
	assert_int_equal(rep_join_root(ids, none, group, 4, 0), 4);
	assert_int_equal(rep_join_root(ids, none, group, 4, 3), 3);
}

static void a_tombstone_names_the_root_and_who_joined_last(void **state)
{
	const struct word words[] = {
		{true, "A", "B", 1, SUE}, {true, "C", "A", 3, MAX}, {false, "A", "D", 4, SUE}};
	struct rep_edges edges = {0};
	struct rep_json *deleted;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		say(&edges, &words[i]);
	deleted = rep_join_tombstone(rep_join_newest(&edges, "A"), "B");
	assert_string_equal(rep_json_get_string(deleted, "merged_into"), "B");
	assert_string_equal(rep_json_get_string(deleted, "rep"), "r3");
	assert_string_equal(rep_json_get_string(deleted, "stamp"), at(3, MAX));
	assert_null(rep_join_newest(&edges, "D"));
	rep_json_free(deleted);
	rep_edges_clear(&edges);
}

static void a_pair_said_to_be_two_is_remembered_until_it_is_joined(void **state)
{
	struct rep_edges edges = {0};

	(void)state;
	say(&edges, &(struct word){false, "A", "B", 1, SUE});
	assert_non_null(rep_join_apart(&edges, "A", "B"));
	assert_non_null(rep_join_apart(&edges, "B", "A"));
	assert_null(rep_join_apart(&edges, "A", "C"));
	say(&edges, &(struct word){true, "B", "A", 2, SUE});
	assert_null(rep_join_apart(&edges, "A", "B"));
	say(&edges, &(struct word){false, "B", "A", 3, MAX});
	assert_string_equal(rep_join_apart(&edges, "A", "B")->rep, "r3");
	rep_edges_clear(&edges);
}

/* ---- changes folded together ---- */

/* Folds an edit as one of the root's. */
static struct rep_json *fold_as(struct rep_folded *folded, const struct company *company,
				enum rep_op op, const char *entity, const char *own,
				const char *root, const char *stamp, const char *line)
{
	struct rep_edit *edit = edit_new(op, entity, own, stamp, line), joined;
	struct rep_json *outcome, *made;
	struct rep_error err;

	expect_ok(rep_join_edit(&joined, &made, edit, root,
				rep_schema_entity(company->schema, entity), &err),
		  &err);
	expect_ok(rep_fold(folded, &joined, &company->context, &outcome, &err), &err);
	rep_json_free(made);
	edit_free(edit);
	return outcome;
}

static void expect_outcome(struct rep_json *outcome, const char *want)
{
	assert_string_equal(rep_json_get_string(outcome, "outcome"), want);
	rep_json_free(outcome);
}

static void two_inserts_become_one_record_by_the_rules_of_its_fields(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char *text;

	expect_outcome(
		fold_as(&folded, company, REP_OP_INSERT, "thing", "T-5", "T-5", at(1, ANA),
			"{'values':{'name':{'new':'n'},'account':{'new':'A-1'},'f_set':{'new':['a']},"
			"'f_max':{'new':3},'f_latest':{'new':'old'}}}"),
		"applied");
	expect_outcome(
		fold_as(&folded, company, REP_OP_INSERT, "thing", "T-2", "T-5", at(2, BEN),
			"{'values':{'name':{'new':'n'},'account':{'new':'A-1'},'f_set':{'new':['b']},"
			"'f_max':{'new':2},'f_latest':{'new':'new'}}}"),
		"lost");
	expect_outcome(fold_as(&folded, company, REP_OP_ALIAS, "thing", "T-2", "T-5", at(3, SUE),
			       "{'into':'T-5'}"),
		       "applied");
	assert_string_equal(folded.record->id, "T-5");
	assert_string_equal(folded.record->created.text, at(1, ANA));
	assert_null(folded.record->deleted);
	text = rep_json_text(rep_record_value(folded.record, "f_set"));
	assert_string_equal(text, "[\"a\",\"b\"]");
	free(text);
	assert_int_equal(rep_json_integer_value(rep_record_value(folded.record, "f_max")), 3);
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "f_latest")),
			    "new");
	assert_string_equal(rep_record_stamp(folded.record, "f_latest"), at(2, BEN));
	rep_folded_clear(&folded);
}

static void a_late_edit_of_one_that_was_merged_away_reaches_the_root(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char line[200];

	rep_json_free(fold_as(&folded, company, REP_OP_INSERT, "thing", "T-1", "T-1", at(1, ANA),
			      "{'values':{'name':{'new':'n'},'account':{'new':'A-1'}}}"));
	rep_json_free(fold_as(&folded, company, REP_OP_INSERT, "thing", "T-2", "T-1", at(2, BEN),
			      "{'values':{'name':{'new':'n'},'account':{'new':'A-1'}}}"));
	snprintf(line, sizeof line, "{'values':{'f_latest':{'new':'late','old':null,'saw':'%s'}}}",
		 at(2, BEN));
	expect_outcome(
		fold_as(&folded, company, REP_OP_UPDATE, "thing", "T-2", "T-1", at(9, BEN), line),
		"applied");
	assert_string_equal(rep_json_string_value(rep_record_value(folded.record, "f_latest")),
			    "late");
	rep_folded_clear(&folded);
}

static void a_conflict_decided_on_one_that_was_merged_away_is_decided_on_the_root(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char id[40], line[300];

	make_open(&folded, company, id); /* of T-1; b of ana, c of ben */
	rep_review_conflict_id(id, "thing", "T-2", "f_review");
	snprintf(line, sizeof line, "{'item':'%s','rivals':['%s','%s']}", id, at(1, ANA),
		 at(2, BEN));
	expect_outcome(
		fold_as(&folded, company, REP_OP_RESOLVE, "thing", "T-2", "T-1", at(5, SUE), line),
		"applied");
	assert_string_equal(item_state(&folded, "f_review"), "decided");
	rep_folded_clear(&folded);
}

static void a_delete_written_for_one_that_was_merged_away_saw_nothing_of_the_others(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char line[200];

	rep_json_free(fold_as(&folded, company, REP_OP_INSERT, "softdel", "S-1", "S-1", at(1, ANA),
			      "{'values':{'name':{'new':'n'}}}"));
	snprintf(line, sizeof line, "{'values':{'name':{'old':'n','saw':'%s'}}}", at(2, BEN));
	expect_outcome(
		fold_as(&folded, company, REP_OP_DELETE, "softdel", "S-2", "S-1", at(5, SUE), line),
		"lost");
	assert_null(folded.record->deleted);
	snprintf(line, sizeof line, "{'values':{'name':{'old':'n','saw':'%s'}}}", at(1, ANA));
	expect_outcome(
		fold_as(&folded, company, REP_OP_DELETE, "softdel", "S-1", "S-1", at(6, SUE), line),
		"applied");
	assert_non_null(folded.record->deleted);
	rep_folded_clear(&folded);
}

static void who_merges_says_that_the_thing_exists(void **state)
{
	struct company *company = *state;
	struct rep_folded folded = {0};
	char line[200];

	rep_json_free(fold_as(&folded, company, REP_OP_INSERT, "harddel", "S-1", "S-1", at(1, ANA),
			      "{'values':{'name':{'new':'n'}}}"));
	snprintf(line, sizeof line, "{'values':{'name':{'old':'n','saw':'%s'}}}", at(1, ANA));
	expect_outcome(
		fold_as(&folded, company, REP_OP_DELETE, "harddel", "S-1", "S-1", at(2, BEN), line),
		"applied");
	assert_non_null(folded.record->deleted);
	expect_outcome(fold_as(&folded, company, REP_OP_ALIAS, "harddel", "S-2", "S-1", at(3, SUE),
			       "{'into':'S-1'}"),
		       "applied");
	assert_null(folded.record->deleted);
	expect_outcome(fold_as(&folded, company, REP_OP_ALIAS, "harddel", "S-2", "S-1", at(4, MAX),
			       "{'into':'S-1'}"),
		       "equal");
	rep_folded_clear(&folded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, company_set_up, company_tear_down)
		cmocka_unit_test(groups_follow_from_the_latest_words_in_whatever_order_they_come),
		cmocka_unit_test(the_root_is_made_first_then_has_the_smaller_id),
		cmocka_unit_test(a_tombstone_names_the_root_and_who_joined_last),
		cmocka_unit_test(a_pair_said_to_be_two_is_remembered_until_it_is_joined),
		CASE(two_inserts_become_one_record_by_the_rules_of_its_fields),
		CASE(a_late_edit_of_one_that_was_merged_away_reaches_the_root),
		CASE(a_conflict_decided_on_one_that_was_merged_away_is_decided_on_the_root),
		CASE(a_delete_written_for_one_that_was_merged_away_saw_nothing_of_the_others),
		CASE(who_merges_says_that_the_thing_exists),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
