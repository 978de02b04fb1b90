/*
 * What libgit2 1.5.1 leaves to its caller about a connection:
 *
 *	- ssh: the host's key is compared with the invitation's, byte for byte; known_hosts only makes libssh2 ask for that
 *	  kind of key, and lies in a folder of this child's own
 *	- https: only the invitation's authority is believed; a callback that returns 0 would overrule a certificate that did not
 *	  verify. Redirects to another host are not followed, so that the token goes nowhere else
 *	- wrong credentials make it ask again for ever: they are given once
 *	- what the server says may hold control characters and bytes of a pack
 */
#include "sync/transport/transport_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/model/key.h"
#include "sync/mailbox/mailbox.h"
#include "sync/mailbox/serve.h"

#define SAID_MAX 600u
/* A server that never stops sending must not fill the memory that the clone lies in. */
#define DOWN_MAX ((uint64_t)1024 * 1024 * 1024)

static void alive(struct rep_session *session, uint64_t done, uint64_t total)
{
	rep_channel_progress(session->transfer->channel, done, total);
}

/* ---- what the server says ---- */

static int on_text(const char *text, int len, void *user)
{
	struct rep_session *session = user;
	size_t room =
		(session->said.limit - session->said.len) / 3; /* a replaced byte takes three */

	/* Empty is what receive-pack sends every five seconds, also when a hook of it hangs. */
	if (len <= 0)
		return 0;
	rep_text_safe_put(&session->said, text, (size_t)len < room ? (size_t)len : room);
	alive(session, 0, 0);
	return 0;
}

static int on_told(const char *ref, const char *status, void *user)
{
	struct rep_session *session = user;
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

/* ---- progress ---- */

static int on_fetched(const git_indexer_progress *stats, void *user)
{
	struct rep_session *session = user;
	size_t total = stats->received_bytes;

	session->transfer->result.down += total - session->counted;
	session->counted = total;
	alive(session, stats->received_objects, stats->total_objects);
	return total > DOWN_MAX ? GIT_EUSER : 0;
}

static int on_packed(int stage, uint32_t done, uint32_t total, void *user)
{
	(void)stage;
	alive(user, done, total);
	return 0;
}

static int on_pushed(unsigned done, unsigned total, size_t bytes, void *user)
{
	struct rep_session *session = user;

	session->transfer->result.up = bytes;
	alive(session, done, total);
	return 0;
}

/* ---- who is who ---- */

static bool is_our_host(const struct rep_session *session, const git_cert *cert, bool valid)
{
	const git_cert_hostkey *key = (const git_cert_hostkey *)(const void *)cert;

	if (cert->cert_type == GIT_CERT_X509)
		return session->transfer->transport->kind == REP_TRANSPORT_HTTPS && valid;
	return cert->cert_type == GIT_CERT_HOSTKEY_LIBSSH2 && (key->type & GIT_CERT_SSH_RAW) &&
	       key->hostkey_len == session->host_key.len &&
	       memcmp(key->hostkey, session->host_key.data, key->hostkey_len) == 0;
}

static int on_host(git_cert *cert, int valid, const char *host, void *user)
{
	struct rep_session *session = user;

	(void)host;
	if (is_our_host(session, cert, valid != 0)) {
		alive(session, 0, 0);
		return 0;
	}
	session->wrong_host = true;
	return GIT_ECERTIFICATE;
}

/* Over https our name stands in a header from the start: to be asked means that it was not taken. */
static int on_credentials(git_credential **out, const char *url, const char *user_of_url,
			  unsigned allowed, void *user)
{
	struct rep_session *session = user;
	const struct rep_transport *transport = session->transfer->transport;

	(void)url;
	(void)user_of_url;
	alive(session, 0, 0);
	if (transport->kind == REP_TRANSPORT_HTTPS) {
		session->refused = true;
		return GIT_EAUTH;
	}
	if (allowed & GIT_CREDENTIAL_USERNAME)
		return rep_libgit2.git_credential_username_new(out, transport->user);
	if (!(allowed & GIT_CREDENTIAL_SSH_KEY) || session->asked++ > 0) {
		session->refused = rep_sockets_up();
		return GIT_EAUTH;
	}
	return rep_libgit2.git_credential_ssh_key_memory_new(
		out, transport->user, transport->ssh_public, transport->ssh_secret, NULL);
}

void rep_session_callbacks(struct rep_session *session, git_remote_callbacks *callbacks)
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

/* ---- begin and end ---- */

enum rep_code rep_session_setup(const struct rep_transfer *transfer, struct rep_error *err)
{
	char ca[4200];
	int git_rc;

	if (transfer->transport->kind == REP_TRANSPORT_HTTPS) {
		snprintf(ca, sizeof ca, "%.4000s/" REP_CA_FILE, transfer->home);
		git_rc = rep_libgit2.git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, ca, NULL);
		return git_rc ? rep_git_fail(err, git_rc, "read the authority's certificate")
			      : REP_OK;
	}
	/* In 1.5.1 known_hosts is looked for beside the global configuration. */
	git_rc = rep_libgit2.git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL,
					      transfer->home);
	return git_rc ? rep_git_fail(err, git_rc, "set up libgit2") : REP_OK;
}

