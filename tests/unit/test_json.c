#include "help.h"

#include <stdio.h>

#include "core/base/json.h"
#include "core/base/limits.h"

#define LEN(s) (s), (sizeof(s) - 1)

static enum rep_code parse_canonical(const char *text, size_t len, struct rep_error *err)
{
	struct rep_json *value;
	enum rep_code rc = rep_json_parse_canonical(&value, text, len, REP_JSON_DEPTH_MAX, err);

	if (rc != REP_OK)
		assert_null(value);
	rep_json_free(value);
	return rc;
}

static enum rep_code parse(const char *text, size_t len, struct rep_error *err)
{
	struct rep_json *value;
	enum rep_code rc = rep_json_parse(&value, text, len, 1 << 20, 8, err);

	if (rc != REP_OK)
		assert_null(value);
	rep_json_free(value);
	return rc;
}

static void canonical_text_comes_back_byte_for_byte(void **state)
{
	static const char *const cases[] = {
		"null",
		"true",
		"false",
		"0",
		"-1",
		"9007199254740991",
		"-9007199254740991",
		"\"\"",
		"\"\\\"\\\\\\b\\f\\n\\r\\t\"",
		"\"\\u0001\\u001f\x7F/\"",
		"\"王敏\xF0\x9F\x98\x80\"",
		"\"\xEF\xBF\xBE\"",
		"[]",
		"{}",
		"[1,[2,[3]],{}]",
		"{\"\":0,\"A\":1,\"a\":{\"b\":[null,true]},\"é\":2,\"王\":3}",
		"{\"\xEF\xBC\xA1\":1,\"\xF0\x9F\x98\x80\":2}",
	};
	struct rep_error err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_json *value;
		char *text;

		expect_ok(rep_json_parse_canonical(&value, cases[i], strlen(cases[i]), 8, &err),
			  &err);
		text = rep_json_text(value);
		assert_string_equal(text, cases[i]);
		free(text);
		rep_json_free(value);
	}
}

struct refused {
	const char *text;
	size_t len;
	const char *part; /* of the message */
};

/* Refused by both readers. */
static const struct refused never[] = {
	{LEN(""), NULL},
	{LEN("\xEF\xBB\xBF{}"), NULL}, /* byte order mark */
	{LEN("{} x"), NULL},           /* trailing bytes */
	{LEN("{}{}"), NULL},           /* two documents */
	{LEN("{}\0"), NULL},
	{LEN("[1,]"), NULL}, /* trailing comma */
	{LEN("{\"a\":1,}"), NULL},
	{LEN("{\"a\":1,\"a\":2}"), "duplicate"},
	{LEN("{\"a\":1,\"\\u0061\":2}"), "duplicate"}, /* also when escaped */
	{LEN("{\"x\":{\"a\":1,\"a\":1}}"), "duplicate"},
	{LEN("0.5"), "not an integer"},
	{LEN("1.0"), "not an integer"},
	{LEN("1e400"), "not an integer"},
	{LEN("1E+2"), "not an integer"},
	{LEN("[1,-0.0]"), "not an integer"},
	{LEN("{\"a\":-0}"), "minus zero"},
	{LEN("-"), NULL},
	{LEN("+1"), NULL},
	{LEN("01"), NULL},
	{LEN("-01"), NULL},
	{LEN("0x10"), NULL},
	{LEN("NaN"), NULL},
	{LEN("Infinity"), NULL},
	{LEN("9007199254740992"), "2^53-1"},
	{LEN("[-9007199254740992]"), "2^53-1"},
	{LEN("9223372036854775807"), "2^53-1"},
	{LEN("9223372036854775808"), NULL},
	{LEN("\"\\u0000\""), NULL},
	{LEN("{\"\\u0000\":1}"), NULL},
	{LEN("\"a\0b\""), NULL},
	{LEN("\"\\ud800\""), NULL},
	{LEN("\"\\udc00\\ud800\""), NULL},
	{LEN("\"\xFF\""), NULL},
	{LEN("\"\xC0\xAF\""), NULL},
	{LEN("\"\xED\xA0\xBD\xED\xB8\x80\""), NULL}, /* CESU-8 */
	{LEN("\"\xE7\x8E"), NULL},
	{LEN("\"e\xCC\x81\""), "NFC"},
	{LEN("{\"e\xCC\x81\":1}"), "NFC"},
	{LEN("[\"e\\u0301\"]"), "NFC"}, /* also when escaped */
	{LEN("\"a\nb\""), NULL},        /* raw control */
	{LEN("\"\\x\""), NULL},
	{LEN("\"open"), NULL},
	{LEN("\"\\"), NULL},
	{LEN("[1"), NULL},
	{LEN("]"), NULL},
	{LEN("}{"), NULL},
	{LEN("{1:2}"), NULL},
	{LEN("tru"), NULL},
	{LEN("[[[[[[[[[0]]]]]]]]]"), "too deep"}, /* nine */
	{LEN("{\"a\":[[[[[[[[1]]]]]]]]}"), "too deep"},
};

