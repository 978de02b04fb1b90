/* What an attacker, or an accident, may do to an encrypted replica. */
#include "help_vault.h"

#include <stdio.h>
#include <sys/stat.h>

#include "core/base/file.h"

static void a_copy_elsewhere_does_not_open(void **state)
{
	struct rep_vault *vault;
	char elsewhere[4200];

	(void)state;
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", vault_dir);
	expect_ok(rep_vault_read(&vault, vault_path, elsewhere, &err), &err);
	expect_code(vault_unlock(vault, TEST_PASSPHRASE), REP_EREFUSED, &err,
		    "not on this computer");
	rep_vault_free(vault);
}

static void a_rolled_back_file_is_found(void **state)
{
	struct rep_vault *vault;

	(void)state;
	shell_ok("cp -a '%s' '%s.old'", vault_path, vault_path);
	vault = vault_unlocked();
	expect_ok(
		rep_vault_renew(vault, &(struct rep_vault_lease){.end_ms = 1000}, NULL, NULL, &err),
		&err);
	rep_vault_free(vault);
	shell_ok("mv '%s.old' '%s'", vault_path, vault_path);
	vault = vault_open(vault_replica);
	expect_code(vault_unlock(vault, TEST_PASSPHRASE), REP_EINTEGRITY, &err, "older copy");
	assert_non_null(strstr(err.hint, "--restored"));
	expect_ok(rep_vault_accept(vault, &err), &err);
	rep_vault_free(vault);
	rep_vault_free(vault_unlocked());
}

/* Replaces a key's value in both copies of the vault, with a right checksum. */
static void edit_vault(const char *file, const char *key, const char *value)
{
	struct rep_buf bytes = file_bytes(file);
	char *copy = bytes.data, *at, *end, sum[REP_HASH_HEX + 1];
	struct rep_buf edited = REP_BUF_INIT(REP_VFS_HEAD_SIZE / 2);

	at = strstr(copy, key);
	assert_non_null(at);
	at += strlen(key);
	end = at + strcspn(at, "\"");
	rep_buf_put(&edited, copy, (size_t)(at - copy));
	rep_buf_puts(&edited, value);
	rep_buf_put(&edited, end, (size_t)(strchr(end, '\n') + 1 - end));
	rep_sha256_hex(sum, edited.data, edited.len);
	rep_buf_printf(&edited, "%s\n", sum);
	while (edited.len < REP_VFS_HEAD_SIZE / 2)
		rep_buf_putc(&edited, '\0');
	assert_int_equal(edited.failed, REP_OK);
	memcpy(copy, edited.data, edited.len);
	memcpy(copy + edited.len, edited.data, edited.len);
	file_put(file, bytes.data, bytes.len);
	rep_buf_clear(&edited);
	rep_buf_clear(&bytes);
}

/* The text behind `key` in the vault. */
static void vault_text(const char *file, const char *key, char *out, size_t size)
{
	struct rep_buf bytes = file_bytes(file);
	const char *at = strstr(bytes.data, key);

	assert_non_null(at);
	at += strlen(key);
	snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
	rep_buf_clear(&bytes);
}

static void a_key_slot_of_another_replica_is_told(void **state)
{
	static const char *const slots[] = {"\"passphrase\":\"", "\"data\":\"", "\"key\":\""};
	char other[4200], other_path[4300], text[1000];

	(void)state;
	snprintf(other, sizeof other, "%s/other", vault_dir);
	snprintf(other_path, sizeof other_path, "%s/replica.db", other);
	vault_create(other);
	for (size_t i = 0; i < 3; i++) {
		struct rep_vault *vault;

		shell_ok("cp -a '%s' '%s.saved'", vault_path, vault_path);
		vault_text(other_path, slots[i], text, sizeof text);
		edit_vault(vault_path, slots[i], text);
		vault = vault_open(vault_replica);
		/* Only the passphrase's slot is looked at before the mac. */
		expect_code(vault_unlock(vault, TEST_PASSPHRASE), REP_EINTEGRITY, &err,
			    i == 0 ? "of another replica" : "changed by somebody");
		rep_vault_free(vault);
		shell_ok("mv '%s.saved' '%s'", vault_path, vault_path);
	}
	rep_vault_free(vault_unlocked());
}

static void a_lease_that_somebody_lengthened_is_found(void **state)
{
	struct rep_vault *vault = vault_unlocked();

	(void)state;
	expect_ok(
		rep_vault_renew(vault, &(struct rep_vault_lease){.end_ms = 1000}, NULL, NULL, &err),
		&err);
	rep_vault_free(vault);
	edit_vault(vault_path, "\"end\":\"", "2099-01-01T00:00:00.000Z");
	vault = vault_open(vault_replica);
	expect_code(vault_unlock(vault, TEST_PASSPHRASE), REP_EINTEGRITY, &err,
		    "changed by somebody");
	rep_vault_free(vault);
}

