/*
 * What the files of the hub share: an open hub and its working copy. Not part of the public interface.
 *
 * work.db is a cache of central.git: the rows of every record (tables.h), the index of changes (changes.h) and
 *
 *	_hub(key, value)	marker (the commit of main that the rows show), run, statement, hub_time, schema
 *	_mailbox(device, tip, root, blocked)	how far each outbox was merged; why a device is blocked, if it is
 *	_quarantine(path, device, first, last, reason)	what lies in central's quarantine/
 *	_published(device, tip, basis, hub_time)	the view that stands in each inbox
 *	_unique(entity, field, key, id)	values of unique fields after their normalisers
 *	_blocked(n, entity, id, name)	checks of the level `block` that failed and are to be followed up
 *	_moved(entity, id, eff, from_partition, to_partition)	where records lay before they moved
 *	_named(target, entity, id)	who names, or named once, another record in a field by which it lies
 *
 * A run begins only when the marker is the head of main.
 */
#ifndef REPSYNC_SYNC_HUB_HUB_STATE_H
#define REPSYNC_SYNC_HUB_HUB_STATE_H

#include "core/base/file.h"
#include "core/model/cipher.h"
#include "core/model/versions.h"
#include "core/store/changes.h"
#include "core/store/derive.h"
#include "core/store/tables.h"
#include "sync/hub/central.h"
#include "sync/hub/hub.h"
#include "sync/mailbox/hubkey.h"
#include "sync/mailbox/mailbox.h"

#define REP_HUB_REP "hub"             /* the rep of hub00000 */
#define REP_KEYS_TOKENS "keys/tokens" /* <device>: the verifier of its https token */
/* What an erasure leaves to be done (sync/run/erasing.h): a file of this name, or that of a device, in this folder. */
#define REP_ERASING "erasing"
#define REP_ERASING_CENTRAL "central"

struct rep_hub {
	char *dir;
	bool read_only;
	struct rep_lock *lock; /* hub.lock; NULL when read only */
	struct rep_git *central;
	struct rep_db *db;
	const struct rep_schema *schema; /* in force; the versions' own */
	struct rep_versions *versions;   /* up to that */
	struct rep_derive *derive;
	struct rep_org *org;
	struct rep_key key;
	struct rep_hubkeys keys; /* all that it ever signed with; the last is that one */
	bool rolled;             /* an interrupted roll was finished when it was opened */
	uint8_t secret[32];      /* company.secret */
	char *company;
	char *program; /* what sshd and the web server are to run; NULL = their files are not kept */
	bool encrypted;                          /* company.json: replicas must be encrypted */
	uint8_t recovery_public[REP_CIPHER_KEY]; /* of the company, where they must */
	bool has_names;             /* org/hub.json is there, as in all but damaged hubs */
	struct rep_hub_names names; /* what it says */
	int64_t epoch; /* of its views and statements: 1, or what the recovery document says */
};

/* ---- hub.c ---- */

/* A path below the hub's folder; the caller frees it, NULL without memory. */
char *rep_hub_path(const char *dir, const char *fmt, ...) REP_PRINTF(2, 3);
char *rep_hub_mailbox(const char *dir, const char *device);
/* "<name>@<company>" without what an address may not hold. Appended. */
void rep_hub_email(struct rep_buf *out, const char *name, const char *company);
/*
 * Adds a commit by the hub. Of `commit` tree, parent and message are given, and the author where that is somebody else; the rest is filled
 * in, and is not to be read afterwards.
 */
REP_CHECK enum rep_code rep_hub_add_commit(struct rep_pack *pack, const char *company,
					   int64_t now_ms, struct rep_git_commit *commit,
					   struct rep_oid *out, struct rep_error *err);
/* Loads the organisation again from the rows. */
REP_CHECK enum rep_code rep_hub_reload_org(struct rep_hub *hub, struct rep_error *err);

/* ---- hub_key.c ---- */

#define REP_HUB_NEXT "hub-next.key" /* in keys/: of a roll that has not come to its end */
/* The hub's keys of `dir`/keys. */
REP_CHECK enum rep_code rep_hub_read_keys(struct rep_hub *hub, struct rep_error *err);
/* What central's `tree` says of keys, and keys/ brought to that where a roll was interrupted. REP_EINTEGRITY where they differ. */
REP_CHECK enum rep_code rep_hub_take_keys(struct rep_hub *hub, const struct rep_oid *tree,
					  struct rep_error *err);
/* One secret of keys/, and its pair where the file is there. */
REP_CHECK enum rep_code rep_hub_read_key(uint8_t out[32], const char *dir, const char *name,
					 struct rep_error *err);
