/*
 * One inbox: is the view in it the one that should be? If not, objects, commit and compare-and-swap under the mailbox's lock.
 *
 * What was published last is remembered with the tip that it made, so that an inbox which has not changed costs reading one
 * small file. The inbox itself is the truth: numbers go on from the self.json that lies in it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/limits.h"
#include "core/model/signed.h"
#include "sync/git/treefmt.h"
#include "sync/mailbox/anew.h"
#include "sync/mailbox/document.h"
#include "sync/run/erasing.h"
#include "sync/run/publish.h"

#define DAY_MS (24LL * 60 * 60 * 1000)
#define LOCK_TRIES 40
#define LOCK_PAUSE_MS 50

struct inbox {
	struct rep_publish *publish;
	struct rep_publish_view *view;
	char *path;
	char basis[REP_HASH_HEX + 1]; /* of all that makes a view another one */
	struct rep_parcel parcel;     /* lock, repository, pack, the inbox's tip */
	struct rep_json *last;        /* self.json in it; NULL = none */
	struct rep_publish_outbox outbox;
};

/* ---- what should be ---- */

/* Views are for devices that are active, be it that they are to be revoked at a time to come. */
#define STATE "active"

static void hash_basis(struct inbox *inbox)
{
	struct rep_publish_view *view = inbox->view;
	struct rep_buf text = REP_BUF_INIT(REP_LINE_SIZE_MAX);

	rep_buf_printf(&text, "%lld %s %s %s %lld %s ", (long long)inbox->publish->hub->epoch,
		       STATE, view->device->rep, view->role, (long long)view->merged.seq,
		       view->merged.hash);
	rep_json_write(&text, view->trees);
	rep_json_write(&text, view->assignments);
	rep_sha256_hex(inbox->basis, rep_buf_str(&text), text.len);
	rep_buf_clear(&text);
}

/* The same for a view that lies in an inbox. */
static bool is_same(const struct inbox *inbox)
{
	const struct rep_json *last = inbox->last;
	const struct rep_publish_view *view = inbox->view;

	return rep_json_get_integer(last, "epoch") == inbox->publish->hub->epoch &&
	       strcmp(rep_json_get_string(last, "state"), STATE) == 0 &&
	       strcmp(rep_json_get_string(last, "role"), view->role) == 0 &&
	       strcmp(rep_json_get_string(last, "rep"), view->device->rep) == 0 &&
	       rep_json_get_integer(last, "merged_seq") == view->merged.seq &&
	       strcmp(rep_json_get_string(last, "merged_hash"), view->merged.hash) == 0 &&
	       rep_json_equal(rep_json_get(last, "trees"), view->trees) &&
	       rep_json_equal(rep_json_get(last, "assignments"), view->assignments);
}

static bool is_fresh(const struct inbox *inbox, const char *hub_time)
{
	const int64_t now_ms = inbox->publish->now_ms;
	/* A lease of two days is not handed out when a day of it is over. */
	const int64_t quarter =
		(rep_hub_lease_end(inbox->publish->hub, inbox->view->device, now_ms) - now_ms) / 4;
	int64_t then_ms;

	return hub_time && rep_time_parse(&then_ms, hub_time) &&
	       now_ms - then_ms < (quarter < DAY_MS ? quarter : DAY_MS);
}

/* ---- what is remembered ---- */

static bool tip_is(const struct inbox *inbox, const char *hex)
{
	char *path = rep_hub_path(inbox->path, "%s", REP_INBOX);
	struct rep_buf text = REP_BUF_INIT(128);
	struct rep_error ignored;
	bool same;

	same = path && rep_file_read(&text, path, &ignored) == REP_OK && text.len >= REP_OID_HEX &&
	       strncmp(text.data, hex, REP_OID_HEX) == 0;
	rep_buf_clear(&text);
	free(path);
	return same;
}

static enum rep_code is_remembered(const struct inbox *inbox, bool *same, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(
		inbox->publish->hub->db, &stmt,
		"SELECT tip, hub_time FROM _published WHERE device = ?1 AND basis = ?2", err);

	*same = false;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, inbox->view->device->id);
	rep_bind_text(stmt, 2, inbox->basis);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		*same = is_fresh(inbox, rep_column_text(stmt, 1, NULL)) &&
			tip_is(inbox, rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	return rc;
}

