/*
 * The files of central: those of the published versions of the schema against the hashes that were signed, and the record files, with
 * the working copy against them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sync/audit/verify_hub.h"
#include "sync/audit/verify_rows.h"
#include "sync/device/device_work.h" /* rep_view_schema */
#include "sync/hub/hub_state.h"

static enum rep_code check_version(struct rep_verifying *verifying,
				   const struct rep_release *release, const char *path,
				   struct rep_error *err)
{
	struct rep_schema *schema = NULL;
	enum rep_code rc = rep_view_schema(&schema, verifying->git, &verifying->shown, path, err);

	if (rc == REP_OK)
		rc = rep_release_check(release, schema, err);
	rep_schema_free(schema);
	return rep_verify_note(verifying, path, rc, err);
}

/* Was it verified like this before? */
static enum rep_code is_same(struct rep_verifying *verifying, const char *path, bool *same,
			     struct rep_error *err)
{
	struct rep_oid then, now;
	bool is_tree;
	enum rep_code rc;

	*same = false;
	if (!rep_verify_goes_on(verifying))
		return REP_OK;
	rc = rep_tree_find(verifying->git, &verifying->since_root, path, &then, &is_tree, err);
	if (rc == REP_OK)
		rc = rep_tree_find(verifying->git, &verifying->root, path, &now, &is_tree, err);
	*same = rc == REP_OK && rep_oid_equal(&then, &now);
	return rep_verify_note(verifying, path, rc, err);
}

static enum rep_code check_versions(struct rep_verifying *verifying, struct rep_error *err)
{
	struct rep_release *list = NULL;
	size_t len = 0;
	bool same = false;
	enum rep_code rc = is_same(verifying, REP_PATH_SCHEMAS, &same, err);

	if (rc == REP_OK && same)
		rc = is_same(verifying, "schema", &same, err);
	if (rc != REP_OK || same)
		return rc;
	rc = rep_hub_releases(verifying->hub, &list, &len, err);

	for (size_t i = 0; rc == REP_OK && i < len; i++) {
		char path[32];

		snprintf(path, sizeof path, REP_PATH_SCHEMAS "/%d", list[i].number);
		rc = check_version(verifying, &list[i], path, err);
		if (rc == REP_OK && list[i].number == verifying->schema->version)
			rc = check_version(verifying, &list[i], "schema", err);
	}
	free(list);
	return rc;
}

enum rep_code rep_verify_files(struct rep_verifying *verifying, struct rep_error *err)
{
	struct rep_row_check check = {
		.db = rep_hub_db(verifying->hub),
		.schema = verifying->schema,
		.lookup = verifying->shown_paths ? verifying->shown_paths : verifying->lookup,
		.problems = verifying->problems,
		.rows = "the working copy",
		.since = rep_verify_goes_on(verifying) ? &verifying->since_root : NULL,
	};
	enum rep_code rc = check_versions(verifying, err);

	if (rc != REP_OK)
		return rc;
	rep_progress_step(verifying->options->progress, "verify records", 0, 0);
	rc = rep_verify_note(verifying, "data", rep_row_check_files(&check, err), err);
	if (rc == REP_OK && !check.since)
		rc = rep_row_check_rows(&check, err);
	return rc;
}
