/*
 * Those who leave, after the runs. An order is in central before any mailbox serves it, so that all who look see the same one; what a
 * device brings is in central, in the form in which it was signed, before its mailbox counts as read. Nothing of it is merged:
 * change sets go to quarantine, for a person to look at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/signed.h"
#include "sync/mailbox/document.h"
#include "sync/run/run.h"

/* ---- the order ---- */

/* Why it was revoked: the reason of the change set that did so. */
static enum rep_code reason_of(struct rep_hub *hub, const char *device, struct rep_buf *out,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(
		hub->db, &stmt,
		"SELECT json_extract(line, '$.reason') FROM _change WHERE entity = 'device' AND id = ?1"
		" AND json_extract(line, '$.values.state.new') = 'leaving' ORDER BY eff DESC LIMIT 1",
		err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row && rep_column_text(stmt, 0, NULL))
		rep_buf_puts(out, rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	return rc;
}

/*
 * The key of the lease goes along where the person left: their laptop opens once more to hand over. It does not where the device
 * was revoked by itself, because it may be lost: nothing is to open it.
 */
static bool brings_key(const struct rep_run *run, const struct rep_org_device *device)
{
	return !rep_org_role(run->hub->org, device->rep, run->time);
}

static enum rep_code write_order(struct rep_run *run, const struct rep_org_device *device,
				 struct rep_buf *out, struct rep_error *err)
{
	struct rep_json *document = rep_json_object();
	struct rep_buf reason = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_hub_lease lease = {.has_key = false};
	enum rep_code rc = reason_of(run->hub, device->id, &reason, err);

	if (rc == REP_OK && brings_key(run, device))
		rc = rep_hub_lease(run->hub, device, run->now_ms, &lease, err);
	rep_json_set_string(document, "type", "order");
	rep_json_set_integer(document, "format", 1);
	rep_json_set_string(document, "act", "erase");
	rep_json_set_string(document, "device", device->id);
	rep_json_set_string(document, "effective", device->since);
	rep_json_set_string(document, "issued", run->time);
	if (lease.has_key)
		rep_json_set_string(document, "lease_key", lease.key);
	rep_json_set_string(document, "reason", rep_buf_str(&reason));
	rep_json_set_string(document, "rep", device->rep);
	if (rc == REP_OK)
		rc = rep_signed_write(out, document, &run->hub->key, err);
	rep_json_free(document);
	rep_buf_clear(&reason);
	return rep_wrap(err, rc, "write the order");
}

static enum rep_code put_left(struct rep_run *run, const char *device, const char *name,
			      const void *data, size_t len, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256);
	enum rep_code rc;

	rep_path_left(&path, device, name);
	rc = rep_tree_put_blob(run->tree, rep_buf_str(&path), data, len, err);
	rep_buf_clear(&path);
	return rc;
}

static enum rep_code end_part(struct rep_run *run, enum rep_code rc, struct rep_error *err)
{
	if (rc != REP_OK) {
		rep_run_abort(run);
		return rc;
	}
	rc = rep_run_finish(run, err);
	if (rc == REP_OK) {
		run->total->number = run->number;
		memcpy(run->total->commit, run->commit, sizeof run->total->commit);
	}
	return rc;
}

static enum rep_code order(struct rep_run *run, const struct rep_org_device *device,
			   struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	char subject[80];
	enum rep_code rc = rep_hub_left_file(run->hub, device->id, "order.json", &text, err);

	if (rc == REP_OK && !text.len) {
		rc = rep_run_prepare(run, err);
		if (rc == REP_OK)
			rc = write_order(run, device, &text, err);
		if (rc == REP_OK)
			rc = rep_run_begin(run, err);
		if (rc == REP_OK) {
			snprintf(subject, sizeof subject, "order %s: hand over and erase",
				 device->id);
			rc = put_left(run, device->id, "order.json", text.data, text.len, err);
			if (rc == REP_OK)
				rc = rep_run_commit_own(run, subject, err);
			rc = end_part(run, rc, err);
		}
	}
	if (rc == REP_OK)
		rc = rep_hub_replace_mailbox(run->hub, device, &text, run->options->now_ms, err);
	rep_buf_clear(&text);
	return rep_wrap(err, rc, "order to %s", device->id);
}

/* ---- what comes back ---- */

/*
 * Is all of it merged already? A laptop hands over what no view has acknowledged to it, which may be more than what is missing here. What
 * cannot be read, or is another chain, is not.
 */
static bool is_merged(struct rep_run *run, const char *device, const struct rep_segment *segment)
{
	const char *data = segment->data;
	size_t len = segment->size_bytes;
	bool same = true;

	while (same && len > 0) {
		struct rep_changeset set = {0};
		char hash[REP_HASH_HEX + 1] = "";
		struct rep_error ignored;
		size_t used = 0;

		same = rep_changeset_read(&set, &used, data, len, NULL, &ignored) == REP_OK &&
		       rep_changes_set_hash(run->hub->db, device, set.seq, hash, &ignored) ==
			       REP_OK &&
		       strcmp(hash, set.hash) == 0;
		rep_changeset_clear(&set);
		data += used;
		len -= used;
	}
	return same;
}

/* Change sets that were handed over, as problems of the run that go to quarantine. */
static enum rep_code note_segments(struct rep_run *run, const char *device,
				   const struct rep_outbox *outbox, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < outbox->segments_len; i++) {
		const struct rep_segment *segment = &outbox->segments[i];
		struct rep_run_problem *problem;

		if (is_merged(run, device, segment))
			continue;
		rc = rep_run_problem(run, device, "[left] handed over by a device that was revoked",
				     &problem, err);
		if (rc != REP_OK)
			return rc;
		problem->first = segment->first;
		problem->last = segment->last;
		problem->size_bytes = segment->size_bytes;
		problem->data = malloc(segment->size_bytes ? segment->size_bytes : 1);
		if (!problem->data)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		memcpy(problem->data, segment->data, segment->size_bytes);
	}
	return rc;
}

