/*
 * The access log: central's segments and what lies in the folder are one chain of signed entries.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/audit/verify_hub.h"
#include "sync/hub/access_chain.h"

struct log_file {
	char path[96];
	long long first, last;
	struct rep_oid oid;
};
struct logged {
	struct rep_verifying *verifying;
	struct log_file *files;
	size_t len, cap;
};

static enum rep_code add_file(void *user, const char *path, const struct rep_oid *old_oid,
			      const struct rep_oid *new_oid, struct rep_error *err)
{
	struct logged *logged = user;
	struct log_file *file;
	int end = 0;

	if (strcmp(path, "head.json") == 0)
		return REP_OK;
	if (!rep_oid_is_zero(old_oid)) {
		char where[96];

		snprintf(where, sizeof where, "access/%.80s", path);
		rep_problems_add(logged->verifying->problems, where,
				 "it was verified before, and is not what it was");
		return REP_OK;
	}
	if (logged->len == logged->cap) {
		const size_t cap = logged->cap ? 2 * logged->cap : 64;
		struct log_file *files = reallocarray(logged->files, cap, sizeof *files);

		if (!files)
			return rep_fail(err, REP_ENOMEM, "list the access log");
		logged->files = files;
		logged->cap = cap;
	}
	file = &logged->files[logged->len];
	snprintf(file->path, sizeof file->path, "access/%.80s", path);
	file->oid = *new_oid;
	if (sscanf(path, "%*4[0-9]-%*2[0-9]/%lld-%lld.jsonl%n", &file->first, &file->last, &end) !=
		    2 ||
	    end == 0 || path[end] != '\0')
		rep_problems_add(logged->verifying->problems, file->path,
				 "no file of the access log has such a name");
	else
		logged->len++;
	return REP_OK;
}

static int compare_files(const void *a, const void *b)
{
	const struct log_file *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static enum rep_code check_file(struct rep_verifying *verifying, const struct log_file *file,
				struct rep_access_chain *chain, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_ACCESS_SPOOL_MAX);
	const int64_t before = chain->n;
	size_t used = 0;
	enum rep_code rc = rep_git_read(verifying->git, &file->oid, REP_OBJECT_BLOB, &bytes, err);

	if (rc == REP_OK)
		rc = rep_access_walk(chain, rep_buf_str(&bytes), bytes.len, &verifying->hub->keys,
				     NULL, NULL, &used, err);
	if (rc == REP_OK &&
	    (used != bytes.len || file->first != before + 1 || file->last != chain->n))
		rc = rep_fail(err, REP_EINTEGRITY, "the file's name is not that of its entries");
	rep_problems_count(verifying->problems, "accesses", chain->n - before);
	rep_buf_clear(&bytes);
	return rep_verify_note(verifying, file->path, rc, err);
}

static enum rep_code check_head(struct rep_verifying *verifying,
				const struct rep_access_chain *chain, struct rep_buf *heads,
				struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_access_chain head;
	bool found = false;
	enum rep_code rc = rep_verify_read(verifying, REP_ACCESS_HEAD, &bytes, &found, err);

	rep_access_chain_init(&head);
	if (rc == REP_OK && found)
		rc = rep_access_head_read(&head, rep_buf_str(&bytes), bytes.len, err);
	if (rc == REP_OK && (head.n != chain->n || strcmp(head.hash, chain->hash) != 0))
		rc = rep_fail(err, REP_EINTEGRITY,
			      "the head names entry %lld, the access log ends at %lld",
			      (long long)head.n, (long long)chain->n);
	if (rc == REP_OK && head.n)
		rep_buf_printf(heads, REP_ACCESS_NAME " %lld %s\n", (long long)head.n, head.hash);
	rep_buf_clear(&bytes);
	return rep_verify_note(verifying, REP_ACCESS_HEAD, rc, err);
}

static enum rep_code check_spool(struct rep_verifying *verifying, struct rep_access_chain *chain,
				 struct rep_error *err)
{
	struct rep_buf spool = REP_BUF_INIT(REP_ACCESS_SPOOL_MAX);
	const int64_t before = chain->n;
	enum rep_code rc = rep_access_spool(rep_hub_dir(verifying->hub), &spool, err);

	if (rc == REP_OK)
		rc = rep_access_walk(chain, rep_buf_str(&spool), spool.len, &verifying->hub->keys,
				     NULL, NULL, NULL, err);
	rep_problems_count(verifying->problems, "accesses", chain->n - before);
	rep_buf_clear(&spool);
	return rep_verify_note(verifying, "access.jsonl", rc, err);
}

/* The log as it was verified before: its tree, and where its chain stood. */
static enum rep_code go_on(struct rep_verifying *verifying, struct rep_oid *tree,
			   struct rep_access_chain *chain, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_oid head;
	bool is_tree;
	enum rep_code rc = rep_tree_find(verifying->git, &verifying->since_root, "access", tree,
					 &is_tree, err);

	if (rc == REP_OK)
		rc = rep_lookup_find(verifying->before, REP_ACCESS_HEAD, &head, err);
	if (rc == REP_OK && !rep_oid_is_zero(&head)) {
		rc = rep_git_read(verifying->git, &head, REP_OBJECT_BLOB, &bytes, err);
		if (rc == REP_OK)
			rc = rep_access_head_read(chain, rep_buf_str(&bytes), bytes.len, err);
	}
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_verify_access(struct rep_verifying *verifying, struct rep_buf *heads,
				struct rep_error *err)
{
	struct logged logged = {.verifying = verifying};
	struct rep_access_chain chain;
	struct rep_oid tree = rep_oid_zero, before = rep_oid_zero;
	bool is_tree = false;
	enum rep_code rc;

	rep_access_chain_init(&chain);
	rc = rep_tree_find(verifying->git, &verifying->root, "access", &tree, &is_tree, err);
	if (rc == REP_OK && rep_verify_goes_on(verifying))
		rc = go_on(verifying, &before, &chain, err);
	if (rc == REP_OK && (!rep_oid_is_zero(&tree) || !rep_oid_is_zero(&before)))
		rc = rep_tree_diff(verifying->git, &before, &tree, add_file, &logged, err);
	rc = rep_verify_note(verifying, "access", rc, err);
	if (logged.len)
		qsort(logged.files, logged.len, sizeof *logged.files, compare_files);
	for (size_t i = 0; rc == REP_OK && i < logged.len; i++)
		rc = check_file(verifying, &logged.files[i], &chain, err);
	if (rc == REP_OK)
		rc = check_head(verifying, &chain, heads, err);
	if (rc == REP_OK)
		rc = check_spool(verifying, &chain, err);
	free(logged.files);
	return rc;
}
