/*
 * The device's part of leaving. What the company lacks goes to the mailbox as it always did, as segments behind a first commit, which
 * is a farewell now; the hub keeps them and merges none. The chain of commits is kept in the replica before a byte is sent, so a kill
 * in the middle is gone on from. The last commit, which tells that the replica is erased, is made in memory before the erasure,
 * because the keys it needs go with it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/signed.h"
#include "core/store/journal.h"
#include "sync/device/device_work.h"
#include "sync/mailbox/document.h"
#include "sync/mailbox/mailbox.h"

#define DOCUMENT_MAX (64u * 1024u)
#define FIRST "enrol.json" /* the name of every outbox's first file */
#define LAST "statement.json"

enum rep_code rep_order_find(struct rep_json **order, struct rep_git *git,
			     const struct rep_oid *commit, const char *device,
			     const uint8_t hub_public[REP_PUBLIC_SIZE], struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(DOCUMENT_MAX);
	struct rep_oid root, parent, oid;
	int64_t time_s;
	bool is_tree;
	enum rep_code rc;

	*order = NULL;
	if (rep_oid_is_zero(commit))
		return REP_OK;
	rc = rep_git_commit_read(git, commit, &root, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_tree_find(git, &root, "order.json", &oid, &is_tree, err);
	if (rc != REP_OK || rep_oid_is_zero(&oid))
		return rc;
	rc = is_tree ? rep_fail(err, REP_EINTEGRITY, "it is a folder")
		     : rep_git_read(git, &oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_order_read(order, rep_buf_str(&bytes), bytes.len, device, hub_public, err);
	if (rc == REP_EINVAL) /* the hub would not have written it */
		rc = err->code = REP_EINTEGRITY;
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, "order.json");
}

/* ---- documents ---- */

/* What every document of a device begins with. */
static struct rep_json *new_document(const char *type, const char *device, int64_t now_ms)
{
	struct rep_json *document = rep_json_object();
	char at[REP_TIME_LEN + 1];

	rep_time_format(at, now_ms);
	rep_json_set_string(document, "type", type);
	rep_json_set_integer(document, "format", 1);
	rep_json_set_string(document, "device", device);
	rep_json_set_string(document, "at", at);
	return document;
}

/* Signs it, and frees it. */
static enum rep_code write_document(struct rep_buf *out, struct rep_json *document,
				    const struct rep_key *key, struct rep_error *err)
{
	enum rep_code rc = rep_signed_write(out, document, key, err);

	rc = rep_wrap(err, rc, "write %.20s", rep_json_get_string(document, "type"));
	rep_json_free(document);
	return rc;
}

static enum rep_code write_farewell(struct rep_buf *out, const char *device,
				    const struct rep_key *key, int64_t now_ms,
				    const struct rep_journal_head *head, int64_t merged,
				    struct rep_error *err)
{
	struct rep_json *document = new_document("farewell", device, now_ms);
	const int64_t seq = head ? head->seq : 0;

	rep_json_set_integer(document, "seq", seq);
	rep_json_set_string(document, "hash", head ? head->hash : rep_changeset_no_prev);
	rep_json_set_integer(document, "first", seq > merged ? merged + 1 : 0);
	rep_json_set_integer(document, "last", seq > merged ? seq : 0);
	rep_json_set(document, "locked", rep_json_bool(!head));
	return write_document(out, document, key, err);
}

static enum rep_code write_erasure(struct rep_buf *out, const char *device,
				   const struct rep_key *key, int64_t now_ms, struct rep_error *err)
{
	return write_document(out, new_document("erasure", device, now_ms), key, err);
}

/* One commit with one document on top of `tip`, into the clone. */
static enum rep_code commit(struct rep_git *git, const struct rep_oid *tip, const char *name,
			    const struct rep_buf *document, const char *device, int64_t now_ms,
			    struct rep_oid *out, struct rep_error *err)
{
	struct rep_pack *pack = NULL;
	enum rep_code rc = rep_pack_new(&pack, git, err);

	if (rc == REP_OK)
		rc = rep_outbox_commit(pack, tip, name, document->data, document->len,
				       now_ms / 1000, device, out, err);
	if (rc == REP_OK)
		rc = rep_pack_commit(pack, NULL, err);
	rep_pack_free(pack);
	return rc;
}

/* ---- the end ---- */

/* What lies in memory is all that is left of the device: nothing that fails here is tried again. */
static enum rep_code erase_and_tell(const struct rep_locked *locked, const struct rep_oid *tip,
				    const struct rep_json *order, struct rep_error *err)
{
	struct rep_buf document = REP_BUF_INIT(DOCUMENT_MAX);
	struct rep_error told;
	struct rep_oid last = rep_oid_zero;
	char *keys_dir = NULL;
	bool ready = !rep_oid_is_zero(tip) &&
		     write_erasure(&document, locked->device, locked->key, locked->now_ms, &told) ==
			     REP_OK &&
		     commit(locked->git, tip, LAST, &document, locked->device, locked->now_ms,
			    &last, &told) == REP_OK;
	enum rep_code rc = rep_vault_keys_dir(&keys_dir, err);

	if (rc == REP_OK)
		rc = rep_replica_erase(locked->dir, keys_dir, locked->device,
				       "the company has ended this device's use", locked->now_ms,
				       err);
	if (rc == REP_OK && ready)
		ready = rep_transport_push(locked->transport, locked->clone, tip, &last, &told) ==
			REP_OK;
	if (rc == REP_OK)
		rc = rep_fail(err, REP_EREFUSED,
			      "the company has revoked device %s (%.200s): this replica was erased",
			      locked->device, rep_json_get_string(order, "reason"));
	if (rc == REP_EREFUSED && !ready)
		rep_hint(err, "the company could not be told of it: %.200s",
			 rep_oid_is_zero(tip) ? "it was reached before" : told.msg);
	rep_buf_clear(&document);
	free(keys_dir);
	return rc;
}

enum rep_code rep_leave(struct rep_device *device, const struct rep_json *order,
			struct rep_error *err)
{
	struct rep_replica *replica = device->replica;
	const int64_t now_ms = device->options->now_ms;
	struct rep_buf farewell = REP_BUF_INIT(DOCUMENT_MAX);
	struct rep_locked end = {.dir = replica->dir,
				 .device = replica->device,
				 .key = &replica->key,
				 .transport = device->transport,
				 .git = rep_clone_git(device->clone),
				 .clone = rep_clone_path(device->clone),
				 .now_ms = now_ms};
	struct rep_journal_head head;
	struct rep_oid tip;
	int64_t merged = 0;
	enum rep_code rc = rep_journal_head(replica->db, &head, err);

	if (rc == REP_OK)
		rc = rep_meta_get_int(replica->db, REP_META_MERGED_SEQ, &merged, err);
	if (rc == REP_OK)
		rc = write_farewell(&farewell, replica->device, &replica->key, now_ms, &head,
				    merged, err);
	device->farewell = &farewell;
	if (rc == REP_OK)
		rc = rep_push_plan(device, err);
	if (rc == REP_OK)
		rc = rep_push_send(device, err);
	device->farewell = NULL;
	if (rc == REP_OK)
		rc = rep_device_tip(replica->db, REP_META_PLANNED_TIP, &tip, err);
	if (rc != REP_OK) {
		rc = rep_wrap(err, rc, "hand over to the company");
		goto out;
	}
	rep_db_close(replica->db);
	replica->db = NULL;
	rc = erase_and_tell(&end, &tip, order, err);
out:
	rep_buf_clear(&farewell);
	return rc;
}

enum rep_code rep_leave_locked(const struct rep_locked *locked, const struct rep_json *order,
			       struct rep_error *err)
{
	struct rep_buf farewell = REP_BUF_INIT(DOCUMENT_MAX);
	struct rep_oid tip = rep_oid_zero;
	enum rep_code rc = REP_OK;

	/* An outbox that is there was begun by a try before this one, which was killed. */
	if (rep_oid_is_zero(&locked->outbox)) {
		rc = write_farewell(&farewell, locked->device, locked->key, locked->now_ms, NULL, 0,
				    err);
		if (rc == REP_OK)
			rc = commit(locked->git, &rep_oid_zero, FIRST, &farewell, locked->device,
				    locked->now_ms, &tip, err);
		if (rc == REP_OK)
			rc = rep_transport_push(locked->transport, locked->clone, &rep_oid_zero,
						&tip, err);
	}
	rep_buf_clear(&farewell);
	return rc == REP_OK ? erase_and_tell(locked, &tip, order, err) : rc;
}
