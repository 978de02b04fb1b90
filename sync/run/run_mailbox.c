/*
 * One mailbox: what came to its outbox, verified and put in its place in the device's chain. What does not verify or does
 * not continue the chain (run_judge.h) goes to quarantine and blocks this device only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/run/healing.h"
#include "sync/run/run.h"
#include "sync/run/run_judge.h"

/* Segments are kept as read up to this many bytes: parsed, they take about eight times that. */
#define KEPT_MAX (24u * 1024u * 1024u)
static enum rep_code note_tip(struct rep_run *run, const char *device, const struct rep_oid *tip,
			      bool keep, struct rep_error *err)
{
	struct rep_run_tip *grown = reallocarray(run->tips, run->tips_len + 1, sizeof *grown);

	if (!grown)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	run->tips = grown;
	grown[run->tips_len] = (struct rep_run_tip){.tip = *tip, .keep = keep};
	snprintf(grown[run->tips_len].device, sizeof grown->device, "%s", device);
	run->tips_len++;
	return REP_OK;
}

static void free_sets(struct rep_changeset *sets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		rep_changeset_clear(&sets[i]);
	free(sets);
}

/* ---- segments ---- */

static void received_at(struct rep_reading *reading, const struct rep_segment *segment,
			const char *hash, struct rep_run_segment *out)
{
	struct rep_receipt receipt;
	struct rep_error ignored;

	memcpy(out->received, reading->run->time, sizeof out->received);
	out->received_ms = reading->run->now_ms;
	/* A receipt of ours that came along, after a restore, says when the segment really arrived. */
	if (segment->receipt &&
	    rep_receipt_read(&receipt, segment->receipt, segment->receipt_size,
			     rep_hubkeys_signer(&reading->run->hub->keys, segment->receipt,
						segment->receipt_size),
			     &ignored) == REP_OK &&
	    strcmp(receipt.device, reading->device) == 0 && receipt.first == segment->first &&
	    receipt.last == segment->last && strcmp(receipt.hash, hash) == 0 &&
	    rep_time_parse(&out->received_ms, receipt.received))
		memcpy(out->received, receipt.received, sizeof out->received);
}

struct taken {
	size_t start, end; /* bytes of the change sets that are taken */
	int64_t first, last;
	char hash[REP_HASH_HEX + 1];
	char sealed[REP_TIME_LEN + 1], sealed_last[REP_TIME_LEN + 1];
	bool keep;
	struct rep_changeset *sets;
	size_t len;
};

static enum rep_code note_hash(struct rep_reading *reading, const struct rep_changeset *set,
			       struct rep_error *err)
{
	char(*grown)[REP_HASH_HEX + 1] =
		reallocarray(reading->hashes, reading->batch.sets + 1, sizeof *grown);

	if (!grown)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	reading->hashes = grown;
	memcpy(grown[reading->batch.sets++], set->hash, sizeof *grown);
	return REP_OK;
}

/* Moves the set, where it is kept. */
static enum rep_code keep(struct taken *taken, struct rep_changeset *set, struct rep_error *err)
{
	struct rep_changeset *grown;

	if (!taken->keep)
		return REP_OK;
	grown = reallocarray(taken->sets, taken->len + 1, sizeof *grown);
	if (!grown)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	taken->sets = grown;
	grown[taken->len] = *set;
	grown[taken->len++].bytes = NULL; /* the outbox's memory goes */
	memset(set, 0, sizeof *set);
	return REP_OK;
}

static enum rep_code take(struct rep_reading *reading, struct taken *taken,
			  struct rep_changeset *set, size_t at, size_t used, struct rep_error *err)
{
	enum rep_code rc = note_hash(reading, set, err);

	if (rc != REP_OK)
		return rc;
	if (!taken->end) {
		taken->start = at;
		taken->first = set->seq;
		memcpy(taken->sealed, set->sealed, sizeof taken->sealed);
	}
	taken->end = at + used;
	taken->last = set->seq;
	memcpy(taken->hash, set->hash, sizeof taken->hash);
	memcpy(taken->sealed_last, set->sealed, sizeof taken->sealed_last);
	reading->head.seq = set->seq;
	memcpy(reading->head.hash, set->hash, sizeof reading->head.hash);
	reading->batch.org = reading->batch.org || rep_set_holds_org(reading, set);
	reading->cut = rep_set_release(reading, set) != NULL;
	reading->batch.release = reading->batch.release || reading->cut;
	reading->batch.changes += set->changes_len;
	if (!*reading->first_stamp && set->changes_len)
		memcpy(reading->first_stamp, set->changes[0].stamp.text,
		       sizeof reading->first_stamp);
	return keep(taken, set, err);
}

