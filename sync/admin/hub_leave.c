/*
 * A device that was revoked: its mailbox is closed, drained, and replaced by one that serves the order to leave. Each step is looked
 * at from its result, so whatever is killed, the next run goes on: the record of the device says that it was revoked, central holds
 * the order, the flag in the mailbox says that it was replaced.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/document.h"

#define ARCHIVE "archive"
/* A push that runs may end by itself; then it is ended. */
#define DRAIN_TRY_MS 50u
#define DRAIN_MS 10000u

bool rep_hub_has_left(const struct rep_org_device *device, const char *time)
{
	return device->state && device->since && strcmp(device->state, "leaving") == 0 &&
	       strcmp(device->since, time) <= 0;
}

bool rep_hub_is_leaving(const struct rep_hub *hub, const struct rep_org_device *device)
{
	char *path;
	bool is;

	if (!device->state || strcmp(device->state, "leaving") != 0)
		return false;
	path = rep_hub_mailbox(hub->dir, device->id);
	is = path && rep_mailbox_is_leaving(path);
	free(path);
	return is;
}

bool rep_hub_is_void(const struct rep_org_device *device)
{
	return device->state && strcmp(device->state, "leaving") == 0 && !device->has_key;
}

/* ---- closing ---- */

/* Has process `pid` this file open? Others' processes do not say. */
static bool has_open(const char *pid, const struct stat *file)
{
	char name[300];
	struct dirent *entry;
	struct stat st;
	bool found = false;
	DIR *fds;

	snprintf(name, sizeof name, "/proc/%.20s/fd", pid);
	if (!(fds = opendir(name)))
		return false;
	while (!found && (entry = readdir(fds)) != NULL)
		found = fstatat(dirfd(fds), entry->d_name, &st, 0) == 0 &&
			st.st_dev == file->st_dev && st.st_ino == file->st_ino;
	(void)closedir(fds);
	return found;
}

/*
 * Ends whoever has the mailbox's lock open. A session's lock is held by the children of its git as well (serve_session.c), of which the
 * system's list of locks names none.
 */
static void end_sessions(const char *mailbox)
{
	char name[4200];
	struct dirent *entry;
	struct stat file;
	DIR *processes;

	snprintf(name, sizeof name, "%.4000s/repsync.lock", mailbox);
	if (stat(name, &file) != 0 || !(processes = opendir("/proc")))
		return;
	while ((entry = readdir(processes)) != NULL) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid > 1 && pid != getpid() && has_open(entry->d_name, &file))
			(void)kill((pid_t)pid, SIGKILL);
	}
	(void)closedir(processes);
}

static enum rep_code drain(const char *mailbox, struct rep_error *err)
{
	const struct timespec pause = {.tv_nsec = DRAIN_TRY_MS * 1000000L};
	struct rep_lock *lock = NULL;
	enum rep_code rc = REP_EBUSY;

	for (unsigned tried = 0; rc == REP_EBUSY && tried < 2 * DRAIN_MS / DRAIN_TRY_MS; tried++) {
		rc = rep_mailbox_lock(&lock, mailbox, false, err);
		if (rc == REP_EBUSY && tried >= DRAIN_MS / DRAIN_TRY_MS)
			end_sessions(mailbox);
		if (rc == REP_EBUSY)
			(void)nanosleep(&pause, NULL);
	}
	rep_lock_free(lock);
	return rc;
}

static enum rep_code close_one(struct rep_hub *hub, const char *device, struct rep_error *err)
{
	char *path = rep_hub_mailbox(hub->dir, device);
	enum rep_code rc = path ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	/* Killed between the two moves of a replacement it is nowhere, and was closed before. */
	if (rc == REP_OK && rep_file_is_dir(path)) {
		if (!rep_mailbox_is_closed(path))
			rc = rep_mailbox_close(path, err);
		if (rc == REP_OK)
			rc = drain(path, err);
	}
	free(path);
	return rep_wrap(err, rc, "close the mailbox of %s", device);
}

enum rep_code rep_hub_close_left(struct rep_hub *hub, int64_t now_ms, struct rep_error *err)
{
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(hub->org, &devices);
	char time[REP_TIME_LEN + 1];
	enum rep_code rc = REP_OK;

