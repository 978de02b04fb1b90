/* The reports of the pharmaceutical schema, over rows as a view brings them. */
#include "help.h"

#include "core/store/db.h"
#include "core/store/tables.h"

static struct rep_schema *schema;
static struct rep_db *db;

static int open_all(void **state)
{
	struct rep_error err = {0};

	(void)state;
	expect_ok(rep_schema_load_dir(&schema, source_path("schema"), &err), &err);
	expect_ok(rep_db_open(&db, NULL, &(struct rep_db_options){.create = true, .memory = true},
			      &err),
		  &err);
	expect_ok(rep_tables_create(db, schema, &err), &err);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	rep_db_close(db);
	rep_schema_free(schema);
	return 0;
}

static void run(const char *sql)
{
	struct rep_error err = {0};

	expect_ok(rep_db_exec(db, sql, &err), &err);
}

/* The rows of a report as "a|b|c\n..."; `params` is name, value, ..., NULL. */
static void expect_report(const char *name, const char *const *params, const char *rows)
{
	struct rep_buf out = REP_BUF_INIT(10000);
	struct rep_error err = {0};
	struct rep_stmt *stmt = NULL;
	bool row = true;

	for (size_t i = 0; i < schema->reports_len; i++)
		if (strcmp(schema->reports[i].name, name) == 0)
			expect_ok(rep_db_prepare(db, &stmt, schema->reports[i].sql, &err), &err);
	assert_non_null(stmt);
	for (size_t i = 0; params[i]; i += 2) {
		int index = rep_bind_index(stmt, params[i]);

		assert_true(index > 0);
		if (strcmp(params[i], ":days") == 0) /* declared as an integer */
			rep_bind_int(stmt, index, atoi(params[i + 1]));
		else
			rep_bind_text(stmt, index, params[i + 1]);
	}
	for (;;) {
		expect_ok(rep_step(stmt, &row, &err), &err);
		if (!row)
			break;
		for (int i = 0; i < rep_columns(stmt); i++) {
			const char *text = rep_column_text(stmt, i, NULL);

			rep_buf_printf(&out, "%s%s", i ? "|" : "", text ? text : "");
		}
		rep_buf_putc(&out, '\n');
	}
	rep_stmt_free(stmt);
	assert_string_equal(rep_buf_str(&out), rows);
	rep_buf_clear(&out);
}

static void add_people(void)
{
	run("INSERT INTO contact (id, name, kind, birthday, birthday_cal) VALUES "
	    "('c1', '陈建国', '医务人员', '1970-12-28', '公历'), "
	    "('c2', '刘敏', '医务人员', '12-30', '公历'), "
	    "('c3', '周涛', '经销商人员', '01-02', '公历'), "
	    "('c4', '吴静', '医务人员', '01-05', '公历'), "
	    "('c5', '何平', '医务人员', '12-27', '公历'), "
	    "('c6', '孙丽', '医务人员', '1972-02-29', '公历'), "
	    "('c7', '黄海', '医务人员', '08-15', '农历'), "
	    "('c8', '已归档', '医务人员', '12-29', '公历'), "
	    "('c9', '已拒绝', '医务人员', '12-29', '公历');"
	    "UPDATE contact SET status = 'archived' WHERE id = 'c8';"
	    "INSERT INTO consent (id, contact, purpose, decision) VALUES "
	    "('k9', 'c9', '一切联系', '撤回'), ('k1', 'c1', '一切联系', '同意');"
	    "INSERT INTO employee (id, name, birthday_md) VALUES ('e1', '周强', '12-31'), "
	    "('e2', '离职者', '12-31');"
	    "UPDATE employee SET employment = '离职' WHERE id = 'e2';");
}

static void birthdays_of_the_week_ahead_are_found(void **state)
{
	static const char *const week[] = {":today", "2026-12-28", ":days", "7", NULL};
	static const char *const common[] = {":today", "2027-02-23", ":days", "7", NULL};
	static const char *const leap[] = {":today", "2028-02-24", ":days", "7", NULL};

	(void)state;
	add_people();
	expect_report("birthdays", week,
		      "contact|陈建国|12-28|0\ncontact|刘敏|12-30|2\nemployee|周强|12-31|3\n"
		      "contact|周涛|01-02|5\n");
	expect_report("birthdays", common, "contact|孙丽|02-29|5\n");
	expect_report("birthdays", leap, "contact|孙丽|02-29|5\n");
}

static void contacts_not_verified_for_long_are_listed(void **state)
{
	static const char *const params[] = {":today", "2026-07-01", ":days", "180", NULL};

	(void)state;
	run("INSERT INTO org (id, name) VALUES ('o1', '江南市第一人民医院');"
	    "INSERT INTO contact (id, name, kind, org, last_verified_at) VALUES "
	    "('c1', '陈建国', '医务人员', 'o1', '2026-01-01'), "
	    "('c2', '刘敏', '医务人员', NULL, '2025-07-01'), "
	    "('c3', '周涛', '医务人员', 'o1', '2026-01-02');");
	expect_report("stale_contacts", params,
		      "刘敏||2025-07-01|365\n陈建国|江南市第一人民医院|2026-01-01|181\n");
}

static void visits_of_a_period_are_counted(void **state)
{
	static const char *const params[] = {":p",       "2026-03",
					     ":p_from",  "2026-03-01T00:00:00.000Z",
					     ":p_until", "2026-04-01T00:00:00.000Z",
					     NULL};

	(void)state;
	run("INSERT INTO employee (id, name) VALUES ('r1', '王磊');"
	    "INSERT INTO interaction (id, type, org, contacts, started_at, _created_rep) VALUES "
	    "('i1', '面对面', 'o1', '[\"c1\",\"c2\"]', '2026-03-01T00:00:00.000Z', 'r1'), "
	    "('i2', '面对面', 'o1', '[\"c1\"]', '2026-03-31T23:59:59.999Z', 'r1'), "
	    "('i3', '电话', 'o2', '[]', '2026-03-10T00:00:00.000Z', 'r2'), "
	    "('i4', '面对面', 'o1', '[\"c1\"]', '2026-04-01T00:00:00.000Z', 'r1');");
	expect_report("visits", params, "r2|电话|1|1|0\n王磊|面对面|2|1|2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(birthdays_of_the_week_ahead_are_found, open_all,
						close_all),
		cmocka_unit_test_setup_teardown(contacts_not_verified_for_long_are_listed, open_all,
						close_all),
		cmocka_unit_test_setup_teardown(visits_of_a_period_are_counted, open_all,
						close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
