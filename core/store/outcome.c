#include "core/store/outcome.h"

#include <string.h>

#include "core/base/limits.h"

static enum rep_code put_outcome(struct rep_db *db, const char *line, size_t len,
				 struct rep_error *err)
{
	struct rep_json *outcome;
	struct rep_stmt *stmt;
	enum rep_code rc = rep_json_parse_canonical(&outcome, line, len, REP_JSON_DEPTH_MAX, err);

	if (rc != REP_OK)
		return rc;
	if (!rep_json_get_string(outcome, "outcome") || rep_json_get_integer(outcome, "seq") < 1 ||
	    !rep_json_is(rep_json_get(outcome, "index"), REP_JSON_INTEGER))
		rc = rep_fail(err, REP_EINVAL, "seq, index and outcome expected");
	if (rc == REP_OK)
		rc = rep_db_use(
			db, &stmt,
			"INSERT OR REPLACE INTO _outcome (seq, idx, line) VALUES (?1, ?2, ?3)",
			err);
	if (rc == REP_OK) {
		rep_bind_int(stmt, 1, rep_json_get_integer(outcome, "seq"));
		rep_bind_int(stmt, 2, rep_json_get_integer(outcome, "index"));
		rep_bind_text_n(stmt, 3, line, len);
		rc = rep_run(stmt, err);
	}
	rep_json_free(outcome);
	return rc;
}

enum rep_code rep_outcomes_apply(struct rep_replica *replica, const char *data, size_t len,
				 struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	size_t line = 0;

	while (rc == REP_OK && len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t size = end ? (size_t)(end - data) : len;

		line++;
		if (!end)
			rc = rep_fail(err, REP_EINVAL, "its last line has no end");
		else
			rc = put_outcome(replica->db, data, size, err);
		rc = rep_wrap(err, rc, "outcomes: line %zu", line);
		data += size + (end ? 1 : 0);
		len -= size + (end ? 1 : 0);
	}
	return rc;
}

enum rep_code rep_outcome_get(struct rep_db *db, int64_t seq, size_t index, struct rep_json **out,
			      struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc =
		rep_db_use(db, &stmt, "SELECT line FROM _outcome WHERE seq = ?1 AND idx = ?2", err);

	*out = NULL;
	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, seq);
	rep_bind_int(stmt, 2, (int64_t)index);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row) {
		size_t len;
		const char *line = rep_column_text(stmt, 0, &len);

		rc = rep_json_parse_canonical(out, line, len, REP_JSON_DEPTH_MAX, err);
	}
	rep_stmt_reset(stmt);
	return rc;
}
