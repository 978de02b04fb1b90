/*
 * Push: change sets become segments, a commit each on our outbox, and travel one by one.
 *
 * The commits are made and kept in the replica before the first byte is sent. So the outbox that we know is a chain that
 * only grows, and whatever the mailbox shows after a cut line, a lost reply or a restored server is a commit of that chain:
 * the push goes on from there. A tip that is not in our chain was made by another replica with our key, which only a
 * restored backup or a copied laptop has; then nothing is sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/journal.h"
#include "sync/device/device_work.h"
#include "sync/device/recovered.h"
#include "sync/mailbox/document.h"
#include "sync/mailbox/mailbox.h"
#include "sync/mailbox/serve.h"

#define ENROL_SIZE_MAX (64u * 1024u)
#define PUSH_TRIES 3

/* ---- what waits ---- */

enum rep_code rep_push_needed(struct rep_device *device, bool *needed, struct rep_error *err)
{
	struct rep_db *db = device->replica->db;
	struct rep_journal_head head;
	struct rep_oid sent;
	int64_t sent_seq;
	enum rep_code rc;

	*needed = true;
	rc = rep_journal_head(db, &head, err);
	if (rc == REP_OK)
		rc = rep_meta_get_int(db, REP_META_SENT_SEQ, &sent_seq, err);
	if (rc == REP_OK)
		rc = rep_device_tip(db, REP_META_SENT_TIP, &sent, err);
	if (rc == REP_OK)
		*needed = rep_oid_is_zero(&sent) || head.seq > sent_seq ||
			  !rep_oid_equal(&sent, &device->outbox);
	return rc;
}

/* ---- planning ---- */

/* A segment being filled, and the chain of commits that it will continue. */
struct plan {
	struct rep_device *device;
	struct rep_pack *pack;
	struct rep_oid tip;
	struct rep_buf segment;
	struct rep_resend resend; /* what a restored hub is to have again */
	size_t sets, sets_max;
	int64_t first, last;
	char month[sizeof "2026-11"];
	int64_t time_s; /* of the segment's last change set: commits tell when work was sealed */
};

static enum rep_code close_segment(struct plan *plan, struct rep_error *err)
{
	char path[64], beside[80];
	const char *receipt = rep_resend_receipt(&plan->resend, plan->first, plan->last);
	struct rep_outbox_file files[3] = {{path, plan->segment.data, plan->segment.len}};
	size_t len = 1;
	struct rep_oid next;
	enum rep_code rc;

	if (plan->sets == 0 && !plan->resend.held)
		return REP_OK;
	rc = rep_buf_check(&plan->segment, "a segment", err);
	if (rc != REP_OK)
		return rc;
	snprintf(path, sizeof path, "%s/%lld-%lld.jsonl", plan->month, (long long)plan->first,
		 (long long)plan->last);
	snprintf(beside, sizeof beside, "%s/%lld-%lld.receipt.json", plan->month,
		 (long long)plan->first, (long long)plan->last);
	if (plan->sets == 0)
		len = 0;
	if (receipt && len)
		files[len++] = (struct rep_outbox_file){beside, receipt, strlen(receipt)};
	if (plan->resend.held)
		files[len++] = (struct rep_outbox_file){"statement.json", plan->resend.held,
							strlen(plan->resend.held)};
	rc = rep_outbox_commit_files(plan->pack, &plan->tip, files, len, plan->time_s,
				     plan->device->replica->device, &next, err);
	free(plan->resend.held);
	plan->resend.held = NULL;
	if (rc != REP_OK)
		return rep_wrap(err, rc, "segment %s", path);
	plan->tip = next;
	plan->sets = 0;
	rep_buf_reset(&plan->segment);
	return REP_OK;
}

static enum rep_code add_set(void *user, const struct rep_changeset *set, struct rep_error *err)
{
	struct plan *plan = user;
	int64_t sealed_ms = 0;
	enum rep_code rc = REP_OK;

