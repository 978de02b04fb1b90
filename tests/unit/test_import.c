#include "sync/admin/import.h"

#include <stdio.h>

#include "core/base/file.h"
#include "help_hub.h"
#include "sync/audit/audit.h"

static char dir[256];
static char path[300];
static struct rep_hub *hub;
static int64_t now = HUB_T0;

static int make(void **state)
{
	(void)state;
	hub = hub_make(dir, sizeof dir);
	snprintf(path, sizeof path, "%s/in.csv", dir);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	expect_fsck(dir);
	hub_drop(hub, dir);
	return 0;
}

static void write_file(const char *text)
{
	struct rep_error err = {0};

	expect_ok(rep_file_write(path, text, strlen(text), 0600, &err), &err);
}

static struct rep_json *import_as(const char *entity, const char *source, bool dry_run)
{
	struct rep_import import = {
		.entity = entity,
		.path = path,
		.source = source,
		.dry_run = dry_run,
		.now_ms = now += 60000,
	};
	struct rep_json *report;
	struct rep_error err = {0};

	expect_ok(rep_hub_import(hub, &import, &report, &err), &err);
	assert_int_equal(rep_json_get_integer(report, "records"),
			 rep_json_get_integer(report, "taken") +
				 rep_json_get_integer(report, "unchanged") +
				 (int64_t)rep_json_size(rep_json_get(report, "refused")));
	return report;
}

static void expect_counts(const char *entity, int64_t taken, int64_t unchanged, size_t refused)
{
	struct rep_json *report = import_as(entity, NULL, false);

	assert_int_equal(rep_json_get_integer(report, "taken"), taken);
	assert_int_equal(rep_json_get_integer(report, "unchanged"), unchanged);
	assert_int_equal(rep_json_size(rep_json_get(report, "refused")), refused);
	rep_json_free(report);
}

static struct rep_oid head(void)
{
	struct rep_error err = {0};
	struct rep_oid oid;

	expect_ok(rep_git_ref(rep_hub_central(hub), "refs/heads/main", &oid, &err), &err);
	return oid;
}

static void expect_field(const char *entity, const char *id, const char *field, const char *value)
{
	struct rep_error err = {0};
	struct rep_json *record;
	const char *got;

	expect_ok(rep_hub_show(hub, entity, id, NULL, false, &record, &err), &err);
	got = rep_json_get_string(rep_json_get(record, "fields"), field);
	assert_string_equal(got ? got : "nothing", value ? value : "nothing");
	rep_json_free(record);
}

static void the_same_file_again_moves_nothing(void **state)
{
	struct rep_oid before, after;

	(void)state;
	write_file("id,name,city\nO-1,江南市第一医院,江南市\nO-2,江南市第二医院,\n");
	expect_counts("org", 2, 0, 0);
	before = head();
	expect_counts("org", 0, 2, 0);
	after = head();
	assert_true(rep_oid_equal(&before, &after));
}

static void only_what_the_source_changed_is_written(void **state)
{
	struct rep_audit query = {.entity = "org", .id = "O-1"};
	struct rep_error err = {0};
	struct rep_json *rows;

	(void)state;
	write_file("id,name,city\nO-1,江南市第一医院,江南市\n");
	expect_counts("org", 1, 0, 0);
	write_file("id,name,city\nO-1,江南市第一医院,江北市\n");
	expect_counts("org", 1, 0, 0);
	expect_field("org", "O-1", "city", "江北市");
	query.field = "name";
	expect_ok(rep_hub_audit(hub, &query, &rows, &err), &err);
	assert_int_equal(rep_json_size(rows), 1);
	rep_json_free(rows);
}

static void what_stands_is_not_touched_where_the_source_says_the_same(void **state)
{
	(void)state;
	write_file("id,name,address\nO-1,江南市第一医院,一路\n");
	expect_counts("org", 1, 0, 0);
	/* Another source corrects it; the first one repeats itself. */
	write_file("id,address\nO-1,二路\n");
	rep_json_free(import_as("org", "register", false));
	expect_field("org", "O-1", "address", "二路");
	write_file("id,name,address\nO-1,江南市第一医院,一路\n");
	expect_counts("org", 0, 1, 0);
	expect_field("org", "O-1", "address", "二路");
}

