/*
 * ssh keys as text: the OpenSSH private key format (PROTOCOL.key of OpenSSH: "openssh-key-v1", not encrypted: the
 * replica that keeps it is what protects it), the public line (RFC 4253 6.6, RFC 8709), known_hosts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/model/key.h"
#include "sync/transport/transport_work.h"

#define KEY_TYPE "ssh-ed25519"
#define LINE_LEN 70u
#define BLOB_SIZE_MAX 1024u

static void put_u32(struct rep_buf *out, uint32_t value)
{
	uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
			    (uint8_t)value};

	rep_buf_put(out, bytes, sizeof bytes);
}

static void put_string(struct rep_buf *out, const void *data, size_t len)
{
	put_u32(out, (uint32_t)len);
	rep_buf_put(out, data, len);
}

static void put_public(struct rep_buf *out, const struct rep_key *key)
{
	put_string(out, KEY_TYPE, strlen(KEY_TYPE));
	put_string(out, key->public, REP_PUBLIC_SIZE);
}

static void put_private(struct rep_buf *out, const struct rep_key *key, const char *comment)
{
	struct rep_buf inner = REP_BUF_INIT(BLOB_SIZE_MAX);
	uint8_t check[4];
	uint8_t pad = 1;

	rep_random(check, sizeof check);
	rep_buf_put(&inner, check, sizeof check);
	rep_buf_put(&inner, check, sizeof check);
	put_public(&inner, key);
	put_string(&inner, key->secret, REP_SECRET_SIZE);
	put_string(&inner, comment, strlen(comment));
	while (inner.len % 8 != 0)
		rep_buf_putc(&inner, (char)pad++);
	put_string(out, inner.data, inner.len);
	if (inner.data)
		explicit_bzero(inner.data, inner.len);
	rep_buf_clear(&inner);
}

static char *armour(const struct rep_buf *blob)
{
	struct rep_buf text = REP_BUF_INIT(4u * BLOB_SIZE_MAX);
	char base64[4 * BLOB_SIZE_MAX / 3 + 8];
	size_t len;

	rep_base64(base64, blob->data, blob->len);
	len = strlen(base64);
	rep_buf_puts(&text, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
	for (size_t at = 0; at < len; at += LINE_LEN)
		rep_buf_printf(&text, "%.*s\n", (int)LINE_LEN, base64 + at);
	rep_buf_puts(&text, "-----END OPENSSH PRIVATE KEY-----\n");
	explicit_bzero(base64, sizeof base64);
	return rep_buf_take(&text);
}

static char *public_of(const struct rep_key *key, const char *comment)
{
	struct rep_buf blob = REP_BUF_INIT(BLOB_SIZE_MAX);
	char base64[4 * BLOB_SIZE_MAX / 3 + 8];
	char *line = NULL;

	put_public(&blob, key);
	rep_base64(base64, blob.data, blob.len);
	if (asprintf(&line, KEY_TYPE " %s %s", base64, comment) < 0)
		line = NULL;
	rep_buf_clear(&blob);
	return line;
}

static bool is_comment(const char *comment)
{
	for (const char *p = comment; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
			return false;
	return comment[0] && strlen(comment) <= 100;
}

enum rep_code rep_ssh_keygen(char **secret, char **public_line, const char *comment,
			     struct rep_error *err)
{
	static const char magic[] = "openssh-key-v1"; /* its NUL counts */
	struct rep_buf blob = REP_BUF_INIT(BLOB_SIZE_MAX),
		       public_blob = REP_BUF_INIT(BLOB_SIZE_MAX);
	struct rep_key key;
	enum rep_code rc = rep_key_init(err);

	*secret = *public_line = NULL;
	if (!rc && !is_comment(comment))
		rc = rep_fail(err, REP_EUSAGE, "ssh key: a comment is one printable word");
	if (rc)
		return rc;
	rep_key_make(&key);
	put_public(&public_blob, &key);
	rep_buf_put(&blob, magic, sizeof magic);
	put_string(&blob, "none", 4);
	put_string(&blob, "none", 4);
	put_string(&blob, "", 0);
	put_u32(&blob, 1);
	put_string(&blob, public_blob.data, public_blob.len);
	put_private(&blob, &key, comment);
	rc = rep_buf_check(&blob, "ssh key", err);
	if (!rc) {
		*secret = armour(&blob);
		*public_line = public_of(&key, comment);
	}
	rep_key_wipe(&key);
	if (blob.data)
		explicit_bzero(blob.data, blob.len);
	rep_buf_clear(&blob);
	rep_buf_clear(&public_blob);
	if (!rc && (!*secret || !*public_line)) {
		free(*secret);
		free(*public_line);
		*secret = *public_line = NULL;
		rc = rep_fail(err, REP_ENOMEM, "ssh key: out of memory");
	}
	return rc;
}

enum rep_code rep_ssh_key_blob(struct rep_buf *out, const char *line, struct rep_error *err)
{
	const char *base64 = strchr(line, ' ');
	size_t len = base64 ? strcspn(++base64, " \n") : 0;
	char text[4 * BLOB_SIZE_MAX / 3 + 8];
	uint8_t blob[BLOB_SIZE_MAX];
	size_t size;

	if (len < 4 || len % 4 != 0 || len >= sizeof text)
		return rep_fail(err, REP_EINVAL, "host key: not \"<type> <base64>\"");
	snprintf(text, sizeof text, "%.*s", (int)len, base64);
	size = len / 4 * 3 - (text[len - 1] == '=') - (text[len - 2] == '=');
	if (size > sizeof blob || !rep_unbase64(blob, size, text))
		return rep_fail(err, REP_EINVAL, "host key: base64 is malformed");
	rep_buf_put(out, blob, size);
	return rep_buf_check(out, "host key", err);
}

enum rep_code rep_ssh_home(const struct rep_transport *transport, const char *home,
			   struct rep_error *err)
{
	int key_len = (int)strcspn(transport->host_key, "\n");
	int n;
	char *dir = NULL, *path = NULL, *line = NULL;
	enum rep_code rc = REP_OK;

	if (asprintf(&dir, "%s/.ssh", home) < 0)
		dir = NULL;
	if (asprintf(&path, "%s/.ssh/known_hosts", home) < 0)
		path = NULL;
	/* known_hosts has its own way to write a port, and only one other than 22. */
	n = transport->port == 22
		    ? asprintf(&line, "%s %.*s\n", transport->host, key_len, transport->host_key)
		    : asprintf(&line, "[%s]:%u %.*s\n", transport->host, transport->port, key_len,
			       transport->host_key);
	if (n < 0)
		line = NULL;
	if (!dir || !path || !line)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (!rc)
		rc = rep_dir_make(dir, 0700, err);
	if (!rc)
		rc = rep_file_write(path, line, strlen(line), 0600, err);
	free(dir);
	free(path);
	free(line);
	return rc;
}
