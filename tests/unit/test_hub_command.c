/* Commands of the hub: invitations, keys for sshd, decisions, large batches, opening for reading. */
#include "help_hub.h"

#include <stdio.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/model/fold.h"
#include "core/model/id.h"
#include "core/store/tables.h"
#include "sync/mailbox/document.h"

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

/* ---- invitations ---- */

static const char host_key[] =
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

static enum rep_code invite(const char *url, const char *key, struct rep_json **out)
{
	const struct rep_hub_enroll enroll = {
		.rep = "r1", .url_base = url, .host_key = key, .valid_ms = 86400000};

	return rep_hub_enroll(hub, &enroll, HUB_T0 + 2 * MINUTE, out, &err);
}

static void an_invitation_is_what_a_device_reads(void **state)
{
	struct rep_json *made, *read;
	char *text;

	(void)state;
	hub_person(hub, "r1", "rep", "T1", HUB_T0 + MINUTE);
	expect_ok(invite("ssh://sync@hub.example:22/srv/mailboxes/", host_key, &made), &err);
	text = rep_json_text(made);
	expect_ok(rep_invitation_read(&read, text, strlen(text), &err), &err);
	assert_non_null(strstr(rep_json_get_string(read, "url"),
			       "ssh://sync@hub.example:22/srv/mailboxes/"));
	assert_null(strstr(rep_json_get_string(read, "url"), "mailboxes//"));
	assert_non_null(strstr(rep_json_get_string(read, "ssh_public"), "ssh-ed25519 "));
	free(text);
	rep_json_free(read);
	rep_json_free(made);
}

static void the_hub_keeps_no_secret_of_an_invitation(void **state)
{
	struct rep_buf kept = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *made;
	char path[5000];

	(void)state;
	hub_person(hub, "r1", "rep", "T1", HUB_T0 + MINUTE);
	expect_ok(invite(NULL, NULL, &made), &err);
	snprintf(path, sizeof path, "%s/keys/invitations/%s.json", dir,
		 rep_json_get_string(made, "device"));
	expect_ok(rep_file_read(&kept, path, &err), &err);
	assert_null(strstr(rep_buf_str(&kept), rep_json_get_string(made, "secret")));
	rep_buf_clear(&kept);
	rep_json_free(made);
}

static void an_ssh_address_without_a_host_key_is_refused(void **state)
{
	struct rep_json *made;

	(void)state;
	hub_person(hub, "r1", "rep", "T1", HUB_T0 + MINUTE);
	expect_code(invite("ssh://sync@hub.example/srv", NULL, &made), REP_EUSAGE, &err,
		    "host's key");
	assert_null(made);
}

static void nobody_unknown_is_invited(void **state)
{
	struct rep_json *made;

	(void)state;
	expect_code(invite(NULL, NULL, &made), REP_ENOTFOUND, &err, "no rep r1");
}

static void sshd_gets_the_one_time_key_and_then_the_devices_own(void **state)
{
	struct rep_buf keys = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *made;
	struct laptop folder;

	(void)state;
	hub_person(hub, "r1", "rep", "T1", HUB_T0 + MINUTE);
	expect_ok(invite("ssh://sync@hub.example/srv", host_key, &made), &err);
	laptop_enroll(&folder, hub, "r1", HUB_T0 + 3 * MINUTE);
	expect_ok(rep_hub_ssh_keys(hub, "/usr/bin/repsync", HUB_T0 + 4 * MINUTE, &keys, &err),
		  &err);
	assert_non_null(strstr(rep_buf_str(&keys), rep_json_get_string(made, "ssh_public")));
	assert_non_null(strstr(rep_buf_str(&keys), rep_json_get_string(made, "device")));
	/* A laptop on a folder has no key, so no line. */
	assert_null(strstr(rep_buf_str(&keys), folder.id));
	rep_buf_clear(&keys);
	rep_json_free(made);
	laptop_clear(&folder);
}

/* ---- decisions ---- */

