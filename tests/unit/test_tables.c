#include "help_store.h"

#include <stdio.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/store/capture.h"
#include "core/store/tables.h"

#define EVERYTHING                                                                                \
	"{\"name\":\"王 敏\",\"ext\":\"\",\"phone\":\"13800002222\",\"size\":5,\"total\":-3,"   \
	"\"good\":false,\"day\":\"2026-03-16\",\"moment\":\"2026-03-16T01:10:00.000Z\","          \
	"\"rate\":\"1.50\",\"kind\":\"it's\",\"phones\":[\"13900001111\",\"a\\\"b\"],"            \
	"\"tags\":[\"a\",\"c\"],\"notes\":[{\"at\":\"2026-03-02T01:00:00.000Z\",\"by\":\"r009\"," \
	"\"entry\":\"" STAMP_A "\",\"text\":\"一\"}],\"scores\":{\"a\":1,\"b\":-2},"             \
	"\"place\":\"p.1\",\"more\":{\"a\":[1,null,true,\"x\"]},\"street\":\"长安街\","        \
	"\"city\":\"北京\",\"status\":\"inactive\"}"

static struct rep_record *everything(const char *id)
{
	struct rep_record *made = record("thing", id, EVERYTHING);

	assert_true(rep_json_set_string(made->stamps, "size", STAMP_B));
	assert_true(rep_json_set_string(made->stamps, "street", STAMP_C));
	rep_record_put_element_stamp(made, "phones", "\"13800002222\"", STAMP_B);
	rep_record_put_element_stamp(made, "tags", "\"b\"", STAMP_A);
	rep_record_put_element_stamp(made, "scores", "b", STAMP_C);
	rep_record_put_source(made, "name", "csv");
	rep_record_flag(made, "out-of-territory");
	rep_record_flag(made, "clock-ahead");
	return made;
}

/* Main file and twin of a record, one after the other. */
static void write_files(struct rep_buf *out, const struct rep_record *made,
			const struct rep_json *extra)
{
	static const char *const classes[] = {"open", "secret"};

	for (size_t i = 0; i < 2; i++)
		if (!rep_record_write_extra(out, made, extra, classes[i]))
			rep_buf_puts(out, "(no twin)");
	expect_ok(rep_buf_check(out, "files", &err), &err);
}

static void expect_same_files(const struct rep_record *made, const char *id)
{
	struct rep_buf before = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_buf after = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_record *got;

	expect_ok(rep_row_get(store->db, made->entity, id, &got, &err), &err);
	assert_non_null(got);
	write_files(&before, made, NULL);
	write_files(&after, got, NULL);
	assert_string_equal(rep_buf_str(&before), rep_buf_str(&after));
	assert_string_equal(got->partition, made->partition);
	rep_record_free(got);
	rep_buf_clear(&before);
	rep_buf_clear(&after);
}

static void row_gives_the_same_files_back(void **state)
{
	struct rep_record *made = everything("t1");

	(void)state;
	view_row(made, "data");
	expect_same_files(made, "t1");
	view_row(made, "linked");
	expect_same_files(made, "t1");
	assert_int_equal(sql_int("SELECT count(*) FROM thing"), 1);
	rep_record_free(made);
}

static void empty_record_gives_the_same_files_back(void **state)
{
	struct rep_record *made = record("thing", "t1", "{}");

	(void)state;
	view_row(made, "data");
	expect_same_files(made, "t1");
	assert_string_equal(sql_text("SELECT status || phones || scores FROM thing"), "active[]{}");
	rep_record_free(made);
}

static void tombstone_gives_the_same_files_back(void **state)
{
	struct rep_record *made = everything("t1");

	(void)state;
	made->deleted = json("{\"merged_into\":\"t2\",\"rep\":\"r009\",\"stamp\":\"" STAMP_B "\"}");
	view_row(made, "data");
	expect_same_files(made, "t1");
	rep_record_free(made);
}

