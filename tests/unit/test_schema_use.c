/* What a loaded schema holds. */
#include "unit/help_schema.h"

#include <stdio.h>

#include <sqlite3.h>

#include "core/model/schema_load.h"

static struct rep_schema *load_dir(const char *dir)
{
	struct rep_schema *schema;
	struct rep_error err = {0};

	expect_ok(rep_schema_load_dir(&schema, source_path(dir), &err), &err);
	return schema;
}

static void the_pharmaceutical_schema_loads(void **state)
{
	struct rep_schema *schema = load_dir("schema");

	(void)state;
	assert_string_equal(schema->id, "pharma/1");
	const struct rep_entity *contact = rep_schema_entity(schema, "contact");
	const struct rep_field *name = rep_entity_field(contact, "name");

	assert_int_equal(name->rules_len, 2);
	assert_int_equal(name->rules[0], REP_RULE_CENTRAL);
	assert_int_equal(name->rules[1], REP_RULE_REVIEW);
	assert_int_equal(name->write.len, 1);
	assert_string_equal(name->write.terms[0].role, "steward");
	assert_string_equal(name->insert.terms[0].role, "rep");
	assert_int_equal(contact->partition, REP_PARTITION_OF);
	assert_int_equal(contact->steps[0].kind, REP_STEP_REFERENCE);
	assert_int_equal(contact->steps[1].kind, REP_STEP_ID);
	assert_ptr_equal(contact->steps[0].field->target, rep_schema_entity(schema, "org"));
	assert_true(contact->moves);
	assert_true(rep_schema_entity(schema, "interaction")->monthly);
	assert_string_equal(rep_schema_builtin(schema, REP_BUILTIN_REP)->name, "employee");
	assert_non_null(rep_schema_forbids(schema, "月处方量"));
	assert_null(rep_schema_forbids(schema, "department"));
	rep_schema_free(schema);
}

static void the_engine_adds_its_own_entities_last(void **state)
{
	static const char *const names[] = {"device",   "role",      "release",   "conflict",
					    "proposal", "duplicate", "rejection", "claim"};
	struct rep_schema *schema = load_dir("schema");
	size_t first = schema->entities_len - sizeof names / sizeof *names;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_string_equal(schema->entities[first + i].name, names[i]);
	const struct rep_entity *conflict = rep_schema_entity(schema, "conflict");

	assert_int_equal(conflict->builtin, REP_BUILTIN_REVIEW);
	assert_int_equal(rep_entity_field(conflict, "rivals")->type, REP_TYPE_JSON);
	assert_string_equal(conflict->write.terms[0].role, "hub");
	assert_int_equal(rep_schema_entity(schema, "device")->builtin, REP_BUILTIN_DEVICE);
	rep_schema_free(schema);
}

static void every_entity_ends_in_status(void **state)
{
	struct rep_schema *schema = load_dir("tests/schemas/device-service");

	(void)state;
	for (size_t i = 0; i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];
		const struct rep_field *status = &entity->fields[entity->fields_len - 1];

		assert_string_equal(status->name, "status");
		assert_true(status->engine);
		assert_int_equal(status->index, entity->fields_len - 1);
		assert_int_equal(status->rules[0], REP_RULE_MAX);
		assert_true(rep_field_rank(status, "erased") > rep_field_rank(status, "archived"));
		assert_true(rep_field_rank(status, "archived") > rep_field_rank(status, "active"));
		assert_true(rep_field_rank(status, "active") > rep_field_rank(status, "inactive"));
	}
	rep_schema_free(schema);
}

static void the_other_trade_uses_every_rule_and_type(void **state)
{
	struct rep_schema *schema = load_dir("tests/schemas/device-service");
	bool rules[REP_RULE_REVIEW + 1] = {false}, types[REP_TYPE_JSON + 1] = {false};

	(void)state;
	for (size_t i = 0; i + 8 < schema->entities_len; i++) {
		for (size_t k = 0; k + 1 < schema->entities[i].fields_len; k++) {
			const struct rep_field *field = &schema->entities[i].fields[k];

			types[field->type] = true;
			for (size_t r = 0; r < field->rules_len; r++)
				rules[field->rules[r]] = true;
		}
	}
	for (size_t i = 0; i <= REP_RULE_REVIEW; i++)
		if (!rules[i])
			fail_msg("no field has the rule %s", rep_rule_name((enum rep_rule)i));
	for (size_t i = 0; i <= REP_TYPE_JSON; i++)
		if (!types[i])
			fail_msg("no field has the type %s", rep_type_name((enum rep_type)i));
	rep_schema_free(schema);
}

