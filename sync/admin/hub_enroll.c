/*
 * Invitations. The hub keeps the hash of the secret, not the secret; the one-time ssh key opens this mailbox only, until the
 * run that takes the device's own.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "sync/hub/hub_line.h"
#include "sync/mailbox/serve.h"
#include "sync/transport/transport.h"

#define CA_SIZE_MAX 16384u /* an invitation has its own bound */

struct invite {
	struct rep_hub *hub;
	const struct rep_hub_enroll *enroll;
	int64_t now_ms;
	char device[REP_DEVICE_LEN + 1];
	char secret[REP_HASH_HEX + 1];
	char expires[REP_TIME_LEN + 1];
	char *url;
	char *ssh_secret, *ssh_public;                                 /* NULL but for ssh */
	char token[REP_TOKEN_HEX + 1], verifier[REP_VERIFIER_LEN + 1]; /* empty but for https */
};

static void choose_device(struct invite *invite)
{
	uint8_t random[8];

	do {
		rep_random(random, sizeof random);
		rep_device_id(invite->device, random);
	} while (rep_org_device(invite->hub->org, invite->device) ||
		 strcmp(invite->device, REP_HUB_DEVICE) == 0);
}

static enum rep_code make_url(struct invite *invite, struct rep_error *err)
{
	const char *base = invite->enroll->url_base;
	char *real;

	if (base && *base) {
		size_t len = strlen(base);
		int n;

		while (len > 1 && base[len - 1] == '/')
			len--;
		/* Over https the device's name decides which mailbox it is: one path for all. */
		n = strncmp(base, "https://", 8) == 0
			    ? asprintf(&invite->url, "%.*s", (int)len, base)
			    : asprintf(&invite->url, "%.*s/%s.git", (int)len, base, invite->device);
		if (n < 0)
			invite->url = NULL;
	} else {
		real = realpath(invite->hub->dir, NULL);
		if (!real)
			return rep_fail(err, REP_EIO, "%s: %s", invite->hub->dir, strerror(errno));
		invite->url = rep_hub_mailbox(real, invite->device);
		free(real);
	}
	if (!invite->url)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return rep_transport_check_url(invite->url, err);
}

static bool is_ssh(const struct invite *invite)
{
	return strncmp(invite->url, "ssh://", 6) == 0;
}

static bool is_https(const struct invite *invite)
{
	return strncmp(invite->url, "https://", 8) == 0;
}

static enum rep_code make_token(struct invite *invite, struct rep_error *err)
{
	if (invite->enroll->ca && strlen(invite->enroll->ca) > CA_SIZE_MAX)
		return rep_fail(err, REP_ELIMIT,
				"the authority's certificate has more than %u bytes", CA_SIZE_MAX);
	if (!invite->enroll->ca || !strstr(invite->enroll->ca, "-----BEGIN CERTIFICATE-----"))
		return rep_fail(err, REP_EUSAGE,
				"an https address needs the authority's certificate, or a device "
				"could be sent to another host");
	rep_token_make(invite->token);
	rep_token_verifier(invite->verifier, invite->token);
	return REP_OK;
}

static enum rep_code make_keys(struct invite *invite, struct rep_error *err)
{
	uint8_t random[32];

	rep_random(random, sizeof random);
	rep_hex(invite->secret, random, sizeof random);
	if (is_https(invite))
		return make_token(invite, err);
	if (!is_ssh(invite))
		return REP_OK;
	if (!invite->enroll->host_key || !*invite->enroll->host_key)
		return rep_fail(err, REP_EUSAGE,
				"an ssh address needs the host's key, or a device could be sent to "
				"another host");
	return rep_ssh_keygen(&invite->ssh_secret, &invite->ssh_public, "one-time", err);
}

static enum rep_code make_mailbox(struct invite *invite, struct rep_error *err)
{
	char *path = rep_hub_mailbox(invite->hub->dir, invite->device);
	enum rep_code rc =
		path ? rep_mailbox_create(path, err) : rep_fail(err, REP_ENOMEM, "out of memory");

	free(path);
	return rc;
}

static enum rep_code keep_invitation(struct invite *invite, struct rep_error *err)
{
	char *path = rep_hub_path(invite->hub->dir, "keys/invitations/%s.json", invite->device);
	struct rep_buf text = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *kept = rep_json_object();
	char hash[REP_HASH_HEX + 1];
	enum rep_code rc;

	if (!path) {
		rep_json_free(kept);
		return rep_fail(err, REP_ENOMEM, "out of memory");
	}
	rep_sha256_hex(hash, invite->secret, strlen(invite->secret));
	rep_json_set_string(kept, "device", invite->device);
	rep_json_set_string(kept, "expires", invite->expires);
	rep_json_set_string(kept, "secret_hash", hash);
	rep_json_set(kept, "ssh_public",
		     invite->ssh_public ? rep_json_string(invite->ssh_public) : rep_json_null());
	if (*invite->verifier)
		rep_json_set_string(kept, "verifier", invite->verifier);
	rep_json_write(&text, kept);
	rep_buf_putc(&text, '\n');
	rc = rep_buf_check(&text, "invitation", err);
	if (rc == REP_OK)
		rc = rep_file_write(path, text.data, text.len, 0600, err);
	rep_json_free(kept);
	rep_buf_clear(&text);
	free(path);
	return rc;
}

