#include "help_changeset.h"

#include "help.h"

const struct rep_key *craft_key(void)
{
	static struct rep_key key;
	struct rep_error err;
	uint8_t seed[32];

	expect_ok(rep_key_init(&err), &err);
	for (unsigned i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)(i + 1);
	rep_key_from_seed(&key, seed);
	return &key;
}

struct rep_json *craft_skeleton(const char *op, const char *line)
{
	static const char *const text =
		"{\"base\":{\"epoch\":1,\"view\":37},\"changes\":[{\"entity\":\"contact\","
		"\"id\":\"" CRAFT_ID "\",\"stamp\":\"" CRAFT_STAMP "\"}],"
		"\"device\":\"" CRAFT_DEVICE "\",\"format\":1,\"rep\":\"r017\","
		"\"schema\":\"pharma/1\",\"sealed\":\"2026-11-21T02:15:00.000Z\",\"seq\":1,"
		"\"type\":\"change-set\"}";
	struct rep_json *skeleton, *change;
	struct rep_error err;
	char digest[REP_HASH_HEX + 1];

	expect_ok(rep_json_parse(&skeleton, text, strlen(text), 10000, 8, &err), &err);
	change = rep_json_at(rep_json_get(skeleton, "changes"), 0);
	rep_sha256_hex(digest, line, strlen(line));
	assert_true(rep_json_set_string(change, "digest", digest));
	assert_true(rep_json_set_string(change, "op", op));
	assert_true(rep_json_set_string(skeleton, "prev", rep_changeset_no_prev));
	return skeleton;
}

void craft_bytes(struct rep_buf *out, const char *line1, const char *const *lines, size_t lines_len)
{
	char signature[REP_SIGNATURE_BASE64 + 1];

	rep_sign(signature, craft_key(), line1, strlen(line1));
	rep_buf_printf(out, "%s\n\"%s\"\n", line1, signature);
	for (size_t i = 0; i < lines_len; i++)
		rep_buf_printf(out, "%s\n", lines[i]);
	assert_int_equal(out->failed, REP_OK);
}

void craft_set(struct rep_buf *out, const struct rep_json *skeleton, const char *line)
{
	char *line1 = rep_json_text(skeleton);

	assert_non_null(line1);
	craft_bytes(out, line1, &line, 1);
	free(line1);
}

enum rep_code craft_read(const struct rep_buf *bytes, struct rep_error *err)
{
	struct rep_changeset set;
	size_t used;
	enum rep_code rc =
		rep_changeset_read(&set, &used, bytes->data, bytes->len, craft_key()->public, err);

	if (rc == REP_OK)
		assert_int_equal(used, bytes->len);
	else
		assert_int_equal(used, 0);
	rep_changeset_clear(&set);
	return rc;
}
