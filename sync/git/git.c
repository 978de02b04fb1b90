#include "sync/git/git.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/text.h"
#include "sync/git/gitwrap.h"
#include "sync/git/packs.h"

/* Objects are read once by most of what repsync does; a large cache only costs memory. */
#define CACHE_SIZE_MAX (32 * 1024 * 1024)

/*
 * A repository is written by repsync or by stock receive-pack. For the latter: everything synced, packs
 * only (an empty loose object after a power cut poisons a repository for good, a pack heals by
 * retry), checked on arrival, and nothing that rewrites or collects behind the lock.
 * maxInputSize is the hard stop against filling the disk.
 */
const char rep_git_config[] = "[core]\n"
			      "\trepositoryformatversion = 0\n"
			      "\tfilemode = true\n"
			      "\tbare = true\n"
			      "\tlogAllRefUpdates = false\n"
			      "\tfsync = all\n"
			      "\tfsyncMethod = fsync\n"
			      "[receive]\n"
			      "\tunpackLimit = 1\n"
			      "\tfsckObjects = true\n"
			      "\tautogc = false\n"
			      "\tdenyNonFastForwards = true\n"
			      "\tdenyDeletes = true\n"
			      "\tmaxInputSize = 268435456\n"
			      "[transfer]\n"
			      "\tfsckObjects = true\n"
			      "\tunpackLimit = 1\n"
			      "[fetch]\n"
			      "\tfsckObjects = true\n"
			      "[gc]\n"
			      "\tauto = 0\n"
			      "[uploadpack]\n"
			      "\tallowFilter = false\n";

enum rep_code rep_git_fail(struct rep_error *err, int rc, const char *what)
{
	const git_error *last = rep_libgit2.git_error_last();
	const char *text = last && last->message ? last->message : "unknown failure";
	struct rep_buf safe = REP_BUF_INIT(1024);
	enum rep_code code = REP_EIO;

	if (rc == GIT_ENOTFOUND)
		code = REP_ENOTFOUND;
	else if (rc == GIT_ELOCKED)
		code = REP_EBUSY;
	else if (rc == GIT_EMODIFIED || rc == GIT_EEXISTS || rc == GIT_ENONFASTFORWARD)
		code = REP_EORDER;
	else if (last && last->klass == GIT_ERROR_NOMEMORY)
		code = REP_ENOMEM;
	rep_text_safe_put(&safe, text, strnlen(text, 300));
	code = rep_fail(err, code, "%s: %s", what, rep_buf_str(&safe));
	rep_buf_clear(&safe);
	return code;
}

enum rep_code rep_git_init(struct rep_error *err)
{
	static bool done;
	static const int levels[] = {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
				     GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_PROGRAMDATA};

	enum rep_code rc = done ? REP_OK : rep_libgit2_load(err);

	if (done || rc)
		return rc;
	if (rep_libgit2.git_libgit2_init() < 0)
		return rep_git_fail(err, -1, "start libgit2");
	/*
	 * Without the first, nothing is durable. Then: no configuration but the repository's own, and no
	 * check of its owner: a mailbox on a share or a stick often belongs to another uid, libgit2 runs
	 * nothing from a repository, and what is in it is never trusted unsigned.
	 */
	if (rep_libgit2.git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1) < 0 ||
	    rep_libgit2.git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1) < 0 ||
	    rep_libgit2.git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0) < 0 ||
	    rep_libgit2.git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)CACHE_SIZE_MAX) < 0)
		return rep_git_fail(err, -1, "set up libgit2");
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (rep_libgit2.git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "") < 0)
			return rep_git_fail(err, -1, "set up libgit2");
	done = true;
	return REP_OK;
}

static enum rep_code make_dir(const char *path, const char *name, struct rep_error *err)
{
	char full[4096];

	if ((size_t)snprintf(full, sizeof full, "%s/%s", path, name) >= sizeof full)
		return rep_fail(err, REP_EINVAL, "%s: path too long", path);
	return rep_dir_make(full, 0700, err);
}

static enum rep_code write_file(const char *path, const char *name, const char *text,
				struct rep_error *err)
{
	char full[4096];

