/*
 * What a device holds or held: everything that any view showed it. The inbox of its mailbox has all of them, each commit's parent being
 * the view before; what differs from one to the next is all that has to be looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/hub/hub_state.h"
#include "sync/hub/leaving.h"
#include "sync/mailbox/document.h"

#define PARTS_MAX 12u

struct exposure {
	struct rep_hub *hub;
	struct rep_git *git;
	struct rep_json *out;
	struct rep_json *files;  /* of this device: path in the view -> its row */
	struct rep_json *fields; /* "entity/class/field" -> 1 */
	const char *device;
	char time[REP_TIME_LEN + 1]; /* of the view being looked at */
	int64_t views;
	char first[REP_TIME_LEN + 1];
};

/* What the path of a record's file says. */
struct place {
	char text[1024];
	const char *class, *partition, *entity, *id;
};

static bool parse(struct place *out, const char *path)
{
	char *parts[PARTS_MAX];
	size_t len = 0, at;
	char *dot;

	if (strlen(path) >= sizeof out->text)
		return false;
	strcpy(out->text, path);
	for (char *part = out->text; part && len < PARTS_MAX; len++) {
		parts[len] = part;
		part = strchr(part, '/');
		if (part)
			*part++ = '\0';
	}
	if (len < 4)
		return false;
	out->class = "open";
	if (strcmp(parts[0], "data") == 0 || strcmp(parts[0], "linked") == 0)
		at = 2;
	else if (strcmp(parts[0], "restricted") == 0)
		at = 3;
	else
		return false;
	if (at == 3)
		out->class = parts[1];
	if (len < at + 3)
		return false;
	out->partition = parts[at];
	out->entity = parts[at + 1];
	out->id = parts[len - 1];
	dot = strrchr(parts[len - 1], '.');
	if (!dot || strcmp(dot, ".json") != 0)
		return false;
	*dot = '\0';
	return true;
}

