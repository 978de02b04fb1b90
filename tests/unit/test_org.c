/* Who holds what, who is primary, who may, and what a view has: each at a time. */
#include <stdio.h>

#include "unit/help_rules.h"

static const char t_2025[] = "2025-12-31T23:59:59.999Z";
static const char t_march[] = "2026-03-16T01:00:00.000Z";
static const char t_april[] = "2026-04-01T00:00:00.000Z";
static const char t_may[] = "2026-05-01T00:00:00.000Z";

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

static void roles_count_from_their_day(void **state)
{
	struct company *company = *state;

	assert_null(rep_org_role(company->org, "ana", t_2025));
	assert_string_equal(rep_org_role(company->org, "ana", t_march)->name, "rep");
	assert_int_equal(rep_org_rank(company->org, "sue", t_march), 60);
	assert_int_equal(rep_org_rank(company->org, "hub", t_march), 0);
	assert_int_equal(rep_org_rank(company->org, "nobody", t_march), 0);
	assert_true(rep_org_has_rep(company->org, "ana"));
	assert_false(rep_org_has_rep(company->org, "an"));
}

static void of_two_roles_the_higher_is_told_and_both_count(void **state)
{
	struct company *company = company_of("tests/fixtures/rules");
	struct rep_term terms[] = {{"rep", REP_TERM_ANY}};
	struct rep_right right = {
		.rep = "eve", .device = "deveeeee", .time = t_march, .partition = "company"};

	(void)state;
	company_person(company, "eve", "deveeeee", "manager", false);
	company_add(company, "role", "eve-2", "{'rep':'eve','role':'rep'}");
	company_finish(company);
	assert_string_equal(rep_org_role(company->org, "eve", t_march)->name, "manager");
	assert_true(rep_org_may(company->org, &right, &(struct rep_terms){terms, 1}));
	company_free(company);
}

static void a_device_is_a_reps(void **state)
{
	struct company *company = *state;
	const struct rep_org_device *all;

	assert_string_equal(rep_org_rep_of(company->org, ANA), "ana");
	assert_string_equal(rep_org_rep_of(company->org, HUB), "hub");
	assert_null(rep_org_rep_of(company->org, "devvvvvv"));
	assert_true(rep_org_device(company->org, SUE)->desk);
	assert_false(rep_org_device(company->org, ANA)->desk);
	assert_int_equal(rep_org_devices(company->org, &all), 5);
	assert_string_equal(all[0].id, ANA);
}

static void a_revoked_device_was_active_before(void **state)
{
	struct company *company = company_of("tests/fixtures/rules");

	(void)state;
	company_add(company, "device", "devrrrrr",
		    "{'rep':'ana','state':'revoked','since':'2026-04-01T00:00:00.000Z'}");
	company_add(company, "device", "deviiiii", "{'rep':'ana','state':'invited'}");
	company_finish(company);
	assert_true(rep_org_device_active(company->org, "devrrrrr", t_march));
	assert_false(rep_org_device_active(company->org, "devrrrrr", t_april));
	assert_false(rep_org_device_active(company->org, "deviiiii", t_march));
	assert_false(rep_org_device_active(company->org, "devvvvvv", t_march));
	assert_true(rep_org_device_active(company->org, HUB, t_march));
	company_free(company);
}

/* A key as 32 bytes in base64, and as hex. */
static void a_device_has_its_public_key(void **state)
{
	struct company *company = company_of("tests/fixtures/rules");
	uint8_t bytes[REP_PUBLIC_SIZE];
	char text[64], line[128];

	(void)state;
	memset(bytes, 7, sizeof(bytes));
	rep_base64(text, bytes, sizeof(bytes));
	snprintf(line, sizeof(line), "{'rep':'ana','state':'active','key':'%s'}", text);
	company_add(company, "device", "devkkkkk", line);
	company_finish(company);
	assert_true(rep_org_device(company->org, "devkkkkk")->has_key);
	assert_memory_equal(rep_org_device(company->org, "devkkkkk")->public, bytes, sizeof(bytes));
	company_free(company);
}