	if ((size_t)snprintf(full, sizeof full, "%s/%s", path, name) >= sizeof full)
		return rep_fail(err, REP_EINVAL, "%s: path too long", path);
	return rep_file_write(full, text, strlen(text), 0600, err);
}

enum rep_code rep_git_create(const char *path, const char *head, struct rep_error *err)
{
	static const char *const dirs[] = {"objects/info", "objects/pack", "refs/heads",
					   "refs/tags"};
	static const char *const synced[] = {"objects", "refs", "."};
	char text[4096];
	enum rep_code rc;

	if ((size_t)snprintf(text, sizeof text, "%s/HEAD", path) >= sizeof text)
		return rep_fail(err, REP_EINVAL, "%s: path too long", path);
	if (rep_file_exists(text))
		return rep_fail(err, REP_EEXIST, "%s: there is a repository already", path);
	rc = rep_dir_make(path, 0700, err);
	for (size_t i = 0; !rc && i < sizeof dirs / sizeof *dirs; i++)
		rc = make_dir(path, dirs[i], err);
	if (!rc)
		rc = write_file(path, "config", rep_git_config, err);
	for (size_t i = 0; !rc && i < sizeof synced / sizeof *synced; i++) {
		snprintf(text, sizeof text, "%.4000s/%s", path, synced[i]);
		rc = rep_dir_sync(text, err);
	}
	/* HEAD comes last: a folder without it is no repository, so a killed creation is done again. */
	if (!rc) {
		snprintf(text, sizeof text, "ref: refs/heads/%.200s\n", head);
		rc = write_file(path, "HEAD", text, err);
	}
	return rep_wrap(err, rc, "create repository %s", path);
}

enum rep_code rep_git_handles(struct rep_git *git, struct rep_error *err)
{
	enum rep_code rc = git->repo || git->foreign ? REP_OK : rep_git_init(err);
	int git_rc = 0;

	if (rc || git->repo)
		return rc;
	if (git->foreign)
		return rep_fail(err, REP_EINTEGRITY, "%s: objects that lie in no pack", git->path);
	git_rc = rep_libgit2.git_repository_open_ext(
		&git->repo, git->path, GIT_REPOSITORY_OPEN_NO_SEARCH | GIT_REPOSITORY_OPEN_BARE,
		NULL);
	if (!git_rc)
		git_rc = rep_libgit2.git_repository_odb(&git->odb, git->repo);
	return git_rc ? rep_git_fail(err, git_rc, git->path) : REP_OK;
}

static void close_handles(struct rep_git *git)
{
	if (git->odb)
		rep_libgit2.git_odb_free(git->odb);
	if (git->repo)
		rep_libgit2.git_repository_free(git->repo);
	git->odb = NULL;
	git->repo = NULL;
}

/* HEAD comes last when one is made, so it tells a repository from a folder. */
static enum rep_code check_there(const char *path, struct rep_error *err)
{
	static const char *const parts[] = {"HEAD", "objects", "refs"};
	char part[4096];

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if ((size_t)snprintf(part, sizeof part, "%s/%s", path, parts[i]) >= sizeof part)
			return rep_fail(err, REP_EINVAL, "%s: path too long", path);
		if (access(part, F_OK) == 0)
			continue;
		if (errno == ENOENT || errno == ENOTDIR)
			return rep_fail(err, REP_ENOTFOUND, "%s: there is no repository", path);
		return rep_fail(err, REP_EIO, "%s: %s", part, strerror(errno));
	}
	return REP_OK;
}

