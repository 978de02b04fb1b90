#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/recovery.h"

char *rep_hub_path(const char *dir, const char *fmt, ...)
{
	char *rest = NULL, *path = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&rest, fmt, args);
	va_end(args);
	if (len < 0)
		return NULL;
	len = asprintf(&path, "%s/%s", dir, rest);
	free(rest);
	return len < 0 ? NULL : path;
}

char *rep_hub_mailbox(const char *dir, const char *device)
{
	return rep_hub_path(dir, "mailboxes/%s.git", device);
}

void rep_hub_email(struct rep_buf *out, const char *name, const char *company)
{
	rep_buf_puts(out, name);
	rep_buf_putc(out, '@');
	for (const char *at = company; *at; at++) {
		bool plain = (unsigned char)*at > ' ' && !strchr("<>@,;\"\\()[]", *at);

		rep_buf_putc(out, plain ? *at : '-');
	}
}

enum rep_code rep_hub_add_commit(struct rep_pack *pack, const char *company, int64_t now_ms,
				 struct rep_git_commit *commit, struct rep_oid *out,
				 struct rep_error *err)
{
	struct rep_buf email = REP_BUF_INIT(1024);
	enum rep_code rc;

	rep_hub_email(&email, REP_HUB_REP, company);
	commit->committer_name = REP_HUB_REP;
	commit->committer_email = rep_buf_str(&email);
	commit->committer_s = now_ms / 1000;
	if (!commit->author_name) {
		commit->author_name = commit->committer_name;
		commit->author_email = commit->committer_email;
		commit->author_s = commit->committer_s;
	}
	rc = rep_pack_add_commit(pack, commit, out, err);
	rep_buf_clear(&email);
	return rc;
}

/* ---- open and close ---- */

static enum rep_code open_central(struct rep_hub *hub, struct rep_error *err)
{
	char *path = rep_hub_path(hub->dir, "central.git");
	enum rep_code rc = REP_OK;

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	if (!rep_file_is_dir(path)) {
		rc = rep_fail(err, REP_ENOTFOUND, "%s is no hub: there is no central.git",
			      hub->dir);
		rep_hint(err, "`repsync -C DIR hub init` makes one");
	}
	if (rc == REP_OK && !hub->read_only)
		rc = rep_git_janitor(path, err);
	if (rc == REP_OK)
		rc = rep_git_open(&hub->central, path, err);
	free(path);
	return rc;
}

static enum rep_code take_lock(struct rep_hub *hub, struct rep_error *err)
{
	char *path = rep_hub_path(hub->dir, "hub.lock");
	enum rep_code rc;

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = rep_lock_take(&hub->lock, path, "the hub", false, err);
	free(path);
	return rc;
}

/* A company of before encryption at rest says nothing, and has plain replicas. */
static enum rep_code read_policy(struct rep_hub *hub, const struct rep_json *company,
				 struct rep_error *err)
{
	const char *replicas = rep_json_get_string(company, "replicas");
	const char *recovery = rep_json_get_string(company, "recovery");

	hub->encrypted = replicas && strcmp(replicas, "encrypted") == 0;
	if (hub->encrypted &&
	    (!recovery || strlen(recovery) != 2 * REP_CIPHER_KEY ||
	     !rep_unhex(hub->recovery_public, recovery, sizeof hub->recovery_public)))
		return rep_fail(err, REP_EINTEGRITY, "company.json: no recovery key");
	return REP_OK;
}

/* Raised by a recovery, and never lowered. */
static enum rep_code read_epoch(struct rep_hub *hub, const struct rep_oid *tree,
				struct rep_error *err)
{
	struct rep_recovery recovery;
	bool found = false;
	enum rep_code rc = REP_OK;

	hub->epoch = 1;
	if (hub->has_names)
		rc = rep_recovery_read(&recovery, &found, hub->central, tree, hub->names.root, err);
	if (rc == REP_OK && found)
		hub->epoch = recovery.epoch;
	return rc;
}

