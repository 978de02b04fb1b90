#include "sync/audit/revert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/aliases.h"
#include "sync/audit/revert_work.h"
#include "sync/hub/hub_line.h"

/* ---- whose ---- */

static bool in_changesets(const struct rep_revert *options, const struct rep_indexed *change)
{
	char name[REP_DEVICE_LEN + 24];

	snprintf(name, sizeof name, "%s/%lld", change->device, (long long)change->edit.seq);
	for (size_t i = 0; i < options->changesets_len; i++)
		if (strcmp(options->changesets[i], name) == 0)
			return true;
	return options->changesets_len == 0;
}

bool rep_revert_selects(const struct rep_reverting *reverting, const struct rep_indexed *change)
{
	const struct rep_revert *options = reverting->options;
	const char *reason = rep_json_get_string(change->owned_line, "reason");
	const char *time = change->eff.text;

	return (!options->rep || strcmp(options->rep, change->rep) == 0) &&
	       (!options->device || strcmp(options->device, change->device) == 0) &&
	       (!options->since || strncmp(time, options->since, REP_TIME_LEN) >= 0) &&
	       (!options->until || strncmp(time, options->until, REP_TIME_LEN) < 0) &&
	       (!options->import || (reason && strcmp(change->device, REP_HUB_DEVICE) == 0 &&
				     strcmp(reason, reverting->import_reason) == 0)) &&
	       in_changesets(options, change);
}

static enum rep_code check(const struct rep_revert *options, struct rep_error *err)
{
	if (!options->rep && !options->device && !options->import && !options->changesets_len)
		return rep_fail(err, REP_EUSAGE, "whose changes is not said");
	for (size_t i = 0; i < options->changesets_len; i++) {
		const char *name = options->changesets[i];

		if (strlen(name) < REP_DEVICE_LEN + 2 || name[REP_DEVICE_LEN] != '/' ||
		    strspn(name + REP_DEVICE_LEN + 1, "0123456789") !=
			    strlen(name + REP_DEVICE_LEN + 1))
			return rep_fail(err, REP_EUSAGE,
					"\"%.40s\" is no change set: it is named DEVICE/NUMBER",
					name);
	}
	if (!options->dry_run && (!options->reason || !*options->reason))
		return rep_fail(err, REP_EUSAGE, "a reason is needed");
	return REP_OK;
}

/* ---- what is told and written ---- */

enum rep_code rep_revert_leave(struct rep_reverting *reverting, const char *entity, const char *id,
			       const char *field, const char *reason, const char *by,
			       struct rep_error *err)
{
	struct rep_json *row = rep_json_object();
	const bool good =
		rep_json_set_string(row, "entity", entity) && rep_json_set_string(row, "id", id) &&
		rep_json_set(row, "field", field ? rep_json_string(field) : rep_json_null()) &&
		rep_json_set_string(row, "reason", reason) &&
		rep_json_set(row, "by", by ? rep_json_string(by) : rep_json_null()) &&
		rep_json_append(reverting->left, rep_json_ref(row));

	rep_json_free(row);
	return good ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

enum rep_code rep_revert_add(struct rep_reverting *reverting, enum rep_op op, const char *entity,
			     const char *id, struct rep_json *line, struct rep_error *err)
{
	const struct rep_revert *options = reverting->options;
	enum rep_code rc = REP_OK;

	if (!options->dry_run && !reverting->batch)
		rc = rep_hub_batch_new(&reverting->batch, reverting->hub, options->reason,
				       options->now_ms, err);
	if (rc == REP_OK && reverting->batch)
		return rep_hub_batch_add(reverting->batch, op, entity, id, line, err);
	rep_json_free(line);
	return rc;
}

/* ---- which records ---- */

static enum rep_code on_change(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct rep_reverting *reverting = user;
	const struct rep_entity *entity = rep_schema_entity(reverting->hub->schema, change->entity);
	char shown[REP_ID_LEN_MAX + 1], key[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];
	enum rep_code rc;

	if (!entity || !rep_revert_selects(reverting, change))
		return REP_OK;
	rc = rep_alias_shown(reverting->hub->db, entity, change->id, shown, err);
	snprintf(key, sizeof key, "%.40s/%.64s", change->entity, *shown ? shown : change->id);
	if (rc != REP_OK || rep_json_get(reverting->done, key))
		return rc;
	return rep_json_set(reverting->done, key, rep_json_bool(true))
		       ? REP_OK
		       : rep_fail(err, REP_ENOMEM, "out of memory");
}

static enum rep_code each_record(struct rep_reverting *reverting, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (void *it = rep_json_iter(reverting->done); rc == REP_OK && it;
	     it = rep_json_iter_next(reverting->done, it)) {
		const char *key = rep_json_iter_key(it), *slash = strchr(key, '/');
		const struct rep_entity *entity;
		char name[REP_NAME_LEN_MAX + 1];

		snprintf(name, sizeof name, "%.*s", (int)(slash - key), key);
		entity = rep_schema_entity(reverting->hub->schema, name);
		/* Who may do what is put right by its own commands, which say from when on. */
		if (entity->builtin != REP_BUILTIN_NONE)
			rc = rep_revert_leave(reverting, name, slash + 1, NULL,
					      "people, posts and devices are not reverted", NULL,
					      err);
		else
			rc = rep_revert_record(reverting, entity, slash + 1, err);
	}
	return rc;
}

/* ---- what became of it ---- */

static enum rep_code name_set(struct rep_json *sets, int64_t seq, struct rep_error *err)
{
	char name[REP_DEVICE_LEN + 24];

