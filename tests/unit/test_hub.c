#include "help_hub.h"

#include <stdio.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/model/fold.h"
#include "core/model/id.h"
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

/* ---- enrolment ---- */

static void first_contact_makes_the_device_active(void **state)
{
	struct laptop laptop;
	char *self;

	(void)state;
	hub_company(hub, &laptop);
	assert_string_equal(rep_org_device(rep_hub_org(hub), laptop.id)->state, "invited");
	hub_run_quietly(hub, HUB_T0 + 5 * MINUTE);
	assert_string_equal(rep_org_device(rep_hub_org(hub), laptop.id)->state, "active");
	self = mailbox_file(dir, laptop.id, "refs/heads/inbox", "self.json");
	assert_non_null(strstr(self, "\"state\":\"active\""));
	free(self);
	laptop_clear(&laptop);
}

static void an_expired_invitation_is_not_taken(void **state)
{
	struct laptop laptop;
	struct rep_json *summary;

	(void)state;
	hub_company(hub, &laptop);
	summary = hub_run(hub, HUB_T0 + 5 * MINUTE + 86400000);
	assert_non_null(strstr(
		rep_json_get_string(rep_json_at(rep_json_get(summary, "problems"), 0), "reason"),
		"expired"));
	assert_string_equal(rep_org_device(rep_hub_org(hub), laptop.id)->state, "invited");
	rep_json_free(summary);
	laptop_clear(&laptop);
}

/* ---- merging ---- */

