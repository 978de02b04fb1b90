#include "sync/mailbox/document.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/model/signed.h"
#include "sync/mailbox/serve.h"

/* What a key's value must be. */
enum kind {
	KIND_INTEGER,
	KIND_TEXT,
	KIND_TEXT_OR_NULL,
	KIND_BOOL,
	KIND_ARRAY,
	KIND_OBJECT,
	KIND_TIME,
	KIND_HASH, /* 64 hex digits */
};
/* A name that begins with ? came later: documents without it are read as before. */
struct key_of {
	const char *name;
	enum kind kind;
};

static bool is_hash(const char *text)
{
	uint8_t bytes[REP_HASH_SIZE];

	return text && strlen(text) == REP_HASH_HEX && rep_unhex(bytes, text, sizeof bytes);
}

static bool is_time(const char *text)
{
	int64_t ms;

	return text && rep_time_parse(&ms, text);
}

static bool is_kind(const struct rep_json *value, enum kind kind)
{
	switch (kind) {
	case KIND_INTEGER:
		return rep_json_is(value, REP_JSON_INTEGER);
	case KIND_TEXT:
		return rep_json_is(value, REP_JSON_STRING);
	case KIND_TEXT_OR_NULL:
		return rep_json_is(value, REP_JSON_STRING) || rep_json_is(value, REP_JSON_NULL);
	case KIND_BOOL:
		return rep_json_is(value, REP_JSON_BOOL);
	case KIND_ARRAY:
		return rep_json_is(value, REP_JSON_ARRAY);
	case KIND_OBJECT:
		return rep_json_is(value, REP_JSON_OBJECT);
	case KIND_TIME:
		return is_time(rep_json_string_value(value));
	case KIND_HASH:
		return is_hash(rep_json_string_value(value));
	}
	return false;
}

static const char *key_name(const struct key_of *key)
{
	return key->name[0] == '?' ? key->name + 1 : key->name;
}

/* Every key there with its kind, and no other: an unknown key in a signed document is an error. */
static enum rep_code check_keys(const struct rep_json *document, const struct key_of *keys,
				size_t len, struct rep_error *err)
{
	for (size_t i = 0; i < len; i++) {
		const char *name = key_name(&keys[i]);
		const struct rep_json *value = rep_json_get(document, name);

		if (!value && name != keys[i].name)
			continue;
		if (!value)
			return rep_fail(err, REP_EINVAL, "\"%s\" is missing", name);
		if (!is_kind(value, keys[i].kind))
			return rep_fail(err, REP_EINVAL, "\"%s\" is not what it must be", name);
	}
	for (void *it = rep_json_iter(document); it; it = rep_json_iter_next(document, it)) {
		bool known = false;

		for (size_t i = 0; i < len && !known; i++)
			known = strcmp(key_name(&keys[i]), rep_json_iter_key(it)) == 0;
		if (!known)
			return rep_fail(err, REP_EINVAL, "unknown key \"%.40s\"",
					rep_json_iter_key(it));
	}
	return REP_OK;
}

/* Reads a signed document of `type` and checks its keys. */
static enum rep_code read_signed(struct rep_json **out, const char *data, size_t len,
				 const char *type, const uint8_t public[REP_PUBLIC_SIZE],
				 const struct key_of *keys, size_t keys_len, struct rep_error *err)
{
	struct rep_json *document = NULL;
	enum rep_code rc = rep_signed_read(&document, data, len, type, public, err);

	*out = NULL;
	if (rc == REP_OK)
		rc = rep_wrap(err, check_keys(document, keys, keys_len, err), "%s", type);
	if (rc == REP_OK) {
		*out = document;
		document = NULL;
	}
	rep_json_free(document);
	return rc;
}

/* ---- enrolment ---- */

static const struct key_of enrolment_keys[] = {
	{"device", KIND_TEXT}, {"format", KIND_INTEGER},          {"hmac", KIND_HASH},
	{"public", KIND_HASH}, {"ssh_public", KIND_TEXT_OR_NULL}, {"?token", KIND_TEXT},
	{"type", KIND_TEXT},
};

/* `token` only where there is one: before tokens the text ended there. */
static void enrolment_mac(char out[REP_HASH_HEX + 1], const char *device, const char *public,
			  const char *ssh_public, const char *token,
			  const uint8_t secret_hash[REP_HASH_SIZE])
{
	struct rep_buf text = REP_BUF_INIT(REP_TEXT_SIZE_MAX);

	rep_buf_printf(&text, "%s\n%s\n%s", device, public, ssh_public ? ssh_public : "");
	if (token)
		rep_buf_printf(&text, "\n%s", token);
	rep_hmac_sha256_hex(out, secret_hash, REP_HASH_SIZE, rep_buf_str(&text), text.len);
	rep_buf_clear(&text);
}

