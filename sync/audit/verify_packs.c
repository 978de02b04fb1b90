/*
 * The packs of central. One is never changed: its name is that of its content. So who goes on from a verified point has those alone checked,
 * by stock git, that are new, or whose file is not as it was; objects outside of packs are nobody's here, and have everything checked.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/limits.h"
#include "sync/audit/verify_hub.h"
#include "sync/git/stock_git.h"
#include "sync/hub/hub_state.h"

#define SAID_MAX (64u * 1024u)

static enum rep_code add_pack(struct rep_verifying *verifying, const char *folder, const char *name,
			      struct rep_error *err)
{
	char mark[96], *path = rep_hub_path(folder, "%s", name);
	struct stat st;
	enum rep_code rc = path ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK && stat(path, &st) != 0)
		rc = errno == ENOENT ? REP_OK
				     : rep_fail(err, REP_EIO, "%s: %s", path, strerror(errno));
	else if (rc == REP_OK) {
		snprintf(mark, sizeof mark, "%lld %lld.%09ld", (long long)st.st_size,
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		if (!rep_json_set_string(verifying->packs, name, mark))
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
	}
	free(path);
	return rc;
}

static bool ends(const char *name, const char *with)
{
	const size_t len = strlen(name), want = strlen(with);

	return len > want && strcmp(name + len - want, with) == 0;
}

enum rep_code rep_verify_packs_list(struct rep_verifying *verifying, struct rep_error *err)
{
	char *folder = rep_hub_path(rep_git_path(verifying->git), "objects/pack");
	DIR *dir = folder ? opendir(folder) : NULL;
	enum rep_code rc = REP_OK;

	verifying->packs = rep_json_object();
	if (!folder || !verifying->packs)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	for (struct dirent *entry; rc == REP_OK && dir && (entry = readdir(dir));)
		if (ends(entry->d_name, ".pack") || ends(entry->d_name, ".idx"))
			rc = add_pack(verifying, folder, entry->d_name, err);
	if (dir)
		closedir(dir);
	free(folder);
	return rc;
}

/* objects/<two digits>/ */
static bool has_loose(struct rep_verifying *verifying)
{
	char *folder = rep_hub_path(rep_git_path(verifying->git), "objects");
	DIR *dir = folder ? opendir(folder) : NULL;
	bool found = !dir;

	for (struct dirent *entry; dir && !found && (entry = readdir(dir));)
		found = strlen(entry->d_name) == 2 && strcmp(entry->d_name, "..") != 0;
	if (dir)
		closedir(dir);
	free(folder);
	return found;
}

static bool is_known(const struct rep_verifying *verifying, const char *name)
{
	const char *then = rep_json_get_string(rep_json_get(verifying->point, "packs"), name);
	const char *now = rep_json_get_string(verifying->packs, name);

	return then && now && strcmp(then, now) == 0;
}

/* Does stock git find nothing wrong? What it says is the problem's. */
static enum rep_code ask_git(struct rep_verifying *verifying, const char *where,
			     const char *const *args, struct rep_error *err)
{
	struct rep_buf said = REP_BUF_INIT(SAID_MAX);
	int status = -1;
	enum rep_code rc =
		rep_stock_git(rep_git_path(verifying->git), args, -1, &said, &status, err);

	if (rc == REP_OK && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		rc = rep_fail(err, REP_EIO, "git is not installed");
	if (rc == REP_OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		rep_problems_add(verifying->problems, where, "git says: %s", rep_buf_str(&said));
	rep_buf_clear(&said);
	return rc;
}

static enum rep_code check_pack(struct rep_verifying *verifying, const char *index,
				struct rep_error *err)
{
	char *path = rep_hub_path(rep_git_path(verifying->git), "objects/pack/%s", index);
	const char *const args[] = {"verify-pack", path, NULL};
	enum rep_code rc = path ? ask_git(verifying, index, args, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	rep_problems_count(verifying->problems, "packs", 1);
	free(path);
	return rc;
}

/* Nothing of the history since then is missing. */
static enum rep_code check_history(struct rep_verifying *verifying, struct rep_error *err)
{
	const char *commit = rep_json_get_string(verifying->point, "commit");
	struct rep_oid oid;
	char before[REP_OID_HEX + 2];
	const char *const args[] = {"rev-list", "--objects", "--quiet", REP_MAIN, before, NULL};

	/* History that does not go on from there has everything looked at. */
	if (!commit || !rep_oid_parse(&oid, commit) || !rep_git_has(verifying->git, &oid))
		return REP_OK;
	snprintf(before, sizeof before, "^%.40s", commit);
	return ask_git(verifying, "central.git", args, err);
}

enum rep_code rep_verify_packs(struct rep_verifying *verifying, struct rep_error *err)
{
	const struct rep_json *packs = verifying->packs;
	const bool loose = has_loose(verifying);
	enum rep_code rc = REP_OK;

	if (loose || !verifying->point)
		return rep_verify_fsck(rep_git_path(verifying->git), verifying->problems, err);
	for (void *it = rep_json_iter(packs); rc == REP_OK && it;
	     it = rep_json_iter_next(packs, it)) {
		const char *name = rep_json_iter_key(it);
		char index[128], pack[128];

		if (!ends(name, ".idx"))
			continue;
		snprintf(index, sizeof index, "%.100s", name);
		snprintf(pack, sizeof pack, "%.*s.pack", (int)strlen(index) - 4, index);
		if (!is_known(verifying, index) || !is_known(verifying, pack))
			rc = check_pack(verifying, index, err);
	}
	if (rc == REP_OK && !rep_problems_any(verifying->problems))
		rc = check_history(verifying, err);
	/* It says where, and for which record. */
	if (rc == REP_OK && rep_problems_any(verifying->problems)) {
		struct rep_problems found;

		rep_problems_init(&found);
		rc = rep_verify_fsck(rep_git_path(verifying->git), &found, err);
		if (rc == REP_OK && rep_problems_any(&found)) {
			rep_problems_clear(verifying->problems);
			*verifying->problems = found;
		} else
			rep_problems_clear(&found);
	}
	return rc;
}