static void a_change_is_merged_exactly_once(void **state)
{
	struct laptop laptop;
	struct rep_json *summary;
	struct rep_oid before, after;

	(void)state;
	hub_company(hub, &laptop);
	laptop_change(&laptop, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	laptop_send(&laptop, dir, HUB_T0 + 6 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 7 * MINUTE);
	expect_count(summary, "changes", 1);
	expect_count(summary, "applied", 1);
	rep_json_free(summary);
	hub_expect(hub, "contact", "C-0001", "name", "\"陈建国\"");
	before = central_tree(hub, "data");
	summary = hub_run(hub, HUB_T0 + 8 * MINUTE);
	expect_count(summary, "changes", 0);
	assert_true(rep_json_is(rep_json_get(summary, "commit"), REP_JSON_NULL));
	rep_json_free(summary);
	after = central_tree(hub, "data");
	assert_memory_equal(&before, &after, sizeof before);
	expect_fsck(dir);
	laptop_clear(&laptop);
}

static void journal_holds_the_very_bytes_that_were_signed(void **state)
{
	struct laptop laptop;
	char fan[3], path[256], *sent, *kept;

	(void)state;
	hub_company(hub, &laptop);
	laptop_change(&laptop, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	laptop_send(&laptop, dir, HUB_T0 + 6 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 7 * MINUTE);
	rep_fanout(fan, laptop.id);
	snprintf(path, sizeof path, "journal/%s/%s/2026-03/1-1.jsonl", fan, laptop.id);
	kept = central_file(hub, path);
	sent = mailbox_file(dir, laptop.id, "refs/heads/outbox", "2026-03/1-1.jsonl");
	assert_non_null(kept);
	assert_string_equal(kept, sent);
	free(kept);
	free(sent);
	laptop_clear(&laptop);
}

/* Two edits of one field that did not know of each other, sealed and not sent; each also writes what the other does not. */
static void make_rivals(struct laptop *a, struct laptop *b)
{
	char line[512];

	hub_company(hub, a);
	hub_person(hub, "r018", "rep", "JN-01", HUB_T0 + 4 * MINUTE);
	laptop_enroll(b, hub, "r018", HUB_T0 + 4 * MINUTE);
	laptop_change(a, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	laptop_send(a, dir, HUB_T0 + 6 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 7 * MINUTE);
	snprintf(line, sizeof line,
		 "{\"values\":{\"best_time\":{\"new\":\"周三下午\",\"old\":null,\"saw\":\"%s\"},"
		 "\"phones\":{\"add\":[\"13900002222\"],\"remove\":[]}},\"reason\":\"x\"}",
		 laptop_stamp(a));
	laptop_change(a, "update", "contact", "C-0001", HUB_T0 + 8 * MINUTE, line);
	snprintf(
		line, sizeof line,
		"{\"values\":{\"best_time\":{\"new\":\"周四上午\",\"old\":null,\"saw\":\"%s\"},"
		"\"phones\":{\"add\":[\"13900003333\"],\"remove\":[]},"
		"\"name\":{\"new\":\"陈建囯\",\"old\":\"陈建国\",\"saw\":\"%s\"}},\"reason\":\"x\"}",
		laptop_stamp(a), laptop_stamp(a));
	laptop_change(b, "update", "contact", "C-0001", HUB_T0 + 9 * MINUTE, line);
}

static void the_trees_are_the_same_whoever_syncs_first(void **state)
{
	struct laptop laptops[2];
	struct rep_oid data, restricted, other;
	char copy[5000], command[16000];

	(void)state;
	make_rivals(&laptops[0], &laptops[1]);
	snprintf(copy, sizeof copy, "%s.copy", dir);
	snprintf(command, sizeof command, "cp -a '%s' '%s'", dir, copy);
	rep_hub_close(hub);
	assert_int_equal(system(command), 0);
	expect_ok(rep_hub_open(&hub, dir, false, &err), &err);
	for (int i = 0; i < 2; i++) {
		laptop_push(&laptops[i], dir, HUB_T0 + 10 * MINUTE);
		hub_run_quietly(hub, HUB_T0 + (11 + i) * MINUTE);
	}
	data = central_tree(hub, "data");
	restricted = central_tree(hub, "restricted");
	rep_hub_close(hub);
	expect_ok(rep_hub_open(&hub, copy, false, &err), &err);
	for (int i = 1; i >= 0; i--) {
		laptop_push(&laptops[i], copy, HUB_T0 + 10 * MINUTE);
		hub_run_quietly(hub, HUB_T0 + (13 - i) * MINUTE);
	}
	other = central_tree(hub, "data");
	assert_memory_equal(&data, &other, sizeof data);
	other = central_tree(hub, "restricted");
	assert_memory_equal(&restricted, &other, sizeof data);
	hub_expect(hub, "contact", "C-0001", "best_time", "\"周四上午\"");
	hub_expect(hub, "contact", "C-0001", "phones", "[\"13900002222\",\"13900003333\"]");
	hub_expect(hub, "contact", "C-0001", "name", "\"陈建国\"");
	laptop_clear(&laptops[0]);
	laptop_clear(&laptops[1]);
}

static void a_late_change_is_put_where_it_belongs(void **state)
{
	struct laptop a, b;
	char line[512];

	(void)state;
	hub_company(hub, &a);
	hub_person(hub, "r018", "rep", "JN-01", HUB_T0 + 4 * MINUTE);
	laptop_enroll(&b, hub, "r018", HUB_T0 + 4 * MINUTE);
	laptop_change(&a, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	laptop_send(&a, dir, HUB_T0 + 6 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 7 * MINUTE);
	snprintf(line, sizeof line,
		 "{\"values\":{\"best_time\":{\"new\":\"周四上午\",\"old\":null,\"saw\":\"%s\"}}}",
		 laptop_stamp(&a));
	laptop_change(&b, "update", "contact", "C-0001", HUB_T0 + 20 * MINUTE, line);
	laptop_send(&b, dir, HUB_T0 + 20 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 21 * MINUTE);
	snprintf(line, sizeof line,
		 "{\"values\":{\"best_time\":{\"new\":\"周三下午\",\"old\":null,\"saw\":\"%s\"}}}",
		 laptop_stamp(&a));
	laptop_change(&a, "update", "contact", "C-0001", HUB_T0 + 15 * MINUTE, line);
	laptop_send(&a, dir, HUB_T0 + 30 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 31 * MINUTE);
	/* The later edit stands, although it arrived first; the loser is kept in a conflict. */
	hub_expect(hub, "contact", "C-0001", "best_time", "\"周四上午\"");
	char id[REP_UUID_LEN + 1];
	rep_review_conflict_id(id, "contact", "C-0001", "best_time");
	hub_expect(hub, "conflict", id, "state", "\"decided\"");
	laptop_clear(&a);
	laptop_clear(&b);
}

/* Both in one batch, before what b did: the first makes a conflict with it, the second dissolves it. */
static void a_conflict_that_a_run_makes_and_dissolves_leaves_nothing(void **state)
{
	struct laptop a, b;
	char line[512], id[REP_UUID_LEN + 1];

	(void)state;
	hub_company(hub, &a);
	hub_person(hub, "r018", "rep", "JN-01", HUB_T0 + 4 * MINUTE);
	laptop_enroll(&b, hub, "r018", HUB_T0 + 4 * MINUTE);
	laptop_change(&a, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	laptop_change(&a, "update", "contact", "C-0001", HUB_T0 + 6 * MINUTE,
		      "{\"values\":{\"tags\":{\"add\":[\"x\"]}}}");
	snprintf(line, sizeof line,
		 "{\"values\":{\"tags\":{\"remove\":[\"x\"],\"seen\":{\"\\\"x\\\"\":\"%s\"}}}}",
		 laptop_stamp(&a));
	laptop_send(&a, dir, HUB_T0 + 6 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 7 * MINUTE);
	laptop_change(&b, "update", "contact", "C-0001", HUB_T0 + 20 * MINUTE,
		      "{\"values\":{\"tags\":{\"add\":[\"x\"]}}}");
	laptop_send(&b, dir, HUB_T0 + 20 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 21 * MINUTE);
	laptop_change(&a, "update", "contact", "C-0001", HUB_T0 + 10 * MINUTE, line);
	laptop_change(&a, "update", "contact", "C-0001", HUB_T0 + 11 * MINUTE,
		      "{\"values\":{\"tags\":{\"add\":[\"x\"]}}}");
	laptop_send(&a, dir, HUB_T0 + 30 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 31 * MINUTE);
	hub_expect(hub, "contact", "C-0001", "tags", "[\"x\"]");
	rep_review_conflict_id(id, "contact", "C-0001", "tags");
	hub_expect(hub, "conflict", id, "state", NULL);
	expect_replay(hub);
	laptop_clear(&a);
	laptop_clear(&b);
}

static void a_change_without_its_record_is_held_until_it_comes(void **state)
{
	static const char insert_elsewhere[] =
		"{\"values\":{\"name\":{\"new\":\"李向阳\"},\"kind\":{\"new\":\"医务人员\"},"
		"\"org\":{\"new\":\"O-0202\"}}}";
	struct laptop laptop;
	struct rep_json *summary;
	char fan[3], path[256], *held;

	(void)state;
	hub_company(hub, &laptop);
	hub_cover(hub, "JN-01", "O-0202", HUB_T0 + 4 * MINUTE);
	laptop_change(&laptop, "insert", "contact", "C-0002", HUB_T0 + 5 * MINUTE,
		      insert_elsewhere);
	laptop_send(&laptop, dir, HUB_T0 + 6 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 7 * MINUTE);
	expect_count(summary, "held", 1);
	rep_json_free(summary);
	rep_fanout(fan, laptop.id);
	snprintf(path, sizeof path, "held/%s/%s/1-0.json", fan, laptop.id);
	held = central_file(hub, path);
	assert_non_null(strstr(held, "\"waits_for\":\"org/O-0202\""));
	free(held);
	hub_org(hub, "O-0202", "湖滨医院", HUB_T0 + 8 * MINUTE);
	hub_expect(hub, "contact", "C-0002", "name", "\"李向阳\"");
	assert_null(central_file(hub, path));
	laptop_clear(&laptop);
}

static void a_rejected_edit_becomes_an_item_of_its_author(void **state)
{
	struct laptop laptop;
	struct rep_json *summary;
	char id[REP_UUID_LEN + 1], line[512];

	(void)state;
	hub_company(hub, &laptop);
	laptop_change(&laptop, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	snprintf(line, sizeof line,
		 "{\"values\":{\"source\":{\"new\":\"x\",\"old\":null,\"saw\":\"%s\"}}}",
		 laptop_stamp(&laptop));
	laptop_change(&laptop, "update", "contact", "C-0001", HUB_T0 + 6 * MINUTE, line);
	laptop_send(&laptop, dir, HUB_T0 + 7 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 8 * MINUTE);
	expect_count(summary, "rejected", 1);
	rep_json_free(summary);
	hub_expect(hub, "contact", "C-0001", "source", NULL);
	rep_review_change_id(id, "rejection", laptop.id, 2, 0);
	hub_expect(hub, "rejection", id, "record", "\"C-0001\"");
	laptop_clear(&laptop);
}

static void a_broken_signature_blocks_its_own_device_only(void **state)
{
	struct laptop a, b;
	struct rep_json *summary, *status;

	(void)state;
	hub_company(hub, &a);
	hub_person(hub, "r018", "rep", "JN-01", HUB_T0 + 4 * MINUTE);
	laptop_enroll(&b, hub, "r018", HUB_T0 + 4 * MINUTE);
	laptop_change(&a, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	*strstr(a.sets.data, "医务人员") = '\xe4';
	laptop_send(&a, dir, HUB_T0 + 6 * MINUTE);
	laptop_change(&b, "insert", "contact", "C-0002", HUB_T0 + 5 * MINUTE, insert_doctor);
	laptop_send(&b, dir, HUB_T0 + 6 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 7 * MINUTE);
	expect_count(summary, "quarantined", 1);
	expect_count(summary, "changes", 1);
	rep_json_free(summary);
	hub_expect(hub, "contact", "C-0001", "name", NULL);
	hub_expect(hub, "contact", "C-0002", "name", "\"陈建国\"");
	expect_ok(rep_hub_status(hub, HUB_T0 + 8 * MINUTE, &status, &err), &err);
	expect_count(status, "quarantined", 1);
	rep_json_free(status);
	laptop_clear(&a);
	laptop_clear(&b);
}

static void values_that_nobody_erased_are_not_withheld(void **state)
{
	struct laptop laptop;
	struct rep_json *summary;
	struct rep_buf sent = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);

	(void)state;
	hub_company(hub, &laptop);
	laptop_change(&laptop, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	expect_ok(rep_changeset_erase(&sent, laptop.sets.data, laptop.sets.len, 0, &err), &err);
	rep_buf_reset(&laptop.sets);
	rep_buf_put(&laptop.sets, sent.data, sent.len);
	rep_buf_clear(&sent);
	laptop_send(&laptop, dir, HUB_T0 + 6 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 7 * MINUTE);
	expect_count(summary, "quarantined", 1);
	expect_count(summary, "changes", 0);
	rep_json_free(summary);
	laptop_clear(&laptop);
}

static struct rep_json *some_values(void)
{
	static const char text[] = "{\"values\":{\"name\":{\"new\":\"x\"}}}";
	struct rep_json *line;

	expect_ok(rep_json_parse(&line, text, strlen(text), sizeof text, 8, &err), &err);
	return line;
}

/* Line 1 of so many changes would be longer than a line may be. */
static void change_sets_of_the_hub_are_split_where_the_skeleton_is_full(void **state)
{
	struct rep_hub_batch *batch;
	struct rep_outbox outbox = {0};
	struct rep_oid none = rep_oid_zero;
	char id[REP_ID_LEN_MAX + 1], *path = rep_hub_mailbox(dir, REP_HUB_DEVICE);

	(void)state;
	expect_ok(rep_hub_batch_new(&batch, hub, "many", HUB_T0, &err), &err);
	for (int i = 0; i < 6000; i++) {
		snprintf(id, sizeof id, "C-%050d", i);
		expect_ok(
			rep_hub_batch_add(batch, REP_OP_INSERT, "contact", id, some_values(), &err),
			&err);
	}
	expect_ok(rep_hub_batch_send(batch, &err), &err);
	rep_hub_batch_free(batch);
	expect_ok(rep_mailbox_read(&outbox, path, &none, &err), &err);
	assert_true(outbox.segments_len > 0);
	assert_int_equal(outbox.segments[outbox.segments_len - 1].last, 2);
	rep_outbox_clear(&outbox);
	free(path);
}

static void a_wrong_clock_is_cut_at_receipt(void **state)
{
	struct laptop laptop;
	struct rep_record *record;
	char line[512];

	(void)state;
	hub_company(hub, &laptop);
	laptop_change(&laptop, "insert", "contact", "C-0001", HUB_T0 + 864000000, insert_doctor);
	snprintf(line, sizeof line,
		 "{\"values\":{\"best_time\":{\"new\":\"周一\",\"old\":null,\"saw\":\"%s\"}}}",
		 laptop_stamp(&laptop));
	laptop_change(&laptop, "update", "contact", "C-0001", HUB_T0 + 864000001, line);
	laptop_send(&laptop, dir, HUB_T0 + 6 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 7 * MINUTE);
	record = hub_row(hub, "contact", "C-0001");
	assert_int_equal(rep_stamp_ms(record->created.text), HUB_T0 + 12 * MINUTE);
	assert_string_equal(rep_json_string_value(rep_json_at(record->flags, 0)), "clock-ahead");
	rep_record_free(record);
	hub_expect(hub, "contact", "C-0001", "best_time", "\"周一\"");
	laptop_clear(&laptop);
}

/* ---- checks and unique fields ---- */

static void a_field_that_a_check_refuses_is_left_out(void **state)
{
	struct laptop laptop;
	struct rep_json *summary;
	char line[512], id[REP_UUID_LEN + 1];

	(void)state;
	hub_company(hub, &laptop);
	laptop_change(&laptop, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	snprintf(
		line, sizeof line,
		"{\"values\":{\"home_address\":{\"new\":\"人民路18号\",\"old\":null,\"saw\":\"%s\"},"
		"\"best_time\":{\"new\":\"周一\",\"old\":null,\"saw\":\"%s\"}}}",
		laptop_stamp(&laptop), laptop_stamp(&laptop));
	laptop_change(&laptop, "update", "contact", "C-0001", HUB_T0 + 6 * MINUTE, line);
	laptop_send(&laptop, dir, HUB_T0 + 7 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 8 * MINUTE);
	expect_count(summary, "rejected", 1);
	rep_json_free(summary);
	hub_expect(hub, "contact", "C-0001", "home_address", NULL);
	hub_expect(hub, "contact", "C-0001", "best_time", "\"周一\"");
	rep_review_change_id(id, "rejection", laptop.id, 2, 0);
	hub_expect(hub, "rejection", id, "code", "\"home_consent\"");
	laptop_clear(&laptop);
}

static void a_check_sees_other_records(void **state)
{
	static const char consent[] =
		"{\"values\":{\"contact\":{\"new\":\"C-0001\"},\"purpose\":{\"new\":\"邮寄到家\"},"
		"\"decision\":{\"new\":\"同意\"}}}";
	struct laptop laptop;
	char line[512];

	(void)state;
	hub_company(hub, &laptop);
	laptop_change(&laptop, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	snprintf(
		line, sizeof line,
		"{\"values\":{\"home_address\":{\"new\":\"人民路18号\",\"old\":null,\"saw\":\"%s\"}}}",
		laptop_stamp(&laptop));
	laptop_change(&laptop, "insert", "consent", "S-0001", HUB_T0 + 5 * MINUTE, consent);
	laptop_change(&laptop, "update", "contact", "C-0001", HUB_T0 + 6 * MINUTE, line);
	laptop_send(&laptop, dir, HUB_T0 + 7 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 8 * MINUTE);
	hub_expect(hub, "contact", "C-0001", "home_address", "\"人民路18号\"");
	laptop_clear(&laptop);
}

static void a_warning_is_a_flag_of_the_record(void **state)
{
	struct laptop laptop;
	struct rep_record *record;

	(void)state;
	hub_company(hub, &laptop);
	laptop_change(&laptop, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE,
		      "{\"values\":{\"name\":{\"new\":\"陈建国\"},\"kind\":{\"new\":\"医务人员\"},"
		      "\"org\":{\"new\":\"O-0101\"},\"phone_primary\":{\"new\":\"13900001111\"}}}");
	laptop_send(&laptop, dir, HUB_T0 + 7 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 8 * MINUTE);
	record = hub_row(hub, "contact", "C-0001");
	assert_string_equal(rep_json_string_value(rep_json_at(record->flags, 0)), "primary_is_one");
	rep_record_free(record);
	laptop_clear(&laptop);
}

static void the_first_merged_keeps_a_unique_value(void **state)
{
	static const char with_licence[] =
		"{\"values\":{\"name\":{\"new\":\"陈建国\"},\"kind\":{\"new\":\"医务人员\"},"
		"\"org\":{\"new\":\"O-0101\"},\"license_no\":{\"new\":\"%s\"}}}";
	struct laptop laptop;
	struct rep_json *summary;
	char line[512];

	(void)state;
	hub_company(hub, &laptop);
	snprintf(line, sizeof line, with_licence, "110 abc");
	laptop_change(&laptop, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, line);
	snprintf(line, sizeof line, with_licence, "110ABC");
	laptop_change(&laptop, "insert", "contact", "C-0002", HUB_T0 + 5 * MINUTE, line);
	laptop_send(&laptop, dir, HUB_T0 + 7 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 8 * MINUTE);
	expect_count(summary, "proposed", 1);
	rep_json_free(summary);
	hub_expect(hub, "contact", "C-0001", "license_no", "\"110 abc\"");
	hub_expect(hub, "contact", "C-0002", "license_no", NULL);
	hub_expect(hub, "contact", "C-0002", "name", "\"陈建国\"");
	laptop_clear(&laptop);
}

/* ---- views ---- */

static void a_view_holds_the_accounts_of_the_territory_and_no_others(void **state)
{
	struct laptop laptop;
	char fan[3], path[256], *file, *self;
	struct rep_json *document;
	uint8_t public[REP_PUBLIC_SIZE];

	(void)state;
	hub_company(hub, &laptop);
	hub_org(hub, "O-0999", "别处医院", HUB_T0 + 4 * MINUTE);
	laptop_change(&laptop, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	laptop_send(&laptop, dir, HUB_T0 + 6 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 7 * MINUTE);
	rep_fanout(fan, "O-0101");
	snprintf(path, sizeof path, "data/%s/O-0101/contact/C-0001.json", fan);
	file = mailbox_file(dir, laptop.id, "refs/heads/inbox", path);
	assert_non_null(file);
	free(file);
	rep_fanout(fan, "O-0999");
	snprintf(path, sizeof path, "data/%s/O-0999/org/O-0999.json", fan);
	assert_null(mailbox_file(dir, laptop.id, "refs/heads/inbox", path));
	self = mailbox_file(dir, laptop.id, "refs/heads/inbox", "self.json");
	expect_ok(rep_hub_public(dir, public, &err), &err);
	expect_ok(rep_self_read(&document, self, strlen(self), public, &err), &err);
	assert_int_equal(rep_json_get_integer(document, "merged_seq"), 1);
	assert_string_equal(rep_json_get_string(document, "merged_hash"), laptop.hash);
	rep_json_free(document);
	free(self);
	laptop_clear(&laptop);
}

static void an_unchanged_view_is_published_again_after_a_day_only(void **state)
{
	struct laptop laptop;
	char *first, *second, *third;

	(void)state;
	hub_company(hub, &laptop);
	hub_run_quietly(hub, HUB_T0 + 5 * MINUTE);
	first = mailbox_file(dir, laptop.id, "refs/heads/inbox", "self.json");
	hub_run_quietly(hub, HUB_T0 + 60 * MINUTE);
	second = mailbox_file(dir, laptop.id, "refs/heads/inbox", "self.json");
	assert_string_equal(first, second);
	hub_run_quietly(hub, HUB_T0 + 25 * 60 * MINUTE);
	third = mailbox_file(dir, laptop.id, "refs/heads/inbox", "self.json");
	assert_string_not_equal(first, third);
	free(first);
	free(second);
	free(third);
	laptop_clear(&laptop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(first_contact_makes_the_device_active),
		TEST(an_expired_invitation_is_not_taken),
		TEST(a_change_is_merged_exactly_once),
		TEST(journal_holds_the_very_bytes_that_were_signed),
		TEST(the_trees_are_the_same_whoever_syncs_first),
		TEST(a_late_change_is_put_where_it_belongs),
		TEST(a_conflict_that_a_run_makes_and_dissolves_leaves_nothing),
		TEST(a_change_without_its_record_is_held_until_it_comes),
		TEST(a_rejected_edit_becomes_an_item_of_its_author),
		TEST(a_broken_signature_blocks_its_own_device_only),
		TEST(values_that_nobody_erased_are_not_withheld),
		TEST(change_sets_of_the_hub_are_split_where_the_skeleton_is_full),
		TEST(a_wrong_clock_is_cut_at_receipt),
		TEST(a_field_that_a_check_refuses_is_left_out),
		TEST(a_check_sees_other_records),
		TEST(a_warning_is_a_flag_of_the_record),
		TEST(the_first_merged_keeps_a_unique_value),
		TEST(a_view_holds_the_accounts_of_the_territory_and_no_others),
		TEST(an_unchanged_view_is_published_again_after_a_day_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
