#include "sync/admin/backup.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/signed.h"
#include "sync/admin/backup_work.h"
#include "sync/audit/statement.h"
#include "sync/hub/access_chain.h"

struct saving {
	struct rep_hub *hub;
	const struct rep_backup *options;
	char *central; /* of the backup */
	char commit[REP_OID_HEX + 1];
	int64_t run, mailboxes;
};

/* ---- whose folder is it ---- */

static enum rep_code read_note(const char *dir, const struct rep_hubkeys *keys,
			       struct rep_json **out, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	char *path = rep_hub_path(dir, REP_BACKUP_FILE);
	enum rep_code rc = path ? rep_file_read(&bytes, path, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	*out = NULL;
	if (rc == REP_OK)
		rc = rep_signed_read(out, rep_buf_str(&bytes), bytes.len, "backup",
				     rep_hubkeys_signer(keys, rep_buf_str(&bytes), bytes.len), err);
	rep_buf_clear(&bytes);
	free(path);
	return rc;
}

/* A new folder, or a backup of this hub: anything else is not written into. */
static enum rep_code check_target(struct saving *saving, struct rep_error *err)
{
	const char *to = saving->options->to;
	struct rep_json *note = NULL;
	enum rep_code rc;

	if (!rep_file_exists(to))
		return rep_dir_make(to, 0700, err);
	if (!rep_file_is_dir(to))
		return rep_fail(err, REP_EREFUSED, "%s is no folder", to);
	if (rep_is_empty_folder(to))
		return REP_OK;
	rc = read_note(to, &saving->hub->keys, &note, err);
	if (rc != REP_OK)
		rc = rep_fail(err, REP_EREFUSED, "%s is not empty, and no backup of this hub", to);
	rep_json_free(note);
	return rc;
}

/* ---- the copy ---- */

/* Written last: it goes on from what central has by then. */
static enum rep_code put_reads(struct saving *saving, const struct rep_buf *reads,
			       struct rep_error *err)
{
	char *path = rep_hub_path(saving->options->to, "access.jsonl");
	enum rep_code rc = path ? rep_file_write(path, reads->data, reads->len, 0600, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	free(path);
	return rc;
}

static enum rep_code copy_all(struct saving *saving, struct rep_error *err)
{
	const struct rep_backup *options = saving->options;
	char *mailboxes = rep_hub_path(saving->hub->dir, "mailboxes");
	char *to_mailboxes = rep_hub_path(options->to, "mailboxes");
	char *keys = rep_hub_path(saving->hub->dir, "keys");
	char *to_keys = rep_hub_path(options->to, "keys");
	struct rep_buf reads = REP_BUF_INIT(REP_ACCESS_SPOOL_MAX);
	/* Before central: a run moves reads from here to there, and what it moves meanwhile is then in both, not in neither. */
	enum rep_code rc = mailboxes && to_mailboxes && keys && to_keys
				   ? rep_access_spool(saving->hub->dir, &reads, err)
				   : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK)
		rc = rep_copy_repository(rep_git_path(saving->hub->central), saving->central, false,
					 err);
	if (rc == REP_OK)
		rc = rep_copy_mailboxes(mailboxes, to_mailboxes, options->progress,
					&saving->mailboxes, err);
	if (rc == REP_OK)
		rc = rep_copy_folder(keys, to_keys, err);
	if (rc == REP_OK)
		rc = put_reads(saving, &reads, err);
	rep_buf_clear(&reads);
	free(mailboxes);
	free(to_mailboxes);
	free(keys);
	free(to_keys);
	return rc;
}

/* ---- is it one ---- */

/*
 * Every object is whole, main is a commit of the hub, with a statement that the hub signed, and the keys are those of that main: a roll
 * may have come between the one copy and the other.
 */
static enum rep_code verify(struct saving *saving, struct rep_error *err)
{
	struct rep_hub copy = {
		.dir = strdup(saving->options->to),
		.read_only = true,
		.company = saving->hub->company,
	};
	struct rep_json *statement = NULL;
	struct rep_oid head, tree, parent;
	int64_t time_s;
	enum rep_code rc;

	rep_progress_step(saving->options->progress, "verify", 0, 0);
	rc = copy.dir ? rep_check_repository(saving->central, err)
		      : rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		rc = rep_git_open(&copy.central, saving->central, err);
	if (rc == REP_OK)
		rc = rep_git_ref(copy.central, REP_MAIN, &head, err);
	if (rc == REP_OK && !rep_git_has(saving->hub->central, &head))
		rc = rep_git_refresh(saving->hub->central, err);
	if (rc == REP_OK && !rep_git_has(saving->hub->central, &head))
		rc = rep_fail(err, REP_EINTEGRITY, "its main is no commit of this hub");
	if (rc == REP_OK)
		rc = rep_git_commit_read(copy.central, &head, &tree, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_hub_read_keys(&copy, err);
	if (rc == REP_OK)
		rc = rep_hub_take_keys(&copy, &tree, err);
	if (rc == REP_OK)
		rc = rep_hub_statement(&copy, NULL, &statement, err);
	if (rc == REP_OK) {
		rep_oid_hex(saving->commit, &head);
		saving->run = rep_json_get_integer(statement, "run");
	}
	rep_json_free(statement);
	rep_git_close(copy.central);
	rep_key_wipe(&copy.key);
	rep_wipe(copy.secret, sizeof copy.secret);
	free(copy.dir);
	return rep_wrap(err, rc, "verify the backup");
}

static enum rep_code write_note(struct saving *saving, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_json *note = rep_json_object();
	char *path = rep_hub_path(saving->options->to, REP_BACKUP_FILE);
	char time[REP_TIME_LEN + 1];
	enum rep_code rc;

	rep_time_format(time, saving->options->now_ms);
	if (!path || !rep_json_set_string(note, "type", "backup") ||
	    !rep_json_set_integer(note, "format", 1) ||
	    !rep_json_set_string(note, "company", saving->hub->company) ||
	    !rep_json_set_string(note, "commit", saving->commit) ||
	    !rep_json_set_integer(note, "run", saving->run) ||
	    !rep_json_set_string(note, "made", time))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	else
		rc = rep_signed_write(&bytes, note, &saving->hub->key, err);
	if (rc == REP_OK)
		rc = rep_file_write(path, bytes.data, bytes.len, 0600, err);
	rep_json_free(note);
	rep_buf_clear(&bytes);
	free(path);
	return rc;
}

enum rep_code rep_hub_backup(struct rep_hub *hub, const struct rep_backup *options,
			     struct rep_json **out, struct rep_error *err)
{
	struct saving saving = {.hub = hub, .options = options};
	struct rep_json *report = rep_json_object();
	enum rep_code rc;

	*out = NULL;
	saving.central = rep_hub_path(options->to, "central.git");
	rc = saving.central ? check_target(&saving, err)
			    : rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		rc = copy_all(&saving, err);
	if (rc == REP_OK)
		rc = verify(&saving, err);
	if (rc == REP_OK)
		rc = write_note(&saving, err);
	if (rc == REP_OK && (!rep_json_set_string(report, "commit", saving.commit) ||
			     !rep_json_set_integer(report, "run", saving.run) ||
			     !rep_json_set_integer(report, "mailboxes", saving.mailboxes)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK) {
		*out = report;
		report = NULL;
	}
	rep_json_free(report);
	free(saving.central);
	return rep_wrap(err, rc, "backup");
}