static void review_item_gives_the_same_files_back(void **state)
{
	struct rep_record *made = record(
		"conflict", "01900000-0000-5000-8000-000000000001",
		"{\"entity\":\"thing\",\"field\":\"street\",\"record\":\"t1\",\"rivals\":[{\"value\":"
		"{\"a\":[1]}}],\"state\":\"open\"}");

	(void)state;
	made->twin = strdup("secret");
	view_row(made, "data");
	expect_same_files(made, made->id);
	assert_string_equal(
		sql_text("SELECT kind || entity || record || field || state FROM _review"),
		"conflictthingt1streetopen");
	rep_record_free(made);
}

static void device_and_role_lie_in_tables_of_their_own(void **state)
{
	struct rep_record *made =
		record("device", OTHER_DEVICE, "{\"rep\":\"r009\",\"state\":\"active\"}");

	(void)state;
	view_row(made, "data");
	expect_same_files(made, OTHER_DEVICE);
	assert_string_equal(sql_text("SELECT rep FROM _device"), "r009");
	rep_record_free(made);
}

static void value_that_its_column_cannot_hold_is_kept(void **state)
{
	struct rep_record *made =
		record("thing", "t1", "{\"name\":5,\"size\":\"five\",\"tags\":\"a\",\"good\":3}");
	struct rep_json *extra = json("{\"open\":{\"fields\":{\"later\":1},\"stamps\":{}}}");
	struct rep_json *got;

	(void)state;
	expect_ok(rep_db_begin(store->db, &err), &err);
	expect_ok(rep_capture_silence(store->db, true, &err), &err);
	expect_ok(rep_row_put(store->db, made, extra, "data", &err), &err);
	expect_ok(rep_capture_silence(store->db, false, &err), &err);
	expect_ok(rep_db_commit(store->db, &err), &err);
	expect_same_files(made, "t1");
	expect_ok(rep_row_extra(store->db, made->entity, "t1", &got, &err), &err);
	assert_true(rep_json_equal(got, extra));
	rep_json_free(got);
	rep_json_free(extra);
	rep_record_free(made);
}

static void newer_schema_takes_over_what_waited_in_extra(void **state)
{
	struct rep_record *made = everything("t1");
	struct rep_json *extra = json(
		"{\"open\":{\"fields\":{\"colour\":\"红\",\"later\":1},\"stamps\":{\"colour\":\"" STAMP_C
		"\"}}}");
	struct rep_buf before = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_buf after = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_record *got;
	struct rep_json *rest;

	(void)state;
	write_files(&before, made, extra);
	expect_ok(rep_db_begin(store->db, &err), &err);
	expect_ok(rep_capture_silence(store->db, true, &err), &err);
	expect_ok(rep_row_put(store->db, made, extra, "linked", &err), &err);
	expect_ok(rep_capture_silence(store->db, false, &err), &err);
	expect_ok(rep_db_commit(store->db, &err), &err);
	rep_record_free(made);
	expect_ok(
		rep_replica_install_schema(
			store,
			small_schema(
				",{\"name\":\"colour\",\"type\":\"text\",\"label\":{\"zh\":\"x\",\"en\":"
				"\"x\"}},{\"name\":\"more_tags\",\"type\":\"set\",\"of\":\"text\",\"rule\":\"set\","
				"\"label\":{\"zh\":\"x\",\"en\":\"x\"}}"),
			&err),
		&err);
	assert_string_equal(sql_text("SELECT colour || more_tags || _place FROM thing"),
			    "红[]linked");
	expect_ok(rep_row_get(store->db, entity("thing"), "t1", &got, &err), &err);
	expect_ok(rep_row_extra(store->db, entity("thing"), "t1", &rest, &err), &err);
	expect_json(rest, "{\"open\":{\"fields\":{\"later\":1}}}");
	write_files(&after, got, rest);
	assert_string_equal(rep_buf_str(&before), rep_buf_str(&after));
	rep_json_free(rest);
	rep_json_free(extra);
	rep_record_free(got);
	rep_buf_clear(&before);
	rep_buf_clear(&after);
	sql("UPDATE thing SET colour = '蓝'");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 1);
	assert_string_equal(sql_text("SELECT value FROM _meta WHERE key = 'schema'"), "small/2");
	store_reopen();
	assert_int_equal(store->schema->version, 2);
}