static void what_is_no_document_of_ours_is_refused(void **state)
{
	struct rep_error err;

	(void)state;
	for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
		expect_code(parse(never[i].text, never[i].len, &err), REP_EINVAL, &err,
			    never[i].part);
		expect_code(parse_canonical(never[i].text, never[i].len, &err), REP_EINVAL, &err,
			    never[i].part);
	}
}

static void what_people_write_is_read_but_is_not_canonical(void **state)
{
	static const struct {
		const char *text;
		const char *canonical;
		const char *part;
	} cases[] = {
		{" {}", "{}", "byte 0"},
		{"{}\n", "{}", "byte 2"},
		{"{ \"a\" : 1 }", "{\"a\":1}", "byte 1"},
		{"{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}", "byte 2"},
		{"[1, 2]", "[1,2]", "byte 3"},
		{"\"\\u0041\"", "\"A\"", "byte 1"},
		{"\"\\/\"", "\"/\"", "byte 1"},
		{"\"\\u000A\"", "\"\\n\"", "byte 2"},
		{"\"\\u001F\"", "\"\\u001f\"", "byte 6"},
		{"\"\\u007f\"", "\"\x7F\"", "byte 1"},
		{"\"\\u738b\"", "\"王\"", "byte 1"},
		{"\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\"", "byte 1"},
		/* By UTF-16 units the emoji would come before the full-width letter. */
		{"{\"\xF0\x9F\x98\x80\":1,\"\xEF\xBC\xA1\":2}",
		 "{\"\xEF\xBC\xA1\":2,\"\xF0\x9F\x98\x80\":1}", "not canonical"},
	};
	struct rep_error err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_json *value;
		char *text;

		expect_ok(
			rep_json_parse(&value, cases[i].text, strlen(cases[i].text), 1000, 8, &err),
			&err);
		text = rep_json_text(value);
		assert_string_equal(text, cases[i].canonical);
		free(text);
		rep_json_free(value);
		expect_code(parse_canonical(cases[i].text, strlen(cases[i].text), &err), REP_EINVAL,
			    &err, cases[i].part);
	}
}

static void messages_for_people_give_line_and_column(void **state)
{
	struct rep_error err;

	(void)state;
	expect_code(parse(LEN("{\n  \"名\": 1.5\n}"), &err), REP_EINVAL, &err,
		    "line 2 column 8: a number that is not an integer");
	expect_code(parse(LEN("{\n  \"a\": 1\n  \"b\": 2\n}"), &err), REP_EINVAL, &err, "line 3");
	expect_code(parse(LEN("[\n\"ok\",\n\"e\xCC\x81\"]"), &err), REP_EINVAL, &err,
		    "line 3 column 2: text is not in NFC");
	/* What is quoted from the input cannot move a cursor. */
	expect_code(parse(LEN("[\x1B]"), &err), REP_EINVAL, &err, NULL);
	assert_null(strchr(err.msg, 0x1B));
}

