/*
 * The hub: the company's merge process and its folder.
 *
 *	central.git		the only truth
 *	mailboxes/<device>.git	one a device; hub00000.git is the hub's own
 *	keys/			hub.key (Ed25519 secret, 0600), root.pub, company.secret (32 bytes for derived ids), recovery.key
 *				(X25519 secret: opens the replicas of this company; to be taken away, like root.key)
 *	work.db			the working copy: all records and the index of changes; a cache
 *	hub.lock		flock: one hub process at a time writes
 *
 * Every writing command takes the lock (REP_EBUSY at once when another holds it). The hub's own changes (people,
 * territories, imports) are change sets of hub00000, written to its mailbox before they are merged from there.
 * All times come in as `now_ms`.
 */
#ifndef REPSYNC_SYNC_HUB_HUB_H
#define REPSYNC_SYNC_HUB_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/model/changeset.h"
#include "core/model/org.h"
#include "core/model/schema.h"
#include "core/store/db.h"
#include "sync/git/git.h"

struct rep_hub_init {
	const char *schema_dir; /* NULL = the schema installed with repsync */
	const char *company;
	int64_t now_ms;
	bool encrypted; /* replicas must be; keys/recovery.key then opens any of them */
};
REP_CHECK enum rep_code rep_hub_init(const char *dir, const struct rep_hub_init *options,
				     struct rep_error *err);

struct rep_hub;
/* Reading opens work on a read-only mount, take no lock and catch nothing up. */
REP_CHECK enum rep_code rep_hub_open(struct rep_hub **out, const char *dir, bool read_only,
				     struct rep_error *err);
void rep_hub_close(struct rep_hub *hub);
const struct rep_schema *rep_hub_schema(const struct rep_hub *hub);
const struct rep_org *rep_hub_org(const struct rep_hub *hub);
struct rep_db *rep_hub_db(struct rep_hub *hub); /* the working copy */
struct rep_git *rep_hub_central(struct rep_hub *hub);
const char *rep_hub_dir(const struct rep_hub *hub);
const uint8_t *rep_hub_secret(const struct rep_hub *hub); /* 32 bytes; for keyed ids of imports */
REP_CHECK enum rep_code rep_hub_public(const char *dir, uint8_t out[REP_PUBLIC_SIZE],
				       struct rep_error *err);

/* ---- the hub's own changes ---- */

/*
 * Collects changes of hub00000 and seals them into segments of its own mailbox; nothing is merged yet. `line` gives
 * `values` (and source, item ...); reason and salt are added. Streams: sealed every 10,000 changes or some MiB. It holds the lock
 * of that mailbox until it is freed, which must be before a run is asked for: a run may write there too.
 */
struct rep_hub_batch;
REP_CHECK enum rep_code rep_hub_batch_new(struct rep_hub_batch **out, struct rep_hub *hub,
					  const char *reason, int64_t now_ms,
					  struct rep_error *err);
REP_CHECK enum rep_code rep_hub_batch_add(struct rep_hub_batch *batch, enum rep_op op,
					  const char *entity, const char *id, struct rep_json *line,
					  struct rep_error *err); /* takes `line` */
/* Everything added is durable in the mailbox of hub00000 after this. */
REP_CHECK enum rep_code rep_hub_batch_send(struct rep_hub_batch *batch, struct rep_error *err);
void rep_hub_batch_free(struct rep_hub_batch *batch); /* drops what was not sent */

/* ---- people, posts, devices (each sends a batch and merges it at once) ---- */

struct rep_hub_rep {
	const char *rep;
	const char *name;               /* NULL = unchanged (set) */
	const char *role;               /* NULL = "rep" (add) or unchanged (set) */
	const char *const *territories; /* held as primary from now on */
	size_t territories_len;
	bool assist; /* the territories are held as assist */
};
REP_CHECK enum rep_code rep_hub_rep_add(struct rep_hub *hub, const struct rep_hub_rep *rep,
					int64_t now_ms, struct rep_error *err);
REP_CHECK enum rep_code rep_hub_rep_set(struct rep_hub *hub, const struct rep_hub_rep *rep,
					int64_t now_ms, struct rep_error *err);
REP_CHECK enum rep_code rep_hub_rep_list(struct rep_hub *hub, int64_t now_ms, struct rep_json **out,
					 struct rep_error *err);
