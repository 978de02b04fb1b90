/* Changing a vault, under its lock, and erasing a replica. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/vault_work.h"
#include "core/store/vfs.h"

#define SEE_MS 3600000 /* how much later a time must be to be worth a write */

/* What is to be changed; all of it under the lock, on what lies in the file now. */
struct change {
	const char *passphrase;
	size_t passphrase_len;
	const struct rep_kdf *kdf;
	const struct rep_vault_lease *lease;
	const uint8_t *lease_key;
	const struct rep_json *contact;
	bool end_lease;
};

static enum rep_code apply(struct rep_vault *vault, const struct change *change,
			   struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (change->passphrase)
		rc = rep_vault_put_passphrase(vault, change->passphrase, change->passphrase_len,
					      change->kdf, true, err);
	if (rc == REP_OK && change->contact)
		rc = rep_vault_put_contact(vault, change->contact, err);
	if (rc != REP_OK)
		return rc;
	if (change->lease) {
		const struct rep_vault_lease was = vault->lease;

		vault->lease = *change->lease;
		if (vault->lease.seen_ms < was.seen_ms && vault->lease.start_ms <= was.start_ms)
			vault->lease.seen_ms = was.seen_ms;
	}
	if (change->lease_key)
		rep_vault_put_data(vault, change->lease_key);
	if (change->end_lease) {
		rep_wipe(vault->lease_key, sizeof vault->lease_key);
		vault->lease_key_there = false;
	}
	return REP_OK;
}

/* Reads the vault again, under the lock, with the keys that are known. */
static enum rep_code reload(struct rep_vault *vault, struct rep_vault *now, struct rep_error *err)
{
	bool found = false;
	enum rep_code rc;

	now->path = strdup(vault->path);
	now->keys_dir = strdup(vault->keys_dir);
	now->keys = rep_secret_new(sizeof *now->keys);
	if (!now->path || !now->keys_dir || !now->keys)
		return rep_vault_no_memory(err);
	*now->keys = *vault->keys;
	rc = rep_vault_load(now, &found, err);
	if (rc == REP_OK && !found)
		rc = rep_fail(err, REP_EINTEGRITY, "the vault is gone");
	if (rc == REP_OK)
		rc = rep_vault_check_mac(now, err);
	return rc;
}

static enum rep_code take_lock(const struct rep_vault *vault, struct rep_lock **lock,
			       struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(8192);
	enum rep_code rc;

	*lock = NULL;
	rep_buf_printf(&path, "%s.lock", vault->path);
	rc = rep_buf_check(&path, "a path", err);
	if (rc == REP_OK)
		rc = rep_lock_take(lock, path.data, "the vault", true, err);
	rep_buf_clear(&path);
	return rc;
}

static enum rep_code change_vault(struct rep_vault *vault, const struct change *change,
				  struct rep_error *err)
{
	struct rep_vault now = {.path = NULL};
	struct rep_lock *lock = NULL;
	const bool had_pages = vault->open;
	enum rep_code rc = take_lock(vault, &lock, err);

	if (rc == REP_OK)
		rc = reload(vault, &now, err);
	now.open = had_pages;
	if (rc == REP_OK && !now.open)
		rc = rep_vault_open_data(&now, err);
	if (rc == REP_OK && !now.open && change->lease_key)
		rc = rep_vault_open_pages(&now, change->lease_key, err);
	if (rc == REP_OK)
		rc = apply(&now, change, err);
	if (rc == REP_OK) {
		now.generation++;
		rc = rep_vault_store(&now, err);
	}
	if (rc == REP_OK)
		rc = rep_device_set_generation(&now, err);
	rep_lock_free(lock);
	if (rc != REP_OK) {
		rep_vault_clear(&now);
		return rc;
	}
	now.open = now.open && !change->end_lease;
	rep_vault_clear(vault);
	*vault = now;
	return REP_OK;
}

enum rep_code rep_vault_set_passphrase(struct rep_vault *vault, const char *passphrase, size_t len,
				       const struct rep_kdf *kdf, struct rep_error *err)
{
	const struct change change = {.passphrase = passphrase, .passphrase_len = len, .kdf = kdf};
	enum rep_code rc = rep_vault_check_passphrase(len, err);

	if (rc == REP_OK)
		rc = change_vault(vault, &change, err);
	return rep_wrap(err, rc, "set passphrase");
}

enum rep_code rep_vault_renew(struct rep_vault *vault, const struct rep_vault_lease *lease,
			      const uint8_t *key, const struct rep_json *contact,
			      struct rep_error *err)
{
	const struct change change = {.lease = lease, .lease_key = key, .contact = contact};

	return rep_wrap(err, change_vault(vault, &change, err), "renew lease");
}

enum rep_code rep_vault_end_lease(struct rep_vault *vault, int64_t seen_ms, struct rep_error *err)
{
	struct rep_vault_lease lease = vault->lease;
	const struct change change = {.lease = &lease, .end_lease = true};

	lease.seen_ms = seen_ms;
	return rep_wrap(err, change_vault(vault, &change, err), "end lease");
}

