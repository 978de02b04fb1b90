#include "help_store.h"

#include <stdio.h>

#include "core/model/fold.h"
#include "core/model/id.h"
#include "core/store/capture.h"
#include "core/store/journal.h"
#include "core/store/query.h"
#include "core/store/rebase.h"
#include "core/store/tables.h"

#define NOW 1795226400000 /* 2026-11-21T02:00:00.000Z */

static void put(const char *kind, const char *id, const char *fields)
{
	struct rep_record *made = record(kind, id, fields);

	view_row(made, "data");
	rep_record_free(made);
}

static int setup(void **state)
{
	store_setup(state);
	put("thing", "t1", "{\"name\":\"王敏\",\"size\":5,\"tags\":[\"a\"]}");
	put("thing", "t2", "{\"name\":\"刘敏\",\"size\":7}");
	put("thing", "t3", "{\"name\":\"归档\",\"size\":6,\"status\":\"archived\"}");
	return 0;
}

static void seal(const char *reason)
{
	int64_t sealed;

	expect_ok(rep_seal(store, NOW, reason, &sealed, &err), &err);
}

/* The values of `key` of each object in the array, joined by spaces; static storage. */
static const char *pick(const struct rep_json *array, const char *key)
{
	static char out[4000];
	char *text;

	*out = '\0';
	for (size_t i = 0; i < rep_json_size(array); i++) {
		const struct rep_json *value = rep_json_get(rep_json_at(array, i), key);
		const char *plain = rep_json_string_value(value);

		text = plain ? strdup(plain) : rep_json_text(value ? value : rep_json_null());
		snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i ? " " : "", text);
		free(text);
	}
	return out;
}

static void record_has_the_documented_shape(void **state)
{
	struct rep_json *got;

	(void)state;
	expect_ok(rep_query_get(store, "thing", "t1", &got, &err), &err);
	expect_json(
		got,
		"{\"deleted\":null,\"entity\":\"thing\",\"fields\":{\"name\":\"王敏\",\"size\":5,\"tags\":[\"a\"]},"
		"\"id\":\"t1\",\"partition\":\"t1\",\"stamps\":{\"*\":\"" STAMP_A
		"\"},\"unsent\":[]}");
	rep_json_free(got);
	expect_code(rep_query_get(store, "thing", "nope", &got, &err), REP_ENOTFOUND, &err, "nope");
	assert_null(got);
	expect_code(rep_query_get(store, "nothing", "t1", &got, &err), REP_EINVAL, &err,
		    "no entity");
}

static void unsent_fields_are_told_until_a_view_acknowledges_them(void **state)
{
	struct rep_json *got;

	(void)state;
	sql("UPDATE thing SET size = 8, ext = 'x' WHERE id = 't1'");
	seal(NULL);
	sql("UPDATE thing SET good = 1 WHERE id = 't1'");
	expect_ok(rep_query_get(store, "thing", "t1", &got, &err), &err);
	expect_json(rep_json_get(got, "unsent"), "[\"ext\",\"good\",\"size\"]");
	rep_json_free(got);
	expect_ok(rep_meta_set_int(store->db, "merged_seq", 1, &err), &err);
	expect_ok(rep_query_get(store, "thing", "t1", &got, &err), &err);
	expect_json(rep_json_get(got, "unsent"), "[\"good\"]");
	rep_json_free(got);
	expect_ok(rep_query_list(store, &(struct rep_query_list){.entity = "thing"}, &got, &err),
		  &err);
	assert_string_equal(pick(got, "unsent"), "[\"good\"] []");
	rep_json_free(got);
}

static const char *list(const struct rep_query_list *query)
{
	struct rep_json *got;
	const char *ids;

	expect_ok(rep_query_list(store, query, &got, &err), &err);
	ids = pick(got, "id");
	rep_json_free(got);
	return ids;
}

static void list_filters_orders_and_limits(void **state)
{
	(void)state;
	assert_string_equal(list(&(struct rep_query_list){.entity = "thing"}), "t1 t2");
	assert_string_equal(list(&(struct rep_query_list){.entity = "thing", .archived = true}),
			    "t1 t2 t3");
	assert_string_equal(list(&(struct rep_query_list){.entity = "thing", .order = "size desc"}),
			    "t2 t1");
	assert_string_equal(
		list(&(struct rep_query_list){.entity = "thing", .where = "size > 5 -- x"}), "t2");
	assert_string_equal(list(&(struct rep_query_list){.entity = "thing", .limit = 1}), "t1");
	assert_string_equal(list(&(struct rep_query_list){.entity = "place"}), "");
}

