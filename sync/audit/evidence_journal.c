#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/changeset.h"
#include "sync/audit/evidence_work.h"

#define JOURNAL_MAX (1024u * 1024u * 1024u)

/* An Ed25519 public key as others read it: RFC 8410. */
static enum rep_code put_pem(struct rep_proving *proving, const char *device,
			     const uint8_t public[REP_PUBLIC_SIZE], struct rep_error *err)
{
	static const uint8_t head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
				       0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
	uint8_t der[sizeof head + REP_PUBLIC_SIZE];
	char base64[4 * ((sizeof der + 2) / 3) + 1], text[200], name[64];

	memcpy(der, head, sizeof head);
	memcpy(der + sizeof head, public, REP_PUBLIC_SIZE);
	rep_base64(base64, der, sizeof der);
	snprintf(text, sizeof text, "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n",
		 base64);
	snprintf(name, sizeof name, "keys/%s.pem", device);
	return rep_prove_file(proving, name, text, strlen(text), err);
}

/* ---- how the key was shown ---- */

static enum rep_code put_enrolment(struct rep_proving *proving, const char *device,
				   struct rep_error *err)
{
	char *path = rep_hub_mailbox(proving->hub->dir, device), name[64];
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_oid tip = rep_oid_zero, tree, parent, oid = rep_oid_zero;
	struct rep_git *git = NULL;
	int64_t time_s;
	bool is_tree = false;
	enum rep_code rc = path ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK && !rep_file_is_dir(path))
		goto out; /* the mailbox is gone: what the hub registered is in its journal */
	if (rc == REP_OK)
		rc = rep_git_open(&git, path, err);
	if (rc == REP_OK)
		rc = rep_git_ref(git, REP_OUTBOX, &tip, err);
	if (rc == REP_OK && !rep_oid_is_zero(&tip))
		rc = rep_git_commit_read(git, &tip, &tree, &parent, &time_s, err);
	if (rc == REP_OK && !rep_oid_is_zero(&tip))
		rc = rep_tree_find(git, &tree, "enrol.json", &oid, &is_tree, err);
	if (rc == REP_OK && !rep_oid_is_zero(&oid)) {
		rc = rep_git_read(git, &oid, REP_OBJECT_BLOB, &bytes, err);
		snprintf(name, sizeof name, "enrol/%s.json", device);
		if (rc == REP_OK)
			rc = rep_prove_file(proving, name, bytes.data, bytes.len, err);
	}
out:
	rep_git_close(git);
	rep_buf_clear(&bytes);
	free(path);
	return rc;
}

/* ---- change sets ---- */

static bool is_wanted(const struct rep_proving *proving, const struct rep_changeset *set,
		      size_t index)
{
	char key[REP_DEVICE_LEN + 48];

	snprintf(key, sizeof key, "%s/%lld/%zu", set->device, (long long)set->seq, index);
	return rep_json_get(proving->wanted, key) != NULL;
}

/* Skeleton and signature as they are; of the value lines those of the answer. */
static void put_set(const struct rep_proving *proving, const struct rep_changeset *set,
		    struct rep_buf *out)
{
	const char *at = set->bytes, *end = set->bytes + set->size_bytes;

	for (size_t line = 0; at < end; line++) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		const size_t len = (size_t)((lf ? lf + 1 : end) - at);

		if (line < 2 || is_wanted(proving, set, line - 2))
			rep_buf_put(out, at, len);
		else
			rep_buf_puts(out, "null\n");
		at += len;
	}
}

static enum rep_code put_sets(struct rep_proving *proving, const struct rep_buf *segment,
			      const uint8_t public[REP_PUBLIC_SIZE], int64_t first,
			      struct rep_buf *out, struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	size_t at = 0;

	while (rc == REP_OK && at < segment->len) {
		struct rep_changeset set = {0};
		size_t used = 0;

		rc = rep_changeset_read(&set, &used, segment->data + at, segment->len - at,
					public ? public
					       : rep_hubkeys_signer(&proving->hub->keys,
								    segment->data + at,
								    segment->len - at),
					err);
		if (rc == REP_OK && set.seq >= first)
			put_set(proving, &set, out);
		rep_changeset_clear(&set);
		at += used;
	}
	return rc == REP_OK ? rep_buf_check(out, "a journal", err) : rc;
}

