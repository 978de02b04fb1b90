/* What a change set must look like, in line 1 and in its value lines: anything else is refused, by name. */
#include "help.h"
#include "help_changeset.h"

#include <stdio.h>

#include "core/base/limits.h"

static const char good_line[] = "{\"salt\":\"" CRAFT_SALT "\",\"values\":{}}";

/* Expects the good skeleton after `change` to be refused with `part`. */
static void expect_skeleton(const struct rep_json *skeleton, enum rep_code code, const char *part)
{
	struct rep_buf bytes = REP_BUF_INIT(4 << 20);
	struct rep_error err;

	craft_set(&bytes, skeleton, good_line);
	if (code == REP_OK)
		expect_ok(craft_read(&bytes, &err), &err);
	else
		expect_code(craft_read(&bytes, &err), code, &err, part);
	rep_buf_clear(&bytes);
}

/* The object of the skeleton that `where` names: 0 itself, 1 its base, 2 its change. */
static struct rep_json *object_at(struct rep_json *skeleton, int where)
{
	if (where == 1)
		return rep_json_get(skeleton, "base");
	return where == 2 ? rep_json_at(rep_json_get(skeleton, "changes"), 0) : skeleton;
}

static void each_key_is_needed_of_its_type_and_no_other_is_known(void **state)
{
	struct rep_json *good = craft_skeleton("insert", good_line);

	(void)state;
	expect_skeleton(good, REP_OK, NULL);
	for (int where = 0; where < 3; where++) {
		struct rep_json *object = object_at(good, where);

		for (void *it = rep_json_iter(object); it; it = rep_json_iter_next(object, it)) {
			const char *key = rep_json_iter_key(it);
			bool is_text = rep_json_string_value(rep_json_iter_value(it)) != NULL;
			struct rep_json *bad = rep_json_dup(good);

			rep_json_del(object_at(bad, where), key);
			expect_skeleton(bad, REP_EINVAL, key);
			assert_true(rep_json_set(object_at(bad, where), key, rep_json_null()));
			expect_skeleton(bad, REP_EINVAL, key);
			assert_true(
				rep_json_set(object_at(bad, where), key,
					     is_text ? rep_json_integer(1) : rep_json_string("1")));
			expect_skeleton(bad, REP_EINVAL, key);
			rep_json_free(bad);
		}
		{
			struct rep_json *bad = rep_json_dup(good);

			assert_true(rep_json_set_integer(object_at(bad, where), "more", 1));
			expect_skeleton(bad, REP_EINVAL, "unknown key");
			rep_json_free(bad);
		}
	}
	rep_json_free(good);
}

