/* The lease of an encrypted replica: its key, its end, and the time that was seen. */
#include "core/store/lease.h"
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

/* ---- what follows from it (lease.h) ---- */

#define HOUR (3600LL * 1000)
#define DAY (24 * HOUR)
#define T0 1800000000000LL

static const uint8_t lease_key[32] = {7};

/* 14 days from T0, erased 30 days later. */
static struct rep_vault *leased(void)
{
	const struct rep_vault_lease lease = {
		.start_ms = T0, .end_ms = T0 + 14 * DAY, .erase_ms = T0 + 44 * DAY, .seen_ms = T0};
	struct rep_vault *vault = vault_unlocked();

	expect_ok(rep_vault_renew(vault, &lease, lease_key, NULL, &err), &err);
	return vault;
}

static enum rep_lease_state keep_at(struct rep_vault *vault, int64_t now_ms)
{
	struct rep_lease lease;

	expect_ok(rep_lease_keep(vault, now_ms, &lease, &err), &err);
	return lease.state;
}

static void a_lease_is_good_then_short_then_over(void **state)
{
	struct rep_vault *vault = vault_unlocked();
	struct rep_lease lease;

	(void)state;
	assert_int_equal(keep_at(vault, T0), REP_LEASE_NONE);
	rep_vault_free(vault);
	vault = leased();
	assert_int_equal(keep_at(vault, T0), REP_LEASE_GOOD);
	assert_int_equal(keep_at(vault, T0 + 7 * DAY - 1), REP_LEASE_GOOD);
	assert_int_equal(keep_at(vault, T0 + 7 * DAY), REP_LEASE_SHORT);
	rep_lease_look(&lease, vault, T0 + 12 * DAY + 1);
	assert_int_equal(lease.days_left, 1);
	assert_int_equal(keep_at(vault, T0 + 14 * DAY - 1), REP_LEASE_SHORT);
	assert_non_null(rep_vault_keys(vault));
	assert_int_equal(keep_at(vault, T0 + 14 * DAY), REP_LEASE_OVER);
	assert_null(rep_vault_keys(vault));
	/* The key is out: an earlier clock changes nothing. */
	assert_int_equal(keep_at(vault, T0), REP_LEASE_OVER);
	rep_vault_free(vault);
}

static void it_is_erased_when_it_was_over_for_a_day_at_least(void **state)
{
	struct rep_vault *vault = leased();

	(void)state;
	/* The first look after a long time locks; a day later it is to be erased. */
	assert_int_equal(keep_at(vault, T0 + 400 * DAY), REP_LEASE_OVER);
	assert_int_equal(keep_at(vault, T0 + 401 * DAY - 1), REP_LEASE_OVER);
	assert_int_equal(keep_at(vault, T0 + 401 * DAY), REP_LEASE_ERASE);
	rep_vault_free(vault);
}

static void it_is_erased_thirty_days_after_its_end(void **state)
{
	struct rep_vault *vault = leased();

	(void)state;
	assert_int_equal(keep_at(vault, T0 + 15 * DAY), REP_LEASE_OVER);
	assert_int_equal(keep_at(vault, T0 + 44 * DAY - 1), REP_LEASE_OVER);
	assert_int_equal(keep_at(vault, T0 + 44 * DAY), REP_LEASE_ERASE);
	rep_vault_free(vault);
}

static void a_clock_behind_what_was_seen_counts_by_openings(void **state)
{
	struct rep_vault *vault = leased();
	struct rep_lease lease;
	int openings = 0;

	(void)state;
	assert_int_equal(keep_at(vault, T0 + 13 * DAY), REP_LEASE_SHORT);
	/* Within the hour it is a clock that was put right, and nothing is counted. */
	rep_lease_look(&lease, vault, T0 + 13 * DAY - HOUR);
	assert_int_equal(lease.now_ms, T0 + 13 * DAY);
	while (openings < 100 && keep_at(vault, T0) != REP_LEASE_OVER)
		openings++;
	assert_int_equal(openings, 23);
	rep_vault_free(vault);
}

static void a_later_lease_begins_the_time_anew(void **state)
{
	const struct rep_vault_lease next = {.start_ms = T0 + DAY,
					     .end_ms = T0 + 15 * DAY,
					     .erase_ms = T0 + 45 * DAY,
					     .seen_ms = T0 + DAY};
	struct rep_vault *vault = leased();

	(void)state;
	/* A clock that was wrong by years for a while. */
	assert_int_equal(keep_at(vault, T0 + 2000 * DAY), REP_LEASE_OVER);
	expect_ok(rep_vault_renew(vault, &next, lease_key, NULL, &err), &err);
	assert_int_equal(keep_at(vault, T0 + 2 * DAY), REP_LEASE_GOOD);
	assert_non_null(rep_vault_keys(vault));
	rep_vault_free(vault);
}

static void a_vault_from_before_leases_had_a_beginning_is_read(void **state)
{
	const struct rep_vault_lease old = {
		.end_ms = T0 + 14 * DAY, .erase_ms = T0 + 44 * DAY, .seen_ms = T0};
	struct rep_vault *vault = vault_unlocked();

	(void)state;
	expect_ok(rep_vault_renew(vault, &old, lease_key, NULL, &err), &err);
	rep_vault_free(vault);
	vault = vault_unlocked();
	assert_int_equal(keep_at(vault, T0 + 13 * DAY), REP_LEASE_GOOD); /* nobody knows its half */
	assert_int_equal(keep_at(vault, T0 + 14 * DAY), REP_LEASE_OVER);
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
		TEST(a_lease_is_good_then_short_then_over),
		TEST(it_is_erased_when_it_was_over_for_a_day_at_least),
		TEST(it_is_erased_thirty_days_after_its_end),
		TEST(a_clock_behind_what_was_seen_counts_by_openings),
		TEST(a_later_lease_begins_the_time_anew),
		TEST(a_vault_from_before_leases_had_a_beginning_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
