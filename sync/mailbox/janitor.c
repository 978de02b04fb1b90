/*
 * What killed writers leave: a stale lock stops a ref for ever (libgit2 neither waits nor looks at its age),
 * aborted pushes fill the disk. Seen in kill sweeps: refs/heads/main.lock, pack_git2_*, *.idx.lock, an .idx
 * without its .pack, objects/tmp_objdir-incoming-*, objects/xx/tmp_obj_*.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "sync/git/git.h"

#define DEPTH_MAX 16u

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

static bool ends(const char *name, const char *with)
{
	size_t len = strlen(name), with_len = strlen(with);

	return len > with_len && strcmp(name + len - with_len, with) == 0;
}

static bool is_left_over(const char *dir, const char *name)
{
	char pack[4096];

	if (ends(name, ".lock") && strcmp(name, "repsync.lock") != 0)
		return true;
	if (begins(name, "pack_git2_") || begins(name, "tmp_") || strstr(name, ".tmp-"))
		return true;
	if (!begins(name, "pack-") || (!ends(name, ".idx") && !ends(name, ".rev")))
		return false;
	snprintf(pack, sizeof pack, "%.2000s/%.*s.pack", dir, (int)(strlen(name) - 4), name);
	return !rep_file_exists(pack);
}

/* What the folder itself tells, where it does: most file systems do. */
static bool is_folder(const char *path, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum rep_code clean(const char *dir, unsigned depth, struct rep_error *err)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	enum rep_code rc = REP_OK;

	if (!stream && errno == ENOENT)
		return REP_OK;
	if (!stream)
		return rep_fail(err, REP_EIO, "open %s: %s", dir, strerror(errno));
	while (!rc && (entry = readdir(stream)) != NULL) {
		char path[4096];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) >= sizeof path)
			continue;
		if (is_left_over(dir, entry->d_name)) {
			if (is_folder(path, entry))
				rc = rep_dir_remove(path, err);
			else if (unlink(path) != 0 && errno != ENOENT)
				rc = rep_fail(err, REP_EIO, "remove %s: %s", path, strerror(errno));
		} else if (depth < DEPTH_MAX && is_folder(path, entry)) {
			rc = clean(path, depth + 1, err);
		}
	}
	(void)closedir(stream);
	return rc;
}

enum rep_code rep_git_janitor(const char *path, struct rep_error *err)
{
	return rep_wrap(err, clean(path, 0, err), "clean %s", path);
}
