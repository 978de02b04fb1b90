/* An encrypted replica for the tests of the vault: a laptop's folder, its keys elsewhere, and the company's recovery key. */
#ifndef REPSYNC_TESTS_HELP_VAULT_H
#define REPSYNC_TESTS_HELP_VAULT_H

#include "core/store/vfs.h"
#include "help_db.h"
#include "help_git.h"
#include "help_store.h"

#define WRONG "错误的马电池钉"

/* A scratch folder; in it the replica's, its file, and the folder of the device's secret. */
extern char *vault_dir;
extern char vault_replica[4096], vault_path[4200], vault_keys[4096];
extern uint8_t recovery_public[32], recovery_secret[32];

/* cmocka setup and teardown: the replica, made anew with TEST_PASSPHRASE. */
int vault_setup(void **state);
int vault_teardown(void **state);

/* What makes a replica like it; `seal` NULL: a plain one of a company that wants encryption. */
struct rep_replica_seal vault_seal(void);
struct rep_replica_identity vault_identity(const struct rep_replica_seal *seal);
void vault_create(const char *where);

/* The vault of the replica at `where`, locked; and that of the replica, unlocked. */
struct rep_vault *vault_open(const char *where);
struct rep_vault *vault_unlocked(void);
enum rep_code vault_unlock(struct rep_vault *vault, const char *passphrase);
/* Does the replica at `where` open with it? Takes the vault. */
enum rep_code vault_opens(struct rep_vault *vault, const char *where);

#endif
