#include "sync/audit/evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/signed.h"
#include "sync/audit/evidence_work.h"
#include "sync/hub/access_chain.h"

#define ROWS_MAX (1024u * 1024u * 1024u)

/* ---- files ---- */

enum rep_code rep_prove_file(struct rep_proving *proving, const char *name, const void *data,
			     size_t len, struct rep_error *err)
{
	char *path = rep_hub_path(proving->dir, "%s", name), *slash;
	char hash[REP_HASH_HEX + 1];
	enum rep_code rc = REP_OK;

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	slash = strrchr(path, '/');
	*slash = '\0';
	if (!rep_file_is_dir(path))
		rc = rep_dir_make(path, 0700, err);
	*slash = '/';
	if (rc == REP_OK)
		rc = rep_file_write(path, data, len, 0600, err);
	rep_sha256_hex(hash, data, len);
	rep_buf_printf(&proving->manifest, "%s  %s\n", hash, name);
	proving->files++;
	free(path);
	return rc;
}

enum rep_code rep_prove_blob(struct rep_proving *proving, const char *path, struct rep_buf *out,
			     bool *found, struct rep_error *err)
{
	struct rep_oid oid = rep_oid_zero;
	bool is_tree = false;
	enum rep_code rc =
		rep_tree_find(proving->hub->central, &proving->root, path, &oid, &is_tree, err);

	*found = rc == REP_OK && !rep_oid_is_zero(&oid) && !is_tree;
	if (*found)
		rc = rep_git_read(proving->hub->central, &oid, REP_OBJECT_BLOB, out, err);
	return rc;
}

/* ---- the answer ---- */

struct answering {
	struct rep_proving *proving;
	struct rep_buf *rows;
};

/* The lowest number of a device counts: from there on its chain is given. */
static bool need(struct rep_proving *proving, const char *device, int64_t seq)
{
	const int64_t first = rep_json_get_integer(proving->firsts, device);

	return (first && first <= seq) || rep_json_set_integer(proving->firsts, device, seq);
}

static bool mark(struct rep_proving *proving, const char *set, int64_t index)
{
	char key[REP_DEVICE_LEN + 48], device[REP_DEVICE_LEN + 1];

	snprintf(device, sizeof device, "%.8s", set);
	snprintf(key, sizeof key, "%s/%lld", set, (long long)index);
	return rep_json_set(proving->wanted, key, rep_json_bool(true)) &&
	       rep_json_set(proving->sets, set, rep_json_bool(true)) &&
	       need(proving, device, strtoll(set + REP_DEVICE_LEN + 1, NULL, 10));
}

static enum rep_code on_row(void *user, const struct rep_json *row, struct rep_error *err)
{
	struct answering *answering = user;
	const char *commit = rep_json_get_string(row, "commit");
	struct rep_proving *proving = answering->proving;

	rep_json_write(answering->rows, row);
	rep_buf_putc(answering->rows, '\n');
	proving->rows++;
	if (!mark(proving, rep_json_get_string(row, "changeset"),
		  rep_json_get_integer(row, "index")) ||
	    (commit && !rep_json_set(proving->commits, commit, rep_json_bool(true))))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return rep_buf_check(answering->rows, "the rows", err);
}

/* What the hub recorded of the device: whose it is, and its key. */
static enum rep_code on_device_change(void *user, struct rep_indexed *change, struct rep_error *err)
{
	char set[REP_DEVICE_LEN + 24];

	snprintf(set, sizeof set, "%s/%lld", change->device, (long long)change->edit.seq);
	return mark(user, set, change->edit.index) ? REP_OK
						   : rep_fail(err, REP_ENOMEM, "out of memory");
}

static enum rep_code add_registrations(struct rep_proving *proving, struct rep_error *err)
{
	struct rep_json *devices = rep_json_dup(proving->firsts);
	enum rep_code rc = devices ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	for (void *it = rep_json_iter(devices); rc == REP_OK && it;
	     it = rep_json_iter_next(devices, it)) {
		const struct rep_changes_query query = {.entity = "device",
							.id = rep_json_iter_key(it)};

		rc = rep_changes_each(proving->hub->db, &query, on_device_change, proving, err);
	}
	rep_json_free(devices);
	return rc;
}