/* company.json names the company; a main that does not exist is an init that was interrupted. */
static enum rep_code read_company(struct rep_hub *hub, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *company = NULL;
	struct rep_oid head, tree, parent, oid = rep_oid_zero;
	int64_t time_s;
	bool is_tree = false;
	enum rep_code rc = rep_git_ref(hub->central, REP_MAIN, &head, err);

	if (rc == REP_OK && rep_oid_is_zero(&head)) {
		rc = rep_fail(err, REP_EINVAL, "%s was not made to its end", hub->dir);
		rep_hint(err, "remove the folder and run `hub init` again");
	}
	if (rc == REP_OK)
		rc = rep_git_commit_read(hub->central, &head, &tree, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_tree_find(hub->central, &tree, "company.json", &oid, &is_tree, err);
	if (rc == REP_OK)
		rc = rep_git_read(hub->central, &oid, REP_OBJECT_BLOB, &text, err);
	if (rc == REP_OK)
		rc = rep_json_parse(&company, rep_buf_str(&text), text.len, REP_TEXT_SIZE_MAX,
				    REP_JSON_DEPTH_MAX, err);
	if (rc == REP_OK) {
		const char *name = rep_json_get_string(company, "name");

		hub->company = strdup(name ? name : "company");
		if (!hub->company)
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
	}
	if (rc == REP_OK)
		rc = read_policy(hub, company, err);
	if (rc == REP_OK)
		rc = rep_hub_take_keys(hub, &tree, err);
	if (rc == REP_OK)
		rc = read_epoch(hub, &tree, err);
	rep_json_free(company);
	rep_buf_clear(&text);
	return rc;
}

enum rep_code rep_hub_reload_org(struct rep_hub *hub, struct rep_error *err)
{
	struct rep_org *org = NULL;
	enum rep_code rc = rep_org_load(&org, hub->db, hub->schema, err);

	if (rc != REP_OK)
		return rc;
	rep_org_free(hub->org);
	hub->org = org;
	return REP_OK;
}

static enum rep_code open_hub(struct rep_hub **out, const char *dir, bool read_only,
			      const struct rep_progress *progress, struct rep_error *err)
{
	struct rep_hub *hub = calloc(1, sizeof *hub);
	enum rep_code rc;

	*out = NULL;
	if (!hub || !(hub->dir = strdup(dir))) {
		free(hub);
		return rep_fail(err, REP_ENOMEM, "open hub: out of memory");
	}
	hub->read_only = read_only;
	rc = rep_key_init(err);
	if (rc == REP_OK && !read_only && rep_file_is_dir(dir))
		rc = take_lock(hub, err);
	if (rc == REP_OK)
		rc = open_central(hub, err);
	if (rc == REP_OK)
		rc = rep_hub_read_keys(hub, err);
	if (rc == REP_OK)
		rc = read_company(hub, err);
	if (rc == REP_OK)
		rc = rep_work_open(hub, progress, err);
	if (rc == REP_OK) {
		*out = hub;
		hub = NULL;
	}
	rep_hub_close(hub);
	return rep_wrap(err, rc, "open hub");
}

enum rep_code rep_hub_open(struct rep_hub **out, const char *dir, bool read_only,
			   struct rep_error *err)
{
	return open_hub(out, dir, read_only, NULL, err);
}

void rep_hub_close(struct rep_hub *hub)
{
	if (!hub)
		return;
	rep_work_close(hub);
	rep_git_close(hub->central);
	rep_key_wipe(&hub->key);
	free(hub->company);
	free(hub->program);
	free(hub->dir);
	rep_lock_free(hub->lock);
	free(hub);
}

enum rep_code rep_hub_rebuild(const char *dir, const struct rep_progress *progress,
			      struct rep_error *err)
{
	struct rep_hub lock = {.dir = strdup(dir)};
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if (!lock.dir)
		return rep_fail(err, REP_ENOMEM, "rebuild: out of memory");
	rc = take_lock(&lock, err);
	if (rc == REP_OK)
		rc = rep_work_remove(dir, err);
	rep_lock_free(lock.lock);
	free(lock.dir);
	if (rc == REP_OK)
		rc = open_hub(&hub, dir, false, progress, err);
	rep_hub_close(hub);
	return rep_wrap(err, rc, "rebuild");
}

const struct rep_schema *rep_hub_schema(const struct rep_hub *hub)
{
	return hub->schema;
}

const struct rep_org *rep_hub_org(const struct rep_hub *hub)
{
	return hub->org;
}

struct rep_db *rep_hub_db(struct rep_hub *hub)
{
	return hub->db;
}

struct rep_git *rep_hub_central(struct rep_hub *hub)
{
	return hub->central;
}

const char *rep_hub_dir(const struct rep_hub *hub)
{
	return hub->dir;
}

const uint8_t *rep_hub_secret(const struct rep_hub *hub)
{
	return hub->secret;
}
