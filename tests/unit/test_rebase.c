#include "help_store.h"

#include <stdio.h>

#include "core/model/fold.h"
#include "core/model/id.h"
#include "core/store/capture.h"
#include "core/store/journal.h"
#include "core/store/rebase.h"
#include "core/store/tables.h"

#define NOW 1795226400000 /* 2026-11-21T02:00:00.000Z */

static void put(const char *kind, const char *id, const char *fields)
{
	struct rep_record *made = record(kind, id, fields);

	view_row(made, "data");
	rep_record_free(made);
}

static void put_org(void)
{
	put("device", TEST_DEVICE,
	    "{\"rep\":\"" TEST_REP
	    "\",\"since\":\"2026-01-01T00:00:00.000Z\",\"state\":\"active\"}");
	put("device", OTHER_DEVICE,
	    "{\"rep\":\"r009\",\"since\":\"2026-01-01T00:00:00.000Z\",\"state\":\"active\"}");
	put("role", TEST_REP,
	    "{\"rep\":\"" TEST_REP
	    "\",\"role\":\"rep\",\"valid_from\":\"2026-01-01T00:00:00.000Z\"}");
	put("role", "r009",
	    "{\"rep\":\"r009\",\"role\":\"rep\",\"valid_from\":\"2026-01-01T00:00:00.000Z\"}");
	expect_ok(rep_replica_load_org(store, &err), &err);
}

#define REVIEWED                                                                                             \
	",{\"name\":\"grade\",\"type\":\"text\",\"rule\":\"review\",\"label\":{\"zh\":\"x\",\"en\":\"x\"}}," \
	"{\"name\":\"secret_grade\",\"type\":\"text\",\"write\":[\"hub\"],\"propose\":[\"*\"],\"label\":{"   \
	"\"zh\":\"x\",\"en\":\"x\"}},"                                                                       \
	"{\"name\":\"part_of\",\"type\":\"reference\",\"to\":\"thing\",\"label\":{\"zh\":\"x\",\"en\":"      \
	"\"x\"}}"

static int setup(void **state)
{
	store_setup(state);
	expect_ok(rep_replica_install_schema(store, small_schema(REVIEWED), &err), &err);
	put_org();
	put("thing", "t1", "{\"name\":\"王敏\",\"size\":5,\"tags\":[\"a\"],\"grade\":\"A\"}");
	return 0;
}

static void seal(void)
{
	int64_t sealed;

	expect_ok(rep_seal(store, NOW, NULL, &sealed, &err), &err);
}

/* What the view has: t1 with these fields, if any; `stamps` (or NULL) as the record has them. */
struct view {
	const char *fields, *stamps;
};

static enum rep_code base_of(void *user, const struct rep_entity *of, const char *id,
			     struct rep_base *out, struct rep_error *unused)
{
	const struct view *view = user;

	(void)unused;
	out->place = "data";
	if (!view->fields || strcmp(of->name, "thing") != 0 || strcmp(id, "t1") != 0)
		return REP_OK;
	out->record = record("thing", "t1", view->fields);
	if (view->stamps) {
		rep_json_free(out->record->stamps);
		out->record->stamps = json(view->stamps);
	}
	return REP_OK;
}

/* Rebases `touched` ([[entity, id], ...]) onto that view. */
static void rebase_all(const char *touched, const char *fields, const char *stamps,
		       int64_t merged_seq)
{
	struct view view = {fields, stamps};
	struct rep_json *records = json(touched);
	const struct rep_rebase what = {
		.touched = records, .merged_seq = merged_seq, .base_of = base_of, .user = &view};

	expect_ok(rep_db_begin(store->db, &err), &err);
	expect_ok(rep_capture_silence(store->db, true, &err), &err);
	expect_ok(rep_rebase(store, &what, &err), &err);
	expect_ok(rep_capture_silence(store->db, false, &err), &err);
	expect_ok(rep_db_commit(store->db, &err), &err);
	rep_json_free(records);
}

