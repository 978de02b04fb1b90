#include "core/model/signed.h"

#include <string.h>

#include "core/base/limits.h"

/* `"`, the signature, `"` and LF. */
#define SIGNATURE_LINE_SIZE (REP_SIGNATURE_BASE64 + 3u)
#define SIGNED_FORMAT 1

enum rep_code rep_signed_write(struct rep_buf *out, const struct rep_json *document,
			       const struct rep_key *key, struct rep_error *err)
{
	struct rep_buf line = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	char signature[REP_SIGNATURE_BASE64 + 1];
	enum rep_code rc;

	if (!rep_json_get_string(document, "type") ||
	    rep_json_get_integer(document, "format") != SIGNED_FORMAT)
		return rep_fail(err, REP_EINVAL,
				"sign document: it has no type, or another format than %d",
				SIGNED_FORMAT);
	rc = rep_json_check(document, REP_JSON_DEPTH_MAX, err);
	if (rc != REP_OK)
		goto out;
	rep_json_write(&line, document);
	rc = rep_buf_check(&line, rep_json_get_string(document, "type"), err);
	if (rc != REP_OK)
		goto out;
	rep_sign(signature, key, line.data, line.len);
	rep_buf_put(out, line.data, line.len);
	rep_buf_printf(out, "\n\"%s\"\n", signature);
	rc = rep_buf_check(out, "signed document", err);
out:
	rep_buf_clear(&line);
	return rep_wrap(err, rc, "sign document");
}

/* Takes the two lines apart: the length of line 1 without its LF, and the signature's text. */
static enum rep_code split(size_t *line_len, char signature[REP_SIGNATURE_BASE64 + 1],
			   const char *data, size_t len, struct rep_error *err)
{
	size_t reach = len > REP_LINE_SIZE_MAX + 1 ? REP_LINE_SIZE_MAX + 1 : len;
	const char *end = reach ? memchr(data, '\n', reach) : NULL;
	const char *second;

	if (!end)
		return rep_fail(err, reach < len ? REP_ELIMIT : REP_EINVAL,
				"line 1 does not end within %zu bytes", reach);
	*line_len = (size_t)(end - data);
	second = end + 1;
	if (len - *line_len - 1 != SIGNATURE_LINE_SIZE || second[0] != '"' ||
	    second[SIGNATURE_LINE_SIZE - 2] != '"' || second[SIGNATURE_LINE_SIZE - 1] != '\n')
		return rep_fail(err, REP_EINVAL, "line 1 is not followed by one signature line");
	memcpy(signature, second + 1, REP_SIGNATURE_BASE64);
	signature[REP_SIGNATURE_BASE64] = '\0';
	return REP_OK;
}

static enum rep_code check_kind(const struct rep_json *document, const char *type,
				struct rep_error *err)
{
	const char *found = rep_json_get_string(document, "type");

	if (!found || strcmp(found, type) != 0)
		return rep_fail(err, REP_EINVAL, "the type is not \"%s\"", type);
	if (rep_json_get_integer(document, "format") != SIGNED_FORMAT)
		return rep_fail(err, REP_EINVAL, "the format is not %d", SIGNED_FORMAT);
	return REP_OK;
}

enum rep_code rep_signed_read(struct rep_json **out, const char *data, size_t len, const char *type,
			      const uint8_t public[REP_PUBLIC_SIZE], struct rep_error *err)
{
	char signature[REP_SIGNATURE_BASE64 + 1];
	struct rep_json *document = NULL;
	size_t line_len = 0;
	enum rep_code rc;

	*out = NULL;
	rc = split(&line_len, signature, data, len, err);
	if (rc == REP_OK && !rep_verify(public, data, line_len, signature))
		rc = rep_fail(err, REP_EINTEGRITY, "the signature does not verify");
	if (rc == REP_OK)
		rc = rep_json_parse_canonical(&document, data, line_len, REP_JSON_DEPTH_MAX, err);
	if (rc == REP_OK)
		rc = check_kind(document, type, err);
	if (rc != REP_OK)
		goto out;
	*out = document;
	document = NULL;
out:
	rep_json_free(document);
	return rep_wrap(err, rc, "signed document \"%s\"", type);
}