	if (plan->sets == plan->sets_max ||
	    (plan->sets && rep_resend_divides(&plan->resend, set->seq)) ||
	    (plan->sets && plan->segment.len + set->size_bytes > REP_SEGMENT_SIZE_MAX))
		rc = close_segment(plan, err);
	if (rc != REP_OK)
		return rc;
	if (!rep_time_parse(&sealed_ms, set->sealed))
		return rep_fail(err, REP_EINTEGRITY, "change set %lld: bad time",
				(long long)set->seq);
	if (plan->sets == 0) {
		plan->first = set->seq;
		snprintf(plan->month, sizeof plan->month, "%.7s", set->sealed);
	}
	rep_buf_put(&plan->segment, set->bytes, set->size_bytes);
	plan->last = set->seq;
	plan->time_s = sealed_ms / 1000;
	plan->sets++;
	return REP_OK;
}

/* The outbox's first commit registers our keys, under the invitation's secret; or takes leave. */
static enum rep_code add_enrol(struct plan *plan, struct rep_error *err)
{
	const struct rep_device *device = plan->device;
	struct rep_buf document = REP_BUF_INIT(ENROL_SIZE_MAX);
	const char *token = rep_json_get_string(device->invitation, "own_token");
	char verifier[REP_VERIFIER_LEN + 1];
	struct rep_oid next;
	enum rep_code rc;

	if (token)
		rep_token_verifier(verifier, token);
	if (device->farewell) {
		rep_buf_put(&document, device->farewell->data, device->farewell->len);
		rc = rep_buf_check(&document, "farewell", err);
	} else {
		rc = rep_enrolment_write(&document, device->replica->device, &device->replica->key,
					 rep_json_get_string(device->invitation, "own_ssh_public"),
					 token ? verifier : NULL,
					 rep_json_get_string(device->invitation, "secret"), err);
	}
	if (rc == REP_OK)
		rc = rep_outbox_commit(plan->pack, &rep_oid_zero, "enrol.json", document.data,
				       document.len, device->options->now_ms / 1000,
				       device->replica->device, &next, err);
	if (rc == REP_OK)
		plan->tip = next;
	rep_buf_clear(&document);
	return rc;
}

/* The new commits and how far they reach become part of the replica together. */
static enum rep_code keep_plan(struct rep_device *device, const struct rep_oid *tip, int64_t last,
			       struct rep_error *err)
{
	struct rep_db *db = device->replica->db;
	enum rep_code rc = rep_db_begin(db, err);

	if (rc != REP_OK)
		return rc;
	rc = rep_clone_store(device->clone, err);
	if (rc == REP_OK)
		rc = rep_device_set_tip(db, REP_META_PLANNED_TIP, tip, err);
	if (rc == REP_OK)
		rc = rep_meta_set_int(db, REP_META_PLANNED_SEQ, last, err);
	if (rc == REP_OK)
		rc = rep_meta_set(db, REP_META_HELD_VIEW, NULL, err);
	if (rc == REP_OK)
		rc = rep_db_commit(db, err);
	if (rc != REP_OK)
		rep_db_abort(db);
	return rc;
}

/*
 * Where the plan goes on. A mailbox without an outbox although we pushed to one was lost and made anew at the company: a new
 * chain with everything that no view has acknowledged.
 */
static enum rep_code plan_start(struct rep_device *device, struct rep_oid *tip, int64_t *from,
				struct rep_error *err)
{
	struct rep_db *db = device->replica->db;
	struct rep_oid sent;
	enum rep_code rc;

	rc = rep_device_tip(db, REP_META_PLANNED_TIP, tip, err);
	if (rc == REP_OK)
		rc = rep_device_tip(db, REP_META_SENT_TIP, &sent, err);
	if (rc == REP_OK)
		rc = rep_meta_get_int(db, REP_META_PLANNED_SEQ, from, err);
	if (rc != REP_OK || !rep_oid_is_zero(&device->outbox) || rep_oid_is_zero(&sent))
		return rc;
	*tip = rep_oid_zero;
	return rep_meta_get_int(db, REP_META_MERGED_SEQ, from, err);
}

