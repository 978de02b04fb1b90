/* The vault, and the encrypted replica behind it. */
#include "help_store.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/store/vfs.h"

#define WRONG "错误的马电池钉"

static char *dir;
static char replica_dir[4096], keys[4096], path[4200];
static uint8_t recovery_public[32], recovery_secret[32];

static struct rep_replica_identity identity(const struct rep_replica_seal *seal)
{
	static struct rep_key key;
	static struct rep_json *invitation;
	const uint8_t seed[32] = {1, 2, 3};

	rep_key_from_seed(&key, seed);
	rep_json_free(invitation);
	invitation = json("{\"replicas\":\"encrypted\",\"url\":\"ssh://sync@hub/mailbox\"}");
	return (struct rep_replica_identity){.device = TEST_DEVICE,
					     .rep = TEST_REP,
					     .key = &key,
					     .invitation = invitation,
					     .seal = seal};
}

static struct rep_replica_seal seal(void)
{
	return (struct rep_replica_seal){.passphrase = TEST_PASSPHRASE,
					 .passphrase_len = strlen(TEST_PASSPHRASE),
					 .keys_dir = keys,
					 .kdf = &store_kdf,
					 .recovery_public = recovery_public};
}

static void create_in(const char *where)
{
	const struct rep_replica_seal how = seal();
	const struct rep_replica_identity who = identity(&how);

	expect_ok(rep_replica_create(where, &who, &err), &err);
}

static int setup(void **state)
{
	(void)state;
	expect_ok(rep_key_init(&err), &err);
	expect_ok(rep_dir_private(&dir, "vault-test-", &err), &err);
	snprintf(replica_dir, sizeof replica_dir, "%s/laptop", dir);
	snprintf(keys, sizeof keys, "%s/keys", dir);
	snprintf(path, sizeof path, "%s/replica.db", replica_dir);
	rep_box_make(recovery_public, recovery_secret);
	create_in(replica_dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	expect_ok(rep_dir_remove(dir, &err), &err);
	free(dir);
	return 0;
}

static struct rep_vault *vault_at(const char *where)
{
	struct rep_vault *vault;

	expect_ok(rep_replica_vault(&vault, where, keys, &err), &err);
	assert_non_null(vault);
	return vault;
}

static enum rep_code unlock(struct rep_vault *vault, const char *passphrase)
{
	return rep_vault_unlock(vault, passphrase, strlen(passphrase), &err);
}

static struct rep_vault *unlocked(void)
{
	struct rep_vault *vault = vault_at(replica_dir);

	expect_ok(unlock(vault, TEST_PASSPHRASE), &err);
	return vault;
}

static enum rep_code open_with(struct rep_vault *vault, const char *where)
{
	struct rep_replica *replica;
	enum rep_code rc = rep_replica_open_with(
		&replica, where, &(struct rep_replica_options){.vault = vault}, &err);

	rep_replica_close(replica);
	return rc;
}

static struct rep_buf bytes_of(const char *file)
{
	struct rep_buf bytes = REP_BUF_INIT(64u << 20);

	expect_ok(rep_file_read(&bytes, file, &err), &err);
	return bytes;
}

static void put_bytes(const char *file, const struct rep_buf *bytes)
{
	FILE *out = fopen(file, "r+b");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes->data, 1, bytes->len, out), bytes->len);
	fclose(out);
}

REP_PRINTF(1, 2) static void shell(const char *fmt, ...)
{
	char command[20000];
	va_list args;

	va_start(args, fmt);
	assert_true(vsnprintf(command, sizeof command, fmt, args) < (int)sizeof command);
	va_end(args);
	assert_int_equal(system(command), 0);
}

/* ---- opening ---- */

static void the_passphrase_opens_it(void **state)
{
	struct rep_vault *vault = vault_at(replica_dir);

	(void)state;
	assert_false(rep_vault_is_unlocked(vault));
	assert_null(rep_vault_keys(vault));
	assert_string_equal(rep_vault_device(vault), TEST_DEVICE);
	expect_ok(unlock(vault, TEST_PASSPHRASE), &err);
	assert_non_null(rep_vault_keys(vault));
	expect_ok(open_with(vault, replica_dir), &err);
}