REP_CHECK enum rep_code rep_hub_read_pair(struct rep_key *out, bool *found, const char *dir,
					  const char *name, struct rep_error *err);
REP_CHECK enum rep_code rep_hub_write_key(const char *path, const uint8_t *bytes, size_t len,
					  struct rep_error *err);

/* ---- hub_batch.c ---- */

/* After it was sent: the numbers of the change sets that it is; *last < *first where nothing was added. */
void rep_hub_batch_sets(const struct rep_hub_batch *batch, int64_t *first, int64_t *last);

/* ---- hub_enroll.c ---- */

/* What is kept of a device's invitation (keys/invitations/DEVICE.json): {"secret_hash","expires",...}; NULL when there is none. */
REP_CHECK enum rep_code rep_hub_invitation(struct rep_hub *hub, const char *device,
					   struct rep_json **out, struct rep_error *err);

/* ---- hub_lease.c ---- */

/* What a view that is made at `start_ms` grants to its device. */
struct rep_hub_lease {
	int64_t end_ms, erase_ms;
	bool has_key; /* the device's replica is encrypted: `key` is for it */
	char key[4 * ((REP_CIPHER_KEY + REP_BOX_EXTRA + 2) / 3) +
		 1]; /* sealed to the device, base64 */
};
/*
 * How long a device's lease is, by the policy of the schema and the role of its rep: `lease_days_<role>`, else `lease_days`, else 14;
 * `lease_erase_days`, else 30, later the replica is erased.
 */
int64_t rep_hub_lease_end(const struct rep_hub *hub, const struct rep_org_device *device,
			  int64_t start_ms);
int64_t rep_hub_lease_erase(const struct rep_hub *hub, const struct rep_org_device *device,
			    int64_t start_ms);
REP_CHECK enum rep_code rep_hub_lease(struct rep_hub *hub, const struct rep_org_device *device,
				      int64_t start_ms, struct rep_hub_lease *out,
				      struct rep_error *err);

/* ---- hub_leave.c ---- */

/* Was it revoked, and is the time of that here? */
bool rep_hub_has_left(const struct rep_org_device *device, const char *time);
/* Does its mailbox serve the order to leave, and nothing else? */
bool rep_hub_is_leaving(const struct rep_hub *hub, const struct rep_org_device *device);
/*
 * Was it revoked, now or for a time to come, before the hub knew its key? Then its invitation is void at once, its mailbox is closed
 * when it has left, and nothing more is to come from it: it gets no order, because the hub could not tell its answer from anybody's.
 */
bool rep_hub_is_void(const struct rep_org_device *device);
/*
 * Closes the mailboxes of those who have left, and waits until nobody writes to them any more: what is collected afterwards is the
 * last. A session that does not end is ended.
 */
REP_CHECK enum rep_code rep_hub_close_left(struct rep_hub *hub, int64_t now_ms,
					   struct rep_error *err);
/* A file of left/ in central's main, appended; nothing where there is none. */
REP_CHECK enum rep_code rep_hub_left_file(struct rep_hub *hub, const char *device, const char *name,
					  struct rep_buf *out, struct rep_error *err);
/* Puts a new mailbox that serves `order` in the place of the device's; the old one goes to archive/. */
REP_CHECK enum rep_code rep_hub_replace_mailbox(struct rep_hub *hub,
						const struct rep_org_device *device,
						const struct rep_buf *order, int64_t now_ms,
						struct rep_error *err);
/*
 * How far a device that was revoked has come, into `row`: "left" = "ordered", "delivered" (what it had not sent is here),
 * "acknowledged" (it is erased), "lease ended" (it never came, and its lease is over), "void" (rep_hub_is_void); "left_at"; null for
 * others.
 */
REP_CHECK enum rep_code rep_hub_put_left(struct rep_hub *hub, const struct rep_org_device *device,
					 int64_t now_ms, struct rep_json *row,
					 struct rep_error *err);

/* ---- hub_serve.c ---- */

/* Brings the files below REP_SERVE_DIR to what they should be now. */
REP_CHECK enum rep_code rep_hub_serve_refresh(struct rep_hub *hub, int64_t now_ms,
					      struct rep_error *err);

/* ---- hub_status.c ---- */

/* Puts what is known of a device's contact into `row`: last_contact, clock_offset_ms, unmerged, problem. */
REP_CHECK enum rep_code rep_hub_device_contact(struct rep_hub *hub, const char *device,
					       struct rep_json *row, struct rep_error *err);

/* ---- work.c ---- */

/*
 * Opens (writing: makes) work.db, loads schema and organisation; writing, it brings the rows to the head of main, or makes them
 * again when they cannot be brought there.
 */
