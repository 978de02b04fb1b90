/*
 * Private to sync: one connection of libgit2 to a server, over ssh or https. Who the server is, who we are, what it says, and
 * whose fault a failure is.
 */
#ifndef REPSYNC_SYNC_TRANSPORT_TRANSPORT_SESSION_H
#define REPSYNC_SYNC_TRANSPORT_TRANSPORT_SESSION_H

#include "sync/git/gitwrap.h"
#include "sync/transport/transport_work.h"

struct rep_session {
	struct rep_transfer *transfer;
	struct rep_buf host_key; /* ssh: the bytes that the host must show */
	char *authorization;     /* https: the header that names us */
	char *header_list[1];
	git_strarray headers;
	unsigned asked; /* for credentials */
	bool wrong_host;
	bool refused; /* what we are known by was not taken */
	bool told;    /* the server told of our ref */
	char refusal[200];
	struct rep_buf said; /* what the server's programs wrote for people, made safe */
	uint64_t counted;    /* bytes down of the connection's transfer */
};

/* What is process-wide in libgit2: where known_hosts lies, which authority is believed. Once, in the child. */
REP_CHECK enum rep_code rep_session_setup(const struct rep_transfer *transfer,
					  struct rep_error *err);
REP_CHECK enum rep_code rep_session_begin(struct rep_session *session,
					  struct rep_transfer *transfer, struct rep_error *err);
void rep_session_end(struct rep_session *session, git_remote *remote);
void rep_session_callbacks(struct rep_session *session, git_remote_callbacks *callbacks);

/* Makes an error of what libgit2 returned: REP_EREFUSED, REP_EUNREACHABLE or what it is. */
REP_CHECK enum rep_code rep_session_explain(const struct rep_session *session, int git_rc,
					    const char *what, struct rep_error *err);
/* After an upload that libgit2 took for a success: what the server said of our ref. */
REP_CHECK enum rep_code rep_session_verdict(const struct rep_session *session,
					    struct rep_error *err);

#endif
