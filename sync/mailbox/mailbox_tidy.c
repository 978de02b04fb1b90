/* How full a mailbox is, and making room in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "sync/mailbox/anew.h"
#include "sync/mailbox/mailbox.h"

#define PACKS_MAX 200u /* a push and a view a day leave as many in a season; git opens them all */
#define SCRATCH "tmp_tidy" /* the janitor takes what begins so */
#define BASE "repsync.base"

struct usage {
	uint64_t bytes;
	size_t packs;
};

static struct usage measure(const char *objects)
{
	struct usage usage = {0};
	char path[4200];
	DIR *stream;
	const struct dirent *entry;

	snprintf(path, sizeof path, "%.4100s/pack", objects);
	stream = opendir(path);
	while (stream && (entry = readdir(stream)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');
		struct stat st;

		if (fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		usage.bytes += (uint64_t)st.st_size;
		usage.packs += end && strcmp(end, ".pack") == 0;
	}
	if (stream)
		(void)closedir(stream);
	return usage;
}

/* A number in a file of the mailbox; 0 where there is none. */
static uint64_t number_in(const char *path, const char *file)
{
	struct rep_buf text = REP_BUF_INIT(64);
	struct rep_error ignored;
	char name[4200];
	uint64_t number = 0;

	snprintf(name, sizeof name, "%.4100s/%s", path, file);
	if (rep_file_exists(name) && rep_file_read(&text, name, &ignored) == REP_OK)
		number = strtoull(rep_buf_str(&text), NULL, 10);
	rep_buf_clear(&text);
	return number;
}

uint64_t rep_mailbox_quota(const char *path)
{
	uint64_t quota = number_in(path, "repsync.quota");

	return quota ? quota : REP_MAILBOX_QUOTA;
}

uint64_t rep_mailbox_pack_bytes(const char *objects)
{
	return measure(objects).bytes;
}

static struct usage used(const char *path)
{
	uint64_t base = number_in(path, BASE);
	struct usage usage;
	char objects[4200];

	snprintf(objects, sizeof objects, "%.4100s/objects", path);
	usage = measure(objects);
	usage.bytes = usage.bytes > base ? usage.bytes - base : 0;
	return usage;
}

uint64_t rep_mailbox_used(const char *path)
{
	return used(path).bytes;
}

bool rep_mailbox_is_due(const char *path)
{
	struct usage usage = used(path);

	return usage.bytes > rep_mailbox_quota(path) / 2 || usage.packs > PACKS_MAX;
}

/* ---- one pack of all that is needed ---- */

static enum rep_code copy_branch(struct rep_pack *pack, struct rep_git *box, const char *ref,
				 struct rep_error *err)
{
	struct rep_oid tip;
	enum rep_code rc = rep_git_ref(box, ref, &tip, err);

	if (rc || rep_oid_is_zero(&tip))
		return rc;
	return rep_pack_copy_commits(pack, box, &tip, &rep_oid_zero, REP_CHAIN_MAX, err);
}

/* Into a repository beside, because a builder leaves out what its own repository has. */
static enum rep_code write_needed(const char *path, const char *scratch, struct rep_error *err)
{
	struct rep_git *box = NULL, *fresh = NULL;
	struct rep_pack *pack = NULL;
	enum rep_code rc = rep_git_open(&box, path, err);

	if (!rc)
		rc = rep_git_create(scratch, "outbox", err);
	if (!rc)
		rc = rep_git_open(&fresh, scratch, err);
	if (!rc)
		rc = rep_pack_new(&pack, fresh, err);
	if (!rc)
		rc = copy_branch(pack, box, REP_INBOX, err);
	if (!rc)
		rc = copy_branch(pack, box, REP_OUTBOX, err);
	if (!rc)
		rc = rep_pack_commit(pack, NULL, err);
	rep_pack_free(pack);
	rep_git_close(fresh);
	rep_git_close(box);
	return rc;
}

struct names {
	char (*list)[64];
	size_t len;
};

/* The packs of a folder, without their endings. */
static enum rep_code list_packs(const char *dir, struct names *out, struct rep_error *err)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	enum rep_code rc = REP_OK;

	if (!stream)
		return rep_fail(err, REP_EIO, "open %s: %s", dir, strerror(errno));
	while (!rc && (entry = readdir(stream)) != NULL) {
		size_t len = strnlen(entry->d_name, 64);
		char(*grown)[64];

		if (len < 6 || len >= 64 || strcmp(entry->d_name + len - 5, ".pack") != 0)
			continue;
		grown = reallocarray(out->list, out->len + 1, sizeof *grown);
		if (!grown) {
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
			break;
		}
		out->list = grown;
		snprintf(grown[out->len++], sizeof *grown, "%.*s", (int)(len - 5), entry->d_name);
	}
	(void)closedir(stream);
	return rc;
}

static bool is_among(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->len; i++)
		if (strcmp(names->list[i], name) == 0)
			return true;
	return false;
}

