/* What base and model do when memory runs out: nomem.h. */
#include "help.h"

#include <stdlib.h>
#include <unistd.h>

#include "help_changeset.h"
#include "help_schema.h"
#include "unit/nomem.h"

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/model/signed.h"
#include "core/model/value.h"
#include "core/store/csv.h"

static enum rep_code try_buffer(struct rep_error *err)
{
	struct rep_buf buf = REP_BUF_INIT(10000);
	enum rep_code rc;

	for (int i = 0; i < 1000; i++)
		rep_buf_printf(&buf, "%d,", i);
	rc = rep_buf_check(&buf, "numbers", err);
	assert_int_equal(rc == REP_OK, buf.len == 3890);
	rep_buf_clear(&buf);
	return rc;
}

static void a_buffer_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_buffer) > 3);
}

static enum rep_code try_form(struct rep_error *err)
{
	struct rep_buf buf = REP_BUF_INIT(100);
	enum rep_code rc =
		rep_text_form_put(&buf, "\xEF\xBC\xA1\xEF\xBC\x91", 6, REP_TEXT_NFKC, err);

	rep_buf_clear(&buf);
	return rc;
}

static void normalising_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_form) > 1);
}

static enum rep_code try_parse(struct rep_error *err)
{
	static const char text[] =
		"{\"a\":[1,-20,true,null,\"\\n\"],\"b\":{\"c\":\"王敏\",\"d\":[\"\xEA\xB0\x80\"]}}";
	struct rep_json *value;
	enum rep_code rc = rep_json_parse_canonical(&value, text, sizeof text - 1, 8, err);

	assert_int_equal(rc == REP_OK, value != NULL);
	rep_json_free(value);
	return rc;
}

static void parsing_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_parse) > 10);
}

static enum rep_code try_build(struct rep_error *err)
{
	struct rep_json *object = rep_json_object(), *array = rep_json_array();
	bool ok = rep_json_append(array, rep_json_string("x"));
	char *text;

	ok = rep_json_append(array, rep_json_integer(1)) && ok;
	ok = rep_json_set(object, "array", array) && ok;
	for (char key[] = "a"; key[0] <= 'z'; key[0]++)
		ok = rep_json_set_integer(object, key, key[0]) && ok;
	text = ok ? rep_json_text(object) : NULL;
	rep_json_free(object);
	if (!text)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	assert_non_null(strstr(text, "\"array\":[\"x\",1]"));
	free(text);
	return REP_OK;
}

static void building_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_build) > 30);
}

static struct rep_buf good; /* a change set, made while memory is plenty */
static struct rep_changeset set;

static int make_set(void **state)
{
	const char *line = "{\"reason\":\"r\",\"salt\":\"" CRAFT_SALT
			   "\",\"values\":{\"name\":{\"new\":\"王敏\"}}}";
	struct rep_json *skeleton = craft_skeleton("insert", line);
	struct rep_error err;
	size_t used;

	(void)state;
	good = REP_BUF_INIT(10000);
	craft_set(&good, skeleton, line);
	rep_json_free(skeleton);
	expect_ok(rep_changeset_read(&set, &used, good.data, good.len, craft_key()->public, &err),
		  &err);
	return 0;
}

static int drop_set(void **state)
{
	(void)state;
	rep_changeset_clear(&set);
	rep_buf_clear(&good);
	return 0;
}

static enum rep_code try_read(struct rep_error *err)
{
	struct rep_changeset read;
	size_t used;
	enum rep_code rc =
		rep_changeset_read(&read, &used, good.data, good.len, craft_key()->public, err);

	rep_changeset_clear(&read);
	return rc;
}

static void reading_a_change_set_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_read) > 40);
}

static enum rep_code try_seal(struct rep_error *err)
{
	struct rep_buf out = REP_BUF_INIT(10000);
	enum rep_code rc = rep_changeset_seal(&out, &set, craft_key(), err);

	if (rc == REP_OK) {
		assert_int_equal(out.len, good.len);
		assert_memory_equal(out.data, good.data, good.len);
	}
	rep_buf_clear(&out);
	return rc;
}

static void sealing_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_seal) > 40);
}