/* Killed between the mailbox and the run: the next import finds it given, and merges it first. */
static void what_a_killed_import_left_counts_as_given(void **state)
{
	struct rep_error err = {0};
	struct rep_hub_batch *batch;
	static const char text[] =
		"{\"source\":\"csv\",\"values\":{\"name\":{\"new\":\"某市医院\"}}}";
	struct rep_json *line;

	(void)state;
	expect_ok(rep_json_parse(&line, text, sizeof text - 1, 4096, 8, &err), &err);
	expect_ok(rep_hub_batch_new(&batch, hub, "import in.csv", now += 60000, &err), &err);
	expect_ok(rep_hub_batch_add(batch, REP_OP_INSERT, "org", "O-1", line, &err), &err);
	expect_ok(rep_hub_batch_send(batch, &err), &err);
	rep_hub_batch_free(batch);
	write_file("id,name\nO-1,某市医院\n");
	expect_counts("org", 0, 1, 0);
	expect_field("org", "O-1", "name", "某市医院");
}

static void a_dry_run_counts_and_keeps_nothing(void **state)
{
	struct rep_oid before = head(), after;
	struct rep_json *report;

	(void)state;
	write_file("id,name\nO-1,某市医院\nO-2,院\n");
	report = import_as("org", NULL, true);
	assert_int_equal(rep_json_get_integer(report, "taken"), 1);
	assert_int_equal(rep_json_size(rep_json_get(report, "refused")), 1);
	rep_json_free(report);
	after = head();
	assert_true(rep_oid_equal(&before, &after));
	expect_counts("org", 1, 0, 1);
}

static void a_value_cannot_be_taken_from_a_required_field(void **state)
{
	(void)state;
	write_file("id,name\nO-1,某市医院\n");
	expect_counts("org", 1, 0, 0);
	write_file("id,name\nO-1,\n");
	expect_counts("org", 0, 0, 1);
	expect_field("org", "O-1", "name", "某市医院");
}

static void an_immutable_field_is_left_out_once_it_stands(void **state)
{
	const struct rep_json *dropped;
	struct rep_json *report;

	(void)state;
	write_file("id,name,ext_id\nO-1,某市医院,H-1\n");
	expect_counts("org", 1, 0, 0);
	write_file("id,name,ext_id\nO-1,某市医院,H-2\n");
	report = import_as("org", NULL, false);
	assert_int_equal(rep_json_get_integer(report, "taken"), 0);
	dropped = rep_json_at(rep_json_get(report, "dropped"), 0);
	assert_string_equal(rep_json_get_string(dropped, "reason"), "immutable");
	assert_string_equal(rep_json_get_string(dropped, "value"), "H-2");
	rep_json_free(report);
	expect_field("org", "O-1", "ext_id", "H-1");
}

static void a_line_may_refer_to_another_of_its_file(void **state)
{
	(void)state;
	write_file("id,name,parent\nT-1,华东,\nT-2,江南,T-1\nT-3,江北,T-9\n");
	expect_counts("territory", 3, 0, 0);
	expect_field("territory", "T-2", "parent", "T-1");
	expect_field("territory", "T-3", "parent", NULL);
}

static void the_engines_own_records_are_not_imported(void **state)
{
	struct rep_import import = {.entity = "device", .path = path, .now_ms = now};
	struct rep_json *report;
	struct rep_error err = {0};

	(void)state;
	write_file("id,rep\nd7k3f9qm,E0007\n");
	expect_code(rep_hub_import(hub, &import, &report, &err), REP_EUSAGE, &err, "device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_same_file_again_moves_nothing, make, drop),
		cmocka_unit_test_setup_teardown(only_what_the_source_changed_is_written, make,
						drop),
		cmocka_unit_test_setup_teardown(
			what_stands_is_not_touched_where_the_source_says_the_same, make, drop),
		cmocka_unit_test_setup_teardown(what_a_killed_import_left_counts_as_given, make,
						drop),
		cmocka_unit_test_setup_teardown(a_dry_run_counts_and_keeps_nothing, make, drop),
		cmocka_unit_test_setup_teardown(a_value_cannot_be_taken_from_a_required_field, make,
						drop),
		cmocka_unit_test_setup_teardown(an_immutable_field_is_left_out_once_it_stands, make,
						drop),
		cmocka_unit_test_setup_teardown(a_line_may_refer_to_another_of_its_file, make,
						drop),
		cmocka_unit_test_setup_teardown(the_engines_own_records_are_not_imported, make,
						drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
