#include "sync/admin/import_row.h"

#include <stdio.h>

#include "core/base/file.h"
#include "core/store/tables.h"
#include "help.h"

static struct rep_schema *schema;
static struct rep_db *db;
static char *folder;
static const uint8_t secret[32] = {1, 2, 3};

static void put_org(const char *id, const char *source, const char *ext_id)
{
	const struct rep_entity *entity = rep_schema_entity(schema, "org");
	struct rep_record *record;
	struct rep_error err = {0};

	expect_ok(rep_record_new(&record, entity, id, id, "hub",
				 "2026-03-01T00:00:00.000Z-0000@hub00000", &err),
		  &err);
	rep_json_set_string(record->fields, "name", "江南市第一人民医院");
	if (source) {
		rep_json_set_string(record->fields, "source", source);
		rep_json_set_string(record->fields, "ext_id", ext_id);
	}
	expect_ok(rep_row_put(db, record, NULL, "data", &err), &err);
	rep_record_free(record);
}

static int make_world(void **state)
{
	struct rep_db_options options = {.memory = true, .create = true};
	struct rep_error err = {0};

	(void)state;
	if (rep_dir_private(&folder, "test-import", &err) || rep_key_init(&err) ||
	    rep_schema_load_dir(&schema, source_path("schema"), &err) ||
	    rep_db_open(&db, "", &options, &err) || rep_tables_create(db, schema, &err)) {
		print_error("%s\n", err.msg);
		return -1;
	}
	put_org("O-0101", NULL, NULL);
	put_org("O-0102", "his", "H-2");
	return 0;
}

static int end_world(void **state)
{
	struct rep_error err = {0};

	(void)state;
	rep_db_close(db);
	rep_schema_free(schema);
	if (rep_dir_remove(folder, &err))
		return -1;
	free(folder);
	return 0;
}

/* One file being read: opened by open_file, its next line read by next. */
static struct rep_csv *csv;
static struct rep_import import;
static struct rep_json *mapping;
static struct rep_import_plan plan;
static struct rep_import_reader reader;
static struct rep_import_row row;

static enum rep_code try_file(const char *entity, const char *text, const char *mapped,
			      struct rep_error *err)
{
	static char path[300];
	struct rep_csv_record header;
	enum rep_code rc;
	bool more;

	snprintf(path, sizeof path, "%s/in.csv", folder);
	expect_ok(rep_file_write(path, text, strlen(text), 0600, err), err);
	mapping = NULL;
	if (mapped)
		expect_ok(rep_json_parse(&mapping, mapped, strlen(mapped), 65536, 16, err), err);
	import = (struct rep_import){.entity = entity, .path = path, .mapping = mapping};
	expect_ok(rep_csv_open(&csv, path, NULL, err), err);
	expect_ok(rep_csv_next(csv, &header, &more, err), err);
	rc = rep_import_plan_make(&plan, schema, &import, &header, err);
	reader = (struct rep_import_reader){.plan = &plan, .db = db, .secret = secret};
	if (rc) {
		rep_csv_close(csv);
		rep_json_free(mapping);
	}
	return rc;
}

static void open_file(const char *entity, const char *text, const char *mapped)
{
	struct rep_error err = {0};

	expect_ok(try_file(entity, text, mapped, &err), &err);
	expect_ok(rep_import_row_init(&row, &plan, &err), &err);
}

static void close_file(void)
{
	rep_import_row_clear(&row, &plan);
	rep_import_plan_clear(&plan);
	rep_csv_close(csv);
	rep_json_free(mapping);
}

static void refuse_file(const char *entity, const char *text, const char *mapped, const char *part)
{
	struct rep_error err = {0};

	expect_code(try_file(entity, text, mapped, &err), REP_EINVAL, &err, part);
}

static void next(void)
{
	struct rep_csv_record record;
	struct rep_error err = {0};
	bool more;

	expect_ok(rep_csv_next(csv, &record, &more, &err), &err);
	assert_true(more);
	rep_import_row_reset(&row, &plan);
	expect_ok(rep_import_row_id(&reader, &record, &row, &err), &err);
	if (!row.refused)
		expect_ok(rep_import_row_values(&reader, &record, &row, &err), &err);
}

static void expect_field(const char *field, const char *json)
{
	const struct rep_field *found = rep_entity_field(plan.entity, field);
	char *text = rep_json_text(row.values[found - plan.entity->fields]);

	assert_string_equal(text ? text : "nothing", json ? json : "nothing");
	free(text);
}

static bool is_given(const char *field)
{
	return row.given[rep_entity_field(plan.entity, field) - plan.entity->fields];
}

static void expect_refused(const char *reason, const char *field)
{
	assert_true(row.refused);
	assert_string_equal(rep_json_get_string(row.refusal, "reason"), reason);
	if (field)
		assert_string_equal(rep_json_get_string(row.refusal, "field"), field);
}

static void expect_dropped(size_t count, const char *reason, const char *field)
{
	const struct rep_json *last = rep_json_at(row.dropped, count - 1);

	assert_false(row.refused);
	assert_int_equal(rep_json_size(row.dropped), count);
	if (reason)
		assert_string_equal(rep_json_get_string(last, "reason"), reason);
	assert_string_equal(rep_json_get_string(last, "field"), field);
}

