/* The SQL within a schema: one right schema, and one mistake a case. */
#include "help.h"

#include <stdio.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/store/reference.h"
#include "core/store/schema_sql.h"
#include "core/store/tables.h"
#include "sync/hub/hub.h"

#define LABEL "\"label\":{\"zh\":\"甲\",\"en\":\"A\"}"

static const char top[] =
	"{\"format\":1,\"name\":\"shop\",\"version\":1,\"effective\":\"2026-01-01T00:00:00.000Z\"," LABEL
	",\"roles\":{\"rep\":{" LABEL ",\"rank\":20,\"scope\":\"held\"}},"
	"\"tables\":{\"days\":{" LABEL ",\"columns\":{\"day\":\"date\",\"n\":\"integer\"},"
	"\"key\":[\"day\"]}},"
	"\"entities\":[\"shop\",\"visit\"],\"reports\":[\"list\"]}";
static const char shop[] = "{" LABEL ",\"partition\":{\"is\":\"self\"},\"insert\":[\"rep\"],"
			   "\"write\":[\"rep\"],\"fields\":["
			   "{\"name\":\"name\",\"type\":\"text\"," LABEL "},"
			   "{\"name\":\"tags\",\"type\":\"set\",\"of\":\"text\"," LABEL "},"
			   "{\"name\":\"visits\",\"type\":\"integer\"," LABEL
			   ",\"computed\":\"(SELECT count(*) FROM v_visit WHERE shop=new.id)\"}],"
			   "\"match\":[{\"name\":\"D1\",\"on\":[\"name\",\"substr(a.name,1,1)\"],"
			   "\"unless\":\"a.visits<>b.visits\",\"then\":\"ask\"}]}";
/* %s: on, expr, detail */
static const char visit[] =
	"{" LABEL ",\"partition\":{\"of\":[\"shop\"]},\"insert\":[\"rep\"],\"write\":[\"rep\"],"
	"\"fields\":[{\"name\":\"shop\",\"type\":\"reference\",\"to\":\"shop\"," LABEL
	",\"required\":true},{\"name\":\"day\",\"type\":\"date\"," LABEL "},"
	"{\"name\":\"changes\",\"type\":\"integer\"," LABEL "}],"
	"\"checks\":[{\"name\":\"rule\",\"on\":\"%s\",\"level\":\"refuse\",\"message\":{\"zh\":\"不\","
	"\"en\":\"No\"},\"expr\":\"%s\",\"detail\":\"%s\"}]}";
static const char report_head[] = "-- report: list\n-- label: zh=表 | en=List\n-- roles: rep\n"
				  "-- param: day date | zh=日 | en=day\n"
				  "-- param: p period | zh=期 | en=period\n"
				  "-- column: name | zh=名 | en=Name\n";

struct parts {
	const char *on, *expr, *detail, *report;
	const char *shop_from, *shop_to;
};

static void add(struct rep_schema_files *files, const char *path, const char *text)
{
	struct rep_error err = {0};

	expect_ok(rep_schema_files_add(files, path, text, strlen(text), &err), &err);
}

static enum rep_code check(const struct parts *parts, struct rep_error *err)
{
	struct rep_schema_files files = {0};
	struct rep_schema *schema;
	char text[8192];

	add(&files, "schema.json", top);
	add(&files, "tables/days.csv", "day,n\n2026-01-01,1\n");
	snprintf(text, sizeof text, visit, parts->on ? parts->on : "write",
		 parts->expr ? parts->expr : "1", parts->detail ? parts->detail : "'x'");
	add(&files, "entities/visit.json", text);
	if (parts->shop_from) {
		const char *at = strstr(shop, parts->shop_from);

		assert_non_null(at);
		snprintf(text, sizeof text, "%.*s%s%s", (int)(at - shop), shop, parts->shop_to,
			 at + strlen(parts->shop_from));
	}
	add(&files, "entities/shop.json", parts->shop_from ? text : shop);
	snprintf(text, sizeof text, "%s%s", report_head,
		 parts->report ? parts->report : "SELECT name FROM v_shop");
	add(&files, "reports/list.sql", text);
	expect_ok(rep_schema_load(&schema, &files, err), err);
	enum rep_code rc = rep_schema_check_sql(schema, err);

	rep_schema_free(schema);
	return rc;
}