static enum rep_code try_signed(struct rep_error *err)
{
	struct rep_buf out = REP_BUF_INIT(10000);
	struct rep_json *document = NULL, *again = NULL;
	enum rep_code rc =
		rep_json_parse(&document, "{\"format\":1,\"type\":\"t\"}", 23, 100, 8, err);

	if (rc == REP_OK)
		rc = rep_signed_write(&out, document, craft_key(), err);
	if (rc == REP_OK)
		rc = rep_signed_read(&again, out.data, out.len, "t", craft_key()->public, err);
	rep_json_free(document);
	rep_json_free(again);
	rep_buf_clear(&out);
	return rc;
}

static void signed_documents_tell_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_signed) > 20);
}

static enum rep_code load_right(struct rep_schema **out, struct rep_error *err)
{
	struct rep_schema_files files = {0};
	const struct right_file *right;
	enum rep_code rc = REP_OK;
	size_t len = right_files(&right);

	*out = NULL;
	for (size_t i = 0; rc == REP_OK && i < len; i++)
		rc = rep_schema_files_add(&files, right[i].path, right[i].text,
					  strlen(right[i].text), err);
	if (rc == REP_OK)
		return rep_schema_load(out, &files, err);
	rep_schema_files_clear(&files);
	return rc;
}

static enum rep_code try_schema(struct rep_error *err)
{
	struct rep_schema *schema;
	enum rep_code rc = load_right(&schema, err);

	assert_int_equal(rc == REP_OK, schema != NULL);
	rep_schema_free(schema);
	return rc;
}

static void loading_a_schema_tells_of_it(void **state)
{
	long tried;

	(void)state;
	only_own = true;
	tried = sweep(try_schema);
	only_own = false;
	assert_true(tried > 80);
}

static struct rep_schema *schema; /* loaded while memory is plenty */

static int load_schema(void **state)
{
	struct rep_error err;

	(void)state;
	expect_ok(load_right(&schema, &err), &err);
	return 0;
}

static int drop_schema(void **state)
{
	(void)state;
	rep_schema_free(schema);
	return 0;
}

static enum rep_code try_value(struct rep_error *err)
{
	const struct rep_field *tags = rep_entity_field(rep_schema_entity(schema, "shop"), "tags");
	struct rep_json *value;
	enum rep_code rc = rep_value_read(&value, tags, "b、a，c", err);

	assert_int_equal(rc == REP_OK, value != NULL);
	if (rc == REP_OK)
		assert_int_equal(rep_json_size(value), 3);
	rep_json_free(value);
	return rc;
}

static void reading_a_value_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_value) > 20);
}

static char csv_path[] = "/tmp/repsync-nomem-XXXXXX";

/* A cell that has to be put into NFC: it is that, or nothing is said of it. */
static enum rep_code try_csv(struct rep_error *err)
{
	struct rep_csv_record record;
	struct rep_csv *csv;
	bool more = true;
	enum rep_code rc = rep_csv_open(&csv, csv_path, NULL, err);

	for (int i = 0; rc == REP_OK && i < 2; i++)
		rc = rep_csv_next(csv, &record, &more, err);
	if (rc == REP_OK) {
		assert_null(record.problem);
		assert_string_equal(record.cells[0], "caf\xc3\xa9");
	}
	rep_csv_close(csv);
	return rc;
}

static void reading_csv_tells_of_it(void **state)
{
	int fd = mkstemp(csv_path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "name\ncafe\xcc\x81\n", 12), 12);
	close(fd);
	assert_true(sweep(try_csv) > 5);
	unlink(csv_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_tells_of_it),
		cmocka_unit_test(normalising_tells_of_it),
		cmocka_unit_test(parsing_tells_of_it),
		cmocka_unit_test(building_tells_of_it),
		cmocka_unit_test_setup_teardown(reading_a_change_set_tells_of_it, make_set,
						drop_set),
		cmocka_unit_test_setup_teardown(sealing_tells_of_it, make_set, drop_set),
		cmocka_unit_test_setup_teardown(signed_documents_tell_of_it, make_set, drop_set),
		cmocka_unit_test(loading_a_schema_tells_of_it),
		cmocka_unit_test_setup_teardown(reading_a_value_tells_of_it, load_schema,
						drop_schema),
		cmocka_unit_test(reading_csv_tells_of_it),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
