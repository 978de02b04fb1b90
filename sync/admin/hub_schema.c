#include "sync/admin/hub_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/schema_sql.h"
#include "sync/admin/hub_schema_work.h"
#include "sync/git/pack.h"
#include "sync/run/run.h"

/* ---- versions ---- */

enum rep_code rep_hub_schema_of(struct rep_hub *hub, int number, const struct rep_schema **out,
				struct rep_schema **owned, struct rep_error *err)
{
	struct rep_release *list = NULL;
	size_t len = 0;
	bool known;
	enum rep_code rc;

	*owned = NULL;
	if (number == 0 || number == hub->schema->version) {
		*out = hub->schema;
		return REP_OK;
	}
	rc = rep_hub_releases(hub, &list, &len, err);
	known = rep_versions_has(hub->versions, number);
	for (size_t i = 0; rc == REP_OK && i < len; i++)
		known = known || list[i].number == number;
	free(list);
	if (rc == REP_OK && !known)
		rc = rep_fail(err, REP_ENOTFOUND, "version %d was never published here", number);
	if (rc == REP_OK)
		rc = rep_hub_version(hub, number, owned, err);
	*out = *owned;
	return rc;
}

static const char *state_of(const struct rep_hub *hub, int number)
{
	if (number == hub->schema->version)
		return "in force";
	return number > hub->schema->version ? "planned" : "past";
}

static struct rep_json *describe(const struct rep_hub *hub, int number, const char *hash,
				 const char *since)
{
	struct rep_json *row = rep_json_object();
	char id[64];

	snprintf(id, sizeof id, "%s/%d", hub->schema->name, number);
	if (rep_json_set_integer(row, "version", number) &&
	    rep_json_set_string(row, "schema", id) && rep_json_set_string(row, "hash", hash) &&
	    rep_json_set(row, "since", *since ? rep_json_string(since) : rep_json_null()) &&
	    rep_json_set_string(row, "state", state_of(hub, number)))
		return row;
	rep_json_free(row);
	return NULL;
}

/* The version that the hub began with has no release; its hash is that of its files. */
static enum rep_code first_row(struct rep_hub *hub, struct rep_json *out, struct rep_error *err)
{
	int number = rep_versions_first(hub->versions);
	const struct rep_schema *schema;
	enum rep_code rc = rep_versions_schema(hub->versions, number, &schema, err);

	if (rc == REP_OK && !rep_json_append(out, describe(hub, number, schema->hash, "")))
		rc = rep_fail(err, REP_ENOMEM, "list versions");
	return rc;
}

enum rep_code rep_hub_schema_list(struct rep_hub *hub, struct rep_json **out, struct rep_error *err)
{
	struct rep_json *rows = rep_json_array();
	struct rep_release *list = NULL;
	size_t len = 0;
	enum rep_code rc = first_row(hub, rows, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = rep_hub_releases(hub, &list, &len, err);
	for (size_t i = 0; rc == REP_OK && i < len; i++)
		if (!rep_json_append(rows,
				     describe(hub, list[i].number, list[i].hash, list[i].since)))
			rc = rep_fail(err, REP_ENOMEM, "list versions");
	free(list);
	if (rc == REP_OK)
		*out = rows;
	else
		rep_json_free(rows);
	return rep_wrap(err, rc, "schema");
}

static bool put_files(struct rep_json *row, const struct rep_schema *schema)
{
	struct rep_json *files = rep_json_array();

	for (size_t i = 0; files && i < schema->files->len; i++) {
		const struct rep_schema_file *file = &schema->files->files[i];
		struct rep_json *one = rep_json_object();

		if (!rep_json_set_string(one, "path", file->path) ||
		    !rep_json_set_integer(one, "size", (int64_t)file->size_bytes) ||
		    !rep_json_append(files, rep_json_ref(one))) {
			rep_json_free(files);
			files = NULL;
		}
		rep_json_free(one);
	}
	return rep_json_set(row, "files", files);
}

enum rep_code rep_hub_schema_show(struct rep_hub *hub, int version, struct rep_json **out,
				  struct rep_error *err)
{
	struct rep_json *list = NULL, *row = NULL;
	const struct rep_schema *schema;
	struct rep_schema *owned;
	enum rep_code rc = rep_hub_schema_of(hub, version, &schema, &owned, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = rep_hub_schema_list(hub, &list, err);
	for (size_t i = 0; rc == REP_OK && !row && i < rep_json_size(list); i++)
		if (rep_json_get_integer(rep_json_at(list, i), "version") == schema->version)
			row = rep_json_dup(rep_json_at(list, i));
	if (rc == REP_OK && !put_files(row, schema))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		*out = row;
	else
		rep_json_free(row);
	rep_json_free(list);
	rep_schema_free(owned);
	return rep_wrap(err, rc, "schema");
}

enum rep_code rep_hub_schema_file(struct rep_hub *hub, int version, const char *path,
				  struct rep_buf *out, struct rep_error *err)
{
	const struct rep_schema_file *found = NULL;
	const struct rep_schema *schema;
	struct rep_schema *owned;
	enum rep_code rc = rep_hub_schema_of(hub, version, &schema, &owned, err);