static void a_wrong_passphrase_opens_nothing(void **state)
{
	struct rep_vault *vault = vault_at(replica_dir);

	(void)state;
	expect_code(unlock(vault, WRONG), REP_EREFUSED, &err, "wrong passphrase");
	assert_false(rep_vault_is_unlocked(vault));
	expect_code(unlock(vault, ""), REP_EREFUSED, &err, "wrong passphrase");
	expect_code(open_with(vault, replica_dir), REP_EREFUSED, &err, "encrypted, and locked");
}

static void without_a_vault_it_says_that_it_is_locked(void **state)
{
	struct rep_replica *replica;

	(void)state;
	expect_code(rep_replica_open(&replica, replica_dir, false, &err), REP_EREFUSED, &err,
		    "encrypted, and locked");
	assert_non_null(strstr(err.hint, "repsync unlock"));
}

static void the_company_opens_what_its_laptop_holds(void **state)
{
	struct rep_vault *vault = vault_at(replica_dir);
	uint8_t other[32], ignored[32];

	(void)state;
	rep_box_make(ignored, other);
	expect_code(rep_vault_recover(vault, other, &err), REP_EREFUSED, &err,
		    "wrong recovery key");
	/* Neither passphrase nor the device's secret is needed. */
	shell("rm -r '%s'", keys);
	expect_ok(rep_vault_recover(vault, recovery_secret, &err), &err);
	expect_ok(open_with(vault, replica_dir), &err);
}

static void a_forgotten_passphrase_is_set_anew_by_the_company(void **state)
{
	struct rep_vault *vault = vault_at(replica_dir);

	(void)state;
	expect_ok(rep_vault_recover(vault, recovery_secret, &err), &err);
	expect_ok(rep_vault_set_passphrase(vault, WRONG, strlen(WRONG), &store_kdf, &err), &err);
	rep_vault_free(vault);
	vault = vault_at(replica_dir);
	expect_code(unlock(vault, TEST_PASSPHRASE), REP_EREFUSED, &err, "wrong passphrase");
	expect_ok(unlock(vault, WRONG), &err);
	expect_ok(open_with(vault, replica_dir), &err);
}

static void keys_of_an_agent_open_it_until_they_are_others(void **state)
{
	struct rep_vault_keys *kept = rep_secret_new(sizeof *kept);
	struct rep_vault *vault = unlocked();

	(void)state;
	*kept = *rep_vault_keys(vault);
	rep_vault_free(vault);
	vault = vault_at(replica_dir);
	expect_ok(rep_vault_use(vault, kept, &err), &err);
	expect_ok(open_with(vault, replica_dir), &err);
	kept->root[0] ^= 1;
	vault = vault_at(replica_dir);
	expect_code(rep_vault_use(vault, kept, &err), REP_EINTEGRITY, &err, NULL);
	assert_false(rep_vault_is_unlocked(vault));
	rep_vault_free(vault);
	rep_secret_free(kept);
}

static void a_new_passphrase_replaces_the_old_one_in_both_copies(void **state)
{
	struct rep_vault *vault = unlocked();
	struct rep_buf before = bytes_of(path), after;

	(void)state;
	expect_ok(rep_vault_set_passphrase(vault, WRONG, strlen(WRONG), &store_kdf, &err), &err);
	rep_vault_free(vault);
	vault = vault_at(replica_dir);
	expect_code(unlock(vault, TEST_PASSPHRASE), REP_EREFUSED, &err, "wrong passphrase");
	expect_ok(unlock(vault, WRONG), &err);
	rep_vault_free(vault);
	after = bytes_of(path);
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
	struct rep_replica_seal how = seal();
	struct rep_replica_identity who = identity(&how);
	struct rep_vault *vault = unlocked();
	char other[4200];

	(void)state;
	expect_code(rep_vault_set_passphrase(vault, "elevenbytes", 11, &store_kdf, &err),
		    REP_EUSAGE, &err, "11 bytes");
	rep_vault_free(vault);
	snprintf(other, sizeof other, "%s/other", dir);
	how.passphrase_len = 0;
	expect_code(rep_replica_create(other, &who, &err), REP_EUSAGE, &err, "empty");
	snprintf(other, sizeof other, "%s/other/replica.db", dir);
	assert_false(rep_file_exists(other));
}

