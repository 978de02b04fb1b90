/*
 * What a batch leaves in central: the very segments, receipts, outcomes, the head, and a commit that a person reads in
 * `git log`. The last commit of a run holds the statement.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/signed.h"
#include "core/store/erased.h"
#include "sync/run/run.h"
#include "sync/run/run_outcomes.h"

/* ---- journal, receipts, head ---- */

static enum rep_code put_segment(struct rep_run *run, const struct rep_run_batch *batch,
				 const struct rep_run_segment *segment, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256), bytes = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_receipt receipt = {.first = segment->first, .last = segment->last};
	enum rep_code rc = rep_run_put_segment(run, segment, err);

	memcpy(receipt.device, batch->device, sizeof receipt.device);
	memcpy(receipt.hash, segment->hash, sizeof receipt.hash);
	memcpy(receipt.received, segment->received, sizeof receipt.received);
	if (rc == REP_OK)
		rc = rep_receipt_write(&bytes, &receipt, &run->hub->key, err);
	rep_path_receipt(&path, batch->device, segment->sealed, segment->first, segment->last);
	if (rc == REP_OK)
		rc = rep_tree_put_blob(run->tree, rep_buf_str(&path), bytes.data, bytes.len, err);
	rep_buf_clear(&path);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code put_head(struct rep_run *run, const char *device, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256);
	struct rep_json *document = rep_json_object();
	struct rep_head head;
	enum rep_code rc = rep_changes_head(run->hub->db, device, &head, err);

	rep_json_set_string(document, "device", device);
	rep_json_set_string(document, "hash", head.hash);
	rep_json_set_integer(document, "seq", head.seq);
	rep_path_head(&path, device);
	if (rc == REP_OK)
		rc = rep_tree_put_line(run->tree, rep_buf_str(&path), document, err);
	rep_json_free(document);
	rep_buf_clear(&path);
	return rc;
}

/* ---- statement ---- */

static enum rep_code hash_heads(struct rep_run *run, char out[REP_HASH_HEX + 1],
				struct rep_error *err)
{
	struct rep_sha256 *state = rep_sha256_new();
	struct rep_buf line = REP_BUF_INIT(256);
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc =
		state ? rep_db_use(run->hub->db, &stmt,
				   "SELECT device, seq, hash FROM _head UNION ALL SELECT ?1, ?2, ?3"
				   " WHERE ?2 > 0 ORDER BY 1",
				   err)
		      : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, REP_ACCESS_NAME);
		rep_bind_int(stmt, 2, run->access.n);
		rep_bind_text(stmt, 3, run->access.hash);
	}
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		rep_buf_reset(&line);
		rep_buf_printf(&line, "%s %lld %s\n", rep_column_text(stmt, 0, NULL),
			       (long long)rep_column_int(stmt, 1), rep_column_text(stmt, 2, NULL));
		rep_sha256_update(state, rep_buf_str(&line), line.len);
	}
	if (state)
		rep_sha256_final_hex(state, out);
	rep_buf_clear(&line);
	return rc;
}

static enum rep_code fill_statement(struct rep_run *run, struct rep_json *document,
				    struct rep_error *err)
{
	char heads[REP_HASH_HEX + 1] = "", erasures[REP_HASH_HEX + 1] = "", commit[REP_OID_HEX + 1];
	char *prev = NULL;
	enum rep_code rc = hash_heads(run, heads, err);

	if (rc == REP_OK)
		rc = rep_work_get(run->hub->db, "statement", &prev, err);
	if (rc == REP_OK)
		rc = rep_erased_hash(run->hub->db, erasures, err);
	rep_oid_hex(commit, &run->base);
	rep_json_set_string(document, "type", "statement");
	rep_json_set_integer(document, "format", 1);
	rep_json_set_integer(document, "run", run->number);
	rep_json_set_integer(document, "epoch", run->hub->epoch);
	rep_json_set_string(document, "hub_time", run->time);
	rep_json_set_string(document, "heads", heads);
	rep_json_set_string(document, "erasures", erasures);
	rep_json_set_string(document, "prev", prev ? prev : rep_changeset_no_prev);
	rep_json_set_string(document, "commit", commit);
	free(prev);
	return rc;
}