static void the_pages_of_another_replica_are_found(void **state)
{
	struct rep_buf mine = file_bytes(vault_path), theirs;
	char other[4200], other_path[4300];

	(void)state;
	snprintf(other, sizeof other, "%s/other", vault_dir);
	snprintf(other_path, sizeof other_path, "%s/replica.db", other);
	vault_create(other);
	theirs = file_bytes(other_path);
	memcpy(theirs.data, mine.data, REP_VFS_HEAD_SIZE);
	file_put(vault_path, theirs.data, theirs.len);
	expect_code(vault_opens(vault_unlocked(), vault_replica), REP_EINTEGRITY, &err,
		    "does not verify");
	rep_buf_clear(&mine);
	rep_buf_clear(&theirs);
}

static void a_foreign_file_is_told(void **state)
{
	struct rep_vault *vault = vault_unlocked();

	(void)state;
	shell_ok("rm '%s'; sqlite3 '%s' 'CREATE TABLE t (a)'; chmod 600 '%s'", vault_path,
		 vault_path, vault_path);
	expect_code(vault_opens(vault, vault_replica), REP_EINTEGRITY, &err,
		    "another file was put in its place");
	expect_ok(rep_replica_vault(&vault, vault_replica, vault_keys, &err), &err);
	assert_null(vault);
	expect_code(vault_opens(NULL, vault_replica), REP_ENOTFOUND, &err, "not finished");
	shell_ok("sqlite3 '%s' 'PRAGMA application_id = 7'", vault_path);
	expect_code(vault_opens(NULL, vault_replica), REP_EINVAL, &err, "is no replica");
}

/* Who can replace the file could else make the rep record customers in the clear. */
static void a_plain_replica_is_refused_where_the_company_wants_it_encrypted(void **state)
{
	const struct rep_replica_identity who = vault_identity(NULL);
	char other[4200];

	(void)state;
	snprintf(other, sizeof other, "%s/plain", vault_dir);
	expect_ok(rep_replica_create(other, &who, &err), &err);
	expect_code(vault_opens(NULL, other), REP_EREFUSED, &err, "not encrypted");
}

static void what_others_may_read_is_refused(void **state)
{
	struct rep_vault *vault;
	char secret[4200];

	(void)state;
	chmod(vault_replica, 0755);
	expect_code(rep_replica_vault(&vault, vault_replica, vault_keys, &err), REP_EREFUSED, &err,
		    "others may look into the folder");
	assert_non_null(strstr(err.hint, "chmod 700"));
	chmod(vault_replica, 0700);
	chmod(vault_path, 0644);
	expect_code(rep_replica_vault(&vault, vault_replica, vault_keys, &err), REP_EREFUSED, &err,
		    "others may read it");
	chmod(vault_path, 0600);
	snprintf(secret, sizeof secret, "%s/" TEST_DEVICE ".secret", vault_keys);
	chmod(secret, 0644);
	vault = vault_open(vault_replica);
	expect_code(vault_unlock(vault, TEST_PASSPHRASE), REP_EREFUSED, &err, "others may read it");
	rep_vault_free(vault);
}

static void one_damaged_copy_of_the_vault_is_mended(void **state)
{
	struct rep_buf bytes = file_bytes(vault_path);
	struct rep_vault *vault;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		bytes.data[i * REP_VFS_HEAD_SIZE / 2 + 100] ^= 1;
		file_put(vault_path, bytes.data, bytes.len);
		vault = vault_unlocked();
		assert_true(rep_vault_one_copy(vault));
		expect_ok(rep_vault_set_passphrase(vault, TEST_PASSPHRASE, strlen(TEST_PASSPHRASE),
						   &store_kdf, &err),
			  &err);
		rep_vault_free(vault);
		vault = vault_unlocked();
		assert_false(rep_vault_one_copy(vault));
		rep_vault_free(vault);
		rep_buf_clear(&bytes);
		bytes = file_bytes(vault_path);
	}
	bytes.data[100] ^= 1;
	bytes.data[REP_VFS_HEAD_SIZE / 2 + 100] ^= 1;
	file_put(vault_path, bytes.data, bytes.len);
	expect_code(rep_replica_vault(&vault, vault_replica, vault_keys, &err), REP_EINTEGRITY,
		    &err, "both copies");
	rep_buf_clear(&bytes);
}

/* Any bit of a copy, its padding too, makes that copy one that does not count. */
static void each_changed_bit_of_a_copy_is_found(void **state)
{
	struct rep_buf bytes = file_bytes(vault_path);

	(void)state;
	for (size_t bit = 3; bit < 8 * REP_VFS_HEAD_SIZE; bit += 997) {
		struct rep_vault *vault;

		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
		file_put(vault_path, bytes.data, bytes.len);
		vault = vault_open(vault_replica);
		assert_true(rep_vault_one_copy(vault));
		rep_vault_free(vault);
		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	rep_buf_clear(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, vault_setup, vault_teardown)
		TEST(a_copy_elsewhere_does_not_open),
		TEST(a_rolled_back_file_is_found),
		TEST(a_key_slot_of_another_replica_is_told),
		TEST(a_lease_that_somebody_lengthened_is_found),
		TEST(the_pages_of_another_replica_are_found),
		TEST(a_foreign_file_is_told),
		TEST(a_plain_replica_is_refused_where_the_company_wants_it_encrypted),
		TEST(what_others_may_read_is_refused),
		TEST(one_damaged_copy_of_the_vault_is_mended),
		TEST(each_changed_bit_of_a_copy_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
