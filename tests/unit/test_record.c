/* Record files: the canonical form, twins, paths, and that the reader refuses all else. */
#include "unit/help_rules.h"

#include "core/base/limits.h"

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

static struct rep_record *sample(const struct company *company)
{
	struct rep_record *record =
		record_of(company->schema, "thing", "T-1", "A-1",
			  "{'name':'王敏','f_set':['B','a'],'f_secret':'here','stage':'draft'}");

	rep_record_put(record, "f_latest", rep_json_string("x"), at(5, BEN));
	rep_record_put(record, "f_secret", rep_json_string("there"), at(6, ANA));
	rep_record_put_element_stamp(record, "f_set", "\"gone\"", at(7, BEN));
	rep_record_flag(record, "out-of-territory");
	return record;
}

static const char sample_main[] =
	"{\n"
	"  \"created\": {\"rep\":\"hub\",\"stamp\":\"2026-03-16T01:00:00.000Z-0000@hub00000\"},\n"
	"  \"deleted\": null,\n"
	"  \"entity\": \"thing\",\n"
	"  \"fields\": {\n"
	"    \"f_latest\": \"x\",\n"
	"    \"f_set\": [\"B\",\"a\"],\n"
	"    \"name\": \"王敏\",\n"
	"    \"stage\": \"draft\"\n"
	"  },\n"
	"  \"flags\": [\"out-of-territory\"],\n"
	"  \"id\": \"T-1\",\n"
	"  \"stamps\": {\n"
	"    \"*\": \"2026-03-16T01:00:00.000Z-0000@hub00000\",\n"
	"    \"f_latest\": \"2026-03-16T01:05:00.000Z-0000@devbbbbb\",\n"
	"    \"f_set\": {\"\\\"gone\\\"\":\"2026-03-16T01:07:00.000Z-0000@devbbbbb\"}\n"
	"  }\n"
	"}\n";

static const char sample_twin[] = "{\n"
				  "  \"entity\": \"thing\",\n"
				  "  \"fields\": {\n"
				  "    \"f_secret\": \"there\"\n"
				  "  },\n"
				  "  \"id\": \"T-1\",\n"
				  "  \"stamps\": {\n"
				  "    \"f_secret\": \"2026-03-16T01:06:00.000Z-0000@devaaaaa\"\n"
				  "  },\n"
				  "  \"visibility\": \"secret\"\n"
				  "}\n";

static void a_record_has_one_form(void **state)
{
	struct company *company = *state;
	struct rep_record *record = sample(company);
	struct rep_buf buf = REP_BUF_INIT(REP_RECORD_SIZE_MAX);

	assert_true(rep_record_write(&buf, record, "open"));
	assert_string_equal(rep_buf_str(&buf), sample_main);
	rep_buf_reset(&buf);
	assert_true(rep_record_write(&buf, record, "secret"));
	assert_string_equal(rep_buf_str(&buf), sample_twin);
	rep_buf_clear(&buf);
	rep_record_free(record);
}

static void a_twin_exists_only_where_the_class_has_a_field(void **state)
{
	struct company *company = *state;
	struct rep_record *record =
		record_of(company->schema, "thing", "T-2", "A-1", "{'name':'x'}");
	struct rep_buf buf = REP_BUF_INIT(REP_RECORD_SIZE_MAX);

	assert_false(rep_record_write(&buf, record, "secret"));
	assert_int_equal(buf.len, 0);
	rep_record_put(record, "f_secret", NULL, at(3, ANA)); /* cleared: its stamp is kept */
	assert_true(rep_record_write(&buf, record, "secret"));
	rep_buf_clear(&buf);
	rep_record_free(record);
}

