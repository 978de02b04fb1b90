/* What sshd and a web server need to be told: texts, nothing else. */
#include <string.h>

#include "core/base/buf.h"
#include "core/model/id.h"
#include "core/model/stamp.h"
#include "sync/mailbox/serve.h"

/* Stands in command="..." of authorized_keys and is run by a shell: quoted for both. */
static bool put_argument(struct rep_buf *out, const char *text)
{
	if (strpbrk(text, "'\"\\\n\r"))
		return false;
	rep_buf_printf(out, "'%s'", text);
	return true;
}

bool rep_ssh_is_key(const char *line)
{
	if (strncmp(line, "ssh-ed25519 ", 12) != 0 && strncmp(line, "ecdsa-sha2-nistp", 16) != 0)
		return false;
	for (const char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f || *p == '"')
			return false;
	return strlen(line) < 1024;
}

/* YYYYMMDDHHMMSSZ of a datetime yyyy-mm-ddThh:mm:ss.mmmZ */
static bool put_expiry(struct rep_buf *out, const char *expires)
{
	int64_t ms;

	if (!rep_time_parse(&ms, expires))
		return false;
	rep_buf_printf(out, ",expiry-time=\"%.4s%.2s%.2s%.2s%.2s%.2sZ\"", expires, expires + 5,
		       expires + 8, expires + 11, expires + 14, expires + 17);
	return true;
}

static enum rep_code put_key(struct rep_buf *out, const char *program, const char *hub,
			     const struct rep_ssh_device *device, struct rep_error *err)
{
	if (!rep_device_valid(device->device) || !rep_ssh_is_key(device->ssh_key))
		return rep_fail(err, REP_EINVAL,
				"authorized keys: device %.20s: not an ssh public key",
				device->device);
	rep_buf_puts(out, "restrict");
	if (device->expires && !put_expiry(out, device->expires))
		return rep_fail(err, REP_EINVAL, "authorized keys: device %.20s: bad time",
				device->device);
	rep_buf_puts(out, ",command=\"");
	if (!put_argument(out, program))
		return rep_fail(err, REP_EINVAL, "authorized keys: path with a quote: %s", program);
	rep_buf_puts(out, " -C ");
	if (!put_argument(out, hub))
		return rep_fail(err, REP_EINVAL, "authorized keys: path with a quote: %s", hub);
	rep_buf_printf(out, " mailbox-shell %s\" %s\n", device->device, device->ssh_key);
	return REP_OK;
}

enum rep_code rep_ssh_authorized_keys(struct rep_buf *out, const char *program, const char *hub,
				      const struct rep_ssh_device *devices, size_t len,
				      struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; !rc && i < len; i++)
		rc = put_key(out, program, hub, &devices[i], err);
	return rc ? rc : rep_buf_check(out, "authorized keys", err);
}

/* Configuration files know quotes, variables and %h: a text that could be more than itself is not put into one. */
static enum rep_code check_plain(const char *what, const char *text, struct rep_error *err)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f || strchr("'\"\\{};#$%`", *p))
			return rep_fail(err, REP_EINVAL,
					"%s \"%.200s\": not fit for a configuration", what, text);
	return *text ? REP_OK : rep_fail(err, REP_EINVAL, "%s is empty", what);
}

enum rep_code rep_ssh_config(struct rep_buf *out, const char *user, const char *hub,
			     struct rep_error *err)
{
	enum rep_code rc = check_plain("user", user, err);

