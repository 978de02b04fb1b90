/*
 * What sshd and the web server go by: one key or token a device. Both files follow from central, from the open invitations and
 * from the tokens' verifiers in keys/; they are made anew at the end of every command that writes, and written when they differ.
 *
 * A key is taken until the lease that the device was last given ends. It is renewed with every view, whether the device comes or
 * not: it bounds how long a list of keys that nobody keeps any more lets anybody in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/serve.h"

#define FILE_SIZE_MAX (64u << 20)

struct door {
	struct rep_hub *hub;
	const char *program;
	char *dir; /* of the hub, in full */
	int64_t now_ms;
	char time[REP_TIME_LEN + 1];
	struct rep_buf keys, tokens;
};

/* What opens one device's mailbox; empty texts where nothing does. */
struct credential {
	char ssh_key[1024], verifier[REP_VERIFIER_LEN + 1];
	char expires[REP_TIME_LEN + 1];
};

static void put_text(char *out, size_t size, const char *text)
{
	if (text && strlen(text) < size)
		memcpy(out, text, strlen(text) + 1);
}

/* ---- one device ---- */

static enum rep_code of_invitation(struct rep_hub *hub, const char *device, struct credential *out,
				   struct rep_error *err)
{
	struct rep_json *kept;
	enum rep_code rc = rep_hub_invitation(hub, device, &kept, err);

	if (kept) {
		put_text(out->ssh_key, sizeof out->ssh_key,
			 rep_json_get_string(kept, "ssh_public"));
		put_text(out->verifier, sizeof out->verifier,
			 rep_json_get_string(kept, "verifier"));
		put_text(out->expires, sizeof out->expires, rep_json_get_string(kept, "expires"));
	}
	rep_json_free(kept);
	return rc;
}

static enum rep_code lease_of(const struct door *door, const struct rep_org_device *device,
			      char out[REP_TIME_LEN + 1], struct rep_error *err)
{
	struct rep_stmt *stmt;
	int64_t ms = door->now_ms, then_ms;
	bool row = false;
	enum rep_code rc = rep_db_use(door->hub->db, &stmt,
				      "SELECT hub_time FROM _published WHERE device = ?1", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device->id);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row && rep_time_parse(&then_ms, rep_column_text(stmt, 0, NULL)))
		ms = then_ms;
	rep_stmt_reset(stmt);
	rep_time_format(out, rep_hub_lease_end(door->hub, device, ms));
	return rc;
}

static enum rep_code of_active(const struct door *door, const struct rep_org_device *device,
			       struct credential *out, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(256);
	char *path = rep_hub_path(door->hub->dir, REP_KEYS_TOKENS "/%s", device->id);
	enum rep_code rc = lease_of(door, device, out->expires, err);

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	put_text(out->ssh_key, sizeof out->ssh_key, device->ssh_key);
	if (rc == REP_OK && rep_file_exists(path))
		rc = rep_file_read(&text, path, err);
	if (rc == REP_OK && text.len) {
		text.data[strcspn(text.data, "\n")] = '\0';
		put_text(out->verifier, sizeof out->verifier, text.data);
	}
	rep_buf_clear(&text);
	free(path);
	return rc;
}

/* The door stays open to the order to leave, until the device has said that it is erased, or would have erased itself. */
static enum rep_code of_left(const struct door *door, const struct rep_org_device *device,
			     struct credential *out, struct rep_error *err)
{
	struct rep_buf erasure = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	int64_t since_ms = 0;
	enum rep_code rc = rep_hub_left_file(door->hub, device->id, "erasure.json", &erasure, err);
	const bool is_erased = erasure.len > 0;

	rep_buf_clear(&erasure);
	if (rc != REP_OK || is_erased || !rep_hub_is_leaving(door->hub, device) ||
	    !rep_time_parse(&since_ms, device->since))
		return rc;
	rc = of_active(door, device, out, err);
	rep_time_format(out->expires, rep_hub_lease_erase(door->hub, device, since_ms));
	return rc;
}

static enum rep_code put_device(struct door *door, const struct rep_org_device *device,
				struct rep_error *err)
{
	struct credential found = {0};
	struct rep_ssh_device line = {
		.device = device->id, .ssh_key = found.ssh_key, .expires = found.expires};
	enum rep_code rc = REP_OK;

	if (device->state && strcmp(device->state, "invited") == 0)
		rc = of_invitation(door->hub, device->id, &found, err);
	else if (rep_org_device_active(door->hub->org, device->id, door->time))
		rc = of_active(door, device, &found, err);
	else if (device->state && strcmp(device->state, "leaving") == 0)
		rc = of_left(door, device, &found, err);
	if (rc == REP_OK && rep_ssh_is_key(found.ssh_key))
		rc = rep_ssh_authorized_keys(&door->keys, door->program, door->dir, &line, 1, err);
	if (rc == REP_OK && rep_token_is_verifier(found.verifier))
		rep_buf_printf(&door->tokens, "%s:%s:%s\n", device->id, found.verifier,
			       found.expires);
	return rc;
}

