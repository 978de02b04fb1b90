/*
 * Reading a change set: bounds first, then the signature over line 1 as it stands, then line 1, then
 * the value lines one by one, each against its digest before it is parsed.
 */
#include "core/model/changeset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/changeset_check.h"

struct line {
	const char *data;
	size_t len; /* without its LF */
};

/* Takes the next line from *at on, no longer than a line may be. */
static enum rep_code next_line(struct line *out, size_t *at, const char *data, size_t len,
			       struct rep_error *err)
{
	size_t left = len - *at;
	size_t reach = left > REP_LINE_SIZE_MAX + 1 ? REP_LINE_SIZE_MAX + 1 : left;
	const char *end = reach ? memchr(data + *at, '\n', reach) : NULL;

	if (!end && left > REP_LINE_SIZE_MAX)
		return rep_fail(err, REP_ELIMIT, "a line is longer than %u bytes",
				REP_LINE_SIZE_MAX);
	if (!end)
		return rep_fail(err, REP_EINVAL, "it ends in the middle of a line, at byte %zu",
				len);
	out->data = data + *at;
	out->len = (size_t)(end - out->data);
	*at += out->len + 1;
	return REP_OK;
}

static enum rep_code check_signature(const struct line *first, const struct line *second,
				     const uint8_t *public, struct rep_error *err)
{
	char signature[REP_SIGNATURE_BASE64 + 1];

	if (second->len != REP_SIGNATURE_BASE64 + 2 || second->data[0] != '"' ||
	    second->data[second->len - 1] != '"')
		return rep_fail(err, REP_EINVAL, "line 2 is not a signature");
	if (!public)
		return REP_OK;
	memcpy(signature, second->data + 1, REP_SIGNATURE_BASE64);
	signature[REP_SIGNATURE_BASE64] = '\0';
	if (!rep_verify(public, first->data, first->len, signature))
		return rep_fail(err, REP_EINTEGRITY, "the signature does not verify");
	return REP_OK;
}

/* Exactly these keys (sorted), each of its type. */
struct shape {
	const char *key;
	enum rep_json_type type;
};

static enum rep_code check_shape(const struct rep_json *object, const struct shape *shape,
				 size_t len, struct rep_error *err)
{
	if (!rep_json_is(object, REP_JSON_OBJECT))
		return rep_fail(err, REP_EINVAL, "it is not an object");
	for (size_t i = 0; i < len; i++) {
		const struct rep_json *value = rep_json_get(object, shape[i].key);

		if (!value)
			return rep_fail(err, REP_EINVAL, "%s is missing", shape[i].key);
		if (!rep_json_is(value, shape[i].type))
			return rep_fail(err, REP_EINVAL, "%s is of a wrong type", shape[i].key);
	}
	if (rep_json_size(object) != len)
		return rep_fail(err, REP_EINVAL, "it has an unknown key");
	return REP_OK;
}

static const struct shape head_shape[] = {
	{"base", REP_JSON_OBJECT},    {"changes", REP_JSON_ARRAY}, {"device", REP_JSON_STRING},
	{"format", REP_JSON_INTEGER}, {"prev", REP_JSON_STRING},   {"rep", REP_JSON_STRING},
	{"schema", REP_JSON_STRING},  {"sealed", REP_JSON_STRING}, {"seq", REP_JSON_INTEGER},
	{"type", REP_JSON_STRING},
};
static const struct shape base_shape[] = {{"epoch", REP_JSON_INTEGER}, {"view", REP_JSON_INTEGER}};
static const struct shape change_shape[] = {
	{"digest", REP_JSON_STRING}, {"entity", REP_JSON_STRING}, {"id", REP_JSON_STRING},
	{"op", REP_JSON_STRING},     {"stamp", REP_JSON_STRING},
};

/* Copies a string of exactly `len` bytes; false when it has another length. */
static bool copy_exact(char *out, const struct rep_json *object, const char *key, size_t len)
{
	const char *text = rep_json_get_string(object, key);

	if (!text || strlen(text) != len)
		return false;
	memcpy(out, text, len + 1);
	return true;
}

static enum rep_code copy_text(char **out, const struct rep_json *object, const char *key,
			       struct rep_error *err)
{
	*out = strdup(rep_json_get_string(object, key));
	return *out ? REP_OK : rep_fail(err, REP_ENOMEM, "%s: out of memory", key);
}

static enum rep_code read_change(struct rep_change *out, const struct rep_json *object,
				 const char *device, struct rep_error *err)
{
	uint8_t digest[REP_HASH_SIZE];
	enum rep_code rc =
		check_shape(object, change_shape, sizeof change_shape / sizeof *change_shape, err);

	if (rc != REP_OK)
		return rc;
	if (!rep_op_parse(&out->op, rep_json_get_string(object, "op")))
		return rep_fail(err, REP_EINVAL, "op is unknown");
	if (!copy_exact(out->digest, object, "digest", REP_HASH_HEX) ||
	    !rep_unhex(digest, out->digest, sizeof digest))
		return rep_fail(err, REP_EINVAL, "digest is not 64 lower-case hex digits");
	if (!copy_exact(out->stamp.text, object, "stamp", REP_STAMP_LEN))
		return rep_fail(err, REP_EINVAL, "stamp is not a stamp");
	rc = copy_text(&out->entity, object, "entity", err);
	if (rc == REP_OK)
		rc = copy_text(&out->id, object, "id", err);
	if (rc == REP_OK)
		rc = rep_changeset_check_change(out, device, err);
	return rc;
}

