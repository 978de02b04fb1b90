/* The vault, and the encrypted replica behind it: making, opening, erasing. test_vault_attack and test_vault_lease are the rest. */
#include "help_vault.h"

#include <stdio.h>

#include "core/base/file.h"

/* ---- opening ---- */

static void the_passphrase_opens_it(void **state)
{
	struct rep_vault *vault = vault_open(vault_replica);

	(void)state;
	assert_false(rep_vault_is_unlocked(vault));
	assert_null(rep_vault_keys(vault));
	assert_string_equal(rep_vault_device(vault), TEST_DEVICE);
	expect_ok(vault_unlock(vault, TEST_PASSPHRASE), &err);
	assert_non_null(rep_vault_keys(vault));
	expect_ok(vault_opens(vault, vault_replica), &err);
}

static void a_wrong_passphrase_opens_nothing(void **state)
{
	struct rep_vault *vault = vault_open(vault_replica);

	(void)state;
	expect_code(vault_unlock(vault, WRONG), REP_EREFUSED, &err, "wrong passphrase");
	assert_false(rep_vault_is_unlocked(vault));
	expect_code(vault_unlock(vault, ""), REP_EREFUSED, &err, "wrong passphrase");
	expect_code(vault_opens(vault, vault_replica), REP_EREFUSED, &err, "encrypted, and locked");
}

static void without_a_vault_it_says_that_it_is_locked(void **state)
{
	struct rep_replica *replica;

	(void)state;
	expect_code(rep_replica_open(&replica, vault_replica, false, &err), REP_EREFUSED, &err,
		    "encrypted, and locked");
	assert_non_null(strstr(err.hint, "repsync unlock"));
}

static void the_company_opens_what_its_laptop_holds(void **state)
{
	struct rep_vault *vault = vault_open(vault_replica);
	uint8_t other[32], ignored[32];

	(void)state;
	rep_box_make(ignored, other);
	expect_code(rep_vault_recover(vault, other, &err), REP_EREFUSED, &err,
		    "wrong recovery key");
	/* Neither passphrase nor the device's secret is needed. */
	shell_ok("rm -r '%s'", vault_keys);
	expect_ok(rep_vault_recover(vault, recovery_secret, &err), &err);
	expect_ok(vault_opens(vault, vault_replica), &err);
}

static void a_forgotten_passphrase_is_set_anew_by_the_company(void **state)
{
	struct rep_vault *vault = vault_open(vault_replica);

	(void)state;
	expect_ok(rep_vault_recover(vault, recovery_secret, &err), &err);
	expect_ok(rep_vault_set_passphrase(vault, WRONG, strlen(WRONG), &store_kdf, &err), &err);
	rep_vault_free(vault);
	vault = vault_open(vault_replica);
	expect_code(vault_unlock(vault, TEST_PASSPHRASE), REP_EREFUSED, &err, "wrong passphrase");
	expect_ok(vault_unlock(vault, WRONG), &err);
	expect_ok(vault_opens(vault, vault_replica), &err);
}

static void keys_of_an_agent_open_it_until_they_are_others(void **state)
{
	struct rep_vault_keys *kept = rep_secret_new(sizeof *kept);
	struct rep_vault *vault = vault_unlocked();

	(void)state;
	*kept = *rep_vault_keys(vault);
	rep_vault_free(vault);
	vault = vault_open(vault_replica);
	expect_ok(rep_vault_use(vault, kept, &err), &err);
	expect_ok(vault_opens(vault, vault_replica), &err);
	kept->root[0] ^= 1;
	vault = vault_open(vault_replica);
	expect_code(rep_vault_use(vault, kept, &err), REP_EINTEGRITY, &err, NULL);
	assert_false(rep_vault_is_unlocked(vault));
	rep_vault_free(vault);
	rep_secret_free(kept);
}

static void a_new_passphrase_replaces_the_old_one_in_both_copies(void **state)
{
	struct rep_vault *vault = vault_unlocked();
	struct rep_buf before = file_bytes(vault_path), after;

	(void)state;
	expect_ok(rep_vault_set_passphrase(vault, WRONG, strlen(WRONG), &store_kdf, &err), &err);
	rep_vault_free(vault);
	vault = vault_open(vault_replica);
	expect_code(vault_unlock(vault, TEST_PASSPHRASE), REP_EREFUSED, &err, "wrong passphrase");
	expect_ok(vault_unlock(vault, WRONG), &err);
	rep_vault_free(vault);
	after = file_bytes(vault_path);
	assert_memory_equal(after.data, after.data + REP_VFS_HEAD_SIZE / 2, REP_VFS_HEAD_SIZE / 2);
	/* The pages stay what they are. */
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data + REP_VFS_HEAD_SIZE, after.data + REP_VFS_HEAD_SIZE,
			    before.len - REP_VFS_HEAD_SIZE);
	rep_buf_clear(&before);
	rep_buf_clear(&after);
}

