/* Accounts change hands: when an assignment takes effect, whose work an edit is, and what stays with who lost an account. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help_hub.h"
#include "sync/admin/reassign.h"
#include "sync/audit/audit.h"

#define HOUR (60 * MINUTE)
#define CUT (HUB_T0 + 24 * HOUR)

static struct rep_hub *hub;
static char dir[512];
static struct rep_error err;
static struct laptop wang, li, sun;

static void person(const char *rep, const char *role, const char *territory)
{
	hub_person(hub, rep, role, territory, HUB_T0 + MINUTE);
}

/* O-0103 belongs to JN-01 (wang); JN-02 is li's; both lie below JN (sun). One doctor. */
static int setup(void **state)
{
	const char *const posts[] = {"JN-01", "JN-02"};

	(void)state;
	hub = hub_make(dir, sizeof dir);
	person("sun", "manager", "JN");
	person("wang", "rep", "JN-01");
	person("li", "rep", "JN-02");
	for (size_t i = 0; i < 2; i++)
		expect_ok(rep_hub_territory(hub, REP_TERRITORY_ADD, posts[i], NULL, "JN", NULL, 0,
					    HUB_T0 + 2 * MINUTE, &err),
			  &err);
	hub_org(hub, "O-0103", "临江县人民医院", HUB_T0 + 3 * MINUTE);
	hub_cover(hub, "JN-01", "O-0103", HUB_T0 + 4 * MINUTE);
	laptop_enroll(&wang, hub, "wang", HUB_T0 + 5 * MINUTE);
	laptop_enroll(&li, hub, "li", HUB_T0 + 5 * MINUTE);
	laptop_enroll(&sun, hub, "sun", HUB_T0 + 5 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 6 * MINUTE);
	laptop_change(&wang, "insert", "contact", "C-0031", HUB_T0 + 7 * MINUTE,
		      "{\"values\":{\"kind\":{\"new\":\"医务人员\"},\"name\":{\"new\":\"吴静\"},"
		      "\"org\":{\"new\":\"O-0103\"}}}");
	laptop_send(&wang, dir, HUB_T0 + 8 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 9 * MINUTE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	laptop_clear(&wang);
	laptop_clear(&li);
	laptop_clear(&sun);
	hub_drop(hub, dir);
	return 0;
}

static void expect_text(const char *entity, const char *id, const char *field, const char *want)
{
	struct rep_record *record = hub_row(hub, entity, id);
	const char *text;

	assert_non_null(record);
	text = rep_json_string_value(rep_record_value(record, field));
	assert_string_equal(text ? text : "(none)", want);
	rep_record_free(record);
}

static const char *time_text(int64_t ms)
{
	static char texts[2][REP_TIME_LEN + 1];
	static unsigned turn;
	char *text = texts[turn++ % 2];

	rep_time_format(text, ms);
	return text;
}

static void expect_replayed(void)
{
	const struct rep_verify replay = {.replay = true};
	struct rep_json *report;

	expect_ok(rep_hub_verify(hub, &replay, &report, &err), &err);
	rep_json_free(report);
}

static void give(const char *id, const char *to, int64_t from_ms, int64_t now_ms)
{
	const struct rep_reassign reassign = {
		.ids = &id, .len = 1, .to = to, .from_time = time_text(from_ms), .reason = "调整"};
	struct rep_json *told;

	expect_ok(rep_hub_reassign(hub, &reassign, false, now_ms, &told, &err), &err);
	rep_json_free(told);
}

/* A visit of wang's, made at that time and there. */
static void visit_at(const char *org, const char *id, int64_t now_ms)
{
	char line[512];

	snprintf(line, sizeof line,
		 "{\"values\":{\"feedback\":{\"new\":\"介绍新品\"},\"org\":{\"new\":\"%s\"},"
		 "\"started_at\":{\"new\":\"%s\"},\"type\":{\"new\":\"面对面\"}}}",
		 org, time_text(now_ms));
	laptop_change(&wang, "insert", "interaction", id, now_ms, line);
}

static void visit(const char *id, int64_t now_ms)
{
	visit_at("O-0103", id, now_ms);
}

/* ---- when it takes effect ---- */

static void ask_by_laptop(const char *id, int64_t from_ms, int64_t now_ms)
{
	char line[512];

	snprintf(line, sizeof line,
		 "{\"values\":{\"kind\":{\"new\":\"assist\"},\"subject\":{\"new\":\"O-0103\"},"
		 "\"subject_entity\":{\"new\":\"org\"},\"territory\":{\"new\":\"JN-02\"},"
		 "\"valid_from\":{\"new\":\"%s\"}}}",
		 time_text(from_ms));
	laptop_change(&sun, "insert", "assignment", id, now_ms, line);
}

static void what_was_asked_for_offline_begins_when_the_hub_knows_of_it(void **state)
{
	(void)state;
	ask_by_laptop("A-1", HUB_T0 + 1 * HOUR, HUB_T0 + 1 * HOUR);
	laptop_send(&sun, dir, HUB_T0 + 5 * HOUR);
	hub_run_quietly(hub, HUB_T0 + 6 * HOUR);
	expect_text("assignment", "A-1", "valid_from", time_text(HUB_T0 + 6 * HOUR));
	assert_false(rep_org_in_scope(rep_hub_org(hub), "li", "O-0103",
				      time_text(HUB_T0 + 6 * HOUR - 1)));
	assert_true(
		rep_org_in_scope(rep_hub_org(hub), "li", "O-0103", time_text(HUB_T0 + 6 * HOUR)));
	expect_replayed();
}

static void what_was_asked_for_later_begins_then(void **state)
{
	(void)state;
	ask_by_laptop("A-1", CUT, HUB_T0 + 1 * HOUR);
	laptop_send(&sun, dir, HUB_T0 + 2 * HOUR);
	hub_run_quietly(hub, HUB_T0 + 3 * HOUR);
	expect_text("assignment", "A-1", "valid_from", time_text(CUT));
}

static void a_rebuilt_hub_says_the_same_of_the_beginning(void **state)
{
	(void)state;
	ask_by_laptop("A-1", HUB_T0 + 1 * HOUR, HUB_T0 + 1 * HOUR);
	laptop_send(&sun, dir, HUB_T0 + 5 * HOUR);
	hub_run_quietly(hub, HUB_T0 + 6 * HOUR);
	hub = hub_rebuild(hub, dir);
	expect_text("assignment", "A-1", "valid_from", time_text(HUB_T0 + 6 * HOUR));
	expect_replayed();
}

/* ---- whose work ---- */

static void before_the_cut_it_is_the_old_owners_work_whenever_it_arrives(void **state)
{
	struct rep_record *record;

	(void)state;
	give("O-0103", "JN-02", CUT, HUB_T0 + HOUR);
	visit("V-1", CUT - HOUR);
	laptop_change(&wang, "update", "contact", "C-0031", CUT - 1,
		      "{\"values\":{\"dept\":{\"new\":\"内科\",\"old\":null}}}");
	laptop_send(&wang, dir, CUT + 48 * HOUR);
	hub_run_quietly(hub, CUT + 48 * HOUR);
	expect_text("contact", "C-0031", "dept", "内科");
	record = hub_row(hub, "interaction", "V-1");
	assert_non_null(record);
	assert_null(record->flags);
	rep_record_free(record);
}

static void from_the_cut_on_a_fact_is_flagged_and_an_edit_waits_for_the_new_owner(void **state)
{
	struct rep_json *inbox;
	struct rep_record *record;

	(void)state;
	give("O-0103", "JN-02", CUT, HUB_T0 + HOUR);
	laptop_change(&wang, "update", "contact", "C-0031", CUT,
		      "{\"values\":{\"dept\":{\"new\":\"内科\",\"old\":null}}}");
	visit("V-1", CUT + HOUR);
	laptop_send(&wang, dir, CUT + 48 * HOUR);
	hub_run_quietly(hub, CUT + 48 * HOUR);
	expect_text("contact", "C-0031", "dept", "(none)");
	record = hub_row(hub, "interaction", "V-1");
	assert_non_null(record);
	assert_string_equal(rep_json_string_value(rep_json_at(record->flags, 0)),
			    "out-of-territory");
	rep_record_free(record);
	expect_ok(rep_hub_inbox(hub, "proposal", false, &inbox, &err), &err);
	assert_int_equal(rep_json_size(inbox), 1);
	assert_string_equal(rep_json_get_string(rep_json_at(inbox, 0), "to"), "li");
	rep_json_free(inbox);
	expect_replayed();
}

/* ---- views ---- */

static bool sees(const struct laptop *laptop, const char *partition, const char *entity,
		 const char *id, const char *text)
{
	struct rep_buf path = REP_BUF_INIT(1024);
	char *file;
	bool found;

	rep_record_path(&path, rep_schema_entity(rep_hub_schema(hub), entity), partition, id,
			"open");
	file = mailbox_file(dir, laptop->id, "refs/heads/inbox", rep_buf_str(&path));
	found = file && (!text || strstr(file, text));
	rep_buf_clear(&path);
	free(file);
	return found;
}

static bool links(const struct laptop *laptop, const char *partition, const char *entity,
		  const char *id)
{
	struct rep_buf path = REP_BUF_INIT(1024), linked = REP_BUF_INIT(1024);
	char *file;
	bool found;

	rep_record_path(&path, rep_schema_entity(rep_hub_schema(hub), entity), partition, id,
			"open");
	rep_buf_printf(&linked, "linked/%s", rep_buf_str(&path) + strlen("data/"));
	file = mailbox_file(dir, laptop->id, "refs/heads/inbox", rep_buf_str(&linked));
	found = file != NULL;
	rep_buf_clear(&path);
	rep_buf_clear(&linked);
	free(file);
	return found;
}

static void views_change_hands_at_the_cut_though_nothing_else_happens(void **state)
{
	(void)state;
	give("O-0103", "JN-02", CUT, HUB_T0 + HOUR);
	hub_run_quietly(hub, CUT - 1);
	assert_true(sees(&wang, "O-0103", "contact", "C-0031", NULL));
	assert_false(sees(&li, "O-0103", "contact", "C-0031", NULL));
	hub_run_quietly(hub, CUT);
	assert_false(sees(&wang, "O-0103", "contact", "C-0031", NULL));
	assert_true(sees(&li, "O-0103", "contact", "C-0031", NULL));
	expect_fsck(dir);
}

static void of_own_visits_the_declared_fields_stay(void **state)
{
	char *central;
	struct rep_buf path = REP_BUF_INIT(1024);

	(void)state;
	visit("V-1", HUB_T0 + HOUR);
	laptop_send(&wang, dir, HUB_T0 + 2 * HOUR);
	hub_run_quietly(hub, HUB_T0 + 2 * HOUR);
	assert_true(sees(&wang, "O-0103", "interaction", "V-1", "介绍新品"));
	give("O-0103", "JN-02", CUT, HUB_T0 + 3 * HOUR);
	hub_run_quietly(hub, CUT);
	assert_false(sees(&wang, "O-0103", "interaction", "V-1", NULL));
	assert_true(sees(&wang, "staff-wang", "interaction", "V-1", "面对面"));
	assert_true(sees(&wang, "staff-wang", "interaction", "V-1", "\"residue\""));
	assert_false(sees(&wang, "staff-wang", "interaction", "V-1", "介绍新品"));
	/* The superior has the record itself, and central nothing but it. */
	assert_true(sees(&sun, "O-0103", "interaction", "V-1", "介绍新品"));
	assert_false(sees(&sun, "staff-wang", "interaction", "V-1", NULL));
	rep_record_path(&path, rep_schema_entity(rep_hub_schema(hub), "interaction"), "staff-wang",
			"V-1", "open");
	central = central_file(hub, rep_buf_str(&path));
	assert_null(central);
	rep_buf_clear(&path);
	expect_fsck(dir);
}

static void a_residue_stands_beside_what_the_own_file_holds(void **state)
{
	struct rep_json *inbox;
	const char *item;

	(void)state;
	visit("V-1", HUB_T0 + HOUR);
	/* A rejection lies in staff-wang, in central. */
	laptop_change(&wang, "update", "contact", "C-0031", HUB_T0 + HOUR + 1,
		      "{\"values\":{\"shoe_size\":{\"new\":\"43\",\"old\":null}}}");
	laptop_send(&wang, dir, HUB_T0 + 2 * HOUR);
	hub_run_quietly(hub, HUB_T0 + 2 * HOUR);
	give("O-0103", "JN-02", CUT, HUB_T0 + 3 * HOUR);
	hub_run_quietly(hub, CUT);
	expect_ok(rep_hub_inbox(hub, "rejection", true, &inbox, &err), &err);
	assert_int_equal(rep_json_size(inbox), 1);
	item = rep_json_get_string(rep_json_at(inbox, 0), "item");
	assert_true(sees(&wang, "staff-wang", "rejection", item, NULL));
	assert_true(sees(&wang, "staff-wang", "interaction", "V-1", NULL));
	rep_json_free(inbox);
	expect_fsck(dir);
}

static void what_a_link_shows_whole_leaves_no_residue(void **state)
{
	(void)state;
	hub_org(hub, "O-0104", "临江县中医院", HUB_T0 + 10 * MINUTE);
	hub_cover(hub, "JN-01", "O-0104", HUB_T0 + 11 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 12 * MINUTE);
	visit("V-1", HUB_T0 + HOUR);
	visit_at("O-0104", "V-2", HUB_T0 + HOUR + MINUTE);
	laptop_send(&wang, dir, HUB_T0 + 2 * HOUR);
	hub_run_quietly(hub, HUB_T0 + 2 * HOUR);
	give("O-0103", "JN-02", CUT, HUB_T0 + 3 * HOUR);
	hub_run_quietly(hub, CUT);
	assert_true(sees(&wang, "staff-wang", "interaction", "V-1", "\"residue\""));
	/* What became of V-2, which wang still has, is shown to him; it is V-1 itself. */
	expect_ok(rep_hub_merge_records(hub, "interaction", "V-1", "V-2", "一次拜访", CUT + HOUR,
					&err),
		  &err);
	hub_run_quietly(hub, CUT + HOUR);
	assert_true(links(&wang, "O-0103", "interaction", "V-1"));
	assert_false(sees(&wang, "staff-wang", "interaction", "V-1", NULL));
	expect_fsck(dir);
}

/* ---- the plan ---- */

static struct rep_json *preview(const struct rep_reassign *reassign, int64_t now_ms)
{
	struct rep_json *told;

	expect_ok(rep_hub_reassign(hub, reassign, true, now_ms, &told, &err), &err);
	return told;
}

static void a_preview_tells_of_devices_that_may_hold_edits(void **state)
{
	const char *id = "O-0103";
	const struct rep_reassign reassign = {.ids = &id, .len = 1, .to = "JN-02"};
	struct rep_json *told = preview(&reassign, HUB_T0 + HOUR);
	const struct rep_json *device = rep_json_at(rep_json_get(told, "devices"), 0);

	(void)state;
	assert_int_equal(rep_json_size(rep_json_get(told, "devices")), 1);
	assert_string_equal(rep_json_get_string(device, "device"), wang.id);
	assert_false(rep_json_get_bool(device, "unmerged"));
	assert_false(rep_json_get_bool(device, "stale"));
	rep_json_free(told);

	visit("V-1", HUB_T0 + HOUR);
	laptop_send(&wang, dir, HUB_T0 + 2 * HOUR);
	told = preview(&reassign, HUB_T0 + 30 * HOUR);
	device = rep_json_at(rep_json_get(told, "devices"), 0);
	assert_true(rep_json_get_bool(device, "unmerged"));
	assert_true(rep_json_get_bool(device, "stale"));
	rep_json_free(told);
}

static void a_planned_change_of_hands_can_be_planned_anew(void **state)
{
	(void)state;
	give("O-0103", "JN-02", CUT, HUB_T0 + HOUR);
	/* JN-02 for an hour from CUT on; then for good. No time without exactly one. */
	give("O-0103", "JN-01", CUT + HOUR, HUB_T0 + 2 * HOUR);
	give("O-0103", "JN-02", CUT - HOUR, HUB_T0 + 3 * HOUR);
	assert_true(rep_org_is_primary(rep_hub_org(hub), "wang", NULL, NULL, "O-0103", NULL,
				       time_text(CUT - HOUR - 1)));
	for (int64_t at = CUT - HOUR; at < CUT + 3 * HOUR; at += HOUR / 2) {
		assert_true(rep_org_is_primary(rep_hub_org(hub), "li", NULL, NULL, "O-0103", NULL,
					       time_text(at)));
		assert_false(rep_org_is_primary(rep_hub_org(hub), "wang", NULL, NULL, "O-0103",
						NULL, time_text(at)));
	}
}

static void a_time_that_has_passed_is_refused(void **state)
{
	const char *id = "O-0103";
	const struct rep_reassign reassign = {
		.ids = &id, .len = 1, .to = "JN-02", .from_time = time_text(HUB_T0)};
	struct rep_json *told;

	(void)state;
	expect_code(rep_hub_reassign(hub, &reassign, true, HUB_T0 + HOUR, &told, &err),
		    REP_EREFUSED, &err, "has passed");
	assert_null(told);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_asked_for_offline_begins_when_the_hub_knows_of_it),
		TEST(what_was_asked_for_later_begins_then),
		TEST(a_rebuilt_hub_says_the_same_of_the_beginning),
		TEST(before_the_cut_it_is_the_old_owners_work_whenever_it_arrives),
		TEST(from_the_cut_on_a_fact_is_flagged_and_an_edit_waits_for_the_new_owner),
		TEST(views_change_hands_at_the_cut_though_nothing_else_happens),
		TEST(of_own_visits_the_declared_fields_stay),
		TEST(a_residue_stands_beside_what_the_own_file_holds),
		TEST(what_a_link_shows_whole_leaves_no_residue),
		TEST(a_preview_tells_of_devices_that_may_hold_edits),
		TEST(a_planned_change_of_hands_can_be_planned_anew),
		TEST(a_time_that_has_passed_is_refused),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