static enum rep_code put_device(struct invite *invite, struct rep_error *err)
{
	struct rep_hub_batch *batch;
	struct rep_json *line;
	char time[REP_TIME_LEN + 1];
	enum rep_code rc = rep_hub_batch_new(&batch, invite->hub, "enroll", invite->now_ms, err);

	if (rc != REP_OK)
		return rc;
	rep_time_format(time, invite->now_ms);
	line = rep_line_new();
	rep_line_put_text(line, "rep", invite->enroll->rep);
	rep_line_put(line, "desk", rep_json_bool(invite->enroll->desk));
	rep_line_put_text(line, "state", "invited");
	rep_line_put_text(line, "since", time);
	rc = rep_hub_batch_add(batch, REP_OP_INSERT, "device", invite->device, line, err);
	if (rc != REP_OK) {
		rep_hub_batch_free(batch);
		return rc;
	}
	return rep_hub_apply(invite->hub, batch, invite->now_ms, err);
}

static struct rep_json *text_or_null(const char *text)
{
	return text ? rep_json_string(text) : rep_json_null();
}

static struct rep_json *write_invitation(const struct invite *invite)
{
	struct rep_json *out = rep_json_object();
	char public[2 * REP_PUBLIC_SIZE + 1];

	rep_hex(public, invite->hub->key.public, REP_PUBLIC_SIZE);
	rep_json_set_string(out, "type", "invitation");
	rep_json_set_integer(out, "format", 1);
	rep_json_set_string(out, "company", invite->hub->company);
	rep_json_set_string(out, "device", invite->device);
	rep_json_set_string(out, "rep", invite->enroll->rep);
	rep_json_set_string(out, "url", invite->url);
	rep_json_set(out, "host_key",
		     text_or_null(is_ssh(invite) ? invite->enroll->host_key : NULL));
	rep_json_set_string(out, "hub_public", public);
	if (invite->hub->has_names) {
		rep_hex(public, invite->hub->names.root, REP_PUBLIC_SIZE);
		rep_json_set_string(out, "root", public);
	}
	rep_json_set_string(out, "secret", invite->secret);
	rep_json_set_string(out, "expires", invite->expires);
	rep_json_set(out, "ssh_secret", text_or_null(invite->ssh_secret));
	rep_json_set(out, "ssh_public", text_or_null(invite->ssh_public));
	rep_json_set(out, "token", text_or_null(*invite->token ? invite->token : NULL));
	rep_json_set(out, "ca", text_or_null(is_https(invite) ? invite->enroll->ca : NULL));
	rep_json_set(out, "desk", rep_json_bool(invite->enroll->desk));
	if (invite->hub->encrypted && !invite->enroll->desk) {
		char recovery[2 * REP_CIPHER_KEY + 1];

		rep_hex(recovery, invite->hub->recovery_public, REP_CIPHER_KEY);
		rep_json_set_string(out, "recovery", recovery);
		rep_json_set_string(out, "replicas", "encrypted");
	}
	return out;
}

enum rep_code rep_hub_enroll(struct rep_hub *hub, const struct rep_hub_enroll *enroll,
			     int64_t now_ms, struct rep_json **invitation, struct rep_error *err)
{
	struct invite invite = {.hub = hub, .enroll = enroll, .now_ms = now_ms};
	enum rep_code rc;

	*invitation = NULL;
	if (!rep_org_has_rep(hub->org, enroll->rep)) {
		rc = rep_fail(err, REP_ENOTFOUND, "enroll: there is no rep %s", enroll->rep);
		rep_hint(err, "`hub rep add %s --name NAME` first", enroll->rep);
		return rc;
	}
	choose_device(&invite);
	rep_time_format(invite.expires, now_ms + enroll->valid_ms);
	rc = make_url(&invite, err);
	if (rc == REP_OK)
		rc = make_keys(&invite, err);
	if (rc == REP_OK)
		rc = make_mailbox(&invite, err);
	if (rc == REP_OK)
		rc = keep_invitation(&invite, err);
	if (rc == REP_OK)
		rc = put_device(&invite, err);
	if (rc == REP_OK && !(*invitation = write_invitation(&invite)))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (invite.ssh_secret)
		memset(invite.ssh_secret, 0, strlen(invite.ssh_secret));
	explicit_bzero(invite.secret, sizeof invite.secret);
	explicit_bzero(invite.token, sizeof invite.token);
	free(invite.ssh_secret);
	free(invite.ssh_public);
	free(invite.url);
	return rep_wrap(err, rc, "enroll %s", enroll->rep);
}

enum rep_code rep_hub_invitation(struct rep_hub *hub, const char *device, struct rep_json **out,
				 struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	char *path = rep_hub_path(hub->dir, "keys/invitations/%s.json", device);
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	if (rep_file_exists(path))
		rc = rep_file_read(&text, path, err);
	if (rc == REP_OK && text.len)
		rc = rep_json_parse(out, text.data, text.len, REP_TEXT_SIZE_MAX, REP_JSON_DEPTH_MAX,
				    err);
	rep_buf_clear(&text);
	free(path);
	return rc;
}