static void list_condition_cannot_write(void **state)
{
	struct rep_json *got;

	(void)state;
	expect_code(rep_query_list(store,
				   &(struct rep_query_list){.entity = "thing", .where = "size >"},
				   &got, &err),
		    REP_EINVAL, &err, "syntax");
	expect_code(rep_query_list(store,
				   &(struct rep_query_list){.entity = "thing",
							    .where = "1); DELETE FROM thing; --"},
				   &got, &err),
		    REP_EINVAL, &err, NULL);
	expect_code(rep_query_list(store,
				   &(struct rep_query_list){.entity = "thing", .order = "size; x"},
				   &got, &err),
		    REP_EINVAL, &err, "no field");
	expect_code(rep_query_list(store,
				   &(struct rep_query_list){.entity = "thing", .order = "size up"},
				   &got, &err),
		    REP_EINVAL, &err, "desc");
	assert_int_equal(sql_int("SELECT count(*) FROM thing"), 3);
}

static void find_gives_records(void **state)
{
	struct rep_json *got;

	(void)state;
	expect_ok(rep_query_find(store, "敏", 0, &got, &err), &err);
	assert_string_equal(pick(got, "id"), "t1 t2");
	rep_json_free(got);
}

static void sql_gives_columns_and_rows_without_floats(void **state)
{
	struct rep_json *got;

	(void)state;
	expect_ok(
		rep_query_sql(
			store->db,
			"SELECT id, size, 1.5 AS half, NULL AS none, x'0aff' AS bytes, 9223372036854775807 AS "
			"big FROM thing WHERE id = 't1'",
			&got, &err),
		&err);
	expect_json(
		got,
		"{\"columns\":[\"id\",\"size\",\"half\",\"none\",\"bytes\",\"big\"],\"rows\":[[\"t1\",5,"
		"\"1.5\",null,\"0aff\",\"9223372036854775807\"]]}");
	rep_json_free(got);
	expect_ok(rep_query_sql(store->db, "SELECT 1 WHERE 0", &got, &err), &err);
	expect_json(got, "{\"columns\":[\"1\"],\"rows\":[]}");
	rep_json_free(got);
}

static void sql_that_writes_or_looks_at_the_key_is_refused(void **state)
{
	static const char *const tries[] = {
		"DELETE FROM thing",
		"UPDATE thing SET size = 1",
		"PRAGMA journal_mode = DELETE",
		"SELECT value FROM _secret",
		"ATTACH ':memory:' AS x",
		"BEGIN",
	};
	struct rep_json *got;

	(void)state;
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
		expect_code(rep_query_sql(store->db, tries[i], &got, &err), REP_EREFUSED, &err,
			    "only reading");
	expect_code(rep_query_sql(store->db, "SELECT 1; SELECT 2", &got, &err), REP_EINVAL, &err,
		    "one SQL");
	sql("UPDATE thing SET size = 1");
}

static void log_has_what_is_pending_first_then_the_newest(void **state)
{
	struct rep_json *got;

	(void)state;
	for (int i = 0; i < 3; i++) {
		sql("UPDATE thing SET size = size + 1 WHERE id = 't1'");
		seal("先");
	}
	expect_ok(rep_db_begin(store->db, &err), &err);
	sql("UPDATE thing SET size = 1 WHERE id = 't1'");
	expect_ok(rep_capture_reason(store->db, "后", &err), &err);
	sql("UPDATE thing SET size = 2 WHERE id = 't1'; UPDATE thing SET size = 3 WHERE id = 't1'");
	expect_ok(rep_capture_reason(store->db, NULL, &err), &err);
	expect_ok(rep_db_commit(store->db, &err), &err);
	expect_ok(rep_meta_set_int(store->db, "sent_seq", 2, &err), &err);
	expect_ok(rep_meta_set_int(store->db, "merged_seq", 1, &err), &err);
	expect_ok(rep_query_log(store, &got, &err), &err);
	assert_string_equal(pick(got, "seq"), "null null 3 2 1");
	assert_string_equal(pick(got, "state"), "pending pending unsent sent merged");
	assert_string_equal(pick(got, "changes"), "2 1 1 1 1");
	assert_string_equal(pick(got, "reason"), "后 null 先 先 先");
	rep_json_free(got);
}