static void scope_is_held_below_or_all(void **state)
{
	static const struct {
		const char *rep, *partition;
		bool in;
	} cases[] = {
		{"ana", "company", true},     {"ana", "A-1", true},
		{"ana", "A-2", true},         {"ana", "A-3", false},
		{"cleo", "A-1", true},        {"cleo", "A-2", false},
		{"ana", "team-t1", true},     {"cleo", "team-t2", false},
		{"ana", "team-north", false}, {"ana", "staff-ana", true},
		{"ana", "staff-ben", false},  {"ana", "desk", false},
		{"max", "A-1", true},         {"max", "team-t2", true},
		{"max", "team-north", true},  {"max", "staff-ana", true},
		{"max", "staff-sue", false},  {"max", "desk", false},
		{"sue", "A-3", true},         {"sue", "desk", true},
		{"sue", "team-t1", true},     {"sue", "staff-ana", false},
		{"hub", "A-1", true},         {"nobody", "company", false},
	};
	struct company *company = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (rep_org_in_scope(company->org, cases[i].rep, cases[i].partition, t_march) !=
		    cases[i].in)
			fail_msg("%s in %s", cases[i].rep, cases[i].partition);
		assert_int_equal(
			rep_org_in_scope(company->org, cases[i].rep, cases[i].partition, t_2025),
			strcmp(cases[i].rep, "hub") == 0);
	}
}

static void an_account_passes_on_at_the_very_moment(void **state)
{
	struct company *company = company_of("tests/fixtures/rules");

	(void)state;
	company_person(company, "ana", ANA, "rep", false);
	company_person(company, "ben", BEN, "rep", false);
	company_assign(company, "employee", "ana", "t1", "primary", NULL, NULL);
	company_assign(company, "employee", "ben", "t2", "primary", NULL, NULL);
	company_assign(company, "account", "A-1", "t1", "primary", NULL, t_april);
	company_assign(company, "account", "A-1", "t2", "primary", t_april, NULL);
	company_finish(company);
	assert_true(rep_org_is_primary(company->org, "ana", "thing", "T", "A-1", NULL,
				       "2026-03-31T23:59:59.999Z-ffff@devaaaaa"));
	assert_false(rep_org_is_primary(company->org, "ana", "thing", "T", "A-1", NULL, t_april));
	assert_true(rep_org_is_primary(company->org, "ben", "thing", "T", "A-1", NULL, t_april));
	assert_false(rep_org_in_scope(company->org, "ana", "A-1", t_april));
	assert_string_equal(rep_org_primary(company->org, "thing", "T", "A-1", t_march), "ana");
	assert_string_equal(rep_org_primary(company->org, "thing", "T", "A-1", t_may), "ben");
	assert_null(rep_org_primary(company->org, "thing", "T", "A-1", t_2025));
	company_free(company);
}

static void the_records_own_assignment_goes_before_its_accounts(void **state)
{
	struct company *company = company_of("tests/fixtures/rules");

	(void)state;
	company_person(company, "ana", ANA, "rep", false);
	company_person(company, "ben", BEN, "rep", false);
	company_assign(company, "employee", "ana", "t1", "primary", NULL, NULL);
	company_assign(company, "employee", "ben", "t2", "primary", NULL, NULL);
	company_assign(company, "account", "A-1", "t1", "primary", NULL, NULL);
	company_assign(company, "softdel", "S-1", "t2", "primary", NULL, NULL);
	company_finish(company);
	assert_true(
		rep_org_is_primary(company->org, "ben", "softdel", "S-1", "A-1", NULL, t_march));
	assert_false(
		rep_org_is_primary(company->org, "ana", "softdel", "S-1", "A-1", NULL, t_march));
	assert_true(
		rep_org_is_primary(company->org, "ana", "softdel", "S-2", "A-1", NULL, t_march));
	assert_false(rep_org_in_scope(company->org, "ben", "S-1", t_march)); /* no account */
	company_free(company);
}

