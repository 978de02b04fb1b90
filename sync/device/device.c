#include "sync/device/device.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/model/stamp.h"
#include "core/store/journal.h"
#include "sync/device/device_work.h"
#include "sync/device/recovered.h"
#include "sync/transport/retry.h"

enum rep_code rep_device_tip(struct rep_db *db, const char *key, struct rep_oid *out,
			     struct rep_error *err)
{
	char *text = NULL;
	enum rep_code rc;

	*out = rep_oid_zero;
	rc = rep_meta_get(db, key, &text, err);
	if (rc == REP_OK && text && !rep_oid_parse(out, text))
		rc = rep_fail(err, REP_EINTEGRITY, "_meta.%s is no object id", key);
	free(text);
	return rc;
}

enum rep_code rep_device_set_tip(struct rep_db *db, const char *key, const struct rep_oid *tip,
				 struct rep_error *err)
{
	char hex[REP_OID_HEX + 1];

	if (rep_oid_is_zero(tip))
		return rep_meta_set(db, key, NULL, err);
	rep_oid_hex(hex, tip);
	return rep_meta_set(db, key, hex, err);
}

/* The root key is pinned: an invitation's, or else that of the first view that this program took, and no other afterwards. */
static enum rep_code read_root(struct rep_device *device, struct rep_error *err)
{
	const char *text = rep_json_get_string(device->invitation, "root");
	char *kept = NULL;
	enum rep_code rc = REP_OK;

	if (!text)
		rc = rep_meta_get(device->replica->db, REP_META_ROOT, &kept, err);
	if (!text)
		text = kept;
	device->has_root = text != NULL;
	if (text && !rep_public_read(device->root, text))
		rc = rep_fail(err, REP_EINTEGRITY, "the company's root key is damaged");
	free(kept);
	return rc;
}

enum rep_code rep_device_begin(struct rep_device *device, struct rep_replica *replica,
			       struct rep_error *err)
{
	const char *hub_public;
	char *text = NULL, *rolled = NULL;
	enum rep_code rc;

	*device = (struct rep_device){.replica = replica};
	rc = rep_meta_get(replica->db, REP_META_INVITATION, &text, err);
	if (rc != REP_OK)
		goto out;
	if (!text) {
		rc = rep_fail(err, REP_EINVAL, "this replica was not enrolled");
		goto out;
	}
	rc = rep_json_parse(&device->invitation, text, strlen(text), REP_LINE_SIZE_MAX,
			    REP_JSON_DEPTH_MAX, err);
	if (rc != REP_OK)
		goto out;
	rc = rep_meta_get(replica->db, REP_META_HUB_KEY, &rolled, err);
	if (rc != REP_OK)
		goto out;
	hub_public = rolled ? rolled : rep_json_get_string(device->invitation, "hub_public");
	if (!rep_public_read(device->hub_public, hub_public))
		rc = rep_fail(err, REP_EINTEGRITY, "the hub's key is missing");
	if (rc == REP_OK)
		rc = read_root(device, err);
out:
	free(text);
	free(rolled);
	return rep_wrap(err, rc, "read the replica's invitation");
}

/* Two syncs of one replica would make two chains of commits; whoever comes second is told so at once. */
static enum rep_code take_turn(struct rep_lock **out, const struct rep_replica *replica,
			       struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(8192);
	enum rep_code rc;

	rep_buf_printf(&path, "%s/sync.lock", replica->dir);
	rc = rep_buf_check(&path, "a path", err);
	if (rc == REP_OK)
		rc = rep_lock_take(out, path.data, "a sync of this replica", false, err);
	rep_buf_clear(&path);
	return rc;
}

enum rep_code rep_device_begin_turn(struct rep_device *device, struct rep_replica *replica,
				    const struct rep_sync *options, struct rep_error *err)
{
	struct rep_lock *turn = NULL;
	enum rep_code rc = take_turn(&turn, replica, err);

	*device = (struct rep_device){0};
	if (rc == REP_OK)
		rc = rep_key_init(err);
	if (rc == REP_OK)
		rc = rep_device_begin(device, replica, err);
	device->options = options;
	device->turn = turn;
	return rc;
}

void rep_device_end(struct rep_device *device)
{
	rep_clone_close(device->clone);
	rep_transport_close(device->transport);
	rep_json_free(device->invitation);
	rep_lock_free(device->turn);
	*device = (struct rep_device){0};
}

/* ---- reaching the mailbox ---- */