enum rep_code rep_enrolment_write(struct rep_buf *out, const char *device,
				  const struct rep_key *key, const char *ssh_public,
				  const char *token, const char *secret, struct rep_error *err)
{
	struct rep_json *document = rep_json_object();
	uint8_t secret_hash[REP_HASH_SIZE];
	char public[2 * REP_PUBLIC_SIZE + 1], mac[REP_HASH_HEX + 1];
	enum rep_code rc;

	rep_hex(public, key->public, REP_PUBLIC_SIZE);
	rep_sha256(secret_hash, secret, strlen(secret));
	enrolment_mac(mac, device, public, ssh_public, token, secret_hash);
	rep_json_set_string(document, "type", "enrolment");
	rep_json_set_integer(document, "format", 1);
	rep_json_set_string(document, "device", device);
	rep_json_set_string(document, "public", public);
	rep_json_set(document, "ssh_public",
		     ssh_public ? rep_json_string(ssh_public) : rep_json_null());
	if (token)
		rep_json_set_string(document, "token", token);
	rep_json_set_string(document, "hmac", mac);
	rc = rep_signed_write(out, document, key, err);
	rep_json_free(document);
	return rep_wrap(err, rc, "write enrolment");
}

/* The signature is checked with the key that the document itself names, so that key is read first: from where the writer
 * puts it, without parsing the document. */
static bool enrolment_key(uint8_t public[REP_PUBLIC_SIZE], const char *data, size_t len)
{
	static const char mark[] = "\"public\":\"";
	const char *at = memmem(data, len, mark, sizeof mark - 1);
	char text[2 * REP_PUBLIC_SIZE + 1] = {0};

	if (!at || (size_t)(data + len - at) < sizeof mark - 1 + 2 * REP_PUBLIC_SIZE)
		return false;
	memcpy(text, at + sizeof mark - 1, 2 * REP_PUBLIC_SIZE);
	return rep_unhex(public, text, REP_PUBLIC_SIZE);
}

enum rep_code rep_enrolment_read(struct rep_enrolment *out, const char *data, size_t len,
				 const char *device, const uint8_t secret_hash[REP_HASH_SIZE],
				 struct rep_error *err)
{
	struct rep_json *document = NULL;
	char mac[REP_HASH_HEX + 1], public[2 * REP_PUBLIC_SIZE + 1];
	const char *ssh, *token;
	enum rep_code rc;

	memset(out, 0, sizeof *out);
	if (!enrolment_key(out->public, data, len))
		return rep_fail(err, REP_EINVAL, "enrolment: no public key");
	rc = read_signed(&document, data, len, "enrolment", out->public, enrolment_keys,
			 sizeof enrolment_keys / sizeof *enrolment_keys, err);
	if (rc != REP_OK)
		goto out;
	rep_hex(public, out->public, REP_PUBLIC_SIZE);
	ssh = rep_json_get_string(document, "ssh_public");
	token = rep_json_get_string(document, "token");
	enrolment_mac(mac, device, public, ssh, token, secret_hash);
	if (strcmp(rep_json_get_string(document, "device"), device) != 0 ||
	    strcmp(rep_json_get_string(document, "public"), public) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "enrolment: of another device or key");
	else if (strcmp(rep_json_get_string(document, "hmac"), mac) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "enrolment: not made with the invitation");
	else if (token && !rep_token_is_verifier(token))
		rc = rep_fail(err, REP_EINVAL, "enrolment: \"token\" is no verifier");
	else if (ssh && !rep_ssh_is_key(ssh))
		rc = rep_fail(err, REP_EINVAL, "enrolment: \"ssh_public\" is no ssh public key");
	else if ((ssh && !(out->ssh_public = strdup(ssh))) ||
		 (token && !(out->token = strdup(token))))
		rc = rep_fail(err, REP_ENOMEM, "enrolment: out of memory");
	memcpy(out->device, device, REP_DEVICE_LEN);
out:
	rep_json_free(document);
	return rc;
}

void rep_enrolment_clear(struct rep_enrolment *enrolment)
{
	free(enrolment->ssh_public);
	free(enrolment->token);
	memset(enrolment, 0, sizeof *enrolment);
}

/* ---- receipt ---- */

static const struct key_of receipt_keys[] = {
	{"device", KIND_TEXT}, {"first", KIND_INTEGER}, {"format", KIND_INTEGER},
	{"hash", KIND_HASH},   {"last", KIND_INTEGER},  {"received", KIND_TIME},
	{"type", KIND_TEXT},
};

