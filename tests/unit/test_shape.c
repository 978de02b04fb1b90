/* The tables and triggers that a replica's file must have. */
#include "help_store.h"

#include "core/store/shape.h"

static void what_a_schema_makes_is_found_again(void **state)
{
	(void)state;
	expect_ok(rep_shape_check(store, &err), &err);
}

static void a_trigger_that_is_gone_or_another_is_named(void **state)
{
	(void)state;
	expect_ok(rep_db_exec(store->db, "DROP TRIGGER thing__after_old", &err), &err);
	expect_code(rep_shape_check(store, &err), REP_EINTEGRITY, &err, "thing__after_old");
	expect_ok(rep_db_exec(store->db,
			      "CREATE TRIGGER thing__after_old AFTER INSERT ON thing BEGIN "
			      "SELECT 1; END",
			      &err),
		  &err);
	expect_code(rep_shape_check(store, &err), REP_EINTEGRITY, &err, "thing__after_old");
}

static void replica_of_an_older_program_gets_todays_triggers_and_keeps_its_edits(void **state)
{
	(void)state;
	sql("INSERT INTO thing (id, name) VALUES ('t1', '旧的')");
	expect_ok(
		rep_db_exec(store->db,
			    "DELETE FROM _meta WHERE key = 'shape'; DROP TRIGGER thing__after_old",
			    &err),
		&err);
	rep_replica_close(store);
	store = store_open(store_dir, true);
	expect_code(rep_shape_check(store, &err), REP_EINTEGRITY, &err, "of another version");
	rep_replica_close(store);
	store = store_open(store_dir, false);
	expect_ok(rep_shape_check(store, &err), &err);
	assert_int_equal(sql_int("SELECT count(*) FROM _pending WHERE id = 't1'"), 1);
	sql("INSERT OR REPLACE INTO thing (id, name) VALUES ('t1', '新的')");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending WHERE id = 't1'"), 2);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_a_schema_makes_is_found_again),
		CASE(a_trigger_that_is_gone_or_another_is_named),
		CASE(replica_of_an_older_program_gets_todays_triggers_and_keeps_its_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
