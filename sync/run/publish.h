/*
 * Publishing: what each device should see, and bringing its inbox there. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_RUN_PUBLISH_H
#define REPSYNC_SYNC_RUN_PUBLISH_H

#include "sync/device/view_tree.h"
#include "sync/hub/hub_state.h"

/* A partition as central has it: the subtree of its main files, and one for each class that it has twins of. */
struct rep_published_partition {
	char name[REP_ID_LEN_MAX + 8 + 1];
	struct rep_oid data;
	struct rep_oid *restricted; /* by the schema's visibility classes */
};
/* Which root of the outbox a view names, and whether the outbox moves there now (anew.h). */
struct rep_publish_outbox {
	char name[REP_OID_HEX + 1]; /* empty before there is an outbox */
	bool moves;
	struct rep_oid from, to;
	int64_t number; /* of the root that it moves to */
	bool tidies;    /* it moved before, and room is still to be made */
	bool bare;      /* nothing is in it */
};
/* A view on its way into its inbox: what is left is to make it durable. */
#define REP_PARCELS_MAX 64
struct rep_parcel {
	char device[REP_DEVICE_LEN + 1];
	char basis[REP_HASH_HEX + 1];
	struct rep_lock *lock; /* of the mailbox */
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_oid tip, commit; /* from what to what the inbox moves */
	int64_t number;
	bool anew; /* an inbox without a past, after an erasure */
	struct rep_publish_outbox outbox;
	enum rep_code rc;
	struct rep_error err;
};
/* Central as all views of one pass are made from it. */
struct rep_publish {
	struct rep_hub *hub;
	int64_t now_ms;
	char time[REP_TIME_LEN + 1];
	struct rep_oid root, org, schema;
	struct rep_oid schemas; /* of all versions; zero = only one was ever in force */
	struct rep_published_partition *partitions; /* sorted by name */
	size_t len;
	char *statement;
	int64_t jobs; /* views made durable at once */
	struct rep_parcel parcels[REP_PARCELS_MAX];
	size_t parcels_len;
	enum rep_code failed; /* the first failure */
	struct rep_error failure;
};
/* What one device should see. */
struct rep_publish_view {
	const struct rep_org_device *device;
	const char *role; /* "" = none */
	struct rep_view_scope scope;
	struct rep_view_tree tree;
	struct rep_oid root;    /* of everything but self.json */
	struct rep_json *trees; /* name -> id of each entry of the root */
	struct rep_json *assignments;
	struct rep_head merged;
};

/* ---- publish_scope.c ---- */

REP_CHECK enum rep_code rep_publish_begin(struct rep_publish *publish, struct rep_error *err);
void rep_publish_end(struct rep_publish *publish);
REP_CHECK enum rep_code rep_publish_compose(struct rep_publish *publish,
					    const struct rep_org_device *device,
					    struct rep_publish_view *out, struct rep_error *err);
void rep_publish_view_clear(struct rep_publish_view *view);

/* ---- publish_linked.c ---- */

/* Adds linked/: what shared references of the view's records name outside of it. */
REP_CHECK enum rep_code rep_publish_linked(struct rep_publish *publish,
					   struct rep_publish_view *view, struct rep_error *err);

/* ---- publish_residue.c ---- */

/* Adds to the rep's own file what is left of own records in partitions that the view does not hold. */
REP_CHECK enum rep_code rep_publish_residue(struct rep_publish *publish,
					    struct rep_publish_view *view, struct rep_error *err);

/* ---- publish_inbox.c ---- */

/* Publishes the view when the inbox has another one, or one that is a day old. */
REP_CHECK enum rep_code rep_publish_inbox(struct rep_publish *publish,
					  struct rep_publish_view *view, struct rep_error *err);
/* Remembers what was brought. */
REP_CHECK enum rep_code rep_publish_remember(struct rep_publish *publish,
					     const struct rep_parcel *parcel,
					     struct rep_error *err);

/* ---- publish_outbox.c ---- */

/* Under the mailbox's lock. `anew`: it is time, whatever the quota says; `next`: also where a bare root is there. */
REP_CHECK enum rep_code rep_publish_find_outbox(struct rep_publish *publish, const char *device,
						const char *path, struct rep_git *box, bool anew,
						bool next, struct rep_publish_outbox *out,
						struct rep_error *err);
/* The device's mailbox was lost and made anew: its outbox begins from nothing, and continues the journal all the same. */
REP_CHECK enum rep_code rep_publish_outbox_lost(struct rep_publish *publish, const char *device,
						struct rep_error *err);
/* Remembers the outbox's new root as what was read. */
REP_CHECK enum rep_code rep_publish_outbox_moved(struct rep_publish *publish, const char *device,
						 const struct rep_oid *root, struct rep_error *err);

/* ---- publish_deliver.c ---- */

/* Takes the parcel over; flushes when there are as many as jobs. What fails is kept in `publish`. */
void rep_publish_put(struct rep_publish *publish, struct rep_parcel *parcel);
void rep_publish_flush(struct rep_publish *publish);
void rep_parcel_clear(struct rep_parcel *parcel);

#endif