static void titles_are_names_or_labels_and_unknown_columns_are_left_out(void **state)
{
	(void)state;
	open_file("org", "id,name,等级,City,rank of the day\nO-1,某市中心医院,三甲,某市,7\n", NULL);
	next();
	assert_string_equal(row.id, "O-1");
	expect_field("name", "\"某市中心医院\"");
	expect_field("level", "\"三级甲等\"");
	expect_field("city", "\"某市\"");
	close_file();
}

static void a_mapping_takes_its_columns_and_no_others(void **state)
{
	(void)state;
	open_file("org", "code,name,title\nH-9,不是名称,某市中心医院\n",
		  "{\"columns\":{\"code\":\"ext_id\",\"title\":\"name\"}}");
	next();
	expect_field("name", "\"某市中心医院\"");
	close_file();
}

static void a_plan_that_cannot_work_is_refused(void **state)
{
	(void)state;
	refuse_file("org", "a,b\n", NULL, "none of its columns");
	refuse_file("org", "name\n", NULL, "ext_id");
	refuse_file("org", "id,name\n", "{\"columns\":{\"id\":\"id\",\"x\":\"nosuch\"}}", "nosuch");
	refuse_file("org", "id,name,名称\n", NULL, "given twice");
	refuse_file("org", "id,id,name\n", NULL, "given twice");
	refuse_file("org", "id,name\n", "{\"set\":{\"level\":\"nosuch\"}}", "level");
	refuse_file("contact", "id,name,处方量\n", NULL, "处方量");
	refuse_file("contact", "id,x\n",
		    "{\"columns\":{\"id\":\"id\",\"x\":\"influence_evidence\"}}", "list");
}

static void one_key_is_one_id_and_another_secret_another(void **state)
{
	static const uint8_t other[32] = {9};
	char first[REP_ID_LEN_MAX + 1];

	(void)state;
	open_file("org", "ext_id,name\nH-9,甲医院\nH-9,乙医院\nH-8,丙医院\nH-9,丁医院\n", NULL);
	next();
	strcpy(first, row.id);
	next();
	assert_string_equal(row.id, first);
	next();
	assert_string_not_equal(row.id, first);
	reader.secret = other;
	next();
	assert_string_not_equal(row.id, first);
	close_file();
}

static void a_record_that_bears_the_key_is_found(void **state)
{
	(void)state;
	open_file("org", "ext_id,name\nH-2,甲医院\n", "{\"source\":\"his\"}");
	next();
	assert_string_equal(row.id, "O-0102");
	close_file();
}

static void cells_lose_blanks_and_a_spreadsheets_apostrophe(void **state)
{
	(void)state;
	open_file("org",
		  "id,name,address\nO-1,\xE3\x80\x80 某市中心医院\xC2\xA0\xEF\xBB\xBF,'12号\n"
		  "O-2,某院,it's\n",
		  NULL);
	next();
	expect_field("name", "\"某市中心医院\"");
	expect_field("address", "\"12号\"");
	next();
	expect_field("address", "\"it's\"");
	close_file();
}

static void texts_that_mean_nothing_are_empty(void **state)
{
	(void)state;
	open_file("org", "id,name,address\nO-1,某院,待补充\nO-2,无,x\n",
		  "{\"empty\":[\"待补充\",\"无\"]}");
	next();
	expect_field("address", NULL);
	assert_true(is_given("address"));
	next();
	expect_field("name", NULL);
	close_file();
}

static void a_bad_value_refuses_the_line_only_where_it_is_required(void **state)
{
	(void)state;
	open_file("contact",
		  "id,name,kind,phones,gender\nC-1,王,医务人员,13900001111,男\n"
		  "C-2,王敏,医务人员,1390000,男\nC-3,王敏,无名氏,,女\nC-4,王敏,医务人员,,M\n",
		  NULL);
	next();
	assert_true(row.refused); /* a name has two characters */
	assert_string_equal(rep_json_get_string(row.refusal, "field"), "name");
	assert_int_equal(rep_json_get_integer(row.refusal, "line"), 2);
	next();
	expect_dropped(1, NULL, "phones");
	assert_false(is_given("phones"));
	expect_field("gender", "\"男\"");
	next();
	assert_true(row.refused);
	assert_string_equal(rep_json_get_string(row.refusal, "field"), "kind");
	close_file();
}

static void lines_that_do_not_fit_the_header_are_refused(void **state)
{
	(void)state;
	open_file("org", "id,name,address\nO-1,某院\nO-2,某院,x,y\nO-3,某院,x,,\nO-4,\"某\n", NULL);
	next();
	expect_refused("2 cells where the header has 3", NULL);
	next();
	expect_refused("4 cells where the header has 3", NULL);
	next();
	assert_false(row.refused);
	next();
	expect_refused("quote never closed", NULL);
	close_file();
}

