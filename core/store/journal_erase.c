/* The one update that the journal's triggers allow: value lines become null. */
#include <inttypes.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/deflate.h"
#include "core/store/journal.h"

static enum rep_code mark(struct rep_db *db, const char *sql, int64_t seq, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt, sql, err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, seq);
	return rep_run(stmt, err);
}

/* The reason beside the bytes is that of a line: it goes too. */
static enum rep_code write_back(struct rep_db *db, int64_t seq, const struct rep_buf *bytes,
				struct rep_error *err)
{
	struct rep_buf data = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_stmt *stmt;
	enum rep_code rc = rep_deflate(&data, bytes->data, bytes->len, err);

	if (rc == REP_OK)
		rc = mark(db, "INSERT INTO _erasing(seq) VALUES(?1)", seq, err);
	if (rc == REP_OK)
		rc = rep_db_use(db, &stmt,
				"UPDATE _journal SET data = ?2, size = ?3, reason = NULL"
				" WHERE seq = ?1",
				err);
	if (rc == REP_OK) {
		rep_bind_int(stmt, 1, seq);
		rep_bind_blob(stmt, 2, data.data, data.len);
		rep_bind_int(stmt, 3, (int64_t)bytes->len);
		rc = rep_run(stmt, err);
	}
	if (rc == REP_OK)
		rc = mark(db, "DELETE FROM _erasing WHERE seq = ?1", seq, err);
	rep_buf_clear(&data);
	return rc;
}

enum rep_code rep_journal_erase(struct rep_db *db, int64_t seq, size_t index, const char *digest,
				struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_buf erased = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_changeset set = {0};
	size_t used = 0;
	enum rep_code rc = rep_journal_read(db, seq, &bytes, err);

	if (rc == REP_OK)
		rc = rep_changeset_read(&set, &used, bytes.data, bytes.len, NULL, err);
	if (rc == REP_OK &&
	    (index >= set.changes_len || strcmp(set.changes[index].digest, digest) != 0))
		rc = rep_fail(err, REP_EINTEGRITY, "change %zu is not the one to be erased", index);
	if (rc == REP_OK && set.changes[index].line) {
		rc = rep_changeset_erase(&erased, bytes.data, bytes.len, index, err);
		if (rc == REP_OK)
			rc = write_back(db, seq, &erased, err);
	}
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
	rep_buf_clear(&erased);
	return rep_wrap(err, rc, "journal: erase in change set %" PRId64, seq);
}
