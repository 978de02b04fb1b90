#include "sync/run/erasing.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/run/run.h"

static char *path_of(const struct rep_hub *hub, const char *name)
{
	return rep_hub_path(hub->dir, REP_ERASING "/%s", name);
}

enum rep_code rep_erasing_note(const struct rep_hub *hub, const char *name, struct rep_error *err)
{
	char *dir = rep_hub_path(hub->dir, REP_ERASING), *path = path_of(hub, name);
	enum rep_code rc = dir && path ? rep_dir_make(dir, 0700, err)
				       : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK && !rep_file_exists(path))
		rc = rep_file_write(path, "\n", 1, 0600, err);
	free(dir);
	free(path);
	return rc;
}

bool rep_erasing_is_noted(const struct rep_hub *hub, const char *name)
{
	char *path = path_of(hub, name);
	const bool noted = path && rep_file_exists(path);

	free(path);
	return noted;
}

/* What a kill left of a note that was being written; and the folder, with the last note. */
static void sweep(const struct rep_hub *hub)
{
	char *dir = rep_hub_path(hub->dir, REP_ERASING);
	DIR *stream = dir ? opendir(dir) : NULL;
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)) != NULL)
		if (strstr(entry->d_name, ".tmp"))
			(void)unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		(void)closedir(stream);
	if (dir)
		(void)rmdir(dir);
	free(dir);
}

enum rep_code rep_erasing_done(const struct rep_hub *hub, const char *name, struct rep_error *err)
{
	char *path = path_of(hub, name);
	enum rep_code rc = path ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK && remove(path) != 0 && errno != ENOENT)
		rc = rep_fail(err, REP_EIO, "remove %s: %s", path, strerror(errno));
	if (rc == REP_OK)
		sweep(hub);
	free(path);
	return rc;
}

/* Of mailboxes that were put aside everything is in central, or quarantined there. */
static enum rep_code drop_archive(const struct rep_hub *hub, struct rep_error *err)
{
	char *path = rep_hub_path(hub->dir, "archive");
	enum rep_code rc = path ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK && rep_file_is_dir(path))
		rc = rep_dir_remove(path, err);
	free(path);
	return rc;
}

/* Devices that nobody has taken up yet, or that left, have no view. */
static enum rep_code note_mailboxes(const struct rep_hub *hub, struct rep_error *err)
{
	const struct rep_org_device *devices;
	const size_t len = rep_org_devices(hub->org, &devices);
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < len; i++)
		if (devices[i].state && strcmp(devices[i].state, "active") == 0)
			rc = rep_erasing_note(hub, devices[i].id, err);
	return rc;
}

/* Made from nothing, so that no page of it has what was erased. */
static enum rep_code make_work_again(struct rep_hub *hub, struct rep_error *err)
{
	enum rep_code rc;

	rep_work_close(hub);
	rc = rep_work_remove(hub->dir, err);
	return rc == REP_OK ? rep_work_open(hub, NULL, err) : rc;
}

enum rep_code rep_erasing_central(struct rep_hub *hub, bool *done, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	*done = rep_erasing_is_noted(hub, REP_ERASING_CENTRAL);
	if (!*done)
		return REP_OK;
	rc = rep_erase_history(hub, err);
	if (rc == REP_OK)
		rc = rep_erase_outbox(hub, err);
	if (rc == REP_OK)
		rc = drop_archive(hub, err);
	if (rc == REP_OK)
		rc = note_mailboxes(hub, err);
	if (rc == REP_OK)
		rc = make_work_again(hub, err);
	if (rc == REP_OK)
		rc = rep_erasing_done(hub, REP_ERASING_CENTRAL, err);
	return rep_wrap(err, rc, "erase what lies behind");
}
