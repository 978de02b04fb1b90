/*
 * A device that registered its key becomes active by a change set of the hub, merged in a run of its own, so that what the
 * device sent along is verified with the key in the run that follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/run/run.h"

/* Why the enrolment is not taken, into `why`; empty when it is. */
static enum rep_code check_enrolment(struct rep_run *run, const char *device,
				     const struct rep_outbox *outbox, struct rep_enrolment *out,
				     char why[256], struct rep_error *err)
{
	struct rep_json *invitation = NULL;
	uint8_t hash[REP_HASH_SIZE];
	const char *text;
	enum rep_code rc = rep_hub_invitation(run->hub, device, &invitation, err);

	why[0] = '\0';
	if (rc != REP_OK)
		return rc;
	text = rep_json_get_string(invitation, "secret_hash");
	if (!text || strlen(text) != REP_HASH_HEX || !rep_unhex(hash, text, sizeof hash))
		strcpy(why, "there is no open invitation");
	else if (strcmp(rep_json_get_string(invitation, "expires"), run->time) < 0)
		strcpy(why, "the invitation expired");
	else if (!outbox->enrol)
		strcpy(why, "the outbox does not begin with an enrolment");
	else if (rep_enrolment_read(out, outbox->enrol, outbox->enrol_size, device, hash, err) !=
		 REP_OK)
		snprintf(why, 256, "%.255s", err->msg);
	rep_json_free(invitation);
	return REP_OK;
}

static struct rep_json *new_value(struct rep_json *values, const char *field, const char *text)
{
	struct rep_json *spec = rep_json_object();

	rep_json_set_string(spec, "new", text);
	rep_json_set(values, field, spec);
	return values;
}

static enum rep_code activate(struct rep_hub_batch *batch, const struct rep_enrolment *enrolment,
			      struct rep_error *err)
{
	struct rep_json *line = rep_json_object(), *values = rep_json_object();
	char public[2 * REP_PUBLIC_SIZE + 1];

	rep_hex(public, enrolment->public, REP_PUBLIC_SIZE);
	new_value(values, "key", public);
	if (enrolment->ssh_public)
		new_value(values, "ssh_key", enrolment->ssh_public);
	new_value(values, "state", "active");
	rep_json_set(line, "values", values);
	return rep_hub_batch_add(batch, REP_OP_UPDATE, "device", enrolment->device, line, err);
}

/* The verifier lies among the hub's keys: views hold the device's record, and nobody else needs this. */
static enum rep_code keep_verifier(struct rep_run *run, const struct rep_enrolment *enrolment,
				   struct rep_error *err)
{
	char *dir, *path;
	enum rep_code rc = REP_OK;

	if (!enrolment->token)
		return REP_OK;
	dir = rep_hub_path(run->hub->dir, REP_KEYS_TOKENS);
	path = rep_hub_path(run->hub->dir, REP_KEYS_TOKENS "/%s", enrolment->device);
	if (!dir || !path)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		rc = rep_dir_make(dir, 0700, err);
	if (rc == REP_OK)
		rc = rep_file_write(path, enrolment->token, strlen(enrolment->token), 0600, err);
	free(dir);
	free(path);
	return rep_wrap(err, rc, "keep the token's verifier");
}

static enum rep_code enrol_one(struct rep_run *run, struct rep_hub_batch **batch,
			       const struct rep_org_device *row, int64_t *enrolled,
			       struct rep_error *err)
{
	char *path = rep_hub_mailbox(run->hub->dir, row->id), why[256] = "";
	struct rep_enrolment enrolment = {0};
	struct rep_outbox outbox = {0};
	enum rep_code rc;

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = rep_mailbox_read(&outbox, path, &rep_oid_zero, err);
	if (rc != REP_OK && rc != REP_ENOMEM) {
		rc = rep_run_problem(run, row->id, err->msg, NULL, err);
		goto out;
	}
	if (rc == REP_OK && rep_oid_is_zero(&outbox.tip))
		goto out; /* nobody came yet */
	if (rc == REP_OK)
		rc = check_enrolment(run, row->id, &outbox, &enrolment, why, err);
	if (rc == REP_OK && *why)
		rc = rep_run_problem(run, row->id, why, NULL, err);
	else if (rc == REP_OK) {
		if (!*batch)
			rc = rep_hub_batch_new(batch, run->hub, "enrolment", run->now_ms, err);
		if (rc == REP_OK)
			rc = keep_verifier(run, &enrolment, err);
		if (rc == REP_OK)
			rc = activate(*batch, &enrolment, err);
		++*enrolled;
	}
out:
	rep_enrolment_clear(&enrolment);
	rep_outbox_clear(&outbox);
	free(path);
	return rep_wrap(err, rc, "enrolment of %s", row->id);
}

/* Merged before the other mailboxes are read. It is the hub's own work: the summary tells of what the devices brought. */
static enum rep_code merge_enrolments(struct rep_run *run, int64_t enrolled, struct rep_error *err)
{
	const struct rep_hub_merge options = {.now_ms = run->now_ms, .own_only = true};
	struct rep_run_total own = {0};
	enum rep_code rc = rep_hub_runs(run->hub, &options, &own, err);

	run->total->enrolled += enrolled;
	run->total->number = own.number;
	memcpy(run->total->commit, own.commit, sizeof own.commit);
	rep_json_free(own.problems);
	return rc;
}

enum rep_code rep_run_enrol(struct rep_run *run, struct rep_error *err)
{
	struct rep_hub_batch *batch = NULL;
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(run->hub->org, &devices);
	int64_t enrolled = 0;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < len; i++)
		if (devices[i].state && strcmp(devices[i].state, "invited") == 0)
			rc = enrol_one(run, &batch, &devices[i], &enrolled, err);
	if (rc == REP_OK && batch)
		rc = rep_hub_batch_send(batch, err);
	if (rc == REP_OK && batch) {
		rep_hub_batch_free(batch);
		return merge_enrolments(run, enrolled, err);
	}
	rep_hub_batch_free(batch);
	return rc;
}