static void good_sql_is_taken(void **state)
{
	static const struct parts cases[] = {
		{0},
		{.expr = "new.day IS NULL OR EXISTS(SELECT 1 FROM days WHERE day=new.day AND n>0)"},
		{.expr = "new.shop IN (SELECT id FROM v_shop__tags WHERE value='x')"},
		{.expr = "ctx.at>new.created_at AND ctx.rep=new.created_by AND ctx.role='rep'"},
		{.expr = "new.changes>0 -- a field of that name"},
		{.expr = "new.day<>'today is now'"},
		{.on = "update", .expr = "new.day>=old.day", .detail = "old.day||new.day"},
		{.report =
			 "WITH x AS (SELECT name FROM v_shop) SELECT name FROM x WHERE :day IS NULL"},
		{.report = "SELECT s.name AS name FROM v_shop s WHERE s.created_at>=:p_from AND "
			   "s.created_at<:p_until AND :p<>'::no';\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_error err = {0};

		if (check(&cases[i], &err))
			fail_msg("case %zu: %s", i, err.msg);
	}
}

static void bad_sql_is_refused_with_its_code(void **state)
{
	static const struct {
		const char *says;
		struct parts parts;
	} cases[] = {
		{"entities/visit.json: visit.rule: check-sql: ", {.expr = "new.day >"}},
		{"check-sql", {.expr = "new.hour=1"}},
		{"check-sql", {.expr = "new._stamps IS NULL"}},
		{"check-sql", {.expr = "day IS NULL"}},
		{"check-sql", {.expr = "EXISTS(SELECT 1 FROM v_shops)"}},
		{"check-sql", {.expr = "1) FROM ctx; DELETE FROM shop; --"}},
		{"check-sql", {.detail = "new.hour"}},
		{"check-sql", {.expr = "new.day=:day"}},
		{"visit.rule: check-function: no such function: rep_pinyin",
		 {.expr = "rep_pinyin(new.day)='x'"}},
		{"check-function: random", {.expr = "random()>0"}},
		{"check-function: current_timestamp", {.expr = "new.day<CURRENT_TIMESTAMP"}},
		{"check-function: 'now'", {.expr = "new.day<date('now')"}},
		{"check-function: last_insert_rowid", {.detail = "last_insert_rowid()"}},
		{"shop.visits: check-sql: ", {.shop_from = "v_visit", .shop_to = "v_visits"}},
		{"shop.D1: check-sql: ",
		 {.shop_from = "substr(a.name", .shop_to = "substr(b.name"}},
		{"shop.D1: check-sql: ", {.shop_from = "a.visits<>", .shop_to = "c.visits<>"}},
		{"reports/list.sql: list: report-sql: ", {.report = "SELECT name FROM v_shops"}},
		{"report-sql: the parameter :hour",
		 {.report = "SELECT name FROM v_shop WHERE :hour"}},
		{"report-sql: the parameter ?", {.report = "SELECT name FROM v_shop WHERE ?1"}},
		{"report-sql: the parameter :day_from",
		 {.report = "SELECT name FROM v_shop WHERE :day_from"}},
		{"report-not-select", {.report = "DELETE FROM shop"}},
		{"report-not-select", {.report = "PRAGMA table_list"}},
		{"report-not-select",
		 {.report =
			  "WITH x(y) AS (SELECT 1) INSERT INTO shop(id) SELECT y FROM x RETURNING id"}},
		{"report-not-select", {.report = "SELECT name FROM v_shop; SELECT 1"}},
		{"report-columns: 2 columns, 1 declared",
		 {.report = "SELECT name, id FROM v_shop"}},
		{"report-columns: column 1 is id, declared name",
		 {.report = "SELECT id FROM v_shop"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_error err = {0};

		if (check(&cases[i].parts, &err) == REP_OK)
			fail_msg("case %zu (%s) was taken", i, cases[i].says);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].says, err.msg);
	}
}

static void the_schemas_of_the_project_are_good(void **state)
{
	static const char *const dirs[] = {"schema", "tests/schemas/device-service"};

	(void)state;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		struct rep_schema *schema;
		struct rep_error err = {0};

		expect_ok(rep_schema_load_dir(&schema, source_path(dirs[i]), &err), &err);
		expect_ok(rep_schema_check_sql(schema, &err), &err);
		rep_schema_free(schema);
	}
}