static enum rep_code read_changes(struct rep_changeset *out, const struct rep_json *changes,
				  struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	out->changes = calloc(out->changes_len, sizeof *out->changes);
	if (!out->changes)
		return rep_fail(err, REP_ENOMEM, "changes: out of memory");
	for (size_t i = 0; i < out->changes_len && rc == REP_OK; i++) {
		rc = read_change(&out->changes[i], rep_json_at(changes, i), out->device, err);
		rc = rep_wrap(err, rc, "change %zu", i);
	}
	return rc;
}

static enum rep_code check_kind(const struct rep_json *skeleton, struct rep_error *err)
{
	if (strcmp(rep_json_get_string(skeleton, "type"), "change-set") != 0)
		return rep_fail(err, REP_EINVAL, "the type is not \"change-set\"");
	if (rep_json_get_integer(skeleton, "format") != 1)
		return rep_fail(err, REP_EINVAL, "the format is not 1");
	return REP_OK;
}

static enum rep_code read_head(struct rep_changeset *out, const struct rep_json *skeleton,
			       struct rep_error *err)
{
	const struct rep_json *base = rep_json_get(skeleton, "base");
	enum rep_code rc =
		check_shape(skeleton, head_shape, sizeof head_shape / sizeof *head_shape, err);

	if (rc == REP_OK)
		rc = check_kind(skeleton, err);
	if (rc == REP_OK)
		rc = rep_wrap(err, check_shape(base, base_shape, 2, err), "base");
	if (rc != REP_OK)
		return rc;
	/* What does not fit stays empty and is refused by rep_changeset_check_head. */
	(void)copy_exact(out->device, skeleton, "device", REP_DEVICE_LEN);
	(void)copy_exact(out->prev, skeleton, "prev", REP_HASH_HEX);
	(void)copy_exact(out->sealed, skeleton, "sealed", REP_TIME_LEN);
	out->seq = rep_json_get_integer(skeleton, "seq");
	out->base_epoch = rep_json_get_integer(base, "epoch");
	out->base_view = rep_json_get_integer(base, "view");
	out->changes_len = rep_json_size(rep_json_get(skeleton, "changes"));
	rc = copy_text(&out->rep, skeleton, "rep", err);
	if (rc == REP_OK)
		rc = copy_text(&out->schema, skeleton, "schema", err);
	if (rc == REP_OK)
		rc = rep_changeset_check_head(out, err);
	return rc;
}

static enum rep_code read_skeleton(struct rep_changeset *out, const struct line *line,
				   struct rep_error *err)
{
	struct rep_json *skeleton;
	enum rep_code rc =
		rep_json_parse_canonical(&skeleton, line->data, line->len, REP_JSON_DEPTH_MAX, err);

	if (rc == REP_OK)
		rc = read_head(out, skeleton, err);
	if (rc == REP_OK)
		rc = read_changes(out, rep_json_get(skeleton, "changes"), err);
	if (rc == REP_OK)
		rep_sha256_hex(out->hash, line->data, line->len);
	rep_json_free(skeleton);
	return rep_wrap(err, rc, "line 1");
}

static enum rep_code read_line(struct rep_change *change, const struct line *line,
			       struct rep_error *err)
{
	char digest[REP_HASH_HEX + 1];
	enum rep_code rc;

	rep_sha256_hex(digest, line->data, line->len);
	if (line->len == 4 && memcmp(line->data, "null", 4) == 0) {
		/* Signed as null it would look erased without anyone having erased it. */
		if (strcmp(digest, change->digest) == 0)
			return rep_fail(err, REP_EINVAL, "it was signed without a value line");
		return REP_OK;
	}
	if (strcmp(digest, change->digest) != 0)
		return rep_fail(err, REP_EINTEGRITY, "its value line does not have its digest");
	rc = rep_json_parse_canonical(&change->line, line->data, line->len, REP_JSON_DEPTH_MAX,
				      err);
	if (rc == REP_OK)
		rc = rep_changeset_check_line(change->op, change->line, err);
	return rc;
}

static enum rep_code read_lines(struct rep_changeset *out, size_t *at, const char *data, size_t len,
				struct rep_error *err)
{
	struct line line;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; i < out->changes_len && rc == REP_OK; i++) {
		rc = next_line(&line, at, data, len, err);
		if (rc == REP_OK)
			rc = read_line(&out->changes[i], &line, err);
		rc = rep_wrap(err, rc, "change %zu", i);
	}
	return rc;
}

enum rep_code rep_changeset_read(struct rep_changeset *out, size_t *used, const char *data,
				 size_t len, const uint8_t *public, struct rep_error *err)
{
	struct line first, second;
	enum rep_code rc;
	size_t at = 0;

	*out = (struct rep_changeset){0};
	*used = 0;
	/* No writer makes more, and no other reader takes more, so nothing is looked for beyond. */
	if (len > REP_SEGMENT_HARD_MAX)
		len = REP_SEGMENT_HARD_MAX;
	rc = next_line(&first, &at, data, len, err);
	if (rc == REP_OK)
		rc = next_line(&second, &at, data, len, err);
	if (rc == REP_OK)
		rc = check_signature(&first, &second, public, err);
	if (rc == REP_OK)
		rc = read_skeleton(out, &first, err);
	if (rc == REP_OK)
		rc = read_lines(out, &at, data, len, err);
	if (rc == REP_OK) {
		out->bytes = data;
		out->size_bytes = at;
		*used = at;
	}
	return rep_wrap(err, rc, "change set");
}
