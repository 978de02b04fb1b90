/*
 * Running out of memory is an error, not an end: the n-th allocation fails, for every n until the
 * call succeeds. The allocator is replaced for the whole process, libraries included, so this cannot
 * run under a sanitizer that has its own.
 */
#include "help.h"
#include "help_changeset.h"

#include <errno.h>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/model/signed.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_ALLOCATOR 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_ALLOCATOR 0
#endif
#endif
#ifndef OWN_ALLOCATOR
#define OWN_ALLOCATOR 1
#endif

static long countdown = -1; /* allocations until the one that fails; negative = none does */

#if OWN_ALLOCATOR
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static bool fails(void)
{
	if (countdown < 0 || countdown-- > 0)
		return false;
	countdown = -1;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
#endif

/* Calls `try` with the n-th allocation failing, for n = 0, 1, 2 ... until nothing failed. */
static long sweep(enum rep_code (*try)(struct rep_error *err))
{
	struct rep_error err;

	if (!OWN_ALLOCATOR)
		skip();
	for (long n = 0;; n++) {
		enum rep_code rc;
		bool failed;

		countdown = n;
		rc = try(&err);
		failed = countdown < 0;
		countdown = -1;
		if (!failed) {
			expect_ok(rc, &err);
			return n;
		}
		/* The one that failed was not needed, or it is told. */
		if (rc != REP_OK)
			expect_code(rc, REP_ENOMEM, &err, "out of memory");
	}
}

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
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