static void rebase(const char *fields, const char *stamps, int64_t merged_seq)
{
	rebase_all("[[\"thing\",\"t1\"]]", fields, stamps, merged_seq);
}

static const char *row(void)
{
	return sql_text(
		"SELECT name || ' ' || coalesce(size, '-') || ' ' || tags || ' ' || _place FROM thing WHERE id = "
		"'t1'");
}

static void own_unsent_edit_stays_over_a_newer_view(void **state)
{
	(void)state;
	sql("UPDATE thing SET size = 8");
	seal();
	rebase("{\"name\":\"王敏敏\",\"size\":5,\"tags\":[\"a\",\"b\"]}", NULL, 0);
	assert_string_equal(row(), "王敏敏 8 [\"a\",\"b\"] data");
}

static void acknowledged_edit_gives_way_to_the_view(void **state)
{
	(void)state;
	sql("UPDATE thing SET size = 8");
	seal();
	rebase("{\"name\":\"王敏\",\"size\":5}", NULL, 1);
	assert_string_equal(row(), "王敏 5 [] data");
}

static void edits_are_folded_in_their_order(void **state)
{
	(void)state;
	sql("UPDATE thing SET size = 8, tags = '[\"a\",\"b\"]'");
	seal();
	sql("UPDATE thing SET size = 9, tags = '[\"b\"]'");
	seal();
	rebase("{\"name\":\"王敏\",\"size\":5,\"tags\":[\"a\",\"c\"]}", NULL, 0);
	assert_string_equal(row(), "王敏 9 [\"b\",\"c\"] data");
	rebase("{\"name\":\"王敏\",\"size\":8,\"tags\":[\"a\",\"b\"]}", NULL, 1);
	assert_string_equal(row(), "王敏 9 [\"b\"] data");
}

static void new_record_stays_while_the_view_has_none(void **state)
{
	(void)state;
	sql("DELETE FROM _search_dirty");
	expect_ok(rep_db_exec(
			  store->db,
			  "INSERT INTO _silent VALUES (1); DELETE FROM thing; DELETE FROM _silent",
			  &err),
		  &err);
	sql("INSERT INTO thing (id, name, size) VALUES ('t1', '新的', 3)");
	seal();
	rebase(NULL, NULL, 0);
	assert_string_equal(row(), "新的 3 [] local");
	rebase(NULL, NULL, 1);
	assert_string_equal(row(), "(no row)");
}

static void edit_of_a_record_that_the_view_lost_leaves_nothing(void **state)
{
	(void)state;
	sql("UPDATE thing SET size = 8");
	seal();
	rebase(NULL, NULL, 0);
	assert_string_equal(row(), "(no row)");
}

static void delete_shows_as_the_hub_would_decide(void **state)
{
	(void)state;
	sql("DELETE FROM thing WHERE id = 't1'");
	seal();
	rebase("{\"name\":\"王敏\",\"size\":5}", NULL, 0);
	/* deletes is archive-only: whoever may delete archives */
	assert_string_equal(sql_text("SELECT status FROM thing WHERE id = 't1'"), "archived");
}

static void field_that_may_only_be_proposed_goes_back_and_leaves_an_item(void **state)
{
	(void)state;
	sql("UPDATE thing SET secret_grade = 'B'");
	seal();
	rebase("{\"name\":\"王敏\"}", NULL, 0);
	assert_string_equal(sql_text("SELECT coalesce(secret_grade, '-') FROM thing"), "-");
	assert_string_equal(sql_text("SELECT kind || state || _place FROM _review"),
			    "proposalopenlocal");
	rebase("{\"name\":\"王敏\"}", NULL, 1);
	assert_int_equal(sql_int("SELECT count(*) FROM _review"), 0);
}

