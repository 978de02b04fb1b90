/*
 * Reading a replica for people and programs, as the JSON shapes of docs/cli.md.
 */
#ifndef REPSYNC_CORE_STORE_QUERY_H
#define REPSYNC_CORE_STORE_QUERY_H

#include <stdint.h>

#include "core/base/json.h"
#include "core/store/replica.h"

/* {"entity","id","partition","deleted","fields","stamps","unsent"}. REP_ENOTFOUND. */
REP_CHECK enum rep_code rep_query_get(struct rep_replica *replica, const char *entity,
				      const char *id, struct rep_json **out, struct rep_error *err);
struct rep_query_list {
	const char *entity;
	const char *where; /* an SQL condition, read-only, or NULL */
	const char *order; /* a field, perhaps followed by " desc", or NULL */
	int64_t limit;     /* 0 = all */
	bool archived;     /* also archived and deleted ones */
};
REP_CHECK enum rep_code rep_query_list(struct rep_replica *replica,
				       const struct rep_query_list *query, struct rep_json **out,
				       struct rep_error *err);
/* Records whose text has every word of `text`; catches the index up first. */
REP_CHECK enum rep_code rep_query_find(struct rep_replica *replica, const char *text, int64_t limit,
				       struct rep_json **out, struct rep_error *err);
/* One read-only SQL statement: {"columns":[...],"rows":[[...]]}. REP_EREFUSED for anything that writes. */
REP_CHECK enum rep_code rep_query_sql(struct rep_db *db, const char *sql, struct rep_json **out,
				      struct rep_error *err);
/* Own change sets, newest first: [{"seq","sealed","reason","changes","state":"unsent|sent|merged"}], pending ones first. */
REP_CHECK enum rep_code rep_query_log(struct rep_replica *replica, struct rep_json **out,
				      struct rep_error *err);
/* One own change set with its changes and their outcomes. */
REP_CHECK enum rep_code rep_query_show(struct rep_replica *replica, int64_t seq,
				       struct rep_json **out, struct rep_error *err);
/* Audit rows of a record, oldest first, as far as this replica knows (own changes, review items, stamps). */
REP_CHECK enum rep_code rep_query_history(struct rep_replica *replica, const char *entity,
					  const char *id, struct rep_json **out,
					  struct rep_error *err);
/* Review items: kind NULL = all; open ones only unless `all`. [{"item","kind","entity","id","field","state",...}] */
REP_CHECK enum rep_code rep_query_inbox(struct rep_replica *replica, const char *kind, bool all,
					struct rep_json **out, struct rep_error *err);
/* {"device","rep","role","pending","unsent","unacknowledged","last_sync","view","lease","inbox","hub_time",...} */
REP_CHECK enum rep_code rep_query_status(struct rep_replica *replica, int64_t now_ms,
					 struct rep_json **out, struct rep_error *err);

#endif
