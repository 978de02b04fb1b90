/*
 * The test vectors of docs/formats, which script/make-vectors makes without any code of repsync.
 */
#include "help.h"

#include <stdio.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/model/changeset.h"
#include "core/model/id.h"
#include "core/model/signed.h"

static void read_file(struct rep_buf *out, const char *name)
{
	char path[200];
	struct rep_error err;

	snprintf(path, sizeof path, "docs/formats/%s", name);
	expect_ok(rep_file_read(out, source_path(path), &err), &err);
}

static struct rep_json *read_json(const char *name)
{
	struct rep_buf text = REP_BUF_INIT(1 << 20);
	struct rep_json *value;
	struct rep_error err;

	read_file(&text, name);
	expect_ok(rep_json_parse(&value, text.data, text.len, 1 << 20, 8, &err), &err);
	rep_buf_clear(&text);
	return value;
}

static void check_taken(const struct rep_json *one)
{
	const char *input = rep_json_get_string(one, "input");
	const char *canonical = rep_json_get_string(one, "canonical");
	struct rep_json *value;
	struct rep_error err;
	enum rep_code rc;
	char *text;

	expect_ok(rep_json_parse(&value, input, strlen(input), 10000, 8, &err), &err);
	text = rep_json_text(value);
	assert_string_equal(text, canonical);
	free(text);
	rep_json_free(value);
	expect_ok(rep_json_parse_canonical(&value, canonical, strlen(canonical), 8, &err), &err);
	rep_json_free(value);
	rc = rep_json_parse_canonical(&value, input, strlen(input), 8, &err);
	assert_int_equal(rc == REP_OK, strcmp(input, canonical) == 0);
	rep_json_free(value);
}

static void check_refused(const struct rep_json *one)
{
	const char *hex = rep_json_get_string(one, "hex");
	size_t len = strlen(hex) / 2;
	struct rep_json *value;
	struct rep_error err;
	char bytes[1000];

	assert_true(len <= sizeof bytes && rep_unhex(bytes, hex, len));
	if (rep_json_parse(&value, bytes, len, 10000, 8, &err) != REP_EINVAL)
		fail_msg("taken: %s", rep_json_get_string(one, "why"));
	if (rep_json_parse_canonical(&value, bytes, len, 8, &err) != REP_EINVAL)
		fail_msg("taken as canonical: %s", rep_json_get_string(one, "why"));
}

static void each_of(const struct rep_json *array, void (*check)(const struct rep_json *one))
{
	assert_true(rep_json_size(array) > 0);
	for (size_t i = 0; i < rep_json_size(array); i++)
		check(rep_json_at(array, i));
}

static void json_becomes_the_canonical_bytes(void **state)
{
	struct rep_json *cases = read_json("canonical.json");

	(void)state;
	each_of(rep_json_get(cases, "taken"), check_taken);
	each_of(rep_json_get(cases, "refused"), check_refused);
	rep_json_free(cases);
}

static void check_make(const struct rep_json *one)
{
	const char *text = rep_json_get_string(one, "stamp");
	struct rep_stamp stamp;

	rep_stamp_make(&stamp, rep_json_get_integer(one, "ms"),
		       (unsigned)rep_json_get_integer(one, "counter"),
		       rep_json_get_string(one, "device"));
	assert_string_equal(stamp.text, text);
	assert_true(rep_stamp_valid(text));
	assert_true(rep_stamp_ms(text) == rep_json_get_integer(one, "ms"));
}

static void check_invalid(const struct rep_json *one)
{
	assert_false(rep_stamp_valid(rep_json_string_value(one)));
}

static void check_effective(const struct rep_json *one)
{
	struct rep_stamp stamp;
	int64_t received;
	bool cut;

	assert_true(rep_time_parse(&received, rep_json_get_string(one, "received")));
	cut = rep_stamp_effective(&stamp, rep_json_get_string(one, "stamp"), received,
				  (unsigned)rep_json_get_integer(one, "counter"));
	assert_string_equal(stamp.text, rep_json_get_string(one, "effective"));
	assert_int_equal(cut, rep_json_get_bool(one, "cut"));
}