static void wrong_text_is_refused_by_the_name_of_its_key(void **state)
{
	static const struct {
		int where;
		const char *key;
		const char *text;
	} cases[] = {
		{0, "type", "view"},
		{0, "device", ""},
		{0, "device", "d7k3f9q"},
		{0, "device", "D7K3F9QM"},
		{0, "device", "d7k3f9qn"}, /* not the one of its stamps */
		{0, "rep", ""},
		{0, "rep", ".."},
		{0, "rep", "a/b"},
		{0, "schema", "pharma"},
		{0, "schema", "pharma/"},
		{0, "schema", "pharma/0"},
		{0, "schema", "pharma/01"},
		{0, "schema", "pharma/1x"},
		{0, "schema", "pharma/1/2"},
		{0, "schema", "Pharma/1"},
		{0, "schema", "/1"},
		{0, "schema", "pharma/1234567890"},
		{0, "sealed", "2026-11-21T02:15:00Z"},
		{0, "sealed", "2026-11-21T10:15:00.000+08:00"},
		{0, "sealed", "10000-01-01T00:00:00.000Z"},
		{0, "sealed", "1969-12-31T23:59:59.999Z"},
		{0, "prev", ""},
		{0, "prev", "000000000000000000000000000000000000000000000000000000000000000"},
		{0, "prev", "0000000000000000000000000000000000000000000000000000000000000001"},
		{0, "prev", "000000000000000000000000000000000000000000000000000000000000000A"},
		{0, "prev", "000000000000000000000000000000000000000000000000000000000000000g"},
		{2, "digest", ""},
		{2, "digest", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"},
		{2, "entity", "Contact"},
		{2, "entity", "con-tact"},
		{2, "entity", ""},
		{2, "entity", "contact\"; drop table contact; --"},
		{2, "entity", "con\xE2\x80\xAEtact"}, /* the other way round from here */
		{2, "entity", "contact\x1B[2J"},
		{2, "entity", "a2345678901234567890123456789012345678901"},
		{2, "id", "../../etc"},
		{2, "id", ""},
		{2, "id", "C-1'); drop table contact; --"},
		{2, "id", "C-1\xE2\x80\xAE"},
		{2, "id", "C-1\n"},
		{2, "id", "a."},
		{2, "op", "upsert"},
		{2, "op", "Insert"},
		{2, "op", ""},
		{2, "stamp", "2026-11-21T02:14:05.123Z-00f2@d7k3f9qn"},
		{2, "stamp", "2026-11-21T02:14:05.123Z-00F2@d7k3f9qm"},
		{2, "stamp", "2026-02-30T02:14:05.123Z-00f2@d7k3f9qm"},
		{2, "stamp", "*"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_json *skeleton = craft_skeleton("insert", good_line);
		const char *part = strcmp(cases[i].text, "d7k3f9qn") ? cases[i].key : "stamp";

		assert_true(rep_json_set_string(object_at(skeleton, cases[i].where), cases[i].key,
						cases[i].text));
		expect_skeleton(skeleton, REP_EINVAL, part);
		rep_json_free(skeleton);
	}
}

/* Puts `text` in the place of seq's "1" in line 1. */
static enum rep_code read_with_seq(const char *text, const char *prev, struct rep_error *err)
{
	struct rep_json *skeleton = craft_skeleton("insert", good_line);
	struct rep_buf bytes = REP_BUF_INIT(10000);
	const char *const line = good_line;
	char line1[4096], *whole, *at;
	enum rep_code rc;

	assert_true(rep_json_set_string(skeleton, "prev", prev));
	whole = rep_json_text(skeleton);
	at = strstr(whole, "\"seq\":1");
	assert_non_null(at);
	snprintf(line1, sizeof line1, "%.*s\"seq\":%s%s", (int)(at - whole), whole, text, at + 7);
	craft_bytes(&bytes, line1, &line, 1);
	rc = craft_read(&bytes, err);
	free(whole);
	rep_json_free(skeleton);
	rep_buf_clear(&bytes);
	return rc;
}

static void a_number_counts_from_one_and_the_first_has_no_prev(void **state)
{
	static const char *const bad[] = {"0",
					  "-1",
					  "9007199254740993",
					  "9223372036854775807",
					  "9223372036854775808",
					  "1.0",
					  "\"1\"",
					  "1e0",
					  "-0",
					  "01",
					  "true",
					  "[1]"};
	const char *prev = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	struct rep_error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		expect_code(read_with_seq(bad[i], prev, &err), REP_EINVAL, &err, NULL);
		expect_code(read_with_seq(bad[i], rep_changeset_no_prev, &err), REP_EINVAL, &err,
			    NULL);
	}
	expect_ok(read_with_seq("1", rep_changeset_no_prev, &err), &err);
	expect_code(read_with_seq("1", prev, &err), REP_EINVAL, &err, "prev");
	expect_ok(read_with_seq("2", prev, &err), &err);
	expect_code(read_with_seq("2", rep_changeset_no_prev, &err), REP_EINVAL, &err, "prev");
	expect_ok(read_with_seq("9007199254740991", prev, &err), &err);
}

static void line_1_that_is_no_skeleton_is_refused(void **state)
{
	static const char *const cases[] = {"",
					    "{}",
					    "[]",
					    "null",
					    "1",
					    "\"x\"",
					    "\xEF\xBB\xBF{}",
					    "{\"base\":",
					    "[[[[[[[[[]]]]]]]]]"};
	const char *const line = good_line;
	struct rep_error err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_buf bytes = REP_BUF_INIT(10000);

		craft_bytes(&bytes, cases[i], &line, 1);
		expect_code(craft_read(&bytes, &err), REP_EINVAL, &err, "line 1");
		rep_buf_clear(&bytes);
	}
}