/* ---- all ---- */

static void door_end(struct door *door)
{
	rep_buf_clear(&door->keys);
	rep_buf_clear(&door->tokens);
	free(door->dir);
}

static enum rep_code door_begin(struct door *door, struct rep_hub *hub, const char *program,
				int64_t now_ms, struct rep_error *err)
{
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(hub->org, &devices);
	enum rep_code rc = REP_OK;

	*door = (struct door){.hub = hub,
			      .program = program,
			      .dir = realpath(hub->dir, NULL),
			      .now_ms = now_ms,
			      .keys = REP_BUF_INIT(FILE_SIZE_MAX),
			      .tokens = REP_BUF_INIT(FILE_SIZE_MAX)};
	if (!door->dir)
		return rep_fail(err, REP_EIO, "%s: %s", hub->dir, strerror(errno));
	rep_time_format(door->time, now_ms);
	for (size_t i = 0; rc == REP_OK && i < len; i++)
		rc = put_device(door, &devices[i], err);
	if (rc == REP_OK)
		rc = rep_buf_check(&door->keys, "keys", err);
	if (rc == REP_OK)
		rc = rep_buf_check(&door->tokens, "tokens", err);
	return rc;
}

enum rep_code rep_hub_ssh_keys(struct rep_hub *hub, const char *program, int64_t now_ms,
			       struct rep_buf *out, struct rep_error *err)
{
	struct door door;
	enum rep_code rc = door_begin(&door, hub, program, now_ms, err);

	if (rc == REP_OK)
		rep_buf_puts(out, rep_buf_str(&door.keys));
	door_end(&door);
	return rep_wrap(err, rc, "ssh keys");
}

static enum rep_code keep_file(const struct door *door, const char *name, const char *text,
			       size_t len, unsigned mode, struct rep_error *err)
{
	char *path = rep_hub_path(door->dir, "%s", name);
	struct rep_buf now = REP_BUF_INIT(FILE_SIZE_MAX);
	struct rep_error ignored;
	enum rep_code rc = REP_OK;

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	if (rep_file_read(&now, path, &ignored) != REP_OK || now.len != len ||
	    (len && memcmp(now.data, text, len) != 0))
		rc = rep_file_write(path, text, len, mode, err);
	rep_buf_clear(&now);
	free(path);
	return rc;
}

/* fcgiwrap runs a file without arguments. */
static enum rep_code keep_cgi(const struct door *door, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(16384);
	enum rep_code rc = REP_OK;

	if (strpbrk(door->program, "'\n") || strpbrk(door->dir, "'\n"))
		rc = rep_fail(err, REP_EINVAL, "path with a quote");
	rep_buf_printf(&text, "#!/bin/sh\nexec '%s' -C '%s' mailbox-http\n", door->program,
		       door->dir);
	if (rc == REP_OK)
		rc = rep_buf_check(&text, REP_SERVE_CGI, err);
	if (rc == REP_OK)
		rc = keep_file(door, REP_SERVE_CGI, text.data, text.len, 0700, err);
	rep_buf_clear(&text);
	return rc;
}

enum rep_code rep_hub_serve_refresh(struct rep_hub *hub, int64_t now_ms, struct rep_error *err)
{
	struct door door;
	char *dir;
	enum rep_code rc;

	if (!hub->program)
		return REP_OK;
	rc = door_begin(&door, hub, hub->program, now_ms, err);
	dir = door.dir ? rep_hub_path(door.dir, REP_SERVE_DIR) : NULL;
	if (rc == REP_OK && !dir)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	/* Its mode and group are the company's to widen for the web server: made once, left as it is. */
	if (rc == REP_OK && !rep_file_is_dir(dir))
		rc = rep_dir_make(dir, 0700, err);
	if (rc == REP_OK)
		rc = keep_file(&door, REP_SERVE_KEYS, rep_buf_str(&door.keys), door.keys.len, 0600,
			       err);
	if (rc == REP_OK)
		rc = keep_file(&door, REP_SERVE_TOKENS, rep_buf_str(&door.tokens), door.tokens.len,
			       0640, err);
	if (rc == REP_OK)
		rc = keep_cgi(&door, err);
	free(dir);
	door_end(&door);
	return rep_wrap(err, rc, "keys and tokens");
}

enum rep_code rep_hub_set_program(struct rep_hub *hub, const char *program, struct rep_error *err)
{
	char *copy = strdup(program);

	if (!copy)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	free(hub->program);
	hub->program = copy;
	return REP_OK;
}