/* ---- what an attacker, or an accident, may do to it ---- */

static void a_copy_elsewhere_does_not_open(void **state)
{
	struct rep_vault *vault;
	char elsewhere[4200];

	(void)state;
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", dir);
	expect_ok(rep_vault_read(&vault, path, elsewhere, &err), &err);
	expect_code(unlock(vault, TEST_PASSPHRASE), REP_EREFUSED, &err, "not on this computer");
	rep_vault_free(vault);
}

static void a_rolled_back_file_is_found(void **state)
{
	struct rep_vault *vault;

	(void)state;
	shell("cp -a '%s' '%s.old'", path, path);
	vault = unlocked();
	expect_ok(
		rep_vault_renew(vault, &(struct rep_vault_lease){.end_ms = 1000}, NULL, NULL, &err),
		&err);
	rep_vault_free(vault);
	shell("mv '%s.old' '%s'", path, path);
	vault = vault_at(replica_dir);
	expect_code(unlock(vault, TEST_PASSPHRASE), REP_EINTEGRITY, &err, "older copy");
	assert_non_null(strstr(err.hint, "--restored"));
	expect_ok(rep_vault_accept(vault, &err), &err);
	rep_vault_free(vault);
	rep_vault_free(unlocked());
}

/* Replaces a key's value in both copies of the vault, with a right checksum. */
static void edit_vault(const char *file, const char *key, const char *value)
{
	struct rep_buf bytes = bytes_of(file);
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
	put_bytes(file, &bytes);
	rep_buf_clear(&edited);
	rep_buf_clear(&bytes);
}

/* The text behind `key` in the vault. */
static void vault_text(const char *file, const char *key, char *out, size_t size)
{
	struct rep_buf bytes = bytes_of(file);
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
	snprintf(other, sizeof other, "%s/other", dir);
	snprintf(other_path, sizeof other_path, "%s/replica.db", other);
	create_in(other);
	for (size_t i = 0; i < 3; i++) {
		struct rep_vault *vault;

		shell("cp -a '%s' '%s.saved'", path, path);
		vault_text(other_path, slots[i], text, sizeof text);
		edit_vault(path, slots[i], text);
		vault = vault_at(replica_dir);
		/* Only the passphrase's slot is looked at before the mac. */
		expect_code(unlock(vault, TEST_PASSPHRASE), REP_EINTEGRITY, &err,
			    i == 0 ? "of another replica" : "changed by somebody");
		rep_vault_free(vault);
		shell("mv '%s.saved' '%s'", path, path);
	}
	rep_vault_free(unlocked());
}

static void a_lease_that_somebody_lengthened_is_found(void **state)
{
	struct rep_vault *vault = unlocked();

	(void)state;
	expect_ok(
		rep_vault_renew(vault, &(struct rep_vault_lease){.end_ms = 1000}, NULL, NULL, &err),
		&err);
	rep_vault_free(vault);
	edit_vault(path, "\"end\":\"", "2099-01-01T00:00:00.000Z");
	vault = vault_at(replica_dir);
	expect_code(unlock(vault, TEST_PASSPHRASE), REP_EINTEGRITY, &err, "changed by somebody");
	rep_vault_free(vault);
}

static void the_pages_of_another_replica_are_found(void **state)
{
	struct rep_buf mine = bytes_of(path), theirs;
	char other[4200], other_path[4300];

	(void)state;
	snprintf(other, sizeof other, "%s/other", dir);
	snprintf(other_path, sizeof other_path, "%s/replica.db", other);
	create_in(other);
	theirs = bytes_of(other_path);
	memcpy(theirs.data, mine.data, REP_VFS_HEAD_SIZE);
	put_bytes(path, &theirs);
	expect_code(open_with(unlocked(), replica_dir), REP_EINTEGRITY, &err, "does not verify");
	rep_buf_clear(&mine);
	rep_buf_clear(&theirs);
}

