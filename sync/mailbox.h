/*
 * A mailbox: a bare repository at the company, one a device. Branch `outbox` is written by the device,
 * branch `inbox` by the hub. No shared objects, no alternates, no other refs.
 *
 * A mailbox on a server is written by stock `git receive-pack`, so it carries the config and the hook that make
 * its acknowledgement durable. On a folder there is no server: repsync writes pack and ref itself, under the
 * mailbox's flock (libgit2's own local push loses acknowledged work).
 */
#ifndef REPSYNC_SYNC_MAILBOX_H
#define REPSYNC_SYNC_MAILBOX_H

#include "core/base/file.h"
#include "core/model/changeset.h"
#include "sync/git.h"
#include "sync/pack.h"

#define REP_OUTBOX "refs/heads/outbox"
#define REP_INBOX "refs/heads/inbox"

/* Makes the repository with its config and hook; fine when it is there already. */
REP_CHECK enum rep_code rep_mailbox_create(const char *path, struct rep_error *err);
/* The mailbox's lock: <path>/repsync.lock. */
REP_CHECK enum rep_code rep_mailbox_lock(struct rep_lock **out, const char *path, bool wait,
					 struct rep_error *err);

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
 * Reads what came to the outbox since `known` (zero = all), in a limited child process: git fsck first, packs
 * only, deadline, memory limit; every commit must have exactly the one tree shape that a device writes (its parent's
 * entries untouched, new names that we could have generated, mode 100644, one parent). REP_EINTEGRITY with the
 * reason for a bad mailbox: the caller quarantines it and goes on with the others.
 */
REP_CHECK enum rep_code rep_mailbox_read(struct rep_outbox *out, const char *path,
					 const struct rep_oid *known, struct rep_error *err);
void rep_outbox_clear(struct rep_outbox *outbox);

/*
 * The device's side of an outbox, into a pack of its clone: a commit with one more segment (and its receipt, may be
 * NULL) on top of `tip` (zero = a first commit that holds enrol.json instead, when `path` is "enrol.json").
 */
REP_CHECK enum rep_code rep_outbox_commit(struct rep_pack *pack, const struct rep_oid *tip,
					  const char *path, const void *data, size_t len,
					  int64_t time_s, const char *device, struct rep_oid *out,
					  struct rep_error *err);

#endif