static void text_of_any_client_reads_as_what_can_be_signed(void **state)
{
	struct rep_record *got;

	(void)state;
	sql("INSERT INTO thing (id, name, ext, phones, more) VALUES ('t1', 'ab', CAST(x'61ff0062' AS TEXT), "
	    "'[\"e\xcc\x81\"]', '[ {\"b\":1, \"a\":[2]} ]')");
	expect_ok(rep_row_get(store->db, entity("thing"), "t1", &got, &err), &err);
	expect_json(rep_json_get(got->fields, "ext"), "\"a\xef\xbf\xbd\xef\xbf\xbd"
						      "b\"");
	expect_json(rep_json_get(got->fields, "phones"), "[\"\xc3\xa9\"]");
	expect_json(rep_json_get(got->fields, "more"), "[{\"a\":[2],\"b\":1}]");
	rep_record_free(got);
	sql("UPDATE thing SET more = '[[[[[[[[1]]]]]]]]'");
	expect_ok(rep_row_get(store->db, entity("thing"), "t1", &got, &err), &err);
	expect_json(rep_json_get(got->fields, "more"), "\"[[[[[[[[1]]]]]]]]\"");
	rep_record_free(got);
}

static void views_show_live_rows_and_read_through_aliases(void **state)
{
	struct rep_record *made;

	(void)state;
	made = record("place", "p.1", "{\"name\":\"旧\"}");
	made->deleted =
		json("{\"merged_into\":\"p.2\",\"rep\":\"r009\",\"stamp\":\"" STAMP_B "\"}");
	view_row(made, "data");
	rep_record_free(made);
	made = everything("t1");
	view_row(made, "data");
	rep_record_free(made);
	made = record("thing", "t2",
		      "{\"name\":\"归档\",\"status\":\"archived\",\"tags\":[\"a\"]}");
	view_row(made, "data");
	rep_record_free(made);
	assert_string_equal(sql_text("SELECT group_concat(id) FROM v_thing"), "t1");
	assert_string_equal(sql_text("SELECT place FROM v_thing"), "p.2");
	assert_string_equal(sql_text("SELECT place FROM thing WHERE id = 't1'"), "p.1");
	assert_string_equal(sql_text("SELECT group_concat(id || value) FROM v_thing__tags"),
			    "t1a,t1c");
	assert_int_equal(sql_int("SELECT count(*) FROM v_place"), 0);
	assert_string_equal(sql_text("SELECT created_at || created_by FROM v_thing"),
			    "2026-03-02T01:00:00.000Zr009");
}

static enum rep_code collect(void *user, struct rep_record *got, struct rep_error *error)
{
	char *text = user;

	(void)error;
	strcat(text, got->id);
	return strcmp(got->id, "t8") == 0 ? rep_fail(error, REP_ELIMIT, "enough") : REP_OK;
}

static void walk_is_in_order_of_ids_and_stops_at_an_error(void **state)
{
	char seen[64] = "";

	(void)state;
	sql("INSERT INTO thing (id, name, size) VALUES ('t9', 'aa', 1), ('t8', 'bb', 2), ('t7', 'cc', 3)");
	expect_ok(rep_row_each(store->db, entity("thing"), "size <> 2", collect, seen, &err), &err);
	assert_string_equal(seen, "t7t9");
	expect_code(rep_row_each(store->db, entity("thing"), NULL, collect, seen, &err), REP_ELIMIT,
		    &err, "enough");
	assert_string_equal(seen, "t7t9t7t8");
}

static void absent_row_is_no_error(void **state)
{
	struct rep_buf partition = REP_BUF_INIT(100);
	struct rep_record *got = (void *)1;

	(void)state;
	expect_ok(rep_row_get(store->db, entity("thing"), "none", &got, &err), &err);
	assert_null(got);
	expect_ok(rep_row_partition(store->db, entity("thing"), "none", &partition, &err), &err);
	assert_int_equal(partition.len, 0);
	expect_ok(rep_row_remove(store->db, entity("thing"), "none", &err), &err);
}