static void show_tells_changes_with_their_outcomes(void **state)
{
	static const char line[] =
		"{\"code\":\"no-right\",\"index\":1,\"outcome\":\"rejected\",\"seq\":1}\n";
	struct rep_json *got;

	(void)state;
	sql("UPDATE thing SET size = 8 WHERE id = 't1'; UPDATE thing SET size = 9 WHERE id = 't2'");
	seal("因为");
	expect_ok(rep_query_show(store, 1, &got, &err), &err);
	assert_string_equal(pick(rep_json_get(got, "changes"), "outcome"), "null null");
	rep_json_free(got);
	expect_ok(rep_outcomes_apply(store, line, strlen(line), &err), &err);
	expect_ok(rep_meta_set_int(store->db, "merged_seq", 1, &err), &err);
	expect_ok(rep_query_show(store, 1, &got, &err), &err);
	assert_string_equal(rep_json_get_string(got, "reason"), "因为");
	assert_string_equal(rep_json_get_string(got, "state"), "merged");
	assert_string_equal(rep_json_get_string(got, "device"), TEST_DEVICE);
	assert_string_equal(pick(rep_json_get(got, "changes"), "outcome"), "applied rejected");
	assert_string_equal(pick(rep_json_get(got, "changes"), "code"), "null no-right");
	assert_string_equal(pick(rep_json_get(got, "changes"), "id"), "t1 t2");
	rep_json_free(got);
	expect_code(rep_query_show(store, 2, &got, &err), REP_ENOTFOUND, &err, "no change set 2");
}

static void history_tells_own_edits_and_what_others_left(void **state)
{
	struct rep_json *got;

	(void)state;
	sql("UPDATE thing SET size = 8, tags = '[\"b\",\"c\"]' WHERE id = 't1'");
	seal("因为");
	sql("UPDATE thing SET size = 9 WHERE id = 't1'");
	expect_ok(rep_query_history(store, "thing", "t1", &got, &err), &err);
	assert_string_equal(pick(got, "field"), "name size tags tags tags size");
	assert_string_equal(pick(got, "op"), "insert update remove add add update");
	assert_string_equal(pick(got, "old"), "null 5 a null null 8");
	assert_string_equal(pick(got, "new"), "王敏 8 null b c 9");
	assert_string_equal(pick(got, "outcome"), "null null null null null pending");
	assert_string_equal(pick(got, "rep"), "r009 r017 r017 r017 r017 r017");
	assert_string_equal(pick(got, "changeset"),
			    "null d7k3f9qm/1 d7k3f9qm/1 d7k3f9qm/1 d7k3f9qm/1 null");
	rep_json_free(got);
	expect_code(rep_query_history(store, "thing", "nope", &got, &err), REP_ENOTFOUND, &err,
		    "nothing is known");
}

static void history_goes_on_after_the_row_is_gone(void **state)
{
	struct rep_json *got;

	(void)state;
	sql("DELETE FROM thing WHERE id = 't2'");
	expect_ok(rep_query_history(store, "thing", "t2", &got, &err), &err);
	assert_string_equal(pick(got, "op"), "delete delete");
	assert_string_equal(pick(got, "old"), "刘敏 7");
	rep_json_free(got);
}

static void history_tells_rivals_of_conflicts(void **state)
{
	char id[REP_UUID_LEN + 1];
	struct rep_json *got;

	(void)state;
	rep_review_conflict_id(id, "thing", "t1", "size");
	put("conflict", id,
	    "{\"entity\":\"thing\",\"field\":\"size\",\"record\":\"t1\",\"rivals\":[{\"device\":\"" OTHER_DEVICE
	    "\",\"rep\":\"r033\",\"rule\":\"latest\",\"stamp\":\"" STAMP_C
	    "\",\"value\":77}],\"state\":\"decided\",\"winner\":\"" STAMP_C "\"}");
	expect_ok(rep_query_history(store, "thing", "t1", &got, &err), &err);
	assert_non_null(strstr(pick(got, "new"), "77"));
	assert_non_null(strstr(pick(got, "rep"), "r033"));
	rep_json_free(got);
}

static void put_items(void)
{
	put("conflict", "01900000-0000-5000-8000-000000000001",
	    "{\"entity\":\"thing\",\"field\":\"size\",\"record\":\"t1\",\"rivals\":[{\"rep\":\"r009\",\"rule\":\"review\","
	    "\"stamp\":\"" STAMP_A
	    "\",\"value\":5},{\"rep\":\"r017\",\"rule\":\"review\",\"stamp\":\"" STAMP_B
	    "\",\"value\":8}],\"state\":\"open\",\"winner\":\"" STAMP_A "\"}");
	put("proposal", "01900000-0000-5000-8000-000000000002",
	    "{\"entity\":\"thing\",\"record\":\"t2\",\"rep\":\"r009\",\"reason\":\"r\",\"state\":\"accepted\",\"values\":{"
	    "\"size\":{\"new\":1}}}");
	put("rejection", "01900000-0000-5000-8000-000000000003",
	    "{\"code\":\"no-right\",\"entity\":\"thing\",\"index\":0,\"op\":\"update\",\"record\":\"t9\",\"seq\":4,\"text\":"
	    "\"t\"}");
}

