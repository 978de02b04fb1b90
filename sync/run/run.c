/*
 * The run as a whole. It is cut into parts of bounded size, each with its transaction, pack and swap, so that memory does not
 * grow with what arrived; killed between two parts, the next run goes on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/run/erasing.h"
#include "sync/run/healing.h"
#include "sync/run/run.h"

#define PART_SETS_MAX 2000u
#define PART_CHANGES_MAX 100000u
/* A device that never stops pushing must not keep a command for ever. */
#define RUNS_MAX 1000

/* The hub's clock as receipts and stamps see it never goes back behind the last run's. */
static enum rep_code set_clock(struct rep_run *run, struct rep_error *err)
{
	char *text = NULL;
	int64_t last_ms = 0;
	enum rep_code rc = rep_work_get(run->hub->db, "hub_time", &text, err);

	run->now_ms = run->options->now_ms;
	if (rc == REP_OK && text && rep_time_parse(&last_ms, text) && last_ms > run->now_ms)
		run->now_ms = last_ms;
	/* What the hub signs with a new key is not older than the key. */
	if (rc == REP_OK && run->hub->keys.len > 1 &&
	    rep_time_parse(&last_ms, run->hub->keys.keys[run->hub->keys.len - 1].since) &&
	    last_ms > run->now_ms)
		run->now_ms = last_ms;
	rep_time_format(run->time, run->now_ms);
	/* A desk's "from now on" takes as long to arrive as its clock may be off. */
	rep_time_format(run->org_since, run->now_ms - REP_CLOCK_AHEAD_MS_MAX);
	free(text);
	return rc;
}

static enum rep_code set_number(struct rep_run *run, struct rep_error *err)
{
	enum rep_code rc = rep_work_get_int(run->hub->db, "run", &run->number, err);

	run->number++;
	return rc;
}

enum rep_code rep_run_prepare(struct rep_run *run, struct rep_error *err)
{
	enum rep_code rc = set_clock(run, err);

	return rc == REP_OK ? set_number(run, err) : rc;
}

static bool brings(const struct rep_run *run)
{
	if (run->batches_len || run->tips_len)
		return true;
	for (size_t i = 0; i < run->problems_len; i++)
		if (run->problems[i].data)
			return true;
	return false;
}

/* Blocked for the reason of its first quarantined change set, until somebody decides. */
static const char *blocked_by(const struct rep_run *run, const char *device)
{
	for (size_t i = 0; i < run->problems_len; i++)
		if (run->problems[i].blocks && strcmp(run->problems[i].device, device) == 0)
			return run->problems[i].reason;
	return NULL;
}

static enum rep_code keep_tips(struct rep_run *run, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < run->tips_len; i++) {
		char hex[REP_OID_HEX + 1];

		if (run->tips[i].keep)
			continue;
		rep_oid_hex(hex, &run->tips[i].tip);
		rc = rep_db_use(
			run->hub->db, &stmt,
			"INSERT INTO _mailbox(device, tip, root, blocked) VALUES(?1, ?2, '', ?3)"
			" ON CONFLICT(device) DO UPDATE SET tip = excluded.tip,"
			" blocked = coalesce(blocked, excluded.blocked)",
			err);
		if (rc != REP_OK)
			return rc;
		rep_bind_text(stmt, 1, run->tips[i].device);
		rep_bind_text(stmt, 2, hex);
		rep_bind_text(stmt, 3, blocked_by(run, run->tips[i].device));
		rc = rep_run(stmt, err);
	}
	return rc;
}

/* Batches [*at, ...) up to the bounds of a part. */
static enum rep_code run_part(struct rep_run *run, size_t *at, struct rep_error *err)
{
	size_t sets = 0, changes = 0;
	enum rep_code rc = rep_run_begin(run, err);

	if (rc == REP_OK && *at == 0)
		rc = rep_run_quarantine(run, run->batches_len == 0, err);

