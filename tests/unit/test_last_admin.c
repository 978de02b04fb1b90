/*
 * Nobody can lock the company out of its own hub. Roles and devices are written by the hub alone, and who works at the hub's folder
 * needs no role: so the last one who may change the organisation can be ended, by whatever way, and the next command makes another.
 */
#include <stdio.h>

#include "help_db.h"
#include "help_hub.h"
#include "help_world.h"
#include "sync/hub/leaving.h"

static struct rep_error err;

struct company {
	struct world world;
	struct rep_replica *desk; /* of the only one in the role hq */
};

static void company_make(struct company *company, void **state, const char *name)
{
	world_make(&company->world, state, name);
	world_rep(&company->world, "E0001", "林芳", "hq", NULL, false);
	company->desk = world_desk(&company->world, "E0001", "desk");
}

static void company_close(struct company *company)
{
	rep_replica_close(company->desk);
	world_close(&company->world);
}

static int64_t in_role(struct company *company, const char *rep, const char *role)
{
	char sql[400], now[REP_TIME_LEN + 1];

	rep_time_format(now, world_now());
	snprintf(sql, sizeof sql,
		 "SELECT count(*) FROM _role WHERE rep = '%s' AND role = '%s' AND _deleted IS NULL"
		 " AND (valid_to IS NULL OR valid_to > '%s')",
		 rep, role, now);
	return db_number(rep_hub_db(company->world.hub), sql);
}

static void role_of(struct company *company, char *out, size_t size)
{
	struct rep_stmt *stmt;
	bool row;

	expect_ok(rep_db_use(rep_hub_db(company->world.hub), &stmt,
			     "SELECT id FROM _role WHERE rep = 'E0001'", &err),
		  &err);
	expect_ok(rep_step(stmt, &row, &err), &err);
	assert_true(row);
	snprintf(out, size, "%s", rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
}

/* Somebody new gets the role, a desk, and changes the organisation from there. */
static void expect_company_goes_on(struct company *company)
{
	struct rep_replica *desk;

	world_rep(&company->world, "E0099", "赵建华", "hq", NULL, false);
	assert_int_equal(in_role(company, "E0099", "hq"), 1);
	desk = world_desk(&company->world, "E0099", "next");
	world_put(desk, "改名", "territory", "JN-03", ASSIGNS("name=江南三组"));
	world_sync_quietly(desk);
	world_merge_quietly(&company->world);
	assert_string_equal(hub_field(&company->world, "territory", "JN-03", "name"),
			    "\"江南三组\"");
	rep_replica_close(desk);
}

/* Where a desk of hq signs it nevertheless: the tables of roles and devices have no triggers, so no program of ours makes such a set. */
static void no_role_and_no_device_is_changed_over_a_desk(void **state)
{
	struct company company;
	struct laptop forger = {0};
	struct rep_json *summary;
	char hub[700], role[64];

	company_make(&company, state, "desk");
	snprintf(hub, sizeof hub, "%s/hub", company.world.dir);
	desk_enroll(&forger, company.world.hub, "E0001", world_now());
	world_merge_quietly(&company.world);
	role_of(&company, role, sizeof role);
	laptop_change(&forger, "update", "role", role, world_now(),
		      "{\"values\":{\"valid_to\":{\"new\":\"2020-01-01T00:00:00.000Z\"}}}");
	laptop_change(&forger, "update", "role", role, world_now(),
		      "{\"values\":{\"role\":{\"new\":\"rep\"}}}");
	laptop_change(&forger, "delete", "role", role, world_now(), "{\"values\":{}}");
	laptop_change(&forger, "insert", "role", "self-made", world_now(),
		      "{\"values\":{\"rep\":{\"new\":\"E0007\"},\"role\":{\"new\":\"hq\"}}}");
	laptop_change(&forger, "update", "device", company.desk->device, world_now(),
		      "{\"values\":{\"state\":{\"new\":\"leaving\"}}}");
	laptop_send(&forger, hub, world_now());
	summary = world_merge(&company.world);
	assert_int_equal(rep_json_get_integer(summary, "rejected"), 5);
	rep_json_free(summary);
	assert_int_equal(in_role(&company, "E0001", "hq"), 1);
	assert_int_equal(in_role(&company, "E0007", "hq"), 0);
	assert_true(rep_org_device_active(rep_hub_org(company.world.hub), company.desk->device,
					  "2099-01-01T00:00:00.000Z"));
	expect_company_goes_on(&company);
	laptop_clear(&forger);
	company_close(&company);
}

static void the_last_one_can_be_given_another_role(void **state)
{
	const struct rep_hub_rep rep = {.rep = "E0001", .role = "rep"};
	struct company company;

	company_make(&company, state, "role");
	expect_ok(rep_hub_rep_set(company.world.hub, &rep, world_now(), &err), &err);
	assert_int_equal(in_role(&company, "E0001", "hq"), 0);
	expect_company_goes_on(&company);
	company_close(&company);
}

static void the_last_one_can_be_offboarded(void **state)
{
	const struct rep_hub_offboard leave = {
		.rep = "E0001", .successor = "E0003", .reason = "离职"};
	struct company company;
	struct rep_json *report;

	company_make(&company, state, "offboard");
	expect_ok(rep_hub_offboard(company.world.hub, &leave, world_now(), &report, &err), &err);
	rep_json_free(report);
	assert_int_equal(in_role(&company, "E0001", "hq"), 0);
	expect_company_goes_on(&company);
	company_close(&company);
}

static void the_last_desk_can_be_revoked(void **state)
{
	struct company company;
	struct rep_hub_revoke revoke = {.reason = "遗失"};
	struct rep_json *row;

	company_make(&company, state, "revoke");
	revoke.device = company.desk->device;
	expect_ok(rep_hub_revoke(company.world.hub, &revoke, world_now(), &row, &err), &err);
	rep_json_free(row);
	expect_company_goes_on(&company);
	company_close(&company);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_role_and_no_device_is_changed_over_a_desk),
		cmocka_unit_test(the_last_one_can_be_given_another_role),
		cmocka_unit_test(the_last_one_can_be_offboarded),
		cmocka_unit_test(the_last_desk_can_be_revoked),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