enum rep_code rep_receipt_write(struct rep_buf *out, const struct rep_receipt *receipt,
				const struct rep_key *hub, struct rep_error *err)
{
	struct rep_json *document = rep_json_object();
	enum rep_code rc;

	rep_json_set_string(document, "type", "receipt");
	rep_json_set_integer(document, "format", 1);
	rep_json_set_string(document, "device", receipt->device);
	rep_json_set_integer(document, "first", receipt->first);
	rep_json_set_integer(document, "last", receipt->last);
	rep_json_set_string(document, "hash", receipt->hash);
	rep_json_set_string(document, "received", receipt->received);
	rc = rep_signed_write(out, document, hub, err);
	rep_json_free(document);
	return rep_wrap(err, rc, "write receipt");
}

enum rep_code rep_receipt_read(struct rep_receipt *out, const char *data, size_t len,
			       const uint8_t hub[REP_PUBLIC_SIZE], struct rep_error *err)
{
	struct rep_json *document = NULL;
	enum rep_code rc;

	memset(out, 0, sizeof *out);
	rc = read_signed(&document, data, len, "receipt", hub, receipt_keys,
			 sizeof receipt_keys / sizeof *receipt_keys, err);
	if (rc == REP_OK && !rep_device_valid(rep_json_get_string(document, "device")))
		rc = rep_fail(err, REP_EINVAL, "receipt: bad device");
	if (rc == REP_OK) {
		memcpy(out->device, rep_json_get_string(document, "device"), REP_DEVICE_LEN);
		memcpy(out->hash, rep_json_get_string(document, "hash"), REP_HASH_HEX);
		memcpy(out->received, rep_json_get_string(document, "received"), REP_TIME_LEN);
		out->first = rep_json_get_integer(document, "first");
		out->last = rep_json_get_integer(document, "last");
	}
	rep_json_free(document);
	return rc;
}

/* ---- statement, view ---- */

static const struct key_of statement_keys[] = {
	{"commit", KIND_TEXT},    {"epoch", KIND_INTEGER}, {"erasures", KIND_HASH},
	{"format", KIND_INTEGER}, {"heads", KIND_HASH},    {"hub_time", KIND_TIME},
	{"prev", KIND_HASH},      {"run", KIND_INTEGER},   {"type", KIND_TEXT},
};

enum rep_code rep_statement_read(struct rep_json **out, const char *data, size_t len,
				 const uint8_t hub[REP_PUBLIC_SIZE], struct rep_error *err)
{
	return read_signed(out, data, len, "statement", hub, statement_keys,
			   sizeof statement_keys / sizeof *statement_keys, err);
}

static const struct key_of self_keys[] = {
	{"assignments", KIND_ARRAY},  {"device", KIND_TEXT},      {"epoch", KIND_INTEGER},
	{"format", KIND_INTEGER},     {"hub_time", KIND_TIME},    {"lease", KIND_TIME},
	{"?lease_erase", KIND_TIME},  {"?lease_key", KIND_TEXT},  {"merged_hash", KIND_HASH},
	{"merged_seq", KIND_INTEGER}, {"outbox", KIND_TEXT},      {"rep", KIND_TEXT},
	{"role", KIND_TEXT},          {"safe_seq", KIND_INTEGER}, {"state", KIND_TEXT},
	{"statement", KIND_HASH},     {"trees", KIND_OBJECT},     {"type", KIND_TEXT},
	{"view", KIND_INTEGER},
};

enum rep_code rep_self_read(struct rep_json **out, const char *data, size_t len,
			    const uint8_t hub[REP_PUBLIC_SIZE], struct rep_error *err)
{
	return read_signed(out, data, len, "view", hub, self_keys,
			   sizeof self_keys / sizeof *self_keys, err);
}

/* ---- leaving ---- */

static const struct key_of order_keys[] = {
	{"act", KIND_TEXT},       {"device", KIND_TEXT}, {"effective", KIND_TIME},
	{"format", KIND_INTEGER}, {"issued", KIND_TIME}, {"?lease_key", KIND_TEXT},
	{"reason", KIND_TEXT},    {"rep", KIND_TEXT},    {"type", KIND_TEXT},
};

static const struct key_of farewell_keys[] = {
	{"at", KIND_TIME},        {"device", KIND_TEXT}, {"first", KIND_INTEGER},
	{"format", KIND_INTEGER}, {"hash", KIND_HASH},   {"last", KIND_INTEGER},
	{"locked", KIND_BOOL},    {"seq", KIND_INTEGER}, {"type", KIND_TEXT},
};

static const struct key_of erasure_keys[] = {
	{"at", KIND_TIME},
	{"device", KIND_TEXT},
	{"format", KIND_INTEGER},
	{"type", KIND_TEXT},
};