static enum rep_code put_statement(struct rep_run *run, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256), bytes = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *document = rep_json_object();
	char hash[REP_HASH_HEX + 1];
	enum rep_code rc = rep_run_access(run, err);

	if (rc == REP_OK)
		rc = fill_statement(run, document, err);
	if (rc == REP_OK)
		rc = rep_signed_write(&bytes, document, &run->hub->key, err);
	rep_path_statement(&path, run->time, run->number);
	if (rc == REP_OK)
		rc = rep_tree_put_blob(run->tree, rep_buf_str(&path), bytes.data, bytes.len, err);
	if (rc == REP_OK) {
		const char *end = strchr(bytes.data, '\n');

		rep_sha256_hex(hash, bytes.data, (size_t)(end - bytes.data));
		rc = rep_work_set(run->hub->db, "statement", hash, err);
	}
	if (rc == REP_OK)
		rc = rep_work_set_int(run->hub->db, "run", run->number, err);
	if (rc == REP_OK)
		rc = rep_work_set(run->hub->db, "hub_time", run->time, err);
	rep_json_free(document);
	rep_buf_clear(&bytes);
	rep_buf_clear(&path);
	return rep_wrap(err, rc, "statement");
}

/* ---- commits ---- */

static enum rep_code add_commit(struct rep_run *run, struct rep_git_commit *commit,
				struct rep_error *err)
{
	enum rep_code rc = rep_tree_write(run->tree, &commit->tree, err);

	commit->parent = run->head;
	if (rc == REP_OK)
		rc = rep_hub_add_commit(run->pack, run->hub->company, run->now_ms, commit,
					&run->head, err);
	rep_oid_hex(run->commit, &run->head);
	return rc;
}

/* The person's name as central has it; the id where there is none. */
static enum rep_code name_of(struct rep_run *run, const char *rep, struct rep_buf *out,
			     struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_builtin(run->hub->schema, REP_BUILTIN_REP);
	struct rep_record *record = NULL;
	const char *name;
	enum rep_code rc = REP_OK;

	if (entity)
		rc = rep_row_get(run->hub->db, entity, rep, &record, err);
	name = record ? rep_json_string_value(rep_record_value(record, "name")) : NULL;
	rep_buf_puts(out, name ? name : rep);
	rep_record_free(record);
	return rc;
}

static void write_message(struct rep_run *run, const struct rep_run_batch *batch,
			  struct rep_buf *out)
{
	const struct rep_run_counts *counts = &run->batch_counts;

	rep_buf_printf(out,
		       "merge %s %lld..%lld: %zu changes, %lld conflicts, %lld rejected\n\n"
		       "Rep: %s\nDevice: %s\nRun: %lld\n",
		       batch->device, (long long)batch->segments[0].first,
		       (long long)batch->segments[batch->len - 1].last, batch->changes,
		       (long long)(counts->conflicts + counts->merged), (long long)counts->rejected,
		       batch->rep, batch->device, (long long)run->number);
}

static enum rep_code commit_batch(struct rep_run *run, const struct rep_run_batch *batch,
				  struct rep_error *err)
{
	struct rep_buf name = REP_BUF_INIT(1024), email = REP_BUF_INIT(1024);
	struct rep_buf message = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_git_commit commit = {.author_s = rep_stamp_ms(batch->last) / 1000};
	enum rep_code rc = name_of(run, batch->rep, &name, err);

	rep_hub_email(&email, batch->rep, run->hub->company);
	write_message(run, batch, &message);
	commit.author_name = rep_buf_str(&name);
	commit.author_email = rep_buf_str(&email);
	commit.message = rep_buf_str(&message);
	if (rc == REP_OK)
		rc = add_commit(run, &commit, err);
	rep_buf_clear(&message);
	rep_buf_clear(&email);
	rep_buf_clear(&name);
	return rc;
}

static void add_counts(struct rep_run *run, const struct rep_run_batch *batch)
{
	struct rep_run_counts *sum = &run->total->counts, *one = &run->batch_counts;

	sum->devices++;
	sum->changesets += (int64_t)batch->sets;
	sum->changes += (int64_t)batch->changes;
	sum->applied += one->applied;
	sum->merged += one->merged;
	sum->conflicts += one->conflicts;
	sum->proposed += one->proposed;
	sum->held += one->held;
	sum->rejected += one->rejected;
	*one = (struct rep_run_counts){0};
}