static void inbox_tells_what_waits(void **state)
{
	struct rep_json *got;
	const struct rep_json *conflict;

	(void)state;
	put_items();
	expect_ok(rep_query_inbox(store, NULL, false, &got, &err), &err);
	assert_string_equal(pick(got, "kind"), "conflict rejection");
	assert_string_equal(pick(got, "id"), "t1 t9");
	assert_string_equal(pick(got, "title"), "王敏 null");
	conflict = rep_json_at(got, 0);
	assert_int_equal(rep_json_get_integer(conflict, "stands"), 5);
	assert_string_equal(rep_json_get_string(conflict, "rule"), "review");
	assert_int_equal(rep_json_size(rep_json_get(conflict, "rivals")), 2);
	assert_int_equal(rep_json_get_integer(rep_json_at(got, 1), "changeset"), 4);
	rep_json_free(got);
	expect_ok(rep_query_inbox(store, NULL, true, &got, &err), &err);
	assert_string_equal(pick(got, "state"), "open accepted open");
	rep_json_free(got);
	expect_ok(rep_query_inbox(store, "proposal", true, &got, &err), &err);
	expect_json(rep_json_get(rep_json_at(got, 0), "value"), "{\"size\":{\"new\":1}}");
	rep_json_free(got);
}

static void status_counts_what_has_not_arrived(void **state)
{
	struct rep_json *got;

	(void)state;
	put_items();
	for (int i = 0; i < 3; i++) {
		sql("UPDATE thing SET size = size + 1 WHERE id = 't1'");
		seal(NULL);
	}
	sql("UPDATE thing SET size = 1");
	expect_ok(rep_meta_set_int(store->db, "sent_seq", 2, &err), &err);
	expect_ok(rep_meta_set_int(store->db, "merged_seq", 1, &err), &err);
	expect_ok(rep_meta_set_int(store->db, "view", 37, &err), &err);
	expect_ok(rep_meta_set(store->db, "lease", "2026-11-20T00:00:00.000Z", &err), &err);
	expect_ok(rep_query_status(store, NOW, &got, &err), &err);
	expect_json(
		got,
		"{\"device\":\"" TEST_DEVICE
		"\",\"epoch\":0,\"hub_time\":null,\"inbox\":2,\"last_sync\":null,"
		"\"lease\":\"2026-11-20T00:00:00.000Z\",\"lease_days_left\":0,\"lease_over\":true,\"pending\":3,\"rep\":\"" TEST_REP
		"\",\"role\":null,\"schema\":\"small/1\",\"state\":null,\"unacknowledged\":2,\"unsent\":1,"
		"\"view\":37}");
	rep_json_free(got);
}

static void replica_without_a_schema_answers_what_it_can(void **state)
{
	struct rep_json *got;

	(void)state;
	expect_ok(rep_query_status(store, NOW, &got, &err), &err);
	rep_json_free(got);
	expect_ok(rep_query_log(store, &got, &err), &err);
	expect_json(got, "[]");
	rep_json_free(got);
	expect_code(rep_query_get(store, "thing", "t1", &got, &err), REP_EINVAL, &err,
		    "no schema yet");
	expect_code(rep_query_find(store, "x", 0, &got, &err), REP_EINVAL, &err, "no schema yet");
	expect_code(rep_query_inbox(store, NULL, false, &got, &err), REP_EINVAL, &err,
		    "no schema yet");
}

static void read_only_replica_answers(void **state)
{
	struct rep_json *got;

	(void)state;
	sql("UPDATE thing SET size = 8 WHERE id = 't1'");
	rep_replica_close(store);
	store = store_open(store_dir, true);
	expect_ok(rep_query_get(store, "thing", "t1", &got, &err), &err);
	expect_json(rep_json_get(got, "unsent"), "[\"size\"]");
	rep_json_free(got);
	expect_ok(rep_query_history(store, "thing", "t1", &got, &err), &err);
	rep_json_free(got);
	expect_ok(rep_query_status(store, NOW, &got, &err), &err);
	rep_json_free(got);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(record_has_the_documented_shape),
		CASE(unsent_fields_are_told_until_a_view_acknowledges_them),
		CASE(list_filters_orders_and_limits),
		CASE(list_condition_cannot_write),
		CASE(find_gives_records),
		CASE(sql_gives_columns_and_rows_without_floats),
		CASE(sql_that_writes_or_looks_at_the_key_is_refused),
		CASE(log_has_what_is_pending_first_then_the_newest),
		CASE(show_tells_changes_with_their_outcomes),
		CASE(history_tells_own_edits_and_what_others_left),
		CASE(history_goes_on_after_the_row_is_gone),
		CASE(history_tells_rivals_of_conflicts),
		CASE(inbox_tells_what_waits),
		CASE(status_counts_what_has_not_arrived),
		cmocka_unit_test_setup_teardown(replica_without_a_schema_answers_what_it_can,
						store_setup_empty, store_teardown),
		CASE(read_only_replica_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