static void primary_is_per_line(void **state)
{
	struct company *company = company_of("tests/fixtures/rules");

	(void)state;
	company_person(company, "ana", ANA, "rep", false);
	company_person(company, "ben", BEN, "rep", false);
	company_add(company, "assignment", "x1",
		    "{'subject_entity':'employee','subject':'ana','territory':'t1','line':'heart',"
		    "'kind':'primary'}");
	company_add(company, "assignment", "x2",
		    "{'subject_entity':'employee','subject':'ben','territory':'t1','line':'lung',"
		    "'kind':'primary'}");
	company_assign(company, "account", "A-1", "t1", "primary", NULL, NULL);
	company_finish(company);
	assert_true(rep_org_is_primary(company->org, "ana", NULL, NULL, "A-1", "heart", t_march));
	assert_false(rep_org_is_primary(company->org, "ana", NULL, NULL, "A-1", "lung", t_march));
	assert_true(rep_org_is_primary(company->org, "ana", NULL, NULL, "A-1", NULL, t_march));
	assert_true(rep_org_is_primary(company->org, "ben", NULL, NULL, "A-1", NULL, t_march));
	company_free(company);
}

static void an_assist_is_no_primary(void **state)
{
	struct company *company = *state;

	assert_true(rep_org_is_primary(company->org, "ana", NULL, NULL, "A-1", NULL, t_march));
	assert_false(rep_org_is_primary(company->org, "ben", NULL, NULL, "A-1", NULL, t_march));
	assert_false(rep_org_is_primary(company->org, "max", NULL, NULL, "A-1", NULL, t_march));
}

static bool may(const struct company *company, const char *rep, const char *device,
		const char *partition, const char *author, const char *role,
		enum rep_term_scope scope)
{
	struct rep_term terms[] = {{role, scope}};
	struct rep_right right = {.rep = rep,
				  .device = device,
				  .time = t_march,
				  .entity = "thing",
				  .id = "T-1",
				  .partition = partition,
				  .author = author};

	return rep_org_may(company->org, &right, &(struct rep_terms){terms, 1});
}

static void terms_hold_within_the_scope(void **state)
{
	struct company *company = *state;

	assert_true(may(company, "ana", ANA, "A-1", "ben", "rep", REP_TERM_ANY));
	assert_true(may(company, "ana", ANA, "A-1", "ben", "*", REP_TERM_ANY));
	assert_false(may(company, "ana", ANA, "A-3", "ben", "*", REP_TERM_ANY));
	assert_false(may(company, "ana", ANA, "A-1", "ben", "senior", REP_TERM_ANY));
	assert_true(may(company, "ana", ANA, "A-1", "ben", "rep", REP_TERM_PRIMARY));
	assert_false(may(company, "ana", ANA, "A-2", "ben", "rep", REP_TERM_PRIMARY));
	assert_true(may(company, "ana", ANA, "A-1", "ana", "rep", REP_TERM_AUTHOR));
	assert_false(may(company, "ana", ANA, "A-1", "ben", "rep", REP_TERM_AUTHOR));
	assert_true(may(company, "ana", ANA, "A-1", NULL, "rep", REP_TERM_AUTHOR));
	assert_false(may(company, "ana", ANA, "A-1", "ben", "hub", REP_TERM_ANY));
	assert_true(may(company, "hub", HUB, "A-1", "ben", "steward", REP_TERM_ANY));
}

static void self_is_the_own_record_and_file(void **state)
{
	struct company *company = *state;
	struct rep_term terms[] = {{"rep", REP_TERM_SELF}};
	struct rep_right right = {.rep = "ana",
				  .device = ANA,
				  .time = t_march,
				  .entity = "employee",
				  .id = "ana",
				  .partition = "company"};

	assert_true(rep_org_may(company->org, &right, &(struct rep_terms){terms, 1}));
	right.id = "ben";
	assert_false(rep_org_may(company->org, &right, &(struct rep_terms){terms, 1}));
	right.entity = "thing";
	right.partition = "staff-ana";
	assert_true(rep_org_may(company->org, &right, &(struct rep_terms){terms, 1}));
}