/* Views are what change sets name as their base: admission asks for their hub time. */
static enum rep_code remember_base(struct rep_publish *publish, const char *device, int64_t number,
				   const char *hub_time, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(publish->hub->db, &stmt,
				      "INSERT OR REPLACE INTO _base(device, epoch, view, hub_time)"
				      " VALUES(?1, ?2, ?3, ?4)",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rep_bind_int(stmt, 2, publish->hub->epoch);
	rep_bind_int(stmt, 3, number);
	rep_bind_text(stmt, 4, hub_time);
	return rep_run(stmt, err);
}

static enum rep_code remember(struct rep_publish *publish, const char *device, const char *basis,
			      const struct rep_oid *tip, int64_t number, const char *hub_time,
			      struct rep_error *err)
{
	char hex[REP_OID_HEX + 1];
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		publish->hub->db, &stmt,
		"INSERT OR REPLACE INTO _published(device, tip, basis, hub_time) VALUES(?1, ?2, ?3, ?4)",
		err);

	if (rc != REP_OK)
		return rc;
	rep_oid_hex(hex, tip);
	rep_bind_text(stmt, 1, device);
	rep_bind_text(stmt, 2, hex);
	rep_bind_text(stmt, 3, basis);
	rep_bind_text(stmt, 4, hub_time);
	rc = rep_run(stmt, err);
	return rc == REP_OK ? remember_base(publish, device, number, hub_time, err) : rc;
}

enum rep_code rep_publish_remember(struct rep_publish *publish, const struct rep_parcel *parcel,
				   struct rep_error *err)
{
	enum rep_code rc = remember(publish, parcel->device, parcel->basis, &parcel->commit,
				    parcel->number, publish->time, err);

	if (rc == REP_OK && parcel->outbox.moves)
		rc = rep_publish_outbox_moved(publish, parcel->device, &parcel->outbox.to, err);
	/* One that is not read to its end, or is blocked, comes again. */
	if (rc == REP_OK && parcel->anew && (parcel->outbox.moves || parcel->outbox.bare))
		rc = rep_erasing_done(publish->hub, parcel->device, err);
	return rc;
}

/* ---- what is there ---- */

static enum rep_code last_number(struct inbox *inbox, int64_t *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc =
		rep_db_use(inbox->publish->hub->db, &stmt,
			   "SELECT max(view) FROM _base WHERE device = ?1 AND epoch = ?2", err);

	*out = rep_json_get_integer(inbox->last, "view");
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, inbox->view->device->id);
	rep_bind_int(stmt, 2, inbox->publish->hub->epoch);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row && rep_column_int(stmt, 0) > *out)
		*out = rep_column_int(stmt, 0);
	rep_stmt_reset(stmt);
	return rc;
}

/* ---- the new view ---- */

static struct rep_json *make_self(struct inbox *inbox, int64_t number,
				  const struct rep_hub_lease *grant)
{
	const struct rep_publish_view *view = inbox->view;
	struct rep_json *self = rep_json_object();
	char lease[REP_TIME_LEN + 1], erase[REP_TIME_LEN + 1];

	rep_time_format(lease, grant->end_ms);
	rep_time_format(erase, grant->erase_ms);
	rep_json_set_string(self, "type", "view");
	rep_json_set_integer(self, "format", 1);
	rep_json_set(self, "assignments", rep_json_ref(view->assignments));
	rep_json_set_string(self, "device", view->device->id);
	rep_json_set_integer(self, "epoch", inbox->publish->hub->epoch);
	rep_json_set_string(self, "hub_time", inbox->publish->time);
	rep_json_set_string(self, "lease", lease);
	if (grant->has_key) {
		rep_json_set_string(self, "lease_erase", erase);
		rep_json_set_string(self, "lease_key", grant->key);
	}
	rep_json_set_string(self, "merged_hash", view->merged.hash);
	rep_json_set_integer(self, "merged_seq", view->merged.seq);
	rep_json_set_string(self, "outbox", inbox->outbox.name);
	rep_json_set_string(self, "rep", view->device->rep);
	rep_json_set_string(self, "role", view->role);
	rep_json_set_integer(self, "safe_seq", 0); /* nothing is in a verified backup yet */
	rep_json_set_string(self, "state", STATE);
	rep_json_set_string(self, "statement",
			    inbox->publish->statement ? inbox->publish->statement
						      : rep_changeset_no_prev);
	rep_json_set(self, "trees", rep_json_ref(view->trees));
	rep_json_set_integer(self, "view", number);
	return self;
}

