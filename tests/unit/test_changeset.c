/* Change sets: sealed and read again, their hashes and signatures, erased lines. test_changeset_form is what they must look like. */
#include "help.h"
#include "help_changeset.h"

#include "core/base/limits.h"

static struct rep_json *parse(const char *text)
{
	struct rep_json *value;
	struct rep_error err;

	expect_ok(rep_json_parse(&value, text, strlen(text), 2 << 20, 16, &err), &err);
	return value;
}

/* A set of three changes, sealed into `bytes`. */
static void seal_three(struct rep_buf *bytes, struct rep_changeset *set)
{
	static const char *const lines[] = {
		"{\"reason\":\"门诊拜访后更新\",\"salt\":\"" CRAFT_SALT
		"\",\"values\":{\"phone\":{\"new\":\"13800002222\",\"old\":\"13900001111\","
		"\"saw\":\"" CRAFT_STAMP "\"}}}",
		"{\"salt\":\"" CRAFT_SALT "\",\"values\":{}}",
		"{\"into\":\"other\",\"salt\":\"" CRAFT_SALT "\"}",
	};
	static const enum rep_op ops[] = {REP_OP_UPDATE, REP_OP_INSERT, REP_OP_ALIAS};
	struct rep_error err;

	*set = (struct rep_changeset){.seq = 1, .base_epoch = 1, .base_view = 37};
	strcpy(set->device, CRAFT_DEVICE);
	strcpy(set->prev, rep_changeset_no_prev);
	strcpy(set->sealed, "2026-11-21T02:15:00.000Z");
	set->rep = strdup("r017");
	set->schema = strdup("pharma/1");
	set->changes_len = 3;
	set->changes = calloc(3, sizeof *set->changes);
	for (unsigned i = 0; i < 3; i++) {
		set->changes[i].op = ops[i];
		set->changes[i].entity = strdup("contact");
		set->changes[i].id = strdup(CRAFT_ID);
		set->changes[i].line = parse(lines[i]);
		rep_stamp_make(&set->changes[i].stamp, 1795227245123, i, CRAFT_DEVICE);
	}
	expect_ok(rep_changeset_seal(bytes, set, craft_key(), &err), &err);
}

static void what_was_sealed_is_read(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(100000);
	struct rep_changeset set, again;
	struct rep_error err;
	size_t used;

	(void)state;
	seal_three(&bytes, &set);
	/* What follows is another's and is not looked at. */
	rep_buf_puts(&bytes, "more");
	expect_ok(
		rep_changeset_read(&again, &used, bytes.data, bytes.len, craft_key()->public, &err),
		&err);
	assert_int_equal(used, bytes.len - 4);
	assert_int_equal(again.size_bytes, used);
	assert_true(again.bytes == bytes.data);
	assert_string_equal(again.device, set.device);
	assert_string_equal(again.rep, set.rep);
	assert_string_equal(again.schema, set.schema);
	assert_string_equal(again.sealed, set.sealed);
	assert_string_equal(again.prev, set.prev);
	assert_string_equal(again.hash, set.hash);
	assert_int_equal(again.seq, 1);
	assert_int_equal(again.base_epoch, 1);
	assert_int_equal(again.base_view, 37);
	assert_int_equal(again.changes_len, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(again.changes[i].op, set.changes[i].op);
		assert_string_equal(again.changes[i].entity, "contact");
		assert_string_equal(again.changes[i].id, CRAFT_ID);
		assert_string_equal(again.changes[i].stamp.text, set.changes[i].stamp.text);
		assert_string_equal(again.changes[i].digest, set.changes[i].digest);
		assert_true(rep_json_equal(again.changes[i].line, set.changes[i].line));
	}
	rep_changeset_clear(&again);
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
}

static void a_hash_is_that_of_line_1_as_it_stands(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(100000);
	struct rep_changeset set;
	char hash[REP_HASH_HEX + 1];

	(void)state;
	seal_three(&bytes, &set);
	rep_sha256_hex(hash, bytes.data, (size_t)(strchr(bytes.data, '\n') - bytes.data));
	assert_string_equal(hash, set.hash);
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
}

