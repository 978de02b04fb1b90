#include "help_store.h"

#include <stdio.h>

#include "core/store/capture.h"
#include "core/store/tables.h"

#define ID "01900000-0000-7000-8000-000000000001"

static void put_thing(void)
{
	struct rep_record *made =
		record("thing", ID,
		       "{\"name\":\"王敏\",\"size\":5,\"good\":true,\"phones\":[\"13900001111\"],"
		       "\"scores\":{\"a\":1},\"street\":\"长安街\"}");

	assert_true(rep_json_set_string(made->stamps, "size", STAMP_B));
	assert_true(rep_json_set_string(made->stamps, "street", STAMP_B));
	assert_true(rep_json_set_string(made->stamps, "city", STAMP_C));
	rep_record_put_element_stamp(made, "phones", "\"13800002222\"", STAMP_B);
	view_row(made, "data");
	rep_record_free(made);
}

static int setup(void **state)
{
	store_setup(state);
	put_thing();
	return 0;
}

/* "op field:old>new@saw ..." of everything pending, a line an edit. */
static const char *pending(void)
{
	return sql_text(
		"SELECT group_concat(line, '|') FROM (SELECT p.op || coalesce((SELECT group_concat(' ' || "
		"f.field || ':' || coalesce(f.old, '-') || '>' || coalesce(f.new, '-'), '') FROM "
		"_pending_field f WHERE f.n = p.n), '') AS line FROM _pending p ORDER BY p.n)");
}

static void expect_clean(void)
{
	assert_int_equal(sql_int("SELECT count(*) FROM _silent"), 0);
	assert_int_equal(
		sql_int("SELECT count(*) FROM _pending_field WHERE n NOT IN (SELECT n FROM "
			"_pending)"),
		0);
}

#define LABEL ",\"label\":{\"zh\":\"x\",\"en\":\"x\"}}"
#define PRESETS                                                                                     \
	",{\"name\":\"mood\",\"type\":\"text\",\"default\":\"it's fine\"" LABEL                     \
	",{\"name\":\"level\",\"type\":\"integer\",\"required\":true,\"default\":3" LABEL           \
	",{\"name\":\"open\",\"type\":\"boolean\",\"default\":true" LABEL                           \
	",{\"name\":\"made_at\",\"type\":\"datetime\",\"required\":true,\"default\":\"@now\"" LABEL \
	",{\"name\":\"made_on\",\"type\":\"date\",\"default\":\"@today\"" LABEL                     \
	",{\"name\":\"made_by\",\"type\":\"text\",\"default\":\"@rep\"" LABEL

/* Whoever inserts: the schema's defaults are in the row and in what is recorded. */
static void insert_by_another_program_gets_the_defaults(void **state)
{
	(void)state;
	expect_ok(rep_replica_install_schema(store, small_schema(PRESETS), &err), &err);
	sql("INSERT INTO thing (id, name, level) VALUES ('t1', '新的', 4), ('t2', '别的', NULL)");
	assert_string_equal(
		sql_text("SELECT group_concat(mood || level || open || made_by, ' ') FROM "
			 "thing WHERE id IN ('t1', 't2')"),
		"it's fine41" TEST_REP " it's fine31" TEST_REP);
	assert_int_equal(
		sql_int("SELECT length(made_at) = 24 AND length(made_on) = 10 FROM thing WHERE id = "
			"'t2'"),
		1);
	assert_int_equal(
		sql_int("SELECT count(*) FROM _pending_field AS f JOIN _pending AS p ON p.n = "
			"f.n JOIN thing AS t ON t.id = p.id WHERE f.new = CASE f.field WHEN "
			"'mood' THEN t.mood WHEN 'level' THEN t.level WHEN 'open' THEN t.open "
			"WHEN 'made_at' THEN t.made_at WHEN 'made_on' THEN t.made_on WHEN "
			"'made_by' THEN t.made_by END"),
		12);
	expect_clean();
}

