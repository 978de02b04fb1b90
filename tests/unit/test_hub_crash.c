/* A hub that was killed, rebuilt, or found its folder in disorder. */
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

/* ---- crashes and rebuilding ---- */

/* All rows of records and of the index, as one text. */
static char *dump_rows(void)
{
	static const char *const queries[] = {
		"SELECT device, seq, idx, stamp, eff, entity, id, op, rep, line, outcome, held FROM _change"
		" ORDER BY device, seq, idx",
		"SELECT * FROM _head ORDER BY device",
		"SELECT * FROM _set ORDER BY device, seq",
		"SELECT path, device, first, last, hub_time, commit_id, run, offset_ms FROM _segment"
		" ORDER BY path",
		"SELECT * FROM _held ORDER BY device, seq, idx",
		"SELECT id, name, kind, org, best_time, _partition, _stamps, _created FROM contact"
		" ORDER BY id",
		"SELECT id, name, _partition, _stamps FROM org ORDER BY id",
		"SELECT id, kind, _fields, _partition, _stamps FROM _review ORDER BY id",
		"SELECT id, state, key FROM _device ORDER BY id",
		"SELECT * FROM _hub WHERE key IN ('run', 'statement', 'marker', 'hub_time') ORDER BY key",
	};
	struct rep_buf out = REP_BUF_INIT(64u << 20);

	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		struct rep_stmt *stmt;
		bool row = true;

		expect_ok(rep_db_prepare(rep_hub_db(hub), &stmt, queries[i], &err), &err);
		while (expect_ok(rep_step(stmt, &row, &err), &err), row) {
			for (int k = 0; k < rep_columns(stmt); k++) {
				const char *text = rep_column_text(stmt, k, NULL);

				rep_buf_printf(&out, "%s|", text ? text : "-");
			}
			rep_buf_putc(&out, '\n');
		}
		rep_stmt_free(stmt);
	}
	return rep_buf_take(&out);
}

/* A history with a conflict, a late change, a rejection, a held change and a wrong clock. */
static void make_history(struct laptop *a, struct laptop *b)
{
	char line[512];

	hub_company(hub, a);
	hub_person(hub, "r018", "rep", "JN-01", HUB_T0 + 4 * MINUTE);
	laptop_enroll(b, hub, "r018", HUB_T0 + 4 * MINUTE);
	laptop_change(a, "insert", "contact", "C-0001", HUB_T0 + 5 * MINUTE, insert_doctor);
	laptop_send(a, dir, HUB_T0 + 6 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 7 * MINUTE);
	snprintf(line, sizeof line,
		 "{\"values\":{\"best_time\":{\"new\":\"周四上午\",\"old\":null,\"saw\":\"%s\"}}}",
		 laptop_stamp(a));
	laptop_change(b, "update", "contact", "C-0001", HUB_T0 + 20 * MINUTE, line);
	laptop_change(b, "update", "contact", "C-0404", HUB_T0 + 21 * MINUTE, line);
	laptop_send(b, dir, HUB_T0 + 21 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 22 * MINUTE);
	laptop_change(a, "update", "contact", "C-0001", HUB_T0 + 15 * MINUTE, line);
	snprintf(line, sizeof line,
		 "{\"values\":{\"source\":{\"new\":\"x\",\"old\":null,\"saw\":\"%s\"}}}",
		 laptop_stamp(a));
	laptop_change(a, "update", "contact", "C-0001", HUB_T0 + 900 * MINUTE, line);
	laptop_send(a, dir, HUB_T0 + 30 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 31 * MINUTE);
}

static void rebuild_gives_the_same_rows(void **state)
{
	struct laptop a, b;
	char *before, *after;

	(void)state;
	make_history(&a, &b);
	expect_replay(hub);
	before = dump_rows();
	hub = hub_rebuild(hub, dir);
	after = dump_rows();
	assert_string_equal(before, after);
	free(before);
	free(after);
	expect_fsck(dir);
	laptop_clear(&a);
	laptop_clear(&b);
}

