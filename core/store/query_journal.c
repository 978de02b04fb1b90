/* log, show, status. */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/journal.h"
#include "core/store/outcome.h"
#include "core/store/query.h"

#define DAY_MS (24LL * 3600 * 1000)

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "query: no memory");
}

/* How far the own chain is known to have come. */
struct progress {
	int64_t sent;
	int64_t merged;
};

static enum rep_code get_progress(struct rep_db *db, struct progress *out, struct rep_error *err)
{
	enum rep_code rc = rep_meta_get_int(db, "sent_seq", &out->sent, err);

	if (rc == REP_OK)
		rc = rep_meta_get_int(db, "merged_seq", &out->merged, err);
	return rc;
}

static const char *state_of(const struct progress *progress, int64_t seq)
{
	if (seq <= progress->merged)
		return "merged";
	return seq <= progress->sent ? "sent" : "unsent";
}

static bool set_text(struct rep_json *object, const char *key, const char *text)
{
	return rep_json_set(object, key, text ? rep_json_string(text) : rep_json_null());
}

/* ---- log ---- */

/* Runs of one reason, as sealing would make them; newest first. */
static enum rep_code log_pending(struct rep_db *db, struct rep_json *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(
		db, &stmt,
		"SELECT reason, count(*) FROM (SELECT n, reason, n - row_number() OVER (PARTITION BY reason "
		"ORDER BY n) AS run FROM (SELECT row_number() OVER (ORDER BY n) AS n, reason FROM _pending)) "
		"GROUP BY reason, run ORDER BY max(n) DESC",
		err);

	while (rc == REP_OK && row) {
		struct rep_json *set;

		rc = rep_step(stmt, &row, err);
		if (rc != REP_OK || !row)
			break;
		set = rep_json_object();
		if (!rep_json_set(set, "seq", rep_json_null()) ||
		    !rep_json_set(set, "sealed", rep_json_null()) ||
		    !set_text(set, "reason", rep_column_text(stmt, 0, NULL)) ||
		    !rep_json_set_integer(set, "changes", rep_column_int(stmt, 1)) ||
		    !rep_json_set_string(set, "state", "pending") || !rep_json_append(out, set))
			rc = no_memory(err);
	}
	return rc;
}

static enum rep_code log_sealed(struct rep_db *db, const struct progress *progress,
				struct rep_json *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(
		db, &stmt, "SELECT seq, sealed, reason, changes FROM _journal ORDER BY seq DESC",
		err);

	while (rc == REP_OK && row) {
		struct rep_json *set;

		rc = rep_step(stmt, &row, err);
		if (rc != REP_OK || !row)
			break;
		set = rep_json_object();
		if (!rep_json_set_integer(set, "seq", rep_column_int(stmt, 0)) ||
		    !set_text(set, "sealed", rep_column_text(stmt, 1, NULL)) ||
		    !set_text(set, "reason", rep_column_text(stmt, 2, NULL)) ||
		    !rep_json_set_integer(set, "changes", rep_column_int(stmt, 3)) ||
		    !rep_json_set_string(set, "state",
					 state_of(progress, rep_column_int(stmt, 0))) ||
		    !rep_json_append(out, set))
			rc = no_memory(err);
	}
	return rc;
}

enum rep_code rep_query_log(struct rep_replica *replica, struct rep_json **out,
			    struct rep_error *err)
{
	struct rep_json *sets = rep_json_array();
	struct progress progress = {0};
	enum rep_code rc = sets ? get_progress(replica->db, &progress, err) : no_memory(err);

	*out = NULL;
	if (rc == REP_OK)
		rc = log_pending(replica->db, sets, err);
	if (rc == REP_OK)
		rc = log_sealed(replica->db, &progress, sets, err);
	if (rc == REP_OK)
		*out = sets;
	else
		rep_json_free(sets);
	return rc;
}

/* ---- show ---- */

