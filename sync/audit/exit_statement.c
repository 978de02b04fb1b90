/*
 * The end of a leaving, signed: for the company's files, and for the rep. It names the last number and hash of each chain, so that
 * whoever has a journal can see that nothing is missing up to there, and the newest statement of the hub, which stands for all chains.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/signed.h"
#include "core/store/changes.h"
#include "sync/hub/hub_state.h"
#include "sync/hub/leaving.h"

/* Records a device was shown, by entity: numbers only, since a statement goes to others. */
static enum rep_code put_shown(struct rep_hub *hub, struct rep_json *row, struct rep_error *err)
{
	struct rep_json *exposure = NULL, *shown = rep_json_object();
	const struct rep_json *entities;
	enum rep_code rc =
		rep_hub_exposure(hub, rep_json_get_string(row, "device"), &exposure, err);

	entities = rep_json_get(exposure, "entities");
	for (size_t i = 0; i < rep_json_size(entities); i++) {
		const struct rep_json *one = rep_json_at(entities, i);

		if (strcmp(rep_json_get_string(one, "class"), "open") == 0)
			rep_json_set_integer(shown, rep_json_get_string(one, "entity"),
					     rep_json_get_integer(one, "records"));
	}
	rep_json_set(row, "shown", shown);
	rep_json_free(exposure);
	return rc;
}

/* What of a device's row belongs into the statement. */
static struct rep_json *device_row(const struct rep_json *row)
{
	static const char *const names[] = {
		"device", "since",       "seq",          "hash",  "late_final", "rejected",
		"held",   "quarantined", "last_contact", "lease", "left",       "left_at",
	};
	struct rep_json *out = rep_json_object();

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct rep_json *value = rep_json_get(row, names[i]);

		rep_json_set(out, names[i], value ? rep_json_ref(value) : rep_json_null());
	}
	return out;
}

static enum rep_code put_devices(struct rep_hub *hub, const char *rep, int64_t now_ms,
				 struct rep_json *document, struct rep_error *err)
{
	struct rep_json *rows = NULL, *list = rep_json_array();
	enum rep_code rc = rep_hub_devices(hub, rep, now_ms, &rows, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(rows); i++) {
		struct rep_json *row = rep_json_at(rows, i), *kept;

		if (!rep_json_get_string(row, "left")) {
			rc = rep_fail(err, REP_EREFUSED, "device %s of %s is not revoked",
				      rep_json_get_string(row, "device"), rep);
			rep_hint(err, "hub offboard %s", rep);
			break;
		}
		rc = rep_hub_put_last(hub, row, now_ms, err);
		kept = device_row(row);
		if (rc == REP_OK)
			rc = put_shown(hub, kept, err);
		rep_json_append(list, kept);
	}
	rep_json_free(rows);
	rep_json_set(document, "devices", list);
	return rc;
}

enum rep_code rep_hub_exit_statement(struct rep_hub *hub, const char *rep, int64_t now_ms,
				     struct rep_buf *out, struct rep_error *err)
{
	struct rep_json *document = rep_json_object();
	char time[REP_TIME_LEN + 1];
	char *statement = NULL;
	enum rep_code rc = REP_OK;

	rep_time_format(time, now_ms);
	rep_json_set_string(document, "type", "exit-statement");
	rep_json_set_integer(document, "format", 1);
	rep_json_set_string(document, "company", hub->company);
	rep_json_set_string(document, "rep", rep);
	rep_json_set_string(document, "issued", time);
	if (!rep_org_has_rep(hub->org, rep))
		rc = rep_fail(err, REP_ENOTFOUND, "there is no rep %s", rep);
	else if (rep_org_role(hub->org, rep, time))
		rc = rep_fail(err, REP_EREFUSED, "%s has a role still", rep);
	if (rc == REP_OK)
		rc = put_devices(hub, rep, now_ms, document, err);
	if (rc == REP_OK)
		rc = rep_work_get(hub->db, "statement", &statement, err);
	rep_json_set(document, "statement",
		     statement ? rep_json_string(statement) : rep_json_null());
	if (rc == REP_OK)
		rc = rep_signed_write(out, document, &hub->key, err);
	free(statement);
	rep_json_free(document);
	return rep_wrap(err, rc, "exit statement of %s", rep);
}

/* Does central hold the chain that the statement names? */
static enum rep_code check_chain(struct rep_hub *hub, const struct rep_json *row,
				 struct rep_error *err)
{
	const char *device = rep_json_get_string(row, "device");
	const char *hash = rep_json_get_string(row, "hash");
	const int64_t seq = rep_json_get_integer(row, "seq");
	char have[REP_HASH_HEX + 1];
	enum rep_code rc;

	if (!device || !hash)
		return rep_fail(err, REP_EINTEGRITY, "a device without its chain");
	if (seq == 0)
		return REP_OK;
	rc = rep_changes_set_hash(hub->db, device, seq, have, err);
	if (rc == REP_OK && strcmp(have, hash) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "number %lld of %s is another one here",
			      (long long)seq, device);
	if (rc == REP_ENOTFOUND)
		rc = rep_fail(err, REP_EINTEGRITY, "number %lld of %s is not here", (long long)seq,
			      device);
	return rc;
}

enum rep_code rep_hub_check_exit(struct rep_hub *hub, const char *data, size_t len,
				 struct rep_json **out, struct rep_error *err)
{
	struct rep_json *document = NULL;
	const struct rep_json *devices;
	const uint8_t *signer = rep_hubkeys_signer(&hub->keys, data, len);
	const char *issued;
	enum rep_code rc = rep_signed_read(&document, data, len, "exit-statement", signer, err);

	*out = NULL;
	issued = rep_json_get_string(document, "issued");
	if (rc == REP_OK && (!issued || rep_hubkeys_given_up(&hub->keys, signer, issued)))
		rc = rep_fail(err, REP_EINTEGRITY,
			      "it is signed with a key that the hub had given up");
	devices = rep_json_get(document, "devices");
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(devices); i++)
		rc = check_chain(hub, rep_json_at(devices, i), err);
	if (rc == REP_OK)
		*out = document;
	else
		rep_json_free(document);
	return rep_wrap(err, rc, "exit statement");
}
