#include "sync/admin/reassign.h"

#include <string.h>

#include "sync/hub/hub_line.h"

/* Laptops sync nightly: one of which nothing came for longer may hold edits that nobody has seen. */
#define STALE_MS (24LL * 60 * 60 * 1000)

/* ---- what the hub knows of a device ---- */

static bool is_stale(const char *last_contact, int64_t now_ms)
{
	int64_t last_ms;

	return !last_contact || !rep_time_parse(&last_ms, last_contact) ||
	       now_ms - last_ms > STALE_MS;
}

static enum rep_code tell_device(struct rep_hub *hub, struct rep_json *row, int64_t now_ms,
				 struct rep_error *err)
{
	const char *id = rep_json_get_string(row, "device");
	const char *last;
	enum rep_code rc = rep_hub_device_contact(hub, id, row, err);

	if (rc != REP_OK)
		return rc;
	last = rep_json_get_string(row, "last_contact");
	return rep_json_set(row, "stale", rep_json_bool(is_stale(last, now_ms)))
		       ? REP_OK
		       : rep_fail(err, REP_ENOMEM, "out of memory");
}

/* ---- the change set ---- */

static enum rep_code end(struct rep_hub *hub, struct rep_hub_batch *batch,
			 const struct rep_entity *assignment, const struct rep_json *one,
			 struct rep_error *err)
{
	const char *id = rep_json_get_string(one, "id");
	struct rep_record *record = NULL;
	struct rep_json *line;
	enum rep_code rc = rep_row_get(hub->db, assignment, id, &record, err);

	if (rc != REP_OK || !record)
		return rc;
	line = rep_line_new();
	rep_line_change(line, record, "valid_to", rep_json_ref(rep_json_get(one, "valid_to")));
	rc = rep_hub_batch_add(batch, REP_OP_UPDATE, assignment->name, id, line, err);
	rep_record_free(record);
	return rc;
}

static enum rep_code begin(struct rep_hub_batch *batch, const struct rep_entity *assignment,
			   const struct rep_json *one, struct rep_error *err)
{
	const struct rep_json *values = rep_json_get(one, "values");
	struct rep_json *line = rep_line_new();

	for (void *it = rep_json_iter(values); it; it = rep_json_iter_next(values, it))
		rep_line_put(line, rep_json_iter_key(it), rep_json_ref(rep_json_iter_value(it)));
	rep_line_presets(line, assignment);
	return rep_hub_batch_add(batch, REP_OP_INSERT, assignment->name,
				 rep_json_get_string(one, "id"), line, err);
}

static enum rep_code carry_out(struct rep_hub *hub, const struct rep_reassign_plan *plan,
			       const char *reason, int64_t now_ms, struct rep_error *err)
{
	const struct rep_entity *assignment;
	struct rep_hub_batch *batch = NULL;
	enum rep_code rc = rep_hub_builtin(hub, REP_BUILTIN_ASSIGNMENT, &assignment, err);

	if (rc == REP_OK)
		rc = rep_hub_batch_new(&batch, hub, reason, now_ms, err);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(plan->ends); i++)
		rc = end(hub, batch, assignment, rep_json_at(plan->ends, i), err);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(plan->begins); i++)
		rc = begin(batch, assignment, rep_json_at(plan->begins, i), err);
	if (rc == REP_OK)
		return rep_hub_apply(hub, batch, now_ms, err);
	rep_hub_batch_free(batch);
	return rc;
}

enum rep_code rep_hub_reassign(struct rep_hub *hub, const struct rep_reassign *reassign,
			       bool preview, int64_t now_ms, struct rep_json **told,
			       struct rep_error *err)
{
	struct rep_reassign_plan plan;
	const struct rep_json *devices;
	enum rep_code rc = rep_reassign_plan(&plan, hub->db, hub->schema, reassign, now_ms, err);

	*told = NULL;
	devices = rc == REP_OK ? rep_json_get(plan.told, "devices") : NULL;
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(devices); i++)
		rc = tell_device(hub, rep_json_at(devices, i), now_ms, err);
	if (rc == REP_OK && !preview && rep_json_size(plan.ends) + rep_json_size(plan.begins))
		rc = carry_out(hub, &plan, reassign->reason, now_ms, err);
	if (rc == REP_OK)
		*told = rep_json_ref(plan.told);
	rep_reassign_plan_clear(&plan);
	return rep_wrap(err, rc, "reassign");
}
