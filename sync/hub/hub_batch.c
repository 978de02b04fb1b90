/*
 * The hub's own change sets, straight into its own mailbox: change sets are sealed as they fill, each a commit of the pack
 * that becomes durable, with the mailbox's outbox, in one step at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/git/pack.h"
#include "sync/hub/hub_state.h"

/* A skeleton is one line, so that it, and not the 10,000 changes, is what bounds a set of long ids. */
#define SKELETON_SIZE_MAX (REP_LINE_SIZE_MAX - 8192u)
#define SKELETON_CHANGE_SIZE 200u /* digest, stamp, op and keys of one change */
#define LINES_SIZE_MAX (4u * 1024u * 1024u)
/* Small sets share a segment up to this many bytes. */
#define SEGMENT_SIZE_MAX (256u * 1024u)

struct rep_hub_batch {
	struct rep_hub *hub;
	char *reason;
	int64_t now_ms;
	struct rep_clock clock;
	struct rep_lock *lock;
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_oid was, tip;
	int64_t first; /* number of the first set that is made here */
	int64_t seq;
	char hash[REP_HASH_HEX + 1];
	struct rep_change *changes;
	size_t len, cap;
	size_t skeleton_size, lines_size; /* estimates of what is not sealed yet */
	struct rep_buf segment;
	int64_t segment_first, segment_len;
};

/* ---- where the chain stands ---- */

/* *known moves on to what was read, which is not always all. */
static enum rep_code read_some(struct rep_hub_batch *batch, const char *path, struct rep_oid *known,
			       struct rep_error *err)
{
	struct rep_outbox outbox = {0};
	enum rep_code rc = rep_mailbox_read(&outbox, path, known, err);

	for (size_t i = 0; rc == REP_OK && i < outbox.segments_len; i++) {
		const char *data = outbox.segments[i].data;
		size_t len = outbox.segments[i].size_bytes;

		while (rc == REP_OK && len > 0) {
			struct rep_changeset set = {0};
			size_t used = 0;

			rc = rep_changeset_read(&set, &used, data, len,
						rep_hubkeys_signer(&batch->hub->keys, data, len),
						err);
			if (rc == REP_OK && set.seq > batch->seq) {
				batch->seq = set.seq;
				memcpy(batch->hash, set.hash, sizeof batch->hash);
			}
			for (size_t k = 0; rc == REP_OK && k < set.changes_len; k++)
				rep_clock_observe(&batch->clock, set.changes[k].stamp.text);
			rep_changeset_clear(&set);
			data += used;
			len -= used;
		}
	}
	if (rc == REP_OK && rep_oid_equal(known, &outbox.tip))
		rc = rep_fail(err, REP_EINTEGRITY, "the hub's own outbox does not end");
	*known = outbox.tip;
	rep_outbox_clear(&outbox);
	return rc;
}

/* Change sets that were sent and not merged: an earlier command was killed in between. */
static enum rep_code read_unmerged(struct rep_hub_batch *batch, const char *path,
				   struct rep_oid known, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	while (rc == REP_OK && !rep_oid_equal(&known, &batch->tip))
		rc = read_some(batch, path, &known, err);
	return rc;
}

static enum rep_code known_tip(struct rep_hub *hub, struct rep_oid *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc =
		rep_db_use(hub->db, &stmt,
			   "SELECT tip FROM _mailbox WHERE device = '" REP_HUB_DEVICE "'", err);

	*out = rep_oid_zero;
	if (rc == REP_OK)
		rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row && !rep_oid_parse(out, rep_column_text(stmt, 0, NULL)))
		rc = rep_fail(err, REP_EINTEGRITY, "work.db: bad tip");
	if (rc == REP_OK)
		rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code find_head(struct rep_hub_batch *batch, const char *path, struct rep_error *err)
{
	struct rep_head head;
	struct rep_oid known;
	enum rep_code rc = rep_changes_head(batch->hub->db, REP_HUB_DEVICE, &head, err);

	if (rc == REP_OK)
		rc = known_tip(batch->hub, &known, err);
	if (rc == REP_OK)
		rc = rep_git_ref(batch->git, REP_OUTBOX, &batch->was, err);
	if (rc != REP_OK)
		return rc;
	batch->tip = batch->was;
	batch->seq = head.seq;
	memcpy(batch->hash, head.hash, sizeof batch->hash);
	if (*head.eff)
		rep_clock_observe(&batch->clock, head.eff);
	rc = read_unmerged(batch, path, known, err);
	batch->first = batch->seq + 1;
	return rc;
}

