/*
 * A mailbox behind sshd or a web server, by libgit2, in a child: list, fetch, push. Who the server is and who we are is
 * transport_session.c's. What libgit2 1.5.1 leaves to its caller here:
 *
 *	- it has no timeouts: the parent's watchdog listens to the progress that is sent here, and to the sockets
 *	- a refused ref is rc = 0: only push_update_reference tells
 *	- "ok" is believed when the ref was read back over another connection
 */
#include <stdio.h>
#include <string.h>

#include "sync/mailbox/mailbox.h"
#include "sync/transport/transport_session.h"

#define PUSH_REF "refs/repsync/push" /* in the clone: what is being pushed */
#define FETCH_SPEC "+refs/heads/inbox:refs/heads/inbox"
#define PUSH_SPEC "+" PUSH_REF ":refs/heads/outbox"

/* A session, the clone that it works on (not for a look) and the connection. */
struct line {
	struct rep_session session;
	struct rep_git *clone;
	git_remote *remote;
};

static enum rep_code connect_line(struct line *line, git_direction direction, struct rep_error *err)
{
	const char *url = line->session.transfer->transport->url;
	git_remote_connect_options options;
	int git_rc = line->clone ? rep_libgit2.git_remote_create_anonymous(&line->remote,
									   line->clone->repo, url)
				 : rep_libgit2.git_remote_create_detached(&line->remote, url);

	if (!git_rc) {
		(void)rep_libgit2.git_remote_connect_options_init(
			&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
		rep_session_callbacks(&line->session, &options.callbacks);
		options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
		options.custom_headers = line->session.headers;
		git_rc = rep_libgit2.git_remote_connect_ext(line->remote, direction, &options);
	}
	return git_rc ? rep_session_explain(&line->session, git_rc, "connect", err) : REP_OK;
}

/* The two tips as this connection advertised them. */
static enum rep_code read_tips(const struct line *line, struct rep_error *err)
{
	struct rep_transfer_result *result = &line->session.transfer->result;
	const git_remote_head **heads = NULL;
	size_t len = 0;
	int git_rc = rep_libgit2.git_remote_ls(&heads, &len, line->remote);

	if (git_rc)
		return rep_session_explain(&line->session, git_rc, "list", err);
	result->outbox = result->inbox = rep_oid_zero;
	for (size_t i = 0; i < len; i++) {
		if (strcmp(heads[i]->name, REP_OUTBOX) == 0)
			result->outbox = rep_oid_from_git(&heads[i]->oid);
		else if (strcmp(heads[i]->name, REP_INBOX) == 0)
			result->inbox = rep_oid_from_git(&heads[i]->oid);
	}
	return REP_OK;
}

static enum rep_code line_begin(struct line *line, struct rep_transfer *transfer, bool with_clone,
				struct rep_error *err)
{
	enum rep_code rc = rep_session_begin(&line->session, transfer, err);

	line->clone = NULL;
	line->remote = NULL;
	if (!rc && with_clone)
		rc = rep_git_open(&line->clone, transfer->clone, err);
	if (!rc && with_clone)
		rc = rep_git_handles(line->clone, err);
	return rc;
}

/* Connects, and reads what is advertised. */
static enum rep_code line_up(struct line *line, git_direction direction, struct rep_error *err)
{
	enum rep_code rc = connect_line(line, direction, err);

	return rc ? rc : read_tips(line, err);
}

static void line_end(struct line *line)
{
	rep_session_end(&line->session, line->remote);
	rep_git_close(line->clone);
}

static enum rep_code look(struct rep_transfer *transfer, struct rep_error *err)
{
	struct line line;
	enum rep_code rc = line_begin(&line, transfer, false, err);

	if (!rc)
		rc = line_up(&line, GIT_DIRECTION_FETCH, err);
	line_end(&line);
	return rc;
}

static enum rep_code download(struct line *line, struct rep_error *err)
{
	char spec[] = FETCH_SPEC;
	char *specs[] = {spec};
	git_strarray list = {.strings = specs, .count = 1};
	git_fetch_options options;
	int git_rc;