static enum rep_code add_self(struct inbox *inbox, int64_t number, struct rep_oid *root,
			      struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX + 128), tree = REP_BUF_INIT(1u << 20);
	struct rep_json *self = NULL;
	struct rep_hub_lease lease;
	const struct rep_view_folder *folder =
		&inbox->view->tree.folders[inbox->view->tree.folders_len - 1];
	struct rep_tree_list list = {0};
	struct rep_oid oid;
	bool placed = false;
	enum rep_code rc = rep_hub_lease(inbox->publish->hub, inbox->view->device,
					 inbox->publish->now_ms, &lease, err);

	if (rc == REP_OK) {
		self = make_self(inbox, number, &lease);
		rc = rep_signed_write(&bytes, self, &inbox->publish->hub->key, err);
	}
	if (rc == REP_OK)
		rc = rep_pack_add(inbox->parcel.pack, REP_OBJECT_BLOB, bytes.data, bytes.len, &oid,
				  err);
	if (rc == REP_OK)
		rc = rep_tree_parse(folder->data, folder->size_bytes, &list, err);
	for (size_t i = 0; rc == REP_OK && i <= list.len; i++) {
		const struct rep_tree_entry *entry = i < list.len ? &list.entries[i] : NULL;

		if (!placed && (!entry || rep_tree_name_compare("self.json", false, entry->name,
								entry->is_tree) < 0)) {
			rep_tree_entry_put(&tree, "self.json", false, &oid);
			placed = true;
		}
		if (entry)
			rep_tree_entry_put(&tree, entry->name, entry->is_tree, &entry->oid);
	}
	if (rc == REP_OK)
		rc = rep_pack_add(inbox->parcel.pack, REP_OBJECT_TREE, tree.data, tree.len, root,
				  err);
	rep_tree_list_clear(&list);
	rep_json_free(self);
	rep_buf_clear(&tree);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code add_commit(struct inbox *inbox, int64_t number, const struct rep_oid *root,
				struct rep_oid *out, struct rep_error *err)
{
	const struct rep_hub *hub = inbox->publish->hub;
	char message[64];
	struct rep_git_commit commit = {
		.tree = *root,
		.parent = inbox->parcel.anew ? rep_oid_zero : inbox->parcel.tip,
		.message = message,
	};

	snprintf(message, sizeof message, "view %lld.%lld\n", (long long)hub->epoch,
		 (long long)number);
	return rep_hub_add_commit(inbox->parcel.pack, hub->company, inbox->publish->now_ms, &commit,
				  out, err);
}

/* The root that the view names, where the outbox moves there. */
static enum rep_code add_outbox(struct inbox *inbox, struct rep_error *err)
{
	const struct rep_publish_outbox *outbox = &inbox->outbox;
	struct rep_oid made;

	inbox->parcel.outbox = *outbox;
	if (!outbox->moves)
		return REP_OK;
	return rep_outbox_root(inbox->parcel.pack, inbox->view->device->id, outbox->number, &made,
			       err);
}

static enum rep_code publish_new(struct inbox *inbox, struct rep_error *err)
{
	struct rep_oid root, commit;
	int64_t number;
	enum rep_code rc = last_number(inbox, &number, err);

	number++;
	if (rc == REP_OK)
		rc = rep_pack_new(&inbox->parcel.pack, inbox->parcel.git, err);
	if (rc == REP_OK)
		rc = rep_view_tree_copy(&inbox->view->tree, inbox->parcel.pack,
					inbox->publish->hub->central, err);
	if (rc == REP_OK)
		rc = add_self(inbox, number, &root, err);
	if (rc == REP_OK)
		rc = add_outbox(inbox, err);
	if (rc == REP_OK)
		rc = add_commit(inbox, number, &root, &commit, err);
	if (rc != REP_OK)
		return rc;
	inbox->parcel.commit = commit;
	inbox->parcel.number = number;
	memcpy(inbox->parcel.device, inbox->view->device->id, sizeof inbox->parcel.device);
	memcpy(inbox->parcel.basis, inbox->basis, sizeof inbox->parcel.basis);
	rep_publish_put(inbox->publish, &inbox->parcel);
	return REP_OK;
}

