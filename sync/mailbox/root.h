/*
 * The company's root key: an Ed25519 pair that `hub init` makes. It signs what the hub cannot prove with a key of its own: which key
 * the hub goes on with (hubkey.h), and that a hub went back to a backup. So its secret is not for the hub's machine: keys/root.key
 * lies there only until somebody takes it away. Its public part stands in org/hub.json of central and of every view, and in the
 * invitation; a device pins what it saw there first.
 *
 * It is not the root key of a vault (core/store/vault.h), which opens the pages of one replica.
 */
#ifndef REPSYNC_SYNC_MAILBOX_ROOT_H
#define REPSYNC_SYNC_MAILBOX_ROOT_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/model/key.h"
#include "sync/git/pack.h"

/* Reads keys/root.key, or a copy of it: 64 hexadecimal digits and LF. rep_key_wipe after use. REP_EINVAL when it is none. */
REP_CHECK enum rep_code rep_root_read(struct rep_key *out, const char *path, struct rep_error *err);

/* Verifies and parses a document of `type` that it signed (core/model/signed.h); its keys are the caller's to check. REP_EINTEGRITY where another key, or none, signed it. */
REP_CHECK enum rep_code rep_root_check(struct rep_json **out, const char *data, size_t len,
				       const char *type, const uint8_t root[REP_PUBLIC_SIZE],
				       struct rep_error *err);

/* What org/hub.json of a tree (a view's, or central's) says; *found false where there is none, which is no error. */
struct rep_hub_names {
	uint8_t public[REP_PUBLIC_SIZE]; /* the hub's key */
	uint8_t root[REP_PUBLIC_SIZE];   /* the company's root key */
};
REP_CHECK enum rep_code rep_hub_names_read(struct rep_hub_names *out, bool *found,
					   struct rep_git *git, const struct rep_oid *tree,
					   struct rep_error *err);
/* Puts it there. */
REP_CHECK enum rep_code rep_hub_names_put(struct rep_tree *tree,
					  const uint8_t public[REP_PUBLIC_SIZE],
					  const uint8_t root[REP_PUBLIC_SIZE],
					  struct rep_error *err);

#endif
