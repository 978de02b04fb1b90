/* Revoking devices: a change of the hub's own, which the run that follows acts on (hub_leave.c, run_leave.c). */
#include "sync/hub/leaving.h"

#include <stdlib.h>
#include <string.h>

#include "sync/hub/hub_line.h"

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
	if (rc == REP_OK) {
		rc = rep_hub_put_last(hub, *out, now_ms, err);
		if (rc != REP_OK) {
			rep_json_free(*out);
			*out = NULL;
		}
	}
	return rep_wrap(err, rc, "revoke %s", revoke->device);
}

/* ---- what became of the last edits ---- */

#define DAY_MS (24LL * 60 * 60 * 1000)

static enum rep_code count(struct rep_hub *hub, const char *sql, const char *device,
			   const char *since, int64_t *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(hub->db, &stmt, sql, err);

	*out = 0;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	if (since)
		rep_bind_text(stmt, 2, since);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		*out = rep_column_int(stmt, 0);
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_hub_put_last(struct rep_hub *hub, struct rep_json *row, int64_t now_ms,
			       struct rep_error *err)
{
	static const struct {
		const char *name, *sql;
		bool since;
	} counts[] = {
		{"late_final",
		 "SELECT count(*) FROM _change, json_each(_change.outcome, '$.flags') AS flag"
		 " WHERE device = ?1 AND flag.value = 'late-final'",
		 false},
		{"rejected",
		 "SELECT count(*) FROM _change WHERE device = ?1 AND eff >= ?2"
		 " AND json_extract(outcome, '$.outcome') = 'rejected'",
		 true},
		{"held", "SELECT count(*) FROM _change WHERE device = ?1 AND held", false},
		{"quarantined", "SELECT count(*) FROM _quarantine WHERE device = ?1", false},
	};
	const char *device = rep_json_get_string(row, "device");
	const char *since = rep_json_get_string(row, "since");
	const char *last = rep_json_get_string(row, "last_contact");
	struct rep_head head;
	int64_t last_ms;
	enum rep_code rc = rep_changes_head(hub->db, device, &head, err);

	if (rc == REP_OK)
		rep_json_set_string(row, "hash", head.hash);
	for (size_t i = 0; rc == REP_OK && i < sizeof counts / sizeof *counts; i++) {
		int64_t n;

		rc = count(hub, counts[i].sql, device,
			   counts[i].since ? (since ? since : "") : NULL, &n, err);
		rep_json_set_integer(row, counts[i].name, n);
	}
	rep_json_set(row, "stale",
		     rep_json_bool(!last || !rep_time_parse(&last_ms, last) ||
				   now_ms - last_ms > DAY_MS));
	return rc;
}
