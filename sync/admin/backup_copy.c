/*
 * Copies, durable: repositories by stock git, which takes only what is not there and checks each object; other files by hand.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/admin/backup_work.h"
#include "sync/git/stock_git.h"

#define SAID_MAX (64u * 1024u)
#define FILE_MAX (256u * 1024u * 1024u)

static enum rep_code run(const char *repository, const char *const *args, const char *what,
			 struct rep_error *err)
{
	struct rep_buf said = REP_BUF_INIT(SAID_MAX);
	int status = 0;
	enum rep_code rc = rep_stock_git(repository, args, -1, &said, &status, err);

	if (rc == REP_OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		rc = rep_fail(err, REP_EINTEGRITY, "%s: git: %.150s", what,
			      said.len ? said.data : "it died");
	rep_buf_clear(&said);
	return rc;
}

/* What git wrote is on the disk: it never syncs the folder of a ref. */
static enum rep_code settle(const char *path, struct rep_error *err)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum rep_code rc = REP_OK;

	if (fd < 0 || syncfs(fd) < 0)
		rc = rep_fail(err, REP_EIO, "sync %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

enum rep_code rep_copy_repository(const char *from, const char *to, bool mailbox,
				  struct rep_error *err)
{
	const char *const args[] = {"fetch",
				    "--quiet",
				    "--no-tags",
				    "--no-write-fetch-head",
				    "--no-auto-gc",
				    "--prune",
				    from,
				    "+refs/*:refs/*",
				    NULL};
	enum rep_code rc = REP_OK;

	if (mailbox)
		rc = rep_mailbox_create(to, err);
	else if (!rep_file_is_dir(to))
		rc = rep_git_create(to, "main", err);
	if (rc == REP_OK)
		rc = run(to, args, from, err);
	return rc == REP_OK ? settle(to, err) : rc;
}

enum rep_code rep_check_repository(const char *path, struct rep_error *err)
{
	static const char *const args[] = {"fsck",          "--full",        "--strict",
					   "--no-dangling", "--no-progress", NULL};

	return run(path, args, path, err);
}

enum rep_code rep_copy_file(const char *from, const char *to, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(FILE_MAX);
	struct stat st;
	enum rep_code rc = rep_file_read(&bytes, from, err);

	if (rc == REP_OK && stat(from, &st) < 0)
		rc = rep_fail(err, REP_EIO, "%s: %s", from, strerror(errno));
	if (rc == REP_OK)
		rc = rep_file_write(to, rep_buf_str(&bytes), bytes.len, st.st_mode & 0700, err);
	rep_buf_clear(&bytes);
	return rc;
}

/* Calls `each` with the two paths of every entry; a folder that is not there has none. */
static enum rep_code each_entry(const char *from, const char *to,
				enum rep_code (*each)(void *user, const char *name,
						      const char *from, const char *to,
						      struct rep_error *err),
				void *user, struct rep_error *err)
{
	DIR *dir = opendir(from);
	enum rep_code rc = REP_OK;

	if (!dir)
		return errno == ENOENT ? REP_OK
				       : rep_fail(err, REP_EIO, "%s: %s", from, strerror(errno));
	for (struct dirent *entry; rc == REP_OK && (entry = readdir(dir));) {
		char *source = rep_hub_path(from, "%s", entry->d_name);
		char *target = rep_hub_path(to, "%s", entry->d_name);

		if (!source || !target)
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
		else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = each(user, entry->d_name, source, target, err);
		free(source);
		free(target);
	}
	closedir(dir);
	return rc;
}

static enum rep_code copy_entry(void *user, const char *name, const char *from, const char *to,
				struct rep_error *err)
{
	(void)user;
	(void)name;
	return rep_file_is_dir(from) ? rep_copy_folder(from, to, err)
				     : rep_copy_file(from, to, err);
}

enum rep_code rep_copy_folder(const char *from, const char *to, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (rep_file_is_dir(from) && !rep_file_is_dir(to))
		rc = rep_dir_make(to, 0700, err);
	return rc == REP_OK ? each_entry(from, to, copy_entry, NULL, err) : rc;
}

bool rep_is_empty_folder(const char *path)
{
	DIR *dir = opendir(path);
	bool empty = true;

	if (!dir)
		return errno == ENOENT;
	for (struct dirent *entry; empty && (entry = readdir(dir));)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(dir);
	return empty;
}

struct mailboxes {
	const struct rep_progress *progress;
	int64_t len;
};

static enum rep_code copy_flag(const char *from, const char *to, const char *name,
			       struct rep_error *err)
{
	char *source = rep_hub_path(from, "%s", name), *target = rep_hub_path(to, "%s", name);
	enum rep_code rc = source && target ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK && rep_file_exists(source))
		rc = rep_copy_file(source, target, err);
	free(source);
	free(target);
	return rc;
}

static enum rep_code copy_mailbox(void *user, const char *name, const char *from, const char *to,
				  struct rep_error *err)
{
	struct mailboxes *mailboxes = user;
	const size_t len = strlen(name);
	enum rep_code rc;

	if (len < 5 || strcmp(name + len - 4, ".git") != 0 || !rep_file_is_dir(from))
		return REP_OK;
	rep_progress_step(mailboxes->progress, "mailboxes", (uint64_t)mailboxes->len++, 0);
	rc = rep_copy_repository(from, to, true, err);
	if (rc == REP_OK)
		rc = copy_flag(from, to, "repsync.quota", err);
	if (rc == REP_OK)
		rc = copy_flag(from, to, "repsync.closed", err);
	return rc;
}

enum rep_code rep_copy_mailboxes(const char *from, const char *to,
				 const struct rep_progress *progress, int64_t *len,
				 struct rep_error *err)
{
	struct mailboxes mailboxes = {.progress = progress};
	enum rep_code rc = rep_file_is_dir(to) ? REP_OK : rep_dir_make(to, 0700, err);

	if (rc == REP_OK)
		rc = each_entry(from, to, copy_mailbox, &mailboxes, err);
	*len = mailboxes.len;
	return rc;
}
