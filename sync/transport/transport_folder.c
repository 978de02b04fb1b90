/*
 * A mailbox in a folder. There is no server, so hooks and rules of receive-pack do not run, and libgit2's own local
 * push loses acknowledged work (84 acknowledged, 24 lost in 60 races of two). So pack and ref are written here, under
 * the mailbox's lock: pack first, synced, then the compare-and-swap, then the ref is read back.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/file.h"
#include "sync/mailbox/mailbox.h"
#include "sync/transport/transport_work.h"

#define LOCK_TRY_MS 50

enum rep_code rep_check_forward(struct rep_git *git, const struct rep_oid *old_oid,
				const struct rep_oid *tip, struct rep_error *err)
{
	struct rep_oid at = *tip, tree, parent;
	int64_t time_s;

	for (size_t n = 0; n < REP_CHAIN_MAX; n++) {
		enum rep_code rc;

		if (rep_oid_equal(&at, old_oid))
			return REP_OK;
		if (rep_oid_is_zero(&at) || !rep_git_has(git, &at))
			return rep_fail(err, REP_EORDER,
					"the commit does not continue the mailbox's outbox");
		rc = rep_git_commit_read(git, &at, &tree, &parent, &time_s, err);
		if (rc)
			return rc;
		at = parent;
	}
	return rep_fail(err, REP_ELIMIT, "more than %u commits", REP_CHAIN_MAX);
}

/* Waits for the lock as long as the watchdog would wait for anything else, and shows that it lives. */
static enum rep_code lock(struct rep_transfer *transfer, struct rep_lock **out,
			  struct rep_error *err)
{
	const struct timespec pause = {.tv_nsec = LOCK_TRY_MS * 1000000L};
	unsigned tries = transfer->transport->stall_s * 1000 / LOCK_TRY_MS;

	for (;;) {
		enum rep_code rc = rep_mailbox_lock(out, transfer->transport->url, false, err);

		if (rc != REP_EBUSY || tries-- == 0)
			return rc;
		rep_channel_progress(transfer->channel, 0, 0);
		(void)nanosleep(&pause, NULL);
	}
}

static enum rep_code copy_commits(struct rep_git *from, struct rep_git *to,
				  const struct rep_oid *tip, uint64_t *bytes, struct rep_error *err)
{
	struct rep_pack *pack = NULL;
	enum rep_code rc = rep_pack_new(&pack, to, err);

	if (!rc)
		rc = rep_pack_copy_commits(pack, from, tip, &rep_oid_zero, REP_CHAIN_MAX, err);
	if (!rc)
		rc = rep_pack_commit(pack, bytes, err);
	rep_pack_free(pack);
	return rc;
}

static enum rep_code push_locked(struct rep_transfer *transfer, struct rep_git *box,
				 struct rep_git *clone, struct rep_error *err)
{
	struct rep_oid now;
	enum rep_code rc = rep_git_ref(box, REP_OUTBOX, &now, err);

	transfer->result.was_there = !rc && rep_oid_equal(&now, &transfer->new_oid);
	if (transfer->result.was_there)
		return REP_OK;
	if (!rc && !rep_oid_equal(&now, &transfer->old_oid))
		return rep_fail(err, REP_EORDER, "the mailbox's outbox has moved");
	if (!rc)
		rc = rep_check_forward(clone, &transfer->old_oid, &transfer->new_oid, err);
	if (!rc)
		rc = copy_commits(clone, box, &transfer->new_oid, &transfer->result.up, err);
	if (!rc)
		rc = rep_git_cas(box, REP_OUTBOX, &transfer->old_oid, &transfer->new_oid, err);
	if (!rc)
		rc = rep_git_ref(box, REP_OUTBOX, &now, err);
	if (!rc && !rep_oid_equal(&now, &transfer->new_oid))
		rc = rep_fail(err, REP_EIO, "the outbox is not what was written");
	return rc;
}

static enum rep_code push(struct rep_transfer *transfer, struct rep_error *err)
{
	const char *path = transfer->transport->url;
	struct rep_git *box = NULL, *clone = NULL;
	struct rep_lock *held = NULL;
	enum rep_code rc = lock(transfer, &held, err);

	if (!rc && rep_mailbox_is_closed(path))
		rc = rep_fail(err, REP_EREFUSED, "the mailbox takes no more pushes");
	if (!rc)
		rc = rep_git_janitor(path, err);
	if (!rc)
		rc = rep_git_open(&box, path, err);
	if (!rc)
		rc = rep_git_open(&clone, transfer->clone, err);
	if (!rc)
		rc = push_locked(transfer, box, clone, err);
	rep_git_close(clone);
	rep_git_close(box);
	rep_lock_free(held);
	return rc;
}

/* The clone's inbox is moved to whatever the mailbox has; a new root of the hub is no exception. */
static enum rep_code fetch_into(struct rep_transfer *transfer, struct rep_git *box,
				struct rep_git *clone, struct rep_error *err)
{
	const struct rep_oid *tip = &transfer->result.inbox;
	struct rep_oid before;
	enum rep_code rc = rep_git_ref(clone, REP_INBOX, &before, err);

	if (rc || rep_oid_is_zero(tip) || rep_oid_equal(&before, tip))
		return rc;
	rc = copy_commits(box, clone, tip, &transfer->result.down, err);
	if (!rc)
		rc = rep_git_cas(clone, REP_INBOX, &before, tip, err);
	return rc;
}

static enum rep_code look(struct rep_transfer *transfer, struct rep_error *err)
{
	struct rep_git *box = NULL, *clone = NULL;
	enum rep_code rc = rep_git_open(&box, transfer->transport->url, err);

	if (!rc)
		rc = rep_git_ref(box, REP_OUTBOX, &transfer->result.outbox, err);
	if (!rc)
		rc = rep_git_ref(box, REP_INBOX, &transfer->result.inbox, err);
	/* Nothing was ever put into it, and nothing will be. */
	if (!rc && rep_oid_is_zero(&transfer->result.inbox) &&
	    rep_mailbox_is_closed(transfer->transport->url)) {
		rc = rep_fail(err, REP_EREFUSED, "the company has closed this mailbox");
		rep_hint(err, "it takes another invitation, and a replica of its own");
	}
	if (!rc && transfer->fetch) {
		rc = rep_git_open(&clone, transfer->clone, err);
		if (!rc)
			rc = fetch_into(transfer, box, clone, err);
		transfer->result.fetched = !rc;
	}
	rep_git_close(clone);
	rep_git_close(box);
	return rc;
}

enum rep_code rep_folder_transfer(struct rep_transfer *transfer, struct rep_error *err)
{
	enum rep_code rc;

	/* A share that is not mounted, a stick that is not plugged in. */
	if (!rep_file_is_dir(transfer->transport->url))
		return rep_fail(err, REP_EUNREACHABLE, "the folder is not there");
	if (transfer->operation == REP_OPERATION_PUSH) {
		rc = push(transfer, err);
		if (rc || !transfer->fetch)
			return rc;
	}
	return look(transfer, err);
}
