/* Revoking devices: a change of the hub's own, which the run that follows acts on (hub_leave.c, run_leave.c). */
#include "sync/leaving.h"

#include <stdlib.h>
#include <string.h>

#include "sync/hub_line.h"

enum rep_code rep_hub_revoke_line(struct rep_hub *hub, struct rep_hub_batch *batch,
				  const char *device, const char *since, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(hub->schema, "device");
	struct rep_record *record = NULL;
	struct rep_json *line;
	enum rep_code rc = rep_row_get(hub->db, entity, device, &record, err);

	if (rc == REP_OK && !record)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no device %s", device);
	if (rc != REP_OK)
		return rc;
	line = rep_line_new();
	rep_line_change(line, record, "state", rep_json_string("leaving"));
	rep_line_change(line, record, "since", rep_json_string(since));
	rep_record_free(record);
	return rep_hub_batch_add(batch, REP_OP_UPDATE, "device", device, line, err);
}

enum rep_code rep_hub_merge_all(struct rep_hub *hub, int64_t now_ms, struct rep_json **summary,
				struct rep_error *err)
{
	const struct rep_hub_merge options = {.now_ms = now_ms};

	return rep_hub_merge(hub, &options, summary, err);
}

enum rep_code rep_hub_revoke(struct rep_hub *hub, const struct rep_hub_revoke *revoke,
			     int64_t now_ms, struct rep_json **out, struct rep_error *err)
{
	const struct rep_org_device *device = rep_org_device(hub->org, revoke->device);
	struct rep_json *summary = NULL;
	struct rep_hub_batch *batch;
	char since[REP_TIME_LEN + 1];
	enum rep_code rc;

	*out = NULL;
	if (!device)
		return rep_fail(err, REP_ENOTFOUND, "there is no device %s", revoke->device);
	rep_time_format(since, now_ms);
	if (revoke->at)
		memcpy(since, revoke->at, REP_TIME_LEN + 1);
	/* Once more, after a kill or for a time that is nearer, is fine; nobody who has left comes back. */
	if (!rep_hub_has_left(device, since)) {
		rc = rep_hub_batch_new(&batch, hub, revoke->reason, now_ms, err);
		if (rc != REP_OK)
			return rc;
		rc = rep_hub_revoke_line(hub, batch, revoke->device, since, err);
		if (rc != REP_OK) {
			rep_hub_batch_free(batch);
			return rep_wrap(err, rc, "revoke");
		}
		rc = rep_hub_apply(hub, batch, now_ms, err);
		if (rc != REP_OK)
			return rep_wrap(err, rc, "revoke");
	}
	rc = rep_hub_merge_all(hub, now_ms, &summary, err);
	rep_json_free(summary);
	if (rc == REP_OK)
		rc = rep_hub_device_row(hub, revoke->device, now_ms, out, err);
	return rep_wrap(err, rc, "revoke %s", revoke->device);
}
