/*
 * New rules: publishing a version of the schema, and looking at those that were published.
 *
 * A version that would break what exists is refused, and all that is wrong with it is told. A published one is signed in the
 * hub's own chain by its hash, takes effect at the later of its beginning and the hub's time, and never goes again.
 */
#ifndef REPSYNC_SYNC_ADMIN_HUB_SCHEMA_H
#define REPSYNC_SYNC_ADMIN_HUB_SCHEMA_H

#include "core/base/json.h"
#include "sync/hub/hub.h"

struct rep_hub_publish_schema {
	const char *dir;
	const char *effective; /* a datetime; NULL = the schema's own, or now where that is past */
	bool check;            /* change nothing */
	int64_t now_ms;
	const struct rep_progress *progress;
};
/*
 * {"schema","hash","effective","published","state","ok","problems":[{"file","entity","field","code","what"}],
 *  "changes":[as rep_schema_diff], "records"}: `records` were looked at; `state` is "in force" or "planned". With `check`
 * problems are told in *out alone; else the first one is the failure: REP_EINVAL, and nothing is published. A folder that is the
 * newest version already is published again without effect.
 */
REP_CHECK enum rep_code rep_hub_schema_publish(struct rep_hub *hub,
					       const struct rep_hub_publish_schema *publish,
					       struct rep_json **out, struct rep_error *err);
/* [{"version","schema","hash","since","state"}], oldest first; `since` null = from the beginning; state past, in force, planned. */
REP_CHECK enum rep_code rep_hub_schema_list(struct rep_hub *hub, struct rep_json **out,
					    struct rep_error *err);
/* One of these with "files":[{"path","size"}]; version 0 = the one in force. */
REP_CHECK enum rep_code rep_hub_schema_show(struct rep_hub *hub, int version, struct rep_json **out,
					    struct rep_error *err);
/* The text of a version's file, appended. REP_ENOTFOUND. */
struct rep_buf;
REP_CHECK enum rep_code rep_hub_schema_file(struct rep_hub *hub, int version, const char *path,
					    struct rep_buf *out, struct rep_error *err);
/* Differences between two versions (0 = the one in force), or between one and a folder where `dir` is not NULL. */
REP_CHECK enum rep_code rep_hub_schema_diff(struct rep_hub *hub, int from, int to, const char *dir,
					    struct rep_json **out, struct rep_error *err);

#endif