REP_CHECK enum rep_code rep_work_open(struct rep_hub *hub, const struct rep_progress *progress,
				      struct rep_error *err);
void rep_work_close(struct rep_hub *hub);
/* Makes the tables of a working copy in hub->db. */
REP_CHECK enum rep_code rep_work_create(struct rep_hub *hub, struct rep_error *err);
REP_CHECK enum rep_code rep_work_remove(const char *dir, struct rep_error *err);
/*
 * A run writes down which commit main is to be (central.git/repsync.next) before it swaps it. So a main beyond the rows is either that
 * commit, where a run was cut before its own commit here, or somebody else's work.
 */
REP_CHECK enum rep_code rep_work_intend(struct rep_hub *hub, const struct rep_oid *head,
					struct rep_error *err);
/* The commit that the rows are to show when main is `head`: `head`, or the one before a run that was cut as said above. */
REP_CHECK enum rep_code rep_work_shows(struct rep_hub *hub, const struct rep_oid *head,
				       struct rep_oid *out, struct rep_error *err);
/* _hub: *out NULL when absent; the caller frees it. */
REP_CHECK enum rep_code rep_work_get(struct rep_db *db, const char *key, char **out,
				     struct rep_error *err);
REP_CHECK enum rep_code rep_work_get_int(struct rep_db *db, const char *key, int64_t *out,
					 struct rep_error *err);
REP_CHECK enum rep_code rep_work_set(struct rep_db *db, const char *key, const char *value,
				     struct rep_error *err);
REP_CHECK enum rep_code rep_work_set_int(struct rep_db *db, const char *key, int64_t value,
					 struct rep_error *err);

/* ---- hub_versions.c ---- */

#define REP_PATH_SCHEMAS \
	"schemas" /* in central: schemas/<number>/ has the files of every version that was published */

/* Loads the schema in force from central's `root`; the versions before it follow when work.db is there. */
REP_CHECK enum rep_code rep_hub_load_schema(struct rep_hub *hub, const struct rep_oid *root,
					    struct rep_error *err);
/* Lists the versions from the rows, up to the one in force. */
REP_CHECK enum rep_code rep_hub_load_versions(struct rep_hub *hub, struct rep_error *err);
/* Where a set of versions beside the hub's own has its schemas from; valid while the hub is open. */
struct rep_versions_source rep_hub_versions_source(struct rep_hub *hub);
void rep_hub_drop_schema(struct rep_hub *hub);
/* Makes a version the one in force in memory; it belongs to the versions. */
void rep_hub_enforce(struct rep_hub *hub, const struct rep_schema *schema);
/* One published version as the rows have it. */
struct rep_release {
	int number;
	char hash[REP_HASH_HEX + 1];
	char since[REP_TIME_LEN + 1];
};
/* All that were published, planned ones too, by number; none of a hub that never had another than its first. */
REP_CHECK enum rep_code rep_hub_releases(struct rep_hub *hub, struct rep_release **out, size_t *len,
					 struct rep_error *err);
/* Are these its files, by the hash that was signed? REP_EINTEGRITY. */
REP_CHECK enum rep_code rep_release_check(const struct rep_release *release,
					  const struct rep_schema *schema, struct rep_error *err);
/* A version's schema from central's main; the caller's. REP_EINTEGRITY where its files are not there. */
REP_CHECK enum rep_code rep_hub_version(struct rep_hub *hub, int number, struct rep_schema **out,
					struct rep_error *err);
/* refs/schemas/<hash>: keeps the files of a version from its publication until they are merged. */
void rep_release_ref(struct rep_buf *out, const char *hash);
/* The tree of a version's files, as merged or as they wait to be; zero when they are not here. */
REP_CHECK enum rep_code rep_release_files(struct rep_hub *hub, const char *id, const char *hash,
					  struct rep_oid *out, struct rep_error *err);

/* ---- work_catch.c ---- */

/* Applies the difference of two trees of central to the rows and the index, inside the caller's transaction. */
REP_CHECK enum rep_code rep_work_apply(struct rep_hub *hub, const struct rep_oid *from,
				       const struct rep_oid *to,
				       const struct rep_progress *progress, struct rep_error *err);

/* ---- work_journal.c ---- */

/*
 * One change of a journal as the fold takes it: effective stamp, `saw` mapped, and of a role or an assignment no date before its
 * receipt. Borrows from its set.
 */
