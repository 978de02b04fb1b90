#include "help.h"

#include "core/model/key.h"

static int init(void **state)
{
	struct rep_error err;

	(void)state;
	expect_ok(rep_key_init(&err), &err);
	return 0;
}

/* RFC 8032, section 7.1, test 2. */
static void a_signature_is_the_one_of_the_standard(void **state)
{
	struct rep_key key;
	uint8_t seed[32];
	char hex[2 * REP_SIGNATURE_SIZE + 1], signature[REP_SIGNATURE_BASE64 + 1];
	uint8_t bytes[REP_SIGNATURE_SIZE];

	(void)state;
	assert_true(rep_unhex(
		seed, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", 32));
	rep_key_from_seed(&key, seed);
	rep_hex(hex, key.public, sizeof key.public);
	assert_string_equal(hex,
			    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
	rep_sign(signature, &key, "\x72", 1);
	assert_int_equal(strlen(signature), REP_SIGNATURE_BASE64);
	assert_true(rep_unbase64(bytes, sizeof bytes, signature));
	rep_hex(hex, bytes, sizeof bytes);
	assert_string_equal(hex,
			    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
			    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
	assert_true(rep_verify(key.public, "\x72", 1, signature));
	rep_key_wipe(&key);
	for (size_t i = 0; i < sizeof key.secret; i++)
		assert_int_equal(key.secret[i], 0);
}

static void a_signature_holds_for_one_key_and_one_text(void **state)
{
	struct rep_key key, other;
	char signature[REP_SIGNATURE_BASE64 + 1];

	(void)state;
	rep_key_make(&key);
	rep_key_make(&other);
	assert_memory_not_equal(key.public, other.public, sizeof key.public);
	rep_sign(signature, &key, "text", 4);
	assert_true(rep_verify(key.public, "text", 4, signature));
	assert_false(rep_verify(other.public, "text", 4, signature));
	assert_false(rep_verify(key.public, "texT", 4, signature));
	assert_false(rep_verify(key.public, "text", 3, signature));
}

/* S + L is the same number to a careless verifier: RFC 8032, 5.1.7 refuses it. */
static void add_order(uint8_t *s)
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a,       0x63,
					  0x12, 0x58, 0xd6, 0x9c, 0xf7,       0xa2,
					  0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
	unsigned carry = 0;

	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)s[i] + order[i];
		s[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

static void a_second_form_of_a_signature_is_refused(void **state)
{
	struct rep_key key;
	uint8_t bytes[REP_SIGNATURE_SIZE], zero[REP_SIGNATURE_SIZE] = {0}, weak[32] = {1};
	char good[REP_SIGNATURE_BASE64 + 1], text[REP_SIGNATURE_BASE64 + 1];

	(void)state;
	rep_key_make(&key);
	rep_sign(good, &key, "text", 4);
	assert_true(rep_unbase64(bytes, sizeof bytes, good));
	add_order(bytes + 32);
	rep_base64(text, bytes, sizeof bytes);
	assert_false(rep_verify(key.public, "text", 4, text));
	rep_base64(text, zero, sizeof zero);
	assert_false(rep_verify(key.public, "text", 4, text));
	/* The neutral element as key and as R makes S = 0 verify for every text where it is let in. */
	zero[0] = 1;
	rep_base64(text, zero, sizeof zero);
	assert_false(rep_verify(weak, "text", 4, text));
}

static void a_flipped_bit_of_a_signature_is_found(void **state)
{
	struct rep_key key;
	char good[REP_SIGNATURE_BASE64 + 1], text[REP_SIGNATURE_BASE64 + 1];

	(void)state;
	rep_key_make(&key);
	rep_sign(good, &key, "text", 4);
	for (size_t bit = 0; bit < 8 * (sizeof good - 1); bit++) {
		memcpy(text, good, sizeof good);
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		assert_false(rep_verify(key.public, "text", 4, text));
	}
}

static void base64_has_one_form(void **state)
{
	static const char *const bad[] = {"",     "QQ",   "QQ=",  "QR==",     "QQ==\n", " QQ==",
					  "QQ=A", "QUI=", "Q===", "QQ==QQ==", "_-==",   "=QQ="};
	uint8_t byte, two[2], bytes[64], again[64];
	char text[89];

	(void)state;
	rep_random(bytes, sizeof bytes);
	for (size_t len = 0; len <= sizeof bytes; len++) {
		rep_base64(text, bytes, len);
		assert_true(rep_unbase64(again, len, text));
		assert_memory_equal(bytes, again, len);
	}
	rep_base64(text, "A", 1);
	assert_string_equal(text, "QQ==");
	assert_true(rep_unbase64(&byte, 1, "QQ=="));
	assert_int_equal(byte, 'A');
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (rep_unbase64(&byte, 1, bad[i]))
			fail_msg("\"%s\"", bad[i]);
	assert_true(rep_unbase64(two, 2, "QUI="));
	assert_false(rep_unbase64(two, 2, "QUJ="));
}

static void hex_has_one_form(void **state)
{
	uint8_t bytes[2];
	char text[5];

	(void)state;
	rep_hex(text, "\x00\xAF", 2);
	assert_string_equal(text, "00af");
	assert_true(rep_unhex(bytes, "00af", 2));
	assert_int_equal(bytes[1], 0xAF);
	assert_false(rep_unhex(bytes, "00AF", 2));
	assert_false(rep_unhex(bytes, "00a", 2));
	assert_false(rep_unhex(bytes, "00af0", 2));
	assert_false(rep_unhex(bytes, "0xaf", 2));
	assert_false(rep_unhex(bytes, "", 2));
}

static void hashes_are_those_of_the_standards(void **state)
{
	char hex[REP_HASH_HEX + 1];
	struct rep_sha256 *stream = rep_sha256_new();

	(void)state;
	rep_sha256_hex(hex, "abc", 3);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_non_null(stream);
	rep_sha256_update(stream, "a", 1);
	rep_sha256_update(stream, "bc", 2);
	rep_sha256_final_hex(stream, hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	/* RFC 4231, test case 2. */
	rep_hmac_sha256_hex(hex, (const uint8_t *)"Jefe", 4, "what do ya want for nothing?", 28);
	assert_string_equal(hex,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void randomness_differs_from_call_to_call(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};

	(void)state;
	rep_random(a, sizeof a);
	rep_random(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_the_one_of_the_standard),
		cmocka_unit_test(a_signature_holds_for_one_key_and_one_text),
		cmocka_unit_test(a_second_form_of_a_signature_is_refused),
		cmocka_unit_test(a_flipped_bit_of_a_signature_is_found),
		cmocka_unit_test(base64_has_one_form),
		cmocka_unit_test(hex_has_one_form),
		cmocka_unit_test(hashes_are_those_of_the_standards),
		cmocka_unit_test(randomness_differs_from_call_to_call),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