static void policies_become_literals(void **state)
{
	const struct mistake change = {"", VISIT, "new.fee<={cap}",
				       "new.x IN {words} AND y={word} AND '{cap}'<>{cap}", ""};
	struct rep_schema *schema;
	struct rep_error err = {0};

	(void)state;
	expect_ok(load_with(&change, &schema, &err), &err);
	assert_string_equal(rep_schema_entity(schema, "visit")->checks[0].expr,
			    "new.x IN ('a','b''c') AND y='x' AND '{cap}'<>5");
	rep_schema_free(schema);
}

static void old_within_a_string_is_no_name(void **state)
{
	(void)state;
	assert_true(rep_sql_uses_old("1=old.x"));
	assert_true(rep_sql_uses_old("old.x"));
	assert_false(rep_sql_uses_old("'old.x'"));
	assert_false(rep_sql_uses_old("new.gold.x"));
	assert_false(rep_sql_uses_old("threshold.x"));
	assert_false(rep_sql_uses_old("1 -- old.x"));
	assert_false(rep_sql_uses_old("/* old.x */ 1"));
	assert_true(rep_sql_uses_old("/* */ Old.x"));
}

static void central_alone_gets_a_successor(void **state)
{
	const struct mistake change = {
		"", SHOP, "\"type\":\"date\"",
		"\"type\":\"date\",\"write\":[\"boss\"],\"rule\":\"central\"", ""};
	struct rep_schema *schema;
	struct rep_error err = {0};

	(void)state;
	expect_ok(load_with(&change, &schema, &err), &err);
	const struct rep_field *field =
		rep_entity_field(rep_schema_entity(schema, "shop"), "seen_on");

	assert_int_equal(field->rules_len, 2);
	assert_int_equal(field->rules[1], REP_RULE_LATEST);
	rep_schema_free(schema);
}

static void fields_of_an_id_become_immutable(void **state)
{
	struct rep_schema *schema;
	struct rep_error err = {0};

	(void)state;
	expect_ok(load_with(NULL, &schema, &err), &err);
	const struct rep_field *day = rep_entity_field(rep_schema_entity(schema, "visit"), "day");

	assert_int_equal(day->rules_len, 1);
	assert_int_equal(day->rules[0], REP_RULE_IMMUTABLE);
	rep_schema_free(schema);
}

static void machines_are_found_by_kind(void **state)
{
	struct rep_schema *schema = load_dir("tests/schemas/device-service");
	const struct rep_entity *job = rep_schema_entity(schema, "job");

	(void)state;
	assert_string_equal(job->state_by->name, "kind");
	assert_string_equal(rep_entity_machine(job, "inspection")->initial, "asked");
	assert_string_equal(rep_entity_machine(job, "repair")->initial, "new");
	assert_null(rep_entity_machine(job, NULL));
	assert_string_equal(rep_entity_machine(rep_schema_entity(schema, "stock"), NULL)->initial,
			    "ok");
	rep_schema_free(schema);
}

static void reference_tables_are_read(void **state)
{
	struct rep_schema *schema = load_dir("tests/schemas/device-service");
	const struct rep_table *table = &schema->tables[0];

	(void)state;
	assert_int_equal(schema->tables_len, 1);
	assert_int_equal(rep_json_size(table->rows), 3);
	const struct rep_json *row = rep_json_at(table->rows, 1);

	assert_string_equal(rep_json_string_value(rep_json_at(row, 0)), "2026-02-17");
	assert_string_equal(rep_json_string_value(rep_json_at(row, 1)), "春节, 初一");
	assert_true(rep_json_bool_value(rep_json_at(row, 2)));
	rep_schema_free(schema);
}

