#include "help.h"

#include "core/model/cipher.h"

static struct rep_error err;

static int init(void **state)
{
	(void)state;
	expect_ok(rep_key_init(&err), &err);
	return 0;
}

/* draft-irtf-cfrg-xchacha-03, A.3.1. */
static void a_sealed_text_is_the_one_of_the_draft(void **state)
{
	const char *text =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one "
		"tip for the future, sunscreen would be it.";
	uint8_t key[32], bound[12], nonce[24], sealed[114], expected[114], extra[40], tag[16];
	const struct rep_cipher cipher = {key, bound, sizeof bound};
	char out[115] = "";

	(void)state;
	assert_true(rep_unhex(
		key, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", 32));
	assert_true(rep_unhex(bound, "50515253c0c1c2c3c4c5c6c7", 12));
	assert_true(rep_unhex(nonce, "404142434445464748494a4b4c4d4e4f5051525354555657", 24));
	assert_true(rep_unhex(tag, "c0875924c1c7987947deafd8780acf49", 16));
	assert_true(rep_unhex(
		expected,
		"bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a8"
		"2f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369"
		"488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e",
		114));
	memcpy(extra, nonce, 24);
	memcpy(extra + 24, tag, 16);
	assert_true(rep_cipher_open(&cipher, out, expected, sizeof expected, extra));
	assert_string_equal(out, text);
	/* The nonce counts up before it is used. */
	nonce[16]--;
	rep_cipher_seal(&cipher, (struct rep_nonce *)nonce, sealed, text, sizeof sealed, extra);
	assert_memory_equal(sealed, expected, sizeof sealed);
	assert_memory_equal(extra + 24, tag, 16);
}

static void what_was_changed_or_moved_does_not_open(void **state)
{
	uint8_t key[32] = {1}, other_key[32] = {2}, data[64] = "some text", sealed[64], out[64];
	uint8_t extra[40];
	const uint8_t zero[64] = {0};
	const struct rep_cipher here = {key, "here", 4}, there = {key, "nowhere", 7};
	const struct rep_cipher other = {other_key, "here", 4};
	struct rep_nonce nonce;

	(void)state;
	rep_nonce_init(&nonce);
	rep_cipher_seal(&here, &nonce, sealed, data, sizeof data, extra);
	assert_true(rep_cipher_open(&here, out, sealed, sizeof sealed, extra));
	assert_memory_equal(out, data, sizeof data);
	assert_false(rep_cipher_open(&there, out, sealed, sizeof sealed, extra));
	assert_memory_equal(out, zero, sizeof zero);
	assert_false(rep_cipher_open(&other, out, sealed, sizeof sealed, extra));
	for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(rep_cipher_open(&here, out, sealed, sizeof sealed, extra));
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof extra; bit++) {
		extra[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(rep_cipher_open(&here, out, sealed, sizeof sealed, extra));
		extra[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_false(rep_cipher_open(&here, out, zero, sizeof zero, zero));
}

static void a_nonce_is_used_once(void **state)
{
	struct rep_nonce a, b;
	uint8_t first[40], second[40], data[1] = {0}, out[1];
	const uint8_t key[32] = {0};
	const struct rep_cipher cipher = {key, "", 0};

	(void)state;
	rep_nonce_init(&a);
	rep_nonce_init(&b);
	assert_memory_not_equal(&a, &b, 16);
	rep_cipher_seal(&cipher, &a, out, data, 1, first);
	rep_cipher_seal(&cipher, &a, out, data, 1, second);
	assert_memory_not_equal(first, second, 24);
}

/* Same passphrase, same salt, same key; another of either, another key. */
static void a_passphrase_makes_one_key(void **state)
{
	const struct rep_kdf cheap = {.passes = 2, .memory_kib = 64};
	uint8_t key[32], again[32];

	(void)state;
	expect_ok(rep_kdf_passphrase(key, "password", 8, (const uint8_t *)"somesalt12345678",
				     &cheap, &err),
		  &err);
	expect_ok(rep_kdf_passphrase(again, "password", 8, (const uint8_t *)"somesalt12345678",
				     &cheap, &err),
		  &err);
	assert_memory_equal(key, again, sizeof key);
	expect_ok(rep_kdf_passphrase(again, "Password", 8, (const uint8_t *)"somesalt12345678",
				     &cheap, &err),
		  &err);
	assert_memory_not_equal(key, again, sizeof key);
	expect_ok(rep_kdf_passphrase(again, "password", 8, (const uint8_t *)"somesalt12345679",
				     &cheap, &err),
		  &err);
	assert_memory_not_equal(key, again, sizeof key);
}

static void figures_out_of_bounds_are_refused(void **state)
{
	const struct rep_kdf bad[] = {{0, 65536}, {101, 65536}, {3, 7}, {3, 4 * 1024 * 1024 + 1}};
	uint8_t key[32], salt[16] = {0};

	(void)state;
	assert_true(rep_kdf_valid(&rep_kdf_default));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		expect_code(rep_kdf_passphrase(key, "password", 8, salt, &bad[i], &err), REP_EINVAL,
			    &err, "argon2id");
}

static void lists_of_parts_do_not_run_into_each_other(void **state)
{
	const struct rep_derive_part one[] = {{"ab", 2}, {"c", 1}};
	const struct rep_derive_part two[] = {{"a", 1}, {"bc", 2}};
	uint8_t a[32], b[32], c[32];

	(void)state;
	rep_derive(a, "purpose", one, 2);
	rep_derive(b, "purpose", two, 2);
	rep_derive(c, "another", one, 2);
	assert_memory_not_equal(a, b, sizeof a);
	assert_memory_not_equal(a, c, sizeof a);
	rep_derive(b, "purpose", one, 2);
	assert_memory_equal(a, b, sizeof a);
}

static void a_box_opens_for_its_key_only(void **state)
{
	uint8_t public[32], secret[32], other_public[32], other_secret[32], derived[32];
	uint8_t box[5 + REP_BOX_EXTRA];
	char out[6] = "";

	(void)state;
	rep_box_make(public, secret);
	rep_box_make(other_public, other_secret);
	rep_box_public(derived, secret);
	assert_memory_equal(derived, public, sizeof public);
	assert_true(rep_box_seal(box, "hello", 5, public));
	assert_true(rep_box_open(out, box, sizeof box, secret));
	assert_string_equal(out, "hello");
	assert_false(rep_box_open(out, box, sizeof box, other_secret));
	box[40] ^= 1;
	assert_false(rep_box_open(out, box, sizeof box, secret));
	assert_false(rep_box_open(out, box, REP_BOX_EXTRA - 1, secret));
}

static void who_signs_can_also_receive(void **state)
{
	uint8_t public[32], secret[32], box[5 + REP_BOX_EXTRA];
	struct rep_key key;
	char out[6] = "";

	(void)state;
	rep_key_make(&key);
	assert_true(rep_box_public_of(public, key.public));
	rep_box_secret_of(secret, &key);
	assert_true(rep_box_seal(box, "hello", 5, public));
	assert_true(rep_box_open(out, box, sizeof box, secret));
	assert_string_equal(out, "hello");
	memset(public, 0, sizeof public);
	assert_false(rep_box_public_of(secret, public)); /* a point of small order */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_text_is_the_one_of_the_draft),
		cmocka_unit_test(what_was_changed_or_moved_does_not_open),
		cmocka_unit_test(a_nonce_is_used_once),
		cmocka_unit_test(a_passphrase_makes_one_key),
		cmocka_unit_test(figures_out_of_bounds_are_refused),
		cmocka_unit_test(lists_of_parts_do_not_run_into_each_other),
		cmocka_unit_test(a_box_opens_for_its_key_only),
		cmocka_unit_test(who_signs_can_also_receive),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
