/*
 * A hub from a backup. Central is of the time of the backup; what came after it lies in the mailboxes, or with the devices alone.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/signed.h"
#include "sync/admin/backup_work.h"
#include "sync/audit/audit.h"
#include "sync/mailbox/anew.h"
#include "sync/run/healing.h"

struct restoring {
	const char *dir;
	const struct rep_restore *options;
	struct rep_json *note; /* backup.json */
	struct rep_hub *hub;
	struct rep_json *devices;
};

/* ---- is it a backup ---- */

static enum rep_code read_note(struct restoring *restoring, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	char *path = rep_hub_path(restoring->options->from, REP_BACKUP_FILE);
	uint8_t public[REP_PUBLIC_SIZE];
	enum rep_code rc = path ? rep_hub_public(restoring->options->from, public, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK)
		rc = rep_file_read(&bytes, path, err);
	if (rc == REP_OK)
		rc = rep_signed_read(&restoring->note, rep_buf_str(&bytes), bytes.len, "backup",
				     public, err);
	rep_buf_clear(&bytes);
	free(path);
	return rep_wrap(err, rc, "%s", restoring->options->from);
}

/* ---- copying back ---- */

static enum rep_code copy_part(struct restoring *restoring, const char *name,
			       enum rep_code (*copy)(const char *from, const char *to,
						     struct rep_error *err),
			       struct rep_error *err)
{
	char *from = rep_hub_path(restoring->options->from, "%s", name);
	char *to = rep_hub_path(restoring->dir, "%s", name);
	enum rep_code rc = from && to ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK && rep_file_exists(from))
		rc = copy(from, to, err);
	free(from);
	free(to);
	return rc;
}

static enum rep_code copy_central(const char *from, const char *to, struct rep_error *err)
{
	const enum rep_code rc = rep_copy_repository(from, to, false, err);

	return rc == REP_OK ? rep_check_repository(to, err) : rc;
}

static enum rep_code copy_all(struct restoring *restoring, struct rep_error *err)
{
	const struct rep_restore *options = restoring->options;
	char *saved = rep_hub_path(options->from, "mailboxes");
	char *to = rep_hub_path(restoring->dir, "mailboxes");
	int64_t len = 0;
	enum rep_code rc = saved && to ? copy_part(restoring, "central.git", copy_central, err)
				       : rep_fail(err, REP_ENOMEM, "out of memory");

	/* Those of the backup first: one that did not outlive the hub is at least that old. */
	if (rc == REP_OK)
		rc = rep_copy_mailboxes(saved, to, options->progress, &len, err);
	if (rc == REP_OK && options->mailboxes)
		rc = rep_copy_mailboxes(options->mailboxes, to, options->progress, &len, err);
	if (rc == REP_OK)
		rc = copy_part(restoring, "keys", rep_copy_folder, err);
	if (rc == REP_OK)
		rc = copy_part(restoring, "access.jsonl", rep_copy_file, err);
	free(saved);
	free(to);
	return rc;
}

/* ---- who has what ---- */

static enum rep_code last_in_outbox(const char *path, int64_t *last, struct rep_error *err)
{
	struct rep_oid known = rep_oid_zero;
	bool more = true;
	enum rep_code rc = REP_OK;

	while (rc == REP_OK && more) {
		struct rep_outbox outbox = {0};

		rc = rep_mailbox_read(&outbox, path, &known, err);
		for (size_t i = 0; rc == REP_OK && i < outbox.segments_len; i++)
			if (outbox.segments[i].last > *last)
				*last = outbox.segments[i].last;
		more = rc == REP_OK && !rep_oid_equal(&known, &outbox.tip);
		known = outbox.tip;
		rep_outbox_clear(&outbox);
	}
	return rc;
}

static enum rep_code acknowledged(struct restoring *restoring, const char *path, int64_t *seq,
				  struct rep_error *err)
{
	struct rep_git *git = NULL;
	struct rep_json *self = NULL;
	struct rep_oid tip;
	enum rep_code rc = rep_git_open(&git, path, err);

	if (rc == REP_OK)
		rc = rep_inbox_self(git, &restoring->hub->keys, &tip, &self, err);
	*seq = rep_json_get_integer(self, "merged_seq");
	rep_json_free(self);
	rep_git_close(git);
	return rc;
}