static void eight_levels_are_read(void **state)
{
	struct rep_error err;

	(void)state;
	expect_ok(parse_canonical(LEN("[[[[[[[[0]]]]]]]]"), &err), &err);
	expect_ok(parse_canonical(LEN("\"[[[[[[[[[[[[\""), &err), &err);
	expect_ok(parse_canonical(LEN("[[],[],[],[],[],[],[],[],[]]"), &err), &err);
	expect_ok(parse_canonical(LEN("[\"\\\"[[[[[[[[[\\\\\",[[[[[[[0]]]]]]]]"), &err), &err);
}

static void nesting_is_bounded_before_parsing(void **state)
{
	static const size_t depths[] = {1000, 2049, 100000};
	struct rep_error err;

	(void)state;
	for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
		char *text = malloc(depths[i]);

		assert_non_null(text);
		memset(text, '[', depths[i]);
		expect_code(parse_canonical(text, depths[i], &err), REP_EINVAL, &err, "byte 8");
		free(text);
	}
}

static void size_is_bounded_before_parsing(void **state)
{
	size_t len = REP_LINE_SIZE_MAX + 1;
	char *text = malloc(len);
	struct rep_json *value;
	struct rep_error err;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len);
	text[0] = text[len - 1] = '"';
	expect_code(parse_canonical(text, len, &err), REP_ELIMIT, &err, "1048577");
	expect_code(rep_json_parse(&value, text, len, len - 1, 8, &err), REP_ELIMIT, &err, NULL);
	expect_ok(rep_json_parse(&value, text, len, len, 8, &err), &err);
	rep_json_free(value);
	text[len - 2] = '"';
	expect_ok(parse_canonical(text, len - 1, &err), &err);
	free(text);
}

static void many_keys_and_a_long_key_fit_in_a_line(void **state)
{
	struct rep_buf text = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_error err;

	(void)state;
	rep_buf_putc(&text, '{');
	for (int i = 0; i < 50000; i++)
		rep_buf_printf(&text, "%s\"k%06d\":%d", i ? "," : "", i, i);
	rep_buf_putc(&text, '}');
	expect_ok(rep_buf_check(&text, "text", &err), &err);
	expect_ok(parse_canonical(text.data, text.len, &err), &err);
	rep_buf_reset(&text);
	rep_buf_puts(&text, "{\"");
	for (int i = 0; i < 65 * 1024; i++)
		rep_buf_putc(&text, 'k');
	rep_buf_puts(&text, "\":1}");
	expect_ok(parse_canonical(text.data, text.len, &err), &err);
	rep_buf_clear(&text);
}

/* Any one bit flipped in a canonical text is refused, or another value; never the same one. */
static void one_flipped_bit_is_another_value_or_none(void **state)
{
	static const char good[] =
		"{\"a\":[1,-20,true,null],\"b\":{\"c\":\"\\u0001\\n王\",\"d\":false}}";
	char text[sizeof good];
	struct rep_json *value, *other;
	struct rep_error err;

	(void)state;
	expect_ok(rep_json_parse_canonical(&value, LEN(good), 8, &err), &err);
	for (size_t bit = 0; bit < 8 * (sizeof good - 1); bit++) {
		memcpy(text, good, sizeof good);
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		if (rep_json_parse_canonical(&other, LEN(text), 8, &err) == REP_OK)
			assert_false(rep_json_equal(value, other));
		rep_json_free(other);
	}
	rep_json_free(value);
}