/* size_max 0: a repository of ours. */
static enum rep_code open_git(struct rep_git **out, const char *path, size_t size_max,
			      struct rep_error *err)
{
	struct rep_git *git = calloc(1, sizeof *git);
	char objects[4096];
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!git || !(git->path = strdup(path)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (!rc)
		rc = check_there(path, err);
	if (!rc && (size_t)snprintf(objects, sizeof objects, "%s/objects", path) >= sizeof objects)
		rc = rep_fail(err, REP_EINVAL, "%s: path too long", path);
	if (!rc)
		rc = size_max ? rep_packs_new_bounded(&git->packs, objects, size_max, err)
			      : rep_packs_new(&git->packs, objects, err);
	if (rc) {
		rep_git_close(git);
		return rep_wrap(err, rc, "open repository");
	}
	git->foreign = size_max > 0;
	*out = git;
	return REP_OK;
}

enum rep_code rep_git_open(struct rep_git **out, const char *path, struct rep_error *err)
{
	return open_git(out, path, 0, err);
}

enum rep_code rep_git_open_foreign(struct rep_git **out, const char *path, size_t size_max,
				   struct rep_error *err)
{
	return open_git(out, path, size_max, err);
}

void rep_git_close(struct rep_git *git)
{
	if (!git)
		return;
	close_handles(git);
	rep_packs_free(git->packs);
	rep_packs_free(git->more);
	free(git->path);
	free(git);
}

enum rep_code rep_git_reopen(struct rep_git *git, struct rep_error *err)
{
	close_handles(git);
	return rep_packs_scan(git->packs, err);
}

const char *rep_git_path(const struct rep_git *git)
{
	return git->path;
}

enum rep_code rep_git_refresh(struct rep_git *git, struct rep_error *err)
{
	int git_rc = git->odb ? rep_libgit2.git_odb_refresh(git->odb) : 0;

	return git_rc ? rep_git_fail(err, git_rc, git->path) : rep_packs_scan(git->packs, err);
}

enum rep_code rep_git_add_objects(struct rep_git *git, const char *objects, struct rep_error *err)
{
	enum rep_code rc = rep_packs_new(&git->more, objects, err);

	return rc ? rc : rep_packs_scan(git->more, err);
}

static bool find_packed(struct rep_git *git, const struct rep_oid *oid, struct rep_packed *at)
{
	return rep_packs_find(git->packs, oid, at) ||
	       (git->more && rep_packs_find(git->more, oid, at));
}

/* A miss does not look for new packs, each time: there are thousands of them in a copy. */
bool rep_git_has(struct rep_git *git, const struct rep_oid *oid)
{
	struct rep_packed at;
	struct rep_error ignored;
	git_oid id;

	if (find_packed(git, oid, &at))
		return true;
	if (!rep_packs_elsewhere(git->packs) || rep_git_handles(git, &ignored) != REP_OK)
		return false;
	id = rep_oid_to_git(oid);
	return rep_libgit2.git_odb_exists_ext(git->odb, &id, GIT_ODB_LOOKUP_NO_REFRESH) == 1;
}

static enum rep_code absent(struct rep_git *git, const struct rep_oid *oid, bool damaged,
			    struct rep_error *err)
{
	char hex[REP_OID_HEX + 1];

	rep_oid_hex(hex, oid);
	return rep_fail(err, REP_EINTEGRITY, "%s: object %s is %s", git->path, hex,
			damaged ? "damaged" : "missing");
}

/* In the packs as they are known, then as they are. */
static enum rep_code find(struct rep_git *git, const struct rep_oid *oid, struct rep_packed *at,
			  bool *found, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	*found = find_packed(git, oid, at);
	if (!*found) {
		rc = rep_packs_scan(git->packs, err);
		*found = !rc && find_packed(git, oid, at);
	}
	return rc;
}

/* What no pack of ours holds, libgit2 may find. */
static enum rep_code header_elsewhere(struct rep_git *git, const struct rep_oid *oid,
				      enum rep_object *type, size_t *size, struct rep_error *err)
{
	git_object_t found = GIT_OBJECT_INVALID;
	git_oid id = rep_oid_to_git(oid);
	enum rep_code rc;
	int git_rc;

	if (!rep_packs_elsewhere(git->packs))
		return absent(git, oid, false, err);
	rc = rep_git_handles(git, err);
	if (rc)
		return rc;
	git_rc = rep_libgit2.git_odb_read_header(size, &found, git->odb, &id);
	if (git_rc)
		return absent(git, oid, git_rc != GIT_ENOTFOUND, err);
	if (found == GIT_OBJECT_COMMIT)
		*type = REP_OBJECT_COMMIT;
	else if (found == GIT_OBJECT_TREE)
		*type = REP_OBJECT_TREE;
	else if (found != GIT_OBJECT_BLOB)
		return rep_fail(err, REP_EINTEGRITY, "%s: object of type %s", git->path,
				rep_libgit2.git_object_type2string(found));
	return REP_OK;
}

static enum rep_code read_elsewhere(struct rep_git *git, const struct rep_oid *oid,
				    struct rep_buf *out, struct rep_error *err)
{
	git_oid id = rep_oid_to_git(oid);
	git_odb_object *object = NULL;

