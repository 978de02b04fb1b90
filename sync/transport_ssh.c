/*
 * A mailbox behind sshd, by libgit2 over libssh2, in a child. What libgit2 1.5.1 leaves to its caller:
 *
 *	- it has no timeouts: the parent's watchdog listens to the progress that is sent here
 *	- the host's key is compared with the invitation's, byte for byte; known_hosts only makes libssh2 ask for that
 *	  kind of key, and lies in a folder of this child's own
 *	- wrong credentials make it ask again for ever: they are given once
 *	- a refused ref is rc = 0: only push_update_reference tells
 *	- "ok" is believed when the ref was read back over another connection
 */
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "sync/gitwrap.h"
#include "sync/mailbox.h"
#include "sync/transport_work.h"

#define PUSH_REF "refs/repsync/push" /* in the clone: what is being pushed */
#define FETCH_SPEC "+refs/heads/inbox:refs/heads/inbox"
#define PUSH_SPEC "+" PUSH_REF ":refs/heads/outbox"

struct session {
	struct rep_transfer *transfer;
	struct rep_buf host_key; /* the bytes that the host must show */
	unsigned asked;          /* for credentials */
	bool wrong_host;
	bool told; /* the server told of our ref */
	char refusal[200];
	uint64_t counted; /* bytes down of the connection's transfer */
};

static void alive(struct session *session, uint64_t done, uint64_t total)
{
	rep_channel_progress(session->transfer->channel, done, total);
}

static int on_text(const char *text, int len, void *user)
{
	(void)text;
	(void)len;
	alive(user, 0, 0);
	return 0;
}

static int on_host(git_cert *cert, int valid, const char *host, void *user)
{
	struct session *session = user;
	const git_cert_hostkey *key = (const git_cert_hostkey *)cert;

	(void)valid;
	(void)host;
	if (cert->cert_type == GIT_CERT_HOSTKEY_LIBSSH2 && (key->type & GIT_CERT_SSH_RAW) &&
	    key->hostkey_len == session->host_key.len &&
	    memcmp(key->hostkey, session->host_key.data, key->hostkey_len) == 0) {
		alive(session, 0, 0);
		return 0;
	}
	session->wrong_host = true;
	return GIT_ECERTIFICATE;
}

static int on_credentials(git_credential **out, const char *url, const char *user_of_url,
			  unsigned allowed, void *user)
{
	struct session *session = user;
	const struct rep_transport *transport = session->transfer->transport;

	(void)url;
	(void)user_of_url;
	alive(session, 0, 0);
	if (allowed & GIT_CREDENTIAL_USERNAME)
		return git_credential_username_new(out, transport->user);
	if (!(allowed & GIT_CREDENTIAL_SSH_KEY) || session->asked++ > 0)
		return GIT_EAUTH;
	return git_credential_ssh_key_memory_new(out, transport->user, transport->ssh_public,
						 transport->ssh_secret, NULL);
}

static int on_fetched(const git_indexer_progress *stats, void *user)
{
	struct session *session = user;
	size_t total = stats->received_bytes;

	session->transfer->result.down += total - session->counted;
	session->counted = total;
	alive(session, stats->received_objects, stats->total_objects);
	return 0;
}

static int on_packed(int stage, uint32_t done, uint32_t total, void *user)
{
	(void)stage;
	alive(user, done, total);
	return 0;
}

static int on_pushed(unsigned done, unsigned total, size_t bytes, void *user)
{
	struct session *session = user;

	session->transfer->result.up = bytes;
	alive(session, done, total);
	return 0;
}

static int on_told(const char *ref, const char *status, void *user)
{
	struct session *session = user;
	struct rep_buf safe = REP_BUF_INIT(sizeof session->refusal - 1);

	if (strcmp(ref, REP_OUTBOX) != 0)
		return 0;
	session->told = true;
	if (status) {
		rep_text_safe_put(&safe, status[0] ? status : "refused",
				  strnlen(status[0] ? status : "refused", 60));
		snprintf(session->refusal, sizeof session->refusal, "%s", rep_buf_str(&safe));
	}
	rep_buf_clear(&safe);
	return 0;
}

static void set_callbacks(git_remote_callbacks *callbacks, struct session *session)
{
	callbacks->certificate_check = on_host;
	callbacks->credentials = on_credentials;
	callbacks->sideband_progress = on_text;
	callbacks->transfer_progress = on_fetched;
	callbacks->pack_progress = on_packed;
	callbacks->push_transfer_progress = on_pushed;
	callbacks->push_update_reference = on_told;
	callbacks->payload = session;
}

static enum rep_code session_begin(struct session *session, struct rep_transfer *transfer,
				   struct rep_error *err)
{
	*session = (struct session){.transfer = transfer, .host_key = REP_BUF_INIT(4096)};
	return rep_ssh_key_blob(&session->host_key, transfer->transport->host_key, err);
}

static void session_end(struct session *session, git_remote *remote)
{
	if (remote)
		(void)git_remote_disconnect(remote);
	git_remote_free(remote);
	rep_buf_clear(&session->host_key);
}