	if (!rc)
		rc = check_plain("folder", hub, err);
	if (rc)
		return rc;
	/*
	 * SetEnv: bash takes sshd for a reason to read the account's start-up files before each session, and what stands there
	 * may take longer than all the rest (1.2 of 1.6 s where it started pyenv). It does not below another shell.
	 */
	rep_buf_printf(
		out,
		"# The mailboxes of repsync: put this into sshd_config, then reload sshd.\n"
		"# Every `hub merge` keeps the file of keys as it should be.\n"
		"# Where more than ten devices come at once, further up, before any Match: MaxStartups 200:30:400\n"
		"Match User %s\n"
		"\tAuthorizedKeysFile %s/" REP_SERVE_KEYS "\n"
		"\tAuthenticationMethods publickey\n"
		"\tPasswordAuthentication no\n"
		"\tKbdInteractiveAuthentication no\n"
		"\tDisableForwarding yes\n"
		"\tPermitTTY no\n"
		"\tPermitUserRC no\n"
		"\tSetEnv HOME=/nonexistent SHLVL=1\n"
		"\tClientAliveInterval 15\n"
		"\tClientAliveCountMax 4\n",
		user, hub);
	return rep_buf_check(out, "sshd's configuration", err);
}

static void put_location(struct rep_buf *out, const struct rep_nginx *nginx)
{
	rep_buf_printf(out,
		       "\tlocation ~ ^%s(/info/refs|/git-upload-pack|/git-receive-pack)$ {\n"
		       "\t\tauth_basic \"repsync\";\n"
		       "\t\tauth_basic_user_file %s/" REP_SERVE_TOKENS ";\n"
		       "\t\tfastcgi_pass %s;\n"
		       "\t\tfastcgi_param SCRIPT_FILENAME %s/" REP_SERVE_CGI ";\n"
		       "\t\tfastcgi_param REMOTE_USER $remote_user;\n"
		       "\t\tfastcgi_param PATH_INFO $1;\n"
		       "\t\tfastcgi_param QUERY_STRING $query_string;\n"
		       "\t\tfastcgi_param REQUEST_METHOD $request_method;\n"
		       "\t\tfastcgi_param CONTENT_TYPE $content_type;\n"
		       "\t\tfastcgi_param CONTENT_LENGTH $content_length;\n"
		       "\t\tfastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;\n"
		       "\t\tfastcgi_pass_request_headers off;\n"
		       "\t\tfastcgi_buffering off;\n"
		       "\t\tfastcgi_read_timeout 120s;\n"
		       "\t}\n",
		       nginx->path, nginx->hub, nginx->fastcgi, nginx->hub);
}

enum rep_code rep_nginx_config(struct rep_buf *out, const struct rep_nginx *nginx,
			       struct rep_error *err)
{
	const char *const texts[][2] = {{"folder", nginx->hub}, {"host", nginx->host},
					{"path", nginx->path},  {"certificate", nginx->certificate},
					{"key", nginx->key},    {"socket", nginx->fastcgi}};
	enum rep_code rc = REP_OK;

	for (size_t i = 0; !rc && i < sizeof texts / sizeof *texts; i++)
		rc = check_plain(texts[i][0], texts[i][1], err);
	if (!rc && (nginx->path[0] != '/' || strpbrk(nginx->path, "^$*+?()[]|.")))
		rc = rep_fail(err, REP_EINVAL, "path \"%.200s\": not a plain one", nginx->path);
	if (rc)
		return rc;
	rep_buf_printf(
		out,
		"# The mailboxes of repsync: a file of nginx's sites, then reload nginx. Every `hub merge` keeps\n"
		"# the file of tokens as it should be. nginx must be able to read it, fcgiwrap must run as who owns\n"
		"# the hub:\n"
		"#\tchmod 711 %s && chgrp www-data %s/" REP_SERVE_DIR
		" && chmod 2750 %s/" REP_SERVE_DIR "\n"
		"server {\n"
		"\tlisten %u ssl;\n"
		"\tserver_name %s;\n"
		"\tssl_certificate %s;\n"
		"\tssl_certificate_key %s;\n"
		"\tssl_protocols TLSv1.2 TLSv1.3;\n"
		"\tclient_max_body_size 256m;\n"
		"\tclient_body_timeout 60s;\n"
		"\tserver_tokens off;\n",
		nginx->hub, nginx->hub, nginx->hub, nginx->port, nginx->host, nginx->certificate,
		nginx->key);
	put_location(out, nginx);
	rep_buf_puts(out, "\tlocation / {\n\t\treturn 404;\n\t}\n}\n");
	return rep_buf_check(out, "nginx's configuration", err);
}
