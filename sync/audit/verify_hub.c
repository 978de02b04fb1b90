/*
 * hub verify: is central what its devices signed, and what follows from that?
 *
 * Stock git looks at the objects first, in a process of its own, because libgit2 1.5.1 does not survive every damage; only
 * what git found whole is read here.
 */
#include "sync/audit/verify_hub.h"
#include "core/base/file.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/mailbox.h"
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/audit/verify_rows.h"
#include "sync/hub/central.h"

enum rep_code rep_verify_note(struct rep_verifying *verifying, const char *where, enum rep_code rc,
			      struct rep_error *err)
{
	if (!rep_is_finding(rc))
		return rc;
	rep_problems_add(verifying->problems, where, "%s", err->msg);
	return REP_OK;
}

enum rep_code rep_verify_read(struct rep_verifying *verifying, const char *path,
			      struct rep_buf *out, bool *found, struct rep_error *err)
{
	struct rep_oid oid;
	enum rep_code rc;

	rc = rep_lookup_find(verifying->lookup, path, &oid, err);
	*found = rc == REP_OK && !rep_oid_is_zero(&oid);
	if (*found)
		rc = rep_git_read(verifying->git, &oid, REP_OBJECT_BLOB, out, err);
	return rc;
}

static enum rep_code read_head(struct rep_verifying *verifying, struct rep_error *err)
{
	struct rep_oid parent;
	int64_t time_s;
	enum rep_code rc;

	rc = rep_git_ref(verifying->git, REP_MAIN, &verifying->head, err);
	if (rc == REP_OK && rep_oid_is_zero(&verifying->head))
		rc = rep_fail(err, REP_EINTEGRITY, "there is no branch main");
	if (rc == REP_OK)
		rc = rep_git_commit_read(verifying->git, &verifying->head, &verifying->root,
					 &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_lookup_new(&verifying->lookup, verifying->git, &verifying->root, err);
	return rc;
}

/* Main goes on from where it was right last, or everything is looked at. */
static enum rep_code choose_start(struct rep_verifying *verifying, struct rep_error *err)
{
	enum rep_code rc = rep_verify_point_use(verifying, err);

	if (rc != REP_OK || !verifying->point || rep_verify_goes_on(verifying))
		return rc;
	rc = rep_verify_fsck(rep_git_path(verifying->git), verifying->problems, err);
	return rc == REP_OK ? rep_verify_point_left(verifying, err) : rc;
}

/*
 * A power cut between the swap of main and the commit of the working copy leaves rows that show the main of before. They are
 * compared with that, and the report counts it; the next command that writes brings them up.
 */
static enum rep_code read_shown(struct rep_verifying *verifying, struct rep_error *err)
{
	struct rep_oid commit, parent;
	int64_t time_s;
	enum rep_code rc = rep_work_shows(verifying->hub, &verifying->head, &commit, err);

	verifying->shown = verifying->root;
	if (rc != REP_OK || rep_oid_equal(&commit, &verifying->head))
		return rc;
	rc = rep_git_commit_read(verifying->git, &commit, &verifying->shown, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_lookup_new(&verifying->shown_paths, verifying->git, &verifying->shown,
				    err);
	if (rc == REP_OK)
		rep_problems_count(verifying->problems, "behind", 1);
	return rc;
}

static enum rep_code look(struct rep_verifying *verifying, struct rep_error *err)
{
	enum rep_code rc = read_head(verifying, err);

	if (rc == REP_OK)
		rc = read_shown(verifying, err);
	if (rc != REP_OK)
		return rep_verify_note(verifying, REP_MAIN, rc, err);
	rc = choose_start(verifying, err);
	if (rc != REP_OK)
		return rep_verify_note(verifying, "verified.json", rc, err);
	rc = rep_verify_chains(verifying, err);
	if (rc == REP_OK)
		rc = rep_verify_files(verifying, err);
	if (rc == REP_OK && verifying->options->statements)
		rc = rep_verify_kept(verifying, err);
	/* A replay of journals that do not verify would only repeat what is known by now. */
	if (rc == REP_OK && verifying->options->replay && !rep_problems_any(verifying->problems))
		rc = rep_verify_replay(verifying, err);
	return rc;
}

/* Rows of one moment, whatever a merge does beside this; it is before that of main, which goes on from what they show. */
static enum rep_code check_content(struct rep_verifying *verifying, struct rep_error *err)
{
	enum rep_code rc = rep_db_begin(rep_hub_db(verifying->hub), err);

