#include "help.h"

#include "core/model/schema.h"

static void the_pharmaceutical_schema_loads(void **state)
{
	struct rep_schema *schema;
	struct rep_error err = {0};

	(void)state;
	expect_ok(rep_schema_load_dir(&schema, source_path("schema"), &err), &err);
	assert_string_equal(schema->id, "pharma/1");
	assert_int_equal(schema->entities_len, 10 + 7);
	rep_schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pharmaceutical_schema_loads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
