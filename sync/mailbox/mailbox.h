/*
 * A mailbox: a bare repository at the company, one a device. Branch `outbox` is written by the device,
 * branch `inbox` by the hub. No shared objects, no alternates, no other refs.
 *
 * A mailbox on a server is written by stock `git receive-pack`, so it carries the config and the hook that make
 * its acknowledgement durable. On a folder there is no server: repsync writes pack and ref itself, under the
 * mailbox's flock (libgit2's own local push loses acknowledged work).
 */
#ifndef REPSYNC_SYNC_MAILBOX_MAILBOX_H
#define REPSYNC_SYNC_MAILBOX_MAILBOX_H

#include "core/base/file.h"
#include "core/model/changeset.h"
#include "sync/git/git.h"
#include "sync/git/pack.h"

#define REP_OUTBOX "refs/heads/outbox"
#define REP_INBOX "refs/heads/inbox"

/*
 * Every refusal, by the check of a push and by the hub's reader alike, bears one of these codes in its message, in brackets:
 *
 *	ref		a ref other than refs/heads/outbox, or more than one
 *	delete		the outbox away
 *	rewind		not a continuation of what was there
 *	merge		a commit with two parents
 *	many		more commits at once than a device makes
 *	tree		a tree that is malformed, or holds a mode or a name that no device writes (links, .git, .., controls)
 *	name		a file name that no device writes
 *	folder		a folder where none belongs
 *	empty		a folder or a commit without anything
 *	changed removed	what was there before
 *	set		files that do not belong into one commit
 *	size		a file, or a push, larger than any that a device makes
 *	full		the mailbox's quota
 *	object		damaged, missing, loose or borrowed objects
 *	left		the company has revoked the device: only a farewell is taken any more
 *
 * Of what lies in the segments, which only the hub judges: content (form, digests, signature, bounds), fork, gap, foreign, schema,
 * erased, follows. A text without a code is none of the device's doing.
 */
#define REP_MAILBOX_CODE_SIZE 16u
/* The code in a message; empty when there is none. */
void rep_mailbox_code(char out[REP_MAILBOX_CODE_SIZE], const char *message);

/* Makes the repository with its config and hooks; fine when it is there already. */
REP_CHECK enum rep_code rep_mailbox_create(const char *path, struct rep_error *err);
/* Writes config and hooks again where they are not what they should be. Under the mailbox's lock. */
REP_CHECK enum rep_code rep_mailbox_keep(const char *path, struct rep_error *err);
/* The first of these files that is not what it should be, or NULL. Writes nothing. */
const char *rep_mailbox_wrong(const char *path);

/*
 * The pre-receive check, run by stock receive-pack in the mailbox's folder: `updates` are its lines "<old> <new> <ref>",
 * `quarantine` the folder with the new objects, NULL where none came along (a deletion brings none). Accepts exactly what the
 * hub's reader will accept. REP_EINTEGRITY with a code, REP_EBUSY when the quota is used up: the company has to give the mailbox
 * a larger one.
 */
REP_CHECK enum rep_code rep_mailbox_check(const char *path, const char *quarantine,
					  const char *updates, struct rep_error *err);
uint64_t rep_mailbox_quota(const char *path);
#define REP_PUSH_SIZE_MAX (128u * 1024u * 1024u) /* packed bytes of one push */
/*
 * Of what comes to a mailbox, views included, until its outbox is begun anew (anew.h); <mailbox>/repsync.quota says otherwise, in
 * bytes.
 */
#define REP_MAILBOX_QUOTA (4ull * 1024u * 1024u * 1024u)
/* The mailbox's lock: <path>/repsync.lock. */
REP_CHECK enum rep_code rep_mailbox_lock(struct rep_lock **out, const char *path, bool wait,
					 struct rep_error *err);

/*
 * A closed mailbox takes no more pushes (offboarding); what runs is waited for by taking its lock. Reading goes on.
 * The flag is the file <path>/repsync.closed.
 */
REP_CHECK enum rep_code rep_mailbox_close(const char *path, struct rep_error *err);
bool rep_mailbox_is_closed(const char *path);
/*
 * A mailbox that serves nothing but the order to leave: its outbox begins with a farewell (document.h), and every other push is refused
 * with the code `left`. The flag is the file <path>/repsync.leaving.
 */
REP_CHECK enum rep_code rep_mailbox_set_leaving(const char *path, struct rep_error *err);
bool rep_mailbox_is_leaving(const char *path);