static void conflict_that_the_hub_would_find_shows_at_once(void **state)
{
	(void)state;
	sql("UPDATE thing SET grade = 'B'");
	seal();
	/* Meanwhile somebody else has written C. */
	rebase("{\"name\":\"王敏\",\"grade\":\"C\"}",
	       "{\"*\":\"" STAMP_A "\",\"grade\":\"" STAMP_B "\"}", 0);
	assert_string_equal(sql_text("SELECT grade FROM thing"), "C");
	assert_string_equal(sql_text("SELECT kind || field || state || _place FROM _review"),
			    "conflictgradeopenlocal");
}

/* An open conflict of the view between two others, which an own edit joins. */
static void items_go_back_to_the_views_word_before_they_are_made_anew(void **state)
{
	char id[REP_UUID_LEN + 1];
	const char *fields =
		"{\"entity\":\"thing\",\"field\":\"grade\",\"record\":\"t1\",\"rivals\":[{\"device\":"
		"\"" OTHER_DEVICE "\",\"rep\":\"r009\",\"rule\":\"review\",\"stamp\":\"" STAMP_B
		"\",\"value\":\"C\"}],\"state\":\"open\",\"winner\":\"" STAMP_B "\"}";

	(void)state;
	rep_review_conflict_id(id, "thing", "t1", "grade");
	put("conflict", id, fields);
	sql("UPDATE thing SET grade = 'B'");
	seal();
	for (int i = 0; i < 2; i++) {
		rebase("{\"name\":\"王敏\",\"grade\":\"C\"}",
		       "{\"*\":\"" STAMP_A "\",\"grade\":\"" STAMP_B "\"}", 0);
		assert_int_equal(
			sql_int("SELECT json_array_length(_fields, '$.rivals') FROM _review"), 2);
		assert_int_equal(sql_int("SELECT _base IS NOT NULL FROM _review"), 1);
		assert_string_equal(sql_text("SELECT _place FROM _review"), "data");
	}
	rebase("{\"name\":\"王敏\",\"grade\":\"C\"}",
	       "{\"*\":\"" STAMP_A "\",\"grade\":\"" STAMP_B "\"}", 1);
	assert_string_equal(sql_text("SELECT _fields FROM _review"), fields);
	assert_int_equal(sql_int("SELECT _base IS NULL FROM _review"), 1);
}

/* An own change may move the record, and its items with it, where the view does not have them. */
static void items_go_back_to_the_views_partition(void **state)
{
	char id[REP_UUID_LEN + 1];

	(void)state;
	rep_review_conflict_id(id, "thing", "t1", "grade");
	put("conflict", id,
	    "{\"entity\":\"thing\",\"field\":\"grade\",\"record\":\"t1\",\"rivals\":[],\"state\":"
	    "\"open\",\"winner\":\"" STAMP_B "\"}");
	sql("CREATE TABLE was AS SELECT _partition FROM _review");
	sql("UPDATE thing SET grade = 'B'");
	seal();
	rebase("{\"name\":\"王敏\",\"grade\":\"C\"}",
	       "{\"*\":\"" STAMP_A "\",\"grade\":\"" STAMP_B "\"}", 0);
	assert_int_equal(sql_int("SELECT json_extract(_base, '$.partition') = (SELECT _partition "
				 "FROM was) FROM _review"),
			 1);
	expect_ok(rep_db_begin(store->db, &err), &err);
	expect_ok(rep_capture_silence(store->db, true, &err), &err);
	sql("UPDATE _review SET _partition = 'elsewhere'");
	expect_ok(rep_capture_silence(store->db, false, &err), &err);
	expect_ok(rep_db_commit(store->db, &err), &err);
	rebase("{\"name\":\"王敏\",\"grade\":\"C\"}",
	       "{\"*\":\"" STAMP_A "\",\"grade\":\"" STAMP_B "\"}", 1);
	assert_int_equal(sql_int("SELECT _partition = (SELECT _partition FROM was) FROM _review"),
			 1);
}