static void replica_keeps_who_it_is(void **state)
{
	struct rep_key key = store->key;
	char *text;

	(void)state;
	store_reopen();
	assert_string_equal(store->device, TEST_DEVICE);
	assert_string_equal(store->rep, TEST_REP);
	assert_memory_equal(&key, &store->key, sizeof key);
	assert_string_equal(store->schema->id, "small/1");
	expect_ok(rep_meta_set(store->db, "x", "甲", &err), &err);
	expect_ok(rep_meta_set_int(store->db, "n", -5, &err), &err);
	store_reopen();
	expect_ok(rep_meta_get(store->db, "x", &text, &err), &err);
	assert_string_equal(text, "甲");
	free(text);
	int64_t n;
	expect_ok(rep_meta_get_int(store->db, "n", &n, &err), &err);
	assert_int_equal(n, -5);
	expect_ok(rep_meta_set(store->db, "x", NULL, &err), &err);
	expect_ok(rep_meta_get(store->db, "x", &text, &err), &err);
	assert_null(text);
}

static void second_replica_in_one_folder_is_refused(void **state)
{
	(void)state;
	expect_code(rep_replica_create(store_dir,
				       &(struct rep_replica_identity){.device = TEST_DEVICE,
								      .rep = "",
								      .key = &store->key},
				       &err),
		    REP_EEXIST, &err, "already");
	store_reopen();
	assert_string_equal(store->rep, TEST_REP);
}

static void file_that_others_can_read_is_refused(void **state)
{
	struct rep_replica *other;
	char path[4096];

	(void)state;
	snprintf(path, sizeof path, "%s/" REP_REPLICA_FILE, store_dir);
	assert_int_equal(chmod(path, 0640), 0);
	expect_code(rep_replica_open(&other, store_dir, false, &err), REP_EREFUSED, &err,
		    "mode 640");
	assert_non_null(strstr(err.hint, "chmod 600"));
	assert_int_equal(chmod(path, 0600), 0);
}

static void half_made_replica_is_none_and_can_be_made_again(void **state)
{
	struct rep_replica *other;
	char dir[4096];
	char path[4200];

	(void)state;
	snprintf(dir, sizeof dir, "%s/half", store_dir);
	expect_code(rep_replica_open(&other, dir, false, &err), REP_ENOTFOUND, &err, "no replica");
	expect_ok(rep_dir_make(dir, 0700, &err), &err);
	snprintf(path, sizeof path, "%s/" REP_REPLICA_FILE, dir);
	expect_ok(rep_file_write(path, "", 0, 0600, &err), &err);
	expect_code(rep_replica_open(&other, dir, false, &err), REP_ENOTFOUND, &err,
		    "not finished");
	expect_ok(rep_replica_create(dir,
				     &(struct rep_replica_identity){
					     .device = OTHER_DEVICE, .rep = "", .key = &store->key},
				     &err),
		  &err);
	expect_ok(rep_replica_open(&other, dir, true, &err), &err);
	assert_null(other->schema);
	rep_replica_close(other);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(row_gives_the_same_files_back),
		CASE(empty_record_gives_the_same_files_back),
		CASE(tombstone_gives_the_same_files_back),
		CASE(review_item_gives_the_same_files_back),
		CASE(device_and_role_lie_in_tables_of_their_own),
		CASE(value_that_its_column_cannot_hold_is_kept),
		CASE(newer_schema_takes_over_what_waited_in_extra),
		CASE(text_of_any_client_reads_as_what_can_be_signed),
		CASE(views_show_live_rows_and_read_through_aliases),
		CASE(walk_is_in_order_of_ids_and_stops_at_an_error),
		CASE(absent_row_is_no_error),
		CASE(replica_keeps_who_it_is),
		CASE(second_replica_in_one_folder_is_refused),
		CASE(file_that_others_can_read_is_refused),
		CASE(half_made_replica_is_none_and_can_be_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
