#include "help.h"

#include "core/model/id.h"
#include "core/model/key.h"
#include "core/model/stamp.h"

static void ids_obey_one_alphabet(void **state)
{
	static const struct {
		const char *id;
		bool good;
	} cases[] = {
		{"a", true},
		{"0", true},
		{"Z9._-z", true},
		{"0193e2a0-7c00-7000-8000-000000000001", true},
		{"a.b", true},
		{"a-", true},
		{"0123456789012345678901234567890123456789012345678901234567890123", true},
		{"01234567890123456789012345678901234567890123456789012345678901234", false},
		{"", false},
		{".", false},
		{"..", false},
		{"a..b", false},
		{"a.", false},
		{".git", false},
		{"-o", false},
		{"_x", false},
		{"a/b", false},
		{"a b", false},
		{"a\n", false},
		{"a@{", false},
		{"a~1", false},
		{"a:b", false},
		{"王", false},
		{"a\xFF", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (rep_id_valid(cases[i].id) != cases[i].good)
			fail_msg("%s", cases[i].id);
}

static void devices_are_eight_digits_of_base32hex(void **state)
{
	static const char *const bad[] = {"",         "d7k3f9q",  "d7k3f9qmm", "D7K3F9QM",
					  "d7k3f9qw", "d7k3f9q ", "d7k3f9q\n", "d7k3-9qm"};
	static const uint8_t random[][8] = {
		{0, 1, 2, 3, 4, 5, 6, 7},
		{31, 30, 63, 255, 32, 64, 96, 128},
		{17, 30, 11, 0, 0, 0, 0, 0}, /* would be hub00000 */
	};
	char device[REP_DEVICE_LEN + 1];

	(void)state;
	assert_true(rep_device_valid("d7k3f9qm"));
	assert_true(rep_device_valid(REP_HUB_DEVICE));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(rep_device_valid(bad[i]));
	for (size_t i = 0; i < sizeof random / sizeof *random; i++) {
		rep_device_id(device, random[i]);
		assert_true(rep_device_valid(device));
		assert_string_not_equal(device, REP_HUB_DEVICE);
	}
}

static void a_uuid7_holds_its_time(void **state)
{
	static const uint8_t random[10] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
					   0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
	static const uint8_t vector[10] = {0x0C, 0xC3, 0x18, 0xC4, 0xDC,
					   0x0C, 0x0C, 0x07, 0x39, 0x8F};
	char id[REP_UUID_LEN + 1];
	int64_t ms;

	(void)state;
	rep_uuid7(id, 0x123456789ABC, random);
	assert_string_equal(id, "12345678-9abc-7fff-bfff-ffffffffffff");
	assert_true(rep_uuid7_ms(id, &ms));
	assert_true(ms == 0x123456789ABC);
	assert_true(rep_id_valid(id));
	/* RFC 9562, appendix A.6. */
	rep_uuid7(id, 1645557742000, vector);
	assert_string_equal(id, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void no_other_id_has_a_time(void **state)
{
	static const char *const cases[] = {
		"",
		"contact-1",
		"017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
		"017f22e2-79b0-7cc3-18c4-dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
		"017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
		"017f22e2079b0-7cc3-98c4-dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (rep_uuid7_ms(cases[i], &ms))
			fail_msg("%s", cases[i]);
}

static void a_uuid5_follows_from_its_name(void **state)
{
	static const uint8_t secret[32] = {1, 2, 3}, other[32] = {1, 2, 4};
	char id[REP_UUID_LEN + 1], again[REP_UUID_LEN + 1], keyed[REP_UUID_LEN + 1];

	(void)state;
	rep_uuid5(id, "contact", 7, NULL);
	rep_uuid5(again, "contact", 7, NULL);
	assert_string_equal(id, again);
	assert_int_equal(id[14], '5');
	assert_non_null(strchr("89ab", id[19]));
	rep_uuid5(again, "contacu", 7, NULL);
	assert_string_not_equal(id, again);
	rep_uuid5(keyed, "contact", 7, secret);
	assert_string_not_equal(id, keyed);
	rep_uuid5(again, "contact", 7, other);
	assert_string_not_equal(keyed, again);
}

static void folders_fan_out_by_hash(void **state)
{
	char fanout[3];

	(void)state;
	rep_fanout(fanout, "");
	assert_string_equal(fanout, "e3");
	rep_fanout(fanout, "abc");
	assert_string_equal(fanout, "ba");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_obey_one_alphabet),
		cmocka_unit_test(devices_are_eight_digits_of_base32hex),
		cmocka_unit_test(a_uuid7_holds_its_time),
		cmocka_unit_test(no_other_id_has_a_time),
		cmocka_unit_test(a_uuid5_follows_from_its_name),
		cmocka_unit_test(folders_fan_out_by_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
