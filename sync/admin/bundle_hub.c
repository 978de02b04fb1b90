/*
 * The hub's side of bundles. What a device sent in one is pushed into its mailbox by stock git receive-pack in a session as sshd
 * would begin it (`repsync mailbox-shell`): the same lock, bounds, hooks and refusals. So a bundle can do nothing that a push cannot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "sync/admin/bundle_hub.h"
#include "sync/device/bundle_work.h"
#include "sync/git/child.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/anew.h"
#include "sync/mailbox/private.h"
#include "sync/mailbox/serve.h"

#define ANSWER_MAX 65536u

/* ---- out: a view ---- */

static enum rep_code find_device(struct rep_hub *hub, const char *device,
				 const struct rep_org_device **out, struct rep_error *err)
{
	*out = rep_org_device(hub->org, device);
	if (!*out || !(*out)->state || strcmp((*out)->state, "revoked") == 0 ||
	    strcmp((*out)->state, "leaving") == 0)
		return rep_fail(err, REP_ENOTFOUND, "there is no device %.20s at work", device);
	return REP_OK;
}

/* The number in a commit's message, "view <epoch>.<n>"; 0 where there is none. */
static enum rep_code view_of(struct rep_git *box, const struct rep_oid *commit, int64_t *epoch,
			     int64_t *number, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	const char *message;
	long long a = 0, b = 0;
	enum rep_code rc = rep_git_read(box, commit, REP_OBJECT_COMMIT, &bytes, err);

	message = rc ? NULL : strstr(rep_buf_str(&bytes), "\n\nview ");
	if (message && sscanf(message, "\n\nview %lld.%lld", &a, &b) != 2)
		a = b = 0;
	*epoch = a;
	*number = b;
	rep_buf_clear(&bytes);
	return rc;
}

/* The view that the last merged change set of the device was made under: the device has it. 0 = none is known. */
static enum rep_code view_known(struct rep_hub *hub, const char *device, int64_t *epoch,
				int64_t *number, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_oid main, tree, parent, oid = rep_oid_zero;
	struct rep_stmt *stmt;
	int64_t time_s;
	size_t at = 0;
	bool row = false, is_tree;
	enum rep_code rc = rep_db_use(
		hub->db, &stmt,
		"SELECT path FROM _segment WHERE device = ?1 ORDER BY last DESC LIMIT 1", err);

	*epoch = *number = 0;
	if (rc)
		return rc;
	rep_bind_text(stmt, 1, device);
	rc = rep_step(stmt, &row, err);
	if (!rc && row)
		rc = rep_git_ref(hub->central, REP_MAIN, &main, err);
	if (!rc && row)
		rc = rep_git_commit_read(hub->central, &main, &tree, &parent, &time_s, err);
	if (!rc && row)
		rc = rep_tree_find(hub->central, &tree, rep_column_text(stmt, 0, NULL), &oid,
				   &is_tree, err);
	rep_stmt_reset(stmt);
	if (!rc && !rep_oid_is_zero(&oid))
		rc = rep_git_read(hub->central, &oid, REP_OBJECT_BLOB, &bytes, err);
	while (!rc && at < bytes.len) {
		struct rep_changeset set = {0};
		size_t used = 0;

		rc = rep_changeset_read(&set, &used, bytes.data + at, bytes.len - at, NULL, err);
		if (!rc) {
			*epoch = set.base_epoch;
			*number = set.base_view;
		}
		rep_changeset_clear(&set);
		at += used;
	}
	rep_buf_clear(&bytes);
	return rc;
}

/* Adds commits and trees; *base is where the device stands, zero when that is not found. */
static enum rep_code gather(struct rep_pack *pack, struct rep_git *box, const struct rep_oid *tip,
			    int64_t epoch, int64_t number, struct rep_oid *base, int64_t *since,
			    struct rep_error *err)
{
	struct rep_oid at = *tip, tree, parent, old_tree = rep_oid_zero;
	int64_t time_s, at_epoch, at_number;
	enum rep_code rc = REP_OK;

	*base = rep_oid_zero;
	*since = 0;
	for (size_t n = 0; !rc && n < REP_CHAIN_MAX && !rep_oid_is_zero(&at); n++) {
		rc = view_of(box, &at, &at_epoch, &at_number, err);
		if (!rc)
			rc = rep_git_commit_read(box, &at, &tree, &parent, &time_s, err);
		if (!rc && number > 0 && at_epoch == epoch && at_number == number) {
			*base = at;
			*since = number;
			old_tree = tree;
			break;
		}
		if (!rc)
			rc = rep_pack_add_from(pack, box, &at, REP_OBJECT_COMMIT, err);
		at = parent;
	}
	if (!rc)
		rc = rep_git_commit_read(box, tip, &tree, &parent, &time_s, err);
	return rc ? rc : rep_pack_copy_tree(pack, box, &tree, &old_tree, err);
}

