#include "sync/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/private.h"
#include "sync/transport_work.h"

#define STALL_S 60u
#define OVERALL_S 3600u
#define SSH_PORT 22u
#define TAG_RESULT 'r'

static char *dup_or_null(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* ssh://user@host[:port]/path; an address in brackets is not needed for a company's host. */
static enum rep_code parse_ssh(struct rep_transport *transport, const char *url,
			       struct rep_error *err)
{
	const char *rest = url + strlen("ssh://");
	const char *slash = strchr(rest, '/');
	const char *at = slash ? memchr(rest, '@', (size_t)(slash - rest)) : NULL;
	const char *colon, *host;
	unsigned long port = SSH_PORT;
	char *end = NULL;

	if (!at || at == rest || slash[1] == '\0')
		return rep_fail(err, REP_EUSAGE, "\"%.200s\": not ssh://user@host[:port]/path",
				url);
	host = at + 1;
	colon = memchr(host, ':', (size_t)(slash - host));
	if (colon)
		port = strtoul(colon + 1, &end, 10);
	if (host == (colon ? colon : slash) || *rest == '-' || *host == '-' ||
	    (colon && (end != slash || port < 1 || port > 65535)))
		return rep_fail(err, REP_EUSAGE, "\"%.200s\": not ssh://user@host[:port]/path",
				url);
	transport->ssh = true;
	transport->port = (unsigned)port;
	transport->user = strndup(rest, (size_t)(at - rest));
	transport->host = strndup(host, (size_t)((colon ? colon : slash) - host));
	if (!transport->user || !transport->host)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return REP_OK;
}

static enum rep_code parse(struct rep_transport *transport,
			   const struct rep_transport_options *options, struct rep_error *err)
{
	const char *url = options->url ? options->url : "";

	if (strncmp(url, "ssh://", 6) == 0) {
		enum rep_code rc = parse_ssh(transport, url, err);

		if (!rc && (!options->ssh_secret || !options->ssh_public || !options->host_key))
			rc = rep_fail(err, REP_EUSAGE, "ssh needs a key pair and the host's key");
		return rc;
	}
	if (strncmp(url, "file://", 7) == 0)
		url += 7;
	else if (strstr(url, "://"))
		return rep_fail(err, REP_EUSAGE, "\"%.200s\": neither a folder nor ssh://", url);
	if (url[0] != '/')
		return rep_fail(err, REP_EUSAGE, "\"%.200s\": a folder's path must begin with /",
				options->url ? options->url : "");
	transport->url = strdup(url);
	return transport->url ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

enum rep_code rep_transport_open(struct rep_transport **out,
				 const struct rep_transport_options *options, struct rep_error *err)
{
	struct rep_transport *transport = calloc(1, sizeof *transport);
	enum rep_code rc = rep_git_init(err);

	*out = NULL;
	if (!transport)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	if (!rc)
		rc = parse(transport, options, err);
	if (rc)
		goto out;
	if (transport->ssh) {
		transport->url = strdup(options->url);
		transport->ssh_secret = dup_or_null(options->ssh_secret);
		transport->ssh_public = dup_or_null(options->ssh_public);
		transport->host_key = dup_or_null(options->host_key);
		if (!transport->url || !transport->ssh_secret || !transport->ssh_public ||
		    !transport->host_key) {
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
			goto out;
		}
	}
	transport->stall_s = options->stall_s ? options->stall_s : STALL_S;
	transport->overall_s = options->overall_s ? options->overall_s : OVERALL_S;
	transport->progress = options->progress;
	*out = transport;
	transport = NULL;
out:
	rep_transport_close(transport);
	return rep_wrap(err, rc, "mailbox");
}

void rep_transport_close(struct rep_transport *transport)
{
	if (!transport)
		return;
	if (transport->ssh_secret)
		explicit_bzero(transport->ssh_secret, strlen(transport->ssh_secret));
	free(transport->ssh_secret);
	free(transport->ssh_public);
	free(transport->host_key);
	free(transport->user);
	free(transport->host);
	free(transport->url);
	free(transport);
}

void rep_transport_bytes(const struct rep_transport *transport, uint64_t *up, uint64_t *down)
{
	*up = transport->up;
	*down = transport->down;
}

static enum rep_code work(void *user, struct rep_channel *channel, struct rep_error *err)
{
	struct rep_transfer *transfer = user;
	enum rep_code rc;

	transfer->channel = channel;
	rc = transfer->transport->ssh ? rep_ssh_transfer(transfer, err)
				      : rep_folder_transfer(transfer, err);
	rep_channel_put(channel, TAG_RESULT, &transfer->result, sizeof transfer->result);
	return rc;
}

static enum rep_code frame(void *user, char tag, const char *data, size_t len,
			   struct rep_error *err)
{
	struct rep_transfer *transfer = user;

	if (tag != TAG_RESULT || len != sizeof transfer->result)
		return rep_fail(err, REP_EIO, "answer of the transfer is malformed");
	memcpy(&transfer->result, data, len);
	return REP_OK;
}

static void progress(void *user, uint64_t done, uint64_t total)
{
	static const char *const names[] = {[REP_OPERATION_TIPS] = "connect",
					    [REP_OPERATION_FETCH] = "fetch",
					    [REP_OPERATION_PUSH] = "push"};
	const struct rep_transfer *transfer = user;

	rep_progress_step(transfer->transport->progress, names[transfer->operation], done, total);
}

static enum rep_code run(struct rep_transport *transport, struct rep_transfer *transfer,
			 struct rep_error *err)
{
	struct rep_child_job job = {
		.work = work,
		.frame = frame,
		.progress = progress,
		.user = transfer,
		.frame_max = sizeof transfer->result,
		.stall_s = transport->stall_s,
		.overall_s = transport->overall_s,
		.limited = true,
		.code_stalled = REP_EUNREACHABLE,
		.code_died = REP_EIO,
	};
	struct rep_child *child = NULL;
	struct rep_private home = REP_PRIVATE_INIT;
	enum rep_code rc = REP_OK;

	transfer->transport = transport;
	if (transport->ssh) {
		rc = rep_private_make(&home, "repsync-ssh", err);
		if (!rc)
			rc = rep_ssh_home(transport, home.path, err);
		transfer->home = home.path;
	}
	if (!rc)
		rc = rep_child_start(&child, &job, err);
	if (!rc)
		rc = rep_child_finish(child, err);
	rep_private_remove(&home);
	transport->up += transfer->result.up;
	transport->down += transfer->result.down;
	return rep_wrap(err, rc, "%.200s", transport->url);
}

enum rep_code rep_transport_tips(struct rep_transport *transport, struct rep_oid *outbox,
				 struct rep_oid *inbox, struct rep_error *err)
{
	struct rep_transfer transfer = {.operation = REP_OPERATION_TIPS};
	enum rep_code rc = run(transport, &transfer, err);

	*outbox = rc ? rep_oid_zero : transfer.result.outbox;
	*inbox = rc ? rep_oid_zero : transfer.result.inbox;
	return rc;
}

enum rep_code rep_transport_fetch(struct rep_transport *transport, const char *clone,
				  struct rep_oid *tip, struct rep_error *err)
{
	struct rep_transfer transfer = {.operation = REP_OPERATION_FETCH, .clone = clone};
	enum rep_code rc = run(transport, &transfer, err);

	*tip = rc ? rep_oid_zero : transfer.result.inbox;
	return rep_wrap(err, rc, "fetch");
}

enum rep_code rep_transport_push(struct rep_transport *transport, const char *clone,
				 const struct rep_oid *old_oid, const struct rep_oid *new_oid,
				 struct rep_error *err)
{
	struct rep_transfer transfer = {.operation = REP_OPERATION_PUSH,
					.clone = clone,
					.old_oid = *old_oid,
					.new_oid = *new_oid};
	enum rep_code rc = run(transport, &transfer, err);
	struct rep_error ignored;

	/*
	 * A connection that broke after the server had stored the push looks like a failure: 3 of 41 cuts
	 * between server and client were so. A push that ended badly is looked for once.
	 */
	if (rc == REP_EUNREACHABLE || rc == REP_EIO) {
		struct rep_transfer look = {.operation = REP_OPERATION_TIPS};

		if (run(transport, &look, &ignored) == REP_OK &&
		    rep_oid_equal(&look.result.outbox, new_oid))
			return REP_OK;
	}
	return rep_wrap(err, rc, "push");
}