	for (size_t i = 0; rc == REP_OK && !found && i < schema->files->len; i++)
		if (strcmp(schema->files->files[i].path, path) == 0)
			found = &schema->files->files[i];
	if (rc == REP_OK && !found)
		rc = rep_fail(err, REP_ENOTFOUND, "%s has no file %s", schema->id, path);
	if (rc == REP_OK)
		rep_buf_put(out, found->data, found->size_bytes);
	rep_schema_free(owned);
	return rep_wrap(err, rc, "schema");
}

static enum rep_code load_dir(struct rep_schema **out, const char *dir, struct rep_error *err)
{
	enum rep_code rc = rep_schema_load_dir(out, dir, err);

	return rc == REP_OK ? rep_schema_check_sql(*out, err) : rc;
}

enum rep_code rep_hub_schema_diff(struct rep_hub *hub, int from, int to, const char *dir,
				  struct rep_json **out, struct rep_error *err)
{
	const struct rep_schema *now, *next = NULL;
	struct rep_schema *owned = NULL, *other = NULL;
	enum rep_code rc = rep_hub_schema_of(hub, from, &now, &owned, err);

	*out = NULL;
	if (rc == REP_OK && dir) {
		rc = load_dir(&other, dir, err);
		next = other;
	} else if (rc == REP_OK) {
		rc = rep_hub_schema_of(hub, to, &next, &other, err);
	}
	if (rc == REP_OK)
		rc = rep_schema_diff(now, next, out, err);
	rep_schema_free(owned);
	rep_schema_free(other);
	return rep_wrap(err, rc, "schema");
}

/* ---- publishing ---- */

struct publishing {
	struct rep_hub *hub;
	const struct rep_hub_publish_schema *options;
	struct rep_schema *next;
	const struct rep_schema *newest; /* of those published, planned ones too */
	struct rep_schema *owned;
	char newest_since[REP_TIME_LEN + 1];
	char now[REP_TIME_LEN + 1];
	char effective[REP_TIME_LEN + 1];
	struct rep_json *problems;
	int64_t records;
	bool again; /* it is the newest version already */
};

static enum rep_code find_newest(struct publishing *at, struct rep_error *err)
{
	struct rep_release *list = NULL;
	int number = at->hub->schema->version;
	size_t len = 0;
	enum rep_code rc = rep_hub_releases(at->hub, &list, &len, err);

	if (rc == REP_OK && len) {
		number = list[len - 1].number;
		memcpy(at->newest_since, list[len - 1].since, sizeof at->newest_since);
	}
	free(list);
	return rc == REP_OK ? rep_hub_schema_of(at->hub, number, &at->newest, &at->owned, err) : rc;
}

/* Never before the hub's own clock, which does not go back; and versions come into force in their order. */
static bool choose_time(struct publishing *at)
{
	const char *wanted = at->options->effective;

	if (wanted && strcmp(wanted, at->now) < 0 &&
	    !rep_schema_problem(at->problems, NULL, NULL, "effective-in-past",
				"%s is past: edits were judged by the rules of that time", wanted))
		return false;
	if (!wanted)
		wanted = strcmp(at->next->effective, at->now) > 0 ? at->next->effective : at->now;
	snprintf(at->effective, sizeof at->effective, "%s", wanted);
	if (*at->newest_since && strcmp(at->effective, at->newest_since) <= 0 &&
	    strcmp(at->newest_since, at->now) > 0)
		return rep_schema_problem(at->problems, NULL, NULL, "effective-in-past",
					  "%s comes into force at %s, before this one",
					  at->newest->id, at->newest_since);
	return true;
}

static enum rep_code judge(struct publishing *at, struct rep_error *err)
{
	enum rep_code rc;