enum rep_code rep_run_commit(struct rep_run *run, struct rep_run_batch *batch, bool last,
			     struct rep_error *err)
{
	enum rep_code rc = rep_run_flush(run, err);

	if (rc == REP_OK)
		rc = rep_run_outcomes_write(run, err);
	for (size_t i = 0; rc == REP_OK && i < batch->len; i++)
		rc = put_segment(run, batch, &batch->segments[i], err);
	if (rc == REP_OK)
		rc = rep_run_erase_files(run, err);
	if (rc == REP_OK)
		rc = put_head(run, batch->device, err);
	if (rc == REP_OK && last)
		rc = put_statement(run, err);
	if (rc == REP_OK)
		rc = commit_batch(run, batch, err);
	if (rc == REP_OK)
		rc = rep_changes_commit(run->hub->db, batch->device, batch->segments[0].first,
					batch->segments[batch->len - 1].last, run->commit,
					run->number, err);
	if (rc == REP_OK)
		add_counts(run, batch);
	return rep_wrap(err, rc, "commit the batch of %s", batch->device);
}

/* ---- quarantine ---- */

static enum rep_code put_quarantine(struct rep_run *run, const struct rep_run_problem *problem,
				    bool *changed, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256);
	struct rep_json *document = rep_json_object();
	struct rep_oid before = rep_oid_zero, after;
	char hash[REP_HASH_HEX + 1];
	bool is_tree;
	enum rep_code rc;

	rep_path_quarantine(&path, problem->device, problem->first, problem->last);
	rc = rep_tree_get(run->tree, rep_buf_str(&path), &before, &is_tree, err);
	rep_oid_again(&after, REP_OBJECT_BLOB, problem->data, problem->size_bytes);
	if (rc != REP_OK || rep_oid_equal(&before, &after))
		goto out; /* it lies there already: a mailbox read again after a rebuild */
	*changed = true;
	rc = rep_tree_put_blob(run->tree, rep_buf_str(&path), problem->data, problem->size_bytes,
			       err);
	rep_sha256_hex(hash, problem->data, problem->size_bytes);
	rep_json_set_string(document, "device", problem->device);
	rep_json_set_integer(document, "first", problem->first);
	rep_json_set_string(document, "hash", hash);
	rep_json_set_integer(document, "last", problem->last);
	rep_json_set_string(document, "reason", problem->reason);
	path.len -= 1; /* ....jsonl -> ....json */
	path.data[path.len] = '\0';
	if (rc == REP_OK)
		rc = rep_tree_put_line(run->tree, rep_buf_str(&path), document, err);
out:
	rep_json_free(document);
	rep_buf_clear(&path);
	return rc;
}

static enum rep_code index_quarantine(struct rep_run *run, const struct rep_run_problem *problem,
				      struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256);
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(run->hub->db, &stmt,
			   "INSERT OR REPLACE INTO _quarantine(path, device, first, last, reason)"
			   " VALUES(?1, ?2, ?3, ?4, ?5)",
			   err);

	rep_path_quarantine(&path, problem->device, problem->first, problem->last);
	if (rc == REP_OK) {
		rep_bind_text_n(stmt, 1, rep_buf_str(&path), path.len - 1);
		rep_bind_text(stmt, 2, problem->device);
		rep_bind_int(stmt, 3, problem->first);
		rep_bind_int(stmt, 4, problem->last);
		rep_bind_text(stmt, 5, problem->reason);
		rc = rep_run(stmt, err);
	}
	rep_buf_clear(&path);
	return rc;
}

static enum rep_code commit_quarantine(struct rep_run *run, const struct rep_run_problem *problem,
				       struct rep_error *err)
{
	struct rep_buf message = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_git_commit commit = {.message = NULL};
	enum rep_code rc;

	rep_buf_printf(&message, "quarantine %s %lld..%lld: %s\n\nDevice: %s\nRun: %lld\n",
		       problem->device, (long long)problem->first, (long long)problem->last,
		       problem->reason, problem->device, (long long)run->number);
	commit.message = rep_buf_str(&message);
	rc = add_commit(run, &commit, err);
	rep_buf_clear(&message);
	return rc;
}