static void a_foreign_file_is_told(void **state)
{
	struct rep_vault *vault = unlocked();

	(void)state;
	shell("rm '%s'; sqlite3 '%s' 'CREATE TABLE t (a)'; chmod 600 '%s'", path, path, path);
	expect_code(open_with(vault, replica_dir), REP_EINTEGRITY, &err,
		    "another file was put in its place");
	expect_ok(rep_replica_vault(&vault, replica_dir, keys, &err), &err);
	assert_null(vault);
	expect_code(open_with(NULL, replica_dir), REP_ENOTFOUND, &err, "not finished");
	shell("sqlite3 '%s' 'PRAGMA application_id = 7'", path);
	expect_code(open_with(NULL, replica_dir), REP_EINVAL, &err, "is no replica");
}

/* Who can replace the file could else make the rep record customers in the clear. */
static void a_plain_replica_is_refused_where_the_company_wants_it_encrypted(void **state)
{
	const struct rep_replica_identity who = identity(NULL);
	char other[4200];

	(void)state;
	snprintf(other, sizeof other, "%s/plain", dir);
	expect_ok(rep_replica_create(other, &who, &err), &err);
	expect_code(open_with(NULL, other), REP_EREFUSED, &err, "not encrypted");
}

static void what_others_may_read_is_refused(void **state)
{
	struct rep_vault *vault;
	char secret[4200];

	(void)state;
	chmod(replica_dir, 0755);
	expect_code(rep_replica_vault(&vault, replica_dir, keys, &err), REP_EREFUSED, &err,
		    "others may look into the folder");
	assert_non_null(strstr(err.hint, "chmod 700"));
	chmod(replica_dir, 0700);
	chmod(path, 0644);
	expect_code(rep_replica_vault(&vault, replica_dir, keys, &err), REP_EREFUSED, &err,
		    "others may read it");
	chmod(path, 0600);
	snprintf(secret, sizeof secret, "%s/" TEST_DEVICE ".secret", keys);
	chmod(secret, 0644);
	vault = vault_at(replica_dir);
	expect_code(unlock(vault, TEST_PASSPHRASE), REP_EREFUSED, &err, "others may read it");
	rep_vault_free(vault);
}

static void one_damaged_copy_of_the_vault_is_mended(void **state)
{
	struct rep_buf bytes = bytes_of(path);
	struct rep_vault *vault;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		bytes.data[i * REP_VFS_HEAD_SIZE / 2 + 100] ^= 1;
		put_bytes(path, &bytes);
		vault = unlocked();
		assert_true(rep_vault_one_copy(vault));
		expect_ok(rep_vault_set_passphrase(vault, TEST_PASSPHRASE, strlen(TEST_PASSPHRASE),
						   &store_kdf, &err),
			  &err);
		rep_vault_free(vault);
		vault = unlocked();
		assert_false(rep_vault_one_copy(vault));
		rep_vault_free(vault);
		rep_buf_clear(&bytes);
		bytes = bytes_of(path);
	}
	bytes.data[100] ^= 1;
	bytes.data[REP_VFS_HEAD_SIZE / 2 + 100] ^= 1;
	put_bytes(path, &bytes);
	expect_code(rep_replica_vault(&vault, replica_dir, keys, &err), REP_EINTEGRITY, &err,
		    "both copies");
	rep_buf_clear(&bytes);
}

