#include "sync/device/bundle_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/model/cipher.h"
#include "core/model/signed.h"
#include "sync/git/zip.h"

#define MAGIC "repsync bundle 1 "
#define HEAD_MAX 160u
#define BOX_SIZE (REP_CIPHER_KEY + REP_BOX_EXTRA)
#define OBJECT_HEAD 9u

void rep_bundle_clear(struct rep_bundle *bundle)
{
	rep_buf_clear(&bundle->file);
	rep_buf_clear(&bundle->objects);
	*bundle = (struct rep_bundle){0};
}

/* ---- the first line ---- */

static void write_head(struct rep_buf *out, const struct rep_bundle *bundle)
{
	char hex[2 * REP_PUBLIC_SIZE + 1];

	rep_hex(hex, bundle->signer, sizeof bundle->signer);
	rep_buf_printf(out, MAGIC "%s %s %s\n", bundle->inbox ? "inbox" : "outbox", bundle->device,
		       hex);
}

/* What writing what was read does not give is no first line. */
static bool read_head(struct rep_bundle *out, const char *data, size_t len, size_t *used)
{
	const char *end = memchr(data, '\n', len < HEAD_MAX ? len : HEAD_MAX);
	struct rep_buf again = REP_BUF_INIT(HEAD_MAX + 1);
	char line[HEAD_MAX + 1], kind[8], hex[2 * REP_PUBLIC_SIZE + 1];
	bool same;

	*used = end ? (size_t)(end - data) + 1 : 0;
	if (!end)
		return false;
	memcpy(line, data, *used);
	line[*used] = '\0';
	if (sscanf(line, MAGIC "%7s %8s %64s", kind, out->device, hex) != 3 ||
	    !rep_device_valid(out->device) || strlen(hex) != 2 * REP_PUBLIC_SIZE ||
	    !rep_unhex(out->signer, hex, REP_PUBLIC_SIZE))
		return false;
	out->inbox = strcmp(kind, "inbox") == 0;
	write_head(&again, out);
	same = strcmp(rep_buf_str(&again), line) == 0;
	rep_buf_clear(&again);
	return same;
}

/* ---- the document ---- */

static enum rep_code write_document(struct rep_buf *out, const struct rep_bundle *bundle,
				    const struct rep_buf *objects, const struct rep_key *signer,
				    struct rep_error *err)
{
	struct rep_json *document = rep_json_object();
	char hash[REP_HASH_HEX + 1], tip[REP_OID_HEX + 1], base[REP_OID_HEX + 1] = "";
	bool ok;
	enum rep_code rc;

	rep_sha256_hex(hash, objects->data, objects->len);
	rep_oid_hex(tip, &bundle->tip);
	if (!rep_oid_is_zero(&bundle->base))
		rep_oid_hex(base, &bundle->base);
	ok = rep_json_set_string(document, "type", "bundle") &&
	     rep_json_set_integer(document, "format", 1) &&
	     rep_json_set_string(document, "branch", bundle->inbox ? "inbox" : "outbox") &&
	     rep_json_set_string(document, "device", bundle->device) &&
	     rep_json_set_string(document, "tip", tip) &&
	     rep_json_set_string(document, "base", base) &&
	     rep_json_set_string(document, "hash", hash) &&
	     rep_json_set_string(document, "made", bundle->made);
	rc = ok ? rep_signed_write(out, document, signer, err)
		: rep_fail(err, REP_ENOMEM, "out of memory");
	rep_json_free(document);
	return rc;
}

static enum rep_code read_document(struct rep_bundle *out, const char *data, size_t len,
				   struct rep_error *err)
{
	struct rep_json *document = NULL;
	const char *tip, *base, *device, *branch, *made;
	char hash[REP_HASH_HEX + 1];
	enum rep_code rc = rep_signed_read(&document, data, len, "bundle", out->signer, err);

	if (rc == REP_EINVAL)
		rc = err->code = REP_EINTEGRITY;
	if (rc)
		return rc;
	tip = rep_json_get_string(document, "tip");
	base = rep_json_get_string(document, "base");
	device = rep_json_get_string(document, "device");
	branch = rep_json_get_string(document, "branch");
	made = rep_json_get_string(document, "made");
	rep_sha256_hex(hash, rep_buf_str(&out->objects), out->objects.len);
	if (rep_json_size(document) != 8 || !tip || !base || !device || !branch || !made ||
	    strcmp(device, out->device) != 0 ||
	    strcmp(branch, out->inbox ? "inbox" : "outbox") != 0 ||
	    !rep_oid_parse(&out->tip, tip) || (*base && !rep_oid_parse(&out->base, base)) ||
	    strlen(made) != REP_TIME_LEN)
		rc = rep_fail(err, REP_EINTEGRITY, "its document is not one of a bundle");
	else if (strcmp(rep_json_get_string(document, "hash")
				? rep_json_get_string(document, "hash")
				: "",
			hash) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "its objects are not those that were signed");
	else
		memcpy(out->made, made, sizeof out->made);
	rep_json_free(document);
	return rc;
}

