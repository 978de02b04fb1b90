/* Lists of people and posts, as they stand at a time. */
#include <stdlib.h>
#include <string.h>

#include "sync/hub/hub_line.h"

struct listing {
	struct rep_hub *hub;
	char time[REP_TIME_LEN + 1];
	const struct rep_entity *rep, *assignment;
	struct rep_json *out;
	const char *territory;
};

static const char *text_of(const struct rep_record *record, const char *field)
{
	const char *text = rep_json_string_value(rep_record_value(record, field));

	return text ? text : "";
}

static bool is_current(const struct listing *listing, const struct rep_record *record)
{
	const char *from = text_of(record, "valid_from"), *to = text_of(record, "valid_to");

	return !record->deleted && strcmp(from, listing->time) <= 0 &&
	       (!*to || strcmp(to, listing->time) > 0);
}

static enum rep_code listing_begin(struct listing *listing, struct rep_hub *hub, int64_t now_ms,
				   struct rep_error *err)
{
	enum rep_code rc;

	*listing = (struct listing){.hub = hub};
	rep_time_format(listing->time, now_ms);
	rc = rep_hub_builtin(hub, REP_BUILTIN_REP, &listing->rep, err);
	if (rc == REP_OK)
		rc = rep_hub_builtin(hub, REP_BUILTIN_ASSIGNMENT, &listing->assignment, err);
	if (rc == REP_OK && !(listing->out = rep_json_array()))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	return rc;
}

static enum rep_code listing_end(struct listing *listing, enum rep_code rc, struct rep_json **out)
{
	*out = rc == REP_OK ? listing->out : NULL;
	if (rc != REP_OK)
		rep_json_free(listing->out);
	return rc;
}

/* ---- people ---- */

static enum rep_code territories_of(struct listing *listing, const char *rep, struct rep_json *row,
				    struct rep_error *err)
{
	struct rep_json *list = rep_json_array();
	char **territories;
	size_t len;
	enum rep_code rc =
		rep_org_territories(listing->hub->org, rep, listing->time, &territories, &len, err);

	for (size_t i = 0; rc == REP_OK && i < len; i++) {
		rep_json_append(list, rep_json_string(territories[i]));
		free(territories[i]);
	}
	if (rc == REP_OK)
		free(territories);
	rep_json_set(row, "territories", list);
	return rc;
}

static enum rep_code list_rep(void *user, struct rep_record *record, struct rep_error *err)
{
	struct listing *listing = user;
	const struct rep_role *role = rep_org_role(listing->hub->org, record->id, listing->time);
	struct rep_json *row = rep_json_object(), *devices = rep_json_array();
	const struct rep_org_device *all;
	size_t len = rep_org_devices(listing->hub->org, &all);
	enum rep_code rc;

	rep_json_set_string(row, "rep", record->id);
	rep_json_set_string(row, "name", text_of(record, "name"));
	rep_json_set(row, "role", role ? rep_json_string(role->name) : rep_json_null());
	rc = territories_of(listing, record->id, row, err);
	for (size_t i = 0; i < len; i++)
		if (all[i].rep && strcmp(all[i].rep, record->id) == 0)
			rep_json_append(devices, rep_json_string(all[i].id));
	rep_json_set(row, "devices", devices);
	rep_json_append(listing->out, row);
	return rc;
}

enum rep_code rep_hub_rep_list(struct rep_hub *hub, int64_t now_ms, struct rep_json **out,
			       struct rep_error *err)
{
	struct listing listing;
	enum rep_code rc = listing_begin(&listing, hub, now_ms, err);

	if (rc == REP_OK)
		rc = rep_row_each(hub->db, listing.rep, NULL, list_rep, &listing, err);
	return rep_wrap(err, listing_end(&listing, rc, out), "list reps");
}

/* ---- posts ---- */

static enum rep_code list_assignment(void *user, struct rep_record *record, struct rep_error *err)
{
	struct listing *listing = user;
	struct rep_json *holder;

	(void)err;
	if (!is_current(listing, record))
		return REP_OK;
	for (size_t i = 0; i < rep_json_size(listing->out); i++) {
		struct rep_json *row = rep_json_at(listing->out, i);

		if (strcmp(rep_json_get_string(row, "territory"), text_of(record, "territory")) !=
		    0)
			continue;
		if (strcmp(text_of(record, "subject_entity"), listing->rep->name) != 0) {
			rep_json_append(rep_json_get(row, "partitions"),
					rep_json_string(text_of(record, "subject")));
			continue;
		}
		holder = rep_json_object();
		rep_json_set_string(holder, "rep", text_of(record, "subject"));
		rep_json_set_string(holder, "kind", text_of(record, "kind"));
		rep_json_append(rep_json_get(row, "holders"), holder);
	}
	return REP_OK;
}

static enum rep_code list_territory(void *user, struct rep_record *record, struct rep_error *err)
{
	struct listing *listing = user;
	struct rep_json *row = rep_json_object();
	const char *parent = text_of(record, "parent");

	rep_json_set_string(row, "territory", record->id);
	rep_json_set_string(row, "name", text_of(record, "name"));
	rep_json_set(row, "parent", *parent ? rep_json_string(parent) : rep_json_null());
	rep_json_set(row, "partitions", rep_json_array());
	rep_json_set(row, "holders", rep_json_array());
	if (!rep_json_append(listing->out, row))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return REP_OK;
}

enum rep_code rep_hub_territory_list(struct rep_hub *hub, int64_t now_ms, struct rep_json **out,
				     struct rep_error *err)
{
	const struct rep_entity *territory;
	struct listing listing;
	enum rep_code rc = listing_begin(&listing, hub, now_ms, err);

	if (rc == REP_OK)
		rc = rep_hub_builtin(hub, REP_BUILTIN_TERRITORY, &territory, err);
	if (rc == REP_OK)
		rc = rep_row_each(hub->db, territory, NULL, list_territory, &listing, err);
	if (rc == REP_OK)
		rc = rep_row_each(hub->db, listing.assignment, NULL, list_assignment, &listing,
				  err);
	return rep_wrap(err, listing_end(&listing, rc, out), "list territories");
}
