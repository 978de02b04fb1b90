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
#include "sync/hub_line.h"
#include "sync/serve.h"
#include "sync/transport.h"

struct invite {
	struct rep_hub *hub;
	const struct rep_hub_enroll *enroll;
	int64_t now_ms;
	char device[REP_DEVICE_LEN + 1];
	char secret[REP_HASH_HEX + 1];
	char expires[REP_TIME_LEN + 1];
	char *url;
	char *ssh_secret, *ssh_public; /* NULL for a folder */
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

		while (len > 1 && base[len - 1] == '/')
			len--;
		if (asprintf(&invite->url, "%.*s/%s.git", (int)len, base, invite->device) < 0)
			invite->url = NULL;
	} else {
		real = realpath(invite->hub->dir, NULL);
		if (!real)
			return rep_fail(err, REP_EIO, "%s: %s", invite->hub->dir, strerror(errno));
		invite->url = rep_hub_mailbox(real, invite->device);
		free(real);
	}
	return invite->url ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

static bool is_ssh(const struct invite *invite)
{
	return strncmp(invite->url, "ssh://", 6) == 0;
}

static enum rep_code make_keys(struct invite *invite, struct rep_error *err)
{
	uint8_t random[32];

	rep_random(random, sizeof random);
	rep_hex(invite->secret, random, sizeof random);
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
	rep_json_set_string(out, "secret", invite->secret);
	rep_json_set_string(out, "expires", invite->expires);
	rep_json_set(out, "ssh_secret", text_or_null(invite->ssh_secret));
	rep_json_set(out, "ssh_public", text_or_null(invite->ssh_public));
	rep_json_set(out, "desk", rep_json_bool(invite->enroll->desk));
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
	memset(invite.secret, 0, sizeof invite.secret);
	free(invite.ssh_secret);
	free(invite.ssh_public);
	free(invite.url);
	return rep_wrap(err, rc, "enroll %s", enroll->rep);
}

/* ---- authorized_keys ---- */

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

/* The one-time key of an open invitation, appended; nothing when there is none. */
static enum rep_code one_time_key(struct rep_hub *hub, const char *device, struct rep_buf *out,
				  struct rep_error *err)
{
	struct rep_json *kept;
	const char *key;
	enum rep_code rc = rep_hub_invitation(hub, device, &kept, err);

	key = rep_json_get_string(kept, "ssh_public");
	if (key)
		rep_buf_puts(out, key);
	rep_json_free(kept);
	return rc;
}

static enum rep_code put_line(struct rep_hub *hub, const struct rep_org_device *device,
			      const char *program, const char *dir, struct rep_buf *out,
			      struct rep_error *err)
{
	struct rep_buf key = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_ssh_device line = {.device = device->id};
	enum rep_code rc = REP_OK;

	if (device->state && strcmp(device->state, "invited") == 0)
		rc = one_time_key(hub, device->id, &key, err);
	else if (device->state && strcmp(device->state, "active") == 0 && device->ssh_key)
		rep_buf_puts(&key, device->ssh_key);
	line.ssh_key = rep_buf_str(&key);
	if (rc == REP_OK && key.len)
		rc = rep_ssh_authorized_keys(out, program, dir, &line, 1, err);
	rep_buf_clear(&key);
	return rc;
}

enum rep_code rep_hub_ssh_keys(struct rep_hub *hub, const char *program, struct rep_buf *out,
			       struct rep_error *err)
{
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(hub->org, &devices);
	char *dir = realpath(hub->dir, NULL);
	enum rep_code rc = REP_OK;

	if (!dir)
		return rep_fail(err, REP_EIO, "%s: %s", hub->dir, strerror(errno));
	for (size_t i = 0; rc == REP_OK && i < len; i++)
		rc = put_line(hub, &devices[i], program, dir, out, err);
	free(dir);
	return rep_wrap(err, rc, "ssh keys");
}
