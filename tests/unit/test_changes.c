#include "help.h"

#include <stdio.h>

#include "core/base/buf.h"
#include "core/store/changes.h"

#define DEVICE "d7k3f9qm"
#define OTHER "e0000001"
#define SEGMENT "journal/aa/d7k3f9qm/2026-11/1-3.jsonl"

static struct rep_db *db;
static struct rep_error err;

static int setup(void **state)
{
	(void)state;
	if (rep_db_open(&db, "", &(struct rep_db_options){.memory = true, .create = true}, &err) ||
	    rep_changes_create(db, &err))
		return 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rep_db_close(db);
	return 0;
}

static const char *stamp_at(int second, const char *device)
{
	static struct rep_stamp stamps[8];
	static unsigned next;
	struct rep_stamp *stamp = &stamps[next++ % 8];

	rep_stamp_make(stamp, 1795000000000 + 1000 * second, 0, device);
	return stamp->text;
}

static void put(const char *device, int64_t seq, unsigned index, int second, const char *id,
		const char *outcome_text)
{
	struct rep_json *line = NULL, *outcome = NULL;
	struct rep_edit edit = {.op = REP_OP_UPDATE,
				.entity = "contact",
				.id = id,
				.stamp = stamp_at(second, device),
				.rep = "r1",
				.device = device,
				.seq = seq,
				.index = index};

	expect_ok(rep_json_parse(&line, "{\"values\":{}}", 13, 100, 8, &err), &err);
	if (outcome_text)
		expect_ok(
			rep_json_parse(&outcome, outcome_text, strlen(outcome_text), 1000, 8, &err),
			&err);
	edit.line = line;
	expect_ok(rep_changes_put(db, &edit, edit.stamp, outcome, SEGMENT, &err), &err);
	rep_json_free(line);
	rep_json_free(outcome);
}

static enum rep_code collect(void *user, struct rep_indexed *change, struct rep_error *e)
{
	(void)e;
	rep_buf_printf(user, "%s/%lld/%u ", change->device, (long long)change->edit.seq,
		       change->edit.index);
	return REP_OK;
}

static void changes_come_in_the_order_of_the_fold(void **state)
{
	struct rep_buf seen = REP_BUF_INIT(1000);

	(void)state;
	put(DEVICE, 1, 0, 10, "c1", NULL);
	put(OTHER, 1, 0, 5, "c1", NULL);
	put(DEVICE, 1, 1, 10, "c1", NULL);
	put(OTHER, 2, 0, 10, "c1", NULL);
	put(DEVICE, 2, 0, 1, "c2", NULL);
	expect_ok(rep_changes_each(db, &(struct rep_changes_query){.entity = "contact", .id = "c1"},
				   collect, &seen, &err),
		  &err);
	assert_string_equal(rep_buf_str(&seen),
			    "e0000001/1/0 d7k3f9qm/1/0 d7k3f9qm/1/1 e0000001/2/0 ");
	rep_buf_clear(&seen);
}

static void last_is_the_greatest_that_was_folded(void **state)
{
	struct rep_change_place last;
	bool found;

	(void)state;
	put(DEVICE, 1, 0, 10, "c1", NULL);
	put(OTHER, 1, 0, 20, "c1", "{\"outcome\":\"held\",\"waits_for\":\"org/o1\"}");
	expect_ok(rep_changes_last(db, "contact", "c1", &last, &found, &err), &err);
	assert_true(found);
	assert_string_equal(last.device, DEVICE);
	assert_int_equal(last.seq, 1);
	assert_int_equal(last.index, 0);
	expect_ok(rep_changes_last(db, "contact", "c9", &last, &found, &err), &err);
	assert_false(found);
}

static void a_verdict_comes_back_with_its_outcome(void **state)
{
	struct rep_indexed change;
	bool found;

	(void)state;
	put(DEVICE, 1, 0, 10, "c1", "{\"code\":\"outside\",\"outcome\":\"rejected\"}");
	expect_ok(rep_changes_get(db, DEVICE, 1, 0, &change, &found, &err), &err);
	assert_true(found);
	assert_string_equal(rep_json_get_string(rep_json_get(change.edit.verdict, "*"), "code"),
			    "outside");
	rep_indexed_clear(&change);
}

static enum rep_code count(void *user, const char *device, int64_t seq, unsigned index,
			   struct rep_error *e)
{
	(void)device;
	(void)seq;
	(void)index;
	(void)e;
	++*(int *)user;
	return REP_OK;
}