	while (rc == REP_OK && *at < run->batches_len && sets < PART_SETS_MAX &&
	       changes < PART_CHANGES_MAX) {
		struct rep_run_batch *batch = &run->batches[(*at)++];

		rep_progress_step(run->options->progress, "merge", *at - 1, run->batches_len);
		sets += batch->sets;
		changes += batch->changes;
		rc = rep_run_batch(run, batch, err);
		if (rc == REP_OK)
			rc = rep_run_commit(run, batch, *at == run->batches_len, err);
	}
	if (rc == REP_OK && *at == run->batches_len)
		rc = keep_tips(run, err);
	if (rc == REP_OK)
		rc = rep_run_finish(run, err);
	else
		rep_run_abort(run);
	return rc;
}

/* ---- the summary ---- */

static struct rep_json *problems_of(const struct rep_run *run)
{
	struct rep_json *list = rep_json_array();

	for (size_t i = 0; i < run->problems_len; i++) {
		const struct rep_run_problem *problem = &run->problems[i];
		struct rep_json *row = rep_json_object();
		char code[REP_MAILBOX_CODE_SIZE];

		rep_json_set_string(row, "device", problem->device);
		rep_json_set_string(row, "reason", problem->reason);
		rep_mailbox_code(code, problem->reason);
		rep_json_set(row, "code", *code ? rep_json_string(code) : rep_json_null());
		rep_json_set(row, "quarantined", rep_json_bool(problem->data != NULL));
		if (problem->data) {
			rep_json_set_integer(row, "first", problem->first);
			rep_json_set_integer(row, "last", problem->last);
		}
		rep_json_append(list, row);
	}
	return list;
}

static struct rep_json *summarise(const struct rep_run_total *total)
{
	const struct rep_run_counts *counts = &total->counts;
	struct rep_json *out = rep_json_object();

	rep_json_set_integer(out, "run", total->number);
	rep_json_set_integer(out, "enrolled", total->enrolled);
	rep_json_set_integer(out, "devices", counts->devices);
	rep_json_set_integer(out, "changesets", counts->changesets);
	rep_json_set_integer(out, "changes", counts->changes);
	rep_json_set_integer(out, "applied", counts->applied);
	rep_json_set_integer(out, "merged", counts->merged);
	rep_json_set_integer(out, "conflicts", counts->conflicts);
	rep_json_set_integer(out, "proposed", counts->proposed);
	rep_json_set_integer(out, "held", counts->held);
	rep_json_set_integer(out, "rejected", counts->rejected);
	rep_json_set_integer(out, "quarantined", counts->quarantined);
	rep_json_set(out, "commit",
		     *total->commit ? rep_json_string(total->commit) : rep_json_null());
	rep_json_set(out, "problems",
		     total->problems ? rep_json_ref(total->problems) : rep_json_array());
	return out;
}

/* Adds what is known of a run only at its end. */
static enum rep_code add_to_total(const struct rep_run *run, struct rep_error *err)
{
	struct rep_run_total *total = run->total;

	for (size_t i = 0; i < run->problems_len; i++)
		total->counts.quarantined += run->problems[i].data != NULL;
	if (*run->commit) {
		total->number = run->number;
		memcpy(total->commit, run->commit, sizeof total->commit);
	}
	rep_json_free(total->problems);
	total->problems = problems_of(run);
	return total->problems ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

/* ---- the run ---- */

/* Invitations whose devices are active have served. */
static enum rep_code drop_invitations(struct rep_hub *hub, struct rep_error *err)
{
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(hub->org, &devices);
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < len; i++) {
		char *path;

		if (!devices[i].state || strcmp(devices[i].state, "invited") == 0)
			continue;
		path = rep_hub_path(hub->dir, "keys/invitations/%s.json", devices[i].id);
		if (!path)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		if (rep_file_exists(path) && remove(path) != 0)
			rc = rep_fail(err, REP_EIO, "remove %s: %s", path, strerror(errno));
		free(path);
	}
	return rc;
}

static enum rep_code one_run(struct rep_run *run, struct rep_error *err)
{
	size_t at = 0;
	bool switched = true;
	enum rep_code rc = set_clock(run, err);