/* One that says whose it is: it is this device's. */
static enum rep_code read_of_device(struct rep_json **out, const char *data, size_t len,
				    const char *type, const uint8_t signer[REP_PUBLIC_SIZE],
				    const struct key_of *keys, size_t keys_len, const char *device,
				    struct rep_error *err)
{
	enum rep_code rc = read_signed(out, data, len, type, signer, keys, keys_len, err);

	if (rc == REP_OK && strcmp(rep_json_get_string(*out, "device"), device) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "it is of device %.20s, not %s",
			      rep_json_get_string(*out, "device"), device);
	if (rc != REP_OK) {
		rep_json_free(*out);
		*out = NULL;
	}
	return rc;
}

enum rep_code rep_order_read(struct rep_json **out, const char *data, size_t len,
			     const char *device, const uint8_t hub[REP_PUBLIC_SIZE],
			     struct rep_error *err)
{
	enum rep_code rc = read_of_device(out, data, len, "order", hub, order_keys,
					  sizeof order_keys / sizeof *order_keys, device, err);

	if (rc == REP_OK && strcmp(rep_json_get_string(*out, "act"), "erase") != 0) {
		rep_json_free(*out);
		*out = NULL;
		return rep_fail(err, REP_EINVAL, "order: unknown act");
	}
	return rc;
}

enum rep_code rep_farewell_read(struct rep_json **out, const char *data, size_t len,
				const char *device, const uint8_t device_public[REP_PUBLIC_SIZE],
				struct rep_error *err)
{
	return read_of_device(out, data, len, "farewell", device_public, farewell_keys,
			      sizeof farewell_keys / sizeof *farewell_keys, device, err);
}

enum rep_code rep_erasure_read(struct rep_json **out, const char *data, size_t len,
			       const char *device, const uint8_t device_public[REP_PUBLIC_SIZE],
			       struct rep_error *err)
{
	return read_of_device(out, data, len, "erasure", device_public, erasure_keys,
			      sizeof erasure_keys / sizeof *erasure_keys, device, err);
}

bool rep_is_farewell(const char *data, size_t len)
{
	struct rep_json *document = NULL;
	struct rep_error ignored;
	const char *end = memchr(data, '\n', len), *type;
	bool is;

	if (!end || rep_json_parse(&document, data, (size_t)(end - data), REP_LINE_SIZE_MAX,
				   REP_JSON_DEPTH_MAX, &ignored) != REP_OK)
		return false;
	type = rep_json_get_string(document, "type");
	is = type && strcmp(type, "farewell") == 0;
	rep_json_free(document);
	return is;
}

/* ---- invitation ---- */

static const struct key_of invitation_keys[] = {
	{"?ca", KIND_TEXT_OR_NULL},
	{"company", KIND_TEXT},
	{"desk", KIND_BOOL},
	{"device", KIND_TEXT},
	{"expires", KIND_TIME},
	{"format", KIND_INTEGER},
	{"host_key", KIND_TEXT_OR_NULL},
	{"hub_public", KIND_HASH},
	{"?recovery", KIND_HASH},
	{"rep", KIND_TEXT},
	{"?replicas", KIND_TEXT},
	{"?root", KIND_HASH},
	{"secret", KIND_HASH},
	{"ssh_public", KIND_TEXT_OR_NULL},
	{"ssh_secret", KIND_TEXT_OR_NULL},
	{"?token", KIND_TEXT_OR_NULL},
	{"type", KIND_TEXT},
	{"url", KIND_TEXT},
};

enum rep_code rep_invitation_read(struct rep_json **out, const char *data, size_t len,
				  struct rep_error *err)
{
	struct rep_json *document = NULL;
	const char *type;
	enum rep_code rc;

	*out = NULL;
	rc = rep_json_parse(&document, data, len, REP_TEXT_SIZE_MAX, REP_JSON_DEPTH_MAX, err);
	if (rc == REP_OK)
		rc = check_keys(document, invitation_keys,
				sizeof invitation_keys / sizeof *invitation_keys, err);
	type = rep_json_get_string(document, "type");
	if (rc == REP_OK &&
	    (strcmp(type, "invitation") != 0 || rep_json_get_integer(document, "format") != 1))
		rc = rep_fail(err, REP_EINVAL, "not an invitation of format 1");
	if (rc == REP_OK && !rep_device_valid(rep_json_get_string(document, "device")))
		rc = rep_fail(err, REP_EINVAL, "\"device\" is not a device's id");
	if (rc == REP_OK) {
		*out = document;
		document = NULL;
	}
	rep_json_free(document);
	return rep_wrap(err, rc, "invitation");
}