/* "Authorization: Basic <base64 of user:token>" */
static enum rep_code put_header(struct rep_session *session, struct rep_error *err)
{
	const struct rep_transport *transport = session->transfer->transport;
	char pair[512], base64[4 * sizeof pair / 3 + 8];
	int len = snprintf(pair, sizeof pair, "%s:%s", transport->user, transport->token);

	if (len < 0 || (size_t)len >= sizeof pair)
		return rep_fail(err, REP_ELIMIT, "the token is too long");
	rep_base64(base64, pair, (size_t)len);
	if (asprintf(&session->authorization, "Authorization: Basic %s", base64) < 0)
		session->authorization = NULL;
	explicit_bzero(pair, sizeof pair);
	explicit_bzero(base64, sizeof base64);
	if (!session->authorization)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	session->header_list[0] = session->authorization;
	session->headers = (git_strarray){.strings = session->header_list, .count = 1};
	return REP_OK;
}

enum rep_code rep_session_begin(struct rep_session *session, struct rep_transfer *transfer,
				struct rep_error *err)
{
	*session = (struct rep_session){.transfer = transfer,
					.host_key = REP_BUF_INIT(4096),
					.said = REP_BUF_INIT(SAID_MAX)};
	if (transfer->transport->kind == REP_TRANSPORT_HTTPS)
		return put_header(session, err);
	return rep_ssh_key_blob(&session->host_key, transfer->transport->host_key, err);
}

void rep_session_end(struct rep_session *session, git_remote *remote)
{
	if (remote)
		(void)rep_libgit2.git_remote_disconnect(remote);
	rep_libgit2.git_remote_free(remote);
	rep_buf_clear(&session->host_key);
	rep_buf_clear(&session->said);
	if (session->authorization)
		explicit_bzero(session->authorization, strlen(session->authorization));
	free(session->authorization);
}

/* ---- what went wrong ---- */

static enum rep_code wrong_host(const struct rep_session *session, const char *what,
				struct rep_error *err)
{
	const struct rep_transport *transport = session->transfer->transport;
	enum rep_code rc = rep_fail(
		err, REP_EREFUSED, "%s: %s of %.100s is not the company's", what,
		transport->kind == REP_TRANSPORT_SSH ? "host key" : "certificate", transport->host);

	rep_hint(err, "this is another server, or its key was changed: ask the company");
	return rc;
}

/* After `mark`, up to the end of the line (which was made safe like any control character). */
static bool find_said(const char *text, const char *mark, char *out, size_t size)
{
	const char *at = strstr(text, mark);
	size_t len;

	if (!at)
		return false;
	at += strlen(mark);
	len = strcspn(at, "\xEF");
	snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), at);
	return true;
}

/* Our own programs at the other end say in one word whether it is worth while to come again. */
static enum rep_code as_said(const char *text, const char *what, struct rep_error *err)
{
	char said[300];

