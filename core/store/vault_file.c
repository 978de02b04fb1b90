/*
 * The vault as it lies on disk: two copies of 32 KiB,
 *
 *	repsync vault 1\n<canonical JSON>\n<SHA-256 of all before, hex>\n, then zeros
 *
 * The copies are written one after the other, each synced, so that one of them is whole at any time. The SHA-256 tells a torn copy
 * from a whole one and nothing else; what the vault says is vouched for by the mac inside, under the root key.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/store/vault_work.h"
#include "core/store/vfs.h"

#define COPIES 2u
#define COPY_SIZE (REP_VFS_HEAD_SIZE / COPIES)
#define DEPTH 3u

static const char magic[] = "repsync vault 1\n";
#define MAGIC_LEN (sizeof magic - 1)

/* ---- out ---- */

static struct rep_json *base64(const void *data, size_t len)
{
	char *text = malloc(4 * ((len + 2) / 3) + 1);
	struct rep_json *value = NULL;

	if (text) {
		rep_base64(text, data, len);
		value = rep_json_string(text);
	}
	free(text);
	return value;
}

static struct rep_json *hex(const void *data, size_t len)
{
	char text[2 * REP_CIPHER_KEY + 1];

	rep_hex(text, data, len);
	return rep_json_string(text);
}

static struct rep_json *moment(int64_t ms)
{
	char text[REP_TIME_LEN + 1];

	if (ms == 0)
		return rep_json_null();
	rep_time_format(text, ms);
	return rep_json_string(text);
}

static struct rep_json *kdf_json(const struct rep_vault *vault)
{
	struct rep_json *kdf = rep_json_object();

	rep_json_set_integer(kdf, "memory_kib", vault->kdf.memory_kib);
	rep_json_set_integer(kdf, "passes", vault->kdf.passes);
	rep_json_set(kdf, "salt", hex(vault->kdf_salt, sizeof vault->kdf_salt));
	return kdf;
}

static struct rep_json *lease_json(const struct rep_vault *vault)
{
	struct rep_json *lease = rep_json_object();

	rep_json_set(lease, "end", moment(vault->lease.end_ms));
	rep_json_set(lease, "erase", moment(vault->lease.erase_ms));
	rep_json_set(lease, "key",
		     vault->lease_key_there ? base64(vault->lease_key, SLOT) : rep_json_null());
	rep_json_set(lease, "seen", moment(vault->lease.seen_ms));
	if (vault->lease.start_ms)
		rep_json_set(lease, "start", moment(vault->lease.start_ms));
	return lease;
}

static struct rep_json *recovery_json(const struct rep_vault *vault)
{
	struct rep_json *recovery;

	if (!vault->recovery_there)
		return rep_json_null();
	recovery = rep_json_object();
	rep_json_set(recovery, "box", base64(vault->recovery, RECOVERY));
	rep_json_set(recovery, "public", hex(vault->recovery_public, REP_CIPHER_KEY));
	return recovery;
}

enum rep_code rep_vault_text(const struct rep_vault *vault, const char *mac, struct rep_buf *out,
			     struct rep_error *err)
{
	struct rep_json *doc = rep_json_object();
	enum rep_code rc;

	rep_json_set(doc, "contact", base64(vault->contact.data, vault->contact.len));
	rep_json_set(doc, "data", base64(vault->data, SLOT));
	rep_json_set_string(doc, "device", vault->device);
	rep_json_set_integer(doc, "format", 1);
	rep_json_set_integer(doc, "generation", vault->generation);
	rep_json_set(doc, "kdf", kdf_json(vault));
	rep_json_set(doc, "lease", lease_json(vault));
	rep_json_set_string(doc, "mac", mac);
	rep_json_set(doc, "passphrase", base64(vault->passphrase, SLOT));
	rep_json_set(doc, "recovery", recovery_json(vault));
	rep_json_set(doc, "salt", hex(vault->salt, REP_CIPHER_SALT));
	rep_json_set_string(doc, "type", "vault");
	/* A member that could not be made is missing. */
	if (rep_json_size(doc) != 12)
		rc = rep_vault_no_memory(err);
	else
		rc = rep_json_check(doc, DEPTH, err);
	if (rc == REP_OK) {
		rep_json_write(out, doc);
		rc = rep_buf_check(out, "vault", err);
	}
	rep_json_free(doc);
	return rc;
}