/* A conflict over the record's hospital, which waits for a decision: field under the rule `review`. */
static void make_conflict(struct laptop *a, struct laptop *b, char item[REP_UUID_LEN + 1])
{
	char line[512];

	hub_person(hub, "r1", "rep", "T1", HUB_T0 + MINUTE);
	hub_person(hub, "r2", "rep", "T1", HUB_T0 + MINUTE);
	hub_org(hub, "O-1", "江南医院", HUB_T0 + 2 * MINUTE);
	hub_cover(hub, "T1", "O-1", HUB_T0 + 2 * MINUTE);
	laptop_enroll(a, hub, "r1", HUB_T0 + 3 * MINUTE);
	laptop_enroll(b, hub, "r2", HUB_T0 + 3 * MINUTE);
	laptop_change(a, "insert", "contact", "C-1", HUB_T0 + 4 * MINUTE,
		      "{\"values\":{\"name\":{\"new\":\"陈建国\"},\"kind\":{\"new\":\"医务人员\"},"
		      "\"org\":{\"new\":\"O-1\"},\"employment\":{\"new\":\"在职\"}}}");
	snprintf(line, sizeof line,
		 "{\"values\":{\"employment\":{\"new\":\"退休\",\"old\":\"在职\",\"saw\":\"%s\"}}}",
		 laptop_stamp(a));
	laptop_send(a, dir, HUB_T0 + 5 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 6 * MINUTE);
	laptop_change(a, "update", "contact", "C-1", HUB_T0 + 7 * MINUTE, line);
	memcpy(strstr(line, "退休"), "离职", strlen("离职"));
	laptop_change(b, "update", "contact", "C-1", HUB_T0 + 8 * MINUTE, line);
	laptop_send(a, dir, HUB_T0 + 9 * MINUTE);
	laptop_send(b, dir, HUB_T0 + 9 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 10 * MINUTE);
	rep_review_conflict_id(item, "contact", "C-1", "employment");
	hub_expect(hub, "conflict", item, "state", "\"open\"");
	hub_expect(hub, "contact", "C-1", "employment", "\"退休\"");
}

static void a_conflict_is_decided_by_the_rep_whose_value_it_is(void **state)
{
	char item[REP_UUID_LEN + 1];
	struct laptop a, b;

	(void)state;
	make_conflict(&a, &b, item);
	expect_ok(rep_hub_resolve(hub, item, "r2", "问过本人", HUB_T0 + 11 * MINUTE, &err), &err);
	hub_expect(hub, "contact", "C-1", "employment", "\"离职\"");
	hub_expect(hub, "conflict", item, "state", "\"decided\"");
	expect_replay(hub);
	laptop_clear(&a);
	laptop_clear(&b);
}

static void a_conflict_is_decided_by_a_value_of_its_own(void **state)
{
	char item[REP_UUID_LEN + 1];
	struct laptop a, b;

	(void)state;
	make_conflict(&a, &b, item);
	expect_code(rep_hub_resolve(hub, item, "升职", "x", HUB_T0 + 11 * MINUTE, &err), REP_EINVAL,
		    &err, NULL);
	expect_ok(rep_hub_resolve(hub, item, "调动", "x", HUB_T0 + 12 * MINUTE, &err), &err);
	hub_expect(hub, "contact", "C-1", "employment", "\"调动\"");
	hub_expect(hub, "conflict", item, "state", "\"decided\"");
	laptop_clear(&a);
	laptop_clear(&b);
}

static void what_stands_can_be_confirmed(void **state)
{
	char item[REP_UUID_LEN + 1];
	struct laptop a, b;

	(void)state;
	make_conflict(&a, &b, item);
	expect_ok(rep_hub_resolve(hub, item, "theirs", "x", HUB_T0 + 11 * MINUTE, &err), &err);
	hub_expect(hub, "contact", "C-1", "employment", "\"退休\"");
	hub_expect(hub, "conflict", item, "state", "\"decided\"");
	laptop_clear(&a);
	laptop_clear(&b);
}