/* What went wrong on the way: who is to blame decides the code. */
static enum rep_code explain(const struct session *session, int git_rc, const char *what,
			     struct rep_error *err)
{
	const char *host = session->transfer->transport->host;
	const git_error *last = git_error_last();
	enum rep_code rc;

	if (session->wrong_host) {
		rc = rep_fail(err, REP_EREFUSED, "%s: host key of %.100s is not the company's",
			      what, host);
		rep_hint(err, "this is another server, or its key was changed: ask the company");
		return rc;
	}
	if (session->asked > 1 || git_rc == GIT_EAUTH)
		return rep_fail(err, REP_EREFUSED, "%s: %.100s does not take this device's key",
				what, host);
	if (git_rc == GIT_ENONFASTFORWARD)
		return rep_fail(err, REP_EORDER,
				"%s: the commit does not continue the mailbox's outbox", what);
	rc = rep_git_fail(err, git_rc, what);
	/* After the log-in, what the server's program said before it left stands in the message. */
	if (git_rc == GIT_EEOF && session->asked > 0)
		rc = rep_wrap(err, REP_EREFUSED, "%.100s hung up", host);
	else if (last && (last->klass == GIT_ERROR_NET || last->klass == GIT_ERROR_SSH ||
			  last->klass == GIT_ERROR_OS || git_rc == GIT_EEOF))
		rc = rep_wrap(err, REP_EUNREACHABLE, "%.100s", host);
	return rc;
}

static enum rep_code connect_remote(struct session *session, git_remote *remote,
				    git_direction direction, struct rep_error *err)
{
	git_remote_callbacks callbacks;
	git_proxy_options proxy;
	int git_rc;

	(void)git_remote_init_callbacks(&callbacks, GIT_REMOTE_CALLBACKS_VERSION);
	(void)git_proxy_options_init(&proxy, GIT_PROXY_OPTIONS_VERSION);
	set_callbacks(&callbacks, session);
	git_rc = git_remote_connect(remote, direction, &callbacks, &proxy, NULL);
	return git_rc ? explain(session, git_rc, "connect", err) : REP_OK;
}

/* The two tips as this connection advertised them. */
static enum rep_code read_tips(const struct session *session, git_remote *remote,
			       struct rep_error *err)
{
	struct rep_transfer_result *result = &session->transfer->result;
	const git_remote_head **heads = NULL;
	size_t len = 0;
	int git_rc = git_remote_ls(&heads, &len, remote);

	if (git_rc)
		return explain(session, git_rc, "list", err);
	result->outbox = result->inbox = rep_oid_zero;
	for (size_t i = 0; i < len; i++) {
		if (strcmp(heads[i]->name, REP_OUTBOX) == 0)
			result->outbox = rep_oid_from_git(&heads[i]->oid);
		else if (strcmp(heads[i]->name, REP_INBOX) == 0)
			result->inbox = rep_oid_from_git(&heads[i]->oid);
	}
	return REP_OK;
}

static enum rep_code look(struct rep_transfer *transfer, struct rep_error *err)
{
	struct session session;
	git_remote *remote = NULL;
	enum rep_code rc = session_begin(&session, transfer, err);
	int git_rc;

	if (!rc && (git_rc = git_remote_create_detached(&remote, transfer->transport->url)) != 0)
		rc = explain(&session, git_rc, "connect", err);
	if (!rc)
		rc = connect_remote(&session, remote, GIT_DIRECTION_FETCH, err);
	if (!rc)
		rc = read_tips(&session, remote, err);
	session_end(&session, remote);
	return rc;
}

static enum rep_code download(struct session *session, git_remote *remote, struct rep_error *err)
{
	char spec[] = FETCH_SPEC;
	char *specs[] = {spec};
	git_strarray list = {.strings = specs, .count = 1};
	git_fetch_options options;
	int git_rc;

	(void)git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
	set_callbacks(&options.callbacks, session);
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.update_fetchhead = 0;
	options.prune = GIT_FETCH_NO_PRUNE;
	git_rc = git_remote_download(remote, &list, &options);
	return git_rc ? explain(session, git_rc, "download", err) : REP_OK;
}

/* The ref is moved by ourselves, once everything is in the clone. */
static enum rep_code fetch_into(struct session *session, git_remote *remote, struct rep_git *clone,
				struct rep_error *err)
{
	const struct rep_oid *tip = &session->transfer->result.inbox;
	struct rep_oid before;
	enum rep_code rc = rep_git_ref(clone, REP_INBOX, &before, err);

	if (rc || rep_oid_is_zero(tip) || rep_oid_equal(&before, tip))
		return rc;
	rc = download(session, remote, err);
	if (!rc)
		rc = rep_git_refresh(clone, err);
	if (!rc)
		rc = rep_git_cas(clone, REP_INBOX, &before, tip, err);
	return rc;
}

