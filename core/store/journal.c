#include "core/store/journal.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/deflate.h"

enum rep_code rep_journal_head(struct rep_db *db, struct rep_journal_head *out,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(
		db, &stmt, "SELECT seq, hash FROM _journal ORDER BY seq DESC LIMIT 1", err);

	*out = (struct rep_journal_head){0};
	memcpy(out->hash, rep_changeset_no_prev, sizeof out->hash);
	if (rc != REP_OK)
		return rc;
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row) {
		const char *hash = rep_column_text(stmt, 1, NULL);

		out->seq = rep_column_int(stmt, 0);
		if (!hash || strlen(hash) != REP_HASH_HEX)
			rc = rep_fail(err, REP_EINTEGRITY,
				      "journal: change set %" PRId64 " has no hash", out->seq);
		else
			memcpy(out->hash, hash, sizeof out->hash);
	}
	rep_stmt_reset(stmt);
	return rc;
}

/* Which change sets touched a record: what history and rebase ask. */
static enum rep_code index_records(struct rep_db *db, const struct rep_changeset *set,
				   struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < set->changes_len; i++) {
		rc = rep_db_use(
			db, &stmt,
			"INSERT OR IGNORE INTO _journal_record (entity, id, seq) VALUES (?1, ?2, "
			"?3)",
			err);
		if (rc != REP_OK)
			return rc;
		rep_bind_text(stmt, 1, set->changes[i].entity);
		rep_bind_text(stmt, 2, set->changes[i].id);
		rep_bind_int(stmt, 3, set->seq);
		rc = rep_run(stmt, err);
	}
	return rc;
}