static void a_run_killed_after_the_swap_is_caught_up(void **state)
{
	struct laptop a, b;
	char *before, *after, copy[8192], command[20000];

	(void)state;
	make_history(&a, &b);
	/* work.db as it was before the last runs is what a kill between swap and commit leaves. */
	snprintf(copy, sizeof copy, "%s/before.db", dir);
	expect_ok(rep_db_execf(rep_hub_db(hub), &err, "VACUUM INTO '%s'", copy), &err);
	laptop_change(&a, "insert", "contact", "C-0003", HUB_T0 + 901 * MINUTE, insert_doctor);
	laptop_send(&a, dir, HUB_T0 + 902 * MINUTE);
	hub_org(hub, "O-0303", "城东医院", HUB_T0 + 902 * MINUTE);
	hub_run_quietly(hub, HUB_T0 + 903 * MINUTE);
	before = dump_rows();
	rep_hub_close(hub);
	snprintf(command, sizeof command, "rm -f '%s'/work.db-* && mv '%s' '%s'/work.db", dir, copy,
		 dir);
	assert_int_equal(system(command), 0);
	expect_ok(rep_hub_open(&hub, dir, false, &err), &err);
	after = dump_rows();
	assert_string_equal(before, after);
	free(before);
	free(after);
	/* What the mailbox still holds is not merged twice. */
	struct rep_json *summary = hub_run(hub, HUB_T0 + 904 * MINUTE);
	expect_count(summary, "changes", 0);
	rep_json_free(summary);
	laptop_clear(&a);
	laptop_clear(&b);
}

static void a_command_killed_before_its_merge_is_merged_by_the_next(void **state)
{
	struct rep_hub_batch *batch;
	struct rep_json *line = rep_json_object(), *values = rep_json_object();
	struct rep_json *name = rep_json_object(), *kind = rep_json_object();

	(void)state;
	rep_json_set_string(name, "new", "孤儿医院");
	rep_json_set_string(kind, "new", "医院");
	rep_json_set(values, "name", name);
	rep_json_set(values, "sub_kind", kind);
	rep_json_set(line, "values", values);
	expect_ok(rep_hub_batch_new(&batch, hub, "x", HUB_T0 + MINUTE, &err), &err);
	expect_ok(rep_hub_batch_add(batch, REP_OP_INSERT, "org", "O-1", line, &err), &err);
	expect_ok(rep_hub_batch_send(batch, &err), &err);
	rep_hub_batch_free(batch);
	hub = hub_reopen(hub, dir);
	hub_org(hub, "O-2", "后来医院", HUB_T0 + 2 * MINUTE);
	hub_expect(hub, "org", "O-1", "name", "\"孤儿医院\"");
	hub_expect(hub, "org", "O-2", "name", "\"后来医院\"");
}

/* What a kill at the wrong moment leaves: locks of refs, half a pack, an index without its pack. */
static void stale_locks_and_leftovers_stop_nothing(void **state)
{
	static const char *const leftovers[] = {
		"central.git/refs/heads/main.lock",
		"central.git/objects/pack/pack_git2_abc",
		"mailboxes/hub00000.git/refs/heads/outbox.lock",
	};
	struct laptop laptop;
	char path[5000];

	(void)state;
	hub_company(hub, &laptop);
	hub_run_quietly(hub, HUB_T0 + 5 * MINUTE);
	rep_hub_close(hub);
	for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, leftovers[i]);
		expect_ok(rep_file_write(path, "", 0, 0600, &err), &err);
	}
	snprintf(path, sizeof path, "%s/mailboxes/%s.git/refs/heads/inbox.lock", dir, laptop.id);
	expect_ok(rep_file_write(path, "", 0, 0600, &err), &err);
	expect_ok(rep_hub_open(&hub, dir, false, &err), &err);
	hub_org(hub, "O-0303", "城东医院", HUB_T0 + 6 * MINUTE);
	hub_cover(hub, "JN-01", "O-0303", HUB_T0 + 7 * MINUTE);
	char fan[3], view[256], *file;
	rep_fanout(fan, "O-0303");
	snprintf(view, sizeof view, "data/%s/O-0303/org/O-0303.json", fan);
	file = mailbox_file(dir, laptop.id, "refs/heads/inbox", view);
	assert_non_null(file);
	free(file);
	expect_fsck(dir);
	laptop_clear(&laptop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(rebuild_gives_the_same_rows),
		TEST(a_run_killed_after_the_swap_is_caught_up),
		TEST(stale_locks_and_leftovers_stop_nothing),
		TEST(a_command_killed_before_its_merge_is_merged_by_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
