/*
 * How a device reaches its mailbox: a folder, ssh or https. One interface; a suite of tests runs unchanged on each.
 *
 *	/path/to/mailbox.git or file:///path		a folder (a share, a stick, a desk beside the hub)
 *	ssh://user@host[:port]/path/mailbox.git		stock sshd and git receive-pack, upload-pack
 *	https://host[:port]/path			a web server and git http-backend; which mailbox, the device's name decides
 *
 * Every transfer runs in a child process with a watchdog: libgit2 has no timeouts at all, and a share may hang. No
 * movement for `stall_s` (neither progress nor a byte on the sockets) or past the overall bound -> killed,
 * REP_EUNREACHABLE. Server text is made safe before it is shown. The host key, or the authority that signed the server's
 * certificate, is the one of the invitation; any other is REP_EREFUSED. An https server needs a name: certificates for
 * addresses are not understood by mbedTLS 2.28.
 */
#ifndef REPSYNC_SYNC_TRANSPORT_TRANSPORT_H
#define REPSYNC_SYNC_TRANSPORT_TRANSPORT_H

#include "core/base/log.h"
#include "sync/git/git.h"

struct rep_transport_options {
	const char *url;
	const char *ssh_secret; /* private key, OpenSSH PEM text; NULL for a folder */
	const char *ssh_public; /* its public line */
	const char *host_key;   /* "ssh-ed25519 AAAA..." of the host, from the invitation */
	const char *user;       /* https: the device */
	const char *token;      /* https: its password */
	const char *ca;         /* https: the only authority that is believed, PEM */
	unsigned stall_s;       /* 0 = 60 */
	unsigned overall_s;     /* 0 = 3600 */
	const struct rep_progress *progress;
};
struct rep_transport;
/* REP_EUSAGE when the address is none that a device can be sent to. */
REP_CHECK enum rep_code rep_transport_check_url(const char *url, struct rep_error *err);
REP_CHECK enum rep_code rep_transport_open(struct rep_transport **out,
					   const struct rep_transport_options *options,
					   struct rep_error *err);
void rep_transport_close(struct rep_transport *transport);

/* The tips that the mailbox advertises; zero where a branch does not exist. */
REP_CHECK enum rep_code rep_transport_tips(struct rep_transport *transport, struct rep_oid *outbox,
					   struct rep_oid *inbox, struct rep_error *err);
/*
 * Brings `inbox` and all it needs into the bare repository at `clone` (a private folder), as refs/heads/inbox there; *tip
 * is what came. Only objects that the clone lacks are moved.
 */
REP_CHECK enum rep_code rep_transport_fetch(struct rep_transport *transport, const char *clone,
					    struct rep_oid *tip, struct rep_error *err);
/*
 * Moves the mailbox's outbox from `old_oid` to `new_oid` (both in the clone), fast-forward only. REP_OK only when the server
 * said ok AND the ref read back is `new_oid`. REP_EORDER when the mailbox's outbox is not `old_oid`.
 */
REP_CHECK enum rep_code rep_transport_push(struct rep_transport *transport, const char *clone,
					   const struct rep_oid *old_oid,
					   const struct rep_oid *new_oid, struct rep_error *err);
/* What else a push may tell. */
struct rep_pushed {
	bool was_there; /* an earlier push had stored it */
	struct rep_oid
		inbox; /* the tip that was fetched; zero = the push is done, nothing was fetched */
};
/*
 * Pushes, and fetches over the connection that reads back: what a line of long delay costs is its connections.
 */
REP_CHECK enum rep_code rep_transport_exchange(struct rep_transport *transport, const char *clone,
					       const struct rep_oid *old_oid,
					       const struct rep_oid *new_oid,
					       struct rep_pushed *pushed, struct rep_error *err);
/* Bytes sent and received so far (0 for a folder's own writing counts pack bytes). */
void rep_transport_bytes(const struct rep_transport *transport, uint64_t *up, uint64_t *down);

/* A new Ed25519 ssh key pair: OpenSSH private key text and public line; both freed by the caller. */
REP_CHECK enum rep_code rep_ssh_keygen(char **secret, char **public_line, const char *comment,
				       struct rep_error *err);

#endif
