/*
 * Fewer packs, and fewer objects. Both ways build what is wanted in a second repository beside the clone and
 * then change places with it, so that a failure leaves the clone as it was.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "sync/device/clone_work.h"
#include "sync/device/device_work.h"
#include "sync/git/pack.h"
#include "sync/mailbox/mailbox.h"

#define COMMIT_SIZE_MAX 65536u
#define BLOB_SIZE_MAX (256u * 1024u * 1024u)

struct packs {
	char names[1024][64]; /* without their ending */
	size_t len;
	size_t largest;
};

static enum rep_code list_packs(const char *repository, struct packs *out, struct rep_error *err)
{
	char path[4400];
	off_t largest = -1;
	DIR *stream;
	const struct dirent *entry;

	*out = (struct packs){0};
	snprintf(path, sizeof path, "%.4000s/objects/pack", repository);
	stream = opendir(path);
	if (!stream)
		return rep_fail(err, REP_EIO, "open %s: %s", path, strerror(errno));
	while ((entry = readdir(stream)) != NULL && out->len < 1024) {
		size_t len = strnlen(entry->d_name, 60);
		struct stat st;

		if (len < 6 || len >= 60 || strcmp(entry->d_name + len - 5, ".pack") != 0)
			continue;
		snprintf(path, sizeof path, "%.4000s/objects/pack/%s", repository, entry->d_name);
		if (stat(path, &st) == 0 && st.st_size > largest) {
			largest = st.st_size;
			out->largest = out->len;
		}
		snprintf(out->names[out->len++], sizeof out->names[0], "%.*s", (int)(len - 5),
			 entry->d_name);
	}
	(void)closedir(stream);
	return REP_OK;
}

/* Moves (or, with `keep`, links) a pack's two files from one repository to another. */
static enum rep_code take_pack(const char *from, const char *to, const char *name, bool keep,
			       struct rep_error *err)
{
	static const char *const endings[] = {".pack", ".idx"};

	for (size_t i = 0; i < 2; i++) {
		char source[4400], target[4400];

		snprintf(source, sizeof source, "%.4000s/objects/pack/%s%s", from, name,
			 endings[i]);
		snprintf(target, sizeof target, "%.4000s/objects/pack/%s%s", to, name, endings[i]);
		if ((keep ? link(source, target) : rename(source, target)) != 0 && errno != EEXIST)
			return rep_fail(err, REP_EIO, "move %s: %s", source, strerror(errno));
	}
	return REP_OK;
}

static enum rep_code remove_pack(const char *repository, const char *name, struct rep_error *err)
{
	static const char *const endings[] = {".idx", ".pack"};

	for (size_t i = 0; i < 2; i++) {
		char path[4400];

		snprintf(path, sizeof path, "%.4000s/objects/pack/%s%s", repository, name,
			 endings[i]);
		if (unlink(path) != 0 && errno != ENOENT)
			return rep_fail(err, REP_EIO, "remove %s: %s", path, strerror(errno));
	}
	return REP_OK;
}

/* A second repository in the clone's private folder. */
struct other {
	char path[4096];
	struct rep_git *git;
	struct rep_pack *pack;
};

static void other_close(struct other *other)
{
	struct rep_error ignored;

	rep_pack_free(other->pack);
	rep_git_close(other->git);
	if (other->path[0])
		(void)!rep_dir_remove(other->path, &ignored);
}

static enum rep_code other_create(struct other *other, const struct rep_clone *clone,
				  struct rep_error *err)
{
	*other = (struct other){0};
	if ((size_t)snprintf(other->path, sizeof other->path, "%s/other.git", clone->dir.path) >=
	    sizeof other->path)
		return rep_fail(err, REP_EINVAL, "path too long");
	return rep_git_create(other->path, "inbox", err);
}