	if (find_said(text, REP_SAID_REFUSED, said, sizeof said))
		return rep_fail(err, REP_EREFUSED, "%s: the server: %s", what, said);
	if (find_said(text, REP_SAID_LATER, said, sizeof said))
		return rep_fail(err, REP_EUNREACHABLE, "%s: the server: %s", what, said);
	return REP_OK;
}

/* "unexpected http status code: 403" */
static unsigned http_status(const git_error *last)
{
	static const char mark[] = "http status code: ";
	const char *at = last && last->message ? strstr(last->message, mark) : NULL;

	return at ? (unsigned)strtoul(at + sizeof mark - 1, NULL, 10) : 0;
}

static enum rep_code explain_http(const struct rep_session *session, unsigned status,
				  const char *what, struct rep_error *err)
{
	const char *host = session->transfer->transport->host;

	switch (status) {
	case 401:
		return rep_fail(err, REP_EREFUSED, "%s: %.100s does not take this device's token",
				what, host);
	case 403:
		return rep_fail(err, REP_EREFUSED,
				"%s: %.100s refuses: the mailbox takes no more pushes", what, host);
	default:
		return rep_fail(err, REP_EUNREACHABLE, "%s: %.100s answers with status %u", what,
				host, status);
	}
}

/* Anything that ends a connection; a server's program that dies shows as the end of its stream. */
static bool is_network(const struct rep_session *session, int git_rc, const git_error *last)
{
	if (git_rc == GIT_EEOF)
		return true;
	if (!last)
		return false;
	if (last->klass == GIT_ERROR_HTTP || last->klass == GIT_ERROR_SSL)
		return session->transfer->transport->kind == REP_TRANSPORT_HTTPS;
	return last->klass == GIT_ERROR_NET || last->klass == GIT_ERROR_SSH ||
	       last->klass == GIT_ERROR_OS;
}

enum rep_code rep_session_explain(const struct rep_session *session, int git_rc, const char *what,
				  struct rep_error *err)
{
	const struct rep_transport *transport = session->transfer->transport;
	const git_error *last = rep_libgit2.git_error_last();
	bool network = is_network(session, git_rc, last);
	enum rep_code rc;

	if (session->wrong_host)
		return wrong_host(session, what, err);
	/* libssh2 calls a line that breaks in the middle of the log-in a key that was not taken. */
	if (session->refused)
		return rep_fail(err, REP_EREFUSED, "%s: %.100s does not take this device's %s",
				what, transport->host,
				transport->kind == REP_TRANSPORT_SSH ? "key" : "token");
	if (git_rc == GIT_ENONFASTFORWARD)
		return rep_fail(err, REP_EORDER,
				"%s: the commit does not continue the mailbox's outbox", what);
	if (session->counted > DOWN_MAX)
		return rep_fail(err, REP_ELIMIT, "%s: more than %llu bytes", what,
				(unsigned long long)DOWN_MAX);
	if (http_status(last))
		return explain_http(session, http_status(last), what, err);
	rc = rep_git_fail(err, git_rc, what);
	if (!network && git_rc != GIT_EAUTH)
		return rc;
	/* After the log-in, what the server's program said before it left stands in the message. */
	if (as_said(err->msg, what, err) || as_said(rep_buf_str(&session->said), what, err))
		return err->code;
	return rep_wrap(err, REP_EUNREACHABLE, "%.100s", transport->host);
}

enum rep_code rep_session_verdict(const struct rep_session *session, struct rep_error *err)
{
	const char *said = rep_buf_str(&session->said);

	if (!session->told)
		return rep_fail(err, REP_EUNREACHABLE, "the server did not tell what became of it");
	if (!session->refusal[0])
		return REP_OK;
	if (as_said(said, "upload", err))
		return err->code;
	/*
	 * "failed to update ref": it moved between the advertisement and our turn. Over https the lock is taken in between, and
	 * what moved it may be our own earlier try, whose server outlived the line.
	 */
	if (strstr(session->refusal, "fast-forward") || strstr(session->refusal, "fetch first") ||
	    strstr(session->refusal, "failed to update ref"))
		return rep_fail(err, REP_EORDER, "the server: %s", session->refusal);
	return rep_fail(err, REP_EREFUSED, "the server: %s", session->refusal);
}