static void later_edit_may_clear_what_a_default_gave(void **state)
{
	(void)state;
	expect_ok(rep_replica_install_schema(store, small_schema(PRESETS), &err), &err);
	sql("INSERT INTO thing (id, name) VALUES ('t1', '新的'); UPDATE thing SET mood = NULL WHERE id = "
	    "'t1'");
	assert_int_equal(sql_int("SELECT mood IS NULL FROM thing WHERE id = 't1'"), 1);
	sql_refused("UPDATE thing SET level = NULL WHERE id = 't1'", "thing.level: required");
}

static void insert_is_recorded_with_what_it_set(void **state)
{
	(void)state;
	sql("INSERT INTO thing (id, name, size, tags) VALUES ('t1', '新的', 7, '[\"a\"]')");
	assert_string_equal(pending(), "insert name:->新的 size:->7 tags:[]>[\"a\"]");
	assert_string_equal(sql_text("SELECT entity || ' ' || id FROM _pending"), "thing t1");
	assert_int_equal(
		sql_int("SELECT stamp = (SELECT _created FROM thing WHERE id = 't1') AND stamp = "
			"(SELECT json_extract(_stamps, '$.\"*\"') FROM thing WHERE id = 't1') "
			"FROM _pending"),
		1);
	assert_string_equal(
		sql_text("SELECT _created_rep || ' ' || _place || ' ' || created_by FROM thing "
			 "WHERE id = 't1'"),
		TEST_REP " local " TEST_REP);
	expect_clean();
}

static void columns_of_the_engine_cannot_be_inserted(void **state)
{
	(void)state;
	sql("INSERT INTO thing (id, name, _created, _created_rep, _stamps, _flags, _place) VALUES ('t1', "
	    "'新的', 'x', 'boss', '{\"*\":\"x\"}', '[\"f\"]', 'data')");
	assert_string_equal(
		sql_text("SELECT _created_rep || _place || coalesce(_flags, '') FROM thing "
			 "WHERE id = 't1'"),
		TEST_REP "local");
	assert_int_equal(
		sql_int("SELECT _created = (SELECT stamp FROM _pending) FROM thing WHERE id = 't1'"),
		1);
}

static void update_records_only_what_differs(void **state)
{
	(void)state;
	sql("UPDATE thing SET name = '王敏', size = 6, good = 1");
	assert_string_equal(pending(), "update size:5>6");
	assert_string_equal(sql_text("SELECT saw FROM _pending_field"), STAMP_B);
	assert_int_equal(
		sql_int("SELECT json_extract(_stamps, '$.size') = (SELECT stamp FROM _pending) AND "
			"json_extract(_stamps, '$.\"*\"') = '" STAMP_A "' FROM thing"),
		1);
	sql("UPDATE thing SET size = 6");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 1);
	expect_clean();
}

static void second_edit_sees_the_first_ones_stamp(void **state)
{
	(void)state;
	sql("UPDATE thing SET size = 6");
	sql("UPDATE thing SET size = 7");
	assert_string_equal(pending(), "update size:5>6|update size:6>7");
	assert_int_equal(
		sql_int("SELECT saw = (SELECT stamp FROM _pending WHERE n = 1) FROM _pending_field "
			"WHERE n = 2"),
		1);
	assert_int_equal(
		sql_int("SELECT (SELECT stamp FROM _pending WHERE n = 1) < (SELECT stamp FROM "
			"_pending WHERE n = 2)"),
		1);
}

static void field_without_own_stamp_saw_the_first_insert(void **state)
{
	(void)state;
	sql("UPDATE thing SET good = 0");
	assert_string_equal(sql_text("SELECT saw FROM _pending_field"), STAMP_A);
}

