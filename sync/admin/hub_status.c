/* How the devices stand, and what waits for a decision. */
#include <stdlib.h>
#include <string.h>

#include "sync/hub/hub_state.h"
#include "sync/hub/leaving.h"
#include "sync/run/healing.h"
#include "sync/run/run.h"

static enum rep_code count_rows(struct rep_hub *hub, const char *sql, const char *kind,
				int64_t *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(hub->db, &stmt, sql, err);

	*out = 0;
	if (rc != REP_OK)
		return rc;
	if (kind)
		rep_bind_text(stmt, 1, kind);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		*out = rep_column_int(stmt, 0);
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code put_contact(struct rep_hub *hub, const char *device, struct rep_json *row,
				 struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool found = false;
	enum rep_code rc = rep_db_use(hub->db, &stmt,
				      "SELECT hub_time, offset_ms FROM _segment WHERE device = ?1"
				      " ORDER BY first DESC LIMIT 1",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rc = rep_step(stmt, &found, err);
	rep_json_set(row, "last_contact",
		     found ? rep_json_string(rep_column_text(stmt, 0, NULL)) : rep_json_null());
	rep_json_set(row, "clock_offset_ms",
		     found ? rep_json_integer(rep_column_int(stmt, 1)) : rep_json_null());
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code put_lease(struct rep_hub *hub, const struct rep_org_device *device,
			       struct rep_json *row, struct rep_error *err)
{
	struct rep_stmt *stmt;
	char lease[REP_TIME_LEN + 1] = "";
	int64_t ms;
	bool found = false;
	enum rep_code rc = rep_db_use(hub->db, &stmt,
				      "SELECT hub_time FROM _published WHERE device = ?1", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device->id);
	rc = rep_step(stmt, &found, err);
	if (found && rep_time_parse(&ms, rep_column_text(stmt, 0, NULL)))
		rep_time_format(lease, rep_hub_lease_end(hub, device, ms));
	rep_json_set(row, "lease", *lease ? rep_json_string(lease) : rep_json_null());
	rep_stmt_reset(stmt);
	return rc;
}

/* Is there something in the outbox that no run has taken, and why is it not taken? */
static enum rep_code put_unmerged(struct rep_hub *hub, const char *device, struct rep_json *row,
				  struct rep_error *err)
{
	char *path = rep_hub_mailbox(hub->dir, device), *blocked = NULL;
	struct rep_git *git = NULL;
	struct rep_oid known, tip = rep_oid_zero;
	struct rep_error unreadable;
	enum rep_code rc, read;

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = rep_run_known(hub, device, &known, &blocked, err);
	read = rep_git_open(&git, path, &unreadable);
	if (read == REP_OK)
		read = rep_git_ref(git, REP_OUTBOX, &tip, &unreadable);
	rep_json_set(row, "unmerged", rep_json_bool(!rep_oid_equal(&known, &tip)));
	if (read != REP_OK)
		rep_json_set_string(row, "problem", unreadable.msg);
	else
		rep_json_set(row, "problem", blocked ? rep_json_string(blocked) : rep_json_null());
	rep_git_close(git);
	free(blocked);
	free(path);
	return rc;
}

enum rep_code rep_hub_device_contact(struct rep_hub *hub, const char *device, struct rep_json *row,
				     struct rep_error *err)
{
	enum rep_code rc = put_contact(hub, device, row, err);

	return rc == REP_OK ? put_unmerged(hub, device, row, err) : rc;
}

/* How far one that is to leave has come, says "left". */
static const char *shown(const char *state)
{
	return strcmp(state, "leaving") == 0 ? "revoked" : state;
}

static enum rep_code put_device(struct rep_hub *hub, const struct rep_org_device *device,
				int64_t now_ms, struct rep_json *list, struct rep_error *err)
{
	struct rep_json *row = rep_json_object();
	struct rep_head head;
	enum rep_code rc = rep_changes_head(hub->db, device->id, &head, err);

	rep_json_set_string(row, "device", device->id);
	rep_json_set(row, "rep", device->rep ? rep_json_string(device->rep) : rep_json_null());
	rep_json_set(row, "state",
		     device->state ? rep_json_string(shown(device->state)) : rep_json_null());
	rep_json_set(row, "since",
		     device->since ? rep_json_string(device->since) : rep_json_null());
	rep_json_set(row, "desk", rep_json_bool(device->desk));
	rep_json_set_integer(row, "seq", head.seq);
	rep_json_set(row, "owed", rep_json_bool(rep_healing_owes(hub, device->id)));
	if (rc == REP_OK)
		rc = put_contact(hub, device->id, row, err);
	if (rc == REP_OK)
		rc = put_lease(hub, device, row, err);
	if (rc == REP_OK)
		rc = put_unmerged(hub, device->id, row, err);
	if (rc == REP_OK)
		rc = rep_hub_put_left(hub, device, now_ms, row, err);
	rep_json_append(list, row);
	return rc;
}

static enum rep_code list_devices(struct rep_hub *hub, const char *id, const char *rep,
				  int64_t now_ms, struct rep_json **out, struct rep_error *err)
{
	struct rep_json *list = rep_json_array();
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(hub->org, &devices);
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < len; i++)
		if ((!id || strcmp(id, devices[i].id) == 0) &&
		    (!rep || (devices[i].rep && strcmp(rep, devices[i].rep) == 0)))
			rc = put_device(hub, &devices[i], now_ms, list, err);
	*out = rc == REP_OK ? list : NULL;
	if (rc != REP_OK)
		rep_json_free(list);
	return rc;
}

enum rep_code rep_hub_devices(struct rep_hub *hub, const char *rep, int64_t now_ms,
			      struct rep_json **out, struct rep_error *err)
{
	return rep_wrap(err, list_devices(hub, NULL, rep, now_ms, out, err), "list devices");
}

enum rep_code rep_hub_device_row(struct rep_hub *hub, const char *device, int64_t now_ms,
				 struct rep_json **out, struct rep_error *err)
{
	struct rep_json *list;
	enum rep_code rc = list_devices(hub, device, NULL, now_ms, &list, err);

	*out = NULL;
	if (rc == REP_OK && rep_json_size(list) == 0)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no device %s", device);
	if (rc == REP_OK)
		*out = rep_json_ref(rep_json_at(list, 0));
	rep_json_free(list);
	return rc;
}

static enum rep_code put_counts(struct rep_hub *hub, struct rep_json *out, struct rep_error *err)
{
	static const struct {
		const char *name, *sql, *kind;
	} counts[] = {
		{"conflicts", "SELECT count(*) FROM _review WHERE kind = ?1 AND state = 'open'",
		 "conflict"},
		{"proposals", "SELECT count(*) FROM _review WHERE kind = ?1 AND state = 'open'",
		 "proposal"},
		{"duplicates", "SELECT count(*) FROM _review WHERE kind = ?1 AND state = 'open'",
		 "duplicate"},
		{"rejections", "SELECT count(*) FROM _review WHERE kind = ?1", "rejection"},
		{"held", "SELECT count(*) FROM _held", NULL},
		{"quarantined", "SELECT count(*) FROM _quarantine", NULL},
		{"large_reads",
		 "SELECT count(*) FROM _change WHERE entity = ?1 AND op = 'insert'"
		 " AND eff >= strftime('%Y-%m-%dT%H:%M:%fZ', substr((SELECT max(eff) FROM _change), 1, 23), '-28 days')",
		 "access"},
	};
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < sizeof counts / sizeof *counts; i++) {
		int64_t n;

		rc = count_rows(hub, counts[i].sql, counts[i].kind, &n, err);
		rep_json_set_integer(out, counts[i].name, n);
	}
	return rc;
}

enum rep_code rep_hub_status(struct rep_hub *hub, int64_t now_ms, struct rep_json **out,
			     struct rep_error *err)
{
	struct rep_json *status = rep_json_object(), *devices = NULL;
	char *commit = NULL;
	int64_t run = 0;
	enum rep_code rc = rep_work_get_int(hub->db, "run", &run, err);

	if (rc == REP_OK)
		rc = list_devices(hub, NULL, NULL, now_ms, &devices, err);
	rep_json_set(status, "devices", devices ? devices : rep_json_array());
	if (rc == REP_OK)
		rc = put_counts(hub, status, err);
	if (rc == REP_OK)
		rc = rep_work_get(hub->db, "marker", &commit, err);
	rep_json_set_integer(status, "run", run);
	rep_json_set(status, "commit", commit ? rep_json_string(commit) : rep_json_null());
	free(commit);
	*out = rc == REP_OK ? status : NULL;
	if (rc != REP_OK)
		rep_json_free(status);
	return rep_wrap(err, rc, "status");
}