	rep_time_format(time, now_ms);
	for (size_t i = 0; rc == REP_OK && i < len; i++)
		if (rep_hub_has_left(&devices[i], time) && !rep_hub_is_leaving(hub, &devices[i]))
			rc = close_one(hub, devices[i].id, err);
	return rc;
}

/* ---- what central knows ---- */

enum rep_code rep_hub_left_file(struct rep_hub *hub, const char *device, const char *name,
				struct rep_buf *out, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256);
	struct rep_oid head, root, parent, oid;
	int64_t time_s;
	bool is_tree;
	enum rep_code rc = rep_git_ref(hub->central, REP_MAIN, &head, err);

	rep_path_left(&path, device, name);
	if (rc == REP_OK)
		rc = rep_git_commit_read(hub->central, &head, &root, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_tree_find(hub->central, &root, rep_buf_str(&path), &oid, &is_tree, err);
	if (rc == REP_OK && !rep_oid_is_zero(&oid))
		rc = rep_git_read(hub->central, &oid, REP_OBJECT_BLOB, out, err);
	rep_buf_clear(&path);
	return rc;
}

/* The time that a document of left/ bears; *at is empty where there is none. */
static enum rep_code time_of(struct rep_hub *hub, const struct rep_org_device *device,
			     const char *name, char at[REP_TIME_LEN + 1], struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *document = NULL;
	enum rep_code rc = rep_hub_left_file(hub, device->id, name, &bytes, err);

	at[0] = '\0';
	if (rc == REP_OK && bytes.len) {
		rc = strcmp(name, "farewell.json") == 0
			     ? rep_farewell_read(&document, bytes.data, bytes.len, device->id,
						 device->public, err)
			     : rep_erasure_read(&document, bytes.data, bytes.len, device->id,
						device->public, err);
		if (rc == REP_OK)
			memcpy(at, rep_json_get_string(document, "at"), REP_TIME_LEN + 1);
	}
	rep_json_free(document);
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_hub_put_left(struct rep_hub *hub, const struct rep_org_device *device,
			       int64_t now_ms, struct rep_json *row, struct rep_error *err)
{
	char now[REP_TIME_LEN + 1], at[REP_TIME_LEN + 1] = "";
	const char *left = NULL, *end;
	enum rep_code rc = REP_OK;

	rep_time_format(now, now_ms);
	if (rep_hub_has_left(device, now) && rep_hub_is_void(device)) {
		left = "void";
		memcpy(at, device->since, REP_TIME_LEN + 1);
	} else if (rep_hub_has_left(device, now)) {
		left = "acknowledged";
		rc = time_of(hub, device, "erasure.json", at, err);
		if (rc == REP_OK && !*at) {
			left = "delivered";
			rc = time_of(hub, device, "farewell.json", at, err);
		}
		if (rc == REP_OK && !*at) {
			left = "ordered";
			memcpy(at, device->since, REP_TIME_LEN + 1);
			end = rep_json_get_string(row, "lease");
			if (end && strcmp(end, now) <= 0) {
				left = "lease ended";
				memcpy(at, end, REP_TIME_LEN + 1);
			}
		}
	}
	rep_json_set(row, "left", left ? rep_json_string(left) : rep_json_null());
	rep_json_set(row, "left_at", *at ? rep_json_string(at) : rep_json_null());
	return rc;
}

/* ---- the mailbox that serves the order ---- */

/* org/hub-keys of central, so that a device follows to the key that signed its order. */
static enum rep_code put_keys(struct rep_hub *hub, struct rep_pack *pack, struct rep_tree *tree,
			      struct rep_error *err)
{
	struct rep_oid head, root, parent, keys = rep_oid_zero;
	int64_t time_s;
	bool is_tree;
	enum rep_code rc = rep_git_ref(hub->central, REP_MAIN, &head, err);

	if (rc == REP_OK)
		rc = rep_git_commit_read(hub->central, &head, &root, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_tree_find(hub->central, &root, REP_HUBKEYS_DIR, &keys, &is_tree, err);
	if (rc != REP_OK || rep_oid_is_zero(&keys))
		return rc;
	rc = rep_pack_copy_tree(pack, hub->central, &keys, &rep_oid_zero, err);
	return rc == REP_OK ? rep_tree_put(tree, REP_HUBKEYS_DIR, &keys, true, err) : rc;
}

static enum rep_code put_order(struct rep_hub *hub, struct rep_git *git,
			       const struct rep_buf *order, int64_t now_ms, struct rep_error *err)
{
	struct rep_git_commit commit = {.message = "order\n"};
	struct rep_pack *pack = NULL;
	struct rep_tree *tree = NULL;
	struct rep_oid oid;
	enum rep_code rc = rep_pack_new(&pack, git, err);

	if (rc == REP_OK)
		rc = rep_tree_edit(&tree, pack, &rep_oid_zero, err);
	if (rc == REP_OK)
		rc = rep_tree_put_blob(tree, "order.json", order->data, order->len, err);
	if (rc == REP_OK)
		rc = put_keys(hub, pack, tree, err);
	if (rc == REP_OK)
		rc = rep_tree_write(tree, &commit.tree, err);
	if (rc == REP_OK)
		rc = rep_hub_add_commit(pack, hub->company, now_ms, &commit, &oid, err);
	if (rc == REP_OK)
		rc = rep_pack_commit(pack, NULL, err);
	if (rc == REP_OK)
		rc = rep_git_cas(git, REP_INBOX, &rep_oid_zero, &oid, err);
	rep_tree_free(tree);
	rep_pack_free(pack);
	return rc;
}

static enum rep_code make_new(struct rep_hub *hub, const char *path, const struct rep_buf *order,
			      int64_t now_ms, struct rep_error *err)
{
	struct rep_git *git = NULL;
	enum rep_code rc = rep_file_is_dir(path) ? rep_dir_remove(path, err) : REP_OK;

	if (rc == REP_OK)
		rc = rep_mailbox_create(path, err);
	if (rc == REP_OK)
		rc = rep_git_open(&git, path, err);
	if (rc == REP_OK)
		rc = put_order(hub, git, order, now_ms, err);
	rep_git_close(git);
	if (rc == REP_OK)
		rc = rep_mailbox_set_leaving(path, err);
	return rc == REP_OK ? rep_dir_sync(path, err) : rc;
}

static enum rep_code move(const char *from, const char *to, struct rep_error *err)
{
	return rename(from, to) == 0
		       ? REP_OK
		       : rep_fail(err, REP_EIO, "move %s to %s: %s", from, to, strerror(errno));
}

/* What work.db remembers of the old mailbox is of no other. */
static enum rep_code forget(struct rep_hub *hub, const char *device, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(hub->db, &stmt, "DELETE FROM _mailbox WHERE device = ?1", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	return rep_run(stmt, err);
}

enum rep_code rep_hub_replace_mailbox(struct rep_hub *hub, const struct rep_org_device *device,
				      const struct rep_buf *order, int64_t now_ms,
				      struct rep_error *err)
{
	char *box = rep_hub_mailbox(hub->dir, device->id);
	char *fresh = rep_hub_path(hub->dir, "mailboxes/%s.new", device->id);
	char *archive = rep_hub_path(hub->dir, ARCHIVE);
	char *old = rep_hub_path(hub->dir, ARCHIVE "/%s.git", device->id);
	char *boxes = rep_hub_path(hub->dir, "mailboxes");
	enum rep_code rc = box && fresh && archive && old && boxes
				   ? rep_dir_make(archive, 0700, err)
				   : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK)
		rc = make_new(hub, fresh, order, now_ms, err);
	if (rc == REP_OK && rep_file_is_dir(box))
		rc = move(box, old, err);
	if (rc == REP_OK)
		rc = forget(hub, device->id, err);
	if (rc == REP_OK)
		rc = move(fresh, box, err);
	if (rc == REP_OK)
		rc = rep_dir_sync(boxes, err);
	if (rc == REP_OK)
		rc = rep_dir_sync(archive, err);
	free(box);
	free(fresh);
	free(archive);
	free(old);
	free(boxes);
	return rep_wrap(err, rc, "replace the mailbox of %s", device->id);
}