struct out {
	struct rep_bundle bundle;
	struct rep_private scratch;
	struct rep_git *box, *objects;
	struct rep_pack *pack;
	int64_t view, since;
	size_t size;
};

static enum rep_code gather_view(struct rep_hub *hub, struct out *out, bool whole,
				 struct rep_error *err)
{
	char *path = rep_hub_mailbox(hub->dir, out->bundle.device);
	int64_t epoch = 0, number = 0;
	enum rep_code rc = path ? rep_git_open(&out->box, path, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	free(path);
	if (!rc)
		rc = rep_git_ref(out->box, REP_INBOX, &out->bundle.tip, err);
	if (!rc && rep_oid_is_zero(&out->bundle.tip))
		rc = rep_fail(err, REP_ENOTFOUND,
			      "there is no view for %s yet: its enrolment has to come first, then "
			      "`hub merge`",
			      out->bundle.device);
	if (!rc && !whole)
		rc = view_known(hub, out->bundle.device, &epoch, &number, err);
	if (!rc)
		rc = rep_private_make(&out->scratch, "repsync-bundle", err);
	if (!rc)
		rc = rep_git_create(out->scratch.path, "inbox", err);
	if (!rc)
		rc = rep_git_open(&out->objects, out->scratch.path, err);
	if (!rc)
		rc = rep_pack_new(&out->pack, out->objects, err);
	if (!rc)
		rc = gather(out->pack, out->box, &out->bundle.tip, epoch, number, &out->bundle.base,
			    &out->since, err);
	if (!rc)
		rc = rep_pack_commit(out->pack, NULL, err);
	return rc ? rc : view_of(out->box, &out->bundle.tip, &epoch, &out->view, err);
}

enum rep_code rep_hub_bundle(struct rep_hub *hub, const char *device, const char *path, bool whole,
			     int64_t now_ms, struct rep_json **summary, struct rep_error *err)
{
	const struct rep_org_device *row = NULL;
	struct out out = {.bundle.inbox = true, .scratch = REP_PRIVATE_INIT};
	enum rep_code rc = find_device(hub, device, &row, err);

	*summary = NULL;
	if (!rc && !row->has_key)
		rc = rep_fail(err, REP_ENOTFOUND, "device %s has not registered its key yet",
			      device);
	if (rc)
		return rep_wrap(err, rc, "bundle");
	snprintf(out.bundle.device, sizeof out.bundle.device, "%s", row->id);
	memcpy(out.bundle.signer, hub->key.public, REP_PUBLIC_SIZE);
	rep_time_format(out.bundle.made, now_ms);
	rc = gather_view(hub, &out, whole, err);
	if (!rc)
		rc = rep_bundle_write(path, &out.bundle, out.objects, &hub->key, row->public,
				      &out.size, err);
	if (!rc && !(*summary = rep_json_object()))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (!rc) {
		rep_json_set_string(*summary, "device", out.bundle.device);
		rep_json_set_integer(*summary, "view", out.view);
		rep_json_set_integer(*summary, "since", out.since);
		rep_json_set_integer(*summary, "bytes", (int64_t)out.size);
	}
	rep_pack_free(out.pack);
	rep_git_close(out.objects);
	rep_git_close(out.box);
	rep_private_remove(&out.scratch);
	return rep_wrap(err, rc, "bundle");
}

/* ---- in: a push ---- */

static enum rep_code judge(struct rep_hub *hub, const struct rep_bundle *bundle,
			   struct rep_error *err)
{
	const struct rep_org_device *row;
	enum rep_code rc;

