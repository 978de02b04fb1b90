/*
 * One pass over all inboxes. Views of one pass are not atomic together, nor need they be: each is atomic by itself and a
 * function of central, and every run ends with a pass, so that what an interrupted one left out is made good.
 */
#include "sync/run/publish.h"

#include <stdlib.h>

#include "sync/run/run.h"

static enum rep_code publish_one(struct rep_publish *publish, const struct rep_org_device *device,
				 struct rep_error *err)
{
	struct rep_publish_view view = {0};
	enum rep_code rc;

	if (!device->rep || rep_hub_is_void(device) ||
	    !rep_org_device_active(publish->hub->org, device->id, publish->time))
		return REP_OK;
	rc = rep_publish_compose(publish, device, &view, err);
	if (rc == REP_OK)
		rc = rep_publish_inbox(publish, &view, err);
	rep_publish_view_clear(&view);
	return rc;
}

/* A mailbox that is busy, damaged or on a full disk must not keep the others from their views; the first failure is told. */
static enum rep_code publish_all(struct rep_publish *publish, const struct rep_progress *progress,
				 struct rep_error *err)
{
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(publish->hub->org, &devices);
	enum rep_code rc = REP_OK;

	for (size_t i = 0; i < len && rc == REP_OK; i++) {
		struct rep_error one;
		enum rep_code failed = publish_one(publish, &devices[i], &one);

		rep_progress_step(progress, "publish", i + 1, len);
		if (failed == REP_ENOMEM)
			rc = failed;
		if (failed != REP_OK && failed != REP_EBUSY && publish->failed == REP_OK) {
			publish->failed = failed;
			publish->failure = one;
		}
	}
	rep_publish_flush(publish);
	if (publish->failed != REP_OK)
		*err = publish->failure;
	return publish->failed;
}

enum rep_code rep_hub_publish(struct rep_hub *hub, int64_t now_ms, int64_t jobs,
			      const struct rep_progress *progress, struct rep_error *err)
{
	struct rep_publish publish = {.hub = hub, .jobs = jobs};
	char *last = NULL;
	int64_t last_ms;
	enum rep_code rc = rep_work_get(hub->db, "hub_time", &last, err);

	publish.now_ms = now_ms;
	if (rc == REP_OK && last && rep_time_parse(&last_ms, last) && last_ms > now_ms)
		publish.now_ms = last_ms;
	free(last);
	rep_time_format(publish.time, publish.now_ms);
	if (rc == REP_OK)
		rc = rep_db_begin(hub->db, err);
	if (rc != REP_OK)
		return rep_wrap(err, rc, "publish");
	rc = rep_publish_begin(&publish, err);
	if (rc == REP_OK)
		rc = publish_all(&publish, progress, err);
	/* What was published stands in the inboxes whatever happened after it: remember it all the same. */
	if (rc == REP_OK) {
		rc = rep_db_commit(hub->db, err);
	} else {
		struct rep_error ignored;
		enum rep_code kept = rep_db_commit(hub->db, &ignored);

		if (kept != REP_OK)
			rep_db_abort(hub->db);
	}
	rep_publish_end(&publish);
	if (rc == REP_OK) {
		rc = rep_hub_serve_refresh(hub, publish.now_ms, err);
	} else {
		struct rep_error ignored;

		(void)!rep_hub_serve_refresh(hub, publish.now_ms, &ignored);
	}
	return rep_wrap(err, rc, "publish");
}