/* What the hub said of the change; {"outcome": null} while it has not. */
static enum rep_code get_outcome(struct rep_db *db, const struct progress *progress, int64_t seq,
				 size_t index, struct rep_json **out, struct rep_error *err)
{
	enum rep_code rc = rep_outcome_get(db, seq, index, out, err);

	if (rc != REP_OK || *out)
		return rc;
	*out = rep_json_object();
	return set_text(*out, "outcome", seq <= progress->merged ? "applied" : NULL)
		       ? REP_OK
		       : no_memory(err);
}

static bool put_change(struct rep_json *out, const struct rep_change *change, size_t index,
		       const struct rep_json *outcome)
{
	static const char *const names[] = {"item", "rivals", "decision", "into", "source"};
	const struct rep_json *values = rep_json_get(change->line, "values");
	bool ok = rep_json_set_integer(out, "index", (int64_t)index);

	ok = rep_json_set_string(out, "stamp", change->stamp.text) && ok;
	ok = rep_json_set_string(out, "op", rep_op_name(change->op)) && ok;
	ok = rep_json_set_string(out, "entity", change->entity) && ok;
	ok = rep_json_set_string(out, "id", change->id) && ok;
	ok = rep_json_set(out, "values", values ? rep_json_ref(values) : rep_json_null()) && ok;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct rep_json *value = rep_json_get(change->line, names[i]);

		if (value)
			ok = rep_json_set(out, names[i], rep_json_ref(value)) && ok;
	}
	for (void *it = rep_json_iter(outcome); it; it = rep_json_iter_next(outcome, it)) {
		const char *key = rep_json_iter_key(it);

		if (strcmp(key, "seq") != 0 && strcmp(key, "index") != 0)
			ok = rep_json_set(out, key, rep_json_ref(rep_json_iter_value(it))) && ok;
	}
	return ok;
}

static enum rep_code put_changes(struct rep_db *db, const struct progress *progress,
				 const struct rep_changeset *set, struct rep_json *out,
				 struct rep_error *err)
{
	struct rep_json *changes = rep_json_array();
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < set->changes_len; i++) {
		struct rep_json *outcome = NULL;
		struct rep_json *change = rep_json_object();

		rc = get_outcome(db, progress, set->seq, i, &outcome, err);
		if (rc == REP_OK && !put_change(change, &set->changes[i], i, outcome))
			rc = no_memory(err);
		if (!rep_json_append(changes, change) && rc == REP_OK)
			rc = no_memory(err);
		rep_json_free(outcome);
	}
	if (!rep_json_set(out, "changes", changes) && rc == REP_OK)
		rc = no_memory(err);
	return rc;
}

static bool put_set(struct rep_json *out, const struct rep_changeset *set, const char *state)
{
	const struct rep_json *line = set->changes_len ? set->changes[0].line : NULL;
	struct rep_json *base = rep_json_object();
	bool ok = rep_json_set_integer(base, "epoch", set->base_epoch);

	ok = rep_json_set_integer(base, "view", set->base_view) && ok;
	ok = rep_json_set_integer(out, "seq", set->seq) && ok;
	ok = rep_json_set_string(out, "device", set->device) && ok;
	ok = rep_json_set_string(out, "rep", set->rep) && ok;
	ok = rep_json_set_string(out, "schema", set->schema) && ok;
	ok = rep_json_set_string(out, "sealed", set->sealed) && ok;
	ok = rep_json_set_string(out, "state", state) && ok;
	ok = set_text(out, "reason", rep_json_get_string(line, "reason")) && ok;
	ok = rep_json_set_string(out, "hash", set->hash) && ok;
	ok = rep_json_set_string(out, "prev", set->prev) && ok;
	return rep_json_set(out, "base", base) && ok;
}

