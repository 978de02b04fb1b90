/*
 * Reading a view as the hub signed it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/journal.h"
#include "sync/device/device_work.h"
#include "sync/device/recovered.h"
#include "sync/mailbox/document.h"

#define SELF_SIZE_MAX REP_LINE_SIZE_MAX
#define LINKED "linked/"
#define DATA "data/"

/* ---- self.json ---- */

/* Every other entry of the root is named with its id, and nothing is named that is not there. */
static enum rep_code check_trees(struct rep_git *git, const struct rep_oid *root,
				 const struct rep_json *trees, struct rep_error *err)
{
	struct rep_tree_list list = {0};
	char hex[REP_OID_HEX + 1];
	size_t named = 0;
	enum rep_code rc;

	rc = rep_tree_read(git, root, &list, err);
	for (size_t i = 0; rc == REP_OK && i < list.len; i++) {
		const char *want;

		if (strcmp(list.entries[i].name, "self.json") == 0)
			continue;
		want = rep_json_get_string(trees, list.entries[i].name);
		rep_oid_hex(hex, &list.entries[i].oid);
		if (!want || strcmp(want, hex) != 0)
			rc = rep_fail(err, REP_EINTEGRITY, "%s/ is not what the hub signed",
				      list.entries[i].name);
		named++;
	}
	if (rc == REP_OK && named != rep_json_size(trees))
		rc = rep_fail(err, REP_EINTEGRITY, "a part that the hub signed is missing");
	rep_tree_list_clear(&list);
	return rc;
}