static void field_of_a_group_saw_the_newest_of_the_group_and_stamps_it_whole(void **state)
{
	(void)state;
	sql("UPDATE thing SET street = '复兴路'");
	assert_string_equal(sql_text("SELECT saw FROM _pending_field"), STAMP_C);
	assert_int_equal(
		sql_int("SELECT json_extract(_stamps, '$.city') = (SELECT stamp FROM _pending) AND "
			"json_extract(_stamps, '$.street') = (SELECT stamp FROM _pending) FROM "
			"thing"),
		1);
}

static void set_stamps_each_element_that_changed(void **state)
{
	(void)state;
	sql("UPDATE thing SET phones = '[\"13700003333\",\"1\\\"2\"]'");
	assert_string_equal(sql_text("SELECT saw FROM _pending_field"),
			    "[\"" STAMP_A "\",{\"\\\"13800002222\\\"\":\"" STAMP_B "\"}]");
	assert_string_equal(
		sql_text(
			"SELECT group_concat(key || '=' || (value = (SELECT stamp FROM _pending)), ' ') FROM "
			"(SELECT key, value FROM thing, json_each(_stamps, '$.phones') ORDER BY key)"),
		"\"13700003333\"=1 \"13800002222\"=0 \"13900001111\"=1 \"1\\\"2\"=1");
}

static void map_stamps_each_key_that_changed(void **state)
{
	(void)state;
	sql("UPDATE thing SET scores = '{\"a\":1,\"b\":2}'");
	assert_string_equal(
		sql_text("SELECT group_concat(key) FROM thing, json_each(_stamps, '$.scores')"),
		"b");
	sql("UPDATE thing SET scores = '{\"b\":2}'");
	assert_int_equal(
		sql_int("SELECT json_extract(_stamps, '$.scores.a') = (SELECT stamp FROM _pending "
			"WHERE n = 2) FROM thing"),
		1);
}

static void list_reserves_a_stamp_for_each_entry(void **state)
{
	(void)state;
	sql("UPDATE thing SET notes = '[{\"text\":\"一\"},{\"text\":\"二\"},{\"text\":\"三\"}]'");
	assert_int_equal(sql_int("SELECT counter - first FROM _clock"), 3);
	assert_int_equal(sql_int("SELECT json_type(_stamps, '$.notes') IS NULL FROM thing"), 1);
	sql_refused("UPDATE thing SET notes = '[{\"text\":\"一\"}]'", "entries are only added");
	sql("UPDATE thing SET notes = json_insert(notes, '$[#]', json('{\"text\":\"四\"}'))");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 2);
}

static void replace(bool recursive)
{
	sql(recursive ? "PRAGMA recursive_triggers = ON" : "PRAGMA recursive_triggers = OFF");
	sql("INSERT OR REPLACE INTO thing (id, name, size, phones) VALUES ('" ID
	    "', '王敏', 9, '[\"13900001111\"]')");
	assert_string_equal(pending(),
			    "update good:1>- scores:{\"a\":1}>{} size:5>9 street:长安街>-");
	assert_string_equal(sql_text("SELECT saw FROM _pending_field WHERE field = 'size'"),
			    STAMP_B);
	assert_string_equal(
		sql_text("SELECT _created || _created_rep || _partition || _place FROM thing"),
		STAMP_A "r009" ID "data");
	assert_int_equal(
		sql_int("SELECT json_extract(_stamps, '$.size') = (SELECT stamp FROM _pending) AND "
			"json_extract(_stamps, '$.\"*\"') = '" STAMP_A "' FROM thing"),
		1);
	expect_clean();
	sql("REPLACE INTO thing (id, name, size, phones) SELECT id, name, size, phones FROM thing");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM _shadow"), 0);
}

static void replace_is_an_update_without_recursive_triggers(void **state)
{
	(void)state;
	replace(false);
}

static void replace_is_an_update_with_recursive_triggers(void **state)
{
	(void)state;
	replace(true);
}

static void replace_of_an_absent_row_is_an_insert(void **state)
{
	(void)state;
	sql("INSERT OR REPLACE INTO thing (id, name) VALUES ('t1', '新的')");
	assert_string_equal(pending(), "insert name:->新的");
}