	if (rep_libgit2.git_odb_read(&object, git->odb, &id))
		return absent(git, oid, true, err);
	rep_buf_put(out, rep_libgit2.git_odb_object_data(object),
		    rep_libgit2.git_odb_object_size(object));
	rep_libgit2.git_odb_object_free(object);
	return rep_buf_check(out, "object", err);
}

static enum rep_code header_of(struct rep_git *git, const struct rep_oid *oid,
			       struct rep_packed *at, bool *packed, enum rep_object *type,
			       size_t *size, struct rep_error *err)
{
	enum rep_code rc = find(git, oid, at, packed, err);

	*type = REP_OBJECT_BLOB;
	*size = 0;
	if (rc || !*packed)
		return rc ? rep_wrap(err, rc, "%s", git->path)
			  : header_elsewhere(git, oid, type, size, err);
	rc = rep_packs_header(git->packs, at, type, size, err);
	return rc == REP_EINTEGRITY ? absent(git, oid, true, err) : rc;
}

enum rep_code rep_git_header(struct rep_git *git, const struct rep_oid *oid, enum rep_object *type,
			     size_t *size, struct rep_error *err)
{
	struct rep_packed at;
	bool packed;

	return header_of(git, oid, &at, &packed, type, size, err);
}

enum rep_code rep_git_read(struct rep_git *git, const struct rep_oid *oid, enum rep_object type,
			   struct rep_buf *out, struct rep_error *err)
{
	struct rep_packed at;
	enum rep_object found;
	bool packed;
	size_t size = 0;
	enum rep_code rc = header_of(git, oid, &at, &packed, &found, &size, err);

	if (rc)
		return rc;
	if (found != type)
		return rep_fail(err, REP_EINTEGRITY, "%s: object of another type than expected",
				git->path);
	if (size > out->limit || out->len > out->limit - size)
		return rep_fail(err, REP_ELIMIT, "%s: object of %zu bytes, %zu allowed", git->path,
				size, out->limit - (out->len < out->limit ? out->len : 0));
	if (!packed)
		return read_elsewhere(git, oid, out, err);
	rc = rep_packs_read(git->packs, &at, oid, type, out, err);
	return rc == REP_EINTEGRITY ? absent(git, oid, true, err) : rc;
}

enum rep_code rep_git_deflated(struct rep_git *git, const struct rep_oid *oid,
			       enum rep_object *type, size_t *size, const uint8_t **data,
			       size_t *len, struct rep_error *err)
{
	struct rep_packed at;
	bool packed;
	enum rep_code rc = header_of(git, oid, &at, &packed, type, size, err);

	*data = NULL;
	*len = 0;
	if (rc || !packed)
		return rc;
	rc = rep_packs_deflated(git->packs, &at, data, len, err);
	return rc == REP_EINTEGRITY ? absent(git, oid, true, err) : rc;
}

struct walk {
	enum rep_code (*each)(void *user, const struct rep_oid *oid, struct rep_error *err);
	void *user;
	struct rep_error *err;
	enum rep_code rc;
};

static int walk_one(const git_oid *id, void *payload)
{
	struct walk *walk = payload;
	struct rep_oid oid = rep_oid_from_git(id);

	walk->rc = walk->each(walk->user, &oid, walk->err);
	return walk->rc ? GIT_EUSER : 0;
}

enum rep_code rep_git_each(struct rep_git *git,
			   enum rep_code (*each)(void *user, const struct rep_oid *oid,
						 struct rep_error *err),
			   void *user, struct rep_error *err)
{
	struct walk walk = {.each = each, .user = user, .err = err};
	enum rep_code rc = rep_git_handles(git, err);
	int git_rc;

	if (rc)
		return rc;
	git_rc = rep_libgit2.git_odb_foreach(git->odb, walk_one, &walk);
	if (walk.rc)
		return walk.rc;
	return git_rc ? rep_git_fail(err, git_rc, git->path) : REP_OK;
}
