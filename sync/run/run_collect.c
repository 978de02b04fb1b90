/*
 * All mailboxes, a few children at a time, and the order of what they brought.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/run/run.h"

/* Children at work: as many as keep two cores busy while this process verifies what the oldest brought. */
#define READERS 4u

/* Batches that change the organisation first, then by the effective stamp of the first change, then by device. */
static int compare_batches(const void *a, const void *b)
{
	const struct rep_run_batch *x = a, *y = b;
	int order;

	if (x->org != y->org)
		return x->org ? -1 : 1;
	order = strcmp(x->first.text, y->first.text);
	return order ? order : strcmp(x->device, y->device);
}

struct queue {
	struct rep_run *run;
	struct rep_run_reading readings[READERS];
	size_t first, len; /* a ring */
	size_t done, total;
};

static enum rep_code finish_oldest(struct queue *queue, struct rep_error *err)
{
	struct rep_run_reading *oldest = &queue->readings[queue->first];

	queue->first = (queue->first + 1) % READERS;
	queue->len--;
	rep_progress_step(queue->run->options->progress, "collect", ++queue->done, queue->total);
	return rep_run_mailbox_end(queue->run, oldest, err);
}

static enum rep_code start(struct queue *queue, const char *device, struct rep_error *err)
{
	enum rep_code rc = queue->len == READERS ? finish_oldest(queue, err) : REP_OK;
	size_t at = (queue->first + queue->len) % READERS;

	if (rc != REP_OK)
		return rc;
	queue->len++;
	return rep_run_mailbox_begin(queue->run, device, &queue->readings[at], err);
}

/*
 * Enrolments are looked at before (run_enrol.c), what a device leaves with after all runs (run_leave.c), and who took up an invitation
 * that is void is heard no more.
 */
static bool is_read(const struct rep_hub *hub, const struct rep_org_device *device)
{
	return !device->state || (strcmp(device->state, "invited") != 0 &&
				  !rep_hub_is_void(device) && !rep_hub_is_leaving(hub, device));
}

enum rep_code rep_run_collect(struct rep_run *run, struct rep_error *err)
{
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(run->hub->org, &devices);
	struct queue queue = {.run = run, .total = run->options->own_only ? 1 : len + 1};
	enum rep_code rc = start(&queue, REP_HUB_DEVICE, err);

	for (size_t i = 0; rc == REP_OK && !run->options->own_only && i < len; i++)
		if (is_read(run->hub, &devices[i]))
			rc = start(&queue, devices[i].id, err);
	while (rc == REP_OK && queue.len)
		rc = finish_oldest(&queue, err);
	for (size_t i = 0; i < READERS; i++)
		rep_run_mailbox_abort(&queue.readings[i]);
	if (run->batches_len > 1)
		qsort(run->batches, run->batches_len, sizeof *run->batches, compare_batches);
	return rep_wrap(err, rc, "collect");
}
