/* What `verify` finds in a replica that somebody changed. */
#include <stdio.h>

#include "core/store/capture.h"
#include "help_world.h"
#include "sync/device/device_work.h"

static void a_value_changed_behind_the_triggers_is_found(void **state)
{
	struct two two;
	struct rep_json *out;
	const struct rep_json *problem;
	struct rep_error err;

	two_make(&two, state, "flipped");
	expect_verified(two.li);
	expect_ok(rep_db_begin(two.li->db, &err), &err);
	expect_ok(rep_capture_silence(two.li->db, true, &err), &err);
	expect_ok(rep_db_exec(two.li->db,
			      "UPDATE contact SET best_time = '周五' WHERE id = '" CHEN "'", &err),
		  &err);
	expect_ok(rep_capture_silence(two.li->db, false, &err), &err);
	expect_ok(rep_db_commit(two.li->db, &err), &err);
	expect_code(rep_device_verify(two.li, &out, &err), REP_EINTEGRITY, &err, CHEN);
	assert_false(rep_json_get_bool(out, "ok"));
	problem = rep_json_at(rep_json_get(out, "problems"), 0);
	assert_non_null(strstr(rep_json_get_string(problem, "where"), CHEN ".json"));
	rep_json_free(out);
	two_close(&two);
}

static void a_row_that_no_view_brought_is_found(void **state)
{
	struct two two;
	struct rep_json *out;
	struct rep_error err;

	two_make(&two, state, "smuggled");
	expect_ok(rep_db_begin(two.li->db, &err), &err);
	expect_ok(rep_capture_silence(two.li->db, true, &err), &err);
	expect_ok(rep_db_exec(two.li->db,
			      "INSERT INTO contact(id, name, kind, _partition, _created, "
			      "_created_rep, _stamps) SELECT 'C-9999', name, kind, _partition, "
			      "_created, _created_rep, _stamps FROM contact WHERE id = '" CHEN "'",
			      &err),
		  &err);
	expect_ok(rep_capture_silence(two.li->db, false, &err), &err);
	expect_ok(rep_db_commit(two.li->db, &err), &err);
	expect_code(rep_device_verify(two.li, &out, &err), REP_EINTEGRITY, &err, "C-9999");
	rep_json_free(out);
	two_close(&two);
}

static void expect_problem(struct rep_replica *replica, const char *part)
{
	struct rep_json *out;
	struct rep_error err;

	expect_code(rep_device_verify(replica, &out, &err), REP_EINTEGRITY, &err, part);
	rep_json_free(out);
}

static void a_trigger_that_is_gone_or_foreign_is_found(void **state)
{
	struct two two;
	struct rep_error err;
	char sql[200];

	two_make(&two, state, "triggers");
	snprintf(sql, sizeof sql, "%s",
		 "CREATE TRIGGER mine AFTER UPDATE ON contact BEGIN SELECT 1; END");
	expect_ok(rep_db_exec(two.li->db, sql, &err), &err);
	expect_problem(two.li, "trigger mine");
	expect_ok(rep_db_exec(two.li->db, "DROP TRIGGER mine", &err), &err);
	expect_verified(two.li);
	expect_ok(rep_db_exec(two.li->db, "DROP TRIGGER _journal__update", &err), &err);
	expect_problem(two.li, "_journal__update is missing");
	two_close(&two);
}

static void what_the_file_keeps_of_the_view_is_compared_with_it(void **state)
{
	struct two two;
	struct rep_error err;

	two_make(&two, state, "kept");
	expect_ok(rep_meta_set(two.li->db, REP_META_ROLE, "hq", &err), &err);
	expect_problem(two.li, "role");
	expect_ok(rep_meta_set(two.li->db, REP_META_ROLE, "rep", &err), &err);
	expect_verified(two.li);
	expect_ok(rep_db_exec(two.li->db,
			      "UPDATE _schema SET data = CAST(replace(CAST(data AS TEXT), "
			      "'Contact', 'Kontact') AS BLOB) WHERE path = 'entities/contact.json'",
			      &err),
		  &err);
	expect_problem(two.li, "entities/contact.json");
	two_close(&two);
}

static void a_damaged_pack_of_the_clone_is_found(void **state)
{
	struct two two;
	struct rep_error err;

	two_make(&two, state, "pack");
	expect_ok(rep_db_exec(two.li->db,
			      "UPDATE _clone SET data = CAST(substr(data, 1, 60) || x'00' || "
			      "substr(data, 62) AS BLOB) WHERE name LIKE '%.pack' AND piece = 0",
			      &err),
		  &err);
	expect_problem(two.li, ".pack is damaged");
	two_close(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_changed_behind_the_triggers_is_found),
		cmocka_unit_test(a_row_that_no_view_brought_is_found),
		cmocka_unit_test(a_trigger_that_is_gone_or_foreign_is_found),
		cmocka_unit_test(what_the_file_keeps_of_the_view_is_compared_with_it),
		cmocka_unit_test(a_damaged_pack_of_the_clone_is_found),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
