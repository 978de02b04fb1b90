#include "help_store.h"

#include <stdio.h>
#include <sys/stat.h>

#include "core/store/grams.h"
#include "core/store/search.h"
#include "core/store/tables.h"

static void put(const char *id, const char *fields)
{
	struct rep_record *made = record("thing", id, fields);

	view_row(made, "data");
	rep_record_free(made);
}

static int setup(void **state)
{
	store_setup(state);
	put("t1", "{\"name\":\"刘敏\",\"phone\":\"13900001111\"}");
	put("t2", "{\"name\":\"刘敏敏\",\"phones\":[\"13812345678\"]}");
	put("t3", "{\"name\":\"王小明\",\"ext\":\"Dr. Smith\"}");
	put("t4", "{\"name\":\"李雷\",\"ext\":\"劉備醫院\"}");
	put("t5", "{\"name\":\"helmet\",\"size\":5,\"kind\":\"甲\"}");
	return 0;
}

/* The ids found, in their order. */
static const char *find(const char *text)
{
	static char out[1000];
	struct rep_json *found;

	expect_ok(rep_search_find(store, text, 0, &found, &err), &err);
	*out = '\0';
	for (size_t i = 0; i < rep_json_size(found); i++) {
		const struct rep_json *pair = rep_json_at(found, i);

		assert_string_equal(rep_json_string_value(rep_json_at(pair, 0)), "thing");
		snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", *out ? " " : "",
			 rep_json_string_value(rep_json_at(pair, 1)));
	}
	rep_json_free(found);
	return out;
}

static void two_characters_find_a_name(void **state)
{
	(void)state;
	assert_string_equal(find("刘敏"), "t1 t2");
	assert_string_equal(find("敏敏"), "t2");
	assert_string_equal(find("小明"), "t3");
}

static void one_character_finds_a_surname(void **state)
{
	(void)state;
	assert_string_equal(find("王"), "t3");
	assert_string_equal(find("刘"), "t1 t2 t4");
}

static void part_of_a_number_is_found(void **state)
{
	(void)state;
	assert_string_equal(find("1390000"), "t1");
	assert_string_equal(find("5678"), "t2");
	assert_string_equal(find("１３９０"), "t1");
	assert_string_equal(find("9"), "t1");
}

static void case_and_width_do_not_matter(void **state)
{
	(void)state;
	assert_string_equal(find("SMITH"), "t3");
	assert_string_equal(find("ｓｍｉ"), "t3");
}

static void traditional_and_simplified_are_one(void **state)
{
	(void)state;
	assert_string_equal(find("刘备"), "t4");
	assert_string_equal(find("劉敏"), "t1 t2");
	assert_string_equal(find("医院"), "t4");
}

static void initials_in_pinyin_find_a_name(void **state)
{
	(void)state;
	assert_string_equal(find("lm"), "t5 t1 t2");
	assert_string_equal(find("wxm"), "t3");
	assert_string_equal(find("LMM"), "t2");
}

static void every_word_must_be_there(void **state)
{
	(void)state;
	assert_string_equal(find("刘敏 1390"), "t1");
	assert_string_equal(find("  刘敏   5678 "), "t2");
	assert_string_equal(find("刘敏 Smith"), "");
	expect_code(rep_search_find(store, "  ", 0, &(struct rep_json *){NULL}, &err), REP_EUSAGE,
		    &err, "nothing");
}

static void grams_of_two_places_are_no_match(void **state)
{
	(void)state;
	put("t6", "{\"name\":\"abcd bcx\"}");
	assert_string_equal(find("abcx"), "");
	assert_string_equal(find("bcd"), "t6");
}

static void what_people_do_not_search_in_is_not_found(void **state)
{
	(void)state;
	assert_string_equal(find("甲"), "");
	assert_string_equal(find("data"), "");
}

static void limit_takes_the_best(void **state)
{
	struct rep_json *found;

	(void)state;
	expect_ok(rep_search_find(store, "刘敏", 1, &found, &err), &err);
	expect_json(found, "[[\"thing\",\"t1\"]]");
	rep_json_free(found);
}

static void index_follows_every_edit(void **state)
{
	(void)state;
	assert_string_equal(find("刘敏"), "t1 t2");
	sql("UPDATE thing SET name = '张三' WHERE id = 't1'");
	sql("INSERT INTO thing (id, name) VALUES ('t7', '刘敏')");
	sql("DELETE FROM thing WHERE id = 't2'");
	sql("UPDATE thing SET status = 'archived' WHERE id = 't3'");
	assert_string_equal(find("刘敏"), "t7");
	assert_string_equal(find("张三"), "t1");
	assert_string_equal(find("zs"), "t1");
	assert_string_equal(find("lmm"), "");
	assert_string_equal(find("smith"), "");
	sql("UPDATE thing SET status = 'active' WHERE id = 't3'");
	assert_string_equal(find("smith"), "t3");
	sql("INSERT OR REPLACE INTO thing (id, name) VALUES ('t3', '赵六')");
	assert_string_equal(find("smith"), "");
	assert_int_equal(sql_int("SELECT count(*) FROM _search_dirty"), 0);
	assert_int_equal(
		sql_int("SELECT count(*) FROM _gram WHERE doc NOT IN (SELECT doc FROM _search_doc)"),
		0);
}