static void report_headers_are_read(void **state)
{
	struct rep_schema *schema;
	struct rep_error err = {0};

	(void)state;
	expect_ok(load_with(NULL, &schema, &err), &err);
	const struct rep_report *report = &schema->reports[0];

	assert_string_equal(report->label.en, "List");
	assert_int_equal(report->roles_len, 2);
	assert_string_equal(report->roles[1], "boss");
	assert_int_equal(report->params_len, 2);
	assert_int_equal(report->params[0].type, REP_PARAM_ENUM);
	assert_string_equal(report->params[0].field->name, "size");
	assert_string_equal(report->params[0].preset, "s");
	assert_int_equal(report->params[1].type, REP_PARAM_PERIOD);
	assert_int_equal(report->columns_len, 1);
	assert_string_equal(report->columns[0].label.zh, "名");
	rep_schema_free(schema);
}

static void the_hash_tells_any_byte(void **state)
{
	const struct mistake change = {"", SHOP, "\"max\":20", "\"max\":21", ""};
	struct rep_schema *one, *other;
	struct rep_error err = {0};

	(void)state;
	expect_ok(load_with(NULL, &one, &err), &err);
	expect_ok(load_with(&change, &other, &err), &err);
	assert_string_not_equal(one->hash, other->hash);
	rep_schema_free(one);
	rep_schema_free(other);
}

static void sources_rank_by_the_declared_order(void **state)
{
	struct rep_schema *schema = load_dir("schema");

	(void)state;
	assert_true(rep_schema_source_rank(schema, "steward") <
		    rep_schema_source_rank(schema, "csv"));
	assert_int_equal(rep_schema_source_rank(schema, "nobody"), schema->sources_len);
	assert_int_equal(rep_schema_source_rank(schema, NULL), schema->sources_len);
	rep_schema_free(schema);
}

static void spellings_of_an_import_are_found(void **state)
{
	struct rep_schema *schema = load_dir("schema");
	const struct rep_field *level = rep_entity_field(rep_schema_entity(schema, "org"), "level");
	static const char *const spellings[] = {"三甲",     "3甲",       "３甲", "Ⅲ甲",
						"三級甲等", "三级 甲等", "3a",   "三级甲等医院"};

	(void)state;
	for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
		int rank = rep_enum_find(level, spellings[i]);

		if (rank < 0)
			fail_msg("%s is not found", spellings[i]);
		assert_string_equal(level->values[rank].value, "三级甲等");
	}
	assert_int_equal(rep_enum_find(level, "四级"), -1);
	rep_schema_free(schema);
}

/* The library at hand may know more words than its 3.40: they could not be names of columns either. */
static void the_keywords_are_those_of_sqlite(void **state)
{
	(void)state;
	for (int i = 0; i < sqlite3_keyword_count(); i++) {
		char word[64];
		const char *name;
		int len;

		assert_int_equal(sqlite3_keyword_name(i, &name, &len), SQLITE_OK);
		snprintf(word, sizeof word, "%.*s", len, name);
		if (!rep_name_is_keyword(word))
			fail_msg("%s", word);
	}
	assert_false(rep_name_is_keyword("name"));
}

static void a_path_out_of_the_folder_is_refused(void **state)
{
	static const char *const paths[] = {"../x", "/x", "a//b", "a/", ".x", "a/../b", "a\\b", ""};
	struct rep_schema_files files = {0};
	struct rep_error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		expect_code(rep_schema_files_add(&files, paths[i], "x", 1, &err), REP_EINVAL, &err,
			    NULL);
	expect_ok(rep_schema_files_add(&files, "a", "x", 1, &err), &err);
	expect_code(rep_schema_files_add(&files, "a", "x", 1, &err), REP_EEXIST, &err, "a");
	rep_schema_files_clear(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pharmaceutical_schema_loads),
		cmocka_unit_test(the_engine_adds_its_own_entities_last),
		cmocka_unit_test(every_entity_ends_in_status),
		cmocka_unit_test(the_other_trade_uses_every_rule_and_type),
		cmocka_unit_test(policies_become_literals),
		cmocka_unit_test(old_within_a_string_is_no_name),
		cmocka_unit_test(central_alone_gets_a_successor),
		cmocka_unit_test(fields_of_an_id_become_immutable),
		cmocka_unit_test(machines_are_found_by_kind),
		cmocka_unit_test(reference_tables_are_read),
		cmocka_unit_test(report_headers_are_read),
		cmocka_unit_test(the_hash_tells_any_byte),
		cmocka_unit_test(sources_rank_by_the_declared_order),
		cmocka_unit_test(spellings_of_an_import_are_found),
		cmocka_unit_test(the_keywords_are_those_of_sqlite),
		cmocka_unit_test(a_path_out_of_the_folder_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
