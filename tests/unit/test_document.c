#include "help.h"

#include "sync/mailbox/document.h"

static struct rep_key hub, device;
static const char secret[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
static uint8_t secret_hash[REP_HASH_SIZE];

static void write_enrolment(struct rep_buf *out, const char *with)
{
	struct rep_error err;

	expect_ok(
		rep_enrolment_write(out, "d7k3f9qm", &device, "ssh-ed25519 AAAA", NULL, with, &err),
		&err);
}

static void enrolment_is_read_back(void **state)
{
	struct rep_buf text = REP_BUF_INIT(4096);
	struct rep_enrolment read;
	struct rep_error err;

	(void)state;
	write_enrolment(&text, secret);
	expect_ok(rep_enrolment_read(&read, text.data, text.len, "d7k3f9qm", secret_hash, &err),
		  &err);
	assert_memory_equal(read.public, device.public, REP_PUBLIC_SIZE);
	assert_string_equal(read.ssh_public, "ssh-ed25519 AAAA");
	rep_enrolment_clear(&read);
	rep_buf_clear(&text);
}

static void enrolment_under_another_secret_is_refused(void **state)
{
	struct rep_buf text = REP_BUF_INIT(4096);
	struct rep_enrolment read;
	struct rep_error err;

	(void)state;
	write_enrolment(&text, "ff");
	expect_code(rep_enrolment_read(&read, text.data, text.len, "d7k3f9qm", secret_hash, &err),
		    REP_EINTEGRITY, &err, "invitation");
	rep_enrolment_clear(&read);
	rep_buf_clear(&text);
}

static void enrolment_over_https_carries_what_checks_the_token(void **state)
{
	static const char token[] = "{SSHA}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
	struct rep_buf text = REP_BUF_INIT(4096);
	struct rep_enrolment read;
	struct rep_error err;
	char *at;

	(void)state;
	expect_ok(rep_enrolment_write(&text, "d7k3f9qm", &device, NULL, token, secret, &err), &err);
	expect_ok(rep_enrolment_read(&read, text.data, text.len, "d7k3f9qm", secret_hash, &err),
		  &err);
	assert_string_equal(read.token, token);
	assert_null(read.ssh_public);
	rep_enrolment_clear(&read);
	/* Another token under the same HMAC. */
	at = strstr(text.data, "{SSHA}A");
	at[6] = 'B';
	expect_code(rep_enrolment_read(&read, text.data, text.len, "d7k3f9qm", secret_hash, &err),
		    REP_EINTEGRITY, &err, NULL);
	rep_enrolment_clear(&read);
	rep_buf_reset(&text);
	expect_ok(rep_enrolment_write(&text, "d7k3f9qm", &device, NULL, "x:y", secret, &err), &err);
	expect_code(rep_enrolment_read(&read, text.data, text.len, "d7k3f9qm", secret_hash, &err),
		    REP_EINVAL, &err, "no verifier");
	rep_enrolment_clear(&read);
	rep_buf_clear(&text);
}

/* It becomes a line of a file that lets people in. */
static void enrolment_with_what_is_no_ssh_key_is_refused(void **state)
{
	static const char *const bad[] = {"ssh-ed25519 AAAA\nssh-ed25519 BBBB",
					  "command=\"sh\" ssh-ed25519 AAAA", "ssh-rsa AAAA", ""};
	struct rep_buf text = REP_BUF_INIT(4096);
	struct rep_enrolment read;
	struct rep_error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		rep_buf_reset(&text);
		expect_ok(
			rep_enrolment_write(&text, "d7k3f9qm", &device, bad[i], NULL, secret, &err),
			&err);
		expect_code(rep_enrolment_read(&read, text.data, text.len, "d7k3f9qm", secret_hash,
					       &err),
			    REP_EINVAL, &err, "no ssh public key");
		rep_enrolment_clear(&read);
	}
	rep_buf_clear(&text);
}

static void enrolment_of_another_device_is_refused(void **state)
{
	struct rep_buf text = REP_BUF_INIT(4096);
	struct rep_enrolment read;
	struct rep_error err;

	(void)state;
	write_enrolment(&text, secret);
	expect_code(rep_enrolment_read(&read, text.data, text.len, "d7k3f9q0", secret_hash, &err),
		    REP_EINTEGRITY, &err, "another device");
	rep_enrolment_clear(&read);
	rep_buf_clear(&text);
}

static void any_changed_byte_of_an_enrolment_is_refused(void **state)
{
	struct rep_buf text = REP_BUF_INIT(4096);
	struct rep_error err;

	(void)state;
	write_enrolment(&text, secret);
	for (size_t i = 0; i < text.len; i++) {
		struct rep_enrolment read;

		text.data[i] ^= 1;
		assert_int_not_equal(rep_enrolment_read(&read, text.data, text.len, "d7k3f9qm",
							secret_hash, &err),
				     REP_OK);
		rep_enrolment_clear(&read);
		text.data[i] ^= 1;
	}
	rep_buf_clear(&text);
}

static void receipt_is_read_back_and_only_from_the_hub(void **state)
{
	struct rep_receipt receipt = {.device = "d7k3f9qm",
				      .first = 3,
				      .last = 9,
				      .received = "2026-11-21T02:14:05.123Z"};
	struct rep_buf text = REP_BUF_INIT(4096);
	struct rep_receipt read;
	struct rep_error err;

	(void)state;
	memset(receipt.hash, 'a', REP_HASH_HEX);
	expect_ok(rep_receipt_write(&text, &receipt, &hub, &err), &err);
	expect_ok(rep_receipt_read(&read, text.data, text.len, hub.public, &err), &err);
	assert_memory_equal(&read, &receipt, sizeof read);
	expect_code(rep_receipt_read(&read, text.data, text.len, device.public, &err),
		    REP_EINTEGRITY, &err, "signature");
	rep_buf_clear(&text);
}

static void invitation_names_what_is_missing(void **state)
{
	static const char text[] = "{\"type\":\"invitation\",\"format\":1}";
	struct rep_json *read;
	struct rep_error err;

	(void)state;
	expect_code(rep_invitation_read(&read, text, sizeof text - 1, &err), REP_EINVAL, &err,
		    "\"company\" is missing");
}

static int setup(void **state)
{
	struct rep_error err;
	uint8_t seed[32] = {1};

	(void)state;
	if (rep_key_init(&err) != REP_OK)
		return 1;
	rep_key_from_seed(&hub, seed);
	seed[0] = 2;
	rep_key_from_seed(&device, seed);
	rep_sha256(secret_hash, secret, sizeof secret - 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enrolment_is_read_back),
		cmocka_unit_test(enrolment_under_another_secret_is_refused),
		cmocka_unit_test(enrolment_over_https_carries_what_checks_the_token),
		cmocka_unit_test(enrolment_with_what_is_no_ssh_key_is_refused),
		cmocka_unit_test(enrolment_of_another_device_is_refused),
		cmocka_unit_test(any_changed_byte_of_an_enrolment_is_refused),
		cmocka_unit_test(receipt_is_read_back_and_only_from_the_hub),
		cmocka_unit_test(invitation_names_what_is_missing),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