	if (rc != REP_OK)
		return rc;
	rc = look(verifying, err);
	rep_db_abort(rep_hub_db(verifying->hub));
	return rc;
}

/* What refuses a hostile push, and what makes an acknowledged one last, stands in files that others can change. */
static enum rep_code check_mailboxes(const struct rep_verifying *verifying, struct rep_error *err)
{
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(rep_hub_org(verifying->hub), &devices);

	for (size_t i = 0; i < len; i++) {
		char *path = rep_hub_mailbox(rep_hub_dir(verifying->hub), devices[i].id);
		const char *wrong;

		if (!path)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		wrong = devices[i].state && strcmp(devices[i].state, "active") == 0 &&
					rep_file_is_dir(path)
				? rep_mailbox_wrong(path)
				: NULL;
		if (wrong)
			rep_problems_add(verifying->problems, path,
					 "%s is not what it should be; the next view mends it",
					 wrong);
		free(path);
	}
	return REP_OK;
}

/* Says in the report from where on it looked. */
static enum rep_code tell_since(const struct rep_verifying *verifying, struct rep_json *report,
				struct rep_error *err)
{
	static const char *const told[] = {"commit", "run", "at"};
	struct rep_json *since =
		rep_verify_goes_on(verifying) ? rep_json_object() : rep_json_null();
	bool good = rep_json_set(report, "since", since);

	for (size_t i = 0; good && rep_verify_goes_on(verifying) && i < 3; i++)
		good = rep_json_set(since, told[i],
				    rep_json_ref(rep_json_get(verifying->point, told[i])));
	return good ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

static void clear(struct rep_verifying *verifying)
{
	rep_lookup_free(verifying->lookup);
	rep_lookup_free(verifying->before);
	rep_lookup_free(verifying->shown_paths);
	rep_json_free(verifying->point);
	rep_json_free(verifying->packs);
	rep_problems_clear(verifying->problems);
}

enum rep_code rep_hub_verify(struct rep_hub *hub, const struct rep_verify *options,
			     struct rep_json **out, struct rep_error *err)
{
	struct rep_problems problems;
	struct rep_verifying verifying = {
		.hub = hub,
		.git = rep_hub_central(hub),
		.schema = rep_hub_schema(hub),
		.options = options,
		.problems = &problems,
	};
	enum rep_code rc = REP_OK;

	*out = NULL;
	rep_problems_init(&problems);
	if (options->go_on && !options->replay && !options->device && !options->statements)
		rc = rep_verify_point_read(&verifying, err);
	if (rc == REP_OK)
		rc = rep_verify_packs_list(&verifying, err);
	if (rc == REP_OK) {
		rep_progress_step(options->progress, "verify objects", 0, 0);
		rc = rep_verify_packs(&verifying, err);
	}
	if (rc == REP_OK && !rep_problems_any(&problems))
		rc = check_content(&verifying, err);
	if (rc == REP_OK)
		rc = check_mailboxes(&verifying, err);
	if (rc == REP_OK && options->now_ms && !options->device && !verifying.shown_paths &&
	    !rep_problems_any(&problems))
		rc = rep_verify_point_write(&verifying, err);
	if (rc == REP_OK)
		rc = rep_problems_finish(&problems, out, err);
	if (*out) {
		struct rep_error told;

		if ((rep_verify_who(*out, &told) != REP_OK ||
		     tell_since(&verifying, *out, &told) != REP_OK) &&
		    rc == REP_OK)
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
	}
	clear(&verifying);
	return rep_wrap(err, rc, "verify");
}