/* A device may be pushing at this moment; one that holds its mailbox for long gets its view from the next run. */
static enum rep_code lock(struct inbox *inbox, struct rep_error *err)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};
	enum rep_code rc = REP_EBUSY;

	for (int i = 0; rc == REP_EBUSY && i < LOCK_TRIES; i++) {
		rc = rep_mailbox_lock(&inbox->parcel.lock, inbox->path, false, err);
		if (rc == REP_EBUSY)
			nanosleep(&pause, NULL);
	}
	return rc;
}

/* Of an epoch: what the device sent after the backup is to come again, with what it knows of it, into an outbox begun anew. */
static bool is_first(const struct inbox *inbox)
{
	return inbox->last &&
	       rep_json_get_integer(inbox->last, "epoch") < inbox->publish->hub->epoch;
}

/*
 * A mailbox that is lost is made anew, and its device sends again what was not acknowledged. The hub's own lies beside it: where that is
 * gone too, a whole disk is, and no run gets here.
 */
static enum rep_code bring(struct inbox *inbox, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (!rep_file_is_dir(inbox->path)) {
		rc = rep_mailbox_create(inbox->path, err);
		if (rc == REP_OK)
			rc = rep_publish_outbox_lost(inbox->publish, inbox->view->device->id, err);
	}
	if (rc == REP_OK)
		rc = lock(inbox, err);
	if (rc == REP_OK)
		rc = rep_git_janitor(inbox->path, err);
	if (rc == REP_OK)
		rc = rep_mailbox_keep(inbox->path, err);
	if (rc == REP_OK)
		rc = rep_git_open(&inbox->parcel.git, inbox->path, err);
	if (rc == REP_OK)
		rc = rep_inbox_self(inbox->parcel.git, &inbox->publish->hub->keys,
				    &inbox->parcel.tip, &inbox->last, err);
	/* Its device's clone has only what its newest view needs: of the older ones that this one goes on from, trees may be gone there. */
	inbox->parcel.anew = inbox->parcel.anew || (rc == REP_OK && is_first(inbox));
	if (rc == REP_OK)
		rc = rep_publish_find_outbox(inbox->publish, inbox->view->device->id, inbox->path,
					     inbox->parcel.git, inbox->parcel.anew, is_first(inbox),
					     &inbox->outbox, err);
	if (rc == REP_OK && inbox->outbox.tidies)
		rc = rep_mailbox_tidy(inbox->path, err);
	/* What went must not be taken for something that a new view need not bring. */
	if (rc == REP_OK && inbox->outbox.tidies)
		rc = rep_git_reopen(inbox->parcel.git, err);
	if (rc == REP_OK && inbox->last && !inbox->parcel.anew && !inbox->outbox.moves &&
	    is_same(inbox) && is_fresh(inbox, rep_json_get_string(inbox->last, "hub_time")))
		return remember(inbox->publish, inbox->view->device->id, inbox->basis,
				&inbox->parcel.tip, rep_json_get_integer(inbox->last, "view"),
				rep_json_get_string(inbox->last, "hub_time"), err);
	return rc == REP_OK ? publish_new(inbox, err) : rc;
}

enum rep_code rep_publish_inbox(struct rep_publish *publish, struct rep_publish_view *view,
				struct rep_error *err)
{
	struct inbox inbox = {.publish = publish, .view = view};
	bool same = false;
	enum rep_code rc = REP_OK;

	inbox.path = rep_hub_mailbox(publish->hub->dir, view->device->id);
	if (!inbox.path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	hash_basis(&inbox);
	inbox.parcel.anew = rep_erasing_is_noted(publish->hub, view->device->id);
	if (!inbox.parcel.anew)
		rc = is_remembered(&inbox, &same, err);
	if (rc == REP_OK && !same)
		rc = bring(&inbox, err);
	rep_json_free(inbox.last);
	rep_parcel_clear(&inbox.parcel);
	free(inbox.path);
	return rep_wrap(err, rc, "inbox of %s", view->device->id);
}