static enum rep_code make_commits(struct plan *plan, int64_t from, int64_t to,
				  struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (rep_oid_is_zero(&plan->tip))
		rc = add_enrol(plan, err);
	if (rc == REP_OK && from < to)
		rc = rep_journal_each(plan->device->replica, from + 1, add_set, plan, err);
	if (rc == REP_OK)
		rc = close_segment(plan, err);
	return rc;
}

enum rep_code rep_push_plan(struct rep_device *device, struct rep_error *err)
{
	struct rep_git *git = rep_clone_git(device->clone);
	const int64_t step = device->options->step;
	struct plan plan = {.device = device,
			    .segment = REP_BUF_INIT(REP_SEGMENT_HARD_MAX),
			    .sets_max = REP_SEGMENT_SETS_MAX};
	struct rep_journal_head head;
	struct rep_oid start, old;
	int64_t from;
	enum rep_code rc;

	if (step > 0 && step < (int64_t)REP_SEGMENT_SETS_MAX)
		plan.sets_max = (size_t)step;
	rc = plan_start(device, &start, &from, err);
	if (rc == REP_OK)
		rc = rep_resend_read(&plan.resend, device->replica->db, err);
	if (rc == REP_OK)
		rc = rep_journal_head(device->replica->db, &head, err);
	if (rc != REP_OK || (!rep_oid_is_zero(&start) && from >= head.seq && !plan.resend.held))
		goto out;
	plan.time_s = device->options->now_ms / 1000;
	plan.tip = start;
	rc = rep_pack_new(&plan.pack, git, err);
	if (rc == REP_OK)
		rc = make_commits(&plan, from, head.seq, err);
	if (rc == REP_OK)
		rc = rep_pack_commit(plan.pack, NULL, err);
	if (rc == REP_OK)
		rc = rep_git_ref(git, REP_OUTBOX, &old, err);
	if (rc == REP_OK)
		rc = rep_git_cas(git, REP_OUTBOX, &old, &plan.tip, err);
	if (rc == REP_OK)
		rc = keep_plan(device, &plan.tip, head.seq, err);
out:
	rep_pack_free(plan.pack);
	rep_resend_clear(&plan.resend);
	rep_buf_clear(&plan.segment);
	return rep_wrap(err, rc, "make segments");
}

/* ---- sending ---- */

/* Commits of our chain that the mailbox lacks, newest first. */
struct chain {
	struct rep_oid *commits;
	size_t len, cap;
};

static enum rep_code chain_add(struct chain *chain, const struct rep_oid *commit,
			       struct rep_error *err)
{
	if (chain->len == chain->cap) {
		size_t cap = chain->cap ? 2 * chain->cap : 64;
		struct rep_oid *commits = realloc(chain->commits, cap * sizeof *commits);

		if (!commits)
			return rep_fail(err, REP_ENOMEM, "list the commits to push");
		chain->commits = commits;
		chain->cap = cap;
	}
	chain->commits[chain->len++] = *commit;
	return REP_OK;
}

static enum rep_code not_ours(const struct rep_device *device, struct rep_error *err)
{
	char hex[REP_OID_HEX + 1];
	enum rep_code rc;

	rep_oid_hex(hex, &device->outbox);
	rc = rep_fail(err, REP_EORDER,
		      "the mailbox of %s holds commit %.12s, which this replica never made: it was "
		      "restored from a backup, or copied to a second machine",
		      device->replica->device, hex);
	rep_hint(err, "nothing was sent or lost; enroll this machine anew with the company");
	return rc;
}

/* Walks our chain back from its tip to the commit that the mailbox shows. */
static enum rep_code find_missing(struct rep_device *device, struct chain *out,
				  struct rep_error *err)
{
	struct rep_git *git = rep_clone_git(device->clone);
	struct rep_oid at, parent, tree;
	int64_t time_s;
	enum rep_code rc;

