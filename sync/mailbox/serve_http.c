/*
 * The CGI program behind a web server: what `repsync mailbox-shell` is to sshd. The web server has checked the device's token and
 * names the device in REMOTE_USER; which mailbox it is follows from that name alone, so that another's cannot even be asked for.
 * git http-backend does the rest and sees nothing of the request but what was read and written anew here: no path, no header
 * (Git-Protocol would ask for version 2), no compressed body.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "core/model/stamp.h"
#include "sync/mailbox/serve.h"
#include "sync/mailbox/serve_session.h"

struct request {
	const char *method, *path, *query, *content_type;
	bool push; /* asks for receive-pack */
	bool body; /* brings what is to be received */
};

/* The five requests of git's smart protocol that a device makes, each exactly as it makes them. */
static const struct request requests[] = {
	{"GET", "/info/refs", "service=git-upload-pack", "", false, false},
	{"GET", "/info/refs", "service=git-receive-pack", "", true, false},
	{"POST", "/git-upload-pack", "", "application/x-git-upload-pack-request", false, true},
	{"POST", "/git-receive-pack", "", "application/x-git-receive-pack-request", true, true},
};

static const char *variable(const char *name)
{
	const char *text = getenv(name);

	return text ? text : "";
}

static const struct request *find_request(void)
{
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		const struct request *request = &requests[i];

		if (strcmp(variable("REQUEST_METHOD"), request->method) == 0 &&
		    strcmp(variable("PATH_INFO"), request->path) == 0 &&
		    strcmp(variable("QUERY_STRING"), request->query) == 0 &&
		    (!request->body ||
		     strcmp(variable("CONTENT_TYPE"), request->content_type) == 0))
			return request;
	}
	return NULL;
}

/* Digits, or nothing. */
static bool is_length(const char *text)
{
	return strlen(text) < 16 && text[strspn(text, "0123456789")] == '\0';
}

struct texts {
	char root[4200], path[128], method[32], query[64], type[80], user[48];
};

/*
 * Without CONTENT_LENGTH the body goes on to its end. With one that the body does not reach, since the device was killed or cut off,
 * git 2.39's http-backend reads at the end for ever, at full speed, and holds the mailbox's lock.
 */
static void put_env(struct rep_session_env *env, struct texts *texts, const char *hub,
		    const char *device, const struct request *request)
{
	rep_session_env(env);
	snprintf(texts->root, sizeof texts->root, "GIT_PROJECT_ROOT=%.4100s/mailboxes", hub);
	snprintf(texts->path, sizeof texts->path, "PATH_INFO=/%.20s.git%s", device, request->path);
	snprintf(texts->method, sizeof texts->method, "REQUEST_METHOD=%s", request->method);
	snprintf(texts->query, sizeof texts->query, "QUERY_STRING=%s", request->query);
	snprintf(texts->type, sizeof texts->type, "CONTENT_TYPE=%s", request->content_type);
	snprintf(texts->user, sizeof texts->user, "REMOTE_USER=%.20s", device);
	rep_session_env_add(env, texts->root);
	rep_session_env_add(env, texts->path);
	rep_session_env_add(env, texts->method);
	rep_session_env_add(env, texts->query);
	rep_session_env_add(env, texts->type);
	rep_session_env_add(env, texts->user);
	rep_session_env_add(env, "GIT_HTTP_EXPORT_ALL=1");
}

/* <device>:{SSHA}...:<expires>: what sshd does with a key's expiry-time. */
static bool is_let_in(const char *tokens, const char *device, int64_t now_ms)
{
	size_t len = strlen(device);

	for (const char *line = tokens; line; line = strchr(line, '\n')) {
		char expires[REP_TIME_LEN + 1];
		int64_t expires_ms;

		line += *line == '\n';
		if (strncmp(line, device, len) != 0 || line[len] != ':' ||
		    strnlen(line + len + 1, REP_VERIFIER_LEN + 1 + REP_TIME_LEN) <
			    REP_VERIFIER_LEN + 1 + REP_TIME_LEN)
			continue;
		snprintf(expires, sizeof expires, "%s", line + len + 1 + REP_VERIFIER_LEN + 1);
		return rep_time_parse(&expires_ms, expires) && now_ms < expires_ms;
	}
	return false;
}

static enum rep_code check_lease(const char *hub, const char *device, int64_t now_ms,
				 struct rep_error *err)
{
	struct rep_buf tokens = REP_BUF_INIT(64u << 20);
	char path[4200];
	enum rep_code rc;

	snprintf(path, sizeof path, "%.4100s/" REP_SERVE_TOKENS, hub);
	rc = rep_file_read(&tokens, path, err);
	if (!rc && !is_let_in(rep_buf_str(&tokens), device, now_ms))
		rc = rep_fail(err, REP_EREFUSED, "the device's token is not valid, or no longer");
	rep_buf_clear(&tokens);
	return rc;
}

enum rep_code rep_mailbox_http(const char *hub, int64_t now_ms, struct rep_error *err)
{
	static const char *const argv[] = {"git", "-c", "safe.directory=*", "http-backend", NULL};
	const char *device = variable("REMOTE_USER");
	const struct request *request = find_request();
	struct rep_session_env env;
	struct texts texts;
	char path[4096];
	enum rep_code rc = REP_OK;

	if (!*device)
		rc = rep_fail(err, REP_EREFUSED, "the web server names no device");
	if (!rc && (!request || !is_length(variable("CONTENT_LENGTH")) ||
		    *variable("HTTP_CONTENT_ENCODING")))
		rc = rep_fail(err, REP_EREFUSED,
			      "only git receive-pack and upload-pack are served");
	if (!rc)
		rc = rep_session_mailbox(path, sizeof path, hub, device, err);
	if (!rc)
		rc = check_lease(hub, device, now_ms, err);
	if (!rc && request->push)
		rc = rep_session_open_for_push(path, request->body, err);
	if (!rc) {
		put_env(&env, &texts, hub, device, request);
		rc = rep_session_become(argv, &env, err);
	}
	return rep_wrap(err, rc, "mailbox %.20s", device);
}

void rep_http_answer(struct rep_buf *out, const struct rep_error *err)
{
	struct rep_buf said = REP_BUF_INIT(8192);
	bool later;

	rep_said_put(&said, err);
	later = strncmp(rep_buf_str(&said), REP_SAID_LATER, strlen(REP_SAID_LATER)) == 0;
	rep_buf_printf(out,
		       "Status: %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
		       "Cache-Control: no-cache\r\n\r\n%s",
		       later ? "503 Service Unavailable" : "403 Forbidden", rep_buf_str(&said));
	rep_buf_clear(&said);
}