static void a_desk_role_works_at_a_desk_only(void **state)
{
	struct company *company = *state;

	assert_true(may(company, "sue", SUE, "A-1", "ben", "steward", REP_TERM_ANY));
	assert_false(may(company, "sue", ANA, "A-1", "ben", "steward", REP_TERM_ANY));
}

static void readers_of_a_class_are_asked_for_each_partition(void **state)
{
	struct company *company = *state;

	assert_true(rep_org_reads(company->org, "ana", ANA, "secret", "A-1", t_march));
	assert_false(rep_org_reads(company->org, "ana", ANA, "secret", "A-2", t_march));
	assert_false(rep_org_reads(company->org, "ben", BEN, "secret", "A-1", t_march));
	assert_true(rep_org_reads(company->org, "sue", SUE, "secret", "A-2", t_march));
	assert_true(rep_org_reads(company->org, "ben", BEN, "open", "A-1", t_march));
	assert_false(rep_org_reads(company->org, "ana", ANA, "unknown", "A-1", t_march));
}

static void expect_view(const struct company *company, const char *rep, const char *expected)
{
	struct rep_view_scope scope;
	struct rep_error err = {0};
	char text[512] = "";

	expect_ok(rep_org_view(company->org, rep, HUB, t_march, &scope, &err), &err);
	for (size_t i = 0; i < scope.partitions_len; i++) {
		strcat(text, scope.partitions[i]);
		strcat(text, " ");
	}
	assert_string_equal(text, expected);
	rep_view_scope_clear(&scope);
}

static void a_view_has_what_the_role_reaches(void **state)
{
	struct company *company = *state;
	struct rep_view_scope scope;
	struct rep_error err = {0};

	expect_view(company, "ana", "A-1 A-2 company staff-ana team-t1 team-t2 ");
	expect_view(company, "cleo", "A-1 company staff-cleo team-t1 ");
	expect_view(
		company, "max",
		"A-1 A-2 company staff-ana staff-ben staff-cleo staff-max team-north team-t1 team-t2 ");
	expect_ok(rep_org_view(company->org, "sue", SUE, t_march, &scope, &err), &err);
	assert_true(scope.all);
	rep_view_scope_clear(&scope);
	expect_ok(rep_org_view(company->org, "ana", ANA, t_2025, &scope, &err), &err);
	assert_int_equal(scope.roles_len, 0);
	assert_int_equal(scope.partitions_len, 0);
	rep_view_scope_clear(&scope);
}

/* Who is rep of t1 and, at a desk, auditor: sees the visits of all accounts. */
static struct company *company_of_many_hats(void)
{
	struct company *company = company_of("tests/fixtures/rules");

	company_add(company, "territory", "north2", "{'name':'n2'}");
	company_add(company, "territory", "t1", "{'name':'one'}");
	company_add(company, "territory", "t9", "{'name':'nine','parent':'north2'}");
	company_person(company, "zoe", ANA, "rep", false);
	company_add(company, "device", SUE, "{'rep':'zoe','state':'active','desk':true}");
	company_add(company, "role", "zoe-2",
		    "{'rep':'zoe','role':'auditor','valid_from':'2026-01-01T00:00:00.000Z'}");
	company_assign(company, "employee", "zoe", "t1", "primary", NULL, NULL);
	company_assign(company, "account", "A-1", "t1", "primary", NULL, NULL);
	company_assign(company, "account", "A-9", "t9", "primary", NULL, NULL);
	return company;
}

static void a_view_is_what_all_roles_reach(void **state)
{
	struct company *company = company_of_many_hats();
	struct rep_view_scope scope;
	struct rep_error err = {0};

	(void)state;
	company_finish(company);
	expect_ok(rep_org_view(company->org, "zoe", SUE, t_march, &scope, &err), &err);
	/* The auditor sees visits everywhere, the rep all of t1. */
	assert_true(scope.all);
	assert_false(scope.whole);
	assert_int_equal(scope.roles_len, 2);
	assert_true(rep_view_scope_whole(&scope, "A-1"));
	assert_false(rep_view_scope_whole(&scope, "A-9"));
	assert_true(rep_view_scope_carries(&scope, "A-9", "visit"));
	assert_false(rep_view_scope_carries(&scope, "A-9", "thing"));
	assert_true(rep_view_scope_carries(&scope, "A-1", "thing"));
	rep_view_scope_clear(&scope);
	company_free(company);
}