static void what_is_written_is_read_again(void **state)
{
	struct company *company = *state;
	struct rep_record *record = NULL;
	struct rep_json *extra = NULL;
	struct rep_error err = {0};
	struct rep_buf buf = REP_BUF_INIT(REP_RECORD_SIZE_MAX);

	expect_ok(rep_record_read(&record, &extra, company->schema, "A-1", sample_main,
				  strlen(sample_main), &err),
		  &err);
	expect_ok(rep_record_read(&record, &extra, company->schema, "A-1", sample_twin,
				  strlen(sample_twin), &err),
		  &err);
	assert_null(extra);
	assert_string_equal(record->partition, "A-1");
	assert_string_equal(rep_record_stamp(record, "f_secret"), at(6, ANA));
	assert_string_equal(rep_record_element_stamp(record, "f_set", "\"gone\""), at(7, BEN));
	assert_string_equal(rep_record_element_stamp(record, "f_set", "\"b\""), at(0, HUB));
	assert_null(rep_record_element_stamp(record, "f_set", "\"c\""));
	assert_true(rep_record_write(&buf, record, "open"));
	assert_string_equal(rep_buf_str(&buf), sample_main);
	rep_buf_clear(&buf);
	rep_record_free(record);
}

/* Replaces the first `from` of `text` by `to`; the caller frees. */
static char *replaced(const char *text, const char *from, const char *to)
{
	const char *found = strstr(text, from);
	struct rep_buf buf = REP_BUF_INIT(REP_RECORD_SIZE_MAX);

	assert_non_null(found);
	rep_buf_put(&buf, text, (size_t)(found - text));
	rep_buf_puts(&buf, to);
	rep_buf_puts(&buf, found + strlen(from));
	return rep_buf_take(&buf);
}

static void any_other_bytes_are_refused(void **state)
{
	static const char *const changes[][2] = {
		{"{\n  \"created\"", "{\n \"created\""},
		{"\"x\",\n", "\"x\" ,\n"},
		{"\"f_set\": [\"B\",\"a\"]", "\"f_set\": [\"a\",\"B\"]"},
		{"\"f_set\": [\"B\",\"a\"]", "\"f_set\": [\"B\",\"a\",\"a\"]"},
		{"\"name\": \"王敏\"", "\"name\": null"},
		{"\"name\": \"王敏\"", "\"name\": \"王敏\",\n    \"status\": \"active\""},
		{"\"name\": \"王敏\"", "\"name\": \"\\u738b敏\""},
		{"T01:05:00.000Z-0000@devbbbbb", "T01:00:00.000Z-0000@hub00000"},
		{"T01:05:00.000Z", "T01:5:00.000Z"},
		{"\"*\": \"2026-03-16T01:00:00", "\"*\": \"2026-03-16T01:00:01"},
		{"\"flags\": [\"out-of-territory\"],\n",
		 "\"flags\": [\"out-of-territory\"],\n  \"g\": 1,\n"},
		{"\"flags\": [\"out-of-territory\"]", "\"flags\": []"},
		{"\"flags\": [\"out-of-territory\"]", "\"flags\": [\"z\",\"out-of-territory\"]"},
		{"\"f_latest\": \"x\"", "\"f_secret\": \"x\""},
		{"\"entity\": \"thing\"", "\"entity\": \"nothing\""},
		{"\"deleted\": null", "\"deleted\": {}"},
		{"\"id\": \"T-1\"", "\"id\": \"../T-1\""},
		{"\n  }\n}\n", "\n  }\n}\n\n"},
		{"\"rep\":\"hub\",", ""},
	};
	struct company *company = *state;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char *text = replaced(sample_main, changes[i][0], changes[i][1]);
		struct rep_record *record = NULL;
		struct rep_json *extra = NULL;
		struct rep_error err = {0};
		enum rep_code rc = rep_record_read(&record, &extra, company->schema, "A-1", text,
						   strlen(text), &err);
		expect_code(rc, REP_EINVAL, &err, NULL);
		assert_null(record);
		assert_null(extra);
		free(text);
	}
}