enum rep_code rep_run_quarantine(struct rep_run *run, bool last, struct rep_error *err)
{
	const struct rep_run_problem *newest = NULL;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < run->problems_len; i++) {
		const struct rep_run_problem *problem = &run->problems[i];
		bool changed = false;

		if (!problem->data)
			continue;
		rc = put_quarantine(run, problem, &changed, err);
		if (rc == REP_OK)
			rc = index_quarantine(run, problem, err);
		if (rc == REP_OK && changed && newest) /* one commit a device's quarantine */
			rc = commit_quarantine(run, newest, err);
		if (changed)
			newest = problem;
	}
	if (rc == REP_OK && newest && last)
		rc = put_statement(run, err);
	if (rc == REP_OK && newest)
		rc = commit_quarantine(run, newest, err);
	return rep_wrap(err, rc, "quarantine");
}

enum rep_code rep_run_commit_own(struct rep_run *run, const char *subject, struct rep_error *err)
{
	struct rep_buf message = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_git_commit commit = {.message = NULL};
	enum rep_code rc = rep_run_outcomes_write(run, err);

	if (rc == REP_OK)
		rc = put_statement(run, err);
	rep_buf_printf(&message, "%s\n\nRun: %lld\n", subject, (long long)run->number);
	commit.message = rep_buf_str(&message);
	if (rc == REP_OK)
		rc = add_commit(run, &commit, err);
	rep_buf_clear(&message);
	return rc;
}

/* ---- the part as a whole ---- */

enum rep_code rep_run_begin(struct rep_run *run, struct rep_error *err)
{
	struct rep_oid tree, parent;
	int64_t time_s;
	enum rep_code rc = rep_git_ref(run->hub->central, REP_MAIN, &run->base, err);

	run->head = run->base;
	if (rc == REP_OK)
		rc = rep_git_commit_read(run->hub->central, &run->base, &tree, &parent, &time_s,
					 err);
	if (rc == REP_OK)
		rc = rep_pack_new(&run->pack, run->hub->central, err);
	if (rc == REP_OK)
		rc = rep_tree_edit(&run->tree, run->pack, &tree, err);
	if (rc == REP_OK)
		rc = rep_db_begin(run->hub->db, err);
	return rc == REP_OK ? rep_run_erases(run, err) : rc;
}

void rep_run_abort(struct rep_run *run)
{
	if (rep_db_in_transaction(run->hub->db))
		rep_db_abort(run->hub->db);
	rep_run_touched_clear(run);
	rep_run_erasing_clear(run);
	rep_run_outcomes_clear(run);
	for (size_t i = 0; i < run->queue_len; i++)
		free(run->queue[i]);
	free(run->queue);
	run->queue = NULL;
	run->queue_len = run->queue_cap = 0;
	rep_tree_free(run->tree);
	rep_pack_free(run->pack);
	run->tree = NULL;
	run->pack = NULL;
	rep_buf_clear(&run->partition);
}

/*
 * The order is what a kill must not break: pack, what main is to be, swap, working copy. An error after the swap is told, and the next open
 * brings the working copy to the head.
 */
enum rep_code rep_run_finish(struct rep_run *run, struct rep_error *err)
{
	char hex[REP_OID_HEX + 1];
	enum rep_code rc = REP_OK;

	if (!rep_oid_equal(&run->head, &run->base)) {
		rc = rep_pack_commit(run->pack, NULL, err);
		if (rc == REP_OK)
			rc = rep_work_intend(run->hub, &run->head, err);
		if (rc == REP_OK)
			rc = rep_git_cas(run->hub->central, REP_MAIN, &run->base, &run->head, err);
		rep_oid_hex(hex, &run->head);
		if (rc == REP_OK)
			rc = rep_work_set(run->hub->db, "marker", hex, err);
	}
	if (rc == REP_OK)
		rc = rep_db_commit(run->hub->db, err);
	if (rc == REP_OK && run->access.n)
		rc = rep_access_cut(run->hub, run->access.n, err);
	rep_run_abort(run);
	return rc;
}
