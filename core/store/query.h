/*
 * Reading a replica for people and programs, as the JSON shapes of docs/cli.md.
 */
#ifndef REPSYNC_CORE_STORE_QUERY_H
#define REPSYNC_CORE_STORE_QUERY_H

#include <stdint.h>

#include "core/base/json.h"
#include "core/store/replica.h"

/*
 * {"entity","id","partition","deleted","fields","stamps","unsent"}: unsent = the fields with edits that no view has acknowledged
 * yet, sorted. REP_ENOTFOUND.
 */
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
/*
 * SQL statements that write rows of entities, in one transaction, captured like any edit; *edits counts what was recorded. For replicas
 * that no foreign client can open. REP_EREFUSED for anything else than rows of entities.
 */
REP_CHECK enum rep_code rep_query_sql_write(struct rep_db *db, const char *sql, int64_t *edits,
					    struct rep_error *err);
/* One read-only SQL statement: {"columns":[...],"rows":[[...]]}. REP_EREFUSED for anything that writes. */
REP_CHECK enum rep_code rep_query_sql(struct rep_db *db, const char *sql, struct rep_json **out,
				      struct rep_error *err);
/*
 * Own change sets, newest first: [{"seq","sealed","reason","changes","state":"pending|unsent|sent|merged"}]; what is pending comes first,
 * a row for each run of one reason, with seq and sealed null.
 */
REP_CHECK enum rep_code rep_query_log(struct rep_replica *replica, struct rep_json **out,
				      struct rep_error *err);
/*
 * {"seq","device","rep","schema","sealed","state","reason","hash","prev","base","changes":[{"index","stamp","op","entity","id","values",
 * "outcome"...}]}: outcome null until the hub has said it; values null where they were erased. REP_ENOTFOUND.
 */
REP_CHECK enum rep_code rep_query_show(struct rep_replica *replica, int64_t seq,
				       struct rep_json **out, struct rep_error *err);
/*
 * Audit rows of a record, oldest first, as far as this replica knows: its own changes, pending ones included; what rivals in review
 * items wrote; and of everything else the value that stands, with who wrote it when.
 */
REP_CHECK enum rep_code rep_query_history(struct rep_replica *replica, const char *entity,
					  const char *id, struct rep_json **out,
					  struct rep_error *err);
/*
 * Review items: kind NULL = all; open ones only unless `all`. [{"item","kind","entity","id","title","field","state","since",...}], oldest
 * first; a conflict also "rule","rivals","stands"; a proposal "value","rep","reason","to"; a rejection "code","text","op","value",
 * "changeset"; a duplicate "a","b","key". Uses db and schema of the replica only.
 */
REP_CHECK enum rep_code rep_query_inbox(struct rep_replica *replica, const char *kind, bool all,
					struct rep_json **out, struct rep_error *err);
/* {"device","rep","role","state","schema","pending","unsent","unacknowledged","last_sync","view","epoch","lease","lease_over","lease_days_left","inbox",
 * "hub_time"}; unsent and unacknowledged count change sets. */
REP_CHECK enum rep_code rep_query_status(struct rep_replica *replica, int64_t now_ms,
					 struct rep_json **out, struct rep_error *err);

#endif
