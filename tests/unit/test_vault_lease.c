/* The lease of an encrypted replica: its key, its end, and the time that was seen. */
#include "help_vault.h"

static void the_leases_key_is_needed(void **state)
{
	const struct rep_vault_lease lease = {.end_ms = 1000, .erase_ms = 2000, .seen_ms = 500};
	const uint8_t first[32] = {7}, second[32] = {8};
	struct rep_vault *vault = vault_unlocked();
	struct rep_vault_lease now;

	(void)state;
	expect_ok(rep_vault_renew(vault, &lease, first, NULL, &err), &err);
	rep_vault_free(vault);
	vault = vault_unlocked();
	rep_vault_lease(vault, &now);
	assert_int_equal(now.end_ms, 1000);
	assert_int_equal(now.erase_ms, 2000);
	assert_int_equal(now.seen_ms, 500);
	expect_ok(rep_vault_end_lease(vault, 1500, &err), &err);
	assert_null(rep_vault_keys(vault));
	rep_vault_free(vault);

	vault = vault_open(vault_replica);
	expect_ok(vault_unlock(vault, TEST_PASSPHRASE), &err);
	assert_true(rep_vault_is_unlocked(vault));
	assert_null(rep_vault_keys(vault));
	/* What a sync needs is there all the same. */
	{
		struct rep_json *contact;

		expect_ok(rep_vault_contact(vault, &contact, &err), &err);
		assert_string_equal(rep_json_get_string(rep_json_get(contact, "invitation"), "url"),
				    "ssh://sync@hub/mailbox");
		rep_json_free(contact);
	}
	rep_vault_lease(vault, &now);
	assert_int_equal(now.seen_ms, 1500);
	expect_code(rep_vault_renew(vault, &(struct rep_vault_lease){.end_ms = 9000}, second, NULL,
				    &err),
		    REP_EINTEGRITY, &err, NULL);
	rep_vault_free(vault);
	vault = vault_open(vault_replica);
	expect_ok(vault_unlock(vault, TEST_PASSPHRASE), &err);
	expect_ok(rep_vault_renew(vault, &(struct rep_vault_lease){.end_ms = 9000}, first, NULL,
				  &err),
		  &err);
	assert_non_null(rep_vault_keys(vault));
	expect_ok(vault_opens(vault, vault_replica), &err);
}

static void an_agents_keys_do_not_outlive_the_lease(void **state)
{
	struct rep_vault_keys *kept = rep_secret_new(sizeof *kept);
	const uint8_t key[32] = {7};
	struct rep_vault *vault = vault_unlocked();

	(void)state;
	*kept = *rep_vault_keys(vault);
	expect_ok(
		rep_vault_renew(vault, &(struct rep_vault_lease){.end_ms = 1000}, key, NULL, &err),
		&err);
	expect_ok(rep_vault_end_lease(vault, 1500, &err), &err);
	rep_vault_free(vault);
	vault = vault_open(vault_replica);
	expect_ok(rep_vault_use(vault, kept, &err), &err);
	assert_null(rep_vault_keys(vault));
	rep_vault_free(vault);
	rep_secret_free(kept);
}

static void two_changes_at_once_both_count(void **state)
{
	struct rep_vault *first = vault_unlocked(), *second = vault_unlocked();
	struct rep_vault_lease lease;

	(void)state;
	expect_ok(rep_vault_set_passphrase(first, WRONG, strlen(WRONG), &store_kdf, &err), &err);
	expect_ok(rep_vault_renew(second, &(struct rep_vault_lease){.end_ms = 4711}, NULL, NULL,
				  &err),
		  &err);
	rep_vault_free(first);
	rep_vault_free(second);
	first = vault_open(vault_replica);
	expect_ok(vault_unlock(first, WRONG), &err);
	rep_vault_lease(first, &lease);
	assert_int_equal(lease.end_ms, 4711);
	rep_vault_free(first);
}

static void the_time_that_was_seen_never_goes_back(void **state)
{
	struct rep_vault *vault = vault_unlocked();
	struct rep_vault_lease lease;
	int64_t generation;

	(void)state;
	expect_ok(rep_vault_see(vault, 10000000, &err), &err);
	generation = rep_vault_generation(vault);
	expect_ok(rep_vault_see(vault, 10000001, &err), &err); /* not worth a write */
	assert_int_equal(rep_vault_generation(vault), generation);
	expect_ok(rep_vault_see(vault, 5, &err), &err);
	expect_ok(rep_vault_renew(vault, &(struct rep_vault_lease){.end_ms = 1, .seen_ms = 7}, NULL,
				  NULL, &err),
		  &err);
	rep_vault_lease(vault, &lease);
	assert_int_equal(lease.seen_ms, 10000000);
	rep_vault_free(vault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, vault_setup, vault_teardown)
		TEST(the_leases_key_is_needed),
		TEST(an_agents_keys_do_not_outlive_the_lease),
		TEST(two_changes_at_once_both_count),
		TEST(the_time_that_was_seen_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