static void held_changes_are_found_by_what_they_wait_for(void **state)
{
	int n = 0;

	(void)state;
	put(DEVICE, 1, 0, 10, "c1", "{\"outcome\":\"held\",\"waits_for\":\"org/o1\"}");
	put(DEVICE, 1, 1, 11, "c2", "{\"outcome\":\"held\",\"waits_for\":\"org/o2\"}");
	expect_ok(rep_changes_held(db, "org/o1", count, &n, &err), &err);
	assert_int_equal(n, 1);
	expect_ok(rep_changes_outcome(db, DEVICE, 1, 0, NULL, &err), &err);
	n = 0;
	expect_ok(rep_changes_held(db, NULL, count, &n, &err), &err);
	assert_int_equal(n, 1);
}

static void segment_gives_its_receipt_and_commit_to_its_changes(void **state)
{
	const struct rep_segment_row row = {.path = SEGMENT,
					    .device = DEVICE,
					    .first = 1,
					    .last = 3,
					    .hub_time = "2026-11-21T02:14:05.123Z",
					    .run = 7,
					    .offset_ms = -20};
	struct rep_buf path = REP_BUF_INIT(200);
	struct rep_indexed change;
	char commit[41];
	bool found;

	(void)state;
	memset(commit, 'c', 40);
	commit[40] = '\0';
	expect_ok(rep_changes_segment(db, &row, &err), &err);
	put(DEVICE, 2, 0, 10, "c1", NULL);
	expect_ok(rep_changes_commit(db, DEVICE, 1, 3, commit, 7, &err), &err);
	expect_ok(rep_changes_get(db, DEVICE, 2, 0, &change, &found, &err), &err);
	assert_string_equal(change.segment, SEGMENT);
	assert_string_equal(change.hub_time, row.hub_time);
	assert_string_equal(change.commit, commit);
	assert_int_equal(change.clock_offset_ms, -20);
	rep_indexed_clear(&change);
	expect_ok(rep_changes_segment_of(db, DEVICE, 2, &path, &err), &err);
	assert_string_equal(rep_buf_str(&path), SEGMENT);
	rep_buf_clear(&path);
}

static void head_of_a_new_device_is_the_start_of_a_chain(void **state)
{
	struct rep_head head;

	(void)state;
	expect_ok(rep_changes_head(db, DEVICE, &head, &err), &err);
	assert_int_equal(head.seq, 0);
	assert_string_equal(head.hash, rep_changeset_no_prev);
	head.seq = 4;
	expect_ok(rep_changes_head_put(db, DEVICE, &head, &err), &err);
	expect_ok(rep_changes_head(db, DEVICE, &head, &err), &err);
	assert_int_equal(head.seq, 4);
}

static void cut_stamps_keep_their_order_over_segments(void **state)
{
	const int64_t now = 1795000000000;
	char last[REP_STAMP_LEN + 1] = "";
	char before[REP_STAMP_LEN + 1] = "";
	struct rep_stamp out, ahead;

	(void)state;
	for (unsigned i = 0; i < 70000; i++) {
		rep_stamp_make(&ahead, now + 86400000 + i, 0, DEVICE);
		assert_true(rep_effective_next(&out, last, ahead.text, now));
		assert_true(rep_stamp_compare(out.text, before) > 0);
		memcpy(before, out.text, sizeof before);
	}
	rep_stamp_make(&ahead, now + 400000, 0, DEVICE);
	assert_true(rep_stamp_ms(last) < now + 400000);
	assert_false(rep_effective_next(&out, last, ahead.text, now + 300000));
	assert_string_equal(out.text, ahead.text);
}

static void a_cut_stamp_is_found_by_what_was_signed(void **state)
{
	struct rep_stamp out = {""};
	struct rep_edit edit = {.op = REP_OP_UPDATE,
				.entity = "contact",
				.id = "c1",
				.stamp = stamp_at(1, DEVICE),
				.rep = "r1",
				.device = DEVICE,
				.seq = 1};

	(void)state;
	expect_ok(rep_changes_put(db, &edit, stamp_at(9, DEVICE), NULL, SEGMENT, &err), &err);
	expect_ok(rep_changes_cut(db, DEVICE, stamp_at(9, DEVICE), &out, &err), &err);
	assert_string_equal(out.text, stamp_at(1, DEVICE));
	memset(&out, 0, sizeof out);
	expect_ok(rep_changes_cut(db, DEVICE, stamp_at(8, DEVICE), &out, &err), &err);
	assert_string_equal(out.text, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(changes_come_in_the_order_of_the_fold),
		TEST(last_is_the_greatest_that_was_folded),
		TEST(a_verdict_comes_back_with_its_outcome),
		TEST(held_changes_are_found_by_what_they_wait_for),
		TEST(segment_gives_its_receipt_and_commit_to_its_changes),
		TEST(head_of_a_new_device_is_the_start_of_a_chain),
		TEST(cut_stamps_keep_their_order_over_segments),
		TEST(a_cut_stamp_is_found_by_what_was_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
