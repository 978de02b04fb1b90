#include <string.h>

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/store/changes.h"

enum rep_code rep_changes_segment(struct rep_db *db, const struct rep_segment_row *row,
				  struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(db, &stmt,
			   "INSERT INTO _segment(path, device, first, last, hub_time, commit_id,"
			   " run, offset_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
			   " ON CONFLICT(path) DO UPDATE SET hub_time = excluded.hub_time,"
			   " commit_id = coalesce(excluded.commit_id, commit_id),"
			   " run = max(run, excluded.run), offset_ms = excluded.offset_ms",
			   err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, row->path);
	rep_bind_text(stmt, 2, row->device);
	rep_bind_int(stmt, 3, row->first);
	rep_bind_int(stmt, 4, row->last);
	rep_bind_text(stmt, 5, row->hub_time);
	rep_bind_text(stmt, 6, row->commit);
	rep_bind_int(stmt, 7, row->run);
	rep_bind_int(stmt, 8, row->offset_ms);
	return rep_wrap(err, rep_run(stmt, err), "index segment %s", row->path);
}

enum rep_code rep_changes_commit(struct rep_db *db, const char *device, int64_t first, int64_t last,
				 const char *commit, int64_t run, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt,
				      "UPDATE _segment SET commit_id = ?4, run = ?5"
				      " WHERE device = ?1 AND first >= ?2 AND last <= ?3",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rep_bind_int(stmt, 2, first);
	rep_bind_int(stmt, 3, last);
	rep_bind_text(stmt, 4, commit);
	rep_bind_int(stmt, 5, run);
	return rep_run(stmt, err);
}

enum rep_code rep_changes_segment_of(struct rep_db *db, const char *device, int64_t seq,
				     struct rep_buf *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(db, &stmt,
				      "SELECT path FROM _segment WHERE device = ?1 AND first <= ?2"
				      " AND last >= ?2 ORDER BY first DESC LIMIT 1",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rep_bind_int(stmt, 2, seq);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		rep_buf_puts(out, rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_changes_set(struct rep_db *db, const char *device, int64_t seq, const char *hash,
			      const char *sealed, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt,
				      "INSERT OR REPLACE INTO _set(device, seq, hash, sealed)"
				      " VALUES(?1, ?2, ?3, ?4)",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rep_bind_int(stmt, 2, seq);
	rep_bind_text(stmt, 3, hash);
	rep_bind_text(stmt, 4, sealed);
	return rep_run(stmt, err);
}

static void copy_text(char *out, size_t size, struct rep_stmt *stmt, int index)
{
	size_t len = 0;
	const char *text = rep_column_text(stmt, index, &len);

	if (text && len < size)
		memcpy(out, text, len + 1);
}

enum rep_code rep_changes_set_hash(struct rep_db *db, const char *device, int64_t seq,
				   char out[REP_HASH_HEX + 1], struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc =
		rep_db_use(db, &stmt, "SELECT hash FROM _set WHERE device = ?1 AND seq = ?2", err);

	out[0] = '\0';
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rep_bind_int(stmt, 2, seq);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		copy_text(out, REP_HASH_HEX + 1, stmt, 0);
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_changes_head(struct rep_db *db, const char *device, struct rep_head *out,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc =
		rep_db_use(db, &stmt, "SELECT seq, hash, eff FROM _head WHERE device = ?1", err);

	memset(out, 0, sizeof *out);
	memcpy(out->hash, rep_changeset_no_prev, sizeof out->hash);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row) {
		out->seq = rep_column_int(stmt, 0);
		copy_text(out->hash, sizeof out->hash, stmt, 1);
		copy_text(out->eff, sizeof out->eff, stmt, 2);
	}
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_changes_head_put(struct rep_db *db, const char *device,
				   const struct rep_head *head, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		db, &stmt,
		"INSERT OR REPLACE INTO _head(device, seq, hash, eff) VALUES(?1, ?2, ?3, ?4)", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rep_bind_int(stmt, 2, head->seq);
	rep_bind_text(stmt, 3, head->hash);
	rep_bind_text(stmt, 4, head->eff);
	return rep_run(stmt, err);
}

/*
 * A cut stamp stands at received + 5 minutes, which an earlier cut change of the same receipt may already hold: then the
 * counter goes on from there, and past its four digits into the next millisecond. An uncut stamp is taken as it is: whether
 * it is behind the last one is for admission to judge.
 */
bool rep_effective_next(struct rep_stamp *out, char last[REP_STAMP_LEN + 1], const char *stamp,
			int64_t received_ms)
{
	bool cut = rep_stamp_effective(out, stamp, received_ms, 0);

	if (cut && *last && rep_stamp_compare(out->text, last) <= 0) {
		struct rep_clock clock = {0};

		rep_clock_observe(&clock, last);
		rep_clock_tick(&clock, 0, rep_stamp_device(stamp), out);
	}
	if (!*last || rep_stamp_compare(out->text, last) > 0)
		memcpy(last, out->text, REP_STAMP_LEN + 1);
	return cut;
}
