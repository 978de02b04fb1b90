/* Making a hub; people and posts. */
#include "help_hub.h"

#include <stdio.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/model/fold.h"
#include "core/model/id.h"
#include "core/store/tables.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/document.h"
#include "sync/mailbox/mailbox.h"

static struct rep_error err;
static struct rep_hub *hub;
static char dir[4096];

static int setup(void **state)
{
	(void)state;
	hub = hub_make(dir, sizeof dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	hub_drop(hub, dir);
	return 0;
}

/* ---- init ---- */

static void init_refuses_a_folder_that_is_not_empty(void **state)
{
	(void)state;
	expect_code(
		rep_hub_init(dir, &(struct rep_hub_init){.company = "x", .now_ms = HUB_T0}, &err),
		REP_EEXIST, &err, "not an empty folder");
}

static void init_publishes_company_schema_and_keys(void **state)
{
	char *company = central_file(hub, "company.json"),
	     *keys = central_file(hub, "org/hub.json");
	char *schema = central_file(hub, "schema/schema.json");

	(void)state;
	assert_non_null(strstr(company, "\"name\":\"华康医药\""));
	assert_non_null(strstr(keys, "\"device\":\"hub00000\""));
	assert_non_null(strstr(schema, "pharma"));
	free(company);
	free(keys);
	free(schema);
	expect_fsck(dir);
}

static void a_second_writer_is_told_that_the_hub_is_busy(void **state)
{
	struct rep_hub *other;

	(void)state;
	expect_code(rep_hub_open(&other, dir, false, &err), REP_EBUSY, &err, NULL);
	expect_ok(rep_hub_open(&other, dir, true, &err), &err);
	rep_hub_close(other);
}

/* ---- organisation ---- */

static void a_rep_has_role_territory_and_record(void **state)
{
	struct rep_json *list;

	(void)state;
	hub_person(hub, "r017", "rep", "JN-01", HUB_T0 + MINUTE);
	expect_ok(rep_hub_rep_list(hub, HUB_T0 + 2 * MINUTE, &list, &err), &err);
	assert_int_equal(rep_json_size(list), 1);
	assert_string_equal(rep_json_get_string(rep_json_at(list, 0), "role"), "rep");
	assert_string_equal(rep_json_string_value(rep_json_at(
				    rep_json_get(rep_json_at(list, 0), "territories"), 0)),
			    "JN-01");
	hub_expect(hub, "employee", "r017", "name", "\"王小磊\"");
	rep_json_free(list);
}

static void a_role_is_changed_from_now_on(void **state)
{
	const struct rep_hub_rep change = {.rep = "r017", .role = "manager"};
	char before[REP_TIME_LEN + 1], after[REP_TIME_LEN + 1];

	(void)state;
	hub_person(hub, "r017", "rep", "JN-01", HUB_T0 + MINUTE);
	expect_ok(rep_hub_rep_set(hub, &change, HUB_T0 + 5 * MINUTE, &err), &err);
	rep_time_format(before, HUB_T0 + 4 * MINUTE);
	rep_time_format(after, HUB_T0 + 6 * MINUTE);
	assert_string_equal(rep_org_role(rep_hub_org(hub), "r017", before)->name, "rep");
	assert_string_equal(rep_org_role(rep_hub_org(hub), "r017", after)->name, "manager");
}

static void territory_set_makes_the_list_exactly_this_one(void **state)
{
	const char *const first[] = {"O-1", "O-2"}, *const second[] = {"O-2", "O-3"};
	struct rep_json *list, *partitions;
	char *text;

	(void)state;
	expect_ok(rep_hub_territory(hub, REP_TERRITORY_SET, "T1", "一区", NULL, first, 2,
				    HUB_T0 + MINUTE, &err),
		  &err);
	expect_ok(rep_hub_territory(hub, REP_TERRITORY_SET, "T1", NULL, NULL, second, 2,
				    HUB_T0 + 2 * MINUTE, &err),
		  &err);
	expect_ok(rep_hub_territory_list(hub, HUB_T0 + 3 * MINUTE, &list, &err), &err);
	partitions = rep_json_get(rep_json_at(list, 0), "partitions");
	text = rep_json_text(partitions);
	assert_int_equal(rep_json_size(partitions), 2);
	assert_non_null(strstr(text, "O-2"));
	assert_non_null(strstr(text, "O-3"));
	free(text);
	rep_json_free(list);
}

static void an_unknown_territory_or_role_is_refused(void **state)
{
	const char *const territory = "nowhere";
	struct rep_hub_rep row = {
		.rep = "r1", .name = "张三丰", .territories = &territory, .territories_len = 1};

	(void)state;
	expect_code(rep_hub_rep_add(hub, &row, HUB_T0 + MINUTE, &err), REP_ENOTFOUND, &err,
		    "no territory nowhere");
	row.territories_len = 0;
	row.role = "king";
	expect_code(rep_hub_rep_add(hub, &row, HUB_T0 + MINUTE, &err), REP_ENOTFOUND, &err, "king");
	assert_false(rep_org_has_rep(rep_hub_org(hub), "r1"));
}

static void take_back(const char *device, int64_t since_ms, int64_t now_ms)
{
	struct rep_json *line = rep_json_object(), *values = rep_json_object();
	struct rep_json *state = rep_json_object(), *since = rep_json_object();
	struct rep_hub_batch *batch;
	char time[REP_TIME_LEN + 1];

	rep_time_format(time, since_ms);
	rep_json_set_string(state, "new", "revoked");
	rep_json_set_string(since, "new", time);
	rep_json_set(values, "state", state);
	rep_json_set(values, "since", since);
	rep_json_set(line, "values", values);
	expect_ok(rep_hub_batch_new(&batch, hub, "lost", now_ms, &err), &err);
	expect_ok(rep_hub_batch_add(batch, REP_OP_UPDATE, "device", device, line, &err), &err);
	expect_ok(rep_hub_batch_send(batch, &err), &err);
	rep_hub_batch_free(batch);
}

static void what_a_revoked_device_did_before_still_merges(void **state)
{
	struct laptop laptop;
	struct rep_record *late;
	struct rep_json *summary;

	(void)state;
	hub_company(hub, &laptop);
	hub_run_quietly(hub, HUB_T0 + 5 * MINUTE);
	laptop_change(&laptop, "insert", "contact", "before", HUB_T0 + 60 * MINUTE, insert_doctor);
	laptop_change(&laptop, "insert", "contact", "after", HUB_T0 + 90 * MINUTE, insert_doctor);
	take_back(laptop.id, HUB_T0 + 80 * MINUTE, HUB_T0 + 100 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 100 * MINUTE);
	laptop_send(&laptop, dir, HUB_T0 + 110 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 110 * MINUTE);
	expect_count(summary, "changes", 2);
	expect_count(summary, "rejected", 1);
	assert_int_equal(rep_json_size(rep_json_get(summary, "problems")), 0);
	rep_json_free(summary);
	hub_expect(hub, "contact", "before", "name", "\"陈建国\"");
	late = hub_row(hub, "contact", "after");
	assert_null(late);
	expect_replay(hub);
	laptop_clear(&laptop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(init_refuses_a_folder_that_is_not_empty),
		TEST(init_publishes_company_schema_and_keys),
		TEST(a_second_writer_is_told_that_the_hub_is_busy),
		TEST(a_rep_has_role_territory_and_record),
		TEST(a_role_is_changed_from_now_on),
		TEST(territory_set_makes_the_list_exactly_this_one),
		TEST(an_unknown_territory_or_role_is_refused),
		TEST(what_a_revoked_device_did_before_still_merges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