void rep_vault_mac(const struct rep_vault *vault, const struct rep_buf *text,
		   uint8_t out[REP_CIPHER_KEY])
{
	const struct rep_derive_part parts[] = {{vault->keys->root, REP_CIPHER_KEY},
						{text->data, text->len}};

	rep_derive(out, "repsync vault mac", parts, 2);
}

/* One copy, padded, from the text of a document. */
static enum rep_code write_copies(const char *path, const struct rep_buf *text,
				  struct rep_error *err)
{
	struct rep_buf copy = REP_BUF_INIT(COPY_SIZE);
	char sum[REP_HASH_HEX + 1];
	enum rep_code rc;

	rep_buf_put(&copy, magic, MAGIC_LEN);
	rep_buf_put(&copy, text->data, text->len);
	rep_buf_putc(&copy, '\n');
	rep_sha256_hex(sum, copy.data, copy.len);
	rep_buf_puts(&copy, sum);
	rep_buf_putc(&copy, '\n');
	while (!copy.failed && copy.len < COPY_SIZE)
		rep_buf_putc(&copy, '\0');
	rc = rep_buf_check(&copy, "vault", err);
	for (size_t i = 0; rc == REP_OK && i < COPIES; i++)
		rc = rep_vfs_head_write(path, i * COPY_SIZE, copy.data, COPY_SIZE, err);
	rep_buf_clear(&copy);
	return rc;
}

enum rep_code rep_vault_store(struct rep_vault *vault, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(COPY_SIZE);
	char mac[2 * REP_CIPHER_KEY + 1];
	enum rep_code rc = rep_vault_text(vault, "", &text, err);

	if (rc == REP_OK) {
		rep_vault_mac(vault, &text, vault->mac);
		rep_hex(mac, vault->mac, REP_CIPHER_KEY);
		rep_buf_reset(&text);
		rc = rep_vault_text(vault, mac, &text, err);
	}
	if (rc == REP_OK)
		rc = write_copies(vault->path, &text, err);
	rep_buf_clear(&text);
	return rep_wrap(err, rc, "write vault");
}

enum rep_code rep_vault_store_notice(const char *path, const char *device, const char *secret,
				     const char *reason, int64_t now_ms, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(COPY_SIZE / 2);
	struct rep_json *doc = rep_json_object();
	enum rep_code rc;

	rep_json_set_string(doc, "device", device);
	rep_json_set(doc, "erased", moment(now_ms));
	rep_json_set_integer(doc, "format", 1);
	rep_json_set_string(doc, "reason", reason);
	if (*secret)
		rep_json_set_string(doc, "secret", secret);
	rep_json_set_string(doc, "type", "erased");
	rep_json_write(&text, doc);
	rc = rep_json_size(doc) == (*secret ? 6u : 5u) ? rep_buf_check(&text, "notice", err)
						       : rep_vault_no_memory(err);
	if (rc == REP_OK)
		rc = write_copies(path, &text, err);
	rep_json_free(doc);
	rep_buf_clear(&text);
	return rc;
}

/* ---- in ---- */

/* The JSON of a copy; NULL when the copy is not whole. */
static struct rep_json *read_copy(const char *copy)
{
	const size_t tail = 1 + REP_HASH_HEX + 1;
	const char *end = memchr(copy + MAGIC_LEN, '\0', COPY_SIZE - MAGIC_LEN);
	size_t len = end ? (size_t)(end - copy) : 0;
	char sum[REP_HASH_HEX + 1];
	struct rep_json *doc = NULL;
	struct rep_error ignored;