	if (bundle->inbox)
		return rep_fail(err, REP_EREFUSED, "it is for device %s, not for the company",
				bundle->device);
	rc = find_device(hub, bundle->device, &row, err);
	/* Before it is registered its key proves nothing: the enrolment in the bundle does, to the next merge. */
	if (!rc && row->has_key && memcmp(row->public, bundle->signer, REP_PUBLIC_SIZE) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "it is not signed with the key of device %s",
			      bundle->device);
	return rc;
}

/* How many commits the mailbox lacks: 0 where the bundle's tip is in its chain. */
static enum rep_code count_missing(struct rep_git *box, struct rep_git *fresh,
				   const struct rep_bundle *bundle, const struct rep_oid *outbox,
				   int64_t *missing, struct rep_error *err)
{
	struct rep_oid at = bundle->tip, tree, parent;
	int64_t time_s;
	bool has;
	enum rep_code rc = rep_git_chain_has(box, outbox, &bundle->tip, &has, err);

	*missing = 0;
	if (rc || has)
		return rc;
	while (!rc && !rep_oid_is_zero(&at) && !rep_oid_equal(&at, outbox) &&
	       *missing < (int64_t)REP_CHAIN_MAX && rep_git_has(fresh, &at)) {
		rc = rep_git_commit_read(fresh, &at, &tree, &parent, &time_s, err);
		at = parent;
		++*missing;
	}
	if (!rc && !rep_oid_equal(&at, outbox))
		rc = rep_fail(err, REP_EORDER,
			      "[rewind] it does not go on from where the mailbox stands: give the "
			      "device a view first");
	return rc;
}

static enum rep_code append_pack(int fd, const char *scratch, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_BUNDLE_SIZE_MAX);
	char dir[4200], path[4600];
	const struct dirent *entry;
	enum rep_code rc = REP_OK;
	DIR *stream;

	snprintf(dir, sizeof dir, "%.4000s/objects/pack", scratch);
	stream = opendir(dir);
	if (!stream)
		return rep_fail(err, REP_EIO, "open %s: %s", dir, strerror(errno));
	while (!rc && (entry = readdir(stream)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len < 6 || strcmp(entry->d_name + len - 5, ".pack") != 0)
			continue;
		snprintf(path, sizeof path, "%s/%.300s", dir, entry->d_name);
		rep_buf_reset(&bytes);
		rc = rep_file_read(&bytes, path, err);
		if (!rc)
			rc = rep_fd_write(fd, bytes.data, bytes.len, "a push", err);
	}
	(void)closedir(stream);
	rep_buf_clear(&bytes);
	return rc;
}

/* What a client of git's protocol (version 0) sends for one ref, and the pack. */
static enum rep_code write_request(int fd, const struct rep_oid *old_oid,
				   const struct rep_oid *new_oid, const char *scratch,
				   struct rep_error *err)
{
	static const char capabilities[] = " report-status";
	char old_hex[REP_OID_HEX + 1], new_hex[REP_OID_HEX + 1], line[256];
	int len;
	enum rep_code rc;

	rep_oid_hex(old_hex, old_oid);
	rep_oid_hex(new_hex, new_oid);
	len = snprintf(line + 4, sizeof line - 4, "%s %s %s%c%s", old_hex, new_hex, REP_OUTBOX, 0,
		       capabilities) +
	      4;
	snprintf(line, 5, "%04x", (unsigned)len);
	line[4] = old_hex[0];
	rc = rep_fd_write(fd, line, (size_t)len, "a push", err);
	if (!rc)
		rc = rep_fd_write(fd, "0000", 4, "a push", err);
	if (!rc)
		rc = append_pack(fd, scratch, err);
	if (!rc && lseek(fd, 0, SEEK_SET) != 0)
		rc = rep_fail(err, REP_EIO, "seek: %s", strerror(errno));
	return rc;
}