/* Puts the other repository's packs in the place of `old` in the clone. */
static enum rep_code change_places(struct rep_clone *clone, const struct other *other,
				   const struct packs *old, size_t spared, struct rep_error *err)
{
	struct packs *fresh = malloc(sizeof *fresh);
	enum rep_code rc = fresh ? list_packs(other->path, fresh, err)
				 : rep_fail(err, REP_ENOMEM, "out of memory");

	for (size_t i = 0; !rc && i < fresh->len; i++)
		rc = take_pack(other->path, clone->path, fresh->names[i], false, err);
	for (size_t i = 0; !rc && i < old->len; i++) {
		bool again = i == spared;

		for (size_t k = 0; k < fresh->len && !again; k++)
			again = strcmp(old->names[i], fresh->names[k]) == 0;
		if (!again)
			rc = remove_pack(clone->path, old->names[i], err);
	}
	free(fresh);
	/* libgit2 still has the old packs mapped. */
	return rc ? rc : rep_git_reopen(clone->git, err);
}

struct gather {
	struct rep_git *from;
	struct rep_pack *to;
	struct rep_buf buf;
};

static enum rep_code gather_one(void *user, const struct rep_oid *oid, struct rep_error *err)
{
	struct gather *gather = user;
	struct rep_oid made;
	enum rep_object type;
	size_t size;
	enum rep_code rc = rep_git_header(gather->from, oid, &type, &size, err);

	rep_buf_reset(&gather->buf);
	if (!rc)
		rc = rep_git_read(gather->from, oid, type, &gather->buf, err);
	if (!rc)
		rc = rep_pack_add(gather->to, type, gather->buf.data, gather->buf.len, &made, err);
	return rc;
}

/* Links all packs but the largest into one repository, and writes what is in them into another. */
static enum rep_code gather_packs(struct rep_clone *clone, const struct packs *packs,
				  struct rep_error *err)
{
	struct other source = {0}, target = {0};
	struct gather gather = {.buf = REP_BUF_INIT(BLOB_SIZE_MAX)};
	enum rep_code rc;

	snprintf(source.path, sizeof source.path, "%.4000s/small.git", clone->dir.path);
	rc = rep_git_create(source.path, "inbox", err);
	for (size_t i = 0; !rc && i < packs->len; i++)
		if (i != packs->largest)
			rc = take_pack(clone->path, source.path, packs->names[i], true, err);
	if (!rc)
		rc = rep_git_open(&source.git, source.path, err);
	if (!rc)
		rc = other_create(&target, clone, err);
	if (!rc)
		rc = rep_git_open(&target.git, target.path, err);
	if (!rc)
		rc = rep_pack_new(&target.pack, target.git, err);
	gather.from = source.git;
	gather.to = target.pack;
	if (!rc)
		rc = rep_git_each(source.git, gather_one, &gather, err);
	if (!rc)
		rc = rep_pack_commit(target.pack, NULL, err);
	if (!rc)
		rc = change_places(clone, &target, packs, packs->largest, err);
	rep_buf_clear(&gather.buf);
	other_close(&target);
	other_close(&source);
	return rc;
}

enum rep_code rep_clone_gather(struct rep_clone *clone, size_t max, struct rep_error *err)
{
	struct packs *packs = malloc(sizeof *packs);
	enum rep_code rc = packs ? list_packs(clone->path, packs, err)
				 : rep_fail(err, REP_ENOMEM, "out of memory");

	/* The largest is the first view, or the last shrinking: to write it again would cost most. */
	if (!rc && packs->len > max)
		rc = gather_packs(clone, packs, err);
	free(packs);
	return rc;
}

/* Copies the commits from `tip` to the root that the other repository has not, without their trees. */
static enum rep_code copy_chain(struct rep_clone *clone, struct rep_pack *pack,
				const struct rep_oid *tip, struct rep_error *err)
{
	struct rep_oid at = *tip, tree, parent, made;
	int64_t time_s;
	enum rep_code rc = REP_OK;

	for (size_t n = 0; !rc && n < REP_CHAIN_MAX && !rep_oid_is_zero(&at); n++) {
		struct rep_buf buf = REP_BUF_INIT(COMMIT_SIZE_MAX);

		rc = rep_git_commit_read(clone->git, &at, &tree, &parent, &time_s, err);
		if (!rc)
			rc = rep_git_read(clone->git, &at, REP_OBJECT_COMMIT, &buf, err);
		if (!rc)
			rc = rep_pack_add(pack, REP_OBJECT_COMMIT, buf.data, buf.len, &made, err);
		rep_buf_clear(&buf);
		at = parent;
	}
	return rc;
}

