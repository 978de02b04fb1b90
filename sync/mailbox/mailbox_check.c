/*
 * The check of a push, before its ref moves: what it lets through is what the hub's reader takes, because it is the same walk. It
 * runs as receive-pack's pre-receive hook, in the session's bounds; the new objects were checked by stock git and lie in its
 * quarantine folder, whence they go when this says no.
 */
#include <string.h>

#include "sync/git/git.h"
#include "sync/mailbox/anew.h"
#include "sync/mailbox/document.h"
#include "sync/mailbox/mailbox.h"
#include "sync/mailbox/outboxwalk.h"

static enum rep_code check_sizes(const char *path, const char *quarantine, struct rep_error *err)
{
	uint64_t come = rep_mailbox_pack_bytes(quarantine), quota = rep_mailbox_quota(path);

	if (come > REP_PUSH_SIZE_MAX)
		return rep_fail(err, REP_EINTEGRITY, "[size] a push of %llu bytes, %u allowed",
				(unsigned long long)come, REP_PUSH_SIZE_MAX);
	if (come + rep_mailbox_used(path) > quota)
		return rep_fail(err, REP_EBUSY,
				"[full] the mailbox is full: %llu bytes are its quota until the "
				"company has merged what is there",
				(unsigned long long)quota);
	return REP_OK;
}

/* Exactly one line: the outbox, from what it is to something else. */
static enum rep_code parse_update(const char *updates, struct rep_oid *old_oid,
				  struct rep_oid *new_oid, struct rep_error *err)
{
	char line[2 * REP_OID_HEX + sizeof REP_OUTBOX + 2];
	const char *end = strchr(updates, '\n');
	size_t len = end ? (size_t)(end - updates) : 0;

	if (!end || end[1] || len != sizeof line - 1 ||
	    strncmp(updates + 2 * REP_OID_HEX + 2, REP_OUTBOX, sizeof REP_OUTBOX - 1) != 0)
		return rep_fail(err, REP_EINTEGRITY,
				"[ref] a device writes its outbox, nothing else");
	memcpy(line, updates, len);
	line[REP_OID_HEX] = line[2 * REP_OID_HEX + 1] = line[len] = '\0';
	if (!rep_oid_parse(old_oid, line) || !rep_oid_parse(new_oid, line + REP_OID_HEX + 1))
		return rep_fail(err, REP_EINTEGRITY, "[ref] malformed update");
	if (rep_oid_is_zero(new_oid))
		return rep_fail(err, REP_EINTEGRITY, "[delete] an outbox is not deleted");
	return REP_OK;
}

/* The mailbox with the quarantined objects beside its own. */
static enum rep_code open_both(struct rep_git **out, const char *path, const char *quarantine,
			       struct rep_error *err)
{
	enum rep_code rc = rep_git_open(out, path, err);

	if (!rc)
		rc = rep_git_add_objects(*out, quarantine, err);
	return rep_wrap(err, rc, "open the new objects");
}

/* Does the outbox up to `tip` begin with a farewell? */
static enum rep_code check_farewell(struct rep_git *git, const struct rep_oid *tip,
				    struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(65536);
	struct rep_oid root, parent, oid;
	int64_t time_s;
	bool is_tree;
	enum rep_code rc = rep_git_commit_read(git, tip, &root, &parent, &time_s, err);

	if (!rc)
		rc = rep_tree_find(git, &root, "enrol.json", &oid, &is_tree, err);
	if (!rc && !rep_oid_is_zero(&oid))
		rc = rep_git_read(git, &oid, REP_OBJECT_BLOB, &bytes, err);
	if (!rc && !rep_is_farewell(rep_buf_str(&bytes), bytes.len))
		rc = rep_fail(err, REP_EINTEGRITY, "[left] the company has revoked this device");
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_mailbox_check(const char *path, const char *quarantine, const char *updates,
				struct rep_error *err)
{
	struct rep_oid old_oid, new_oid;
	struct rep_git *git = NULL;
	enum rep_code rc = parse_update(updates, &old_oid, &new_oid, err);

	if (!rc && !quarantine)
		rc = rep_fail(err, REP_EUSAGE, "run by git receive-pack only");
	if (!rc)
		rc = check_sizes(path, quarantine, err);
	if (!rc)
		rc = open_both(&git, path, quarantine, err);
	if (!rc)
		rc = rep_outbox_walk(git, &old_oid, &new_oid, NULL, err);
	if (!rc && rep_mailbox_is_leaving(path))
		rc = check_farewell(git, &new_oid, err);
	rep_git_close(git);
	return rc;
}