struct rep_arrived {
	struct rep_edit edit;
	struct rep_stamp eff;
	const char *signed_stamp;
	struct rep_json *line; /* owned: the value line with effective stamps; NULL = erased */
	bool cut;
};
/* Where a device's chain stands while it is read: moves on with every change. */
struct rep_chain {
	char last[REP_STAMP_LEN + 1]; /* last effective stamp; empty = none */
	bool any_cut;                 /* has a stamp of this device ever been cut? */
};
REP_CHECK enum rep_code rep_chain_begin(struct rep_chain *out, struct rep_db *db,
					const char *device, struct rep_error *err);
REP_CHECK enum rep_code rep_arrived_init(struct rep_arrived *out, struct rep_hub *hub,
					 const struct rep_changeset *set, unsigned index,
					 struct rep_chain *chain, int64_t received_ms,
					 struct rep_error *err);
void rep_arrived_clear(struct rep_arrived *arrived);

/* A line of an outcomes file without its seq and index; NULL when plainly applied. New reference. */
struct rep_json *rep_outcome_of_line(const struct rep_json *line);
/* Appends the line for an outcome (NULL = applied again). */
void rep_outcome_write(struct rep_buf *out, int64_t seq, unsigned index,
		       const struct rep_json *outcome);
/* Calls `each` for every line of an outcomes file. */
REP_CHECK enum rep_code rep_outcome_lines(const char *data, size_t len,
					  enum rep_code (*each)(void *user, int64_t seq,
								unsigned index,
								const struct rep_json *line,
								struct rep_error *err),
					  void *user, struct rep_error *err);
/* Puts a segment of central's journal into the index, with its receipt and outcomes from `root`. */
REP_CHECK enum rep_code rep_work_segment(struct rep_hub *hub, const struct rep_oid *root,
					 const char *path, const char *data, size_t len,
					 struct rep_error *err);

/* ---- work_unique.c ---- */

/* A record's row with what its unique fields hold; and both away. */
REP_CHECK enum rep_code rep_work_put(struct rep_hub *hub, const struct rep_record *record,
				     const struct rep_json *extra, struct rep_error *err);
REP_CHECK enum rep_code rep_work_drop(struct rep_hub *hub, const struct rep_entity *entity,
				      const char *id, struct rep_error *err);
/* Is the value, after the field's normalisers, held by a live record other than `id`? */
REP_CHECK enum rep_code rep_work_unique_taken(struct rep_db *db, const struct rep_entity *entity,
					      const struct rep_field *field,
					      const struct rep_json *value, const char *id,
					      bool *taken, struct rep_error *err);

/* ---- work_moved.c ---- */

/* The partition of a record at the time of `stamp`, appended to `out`; nothing when it is unknown. */
REP_CHECK enum rep_code rep_work_partition_at(struct rep_hub *hub, const char *entity,
					      const char *id, const char *stamp,
					      struct rep_buf *out, struct rep_error *err);
/*
 * Where a record lay for the rights over an edit of this stamp: a move counts from its own stamp, and not before the hub knew
 * of it and no earlier edit can arrive any more (receipt + 5 minutes). So the answer does not depend on which of the two
 * arrived first. `time`: of the run, for what is received in it.
 */
REP_CHECK enum rep_code rep_work_lay_at(struct rep_hub *hub, const char *entity, const char *id,
					const char *stamp, const char *time, struct rep_buf *out,
					struct rep_error *err);
/* Records that a record moved with the change of this stamp. */
REP_CHECK enum rep_code rep_work_moved(struct rep_db *db, const char *entity, const char *id,
				       const char *eff, const char *from, const char *to,
				       struct rep_error *err);
/* All of them as a text, to be compared. Appended. */
REP_CHECK enum rep_code rep_work_moves(struct rep_db *db, const char *entity, const char *id,
				       struct rep_buf *out, struct rep_error *err);
REP_CHECK enum rep_code rep_work_moved_clear(struct rep_db *db, const char *entity, const char *id,
					     struct rep_error *err);

/* ---- work_named.c ---- */

/* rep_changes_put, and whom the change names. */
REP_CHECK enum rep_code rep_work_change(struct rep_hub *hub, const struct rep_edit *edit,
					const char *signed_stamp, const struct rep_json *outcome,
					const char *segment, struct rep_error *err);
/* Whom the row of a record names; rep_work_put does this. */
REP_CHECK enum rep_code rep_work_named_row(struct rep_db *db, const struct rep_record *record,
					   struct rep_error *err);
/* Ids of records of `entity` that name the record `target`, or named it once, in a field by which they lie. Appended to `out`, an array. */
REP_CHECK enum rep_code rep_work_naming(struct rep_db *db, const char *target, const char *entity,
					struct rep_json *out, struct rep_error *err);

#endif