/* The pack before its index: an index without its pack is taken for a leftover. */
static enum rep_code move_in(const char *from, const char *to, const struct names *fresh,
			     struct rep_error *err)
{
	static const char *const endings[] = {".pack", ".idx"};

	for (size_t i = 0; i < fresh->len; i++)
		for (size_t k = 0; k < 2; k++) {
			char source[4400], target[4400];

			snprintf(source, sizeof source, "%.4200s/%s%s", from, fresh->list[i],
				 endings[k]);
			snprintf(target, sizeof target, "%.4200s/%s%s", to, fresh->list[i],
				 endings[k]);
			if (rename(source, target) != 0)
				return rep_fail(err, REP_EIO, "move %s: %s", source,
						strerror(errno));
		}
	return rep_dir_sync(to, err);
}

static enum rep_code remove_old(const char *dir, const struct names *old, const struct names *fresh,
				struct rep_error *err)
{
	static const char *const endings[] = {".idx", ".rev", ".pack"};

	for (size_t i = 0; i < old->len; i++)
		for (size_t k = 0; k < 3 && !is_among(fresh, old->list[i]); k++) {
			char path[4400];

			snprintf(path, sizeof path, "%.4200s/%s%s", dir, old->list[i], endings[k]);
			if (unlink(path) != 0 && errno != ENOENT)
				return rep_fail(err, REP_EIO, "remove %s: %s", path,
						strerror(errno));
		}
	return REP_OK;
}

static enum rep_code note_base(const char *path, const char *fresh_objects, struct rep_error *err)
{
	char name[4200], text[32];
	int len = snprintf(text, sizeof text, "%llu\n",
			   (unsigned long long)measure(fresh_objects).bytes);

	snprintf(name, sizeof name, "%.4100s/" BASE, path);
	return rep_file_write(name, text, (size_t)len, 0600, err);
}

enum rep_code rep_mailbox_tidy(const char *path, struct rep_error *err)
{
	char scratch[4200], from[4300], to[4200], objects[4300];
	struct names old = {0}, fresh = {0};
	struct rep_error ignored;
	enum rep_code rc;

	snprintf(scratch, sizeof scratch, "%.4100s/" SCRATCH, path);
	snprintf(objects, sizeof objects, "%s/objects", scratch);
	snprintf(from, sizeof from, "%s/objects/pack", scratch);
	snprintf(to, sizeof to, "%.4100s/objects/pack", path);
	rc = list_packs(to, &old, err);
	if (!rc)
		rc = write_needed(path, scratch, err);
	if (!rc)
		rc = list_packs(from, &fresh, err);
	if (!rc)
		rc = note_base(path, objects, err);
	if (!rc)
		rc = move_in(from, to, &fresh, err);
	if (!rc)
		rc = remove_old(to, &old, &fresh, err);
	(void)!rep_dir_remove(scratch, &ignored);
	free(old.list);
	free(fresh.list);
	return rep_wrap(err, rc, "make room in mailbox %s", path);
}