static void a_declined_proposal_changes_nothing(void **state)
{
	char item[REP_UUID_LEN + 1], conflict[REP_UUID_LEN + 1], line[512];
	struct laptop a, b;

	(void)state;
	make_conflict(&a, &b, conflict);
	snprintf(line, sizeof line,
		 "{\"values\":{\"name\":{\"new\":\"陈建囯\",\"old\":\"陈建国\"}}}");
	laptop_change(&a, "update", "contact", "C-1", HUB_T0 + 11 * MINUTE, line);
	laptop_send(&a, dir, HUB_T0 + 12 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 13 * MINUTE);
	rep_review_proposal_id(item, a.id, 3, 0, "open");
	expect_code(rep_hub_resolve(hub, item, "maybe", "x", HUB_T0 + 14 * MINUTE, &err),
		    REP_EUSAGE, &err, "accept or decline");
	expect_ok(rep_hub_resolve(hub, item, "decline", "x", HUB_T0 + 14 * MINUTE, &err), &err);
	hub_expect(hub, "contact", "C-1", "name", "\"陈建国\"");
	hub_expect(hub, "proposal", item, "state", "\"declined\"");
	expect_code(rep_hub_resolve(hub, item, "expire", "x", HUB_T0 + 15 * MINUTE, &err),
		    REP_EINVAL, &err, "declined already");
	expect_code(rep_hub_resolve(hub, "nothing", "accept", "x", HUB_T0 + 15 * MINUTE, &err),
		    REP_ENOTFOUND, &err, "no review item");
	laptop_clear(&a);
	laptop_clear(&b);
}

/* ---- batches ---- */

static void a_large_batch_is_sealed_as_its_skeletons_fill(void **state)
{
	const struct rep_hub_merge own = {.now_ms = HUB_T0 + 2 * MINUTE, .own_only = true};
	struct rep_hub_batch *batch;
	struct rep_json *summary;

	(void)state;
	expect_ok(rep_hub_batch_new(&batch, hub, "import", HUB_T0 + MINUTE, &err), &err);
	for (int i = 0; i < 9000; i++) {
		struct rep_json *line = rep_json_object(), *values = rep_json_object();
		struct rep_json *name = rep_json_object();
		char id[32];

		snprintf(id, sizeof id, "O-%06d", i);
		rep_json_set_string(name, "new", "江南医院");
		rep_json_set(values, "name", name);
		rep_json_set(line, "values", values);
		expect_ok(rep_hub_batch_add(batch, REP_OP_INSERT, "org", id, line, &err), &err);
	}
	expect_ok(rep_hub_batch_send(batch, &err), &err);
	rep_hub_batch_free(batch);
	expect_ok(rep_hub_merge(hub, &own, &summary, &err), &err);
	assert_int_equal(rep_json_get_integer(summary, "changes"), 9000);
	assert_int_equal(rep_json_get_integer(summary, "applied"), 9000);
	assert_true(rep_json_get_integer(summary, "changesets") > 1);
	rep_json_free(summary);
	expect_fsck(dir);
}

static void a_batch_that_is_not_sent_leaves_nothing(void **state)
{
	struct rep_hub_batch *batch;
	struct rep_json *line = rep_json_object(), *summary;

	(void)state;
	rep_json_set(line, "values", rep_json_object());
	expect_ok(rep_hub_batch_new(&batch, hub, "x", HUB_T0 + MINUTE, &err), &err);
	expect_ok(rep_hub_batch_add(batch, REP_OP_INSERT, "org", "O-1", line, &err), &err);
	rep_hub_batch_free(batch);
	summary = hub_run(hub, HUB_T0 + 2 * MINUTE);
	assert_int_equal(rep_json_get_integer(summary, "changes"), 0);
	rep_json_free(summary);
}

/* ---- opening ---- */

static void reading_needs_a_working_copy_and_writes_nothing(void **state)
{
	struct rep_hub *reader;
	struct rep_json *summary;
	char path[5000];

	(void)state;
	expect_ok(rep_hub_open(&reader, dir, true, &err), &err);
	expect_code(
		rep_hub_merge(reader, &(struct rep_hub_merge){.now_ms = HUB_T0}, &summary, &err),
		REP_EUSAGE, &err, "for reading");
	rep_hub_close(reader);
	rep_hub_close(hub);
	snprintf(path, sizeof path, "%s/work.db", dir);
	assert_int_equal(unlink(path), 0);
	expect_code(rep_hub_open(&reader, dir, true, &err), REP_ENOTFOUND, &err, "no working copy");
	assert_non_null(strstr(err.hint, "rebuild"));
	expect_ok(rep_hub_open(&hub, dir, false, &err), &err);
}