	if (memcmp(copy, magic, MAGIC_LEN) != 0 || len < MAGIC_LEN + tail)
		return NULL;
	for (size_t i = len; i < COPY_SIZE; i++)
		if (copy[i])
			return NULL;
	rep_sha256_hex(sum, copy, len - REP_HASH_HEX - 1);
	if (copy[len - 1] != '\n' || memcmp(copy + len - 1 - REP_HASH_HEX, sum, REP_HASH_HEX) != 0)
		return NULL;
	if (rep_json_parse_canonical(&doc, copy + MAGIC_LEN, len - MAGIC_LEN - tail, DEPTH,
				     &ignored) != REP_OK)
		return NULL;
	return doc;
}

static bool get_base64(const struct rep_json *doc, const char *key, uint8_t *out, size_t len)
{
	const char *text = rep_json_get_string(doc, key);

	return text && rep_unbase64(out, len, text);
}

static bool get_hex(const struct rep_json *doc, const char *key, uint8_t *out, size_t len)
{
	const char *text = rep_json_get_string(doc, key);

	return text && strlen(text) == 2 * len && rep_unhex(out, text, len);
}

static bool get_moment(const struct rep_json *doc, const char *key, int64_t *ms)
{
	const struct rep_json *value = rep_json_get(doc, key);
	const char *text = rep_json_string_value(value);

	*ms = 0;
	return text ? rep_time_parse(ms, text) : value && rep_json_is(value, REP_JSON_NULL);
}

static bool get_contact(const struct rep_json *doc, struct rep_buf *out)
{
	const char *text = rep_json_get_string(doc, "contact");
	size_t len = text ? strlen(text) : 0;
	uint8_t *bytes;
	bool fine;

	if (len < 4 || len % 4 || len > 2 * CONTACT_SIZE_MAX)
		return false;
	len = len / 4 * 3 - (text[len - 1] == '=') - (text[len - 2] == '=');
	bytes = malloc(len);
	fine = bytes && len >= REP_CIPHER_EXTRA && rep_unbase64(bytes, len, text);
	if (fine)
		rep_buf_put(out, bytes, len);
	free(bytes);
	return fine && !out->failed;
}

static bool get_lease(const struct rep_json *doc, struct rep_vault *vault)
{
	const struct rep_json *lease = rep_json_get(doc, "lease");

	const bool has_start = rep_json_get(lease, "start") != NULL;

	vault->lease_key_there = rep_json_get_string(lease, "key") != NULL;
	if (has_start &&
	    (!get_moment(lease, "start", &vault->lease.start_ms) || !vault->lease.start_ms))
		return false;
	return rep_json_size(lease) == (has_start ? 5u : 4u) &&
	       get_moment(lease, "end", &vault->lease.end_ms) &&
	       get_moment(lease, "erase", &vault->lease.erase_ms) &&
	       get_moment(lease, "seen", &vault->lease.seen_ms) &&
	       (get_base64(lease, "key", vault->lease_key, SLOT) ||
		rep_json_is(rep_json_get(lease, "key"), REP_JSON_NULL));
}

static bool get_recovery(const struct rep_json *doc, struct rep_vault *vault)
{
	const struct rep_json *recovery = rep_json_get(doc, "recovery");

	vault->recovery_there = rep_json_is(recovery, REP_JSON_OBJECT);
	if (!vault->recovery_there)
		return recovery && rep_json_is(recovery, REP_JSON_NULL);
	return rep_json_size(recovery) == 2 &&
	       get_base64(recovery, "box", vault->recovery, RECOVERY) &&
	       get_hex(recovery, "public", vault->recovery_public, REP_CIPHER_KEY);
}

static bool get_kdf(const struct rep_json *doc, struct rep_vault *vault)
{
	const struct rep_json *kdf = rep_json_get(doc, "kdf");

	vault->kdf = (struct rep_kdf){.passes = rep_json_get_integer(kdf, "passes"),
				      .memory_kib = rep_json_get_integer(kdf, "memory_kib")};
	return rep_json_size(kdf) == 3 && rep_kdf_valid(&vault->kdf) &&
	       get_hex(kdf, "salt", vault->kdf_salt, REP_CIPHER_SALT);
}