/* One segment as found in an outbox. */
struct rep_segment {
	char path[64]; /* <yyyy-mm>/<first>-<last>.jsonl */
	int64_t first, last;
	char *data;
	size_t size_bytes;
	char *receipt; /* <first>-<last>.receipt.json sent along, or NULL */
	size_t receipt_size;
};
struct rep_outbox {
	struct rep_oid tip;
	char *enrol; /* enrol.json's bytes when it came new; else NULL */
	size_t enrol_size;
	char *statement; /* likewise statement.json */
	size_t statement_size;
	struct rep_segment *segments; /* in the order of the commits */
	size_t segments_len;
};
/*
 * Reads what came to the outbox since `known` (zero = all), in a limited child process: packs only, each object compared
 * with its id, deadline, memory limit; every commit must have exactly the one tree shape that a device writes (its parent's entries untouched, new names that we could have
 * generated, mode 100644, one parent). REP_EINTEGRITY with the reason for a bad mailbox: the caller quarantines it
 * and goes on with the others.
 *
 * At most 256 MiB and 20,000 commits at a time: `out->tip` is the last commit that was read, to be given as `known`
 * the next time. Nothing new: `out->tip` is `known`, and no child was needed.
 */
REP_CHECK enum rep_code rep_mailbox_read(struct rep_outbox *out, const char *path,
					 const struct rep_oid *known, struct rep_error *err);
void rep_outbox_clear(struct rep_outbox *outbox);
/* Where the outbox stands; zero = there is none yet. */
REP_CHECK enum rep_code rep_outbox_tip(const char *path, struct rep_oid *tip,
				       struct rep_error *err);

/*
 * The same in two steps, so that a caller with many mailboxes may have a few children at work while it merges:
 * begin starts the child, end takes what it found and frees the reader (also after a failure).
 */
struct rep_mailbox_reader;
REP_CHECK enum rep_code rep_mailbox_read_begin(struct rep_mailbox_reader **out, const char *path,
					       const struct rep_oid *known, struct rep_error *err);
REP_CHECK enum rep_code rep_mailbox_read_end(struct rep_mailbox_reader *reader,
					     struct rep_outbox *out, struct rep_error *err);
void rep_mailbox_read_abort(struct rep_mailbox_reader *reader); /* NULL is fine */

/*
 * The device's side of an outbox, into a pack of its clone: a commit with one more segment on top of `tip` (zero = a
 * first commit that holds enrol.json instead, when `path` is "enrol.json"). The pack is not committed here.
 */
REP_CHECK enum rep_code rep_outbox_commit(struct rep_pack *pack, const struct rep_oid *tip,
					  const char *path, const void *data, size_t len,
					  int64_t time_s, const char *device, struct rep_oid *out,
					  struct rep_error *err);
/*
 * The same for a segment sent again, with its receipt beside it, or for a statement after a restore: up to three files in
 * one commit: a segment, its receipt, statement.json.
 */
struct rep_outbox_file {
	const char *path;
	const void *data;
	size_t len;
};
REP_CHECK enum rep_code rep_outbox_commit_files(struct rep_pack *pack, const struct rep_oid *tip,
						const struct rep_outbox_file *files, size_t len,
						int64_t time_s, const char *device,
						struct rep_oid *out, struct rep_error *err);

/*
 * What a name in an outbox says: <yyyy-mm>/<first>-<last>.jsonl or .receipt.json, enrol.json, statement.json. False for
 * anything that a device could not have written.
 */
enum rep_outbox_kind {
	REP_OUTBOX_SEGMENT,
	REP_OUTBOX_RECEIPT,
	REP_OUTBOX_ENROL,
	REP_OUTBOX_STATEMENT
};
struct rep_outbox_name {
	enum rep_outbox_kind kind;
	int64_t first, last; /* of a segment and its receipt */
};
bool rep_outbox_name_parse(struct rep_outbox_name *out, const char *path);
/* <yyyy-mm>/<first>-<last>.jsonl (or .receipt.json), the month from `time` (a stamp or a datetime). Appended. */
void rep_outbox_path(struct rep_buf *out, const char *time, int64_t first, int64_t last,
		     bool receipt);

/*
 * The numbers of the segment that a commit of our own outbox added, read from its message: its trees may be gone from the clone.
 * Zeros for a first commit, which holds enrol.json or nothing. Also gives its parent.
 */
REP_CHECK enum rep_code rep_outbox_commit_range(struct rep_git *git, const struct rep_oid *commit,
						int64_t *first, int64_t *last,
						struct rep_oid *parent, struct rep_error *err);

#endif