	snprintf(name, sizeof name, REP_HUB_DEVICE "/%lld", (long long)seq);
	return rep_json_append(sets, rep_json_string(name))
		       ? REP_OK
		       : rep_fail(err, REP_ENOMEM, "out of memory");
}

struct judging {
	struct rep_reverting *reverting;
	struct rep_json *sets;
	int64_t after, last;
};

/* A field that a rule did not give back: an immutable one, a machine's state, the greatest of several. */
static enum rep_code judge(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct judging *judging = user;
	const struct rep_json *fields = rep_json_get(change->outcome, "fields");
	const char *whole = rep_json_get_string(change->outcome, "outcome");
	enum rep_code rc = REP_OK;

	if (change->edit.seq <= judging->after)
		return REP_OK;
	if (change->edit.seq != judging->last)
		rc = name_set(judging->sets, change->edit.seq, err);
	judging->last = change->edit.seq;
	if (rc == REP_OK && !fields && rep_outcome_refuses(change->outcome, "*"))
		rc = rep_revert_leave(judging->reverting, change->entity, change->id, NULL, whole,
				      NULL, err);
	for (void *it = fields ? rep_json_iter(fields) : NULL; rc == REP_OK && it;
	     it = rep_json_iter_next(fields, it)) {
		const struct rep_json *own = rep_json_iter_value(it);
		const char *outcome = rep_json_get_string(own, "outcome");
		const char *code = rep_json_get_string(own, "code");

		if (outcome && strcmp(outcome, rep_outcome_name(REP_APPLIED)) != 0 &&
		    strcmp(outcome, rep_outcome_name(REP_EQUAL)) != 0)
			rc = rep_revert_leave(judging->reverting, change->entity, change->id,
					      rep_json_iter_key(it), code ? code : outcome, NULL,
					      err);
	}
	return rc;
}

static enum rep_code send(struct rep_reverting *reverting, struct rep_json *sets,
			  struct rep_error *err)
{
	const struct rep_changes_query query = {.device = REP_HUB_DEVICE};
	struct judging judging = {.reverting = reverting, .sets = sets};
	struct rep_hub_batch *batch = reverting->batch;
	struct rep_head head;
	enum rep_code rc = rep_changes_head(reverting->hub->db, REP_HUB_DEVICE, &head, err);

	if (rc != REP_OK || !batch)
		return rc;
	judging.after = head.seq;
	reverting->batch = NULL;
	rc = rep_hub_apply(reverting->hub, batch, reverting->options->now_ms, err);
	/* What the schema refuses is told field by field below. */
	if (rc == REP_OK || rc == REP_EREFUSED)
		rc = rep_changes_each(reverting->hub->db, &query, judge, &judging, err);
	return rc;
}

static enum rep_code report(struct rep_reverting *reverting, struct rep_json *sets,
			    struct rep_json **out, struct rep_error *err)
{
	struct rep_json *document = rep_json_object();

	if (rep_json_set(document, "dry_run", rep_json_bool(reverting->options->dry_run)) &&
	    rep_json_set_integer(document, "records", (int64_t)rep_json_size(reverting->done)) &&
	    rep_json_set(document, "changesets", rep_json_ref(sets)) &&
	    rep_json_set(document, "changes", rep_json_ref(reverting->changes)) &&
	    rep_json_set(document, "left", rep_json_ref(reverting->left))) {
		*out = document;
		return REP_OK;
	}
	rep_json_free(document);
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

enum rep_code rep_hub_revert(struct rep_hub *hub, const struct rep_revert *options,
			     struct rep_json **out, struct rep_error *err)
{
	const struct rep_changes_query query = {
		.rep = options->rep,
		.device = options->import ? REP_HUB_DEVICE : options->device,
		.since = options->since,
		.until = options->until,
	};
	const char *slash = options->import ? strrchr(options->import, '/') : NULL;
	struct rep_reverting reverting = {
		.hub = hub,
		.options = options,
		.done = rep_json_object(),
		.changes = rep_json_array(),
		.left = rep_json_array(),
	};
	struct rep_json *sets = rep_json_array();
	enum rep_code rc = check(options, err);

	*out = NULL;
	snprintf(reverting.import_reason, sizeof reverting.import_reason, "import %.250s",
		 slash             ? slash + 1
		 : options->import ? options->import
				   : "");
	if (rc == REP_OK)
		rc = rep_changes_each(hub->db, &query, on_change, &reverting, err);
	if (rc == REP_OK)
		rc = each_record(&reverting, err);
	if (rc == REP_OK)
		rc = send(&reverting, sets, err);
	if (rc == REP_OK)
		rc = report(&reverting, sets, out, err);
	rep_hub_batch_free(reverting.batch);
	rep_json_free(reverting.done);
	rep_json_free(reverting.changes);
	rep_json_free(reverting.left);
	rep_json_free(sets);
	return rep_wrap(err, rc, "revert");
}
