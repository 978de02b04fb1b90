/*
 * The hub's keys as they lie in keys/, against what central says.
 *
 * A roll (sync/admin/hub_roll.c) puts the new secret beside the old one as hub-next.key, then moves main to a commit with the document
 * of it: from then on the new key is the hub's. That keys/ follows is done here, by whoever opens the hub next, so that a roll that was
 * killed ends like any other. The secret that was given up stays as hub-<n>.key: bundles that were sealed to it are still to be opened.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/hub/hub_state.h"

enum rep_code rep_hub_write_key(const char *path, const uint8_t *bytes, size_t len,
				struct rep_error *err)
{
	char text[2 * 32 + 2];

	rep_hex(text, bytes, len);
	text[2 * len] = '\n';
	return rep_file_write(path, text, 2 * len + 1, 0600, err);
}

enum rep_code rep_hub_read_key(uint8_t out[32], const char *dir, const char *name,
			       struct rep_error *err)
{
	char *path = rep_hub_path(dir, "keys/%s", name);
	enum rep_code rc =
		path ? rep_secret_read(out, path, err) : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_EINVAL)
		rc = err->code = REP_EINTEGRITY;
	free(path);
	return rc;
}

/* *found false, and nothing more, where the file is not there. */
enum rep_code rep_hub_read_pair(struct rep_key *out, bool *found, const char *dir, const char *name,
				struct rep_error *err)
{
	char *path = rep_hub_path(dir, "keys/%s", name);
	uint8_t seed[32];
	enum rep_code rc = path ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	*found = rc == REP_OK && rep_file_exists(path);
	free(path);
	if (*found)
		rc = rep_hub_read_key(seed, dir, name, err);
	if (rc == REP_OK && *found)
		rep_key_from_seed(out, seed);
	explicit_bzero(seed, sizeof seed);
	return rc;
}

enum rep_code rep_hub_read_keys(struct rep_hub *hub, struct rep_error *err)
{
	uint8_t seed[32];
	enum rep_code rc = rep_hub_read_key(seed, hub->dir, "hub.key", err);

	if (rc == REP_OK)
		rc = rep_hub_read_key(hub->secret, hub->dir, "company.secret", err);
	if (rc == REP_OK)
		rep_key_from_seed(&hub->key, seed);
	explicit_bzero(seed, sizeof seed);
	return rep_wrap(err, rc, "read the hub's keys");
}

enum rep_code rep_hub_public(const char *dir, uint8_t out[REP_PUBLIC_SIZE], struct rep_error *err)
{
	uint8_t seed[32];
	struct rep_key key;
	enum rep_code rc = rep_key_init(err);

	if (rc == REP_OK)
		rc = rep_hub_read_key(seed, dir, "hub.key", err);
	if (rc != REP_OK)
		return rc;
	rep_key_from_seed(&key, seed);
	memcpy(out, key.public, REP_PUBLIC_SIZE);
	rep_key_wipe(&key);
	explicit_bzero(seed, sizeof seed);
	return REP_OK;
}

/* hub.key becomes hub-<n>.key, and hub-next.key hub.key: at no moment is there none. */
static enum rep_code move_files(struct rep_hub *hub, struct rep_error *err)
{
	char *now = rep_hub_path(hub->dir, "keys/hub.key");
	char *next = rep_hub_path(hub->dir, "keys/" REP_HUB_NEXT);
	char *old = rep_hub_path(hub->dir, "keys/hub-%zu.key", hub->keys.len - 2);
	char *dir = rep_hub_path(hub->dir, "keys");
	enum rep_code rc =
		now && next && old && dir ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK && link(now, old) != 0 && errno != EEXIST)
		rc = rep_fail(err, REP_EIO, "keep %s: %s", old, strerror(errno));
	if (rc == REP_OK && rename(next, now) != 0)
		rc = rep_fail(err, REP_EIO, "rename %s: %s", next, strerror(errno));
	if (rc == REP_OK)
		rc = rep_dir_sync(dir, err);
	free(now);
	free(next);
	free(old);
	free(dir);
	return rc;
}

static enum rep_code follow(struct rep_hub *hub, struct rep_error *err)
{
	const struct rep_hubkey *newest = &hub->keys.keys[hub->keys.len - 1];
	struct rep_key next = {0};
	bool found = false;
	enum rep_code rc = rep_hub_read_pair(&next, &found, hub->dir, REP_HUB_NEXT, err);

	if (rc == REP_OK && (!found || memcmp(next.public, newest->public, REP_PUBLIC_SIZE) != 0)) {
		rc = rep_fail(err, REP_EINTEGRITY,
			      "keys/hub.key is not the key that the hub signs with%s%.10s",
			      *newest->since ? " since " : "", newest->since);
		rep_hint(err, "keys/ was copied from another time than central.git, with a roll of "
			      "the key between: a backup of after that has both");
	}
	if (rc == REP_OK && !hub->read_only)
		rc = move_files(hub, err);
	if (rc == REP_OK) {
		hub->key = next;
		hub->rolled = true;
	}
	rep_key_wipe(&next);
	return rc;
}

enum rep_code rep_hub_take_keys(struct rep_hub *hub, const struct rep_oid *tree,
				struct rep_error *err)
{
	enum rep_code rc =
		rep_hub_names_read(&hub->names, &hub->has_names, hub->central, tree, err);

	rep_hubkeys_one(&hub->keys, hub->key.public);
	if (rc == REP_OK && hub->has_names)
		rc = rep_hubkeys_read(&hub->keys, hub->central, tree, hub->names.public,
				      hub->names.root, err);
	if (rc == REP_OK &&
	    memcmp(hub->keys.keys[hub->keys.len - 1].public, hub->key.public, REP_PUBLIC_SIZE) != 0)
		rc = follow(hub, err);
	return rc;
}