static void delete_that_was_meant_stays_when_its_id_is_replaced_later(void **state)
{
	(void)state;
	sql("DELETE FROM thing");
	sql("INSERT OR REPLACE INTO thing (id, name) VALUES ('" ID "', '新的')");
	assert_string_equal(sql_text("SELECT group_concat(op) FROM _pending"), "delete,insert");
}

static void upsert_is_an_update(void **state)
{
	(void)state;
	sql("INSERT INTO thing (id, name, size) VALUES ('" ID
	    "', '王敏', 9), ('t1', '新的', 1) ON CONFLICT "
	    "(id) DO UPDATE SET size = excluded.size, name = excluded.name, id = excluded.id");
	assert_string_equal(pending(), "update size:5>9|insert name:->新的 size:->1");
	sql("INSERT INTO thing (id, name) VALUES ('" ID "', '别的') ON CONFLICT DO NOTHING");
	sql("INSERT OR IGNORE INTO thing (id, name) VALUES ('" ID "', '别的')");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 2);
	sql("UPDATE thing SET size = 10 WHERE id = 't1'");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 3);
	expect_clean();
}

static void update_or_clauses_record_as_plain_updates(void **state)
{
	(void)state;
	sql("UPDATE OR IGNORE thing SET size = 6");
	sql("UPDATE OR REPLACE thing SET size = 7");
	sql("UPDATE OR FAIL thing SET size = 8");
	sql("UPDATE OR ROLLBACK thing SET size = 9");
	assert_string_equal(pending(),
			    "update size:5>6|update size:6>7|update size:7>8|update size:8>9");
	expect_clean();
}

static void id_and_engine_columns_cannot_be_changed(void **state)
{
	static const char *const tries[] = {
		"UPDATE thing SET id = 'other'",
		"UPDATE OR REPLACE thing SET id = 'other'",
		"UPDATE OR IGNORE thing SET _stamps = '{}'",
		"UPDATE thing SET _created = 'x'",
		"UPDATE thing SET _partition = 'x', size = 6",
		"UPDATE thing SET _deleted = '{}'",
	};

	(void)state;
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
		sql_refused(tries[i], "not to be changed");
	sql("UPDATE thing SET id = id, _stamps = _stamps, size = 6");
	assert_string_equal(pending(), "update size:5>6");
}

static void many_rows_are_many_edits(void **state)
{
	(void)state;
	sql("INSERT INTO thing (id, name, size) VALUES ('t1', 'aa', 1), ('t2', 'bb', 2), ('t3', 'cc', 3)");
	sql("UPDATE thing SET size = size + 1 WHERE id > 't1'");
	sql("DELETE FROM thing WHERE id IN ('t1', 't3')");
	assert_string_equal(
		sql_text("SELECT group_concat(op || ' ' || id) FROM (SELECT * FROM _pending "
			 "ORDER BY n)"),
		"insert t1,insert t2,insert t3,update t2,update t3,delete t1,delete t3");
	assert_int_equal(sql_int("SELECT count(DISTINCT stamp) FROM _pending"), 7);
	expect_clean();
}

static void what_is_rolled_back_was_never_recorded(void **state)
{
	(void)state;
	sql("BEGIN; UPDATE thing SET size = 6; SAVEPOINT s; UPDATE thing SET size = 7; DELETE FROM thing; "
	    "ROLLBACK TO s; RELEASE s; COMMIT");
	assert_string_equal(pending(), "update size:5>6");
	sql("BEGIN; DELETE FROM thing; ROLLBACK");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 1);
	sql_refused("INSERT INTO thing (id, name) VALUES ('t1', 'good'), ('t2', 'x')",
		    "thing.name");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 1);
	expect_clean();
}

