#include "core/store/erased.h"

#include <string.h>

#include "core/base/limits.h"

static const char tables[] =
	"CREATE TABLE IF NOT EXISTS _erased(entity TEXT NOT NULL, id TEXT NOT NULL, stamp TEXT NOT NULL,"
	" PRIMARY KEY(entity, id)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS _erased_line(device TEXT NOT NULL, seq INTEGER NOT NULL,"
	" idx INTEGER NOT NULL, digest TEXT NOT NULL, kept TEXT, listed INTEGER NOT NULL,"
	" PRIMARY KEY(device, seq, idx)) STRICT, WITHOUT ROWID;";

enum rep_code rep_erased_create(struct rep_db *db, struct rep_error *err)
{
	return rep_wrap(err, rep_db_exec(db, tables, err), "make the list of erased lines");
}

/* ---- lines ---- */

static void bind_place(struct rep_stmt *stmt, const char *device, int64_t seq, unsigned index)
{
	rep_bind_text(stmt, 1, device);
	rep_bind_int(stmt, 2, seq);
	rep_bind_int(stmt, 3, index);
}

enum rep_code rep_erased_put_line(struct rep_db *db, const struct rep_erased_line *line,
				  struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		db, &stmt,
		line->listed
			? "INSERT INTO _erased_line(device, seq, idx, digest, kept, listed)"
			  " VALUES(?1, ?2, ?3, ?4, ?5, 1) ON CONFLICT DO UPDATE SET listed = 1,"
			  " digest = excluded.digest, kept = excluded.kept"
			: "INSERT INTO _erased_line(device, seq, idx, digest, kept, listed)"
			  " VALUES(?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT DO NOTHING",
		err);

	if (rc != REP_OK)
		return rc;
	bind_place(stmt, line->device, line->seq, line->index);
	rep_bind_text(stmt, 4, line->digest);
	rep_bind_text(stmt, 5, line->kept);
	return rep_run(stmt, err);
}

enum rep_code rep_erased_find_line(struct rep_db *db, const char *device, int64_t seq,
				   unsigned index, bool *found, struct rep_json **kept,
				   struct rep_error *err)
{
	struct rep_stmt *stmt;
	const char *text;
	size_t len = 0;
	enum rep_code rc = rep_db_use(
		db, &stmt,
		"SELECT kept FROM _erased_line WHERE device = ?1 AND seq = ?2 AND idx = ?3", err);

	*found = false;
	if (kept)
		*kept = NULL;
	if (rc != REP_OK)
		return rc;
	bind_place(stmt, device, seq, index);
	rc = rep_step(stmt, found, err);
	text = rc == REP_OK && *found ? rep_column_text(stmt, 0, &len) : NULL;
	if (text && kept)
		rc = rep_json_parse(kept, text, len, REP_LINE_SIZE_MAX, REP_JSON_DEPTH_MAX, err);
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_erased_index(struct rep_db *db, const struct rep_erased_line *line,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt,
				      "UPDATE _change SET line = ?4 WHERE device = ?1 AND seq = ?2"
				      " AND idx = ?3",
				      err);

	if (rc != REP_OK)
		return rc;
	bind_place(stmt, line->device, line->seq, line->index);
	rep_bind_text(stmt, 4, line->kept);
	return rep_run(stmt, err);
}

enum rep_code rep_erased_closure(struct rep_db *db, const struct rep_json *closure,
				 enum rep_code (*each)(void *user,
						       const struct rep_erased_line *line,
						       struct rep_error *err),
				 void *user, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(closure); i++) {
		const struct rep_json *one = rep_json_at(closure, i);
		const struct rep_erased_line line = {
			.device = rep_json_get_string(one, "device"),
			.seq = rep_json_get_integer(one, "seq"),
			.index = (unsigned)rep_json_get_integer(one, "index"),
			.digest = rep_json_get_string(one, "digest"),
			.kept = rep_json_get_string(one, "kept"),
			.listed = true,
		};

		rc = rep_erased_put_line(db, &line, err);
		if (rc == REP_OK)
			rc = rep_erased_index(db, &line, err);
		if (rc == REP_OK && each)
			rc = each(user, &line, err);
	}
	return rc;
}

/* ---- records ---- */

enum rep_code rep_erased_put_record(struct rep_db *db, const char *entity, const char *id,
				    const char *stamp, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		db, &stmt,
		"INSERT INTO _erased(entity, id, stamp) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING",
		err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	rep_bind_text(stmt, 3, stamp);
	return rep_run(stmt, err);
}

enum rep_code rep_erased_has_record(struct rep_db *db, const char *entity, const char *id,
				    bool *erased, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(db, &stmt, "SELECT 1 FROM _erased WHERE entity = ?1 AND id = ?2", err);

	*erased = false;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	rc = rep_step(stmt, erased, err);
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_erased_may(struct rep_db *db, const struct rep_erased_line *line,
			     const char *entity, const char *id, bool *may, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt,
				      "SELECT 1 FROM _erased_line WHERE device = ?1 AND seq = ?2"
				      " AND idx = ?3 AND digest = ?4 AND listed = 1",
				      err);

	*may = false;
	if (rc != REP_OK)
		return rc;
	bind_place(stmt, line->device, line->seq, line->index);
	rep_bind_text(stmt, 4, line->digest);
	rc = rep_step(stmt, may, err);
	rep_stmt_reset(stmt);
	return rc == REP_OK && !*may ? rep_erased_has_record(db, entity, id, may, err) : rc;
}

/* ---- the list ---- */

enum rep_code rep_erased_hash(struct rep_db *db, char out[REP_HASH_HEX + 1], struct rep_error *err)
{
	struct rep_sha256 *state = rep_sha256_new();
	struct rep_buf line = REP_BUF_INIT(256);
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = state ? rep_db_use(db, &stmt,
					      "SELECT device, seq, idx, digest FROM _erased_line"
					      " ORDER BY device, seq, idx",
					      err)
				 : rep_fail(err, REP_ENOMEM, "out of memory");

	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		rep_buf_reset(&line);
		rep_buf_printf(&line, "%s %lld %lld %s\n", rep_column_text(stmt, 0, NULL),
			       (long long)rep_column_int(stmt, 1),
			       (long long)rep_column_int(stmt, 2), rep_column_text(stmt, 3, NULL));
		rep_sha256_update(state, rep_buf_str(&line), line.len);
	}
	if (state)
		rep_sha256_final_hex(state, out);
	rep_buf_clear(&line);
	return rc;
}

enum rep_code rep_erased_write(struct rep_db *db, const char *device, struct rep_buf *out,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(db, &stmt,
				      "SELECT digest, idx, seq FROM _erased_line WHERE device = ?1"
				      " ORDER BY seq, idx",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	while ((rc = rep_step(stmt, &row, err)) == REP_OK && row)
		rep_buf_printf(out, "{\"digest\":\"%s\",\"index\":%lld,\"seq\":%lld}\n",
			       rep_column_text(stmt, 0, NULL), (long long)rep_column_int(stmt, 1),
			       (long long)rep_column_int(stmt, 2));
	rep_stmt_reset(stmt);
	return rc == REP_OK ? rep_buf_check(out, "a list of erased lines", err) : rc;
}
