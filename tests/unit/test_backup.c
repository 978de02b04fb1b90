/* A backup beside a run that is at work. */
#include "help_hub.h"

#include <stdio.h>

#include "core/base/file.h"
#include "sync/admin/backup.h"
#include "sync/admin/hub_roll.h"
#include "sync/hub/access.h"

static struct rep_error err;
static struct rep_hub *hub;
static char dir[4096], saved[4160], again[4160];

static int setup(void **state)
{
	(void)state;
	hub = hub_make(dir, sizeof dir);
	snprintf(saved, sizeof saved, "%s.backup", dir);
	snprintf(again, sizeof again, "%s.again", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (rep_file_exists(saved))
		expect_ok(rep_dir_remove(saved, &err), &err);
	if (rep_file_exists(again))
		expect_ok(rep_dir_remove(again, &err), &err);
	hub_drop(hub, dir);
	return 0;
}

static void read_once(struct rep_hub *of, int64_t now_ms)
{
	const struct rep_access access = {.command = "show", .user = "auditor", .now_ms = now_ms};
	int64_t n;

	expect_ok(rep_access_begin(of, &access, &n, &err), &err);
	expect_ok(rep_access_end(of, &access, n, 1, &err), &err);
}

static enum rep_code count(void *user, const struct rep_json *entry, struct rep_error *e)
{
	int64_t *n = user;

	(void)e;
	assert_int_equal(rep_json_get_integer(entry, "n"), ++*n);
	return REP_OK;
}

/* Between central and what is copied last. */
static void work_on(void *user, const char *what, uint64_t done, uint64_t total)
{
	int *runs = user;

	(void)done;
	(void)total;
	if (strcmp(what, "mailboxes") != 0 || *runs)
		return;
	++*runs;
	hub_org(hub, "O-0301", "湖西医院", HUB_T0 + 20 * MINUTE);
	read_once(hub, HUB_T0 + 21 * MINUTE);
}

static void reads_that_a_run_takes_meanwhile_are_in_the_backup(void **state)
{
	int runs = 0;
	const struct rep_progress progress = {.step = work_on, .user = &runs};
	const struct rep_backup backup = {
		.to = saved, .now_ms = HUB_T0 + 30 * MINUTE, .progress = &progress};
	const struct rep_restore restore = {.from = saved};
	struct rep_json *report;
	struct laptop laptop;
	struct rep_hub *restored;
	int64_t n = 0;

	(void)state;
	hub_company(hub, &laptop);
	read_once(hub, HUB_T0 + 15 * MINUTE);
	expect_ok(rep_hub_backup(hub, &backup, &report, &err), &err);
	rep_json_free(report);
	assert_int_equal(runs, 1);
	/* It verifies; the two entries of the first read are there, and the next ones follow them. */
	expect_ok(rep_hub_restore(again, &restore, &report, &err), &err);
	rep_json_free(report);
	expect_ok(rep_hub_open(&restored, again, false, &err), &err);
	read_once(restored, HUB_T0 + 40 * MINUTE);
	expect_ok(rep_access_each(restored, count, &n, &err), &err);
	assert_int_equal(n, 4);
	rep_hub_close(restored);
	laptop_clear(&laptop);
}

static void roll(void *user, const char *what, uint64_t done, uint64_t total)
{
	int *rolls = user;
	char root[4200];
	struct rep_json *report;

	(void)done;
	(void)total;
	if (strcmp(what, "mailboxes") != 0 || *rolls)
		return;
	++*rolls;
	snprintf(root, sizeof root, "%s/keys/root.key", dir);
	expect_ok(rep_hub_key_roll(dir, root, HUB_T0 + 20 * MINUTE, &report, &err), &err);
	rep_json_free(report);
}

static void a_roll_of_the_key_meanwhile_is_told_and_the_next_backup_is_one(void **state)
{
	int rolls = 0;
	const struct rep_progress progress = {.step = roll, .user = &rolls};
	struct rep_backup backup = {.to = saved, .now_ms = HUB_T0 + 15 * MINUTE};
	const struct rep_restore restore = {.from = saved};
	struct rep_json *report;
	struct laptop laptop;

	(void)state;
	hub_company(hub, &laptop);
	rep_hub_close(hub);
	expect_ok(rep_hub_open(&hub, dir, true, &err), &err);
	expect_ok(rep_hub_backup(hub, &backup, &report, &err), &err);
	rep_json_free(report);
	backup.progress = &progress;
	expect_code(rep_hub_backup(hub, &backup, &report, &err), REP_EINTEGRITY, &err,
		    "keys/hub.key is not the key that the hub signs with");
	assert_int_equal(rolls, 1);
	hub = hub_reopen(hub, dir);
	expect_ok(rep_hub_backup(hub, &backup, &report, &err), &err);
	rep_json_free(report);
	expect_ok(rep_hub_restore(again, &restore, &report, &err), &err);
	rep_json_free(report);
	laptop_clear(&laptop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(reads_that_a_run_takes_meanwhile_are_in_the_backup),
		TEST(a_roll_of_the_key_meanwhile_is_told_and_the_next_backup_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