static void every_cut_and_every_changed_byte_is_refused_or_another_record(void **state)
{
	struct company *company = *state;
	size_t len = strlen(sample_main);
	char text[sizeof(sample_main)];

	for (size_t i = 0; i < len; i++) {
		struct rep_record *record = NULL;
		struct rep_json *extra = NULL;
		struct rep_error err = {0};
		struct rep_buf buf = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
		assert_int_not_equal(rep_record_read(&record, &extra, company->schema, "A-1",
						     sample_main, i, &err),
				     REP_OK);
		memcpy(text, sample_main, len + 1);
		text[i] ^= 1;
		if (rep_record_read(&record, &extra, company->schema, "A-1", text, len, &err))
			continue;
		assert_true(rep_record_write_extra(&buf, record, extra, "open"));
		assert_string_equal(rep_buf_str(&buf), text);
		rep_buf_clear(&buf);
		rep_record_free(record);
		rep_json_free(extra);
	}
}

static void unknown_fields_are_kept_aside_and_written_again(void **state)
{
	struct company *company = *state;
	struct rep_record *record = NULL;
	struct rep_json *extra = NULL;
	struct rep_error err = {0};
	struct rep_buf buf = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	char *text = replaced(sample_main, "\"name\"", "\"g_new\": 7,\n    \"name\"");
	char *twin = replaced(sample_twin, "\"f_secret\": \"there\"",
			      "\"f_secret\": \"there\",\n    \"z_new\": [1]");

	expect_ok(
		rep_record_read(&record, &extra, company->schema, "A-1", text, strlen(text), &err),
		&err);
	expect_ok(
		rep_record_read(&record, &extra, company->schema, "A-1", twin, strlen(twin), &err),
		&err);
	assert_null(rep_record_value(record, "g_new"));
	assert_true(rep_record_write_extra(&buf, record, extra, "open"));
	assert_string_equal(rep_buf_str(&buf), text);
	rep_buf_reset(&buf);
	assert_true(rep_record_write_extra(&buf, record, extra, "secret"));
	assert_string_equal(rep_buf_str(&buf), twin);
	rep_buf_clear(&buf);
	rep_record_free(record);
	rep_json_free(extra);
	free(text);
	free(twin);
}

static void a_twin_needs_its_own_main_file(void **state)
{
	struct company *company = *state;
	struct rep_record *record = NULL;
	struct rep_json *extra = NULL;
	struct rep_error err = {0};

	expect_code(rep_record_read(&record, &extra, company->schema, "A-1", sample_twin,
				    strlen(sample_twin), &err),
		    REP_EINVAL, &err, "before its main file");
	record = record_of(company->schema, "thing", "T-2", "A-1", "{'name':'x'}");
	expect_code(rep_record_read(&record, &extra, company->schema, "A-1", sample_twin,
				    strlen(sample_twin), &err),
		    REP_EINVAL, &err, "another record");
	rep_record_free(record);
}

static void a_review_item_keeps_values_in_its_class(void **state)
{
	struct company *company = *state;
	struct rep_record *item = record_of(
		company->schema, "conflict", "c-1", "A-1",
		"{'entity':'thing','record':'T-1','field':'f_secret','state':'open','winner':'w',"
		"'rivals':[{'value':'hidden'}]}");
	struct rep_buf main_file = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_buf twin = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_record *again = NULL;
	struct rep_json *extra = NULL;
	struct rep_error err = {0};

	item->twin = strdup("secret");
	assert_true(rep_record_write(&main_file, item, "open"));
	assert_null(strstr(rep_buf_str(&main_file), "hidden"));
	assert_true(rep_record_write(&twin, item, "secret"));
	assert_non_null(strstr(rep_buf_str(&twin), "hidden"));
	expect_ok(rep_record_read(&again, &extra, company->schema, "A-1", main_file.data,
				  main_file.len, &err),
		  &err);
	assert_null(again->twin);
	expect_ok(
		rep_record_read(&again, &extra, company->schema, "A-1", twin.data, twin.len, &err),
		&err);
	assert_string_equal(again->twin, "secret");
	assert_true(rep_json_equal(again->fields, item->fields));
	rep_buf_clear(&main_file);
	rep_buf_clear(&twin);
	rep_record_free(item);
	rep_record_free(again);
}