enum rep_code rep_device_connect(struct rep_transport **out, const struct rep_json *invitation,
				 const char *device, bool one_time, const struct rep_sync *sync,
				 struct rep_error *err)
{
	const struct rep_transport_options options = {
		.url = rep_json_get_string(invitation, "url"),
		.ssh_secret =
			rep_json_get_string(invitation, one_time ? "ssh_secret" : "own_ssh_secret"),
		.ssh_public =
			rep_json_get_string(invitation, one_time ? "ssh_public" : "own_ssh_public"),
		.host_key = rep_json_get_string(invitation, "host_key"),
		.user = device,
		.token = rep_json_get_string(invitation, one_time ? "token" : "own_token"),
		.ca = rep_json_get_string(invitation, "ca"),
		.stall_s = sync->stall_s,
		.overall_s = sync->overall_s,
		.progress = sync->progress,
	};

	return rep_transport_open(out, &options, err);
}

enum rep_code rep_device_look(struct rep_device *device, struct rep_error *err)
{
	device->guessed = false;
	return rep_transport_tips(device->transport, &device->outbox, &device->inbox, err);
}

/*
 * Where there is something to send, the push says by itself whether the outbox stands where we left it: a connection less, which on a
 * line of long delay is seconds. Whatever goes wrong then is done again in the slow way.
 */
static enum rep_code guess(struct rep_device *device, const struct rep_oid *sent,
			   struct rep_error *err)
{
	struct rep_journal_head head;
	int64_t sent_seq;
	enum rep_code rc = rep_journal_head(device->replica->db, &head, err);

	if (rc == REP_OK)
		rc = rep_meta_get_int(device->replica->db, REP_META_SENT_SEQ, &sent_seq, err);
	device->guessed = rc == REP_OK && head.seq > sent_seq;
	if (device->guessed)
		device->outbox = *sent;
	return rc;
}

static enum rep_code connect_with(struct rep_device *device, bool one_time, struct rep_error *err)
{
	enum rep_code rc;

	rep_transport_close(device->transport);
	device->transport = NULL;
	rc = rep_device_connect(&device->transport, device->invitation, device->replica->device,
				one_time, device->options, err);
	if (rc != REP_OK || device->guessed)
		return rc;
	return rep_device_look(device, err);
}

/*
 * The invitation's one-time key (over https: token) opens the mailbox until a run of the hub puts our own in its place; the
 * device learns of that run only through the view it is about to fetch. So until a view says that we are active either may
 * be the right one: the more likely is tried first, the other after a refusal.
 */
static enum rep_code connect_mailbox(struct rep_device *device, bool may_guess,
				     struct rep_error *err)
{
	const bool one_time = rep_json_get_string(device->invitation, "ssh_secret") ||
			      rep_json_get_string(device->invitation, "token");
	struct rep_db *db = device->replica->db;
	struct rep_oid sent;
	char *state = NULL;
	bool active, first;
	enum rep_code rc;

	rc = rep_meta_get(db, REP_META_STATE, &state, err);
	if (rc != REP_OK)
		return rc;
	active = state && strcmp(state, "invited") != 0;
	may_guess = may_guess && state && strcmp(state, "active") == 0;
	free(state);
	rc = rep_device_tip(db, REP_META_SENT_TIP, &sent, err);
	if (rc != REP_OK)
		return rc;
	first = !active && rep_oid_is_zero(&sent) && one_time;
	device->guessed = false;
	device->fetched = rep_oid_zero;
	if (may_guess && !rep_oid_is_zero(&sent))
		rc = guess(device, &sent, err);
	if (rc == REP_OK)
		rc = connect_with(device, first, err);
	if (rc == REP_EREFUSED && !active && one_time)
		rc = connect_with(device, !first, err);
	return rep_wrap(err, rc, "reach the mailbox");
}

/* ---- one sync ---- */

enum rep_code rep_device_fetch(struct rep_device *device, struct rep_oid *tip,
			       struct rep_error *err)
{
	struct rep_json *order = NULL;
	struct rep_pin pin;
	enum rep_code rc = REP_OK;

	*tip = device->fetched;
	device->fetched = rep_oid_zero;
	if (rep_oid_is_zero(tip))
		rc = rep_transport_fetch(device->transport, rep_clone_path(device->clone), tip,
					 err);
	if (rc == REP_OK)
		rc = rep_git_refresh(rep_clone_git(device->clone), err);
	if (rc == REP_OK)
		rc = rep_device_follow(&pin, device, tip, err);
	if (rc == REP_OK)
		rc = rep_order_find(&order, rep_clone_git(device->clone), tip,
				    device->replica->device, pin.hub, err);
	if (rc != REP_OK)
		return rep_wrap(err, rc, "fetch the view");
	if (order)
		rc = rep_leave(device, order, err);
	rep_json_free(order);
	return rc;
}