static void a_desk_role_brings_nothing_to_a_laptop(void **state)
{
	struct company *company = company_of_many_hats();
	struct rep_view_scope scope;
	struct rep_error err = {0};

	(void)state;
	company_finish(company);
	expect_ok(rep_org_view(company->org, "zoe", ANA, t_march, &scope, &err), &err);
	assert_false(scope.all);
	assert_int_equal(scope.roles_len, 1);
	assert_int_equal(scope.partitions_len, 4); /* A-1 company staff-zoe team-t1 */
	assert_false(rep_view_scope_carries(&scope, "A-9", "visit"));
	rep_view_scope_clear(&scope);
	company_free(company);
}

static void own_territories_are_sorted(void **state)
{
	struct company *company = *state;
	struct rep_error err = {0};
	char **out;
	size_t len;

	expect_ok(rep_org_territories(company->org, "ben", t_march, &out, &len, &err), &err);
	assert_int_equal(len, 2);
	assert_string_equal(out[0], "t1");
	assert_string_equal(out[1], "t2");
	free(out[0]);
	free(out[1]);
	free(out);
}

static void a_loop_of_territories_ends(void **state)
{
	struct company *company = company_of("tests/fixtures/rules");

	(void)state;
	company_person(company, "max", MAX, "manager", false);
	company_add(company, "territory", "a", "{'name':'a','parent':'b'}");
	company_add(company, "territory", "b", "{'name':'b','parent':'a'}");
	company_assign(company, "employee", "max", "a", "primary", NULL, NULL);
	company_finish(company);
	assert_false(rep_org_in_scope(company->org, "max", "team-c", t_march));
	expect_view(company, "max", "company staff-max team-a team-b ");
	company_free(company);
}

static void deleted_rows_do_not_count(void **state)
{
	struct company *company = company_of("tests/fixtures/rules");
	struct rep_record *role =
		record_of(company->schema, "role", "r", "org", "{'rep':'ana','role':'rep'}");
	struct rep_error err = {0};

	(void)state;
	role->deleted =
		quoted_json("{'rep':'hub','stamp':'2026-03-16T01:00:00.000Z-0000@hub00000'}");
	expect_ok(rep_org_add(company->org, role, &err), &err);
	rep_record_free(role);
	company_finish(company);
	assert_null(rep_org_role(company->org, "ana", t_march));
	company_free(company);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles_count_from_their_day),
		cmocka_unit_test(of_two_roles_the_higher_is_told_and_both_count),
		cmocka_unit_test(a_device_is_a_reps),
		cmocka_unit_test(a_revoked_device_was_active_before),
		cmocka_unit_test(a_device_has_its_public_key),
		cmocka_unit_test(scope_is_held_below_or_all),
		cmocka_unit_test(an_account_passes_on_at_the_very_moment),
		cmocka_unit_test(the_records_own_assignment_goes_before_its_accounts),
		cmocka_unit_test(primary_is_per_line),
		cmocka_unit_test(an_assist_is_no_primary),
		cmocka_unit_test(terms_hold_within_the_scope),
		cmocka_unit_test(self_is_the_own_record_and_file),
		cmocka_unit_test(a_desk_role_works_at_a_desk_only),
		cmocka_unit_test(readers_of_a_class_are_asked_for_each_partition),
		cmocka_unit_test(a_view_has_what_the_role_reaches),
		cmocka_unit_test(a_view_is_what_all_roles_reach),
		cmocka_unit_test(a_desk_role_brings_nothing_to_a_laptop),
		cmocka_unit_test(own_territories_are_sorted),
		cmocka_unit_test(a_loop_of_territories_ends),
		cmocka_unit_test(deleted_rows_do_not_count),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