static void a_set_has_between_one_and_ten_thousand_changes(void **state)
{
	struct rep_json *skeleton = craft_skeleton("insert", good_line);
	struct rep_json *changes = rep_json_array();

	(void)state;
	assert_true(rep_json_set(skeleton, "changes", changes));
	expect_skeleton(skeleton, REP_EINVAL, "no change");
	for (size_t i = 0; i <= REP_CHANGES_MAX; i++)
		assert_true(rep_json_append(changes, rep_json_integer(1)));
	expect_skeleton(skeleton, REP_ELIMIT, "10001");
	rep_json_free(skeleton);
}

static void a_line_of_more_than_a_mebibyte_is_refused_unread(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(4 << 20);
	struct rep_json *skeleton;
	struct rep_error err;
	char *line = malloc(REP_LINE_SIZE_MAX + 2);

	(void)state;
	assert_non_null(line);
	memset(line, 'x', REP_LINE_SIZE_MAX + 1);
	line[REP_LINE_SIZE_MAX + 1] = '\0';
	skeleton = craft_skeleton("insert", line);
	craft_set(&bytes, skeleton, line);
	expect_code(craft_read(&bytes, &err), REP_ELIMIT, &err, "change 0");
	rep_buf_reset(&bytes);
	rep_buf_puts(&bytes, line);
	rep_buf_puts(&bytes, "\n\"\"\n");
	expect_code(craft_read(&bytes, &err), REP_ELIMIT, &err, NULL);
	rep_json_free(skeleton);
	rep_buf_clear(&bytes);
	free(line);
}

static void a_change_signed_as_null_is_not_an_erased_one(void **state)
{
	struct rep_json *skeleton = craft_skeleton("insert", "null");
	struct rep_buf bytes = REP_BUF_INIT(10000);
	struct rep_error err;

	(void)state;
	craft_set(&bytes, skeleton, "null");
	expect_code(craft_read(&bytes, &err), REP_EINVAL, &err, "without a value line");
	rep_json_free(skeleton);
	rep_buf_clear(&bytes);
}

#define S CRAFT_SALT_PAIR

