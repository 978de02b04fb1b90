#include "sync/admin/recover.h"

#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/changeset.h"
#include "sync/audit/statement.h"
#include "sync/git/pack.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/recovery.h"
#include "sync/run/healing.h"

struct recovering {
	struct rep_hub *hub;
	const struct rep_recover *options;
	struct rep_key root;
	struct rep_recovery recovery;
	struct rep_pack *pack;
	struct rep_tree *tree;
	struct rep_oid head; /* main as it was */
};

static enum rep_code read_key(struct recovering *recovering, struct rep_error *err)
{
	const struct rep_hub *hub = recovering->hub;
	enum rep_code rc = rep_root_read(&recovering->root, recovering->options->root_key, err);

	if (rc == REP_OK && (!hub->has_names || memcmp(recovering->root.public, hub->names.root,
						       REP_PUBLIC_SIZE) != 0))
		rc = rep_fail(err, REP_EREFUSED, "%s is not the root key of this company",
			      recovering->options->root_key);
	return rc;
}

/* Where history stands that goes on. */
static enum rep_code find_statement(struct recovering *recovering, struct rep_error *err)
{
	struct rep_recovery *recovery = &recovering->recovery;
	struct rep_json *statement = NULL;
	const char *hash;
	enum rep_code rc = rep_hub_statement(recovering->hub, NULL, &statement, err);

	if (rc == REP_ENOTFOUND)
		rc = REP_OK;
	hash = statement ? rep_json_get_string(statement, "hash") : rep_changeset_no_prev;
	memcpy(recovery->statement, hash, sizeof recovery->statement);
	recovery->run = statement ? rep_json_get_integer(statement, "run") : 0;
	recovery->epoch = recovering->hub->epoch + 1;
	rep_time_format(recovery->made, recovering->options->now_ms);
	rep_json_free(statement);
	return rc;
}

static enum rep_code put_document(struct recovering *recovering, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	enum rep_code rc = rep_recovery_write(&bytes, &recovering->recovery,
					      recovering->hub->company, &recovering->root, err);

	if (rc == REP_OK)
		rc = rep_tree_put_blob(recovering->tree, REP_RECOVERY_PATH, bytes.data, bytes.len,
				       err);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code add_commit(struct recovering *recovering, struct rep_oid *out,
				struct rep_error *err)
{
	char message[96];
	struct rep_git_commit commit = {.parent = recovering->head, .message = message};
	enum rep_code rc = rep_tree_write(recovering->tree, &commit.tree, err);

	snprintf(message, sizeof message, "recover: epoch %lld goes on from run %lld\n",
		 (long long)recovering->recovery.epoch, (long long)recovering->recovery.run);
	return rc == REP_OK ? rep_hub_add_commit(recovering->pack, recovering->hub->company,
						 recovering->options->now_ms, &commit, out, err)
			    : rc;
}

/* One commit on main; killed before it, the epoch is as it was, and after it the next merge goes on. */
static enum rep_code commit(struct recovering *recovering, struct rep_error *err)
{
	struct rep_git *central = recovering->hub->central;
	struct rep_oid root, parent, made;
	int64_t time_s;
	enum rep_code rc = rep_git_ref(central, REP_MAIN, &recovering->head, err);

	if (rc == REP_OK)
		rc = rep_git_commit_read(central, &recovering->head, &root, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_pack_new(&recovering->pack, central, err);
	if (rc == REP_OK)
		rc = rep_tree_edit(&recovering->tree, recovering->pack, &root, err);
	if (rc == REP_OK)
		rc = put_document(recovering, err);
	if (rc == REP_OK)
		rc = add_commit(recovering, &made, err);
	if (rc == REP_OK)
		rc = rep_pack_commit(recovering->pack, NULL, err);
	if (rc == REP_OK)
		rc = rep_git_cas(central, REP_MAIN, &recovering->head, &made, err);
	return rc;
}

/* Each laptop that may hold what this hub has not. */
static enum rep_code expect_devices(const struct recovering *recovering, struct rep_error *err)
{
	const struct rep_hub *hub = recovering->hub;
	const struct rep_org_device *devices;
	const size_t len = rep_org_devices(hub->org, &devices);
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < len; i++)
		if (devices[i].state && strcmp(devices[i].state, "active") == 0)
			rc = rep_healing_expect(hub, recovering->recovery.epoch, devices[i].id,
						err);
	return rc;
}

/* The working copy follows main, and the epoch is read from there. */
static enum rep_code merge(struct recovering *recovering, struct rep_error *err)
{
	struct rep_hub *hub = recovering->hub;
	const struct rep_hub_merge options = {.now_ms = recovering->options->now_ms,
					      .progress = recovering->options->progress};
	struct rep_json *summary = NULL;
	enum rep_code rc;

	hub->epoch = recovering->recovery.epoch;
	rep_work_close(hub);
	rc = rep_work_open(hub, recovering->options->progress, err);
	if (rc == REP_OK)
		rc = rep_hub_merge(hub, &options, &summary, err);
	rep_json_free(summary);
	return rc;
}

enum rep_code rep_hub_recover(struct rep_hub *hub, const struct rep_recover *options,
			      struct rep_json **out, struct rep_error *err)
{
	struct recovering recovering = {.hub = hub, .options = options};
	struct rep_json *report = rep_json_object();
	enum rep_code rc = read_key(&recovering, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = find_statement(&recovering, err);
	/* Before there is anything to hear: who is cut after the commit does not come by here again. */
	if (rc == REP_OK)
		rc = expect_devices(&recovering, err);
	if (rc == REP_OK)
		rc = commit(&recovering, err);
	if (rc == REP_OK)
		rc = merge(&recovering, err);
	if (rc == REP_OK &&
	    (!rep_json_set_integer(report, "epoch", recovering.recovery.epoch) ||
	     !rep_json_set_integer(report, "run", recovering.recovery.run) ||
	     !rep_json_set_string(report, "statement", recovering.recovery.statement)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK) {
		*out = report;
		report = NULL;
	}
	rep_json_free(report);
	rep_tree_free(recovering.tree);
	rep_pack_free(recovering.pack);
	rep_key_wipe(&recovering.root);
	return rep_wrap(err, rc, "recover");
}
