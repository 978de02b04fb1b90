/*
 * Refs of our own repositories, as files, by git's own protocol: <ref>.lock made exclusively, written, synced, renamed over the ref, the
 * folder synced. Whoever else writes (receive-pack) does the same, and the comparison is made under the lock, so that of two
 * writers one wins. An error may be false (the last fsync fails after the ref moved) and so the ref is read again after any.
 * Packed refs and refs to refs, which we never make, are left to libgit2.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "sync/git/gitwrap.h"

#define REF_PATH_MAX 4096

static enum rep_code path_of(char out[REF_PATH_MAX], const struct rep_git *git, const char *ref,
			     const char *ending, struct rep_error *err)
{
	if ((size_t)snprintf(out, REF_PATH_MAX, "%s/%s%s", git->path, ref, ending) >= REF_PATH_MAX)
		return rep_fail(err, REP_EINVAL, "%s: path too long", git->path);
	return REP_OK;
}

static enum rep_code read_by_libgit2(struct rep_git *git, const char *ref, struct rep_oid *out,
				     struct rep_error *err)
{
	git_oid id;
	char what[256];
	enum rep_code rc = rep_git_handles(git, err);
	int git_rc;

	if (rc)
		return rc;
	git_rc = rep_libgit2.git_reference_name_to_id(&id, git->repo, ref);
	if (git_rc == GIT_ENOTFOUND)
		return REP_OK;
	if (git_rc) {
		snprintf(what, sizeof what, "read %.200s", ref);
		return rep_git_fail(err, git_rc, what);
	}
	*out = rep_oid_from_git(&id);
	return REP_OK;
}

/* The ref's file: 40 digits and LF. False for any other, also none. */
static bool read_file(const char *path, struct rep_oid *out, bool *there)
{
	char text[REP_OID_HEX + 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	*there = fd >= 0 || (errno != ENOENT && errno != ENOTDIR);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text);
	(void)close(fd);
	if (n != REP_OID_HEX + 1 || text[REP_OID_HEX] != '\n')
		return false;
	text[REP_OID_HEX] = '\0';
	return rep_oid_parse(out, text);
}

enum rep_code rep_git_ref(struct rep_git *git, const char *ref, struct rep_oid *out,
			  struct rep_error *err)
{
	char path[REF_PATH_MAX], packed[REF_PATH_MAX];
	bool there;
	enum rep_code rc;

	*out = rep_oid_zero;
	rc = path_of(path, git, ref, "", err);
	if (!rc)
		rc = path_of(packed, git, "packed-refs", "", err);
	if (rc || read_file(path, out, &there))
		return rc;
	if (!there && !rep_file_exists(packed))
		return REP_OK;
	return read_by_libgit2(git, ref, out, err);
}

static enum rep_code differs(const char *ref, const struct rep_oid *old_oid,
			     const struct rep_oid *now, struct rep_error *err)
{
	char hex[REP_OID_HEX + 1], old_hex[REP_OID_HEX + 1];

	rep_oid_hex(hex, now);
	rep_oid_hex(old_hex, old_oid);
	return rep_fail(err, REP_EORDER, "%s is %.12s, not %.12s", ref, hex, old_hex);
}

static enum rep_code take_lock(const struct rep_git *git, const char *ref, const char *path,
			       int *fd, struct rep_error *err)
{
	char folder[REF_PATH_MAX], *slash;
	enum rep_code rc;

	*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (*fd < 0 && errno == ENOENT) { /* refs/<kind>/ is made with its first ref */
		snprintf(folder, sizeof folder, "%s", path);
		slash = strrchr(folder, '/');
		if (slash)
			*slash = '\0';
		rc = rep_dir_make(folder, 0700, err);
		if (rc)
			return rc;
		*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	}
	if (*fd >= 0)
		return REP_OK;
	if (errno != EEXIST)
		return rep_fail(err, REP_EIO, "move %s: %s: %s", ref, path, strerror(errno));
	rc = rep_fail(err, REP_EBUSY, "move %s: it is locked", ref);
	rep_hint(err, "a killed run may have left %.60s.lock in %.60s: run again", ref, git->path);
	return rc;
}

static enum rep_code sync_folder(const char *path, struct rep_error *err)
{
	char folder[REF_PATH_MAX], *slash;

	snprintf(folder, sizeof folder, "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	return rep_dir_sync(folder, err);
}

/* Under the lock `fd`, which becomes the ref. */
static enum rep_code write_ref(int fd, const char *lock, const char *path,
			       const struct rep_oid *new_oid, bool *moved, struct rep_error *err)
{
	char text[REP_OID_HEX + 2];

	rep_oid_hex(text, new_oid);
	text[REP_OID_HEX] = '\n';
	if (write(fd, text, REP_OID_HEX + 1) != REP_OID_HEX + 1 || fsync(fd) != 0 ||
	    rename(lock, path) != 0)
		return rep_fail(err, REP_EIO, "%s: %s", path, strerror(errno));
	*moved = true;
	return sync_folder(path, err);
}

static enum rep_code move(struct rep_git *git, const char *ref, const struct rep_oid *old_oid,
			  const struct rep_oid *new_oid, struct rep_error *err)
{
	char path[REF_PATH_MAX], lock[REF_PATH_MAX];
	struct rep_oid now = rep_oid_zero;
	bool moved = false;
	int fd = -1;
	enum rep_code rc = path_of(path, git, ref, "", err);

	if (!rc)
		rc = path_of(lock, git, ref, ".lock", err);
	if (!rc)
		rc = take_lock(git, ref, lock, &fd, err);
	if (rc)
		return rc;
	rc = rep_git_ref(git, ref, &now, err);
	if (!rc && !rep_oid_equal(&now, old_oid))
		rc = differs(ref, old_oid, &now, err);
	if (!rc)
		rc = write_ref(fd, lock, path, new_oid, &moved, err);
	(void)close(fd);
	if (!moved)
		(void)unlink(lock);
	return rc;
}

enum rep_code rep_git_cas(struct rep_git *git, const char *ref, const struct rep_oid *old_oid,
			  const struct rep_oid *new_oid, struct rep_error *err)
{
	struct rep_error ignored;
	struct rep_oid now;
	enum rep_code rc = rep_git_ref(git, ref, &now, err);

	if (rc)
		return rc;
	if (!rep_oid_equal(&now, old_oid))
		return differs(ref, old_oid, &now, err);
	if (!rep_git_has(git, new_oid))
		return rep_fail(err, REP_EINTEGRITY, "move %s: the new object is not in %s", ref,
				git->path);
	rc = move(git, ref, old_oid, new_oid, err);
	if (rc == REP_EIO && rep_git_ref(git, ref, &now, &ignored) == REP_OK &&
	    rep_oid_equal(&now, new_oid))
		rc = REP_OK;
	return rc;
}