static enum rep_code note_fields(struct exposure *exposure, const struct place *place,
				 const struct rep_oid *oid, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_json *record = NULL;
	const struct rep_json *fields;
	enum rep_code rc = rep_git_read(exposure->git, oid, REP_OBJECT_BLOB, &bytes, err);

	if (rc == REP_OK)
		rc = rep_json_parse(&record, rep_buf_str(&bytes), bytes.len, REP_RECORD_SIZE_MAX,
				    REP_JSON_DEPTH_MAX, err);
	fields = rep_json_get(record, "fields");
	for (void *it = rep_json_iter(fields); it; it = rep_json_iter_next(fields, it)) {
		char key[256];

		snprintf(key, sizeof key, "%.64s/%.64s/%.64s", place->entity, place->class,
			 rep_json_iter_key(it));
		rep_json_set_integer(exposure->fields, key, 1);
	}
	rep_json_free(record);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code look(void *user, const char *path, const struct rep_oid *old_oid,
			  const struct rep_oid *new_oid, struct rep_error *err)
{
	struct exposure *exposure = user;
	struct rep_json *row = rep_json_get(exposure->files, path);
	struct place place;

	(void)old_oid;
	if (!parse(&place, path))
		return REP_OK;
	if (!row) {
		row = rep_json_object();
		rep_json_set_string(row, "device", exposure->device);
		rep_json_set_string(row, "entity", place.entity);
		rep_json_set_string(row, "id", place.id);
		rep_json_set_string(row, "partition", place.partition);
		rep_json_set_string(row, "class", place.class);
		rep_json_set_string(row, "first", exposure->time);
		if (!rep_json_set(exposure->files, path, row))
			return rep_fail(err, REP_ENOMEM, "out of memory");
	}
	rep_json_set(row, "held", rep_json_bool(!rep_oid_is_zero(new_oid)));
	rep_json_set_string(row, "last", exposure->time);
	return rep_oid_is_zero(new_oid) ? REP_OK : note_fields(exposure, &place, new_oid, err);
}

/* ---- the views ---- */

struct view {
	struct rep_oid root;
	int64_t time_s;
};

struct views {
	struct view *list; /* the newest first, as the commits lead to them */
	size_t len, cap;
};

static enum rep_code add_view(struct views *views, const struct view *view, struct rep_error *err)
{
	if (views->len == views->cap) {
		size_t cap = views->cap ? 2 * views->cap : 64;
		struct view *grown = reallocarray(views->list, cap, sizeof *grown);

		if (!grown)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		views->list = grown;
		views->cap = cap;
	}
	views->list[views->len++] = *view;
	return REP_OK;
}

static enum rep_code find_views(const struct exposure *exposure, struct views *out,
				struct rep_error *err)
{
	struct rep_oid at, parent;
	struct view view;
	enum rep_code rc = rep_git_ref(exposure->git, REP_INBOX, &at, err);

	while (rc == REP_OK && !rep_oid_is_zero(&at)) {
		rc = rep_git_commit_read(exposure->git, &at, &view.root, &parent, &view.time_s,
					 err);
		if (rc == REP_OK)
			rc = add_view(out, &view, err);
		if (rc == REP_OK)
			at = parent;
	}
	return rc;
}

static enum rep_code walk_views(struct exposure *exposure, struct rep_error *err)
{
	const struct rep_oid *before = &rep_oid_zero;
	struct views views = {.len = 0};
	enum rep_code rc = find_views(exposure, &views, err);

	exposure->views = (int64_t)views.len;
	for (size_t i = views.len; rc == REP_OK && i-- > 0; before = &views.list[i].root) {
		rep_time_format(exposure->time, views.list[i].time_s * 1000);
		if (!*exposure->first)
			memcpy(exposure->first, exposure->time, sizeof exposure->first);
		rc = rep_tree_diff(exposure->git, before, &views.list[i].root, look, exposure, err);
	}
	free(views.list);
	return rc;
}

/* The mailbox whose inbox has the views: of a device that was told to leave, the old one. */
static char *mailbox_of(const struct rep_hub *hub, const char *device)
{
	char *old = rep_hub_path(hub->dir, "archive/%s.git", device);

	if (old && rep_file_is_dir(old))
		return old;
	free(old);
	return rep_hub_mailbox(hub->dir, device);
}

static enum rep_code is_erased(struct rep_hub *hub, const char *device, bool *out,
			       struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	enum rep_code rc = rep_hub_left_file(hub, device, "erasure.json", &bytes, err);

	*out = bytes.len > 0;
	rep_buf_clear(&bytes);
	return rc;
}

/* Moves the device's rows into the answer. */
static enum rep_code put_device(struct exposure *exposure, const struct rep_org_device *device,
				struct rep_error *err)
{
	struct rep_json *row = rep_json_object(), *rows = rep_json_get(exposure->out, "records");
	bool erased = false;
	enum rep_code rc = is_erased(exposure->hub, device->id, &erased, err);

	for (void *it = rep_json_iter(exposure->files); it;
	     it = rep_json_iter_next(exposure->files, it)) {
		struct rep_json *file = rep_json_iter_value(it);

		if (erased)
			rep_json_set(file, "held", rep_json_bool(false));
		rep_json_append(rows, rep_json_ref(file));
	}
	rep_json_set_string(row, "device", device->id);
	rep_json_set_string(row, "rep", device->rep ? device->rep : "");
	rep_json_set_string(row, "state", device->state ? device->state : "");
	rep_json_set(row, "erased", rep_json_bool(erased));
	rep_json_set_integer(row, "views", exposure->views);
	rep_json_set(row, "first",
		     *exposure->first ? rep_json_string(exposure->first) : rep_json_null());
	rep_json_set(row, "last",
		     *exposure->first ? rep_json_string(exposure->time) : rep_json_null());
	rep_json_append(rep_json_get(exposure->out, "devices"), row);
	return rc;
}

static enum rep_code one_device(struct exposure *exposure, const struct rep_org_device *device,
				struct rep_error *err)
{
	char *path = mailbox_of(exposure->hub, device->id);
	enum rep_code rc = path ? rep_git_open(&exposure->git, path, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	exposure->device = device->id;
	exposure->first[0] = '\0';
	exposure->files = rep_json_object();
	if (rc == REP_OK)
		rc = walk_views(exposure, err);
	if (rc == REP_OK)
		rc = put_device(exposure, device, err);
	rep_json_free(exposure->files);
	rep_git_close(exposure->git);
	exposure->files = NULL;
	exposure->git = NULL;
	free(path);
	return rep_wrap(err, rc, "views of %s", device->id);
}

/* ---- sums ---- */

static void count_rows(struct rep_json *out)
{
	const struct rep_json *records = rep_json_get(out, "records");
	struct rep_json *sums = rep_json_object(), *list = rep_json_array();

	for (size_t i = 0; i < rep_json_size(records); i++) {
		const struct rep_json *record = rep_json_at(records, i);
		char key[200];
		struct rep_json *row;

		snprintf(key, sizeof key, "%.64s/%.64s", rep_json_get_string(record, "entity"),
			 rep_json_get_string(record, "class"));
		row = rep_json_get(sums, key);
		if (!row) {
			row = rep_json_object();
			rep_json_set_string(row, "entity", rep_json_get_string(record, "entity"));
			rep_json_set_string(row, "class", rep_json_get_string(record, "class"));
			rep_json_set(sums, key, row);
		}
		rep_json_set_integer(row, "records", rep_json_get_integer(row, "records") + 1);
		rep_json_set_integer(row, "held",
				     rep_json_get_integer(row, "held") +
					     rep_json_get_bool(record, "held"));
	}
	for (void *it = rep_json_iter(sums); it; it = rep_json_iter_next(sums, it))
		rep_json_append(list, rep_json_ref(rep_json_iter_value(it)));
	rep_json_set(out, "entities", list);
	rep_json_free(sums);
}

/* With what the schema says of how personal each field is. */
static void list_fields(const struct exposure *exposure)
{
	struct rep_json *list = rep_json_array();

	for (void *it = rep_json_iter(exposure->fields); it;
	     it = rep_json_iter_next(exposure->fields, it)) {
		char key[256], *class, *name;
		const struct rep_entity *entity;
		const struct rep_field *field;
		struct rep_json *row = rep_json_object();

		snprintf(key, sizeof key, "%s", rep_json_iter_key(it));
		class = strchr(key, '/');
		*class ++ = '\0';
		name = strchr(class, '/');
		*name++ = '\0';
		entity = rep_schema_entity(exposure->hub->schema, key);
		field = entity ? rep_entity_field(entity, name) : NULL;
		rep_json_set_string(row, "entity", key);
		rep_json_set_string(row, "class", class);
		rep_json_set_string(row, "field", name);
		rep_json_set(row, "personal",
			     field ? rep_json_integer(field->personal) : rep_json_null());
		rep_json_append(list, row);
	}
	rep_json_set(exposure->out, "fields", list);
}

enum rep_code rep_hub_exposure(struct rep_hub *hub, const char *who, struct rep_json **out,
			       struct rep_error *err)
{
	struct exposure exposure = {
		.hub = hub, .out = rep_json_object(), .fields = rep_json_object()};
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(hub->org, &devices), found = 0;
	enum rep_code rc = REP_OK;

	*out = NULL;
	rep_json_set_string(exposure.out, "who", who);
	rep_json_set(exposure.out, "devices", rep_json_array());
	rep_json_set(exposure.out, "records", rep_json_array());
	for (size_t i = 0; rc == REP_OK && i < len; i++) {
		if (strcmp(devices[i].id, who) != 0 &&
		    (!devices[i].rep || strcmp(devices[i].rep, who) != 0))
			continue;
		found++;
		rc = one_device(&exposure, &devices[i], err);
	}
	if (rc == REP_OK && !found && !rep_org_has_rep(hub->org, who))
		rc = rep_fail(err, REP_ENOTFOUND, "there is no device or rep %s", who);
	count_rows(exposure.out);
	list_fields(&exposure);
	rep_json_free(exposure.fields);
	if (rc == REP_OK)
		*out = exposure.out;
	else
		rep_json_free(exposure.out);
	return rep_wrap(err, rc, "exposure of %s", who);
}
