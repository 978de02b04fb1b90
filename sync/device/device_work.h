/*
 * What the files of the device's side share: one sync at work. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_DEVICE_DEVICE_WORK_H
#define REPSYNC_SYNC_DEVICE_DEVICE_WORK_H

#include "core/base/buf.h"
#include "sync/device/clone.h"
#include "sync/device/device.h"
#include "sync/device/lookup.h"
#include "sync/transport/transport.h"

/* Keys of _meta that sync keeps; docs/formats.md, "Replica". */
#define REP_META_INVITATION "invitation" /* JSON, with the device's own ssh key pair added */
#define REP_META_HUB_KEY \
	"hub_key" /* the hub's key since it was rolled; before that the invitation's */
#define REP_META_ROOT \
	"root" /* the company's root key, where the invitation has none: of the first view that was taken */
#define REP_META_PLANNED_SEQ "planned_seq"    /* last change set that has a commit on our outbox */
#define REP_META_PLANNED_TIP "planned_outbox" /* our outbox's tip, pushed or not */
#define REP_META_SENT_SEQ "sent_seq"    /* last change set that was read back from the mailbox */
#define REP_META_SENT_TIP "sent_outbox" /* the mailbox's outbox as last read back */
#define REP_META_APPLIED_TIP "applied_inbox" /* the inbox commit whose view the rows show */
#define REP_META_PULLED_SEQ "pulled_seq"     /* own head when that view was applied */
#define REP_META_EPOCH "epoch"
#define REP_META_VIEW "view"
#define REP_META_STATE "state" /* invited, active, revoked: as the last view says */
#define REP_META_ROLE "role"
#define REP_META_MERGED_SEQ "merged_seq" /* own change sets up to here are acknowledged */
#define REP_META_MERGED_HASH "merged_hash"
#define REP_META_SAFE_SEQ "safe_seq"
#define REP_META_HUB_TIME "hub_time"
#define REP_META_LEASE "lease"
#define REP_META_LEASE_ERASE "lease_erase"
#define REP_META_LEASE_KEY "lease_key" /* sealed to the device, base64 */
#define REP_META_STATEMENT "statement"
#define REP_META_TREES "trees"         /* JSON: tree ids of the view, as signed */
#define REP_META_LAST_SYNC "last_sync" /* local time of the last sync that reached the company */

/* What the last view said of own changes, counted over this sync. */
struct rep_sync_counts {
	int64_t sealed;
	int64_t sent;         /* change sets read back from the mailbox */
	int64_t received;     /* records that the view changed here */
	int64_t acknowledged; /* own changes that became acknowledged */
	int64_t conflicts, rejected, proposed, held;
	int64_t recovered; /* the epoch of a restored hub that was gone along with; 0 = none */
	int64_t hub_keys;  /* 1: the hub has a new key, which was followed */
};

struct rep_lock;
struct rep_device {
	struct rep_replica *replica;
	const struct rep_sync *options;
	struct rep_json *invitation;
	uint8_t hub_public[REP_PUBLIC_SIZE];
	bool has_root; /* false: enrolled with an invitation of before, no view taken since */
	uint8_t root[REP_PUBLIC_SIZE]; /* the company's root key, as this replica pinned it */
	struct rep_transport *transport;
	struct rep_clone *clone;      /* NULL until something has to move */
	struct rep_oid outbox, inbox; /* tips that the mailbox advertised */
	bool guessed;           /* they were not asked for: the outbox stands where it last did */
	struct rep_oid fetched; /* what came with a push; zero = nothing */
	const struct rep_buf *farewell; /* what an outbox begun now begins with; NULL: enrol.json */
	struct rep_sync_counts counts;
	struct rep_lock *turn; /* NULL where nothing moves the chain */
};

/* Reads the invitation kept in the replica, and the hub's key. */
REP_CHECK enum rep_code rep_device_begin(struct rep_device *device, struct rep_replica *replica,
					 struct rep_error *err);
/*
 * The same for one sync, or whatever else moves the chain: holds the replica's lock of that until the end, REP_EBUSY. `options` is
 * borrowed. rep_device_end also after a failure.
 */
REP_CHECK enum rep_code rep_device_begin_turn(struct rep_device *device,
					      struct rep_replica *replica,
					      const struct rep_sync *options,
					      struct rep_error *err);
void rep_device_end(struct rep_device *device);
/* A tip kept in _meta; zero when there is none. */
REP_CHECK enum rep_code rep_device_tip(struct rep_db *db, const char *key, struct rep_oid *out,
				       struct rep_error *err);
REP_CHECK enum rep_code rep_device_set_tip(struct rep_db *db, const char *key,
					   const struct rep_oid *tip, struct rep_error *err);

/* Opens the way to the mailbox with the device's own credentials, or the invitation's one-time ones. */
REP_CHECK enum rep_code rep_device_connect(struct rep_transport **out,
					   const struct rep_json *invitation, const char *device,
					   bool one_time, const struct rep_sync *sync,
					   struct rep_error *err);

/* ---- follow.c ---- */

/* What a replica believes: the hub's key, and the root key that may name another. */
struct rep_pin {
	uint8_t hub[REP_PUBLIC_SIZE];
	bool has_root;
	uint8_t root[REP_PUBLIC_SIZE];
};
/*
 * Follows the documents of rolls that the tree at `commit` has, so that what is read of it next is read with the hub's newest key; the
 * tree itself may be anybody's. REP_EINTEGRITY: a document that the root key did not sign, a chain that the believed key is not part of
 * (an older roll, or another's), or no root key known.
 */
REP_CHECK enum rep_code rep_pin_follow(struct rep_pin *pin, struct rep_git *git,
				       const struct rep_oid *commit, struct rep_error *err);