	while (rc == REP_OK && switched) {
		rc = set_number(run, err);
		if (rc == REP_OK)
			rc = rep_run_switch(run, &switched, err);
	}
	if (rc == REP_OK && !run->options->own_only)
		rc = rep_run_enrol(run, err);
	if (rc == REP_OK)
		rc = set_number(run, err);
	if (rc == REP_OK)
		rc = rep_run_collect(run, err);
	if (rc == REP_OK)
		rep_run_only_release(run);
	if (rc == REP_OK && brings(run)) {
		do {
			rc = run_part(run, &at, err);
		} while (rc == REP_OK && at < run->batches_len);
	}
	if (rc == REP_OK)
		rc = rep_hub_reload_org(run->hub, err);
	if (rc == REP_OK)
		rc = drop_invitations(run->hub, err);
	return rc == REP_OK ? add_to_total(run, err) : rc;
}

enum rep_code rep_hub_runs(struct rep_hub *hub, const struct rep_hub_merge *options,
			   struct rep_run_total *total, struct rep_error *err)
{
	bool more = true;
	enum rep_code rc = REP_OK;

	for (int i = 0; rc == REP_OK && more && i < RUNS_MAX; i++) {
		struct rep_run run = {.hub = hub, .options = options, .total = total};

		rc = one_run(&run, err);
		more = run.more;
		rep_run_collected_clear(&run);
	}
	return rc;
}

/*
 * The hub's own mailbox tells what was erased. Before devices come: those that have done so, and those that send more of it, where a
 * restored hub does not know of it yet, or one that was killed has only written it down.
 */
static enum rep_code own_first(struct rep_hub *hub, const struct rep_hub_merge *options,
			       struct rep_run_total *total, struct rep_error *err)
{
	struct rep_hub_merge own = *options;

	own.own_only = true;
	return rep_hub_runs(hub, &own, total, err);
}

/*
 * What lies behind an erasure that was merged. The working copy that was made again does not know how far the mailboxes were read, and
 * only one that is read to its end is begun anew.
 */
static enum rep_code erase(struct rep_hub *hub, const struct rep_hub_merge *options,
			   struct rep_run_total *total, struct rep_error *err)
{
	struct rep_hub_merge all = *options;
	bool done = false;
	enum rep_code rc = rep_erasing_central(hub, &done, err);

	all.own_only = false;
	return rc == REP_OK && done ? rep_hub_runs(hub, &all, total, err) : rc;
}

enum rep_code rep_hub_merge(struct rep_hub *hub, const struct rep_hub_merge *options,
			    struct rep_json **summary, struct rep_error *err)
{
	struct rep_run_total total = {0};
	bool erased = false;
	enum rep_code rc = REP_OK;

	*summary = NULL;
	if (hub->read_only)
		return rep_fail(err, REP_EUSAGE, "merge: the hub was opened for reading");
	rc = rep_erasing_central(hub, &erased, err); /* what a merge that was killed left */
	if (rc == REP_OK && !options->own_only)
		rc = own_first(hub, options, &total, err);
	if (rc == REP_OK && !options->own_only)
		rc = rep_hub_close_left(hub, options->now_ms, err);
	if (rc == REP_OK)
		rc = rep_hub_runs(hub, options, &total, err);
	if (rc == REP_OK)
		rc = rep_hub_blocks(hub, options, &total, err);
	if (rc == REP_OK)
		rc = rep_hub_references(hub, options, &total, err);
	if (rc == REP_OK)
		rc = rep_hub_matches(hub, options, &total, err);
	if (rc == REP_OK && !options->own_only)
		rc = rep_hub_leavers(hub, options, &total, err);
	if (rc == REP_OK && !options->own_only && !rep_json_size(total.problems))
		rc = rep_healing_end(hub, err);
	if (rc == REP_OK)
		rc = erase(hub, options, &total, err);
	if (rc == REP_OK)
		rc = rep_hub_publish(hub, options->now_ms, options->jobs, options->progress, err);
	if (rc == REP_OK && !(*summary = summarise(&total)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	rep_json_free(total.problems);
	return rep_wrap(err, rc, "merge");
}