static enum rep_code put_receipt(struct rep_proving *proving, const char *device,
				 const char *segment, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256), bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	const char *name = strrchr(segment, '/'), *dot = strrchr(segment, '.');
	bool found = false;
	enum rep_code rc;

	rep_buf_puts(&path, "outcomes");
	rep_buf_put(&path, segment + strlen("journal"),
		    (size_t)(dot - segment) - strlen("journal"));
	rep_buf_puts(&path, ".receipt.json");
	rc = rep_prove_blob(proving, rep_buf_str(&path), &bytes, &found, err);
	rep_buf_reset(&path);
	rep_buf_printf(&path, "receipts/%s/%.*s.receipt.json", device, (int)(dot - name - 1),
		       name + 1);
	if (rc == REP_OK && found)
		rc = rep_prove_file(proving, rep_buf_str(&path), bytes.data, bytes.len, err);
	rep_buf_clear(&path);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code put_segment(struct rep_proving *proving, const char *device, const char *path,
				 const uint8_t public[REP_PUBLIC_SIZE], int64_t first,
				 struct rep_buf *out, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	bool found = false;
	enum rep_code rc = rep_prove_blob(proving, path, &bytes, &found, err);

	if (rc == REP_OK && !found)
		rc = rep_fail(err, REP_EINTEGRITY, "%s is not in central: see hub verify", path);
	if (rc == REP_OK)
		rc = put_sets(proving, &bytes, public, first, out, err);
	if (rc == REP_OK)
		rc = put_receipt(proving, device, path, err);
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, "%s", path);
}

static enum rep_code put_journal(struct rep_proving *proving, const char *device,
				 const uint8_t public[REP_PUBLIC_SIZE], int64_t first,
				 struct rep_error *err)
{
	struct rep_buf out = REP_BUF_INIT(JOURNAL_MAX);
	struct rep_stmt *stmt = NULL;
	char name[64];
	bool row = true;
	enum rep_code rc = rep_db_prepare(proving->hub->db, &stmt,
					  "SELECT path FROM _segment WHERE device = ?1 AND"
					  " last >= ?2 ORDER BY first",
					  err);

	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, device);
		rep_bind_int(stmt, 2, first);
	}
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row)
		rc = put_segment(proving, device, rep_column_text(stmt, 0, NULL), public, first,
				 &out, err);
	rep_stmt_free(stmt);
	snprintf(name, sizeof name, "journal/%s.jsonl", device);
	if (rc == REP_OK)
		rc = rep_prove_file(proving, name, rep_buf_str(&out), out.len, err);
	rep_buf_clear(&out);
	return rc;
}

/* All that the hub signed with, and the documents by which one followed the other: they need the root key. */
static enum rep_code put_hub_keys(struct rep_proving *proving, struct rep_error *err)
{
	const struct rep_hubkeys *keys = &proving->hub->keys;
	enum rep_code rc = put_pem(proving, REP_HUB_DEVICE, keys->keys[keys->len - 1].public, err);

	if (rc == REP_OK && keys->len > 1)
		rc = put_pem(proving, "root", proving->hub->names.root, err);
	for (size_t i = 0; rc == REP_OK && i + 1 < keys->len; i++) {
		struct rep_buf bytes = REP_BUF_INIT(REP_HUBKEY_DOCUMENT_MAX);
		char name[64];
		bool found = false;

		snprintf(name, sizeof name, REP_HUB_DEVICE "-%zu", i);
		rc = put_pem(proving, name, keys->keys[i].public, err);
		snprintf(name, sizeof name, REP_HUBKEYS_DIR "/%zu.json", i + 1);
		if (rc == REP_OK)
			rc = rep_prove_blob(proving, name, &bytes, &found, err);
		snprintf(name, sizeof name, "hub-keys/%zu.json", i + 1);
		if (rc == REP_OK && found)
			rc = rep_prove_file(proving, name, bytes.data, bytes.len, err);
		rep_buf_clear(&bytes);
	}
	return rc;
}

enum rep_code rep_prove_device(struct rep_proving *proving, const char *device, int64_t first,
			       struct rep_error *err)
{
	const bool own = strcmp(device, REP_HUB_DEVICE) == 0;
	const struct rep_org_device *known = rep_org_device(proving->hub->org, device);
	const uint8_t *public = own ? NULL : known ? known->public : NULL;
	enum rep_code rc;

	if (!own && (!public || !known->has_key))
		return rep_fail(err, REP_EINTEGRITY, "no key of device %s is known", device);
	rc = own ? put_hub_keys(proving, err) : put_pem(proving, device, public, err);
	if (rc == REP_OK && !own)
		rc = put_enrolment(proving, device, err);
	if (rc == REP_OK)
		rc = put_journal(proving, device, public, first, err);
	return rc;
}