enum rep_code rep_hub_batch_new(struct rep_hub_batch **out, struct rep_hub *hub, const char *reason,
				int64_t now_ms, struct rep_error *err)
{
	struct rep_hub_batch *batch = calloc(1, sizeof *batch);
	char *path = rep_hub_mailbox(hub->dir, REP_HUB_DEVICE);
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (batch)
		*batch = (struct rep_hub_batch){
			.hub = hub,
			.now_ms = now_ms,
			.segment = REP_BUF_INIT(REP_SEGMENT_HARD_MAX),
			.reason = strdup(reason ? reason : ""),
		};
	if (!batch || !path || !batch->reason)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK && hub->read_only)
		rc = rep_fail(err, REP_EUSAGE, "the hub was opened for reading");
	if (rc == REP_OK)
		rc = rep_mailbox_lock(&batch->lock, path, true, err);
	if (rc == REP_OK)
		rc = rep_git_janitor(path, err);
	if (rc == REP_OK)
		rc = rep_git_open(&batch->git, path, err);
	if (rc == REP_OK)
		rc = rep_pack_new(&batch->pack, batch->git, err);
	if (rc == REP_OK)
		rc = find_head(batch, path, err);
	free(path);
	if (rc == REP_OK) {
		*out = batch;
		batch = NULL;
	}
	rep_hub_batch_free(batch);
	return rep_wrap(err, rc, "begin a change of the hub");
}

/* ---- sealing ---- */

static void drop_changes(struct rep_hub_batch *batch)
{
	for (size_t i = 0; i < batch->len; i++) {
		free(batch->changes[i].entity);
		free(batch->changes[i].id);
		rep_json_free(batch->changes[i].line);
	}
	batch->len = 0;
	batch->skeleton_size = batch->lines_size = 0;
}

static enum rep_code close_segment(struct rep_hub_batch *batch, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(128);
	char time[REP_TIME_LEN + 1];
	struct rep_oid tip;
	enum rep_code rc;

	if (!batch->segment_len)
		return REP_OK;
	rep_time_format(time, batch->now_ms);
	rep_buf_printf(&path, "%.7s/%lld-%lld.jsonl", time, (long long)batch->segment_first,
		       (long long)(batch->segment_first + batch->segment_len - 1));
	rc = rep_outbox_commit(batch->pack, &batch->tip, rep_buf_str(&path), batch->segment.data,
			       batch->segment.len, batch->now_ms / 1000, REP_HUB_DEVICE, &tip, err);
	if (rc == REP_OK)
		batch->tip = tip;
	rep_buf_reset(&batch->segment);
	batch->segment_len = 0;
	rep_buf_clear(&path);
	return rc;
}

static enum rep_code seal(struct rep_hub_batch *batch, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	char rep[] = REP_HUB_REP, schema[sizeof batch->hub->schema->id];
	struct rep_changeset set = {
		.device = REP_HUB_DEVICE,
		.rep = rep,
		.seq = batch->seq + 1,
		.schema = schema,
		.base_epoch = batch->hub->epoch,
		.changes = batch->changes,
		.changes_len = batch->len,
	};
	enum rep_code rc;

	if (!batch->len)
		return REP_OK;
	memcpy(schema, batch->hub->schema->id, sizeof schema);
	memcpy(set.prev, batch->hash, sizeof set.prev);
	rep_time_format(set.sealed, batch->now_ms);
	rc = rep_changeset_seal(&bytes, &set, &batch->hub->key, err);
	if (rc == REP_OK && batch->segment_len &&
	    (batch->segment.len + bytes.len > SEGMENT_SIZE_MAX ||
	     batch->segment_len >= REP_SEGMENT_SETS_MAX))
		rc = close_segment(batch, err);
	if (rc == REP_OK) {
		if (!batch->segment_len)
			batch->segment_first = set.seq;
		rep_buf_put(&batch->segment, bytes.data, bytes.len);
		rc = rep_buf_check(&batch->segment, "segment", err);
	}
	if (rc == REP_OK) {
		batch->segment_len++;
		batch->seq = set.seq;
		memcpy(batch->hash, set.hash, sizeof batch->hash);
	}
	drop_changes(batch);
	rep_buf_clear(&bytes);
	return rc;
}