	(void)rep_libgit2.git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
	rep_session_callbacks(&line->session, &options.callbacks);
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	options.custom_headers = line->session.headers;
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.update_fetchhead = 0;
	options.prune = GIT_FETCH_NO_PRUNE;
	git_rc = rep_libgit2.git_remote_download(line->remote, &list, &options);
	return git_rc ? rep_session_explain(&line->session, git_rc, "download", err) : REP_OK;
}

/* The ref is moved by ourselves, once everything is in the clone. */
static enum rep_code fetch_into(struct line *line, struct rep_error *err)
{
	const struct rep_oid *tip = &line->session.transfer->result.inbox;
	struct rep_oid before;
	enum rep_code rc = rep_git_ref(line->clone, REP_INBOX, &before, err);

	if (rc || rep_oid_is_zero(tip) || rep_oid_equal(&before, tip))
		return rc;
	rc = download(line, err);
	if (!rc)
		rc = rep_git_refresh(line->clone, err);
	if (!rc)
		rc = rep_git_cas(line->clone, REP_INBOX, &before, tip, err);
	return rc;
}

static enum rep_code fetch(struct rep_transfer *transfer, struct rep_error *err)
{
	struct line line;
	enum rep_code rc = line_begin(&line, transfer, true, err);

	if (!rc)
		rc = line_up(&line, GIT_DIRECTION_FETCH, err);
	if (!rc)
		rc = fetch_into(&line, err);
	line_end(&line);
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

static enum rep_code upload(struct line *line, struct rep_error *err)
{
	char spec[] = PUSH_SPEC;
	char *specs[] = {spec};
	git_strarray list = {.strings = specs, .count = 1};
	git_push_options options;
	int git_rc;

	(void)rep_libgit2.git_push_options_init(&options, GIT_PUSH_OPTIONS_VERSION);
	rep_session_callbacks(&line->session, &options.callbacks);
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	options.custom_headers = line->session.headers;
	options.pb_parallelism = 1;
	git_rc = rep_libgit2.git_remote_upload(line->remote, &list, &options);
	if (git_rc)
		return rep_session_explain(&line->session, git_rc, "upload", err);
	return rep_session_verdict(&line->session, err);
}

static enum rep_code push_connected(struct line *line, struct rep_error *err)
{
	struct rep_transfer *transfer = line->session.transfer;

	transfer->result.was_there = rep_oid_equal(&transfer->result.outbox, &transfer->new_oid);
	if (transfer->result.was_there)
		return REP_OK;
	/* The server swaps from the value that it advertised here, so this check is no race. */
	if (!rep_oid_equal(&transfer->result.outbox, &transfer->old_oid))
		return rep_fail(err, REP_EORDER, "the mailbox's outbox has moved");
	return upload(line, err);
}

static enum rep_code send(struct rep_transfer *transfer, struct rep_error *err)
{
	struct line line;
	enum rep_code rc = line_begin(&line, transfer, true, err);

	if (!rc)
		rc = name_push(transfer, line.clone, err);
	if (!rc)
		rc = line_up(&line, GIT_DIRECTION_PUSH, err);
	if (!rc)
		rc = push_connected(&line, err);
	line_end(&line);
	return rc;
}

/* Another connection, so that what it says is what the server has, and, where it was asked for, the fetch. */
static enum rep_code read_back(struct rep_transfer *transfer, struct rep_error *err)
{
	struct line line;
	enum rep_code rc = line_begin(&line, transfer, transfer->fetch, err);

	if (!rc)
		rc = line_up(&line, GIT_DIRECTION_FETCH, err);
	if (!rc && !rep_oid_equal(&transfer->result.outbox, &transfer->new_oid))
		rc = rep_fail(err, REP_EIO, "the server said ok, but the outbox is not there");
	if (!rc && transfer->fetch) {
		rc = fetch_into(&line, err);
		transfer->result.fetched = !rc;
	}
	line_end(&line);
	return rep_wrap(err, rc, "read back");
}

static enum rep_code push(struct rep_transfer *transfer, struct rep_error *err)
{
	enum rep_code rc = send(transfer, err);

	return rc ? rc : read_back(transfer, err);
}

enum rep_code rep_remote_transfer(struct rep_transfer *transfer, struct rep_error *err)
{
	enum rep_code rc = rep_session_setup(transfer, err);

	if (rc)
		return rc;
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