static void a_tree_is_built_and_taken_apart(void **state)
{
	struct rep_json *object = rep_json_object(), *array = rep_json_array();
	char *text;

	(void)state;
	assert_true(rep_json_set_string(object, "s", "text"));
	assert_true(rep_json_set_integer(object, "i", -7));
	assert_true(rep_json_set(object, "b", rep_json_bool(true)));
	assert_true(rep_json_append(array, rep_json_integer(2)));
	assert_true(rep_json_insert(array, 0, rep_json_integer(1)));
	assert_true(rep_json_append(array, rep_json_null()));
	assert_true(rep_json_set(object, "a", array));
	text = rep_json_text(object);
	assert_string_equal(text, "{\"a\":[1,2,null],\"b\":true,\"i\":-7,\"s\":\"text\"}");
	free(text);
	assert_string_equal(rep_json_get_string(object, "s"), "text");
	assert_int_equal(rep_json_get_integer(object, "i"), -7);
	assert_true(rep_json_get_bool(object, "b"));
	assert_int_equal(rep_json_size(object), 4);
	assert_int_equal(rep_json_size(array), 3);
	assert_int_equal(rep_json_integer_value(rep_json_at(array, 1)), 2);
	assert_true(rep_json_is(rep_json_at(array, 2), REP_JSON_NULL));
	assert_null(rep_json_at(array, 3));
	rep_json_remove(array, 0);
	assert_int_equal(rep_json_size(array), 2);
	rep_json_del(object, "s");
	assert_null(rep_json_get(object, "s"));
	rep_json_free(object);
}

static void what_is_of_another_type_gives_nothing(void **state)
{
	struct rep_json *text = rep_json_string("7"), *number = rep_json_integer(7);

	(void)state;
	assert_int_equal(rep_json_integer_value(text), 0);
	assert_null(rep_json_string_value(number));
	assert_false(rep_json_bool_value(number));
	assert_null(rep_json_get(text, "x"));
	assert_int_equal(rep_json_size(text), 0);
	assert_int_equal(rep_json_size(NULL), 0);
	assert_null(rep_json_get_string(NULL, "x"));
	assert_int_equal(rep_json_get_integer(NULL, "x"), 0);
	assert_null(rep_json_iter(number));
	assert_null(rep_json_at(number, 0));
	assert_true(rep_json_is(NULL, REP_JSON_NULL));
	rep_json_free(text);
	rep_json_free(number);
}

static void text_that_is_not_utf8_or_has_a_nul_makes_no_string(void **state)
{
	(void)state;
	assert_null(rep_json_string("\xFF"));
	assert_null(rep_json_string_n("a\0b", 3));
	assert_null(rep_json_string_n("\xC0\xAF", 2));
}

static void no_memory_is_passed_through(void **state)
{
	struct rep_json *object = rep_json_object();

	(void)state;
	assert_false(rep_json_set(object, "x", NULL));
	assert_false(rep_json_set(NULL, "x", rep_json_integer(1)));
	assert_false(rep_json_append(NULL, rep_json_integer(1)));
	assert_false(rep_json_append(object, rep_json_integer(1)));
	assert_false(rep_json_set_string(object, "x", "\xFF"));
	assert_null(rep_json_dup(NULL));
	assert_null(rep_json_ref(NULL));
	rep_json_free(NULL);
	rep_json_free(object);
}

static void copies_are_deep_and_references_are_not(void **state)
{
	struct rep_json *object = rep_json_object(), *copy, *same;

	(void)state;
	assert_true(rep_json_set(object, "a", rep_json_array()));
	copy = rep_json_dup(object);
	same = rep_json_ref(object);
	assert_true(rep_json_equal(object, copy));
	assert_true(rep_json_append(rep_json_get(object, "a"), rep_json_integer(1)));
	assert_false(rep_json_equal(object, copy));
	assert_true(rep_json_equal(object, same));
	rep_json_free(object);
	assert_int_equal(rep_json_size(rep_json_get(same, "a")), 1);
	rep_json_free(same);
	rep_json_free(copy);
}

static void equality_looks_at_values_and_not_at_order(void **state)
{
	struct rep_json *a, *b, *null = rep_json_null();
	struct rep_error err;

	(void)state;
	expect_ok(rep_json_parse(&a, LEN("{\"x\":1,\"y\":[1,2]}"), 100, 8, &err), &err);
	expect_ok(rep_json_parse(&b, LEN("{\"y\":[1,2],\"x\":1}"), 100, 8, &err), &err);
	assert_true(rep_json_equal(a, b));
	assert_true(rep_json_equal(NULL, null));
	assert_true(rep_json_equal(NULL, NULL));
	assert_false(rep_json_equal(a, NULL));
	rep_json_free(a);
	rep_json_free(b);
	rep_json_free(null);
}