	at->again = at->next->version == at->newest->version &&
		    strcmp(at->next->name, at->newest->name) == 0 &&
		    strcmp(at->next->hash, at->newest->hash) == 0;
	if (at->again) {
		memcpy(at->effective, at->newest_since, sizeof at->effective);
		return REP_OK;
	}
	rc = rep_hub_schema_check(at->hub, at->newest, at->next, at->problems, &at->records,
				  at->options->progress, err);
	if (rc == REP_OK && !choose_time(at))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	return rc;
}

/* A commit that keeps the files, under the hash that the change will bear. */
static enum rep_code keep_files(struct publishing *at, struct rep_error *err)
{
	const struct rep_schema_files *files = at->next->files;
	struct rep_git *git = at->hub->central;
	struct rep_buf ref = REP_BUF_INIT(128), message = REP_BUF_INIT(256);
	struct rep_git_commit commit = {.message = NULL};
	struct rep_pack *pack = NULL;
	struct rep_tree *tree = NULL;
	struct rep_oid known, oid;
	enum rep_code rc;

	rep_release_ref(&ref, at->next->hash);
	rep_buf_printf(&message, "schema %s\n", at->next->id);
	commit.message = rep_buf_str(&message);
	rc = rep_git_ref(git, rep_buf_str(&ref), &known, err);
	if (rc != REP_OK || !rep_oid_is_zero(&known))
		goto out;
	rc = rep_pack_new(&pack, git, err);
	if (rc == REP_OK)
		rc = rep_tree_edit(&tree, pack, &rep_oid_zero, err);
	for (size_t i = 0; rc == REP_OK && i < files->len; i++)
		rc = rep_tree_put_blob(tree, files->files[i].path, files->files[i].data,
				       files->files[i].size_bytes, err);
	if (rc == REP_OK)
		rc = rep_tree_write(tree, &commit.tree, err);
	if (rc == REP_OK)
		rc = rep_hub_add_commit(pack, at->hub->company, at->options->now_ms, &commit, &oid,
					err);
	if (rc == REP_OK)
		rc = rep_pack_commit(pack, NULL, err);
	if (rc == REP_OK)
		rc = rep_git_cas(git, rep_buf_str(&ref), &rep_oid_zero, &oid, err);
out:
	rep_tree_free(tree);
	rep_pack_free(pack);
	rep_buf_clear(&ref);
	rep_buf_clear(&message);
	return rep_wrap(err, rc, "keep the files");
}

static bool put(struct rep_json *values, const char *field, const char *text)
{
	struct rep_json *spec = rep_json_object();

	return rep_json_set_string(spec, "new", text) ? rep_json_set(values, field, spec)
						      : (rep_json_free(spec), false);
}

static enum rep_code send_change(struct publishing *at, struct rep_error *err)
{
	struct rep_json *line = rep_json_object(), *values = rep_json_object();
	struct rep_hub_batch *batch = NULL;
	char id[16];
	bool good = put(values, "name", at->next->name) && put(values, "hash", at->next->hash) &&
		    put(values, "effective", at->effective);
	enum rep_code rc;

	good = rep_json_set(line, "values", values) && good;
	rc = good ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
	snprintf(id, sizeof id, "%d", at->next->version);
	if (rc == REP_OK)
		rc = rep_hub_batch_new(&batch, at->hub, "schema publish", at->options->now_ms, err);
	if (rc == REP_OK)
		rc = rep_hub_batch_add(batch, REP_OP_INSERT, "release", id, line, err);
	else
		rep_json_free(line);
	if (rc == REP_OK)
		rc = rep_hub_batch_send(batch, err);
	rep_hub_batch_free(batch);
	return rc;
}

/* What the hub has to say is merged before, so that nothing of it stands between the change and the run that merges it. */
static enum rep_code run_own(struct publishing *at, struct rep_error *err)
{
	const struct rep_hub_merge merge = {
		.now_ms = at->options->now_ms, .own_only = true, .progress = at->options->progress};
	struct rep_run_total total = {0};
	enum rep_code rc = rep_hub_runs(at->hub, &merge, &total, err);