/* Any bit of a copy, its padding too, makes that copy one that does not count. */
static void each_changed_bit_of_a_copy_is_found(void **state)
{
	struct rep_buf bytes = bytes_of(path);

	(void)state;
	for (size_t bit = 3; bit < 8 * REP_VFS_HEAD_SIZE; bit += 997) {
		struct rep_vault *vault;

		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
		put_bytes(path, &bytes);
		vault = vault_at(replica_dir);
		assert_true(rep_vault_one_copy(vault));
		rep_vault_free(vault);
		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	rep_buf_clear(&bytes);
}

/* ---- leases ---- */

static void the_leases_key_is_needed(void **state)
{
	const struct rep_vault_lease lease = {.end_ms = 1000, .erase_ms = 2000, .seen_ms = 500};
	const uint8_t first[32] = {7}, second[32] = {8};
	struct rep_vault *vault = unlocked();
	struct rep_vault_lease now;

	(void)state;
	expect_ok(rep_vault_renew(vault, &lease, first, NULL, &err), &err);
	rep_vault_free(vault);
	vault = unlocked();
	rep_vault_lease(vault, &now);
	assert_int_equal(now.end_ms, 1000);
	assert_int_equal(now.erase_ms, 2000);
	assert_int_equal(now.seen_ms, 500);
	expect_ok(rep_vault_end_lease(vault, 1500, &err), &err);
	assert_null(rep_vault_keys(vault));
	rep_vault_free(vault);

	vault = vault_at(replica_dir);
	expect_ok(unlock(vault, TEST_PASSPHRASE), &err);
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
	vault = vault_at(replica_dir);
	expect_ok(unlock(vault, TEST_PASSPHRASE), &err);
	expect_ok(rep_vault_renew(vault, &(struct rep_vault_lease){.end_ms = 9000}, first, NULL,
				  &err),
		  &err);
	assert_non_null(rep_vault_keys(vault));
	expect_ok(open_with(vault, replica_dir), &err);
}

static void an_agents_keys_do_not_outlive_the_lease(void **state)
{
	struct rep_vault_keys *kept = rep_secret_new(sizeof *kept);
	const uint8_t key[32] = {7};
	struct rep_vault *vault = unlocked();

	(void)state;
	*kept = *rep_vault_keys(vault);
	expect_ok(
		rep_vault_renew(vault, &(struct rep_vault_lease){.end_ms = 1000}, key, NULL, &err),
		&err);
	expect_ok(rep_vault_end_lease(vault, 1500, &err), &err);
	rep_vault_free(vault);
	vault = vault_at(replica_dir);
	expect_ok(rep_vault_use(vault, kept, &err), &err);
	assert_null(rep_vault_keys(vault));
	rep_vault_free(vault);
	rep_secret_free(kept);
}

static void two_changes_at_once_both_count(void **state)
{
	struct rep_vault *first = unlocked(), *second = unlocked();
	struct rep_vault_lease lease;

	(void)state;
	expect_ok(rep_vault_set_passphrase(first, WRONG, strlen(WRONG), &store_kdf, &err), &err);
	expect_ok(rep_vault_renew(second, &(struct rep_vault_lease){.end_ms = 4711}, NULL, NULL,
				  &err),
		  &err);
	rep_vault_free(first);
	rep_vault_free(second);
	first = vault_at(replica_dir);
	expect_ok(unlock(first, WRONG), &err);
	rep_vault_lease(first, &lease);
	assert_int_equal(lease.end_ms, 4711);
	rep_vault_free(first);
}

static void the_time_that_was_seen_never_goes_back(void **state)
{
	struct rep_vault *vault = unlocked();
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

/* ---- erasing ---- */

static void an_erased_replica_says_so_and_holds_nothing(void **state)
{
	struct rep_buf bytes;
	struct rep_vault *vault;
	char secret[4200];

	(void)state;
	expect_ok(rep_vault_erase(path, keys, TEST_DEVICE, "the company ordered it", 1000, &err),
		  &err);
	bytes = bytes_of(path);
	assert_int_equal(bytes.len, REP_VFS_HEAD_SIZE);
	assert_null(memmem(bytes.data, bytes.len, "passphrase", 10));
	rep_buf_clear(&bytes);
	expect_code(rep_replica_vault(&vault, replica_dir, keys, &err), REP_EREFUSED, &err,
		    "erased on 1970-01-01: the company ordered it");
	expect_code(open_with(NULL, replica_dir), REP_EREFUSED, &err, "erased on");
	snprintf(secret, sizeof secret, "%s/" TEST_DEVICE ".secret", keys);
	assert_false(rep_file_exists(secret));
}

static void a_plain_replica_is_written_over(void **state)
{
	char plain[4200], plain_path[4300];
	struct rep_replica_identity who = identity(NULL);
	struct rep_replica *replica;
	struct rep_buf bytes;

	(void)state;
	who.invitation = NULL;
	snprintf(plain, sizeof plain, "%s/plain", dir);
	snprintf(plain_path, sizeof plain_path, "%s/replica.db", plain);
	expect_ok(rep_replica_create(plain, &who, &err), &err);
	expect_ok(rep_replica_open(&replica, plain, false, &err), &err);
	expect_ok(rep_meta_set(replica->db, "canary", "13900001111", &err), &err);
	rep_replica_close(replica);
	expect_ok(rep_vault_erase(plain_path, keys, TEST_DEVICE, "why", 0, &err), &err);
	bytes = bytes_of(plain_path);
	assert_int_equal(bytes.len, REP_VFS_HEAD_SIZE);
	assert_null(memmem(bytes.data, bytes.len, "13900001111", 11));
	rep_buf_clear(&bytes);
	expect_code(open_with(NULL, plain), REP_EREFUSED, &err, "erased on");
}

/* ---- making ---- */

static void two_enrolments_of_one_folder_are_told(void **state)
{
	const struct rep_replica_seal how = seal();
	const struct rep_replica_identity who = identity(&how);

	(void)state;
	expect_code(rep_replica_create(replica_dir, &who, &err), REP_EEXIST, &err,
		    "a replica already");
	rep_vault_free(unlocked());
}

static void what_a_killed_enrolment_left_is_no_hindrance(void **state)
{
	char other[4200];

	(void)state;
	snprintf(other, sizeof other, "%s/other", dir);
	shell("mkdir -m 700 '%s'; head -c 20000 /dev/urandom >'%s/replica.db.new'; cp "
	      "'%s/replica.db.new' '%s/replica.db.new-wal'",
	      other, other, other, other);
	create_in(other);
	shell("[ \"$(ls '%s')\" = replica.db ]", other);
}

static void the_customers_data_lies_nowhere_in_the_folder(void **state)
{
	struct rep_replica *replica;

	(void)state;
	expect_ok(rep_replica_open_with(&replica, replica_dir,
					&(struct rep_replica_options){.vault = unlocked()}, &err),
		  &err);
	expect_ok(rep_replica_install_schema(replica, small_schema(NULL), &err), &err);
	expect_ok(rep_db_exec(replica->db,
			      "INSERT INTO thing (id, name, phones) VALUES ('t1', '陈建国', "
			      "json_array('13900001111'))",
			      &err),
		  &err);
	/* With the log there, and without it. */
	for (int i = 0; i < 2; i++) {
		shell("cd '%s' && ! grep -raqE '陈建国|13900001111|thing|SQLite' . && ! grep -raqE "
		      "'url|sync@hub' .",
		      replica_dir);
		if (i == 0)
			rep_replica_close(replica);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(the_passphrase_opens_it),
		TEST(a_wrong_passphrase_opens_nothing),
		TEST(without_a_vault_it_says_that_it_is_locked),
		TEST(the_company_opens_what_its_laptop_holds),
		TEST(a_forgotten_passphrase_is_set_anew_by_the_company),
		TEST(keys_of_an_agent_open_it_until_they_are_others),
		TEST(a_new_passphrase_replaces_the_old_one_in_both_copies),
		TEST(short_passphrases_are_refused),
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
		TEST(the_leases_key_is_needed),
		TEST(an_agents_keys_do_not_outlive_the_lease),
		TEST(two_changes_at_once_both_count),
		TEST(the_time_that_was_seen_never_goes_back),
		TEST(an_erased_replica_says_so_and_holds_nothing),
		TEST(a_plain_replica_is_written_over),
		TEST(two_enrolments_of_one_folder_are_told),
		TEST(what_a_killed_enrolment_left_is_no_hindrance),
		TEST(the_customers_data_lies_nowhere_in_the_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