static void delete_keeps_every_value(void **state)
{
	(void)state;
	sql("DELETE FROM thing");
	assert_string_equal(pending(), "delete good:1>- name:王敏>- phones:[\"13900001111\"]>[] "
				       "scores:{\"a\":1}>{} size:5>- street:长安街>-");
	assert_string_equal(sql_text("SELECT saw FROM _pending_field WHERE field = 'size'"),
			    STAMP_B);
	assert_int_equal(sql_int("SELECT count(*) FROM thing"), 0);
}

static void insert_and_delete_of_one_row_are_both_kept(void **state)
{
	(void)state;
	sql("INSERT INTO thing (id, name) VALUES ('t1', 'aa')");
	sql("DELETE FROM thing WHERE id = 't1'");
	assert_string_equal(pending(), "insert name:->aa|delete name:aa>-");
}

static void tombstone_cannot_be_deleted_again(void **state)
{
	struct rep_record *dead = record("thing", "t9", "{}");

	(void)state;
	dead->deleted = json("{\"rep\":\"r009\",\"stamp\":\"" STAMP_B "\"}");
	view_row(dead, "data");
	rep_record_free(dead);
	sql_refused("DELETE FROM thing WHERE id = 't9'", "already deleted");
}

static void bounds_stop_any_client(void **state)
{
	static const char *const tries[][2] = {
		{"UPDATE thing SET name = 'x'", "thing.name"},
		{"UPDATE thing SET name = NULL", "thing.name: required"},
		{"UPDATE thing SET name = '12345678901234567890x'", "thing.name"},
		{"INSERT INTO thing (id, size) VALUES ('t1', 5)", "thing.name: required"},
		{"UPDATE thing SET size = -1", "thing.size"},
		{"UPDATE thing SET total = 9007199254740992", "thing.total"},
		{"UPDATE thing SET good = 2", "thing.good"},
		{"UPDATE thing SET day = '2026-02-30'", "thing.day"},
		{"UPDATE thing SET day = '2026-2-3'", "thing.day"},
		{"UPDATE thing SET moment = '2026-02-03T24:00:00.000Z'", "thing.moment"},
		{"UPDATE thing SET moment = '2026-02-03 10:00:00'", "thing.moment"},
		{"UPDATE thing SET rate = '1.5'", "thing.rate"},
		{"UPDATE thing SET rate = 'a.55'", "thing.rate"},
		{"UPDATE thing SET kind = '丙'", "thing.kind"},
		{"UPDATE thing SET phones = '[1]'", "thing.phones"},
		{"UPDATE thing SET phones = '{}'", "CHECK"},
		{"UPDATE thing SET phones = NULL", "NOT NULL"},
		{"UPDATE thing SET tags = '[\"d\"]'", "thing.tags"},
		{"UPDATE thing SET notes = '[5]'", "thing.notes"},
		{"UPDATE thing SET scores = '{\"a\":\"x\"}'", "thing.scores"},
		{"UPDATE thing SET scores = '{\"a\":1,\"a\":2}'", "thing.scores"},
		{"UPDATE thing SET place = 'a/b'", "thing.place"},
		{"UPDATE thing SET more = '{\"a\":1.5}'", "thing.more"},
		{"UPDATE thing SET more = '{\"a\":1,\"a\":2}'", "thing.more"},
		{"UPDATE thing SET status = 'gone'", "thing.status"},
		{"UPDATE thing SET size = 950", "check small_enough"},
		{"INSERT INTO thing (id, name, size) VALUES ('t1', 'aa', 950)",
		 "check small_enough"},
		{"INSERT INTO thing (id, name) VALUES ('a..b', 'aa')", "CHECK"},
		{"UPDATE thing SET size = 'x'", "cannot store TEXT"},
		{"INSERT INTO _review (id, kind) VALUES ('x', 'conflict')", "only the engine"},
		{"DELETE FROM _role", NULL},
	};

	(void)state;
	for (size_t i = 0; i + 1 < sizeof tries / sizeof *tries; i++)
		sql_refused(tries[i][0], tries[i][1]);
	sql("UPDATE thing SET size = 6, total = -9007199254740991, good = 0, day = '2024-02-29', moment = "
	    "'2026-02-03T23:59:59.999Z', rate = '-1.50', kind = 'it''s', phones = '[\"1\"]', tags = "
	    "'[\"a\",\"c\"]', scores = '{\"x\":-1}', place = 'p.1', more = '{\"a\":[1,null,\"x\"]}', status = "
	    "'inactive'");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 1);
}

