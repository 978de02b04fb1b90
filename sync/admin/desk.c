#include "sync/device/desk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "sync/hub/hub.h"

#define MAILBOXES "/mailboxes/"

/* The hub's folder: what stands before "/mailboxes/<device>.git" in a desk's URL. *out NULL for anything else. */
static enum rep_code hub_folder(struct rep_db *db, char **out, struct rep_error *err)
{
	struct rep_json *invitation = NULL;
	const char *url, *mailboxes;
	char *text = NULL;
	enum rep_code rc;

	*out = NULL;
	rc = rep_meta_get(db, "invitation", &text, err);
	if (rc || !text)
		goto out;
	rc = rep_json_parse(&invitation, text, strlen(text), REP_LINE_SIZE_MAX, REP_JSON_DEPTH_MAX,
			    err);
	if (rc || !rep_json_get_bool(invitation, "desk"))
		goto out;
	url = rep_json_get_string(invitation, "url");
	if (url && strncmp(url, "file://", 7) == 0)
		url += 7;
	mailboxes = url && *url == '/' ? strstr(url, MAILBOXES) : NULL;
	if (!mailboxes)
		goto out;
	/* The last one: a hub may lie below a folder of that name. */
	for (const char *next = mailboxes; next; next = strstr(next + 1, MAILBOXES))
		mailboxes = next;
	*out = strndup(url, (size_t)(mailboxes - url));
	if (!*out)
		rc = rep_fail(err, REP_ENOMEM, "no memory");
out:
	rep_json_free(invitation);
	free(text);
	return rc;
}

static bool may_merge(const char *hub)
{
	struct rep_buf path = REP_BUF_INIT(4096);
	bool may;

	rep_buf_printf(&path, "%s/keys/hub.key", hub);
	may = !path.failed && access(rep_buf_str(&path), R_OK) == 0 && access(hub, W_OK) == 0;
	rep_buf_clear(&path);
	return may;
}

static enum rep_code merge(const char *dir, const struct rep_sync *options, struct rep_error *err)
{
	struct rep_hub_merge run = {.now_ms = options->now_ms, .progress = options->progress};
	struct rep_json *summary = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	rc = rep_hub_open(&hub, dir, false, err);
	if (!rc)
		rc = rep_hub_merge(hub, &run, &summary, err);
	rep_hub_close(hub);
	rep_json_free(summary);
	return rep_wrap(err, rc, "merge at the hub");
}

/* Counts add up; what is no count (lease, time) is the newer one's. */
static void add_up(struct rep_json *total, const struct rep_json *first)
{
	for (void *it = rep_json_iter(first); it; it = rep_json_iter_next(first, it)) {
		const char *key = rep_json_iter_key(it);

		if (rep_json_is(rep_json_iter_value(it), REP_JSON_INTEGER))
			rep_json_set_integer(
				total, key,
				rep_json_get_integer(total, key) +
					rep_json_integer_value(rep_json_iter_value(it)));
	}
}

enum rep_code rep_desk_sync(struct rep_replica *replica, const struct rep_sync *options,
			    struct rep_json **summary, struct rep_error *err)
{
	struct rep_json *first = NULL;
	char *hub = NULL;
	enum rep_code rc;

	*summary = NULL;
	rc = rep_device_sync(replica, options, &first, err);
	if (!rc)
		rc = hub_folder(replica->db, &hub, err);
	if (rc || !hub || !may_merge(hub))
		goto out;
	rc = merge(hub, options, err);
	if (rc == REP_EBUSY) {
		rc = REP_OK;
		goto out;
	}
	if (!rc)
		rc = rep_device_sync(replica, options, summary, err);
	if (!rc)
		add_up(*summary, first);
out:
	if (!rc && !*summary) {
		*summary = first;
		first = NULL;
	}
	rep_json_free(first);
	free(hub);
	return rc;
}
