/*
 * The outbox that a view names: the one that is there, or a new root.
 *
 *	1 there is no outbox yet					none is named
 *	2 it is not time (rep_mailbox_is_due), or something is not
 *	  merged, or blocked						the one that is there
 *	3 it is time, and all is merged					the next root, and the outbox moves there
 *	4 it is time, and the outbox is a bare root			that one: it moved before, only room is made
 *	5 the first view of an epoch, and all is merged			the next root, also where there is a bare one
 *
 * Killed between view and move, the next run finds 3 again, and the same root: they are numbered.
 */
#include <stdlib.h>

#include "sync/mailbox/anew.h"
#include "sync/run/publish.h"
#include "sync/run/run.h"

static enum rep_code remembered_root(struct rep_hub *hub, const char *device, struct rep_oid *out,
				     struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc =
		rep_db_use(hub->db, &stmt, "SELECT root FROM _mailbox WHERE device = ?1", err);

	*out = rep_oid_zero;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row && !rep_oid_parse(out, rep_column_text(stmt, 0, NULL)))
		*out = rep_oid_zero;
	rep_stmt_reset(stmt);
	return rc;
}

/* The first commit of the outbox: remembered, or found by going back. */
static enum rep_code find_root(struct rep_publish *publish, const char *device, struct rep_git *box,
			       const struct rep_oid *tip, struct rep_oid *out,
			       struct rep_error *err)
{
	struct rep_oid at = *tip, tree, parent;
	int64_t time_s;
	enum rep_code rc = remembered_root(publish->hub, device, out, err);

	if (rc != REP_OK || !rep_oid_is_zero(out))
		return rc;
	while (rc == REP_OK && !rep_oid_is_zero(&at)) {
		*out = at;
		rc = rep_git_commit_read(box, out, &tree, &parent, &time_s, err);
		at = parent;
	}
	return rc;
}

static enum rep_code set_mailbox(struct rep_hub *hub, const char *sql, const char *device,
				 const struct rep_oid *root, struct rep_error *err)
{
	char hex[REP_OID_HEX + 1];
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(hub->db, &stmt, sql, err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	if (root) {
		rep_oid_hex(hex, root);
		rep_bind_text(stmt, 2, hex);
	}
	return rep_run(stmt, err);
}

enum rep_code rep_publish_outbox_moved(struct rep_publish *publish, const char *device,
				       const struct rep_oid *root, struct rep_error *err)
{
	return set_mailbox(publish->hub,
			   "UPDATE _mailbox SET tip = ?2, root = ?2 WHERE device = ?1", device,
			   root, err);
}

enum rep_code rep_publish_outbox_lost(struct rep_publish *publish, const char *device,
				      struct rep_error *err)
{
	return set_mailbox(publish->hub, "DELETE FROM _mailbox WHERE device = ?1", device, NULL,
			   err);
}

static enum rep_code is_merged(struct rep_publish *publish, const char *device,
			       const struct rep_oid *tip, bool *merged, struct rep_error *err)
{
	struct rep_oid known;
	char *blocked;
	enum rep_code rc = rep_run_known(publish->hub, device, &known, &blocked, err);

	*merged = rc == REP_OK && !blocked && rep_oid_equal(&known, tip);
	free(blocked);
	return rc;
}

enum rep_code rep_publish_find_outbox(struct rep_publish *publish, const char *device,
				      const char *path, struct rep_git *box, bool anew, bool next,
				      struct rep_publish_outbox *out, struct rep_error *err)
{
	struct rep_oid root;
	bool merged = false, due = anew || next || rep_mailbox_is_due(path), bare;
	int64_t number;
	enum rep_code rc;

	*out = (struct rep_publish_outbox){.bare = true};
	rc = rep_git_ref(box, REP_OUTBOX, &out->from, err);
	if (rc != REP_OK || rep_oid_is_zero(&out->from)) /* 1 */
		return rc;
	rc = find_root(publish, device, box, &out->from, &root, err);
	if (rc == REP_OK)
		rc = set_mailbox(publish->hub, "UPDATE _mailbox SET root = ?2 WHERE device = ?1",
				 device, &root, err);
	if (rc == REP_OK && due)
		rc = is_merged(publish, device, &out->from, &merged, err);
	if (rc != REP_OK)
		return rc;
	number = due ? rep_outbox_root_number(device, &root) : 0;
	bare = number > 0 && rep_oid_equal(&out->from, &root);
	out->bare = bare;
	out->tidies = due && bare && !next; /* 4 */
	/* 3, 5 */
	out->moves = due && (!bare || next) && merged && number < REP_OUTBOX_ROOTS_MAX;
	if (out->moves) {
		out->number = number + 1;
		rep_outbox_root_id(device, out->number, &out->to);
	}
	rep_oid_hex(out->name, out->moves ? &out->to : &root);
	return REP_OK;
}

enum rep_code rep_outbox_was_begun_anew(struct rep_hub *hub, const char *device, const char *path,
					struct rep_oid *root, struct rep_error *err)
{
	struct rep_git *box = NULL;
	struct rep_json *self = NULL;
	struct rep_oid tip, was;
	const char *named;
	enum rep_code rc = rep_git_open(&box, path, err);

	if (rc == REP_OK)
		rc = rep_inbox_self(box, &hub->keys, &tip, &self, err);
	if (rc == REP_OK)
		rc = remembered_root(hub, device, &was, err);
	named = rc == REP_OK ? rep_json_get_string(self, "outbox") : NULL;
	if (rc == REP_OK &&
	    (!named || !rep_oid_parse(root, named) ||
	     rep_outbox_root_number(device, root) <= rep_outbox_root_number(device, &was)))
		rc = rep_fail(err, REP_EINTEGRITY, "the view names no newer root of the outbox");
	/* Until it is known that the outbox is there: found by going back. */
	if (rc == REP_OK)
		rc = set_mailbox(hub, "UPDATE _mailbox SET root = '' WHERE device = ?1", device,
				 NULL, err);
	rep_json_free(self);
	rep_git_close(box);
	return rc;
}