enum rep_territory_act { REP_TERRITORY_SET, REP_TERRITORY_ADD, REP_TERRITORY_REMOVE };
/* Makes the territory where it is new. SET makes the list of partitions exactly this one; partitions may not exist yet. */
REP_CHECK enum rep_code rep_hub_territory(struct rep_hub *hub, enum rep_territory_act act,
					  const char *territory, const char *name,
					  const char *parent, const char *const *partitions,
					  size_t len, int64_t now_ms, struct rep_error *err);
REP_CHECK enum rep_code rep_hub_territory_list(struct rep_hub *hub, int64_t now_ms,
					       struct rep_json **out, struct rep_error *err);

struct rep_hub_enroll {
	const char *rep;
	const char *
		url_base; /* "ssh://sync@host:22/srv/hub/mailboxes", "https://host/repsync", or NULL = this folder's own path */
	const char *host_key; /* of ssh: "ssh-ed25519 AAAA..." */
	const char *ca;       /* of https: the authority's certificate, PEM */
	bool desk;
	int64_t valid_ms; /* of the invitation */
};
/* Makes device, mailbox and a one-time invitation (JSON; the caller writes it 0600). */
REP_CHECK enum rep_code rep_hub_enroll(struct rep_hub *hub, const struct rep_hub_enroll *enroll,
				       int64_t now_ms, struct rep_json **invitation,
				       struct rep_error *err);
/* authorized_keys text for sshd: one-time keys of open invitations and the devices' own keys, until their leases end. */
struct rep_buf;
REP_CHECK enum rep_code rep_hub_ssh_keys(struct rep_hub *hub, const char *program, int64_t now_ms,
					 struct rep_buf *out, struct rep_error *err);
/*
 * Says what sshd and the web server run for a device: the path of repsync. Every command that writes then keeps the files of
 * serve.h as they should be; without it they are not touched.
 */
REP_CHECK enum rep_code rep_hub_set_program(struct rep_hub *hub, const char *program,
					    struct rep_error *err);

/* ---- merging ---- */

struct rep_hub_merge {
	int64_t now_ms;
	bool own_only; /* only the mailbox of hub00000: what the org commands use */
	int64_t jobs; /* views made durable at once, and nothing else; 0 and 1 = one after the other */
	const struct rep_progress *progress;
};
/*
 * Collects, verifies, admits, folds and commits what the mailboxes hold, then what that makes the hub do of itself (run_own.c), and
 * publishes: as many runs as it takes. *summary is what `hub merge --json` prints.
 */
REP_CHECK enum rep_code rep_hub_merge(struct rep_hub *hub, const struct rep_hub_merge *options,
				      struct rep_json **summary, struct rep_error *err);
/* Makes work.db again from central.git; mailboxes are untouched. */
REP_CHECK enum rep_code rep_hub_rebuild(const char *dir, const struct rep_progress *progress,
					struct rep_error *err);

/* {"devices":[...],"conflicts","rejections","duplicates","proposals","held","quarantined","run","commit"}. */
REP_CHECK enum rep_code rep_hub_status(struct rep_hub *hub, int64_t now_ms, struct rep_json **out,
				       struct rep_error *err);
/* Review items as rep_query_inbox gives them. */
REP_CHECK enum rep_code rep_hub_inbox(struct rep_hub *hub, const char *kind, bool all,
				      struct rep_json **out, struct rep_error *err);
/* Decides a review item as the hub (steward): a batch of hub00000, merged at once. `choice` as rep_resolve. */
REP_CHECK enum rep_code rep_hub_resolve(struct rep_hub *hub, const char *item, const char *choice,
					const char *reason, int64_t now_ms, struct rep_error *err);

/*
 * Two records that are the same thing become one, as a batch of hub00000, merged at once. Both are live. Which of them shows it is not
 * chosen here: the one that was made first (core/model/join.h).
 */
REP_CHECK enum rep_code rep_hub_merge_records(struct rep_hub *hub, const char *entity,
					      const char *loser, const char *into,
					      const char *reason, int64_t now_ms,
					      struct rep_error *err);
/* Takes a record out of those that it is one with: it stands alone afterwards, and is not merged with them by the engine again. */
REP_CHECK enum rep_code rep_hub_unmerge(struct rep_hub *hub, const char *entity, const char *id,
					const char *reason, int64_t now_ms, struct rep_error *err);

#endif
