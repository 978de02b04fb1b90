/*
 * Private to sync: what the transports share. Every operation runs in a child, on a folder too: a share may hang,
 * and what lies on it is not to be trusted with our memory.
 */
#ifndef REPSYNC_SYNC_TRANSPORT_TRANSPORT_WORK_H
#define REPSYNC_SYNC_TRANSPORT_TRANSPORT_WORK_H

#include "sync/git/child.h"
#include "sync/transport/transport.h"

#define REP_CA_FILE "authority.pem" /* in the child's own folder */

enum rep_transport_kind { REP_TRANSPORT_FOLDER, REP_TRANSPORT_SSH, REP_TRANSPORT_HTTPS };
struct rep_transport {
	enum rep_transport_kind kind;
	char *url;         /* the path of a folder; else as it was given */
	char *host, *user; /* of ssh and https */
	unsigned port;
	char *ssh_secret, *ssh_public, *host_key;
	char *token, *ca; /* of https */
	unsigned stall_s, overall_s;
	const struct rep_progress *progress;
	uint64_t up, down;
};

enum rep_operation { REP_OPERATION_TIPS, REP_OPERATION_FETCH, REP_OPERATION_PUSH };

/* What an operation needs; and, filled by the child and sent back, what came of it. */
struct rep_transfer {
	const struct rep_transport *transport;
	enum rep_operation operation;
	const char *clone;
	bool fetch;       /* with a push: fetch when it is read back */
	const char *home; /* a private folder: ssh's known_hosts, https's authority */
	struct rep_oid old_oid, new_oid;
	struct rep_channel *channel;
	struct rep_transfer_result {
		struct rep_oid outbox, inbox;
		bool fetched;   /* the clone's inbox is `inbox` */
		bool was_there; /* what was to be pushed */
		uint64_t up, down;
	} result;
};

REP_CHECK enum rep_code rep_folder_transfer(struct rep_transfer *transfer, struct rep_error *err);
REP_CHECK enum rep_code rep_remote_transfer(struct rep_transfer *transfer, struct rep_error *err);
/* REP_EORDER unless the clone's commit `tip` comes after `old_oid` (zero: any). */
REP_CHECK enum rep_code rep_check_forward(struct rep_git *git, const struct rep_oid *old_oid,
					  const struct rep_oid *tip, struct rep_error *err);

/* <home>/.ssh/known_hosts with the invitation's key: it makes libssh2 ask the host for this kind of key. */
REP_CHECK enum rep_code rep_ssh_home(const struct rep_transport *transport, const char *home,
				     struct rep_error *err);
/* The bytes of "<type> <base64> ...": appended. */
REP_CHECK enum rep_code rep_ssh_key_blob(struct rep_buf *out, const char *line,
					 struct rep_error *err);

#endif
