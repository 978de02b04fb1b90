#include "sync/transport/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "sync/mailbox/private.h"
#include "sync/transport/transport_work.h"

#define STALL_S 60u
#define OVERALL_S 3600u
#define SSH_PORT 22u
#define HTTPS_PORT 443u
#define TAG_RESULT 'r'

static char *dup_or_null(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* [user@]host[:port]/path after the scheme: into transport; false where it is not that. */
static bool parse_host(struct rep_transport *transport, const char *rest, bool with_user,
		       unsigned default_port)
{
	const char *slash = strchr(rest, '/');
	const char *at = slash ? memchr(rest, '@', (size_t)(slash - rest)) : NULL;
	const char *host = at ? at + 1 : rest, *colon;
	unsigned long port = default_port;
	char *end = NULL;

	if (!slash || slash[1] == '\0' || (at != NULL) != with_user || at == rest)
		return false;
	colon = memchr(host, ':', (size_t)(slash - host));
	if (colon)
		port = strtoul(colon + 1, &end, 10);
	if (host == (colon ? colon : slash) || *rest == '-' || *host == '-' ||
	    (colon && (end != slash || port < 1 || port > 65535)))
		return false;
	transport->port = (unsigned)port;
	if (at)
		transport->user = strndup(rest, (size_t)(at - rest));
	transport->host = strndup(host, (size_t)((colon ? colon : slash) - host));
	return true;
}

/* An IPv4 address; one of IPv6 does not get through parse_host. */
static bool is_address(const char *host)
{
	return host[strspn(host, "0123456789.")] == '\0';
}

static enum rep_code parse_remote(struct rep_transport *transport, const char *url,
				  struct rep_error *err)
{
	bool ssh = strncmp(url, "ssh://", 6) == 0;

	transport->kind = ssh ? REP_TRANSPORT_SSH : REP_TRANSPORT_HTTPS;
	if (!parse_host(transport, strstr(url, "://") + 3, ssh, ssh ? SSH_PORT : HTTPS_PORT))
		return rep_fail(err, REP_EUSAGE, "\"%.200s\": not %s", url,
				ssh ? "ssh://user@host[:port]/path" : "https://host[:port]/path");
	transport->url = strdup(url);
	if (!transport->host || (ssh && !transport->user) || !transport->url)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	if (!ssh && is_address(transport->host))
		return rep_fail(err, REP_EUSAGE,
				"\"%.200s\": https needs the host's name, not its address", url);
	return REP_OK;
}

static enum rep_code parse_url(struct rep_transport *transport, const char *url,
			       struct rep_error *err)
{
	const char *path = url;

	if (strncmp(url, "ssh://", 6) == 0 || strncmp(url, "https://", 8) == 0)
		return parse_remote(transport, url, err);
	if (strncmp(url, "file://", 7) == 0)
		path += 7;
	else if (strstr(url, "://"))
		return rep_fail(err, REP_EUSAGE,
				"\"%.200s\": neither a folder nor ssh:// nor https://", url);
	if (path[0] != '/')
		return rep_fail(err, REP_EUSAGE, "\"%.200s\": a folder's path must begin with /",
				url);
	transport->kind = REP_TRANSPORT_FOLDER;
	transport->url = strdup(path);
	return transport->url ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

static enum rep_code take_credentials(struct rep_transport *transport,
				      const struct rep_transport_options *options,
				      struct rep_error *err)
{
	bool complete = true;

	if (transport->kind == REP_TRANSPORT_SSH) {
		if (!options->ssh_secret || !options->ssh_public || !options->host_key)
			return rep_fail(err, REP_EUSAGE, "ssh needs a key pair and the host's key");
		transport->ssh_secret = dup_or_null(options->ssh_secret);
		transport->ssh_public = dup_or_null(options->ssh_public);
		transport->host_key = dup_or_null(options->host_key);
		complete = transport->ssh_secret && transport->ssh_public && transport->host_key;
	} else if (transport->kind == REP_TRANSPORT_HTTPS) {
		if (!options->user || !options->token || !options->ca)
			return rep_fail(err, REP_EUSAGE,
					"https needs a token and the company's authority");
		transport->user = dup_or_null(options->user);
		transport->token = dup_or_null(options->token);
		transport->ca = dup_or_null(options->ca);
		complete = transport->user && transport->token && transport->ca;
	}
	return complete ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

enum rep_code rep_transport_check_url(const char *url, struct rep_error *err)
{
	struct rep_transport *transport = calloc(1, sizeof *transport);
	enum rep_code rc = transport ? parse_url(transport, url, err)
				     : rep_fail(err, REP_ENOMEM, "out of memory");

	rep_transport_close(transport);
	return rc;
}

enum rep_code rep_transport_open(struct rep_transport **out,
				 const struct rep_transport_options *options, struct rep_error *err)
{
	struct rep_transport *transport = calloc(1, sizeof *transport);
	enum rep_code rc;

	*out = NULL;
	if (!transport)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = parse_url(transport, options->url ? options->url : "", err);
	if (!rc)
		rc = take_credentials(transport, options, err);
	/* Here, so that the children that transfer need not. */
	if (!rc && transport->kind != REP_TRANSPORT_FOLDER)
		rc = rep_git_init(err);
	if (rc)
		goto out;
	transport->stall_s = options->stall_s ? options->stall_s : STALL_S;
	transport->overall_s = options->overall_s ? options->overall_s : OVERALL_S;
	transport->progress = options->progress;
	*out = transport;
	transport = NULL;
out:
	rep_transport_close(transport);
	return rep_wrap(err, rc, "mailbox");
}

static void free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void rep_transport_close(struct rep_transport *transport)
{
	if (!transport)
		return;
	free_secret(transport->ssh_secret);
	free_secret(transport->token);
	free(transport->ca);
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
	rc = transfer->transport->kind == REP_TRANSPORT_FOLDER ? rep_folder_transfer(transfer, err)
							       : rep_remote_transfer(transfer, err);
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

/* What the libraries beneath read from files, in a folder of the child's own. */
static enum rep_code make_home(const struct rep_transport *transport, struct rep_private *home,
			       struct rep_error *err)
{
	char path[4200];
	enum rep_code rc = rep_private_make(home, "repsync-home", err);

	if (rc)
		return rc;
	if (transport->kind == REP_TRANSPORT_SSH)
		return rep_ssh_home(transport, home->path, err);
	snprintf(path, sizeof path, "%.4000s/" REP_CA_FILE, home->path);
	return rep_file_write(path, transport->ca, strlen(transport->ca), 0600, err);
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
		.sockets = transport->kind != REP_TRANSPORT_FOLDER,
		.limited = true,
		.code_stalled = REP_EUNREACHABLE,
		.code_died = REP_EIO,
	};
	struct rep_child *child = NULL;
	struct rep_private home = REP_PRIVATE_INIT;
	enum rep_code rc = REP_OK;

	transfer->transport = transport;
	if (transport->kind != REP_TRANSPORT_FOLDER)
		rc = make_home(transport, &home, err);
	transfer->home = home.path;
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
	struct rep_transfer transfer = {
		.operation = REP_OPERATION_FETCH, .clone = clone, .fetch = true};
	enum rep_code rc = run(transport, &transfer, err);

	*tip = rc ? rep_oid_zero : transfer.result.inbox;
	return rep_wrap(err, rc, "fetch");
}

static enum rep_code push(struct rep_transport *transport, struct rep_transfer *transfer,
			  struct rep_error *err)
{
	enum rep_code rc = run(transport, transfer, err);
	struct rep_error ignored;

	/*
	 * A connection that broke after the server had stored the push looks like a failure: 3 of 41 cuts
	 * between server and client were so. A push that ended badly is looked for once.
	 */
	if (rc == REP_EUNREACHABLE || rc == REP_EIO) {
		struct rep_transfer look = {.operation = REP_OPERATION_TIPS};

		transfer->result.fetched = false;
		if (run(transport, &look, &ignored) == REP_OK &&
		    rep_oid_equal(&look.result.outbox, &transfer->new_oid))
			return REP_OK;
	}
	return rep_wrap(err, rc, "push");
}

enum rep_code rep_transport_push(struct rep_transport *transport, const char *clone,
				 const struct rep_oid *old_oid, const struct rep_oid *new_oid,
				 struct rep_error *err)
{
	struct rep_transfer transfer = {.operation = REP_OPERATION_PUSH,
					.clone = clone,
					.old_oid = *old_oid,
					.new_oid = *new_oid};

	return push(transport, &transfer, err);
}

enum rep_code rep_transport_exchange(struct rep_transport *transport, const char *clone,
				     const struct rep_oid *old_oid, const struct rep_oid *new_oid,
				     struct rep_pushed *pushed, struct rep_error *err)
{
	struct rep_transfer transfer = {.operation = REP_OPERATION_PUSH,
					.clone = clone,
					.fetch = true,
					.old_oid = *old_oid,
					.new_oid = *new_oid};
	enum rep_code rc = push(transport, &transfer, err);

	*pushed = (struct rep_pushed){.was_there = transfer.result.was_there};
	if (rc == REP_OK && transfer.result.fetched)
		pushed->inbox = transfer.result.inbox;
	return rc;
}
