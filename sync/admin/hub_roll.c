/*
 * The hub gets a new key. In this order, so that a kill anywhere leaves the old state or the new one: the new secret in keys/, durable;
 * main moved to a commit with the document that the root key signed; keys/ (hub_key.c, by whoever opens the hub next); a merge, whose
 * views bring the document to every device.
 */
#include "sync/admin/hub_roll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/git/pack.h"
#include "sync/hub/hub_state.h"

struct rolling {
	struct rep_hub *hub;
	struct rep_key root, next;
	int64_t now_ms;
	int64_t seq; /* of the hub's own change sets, the last under the old key */
	char time[REP_TIME_LEN + 1];
	struct rep_pack *pack;
	struct rep_tree *tree;
};

static enum rep_code check_root(struct rolling *rolling, const char *file, struct rep_error *err)
{
	const struct rep_hub *hub = rolling->hub;
	enum rep_code rc = rep_root_read(&rolling->root, file, err);

	if (rc == REP_OK && !hub->has_names)
		rc = rep_fail(err, REP_EINTEGRITY,
			      "org/hub.json is missing: nobody knows a root key of this company");
	if (rc == REP_OK &&
	    memcmp(rolling->root.public, hub->names.root, sizeof hub->names.root) != 0)
		rc = rep_fail(err, REP_EREFUSED, "%s is not the root key of this company", file);
	if (rc == REP_OK && hub->keys.len > REP_HUBKEYS_MAX)
		rc = rep_fail(err, REP_ELIMIT, "the hub's key was rolled %u times",
			      REP_HUBKEYS_MAX);
	return rc;
}

/* The secret of a roll that was killed before it moved main is taken again. */
static enum rep_code make_next(struct rolling *rolling, struct rep_error *err)
{
	char *path = rep_hub_path(rolling->hub->dir, "keys/" REP_HUB_NEXT);
	uint8_t seed[32];
	bool found = false;
	enum rep_code rc = path ? rep_hub_read_pair(&rolling->next, &found, rolling->hub->dir,
						    REP_HUB_NEXT, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK && !found) {
		rep_random(seed, sizeof seed);
		rep_key_from_seed(&rolling->next, seed);
		rc = rep_hub_write_key(path, seed, sizeof seed, err);
		explicit_bzero(seed, sizeof seed);
	}
	free(path);
	return rc;
}

/* After everything that the old key signed: the last run, the last roll, the last own change set. */
static enum rep_code find_place(struct rolling *rolling, struct rep_error *err)
{
	const struct rep_hub *hub = rolling->hub;
	struct rep_hub_batch *batch = NULL;
	char *text = NULL;
	int64_t ms, first;
	enum rep_code rc = rep_work_get(hub->db, "hub_time", &text, err);

	if (rc == REP_OK && text && rep_time_parse(&ms, text) && ms >= rolling->now_ms)
		rolling->now_ms = ms + 1;
	if (rep_time_parse(&ms, hub->keys.keys[hub->keys.len - 1].since) && ms >= rolling->now_ms)
		rolling->now_ms = ms + 1;
	rep_time_format(rolling->time, rolling->now_ms);
	free(text);
	if (rc == REP_OK)
		rc = rep_hub_batch_new(&batch, rolling->hub, "hub key", rolling->now_ms, err);
	if (rc == REP_OK)
		rep_hub_batch_sets(batch, &first, &rolling->seq);
	rep_hub_batch_free(batch);
	return rc;
}

/* ---- the commit ---- */

static enum rep_code put_document(struct rolling *rolling, struct rep_error *err)
{
	struct rep_buf document = REP_BUF_INIT(REP_HUBKEY_DOCUMENT_MAX);
	char path[64];
	enum rep_code rc = rep_hubkey_write(&document, &rolling->hub->keys, rolling->next.public,
					    rolling->time, rolling->seq, &rolling->root, err);

	snprintf(path, sizeof path, REP_HUBKEYS_DIR "/%zu.json", rolling->hub->keys.len);
	if (rc == REP_OK)
		rc = rep_tree_put_blob(rolling->tree, path, document.data, document.len, err);
	rep_buf_clear(&document);
	return rc;
}