	out->len = 0;
	rc = rep_device_tip(device->replica->db, REP_META_PLANNED_TIP, &at, err);
	while (rc == REP_OK && !rep_oid_equal(&at, &device->outbox)) {
		if (rep_oid_is_zero(&at))
			return not_ours(device, err);
		rc = chain_add(out, &at, err);
		if (rc == REP_OK)
			rc = rep_git_commit_read(git, &at, &tree, &parent, &time_s, err);
		at = parent;
	}
	return rc;
}

/* Remembers that the mailbox was seen to hold our chain up to `tip`, whose last change set is `last` (0 = as before). */
static enum rep_code remember_sent(struct rep_device *device, const struct rep_oid *tip,
				   int64_t last, struct rep_error *err)
{
	struct rep_db *db = device->replica->db;
	enum rep_code rc = rep_db_begin(db, err);

	if (rc != REP_OK)
		return rc;
	rc = rep_device_set_tip(db, REP_META_SENT_TIP, tip, err);
	if (rc == REP_OK && last > 0)
		rc = rep_meta_set_int(db, REP_META_SENT_SEQ, last, err);
	if (rc == REP_OK)
		rc = rep_db_commit(db, err);
	if (rc != REP_OK)
		rep_db_abort(db);
	return rc;
}

/* What the mailbox holds although no push of ours was known to arrive: the reply got lost. It counts as sent. */
static enum rep_code adopt_tip(struct rep_device *device, struct rep_error *err)
{
	struct rep_oid sent;
	struct rep_oid parent;
	int64_t first, last;
	enum rep_code rc;

	rc = rep_device_tip(device->replica->db, REP_META_SENT_TIP, &sent, err);
	if (rc != REP_OK || rep_oid_equal(&sent, &device->outbox))
		return rc;
	if (rep_oid_is_zero(&device->outbox))
		return remember_sent(device, &device->outbox, 0, err);
	rc = rep_outbox_commit_range(rep_clone_git(device->clone), &device->outbox, &first, &last,
				     &parent, err);
	if (rc == REP_OK)
		rc = remember_sent(device, &device->outbox, last, err);
	return rc;
}

/* With the last one comes the view. */
static enum rep_code push_one(struct rep_device *device, const struct rep_oid *next, bool is_last,
			      struct rep_error *err)
{
	const char *clone = rep_clone_path(device->clone);
	struct rep_pushed pushed = {0};
	struct rep_oid parent;
	int64_t first, last;
	enum rep_code rc;

	rc = rep_outbox_commit_range(rep_clone_git(device->clone), next, &first, &last, &parent,
				     err);
	if (rc == REP_OK && is_last)
		rc = rep_transport_exchange(device->transport, clone, &device->outbox, next,
					    &pushed, err);
	else if (rc == REP_OK)
		rc = rep_transport_push(device->transport, clone, &device->outbox, next, err);
	if (rc != REP_OK)
		return rc;
	device->outbox = *next;
	device->fetched = pushed.inbox;
	if (last > 0 && !pushed.was_there)
		device->counts.sent += last - first + 1;
	return remember_sent(device, next, last, err);
}

enum rep_code rep_push_send(struct rep_device *device, struct rep_error *err)
{
	struct chain chain = {0};
	enum rep_code rc = REP_EORDER;

	for (int i = 0; rc == REP_EORDER && i < (device->guessed ? 1 : PUSH_TRIES); i++) {
		if (i > 0) {
			rc = rep_device_look(device, err);
			if (rc != REP_OK)
				break;
		}
		rc = find_missing(device, &chain, err);
		if (rc != REP_OK)
			break;
		rc = adopt_tip(device, err);
		for (size_t n = chain.len; rc == REP_OK && n > 0; n--) {
			rep_progress_step(device->options->progress, "push", chain.len - n,
					  chain.len);
			rc = push_one(device, &chain.commits[n - 1], n == 1, err);
		}
	}
	free(chain.commits);
	return rc;
}