static enum rep_code read_self(struct rep_json **out, struct rep_git *git,
			       const struct rep_oid *root, const uint8_t *hub_public,
			       struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(SELF_SIZE_MAX);
	struct rep_oid oid;
	bool is_tree;
	enum rep_code rc;

	rc = rep_tree_find(git, root, "self.json", &oid, &is_tree, err);
	if (rc == REP_OK && (rep_oid_is_zero(&oid) || is_tree))
		rc = rep_fail(err, REP_EINTEGRITY, "there is no self.json");
	if (rc == REP_OK)
		rc = rep_git_read(git, &oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_self_read(out, rep_buf_str(&bytes), bytes.len, hub_public, err);
	rep_buf_clear(&bytes);
	if (rc == REP_EINVAL) /* the hub would not have written it: it is not from the hub */
		rc = err->code = REP_EINTEGRITY;
	return rep_wrap(err, rc, "self.json");
}

enum rep_code rep_view_read(struct rep_view *out, struct rep_git *git, const struct rep_oid *commit,
			    const char *device, const uint8_t hub_public[REP_PUBLIC_SIZE],
			    struct rep_error *err)
{
	struct rep_oid parent;
	const char *named;
	int64_t time_s;
	enum rep_code rc;

	*out = (struct rep_view){.commit = *commit};
	rc = rep_git_commit_read(git, commit, &out->root, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = read_self(&out->self, git, &out->root, hub_public, err);
	if (rc != REP_OK)
		goto out;
	named = rep_json_get_string(out->self, "device");
	if (!named || strcmp(named, device) != 0) {
		rc = rep_fail(err, REP_EINTEGRITY, "the view is for device %s, not %s",
			      named ? named : "(none)", device);
		goto out;
	}
	rc = check_trees(git, &out->root, rep_json_get(out->self, "trees"), err);
out:
	if (rc != REP_OK)
		rep_view_clear(out);
	return rc;
}

void rep_view_clear(struct rep_view *view)
{
	rep_json_free(view->self);
	*view = (struct rep_view){0};
}

/* ---- does it follow ---- */

static enum rep_code check_number(const struct rep_view *view, struct rep_device *device,
				  const struct rep_pin *pin, bool *recovered, struct rep_error *err)
{
	struct rep_db *db = device->replica->db;
	const int64_t epoch = rep_json_get_integer(view->self, "epoch");
	const int64_t number = rep_json_get_integer(view->self, "view");
	int64_t held_epoch, held;
	enum rep_code rc;

	*recovered = false;
	rc = rep_meta_get_int(db, REP_META_EPOCH, &held_epoch, err);
	if (rc == REP_OK)
		rc = rep_meta_get_int(db, REP_META_VIEW, &held, err);
	if (rc != REP_OK)
		return rc;
	if (number < 1)
		return rep_fail(err, REP_EINTEGRITY, "the view bears no number");
	*recovered = held && epoch > held_epoch;
	if (*recovered)
		return rep_recovered_check(view, rep_clone_git(device->clone), pin, held_epoch,
					   err);
	if (epoch < held_epoch || (epoch == held_epoch && number <= held))
		return rep_fail(err, REP_EINTEGRITY,
				"view %lld.%lld is not newer than %lld.%lld, which was taken "
				"already: the mailbox was set back",
				(long long)epoch, (long long)number, (long long)held_epoch,
				(long long)held);
	return REP_OK;
}

/* The acknowledged number and hash must be those of our own chain, or somebody else works with our key. */
static enum rep_code check_acknowledged(const struct rep_view *view, struct rep_replica *replica,
					bool recovered, struct rep_error *err)
{
	const int64_t seq = rep_json_get_integer(view->self, "merged_seq");
	const char *hash = rep_json_get_string(view->self, "merged_hash");
	struct rep_changeset set = {0};
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_journal_head head;
	int64_t held;
	size_t used;
	enum rep_code rc;

	rc = rep_meta_get_int(replica->db, REP_META_MERGED_SEQ, &held, err);
	if (rc == REP_OK)
		rc = rep_journal_head(replica->db, &head, err);
	if (rc != REP_OK)
		goto out;
	if (seq < held && !recovered) {
		rc = rep_fail(err, REP_EINTEGRITY,
			      "the view acknowledges change set %lld, an older one %lld",
			      (long long)seq, (long long)held);
		goto out;
	}
	if (seq > head.seq) {
		rc = rep_fail(err, REP_EORDER,
			      "the company merged change sets up to %lld of this device, this "
			      "replica made %lld: it was restored from a backup, or copied",
			      (long long)seq, (long long)head.seq);
		rep_hint(err, "nothing was lost; enroll this machine anew with the company");
		goto out;
	}
	if (seq == 0)
		goto out;
	rc = rep_journal_read(replica->db, seq, &bytes, err);
	if (rc == REP_OK)
		rc = rep_changeset_read(&set, &used, bytes.data, bytes.len, NULL, err);
	if (rc == REP_OK && (!hash || strcmp(hash, set.hash) != 0)) {
		rc = rep_fail(err, REP_EORDER,
			      "the company merged another change set %lld of this device: this "
			      "replica was restored from a backup, or copied",
			      (long long)seq);
		rep_hint(err, "nothing was lost; enroll this machine anew with the company");
	}
out:
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_view_follows(const struct rep_view *view, struct rep_device *device,
			       const struct rep_pin *pin, bool *recovered, struct rep_error *err)
{
	enum rep_code rc = check_number(view, device, pin, recovered, err);

	if (rc == REP_OK)
		rc = check_acknowledged(view, device->replica, *recovered, err);
	return rc;
}

/* ---- records ---- */

static enum rep_code read_part(struct rep_record **record, struct rep_json **extra,
			       struct rep_lookup *lookup, const struct rep_schema *schema,
			       const char *partition, const char *path, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_oid oid;
	enum rep_code rc;

	rc = rep_lookup_find(lookup, path, &oid, err);
	if (rc != REP_OK || rep_oid_is_zero(&oid))
		goto out;
	rc = rep_git_read(rep_lookup_git(lookup), &oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_record_read(record, extra, schema, partition, bytes.data, bytes.len, err);
	rc = rep_wrap(err, rc, "%s", path);
out:
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_view_record(struct rep_record **out, struct rep_json **extra,
			      struct rep_lookup *lookup, const struct rep_schema *schema,
			      const struct rep_entity *entity, const char *partition,
			      const char *id, bool linked, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(1024);
	enum rep_code rc = REP_OK;

	*out = NULL;
	*extra = NULL;
	if (linked)
		rep_buf_puts(&path, LINKED);
	rep_record_path(&path, entity, partition, id, "open");
	rc = rep_buf_check(&path, "a path", err);
	if (rc != REP_OK)
		goto out;
	if (linked) /* linked/data/<pp>... is written as linked/<pp>... */
		memmove(path.data + strlen(LINKED), path.data + strlen(LINKED DATA),
			path.len - strlen(LINKED DATA) + 1);
	rc = read_part(out, extra, lookup, schema, partition, path.data, err);
	for (size_t i = 0; rc == REP_OK && i < schema->visibility_len; i++) {
		if (!rep_entity_has_twin(entity, schema->visibility[i].name))
			continue;
		rep_buf_reset(&path);
		rep_record_path(&path, entity, partition, id, schema->visibility[i].name);
		rc = rep_buf_check(&path, "a path", err);
		if (rc == REP_OK)
			rc = read_part(out, extra, lookup, schema, partition, path.data, err);
	}
out:
	if (rc != REP_OK) {
		rep_record_free(*out);
		rep_json_free(*extra);
		*out = NULL;
		*extra = NULL;
	}
	rep_buf_clear(&path);
	return rc;
}

/* ---- schema ---- */

struct schema_load {
	struct rep_git *git;
	struct rep_schema_files *files;
};

static enum rep_code add_schema_file(void *user, const char *path, const struct rep_oid *old_oid,
				     const struct rep_oid *new_oid, struct rep_error *err)
{
	struct schema_load *load = user;
	struct rep_buf bytes = REP_BUF_INIT(REP_SCHEMA_FILE_SIZE_MAX);
	enum rep_code rc;

	(void)old_oid;
	rc = rep_git_read(load->git, new_oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_schema_files_add(load->files, path, rep_buf_str(&bytes), bytes.len, err);
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_view_schema(struct rep_schema **out, struct rep_git *git,
			      const struct rep_oid *root, const char *path, struct rep_error *err)
{
	struct rep_schema_files files = {0};
	struct schema_load load = {git, &files};
	struct rep_oid tree;
	bool is_tree;
	enum rep_code rc;

	*out = NULL;
	rc = rep_tree_find(git, root, path, &tree, &is_tree, err);
	if (rc == REP_OK && (rep_oid_is_zero(&tree) || !is_tree))
		rc = rep_fail(err, REP_EINTEGRITY, "there is no %s/", path);
	if (rc == REP_OK)
		rc = rep_tree_diff(git, &rep_oid_zero, &tree, add_schema_file, &load, err);
	if (rc == REP_OK)
		return rep_schema_load(out, &files, err); /* takes the files over */
	rep_schema_files_clear(&files);
	return rc;
}
