/* What forbids a version of a schema to follow another; each case is a right second version with one thing wrong. */
#include "unit/help_versions.h"

#include "core/base/json.h"
#include "core/model/schema_follow.h"

#include <stdlib.h>

struct wrong {
	const char *code; /* NULL = nothing forbids it */
	const char *entity, *field;
	const char *mappings;
	struct replaced replaced[4];
};

static struct rep_json *problems_of(const struct rep_schema *now, const struct rep_schema *next)
{
	struct rep_json *problems = rep_json_array();
	struct rep_error err = {0};

	expect_ok(rep_schema_follow(now, next, problems, &err), &err);
	return problems;
}

static bool same(const char *wanted, const char *have)
{
	return wanted ? have && strcmp(wanted, have) == 0 : !have;
}

static bool has(const struct rep_json *problems, const struct wrong *wrong)
{
	for (size_t i = 0; i < rep_json_size(problems); i++) {
		const struct rep_json *one = rep_json_at(problems, i);

		if (same(wrong->code, rep_json_get_string(one, "code")) &&
		    same(wrong->entity, rep_json_get_string(one, "entity")) &&
		    same(wrong->field, rep_json_get_string(one, "field")) &&
		    rep_json_get_string(one, "file") && rep_json_get_string(one, "what"))
			return true;
	}
	return false;
}

static void judge(const struct wrong *wrong)
{
	struct rep_schema *now = version_of(1, NULL, NULL);
	struct rep_schema *next = version_of(2, wrong->mappings, wrong->replaced);
	struct rep_json *problems = problems_of(now, next);

	if (wrong->code ? !has(problems, wrong) : rep_json_size(problems) != 0) {
		char *text = rep_json_text(problems);

		print_error("%s %s: %s\n", wrong->code ? wrong->code : "nothing",
			    wrong->field ? wrong->field : "", text);
		free(text);
		fail();
	}
	rep_json_free(problems);
	rep_schema_free(next);
	rep_schema_free(now);
}

#define NOTE ",{\"name\":\"note\",\"type\":\"text\"," LABEL
#define LAST "\"date_field\":\"seen_on\"}"
#define TOWN "{\"name\":\"town\",\"type\":\"text\"," LABEL ",\"group\":\"place\"},"

static void what_widens_needs_no_mapping(void **state)
{
	const struct wrong right[] = {
		{.replaced = {{SHOP, LAST, LAST NOTE "}"}}},
		{.replaced = {{SHOP, "[\"s\",\"m\",\"l\"]", "[\"s\",\"m\",\"l\",\"xl\"]"}}},
		{.replaced = {{SHOP, LAST, LAST NOTE ",\"required\":true,\"default\":\"x\"}"}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof *right; i++)
		judge(&right[i]);
}

static void what_goes_needs_a_mapping(void **state)
{
	const struct wrong wrong[] = {
		{"mapping-missing", "shop", "town", NULL, {{SHOP, TOWN, ""}}},
		{"mapping-missing",
		 "shop",
		 "size",
		 NULL,
		 {{SHOP, "[\"s\",\"m\",\"l\"]", "[\"s\",\"m\"]"}}},
	};
	const struct wrong mapped[] = {
		{.mappings = "[{\"from\":1,\"entity\":\"shop\",\"drop\":[\"town\"]}]",
		 .replaced = {{SHOP, TOWN, ""}}},
		{.mappings =
			 "[{\"from\":1,\"entity\":\"shop\",\"values\":{\"size\":{\"l\":\"m\"}}}]",
		 .replaced = {{SHOP, "[\"s\",\"m\",\"l\"]", "[\"s\",\"m\"]"}}},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		judge(&wrong[i]);
		judge(&mapped[i]);
	}
}

static void a_new_required_field_needs_a_value_for_what_is_there(void **state)
{
	const struct wrong wrong = {
		"narrowing", "shop", "note", NULL, {{SHOP, LAST, LAST NOTE ",\"required\":true}"}}};

	(void)state;
	judge(&wrong);
}

static void a_mapping_names_what_is_there(void **state)
{
	const struct wrong wrong[] = {
		{"unknown-field",
		 "shop",
		 "nothing",
		 "[{\"from\":1,\"entity\":\"shop\",\"drop\":[\"nothing\"]}]",
		 {{NULL, NULL, NULL}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		judge(&wrong[i]);
}

static void the_number_is_the_one_that_follows(void **state)
{
	const struct wrong wrong = {.code = "version-not-next"};
	struct rep_schema *now = version_of(1, NULL, NULL);
	struct rep_schema *third = version_of(3, NULL, NULL);
	struct rep_json *skipped = problems_of(now, third), *back = problems_of(third, now);

	(void)state;
	assert_true(has(skipped, &wrong));
	assert_true(has(back, &wrong));
	rep_json_free(skipped);
	rep_json_free(back);
	rep_schema_free(third);
	rep_schema_free(now);
}

static void where_records_lie_is_fixed(void **state)
{
	const struct wrong wrong = {
		"fixed",
		"visit",
		NULL,
		NULL,
		{{VISIT, "{\"of\":[\"shop\"],\"moves\":true}", "{\"is\":\"company\"}"}}};

	(void)state;
	judge(&wrong);
}

static void a_retired_name_does_not_come_back(void **state)
{
	const struct replaced gone[] = {{SHOP, TOWN, ""}, {NULL, NULL, NULL}};
	struct rep_schema *first = version_of(1, NULL, NULL);
	struct rep_schema *second =
		version_of(2, "[{\"from\":1,\"entity\":\"shop\",\"drop\":[\"town\"]}]", gone);
	struct rep_schema *third = version_of(3, NULL, NULL);
	struct rep_json *problems = rep_json_array();
	struct rep_error err = {0};

	(void)state;
	expect_ok(rep_schema_retired(first, second, third, problems, &err), &err);
	assert_int_equal(rep_json_size(problems), 1);
	assert_string_equal(rep_json_get_string(rep_json_at(problems, 0), "field"), "town");
	rep_json_free(problems);
	rep_schema_free(third);
	rep_schema_free(second);
	rep_schema_free(first);
}

static void the_example_of_two_versions_may_follow(void **state)
{
	struct rep_schema *now = version_of(1, NULL, NULL);
	struct rep_schema *next = version_of(2, two_mappings, two_replaced);
	struct rep_json *problems = problems_of(now, next), *changes = NULL;
	struct rep_error err = {0};
	bool renamed = false;

	(void)state;
	assert_int_equal(rep_json_size(problems), 0);
	expect_ok(rep_schema_diff(now, next, &changes, &err), &err);
	for (size_t i = 0; i < rep_json_size(changes); i++)
		renamed = renamed ||
			  same("renamed", rep_json_get_string(rep_json_at(changes, i), "what"));
	assert_true(renamed);
	rep_json_free(changes);
	rep_json_free(problems);
	rep_schema_free(next);
	rep_schema_free(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_widens_needs_no_mapping),
		cmocka_unit_test(what_goes_needs_a_mapping),
		cmocka_unit_test(a_new_required_field_needs_a_value_for_what_is_there),
		cmocka_unit_test(a_mapping_names_what_is_there),
		cmocka_unit_test(the_number_is_the_one_that_follows),
		cmocka_unit_test(where_records_lie_is_fixed),
		cmocka_unit_test(a_retired_name_does_not_come_back),
		cmocka_unit_test(the_example_of_two_versions_may_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