static enum rep_code add_commit(struct rolling *rolling, const struct rep_oid *parent,
				struct rep_oid *out, struct rep_error *err)
{
	char message[64];
	struct rep_git_commit commit = {.parent = *parent, .message = message};
	enum rep_code rc = rep_tree_write(rolling->tree, &commit.tree, err);

	snprintf(message, sizeof message, "hub key %zu\n", rolling->hub->keys.len);
	return rc == REP_OK ? rep_hub_add_commit(rolling->pack, rolling->hub->company,
						 rolling->now_ms, &commit, out, err)
			    : rc;
}

static enum rep_code move_main(struct rolling *rolling, struct rep_error *err)
{
	struct rep_git *central = rolling->hub->central;
	struct rep_oid head, tree, parent, next;
	int64_t time_s;
	enum rep_code rc = rep_git_ref(central, REP_MAIN, &head, err);

	if (rc == REP_OK)
		rc = rep_git_commit_read(central, &head, &tree, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_pack_new(&rolling->pack, central, err);
	if (rc == REP_OK)
		rc = rep_tree_edit(&rolling->tree, rolling->pack, &tree, err);
	if (rc == REP_OK)
		rc = put_document(rolling, err);
	if (rc == REP_OK)
		rc = rep_hub_names_put(rolling->tree, rolling->next.public, rolling->root.public,
				       err);
	if (rc == REP_OK)
		rc = add_commit(rolling, &head, &next, err);
	if (rc == REP_OK)
		rc = rep_pack_commit(rolling->pack, NULL, err);
	if (rc == REP_OK)
		rc = rep_git_cas(central, REP_MAIN, &head, &next, err);
	rep_tree_free(rolling->tree);
	rep_pack_free(rolling->pack);
	return rc;
}

/* ---- the whole ---- */

static enum rep_code roll(struct rep_hub *hub, const char *root_file, int64_t now_ms,
			  struct rep_error *err)
{
	struct rolling rolling = {.hub = hub, .now_ms = now_ms};
	enum rep_code rc = check_root(&rolling, root_file, err);

	/* One that was killed after it moved main is finished by now: that was what is asked for again. */
	if (rc == REP_OK && !hub->rolled) {
		rc = find_place(&rolling, err);
		if (rc == REP_OK)
			rc = make_next(&rolling, err);
		if (rc == REP_OK)
			rc = move_main(&rolling, err);
	}
	rep_key_wipe(&rolling.root);
	rep_key_wipe(&rolling.next);
	return rc;
}

static struct rep_json *describe(const struct rep_hub *hub)
{
	const struct rep_hubkeys *keys = &hub->keys;
	struct rep_json *out = rep_json_object();
	char public[2 * REP_PUBLIC_SIZE + 1];

	rep_json_set_integer(out, "number", (int64_t)keys->len - 1);
	rep_hex(public, keys->keys[keys->len - 1].public, REP_PUBLIC_SIZE);
	rep_json_set_string(out, "public", public);
	rep_hex(public, keys->keys[keys->len - 2].public, REP_PUBLIC_SIZE);
	rep_json_set_string(out, "old", public);
	rep_json_set_string(out, "time", keys->keys[keys->len - 1].since);
	return out;
}

enum rep_code rep_hub_key_roll(const char *dir, const char *root_file, int64_t now_ms,
			       struct rep_json **out, struct rep_error *err)
{
	const struct rep_hub_merge options = {.now_ms = now_ms, .own_only = true};
	struct rep_json *summary = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc = rep_hub_open(&hub, dir, false, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = roll(hub, root_file, now_ms, err);
	rep_hub_close(hub);
	hub = NULL;
	/* Opened again: with its new key, and the working copy at the new head. */
	if (rc == REP_OK)
		rc = rep_hub_open(&hub, dir, false, err);
	if (rc == REP_OK)
		rc = rep_hub_merge(hub, &options, &summary, err);
	if (rc == REP_OK && !(*out = describe(hub)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	rep_json_free(summary);
	rep_hub_close(hub);
	return rep_wrap(err, rc, "roll the hub's key");
}
