/*
 * Change sets, as the hub reads them out of an outbox. The input is one without its signature, which is made anew; so are the digests
 * of the value lines, where the first line has them, because no mutation would meet them.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/model/changeset.h"
#include "fuzz.h"

/* The first line with the digests of the lines that follow; false where it is none that has them. */
static bool mend(struct rep_buf *out, const char *data, size_t size)
{
	const char *at = memchr(data, '\n', size), *end = data + size;
	struct rep_json *line = NULL, *changes;
	struct rep_error err;
	bool done = at && rep_json_parse_canonical(&line, data, (size_t)(at - data),
						   REP_JSON_DEPTH_MAX, &err) == REP_OK;

	changes = done ? rep_json_get(line, "changes") : NULL;
	done = done && changes && rep_json_is(changes, REP_JSON_ARRAY);
	for (size_t i = 0; done && i < rep_json_size(changes); i++) {
		struct rep_json *change = rep_json_at(changes, i);
		const char *next =
			at && at + 1 < end ? memchr(at + 1, '\n', (size_t)(end - at - 1)) : NULL;
		char hash[REP_HASH_HEX + 1];

		if (!next || !rep_json_is(change, REP_JSON_OBJECT))
			break;
		rep_sha256_hex(hash, at + 1, (size_t)(next - at - 1));
		if (next - at - 1 != 4 || memcmp(at + 1, "null", 4) != 0)
			(void)rep_json_set_string(change, "digest", hash);
		at = next;
	}
	if (done)
		rep_json_write(out, line);
	rep_json_free(line);
	return done && !out->failed;
}

static void read_all(const struct rep_buf *bytes)
{
	size_t at = 0;

	while (at < bytes->len) {
		struct rep_changeset set = {0};
		struct rep_error err;
		size_t used = 0;
		enum rep_code rc = rep_changeset_read(&set, &used, bytes->data + at,
						      bytes->len - at, fuzz_key()->public, &err);

		fuzz_expect(rc != REP_OK || (used > 0 && used <= bytes->len - at),
			    "what was read lies in the input");
		rep_changeset_clear(&set);
		if (rc != REP_OK)
			break;
		at += used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rep_buf first = REP_BUF_INIT(4u << 20), bytes = REP_BUF_INIT(4u << 20);
	const char *text = (const char *)data;
	size_t rest, ignored;

	if (size == 0)
		return 0;
	if (mend(&first, text, size)) {
		fuzz_sign(&bytes, first.data, first.len, &ignored);
		rest = (size_t)((const char *)memchr(text, '\n', size) - text) + 1;
	} else {
		fuzz_sign(&bytes, text, size, &rest);
	}
	rep_buf_put(&bytes, text + rest, size - rest);
	read_all(&bytes);
	rep_buf_clear(&bytes);
	rep_buf_clear(&first);
	return 0;
}