/* The hub's own bear the key of their time. */
static enum rep_code read_set(const struct rep_reading *reading, const char *data, size_t len,
			      struct rep_changeset *set, size_t *used, struct rep_error *err)
{
	const struct rep_hubkeys *keys = &reading->run->hub->keys;
	const bool own = strcmp(reading->device, REP_HUB_DEVICE) == 0;
	const uint8_t *public = own ? rep_hubkeys_signer(keys, data, len) : reading->public;
	enum rep_code rc = rep_changeset_read(set, used, data, len, public, err);

	if (rc == REP_OK && own &&
	    memcmp(public, rep_hubkeys_of_set(keys, set->seq), REP_PUBLIC_SIZE) != 0)
		rc = rep_fail(err, REP_EINTEGRITY,
			      "change set %lld: not signed with the hub's key of its time",
			      (long long)set->seq);
	return rc;
}

/* Reads on until a problem; *bad is where the rest begins that is not taken. */
static enum rep_code read_sets(struct rep_reading *reading, const struct rep_segment *segment,
			       struct taken *taken, size_t *bad, struct rep_error *err)
{
	size_t at = 0;
	enum rep_code rc = REP_OK;

	while (rc == REP_OK && at < segment->size_bytes && !*reading->problem && !reading->cut) {
		struct rep_changeset set = {0};
		size_t used = 0;

		rc = read_set(reading, segment->data + at, segment->size_bytes - at, &set, &used,
			      err);
		if (rc == REP_EINTEGRITY || rc == REP_EINVAL || rc == REP_ELIMIT) { /* case 5 */
			snprintf(reading->problem, sizeof reading->problem, "[content] %.240s",
				 err->msg);
			rc = REP_OK;
		} else if (rc == REP_OK && set.seq <= reading->head.seq) {
			rc = rep_judge_old(reading, &set, err);
		} else if (rc == REP_OK) {
			rc = rep_judge_set(reading, &set, err);
			if (rc == REP_OK && !*reading->problem)
				rc = take(reading, taken, &set, at, used, err);
		}
		if (!*reading->problem)
			at += used;
		rep_changeset_clear(&set);
	}
	*bad = at;
	return rc;
}

static enum rep_code add_segment(struct rep_reading *reading, const struct rep_segment *segment,
				 struct taken *taken, struct rep_error *err)
{
	struct rep_run_batch *batch = &reading->batch;
	struct rep_run_segment *grown =
				       reallocarray(batch->segments, batch->len + 1, sizeof *grown),
			       *out;
	struct rep_buf path = REP_BUF_INIT(256);
	int64_t sealed_ms = 0;

	if (!grown)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	batch->segments = grown;
	out = &grown[batch->len++];
	*out = (struct rep_run_segment){.first = taken->first,
					.last = taken->last,
					.size_bytes = taken->end - taken->start,
					.sets = taken->sets,
					.sets_len = taken->len};
	taken->sets = NULL;
	taken->len = 0;
	memcpy(out->hash, taken->hash, sizeof out->hash);
	memcpy(out->sealed, taken->sealed, sizeof out->sealed);
	out->data = malloc(out->size_bytes);
	rep_path_journal(&path, reading->device, taken->sealed, taken->first, taken->last);
	out->path = rep_buf_take(&path);
	if (!out->data || !out->path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	memcpy(out->data, segment->data + taken->start, out->size_bytes);
	received_at(reading, segment, taken->hash, out);
	rep_healing_received(reading->run->hub, reading->device, segment, taken->sealed_last, out);
	if (rep_time_parse(&sealed_ms, taken->sealed_last))
		out->offset_ms = sealed_ms - out->received_ms;
	return REP_OK;
}

static enum rep_code add_quarantine(struct rep_reading *reading, const struct rep_segment *segment,
				    size_t from, const char *reason, struct rep_error *err)
{
	struct rep_run_problem *problem;
	int64_t first = reading->head.seq + 1;
	enum rep_code rc = rep_run_problem(reading->run, reading->device, reason, &problem, err);

	if (rc != REP_OK)
		return rc;
	problem->blocks = true;
	problem->first = first > segment->first && first <= segment->last ? first : segment->first;
	problem->last = segment->last;
	problem->size_bytes = segment->size_bytes - from;
	problem->data = malloc(problem->size_bytes ? problem->size_bytes : 1);
	if (!problem->data)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	memcpy(problem->data, segment->data + from, problem->size_bytes);
	return REP_OK;
}

static enum rep_code read_segment(struct rep_reading *reading, const struct rep_segment *segment,
				  struct rep_error *err)
{
	struct taken taken = {.keep = reading->run->kept_bytes + segment->size_bytes <= KEPT_MAX};
	size_t bad = 0;
	enum rep_code rc;