static void stamps_are_made_refused_and_cut(void **state)
{
	struct rep_json *cases = read_json("stamps.json");

	(void)state;
	each_of(rep_json_get(cases, "make"), check_make);
	each_of(rep_json_get(cases, "invalid"), check_invalid);
	each_of(rep_json_get(cases, "effective"), check_effective);
	rep_json_free(cases);
}

static void check_uuid5(const struct rep_json *one)
{
	const char *name = rep_json_get_string(one, "name");
	const char *secret_hex = rep_json_get_string(one, "secret");
	char id[REP_UUID_LEN + 1];
	uint8_t secret[32];

	if (secret_hex)
		assert_true(rep_unhex(secret, secret_hex, sizeof secret));
	rep_uuid5(id, name, strlen(name), secret_hex ? secret : NULL);
	assert_string_equal(id, rep_json_get_string(one, "id"));
}

static void check_uuid7(const struct rep_json *one)
{
	char id[REP_UUID_LEN + 1];
	uint8_t random[10];
	int64_t ms;

	assert_true(rep_unhex(random, rep_json_get_string(one, "random"), sizeof random));
	rep_uuid7(id, rep_json_get_integer(one, "ms"), random);
	assert_string_equal(id, rep_json_get_string(one, "id"));
	assert_true(rep_uuid7_ms(id, &ms));
	assert_true(ms == rep_json_get_integer(one, "ms"));
}

static void check_fanout(const struct rep_json *one)
{
	char folder[3];

	rep_fanout(folder, rep_json_get_string(one, "text"));
	assert_string_equal(folder, rep_json_get_string(one, "folder"));
}

static void ids_follow_from_what_they_are_made_of(void **state)
{
	struct rep_json *cases = read_json("ids.json");

	(void)state;
	each_of(rep_json_get(cases, "uuid5"), check_uuid5);
	each_of(rep_json_get(cases, "uuid7"), check_uuid7);
	each_of(rep_json_get(cases, "fanout"), check_fanout);
	rep_json_free(cases);
}

/* What the change set vectors share: key, bytes, and what they must come to. */
struct sets {
	struct rep_json *about;
	struct rep_key key;
	struct rep_buf bytes;
	struct rep_buf erased;
};

static int load_sets(void **state)
{
	static struct sets sets;
	uint8_t seed[32];
	char public[2 * REP_PUBLIC_SIZE + 1];
	struct rep_error err;

	expect_ok(rep_key_init(&err), &err);
	sets = (struct sets){.about = read_json("change-set.json"),
			     .bytes = REP_BUF_INIT(100000),
			     .erased = REP_BUF_INIT(100000)};
	read_file(&sets.bytes, "change-set.jsonl");
	read_file(&sets.erased, "change-set.erased.jsonl");
	assert_true(rep_unhex(seed, rep_json_get_string(sets.about, "seed"), sizeof seed));
	rep_key_from_seed(&sets.key, seed);
	rep_hex(public, sets.key.public, REP_PUBLIC_SIZE);
	assert_string_equal(public, rep_json_get_string(sets.about, "public"));
	*state = &sets;
	return 0;
}

static int drop_sets(void **state)
{
	struct sets *sets = *state;

	rep_json_free(sets->about);
	rep_buf_clear(&sets->bytes);
	rep_buf_clear(&sets->erased);
	return 0;
}