enum rep_code rep_vault_see(struct rep_vault *vault, int64_t now_ms, struct rep_error *err)
{
	struct rep_vault_lease lease = vault->lease;
	const struct change change = {.lease = &lease};

	if (now_ms < vault->lease.seen_ms + SEE_MS)
		return REP_OK;
	lease.seen_ms = now_ms;
	return rep_wrap(err, change_vault(vault, &change, err), "remember the time");
}

/* ---- erasing ---- */

/*
 * Cuts a file to `keep` bytes. What was sealed is noise as soon as its keys are gone, whatever becomes of the blocks it lay in; what
 * was plain is written over first, which is as much as can be done on a disk that writes elsewhere than it says.
 */
static enum rep_code wipe_file(const char *path, off_t keep, bool plain, struct rep_error *err)
{
	static const char zeros[65536];
	struct stat st;
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	enum rep_code rc = REP_OK;

	if (fd < 0)
		return errno == ENOENT
			       ? REP_OK
			       : rep_fail(err, REP_EIO, "open %s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0)
		rc = rep_fail(err, REP_EIO, "%s: %s", path, strerror(errno));
	for (off_t at = keep; plain && rc == REP_OK && at < st.st_size;) {
		size_t len = st.st_size - at < (off_t)sizeof zeros ? (size_t)(st.st_size - at)
								   : sizeof zeros;
		ssize_t n = pwrite(fd, zeros, len, at);

		if (n <= 0)
			rc = rep_fail(err, REP_EIO, "write %s: %s", path, strerror(errno));
		at += n;
	}
	if (rc == REP_OK && ((plain && fsync(fd) != 0) ||
			     (st.st_size > keep && ftruncate(fd, keep) != 0) || fsync(fd) != 0))
		rc = rep_fail(err, REP_EIO, "erase %s: %s", path, strerror(errno));
	close(fd);
	return rc;
}

static enum rep_code wipe_beside(const char *path, const char *end, bool plain,
				 struct rep_error *err)
{
	struct rep_buf name = REP_BUF_INIT(8192);
	enum rep_code rc;

	rep_buf_printf(&name, "%s%s", path, end);
	rc = rep_buf_check(&name, "a path", err);
	if (rc == REP_OK)
		rc = wipe_file(name.data, 0, plain, err);
	if (rc == REP_OK && unlink(name.data) != 0 && errno != ENOENT)
		rc = rep_fail(err, REP_EIO, "remove %s: %s", name.data, strerror(errno));
	rep_buf_clear(&name);
	return rc;
}

static enum rep_code wipe_rest(const char *path, bool plain, struct rep_error *err)
{
	enum rep_code rc = wipe_file(path, REP_VFS_HEAD_SIZE, plain, err);

	if (rc == REP_OK)
		rc = wipe_beside(path, "-wal", plain, err);
	if (rc == REP_OK)
		rc = wipe_beside(path, "-shm", plain, err);
	return rc;
}

/* SHA-256 of the device's secret; "" where it is not here. */
static void sum_secret(char out[REP_HASH_HEX + 1], const char *keys_dir, const char *device)
{
	uint8_t secret[REP_CIPHER_KEY];
	struct rep_error ignored;

	*out = '\0';
	if (rep_device_secret(secret, keys_dir, device, false, &ignored) == REP_OK)
		rep_sha256_hex(out, secret, sizeof secret);
	rep_wipe(secret, sizeof secret);
}

/*
 * A disk that cannot be written now: the next command tries again. Anybody can write a notice, so it takes no secret away but the one
 * whose hash it bears.
 */
void rep_vault_erase_on(const struct rep_vault *vault)
{
	char sum[REP_HASH_HEX + 1];
	struct rep_error ignored;

	if (*vault->erased_secret) {
		sum_secret(sum, vault->keys_dir, vault->device);
		if (strcmp(sum, vault->erased_secret) == 0)
			(void)!rep_device_forget(vault->keys_dir, vault->device, NULL, &ignored);
	}
	(void)!wipe_rest(vault->path, true, &ignored);
}

/* The notice first: it lies where the vault lay, so the keys are gone with it; after a kill whoever reads it goes on (rep_vault_read). */
enum rep_code rep_vault_erase(const char *path, const char *keys_dir, const char *device,
			      const char *reason, int64_t now_ms, struct rep_error *err)
{
	struct rep_vault *vault = NULL;
	struct rep_error ignored;
	uint8_t salt[REP_CIPHER_SALT];
	char secret[REP_HASH_HEX + 1];
	bool sealed = rep_vault_read(&vault, path, keys_dir, &ignored) == REP_OK && vault;
	enum rep_code rc;

	if (sealed)
		memcpy(salt, vault->salt, sizeof salt);
	rep_vault_free(vault);
	sum_secret(secret, keys_dir, device);
	rc = rep_vault_store_notice(path, device, secret, reason, now_ms, err);
	if (rc == REP_OK)
		rc = rep_device_forget(keys_dir, device, sealed ? salt : NULL, err);
	if (rc == REP_OK)
		rc = wipe_rest(path, !sealed, err);
	return rep_wrap(err, rc, "erase replica");
}