	if (reading->cut)
		return REP_OK;
	if (*reading->problem)
		return reading->waits
			       ? REP_OK
			       : add_quarantine(reading, segment, 0,
						"[follows] it follows a quarantined change set",
						err);
	rc = read_sets(reading, segment, &taken, &bad, err);
	if (rc == REP_OK && taken.end)
		rc = add_segment(reading, segment, &taken, err);
	if (taken.keep)
		reading->run->kept_bytes += segment->size_bytes;
	free_sets(taken.sets, taken.len);
	if (rc == REP_OK && *reading->problem && !reading->waits)
		rc = add_quarantine(reading, segment, bad, reading->problem, err);
	return rc;
}

/* ---- the mailbox ---- */

void rep_run_batch_clear(struct rep_run_batch *batch)
{
	for (size_t i = 0; i < batch->len; i++) {
		free(batch->segments[i].data);
		free(batch->segments[i].path);
		free_sets(batch->segments[i].sets, batch->segments[i].sets_len);
	}
	free(batch->segments);
	free(batch->rep);
	memset(batch, 0, sizeof *batch);
}

/* By the receipt of the first segment, which may be an old one that came along. */
static enum rep_code order_by_receipt(struct rep_reading *reading, struct rep_error *err)
{
	struct rep_head head;
	enum rep_code rc = rep_changes_head(reading->run->hub->db, reading->device, &head, err);

	if (rc == REP_OK && *reading->first_stamp)
		rep_effective_next(&reading->batch.first, head.eff, reading->first_stamp,
				   reading->batch.segments[0].received_ms);
	return rc;
}

static enum rep_code add_batch(struct rep_reading *reading, struct rep_error *err)
{
	struct rep_run *run = reading->run;
	struct rep_run_batch *grown;
	enum rep_code rc;

	if (!reading->batch.len)
		return REP_OK;
	rc = order_by_receipt(reading, err);
	if (rc != REP_OK)
		return rc;
	snprintf(reading->batch.device, sizeof reading->batch.device, "%s", reading->device);
	reading->batch.rep = strdup(reading->rep);
	grown = reallocarray(run->batches, run->batches_len + 1, sizeof *grown);
	if (!grown || !reading->batch.rep)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	run->batches = grown;
	grown[run->batches_len++] = reading->batch;
	memset(&reading->batch, 0, sizeof reading->batch);
	return REP_OK;
}

static enum rep_code read_outbox(struct rep_reading *reading, const struct rep_outbox *outbox,
				 const char *blocked, struct rep_error *err)
{
	enum rep_code rc =
		rep_changes_head(reading->run->hub->db, reading->device, &reading->head, err);

	reading->merged_seq = reading->head.seq;
	rc = rc == REP_OK ? rep_healing_heard(reading->run->hub, reading->device, outbox, err) : rc;
	if (blocked)
		snprintf(reading->problem, sizeof reading->problem, "%s", blocked);
	for (size_t i = 0; rc == REP_OK && i < outbox->segments_len; i++)
		rc = read_segment(reading, &outbox->segments[i], err);
	if (rc == REP_OK && reading->waits)
		rc = rep_run_problem(reading->run, reading->device, reading->problem, NULL, err);
	if (rc == REP_OK)
		rc = add_batch(reading, err);
	if (rc == REP_OK)
		rc = note_tip(reading->run, reading->device, &outbox->tip,
			      reading->waits || reading->cut, err);
	reading->run->more = reading->run->more || (rc == REP_OK && reading->cut);
	return rc;
}

/* A mailbox that cannot be read is told of and left for the next run; running out of memory stops this one. */
static enum rep_code unreadable(struct rep_run *run, const char *device, enum rep_code rc,
				struct rep_error *err)
{
	char reason[300];

