/*
 * Making views durable: pack, index, compare-and-swap, each synced, are five waits for the disk a mailbox, and nothing of one concerns
 * another. So views are gathered, and as many as there are jobs are brought at once; what was brought is then remembered in the
 * order of the devices. A parcel touches nothing that another one does: its own mailbox, its own pack.
 */
#include <pthread.h>
#include <stdlib.h>

#include "sync/mailbox/anew.h"
#include "sync/run/publish.h"

/* At once, not when the slowest is done: its device may be waiting for the lock. */
static void let_go(struct rep_parcel *parcel)
{
	rep_pack_free(parcel->pack);
	rep_git_close(parcel->git);
	rep_lock_free(parcel->lock);
	parcel->pack = NULL;
	parcel->git = NULL;
	parcel->lock = NULL;
}

static void deliver(struct rep_parcel *parcel)
{
	struct rep_error *err = &parcel->err;
	enum rep_code rc = rep_pack_commit(parcel->pack, NULL, err);

	if (rc == REP_OK)
		rc = rep_git_cas(parcel->git, REP_INBOX, &parcel->tip, &parcel->commit, err);
	if (rc == REP_OK && parcel->outbox.moves)
		rc = rep_git_cas(parcel->git, REP_OUTBOX, &parcel->outbox.from, &parcel->outbox.to,
				 err);
	if (rc == REP_OK && (parcel->outbox.moves || parcel->anew))
		rc = rep_mailbox_tidy(rep_git_path(parcel->git), err);
	parcel->rc = rc;
	let_go(parcel);
}

static void *deliver_one(void *parcel)
{
	deliver(parcel);
	return NULL;
}

void rep_parcel_clear(struct rep_parcel *parcel)
{
	let_go(parcel);
	*parcel = (struct rep_parcel){0};
}

/* The first failure is kept; a mailbox that is busy gets its view from the next run. */
static void note_failure(struct rep_publish *publish, enum rep_code rc, const struct rep_error *err)
{
	if (rc != REP_OK && publish->failed == REP_OK && rc != REP_EBUSY) {
		publish->failed = rc;
		publish->failure = *err;
	}
}

void rep_publish_flush(struct rep_publish *publish)
{
	pthread_t threads[REP_PARCELS_MAX];
	bool started[REP_PARCELS_MAX] = {false};

	for (size_t i = 0; i + 1 < publish->parcels_len; i++)
		started[i] =
			pthread_create(&threads[i], NULL, deliver_one, &publish->parcels[i]) == 0;
	for (size_t i = 0; i < publish->parcels_len; i++)
		if (!started[i]) /* the last one, and where there was no thread to be had */
			deliver(&publish->parcels[i]);
	for (size_t i = 0; i < publish->parcels_len; i++)
		if (started[i])
			(void)pthread_join(threads[i], NULL);
	for (size_t i = 0; i < publish->parcels_len; i++) {
		struct rep_parcel *parcel = &publish->parcels[i];

		if (parcel->rc == REP_OK)
			parcel->rc = rep_publish_remember(publish, parcel, &parcel->err);
		if (parcel->rc != REP_OK)
			parcel->rc =
				rep_wrap(&parcel->err, parcel->rc, "inbox of %s", parcel->device);
		note_failure(publish, parcel->rc, &parcel->err);
		rep_parcel_clear(parcel);
	}
	publish->parcels_len = 0;
}

void rep_publish_put(struct rep_publish *publish, struct rep_parcel *parcel)
{
	size_t jobs = publish->jobs < 1                 ? 1
		      : publish->jobs > REP_PARCELS_MAX ? REP_PARCELS_MAX
							: (size_t)publish->jobs;

	publish->parcels[publish->parcels_len++] = *parcel;
	*parcel = (struct rep_parcel){0};
	if (publish->parcels_len >= jobs)
		rep_publish_flush(publish);
}
