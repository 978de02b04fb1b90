/*
 * What a mailbox holds is hostile until proved otherwise, and libgit2 1.5.1 hangs or corrupts its heap on
 * damaged loose objects and index files. So it never opens the mailbox's objects: stock git's pack-objects
 * (what upload-pack runs) takes out the new ones, stock git's index-pack checks each and writes a pack and an
 * index of our own into a scratch repository in memory. The cost follows what is new; a git fsck of the
 * mailbox would also go through the whole inbox each time.
 *
 * Neither program reads the mailbox's configuration: GIT_DIR is the scratch repository, only the object folder
 * is the mailbox's.
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
#include "sync/outboxwalk.h"

#define SAID_MAX 600u

struct env {
	char git_dir[4200];
	char objects[4200];
	char path[4200];
	const char *list[10];
};

static enum rep_code env_make(struct env *env, const char *scratch, const char *objects,
			      struct rep_error *err)
{
	const char *path = getenv("PATH");
	size_t n = 0;

	if (strlen(scratch) > 4000 || strlen(objects) > 4000)
		return rep_fail(err, REP_EINVAL, "path too long");
	snprintf(env->git_dir, sizeof env->git_dir, "GIT_DIR=%s", scratch);
	snprintf(env->objects, sizeof env->objects, "GIT_OBJECT_DIRECTORY=%s", objects);
	snprintf(env->path, sizeof env->path, "PATH=%.4000s", path ? path : "/usr/bin:/bin");
	env->list[n++] = env->git_dir;
	env->list[n++] = env->objects;
	env->list[n++] = env->path;
	env->list[n++] = "HOME=/nonexistent";
	env->list[n++] = "GIT_CONFIG_NOSYSTEM=1";
	env->list[n++] = "GIT_CONFIG_GLOBAL=/dev/null";
	env->list[n++] = "GIT_NO_REPLACE_OBJECTS=1";
	env->list[n++] = "LC_ALL=C";
	env->list[n] = NULL;
	return REP_OK;
}

/* Whether a folder of loose objects has anything in it. */
static bool is_empty_dir(const char *path)
{
	DIR *stream = opendir(path);
	const struct dirent *entry;
	bool empty = true;

	while (stream && (entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			empty = false;
	if (stream)
		(void)closedir(stream);
	return empty;
}

/* Objects of others must not be borrowed, and only packs are read: an empty loose object is poison. */
static enum rep_code check_folder(const char *objects, struct rep_error *err)
{
	DIR *stream = opendir(objects);
	const struct dirent *entry;
	char path[8192];
	enum rep_code rc = REP_OK;

	if (!stream)
		return rep_fail(err, REP_EIO, "open %s: %s", objects, strerror(errno));
	while (!rc && (entry = readdir(stream)) != NULL) {
		snprintf(path, sizeof path, "%.4000s/%s", objects, entry->d_name);
		if (strlen(entry->d_name) == 2 && strcmp(entry->d_name, "..") != 0 &&
		    !is_empty_dir(path))
			rc = rep_fail(err, REP_EINTEGRITY, "[object] loose objects in %s", path);
	}
	(void)closedir(stream);
	snprintf(path, sizeof path, "%.4000s/info/alternates", objects);
	if (!rc && rep_file_exists(path))
		rc = rep_fail(err, REP_EINTEGRITY, "[object] it borrows objects: %s", path);
	return rc;
}

static enum rep_code run(const char *const *argv, const struct env *env, int in_fd, int out_fd,
			 struct rep_error *err)
{
	struct rep_program program = {
		.argv = argv, .envp = env->list, .in_fd = in_fd, .out_fd = out_fd};
	struct rep_buf said = REP_BUF_INIT(SAID_MAX);
	int status;
	enum rep_code rc = rep_program_run(&program, &said, &status, err);

	if (!rc && status == 127 << 8)
		rc = rep_fail(err, REP_EIO, "cannot run git: is it installed");
	else if (!rc && status != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "[object] git: %s", rep_buf_str(&said));
	rep_buf_clear(&said);
	return rc;
}

/* tip, without what the parents of known have: so known's own trees come along, to compare with. */
static enum rep_code revisions(int *fd, const struct rep_oid *known, const struct rep_oid *tip,
			       struct rep_error *err)
{
	char hex[REP_OID_HEX + 1], text[2 * REP_OID_HEX + 8];
	int fds[2], len;

	*fd = -1;
	rep_oid_hex(hex, tip);
	len = snprintf(text, sizeof text, "%s\n", hex);
	rep_oid_hex(hex, known);
	if (!rep_oid_is_zero(known))
		len = snprintf(text + len, sizeof text - (size_t)len, "^%s^@\n", hex) + len;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return rep_fail(err, REP_EIO, "pipe: %s", strerror(errno));
	*fd = fds[0];
	if (write(fds[1], text, (size_t)len) != len) { /* a pipe holds 4 KiB */
		(void)close(fds[1]);
		return rep_fail(err, REP_EIO, "pipe: %s", strerror(errno));
	}
	(void)close(fds[1]);
	return REP_OK;
}

static enum rep_code take_out(const struct env *env, const struct rep_oid *known,
			      const struct rep_oid *tip, int pack_fd, struct rep_error *err)
{
	static const char *const argv[] = {"git",
					   "-c",
					   "pack.threads=1",
					   "-c",
					   "core.commitGraph=false",
					   "-c",
					   "core.multiPackIndex=false",
					   "-c",
					   "core.packedGitWindowSize=16m",
					   "-c",
					   "core.packedGitLimit=128m",
					   "pack-objects",
					   "--revs",
					   "--stdout",
					   "--no-use-bitmap-index",
					   "--window=0",
					   "-q",
					   NULL};
	int revs_fd = -1;
	enum rep_code rc = revisions(&revs_fd, known, tip, err);

	if (!rc)
		rc = run(argv, env, revs_fd, pack_fd, err);
	if (revs_fd >= 0)
		(void)close(revs_fd);
	return rc;
}

/* After pack-objects failed: when the known commit is gone, that is the reason, and a graver one. */
static bool is_gone(const struct env *env, const struct rep_oid *known)
{
	char hex[REP_OID_HEX + 1];
	const char *argv[] = {"git", "cat-file", "-e", hex, NULL};
	struct rep_error ignored;

	rep_oid_hex(hex, known);
	return !rep_oid_is_zero(known) && run(argv, env, -1, -1, &ignored) == REP_EINTEGRITY;
}

enum rep_code rep_outbox_quarantine(const char *mailbox, const char *scratch,
				    const struct rep_oid *known, const struct rep_oid *tip,
				    struct rep_error *err)
{
	static const char *const index_argv[] = {
		"git", "-c", "pack.threads=1", "index-pack", "--stdin", "--fsck-objects", NULL};
	char objects[4096], own[4096];
	struct env env;
	int fd = -1;
	enum rep_code rc;

	snprintf(objects, sizeof objects, "%.4000s/objects", mailbox);
	snprintf(own, sizeof own, "%.4000s/objects", scratch);
	rc = check_folder(objects, err);
	if (!rc)
		rc = env_make(&env, scratch, objects, err);
	if (rc)
		return rc;
	fd = open(scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return rep_fail(err, REP_EIO, "temporary file in %s: %s", scratch, strerror(errno));
	rc = take_out(&env, known, tip, fd, err);
	if (rc == REP_EINTEGRITY && is_gone(&env, known))
		rc = rep_fail(
			err, REP_EINTEGRITY,
			"[rewind] rolled back or rewritten: the last commit that was read is gone");
	if (!rc && lseek(fd, 0, SEEK_SET) != 0)
		rc = rep_fail(err, REP_EIO, "seek: %s", strerror(errno));
	if (!rc)
		rc = env_make(&env, scratch, own, err);
	if (!rc)
		rc = run(index_argv, &env, fd, -1, err);
	(void)close(fd);
	return rc;
}