static void short_passphrases_are_refused(void **state)
{
	struct rep_replica_seal how = vault_seal();
	struct rep_replica_identity who = vault_identity(&how);
	struct rep_vault *vault = vault_unlocked();
	char other[4200];

	(void)state;
	expect_code(rep_vault_set_passphrase(vault, "elevenbytes", 11, &store_kdf, &err),
		    REP_EUSAGE, &err, "11 bytes");
	rep_vault_free(vault);
	snprintf(other, sizeof other, "%s/other", vault_dir);
	how.passphrase_len = 0;
	expect_code(rep_replica_create(other, &who, &err), REP_EUSAGE, &err, "empty");
	snprintf(other, sizeof other, "%s/other/replica.db", vault_dir);
	assert_false(rep_file_exists(other));
}

/* ---- erasing ---- */

static void an_erased_replica_says_so_and_holds_nothing(void **state)
{
	struct rep_buf bytes;
	struct rep_vault *vault;
	char secret[4200];

	(void)state;
	expect_ok(rep_vault_erase(vault_path, vault_keys, TEST_DEVICE, "the company ordered it",
				  1000, &err),
		  &err);
	bytes = file_bytes(vault_path);
	assert_int_equal(bytes.len, REP_VFS_HEAD_SIZE);
	assert_null(memmem(bytes.data, bytes.len, "passphrase", 10));
	rep_buf_clear(&bytes);
	expect_code(rep_replica_vault(&vault, vault_replica, vault_keys, &err), REP_EREFUSED, &err,
		    "erased on 1970-01-01: the company ordered it");
	expect_code(vault_opens(NULL, vault_replica), REP_EREFUSED, &err, "erased on");
	snprintf(secret, sizeof secret, "%s/" TEST_DEVICE ".secret", vault_keys);
	assert_false(rep_file_exists(secret));
}

/* What a kill between the notice and the rest leaves: the notice in the file's head, before everything else as it was. */
static void put_notice_alone(void)
{
	struct rep_buf was = file_bytes(vault_path), secret, notice;
	char name[4300];

	snprintf(name, sizeof name, "%s/" TEST_DEVICE ".secret", vault_keys);
	secret = file_bytes(name);
	expect_ok(rep_vault_erase(vault_path, vault_keys, TEST_DEVICE, "ordered", 1000, &err),
		  &err);
	notice = file_bytes(vault_path);
	assert_true(was.len > notice.len);
	memcpy(was.data, notice.data, notice.len);
	expect_ok(rep_file_write(vault_path, was.data, was.len, 0600, &err), &err);
	expect_ok(rep_file_write(name, secret.data, secret.len, 0600, &err), &err);
	snprintf(name, sizeof name, "%s-wal", vault_path);
	expect_ok(rep_file_write(name, "13900001111", 11, 0600, &err), &err);
	rep_buf_clear(&was);
	rep_buf_clear(&secret);
	rep_buf_clear(&notice);
}

static void an_erasure_that_was_killed_is_gone_on_with_by_whoever_reads_the_notice(void **state)
{
	struct rep_vault *vault;
	struct rep_buf bytes;
	char name[4300];

	(void)state;
	put_notice_alone();
	expect_code(rep_vault_read(&vault, vault_path, vault_keys, &err), REP_EREFUSED, &err,
		    "erased on 1970-01-01: ordered");
	bytes = file_bytes(vault_path);
	assert_int_equal(bytes.len, REP_VFS_HEAD_SIZE);
	rep_buf_clear(&bytes);
	snprintf(name, sizeof name, "%s-wal", vault_path);
	assert_false(rep_file_exists(name));
	snprintf(name, sizeof name, "%s/" TEST_DEVICE ".secret", vault_keys);
	assert_false(rep_file_exists(name));
}