enum rep_code rep_device_fetch_view(struct rep_device *device, struct rep_error *err)
{
	struct rep_oid applied, tip;
	enum rep_code rc;

	rc = rep_device_tip(device->replica->db, REP_META_APPLIED_TIP, &applied, err);
	if (rc != REP_OK)
		return rc;
	if (!rep_oid_is_zero(&device->fetched))
		device->inbox = device->fetched;
	else if (device->guessed)
		rc = rep_device_look(device, err);
	device->guessed = false;
	if (rc != REP_OK)
		return rep_wrap(err, rc, "fetch the view");
	if (rep_oid_is_zero(&device->inbox)) {
		if (rep_oid_is_zero(&applied))
			return REP_OK; /* the hub has not published anything yet */
		return rep_fail(err, REP_EINTEGRITY,
				"fetch the view: the mailbox's inbox is gone; the company has to "
				"publish it again");
	}
	if (rep_oid_equal(&applied, &device->inbox))
		return REP_OK;
	rc = rep_device_fetch(device, &tip, err);
	if (rc != REP_OK)
		return rc;
	return rep_wrap(err, rep_pull_apply(device, &tip, err), "apply the view");
}

static enum rep_code is_revoked(struct rep_db *db, bool *revoked, struct rep_error *err)
{
	char *state = NULL;
	enum rep_code rc = rep_meta_get(db, REP_META_STATE, &state, err);

	*revoked = state && strcmp(state, "revoked") == 0;
	free(state);
	return rc;
}

/* Twice where the company began the outbox anew while we were at it. */
static enum rep_code push_all(struct rep_device *device, struct rep_error *err)
{
	enum rep_code rc = REP_EORDER;

	for (int i = 0; rc == REP_EORDER && i < (device->guessed ? 1 : 2); i++) {
		rc = rep_push_settle(device, err);
		if (rc == REP_OK)
			rc = rep_push_plan(device, err);
		if (rc == REP_OK)
			rc = rep_push_send(device, err);
	}
	return rc;
}

/*
 * Moves what has to move. Nothing is unpacked when both tips are those of the last sync and nothing waits. A revoked device
 * sends nothing, but may still learn that it was taken back.
 */
static enum rep_code exchange(struct rep_device *device, struct rep_error *err)
{
	struct rep_oid applied;
	bool push = false, revoked;
	enum rep_code rc;

	rc = is_revoked(device->replica->db, &revoked, err);
	if (rc == REP_OK && !revoked)
		rc = rep_push_needed(device, &push, err);
	if (rc == REP_OK)
		rc = rep_device_tip(device->replica->db, REP_META_APPLIED_TIP, &applied, err);
	if (rc != REP_OK)
		return rc;
	if (!push && rep_oid_equal(&applied, &device->inbox))
		return REP_OK;
	rc = rep_clone_open(&device->clone, device->replica, err);
	/* A mailbox with an inbox and no outbox was made anew: perhaps to say that nothing is to be sent any more. */
	if (rc == REP_OK && push && rep_oid_is_zero(&device->outbox) &&
	    !rep_oid_is_zero(&device->inbox))
		rc = rep_device_fetch(device, &applied, err);
	if (rc == REP_OK && push)
		rc = rep_recovered_peek(device, err);
	if (rc != REP_OK)
		return rc;
	if (push)
		rc = push_all(device, err);
	if (rc != REP_OK)
		return rep_wrap(err, rc, "push");
	return rep_device_fetch_view(device, err);
}

static enum rep_code exchange_with_retries(struct rep_device *device, struct rep_error *err)
{
	const struct rep_sync *options = device->options;
	unsigned tries = 0;
	bool may_guess = true;
	enum rep_code rc;

	for (;;) {
		uint32_t random;
		bool again;

		rc = connect_mailbox(device, may_guess, err);
		if (rc == REP_OK)
			rc = exchange(device, err);
		/* What was made and fetched lies in the replica; a half-filled clone does not. */
		if (rc != REP_OK) {
			rep_clone_close(device->clone);
			device->clone = NULL;
		}
		again = rc != REP_OK && device->guessed;
		may_guess = false;
		if (again && rc != REP_EUNREACHABLE)
			continue;
		if (rc != REP_EUNREACHABLE || ++tries >= options->tries || !options->pause)
			return rc;
		rep_random(&random, sizeof random);
		if (!options->pause(options->pause_user, rep_retry_delay_ms(tries, random)))
			return rc;
	}
}