	rep_json_free(total.problems);
	return rc;
}

static enum rep_code publish(struct publishing *at, struct rep_error *err)
{
	enum rep_code rc = at->again ? REP_OK : keep_files(at, err);

	if (rc == REP_OK && !at->again)
		rc = send_change(at, err);
	if (rc == REP_OK)
		rc = run_own(at, err);
	if (rc == REP_OK)
		rc = rep_hub_publish(at->hub, at->options->now_ms, 0, at->options->progress, err);
	return rc;
}

static enum rep_code answer(struct publishing *at, const struct rep_json *changes,
			    struct rep_json **out, struct rep_error *err)
{
	struct rep_json *told = rep_json_object();
	bool ok = rep_json_size(at->problems) == 0;
	bool published = at->again || (ok && !at->options->check);

	if (rep_json_set_string(told, "schema", at->next->id) &&
	    rep_json_set_string(told, "hash", at->next->hash) &&
	    rep_json_set(told, "effective",
			 *at->effective ? rep_json_string(at->effective) : rep_json_null()) &&
	    rep_json_set(told, "published", rep_json_bool(published)) &&
	    rep_json_set(told, "state",
			 published ? rep_json_string(state_of(at->hub, at->next->version))
				   : rep_json_null()) &&
	    rep_json_set(told, "ok", rep_json_bool(ok)) &&
	    rep_json_set(told, "problems", rep_json_ref(at->problems)) &&
	    rep_json_set(told, "changes", rep_json_ref(changes)) &&
	    rep_json_set_integer(told, "records", at->records)) {
		*out = told;
		return REP_OK;
	}
	rep_json_free(told);
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

/* The hub's clock as the next run will have it. */
static enum rep_code set_now(struct publishing *at, struct rep_error *err)
{
	char *last = NULL;
	enum rep_code rc = rep_work_get(at->hub->db, "hub_time", &last, err);

	rep_time_format(at->now, at->options->now_ms);
	if (rc == REP_OK && last && strlen(last) == REP_TIME_LEN && strcmp(last, at->now) > 0)
		memcpy(at->now, last, sizeof at->now);
	free(last);
	return rc;
}

/* The release's beginning as it was merged: never before the run that did. */
static enum rep_code read_effective(struct publishing *at, struct rep_error *err)
{
	struct rep_release *list = NULL;
	size_t len = 0;
	enum rep_code rc = rep_hub_releases(at->hub, &list, &len, err);

	for (size_t i = 0; rc == REP_OK && i < len; i++)
		if (list[i].number == at->next->version)
			memcpy(at->effective, list[i].since, sizeof at->effective);
	free(list);
	return rc;
}

enum rep_code rep_hub_schema_publish(struct rep_hub *hub,
				     const struct rep_hub_publish_schema *options,
				     struct rep_json **out, struct rep_error *err)
{
	struct publishing at = {.hub = hub, .options = options, .problems = rep_json_array()};
	struct rep_json *changes = NULL;
	enum rep_code rc = at.problems ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	*out = NULL;
	if (rc == REP_OK && !options->check && hub->read_only)
		rc = rep_fail(err, REP_EUSAGE, "the hub was opened for reading");
	if (rc == REP_OK)
		rc = load_dir(&at.next, options->dir, err);
	if (rc == REP_OK && !options->check)
		rc = run_own(&at, err);
	if (rc == REP_OK)
		rc = set_now(&at, err);
	if (rc == REP_OK)
		rc = find_newest(&at, err);
	if (rc == REP_OK)
		rc = judge(&at, err);
	if (rc == REP_OK)
		rc = rep_schema_diff(at.newest, at.next, &changes, err);
	if (rc == REP_OK && !options->check && rep_json_size(at.problems)) {
		rc = rep_schema_refuse(rep_json_at(at.problems, 0), err);
		if (rep_json_size(at.problems) > 1)
			rep_hint(err, "%zu things forbid it: --check lists them",
				 rep_json_size(at.problems));
	}
	if (rc == REP_OK && !options->check) {
		rc = publish(&at, err);
		if (rc == REP_OK)
			rc = read_effective(&at, err);
	}
	if (rc == REP_OK)
		rc = answer(&at, changes, out, err);
	rep_json_free(changes);
	rep_json_free(at.problems);
	rep_schema_free(at.owned);
	rep_schema_free(at.next);
	return rep_wrap(err, rc, "publish");
}