static void old_value_beyond_todays_bounds_does_not_stop_other_edits(void **state)
{
	struct rep_record *old =
		record("thing", "t8", "{\"name\":\"x\",\"kind\":\"旧值\",\"size\":5000}");

	(void)state;
	view_row(old, "data");
	rep_record_free(old);
	sql("UPDATE thing SET good = 1 WHERE id = 't8'");
	assert_string_equal(pending(), "update good:->1");
}

static void silenced_writes_are_not_recorded_and_need_not_obey(void **state)
{
	(void)state;
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 0);
	expect_ok(rep_db_begin(store->db, &err), &err);
	expect_ok(rep_capture_silence(store->db, true, &err), &err);
	sql("UPDATE thing SET id = 'new', name = 'x', _created = '" STAMP_B "'");
	expect_ok(rep_capture_silence(store->db, false, &err), &err);
	expect_ok(rep_db_commit(store->db, &err), &err);
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 0);
	sql("UPDATE thing SET size = 6");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 1);
}

static void forgotten_silence_ends_with_the_next_open(void **state)
{
	(void)state;
	sql("INSERT INTO _silent VALUES (1)");
	store_reopen();
	sql("UPDATE thing SET size = 6");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 1);
}

static void edits_bear_the_reason_given(void **state)
{
	(void)state;
	expect_ok(rep_db_begin(store->db, &err), &err);
	expect_ok(rep_capture_reason(store->db, "门诊拜访", &err), &err);
	sql("UPDATE thing SET size = 6");
	expect_ok(rep_capture_reason(store->db, NULL, &err), &err);
	sql("UPDATE thing SET size = 7");
	expect_ok(rep_db_commit(store->db, &err), &err);
	assert_string_equal(sql_text("SELECT group_concat(coalesce(reason, '-')) FROM _pending"),
			    "门诊拜访,-");
}

static void clock_never_goes_back(void **state)
{
	(void)state;
	expect_ok(
		rep_capture_observe(store->db, "2099-12-31T23:59:59.998Z-fffe@" OTHER_DEVICE, &err),
		&err);
	expect_ok(rep_capture_observe(store->db, "2026-01-01T00:00:00.000Z", &err), &err);
	sql("UPDATE thing SET size = 6");
	sql("UPDATE thing SET size = 7");
	sql("UPDATE thing SET size = 8");
	assert_string_equal(sql_text("SELECT group_concat(stamp, ' ') FROM _pending"),
			    "2099-12-31T23:59:59.998Z-ffff@" TEST_DEVICE
			    " 2099-12-31T23:59:59.999Z-0000@" TEST_DEVICE
			    " 2099-12-31T23:59:59.999Z-0001@" TEST_DEVICE);
	expect_code(rep_capture_observe(store->db, "yesterday", &err), REP_EINVAL, &err,
		    "yesterday");
}

static void every_millisecond_has_its_successor(void **state)
{
	(void)state;
	/* SQLite's dates are doubles in places: each of a second's milliseconds must move on by exactly one. */
	assert_int_equal(
		sql_int("WITH RECURSIVE m(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM m WHERE n < 998) SELECT "
			"count(*) FROM m WHERE strftime('%Y-%m-%dT%H:%M:%fZ', "
			"printf('2026-11-21T02:14:05.%03dZ', n), '+0.001 seconds') IS NOT "
			"printf('2026-11-21T02:14:05.%03dZ', n + 1)"),
		0);
}

