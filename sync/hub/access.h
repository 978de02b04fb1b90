/*
 * Who read what at the hub: the access log. An entry is written and synced before the answer is given, and a second one with the number
 * of rows after it; entries are signed by the hub and chained, like everything else that is evidence here.
 *
 *	access.jsonl		of the hub's folder: entries that no run has taken yet, two lines each (signed.h)
 *	access/<yyyy-mm>/<first>-<last>.jsonl	of central: those that a run took, the very bytes
 *	access/head.json	of central: {"hash","n"} of the last of them; a statement names it among the heads, as "access"
 *
 *	entry	{"type":"access","format":1,"n","prev","time","user","rep","command","args","asked","rows"}: `prev` = SHA-256 of the
 *		first line of the entry before (64 zeros for the first); `user` as the operating system knows them; `rep` as they said, or
 *		null; `args` the texts of the command; `asked` null, or in a second entry the number of the first, and then `rows` is set
 */
#ifndef REPSYNC_SYNC_HUB_ACCESS_H
#define REPSYNC_SYNC_HUB_ACCESS_H

#include "core/base/json.h"
#include "sync/hub/hub.h"

struct rep_access {
	const char *command; /* "audit" */
	const char *user;
	const char *rep; /* NULL = not said */
	const char *const *args;
	size_t args_len;
	int64_t now_ms;
};
/*
 * Durable when it returns: *n is the entry's number. A hub that was opened for reading only will do. REP_EREFUSED when `rep` is nobody who
 * has a role now; what cannot be written is an error, and then nothing may be told.
 */
REP_CHECK enum rep_code rep_access_begin(struct rep_hub *hub, const struct rep_access *access,
					 int64_t *n, struct rep_error *err);
REP_CHECK enum rep_code rep_access_end(struct rep_hub *hub, const struct rep_access *access,
				       int64_t n, int64_t rows, struct rep_error *err);

/* Entries in their order, verified as they are read, in central and then in the folder. */
REP_CHECK enum rep_code rep_access_each(struct rep_hub *hub,
					enum rep_code (*each)(void *user,
							      const struct rep_json *entry,
							      struct rep_error *err),
					void *user, struct rep_error *err);

#endif