/* The newest commit of our outbox whose change sets a view has acknowledged; zero when there is none. */
static enum rep_code find_acknowledged(struct rep_clone *clone, const struct rep_oid *planned,
				       struct rep_oid *out, struct rep_error *err)
{
	struct rep_oid parent;
	int64_t merged, first, last;
	enum rep_code rc = rep_meta_get_int(clone->replica->db, REP_META_MERGED_SEQ, &merged, err);

	*out = *planned;
	for (size_t n = 0; !rc && n < REP_CHAIN_MAX && !rep_oid_is_zero(out); n++) {
		rc = rep_outbox_commit_range(clone->git, out, &first, &last, &parent, err);
		if (rc || last <= merged)
			break;
		*out = parent;
	}
	return rc;
}

/*
 * Of the inbox: every commit, so that the next fetch can tell what we have, and the whole tree of the tip. Of the
 * outbox: every commit; all of what no view has acknowledged, because until then a mailbox may still lose what it was
 * seen to hold; of what was acknowledged the folders of its last commit, which the next is built on, but no segments:
 * their values may be those of partitions that were lost.
 */
static enum rep_code copy_wanted(struct rep_clone *clone, struct rep_pack *pack,
				 struct rep_error *err)
{
	struct rep_oid inbox, planned = rep_oid_zero, known = rep_oid_zero, tree, parent;
	int64_t time_s;
	enum rep_code rc = rep_git_ref(clone->git, REP_INBOX, &inbox, err);

	if (!rc)
		rc = rep_clone_tip(clone, REP_META_PLANNED_TIP, &planned, err);
	if (!rc)
		rc = find_acknowledged(clone, &planned, &known, err);
	if (!rc && !rep_oid_is_zero(&inbox)) {
		rc = rep_git_commit_read(clone->git, &inbox, &tree, &parent, &time_s, err);
		if (!rc)
			rc = rep_pack_copy_tree(pack, clone->git, &tree, &rep_oid_zero, err);
		if (!rc)
			rc = copy_chain(clone, pack, &inbox, err);
	}
	if (!rc && !rep_oid_is_zero(&known)) {
		rc = rep_git_commit_read(clone->git, &known, &tree, &parent, &time_s, err);
		if (!rc)
			rc = rep_pack_copy_folders(pack, clone->git, &tree, err);
		if (!rc)
			rc = copy_chain(clone, pack, &known, err);
	}
	/* Stops at what is in the pack already. */
	if (!rc && !rep_oid_is_zero(&planned))
		rc = rep_pack_copy_commits(pack, clone->git, &planned, &known, REP_CHAIN_MAX, err);
	return rc;
}

enum rep_code rep_clone_reduce(struct rep_clone *clone, struct rep_error *err)
{
	struct packs *packs = malloc(sizeof *packs);
	struct other other = {0};
	enum rep_code rc = packs ? list_packs(clone->path, packs, err)
				 : rep_fail(err, REP_ENOMEM, "out of memory");

	if (!rc)
		rc = other_create(&other, clone, err);
	if (!rc)
		rc = rep_git_open(&other.git, other.path, err);
	if (!rc)
		rc = rep_pack_new(&other.pack, other.git, err);
	if (!rc)
		rc = copy_wanted(clone, other.pack, err);
	if (!rc)
		rc = rep_pack_commit(other.pack, NULL, err);
	if (!rc)
		rc = change_places(clone, &other, packs, SIZE_MAX, err);
	other_close(&other);
	free(packs);
	return rc;
}