static void engine_makes_stamps_of_the_same_clock(void **state)
{
	char stamp[REP_STAMP_LEN + 1];

	(void)state;
	sql("UPDATE thing SET size = 6");
	expect_ok(rep_capture_stamp(store->db, TEST_DEVICE, stamp, &err), &err);
	assert_true(rep_stamp_valid(stamp));
	assert_true(strcmp(stamp, sql_text("SELECT stamp FROM _pending")) > 0);
}

static void stock_client_is_recorded(void **state)
{
	(void)state;
	rep_replica_close(store);
	store = NULL;
	shell_sql("UPDATE thing SET size = 6; INSERT INTO thing (id, name) VALUES ('t1', '新的');"
		  "INSERT OR REPLACE INTO thing (id, name) VALUES ('t1', '更新');"
		  "DELETE FROM thing WHERE id = 't1';",
		  true);
	shell_sql("UPDATE thing SET id = 'x';", false);
	shell_sql("UPDATE thing SET kind = 'x';", false);
	shell_sql("PRAGMA recursive_triggers = ON; REPLACE INTO thing (id, name) VALUES ('" ID
		  "', '王敏敏');",
		  true);
	store = store_open(store_dir, false);
	assert_string_equal(sql_text("SELECT group_concat(op) FROM _pending"),
			    "update,insert,update,delete,update");
	expect_clean();
}

static void too_large_an_edit_is_stopped_before_it_could_block_sealing(void **state)
{
	(void)state;
	sql("UPDATE thing SET size = 6");
	sql_refused(
		"UPDATE thing SET phones = (WITH RECURSIVE m(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM m "
		"WHERE n < 60000) SELECT json_group_array(printf('phone %d', 100000 + n)) FROM m)",
		"too large");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 1);
}

static void shipped_schema_captures(void **state)
{
	(void)state;
	sql("INSERT INTO org (id, name) VALUES ('o1', '市第一人民医院')");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 1);
	assert_true(
		sql_int("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name LIKE "
			"'interaction__check%'") >= 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(insert_by_another_program_gets_the_defaults),
		CASE(later_edit_may_clear_what_a_default_gave),
		CASE(insert_is_recorded_with_what_it_set),
		CASE(columns_of_the_engine_cannot_be_inserted),
		CASE(update_records_only_what_differs),
		CASE(second_edit_sees_the_first_ones_stamp),
		CASE(field_without_own_stamp_saw_the_first_insert),
		CASE(field_of_a_group_saw_the_newest_of_the_group_and_stamps_it_whole),
		CASE(set_stamps_each_element_that_changed),
		CASE(map_stamps_each_key_that_changed),
		CASE(list_reserves_a_stamp_for_each_entry),
		CASE(replace_is_an_update_without_recursive_triggers),
		CASE(replace_is_an_update_with_recursive_triggers),
		CASE(replace_of_an_absent_row_is_an_insert),
		CASE(delete_that_was_meant_stays_when_its_id_is_replaced_later),
		CASE(upsert_is_an_update),
		CASE(update_or_clauses_record_as_plain_updates),
		CASE(id_and_engine_columns_cannot_be_changed),
		CASE(many_rows_are_many_edits),
		CASE(what_is_rolled_back_was_never_recorded),
		CASE(delete_keeps_every_value),
		CASE(insert_and_delete_of_one_row_are_both_kept),
		CASE(tombstone_cannot_be_deleted_again),
		CASE(bounds_stop_any_client),
		CASE(old_value_beyond_todays_bounds_does_not_stop_other_edits),
		CASE(silenced_writes_are_not_recorded_and_need_not_obey),
		CASE(forgotten_silence_ends_with_the_next_open),
		CASE(edits_bear_the_reason_given),
		CASE(clock_never_goes_back),
		CASE(every_millisecond_has_its_successor),
		CASE(engine_makes_stamps_of_the_same_clock),
		CASE(stock_client_is_recorded),
		CASE(too_large_an_edit_is_stopped_before_it_could_block_sealing),
		cmocka_unit_test_setup_teardown(shipped_schema_captures, store_setup_shipped,
						store_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