static enum rep_code fetch(struct rep_transfer *transfer, struct rep_error *err)
{
	struct session session;
	struct rep_git *clone = NULL;
	git_remote *remote = NULL;
	enum rep_code rc = session_begin(&session, transfer, err);
	int git_rc;

	if (!rc)
		rc = rep_git_open(&clone, transfer->clone, err);
	if (!rc && (git_rc = git_remote_create_anonymous(&remote, clone->repo,
							 transfer->transport->url)) != 0)
		rc = explain(&session, git_rc, "connect", err);
	if (!rc)
		rc = connect_remote(&session, remote, GIT_DIRECTION_FETCH, err);
	if (!rc)
		rc = read_tips(&session, remote, err);
	if (!rc)
		rc = fetch_into(&session, remote, clone, err);
	session_end(&session, remote);
	rep_git_close(clone);
	return rc;
}

/* A ref of the clone names what is pushed; a "+" only spares libgit2's own check: ours and the server's hold. */
static enum rep_code name_push(struct rep_transfer *transfer, struct rep_git *clone,
			       struct rep_error *err)
{
	struct rep_oid before;
	enum rep_code rc = rep_check_forward(clone, &transfer->old_oid, &transfer->new_oid, err);

	if (!rc)
		rc = rep_git_ref(clone, PUSH_REF, &before, err);
	if (!rc && !rep_oid_equal(&before, &transfer->new_oid))
		rc = rep_git_cas(clone, PUSH_REF, &before, &transfer->new_oid, err);
	return rc;
}

static enum rep_code upload(struct session *session, git_remote *remote, struct rep_error *err)
{
	char spec[] = PUSH_SPEC;
	char *specs[] = {spec};
	git_strarray list = {.strings = specs, .count = 1};
	git_push_options options;
	int git_rc;

	(void)git_push_options_init(&options, GIT_PUSH_OPTIONS_VERSION);
	set_callbacks(&options.callbacks, session);
	options.pb_parallelism = 1;
	git_rc = git_remote_upload(remote, &list, &options);
	if (git_rc)
		return explain(session, git_rc, "upload", err);
	if (session->refusal[0] && strstr(session->refusal, "fast-forward"))
		return rep_fail(err, REP_EORDER, "the server: %s", session->refusal);
	if (session->refusal[0])
		return rep_fail(err, REP_EREFUSED, "the server: %s", session->refusal);
	if (!session->told)
		return rep_fail(err, REP_EUNREACHABLE, "the server did not tell what became of it");
	return REP_OK;
}

static enum rep_code push_connected(struct session *session, git_remote *remote, bool *was_there,
				    struct rep_error *err)
{
	struct rep_transfer *transfer = session->transfer;
	enum rep_code rc = connect_remote(session, remote, GIT_DIRECTION_PUSH, err);

	*was_there = false;
	if (!rc)
		rc = read_tips(session, remote, err);
	if (rc)
		return rc;
	*was_there = rep_oid_equal(&transfer->result.outbox, &transfer->new_oid);
	if (*was_there)
		return REP_OK; /* an earlier try had stored it */
	/* The server swaps from the value that it advertised here, so this check is no race. */
	if (!rep_oid_equal(&transfer->result.outbox, &transfer->old_oid))
		return rep_fail(err, REP_EORDER, "the mailbox's outbox has moved");
	return upload(session, remote, err);
}

static enum rep_code push(struct rep_transfer *transfer, struct rep_error *err)
{
	struct session session;
	struct rep_git *clone = NULL;
	git_remote *remote = NULL;
	bool was_there = false;
	enum rep_code rc = session_begin(&session, transfer, err);
	int git_rc;

	if (!rc)
		rc = rep_git_open(&clone, transfer->clone, err);
	if (!rc)
		rc = name_push(transfer, clone, err);
	if (!rc && (git_rc = git_remote_create_anonymous(&remote, clone->repo,
							 transfer->transport->url)) != 0)
		rc = explain(&session, git_rc, "connect", err);
	if (!rc)
		rc = push_connected(&session, remote, &was_there, err);
	session_end(&session, remote);
	rep_git_close(clone);
	if (rc || was_there)
		return rc;
	rc = look(transfer, err);
	if (!rc && !rep_oid_equal(&transfer->result.outbox, &transfer->new_oid))
		rc = rep_fail(err, REP_EIO, "the server said ok, but the outbox is not there");
	return rep_wrap(err, rc, "read back");
}

enum rep_code rep_ssh_transfer(struct rep_transfer *transfer, struct rep_error *err)
{
	/* In 1.5.1 known_hosts is looked for beside the global configuration. */
	int git_rc =
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, transfer->home);

	if (git_rc)
		return rep_git_fail(err, git_rc, "set up libgit2");
	switch (transfer->operation) {
	case REP_OPERATION_TIPS:
		return look(transfer, err);
	case REP_OPERATION_FETCH:
		return fetch(transfer, err);
	case REP_OPERATION_PUSH:
		return push(transfer, err);
	}
	return rep_fail(err, REP_EUSAGE, "no such operation");
}
