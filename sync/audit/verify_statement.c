/*
 * The hub's signed statements: each names the one before, the newest names every journal's head.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/changeset.h"
#include "sync/audit/verify_hub.h"
#include "sync/hub/central.h"
#include "sync/mailbox/document.h"

#define STATEMENT_SIZE_MAX REP_LINE_SIZE_MAX

struct statement_file {
	char path[96];
	int64_t run;
	struct rep_oid oid;
};
struct statements {
	struct rep_verifying *verifying;
	struct statement_file *files;
	size_t len, cap;
};

static enum rep_code add_statement(void *user, const char *path, const struct rep_oid *old_oid,
				   const struct rep_oid *new_oid, struct rep_error *err)
{
	struct statements *statements = user;
	struct statement_file *file;
	const char *name = strrchr(path, '/');

	if (!rep_oid_is_zero(old_oid)) {
		char where[96];

		snprintf(where, sizeof where, "statements/%.80s", path);
		rep_problems_add(statements->verifying->problems, where,
				 "it was verified before, and is not what it was");
		return REP_OK;
	}
	if (statements->len == statements->cap) {
		size_t cap = statements->cap ? 2 * statements->cap : 64;
		struct statement_file *files = realloc(statements->files, cap * sizeof *files);

		if (!files)
			return rep_fail(err, REP_ENOMEM, "list statements");
		statements->files = files;
		statements->cap = cap;
	}
	file = &statements->files[statements->len++];
	snprintf(file->path, sizeof file->path, "statements/%s", path);
	file->run = strtoll(name ? name + 1 : path, NULL, 10);
	file->oid = *new_oid;
	return REP_OK;
}

static int compare_statements(const void *a, const void *b)
{
	const struct statement_file *x = a, *y = b;

	return (x->run > y->run) - (x->run < y->run);
}

static enum rep_code check_statement(struct rep_verifying *verifying,
				     const struct statement_file *file, char prev[REP_HASH_HEX + 1],
				     const char *heads, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(STATEMENT_SIZE_MAX), path = REP_BUF_INIT(256);
	struct rep_json *statement = NULL;
	const struct rep_hubkeys *keys = &verifying->hub->keys;
	const uint8_t *signer;
	const char *end;
	enum rep_code rc;

	rc = rep_git_read(verifying->git, &file->oid, REP_OBJECT_BLOB, &bytes, err);
	signer = rep_hubkeys_signer(keys, rep_buf_str(&bytes), bytes.len);
	if (rc == REP_OK)
		rc = rep_statement_read(&statement, rep_buf_str(&bytes), bytes.len, signer, err);
	if (rc != REP_OK)
		goto out;
	if (signer != rep_hubkeys_at(keys, rep_json_get_string(statement, "hub_time")))
		rc = rep_fail(err, REP_EINTEGRITY,
			      "it is not signed with the hub's key of its time");
	rep_problems_count(verifying->problems, "statements", 1);
	rep_path_statement(&path, rep_json_get_string(statement, "hub_time"), file->run);
	if (rc != REP_OK)
		; /* told below */
	else if (rep_json_get_integer(statement, "run") != file->run ||
		 strcmp(rep_buf_str(&path), file->path) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "the file's name is not that of its statement");
	else if (strcmp(rep_json_get_string(statement, "prev"), prev) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "it does not follow the statement before");
	else if (heads && strcmp(rep_json_get_string(statement, "heads"), heads) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "the journals are not those that it names");
	end = memchr(bytes.data, '\n', bytes.len);
	if (end)
		rep_sha256_hex(prev, bytes.data, (size_t)(end - bytes.data));
out:
	rep_json_free(statement);
	rep_buf_clear(&bytes);
	rep_buf_clear(&path);
	return rep_verify_note(verifying, file->path, rc, err);
}

/* ---- the journals as they are ---- */

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* SHA-256 over the sorted lines "<device> <seq> <hash>". */
enum rep_code rep_verify_hash_heads(const struct rep_buf *heads, char out[REP_HASH_HEX + 1],
				    struct rep_error *err)
{
	struct rep_buf sorted = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	char *copy = strdup(rep_buf_str(heads)), *rest = copy;
	char **lines = calloc(heads->len + 1, sizeof *lines);
	size_t len = 0;
	enum rep_code rc;

	for (char *line; copy && lines && (line = strsep(&rest, "\n")) && *line;)
		lines[len++] = line;
	if (len)
		qsort(lines, len, sizeof *lines, compare_lines);
	for (size_t i = 0; i < len; i++)
		rep_buf_printf(&sorted, "%s\n", lines[i]);
	rc = copy && lines ? rep_buf_check(&sorted, "the heads", err)
			   : rep_fail(err, REP_ENOMEM, "list the heads");
	if (rc == REP_OK)
		rep_sha256_hex(out, rep_buf_str(&sorted), sorted.len);
	free(copy);
	free(lines);
	rep_buf_clear(&sorted);
	return rc;
}

/* Nothing new was stated since: then the journals are those of then. */
static enum rep_code check_unsaid(struct rep_verifying *verifying, struct rep_error *err)
{
	static const char *const named[] = {"journal", "access"};
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < sizeof named / sizeof *named; i++) {
		struct rep_oid then, now;
		bool is_tree;

		rc = rep_tree_find(verifying->git, &verifying->since_root, named[i], &then,
				   &is_tree, err);
		if (rc == REP_OK)
			rc = rep_tree_find(verifying->git, &verifying->root, named[i], &now,
					   &is_tree, err);
		if (rc == REP_OK && !rep_oid_equal(&then, &now))
			rep_problems_add(verifying->problems, named[i],
					 "it changed, and no statement says so");
	}
	return rep_verify_note(verifying, "statements", rc, err);
}

enum rep_code rep_verify_statements(struct rep_verifying *verifying, const struct rep_buf *heads,
				    struct rep_error *err)
{
	struct statements statements = {.verifying = verifying};
	char prev[REP_HASH_HEX + 1], hash[REP_HASH_HEX + 1];
	struct rep_oid tree, before = rep_oid_zero;
	bool is_tree;
	enum rep_code rc;

	memcpy(prev, rep_changeset_no_prev, sizeof prev);
	rc = rep_tree_find(verifying->git, &verifying->root, "statements", &tree, &is_tree, err);
	if (rc == REP_OK && rep_verify_goes_on(verifying)) {
		snprintf(prev, sizeof prev, "%s",
			 rep_json_get_string(verifying->point, "statement"));
		rc = rep_tree_find(verifying->git, &verifying->since_root, "statements", &before,
				   &is_tree, err);
	}
	if (rc == REP_OK)
		rc = rep_tree_diff(verifying->git, &before, &tree, add_statement, &statements, err);
	rc = rep_verify_note(verifying, "statements", rc, err);
	if (rc == REP_OK && statements.len)
		qsort(statements.files, statements.len, sizeof *statements.files,
		      compare_statements);
	if (rc == REP_OK && heads)
		rc = rep_verify_hash_heads(heads, hash, err);
	for (size_t i = 0; rc == REP_OK && i < statements.len; i++)
		rc = check_statement(verifying, &statements.files[i], prev,
				     heads && i + 1 == statements.len ? hash : NULL, err);
	if (rc == REP_OK && rep_verify_goes_on(verifying) && !statements.len)
		rc = check_unsaid(verifying, err);
	free(statements.files);
	return rc;
}