static void tombstone_is_not_found(void **state)
{
	struct rep_record *dead = record("thing", "t1", "{\"name\":\"刘敏\"}");

	(void)state;
	assert_string_equal(find("刘敏"), "t1 t2");
	dead->deleted = json("{\"rep\":\"r009\",\"stamp\":\"" STAMP_B "\"}");
	view_row(dead, "data");
	rep_record_free(dead);
	assert_string_equal(find("刘敏"), "t2");
}

static void row_that_a_pull_removes_is_not_found(void **state)
{
	const struct rep_entity *thing = rep_schema_entity(store->schema, "thing");

	(void)state;
	assert_string_equal(find("刘敏"), "t1 t2");
	expect_ok(rep_db_begin(store->db, &err), &err);
	rep_db_triggers(store->db, false);
	expect_ok(rep_row_remove(store->db, thing, "t1", &err), &err);
	expect_ok(rep_db_commit(store->db, &err), &err);
	assert_string_equal(find("刘敏"), "t2");
}

static void edit_that_does_not_touch_texts_queues_nothing(void **state)
{
	(void)state;
	assert_string_equal(find("刘敏"), "t1 t2");
	sql("UPDATE thing SET size = 6");
	assert_int_equal(sql_int("SELECT count(*) FROM _search_dirty"), 0);
}

static void stock_client_can_edit_what_is_indexed(void **state)
{
	(void)state;
	assert_string_equal(find("刘敏"), "t1 t2");
	shell_sql(
		"UPDATE OR REPLACE thing SET name = '孙七' WHERE id = 't1'; UPDATE OR FAIL thing SET name = '孙七七' "
		"WHERE id = 't1';",
		true);
	assert_string_equal(find("孙七"), "t1");
}

static void another_schema_is_indexed_anew(void **state)
{
	struct rep_record *made;
	struct rep_json *extra = json("{\"open\":{\"fields\":{\"nick\":\"老王\"}}}");

	(void)state;
	made = record("thing", "t8", "{\"name\":\"aa\"}");
	expect_ok(rep_db_begin(store->db, &err), &err);
	expect_ok(rep_db_exec(store->db, "INSERT INTO _silent VALUES (1)", &err), &err);
	expect_ok(rep_row_put(store->db, made, extra, "data", &err), &err);
	expect_ok(rep_db_exec(store->db, "DELETE FROM _silent", &err), &err);
	expect_ok(rep_db_commit(store->db, &err), &err);
	rep_record_free(made);
	rep_json_free(extra);
	assert_string_equal(find("老王"), "");
	expect_ok(
		rep_replica_install_schema(
			store,
			small_schema(
				",{\"name\":\"nick\",\"type\":\"text\",\"label\":{\"zh\":\"x\",\"en\":\"x\"}}"),
			&err),
		&err);
	assert_string_equal(find("老王"), "t8");
}

static void read_only_replica_searches_what_is_indexed(void **state)
{
	(void)state;
	assert_string_equal(find("刘敏"), "t1 t2");
	sql("INSERT INTO thing (id, name) VALUES ('t7', '刘敏')");
	rep_replica_close(store);
	store = store_open(store_dir, true);
	assert_string_equal(find("刘敏"), "t1 t2");
}

static void grams_are_sorted_and_unique(void **state)
{
	struct rep_grams grams;

	(void)state;
	assert_true(rep_grams_make(&grams, "刘敏 aab\xf0\xa0\x80\x80"));
	const char *const expected[] = {"aa",   "ab", "b\xf0\xa0\x80\x80", "刘",
					"刘敏", "敏", "\xf0\xa0\x80\x80"};
	assert_int_equal(grams.len, 7);
	for (size_t i = 0; i < 7; i++)
		assert_string_equal(grams.grams[i], expected[i]);
	rep_grams_clear(&grams);
	assert_true(rep_grams_make(&grams, ""));
	assert_int_equal(grams.len, 0);
	rep_grams_clear(&grams);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(two_characters_find_a_name),
		CASE(one_character_finds_a_surname),
		CASE(part_of_a_number_is_found),
		CASE(case_and_width_do_not_matter),
		CASE(traditional_and_simplified_are_one),
		CASE(initials_in_pinyin_find_a_name),
		CASE(every_word_must_be_there),
		CASE(grams_of_two_places_are_no_match),
		CASE(what_people_do_not_search_in_is_not_found),
		CASE(limit_takes_the_best),
		CASE(index_follows_every_edit),
		CASE(tombstone_is_not_found),
		CASE(row_that_a_pull_removes_is_not_found),
		CASE(edit_that_does_not_touch_texts_queues_nothing),
		CASE(stock_client_can_edit_what_is_indexed),
		CASE(another_schema_is_indexed_anew),
		CASE(read_only_replica_searches_what_is_indexed),
		cmocka_unit_test(grams_are_sorted_and_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