static enum rep_code add_device(struct restoring *restoring, const char *device, const char *rep,
				struct rep_error *err)
{
	char *path = rep_hub_mailbox(restoring->dir, device);
	struct rep_json *row = rep_json_object();
	struct rep_head head;
	int64_t outbox = 0, seen = 0, here;
	enum rep_code rc = path ? rep_changes_head(restoring->hub->db, device, &head, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK && rep_file_is_dir(path)) {
		rc = last_in_outbox(path, &outbox, err);
		if (rc == REP_OK && strcmp(device, REP_HUB_DEVICE) != 0)
			rc = acknowledged(restoring, path, &seen, err);
		if (rc == REP_OK && strcmp(device, REP_HUB_DEVICE) != 0)
			rc = rep_healing_keep(restoring->dir, device, path, err);
	}
	here = rc == REP_OK && head.seq > outbox ? head.seq : outbox;
	if (rc == REP_OK && (!rep_json_set_string(row, "device", device) ||
			     !rep_json_set_string(row, "rep", rep ? rep : "") ||
			     !rep_json_set_integer(row, "central", head.seq) ||
			     !rep_json_set_integer(row, "mailbox", outbox) ||
			     !rep_json_set_integer(row, "acknowledged", seen) ||
			     !rep_json_set(row, "owed", rep_json_bool(seen > here)) ||
			     !rep_json_append(restoring->devices, rep_json_ref(row))))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	rep_json_free(row);
	free(path);
	return rep_wrap(err, rc, "mailbox of %s", device);
}

static enum rep_code list_devices(struct restoring *restoring, struct rep_error *err)
{
	const struct rep_org_device *devices;
	const size_t len = rep_org_devices(restoring->hub->org, &devices);
	enum rep_code rc = add_device(restoring, REP_HUB_DEVICE, REP_HUB_REP, err);

	for (size_t i = 0; rc == REP_OK && i < len; i++)
		rc = add_device(restoring, devices[i].id, devices[i].rep, err);
	return rc;
}

/* ---- the whole ---- */

static enum rep_code verify(struct restoring *restoring, struct rep_error *err)
{
	const struct rep_verify options = {.progress = restoring->options->progress};
	struct rep_json *report = NULL;
	const enum rep_code rc = rep_hub_verify(restoring->hub, &options, &report, err);

	rep_json_free(report);
	return rc;
}

static enum rep_code tell(const struct restoring *restoring, struct rep_json **out,
			  struct rep_error *err)
{
	static const char *const told[] = {"commit", "run", "made"};
	struct rep_json *report = rep_json_object();
	bool good = rep_json_set(report, "devices", rep_json_ref(restoring->devices));

	for (size_t i = 0; good && i < sizeof told / sizeof *told; i++)
		good = rep_json_set(report, told[i],
				    rep_json_ref(rep_json_get(restoring->note, told[i])));
	if (!good) {
		rep_json_free(report);
		return rep_fail(err, REP_ENOMEM, "out of memory");
	}
	*out = report;
	return REP_OK;
}

enum rep_code rep_hub_restore(const char *dir, const struct rep_restore *options,
			      struct rep_json **out, struct rep_error *err)
{
	struct restoring restoring = {.dir = dir, .options = options, .devices = rep_json_array()};
	enum rep_code rc = rep_file_exists(dir)
				   ? rep_fail(err, REP_EEXIST, "%s is there already", dir)
				   : read_note(&restoring, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = rep_dir_make(dir, 0700, err);
	if (rc == REP_OK)
		rc = copy_all(&restoring, err);
	if (rc == REP_OK)
		rc = rep_hub_open(&restoring.hub, dir, false, err);
	if (rc == REP_OK)
		rc = verify(&restoring, err);
	if (rc == REP_OK)
		rc = list_devices(&restoring, err);
	if (rc == REP_OK)
		rc = tell(&restoring, out, err);
	rep_hub_close(restoring.hub);
	rep_json_free(restoring.note);
	rep_json_free(restoring.devices);
	return rep_wrap(err, rc, "restore");
}