static void touched_records_are_told_once_and_sorted(void **state)
{
	struct rep_json *touched;

	(void)state;
	sql("UPDATE thing SET size = 8");
	seal();
	sql("INSERT INTO place (id, name) VALUES ('p1', 'x'); UPDATE thing SET size = 9; INSERT INTO thing (id, name) "
	    "VALUES ('t0', 'aa'); UPDATE thing SET size = 1");
	seal();
	expect_ok(rep_touched_since(store, 0, &touched, &err), &err);
	expect_json(touched, "[[\"place\",\"p1\"],[\"thing\",\"t0\"],[\"thing\",\"t1\"]]");
	rep_json_free(touched);
	expect_ok(rep_touched_since(store, 2, &touched, &err), &err);
	expect_json(touched, "[]");
	rep_json_free(touched);
}

static void outcome(const char *text)
{
	expect_ok(rep_outcomes_apply(store, text, strlen(text), &err), &err);
}

static void change_that_the_hub_holds_stays_visible_until_it_says_otherwise(void **state)
{
	struct rep_json *touched;

	(void)state;
	expect_ok(rep_db_exec(
			  store->db,
			  "INSERT INTO _silent VALUES (1); DELETE FROM thing; DELETE FROM _silent",
			  &err),
		  &err);
	sql("INSERT INTO thing (id, name, place) VALUES ('t1', '新的', 'p9')");
	seal();
	outcome("{\"index\":0,\"outcome\":\"held\",\"seq\":1}\n");
	rebase(NULL, NULL, 1);
	assert_string_equal(row(), "新的 - [] local");
	/* It is asked about again in every pull, although it is acknowledged. */
	expect_ok(rep_touched_since(store, 1, &touched, &err), &err);
	expect_json(touched, "[[\"thing\",\"t1\"]]");
	rep_json_free(touched);
	outcome("{\"code\":\"no-record\",\"index\":0,\"outcome\":\"rejected\",\"seq\":1}\n");
	rebase(NULL, NULL, 1);
	assert_string_equal(row(), "(no row)");
	expect_ok(rep_touched_since(store, 1, &touched, &err), &err);
	expect_json(touched, "[]");
	rep_json_free(touched);
}

/* The own B was refused; somebody else wrote B too, which is what the edit to C changed. */
static void edit_upon_a_refused_one_is_judged_by_what_it_changed(void **state)
{
	(void)state;
	sql("UPDATE thing SET grade = 'B'");
	seal();
	outcome("{\"code\":\"no-right\",\"index\":0,\"outcome\":\"rejected\",\"seq\":1}\n");
	sql("UPDATE thing SET grade = 'C'");
	seal();
	rebase("{\"name\":\"王敏\",\"grade\":\"B\"}",
	       "{\"*\":\"" STAMP_A "\",\"grade\":\"" STAMP_B "\"}", 1);
	assert_string_equal(sql_text("SELECT grade FROM thing"), "C");
	assert_int_equal(sql_int("SELECT count(*) FROM _review"), 0);
}

static void edit_upon_a_proposed_field_is_judged_by_what_it_changed(void **state)
{
	(void)state;
	sql("UPDATE thing SET grade = 'B', size = 6");
	seal();
	outcome("{\"fields\":{\"grade\":{\"code\":\"frozen\",\"outcome\":\"proposed\"}},\"index\":0,"
		"\"outcome\":\"proposed\",\"seq\":1}\n");
	sql("UPDATE thing SET grade = 'C'");
	seal();
	rebase("{\"name\":\"王敏\",\"grade\":\"B\",\"size\":6}",
	       "{\"*\":\"" STAMP_A "\",\"grade\":\"" STAMP_B "\"}", 1);
	assert_string_equal(sql_text("SELECT grade FROM thing"), "C");
	assert_int_equal(sql_int("SELECT count(*) FROM _review"), 0);
}

#define T1_T9 "[[\"thing\",\"t1\"],[\"thing\",\"t9\"]]"