static void a_notice_takes_no_other_secret_away(void **state)
{
	struct rep_vault *vault;
	char name[4300];

	(void)state;
	put_notice_alone();
	snprintf(name, sizeof name, "%s/" TEST_DEVICE ".secret", vault_keys);
	shell_ok("tr 0-9a-f 1-9a-f0 <'%s' >'%s.x' && chmod 600 '%s.x' && mv '%s.x' '%s'", name,
		 name, name, name, name);
	expect_code(rep_vault_read(&vault, vault_path, vault_keys, &err), REP_EREFUSED, &err,
		    "erased on");
	assert_true(rep_file_exists(name));
}

static void a_plain_replica_is_written_over(void **state)
{
	char plain[4200], plain_path[4300];
	struct rep_replica_identity who = vault_identity(NULL);
	struct rep_replica *replica;
	struct rep_buf bytes;

	(void)state;
	who.invitation = NULL;
	snprintf(plain, sizeof plain, "%s/plain", vault_dir);
	snprintf(plain_path, sizeof plain_path, "%s/replica.db", plain);
	expect_ok(rep_replica_create(plain, &who, &err), &err);
	expect_ok(rep_replica_open(&replica, plain, false, &err), &err);
	expect_ok(rep_meta_set(replica->db, "canary", "13900001111", &err), &err);
	rep_replica_close(replica);
	expect_ok(rep_vault_erase(plain_path, vault_keys, TEST_DEVICE, "why", 0, &err), &err);
	bytes = file_bytes(plain_path);
	assert_int_equal(bytes.len, REP_VFS_HEAD_SIZE);
	assert_null(memmem(bytes.data, bytes.len, "13900001111", 11));
	rep_buf_clear(&bytes);
	expect_code(vault_opens(NULL, plain), REP_EREFUSED, &err, "erased on");
}

/* ---- making ---- */

static void two_enrolments_of_one_folder_are_told(void **state)
{
	const struct rep_replica_seal how = vault_seal();
	const struct rep_replica_identity who = vault_identity(&how);

	(void)state;
	expect_code(rep_replica_create(vault_replica, &who, &err), REP_EEXIST, &err,
		    "a replica already");
	rep_vault_free(vault_unlocked());
}

static void what_a_killed_enrolment_left_is_no_hindrance(void **state)
{
	char other[4200];

	(void)state;
	snprintf(other, sizeof other, "%s/other", vault_dir);
	shell_ok("mkdir -m 700 '%s'; head -c 20000 /dev/urandom >'%s/replica.db.new'; cp "
		 "'%s/replica.db.new' '%s/replica.db.new-wal'",
		 other, other, other, other);
	vault_create(other);
	shell_ok("[ \"$(ls '%s')\" = replica.db ]", other);
}

static void the_customers_data_lies_nowhere_in_the_folder(void **state)
{
	struct rep_replica *replica;

	(void)state;
	expect_ok(rep_replica_open_with(&replica, vault_replica,
					&(struct rep_replica_options){.vault = vault_unlocked()},
					&err),
		  &err);
	expect_ok(rep_replica_install_schema(replica, small_schema(NULL), &err), &err);
	expect_ok(rep_db_exec(replica->db,
			      "INSERT INTO thing (id, name, phones) VALUES ('t1', '陈建国', "
			      "json_array('13900001111'))",
			      &err),
		  &err);
	/* With the log there, and without it. */
	for (int i = 0; i < 2; i++) {
		shell_ok(
			"cd '%s' && ! grep -raqE '陈建国|13900001111|thing|SQLite' . && ! grep -raqE "
			"'url|sync@hub' .",
			vault_replica);
		if (i == 0)
			rep_replica_close(replica);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, vault_setup, vault_teardown)
		TEST(the_passphrase_opens_it),
		TEST(a_wrong_passphrase_opens_nothing),
		TEST(without_a_vault_it_says_that_it_is_locked),
		TEST(the_company_opens_what_its_laptop_holds),
		TEST(a_forgotten_passphrase_is_set_anew_by_the_company),
		TEST(keys_of_an_agent_open_it_until_they_are_others),
		TEST(a_new_passphrase_replaces_the_old_one_in_both_copies),
		TEST(short_passphrases_are_refused),
		TEST(an_erased_replica_says_so_and_holds_nothing),
		TEST(an_erasure_that_was_killed_is_gone_on_with_by_whoever_reads_the_notice),
		TEST(a_notice_takes_no_other_secret_away),
		TEST(a_plain_replica_is_written_over),
		TEST(two_enrolments_of_one_folder_are_told),
		TEST(what_a_killed_enrolment_left_is_no_hindrance),
		TEST(the_customers_data_lies_nowhere_in_the_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
