/*
 * Changes that wait for a record: the file that says so in central, and what is tried again when the record comes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/limits.h"
#include "sync/run/run.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

/* What central says of it; NULL without memory. */
static struct rep_json *describe(const struct rep_edit *edit, const char *waits_for)
{
	struct rep_json *held = rep_json_object();

	if (rep_json_set_string(held, "device", edit->device) &&
	    rep_json_set_string(held, "entity", edit->entity) &&
	    rep_json_set_string(held, "id", edit->id) &&
	    rep_json_set_integer(held, "index", edit->index) &&
	    rep_json_set_string(held, "op", rep_op_name(edit->op)) &&
	    rep_json_set_string(held, "rep", edit->rep) &&
	    rep_json_set_integer(held, "seq", edit->seq) &&
	    rep_json_set_string(held, "stamp", edit->stamp) &&
	    rep_json_set_string(held, "waits_for", waits_for))
		return held;
	rep_json_free(held);
	return NULL;
}

static enum rep_code put_file(struct rep_run *run, const struct rep_edit *edit,
			      const char *waits_for, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256), text = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *held = describe(edit, waits_for);
	enum rep_code rc = held ? REP_OK : no_memory(err);

	rep_json_write(&text, held);
	rep_buf_putc(&text, '\n');
	rep_path_held(&path, edit->device, edit->seq, edit->index);
	if (rc == REP_OK)
		rc = rep_buf_check(&path, "held change", err);
	if (rc == REP_OK)
		rc = rep_buf_check(&text, "held change", err);
	if (rc == REP_OK)
		rc = rep_tree_put_blob(run->tree, rep_buf_str(&path), text.data, text.len, err);
	rep_json_free(held);
	rep_buf_clear(&path);
	rep_buf_clear(&text);
	return rc;
}

/* ---- counting ---- */

static void key_of(char out[64], const struct rep_edit *edit)
{
	snprintf(out, 64, "%s/%lld/%u", edit->device, (long long)edit->seq, edit->index);
}

static enum rep_code note(struct rep_run *run, const struct rep_edit *edit, struct rep_error *err)
{
	char key[64];

	key_of(key, edit);
	if (!run->held_now)
		run->held_now = rep_json_object();
	if (!rep_json_set(run->held_now, key, rep_json_bool(true)))
		return no_memory(err);
	run->batch_counts.held++;
	return REP_OK;
}

/* A change that is held and released in one run counts by what became of it. */
static void note_release(struct rep_run *run, const struct rep_edit *edit)
{
	char key[64];

	key_of(key, edit);
	if (!rep_json_get(run->held_now, key))
		return;
	rep_json_del(run->held_now, key);
	run->batch_counts.held--;
}

/* ---- held, released ---- */

enum rep_code rep_run_hold(struct rep_run *run, const struct rep_edit *edit,
			   const char *signed_stamp, const char *waits_for, const char *segment,
			   bool fresh, struct rep_error *err)
{
	struct rep_json *outcome = rep_json_object();
	enum rep_code rc = REP_OK;

	/* An outcome that memory cut short would read as applied. */
	if (!rep_json_set_string(outcome, "outcome", rep_outcome_name(REP_HELD)) ||
	    !rep_json_set_string(outcome, "waits_for", waits_for))
		rc = no_memory(err);
	if (rc == REP_OK)
		rc = rep_run_record(run, edit, signed_stamp, outcome, segment, fresh, err);
	if (rc == REP_OK)
		rc = put_file(run, edit, waits_for, err);
	if (rc == REP_OK && fresh)
		rc = note(run, edit, err);
	rep_json_free(outcome);
	return rc;
}

enum rep_code rep_run_release(struct rep_run *run, const struct rep_edit *edit,
			      struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256);
	enum rep_code rc;

	note_release(run, edit);
	rep_path_held(&path, edit->device, edit->seq, edit->index);
	rc = rep_buf_check(&path, "held change", err);
	if (rc == REP_OK)
		rc = rep_tree_remove(run->tree, rep_buf_str(&path), err);
	rep_buf_clear(&path);
	return rc;
}

/* ---- what came to be ---- */

static enum rep_code grow(struct rep_run *run, struct rep_error *err)
{
	size_t cap = run->queue_cap ? 2 * run->queue_cap : 16;
	char **queue;

	if (run->queue_len < run->queue_cap)
		return REP_OK;
	queue = reallocarray(run->queue, cap, sizeof *queue);
	if (!queue)
		return no_memory(err);
	run->queue = queue;
	run->queue_cap = cap;
	return REP_OK;
}

enum rep_code rep_run_queue(struct rep_run *run, const struct rep_edit *edit, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(256);
	enum rep_code rc = grow(run, err);

	if (rc != REP_OK)
		return rc;
	rep_buf_printf(&text, "%s/%s", edit->entity, edit->id);
	rc = rep_buf_check(&text, "record", err);
	if (rc == REP_OK && !(run->queue[run->queue_len] = rep_buf_take(&text)))
		rc = no_memory(err);
	rep_buf_clear(&text);
	if (rc == REP_OK)
		run->queue_len++;
	return rc;
}