static void one_flipped_bit_anywhere_is_found(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(100000);
	struct rep_changeset set;
	struct rep_error err;

	(void)state;
	seal_three(&bytes, &set);
	expect_ok(craft_read(&bytes, &err), &err);
	for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
		bytes.data[bit / 8] = (char)(bytes.data[bit / 8] ^ (1 << bit % 8));
		if (craft_read(&bytes, &err) == REP_OK)
			fail_msg("bit %zu", bit);
		bytes.data[bit / 8] = (char)(bytes.data[bit / 8] ^ (1 << bit % 8));
	}
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
}

static void every_cut_is_found(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(100000);
	struct rep_changeset set;
	struct rep_error err;
	size_t whole;

	(void)state;
	seal_three(&bytes, &set);
	whole = bytes.len;
	for (bytes.len = 0; bytes.len < whole; bytes.len++)
		if (craft_read(&bytes, &err) == REP_OK)
			fail_msg("cut at %zu", bytes.len);
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
}

static void an_erased_line_leaves_everything_else_verified(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(100000), erased = REP_BUF_INIT(100000);
	struct rep_buf again = REP_BUF_INIT(100000);
	struct rep_changeset set, read;
	struct rep_error err;
	size_t used;

	(void)state;
	seal_three(&bytes, &set);
	expect_ok(rep_changeset_erase(&erased, bytes.data, bytes.len, 0, &err), &err);
	assert_null(strstr(erased.data, "13800002222"));
	assert_non_null(strstr(erased.data, "\"\nnull\n{\"salt\""));
	expect_ok(rep_changeset_read(&read, &used, erased.data, erased.len, craft_key()->public,
				     &err),
		  &err);
	assert_string_equal(read.hash, set.hash);
	assert_null(read.changes[0].line);
	assert_string_equal(read.changes[0].digest, set.changes[0].digest);
	assert_true(rep_json_equal(read.changes[1].line, set.changes[1].line));
	rep_changeset_clear(&read);
	expect_ok(rep_changeset_erase(&again, erased.data, erased.len, 0, &err), &err);
	assert_string_equal(again.data, erased.data);
	rep_buf_reset(&again);
	expect_ok(rep_changeset_erase(&again, erased.data, erased.len, 2, &err), &err);
	expect_ok(craft_read(&again, &err), &err);
	expect_code(rep_changeset_erase(&again, bytes.data, bytes.len, 3, &err), REP_ENOTFOUND,
		    &err, "only 3");
	expect_code(rep_changeset_erase(&again, "x\ny", 3, 0, &err), REP_EINVAL, &err, NULL);
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
	rep_buf_clear(&erased);
	rep_buf_clear(&again);
}

static void lines_stand_in_the_order_of_their_changes(void **state)
{
	const char *one = "{\"salt\":\"" CRAFT_SALT "\",\"values\":{}}";
	const char *two = "{\"salt\":\"ff0102030405060708090a0b0c0d0e0f\",\"values\":{}}";
	struct rep_json *first = craft_skeleton("insert", one);
	struct rep_json *second = craft_skeleton("insert", two);
	struct rep_buf bytes = REP_BUF_INIT(10000);
	const char *const right[] = {one, two}, *const wrong[] = {two, one};
	struct rep_error err;
	char *line1;

	(void)state;
	assert_true(rep_json_append(rep_json_get(first, "changes"),
				    rep_json_ref(rep_json_at(rep_json_get(second, "changes"), 0))));
	line1 = rep_json_text(first);
	craft_bytes(&bytes, line1, right, 2);
	expect_ok(craft_read(&bytes, &err), &err);
	rep_buf_reset(&bytes);
	craft_bytes(&bytes, line1, wrong, 2);
	expect_code(craft_read(&bytes, &err), REP_EINTEGRITY, &err, "change 0");
	rep_buf_reset(&bytes);
	craft_bytes(&bytes, line1, right, 1);
	expect_code(craft_read(&bytes, &err), REP_EINVAL, &err, "change 1");
	free(line1);
	rep_json_free(first);
	rep_json_free(second);
	rep_buf_clear(&bytes);
}