/*
 * t9 is refused, so the edit of t1 that refers to it waits, and is shown as it was typed. It must not be judged by the row of t9 that
 * this very rebase takes away, which would make a proposal of it.
 */
static void change_is_judged_by_what_other_records_become_not_by_what_they_were(void **state)
{
	(void)state;
	sql("INSERT INTO thing (id, name) VALUES ('t9', '新的')");
	seal();
	sql("UPDATE thing SET part_of = 't9', secret_grade = 'B' WHERE id = 't1'");
	seal();
	rebase_all(T1_T9, "{\"name\":\"王敏\"}", NULL, 0);
	assert_string_equal(
		sql_text("SELECT coalesce(secret_grade, '-') || part_of FROM thing WHERE "
			 "id = 't1'"),
		"-t9");
	outcome("{\"code\":\"no-right\",\"index\":0,\"outcome\":\"rejected\",\"seq\":1}\n");
	for (int i = 0; i < 2; i++) {
		rebase_all(T1_T9, "{\"name\":\"王敏\"}", NULL, 1);
		assert_int_equal(sql_int("SELECT count(*) FROM thing WHERE id = 't9'"), 0);
		assert_string_equal(sql_text("SELECT coalesce(secret_grade, '-') || part_of FROM "
					     "thing WHERE id = 't1'"),
				    "Bt9");
	}
}

static void last_outcome_of_a_change_counts(void **state)
{
	(void)state;
	outcome("{\"index\":0,\"outcome\":\"queued\",\"seq\":3}\n{\"index\":1,\"outcome\":\"equal\",\"seq\":3}\n");
	outcome("{\"index\":0,\"outcome\":\"merged\",\"seq\":3}\n");
	assert_string_equal(
		sql_text(
			"SELECT group_concat(idx || json_extract(line, '$.outcome')) FROM (SELECT * FROM "
			"_outcome ORDER BY idx)"),
		"0merged,1equal");
}

static void outcome_of_another_form_is_refused(void **state)
{
	static const char *const texts[] = {
		"{\"index\":0,\"outcome\":\"held\",\"seq\":1}",
		"{\"index\":0,\"outcome\":\"held\",\"seq\":0}\n",
		"{\"outcome\":\"held\",\"seq\":1}\n",
		"{\"index\":0,\"seq\":1}\n",
		"{\"seq\":1, \"index\":0}\n",
		"\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		expect_code(rep_outcomes_apply(store, texts[i], strlen(texts[i]), &err), REP_EINVAL,
			    &err, "outcomes: line 1");
}

static void rebase_writes_nothing_pending(void **state)
{
	(void)state;
	sql("UPDATE thing SET size = 8");
	seal();
	rebase("{\"name\":\"王敏\",\"size\":5}", NULL, 0);
	assert_int_equal(rep_pending_count(store->db), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(own_unsent_edit_stays_over_a_newer_view),
		CASE(acknowledged_edit_gives_way_to_the_view),
		CASE(edits_are_folded_in_their_order),
		CASE(new_record_stays_while_the_view_has_none),
		CASE(edit_of_a_record_that_the_view_lost_leaves_nothing),
		CASE(delete_shows_as_the_hub_would_decide),
		CASE(field_that_may_only_be_proposed_goes_back_and_leaves_an_item),
		CASE(conflict_that_the_hub_would_find_shows_at_once),
		CASE(items_go_back_to_the_views_word_before_they_are_made_anew),
		CASE(items_go_back_to_the_views_partition),
		CASE(touched_records_are_told_once_and_sorted),
		CASE(change_that_the_hub_holds_stays_visible_until_it_says_otherwise),
		CASE(edit_upon_a_refused_one_is_judged_by_what_it_changed),
		CASE(edit_upon_a_proposed_field_is_judged_by_what_it_changed),
		CASE(change_is_judged_by_what_other_records_become_not_by_what_they_were),
		CASE(last_outcome_of_a_change_counts),
		CASE(outcome_of_another_form_is_refused),
		CASE(rebase_writes_nothing_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