static void a_value_line_has_what_its_operation_needs(void **state)
{
	static const struct {
		const char *op;
		const char *line;
		const char *part; /* NULL = good */
	} cases[] = {
		{"insert",
		 "{" S ",\"source\":\"register\",\"values\":{\"name\":{\"new\":\"王敏\"}}}", NULL},
		{"insert", "{\"reason\":\"\"," S ",\"values\":{}}", NULL},
		{"insert", "{" S "}", "values is missing"},
		{"insert", "{\"values\":{}}", "salt is missing"},
		{"insert", "{\"salt\":\"\",\"values\":{}}", "salt"},
		{"insert", "{\"salt\":\"000102030405060708090A0B0C0D0E0F\",\"values\":{}}", "salt"},
		{"insert", "{\"salt\":1,\"values\":{}}", "salt"},
		{"insert", "{\"more\":1," S ",\"values\":{}}", "unknown key"},
		{"insert", "{" S ",\"values\":{}} ", "byte"},
		{"insert", "{" S ",\"values\":[]}", "values"},
		{"insert", "{" S ",\"values\":{\"name\":1}}", "values.name"},
		{"insert", "{" S ",\"values\":{\"Name\":{}}}", "not a name"},
		{"insert", "{" S ",\"values\":{\"name\":{\"nwe\":1}}}", "values.name"},
		{"insert", "{" S ",\"values\":{\"n\":{\"new\":1.5}}}", "integer"},
		{"insert", "{" S ",\"values\":{\"n\":{\"new\":[[[[[[1]]]]]]}}}", "too deep"},
		{"insert", "{" S ",\"values\":{\"n\":{\"new\":\"e\xCC\x81\"}}}", "NFC"},
		{"insert", "{\"item\":\"x\"," S ",\"values\":{}}",
		 "item does not belong to insert"},
		{"insert", "{\"reason\":1," S ",\"values\":{}}", "reason"},
		{"insert", "[]", "not an object"},
		{"insert", "\"x\"", "not an object"},
		{"update",
		 "{" S ",\"values\":{\"n\":{\"new\":null,\"old\":1,\"saw\":\"" CRAFT_STAMP "\"}}}",
		 NULL},
		{"update", "{" S ",\"values\":{\"n\":{\"new\":1,\"saw\":\"*\"}}}", "values.n.saw"},
		{"update", "{" S ",\"values\":{\"n\":{\"saw\":null}}}", "values.n.saw"},
		{"update",
		 "{" S
		 ",\"values\":{\"n\":{\"add\":[\"a\"],\"remove\":[],\"seen\":{\"\\\"a\\\"\":\"" CRAFT_STAMP
		 "\"}}}}",
		 NULL},
		{"update", "{" S ",\"values\":{\"n\":{\"add\":\"a\"}}}", "values.n.add"},
		{"update", "{" S ",\"values\":{\"n\":{\"seen\":{\"a\":1}}}}", "values.n.seen"},
		{"update", "{" S ",\"values\":{\"n\":{\"entry\":{\"x\":1}}}}", NULL},
		{"update", "{" S ",\"values\":{\"n\":{\"keys\":{\"k\":{\"new\":1}}}}}", NULL},
		{"update", "{" S ",\"values\":{\"n\":{\"delta\":-5}}}", NULL},
		{"update", "{" S ",\"values\":{\"n\":{\"delta\":\"5\"}}}", "values.n.delta"},
		{"update", "{" S ",\"values\":{\"n\":{\"set\":5}}}", NULL},
		{"delete", "{" S ",\"values\":{\"n\":{\"old\":1,\"saw\":\"" CRAFT_STAMP "\"}}}",
		 NULL},
		{"delete", "{" S "}", "values is missing"},
		{"restore", "{" S ",\"saw\":\"" CRAFT_STAMP "\"}", NULL},
		{"restore", "{" S "}", "saw is missing"},
		{"restore", "{" S ",\"saw\":\"now\"}", "saw"},
		{"restore", "{" S ",\"saw\":\"" CRAFT_STAMP "\",\"values\":{}}",
		 "values does not belong"},
		{"alias", "{\"into\":\"other\"," S ",\"values\":{}}", NULL},
		{"alias", "{\"into\":\"../x\"," S "}", "into"},
		{"alias", "{" S "}", "into is missing"},
		{"unalias", "{\"into\":\"other\"," S "}", NULL},
		{"unalias", "{\"into\":\"other\"," S ",\"values\":{}}", "values does not belong"},
		{"resolve",
		 "{\"item\":\"i1\",\"rivals\":[\"" CRAFT_STAMP "\"]," S ",\"values\":{}}", NULL},
		{"resolve", "{\"decision\":\"decline\",\"item\":\"i1\"," S "}", NULL},
		{"resolve", "{\"rivals\":[]," S ",\"values\":{}}", "item is missing"},
		{"resolve", "{\"item\":\"i1\",\"rivals\":[\"x\"]," S "}", "rivals"},
		{"erase", "{\"closure\":[]," S "}", NULL},
		{"erase", "{" S "}", "closure is missing"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_json *skeleton = craft_skeleton(cases[i].op, cases[i].line);
		struct rep_buf bytes = REP_BUF_INIT(100000);
		struct rep_error err;

		craft_set(&bytes, skeleton, cases[i].line);
		if (cases[i].part)
			expect_code(craft_read(&bytes, &err), REP_EINVAL, &err, cases[i].part);
		else
			expect_ok(craft_read(&bytes, &err), &err);
		rep_json_free(skeleton);
		rep_buf_clear(&bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_is_needed_of_its_type_and_no_other_is_known),
		cmocka_unit_test(wrong_text_is_refused_by_the_name_of_its_key),
		cmocka_unit_test(a_number_counts_from_one_and_the_first_has_no_prev),
		cmocka_unit_test(line_1_that_is_no_skeleton_is_refused),
		cmocka_unit_test(a_set_has_between_one_and_ten_thousand_changes),
		cmocka_unit_test(a_line_of_more_than_a_mebibyte_is_refused_unread),
		cmocka_unit_test(a_change_signed_as_null_is_not_an_erased_one),
		cmocka_unit_test(a_value_line_has_what_its_operation_needs),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