/* The schema of the project below `dir`, with one name of a check misspelt. */
static void write_misspelt(const char *dir)
{
	struct rep_schema_files files;
	struct rep_error err = {0};
	char path[8300];

	expect_ok(rep_schema_files_read(&files, source_path("schema"), &err), &err);
	for (size_t i = 0; i < files.len; i++) {
		struct rep_schema_file *file = &files.files[i];
		char *at = strstr(file->data, "new.ended_on>=");

		if (at && strcmp(file->path, "entities/affiliation.json") == 0)
			memcpy(at, "new.ended_in>=", strlen("new.ended_in>="));
		snprintf(path, sizeof path, "%s/%s", dir, file->path);
		*strrchr(path, '/') = '\0';
		expect_ok(rep_dir_make(path, 0700, &err), &err);
		snprintf(path, sizeof path, "%s/%s", dir, file->path);
		expect_ok(rep_file_write(path, file->data, file->size_bytes, 0600, &err), &err);
	}
	rep_schema_files_clear(&files);
}

static void no_hub_is_made_with_sql_that_sqlite_refuses(void **state)
{
	struct rep_error err = {0};
	char *dir;
	char schema[4200], hub[4200];

	(void)state;
	expect_ok(rep_dir_private(&dir, "repsync-test-", &err), &err);
	snprintf(schema, sizeof schema, "%s/schema", dir);
	snprintf(hub, sizeof hub, "%s/hub", dir);
	write_misspelt(schema);
	expect_code(rep_hub_init(hub,
				 &(struct rep_hub_init){.schema_dir = schema,
							.company = "x",
							.now_ms = 1774314000000},
				 &err),
		    REP_EINVAL, &err, "affiliation.ends_after_start: check-sql");
	expect_ok(rep_dir_remove(dir, &err), &err);
	free(dir);
}

static struct rep_db *open_with(const struct rep_schema *schema)
{
	struct rep_db *db;
	struct rep_error err = {0};

	expect_ok(rep_db_open(&db, NULL, &(struct rep_db_options){.create = true, .memory = true},
			      &err),
		  &err);
	expect_ok(rep_tables_create(db, schema, &err), &err);
	return db;
}

static void reference_tables_are_filled_and_read_only(void **state)
{
	struct rep_schema *schema;
	struct rep_error err = {0};
	struct rep_stmt *stmt;
	bool row;

	(void)state;
	expect_ok(rep_schema_load_dir(&schema, source_path("tests/schemas/device-service"), &err),
		  &err);
	struct rep_db *db = open_with(schema);

	expect_ok(rep_db_prepare(db, &stmt, "SELECT sum(closed), count(*), max(name) FROM holiday",
				 &err),
		  &err);
	expect_ok(rep_step(stmt, &row, &err), &err);
	assert_true(row);
	assert_int_equal(rep_column_int(stmt, 0), 2);
	assert_int_equal(rep_column_int(stmt, 1), 3);
	assert_string_equal(rep_column_text(stmt, 2, NULL), "春节, 初一");
	rep_stmt_free(stmt);
	expect_code(rep_db_exec(db, "UPDATE holiday SET closed = 0", &err), REP_EINVAL, &err,
		    "read-only");
	expect_code(rep_db_exec(db, "DELETE FROM holiday", &err), REP_EINVAL, &err, "read-only");
	rep_db_close(db);
	rep_schema_free(schema);
}

static void a_table_that_a_schema_no_longer_has_is_dropped(void **state)
{
	struct rep_schema *before, *after;
	struct rep_error err = {0};

	(void)state;
	expect_ok(rep_schema_load_dir(&before, source_path("tests/schemas/device-service"), &err),
		  &err);
	expect_ok(rep_schema_load_dir(&after, source_path("schema"), &err), &err);
	struct rep_db *db = open_with(before);

	expect_ok(rep_reference_create(db, before, &err), &err);
	expect_ok(rep_db_exec(db, "SELECT 1 FROM holiday", &err), &err);
	expect_ok(rep_reference_create(db, after, &err), &err);
	expect_code(rep_db_exec(db, "SELECT 1 FROM holiday", &err), REP_EINVAL, &err,
		    "no such table");
	rep_db_close(db);
	rep_schema_free(before);
	rep_schema_free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_sql_is_taken),
		cmocka_unit_test(bad_sql_is_refused_with_its_code),
		cmocka_unit_test(the_schemas_of_the_project_are_good),
		cmocka_unit_test(no_hub_is_made_with_sql_that_sqlite_refuses),
		cmocka_unit_test(reference_tables_are_filled_and_read_only),
		cmocka_unit_test(a_table_that_a_schema_no_longer_has_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
