#include "help.h"

#include "core/base/limits.h"
#include "core/model/signed.h"

static struct rep_key key;
static struct rep_buf good;

static int sign_one(void **state)
{
	static const uint8_t seed[32] = {7};
	struct rep_json *document;
	struct rep_error err;

	(void)state;
	expect_ok(rep_key_init(&err), &err);
	rep_key_from_seed(&key, seed);
	document = rep_json_object();
	assert_true(rep_json_set_string(document, "type", "receipt"));
	assert_true(rep_json_set_integer(document, "format", 1));
	assert_true(rep_json_set_string(document, "what", "王敏"));
	good = REP_BUF_INIT(1000);
	expect_ok(rep_signed_write(&good, document, &key, &err), &err);
	rep_json_free(document);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	rep_buf_clear(&good);
	return 0;
}

static enum rep_code read_bytes(const char *data, size_t len, struct rep_error *err)
{
	struct rep_json *document;
	enum rep_code rc = rep_signed_read(&document, data, len, "receipt", key.public, err);

	if (rc != REP_OK)
		assert_null(document);
	rep_json_free(document);
	return rc;
}

/* Signs `line` as it stands, canonical or not. */
static enum rep_code read_line(const char *line, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(10000);
	char signature[REP_SIGNATURE_BASE64 + 1];
	enum rep_code rc;

	rep_sign(signature, &key, line, strlen(line));
	rep_buf_printf(&bytes, "%s\n\"%s\"\n", line, signature);
	rc = read_bytes(bytes.data, bytes.len, err);
	rep_buf_clear(&bytes);
	return rc;
}

static void what_was_signed_is_read(void **state)
{
	struct rep_json *document;
	struct rep_error err;

	(void)state;
	expect_ok(rep_signed_read(&document, good.data, good.len, "receipt", key.public, &err),
		  &err);
	assert_string_equal(rep_json_get_string(document, "what"), "王敏");
	rep_json_free(document);
}

static void another_key_or_kind_is_refused(void **state)
{
	struct rep_json *document;
	struct rep_key other;
	struct rep_error err;

	(void)state;
	rep_key_make(&other);
	expect_code(rep_signed_read(&document, good.data, good.len, "receipt", other.public, &err),
		    REP_EINTEGRITY, &err, "signature");
	expect_code(rep_signed_read(&document, good.data, good.len, "view", key.public, &err),
		    REP_EINVAL, &err, "view");
	expect_code(read_line("{\"format\":2,\"type\":\"receipt\"}", &err), REP_EINVAL, &err,
		    "format");
	expect_code(read_line("{\"format\":\"1\",\"type\":\"receipt\"}", &err), REP_EINVAL, &err,
		    "format");
	expect_code(read_line("{\"format\":1}", &err), REP_EINVAL, &err, "type");
	expect_code(read_line("[]", &err), REP_EINVAL, &err, "type");
}

static void a_signed_line_that_is_not_canonical_is_refused(void **state)
{
	struct rep_error err;

	(void)state;
	expect_ok(read_line("{\"format\":1,\"type\":\"receipt\"}", &err), &err);
	expect_code(read_line("{\"format\": 1,\"type\":\"receipt\"}", &err), REP_EINVAL, &err,
		    "byte 10");
	expect_code(read_line("{\"type\":\"receipt\",\"format\":1}", &err), REP_EINVAL, &err,
		    "canonical");
	expect_code(read_line("{\"format\":1,\"type\":\"receipt\"}\r", &err), REP_EINVAL, &err,
		    "canonical");
}

static void one_flipped_bit_anywhere_is_found(void **state)
{
	struct rep_error err;

	(void)state;
	for (size_t bit = 0; bit < 8 * good.len; bit++) {
		good.data[bit / 8] = (char)(good.data[bit / 8] ^ (1 << bit % 8));
		if (read_bytes(good.data, good.len, &err) == REP_OK)
			fail_msg("bit %zu", bit);
		good.data[bit / 8] = (char)(good.data[bit / 8] ^ (1 << bit % 8));
	}
	expect_ok(read_bytes(good.data, good.len, &err), &err);
}

static void every_cut_and_every_tail_is_found(void **state)
{
	struct rep_error err;

	(void)state;
	for (size_t len = 0; len < good.len; len++)
		if (read_bytes(good.data, len, &err) == REP_OK)
			fail_msg("cut at %zu", len);
	rep_buf_putc(&good, '\n');
	expect_code(read_bytes(good.data, good.len, &err), REP_EINVAL, &err, "signature line");
	good.len--;
}

static void a_line_beyond_its_limit_is_refused_unread(void **state)
{
	size_t len = REP_LINE_SIZE_MAX + 200;
	char *data = malloc(len);
	struct rep_error err;

	(void)state;
	assert_non_null(data);
	memset(data, 'x', len);
	expect_code(read_bytes(data, len, &err), REP_ELIMIT, &err, NULL);
	free(data);
}

static void what_has_no_kind_is_not_signed(void **state)
{
	struct rep_buf out = REP_BUF_INIT(1000);
	struct rep_json *document = rep_json_object();
	struct rep_error err;

	(void)state;
	assert_true(rep_json_set_integer(document, "format", 1));
	expect_code(rep_signed_write(&out, document, &key, &err), REP_EINVAL, &err, "no type");
	assert_true(rep_json_set_string(document, "type", "receipt"));
	assert_true(rep_json_set_string(document, "x", "e\xCC\x81"));
	expect_code(rep_signed_write(&out, document, &key, &err), REP_EINVAL, &err, "NFC");
	assert_int_equal(out.len, 0);
	rep_json_free(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_signed_is_read),
		cmocka_unit_test(another_key_or_kind_is_refused),
		cmocka_unit_test(a_signed_line_that_is_not_canonical_is_refused),
		cmocka_unit_test(one_flipped_bit_anywhere_is_found),
		cmocka_unit_test(every_cut_and_every_tail_is_found),
		cmocka_unit_test(a_line_beyond_its_limit_is_refused_unread),
		cmocka_unit_test(what_has_no_kind_is_not_signed),
	};

	return cmocka_run_group_tests(tests, sign_one, forget);
}