/* Only what the device itself signed counts; the rest is told of by the caller. */
static enum rep_code put_documents(struct rep_run *run, const struct rep_org_device *device,
				   const struct rep_outbox *outbox, struct rep_error *err)
{
	struct rep_json *document = NULL;
	enum rep_code rc = REP_OK;

	if (outbox->enrol) {
		rc = rep_farewell_read(&document, outbox->enrol, outbox->enrol_size, device->id,
				       device->public, err);
		rep_json_free(document);
		if (rc == REP_OK)
			rc = put_left(run, device->id, "farewell.json", outbox->enrol,
				      outbox->enrol_size, err);
	}
	document = NULL;
	if (rc == REP_OK && outbox->statement) {
		rc = rep_erasure_read(&document, outbox->statement, outbox->statement_size,
				      device->id, device->public, err);
		rep_json_free(document);
		if (rc == REP_OK)
			rc = put_left(run, device->id, "erasure.json", outbox->statement,
				      outbox->statement_size, err);
	}
	return rc;
}

static enum rep_code keep_tip(struct rep_run *run, const char *device, const struct rep_oid *tip,
			      struct rep_error *err)
{
	char hex[REP_OID_HEX + 1];
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(run->hub->db, &stmt,
				      "INSERT INTO _mailbox(device, tip, root) VALUES(?1, ?2, '')"
				      " ON CONFLICT(device) DO UPDATE SET tip = excluded.tip",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_oid_hex(hex, tip);
	rep_bind_text(stmt, 1, device);
	rep_bind_text(stmt, 2, hex);
	return rep_run(stmt, err);
}

static enum rep_code take(struct rep_run *run, const struct rep_org_device *device,
			  const struct rep_outbox *outbox, struct rep_error *err)
{
	char subject[80];
	enum rep_code rc = rep_run_prepare(run, err);

	if (rc == REP_OK)
		rc = note_segments(run, device->id, outbox, err);
	if (rc == REP_OK)
		rc = rep_run_begin(run, err);
	if (rc != REP_OK)
		return rc;
	snprintf(subject, sizeof subject, "left %s: %s", device->id,
		 outbox->statement ? "erased" : "handed over");
	rc = put_documents(run, device, outbox, err);
	if (rc == REP_OK)
		rc = rep_run_quarantine(run, false, err);
	if (rc == REP_OK)
		rc = rep_run_commit_own(run, subject, err);
	if (rc == REP_OK)
		rc = keep_tip(run, device->id, &outbox->tip, err);
	rc = end_part(run, rc, err);
	if (rc == REP_OK)
		run->total->counts.quarantined += (int64_t)run->problems_len;
	return rc;
}

/* What is wrong with a mailbox is told, and keeps nobody else from leaving. */
static enum rep_code tell(struct rep_run *run, const char *device, enum rep_code rc,
			  struct rep_error *err)
{
	struct rep_json *row;
	char code[REP_MAILBOX_CODE_SIZE];

	if (rc == REP_OK || rc == REP_ENOMEM)
		return rc;
	if (!run->total->problems)
		run->total->problems = rep_json_array();
	row = rep_json_object();
	rep_json_set_string(row, "device", device);
	rep_json_set_string(row, "reason", err->msg);
	rep_mailbox_code(code, err->msg);
	rep_json_set(row, "code", *code ? rep_json_string(code) : rep_json_null());
	rep_json_set(row, "quarantined", rep_json_bool(false));
	return rep_json_append(run->total->problems, row)
		       ? REP_OK
		       : rep_fail(err, REP_ENOMEM, "out of memory");
}

static enum rep_code collect(struct rep_run *run, const struct rep_org_device *device,
			     struct rep_error *err)
{
	char *path = rep_hub_mailbox(run->hub->dir, device->id), *blocked = NULL;
	struct rep_outbox outbox = {0};
	struct rep_oid known;
	enum rep_code rc = path ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK)
		rc = rep_run_known(run->hub, device->id, &known, &blocked, err);
	if (rc == REP_OK)
		rc = rep_mailbox_read(&outbox, path, &known, err);
	if (rc == REP_OK && !rep_oid_equal(&outbox.tip, &known))
		rc = take(run, device, &outbox, err);
	rep_outbox_clear(&outbox);
	free(blocked);
	free(path);
	return rep_wrap(err, rc, "what %s left with", device->id);
}

enum rep_code rep_hub_leavers(struct rep_hub *hub, const struct rep_hub_merge *options,
			      struct rep_run_total *total, struct rep_error *err)
{
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(hub->org, &devices);
	char time[REP_TIME_LEN + 1];
	enum rep_code rc = REP_OK;

	rep_time_format(time, options->now_ms);
	for (size_t i = 0; rc == REP_OK && i < len; i++) {
		struct rep_run run = {.hub = hub, .options = options, .total = total};

		if (!rep_hub_has_left(&devices[i], time) || rep_hub_is_void(&devices[i]))
			continue;
		if (!rep_hub_is_leaving(hub, &devices[i]))
			rc = order(&run, &devices[i], err);
		if (rc == REP_OK)
			rc = collect(&run, &devices[i], err);
		rc = tell(&run, devices[i].id, rc, err);
		rep_run_collected_clear(&run);
	}
	return rc;
}