static bool get_all(const struct rep_json *doc, struct rep_vault *vault)
{
	const char *device = rep_json_get_string(doc, "device");

	if (!device || strlen(device) != REP_DEVICE_LEN || rep_json_size(doc) != 12)
		return false;
	memcpy(vault->device, device, REP_DEVICE_LEN + 1);
	vault->generation = rep_json_get_integer(doc, "generation");
	return vault->generation > 0 && get_hex(doc, "salt", vault->salt, REP_CIPHER_SALT) &&
	       get_hex(doc, "mac", vault->mac, REP_CIPHER_KEY) && get_kdf(doc, vault) &&
	       get_base64(doc, "passphrase", vault->passphrase, SLOT) &&
	       get_base64(doc, "data", vault->data, SLOT) && get_lease(doc, vault) &&
	       get_recovery(doc, vault) && get_contact(doc, &vault->contact);
}

static enum rep_code take_notice(const struct rep_json *doc, struct rep_vault *vault,
				 struct rep_error *err)
{
	const char *device = rep_json_get_string(doc, "device");
	const char *secret = rep_json_get_string(doc, "secret");
	const char *erased = rep_json_get_string(doc, "erased");
	const char *reason = rep_json_get_string(doc, "reason");

	vault->erased = true;
	if (device && rep_device_valid(device) && secret && strlen(secret) == REP_HASH_HEX) {
		memcpy(vault->device, device, REP_DEVICE_LEN + 1);
		memcpy(vault->erased_secret, secret, REP_HASH_HEX + 1);
	}
	return rep_fail(err, REP_EREFUSED, "this replica was erased on %.10s: %s",
			erased ? erased : "?", reason ? reason : "?");
}

static enum rep_code take_document(const struct rep_json *doc, struct rep_vault *vault,
				   struct rep_error *err)
{
	const char *type = rep_json_get_string(doc, "type");

	if (rep_json_get_integer(doc, "format") != 1)
		return rep_fail(err, REP_EINVAL, "vault of unknown format %lld",
				(long long)rep_json_get_integer(doc, "format"));
	if (type && strcmp(type, "erased") == 0)
		return take_notice(doc, vault, err);
	if (!type || strcmp(type, "vault") != 0 || !get_all(doc, vault))
		return rep_fail(err, REP_EINTEGRITY, "the vault is not what a vault must be");
	return REP_OK;
}

enum rep_code rep_vault_load(struct rep_vault *vault, bool *found, struct rep_error *err)
{
	struct rep_json *docs[COPIES] = {NULL};
	const struct rep_json *best = NULL;
	enum rep_code rc;
	char *head;
	size_t len;

	vault->contact = REP_BUF_INIT(CONTACT_SIZE_MAX);
	rc = rep_vfs_head_bears(vault->path, magic, MAGIC_LEN, COPY_SIZE, found, err);
	if (rc != REP_OK || !*found)
		return rc;
	head = malloc(REP_VFS_HEAD_SIZE);
	if (!head)
		return rep_vault_no_memory(err);
	rc = rep_vfs_head_read(vault->path, head, &len, err);
	for (size_t i = 0; rc == REP_OK && i < COPIES; i++) {
		docs[i] = read_copy(head + i * COPY_SIZE);
		if (docs[i] && (!best || rep_json_get_integer(docs[i], "generation") >
						 rep_json_get_integer(best, "generation")))
			best = docs[i];
	}
	if (rc == REP_OK && !best)
		rc = rep_fail(err, REP_EINTEGRITY, "both copies of the vault are damaged");
	if (rc == REP_OK && best)
		rc = take_document(best, vault, err);
	vault->one_copy = best && !rep_json_equal(docs[0], docs[1]);
	for (size_t i = 0; i < COPIES; i++)
		rep_json_free(docs[i]);
	free(head);
	return rc;
}

void rep_vault_clear(struct rep_vault *vault)
{
	rep_buf_clear(&vault->contact);
	rep_secret_free(vault->keys);
	free(vault->path);
	free(vault->keys_dir);
	rep_wipe(vault, sizeof *vault);
}