static enum rep_code put_answer(struct rep_proving *proving, const struct rep_audit *query,
				struct rep_error *err)
{
	struct rep_buf rows = REP_BUF_INIT(ROWS_MAX);
	struct answering answering = {proving, &rows};
	enum rep_code rc = rep_hub_audit_each(proving->hub, query, on_row, &answering, err);

	if (rc == REP_OK)
		rc = rep_prove_file(proving, "rows.jsonl", rep_buf_str(&rows), rows.len, err);
	rep_buf_clear(&rows);
	if (rc == REP_OK)
		rc = add_registrations(proving, err);
	return rc;
}

/* ---- heads, statements, commits ---- */

static enum rep_code put_heads(struct rep_proving *proving, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_access_chain access;
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc = rep_access_central(proving->hub, &access, err);

	if (rc == REP_OK)
		rc = rep_db_prepare(proving->hub->db, &stmt,
				    "SELECT device, seq, hash FROM _head UNION ALL SELECT ?1, ?2,"
				    " ?3 WHERE ?2 > 0 ORDER BY 1",
				    err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, REP_ACCESS_NAME);
		rep_bind_int(stmt, 2, access.n);
		rep_bind_text(stmt, 3, access.hash);
	}
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row)
		rep_buf_printf(&text, "%s %lld %s\n", rep_column_text(stmt, 0, NULL),
			       (long long)rep_column_int(stmt, 1), rep_column_text(stmt, 2, NULL));
	rep_stmt_free(stmt);
	if (rc == REP_OK)
		rc = rep_buf_check(&text, "the heads", err);
	if (rc == REP_OK)
		rc = rep_prove_file(proving, "heads.txt", rep_buf_str(&text), text.len, err);
	rep_buf_clear(&text);
	return rc;
}