static void change_sets_are_read_and_sealed_to_the_same_bytes(void **state)
{
	struct sets *sets = *state;
	const struct rep_json *hashes = rep_json_get(sets->about, "hashes");
	struct rep_buf again = REP_BUF_INIT(100000);
	char prev[REP_HASH_HEX + 1];
	size_t at = 0;

	memcpy(prev, rep_changeset_no_prev, sizeof prev);
	for (size_t i = 0; i < rep_json_size(hashes); i++) {
		struct rep_changeset set;
		struct rep_error err;
		size_t used;

		expect_ok(rep_changeset_read(&set, &used, sets->bytes.data + at,
					     sets->bytes.len - at, sets->key.public, &err),
			  &err);
		assert_string_equal(set.hash, rep_json_string_value(rep_json_at(hashes, i)));
		assert_string_equal(set.prev, prev);
		memcpy(prev, set.hash, sizeof prev);
		expect_ok(rep_changeset_seal(&again, &set, &sets->key, &err), &err);
		rep_changeset_clear(&set);
		at += used;
	}
	assert_int_equal(at, sets->bytes.len);
	assert_int_equal(again.len, sets->bytes.len);
	assert_memory_equal(again.data, sets->bytes.data, again.len);
	rep_buf_clear(&again);
}

/* Erases the line that `about` names for the set with this number, and appends the result. */
static void erase_named(struct rep_buf *out, const struct sets *sets, size_t number,
			const char *data, size_t len)
{
	const struct rep_json *erased = rep_json_get(sets->about, "erased");
	struct rep_error err;

	for (size_t i = 0; i < rep_json_size(erased); i++) {
		const struct rep_json *one = rep_json_at(erased, i);

		if ((size_t)rep_json_get_integer(one, "set") == number)
			expect_ok(rep_changeset_erase(out, data, len,
						      (size_t)rep_json_get_integer(one, "index"),
						      &err),
				  &err);
	}
}

static void erased_change_sets_keep_hash_and_signature(void **state)
{
	struct sets *sets = *state;
	const struct rep_json *hashes = rep_json_get(sets->about, "hashes");
	struct rep_buf made = REP_BUF_INIT(100000);
	size_t at = 0, erased_at = 0;

	for (size_t i = 0; i < rep_json_size(hashes); i++) {
		struct rep_changeset set;
		struct rep_error err;
		size_t used;

		expect_ok(rep_changeset_read(&set, &used, sets->bytes.data + at,
					     sets->bytes.len - at, sets->key.public, &err),
			  &err);
		rep_changeset_clear(&set);
		erase_named(&made, sets, i, sets->bytes.data + at, used);
		at += used;
		expect_ok(rep_changeset_read(&set, &used, sets->erased.data + erased_at,
					     sets->erased.len - erased_at, sets->key.public, &err),
			  &err);
		assert_string_equal(set.hash, rep_json_string_value(rep_json_at(hashes, i)));
		rep_changeset_clear(&set);
		erased_at += used;
	}
	assert_int_equal(made.len, sets->erased.len);
	assert_memory_equal(made.data, sets->erased.data, made.len);
	rep_buf_clear(&made);
}

static void a_signed_document_is_read_and_signed_to_the_same_bytes(void **state)
{
	struct sets *sets = *state;
	struct rep_buf bytes = REP_BUF_INIT(10000), again = REP_BUF_INIT(10000);
	struct rep_json *document;
	struct rep_error err;

	read_file(&bytes, "signed.jsonl");
	expect_ok(rep_signed_read(&document, bytes.data, bytes.len, "receipt", sets->key.public,
				  &err),
		  &err);
	expect_ok(rep_signed_write(&again, document, &sets->key, &err), &err);
	assert_string_equal(again.data, bytes.data);
	rep_json_free(document);
	rep_buf_clear(&bytes);
	rep_buf_clear(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_becomes_the_canonical_bytes),
		cmocka_unit_test(stamps_are_made_refused_and_cut),
		cmocka_unit_test(ids_follow_from_what_they_are_made_of),
		cmocka_unit_test_setup_teardown(change_sets_are_read_and_sealed_to_the_same_bytes,
						load_sets, drop_sets),
		cmocka_unit_test_setup_teardown(erased_change_sets_keep_hash_and_signature,
						load_sets, drop_sets),
		cmocka_unit_test_setup_teardown(
			a_signed_document_is_read_and_signed_to_the_same_bytes, load_sets,
			drop_sets),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
