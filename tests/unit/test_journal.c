#include "help_store.h"

#include <stdio.h>

#include "core/base/limits.h"
#include "core/store/capture.h"
#include "core/store/deflate.h"
#include "core/store/journal.h"

#define NOW 1795226400000 /* 2026-11-21T02:00:00.000Z */

static void put_thing(void)
{
	struct rep_record *made = record(
		"thing", "t1",
		"{\"name\":\"王敏\",\"size\":5,\"total\":10,\"good\":true,"
		"\"phones\":[\"13900001111\"],\"scores\":{\"a\":1,\"b\":2},\"notes\":[{\"at\":"
		"\"2026-03-02T01:00:00.000Z\",\"by\":\"r009\",\"entry\":\"" STAMP_A
		"\",\"text\":\"一\"}]}");

	assert_true(rep_json_set_string(made->stamps, "size", STAMP_B));
	rep_record_put_element_stamp(made, "phones", "\"13800002222\"", STAMP_B);
	rep_record_put_element_stamp(made, "scores", "b", STAMP_C);
	view_row(made, "data");
	rep_record_free(made);
}

static int setup(void **state)
{
	store_setup(state);
	put_thing();
	return 0;
}

static int64_t seal(const char *reason)
{
	int64_t sealed;

	expect_ok(rep_seal(store, NOW, reason, &sealed, &err), &err);
	assert_int_equal(rep_pending_count(store->db), 0);
	return sealed;
}

/* One change of a change set as "op entity id {values}", with the stamps that capture made as <n>; static storage. */
static const char *change(int64_t seq, size_t index)
{
	static char out[16384];
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_changeset set = {0};
	char *line;
	size_t used;

	expect_ok(rep_journal_read(store->db, seq, &bytes, &err), &err);
	expect_ok(rep_changeset_read(&set, &used, rep_buf_str(&bytes), bytes.len, store->key.public,
				     &err),
		  &err);
	assert_int_equal(used, bytes.len);
	assert_true(index < set.changes_len);
	assert_int_equal(strlen(rep_json_get_string(set.changes[index].line, "salt")), 32);
	rep_json_del(set.changes[index].line, "salt");
	line = rep_json_text(set.changes[index].line);
	snprintf(out, sizeof out, "%s %s %s %s", rep_op_name(set.changes[index].op),
		 set.changes[index].entity, set.changes[index].id, line);
	free(line);
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
	return out;
}

static size_t changes_of(int64_t seq)
{
	char text[100];

	snprintf(text, sizeof text, "SELECT changes FROM _journal WHERE seq = %lld",
		 (long long)seq);
	return (size_t)sql_int(text);
}

static void edit_becomes_a_signed_change_set(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_changeset set = {0};
	size_t used;

	(void)state;
	expect_ok(rep_meta_set_int(store->db, "epoch", 2, &err), &err);
	expect_ok(rep_meta_set_int(store->db, "view", 37, &err), &err);
	sql("UPDATE thing SET size = 6");
	assert_int_equal(seal("门诊拜访后更新"), 1);
	assert_string_equal(change(1, 0),
			    "update thing t1 {\"reason\":\"门诊拜访后更新\",\"values\":{\"size\":{"
			    "\"new\":6,\"old\":5,\"saw\":\"" STAMP_B "\"}}}");
	expect_ok(rep_journal_read(store->db, 1, &bytes, &err), &err);
	expect_ok(rep_changeset_read(&set, &used, rep_buf_str(&bytes), bytes.len, store->key.public,
				     &err),
		  &err);
	assert_string_equal(set.device, TEST_DEVICE);
	assert_string_equal(set.rep, TEST_REP);
	assert_string_equal(set.schema, "small/1");
	assert_string_equal(set.sealed, "2026-11-21T02:00:00.000Z");
	assert_string_equal(set.prev, rep_changeset_no_prev);
	assert_int_equal(set.base_epoch, 2);
	assert_int_equal(set.base_view, 37);
	assert_string_equal(set.changes[0].stamp.text,
			    sql_text("SELECT json_extract(_stamps, '$.size') FROM "
				     "thing"));
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
}