	if (rc == REP_OK || rc == REP_ENOMEM)
		return rc;
	snprintf(reason, sizeof reason, "the mailbox cannot be read: %.250s", err->msg);
	return rep_run_problem(run, device, reason, NULL, err);
}

/* Whose mailbox it is; a problem is noted where nobody's, and *key stays NULL. */
static enum rep_code find_owner(struct rep_run *run, const char *device, const char **rep,
				const uint8_t **key, struct rep_error *err)
{
	const struct rep_org_device *row = rep_org_device(run->hub->org, device);
	bool own = strcmp(device, REP_HUB_DEVICE) == 0;

	*rep = own ? REP_HUB_REP : (row ? row->rep : NULL);
	*key = own ? run->hub->key.public : (row && row->has_key ? row->public : NULL);
	if (!*rep || !*key) {
		*key = NULL;
		return rep_run_problem(run, device, "the device has no key", NULL, err);
	}
	/* Of a revoked one each change is judged by its time: what it did before counts. */
	if (!own && strcmp(row->state, "invited") == 0) {
		*key = NULL;
		return rep_run_problem(run, device, "the device is not active", NULL, err);
	}
	return REP_OK;
}

/*
 * A run that was killed may have begun the outbox anew, and not have remembered it. Then the view in the mailbox names the root, with
 * our signature; everything before it is merged. Any other outbox that does not continue was set back.
 */
static enum rep_code read_anew(struct rep_run *run, const char *device, struct rep_outbox *outbox,
			       struct rep_error *err)
{
	char *path = rep_hub_mailbox(run->hub->dir, device), code[REP_MAILBOX_CODE_SIZE];
	struct rep_error why = *err;
	struct rep_oid root;
	enum rep_code rc = REP_EINTEGRITY;

	rep_mailbox_code(code, err->msg);
	if (path && strcmp(code, "rewind") == 0)
		rc = rep_outbox_was_begun_anew(run->hub, device, path, &root, err);
	if (rc == REP_OK)
		rc = rep_mailbox_read(outbox, path, &root, err);
	else
		*err = why;
	free(path);
	return rc;
}

enum rep_code rep_run_mailbox_begin(struct rep_run *run, const char *device,
				    struct rep_run_reading *out, struct rep_error *err)
{
	char *path = rep_hub_mailbox(run->hub->dir, device);
	const uint8_t *key = NULL;
	const char *rep;
	struct rep_oid known;
	enum rep_code rc;

	memset(out, 0, sizeof *out);
	snprintf(out->device, sizeof out->device, "%s", device);
	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = rep_run_known(run->hub, device, &known, &out->blocked, err);
	if (rc == REP_OK)
		rc = rep_outbox_tip(path, &out->tip, err);
	if (rc != REP_OK) {
		rc = unreadable(run, device, rc, err);
		goto out;
	}
	if (rep_oid_equal(&out->tip, &known)) {
		if (out->blocked)
			rc = rep_run_problem(run, device, out->blocked, NULL, err);
		goto out;
	}
	rc = find_owner(run, device, &rep, &key, err);
	if (rc == REP_OK && key)
		rc = unreadable(run, device,
				rep_mailbox_read_begin(&out->reader, path, &known, err), err);
out:
	free(path);
	return rep_wrap(err, rc, "mailbox of %s", device);
}

enum rep_code rep_run_mailbox_end(struct rep_run *run, struct rep_run_reading *at,
				  struct rep_error *err)
{
	struct rep_reading reading = {.run = run, .device = at->device};
	struct rep_outbox outbox = {0};
	enum rep_code rc;

	if (!at->reader) {
		rep_run_mailbox_abort(at);
		return REP_OK;
	}
	rc = rep_mailbox_read_end(at->reader, &outbox, err);
	at->reader = NULL;
	if (rc == REP_EINTEGRITY)
		rc = read_anew(run, at->device, &outbox, err);
	if (rc != REP_OK) {
		rc = unreadable(run, at->device, rc, err);
		goto out;
	}
	rc = find_owner(run, at->device, &reading.rep, &reading.public, err);
	if (rc == REP_OK && reading.public)
		rc = read_outbox(&reading, &outbox, at->blocked, err);
	if (rc == REP_OK && !reading.waits && !rep_oid_equal(&outbox.tip, &at->tip))
		run->more = true;
out:
	rep_run_batch_clear(&reading.batch);
	free(reading.hashes);
	rep_outbox_clear(&outbox);
	rc = rep_wrap(err, rc, "mailbox of %s", at->device);
	rep_run_mailbox_abort(at);
	return rc;
}

void rep_run_mailbox_abort(struct rep_run_reading *reading)
{
	rep_mailbox_read_abort(reading->reader);
	free(reading->blocked);
	memset(reading, 0, sizeof *reading);
}