/* The same for a device, from what it believes; rep_pull_apply alone makes that its own, with the view. The clone is open. */
REP_CHECK enum rep_code rep_device_follow(struct rep_pin *out, const struct rep_device *device,
					  const struct rep_oid *commit, struct rep_error *err);

/* ---- leave.c ---- */

/* The company's order to leave, where the commit of the inbox holds one; *order NULL where it is a view. */
REP_CHECK enum rep_code rep_order_find(struct rep_json **order, struct rep_git *git,
				       const struct rep_oid *commit, const char *device,
				       const uint8_t hub_public[REP_PUBLIC_SIZE],
				       struct rep_error *err);
/*
 * Obeys it: what the company has not acknowledged goes to the mailbox, behind a farewell; then the replica is erased (its database is
 * closed: replica->db becomes NULL), and that is told. Never REP_OK: REP_EREFUSED when all of it is done. After anything else the
 * next sync goes on where this one stopped.
 */
REP_CHECK enum rep_code rep_leave(struct rep_device *device, const struct rep_json *order,
				  struct rep_error *err);
/* The same for a replica that cannot be opened, so that nothing can be handed over. `git` is a clone at `clone`. */
struct rep_locked {
	const char *dir; /* of the replica */
	const char *device;
	const struct rep_key *key;
	struct rep_transport *transport;
	struct rep_git *git;
	const char *clone;
	struct rep_oid outbox; /* as the mailbox advertised it */
	int64_t now_ms;
};
REP_CHECK enum rep_code rep_leave_locked(const struct rep_locked *locked,
					 const struct rep_json *order, struct rep_error *err);

/* ---- lease_renew.c ---- */

/* Brings the lease that the replica's last view granted into its vault, unless it is there. Nothing for a plain replica. */
REP_CHECK enum rep_code rep_lease_take(struct rep_replica *replica, struct rep_error *err);

/* ---- push.c ---- */

/* Is there anything that the mailbox, as advertised, lacks? Looks at _meta only. */
REP_CHECK enum rep_code rep_push_needed(struct rep_device *device, bool *needed,
					struct rep_error *err);
/* Gives every change set a commit on our outbox, kept in the replica before anything is sent. */
REP_CHECK enum rep_code rep_push_plan(struct rep_device *device, struct rep_error *err);
/* Pushes commit by commit what the mailbox lacks, each read back and remembered. */
REP_CHECK enum rep_code rep_push_send(struct rep_device *device, struct rep_error *err);

/* ---- push_anew.c ---- */

/* Where the mailbox shows what is not ours: fetches the view, and goes on from the root that it names, if it is that. */
REP_CHECK enum rep_code rep_push_settle(struct rep_device *device, struct rep_error *err);

/* The same without a mailbox in sight: goes on from the newest root that a view names. */
REP_CHECK enum rep_code rep_push_follow_view(struct rep_device *device, struct rep_error *err);

/* ---- device.c ---- */

/* Asks the mailbox where outbox and inbox stand; from here on that is no guess. */
REP_CHECK enum rep_code rep_device_look(struct rep_device *device, struct rep_error *err);
/* The counts as JSON; bytes where there was a transport. */
REP_CHECK enum rep_code rep_device_summary(const struct rep_device *device, int64_t seconds,
					   struct rep_json **out, struct rep_error *err);

/* Brings the inbox, and obeys an order to leave that lies there: never REP_OK then. */
REP_CHECK enum rep_code rep_device_fetch(struct rep_device *device, struct rep_oid *tip,
					 struct rep_error *err);
/* Fetches and applies the newest view; the clone is open. */
REP_CHECK enum rep_code rep_device_fetch_view(struct rep_device *device, struct rep_error *err);

/* ---- view.c ---- */

/* A verified view: self.json's document and the root it stands for. */
struct rep_view {
	struct rep_oid commit, root;
	struct rep_json *self;
};
/* Verifies signature, device and tree ids of the view at `commit`; says nothing about its age. */
REP_CHECK enum rep_code rep_view_read(struct rep_view *out, struct rep_git *git,
				      const struct rep_oid *commit, const char *device,
				      const uint8_t hub_public[REP_PUBLIC_SIZE],
				      struct rep_error *err);
void rep_view_clear(struct rep_view *view);
/*
 * Is it newer than what the replica holds, and does it acknowledge what this replica made? *recovered: it is of a higher epoch, and a recovery
 * document allows that, signed with the root key of `pin`.
 */
REP_CHECK enum rep_code rep_view_follows(const struct rep_view *view, struct rep_device *device,
					 const struct rep_pin *pin, bool *recovered,
					 struct rep_error *err);

/*
 * A record of a view, or of central: main file and twins. *out NULL when there is none at that place. `linked` asks below
 * linked/. The lookup stands for the tree.
 */
REP_CHECK enum rep_code rep_view_record(struct rep_record **out, struct rep_json **extra,
					struct rep_lookup *lookup, const struct rep_schema *schema,
					const struct rep_entity *entity, const char *partition,
					const char *id, bool linked, struct rep_error *err);
/* Loads the schema whose files lie below `path` of a view or of central: schema, or schemas/<number>. */
REP_CHECK enum rep_code rep_view_schema(struct rep_schema **out, struct rep_git *git,
					const struct rep_oid *root, const char *path,
					struct rep_error *err);

/* ---- pull.c ---- */

/* Is what _meta keeps of the view what the view says? REP_EINTEGRITY names what is not. */
REP_CHECK enum rep_code rep_pull_check_kept(struct rep_db *db, const struct rep_view *view,
					    struct rep_error *err);
/* Applies the view at `commit` of the clone, in one transaction. */
REP_CHECK enum rep_code rep_pull_apply(struct rep_device *device, const struct rep_oid *commit,
				       struct rep_error *err);

#endif