enum rep_code rep_query_show(struct rep_replica *replica, int64_t seq, struct rep_json **out,
			     struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_changeset set = {0};
	struct progress progress = {0};
	struct rep_json *shown = rep_json_object();
	size_t used;
	enum rep_code rc = rep_journal_read(replica->db, seq, &bytes, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = rep_changeset_read(&set, &used, rep_buf_str(&bytes), bytes.len, NULL, err);
	if (rc == REP_OK)
		rc = get_progress(replica->db, &progress, err);
	if (rc == REP_OK && !put_set(shown, &set, state_of(&progress, seq)))
		rc = no_memory(err);
	if (rc == REP_OK)
		rc = put_changes(replica->db, &progress, &set, shown, err);
	if (rc == REP_OK)
		*out = shown;
	else
		rep_json_free(shown);
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
	return rc;
}

/* ---- status ---- */

static enum rep_code put_meta(struct rep_replica *replica, struct rep_json *out,
			      struct rep_error *err)
{
	static const char *const texts[] = {"role",     "state",     "schema",
					    "hub_time", "last_sync", "lease"};
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < sizeof texts / sizeof *texts; i++) {
		char *text = NULL;

		rc = rep_meta_get(replica->db, texts[i], &text, err);
		if (rc == REP_OK && !set_text(out, texts[i], text))
			rc = no_memory(err);
		free(text);
	}
	return rc;
}

static enum rep_code put_counts(struct rep_replica *replica, struct rep_json *out,
				struct rep_error *err)
{
	struct rep_journal_head head;
	struct progress progress = {0};
	int64_t view = 0;
	int64_t epoch = 0;
	enum rep_code rc = rep_journal_head(replica->db, &head, err);

	if (rc == REP_OK)
		rc = get_progress(replica->db, &progress, err);
	if (rc == REP_OK)
		rc = rep_meta_get_int(replica->db, "view", &view, err);
	if (rc == REP_OK)
		rc = rep_meta_get_int(replica->db, "epoch", &epoch, err);
	if (rc != REP_OK)
		return rc;
	if (progress.sent < progress.merged)
		progress.sent = progress.merged;
	if (!rep_json_set_integer(out, "pending", rep_pending_count(replica->db)) ||
	    !rep_json_set_integer(out, "unsent", head.seq - progress.sent) ||
	    !rep_json_set_integer(out, "unacknowledged", head.seq - progress.merged) ||
	    !rep_json_set_integer(out, "view", view) || !rep_json_set_integer(out, "epoch", epoch))
		return no_memory(err);
	return REP_OK;
}

static enum rep_code put_inbox(struct rep_replica *replica, struct rep_json *out,
			       struct rep_error *err)
{
	struct rep_json *items = NULL;
	enum rep_code rc = REP_OK;

	if (replica->schema)
		rc = rep_query_inbox(replica, NULL, false, &items, err);
	if (rc == REP_OK && !rep_json_set_integer(out, "inbox", (int64_t)rep_json_size(items)))
		rc = no_memory(err);
	rep_json_free(items);
	return rc;
}

enum rep_code rep_query_status(struct rep_replica *replica, int64_t now_ms, struct rep_json **out,
			       struct rep_error *err)
{
	struct rep_json *status = rep_json_object();
	const char *lease;
	int64_t end;
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!rep_json_set_string(status, "device", replica->device) ||
	    !rep_json_set_string(status, "rep", replica->rep))
		rc = no_memory(err);
	if (rc == REP_OK)
		rc = put_meta(replica, status, err);
	if (rc == REP_OK)
		rc = put_counts(replica, status, err);
	if (rc == REP_OK)
		rc = put_inbox(replica, status, err);
	lease = rep_json_get_string(status, "lease");
	if (!lease || !rep_time_parse(&end, lease))
		end = INT64_MAX;
	if (rc == REP_OK &&
	    (!rep_json_set(status, "lease_over", rep_json_bool(now_ms > end)) ||
	     !rep_json_set(status, "lease_days_left",
			   end == INT64_MAX
				   ? rep_json_null()
				   : rep_json_integer(now_ms < end ? (end - now_ms) / DAY_MS : 0))))
		rc = no_memory(err);
	if (rc == REP_OK)
		*out = status;
	else
		rep_json_free(status);
	return rc;
}
