/*
 * The access log in central: a run that makes a statement takes the entries of the folder with it, so that the statement names the
 * last of them. They leave the folder when main has moved.
 */
#include <string.h>

#include "core/base/limits.h"
#include "sync/hub/access_chain.h"
#include "sync/run/run.h"

struct taking {
	struct rep_buf bytes;
	int64_t first;
	char time[REP_TIME_LEN + 1];
};

static enum rep_code take_entry(void *user, const struct rep_access_entry *entry,
				struct rep_error *err)
{
	struct taking *taking = user;
	const char *time = rep_json_get_string(entry->document, "time");

	if (!taking->first && strlen(time) == REP_TIME_LEN) {
		taking->first = entry->n;
		memcpy(taking->time, time, sizeof taking->time);
	}
	rep_buf_put(&taking->bytes, entry->data, entry->size_bytes);
	return rep_buf_check(&taking->bytes, "the access log", err);
}

/* What the tree has so far. */
static enum rep_code read_head(struct rep_run *run, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_oid oid = rep_oid_zero;
	bool is_tree = false;
	enum rep_code rc = rep_tree_get(run->tree, REP_ACCESS_HEAD, &oid, &is_tree, err);

	rep_access_chain_init(&run->access);
	if (rc == REP_OK && !rep_oid_is_zero(&oid)) {
		rc = rep_pack_read(run->pack, &oid, REP_OBJECT_BLOB, &bytes, err);
		if (rc == REP_OK)
			rc = rep_access_head_read(&run->access, rep_buf_str(&bytes), bytes.len,
						  err);
	}
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code put_taken(struct rep_run *run, const struct taking *taking,
			       struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(1024);
	enum rep_code rc;

	rep_buf_printf(&text, "access/%.7s/%lld-%lld.jsonl", taking->time, (long long)taking->first,
		       (long long)run->access.n);
	rc = rep_tree_put_blob(run->tree, rep_buf_str(&text), taking->bytes.data, taking->bytes.len,
			       err);
	rep_buf_reset(&text);
	rep_access_head_write(&text, &run->access);
	if (rc == REP_OK)
		rc = rep_tree_put_blob(run->tree, REP_ACCESS_HEAD, text.data, text.len, err);
	rep_buf_clear(&text);
	return rc;
}

enum rep_code rep_run_access(struct rep_run *run, struct rep_error *err)
{
	struct rep_buf spool = REP_BUF_INIT(REP_ACCESS_SPOOL_MAX);
	struct taking taking = {.bytes = REP_BUF_INIT(REP_ACCESS_SPOOL_MAX)};
	enum rep_code rc = read_head(run, err);

	if (rc == REP_OK)
		rc = rep_access_spool(run->hub->dir, &spool, err);
	/* A damaged log must not stop the company's work: it stays where it is, and verify names it. */
	if (rc == REP_OK && spool.len) {
		struct rep_error damaged;

		if (rep_access_walk(&run->access, spool.data, spool.len, &run->hub->keys,
				    take_entry, &taking, NULL, &damaged) == REP_ENOMEM)
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
	}
	if (rc == REP_OK && taking.first)
		rc = put_taken(run, &taking, err);
	rep_buf_clear(&spool);
	rep_buf_clear(&taking.bytes);
	return rep_wrap(err, rc, "access log");
}