static void nothing_pending_makes_no_change_set(void **state)
{
	(void)state;
	assert_int_equal(seal("x"), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM _journal"), 0);
}

static void insert_gives_its_values_canonical(void **state)
{
	(void)state;
	sql("INSERT INTO thing (id, name, good, phone, phones, scores, more, total, status) VALUES ('t2', "
	    "'Ame\xcc\x81', 0, '+86 139-0000-1111', '[\"b\",\"+86 13900001111\",\"13900001111\"]', '{ \"z\" : 1 }', "
	    "'{\"b\":1, \"a\":2}', 5, 'inactive')");
	seal(NULL);
	assert_string_equal(
		change(1, 0),
		"insert thing t2 {\"values\":{\"good\":{\"new\":false},\"more\":{\"new\":{\"a\":2,"
		"\"b\":1}},\"name\":{\"new\":\"Am\xc3\xa9\"},\"phone\":{\"new\":\"13900001111\"},"
		"\"phones\":{\"new\":[\"13900001111\",\"b\"]},\"scores\":{\"new\":{\"z\":1}},"
		"\"status\":{\"new\":\"inactive\"},\"total\":{\"new\":5}}}");
	assert_string_equal(sql_text("SELECT _partition FROM thing WHERE id = 't2'"), "t2");
}

static void cleared_and_boolean_values_keep_their_types(void **state)
{
	(void)state;
	sql("UPDATE thing SET good = NULL, size = NULL, status = 'inactive'");
	seal(NULL);
	assert_string_equal(change(1, 0),
			    "update thing t1 {\"values\":{\"good\":{\"new\":null,\"old\":true,"
			    "\"saw\":\"" STAMP_A "\"},\"size\":{\"new\":null,\"old\":5,\"saw\":"
			    "\"" STAMP_B "\"},\"status\":{\"new\":\"inactive\",\"old\":"
			    "\"active\",\"saw\":\"" STAMP_A "\"}}}");
}

static void set_tells_what_was_added_removed_and_seen(void **state)
{
	(void)state;
	sql("UPDATE thing SET phones = '[\"+86 13800002222\",\"13700003333\"]'");
	seal(NULL);
	assert_string_equal(
		change(1, 0),
		"update thing t1 {\"values\":{\"phones\":{\"add\":[\"13700003333\",\"13800002222\"],"
		"\"remove\":[\"13900001111\"],\"seen\":{\"\\\"13800002222\\\"\":\"" STAMP_B
		"\",\"\\\"13900001111\\\"\":\"" STAMP_A "\"}}}}");
}

static void element_typed_anew_in_another_way_is_no_change(void **state)
{
	(void)state;
	sql("UPDATE thing SET phones = '[\"+86 139 0000 1111\"]'");
	assert_int_equal(seal(NULL), 0);
	assert_int_equal(sql_int("SELECT count(*) FROM _journal"), 0);
}

#define MAILS                                                                                              \
	",{\"name\":\"mails\",\"type\":\"set\",\"of\":\"text\",\"normalise\":[\"case\"],\"rule\":\"set\"," \
	"\"label\":{\"zh\":\"x\",\"en\":\"x\"}}"

static void element_spelt_otherwise_is_added_again(void **state)
{
	struct rep_record *made;

	(void)state;
	expect_ok(rep_replica_install_schema(store, small_schema(MAILS), &err), &err);
	made = record("thing", "t9", "{\"name\":\"王敏\",\"mails\":[\"A@x.cn\"]}");
	view_row(made, "data");
	rep_record_free(made);
	sql("UPDATE thing SET mails = '[\"a@x.cn\"]' WHERE id = 't9'");
	assert_int_equal(seal(NULL), 1);
	assert_string_equal(
		change(1, 0),
		"update thing t9 {\"values\":{\"mails\":{\"add\":[\"a@x.cn\"],\"seen\":{"
		"\"\\\"a@x.cn\\\"\":\"" STAMP_A "\"}}}}");
}

static void second_removal_saw_the_first_add_under_its_key(void **state)
{
	char expected[200];

	(void)state;
	sql("UPDATE thing SET phones = '[\"13900001111\",\"+86 13700003333\"]'");
	snprintf(expected, sizeof expected, "\"seen\":{\"\\\"13700003333\\\"\":\"%s\"}",
		 sql_text("SELECT stamp FROM _pending"));
	sql("UPDATE thing SET phones = '[\"13900001111\"]'");
	seal(NULL);
	assert_non_null(strstr(change(1, 1), "\"remove\":[\"13700003333\"]"));
	assert_non_null(strstr(change(1, 1), expected));
}

static void map_tells_each_key(void **state)
{
	(void)state;
	sql("UPDATE thing SET scores = '{\"a\":3,\"c\":4}'");
	seal(NULL);
	assert_string_equal(
		change(1, 0),
		"update thing t1 {\"values\":{\"scores\":{\"keys\":{\"a\":{\"new\":3,\"old\":1,\"saw\":"
		"\"" STAMP_A "\"},\"b\":{\"new\":null,\"old\":2,\"saw\":\"" STAMP_C
		"\"},\"c\":{\"new\":4,\"old\":null}}}}}");
}

static void sum_tells_the_difference(void **state)
{
	(void)state;
	sql("UPDATE thing SET total = total - 15");
	seal(NULL);
	assert_string_equal(change(1, 0),
			    "update thing t1 {\"values\":{\"total\":{\"delta\":-15}}}");
}

static void each_entry_of_a_list_is_a_change_with_its_own_stamp(void **state)
{
	(void)state;
	sql("UPDATE thing SET size = 6, notes = json_insert(notes, '$[#]', json('{\"text\":\"二\"}'), '$[#]', "
	    "json('{\"text\":\"三\"}'))");
	sql("UPDATE thing SET size = 7");
	seal(NULL);
	assert_int_equal(changes_of(1), 3);
	assert_non_null(strstr(change(1, 0), "\"notes\":{\"entry\":{\"text\":\"二\"}},\"size\""));
	assert_string_equal(
		change(1, 1),
		"update thing t1 {\"values\":{\"notes\":{\"entry\":{\"text\":\"三\"}}}}");
	assert_non_null(strstr(change(1, 2), "\"size\":{\"new\":7"));
	assert_int_equal(
		sql_int("SELECT count(DISTINCT json_extract(value, '$.entry')) FROM thing, json_each(notes)"),
		3);
	assert_string_equal(
		sql_text("SELECT group_concat(json_extract(value, '$.text') || json_extract(value, "
			 "'$.by')) FROM thing, json_each(notes)"),
		"一r009,二r017,三r017");
}

static void list_of_a_new_record_goes_entry_by_entry(void **state)
{
	(void)state;
	sql("INSERT INTO thing (id, name, notes) VALUES ('t2', 'aa', '[{\"text\":\"一\"},{\"text\":\"二\"}]')");
	seal(NULL);
	assert_int_equal(changes_of(1), 2);
	assert_string_equal(
		change(1, 0),
		"insert thing t2 {\"values\":{\"name\":{\"new\":\"aa\"},\"notes\":{\"new\":"
		"[{\"text\":\"一\"}]}}}");
	assert_string_equal(
		change(1, 1),
		"update thing t2 {\"values\":{\"notes\":{\"entry\":{\"text\":\"二\"}}}}");
}

static void delete_tells_everything_it_saw(void **state)
{
	(void)state;
	sql("UPDATE thing SET notes = notes, total = NULL");
	sql("DELETE FROM thing");
	seal("重复");
	assert_string_equal(
		change(1, 1),
		"delete thing t1 {\"reason\":\"重复\",\"values\":{\"good\":{\"old\":true,\"saw\":\"" STAMP_A
		"\"},\"name\":{\"old\":\"王敏\",\"saw\":\"" STAMP_A
		"\"},\"notes\":{\"old\":[{\"at\":\"2026-03-02T01:00:00.000Z\",\"by\":\"r009\",\"entry\":\"" STAMP_A
		"\",\"text\":\"一\"}],\"saw\":\"" STAMP_A
		"\"},\"phones\":{\"old\":[\"13900001111\"],\"seen\":{\"\\\"13800002222\\\"\":\"" STAMP_B
		"\"}},\"scores\":{\"old\":{\"a\":1,\"b\":2},\"seen\":{\"b\":\"" STAMP_C
		"\"}},\"size\":{\"old\":5,\"saw\":\"" STAMP_B "\"}}}");
}

/* Twenty thousand elements, each with a stamp of its own: more than a line holds. */
static void delete_of_a_very_large_set_names_it_by_a_hash(void **state)
{
	(void)state;
	sql("INSERT INTO _silent VALUES (1)");
	sql("UPDATE thing SET _stamps = json_set(_stamps, '$.phones', (WITH RECURSIVE m(n) AS (SELECT 0 UNION ALL "
	    "SELECT n + 1 FROM m WHERE n < 20000) SELECT json_group_object(json_quote(printf('139%08d', n)), '" STAMP_B
	    "') FROM m))");
	sql("DELETE FROM _silent");
	sql("DELETE FROM thing");
	seal(NULL);
	assert_int_equal(changes_of(1), 1);
	assert_non_null(strstr(change(1, 0), "\"phones\":{\"seen_hash\":\""));
	assert_null(strstr(change(1, 0), "\"old\""));
	assert_true(strlen(change(1, 0)) < 2000);
}

static void insert_and_delete_that_were_never_sealed_are_both_kept(void **state)
{
	(void)state;
	sql("INSERT INTO thing (id, name) VALUES ('t2', 'aa')");
	sql("DELETE FROM thing WHERE id = 't2'");
	seal(NULL);
	assert_int_equal(changes_of(1), 2);
	assert_string_equal(change(1, 0),
			    "insert thing t2 {\"values\":{\"name\":{\"new\":\"aa\"}}}");
	assert_memory_equal(change(1, 1), "delete thing t2", 15);
}

static void what_cannot_be_signed_as_it_is_is_sealed_repaired(void **state)
{
	(void)state;
	sql("UPDATE thing SET ext = CAST(x'61ff0062' AS TEXT), more = '[[[[[[[[[1]]]]]]]]]'");
	seal(NULL);
	assert_non_null(strstr(change(1, 0), "\"ext\":{\"new\":\"a\xef\xbf\xbd\xef\xbf\xbd"
					     "b\""));
	assert_non_null(strstr(change(1, 0), "\"more\":{\"new\":\"[[[[[[[[[1]]]]]]]]]\""));
}

static void change_of_reason_starts_another_set(void **state)
{
	static const char *const reasons[] = {"甲", "甲", NULL, "乙"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		expect_ok(rep_db_begin(store->db, &err), &err);
		expect_ok(rep_capture_reason(store->db, reasons[i], &err), &err);
		sql("UPDATE thing SET size = size + 1");
		expect_ok(rep_capture_reason(store->db, NULL, &err), &err);
		expect_ok(rep_db_commit(store->db, &err), &err);
	}
	assert_int_equal(seal("乙"), 2);
	assert_string_equal(sql_text("SELECT group_concat(reason || changes) FROM _journal"),
			    "甲2,乙2");
}

static void chain_goes_on(void **state)
{
	int64_t checked;

	(void)state;
	for (int i = 0; i < 3; i++) {
		sql("UPDATE thing SET size = size + 1");
		assert_int_equal(seal(NULL), 1);
	}
	assert_int_equal(
		sql_int("SELECT count(*) FROM _journal a JOIN _journal b ON b.seq = a.seq + 1 AND b.prev = "
			"a.hash"),
		2);
	expect_ok(rep_journal_verify(store, &checked, &err), &err);
	assert_int_equal(checked, 3);
	assert_int_equal(
		sql_int("SELECT count(*) FROM _journal_record WHERE entity = 'thing' AND id = 't1'"),
		3);
}

static void many_changes_are_split_where_the_skeleton_is_full(void **state)
{
	int64_t checked;
	int64_t sealed;

	(void)state;
	sql("INSERT INTO thing (id, name) WITH RECURSIVE m(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM m WHERE n "
	    "< 10500) SELECT printf('01900000-0000-7000-8000-%012d', n), 'name' FROM m");
	expect_ok(rep_seal(store, NOW, NULL, &sealed, &err), &err);
	assert_true(sealed >= 2);
	assert_int_equal(sql_int("SELECT sum(changes) FROM _journal"), 10500);
	expect_ok(rep_journal_verify(store, &checked, &err), &err);
	assert_int_equal(checked, sealed);
}

static void delete_of_a_huge_record_can_be_sealed(void **state)
{
	(void)state;
	expect_ok(rep_db_begin(store->db, &err), &err);
	expect_ok(rep_capture_silence(store->db, true, &err), &err);
	sql("UPDATE thing SET phones = (WITH RECURSIVE m(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM m WHERE n < "
	    "120000) SELECT json_group_array(printf('phone %d', 100000 + n)) FROM m)");
	expect_ok(rep_capture_silence(store->db, false, &err), &err);
	expect_ok(rep_db_commit(store->db, &err), &err);
	sql("DELETE FROM thing");
	assert_int_equal(seal(NULL), 1);
	assert_non_null(strstr(change(1, 0), "\"size\":{\"saw\":\"" STAMP_B "\"}"));
}

static void rolled_back_seal_leaves_the_edits_pending(void **state)
{
	int64_t sealed;

	(void)state;
	sql("UPDATE thing SET size = 6");
	expect_ok(rep_db_begin(store->db, &err), &err);
	expect_ok(rep_seal(store, NOW, NULL, &sealed, &err), &err);
	rep_db_abort(store->db);
	assert_int_equal(rep_pending_count(store->db), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM _journal"), 0);
}

static void journal_is_append_only(void **state)
{
	(void)state;
	sql("UPDATE thing SET size = 6");
	seal(NULL);
	sql_refused("UPDATE _journal SET data = x'00'", "append-only");
	sql_refused("DELETE FROM _journal", "append-only");
	sql_refused(
		"INSERT INTO _journal SELECT 3, 'h', prev, sealed, reason, changes, size, data FROM _journal",
		"append-only");
	sql_refused(
		"INSERT OR REPLACE INTO _journal SELECT 1, 'h', prev, sealed, reason, changes, size, data FROM "
		"_journal",
		"append-only");
}

static void set_that_does_not_continue_the_chain_is_refused(void **state)
{
	struct rep_changeset set = {.seq = 2, .bytes = "x", .size_bytes = 1};

	(void)state;
	memcpy(set.prev, rep_changeset_no_prev, sizeof set.prev);
	expect_code(rep_journal_append(store->db, &set, &err), REP_EORDER, &err,
		    "does not continue");
	set.seq = 1;
	set.prev[0] = '1';
	expect_code(rep_journal_append(store->db, &set, &err), REP_EORDER, &err,
		    "does not continue");
	assert_int_equal(sql_int("SELECT count(*) FROM _journal"), 0);
}

/* Replaces the bytes of change set 2 by those that `edit` makes of them. */
static void tamper(void (*edit)(struct rep_buf *bytes))
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_buf data = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_stmt *stmt;

	for (int i = 0; i < 3; i++) {
		sql("UPDATE thing SET size = size + 1");
		seal("why");
	}
	expect_ok(rep_journal_read(store->db, 2, &bytes, &err), &err);
	edit(&bytes);
	expect_ok(rep_deflate(&data, bytes.data, bytes.len, &err), &err);
	sql("DROP TRIGGER _journal__update");
	expect_ok(rep_db_prepare(store->db, &stmt,
				 "UPDATE _journal SET data = ?1, size = ?2 WHERE seq = 2", &err),
		  &err);
	rep_bind_blob(stmt, 1, data.data, data.len);
	rep_bind_int(stmt, 2, (int64_t)bytes.len);
	expect_ok(rep_run(stmt, &err), &err);
	rep_stmt_free(stmt);
	rep_buf_clear(&bytes);
	rep_buf_clear(&data);
}

static void change_reason(struct rep_buf *bytes)
{
	memcpy(strstr(bytes->data, "why"), "who", 3);
}

static void change_number(struct rep_buf *bytes)
{
	memcpy(strstr(bytes->data, "\"seq\":2"), "\"seq\":4", 7);
}

static void changed_value_is_found(void **state)
{
	int64_t checked;

	(void)state;
	tamper(change_reason);
	expect_code(rep_journal_verify(store, &checked, &err), REP_EINTEGRITY, &err,
		    "change set 2");
	assert_int_equal(checked, 1);
}

static void changed_skeleton_is_found(void **state)
{
	int64_t checked;

	(void)state;
	tamper(change_number);
	expect_code(rep_journal_verify(store, &checked, &err), REP_EINTEGRITY, &err,
		    "change set 2");
}

static void missing_set_is_found(void **state)
{
	int64_t checked;

	(void)state;
	for (int i = 0; i < 3; i++) {
		sql("UPDATE thing SET size = size + 1");
		seal(NULL);
	}
	sql("DROP TRIGGER _journal__delete; DELETE FROM _journal WHERE seq = 2");
	expect_code(rep_journal_verify(store, &checked, &err), REP_EINTEGRITY, &err,
		    "change set 2");
	expect_code(rep_journal_read(store->db, 2, &(struct rep_buf){.limit = 10}, &err),
		    REP_ENOTFOUND, &err, "no change set 2");
}

static void erased_line_still_verifies(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_buf erased = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_buf data = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_stmt *stmt;
	int64_t checked;

	(void)state;
	sql("UPDATE thing SET size = 6");
	seal(NULL);
	expect_ok(rep_journal_read(store->db, 1, &bytes, &err), &err);
	expect_ok(rep_changeset_erase(&erased, bytes.data, bytes.len, 0, &err), &err);
	expect_ok(rep_deflate(&data, erased.data, erased.len, &err), &err);
	sql("INSERT INTO _erasing VALUES (1)");
	expect_ok(rep_db_prepare(store->db, &stmt,
				 "UPDATE _journal SET data = ?1, size = ?2 WHERE seq = 1", &err),
		  &err);
	rep_bind_blob(stmt, 1, data.data, data.len);
	rep_bind_int(stmt, 2, (int64_t)erased.len);
	expect_ok(rep_run(stmt, &err), &err);
	rep_stmt_free(stmt);
	sql("DELETE FROM _erasing");
	expect_ok(rep_journal_verify(store, &checked, &err), &err);
	assert_int_equal(checked, 1);
	rep_buf_clear(&bytes);
	rep_buf_clear(&erased);
	rep_buf_clear(&data);
}

static void inflate_takes_exactly_what_it_is_told(void **state)
{
	struct rep_buf data = REP_BUF_INIT(1000);
	struct rep_buf out = REP_BUF_INIT(1000);

	(void)state;
	expect_ok(rep_deflate(&data, "hello hello hello", 17, &err), &err);
	expect_ok(rep_inflate(&out, data.data, data.len, 17, &err), &err);
	assert_string_equal(rep_buf_str(&out), "hello hello hello");
	expect_code(rep_inflate(&out, data.data, data.len, 16, &err), REP_EINTEGRITY, &err,
		    "damaged");
	expect_code(rep_inflate(&out, data.data, data.len, 18, &err), REP_EINTEGRITY, &err,
		    "damaged");
	expect_code(rep_inflate(&out, data.data, data.len - 1, 17, &err), REP_EINTEGRITY, &err,
		    "damaged");
	expect_code(rep_inflate(&out, data.data, data.len, 1001, &err), REP_ELIMIT, &err,
		    "too many");
	rep_buf_putc(&data, 'x');
	expect_code(rep_inflate(&out, data.data, data.len, 17, &err), REP_EINTEGRITY, &err,
		    "damaged");
	rep_buf_clear(&data);
	rep_buf_clear(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(edit_becomes_a_signed_change_set),
		CASE(nothing_pending_makes_no_change_set),
		CASE(insert_gives_its_values_canonical),
		CASE(cleared_and_boolean_values_keep_their_types),
		CASE(set_tells_what_was_added_removed_and_seen),
		CASE(element_typed_anew_in_another_way_is_no_change),
		CASE(element_spelt_otherwise_is_added_again),
		CASE(second_removal_saw_the_first_add_under_its_key),
		CASE(map_tells_each_key),
		CASE(sum_tells_the_difference),
		CASE(each_entry_of_a_list_is_a_change_with_its_own_stamp),
		CASE(list_of_a_new_record_goes_entry_by_entry),
		CASE(delete_tells_everything_it_saw),
		CASE(delete_of_a_very_large_set_names_it_by_a_hash),
		CASE(insert_and_delete_that_were_never_sealed_are_both_kept),
		CASE(what_cannot_be_signed_as_it_is_is_sealed_repaired),
		CASE(change_of_reason_starts_another_set),
		CASE(chain_goes_on),
		CASE(many_changes_are_split_where_the_skeleton_is_full),
		CASE(delete_of_a_huge_record_can_be_sealed),
		CASE(rolled_back_seal_leaves_the_edits_pending),
		CASE(journal_is_append_only),
		CASE(set_that_does_not_continue_the_chain_is_refused),
		CASE(changed_value_is_found),
		CASE(changed_skeleton_is_found),
		CASE(missing_set_is_found),
		CASE(erased_line_still_verifies),
		CASE(inflate_takes_exactly_what_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
