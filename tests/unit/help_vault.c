#include "help_vault.h"

#include <stdio.h>

#include "core/base/file.h"

char *vault_dir;
char vault_replica[4096], vault_path[4200], vault_keys[4096];
uint8_t recovery_public[32], recovery_secret[32];

struct rep_replica_identity vault_identity(const struct rep_replica_seal *seal)
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

struct rep_replica_seal vault_seal(void)
{
	return (struct rep_replica_seal){.passphrase = TEST_PASSPHRASE,
					 .passphrase_len = strlen(TEST_PASSPHRASE),
					 .keys_dir = vault_keys,
					 .kdf = &store_kdf,
					 .recovery_public = recovery_public};
}

void vault_create(const char *where)
{
	const struct rep_replica_seal how = vault_seal();
	const struct rep_replica_identity who = vault_identity(&how);

	expect_ok(rep_replica_create(where, &who, &err), &err);
}

int vault_setup(void **state)
{
	(void)state;
	expect_ok(rep_key_init(&err), &err);
	expect_ok(rep_dir_private(&vault_dir, "vault-test-", &err), &err);
	snprintf(vault_replica, sizeof vault_replica, "%s/laptop", vault_dir);
	snprintf(vault_keys, sizeof vault_keys, "%s/keys", vault_dir);
	snprintf(vault_path, sizeof vault_path, "%s/replica.db", vault_replica);
	rep_box_make(recovery_public, recovery_secret);
	vault_create(vault_replica);
	return 0;
}

int vault_teardown(void **state)
{
	(void)state;
	expect_ok(rep_dir_remove(vault_dir, &err), &err);
	free(vault_dir);
	return 0;
}

struct rep_vault *vault_open(const char *where)
{
	struct rep_vault *vault;

	expect_ok(rep_replica_vault(&vault, where, vault_keys, &err), &err);
	assert_non_null(vault);
	return vault;
}

enum rep_code vault_unlock(struct rep_vault *vault, const char *passphrase)
{
	return rep_vault_unlock(vault, passphrase, strlen(passphrase), &err);
}

struct rep_vault *vault_unlocked(void)
{
	struct rep_vault *vault = vault_open(vault_replica);

	expect_ok(vault_unlock(vault, TEST_PASSPHRASE), &err);
	return vault;
}

enum rep_code vault_opens(struct rep_vault *vault, const char *where)
{
	struct rep_replica *replica;
	enum rep_code rc = rep_replica_open_with(
		&replica, where, &(struct rep_replica_options){.vault = vault}, &err);

	rep_replica_close(replica);
	return rc;
}