static void objects_are_walked_in_insertion_order(void **state)
{
	struct rep_json *object;
	struct rep_error err;
	char keys[8] = "";

	(void)state;
	expect_ok(rep_json_parse(&object, LEN("{\"c\":1,\"a\":2,\"b\":3}"), 100, 8, &err), &err);
	for (void *it = rep_json_iter(object); it; it = rep_json_iter_next(object, it)) {
		strcat(keys, rep_json_iter_key(it));
		assert_true(rep_json_iter_value(it) == rep_json_get(object, rep_json_iter_key(it)));
	}
	assert_string_equal(keys, "cab");
	rep_json_free(object);
}

static void many_keys_are_sorted(void **state)
{
	struct rep_json *object = rep_json_object();
	char key[16], *text, *at;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "k%03d", (i * 7919) % 1000);
		assert_true(rep_json_set_integer(object, key, i));
	}
	text = rep_json_text(object);
	assert_non_null(text);
	at = text;
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "\"k%03d\"", i);
		at = strstr(at, key);
		assert_non_null(at);
	}
	free(text);
	rep_json_free(object);
}

static void what_cannot_be_read_again_is_found_before_it_is_signed(void **state)
{
	struct rep_buf out = REP_BUF_INIT(1000);
	struct rep_json *value = rep_json_integer(REP_INT_MAX + 1), *nested = rep_json_null();
	struct rep_error err;

	(void)state;
	expect_code(rep_json_check(value, 8, &err), REP_EINVAL, &err, "2^53-1");
	rep_json_write(&out, value);
	expect_code(rep_buf_check(&out, "number", &err), REP_EINVAL, &err, "number");
	rep_json_free(value);
	value = rep_json_string("e\xCC\x81");
	expect_code(rep_json_check(value, 8, &err), REP_EINVAL, &err, "NFC");
	rep_json_free(value);
	expect_code(rep_json_check(NULL, 8, &err), REP_ENOMEM, &err, NULL);
	for (int i = 0; i < 8; i++) {
		struct rep_json *outer = rep_json_array();

		assert_true(rep_json_append(outer, nested));
		nested = outer;
	}
	expect_ok(rep_json_check(nested, 8, &err), &err);
	expect_code(rep_json_check(nested, 7, &err), REP_EINVAL, &err, "too deep");
	rep_json_free(nested);
	rep_buf_reset(&out);
	rep_json_write(&out, NULL);
	expect_code(rep_buf_check(&out, "nothing", &err), REP_EINVAL, &err, "nothing");
	rep_buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_text_comes_back_byte_for_byte),
		cmocka_unit_test(what_is_no_document_of_ours_is_refused),
		cmocka_unit_test(what_people_write_is_read_but_is_not_canonical),
		cmocka_unit_test(messages_for_people_give_line_and_column),
		cmocka_unit_test(eight_levels_are_read),
		cmocka_unit_test(nesting_is_bounded_before_parsing),
		cmocka_unit_test(size_is_bounded_before_parsing),
		cmocka_unit_test(many_keys_and_a_long_key_fit_in_a_line),
		cmocka_unit_test(one_flipped_bit_is_another_value_or_none),
		cmocka_unit_test(a_tree_is_built_and_taken_apart),
		cmocka_unit_test(what_is_of_another_type_gives_nothing),
		cmocka_unit_test(text_that_is_not_utf8_or_has_a_nul_makes_no_string),
		cmocka_unit_test(no_memory_is_passed_through),
		cmocka_unit_test(copies_are_deep_and_references_are_not),
		cmocka_unit_test(equality_looks_at_values_and_not_at_order),
		cmocka_unit_test(objects_are_walked_in_insertion_order),
		cmocka_unit_test(many_keys_are_sorted),
		cmocka_unit_test(what_cannot_be_read_again_is_found_before_it_is_signed),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