static enum rep_code put_statement(void *user, const char *path, const struct rep_oid *old_oid,
				   const struct rep_oid *new_oid, struct rep_error *err)
{
	struct rep_proving *proving = user;
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	const char *name = strrchr(path, '/');
	char file[80];
	enum rep_code rc =
		rep_git_read(proving->hub->central, new_oid, REP_OBJECT_BLOB, &bytes, err);

	(void)old_oid;
	snprintf(file, sizeof file, "statements/%.60s", name ? name + 1 : path);
	if (rc == REP_OK)
		rc = rep_prove_file(proving, file, rep_buf_str(&bytes), bytes.len, err);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code put_statements(struct rep_proving *proving, struct rep_error *err)
{
	struct rep_oid tree = rep_oid_zero;
	bool is_tree = false;
	enum rep_code rc = rep_tree_find(proving->hub->central, &proving->root, "statements", &tree,
					 &is_tree, err);

	if (rc == REP_OK && is_tree)
		rc = rep_tree_diff(proving->hub->central, &rep_oid_zero, &tree, put_statement,
				   proving, err);
	return rc;
}

static enum rep_code put_commits(struct rep_proving *proving, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (void *it = rep_json_iter(proving->commits); rc == REP_OK && it;
	     it = rep_json_iter_next(proving->commits, it)) {
		struct rep_buf bytes = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
		char name[64];
		struct rep_oid oid;

		snprintf(name, sizeof name, "commits/%.40s", rep_json_iter_key(it));
		if (!rep_oid_parse(&oid, rep_json_iter_key(it)))
			rc = rep_fail(err, REP_EINTEGRITY, "%s is no commit", name);
		if (rc == REP_OK)
			rc = rep_git_read(proving->hub->central, &oid, REP_OBJECT_COMMIT, &bytes,
					  err);
		if (rc == REP_OK)
			rc = rep_prove_file(proving, name, rep_buf_str(&bytes), bytes.len, err);
		rep_buf_clear(&bytes);
	}
	return rc;
}

/* ---- the whole ---- */

static enum rep_code seal(struct rep_proving *proving, const struct rep_evidence *options,
			  char hash[REP_HASH_HEX + 1], struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_json *document = rep_json_object();
	char time[REP_TIME_LEN + 1];
	enum rep_code rc = rep_buf_check(&proving->manifest, "the manifest", err);

	rep_time_format(time, options->now_ms);
	rep_sha256_hex(hash, rep_buf_str(&proving->manifest), proving->manifest.len);
	if (rc == REP_OK && (!rep_json_set_string(document, "type", "evidence") ||
			     !rep_json_set_integer(document, "format", 1) ||
			     !rep_json_set_string(document, "manifest", hash) ||
			     !rep_json_set_string(document, "company", proving->hub->company) ||
			     !rep_json_set_string(document, "made", time)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		rc = rep_signed_write(&bytes, document, &proving->hub->key, err);
	if (rc == REP_OK) {
		struct rep_buf lines = proving->manifest, unlisted = REP_BUF_INIT(1024);

		/* Neither is in the manifest: they are what speaks for it. */
		proving->manifest = unlisted;
		rc = rep_prove_file(proving, "manifest.txt", lines.data, lines.len, err);
		if (rc == REP_OK)
			rc = rep_prove_file(proving, "manifest.json", bytes.data, bytes.len, err);
		rep_buf_clear(&proving->manifest);
		proving->manifest = lines;
	}
	rep_json_free(document);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code put_devices(struct rep_proving *proving, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (!need(proving, REP_HUB_DEVICE, REP_INT_MAX))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	for (void *it = rep_json_iter(proving->firsts); rc == REP_OK && it;
	     it = rep_json_iter_next(proving->firsts, it))
		rc = rep_prove_device(proving, rep_json_iter_key(it),
				      rep_json_integer_value(rep_json_iter_value(it)), err);
	return rc;
}

static enum rep_code report(const struct rep_proving *proving, const char *hash,
			    struct rep_json **out, struct rep_error *err)
{
	struct rep_json *document = rep_json_object();

	if (rep_json_set_integer(document, "rows", proving->rows) &&
	    rep_json_set_integer(document, "changesets", (int64_t)rep_json_size(proving->sets)) &&
	    rep_json_set_integer(document, "devices", (int64_t)rep_json_size(proving->firsts)) &&
	    rep_json_set_integer(document, "files", proving->files) &&
	    rep_json_set_string(document, "manifest", hash)) {
		*out = document;
		return REP_OK;
	}
	rep_json_free(document);
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

static enum rep_code begin(struct rep_proving *proving, struct rep_error *err)
{
	struct rep_oid head, parent;
	char *marker = NULL;
	int64_t time_s;
	enum rep_code rc = rep_work_get(proving->hub->db, "marker", &marker, err);

	/* What the index shows, not what a run may just have moved main to. */
	if (rc == REP_OK && (!marker || !rep_oid_parse(&head, marker)))
		rc = rep_fail(err, REP_EINTEGRITY, "work.db: no marker");
	if (rc == REP_OK)
		rc = rep_git_commit_read(proving->hub->central, &head, &proving->root, &parent,
					 &time_s, err);
	free(marker);
	if (rc == REP_OK && rep_file_exists(proving->dir))
		rc = rep_fail(err, REP_EEXIST, "%s is there already", proving->dir);
	return rc == REP_OK ? rep_dir_make(proving->dir, 0700, err) : rc;
}

enum rep_code rep_hub_evidence(struct rep_hub *hub, const struct rep_audit *query,
			       const struct rep_evidence *options, struct rep_json **out,
			       struct rep_error *err)
{
	struct rep_proving proving = {
		.hub = hub,
		.dir = options->dir,
		.wanted = rep_json_object(),
		.firsts = rep_json_object(),
		.sets = rep_json_object(),
		.commits = rep_json_object(),
		.manifest = REP_BUF_INIT(REP_SEGMENT_HARD_MAX),
	};
	char hash[REP_HASH_HEX + 1];
	enum rep_code rc = begin(&proving, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = put_answer(&proving, query, err);
	if (rc == REP_OK)
		rc = put_devices(&proving, err);
	if (rc == REP_OK)
		rc = put_heads(&proving, err);
	if (rc == REP_OK)
		rc = put_statements(&proving, err);
	if (rc == REP_OK)
		rc = put_commits(&proving, err);
	if (rc == REP_OK)
		rc = rep_prove_file(&proving, "README.md", rep_evidence_readme,
				    strlen(rep_evidence_readme), err);
	if (rc == REP_OK)
		rc = seal(&proving, options, hash, err);
	if (rc == REP_OK)
		rc = report(&proving, hash, out, err);
	rep_json_free(proving.wanted);
	rep_json_free(proving.firsts);
	rep_json_free(proving.sets);
	rep_json_free(proving.commits);
	rep_buf_clear(&proving.manifest);
	return rep_wrap(err, rc, "evidence");
}