static void a_working_copy_of_another_history_is_made_again(void **state)
{
	char command[20000];

	(void)state;
	hub_org(hub, "O-1", "江南医院", HUB_T0 + MINUTE);
	rep_hub_close(hub);
	/* Central is set back by one commit, as a restored one would be: the marker is no ancestor any more. */
	snprintf(command, sizeof command,
		 "git -C '%s/central.git' update-ref refs/heads/main main~1", dir);
	assert_int_equal(system(command), 0);
	expect_ok(rep_hub_open(&hub, dir, false, &err), &err);
	assert_null(hub_value(hub, "org", "O-1", "name"));
	/* The mailbox still has the change: it is merged again. */
	hub_run_quietly(hub, HUB_T0 + 2 * MINUTE);
	hub_expect(hub, "org", "O-1", "name", "\"江南医院\"");
}

static void a_folder_that_is_no_hub_is_named(void **state)
{
	struct rep_hub *other;

	(void)state;
	expect_code(rep_hub_open(&other, "/nonexistent/hub", false, &err), REP_ENOTFOUND, &err,
		    "is no hub");
}

/* The doctor waits for the hospital; once that is there its author, who may not set `source`, is told so, and the company is not. */
static void a_command_is_not_refused_for_what_waited_for_it(void **state)
{
	static const char insert_elsewhere[] =
		"{\"values\":{\"name\":{\"new\":\"李向阳\"},\"kind\":{\"new\":\"医务人员\"},"
		"\"source\":{\"new\":\"x\"},\"org\":{\"new\":\"O-0202\"}}}";
	static const char lake[] = "{\"values\":{\"name\":{\"new\":\"湖滨医院\"},"
				   "\"sub_kind\":{\"new\":\"医院\"}}}";
	struct laptop laptop;
	struct rep_json *summary;
	struct rep_hub_batch *batch;
	struct rep_json *org;
	const char *one[] = {"O-0101"};
	char id[REP_UUID_LEN + 1];

	(void)state;
	hub_company(hub, &laptop);
	hub_cover(hub, "JN-01", "O-0202", HUB_T0 + 4 * MINUTE);
	laptop_change(&laptop, "insert", "contact", "C-0002", HUB_T0 + 5 * MINUTE,
		      insert_elsewhere);
	laptop_send(&laptop, dir, HUB_T0 + 6 * MINUTE);
	summary = hub_run(hub, HUB_T0 + 7 * MINUTE);
	expect_count(summary, "held", 1);
	expect_count(summary, "rejected", 0);
	rep_json_free(summary);
	/* Sent and not merged, as an import that was killed leaves it. */
	expect_ok(rep_hub_batch_new(&batch, hub, "import", HUB_T0 + 8 * MINUTE, &err), &err);
	expect_ok(rep_json_parse(&org, lake, strlen(lake), REP_LINE_SIZE_MAX, REP_JSON_DEPTH_MAX,
				 &err),
		  &err);
	expect_ok(rep_hub_batch_add(batch, REP_OP_INSERT, "org", "O-0202", org, &err), &err);
	expect_ok(rep_hub_batch_send(batch, &err), &err);
	rep_hub_batch_free(batch);
	expect_ok(rep_hub_territory(hub, REP_TERRITORY_SET, "JN-01", "济南一区", NULL, one, 1,
				    HUB_T0 + 9 * MINUTE, &err),
		  &err);
	hub_expect(hub, "territory", "JN-01", "name", "\"济南一区\"");
	hub_expect(hub, "org", "O-0202", "name", "\"湖滨医院\"");
	rep_review_change_id(id, "rejection", laptop.id, 1, 0);
	hub_expect(hub, "rejection", id, "record", "\"C-0002\"");
	laptop_clear(&laptop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_invitation_is_what_a_device_reads),
		TEST(the_hub_keeps_no_secret_of_an_invitation),
		TEST(an_ssh_address_without_a_host_key_is_refused),
		TEST(nobody_unknown_is_invited),
		TEST(sshd_gets_the_one_time_key_and_then_the_devices_own),
		TEST(a_conflict_is_decided_by_the_rep_whose_value_it_is),
		TEST(a_conflict_is_decided_by_a_value_of_its_own),
		TEST(what_stands_can_be_confirmed),
		TEST(a_declined_proposal_changes_nothing),
		TEST(a_large_batch_is_sealed_as_its_skeletons_fill),
		TEST(a_batch_that_is_not_sent_leaves_nothing),
		TEST(a_command_is_not_refused_for_what_waited_for_it),
		TEST(reading_needs_a_working_copy_and_writes_nothing),
		TEST(a_working_copy_of_another_history_is_made_again),
		TEST(a_folder_that_is_no_hub_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
