/* What each device is shown, and what must not happen to a mailbox or a chain. */
#include "help_hub.h"

#include <stdio.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/model/fold.h"
#include "core/model/id.h"
#include "core/store/tables.h"
#include "sync/mailbox/document.h"

#define INBOX "refs/heads/inbox"

static struct rep_error err;
static struct rep_hub *hub;
static char dir[4096];
static struct laptop one, two;

static int setup(void **state)
{
	(void)state;
	hub = hub_make(dir, sizeof dir);
	one = two = (struct laptop){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	laptop_clear(&one);
	laptop_clear(&two);
	hub_drop(hub, dir);
	return 0;
}

static const char *data_path(const char *root, const char *partition, const char *rest)
{
	static char paths[4][512];
	static unsigned turn;
	char fan[3], *path = paths[turn++ % 4];

	rep_fanout(fan, partition);
	snprintf(path, sizeof paths[0], "%s/%s/%s/%s", root, fan, partition, rest);
	return path;
}

static bool sees(const struct laptop *laptop, const char *path)
{
	char *file = mailbox_file(dir, laptop->id, INBOX, path);
	bool there = file != NULL;

	free(file);
	return there;
}

static int64_t view_number(const struct laptop *laptop)
{
	char *text = mailbox_file(dir, laptop->id, INBOX, "self.json");
	uint8_t public[REP_PUBLIC_SIZE];
	struct rep_json *self;
	int64_t number;

	expect_ok(rep_hub_public(dir, public, &err), &err);
	expect_ok(rep_self_read(&self, text, strlen(text), public, &err), &err);
	number = rep_json_get_integer(self, "view");
	rep_json_free(self);
	free(text);
	return number;
}

/* Two hospitals, held by r1 through T1 and by r2 through T2, and a doctor at the first. */
static void make_two(void)
{
	hub_person(hub, "r1", "rep", "T1", HUB_T0 + MINUTE);
	hub_person(hub, "r2", "rep", "T2", HUB_T0 + MINUTE);
	hub_org(hub, "O-1", "江南医院", HUB_T0 + 2 * MINUTE);
	hub_org(hub, "O-2", "湖滨医院", HUB_T0 + 2 * MINUTE);
	hub_cover(hub, "T1", "O-1", HUB_T0 + 3 * MINUTE);
	hub_cover(hub, "T2", "O-2", HUB_T0 + 3 * MINUTE);
	laptop_enroll(&one, hub, "r1", HUB_T0 + 4 * MINUTE);
	laptop_enroll(&two, hub, "r2", HUB_T0 + 4 * MINUTE);
	laptop_change(&one, "insert", "contact", "C-1", HUB_T0 + 5 * MINUTE,
		      "{\"values\":{\"name\":{\"new\":\"陈建国\"},\"kind\":{\"new\":\"医务人员\"},"
		      "\"org\":{\"new\":\"O-1\"}}}");
	laptop_send(&one, dir, HUB_T0 + 6 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 7 * MINUTE);
}

static void update(struct laptop *laptop, const char *id, const char *field, const char *value,
		   int64_t now_ms)
{
	struct rep_record *record = hub_row(hub, "contact", id);
	char line[1024];
	char *old;

	old = rep_json_text(rep_record_value(record, field) ? rep_record_value(record, field)
							    : rep_json_null());
	snprintf(line, sizeof line,
		 "{\"values\":{\"%s\":{\"new\":\"%s\",\"old\":%s,\"saw\":\"%s\"}}}", field, value,
		 old, rep_record_stamp(record, field));
	laptop_change(laptop, "update", "contact", id, now_ms, line);
	free(old);
	rep_record_free(record);
}

/* ---- views ---- */

/* A second role, as nobody's command gives it yet: the hub's own change. */
static void add_role(const char *rep, const char *role, int64_t now_ms)
{
	struct rep_hub_batch *batch;
	struct rep_json *line;
	char text[200];

	snprintf(text, sizeof text,
		 "{\"values\":{\"rep\":{\"new\":\"%s\"},\"role\":{\"new\":\"%s\"}}}", rep, role);
	expect_ok(rep_json_parse(&line, text, strlen(text), sizeof text, 8, &err), &err);
	expect_ok(rep_hub_batch_new(&batch, hub, "a second hat", now_ms, &err), &err);
	expect_ok(rep_hub_batch_add(batch, REP_OP_INSERT, "role", "role-2", line, &err), &err);
	expect_ok(rep_hub_batch_send(batch, &err), &err);
	rep_hub_batch_free(batch);
	hub_run_quietly(hub, now_ms + MINUTE);
}

static void of_two_roles_the_view_has_what_either_reaches(void **state)
{
	struct laptop desk = {0};

	(void)state;
	make_two();
	laptop_change(&one, "insert", "consent", "S-1", HUB_T0 + 8 * MINUTE,
		      "{\"values\":{\"contact\":{\"new\":\"C-1\"},\"purpose\":{\"new\":\"拜访\"},"
		      "\"decision\":{\"new\":\"同意\"}}}");
	laptop_send(&one, dir, HUB_T0 + 9 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 9 * MINUTE);
	desk_enroll(&desk, hub, "r2", HUB_T0 + 10 * MINUTE);
	add_role("r2", "finance", HUB_T0 + 11 * MINUTE);
	/* Finance carries the organisations and people of all accounts, no consents; the rep has all of O-2. */
	assert_true(sees(&desk, data_path("data", "O-1", "contact/C-1.json")));
	assert_false(sees(&desk, data_path("data", "O-1", "consent/S-1.json")));
	assert_true(sees(&desk, data_path("data", "O-2", "org/O-2.json")));
	/* At the laptop only the rep counts. */
	assert_false(sees(&two, data_path("data", "O-1", "contact/C-1.json")));
	assert_true(sees(&two, data_path("data", "O-2", "org/O-2.json")));
	assert_true(sees(&one, data_path("data", "O-1", "consent/S-1.json")));
	expect_fsck(dir);
	laptop_clear(&desk);
}

static void each_holder_sees_the_own_account_only(void **state)
{
	(void)state;
	make_two();
	assert_true(sees(&one, data_path("data", "O-1", "contact/C-1.json")));
	assert_false(sees(&one, data_path("data", "O-2", "org/O-2.json")));
	assert_true(sees(&two, data_path("data", "O-2", "org/O-2.json")));
	assert_false(sees(&two, data_path("data", "O-1", "contact/C-1.json")));
	expect_fsck(dir);
}

static void a_doctor_at_a_second_hospital_is_linked(void **state)
{
	(void)state;
	make_two();
	laptop_change(&two, "insert", "affiliation", "A-1", HUB_T0 + 8 * MINUTE,
		      "{\"values\":{\"contact\":{\"new\":\"C-1\"},\"org\":{\"new\":\"O-2\"}}}");
	laptop_send(&two, dir, HUB_T0 + 9 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 10 * MINUTE);
	assert_true(sees(&two, data_path("linked", "O-1", "contact/C-1.json")));
	assert_false(sees(&two, data_path("linked", "O-1", "org/O-1.json")));
	assert_false(sees(&one, data_path("linked", "O-1", "contact/C-1.json")));
	expect_fsck(dir);
}

static void restricted_twins_reach_readers_only(void **state)
{
	(void)state;
	make_two();
	/* r2 assists where r1 is primary; only the primary reads addresses. */
	expect_ok(rep_hub_rep_set(hub,
				  &(struct rep_hub_rep){.rep = "r2",
							.territories = &(const char *){"T1"},
							.territories_len = 1,
							.assist = true},
				  HUB_T0 + 8 * MINUTE, &err),
		  &err);
	laptop_change(
		&one, "insert", "consent", "S-1", HUB_T0 + 8 * MINUTE,
		"{\"values\":{\"contact\":{\"new\":\"C-1\"},\"purpose\":{\"new\":\"邮寄到家\"},"
		"\"decision\":{\"new\":\"同意\"}}}");
	update(&one, "C-1", "home_address", "人民路18号", HUB_T0 + 9 * MINUTE);
	laptop_send(&one, dir, HUB_T0 + 10 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 11 * MINUTE);
	assert_true(sees(&one, data_path("restricted/address", "O-1", "contact/C-1.json")));
	assert_true(sees(&two, data_path("data", "O-1", "contact/C-1.json")));
	assert_false(sees(&two, data_path("restricted/address", "O-1", "contact/C-1.json")));
}

static void a_narrowed_role_sees_the_entities_that_it_lists(void **state)
{
	struct laptop desk;

	(void)state;
	make_two();
	hub_person(hub, "f1", "finance", NULL, HUB_T0 + 8 * MINUTE);
	desk_enroll(&desk, hub, "f1", HUB_T0 + 8 * MINUTE);
	laptop_change(&one, "insert", "consent", "S-1", HUB_T0 + 8 * MINUTE,
		      "{\"values\":{\"contact\":{\"new\":\"C-1\"},\"purpose\":{\"new\":\"拜访\"},"
		      "\"decision\":{\"new\":\"同意\"}}}");
	laptop_send(&one, dir, HUB_T0 + 9 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 10 * MINUTE);
	assert_true(sees(&desk, data_path("data", "O-1", "contact/C-1.json")));
	assert_true(sees(&desk, data_path("data", "O-2", "org/O-2.json")));
	assert_true(sees(&desk, data_path("data", "company", "employee/r1.json")));
	assert_false(sees(&desk, data_path("data", "O-1", "consent/S-1.json")));
	expect_fsck(dir);
	laptop_clear(&desk);
}

static void a_manager_sees_what_lies_beneath(void **state)
{
	struct laptop manager;

	(void)state;
	make_two();
	expect_ok(rep_hub_territory(hub, REP_TERRITORY_ADD, "T0", "大区", NULL, NULL, 0,
				    HUB_T0 + 8 * MINUTE, &err),
		  &err);
	expect_ok(rep_hub_territory(hub, REP_TERRITORY_ADD, "T1", NULL, "T0", NULL, 0,
				    HUB_T0 + 8 * MINUTE, &err),
		  &err);
	hub_person(hub, "m1", "manager", "T0", HUB_T0 + 8 * MINUTE);
	laptop_enroll(&manager, hub, "m1", HUB_T0 + 8 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 10 * MINUTE);
	assert_true(sees(&manager, data_path("data", "O-1", "contact/C-1.json")));
	assert_false(sees(&manager, data_path("data", "O-2", "org/O-2.json")));
	laptop_clear(&manager);
}

static void a_doctor_who_moves_leaves_one_view_and_enters_the_other(void **state)
{
	char *file;

	(void)state;
	make_two();
	laptop_change(&one, "insert", "consent", "S-1", HUB_T0 + 8 * MINUTE,
		      "{\"values\":{\"contact\":{\"new\":\"C-1\"},\"purpose\":{\"new\":\"拜访\"},"
		      "\"decision\":{\"new\":\"同意\"}}}");
	update(&one, "C-1", "org", "O-2", HUB_T0 + 9 * MINUTE);
	laptop_send(&one, dir, HUB_T0 + 10 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 11 * MINUTE);
	assert_false(sees(&one, data_path("data", "O-1", "contact/C-1.json")));
	assert_true(sees(&two, data_path("data", "O-2", "contact/C-1.json")));
	file = central_file(hub, data_path("data", "O-1", "contact/C-1.json"));
	assert_null(file);
	expect_replay(hub);
	expect_fsck(dir);
}

static void a_visit_lies_where_the_doctor_was_then(void **state)
{
	(void)state;
	make_two();
	/* The visit was made before the doctor moved, and arrives after it. */
	update(&one, "C-1", "org", "O-2", HUB_T0 + 20 * MINUTE);
	laptop_send(&one, dir, HUB_T0 + 21 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 22 * MINUTE);
	laptop_change(&two, "insert", "interaction", "V-1", HUB_T0 + 10 * MINUTE,
		      "{\"values\":{\"type\":{\"new\":\"面对面\"},\"contacts\":{\"new\":[\"C-1\"]},"
		      "\"started_at\":{\"new\":\"2026-03-24T01:10:00.000Z\"}}}");
	laptop_send(&two, dir, HUB_T0 + 30 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 31 * MINUTE);
	struct rep_buf partition = REP_BUF_INIT(256);
	expect_ok(rep_row_partition(rep_hub_db(hub),
				    rep_schema_entity(rep_hub_schema(hub), "interaction"), "V-1",
				    &partition, &err),
		  &err);
	assert_string_equal(rep_buf_str(&partition), "O-1");
	rep_buf_clear(&partition);
	expect_replay(hub);
}

static void a_visit_lies_where_the_doctor_was_whom_it_named_first(void **state)
{
	struct rep_buf partition = REP_BUF_INIT(256);
	struct laptop second;

	(void)state;
	make_two();
	laptop_enroll(&second, hub, "r1", HUB_T0 + 8 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 9 * MINUTE);
	laptop_change(&one, "insert", "interaction", "V-1", HUB_T0 + 20 * MINUTE,
		      "{\"values\":{\"type\":{\"new\":\"面对面\"},\"contacts\":{\"new\":[\"C-1\"]},"
		      "\"started_at\":{\"new\":\"2026-03-24T01:10:00.000Z\"}}}");
	laptop_change(&one, "update", "interaction", "V-1", HUB_T0 + 21 * MINUTE,
		      "{\"values\":{\"contacts\":{\"remove\":[\"C-1\"]}}}");
	laptop_send(&one, dir, HUB_T0 + 22 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 23 * MINUTE);
	/* The doctor had moved before, and that arrives last. */
	update(&second, "C-1", "org", "O-2", HUB_T0 + 12 * MINUTE);
	laptop_send(&second, dir, HUB_T0 + 24 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 25 * MINUTE);
	expect_ok(rep_row_partition(rep_hub_db(hub),
				    rep_schema_entity(rep_hub_schema(hub), "interaction"), "V-1",
				    &partition, &err),
		  &err);
	assert_string_equal(rep_buf_str(&partition), "O-2");
	rep_buf_clear(&partition);
	expect_replay(hub);
	laptop_clear(&second);
}

static void what_was_stamped_after_accounts_changed_hands_is_folded_by_the_new_ones(void **state)
{
	const char *const lost[] = {"O-1"};
	char id[REP_UUID_LEN + 1];
	struct rep_record *item;

	(void)state;
	make_two();
	hub_person(hub, "r3", "rep", "T3", HUB_T0 + 8 * MINUTE);
	/* A clock four minutes ahead. */
	update(&two, "C-1", "office_phone", "0531-1", HUB_T0 + 24 * MINUTE);
	laptop_send(&two, dir, HUB_T0 + 20 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 20 * MINUTE);
	rep_review_proposal_id(id, two.id, 1, 0, "open");
	item = hub_row(hub, "proposal", id);
	assert_non_null(item);
	assert_string_equal(rep_json_string_value(rep_record_value(item, "to")), "r1");
	rep_record_free(item);
	expect_ok(rep_hub_territory(hub, REP_TERRITORY_REMOVE, "T1", NULL, NULL, lost, 1,
				    HUB_T0 + 22 * MINUTE, &err),
		  &err);
	hub_cover(hub, "T3", "O-1", HUB_T0 + 22 * MINUTE);
	item = hub_row(hub, "proposal", id);
	assert_string_equal(rep_json_string_value(rep_record_value(item, "to")), "r3");
	rep_record_free(item);
	expect_replay(hub);
}

static void a_proposed_record_follows_its_doctor(void **state)
{
	char id[REP_UUID_LEN + 1];

	(void)state;
	make_two();
	/* Of another's doctor, so that it is proposed to the holder, and lies with the doctor. */
	laptop_change(&two, "insert", "consent", "K-1", HUB_T0 + 10 * MINUTE,
		      "{\"values\":{\"contact\":{\"new\":\"C-1\"},\"purpose\":{\"new\":\"电话\"},"
		      "\"decision\":{\"new\":\"同意\"}}}");
	rep_review_proposal_id(id, two.id, two.seq, 0, "open");
	laptop_send(&two, dir, HUB_T0 + 11 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 12 * MINUTE);
	update(&one, "C-1", "org", "O-2", HUB_T0 + 20 * MINUTE);
	laptop_send(&one, dir, HUB_T0 + 21 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 22 * MINUTE);
	struct rep_buf partition = REP_BUF_INIT(256);
	expect_ok(rep_row_partition(rep_hub_db(hub),
				    rep_schema_entity(rep_hub_schema(hub), "proposal"), id,
				    &partition, &err),
		  &err);
	assert_string_equal(rep_buf_str(&partition), "O-2");
	rep_buf_clear(&partition);
	expect_replay(hub);
}

static void a_view_number_is_never_used_twice(void **state)
{
	char command[9000];
	int64_t number;

	(void)state;
	make_two();
	number = view_number(&one);
	/* An inbox set back, as by a restored mailbox, is brought forward with a number of its own. */
	snprintf(command, sizeof command,
		 "git -C '%s/mailboxes/%s.git' update-ref -d refs/heads/inbox", dir, one.id);
	assert_int_equal(system(command), 0);
	hub_run_quietly(hub, HUB_T0 + 8 * MINUTE);
	assert_int_equal(view_number(&one), number + 1);
	/* After a rebuild the numbers go on from what lies in the inboxes, and equal views stay. */
	hub = hub_rebuild(hub, dir);
	hub_run_quietly(hub, HUB_T0 + 9 * MINUTE);
	assert_int_equal(view_number(&one), number + 1);
}

static void the_hubs_own_mailbox_gets_no_view(void **state)
{
	(void)state;
	make_two();
	assert_null(mailbox_file(dir, REP_HUB_DEVICE, INBOX, "self.json"));
}

static void a_damaged_mailbox_does_not_keep_others_from_their_views(void **state)
{
	struct rep_json *summary;
	char command[9000];

	(void)state;
	make_two();
	snprintf(command, sizeof command,
		 "rm -rf '%s/mailboxes/%s.git/objects' && echo x > '%s/mailboxes/%s.git/HEAD'", dir,
		 one.id, dir, one.id);
	assert_int_equal(system(command), 0);
	laptop_change(&two, "insert", "contact", "C-2", HUB_T0 + 8 * MINUTE,
		      "{\"values\":{\"name\":{\"new\":\"李向阳\"},\"kind\":{\"new\":\"医务人员\"},"
		      "\"org\":{\"new\":\"O-2\"}}}");
	laptop_send(&two, dir, HUB_T0 + 9 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 10 * MINUTE);
	assert_string_equal(
		rep_json_get_string(rep_json_at(rep_json_get(summary, "problems"), 0), "device"),
		one.id);
	rep_json_free(summary);
	assert_true(sees(&two, data_path("data", "O-2", "contact/C-2.json")));
}

/* ---- chains ---- */

static void a_forked_chain_goes_to_quarantine(void **state)
{
	struct laptop copy;
	struct rep_json *summary;
	const struct rep_json *problem;

	(void)state;
	make_two();
	copy = two; /* a cloned laptop: the same key and numbers */
	copy.sets = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	laptop_change(&two, "insert", "contact", "C-2", HUB_T0 + 8 * MINUTE,
		      "{\"values\":{\"name\":{\"new\":\"李向阳\"},\"kind\":{\"new\":\"医务人员\"},"
		      "\"org\":{\"new\":\"O-2\"}}}");
	laptop_send(&two, dir, HUB_T0 + 9 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 10 * MINUTE);
	laptop_change(&copy, "insert", "contact", "C-3", HUB_T0 + 8 * MINUTE,
		      "{\"values\":{\"name\":{\"new\":\"孙向阳\"},\"kind\":{\"new\":\"医务人员\"},"
		      "\"org\":{\"new\":\"O-2\"}}}");
	laptop_change(&copy, "insert", "contact", "C-4", HUB_T0 + 9 * MINUTE,
		      "{\"values\":{\"name\":{\"new\":\"周向阳\"},\"kind\":{\"new\":\"医务人员\"},"
		      "\"org\":{\"new\":\"O-2\"}}}");
	laptop_send(&copy, dir, HUB_T0 + 11 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 12 * MINUTE);
	assert_int_equal(rep_json_get_integer(summary, "quarantined"), 1);
	problem = rep_json_at(rep_json_get(summary, "problems"), 0);
	assert_non_null(strstr(rep_json_get_string(problem, "reason"), "forked"));
	rep_json_free(summary);
	/* Blocked from now on, and told of in each run; the quarantine is not made again. */
	summary = hub_run(hub, HUB_T0 + 13 * MINUTE);
	assert_int_equal(rep_json_get_integer(summary, "quarantined"), 0);
	assert_int_equal(rep_json_size(rep_json_get(summary, "problems")), 1);
	rep_json_free(summary);
	laptop_clear(&copy);
}

static void another_reps_change_set_is_not_taken(void **state)
{
	struct laptop forged;
	struct rep_json *summary;

	(void)state;
	make_two();
	forged = two;
	forged.sets = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	snprintf(forged.rep, sizeof forged.rep, "r1");
	laptop_change(&forged, "insert", "contact", "C-2", HUB_T0 + 8 * MINUTE,
		      "{\"values\":{\"name\":{\"new\":\"李向阳\"},\"kind\":{\"new\":\"医务人员\"},"
		      "\"org\":{\"new\":\"O-1\"}}}");
	laptop_send(&forged, dir, HUB_T0 + 9 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 10 * MINUTE);
	assert_int_equal(rep_json_get_integer(summary, "quarantined"), 1);
	assert_int_equal(rep_json_get_integer(summary, "changes"), 0);
	rep_json_free(summary);
	laptop_clear(&forged);
}

static void a_backdated_change_is_rejected(void **state)
{
	struct rep_json *summary;

	(void)state;
	make_two();
	/* The view of the last run is the base of what is edited now: nothing can be older than that. */
	laptop_change(&one, "insert", "contact", "C-2", HUB_T0 + 8 * MINUTE,
		      "{\"values\":{\"name\":{\"new\":\"李向阳\"},\"kind\":{\"new\":\"医务人员\"},"
		      "\"org\":{\"new\":\"O-1\"}}}");
	one.clock = (struct rep_clock){0};
	laptop_change(&one, "insert", "contact", "C-3", HUB_T0 + 3 * MINUTE,
		      "{\"values\":{\"name\":{\"new\":\"周向阳\"},\"kind\":{\"new\":\"医务人员\"},"
		      "\"org\":{\"new\":\"O-1\"}}}");
	laptop_send(&one, dir, HUB_T0 + 9 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 10 * MINUTE);
	assert_int_equal(rep_json_get_integer(summary, "applied"), 1);
	assert_int_equal(rep_json_get_integer(summary, "rejected"), 1);
	rep_json_free(summary);
}

static void a_receipt_that_comes_along_is_honoured(void **state)
{
	struct rep_record *record;
	char copy[5000], command[20000], fan[3], path[256], *receipt;

	(void)state;
	make_two();
	snprintf(copy, sizeof copy, "%s.copy", dir);
	snprintf(command, sizeof command, "cp -a '%s' '%s'", dir, copy);
	rep_hub_close(hub);
	assert_int_equal(system(command), 0);
	expect_ok(rep_hub_open(&hub, dir, false, &err), &err);
	/* A laptop whose clock is a week ahead: cut at receipt. */
	laptop_change(&one, "insert", "contact", "C-2", HUB_T0 + 604800000LL,
		      "{\"values\":{\"name\":{\"new\":\"李向阳\"},\"kind\":{\"new\":\"医务人员\"},"
		      "\"org\":{\"new\":\"O-1\"}}}");
	laptop_push(&one, dir, HUB_T0 + 9 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 10 * MINUTE);
	rep_fanout(fan, one.id);
	snprintf(path, sizeof path, "outcomes/%s/%s/2026-03/2-2.receipt.json", fan, one.id);
	receipt = central_file(hub, path);
	assert_non_null(receipt);
	/* The hub is restored from before that; the laptop sends again, days later, with the receipt. */
	rep_hub_close(hub);
	expect_ok(rep_hub_open(&hub, copy, false, &err), &err);
	laptop_push_again(&one, copy, receipt, HUB_T0 + 9 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 259200000LL);
	record = hub_row(hub, "contact", "C-2");
	assert_int_equal(rep_stamp_ms(record->created.text), HUB_T0 + 15 * MINUTE);
	rep_record_free(record);
	free(receipt);
}

/* ---- the desk ---- */

static void what_no_account_claims_lies_on_the_desk_with_a_claim(void **state)
{
	struct rep_json *inbox;

	(void)state;
	make_two();
	laptop_change(&one, "insert", "interaction", "V-1", HUB_T0 + 8 * MINUTE,
		      "{\"values\":{\"type\":{\"new\":\"电话\"},"
		      "\"started_at\":{\"new\":\"2026-03-24T01:08:00.000Z\"}}}");
	laptop_send(&one, dir, HUB_T0 + 9 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 10 * MINUTE);
	expect_ok(rep_hub_inbox(hub, "claim", true, &inbox, &err), &err);
	assert_int_equal(rep_json_size(inbox), 1);
	rep_json_free(inbox);
	expect_replay(hub);
	assert_false(sees(&one, data_path("data", "desk", "interaction/x-b4/V-1.json")));
}

/* ---- decisions ---- */

static void a_proposal_is_accepted_at_the_hub(void **state)
{
	struct rep_record *record;
	char id[REP_UUID_LEN + 1];

	(void)state;
	make_two();
	update(&one, "C-1", "name", "陈建囯", HUB_T0 + 8 * MINUTE);
	laptop_send(&one, dir, HUB_T0 + 9 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 10 * MINUTE);
	rep_review_proposal_id(id, one.id, 2, 0, "open");
	expect_ok(rep_hub_resolve(hub, id, "accept", "核对执业证", HUB_T0 + 11 * MINUTE, &err),
		  &err);
	record = hub_row(hub, "contact", "C-1");
	assert_string_equal(rep_json_string_value(rep_record_value(record, "name")), "陈建囯");
	rep_record_free(record);
	expect_code(rep_hub_resolve(hub, id, "accept", "x", HUB_T0 + 12 * MINUTE, &err), REP_EINVAL,
		    &err, "accepted already");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(of_two_roles_the_view_has_what_either_reaches),
		TEST(each_holder_sees_the_own_account_only),
		TEST(a_doctor_at_a_second_hospital_is_linked),
		TEST(restricted_twins_reach_readers_only),
		TEST(a_narrowed_role_sees_the_entities_that_it_lists),
		TEST(a_manager_sees_what_lies_beneath),
		TEST(a_doctor_who_moves_leaves_one_view_and_enters_the_other),
		TEST(a_visit_lies_where_the_doctor_was_then),
		TEST(a_visit_lies_where_the_doctor_was_whom_it_named_first),
		TEST(what_was_stamped_after_accounts_changed_hands_is_folded_by_the_new_ones),
		TEST(a_proposed_record_follows_its_doctor),
		TEST(a_view_number_is_never_used_twice),
		TEST(the_hubs_own_mailbox_gets_no_view),
		TEST(a_damaged_mailbox_does_not_keep_others_from_their_views),
		TEST(a_forked_chain_goes_to_quarantine),
		TEST(another_reps_change_set_is_not_taken),
		TEST(a_backdated_change_is_rejected),
		TEST(a_receipt_that_comes_along_is_honoured),
		TEST(what_no_account_claims_lies_on_the_desk_with_a_claim),
		TEST(a_proposal_is_accepted_at_the_hub),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