static enum rep_code run_session(struct rep_hub *hub, const char *program, const char *device,
				 int in_fd, int out_fd, struct rep_buf *said, struct rep_error *err)
{
	const char *const argv[] = {program, "-C", hub->dir, "mailbox-shell", device, NULL};
	char path[4200];
	const char *const envp[] = {path, "SSH_ORIGINAL_COMMAND=git-receive-pack 'bundle'",
				    "LC_ALL=C.UTF-8", NULL};
	struct rep_program session = {.argv = argv, .envp = envp, .in_fd = in_fd, .out_fd = out_fd};
	int status;

	snprintf(path, sizeof path, "PATH=%.4000s",
		 getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	return rep_program_run(&session, said, &status, err);
}

/* The outbox stands where it should, or the session said why not. */
static enum rep_code verdict(struct rep_git *box, const struct rep_oid *tip,
			     const struct rep_buf *said, struct rep_error *err)
{
	struct rep_oid now;
	enum rep_code rc = rep_git_refresh(box, err);

	if (!rc)
		rc = rep_git_ref(box, REP_OUTBOX, &now, err);
	if (!rc && !rep_oid_equal(&now, tip))
		rc = rep_fail(err,
			      strstr(rep_buf_str(said), REP_SAID_LATER) ? REP_EBUSY : REP_EREFUSED,
			      "the mailbox does not take it: %.200s", rep_buf_str(said));
	return rc;
}

static enum rep_code push(struct rep_hub *hub, const struct rep_bundle *bundle, struct rep_git *box,
			  const struct rep_oid *outbox, const char *scratch, const char *program,
			  struct rep_error *err)
{
	struct rep_buf said = REP_BUF_INIT(4096);
	int in_fd = open(scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int out_fd = open(scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	enum rep_code rc = in_fd < 0 || out_fd < 0
				   ? rep_fail(err, REP_EIO, "temporary file in %s: %s", scratch,
					      strerror(errno))
				   : REP_OK;

	if (!rc)
		rc = write_request(in_fd, outbox, &bundle->tip, scratch, err);
	if (!rc)
		rc = run_session(hub, program, bundle->device, in_fd, out_fd, &said, err);
	if (!rc)
		rc = verdict(box, &bundle->tip, &said, err);
	if (in_fd >= 0)
		(void)close(in_fd);
	if (out_fd >= 0)
		(void)close(out_fd);
	rep_buf_clear(&said);
	return rc;
}

/* The bundle's objects as a pack of ours: what is hashed anew cannot lie about its id. */
static enum rep_code unpack(const struct rep_bundle *bundle, const char *scratch,
			    struct rep_git **fresh, struct rep_error *err)
{
	struct rep_pack *pack = NULL;
	enum rep_code rc = rep_git_create(scratch, "outbox", err);

	if (!rc)
		rc = rep_git_open(fresh, scratch, err);
	if (!rc)
		rc = rep_pack_new(&pack, *fresh, err);
	if (!rc)
		rc = rep_bundle_unpack(bundle, pack, REP_SEGMENT_HARD_MAX, err);
	if (!rc)
		rc = rep_pack_commit(pack, NULL, err);
	rep_pack_free(pack);
	return rc;
}

static enum rep_code take(struct rep_hub *hub, const struct rep_bundle *bundle, const char *program,
			  int64_t *missing, struct rep_error *err)
{
	struct rep_private scratch = REP_PRIVATE_INIT;
	char *path = rep_hub_mailbox(hub->dir, bundle->device);
	struct rep_git *box = NULL, *fresh = NULL;
	struct rep_oid outbox;
	enum rep_code rc = path ? rep_private_make(&scratch, "repsync-bundle", err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	if (!rc)
		rc = unpack(bundle, scratch.path, &fresh, err);
	if (!rc)
		rc = rep_git_open(&box, path, err);
	if (!rc)
		rc = rep_git_ref(box, REP_OUTBOX, &outbox, err);
	if (!rc)
		rc = count_missing(box, fresh, bundle, &outbox, missing, err);
	if (!rc && *missing)
		rc = push(hub, bundle, box, &outbox, scratch.path, program, err);
	rep_git_close(fresh);
	rep_git_close(box);
	rep_private_remove(&scratch);
	free(path);
	return rc;
}

/* Sealed to the hub's key as the device knew it: perhaps one that was given up since. */
static enum rep_code open_sealed(struct rep_hub *hub, struct rep_bundle *bundle,
				 struct rep_error *err)
{
	struct rep_error ignored;
	enum rep_code rc = rep_bundle_open(bundle, &hub->key, err);

	for (size_t i = hub->keys.len - 1; rc != REP_OK && i-- > 0;) {
		struct rep_key old = {0};
		char name[32];
		bool found = false;

		snprintf(name, sizeof name, "hub-%zu.key", i);
		if (rep_hub_read_pair(&old, &found, hub->dir, name, &ignored) == REP_OK && found &&
		    rep_bundle_open(bundle, &old, &ignored) == REP_OK)
			rc = REP_OK;
		rep_key_wipe(&old);
	}
	return rc;
}

enum rep_code rep_hub_unbundle(struct rep_hub *hub, const char *path, const char *program,
			       struct rep_json **summary, struct rep_error *err)
{
	struct rep_bundle bundle = {0};
	int64_t missing = 0;
	enum rep_code rc = rep_bundle_read(&bundle, path, err);

	*summary = NULL;
	if (!rc)
		rc = judge(hub, &bundle, err);
	if (!rc)
		rc = open_sealed(hub, &bundle, err);
	if (!rc)
		rc = take(hub, &bundle, program, &missing, err);
	if (!rc && !(*summary = rep_json_object()))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (!rc) {
		rep_json_set_string(*summary, "device", bundle.device);
		rep_json_set_integer(*summary, "commits", missing);
	}
	rep_bundle_clear(&bundle);
	return rep_wrap(err, rc, "bundle %s", path);
}