static enum rep_code add_text(struct rep_json *summary, struct rep_db *db, const char *name,
			      const char *key, struct rep_error *err)
{
	char *text = NULL;
	enum rep_code rc = rep_meta_get(db, key, &text, err);

	if (rc == REP_OK &&
	    !rep_json_set(summary, name, text ? rep_json_string(text) : rep_json_null()))
		rc = rep_fail(err, REP_ENOMEM, "build the summary");
	free(text);
	return rc;
}

enum rep_code rep_device_summary(const struct rep_device *device, int64_t seconds,
				 struct rep_json **out, struct rep_error *err)
{
	const struct rep_sync_counts *counts = &device->counts;
	const int64_t undone = counts->rejected + counts->proposed + counts->held;
	struct rep_json *summary = rep_json_object();
	uint64_t up = 0, down = 0;
	enum rep_code rc;

	if (device->transport)
		rep_transport_bytes(device->transport, &up, &down);
	if (!rep_json_set_integer(summary, "sealed", counts->sealed) ||
	    !rep_json_set_integer(summary, "sent", counts->sent) ||
	    !rep_json_set_integer(summary, "received", counts->received) ||
	    !rep_json_set_integer(summary, "applied",
				  counts->acknowledged > undone ? counts->acknowledged - undone
								: 0) ||
	    !rep_json_set_integer(summary, "conflicts", counts->conflicts) ||
	    !rep_json_set_integer(summary, "rejected", counts->rejected) ||
	    !rep_json_set_integer(summary, "proposed", counts->proposed) ||
	    !rep_json_set_integer(summary, "held", counts->held) ||
	    !rep_json_set_integer(summary, "recovered", counts->recovered) ||
	    (counts->hub_keys && !rep_json_set(summary, "hub_key", rep_json_bool(true))) ||
	    !rep_json_set_integer(summary, "seconds", seconds) ||
	    !rep_json_set_integer(summary, "bytes_up", (int64_t)up) ||
	    !rep_json_set_integer(summary, "bytes_down", (int64_t)down)) {
		rc = rep_fail(err, REP_ENOMEM, "build the summary");
		goto out;
	}
	rc = add_text(summary, device->replica->db, "lease_end", REP_META_LEASE, err);
	if (rc == REP_OK)
		rc = add_text(summary, device->replica->db, "hub_time", REP_META_HUB_TIME, err);
	if (rc != REP_OK)
		goto out;
	*out = summary;
	summary = NULL;
out:
	rep_json_free(summary);
	return rc;
}

static int64_t monotonic_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static enum rep_code run_sync(struct rep_device *device, struct rep_error *err)
{
	struct rep_replica *replica = device->replica;
	char now[REP_TIME_LEN + 1];
	bool revoked;
	enum rep_code rc;

	/* Before the first view there is no schema, so nothing can be pending. */
	if (replica->schema) {
		rc = rep_seal(replica, device->options->now_ms, NULL, &device->counts.sealed, err);
		if (rc != REP_OK)
			return rc;
	}
	rc = exchange_with_retries(device, err);
	if (rc != REP_OK)
		return rc;
	rep_time_format(now, device->options->now_ms);
	rc = rep_wrap(err, rep_meta_set(replica->db, REP_META_LAST_SYNC, now, err),
		      "remember the time");
	if (rc == REP_OK)
		rc = rep_lease_take(replica, err);
	if (rc == REP_OK)
		rc = is_revoked(replica->db, &revoked, err);
	if (rc == REP_OK && revoked)
		rc = rep_fail(err, REP_EREFUSED, "the company has revoked device %s",
			      replica->device);
	return rc;
}

enum rep_code rep_device_sync(struct rep_replica *replica, const struct rep_sync *options,
			      struct rep_json **summary, struct rep_error *err)
{
	const int64_t start_s = monotonic_s();
	struct rep_device device;
	enum rep_code rc = rep_device_begin_turn(&device, replica, options, err);

	*summary = NULL;
	if (rc == REP_OK)
		rc = run_sync(&device, err);
	if (rc == REP_OK)
		rc = rep_device_summary(&device, monotonic_s() - start_s, summary, err);
	rep_device_end(&device);
	return rep_wrap(err, rc, "sync");
}