/* ---- objects ---- */

static const char letters[] = {
	[REP_OBJECT_COMMIT] = 'c', [REP_OBJECT_TREE] = 't', [REP_OBJECT_BLOB] = 'b'};

static void put32(uint8_t *out, size_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

static size_t get32(const uint8_t *data)
{
	return (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16 |
	       (size_t)data[3] << 24;
}

struct writing {
	struct rep_git *git;
	struct rep_zip *zip;
	struct rep_buf *out;
	struct rep_buf object;
};

static enum rep_code put_object(void *user, const struct rep_oid *oid, struct rep_error *err)
{
	struct writing *writing = user;
	uint8_t head[OBJECT_HEAD];
	const uint8_t *deflated;
	enum rep_object type;
	size_t size, len;
	enum rep_code rc = rep_git_header(writing->git, oid, &type, &size, err);

	rep_buf_reset(&writing->object);
	if (!rc)
		rc = rep_git_read(writing->git, oid, type, &writing->object, err);
	if (!rc)
		rc = rep_zip_deflate(writing->zip, rep_buf_str(&writing->object),
				     writing->object.len, &deflated, &len, err);
	if (rc)
		return rc;
	head[0] = (uint8_t)letters[type];
	put32(head + 1, writing->object.len);
	put32(head + 5, len);
	rep_buf_put(writing->out, head, sizeof head);
	rep_buf_put(writing->out, deflated, len);
	return writing->out->failed
		       ? rep_fail(err, REP_ELIMIT, "more than %u bytes", REP_BUNDLE_SIZE_MAX)
		       : REP_OK;
}

static enum rep_code put_objects(struct rep_buf *out, struct rep_git *git, struct rep_error *err)
{
	struct writing writing = {
		.git = git, .out = out, .object = REP_BUF_INIT(REP_BUNDLE_SIZE_MAX)};
	enum rep_code rc = rep_zip_new(&writing.zip, err);

	if (!rc)
		rc = rep_git_each(git, put_object, &writing, err);
	rep_buf_clear(&writing.object);
	rep_zip_free(writing.zip);
	return rc;
}

static bool is_type(uint8_t letter, enum rep_object *type)
{
	for (size_t i = 0; i < sizeof letters; i++)
		if ((uint8_t)letters[i] == letter) {
			*type = (enum rep_object)i;
			return true;
		}
	return false;
}

enum rep_code rep_bundle_unpack(const struct rep_bundle *bundle, struct rep_pack *pack,
				size_t object_max, struct rep_error *err)
{
	const uint8_t *at = (const uint8_t *)rep_buf_str(&bundle->objects);
	const uint8_t *end = at + bundle->objects.len;
	struct rep_buf object = REP_BUF_INIT(object_max);
	struct rep_zip *zip = NULL;
	enum rep_code rc = rep_zip_new(&zip, err);

	while (!rc && at < end) {
		enum rep_object type = REP_OBJECT_BLOB;
		struct rep_oid oid;
		size_t size, len, used;

		if ((size_t)(end - at) < OBJECT_HEAD || !is_type(at[0], &type) ||
		    (size = get32(at + 1)) > object_max ||
		    (len = get32(at + 5)) > (size_t)(end - at) - OBJECT_HEAD) {
			rc = rep_fail(err, REP_EINTEGRITY, "an object of it is malformed");
			break;
		}
		rep_buf_reset(&object);
		rc = rep_zip_inflate(zip, at + OBJECT_HEAD, len, size, &object, &used, err);
		if (!rc && used != len)
			rc = rep_fail(err, REP_EINTEGRITY, "an object of it has trailing bytes");
		if (!rc)
			rc = rep_pack_add(pack, type, rep_buf_str(&object), object.len, &oid, err);
		at += OBJECT_HEAD + len;
	}
	rep_zip_free(zip);
	rep_buf_clear(&object);
	return rc;
}

/* ---- the file ---- */

static enum rep_code seal(struct rep_buf *file, const struct rep_buf *plain, size_t head_len,
			  const uint8_t receiver[REP_PUBLIC_SIZE], struct rep_error *err)
{
	uint8_t *key = rep_secret_new(REP_CIPHER_KEY);
	uint8_t box[BOX_SIZE], extra[REP_CIPHER_EXTRA], public[REP_CIPHER_KEY];
	char head[HEAD_MAX];
	struct rep_cipher cipher = {.key = key, .bound = head, .bound_len = head_len};
	struct rep_nonce nonce;
	char *sealed = malloc(plain->len + 1);
	enum rep_code rc = REP_OK;

	if (!key || !sealed)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	else if (!rep_box_public_of(public, receiver))
		rc = rep_fail(err, REP_EINVAL, "the receiver's key is none");
	if (rc)
		goto out;
	memcpy(head, file->data, head_len);
	rep_random(key, REP_CIPHER_KEY);
	rep_nonce_init(&nonce);
	rep_cipher_seal(&cipher, &nonce, sealed, plain->data, plain->len, extra);
	if (!rep_box_seal(box, key, REP_CIPHER_KEY, public))
		rc = rep_fail(err, REP_EINVAL, "the receiver's key is none");
	rep_buf_put(file, box, sizeof box);
	rep_buf_put(file, extra, sizeof extra);
	rep_buf_put(file, sealed, plain->len);
out:
	free(sealed);
	rep_secret_free(key);
	return rc;
}

enum rep_code rep_bundle_write(const char *path, const struct rep_bundle *bundle,
			       struct rep_git *objects, const struct rep_key *signer,
			       const uint8_t receiver[REP_PUBLIC_SIZE], size_t *size,
			       struct rep_error *err)
{
	struct rep_buf file = REP_BUF_INIT(REP_BUNDLE_SIZE_MAX), body = file, plain = file;
	size_t head_len;
	enum rep_code rc = put_objects(&body, objects, err);

	write_head(&file, bundle);
	head_len = file.len;
	if (!rc)
		rc = write_document(&plain, bundle, &body, signer, err);
	rep_buf_put(&plain, rep_buf_str(&body), body.len);
	if (!rc)
		rc = rep_buf_check(&plain, "a bundle", err);
	if (!rc)
		rc = seal(&file, &plain, head_len, receiver, err);
	if (!rc)
		rc = rep_buf_check(&file, "a bundle", err);
	if (!rc)
		rc = rep_file_write(path, file.data, file.len, 0600, err);
	if (size)
		*size = file.len;
	rep_buf_clear(&body);
	rep_buf_clear(&plain);
	rep_buf_clear(&file);
	return rep_wrap(err, rc, "write bundle %s", path);
}

enum rep_code rep_bundle_read(struct rep_bundle *out, const char *path, struct rep_error *err)
{
	size_t head_len;
	enum rep_code rc;

	*out = (struct rep_bundle){.file = REP_BUF_INIT(REP_BUNDLE_SIZE_MAX),
				   .objects = REP_BUF_INIT(REP_BUNDLE_SIZE_MAX)};
	rc = rep_file_read(&out->file, path, err);
	if (!rc && !read_head(out, rep_buf_str(&out->file), out->file.len, &head_len))
		rc = rep_fail(err, REP_EINVAL, "not a bundle of repsync");
	return rc;
}

/* Opens what lies behind the first line, in its place. */
static enum rep_code open_sealed(struct rep_buf *file, size_t head_len,
				 const struct rep_key *receiver, char **plain, size_t *len,
				 struct rep_error *err)
{
	uint8_t *secrets = rep_secret_new(2 * REP_CIPHER_KEY);
	const uint8_t *box = (const uint8_t *)file->data + head_len;
	struct rep_cipher cipher = {.key = secrets, .bound = file->data, .bound_len = head_len};
	enum rep_code rc = REP_OK;

	if (!secrets)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	if (file->len < head_len + BOX_SIZE + REP_CIPHER_EXTRA) {
		rc = rep_fail(err, REP_EINTEGRITY, "cut short");
		goto out;
	}
	*plain = file->data + head_len + BOX_SIZE + REP_CIPHER_EXTRA;
	*len = file->len - head_len - BOX_SIZE - REP_CIPHER_EXTRA;
	rep_box_secret_of(secrets + REP_CIPHER_KEY, receiver);
	if (!rep_box_open(secrets, box, BOX_SIZE, secrets + REP_CIPHER_KEY))
		rc = rep_fail(err, REP_EREFUSED, "it is sealed to somebody else, or damaged");
	else if (!rep_cipher_open(&cipher, *plain, *plain, *len, box + BOX_SIZE))
		rc = rep_fail(err, REP_EINTEGRITY, "damaged, or cut short: copy it again");
out:
	rep_secret_free(secrets);
	return rc;
}

enum rep_code rep_bundle_open(struct rep_bundle *bundle, const struct rep_key *receiver,
			      struct rep_error *err)
{
	const char *head_end = memchr(bundle->file.data, '\n', bundle->file.len), *line;
	size_t len = 0, document;
	char *plain = NULL;
	enum rep_code rc = open_sealed(&bundle->file, (size_t)(head_end + 1 - bundle->file.data),
				       receiver, &plain, &len, err);

	if (rc)
		return rc;
	/* The document is two lines. */
	line = memchr(plain, '\n', len < REP_LINE_SIZE_MAX ? len : REP_LINE_SIZE_MAX);
	line = line ? memchr(line + 1, '\n', (size_t)(plain + len - line - 1)) : NULL;
	document = line ? (size_t)(line - plain) + 1 : len;
	rep_buf_put(&bundle->objects, plain + document, len - document);
	rc = rep_buf_check(&bundle->objects, "a bundle", err);
	if (!rc)
		rc = read_document(bundle, plain, document, err);
	rep_buf_clear(&bundle->file);
	return rc;
}
