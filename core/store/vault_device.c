/*
 * What belongs to the computer and not to the replica: the device's secret, and how new its vault was when it was last used.
 *
 *	<keys>/<device>.secret		64 hexadecimal digits
 *	<keys>/<salt>.generation	a number
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/vault_work.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "device's keys: no memory");
}

enum rep_code rep_vault_keys_dir(char **out, struct rep_error *err)
{
	const char *named = getenv("REPSYNC_KEYS");
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	const struct passwd *user;
	int len;

	*out = NULL;
	if (named && *named) {
		*out = strdup(named);
		return *out ? REP_OK : no_memory(err);
	}
	if (state && *state == '/') {
		len = asprintf(out, "%s/repsync", state);
	} else {
		if ((!home || !*home) && (user = getpwuid(geteuid())) != NULL)
			home = user->pw_dir;
		if (!home || !*home)
			return rep_fail(err, REP_EIO,
					"no home folder to keep the device's secret in");
		len = asprintf(out, "%s/.local/state/repsync", home);
	}
	if (len < 0)
		*out = NULL;
	return len < 0 ? no_memory(err) : REP_OK;
}

static char *secret_path(const char *keys_dir, const char *device)
{
	char *path;

	return asprintf(&path, "%s/%s.secret", keys_dir, device) < 0 ? NULL : path;
}

static char *generation_path(const char *keys_dir, const uint8_t *salt)
{
	char hex[2 * REP_CIPHER_SALT + 1];
	char *path;

	rep_hex(hex, salt, REP_CIPHER_SALT);
	return asprintf(&path, "%s/%s.generation", keys_dir, hex) < 0 ? NULL : path;
}

/* A file that others may read is no secret. */
static enum rep_code check_private(const char *path, struct rep_error *err)
{
	enum rep_code rc;
	struct stat st;

	if (lstat(path, &st) != 0)
		return rep_fail(err, errno == ENOENT ? REP_ENOTFOUND : REP_EIO, "%s: %s", path,
				strerror(errno));
	if (!S_ISREG(st.st_mode))
		return rep_fail(err, REP_EREFUSED, "%s is not a regular file", path);
	if (!(st.st_mode & 077))
		return REP_OK;
	rc = rep_fail(err, REP_EREFUSED, "%s: others may read it (mode %03o)", path,
		      (unsigned)(st.st_mode & 0777));
	rep_hint(err, "chmod 600 %s", path);
	return rc;
}

static enum rep_code read_secret(uint8_t out[REP_CIPHER_KEY], const char *path,
				 struct rep_error *err)
{
	enum rep_code rc = check_private(path, err);

	if (rc == REP_OK)
		rc = rep_secret_read(out, path, err);
	if (rc == REP_EINVAL)
		rc = rep_fail(err, REP_EINTEGRITY, "%s is no device's secret", path);
	return rc;
}

static enum rep_code make_secret(uint8_t out[REP_CIPHER_KEY], const char *keys_dir,
				 const char *path, struct rep_error *err)
{
	char text[2 * REP_CIPHER_KEY + 1];
	enum rep_code rc = rep_dir_make(keys_dir, 0700, err);

	rep_random(out, REP_CIPHER_KEY);
	rep_hex(text, out, REP_CIPHER_KEY);
	text[2 * REP_CIPHER_KEY] = '\n';
	if (rc == REP_OK)
		rc = rep_file_write(path, text, sizeof text, 0600, err);
	rep_wipe(text, sizeof text);
	return rc;
}

enum rep_code rep_device_secret(uint8_t out[REP_CIPHER_KEY], const char *keys_dir,
				const char *device, bool make, struct rep_error *err)
{
	char *path = secret_path(keys_dir, device);
	enum rep_code rc;

	if (!path)
		return no_memory(err);
	rc = read_secret(out, path, err);
	if (rc == REP_ENOTFOUND && make)
		rc = make_secret(out, keys_dir, path, err);
	else if (rc == REP_ENOTFOUND) {
		rc = rep_fail(
			err, REP_EREFUSED,
			"the secret of device %s is not on this computer: a copy of its replica "
			"does not open elsewhere",
			device);
		rep_hint(err, "it was looked for in %s", keys_dir);
	}
	free(path);
	return rc;
}

enum rep_code rep_device_generation(const struct rep_vault *vault, int64_t *out,
				    struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(32);
	char *path = generation_path(vault->keys_dir, vault->salt);
	enum rep_code rc = REP_OK;
	char *end;

	*out = 0;
	if (!path)
		return no_memory(err);
	if (rep_file_exists(path)) {
		rc = rep_file_read(&text, path, err);
		if (rc == REP_OK) {
			*out = strtoll(rep_buf_str(&text), &end, 10);
			if (*out < 1 || strcmp(end, "\n") != 0)
				rc = rep_fail(err, REP_EINTEGRITY, "%s is no number", path);
		}
	}
	rep_buf_clear(&text);
	free(path);
	return rc;
}

enum rep_code rep_device_set_generation(const struct rep_vault *vault, struct rep_error *err)
{
	char *path = generation_path(vault->keys_dir, vault->salt);
	char text[32];
	int len = snprintf(text, sizeof text, "%lld\n", (long long)vault->generation);
	enum rep_code rc = path ? rep_dir_make(vault->keys_dir, 0700, err) : no_memory(err);

	if (rc == REP_OK)
		rc = rep_file_write(path, text, (size_t)len, 0600, err);
	free(path);
	return rc;
}

static enum rep_code forget(char *path, struct rep_error *err)
{
	enum rep_code rc = path ? REP_OK : no_memory(err);

	if (path && unlink(path) != 0 && errno != ENOENT)
		rc = rep_fail(err, REP_EIO, "remove %s: %s", path, strerror(errno));
	free(path);
	return rc;
}

enum rep_code rep_device_forget(const char *keys_dir, const char *device, const uint8_t *salt,
				struct rep_error *err)
{
	enum rep_code rc = forget(secret_path(keys_dir, device), err);

	if (rc == REP_OK && salt)
		rc = forget(generation_path(keys_dir, salt), err);
	return rc;
}