static void a_line_without_a_key_is_refused(void **state)
{
	(void)state;
	open_file("org", "ext_id,name\n,某院\n", NULL);
	next();
	expect_refused("missing", "ext_id");
	close_file();
	open_file("org", "id,name\n,某院\na/b,某院\n", NULL);
	next();
	expect_refused("missing", "id");
	next();
	expect_refused("no id", "id");
	close_file();
}

static void references_are_keys_of_the_source_or_ids(void **state)
{
	(void)state;
	open_file("contact",
		  "ext_id,name,kind,org\nD-1,王敏,医务人员,H-2\nD-2,王敏,医务人员,O-0101\n"
		  "D-3,王敏,医务人员,\n",
		  "{\"source\":\"his\"}");
	next();
	expect_field("org", "\"O-0102\"");
	next();
	expect_field("org", "\"O-0101\"");
	next();
	assert_false(row.refused);
	expect_field("org", NULL);
	close_file();
}

static void a_dangling_reference_refuses_only_where_it_decides_the_place(void **state)
{
	(void)state;
	open_file("contact", "id,name,kind,org\nC-1,王敏,医务人员,O-9999\n", NULL);
	next();
	expect_refused("dangling", "org");
	assert_string_equal(rep_json_get_string(row.refusal, "value"), "O-9999");
	close_file();
	open_file("product", "id,name,supplier\nP-1,某某片,O-9999\n", NULL);
	next();
	expect_dropped(1, "dangling", "supplier");
	assert_false(is_given("supplier"));
	close_file();
}

static void elements_of_a_set_that_dangle_are_left_out_one_by_one(void **state)
{
	(void)state;
	open_file("interaction", "id,type,org,products\nI-1,面对面,O-0101,P-9；P-8\n", NULL);
	next();
	expect_dropped(2, "dangling", "products");
	close_file();
}

static void two_columns_fill_one_set_and_a_bad_one_leaves_it_as_it_is(void **state)
{
	static const char columns[] =
		"{\"columns\":{\"id\":\"id\",\"name\":\"name\",\"a\":\"phones\",\"b\":\"phones\"},"
		"\"set\":{\"kind\":\"医务人员\"}}";

	(void)state;
	open_file("contact",
		  "id,name,a,b\nC-1,王敏,13900002222,139-0000-1111\nC-2,王敏,13900002222,12\n"
		  "C-3,王敏,13900002222,+86 139 0000 2222\n",
		  columns);
	next();
	expect_field("phones", "[\"13900001111\",\"13900002222\"]");
	expect_field("kind", "\"医务人员\"");
	next();
	expect_dropped(1, NULL, "phones");
	expect_field("phones", NULL);
	assert_false(is_given("phones"));
	next();
	expect_field("phones", "[\"13900002222\"]");
	close_file();
}

static void what_was_destroyed_before_is_not_taken(void **state)
{
	(void)state;
	open_file("contact",
		  "id,name,kind,office_phone,needs\nC-1,王敏,医务人员,1.38E+10,为什么?\n"
		  "C-2,王?,医务人员,,\nC-3,王敏,医务人员,1.5E,?? x\n",
		  NULL);
	next();
	expect_dropped(1, "a number that a spreadsheet rounded", "office_phone");
	expect_field("needs", "\"为什么?\"");
	next();
	expect_refused("characters were lost", "name");
	next();
	expect_field("office_phone", "\"1.5E\"");
	expect_dropped(1, "characters were lost", "needs");
	close_file();
}

static void an_empty_cell_takes_the_default(void **state)
{
	(void)state;
	open_file("contact",
		  "id,name,kind,employment\nC-1,王敏,医务人员,\nC-2,王敏,医务人员,退休\n", NULL);
	next();
	expect_field("employment", "\"在职\"");
	next();
	expect_field("employment", "\"退休\"");
	close_file();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(titles_are_names_or_labels_and_unknown_columns_are_left_out),
		cmocka_unit_test(a_mapping_takes_its_columns_and_no_others),
		cmocka_unit_test(a_plan_that_cannot_work_is_refused),
		cmocka_unit_test(one_key_is_one_id_and_another_secret_another),
		cmocka_unit_test(a_record_that_bears_the_key_is_found),
		cmocka_unit_test(cells_lose_blanks_and_a_spreadsheets_apostrophe),
		cmocka_unit_test(texts_that_mean_nothing_are_empty),
		cmocka_unit_test(a_bad_value_refuses_the_line_only_where_it_is_required),
		cmocka_unit_test(lines_that_do_not_fit_the_header_are_refused),
		cmocka_unit_test(a_line_without_a_key_is_refused),
		cmocka_unit_test(references_are_keys_of_the_source_or_ids),
		cmocka_unit_test(a_dangling_reference_refuses_only_where_it_decides_the_place),
		cmocka_unit_test(elements_of_a_set_that_dangle_are_left_out_one_by_one),
		cmocka_unit_test(two_columns_fill_one_set_and_a_bad_one_leaves_it_as_it_is),
		cmocka_unit_test(what_was_destroyed_before_is_not_taken),
		cmocka_unit_test(an_empty_cell_takes_the_default),
	};

	return cmocka_run_group_tests(tests, make_world, end_world);
}