static void the_signature_is_of_this_device_and_these_bytes(void **state)
{
	const char *line = "{\"salt\":\"" CRAFT_SALT "\",\"values\":{}}";
	struct rep_json *skeleton = craft_skeleton("insert", line);
	struct rep_buf bytes = REP_BUF_INIT(10000), spaced = REP_BUF_INIT(10000);
	struct rep_key other;
	struct rep_changeset set;
	struct rep_error err;
	size_t used;
	char *line1;

	(void)state;
	craft_set(&bytes, skeleton, line);
	rep_key_make(&other);
	expect_code(rep_changeset_read(&set, &used, bytes.data, bytes.len, other.public, &err),
		    REP_EINTEGRITY, &err, "signature");
	rep_changeset_clear(&set);
	/* Without a key the signature is not asked, only its shape. */
	expect_ok(rep_changeset_read(&set, &used, bytes.data, bytes.len, NULL, &err), &err);
	rep_changeset_clear(&set);
	/* A space added beneath the old signature, then beneath a new one. */
	rep_buf_put(&spaced, "{ ", 2);
	rep_buf_put(&spaced, bytes.data + 1, bytes.len - 1);
	expect_code(craft_read(&spaced, &err), REP_EINTEGRITY, &err, "signature");
	rep_buf_reset(&spaced);
	line1 = rep_json_text(skeleton);
	rep_buf_printf(&spaced, "{ %s", line1 + 1);
	free(line1);
	line1 = rep_buf_take(&spaced);
	craft_bytes(&spaced, line1, &line, 1);
	expect_code(craft_read(&spaced, &err), REP_EINVAL, &err, "byte 1: not canonical");
	free(line1);
	rep_json_free(skeleton);
	rep_buf_clear(&bytes);
	rep_buf_clear(&spaced);
}

/* Tries to seal the good set after its first line was replaced. */
static void expect_unsealable(const char *line, enum rep_code code, const char *part)
{
	struct rep_buf bytes = REP_BUF_INIT(4 << 20);
	struct rep_changeset set;
	struct rep_error err;
	size_t before;

	seal_three(&bytes, &set);
	before = bytes.len;
	rep_json_free(set.changes[0].line);
	set.changes[0].line = parse(line);
	expect_code(rep_changeset_seal(&bytes, &set, craft_key(), &err), code, &err, part);
	assert_int_equal(bytes.len, before);
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
}

static void what_would_be_refused_is_not_sealed(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(100000), line = REP_BUF_INIT(2 << 20);
	struct rep_changeset set;
	struct rep_error err;

	(void)state;
	expect_unsealable("{\"values\":{}}", REP_EINVAL, "change 0: salt is missing");
	expect_unsealable("{" CRAFT_SALT_PAIR ",\"values\":{\"n\":{\"new\":[[[[[[1]]]]]]}}}",
			  REP_EINVAL, "too deep");
	rep_buf_puts(&line, "{" CRAFT_SALT_PAIR ",\"values\":{\"n\":{\"new\":\"");
	for (size_t i = 0; i < REP_LINE_SIZE_MAX; i++)
		rep_buf_putc(&line, 'x');
	rep_buf_puts(&line, "\"}}}");
	expect_unsealable(line.data, REP_ELIMIT, "change 0");
	seal_three(&bytes, &set);
	rep_stamp_make(&set.changes[2].stamp, 1, 1, "00000000");
	expect_code(rep_changeset_seal(&bytes, &set, craft_key(), &err), REP_EINVAL, &err,
		    "change 2: stamp is not of device " CRAFT_DEVICE);
	set.seq = 0;
	expect_code(rep_changeset_seal(&bytes, &set, craft_key(), &err), REP_EINVAL, &err, "seq");
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
	rep_buf_clear(&line);
}

static void operations_have_names(void **state)
{
	enum rep_op op;

	(void)state;
	for (int i = REP_OP_INSERT; i <= REP_OP_ERASE; i++) {
		assert_true(rep_op_parse(&op, rep_op_name((enum rep_op)i)));
		assert_int_equal(op, i);
	}
	assert_false(rep_op_parse(&op, "upsert"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sealed_is_read),
		cmocka_unit_test(a_hash_is_that_of_line_1_as_it_stands),
		cmocka_unit_test(one_flipped_bit_anywhere_is_found),
		cmocka_unit_test(every_cut_is_found),
		cmocka_unit_test(an_erased_line_leaves_everything_else_verified),
		cmocka_unit_test(lines_stand_in_the_order_of_their_changes),
		cmocka_unit_test(the_signature_is_of_this_device_and_these_bytes),
		cmocka_unit_test(what_would_be_refused_is_not_sealed),
		cmocka_unit_test(operations_have_names),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