/* ---- adding ---- */

static enum rep_code grow(struct rep_hub_batch *batch, struct rep_error *err)
{
	size_t cap = batch->cap ? 2 * batch->cap : 64;
	struct rep_change *changes;

	if (batch->len < batch->cap)
		return REP_OK;
	changes = reallocarray(batch->changes, cap, sizeof *changes);
	if (!changes)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	batch->changes = changes;
	batch->cap = cap;
	return REP_OK;
}

/* Gives the line its reason and salt, and tells its size; false without memory. */
static bool finish_line(const struct rep_hub_batch *batch, struct rep_json *line, size_t *size)
{
	uint8_t random[16];
	char salt[33], *text;

	rep_random(random, sizeof random);
	rep_hex(salt, random, sizeof random);
	if (!rep_json_get(line, "reason") && !rep_json_set_string(line, "reason", batch->reason))
		return false;
	if (!rep_json_set_string(line, "salt", salt))
		return false;
	text = rep_json_text(line);
	*size = text ? strlen(text) : 0;
	free(text);
	return text != NULL;
}

enum rep_code rep_hub_batch_add(struct rep_hub_batch *batch, enum rep_op op, const char *entity,
				const char *id, struct rep_json *line, struct rep_error *err)
{
	size_t skeleton = SKELETON_CHANGE_SIZE + strlen(entity) + strlen(id);
	size_t lines = 0;
	struct rep_change *change;
	enum rep_code rc = REP_OK;

	if (!finish_line(batch, line, &lines))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK && batch->len &&
	    (batch->len >= REP_CHANGES_MAX || batch->lines_size + lines > LINES_SIZE_MAX ||
	     batch->skeleton_size + skeleton > SKELETON_SIZE_MAX))
		rc = seal(batch, err);
	if (rc == REP_OK)
		rc = grow(batch, err);
	if (rc != REP_OK) {
		rep_json_free(line);
		return rc;
	}
	change = &batch->changes[batch->len++];
	*change = (struct rep_change){.op = op, .line = line};
	change->entity = strdup(entity);
	change->id = strdup(id);
	rep_clock_tick(&batch->clock, batch->now_ms, REP_HUB_DEVICE, &change->stamp);
	batch->skeleton_size += skeleton;
	batch->lines_size += lines;
	if (!change->entity || !change->id)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return REP_OK;
}

enum rep_code rep_hub_batch_send(struct rep_hub_batch *batch, struct rep_error *err)
{
	enum rep_code rc = seal(batch, err);

	if (rc == REP_OK)
		rc = close_segment(batch, err);
	if (rc == REP_OK && !rep_oid_equal(&batch->was, &batch->tip)) {
		rc = rep_pack_commit(batch->pack, NULL, err);
		if (rc == REP_OK)
			rc = rep_git_cas(batch->git, REP_OUTBOX, &batch->was, &batch->tip, err);
		if (rc == REP_OK)
			batch->was = batch->tip;
	}
	return rep_wrap(err, rc, "send a change of the hub");
}

void rep_hub_batch_sets(const struct rep_hub_batch *batch, int64_t *first, int64_t *last)
{
	*first = batch->first;
	*last = batch->seq;
}

void rep_hub_batch_free(struct rep_hub_batch *batch)
{
	if (!batch)
		return;
	drop_changes(batch);
	free(batch->changes);
	rep_buf_clear(&batch->segment);
	rep_pack_free(batch->pack);
	rep_git_close(batch->git);
	rep_lock_free(batch->lock);
	free(batch->reason);
	free(batch);
}