static void paths_are_taken_apart_as_they_were_built(void **state)
{
	static const struct {
		const char *entity, *partition, *id, *visibility, *path;
	} cases[] = {
		{"thing", "A-1", "T-1", "open", "data/0c/A-1/thing/T-1.json"},
		{"thing", "team-t1", "T-1", "secret", "restricted/secret/"},
		{"visit", "A-1", "0193b0a0-0000-7000-8000-000000000000", "open",
		 "/2024-12/0193b0a0"},
		{"visit", "staff-ana", "V-1", "open", "/visit/x-"},
		{"device", "org", "devaaaaa", "open", "org/device/"},
		{"role", "org", "ana", "open", "org/role/ana.json"},
		{"conflict", "A-1", "c-1", "secret", "/A-1/conflict/c-1.json"},
	};
	struct company *company = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rep_entity *entity =
			rep_schema_entity(company->schema, cases[i].entity);
		struct rep_buf path = REP_BUF_INIT(1024);
		struct rep_record_place place;
		rep_record_path(&path, entity, cases[i].partition, cases[i].id,
				cases[i].visibility);
		if (i > 0)
			assert_non_null(strstr(rep_buf_str(&path), cases[i].path));
		assert_true(rep_record_path_parse(&place, company->schema, rep_buf_str(&path)));
		assert_string_equal(place.entity, cases[i].entity);
		assert_string_equal(place.partition, cases[i].partition);
		assert_string_equal(place.id, cases[i].id);
		assert_string_equal(place.visibility, cases[i].visibility);
		rep_buf_clear(&path);
	}
}

static void other_paths_are_no_records(void **state)
{
	static const char *const paths[] = {
		"",
		"data",
		"data/00/A-1/thing/T-1.json",
		"data/A-1/thing/T-1.json",
		"restricted/open/00/A-1/thing/T-1.json",
		"restricted/none/00/A-1/thing/T-1.json",
		"org/device/00/devaaaaa.json",
		"org/role/x/ana.json",
		"org/thing/T-1.json",
		"org/role/ana",
		"org/role/.json",
		"org/role/../ana.json",
		"journal/00/x",
	};
	struct company *company = *state;
	struct rep_record_place place;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_false(rep_record_path_parse(&place, company->schema, paths[i]));
}

static void partitions_are_five_kinds(void **state)
{
	(void)state;
	assert_true(rep_partition_valid("company"));
	assert_true(rep_partition_valid("desk"));
	assert_true(rep_partition_valid("O-0101"));
	assert_true(rep_partition_valid("team-t1"));
	assert_true(rep_partition_valid("staff-E0007"));
	assert_false(rep_partition_valid("team-"));
	assert_false(rep_partition_valid("a/b"));
	assert_false(rep_partition_valid(""));
	assert_false(rep_partition_valid(".."));
}

static void a_copy_is_its_own(void **state)
{
	struct company *company = *state;
	struct rep_record *record = sample(company), *copy = rep_record_dup(record);

	rep_record_put(copy, "name", rep_json_string("other"), at(9, ANA));
	rep_record_put_element_stamp(copy, "f_set", "\"gone\"", at(9, ANA));
	assert_string_equal(rep_json_string_value(rep_record_value(record, "name")), "王敏");
	assert_string_equal(rep_record_element_stamp(record, "f_set", "\"gone\""), at(7, BEN));
	rep_record_free(copy);
	rep_record_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_has_one_form),
		cmocka_unit_test(a_twin_exists_only_where_the_class_has_a_field),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(any_other_bytes_are_refused),
		cmocka_unit_test(every_cut_and_every_changed_byte_is_refused_or_another_record),
		cmocka_unit_test(unknown_fields_are_kept_aside_and_written_again),
		cmocka_unit_test(a_twin_needs_its_own_main_file),
		cmocka_unit_test(a_review_item_keeps_values_in_its_class),
		cmocka_unit_test(paths_are_taken_apart_as_they_were_built),
		cmocka_unit_test(other_paths_are_no_records),
		cmocka_unit_test(partitions_are_five_kinds),
		cmocka_unit_test(a_copy_is_its_own),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