static enum rep_code insert(struct rep_db *db, const struct rep_changeset *set,
			    const struct rep_buf *data, struct rep_error *err)
{
	const struct rep_json *line = set->changes_len ? set->changes[0].line : NULL;
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(db, &stmt,
			   "INSERT INTO _journal (seq, hash, prev, sealed, reason, changes, "
			   "size, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			   err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, set->seq);
	rep_bind_text(stmt, 2, set->hash);
	rep_bind_text(stmt, 3, set->prev);
	rep_bind_text(stmt, 4, set->sealed);
	rep_bind_text(stmt, 5, line ? rep_json_get_string(line, "reason") : NULL);
	rep_bind_int(stmt, 6, (int64_t)set->changes_len);
	rep_bind_int(stmt, 7, (int64_t)set->size_bytes);
	rep_bind_blob(stmt, 8, data->data, data->len);
	rc = rep_run(stmt, err);
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_journal_append(struct rep_db *db, const struct rep_changeset *set,
				 struct rep_error *err)
{
	struct rep_buf data = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_journal_head head;
	enum rep_code rc = rep_journal_head(db, &head, err);

	if (rc == REP_OK && (set->seq != head.seq + 1 || strcmp(set->prev, head.hash) != 0))
		rc = rep_fail(err, REP_EORDER,
			      "change set %" PRId64 " does not continue the chain at %" PRId64,
			      set->seq, head.seq);
	if (rc == REP_OK)
		rc = rep_deflate(&data, set->bytes, set->size_bytes, err);
	if (rc == REP_OK)
		rc = rep_db_begin(db, err);
	if (rc == REP_OK) {
		rc = insert(db, set, &data, err);
		if (rc == REP_OK)
			rc = index_records(db, set, err);
		if (rc == REP_OK)
			rc = rep_db_commit(db, err);
		else
			rep_db_abort(db);
	}
	rep_buf_clear(&data);
	return rep_wrap(err, rc, "journal");
}

enum rep_code rep_journal_read(struct rep_db *db, int64_t seq, struct rep_buf *out,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc =
		rep_db_use(db, &stmt, "SELECT data, size FROM _journal WHERE seq = ?1", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, seq);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && !row)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no change set %" PRId64, seq);
	if (rc == REP_OK) {
		size_t len;
		const void *data = rep_column_blob(stmt, 0, &len);
		int64_t size = rep_column_int(stmt, 1);

		if (!data || size < 0)
			rc = rep_fail(err, REP_EINTEGRITY, "change set %" PRId64 " has no bytes",
				      seq);
		else
			rc = rep_inflate(out, data, len, (size_t)size, err);
	}
	rep_stmt_reset(stmt);
	return rep_wrap(err, rc, "journal: change set %" PRId64, seq);
}

/* ---- walking ---- */

static enum rep_code read_set(struct rep_db *db, int64_t seq, const uint8_t *public,
			      struct rep_buf *bytes, struct rep_changeset *set,
			      struct rep_error *err)
{
	size_t used;
	enum rep_code rc;

	rep_buf_reset(bytes);
	rc = rep_journal_read(db, seq, bytes, err);
	if (rc == REP_OK)
		rc = rep_changeset_read(set, &used, rep_buf_str(bytes), bytes->len, public, err);
	if (rc == REP_OK && used != bytes->len)
		rc = rep_fail(err, REP_EINTEGRITY, "%zu bytes too many", bytes->len - used);
	return rc;
}

enum rep_code rep_journal_each(struct rep_replica *replica, int64_t from,
			       enum rep_code (*each)(void *user, const struct rep_changeset *set,
						     struct rep_error *err),
			       void *user, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_journal_head head;
	enum rep_code rc = rep_journal_head(replica->db, &head, err);

	for (int64_t seq = from > 1 ? from : 1; rc == REP_OK && seq <= head.seq; seq++) {
		struct rep_changeset set = {0};

		rc = read_set(replica->db, seq, NULL, &bytes, &set, err);
		if (rc == REP_OK)
			rc = each(user, &set, err);
		rep_changeset_clear(&set);
	}
	rep_buf_clear(&bytes);
	return rc;
}

/* What the database says beside the bytes must be what the bytes say. */
static enum rep_code check_row(struct rep_db *db, const struct rep_changeset *set,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc =
		rep_db_use(db, &stmt,
			   "SELECT 1 FROM _journal WHERE seq = ?1 AND hash = ?2 AND prev = ?3 "
			   "AND sealed = ?4 AND changes = ?5",
			   err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, set->seq);
	rep_bind_text(stmt, 2, set->hash);
	rep_bind_text(stmt, 3, set->prev);
	rep_bind_text(stmt, 4, set->sealed);
	rep_bind_int(stmt, 5, (int64_t)set->changes_len);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && !row)
		rc = rep_fail(err, REP_EINTEGRITY, "its row in the journal says something else");
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code verify_set(struct rep_replica *replica, int64_t seq, struct rep_buf *bytes,
				char prev[REP_HASH_HEX + 1], struct rep_error *err)
{
	struct rep_changeset set = {0};
	enum rep_code rc = read_set(replica->db, seq, replica->key.public, bytes, &set, err);

	if (rc == REP_OK && set.seq != seq)
		rc = rep_fail(err, REP_EINTEGRITY, "it bears the number %" PRId64, set.seq);
	if (rc == REP_OK && strcmp(set.device, replica->device) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "it is of device %s", set.device);
	if (rc == REP_OK && strcmp(set.prev, prev) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "it does not follow the one before");
	if (rc == REP_OK)
		rc = check_row(replica->db, &set, err);
	if (rc == REP_OK)
		memcpy(prev, set.hash, REP_HASH_HEX + 1);
	rep_changeset_clear(&set);
	/* Whatever cannot be read here was written by this device: it is damage. */
	if (rc != REP_OK && rc != REP_ENOMEM && rc != REP_EIO && rc != REP_EBUSY) {
		err->code = REP_EINTEGRITY;
		rc = REP_EINTEGRITY;
	}
	return rep_wrap(err, rc, "journal: change set %" PRId64, seq);
}

enum rep_code rep_journal_verify(struct rep_replica *replica, int64_t *checked,
				 struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	char prev[REP_HASH_HEX + 1];
	struct rep_journal_head head;
	enum rep_code rc = rep_journal_head(replica->db, &head, err);

	*checked = 0;
	memcpy(prev, rep_changeset_no_prev, sizeof prev);
	for (int64_t seq = 1; rc == REP_OK && seq <= head.seq; seq++) {
		rc = verify_set(replica, seq, &bytes, prev, err);
		if (rc == REP_OK)
			(*checked)++;
	}
	rep_buf_clear(&bytes);
	return rc;
}

int64_t rep_pending_count(struct rep_db *db)
{
	struct rep_stmt *stmt;
	struct rep_error ignored;
	int64_t count = -1;
	bool row;

	if (rep_db_use(db, &stmt, "SELECT count(*) FROM _pending", &ignored) != REP_OK)
		return -1;
	if (rep_step(stmt, &row, &ignored) == REP_OK && row)
		count = rep_column_int(stmt, 0);
	rep_stmt_reset(stmt);
	return count;
}
